//! Reports and findings on the registry: a building's life as lines in, what stands and what is
//! refused out.

use std::{fmt::Write as _, sync::Arc};

use anju::{
    domain::{
        author::Author,
        content::{Content, Fields},
        finding::{Observation, PartyKey, Place, Saying, Source, catalogue::Severity},
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        qualification::{Employment, Period, Qualification},
        report::{ReportKind, Signatures},
        timeline::EndCause,
        totals::Measure,
    },
    kernel::{
        id::{BodyId, BuildingId, FindingId, Kind, OrderId, ReportId, SignerId, SubjectId},
        page::PageRequest,
        time::{KnownAt, ReadTime},
    },
    registry::{
        AdvanceReport, Command, Correct, End, Error, FindingSeen, FindingsWanted, FollowFinding,
        HistoryRow, Merge, MergeInto, ObserveFinding, Outcome, RecordReport, ReportStep, Sighting,
        Wanted, Which, replay,
    },
    store::{Store, memory::MemoryStore},
};
use expect_test::{Expect, expect};

use crate::{
    city::{City, at, day, fields, said},
    rebuild::{journal_of, state},
};

const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");

/// A building that is looked at by a body with a signer, for an order.
pub(crate) struct Desk {
    kept: Arc<MemoryStore>,
    pub(crate) city: City,
    pub(crate) building: BuildingId,
    pub(crate) other: BuildingId,
    pub(crate) body: BodyId,
    pub(crate) signer: SignerId,
    order: OrderId,
}

fn licence(from: &str) -> Vec<Qualification> {
    vec![Qualification {
        scope: "structure".to_owned(),
        certificate: "C-1".to_owned(),
        period: Period { from: from.parse().unwrap(), until: None },
        suspensions: Vec::new(),
    }]
}

fn grade(scale: Scale, edition: &str, value: &str) -> Grade {
    let (scope, aspect) = (Scope::Building, Aspect::Whole);
    Grade {
        ladder: Ladder { scale, edition: edition.to_owned(), scope, aspect },
        value: value.to_owned(),
    }
}

pub(crate) fn survey(value: &str) -> Grade {
    grade(Scale::Survey, "2020", value)
}

pub(crate) fn crack(severity: Severity) -> Observation {
    Observation {
        source: Source::Inspector,
        observer: PartyKey("p-1".to_owned()),
        class: "STR.CRACK".to_owned(),
        severity,
        place: Place::default(),
        report: None,
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self::without_reference();
        for (table, text) in [("grades", GRADES), ("findings", FINDINGS)] {
            desk.load(table, text);
        }
        desk
    }

    pub(crate) fn load(&self, table: &str, text: &str) {
        let content = fields(Kind::Reference, |fields| {
            if let Fields::Reference(reference) = fields {
                reference.region = Some(self.city.city.try_into().ok());
                reference.table = Some(Some(table.to_owned()));
                reference.name = Some(Some(table.to_owned()));
                reference.edition = Some(Some("1".to_owned()));
                reference.text = Some(Some(text.to_owned()));
            }
        });
        self.city.register(content, "2000", false).unwrap();
    }

    fn without_reference() -> Self {
        let kept = Arc::new(MemoryStore::new());
        let city = City::on(Arc::clone(&kept) as Arc<dyn Store>);
        Self::on(kept, city)
    }

    /// Without reference data, in a city of its own; `kept` is what a rebuild is compared with.
    pub(crate) fn on(kept: Arc<MemoryStore>, city: City) -> Self {
        let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
        let [building, other] =
            ["1990-05-01", "1991"].map(|from| city.building(compound, from, 1_000));
        let district = city.district;
        let body = fields(Kind::Body, |fields| {
            if let Fields::Body(body) = fields {
                body.region = Some(district.try_into().ok());
                body.name = Some(Some("检测站".to_owned()));
                body.qualifications = Some(Some(licence("2010-01-01")));
            }
        });
        let body: BodyId = city.register(body, "2000", false).unwrap().try_into().unwrap();
        let mut signer = fields(Kind::Signer, |fields| {
            if let Fields::Signer(signer) = fields {
                signer.region = Some(district.try_into().ok());
                signer.qualifications = Some(Some(licence("2010-01-01")));
                // From some day of 2024 on.
                let period = Period { from: "2024".parse().unwrap(), until: None };
                signer.employments = Some(Some(vec![Employment { body, period }]));
            }
        });
        signer.shared.identifiers.insert("person".to_owned(), vec!["p-1".to_owned()]);
        let signer = city.register(signer, "2000", false).unwrap().try_into().unwrap();
        let order = fields(Kind::Order, |fields| {
            if let Fields::Order(order) = fields {
                order.building = Some(building.try_into().ok());
                order.kind = Some(Some(ReportKind::CheckUp));
                order.body = Some(Some(body));
            }
        });
        let order = city.register(order, "2025-01-10", false).unwrap().try_into().unwrap();
        let [building, other] = [building, other].map(|id| id.try_into().unwrap());
        Self { kept, city, building, other, body, signer, order }
    }

    pub(crate) fn run_as(&self, who: &str, command: Command) -> Result<Outcome, Error> {
        let mut call = self.city.call(self.city.home());
        call.author = Author { subject: who.to_owned(), ..Author::default() };
        self.city.registry.execute(call, command)
    }

    pub(crate) fn signed(&self) -> ReportStep {
        let signers = [self.signer].into();
        ReportStep::Sign(Signatures { signers, scope: "structure".to_owned() })
    }

    pub(crate) fn draft(&self, inspected: &str, grades: Vec<Grade>) -> RecordReport {
        let content = fields(Kind::Report, |fields| {
            if let Fields::Report(report) = fields {
                report.building = Some(Some(self.building));
                report.order = Some(Some(self.order));
                report.kind = Some(Some(ReportKind::CheckUp));
                report.body = Some(Some(self.body));
                report.grades = Some(Some(grades));
            }
        });
        RecordReport {
            seed: self.city.seed(),
            content,
            inspected: day(inspected),
            findings: Vec::new(),
            steps: Vec::new(),
            sentences: Vec::new(),
        }
    }

    pub(crate) fn sighting(
        &self,
        on: &str,
        which: Option<FindingId>,
        seen: Observation,
    ) -> Sighting {
        Sighting {
            finding: which.map_or_else(|| Which::New(self.city.seed()), Which::Known),
            on: day(on),
            second_of_day: None,
            order_key: Vec::new(),
            observation: seen,
        }
    }

    fn record(&self, report: RecordReport) -> Result<Outcome, Error> {
        self.run_as("li", Command::RecordReport(Box::new(report)))
    }

    pub(crate) fn observe(
        &self,
        building: BuildingId,
        sighting: Sighting,
    ) -> Result<FindingId, Error> {
        let observe = ObserveFinding { building, etag: None, observed: sighting };
        let outcome = self.run_as("patrol", Command::ObserveFinding(Box::new(observe)))?;
        Ok(outcome.decided.subjects[0].try_into().unwrap())
    }

    pub(crate) fn step(&self, who: &str, report: ReportId, step: ReportStep, on: &str) -> String {
        let step = AdvanceReport { report, etag: None, step, on: day(on) };
        let done = self.run_as(who, Command::AdvanceReport(step));
        done.map_or_else(told, |_| self.report(report, ReadTime::NOW))
    }

    fn follow(&self, who: &str, finding: FindingId, on: &str, saying: Saying) -> String {
        let (second_of_day, order_key) = (None, Vec::new());
        let on = day(on);
        let follow = FollowFinding { finding, etag: None, on, second_of_day, order_key, saying };
        let done = self.run_as(who, Command::FollowFinding(follow));
        done.map_or_else(told, |_| stands(&self.finding(finding, ReadTime::NOW)))
    }

    /// Says something of a finding on a day to come, against an etag that is over, without saying why.
    fn alike(&self, id: FindingId) -> usize {
        let found = self.city.registry.findings_alike(&[id], ReadTime::NOW).unwrap();
        found.iter().map(|(_, alike)| alike.len()).sum()
    }

    fn say_without_reason(&self, finding: FindingId, saying: Saying) -> String {
        let (second_of_day, order_key) = (None, Vec::new());
        let (etag, on) = (Some(1), day("2027-02-01"));
        let follow = FollowFinding { finding, etag, on, second_of_day, order_key, saying };
        let mut call = self.city.call(self.city.home());
        call.reason = String::new();
        let done = self.city.registry.execute(call, Command::FollowFinding(follow));
        done.map_or_else(told, |_| "done".to_owned())
    }

    /// The entries of a subject, oldest first.
    pub(crate) fn history(&self, id: SubjectId) -> Vec<HistoryRow> {
        let page = PageRequest { rows: 100, after: Vec::new() };
        self.city.registry.history(id, KnownAt::Now, &page).unwrap().rows
    }

    pub(crate) fn report(&self, id: ReportId, time: ReadTime) -> String {
        let seen = self.city.registry.get(id.into(), time).unwrap();
        let stand = seen.report_stand.unwrap();
        format!("{}, doubt {:?}", stand.state.word(), stand.doubt)
    }

    pub(crate) fn finding(&self, id: FindingId, time: ReadTime) -> FindingSeen {
        self.city.registry.finding(id, time).unwrap()
    }

    fn listed(&self, wanted: &FindingsWanted, time: ReadTime) -> Vec<FindingId> {
        let page = PageRequest { rows: 50, after: Vec::new() };
        let of = self.city.district;
        let (rows, _) = self.city.registry.list_findings(of, wanted, time, &page).unwrap();
        rows.rows.into_iter().map(|found| found.leads_to).collect()
    }

    /// Whatever was said, a rebuild of the state gives the same bytes.
    pub(crate) fn check_rebuild(&self) {
        let copy = journal_of(self.kept.as_ref());
        replay(&copy, &copy, &mut |_, _| {}).unwrap();
        assert!(state(&copy) == state(self.kept.as_ref()));
    }
}

