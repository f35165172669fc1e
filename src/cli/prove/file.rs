//! Proofs and checkpoints as files.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{prove::underwriting, read},
    kernel::position::Seq,
    proto::v1,
};

/// The form of proof files.
pub(super) const PROOF_FORMAT: &str = "anju-proof-1";

/// The form of checkpoint files.
pub(super) const CHECKPOINT_FORMAT: &str = "anju-checkpoint-1";

/// The one hash suite so far.
pub(super) const SUITE: &str = "rfc6962-sha256";

/// The largest file that is read: an entry is at most 64 KiB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

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
pub(super) struct WithCheckpoint {
    pub(super) format: String,
    pub(super) checkpoint: SavedCheckpoint,
}

pub(super) fn saved(checkpoint: Option<&v1::Checkpoint>) -> anyhow::Result<SavedCheckpoint> {
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

pub(super) fn load_checkpoint(path: &Path) -> anyhow::Result<SavedCheckpoint> {
    if let Some(header) = underwriting::header(path)? {
        return underwriting::checkpoint(&header);
    }
    let file: WithCheckpoint = serde_json::from_slice(&read_file(path)?)
        .with_context(|| format!("{} is neither a checkpoint nor a proof", path.display()))?;
    if ![PROOF_FORMAT, CHECKPOINT_FORMAT].contains(&file.format.as_str()) {
        bail!("{} has the form {:?}, which is not known here", path.display(), file.format);
    }
    Ok(file.checkpoint)
}

pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let of = || format!("{} cannot be read", path.display());
    if fs::metadata(path).with_context(of)?.len() > FILE_BYTES_MAX {
        bail!("{} is too large to be a proof", path.display());
    }
    fs::read(path).with_context(of)
}

/// Writes a new file: a proof that was kept is never written over.
pub(super) fn save<T: Serialize>(path: &Path, file: &T) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(file)?;
    bytes.push(b'\n');
    let of = || format!("{} cannot be written", path.display());
    let mut file = fs::File::create_new(path).with_context(of)?;
    file.write_all(&bytes).with_context(of)?;
    file.sync_all().with_context(of)
}

pub(super) fn hexes(hashes: &[impl AsRef<[u8]>]) -> Vec<String> {
    hashes.iter().map(|hash| hex(hash.as_ref())).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
