-- The registry's work as one would do it in PostgreSQL: current records, a history, a request id a
-- command, and totals of every node above a building that are kept with each command.
--
-- Left out, and so in PostgreSQL's favour: rules, two-dimensional time in the totals (only now is
-- kept), severities that rise with the days, hashes and proofs, search by parts of texts, cases.
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

-- Inspections. A report is drafted, signed and submitted in one transaction with the findings that
-- it observes; the history has a row for the report and one for each finding, where Anju has an
-- entry for each of the six things that are said.
create table report (
    id uuid primary key default gen_random_uuid(),
    building uuid not null,
    kind text not null,
    body text not null,
    inspected_on date not null,
    grades jsonb not null,
    dimensions text[] not null,
    signer text not null,
    signature_scope text not null,
    signed_on date not null,
    submitted_on date not null,
    state text not null
);
create index report_building on report (building, inspected_on);
create index report_body on report (body);
create index report_signer on report (signer);

create table finding (
    id uuid primary key default gen_random_uuid(),
    building uuid not null,
    class text not null,
    severity text not null,
    stage text not null,
    first_observed date not null
);
create index finding_building on finding (building);

create table observation (
    finding uuid not null,
    report uuid not null,
    source text not null,
    observer text not null,
    class text not null,
    severity text not null,
    entrance text,
    observed_on date not null,
    primary key (finding, report)
);

create table history (
    seq bigint generated always as identity,
    subject uuid not null,
    building uuid not null,
    recorded_at timestamptz not null default clock_timestamp(),
    valid_from date not null,
    actor text not null,
    reason text,
    request uuid,
    said jsonb not null,
    primary key (subject, seq)
);
create index history_building on history (building, seq);

-- The due list of now: of each building the answer, and the day by which it is listed.
create table due (
    building uuid primary key,
    compound text not null,
    community text not null,
    answer text not null,
    due_on date,
    rule text
);
create index due_compound on due (compound, due_on);
create index due_community on due (community text_pattern_ops, due_on);

-- What a class counts for among the indicators of the city check-up.
create table class_indicator (
    class text not null,
    indicator text not null,
    primary key (class, indicator)
);
insert into class_indicator values ('STR.CRACK', '01'), ('GAS.RISER', '02'), ('STA.CLUTTER', '03');

-- Findings and buildings with findings, of every node, by class, severity, stage and indicator.
create table counted (
    node text not null,
    measure text not null,
    term text not null,
    amount bigint not null,
    primary key (node, measure, term)
) with (fillfactor = 50);

-- The rules of the draft that Anju is measured with, for the day of now and a completion in full.
create function due_answer(use smallint, completed text, last_check_up date,
    out answer text, out due_on date, out rule text)
language plpgsql immutable as $$
declare
    built date;
    from_day date;
    first_due date;
begin
    if completed is null or completed !~ '^\d{4}-\d{2}-\d{2}$' or use is distinct from 1 then
        answer := 'unknown';
        return;
    end if;
    built := completed::date;
    if current_date < built + interval '30 years' then
        answer := 'exempt';
        due_on := built + interval '30 years';
        rule := 'dwelling-under-30-years';
        return;
    end if;
    answer := 'due';
    rule := 'dwelling-within-design-life';
    from_day := greatest(date '2026-01-01', (built + interval '30 years')::date);
    first_due := case when built <= date '1985-12-31' then date '2026-12-31'
        when built <= date '1990-12-31' then date '2027-12-31'
        when built <= date '1995-12-31' then date '2028-12-31' end;
    due_on := case when last_check_up is not null
        then greatest(from_day, (last_check_up + interval '10 years')::date)
        else greatest(from_day, first_due) end;
end $$;

-- Every building is in the due list before the first inspection.
create function fill_due_list() returns void language sql as $$
    insert into due
    select id, compound, community, found.answer, found.due_on, found.rule
    from building, lateral due_answer(use, completed, null) as found
$$;

