//! The state while entries are applied to it: records decoded once, cells summed before they are
//! written, leaves collected before their tiles are.
//!
//! What a command changes is kept apart from what the commands before it in the group changed, so
//! that it can be forgotten. Both go to the overlay in the end, or when somebody must read what
//! lies there: a record that many commands change is written once.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use crate::{
    domain::{
        merkle::{self, Tiles},
        tables::Tables,
        totals::{Amounts, Targets},
    },
    kernel::{
        hash::Hash,
        id::{BuildingId, Kind, RawId, SubjectId},
        position::{Partition, Seq},
        time::{Day, Month},
    },
    registry::{
        cache::Landed,
        checkup::Counted,
        error::Error,
        insured::Noted,
        overlay::{Of, Overlay},
        record::{Meta, Record, chunk_count, chunk_key, chunks, put, read, record_key},
        reference,
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

/// What was changed and is not in the overlay yet, and what was read and need not be read again.
#[derive(Default)]
struct Level {
    metas: BTreeMap<Partition, Meta>,
    records: BTreeMap<Local, Option<Arc<Record>>>,
    /// How many chunks a record has in the overlay; none that is not there.
    chunk_counts: BTreeMap<Local, usize>,
    targets: BTreeMap<Local, Arc<Targets>>,
    /// What is not in the overlay yet.
    dirty_metas: BTreeSet<Partition>,
    dirty_records: BTreeSet<Local>,
    cells: BTreeMap<CellPlace, BTreeMap<Day, Amounts>>,
    /// With the number of the first one's entry.
    leaves: BTreeMap<Partition, (Seq, Vec<Hash>)>,
    /// What landed in cells that are in the overlay already.
    landed: BTreeMap<Partition, Landed>,
    /// Buildings that the command concerns, with what counted of their check-ups before.
    touched: BTreeMap<BuildingId, Counted>,
    /// What insurance may follow from and the command changes, as it was before.
    noted: Noted,
}

/// Reference data that was read, and with it what was found by its rules. It is dear to read and
/// seldom changes, so one group hands it on to the next.
#[derive(Default)]
pub(crate) struct Rules {
    /// As known now.
    now: BTreeMap<Partition, Arc<Tables>>,
    /// As it was before the recount under way.
    before: BTreeMap<Partition, Arc<Tables>>,
    /// Whether the command at work changed some.
    is_changed: bool,
}

/// State under work.
pub(crate) struct Work<'a> {
    overlay: Overlay<'a>,
    group: Level,
    command: Level,
    sweeps: BTreeMap<Partition, Arc<Vec<Sweep>>>,
    rules: Rules,
}

impl Level {
    /// Takes over what a later level has.
    fn extend(&mut self, later: Self) {
        for local in &later.dirty_records {
            self.targets.remove(local);
        }
        self.metas.extend(later.metas);
        self.records.extend(later.records);
        self.chunk_counts.extend(later.chunk_counts);
        self.targets.extend(later.targets);
        self.dirty_metas.extend(later.dirty_metas);
        self.dirty_records.extend(later.dirty_records);
        for (place, days) in later.cells {
            match self.cells.entry(place) {
                Entry::Vacant(empty) => drop(empty.insert(days)),
                Entry::Occupied(sums) => add_days(sums.into_mut(), &days),
            }
        }
        for (partition, (first, leaves)) in later.leaves {
            let (_, all) = self.leaves.entry(partition).or_insert_with(|| (first, Vec::new()));
            all.extend(leaves);
        }
        add_landed(&mut self.landed, &later.landed);
    }
}

impl<'a> Work<'a> {
    /// Nothing done yet. `rules` are those of the durable state, as far as they were read.
    pub(crate) fn new(store: &'a dyn Store, rules: Rules) -> Self {
        Self {
            overlay: Overlay::new(store),
            group: Level::default(),
            command: Level::default(),
            sweeps: BTreeMap::new(),
            rules,
        }
    }

    /// What was read of reference data, for the next group once this one is durable. The command at
    /// work must have been taken over or forgotten.
    pub(crate) fn take_rules(&mut self) -> Rules {
        std::mem::take(&mut self.rules)
    }

    /// The reference data of a partition.
    pub(crate) fn tables(&mut self, partition: Partition) -> Result<Arc<Tables>, Error> {
        if let Some(tables) = self.rules.now.get(&partition) {
            return Ok(Arc::clone(tables));
        }
        let tables = Arc::new(reference::tables(self, partition, None, &|_| None)?);
        self.rules.now.insert(partition, Arc::clone(&tables));
        Ok(tables)
    }

