//! Check-ups that turn out otherwise, as an office sees them over the API: false, late, badly signed,
//! and seen by three at once.

use std::fmt::Write as _;

use anju::proto::v1::{
    self, due_service_client::DueServiceClient, totals_service_client::TotalsServiceClient,
};
use expect_test::expect;
use tonic::Status;

use crate::{
    actors::{bodies, body, code, licence, references, signer, warned},
    harness::{City, building, told, write, write_because},
    papers::{crack, findings, reports},
};

const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const COLOURS: &str = include_str!("../../data/reference/colours-example.toml");
const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");
const CYCLE: &str = include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml");

/// An office of the east street, and the page that it writes.
struct Office {
    city: City,
    compound: String,
    body: String,
    signer: String,
    names: Vec<(String, String)>,
    text: String,
}

#[expect(clippy::unnecessary_wraps, reason = "as the requests take it")]
fn when(valid: &str, known: Option<u64>) -> Option<v1::ReadContext> {
    let known = known.map(|known| v1::ReadTime { known_at_seq: Some(known), ..Default::default() });
    let read_time = v1::ReadTime { valid_at: valid.to_owned(), ..known.unwrap_or_default() };
    Some(v1::ReadContext { read_time: Some(read_time), ..v1::ReadContext::default() })
}

fn grade(value: &str) -> v1::Grade {
    v1::Grade {
        scale: v1::GradeScale::Survey.into(),
        edition: "2020".to_owned(),
        scope: v1::GradeScope::Building.into(),
        aspect: 0,
        value: value.to_owned(),
    }
}

fn bounds(bounds: Option<&v1::DayBounds>) -> String {
    let bounds = bounds.cloned().unwrap_or_default();
    let day = |day: String| if day.is_empty() { "never".to_owned() } else { day };
    if bounds.earliest == bounds.latest {
        day(bounds.earliest)
    } else {
        format!("{}..{}", day(bounds.earliest), day(bounds.latest))
    }
}

impl Office {
    async fn start() -> Self {
        let city = City::start().await;
        code(&city, &city.streets[0], "410100000000").await;
        for text in [GRADES, COLOURS, FINDINGS, CYCLE] {
            let message = v1::LoadReferenceRequest {
                context: write(),
                text: text.to_owned(),
                ..v1::LoadReferenceRequest::default()
            };
            references(&city).load_reference(city.asking("city", message)).await.unwrap();
        }
        let compound = city.compound(&city.communities[0], "东院").await.id;
        let body = body(&city, vec![licence("structure", "2010-01-01", "2039-12-31")]).await.id;
        let signer = signer(&city, &body).await.id;
        Self { city, compound, body, signer, names: Vec::new(), text: String::new() }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").unwrap();
    }

    fn head(&self) -> u64 {
        self.city.registry.frontier(self.city.partition).seq
    }

    fn named(&self, id: &str) -> String {
        let found = self.names.iter().find(|(other, _)| other == id);
        found.map(|(_, name)| name.clone()).unwrap_or_default()
    }

    async fn block(
        &mut self,
        name: &str,
        completed: &str,
        used: v1::BuildingUse,
        life: u32,
    ) -> String {
        let mut message = building(&self.compound, name);
        let fields = message.fields.as_mut().unwrap();
        fields.completed = Some(completed.to_owned());
        fields.design_life_years = Some(life);
        fields.set_use(used);
        let there = if completed == "unknown" { "<2000-01-01" } else { completed };
        there.clone_into(&mut message.exists_from);
        let asked = self.city.asking("operator", message);
        let made = self.city.buildings().create_building(asked).await.unwrap().into_inner();
        let id = made.building.unwrap().id;
        self.names.push((id.clone(), name.to_owned()));
        id
    }

    async fn dwelling(&mut self, name: &str, completed: &str) -> String {
        self.block(name, completed, v1::BuildingUse::Dwelling, 50).await
    }

    fn report(
        &self,
        kind: v1::ReportKind,
        block: &str,
        inspected: &str,
        value: Option<&str>,
    ) -> v1::RecordReportRequest {
        v1::RecordReportRequest {
            context: write(),
            fields: Some(v1::ReportFields {
                building_id: Some(block.to_owned()),
                kind: kind.into(),
                body_id: Some(self.body.clone()),
                grades: value.into_iter().map(grade).collect(),
                ..v1::ReportFields::default()
            }),
            inspected_on: inspected.to_owned(),
            findings: vec![],
            signatures: Some(v1::Signature {
                signer_ids: vec![self.signer.clone()],
                scope: "structure".to_owned(),
                on: inspected.to_owned(),
            }),
            submitted_on: inspected.to_owned(),
        }
    }

