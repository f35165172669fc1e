//! Bodies, signers, plans, orders and editions of reference data over the API.

use anju::proto::v1::{
    self, body_service_client::BodyServiceClient,
    inspection_service_client::InspectionServiceClient, plan_service_client::PlanServiceClient,
    reference_service_client::ReferenceServiceClient,
};
use expect_test::expect;
use tonic::transport::Channel;

use crate::harness::{City, told, write, write_because};

const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const COLOURS: &str = include_str!("../../data/reference/colours-example.toml");
const CYCLE: &str = include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml");

pub(crate) fn bodies(city: &City) -> BodyServiceClient<Channel> {
    BodyServiceClient::new(city.channel.clone())
}

pub(crate) fn plans(city: &City) -> PlanServiceClient<Channel> {
    PlanServiceClient::new(city.channel.clone())
}

pub(crate) fn references(city: &City) -> ReferenceServiceClient<Channel> {
    ReferenceServiceClient::new(city.channel.clone())
}

pub(crate) fn licence(scope: &str, from: &str, until: &str) -> v1::Qualification {
    v1::Qualification {
        scope: scope.to_owned(),
        certificate: "ZJ-2020-17".to_owned(),
        from: from.to_owned(),
        until: until.to_owned(),
        suspensions: vec![],
    }
}

fn key(value: &str) -> v1::Identifier {
    v1::Identifier { scheme: "person".to_owned(), value: value.to_owned() }
}

pub(crate) async fn body(city: &City, licences: Vec<v1::Qualification>) -> v1::Body {
    let message = v1::CreateBodyRequest {
        context: write(),
        fields: Some(v1::BodyFields {
            region_id: Some(city.district.clone()),
            name: Some("示例检测站".to_owned()),
            company: Some("co-7".to_owned()),
            qualifications: licences,
            ..v1::BodyFields::default()
        }),
        exists_from: "2010".to_owned(),
    };
    let answer = bodies(city).create_body(city.asking("city", message)).await.unwrap();
    answer.into_inner().body.unwrap()
}

pub(crate) async fn signer(city: &City, body: &str) -> v1::Signer {
    let message = v1::CreateSignerRequest {
        context: write(),
        fields: Some(v1::SignerFields {
            region_id: Some(city.district.clone()),
            qualifications: vec![licence("structure", "2020", "2026-12-31")],
            employments: vec![v1::Employment {
                body_id: body.to_owned(),
                from: "2021-03".to_owned(),
                until: String::new(),
            }],
            identifiers: vec![key("p-81")],
            ..v1::SignerFields::default()
        }),
        exists_from: "2015".to_owned(),
    };
    let answer = bodies(city).create_signer(city.asking("city", message)).await.unwrap();
    answer.into_inner().signer.unwrap()
}

