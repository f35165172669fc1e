//! The store of a registry on one machine: a journal of our own, and state in sled beside it.
//!
//! ```text
//! lock             held while a process has the directory
//! run              how the last run ended
//! journal/         segments, side files, torn tails that were cut
//! state/           sled; disposable
//! state.aside/     a state that was not believed; only one is kept
//! state.scratch/   a second state that the first is compared with, while that lasts
//! loading          there while the directory is being filled from a dump
//! overwriting      there while an entry is being overwritten where it lies
//! ```
//!
//! What stays true: `commit` returns only after everything that it wrote to the journal was synced;
//! the state never reflects an entry that the journal does not hold durably; a state that cannot be
//! shown to belong to the journal is set aside, never repaired.

mod close;
pub mod faults;
pub mod files;
mod frame;
mod index;
mod journal;
mod keeper;
mod loading;
mod marker;
mod open;
mod overwrite;
mod read;
mod recover;
mod scratch;
mod segment;
mod state;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

pub use self::{
    loading::Loading,
    scratch::Scratch,
    segment::DirectoryId,
    verify::{EachEntry, JournalReport, TornTail, for_each_entry, sync_journal, verify_journal},
};
use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Group, Head, Limit, Stats, Step, Store, StoreError, View, check,
        embedded::{
            files::{Files, SystemFiles},
            journal::{Appended, Journal},
            keeper::Keeper,
            state::{Applied, Prepared, State},
        },
    },
};

/// How an [`EmbeddedStore`] is run.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Bytes of state that sled keeps in memory.
    pub cache_bytes: u64,
    /// Bytes of changes to the state that are held in memory, and in a file beside sled, before they
    /// begin to go to sled. At most twice as much is held.
    pub buffer_bytes: u64,
    /// How often sled writes out what it holds, in milliseconds. Nothing waits for it; what it has
    /// not written when the process is killed is replayed.
    pub flush_every_ms: u64,
    /// Bytes of a journal segment, between 4 KiB and 1 GiB.
    pub segment_bytes: u64,
    /// What is kept free on the disk.
    pub reserve: Reserve,
    /// After nothing was written for so long the journal notes that all of it is durable.
    pub idle: Duration,
    /// How long to wait for the lock of a process that is just ending.
    pub lock_patience: Duration,
    /// Whether to believe a state that sled was not given the time to sync before the machine
    /// stopped. Only for those who compare its digest themselves.
    pub trust_unsynced_state: bool,
    /// The file operations of the journal.
    pub files: Arc<dyn Files>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 512 * 1024 * 1024,
            buffer_bytes: 32 * 1024 * 1024,
            flush_every_ms: 1_000,
            segment_bytes: 64 * 1024 * 1024,
            reserve: Reserve::default(),
            idle: Duration::from_secs(1),
            lock_patience: Duration::from_secs(3),
            trust_unsynced_state: false,
            files: Arc::new(SystemFiles),
        }
    }
}

/// Room on the disk below which nothing is written: the larger of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Bytes.
    pub bytes: u64,
    /// Parts in a hundred of the whole disk.
    pub percent: u64,
}

impl Default for Reserve {
    fn default() -> Self {
        Self { bytes: 1024 * 1024 * 1024, percent: 5 }
    }
}

impl Reserve {
    /// Bytes kept free on a disk of this size.
    pub fn bytes_of(self, total_bytes: u64) -> u64 {
        self.bytes.max(total_bytes / 100 * self.percent)
    }
}

/// What a start found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// The data directory's id.
    pub directory: DirectoryId,
    /// Frames of the journal.
    pub frame_count: u64,
    /// Entries of the journal.
    pub entry_count: u64,
    /// Whether the last run ended cleanly. True of a new directory.
    pub clean: bool,
    /// The torn tail that was cut.
    pub cut: Option<Cut>,
    /// Why the state was set aside; the caller replays.
    pub state_set_aside: Option<String>,
    /// Side files that were missing or damaged and made again.
    pub side_files_made: u32,
}

/// A torn tail that was cut: a write that nobody was told had succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// File and offset.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
    /// Where its bytes are kept.
    pub kept: PathBuf,
    /// How many.
    pub bytes: u64,
}

/// Journal and state in one data directory.
///
/// When sled fails while a group is applied, `commit` says [`StoreError::Unavailable`] though the
/// journal goes on: the group is durable, [`Store::state_damaged`] is true, and groups with
/// steps are refused until the state was cleared and replayed.
pub struct EmbeddedStore {
    options: EmbeddedOptions,
    path: PathBuf,
    directory: DirectoryId,
    boot: String,
    journal: Arc<Journal>,
    state: State,
    heads: Mutex<BTreeMap<Partition, Head>>,
    keeper: Keeper,
    closed: bool,
    /// Its lock is that of the directory.
    _lock: File,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// The data directory's id.
    pub fn directory(&self) -> DirectoryId {
        self.directory
    }

