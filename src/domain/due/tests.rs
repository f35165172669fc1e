//! Lives of buildings as lines in, due days out; and the plan against a slow reading of the rules.
//!
//! A life is written as `building USE COMPLETED DESIGN_LIFE` (`?` for what is not known), then
//! dated lines: `DAY report KIND [SCALE=GRADE]`, `DAY is USE COMPLETED DESIGN_LIFE`, `DAY open N`
//! findings, and `ends DAY`.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::{Bounds, Building, DueAnswer, DuePlan, Life, Report, Segment, Steps, plan};
use crate::{
    domain::{
        building::BuildingUse,
        cycle::{CycleRuleSet, read},
        report::ReportKind,
    },
    kernel::time::{Answer, Day, ImpreciseDay},
};

mod naive;

const ZHENGZHOU: &str = include_str!("../../../data/reference/cycle/zhengzhou-2025-draft.toml");

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn word<T: Copy + ToString>(text: &str, all: &[T]) -> T {
    *all.iter().find(|value| value.to_string() == text).unwrap()
}

fn building(words: &[&str]) -> Building {
    let known = |text: &str| (text != "?").then(|| text.to_owned());
    Building {
        completed: words[1].parse().unwrap(),
        design_life_years: known(words[2]).map(|years| years.parse().unwrap()),
        building_use: known(words[0]).map(|text| word(&text, &BuildingUse::ALL)),
        structure: None,
        storeys_above: words.get(3).map(|storeys| storeys.parse().unwrap()),
        height_cm: None,
    }
}

fn report(inspected: &str, words: &[&str]) -> Report {
    let grades = words[1..].iter().filter_map(|text| text.split_once('='));
    Report {
        inspected: day(inspected),
        kind: *ReportKind::ALL.iter().find(|kind| kind.word() == words[0]).unwrap(),
        grades: grades.map(|(scale, grade)| (scale.to_owned(), grade.to_owned())).collect(),
    }
}

fn read_life<'r>(script: &str, sets: &'r [CycleRuleSet]) -> Life<'r> {
    let mut life = Life {
        from: day("2020-01-01"),
        until: None,
        building: Steps(BTreeMap::new()),
        sets: Steps::always(sets.iter().collect()),
        reports: Vec::new(),
        open_finding_count: Steps::always(0),
    };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words[0], words[1]) {
            ("building", _) => life.building.set(Day::MIN, building(&words[1..])),
            ("ends", at) => life.until = Some(day(at)),
            (at, "is") => life.building.set(day(at), building(&words[2..])),
            (at, "report") => life.reports.push(report(at, &words[2..])),
            (at, "open") => life.open_finding_count.set(day(at), words[2].parse().unwrap()),
            _ => panic!("{line}"),
        }
    }
    life
}

fn show_bounds(bounds: Bounds) -> String {
    match (bounds.earliest, bounds.latest) {
        (None, _) => "never".to_owned(),
        (Some(earliest), Some(latest)) if earliest == latest => earliest.to_string(),
        (Some(earliest), Some(latest)) => format!("{earliest} .. {latest}"),
        (Some(earliest), None) => format!("{earliest} or later or never"),
    }
}

fn show(segment: &Segment) -> String {
    let answer = match &segment.answer {
        DueAnswer::Due { on } => format!("due on {on}"),
        DueAnswer::Exempt { until, then_due } => format!(
            "exempt until {}, then first due on {}",
            show_bounds(*until),
            show_bounds(*then_due)
        ),
        DueAnswer::Unknown { because, due, may_be_free } => {
            let because: Vec<String> = because.iter().map(ToString::to_string).collect();
            let free = if *may_be_free { ", if at all" } else { "" };
            let due = due.earliest.map(|_| format!(": due {}{free}", show_bounds(*due)));
            format!("unknown because {}{}", because.join(", "), due.unwrap_or_default())
        }
    };
    let rules: Vec<&str> = segment.basis.rules.iter().map(String::as_str).collect();
    let edition = segment.basis.set.as_ref().map_or("", |set| &set.edition);
    let from = segment.basis.counted_from;
    let from = from.map_or(String::new(), |(day, _)| format!(", counted from {day}"));
    format!("{}: {answer} [{edition} {}{from}]\n", segment.from, rules.join(" "))
}

