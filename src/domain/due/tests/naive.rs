//! The plan against a reading of the rules that goes from day to day and from one possible building
//! to the next, and shares nothing with the plan but the rules themselves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Span, civil};
use proptest::prelude::*;

use crate::{
    domain::{
        building::BuildingUse,
        cycle::read,
        cycle::{
            Between, Conditions, Cycle, CycleRuleSet, DesignLife, FirstCheck, Months, Outcome, Rule,
        },
        due::{Building, Cause, DueAnswer, Found, Life, Report, Steps, plan, tests::ZHENGZHOU},
        reference_file::{Edition, RegionCode, Standing, Table},
        report::ReportKind,
    },
    kernel::time::{Day, ImpreciseDay},
};

/// 1998-01-01: before anything happens.
const BEGIN: i32 = 10_227;
/// Days after which nothing happens any more.
const HORIZON: i32 = 5_600;

fn day(offset: i32) -> Day {
    Day::from_number(BEGIN + offset).unwrap()
}

fn later(from: Day, months: u16) -> Day {
    let epoch = civil::date(1970, 1, 1);
    let date = epoch + Span::new().days(from.number()) + Span::new().months(months);
    Day::from_number((date - epoch).get_days()).unwrap()
}

fn some_day() -> impl Strategy<Value = Day> {
    (700..2_900_i32).prop_map(day)
}

fn months(most: u16) -> impl Strategy<Value = Months> {
    (1..most).prop_map(|months| Months::new(months).unwrap())
}

fn uses() -> impl Strategy<Value = BTreeSet<BuildingUse>> {
    let some = [BuildingUse::Dwelling, BuildingUse::Office, BuildingUse::Mixed];
    proptest::collection::btree_set(proptest::sample::select(some.to_vec()), 0..2)
}

fn kinds() -> impl Strategy<Value = BTreeSet<ReportKind>> {
    proptest::collection::btree_set(
        proptest::sample::select(vec![ReportKind::CheckUp, ReportKind::SpecialCheck]),
        1..3,
    )
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let life = proptest::sample::select(vec![DesignLife::Within, DesignLife::Reached]);
    let storeys = (0..9_u32).prop_map(|most| Between { at_least: None, at_most: Some(most) });
    (
        uses(),
        proptest::option::of(months(48)),
        proptest::option::of(months(48)),
        proptest::option::weighted(0.4, life),
        proptest::option::weighted(0.1, storeys),
        proptest::option::weighted(0.1, any::<bool>()),
    )
        .prop_map(|(uses, least, below, design_life, storeys_above, has_open_findings)| {
            Conditions {
                uses,
                age_at_least: least,
                age_below: below.filter(|below| least.is_none_or(|least| least < *below)),
                design_life,
                storeys_above,
                has_open_findings,
                ..Conditions::default()
            }
        })
}

fn rule() -> impl Strategy<Value = (Conditions, Outcome)> {
    let cycle = (months(40), kinds(), proptest::option::weighted(0.2, some_day())).prop_map(
        |(interval, reset_by, duty_since)| {
            Outcome::Every(Cycle { interval, reset_by, payment: None, duty_since })
        },
    );
    (conditions(), prop_oneof![1 => Just(Outcome::Exempt), 3 => cycle])
}

fn edition(edition: &str, from: Day) -> Edition {
    let jurisdiction = RegionCode { scheme: "stats12".to_owned(), code: "1".to_owned() };
    Edition {
        table: Table::Cycle,
        name: "made-up".to_owned(),
        edition: edition.to_owned(),
        title: None,
        standing: Standing::Example,
        jurisdiction: Some(jurisdiction),
        from,
        until: None,
        source: "made up".to_owned(),
        notes: Vec::new(),
    }
}

