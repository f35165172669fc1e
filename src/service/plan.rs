//! Plans (体检计划) and orders (体检任务) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        content::{Content, Fields},
        cycle::Payer,
        order::{OrderContent, OrderState},
        plan::PlanContent,
        report::ReportKind,
    },
    kernel::{
        id::{BodyId, BuildingId, Kind, PlanId, RegionId},
        limit,
        time::Day,
        violation::Violations,
    },
    proto::v1::{self, plan_service_server::PlanService},
    registry::{ListOf, OrderStates, OrdersWanted, Seen},
    service::{
        Api,
        body::in_region,
        common::{self, FieldReader, number},
        kind::{Changing, Correcting, Creation, Listing, Parts, Resource, Step, answer},
    },
};

/// Years of plans.
const YEARS: std::ops::RangeInclusive<i32> = 1950..=2200;
/// The order of orders that is none of ids.
const BY_DEADLINE: &str = "deadline";

impl Resource for v1::Plan {
    const KIND: Kind = Kind::Plan;
    type Fields = v1::PlanFields;

    fn read(fields: v1::PlanFields, reader: &mut FieldReader) -> Fields {
        let content = PlanContent {
            region: reader.parsed("region_id", fields.region_id),
            year: reader.number("year", fields.year, YEARS),
            title: reader.text("title", fields.title, limit::NAME_CHARS_MAX),
            cancelled: reader.said("cancelled", fields.cancelled),
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Plan(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::PlanFields {
        let Fields::Plan(fields) = content.fields else { return v1::PlanFields::default() };
        v1::PlanFields {
            region_id: fields.region.flatten().map(|id| id.to_string()),
            year: fields.year.flatten().map(i32::from),
            title: fields.title.flatten(),
            cancelled: fields.cancelled.flatten(),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::PlanFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

impl Resource for v1::Order {
    const KIND: Kind = Kind::Order;
    type Fields = v1::OrderFields;

    fn read(fields: v1::OrderFields, reader: &mut FieldReader) -> Fields {
        let content = OrderContent {
            building: reader.parsed("building_id", fields.building_id),
            plan: reader.parsed("plan_id", fields.plan_id),
            kind: reader.choice("kind", fields.kind, ReportKind::from_number),
            body: reader.parsed("body_id", fields.body_id),
            deadline: reader.parsed("deadline", fields.deadline),
            payer: reader.choice("payer", fields.payer, Payer::from_number),
            payment_reference: reader.text(
                "payment_reference",
                fields.payment_reference,
                limit::IDENTIFIER_CHARS_MAX,
            ),
            cancelled: None,
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Order(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::OrderFields {
        let Fields::Order(fields) = content.fields else { return v1::OrderFields::default() };
        v1::OrderFields {
            building_id: fields.building.flatten().map(|id| id.to_string()),
            plan_id: fields.plan.flatten().map(|id| id.to_string()),
            kind: number(fields.kind, |kind| kind as u32),
            body_id: fields.body.flatten().map(|id| id.to_string()),
            deadline: fields.deadline.flatten().map(|day| day.to_string()),
            payer: number(fields.payer, |payer| payer as u32),
            payment_reference: fields.payment_reference.flatten(),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::OrderFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        let (state, answered_by_id) = (0, String::new());
        Self { id, etag, life, fields, case_ids, entries_in_doubt, state, answered_by_id }
    }

    fn with_derived(self, seen: &Seen) -> Self {
        let state = number(Some(seen.order_state), |state| state as u32);
        let answered_by_id = seen.answered_by.map(|id| id.to_string()).unwrap_or_default();
        Self { state, answered_by_id, ..self }
    }
}

fn creation(asked: v1::CreateOrderRequest) -> Creation<v1::OrderFields> {
    let v1::CreateOrderRequest { context: _, fields, exists_from } = asked;
    Creation { fields, exists_from, opens_partition: false }
}

fn plans(violations: &mut Violations, asked: &v1::ListPlansRequest) -> Option<common::Judged> {
    let Some(year) = asked.year else {
        return in_region(violations, Kind::Plan, &asked.region_id);
    };
    let region: Option<RegionId> = common::required(violations, "region_id", &asked.region_id);
    let year = YEARS
        .contains(&year)
        .then(|| u16::try_from(year).ok())
        .flatten()
        .ok_or_else(|| ("OUT_OF_RANGE", format!("from {} to {}", YEARS.start(), YEARS.end())));
    let year = violations.take("year", year);
    let region = region?;
    Some((ListOf::Plans(region, year?), Some(("region_id", region.into()))))
}

fn orders(violations: &mut Violations, asked: &v1::ListOrdersRequest) -> Option<common::Judged> {
    use v1::list_orders_request::Of;
    let mut states = Vec::new();
    for (index, number) in asked.states.iter().enumerate() {
        let state = u32::try_from(*number).ok().and_then(OrderState::from_number);
        let wrong = ("UNKNOWN_VALUE", format!("{number} is no state of an order"));
        states.extend(violations.take(&format!("states[{index}]"), state.ok_or(wrong)));
    }
    let deadline_from = common::optional(violations, "deadline_from", &asked.deadline_from);
    let deadline_to = common::optional(violations, "deadline_to", &asked.deadline_to);
    if deadline_from.zip(deadline_to).is_some_and(|(from, to): (Day, Day)| to < from) {
        violations.add("deadline_to", "OUT_OF_RANGE", "the last day is not before the first");
    }
    let holder = match &asked.of {
        Some(Of::PlanId(text)) => common::holder::<PlanId>(violations, "plan_id", text),
        Some(Of::BuildingId(text)) => common::holder::<BuildingId>(violations, "building_id", text),
        Some(Of::BodyId(text)) => common::holder::<BodyId>(violations, "body_id", text),
        Some(Of::RegionId(text)) => common::holder::<RegionId>(violations, "region_id", text),
        None => {
            let message = "name a plan, a building, a body or a region";
            violations.add("", "ONE_OF", message);
            None
        }
    };
    let (field, holder) = holder?;
    let wanted = OrdersWanted {
        states: OrderStates::of(&states),
        is_overdue: asked.overdue,
        deadline_from,
        deadline_to,
        is_by_deadline: asked.order_by == BY_DEADLINE,
    };
    Some((ListOf::Orders(holder, wanted), Some((field, holder))))
}

#[tonic::async_trait]
impl PlanService for Api {
    async fn create_plan(
        &self,
        request: Request<v1::CreatePlanRequest>,
    ) -> Result<Response<v1::CreatePlanResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CreatePlanRequest { context: _, fields, exists_from } = asked;
        let creation = Creation { fields, exists_from, opens_partition: false };
        let done = write.create(creation).await?;
        Ok(answer(done, |receipt, plan| v1::CreatePlanResponse { receipt, plan }))
    }

    async fn get_plan(
        &self,
        request: Request<v1::GetPlanRequest>,
    ) -> Result<Response<v1::GetPlanResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (plan, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetPlanResponse { plan, read_at }))
    }

    async fn list_plans(
        &self,
        request: Request<v1::ListPlansRequest>,
    ) -> Result<Response<v1::ListPlansResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (plans, next_page_token, read_at) =
            way.list(&asked, listing, |violations| plans(violations, &asked)).await?;
        Ok(Response::new(v1::ListPlansResponse { plans, next_page_token, read_at }))
    }

    async fn change_plan(
        &self,
        request: Request<v1::ChangePlanRequest>,
    ) -> Result<Response<v1::ChangePlanResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangePlanRequest {
            context: _,
            id,
            etag,
            from,
            time,
            order_key,
            fields,
            update_mask,
        } = asked;
        let changing = Changing { id, etag, from, time, order_key, fields, update_mask };
        let done = write.change(changing).await?;
        Ok(answer(done, |receipt, plan| v1::ChangePlanResponse { receipt, plan }))
    }

    async fn correct_plan(
        &self,
        request: Request<v1::CorrectPlanRequest>,
    ) -> Result<Response<v1::CorrectPlanResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectPlanRequest {
            context: _,
            id,
            etag,
            entry,
            from,
            fields,
            update_mask,
            exists_from,
            ended_on,
        } = asked;
        let correcting =
            Correcting { id, etag, entry, from, fields, update_mask, exists_from, ended_on };
        let done = write.correct(correcting).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, plan| v1::CorrectPlanResponse { receipt, plan, case_ids }))
    }

    async fn retract_plan(
        &self,
        request: Request<v1::RetractPlanRequest>,
    ) -> Result<Response<v1::RetractPlanResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, plan| v1::RetractPlanResponse { receipt, plan, case_ids }))
    }

    async fn create_order(
        &self,
        request: Request<v1::CreateOrderRequest>,
    ) -> Result<Response<v1::CreateOrderResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, order| v1::CreateOrderResponse { receipt, order }))
    }

    async fn batch_create_orders(
        &self,
        request: Request<v1::BatchCreateOrdersRequest>,
    ) -> Result<Response<v1::BatchCreateOrdersResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let items =
            asked.requests.into_iter().map(|mut item| (item.context.take(), creation(item)));
        let done = write.create_all::<v1::Order>(items.collect(), asked.per_item).await?;
        Ok(answer(done, |receipt, results| v1::BatchCreateOrdersResponse { receipt, results }))
    }

    async fn get_order(
        &self,
        request: Request<v1::GetOrderRequest>,
    ) -> Result<Response<v1::GetOrderResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (order, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetOrderResponse { order, read_at }))
    }

    async fn list_orders(
        &self,
        request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<v1::ListOrdersResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let is_by_id = asked.order_by != BY_DEADLINE;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: if is_by_id { asked.order_by.clone() } else { String::new() },
        };
        let (orders, next_page_token, read_at) =
            way.list(&asked, listing, |violations| orders(violations, &asked)).await?;
        Ok(Response::new(v1::ListOrdersResponse { orders, next_page_token, read_at }))
    }

    async fn change_order(
        &self,
        request: Request<v1::ChangeOrderRequest>,
    ) -> Result<Response<v1::ChangeOrderResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeOrderRequest {
            context: _,
            id,
            etag,
            from,
            time,
            order_key,
            fields,
            update_mask,
        } = asked;
        let changing = Changing { id, etag, from, time, order_key, fields, update_mask };
        let done = write.change(changing).await?;
        Ok(answer(done, |receipt, order| v1::ChangeOrderResponse { receipt, order }))
    }

    async fn assign_order(
        &self,
        request: Request<v1::AssignOrderRequest>,
    ) -> Result<Response<v1::AssignOrderResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::AssignOrderRequest { context: _, id, etag, body_id, from } = asked;
        let done = write
            .step(
                Step { id, etag, from },
                |violations| {
                    let body: BodyId = common::required(violations, "body_id", &body_id)?;
                    Some(Fields::Order(OrderContent {
                        body: Some(Some(body)),
                        ..OrderContent::default()
                    }))
                },
                false,
            )
            .await?;
        Ok(answer(done, |receipt, order| v1::AssignOrderResponse { receipt, order }))
    }

    async fn move_order_deadline(
        &self,
        request: Request<v1::MoveOrderDeadlineRequest>,
    ) -> Result<Response<v1::MoveOrderDeadlineResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::MoveOrderDeadlineRequest { context: _, id, etag, deadline, from } = asked;
        let done = write
            .step(
                Step { id, etag, from },
                |violations| {
                    let deadline: Day = common::required(violations, "deadline", &deadline)?;
                    Some(Fields::Order(OrderContent {
                        deadline: Some(Some(deadline)),
                        ..OrderContent::default()
                    }))
                },
                false,
            )
            .await?;
        Ok(answer(done, |receipt, order| v1::MoveOrderDeadlineResponse { receipt, order }))
    }

    async fn cancel_order(
        &self,
        request: Request<v1::CancelOrderRequest>,
    ) -> Result<Response<v1::CancelOrderResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CancelOrderRequest { context: _, id, etag, from } = asked;
        let done = write
            .step(
                Step { id, etag, from },
                |_| {
                    Some(Fields::Order(OrderContent {
                        cancelled: Some(Some(true)),
                        ..OrderContent::default()
                    }))
                },
                true,
            )
            .await?;
        Ok(answer(done, |receipt, order| v1::CancelOrderResponse { receipt, order }))
    }

    async fn correct_order(
        &self,
        request: Request<v1::CorrectOrderRequest>,
    ) -> Result<Response<v1::CorrectOrderResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectOrderRequest {
            context: _,
            id,
            etag,
            entry,
            from,
            fields,
            update_mask,
            exists_from,
            ended_on,
        } = asked;
        let correcting =
            Correcting { id, etag, entry, from, fields, update_mask, exists_from, ended_on };
        let done = write.correct(correcting).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, order| v1::CorrectOrderResponse { receipt, order, case_ids }))
    }

    async fn retract_order(
        &self,
        request: Request<v1::RetractOrderRequest>,
    ) -> Result<Response<v1::RetractOrderResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, order| v1::RetractOrderResponse { receipt, order, case_ids }))
    }
}
