//! What was found by a set of rules already.
//!
//! Many buildings are known alike and roughly: of the 1980s, a dwelling, its design life not said; or
//! nothing is known of them at all. Each of them is every building that it can be, which is dear to
//! go through, and comes to the same answers. So these are remembered, by all that they follow from,
//! for all days on which the set can be in force, whenever a building began or ended. What is remembered changes no
//! answer; it goes with the set, and what was not asked for lately is forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    domain::{
        cycle::{CycleRuleSet, Outcome},
        due::{Building, DueAnswer, Moment},
    },
    kernel::time::Day,
};

/// Ways of being known that were asked for lately, at most, and as many that were before these.
const ASKED_MAX: usize = 4_096;

/// All that the answers of one set follow from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    building: Building,
    has_open_findings: bool,
    /// Of every rule that asks for check-ups: the last that it counts from.
    counted_from: Vec<Option<Day>>,
    /// The grades that rules ask for.
    grades: BTreeMap<String, String>,
}

impl Asked {
    /// What a moment of a building's life comes to before a set.
    pub(super) fn of(set: &CycleRuleSet, moment: &Moment<'_>) -> Self {
        let whens = || set.rules.iter().map(|rule| &rule.when);
        let mut building = moment.building.clone();
        // What no rule asks for makes no difference.
        if whens().all(|when| when.uses.is_empty()) {
            building.building_use = None;
        }
        if whens().all(|when| when.structures.is_empty()) {
            building.structure = None;
        }
        if whens().all(|when| when.storeys_above.is_none()) {
            building.storeys_above = None;
        }
        if whens().all(|when| when.height_cm.is_none()) {
            building.height_cm = None;
        }
        let asks_findings = whens().any(|when| when.has_open_findings.is_some());
        let has_open_findings = asks_findings && moment.open_finding_count > 0;
        let asks_grade = |ladder: &str| {
            whens().any(|when| when.last_grade.as_ref().is_some_and(|asked| asked.ladder == ladder))
        };
        let grades = moment.grades.iter().filter(|(ladder, _)| asks_grade(ladder));
        let counted_from = set.rules.iter().filter_map(|rule| match &rule.outcome {
            Outcome::Every(cycle) => Some(&cycle.reset_by),
            Outcome::Exempt => None,
        });
        Self {
            building,
            has_open_findings,
            counted_from: counted_from
                .map(|kinds| moment.last(kinds).map(|report| report.inspected))
                .collect(),
            grades: grades.map(|(ladder, value)| (ladder.clone(), value.clone())).collect(),
        }
    }
}

/// From a day on, until the next: the answer, and the codes of the rules that it comes from.
pub(super) type Stretches = Arc<[(Day, DueAnswer, BTreeSet<String>)]>;

/// What was asked for lately, and before.
#[derive(Default)]
struct Generations {
    young: BTreeMap<Asked, Stretches>,
    old: BTreeMap<Asked, Stretches>,
}

impl Generations {
    fn note(&mut self, asked: Asked, found: Stretches) {
        if self.young.len() >= ASKED_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(asked, found);
    }
}

/// What was found by a set of rules. It is no part of what the set says.
#[derive(Default)]
pub struct Found(Mutex<Generations>);

impl Found {
    /// The answers of all days of the set, rising: as they were found before, or as `find` finds them.
    pub(super) fn answers(&self, asked: Asked, find: impl FnOnce() -> Stretches) -> Stretches {
        let known = {
            let generations = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match generations.young.get(&asked) {
                Some(found) => return Arc::clone(found),
                None => generations.old.remove(&asked),
            }
        };
        // Whoever asks for something else does not wait for what is dear to find.
        let found = known.unwrap_or_else(find);
        let generations = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.note(asked, Arc::clone(&found));
        found
    }
}

impl Clone for Found {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Found {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Found {}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Found")
    }
}
