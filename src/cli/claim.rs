//! `anju claim`: what becomes of an insurance claim. `anju create claim` takes the notice, and `anju
//! change`, `anju correct` and `anju retract` work on it as on anything else.

use clap::{Args, Subcommand};
use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage as _};

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
        id::{
            BuildingId, ClaimId, CompoundId, FindingId, Kind, PolicyId, ReportId, UnitId, WorkId,
        },
        time::Day,
    },
    proto::v1::{self, claim_step::Step as Said},
};

const EXAMPLES: &str = "\
Examples:
  anju create claim --file claim.json
  anju claim list --policy pol_01HF7YAT000000E0000000001A --stage approved
  anju claim register clm_01HF7YAT000000E0000000001A --number C-2026-17
  anju claim check clm_01HF7YAT000000E0000000001A
  anju claim survey clm_01HF7YAT000000E0000000001A --amount 1200.50
  anju claim approve clm_01HF7YAT000000E0000000001A --amount 1000
  anju claim pay clm_01HF7YAT000000E0000000001A --amount 1000 --to owner-7 --invoice 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  anju claim decline clm_01HF7YAT000000E0000000001A --code EXCLUDED --reason 'wear is not covered'";

/// Flags of `anju claim`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ClaimArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ClaimAction,
}

/// Which claim, and when.
#[derive(Args, Clone, Debug)]
pub struct StepArgs {
    /// Which one.
    pub id: ClaimId,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// The day of the step. Default: today.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Typed<Day>>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// The same, with an amount.
#[derive(Args, Clone, Debug)]
pub struct SumArgs {
    /// How much, in yuan: 1200 or 1200.50.
    #[arg(long, value_name = "YUAN")]
    pub amount: Typed<Fen>,
    /// Which claim.
    #[command(flatten)]
    pub step: StepArgs,
}

/// What can be done with claims.
#[derive(Subcommand, Clone, Debug)]
pub enum ClaimAction {
    /// Claims of a policy, a building, a unit, a compound, a region, a finding or a report.
    List(ClaimListArgs),
    /// 立案: it has its number.
    Register {
        /// The number, unless it was said with the notice.
        #[arg(long, value_name = "NUMBER", default_value = "")]
        number: String,
        /// Which claim.
        #[command(flatten)]
        step: StepArgs,
    },
    /// 核查保险责任: asks the registry whether the cover answers, and records it.
    Check(StepArgs),
    /// 定损: what the loss comes to.
    Survey(SumArgs),
    /// 核赔: what is approved in all.
    Approve(SumArgs),
    /// 拒赔: --reason says why.
    Decline {
        /// The insurer's code of the reason.
        #[arg(long, value_name = "CODE")]
        code: String,
        /// Which claim.
        #[command(flatten)]
        step: StepArgs,
    },
    /// 提准备金: what is set aside.
    Reserve(SumArgs),
    /// 维修: the insurer's contractor repairs.
    Repair(StepArgs),
    /// 现金赔付: it is paid in cash.
    Cash(StepArgs),
    /// 业主确认: the owner takes it.
    Accept(StepArgs),
    /// 支付: money went out; not by whoever approved.
    Pay {
        /// To whom, by an opaque key.
        #[arg(long, value_name = "KEY")]
        to: String,
        /// The SHA-256 of the invoice that it pays.
        #[arg(long, value_name = "SHA256", default_value = "")]
        invoice: String,
        /// The work item that it pays for.
        #[arg(long, value_name = "WRK")]
        work: Option<WorkId>,
        /// How much, and which claim.
        #[command(flatten)]
        sum: SumArgs,
    },
    /// 追偿: money came back.
    Recover {
        /// From whom, by an opaque key.
        #[arg(long, value_name = "KEY")]
        of: String,
        /// How much, and which claim.
        #[command(flatten)]
        sum: SumArgs,
    },
    /// 结案
    Close(StepArgs),
    /// 撤案: --reason says why.
    Withdraw(StepArgs),
    /// 争议: the claimant does not take what was decided; --reason says why.
    Dispute(StepArgs),
    /// 第三方鉴定: what somebody else says that the loss comes to.
    Appraise {
        /// Who, by an opaque key.
        #[arg(long, value_name = "KEY")]
        by: String,
        /// How much, and which claim.
        #[command(flatten)]
        sum: SumArgs,
    },
    /// 重开: what is over goes on; --reason says why.
    Reopen(StepArgs),
}

/// Flags of a list of claims.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct ClaimListArgs {
    /// The policy that they are on.
    #[arg(long, value_name = "POL", group = "of")]
    pub policy: Option<PolicyId>,
    /// The building.
    #[arg(long, value_name = "BLD", group = "of")]
    pub building: Option<BuildingId>,
    /// The unit.
    #[arg(long, value_name = "UNT", group = "of")]
    pub unit: Option<UnitId>,
    /// The compound.
    #[arg(long, value_name = "CMP", group = "of")]
    pub compound: Option<CompoundId>,
    /// The region.
    #[arg(long, value_name = "RGN", group = "of")]
    pub region: Option<RegionName>,
    /// The finding that they name.
    #[arg(long, value_name = "FND", group = "of")]
    pub finding: Option<FindingId>,
    /// The report that they name.
    #[arg(long, value_name = "RPT", group = "of")]
    pub report: Option<ReportId>,
    /// Only in this stage; may be repeated.
    #[arg(long, value_enum)]
    pub stage: Vec<StageName>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Where a claim stands.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageName {
    /// 报案
    Noticed = 1,
    /// 立案
    Registered,
    /// 已核查保险责任
    Checked,
    /// 已定损
    Surveyed,
    /// 已核赔
    Approved,
    /// 已提准备金
    Reserved,
    /// 维修或现金赔付中
    Settling,
    /// 业主已确认
    Accepted,
    /// 已支付
    Paid,
    /// 追偿中
    Recourse,
    /// 已结案
    Closed,
    /// 已拒赔
    Declined,
    /// 已撤案
    Withdrawn,
    /// 争议中
    Disputed,
    /// 已鉴定
    Appraised,
    /// 已重开
    Reopened,
}

/// A step as the API has it: the call that says it, the step, and which claim.
struct Call<'a> {
    method: &'static str,
    said: Said,
    step: &'a StepArgs,
}

