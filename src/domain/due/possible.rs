//! The buildings that a building can be when something of it is not known, and what is so in all of
//! them.
//!
//! A span of days has too many to be tried one by one, and need not be: between two neighbouring
//! limits every day of completion meets the same rules, and the due day moves one way. So the days
//! at and beside every limit stand for all others. A design life that is not known ends on any day
//! that [`DESIGN_LIFE_YEARS`] allow.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        building::{BuildingUse, Structure},
        cycle::{Between, Conditions, CycleRuleSet, DESIGN_LIFE_YEARS, Months, Outcome},
        due::{
            Bounds, Cause, DueAnswer, Moment,
            fate::{Course, Duty, Fate, World},
        },
    },
    kernel::time::{Day, ImpreciseDay},
};

/// Everything that a building can be at one moment of its inputs.
pub(super) struct Possible<'m, 'l> {
    set: &'l CycleRuleSet,
    moment: &'m Moment<'l>,
    /// Ages at which a rule can begin or end.
    ages: BTreeSet<Months>,
    /// Days of the calendar on which something can begin or run out.
    limits: BTreeSet<Day>,
    uses: Vec<BuildingUse>,
    structures: Vec<Structure>,
    storeys_above: Vec<u32>,
    height_cm: Vec<u32>,
    /// The days of completion that stand for all.
    completed: BTreeSet<Day>,
    asks_age: bool,
    /// Whether a rule asks for a design life that is not known.
    misses_design_life: bool,
    /// What the days of completion alone allow, on any day.
    courses: Vec<(Key, Course<'l>)>,
    /// For each place of a key in which courses differ: those that differ in it alone, by twos.
    pairs: Vec<(usize, Vec<(usize, usize)>)>,
}

/// A world by its values: completion, end of the design life, and the places of the others.
type Key = [i64; 6];

/// The cause that goes with each place of a key.
const CAUSES: [Cause; 6] = [
    Cause::CompletionImprecise,
    Cause::DesignLifeMissing,
    Cause::UseMissing,
    Cause::StructureMissing,
    Cause::StoreysMissing,
    Cause::HeightMissing,
];

impl<'m, 'l> Possible<'m, 'l> {
    pub(super) fn new(set: &'l CycleRuleSet, moment: &'m Moment<'l>) -> Self {
        let building = moment.building;
        let whens = || set.rules.iter().map(|rule| &rule.when);
        let design_life = building.design_life_years.and_then(Months::of_years);
        let asks_design_life = whens().any(|when| when.design_life.is_some());
        let mut ages: BTreeSet<Months> =
            whens().flat_map(|when| [when.age_at_least, when.age_below]).flatten().collect();
        if asks_design_life {
            ages.extend(design_life);
        }
        let asks_age = !ages.is_empty() || asks_design_life || !set.first_checks.is_empty();
        let mut possible = Self {
            set,
            moment,
            ages,
            limits: limits(set, moment),
            uses: sorts(building.building_use, &BuildingUse::ALL, set, |when| &when.uses),
            structures: sorts(building.structure, &Structure::ALL, set, |when| &when.structures),
            storeys_above: numbers(building.storeys_above.map(u32::from), set, |when| {
                when.storeys_above
            }),
            height_cm: numbers(building.height_cm, set, |when| when.height_cm),
            completed: BTreeSet::new(),
            asks_age,
            misses_design_life: asks_design_life && design_life.is_none(),
            courses: Vec::new(),
            pairs: Vec::new(),
        };
        possible.completed = possible.completions(&possible.limits, true);
        possible.courses = possible
            .courses(&possible.completed, |completed| possible.design_life_ends(completed, None));
        let keys = possible.courses.iter().map(|(key, _)| *key).collect::<Vec<_>>();
        possible.pairs = (0..CAUSES.len())
            .map(|place| (place, pairs(&keys, place)))
            .filter(|(_, pairs)| !pairs.is_empty())
            .collect();
        possible
    }

