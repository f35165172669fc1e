//! `anju coverage`: which covers answer for a damage, and why the others do not.

use clap::Args;

use crate::{
    cli::{
        BadUsage, Outcome,
        field::{amount, enum_words},
        read::ReadArgs,
        session::{Answer, Session},
        table::Sheet,
    },
    client::{POOL, chinese},
    kernel::id::{Kind, SubjectId},
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju coverage bld_01HF7YAT000000E0000000001A --part WATERPROOFING --cause LATENT_DEFECT --on 2021-05-10
  anju coverage unt_01HF7YAT000000E0000000001A --part PIPES --cause LATENT_DEFECT --on 2017-03-01 --noticed-on 2017-03-20
  anju coverage bld_01HF7YAT000000E0000000001A --part STRUCTURE --cause COLLAPSE --on 2024-08-01 --known-at 4100

Parts and causes are those of the lists of products: anju reference list --table products";

/// Flags of `anju coverage`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CoverageArgs {
    /// What was damaged: a building or a unit.
    pub id: SubjectId,
    /// The part of the building, for example WATERPROOFING.
    #[arg(long, value_name = "CODE")]
    pub part: String,
    /// The cause, for example `LATENT_DEFECT`.
    #[arg(long, value_name = "CODE")]
    pub cause: String,
    /// The day of the loss.
    #[arg(long, value_name = "DAY")]
    pub on: String,
    /// The day on which the insurer was told. Default: the day of the loss.
    #[arg(long, value_name = "DAY")]
    pub noticed_on: Option<String>,
    /// Which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Asks.
pub async fn run(args: &CoverageArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::check_coverage_request::Of;
    let of = match args.id.kind() {
        Kind::Building => Some(Of::BuildingId(args.id.to_string())),
        Kind::Unit => Some(Of::UnitId(args.id.to_string())),
        kind => {
            let sentence =
                format!("this is the id of a {}; damages are of buildings and units", kind.word());
            return Err(BadUsage::new(&sentence).into());
        }
    };
    let request = v1::CheckCoverageRequest {
        context: Some(args.read.context()),
        of,
        part: args.part.clone(),
        cause: args.cause.clone(),
        // Whatever is wrong with them is told with the rest.
        lost_on: args.on.clone(),
        noticed_on: args.noticed_on.clone().unwrap_or_default(),
    };
    let answer: Answer<v1::CheckCoverageResponse> =
        session.ask("PolicyService", "CheckCoverage", &request).await?;
    if session.out.is_json() {
        session.out.json(&answer.message)?;
        return Ok(Outcome::Fine);
    }
    session.out.sheet(&sheet(&answer.typed))?;
    let words = words(answer.typed.answer);
    let completed = &answer.typed.completed;
    session.out.line(format!("answer 结论: {words}; completed 竣工 {completed}"))?;
    Ok(Outcome::Fine)
}

fn words(answer: i32) -> String {
    let of = POOL.get_enum_by_name("anju.v1.CoverageAnswer");
    of.and_then(|of| enum_words(&of, answer)).unwrap_or_default()
}

fn sheet(answer: &v1::CheckCoverageResponse) -> Sheet {
    let mut sheet = Sheet::new([
        "answers 承担",
        "policy 保单",
        "cover 保障项目",
        "from 起",
        "until 止",
        "sum insured 保险金额 元",
        "against, or by what 不承担的原因或在保依据",
    ]);
    for cover in &answer.covers {
        let item = cover.item.clone().unwrap_or_default();
        let by = cover
            .by_predecessor
            .then(|| format!("insured by what it came from 因前身 {} 在保", cover.object_id));
        let against = cover.objections.iter().map(|objection| {
            let sentence = chinese(&objection.reason).unwrap_or_default();
            format!("{} {sentence}", objection.sentence)
        });
        let sum = i64::try_from(item.sum_insured_fen).unwrap_or(i64::MAX);
        sheet.row([
            words(cover.answer),
            format!("{} {}", cover.policy_number, cover.policy_id),
            item.cover.clone(),
            cover.from.clone(),
            cover.until.clone(),
            amount("sum_insured_fen", sum),
            by.into_iter().chain(against).collect::<Vec<_>>().join("; "),
        ]);
    }
    sheet
}
