//! `anju list`: what lies in a region, a compound or a building.

use clap::{Args, Subcommand};

use crate::{
    cli::{
        Outcome, case, claim, message,
        page::{self, PageArgs},
        policy,
        read::ReadArgs,
        record, reference,
        region::{self, RegionName},
        session::Session,
        set, work,
    },
    kernel::{
        id::{BodyId, BuildingId, CompoundId, PlanId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju list regions
  anju list regions --parent gbt2260:410100
  anju list compounds --region gbt2260:410102 --valid-at 2020-12-31
  anju list compounds --box 'cgcs2000:113.60,34.74;113.64,34.78'
  anju list buildings --compound cmp_01HF7YAT000000E0000000001A
  anju list buildings --region rgn_01HF7YAT000000E0000000001A --all --json
  anju list buildings --box 'cgcs2000:113.60,34.74;113.64,34.78'
  anju list units --building bld_01HF7YAT000000E0000000001A
  anju list bodies --region gbt2260:410100
  anju list plans --region gbt2260:410102 --year 2026
  anju list orders --region gbt2260:410102 --state ordered
  anju list orders --region gbt2260:410102 --overdue --valid-at 2026-06-30
  anju list cases --partition 1";

/// Flags of `anju list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// What to list.
    #[command(subcommand)]
    pub of: ListOf,
}

/// What can be listed.
#[derive(Subcommand, Clone, Debug)]
pub enum ListOf {
    /// The children of a region; without --parent the provinces.
    Regions {
        /// Their parent.
        #[arg(long, value_name = "RGN")]
        parent: Option<RegionName>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The compounds (小区) of a region or a box of a map.
    Compounds {
        /// The region, of any level below the province.
        #[arg(
            long,
            value_name = "RGN",
            required_unless_present = "bounding_box",
            conflicts_with = "bounding_box"
        )]
        region: Option<RegionName>,
        /// A box of a map, its south-west and north-east corner: `crs:west,south;east,north`.
        #[arg(long = "box", value_name = "BOX", value_parser = set::bounding_box)]
        bounding_box: Option<v1::BoundingBox>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The buildings (栋) of a region, a compound or a box of a map.
    Buildings {
        /// The region.
        #[arg(
            long,
            value_name = "RGN",
            required_unless_present_any = ["compound", "bounding_box"],
            conflicts_with_all = ["compound", "bounding_box"]
        )]
        region: Option<RegionName>,
        /// The compound.
        #[arg(long, value_name = "CMP")]
        compound: Option<CompoundId>,
        /// A box of a map, its south-west and north-east corner: `crs:west,south;east,north`.
        #[arg(
            long = "box",
            value_name = "BOX",
            value_parser = set::bounding_box,
            conflicts_with = "compound"
        )]
        bounding_box: Option<v1::BoundingBox>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The units (户) of a building.
    Units {
        /// The building.
        #[arg(long, value_name = "BLD")]
        building: BuildingId,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The bodies (机构) in the lists of a region.
    Bodies {
        /// The region.
        #[arg(long, value_name = "RGN")]
        region: RegionName,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The signers (签字人) in the lists of a region.
    Signers {
        /// The region.
        #[arg(long, value_name = "RGN")]
        region: RegionName,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The plans (体检计划) of a region and those in it.
    Plans {
        /// The region.
        #[arg(long, value_name = "RGN")]
        region: RegionName,
        /// Of this year only.
        #[arg(long, value_name = "YEAR")]
        year: Option<i32>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The orders (体检任务) of a plan, a building, a body or a region.
    Orders(OrderListArgs),
    /// The insurance policies (保险单) of a building, a compound, a unit or a region; the same as
    /// `anju policy list`.
    Policies(policy::PolicyListArgs),
    /// The insurance claims (理赔) of a policy, a building, a unit, a compound, a region, a finding or a
    /// report; the same as `anju claim list`.
    Claims(claim::ClaimListArgs),
    /// The work items (维修工程项) of a building, a compound, a region or a finding; the same as
    /// `anju work list`.
    Works(work::WorkListArgs),
    /// Editions of reference data; the same as `anju reference list`.
    References(reference::ReferenceListArgs),
    /// The open cases of a partition; the same as `anju case list`.
    Cases(case::CaseListArgs),
}

/// Flags of a list of orders.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct OrderListArgs {
    /// The plan.
    #[arg(long, value_name = "PLN", group = "of")]
    pub plan: Option<PlanId>,
    /// The building.
    #[arg(long, value_name = "BLD", group = "of")]
    pub building: Option<BuildingId>,
    /// The body.
    #[arg(long, value_name = "BDY", group = "of")]
    pub body: Option<BodyId>,
    /// The region.
    #[arg(long, value_name = "RGN", group = "of")]
    pub region: Option<RegionName>,
    /// Only in this state; may be repeated.
    #[arg(long, value_enum)]
    pub state: Vec<OrderStateName>,
    /// Only those that are open after their deadline, the longest overdue first.
    #[arg(long)]
    pub overdue: bool,
    /// With a deadline on or after this day, in the order of the deadlines.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,
    /// With a deadline on or before this day, in the order of the deadlines.
    #[arg(long, value_name = "DAY")]
    pub by: Option<Day>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Where an order stands.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStateName {
    /// 已列入计划
    Planned,
    /// 已委托
    Ordered,
    /// 已完成
    Done,
    /// 已取消
    Cancelled,
}

/// Lists orders.
pub async fn orders(args: &OrderListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::list_orders_request::Of;
    let of = match (&args.region, args.plan, args.building, args.body) {
        (Some(region), ..) => Some(Of::RegionId(id_of(Some(region), &args.read, session).await?)),
        (_, Some(plan), ..) => Some(Of::PlanId(plan.to_string())),
        (_, _, Some(building), _) => Some(Of::BuildingId(building.to_string())),
        (.., body) => body.map(|body| Of::BodyId(body.to_string())),
    };
    let states = args.state.iter().map(|state| match state {
        OrderStateName::Planned => v1::OrderState::Planned,
        OrderStateName::Ordered => v1::OrderState::Ordered,
        OrderStateName::Done => v1::OrderState::Done,
        OrderStateName::Cancelled => v1::OrderState::Cancelled,
    });
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let is_by_deadline = args.overdue || args.from.is_some() || args.by.is_some();
    let request = v1::ListOrdersRequest {
        context: Some(args.read.context()),
        states: states.map(i32::from).collect(),
        of,
        overdue: args.overdue,
        deadline_from: text(args.from),
        deadline_to: text(args.by),
        order_by: if is_by_deadline { "deadline".to_owned() } else { String::new() },
        ..v1::ListOrdersRequest::default()
    };
    let call = ("PlanService", "ListOrders");
    page::show(session, call, &request, &args.page, |answer| rows(answer, "orders")).await
}

/// Lists.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of list")]
pub async fn run(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.of {
        ListOf::Regions { parent, read, page } => {
            let parent_id = id_of(parent.as_ref(), read, session).await?;
            let request = v1::ListRegionsRequest {
                context: Some(read.context()),
                parent_id,
                ..v1::ListRegionsRequest::default()
            };
            let call = ("RegionService", "ListRegions");
            page::show(session, call, &request, page, |answer| rows(answer, "regions")).await
        }
        ListOf::Compounds { region, bounding_box, read, page } => {
            let region_id = id_of(region.as_ref(), read, session).await?;
            let request = v1::ListCompoundsRequest {
                context: Some(read.context()),
                region_id,
                r#box: bounding_box.clone(),
                ..v1::ListCompoundsRequest::default()
            };
            let call = ("CompoundService", "ListCompounds");
            let shown =
                page::show(session, call, &request, page, |answer| rows(answer, "compounds"));
            let outcome = shown.await?;
            tell_system(bounding_box.as_ref(), session)?;
            Ok(outcome)
        }
        ListOf::Buildings { region, compound, bounding_box, read, page } => {
            let region_id = id_of(region.as_ref(), read, session).await?;
            let request = v1::ListBuildingsRequest {
                context: Some(read.context()),
                region_id,
                compound_id: compound.map(|id| id.to_string()).unwrap_or_default(),
                r#box: bounding_box.clone(),
                ..v1::ListBuildingsRequest::default()
            };
            let call = ("BuildingService", "ListBuildings");
            let shown =
                page::show(session, call, &request, page, |answer| rows(answer, "buildings"));
            let outcome = shown.await?;
            tell_system(bounding_box.as_ref(), session)?;
            Ok(outcome)
        }
        ListOf::Units { building, read, page } => {
            let request = v1::ListUnitsRequest {
                context: Some(read.context()),
                building_id: building.to_string(),
                ..v1::ListUnitsRequest::default()
            };
            let call = ("UnitService", "ListUnits");
            page::show(session, call, &request, page, |answer| rows(answer, "units")).await
        }
        ListOf::Bodies { region, read, page } => {
            let request = v1::ListBodiesRequest {
                context: Some(read.context()),
                region_id: id_of(Some(region), read, session).await?,
                ..v1::ListBodiesRequest::default()
            };
            let call = ("BodyService", "ListBodies");
            page::show(session, call, &request, page, |answer| rows(answer, "bodies")).await
        }
        ListOf::Signers { region, read, page } => {
            let request = v1::ListSignersRequest {
                context: Some(read.context()),
                region_id: id_of(Some(region), read, session).await?,
                ..v1::ListSignersRequest::default()
            };
            let call = ("BodyService", "ListSigners");
            page::show(session, call, &request, page, |answer| rows(answer, "signers")).await
        }
        ListOf::Plans { region, year, read, page } => {
            let request = v1::ListPlansRequest {
                context: Some(read.context()),
                region_id: id_of(Some(region), read, session).await?,
                year: *year,
                ..v1::ListPlansRequest::default()
            };
            let call = ("PlanService", "ListPlans");
            page::show(session, call, &request, page, |answer| rows(answer, "plans")).await
        }
        ListOf::Orders(args) => orders(args, session).await,
        ListOf::Policies(args) => policy::list(args, session).await,
        ListOf::Claims(args) => claim::list(args, session).await,
        ListOf::Works(args) => work::list(args, session).await,
        ListOf::References(args) => reference::list(args, session).await,
        ListOf::Cases(args) => case::list(args, session).await,
    }
}

/// The id of a region that may be named by its code; empty for none.
pub(crate) async fn id_of(
    name: Option<&RegionName>,
    read: &ReadArgs,
    session: &Session<'_>,
) -> anyhow::Result<String> {
    match name {
        Some(name) => region::resolve(name, read, None, session).await,
        None => Ok(String::new()),
    }
}

/// Says to people that a box finds only what is located in its own reference system.
fn tell_system(
    bounding_box: Option<&v1::BoundingBox>,
    session: &mut Session<'_>,
) -> anyhow::Result<()> {
    let Some(bounding_box) = bounding_box.filter(|_| !session.out.is_json()) else {
        return Ok(());
    };
    let system = bounding_box.system().as_str_name().to_lowercase();
    let system = system.trim_start_matches("coordinate_system_");
    session.out.line(format!(
        "only what is located in {system} was looked at; nothing is converted 只查同一坐标系"
    ))?;
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the form that page::show asks for")]
pub(crate) fn rows(
    answer: &prost_reflect::DynamicMessage,
    field: &str,
) -> anyhow::Result<crate::cli::table::Sheet> {
    Ok(record::rows(&message::list(answer, field)))
}
