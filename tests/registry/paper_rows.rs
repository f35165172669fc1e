//! Rows of reports and findings: recorded by the rules of every other report and finding, once, and
//! never over what somebody has said since.

use std::collections::BTreeSet;

use anju::{
    domain::{
        author::Author,
        content::{Content, Fields},
        finding::{FindingContent, Observation, PartyKey, Saying, Told, catalogue::Severity},
        grade::Grade,
        report::ReportKind,
    },
    kernel::{
        hash::Hash,
        id::{BuildingId, FindingId, Kind, ReportId, SubjectId},
        time::{ImpreciseDay, ReadTime},
    },
    registry::{
        Command, Correct, FindingRow, Import, ImportRow, ItemOutcome, ItemRecord, PaperRow,
        Reference, ReportRow, ReportStep, RowLife, RowMode, SignedRow,
    },
};
use expect_test::{Expect, expect};

use crate::{
    city::{day, fields},
    papers::{Desk, crack, stands, survey},
};

/// What a row says of a report.
#[derive(Clone)]
struct Says {
    inspected: &'static str,
    grade: &'static str,
    signed: &'static str,
    submitted: &'static str,
}

const DRAFT: Says = Says { inspected: "2025-03-01", grade: "B", signed: "", submitted: "" };

fn correct(subject: SubjectId, entry: Option<u64>, content: Content) -> Correct {
    Correct {
        subject,
        etag: None,
        entry,
        from: None,
        content,
        exists_from: None,
        ended_on: None,
        sentences: Vec::new(),
    }
}

fn graded(grades: Vec<Grade>) -> Content {
    fields(Kind::Report, |fields| {
        if let Fields::Report(report) = fields {
            report.grades = Some(Some(grades));
        }
    })
}

fn observed(seen: Observation) -> Content {
    let told = Told { saying: Saying::Observed(seen), by: Author::default() };
    fields(Kind::Finding, |fields| {
        if let Fields::Finding(finding) = fields {
            **finding = FindingContent { building: None, event: Some(told) };
        }
    })
}

fn seen(observer: &str, severity: Severity) -> Observation {
    Observation { observer: PartyKey(observer.to_owned()), ..crack(severity) }
}

impl Desk {
    fn row(&self, key: &str, text: &str, content: Content, paper: PaperRow) -> ImportRow {
        ImportRow {
            key: key.to_owned(),
            hash: Hash::of(&[key.as_bytes(), text.as_bytes()]),
            seed: self.city.seed(),
            content,
            references: vec![("building_id", Kind::Building, Reference::Id(self.building.into()))],
            exists_from: None,
            exists_from_when_new: None,
            from: None,
            life: RowLife::default(),
            opens_partition: false,
            end: None,
            paper: Some(paper),
        }
    }

    fn report_row(&self, says: &Says) -> ImportRow {
        let mut content = graded(vec![survey(says.grade)]);
        if let Fields::Report(report) = &mut content.fields {
            report.kind = Some(Some(ReportKind::CheckUp));
        }
        let signed = (!says.signed.is_empty()).then(|| SignedRow {
            signers: vec![Reference::Identifier("person".to_owned(), "p-1".to_owned())],
            scope: "structure".to_owned(),
            on: day(says.signed),
        });
        let submitted = (!says.submitted.is_empty()).then(|| day(says.submitted));
        let inspected = day(says.inspected);
        let paper = PaperRow::Report(ReportRow { inspected, signed, submitted });
        let text = [says.inspected, says.grade, says.signed, says.submitted].join(" ");
        let mut row = self.row("r-1", &text, content, paper);
        row.references.push(("body_id", Kind::Body, Reference::Id(self.body.into())));
        row
    }

    fn finding_row(&self, on: &str, seen: Observation, notice: Option<(&str, &str)>) -> ImportRow {
        let text = format!("{on} {seen:?} {notice:?}");
        let notice = notice.map(|(on, until)| (day(on), (!until.is_empty()).then(|| day(until))));
        let paper = PaperRow::Finding(FindingRow { on: day(on), notice });
        self.row("f-1", &text, observed(seen), paper)
    }

