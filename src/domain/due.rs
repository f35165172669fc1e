//! When a building's next check-up is due, and by which rule.
//!
//! The answer is dated: a [`DuePlan`] says for every day of a building's life what is so on that
//! day, so that nothing needs to be computed anew because a day has passed. It follows from the
//! dated inputs of one [`Life`] and nothing else.
//!
//! **The due day** on a day `t` is found with the rule set in force on `t` and the building's use,
//! structure, grades and reports as they are on `t`; only the age moves on. From the first day on
//! which the rules oblige the building without a break, it is the first day on which the rule *of
//! that day* finds its interval run out since the last accepted report of a kind that it names.
//! So a building that grows into a shorter interval is due no earlier than that day, and one that
//! was overdue before stays so. A building never checked is due on the day it comes under a rule,
//! or by the set's schedule of first check-ups where that is later. A new edition of the rules, or
//! another use, counts from its day on and for the whole interval.
//!
//! **What is not known** is every value it can have (`due::possible`): where all of them give the same
//! answer it is the answer; where they do not, the answer is unknown, with the first and last due
//! day and the inputs that would have to be known better. So better knowledge never changes what
//! was certain. A building that no rule names is unknown too: the rules do not say that it is
//! exempt.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        building::{BuildingUse, Structure},
        cycle::{CycleRuleSet, Outcome, in_force},
        reference_file::Standing,
        report::ReportKind,
    },
    kernel::time::{Answer, Day, ImpreciseDay},
};

mod fate;
mod found;
mod possible;

pub use found::Found;
use found::{Asked, Stretches};
use possible::Possible;

/// Values that hold from a day on until the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps<T>(BTreeMap<Day, T>);

impl<T> Steps<T> {
    /// What holds from the first day there is.
    pub fn always(value: T) -> Self {
        Self(BTreeMap::from([(Day::MIN, value)]))
    }

    /// Puts what holds from a day on; what was put for the same day before is replaced.
    pub fn set(&mut self, from: Day, value: T) {
        self.0.insert(from, value);
    }

    /// What holds on a day; `None` before the first step.
    pub fn on(&self, day: Day) -> Option<&T> {
        self.0.range(..=day).next_back().map(|(_, value)| value)
    }

    /// The days on which something begins to hold.
    pub fn days(&self) -> impl Iterator<Item = Day> + '_ {
        self.0.keys().copied()
    }
}

/// What the rules ask of a building. `None` is: not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Building {
    /// Its day of completion; [`ImpreciseDay::UNKNOWN`] when nothing is known.
    pub completed: ImpreciseDay,
    /// Its design life in years.
    pub design_life_years: Option<u16>,
    /// Its use.
    pub building_use: Option<BuildingUse>,
    /// Its structure.
    pub structure: Option<Structure>,
    /// Storeys above ground.
    pub storeys_above: Option<u16>,
    /// Height in centimetres.
    pub height_cm: Option<u32>,
}

/// A report that was accepted and stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Report {
    /// The day of the inspection, not that of the paper or of its acceptance.
    pub inspected: Day,
    /// What kind of report it is.
    pub kind: ReportKind,
    /// The grades it gives the building, by scale, edition and aspect.
    pub grades: BTreeMap<String, String>,
}

/// All that decides when a building is due.
#[derive(Clone, Debug)]
pub struct Life<'r> {
    /// The first day of the plan.
    pub from: Day,
    /// The first day on which there is no building any more.
    pub until: Option<Day>,
    /// The building.
    pub building: Steps<Building>,
    /// The rule sets made for the regions it lies in, the nearest first, whether they hold or not.
    pub sets: Steps<Vec<&'r CycleRuleSet>>,
    /// Its accepted reports, in any order.
    pub reports: Vec<Report>,
    /// Its open findings.
    pub open_finding_count: Steps<u32>,
}

/// The first and the last day that something can be. `None`: it may also never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The first day that it can be; `None` when it is never.
    pub earliest: Option<Day>,
    /// The last day that it can be; `None` when it may be never.
    pub latest: Option<Day>,
}

