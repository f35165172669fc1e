//! `anju prove`: takes proofs out of the registry, and checks them without it.
//!
//! A proof file holds an entry's bytes, a checkpoint, and the hashes between the two. The check needs
//! neither server nor network: it is for whoever does not trust either. It says in plain words what
//! is proved, and what is not.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{
        Outcome, read,
        session::{Answer, Output, Session},
    },
    domain::merkle,
    kernel::{
        hash::Hash,
        position::{Partition, Position, Seq},
        time::Stamp,
    },
    proto::v1,
    registry,
};

const EXAMPLES: &str = "\
Examples:
  anju prove checkpoint --partition 1 --out today.json
  anju prove fetch 42 --partition 1 --out proof.json
  anju prove fetch 42 --partition 1 --since last-year.json --out proof.json";

const CHECK_EXAMPLES: &str = "\
Examples:
  anju prove check proof.json
  anju prove check proof.json --checkpoint last-year.json";

/// The form of proof files.
const PROOF_FORMAT: &str = "anju-proof-1";
/// The form of checkpoint files.
const CHECKPOINT_FORMAT: &str = "anju-checkpoint-1";
/// The one hash suite so far.
const SUITE: &str = "rfc6962-sha256";
/// The largest file that is read: an entry is at most 64 KiB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Flags of `anju prove`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ProveArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ProveAction,
}

/// What can be done with proofs.
#[derive(Subcommand, Clone, Debug)]
pub enum ProveAction {
    /// Saves an entry with the proof that it is in the registry's tree.
    Fetch(FetchArgs),
    /// Saves the size and root of a partition's tree: keep it, and the past cannot be changed
    /// without your seeing it.
    Checkpoint(CheckpointArgs),
    /// Checks a saved proof without the registry.
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
    /// The proof, as `anju prove fetch` saved it.
    pub file: PathBuf,
    /// A checkpoint or proof that you kept from earlier, or were given by somebody else.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
}

/// A proof as it is saved. Hashes and bytes are hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// `anju-proof-1`.
    pub format: String,
    /// The entry's number.
    pub seq: Seq,
    /// The entry's bytes as the registry keeps them; empty when all of it is withheld.
    pub entry: String,
    /// The entry's leaf, where its bytes are withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// The tree in which it is proved.
    pub checkpoint: SavedCheckpoint,
    /// The hashes from the leaf to the root.
    pub inclusion: Vec<String>,
    /// An older tree out of which it grew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
}

/// That a tree grew out of an older one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Older {
    /// The older tree.
    pub checkpoint: SavedCheckpoint,
    /// The hashes that lead to both roots.
    pub consistency: Vec<String>,
}

/// A partition's tree: how many entries, and the root that binds them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedCheckpoint {
    /// 32 hexadecimal digits.
    pub registry_id: String,
    /// The partition's number.
    pub partition: u32,
    /// Entries.
    pub size: u64,
    /// 64 hexadecimal digits.
    pub root: String,
    /// The hash suite.
    pub suite: String,
    /// The stamp of the last entry, by the registry's word.
    pub stamp: String,
}

/// What both kinds of file have.
#[derive(Debug, Serialize, Deserialize)]
struct WithCheckpoint {
    format: String,
    checkpoint: SavedCheckpoint,
}

/// An entry, taken apart far enough to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedEntry {
    /// The bytes that the leaf is the hash of.
    pub envelope: Vec<u8>,
    /// 32 hexadecimal digits, by the envelope's word.
    pub registry_id: String,
    /// Its partition and number, by the envelope's word.
    pub position: Position,
    /// Its stamp, by the envelope's word.
    pub stamp: Stamp,
    /// Its parts in the envelope's order.
    pub parts: Vec<ProvedPart>,
    /// What it says, as label and value for people.
    pub says: Vec<(String, String)>,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedPart {
    /// The number of its kind.
    pub kind: u32,
    /// The hash that stands for it in the envelope.
    pub hash: Hash,
    /// Its salt and content, unless it is withheld or erased.
    pub shown: Option<([u8; 16], Vec<u8>)>,
    /// Whether the registry has overwritten it, for itself too.
    pub is_erased: bool,
}