fn judged(answer: &v1::JudgeSigningResponse) -> String {
    let mut lines = vec![answer.answer().as_str_name().to_owned()];
    lines.extend(answer.objections.iter().map(|one| {
        let perhaps = if one.certain { "" } else { "perhaps " };
        format!("{perhaps}{}: {}", one.reason, one.sentence)
    }));
    lines.join("\n")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page after another")]
async fn a_signature_is_judged_by_the_lives_of_its_day_as_known() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let building = city.building(&compound.id, "1号楼").await;
    let body = body(&city, vec![licence("structure", "2019-01-01", "2029-12-31")]).await;
    let signer = signer(&city, &body.id).await;
    let asked = |day: &str, scope: &str| v1::JudgeSigningRequest {
        context: None,
        signer_id: signer.id.clone(),
        body_id: body.id.clone(),
        scope: scope.to_owned(),
        building_id: building.id.clone(),
        companies: vec!["co-9".to_owned()],
        day: day.to_owned(),
    };
    let judge = async |message: v1::JudgeSigningRequest| {
        bodies(&city).judge_signing(city.asking("east", message)).await.unwrap().into_inner()
    };
    expect!["SIGNING_ANSWER_YES"]
        .assert_eq(&judged(&judge(asked("2025-06-01", "structure")).await));
    expect![[r"
        SIGNING_ANSWER_UNKNOWN
        perhaps SIGNER_NOT_EMPLOYED: it cannot be excluded that the signer did not work for the body on the day"]]
    .assert_eq(&judged(&judge(asked("2021-03-15", "structure")).await));
    expect![[r"
        SIGNING_ANSWER_NO
        SIGNER_SCOPE: the signer never had a licence for the scope
        BODY_SCOPE: the body never had a licence for the scope"]]
    .assert_eq(&judged(&judge(asked("2025-06-01", "electric")).await));

    // An interest that is declared later speaks of its own days only, and was not known before.
    let before = judge(asked("2025-06-01", "structure")).await.read_at;
    let change = v1::ChangeSignerRequest {
        context: write(),
        id: signer.id.clone(),
        from: "2025-01-01".to_owned(),
        fields: Some(v1::SignerFields {
            interests: vec![v1::Interest {
                concern: Some(v1::interest::Concern::Company("co-9".to_owned())),
                from: "2025".to_owned(),
                until: String::new(),
            }],
            ..v1::SignerFields::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["interests".to_owned()] }),
        ..v1::ChangeSignerRequest::default()
    };
    let changed = bodies(&city).change_signer(city.asking("city", change)).await.unwrap();
    let fields = changed.into_inner().signer.unwrap().fields.unwrap();
    assert_eq!((fields.interests.len(), fields.qualifications.len()), (1, 1));
    expect![[r"
        SIGNING_ANSWER_UNKNOWN
        perhaps SIGNER_INTEREST: it cannot be excluded that the signer had an interest in what was signed for"]]
    .assert_eq(&judged(&judge(asked("2025-06-01", "structure")).await));
    let (_, seq) = before.split_once(':').unwrap();
    let then = v1::ReadContext {
        read_time: Some(v1::ReadTime {
            known_at_seq: Some(seq.parse().unwrap()),
            ..v1::ReadTime::default()
        }),
        ..v1::ReadContext::default()
    };
    let then = v1::JudgeSigningRequest { context: Some(then), ..asked("2025-06-01", "structure") };
    assert_eq!(judged(&judge(then).await), "SIGNING_ANSWER_YES");

    // A body that is no more signs nothing, whatever its licence says.
    let end = v1::EndBodyRequest {
        context: write(),
        id: body.id.clone(),
        ended_on: "2024-07-01".to_owned(),
        cause: v1::EndCause::Abolished.into(),
        ..v1::EndBodyRequest::default()
    };
    bodies(&city).end_body(city.asking("city", end)).await.unwrap();
    let answer = judge(asked("2024-12-01", "structure")).await;
    expect![[r"
        SIGNING_ANSWER_NO
        BODY_ABSENT: the body was not there on the day"]]
    .assert_eq(&judged(&answer));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_body_or_signer_is_told_at_once() {
    let city = City::start().await;
    let message = v1::CreateSignerRequest {
        context: write(),
        fields: Some(v1::SignerFields {
            region_id: None,
            qualifications: vec![
                licence("struc ture", "", "2020"),
                v1::Qualification {
                    certificate: "13812345678".to_owned(),
                    suspensions: vec![v1::Suspension {
                        from: "2024".to_owned(),
                        until: "2023".to_owned(),
                    }],
                    ..licence("structure", "2021", "soon")
                },
            ],
            employments: vec![v1::Employment {
                body_id: city.district.clone(),
                from: "2020".to_owned(),
                until: String::new(),
            }],
            interests: vec![v1::Interest {
                concern: None,
                from: "2020".to_owned(),
                until: String::new(),
            }],
            identifiers: vec![key("13812345678")],
            doubts: vec![],
        }),
        exists_from: "2015".to_owned(),
    };
    let refusal = bodies(&city).create_signer(city.asking("city", message)).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED fields.qualifications[0].scope
        REQUIRED fields.qualifications[0].from
        PHONE_NUMBER fields.qualifications[1].certificate
        MALFORMED fields.qualifications[1].until
        OUT_OF_RANGE fields.qualifications[1].suspensions[0].until
        MALFORMED fields.employments[0].body_id
        ONE_OF fields.interests[0]
        PHONE_NUMBER fields.identifiers[0].value
        REQUIRED fields.region_id"]]
    .assert_eq(&told(&refusal));

    // Nobody is a signer without a key, and nobody but the city writes the list.
    let without = v1::CreateSignerRequest {
        context: write(),
        fields: Some(v1::SignerFields {
            region_id: Some(city.district.clone()),
            ..v1::SignerFields::default()
        }),
        exists_from: "2015".to_owned(),
    };
    let asked = city.asking("city", without.clone());
    let refusal = bodies(&city).create_signer(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument REQUIRED\nREQUIRED fields.identifiers");
    let asked = city.asking("east", without);
    let refusal = bodies(&city).create_signer(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
}

/// An order as a test gives it.
pub(crate) fn order(building: &str, body: Option<&str>, deadline: &str) -> v1::CreateOrderRequest {
    v1::CreateOrderRequest {
        context: write(),
        fields: Some(v1::OrderFields {
            building_id: Some(building.to_owned()),
            kind: v1::ReportKind::CheckUp.into(),
            body_id: body.map(str::to_owned),
            deadline: Some(deadline.to_owned()),
            payer: v1::Payer::PublicAccount.into(),
            ..v1::OrderFields::default()
        }),
        exists_from: "2026-05-20".to_owned(),
    }
}

#[tokio::test]
async fn an_order_of_the_past_is_taken_beside_the_open_one_when_it_was_due_before() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let asked = city.asking("east", order(&there.id, None, "2026-06-01"));
    plans(&city).create_order(asked).await.unwrap();
    let before = |deadline: &str| {
        let mut order = order(&there.id, None, deadline);
        order.exists_from = "2024-05-20".to_owned();
        order
    };
    let late = before("2026-05-20");
    let refusal = plans(&city).create_order(city.asking("east", late)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_OPEN\nORDER_OPEN fields.building_id");
    let asked = city.asking("east", before("2026-05-19"));
    let past = plans(&city).create_order(asked).await.unwrap().into_inner().order.unwrap();
    let into_it = v1::MoveOrderDeadlineRequest {
        context: write(),
        id: past.id,
        deadline: "2026-05-20".to_owned(),
        from: "2024-06-01".to_owned(),
        ..v1::MoveOrderDeadlineRequest::default()
    };
    let refusal = plans(&city).move_order_deadline(city.asking("east", into_it)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_OPEN\nORDER_OPEN fields.building_id");
}

#[tokio::test]
async fn an_order_is_for_a_building_that_is_there_and_a_body_that_may_work() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let gone = city.building(&compound.id, "2号楼").await;
    let end = v1::EndBuildingRequest {
        context: write(),
        id: gone.id.clone(),
        ended_on: "2020-01-01".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    city.buildings().end_building(city.asking("operator", end)).await.unwrap();
    let lapsed = body(&city, vec![licence("structure", "2010", "2020")]).await;

    let wrong = order(&gone.id, Some(&lapsed.id), "2026-05-19");
    let refusal = plans(&city).create_order(city.asking("east", wrong)).await.unwrap_err();
    expect![[r"
        FailedPrecondition BUILDING_ABSENT
        BUILDING_ABSENT fields.building_id
        BODY_UNQUALIFIED fields.body_id
        DEADLINE_PAST fields.deadline"]]
    .assert_eq(&told(&refusal));

    let good = order(&there.id, None, "2026-06-01");
    let made = plans(&city).create_order(city.asking("east", good.clone())).await.unwrap();
    let made = made.into_inner().order.unwrap();
    assert_eq!(made.state(), v1::OrderState::Planned);
    let again = v1::CreateOrderRequest { context: write(), ..good };
    let refusal = plans(&city).create_order(city.asking("east", again)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_OPEN\nORDER_OPEN fields.building_id");
    // An appraisal is another thing than a check-up.
    let mut appraisal = order(&there.id, None, "2026-06-01");
    appraisal.fields.as_mut().unwrap().kind = v1::ReportKind::Appraisal.into();
    plans(&city).create_order(city.asking("east", appraisal)).await.unwrap();
    // History is entered with its own deadlines, which are not before an order's day.
    let mut patrol = order(&there.id, None, "2023-01-09");
    patrol.fields.as_mut().unwrap().kind = v1::ReportKind::Patrol.into();
    patrol.exists_from = "2023-01-10".to_owned();
    let asked = city.asking("east", patrol.clone());
    let refusal = plans(&city).create_order(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition DEADLINE_PAST\nDEADLINE_PAST fields.deadline");
    patrol.context = write();
    patrol.fields.as_mut().unwrap().deadline = Some("2023-11-30".to_owned());
    let made = plans(&city).create_order(city.asking("east", patrol)).await.unwrap();
    let made = made.into_inner().order.unwrap();
    assert_eq!(made.fields.unwrap().deadline.as_deref(), Some("2023-11-30"));
    let moved = |deadline: &str| v1::MoveOrderDeadlineRequest {
        context: write(),
        id: made.id.clone(),
        deadline: deadline.to_owned(),
        from: "2023-05-01".to_owned(),
        ..v1::MoveOrderDeadlineRequest::default()
    };
    let asked = city.asking("east", moved("2023-04-30"));
    let refusal = plans(&city).move_order_deadline(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition DEADLINE_PAST\nDEADLINE_PAST fields.deadline");
    plans(&city).move_order_deadline(city.asking("east", moved("2023-12-31"))).await.unwrap();
    // The other street has nothing to order here.
    let foreign = order(&there.id, None, "2026-06-01");
    let refusal = plans(&city).create_order(city.asking("west", foreign)).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND fields.building_id");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page after another")]
async fn an_order_goes_its_way_and_then_takes_no_more_changes() {
    use v1::{OrderState as State, list_orders_request::Of};

    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let building = city.building(&compound.id, "1号楼").await;
    let able = body(&city, vec![licence("structure", "2010", "")]).await;
    let unable = body(&city, vec![]).await;
    let request = city.asking("east", order(&building.id, None, "2026-07-01"));
    let made = plans(&city).create_order(request).await.unwrap().into_inner();
    let first = made.receipt.unwrap().entries[0];
    let id = made.order.unwrap().id;

    let assign = |body: &str| v1::AssignOrderRequest {
        context: write(),
        id: id.clone(),
        body_id: body.to_owned(),
        ..v1::AssignOrderRequest::default()
    };
    let refusal =
        plans(&city).assign_order(city.asking("east", assign(&unable.id))).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "FailedPrecondition BODY_UNQUALIFIED\nBODY_UNQUALIFIED fields.body_id"
    );
    let assigned = plans(&city).assign_order(city.asking("east", assign(&able.id))).await.unwrap();
    assert_eq!(assigned.into_inner().order.unwrap().state(), v1::OrderState::Ordered);

    let deadline = |day: &str| v1::MoveOrderDeadlineRequest {
        context: write(),
        id: id.clone(),
        deadline: day.to_owned(),
        ..v1::MoveOrderDeadlineRequest::default()
    };
    let past = city.asking("east", deadline("2026-05-31"));
    let refusal = plans(&city).move_order_deadline(past).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition DEADLINE_PAST\nDEADLINE_PAST fields.deadline");
    let moved = city.asking("east", deadline("2026-08-01"));
    let moved = plans(&city).move_order_deadline(moved).await.unwrap().into_inner();
    let fields = moved.order.unwrap().fields.unwrap();
    assert_eq!(fields.deadline.as_deref(), Some("2026-08-01"));
    assert_eq!(fields.body_id.as_deref(), Some(able.id.as_str()));

    // Who pays, and from what, is said from a day on; it is still the same order.
    let change = |from: &str, fields: v1::OrderFields| v1::ChangeOrderRequest {
        context: write(),
        id: id.clone(),
        from: from.to_owned(),
        fields: Some(fields),
        ..v1::ChangeOrderRequest::default()
    };
    let paid = v1::OrderFields {
        payer: v1::Payer::PublicAccount.into(),
        payment_reference: Some("F-2026-17".to_owned()),
        deadline: Some("2026-09-01".to_owned()),
        ..v1::OrderFields::default()
    };
    let asked = city.asking("east", change("2026-06-01", paid));
    let changed = plans(&city).change_order(asked).await.unwrap().into_inner().order.unwrap();
    assert_eq!(changed.state(), State::Ordered);
    let fields = changed.fields.unwrap();
    assert_eq!(
        (fields.payer(), fields.kind()),
        (v1::Payer::PublicAccount, v1::ReportKind::CheckUp)
    );
    assert_eq!(fields.payment_reference.as_deref(), Some("F-2026-17"));
    let other = city.building(&compound.id, "2号楼").await.id;
    let wrong = v1::OrderFields {
        building_id: Some(other),
        kind: v1::ReportKind::Patrol.into(),
        deadline: Some("2026-05-31".to_owned()),
        body_id: Some(unable.id.clone()),
        payer: 99,
        ..v1::OrderFields::default()
    };
    let asked = city.asking("east", change("2026-06-01", wrong));
    let refusal = plans(&city).change_order(asked).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE fields.payer
        ORDER_KEEPS fields.building_id
        ORDER_KEEPS fields.kind
        BODY_UNQUALIFIED fields.body_id
        DEADLINE_PAST fields.deadline"]]
    .assert_eq(&told(&refusal));
    let paid = v1::OrderFields { payment_reference: Some("F".to_owned()), ..Default::default() };
    let asked = city.asking("inspector", change("2026-06-01", paid.clone()));
    let refusal = plans(&city).change_order(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");

    let listed = async |of: v1::list_orders_request::Of, states: Vec<v1::OrderState>| {
        let message = v1::ListOrdersRequest {
            of: Some(of),
            states: states.into_iter().map(i32::from).collect(),
            ..v1::ListOrdersRequest::default()
        };
        let answer = plans(&city).list_orders(city.asking("east", message)).await.unwrap();
        answer.into_inner().orders.len()
    };
    let east = || Of::RegionId(city.streets[0].clone());
    assert_eq!(listed(Of::BuildingId(building.id.clone()), vec![]).await, 1);
    assert_eq!(listed(east(), vec![State::Ordered]).await, 1);
    assert_eq!(listed(east(), vec![State::Planned, State::Done, State::Cancelled]).await, 0);

    let cancel = |context| v1::CancelOrderRequest {
        context,
        id: id.clone(),
        ..v1::CancelOrderRequest::default()
    };
    // Who was asked was told wrongly: the correction of the registration is judged by its own day.
    let correct = |body: &str| v1::CorrectOrderRequest {
        context: write_because("another body was meant"),
        id: id.clone(),
        entry: Some(first),
        fields: Some(v1::OrderFields {
            body_id: Some(body.to_owned()),
            ..v1::OrderFields::default()
        }),
        ..v1::CorrectOrderRequest::default()
    };
    let wrong = city.asking("east", correct(&unable.id));
    let refusal = plans(&city).correct_order(wrong).await.unwrap_err();
    let unqualified = "FailedPrecondition BODY_UNQUALIFIED\nBODY_UNQUALIFIED fields.body_id";
    assert_eq!(told(&refusal), unqualified);
    plans(&city).correct_order(city.asking("east", correct(&able.id))).await.unwrap();

    let silent = city.asking("east", cancel(write()));
    let refusal = plans(&city).cancel_order(silent).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument REASON_MISSING\nREASON_MISSING context.reason");
    let cancelled = city.asking("east", cancel(write_because("the building is being emptied")));
    let answer = plans(&city).cancel_order(cancelled).await.unwrap().into_inner();
    let entry = answer.receipt.unwrap().entries[0];
    assert_eq!(answer.order.unwrap().state(), State::Cancelled);
    assert_eq!(listed(east(), vec![State::Ordered]).await, 0);
    assert_eq!(listed(east(), vec![State::Cancelled]).await, 1);
    let late = city.asking("east", deadline("2026-09-01"));
    let refusal = plans(&city).move_order_deadline(late).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_STATE\nORDER_STATE id");

    let late = city.asking("east", change("2026-06-01", paid));
    let refusal = plans(&city).change_order(late).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_STATE\nORDER_STATE id");

    // What was cancelled makes room for another; then it cannot be taken back.
    let other = city.asking("east", order(&building.id, None, "2026-07-01"));
    plans(&city).create_order(other).await.unwrap();
    let back = v1::RetractOrderRequest {
        context: write_because("cancelled by mistake"),
        id: id.clone(),
        entry: Some(entry),
        ..v1::RetractOrderRequest::default()
    };
    let refusal = plans(&city).retract_order(city.asking("east", back)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_OPEN\nORDER_OPEN fields.building_id");
}

#[tokio::test]
async fn an_order_is_done_when_a_report_that_names_it_is_accepted() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let building = city.building(&compound.id, "1号楼").await.id;
    let able = body(&city, vec![licence("structure", "2010", "")]).await.id;
    let signer = signer(&city, &able).await.id;
    let asked = city.asking("east", order(&building, Some(&able), "2026-07-01"));
    let id = plans(&city).create_order(asked).await.unwrap().into_inner().order.unwrap().id;
    let state = async |day: &str| {
        let read_time = v1::ReadTime { valid_at: day.to_owned(), ..v1::ReadTime::default() };
        let context = v1::ReadContext { read_time: Some(read_time), min_commit: String::new() };
        let message = v1::GetOrderRequest { context: Some(context), id: id.clone() };
        let answer = plans(&city).get_order(city.asking("east", message)).await.unwrap();
        answer.into_inner().order.unwrap().state()
    };

    let mut inspections = InspectionServiceClient::new(city.channel.clone());
    let report = v1::RecordReportRequest {
        context: write(),
        fields: Some(v1::ReportFields {
            building_id: Some(building.clone()),
            order_id: Some(id.clone()),
            kind: v1::ReportKind::CheckUp.into(),
            body_id: Some(able),
            ..v1::ReportFields::default()
        }),
        inspected_on: "2026-05-25".to_owned(),
        signatures: Some(v1::Signature {
            signer_ids: vec![signer],
            scope: "structure".to_owned(),
            on: "2026-05-26".to_owned(),
        }),
        submitted_on: "2026-05-27".to_owned(),
        ..v1::RecordReportRequest::default()
    };
    let made = inspections.record_report(city.asking("inspector", report)).await.unwrap();
    let report = made.into_inner().report.unwrap().id;
    assert_eq!(state("2026-06-01").await, v1::OrderState::Ordered);
    let accept = v1::AcceptReportRequest {
        context: write(),
        id: report,
        on: "2026-05-28".to_owned(),
        ..v1::AcceptReportRequest::default()
    };
    inspections.accept_report(city.asking("east", accept)).await.unwrap();
    assert_eq!(state("2026-06-01").await, v1::OrderState::Done);
    assert_eq!(state("2026-05-27").await, v1::OrderState::Ordered);

    // What is done takes no more changes, and makes room for another.
    let cancel = v1::CancelOrderRequest {
        context: write_because("too late"),
        id: id.clone(),
        ..v1::CancelOrderRequest::default()
    };
    let refusal = plans(&city).cancel_order(city.asking("east", cancel)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition ORDER_STATE\nORDER_STATE id");
    let next = city.asking("east", order(&building, None, "2026-07-01"));
    plans(&city).create_order(next).await.unwrap();
}

#[tokio::test]
async fn a_plan_is_listed_by_region_and_year_with_its_orders() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let names = ["1号楼", "2号楼"];
    let mut buildings = Vec::new();
    for name in names {
        buildings.push(city.building(&compound.id, name).await.id);
    }
    let message = v1::CreatePlanRequest {
        context: write(),
        fields: Some(v1::PlanFields {
            region_id: Some(city.streets[0].clone()),
            year: Some(2026),
            title: Some("东街2026年体检计划".to_owned()),
            ..v1::PlanFields::default()
        }),
        exists_from: "2026-01-10".to_owned(),
    };
    let plan = plans(&city).create_plan(city.asking("east", message)).await.unwrap();
    let plan = plan.into_inner().plan.unwrap().id;
    let item = |building: &str| {
        let mut item = order(building, None, "2026-12-31");
        item.context = None;
        item.fields.as_mut().unwrap().plan_id = Some(plan.clone());
        item
    };
    let batch = v1::BatchCreateOrdersRequest {
        context: write(),
        requests: vec![item(&buildings[0]), item(&buildings[0]), item(&buildings[1])],
        per_item: true,
    };
    let answer = plans(&city).batch_create_orders(city.asking("east", batch)).await.unwrap();
    let results: Vec<String> = answer
        .into_inner()
        .results
        .iter()
        .map(|one| one.refusals.first().map_or("made".to_owned(), |refusal| refusal.reason.clone()))
        .collect();
    assert_eq!(results, ["made", "ORDER_OPEN", "made"]);

    let list = async |region: &str, year: Option<i32>| {
        let message = v1::ListPlansRequest {
            region_id: region.to_owned(),
            year,
            ..v1::ListPlansRequest::default()
        };
        let answer = plans(&city).list_plans(city.asking("operator", message)).await.unwrap();
        answer.into_inner().plans.len()
    };
    assert_eq!(list(&city.district, Some(2026)).await, 1);
    assert_eq!(list(&city.district, None).await, 1);
    assert_eq!(list(&city.district, Some(2025)).await, 0);
    assert_eq!(list(&city.streets[1], None).await, 0);
    let orders = v1::ListOrdersRequest {
        of: Some(v1::list_orders_request::Of::PlanId(plan.clone())),
        ..v1::ListOrdersRequest::default()
    };
    let orders = plans(&city).list_orders(city.asking("inspector", orders)).await.unwrap();
    assert_eq!(orders.into_inner().orders.len(), 2);
    let nothing = v1::ListOrdersRequest::default();
    let refusal = plans(&city).list_orders(city.asking("east", nothing)).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument ONE_OF\nONE_OF ");
}

fn load(text: &str) -> v1::LoadReferenceRequest {
    v1::LoadReferenceRequest {
        context: write(),
        text: text.to_owned(),
        ..v1::LoadReferenceRequest::default()
    }
}

/// Gives a region a code, as the file of cycle rules names it.
pub(crate) async fn code(city: &City, region: &str, code: &str) {
    let message = v1::ChangeRegionRequest {
        context: write(),
        id: region.to_owned(),
        from: "2000-01-01".to_owned(),
        fields: Some(v1::RegionFields {
            codes: vec![v1::Identifier { scheme: "stats12".to_owned(), value: code.to_owned() }],
            ..v1::RegionFields::default()
        }),
        ..v1::ChangeRegionRequest::default()
    };
    city.regions().change_region(city.asking("operator", message)).await.unwrap();
}

/// What a write warned of.
pub(crate) fn warned<T>(answer: &tonic::Response<T>) -> Vec<String> {
    let all = answer.metadata().get_all("anju-warning").iter();
    all.map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_edition_that_lets_what_was_overdue_count_anew_warns_of_it() {
    const CYCLE: &str = include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml");
    let city = City::start().await;
    let rules = |edition: &str, since: &str| {
        let text = CYCLE.replace("edition = \"2025-draft\"", &format!("edition = \"{edition}\""));
        let text = text.replace("from = 2026-01-01", since);
        v1::LoadReferenceRequest { region_id: city.district.clone(), ..load(&text) }
    };
    let loaded = async |edition: &str, since: &str| {
        let asked = city.asking("city", rules(edition, since));
        warned(&references(&city).load_reference(asked).await.unwrap())
    };
    assert_eq!(loaded("1", "from = 2026-01-01").await, [""; 0]);
    let kept = "from = 2026-02-01\nduty_since = 2026-01-01";
    assert_eq!(loaded("2", kept).await, [""; 0]);
    let again = loaded("3", "from = 2026-03-01").await;
    assert!(
        again[0].starts_with("DUTY_RESTARTED: what was overdue before 2026-03-01"),
        "{again:?}"
    );
    assert!(again[0].ends_with("say duty_since = 2026-01-01 to keep that"), "{again:?}");
    // The same again changes nothing, and so warns of nothing.
    assert_eq!(loaded("3", "from = 2026-03-01").await, [""; 0]);
}

#[tokio::test]
async fn an_edition_is_loaded_once_and_another_text_is_a_correction() {
    let city = City::start().await;
    let done = references(&city).load_reference(city.asking("city", load(GRADES))).await.unwrap();
    let first = done.into_inner();
    let edition = first.reference.unwrap();
    let head = edition.head.unwrap();
    assert_eq!(
        (head.from.as_str(), head.standing()),
        ("2016-01-01", v1::ReferenceStanding::Example)
    );
    assert!(!first.unchanged);
    let again = references(&city).load_reference(city.asking("city", load(GRADES))).await.unwrap();
    let again = again.into_inner();
    assert!(again.unchanged && again.receipt.unwrap().entries.is_empty());
    assert_eq!(again.reference.unwrap().id, edition.id);

    let other = GRADES.replace("not verified\"", "not verified yet\"");
    assert_ne!(other, GRADES);
    let asked = city.asking("city", load(&other));
    let refusal = references(&city).load_reference(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "Aborted EDITION_EXISTS\nEDITION_EXISTS text");
    let silent = v1::LoadReferenceRequest { correction: true, ..load(&other) };
    let refusal = references(&city).load_reference(city.asking("city", silent)).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument REASON_MISSING\nREASON_MISSING context.reason");
    let correction = v1::LoadReferenceRequest {
        context: write_because("the source was told wrongly"),
        correction: true,
        ..load(&other)
    };
    let done = references(&city).load_reference(city.asking("city", correction)).await.unwrap();
    let corrected = done.into_inner().reference.unwrap();
    assert_eq!(corrected.id, edition.id);
    assert_eq!(corrected.fields.unwrap().text.as_deref(), Some(other.as_str()));
    let missing = v1::LoadReferenceRequest {
        context: write_because("it is not there"),
        correction: true,
        ..load(&GRADES.replace("2025-example", "2024-example"))
    };
    let refusal = references(&city).load_reference(city.asking("city", missing)).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound EDITION_MISSING\nEDITION_MISSING correction");

    // Taken back it is no more in the lists, and may be loaded again.
    let back = v1::RetractReferenceRequest {
        context: write_because("loaded into the wrong city"),
        id: edition.id.clone(),
        ..v1::RetractReferenceRequest::default()
    };
    references(&city).retract_reference(city.asking("city", back)).await.unwrap();
    let listed = v1::ListReferencesRequest::default();
    let listed = references(&city).list_references(city.asking("east", listed)).await.unwrap();
    assert!(listed.into_inner().references.is_empty());
    let anew = references(&city).load_reference(city.asking("city", load(GRADES))).await.unwrap();
    assert_ne!(anew.into_inner().reference.unwrap().id, edition.id);
}

#[tokio::test]
async fn a_head_that_cannot_be_read_hides_nothing_that_can_be_judged() {
    let city = City::start().await;
    let refusal = async |text: &str, correction: bool| {
        let message = v1::LoadReferenceRequest { correction, ..load(text) };
        let refusal = references(&city).load_reference(city.asking("city", message)).await;
        told(&refusal.unwrap_err())
    };
    // Where it would hold: nobody has the code on any day.
    let dayless = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("from = ")).unwrap();
        text.replace(line, "from = \"someday\"")
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED text.from
        JURISDICTION text.jurisdiction"]]
    .assert_eq(&refusal(&dayless(CYCLE), false).await);
    // What is there already.
    references(&city).load_reference(city.asking("city", load(GRADES))).await.unwrap();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED text.from
        EDITION_EXISTS text"]]
    .assert_eq(&refusal(&dayless(GRADES), false).await);
    let unwarranted = GRADES.replace("standing = \"example\"", "standing = \"perhaps\"");
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE text.standing
        EDITION_EXISTS text"]]
    .assert_eq(&refusal(&unwarranted, false).await);
    // What is not there, and that a correction says why.
    let other = dayless(&GRADES.replace("2025-example", "2024-example"));
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        MALFORMED text.from
        EDITION_MISSING correction"]]
    .assert_eq(&refusal(&other, true).await);
    // Which edition it would be is not known: neither that it is there nor that it is not.
    let nameless = GRADES.replace("edition = \"2025-example\"", "");
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        REQUIRED text.edition"]]
    .assert_eq(&refusal(&nameless, true).await);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        MALFORMED text"]]
    .assert_eq(&refusal("no file of ours", true).await);
}

#[tokio::test]
async fn an_edition_holds_where_its_file_says_and_all_that_is_wrong_is_told() {
    let city = City::start().await;
    let east = city.streets[0].as_str();
    // Nobody has the code yet.
    let refusal =
        references(&city).load_reference(city.asking("city", load(CYCLE))).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument JURISDICTION\nJURISDICTION text.jurisdiction");
    code(&city, east, "410100000000").await;
    let done = references(&city).load_reference(city.asking("city", load(CYCLE))).await.unwrap();
    let fields = done.into_inner().reference.unwrap().fields.unwrap();
    assert_eq!(fields.region_id.as_deref(), Some(east));
    // What words mean is the same in all of a city.
    let local = v1::LoadReferenceRequest { region_id: east.to_owned(), ..load(GRADES) };
    let refusal = references(&city).load_reference(city.asking("city", local)).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument JURISDICTION\nJURISDICTION region_id");
    // Colours are given to grades.
    let early = city.asking("city", load(COLOURS));
    let refusal = references(&city).load_reference(early).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument GRADES_MISSING\nGRADES_MISSING text");
    references(&city).load_reference(city.asking("city", load(GRADES))).await.unwrap();
    references(&city).load_reference(city.asking("city", load(COLOURS))).await.unwrap();
    let wrong = COLOURS.replace("source = \"made up\"", "sauce = \"made up\"");
    let refusal =
        references(&city).load_reference(city.asking("city", load(&wrong))).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED text.source
        UNKNOWN_PATH text.sauce
        EDITION_EXISTS text"]]
    .assert_eq(&told(&refusal));
    let long = format!("{GRADES}{}", "#".repeat(60_000));
    let refusal =
        references(&city).load_reference(city.asking("city", load(&long))).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument TOO_LONG\nTOO_LONG text");

    let list = async |table: &str, day: &str, region: &str| {
        let message = v1::ListReferencesRequest {
            table: table.to_owned(),
            holds_on: day.to_owned(),
            region_id: region.to_owned(),
            ..v1::ListReferencesRequest::default()
        };
        let answer = references(&city).list_references(city.asking("public", message)).await;
        let rows = answer.unwrap().into_inner().references;
        let tables = rows.iter().map(|row| {
            let fields = row.fields.as_ref().unwrap();
            assert_eq!(fields.text, None, "a list has no texts");
            fields.table.clone().unwrap()
        });
        let mut tables = tables.collect::<Vec<_>>();
        tables.sort();
        tables.join(" ")
    };
    assert_eq!(list("", "", "").await, "colours cycle grades");
    assert_eq!(list("cycle", "", "").await, "cycle");
    assert_eq!(list("", "2020-01-01", "").await, "grades");
    assert_eq!(list("", "", &city.communities[0]).await, "colours cycle grades");
    assert_eq!(list("", "", &city.communities[1]).await, "colours grades");
}

#[tokio::test]
async fn two_editions_are_compared_by_lines_and_by_keys() {
    let city = City::start().await;
    let newer = COLOURS.replace("2025-example", "2026-example").replacen(
        "colour = \"green\"",
        "colour = \"yellow\"",
        1,
    );
    let mut ids = Vec::new();
    for text in [GRADES, COLOURS, &newer] {
        let done = references(&city).load_reference(city.asking("city", load(text))).await.unwrap();
        ids.push(done.into_inner().reference.unwrap().id);
    }
    let message =
        v1::DiffReferencesRequest { context: None, a_id: ids[1].clone(), b_id: ids[2].clone() };
    let answer = references(&city).diff_references(city.asking("public", message)).await.unwrap();
    let answer = answer.into_inner();
    let changed = answer.lines.iter().filter(|line| line.side() != v1::DiffSide::Both);
    let lines: Vec<String> =
        changed
            .map(|line| format!("{} {}", line.side().as_str_name(), line.text))
            .chain(answer.changes.iter().map(|change| {
                format!("{}: {:?} -> {:?}", change.key, change.before(), change.after())
            }))
            .collect();
    expect![[r#"
        DIFF_SIDE_A edition = "2025-example"
        DIFF_SIDE_B edition = "2026-example"
        DIFF_SIDE_A colour = "green"
        DIFF_SIDE_B colour = "yellow"
        edition: "\"2025-example\"" -> "\"2026-example\""
        row[0].colour: "\"green\"" -> "\"yellow\"""#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(answer.lines.len(), COLOURS.lines().count() + 2);
}
