//! What a saved proof comes to, without the registry.

use serde::Serialize;

use crate::{
    cli::prove::file::{Older, PROOF_FORMAT, ProofFile, SUITE, SavedCheckpoint, hex, unhex},
    domain::merkle,
    kernel::{
        hash::Hash,
        position::{Partition, Position},
        time::Stamp,
    },
    registry,
};

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

/// What a proof comes to, in sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What does not hold. With one of these nothing is to be relied on.
    pub wrong: Vec<String>,
    /// What holds.
    pub proved: Vec<String>,
    /// What this proof says nothing about.
    pub not_proved: Vec<String>,
    /// Why it could not be compared with the checkpoint that was given; `None` when it was.
    pub not_compared: Option<String>,
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
            Ok(Some(proved)) => verdict.proved.push(proved),
            Ok(None) => verdict.not_compared = Some(not_compared(file, kept)),
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

/// How a proof is fetched that can be compared with a checkpoint.
fn not_compared(file: &ProofFile, kept: &SavedCheckpoint) -> String {
    let how = if kept.size > file.checkpoint.size {
        format!("fetch the proof again, or with --size {}", kept.size)
    } else {
        "fetch the proof with --since and that checkpoint".to_owned()
    };
    format!(
        "the checkpoint that was given is of {} entries, and the file has no tree of that size: {how}",
        kept.size
    )
}

/// A checkpoint from elsewhere is one of the two in the file; `None` when neither has its size.
fn matches_kept(file: &ProofFile, kept: &SavedCheckpoint) -> Result<Option<String>, String> {
    same_tree(&file.checkpoint, kept)?;
    let older = file.older.as_ref().map(|older| &older.checkpoint);
    let of_same_size = [Some(&file.checkpoint), older];
    let of_same_size = of_same_size.into_iter().flatten().find(|known| known.size == kept.size);
    let Some(known) = of_same_size else { return Ok(None) };
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
    Ok(Some(format!(
        "the checkpoint of {} entries of {} that was given has the same root",
        kept.size, kept.stamp
    )))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::{
        cli::{
            Outcome,
            prove::{CheckArgs, check, file::save},
            session::Output,
        },
        kernel::position::Seq,
    };

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
              ],
              "not_compared": null
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
        assert_eq!(wrong(&other_size), "", "nothing is wrong with the proof");
        for (size, how) in [(9, "--since"), (13, "--size 13")] {
            let kept = SavedCheckpoint { size, ..other_size.clone() };
            let verdict = verify(&proof(), Some(&kept), read_form);
            let told = verdict.not_compared.unwrap();
            assert!(told.contains(how) && !verdict.proved.is_empty(), "{told}");
        }
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
                !verdict.wrong.is_empty() || verdict.not_compared.is_some()
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
