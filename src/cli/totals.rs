//! `anju totals`: how much there is in a region, a compound or the whole registry, on any day, down to
//! the rows.
//!
//! Where days are imprecise a total is two numbers, and both are shown: `12–15` is at least 12 and
//! at most 15.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome, field,
        page::{self, PageArgs},
        read::ReadArgs,
        record::numbers,
        region::{self, RegionName, SubjectName},
        session::{Answer, Session},
        table::Sheet,
    },
    kernel::{
        id::Kind,
        time::{Day, Month},
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju totals
  anju totals --level city --children
  anju totals rgn_01HF7YAT000000E0000000001A
  anju totals --code gbt2260:410102 --date 2020-12-31
  anju totals rgn_01HF7YAT000000E0000000001A --valid-at 2000-12-31 --breakdown
  anju totals rgn_01HF7YAT000000E0000000001A --children --measure buildings --measure units
  anju totals rgn_01HF7YAT000000E0000000001A --series 2020-01..2024-12
  anju totals cmp_01HF7YAT000000E0000000001A --explain floor_area_cm2";

/// Measures that are shown side by side when none is named. Programs are given all.
const MAIN: [&str; 4] = ["compounds", "buildings", "units", "floor_area_cm2"];

/// Flags of `anju totals`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TotalsArgs {
    /// The id of a region or a compound. Default: the whole registry.
    pub id: Option<SubjectName>,
    /// A region by its code, for example gbt2260:410102.
    #[arg(long, value_name = "SCHEME:CODE[@DAY]", conflicts_with = "id")]
    pub code: Option<RegionName>,
    /// A day on which the code was used; codes are reused.
    #[arg(long, value_name = "DAY", requires = "code")]
    pub date: Option<Day>,
    /// The partition in which to look the code up. Default: all.
    #[arg(long, value_name = "N", requires = "code")]
    pub partition: Option<u32>,
    /// Only this measure; may be repeated. Default: all; in a table of --children compounds,
    /// buildings, units and floor area.
    #[arg(long, value_name = "MEASURE")]
    pub measure: Vec<String>,
    /// By decade of completion and structure.
    #[arg(long, group = "form")]
    pub breakdown: bool,
    /// The regions of this level in it that are there on the day: together, or with --children side
    /// by side.
    #[arg(long, value_name = "LEVEL", conflicts_with_all = ["series", "explain"])]
    pub level: Option<TotalLevel>,
    /// The children of the region side by side; of the whole registry the provinces.
    #[arg(long, group = "form")]
    pub children: bool,
    /// At the end of each month of a span, for example 2020-01..2024-12.
    #[arg(long, value_name = "MONTH..MONTH", group = "form")]
    pub series: Option<Months>,
    /// The rows that make up a measure.
    #[arg(long, value_name = "MEASURE", group = "form", conflicts_with = "measure")]
    pub explain: Option<String>,
    /// Only the rows of this term of a measure by term: a grade, a colour, a class, `overdue` …
    #[arg(long, value_name = "TERM", requires = "explain")]
    pub term: Option<String>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much, of --children and --explain.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Levels of which totals are taken together.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalLevel {
    /// 省级
    Province,
    /// 地级
    City,
    /// 县级
    District,
}

impl TotalLevel {
    fn on_wire(level: Option<Self>) -> i32 {
        let level = match level {
            None => v1::RegionLevel::Unspecified,
            Some(Self::Province) => v1::RegionLevel::Province,
            Some(Self::City) => v1::RegionLevel::City,
            Some(Self::District) => v1::RegionLevel::District,
        };
        level.into()
    }
}

/// The first and last month of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months {
    /// The first.
    pub first: Month,
    /// The last, not before the first.
    pub last: Month,
}

impl FromStr for Months {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        match (month(first), month(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            (Some(_), Some(_)) => Err("the span ends before it begins".to_owned()),
            _ => Err("a span of months is written as 2020-01..2024-12".to_owned()),
        }
    }
}

fn month(text: &str) -> Option<Month> {
    format!("{text}-01").parse::<Day>().ok().map(Day::month)
}

