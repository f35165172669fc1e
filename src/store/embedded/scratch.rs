//! A second state for the entries of a store, in a directory of its own, to compare the first with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Group, Head, Limit, Stats, Step, Store, StoreError, View, check,
        embedded::{
            EmbeddedOptions, EmbeddedStore,
            state::{self, Applied, Prepared, Refused, State, StateOptions},
        },
    },
};

/// The directory, below that of the data: so the same disk is used, and the same lock holds.
const DIRECTORY: &str = "state.scratch";

/// The entries of `journal` with an empty state, which is thrown away in the end.
pub struct Scratch<'a> {
    journal: &'a EmbeddedStore,
    state: State,
    path: PathBuf,
}

impl std::fmt::Debug for Scratch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> Scratch<'a> {
    /// Begins with an empty state. What an earlier run left is removed: the lock of the data
    /// directory is held, so nobody is using it.
    pub fn new(journal: &'a EmbeddedStore, options: &EmbeddedOptions) -> Result<Self, StoreError> {
        let path = journal.path.join(DIRECTORY);
        state::remove_tree(&path)?;
        let state_options = StateOptions {
            path: path.clone(),
            aside: path.clone(),
            directory: journal.directory,
            cache_bytes: options.cache_bytes,
            buffer_bytes: options.buffer_bytes,
            flush_every_ms: options.flush_every_ms,
            is_kept: false,
        };
        let opened = state::open(&state_options).map_err(|refused| match refused {
            Refused::Busy => StoreError::InUse(path.display().to_string()),
            Refused::Unfit(what) => StoreError::Damage { place: path.display().to_string(), what },
        })?;
        Ok(Self { journal, state: State::new(state_options, opened), path })
    }

    /// Where the state is, until this is dropped.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store for Scratch<'_> {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(self.state.view()))
    }

    /// Always refused: the entries are another store's.
    fn commit(&self, _: Group) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("it is only read here".to_owned()))
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        let heads = self.heads();
        let head = |partition: Partition| {
            heads.iter().find(|head| head.partition == partition).map_or(0, |head| head.seq)
        };
        check::steps(&steps, &head, &|partition| self.state.applied(partition));
        // Of which frames it is does not matter: nobody ever opens it again.
        let place = |(partition, seq)| (partition, Applied { seq, frame: 0, crc: 0 });
        let prepare =
            |step: Step| Prepared::new(step.writes, step.applied.into_iter().map(place).collect());
        let none = |_: &BTreeMap<Partition, Applied>| {};
        self.state.apply(steps.into_iter().map(prepare).collect(), none)
    }

    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.journal.entries(partition, from, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.journal.entries_at(partition, at)
    }

    /// Always refused: the entries are another store's.
    fn overwrite(&self, _: Partition, _: Seq, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("it is only read here".to_owned()))
    }

    fn heads(&self) -> Vec<Head> {
        let head = |head: Head| Head { applied: self.state.applied(head.partition), ..head };
        self.journal.heads().into_iter().map(head).collect()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        self.state.clear(|| {})
    }

    fn stats(&self) -> Stats {
        Stats { state_bytes: self.state.bytes(), ..Stats::default() }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.state.discard();
        if let Err(error) = state::remove_tree(&self.path) {
            tracing::warn!(error = %error, "the scratch state could not be removed");
        }
    }
}
