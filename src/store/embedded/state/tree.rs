//! sled 0.34.7 as it is opened, asked and closed, and the files around it.
//!
//! Whatever sled does wrong, panics included, is told as a sentence; what becomes of it is decided
//! by the state.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use sled::Db;

use crate::store::{
    StoreError,
    embedded::state::{Refused, StateOptions},
};

/// How long a lock of sled's may outlive its owner.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Runs `action`; a panic becomes its message.
pub(super) fn guarded<T>(action: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("sled panicked: {}", text.unwrap_or("it does not say why"))
    })
}

pub(super) fn open_sled(options: &StateOptions) -> Result<Db, Refused> {
    let config = sled::Config::new()
        .path(&options.path)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(options.flush_every_ms));
    let begin = Instant::now();
    loop {
        match guarded(|| config.open()) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(sled::Error::Io(error))) if error.to_string().contains("acquire lock") => {
                // A process that was killed may hold the lock for a moment longer.
                if begin.elapsed() > LOCK_PATIENCE {
                    return Err(Refused::Busy);
                }
                thread::sleep(LOCK_PAUSE);
            }
            Ok(Err(error)) => {
                return Err(Refused::Unfit(format!("sled does not open it: {error}")));
            }
            Err(panic) => return Err(Refused::Unfit(panic)),
        }
    }
}

pub(crate) fn remove_tree(path: &Path) -> Result<(), StoreError> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("it cannot be removed", path, error))
        }
        _ => Ok(()),
    }
}

pub(super) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    fs::File::open(path)?.sync_all()
}

pub(super) fn tree_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => tree_bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

pub(super) fn io_error(what: &str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { what: format!("{}: {what}", path.display()), source }
}

/// Closes sled and waits until nothing of it holds its files, so that the directory can be moved.
/// Says whether that came about.
pub(crate) fn release(db: Db, path: &Path) -> bool {
    let dropped = guarded(move || drop(db)).is_ok();
    let file = path.join("db");
    let begin = Instant::now();
    loop {
        match fs::File::open(&file).map(|file| file.try_lock()) {
            Ok(Ok(())) | Err(_) => return dropped,
            Ok(Err(_)) if begin.elapsed() > LOCK_PATIENCE => return false,
            Ok(Err(_)) => thread::sleep(LOCK_PAUSE),
        }
    }
}

/// Puts the state directory where it can be looked at, in place of the one put there before.
pub(crate) fn set_aside(options: &StateOptions) -> Result<(), StoreError> {
    remove_tree(&options.aside)?;
    match fs::rename(&options.path, &options.aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("the state cannot be set aside", &options.path, error))
        }
        _ => Ok(()),
    }
}