    async fn accepted(&self, message: v1::RecordReportRequest) -> v1::Report {
        let on = message.inspected_on.clone();
        let asked = self.city.asking("inspector", message);
        let made = reports(&self.city).record_report(asked).await.unwrap().into_inner();
        let (context, id) = (write(), made.report.unwrap().id);
        let step = v1::AcceptReportRequest { context, id, etag: String::new(), on };
        let asked = self.city.asking("east", step);
        reports(&self.city).accept_report(asked).await.unwrap().into_inner().report.unwrap()
    }

    async fn check_up(&self, block: &str, inspected: &str, value: &str) -> v1::Report {
        let kind = v1::ReportKind::CheckUp;
        self.accepted(self.report(kind, block, inspected, Some(value))).await
    }

    async fn explained(&self, block: &str, valid: &str, known: Option<u64>) -> String {
        let (context, building_id) = (when(valid, known), block.to_owned());
        let message = v1::ExplainDueRequest { context, building_id };
        let asked = self.city.asking("east", message);
        let mut client = DueServiceClient::new(self.city.channel.clone());
        let told = client.explain_due(asked).await.unwrap().into_inner();
        let answer = told.due.unwrap();
        let mut line = match answer.answer() {
            v1::DueAnswer::Due => format!("due {}", answer.due_on),
            v1::DueAnswer::Exempt => format!(
                "exempt until {}, then due {}",
                bounds(answer.exempt_until.as_ref()),
                bounds(answer.next_due.as_ref())
            ),
            v1::DueAnswer::Unknown => format!(
                "unknown, since {}; due {}",
                answer.because.join(" and "),
                bounds(answer.next_due.as_ref())
            ),
            _ => "no rules".to_owned(),
        };
        let basis = told.basis.unwrap_or_default();
        if !basis.counted_from.is_empty() {
            write!(line, ", counted from {}", basis.counted_from).unwrap();
        }
        for grade in told.grades {
            let doubt = if grade.in_doubt { " in doubt" } else { "" };
            write!(line, ", graded {}{doubt}", grade.grade.unwrap().value).unwrap();
        }
        if let Some(colour) = told.colour {
            let doubt = if colour.basis.unwrap().in_doubt { " in doubt" } else { "" };
            write!(line, ", {}{doubt}", colour.colour).unwrap();
        }
        if basis.open_finding_count > 0 {
            write!(line, ", {} open findings", basis.open_finding_count).unwrap();
        }
        line
    }

    async fn tell(&mut self, block: &str, valid: &str, known: Option<u64>) {
        let told = self.explained(block, valid, known).await;
        let line = format!("{} on {valid}: {told}", self.named(block));
        self.line(&line);
    }

    async fn count(&mut self, valid: &str, known: Option<u64>) {
        let measures = [
            "buildings_by_grade",
            "buildings_by_colour",
            "buildings_by_due_state",
            "check_ups_of_month",
        ];
        let message = v1::GetTotalsRequest {
            context: when(valid, known),
            subject_id: self.city.streets[0].clone(),
            measures: measures.map(str::to_owned).to_vec(),
            ..v1::GetTotalsRequest::default()
        };
        let asked = self.city.asking("east", message);
        let mut client = TotalsServiceClient::new(self.city.channel.clone());
        let told = client.get_totals(asked).await.unwrap().into_inner();
        let told = told.amounts.iter().map(|amount| {
            assert_eq!(amount.certain, amount.possible, "{amount:?}");
            format!("{} {}: {}", amount.measure, amount.term, amount.certain)
        });
        let line = format!("the street on {valid}: {}", told.collect::<Vec<_>>().join(", "));
        self.line(&line);
    }

    async fn list(&mut self) {
        let holder_id = self.city.streets[0].clone();
        let message = v1::ListDueRequest { holder_id, ..v1::ListDueRequest::default() };
        let asked = self.city.asking("east", message);
        let mut client = DueServiceClient::new(self.city.channel.clone());
        let rows = client.list_due(asked).await.unwrap().into_inner().rows.into_iter();
        let rows = rows.map(|row| (row.due.unwrap().due_on, self.named(&row.building_id)));
        let mut rows = rows.collect::<Vec<_>>();
        assert!(rows.is_sorted_by(|(one, _), (next, _)| one <= next), "{rows:?}");
        // Of one day they come in the order of their ids, which are drawn.
        rows.sort();
        let rows = rows.iter().map(|(on, name)| format!("{name} {on}"));
        let line = format!("the due list: {}", rows.collect::<Vec<_>>().join(", "));
        self.line(&line);
    }

