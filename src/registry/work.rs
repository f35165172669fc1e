//! The state while entries are applied to it: records decoded once, cells summed before they are
//! written, leaves collected before their tiles are.
//!
//! Everything held here goes to the overlay at a cut, so that what is written between two cuts
//! reflects whole entries, however they came: live, replayed, or rebuilt.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        merkle::{self, Tiles},
        totals::{Amounts, Targets},
    },
    kernel::{
        hash::Hash,
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, Month},
    },
    registry::{
        cache::Landed,
        error::Error,
        overlay::Overlay,
        record::{Meta, Record, chunk_key, chunks, put, record_key},
        space::{Space, key},
        state::State,
        sweep::Sweep,
        totals::{cell_key, node_range, read_cells, write_cells},
    },
    store::{Direction, Group, Key, KeyRange, NewEntry, Step, Store, Value},
};

/// A node, a month of valid days and a bucket of known time.
pub(crate) type CellPlace = (Local, Month, u32);

/// A subject as a partition knows it.
pub(crate) type Local = (Partition, SubjectId);

/// State under work.
pub(crate) struct Work<'a> {
    overlay: Overlay<'a>,
    metas: BTreeMap<Partition, Meta>,
    records: BTreeMap<Local, Option<Arc<Record>>>,
    targets: BTreeMap<Local, Arc<Targets>>,
    sweeps: BTreeMap<Partition, Arc<Vec<Sweep>>>,
    /// What is not in the overlay yet.
    dirty_metas: BTreeSet<Partition>,
    dirty_records: BTreeSet<Local>,
    cells: BTreeMap<CellPlace, BTreeMap<Day, Amounts>>,
    /// What the command landed, and what the commands taken over into the group did.
    landing: BTreeMap<Partition, Landed>,
    landed: BTreeMap<Partition, Landed>,
    /// With the number of the first one's entry.
    leaves: BTreeMap<Partition, (Seq, Vec<Hash>)>,
}

