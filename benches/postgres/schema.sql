-- The registry's work as one would do it in PostgreSQL: current records, a history, a request id a
-- command, and totals of every node above a building that are kept with each command.
--
-- Left out, and so in PostgreSQL's favour: rules, two-dimensional time in the totals (only now is
-- kept), hashes and proofs, search by parts of texts, cases.
create table compound (
    key text primary key,
    community text not null
);

create table building (
    id uuid primary key default gen_random_uuid(),
    key text not null unique,
    compound text not null,
    community text not null,
    name text,
    address text,
    exists_from text not null,
    completed text,
    structure smallint,
    storeys_above integer,
    storeys_below integer,
    height_cm integer,
    floor_area_cm2 bigint,
    use smallint,
    lift_count integer,
    longitude numeric(9, 6),
    latitude numeric(8, 6),
    census text,
    version integer not null default 1
);
create index building_compound on building (compound);
create index building_community on building (community text_pattern_ops);
create index building_census on building (census);

create table building_history (
    seq bigint generated always as identity,
    building uuid not null,
    recorded_at timestamptz not null default clock_timestamp(),
    valid_from date not null,
    actor text not null,
    reason text,
    request uuid,
    said jsonb not null,
    primary key (building, seq)
);

-- By the statistical code's first 12, 9, 6 and 4 digits: community, street, district, city.
create table total (
    node text primary key,
    buildings bigint not null,
    floor_area_cm2 bigint not null
) with (fillfactor = 50);

create table request (
    id uuid primary key,
    hash bytea not null,
    building uuid not null,
    recorded_at timestamptz not null default clock_timestamp()
);

-- Adds to every node above a building. The city, which all commands meet at, comes last, so that
-- its row is held for as short a time as can be.
create function add_to_totals(of_community text, of_compound text, more bigint, area bigint)
returns void language plpgsql as $$
declare
    node_key text;
begin
    foreach node_key in array array[
        of_compound, of_community, left(of_community, 9), left(of_community, 6),
        left(of_community, 4)
    ] loop
        insert into total values (node_key, more, area)
        on conflict (node) do update
        set buildings = total.buildings + excluded.buildings,
            floor_area_cm2 = total.floor_area_cm2 + excluded.floor_area_cm2;
    end loop;
end $$;

create function create_building(number bigint, of_compound text, keep_totals boolean)
returns uuid language plpgsql as $$
declare
    request_id uuid := gen_random_uuid();
    of_community text;
    made building;
begin
    select community into strict of_community from compound where key = of_compound;
    insert into building (key, compound, community, name, address, exists_from, completed,
        structure, storeys_above, storeys_below, height_cm, floor_area_cm2, use, lift_count, census)
    values ('BENCH' || number, of_compound, of_community, '示例' || number || '号楼',
        '示例区人民路' || number % 180 || '号院' || number || '号楼', '2024-03-01', '2024-03-01', 1, 6,
        0, 1800, 30000000 + number % 10000000, 1, 0, 'BENCH' || number)
    returning * into made;
    insert into building_history (building, valid_from, actor, reason, request, said)
    values (made.id, '2024-03-01', 'bench', 'a benchmark', request_id, to_jsonb(made));
    insert into request (id, hash, building)
    values (request_id, sha256(convert_to(to_jsonb(made)::text, 'UTF8')), made.id);
    if keep_totals then
        perform add_to_totals(of_community, of_compound, 1, made.floor_area_cm2);
    end if;
    return made.id;
end $$;

create function change_building(number bigint, of_key text, keep_totals boolean)
returns void language plpgsql as $$
declare
    request_id uuid := gen_random_uuid();
    before building;
    made building;
begin
    select * into strict before from building where key = of_key for update;
    update building
    set name = '示例' || number || '号楼', structure = 1, storeys_above = 6, storeys_below = 0,
        height_cm = 1800, lift_count = 0, floor_area_cm2 = 30000000 + number % 10000000,
        version = version + 1
    where id = before.id
    returning * into made;
    insert into building_history (building, valid_from, actor, reason, request, said)
    values (made.id, current_date, 'bench', 'a benchmark', request_id, to_jsonb(made));
    insert into request (id, hash, building)
    values (request_id, sha256(convert_to(to_jsonb(made)::text, 'UTF8')), made.id);
    if keep_totals then
        perform add_to_totals(made.community, made.compound, 0,
            made.floor_area_cm2 - coalesce(before.floor_area_cm2, 0));
    end if;
end $$;
