//! One plan for a region and year, what answers an order, and which orders are overdue.

use anju::proto::v1::{self, list_orders_request::Of};
use expect_test::expect;
use tonic::Status;

use crate::{
    actors::{body, licence, order, plans, signer},
    harness::{City, told, write, write_because},
    papers::reports,
};

fn plan(region: &str, year: i32) -> v1::CreatePlanRequest {
    v1::CreatePlanRequest {
        context: write(),
        fields: Some(v1::PlanFields {
            region_id: Some(region.to_owned()),
            year: Some(year),
            ..v1::PlanFields::default()
        }),
        exists_from: "2026-01-10".to_owned(),
    }
}

async fn planned(city: &City, region: &str, year: i32) -> Result<v1::Plan, Status> {
    let asked = city.asking("operator", plan(region, year));
    Ok(plans(city).create_plan(asked).await?.into_inner().plan.unwrap())
}

const EXISTS: &str = "AlreadyExists PLAN_EXISTS\nPLAN_EXISTS fields.year";

#[tokio::test]
async fn a_region_has_one_plan_for_a_year() {
    let city = City::start().await;
    let [east, west] = &city.streets;
    let first = planned(&city, east, 2026).await.unwrap();
    let before = city.registry.frontier(city.partition);
    let refusal = planned(&city, east, 2026).await.unwrap_err();
    assert_eq!(told(&refusal), EXISTS);
    assert!(refusal.message().contains(&first.id), "{}", refusal.message());
    assert_eq!(city.registry.frontier(city.partition), before);
    // Another year, another street, the district above it.
    let later = planned(&city, east, 2027).await.unwrap();
    planned(&city, west, 2026).await.unwrap();
    planned(&city, &city.district, 2026).await.unwrap();

    // Nor does one become a second plan of the year later.
    let say = |id: &str, fields: v1::PlanFields| v1::ChangePlanRequest {
        context: write(),
        id: id.to_owned(),
        from: "2026-02-01".to_owned(),
        fields: Some(fields),
        ..v1::ChangePlanRequest::default()
    };
    let of_year = |year: i32| v1::PlanFields { year: Some(year), ..v1::PlanFields::default() };
    let asked = city.asking("operator", say(&later.id, of_year(2026)));
    assert_eq!(told(&plans(&city).change_plan(asked).await.unwrap_err()), EXISTS);
    let correct = v1::CorrectPlanRequest {
        context: write_because("misread"),
        id: later.id.clone(),
        fields: Some(of_year(2026)),
        ..v1::CorrectPlanRequest::default()
    };
    let asked = city.asking("operator", correct);
    assert_eq!(told(&plans(&city).correct_plan(asked).await.unwrap_err()), EXISTS);
    let titled = v1::PlanFields { title: Some("东街".to_owned()), ..v1::PlanFields::default() };
    plans(&city).change_plan(city.asking("operator", say(&first.id, titled))).await.unwrap();

    // What was taken back, or given up, makes room; then it does not come back.
    let retract = |id: &str, entry: Option<u64>| v1::RetractPlanRequest {
        context: write_because("entered twice"),
        id: id.to_owned(),
        entry,
        ..v1::RetractPlanRequest::default()
    };
    let asked = city.asking("operator", retract(&first.id, None));
    let gone = plans(&city).retract_plan(asked).await.unwrap().into_inner().receipt.unwrap();
    let second = planned(&city, east, 2026).await.unwrap();
    let asked = city.asking("operator", retract(&first.id, gone.entries.first().copied()));
    let refusal = plans(&city).retract_plan(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "AlreadyExists PLAN_EXISTS\nPLAN_EXISTS entry");
    let given_up = |is| v1::PlanFields { cancelled: Some(is), ..v1::PlanFields::default() };
    let asked = city.asking("operator", say(&second.id, given_up(true)));
    plans(&city).change_plan(asked).await.unwrap();
    planned(&city, east, 2026).await.unwrap();
    let asked = city.asking("operator", say(&second.id, given_up(false)));
    assert_eq!(told(&plans(&city).change_plan(asked).await.unwrap_err()), EXISTS);
}

#[tokio::test]
async fn no_order_is_set_by_a_plan_that_was_given_up() {
    let office = Office::start().await;
    let city = &office.city;
    let plan = planned(city, &city.streets[0], 2026).await.unwrap();
    let given_up = v1::ChangePlanRequest {
        context: write(),
        id: plan.id.clone(),
        from: "2026-02-01".to_owned(),
        fields: Some(v1::PlanFields { cancelled: Some(true), ..v1::PlanFields::default() }),
        ..v1::ChangePlanRequest::default()
    };
    plans(city).change_plan(city.asking("operator", given_up)).await.unwrap();
    let building = city.building(&office.compound, "1号楼").await.id;
    let set = async |from: &str| {
        let mut order = order(&building, Some(&office.body), "2026-12-01");
        from.clone_into(&mut order.exists_from);
        order.fields.as_mut().unwrap().plan_id = Some(plan.id.clone());
        plans(city).create_order(city.asking("operator", order)).await
    };
    let refusal = set("2026-02-01").await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition PLAN_GIVEN_UP\nPLAN_GIVEN_UP fields.plan_id");
    set("2026-01-31").await.unwrap();
}

