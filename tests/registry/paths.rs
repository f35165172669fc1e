//! Properties of findings and of arrival: no way leads round the other party's eyes, and nothing that
//! is true depends on which paper came first.

use std::fmt::Write as _;

use anju::{
    domain::{
        content::{Content, Fields},
        finding::{PartyKey, Saying, Stage, catalogue::Severity},
        report::ReportKind,
    },
    kernel::{
        id::{BuildingId, FindingId, IdSeed, Kind, ReportId, SubjectId},
        page::PageRequest,
        time::{KnownAt, ReadTime},
    },
    registry::{
        AdvanceReport, Change, Command, Correct, DueDays, Error, FindingSeen, FollowFinding,
        ObserveFinding, ReportStep, Retract, Sighting, Wanted, Which,
    },
};
use proptest::prelude::*;

use crate::{
    city::{at, day, fields, said},
    papers::{Desk, crack, survey},
    story::cases,
};

const DAYS: [&str; 8] = [
    "2025-01-10",
    "2025-02-01",
    "2025-03-01",
    "2025-04-01",
    "2025-05-01",
    "2025-06-01",
    "2025-07-01",
    "2026-11-01",
];
const PARTIES: [&str; 3] = ["firm", "works", "bureau"];

fn party(choice: u8) -> PartyKey {
    PartyKey(PARTIES[usize::from(choice) % PARTIES.len()].to_owned())
}

/// What a person may say; the common way to the end is said the most.
fn saying(what: u8, by: u8) -> Saying {
    let repairer = party(by);
    let verifier = party(by);
    let reason = String::new();
    match what % 16 {
        0 | 1 => Saying::Notified { deadline: None },
        2 => Saying::Planned { repairer },
        3 => Saying::RepairBegan { repairer },
        4..=6 => Saying::ReportedFixed { repairer },
        7..=9 => Saying::Verified { verifier },
        10..=12 => Saying::Closed,
        13 => Saying::VerificationFailed { verifier, reason },
        14 => Saying::Reopened { reason },
        _ => Saying::Waived { reason },
    }
}

type Act = (u8, u8, u8, u8);

fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()), 1..most)
}

/// What leads on from where a finding stands.
fn next(desk: &Desk, finding: FindingId, by: u8) -> Saying {
    let stage = desk.finding(finding, ReadTime::NOW).view.map(|view| view.stage);
    match stage {
        Some(Stage::Open) => Saying::Notified { deadline: None },
        Some(Stage::ReportedFixed) => Saying::Verified { verifier: party(by) },
        Some(Stage::Verified) => Saying::Closed,
        Some(Stage::Closed | Stage::Waived) => Saying::Reopened { reason: String::new() },
        _ => Saying::ReportedFixed { repairer: party(by) },
    }
}

/// Says, corrects or takes something back, as a hand with bad luck would.
fn act(desk: &Desk, finding: FindingId, number: usize, (what, a, b, c): Act) {
    let who = ["wang", "zhao"][usize::from(c) % 2];
    let entries = desk.history(finding.into());
    // The last entries; the first would take the finding away.
    let entry = entries[entries.len() - 1 - usize::from(a) % entries.len().min(3)].entry.seq;
    let command = match what % 12 {
        0 => {
            let content = fields(Kind::Finding, |fields| {
                if let Fields::Finding(finding) = fields {
                    let by = anju::domain::author::Author {
                        subject: who.to_owned(),
                        ..anju::domain::author::Author::default()
                    };
                    let saying = saying(b, c / 2);
                    finding.event = Some(anju::domain::finding::Told { saying, by });
                }
            });
            Command::Correct(correct(finding.into(), Some(entry), None, content))
        }
        1 => {
            let from = Some(DAYS[usize::from(b) % DAYS.len()]);
            let content = Content::empty(Kind::Finding);
            Command::Correct(correct(finding.into(), Some(entry), from, content))
        }
        2 => Command::Retract(Retract { subject: finding.into(), etag: None, entry: Some(entry) }),
        turn => {
            // Mostly in the order of days, now and then not; and mostly what leads on.
            let on = if b.is_multiple_of(5) { usize::from(b) } else { (number / 4 + 1).min(7) };
            let saying = if turn < 6 { saying(a, c / 2) } else { next(desk, finding, c / 2) };
            Command::FollowFinding(FollowFinding {
                finding,
                etag: None,
                on: day(DAYS[on % DAYS.len()]),
                second_of_day: None,
                order_key: Vec::new(),
                saying,
            })
        }
    };
    let _ = desk.run_as(who, command);
}

fn correct(
    subject: SubjectId,
    entry: Option<u64>,
    from: Option<&str>,
    content: Content,
) -> Correct {
    Correct {
        subject,
        etag: None,
        entry,
        from: from.map(day),
        content,
        exists_from: None,
        ended_on: None,
        sentences: Vec::new(),
    }
}

