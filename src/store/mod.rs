//! Where bytes are kept: entries in order, and a sorted map of state beside them.
//!
//! A store knows partitions, numbers of entries, keys and values, and nothing of what they mean.
//! It is blocking. Entries are the system of record; state can be thrown away and computed again
//! from them, and a store says for each partition up to which entry its state reflects them.
//!
//! What stays true: a reader sees only what is durable; a group is visible and durable as a whole
//! or not at all; the state never reflects an entry that the journal does not hold.

mod check;
#[cfg(test)]
mod conformance;
pub mod embedded;
pub mod memory;
mod sum;

pub use self::sum::with_sum_of;
use crate::kernel::position::{Partition, Seq};

/// A key: the partition's three bytes come first, always.
pub type Key = Vec<u8>;
/// A value: at most [`crate::kernel::limit::VALUE_BYTES_MAX`] bytes.
pub type Value = Vec<u8>;

/// One key's new value, or `None` to take the key away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which key.
    pub key: Key,
    /// What it holds from now on.
    pub value: Option<Value>,
}

/// One entry to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The partition.
    pub partition: Partition,
    /// Its number: one more than the entry before.
    pub seq: Seq,
    /// Its bytes, at most [`crate::kernel::limit::ENTRY_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// What some whole entries change in the state. A crash may lie between two steps of a group, never
/// inside one: so replay goes on after the last entry of the last step that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// For each partition touched, the last entry that this step reflects.
    pub applied: Vec<(Partition, Seq)>,
    /// The changes, each key once.
    pub writes: Vec<Write>,
}

/// One group commit: whole commands of one or more partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The entries, in order. Those of one partition follow its head without a gap.
    pub entries: Vec<NewEntry>,
    /// What they change, in order.
    pub steps: Vec<Step>,
}

/// How far a partition has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The partition.
    pub partition: Partition,
    /// Its last durable entry.
    pub seq: Seq,
    /// The last entry that its state reflects; never more than `seq`.
    pub applied: Seq,
}

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Up,
    /// From the largest key down.
    Down,
}

/// Part of the state's keys: from `from` (included) to `to` (not included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key that may be in it.
    pub from: Key,
    /// The first key beyond it.
    pub to: Key,
}

/// The state as it is at one moment. Short-lived: at most
/// [`crate::kernel::limit::VIEW_ROWS_MAX`] rows, since writers wait for it.
///
/// A thread holds one view of a store at a time and writes nothing while it does: it would wait
/// for itself. Entries and heads may be asked for beside it.
pub trait View {
    /// The last entry of `partition` that what is seen here reflects.
    fn applied(&self, partition: Partition) -> Seq;

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError>;

    /// At most `limit` keys of `range` with their values, in the order of `direction`.
    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError>;
}

/// How much to read at a time. At least one entry is given if there is one; of more, none that
/// would go beyond either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At most so many entries.
    pub entries: usize,
    /// At most so many bytes.
    pub bytes: usize,
}

/// Entries and state. One value serves all threads.
pub trait Store: Send + Sync {
    /// The state now.
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError>;

    /// Appends the entries and, once they are durable, changes the state.
    ///
    /// When it returns `Ok` everything is durable and visible. After [`StoreError::Unavailable`] it
    /// is unknown whether the entries are durable, and the store takes no more of them until it is
    /// opened again. Every other error means that nothing was written.
    ///
    /// The entries of a group without steps wait for a replay; until then a group with steps for
    /// their partitions is refused as [`StoreError::Rebuilding`].
    fn commit(&self, group: Group) -> Result<(), StoreError>;

    /// Changes the state for entries that are already durable: replay. Clears nothing.
    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError>;

    /// The durable entries of `partition` from number `from` on.
    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The durable entries with these numbers, in this order.
    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Puts other bytes in the place of a durable entry's: as many, and with the same CRC-32C; others
    /// are refused, and nothing was written. When it returns `Ok`, the old ones are nowhere in the
    /// store any more. When it does not, or the process ends first, the entry is as it was, or is
    /// overwritten to the end when the store is opened again. Nobody reads the entry meanwhile.
    fn overwrite(&self, partition: Partition, seq: Seq, bytes: &[u8]) -> Result<(), StoreError>;

    /// Every partition that has an entry, in order.
    fn heads(&self) -> Vec<Head>;

    /// Throws the whole state away: `applied` is 0 everywhere afterwards.
    fn clear_state(&self) -> Result<(), StoreError>;

    /// Whether the state was found damaged: it must be cleared and replayed.
    fn state_damaged(&self) -> bool {
        false
    }

    /// What the store takes on its medium and how it fares, for metrics.
    fn stats(&self) -> Stats;
}

/// Figures of a store, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of the state on disk.
    pub state_bytes: u64,
    /// Syncs done since the start.
    pub sync_count: u64,
    /// Microseconds spent in them.
    pub sync_micros: u64,
    /// Whether writes are refused until restart, and reads still served.
    pub read_only: bool,
}

/// What can go wrong outside our own rules.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The group does not follow the head: somebody else wrote. Nothing was written.
    #[error("partition {partition}: entry {found} cannot follow entry {head}")]
    Conflict {
        /// The partition.
        partition: Partition,
        /// Its last entry.
        head: Seq,
        /// The number that was to follow.
        found: Seq,
    },
    /// The disk has too little room left; reads go on. Nothing was written.
    #[error("only {free} bytes are free on the disk and {reserve} are kept in reserve")]
    DiskReserve {
        /// Bytes free.
        free: u64,
        /// Bytes kept.
        reserve: u64,
    },
    /// A write or a sync failed; what was being written may or may not be there after a restart.
    #[error("the journal cannot be written: {0}")]
    Unavailable(String),
    /// The state is being computed again; reads and writes wait.
    #[error("the state is being rebuilt: {done} of {total} entries")]
    Rebuilding {
        /// Entries replayed.
        done: u64,
        /// Entries in all.
        total: u64,
    },
    /// What was written is not what is read: a named place.
    #[error("damage at {place}: {what}")]
    Damage {
        /// File and offset, or partition and entry.
        place: String,
        /// What was expected and found.
        what: String,
    },
    /// Another process has the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(String),
    /// Anything else of the operating system.
    #[error("{what}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
