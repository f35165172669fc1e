//! Rows of policies: the steps that they have taken, and whose they are.
//!
//! A row says where a policy stands and since when. Of one that is new these steps are its life. Of
//! one that is known a step that nobody has said yet is a change from its day on; one that the
//! registry has on another day is a conflict.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::{Content, Fields},
        policy::{PolicyContent, Standing},
    },
    kernel::{
        id::SubjectId,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{ImportRow, RowMode},
        commands::{said::Fresh, within::out_of_reach},
        error::{Class, Error, Refusal},
        fact::Conflict,
        policies::led_by_another,
        record::Record,
        tx::Tx,
    },
};

fn policy_of(content: &Content) -> Option<&PolicyContent> {
    match &content.fields {
        Fields::Policy(policy) => Some(policy),
        _ => None,
    }
}

fn names_one(policy: &PolicyContent, companies: &BTreeSet<String>) -> bool {
    policy.insurers().iter().any(|insurer| companies.contains(&insurer.company.0))
}

/// Refuses a row of an insurer about a policy that another one leads, by what the row says and by what
/// the registry has. Who never was an insurer of it is not told that it is there.
pub(super) fn check_own(
    tx: &mut Tx<'_, '_>,
    companies: Option<&BTreeSet<String>>,
    content: &Content,
    known: Option<SubjectId>,
) -> Result<(), Error> {
    let Some(companies) = companies else { return Ok(()) };
    if let Some(id) = known {
        let record = tx.must("key", id)?;
        let mut said = record.timeline.contents();
        if !said.any(|(_, said)| policy_of(said).is_some_and(|said| names_one(said, companies))) {
            return Err(Error::refused(out_of_reach("", "what this row is about")));
        }
        let now = record.timeline.content_at(tx.today());
        if !now.as_ref().and_then(policy_of).is_some_and(|now| now.is_led_by(companies)) {
            return Err(Error::refused(led_by_another("")));
        }
    }
    let Some(policy) = policy_of(content) else {
        return Err(Error::refused(out_of_reach("", "what this row is about")));
    };
    if policy.insurers().is_empty() || policy.is_led_by(companies) {
        return Ok(());
    }
    Err(Error::refused(led_by_another("fields.insurers")))
}

/// Leaves out what a new policy was up to the very day on which it begins: it was nothing before.
pub(super) fn begun(row: &mut ImportRow) {
    let from = row.beginning().map(ImpreciseDay::earliest);
    row.life.earlier.retain(|period| from != Some(period.day));
}

/// The steps that a row says, each with its day and the column that says it.
fn steps(row: &ImportRow) -> Vec<(&'static str, Day, Standing)> {
    let standing = |content: &Content| policy_of(content).map(PolicyContent::stands);
    let periods = &row.life.earlier;
    let after = periods.iter().skip(1).map(|period| &period.content).chain([&row.content]);
    let steps = periods.iter().zip(after).filter_map(|(period, after)| {
        let standing = standing(after)?;
        let field = if standing == Standing::Bound { "bound_on" } else { "over_on" };
        Some((field, period.day, standing))
    });
    steps.collect()
}

/// The day of the step that a row says anew of a policy that is known; `None` when it says none, or
/// no day of it. What else it says anew holds from then too.
pub(super) fn step_anew(
    row: &ImportRow,
    mode: RowMode,
    fresh: &[Fresh],
    refusals: &mut Vec<Refusal>,
) -> Option<Day> {
    let says = |one: &Fresh| policy_of(&one.content).is_some_and(|said| said.standing.is_some());
    let (field, day, standing) = steps(row).pop()?;
    if !fresh.iter().any(says) {
        return None;
    }
    if mode == RowMode::Correction {
        let message = format!("that it is {standing} since {day} is imported as a change");
        refusals.push(Refusal::rule("POLICY_STATE", "fields.policy_standing", message));
        return None;
    }
    if row.from.is_some_and(|from| from != day) {
        let message = format!("by {field} it is {standing} since {day}: give no other day");
        refusals.push(Refusal::of(Class::Invalid, "CONFLICTING", "from", message));
        return None;
    }
    Some(day)
}

/// The steps of a row that the registry has on another day.
pub(super) fn conflicts(row: &ImportRow, record: &Record) -> Vec<Conflict> {
    let Some((first, _)) = record.timeline.possible_span() else { return Vec::new() };
    let mut begun: Vec<(Day, Standing)> = Vec::new();
    for segment in record.timeline.segments() {
        let Some(policy) = policy_of(&segment.content) else { continue };
        let stands = policy.stands();
        if begun.last().is_none_or(|(_, last)| *last != stands) {
            begun.push((segment.from.max(first), stands));
        }
    }
    let has = |standing| begun.iter().filter(move |(_, stands)| *stands == standing);
    let conflicts = steps(row).into_iter().filter_map(|(field, day, standing)| {
        let first = has(standing).next()?;
        let is_same = has(standing).any(|(from, _)| *from == day);
        (!is_same).then(|| Conflict {
            field: field.to_owned(),
            row: Some(day.to_string()),
            registry: Some(first.0.to_string()),
        })
    });
    conflicts.collect()
}

/// What stands against the days of steps, by the columns that say them.
pub(super) fn by_column(row: &ImportRow, error: Error) -> Error {
    let Error::Refused(mut refusals) = error else { return error };
    let steps = steps(row);
    for refusal in &mut refusals {
        let index = refusal.field.strip_prefix("earlier[").and_then(|rest| rest.split_once(']'));
        let index = index.and_then(|(index, _)| index.parse::<usize>().ok());
        if let Some((field, ..)) = index.and_then(|index| steps.get(index)) {
            (*field).clone_into(&mut refusal.field);
        }
    }
    Error::Refused(refusals)
}
