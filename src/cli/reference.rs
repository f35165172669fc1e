//! `anju reference`: editions of reference data, loaded from files, listed and compared.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::{
    cli::{
        BadUsage, Outcome, list, message,
        page::{self, PageArgs},
        read::ReadArgs,
        region::RegionName,
        rest::Wrong,
        session::{Answer, Session},
        write::{self, WriteArgs},
    },
    domain::reference::FILE_BYTES_MAX,
    kernel::{
        id::{Kind, ReferenceId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju reference load data/reference/grades-example.toml data/reference/colours-example.toml
  anju reference load data/reference/cycle/zhengzhou-2025-draft.toml --region gbt2260:410100
  anju reference load grades.toml --correction --reason 'a value was misspelt'
  anju reference list --table cycle --holds-on 2026-01-01
  anju reference diff ref_01HF7YAT000000E0000000001A ref_01HF7YAT000000E0000000002B";

/// Flags of `anju reference`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReferenceArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ReferenceAction,
}

/// What can be done with reference data.
#[derive(Subcommand, Clone, Debug)]
pub enum ReferenceAction {
    /// Loads editions from files, in the order given: scales of grades before their colours.
    Load {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where they hold. Default: as each file says, or else in the whole partition.
        #[arg(long, value_name = "RGN")]
        region: Option<RegionName>,
        /// The partition; not needed when there is one city.
        #[arg(long, value_name = "N", conflicts_with = "region")]
        partition: Option<u32>,
        /// The edition is there and its text was wrong; --reason says why.
        #[arg(long)]
        correction: bool,
        /// What comes with every write.
        #[command(flatten)]
        write: WriteArgs,
    },
    /// The editions of a partition.
    List(ReferenceListArgs),
    /// What a newer edition says otherwise than an older one.
    Diff {
        /// The older one.
        a: ReferenceId,
        /// The newer one.
        b: ReferenceId,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// Flags of a list of editions.
#[derive(Args, Clone, Debug)]
pub struct ReferenceListArgs {
    /// Of this table only, for example `cycle`.
    #[arg(long)]
    pub table: Option<String>,
    /// Only those that hold on this day.
    #[arg(long, value_name = "DAY")]
    pub holds_on: Option<Day>,
    /// Only those that hold in this region.
    #[arg(long, value_name = "RGN")]
    pub region: Option<RegionName>,
    /// The partition; not needed when there is one city.
    #[arg(long, value_name = "N", conflicts_with = "region")]
    pub partition: Option<u32>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Works on reference data.
pub async fn run(args: &ReferenceArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.action {
        ReferenceAction::Load { files, region, partition, correction, write } => {
            if files.len() > 1 && write.request_id.is_some() {
                return Err(BadUsage::new("one --request-id stands for one file").into());
            }
            let now = ReadArgs::default();
            let region_id = list::id_of(region.as_ref(), &now, session).await?;
            for path in files {
                let length = fs::metadata(path).map(|data| data.len());
                let text = length.and_then(|length| match usize::try_from(length) {
                    Ok(bytes) if bytes <= FILE_BYTES_MAX => fs::read_to_string(path),
                    _ => Err(std::io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes"))),
                });
                let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
                let request = v1::LoadReferenceRequest {
                    context: Some(write.context()),
                    text,
                    region_id: region_id.clone(),
                    partition: *partition,
                    correction: *correction,
                };
                let mut asked = message::empty("LoadReferenceRequest")?;
                asked.transcode_from(&request)?;
                let (kind, fine) = (Kind::Reference, Wrong::default());
                let sent = write::send(kind, "LoadReference", asked, fine, write, session);
                sent.await.with_context(|| format!("{} was not loaded", path.display()))?;
            }
            Ok(Outcome::Fine)
        }
        ReferenceAction::List(args) => list(args, session).await,
        ReferenceAction::Diff { a, b, read } => {
            let request = v1::DiffReferencesRequest {
                context: Some(read.context()),
                a_id: a.to_string(),
                b_id: b.to_string(),
            };
            let answer: Answer<v1::DiffReferencesResponse> =
                session.ask("ReferenceService", "DiffReferences", &request).await?;
            diff(&answer, session)
        }
    }
}

/// Lists editions.
pub async fn list(args: &ReferenceListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let request = v1::ListReferencesRequest {
        context: Some(args.read.context()),
        table: args.table.clone().unwrap_or_default(),
        holds_on: args.holds_on.map(|day| day.to_string()).unwrap_or_default(),
        region_id: list::id_of(args.region.as_ref(), &args.read, session).await?,
        partition: args.partition,
        ..v1::ListReferencesRequest::default()
    };
    let call = ("ReferenceService", "ListReferences");
    page::show(session, call, &request, &args.page, |answer| list::rows(answer, "references")).await
}

/// Changed lines with three lines around them, then the keys.
fn diff(
    answer: &Answer<v1::DiffReferencesResponse>,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    const AROUND: usize = 3;
    if session.out.is_json() {
        session.out.json(&answer.message)?;
        return Ok(Outcome::Fine);
    }
    let lines = &answer.typed.lines;
    let is_changed = |line: &v1::DiffLine| line.side() != v1::DiffSide::Both;
    let mut is_cut = false;
    for (at, line) in lines.iter().enumerate() {
        let near = lines.iter().skip(at.saturating_sub(AROUND));
        if !near.take((at.min(AROUND)) + 1 + AROUND).any(is_changed) {
            is_cut = true;
            continue;
        }
        if is_cut {
            session.out.line("…")?;
            is_cut = false;
        }
        let mark = match line.side() {
            v1::DiffSide::A => '-',
            v1::DiffSide::B => '+',
            _ => ' ',
        };
        session.out.line(format!("{mark} {}", line.text).trim_end())?;
    }
    if !lines.iter().any(is_changed) {
        session.out.line("the same text 原文相同")?;
    }
    let mut sheet = crate::cli::table::Sheet::new(["key 项", "before 原", "after 现"]);
    for change in &answer.typed.changes {
        sheet.row([change.key.as_str(), change.before(), change.after()]);
    }
    if !sheet.is_empty() {
        session.out.sheet(&sheet)?;
    }
    Ok(Outcome::Fine)
}
