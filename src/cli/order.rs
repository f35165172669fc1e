//! `anju order`: what becomes of an order once it is set. `anju create order` sets one.

use clap::{Args, Subcommand};
use prost::Message;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome,
        list::{self, OrderListArgs},
        message,
        region::SubjectName,
        rest::Wrong,
        session::Session,
        typed::{Typed, text_of},
        write::{self, FieldArgs, TargetArgs, WriteArgs},
    },
    kernel::{
        id::{BodyId, Kind, OrderId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju order list --region gbt2260:410102 --state ordered
  anju order assign ord_01HF7YAT000000E0000000001A --body bdy_01HF7YAT000000E0000000001A
  anju order change ord_01HF7YAT000000E0000000001A --from 2026-06-01 --set payer=public_account --set payment_reference=F-2026-17
  anju order move ord_01HF7YAT000000E0000000001A --deadline 2026-12-31
  anju order cancel ord_01HF7YAT000000E0000000001A --reason 'the building is being emptied'";

/// Flags of `anju order`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct OrderArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: OrderAction,
}

/// Which order, and from when.
#[derive(Args, Clone, Debug)]
pub struct StepArgs {
    /// Which one.
    pub id: OrderId,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// The day from which it holds. Default: today.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Typed<Day>>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags of `anju order change`.
#[derive(Args, Clone, Debug)]
pub struct ChangeArgs {
    /// Which one.
    pub id: OrderId,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// The first day on which the new values hold.
    #[arg(long, value_name = "DAY")]
    pub from: Typed<Day>,
    /// The new values.
    #[command(flatten)]
    pub fields: FieldArgs,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What can be done with orders.
#[derive(Subcommand, Clone, Debug)]
pub enum OrderAction {
    /// Orders of a plan, a building, a body or a region.
    List(OrderListArgs),
    /// Says who pays, from what, by when or of which plan, from a day on.
    Change(ChangeArgs),
    /// Asks a body for it, or another body instead.
    Assign {
        /// The body.
        #[arg(long, value_name = "BDY")]
        body: BodyId,
        /// Which order.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Gives it another last day.
    Move {
        /// The new last day.
        #[arg(long, value_name = "DAY")]
        deadline: Typed<Day>,
        /// Which order.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Cancels it; --reason says why.
    Cancel {
        /// Which order.
        #[command(flatten)]
        step: StepArgs,
    },
}

/// Works on orders.
pub async fn run(args: &OrderArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let mut wrong = Wrong::default();
    let mut from = |step: &StepArgs| text_of(step.from.as_ref(), "from", &mut wrong);
    let etag = |step: &StepArgs| step.etag.clone().unwrap_or_default();
    match &args.action {
        OrderAction::List(args) => list::orders(args, session).await,
        OrderAction::Change(args) => {
            let ChangeArgs { id, etag, from, fields, write } = args.clone();
            let target = TargetArgs { id: SubjectName::Id(id.into()), etag };
            let (time, order_key) = (None, None);
            let change = write::ChangeArgs { target, from, time, order_key, fields, write };
            write::change(&change, session).await
        }
        OrderAction::Assign { body, step } => {
            let request = v1::AssignOrderRequest {
                context: Some(step.write.context()),
                id: step.id.to_string(),
                etag: etag(step),
                body_id: body.to_string(),
                from: from(step),
            };
            send("AssignOrder", (&request, wrong), step, session).await
        }
        OrderAction::Move { deadline, step } => {
            let request = v1::MoveOrderDeadlineRequest {
                context: Some(step.write.context()),
                id: step.id.to_string(),
                etag: etag(step),
                from: from(step),
                deadline: deadline.text("deadline", &mut wrong),
            };
            send("MoveOrderDeadline", (&request, wrong), step, session).await
        }
        OrderAction::Cancel { step } => {
            let request = v1::CancelOrderRequest {
                context: Some(step.write.context()),
                id: step.id.to_string(),
                etag: etag(step),
                from: from(step),
            };
            send("CancelOrder", (&request, wrong), step, session).await
        }
    }
}

async fn send<Q: Message>(
    method: &str,
    (request, wrong): (&Q, Wrong),
    step: &StepArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut asked: DynamicMessage = message::empty(&format!("{method}Request"))?;
    asked.transcode_from(request)?;
    write::send(Kind::Order, method, asked, wrong, &step.write, session).await
}
