//! Whether a journal is what its writer wrote, and a state what follows from it.
//!
//! Nothing is believed that can be computed: links, stamps and roots are worked out again from the
//! entries alone, apart from the code that wrote them. Everything found is reported, each with its
//! place and a reason that is never renamed; after a finding the check goes on with what is there,
//! so that one changed entry is not reported as a thousand.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{author::Author, merkle},
    kernel::{
        hash::Hash,
        id::SubjectId,
        limit::VIEW_ROWS_MAX,
        position::{Partition, Position, Seq},
        time::Stamp,
    },
    registry::{
        entry::{Entry, Gone, Hidden, Link, RequestMark, withhold},
        error::Error,
        fact::Fact,
        proved::{NotAnEntry, OpenedPart, open_entry},
        space::after,
        state::{Live, State},
        work::StateTiles,
    },
    store::{Direction, Key, KeyRange, Store, StoreError, Value},
};

/// Findings that are kept; more are only counted.
pub const FINDINGS_MAX: usize = 100;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: an entry, a partition, a key of the state, or a byte of a file.
    pub place: String,
    /// The stable reason.
    pub reason: &'static str,
    /// One English sentence.
    pub message: String,
}

/// What was found, the first [`FINDINGS_MAX`] of it in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
    count: u64,
}

impl Findings {
    /// Notes a finding.
    pub fn add(&mut self, place: impl ToString, reason: &'static str, message: impl Into<String>) {
        self.count += 1;
        if self.list.len() < FINDINGS_MAX {
            let (place, message) = (place.to_string(), message.into());
            self.list.push(Finding { place, reason, message });
        }
    }

    /// Notes what the store says, when it is about damage; anything else is a failure of the check.
    pub fn add_damage(
        &mut self,
        reason: &'static str,
        error: StoreError,
    ) -> Result<(), StoreError> {
        match error {
            StoreError::Damage { place, what } => {
                self.add(place, reason, what);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Adds what another check found.
    pub fn absorb(&mut self, other: Self) {
        let room = FINDINGS_MAX.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(room));
        self.count += other.count;
    }

    /// The first findings.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalSummary {
    /// The registry that the first entry names.
    pub registry: Option<[u8; 16]>,
    /// Entries.
    pub entry_count: u64,
    /// Commands.
    pub command_count: u64,
    /// Subjects, those known in two partitions counted twice.
    pub subject_count: u64,
    /// The partitions in order.
    pub partitions: Vec<PartitionSummary>,
}

/// What a journal holds of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSummary {
    /// Which, and its last entry.
    pub head: Position,
    /// The stamp of the last entry.
    pub stamp: Stamp,
    /// The root over the leaves; `None` when an entry was so damaged that it has none.
    pub root: Option<Hash>,
}

/// The Merkle tree of RFC 6962 over leaves that come one by one: only the roots of its full
/// subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

impl Tree {
    /// Adds the next leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        let mut left = self.size;
        // Every set bit at the end is a full subtree as large as the one just completed.
        while left & 1 == 1 {
            let Some(peak) = self.peaks.pop() else { break };
            root = node(peak, root);
            left >>= 1;
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// How many leaves.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
    pub(crate) fn root(&self) -> Hash {
        let from_the_right = self.peaks.iter().rev().copied();
        from_the_right.reduce(|right, left| node(left, right)).unwrap_or_else(merkle::empty_root)
    }
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// The newest entry of a subject so far.
#[derive(Clone, Copy, Debug)]
struct Newest {
    seq: Seq,
    leaf: Hash,
    entry_count: u64,
}

/// A partition so far.
#[derive(Clone, Debug, Default)]
struct Progress {
    seq: Seq,
    stamp: Stamp,
    command: Option<CommandMark>,
    tree: Tree,
    /// Whether an entry had no leaf.
    is_broken: bool,
}

/// What all entries of one command share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CommandMark {
    seq: Seq,
    author: Author,
    request: Option<RequestMark>,
}

/// Checks entries as they come, those of each partition in order. Keeps about a hundred bytes for
/// every subject.
#[derive(Debug, Default)]
pub struct JournalCheck {
    registry: Option<[u8; 16]>,
    entry_count: u64,
    command_count: u64,
    partitions: BTreeMap<Partition, Progress>,
    subjects: BTreeMap<(Partition, SubjectId), Newest>,
    /// Entries without their text, of which no entry so far says that it was erased.
    blanked: BTreeSet<Position>,
    findings: Findings,
}

impl JournalCheck {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the next entry, which stands in the journal at this partition and number.
    pub fn entry(&mut self, partition: Partition, seq: Seq, bytes: &[u8]) {
        self.entry_count += 1;
        let place = Position { partition, seq };
        let progress = self.partitions.entry(partition).or_default();
        if seq != progress.seq + 1 {
            let message = format!("it follows entry {}", progress.seq);
            self.findings.add(place, "SEQ_GAP", message);
        }
        progress.seq = seq;
        let Some((entry, leaf)) = read(place, bytes, &mut self.findings) else {
            progress.is_broken = true;
            progress.command = None;
            return;
        };
        progress.tree.push(leaf);
        self.envelope(place, &entry);
        self.stamp(place, &entry);
        self.subjects(place, &entry, leaf);
        self.text(place, &entry);
        for (name, seqs) in [("corrects", &entry.corrects), ("rests on", &entry.basis)] {
            for named in seqs.iter().filter(|named| **named == 0 || **named >= seq) {
                let message = format!("it {name} entry {named}, which is not before it");
                self.findings.add(place, "REFERENCE_NOT_EARLIER", message);
            }
        }
    }