    /// The days on which the answer can turn while the inputs stay.
    pub(super) fn turns(&self) -> BTreeSet<Day> {
        let mut days = BTreeSet::new();
        for completed in &self.completed {
            days.extend(self.ages.iter().map(|age| age.after(*completed)));
            if self.misses_design_life {
                let (first, last) = design_life_ends(*completed);
                days.extend([first, last, last.next()]);
            }
        }
        if self.courses.len() > 1 {
            days.extend(self.limits.iter().flat_map(|day| [*day, day.next()]));
        }
        // What would be reached after the calendar's end is never reached.
        days.remove(&Day::MAX);
        days
    }

    /// The answer on every day from `from` to `last`, between which there is no turn, and the rules
    /// that it comes from.
    pub(super) fn answer(&self, from: Day, last: Day) -> (DueAnswer, BTreeSet<String>) {
        let (mut answer, mut rules) = self.answer_on(from);
        // Only a rule that exempts again at a higher age lets bounds move between turns.
        if !matches!(answer, DueAnswer::Due { .. }) && self.courses.len() > 1 {
            let (at_last, its_rules) = self.answer_on(last);
            answer = both(answer, at_last);
            rules.extend(its_rules);
        }
        (answer, rules)
    }

    fn answer_on(&self, day: Day) -> (DueAnswer, BTreeSet<String>) {
        let more = self.courses_on(day);
        let fates: Vec<Fate<'l>> =
            self.courses.iter().chain(&more).map(|(_, course)| course.on(day)).collect();
        let mut rules: BTreeSet<&str> = BTreeSet::new();
        let mut last: Option<&str> = None;
        for code in fates.iter().filter_map(|fate| Some(fate.rule?.code.as_str())) {
            // They come in runs.
            if last != Some(code) {
                rules.insert(code);
                last = Some(code);
            }
        }
        (self.agreed(&fates, &more), rules.into_iter().map(str::to_owned).collect())
    }

    /// What days of completion and ends of the design life beside the day allow more.
    fn courses_on(&self, day: Day) -> Vec<(Key, Course<'l>)> {
        if self.courses.len() <= 1 {
            return Vec::new();
        }
        let around = BTreeSet::from([day, day.next()]);
        let completed = self.completions(&around, false);
        let completed = completed.difference(&self.completed);
        let mut more =
            self.courses(completed, |completed| self.design_life_ends(completed, Some(day)));
        if self.misses_design_life {
            // Of these days of completion all other ends are among the courses already.
            more.extend(self.courses(&self.completed, |completed| {
                let (first, last) = design_life_ends(completed);
                let mut ends = BTreeSet::from([day.previous(), day, day.next()]);
                ends.retain(|end| first <= *end && *end <= last);
                ends
            }));
        }
        more
    }

    /// What is so in all worlds. The fates are those of the courses, and then of `more`.
    fn agreed(&self, fates: &[Fate<'l>], more: &[(Key, Course<'l>)]) -> DueAnswer {
        let is_all = |duty| fates.iter().all(|fate| fate.duty == duty);
        let due = bounds(fates.iter().map(|fate| fate.due));
        if is_all(Duty::Obliged)
            && let (Some(on), Some(last)) = (due.earliest, due.latest)
            && on == last
        {
            return DueAnswer::Due { on };
        }
        if is_all(Duty::Exempt) {
            let until = bounds(fates.iter().map(|fate| fate.until));
            return DueAnswer::Exempt { until, then_due: due };
        }
        let may_be_free = fates.iter().any(|fate| fate.duty != Duty::Obliged);
        DueAnswer::Unknown { because: self.because(fates, more), due, may_be_free }
    }

