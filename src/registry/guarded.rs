//! The store as everybody but a rebuild sees it: its state is not read while it is damaged or being
//! computed again.
//!
//! What stays true: whoever was given a view sees a whole state. The gate is shut before a state is
//! cleared and opened after the last entry was replayed, and it is looked at while the view is held,
//! which a clearing has to wait for. Entries and heads need no state and are read as ever.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    kernel::position::{Partition, Seq},
    registry::error::Error,
    store::{
        Direction, Group, Head, Key, KeyRange, Limit, Stats, Step, Store, StoreError, Value, View,
    },
};

/// For so long a state that was computed again is believed to be as the journal has it: a value in
/// it that cannot be read is then a mistake of ours, and computing it once more would not help.
const BELIEVED: Duration = Duration::from_secs(3_600);

/// Whether the state may be read.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_shut: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    /// When the state was last computed again.
    mended: Mutex<Option<Instant>>,
}

impl Gate {
    /// Lets nobody read the state any more: it must be computed again.
    pub(crate) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    /// Says how many entries are replayed, and of how many.
    pub(crate) fn advance(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::SeqCst);
        self.total.store(total, Ordering::SeqCst);
    }

    /// The state is whole again.
    pub(crate) fn open(&self) {
        self.advance(0, 0);
        *self.mended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.is_shut.store(false, Ordering::SeqCst);
    }

    /// Whether the state may not be read.
    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::SeqCst)
    }
}

/// A store behind a gate.
pub(crate) struct Guarded {
    inner: Arc<dyn Store>,
    gate: Gate,
}

impl Guarded {
    /// A store whose state is whole.
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, gate: Gate::default() }
    }

    /// The gate.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The store itself, for whoever computes the state again.
    pub(crate) fn inner(&self) -> &dyn Store {
        self.inner.as_ref()
    }

    /// Passes an outcome on. A value of the state that could not be read shuts the gate, unless the
    /// state was computed again not long ago.
    pub(crate) fn noticed<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        outcome.map_err(|error| {
            let Error::StateDamaged(what) = &error else { return error };
            tracing::error!(what, "the state was found damaged while it was read");
            let mended = *self.gate.mended.lock().unwrap_or_else(PoisonError::into_inner);
            if mended.is_some_and(|at| at.elapsed() < BELIEVED) && !self.gate.is_shut() {
                return error;
            }
            self.gate.shut();
            Error::Store(self.refusal())
        })
    }

    /// What is told while the gate is shut.
    pub(crate) fn refusal(&self) -> StoreError {
        let mut total = self.gate.total.load(Ordering::SeqCst);
        if total == 0 {
            total = self.inner.heads().iter().map(|head| head.seq).sum();
        }
        StoreError::Rebuilding { done: self.gate.done.load(Ordering::SeqCst), total }
    }
}

/// A view through the gate.
struct GuardedView<'a> {
    store: &'a Guarded,
    inner: Box<dyn View + 'a>,
}

impl GuardedView<'_> {
    /// Damage that is met shuts the gate; the writer finds it shut and rebuilds.
    fn notice<T>(&self, found: Result<T, StoreError>) -> Result<T, StoreError> {
        found.map_err(|error| match error {
            StoreError::Damage { place, what } => {
                tracing::error!(place, what, "the state was found damaged while it was read");
                self.store.gate.shut();
                self.store.refusal()
            }
            other => other,
        })
    }
}

impl View for GuardedView<'_> {
    fn applied(&self, partition: Partition) -> Seq {
        self.inner.applied(partition)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.notice(self.inner.get(key))
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        self.notice(self.inner.scan(range, direction, limit))
    }
}

impl Store for Guarded {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        // Not to wait for a state that is just being cleared.
        if self.gate.is_shut() {
            return Err(self.refusal());
        }
        let inner = self.inner.view()?;
        if self.gate.is_shut() {
            drop(inner);
            return Err(self.refusal());
        }
        Ok(Box::new(GuardedView { store: self, inner }))
    }

    fn commit(&self, group: Group) -> Result<(), StoreError> {
        if self.gate.is_shut() {
            return Err(self.refusal());
        }
        let committed = self.inner.commit(group);
        if committed.is_err() && self.inner.state_damaged() {
            self.gate.shut();
        }
        committed
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        self.inner.replay(steps)
    }

    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.inner.entries(partition, from, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.inner.entries_at(partition, at)
    }

    fn overwrite(&self, partition: Partition, seq: Seq, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.overwrite(partition, seq, bytes)
    }

    fn heads(&self) -> Vec<Head> {
        self.inner.heads()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        self.inner.clear_state()
    }

    fn state_damaged(&self) -> bool {
        self.inner.state_damaged()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}
