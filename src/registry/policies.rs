//! Policies as they stand: bound, in force, over, by the days of their covers and, where these
//! follow from it, by the completion of what they insure.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::{Content, Fields},
        coverage::{days_of, state},
        insured,
        policy::{PolicyContent, PolicyState, Standing},
        product::{Days, Product, Term},
        timeline::{Presence, Timeline},
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::Partition,
        time::{Day, ImpreciseDay},
    },
    registry::{
        case::{Contradiction, Days as DaysOf, Found, Span},
        engine::Registry,
        error::{Class, Error, Refusal},
        history::timeline_at,
        read::At,
        reference,
        space::child_prefix,
        state::{Live, State},
        subjects::Subjects,
    },
};

impl Registry {
    /// Whether one of some companies is, or ever was, an insurer of a policy: by what is said of it
    /// now.
    pub fn is_insured_by(
        &self,
        policy: SubjectId,
        companies: &BTreeSet<String>,
    ) -> Result<bool, Error> {
        let record = Live(self.store()).record(policy.partition(), policy)?;
        let Some(record) = record else { return Ok(false) };
        let named = record.timeline.contents().any(|(_, content)| match &content.fields {
            Fields::Policy(policy) => {
                policy.insurers().iter().any(|insurer| companies.contains(&insurer.company.0))
            }
            _ => false,
        });
        Ok(named)
    }

    /// Whether one of some companies leads a policy today, by what is said of it now.
    pub fn is_led_by(
        &self,
        policy: SubjectId,
        companies: &BTreeSet<String>,
    ) -> Result<bool, Error> {
        let record = Live(self.store()).record(policy.partition(), policy)?;
        let content = record.and_then(|record| record.timeline.content_at(self.now().day()));
        Ok(match content.map(|content| content.fields) {
            Some(Fields::Policy(policy)) => policy.is_led_by(companies),
            _ => false,
        })
    }
}

/// What an insurer is told of a policy that another one leads.
pub fn led_by_another(field: &str) -> Refusal {
    let message = "an insurer writes policies that it leads: the first of the insurers leads";
    Refusal::of(Class::OutOfReach, "OUT_OF_REACH", field, message)
}

/// Where a subject that is a policy stands; `None` for any other.
pub(crate) fn state_of(
    reading: &dyn State,
    partition: Partition,
    content: &Content,
    at: At,
) -> Result<Option<PolicyState>, Error> {
    let Fields::Policy(policy) = &content.fields else { return Ok(None) };
    let stands = policy.stands();
    if stands != Standing::Bound {
        return Ok(Some(state(stands, &[], at.day)));
    }
    let tables = reference::known(reading, partition, at.known)?;
    let product = policy.clause().and_then(|(code, clause)| tables.product(code, clause));
    let days = days_of_all(reading, policy, product.map(|(_, product)| product), at)?;
    Ok(Some(state(stands, &days, at.day)))
}

/// The days of every cover; of those that follow from a completion, of every building insured.
fn days_of_all(
    state: &dyn State,
    policy: &PolicyContent,
    product: Option<&Product>,
    at: At,
) -> Result<Vec<Option<Days>>, Error> {
    let mut days = Vec::new();
    let mut completions: Option<Vec<ImpreciseDay>> = None;
    for item in policy.covers() {
        let cover = product.and_then(|product| product.covers.get(&item.cover));
        let is_counted = item.from.is_none()
            && cover.is_some_and(|cover| matches!(cover.term, Term::FromCompletion { .. }));
        if !is_counted {
            days.push(days_of(item, cover, ImpreciseDay::UNKNOWN));
            continue;
        }
        let completions = match &mut completions {
            Some(known) => known,
            None => completions.insert(completions_of(state, policy, at)?),
        };
        days.extend(completions.iter().map(|completed| days_of(item, cover, *completed)));
    }
    Ok(days)
}

