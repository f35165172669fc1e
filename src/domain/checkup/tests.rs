//! A building's life as lines in; due days, grades, colours and counts out.
#![expect(clippy::needless_pass_by_value, reason = "expect! makes values")]

use std::{fmt::Write as _, sync::Arc};

use expect_test::{Expect, expect};

use super::*;
use crate::{
    domain::{
        author::Author,
        building::BuildingUse,
        due::DueAnswer,
        finding::{
            Event, EventId, Observation, PartyKey, Place, Saying, Source, catalogue::Severity,
        },
        grade::{Aspect, Ladder, Scale, Scope},
        reference_file::Table,
        report::Submission,
        tables::{Loaded, Parsed},
        timeline::{Saying as Said, Statement},
    },
    kernel::{
        id::{BuildingId, CompoundId, Kind, RawId, ReferenceId},
        position::Partition,
    },
};

fn raw(number: u64) -> RawId {
    RawId::new(1, Partition::ROOT, number)
}

fn tables() -> Tables {
    let grades = include_str!("../../../data/reference/grades-example.toml");
    let grades = Parsed::read(Table::Grades, grades, &[]).unwrap();
    let Parsed::Grades(scales) = &grades else { panic!() };
    let colours = include_str!("../../../data/reference/colours-example.toml");
    let colours = Parsed::read(Table::Colours, colours, &[scales]).unwrap();
    let findings = include_str!("../../../data/reference/findings-example.toml");
    let cycle = include_str!("../../../data/reference/cycle/zhengzhou-2025-draft.toml");
    let all = [
        grades.clone(),
        colours,
        Parsed::read(Table::Findings, findings, &[]).unwrap(),
        Parsed::read(Table::Cycle, cycle, &[]).unwrap(),
    ];
    let load = |(number, parsed): (u64, Parsed)| Loaded {
        id: ReferenceId::new(raw(number)),
        region: RegionId::new(raw(100)),
        parsed: Arc::new(parsed),
    };
    Tables::new((0..).zip(all).map(load).collect())
}

/// A dwelling of 1994 with a design life of 50 years, there since 1994 until `until`.
fn dwelling(until: Option<&str>) -> Timeline {
    let mut content = Content::empty(Kind::Building);
    if let Fields::Building(fields) = &mut content.fields {
        fields.compound = Some(Some(CompoundId::new(raw(50))));
        fields.completed = Some("1994-06-30".parse().ok());
        fields.design_life_years = Some(Some(50));
        fields.building_use = Some(Some(BuildingUse::Dwelling));
    }
    let say = |seq, from, saying| {
        (Statement { seq, from, second: None, key: Vec::new(), saying }, Vec::new())
    };
    let exists_from = "1994-06-30".parse().unwrap();
    let mut said = vec![say(1, Day::MIN, Said::Registered { exists_from, content })];
    if let Some(until) = until {
        let day: ImpreciseDay = until.parse().unwrap();
        let cause = crate::domain::timeline::EndCause::Demolished;
        said.push(say(2, day.earliest(), Said::Ended { day, cause }));
    }
    Timeline::fold(said)
}

fn paper(number: u64, inspected: &str, grade: &str, is_in_doubt: bool) -> Paper {
    let inspected = inspected.parse().unwrap();
    let by = Author::default();
    let signers = std::collections::BTreeSet::new();
    let submission = Submission { signed_on: inspected, signers, on: inspected, by: by.clone() };
    Paper {
        id: ReportId::new(raw(number)),
        kind: ReportKind::CheckUp,
        inspected,
        grades: vec![Grade {
            ladder: Ladder {
                scale: Scale::Survey,
                edition: "2020".to_owned(),
                scope: Scope::Building,
                aspect: Aspect::Whole,
            },
            value: grade.to_owned(),
        }],
        triggers_appraisal: false,
        state: State::Accepted { submission, on: inspected, by },
        is_in_doubt,
    }
}

/// A finding of a class that is repaired by a day, observed and then followed.
fn finding(number: u64, class: &str, events: &[(&str, Saying)]) -> (FindingId, Finding) {
    let building = BuildingId::new(raw(1));
    let id = FindingId::new(raw(number));
    let mut finding = Finding::new(building, id);
    let seen = Saying::Observed(Observation {
        source: Source::Inspector,
        observer: PartyKey("li".to_owned()),
        class: class.to_owned(),
        severity: Severity::RepairBy,
        place: Place::default(),
        report: None,
    });
    let first = events.first().map(|(on, _)| *on).unwrap();
    let all = std::iter::once((first, seen)).chain(events.iter().skip(1).cloned());
    for (seq, (on, saying)) in (number * 10..).zip(all) {
        let by = Author { subject: format!("p{seq}"), ..Author::default() };
        finding.push(Event {
            id: EventId { seq, item: 0 },
            on: on.parse().unwrap(),
            second: None,
            key: Vec::new(),
            by,
            corrects: None,
            saying,
        });
    }
    (id, finding)
}

