//! What was found by a set of rules already.
//!
//! Many buildings are known alike and roughly: of the 1980s, a dwelling, its design life not said.
//! Each of them is every building that it can be, which is dear to go through, and comes to the
//! same answers. So these are remembered, by all that they follow from. What is remembered changes
//! no answer; it goes with the set, and is forgotten when it grows too large.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    domain::{
        cycle::CycleRuleSet,
        due::{Building, DueAnswer, Moment},
    },
    kernel::time::Day,
};

/// Ways of being known that are remembered at most.
const ASKED_MAX: usize = 512;
/// Stretches of days remembered of each at most.
const STRETCHES_MAX: usize = 512;

/// All that the answers of one set follow from, for a building that was never checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    building: Building,
    has_open_findings: bool,
}

impl Asked {
    /// `None` for what few others will be alike to.
    pub(super) fn of(set: &CycleRuleSet, moment: &Moment<'_>) -> Option<Self> {
        // Reports are of their own days, and grades come with reports.
        if !moment.reports.is_empty() || !moment.grades.is_empty() {
            return None;
        }
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
        Some(Self { building, has_open_findings })
    }
}

/// An answer and the codes of the rules that it comes from.
pub(super) type Answered = (DueAnswer, BTreeSet<String>);

#[derive(Default)]
struct Known {
    turns: Option<Arc<BTreeSet<Day>>>,
    answers: BTreeMap<(Day, Day), Answered>,
}

/// What was found by a set of rules. It is no part of what the set says.
#[derive(Default)]
pub struct Found(Mutex<BTreeMap<Asked, Known>>);

impl Found {
    /// The days on which answers can turn, if they were found before.
    pub(super) fn turns(&self, asked: &Asked) -> Option<Arc<BTreeSet<Day>>> {
        self.with(|found| found.get(asked)?.turns.clone())
    }

    /// The answer of a stretch of days, if it was found before.
    pub(super) fn answer(&self, asked: &Asked, stretch: (Day, Day)) -> Option<Answered> {
        self.with(|found| found.get(asked)?.answers.get(&stretch).cloned())
    }

    pub(super) fn note_turns(&self, asked: &Asked, turns: &Arc<BTreeSet<Day>>) {
        self.note(asked, |known| known.turns = Some(Arc::clone(turns)));
    }

    pub(super) fn note_answer(&self, asked: &Asked, stretch: (Day, Day), answer: &Answered) {
        self.note(asked, |known| {
            if known.answers.len() < STRETCHES_MAX {
                known.answers.insert(stretch, answer.clone());
            }
        });
    }

    fn note(&self, asked: &Asked, note: impl FnOnce(&mut Known)) {
        self.with(|found| {
            if found.len() >= ASKED_MAX && !found.contains_key(asked) {
                found.clear();
            }
            note(found.entry(asked.clone()).or_default());
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<Asked, Known>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
