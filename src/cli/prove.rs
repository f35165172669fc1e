//! `anju prove`: takes proofs out of the registry, and checks them without it.
//!
//! A proof file holds an entry's bytes, a checkpoint, and the hashes between the two. The check needs
//! neither server nor network: it is for whoever does not trust either. It says in plain words what
//! is proved, and what is not.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    cli::{
        BadUsage, Outcome,
        prove::file::{
            CHECKPOINT_FORMAT, PROOF_FORMAT, WithCheckpoint, hex, hexes, load_checkpoint,
            read_file, save, saved,
        },
        read,
        session::{Answer, Output, Session},
    },
    kernel::position::{Position, Seq},
    proto::v1,
};

mod file;
mod underwriting;
mod verdict;

pub use file::{Older, ProofFile, SavedCheckpoint};
pub use underwriting::known_tree;
pub use verdict::{ProvedEntry, ProvedPart, ReadEntry, Verdict, read_entry, verify};

const EXAMPLES: &str = "\
Examples:
  anju prove checkpoint --partition 1 --out today.json
  anju prove fetch 42 --partition 1 --out proof.json
  anju prove fetch 42 --partition 1 --since last-year.json --out proof.json
  anju prove file.jsonl --against last-year.json";

const CHECK_EXAMPLES: &str = "\
Examples:
  anju prove check proof.json
  anju prove check proof.json --checkpoint last-year.json";

/// Flags of `anju prove`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct ProveArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Option<ProveAction>,
    /// A saved proof or underwriter's file to check: the same as `anju prove check FILE`.
    pub file: Option<PathBuf>,
    /// A checkpoint, proof or file that you kept from earlier, or were given by somebody else.
    #[arg(long, value_name = "FILE", requires = "file")]
    pub against: Option<PathBuf>,
}

impl ProveArgs {
    /// What is to be checked, when it is to be checked: that needs no server.
    pub fn check(&self) -> Option<CheckArgs> {
        match (&self.action, &self.file) {
            (Some(ProveAction::Check(args)), _) => Some(args.clone()),
            (None, Some(file)) => {
                Some(CheckArgs { file: file.clone(), checkpoint: self.against.clone() })
            }
            _ => None,
        }
    }
}

/// What can be done with proofs.
#[derive(Subcommand, Clone, Debug)]
pub enum ProveAction {
    /// Saves an entry with the proof that it is in the registry's tree.
    Fetch(FetchArgs),
    /// Saves the size and root of a partition's tree: keep it, and the past cannot be changed
    /// without your seeing it.
    Checkpoint(CheckpointArgs),
    /// Checks a saved proof or an underwriter's file without the registry.
    Check(CheckArgs),
}

