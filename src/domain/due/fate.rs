//! What becomes of a building of which everything is known: which rule is its rule at which age,
//! and when its check-up is due.

use crate::{
    domain::{
        building::{BuildingUse, Structure},
        cycle::{Conditions, Cycle, CycleRuleSet, DesignLife, Months, Outcome, Rule},
        due::Moment,
    },
    kernel::time::Day,
};

/// One of the buildings that a building can be, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'w> {
    /// The day of completion.
    pub completed: Day,
    /// The days on which it reaches the ages that rules ask for.
    pub aged: &'w [(Months, Day)],
    /// The first day of its age past its design life.
    pub design_life_end: Day,
    pub building_use: BuildingUse,
    pub structure: Structure,
    pub storeys_above: u32,
    pub height_cm: u32,
}

impl World<'_> {
    /// The day on which it reaches an age.
    fn reaches(&self, age: Months) -> Day {
        let known = self.aged.iter().find(|(known, _)| *known == age);
        known.map_or_else(|| age.after(self.completed), |(_, day)| *day)
    }
}

/// A stretch of a building's age with one rule.
#[derive(Clone, Copy, Debug)]
struct Phase<'r> {
    from: Day,
    /// The first day of the next; `None` for the last.
    until: Option<Day>,
    rule: Option<&'r Rule>,
}

/// How a building stands to the rules on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Duty {
    /// It has to be checked.
    Obliged,
    /// It has not.
    Exempt,
    /// The rules do not say.
    Uncovered,
}

/// What is so on a day in one world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate<'r> {
    pub duty: Duty,
    /// The first day on which it may stand otherwise; only where it is not obliged.
    pub until: Option<Day>,
    /// The next check-up.
    pub due: Option<Day>,
    /// The rule of the due day, or of the exemption.
    pub rule: Option<&'r Rule>,
}

impl Phase<'_> {
    fn cycle(&self) -> Option<&Cycle> {
        match &self.rule?.outcome {
            Outcome::Every(cycle) => Some(cycle),
            Outcome::Exempt => None,
        }
    }

    fn duty(&self) -> Duty {
        match self.rule.map(|rule| &rule.outcome) {
            Some(Outcome::Every(_)) => Duty::Obliged,
            Some(Outcome::Exempt) => Duty::Exempt,
            None => Duty::Uncovered,
        }
    }
}

/// The whole life of one world under one set, from which the fate on any day is read.
#[derive(Debug)]
pub(super) struct Course<'r> {
    phases: Vec<Phase<'r>>,
    /// For every phase, the due day that lies in it.
    dues: Vec<Option<Day>>,
}

impl<'r> Course<'r> {
    pub(super) fn new(set: &'r CycleRuleSet, moment: &Moment<'_>, world: &World<'_>) -> Self {
        let phases = phases(set, moment, world);
        let first = set.first_check(world.completed);
        let dues = phases.iter().map(|phase| due_in(phase, set, moment, first)).collect();
        Self { phases, dues }
    }

    pub(super) fn on(&self, day: Day) -> Fate<'r> {
        let after = self.phases.partition_point(|phase| phase.from <= day);
        let here = after.saturating_sub(1);
        let Some(phase) = self.phases.get(here) else {
            return Fate { duty: Duty::Uncovered, until: None, due: None, rule: None };
        };
        let duty = phase.duty();
        if duty == Duty::Obliged {
            // Where the obligation began: what was overdue before a rule changed stays so.
            let before = self.phases.iter().take(here).rposition(|past| past.cycle().is_none());
            let begin = before.map_or(0, |before| before + 1);
            if let Some((due, rule)) = self.first_due(begin) {
                return Fate { duty, until: None, due: Some(due), rule };
            }
            // It ceases before anything is due: there is nothing to be done.
            let rule = self.phases.iter().skip(here).find(|next| next.duty() == Duty::Exempt);
            let rule = rule.map_or(phase.rule, |next| next.rule);
            return Fate { duty: Duty::Exempt, until: None, due: None, rule };
        }
        let next = self.phases.iter().skip(after).find(|next| next.duty() != duty);
        let due = self.first_due(after);
        let rule = phase.rule.or(due.and_then(|(_, rule)| rule));
        Fate { duty, until: next.map(|next| next.from), due: due.map(|(due, _)| due), rule }
    }

    fn first_due(&self, begin: usize) -> Option<(Day, Option<&'r Rule>)> {
        let mut phases = self.phases.iter().zip(&self.dues).skip(begin);
        phases.find_map(|(phase, due)| due.map(|due| (due, phase.rule)))
    }
}

/// The first day of a phase on which its rule finds the interval run out.
fn due_in(
    phase: &Phase<'_>,
    set: &CycleRuleSet,
    moment: &Moment<'_>,
    first_check: Option<Day>,
) -> Option<Day> {
    let cycle = phase.cycle()?;
    let run_out = match moment.last(&cycle.reset_by) {
        Some(report) => cycle.interval.after(report.inspected),
        None => first_check.unwrap_or(Day::MIN),
    };
    let duty_since = cycle.duty_since.unwrap_or(set.duty_since).max(set.duty_since);
    let due = run_out.max(duty_since).max(phase.from);
    // The calendar's last day stands for what lies beyond it.
    let is_in_phase = phase.until.is_none_or(|until| due < until) && due < Day::MAX;
    is_in_phase.then_some(due)
}

fn phases<'r>(set: &'r CycleRuleSet, moment: &Moment<'_>, world: &World<'_>) -> Vec<Phase<'r>> {
    let mut days = vec![Day::MIN, world.design_life_end];
    for rule in &set.rules {
        let ages = [rule.when.age_at_least, rule.when.age_below];
        days.extend(ages.into_iter().flatten().map(|age| world.reaches(age)));
    }
    days.sort();
    days.dedup();
    let mut phases: Vec<Phase<'r>> = Vec::with_capacity(days.len());
    for from in days {
        let rule = set.rules.iter().find(|rule| applies(&rule.when, moment, world, from));
        if let Some(last) = phases.last_mut() {
            if last.rule.map(|rule| &rule.code) == rule.map(|rule| &rule.code) {
                continue;
            }
            last.until = Some(from);
        }
        phases.push(Phase { from, until: None, rule });
    }
    phases
}

/// Whether a rule's conditions hold on a day.
fn applies(when: &Conditions, moment: &Moment<'_>, world: &World<'_>, day: Day) -> bool {
    let is_reached = world.design_life_end <= day;
    let has_grade = when.last_grade.as_ref().is_none_or(|asked| {
        moment.grades.get(&asked.ladder).is_some_and(|grade| asked.values.contains(grade))
    });
    (when.uses.is_empty() || when.uses.contains(&world.building_use))
        && (when.structures.is_empty() || when.structures.contains(&world.structure))
        && when.age_at_least.is_none_or(|age| world.reaches(age) <= day)
        && when.age_below.is_none_or(|age| day < world.reaches(age))
        && when.design_life.is_none_or(|asked| is_reached == (asked == DesignLife::Reached))
        && when.storeys_above.is_none_or(|asked| asked.holds(world.storeys_above))
        && when.height_cm.is_none_or(|asked| asked.holds(world.height_cm))
        && has_grade
        && when.has_open_findings.is_none_or(|asked| asked == (moment.open_finding_count > 0))
}