fn show_plan(plan: &DuePlan) -> String {
    plan.segments().iter().map(show).collect()
}

/// A life under Zhengzhou's draft.
fn check(script: &str, expected: &Expect) {
    check_under(&[ZHENGZHOU.to_owned()], script, expected);
}

fn check_under(sets: &[String], script: &str, expected: &Expect) {
    let sets: Vec<CycleRuleSet> = sets.iter().map(|text| read::rule_set(text).unwrap()).collect();
    expected.assert_eq(&show_plan(&plan(&read_life(script, &sets))));
}

#[test]
fn a_dwelling_is_exempt_until_it_is_thirty() {
    check(
        "building DWELLING 2001-05-01 50",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: exempt until 2031-05-01, then first due on 2031-05-01 [2025-draft dwelling-under-30-years]
            2031-05-01: due on 2031-05-01 [2025-draft dwelling-within-design-life]
        "]],
    );
}

#[test]
fn a_dwelling_of_thirty_years_is_checked_every_ten() {
    check(
        "building DWELLING 1996-05-01 70
         2027-03-10 report check_up
         2036-11-30 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: exempt until 2026-05-01, then first due on 2026-05-01 [2025-draft dwelling-under-30-years]
            2026-05-01: due on 2026-05-01 [2025-draft dwelling-within-design-life]
            2027-03-10: due on 2037-03-10 [2025-draft dwelling-within-design-life, counted from 2027-03-10]
            2036-11-30: due on 2046-11-30 [2025-draft dwelling-within-design-life, counted from 2036-11-30]
        "]],
    );
}

#[test]
fn a_dwelling_past_its_design_life_is_checked_every_five_years() {
    check(
        "building DWELLING 1970-05-01 50
         2026-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft dwelling-design-life-reached]
            2026-03-10: due on 2031-03-10 [2025-draft dwelling-design-life-reached, counted from 2026-03-10]
        "]],
    );
}

#[test]
fn a_shop_past_its_design_life_is_checked_every_two_years() {
    check(
        "building COMMERCE 1970-05-01 50
         2026-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft non-dwelling-design-life-reached]
            2026-03-10: due on 2028-03-10 [2025-draft non-dwelling-design-life-reached, counted from 2026-03-10]
        "]],
    );
}

#[test]
fn first_check_ups_go_by_the_period_of_completion() {
    let last_days = [
        (
            "1985-12-31",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2026-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1986-01-01",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2027-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1990-12-31",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2027-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1991-01-01",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2028-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1995-12-31",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2028-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1996-01-01",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2026-01-01 [2025-draft dwelling-within-design-life]
            "]],
        ),
    ];
    for (completed, expected) in last_days {
        check(&format!("building DWELLING {completed} 70"), &expected);
    }
}

#[test]
fn a_dwelling_that_outgrows_its_design_life_is_due_no_earlier_than_that_day() {
    check(
        "building DWELLING 1985-05-01 50
         2028-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft dwelling-within-design-life]
            2028-03-10: due on 2035-05-01 [2025-draft dwelling-design-life-reached, counted from 2028-03-10]
        "]],
    );
}

#[test]
fn what_was_overdue_stays_so_when_the_building_grows_older() {
    check(
        "building DWELLING 1985-05-01 50
         2018-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2028-03-10 [2025-draft dwelling-within-design-life, counted from 2018-03-10]
        "]],
    );
}