/// An input that is not known well enough, or a rule that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Cause {
    /// No rule set is in force.
    NoRuleSet = 1,
    /// No rule of the set is for such a building.
    NoRule = 2,
    /// Nothing is known of the day of completion.
    CompletionMissing = 3,
    /// The day of completion is known too roughly: a limit lies within its span.
    CompletionImprecise = 4,
    /// The design life is not known.
    DesignLifeMissing = 5,
    /// The use is not known.
    UseMissing = 6,
    /// The structure is not known.
    StructureMissing = 7,
    /// The storeys are not known.
    StoreysMissing = 8,
    /// The height is not known.
    HeightMissing = 9,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRuleSet => "no rule set is in force",
            Self::NoRule => "no rule covers such a building",
            Self::CompletionMissing => "the completion date is missing",
            Self::CompletionImprecise => "the completion date straddles a limit",
            Self::DesignLifeMissing => "the design life is missing",
            Self::UseMissing => "the use is missing",
            Self::StructureMissing => "the structure is missing",
            Self::StoreysMissing => "the storeys are missing",
            Self::HeightMissing => "the height is missing",
        })
    }
}

/// What is so on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DueAnswer {
    /// A check-up is, or was, due on this day.
    Due {
        /// The day.
        on: Day,
    },
    /// No check-up is asked for.
    Exempt {
        /// The first day on which that ends. The bounds contain it; of an imprecise completion they
        /// may begin a day before, where months end on different days.
        until: Bounds,
        /// The first check-up thereafter.
        then_due: Bounds,
    },
    /// It cannot be said.
    Unknown {
        /// Why not.
        because: BTreeSet<Cause>,
        /// The next check-up, from the exemption's end on where the building may be exempt.
        due: Bounds,
        /// Whether, as far as is known, no check-up may be asked for on the day.
        may_be_free: bool,
    },
}

impl DueAnswer {
    /// Whether a check-up is overdue on `day`, a day on which this is the answer. It is so from the
    /// day after the due day on.
    pub fn is_overdue_on(&self, day: Day) -> Answer {
        match self {
            Self::Due { on } if *on < day => Answer::Yes,
            Self::Due { .. } | Self::Exempt { .. } => Answer::No,
            Self::Unknown { because, .. } if because.contains(&Cause::NoRuleSet) => Answer::Unknown,
            Self::Unknown { due, may_be_free, .. } => {
                let is_certain = !may_be_free && due.latest.is_some_and(|latest| latest < day);
                if is_certain {
                    Answer::Yes
                } else if due.earliest.is_some_and(|earliest| earliest < day) {
                    Answer::Unknown
                } else {
                    Answer::No
                }
            }
        }
    }
}

/// Which rule set, in which edition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetName {
    /// Its name.
    pub name: String,
    /// Its edition.
    pub edition: String,
    /// What it is worth.
    pub standing: Standing,
}

/// What an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The set in force.
    pub set: Option<SetName>,
    /// The codes of the rules that are, or may be, the rule: of the due day where there is one, of
    /// the exemption where not.
    pub rules: BTreeSet<String>,
    /// The last accepted report of a kind that one of these rules names.
    pub counted_from: Option<(Day, ReportKind)>,
    /// The building.
    pub building: Building,
    /// Its last grades, by scale, edition and aspect.
    pub grades: BTreeMap<String, String>,
    /// Its open findings.
    pub open_finding_count: u32,
}

/// What is so from a day on until the next segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The first day.
    pub from: Day,
    /// The answer.
    pub answer: DueAnswer,
    /// What it rests on.
    pub basis: Basis,
}

/// What is so on every day of a building's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuePlan {
    segments: Vec<Segment>,
    until: Option<Day>,
}

impl DuePlan {
    /// The segments in their order. Neighbours differ.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first day on which there is no building any more.
    pub fn until(&self) -> Option<Day> {
        self.until
    }

    /// What is so on a day; `None` on a day on which there is no building.
    pub fn on(&self, day: Day) -> Option<&Segment> {
        if self.until.is_some_and(|until| until <= day) {
            return None;
        }
        let after = self.segments.partition_point(|segment| segment.from <= day);
        after.checked_sub(1).and_then(|index| self.segments.get(index))
    }
}