impl<'a> Work<'a> {
    /// Nothing done yet.
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self {
            overlay: Overlay::new(store),
            metas: BTreeMap::new(),
            records: BTreeMap::new(),
            targets: BTreeMap::new(),
            sweeps: BTreeMap::new(),
            dirty_metas: BTreeSet::new(),
            dirty_records: BTreeSet::new(),
            cells: BTreeMap::new(),
            landing: BTreeMap::new(),
            landed: BTreeMap::new(),
            leaves: BTreeMap::new(),
        }
    }

    /// What is kept of a partition.
    pub(crate) fn head(&mut self, partition: Partition) -> Result<&Meta, Error> {
        if !self.metas.contains_key(&partition) {
            let meta = self.overlay.meta(partition)?;
            self.metas.insert(partition, meta);
        }
        self.metas.get(&partition).ok_or_else(|| Error::Bug("a meta was lost".to_owned()))
    }

    /// The same, to be changed.
    pub(crate) fn meta_mut(&mut self, partition: Partition) -> Result<&mut Meta, Error> {
        self.head(partition)?;
        self.dirty_metas.insert(partition);
        self.metas.get_mut(&partition).ok_or_else(|| Error::Bug("a meta was lost".to_owned()))
    }

    /// A subject's record.
    pub(crate) fn known(
        &mut self,
        partition: Partition,
        subject: SubjectId,
    ) -> Result<Option<Arc<Record>>, Error> {
        let local = (partition, subject);
        if let Some(record) = self.records.get(&local) {
            return Ok(record.clone());
        }
        let record = self.overlay.record(partition, subject)?.map(Arc::new);
        self.records.insert(local, record.clone());
        Ok(record)
    }

    /// Replaces a subject's record.
    pub(crate) fn put_record(&mut self, partition: Partition, subject: SubjectId, record: Record) {
        let local = (partition, subject);
        self.records.insert(local, Some(Arc::new(record)));
        self.dirty_records.insert(local);
        self.targets.remove(&local);
    }

    /// Where amounts at a node flow on to, as known now.
    pub(crate) fn targets(
        &mut self,
        partition: Partition,
        node: SubjectId,
    ) -> Result<Arc<Targets>, Error> {
        if let Some(targets) = self.targets.get(&(partition, node)) {
            return Ok(Arc::clone(targets));
        }
        let targets = Arc::new(match self.known(partition, node)? {
            Some(record) => Targets::of(&record.timeline),
            None => Targets::default(),
        });
        self.targets.insert((partition, node), Arc::clone(&targets));
        Ok(targets)
    }

    /// The sweeps under way, oldest first.
    pub(crate) fn sweeps(&mut self, partition: Partition) -> Result<Arc<Vec<Sweep>>, Error> {
        if self.head(partition)?.sweep_count == 0 {
            return Ok(Arc::default());
        }
        if let Some(sweeps) = self.sweeps.get(&partition) {
            return Ok(Arc::clone(sweeps));
        }
        let sweeps = Arc::new(Sweep::all(&self.overlay, partition)?);
        self.sweeps.insert(partition, Arc::clone(&sweeps));
        Ok(sweeps)
    }

    /// Forgets what was read of sweeps, after one changed.
    pub(crate) fn sweeps_changed(&mut self, partition: Partition) {
        self.sweeps.remove(&partition);
    }

    /// Adds to a cell.
    pub(crate) fn add_cell(&mut self, node: Local, day: Day, bucket: u32, amounts: &Amounts) {
        let days = self.cells.entry((node, day.month(), bucket)).or_default();
        days.entry(day).or_default().add_all(amounts, 1);
        let landing = self.landing.entry(node.0).or_default().entry(node.1).or_default();
        landing.entry(day).or_default().add_all(amounts, 1);
    }

    /// What the group landed, for totals that are remembered.
    pub(crate) fn take_landed(&mut self) -> BTreeMap<Partition, Landed> {
        std::mem::take(&mut self.landed)
    }

    /// Whether anything ever landed at a node.
    pub(crate) fn has_cells(&self, node: Local) -> Result<bool, Error> {
        let first = (node, Month { year: 1, month: 1 }, 0);
        if self.cells.range(first..).next().is_some_and(|((other, ..), _)| *other == node) {
            return Ok(true);
        }
        let range = node_range(node);
        Ok(!self.overlay.scan(&range, Direction::Up, 1)?.is_empty())
    }

    /// Notes the leaf of an entry.
    pub(crate) fn add_leaf(&mut self, partition: Partition, seq: Seq, leaf: Hash) {
        let (_, leaves) = self.leaves.entry(partition).or_insert_with(|| (seq, Vec::new()));
        leaves.push(leaf);
    }

    /// Sets or takes away a key.
    pub(crate) fn put(&mut self, key: Key, value: Option<Value>) {
        self.overlay.put(key, value);
    }

    /// Sets a value that may be long.
    pub(crate) fn put_long(&mut self, base: &[u8], bytes: &[u8]) -> Result<(), Error> {
        let new = chunks(bytes);
        let old = match self.overlay.get(&chunk_key(base, 0))? {
            Some(head) => usize::from(head.first().copied().unwrap_or(0)),
            None => 0,
        };
        for (index, chunk) in (0_u8..).zip(new.iter()) {
            self.overlay.put(chunk_key(base, index), Some(chunk.clone()));
        }
        for index in new.len()..old {
            let index = u8::try_from(index).unwrap_or(u8::MAX);
            self.overlay.put(chunk_key(base, index), None);
        }
        Ok(())
    }

    /// Notes an entry to be appended.
    pub(crate) fn append(&mut self, entry: NewEntry) {
        self.overlay.append(entry);
    }

    /// An entry was applied: here a step may end.
    pub(crate) fn applied(&mut self, partition: Partition, seq: Seq) -> Result<(), Error> {
        self.overlay.applied(partition, seq);
        let waiting = self.cells.len() + self.dirty_records.len();
        if waiting >= 256 || self.overlay.is_step_full() {
            self.flush()?;
            self.overlay.cut();
        }
        Ok(())
    }

    /// Writes everything that waits to the overlay.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        for local in std::mem::take(&mut self.dirty_records) {
            if let Some(Some(record)) = self.records.get(&local).cloned() {
                self.put_long(&record_key(local.0, local.1), &put(record.as_ref())?)?;
            }
        }
        for ((node, month, bucket), days) in std::mem::take(&mut self.cells) {
            let base = cell_key(node, month, bucket);
            let mut sums = match self.overlay.get_long(&base)? {
                Some(bytes) => read_cells(month, &bytes)?,
                None => BTreeMap::new(),
            };
            for (day, amounts) in days {
                let sum = sums.entry(day).or_insert_with(Amounts::default);
                sum.add_all(&amounts, 1);
            }
            sums.retain(|_, amounts| !amounts.is_empty());
            self.put_long(&base, &write_cells(&sums)?)?;
        }
        // Not by the partition's head: a flush may come in the middle of an entry, which moved the
        // head on and has no leaf yet.
        for (partition, (first, leaves)) in std::mem::take(&mut self.leaves) {
            let size = first.saturating_sub(1);
            let tiles = StateTiles { state: &self.overlay, partition };
            let changed = merkle::append(&tiles, size, &leaves).map_err(tree_error)?;
            for tile in changed {
                let bytes = tile.hashes.iter().flat_map(|hash| hash.0).collect();
                self.overlay.put(tile_key(partition, tile.level, tile.index), Some(bytes));
            }
        }
        for partition in std::mem::take(&mut self.dirty_metas) {
            if let Some(meta) = self.metas.get(&partition) {
                let bytes = put(meta)?;
                self.overlay.put(key(partition, Space::Meta), Some(bytes));
            }
        }
        Ok(())
    }

    /// Takes the command over into the group.
    pub(crate) fn accept(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.overlay.accept();
        for (partition, landing) in std::mem::take(&mut self.landing) {
            let landed = self.landed.entry(partition).or_default();
            for (node, days) in landing {
                let sums = landed.entry(node).or_default();
                for (day, amounts) in days {
                    sums.entry(day).or_default().add_all(&amounts, 1);
                }
            }
        }
        Ok(())
    }

    /// Forgets what the command did.
    pub(crate) fn refuse(&mut self) {
        self.overlay.refuse();
        self.metas.clear();
        self.records.clear();
        self.targets.clear();
        self.sweeps.clear();
        self.dirty_metas.clear();
        self.dirty_records.clear();
        self.cells.clear();
        self.landing.clear();
        self.leaves.clear();
    }

    /// Entries of the command so far.
    pub(crate) fn command_entries(&self) -> &[NewEntry] {
        self.overlay.command_entries()
    }

    /// How many entries the group has.
    pub(crate) fn group_entry_count(&self) -> usize {
        self.overlay.group_entry_count()
    }

    /// The group to commit.
    pub(crate) fn into_group(self) -> Group {
        self.overlay.into_group()
    }

    /// The steps of a replay.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.overlay.into_steps()
    }
}