/// Takes an entry's bytes apart, or says why it cannot. Refuses an entry that has not a part, shown
/// or withheld, for each hash of its envelope: only the envelope is bound by the leaf.
pub type ReadEntry = fn(&[u8]) -> Result<ProvedEntry, String>;

/// Fetches and saves.
pub async fn run(args: &ProveArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.action {
        ProveAction::Fetch(args) => fetch(args, session).await,
        ProveAction::Checkpoint(args) => checkpoint(args, session).await,
        ProveAction::Check(args) => check(args, &mut session.out, read_entry),
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

/// Takes apart an entry as the registry keeps it.
pub fn read_entry(bytes: &[u8]) -> Result<ProvedEntry, String> {
    let opened = registry::open_entry(bytes).map_err(|error| format!("the entry: {error}"))?;
    // A part that is not as named is found by whoever checks, who does not need what it says.
    let says = match registry::Entry::decode(bytes) {
        Ok((entry, _)) => registry::sayings(&entry),
        Err(_) => Vec::new(),
    };
    let part = |part: registry::OpenedPart| ProvedPart {
        kind: part.kind,
        hash: part.hash,
        shown: part.shown,
        is_erased: part.is_blanked,
    };
    Ok(ProvedEntry {
        envelope: opened.envelope,
        registry_id: hex(&opened.registry),
        position: opened.position,
        stamp: opened.stamp,
        parts: opened.parts.into_iter().map(part).collect(),
        says,
    })
}

/// Checks a proof without the registry; [`Outcome::Partly`] when it proves nothing.
pub fn check(
    args: &CheckArgs,
    out: &mut Output<'_>,
    read_entry: ReadEntry,
) -> anyhow::Result<Outcome> {
    let bytes = read_file(&args.file)?;
    let file: ProofFile = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a proof", args.file.display()))?;
    let kept = args.checkpoint.as_deref().map(load_checkpoint).transpose()?;
    let verdict = verify(&file, kept.as_ref(), read_entry);
    if out.is_json() {
        out.value(&verdict)?;
    } else {
        for (heading, sentences) in [
            ("WRONG 不符", &verdict.wrong),
            ("proved 已证明", &verdict.proved),
            ("not proved 未证明", &verdict.not_proved),
        ] {
            if !sentences.is_empty() {
                out.line(format!("{heading}:"))?;
            }
            for sentence in sentences {
                out.line(format!("  {sentence}"))?;
            }
        }
    }
    Ok(if verdict.wrong.is_empty() { Outcome::Fine } else { Outcome::Partly })
}

/// What a proof comes to, in sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What does not hold. With one of these nothing is to be relied on.
    pub wrong: Vec<String>,
    /// What holds.
    pub proved: Vec<String>,
    /// What this proof says nothing about.
    pub not_proved: Vec<String>,
}

/// Checks everything that can be checked offline. `kept` is a checkpoint from elsewhere.
pub fn verify(file: &ProofFile, kept: Option<&SavedCheckpoint>, read_entry: ReadEntry) -> Verdict {
    let mut verdict = Verdict::default();
    match inclusion(file, read_entry) {
        Ok(proved) => verdict.proved.extend(proved),
        Err(wrong) => verdict.wrong.push(wrong),
    }
    match &file.older {
        Some(older) => match growth(&file.checkpoint, older) {
            Ok(proved) => verdict.proved.push(proved),
            Err(wrong) => verdict.wrong.push(wrong),
        },
        None => verdict.not_proved.push(
            "that nothing was changed since an earlier day: no older checkpoint is in the file \
             (anju prove fetch --since)"
                .to_owned(),
        ),
    }
    match kept {
        Some(kept) => match matches_kept(file, kept) {
            Ok(proved) => verdict.proved.push(proved),
            Err(wrong) => verdict.wrong.push(wrong),
        },
        None => verdict.not_proved.push(format!(
            "that the registry shows everybody this tree, and that it has just {} entries: compare \
             both with somebody else's checkpoint, or give one that you kept (--checkpoint)",
            file.checkpoint.size
        )),
    }
    if file.leaf.is_some() {
        verdict.not_proved.push(
            "what the entry says, of what, by whom and when, and in which registry: all of it is \
             withheld, since it is about nothing in the reach of who fetched it"
                .to_owned(),
        );
    }
    verdict.not_proved.push("the day of a checkpoint that you did not keep yourself".to_owned());
    verdict.not_proved.push("that what the entry says is true of the world".to_owned());
    verdict.not_proved.push("that no other entry corrects it: see anju history".to_owned());
    if !verdict.wrong.is_empty() {
        // A half-broken proof is no proof.
        verdict.proved.clear();
    }
    verdict
}

/// The entry is what the envelope says, and is in the tree.
fn inclusion(file: &ProofFile, read_entry: ReadEntry) -> Result<Vec<String>, String> {
    let checkpoint = &file.checkpoint;
    if file.format != PROOF_FORMAT {
        return Err(format!("the file's form is {:?}, not {PROOF_FORMAT}", file.format));
    }
    let partition = Partition::new(checkpoint.partition).ok_or("there is no such partition")?;
    let expected = Position { partition, seq: file.seq };
    let Some(leaf) = &file.leaf else {
        let entry = opened(file, expected, read_entry)?;
        in_tree(file, merkle::leaf_hash(&entry.envelope))?;
        return Ok(said(file, &entry));
    };
    if !file.entry.is_empty() {
        return Err("the file has the entry's bytes and, as if they were withheld, its leaf".into());
    }
    let bytes = unhex(leaf).ok_or("the entry's leaf is not hexadecimal")?;
    in_tree(file, Hash::from_slice(&bytes).ok_or("the entry's leaf is no hash")?)?;
    Ok(vec![format!(
        "an entry with the leaf {leaf} is number {} in the tree of {} entries with the root {}",
        file.seq, checkpoint.size, checkpoint.root
    )])
}

/// The entry's bytes are those of the entry that is to be proved, and as the envelope names them.
fn opened(
    file: &ProofFile,
    expected: Position,
    read_entry: ReadEntry,
) -> Result<ProvedEntry, String> {
    let bytes = unhex(&file.entry).ok_or("the entry's bytes are not hexadecimal")?;
    let entry = read_entry(&bytes)?;
    if entry.position != expected {
        return Err(format!("the entry calls itself {}, not {expected}", entry.position));
    }
    if !entry.registry_id.eq_ignore_ascii_case(&file.checkpoint.registry_id) {
        return Err(format!("the entry is of another registry, {}", entry.registry_id));
    }
    for (index, part) in entry.parts.iter().enumerate() {
        let Some((salt, content)) = &part.shown else { continue };
        if merkle::part_hash(part.kind, salt, content) != part.hash {
            return Err(format!("part {} of the entry is not what the envelope says", index + 1));
        }
    }
    Ok(entry)
}

/// A leaf is in the tree, in the place of the entry.
fn in_tree(file: &ProofFile, leaf: Hash) -> Result<(), String> {
    let index = file.seq.checked_sub(1).ok_or("entries are numbered from 1")?;
    let path = hashes(&file.inclusion)?;
    let root = root(&file.checkpoint)?;
    merkle::verify_inclusion(leaf, index, file.checkpoint.size, &path, root)
        .map_err(|error| format!("the entry is not in the tree: {error}"))
}

fn said(file: &ProofFile, entry: &ProvedEntry) -> Vec<String> {
    let checkpoint = &file.checkpoint;
    let mut proved = vec![format!(
        "entry {} of {} is, byte for byte, in the tree of {} entries with the root {} of registry {}",
        entry.position, entry.stamp, checkpoint.size, checkpoint.root, checkpoint.registry_id
    )];
    let shown = entry.parts.iter().filter(|part| part.shown.is_some()).count();
    let erased = entry.parts.iter().filter(|part| part.is_erased).count();
    let withheld = entry.parts.len() - shown - erased;
    proved.push(format!("parts shown, and unchanged: {shown}"));
    if withheld > 0 {
        proved.push(format!("parts withheld, which could not be exchanged for others: {withheld}"));
    }
    if erased > 0 {
        proved.push(format!(
            "parts of which only the hash is left, since they were erased by the registry's word: {erased}"
        ));
    }
    proved.extend(entry.says.iter().map(|(label, value)| format!("it says {label}: {value}")));
    proved
}

/// The tree grew out of the older one.
fn growth(newer: &SavedCheckpoint, older: &Older) -> Result<String, String> {
    same_tree(newer, &older.checkpoint)?;
    let path = hashes(&older.consistency)?;
    let (old_root, new_root) = (root(&older.checkpoint)?, root(newer)?);
    let size = older.checkpoint.size;
    merkle::verify_consistency(size, old_root, newer.size, new_root, &path)
        .map_err(|error| format!("the tree did not grow out of the older one: {error}"))?;
    Ok(format!(
        "the first {size} entries are those of an older checkpoint (root {}): since then nothing \
         among them was changed, removed or put in",
        older.checkpoint.root
    ))
}

/// A checkpoint from elsewhere is one of the two in the file.
fn matches_kept(file: &ProofFile, kept: &SavedCheckpoint) -> Result<String, String> {
    same_tree(&file.checkpoint, kept)?;
    let older = file.older.as_ref().map(|older| &older.checkpoint);
    let of_same_size = [Some(&file.checkpoint), older];
    let of_same_size = of_same_size.into_iter().flatten().find(|known| known.size == kept.size);
    let Some(known) = of_same_size else {
        return Err(format!(
            "the file does not reach the checkpoint of {} entries that was given: fetch the proof \
             with --since",
            kept.size
        ));
    };
    // Nothing in a proof binds a checkpoint's stamp: what was kept is the word that counts.
    if known.stamp != kept.stamp {
        return Err(format!(
            "the checkpoint of {} entries is said to be of {}, and was kept as of {}",
            kept.size, known.stamp, kept.stamp
        ));
    }
    if root(known)? != root(kept)? {
        return Err(format!(
            "the trees of {} entries have different roots: somebody was shown another past",
            kept.size
        ));
    }
    Ok(format!(
        "the checkpoint of {} entries of {} that was given has the same root",
        kept.size, kept.stamp
    ))
}

fn same_tree(one: &SavedCheckpoint, other: &SavedCheckpoint) -> Result<(), String> {
    let is_same = one.partition == other.partition
        && one.registry_id.eq_ignore_ascii_case(&other.registry_id);
    if is_same { Ok(()) } else { Err("the checkpoints are of different trees".to_owned()) }
}

fn root(checkpoint: &SavedCheckpoint) -> Result<Hash, String> {
    if checkpoint.suite != SUITE {
        return Err(format!("the hash suite {:?} is not known here", checkpoint.suite));
    }
    Hash::from_hex(&checkpoint.root).ok_or_else(|| "a root is not 64 hexadecimal digits".to_owned())
}

fn hashes(texts: &[String]) -> Result<Vec<Hash>, String> {
    let read = |text: &String| Hash::from_hex(text).ok_or("a hash is not 64 hexadecimal digits");
    texts.iter().map(read).collect::<Result<_, _>>().map_err(str::to_owned)
}

fn saved(checkpoint: Option<&v1::Checkpoint>) -> anyhow::Result<SavedCheckpoint> {
    let checkpoint = checkpoint.context("the answer has no checkpoint")?;
    let stamp = checkpoint.stamp.as_ref().map(|stamp| read::stamp(stamp).to_string());
    Ok(SavedCheckpoint {
        registry_id: checkpoint.registry_id.clone(),
        partition: checkpoint.partition,
        size: checkpoint.size,
        root: hex(&checkpoint.root),
        suite: checkpoint.suite.clone(),
        stamp: stamp.unwrap_or_default(),
    })
}

fn load_checkpoint(path: &Path) -> anyhow::Result<SavedCheckpoint> {
    let file: WithCheckpoint = serde_json::from_slice(&read_file(path)?)
        .with_context(|| format!("{} is neither a checkpoint nor a proof", path.display()))?;
    if ![PROOF_FORMAT, CHECKPOINT_FORMAT].contains(&file.format.as_str()) {
        bail!("{} has the form {:?}, which is not known here", path.display(), file.format);
    }
    Ok(file.checkpoint)
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let of = || format!("{} cannot be read", path.display());
    if fs::metadata(path).with_context(of)?.len() > FILE_BYTES_MAX {
        bail!("{} is too large to be a proof", path.display());
    }
    fs::read(path).with_context(of)
}

/// Writes a new file: a proof that was kept is never written over.
fn save<T: Serialize>(path: &Path, file: &T) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(file)?;
    bytes.push(b'\n');
    let of = || format!("{} cannot be written", path.display());
    let mut file = fs::File::create_new(path).with_context(of)?;
    file.write_all(&bytes).with_context(of)?;
    file.sync_all().with_context(of)
}

