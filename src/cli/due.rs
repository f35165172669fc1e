//! `anju due` and `anju explain due`: which check-ups are due, and why.

use clap::{Args, Subcommand};
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome,
        page::{self, PageArgs},
        read::ReadArgs,
        region::{self, RegionName},
        session::{Answer, Session},
        table::Sheet,
    },
    kernel::{
        id::{BuildingId, CompoundId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju due --region gbt2260:410102
  anju due --region gbt2260:410102 --by 2026-12-31
  anju due --compound cmp_01HF7YAT000000E0000000001A --with-uncertain
  anju explain due bld_01HF7YAT000000E0000000001A
  anju explain due bld_01HF7YAT000000E0000000001A --valid-at 2026-06-30 --known-at 4100";

/// Flags of `anju due`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DueArgs {
    /// The region, by id or code, for example gbt2260:410102.
    #[arg(long, value_name = "REGION", required_unless_present = "compound")]
    pub region: Option<RegionName>,
    /// A compound instead of a region.
    #[arg(long, value_name = "ID", conflicts_with = "region")]
    pub compound: Option<CompoundId>,
    /// Due on or before this day.
    #[arg(long, value_name = "DAY")]
    pub by: Option<Day>,
    /// Due on or after this day.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,
    /// Also buildings that are exempt, or of which it cannot be said, by the first day that may be
    /// theirs.
    #[arg(long)]
    pub with_uncertain: bool,
    /// Which days and which knowledge; of another time than now the list is in the order of ids.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// What is explained.
#[derive(Subcommand, Clone, Debug)]
pub enum Explained {
    /// When a building's check-up is due, by which rule, and what that rests on.
    #[command(after_help = EXAMPLES)]
    Due {
        /// The building.
        building: BuildingId,
        /// Which day and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// Flags of `anju explain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// What.
    #[command(subcommand)]
    pub what: Explained,
}

/// Lists what is due.
pub async fn run(args: &DueArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let holder_id = match (&args.region, args.compound) {
        (Some(region), _) => region::resolve(region, &args.read, None, session).await?,
        (None, compound) => compound.map(|id| id.to_string()).unwrap_or_default(),
    };
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let is_now = args.read.is_now();
    let request = v1::ListDueRequest {
        context: Some(args.read.context()),
        holder_id,
        from: text(args.from),
        to: text(args.by),
        with_uncertain: args.with_uncertain,
        order_by: if is_now { String::new() } else { "id".to_owned() },
        ..v1::ListDueRequest::default()
    };
    page::show(session, ("DueService", "ListDue"), &request, &args.page, listed).await
}

/// Explains.
pub async fn explain(args: &ExplainArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let Explained::Due { building, read } = &args.what;
    let request =
        v1::ExplainDueRequest { context: Some(read.context()), building_id: building.to_string() };
    let answer: Answer<v1::ExplainDueResponse> =
        session.ask("DueService", "ExplainDue", &request).await?;
    if session.out.is_json() {
        session.out.json(&answer.message)?;
    } else {
        session.out.sheet(&explained(&answer.typed))?;
    }
    Ok(Outcome::Fine)
}

fn listed(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let answer: v1::ListDueResponse = answer.transcode_to()?;
    let mut sheet = Sheet::new(["due 到期", "", "building 楼栋", "address 地址"]);
    for row in answer.rows {
        let due = row.due.unwrap_or_default();
        let day = match v1::DueAnswer::try_from(due.answer) {
            Ok(v1::DueAnswer::Due) => due.due_on.clone(),
            _ => due.next_due.clone().unwrap_or_default().earliest,
        };
        let day = if day.is_empty() { "unknown 不明".to_owned() } else { day };
        sheet.row([day, answer_words(&due).to_owned(), row.building_id, row.label]);
    }
    Ok(sheet)
}

fn answer_words(due: &v1::Due) -> &'static str {
    match v1::DueAnswer::try_from(due.answer) {
        Ok(v1::DueAnswer::Due) if due.overdue => "overdue 已逾期",
        Ok(v1::DueAnswer::Due) => "due 应检",
        Ok(v1::DueAnswer::Exempt) => "exempt 暂免",
        Ok(v1::DueAnswer::Unknown) if due.overdue => "overdue, day unknown 已逾期，日期不明",
        Ok(v1::DueAnswer::Unknown) => "unknown 不明",
        Ok(v1::DueAnswer::Ended) => "the building is no more 楼栋已不存在",
        Ok(v1::DueAnswer::NotThere) => "the building is not there 楼栋不存在",
        Ok(v1::DueAnswer::PartOfAnother) => {
            "checked with the building it is a part of 随所属幢体检"
        }
        _ => "no rules loaded 未加载规则",
    }
}

/// `2031-05-01..2033-12-31`, with what never comes as a dash.
fn bounds_text(bounds: Option<&v1::DayBounds>) -> String {
    let Some(bounds) = bounds else { return String::new() };
    let or_never = |day: &str| if day.is_empty() { "never 无".to_owned() } else { day.to_owned() };
    if bounds.earliest == bounds.latest {
        return or_never(&bounds.earliest);
    }
    format!("{}..{}", or_never(&bounds.earliest), or_never(&bounds.latest))
}

/// `responsible_party, 50 % back from the public account (non-dwelling-design-life-reached)`.
fn payment_text(payment: &v1::DuePayment) -> String {
    let payer = match payment.payer.as_str() {
        "public_account" => "public account 公共账户",
        "responsible_party" => "responsible party 使用安全责任人",
        other => other,
    };
    let award = match payment.award_percent {
        0 => String::new(),
        percent => format!(", {percent} % back from the public account 公共账户补助"),
    };
    format!("{payer}{award} ({})", payment.rule)
}

fn explained(answer: &v1::ExplainDueResponse) -> Sheet {
    let mut sheet = Sheet::new(["", &format!("on {} 当日", answer.valid_at)]);
    let due = answer.due.clone().unwrap_or_default();
    sheet.row(["check-up 体检".to_owned(), answer_words(&due).to_owned()]);
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            sheet.row([name.to_owned(), value]);
        }
    };
    put("ended on 终止于", due.ended_on.clone());
    put("part of 所属幢", due.part_of_id.clone());
    put("due on 到期日", due.due_on.clone());
    put("exempt until 免检至", bounds_text(due.exempt_until.as_ref()));
    put("next due 下次应检", bounds_text(due.next_due.as_ref()));
    put("because 原因", due.because.join("; "));
    put("so since 起", due.since.clone());
    if let Some(basis) = &answer.basis {
        let set = [basis.rule_set.as_str(), &basis.edition, &basis.standing].join(" ");
        put("rules 规则", set.trim().to_owned());
        put("rule 条款", basis.rules.join(", "));
        for payment in &basis.payments {
            put("paid by 付费方", payment_text(payment));
        }
        let counted = [basis.counted_from.as_str(), &basis.counted_from_kind].join(" ");
        put("counted from 起算", counted.trim().to_owned());
        for input in &basis.inputs {
            // A number is told in the unit of its label.
            let value = match input.value.parse() {
                Ok(number) => crate::cli::field::amount(&input.name, number),
                Err(_) => input.value.clone(),
            };
            put(&crate::cli::field::label(&input.name), value);
        }
        put("open findings 未销号问题", basis.open_finding_count.to_string());
        for note in &basis.notes {
            put("note 说明", note.clone());
        }
    }
    for grade in &answer.grades {
        let doubt = if grade.in_doubt { ", in doubt 存疑" } else { "" };
        let given = grade.grade.clone().unwrap_or_default();
        let scale = given.scale().as_str_name().to_lowercase();
        let scale = scale.trim_start_matches("grade_scale_");
        put(
            &format!("grade 等级 {scale} {}", given.edition),
            format!("{} since {} ({}){doubt}", given.value, grade.since, grade.report_id),
        );
    }
    if let Some(colour) = &answer.colour {
        let is_in_doubt = colour.basis.as_ref().is_some_and(|basis| basis.in_doubt);
        let doubt = if is_in_doubt { ", in doubt 存疑" } else { "" };
        let by = format!("by {} {}", colour.mapping, colour.edition);
        put("colour 颜色", format!("{} {by}{doubt}", colour.colour));
    }
    sheet
}
