//! The thread that writes one buffer to sled.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use sled::Db;

use crate::store::embedded::state::{
    Shared,
    buffer::Buffer,
    opened::{BEGUN_KEY, DONE_KEY},
    redo,
};

/// Keys between two looks at whether to stop.
const KEYS_BETWEEN_LOOKS: usize = 256;

/// A buffer on its way to sled.
#[derive(Debug)]
pub(super) struct Drain {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl Drain {
    /// Starts to write a buffer; when all of it is in sled, it is taken out of the state.
    pub(super) fn start(
        shared: Arc<Shared>,
        db: Db,
        buffer: Arc<Buffer>,
        epoch: u64,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let run = move || {
            // Without its handle nobody can close sled.
            let is_done = shared.ask(|| write(&db, &buffer, epoch, &told));
            drop(db);
            if matches!(is_done, Ok(true)) {
                shared.write().older = Arc::default();
                if let Err(error) = redo::remove(&shared.options.path, epoch) {
                    tracing::warn!(%error, epoch, "a redo file could not be removed");
                }
            }
        };
        let thread = thread::Builder::new().name("state drain".to_owned()).spawn(run)?;
        Ok(Self { thread, stop })
    }

    /// Waits until it is done, or has failed.
    pub(super) fn wait(self) {
        // What goes wrong in it is caught there.
        let _ = self.thread.join();
    }

    /// Breaks it off; the redo file has what is missing.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wait();
    }
}

/// Says whether it was done to the end.
fn write(db: &Db, buffer: &Buffer, epoch: u64, stop: &AtomicBool) -> sled::Result<bool> {
    // Before any of the writes, so that a state which has some of them says so.
    db.insert(BEGUN_KEY, &epoch.to_le_bytes())?;
    db.flush()?;
    for (index, (key, value)) in buffer.iter().enumerate() {
        if index % KEYS_BETWEEN_LOOKS == 0 && stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        match value {
            Some(value) => db.insert(key, value.as_slice())?,
            None => db.remove(key)?,
        };
    }
    db.flush()?;
    db.insert(DONE_KEY, &epoch.to_le_bytes())?;
    // The redo file goes now.
    db.flush()?;
    Ok(true)
}