fn dossier(
    until: Option<&str>,
    papers: Vec<Paper>,
    findings: Vec<(FindingId, Finding)>,
) -> Dossier {
    let places = Steps::always(vec![RegionId::new(raw(100))]);
    Dossier { building: Arc::new(dwelling(until)), papers, findings, places }
}

/// Every count on its days, and the due answer of some days.
fn check(dossier: &Dossier, days: &[&str], expected: Expect) {
    let tables = tables();
    let plan = dossier.due(&tables);
    let mut told = String::new();
    let mut all = counts(dossier, plan.as_ref(), &tables);
    all.sort();
    for count in all {
        let until = count.span.until.map_or_else(|| "…".to_owned(), |until| until.to_string());
        let (measure, term) = (count.measure.name(), &count.term);
        writeln!(told, "{measure} {term}: {} to {until}", count.span.from).unwrap();
    }
    for day in days {
        let answer = plan.as_ref().and_then(|plan| plan.on(day.parse().unwrap()));
        let answer = match answer.map(|segment| &segment.answer) {
            Some(DueAnswer::Due { on }) => format!("due on {on}"),
            Some(DueAnswer::Exempt { .. }) => "exempt".to_owned(),
            Some(DueAnswer::Unknown { .. }) => "unknown".to_owned(),
            None => "no building".to_owned(),
        };
        writeln!(told, "on {day}: {answer}").unwrap();
    }
    expected.assert_eq(&told);
}

