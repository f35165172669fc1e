//! The state in sled 0.34.7: disposable, and never believed without a reason.
//!
//! One tree. Keys of ours begin with `m`, those of the caller with `k`:
//!
//! ```text
//! mv                version of this layout (1 byte), the data directory's id (16)
//! mp + partition    last entry applied (8), number (8) and CRC (4) of the frame it lies in
//! k  + key          value
//! ```
//!
//! What stays true: a step is one batch, and the positions that it reaches are in that batch. A
//! reader holds the lock for reading, all steps of a group are written under the lock for writing,
//! since sled's iterators walk the live tree. Whatever sled does wrong, panics included, becomes
//! [`StoreError::Damage`] and sets the flag that asks for a rebuild.

use std::{
    collections::BTreeMap,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sled::{Batch, Db};

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Key, KeyRange, StoreError, Value, View, Write,
        embedded::{
            frame::{u32_at, u64_at},
            segment::DirectoryId,
        },
    },
};

const LAYOUT: u8 = 1;
const VERSION_KEY: &[u8] = b"mv";
const POSITION_PREFIX: &[u8] = b"mp";
/// How long a lock of sled's may outlive its owner.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// How far the state of a partition has come, and in which frame of the journal that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) seq: Seq,
    pub(crate) frame: u64,
    pub(crate) crc: u32,
}

/// How sled is opened.
#[derive(Clone, Debug)]
pub(crate) struct StateOptions {
    /// The directory of the state.
    pub(crate) path: PathBuf,
    /// Where a state that is not believed is put. Only one is kept.
    pub(crate) aside: PathBuf,
    pub(crate) directory: DirectoryId,
    pub(crate) cache_bytes: u64,
    pub(crate) flush_every_ms: u64,
}

/// A step made ready to be written.
pub(crate) struct Prepared {
    batch: Batch,
    applied: Vec<(Partition, Applied)>,
}

/// A state that was just opened and not looked at yet.
pub(crate) struct Opened {
    pub(crate) db: Db,
    pub(crate) applied: BTreeMap<Partition, Applied>,
}

/// The state.
pub(crate) struct State {
    options: StateOptions,
    tree: RwLock<Tree>,
    damaged: AtomicBool,
}

struct Tree {
    /// `None` after a rebuild could not open a new one.
    db: Option<Db>,
    applied: BTreeMap<Partition, Applied>,
}

impl Prepared {
    pub(crate) fn new(writes: Vec<Write>, applied: Vec<(Partition, Applied)>) -> Self {
        let mut batch = Batch::default();
        for write in writes {
            match write.value {
                Some(value) => batch.insert(state_key(&write.key), value),
                None => batch.remove(state_key(&write.key)),
            }
        }
        for (partition, applied) in &applied {
            let mut value = applied.seq.to_le_bytes().to_vec();
            value.extend_from_slice(&applied.frame.to_le_bytes());
            value.extend_from_slice(&applied.crc.to_le_bytes());
            batch.insert(position_key(*partition), value);
        }
        Self { batch, applied }
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

/// Opens what is there, or makes an empty state.
pub(crate) fn open(options: &StateOptions) -> Result<Opened, Refused> {
    let db = open_sled(options)?;
    let read = guarded(|| read_positions(&db, options.directory));
    match read {
        Ok(Ok(applied)) => Ok(Opened { db, applied }),
        Ok(Err(why)) | Err(why) => {
            release(db, &options.path);
            Err(Refused::Unfit(why))
        }
    }
}

/// Puts the state directory where it can be looked at, in place of the one put there before.
pub(crate) fn set_aside(options: &StateOptions) -> Result<(), StoreError> {
    remove_tree(&options.aside)?;
    match fs::rename(&options.path, &options.aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("the state cannot be set aside", &options.path, error))
        }
        _ => Ok(()),
    }
}

/// Closes sled and waits until nothing of it holds its files, so that the directory can be moved.
/// Says whether that came about.
pub(crate) fn release(db: Db, path: &Path) -> bool {
    let dropped = guarded(move || drop(db)).is_ok();
    let file = path.join("db");
    let begin = Instant::now();
    loop {
        match fs::File::open(&file).map(|file| file.try_lock()) {
            Ok(Ok(())) | Err(_) => return dropped,
            Ok(Err(_)) if begin.elapsed() > LOCK_PATIENCE => return false,
            Ok(Err(_)) => thread::sleep(LOCK_PAUSE),
        }
    }
}

impl State {
    pub(crate) fn new(options: StateOptions, opened: Opened) -> Self {
        let tree = Tree { db: Some(opened.db), applied: opened.applied };
        Self { options, tree: RwLock::new(tree), damaged: AtomicBool::new(false) }
    }