    /// What was seen, and everything that is wrong with it.
    pub fn finish(mut self) -> (JournalSummary, Findings) {
        for place in std::mem::take(&mut self.blanked) {
            let message = "its text is blanked, and no entry says by whose order";
            self.findings.add(place, "BLANKED_UNASKED", message);
        }
        let summary = |(partition, progress): (Partition, Progress)| PartitionSummary {
            head: Position { partition, seq: progress.seq },
            stamp: progress.stamp,
            root: (!progress.is_broken).then(|| progress.tree.root()),
        };
        let summary = JournalSummary {
            registry: self.registry,
            entry_count: self.entry_count,
            command_count: self.command_count,
            subject_count: u64::try_from(self.subjects.len()).unwrap_or(u64::MAX),
            partitions: self.partitions.into_iter().map(summary).collect(),
        };
        (summary, self.findings)
    }

    /// The entry says where it stands, and in which registry.
    fn envelope(&mut self, place: Position, entry: &Entry) {
        let says = Position { partition: entry.partition, seq: entry.seq };
        if says != place {
            let message = format!("the entry calls itself {says}");
            self.findings.add(place, "POSITION_DIFFERS", message);
        }
        let registry = *self.registry.get_or_insert(entry.registry);
        if entry.registry != registry {
            let message = "it is of another registry than the first entry";
            self.findings.add(place, "REGISTRY_DIFFERS", message);
        }
    }

    /// Stamps increase from command to command, and are the same within one.
    fn stamp(&mut self, place: Position, entry: &Entry) {
        let Some(progress) = self.partitions.get_mut(&place.partition) else { return };
        let mark = CommandMark {
            seq: entry.command_seq,
            author: entry.author.clone(),
            request: entry.request,
        };
        let is_first = mark.seq == place.seq;
        let goes_on =
            !is_first && progress.command.as_ref().is_some_and(|last| last.seq == mark.seq);
        if goes_on {
            if entry.stamp != progress.stamp {
                let message = format!(
                    "its stamp is {}, and that of its command {}",
                    entry.stamp, progress.stamp
                );
                self.findings.add(place, "STAMP_IN_COMMAND", message);
            }
            if progress.command.as_ref() != Some(&mark) {
                let message = "its author or request is not that of its command";
                self.findings.add(place, "COMMAND_MIXED", message);
            }
        } else {
            self.command_count += 1;
            if !is_first {
                let message = format!("it says that its command began with entry {}", mark.seq);
                self.findings.add(place, "COMMAND_SEQ", message);
            }
            if place.seq > 1 && entry.stamp <= progress.stamp {
                let message = format!("its stamp {} is not after {}", entry.stamp, progress.stamp);
                self.findings.add(place, "STAMP_ORDER", message);
            }
        }
        progress.stamp = progress.stamp.max(entry.stamp);
        // After a wrong number the next entry of the same command is not wrong as well.
        progress.command = Some(mark);
    }

    /// A text is missing only when a later entry says that it was erased, and then it is.
    fn text(&mut self, place: Position, entry: &Entry) {
        match entry.hidden.text {
            Some(Gone::Withheld) => {
                self.findings.add(place, "TEXT_MISSING", "its text is withheld");
            }
            Some(Gone::Blanked) => drop(self.blanked.insert(place)),
            None => {}
        }
        if let Some(Fact::Erased { seq, .. }) = entry.body.as_ref().map(|body| &body.fact) {
            let erased = Position { seq: *seq, ..place };
            if *seq == 0 || *seq >= place.seq {
                let message = format!("it erases entry {seq}, which is not before it");
                self.findings.add(place, "REFERENCE_NOT_EARLIER", message);
            } else if !self.blanked.remove(&erased) {
                let message =
                    format!("entry {place} says that its text was erased, and it was not");
                self.findings.add(erased, "NOT_ERASED", message);
            }
        }
    }

