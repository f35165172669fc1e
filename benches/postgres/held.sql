-- What is held after the work, as `anju bench --write-held` tells it: every total that is not none,
-- and what is known of each imported building.
\pset fieldsep '\t'
select 'total', node, 'buildings', '', buildings from total where buildings <> 0
union all
select 'total', node, 'floor_area_cm2', '', floor_area_cm2 from total where floor_area_cm2 <> 0
union all
select 'total', node, measure, term, amount from counted where amount <> 0;
select 'building', key, name, floor_area_cm2,
    (select count(*) from report where report.building = building.id),
    (select count(*) from finding where finding.building = building.id
        and stage not in ('closed', 'object_gone', 'waived')),
    due.answer, coalesce(due.due_on::text, '')
from building left join due on due.building = building.id
where key not like 'BENCH%';