/// Works on claims.
pub async fn run(args: &ClaimArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let mut wrong = Wrong::default();
    let call = match &args.action {
        ClaimAction::List(args) => return list(args, session).await,
        action => by_owner(action).or_else(|| by_insurer(action, &mut wrong)),
    };
    let Some(Call { method, said, step }) = call else { return Ok(Outcome::Fine) };
    let from = step.from.as_ref().and_then(|from| from.read("from", &mut wrong));
    let from = from.map(|day: Day| day.to_string()).unwrap_or_default();
    let context = Some(step.write.context());
    let (id, etag) = (step.id.to_string(), step.etag.clone().unwrap_or_default());
    let said = Some(v1::ClaimStep { step: Some(said) });
    // The requests of the four calls have the same fields under the same numbers.
    let request = v1::AdvanceClaimRequest { context, id, etag, from, step: said };
    let asked: DynamicMessage = message::empty(&format!("{method}Request"))?;
    let asked = DynamicMessage::decode(asked.descriptor(), &request.encode_to_vec()[..])?;
    write::send(Kind::Claim, method, asked, wrong, &step.write, session).await
}

/// The amount of a step in fen. One that is wrong is noted, and stands as one fen.
fn fen(sum: &SumArgs, of: &str, wrong: &mut Wrong) -> u64 {
    let field = format!("step.{of}.amount_fen");
    sum.amount.read(&field, wrong).map_or(1, Fen::count)
}

/// The steps that say nothing but themselves.
fn by_owner(action: &ClaimAction) -> Option<Call<'_>> {
    let plain = v1::ClaimPlain {};
    let settling =
        |way: v1::Settlement| Said::Settling(v1::ClaimSettling { settlement: way.into() });
    let (method, said, step) = match action {
        ClaimAction::Check(step) => {
            ("AdvanceClaim", Said::CoverageChecked(v1::ClaimCoverageChecked::default()), step)
        }
        ClaimAction::Repair(step) => ("AdvanceClaim", settling(v1::Settlement::Repair), step),
        ClaimAction::Cash(step) => ("AdvanceClaim", settling(v1::Settlement::Cash), step),
        ClaimAction::Close(step) => ("AdvanceClaim", Said::Closed(plain), step),
        ClaimAction::Reopen(step) => ("AdvanceClaim", Said::Reopened(plain), step),
        ClaimAction::Accept(step) => ("AnswerClaim", Said::Accepted(plain), step),
        ClaimAction::Withdraw(step) => ("AnswerClaim", Said::Withdrawn(plain), step),
        ClaimAction::Dispute(step) => ("AnswerClaim", Said::Disputed(plain), step),
        _ => return None,
    };
    Some(Call { method, said, step })
}

/// The steps that say a number, an amount or a party.
fn by_insurer<'a>(action: &'a ClaimAction, wrong: &mut Wrong) -> Option<Call<'a>> {
    let mut sum_of = |sum: &SumArgs, of: &str| v1::ClaimSum { amount_fen: fen(sum, of, wrong) };
    let (method, said, step) = match action {
        ClaimAction::Register { number, step } => {
            let registered = v1::ClaimRegistered { claim_number: number.clone() };
            ("AdvanceClaim", Said::Registered(registered), step)
        }
        ClaimAction::Decline { code, step } => {
            ("AdvanceClaim", Said::Declined(v1::ClaimDeclined { code: code.clone() }), step)
        }
        ClaimAction::Survey(sum) => {
            ("AdvanceClaim", Said::Surveyed(sum_of(sum, "surveyed")), &sum.step)
        }
        ClaimAction::Approve(sum) => {
            ("AdvanceClaim", Said::Approved(sum_of(sum, "approved")), &sum.step)
        }
        ClaimAction::Reserve(sum) => {
            ("AdvanceClaim", Said::Reserved(sum_of(sum, "reserved")), &sum.step)
        }
        ClaimAction::Recover { of, sum } => {
            let amount_fen = sum_of(sum, "recovered").amount_fen;
            let recovered = v1::ClaimPartySum { amount_fen, party: of.clone() };
            ("AdvanceClaim", Said::Recovered(recovered), &sum.step)
        }
        ClaimAction::Appraise { by, sum } => {
            let amount_fen = sum_of(sum, "appraised").amount_fen;
            let appraised = v1::ClaimPartySum { amount_fen, party: by.clone() };
            ("AppraiseClaim", Said::Appraised(appraised), &sum.step)
        }
        ClaimAction::Pay { to, invoice, work, sum } => {
            let payment = v1::ClaimPayment {
                amount_fen: sum_of(sum, "paid").amount_fen,
                paid_to: to.clone(),
                invoice_sha256: invoice.clone(),
                work_id: work.map(|id| id.to_string()).unwrap_or_default(),
            };
            ("PayClaim", Said::Paid(payment), &sum.step)
        }
        _ => return None,
    };
    Some(Call { method, said, step })
}

