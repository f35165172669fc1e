//! The state: disposable, and never believed without a reason.
//!
//! What is written goes to a redo file and to a buffer in memory; when that is full, its writes go
//! to sled 0.34.7 in the order of their keys, by a thread of their own, while the next buffer
//! fills. Readers see the buffers over sled. So a key that is written often reaches sled seldom,
//! neighbours reach it together, and whoever commits or reads does not wait for it.
//!
//! One tree. Keys of ours begin with `m`, those of the caller with `k`:
//!
//! ```text
//! mv                version of this layout (1 byte), the data directory's id (16), incarnation (16)
//! mb                epoch whose writes began to go to sled last (8)
//! md                last epoch whose writes are all in sled (8)
//! mp + partition    last entry applied (8), number (8) and CRC (4) of the frame it lies in
//! k  + key          value
//! ```
//!
//! What stays true: what sled lacks of an epoch is in the epoch's redo file, until sled has written
//! all of it out. A reader holds the lock for reading, a group is shown under the lock for writing,
//! and a buffer is dropped under it once sled has all of it. Whatever sled does wrong, panics
//! included, becomes [`StoreError::Damage`] and sets the flag that asks for a rebuild.

mod buffer;
mod drain;
mod opened;
mod redo;
mod tree;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use sled::Db;

use self::{
    buffer::{Buffer, merged},
    drain::Drain,
    opened::position_row,
    redo::{Begin, Redo},
    tree::{guarded, sync_tree, tree_bytes},
};
pub(crate) use self::{
    opened::{Opened, open},
    tree::{release, remove_tree, set_aside},
};
use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Key, KeyRange, StoreError, Value, View, Write, embedded::segment::DirectoryId,
    },
};

/// How far the state of a partition has come, and in which frame of the journal that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) seq: Seq,
    pub(crate) frame: u64,
    pub(crate) crc: u32,
}

/// How the state is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateOptions {
    /// The directory of the state.
    pub(crate) path: PathBuf,
    /// Where a state that is not believed is put. Only one is kept.
    pub(crate) aside: PathBuf,
    pub(crate) directory: DirectoryId,
    pub(crate) cache_bytes: u64,
    /// Bytes of writes after which they begin to go to sled.
    pub(crate) buffer_bytes: u64,
    pub(crate) flush_every_ms: u64,
    /// Whether anybody will open it again after the process ended.
    pub(crate) is_kept: bool,
}

/// A step made ready to be written.
pub(crate) struct Prepared {
    writes: Vec<Write>,
    applied: BTreeMap<Partition, Applied>,
}

/// The state.
pub(crate) struct State {
    shared: Arc<Shared>,
    drain: Mutex<Option<Drain>>,
}

/// What the thread that writes to sled has as well.
pub(super) struct Shared {
    options: StateOptions,
    tree: RwLock<Tree>,
    damaged: AtomicBool,
}

struct Tree {
    /// `None` after a rebuild could not open a new one.
    db: Option<Db>,
    applied: BTreeMap<Partition, Applied>,
    incarnation: [u8; 16],
    /// The epoch of the newer buffer.
    epoch: u64,
    /// What is on its way to sled.
    older: Arc<Buffer>,
    newer: Buffer,
    /// The epoch's file, once something was written in it.
    redo: Option<Redo>,
}

impl From<Opened> for Tree {
    fn from(opened: Opened) -> Self {
        Self {
            db: Some(opened.db),
            applied: opened.applied,
            incarnation: opened.incarnation,
            epoch: opened.epoch,
            older: Arc::new(opened.older.unwrap_or_default()),
            newer: opened.newer,
            redo: opened.redo,
        }
    }
}

impl Prepared {
    pub(crate) fn new(mut writes: Vec<Write>, applied: Vec<(Partition, Applied)>) -> Self {
        for write in &mut writes {
            write.key.insert(0, b'k');
        }
        for (partition, applied) in &applied {
            let (key, value) = position_row(*partition, applied);
            writes.push(Write { key, value: Some(value) });
        }
        Self { writes, applied: applied.into_iter().collect() }
    }
}

/// Why a state was not opened.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another process has it.
    Busy,
    /// It is not to be believed, and this is why.
    Unfit(String),
}

impl State {
    pub(crate) fn new(options: StateOptions, opened: Opened) -> Self {
        let tree = Tree::from(opened);
        let shared =
            Arc::new(Shared { options, tree: RwLock::new(tree), damaged: AtomicBool::new(false) });
        let state = Self { shared, drain: Mutex::default() };
        state.go_on_draining();
        state
    }

    pub(crate) fn damaged(&self) -> bool {
        self.shared.damaged.load(Ordering::SeqCst)
    }

    pub(crate) fn applied(&self, partition: Partition) -> Seq {
        let tree = self.shared.read();
        tree.applied.get(&partition).map_or(0, |applied| applied.seq)
    }