    fn send(
        &self,
        mode: RowMode,
        within: Option<SubjectId>,
        row: ImportRow,
    ) -> (String, Option<SubjectId>) {
        let within = within.map(|region| BTreeSet::from([region.try_into().unwrap()]));
        let rows = vec![(0, row)];
        let import = Import {
            source: "bureau".to_owned(),
            mode,
            within,
            insurers: None,
            rows,
            unread: Vec::new(),
        };
        let before = self.city.registry.frontier(self.city.home()).seq;
        let outcome = self.run_as("li", Command::Import(import)).unwrap();
        let told = outcome.decided.items.first().map_or_else(|| "created".to_owned(), words);
        let written = self.city.registry.frontier(self.city.home()).seq - before;
        let subject = outcome.decided.subjects.first().copied();
        (format!("{told}, {written} entries"), subject)
    }

    fn change(&self, row: ImportRow) -> String {
        self.send(RowMode::Change, None, row).0
    }

    fn correction(&self, row: ImportRow) -> String {
        self.send(RowMode::Correction, None, row).0
    }
}

fn words(item: &ItemRecord) -> String {
    let mut told = match item.outcome {
        ItemOutcome::Created => "created".to_owned(),
        ItemOutcome::Changed => "changed".to_owned(),
        ItemOutcome::Unchanged => "unchanged".to_owned(),
        ItemOutcome::Conflict => "conflict".to_owned(),
        ItemOutcome::Refused => "refused".to_owned(),
    };
    for refusal in &item.refusals {
        let line = format!("{told} {} {}", refusal.reason, refusal.field);
        line.trim_end().clone_into(&mut told);
    }
    for conflict in &item.conflicts {
        let registry = conflict.registry.as_deref().unwrap_or("nothing");
        told = format!("{told} {}: {registry}", conflict.field);
    }
    told
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
fn check(told: &[String], expected: Expect) {
    expected.assert_eq(&(told.join("\n") + "\n"));
}

#[test]
fn a_row_of_a_report_takes_its_steps_once_and_otherwise_is_a_correction() {
    let desk = Desk::new();
    let submitted = Says { signed: "2025-03-05", submitted: "2025-03-06", ..DRAFT };
    let (first, made) = desk.send(RowMode::Change, None, desk.report_row(&DRAFT));
    let subject = made.unwrap();
    let id: ReportId = subject.try_into().unwrap();
    let stands = || desk.report(id, ReadTime::NOW);
    let mut told = vec![first, stands()];
    told.push(desk.change(desk.report_row(&DRAFT)));
    told.push(desk.change(desk.report_row(&submitted)));
    told.push(stands());
    told.push(desk.change(desk.report_row(&submitted)));
    // Whoever imports has submitted, and does not accept.
    told.push(desk.step("li", id, ReportStep::Accept, "2025-03-10"));
    let worse = Says { grade: "C", inspected: "2025-03-02", ..submitted.clone() };
    told.push(desk.change(desk.report_row(&worse)));
    told.push(desk.correction(desk.report_row(&worse)));
    told.push(desk.correction(desk.report_row(&worse)));
    told.push(desk.step("zhao", id, ReportStep::Accept, "2025-03-10"));
    told.push(desk.change(desk.report_row(&worse)));
    // What was signed, and when, is put right by people.
    let later = Says { signed: "2025-03-06", ..worse.clone() };
    told.push(desk.correction(desk.report_row(&later)));
    // Somebody corrects the grade: the row is in conflict as long as that stands.
    let by_person = correct(subject, None, graded(vec![survey("B")]));
    desk.city.correct(by_person).unwrap();
    told.push(desk.change(desk.report_row(&worse)));
    told.push(desk.change(desk.report_row(&worse)));
    told.push(stands());
    check(
        &told,
        expect![[r"
        created, 2 entries
        drafted, doubt No
        unchanged, 0 entries
        changed, 3 entries
        submitted, doubt No
        unchanged, 0 entries
        FOUR_EYES
        refused ROW_DIFFERS fields.grades ROW_DIFFERS inspected_on, 0 entries
        changed, 2 entries
        unchanged, 0 entries
        accepted, doubt No
        unchanged, 0 entries
        conflict signers: sgn_01KAV9FT00000020000000000K for structure on 2025-03-05, 1 entries
        conflict grades: survey 2020 building whole B, 1 entries
        conflict grades: survey 2020 building whole B, 0 entries
        accepted, doubt No
    "]],
    );
    desk.check_rebuild();
}

#[test]
fn whose_the_day_of_a_report_is_goes_by_who_said_the_day() {
    let desk = Desk::new();
    let made = desk.send(RowMode::Change, None, desk.report_row(&DRAFT)).1;
    let subject = made.unwrap();
    let mut told = Vec::new();
    // A person corrects the grade, in the same place: the day is the source's all the same.
    let grade = correct(subject, None, graded(vec![survey("C")]));
    desk.city.correct(grade).unwrap();
    let later = Says { inspected: "2025-03-02", grade: "C", ..DRAFT };
    told.push(desk.correction(desk.report_row(&later)));
    // A person corrects the day, and the source another field: the day is the person's.
    let first = desk.city.registry.get(subject, ReadTime::NOW).unwrap().etag;
    let day = ImpreciseDay::exactly(day("2025-03-03"));
    let by_person = Correct {
        exists_from: Some(day),
        ..correct(subject, Some(first), Content::empty(Kind::Report))
    };
    desk.city.correct(by_person).unwrap();
    let third = Says { inspected: "2025-03-04", ..later };
    told.push(desk.correction(desk.report_row(&third)));
    check(
        &told,
        expect![[r"
        changed, 2 entries
        conflict inspected_on: 2025-03-03, 1 entries
    "]],
    );
}

#[test]
fn what_stands_against_a_report_stands_against_its_row_and_nothing_is_written() {
    let desk = Desk::new();
    let mut told = Vec::new();
    let bad =
        Says { inspected: "1980-01-01", grade: "Z", signed: "1979-01-01", submitted: "2999-01-01" };
    told.push(desk.change(desk.report_row(&bad)));
    let mut nowhere = desk.report_row(&DRAFT);
    nowhere.references = vec![
        ("building_id", Kind::Building, Reference::Key("no".to_owned())),
        ("body_id", Kind::Body, Reference::Identifier("uscc".to_owned(), "no".to_owned())),
    ];
    told.push(desk.change(nowhere));
    // The body is not in reach, and need not be; the building must.
    let elsewhere = desk.city.street("二街道");
    told.push(desk.send(RowMode::Change, Some(elsewhere), desk.report_row(&DRAFT)).0);
    let district = desk.city.district;
    told.push(desk.send(RowMode::Change, Some(district), desk.report_row(&DRAFT)).0);
    told.push(desk.send(RowMode::Change, Some(elsewhere), desk.report_row(&DRAFT)).0);
    check(
        &told,
        expect![[r"
        refused BEFORE_BUILDING inspected_on GRADE_VALUE fields.grades[0] DAYS_OUT_OF_ORDER signed_on SIGNER_PERIOD signers BODY_PERIOD signers SIGNER_NOT_EMPLOYED signers SIGNER_ABSENT signers BODY_ABSENT signers FUTURE_DATE submitted_on, 0 entries
        refused REFERENCE_NOT_FOUND building_id REFERENCE_NOT_FOUND body_id, 0 entries
        refused OUT_OF_REACH building_id, 0 entries
        created, 2 entries
        refused OUT_OF_REACH, 0 entries
    "]],
    );
}

#[test]
fn rows_of_one_key_are_observations_of_one_finding() {
    let desk = Desk::new();
    let first = || desk.finding_row("2025-03-01", seen("p-1", Severity::Watch), None);
    let second = || desk.finding_row("2025-03-01", seen("p-2", Severity::RepairBy), None);
    let (told_first, made) = desk.send(RowMode::Change, None, first());
    let subject = made.unwrap();
    let id: FindingId = subject.try_into().unwrap();
    let now = || {
        let found = desk.finding(id, ReadTime::NOW);
        format!("{} events: {}", found.events.len(), stands(&found))
    };
    let mut told = vec![told_first];
    told.push(desk.change(second()));
    told.push(now());
    told.push(desk.change(first()));
    told.push(desk.change(second()));
    let worse = || desk.finding_row("2025-03-01", seen("p-1", Severity::Unsafe), None);
    told.push(desk.change(worse()));
    told.push(desk.correction(worse()));
    told.push(desk.correction(worse()));
    told.push(now());
    let noticed = |until: &'static str| {
        desk.finding_row("2025-04-01", seen("p-1", Severity::Unsafe), Some(("2025-04-02", until)))
    };
    told.push(desk.change(noticed("2025-04-01")));
    told.push(desk.change(noticed("2025-06-01")));
    told.push(desk.change(noticed("2025-06-01")));
    told.push(desk.change(noticed("2025-07-01")));
    told.push(now());
    check(
        &told,
        expect![[r"
        created, 2 entries
        changed, 2 entries
        2 events: open, repair_by
        unchanged, 0 entries
        unchanged, 0 entries
        refused ROW_DIFFERS observation.severity, 0 entries
        changed, 2 entries
        unchanged, 0 entries
        2 events: open, unsafe
        refused DEADLINE_OVER deadline, 0 entries
        changed, 3 entries
        unchanged, 0 entries
        refused ROW_DIFFERS deadline, 0 entries
        4 events: notified, until 2025-06-01, unsafe, 540 days overdue, notice 600 days old (366..None)
    "]],
    );
    desk.check_rebuild();
}

#[test]
fn what_people_said_of_a_finding_since_stays() {
    let desk = Desk::new();
    let row = || desk.finding_row("2025-03-01", seen("p-1", Severity::Watch), None);
    let other = || desk.finding_row("2025-03-02", seen("p-2", Severity::Watch), None);
    let subject = desk.send(RowMode::Change, None, row()).1.unwrap();
    desk.change(other());
    let entries = desk.history(subject);
    let mut told = Vec::new();
    let by_person = observed(seen("p-1", Severity::RepairBy));
    desk.city.correct(correct(subject, Some(entries[0].position.seq), by_person)).unwrap();
    told.push(desk.change(row()));
    told.push(desk.correction(row()));
    // What was taken back is not said again by running the file again.
    desk.city.retract(subject, Some(entries[1].position.seq)).unwrap();
    told.push(desk.change(other()));
    let moved = || {
        let row = row();
        let elsewhere = Reference::Id(desk.other.into());
        ImportRow { references: vec![("building_id", Kind::Building, elsewhere)], ..row }
    };
    let mut moved_again = moved();
    moved_again.hash = Hash::of(&[b"moved"]);
    told.push(desk.change(moved_again));
    desk.city.retract(subject, None).unwrap();
    told.push(desk.change(row()));
    let fresh = desk.finding_row("2025-03-09", seen("p-1", Severity::Watch), None);
    told.push(desk.change(fresh));
    let mut unknown = desk.finding_row("2999-03-09", seen("p-1", Severity::Watch), None);
    unknown.key = "f-2".to_owned();
    told.push(desk.change(unknown));
    let other_building: BuildingId = desk.other;
    assert_ne!(other_building, desk.building);
    check(
        &told,
        expect![[r"
            conflict observation.severity: repair_by, 0 entries
            conflict observation.severity: repair_by, 0 entries
            conflict observed_on: nothing, 0 entries
            refused FINDING_OTHER_BUILDING building_id, 0 entries
            unchanged, 0 entries
            refused ENTERED_IN_ERROR key, 0 entries
            refused FUTURE_DATE observed_on, 0 entries
        "]],
    );
    desk.check_rebuild();
}
