//! The keeper: one thread that does what a commit must not wait for.
//!
//! It makes the next segment, writes the side file of a segment that was left, and after an idle
//! while writes an empty frame, so that the journal itself says that its last entries were durable.
//! It ends when it is told to, after the side files that are still to be written.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::store::{
    StoreError,
    embedded::journal::{Journal, Left, Writer},
};

/// The thread and what it is told.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: Arc<(Mutex<Orders>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Orders {
    stop: bool,
    left: Vec<Left>,
    spare: Option<u32>,
    /// When the last entries were written, if no mark covers them.
    unmarked_since: Option<Instant>,
}

/// What is to be done next.
enum Task {
    Stop,
    Side(Left),
    Spare(u32),
    Mark,
}

impl Keeper {
    /// Starts the thread. A mark is written when nothing was for `idle`.
    pub(crate) fn start(journal: &Arc<Journal>, idle: Duration) -> std::io::Result<Self> {
        let (spare, unmarked) = {
            let writer = journal.writer();
            (writer.segment() + 1, writer.unmarked())
        };
        let unmarked_since = unmarked.then(Instant::now);
        let orders = Orders { spare: Some(spare), unmarked_since, ..Orders::default() };
        let orders = Arc::new((Mutex::new(orders), Condvar::new()));
        let (theirs, journal) = (Arc::clone(&orders), Arc::clone(journal));
        let thread = thread::Builder::new()
            .name("journal keeper".to_owned())
            .spawn(move || run(&theirs, &journal, idle))?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Says that a frame with entries was written, and which segment was left for it.
    pub(crate) fn written(&self, left: Option<Left>, segment: u32) {
        let (orders, signal) = self.orders.as_ref();
        let mut orders = locked(orders);
        // The keeper is woken only when it may have nothing to wait for.
        let wake = left.is_some() || orders.unmarked_since.is_none();
        if left.is_some() {
            orders.left.extend(left);
            orders.spare = Some(segment + 1);
        }
        orders.unmarked_since = Some(Instant::now());
        drop(orders);
        if wake {
            signal.notify_one();
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&mut self) {
        let (orders, signal) = self.orders.as_ref();
        locked(orders).stop = true;
        signal.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's keeper had panicked");
        }
    }
}

/// Writes an empty frame if there are entries that no mark covers.
pub(crate) fn mark(journal: &Journal, writer: &mut Writer) -> Result<(), StoreError> {
    if !writer.unmarked() {
        return Ok(());
    }
    let appended = journal.append(writer, &[])?;
    appended.left.map_or(Ok(()), |left| journal.write_side(left))
}

fn run(orders: &(Mutex<Orders>, Condvar), journal: &Journal, idle: Duration) {
    loop {
        let done = match next_task(orders, idle) {
            Task::Stop => return,
            Task::Side(left) => journal.write_side(left),
            Task::Spare(segment) => journal.make_spare(segment),
            Task::Mark => {
                let mut writer = journal.writer();
                let done = mark(journal, &mut writer);
                locked(&orders.0).spare = Some(writer.segment() + 1);
                done
            }
        };
        if let Err(error) = done {
            // A commit that needs what failed tries again and reports it.
            tracing::warn!(error = %error, "the journal's keeper could not finish");
        }
    }
}

fn next_task((orders, signal): &(Mutex<Orders>, Condvar), idle: Duration) -> Task {
    let mut orders = locked(orders);
    loop {
        if let Some(left) = orders.left.pop() {
            return Task::Side(left);
        }
        if orders.stop {
            return Task::Stop;
        }
        if let Some(segment) = orders.spare.take() {
            return Task::Spare(segment);
        }
        let Some(since) = orders.unmarked_since else {
            orders = signal.wait(orders).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let Some(rest) = idle.checked_sub(since.elapsed()).filter(|rest| !rest.is_zero()) else {
            orders.unmarked_since = None;
            return Task::Mark;
        };
        let waited = signal.wait_timeout(orders, rest);
        orders = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn locked(orders: &Mutex<Orders>) -> MutexGuard<'_, Orders> {
    orders.lock().unwrap_or_else(PoisonError::into_inner)
}