    /// A mistake of the caller otherwise: a thread that writes while it reads waits for itself.
    pub(crate) fn assert_not_viewed(&self) {
        held::assert_none(self);
    }

    pub(crate) fn view(&self) -> StateView<'_> {
        held::take(self);
        StateView { state: self, tree: self.shared.read() }
    }

    /// Writes the steps in order, then calls `publish`, all under one lock. One thread at a time.
    pub(crate) fn apply(
        &self,
        steps: Vec<Prepared>,
        publish: impl FnOnce(&BTreeMap<Partition, Applied>),
    ) -> Result<(), StoreError> {
        let mut tree = self.shared.write();
        let result = self.shared.take_in(&mut tree, steps);
        publish(&tree.applied);
        let is_full = tree.newer.bytes() as u64 >= self.shared.options.buffer_bytes;
        drop(tree);
        result?;
        if is_full { self.turn_over() } else { Ok(()) }
    }

    /// Replaces the state by an empty one, then calls `publish`.
    ///
    /// A damaged one is set aside, any other is removed.
    pub(crate) fn clear(&self, publish: impl FnOnce()) -> Result<(), StoreError> {
        self.stop_draining();
        let shared = &self.shared;
        let mut tree = shared.write();
        tree.applied.clear();
        tree.older = Arc::default();
        tree.newer = Buffer::default();
        tree.redo = None;
        publish();
        if let Some(db) = tree.db.take() {
            release(db, &shared.options.path);
        }
        if self.damaged() {
            set_aside(&shared.options)?;
        } else {
            remove_tree(&shared.options.path)?;
        }
        let opened = open(&shared.options).map_err(|refused| match refused {
            Refused::Busy => shared.damage("another process has it"),
            Refused::Unfit(what) => shared.damage(what),
        })?;
        *tree = Tree::from(opened);
        shared.damaged.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Closes sled, with everything in it, and makes its files durable; says whether everything
    /// went well.
    pub(crate) fn close(&self) -> bool {
        let shared = &self.shared;
        let is_in_sled = self.turn_over().is_ok();
        self.wait_for_drain();
        let mut tree = shared.write();
        let Some(db) = tree.db.take() else { return false };
        let is_whole = is_in_sled && tree.older.is_empty() && tree.newer.is_empty();
        release(db, &shared.options.path)
            && sync_tree(&shared.options.path).is_ok()
            && is_whole
            && !self.damaged()
    }

    /// Closes sled without making anything durable: for a state that is thrown away.
    pub(crate) fn discard(&self) {
        self.stop_draining();
        let mut tree = self.shared.write();
        if let Some(db) = tree.db.take() {
            release(db, &self.shared.options.path);
        }
    }

    /// Bytes of the state's files.
    pub(crate) fn bytes(&self) -> u64 {
        tree_bytes(&self.shared.options.path)
    }

    /// Begins another buffer; what is in this one goes to sled once the one before it has.
    fn turn_over(&self) -> Result<(), StoreError> {
        self.wait_for_drain();
        let mut tree = self.shared.write();
        if self.damaged() || !tree.older.is_empty() {
            return Err(self.shared.damage("not everything written to it has reached sled"));
        }
        if tree.newer.is_empty() {
            return Ok(());
        }
        if let Some(redo) = tree.redo.take() {
            redo.seal().map_err(|error| self.shared.redo_failed(&error))?;
        }
        tree.older = Arc::new(std::mem::take(&mut tree.newer));
        tree.epoch += 1;
        drop(tree);
        self.go_on_draining();
        Ok(())
    }

    /// Starts the thread that writes the older buffer to sled, if there is anything in it.
    fn go_on_draining(&self) {
        let tree = self.shared.read();
        let Some(db) = tree.db.clone().filter(|_| !tree.older.is_empty()) else { return };
        let (buffer, epoch) = (Arc::clone(&tree.older), tree.epoch - 1);
        drop(tree);
        let drain = Drain::start(Arc::clone(&self.shared), db, buffer, epoch);
        match drain {
            Ok(drain) => *self.drain() = Some(drain),
            Err(error) => {
                self.shared.damage(format!("no thread can be started to write it: {error}"));
            }
        }
    }

    fn wait_for_drain(&self) {
        if let Some(drain) = self.drain().take() {
            drain.wait();
        }
    }

    fn stop_draining(&self) {
        if let Some(drain) = self.drain().take() {
            drain.stop();
        }
    }

    fn drain(&self) -> std::sync::MutexGuard<'_, Option<Drain>> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for State {
    /// sled outlives its last handle for a moment, and the thread has one.
    fn drop(&mut self) {
        self.stop_draining();
    }
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Tree> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Tree> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, tree: &mut Tree, steps: Vec<Prepared>) -> Result<(), StoreError> {
        self.open_db(tree.db.as_ref())?;
        if self.options.is_kept && !steps.is_empty() {
            self.note(tree, &steps).map_err(|error| self.redo_failed(&error))?;
        }
        for step in steps {
            for write in step.writes {
                tree.newer.put(write.key, write.value);
            }
            tree.applied.extend(step.applied);
        }
        Ok(())
    }

    /// Writes the steps to the epoch's redo file.
    fn note(&self, tree: &mut Tree, steps: &[Prepared]) -> std::io::Result<()> {
        let mut redo = match tree.redo.take() {
            Some(redo) => redo,
            None => Redo::begin(
                &self.options.path,
                &Begin {
                    directory: self.options.directory,
                    incarnation: tree.incarnation,
                    epoch: tree.epoch,
                    positions: tree.applied.clone(),
                },
            )?,
        };
        for step in steps {
            let writes = step.writes.iter();
            redo.note(
                &step.applied,
                writes.map(|write| (write.key.as_slice(), write.value.as_deref())),
            )?;
        }
        redo.write()?;
        tree.redo = Some(redo);
        Ok(())
    }

    fn open_db<'a>(&self, db: Option<&'a Db>) -> Result<&'a Db, StoreError> {
        db.ok_or_else(|| self.damage("it is not open"))
    }

    /// Asks sled for something; whatever goes wrong is damage.
    fn ask<T>(&self, question: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
        match guarded(question) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.damage(error.to_string())),
            Err(panic) => Err(self.damage(panic)),
        }
    }

    fn redo_failed(&self, error: &std::io::Error) -> StoreError {
        self.damage(format!("its redo file cannot be written: {error}"))
    }

    fn damage(&self, what: impl Into<String>) -> StoreError {
        let (place, what) = (self.options.path.display().to_string(), what.into());
        if !self.damaged.swap(true, Ordering::SeqCst) {
            tracing::error!(state.path = place, damage = what, "the state must be rebuilt");
        }
        StoreError::Damage { place, what }
    }
}

