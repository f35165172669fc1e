//! Reports and findings over the API.

use anju::proto::v1::{
    self, finding_saying::Saying, finding_service_client::FindingServiceClient,
    inspection_service_client::InspectionServiceClient, list_findings_request::Of as FindingsOf,
    list_reports_request::Of as ReportsOf,
};
use expect_test::expect;
use tonic::{Status, transport::Channel};

use crate::{
    actors::{body, licence, plans, references, signer},
    harness::{City, told, write, write_because},
};

const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");

pub(crate) fn reports(city: &City) -> InspectionServiceClient<Channel> {
    InspectionServiceClient::new(city.channel.clone())
}

pub(crate) fn findings(city: &City) -> FindingServiceClient<Channel> {
    FindingServiceClient::new(city.channel.clone())
}

/// A city with reference data, a building in the east street, a body and a signer.
struct Desk {
    city: City,
    building: String,
    body: String,
    signer: String,
}

impl Desk {
    async fn start() -> Self {
        let city = City::start().await;
        for text in [GRADES, FINDINGS] {
            let message = v1::LoadReferenceRequest {
                context: write(),
                text: text.to_owned(),
                ..v1::LoadReferenceRequest::default()
            };
            references(&city).load_reference(city.asking("operator", message)).await.unwrap();
        }
        let compound = city.compound(&city.communities[0], "东院").await;
        let building = city.building(&compound.id, "1号楼").await.id;
        let body = body(&city, vec![licence("structure", "2019-01-01", "2029-12-31")]).await.id;
        let signer = signer(&city, &body).await.id;
        Self { city, building, body, signer }
    }

    fn report(&self) -> v1::RecordReportRequest {
        v1::RecordReportRequest {
            context: write(),
            fields: Some(v1::ReportFields {
                building_id: Some(self.building.clone()),
                kind: v1::ReportKind::CheckUp.into(),
                body_id: Some(self.body.clone()),
                grades: vec![v1::Grade {
                    scale: v1::GradeScale::Survey.into(),
                    edition: "2020".to_owned(),
                    scope: v1::GradeScope::Building.into(),
                    aspect: 0,
                    value: "B".to_owned(),
                }],
                dimensions: vec!["STR".to_owned()],
                documents: vec![v1::Document {
                    sha256: "ab".repeat(32),
                    size_bytes: 7,
                    media_type: "application/pdf".to_owned(),
                    uri: String::new(),
                }],
                ..v1::ReportFields::default()
            }),
            inspected_on: "2026-03-01".to_owned(),
            findings: vec![v1::ReportedFinding {
                observation: Some(crack()),
                ..v1::ReportedFinding::default()
            }],
            signatures: Some(v1::Signature {
                signer_ids: vec![self.signer.clone()],
                scope: "structure".to_owned(),
                on: "2026-03-05".to_owned(),
            }),
            submitted_on: "2026-03-06".to_owned(),
        }
    }

    async fn record(
        &self,
        who: &str,
        message: v1::RecordReportRequest,
    ) -> Result<v1::RecordReportResponse, Status> {
        let asked = self.city.asking(who, message);
        Ok(reports(&self.city).record_report(asked).await?.into_inner())
    }

    async fn observe(
        &self,
        who: &str,
        finding: &str,
        observation: v1::Observation,
    ) -> Result<v1::ObserveFindingResponse, Status> {
        let message = v1::ObserveFindingRequest {
            context: write(),
            building_id: self.building.clone(),
            finding_id: finding.to_owned(),
            observed_on: "2026-03-10".to_owned(),
            observation: Some(observation),
            ..v1::ObserveFindingRequest::default()
        };
        let asked = self.city.asking(who, message);
        Ok(findings(&self.city).observe_finding(asked).await?.into_inner())
    }

    async fn follow(
        &self,
        who: &str,
        id: &str,
        on: &str,
        saying: Saying,
    ) -> Result<v1::Finding, Status> {
        let message = v1::FollowFindingRequest {
            context: write_because("as the office sees it"),
            id: id.to_owned(),
            on: on.to_owned(),
            saying: Some(v1::FindingSaying { saying: Some(saying) }),
            ..v1::FollowFindingRequest::default()
        };
        let asked = self.city.asking(who, message);
        Ok(findings(&self.city).follow_finding(asked).await?.into_inner().finding.unwrap())
    }
}