/// Shows totals.
pub async fn run(args: &TotalsArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let subject_id = subject(args, session).await?;
    let context = Some(args.read.context());
    let measures = args.measure.clone();
    let level = TotalLevel::on_wire(args.level);
    if let Some(measure) = &args.explain {
        let request = v1::ExplainTotalRequest {
            context,
            subject_id,
            measure: measure.clone(),
            term: args.term.clone().unwrap_or_default(),
            ..v1::ExplainTotalRequest::default()
        };
        let call = ("TotalsService", "ExplainTotal");
        return page::show(session, call, &request, &args.page, explained).await;
    }
    if args.children {
        let request = v1::ListTotalsRequest {
            context,
            region_id: subject_id,
            measures,
            level,
            ..v1::ListTotalsRequest::default()
        };
        let call = ("TotalsService", "ListTotals");
        let form = if args.measure.is_empty() { main_children } else { children };
        return page::show(session, call, &request, &args.page, form).await;
    }
    if let Some(months) = args.series {
        let request = v1::GetSeriesRequest {
            context,
            subject_id,
            measures,
            from_month: months.first.to_string(),
            to_month: months.last.to_string(),
        };
        let answer: Answer<v1::GetSeriesResponse> =
            session.ask("TotalsService", "GetSeries", &request).await?;
        return shown(&answer.message, &series(&answer.typed), session);
    }
    let breakdown = args.breakdown;
    let request = v1::GetTotalsRequest { context, subject_id, measures, breakdown, level };
    let answer: Answer<v1::GetTotalsResponse> =
        session.ask("TotalsService", "GetTotals", &request).await?;
    let outcome = shown(&answer.message, &totals(&answer.typed), session)?;
    let is_building = matches!(&args.id, Some(SubjectName::Id(id)) if id.kind() == Kind::Building);
    if is_building && !session.out.is_json() {
        session.out.line("counted are the units in the building and the claims on it, not itself 只计楼栋中的户和赔案")?;
    }
    Ok(outcome)
}

fn shown(
    message: &DynamicMessage,
    sheet: &Sheet,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    if session.out.is_json() {
        session.out.json(message)?;
    } else {
        session.out.sheet(sheet)?;
    }
    Ok(Outcome::Fine)
}

/// The id of the subject, looked up by its code if need be; empty for the whole registry.
async fn subject(args: &TotalsArgs, session: &Session<'_>) -> anyhow::Result<String> {
    let Some(code) = &args.code else {
        return match &args.id {
            Some(name) => Ok(name.id(&args.read, session).await?.to_string()),
            None => Ok(String::new()),
        };
    };
    let name = match code.clone() {
        RegionName::Code { scheme, code, on } => {
            RegionName::Code { scheme, code, on: args.date.or(on) }
        }
        id @ RegionName::Id(_) => id,
    };
    region::resolve(&name, &args.read, args.partition, session).await
}

/// `12`, or `12–15` when it is uncertain, in the unit that people read.
pub fn amount_text(amount: &v1::Amount) -> String {
    let certain = field::amount(&amount.measure, amount.certain);
    if amount.certain == amount.possible {
        return certain;
    }
    format!("{certain}–{}", field::amount(&amount.measure, amount.possible))
}

/// The totals of an answer, with decade and structure when it is broken down.
pub fn totals(answer: &v1::GetTotalsResponse) -> Sheet {
    let is_broken_down = answer
        .amounts
        .iter()
        .any(|amount| amount.built_decade.is_some() || !amount.structure.is_empty());
    let valid_at = format!("on {} 当日", answer.valid_at);
    if !is_broken_down {
        let mut sheet = Sheet::new(["measure 指标".to_owned(), valid_at]).numbers([1]);
        for amount in &answer.amounts {
            sheet.row([label(amount), amount_text(amount)]);
        }
        return sheet;
    }
    let header =
        ["measure 指标".to_owned(), "built 建成年代".into(), "structure 结构类型".into(), valid_at];
    let mut sheet = Sheet::new(header).numbers([3]);
    for amount in &answer.amounts {
        let decade = match amount.built_decade {
            None => String::new(),
            Some(0) => "unknown 不明".to_owned(),
            Some(year) => format!("{year}s"),
        };
        let structure = structure_words(&amount.structure);
        sheet.row([label(amount), decade, structure, amount_text(amount)]);
    }
    sheet
}

