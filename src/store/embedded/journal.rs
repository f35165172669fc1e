//! The journal: appending frames, one writer at a time, and reading entries beside it.
//!
//! What stays true: an entry is in the index only after the frame that holds it was synced, and
//! only what is in the index is ever read. After a failed write or sync nothing is written any more
//! until the journal is opened again; a failed sync is never tried again. A segment is begun only
//! when every frame before it is durable.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        NewEntry, StoreError,
        embedded::{
            Reserve,
            files::{Files, Handle, draft_of, write_whole},
            frame,
            index::{Index, Place, SideFile},
            segment::{SEGMENT_HEADER_BYTES, SegmentHeader, is_zero, segment_name, side_name},
        },
    },
};

/// Files kept open for reading.
const HANDLES_MAX: usize = 64;
/// How often the room on the disk is asked for.
const SPACE_INTERVAL: Duration = Duration::from_millis(100);
/// Zeros are written so many at a time.
const ZEROS_BYTES: usize = 1024 * 1024;

/// How a journal is run.
#[derive(Clone, Debug)]
pub(crate) struct JournalOptions {
    /// The directory of the segments.
    pub(crate) path: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) reserve: Reserve,
    pub(crate) files: Arc<dyn Files>,
}

/// Where writing goes on.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The header of the segment that is being filled.
    pub(crate) header: SegmentHeader,
    pub(crate) handle: Arc<dyn Handle>,
    /// Where its next frame goes.
    pub(crate) offset: usize,
    /// The number of the next frame.
    pub(crate) next_frame: u64,
    /// The CRC of the last frame.
    pub(crate) link: u32,
    /// The mark of the last frame.
    pub(crate) mark: u64,
    /// The last frame that has entries, or a later one.
    pub(crate) last_full: u64,
}

/// The one who may write.
#[derive(Debug)]
pub(crate) struct Writer {
    tail: Tail,
    /// Why nothing may be written any more.
    failed: Option<String>,
    space_asked: Option<Instant>,
    buffer: Vec<u8>,
}

/// A frame that is durable and not yet in the index.
#[derive(Debug)]
pub(crate) struct Appended {
    pub(crate) frame: u64,
    pub(crate) crc: u32,
    segment: u32,
    offsets: Vec<u32>,
    /// The segment that was full and left.
    pub(crate) left: Option<Left>,
}

/// A segment that gets no more frames; its side file is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    header: SegmentHeader,
    next_frame: u64,
    link_after: u32,
    mark: u64,
    end: u32,
}

/// Figures for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) sync_count: AtomicU64,
    pub(crate) sync_micros: AtomicU64,
    pub(crate) failed: AtomicBool,
}

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal {
    options: JournalOptions,
    writer: Mutex<Writer>,
    index: RwLock<Index>,
    /// The newest segment that was made: the one being filled, or the next. Never goes back, so
    /// that a segment in use is never made again.
    made: Mutex<u32>,
    handles: Mutex<BTreeMap<u32, Arc<dyn Handle>>>,
    pub(crate) counters: Counters,
}

impl Writer {
    /// Whether there are entries that no mark in the journal says to be durable yet.
    pub(crate) fn unmarked(&self) -> bool {
        self.tail.mark < self.tail.last_full && self.failed.is_none()
    }

    /// The number of the last frame and its CRC.
    pub(crate) fn last_frame(&self) -> (u64, u32) {
        (self.tail.next_frame - 1, self.tail.link)
    }

    pub(crate) fn failed(&self) -> bool {
        self.failed.is_some()
    }

    /// The segment being filled.
    pub(crate) fn segment(&self) -> u32 {
        self.tail.header.segment
    }
}

