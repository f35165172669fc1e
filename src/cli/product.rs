//! `anju product`: by which clauses policies may be written on a day, and what each answers for.

use clap::{Args, Subcommand};

use crate::{
    cli::{
        Outcome,
        field::enum_words,
        list,
        page::{self, PageArgs},
        read::ReadArgs,
        region::RegionName,
        session::{Answer, Session},
        table::Sheet,
    },
    client::POOL,
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju product list
  anju product list --line inherent-defects --valid-at 2019-07-01
  anju product get IDI
  anju product get IDI --clause 2019-example --known-at 4100";

/// Flags of `anju product`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ProductArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ProductAction,
}

/// What can be asked of products.
#[derive(Subcommand, Clone, Debug)]
pub enum ProductAction {
    /// The clauses by which policies may be written on a day.
    List {
        /// Of this kind only.
        #[arg(long, value_enum)]
        line: Option<LineArg>,
        /// Of which city.
        #[command(flatten)]
        place: PlaceArgs,
        /// Which day and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// A product with a version of its clause: its covers, for which parts and causes, from when to
    /// when.
    Get {
        /// The product's code, for example IDI.
        code: String,
        /// The version of its clause. Default: by which policies may be written on the day.
        #[arg(long, value_name = "CLAUSE")]
        clause: Option<String>,
        /// Of which city.
        #[command(flatten)]
        place: PlaceArgs,
        /// Which day and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// A city, by a region of it or by its partition.
#[derive(Args, Clone, Debug)]
pub struct PlaceArgs {
    /// A region of the city.
    #[arg(long, value_name = "RGN")]
    pub region: Option<RegionName>,
    /// The partition; not needed when there is one city.
    #[arg(long, value_name = "N", conflicts_with = "region")]
    pub partition: Option<u32>,
}

/// A kind of insurance on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LineArg {
    /// 工程质量潜在缺陷保险
    InherentDefects,
    /// 房屋安全保险
    ExistingBuilding,
    /// 城镇居民住房保险
    Residents,
    /// 巨灾保险
    Catastrophe,
    /// 责任保险
    Liability,
}

impl From<LineArg> for v1::ProductLine {
    fn from(line: LineArg) -> Self {
        match line {
            LineArg::InherentDefects => Self::InherentDefects,
            LineArg::ExistingBuilding => Self::ExistingBuilding,
            LineArg::Residents => Self::Residents,
            LineArg::Catastrophe => Self::Catastrophe,
            LineArg::Liability => Self::Liability,
        }
    }
}

/// Asks.
pub async fn run(args: &ProductArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.action {
        ProductAction::List { line, place, read, page } => {
            let line = line.map_or(v1::ProductLine::Unspecified, Into::into);
            let request = v1::ListProductsRequest {
                context: Some(read.context()),
                region_id: list::id_of(place.region.as_ref(), read, session).await?,
                partition: place.partition,
                line: line.into(),
                ..v1::ListProductsRequest::default()
            };
            let call = ("ProductService", "ListProducts");
            page::show(session, call, &request, page, |answer| {
                let answer: v1::ListProductsResponse = answer.transcode_to()?;
                Ok(rows(&answer.products))
            })
            .await
        }
        ProductAction::Get { code, clause, place, read } => {
            let request = v1::GetProductRequest {
                context: Some(read.context()),
                region_id: list::id_of(place.region.as_ref(), read, session).await?,
                partition: place.partition,
                code: code.clone(),
                clause: clause.clone().unwrap_or_default(),
            };
            let answer: Answer<v1::GetProductResponse> =
                session.ask("ProductService", "GetProduct", &request).await?;
            if session.out.is_json() {
                session.out.json(&answer.message)?;
            } else {
                show(&answer.typed.product.unwrap_or_default(), session)?;
            }
            Ok(Outcome::Fine)
        }
    }
}

fn words_of(name: &str, value: i32) -> String {
    let of = POOL.get_enum_by_name(&format!("anju.v1.{name}"));
    of.and_then(|of| enum_words(&of, value)).unwrap_or_default()
}

/// A product, a row each.
fn rows(products: &[v1::Product]) -> Sheet {
    let mut sheet = Sheet::new([
        "product 产品",
        "clause 条款",
        "kind 类别",
        "name 名称",
        "covers 保障项目",
        "standing 效力",
        "from 起",
        "until 止",
    ]);
    for product in products {
        let head = product.head.clone().unwrap_or_default();
        let covers = product.covers.iter().map(|cover| cover.code.as_str());
        sheet.row([
            product.code.clone(),
            product.clause.clone(),
            words_of("ProductLine", product.line),
            format!("{} {}", product.chinese, product.english),
            covers.collect::<Vec<_>>().join(", "),
            words_of("ReferenceStanding", head.standing),
            head.from,
            head.until,
        ]);
    }
    sheet
}

/// One product: where it is from, then its covers.
fn show(product: &v1::Product, session: &mut Session<'_>) -> anyhow::Result<()> {
    let head = product.head.clone().unwrap_or_default();
    let mut sheet = Sheet::default();
    for (label, value) in [
        ("product 产品", format!("{} {} {}", product.code, product.chinese, product.english)),
        ("clause 条款", product.clause.clone()),
        ("kind 类别", words_of("ProductLine", product.line)),
        ("list 目录", format!("{} {} {}", product.list, product.edition, head.title)),
        ("edition 版本", product.reference_id.clone()),
        ("standing 效力", words_of("ReferenceStanding", head.standing)),
        ("from 起", head.from),
        ("until 止", head.until),
        ("source 来源", head.source),
    ] {
        if !value.is_empty() {
            sheet.row([label.to_owned(), value]);
        }
    }
    session.out.sheet(&sheet)?;
    let mut covers = Sheet::new([
        "cover 保障项目",
        "parts 部位",
        "causes 原因",
        "period 期间",
        "by the day of 依据",
        "told within 报案期限",
    ]);
    for cover in &product.covers {
        covers.row([
            format!("{} {} {}", cover.code, cover.chinese, cover.english),
            named(&cover.parts),
            named(&cover.causes),
            period(cover),
            words_of("ClauseTrigger", cover.trigger),
            cover.notice_days.map(|days| format!("{days} days 日")).unwrap_or_default(),
        ]);
    }
    session.out.sheet(&covers)?;
    Ok(())
}

fn named(words: &[v1::ProductWord]) -> String {
    let words = words.iter().map(|word| format!("{} {}", word.code, word.chinese));
    words.collect::<Vec<_>>().join("\n")
}

/// Months are counted from the completion of each building.
fn period(cover: &v1::ClauseCover) -> String {
    match (cover.months, cover.wait_months) {
        (None, _) => "as the policy says 按保单".to_owned(),
        (Some(months), None) => format!("{months} months from completion 竣工起 {months} 个月"),
        (Some(months), Some(wait)) => {
            format!("{wait} to {months} months from completion 竣工后 {wait} 至 {months} 个月")
        }
    }
}