fn rule_set(name: &'static str) -> impl Strategy<Value = CycleRuleSet> {
    let first = (some_day(), some_day()).prop_map(|(completed_to, due_by)| FirstCheck {
        completed_from: None,
        completed_to,
        due_by,
    });
    (
        proptest::collection::vec(rule(), 1..5),
        proptest::option::weighted(0.4, first),
        some_day(),
        some_day(),
    )
        .prop_map(move |(rules, first, from, duty_since)| CycleRuleSet {
            edition: edition(name, if name == "1" { day(0) } else { from }),
            duty_since,
            rules: rules
                .into_iter()
                .enumerate()
                .map(|(place, (when, outcome))| Rule { code: place.to_string(), when, outcome })
                .collect(),
            first_checks: first.into_iter().collect(),
            found: Found::default(),
        })
}

fn span() -> impl Strategy<Value = ImpreciseDay> {
    (some_day(), prop_oneof![Just(0), 1..12_i32]).prop_map(|(earliest, length)| {
        ImpreciseDay::new(earliest, Day::from_number(earliest.number() + length).unwrap()).unwrap()
    })
}

fn building() -> impl Strategy<Value = Building> {
    let some = [BuildingUse::Dwelling, BuildingUse::Office, BuildingUse::Health];
    let used = proptest::sample::select(some.to_vec());
    (span(), 1..5_u16, proptest::option::weighted(0.8, used), proptest::option::of(1..9_u16))
        .prop_map(|(completed, years, building_use, storeys_above)| Building {
            completed,
            design_life_years: Some(years),
            building_use,
            structure: None,
            storeys_above,
            height_cm: None,
        })
}

#[derive(Clone, Debug)]
struct Case {
    sets: Vec<CycleRuleSet>,
    building: Building,
    reports: Vec<(Day, ReportKind)>,
    findings: Option<Day>,
    asked: Vec<Day>,
}

impl Case {
    fn life(&self) -> Life<'_> {
        let mut open_finding_count = Steps::always(0);
        if let Some(from) = self.findings {
            open_finding_count.set(from, 2);
        }
        let report = |(inspected, kind): &(Day, ReportKind)| Report {
            inspected: *inspected,
            kind: *kind,
            grades: BTreeMap::new(),
        };
        Life {
            from: day(0),
            until: None,
            building: Steps::always(self.building.clone()),
            sets: Steps::always(self.sets.iter().collect()),
            reports: self.reports.iter().map(report).collect(),
            open_finding_count,
        }
    }
}

fn case() -> impl Strategy<Value = Case> {
    let kind = proptest::sample::select(ReportKind::ALL[..3].to_vec());
    (
        (rule_set("1"), proptest::option::weighted(0.3, rule_set("2"))),
        building(),
        proptest::collection::vec((some_day(), kind), 0..3),
        proptest::option::weighted(0.2, some_day()),
        proptest::collection::vec(some_day(), 3),
    )
        .prop_map(|((set, other), building, reports, findings, asked)| Case {
            sets: [Some(set), other].into_iter().flatten().collect(),
            building,
            reports,
            findings,
            asked,
        })
}

/// What is so in one world: obliged, exempt or neither, until when, and the next due day.
type Told = (Option<bool>, Option<Day>, Option<Day>);

/// One world, told from day to day.
struct Slow<'c> {
    case: &'c Case,
    set: &'c CycleRuleSet,
    at: Day,
    completed: Day,
    design_life_end: Day,
    building_use: BuildingUse,
    storeys: u32,
}

