//! `anju get`: one subject by its id, or by a number that somebody else gave it.

use anyhow::Context as _;
use clap::Args;
use prost_reflect::{DynamicMessage, Value};
use tonic::Code;

use crate::{
    cli::{
        NothingFound, Outcome,
        message::{self, noun, put, put_typed},
        read::{Knowledge, ReadArgs},
        record,
        region::{self, RegionName, SubjectName},
        session::{Answer, Session},
    },
    client::Failure,
    kernel::id::{Kind, SubjectId},
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju get bld_01HF7YAT000000E0000000001A
  anju get bld_01HF7YAT000000E0000000001A --valid-at 1990-01-01
  anju get bld_01HF7YAT000000E0000000001A --known-at 2024-07-01
  anju get gbt2260:410102
  anju get --identifier census:410102000123
  anju get --identifier gbt2260:410102
  anju get cas_01HF7YAT000000E0000000001A --json";

/// Flags of `anju get`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct GetArgs {
    /// The id of a subject or case; its prefix says which kind. A region also by a code:
    /// gbt2260:410102.
    #[arg(required_unless_present = "identifier")]
    pub id: Option<SubjectName>,
    /// An outside number instead of an id, for example census:410102000123.
    #[arg(long, value_name = "SCHEME:VALUE", conflicts_with = "id", value_parser = identifier)]
    pub identifier: Option<v1::Identifier>,
    /// The partition in which alone to look an outside number up. Default: all those in reach.
    #[arg(long, value_name = "N", requires = "identifier")]
    pub partition: Option<u32>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Shows one subject.
pub async fn run(args: &GetArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    if let Some(identifier) = &args.identifier {
        return by_identifier(args, identifier, session).await;
    }
    let id = args.id.as_ref().context("an id or --identifier is needed")?;
    let id = id.id(&args.read, session).await?;
    let answer = fetch(id, &args.read, session).await?;
    if session.out.is_json() {
        session.out.json(&answer)?;
    } else {
        let name = noun(id.kind()).to_lowercase();
        let record = message::nested(&answer, &name).context("the answer is empty")?;
        session.out.sheet(&record::page(&record))?;
    }
    Ok(Outcome::Fine)
}

/// The whole answer about one subject.
pub async fn fetch(
    id: SubjectId,
    read: &ReadArgs,
    session: &Session<'_>,
) -> anyhow::Result<DynamicMessage> {
    let noun = noun(id.kind());
    let method = message::method(message::service(id.kind()), &format!("Get{noun}"))?;
    let mut request = DynamicMessage::new(method.input());
    put(&mut request, "id", Value::String(id.to_string()))?;
    put_typed(&mut request, "context", &read.context())?;
    session.ask_by_name(&method, &request).await.map_err(|error| {
        let is_missing =
            error.downcast_ref().is_some_and(|failure: &Failure| failure.code == Code::NotFound);
        if is_missing && read.known_at.is_some() {
            return error.context("nothing was known of it by --known-at");
        }
        error
    })
}

async fn by_identifier(
    args: &GetArgs,
    identifier: &v1::Identifier,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let answer = match args.partition {
        Some(partition) => {
            let kinds = [Kind::Region, Kind::Compound, Kind::Building, Kind::Unit];
            search(&args.read, identifier, &kinds, partition, session).await?
        }
        None => anywhere(&args.read, identifier, session).await?,
    };
    let mut hits = message::empty("SearchResponse")?;
    hits.transcode_from(&answer).context("the answer is of another type")?;
    let records: Vec<_> = message::list(&hits, "hits").iter().filter_map(hit_record).collect();
    if records.is_empty() {
        let sentence = format!("nothing has the {} {}", identifier.scheme, identifier.value);
        return Err(NothingFound(sentence).into());
    }
    if session.out.is_json() {
        session.out.json(&hits)?;
    } else if let [only] = records.as_slice() {
        session.out.sheet(&record::page(only))?;
    } else {
        session.out.sheet(&record::rows(&records))?;
    }
    Ok(Outcome::Fine)
}

/// What has an outside number in one partition.
async fn search(
    read: &ReadArgs,
    identifier: &v1::Identifier,
    kinds: &[Kind],
    partition: u32,
    session: &Session<'_>,
) -> anyhow::Result<v1::SearchResponse> {
    let request = v1::SearchRequest {
        context: Some(read.context()),
        identifier: Some(identifier.clone()),
        kinds: kinds.iter().map(|kind| subject_kind(*kind).into()).collect(),
        partition: Some(partition),
        ..v1::SearchRequest::default()
    };
    let answer: Answer<v1::SearchResponse> =
        session.ask("SearchService", "Search", &request).await?;
    Ok(answer.typed)
}

/// What has an outside number wherever it lies: a region by the codes of all partitions, and
/// everything else in each of the partitions that could hold it.
async fn anywhere(
    read: &ReadArgs,
    identifier: &v1::Identifier,
    session: &Session<'_>,
) -> anyhow::Result<v1::SearchResponse> {
    let code = RegionName::Code {
        scheme: identifier.scheme.clone(),
        code: identifier.value.clone(),
        on: None,
    };
    let found = region::candidates(&code, read, None, session).await?;
    let mut hits = Vec::new();
    for region in found.into_iter().filter_map(|candidate| candidate.region) {
        let subject = Some(v1::search_hit::Subject::Region(region));
        let hit = v1::SearchHit { subject };
        if !hits.contains(&hit) {
            hits.push(hit);
        }
    }
    if !hits.is_empty() {
        return Ok(v1::SearchResponse { hits, ..v1::SearchResponse::default() });
    }
    // A number counts the entries of one partition: with it, that has to be named.
    let partitions = match read.known_at {
        Some(Knowledge::Seq(_)) => vec![session.partition(None).await?],
        _ => session.partitions().await?,
    };
    let kinds = [Kind::Compound, Kind::Building, Kind::Unit];
    let is_one = partitions.len() == 1;
    let mut whole = v1::SearchResponse::default();
    for partition in partitions {
        let answer = search(read, identifier, &kinds, partition, session).await?;
        whole.hits.extend(answer.hits);
        if is_one {
            whole.read_at = answer.read_at;
        }
    }
    Ok(whole)
}

/// The subject of a hit of a search.
pub fn hit_record(hit: &DynamicMessage) -> Option<DynamicMessage> {
    ["building", "compound", "unit", "region"]
        .into_iter()
        .find_map(|name| message::nested(hit, name))
}

/// A kind as searches name it.
pub const fn subject_kind(kind: Kind) -> v1::SubjectKind {
    match kind {
        Kind::Region => v1::SubjectKind::Region,
        Kind::Compound => v1::SubjectKind::Compound,
        Kind::Building => v1::SubjectKind::Building,
        Kind::Unit => v1::SubjectKind::Unit,
        _ => v1::SubjectKind::Unspecified,
    }
}

/// Reads `scheme:value`.
pub fn identifier(text: &str) -> Result<v1::Identifier, String> {
    match text.split_once(':') {
        Some((scheme, value)) if !scheme.is_empty() && !value.is_empty() => {
            Ok(v1::Identifier { scheme: scheme.to_owned(), value: value.to_owned() })
        }
        _ => Err("an outside number is written as scheme:value, for example gbt2260:410102".into()),
    }
}
