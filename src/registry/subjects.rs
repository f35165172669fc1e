//! Subjects at the ends of keys, read some at a time.

use crate::{
    kernel::id::SubjectId,
    registry::{
        error::Error,
        space::{after, below, subject_at_end},
        state::State,
    },
    store::{Direction, Key, KeyRange},
};

/// Keys read at a time.
const KEYS: usize = 512;

/// The subjects at the ends of the keys with a prefix, in the order of the keys.
pub(crate) struct Subjects {
    range: KeyRange,
    /// What was read and not handed on, last first.
    ahead: Vec<SubjectId>,
    is_read: bool,
}

impl Subjects {
    /// Nothing read yet.
    pub(crate) fn below(prefix: Key) -> Self {
        Self::within(below(prefix))
    }

    /// The same of a range of keys.
    pub(crate) const fn within(range: KeyRange) -> Self {
        Self { range, ahead: Vec::new(), is_read: false }
    }

    /// The next one.
    pub(crate) fn next(&mut self, state: &dyn State) -> Result<Option<SubjectId>, Error> {
        while self.ahead.is_empty() && !self.is_read {
            let keys = state.scan(&self.range, Direction::Up, KEYS)?;
            self.is_read = keys.len() < KEYS;
            if let Some((last, _)) = keys.last() {
                self.range = after(self.range.clone(), last);
            }
            self.ahead.extend(keys.iter().rev().filter_map(|(key, _)| subject_at_end(key)));
        }
        Ok(self.ahead.pop())
    }
}
