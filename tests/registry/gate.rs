//! A memory store with a gate before its commits, and a trap in its reads.

use std::sync::{Condvar, Mutex};

use anju::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Group, Head, Key, KeyRange, Limit, Stats, Step, Store, StoreError, Value, View,
        memory::MemoryStore,
    },
};

#[derive(Default)]
struct Door {
    /// Commits that may still pass; `None`: all.
    passes: Option<u32>,
    /// Commits that wait.
    waiting: u32,
}

/// A memory store that can be held up and can be made to panic.
#[derive(Default)]
pub(crate) struct Gate {
    inner: MemoryStore,
    door: Mutex<Door>,
    moved: Condvar,
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
        *self.trap.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bytes;
    }

    fn tread(&self, key: &[u8]) {
        let trap = self.trap.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
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
        self.view.get(key)
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
        self.inner.commit(group)
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
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

    fn heads(&self) -> Vec<Head> {
        self.inner.heads()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        self.inner.clear_state()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}