impl Slow<'_> {
    /// `ages` are the days on which the ages of the conditions are reached.
    fn holds(&self, when: &Conditions, ages: [Option<Day>; 2], s: Day) -> bool {
        let has_findings = self.case.findings.is_some_and(|from| from <= self.at);
        let reached = s >= self.design_life_end;
        (when.uses.is_empty() || when.uses.contains(&self.building_use))
            && ages[0].is_none_or(|least| s >= least)
            && ages[1].is_none_or(|below| s < below)
            && when.design_life
                != Some(if reached { DesignLife::Within } else { DesignLife::Reached })
            && when.storeys_above.is_none_or(|span| self.storeys <= span.at_most.unwrap())
            && when.has_open_findings.is_none_or(|asked| asked == has_findings)
    }

    fn is_due(&self, cycle: &Cycle, s: Day) -> bool {
        let counted =
            |report: &&(Day, ReportKind)| report.0 <= self.at && cycle.reset_by.contains(&report.1);
        let last = self.case.reports.iter().filter(counted).map(|report| report.0).max();
        let first = self.set.first_checks.iter().find(|first| self.completed <= first.completed_to);
        s >= self.set.duty_since
            && cycle.duty_since.is_none_or(|since| s >= since)
            && match (last, first) {
                (Some(last), _) => s >= later(last, cycle.interval.count()),
                (None, Some(first)) => s >= first.due_by,
                (None, None) => true,
            }
    }

    fn tell(&self) -> Told {
        let age = |months: Months| later(self.completed, months.count());
        let aged: Vec<(&Rule, [Option<Day>; 2])> = (self.set.rules.iter())
            .map(|rule| (rule, [rule.when.age_at_least, rule.when.age_below].map(|m| m.map(age))))
            .collect();
        let found = |s: Day| aged.iter().find(|(rule, ages)| self.holds(&rule.when, *ages, s));
        let rules: Vec<Option<&Rule>> =
            (0..HORIZON).map(|s| found(day(s)).map(|(rule, _)| *rule)).collect();
        let duty = |s: usize| rules[s].map(|rule| matches!(rule.outcome, Outcome::Every(_)));
        let at = usize::try_from(self.at.number() - BEGIN).unwrap();
        let mut begin = at;
        while duty(at) == Some(true) && begin > 0 && duty(begin - 1) == Some(true) {
            begin -= 1;
        }
        let due = (begin..rules.len()).find(|s| match rules[*s].map(|rule| &rule.outcome) {
            Some(Outcome::Every(cycle)) => self.is_due(cycle, day(i32::try_from(*s).unwrap())),
            _ => false,
        });
        let numbered = |s: usize| day(i32::try_from(s).unwrap());
        if duty(at) == Some(true) {
            return match due {
                Some(due) => (Some(true), None, Some(numbered(due))),
                None => (Some(false), None, None),
            };
        }
        let until = (at..rules.len()).find(|s| duty(*s) != duty(at));
        (duty(at), until.map(numbered), due.map(numbered))
    }
}

fn tell_all(case: &Case, at: Day) -> Vec<Told> {
    let newest = case.sets.iter().filter(|set| set.edition.from <= at);
    let set = newest.max_by_key(|set| (set.edition.from, &set.edition.edition)).unwrap();
    let building = &case.building;
    let uses = building.building_use.map_or(BuildingUse::ALL.to_vec(), |known| vec![known]);
    let storeys = building.storeys_above.map_or((0..11).collect(), |known| vec![u32::from(known)]);
    let asks_use = set.rules.iter().any(|rule| !rule.when.uses.is_empty());
    let asks_storeys = set.rules.iter().any(|rule| rule.when.storeys_above.is_some());
    let mut told = Vec::new();
    for number in building.completed.earliest().number()..=building.completed.latest().number() {
        let completed = Day::from_number(number).unwrap();
        for building_use in uses.iter().take(if asks_use { 8 } else { 1 }) {
            for storeys in storeys.iter().take(if asks_storeys { 11 } else { 1 }) {
                let slow = Slow {
                    case,
                    set,
                    at,
                    completed,
                    design_life_end: later(completed, building.design_life_years.unwrap() * 12),
                    building_use: *building_use,
                    storeys: *storeys,
                };
                told.push(slow.tell());
            }
        }
    }
    told
}