/// The completions of all buildings that a policy insures, each once.
fn completions_of(
    state: &dyn State,
    policy: &PolicyContent,
    at: At,
) -> Result<Vec<ImpreciseDay>, Error> {
    let mut completions = Vec::new();
    for object in policy.objects() {
        for building in buildings_of(state, *object, at)? {
            completions.push(completed(state, building, at)?);
        }
    }
    completions.sort_unstable();
    completions.dedup();
    Ok(completions)
}

/// The buildings that an object is, is in, or holds on the day.
fn buildings_of(state: &dyn State, object: SubjectId, at: At) -> Result<Vec<BuildingId>, Error> {
    match object.kind() {
        Kind::Building => Ok(BuildingId::try_from(object).into_iter().collect()),
        Kind::Unit => Ok(building_of_unit(state, object, at)?.into_iter().collect()),
        Kind::Compound => {
            let partition = object.partition();
            let mut found = Vec::new();
            let mut held = Subjects::below(child_prefix(partition, object, Kind::Building));
            while let Some(id) = held.next(state)? {
                let Some(life) = timeline_at(state, partition, id, at.known)? else { continue };
                let is_there =
                    matches!(life.presence(at.day), Presence::Exists | Presence::Unknown);
                let is_in = life
                    .content_at(at.day)
                    .is_some_and(|content| content.holders().contains(&object));
                if is_there && is_in {
                    found.extend(BuildingId::try_from(id));
                }
            }
            Ok(found)
        }
        _ => Ok(Vec::new()),
    }
}

/// The building of a unit on the day.
pub(crate) fn building_of_unit(
    state: &dyn State,
    unit: SubjectId,
    at: At,
) -> Result<Option<BuildingId>, Error> {
    let life = timeline_at(state, unit.partition(), unit, at.known)?;
    let content = life.and_then(|life| life.content_at(at.day));
    Ok(match content.map(|content| content.fields) {
        Some(Fields::Unit(unit)) => unit.building.flatten(),
        _ => None,
    })
}

/// When a building was completed, by all that is known of it on any day: a completion is of no day
/// from which it holds.
pub(crate) fn completed(
    state: &dyn State,
    building: BuildingId,
    at: At,
) -> Result<ImpreciseDay, Error> {
    let life = timeline_at(state, building.partition(), building.into(), at.known)?;
    Ok(life.map_or(ImpreciseDay::UNKNOWN, |life| insured::completed(&life)))
}

/// What a policy goes on insuring, by the last word on it, on days when that certainly is no more. No
/// command is refused for it: what ended has ended, and the policy is to be endorsed or cancelled.
pub(crate) fn outlived(
    state: &dyn State,
    partition: Partition,
    policy: &Timeline,
) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    if policy.registration().is_none() {
        return Ok(found);
    }
    let last = policy.content_at(Day::MAX).map(|content| content.fields);
    let Some(Fields::Policy(said)) = last else { return Ok(found) };
    if said.stands() != Standing::Bound {
        return Ok(found);
    }
    let tables = reference::known(state, partition, None)?;
    let product = said.clause().and_then(|(code, clause)| tables.product(code, clause));
    for object in said.objects() {
        let Some(record) = state.record(partition, *object)? else { continue };
        let life = record.timeline.possible_span();
        let gone = life.map_or(Day::MIN, |(_, gone)| gone);
        let completed = insured::completed(&record.timeline);
        let runs_on = said.covers().iter().any(|item| {
            let cover = product.and_then(|(_, product)| product.covers.get(&item.cover));
            let days = days_of(item, cover, completed);
            days.is_none_or(|days| gone <= days.last.latest())
        });
        if gone == Day::MAX || !runs_on {
            continue;
        }
        let named = policy.contents().filter(|(_, said)| said.references().contains(object));
        let begins = policy.possible_span().map_or(gone, |(from, _)| from.max(gone));
        found.push(Found {
            what: Contradiction::InsuredIsNoMore,
            other: Some(*object),
            doubts: named.map(|(statement, _)| statement.seq).collect(),
            detail: String::new(),
            days: Some(DaysOf {
                accepted: Span { from: begins, until: None },
                against: life.map(|(from, to)| Span::new(from, to)),
            }),
        });
    }
    Ok(found)
}
