//! The state as it was before a command.

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        position::{Partition, Seq},
    },
    registry::{
        error::Error,
        insured::Noted,
        record::{Meta, Record},
        state::State,
        work::Work,
    },
    store::{Direction, Key, KeyRange, Value},
};

/// The state but for what a command has changed.
pub(super) struct Before<'w, 'a> {
    pub work: &'w Work<'a>,
    pub noted: &'w Noted,
}

impl State for Before<'_, '_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        self.work.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error> {
        self.work.scan(range, direction, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error> {
        self.work.entries_at(partition, at)
    }

    fn record(&self, partition: Partition, subject: SubjectId) -> Result<Option<Record>, Error> {
        match self.noted.get(&subject).filter(|_| subject.partition() == partition) {
            Some(before) => Ok(before.as_deref().cloned()),
            None => self.work.record(partition, subject),
        }
    }

    fn known_of_kind(
        &self,
        partition: Partition,
        kind: Kind,
        after: Option<SubjectId>,
        limit: usize,
    ) -> Result<Vec<SubjectId>, Error> {
        self.work.known_of_kind(partition, kind, after, limit)
    }

    fn meta(&self, partition: Partition) -> Result<Meta, Error> {
        self.work.meta(partition)
    }
}
