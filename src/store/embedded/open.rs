//! Opening a data directory: lock, journal, state, and which of what is found is to be believed.

use std::{
    fs::{self, OpenOptions, TryLockError},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{
    kernel::position::Partition,
    store::{
        StoreError,
        embedded::{
            Cut, EmbeddedOptions, EmbeddedStore, OpenReport,
            journal::{Journal, JournalOptions, failure},
            keeper::Keeper,
            loading,
            marker::{self, Marker},
            overwrite,
            recover::{self, Recovered, Torn},
            state::{self, Applied, Opened, Refused, State, StateOptions},
        },
    },
};

const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// Segments smaller or larger than this are not made.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 4 * 1024..=1024 * 1024 * 1024;

impl EmbeddedStore {
    /// Opens the data directory at `path`, or makes one.
    ///
    /// When [`Store::heads`](crate::store::Store::heads) then shows partitions whose state is
    /// behind, the caller replays. Damage to the journal is an error: nothing was changed then.
    /// So is a directory that was not filled to the end.
    pub fn open(path: &Path, options: EmbeddedOptions) -> Result<(Self, OpenReport), StoreError> {
        loading::refuse_unfinished(path)?;
        Self::open_any(path, options)
    }

    /// The same, also while the directory is being filled.
    pub(crate) fn open_any(
        path: &Path,
        options: EmbeddedOptions,
    ) -> Result<(Self, OpenReport), StoreError> {
        let files = Arc::clone(&options.files);
        let journal_options = JournalOptions {
            path: path.join("journal"),
            segment_bytes: options
                .segment_bytes
                .clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end()),
            reserve: options.reserve,
            files: Arc::clone(&files),
        };
        make_directories(&journal_options, path)?;
        let lock = lock(path, options.lock_patience)?;
        let io = |source| failure("it cannot be opened", path, source);
        overwrite::finish(files.as_ref(), path)?;
        let boot = files.boot_id().map_err(io)?;
        let marker = Marker::read(files.as_ref(), path).map_err(io)?;

        refuse_lost_journal(&journal_options, marker.as_ref())?;
        let Recovered { tail, index, made, bytes, torn, side_files_made } =
            recover::recover(&journal_options)?;
        let directory = tail.header.directory;
        let (frame, link) = (tail.next_frame - 1, tail.link);
        if let Some(marker) = &marker {
            marker.check(directory, (frame, link), &journal_options.path)?;
        }
        let journal = Journal::new(journal_options.clone(), tail, index, made, bytes);

        let distrust = distrust(marker.as_ref(), &boot, &options);
        let state_options = StateOptions {
            path: path.join("state"),
            aside: path.join("state.aside"),
            directory,
            cache_bytes: options.cache_bytes,
            buffer_bytes: options.buffer_bytes,
            flush_every_ms: options.flush_every_ms,
            is_kept: true,
        };
        let (opened, state_set_aside) =
            open_state(&state_options, &journal, torn.as_ref(), distrust)?;
        let cut = torn.map(|torn| cut(&journal_options, &torn)).transpose()?;
        let clean = marker.as_ref().is_none_or(|marker| marker.clean);
        Marker { directory, boot: boot.clone(), clean: false, frame, link }
            .write(files.as_ref(), path)
            .map_err(|source| failure("it cannot be written", &marker::path(path), source))?;

        let entry_count = journal.index().heads().map(|(_, seq)| seq).sum();
        let report = OpenReport {
            directory,
            frame_count: frame,
            entry_count,
            clean,
            cut,
            state_set_aside,
            side_files_made,
        };
        let journal = Arc::new(journal);
        let keeper = Keeper::start(&journal, options.idle).map_err(io)?;
        let applied = opened.applied.clone();
        let store = Self {
            options,
            path: path.to_owned(),
            directory,
            boot,
            journal,
            state: State::new(state_options, opened),
            heads: Mutex::default(),
            keeper,
            closed: false,
            _lock: lock,
        };
        store.publish_heads(store.partitions(), &applied);
        Ok((store, report))
    }
}

fn make_directories(options: &JournalOptions, path: &Path) -> Result<(), StoreError> {
    let fails = |source| failure("it cannot be made", &options.path, source);
    fs::create_dir_all(&options.path).map_err(fails)?;
    options.files.sync_directory(path).map_err(fails)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            options.files.sync_directory(parent).map_err(fails)
        }
        _ => Ok(()),
    }
}

