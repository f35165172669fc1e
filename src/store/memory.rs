//! A store in memory: the specification that the others are held to.
//!
//! Everything is "durable" as soon as it is there. Useful for tests, and to read how a store acts.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock, RwLockReadGuard},
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
    content: RwLock<Content>,
}

#[derive(Debug, Default)]
struct Content {
    entries: BTreeMap<Partition, Vec<Vec<u8>>>,
    applied: BTreeMap<Partition, Seq>,
    state: BTreeMap<Key, Value>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn head(&self, partition: Partition) -> Seq {
        self.entries.get(&partition).map_or(0, |entries| entries.len() as u64)
    }

    fn applied(&self, partition: Partition) -> Seq {
        self.applied.get(&partition).copied().unwrap_or(0)
    }

    fn apply(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.applied.extend(step.applied);
            for write in step.writes {
                match write.value {
                    Some(value) => self.state.insert(write.key, value),
                    None => self.state.remove(&write.key),
                };
            }
        }
    }

    fn entry(&self, partition: Partition, seq: Seq) -> Option<&Vec<u8>> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.entries.get(&partition)?.get(index)
    }
}

impl Store for MemoryStore {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(MemoryView { content: self.read() }))
    }

    fn commit(&self, group: Group) -> Result<(), StoreError> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        check::entries(&group.entries, &|partition| content.head(partition))?;
        check::steps_of_group(&group, &|partition| content.head(partition), &|partition| {
            content.applied(partition)
        })?;
        for NewEntry { partition, bytes, .. } in group.entries {
            content.entries.entry(partition).or_default().push(bytes);
        }
        content.apply(group.steps);
        Ok(())
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        check::steps(&steps, &|partition| content.head(partition), &|partition| {
            content.applied(partition)
        });
        content.apply(steps);
        Ok(())
    }

    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let content = self.read();
        let mut found = Vec::new();
        let mut sum = 0;
        for seq in from.max(1)..=content.head(partition) {
            let Some(bytes) = content.entry(partition, seq) else { break };
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
        let content = self.read();
        at.iter()
            .map(|seq| {
                let entry = content.entry(partition, *seq);
                entry.cloned().ok_or_else(|| check::no_such_entry(partition, *seq))
            })
            .collect()
    }

    fn heads(&self) -> Vec<Head> {
        let content = self.read();
        let head = |(partition, entries): (&Partition, &Vec<Vec<u8>>)| Head {
            partition: *partition,
            seq: entries.len() as u64,
            applied: content.applied(*partition),
        };
        content.entries.iter().map(head).collect()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        content.applied.clear();
        content.state.clear();
        Ok(())
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}

struct MemoryView<'a> {
    content: RwLockReadGuard<'a, Content>,
}

impl View for MemoryView<'_> {
    fn applied(&self, partition: Partition) -> Seq {
        self.content.applied(partition)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.content.state.get(key).cloned())
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
        let rows = self.content.state.range::<Key, _>(bounds);
        let owned = |(key, value): (&Key, &Value)| (key.clone(), value.clone());
        Ok(match direction {
            Direction::Up => rows.take(limit).map(owned).collect(),
            Direction::Down => rows.rev().take(limit).map(owned).collect(),
        })
    }
}