    /// The reference data of a partition, where some are read as of an earlier entry.
    pub(crate) fn tables_before(
        &mut self,
        partition: Partition,
        as_of: &dyn Fn(SubjectId) -> Option<Seq>,
    ) -> Result<Arc<Tables>, Error> {
        if let Some(tables) = self.rules.before.get(&partition) {
            return Ok(Arc::clone(tables));
        }
        let tables = Arc::new(reference::tables(self, partition, None, as_of)?);
        self.rules.before.insert(partition, Arc::clone(&tables));
        Ok(tables)
    }

    /// Forgets what was read of reference data, after some of it or a recount changed.
    pub(crate) fn tables_changed(&mut self, partition: Partition) {
        self.rules.now.remove(&partition);
        self.rules.before.remove(&partition);
        self.rules.is_changed = true;
    }

    /// Whether the command concerns a building already.
    pub(crate) fn is_touched(&self, building: BuildingId) -> bool {
        self.command.touched.contains_key(&building)
    }

    /// Notes what counted of a building before the command.
    pub(crate) fn touched(&mut self, building: BuildingId, before: Counted) {
        self.command.touched.insert(building, before);
    }

    /// A building that the command concerns and nobody has compared yet.
    pub(crate) fn next_touched(&mut self) -> Option<(BuildingId, Counted)> {
        self.command.touched.pop_first()
    }

    /// Notes a subject's record before the command changes it, the first time.
    pub(crate) fn note(&mut self, subject: SubjectId) -> Result<(), Error> {
        if !self.command.noted.contains_key(&subject) {
            let before = self.known(subject.partition(), subject)?;
            self.command.noted.insert(subject, before);
        }
        Ok(())
    }

    /// A subject's record as it was noted.
    pub(crate) fn noted(&self, subject: SubjectId) -> Option<Arc<Record>> {
        self.command.noted.get(&subject).cloned().flatten()
    }

    /// All that was noted since it was last compared.
    pub(crate) fn take_noted(&mut self) -> Noted {
        std::mem::take(&mut self.command.noted)
    }

    /// What is kept of a partition.
    pub(crate) fn head(&mut self, partition: Partition) -> Result<&Meta, Error> {
        if !self.command.metas.contains_key(&partition) {
            let meta = match self.group.metas.get(&partition) {
                Some(meta) => meta.clone(),
                None => self.overlay.meta(partition)?,
            };
            self.command.metas.insert(partition, meta);
        }
        let meta = self.command.metas.get(&partition);
        meta.ok_or_else(|| Error::Bug("a meta was lost".to_owned()))
    }

    /// The same, to be changed.
    pub(crate) fn meta_mut(&mut self, partition: Partition) -> Result<&mut Meta, Error> {
        self.head(partition)?;
        self.command.dirty_metas.insert(partition);
        let meta = self.command.metas.get_mut(&partition);
        meta.ok_or_else(|| Error::Bug("a meta was lost".to_owned()))
    }

    /// A subject's record.
    pub(crate) fn known(
        &mut self,
        partition: Partition,
        subject: SubjectId,
    ) -> Result<Option<Arc<Record>>, Error> {
        let local = (partition, subject);
        for level in [&self.command, &self.group] {
            if let Some(record) = level.records.get(&local) {
                return Ok(record.clone());
            }
        }
        let bytes = self.overlay.get_long(&record_key(partition, subject))?;
        let chunk_count = bytes.as_ref().map_or(0, |bytes| chunk_count(bytes.len()));
        self.group.chunk_counts.insert(local, chunk_count);
        let record = bytes.map(|bytes| read::<Record>(&bytes)).transpose()?.map(Arc::new);
        // It is what is durable: the next command of the group may know it, too.
        self.group.records.insert(local, record.clone());
        Ok(record)
    }

    /// Replaces a subject's record.
    pub(crate) fn put_record(&mut self, partition: Partition, subject: SubjectId, record: Record) {
        let local = (partition, subject);
        self.command.records.insert(local, Some(Arc::new(record)));
        self.command.dirty_records.insert(local);
        self.command.targets.remove(&local);
    }

    /// Changes what is counted in a subject's record, if there is one; its life stays as it is.
    pub(crate) fn count(
        &mut self,
        partition: Partition,
        subject: SubjectId,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), Error> {
        let Some(mut record) = self.known(partition, subject)? else { return Ok(()) };
        let targets = self.targets(partition, subject)?;
        let local = (partition, subject);
        self.command.records.remove(&local);
        change(Arc::make_mut(&mut record));
        self.command.records.insert(local, Some(record));
        self.command.dirty_records.insert(local);
        self.command.targets.insert(local, targets);
        Ok(())
    }