    /// The inputs of which another value alone makes another answer.
    fn because(&self, fates: &[Fate<'l>], more: &[(Key, Course<'l>)]) -> BTreeSet<Cause> {
        let mut causes = BTreeSet::new();
        if fates.iter().any(|fate| fate.duty == Duty::Uncovered) {
            causes.insert(Cause::NoRule);
        }
        let told = |index: &usize| fates.get(*index).map(|fate| (fate.duty, fate.due));
        let differ =
            |pairs: &[(usize, usize)]| pairs.iter().any(|(one, other)| told(one) != told(other));
        // What differs in none of the courses differs in none of those that a day brings.
        for (place, known) in &self.pairs {
            let differs = differ(known)
                || !more.is_empty() && {
                    let keys = self.courses.iter().chain(more).map(|(key, _)| *key);
                    differ(&pairs(&keys.collect::<Vec<_>>(), *place))
                };
            causes.extend(CAUSES.get(*place).filter(|_| differs));
        }
        let is_missing = self.moment.building.completed == ImpreciseDay::UNKNOWN;
        if is_missing && causes.remove(&Cause::CompletionImprecise) {
            causes.insert(Cause::CompletionMissing);
        }
        causes
    }

    /// The days of completion at and beside those from which an age is reached on one of `days`.
    fn completions(&self, days: &BTreeSet<Day>, with_ends: bool) -> BTreeSet<Day> {
        let span = self.moment.building.completed;
        if span.exact().is_some() || !self.asks_age {
            return if with_ends { BTreeSet::from([span.earliest()]) } else { BTreeSet::new() };
        }
        let mut completed: BTreeSet<Day> =
            days.iter().flat_map(|day| [*day, day.previous()]).collect();
        for age in &self.ages {
            let last = days.iter().flat_map(|day| [*day, day.previous()]);
            completed.extend(last.filter_map(|day| age.before(day)));
        }
        for first in &self.set.first_checks {
            completed.extend(first.completed_from.map(Day::previous));
            completed.insert(first.completed_to);
        }
        completed = completed.into_iter().flat_map(|day| [day, day.next()]).collect();
        completed.retain(|day| span.earliest() <= *day && *day <= span.latest());
        if with_ends {
            completed.extend([span.earliest(), span.latest()]);
        }
        completed
    }

    /// The courses of every world with one of these days of completion and, for each of them, one
    /// of these ends of the design life.
    fn courses<'d>(
        &self,
        completed: impl IntoIterator<Item = &'d Day>,
        ends: impl Fn(Day) -> BTreeSet<Day>,
    ) -> Vec<(Key, Course<'l>)> {
        let mut courses = Vec::new();
        for completed in completed {
            let aged: Vec<(Months, Day)> =
                self.ages.iter().map(|age| (*age, age.after(*completed))).collect();
            for design_life_end in ends(*completed) {
                let world = World {
                    completed: *completed,
                    aged: &aged,
                    design_life_end,
                    building_use: BuildingUse::Other,
                    structure: Structure::Other,
                    storeys_above: 0,
                    height_cm: 0,
                };
                self.fill(world, &mut courses);
            }
        }
        courses
    }

    fn fill(&self, world: World<'_>, courses: &mut Vec<(Key, Course<'l>)>) {
        for building_use in &self.uses {
            for structure in &self.structures {
                for storeys_above in &self.storeys_above {
                    for height_cm in &self.height_cm {
                        let world = World {
                            building_use: *building_use,
                            structure: *structure,
                            storeys_above: *storeys_above,
                            height_cm: *height_cm,
                            ..world
                        };
                        let course = Course::new(self.set, self.moment, &world);
                        courses.push((self.key(&world), course));
                    }
                }
            }
        }
    }

    fn key(&self, world: &World<'_>) -> Key {
        // A design life that is known moves with the day of completion.
        let end =
            if self.misses_design_life { world.design_life_end.number() } else { i32::default() };
        [
            i64::from(world.completed.number()),
            i64::from(end),
            i64::from(world.building_use as u8),
            i64::from(world.structure as u8),
            i64::from(world.storeys_above),
            i64::from(world.height_cm),
        ]
    }

    fn design_life_ends(&self, completed: Day, day: Option<Day>) -> BTreeSet<Day> {
        if !self.misses_design_life {
            let years = self.moment.building.design_life_years.and_then(Months::of_years);
            return BTreeSet::from([years.map_or(Day::MAX, |years| years.after(completed))]);
        }
        let (first, last) = design_life_ends(completed);
        let mut ends: BTreeSet<Day> = self.limits.iter().copied().chain(day).collect();
        ends.extend(self.ages.iter().map(|age| age.after(completed)));
        ends = ends.into_iter().flat_map(|end| [end.previous(), end, end.next()]).collect();
        ends.retain(|end| first <= *end && *end <= last);
        ends.extend([first, last]);
        ends
    }
}