#[test]
fn a_year_of_completion_on_either_side_of_a_limit_is_certain_and_across_it_is_not() {
    for (completed, expected) in [
        (
            "1985",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2026-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1996",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: unknown because the completion date straddles a limit: due 2026-01-01 .. 2026-12-31, if at all [2025-draft dwelling-under-30-years dwelling-within-design-life]
                2026-12-31: unknown because the completion date straddles a limit: due 2026-01-01 .. 2026-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1994..1997",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: unknown because the completion date straddles a limit: due 2026-01-01 .. 2028-12-31, if at all [2025-draft dwelling-under-30-years dwelling-within-design-life]
                2027-12-31: unknown because the completion date straddles a limit: due 2026-01-01 .. 2028-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "1990s",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: unknown because the completion date straddles a limit: due 2026-01-01 .. 2029-12-31, if at all [2025-draft dwelling-under-30-years dwelling-within-design-life]
                2029-12-31: unknown because the completion date straddles a limit: due 2026-01-01 .. 2029-12-31 [2025-draft dwelling-within-design-life]
            "]],
        ),
        (
            "<1986",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: due on 2026-12-31 [2025-draft dwelling-design-life-reached dwelling-within-design-life]
            "]],
        ),
        (
            "unknown",
            expect![[r"
                2020-01-01: unknown because no rule set is in force [ ]
                2026-01-01: unknown because the completion date is missing: due 2026-01-01 or later or never, if at all [2025-draft dwelling-design-life-reached dwelling-under-30-years dwelling-within-design-life]
            "]],
        ),
    ] {
        check(&format!("building DWELLING {completed} 70"), &expected);
    }
}

#[test]
fn a_rough_day_of_completion_does_not_matter_after_a_check_up() {
    check(
        "building DWELLING 1980s 70
         2026-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: unknown because the completion date straddles a limit: due 2026-12-31 .. 2027-12-31 [2025-draft dwelling-within-design-life]
            2026-03-10: due on 2036-03-10 [2025-draft dwelling-within-design-life, counted from 2026-03-10]
        "]],
    );
}

#[test]
fn without_a_design_life_or_use_both_bounds_are_told() {
    check(
        "building DWELLING 1985-05-01 ?",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft dwelling-design-life-reached dwelling-within-design-life]
        "]],
    );
    check(
        "building DWELLING 1985-05-01 ?
         2026-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft dwelling-design-life-reached dwelling-within-design-life]
            2026-03-10: unknown because the design life is missing: due 2031-03-10 .. 2036-03-10 [2025-draft dwelling-design-life-reached dwelling-within-design-life, counted from 2026-03-10]
        "]],
    );
    check(
        "building ? 1970-05-01 50
         2026-03-10 report check_up",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: unknown because no rule covers such a building, the use is missing: due 2026-12-31 or later or never, if at all [2025-draft dwelling-design-life-reached non-dwelling-design-life-reached]
            2026-03-10: unknown because no rule covers such a building, the use is missing: due 2028-03-10 or later or never, if at all [2025-draft dwelling-design-life-reached non-dwelling-design-life-reached, counted from 2026-03-10]
        "]],
    );
}

#[test]
fn what_the_draft_does_not_say_is_not_made_up() {
    check(
        "building MIXED 1970-05-01 50",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: unknown because no rule covers such a building [2025-draft ]
        "]],
    );
    check(
        "building COMMERCE 1985-05-01 50",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: unknown because no rule covers such a building: due 2035-05-01, if at all [2025-draft non-dwelling-design-life-reached]
            2035-05-01: due on 2035-05-01 [2025-draft non-dwelling-design-life-reached]
        "]],
    );
}

#[test]
fn only_the_kinds_that_the_rule_names_begin_a_new_cycle() {
    check(
        "building DWELLING 1985-05-01 70
         2026-03-10 report check_up
         2029-06-01 report patrol
         2030-06-01 report special_check
         2031-06-01 report appraisal",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft dwelling-within-design-life]
            2026-03-10: due on 2036-03-10 [2025-draft dwelling-within-design-life, counted from 2026-03-10]
        "]],
    );
}

#[test]
fn a_paper_that_comes_late_counts_by_the_day_of_its_inspection() {
    let in_order = "building DWELLING 1985-05-01 70
         2026-03-10 report check_up
         2030-06-01 report check_up";
    let late = "building DWELLING 1985-05-01 70
         2030-06-01 report check_up
         2026-03-10 report check_up";
    let sets = [read::rule_set(ZHENGZHOU).unwrap()];
    assert_eq!(plan(&read_life(in_order, &sets)), plan(&read_life(late, &sets)));
}