    /// Where amounts at a node flow on to, as known now.
    pub(crate) fn targets(
        &mut self,
        partition: Partition,
        node: SubjectId,
    ) -> Result<Arc<Targets>, Error> {
        let local = (partition, node);
        if let Some(targets) = self.command.targets.get(&local) {
            return Ok(Arc::clone(targets));
        }
        let is_changed = self.command.records.contains_key(&local);
        if !is_changed && let Some(targets) = self.group.targets.get(&local) {
            return Ok(Arc::clone(targets));
        }
        let targets = Arc::new(match self.known(partition, node)? {
            Some(record) => Targets::of(&record.timeline),
            None => Targets::default(),
        });
        let level = if is_changed { &mut self.command } else { &mut self.group };
        level.targets.insert(local, Arc::clone(&targets));
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
        let days = self.command.cells.entry((node, day.month(), bucket)).or_default();
        days.entry(day).or_default().add_all(amounts, 1);
    }

    /// What the group landed, for totals that are remembered.
    pub(crate) fn take_landed(&mut self) -> BTreeMap<Partition, Landed> {
        let mut landed = std::mem::take(&mut self.group.landed);
        for ((node, ..), days) in &self.group.cells {
            land_days(&mut landed, *node, days);
        }
        landed
    }

    /// Whether anything ever landed at a node.
    pub(crate) fn has_cells(&self, node: Local) -> Result<bool, Error> {
        let first = (node, Month { year: 1, month: 1 }, 0);
        for level in [&self.command, &self.group] {
            if level.cells.range(first..).next().is_some_and(|((other, ..), _)| *other == node) {
                return Ok(true);
            }
        }
        let range = node_range(node);
        Ok(!self.overlay.scan(&range, Direction::Up, 1)?.is_empty())
    }

    /// Notes the leaf of an entry.
    pub(crate) fn add_leaf(&mut self, partition: Partition, seq: Seq, leaf: Hash) {
        let (_, leaves) = self.command.leaves.entry(partition).or_insert_with(|| (seq, Vec::new()));
        leaves.push(leaf);
    }

    /// Sets or takes away a key.
    pub(crate) fn put(&mut self, key: Key, value: Option<Value>) {
        self.overlay.put(Of::Command, key, value);
    }

    /// Notes an entry to be appended.
    pub(crate) fn append(&mut self, entry: NewEntry) {
        self.overlay.append(entry);
    }

    /// An entry was applied.
    pub(crate) fn applied(&mut self, partition: Partition, seq: Seq) {
        self.overlay.applied(partition, seq);
    }

    /// Writes everything that waits to the overlay, for who reads it there.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        // Older first: what the command has is added to it.
        self.write_out(Of::Group)?;
        self.write_out(Of::Command)
    }

    fn write_out(&mut self, of: Of) -> Result<(), Error> {
        let (durable, level) = match of {
            Of::Group => (None, &mut self.group),
            Of::Command => (Some(&self.group.chunk_counts), &mut self.command),
        };
        let overlay = &mut self.overlay;
        for local in std::mem::take(&mut level.dirty_records) {
            if let Some(Some(record)) = level.records.get(&local) {
                let counts = &mut level.chunk_counts;
                let before = counts.get(&local).or_else(|| durable?.get(&local)).copied();
                let base = record_key(local.0, local.1);
                let bytes = put(record.as_ref())?;
                counts.insert(local, chunk_count(bytes.len()));
                put_long(overlay, of, &base, before, &bytes)?;
            }
        }
        for ((node, month, bucket), days) in std::mem::take(&mut level.cells) {
            land_days(&mut level.landed, node, &days);
            let base = cell_key(node, month, bucket);
            let bytes = overlay.get_long(&base)?;
            let before = bytes.as_ref().map_or(0, |bytes| chunk_count(bytes.len()));
            let mut sums = match bytes {
                Some(bytes) => read_cells(month, &bytes)?,
                None => BTreeMap::new(),
            };
            add_days(&mut sums, &days);
            sums.retain(|_, amounts| !amounts.is_empty());
            put_long(overlay, of, &base, Some(before), &write_cells(&sums)?)?;
        }
        // Not by the partition's head: this may come in the middle of an entry, which moved the
        // head on and has no leaf yet.
        for (partition, (first, leaves)) in std::mem::take(&mut level.leaves) {
            let size = first.saturating_sub(1);
            let tiles = StateTiles { state: overlay, partition };
            let changed = merkle::append(&tiles, size, &leaves).map_err(tree_error)?;
            for tile in changed {
                let bytes = tile.hashes.iter().flat_map(|hash| hash.0).collect();
                overlay.put(of, tile_key(partition, tile.level, tile.index), Some(bytes));
            }
        }
        for partition in std::mem::take(&mut level.dirty_metas) {
            if let Some(meta) = level.metas.get(&partition) {
                let bytes = put(meta)?;
                overlay.put(of, key(partition, Space::Meta), Some(bytes));
            }
        }
        Ok(())
    }

    /// Takes the command over into the group.
    pub(crate) fn accept(&mut self) {
        self.overlay.accept();
        self.rules.is_changed = false;
        self.group.extend(std::mem::take(&mut self.command));
    }

    /// Forgets what the command did.
    pub(crate) fn refuse(&mut self) {
        self.overlay.refuse();
        self.command = Level::default();
        self.sweeps.clear();
        if self.rules.is_changed {
            self.rules = Rules::default();
        }
    }

    /// Entries of the command so far.
    pub(crate) fn command_entries(&self) -> &[NewEntry] {
        self.overlay.command_entries()
    }

    /// How many entries the group has.
    pub(crate) fn group_entry_count(&self) -> usize {
        self.overlay.group_entry_count()
    }

    /// The group to commit, of the commands that were taken over.
    pub(crate) fn into_group(mut self) -> Result<Group, Error> {
        self.refuse();
        self.write_out(Of::Group)?;
        Ok(self.overlay.into_group())
    }

    /// The steps of a replay.
    pub(crate) fn into_steps(self) -> Result<Vec<Step>, Error> {
        Ok(self.into_group()?.steps)
    }
}