/// The worlds that differ in one place of their keys alone, by twos: each with the next of those with
/// which it shares all other places.
fn pairs(keys: &[Key], place: usize) -> Vec<(usize, usize)> {
    let value = |key: &Key| key.get(place).copied().unwrap_or_default();
    let mut values = keys.iter().map(value);
    let first = values.next();
    // An input that is known is the same in all of them.
    if values.all(|value| Some(value) == first) {
        return Vec::new();
    }
    let mut others: Vec<(Key, usize)> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| {
            let mut others = *key;
            if let Some(value) = others.get_mut(place) {
                *value = 0;
            }
            (others, index)
        })
        .collect();
    others.sort_unstable();
    let beside = others.iter().zip(others.iter().skip(1));
    beside.filter(|((one, _), (other, _))| one == other).map(|((_, a), (_, b))| (*a, *b)).collect()
}

/// The first and the last day on which a design life that is not known can end.
fn design_life_ends(completed: Day) -> (Day, Day) {
    let (least, most) = DESIGN_LIFE_YEARS;
    let end = |years| Months::of_years(years).map_or(Day::MAX, |years| years.after(completed));
    (end(least), end(most))
}

/// The days on which an interval runs out or a duty begins, whatever the building is.
fn limits(set: &CycleRuleSet, moment: &Moment<'_>) -> BTreeSet<Day> {
    let mut days = BTreeSet::from([set.duty_since]);
    days.extend(set.first_checks.iter().map(|first| first.due_by));
    for rule in &set.rules {
        if let Outcome::Every(cycle) = &rule.outcome {
            days.extend(cycle.duty_since);
            let last = moment.last(&cycle.reset_by);
            days.extend(last.map(|report| cycle.interval.after(report.inspected)));
        }
    }
    days
}

/// The value that is known, or one of each sort that the rules tell apart.
fn sorts<T: Copy + Ord>(
    known: Option<T>,
    all: &[T],
    set: &CycleRuleSet,
    asked: impl Fn(&Conditions) -> &BTreeSet<T>,
) -> Vec<T> {
    if let Some(value) = known {
        return vec![value];
    }
    let mut sorts: BTreeMap<Vec<bool>, T> = BTreeMap::new();
    for value in all {
        let sort = set.rules.iter().map(|rule| asked(&rule.when).contains(value)).collect();
        sorts.entry(sort).or_insert(*value);
    }
    sorts.into_values().collect()
}

/// The number that is known, or those at and beside the ends that the rules ask for.
fn numbers(
    known: Option<u32>,
    set: &CycleRuleSet,
    asked: impl Fn(&Conditions) -> Option<Between>,
) -> Vec<u32> {
    if let Some(number) = known {
        return vec![number];
    }
    let mut numbers = BTreeSet::from([0]);
    for between in set.rules.iter().filter_map(|rule| asked(&rule.when)) {
        numbers.extend(between.at_least);
        numbers.extend(between.at_most.map(|most| most.saturating_add(1)));
    }
    numbers.into_iter().collect()
}

fn bounds(days: impl Iterator<Item = Option<Day>> + Clone) -> Bounds {
    let is_sure = days.clone().all(|day| day.is_some());
    let latest = days.clone().flatten().max().filter(|_| is_sure);
    Bounds { earliest: days.flatten().min(), latest }
}

fn wider(one: Bounds, other: Bounds) -> Bounds {
    let earliest = [one.earliest, other.earliest].into_iter().flatten().min();
    Bounds { earliest, latest: one.latest.zip(other.latest).map(|(one, other)| one.max(other)) }
}

/// What holds at both ends of a stretch holds in it.
fn both(first: DueAnswer, last: DueAnswer) -> DueAnswer {
    match (first, last) {
        (
            DueAnswer::Exempt { until, then_due },
            DueAnswer::Exempt { until: other, then_due: other_due },
        ) => DueAnswer::Exempt { until: wider(until, other), then_due: wider(then_due, other_due) },
        (
            DueAnswer::Unknown { because, due, may_be_free },
            DueAnswer::Unknown { because: other, due: other_due, may_be_free: may },
        ) => DueAnswer::Unknown {
            because: because.into_iter().chain(other).collect(),
            due: wider(due, other_due),
            may_be_free: may_be_free || may,
        },
        (first, _) => first,
    }
}