    fn prepare_replay(&self, steps: Vec<Step>) -> Result<Vec<Prepared>, StoreError> {
        let prepare = |step: Step| {
            let place = |(partition, seq): (Partition, Seq)| {
                if seq == 0 {
                    return Ok(None);
                }
                let (frame, crc) = self.journal.frame_of(partition, seq)?;
                Ok(Some((partition, Applied { seq, frame, crc })))
            };
            let applied = step.applied.into_iter().map(place);
            let applied = applied.collect::<Result<Vec<_>, StoreError>>()?;
            Ok(Prepared::new(step.writes, applied.into_iter().flatten().collect()))
        };
        steps.into_iter().map(prepare).collect()
    }

    /// Shows how far journal and state of these partitions have come.
    fn publish_heads(
        &self,
        partitions: impl IntoIterator<Item = Partition>,
        applied: &BTreeMap<Partition, Applied>,
    ) {
        let index = self.journal.index();
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in partitions {
            let seq = index.head(partition);
            if seq == 0 {
                continue;
            }
            let applied = applied.get(&partition).map_or(0, |applied| applied.seq);
            heads.insert(partition, Head { partition, seq, applied });
        }
    }

    /// Every partition that has an entry.
    fn partitions(&self) -> Vec<Partition> {
        self.journal.index().heads().map(|(partition, _)| partition).collect()
    }
}

/// The steps of a group whose frame is now known.
fn prepare(steps: Vec<Step>, frame: Option<&Appended>) -> Vec<Prepared> {
    let prepare = |step: Step| {
        let applied = step.applied.into_iter().filter_map(|(partition, seq)| {
            let Appended { frame, crc, .. } = frame?;
            Some((partition, Applied { seq, frame: *frame, crc: *crc }))
        });
        Prepared::new(step.writes, applied.collect())
    };
    steps.into_iter().map(prepare).collect()
}

impl Store for EmbeddedStore {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(self.state.view()))
    }

    fn commit(&self, group: Group) -> Result<(), StoreError> {
        self.state.assert_not_viewed();
        if group.entries.is_empty() {
            return self.replay(group.steps);
        }
        let mut writer = self.journal.writer();
        if writer.failed() {
            self.journal.check_writable(&mut writer)?;
        }
        check::entries(&group.entries, &|partition| self.journal.head(partition))?;
        check::steps_of_group(&group, &|partition| self.journal.head(partition), &|partition| {
            self.state.applied(partition)
        })?;
        if self.state.damaged() && !group.steps.is_empty() {
            let total = self.heads().iter().map(|head| head.seq).sum();
            return Err(StoreError::Rebuilding { done: 0, total });
        }
        self.journal.check_writable(&mut writer)?;

        let Group { entries, steps } = group;
        let appended = self.journal.append(&mut writer, &entries)?;
        self.keeper.written(appended.left, writer.segment());
        let steps = prepare(steps, Some(&appended));
        let applied = self.state.apply(steps, |applied| {
            self.journal.publish(&appended, &entries);
            let touched: BTreeSet<_> = entries.iter().map(|entry| entry.partition).collect();
            self.publish_heads(touched, applied);
        });
        // The entries are durable, but nobody may build on a state without them.
        applied.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        self.state.assert_not_viewed();
        // Held so that no commit comes between the check and the write.
        let writer = self.journal.writer();
        check::steps(&steps, &|partition| self.journal.head(partition), &|partition| {
            self.state.applied(partition)
        });
        let touched: BTreeSet<_> =
            steps.iter().flat_map(|step| &step.applied).map(|(partition, _)| *partition).collect();
        let steps = self.prepare_replay(steps)?;
        let done = self.state.apply(steps, |applied| self.publish_heads(touched, applied));
        drop(writer);
        done
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

    fn overwrite(&self, partition: Partition, seq: Seq, bytes: &[u8]) -> Result<(), StoreError> {
        self.overwrite_entry(partition, seq, bytes)
    }

    fn heads(&self) -> Vec<Head> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.values().copied().collect()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        self.state.assert_not_viewed();
        // Held so that no commit meets a state that is being replaced.
        let writer = self.journal.writer();
        let done = self.state.clear(|| self.publish_heads(self.partitions(), &BTreeMap::new()));
        drop(writer);
        done
    }

    /// Reads of a damaged state and commits fail; entries are read as ever.
    fn state_damaged(&self) -> bool {
        self.state.damaged()
    }

    fn stats(&self) -> Stats {
        let counters = &self.journal.counters;
        Stats {
            journal_bytes: counters.bytes.load(Ordering::Relaxed),
            state_bytes: self.state.bytes(),
            sync_count: counters.sync_count.load(Ordering::Relaxed),
            sync_micros: counters.sync_micros.load(Ordering::Relaxed),
            read_only: counters.failed.load(Ordering::SeqCst),
        }
    }
}
