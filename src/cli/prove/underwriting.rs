//! An underwriter's file, checked without the registry.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use anyhow::{Context as _, bail};

use crate::{
    cli::{
        Outcome,
        prove::{
            file::{
                CHECKPOINT_FORMAT, PROOF_FORMAT, ProofFile, SavedCheckpoint, WithCheckpoint,
                read_file,
            },
            show,
            verdict::Verdict,
        },
        session::Output,
    },
    kernel::position::Position,
    registry::underwriting::{
        Checked, Header, KnownTree, LINE_BYTES_MAX, Line, Lines, OlderTree, check,
    },
};

/// What such a file begins with.
const MARK: &[u8] = b"{\"anju_underwriting\":";

/// The header of an underwriter's file; `None` of another file.
pub(super) fn header(path: &Path) -> anyhow::Result<Option<Header>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let limit = u64::try_from(LINE_BYTES_MAX)?;
    let mut first = Vec::new();
    BufReader::new(file).take(limit).read_until(b'\n', &mut first).with_context(unreadable)?;
    if !first.starts_with(MARK) {
        return Ok(None);
    }
    first.pop();
    match Lines::default().read(&first) {
        Ok(Line::Header(header)) => Ok(Some(*header)),
        Ok(_) => Ok(None),
        Err(error) => bail!("{}: line 1: {error}", path.display()),
    }
}

/// Whether a file is an underwriter's, whole or not.
pub(super) fn is_one(path: &Path) -> anyhow::Result<bool> {
    let unreadable = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let mut first = Vec::new();
    file.take(u64::try_from(MARK.len())?).read_to_end(&mut first).with_context(unreadable)?;
    // One in which the very first bytes were changed is told as that, and not as no proof.
    let alike = first.iter().zip(MARK).filter(|(one, other)| one == other).count();
    Ok(alike + 2 > MARK.len())
}

/// The checkpoint that a file's header has.
pub(super) fn checkpoint(header: &Header) -> anyhow::Result<SavedCheckpoint> {
    let known: Position = header.known_at.parse()?;
    Ok(SavedCheckpoint {
        registry_id: header.registry.clone(),
        partition: known.partition.number(),
        size: header.tree.size,
        root: header.tree.root.clone(),
        suite: header.tree.suite.clone(),
        stamp: header.recorded.clone(),
    })
}

/// The tree that was kept in a checkpoint, a proof or an underwriter's file, with the one that it is
/// shown to have grown out of.
pub fn known_tree(path: &Path) -> anyhow::Result<KnownTree> {
    if let Some(header) = header(path)? {
        let kept = checkpoint(&header)?;
        return Ok(tree(kept, header.older));
    }
    let bytes = read_file(path)?;
    let of = || format!("{} is neither a checkpoint nor a proof", path.display());
    let file: WithCheckpoint = serde_json::from_slice(&bytes).with_context(of)?;
    match file.format.as_str() {
        CHECKPOINT_FORMAT => Ok(tree(file.checkpoint, None)),
        PROOF_FORMAT => {
            let proof: ProofFile = serde_json::from_slice(&bytes).with_context(of)?;
            let older = proof.older.map(|older| OlderTree {
                size: older.checkpoint.size,
                root: older.checkpoint.root,
                consistency: older.consistency,
            });
            Ok(tree(proof.checkpoint, older))
        }
        other => bail!("{} has the form {other:?}, which is not known here", path.display()),
    }
}

fn tree(kept: SavedCheckpoint, older: Option<OlderTree>) -> KnownTree {
    let SavedCheckpoint { registry_id, partition, size, root, .. } = kept;
    KnownTree { registry: registry_id, partition, size, root, older }
}

/// Checks a file line by line; [`Outcome::Partly`] when anything in it does not hold.
pub(super) fn check_file(
    path: &Path,
    against: Option<&Path>,
    out: &mut Output<'_>,
) -> anyhow::Result<Outcome> {
    let against = against.map(known_tree).transpose()?;
    let unreadable = || format!("{} cannot be read", path.display());
    let mut input = BufReader::new(File::open(path).with_context(unreadable)?);
    let checked = check(&mut input, against.as_ref(), &mut |_| {}).with_context(unreadable)?;
    show(&verdict(&checked), out)
}

fn verdict(checked: &Checked) -> Verdict {
    let mut verdict = Verdict::default();
    let wrong = checked.wrong.iter().map(|wrong| format!("line {}: {}", wrong.line, wrong.what));
    verdict.wrong.extend(wrong);
    if checked.more_wrong > 0 {
        verdict.wrong.push(format!("and {} more", checked.more_wrong));
    }
    let Some(header) = &checked.header else { return verdict };
    if checked.is_fine() {
        verdict.proved = proved(checked, header);
    }
    verdict.not_proved = not_proved(checked, header);
    verdict
}

fn proved(checked: &Checked, header: &Header) -> Vec<String> {
    let counts = checked.counts;
    let mut proved = vec![
        format!(
            "what its entries say of {} on {}, as known with entry {} of registry {}, is found anew from \
             them, and is what the file has: {} items",
            header.building, header.valid_at, header.known_at, header.registry, checked.said
        ),
        format!(
            "all of its {} entries are, byte for byte, in the tree of {} entries with the root {}",
            counts.entries, header.tree.size, header.tree.root
        ),
        format!(
            "each of its {} chapters has all entries of its subject up to the newest shown, without a gap",
            counts.chapters
        ),
    ];
    if checked.withheld_parts > 0 {
        proved.push(format!(
            "parts withheld, which could not be exchanged for others: {}",
            checked.withheld_parts
        ));
    }
    if checked.erased_parts > 0 {
        proved.push(format!(
            "parts of which only the hash is left, since they were erased by the registry's word: {}",
            checked.erased_parts
        ));
    }
    if let Some(older) = &header.older {
        proved.push(format!(
            "the first {} entries are those of an older tree with the root {}",
            older.size, older.root
        ));
    }
    proved.extend(checked.kept.clone());
    proved
}

fn not_proved(checked: &Checked, header: &Header) -> Vec<String> {
    let mut not_proved = vec![
        format!("what the registry reckons by its rules, its word in {} items", checked.reckoned),
        "that no report, finding, order or policy was left out, and that the newest entry of each \
         chapter was its last: ask for the file again, it is the same to the byte"
            .to_owned(),
        format!("for whom it was written, by its own word: the role {}", header.reader.role),
        "that what the entries say is true of the world".to_owned(),
    ];
    if checked.withheld > 0 {
        not_proved.push(format!("what is withheld from this reader: {} items", checked.withheld));
    }
    if checked.kept.is_none() {
        not_proved.push(format!(
            "that the registry shows everybody this tree of {} entries: compare its root with somebody \
             else's checkpoint, or give one that you kept (--against)",
            header.tree.size
        ));
    }
    not_proved
}