fn lock(path: &Path, patience: Duration) -> Result<fs::File, StoreError> {
    let lock_path = path.join("lock");
    let fails = |source| failure("it cannot be locked", &lock_path, source);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&lock_path);
    let file = file.map_err(fails)?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begin.elapsed() < patience => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse(path.display().to_string()));
            }
            Err(TryLockError::Error(error)) => return Err(fails(error)),
        }
    }
}

/// A journal that was there is not begun anew.
fn refuse_lost_journal(
    options: &JournalOptions,
    marker: Option<&Marker>,
) -> Result<(), StoreError> {
    let Some(marker) = marker else { return Ok(()) };
    let listed = options.files.list(&options.path);
    let listed = listed.map_err(|source| failure("it cannot be listed", &options.path, source))?;
    let has_segment =
        listed.iter().any(|path| path.extension().is_some_and(|extension| extension == "seg"));
    if has_segment {
        return Ok(());
    }
    let what = format!("there are no segments, and there was a frame {}", marker.frame);
    Err(StoreError::Damage { place: options.path.display().to_string(), what })
}

/// Why the state must not be believed, whatever it holds.
fn distrust(marker: Option<&Marker>, boot: &str, options: &EmbeddedOptions) -> Option<String> {
    if options.trust_unsynced_state {
        return None;
    }
    let Some(marker) = marker else {
        return Some("it is not known how the last run ended".to_owned());
    };
    let synced = marker.clean || marker.boot == boot;
    (!synced).then(|| "the machine stopped before it was synced".to_owned())
}

/// Opens the state if it is to be believed, and an empty one in its place if not.
fn open_state(
    options: &StateOptions,
    journal: &Journal,
    torn: Option<&Torn>,
    distrust: Option<String>,
) -> Result<(Opened, Option<String>), StoreError> {
    let why = match state::open(options) {
        Ok(opened) => {
            if let Some(torn) = torn
                && let Some(partition) = beyond(&opened, journal)
            {
                state::release(opened.db, &options.path);
                let place = format!("{} byte {}", torn.path.display(), torn.at);
                let what =
                    format!("{}; the state of {partition} has seen what was here", torn.what);
                return Err(StoreError::Damage { place, what });
            }
            let distrust = distrust.filter(|_| !opened.applied.is_empty());
            let unfit = distrust.map_or_else(|| unfit(&opened, journal), |why| Ok(Some(why)))?;
            let Some(why) = unfit else { return Ok((opened, None)) };
            state::release(opened.db, &options.path);
            why
        }
        Err(Refused::Busy) => return Err(StoreError::InUse(options.path.display().to_string())),
        Err(Refused::Unfit(why)) => why,
    };
    tracing::warn!(state.path = %options.path.display(), reason = why, "the state is set aside");
    state::set_aside(options)?;
    match state::open(options) {
        Ok(opened) => Ok((opened, Some(why))),
        Err(Refused::Busy) => Err(StoreError::InUse(options.path.display().to_string())),
        Err(Refused::Unfit(what)) => {
            Err(StoreError::Damage { place: options.path.display().to_string(), what })
        }
    }
}

/// A partition whose state reflects more than the journal holds.
fn beyond(opened: &Opened, journal: &Journal) -> Option<Partition> {
    let beyond = |(partition, applied): (&Partition, &Applied)| {
        (applied.seq > journal.head(*partition)).then_some(*partition)
    };
    opened.applied.iter().find_map(beyond)
}

/// Why the state is not that of a beginning of this journal, if it is not.
fn unfit(opened: &Opened, journal: &Journal) -> Result<Option<String>, StoreError> {
    if let Some(partition) = beyond(opened, journal) {
        let head = journal.head(partition);
        return Ok(Some(format!(
            "it reflects more than entry {partition}:{head}, the last there is"
        )));
    }
    for (partition, applied) in &opened.applied {
        let frame = journal.frame_of(*partition, applied.seq)?;
        if frame != (applied.frame, applied.crc) {
            let seq = applied.seq;
            return Ok(Some(format!("it reflects another entry {partition}:{seq} than there is")));
        }
    }
    Ok(None)
}

fn cut(options: &JournalOptions, torn: &Torn) -> Result<Cut, StoreError> {
    let kept = recover::cut(options, torn)?;
    let place = format!("{} byte {}", torn.path.display(), torn.at);
    tracing::warn!(journal.place = place, reason = torn.what, "a torn tail was cut");
    Ok(Cut { place, what: torn.what.clone(), kept, bytes: torn.bytes.len() as u64 })
}