-- One inspection with three findings. What all transactions meet at, the rows of the higher nodes,
-- is written last, in one order.
create function record_inspection(number bigint, of_key text, keep_totals boolean)
returns uuid language plpgsql as $$
declare
    request_id uuid := gen_random_uuid();
    of_building building;
    day date := make_date(2026, (1 + number % 9)::integer, (1 + number / 9 % 28)::integer);
    made report;
    had_findings text[];
    new_findings uuid[];
    listed due;
begin
    select * into strict of_building from building where key = of_key for update;
    select coalesce(array_agg(distinct indicator), '{}') into had_findings
    from finding join class_indicator using (class)
    where finding.building = of_building.id and stage not in ('closed', 'object_gone', 'waived');
    insert into report (building, kind, body, inspected_on, grades, dimensions, signer,
        signature_scope, signed_on, submitted_on, state)
    values (of_building.id, 'check_up', 'bod_example', day,
        jsonb_build_array(jsonb_build_object('scale', 'survey', 'edition', '2020', 'scope',
            'building', 'value', substr('ABC', (number % 3)::integer + 1, 1))),
        array['STR', 'GAS'], 'sgn_example', 'structure', day, day, 'submitted')
    returning * into made;
    with begun as (
        insert into finding (building, class, severity, stage, first_observed)
        select of_building.id, class, 'repair_by', 'open', day
        from unnest(array['STR.CRACK', 'GAS.RISER', 'STA.CLUTTER']) as class
        returning id, class, severity
    ), seen as (
        insert into observation (finding, report, source, observer, class, severity, entrance,
            observed_on)
        select id, made.id, 'inspector', 'EXAMPLE-P1', class, severity, (1 + number % 6)::text, day
        from begun
        returning *
    ), told as (
        insert into history (subject, building, valid_from, actor, reason, request, said)
        select finding, of_building.id, day, 'bench', 'a benchmark', request_id, to_jsonb(seen)
        from seen
    )
    select array_agg(id) into new_findings from begun;
    insert into history (subject, building, valid_from, actor, reason, request, said)
    values (made.id, of_building.id, day, 'bench', 'a benchmark', request_id, to_jsonb(made));
    insert into request (id, hash, building)
    values (request_id, sha256(convert_to(to_jsonb(made)::text, 'UTF8')), of_building.id);
    -- A report that nobody has accepted yet begins no cycle: the list is compared, as Anju does,
    -- and written where it differs.
    select of_building.id, of_building.compound, of_building.community, found.* into listed
    from due_answer(of_building.use, of_building.completed, (
        select max(inspected_on) from report
        where building = of_building.id and state = 'accepted')) as found;
    update due set answer = listed.answer, due_on = listed.due_on, rule = listed.rule
    where building = of_building.id
        and (answer, due_on, rule) is distinct from (listed.answer, listed.due_on, listed.rule);
    if keep_totals then
        insert into counted
        select node, measure, term, amount
        from (
            select * from (values (1, of_building.compound), (2, of_building.community),
                (3, left(of_building.community, 9)), (4, left(of_building.community, 6)),
                (5, left(of_building.community, 4))) as above (height, node)
        ) as above, lateral (
            select 'open_findings_by_class' as measure, class as term, count(*) as amount
            from finding where id = any (new_findings) group by class
            union all
            select 'open_findings_by_severity', severity, count(*)
            from finding where id = any (new_findings) group by severity
            union all
            select 'findings_by_stage', stage, count(*)
            from finding where id = any (new_findings) group by stage
            union all
            select distinct 'buildings_by_indicator', indicator, 1
            from finding join class_indicator using (class)
            where id = any (new_findings) and not indicator = any (had_findings)
            union all
            select 'buildings_by_indicator', 'any', 1 where had_findings = '{}'
        ) as more
        order by height, node, measure, term
        on conflict (node, measure, term) do update
        set amount = counted.amount + excluded.amount;
    end if;
    return made.id;
end $$;
