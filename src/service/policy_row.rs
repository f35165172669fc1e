//! Rows of policies on the wire: what they name beside their fields, and the days of their steps.

use crate::{
    auth::{permission, role::Role},
    domain::{
        content::{Content, Fields},
        policy::{OBJECTS_MAX, PolicyContent, Standing},
    },
    kernel::{id::Kind, time::Day, violation::Violations},
    proto::v1::{self, import_object::Object, import_row::Row, reference},
    registry::RowPeriod,
    service::{common, import::Named},
};

/// The call by which a person registers a policy: who may not make it sends no rows of policies.
const CREATE: &str = "anju.v1.PolicyService/CreatePolicy";

/// Refuses a row that a role may not send: only who writes policies sends theirs, and insurers send
/// nothing else. Whether it is so.
pub(crate) fn may_send(violations: &mut Violations, role: Role, row: &Row) -> bool {
    let is_policy = matches!(row, Row::Policy(_));
    let may =
        if is_policy { permission::allowed(CREATE, role).is_some() } else { role != Role::Insurer };
    if !may {
        let message = format!("the role {role} sends no rows of this kind");
        violations.add("row", "ROLE_NOT_PERMITTED", message);
    }
    may
}

/// Whatever else a policy is, it does not end: it is cancelled, lapses or expires.
pub(crate) fn has_no_end(violations: &mut Violations, row: &v1::ImportRow) {
    let is_endless = row.ended_on.is_empty() && row.end_cause == 0 && row.successors.is_empty();
    for (field, is_empty) in [
        ("ended_on", is_endless),
        ("earlier", row.earlier.is_empty()),
        ("later", row.later.is_empty()),
        ("split_off", row.split_off.is_empty()),
    ] {
        if !is_empty {
            let message = format!("{field} is of regions, compounds, buildings and units");
            violations.add(field, "NOT_HERE", message);
        }
    }
}

/// What a policy names: its region, and all that is insured. Ids among the fields are references too.
pub(crate) fn named(
    violations: &mut Violations,
    content: &mut Content,
    region: Option<v1::Reference>,
    objects: Vec<v1::ImportObject>,
) -> Vec<Named> {
    let mut named = vec![("region_id", Kind::Region, region)];
    if let Fields::Policy(policy) = &mut content.fields
        && policy.objects.as_ref().is_some_and(Option::is_some)
    {
        let ids = policy.objects.take().flatten().unwrap_or_default();
        named.extend(ids.into_iter().map(|id| {
            let reference = Some(reference::Reference::Id(id.to_string()));
            ("object_ids", id.kind(), Some(v1::Reference { reference }))
        }));
    }
    for (index, object) in objects.into_iter().enumerate() {
        let (field, kind, reference) = match object.object {
            Some(Object::Building(reference)) => ("objects.building", Kind::Building, reference),
            Some(Object::Compound(reference)) => ("objects.compound", Kind::Compound, reference),
            Some(Object::Unit(reference)) => ("objects.unit", Kind::Unit, reference),
            None => {
                let message = "a building, a compound or a unit is insured";
                violations.add(format!("objects[{index}]"), "ONE_OF", message);
                continue;
            }
        };
        let is_by_id = matches!(reference.reference, Some(reference::Reference::Id(_)));
        named.push((if is_by_id { "object_ids" } else { field }, kind, Some(reference)));
    }
    if named.len() > OBJECTS_MAX + 1 {
        let message = format!("at most {OBJECTS_MAX} objects");
        violations.add("objects", "TOO_MANY", message);
        named.truncate(1);
    }
    named
}

/// Where a policy stood before it came to stand as the row says, each up to its day.
pub(crate) fn steps(
    violations: &mut Violations,
    content: &Content,
    (bound_on, over_on): (&str, &str),
) -> Vec<RowPeriod> {
    let standing = match &content.fields {
        Fields::Policy(policy) => policy.stands(),
        _ => Standing::Quoted,
    };
    let is_over = matches!(standing, Standing::Cancelled | Standing::Lapsed);
    let is_bound = is_over || standing == Standing::Bound;
    let mut day = |field: &str, text: &str, goes: bool| {
        let day = common::optional::<Day>(violations, field, text)?;
        if !goes {
            let message = format!("a policy that is {standing} has no {field}");
            violations.add(field, "CONFLICTING", message);
        }
        goes.then_some(day)
    };
    let bound = day("bound_on", bound_on, is_bound);
    let over = day("over_on", over_on, is_over);
    if is_over && bound.is_some() && over_on.is_empty() {
        let message = format!("since when it is {standing} is said with since when it was bound");
        violations.add("over_on", "REQUIRED", message);
        return Vec::new();
    }
    if let (Some(bound), Some(over)) = (bound, over)
        && over <= bound
    {
        let message = format!("it is over after it was bound on {bound}");
        violations.add("over_on", "OUT_OF_RANGE", message);
        return Vec::new();
    }
    let until = |day: Option<Day>, standing| {
        let fields = PolicyContent { standing: Some(Some(standing)), ..PolicyContent::default() };
        let mut content = Content::empty(Kind::Policy);
        content.fields = Fields::Policy(Box::new(fields));
        day.map(|day| RowPeriod { day, content, references: Vec::new() })
    };
    until(bound, Standing::Quoted).into_iter().chain(until(over, Standing::Bound)).collect()
}
