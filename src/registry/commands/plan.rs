//! A region has one plan for a year: of a second one nobody could say which of the two is to be done.

use crate::{
    domain::{
        content::Fields,
        order::OrderContent,
        plan::{PlanContent, Scope},
        timeline::Timeline,
    },
    kernel::{
        id::{Kind, PlanId, SubjectId},
        time::Day,
    },
    registry::{
        error::{Class, Error, Refusal},
        orders::naming,
        tx::Tx,
    },
};

/// What stands against a plan with this life, where it comes to plan another year or region than before,
/// or plans again.
pub(crate) fn beside(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    before: &Timeline,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    if id.kind() != Kind::Plan {
        return Ok(());
    }
    let Some(scope) = scope_of(after).filter(|scope| scope_of(before) != Some(*scope)) else {
        return Ok(());
    };
    // A region of another partition was told of as a reference.
    if scope.region.partition() != id.partition() {
        return Ok(());
    }
    for other in naming(tx.work, id.partition(), Kind::Plan, scope.region.into())? {
        if other == id {
            continue;
        }
        let Some(record) = tx.work.known(other.partition(), other)? else { continue };
        if scope_of(&record.timeline) != Some(scope) {
            continue;
        }
        let message = format!(
            "{other} is the plan of {} for {}: orders name that one, or it is given up or taken back \
             first",
            scope.region, scope.year
        );
        refusals.push(Refusal::of(Class::AlreadyExists, "PLAN_EXISTS", "fields.year", message));
        return Ok(());
    }
    Ok(())
}

/// The same of a plan that a retraction, or the undoing of one, has just made what it is.
pub(crate) fn came_back(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    before: &Timeline,
) -> Result<(), Error> {
    let Ok(plan) = PlanId::try_from(id) else { return Ok(()) };
    let Some(record) = tx.work.known(plan.partition(), id)? else { return Ok(()) };
    let mut refusals = Vec::new();
    beside(tx, id, before, &record.timeline, &mut refusals)?;
    for refusal in &mut refusals {
        "entry".clone_into(&mut refusal.field);
    }
    if refusals.is_empty() { Ok(()) } else { Err(Error::Refused(refusals)) }
}

/// An order is set by no plan that was given up by its day. What is not there is told as a reference.
pub(crate) fn still_stands(
    tx: &mut Tx<'_, '_>,
    order: &OrderContent,
    day: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Some(plan) = order.plan.flatten() else { return Ok(()) };
    let Some(record) = tx.work.known(plan.partition(), plan.into())? else { return Ok(()) };
    let is_given_up = match record.timeline.content_at(day).map(|content| content.fields) {
        Some(Fields::Plan(said)) => said.cancelled.flatten() == Some(true),
        _ => false,
    };
    if is_given_up {
        let message = format!("{plan} was given up by {day}: name another plan, or none");
        refusals.push(Refusal::rule("PLAN_GIVEN_UP", "fields.plan_id", message));
    }
    Ok(())
}

/// What a plan plans, by all that is said of it; `None` of one that was given up or taken back.
fn scope_of(life: &Timeline) -> Option<Scope> {
    life.registration()?;
    match life.content_at(Day::MAX)?.fields {
        Fields::Plan(plan) => PlanContent::scope(&plan),
        _ => None,
    }
}