/// A city with a body that is asked for check-ups.
struct Office {
    city: City,
    compound: String,
    body: String,
    signer: String,
}

impl Office {
    async fn start() -> Self {
        let city = City::start().await;
        let compound = city.compound(&city.communities[0], "东院").await.id;
        let body = body(&city, vec![licence("structure", "2010", "")]).await.id;
        let signer = signer(&city, &body).await.id;
        Self { city, compound, body, signer }
    }

    async fn order(&self, building: &str, deadline: Option<&str>) -> String {
        let mut order = order(building, Some(&self.body), "");
        "2026-01-10".clone_into(&mut order.exists_from);
        order.fields.as_mut().unwrap().deadline = deadline.map(str::to_owned);
        let asked = self.city.asking("east", order);
        plans(&self.city).create_order(asked).await.unwrap().into_inner().order.unwrap().id
    }

    /// Records a report that is submitted on the day of the inspection.
    async fn report(&self, building: &str, order: Option<&str>, on: &str) -> String {
        let report = v1::RecordReportRequest {
            context: write(),
            fields: Some(v1::ReportFields {
                building_id: Some(building.to_owned()),
                order_id: order.map(str::to_owned),
                kind: v1::ReportKind::CheckUp.into(),
                body_id: Some(self.body.clone()),
                ..v1::ReportFields::default()
            }),
            inspected_on: on.to_owned(),
            signatures: Some(v1::Signature {
                signer_ids: vec![self.signer.clone()],
                scope: "structure".to_owned(),
                on: on.to_owned(),
            }),
            submitted_on: on.to_owned(),
            ..v1::RecordReportRequest::default()
        };
        let asked = self.city.asking("inspector", report);
        reports(&self.city).record_report(asked).await.unwrap().into_inner().report.unwrap().id
    }

    /// Accepts a report, and answers the entry that says so.
    async fn accept(&self, id: &str, on: &str) -> u64 {
        let accept = v1::AcceptReportRequest {
            context: write(),
            id: id.to_owned(),
            on: on.to_owned(),
            ..v1::AcceptReportRequest::default()
        };
        let asked = self.city.asking("east", accept);
        let done = reports(&self.city).accept_report(asked).await.unwrap().into_inner();
        done.receipt.unwrap().entries[0]
    }

    async fn retract(&self, id: &str, entry: u64) {
        let retract = v1::RetractReportRequest {
            context: write_because("accepted by mistake"),
            id: id.to_owned(),
            entry: Some(entry),
            ..v1::RetractReportRequest::default()
        };
        // By another person than who submitted it.
        reports(&self.city).retract_report(self.city.asking("east", retract)).await.unwrap();
    }

    /// Where an order stands on a day, and what answered it.
    async fn stands(&self, id: &str, day: &str) -> (v1::OrderState, String) {
        let message = v1::GetOrderRequest { context: on(day), id: id.to_owned() };
        let answer = plans(&self.city).get_order(self.city.asking("east", message)).await;
        let order = answer.unwrap().into_inner().order.unwrap();
        (order.state(), order.answered_by_id)
    }

