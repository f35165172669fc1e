//! A memory store with a gate before its commits and replays, a trap in its reads, and a state that
//! can be damaged.

use std::sync::{
    Condvar, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use anju::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Group, Head, Key, KeyRange, Limit, Stats, Step, Store, StoreError, Value, View,
        memory::MemoryStore,
    },
};

#[derive(Default)]
struct Door {
    /// Those that may still pass; `None`: all.
    passes: Option<u32>,
    /// Those that wait.
    waiting: u32,
}

/// What a damaged state does, until it is cleared or for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Reading a key with these bytes in it fails.
    Unread(Vec<u8>),
    /// The value of such a key is cut short.
    Garbled(Vec<u8>),
    /// The next group reaches the journal and not the state.
    Unwritten,
}

/// A memory store that can be held up and can be made to panic.
#[derive(Default)]
pub(crate) struct Gate {
    inner: MemoryStore,
    door: Mutex<Door>,
    replays: Mutex<Door>,
    moved: Condvar,
    /// With whether clearing the state mends it.
    damage: Mutex<Option<(Damage, bool)>>,
    is_damaged: AtomicBool,
    /// Reading a key with these bytes in it panics.
    trap: Mutex<Option<Vec<u8>>>,
}

impl Gate {
    /// Opens the gate at the end, also of a test that fails: the writer waits for it.
    pub(crate) fn opened_at_the_end(&self) -> impl Drop {
        struct Opened<'a>(&'a Gate);
        impl Drop for Opened<'_> {
            fn drop(&mut self) {
                self.0.open();
            }
        }
        Opened(self)
    }

    /// Lets only so many more commits pass.
    pub(crate) fn close_after(&self, passes: u32) {
        self.door.lock().unwrap().passes = Some(passes);
    }

    /// Lets one more commit pass.
    pub(crate) fn pass_one(&self) {
        let mut door = self.door.lock().unwrap();
        door.passes = Some(door.passes.unwrap_or(0) + 1);
        self.moved.notify_all();
    }

    pub(crate) fn open(&self) {
        self.door.lock().unwrap().passes = None;
        self.replays.lock().unwrap_or_else(PoisonError::into_inner).passes = None;
        self.moved.notify_all();
    }

    /// Returns once a commit waits at the gate.
    pub(crate) fn wait_for_a_commit(&self) {
        let mut door = self.door.lock().unwrap();
        while door.waiting == 0 {
            door = self.moved.wait(door).unwrap();
        }
    }

    /// Sets or takes away the trap.
    pub(crate) fn panic_on(&self, bytes: Option<Vec<u8>>) {
        *self.trap.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    /// Damages the state. `mends`: whether clearing it helps.
    pub(crate) fn damage(&self, damage: Damage, mends: bool) {
        *self.damage.lock().unwrap() = Some((damage, mends));
    }

    /// Lets only so many more replays pass.
    pub(crate) fn hold_replays_after(&self, passes: u32) {
        self.replays.lock().unwrap().passes = Some(passes);
    }

    /// Returns once a replay waits at the gate.
    pub(crate) fn wait_for_a_replay(&self) {
        let mut door = self.replays.lock().unwrap();
        while door.waiting == 0 {
            door = self.moved.wait(door).unwrap();
        }
    }

    /// Lets one replay pass, and waits until the next one waits.
    pub(crate) fn pass_one_replay(&self) {
        let mut door = self.replays.lock().unwrap();
        door.passes = Some(1);
        self.moved.notify_all();
        while door.passes != Some(0) || door.waiting == 0 {
            door = self.moved.wait(door).unwrap();
        }
    }

    fn damaged(&self, key: &[u8]) -> Option<Damage> {
        let damage = self.damage.lock().unwrap().clone();
        let (damage, _) = damage?;
        match &damage {
            Damage::Unread(bytes) | Damage::Garbled(bytes) => {
                key.windows(bytes.len()).any(|part| part == bytes).then_some(damage)
            }
            Damage::Unwritten => None,
        }
    }

    fn tread(&self, key: &[u8]) {
        let trap = self.trap.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(bytes) = trap {
            assert!(!key.windows(bytes.len()).any(|part| part == bytes), "the trap was trodden on");
        }
    }
}

struct Trapped<'a> {
    view: Box<dyn View + 'a>,
    gate: &'a Gate,
}

impl View for Trapped<'_> {
    fn applied(&self, partition: Partition) -> Seq {
        self.view.applied(partition)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.gate.tread(key);
        let value = self.view.get(key)?;
        match self.gate.damaged(key) {
            Some(Damage::Unread(_)) => {
                self.gate.is_damaged.store(true, Ordering::SeqCst);
                let (place, what) = ("the state".to_owned(), "damaged for a test".to_owned());
                Err(StoreError::Damage { place, what })
            }
            Some(_) => Ok(value.map(|value| value[..value.len().min(2)].to_vec())),
            None => Ok(value),
        }
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        self.view.scan(range, direction, limit)
    }
}

impl Store for Gate {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(Trapped { view: self.inner.view()?, gate: self }))
    }

    fn commit(&self, group: Group) -> Result<(), StoreError> {
        let mut door = self.door.lock().unwrap();
        door.waiting += 1;
        self.moved.notify_all();
        while door.passes == Some(0) {
            door = self.moved.wait(door).unwrap();
        }
        door.passes = door.passes.map(|passes| passes - 1);
        door.waiting -= 1;
        drop(door);
        // Not held while the state is written: readers look at the damage while they hold it.
        let unwritten = |(damage, _): &mut (Damage, bool)| *damage == Damage::Unwritten;
        if self.damage.lock().unwrap().take_if(unwritten).is_some() {
            self.is_damaged.store(true, Ordering::SeqCst);
            self.inner.commit(Group { entries: group.entries, steps: Vec::new() })?;
            return Err(StoreError::Unavailable("damaged for a test".to_owned()));
        }
        self.inner.commit(group)
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        let mut door = self.replays.lock().unwrap();
        door.waiting += 1;
        self.moved.notify_all();
        while door.passes == Some(0) {
            door = self.moved.wait(door).unwrap();
        }
        door.passes = door.passes.map(|passes| passes - 1);
        door.waiting -= 1;
        self.moved.notify_all();
        drop(door);
        self.inner.replay(steps)
    }

    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.inner.entries(partition, from, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.inner.entries_at(partition, at)
    }

    fn overwrite(&self, partition: Partition, seq: Seq, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.overwrite(partition, seq, bytes)
    }

    fn heads(&self) -> Vec<Head> {
        self.inner.heads()
    }

    fn state_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::SeqCst)
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        self.damage.lock().unwrap().take_if(|(_, mends)| *mends);
        self.is_damaged.store(false, Ordering::SeqCst);
        self.inner.clear_state()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}