/// Flags of `anju prove fetch`.
#[derive(Args, Clone, Debug)]
pub struct FetchArgs {
    /// The entry's number, as `anju history` shows it.
    pub seq: Seq,
    /// The partition; not needed when there is one city.
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// Prove it in the tree of this size. Default: now.
    #[arg(long, value_name = "ENTRIES")]
    pub size: Option<u64>,
    /// With at least this write: the commit token that it answered.
    #[arg(long, value_name = "PARTITION:SEQ")]
    pub min_commit: Option<Position>,
    /// Prove too that the tree grew out of the checkpoint in this file (a checkpoint or a proof).
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Where to save the proof; must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Flags of `anju prove checkpoint`.
#[derive(Args, Clone, Debug)]
pub struct CheckpointArgs {
    /// The partition; not needed when there is one city.
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// A past size. Default: now.
    #[arg(long, value_name = "ENTRIES")]
    pub size: Option<u64>,
    /// With at least this write: the commit token that it answered.
    #[arg(long, value_name = "PARTITION:SEQ")]
    pub min_commit: Option<Position>,
    /// Where to save it; must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Flags of `anju prove check`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// The proof, as `anju prove fetch` saved it, or the file, as `anju underwrite` did.
    pub file: PathBuf,
    /// A checkpoint, proof or file that you kept from earlier, or were given by somebody else.
    #[arg(long, alias = "against", value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
}

/// Fetches and saves.
pub async fn run(args: &ProveArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    if let Some(args) = args.check() {
        return check(&args, &mut session.out, read_entry);
    }
    match &args.action {
        Some(ProveAction::Fetch(args)) => fetch(args, session).await,
        Some(ProveAction::Checkpoint(args)) => checkpoint(args, session).await,
        Some(ProveAction::Check(_)) | None => {
            Err(BadUsage::new("say what to prove: anju prove --help").into())
        }
    }
}

async fn fetch(args: &FetchArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let partition = session.partition(args.partition).await?;
    let since = args.since.as_deref().map(load_checkpoint).transpose()?;
    let min_commit = read::token_text(args.min_commit);
    let request =
        v1::GetInclusionProofRequest { partition, seq: args.seq, size: args.size, min_commit };
    let answer: Answer<v1::GetInclusionProofResponse> =
        session.ask("HistoryService", "GetInclusionProof", &request).await?;
    let checkpoint = saved(answer.typed.checkpoint.as_ref())?;
    let older = match since {
        None => None,
        Some(older) => {
            let request = v1::GetConsistencyProofRequest {
                partition,
                old_size: older.size,
                new_size: Some(checkpoint.size),
                ..v1::GetConsistencyProofRequest::default()
            };
            let answer: Answer<v1::GetConsistencyProofResponse> =
                session.ask("HistoryService", "GetConsistencyProof", &request).await?;
            // The checkpoint that was kept, not the one that the server names now.
            Some(Older { checkpoint: older, consistency: hexes(&answer.typed.proof) })
        }
    };
    let file = ProofFile {
        format: PROOF_FORMAT.to_owned(),
        seq: args.seq,
        leaf: answer.typed.entry.is_empty().then(|| hex(&answer.typed.leaf)),
        entry: hex(&answer.typed.entry),
        checkpoint,
        inclusion: hexes(&answer.typed.proof),
        older,
    };
    save(&args.out, &file)?;
    let (path, size) = (args.out.display(), file.checkpoint.size);
    let mut sentence = format!("saved {path}: entry {} in a tree of {size}", args.seq);
    if file.leaf.is_some() {
        sentence
            .push_str("; out of reach: its number and leaf alone 超出管辖范围，仅有编号和叶哈希");
    }
    report(session, &file, sentence)
}

async fn checkpoint(args: &CheckpointArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let partition = session.partition(args.partition).await?;
    let min_commit = read::token_text(args.min_commit);
    let request = v1::GetCheckpointRequest { partition, size: args.size, min_commit };
    let answer: Answer<v1::GetCheckpointResponse> =
        session.ask("HistoryService", "GetCheckpoint", &request).await?;
    let checkpoint = saved(answer.typed.checkpoint.as_ref())?;
    let file = WithCheckpoint { format: CHECKPOINT_FORMAT.to_owned(), checkpoint };
    save(&args.out, &file)?;
    let (path, checkpoint) = (args.out.display(), &file.checkpoint);
    let sentence = format!("saved {path}: {} entries, root {}", checkpoint.size, checkpoint.root);
    report(session, &file, sentence)
}

fn report<T: Serialize>(
    session: &mut Session<'_>,
    file: &T,
    sentence: String,
) -> anyhow::Result<Outcome> {
    if session.out.is_json() {
        session.out.value(file)?;
    } else {
        session.out.line(sentence)?;
    }
    Ok(Outcome::Fine)
}

/// Checks a proof without the registry; [`Outcome::Partly`] when it proves nothing.
pub fn check(
    args: &CheckArgs,
    out: &mut Output<'_>,
    read_entry: ReadEntry,
) -> anyhow::Result<Outcome> {
    if underwriting::is_one(&args.file)? {
        return underwriting::check_file(&args.file, args.checkpoint.as_deref(), out);
    }
    let bytes = read_file(&args.file)?;
    let file: ProofFile = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a proof", args.file.display()))?;
    let kept = args.checkpoint.as_deref().map(load_checkpoint).transpose()?;
    show(&verify(&file, kept.as_ref(), read_entry), out)
}

/// Shows what a check came to.
fn show(verdict: &Verdict, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
    if out.is_json() {
        out.value(verdict)?;
    } else {
        for (heading, sentences) in [
            ("WRONG 不符", &verdict.wrong),
            ("proved 已证明", &verdict.proved),
            ("not proved 未证明", &verdict.not_proved),
            ("not compared 未比对", &Vec::from_iter(verdict.not_compared.clone())),
        ] {
            if !sentences.is_empty() {
                out.line(format!("{heading}:"))?;
            }
            for sentence in sentences {
                out.line(format!("  {sentence}"))?;
            }
        }
    }
    if !verdict.wrong.is_empty() {
        return Ok(Outcome::Partly);
    }
    if verdict.not_compared.is_some() {
        bail!("the proof holds, and was not compared with the checkpoint that was given");
    }
    Ok(Outcome::Fine)
}
