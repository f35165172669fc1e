//! A store in memory: the specification that the others are held to.
//!
//! Everything is "durable" as soon as it is there. Useful for tests, and to read how a store acts.
//!
//! What stays true: whoever holds a view may still ask for entries and heads, since these lie under
//! a lock of their own that is only held for moments.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Group, Head, Key, KeyRange, Limit, NewEntry, Stats, Step, Store, StoreError,
        Value, View, check,
    },
};

/// Entries and state in maps.
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// Held by whoever writes.
    writer: Mutex<()>,
    state: RwLock<State>,
    journal: RwLock<Journal>,
}

#[derive(Debug, Default)]
struct State {
    applied: BTreeMap<Partition, Seq>,
    rows: BTreeMap<Key, Value>,
}

#[derive(Debug, Default)]
struct Journal {
    entries: BTreeMap<Partition, Vec<Vec<u8>>>,
    /// How far the state has come, so that heads are told without it.
    applied: BTreeMap<Partition, Seq>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn journal(&self) -> RwLockReadGuard<'_, Journal> {
        self.journal.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and shows the entries, for readers all at once.
    fn write(&self, entries: Vec<NewEntry>, steps: Vec<Step>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for step in steps {
            state.applied.extend(step.applied);
            for write in step.writes {
                match write.value {
                    Some(value) => state.rows.insert(write.key, value),
                    None => state.rows.remove(&write.key),
                };
            }
        }
        let mut journal = self.journal.write().unwrap_or_else(PoisonError::into_inner);
        for NewEntry { partition, bytes, .. } in entries {
            journal.entries.entry(partition).or_default().push(bytes);
        }
        journal.applied.clone_from(&state.applied);
    }
}

impl Journal {
    fn head(&self, partition: Partition) -> Seq {
        self.entries.get(&partition).map_or(0, |entries| entries.len() as u64)
    }

    fn applied(&self, partition: Partition) -> Seq {
        self.applied.get(&partition).copied().unwrap_or(0)
    }

    fn entry(&self, partition: Partition, seq: Seq) -> Option<&Vec<u8>> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.entries.get(&partition)?.get(index)
    }
}

impl Store for MemoryStore {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MemoryView { state }))
    }

    fn commit(&self, group: Group) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let journal = self.journal();
            check::entries(&group.entries, &|partition| journal.head(partition))?;
            check::steps_of_group(&group, &|partition| journal.head(partition), &|partition| {
                journal.applied(partition)
            })?;
        }
        self.write(group.entries, group.steps);
        Ok(())
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let journal = self.journal();
            check::steps(&steps, &|partition| journal.head(partition), &|partition| {
                journal.applied(partition)
            });
        }
        self.write(Vec::new(), steps);
        Ok(())
    }

    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let journal = self.journal();
        let mut found = Vec::new();
        let mut sum = 0;
        for seq in from.max(1)..=journal.head(partition) {
            let Some(bytes) = journal.entry(partition, seq) else { break };
            sum += bytes.len();
            let full = found.len() >= limit.entries || sum > limit.bytes;
            if full && !found.is_empty() {
                break;
            }
            found.push(bytes.clone());
        }
        Ok(found)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, StoreError> {
        let journal = self.journal();
        at.iter()
            .map(|seq| {
                let entry = journal.entry(partition, *seq);
                entry.cloned().ok_or_else(|| check::no_such_entry(partition, *seq))
            })
            .collect()
    }

    fn overwrite(&self, partition: Partition, seq: Seq, bytes: &[u8]) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut journal = self.journal.write().unwrap_or_else(PoisonError::into_inner);
        let index = seq.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let entries = journal.entries.get_mut(&partition);
        let entry = index.and_then(|index| entries?.get_mut(index));
        let entry = entry.ok_or_else(|| check::no_such_entry(partition, seq))?;
        check::overwriting(partition, seq, entry, bytes)?;
        entry.copy_from_slice(bytes);
        Ok(())
    }

    fn heads(&self) -> Vec<Head> {
        let journal = self.journal();
        let head = |(partition, entries): (&Partition, &Vec<Vec<u8>>)| Head {
            partition: *partition,
            seq: entries.len() as u64,
            applied: journal.applied(*partition),
        };
        journal.entries.iter().map(head).collect()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = State::default();
        self.journal.write().unwrap_or_else(PoisonError::into_inner).applied.clear();
        Ok(())
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}

struct MemoryView<'a> {
    state: RwLockReadGuard<'a, State>,
}

impl View for MemoryView<'_> {
    fn applied(&self, partition: Partition) -> Seq {
        self.state.applied.get(&partition).copied().unwrap_or(0)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.state.rows.get(key).cloned())
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
        let bounds = (Bound::Included(&range.from), Bound::Excluded(&range.to));
        let rows = self.state.rows.range::<Key, _>(bounds);
        let owned = |(key, value): (&Key, &Value)| (key.clone(), value.clone());
        Ok(match direction {
            Direction::Up => rows.take(limit).map(owned).collect(),
            Direction::Down => rows.rev().take(limit).map(owned).collect(),
        })
    }
}
