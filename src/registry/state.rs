//! Reading the state: durable, or with what a command has changed so far.

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        position::{Partition, Seq},
    },
    registry::{
        entry::Entry,
        error::Error,
        record::{Meta, Record, chunk_key, read, record_key},
        space::{self, Space, below, key, kind_prefix, subject_at_end},
    },
    store::{Direction, Key, KeyRange, Store, Value, View},
};

/// What can be read. The same for commands and for queries.
pub(crate) trait State {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error>;

    /// Keys and values of a range, at most `limit`.
    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error>;

    /// The entries with these numbers.
    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error>;

    /// A value that may be split over numbered keys.
    fn get_long(&self, base: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut bytes) = self.get(&chunk_key(base, 0))? else {
            return Ok(None);
        };
        if bytes.is_empty() {
            return Err(Error::damaged_state("the head of a long value"));
        }
        let count = bytes.remove(0);
        for chunk in 1..count {
            let more = self
                .get(&chunk_key(base, chunk))?
                .ok_or_else(|| Error::damaged_state("a chunk of a long value"))?;
            bytes.extend_from_slice(&more);
        }
        Ok(Some(bytes))
    }

    /// A subject's record in a partition.
    fn record(&self, partition: Partition, subject: SubjectId) -> Result<Option<Record>, Error> {
        self.get_long(&record_key(partition, subject))?.map(|bytes| read(&bytes)).transpose()
    }

    /// The subjects of a kind that the partition ever knew, rising, those after one and at most
    /// `limit`.
    fn known_of_kind(
        &self,
        partition: Partition,
        kind: Kind,
        after: Option<SubjectId>,
        limit: usize,
    ) -> Result<Vec<SubjectId>, Error> {
        let mut range = below(kind_prefix(partition, kind));
        if let Some(after) = after {
            range.from = range.from.max(behind_record(partition, after));
        }
        let mut found: Vec<SubjectId> = Vec::new();
        while found.len() < limit {
            let wanted = limit - found.len();
            let keys = self.scan(&range, Direction::Up, wanted)?;
            // A long record has several keys.
            let ids = keys.iter().filter_map(|(key, _)| {
                let (chunk, record) = key.split_last()?;
                (*chunk == 0).then(|| subject_at_end(record)).flatten()
            });
            found.extend(ids);
            match keys.last() {
                Some((last, _)) if keys.len() == wanted => {
                    range = space::after(range, last);
                }
                _ => break,
            }
        }
        Ok(found)
    }

    /// What is kept of a partition; of an empty one, nothing.
    fn meta(&self, partition: Partition) -> Result<Meta, Error> {
        match self.get(&key(partition, Space::Meta))? {
            Some(bytes) => read(&bytes),
            None => Ok(Meta::default()),
        }
    }

    /// One entry, read.
    fn entry(&self, partition: Partition, seq: Seq) -> Result<Entry, Error> {
        let bytes = self
            .entries_at(partition, &[seq])?
            .pop()
            .ok_or_else(|| Error::unreadable(format!("entry {partition}:{seq}")))?;
        Ok(Entry::decode(&bytes)?.0)
    }
}

/// The first key behind all chunks of a record.
fn behind_record(partition: Partition, subject: SubjectId) -> Key {
    chunk_key(&record_key(partition, subject), u8::MAX)
}

/// The durable state at one moment. Keep it for one short read.
pub(crate) struct Durable<'a> {
    store: &'a dyn Store,
    view: Box<dyn View + 'a>,
}

impl<'a> Durable<'a> {
    /// The state now.
    pub(crate) fn new(store: &'a dyn Store) -> Result<Self, Error> {
        Ok(Self { store, view: store.view()? })
    }
}

impl State for Durable<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        Ok(self.view.get(key)?)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error> {
        Ok(self.view.scan(range, direction, limit)?)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.store.entries_at(partition, at)?)
    }
}

/// The durable state, looked at anew for every key: for long reads that are pinned to a position
/// and for the writer, beside whom nobody writes.
pub(crate) struct Live<'a>(pub(crate) &'a dyn Store);

impl State for Live<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        Ok(self.0.view()?.get(key)?)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error> {
        Ok(self.0.view()?.scan(range, direction, limit)?)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.0.entries_at(partition, at)?)
    }
}