    /// Each subject's link leads to the subject's entry before.
    fn subjects(&mut self, place: Position, entry: &Entry, leaf: Hash) {
        if let Some(body) = entry.body.as_ref().filter(|_| entry.is_whole()) {
            let named = body.fact.subjects();
            if !named.iter().eq(entry.subjects.iter().map(|link| &link.subject)) {
                let message = "its envelope names other subjects than its fact";
                self.findings.add(place, "SUBJECTS_DIFFER", message);
            }
        }
        for link in &entry.subjects {
            let before = self.subjects.get(&(place.partition, link.subject));
            if let Some(message) = link_is_wrong(link, before) {
                self.findings.add(place, "BACK_LINK", message);
            }
        }
        for link in &entry.subjects {
            let newest = Newest { seq: place.seq, leaf, entry_count: link.entry_count };
            self.subjects.insert((place.partition, link.subject), newest);
        }
    }
}

/// What is wrong with a link to the subject's entry before.
fn link_is_wrong(link: &Link, before: Option<&Newest>) -> Option<String> {
    let (seq, leaf, count) = match before {
        Some(before) => (before.seq, Some(before.leaf), before.entry_count),
        None => (0, None, 0),
    };
    let subject = link.subject;
    if link.previous_seq != seq {
        return Some(format!(
            "the entry of {subject} before it is {seq}, and not {}",
            link.previous_seq
        ));
    }
    if link.previous_leaf != leaf {
        return Some(format!("entry {seq} of {subject} had another leaf when this was written"));
    }
    (link.entry_count != count + 1).then(|| {
        format!("it is entry {} of {subject}, and not its entry {}", count + 1, link.entry_count)
    })
}

/// Reads an entry as far as it can be read, and says what is wrong with it.
fn read(place: Position, bytes: &[u8], findings: &mut Findings) -> Option<(Entry, Hash)> {
    let found_before = findings.count();
    match open_entry(bytes) {
        Ok(opened) if opened.parts.iter().all(OpenedPart::is_as_named) => {}
        Ok(_) => {
            findings.add(place, "PART_HASH", "a part of it is not what its envelope says");
        }
        Err(error @ NotAnEntry::Unbound) => {
            findings.add(place, "BYTES_UNBOUND", error.to_string());
        }
        Err(error) => {
            findings.add(place, "ENTRY_UNREADABLE", error.to_string());
            return None;
        }
    }
    let whole = Entry::decode(bytes);
    if let Ok((entry, leaf)) = whole {
        if !entry.is_whole() {
            let message = "its fact is withheld, or a part of it, and no state follows";
            findings.add(place, "FACT_MISSING", message);
        }
        return Some((entry, leaf));
    }
    // What the envelope says can still be checked.
    let envelope = withhold(bytes).ok().and_then(|bytes| Entry::decode(&bytes).ok());
    match &envelope {
        None => findings.add(place, "ENTRY_UNREADABLE", "its envelope cannot be read"),
        Some(_) if findings.count() == found_before => {
            findings.add(place, "FACT_UNREADABLE", "its fact or text cannot be read");
        }
        Some(_) => {}
    }
    // Not the journal withholds its parts, but this.
    envelope.map(|(entry, leaf)| (Entry { hidden: Hidden::default(), ..entry }, leaf))
}

/// Compares the roots that the entries have with those that the tiles of the state have.
pub fn check_roots(
    store: &dyn Store,
    summary: &JournalSummary,
    findings: &mut Findings,
) -> Result<(), Error> {
    let live = Live(store);
    for partition in &summary.partitions {
        let Some(root) = partition.root else { continue };
        let head = partition.head;
        match root_of_state(&live, head) {
            Ok(found) if found == root => {}
            Ok(found) => {
                let message = format!(
                    "the root over {} entries is {root}, and by the state's tiles {found}",
                    head.seq
                );
                findings.add(format!("partition {}", head.partition), "ROOT_DIFFERS", message);
            }
            Err(Error::Store(error)) => findings.add_damage("ROOT_DIFFERS", error)?,
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// The root over the first entries of a partition, by the tiles of the state.
pub(crate) fn root_of_state(state: &dyn State, head: Position) -> Result<Hash, Error> {
    let tiles = StateTiles { state, partition: head.partition };
    merkle::root(&tiles, head.seq).map_err(|error| match error {
        merkle::TreeError::Tiles(error) => error,
        other => Error::Store(StoreError::Damage {
            place: format!("partition {}", head.partition),
            what: other.to_string(),
        }),
    })
}

/// Compares two states key by key in the order of the keys; answers how many keys the first has.
///
/// `progress` hears of keys compared.
pub fn compare_states(
    found: &dyn Store,
    expected: &dyn Store,
    findings: &mut Findings,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, Error> {
    let (mut found, mut expected) = (Rows::new(found), Rows::new(expected));
    let mut row_count = 0;
    loop {
        let order = match (found.peek()?, expected.peek()?) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let one = if order.is_le() { found.next() } else { None };
        let other = if order.is_ge() { expected.next() } else { None };
        row_count += u64::from(one.is_some());
        match (one, other) {
            (Some((key, one)), Some((_, other))) if one != other => {
                let message =
                    format!("it holds {} and should hold {}", shortened(&one), shortened(&other));
                findings.add(place_of(&key), "STATE_VALUE", message);
            }
            (Some((key, _)), None) => {
                findings.add(place_of(&key), "STATE_SURPLUS", "no entry leads to this key");
            }
            (None, Some((key, _))) => {
                findings.add(place_of(&key), "STATE_MISSING", "the key should be there");
            }
            _ => {}
        }
        if row_count.is_multiple_of(1_000) {
            progress(row_count);
        }
    }
    progress(row_count);
    Ok(row_count)
}

/// The rows of a state in order, a page at a time.
struct Rows<'a> {
    store: &'a dyn Store,
    range: Option<KeyRange>,
    page: std::vec::IntoIter<(Key, Value)>,
    next: Option<(Key, Value)>,
}

impl<'a> Rows<'a> {
    fn new(store: &'a dyn Store) -> Self {
        // Keys begin with a partition and the letter of a key space, which is never 0xff.
        let range = KeyRange { from: Vec::new(), to: vec![0xff; 4] };
        Self { store, range: Some(range), page: Vec::new().into_iter(), next: None }
    }

    fn peek(&mut self) -> Result<Option<&(Key, Value)>, Error> {
        if self.next.is_none() {
            self.next = self.page.next();
        }
        if self.next.is_none()
            && let Some(range) = self.range.take()
        {
            let rows = self.store.view()?.scan(&range, Direction::Up, VIEW_ROWS_MAX)?;
            if let Some((last, _)) = rows.last().filter(|_| rows.len() == VIEW_ROWS_MAX) {
                self.range = Some(after(range, last));
            }
            self.page = rows.into_iter();
            self.next = self.page.next();
        }
        Ok(self.next.as_ref())
    }

    fn next(&mut self) -> Option<(Key, Value)> {
        self.next.take()
    }
}

/// A key by its partition, the letter of its key space, and the rest in hexadecimal.
fn place_of(key: &[u8]) -> String {
    let (partition, rest) = key.split_at_checked(3).unwrap_or((key, &[]));
    let number = <[u8; 3]>::try_from(partition).map(Partition::from_bytes);
    let (space, rest) = rest.split_first().map_or((b'?', rest), |(space, rest)| (*space, rest));
    let number = number.map_or_else(|_| hex(partition), |number| number.to_string());
    format!("key {number} {} {}", space.escape_ascii(), hex(rest))
}

fn shortened(value: &[u8]) -> String {
    const SHOWN: usize = 24;
    let dots = if value.len() > SHOWN { "…" } else { "" };
    let shown = value.get(..SHOWN).unwrap_or(value);
    format!("{} bytes {}{dots}", value.len(), hex(shown))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// All leaves, as tiles.
    #[derive(Default)]
    struct Kept(BTreeMap<(u8, u64), Vec<Hash>>);

    impl merkle::Tiles for Kept {
        type Error = Infallible;

        fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, Infallible> {
            Ok(self.0.get(&(level, index)).cloned())
        }
    }

    #[test]
    fn the_tree_has_the_root_of_the_tree_in_tiles_at_every_size() {
        let (mut tree, mut kept) = (Tree::default(), Kept::default());
        assert_eq!(tree.root(), merkle::root(&kept, 0).unwrap());
        for size in 0..300_u64 {
            let leaf = Hash::of(&[&size.to_le_bytes()]);
            for write in merkle::append(&kept, size, &[leaf]).unwrap() {
                kept.0.insert((write.level, write.index), write.hashes);
            }
            tree.push(leaf);
            assert_eq!(tree.size(), size + 1);
            assert_eq!(tree.root(), merkle::root(&kept, size + 1).unwrap(), "{size}");
        }
    }

    #[test]
    fn a_key_is_told_by_partition_space_and_rest() {
        assert_eq!(place_of(&[0, 1, 2, b'R', 0xab, 0x01]), "key 258 R ab01");
        assert_eq!(place_of(&[0, 1]), "key 0001 ? ");
    }
}