/// All that stands against a command.
fn told(error: Error) -> String {
    match error {
        Error::Refused(refusals) => {
            let one = |refusal: anju::registry::Refusal| {
                format!("{} {}", refusal.reason, refusal.field).trim_end().to_owned()
            };
            refusals.into_iter().map(one).collect::<Vec<_>>().join(", ")
        }
        other => panic!("{other}"),
    }
}

pub(crate) fn stands(found: &FindingSeen) -> String {
    let Some(view) = &found.view else { return "not there".to_owned() };
    let mut told = view.stage.word().to_owned();
    if let Some(deadline) = view.deadline {
        write!(told, ", until {deadline}").unwrap();
    }
    let Some(aged) = found.aged else { return told };
    write!(told, ", {}", aged.severity.word()).unwrap();
    if let Some(days) = aged.overdue_days {
        write!(told, ", {days} days overdue").unwrap();
    }
    if let Some((days, bucket)) = aged.notice {
        write!(told, ", notice {days} days old ({}..{:?})", bucket.from_days, bucket.to_days)
            .unwrap();
    }
    told
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
fn check(told: &[String], expected: Expect) {
    expected.assert_eq(&(told.join("\n") + "\n"));
}

#[test]
fn a_report_and_its_findings_are_recorded_at_once_and_accepted_by_other_eyes() {
    let desk = Desk::new();
    let mut report = desk.draft("2025-03-01", vec![survey("B")]);
    report.findings = vec![
        (0, desk.sighting("2025-03-01", None, crack(Severity::RepairBy))),
        (1, desk.sighting("2025-02-28", None, crack(Severity::Watch))),
    ];
    report.steps =
        vec![(desk.signed(), day("2025-03-05")), (ReportStep::Submit, day("2025-03-06"))];
    let outcome = desk.record(report).unwrap();
    let id: ReportId = outcome.decided.subjects[0].try_into().unwrap();
    let first: FindingId = outcome.decided.subjects[1].try_into().unwrap();
    let mut lines = vec![
        format!("{} entries", outcome.entries.len()),
        desk.report(id, ReadTime::NOW),
        desk.report(id, at("2025-03-05", KnownAt::Now)),
        stands(&desk.finding(first, ReadTime::NOW)),
        format!("{} look like it", desk.alike(first)),
    ];
    lines.push(desk.step("li", id, ReportStep::Accept, "2025-03-10"));
    lines.push(desk.step("zhao", id, ReportStep::Accept, "2025-03-04"));
    lines.push(desk.step("zhao", id, ReportStep::Accept, "2025-03-10"));
    lines.push(desk.step("zhao", id, ReportStep::Submit, "2025-03-11"));
    check(
        &lines,
        expect![[r"
        5 entries
        submitted, doubt No
        signed, doubt No
        open, repair_by
        1 look like it
        FOUR_EYES
        DAYS_OUT_OF_ORDER on
        accepted, doubt No
        REPORT_STATE id
    "]],
    );
    // The report is among what the finding's observation rests on.
    let seen = desk.finding(first, ReadTime::NOW).view.unwrap();
    assert_eq!(seen.observations[0].2.report, Some(id));
    // The signature names by what it was judged.
    let entries = desk.history(id.into());
    let signing = &entries[1].entry;
    assert!(signing.basis.len() >= 3, "{:?}", signing.basis);
    desk.check_rebuild();
}

#[test]
fn what_cannot_be_is_refused_with_its_own_reason_and_nothing_is_written() {
    let desk = Desk::new();
    let head = || desk.city.registry.frontier(desk.city.home()).seq;
    let elsewhere = desk
        .observe(desk.other, desk.sighting("2025-01-01", None, crack(Severity::Watch)))
        .unwrap();
    let before = head();
    let refused =
        |report: RecordReport| desk.record(report).map_or_else(told, |_| "done".to_owned());
    let found = |seen: Observation, which| {
        let mut report = desk.draft("2025-03-01", vec![]);
        report.findings = vec![
            (0, desk.sighting("2025-03-01", None, crack(Severity::Watch))),
            (1, desk.sighting("2025-03-01", which, seen)),
        ];
        report
    };
    let ghost = Observation { class: "STR.GHOST".to_owned(), ..crack(Severity::Watch) };
    let graded = |grade| desk.draft("2025-03-01", vec![grade]);
    let mut lines = vec![
        refused(desk.draft("2026-11-24", vec![])),
        refused(desk.draft("1989-01-01", vec![])),
        refused(graded(survey("Z"))),
        refused(graded(grade(Scale::DangerousHouse, "JGJ125-2016", "C"))),
        refused(graded(grade(Scale::Condition, "2020", "B"))),
        refused(graded(grade(Scale::Colour, "2020", "red"))),
        refused(found(ghost.clone(), None)),
        refused(found(crack(Severity::Watch), Some(elsewhere))),
    ];
    // All at once.
    let mut report = found(ghost, None);
    report.inspected = day("2027-01-01");
    if let Fields::Report(fields) = &mut report.content.fields {
        fields.kind = Some(Some(ReportKind::SpecialCheck));
        fields.body = Some(None);
        fields.grades = Some(Some(vec![survey("A"), survey("Q")]));
        fields.dimensions = Some(Some(vec!["STR".to_owned(), "XYZ".to_owned()]));
    }
    lines.push(refused(report));
    // An unqualified signer: employed since 2024, and on no day of 2023.
    let mut report = desk.draft("2023-03-01", vec![]);
    report.steps = vec![(desk.signed(), day("2023-03-05"))];
    lines.push(refused(report));
    assert_eq!(head(), before);
    check(
        &lines,
        expect![[r"
            FUTURE_DATE inspected_on
            BEFORE_BUILDING inspected_on
            GRADE_VALUE fields.grades[0]
            GRADE_OF_APPRAISAL fields.grades[0]
            GRADE_EDITION fields.grades[0]
            GRADE_EDITION fields.grades[0]
            CLASS_UNKNOWN findings[1].observation.class
            FINDING_OTHER_BUILDING findings[1].finding_id
            FUTURE_DATE inspected_on, REPORT_KIND fields.kind, GRADE_WITHOUT_BODY fields.grades, GRADE_VALUE fields.grades[1], REPEATED fields.grades[1], DIMENSION_UNKNOWN fields.dimensions[1], CLASS_UNKNOWN findings[1].observation.class
            SIGNER_NOT_EMPLOYED signatures.signer_ids
        "]],
    );
}

#[test]
fn what_cannot_be_judged_without_reference_data_is_refused() {
    let desk = Desk::without_reference();
    let mut report = desk.draft("2025-03-01", vec![survey("B")]);
    report.findings = vec![(0, desk.sighting("2025-03-01", None, crack(Severity::Watch)))];
    let refused = desk.record(report).map_or_else(told, |_| "done".to_owned());
    expect!["REFERENCE_MISSING fields.grades, REFERENCE_MISSING findings[0].observation.class"]
        .assert_eq(&refused);
}

#[test]
fn a_possible_objection_is_overridden_by_its_name_and_a_certain_one_never() {
    let desk = Desk::new();
    let sign = |on: &str, overrides: &[&str], reason: &str| {
        let mut report = desk.draft(on, vec![]);
        report.steps = vec![(desk.signed(), day(on))];
        let mut call = desk.city.call(desk.city.home());
        call.overrides = overrides.iter().map(|rule| (*rule).to_owned()).collect();
        reason.clone_into(&mut call.reason);
        let done = desk.city.registry.execute(call, Command::RecordReport(Box::new(report)));
        match done {
            Err(error) => told(error),
            Ok(outcome) => {
                let id: ReportId = outcome.decided.subjects[0].try_into().unwrap();
                let entries = desk.history(id.into());
                let body = entries[1].entry.body.clone().unwrap();
                format!("{}, overridden {:?}", desk.report(id, ReadTime::NOW), body.overridden)
            }
        }
    };
    let rule = "SIGNER_NOT_EMPLOYED";
    check(
        &[
            sign("2024-06-01", &[], "why"),
            sign("2024-06-01", &[rule], ""),
            sign("2024-06-01", &[rule], "the contract is here"),
            sign("2023-06-01", &[rule], "the contract is here"),
            sign("2025-06-01", &[], ""),
        ],
        expect![[r#"
            SIGNER_NOT_EMPLOYED signatures.signer_ids
            REASON_MISSING context.reason
            signed, doubt Unknown, overridden ["SIGNER_NOT_EMPLOYED"]
            SIGNER_NOT_EMPLOYED signatures.signer_ids
            signed, doubt No, overridden []
        "#]],
    );
}

#[expect(clippy::too_many_lines, reason = "one life after another")]
#[test]
fn what_is_signed_is_corrected_and_never_simply_changed() {
    let desk = Desk::new();
    let mut report = desk.draft("2025-03-01", vec![survey("B")]);
    report.steps =
        vec![(desk.signed(), day("2025-03-05")), (ReportStep::Submit, day("2025-03-06"))];
    let id = desk.record(report).unwrap().decided.subjects[0];
    let graded = |grade: Grade| {
        fields(Kind::Report, |fields| {
            if let Fields::Report(report) = fields {
                report.grades = Some(Some(vec![grade]));
            }
        })
    };
    let correct =
        |content: Content, entry: Option<u64>, from: Option<&str>, inspected: Option<&str>| {
            let done = desk.city.correct(Correct {
                subject: id,
                etag: None,
                entry,
                from: from.map(day),
                content,
                exists_from: inspected.map(said),
                ended_on: None,
                sentences: Vec::new(),
            });
            done.map_or_else(told, |_| {
                let seen = desk.city.registry.get(id, ReadTime::NOW).unwrap();
                let given = match seen.content.fields {
                    Fields::Report(report) => report.grades.flatten().unwrap_or_default(),
                    _ => vec![],
                };
                format!("{} since {}", given[0].value, seen.exists_from.unwrap())
            })
        };
    let nothing = || Content::empty(Kind::Report);
    let entries = desk.history(id);
    let seqs: Vec<u64> = entries.iter().map(|row| row.entry.seq).collect();
    let retract = |entry: u64| {
        let done = desk.city.retract(id, Some(entry));
        done.map_or_else(told, |_| desk.report(id.try_into().unwrap(), ReadTime::NOW))
    };
    let changed = desk.city.change(id, "2025-04-01", graded(survey("A")));
    let ended = desk.run_as(
        "li",
        Command::End(End {
            subject: id,
            etag: None,
            day: said("2025-04-01"),
            cause: EndCause::Other,
        }),
    );
    check(
        &[
            changed.map_or_else(told, |_| "done".to_owned()),
            ended.map_or_else(told, |_| "done".to_owned()),
            correct(graded(survey("A")), None, None, None),
            correct(graded(survey("Z")), None, None, None),
            correct(nothing(), Some(seqs[1]), Some("2025-03-07"), None),
            correct(nothing(), Some(seqs[1]), Some("2025-03-02"), None),
            correct(nothing(), None, None, Some("2025-03-03")),
            correct(nothing(), None, None, Some("2025-03")),
            correct(nothing(), None, None, Some("1989-03-01")),
            correct(nothing(), None, None, Some("2025-03-02")),
            retract(seqs[1]),
            retract(seqs[2]),
        ],
        expect![[r"
            REPORT_STATE id
            HAS_NO_END id
            A since 2025-03-01
            GRADE_VALUE fields.grades[0]
            DAYS_OUT_OF_ORDER entry
            A since 2025-03-01
            DAYS_OUT_OF_ORDER entry
            OUT_OF_RANGE exists_from
            BEFORE_BUILDING exists_from
            A since 2025-03-02
            REPORT_STATE entry
            signed, doubt No
        "]],
    );
    desk.check_rebuild();
}

#[test]
fn a_returned_report_is_followed_by_another_of_its_building_and_kind() {
    let desk = Desk::new();
    let submitted = |inspected: &str| {
        let mut report = desk.draft(inspected, vec![survey("B")]);
        let on = day(inspected);
        report.steps = vec![(desk.signed(), on), (ReportStep::Submit, on)];
        let outcome = desk.record(report).unwrap();
        ReportId::try_from(outcome.decided.subjects[0]).unwrap()
    };
    let (first, second) = (submitted("2025-03-01"), submitted("2025-03-20"));
    check(
        &[
            desk.step("li", first, ReportStep::Return, "2025-03-10"),
            desk.step("zhao", first, ReportStep::Return, "2025-03-10"),
            desk.step("zhao", first, ReportStep::Supersede(first), "2025-03-21"),
            desk.step("zhao", first, ReportStep::Supersede(second), "2025-03-21"),
            desk.step("zhao", second, ReportStep::Accept, "2025-03-22"),
            desk.step("zhao", second, ReportStep::Supersede(first), "2025-03-23"),
        ],
        expect![[r"
            FOUR_EYES
            returned, doubt No
            SUPERSEDES_ITSELF by_id
            superseded, doubt No
            accepted, doubt No
            REPORT_STATE by_id
        "]],
    );
    let seen = desk.city.registry.get(first.into(), at("2025-03-15", KnownAt::Now)).unwrap();
    assert_eq!(seen.report_stand.unwrap().returned_because, "a test");
}

#[expect(clippy::too_many_lines, reason = "one life after another")]
#[test]
fn a_finding_is_closed_only_after_another_party_has_seen_the_repair() {
    let desk = Desk::new();
    let seen = desk.sighting("2025-01-10", None, crack(Severity::RepairBy));
    let id = desk.observe(desk.building, seen).unwrap();
    let party = |name: &str| PartyKey(name.to_owned());
    let fixed = || Saying::ReportedFixed { repairer: party("firm") };
    let verified = |by: &str| Saying::Verified { verifier: party(by) };
    let say = |who: &str, on: &str, saying: Saying| desk.follow(who, id, on, saying);
    let mut lines = vec![
        say("zhao", "2025-01-20", Saying::Notified { deadline: None }),
        say("zhao", "2025-02-01", Saying::Closed),
        say("zhao", "2024-12-31", Saying::Closed),
        say("zhao", "2027-12-31", Saying::Closed),
    ];
    let wanted =
        |is_by_age, is_overdue| FindingsWanted { is_by_age, is_overdue, ..Default::default() };
    lines.push(format!(
        "overdue in June {}",
        desk.listed(&wanted(false, true), at("2025-06-30", KnownAt::Now)).len()
    ));
    lines.push(format!("overdue now {}", desk.listed(&wanted(false, true), ReadTime::NOW).len()));
    lines.push(stands(&desk.finding(id, at("2025-02-20", KnownAt::Now))));
    lines.extend([
        say("wang", "2025-09-01", fixed()),
        say("zhao", "2025-09-02", verified("firm")),
        say("wang", "2025-09-02", verified("office")),
        say("zhao", "2025-09-02", verified("office")),
        say("zhao", "2025-09-03", Saying::Closed),
        say("zhao", "2025-09-04", Saying::Waived { reason: String::new() }),
        say("zhao", "2025-09-05", Saying::Reopened { reason: String::new() }),
    ]);
    check(
        &lines,
        expect![[r"
        notified, until 2025-07-19, unsafe, 492 days overdue, notice 672 days old (366..None)
        FINDING_STATE id
        FINDING_NOT_OBSERVED on
        FUTURE_DATE on, FINDING_STATE id
        overdue in June 0
        overdue now 1
        notified, until 2025-07-19, repair_by, notice 31 days old (31..Some(90))
        reported_fixed, until 2025-07-19, repair_by, 492 days overdue, notice 672 days old (366..None)
        VERIFIER_REPAIRED saying.verified.verifier
        VERIFIER_REPAIRED saying.verified.verifier
        verified, until 2025-07-19, repair_by, 492 days overdue, notice 672 days old (366..None)
        closed, until 2025-07-19, repair_by
        FINDING_STATE id
        open, repair_by
    "]],
    );

    // Its first day is corrected, and its class is not made up.
    let correct = |content: Content, from: Option<&str>, first: Option<&str>| {
        let done = desk.city.correct(Correct {
            subject: id.into(),
            etag: None,
            entry: None,
            from: from.map(day),
            content,
            exists_from: first.map(said),
            ended_on: None,
            sentences: Vec::new(),
        });
        done.map_or_else(told, |_| {
            desk.finding(id, ReadTime::NOW).view.unwrap().first_observed.to_string()
        })
    };
    let nothing = || Content::empty(Kind::Finding);
    check(
        &[
            correct(nothing(), None, Some("2025-01-09")),
            correct(nothing(), None, Some("2025-01")),
            correct(nothing(), None, Some("1985-01-01")),
            correct(nothing(), Some("2027-01-01"), None),
        ],
        expect![[r"
            2025-01-09
            OUT_OF_RANGE exists_from
            BEFORE_BUILDING exists_from
            ENTRY_NOT_FOUND entry
        "]],
    );
    desk.check_rebuild();
}

#[test]
fn merged_findings_are_one_under_every_number_until_that_is_taken_back() {
    let desk = Desk::new();
    let see = |building, on: &str, severity| {
        desk.observe(building, desk.sighting(on, None, crack(severity))).unwrap()
    };
    let one = see(desk.building, "2025-01-10", Severity::Watch);
    let two = see(desk.building, "2025-01-12", Severity::Unsafe);
    let elsewhere = see(desk.other, "2025-01-12", Severity::Unsafe);
    let merge = |from: FindingId, into: FindingId| {
        let into = MergeInto::Existing(into.into());
        let day = day("2025-02-01");
        let merge = Merge { kind: Kind::Finding, subjects: vec![from.into()], day, into };
        desk.run_as("zhao", Command::Merge(merge))
    };
    let told_of = |id| {
        let found = desk.finding(id, ReadTime::NOW);
        let leads = if found.leads_to == one { "one" } else { "two" };
        let seen = found.view.as_ref().map_or(0, |view| view.observations.len());
        format!("{leads}: {}, {seen} observations, {} numbers", stands(&found), found.numbers.len())
    };
    let mut lines = vec![
        merge(elsewhere, one).map_or_else(told, |_| "done".to_owned()),
        merge(two, one).map_or_else(told, |_| "done".to_owned()),
        told_of(one),
        told_of(two),
        format!("{} listed", desk.listed(&FindingsWanted::default(), ReadTime::NOW).len()),
        // What is said under the old number is said of the one.
        desk.follow("zhao", two, "2025-03-01", Saying::Notified { deadline: None }),
    ];
    let sighting = desk.sighting("2025-03-02", Some(two), crack(Severity::Watch));
    assert_eq!(desk.observe(desk.building, sighting).unwrap(), one);
    lines.push(told_of(two));
    let edge = desk.history(two.into());
    let merged = edge.last().unwrap().entry.seq;
    desk.city.retract(two.into(), Some(merged)).unwrap();
    lines.extend([told_of(one), told_of(two)]);
    check(
        &lines,
        expect![[r"
        FINDING_OTHER_BUILDING ids
        done
        one: open, unsafe, 2 observations, 2 numbers
        one: open, unsafe, 2 observations, 2 numbers
        2 listed
        notified, until 2025-03-31, unsafe, 602 days overdue, notice 632 days old (366..None)
        one: notified, until 2025-03-31, unsafe, 602 days overdue, notice 632 days old (366..None), 3 observations, 2 numbers
        one: notified, watch, notice 632 days old (366..None), 2 observations, 1 numbers
        two: open, unsafe, 1 observations, 1 numbers
    "]],
    );
    desk.check_rebuild();
}

#[test]
fn open_findings_and_orders_go_with_their_building_and_come_back_with_it() {
    let desk = Desk::new();
    let see = |on: &str| {
        desk.observe(desk.building, desk.sighting(on, None, crack(Severity::Unsafe))).unwrap()
    };
    let (open, waived) = (see("2025-01-10"), see("2025-01-12"));
    desk.follow("zhao", waived, "2025-02-01", Saying::Waived { reason: String::new() });
    let building = SubjectId::from(desk.building);
    let told_of = |what: &str| {
        let order = desk.city.registry.get(desk.order.into(), ReadTime::NOW).unwrap();
        let order = order.order_state.unwrap().word();
        let findings = [open, waived].map(|id| {
            let view = desk.finding(id, ReadTime::NOW).view.unwrap();
            format!("{} since {}", view.stage.word(), view.since)
        });
        format!("{what}: {}, order {order}", findings.join(", "))
    };
    let ended = |on: &str| {
        let cause = EndCause::Demolished;
        let end = End { subject: building, etag: None, day: said(on), cause };
        desk.run_as("zhao", Command::End(end)).unwrap();
        desk.city.registry.get(building, ReadTime::NOW).unwrap().end.unwrap().said_by
    };
    let mut lines = vec![told_of("there")];
    let end = ended("2026-03-01");
    lines.push(told_of("demolished"));
    let correct = Correct {
        subject: building,
        etag: None,
        entry: None,
        from: None,
        content: Content::empty(Kind::Building),
        exists_from: None,
        ended_on: Some(said("2026-04-01")),
        sentences: Vec::new(),
    };
    desk.city.correct(correct).unwrap();
    lines.push(told_of("a month later"));
    assert!(desk.city.retract(building, Some(end)).is_ok());
    lines.push(told_of("not at all"));
    ended("2026-05");
    lines.push(told_of("after all"));
    check(
        &lines,
        expect![[r"
        there: open since 2025-01-10, waived since 2025-02-01, order ordered
        demolished: object_gone since 2026-03-01, waived since 2025-02-01, order cancelled
        a month later: object_gone since 2026-04-01, waived since 2025-02-01, order cancelled
        not at all: open since 2025-01-10, waived since 2025-02-01, order ordered
        after all: object_gone since 2026-05-31, waived since 2025-02-01, order cancelled
    "]],
    );
    desk.check_rebuild();
}

#[test]
fn a_report_that_comes_in_after_the_demolition_leaves_nothing_open() {
    let desk = Desk::new();
    let building = SubjectId::from(desk.building);
    let end =
        End { subject: building, etag: None, day: said("2026-03-01"), cause: EndCause::Demolished };
    desk.run_as("zhao", Command::End(end)).unwrap();
    let end = desk.city.registry.get(building, ReadTime::NOW).unwrap().end.unwrap().said_by;
    let mut report = desk.draft("2026-02-10", vec![survey("B")]);
    if let Fields::Report(fields) = &mut report.content.fields {
        fields.order = None;
    }
    report.findings = vec![(0, desk.sighting("2026-02-10", None, crack(Severity::RepairBy)))];
    report.steps =
        vec![(desk.signed(), day("2026-02-12")), (ReportStep::Submit, day("2026-02-13"))];
    let finding = desk.record(report).unwrap().decided.subjects[1].try_into().unwrap();
    let order = fields(Kind::Order, |fields| {
        if let Fields::Order(order) = fields {
            order.building = Some(Some(desk.building));
            order.kind = Some(Some(ReportKind::Appraisal));
            order.deadline = Some(Some(day("2026-02-28")));
        }
    });
    let order = desk.city.register(order, "2026-02-15", false).unwrap();
    let told_of = |what: &str| {
        let view = desk.finding(finding, ReadTime::NOW).view.unwrap();
        let aged = FindingsWanted { is_by_age: true, ..FindingsWanted::default() };
        let order = |time| desk.city.registry.get(order, time).unwrap().order_state.unwrap().word();
        format!(
            "{what}: {} since {}, {} by age, order {}; on the day before {}, order {}; then {}",
            view.stage.word(),
            view.since,
            desk.listed(&aged, ReadTime::NOW).len(),
            order(ReadTime::NOW),
            open_findings(&desk, "2026-02-28"),
            order(at("2026-02-28", KnownAt::Now)),
            open_findings(&desk, "2026-03-01"),
        )
    };
    let planned = Saying::Planned { repairer: PartyKey("firm".to_owned()) };
    let mut lines = vec![
        told_of("submitted"),
        desk.follow("zhao", finding, "2026-02-20", Saying::Notified { deadline: None }),
        desk.follow("zhao", finding, "2026-03-02", planned),
        told_of("notified before"),
    ];
    let correct = Correct {
        subject: building,
        etag: None,
        entry: None,
        from: None,
        content: Content::empty(Kind::Building),
        exists_from: None,
        ended_on: Some(said("2026-04")),
        sentences: Vec::new(),
    };
    desk.city.correct(correct).unwrap();
    lines.push(told_of("in the month after"));
    desk.city.retract(building, Some(end)).unwrap();
    lines.push(told_of("not at all"));
    check(
        &lines,
        expect![[r"
            submitted: object_gone since 2026-03-01, 0 by age, order cancelled; on the day before 1 open, 1 listed, 01 1, any 1, open 1, repair_by 1, order planned; then 0 open, 1 listed, object_gone 1
            object_gone, until 2026-08-19, repair_by
            FINDING_STATE id
            notified before: object_gone since 2026-03-01, 0 by age, order cancelled; on the day before 1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1, order planned; then 0 open, 1 listed, object_gone 1
            in the month after: object_gone since 2026-04-30, 0 by age, order cancelled; on the day before 1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1, order planned; then 1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1
            not at all: notified since 2026-02-20, 1 by age, order planned; on the day before 1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1, order planned; then 1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1
        "]],
    );
    desk.check_rebuild();
}

/// How many findings are open, and how the totals of the district count them.
fn open_findings(desk: &Desk, valid: &str) -> String {
    let time = at(valid, KnownAt::Now);
    let check_ups = desk.city.registry.check_ups(desk.building, time).unwrap();
    let totals = desk.city.registry.totals_of(desk.city.district, time, Wanted::Terms).unwrap();
    let wanted = [Measure::FindingsByStage, Measure::FindingsBySeverity, Measure::Indicator];
    let mut counted = totals
        .termed
        .iter()
        .filter(|(measure, ..)| wanted.contains(measure))
        .map(|(_, term, certain, _)| format!("{term} {certain}"))
        .collect::<Vec<_>>();
    counted.sort();
    let listed = desk.listed(&FindingsWanted::default(), time).len();
    format!("{} open, {listed} listed, {}", check_ups.open_finding_count, counted.join(", "))
}

#[test]
fn what_a_report_found_counts_once_it_is_submitted_and_from_the_day_on_which_it_was_seen() {
    let desk = Desk::new();
    let mut report = desk.draft("2025-03-01", vec![survey("B")]);
    report.findings = vec![(0, desk.sighting("2025-03-01", None, crack(Severity::RepairBy)))];
    let outcome = desk.record(report).unwrap();
    let id: ReportId = outcome.decided.subjects[0].try_into().unwrap();
    let finding: FindingId = outcome.decided.subjects[1].try_into().unwrap();
    let notice = || Saying::Notified { deadline: None };
    let mut lines = vec![
        open_findings(&desk, "2025-03-02"),
        stands(&desk.finding(finding, ReadTime::NOW)),
        desk.follow("zhao", finding, "2025-03-20", notice()),
        // Another inspector's draft of the same crack is told of the first.
        format!("{} look like it", {
            let mut other = desk.draft("2025-03-02", vec![]);
            other.findings = vec![(0, desk.sighting("2025-03-02", None, crack(Severity::Watch)))];
            let drafted = desk.record(other).unwrap().decided.subjects[1].try_into().unwrap();
            desk.alike(drafted)
        }),
        desk.step("li", id, desk.signed(), "2025-03-05"),
        open_findings(&desk, "2025-03-02"),
        desk.step("li", id, ReportStep::Submit, "2025-03-10"),
        open_findings(&desk, "2025-03-02"),
        open_findings(&desk, "2025-02-28"),
        desk.follow("zhao", finding, "2025-03-20", notice()),
        // Returned, the crack is still there.
        desk.step("zhao", id, ReportStep::Return, "2025-03-22"),
        open_findings(&desk, "2025-03-25"),
    ];
    // Taken back, nobody has submitted it, and what was said since hangs in the air.
    let seqs: Vec<u64> = desk.history(id.into()).iter().map(|row| row.entry.seq).collect();
    for seq in [seqs[3], seqs[2]] {
        desk.city.retract(id.into(), Some(seq)).unwrap();
    }
    lines.push(open_findings(&desk, "2025-03-25"));
    lines.push(stands(&desk.finding(finding, ReadTime::NOW)));
    lines.push(desk.step("li", id, ReportStep::Submit, "2025-03-11"));
    lines.push(open_findings(&desk, "2025-03-25"));
    // A report that never was has found nothing.
    desk.city.retract(id.into(), None).unwrap();
    lines.push(open_findings(&desk, "2025-03-25"));
    check(
        &lines,
        expect![[r"
            0 open, 0 listed, 
            not there
            REPORT_NOT_SUBMITTED on
            1 look like it
            signed, doubt No
            0 open, 0 listed, 
            submitted, doubt No
            1 open, 1 listed, 01 1, any 1, open 1, repair_by 1
            0 open, 0 listed, 
            notified, until 2025-09-16, unsafe, 433 days overdue, notice 613 days old (366..None)
            returned, doubt No
            1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1
            0 open, 0 listed, 
            not there
            submitted, doubt No
            1 open, 1 listed, 01 1, any 1, notified 1, repair_by 1
            0 open, 0 listed, 
        "]],
    );
    desk.check_rebuild();
}

/// The same three facts in every order in which they can come.
#[test]
fn a_finding_stands_as_it_does_whenever_the_report_that_saw_it_again_was_submitted() {
    let orders: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let told = orders.map(|order| {
        let desk = Desk::new();
        let seen = desk.sighting("2025-01-10", None, crack(Severity::Watch));
        let finding = desk.observe(desk.building, seen).unwrap();
        let mut report = desk.draft("2025-03-01", vec![]);
        report.findings =
            vec![(0, desk.sighting("2025-03-01", Some(finding), crack(Severity::Unsafe)))];
        report.steps = vec![(desk.signed(), day("2025-03-05"))];
        let id: ReportId = desk.record(report).unwrap().decided.subjects[0].try_into().unwrap();
        for what in order {
            match what {
                0 => drop(desk.step("li", id, ReportStep::Submit, "2025-03-06")),
                1 => {
                    let notice = Saying::Notified { deadline: Some(day("2025-06-01")) };
                    desk.follow("zhao", finding, "2025-02-01", notice);
                }
                _ => {
                    let fixed = Saying::ReportedFixed { repairer: PartyKey("firm".to_owned()) };
                    desk.follow("wang", finding, "2025-04-01", fixed);
                }
            }
        }
        let on = |valid: &str| stands(&desk.finding(finding, at(valid, KnownAt::Now)));
        let lines = ["2025-02-02", "2025-03-02", "2025-05-01"].map(on);
        desk.check_rebuild();
        format!("{}\n{}", lines.join("\n"), open_findings(&desk, "2025-05-01"))
    });
    expect![[r"
        notified, until 2025-06-01, watch, notice 1 days old (0..Some(30))
        notified, until 2025-06-01, unsafe, notice 29 days old (0..Some(30))
        reported_fixed, until 2025-06-01, unsafe, notice 89 days old (31..Some(90))
        1 open, 1 listed, 01 1, any 1, reported_fixed 1, unsafe 1"]]
    .assert_eq(&told[0]);
    assert!(told.iter().all(|other| *other == told[0]), "{told:#?}");
}

#[test]
fn an_order_is_answered_by_the_body_that_was_asked() {
    let desk = Desk::new();
    let body = |name: &str| {
        let content = fields(Kind::Body, |fields| {
            if let Fields::Body(body) = fields {
                body.region = Some(desk.city.district.try_into().ok());
                body.name = Some(Some(name.to_owned()));
                body.qualifications = Some(Some(licence("2010-01-01")));
            }
        });
        BodyId::try_from(desk.city.register(content, "2000", false).unwrap()).unwrap()
    };
    let other = body("乙检测站");
    let by = |inspected: &str, body: BodyId, is_ordered: bool| {
        let mut report = desk.draft(inspected, vec![]);
        if let Fields::Report(fields) = &mut report.content.fields {
            fields.body = Some(Some(body));
            if !is_ordered {
                fields.order = None;
            }
        }
        report
    };
    let recorded = |report| desk.record(report).map_or_else(told, |_| "done".to_owned());
    let mut lines = vec![
        recorded(by("2025-03-01", other, true)),
        recorded(by("2025-03-01", other, false)),
        recorded(by("2025-03-01", desk.body, true)),
    ];
    // Asked of the other from April on: who had been there in March had been asked.
    let content = fields(Kind::Order, |fields| {
        if let Fields::Order(order) = fields {
            order.body = Some(Some(other));
        }
    });
    desk.city.change(desk.order.into(), "2025-04-01", content).unwrap();
    lines.extend([
        recorded(by("2025-03-01", desk.body, true)),
        recorded(by("2025-04-02", desk.body, true)),
        recorded(by("2025-04-02", other, true)),
    ]);
    check(
        &lines,
        expect![[r"
        ORDER_OTHER_BODY fields.body_id
        done
        done
        done
        ORDER_OTHER_BODY fields.body_id
        done
    "]],
    );
}

#[test]
fn a_building_of_which_there_are_papers_was_there() {
    let desk = Desk::new();
    let mut report = desk.draft("2025-03-01", vec![]);
    report.findings = vec![(0, desk.sighting("2025-03-01", None, crack(Severity::Watch)))];
    let made = desk.record(report).unwrap().decided.subjects;
    let building = SubjectId::from(desk.building);
    let taken =
        |id: SubjectId| desk.city.retract(id, None).map_or_else(told, |_| "done".to_owned());
    let before = desk.city.registry.frontier(desk.city.home()).seq;
    let mut lines = vec![taken(building)];
    assert_eq!(desk.city.registry.frontier(desk.city.home()).seq, before);
    for paper in [made[0], made[1], desk.order.into()] {
        lines.push(taken(paper));
        lines.push(taken(building));
    }
    // It is no way around that the paper comes back afterwards.
    let back = desk.history(made[0]).last().unwrap().entry.seq;
    lines.push(desk.city.retract(made[0], Some(back)).map_or_else(told, |_| "done".to_owned()));
    check(
        &lines,
        expect![[r"
        PAPERS_ABOUT_IT id
        done
        PAPERS_ABOUT_IT id
        done
        PAPERS_ABOUT_IT id
        done
        done
        ENTERED_IN_ERROR entry, ENTERED_IN_ERROR entry, NOT_THERE entry
    "]],
    );
    desk.check_rebuild();
}

#[test]
fn a_merge_is_not_undone_while_there_are_papers_about_what_it_made() {
    let desk = Desk::new();
    desk.record(desk.draft("2025-03-01", vec![])).unwrap();
    let merged = || {
        let into = MergeInto::New {
            seed: desk.city.seed(),
            content: Box::new(Content::empty(Kind::Building)),
        };
        let subjects = vec![desk.building.into(), desk.other.into()];
        let merge = Merge { kind: Kind::Building, subjects, day: day("2025-06-01"), into };
        let done = desk.run_as("zhao", Command::Merge(merge)).unwrap();
        let entry = desk.history(desk.other.into()).last().unwrap().entry.seq;
        (BuildingId::try_from(done.decided.subjects[0]).unwrap(), entry)
    };
    let undone = |entry: u64| {
        let done = desk.city.retract(desk.other.into(), Some(entry));
        done.map_or_else(told, |_| "done".to_owned())
    };
    // Those that were merged keep their papers, which hinder nobody.
    let (_, entry) = merged();
    let mut lines = vec![undone(entry)];
    let (one, entry) = merged();
    let seen = desk.sighting("2025-07-01", None, crack(Severity::Watch));
    let finding = desk.observe(one, seen).unwrap();
    lines.push(undone(entry));
    desk.city.retract(finding.into(), None).unwrap();
    lines.push(undone(entry));
    check(
        &lines,
        expect![[r"
        done
        PAPERS_ABOUT_IT id
        done
    "]],
    );
    desk.check_rebuild();
}

#[test]
fn what_nobody_is_licensed_for_is_submitted_unsigned() {
    let desk = Desk::new();
    let patrol = |kind: ReportKind, body: Option<BodyId>| {
        let mut report = desk.draft("2025-03-01", vec![]);
        if let Fields::Report(fields) = &mut report.content.fields {
            fields.kind = Some(Some(kind));
            fields.order = None;
            fields.body = Some(body);
        }
        report.findings = vec![(0, desk.sighting("2025-03-01", None, crack(Severity::Watch)))];
        report.steps = vec![(ReportStep::Submit, day("2025-03-02"))];
        desk.record(report).map_or_else(told, |done| {
            let id: ReportId = done.decided.subjects[0].try_into().unwrap();
            let stood = desk.report(id, ReadTime::NOW);
            format!("{stood}, then {}", desk.step("zhao", id, ReportStep::Accept, "2025-03-03"))
        })
    };
    check(
        &[
            patrol(ReportKind::Patrol, None),
            patrol(ReportKind::SpecialCheck, None),
            patrol(ReportKind::Patrol, Some(desk.body)),
            patrol(ReportKind::CheckUp, None),
            open_findings(&desk, "2025-03-01"),
        ],
        expect![[r"
            submitted, doubt No, then accepted, doubt No
            submitted, doubt No, then accepted, doubt No
            REPORT_STATE id
            REQUIRED fields.body_id, REPORT_STATE id
            2 open, 2 listed, 01 1, any 1, open 2, watch 2
        "]],
    );
    desk.check_rebuild();
}

#[test]
fn one_thing_that_is_wrong_hides_no_other() {
    let desk = Desk::new();
    let head = || desk.city.registry.frontier(desk.city.home()).seq;
    let before = head();
    let ghost = FindingId::try_from(SubjectId::new(
        Kind::Finding,
        anju::kernel::id::RawId::new(1, desk.city.home(), 7),
    ))
    .unwrap();
    let unknown = Observation { class: "STR.GHOST".to_owned(), ..crack(Severity::Watch) };
    let mut report = desk.draft("2025-03-01", vec![survey("Z")]);
    if let Fields::Report(fields) = &mut report.content.fields {
        fields.kind = None;
        fields.dimensions = Some(Some(vec!["XYZ".to_owned()]));
    }
    report.findings = vec![(0, desk.sighting("2027-03-01", Some(ghost), unknown))];
    let stranger = SignerId::try_from(SubjectId::new(
        Kind::Signer,
        anju::kernel::id::RawId::new(1, desk.city.home(), 8),
    ))
    .unwrap();
    let signed =
        ReportStep::Sign(Signatures { signers: [stranger].into(), scope: "structure".to_owned() });
    report.steps = vec![(signed, day("2025-02-01")), (ReportStep::Submit, day("2025-01-01"))];
    let mut lines = vec![desk.record(report).map_or_else(told, |_| "done".to_owned())];
    let say = |finding: FindingId, saying: Saying| desk.say_without_reason(finding, saying);
    let moved = || Saying::DeadlineMoved { deadline: day("2027-01-01"), reason: String::new() };
    lines.push(say(ghost, moved()));
    let assessed = Saying::Assessed {
        class: "STR.GHOST".to_owned(),
        severity: Severity::Watch,
        reason: String::new(),
    };
    lines.push(say(ghost, assessed));
    assert_eq!(head(), before);
    let seen = desk.sighting("2025-01-10", None, crack(Severity::RepairBy));
    let finding = desk.observe(desk.building, seen).unwrap();
    let before = head();
    lines.push(say(finding, moved()));
    lines.push(say(finding, Saying::Closed));
    assert_eq!(head(), before);
    check(
        &lines,
        expect![[r"
        REQUIRED fields.kind, GRADE_VALUE fields.grades[0], DIMENSION_UNKNOWN fields.dimensions[0], NOT_FOUND findings[0].finding_id, FUTURE_DATE findings[0].observed_on, CLASS_UNKNOWN findings[0].observation.class, DAYS_OUT_OF_ORDER signatures.on, NOT_FOUND signatures.signer_ids, DAYS_OUT_OF_ORDER submitted_on
        NOT_FOUND id, FUTURE_DATE on, REASON_MISSING context.reason, DEADLINE_OVER saying.deadline_moved.deadline
        NOT_FOUND id, FUTURE_DATE on, CLASS_UNKNOWN saying.assessed.class, REASON_MISSING context.reason
        ETAG_MISMATCH etag, FUTURE_DATE on, REASON_MISSING context.reason, DEADLINE_OVER saying.deadline_moved.deadline, FINDING_STATE id
        ETAG_MISMATCH etag, FUTURE_DATE on, FINDING_STATE id
    "]],
    );
}