#[test]
fn a_dwelling_of_1994_is_checked_graded_and_coloured() {
    let papers = vec![paper(1, "2026-03-05", "A", false)];
    check(
        &dossier(None, papers, Vec::new()),
        &["2025-12-31", "2026-01-01", "2026-03-05", "2036-03-06", "2045-01-01"],
        expect![[r"
            buildings_by_grade survey 2020 building whole A: 2026-03-05 to …
            buildings_by_colour green: 2026-03-05 to …
            buildings_by_due_state overdue: 2036-03-06 to …
            buildings_by_due_state scheduled: 2026-01-01 to 2026-03-05
            buildings_by_due_state scheduled: 2026-03-05 to 2036-03-06
            buildings_by_due_state unknown: 1994-06-30 to 2026-01-01
            check_ups_of_month check_up: 2026-03-05 to 2026-04-01
            on 2025-12-31: unknown
            on 2026-01-01: due on 2028-12-31
            on 2026-03-05: due on 2036-03-05
            on 2036-03-06: due on 2036-03-05
            on 2045-01-01: due on 2036-03-05
        "]],
    );
}

/// A paper that is an appraisal by JGJ 125.
fn appraisal(number: u64, inspected: &str, grade: &str) -> Paper {
    let mut paper = paper(number, inspected, grade, false);
    paper.kind = ReportKind::Appraisal;
    for grade in &mut paper.grades {
        grade.ladder.scale = Scale::DangerousHouse;
        grade.ladder.edition = "JGJ125-2016".to_owned();
    }
    paper
}

#[test]
fn what_an_appraisal_says_only_another_one_makes_better() {
    let papers = vec![
        paper(1, "2026-03-05", "A", false),
        appraisal(2, "2026-04-01", "C"),
        paper(3, "2026-05-01", "A", false),
        paper(4, "2026-06-01", "C", false),
        appraisal(5, "2026-07-01", "B"),
        paper(6, "2026-08-01", "A", false),
    ];
    let coloured = dossier(None, papers, Vec::new()).colours(&tables());
    let told = coloured
        .iter()
        .map(|it| format!("{} {}", it.span.from, it.colour.colour.value))
        .collect::<Vec<_>>();
    let expected = ["2026-03-05 green", "2026-04-01 orange", "2026-06-01 red", "2026-07-01 yellow"];
    assert_eq!(told, expected);
}

#[test]
fn what_is_in_doubt_is_counted_apart_and_resets_no_cycle() {
    let papers = vec![paper(1, "2026-03-05", "B", true)];
    check(
        &dossier(None, papers, Vec::new()),
        &["2026-03-05"],
        expect![[r"
        buildings_by_grade survey 2020 building whole B in_doubt: 2026-03-05 to …
        buildings_by_colour orange in_doubt: 2026-03-05 to …
        buildings_by_due_state overdue: 2029-01-01 to …
        buildings_by_due_state scheduled: 2026-01-01 to 2029-01-01
        buildings_by_due_state unknown: 1994-06-30 to 2026-01-01
        check_ups_of_month check_up in_doubt: 2026-03-05 to 2026-04-01
        on 2026-03-05: due on 2028-12-31
    "]],
    );
}

#[test]
fn a_building_with_two_findings_counts_once_for_each_indicator() {
    let firm = || PartyKey("firm".to_owned());
    let until = "2026-09-01".parse().unwrap();
    let one = finding(
        1,
        "STR.CRACK",
        &[
            ("2026-03-05", Saying::Closed),
            ("2026-03-10", Saying::Notified { deadline: Some(until) }),
            ("2026-08-01", Saying::ReportedFixed { repairer: firm() }),
            ("2026-08-20", Saying::Verified { verifier: PartyKey("other".to_owned()) }),
            ("2026-08-21", Saying::Closed),
        ],
    );
    let other = finding(2, "STR.TILT", &[("2026-06-01", Saying::Closed)]);
    check(
        &dossier(Some("2027-01-01"), Vec::new(), vec![one, other]),
        &[],
        expect![[r"
            buildings_by_due_state scheduled: 2026-01-01 to 2026-03-05
            buildings_by_due_state scheduled: 2026-03-05 to 2026-06-01
            buildings_by_due_state scheduled: 2026-06-01 to 2026-08-21
            buildings_by_due_state scheduled: 2026-08-21 to 2027-01-01
            buildings_by_due_state unknown: 1994-06-30 to 2026-01-01
            open_findings_by_class STR.CRACK: 2026-03-05 to 2026-03-10
            open_findings_by_class STR.CRACK: 2026-03-10 to 2026-04-10
            open_findings_by_class STR.CRACK: 2026-04-10 to 2026-06-09
            open_findings_by_class STR.CRACK: 2026-06-09 to 2026-08-01
            open_findings_by_class STR.CRACK: 2026-08-01 to 2026-08-20
            open_findings_by_class STR.CRACK: 2026-08-20 to 2026-08-21
            open_findings_by_class STR.TILT: 2026-06-01 to 2027-01-01
            open_findings_by_severity repair_by: 2026-03-05 to 2026-03-10
            open_findings_by_severity repair_by: 2026-03-10 to 2026-04-10
            open_findings_by_severity repair_by: 2026-04-10 to 2026-06-09
            open_findings_by_severity repair_by: 2026-06-01 to 2027-01-01
            open_findings_by_severity repair_by: 2026-06-09 to 2026-08-01
            open_findings_by_severity repair_by: 2026-08-01 to 2026-08-20
            open_findings_by_severity repair_by: 2026-08-20 to 2026-08-21
            open_findings_by_notice_age 0..30: 2026-03-10 to 2026-04-10
            open_findings_by_notice_age 31..90: 2026-04-10 to 2026-06-09
            open_findings_by_notice_age 91..180: 2026-06-09 to 2026-08-01
            open_findings_by_notice_age 91..180: 2026-08-01 to 2026-08-20
            open_findings_by_notice_age 91..180: 2026-08-20 to 2026-08-21
            buildings_by_indicator 01: 2026-03-05 to 2027-01-01
            buildings_by_indicator any: 2026-03-05 to 2027-01-01
            findings_by_stage closed: 2026-08-21 to …
            findings_by_stage notified: 2026-03-10 to 2026-04-10
            findings_by_stage notified: 2026-04-10 to 2026-06-09
            findings_by_stage notified: 2026-06-09 to 2026-08-01
            findings_by_stage open: 2026-03-05 to 2026-03-10
            findings_by_stage open: 2026-06-01 to 2027-01-01
            findings_by_stage reported_fixed: 2026-08-01 to 2026-08-20
            findings_by_stage verified: 2026-08-20 to 2026-08-21
        "]],
    );
}

#[test]
fn a_finding_not_repaired_by_the_next_cycle_is_unsafe_though_the_check_up_came_in_time() {
    let papers = vec![paper(1, "2026-03-05", "A", false), paper(2, "2036-01-10", "A", false)];
    let one = finding(1, "STR.CRACK", &[("2026-03-05", Saying::Closed)]);
    let dossier = dossier(None, papers, vec![one]);
    let tables = tables();
    let plan = dossier.due(&tables).unwrap();
    let stretches = dossier.stretches(&dossier.findings[0].1, Some(&plan), &tables);
    let told = stretches
        .iter()
        .map(|stretch| format!("{} {}", stretch.span.from, stretch.aged.severity.word()))
        .collect::<Vec<_>>();
    assert_eq!(told, ["2026-03-05 repair_by", "2036-03-06 unsafe"]);
}

#[test]
fn of_a_building_of_which_nothing_is_known_it_is_said_that_it_is_unknown() {
    let mut content = Content::empty(Kind::Building);
    if let Fields::Building(fields) = &mut content.fields {
        fields.compound = Some(Some(CompoundId::new(raw(50))));
    }
    let exists_from = "<2000-01-01".parse().unwrap();
    let saying = Said::Registered { exists_from, content };
    let said = Statement { seq: 1, from: Day::MIN, second: None, key: Vec::new(), saying };
    let building = Arc::new(Timeline::fold([(said, Vec::new())]));
    let dossier = Dossier { building, ..dossier(None, Vec::new(), Vec::new()) };
    let plan = dossier.due(&tables()).unwrap();
    let today = "2026-11-23".parse().unwrap();
    let DueAnswer::Unknown { because, .. } = &plan.on(today).unwrap().answer else { panic!() };
    let because = because.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        because,
        [
            "no rule covers such a building",
            "the completion date is missing",
            "the design life is missing",
            "the use is missing"
        ]
    );
    let basis = &plan.on(today).unwrap().basis;
    assert_eq!(basis.set.as_ref().unwrap().edition, "2025-draft");
    assert_eq!(basis.rules.len(), 4);
}
