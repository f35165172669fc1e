//! `anju work`: what paid for a repair. `anju create work` registers a work item, and `anju change`, `anju
//! correct` and `anju retract` work on it as on anything else.

use clap::{Args, Subcommand};
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome,
        field::{self, enum_words},
        list::{id_of, rows},
        message,
        page::{self, PageArgs},
        read::ReadArgs,
        region::RegionName,
        rest::Wrong,
        session::Session,
        table::Sheet,
        typed::Typed,
        write::{self, WriteArgs},
    },
    client::POOL,
    kernel::{
        fen::Fen,
        id::{BuildingId, CompoundId, FindingId, Kind, WorkId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju create work --exists-from 2026-05-20 --set building_id=bld_01HF7YAT000000E0000000001A --set part=WATERPROOFING --set done=roof --set cost_fen=8000000
  anju work fund wrk_01HF7YAT000000E0000000001A --source warranty --amount 30000
  anju work list --building bld_01HF7YAT000000E0000000001A";

/// Flags of `anju work`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct WorkArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: WorkAction,
}

/// What can be done with work items.
#[derive(Subcommand, Clone, Debug)]
pub enum WorkAction {
    /// Work items of a building, a compound, a region or a finding.
    List(WorkListArgs),
    /// Says what paid for it; what a claim pays is said with anju claim pay.
    Fund(FundArgs),
}

/// What paid for which work item.
#[derive(Args, Clone, Debug)]
pub struct FundArgs {
    /// Which one.
    pub id: WorkId,
    /// Whose money.
    #[arg(long, value_enum)]
    pub source: SourceName,
    /// How much, in yuan: 1200 or 1200.50.
    #[arg(long, value_name = "YUAN")]
    pub amount: Typed<Fen>,
    /// The account, grant or contract, by its number elsewhere.
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub reference: String,
    /// The SHA-256 of the invoice that it pays.
    #[arg(long, value_name = "SHA256", default_value = "")]
    pub invoice: String,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// The day of the payment. Default: today.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Typed<Day>>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Whose money pays, but for claims.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceName {
    /// 维修资金
    Fund = 2,
    /// 补贴
    Subsidy,
    /// 保修
    Warranty,
    /// 业主
    Owner,
}

/// Flags of a list of work items.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct WorkListArgs {
    /// The building.
    #[arg(long, value_name = "BLD", group = "of")]
    pub building: Option<BuildingId>,
    /// The compound.
    #[arg(long, value_name = "CMP", group = "of")]
    pub compound: Option<CompoundId>,
    /// The region.
    #[arg(long, value_name = "RGN", group = "of")]
    pub region: Option<RegionName>,
    /// The finding that they mend.
    #[arg(long, value_name = "FND", group = "of")]
    pub finding: Option<FindingId>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Works on work items.
pub async fn run(args: &WorkArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let fund = match &args.action {
        WorkAction::List(args) => return list(args, session).await,
        WorkAction::Fund(fund) => fund,
    };
    let mut wrong = Wrong::default();
    let from = fund.from.as_ref().and_then(|from| from.read("from", &mut wrong));
    let amount = fund.amount.read("funding.amount_fen", &mut wrong);
    let request = v1::FundWorkRequest {
        context: Some(fund.write.context()),
        id: fund.id.to_string(),
        etag: fund.etag.clone().unwrap_or_default(),
        from: from.map(|day: Day| day.to_string()).unwrap_or_default(),
        funding: Some(v1::WorkFunding {
            source: fund.source as i32,
            amount_fen: amount.map_or(1, Fen::count),
            reference: fund.reference.clone(),
            invoice_sha256: fund.invoice.clone(),
        }),
    };
    let mut asked: DynamicMessage = message::empty("FundWorkRequest")?;
    asked.transcode_from(&request)?;
    write::send(Kind::Work, "FundWork", asked, wrong, &fund.write, session).await
}

/// Lists work items.
pub async fn list(args: &WorkListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::list_works_request::Of;
    let of = match (&args.region, args.building, args.compound, args.finding) {
        (Some(region), ..) => Some(Of::RegionId(id_of(Some(region), &args.read, session).await?)),
        (_, Some(building), ..) => Some(Of::BuildingId(building.to_string())),
        (_, _, Some(compound), _) => Some(Of::CompoundId(compound.to_string())),
        (.., finding) => finding.map(|finding| Of::FindingId(finding.to_string())),
    };
    let context = Some(args.read.context());
    let request = v1::ListWorksRequest { context, of, ..v1::ListWorksRequest::default() };
    let call = ("WorkService", "ListWorks");
    page::show(session, call, &request, &args.page, |answer| rows(answer, "works")).await
}

/// What stands beside the fields of a work item: everything that paid for it.
pub fn beside(work: &DynamicMessage, sheet: &mut Sheet) {
    if let Some(total) = field::shown(work, "funded_fen") {
        sheet.row([field::label("funded_fen"), total]);
    }
    for paid in message::list(work, "funded") {
        let Ok(typed) = paid.transcode_to::<v1::WorkFunded>() else { continue };
        let funding = typed.funding.unwrap_or_default();
        let of = POOL.get_enum_by_name("anju.v1.FundingSource");
        let source = of.and_then(|of| enum_words(&of, funding.source)).unwrap_or_default();
        let fen = i64::try_from(funding.amount_fen).unwrap_or(i64::MAX);
        let mut text =
            format!("{} {} yuan 元 {source}", typed.on, field::amount("amount_fen", fen));
        if !funding.reference.is_empty() {
            text = format!("{text} {}", funding.reference);
        }
        sheet.row([
            "source 来源".to_owned(),
            format!("{text} ({}, entry {})", typed.by_id, typed.entry),
        ]);
    }
}
