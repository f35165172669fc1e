//! The life of a finding, as lines in and what holds per day out; and what holds of every life.

#[cfg(test)]
mod tests {
    use crate::{
        domain::{
            author::Author,
            finding::{
                Event, EventId, Finding, Measure, Observation, PartyKey, Place, Saying, Source,
                Stage, View,
                catalogue::{Catalogue, Severity},
            },
            key::ProjectKey,
            timeline::Presence,
        },
        kernel::{
            id::{BuildingId, FindingId, RawId},
            position::Partition,
            time::Day,
        },
    };
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const FILE: &str = include_str!("../../../data/reference/findings-example.toml");

    fn raw(number: u64) -> RawId {
        RawId::new(1, Partition::ROOT, number)
    }

    fn building() -> BuildingId {
        BuildingId::new(raw(1))
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn party(text: &str) -> PartyKey {
        PartyKey(text.to_owned())
    }

    fn observed(source: &str, severity: &str, class: &str) -> Saying {
        Saying::Observed(Observation {
            source: Source::ALL.into_iter().find(|one| one.word() == source).unwrap(),
            observer: party(source),
            class: class.to_owned(),
            severity: Severity::ALL.into_iter().find(|one| one.word() == severity).unwrap(),
            place: Place::default(),
            report: None,
        })
    }

    fn measure(text: &str) -> Measure {
        Measure::ALL.into_iter().find(|one| one.word() == text).unwrap()
    }

    fn saying(words: &[&str]) -> Saying {
        let reason = words[1..].join(" ");
        match words[0] {
            "sees" => observed(words[1], words[2], words[3]),
            "assesses" => Saying::Assessed {
                class: words[1].to_owned(),
                severity: Severity::ALL.into_iter().find(|one| one.word() == words[2]).unwrap(),
                reason: words[3..].join(" "),
            },
            "notifies" => Saying::Notified { deadline: words.get(1).map(|text| day(text)) },
            "extends" => {
                Saying::DeadlineMoved { deadline: day(words[1]), reason: words[2..].join(" ") }
            }
            "plans" => Saying::Planned { repairer: party(words[1]) },
            "begins" => Saying::RepairBegan { repairer: party(words[1]) },
            "fixed" => Saying::ReportedFixed { repairer: party(words[1]) },
            "verifies" => Saying::Verified { verifier: party(words[1]) },
            "rejects" => {
                let reason = words[2..].join(" ");
                Saying::VerificationFailed { verifier: party(words[1]), reason }
            }
            "closes" => Saying::Closed,
            "monitors" => Saying::Monitored,
            "unmonitors" => Saying::MonitoringEnded,
            "takes" => Saying::MeasureTaken(measure(words[1])),
            "lifts" => Saying::MeasureLifted(measure(words[1])),
            "includes" => Saying::Included(ProjectKey(raw(5))),
            "excludes" => Saying::Excluded,
            "gone" => Saying::ObjectGone { reason },
            "waives" => Saying::Waived { reason },
            "reopens" => Saying::Reopened { reason },
            "retracts" => Saying::Retracted,
            other => panic!("{other}"),
        }
    }

    /// `2026-03-01 li sees inspector repair_by STR.CRACK`, `correct 2: …`; the line is the entry.
    fn event(seq: u64, line: &str) -> Event {
        let (corrects, line) = match line.strip_prefix("correct ") {
            Some(rest) => {
                let (of, rest) = rest.split_once(": ").unwrap();
                (Some(EventId { seq: of.parse().unwrap(), item: 0 }), rest)
            }
            None => (None, line),
        };
        let words = line.split(' ').collect::<Vec<_>>();
        let person = words[1].to_owned();
        Event {
            id: EventId { seq, item: 0 },
            on: day(words[0]),
            second: None,
            key: line.as_bytes().to_vec(),
            by: Author { subject: person.clone(), person, ..Author::default() },
            corrects,
            saying: saying(&words[2..]),
        }
    }

    fn tell(view: Option<&View>, on: Day, next_check_up: Option<Day>) -> String {
        let catalogue = Catalogue::read(FILE).unwrap();
        let Some(view) = view else { return format!("{on} not seen yet") };
        let aged = view.aged(on, next_check_up, &catalogue);
        let mut told =
            format!("{on} {} {} {}", view.stage.word(), view.class, aged.severity.word());
        if let Some(since) = aged.escalated_on {
            write!(told, " since {since}").unwrap();
        }
        if let Some(days) = aged.overdue_days {
            write!(told, ", overdue {days} days").unwrap();
        }
        if let Some((days, bucket)) = aged.notice {
            let to = bucket.to_days.map_or_else(|| "∞".to_owned(), |to| to.to_string());
            write!(told, ", notice {days} days old ({}-{to})", bucket.from_days).unwrap();
        }
        if view.monitored_since.is_some() {
            told.push_str(", monitored");
        }
        for measure in &view.measures {
            write!(told, ", {}", measure.word()).unwrap();
        }
        if view.project.is_some() {
            told.push_str(", in a project");
        }
        for (id, refusal) in &view.out_of_place {
            write!(told, ", line {} out of place: {}", id.seq, refusal.reason()).unwrap();
        }
        told
    }

    /// Each line is said if it is admitted; then the days are told.
    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(script: &str, next_check_up: Option<&str>, days: &[&str], expected: Expect) {
        let catalogue = Catalogue::read(FILE).unwrap();
        let mut finding = Finding::new(building(), FindingId::new(raw(3)));
        let mut told = String::new();
        let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
        for (seq, line) in (1..).zip(lines) {
            let event = event(seq, line);
            let today = day("2029-12-31");
            match finding.admit(&event, building(), today, Presence::Exists, &catalogue) {
                Ok(()) => finding.push(event),
                Err(refusal) => writeln!(told, "line {seq}: {}", refusal.reason()).unwrap(),
            }
        }
        for text in days {
            let on = day(text);
            let told_on = tell(finding.view_on(on).as_ref(), on, next_check_up.map(day));
            writeln!(told, "{told_on}").unwrap();
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn a_finding_is_closed_after_another_party_has_verified_the_repair() {
        check(
            "
            2026-03-01 li sees inspector repair_by STR.CRACK
            2026-03-05 zhao notifies 2026-09-01
            2026-03-10 wang closes
            2026-04-01 wang plans builder
            2026-05-01 wang begins builder
            2026-06-01 wang fixed builder
            2026-06-02 hu verifies builder
            2026-06-03 wang verifies office
            2026-06-04 zhao rejects office the crack is wet
            2026-06-20 wang fixed builder
            2026-06-25 zhao verifies office
            2026-06-26 zhao closes
            2026-07-01 zhao notifies 2026-09-01
            2026-07-02 zhao waives
            ",
            None,
            &[
                "2026-02-01",
                "2026-03-02",
                "2026-04-05",
                "2026-05-05",
                "2026-06-03",
                "2026-06-10",
                "2026-06-25",
                "2026-07-01",
            ],
            expect![[r"
                line 3: FINDING_STATE
                line 7: VERIFIER_REPAIRED
                line 8: VERIFIER_REPAIRED
                line 13: FINDING_STATE
                line 14: REASON_MISSING
                2026-02-01 not seen yet
                2026-03-02 open STR.CRACK repair_by
                2026-04-05 planned STR.CRACK repair_by, notice 31 days old (31-90)
                2026-05-05 under_repair STR.CRACK repair_by, notice 61 days old (31-90)
                2026-06-03 reported_fixed STR.CRACK repair_by, notice 90 days old (31-90)
                2026-06-10 under_repair STR.CRACK repair_by, notice 97 days old (91-180)
                2026-06-25 verified STR.CRACK repair_by, notice 112 days old (91-180)
                2026-07-01 closed STR.CRACK repair_by
            "]],
        );
    }

    #[test]
    fn what_nobody_repairs_becomes_overdue_and_then_unsafe_by_itself() {
        let script = "
            2026-03-01 li sees inspector repair_by ENV.FINISH
            2026-03-05 zhao notifies 2026-09-01
            ";
        let days = ["2026-09-01", "2026-09-02", "2027-03-01", "2027-03-02", "2027-09-02"];
        check(
            script,
            Some("2027-03-01"),
            &days,
            expect![[r"
                2026-09-01 notified ENV.FINISH repair_by, notice 180 days old (91-180)
                2026-09-02 notified ENV.FINISH repair_by, overdue 1 days, notice 181 days old (181-365)
                2027-03-01 notified ENV.FINISH repair_by, overdue 181 days, notice 361 days old (181-365)
                2027-03-02 notified ENV.FINISH unsafe since 2027-03-02, overdue 182 days, notice 362 days old (181-365)
                2027-09-02 notified ENV.FINISH unsafe since 2027-03-02, overdue 366 days, notice 546 days old (366-∞)
            "]],
        );
        check(
            script,
            None,
            &["2027-09-01", "2027-09-02"],
            expect![[r"
                2027-09-01 notified ENV.FINISH repair_by, overdue 365 days, notice 545 days old (366-∞)
                2027-09-02 notified ENV.FINISH unsafe since 2027-09-02, overdue 366 days, notice 546 days old (366-∞)
            "]],
        );
    }

    #[test]
    fn a_repair_in_time_stops_the_clock_until_it_is_found_not_done() {
        check(
            "
            2026-03-01 li sees inspector repair_by ENV.FINISH
            2026-03-05 zhao notifies 2026-09-01
            2026-09-01 wang fixed builder
            2026-10-01 zhao rejects office still loose
            2026-10-02 zhao extends 2026-12-31 frost
            ",
            None,
            &["2026-09-30", "2026-10-01", "2026-10-02", "2027-01-01"],
            expect![[r"
                2026-09-30 reported_fixed ENV.FINISH repair_by, notice 209 days old (181-365)
                2026-10-01 under_repair ENV.FINISH repair_by, overdue 30 days, notice 210 days old (181-365)
                2026-10-02 under_repair ENV.FINISH repair_by, notice 211 days old (181-365)
                2027-01-01 under_repair ENV.FINISH repair_by, overdue 1 days, notice 302 days old (181-365)
            "]],
        );
    }

    #[test]
    fn measures_watching_and_projects_go_beside_and_an_object_gone_ends_all() {
        check(
            "
            2026-03-01 li sees inspector unsafe ENV.FINISH
            2026-03-01 li takes fence
            2026-03-02 li monitors
            2026-03-03 li lifts evacuation
            2026-04-01 zhao includes
            2026-05-01 zhao excludes
            2026-05-02 li lifts fence
            2026-06-01 zhao gone taken down
            2026-06-02 zhao reopens by mistake
            ",
            None,
            &["2026-03-02", "2026-04-01", "2026-05-02", "2026-06-02"],
            expect![[r"
                line 4: FINDING_STATE
                line 9: FINDING_STATE
                2026-03-02 open ENV.FINISH unsafe, monitored, fence
                2026-04-01 open ENV.FINISH unsafe, monitored, fence, in a project
                2026-05-02 open ENV.FINISH unsafe, monitored
                2026-06-02 object_gone ENV.FINISH unsafe, monitored
            "]],
        );
    }

    #[test]
    fn that_the_object_is_gone_says_another_party_than_the_repairer_and_why() {
        check(
            "
            2026-03-01 li sees inspector unsafe ENV.FINISH
            2026-03-02 li plans builder
            2026-03-03 hu begins builder
            2026-03-04 hu gone taken down
            2026-03-05 zhao gone
            2026-03-06 zhao gone taken down
            ",
            None,
            &["2026-03-05", "2026-03-06"],
            expect![[r"
                line 4: GONE_BY_REPAIRER
                line 5: REASON_MISSING
                2026-03-05 under_repair ENV.FINISH unsafe
                2026-03-06 object_gone ENV.FINISH unsafe
            "]],
        );
        // A paper that comes late: whoever said so had a hand in the repair.
        check(
            "
            2026-03-01 li sees inspector unsafe ENV.FINISH
            2026-03-06 zhao gone taken down
            2026-03-05 zhao begins builder
            ",
            None,
            &["2026-03-06"],
            expect![[r"
                2026-03-06 under_repair ENV.FINISH unsafe, line 2 out of place: GONE_BY_REPAIRER
            "]],
        );
    }

    #[test]
    fn what_was_waived_can_be_opened_again_and_what_was_said_in_error_taken_back() {
        check(
            "
            2026-03-01 li sees owner watch STA.LIGHT
            2026-03-02 zhao waives own lamp
            2026-05-01 zhao reopens dark since
            correct 3: 2026-05-01 zhao retracts
            correct 1: 2026-02-01 li sees owner repair_by STA.LIGHT
            2026-04-01 zhao retracts
            2026-04-01 li sees owner watch STA.GHOST
            2030-04-01 li sees owner watch STA.LIGHT
            2026-01-01 zhao notifies 2026-02-01
            ",
            None,
            &["2026-02-01", "2026-06-01"],
            expect![[r"
                line 6: ENTRY_NOT_FOUND
                line 7: CLASS_UNKNOWN
                line 8: FUTURE_DATE
                line 9: FINDING_NOT_OBSERVED
                2026-02-01 open STA.LIGHT repair_by
                2026-06-01 waived STA.LIGHT repair_by
            "]],
        );
    }

    #[test]
    fn a_repair_of_which_the_defect_is_seen_again_is_none_and_its_notice_stands() {
        check(
            "
            2026-03-01 li sees inspector repair_by ENV.FINISH
            2026-03-05 zhao notifies 2026-09-01
            2026-08-01 wang fixed builder
            2026-09-05 li sees patrol watch ENV.FINISH
            2026-09-06 zhao verifies office
            2026-09-10 wang fixed builder
            2026-09-11 hu fixed builder
            2026-09-12 li verifies builder
            2026-09-12 zhao verifies office
            ",
            None,
            &["2026-09-04", "2026-09-05", "2026-09-12"],
            expect![[r"
                line 5: FINDING_STATE
                line 8: VERIFIER_REPAIRED
                2026-09-04 reported_fixed ENV.FINISH repair_by, notice 183 days old (181-365)
                2026-09-05 notified ENV.FINISH repair_by, overdue 4 days, notice 184 days old (181-365)
                2026-09-12 verified ENV.FINISH repair_by, overdue 11 days, notice 191 days old (181-365)
            "]],
        );
    }

    #[test]
    fn what_is_seen_again_after_its_repair_was_verified_is_open_anew() {
        let script = "
            2026-03-01 li sees inspector unsafe ENV.FINISH
            2026-03-05 zhao notifies 2026-09-01
            2026-06-01 wang fixed builder
            2026-06-05 zhao verifies office
            ";
        let days = ["2026-06-05", "2026-06-10", "2027-03-01"];
        let again = "2026-06-10 li sees patrol repair_by ENV.FINISH";
        // Before it was closed, and after.
        check(
            &format!("{script}\n{again}\n2026-06-11 zhao closes"),
            Some("2026-12-31"),
            &days,
            expect![[r"
                line 6: FINDING_STATE
                2026-06-05 verified ENV.FINISH unsafe, notice 92 days old (91-180)
                2026-06-10 open ENV.FINISH repair_by
                2027-03-01 open ENV.FINISH unsafe since 2027-01-01
            "]],
        );
        check(
            &format!("{script}\n2026-06-06 zhao closes\n{again}\n2026-06-11 zhao closes"),
            Some("2026-12-31"),
            &days,
            expect![[r"
                line 7: FINDING_STATE
                2026-06-05 verified ENV.FINISH unsafe, notice 92 days old (91-180)
                2026-06-10 open ENV.FINISH repair_by
                2027-03-01 open ENV.FINISH unsafe since 2027-01-01
            "]],
        );
        // A paper that comes late: what was said in between has nothing to stand on.
        check(
            &format!(
                "{script}\n2026-06-06 zhao closes\n2026-06-03 li sees patrol watch ENV.FINISH"
            ),
            None,
            &["2026-06-02", "2026-06-10"],
            expect![[r"
                2026-06-02 reported_fixed ENV.FINISH unsafe, notice 89 days old (31-90)
                2026-06-10 notified ENV.FINISH unsafe, notice 97 days old (91-180), line 4 out of place: FINDING_STATE, line 5 out of place: FINDING_STATE
            "]],
        );
        // What was waived, or is gone, is not opened by a look at it.
        check(
            "
            2026-03-01 li sees inspector watch ENV.FINISH
            2026-03-02 zhao waives heritage
            2026-03-03 li sees patrol unsafe ENV.FINISH
            ",
            None,
            &["2026-03-03"],
            expect![[r"
                line 3: FINDING_STATE
                2026-03-03 waived ENV.FINISH watch
            "]],
        );
    }

    #[test]
    fn a_paper_that_arrives_late_puts_a_verification_by_the_repairer_out_of_place() {
        check(
            "
            2026-03-01 li sees inspector repair_by STR.CRACK
            2026-06-01 wang fixed builder
            2026-06-25 zhao verifies office
            2026-06-26 zhao closes
            2026-05-01 hu begins office
            ",
            None,
            &["2026-07-01"],
            expect![[r"
                2026-07-01 reported_fixed STR.CRACK repair_by, line 3 out of place: VERIFIER_REPAIRED, line 4 out of place: FINDING_STATE
            "]],
        );
    }

    #[test]
    fn whoever_else_says_to_have_repaired_it_does_not_verify_it_either() {
        check(
            "
            2026-03-01 li sees inspector repair_by STR.CRACK
            2026-06-01 wang fixed builder
            2026-06-02 hu fixed owner
            2026-06-03 hu verifies office
            2026-06-03 zhao verifies owner
            2026-06-03 zhao verifies office
            ",
            None,
            &["2026-06-02", "2026-06-03"],
            expect![[r"
                line 4: VERIFIER_REPAIRED
                line 5: VERIFIER_REPAIRED
                2026-06-02 reported_fixed STR.CRACK repair_by
                2026-06-03 verified STR.CRACK repair_by
            "]],
        );
    }

    #[test]
    fn the_repairer_is_known_in_every_spelling_and_by_the_company_that_he_acts_for() {
        let of = |seq: u64, line: &str, role: &str, institution: &str| {
            let mut event = event(seq, line);
            (event.by.role, event.by.institution) = (role.to_owned(), institution.to_owned());
            event
        };
        let mut finding = Finding::new(building(), FindingId::new(raw(3)));
        finding.push(event(1, "2026-03-01 li sees inspector repair_by STR.CRACK"));
        finding.push(of(2, "2026-06-01 wang fixed Firm-3", "contractor", "parent-9"));
        finding.push(of(3, "2026-06-01 qian fixed sub-1", "grid_worker", "street-1"));
        let catalogue = Catalogue::read(FILE).unwrap();
        let mut told = String::new();
        for (key, institution) in [
            ("firm-3", ""),
            ("ＦＩＲＭ－３", ""),
            (" firm-3", ""),
            ("office", "firm -3"),
            ("office", "Parent-9"),
            ("PARENT-9", ""),
            ("SUB-1", "street-1"),
            ("office", "street-1"),
        ] {
            let mut said = of(9, "2026-06-02 zhao verifies office", "inspection_body", institution);
            said.saying = Saying::Verified { verifier: party(key) };
            let today = day("2029-12-31");
            let admitted =
                finding.admit(&said, building(), today, Presence::Exists, &catalogue).err();
            let reason = admitted.map_or("verified", |refusal| refusal.reason());
            writeln!(told, "{key:?} of {institution:?}: {reason}").unwrap();
        }
        expect![[r#"
            "firm-3" of "": VERIFIER_REPAIRED
            "ＦＩＲＭ－３" of "": VERIFIER_REPAIRED
            " firm-3" of "": VERIFIER_REPAIRED
            "office" of "firm -3": VERIFIER_REPAIRED
            "office" of "Parent-9": VERIFIER_REPAIRED
            "PARENT-9" of "": VERIFIER_REPAIRED
            "SUB-1" of "street-1": VERIFIER_REPAIRED
            "office" of "street-1": verified
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn two_inspectors_who_were_offline_report_one_finding_with_both_observations() {
        let one = |number, seq, line: &str| {
            let mut finding = Finding::new(building(), FindingId::new(raw(number)));
            finding.push(event(seq, line));
            finding
        };
        let first = one(31, 1, "2026-03-02 li sees inspector repair_by STR.CRACK");
        let second = one(32, 2, "2026-03-01 hu sees inspector unsafe STR.CRACK");
        let third = one(30, 3, "2026-03-03 pan sees insurer watch STR.CRACK");
        let last = day("2026-03-03");
        assert!(first.view_on(last).unwrap().may_be(&second.view_on(last).unwrap()));
        let merged = first.clone().merge(second.clone()).unwrap().merge(third.clone()).unwrap();
        let other_way = third.merge(first.clone()).unwrap().merge(second).unwrap();
        assert_eq!(merged, other_way);
        assert_eq!(merged.number(), Some(FindingId::new(raw(30))));
        let view = merged.view_on(last).unwrap();
        let mut told = format!("{} {}\n", view.stage.word(), view.severity.word());
        for (_, on, seen) in &view.observations {
            let (source, severity) = (seen.source.word(), seen.severity.word());
            writeln!(told, "{on} {source} {severity}").unwrap();
        }
        expect![[r"
            open unsafe
            2026-03-01 inspector unsafe
            2026-03-02 inspector repair_by
            2026-03-03 insurer watch
        "]]
        .assert_eq(&told);
        let elsewhere = Finding::new(BuildingId::new(raw(2)), FindingId::new(raw(33)));
        assert_eq!(first.merge(elsewhere).unwrap_err().reason(), "FINDING_OTHER_BUILDING");
    }

    /// Lines of a made-up life: what, who, when.
    fn lives() -> impl Strategy<Value = Vec<(Day, String)>> {
        let what = proptest::sample::select(vec![
            "sees inspector repair_by STR.CRACK",
            "sees insurer unsafe STR.TILT",
            "assesses STR.TILT watch seen again",
            "notifies 2026-06-01",
            "extends 2026-07-15 rain",
            "plans builder",
            "begins builder",
            "begins office",
            "fixed builder",
            "fixed owner",
            "fixed builder",
            "verifies office",
            "verifies builder",
            "verifies office",
            "rejects office wet",
            "closes",
            "closes",
            "monitors",
            "takes fence",
            "lifts fence",
            "gone taken down",
            "waives heritage",
            "reopens again",
        ]);
        let who = proptest::sample::select(vec!["li", "hu", "zhao"]);
        let one = (1..28_i8, who, what).prop_map(|(date, who, what)| {
            let on = Day::from_ymd(2026, 3, date).unwrap();
            (on, format!("{on} {who} {what}"))
        });
        proptest::collection::vec(one, 1..24)
    }

    /// The caller's key is the place in the made-up life, whatever entry brings it.
    fn told_in(order: &[usize], life: &[(Day, String)]) -> Finding {
        let mut finding = Finding::new(building(), FindingId::new(raw(3)));
        for (seq, at) in (1..).zip(order) {
            let mut event = event(seq, &life[*at].1);
            event.key = u32::try_from(*at).unwrap().to_be_bytes().to_vec();
            finding.push(event);
        }
        finding
    }

    /// The view without entry numbers, which differ by arrival: the caller's keys in their stead.
    fn nameless(finding: &Finding, on: Day) -> Option<View> {
        let mut view = finding.view_on(on)?;
        let name = |id: &mut EventId| {
            let event = finding.events().find(|event| event.id == *id).unwrap();
            let key = <[u8; 4]>::try_from(event.key.as_slice()).unwrap();
            *id = EventId { seq: u64::from(u32::from_be_bytes(key)), item: 0 };
        };
        view.observations.iter_mut().for_each(|(id, ..)| name(id));
        view.out_of_place.iter_mut().for_each(|(id, _)| name(id));
        Some(view)
    }

    fn arrival_does_not_matter(life: &[(Day, String)], order: &[usize]) {
        let in_order = told_in(&(0..life.len()).collect::<Vec<_>>(), life);
        let shuffled = told_in(order, life);
        for date in 0..31 {
            let on = Day::from_number(day("2026-03-01").number() + date).unwrap();
            assert_eq!(nameless(&in_order, on), nameless(&shuffled, on), "on {on}");
        }
    }

    /// Read from the lines alone: something closed it after somebody else had verified the last
    /// repair that was reported before.
    fn ends_only_as_it_may(life: &[(Day, String)]) {
        let finding = told_in(&(0..life.len()).collect::<Vec<_>>(), life);
        let Some(view) = finding.view_on(Day::MAX) else { return };
        let mut lines = life.iter().collect::<Vec<_>>();
        lines.sort_by_key(|(on, _)| *on);
        let said = |line: &(Day, String), word: &str| line.1.split(' ').nth(2) == Some(word);
        let part =
            |line: &(Day, String), nth: usize| line.1.split(' ').nth(nth).unwrap().to_owned();
        let is_justified = match view.stage {
            Stage::Closed => (0..lines.len()).any(|closing| {
                let before = &lines[..closing];
                said(lines[closing], "closes")
                    && (0..before.len()).any(|verifying| {
                        let verified = before[verifying];
                        let repairs = before[..verifying].iter().rfind(|line| said(line, "fixed"));
                        said(verified, "verifies")
                            && repairs.is_some_and(|fixed| {
                                part(fixed, 3) != part(verified, 3)
                                    && part(fixed, 1) != part(verified, 1)
                            })
                    })
            }),
            Stage::ObjectGone => lines.iter().any(|line| said(line, "gone")),
            Stage::Waived => lines.iter().any(|line| said(line, "waives")),
            _ => true,
        };
        assert!(is_justified, "{} by {lines:#?}", view.stage.word());
    }

    /// Read from the lines alone: what was seen after the last word of a repair is not repaired.
    fn nothing_seen_since_stays_repaired(life: &[(Day, String)]) {
        let finding = told_in(&(0..life.len()).collect::<Vec<_>>(), life);
        let Some(view) = finding.view_on(Day::MAX) else { return };
        let mut lines = life.iter().collect::<Vec<_>>();
        lines.sort_by_key(|(on, _)| *on);
        let last =
            |word: &str| lines.iter().rposition(|(_, line)| line.split(' ').nth(2) == Some(word));
        if last("sees") > last("fixed") {
            let is_repaired =
                matches!(view.stage, Stage::ReportedFixed | Stage::Verified | Stage::Closed);
            assert!(!is_repaired, "{} by {lines:#?}", view.stage.word());
        }
    }

    /// What days make of it differs from the day before on the days that were foretold, and on no
    /// other.
    fn turns_are_foretold(life: &[(Day, String)], next_check_up: i32) {
        let catalogue = Catalogue::read(FILE).unwrap();
        let finding = told_in(&(0..life.len()).collect::<Vec<_>>(), life);
        let Some(view) = finding.view_on(Day::MAX) else { return };
        let first = day("2026-04-01").number();
        let next_check_up = Day::from_number(first + next_check_up);
        let turns = view.turns(next_check_up, &catalogue);
        let told = |on: Day| {
            let aged = view.aged(on, next_check_up, &catalogue);
            let bucket = aged.notice.map(|(_, bucket)| bucket);
            (aged.severity, aged.overdue_days.is_some(), bucket)
        };
        for number in first..first + 500 {
            let on = Day::from_number(number).unwrap();
            if told(on) != told(on.previous()) {
                assert!(turns.contains(&on), "{on} was not foretold");
            }
        }
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_the_same_view(
            (life, order) in lives().prop_flat_map(|life| {
                let order = Just((0..life.len()).collect::<Vec<_>>()).prop_shuffle();
                (Just(life), order)
            }),
        ) {
            arrival_does_not_matter(&life, &order);
        }

        #[test]
        fn no_path_closes_a_finding_without_verification_by_another_party(life in lives()) {
            ends_only_as_it_may(&life);
        }

        #[test]
        fn what_is_seen_again_does_not_stay_repaired(life in lives()) {
            nothing_seen_since_stays_repaired(&life);
        }

        #[test]
        fn what_passing_days_turn_is_foretold(life in lives(), next_check_up in 0..400_i32) {
            turns_are_foretold(&life, next_check_up);
        }
    }
}