/// Whether what was said and fits leads to where the finding stands, by no more than this: it is
/// closed after somebody who neither repaired nor spoke for the repairer has seen the repair.
fn ends_rightly(found: &FindingSeen) -> Result<&'static str, String> {
    let Some(view) = &found.view else { return Ok("not there") };
    let mut fitting: Vec<_> =
        found.events.iter().filter(|seen| seen.out_of_place.is_none()).collect();
    fitting.sort_by_key(|seen| (seen.event.on, seen.event.id));
    let (mut repairs, mut is_verified, mut last) = (Vec::new(), false, None);
    for seen in fitting {
        let event = &seen.event;
        match &event.saying {
            Saying::ReportedFixed { repairer } => {
                repairs.push((repairer.clone(), event.by.subject.clone()));
                is_verified = false;
            }
            Saying::Verified { verifier } => {
                let is_own = repairs
                    .iter()
                    .any(|(repairer, by)| repairer == verifier || *by == event.by.subject);
                is_verified = !repairs.is_empty() && !is_own;
            }
            Saying::VerificationFailed { .. } => is_verified = false,
            // What is repaired from then on is another repair.
            Saying::Reopened { .. } => {
                repairs.clear();
                is_verified = false;
            }
            _ => {}
        }
        if matches!(
            event.saying,
            Saying::Closed | Saying::Waived { .. } | Saying::ObjectGone { .. }
        ) {
            last = Some((event.saying.clone(), is_verified));
        }
    }
    let told = format!("{:?} by {:?}", view.stage, found.events);
    match (view.stage, last) {
        (Stage::Closed, Some((Saying::Closed, true))) => Ok("closed"),
        (Stage::Waived, Some((Saying::Waived { .. }, _))) => Ok("waived"),
        (Stage::ObjectGone, Some((Saying::ObjectGone { .. }, _))) => Ok("gone"),
        (Stage::Closed | Stage::Waived | Stage::ObjectGone, _) => Err(told),
        _ => Ok("open"),
    }
}

fn walked(walk: &[Act]) -> Vec<&'static str> {
    let desk = Desk::new();
    let seen = desk.sighting("2025-01-10", None, crack(Severity::RepairBy));
    let finding = desk.observe(desk.building, seen).unwrap();
    for (number, one) in walk.iter().enumerate() {
        act(&desk, finding, number, *one);
    }
    let ends = DAYS.map(|valid| {
        let found = desk.finding(finding, at(valid, KnownAt::Now));
        ends_rightly(&found).unwrap_or_else(|told| panic!("{valid}: {told}"))
    });
    ends.to_vec()
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn no_path_closes_a_finding_unseen_by_another_party(walk in acts(40)) {
        walked(&walk);
    }
}

/// The walks of the property are worth nothing if none of them comes to an end.
#[test]
fn walks_come_to_every_end() {
    use proptest::{
        strategy::ValueTree,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut ends = std::collections::BTreeSet::new();
    for _ in 0..40 {
        ends.extend(walked(&acts(40).new_tree(&mut runner).unwrap().current()));
    }
    assert!(["open", "closed", "waived"].iter().all(|end| ends.contains(end)), "{ends:?}");
}

/// Chains of facts: of one chain each follows on the one before, and of two nothing is said of both.
#[expect(clippy::too_many_lines, reason = "one chain after another")]
fn chains(desk: &Desk) -> Vec<Vec<(&'static str, Command)>> {
    let mut chains = Vec::new();
    for (inspected, kind, value) in [
        ("2025-03-01", ReportKind::CheckUp, "B"),
        ("2025-08-01", ReportKind::CheckUp, "A"),
        ("2026-02-01", ReportKind::Patrol, "C"),
    ] {
        let mut report = desk.draft(inspected, vec![survey(value)]);
        if let Fields::Report(fields) = &mut report.content.fields {
            fields.kind = Some(Some(kind));
            fields.order = None;
        }
        let seed = report.seed;
        report.findings = vec![(0, desk.sighting(inspected, None, crack(Severity::Watch)))];
        let id: ReportId = id(desk, Kind::Report, seed).try_into().unwrap();
        let step = |step: ReportStep, on: &str| {
            Command::AdvanceReport(AdvanceReport { report: id, etag: None, step, on: day(on) })
        };
        // Each step by itself, so that other papers come between a draft and its submission.
        chains.push(vec![
            ("li", Command::RecordReport(Box::new(report))),
            ("li", step(desk.signed(), inspected)),
            ("li", step(ReportStep::Submit, inspected)),
            ("zhao", step(ReportStep::Accept, "2026-03-01")),
        ]);
    }
    let seed = desk.city.seed();
    let finding: FindingId = id(desk, Kind::Finding, seed).try_into().unwrap();
    let observe = |finding: Which, on: &str, severity: Severity| {
        let observed = Sighting {
            finding,
            on: day(on),
            second_of_day: None,
            order_key: Vec::new(),
            observation: crack(severity),
        };
        Command::ObserveFinding(Box::new(ObserveFinding {
            building: desk.building,
            etag: None,
            observed,
        }))
    };
    let follow = |on: &str, saying: Saying| {
        Command::FollowFinding(FollowFinding {
            finding,
            etag: None,
            on: day(on),
            second_of_day: None,
            order_key: Vec::new(),
            saying,
        })
    };
    let firm = || PartyKey("firm".to_owned());
    chains.push(vec![
        ("li", observe(Which::New(seed), "2025-01-10", Severity::RepairBy)),
        ("zhao", follow("2025-01-20", Saying::Notified { deadline: None })),
        ("wang", follow("2025-05-01", Saying::ReportedFixed { repairer: firm() })),
        (
            "zhao",
            follow("2025-05-02", Saying::Verified { verifier: PartyKey("bureau".to_owned()) }),
        ),
        ("zhao", follow("2025-05-03", Saying::Closed)),
    ]);
    let building = SubjectId::from(desk.building);
    let change = |from: &str, content: Content| {
        Command::Change(Change {
            subject: building,
            etag: None,
            from: day(from),
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        })
    };
    for (from, life) in [("2000-01-01", 50), ("2020-01-01", 30), ("2026-02-01", 40)] {
        let content = fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.design_life_years = Some(Some(life));
            }
        });
        chains.push(vec![("zhao", change(from, content))]);
    }
    chains
}

