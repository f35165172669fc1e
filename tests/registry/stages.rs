//! Findings by where they stand, counted again by asking for every one of them: open ones where their
//! building is there, and those that ended for ever, where their building was last.

use std::collections::BTreeMap;

use anju::{
    domain::{finding::View, totals::Measure},
    kernel::{
        id::{BuildingId, FindingId, SubjectId},
        time::{Day, KnownAt, ReadTime},
    },
};

use crate::{
    checkups::{Town, explained, told},
    oracle::Oracle,
};

fn on(day: Day) -> ReadTime {
    ReadTime { valid_at: Some(day), known_at: KnownAt::Now }
}

/// How a finding stands on a day, and in which building it counts then, as is answered of it.
fn answered(town: &Town, id: FindingId, day: Day) -> Option<(View, Option<BuildingId>)> {
    let found = town.registry().finding(id, on(day)).unwrap();
    // One that nobody says how to age is not counted.
    found.aged.filter(|_| found.leads_to == id)?;
    Some((found.view?, found.stands_in.first().copied().or(found.building)))
}

/// The building that a finding counts in on a day: one that may be there; of what ended the one in
/// which it counted on the day on which it ended, or on the day before.
fn counts_in(
    town: &Town,
    oracle: &Oracle,
    id: FindingId,
    day: Day,
) -> Option<(&'static str, SubjectId)> {
    let (view, place) = answered(town, id, day)?;
    let is_there = |place: &Option<BuildingId>, day: Day| {
        place.is_some_and(|place| oracle.may_be_there(place.into(), day))
    };
    let word = view.stage.word();
    if view.stage.is_open() {
        return is_there(&place, day).then_some(place).flatten().map(|place| (word, place.into()));
    }
    let mut last = place;
    for day in [view.since, view.since.previous()] {
        let then = answered(town, id, day).and_then(|(_, place)| place);
        if is_there(&then, day) {
            last = then;
            break;
        }
    }
    let last = SubjectId::from(last?);
    oracle.lives.get(&last)?.begins()?;
    Some((word, last))
}

/// Compares every node's findings by stage with the answers about each finding, and with the rows.
pub(crate) fn check_stages(town: &Town, oracle: &Oracle, day: Day) {
    let mut expected: BTreeMap<SubjectId, BTreeMap<&'static str, i64>> = BTreeMap::new();
    for id in &town.findings {
        let id = FindingId::try_from(*id).unwrap();
        let Some((word, place)) = counts_in(town, oracle, id, day) else { continue };
        for node in oracle.holders(place, day) {
            *expected.entry(node).or_default().entry(word).or_default() += 1;
        }
    }
    let name = Measure::FindingsByStage.name();
    for node in town.nodes() {
        for counted in
            [told(town.registry(), node, on(day)), explained(town.registry(), node, on(day))]
        {
            let counted = counted.iter().filter(|((measure, _), _)| *measure == name);
            let counted: BTreeMap<_, _> =
                counted.map(|((_, term), (_, possible))| (term.as_str(), *possible)).collect();
            let expected = expected.get(&node).cloned().unwrap_or_default();
            assert_eq!(counted, expected, "findings by stage in {node} on {day}");
        }
    }
}
