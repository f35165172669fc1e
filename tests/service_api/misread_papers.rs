//! Reports, findings, orders and cases whose requests are wrong in their form: the rules are asked
//! about the rest all the same, and nothing is written.

use anju::proto::v1::{self, finding_saying::Saying};
use expect_test::expect;

use crate::{
    actors::{body, code, licence, plans, references, signer},
    harness::{City, told, write, write_because},
    papers::{crack, findings, reports},
};

const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");

/// A city with a building in the east street, and a finding in it.
struct Desk {
    city: City,
    building: String,
    finding: String,
}

impl Desk {
    async fn start() -> Self {
        let city = City::start().await;
        let message = v1::LoadReferenceRequest {
            context: write(),
            text: FINDINGS.to_owned(),
            ..v1::LoadReferenceRequest::default()
        };
        references(&city).load_reference(city.asking("operator", message)).await.unwrap();
        let compound = city.compound(&city.communities[0], "东院").await;
        let building = city.building(&compound.id, "1号楼").await.id;
        let message = v1::ObserveFindingRequest {
            context: write(),
            building_id: building.clone(),
            observed_on: "2026-03-10".to_owned(),
            observation: Some(crack()),
            ..v1::ObserveFindingRequest::default()
        };
        let seen = findings(&city).observe_finding(city.asking("operator", message)).await;
        let finding = seen.unwrap().into_inner().finding.unwrap().id;
        Self { city, building, finding }
    }

    async fn follow(&self, who: &str, message: v1::FollowFindingRequest) -> String {
        let asked = self.city.asking(who, message);
        told(&findings(&self.city).follow_finding(asked).await.unwrap_err())
    }