/// Lists claims.
pub async fn list(args: &ClaimListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::list_claims_request::Of;
    let of = match &args.region {
        Some(region) => Some(Of::RegionId(id_of(Some(region), &args.read, session).await?)),
        None => [
            args.policy.map(|id| Of::PolicyId(id.to_string())),
            args.building.map(|id| Of::BuildingId(id.to_string())),
            args.unit.map(|id| Of::UnitId(id.to_string())),
            args.compound.map(|id| Of::CompoundId(id.to_string())),
            args.finding.map(|id| Of::FindingId(id.to_string())),
            args.report.map(|id| Of::ReportId(id.to_string())),
        ]
        .into_iter()
        .flatten()
        .next(),
    };
    let request = v1::ListClaimsRequest {
        context: Some(args.read.context()),
        of,
        stages: args.stage.iter().map(|stage| *stage as i32).collect(),
        ..v1::ListClaimsRequest::default()
    };
    let call = ("ClaimService", "ListClaims");
    page::show(session, call, &request, &args.page, |answer| rows(answer, "claims")).await
}

/// What stands beside the fields of a claim: the amounts of its stages, and its steps.
pub fn beside(claim: &DynamicMessage, sheet: &mut Sheet) {
    for (label, value) in message::nested(claim, "amounts").iter().flat_map(field::said) {
        sheet.row([label, value]);
    }
    for event in message::list(claim, "steps") {
        let Ok(typed) = event.transcode_to::<v1::ClaimEvent>() else { continue };
        let said = typed.step.and_then(|step| step.step).map(words).unwrap_or_default();
        let mut text = format!("{} {said} (entry {}", typed.on, typed.entry);
        if !typed.institution.is_empty() {
            text = format!("{text}, {}", typed.institution);
        }
        let out = if typed.out_of_place.is_empty() {
            String::new()
        } else {
            format!(", out of place 不生效: {}", typed.out_of_place.join(" "))
        };
        sheet.row(["step 步骤".to_owned(), format!("{text}{out})")]);
    }
}

fn yuan(fen: u64) -> String {
    let amount = field::amount("amount_fen", i64::try_from(fen).unwrap_or(i64::MAX));
    format!("{amount} yuan 元")
}

/// A step in words.
fn words(step: Said) -> String {
    let of_enum = |name: &str, number: i32| {
        let of = POOL.get_enum_by_name(name);
        of.and_then(|of| enum_words(&of, number)).unwrap_or_default()
    };
    match step {
        Said::Registered(_) => "registered 立案".to_owned(),
        Said::CoverageChecked(checked) => {
            let answer = of_enum("anju.v1.CoverageAnswer", checked.answer);
            let against = checked.objections.join(" ");
            format!("coverage checked 保险责任核查: {answer} {against}").trim_end().to_owned()
        }
        Said::Surveyed(sum) => format!("surveyed 定损 {}", yuan(sum.amount_fen)),
        Said::Approved(sum) => format!("approved 核赔 {}", yuan(sum.amount_fen)),
        Said::Declined(declined) => format!("declined 拒赔 {}", declined.code),
        Said::Reserved(sum) => format!("reserved 准备金 {}", yuan(sum.amount_fen)),
        Said::Settling(way) => of_enum("anju.v1.Settlement", way.settlement),
        Said::Accepted(_) => "accepted 业主确认".to_owned(),
        Said::Paid(paid) => {
            format!("paid 支付 {} to {}", yuan(paid.amount_fen), paid.paid_to)
        }
        Said::Recovered(sum) => {
            format!("recovered 追偿 {} from {}", yuan(sum.amount_fen), sum.party)
        }
        Said::Closed(_) => "closed 结案".to_owned(),
        Said::Withdrawn(_) => "withdrawn 撤案".to_owned(),
        Said::Disputed(_) => "disputed 争议".to_owned(),
        Said::Appraised(sum) => {
            format!("appraised 第三方鉴定 {} by {}", yuan(sum.amount_fen), sum.party)
        }
        Said::Reopened(_) => "reopened 重开".to_owned(),
    }
}
