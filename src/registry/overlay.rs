//! What a group of commands has changed so far, over the durable state.
//!
//! Two layers: what whole commands of the group changed, and what the command that runs now
//! changes. A refused command's layer is dropped.

use std::collections::BTreeMap;

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

/// Which layer is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// That of the commands that were taken over.
    Group,
    /// That of the command at work.
    Command,
}

/// One layer of changes.
#[derive(Debug, Default)]
struct Layer {
    /// The newest value of every key changed.
    values: BTreeMap<Key, Option<Value>>,
    /// Partitions with an entry, and the last of these.
    applied: BTreeMap<Partition, Seq>,
    /// The entries.
    entries: Vec<NewEntry>,
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

    /// Sets or takes away a key. The group's layer may be written only while that of the command
    /// has no newer value of the key.
    pub(crate) fn put(&mut self, of: Of, key: Key, value: Option<Value>) {
        debug_assert!(
            value.as_ref().is_none_or(|value| value.len() <= limit::VALUE_BYTES_MAX),
            "a value is too long"
        );
        let layer = match of {
            Of::Group => &mut self.group,
            Of::Command => &mut self.command,
        };
        layer.values.insert(key, value);
    }

    /// Notes an entry of the command.
    pub(crate) fn append(&mut self, entry: NewEntry) {
        self.command.entries.push(entry);
    }

    /// Notes that the state reflects an entry.
    pub(crate) fn applied(&mut self, partition: Partition, seq: Seq) {
        self.command.applied.insert(partition, seq);
    }

    /// Takes the command's changes over into the group.
    pub(crate) fn accept(&mut self) {
        let command = std::mem::take(&mut self.command);
        if self.group.values.is_empty() {
            self.group.values = command.values;
        } else {
            self.group.values.extend(command.values);
        }
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
    pub(crate) fn into_group(self) -> Group {
        let Layer { values, applied, entries } = self.group;
        if values.is_empty() && applied.is_empty() {
            return Group { entries, steps: Vec::new() };
        }
        let writes = values.into_iter().map(|(key, value)| Write { key, value }).collect();
        let applied = applied.into_iter().collect();
        Group { entries, steps: vec![Step { applied, writes }] }
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
