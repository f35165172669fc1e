//! Subjects that keys tell of, read some at a time.

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        position::Partition,
    },
    registry::{
        error::Error,
        space::{after, below, subject_at_end},
        state::State,
    },
    store::{Direction, Key},
};

/// Keys read at a time.
const KEYS: usize = 512;

/// What the subjects of a list are found by.
#[derive(Clone, Debug)]
pub(crate) enum Candidates {
    /// They stand at the ends of the keys with a prefix.
    Below(Key),
    /// They are all of a kind that a partition ever knew.
    Of(Partition, Kind),
}

/// Some candidates, each with the place behind which a later page goes on.
pub(crate) struct CandidatePage {
    /// In the order of their places.
    pub(crate) found: Vec<(Key, SubjectId)>,
    /// Whether no more come.
    pub(crate) is_end: bool,
}

impl Candidates {
    /// The next ones behind a place; from the first on when it is empty.
    pub(crate) fn page(
        &self,
        state: &dyn State,
        behind: &[u8],
        limit: usize,
    ) -> Result<CandidatePage, Error> {
        match self {
            Self::Below(prefix) => {
                let mut range = below(prefix.clone());
                if !behind.is_empty() {
                    range = after(range, behind);
                }
                let keys = state.scan(&range, Direction::Up, limit)?;
                let is_end = keys.len() < limit;
                let found = keys.into_iter().filter_map(|(key, _)| {
                    let id = subject_at_end(&key)?;
                    Some((key, id))
                });
                Ok(CandidatePage { found: found.collect(), is_end })
            }
            Self::Of(partition, kind) => {
                let ids = state.known_of_kind(*partition, *kind, subject_at_end(behind), limit)?;
                let is_end = ids.len() < limit;
                let found = ids.into_iter().map(|id| (id.to_bytes().to_vec(), id));
                Ok(CandidatePage { found: found.collect(), is_end })
            }
        }
    }
}

/// Subjects, one after another.
pub(crate) struct Subjects {
    from: Candidates,
    behind: Key,
    /// What was read and not handed on, last first.
    ahead: Vec<SubjectId>,
    is_read: bool,
}

impl Subjects {
    /// Those at the ends of the keys with a prefix, in the order of the keys.
    pub(crate) const fn below(prefix: Key) -> Self {
        Self::of(Candidates::Below(prefix))
    }

    /// Those of a kind, rising.
    pub(crate) const fn of_kind(partition: Partition, kind: Kind) -> Self {
        Self::of(Candidates::Of(partition, kind))
    }

    const fn of(from: Candidates) -> Self {
        Self { from, behind: Vec::new(), ahead: Vec::new(), is_read: false }
    }

    /// The next one.
    pub(crate) fn next(&mut self, state: &dyn State) -> Result<Option<SubjectId>, Error> {
        while self.ahead.is_empty() && !self.is_read {
            let read = self.from.page(state, &self.behind, KEYS)?;
            self.is_read = read.is_end;
            if let Some((last, _)) = read.found.last() {
                self.behind.clone_from(last);
            }
            self.ahead.extend(read.found.iter().rev().map(|(_, id)| *id));
        }
        Ok(self.ahead.pop())
    }
}