    async fn stands(&mut self, id: &str) {
        let message = v1::GetReportRequest { context: None, id: id.to_owned() };
        let asked = self.city.asking("east", message);
        let report = reports(&self.city).get_report(asked).await.unwrap().into_inner();
        let report = report.report.unwrap();
        let (state, doubt) = (report.state().as_str_name(), report.doubt().as_str_name());
        let objections = report.objections.into_iter().filter_map(|one| one.objection);
        let objections = objections.map(|one| one.reason).collect::<Vec<_>>().join(", ");
        self.line(&format!("its report: {state} {doubt} {objections}"));
    }

    async fn licensed_until(&self, until: &str, entry: Option<u64>) -> u64 {
        self.licensed(until, entry).await.into_inner().receipt.unwrap().entries[0]
    }

    async fn licensed(
        &self,
        until: &str,
        entry: Option<u64>,
    ) -> tonic::Response<v1::CorrectSignerResponse> {
        let message = v1::CorrectSignerRequest {
            context: write_because("as the register of licences has it"),
            id: self.signer.clone(),
            entry,
            fields: Some(v1::SignerFields {
                qualifications: vec![licence("structure", "2010", until)],
                ..v1::SignerFields::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["qualifications".to_owned()] }),
            ..v1::CorrectSignerRequest::default()
        };
        let asked = self.city.asking("city", message);
        bodies(&self.city).correct_signer(asked).await.unwrap()
    }

    async fn observe(
        &self,
        block: &str,
        finding: Option<(&str, &str)>,
        on: &str,
        seen: v1::Observation,
    ) -> Result<v1::ObserveFindingResponse, Status> {
        let (id, etag) = finding.unwrap_or_default();
        let who = match seen.source() {
            v1::ObservationSource::Insurer | v1::ObservationSource::Sensor => "insurer",
            _ => "inspector",
        };
        let message = v1::ObserveFindingRequest {
            context: write(),
            building_id: block.to_owned(),
            finding_id: id.to_owned(),
            etag: etag.to_owned(),
            observed_on: on.to_owned(),
            observation: Some(seen),
            ..v1::ObserveFindingRequest::default()
        };
        let asked = self.city.asking(who, message);
        Ok(findings(&self.city).observe_finding(asked).await?.into_inner())
    }

    async fn finding(&self, id: &str) -> v1::Finding {
        let message = v1::GetFindingRequest { context: None, id: id.to_owned() };
        let asked = self.city.asking("east", message);
        findings(&self.city).get_finding(asked).await.unwrap().into_inner().finding.unwrap()
    }
}