impl State for Work<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        self.overlay.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error> {
        self.overlay.scan(range, direction, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error> {
        self.overlay.entries_at(partition, at)
    }

    fn record(&self, partition: Partition, subject: SubjectId) -> Result<Option<Record>, Error> {
        // What waits to be written is newer than what the overlay has.
        match self.records.get(&(partition, subject)) {
            Some(record) => Ok(record.as_deref().cloned()),
            None => self.overlay.record(partition, subject),
        }
    }

    fn meta(&self, partition: Partition) -> Result<Meta, Error> {
        match self.metas.get(&partition) {
            Some(meta) => Ok(meta.clone()),
            None => self.overlay.meta(partition),
        }
    }
}

/// The key of a tile of the Merkle tree.
pub(crate) fn tile_key(partition: Partition, level: u8, index: u64) -> Key {
    let mut key = key(partition, Space::Tile);
    key.push(level);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// What is wrong with a tree whose tiles are in the state.
pub(crate) fn tree_error(error: merkle::TreeError<Error>) -> Error {
    match error {
        merkle::TreeError::Tiles(error) => error,
        merkle::TreeError::OutOfRange => Error::Bug("a size that no tree has".to_owned()),
        missing @ merkle::TreeError::TileMissing { .. } => {
            Error::damaged_state(format!("the Merkle tree: {missing}"))
        }
    }
}

/// The tiles of a partition's tree.
pub(crate) struct StateTiles<'a> {
    /// Where they are.
    pub(crate) state: &'a dyn State,
    /// Whose they are.
    pub(crate) partition: Partition,
}

impl Tiles for StateTiles<'_> {
    type Error = Error;

    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, Error> {
        let Some(bytes) = self.state.get(&tile_key(self.partition, level, index))? else {
            return Ok(None);
        };
        bytes
            .chunks(32)
            .map(Hash::from_slice)
            .collect::<Option<Vec<_>>>()
            .map(Some)
            .ok_or_else(|| Error::damaged_state("a tile"))
    }
}