fn hexes(hashes: &[impl AsRef<[u8]>]) -> Vec<String> {
    hashes.iter().map(|hash| hex(hash.as_ref())).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::Value;
    use std::collections::BTreeMap;

    const REGISTRY: &str = "00112233445566778899aabbccddeeff";

    /// An entry in a form of the test's own.
    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        /// The text of an [`EnvelopeForm`].
        envelope: String,
        /// Salt and content of each part; none when it is withheld.
        parts: Vec<Option<(String, String)>>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct EnvelopeForm {
        registry: String,
        seq: Seq,
        hashes: Vec<String>,
    }

    fn read_form(bytes: &[u8]) -> Result<ProvedEntry, String> {
        let form: Form = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let envelope: EnvelopeForm =
            serde_json::from_str(&form.envelope).map_err(|error| error.to_string())?;
        let mut parts = Vec::new();
        for (hash, shown) in envelope.hashes.iter().zip(form.parts) {
            let shown = match shown {
                None => None,
                Some((salt, content)) => {
                    let salt = salt.into_bytes().try_into().map_err(|_| "a bad salt")?;
                    Some((salt, content.into_bytes()))
                }
            };
            let hash = Hash::from_hex(hash).ok_or("a bad hash")?;
            parts.push(ProvedPart { kind: 1, hash, shown, is_erased: false });
        }
        Ok(ProvedEntry {
            envelope: form.envelope.into_bytes(),
            registry_id: envelope.registry,
            position: Position { partition: Partition::new(7).unwrap(), seq: envelope.seq },
            stamp: Stamp::from_micros(1_720_000_000_000_000),
            parts,
            says: vec![("completed 竣工日期".to_owned(), "1985".to_owned())],
        })
    }

    fn form(seq: Seq) -> Form {
        let salt = [b's'; 16];
        let hashes = [b"completed 1985".as_slice(), b"misread deed"]
            .map(|content| merkle::part_hash(1, &salt, content).to_string());
        let envelope = EnvelopeForm { registry: REGISTRY.to_owned(), seq, hashes: hashes.to_vec() };
        let shown = (String::from_utf8(salt.to_vec()).unwrap(), "completed 1985".to_owned());
        let envelope = serde_json::to_string(&envelope).unwrap();
        Form { envelope, parts: vec![Some(shown), None] }
    }

    #[derive(Default)]
    struct Kept(BTreeMap<(u8, u64), Vec<Hash>>);

    impl merkle::Tiles for Kept {
        type Error = std::convert::Infallible;

        fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, Self::Error> {
            Ok(self.0.get(&(level, index)).cloned())
        }
    }

    fn tree(size: u64) -> Kept {
        let leaves: Vec<_> =
            (1..=size).map(|seq| merkle::leaf_hash(form(seq).envelope.as_bytes())).collect();
        let mut kept = Kept::default();
        for write in merkle::append(&kept, 0, &leaves).unwrap() {
            kept.0.insert((write.level, write.index), write.hashes);
        }
        kept
    }

    fn checkpoint(tree: &Kept, size: u64) -> SavedCheckpoint {
        SavedCheckpoint {
            registry_id: REGISTRY.to_owned(),
            partition: 7,
            size,
            root: merkle::root(tree, size).unwrap().to_string(),
            suite: SUITE.to_owned(),
            stamp: format!("2024-07-{size:02}T00:00:00Z"),
        }
    }

    /// Entry 5 in a tree of 12 that grew out of one of 7.
    fn proof() -> ProofFile {
        let tree = tree(12);
        let texts = |hashes: Vec<Hash>| hashes.iter().map(Hash::to_string).collect();
        ProofFile {
            format: PROOF_FORMAT.to_owned(),
            seq: 5,
            entry: hex(&serde_json::to_vec(&form(5)).unwrap()),
            leaf: None,
            checkpoint: checkpoint(&tree, 12),
            inclusion: texts(merkle::inclusion(&tree, 4, 12).unwrap()),
            older: Some(Older {
                checkpoint: checkpoint(&tree, 7),
                consistency: texts(merkle::consistency(&tree, 7, 12).unwrap()),
            }),
        }
    }

    #[test]
    fn a_good_proof_says_what_it_proves_and_what_not() {
        let kept = checkpoint(&tree(7), 7);
        let verdict = verify(&proof(), Some(&kept), read_form);
        expect![[r#"
            {
              "wrong": [],
              "proved": [
                "entry 7:5 of 2024-07-03T09:46:40Z is, byte for byte, in the tree of 12 entries with the root 8797293c2f8c84b09767d05a5450b69da12ac5b8fa28010be5a1363ff26ace40 of registry 00112233445566778899aabbccddeeff",
                "parts shown, and unchanged: 1",
                "parts withheld, which could not be exchanged for others: 1",
                "it says completed 竣工日期: 1985",
                "the first 7 entries are those of an older checkpoint (root 256aca712e56f84ba0a6bdde768d367e37c0ec6a27f9109b72cb119dea263c05): since then nothing among them was changed, removed or put in",
                "the checkpoint of 7 entries of 2024-07-07T00:00:00Z that was given has the same root"
              ],
              "not_proved": [
                "the day of a checkpoint that you did not keep yourself",
                "that what the entry says is true of the world",
                "that no other entry corrects it: see anju history"
              ]
            }"#]].assert_eq(&serde_json::to_string_pretty(&verdict).unwrap());
        let without = ProofFile { older: None, ..proof() };
        let verdict = verify(&without, None, read_form);
        assert_eq!(verdict.wrong, Vec::<String>::new());
        assert!(verdict.not_proved.iter().any(|line| line.contains("--since")));
        assert!(verdict.not_proved.iter().any(|line| line.contains("--checkpoint")));
    }

    #[test]
    fn an_entry_that_is_withheld_is_proved_by_its_leaf() {
        let leaf = merkle::leaf_hash(form(5).envelope.as_bytes()).to_string();
        let withheld = ProofFile { entry: String::new(), leaf: Some(leaf.clone()), ..proof() };
        let kept = checkpoint(&tree(7), 7);
        let verdict = verify(&withheld, Some(&kept), read_form);
        assert_eq!(verdict.wrong, Vec::<String>::new());
        assert!(verdict.proved[0].contains(&leaf), "{verdict:?}");
        assert!(verdict.not_proved[0].contains("withheld"), "{verdict:?}");
        for bad in [
            ProofFile { leaf: Some(leaf.replacen(&leaf[..1], "z", 1)), ..withheld.clone() },
            ProofFile { leaf: Some("00".repeat(32)), ..withheld.clone() },
            ProofFile { seq: 6, ..withheld.clone() },
            ProofFile { leaf: None, ..withheld.clone() },
            ProofFile { leaf: Some(leaf), ..proof() },
        ] {
            let verdict = verify(&bad, Some(&kept), read_form);
            assert_eq!((verdict.wrong.len(), verdict.proved.len()), (1, 0), "{bad:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_another_past_is_seen() {
        let wrong = |kept: &SavedCheckpoint| verify(&proof(), Some(kept), read_form).wrong.join("");
        let good = checkpoint(&tree(12), 12);
        assert_eq!(wrong(&good), "");
        let other_root = SavedCheckpoint { root: "ab".repeat(32), ..good.clone() };
        assert!(wrong(&other_root).contains("another past"));
        let other_size = SavedCheckpoint { size: 9, ..good.clone() };
        assert!(wrong(&other_size).contains("does not reach"));
        let other_tree = SavedCheckpoint { partition: 8, ..good.clone() };
        assert!(wrong(&other_tree).contains("different trees"));
        let other_day = SavedCheckpoint { stamp: "2020-01-01T00:00:00Z".to_owned(), ..good };
        assert!(wrong(&other_day).contains("was kept as of"));
    }

    /// Every text and number below `value`, by its path.
    fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    leaves(value, &format!("{path}/{name}"), found);
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    leaves(value, &format!("{path}/{index}"), found);
                }
            }
            _ => found.push(path.to_owned()),
        }
    }

    /// Whether a proof with this text is seen to be bad by somebody who kept a checkpoint.
    fn is_caught(json: &Value, kept: Option<&SavedCheckpoint>) -> bool {
        match serde_json::from_value::<ProofFile>(json.clone()) {
            Ok(file) => {
                let verdict = verify(&file, kept, read_form);
                assert!(verdict.wrong.is_empty() || verdict.proved.is_empty());
                !verdict.wrong.is_empty()
            }
            Err(_) => true,
        }
    }

    #[test]
    fn no_value_of_a_proof_can_be_changed_unseen() {
        let good = serde_json::to_value(proof()).unwrap();
        let kept = proof().checkpoint;
        assert!(!is_caught(&good, Some(&kept)));
        let mut paths = Vec::new();
        leaves(&good, "", &mut paths);
        assert_eq!(paths.len(), 24);
        for path in paths {
            let mut bad = good.clone();
            let value = bad.pointer_mut(&path).unwrap();
            *value = match value.clone() {
                Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
                Value::String(text) => {
                    let last = if text.ends_with('0') { "1" } else { "0" };
                    format!("{}{last}", &text[..text.len() - 1]).into()
                }
                other => other,
            };
            // Roots bind neither stamps nor, for every shape, sizes: the verdict says so.
            let is_bound = !path.ends_with("/stamp") && path != "/checkpoint/size";
            assert_eq!(is_caught(&bad, None), is_bound, "{path}");
            let is_known = path != "/older/checkpoint/stamp";
            assert_eq!(is_caught(&bad, Some(&kept)), is_known, "{path}");
        }
    }

    #[test]
    fn no_bit_of_an_entry_can_be_changed_unseen() {
        let good = proof();
        let bytes = unhex(&good.entry).unwrap();
        for index in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[index] ^= 1;
            let bad = ProofFile { entry: hex(&bytes), ..good.clone() };
            assert!(is_caught(&serde_json::to_value(bad).unwrap(), None), "byte {index}");
        }
    }

    #[test]
    fn a_bad_proof_ends_with_its_own_exit_code() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        save(&path("good.json"), &proof()).unwrap();
        save(&path("bad.json"), &ProofFile { seq: 6, ..proof() }).unwrap();
        let run = |name: &str| {
            let mut written = Vec::new();
            let mut out = Output::new(&mut written, false, false);
            let checkpoint = Some(path("good.json"));
            let args = CheckArgs { file: path(name), checkpoint };
            let outcome = check(&args, &mut out, read_form).unwrap();
            (outcome, String::from_utf8(written).unwrap())
        };
        let (outcome, said) = run("good.json");
        assert_eq!(outcome, Outcome::Fine);
        assert!(said.starts_with("proved 已证明:\n  entry 7:5 of 2024-07-03T"), "{said}");
        let (outcome, said) = run("bad.json");
        assert_eq!(outcome, Outcome::Partly);
        assert!(said.starts_with("WRONG 不符:\n  the entry calls itself 7:5, not 7:6\n"), "{said}");
    }
}