pub(crate) fn crack() -> v1::Observation {
    v1::Observation {
        source: v1::ObservationSource::Inspector.into(),
        observer: "p-81".to_owned(),
        class: "STR.CRACK".to_owned(),
        severity: v1::Severity::RepairBy.into(),
        place: Some(v1::FindingPlace { floor: Some(3), ..v1::FindingPlace::default() }),
        report_id: String::new(),
    }
}

fn shown(report: &v1::Report) -> String {
    let fields = report.fields.as_ref().unwrap();
    format!(
        "{} {} {} grades, submitted {:?}, judged {:?}, {}",
        report.state().as_str_name(),
        report.doubt().as_str_name(),
        fields.grades.len(),
        report.submitted_on,
        report.judged_on,
        report.returned_because,
    )
}

fn stands(finding: &v1::Finding) -> String {
    format!(
        "{} {} {} until {:?}, overdue {:?}, notice {:?}, {} events",
        finding.stage().as_str_name(),
        finding.class,
        finding.severity().as_str_name(),
        finding.deadline,
        finding.overdue_days,
        finding.notice_age_days,
        finding.events.len(),
    )
}

#[tokio::test]
async fn a_report_goes_from_the_body_to_the_office_and_is_found_by_all_that_it_names() {
    let desk = Desk::start().await;
    let answer = desk.record("inspector", desk.report()).await.unwrap();
    let report = answer.report.unwrap();
    assert_eq!(answer.findings.len(), 1);
    expect![[
        r#"REPORT_STATE_SUBMITTED REPORT_DOUBT_NONE 1 grades, submitted "2026-03-06", judged "", "#
    ]]
    .assert_eq(&shown(&report));
    let step = |on: &str| v1::AcceptReportRequest {
        context: write(),
        id: report.id.clone(),
        etag: report.etag.clone(),
        on: on.to_owned(),
    };
    let client = || reports(&desk.city);
    // The body does not judge its own work, and nobody without a part in it does.
    for who in ["inspector", "public"] {
        let asked = desk.city.asking(who, step("2026-03-10"));
        let refusal = client().accept_report(asked).await.unwrap_err();
        assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
    }
    let asked = desk.city.asking("west", step("2026-03-10"));
    let refusal = client().accept_report(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND id");
    let asked = desk.city.asking("east", step("2026-03-10"));
    let accepted = client().accept_report(asked).await.unwrap().into_inner();
    expect![[r#"REPORT_STATE_ACCEPTED REPORT_DOUBT_NONE 1 grades, submitted "2026-03-06", judged "2026-03-10", "#]].assert_eq(&shown(&accepted.report.unwrap()));

    let of = [
        ReportsOf::BuildingId(desk.building.clone()),
        ReportsOf::BodyId(desk.body.clone()),
        ReportsOf::SignerId(desk.signer.clone()),
        ReportsOf::RegionId(desk.city.streets[0].clone()),
        ReportsOf::RegionId(desk.city.streets[1].clone()),
    ];
    let mut counts = vec![];
    for of in of {
        for states in
            [vec![], vec![v1::ReportState::Accepted.into()], vec![v1::ReportState::Drafted.into()]]
        {
            let message = v1::ListReportsRequest {
                of: Some(of.clone()),
                states,
                ..v1::ListReportsRequest::default()
            };
            let asked = desk.city.asking("city", message);
            counts.push(client().list_reports(asked).await.unwrap().into_inner().reports.len());
        }
    }
    assert_eq!(counts, [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_report_is_told_at_once_and_nothing_is_written() {
    let desk = Desk::start().await;
    let before = desk.city.registry.frontier(desk.city.partition).seq;
    let mut message = desk.report();
    message.inspected_on = "2027-01-01".to_owned();
    let fields = message.fields.as_mut().unwrap();
    fields.grades[0].value = "Q".to_owned();
    fields.documents[0].sha256 = "ab".to_owned();
    let ghost = v1::Observation { class: "STR.GHOST".to_owned(), ..crack() };
    message.findings = vec![
        v1::ReportedFinding { observation: None, ..v1::ReportedFinding::default() },
        v1::ReportedFinding { observation: Some(ghost), ..v1::ReportedFinding::default() },
        v1::ReportedFinding {
            observation: Some(v1::Observation {
                severity: 9,
                observer: "13812345678".to_owned(),
                place: Some(v1::FindingPlace { floor: Some(0), ..v1::FindingPlace::default() }),
                ..crack()
            }),
            ..v1::ReportedFinding::default()
        },
    ];
    message.signatures.as_mut().unwrap().scope = "struc ture".to_owned();
    let refusal = desk.record("inspector", message).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED fields.documents[0].sha256
        REQUIRED findings[0].observation
        PHONE_NUMBER findings[2].observation.observer
        UNKNOWN_VALUE findings[2].observation.severity
        OUT_OF_RANGE findings[2].observation.place.floor
        MALFORMED signatures.scope
        FUTURE_DATE inspected_on
        GRADE_VALUE fields.grades[0]
        FUTURE_DATE findings[0].observed_on
        FUTURE_DATE findings[1].observed_on
        CLASS_UNKNOWN findings[1].observation.class
        FUTURE_DATE findings[2].observed_on"]]
    .assert_eq(&told(&refusal));

    // Unqualified for the scope.
    let mut message = desk.report();
    message.signatures.as_mut().unwrap().scope = "electric".to_owned();
    let refusal = desk.record("inspector", message).await.unwrap_err();
    expect![[r"
        InvalidArgument SIGNATURE_SCOPE
        SIGNATURE_SCOPE signatures.scope
        SIGNER_SCOPE signatures.signer_ids
        BODY_SCOPE signatures.signer_ids"]]
    .assert_eq(&told(&refusal));

    // Who walks the streets reports patrols.
    let refusal = desk.record("grid", desk.report()).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
    // Only judged.
    let mut message = desk.report();
    message.context.as_mut().unwrap().validate_only = true;
    let answer = desk.record("inspector", message).await.unwrap();
    assert_eq!((answer.report, answer.findings.len()), (None, 0));
    assert_eq!(desk.city.registry.frontier(desk.city.partition).seq, before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page after another")]
async fn a_finding_is_followed_by_those_who_may_and_listed_by_the_age_of_its_notice() {
    let desk = Desk::start().await;
    let recorded = desk.record("inspector", desk.report()).await.unwrap();
    let id = recorded.findings[0].id.clone();
    // An insurer's visit is an observation of its own kind.
    let refusal = desk.observe("insurer", "", crack()).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument OUT_OF_RANGE\nOUT_OF_RANGE observation.source");
    let visit = v1::Observation { source: v1::ObservationSource::Insurer.into(), ..crack() };
    let seen = desk.observe("insurer", "", visit).await.unwrap();
    let other = seen.finding.unwrap();
    assert_eq!(seen.possible_duplicates, std::slice::from_ref(&id));

    let notice = Saying::Notified(v1::Notified::default());
    let refusal = desk.follow("insurer", &id, "2026-03-11", notice.clone()).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
    let mut lines = vec![];
    lines.push(stands(&desk.follow("east", &id, "2026-03-11", notice.clone()).await.unwrap()));
    lines.push(stands(&desk.follow("east", &other.id, "2026-05-02", notice).await.unwrap()));
    let verified = Saying::Verified(v1::Verification { verifier: "office".to_owned() });
    let refusal = desk.follow("east", &id, "2026-03-11", verified).await.unwrap_err();
    lines.push(told(&refusal));
    let ghost = Saying::Assessed(v1::Assessed {
        class: "STR.GHOST".to_owned(),
        severity: v1::Severity::Unsafe.into(),
    });
    lines.push(told(&desk.follow("east", &id, "2026-03-12", ghost).await.unwrap_err()));
    expect![[r#"
        FINDING_STAGE_NOTIFIED STR.CRACK SEVERITY_REPAIR_BY until "2026-09-07", overdue None, notice Some(82), 2 events
        FINDING_STAGE_NOTIFIED STR.CRACK SEVERITY_REPAIR_BY until "2026-10-29", overdue None, notice Some(30), 2 events
        InvalidArgument NOT_HERE
        NOT_HERE saying
        InvalidArgument CLASS_UNKNOWN
        CLASS_UNKNOWN saying.assessed.class"#]].assert_eq(&lines.join("\n"));

    let list = async |order_by: &str, bucket: Option<u32>, overdue_only: bool| {
        let message = v1::ListFindingsRequest {
            of: Some(FindingsOf::RegionId(desk.city.district.clone())),
            class: "STR".to_owned(),
            bucket_from_days: bucket,
            overdue_only,
            page_size: 1,
            order_by: order_by.to_owned(),
            ..v1::ListFindingsRequest::default()
        };
        let mut ids = vec![];
        let mut token = String::new();
        loop {
            let message = v1::ListFindingsRequest { page_token: token, ..message.clone() };
            let asked = desk.city.asking("city", message);
            let answer = findings(&desk.city).list_findings(asked).await.unwrap().into_inner();
            ids.extend(answer.findings.into_iter().map(|finding| finding.id));
            token = answer.next_page_token;
            if token.is_empty() {
                return ids;
            }
        }
    };
    assert_eq!(list("age", None, false).await, [id.clone(), other.id.clone()]);
    assert_eq!(list("age", Some(0), false).await, std::slice::from_ref(&other.id));
    assert_eq!(list("", Some(31), false).await, std::slice::from_ref(&id));
    assert!(list("id", None, true).await.is_empty());

    // Joined, the other leads to it.
    let message = v1::MergeFindingsRequest {
        context: write(),
        ids: vec![other.id.clone()],
        into_id: id.clone(),
        day: String::new(),
    };
    let asked = desk.city.asking("east", message);
    findings(&desk.city).merge_findings(asked).await.unwrap();
    let message = v1::GetFindingRequest { context: None, id: other.id.clone() };
    let asked = desk.city.asking("auditor", message);
    let found = findings(&desk.city).get_finding(asked).await.unwrap().into_inner();
    let found = found.finding.unwrap();
    assert_eq!((found.leads_to_id.as_str(), found.ids.len()), (id.as_str(), 2));
    expect![[r#"FINDING_STAGE_NOTIFIED STR.CRACK SEVERITY_REPAIR_BY until "2026-10-29", overdue None, notice Some(82), 4 events"#]].assert_eq(&stands(&found));
    assert_eq!(found.events[2].reason, "as the office sees it");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one thing that is wrong after another")]
async fn what_is_wrong_with_a_report_and_with_an_order_is_told_at_once_with_its_path() {
    let desk = Desk::start().await;
    let elsewhere = desk.city.compound(&desk.city.communities[0], "南院").await;
    let elsewhere = desk.city.building(&elsewhere.id, "2号楼").await.id;
    let asked_of = body(&desk.city, vec![licence("structure", "2019-01-01", "2029-12-31")]).await;
    let order = v1::CreateOrderRequest {
        context: write(),
        fields: Some(v1::OrderFields {
            building_id: Some(elsewhere.clone()),
            kind: v1::ReportKind::CheckUp.into(),
            body_id: Some(asked_of.id),
            ..v1::OrderFields::default()
        }),
        exists_from: "2026-01-01".to_owned(),
    };
    let asked = desk.city.asking("east", order.clone());
    let ordered = plans(&desk.city).create_order(asked).await.unwrap().into_inner();
    let message = v1::ObserveFindingRequest {
        context: write(),
        building_id: elsewhere,
        observed_on: "2026-03-10".to_owned(),
        observation: Some(crack()),
        ..v1::ObserveFindingRequest::default()
    };
    let asked = desk.city.asking("inspector", message);
    let other = findings(&desk.city).observe_finding(asked).await.unwrap().into_inner();
    let before = desk.city.registry.frontier(desk.city.partition).seq;

    let mut message = desk.report();
    let fields = message.fields.as_mut().unwrap();
    fields.kind = v1::ReportKind::Appraisal.into();
    fields.triggers_appraisal = Some(true);
    fields.order_id = Some(ordered.order.unwrap().id);
    fields.dimensions = vec!["STR".to_owned(), "XYZ".to_owned()];
    fields.grades[0].value = "Q".to_owned();
    // The letter of one scale under the name of another.
    let mut condition = fields.grades[0].clone();
    condition.set_scale(v1::GradeScale::Condition);
    condition.value = "B".to_owned();
    fields.grades.push(condition);
    message.inspected_on = "1970-03-01".to_owned();
    message.findings = vec![
        v1::ReportedFinding {
            finding_id: other.finding.unwrap().id,
            observed_on: "2026-06-02".to_owned(),
            observation: Some(v1::Observation { class: "STR.GHOST".to_owned(), ..crack() }),
        },
        v1::ReportedFinding {
            observation: Some(v1::Observation { severity: 0, ..crack() }),
            ..v1::ReportedFinding::default()
        },
    ];
    let signature = message.signatures.as_mut().unwrap();
    signature.scope = "electric".to_owned();
    signature.on = "2026-06-02".to_owned();
    message.submitted_on = "2026-06-01".to_owned();
    let refusal = desk.record("inspector", message).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED findings[1].observation.severity
        TRIGGERS_ITSELF fields.triggers_appraisal
        GRADE_VALUE fields.grades[0]
        GRADE_EDITION fields.grades[1]
        DIMENSION_UNKNOWN fields.dimensions[1]
        FUTURE_DATE findings[0].observed_on
        CLASS_UNKNOWN findings[0].observation.class
        FUTURE_DATE signatures.on
        SIGNATURE_SCOPE signatures.scope
        BEFORE_BUILDING inspected_on
        ORDER_OTHER_BUILDING fields.order_id
        REPORT_KIND fields.kind
        ORDER_OTHER_BODY fields.body_id
        FINDING_OTHER_BUILDING findings[0].finding_id
        BEFORE_BUILDING findings[1].observed_on
        SIGNER_SCOPE signatures.signer_ids
        BODY_SCOPE signatures.signer_ids
        DAYS_OUT_OF_ORDER submitted_on"]]
    .assert_eq(&told(&refusal));

    let mut order = order;
    order.context = write();
    order.exists_from = "1970-01-01".to_owned();
    let fields = order.fields.as_mut().unwrap();
    fields.deadline = Some("1969-12-31".to_owned());
    fields.payer = 99;
    fields.payment_reference = Some("13812345678".to_owned());
    let asked = desk.city.asking("east", order);
    let refusal = plans(&desk.city).create_order(asked).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE fields.payer
        PHONE_NUMBER fields.payment_reference
        BUILDING_ABSENT fields.building_id
        BODY_ABSENT fields.body_id
        DEADLINE_PAST fields.deadline"]]
    .assert_eq(&told(&refusal));
    assert_eq!(desk.city.registry.frontier(desk.city.partition).seq, before);
}

#[tokio::test]
async fn a_second_report_on_an_order_is_taken_with_a_warning() {
    let desk = Desk::start().await;
    let order = v1::CreateOrderRequest {
        context: write(),
        fields: Some(v1::OrderFields {
            building_id: Some(desk.building.clone()),
            kind: v1::ReportKind::CheckUp.into(),
            body_id: Some(desk.body.clone()),
            ..v1::OrderFields::default()
        }),
        exists_from: "2026-01-01".to_owned(),
    };
    let asked = desk.city.asking("east", order);
    let order = plans(&desk.city).create_order(asked).await.unwrap().into_inner().order.unwrap();
    let mut told = Vec::new();
    for inspected in ["2026-03-01", "2026-03-02"] {
        let mut message = desk.report();
        message.fields.as_mut().unwrap().order_id = Some(order.id.clone());
        message.inspected_on = inspected.to_owned();
        message.findings.clear();
        let asked = desk.city.asking("inspector", message);
        let answer = reports(&desk.city).record_report(asked).await.unwrap();
        let warnings = answer.metadata().get_all("anju-warning").iter();
        let warnings = warnings.map(|value| value.to_str().unwrap().to_owned());
        told.push((warnings.collect::<Vec<_>>(), answer.into_inner().report.unwrap().id));
    }
    let [(first, id), (second, _)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(first, &[""; 0]);
    let message = "another report of the order is submitted or accepted";
    assert_eq!(second, &[format!("ORDER_ANSWERED: {message}: {id}")]);
}

#[tokio::test]
async fn who_walks_the_streets_signs_and_submits_patrols_and_nothing_else() {
    let desk = Desk::start().await;
    let client = || reports(&desk.city);
    let mut draft = desk.report();
    draft.signatures = None;
    draft.submitted_on = String::new();
    let check_up = desk.record("inspector", draft).await.unwrap().report.unwrap();
    let sign = |id: &str| v1::SignReportRequest {
        context: write(),
        id: id.to_owned(),
        etag: String::new(),
        signer_ids: vec![desk.signer.clone()],
        scope: "structure".to_owned(),
        on: "2026-03-05".to_owned(),
    };
    let submit = |id: &str| v1::SubmitReportRequest {
        context: write(),
        id: id.to_owned(),
        etag: String::new(),
        on: "2026-03-06".to_owned(),
    };
    let refusal = client().sign_report(desk.city.asking("grid", sign(&check_up.id))).await;
    let mut lines = vec![told(&refusal.unwrap_err())];
    client().sign_report(desk.city.asking("inspector", sign(&check_up.id))).await.unwrap();
    let refusal = client().submit_report(desk.city.asking("grid", submit(&check_up.id))).await;
    lines.push(told(&refusal.unwrap_err()));
    // What is out of reach is not there, whatever it is.
    let west = desk.city.compound(&desk.city.communities[1], "西院").await;
    let west = desk.city.building(&west.id, "9号楼").await;
    let mut message = desk.report();
    let fields = message.fields.as_mut().unwrap();
    fields.building_id = Some(west.id);
    message.signatures = None;
    message.submitted_on = String::new();
    let far = desk.record("operator", message).await.unwrap().report.unwrap();
    let refusal = client().submit_report(desk.city.asking("grid", submit(&far.id))).await;
    lines.push(told(&refusal.unwrap_err()));

    // A patrol of no body is submitted as it is, and what it found counts from then on.
    let mut patrol = desk.report();
    let fields = patrol.fields.as_mut().unwrap();
    fields.kind = v1::ReportKind::Patrol.into();
    fields.body_id = None;
    fields.grades = vec![];
    patrol.signatures = None;
    patrol.submitted_on = String::new();
    let drafted = desk.record("grid", patrol).await.unwrap();
    lines.push(stands(&drafted.findings[0]));
    let id = drafted.report.unwrap().id;
    let submitted = client().submit_report(desk.city.asking("grid", submit(&id))).await.unwrap();
    lines.push(shown(&submitted.into_inner().report.unwrap()));
    let message = v1::GetFindingRequest { context: None, id: drafted.findings[0].id.clone() };
    let asked = desk.city.asking("east", message);
    let found = findings(&desk.city).get_finding(asked).await.unwrap().into_inner();
    lines.push(stands(&found.finding.unwrap()));
    expect![[r#"
        PermissionDenied ROLE_NOT_PERMITTED
        PermissionDenied ROLE_NOT_PERMITTED
        NotFound NOT_FOUND
        NOT_FOUND id
        FINDING_STAGE_UNSPECIFIED  SEVERITY_UNSPECIFIED until "", overdue None, notice None, 1 events
        REPORT_STATE_SUBMITTED REPORT_DOUBT_NONE 0 grades, submitted "2026-03-06", judged "", 
        FINDING_STAGE_OPEN STR.CRACK SEVERITY_REPAIR_BY until "", overdue None, notice None, 1 events"#]].assert_eq(&lines.join("\n"));
}
