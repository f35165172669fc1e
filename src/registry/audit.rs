//! What was said and when: histories, differences between two states of knowledge, and proofs.

use std::collections::BTreeSet;

use crate::{
    domain::merkle,
    kernel::{
        hash::Hash,
        id::SubjectId,
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position, Seq},
        time::{Day, KnownAt, Stamp},
    },
    registry::{
        case,
        engine::{Registry, beyond},
        entry::{Entry, stamp_of},
        erase::erased_by,
        error::{Class, Error, Refusal},
        history::{entry_numbers, timeline_at},
        state::{Live, State},
        work::{StateTiles, tree_error},
    },
};

/// The one hash suite so far.
pub const SUITE: &str = "rfc6962-sha256";

/// An entry of a subject, with what became of it.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    /// Where it stands.
    pub position: Position,
    /// The entry.
    pub entry: Entry,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The entry that stands in its place.
    pub corrected_by: Option<Seq>,
    /// Whether a case puts it in doubt.
    pub in_doubt: bool,
    /// The entry by which its text was erased.
    pub erased_by: Option<Seq>,
}

/// The size and root of a partition's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The registry.
    pub registry: [u8; 16],
    /// The partition.
    pub partition: Partition,
    /// How many entries.
    pub size: u64,
    /// The root over their leaves.
    pub root: Hash,
    /// The stamp of the last of them.
    pub stamp: Stamp,
}

impl Registry {
    /// The entries of a subject that were known, oldest first.
    pub fn history(
        &self,
        subject: SubjectId,
        known_at: KnownAt,
        page: &PageRequest,
    ) -> Result<Page<HistoryRow>, Error> {
        self.history_of(subject, None, known_at, page)
    }

    /// The entries of a subject that were known, oldest first: with a day, those that bear on it.
    /// These hold from it or from a day before it, correct or take back one that does, or hold from
    /// no day.
    pub fn history_of(
        &self,
        subject: SubjectId,
        day: Option<Day>,
        known_at: KnownAt,
        page: &PageRequest,
    ) -> Result<Page<HistoryRow>, Error> {
        let partition = subject.partition();
        let known = self.known(partition, known_at)?;
        let live = Live(self.store());
        let missing = || Error::refused(Refusal::missing("subject_id", subject));
        let record = live.record(partition, subject)?.ok_or_else(missing)?;
        let mut numbers = entry_numbers(&live, partition, subject, &record)?;
        numbers.retain(|seq| known.is_none_or(|known| *seq <= known));
        let timeline = timeline_at(&live, partition, subject, known)?.ok_or_else(missing)?;
        if let Some(day) = day {
            numbers = bearing_on(&live, partition, &numbers, day)?;
        }
        let mut doubted = BTreeSet::new();
        for (id, case) in case::of_subject(&live, partition, subject)? {
            let was_open = known.is_none_or(|known| case.opened_by <= known)
                && case.closed_by.is_none_or(|by| known.is_some_and(|known| by > known));
            if was_open {
                let doubts = case::doubts_of(&live, (id, &case), subject, known)?;
                doubted.extend(doubts.unwrap_or_default());
            }
        }
        let after = page.after.as_slice().try_into().map_or(0, u64::from_be_bytes);
        let mut left = numbers.into_iter().filter(|seq| *seq > after).collect::<Vec<_>>();
        let more = left.len() > page.rows;
        left.truncate(page.rows);
        let next = left.last().filter(|_| more).map(|seq| seq.to_be_bytes().to_vec());
        let mut rows = Vec::new();
        for bytes in live.entries_at(partition, &left)? {
            let (entry, _) = Entry::decode(&bytes)?;
            rows.push(HistoryRow {
                position: Position { partition, seq: entry.seq },
                corrected_by: timeline.corrected_by(entry.seq),
                in_doubt: doubted.contains(&entry.seq),
                erased_by: erased_by(&live, partition, entry.seq)?,
                entry,
                bytes,
            });
        }
        Ok(Page { rows, next })
    }