/// When the building's check-ups are due, for every day of its life.
///
/// Days on which nothing is put for the building itself have no segment of their own.
pub fn plan(life: &Life<'_>) -> DuePlan {
    let mut segments: Vec<Segment> = Vec::new();
    let mut put = |segment: Segment| {
        let is_same = segments
            .last()
            .is_some_and(|last| last.answer == segment.answer && last.basis == segment.basis);
        if !is_same {
            segments.push(segment);
        }
    };
    let days: Vec<Day> = input_days(life).into_iter().collect();
    for (place, from) in days.iter().enumerate() {
        let until = days.get(place + 1).copied().or(life.until);
        let Some(moment) = Moment::new(life, *from) else { continue };
        let Some(set) = moment.set else {
            let because = BTreeSet::from([Cause::NoRuleSet]);
            let due = Bounds { earliest: None, latest: None };
            let answer = DueAnswer::Unknown { because, due, may_be_free: true };
            put(Segment { from: *from, answer, basis: moment.basis(BTreeSet::new()) });
            continue;
        };
        let found = set.found.answers(Asked::of(set, &moment), || answers(set, &moment));
        let first = found.partition_point(|(day, ..)| day <= from).saturating_sub(1);
        for (day, answer, rules) in found.iter().skip(first) {
            if until.is_some_and(|until| until <= *day) {
                break;
            }
            let basis = moment.basis(rules.clone());
            put(Segment { from: (*day).max(*from), answer: answer.clone(), basis });
        }
    }
    DuePlan { segments, until: life.until }
}

/// What is so on all days on which the set can be in force, while the inputs stay as they are at a
/// moment. Where a life begins or an input changes makes no stretch of its own.
fn answers(set: &CycleRuleSet, moment: &Moment<'_>) -> Stretches {
    let possible = Possible::new(set, moment);
    let first = set.edition.from;
    let mut turns = possible.turns();
    turns.retain(|turn| first < *turn && set.edition.holds_on(*turn));
    turns.insert(first);
    let mut found: Vec<(Day, DueAnswer, BTreeSet<String>)> = Vec::new();
    let mut turns = turns.into_iter().peekable();
    while let Some(from) = turns.next() {
        let last = turns.peek().map_or(Day::MAX, |next| next.previous());
        let (answer, rules) = possible.answer(from, last);
        if found.last().is_none_or(|(_, said, by)| (said, by) != (&answer, &rules)) {
            found.push((from, answer, rules));
        }
    }
    found.into()
}

/// The days of the life on which an input changes, its first among them.
fn input_days(life: &Life<'_>) -> BTreeSet<Day> {
    let mut days = BTreeSet::from([life.from]);
    days.extend(life.building.days());
    days.extend(life.sets.days());
    days.extend(life.open_finding_count.days());
    days.extend(life.reports.iter().map(|report| report.inspected));
    for set in life.sets.0.values().flatten() {
        days.insert(set.edition.from);
        days.extend(set.edition.over_on());
    }
    days.retain(|day| life.from <= *day && life.until.is_none_or(|until| *day < until));
    days
}

/// The inputs as they are on a day.
struct Moment<'l> {
    set: Option<&'l CycleRuleSet>,
    building: &'l Building,
    /// The reports up to the day, the last one last.
    reports: Vec<&'l Report>,
    grades: BTreeMap<String, String>,
    open_finding_count: u32,
}

impl<'l> Moment<'l> {
    fn new(life: &'l Life<'_>, day: Day) -> Option<Self> {
        let building = life.building.on(day)?;
        let mut reports: Vec<&Report> =
            life.reports.iter().filter(|report| report.inspected <= day).collect();
        reports.sort();
        let grades =
            reports.iter().flat_map(|report| report.grades.clone()).collect::<BTreeMap<_, _>>();
        let set = life.sets.on(day).and_then(|sets| in_force(sets, day));
        let open_finding_count = life.open_finding_count.on(day).copied().unwrap_or(0);
        Some(Self { set, building, reports, grades, open_finding_count })
    }

    /// The last report of one of these kinds.
    fn last(&self, kinds: &BTreeSet<ReportKind>) -> Option<&'l Report> {
        self.reports.iter().rev().copied().find(|report| kinds.contains(&report.kind))
    }

    fn basis(&self, rules: BTreeSet<String>) -> Basis {
        let kinds: BTreeSet<ReportKind> = self
            .set
            .iter()
            .flat_map(|set| &set.rules)
            .filter(|rule| rules.contains(&rule.code))
            .filter_map(|rule| match &rule.outcome {
                Outcome::Every(cycle) => Some(&cycle.reset_by),
                Outcome::Exempt => None,
            })
            .flatten()
            .copied()
            .collect();
        Basis {
            set: self.set.map(|set| SetName {
                name: set.edition.name.clone(),
                edition: set.edition.edition.clone(),
                standing: set.edition.standing,
            }),
            rules,
            counted_from: self.last(&kinds).map(|report| (report.inspected, report.kind)),
            building: self.building.clone(),
            grades: self.grades.clone(),
            open_finding_count: self.open_finding_count,
        }
    }
}

#[cfg(test)]
mod tests;