/// Sets a value that may be long. `before` says how many chunks it had, if that is known.
fn put_long(
    overlay: &mut Overlay<'_>,
    of: Of,
    base: &[u8],
    before: Option<usize>,
    bytes: &[u8],
) -> Result<(), Error> {
    let new = chunks(bytes);
    let old = match before {
        Some(count) => count,
        None => match overlay.get(&chunk_key(base, 0))? {
            Some(head) => usize::from(head.first().copied().unwrap_or(0)),
            None => 0,
        },
    };
    for index in new.len()..old {
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        overlay.put(of, chunk_key(base, index), None);
    }
    for (index, chunk) in (0_u8..).zip(new) {
        overlay.put(of, chunk_key(base, index), Some(chunk));
    }
    Ok(())
}

fn add_days(sums: &mut BTreeMap<Day, Amounts>, days: &BTreeMap<Day, Amounts>) {
    for (day, amounts) in days {
        sums.entry(*day).or_default().add_all(amounts, 1);
    }
}

fn land_days(
    landed: &mut BTreeMap<Partition, Landed>,
    (partition, node): Local,
    days: &BTreeMap<Day, Amounts>,
) {
    add_days(landed.entry(partition).or_default().entry(node).or_default(), days);
}

fn add_landed(sums: &mut BTreeMap<Partition, Landed>, landed: &BTreeMap<Partition, Landed>) {
    for (partition, nodes) in landed {
        for (node, days) in nodes {
            land_days(sums, (*partition, *node), days);
        }
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
        for level in [&self.command, &self.group] {
            if let Some(record) = level.records.get(&(partition, subject)) {
                return Ok(record.as_deref().cloned());
            }
        }
        self.overlay.record(partition, subject)
    }

    fn known_of_kind(
        &self,
        partition: Partition,
        kind: Kind,
        after: Option<SubjectId>,
        limit: usize,
    ) -> Result<Vec<SubjectId>, Error> {
        let mut found = self.overlay.known_of_kind(partition, kind, after, limit)?;
        // What waits to be written has no key yet.
        let first = after.unwrap_or(SubjectId::new(kind, RawId::default()));
        let waiting = |level: &Level| {
            let from = level.dirty_records.range((partition, first)..);
            let of_kind = from.take_while(|(of, id)| *of == partition && id.kind() == kind);
            of_kind.map(|(_, id)| *id).filter(|id| Some(*id) != after).collect::<Vec<_>>()
        };
        let more = [waiting(&self.group), waiting(&self.command)].concat();
        if !more.is_empty() {
            found.extend(more);
            found.sort_unstable();
            found.dedup();
            found.truncate(limit);
        }
        Ok(found)
    }

    fn meta(&self, partition: Partition) -> Result<Meta, Error> {
        for level in [&self.command, &self.group] {
            if let Some(meta) = level.metas.get(&partition) {
                return Ok(meta.clone());
            }
        }
        self.overlay.meta(partition)
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