impl Journal {
    /// `bytes`: those of all segments.
    pub(crate) fn new(
        options: JournalOptions,
        tail: Tail,
        index: Index,
        made: u32,
        bytes: u64,
    ) -> Self {
        let writer = Writer { tail, failed: None, space_asked: None, buffer: Vec::new() };
        let counters = Counters { bytes: AtomicU64::new(bytes), ..Counters::default() };
        Self {
            options,
            writer: Mutex::new(writer),
            index: RwLock::new(index),
            made: Mutex::new(made),
            handles: Mutex::default(),
            counters,
        }
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head(&self, partition: Partition) -> Seq {
        self.index().head(partition)
    }

    /// The path of a segment, for messages and to open it.
    pub(crate) fn segment_path(&self, segment: u32) -> PathBuf {
        self.options.path.join(segment_name(segment))
    }

    /// Whether anything may be written now; nothing was if not.
    pub(crate) fn check_writable(&self, writer: &mut Writer) -> Result<(), StoreError> {
        if let Some(why) = &writer.failed {
            return Err(StoreError::Unavailable(why.clone()));
        }
        if writer.space_asked.is_some_and(|asked| asked.elapsed() < SPACE_INTERVAL) {
            return Ok(());
        }
        let space = self.options.files.space(&self.options.path).map_err(|source| {
            failure("the room on its disk cannot be asked for", &self.options.path, source)
        })?;
        let (free, reserve) = (space.free_bytes, self.options.reserve.bytes_of(space.total_bytes));
        if free < reserve {
            return Err(StoreError::DiskReserve { free, reserve });
        }
        writer.space_asked = Some(Instant::now());
        Ok(())
    }

    /// Writes one frame and syncs it.
    pub(crate) fn append(
        &self,
        writer: &mut Writer,
        entries: &[NewEntry],
    ) -> Result<Appended, StoreError> {
        if let Some(why) = &writer.failed {
            return Err(StoreError::Unavailable(why.clone()));
        }
        // Every frame is synced before the next is begun.
        let (number, mark) = (writer.tail.next_frame, writer.tail.next_frame - 1);
        let mut buffer = std::mem::take(&mut writer.buffer);
        buffer.clear();
        let encoded = frame::encode(number, mark, writer.tail.link, entries, &mut buffer);
        let encoded = encoded.map_err(|frame::TooLong| {
            let source = io::ErrorKind::InvalidInput.into();
            StoreError::Io { what: "the group is too long for a frame".to_owned(), source }
        })?;
        let left = self.turn_if_full(writer, buffer.len())?;
        let written = self.write(writer, &buffer, left.is_some());
        let (length, begin) = (buffer.len(), writer.tail.offset);
        writer.buffer = buffer;
        if let Err(error) = written {
            let path = self.segment_path(writer.segment());
            return Err(self.fail(writer, format!("{}: {error}", path.display())));
        }
        let tail = &mut writer.tail;
        tail.offset = begin + length;
        tail.next_frame = number + 1;
        tail.link = encoded.crc;
        tail.mark = mark;
        if !entries.is_empty() {
            tail.last_full = number;
        }
        let base = offset_of(begin);
        let offsets = encoded.offsets.iter().map(|offset| base + offset).collect();
        let segment = tail.header.segment;
        Ok(Appended { frame: number, crc: encoded.crc, segment, offsets, left })
    }

    /// Nothing is written any more until the journal is opened again.
    pub(crate) fn fail(&self, writer: &mut Writer, why: String) -> StoreError {
        tracing::error!(journal.failure = why, "the journal is read-only until restart");
        writer.failed = Some(why.clone());
        self.counters.failed.store(true, Ordering::SeqCst);
        StoreError::Unavailable(why)
    }

    /// Makes the entries of a durable frame visible to readers.
    pub(crate) fn publish(&self, appended: &Appended, entries: &[NewEntry]) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (entry, offset) in entries.iter().zip(&appended.offsets) {
            let place = Place { segment: appended.segment, offset: *offset };
            index.push(entry.partition, entry.seq, place);
        }
    }

    /// Makes segment `number` ready, full of zeros, if it is not yet.
    pub(crate) fn make_spare(&self, number: u32) -> Result<(), StoreError> {
        let mut newest = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if number <= *newest {
            return Ok(());
        }
        let path = self.segment_path(number);
        let made = zero_filled(self.options.files.as_ref(), &path, self.options.segment_bytes, &[]);
        made.map_err(|source| failure("the segment cannot be made", &path, source))?;
        self.counters.bytes.fetch_add(self.options.segment_bytes, Ordering::Relaxed);
        *newest = number;
        Ok(())
    }

    /// Writes the side file of a segment that was left.
    pub(crate) fn write_side(&self, left: Left) -> Result<(), StoreError> {
        let side = SideFile {
            header: left.header,
            next_frame: left.next_frame,
            link_after: left.link_after,
            mark: left.mark,
            end: left.end,
            runs: self.index().runs_of(left.header.segment),
        };
        let path = self.options.path.join(side_name(left.header.segment));
        write_whole(self.options.files.as_ref(), &path, &side.encode())
            .map_err(|source| failure("the side file cannot be written", &path, source))
    }

