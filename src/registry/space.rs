//! The keys of the state, one key space a letter, all below the partition's three bytes.
//!
//! Keys and values are private: another layout is a rebuild from the journal. *Ever* keys are never
//! taken away, so that lists and searches of past times can walk them.

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        position::{Partition, Seq},
    },
    store::{Key, KeyRange},
};

/// The layout of the state. Another number means: throw the state away and replay.
///
/// 2: the keys of places begin with the kind. 4: open notices by the days on which they were served.
/// 5: no key that only says that there is a subject: its record says so. 6: cases of several
/// subjects, with days, and settled ones that come back. 7: a partition knows the last entry about its
/// reference data. 8: grams within Latin words. 9: a recount knows what it concerns. 10: records count
/// what was settled and stands. 11: claims that were approved, by their policies, and who pays an
/// invoice. 12: what is insured is counted. 13: what claims come to is counted. 14: claims that no policy
/// insures, and losses that are told twice, are cases; findings that ended count on without their
/// building.
pub(crate) const LAYOUT: u32 = 14;

/// A key space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Space {
    /// One record of the partition itself.
    Meta = b'M',
    /// subject, chunk → record. A subject begins with its kind, and no record is ever taken away: these
    /// are also the lists of all subjects of a kind.
    Record = b'R',
    /// subject, block → the numbers of its entries beyond those in the record.
    History = b'H',
    /// holder, child: ever.
    Child = b'C',
    /// scheme, value, subject: ever.
    Identifier = b'X',
    /// shape text → shape number.
    Shape = b'S',
    /// shape number → shape text.
    ShapeText = b's',
    /// gram, shape number.
    Gram = b'G',
    /// shape number, numbers, subject: ever.
    Posting = b'N',
    /// kind, reference system, cell of the grid, subject: ever. The kind comes first, so that a list
    /// of compounds does not walk the buildings, which are many more.
    Place = b'L',
    /// node, month, bucket, chunk → amounts by day.
    Total = b'T',
    /// first entry → bucket.
    Bucket = b'B',
    /// day, request id → its entries.
    Request = b'Q',
    /// source, kind, key → what the source last said.
    Source = b'K',
    /// opening entry, node → a sweep under way.
    Sweep = b'W',
    /// case → case.
    Case = b'D',
    /// subject, case.
    SubjectCase = b'd',
    /// case, subject → its entries in doubt, of a case of several.
    CaseSubject = b'P',
    /// policy, claim: ever, once something was approved.
    Approved = b'A',
    /// invoice, subject: ever.
    Invoice = b'I',
    /// corrected entry, depending entry, subject.
    Basis = b'O',
    /// level, index → hashes of the Merkle tree.
    Tile = b'E',
    /// entry → the entry by which its text was erased.
    Erased = b'Z',
    /// holder, due day, building, place → how long it is so.
    Due = b'U',
    /// holder, day of the notice, finding, place → how long it is so.
    Notice = b'V',
    /// term → its number.
    Term = b'Y',
    /// number → term.
    TermText = b'y',
    /// The sweep over buildings that is under way, the buildings that need not wait for it, and the
    /// nodes that it concerns.
    Recount = b'z',
}

/// Begins a key.
pub(crate) fn key(partition: Partition, space: Space) -> Key {
    let mut key = Vec::with_capacity(48);
    key.extend_from_slice(&partition.to_bytes());
    key.push(space as u8);
    key
}

/// Begins a key of a subject as a partition knows it: a district is known both in partition 0 and in
/// the partition of its city.
pub(crate) fn subject_key(partition: Partition, space: Space, subject: SubjectId) -> Key {
    let mut key = key(partition, space);
    key.extend_from_slice(&subject.to_bytes());
    key
}

/// The begin of the keys of what was ever directly below a holder, of one kind.
pub(crate) fn child_prefix(partition: Partition, holder: SubjectId, kind: Kind) -> Key {
    let mut key = subject_key(partition, Space::Child, holder);
    key.push(kind as u8);
    key
}

/// The begin of the keys of the records of a kind.
pub(crate) fn kind_prefix(partition: Partition, kind: Kind) -> Key {
    let mut key = key(partition, Space::Record);
    key.push(kind as u8);
    key
}

/// A key that ends in an entry's number.
pub(crate) fn seq_key(partition: Partition, space: Space, seq: Seq) -> Key {
    let mut key = key(partition, space);
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// A key that goes on with texts, each closed by a zero byte, which no text has.
pub(crate) fn text_key(partition: Partition, space: Space, texts: &[&str]) -> Key {
    let mut key = key(partition, space);
    for text in texts {
        key.extend_from_slice(text.as_bytes());
        key.push(0);
    }
    key
}

/// All keys that begin with `prefix`.
pub(crate) fn below(prefix: Key) -> KeyRange {
    let mut to = prefix.clone();
    while let Some(last) = to.pop() {
        if let Some(next) = last.checked_add(1) {
            to.push(next);
            return KeyRange { from: prefix, to };
        }
    }
    // Only a prefix of nothing but 0xff bytes gets here, and keys begin with a partition.
    KeyRange { from: prefix, to: vec![0xff; 64] }
}

/// The same keys, but only those after `last`.
pub(crate) fn after(range: KeyRange, last: &[u8]) -> KeyRange {
    let mut from = last.to_vec();
    from.push(0);
    KeyRange { from: from.max(range.from), to: range.to }
}

/// The subject at the end of an ever key.
pub(crate) fn subject_at_end(key: &[u8]) -> Option<SubjectId> {
    let start = key.len().checked_sub(SubjectId::BYTES)?;
    SubjectId::from_slice(key.get(start..)?)
}