    async fn observe(&self, who: &str, message: v1::ObserveFindingRequest) -> String {
        let asked = self.city.asking(who, message);
        told(&findings(&self.city).observe_finding(asked).await.unwrap_err())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the requests take it")]
fn said(saying: Saying) -> Option<v1::FindingSaying> {
    Some(v1::FindingSaying { saying: Some(saying) })
}

#[tokio::test]
async fn what_follows_on_a_finding_is_told_both() {
    let desk = Desk::start().await;
    let before = desk.city.registry.frontier(desk.city.partition);
    let follow = v1::FollowFindingRequest {
        context: write(),
        id: desk.finding.clone(),
        etag: "1".to_owned(),
        on: "2026-03-11".to_owned(),
        ..v1::FollowFindingRequest::default()
    };
    let assessed = |class: &str, severity: i32| {
        said(Saying::Assessed(v1::Assessed { class: class.to_owned(), severity }))
    };
    let moved = |deadline: &str| {
        said(Saying::DeadlineMoved(v1::DeadlineMoved { deadline: deadline.to_owned() }))
    };
    let ask = async |message| desk.follow("operator", message).await;
    // Why is asked for by what is said, however it is said; and the class is one of the catalogue.
    let message = v1::FollowFindingRequest { saying: assessed("STR.NONE", 77), ..follow.clone() };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        UNKNOWN_VALUE saying.assessed.severity
        CLASS_UNKNOWN saying.assessed.class
        ETAG_MISMATCH etag"]]
    .assert_eq(&ask(message).await);
    let message =
        v1::FollowFindingRequest { on: "x".to_owned(), saying: moved("y"), ..follow.clone() };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        MALFORMED on
        MALFORMED saying.deadline_moved.deadline
        ETAG_MISMATCH etag"]]
    .assert_eq(&ask(message).await);
    let message =
        v1::FollowFindingRequest { on: "2035-01-01".to_owned(), saying: None, ..follow.clone() };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED saying
        FUTURE_DATE on
        ETAG_MISMATCH etag"]]
    .assert_eq(&ask(message).await);
    assert_eq!(desk.city.registry.frontier(desk.city.partition), before);
}

#[tokio::test]
async fn what_follows_on_nothing_is_told_both_too() {
    let desk = Desk::start().await;
    let before = desk.city.registry.frontier(desk.city.partition);
    let moved = |deadline: &str| {
        said(Saying::DeadlineMoved(v1::DeadlineMoved { deadline: deadline.to_owned() }))
    };
    let follow = v1::FollowFindingRequest {
        context: write(),
        id: desk.finding.clone(),
        etag: "1".to_owned(),
        on: "2026-03-11".to_owned(),
        ..v1::FollowFindingRequest::default()
    };
    let ask = async |message| desk.follow("operator", message).await;
    // Of a finding that cannot be read, and of one that is out of reach: no more than is there to
    // be said of any.
    let message = v1::FollowFindingRequest {
        id: "x".to_owned(),
        saying: moved("2020-01-01"),
        ..follow.clone()
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        MALFORMED id
        DEADLINE_OVER saying.deadline_moved.deadline"]]
    .assert_eq(&ask(message).await);
    let message = v1::FollowFindingRequest {
        on: "x".to_owned(),
        saying: moved("2020-01-01"),
        ..follow.clone()
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        MALFORMED on
        NOT_FOUND id"]]
    .assert_eq(&desk.follow("west", message).await);
    let message = v1::FollowFindingRequest {
        context: write_because("as agreed"),
        on: "2035-01-01".to_owned(),
        saying: moved("2020-01-01"),
        ..follow.clone()
    };
    expect![[r"
        InvalidArgument FUTURE_DATE
        FUTURE_DATE on
        DEADLINE_OVER saying.deadline_moved.deadline
        NOT_FOUND id"]]
    .assert_eq(&desk.follow("west", message).await);

    // What belongs into another call is told beside what is wrong with it.
    let saying = said(Saying::Verified(v1::Verification::default()));
    let message = v1::ReportRepairRequest {
        context: write(),
        id: desk.finding.clone(),
        on: "2026-03-11".to_owned(),
        saying,
        ..v1::ReportRepairRequest::default()
    };
    let asked = desk.city.asking("operator", message);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED saying.verified.verifier
        NOT_HERE saying"]]
    .assert_eq(&told(&findings(&desk.city).report_repair(asked).await.unwrap_err()));
    assert_eq!(desk.city.registry.frontier(desk.city.partition), before);
}

#[tokio::test]
async fn what_was_seen_is_told_both() {
    let desk = Desk::start().await;
    let elsewhere = Desk::start().await;
    let before = desk.city.registry.frontier(desk.city.partition);
    let seen = v1::Observation { class: "STR.NONE".to_owned(), ..crack() };
    let observe = v1::ObserveFindingRequest {
        context: write(),
        building_id: desk.building.clone(),
        finding_id: elsewhere.finding.clone(),
        observed_on: "2026-03-10".to_owned(),
        observation: Some(seen.clone()),
        ..v1::ObserveFindingRequest::default()
    };
    let ask = async |message| desk.observe("operator", message).await;
    let unread = v1::Observation { severity: 77, observer: String::new(), ..seen };
    let message = v1::ObserveFindingRequest { observation: Some(unread), ..observe.clone() };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED observation.observer
        UNKNOWN_VALUE observation.severity
        CLASS_UNKNOWN observation.class
        NOT_FOUND finding_id"]]
    .assert_eq(&ask(message).await);
    let message = v1::ObserveFindingRequest { observation: None, ..observe.clone() };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED observation
        NOT_FOUND finding_id"]]
    .assert_eq(&ask(message).await);
    let message = v1::ObserveFindingRequest { observed_on: String::new(), ..observe.clone() };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED observed_on
        NOT_FOUND finding_id"]]
    .assert_eq(&ask(message).await);
    let message = v1::ObserveFindingRequest {
        building_id: "x".to_owned(),
        observed_on: "2035-01-01".to_owned(),
        finding_id: desk.finding.clone(),
        ..observe.clone()
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED building_id
        FUTURE_DATE observed_on"]]
    .assert_eq(&ask(message.clone()).await);
    // Who does not reach the finding is told of it as if it were not there.
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED building_id
        FUTURE_DATE observed_on
        NOT_FOUND finding_id"]]
    .assert_eq(&desk.observe("west", message).await);
    assert_eq!(desk.city.registry.frontier(desk.city.partition), before);
}

#[tokio::test]
async fn a_finding_is_corrected_taken_back_and_merged_as_far_as_it_can_be_read() {
    let desk = Desk::start().await;
    let correct = v1::CorrectFindingRequest {
        context: write_because("misread"),
        id: desk.finding.clone(),
        etag: "1".to_owned(),
        exists_from: "2035-01-01".to_owned(),
        saying: said(Saying::Observed(v1::Observation { severity: 77, ..crack() })),
        ..v1::CorrectFindingRequest::default()
    };
    let asked = desk.city.asking("operator", correct);
    let refusal = findings(&desk.city).correct_finding(asked).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE saying.observed.severity
        FUTURE_DATE exists_from
        ETAG_MISMATCH etag"]]
    .assert_eq(&told(&refusal));
    let retract = v1::RetractFindingRequest {
        context: write(),
        id: desk.finding.clone(),
        etag: "1".to_owned(),
        entry: Some(77),
    };
    let asked = desk.city.asking("operator", retract);
    let refusal = findings(&desk.city).retract_finding(asked).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        ETAG_MISMATCH etag
        ENTRY_NOT_FOUND entry"]]
    .assert_eq(&told(&refusal));
    let elsewhere = Desk::start().await;
    let merge = v1::MergeFindingsRequest {
        context: write(),
        ids: vec![elsewhere.finding.clone()],
        into_id: "x".to_owned(),
        day: "2035-01-01".to_owned(),
    };
    let asked = desk.city.asking("operator", merge);
    let refusal = findings(&desk.city).merge_findings(asked).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED into_id
        FUTURE_DATE day
        NOT_FOUND ids[0]"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn a_report_is_told_both() {
    let desk = Desk::start().await;
    let city = &desk.city;
    let body = body(city, vec![licence("structure", "2019-01-01", "2029-12-31")]).await.id;
    let before = city.registry.frontier(city.partition);
    let report = report(&desk, body);
    let record = async |who: &str, message| {
        let asked = city.asking(who, message);
        reports(city).record_report(asked).await.map(tonic::Response::into_inner)
    };
    let seen = |observation| v1::ReportedFinding {
        observation: Some(observation),
        ..v1::ReportedFinding::default()
    };
    let mut flawed = report.clone();
    flawed.findings = vec![
        seen(v1::Observation { severity: 77, class: "STR.NONE".to_owned(), ..crack() }),
        seen(v1::Observation { class: "STR.NONE".to_owned(), ..crack() }),
    ];
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE findings[0].observation.severity
        DIMENSION_UNKNOWN fields.dimensions[0]
        CLASS_UNKNOWN findings[0].observation.class
        CLASS_UNKNOWN findings[1].observation.class"]]
    .assert_eq(&told(&record("operator", flawed.clone()).await.unwrap_err()));
    // Without its building it is judged by what it is itself.
    flawed.fields.as_mut().unwrap().building_id = None;
    flawed.inspected_on = "2035-01-01".to_owned();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE findings[0].observation.severity
        REQUIRED fields.building_id
        FUTURE_DATE inspected_on
        FUTURE_DATE findings[0].observed_on
        FUTURE_DATE findings[1].observed_on"]]
    .assert_eq(&told(&record("operator", flawed).await.unwrap_err()));

    // Of a building that is out of reach, no more than what can be said of any.
    let mut hidden = report;
    hidden.inspected_on = "2035-01-01".to_owned();
    expect![[r"
        InvalidArgument FUTURE_DATE
        FUTURE_DATE inspected_on
        NOT_FOUND fields.building_id"]]
    .assert_eq(&told(&record("west", hidden).await.unwrap_err()));
    assert_eq!(city.registry.frontier(city.partition), before);
}

/// A report of the building with a dimension that there is not.
fn report(desk: &Desk, body: String) -> v1::RecordReportRequest {
    v1::RecordReportRequest {
        context: write(),
        fields: Some(v1::ReportFields {
            building_id: Some(desk.building.clone()),
            kind: v1::ReportKind::CheckUp.into(),
            body_id: Some(body),
            dimensions: vec!["NONE".to_owned()],
            ..v1::ReportFields::default()
        }),
        inspected_on: "2026-03-01".to_owned(),
        ..v1::RecordReportRequest::default()
    }
}

/// A report that was drafted, and who may sign it.
async fn drafted(desk: &Desk) -> (v1::Report, String) {
    let city = &desk.city;
    let body = body(city, vec![licence("structure", "2019-01-01", "2029-12-31")]).await.id;
    let signer = signer(city, &body).await.id;
    let mut well = report(desk, body);
    well.fields.as_mut().unwrap().dimensions.clear();
    let asked = city.asking("inspector", well);
    let made = reports(city).record_report(asked).await.unwrap().into_inner().report;
    (made.unwrap(), signer)
}

#[tokio::test]
async fn the_steps_of_a_report_are_told_both() {
    let desk = Desk::start().await;
    let city = &desk.city;
    let (made, signer) = drafted(&desk).await;
    let before = city.registry.frontier(city.partition);
    let sign = |id: &str, signer: &str, scope: &str, on: &str| v1::SignReportRequest {
        context: write(),
        id: id.to_owned(),
        etag: "1".to_owned(),
        signer_ids: vec![signer.to_owned()],
        scope: scope.to_owned(),
        on: on.to_owned(),
    };
    for (message, expected) in [
        (
            sign(&made.id, "x", "structure", "2035-01-01"),
            expect![[r"
            InvalidArgument INVALID_REQUEST
            MALFORMED signer_ids[0]
            FUTURE_DATE on
            ETAG_MISMATCH etag"]],
        ),
        (
            sign(&made.id, &signer, "", "2026-03-05"),
            expect![[r"
            InvalidArgument INVALID_REQUEST
            REQUIRED scope
            ETAG_MISMATCH etag"]],
        ),
        (
            sign(&made.id, &signer, "structure", "x"),
            expect![[r"
            InvalidArgument INVALID_REQUEST
            MALFORMED on
            ETAG_MISMATCH etag"]],
        ),
        (
            sign("x", &signer, "structure", "2026-03-05"),
            expect![[r"
            InvalidArgument MALFORMED
            MALFORMED id"]],
        ),
    ] {
        let asked = city.asking("inspector", message);
        expected.assert_eq(&told(&reports(city).sign_report(asked).await.unwrap_err()));
    }
    assert_eq!(city.registry.frontier(city.partition), before);
}

#[tokio::test]
async fn what_the_office_does_with_a_report_is_told_both() {
    let desk = Desk::start().await;
    let city = &desk.city;
    let made = drafted(&desk).await.0;
    let before = city.registry.frontier(city.partition);
    let accept = v1::AcceptReportRequest {
        context: write(),
        id: made.id.clone(),
        etag: "1".to_owned(),
        on: String::new(),
    };
    let asked = city.asking("east", accept.clone());
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED on
        ETAG_MISMATCH etag
        REPORT_STATE id"]]
    .assert_eq(&told(&reports(city).accept_report(asked).await.unwrap_err()));
    // Of what is out of reach, no more than that it is not there, and what can be said of any.
    let late = v1::AcceptReportRequest { on: "2035-01-01".to_owned(), ..accept.clone() };
    let asked = city.asking("west", late);
    expect![[r"
        InvalidArgument FUTURE_DATE
        FUTURE_DATE on
        NOT_FOUND id"]]
    .assert_eq(&told(&reports(city).accept_report(asked).await.unwrap_err()));
    let asked = city.asking("west", accept);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED on
        NOT_FOUND id"]]
    .assert_eq(&told(&reports(city).accept_report(asked).await.unwrap_err()));
    let supersede = v1::SupersedeReportRequest {
        context: write(),
        id: made.id,
        etag: "1".to_owned(),
        by_id: "x".to_owned(),
        on: "2035-01-01".to_owned(),
    };
    let asked = city.asking("inspector", supersede);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED by_id
        FUTURE_DATE on
        ETAG_MISMATCH etag"]]
    .assert_eq(&told(&reports(city).supersede_report(asked).await.unwrap_err()));
    assert_eq!(city.registry.frontier(city.partition), before);
}

#[tokio::test]
async fn an_order_a_case_and_an_edition_are_told_both() {
    let desk = Desk::start().await;
    let city = &desk.city;
    let assign = v1::AssignOrderRequest {
        context: write(),
        id: "x".to_owned(),
        body_id: "y".to_owned(),
        from: "z".to_owned(),
        ..v1::AssignOrderRequest::default()
    };
    let asked = city.asking("operator", assign);
    expect![[r"
        InvalidArgument MALFORMED
        MALFORMED id
        MALFORMED from
        MALFORMED body_id"]]
    .assert_eq(&told(&plans(city).assign_order(asked).await.unwrap_err()));

    // A case: what a compound of a later day than its building begins.
    let mut cases = v1::case_service_client::CaseServiceClient::new(city.channel.clone());
    let nobody = "cas_01HF7YAT000000E0000000001A";
    let settle = |id: &str| v1::SettleCaseRequest {
        context: write_because("looked at"),
        id: id.to_owned(),
        outcome: 7,
    };
    let asked = city.asking("operator", settle(nobody));
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE outcome
        NOT_FOUND id"]]
    .assert_eq(&told(&cases.settle_case(asked).await.unwrap_err()));
    let asked = city.asking("east", settle("x"));
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED id
        UNKNOWN_VALUE outcome"]]
    .assert_eq(&told(&cases.settle_case(asked).await.unwrap_err()));
    let asked = city.asking(
        "west",
        v1::AssignCaseRequest {
            context: Some(v1::WriteContext::default()),
            id: nobody.to_owned(),
            assignee: "13812345678".to_owned(),
        },
    );
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED context.request_id
        MALFORMED assignee
        NOT_FOUND id"]]
    .assert_eq(&told(&cases.assign_case(asked).await.unwrap_err()));

    code(city, &city.streets[0], "410105001000").await;
    let load = v1::LoadReferenceRequest {
        context: Some(v1::WriteContext::default()),
        text: FINDINGS.replacen("[30, 90, 180, 365]", "[90, 30]", 1),
        correction: false,
        region_id: city.streets[0].clone(),
        ..v1::LoadReferenceRequest::default()
    };
    let asked = city.asking("operator", load);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED context.request_id
        OUT_OF_RANGE text.ageing_days
        JURISDICTION region_id
        EDITION_EXISTS text"]]
    .assert_eq(&told(&references(city).load_reference(asked).await.unwrap_err()));
}