#[test]
fn a_report_that_is_taken_back_returns_the_building_to_the_days_before_it() {
    let sets = [read::rule_set(ZHENGZHOU).unwrap()];
    let due = |script: &str| {
        let plan = plan(&read_life(script, &sets));
        plan.on(day("2029-01-01")).unwrap().answer.clone()
    };
    let sound = due("building DWELLING 1985-05-01 70
         2026-03-10 report check_up");
    assert_eq!(sound, DueAnswer::Due { on: day("2036-03-10") });
    let taken_back = due("building DWELLING 1985-05-01 70");
    assert_eq!(taken_back, DueAnswer::Due { on: day("2026-12-31") });
    assert_eq!(taken_back.is_overdue_on(day("2026-12-31")), Answer::No);
    assert_eq!(taken_back.is_overdue_on(day("2027-01-01")), Answer::Yes);
}

#[test]
fn a_use_that_changes_counts_from_its_day_and_no_building_is_due_after_its_end() {
    check(
        "building DWELLING 1985-05-01 40
         2026-03-10 report check_up
         2030-01-01 is OFFICE 1985-05-01 40
         ends 2040-01-01",
        &expect![[r"
            2020-01-01: unknown because no rule set is in force [ ]
            2026-01-01: due on 2026-12-31 [2025-draft dwelling-design-life-reached]
            2026-03-10: due on 2031-03-10 [2025-draft dwelling-design-life-reached, counted from 2026-03-10]
            2030-01-01: due on 2028-03-10 [2025-draft non-dwelling-design-life-reached, counted from 2026-03-10]
        "]],
    );
}

const OLDER: &str = r#"
    table = "cycle"
    name = "example"
    edition = "1"
    standing = "example"
    jurisdiction = { scheme = "stats12", code = "410100000000" }
    from = 2020-01-01
    until = 2029-12-31
    source = "made up"
    [[rule]]
    code = "dangerous"
    when = { last_grade = { scale = "dangerous_house", edition = "JGJ125-2016", values = ["C"] } }
    then = { every = "6 months", reset_by = ["check_up", "special_check"] }
    [[rule]]
    code = "with-findings"
    when = { has_open_findings = true }
    then = { every = "1 year", reset_by = ["check_up"] }
    [[rule]]
    code = "low"
    when = { storeys_above = { at_most = 3 } }
    then = { exempt = true }
    [[rule]]
    code = "all"
    then = { every = "5 years", reset_by = ["check_up"] }
"#;

fn newer() -> String {
    OLDER
        .replace("edition = \"1\"", "edition = \"2\"\nduty_since = 2020-01-01")
        .replace(" from = 2020-01-01", " from = 2030-01-01")
        .replace("until = 2029-12-31", "")
        .replace("5 years", "8 years")
}

#[test]
fn a_new_edition_of_the_rules_counts_from_its_first_day_on() {
    check_under(
        &[OLDER.to_owned(), newer()],
        "building DWELLING 1985-05-01 50 7
         2023-03-10 report check_up",
        &expect![[r"
            2020-01-01: due on 2020-01-01 [1 all]
            2023-03-10: due on 2028-03-10 [1 all, counted from 2023-03-10]
            2030-01-01: due on 2031-03-10 [2 all, counted from 2023-03-10]
        "]],
    );
}

#[test]
fn grades_and_open_findings_shorten_the_cycle_from_their_day_on() {
    check_under(
        &[OLDER.to_owned()],
        "building DWELLING 1985-05-01 50 7
         2021-03-10 report check_up
         2021-06-01 open 2
         2022-03-01 open 0
         2023-03-10 report check_up
         2023-07-01 report appraisal dangerous_house/JGJ125-2016=C
         2023-07-02 report patrol survey/JGJ125-2016=A
         2023-08-01 report special_check reliability/GB50292-2015/safety=C_su
         2023-09-01 report appraisal dangerous_house/JGJ125-2016=B",
        &expect![[r"
            2020-01-01: due on 2020-01-01 [1 all]
            2021-03-10: due on 2026-03-10 [1 all, counted from 2021-03-10]
            2021-06-01: due on 2022-03-10 [1 with-findings, counted from 2021-03-10]
            2022-03-01: due on 2026-03-10 [1 all, counted from 2021-03-10]
            2023-03-10: due on 2028-03-10 [1 all, counted from 2023-03-10]
            2023-07-01: due on 2023-09-10 [1 dangerous, counted from 2023-03-10]
            2023-07-02: due on 2023-09-10 [1 dangerous, counted from 2023-03-10]
            2023-08-01: due on 2024-02-01 [1 dangerous, counted from 2023-08-01]
            2023-09-01: due on 2028-03-10 [1 all, counted from 2023-03-10]
            2030-01-01: unknown because no rule set is in force [ ]
        "]],
    );
}

#[test]
fn storeys_that_are_not_known_leave_the_answer_open() {
    check_under(
        &[OLDER.to_owned()],
        "building DWELLING 1985-05-01 50
         2023-03-10 report check_up
         2025-01-01 is DWELLING 1985-05-01 50 3",
        &expect![[r"
            2020-01-01: unknown because the storeys are missing: due 2020-01-01 or later or never, if at all [1 all low]
            2023-03-10: unknown because the storeys are missing: due 2028-03-10 or later or never, if at all [1 all low, counted from 2023-03-10]
            2025-01-01: exempt until never, then first due on never [1 low]
            2030-01-01: unknown because no rule set is in force [ ]
        "]],
    );
}

#[test]
fn overdue_is_answered_yes_no_or_unknown() {
    let sets = [read::rule_set(ZHENGZHOU).unwrap()];
    let overdue = |completed: &str, at: &str| {
        let plan = plan(&read_life(&format!("building DWELLING {completed} 70"), &sets));
        plan.on(day(at)).unwrap().answer.is_overdue_on(day(at))
    };
    assert_eq!(overdue("1997", "2026-12-31"), Answer::No);
    assert_eq!(overdue("1997", "2027-01-01"), Answer::No);
    assert_eq!(overdue("1997", "2027-06-01"), Answer::Unknown);
    assert_eq!(overdue("1997", "2027-12-31"), Answer::Unknown);
    assert_eq!(overdue("1997", "2028-01-01"), Answer::Yes);
    assert_eq!(overdue("unknown", "2025-12-31"), Answer::Unknown);
    assert_eq!(overdue("unknown", "2026-06-01"), Answer::Unknown);
}

#[test]
fn a_plan_has_an_answer_for_every_day_of_the_life_and_no_other() {
    let sets = [read::rule_set(ZHENGZHOU).unwrap()];
    let plan = plan(&read_life("building DWELLING 1996 50\nends 2040-01-01", &sets));
    assert_eq!(plan.until(), Some(day("2040-01-01")));
    assert!(plan.on(day("2019-12-31")).is_none());
    assert!(plan.on(day("2040-01-01")).is_none());
    assert_eq!(plan.on(day("2020-01-01")).unwrap().from, day("2020-01-01"));
    assert!(plan.on(day("2039-12-31")).is_some());
    let exempt_to = ImpreciseDay::exactly(day("2026-01-01")).earliest();
    assert!(plan.segments().iter().any(|segment| segment.from == exempt_to));
}

#[test]
fn of_a_building_of_which_nothing_is_known_every_bound_and_cause_is_told() {
    check(
        "building ? unknown ?",
        &expect![[r"
        2020-01-01: unknown because no rule set is in force [ ]
        2026-01-01: unknown because no rule covers such a building, the completion date is missing, the design life is missing, the use is missing: due 2026-01-01 or later or never, if at all [2025-draft dwelling-design-life-reached dwelling-under-30-years dwelling-within-design-life non-dwelling-design-life-reached]
    "]],
    );
    check(
        "building DWELLING unknown ?\n2027-03-10 report check_up",
        &expect![[r"
        2020-01-01: unknown because no rule set is in force [ ]
        2026-01-01: unknown because the completion date is missing: due 2026-01-01 or later or never, if at all [2025-draft dwelling-design-life-reached dwelling-under-30-years dwelling-within-design-life]
        2027-03-10: unknown because the completion date is missing, the design life is missing: due 2032-03-10 or later or never, if at all [2025-draft dwelling-design-life-reached dwelling-under-30-years dwelling-within-design-life, counted from 2027-03-10]
    "]],
    );
}