#[tokio::test]
async fn a_report_of_march_found_false_in_october_changes_nothing_of_what_june_was_told() {
    let mut office = Office::start().await;
    let mut blocks = Vec::new();
    for name in ["block 1", "block 2"] {
        blocks.push(office.dwelling(name, "1994-05-01").await);
    }
    let mut made = Vec::new();
    for block in &blocks {
        made.push(office.check_up(block, "2026-03-10", "A").await.id);
    }
    let june = office.head();
    office.city.clock.set("2026-10-08T02:00:00Z".parse().unwrap());
    let back = v1::RetractReportRequest {
        context: write_because("nobody had been there"),
        id: made[0].clone(),
        ..v1::RetractReportRequest::default()
    };
    let asked = office.city.asking("east", back);
    reports(&office.city).retract_report(asked).await.unwrap();
    let correct = v1::CorrectReportRequest {
        context: write_because("it had been seen earlier and was bad"),
        id: made[1].clone(),
        fields: Some(v1::ReportFields { grades: vec![grade("C")], ..v1::ReportFields::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["grades".to_owned()] }),
        exists_from: "2026-02-20".to_owned(),
        ..v1::CorrectReportRequest::default()
    };
    let asked = office.city.asking("east", correct);
    reports(&office.city).correct_report(asked).await.unwrap();
    for (line, known) in
        [("what June was told:", Some(june)), ("what is known of June since October:", None)]
    {
        office.line(line);
        for block in &blocks {
            office.tell(block, "2026-06-01", known).await;
        }
        for day in ["2026-06-01", "2026-03-31", "2026-02-28"] {
            office.count(day, known).await;
        }
    }
    office.list().await;
    expect![[r"
        what June was told:
        block 1 on 2026-06-01: due 2036-03-10, counted from 2026-03-10, graded A, green
        block 2 on 2026-06-01: due 2036-03-10, counted from 2026-03-10, graded A, green
        the street on 2026-06-01: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2
        the street on 2026-03-31: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2, check_ups_of_month check_up: 2
        the street on 2026-02-28: buildings_by_due_state scheduled: 2
        what is known of June since October:
        block 1 on 2026-06-01: due 2028-12-31
        block 2 on 2026-06-01: due 2036-02-20, counted from 2026-02-20, graded C, red
        the street on 2026-06-01: buildings_by_grade survey 2020 building whole C: 1, buildings_by_colour red: 1, buildings_by_due_state scheduled: 2
        the street on 2026-03-31: buildings_by_grade survey 2020 building whole C: 1, buildings_by_colour red: 1, buildings_by_due_state scheduled: 2
        the street on 2026-02-28: buildings_by_grade survey 2020 building whole C: 1, buildings_by_colour red: 1, buildings_by_due_state scheduled: 2, check_ups_of_month check_up: 1
        the due list: block 1 2028-12-31, block 2 2036-02-20
    "]].assert_eq(&office.text);
}

#[tokio::test]
async fn a_paper_that_comes_late_takes_its_place_by_the_day_of_the_inspection() {
    let mut office = Office::start().await;
    let block = office.dwelling("the block", "1988-05-01").await;
    let mut heads = Vec::new();
    for (inspected, value) in [("2022-04-10", "B"), ("2025-09-01", "A"), ("2024-07-01", "C")] {
        office.check_up(&block, inspected, value).await;
        office.line(&format!("the paper of {inspected} came:"));
        office.tell(&block, "2026-06-01", None).await;
        heads.push(office.head());
    }
    office.tell(&block, "2025-01-01", None).await;
    office.list().await;
    office.line("as was known when the first had come:");
    office.tell(&block, "2026-06-01", Some(heads[0])).await;
    expect![[r"
        the paper of 2022-04-10 came:
        the block on 2026-06-01: due 2032-04-10, counted from 2022-04-10, graded B, orange
        the paper of 2025-09-01 came:
        the block on 2026-06-01: due 2035-09-01, counted from 2025-09-01, graded A, green
        the paper of 2024-07-01 came:
        the block on 2026-06-01: due 2035-09-01, counted from 2025-09-01, graded A, green
        the block on 2025-01-01: unknown, since no rule set is in force; due never, graded C, red
        the due list: the block 2035-09-01
        as was known when the first had come:
        the block on 2026-06-01: due 2032-04-10, counted from 2022-04-10, graded B, orange
    "]]
    .assert_eq(&office.text);
}

#[tokio::test]
async fn a_signer_found_invalid_puts_all_that_he_signed_in_doubt_until_that_is_corrected() {
    let mut office = Office::start().await;
    let mut blocks = Vec::new();
    for name in ["block 1", "block 2"] {
        let block = office.dwelling(name, "1986-05-01").await;
        let report = office.check_up(&block, "2026-03-01", "A").await.id;
        blocks.push((block, report));
    }
    let mut wrong = None;
    for (line, until) in [
        ("all is well:", None),
        ("the licence had run out with 2025:", Some("2025-12-31")),
        ("it had been renewed:", Some("2030-12-31")),
    ] {
        office.line(line);
        if let Some(until) = until {
            wrong = Some(office.licensed_until(until, wrong).await);
        }
        for (block, report) in &blocks {
            office.tell(block, "2026-06-01", None).await;
            office.stands(report).await;
        }
        office.count("2026-06-01", None).await;
        office.list().await;
    }
    expect![[r"
        all is well:
        block 1 on 2026-06-01: due 2036-03-01, counted from 2026-03-01, graded A, green
        its report: REPORT_STATE_ACCEPTED REPORT_DOUBT_NONE 
        block 2 on 2026-06-01: due 2036-03-01, counted from 2026-03-01, graded A, green
        its report: REPORT_STATE_ACCEPTED REPORT_DOUBT_NONE 
        the street on 2026-06-01: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2
        the due list: block 1 2036-03-01, block 2 2036-03-01
        the licence had run out with 2025:
        block 1 on 2026-06-01: due 2027-12-31, graded A in doubt, green in doubt
        its report: REPORT_STATE_ACCEPTED REPORT_DOUBT_CERTAIN SIGNER_PERIOD
        block 2 on 2026-06-01: due 2027-12-31, graded A in doubt, green in doubt
        its report: REPORT_STATE_ACCEPTED REPORT_DOUBT_CERTAIN SIGNER_PERIOD
        the street on 2026-06-01: buildings_by_grade survey 2020 building whole A in_doubt: 2, buildings_by_colour green in_doubt: 2, buildings_by_due_state scheduled: 2
        the due list: block 1 2027-12-31, block 2 2027-12-31
        it had been renewed:
        block 1 on 2026-06-01: due 2036-03-01, counted from 2026-03-01, graded A, green
        its report: REPORT_STATE_ACCEPTED REPORT_DOUBT_NONE 
        block 2 on 2026-06-01: due 2036-03-01, counted from 2026-03-01, graded A, green
        its report: REPORT_STATE_ACCEPTED REPORT_DOUBT_NONE 
        the street on 2026-06-01: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2
        the due list: block 1 2036-03-01, block 2 2036-03-01
    "]].assert_eq(&office.text);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page after another")]
async fn one_crack_seen_by_two_inspectors_offline_and_an_insurer_is_one_finding_seen_thrice() {
    let mut office = Office::start().await;
    let block = office.dwelling("the block", "1988-05-01").await;
    office.check_up(&block, "2022-06-01", "B").await;
    office.tell(&block, "2026-06-01", None).await;
    let by = |observer: &str, severity: v1::Severity| v1::Observation {
        observer: observer.to_owned(),
        severity: severity.into(),
        ..crack()
    };
    let zhang = by("zhang", v1::Severity::Watch);
    let li = by("li", v1::Severity::Unsafe);
    let insurer = v1::Observation {
        source: v1::ObservationSource::Insurer.into(),
        ..by("the-insurer", v1::Severity::RepairBy)
    };
    // Clocks that are wrong make days that cannot be.
    let ahead = office.observe(&block, None, "2026-06-02", zhang.clone()).await.unwrap_err();
    let behind = office.observe(&block, None, "1970-01-01", li.clone()).await.unwrap_err();
    office.line(&format!("zhang, a day ahead: {}", told(&ahead)));
    office.line(&format!("li, half a century behind: {}", told(&behind)));
    let one = office.observe(&block, None, "2026-05-20", zhang).await.unwrap();
    let one = one.finding.unwrap().id;
    let two = office.observe(&block, None, "2026-05-19", li).await.unwrap();
    assert_eq!(two.possible_duplicates, std::slice::from_ref(&one));
    let two = two.finding.unwrap();
    let read = office.finding(&one).await.etag;
    let merge = v1::MergeFindingsRequest {
        context: write(),
        ids: vec![two.id.clone()],
        into_id: one.clone(),
        day: "2026-05-25".to_owned(),
    };
    let asked = office.city.asking("east", merge);
    findings(&office.city).merge_findings(asked).await.unwrap();

    // What the insurer's tablet had read is not what is there now: the owners were notified, by the
    // number that Li had.
    let notice = v1::FollowFindingRequest {
        context: write(),
        id: two.id.clone(),
        on: "2026-05-28".to_owned(),
        saying: Some(v1::FindingSaying {
            saying: Some(v1::finding_saying::Saying::Notified(v1::Notified::default())),
        }),
        ..v1::FollowFindingRequest::default()
    };
    let asked = office.city.asking("east", notice);
    findings(&office.city).follow_finding(asked).await.unwrap();
    let stale = office.observe(&block, Some((&one, &read)), "2026-05-30", insurer.clone()).await;
    office.line(&match stale {
        Ok(_) => "the insurer: done".to_owned(),
        Err(refusal) => format!("the insurer, with what it had read: {}", told(&refusal)),
    });
    let known = Some((two.id.as_str(), ""));
    office.observe(&block, known, "2026-05-30", insurer).await.unwrap();
    // The sensor that it has put up tells of the same crack.
    let alarm = v1::Observation {
        source: v1::ObservationSource::Sensor.into(),
        ..by("the-insurers-sensor", v1::Severity::RepairBy)
    };
    office.observe(&block, known, "2026-05-31", alarm).await.unwrap();
    // Its patrol is a report of its own, and accepted; the cycle does not count from it.
    let patrol = office.report(v1::ReportKind::Patrol, &block, "2026-05-30", None);
    office.accepted(patrol).await;
    let found = office.finding(&two.id).await;
    let seen = found.events.iter().filter_map(|event| {
        let Some(v1::finding_saying::Saying::Observed(seen)) = event.saying.clone()?.saying else {
            return None;
        };
        Some(format!("{} on {} as {}", seen.observer, event.on, seen.severity().as_str_name()))
    });
    let line = format!(
        "the finding: {}, {} numbers, seen by {}",
        found.severity().as_str_name(),
        found.ids.len(),
        seen.collect::<Vec<_>>().join(", by ")
    );
    office.line(&line);
    office.tell(&block, "2026-06-01", None).await;
    expect![[r"
        the block on 2026-06-01: due 2032-06-01, counted from 2022-06-01, graded B, orange
        zhang, a day ahead: InvalidArgument FUTURE_DATE
        FUTURE_DATE observed_on
        li, half a century behind: FailedPrecondition BEFORE_BUILDING
        BEFORE_BUILDING observed_on
        the insurer, with what it had read: Aborted ETAG_MISMATCH
        ETAG_MISMATCH etag
        the finding: SEVERITY_UNSAFE, 2 numbers, seen by zhang on 2026-05-20 as SEVERITY_WATCH, by li on 2026-05-19 as SEVERITY_UNSAFE, by the-insurer on 2026-05-30 as SEVERITY_REPAIR_BY, by the-insurers-sensor on 2026-05-31 as SEVERITY_REPAIR_BY
        the block on 2026-06-01: due 2032-06-01, counted from 2022-06-01, graded B, orange, 1 open findings
    "]].assert_eq(&office.text);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page after another")]
async fn what_cannot_be_is_refused_for_its_own_reason_and_nothing_is_written() {
    let mut office = Office::start().await;
    let block = office.dwelling("the block", "1988-05-01").await;
    let other = office.dwelling("another block", "1988-05-01").await;
    let elsewhere = office.observe(&other, None, "2026-05-20", crack()).await.unwrap();
    let elsewhere = elsewhere.finding.unwrap().id;
    let report = |inspected: &str, value: &str| {
        office.report(v1::ReportKind::CheckUp, &block, inspected, Some(value))
    };
    // Taken in by the office itself, which then may not accept it.
    let asked = office.city.asking("east", report("2026-05-20", "B"));
    let own = reports(&office.city).record_report(asked).await.unwrap().into_inner();
    let own = own.report.unwrap().id;
    let before = office.head();

    let found = |finding: &str, class: &str| v1::ReportedFinding {
        finding_id: finding.to_owned(),
        observed_on: String::new(),
        observation: Some(v1::Observation { class: class.to_owned(), ..crack() }),
    };
    let mut other_scale = report("2026-05-20", "B");
    other_scale.fields.as_mut().unwrap().grades[0].set_scale(v1::GradeScale::Condition);
    let mut appraisal = report("2026-05-20", "C");
    let grade = &mut appraisal.fields.as_mut().unwrap().grades[0];
    grade.set_scale(v1::GradeScale::DangerousHouse);
    grade.edition = "JGJ125-2016".to_owned();
    let mut class = report("2026-05-20", "B");
    class.findings = vec![found("", "STR.GHOST")];
    let mut scope = report("2026-05-20", "B");
    scope.signatures.as_mut().unwrap().scope = "electric".to_owned();
    let mut foreign = report("2026-05-20", "B");
    foreign.findings = vec![found(&elsewhere, "STR.CRACK")];
    let mut early = report("1987-05-20", "B");
    early.signatures = None;
    early.submitted_on = String::new();
    let mut future = report("2026-06-02", "B");
    future.signatures = None;
    future.submitted_on = String::new();
    let mut lines = Vec::new();
    for (what, message) in [
        ("dated in the future", future),
        ("before the building was there", early),
        ("a value of another scale", other_scale),
        ("a grade that only an appraisal gives", appraisal),
        ("a grade that the scale does not have", report("2026-05-20", "D")),
        ("an unknown class", class),
        ("a signer without a licence for the scope", scope),
        ("a signer who had no licence yet", report("2019-05-20", "B")),
        ("a finding of another building", foreign),
    ] {
        let asked = office.city.asking("inspector", message);
        let refusal = reports(&office.city).record_report(asked).await.unwrap_err();
        lines.push(format!("{what}: {}", told(&refusal)));
    }
    let step = v1::AcceptReportRequest {
        context: write(),
        id: own.clone(),
        etag: String::new(),
        on: "2026-05-25".to_owned(),
    };
    let asked = office.city.asking("east", step);
    let refusal = reports(&office.city).accept_report(asked).await.unwrap_err();
    lines.push(format!("accepted by who submitted it: {}", told(&refusal)));
    let etag = "1".to_owned();
    let (on, id) = ("2026-06-02".to_owned(), own.clone());
    let step = v1::AcceptReportRequest { context: write(), id, etag, on };
    let asked = office.city.asking("east", step);
    let refusal = reports(&office.city).accept_report(asked).await.unwrap_err();
    lines.push(format!("the same with all else that is wrong: {}", told(&refusal)));
    let on = "2026-05-19".to_owned();
    let context = v1::WriteContext { reason: String::new(), ..write().unwrap() };
    let step = v1::ReturnReportRequest {
        context: Some(context),
        id: own.clone(),
        on,
        ..Default::default()
    };
    let asked = office.city.asking("east", step);
    let refusal = reports(&office.city).return_report(asked).await.unwrap_err();
    lines.push(format!(
        "returned by who submitted it, before, and without a word: {}",
        told(&refusal)
    ));
    let known = Some((elsewhere.as_str(), ""));
    let refusal = office.observe(&block, known, "2026-05-21", crack()).await.unwrap_err();
    lines.push(format!("another building's finding seen here: {}", told(&refusal)));
    let ghost = v1::Observation { class: "STR.GHOST".to_owned(), ..crack() };
    let refusal = office.observe(&block, None, "2026-05-21", ghost).await.unwrap_err();
    lines.push(format!("a class that is not in the catalogue: {}", told(&refusal)));
    assert_eq!(office.head(), before);
    expect![[r"
        dated in the future: InvalidArgument FUTURE_DATE
        FUTURE_DATE inspected_on
        before the building was there: FailedPrecondition BEFORE_BUILDING
        BEFORE_BUILDING inspected_on
        a value of another scale: InvalidArgument GRADE_EDITION
        GRADE_EDITION fields.grades[0]
        a grade that only an appraisal gives: FailedPrecondition GRADE_OF_APPRAISAL
        GRADE_OF_APPRAISAL fields.grades[0]
        a grade that the scale does not have: InvalidArgument GRADE_VALUE
        GRADE_VALUE fields.grades[0]
        an unknown class: InvalidArgument CLASS_UNKNOWN
        CLASS_UNKNOWN findings[0].observation.class
        a signer without a licence for the scope: InvalidArgument SIGNATURE_SCOPE
        SIGNATURE_SCOPE signatures.scope
        SIGNER_SCOPE signatures.signer_ids
        BODY_SCOPE signatures.signer_ids
        a signer who had no licence yet: FailedPrecondition SIGNER_PERIOD
        SIGNER_PERIOD signatures.signer_ids
        SIGNER_NOT_EMPLOYED signatures.signer_ids
        a finding of another building: FailedPrecondition FINDING_OTHER_BUILDING
        FINDING_OTHER_BUILDING findings[0].finding_id
        accepted by who submitted it: FailedPrecondition FOUR_EYES
        FOUR_EYES 
        the same with all else that is wrong: InvalidArgument FUTURE_DATE
        FUTURE_DATE on
        ETAG_MISMATCH etag
        FOUR_EYES 
        returned by who submitted it, before, and without a word: InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        DAYS_OUT_OF_ORDER on
        FOUR_EYES 
        another building's finding seen here: FailedPrecondition FINDING_OTHER_BUILDING
        FINDING_OTHER_BUILDING finding_id
        a class that is not in the catalogue: InvalidArgument CLASS_UNKNOWN
        CLASS_UNKNOWN observation.class"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_past_list_is_in_id_order_and_another_order_is_told_with_all_that_is_wrong() {
    let mut office = Office::start().await;
    let block = office.dwelling("the block", "1988-05-01").await;
    office.observe(&block, None, "2026-05-20", crack()).await.unwrap();
    let street = office.city.streets[0].clone();
    let due = |from: &str, order_by: &str| v1::ListDueRequest {
        context: when("2026-05-21", None),
        holder_id: street.clone(),
        from: from.to_owned(),
        to: "2027-12-31".to_owned(),
        order_by: order_by.to_owned(),
        ..v1::ListDueRequest::default()
    };
    let mut dues = DueServiceClient::new(office.city.channel.clone());
    let asked = office.city.asking("east", due("2028-01-01", ""));
    let refusal = dues.list_due(asked).await.unwrap_err();
    let mut lines = vec![told(&refusal)];
    let asked = office.city.asking("east", due("", "id"));
    let listed = dues.list_due(asked).await.unwrap().into_inner();
    let own = format!("{}:", office.city.partition.number());
    assert!(listed.read_at.iter().all(|position| position.starts_with(&own)));
    assert_eq!((listed.rows.len(), listed.read_at.len()), (1, 1));
    assert_eq!(listed.rows[0].due.as_ref().unwrap().due_on, "2027-12-31");
    let found = |class: &str, order_by: &str| v1::ListFindingsRequest {
        context: when("2026-05-21", None),
        of: Some(v1::list_findings_request::Of::RegionId(street.clone())),
        class: class.to_owned(),
        order_by: order_by.to_owned(),
        ..v1::ListFindingsRequest::default()
    };
    let asked = office.city.asking("east", found("no class", "age"));
    let refusal = findings(&office.city).list_findings(asked).await.unwrap_err();
    lines.push(told(&refusal));
    let asked = office.city.asking("east", found("STR", ""));
    let listed = findings(&office.city).list_findings(asked).await.unwrap().into_inner();
    assert_eq!((listed.findings.len(), listed.read_at.len()), (1, 1));
    let noticed = v1::ListFindingsRequest { with_open_notice: true, ..found("", "id") };
    let asked = office.city.asking("east", noticed);
    let listed = findings(&office.city).list_findings(asked).await.unwrap().into_inner();
    assert_eq!(listed.findings.len(), 0);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE to
        ORDER_ONLY_NOW order_by
        InvalidArgument INVALID_REQUEST
        MALFORMED class
        ORDER_ONLY_NOW order_by"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn what_is_due_is_told_with_who_pays_and_of_what_is_gone_that_it_is() {
    let mut office = Office::start().await;
    let shops = office.block("the shops", "1985-05-01", v1::BuildingUse::Commerce, 30).await;
    let home = office.dwelling("the block", "1988-05-01").await;
    let mut dues = DueServiceClient::new(office.city.channel.clone());
    let mut told = async |block: &str, valid: &str| {
        let (context, building_id) = (when(valid, None), block.to_owned());
        let message = v1::ExplainDueRequest { context, building_id };
        dues.explain_due(office.city.asking("east", message)).await.unwrap().into_inner()
    };
    let paid = |answer: &v1::ExplainDueResponse| {
        let payments = &answer.basis.as_ref().unwrap().payments;
        let lines =
            payments.iter().map(|it| format!("{} {} {}", it.rule, it.payer, it.award_percent));
        lines.collect::<Vec<_>>().join(", ")
    };
    let of_shops = told(&shops, "2026-05-21").await;
    assert_eq!(paid(&of_shops), "non-dwelling-design-life-reached responsible_party 50");
    let of_home = told(&home, "2026-05-21").await;
    assert_eq!(paid(&of_home), "dwelling-within-design-life public_account 0");
    let notes = of_home.basis.unwrap().notes;
    assert!(notes.iter().any(|note| note.starts_with("Two classes overlap")), "{notes:?}");
    let end = v1::EndBuildingRequest {
        context: write(),
        id: shops.clone(),
        ended_on: "2026-05".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    office.city.buildings().end_building(office.city.asking("operator", end)).await.unwrap();
    let due = told(&shops, "2026-06-01").await.due.unwrap();
    assert_eq!((due.answer(), due.ended_on.as_str()), (v1::DueAnswer::Ended, "2026-05"));
    let due = told(&shops, "1985-04-30").await.due.unwrap();
    assert_eq!(due.answer(), v1::DueAnswer::NotThere);
}

#[tokio::test]
async fn who_corrects_a_licence_is_told_which_reports_are_in_doubt_by_it() {
    let mut office = Office::start().await;
    let (one, two) = (
        office.dwelling("1号楼", "1988-05-01").await,
        office.dwelling("2号楼", "1988-05-01").await,
    );
    let accepted = office.check_up(&one, "2026-05-20", "B").await.id;
    let message = office.report(v1::ReportKind::CheckUp, &two, "2026-05-21", Some("B"));
    let asked = office.city.asking("inspector", message);
    let made = reports(&office.city).record_report(asked).await.unwrap().into_inner();
    let submitted = made.report.unwrap().id;
    let told = warned(&office.licensed("2026-01-31", None).await).join("; ");
    assert!(told.starts_with("REPORTS_IN_DOUBT: 2 reports are in doubt by this: "), "{told}");
    assert!(told.contains(&accepted) && told.contains(&submitted), "{told}");
    // Another day of the same, and the doubt lifted: nothing comes into doubt. Then it does again.
    for (until, count) in [("2026-02-28", 0), ("2039-12-31", 0), ("2026-02-28", 1)] {
        let told = warned(&office.licensed(until, None).await);
        assert_eq!(told.len(), count, "{until}: {told:?}");
    }
    let (context, on) = (write(), "2026-05-22".to_owned());
    let step = v1::AcceptReportRequest { context, id: submitted, etag: String::new(), on };
    let asked = office.city.asking("east", step);
    let told = warned(&reports(&office.city).accept_report(asked).await.unwrap()).join("; ");
    let signer = &office.signer;
    assert_eq!(
        told,
        format!(
            "SIGNATURE_IN_DOUBT: a signature of the report is in doubt ({signer} SIGNER_PERIOD): \
             it does not count as a check-up as long as that is so"
        )
    );
}