fn agree(case: &Case, at: Day) -> Result<(), TestCaseError> {
    let plan = plan(&case.life());
    let answer = &plan.on(at).unwrap().answer;
    let told = tell_all(case, at);
    let is_all = |duty| told.iter().all(|(is, _, _)| *is == duty);
    let earliest = told.iter().filter_map(|told| told.2).min();
    let latest = told.iter().map(|told| told.2.unwrap_or(Day::MAX)).max().unwrap();
    let latest = (latest < Day::MAX).then_some(latest);
    match answer {
        DueAnswer::Due { on } => {
            prop_assert!(is_all(Some(true)), "{at}: {told:?}");
            prop_assert_eq!((Some(*on), Some(*on)), (earliest, latest), "on {}", at);
        }
        DueAnswer::Exempt { until, then_due } => {
            prop_assert!(is_all(Some(false)), "{at}: {told:?}");
            prop_assert!(then_due.earliest <= earliest || earliest.is_none());
            prop_assert!(then_due.latest.is_none() || then_due.latest >= latest);
            // Bounds contain; with months cut at their ends they may lie a day outside.
            let ends = told.iter().filter_map(|told| told.1).min();
            let is_before = |ends| until.earliest.is_some_and(|until| until <= ends);
            prop_assert!(ends.is_none_or(is_before), "{until:?}, {ends:?} on {at}");
        }
        DueAnswer::Unknown { because, due, may_be_free } => {
            let is_certain = is_all(Some(true)) && earliest == latest;
            prop_assert!(!is_certain && !is_all(Some(false)), "on {at}: {told:?}");
            prop_assert!(!because.is_empty() && !because.contains(&Cause::NoRuleSet));
            prop_assert!(due.earliest <= earliest || earliest.is_none());
            prop_assert!(due.latest.is_none() || due.latest >= latest);
            prop_assert!(*may_be_free || is_all(Some(true)));
        }
    }
    Ok(())
}

fn agree_everywhere(case: &Case) -> Result<(), TestCaseError> {
    let plan = plan(&case.life());
    let mut days: BTreeSet<Day> = case.asked.iter().copied().collect();
    for segment in plan.segments().iter().take(6) {
        days.extend([segment.from.previous(), segment.from, segment.from.next()]);
    }
    days.retain(|at| day(0) <= *at && *at < day(HORIZON - 2_000));
    for at in days {
        agree(case, at)?;
    }
    Ok(())
}

/// Whether `better` says the same as `rough`, where that was certain, and nothing outside of it.
fn keeps(rough: &DueAnswer, better: &DueAnswer) -> bool {
    match (rough, better) {
        (DueAnswer::Due { on }, DueAnswer::Due { on: better }) => on == better,
        (DueAnswer::Exempt { until, then_due }, DueAnswer::Exempt { until: u, then_due: t }) => {
            let is_within = |outer: Option<Day>, inner: Option<Day>| {
                inner.is_none_or(|inner| outer.is_some_and(|outer| outer <= inner))
            };
            is_within(until.earliest, u.earliest) && is_within(then_due.earliest, t.earliest)
        }
        (DueAnswer::Unknown { due, .. }, DueAnswer::Due { on }) => {
            due.earliest.is_some_and(|earliest| earliest <= *on)
                && due.latest.is_none_or(|latest| *on <= latest)
        }
        (DueAnswer::Unknown { may_be_free, .. }, DueAnswer::Exempt { .. }) => *may_be_free,
        (DueAnswer::Unknown { due, .. }, DueAnswer::Unknown { due: better, .. }) => {
            due.latest.is_none() || (better.latest.is_some() && better.latest <= due.latest)
        }
        _ => false,
    }
}