fn id(desk: &Desk, kind: Kind, seed: IdSeed) -> SubjectId {
    let raw = anju::kernel::id::RawId::new(seed.unix_ms, desk.city.home(), seed.random);
    SubjectId::new(kind, raw)
}

/// Everything that is told of a building and what is about it, without entry numbers.
fn everything(desk: &Desk) -> String {
    let mut told = String::new();
    let registry = &desk.city.registry;
    let building: BuildingId = desk.building;
    for valid in
        ["2025-01-15", "2025-03-02", "2025-05-01", "2026-02-01", "2026-11-23", "2031-01-01"]
    {
        let time = at(valid, KnownAt::Now);
        let seen = registry.get(building.into(), time).unwrap();
        writeln!(told, "{valid} {:?}", seen.content).unwrap();
        let check_ups = registry.check_ups(building, time).unwrap();
        writeln!(told, "{:?}", (&check_ups.due, &check_ups.grades, &check_ups.colour)).unwrap();
        writeln!(told, "{:?} {}", check_ups.papers, check_ups.open_finding_count).unwrap();
        let page = PageRequest { rows: 50, after: Vec::new() };
        let wanted = anju::registry::FindingsWanted::default();
        let (rows, _) = registry.list_findings(building.into(), &wanted, time, &page).unwrap();
        for found in rows.rows {
            let view = found.view.unwrap();
            let mut events = found
                .events
                .iter()
                .map(|seen| format!("{:?} {:?}", seen.event.on, seen.event.saying));
            let mut events: Vec<_> = events.by_ref().collect();
            events.sort();
            writeln!(
                told,
                "{} {} since {} {} {:?} {:?} {events:?}",
                found.leads_to,
                view.stage.word(),
                view.since,
                view.severity.word(),
                view.deadline,
                found.aged
            )
            .unwrap();
        }
        let totals = registry.totals_of(desk.city.district, time, Wanted::Terms).unwrap();
        writeln!(told, "{:?}", totals.termed).unwrap();
    }
    let days = DueDays { from: None, to: None, with_uncertain: true };
    let page = PageRequest { rows: 50, after: Vec::new() };
    let (rows, _) = registry.list_due(desk.city.district, days, &page).unwrap();
    writeln!(told, "{:?}", rows.rows).unwrap();
    told
}

/// What is true after the chains arrived, each time from the one that a choice picks.
fn arrived(choices: &[u8]) -> Result<String, Error> {
    let desk = Desk::new();
    let known = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.completed = Some(Some(said("1990-05-01")));
            building.design_life_years = Some(Some(60));
            building.building_use = Some(anju::domain::building::BuildingUse::from_number(1));
        }
    });
    desk.city.change(desk.building.into(), "1990-05-01", known.clone())?;
    desk.city.change(desk.other.into(), "1991-01-01", known)?;
    for (table, text) in [
        ("colours", include_str!("../../data/reference/colours-example.toml")),
        ("cycle", include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml")),
    ] {
        desk.load(table, text);
    }
    let mut chains = chains(&desk);
    for chain in &mut chains {
        chain.reverse();
    }
    let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
    while !chains.is_empty() {
        let index = usize::from(choices.next().unwrap_or(0)) % chains.len();
        if let Some((who, command)) = chains[index].pop() {
            desk.run_as(who, command)?;
        }
        chains.retain(|chain| !chain.is_empty());
    }
    let told = everything(&desk);
    desk.check_rebuild();
    Ok(told)
}

proptest! {
    #![proptest_config(cases(5))]

    #[test]
    fn the_order_in_which_facts_arrive_does_not_change_what_is_true(
        choices in prop::collection::vec(any::<u8>(), 26),
    ) {
        let usual = arrived(&[]).unwrap();
        prop_assert_eq!(arrived(&choices).unwrap(), usual);
    }
}

/// What the order of arrival must not change is really told: closed, due, graded.
#[test]
fn what_is_compared_says_something() {
    let told = arrived(&[]).unwrap();
    for word in ["closed since 2025-05-03", "Due {", "\"A\"", "orange", "Graded", "CheckUp"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}
