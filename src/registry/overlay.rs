//! What a group of commands has changed so far, over the durable state.
//!
//! Two layers: what whole commands of the group changed, and what the command that runs now
//! changes. A refused command's layer is dropped. Changes are cut into steps between entries, so
//! that a crash between two steps leaves a state that reflects whole entries.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    kernel::{
        limit,
        position::{Partition, Seq},
    },
    registry::{
        error::Error,
        state::{Live, State},
    },
    store::{Direction, Group, Key, KeyRange, NewEntry, Step, Store, Value, Write},
};

/// One layer of changes.
#[derive(Debug, Default)]
struct Layer {
    /// The newest value of every key changed.
    values: BTreeMap<Key, Option<Value>>,
    /// Keys changed since the last cut.
    dirty: BTreeSet<Key>,
    /// Partitions with an entry since the last cut, and the last of these.
    applied: BTreeMap<Partition, Seq>,
    /// What was cut.
    steps: Vec<Step>,
    /// The entries.
    entries: Vec<NewEntry>,
}

impl Layer {
    fn cut(&mut self) {
        if self.dirty.is_empty() && self.applied.is_empty() {
            return;
        }
        let writes = std::mem::take(&mut self.dirty)
            .into_iter()
            .map(|key| {
                let value = self.values.get(&key).cloned().flatten();
                Write { key, value }
            })
            .collect();
        let applied = std::mem::take(&mut self.applied).into_iter().collect();
        self.steps.push(Step { applied, writes });
    }
}

/// The changes of a group.
pub(crate) struct Overlay<'a> {
    base: Live<'a>,
    group: Layer,
    command: Layer,
}

impl<'a> Overlay<'a> {
    /// Nothing changed yet.
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { base: Live(store), group: Layer::default(), command: Layer::default() }
    }

    /// Sets or takes away a key.
    pub(crate) fn put(&mut self, key: Key, value: Option<Value>) {
        debug_assert!(
            value.as_ref().is_none_or(|value| value.len() <= limit::VALUE_BYTES_MAX),
            "a value is too long"
        );
        self.command.dirty.insert(key.clone());
        self.command.values.insert(key, value);
    }

    /// Notes an entry of the command.
    pub(crate) fn append(&mut self, entry: NewEntry) {
        self.command.entries.push(entry);
    }

    /// Notes that the state reflects an entry: here a step may end.
    pub(crate) fn applied(&mut self, partition: Partition, seq: Seq) {
        self.command.applied.insert(partition, seq);
    }

    /// Whether it is time to end a step.
    pub(crate) fn is_step_full(&self) -> bool {
        self.command.dirty.len() >= limit::STEP_KEYS_MAX / 2
    }

    /// Ends a step.
    pub(crate) fn cut(&mut self) {
        self.command.cut();
    }

    /// Takes the command's changes over into the group.
    pub(crate) fn accept(&mut self) {
        let command = std::mem::take(&mut self.command);
        let room = limit::STEP_KEYS_MAX / 2;
        if !command.steps.is_empty() || self.group.dirty.len() + command.dirty.len() > room {
            self.group.cut();
        }
        self.group.steps.extend(command.steps);
        self.group.values.extend(command.values);
        self.group.dirty.extend(command.dirty);
        self.group.applied.extend(command.applied);
        self.group.entries.extend(command.entries);
    }

    /// Forgets the command's changes.
    pub(crate) fn refuse(&mut self) {
        self.command = Layer::default();
    }

    /// Entries of the command so far.
    pub(crate) fn command_entries(&self) -> &[NewEntry] {
        &self.command.entries
    }

    /// How many entries the group has.
    pub(crate) fn group_entry_count(&self) -> usize {
        self.group.entries.len()
    }

    /// The group to commit.
    pub(crate) fn into_group(mut self) -> Group {
        self.group.cut();
        Group { entries: self.group.entries, steps: self.group.steps }
    }

    /// The steps alone, when the entries are durable already.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.into_group().steps
    }

    fn pending(&self, partition: Partition, seq: Seq) -> Option<&NewEntry> {
        // Entries of a group are few, and the newest are asked for most.
        self.command
            .entries
            .iter()
            .rev()
            .chain(self.group.entries.iter().rev())
            .find(|entry| entry.partition == partition && entry.seq == seq)
    }
}

impl State for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        for layer in [&self.command, &self.group] {
            if let Some(value) = layer.values.get(key) {
                return Ok(value.clone());
            }
        }
        self.base.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error> {
        let mut changed: BTreeMap<&Key, &Option<Value>> = BTreeMap::new();
        for layer in [&self.group, &self.command] {
            changed.extend(layer.values.range(range.from.clone()..range.to.clone()));
        }
        if changed.is_empty() {
            return self.base.scan(range, direction, limit);
        }
        // Keys that the layers take away may hide as many durable ones.
        let gone = changed.values().filter(|value| value.is_none()).count();
        let below = self.base.scan(range, direction, limit.saturating_add(gone))?;
        let is_cut = below.len() == limit.saturating_add(gone);
        let edge = is_cut.then(|| below.last().map(|(key, _)| key.clone())).flatten();
        let mut merged: BTreeMap<Key, Value> = below.into_iter().collect();
        for (key, value) in changed {
            // Beyond the last durable key that was read, more durable ones may come first.
            let beyond = edge.as_ref().is_some_and(|edge| match direction {
                Direction::Up => key > edge,
                Direction::Down => key < edge,
            });
            match value {
                Some(value) if !beyond => {
                    merged.insert(key.clone(), value.clone());
                }
                Some(_) => {}
                None => {
                    merged.remove(key);
                }
            }
        }
        Ok(match direction {
            Direction::Up => merged.into_iter().take(limit).collect(),
            Direction::Down => merged.into_iter().rev().take(limit).collect(),
        })
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error> {
        at.iter()
            .map(|seq| match self.pending(partition, *seq) {
                Some(entry) => Ok(entry.bytes.clone()),
                None => self
                    .base
                    .entries_at(partition, &[*seq])?
                    .pop()
                    .ok_or_else(|| Error::unreadable(format!("entry {partition}:{seq}"))),
            })
            .collect()
    }
}
