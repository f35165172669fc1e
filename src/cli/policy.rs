//! `anju policy`: what becomes of an insurance policy. `anju create policy` registers one, and
//! `anju change`, `anju correct` and `anju retract` work on it as on anything else.

use clap::{Args, Subcommand};
use prost::Message;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome,
        list::{id_of, rows},
        message,
        page::{self, PageArgs},
        read::ReadArgs,
        region::RegionName,
        rest::Wrong,
        session::Session,
        typed::Typed,
        write::{self, WriteArgs},
    },
    kernel::{
        id::{BuildingId, CompoundId, Kind, PolicyId, UnitId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju policy list --building bld_01HF7YAT000000E0000000001A
  anju policy list --region gbt2260:410102
  anju policy bind pol_01HF7YAT000000E0000000001A --from 2024-01-01
  anju policy cancel pol_01HF7YAT000000E0000000001A --from 2025-07-01 --reason 'the building is demolished'
  anju policy lapse pol_01HF7YAT000000E0000000001A --from 2025-07-01 --reason 'the premium was not paid'";

/// Flags of `anju policy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PolicyArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: PolicyAction,
}

/// What can be done with policies.
#[derive(Subcommand, Clone, Debug)]
pub enum PolicyAction {
    /// Policies of a building, a compound, a unit or a region.
    List(PolicyListArgs),
    /// Says that a quotation was bound, or a lapsed policy put back.
    Bind(StepArgs),
    /// Cancels it; --reason says why.
    Cancel(StepArgs),
    /// Says that it lapsed for want of the premium; --reason says why.
    Lapse(StepArgs),
}

/// Which policy, and from when.
#[derive(Args, Clone, Debug)]
pub struct StepArgs {
    /// Which one.
    pub id: PolicyId,
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

/// Flags of a list of policies.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct PolicyListArgs {
    /// The building that they name.
    #[arg(long, value_name = "BLD", group = "of")]
    pub building: Option<BuildingId>,
    /// The compound that they name.
    #[arg(long, value_name = "CMP", group = "of")]
    pub compound: Option<CompoundId>,
    /// The unit that they name.
    #[arg(long, value_name = "UNT", group = "of")]
    pub unit: Option<UnitId>,
    /// The region that they are kept for, or one above it.
    #[arg(long, value_name = "RGN", group = "of")]
    pub region: Option<RegionName>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Works on policies.
pub async fn run(args: &PolicyArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let step = match &args.action {
        PolicyAction::List(args) => return list(args, session).await,
        PolicyAction::Bind(step) | PolicyAction::Cancel(step) | PolicyAction::Lapse(step) => step,
    };
    let mut wrong = Wrong::default();
    let from = step.from.as_ref().and_then(|from| from.read("from", &mut wrong));
    let from = from.map(|day: Day| day.to_string()).unwrap_or_default();
    let context = Some(step.write.context());
    let (id, etag) = (step.id.to_string(), step.etag.clone().unwrap_or_default());
    match &args.action {
        PolicyAction::Bind(_) => {
            let request = v1::BindPolicyRequest { context, id, etag, from };
            send("BindPolicy", &request, wrong, step, session).await
        }
        PolicyAction::Cancel(_) => {
            let request = v1::CancelPolicyRequest { context, id, etag, from };
            send("CancelPolicy", &request, wrong, step, session).await
        }
        _ => {
            let request = v1::LapsePolicyRequest { context, id, etag, from };
            send("LapsePolicy", &request, wrong, step, session).await
        }
    }
}

async fn send<Q: Message>(
    method: &str,
    request: &Q,
    wrong: Wrong,
    step: &StepArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut asked: DynamicMessage = message::empty(&format!("{method}Request"))?;
    asked.transcode_from(request)?;
    write::send(Kind::Policy, method, asked, wrong, &step.write, session).await
}

/// Lists policies.
pub async fn list(args: &PolicyListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::list_policies_request::Of;
    let of = match (&args.region, args.building, args.compound, args.unit) {
        (Some(region), ..) => Some(Of::RegionId(id_of(Some(region), &args.read, session).await?)),
        (_, Some(building), ..) => Some(Of::BuildingId(building.to_string())),
        (_, _, Some(compound), _) => Some(Of::CompoundId(compound.to_string())),
        (.., unit) => unit.map(|unit| Of::UnitId(unit.to_string())),
    };
    let context = Some(args.read.context());
    let request = v1::ListPoliciesRequest { context, of, ..v1::ListPoliciesRequest::default() };
    let call = ("PolicyService", "ListPolicies");
    page::show(session, call, &request, &args.page, |answer| rows(answer, "policies")).await
}
