-- A bulk load of the same rows, in one transaction: current records, history, totals. No rules.
\set ON_ERROR_STOP on
begin;
create temporary table incoming (
    key text, compound text, community text, name text, address text, exists_from text,
    completed text, structure smallint, storeys_above integer, storeys_below integer,
    height_cm integer, floor_area_cm2 bigint, use smallint, lift_count integer,
    longitude numeric(9, 6), latitude numeric(8, 6), census text
) on commit drop;
\copy incoming from pstdin
insert into compound select distinct compound, community from incoming;
insert into building (key, compound, community, name, address, exists_from, completed, structure,
    storeys_above, storeys_below, height_cm, floor_area_cm2, use, lift_count, longitude, latitude,
    census)
select key, compound, community, name, address, exists_from, completed, structure, storeys_above,
    storeys_below, height_cm, floor_area_cm2, use, lift_count, longitude, latitude, census
from incoming;
insert into building_history (building, valid_from, actor, reason, said)
select id, current_date, 'bench', 'a benchmark', to_jsonb(building) from building;
insert into total
select node, count(*), sum(floor_area_cm2)
from building, lateral unnest(array[
    compound, community, left(community, 9), left(community, 6), left(community, 4)
]) as node
group by node;
commit;