fn narrowing_keeps(rough: &Case, better: &Case) -> Result<(), TestCaseError> {
    let (rough_plan, better_plan) = (plan(&rough.life()), plan(&better.life()));
    let segments = rough_plan.segments().iter().chain(better_plan.segments());
    let mut days: BTreeSet<Day> = segments.map(|segment| segment.from).collect();
    days.extend(&rough.asked);
    for at in days {
        let [one, two] =
            [&rough_plan, &better_plan].map(|plan| plan.on(at).map(|segment| &segment.answer));
        if let (Some(one), Some(two)) = (one, two) {
            prop_assert!(keeps(one, two), "on {at}: {one:?}, then {two:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_plan_says_on_every_day_what_a_slow_reading_of_the_rules_says(case in case()) {
        agree_everywhere(&case)?;
    }
}

proptest! {
    #[test]
    fn better_knowledge_never_changes_what_was_certain(
        case in case(), cut in 0..12_i32, keep in 0..12_i32, rough in any::<[bool; 5]>()
    ) {
        let mut vague = case.clone();
        vague.building.design_life_years = case.building.design_life_years.filter(|_| rough[0]);
        vague.building.design_life_years = vague.building.design_life_years.map(|years| years + 4);
        let mut better = case;
        better.building.design_life_years = better.building.design_life_years.map(|years| years + 4);
        vague.building.building_use = vague.building.building_use.filter(|_| rough[1]);
        vague.building.storeys_above = vague.building.storeys_above.filter(|_| rough[2]);
        let span = better.building.completed;
        let earliest = span.earliest().number() + cut;
        let first = Day::from_number(earliest).unwrap().min(span.latest());
        let last = Day::from_number(first.number() + keep).unwrap().min(span.latest());
        better.building.completed = ImpreciseDay::new(first, last).unwrap();
        if rough[3] && rough[4] {
            vague.building.completed = ImpreciseDay::UNKNOWN;
        }
        narrowing_keeps(&vague, &better)?;
    }
}

proptest! {
    #[test]
    fn what_was_found_of_others_changes_no_answer(
        case in case(), others in proptest::collection::vec((building(), any::<[bool; 3]>()), 4)
    ) {
        let mut asked = vec![case.clone(), case.clone()];
        for (building, [is_checked, has_findings, is_alike]) in others {
            let mut other = case.clone();
            other.reports.retain(|_| is_checked);
            other.findings = other.findings.filter(|_| has_findings);
            if !is_alike {
                other.building = building;
            }
            asked.push(other);
        }
        for (offset, other) in asked.iter().enumerate() {
            let mut life = other.life();
            life.from = day(i32::try_from(offset).unwrap() * 400);
            // A clone remembers nothing.
            let fresh = Case { sets: case.sets.clone(), ..other.clone() };
            let mut alone = fresh.life();
            alone.from = life.from;
            life.sets = Steps::always(case.sets.iter().collect());
            prop_assert_eq!(plan(&life), plan(&alone));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Once it was only said that both are missing, and nothing gone through. That was right of a
    /// dwelling that was checked; of others one of the two may make no difference.
    #[test]
    fn of_what_nothing_is_known_it_is_said_what_a_short_cut_said_and_more(
        used in proptest::option::of(proptest::sample::select(BuildingUse::ALL.to_vec())),
        reports in proptest::collection::vec((9_000..14_000_i32, any::<bool>()), 0..3),
    ) {
        let set = read::rule_set(ZHENGZHOU).unwrap();
        let building = Building {
            completed: ImpreciseDay::UNKNOWN,
            design_life_years: None,
            building_use: used,
            structure: None,
            storeys_above: None,
            height_cm: None,
        };
        let report = |(offset, is_patrol): &(i32, bool)| Report {
            inspected: day(*offset),
            kind: if *is_patrol { ReportKind::Patrol } else { ReportKind::CheckUp },
            grades: BTreeMap::new(),
        };
        let life = Life {
            from: day(9_000),
            until: None,
            building: Steps::always(building),
            sets: Steps::always(vec![&set]),
            reports: reports.iter().map(report).collect(),
            open_finding_count: Steps::always(0),
        };
        let is_covered = used != Some(BuildingUse::Mixed);
        for segment in plan(&life).segments() {
            let DueAnswer::Unknown { because, due, may_be_free } = &segment.answer else {
                return Err(TestCaseError::fail(format!("{segment:?}")));
            };
            if segment.from < set.edition.from {
                prop_assert_eq!(because, &BTreeSet::from([Cause::NoRuleSet]));
                continue;
            }
            let named = [Cause::CompletionMissing, Cause::DesignLifeMissing];
            let names = named.iter().filter(|cause| because.contains(cause)).count();
            let is_counted = segment.basis.counted_from.is_some();
            let least = match used {
                Some(BuildingUse::Mixed) => 0,
                Some(BuildingUse::Dwelling) | None if is_counted => 2,
                _ => 1,
            };
            prop_assert!(names >= least, "{:?}", segment);
            prop_assert_eq!(because.contains(&Cause::UseMissing), used.is_none());
            // It may be too young for a check-up, and one may be due as soon as there is a duty.
            prop_assert!(*may_be_free && due.latest.is_none());
            prop_assert_eq!(due.earliest.is_some(), is_covered);
        }
    }
}