fn structure_words(structure: &str) -> String {
    let words = structure.to_lowercase().replace('_', " ");
    match field::chinese_of(&format!("STRUCTURE_{structure}")) {
        Some(chinese) => format!("{words} {chinese}"),
        None if structure == "UNKNOWN" => "unknown 不明".to_owned(),
        None => words,
    }
}

/// A measure for people, with the term that it is broken down by.
fn label(amount: &v1::Amount) -> String {
    let name = field::label(&amount.measure);
    if amount.term.is_empty() { name } else { format!("{name}: {}", amount.term) }
}

/// The measures that occur with their terms and labels, in the order in which they first do.
fn measures<'a>(amounts: impl Iterator<Item = &'a v1::Amount>) -> Vec<((String, String), String)> {
    let mut names: Vec<((String, String), String)> = Vec::new();
    for amount in amounts {
        let name = (amount.measure.clone(), amount.term.clone());
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, label(amount)));
        }
    }
    names
}

/// Rows with a column for each measure.
fn side_by_side(
    first: &[&str],
    measures: &[((String, String), String)],
    rows: Vec<(Vec<String>, &[v1::Amount])>,
) -> Sheet {
    let header = first.iter().map(|name| (*name).to_owned());
    let header = header.chain(measures.iter().map(|(_, label)| label.clone()));
    let mut sheet = Sheet::new(header).numbers(first.len()..first.len() + measures.len());
    for (mut cells, amounts) in rows {
        for ((measure, term), _) in measures {
            let is_it = |amount: &&v1::Amount| amount.measure == *measure && amount.term == *term;
            let amount = amounts.iter().find(is_it);
            cells.push(amount.map(amount_text).unwrap_or_default());
        }
        sheet.row(cells);
    }
    sheet
}

fn series(answer: &v1::GetSeriesResponse) -> Sheet {
    let measures = measures(answer.months.iter().flat_map(|month| &month.amounts));
    let rows = answer.months.iter();
    let rows = rows.map(|month| (vec![month.month.clone()], month.amounts.as_slice())).collect();
    side_by_side(&["month 月份"], &measures, rows)
}

/// Children with the measures that fit beside each other; the others are there by --measure.
fn main_children(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    side_by_side_children(answer, |(measure, term)| term.is_empty() && MAIN.contains(&&**measure))
}

fn children(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    side_by_side_children(answer, |_| true)
}

fn side_by_side_children(
    answer: &DynamicMessage,
    is_shown: impl Fn(&(String, String)) -> bool,
) -> anyhow::Result<Sheet> {
    let answer: v1::ListTotalsResponse = answer.transcode_to()?;
    let mut measures = measures(answer.children.iter().flat_map(|child| &child.amounts));
    measures.retain(|(name, _)| is_shown(name));
    let rows = answer
        .children
        .iter()
        .map(|child| (vec![child.subject_id.clone(), child.name.clone()], child.amounts.as_slice()))
        .collect();
    Ok(side_by_side(&["id 编号", "name 名称"], &measures, rows))
}

fn explained(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let answer: v1::ExplainTotalResponse = answer.transcode_to()?;
    let header = ["subject 对象", "name 名称", "adds 计入", "entries 记录"];
    let mut sheet = Sheet::new(header).numbers([2]);
    for row in &answer.rows {
        let terms = row.terms.iter();
        let terms = terms.map(|amount| format!("{} {}", amount.term, amount_text(amount)));
        let amount = match &row.amount {
            Some(amount) => amount_text(amount),
            None => terms.collect::<Vec<_>>().join(", "),
        };
        sheet.row([row.subject_id.clone(), row.label.clone(), amount, numbers(&row.entries)]);
    }
    Ok(sheet)
}