    pub(crate) fn damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst)
    }

    pub(crate) fn applied(&self, partition: Partition) -> Seq {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        tree.applied.get(&partition).map_or(0, |applied| applied.seq)
    }

    /// A mistake of the caller otherwise: a thread that writes while it reads waits for itself.
    pub(crate) fn assert_not_viewed(&self) {
        held::assert_none(self);
    }

    pub(crate) fn view(&self) -> StateView<'_> {
        held::take(self);
        StateView { state: self, tree: self.tree.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Writes the steps in order, then calls `publish`, all under one lock.
    pub(crate) fn apply(
        &self,
        steps: Vec<Prepared>,
        publish: impl FnOnce(&BTreeMap<Partition, Applied>),
    ) -> Result<(), StoreError> {
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        let result = self.write_steps(&mut tree, steps);
        publish(&tree.applied);
        result
    }

    /// Replaces the state by an empty one, then calls `publish`.
    ///
    /// A damaged one is set aside, any other is removed.
    pub(crate) fn clear(&self, publish: impl FnOnce()) -> Result<(), StoreError> {
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        tree.applied.clear();
        publish();
        if let Some(db) = tree.db.take() {
            release(db, &self.options.path);
        }
        if self.damaged() {
            set_aside(&self.options)?;
        } else {
            remove_tree(&self.options.path)?;
        }
        let opened = open(&self.options).map_err(|refused| match refused {
            Refused::Busy => self.damage("another process has it"),
            Refused::Unfit(what) => self.damage(what),
        })?;
        tree.db = Some(opened.db);
        self.damaged.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Closes sled and makes its files durable; says whether everything went well.
    pub(crate) fn close(&self) -> bool {
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        let Some(db) = tree.db.take() else { return false };
        release(db, &self.options.path) && sync_tree(&self.options.path).is_ok() && !self.damaged()
    }

    /// Bytes of the state's files.
    pub(crate) fn bytes(&self) -> u64 {
        tree_bytes(&self.options.path)
    }

    fn write_steps(
        &self,
        tree: &mut RwLockWriteGuard<'_, Tree>,
        steps: Vec<Prepared>,
    ) -> Result<(), StoreError> {
        for step in steps {
            let db = self.open_db(tree.db.as_ref())?;
            self.ask(|| db.apply_batch(step.batch))?;
            tree.applied.extend(step.applied);
        }
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
        let db = self.state.open_db(self.tree.db.as_ref())?;
        let value = self.state.ask(|| db.get(state_key(key)))?;
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
        let db = self.state.open_db(self.tree.db.as_ref())?;
        let rows = db.range(state_key(&range.from)..state_key(&range.to));
        let owned = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            row.map(|(key, value)| (key.get(1..).unwrap_or_default().to_vec(), value.to_vec()))
        };
        self.state.ask(move || match direction {
            Direction::Up => rows.take(limit).map(owned).collect(),
            Direction::Down => rows.rev().take(limit).map(owned).collect(),
        })
    }
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

/// Runs `action`; a panic becomes its message.
fn guarded<T>(action: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("sled panicked: {}", text.unwrap_or("it does not say why"))
    })
}

fn open_sled(options: &StateOptions) -> Result<Db, Refused> {
    let config = sled::Config::new()
        .path(&options.path)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(options.flush_every_ms));
    let begin = Instant::now();
    loop {
        match guarded(|| config.open()) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(sled::Error::Io(error))) if error.to_string().contains("acquire lock") => {
                // A process that was killed may hold the lock for a moment longer.
                if begin.elapsed() > LOCK_PATIENCE {
                    return Err(Refused::Busy);
                }
                thread::sleep(LOCK_PAUSE);
            }
            Ok(Err(error)) => {
                return Err(Refused::Unfit(format!("sled does not open it: {error}")));
            }
            Err(panic) => return Err(Refused::Unfit(panic)),
        }
    }
}

fn read_positions(db: &Db, directory: DirectoryId) -> Result<BTreeMap<Partition, Applied>, String> {
    let says = |error: sled::Error| format!("sled does not read it: {error}");
    let mut version = vec![LAYOUT];
    version.extend_from_slice(&directory.0);
    match db.get(VERSION_KEY).map_err(says)? {
        Some(found) if found == version => {}
        Some(_) => return Err("it is of another data directory or layout".to_owned()),
        None if db.iter().next().is_none() => {
            db.insert(VERSION_KEY, version).map_err(says)?;
        }
        None => return Err("it does not say of which data directory it is".to_owned()),
    }
    let mut positions = BTreeMap::new();
    for row in db.scan_prefix(POSITION_PREFIX) {
        let (key, value) = row.map_err(says)?;
        let (partition, applied) =
            position(&key, &value).ok_or("a position in it cannot be read")?;
        positions.insert(partition, applied);
    }
    let rows_without_position =
        positions.is_empty() && db.scan_prefix(b"k").next().transpose().map_err(says)?.is_some();
    if rows_without_position {
        return Err("it does not say how far it has come".to_owned());
    }
    Ok(positions)
}

fn position(key: &[u8], value: &[u8]) -> Option<(Partition, Applied)> {
    let partition = Partition::from_bytes(key.strip_prefix(POSITION_PREFIX)?.try_into().ok()?);
    let applied =
        Applied { seq: u64_at(value, 0)?, frame: u64_at(value, 8)?, crc: u32_at(value, 16)? };
    (value.len() == 20).then_some((partition, applied))
}

fn state_key(key: &[u8]) -> Vec<u8> {
    let mut state_key = Vec::with_capacity(key.len() + 1);
    state_key.push(b'k');
    state_key.extend_from_slice(key);
    state_key
}

fn position_key(partition: Partition) -> Vec<u8> {
    [POSITION_PREFIX, &partition.to_bytes()].concat()
}

fn remove_tree(path: &Path) -> Result<(), StoreError> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("it cannot be removed", path, error))
        }
        _ => Ok(()),
    }
}

fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    fs::File::open(path)?.sync_all()
}

fn tree_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => tree_bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

fn io_error(what: &str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { what: format!("{}: {what}", path.display()), source }
}