    async fn listed(&self, mut message: v1::ListOrdersRequest) -> Result<Vec<String>, Status> {
        message.of = Some(Of::RegionId(self.city.streets[0].clone()));
        let mut all = Vec::new();
        loop {
            let asked = self.city.asking("east", message.clone());
            let page = plans(&self.city).list_orders(asked).await?.into_inner();
            all.extend(page.orders.into_iter().map(|order| order.id));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            message.page_token = page.next_page_token;
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "messages have it as an option")]
fn on(day: &str) -> Option<v1::ReadContext> {
    let read_time = v1::ReadTime { valid_at: day.to_owned(), ..v1::ReadTime::default() };
    Some(v1::ReadContext { read_time: Some(read_time), min_commit: String::new() })
}

#[tokio::test]
async fn an_order_says_what_answered_it_and_is_open_again_without_it() {
    use v1::OrderState as State;

    let office = Office::start().await;
    let building = office.city.building(&office.compound, "1号楼").await.id;
    let id = office.order(&building, Some("2026-05-31")).await;
    let none = String::new;
    let first = office.report(&building, Some(&id), "2026-03-01").await;
    assert_eq!(office.stands(&id, "2026-05-01").await, (State::Ordered, none()));
    let accepted = office.accept(&first, "2026-03-10").await;
    assert_eq!(office.stands(&id, "2026-05-01").await, (State::Done, first.clone()));
    assert_eq!(office.stands(&id, "2026-03-09").await, (State::Ordered, none()));

    // Taken back, the acceptance leaves it open; with another it is done again.
    office.retract(&first, accepted).await;
    assert_eq!(office.stands(&id, "2026-05-01").await, (State::Ordered, none()));
    let return_ = v1::ReturnReportRequest {
        context: write_because("no photos"),
        id: first.clone(),
        on: "2026-03-12".to_owned(),
        ..v1::ReturnReportRequest::default()
    };
    let asked = office.city.asking("east", return_);
    reports(&office.city).return_report(asked).await.unwrap();
    assert_eq!(office.stands(&id, "2026-05-01").await, (State::Ordered, none()));
    let second = office.report(&building, Some(&id), "2026-03-20").await;
    office.accept(&second, "2026-03-25").await;
    assert_eq!(office.stands(&id, "2026-05-01").await, (State::Done, second.clone()));

    // One that takes its place and answers nothing leaves the order open.
    let third = office.report(&building, None, "2026-04-01").await;
    office.accept(&third, "2026-04-05").await;
    let supersede = v1::SupersedeReportRequest {
        context: write(),
        id: second.clone(),
        by_id: third,
        on: "2026-04-10".to_owned(),
        ..v1::SupersedeReportRequest::default()
    };
    let asked = office.city.asking("east", supersede);
    reports(&office.city).supersede_report(asked).await.unwrap();
    assert_eq!(office.stands(&id, "2026-04-09").await, (State::Done, second));
    assert_eq!(office.stands(&id, "2026-05-01").await, (State::Ordered, none()));
}

#[tokio::test]
async fn overdue_orders_are_listed_by_deadline_as_of_any_time() {
    let office = Office::start().await;
    let mut orders = Vec::new();
    let deadlines =
        [Some("2026-05-20"), Some("2026-03-31"), None, Some("2026-05-31"), Some("2026-06-01")];
    let mut buildings = Vec::new();
    for (index, deadline) in deadlines.into_iter().enumerate() {
        let building = office.city.building(&office.compound, &format!("{index}号楼")).await.id;
        orders.push(office.order(&building, deadline).await);
        buildings.push(building);
    }
    let places = async |message: v1::ListOrdersRequest| {
        let listed = office.listed(message).await.unwrap();
        let place = |id: &String| orders.iter().position(|order| order == id).unwrap();
        listed.iter().map(place).collect::<Vec<_>>()
    };
    let wanted = |overdue: bool| v1::ListOrdersRequest {
        overdue,
        order_by: "deadline".to_owned(),
        page_size: 2,
        ..v1::ListOrdersRequest::default()
    };
    // Today is the first of June, on which one can still be answered.
    assert_eq!(places(wanted(false)).await, [1, 0, 3, 4, 2]);
    assert_eq!(places(wanted(true)).await, [1, 0, 3]);
    let of_ids = v1::ListOrdersRequest { overdue: true, ..v1::ListOrdersRequest::default() };
    let mut by_id = [0, 1, 3].to_vec();
    by_id.sort_by_key(|place: &usize| orders[*place].clone());
    assert_eq!(places(of_ids).await, by_id);
    let period = v1::ListOrdersRequest {
        deadline_from: "2026-05-20".to_owned(),
        deadline_to: "2026-05-31".to_owned(),
        ..wanted(true)
    };
    assert_eq!(places(period).await, [0, 3]);

    // A submitted report is none yet; an accepted one is from its day on, and a cancelled order waits for none.
    let report = office.report(&buildings[1], Some(&orders[1]), "2026-05-25").await;
    assert_eq!(places(wanted(true)).await, [1, 0, 3]);
    office.accept(&report, "2026-05-26").await;
    let cancel = v1::CancelOrderRequest {
        context: write_because("the building is being emptied"),
        id: orders[3].clone(),
        ..v1::CancelOrderRequest::default()
    };
    plans(&office.city).cancel_order(office.city.asking("east", cancel)).await.unwrap();
    assert_eq!(places(wanted(true)).await, [0]);
    let then = |day: &str| v1::ListOrdersRequest { context: on(day), ..wanted(true) };
    assert_eq!(places(then("2026-05-25")).await, [1, 0]);
    assert_eq!(places(then("2026-05-20")).await, [1]);
    assert_eq!(places(then("2026-06-02")).await, [0, 4]);

    let wrong = v1::ListOrdersRequest {
        deadline_from: "2026-05-20".to_owned(),
        deadline_to: "2026-05-19".to_owned(),
        order_by: "payer".to_owned(),
        ..wanted(true)
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        ORDER_UNKNOWN order_by
        OUT_OF_RANGE deadline_to"]]
    .assert_eq(&told(&office.listed(wrong).await.unwrap_err()));
}