    /// The tree of a partition, now or at a past size. Refuses a size that is not reached, and at
    /// once one that lies so far ahead that what is in flight does not reach it either.
    pub fn checkpoint(&self, partition: Partition, size: Option<u64>) -> Result<Checkpoint, Error> {
        self.checkpoint_of("size", partition, size)
    }

    fn checkpoint_of(
        &self,
        field: &str,
        partition: Partition,
        size: Option<u64>,
    ) -> Result<Checkpoint, Error> {
        let live = Live(self.store());
        let meta = live.meta(partition)?;
        let size = size.unwrap_or(meta.seq);
        if size.saturating_sub(limit::ENTRIES_IN_FLIGHT_MAX) > meta.seq {
            return Err(Error::refused(beyond(field, partition, meta.seq)));
        }
        if size > meta.seq {
            return Err(Error::NotReached(Position { partition, seq: size }.to_string()));
        }
        let tiles = StateTiles { state: &live, partition };
        let root = merkle::root(&tiles, size).map_err(tree_error)?;
        let stamp = match size {
            0 => Stamp::default(),
            size => stamp_of(&self.bytes(partition, size)?)?,
        };
        Ok(Checkpoint { registry: meta.registry, partition, size, root, stamp })
    }

    /// The bytes of an entry.
    pub fn bytes(&self, partition: Partition, seq: Seq) -> Result<Vec<u8>, Error> {
        if seq == 0 || seq > self.frontier(partition).seq {
            let position = Position { partition, seq };
            return Err(Error::refused(Refusal::missing("seq", format!("entry {position}"))));
        }
        self.store()
            .entries_at(partition, &[seq])?
            .pop()
            .ok_or_else(|| Error::unreadable(format!("entry {partition}:{seq}")))
    }

    /// Proves that an entry is in the tree of a size (now, when none is given).
    pub fn inclusion(
        &self,
        partition: Partition,
        seq: Seq,
        size: Option<u64>,
    ) -> Result<(Checkpoint, Vec<u8>, Vec<Hash>), Error> {
        let checkpoint = self.checkpoint(partition, size)?;
        let bytes = self.bytes(partition, seq)?;
        if seq > checkpoint.size {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "BEYOND_SIZE",
                "size",
                "a tree of this size does not have the entry",
            )));
        }
        let live = Live(self.store());
        let tiles = StateTiles { state: &live, partition };
        let proof = merkle::inclusion(&tiles, seq - 1, checkpoint.size).map_err(tree_error)?;
        Ok((checkpoint, bytes, proof))
    }

    /// Proves that the tree of a size goes on from the tree of a smaller one.
    pub fn consistency(
        &self,
        partition: Partition,
        old: u64,
        new: Option<u64>,
    ) -> Result<(Checkpoint, Checkpoint, Vec<Hash>), Error> {
        let new = self.checkpoint_of("new_size", partition, new)?;
        if old > new.size {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "BEYOND_SIZE",
                "old_size",
                "the older tree is the smaller one",
            )));
        }
        let old = self.checkpoint_of("old_size", partition, Some(old))?;
        let live = Live(self.store());
        let tiles = StateTiles { state: &live, partition };
        let proof = merkle::consistency(&tiles, old.size, new.size).map_err(tree_error)?;
        Ok((old, new, proof))
    }
}

/// Of entries of a subject, oldest first, those that bear on a day.
fn bearing_on(
    state: &dyn State,
    partition: Partition,
    numbers: &[Seq],
    day: Day,
) -> Result<Vec<Seq>, Error> {
    let mut bearing = Vec::new();
    for some in numbers.chunks(256) {
        for bytes in state.entries_at(partition, some)? {
            let (entry, _) = Entry::decode(&bytes)?;
            // What corrects an entry comes after it.
            let is_of_one = entry.corrects.iter().any(|seq| bearing.binary_search(seq).is_ok());
            if is_of_one || entry.valid_from.is_none_or(|from| from <= day) {
                bearing.push(entry.seq);
            }
        }
    }
    Ok(bearing)
}