/// The state, held still.
pub(crate) struct StateView<'a> {
    state: &'a State,
    tree: RwLockReadGuard<'a, Tree>,
}

impl Drop for StateView<'_> {
    fn drop(&mut self) {
        held::give_back(self.state);
    }
}

impl View for StateView<'_> {
    fn applied(&self, partition: Partition) -> Seq {
        self.tree.applied.get(&partition).map_or(0, |applied| applied.seq)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        let shared = &self.state.shared;
        let db = shared.open_db(self.tree.db.as_ref())?;
        let key = state_key(key);
        for buffer in [&self.tree.newer, self.tree.older.as_ref()] {
            if let Some(written) = buffer.get(&key) {
                return Ok(written.clone());
            }
        }
        let value = shared.ask(|| db.get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        if range.from >= range.to {
            return Ok(Vec::new());
        }
        let shared = &self.state.shared;
        let db = shared.open_db(self.tree.db.as_ref())?;
        let (from, to) = (state_key(&range.from), state_key(&range.to));
        let buffers = [self.tree.older.as_ref(), &self.tree.newer];
        let below = db.range(from.as_slice()..to.as_slice());
        let rows = shared.ask(|| match direction {
            Direction::Up => merged(below, buffers, (&from, &to), direction, limit),
            Direction::Down => merged(below.rev(), buffers, (&from, &to), direction, limit),
        })?;
        let ours = |(mut key, value): (Key, Value)| {
            key.remove(0);
            (key, value)
        };
        Ok(rows.into_iter().map(ours).collect())
    }
}

fn state_key(key: &[u8]) -> Vec<u8> {
    let mut state_key = Vec::with_capacity(key.len() + 1);
    state_key.push(b'k');
    state_key.extend_from_slice(key);
    state_key
}

/// Which states this thread has a view of. Looked at in debug builds only: what would be a rare
/// deadlock, when a writer comes between two views of one thread, is a panic there every time.
mod held {
    use std::{cell::RefCell, collections::BTreeSet};

    use crate::store::embedded::state::State;

    thread_local! {
        static HELD: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn take(state: &State) {
        if cfg!(debug_assertions) {
            let first = HELD.with_borrow_mut(|held| held.insert(address(state)));
            assert!(first, "this thread has a view of the store already");
        }
    }

    pub(super) fn give_back(state: &State) {
        if cfg!(debug_assertions) {
            HELD.with_borrow_mut(|held| held.remove(&address(state)));
        }
    }

    pub(super) fn assert_none(state: &State) {
        if cfg!(debug_assertions) {
            let holds = HELD.with_borrow(|held| held.contains(&address(state)));
            assert!(!holds, "this thread has a view of the store and would wait for itself");
        }
    }

    fn address(state: &State) -> usize {
        std::ptr::from_ref(state).addr()
    }
}