    /// A segment open for reading.
    pub(crate) fn handle(&self, segment: u32) -> Result<Arc<dyn Handle>, StoreError> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handles.get(&segment) {
            return Ok(Arc::clone(handle));
        }
        let path = self.segment_path(segment);
        let handle = self.options.files.open_read(&path);
        let handle =
            handle.map_err(|source| failure("the segment cannot be opened", &path, source))?;
        if handles.len() >= HANDLES_MAX {
            // The oldest segment: old ones are read from end to end, new ones again and again.
            handles.pop_first();
        }
        handles.insert(segment, Arc::clone(&handle));
        Ok(handle)
    }

    /// Goes on in the next segment when `length` bytes do not fit this one any more.
    fn turn_if_full(&self, writer: &mut Writer, length: usize) -> Result<Option<Left>, StoreError> {
        let end = writer.tail.offset + length;
        let fits = end as u64 <= self.options.segment_bytes;
        if fits || writer.tail.offset == SEGMENT_HEADER_BYTES {
            return Ok(None);
        }
        let tail = &writer.tail;
        let segment = tail.header.segment + 1;
        self.make_spare(segment)?;
        let path = self.segment_path(segment);
        let handle = self.options.files.open(&path);
        let handle =
            handle.map_err(|source| failure("the segment cannot be opened", &path, source))?;
        let left = Left {
            header: tail.header,
            next_frame: tail.next_frame,
            link_after: tail.link,
            mark: tail.mark,
            end: offset_of(tail.offset),
        };
        let tail = &mut writer.tail;
        tail.header.segment = segment;
        tail.header.first_frame = tail.next_frame;
        tail.header.link = tail.link;
        tail.handle = handle;
        tail.offset = SEGMENT_HEADER_BYTES;
        Ok(Some(left))
    }

    /// Writes and syncs a frame, with its segment's header in front when it is the first there.
    fn write(&self, writer: &Writer, frame: &[u8], with_header: bool) -> io::Result<()> {
        let tail = &writer.tail;
        if with_header {
            let bytes = [&tail.header.encode(), frame].concat();
            tail.handle.write_at(&bytes, 0)?;
        } else {
            tail.handle.write_at(frame, tail.offset as u64)?;
        }
        let begin = Instant::now();
        tail.handle.sync()?;
        let micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters.sync_count.fetch_add(1, Ordering::Relaxed);
        self.counters.sync_micros.fetch_add(micros, Ordering::Relaxed);
        Ok(())
    }
}

/// Makes a segment: `front`, then zeros up to `length`. It is there whole or not at all.
pub(crate) fn zero_filled(
    files: &dyn Files,
    path: &Path,
    length: u64,
    front: &[u8],
) -> io::Result<()> {
    let draft = draft_of(path);
    match files.remove(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let handle = files.create(&draft)?;
    handle.write_at(front, 0)?;
    let zeros = vec![0; ZEROS_BYTES];
    let mut at = front.len() as u64;
    while at < length {
        let wanted = usize::try_from(length - at).unwrap_or(ZEROS_BYTES).min(ZEROS_BYTES);
        handle.write_at(zeros.get(..wanted).unwrap_or(&zeros), at)?;
        at += wanted as u64;
    }
    handle.sync()?;
    refuse_to_replace(files, path)?;
    files.rename(&draft, path)?;
    path.parent().map_or(Ok(()), |directory| files.sync_directory(directory))
}

/// Only a segment that is not in use may be made again.
fn refuse_to_replace(files: &dyn Files, path: &Path) -> io::Result<()> {
    let existing = match files.open_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut front = [0; SEGMENT_HEADER_BYTES];
    existing.read_at(&mut front, 0)?;
    if is_zero(&front) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is in use"))
}

/// An offset in a segment. Segments and frames are bounded so that it fits.
pub(crate) fn offset_of(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// An error of the operating system, with the path.
pub(crate) fn failure(what: &str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { what: format!("{}: {what}", path.display()), source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{
        Group, Store,
        embedded::{EmbeddedOptions, EmbeddedStore},
    };

    #[test]
    fn a_segment_in_use_is_never_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions {
            segment_bytes: 4 * 1024,
            reserve: Reserve { bytes: 0, percent: 0 },
            ..EmbeddedOptions::default()
        };
        let (store, _) = EmbeddedStore::open(directory.path(), options).unwrap();
        let partition = Partition::new(1).unwrap();
        for seq in 1..=20 {
            let entries = vec![NewEntry { partition, seq, bytes: vec![7; 1_000] }];
            store.commit(Group { entries, steps: Vec::new() }).unwrap();
        }
        for segment in 1..=store.journal.writer().segment() {
            let path = store.journal.segment_path(segment);
            let bytes = fs::read(&path).unwrap();
            store.journal.make_spare(segment).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes, "segment {segment}");
            let files = store.journal.options.files.as_ref();
            let refused = zero_filled(files, &path, 4 * 1024, &[]).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), bytes, "segment {segment}");
        }
    }
}
