//! `anju search`: by name and address, Chinese or Latin.

use clap::Args;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome, get, message,
        page::{self, PageArgs},
        read::ReadArgs,
        record,
        region::{self, RegionName},
        session::Session,
        table::Sheet,
    },
    kernel::id::Kind,
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju search 人民路12号
  anju search '人民路 12' --region rgn_01HF7YAT000000E0000000001A
  anju search 向阳小区 --kind compound --valid-at 2010-12-31
  anju search 人民路 --all --json";

/// Flags of `anju search`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SearchArgs {
    /// Part of a name or an address.
    pub text: String,
    /// Only this kind; may be repeated. Default: buildings and compounds.
    #[arg(long, value_enum)]
    pub kind: Vec<Wanted>,
    /// Only what lies in this region.
    #[arg(long, value_name = "RGN")]
    pub region: Option<RegionName>,
    /// The partition to look in; not needed with a region, or when there is one city.
    #[arg(long, value_name = "N", conflicts_with = "region")]
    pub partition: Option<u32>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// A kind of subject.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// 行政区划
    Region,
    /// 小区
    Compound,
    /// 栋
    Building,
    /// 户
    Unit,
}

impl Wanted {
    /// The kind that it names.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Region => Kind::Region,
            Self::Compound => Kind::Compound,
            Self::Building => Kind::Building,
            Self::Unit => Kind::Unit,
        }
    }
}

/// Finds subjects.
pub async fn run(args: &SearchArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (partition, region_id) = match &args.region {
        Some(name) => (None, region::resolve(name, &args.read, args.partition, session).await?),
        None => (Some(session.partition(args.partition).await?), String::new()),
    };
    let kinds = args.kind.iter().map(|wanted| i32::from(get::subject_kind(wanted.kind())));
    let request = v1::SearchRequest {
        context: Some(args.read.context()),
        text: args.text.clone(),
        kinds: kinds.collect(),
        region_id,
        partition,
        ..v1::SearchRequest::default()
    };
    page::show(session, ("SearchService", "Search"), &request, &args.page, sheet).await
}

#[expect(clippy::unnecessary_wraps, reason = "the form that page::show asks for")]
fn sheet(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let hits = message::list(answer, "hits");
    Ok(record::rows(&hits.iter().filter_map(get::hit_record).collect::<Vec<_>>()))
}
