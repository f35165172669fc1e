//! What a start does with the journal that it finds.
//!
//! What stays true: nothing is cut that could have been acknowledged. A tail may be torn only where
//! the last write was, with no intact frame behind it; everything else that is not as it was
//! written is [`StoreError::Damage`], and the store does not open. Nothing is written here but
//! side files, the first segment and, in [`cut`], what a torn tail needs.

use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use crate::store::{
    StoreError,
    embedded::{
        files::{Files, Handle, read_all, write_whole},
        index::{Index, Place, SideFile},
        journal::{JournalOptions, Tail, failure, offset_of, zero_filled},
        segment::{
            Chain, DirectoryId, End, SEGMENT_HEADER_BYTES, SegmentHeader, damage, frame_beyond,
            is_zero, scan, segment_name, segment_number, side_name,
        },
    },
};

/// The journal as found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) tail: Tail,
    pub(crate) index: Index,
    /// The newest segment: the one being filled, or the one behind it.
    pub(crate) made: u32,
    pub(crate) bytes: u64,
    /// What is to be cut before anything is written.
    pub(crate) torn: Option<Torn>,
    pub(crate) side_files_made: u32,
}

/// A torn tail.
#[derive(Debug)]
pub(crate) struct Torn {
    pub(crate) path: PathBuf,
    pub(crate) at: usize,
    /// Up to the last byte that is not zero.
    pub(crate) bytes: Vec<u8>,
    pub(crate) what: String,
}

/// The segments of a journal, in order: those in use with their headers, and what follows them.
struct Found {
    used: Vec<SegmentHeader>,
    last: Option<Last>,
}

/// The segment behind those in use.
enum Last {
    /// All zeros.
    Spare { segment: u32, length: u64 },
    /// Its first frame was being written.
    Torn { segment: u32, bytes: Vec<u8> },
}

struct Recovery<'a> {
    options: &'a JournalOptions,
    chain: Chain,
    index: Index,
    side_files_made: u32,
    last_full: u64,
}

/// Reads the journal, or begins one.
pub(crate) fn recover(options: &JournalOptions) -> Result<Recovered, StoreError> {
    remove_drafts(options)?;
    let mut found = find(options)?;
    if found.used.is_empty() {
        found.used.push(begin(options)?);
    }
    let Found { mut used, last } = found;
    let Some(active) = used.pop() else {
        return Err(damage(&options.path.display().to_string(), 0, "there is no segment"));
    };
    let directory = used.first().unwrap_or(&active).directory;
    let mut recovery = Recovery {
        options,
        chain: Chain::start(directory),
        index: Index::default(),
        side_files_made: 0,
        last_full: 0,
    };
    for header in &used {
        recovery.take_full(header, directory)?;
    }
    recovery.take_active(active, directory, last)
}

/// Keeps what was torn in a file of its own, then makes it zeros. Gives the file's path.
pub(crate) fn cut(options: &JournalOptions, torn: &Torn) -> Result<PathBuf, StoreError> {
    let files = options.files.as_ref();
    let fails = |source| failure("the torn tail cannot be cut", &torn.path, source);
    let existing = files.list(&options.path).map_err(fails)?;
    let number = existing.iter().filter_map(|path| cut_number(path)).max().unwrap_or(0) + 1;
    let kept = options.path.join(format!("cut-{number}.bin"));
    write_whole(files, &kept, &torn.bytes).map_err(fails)?;
    let handle = files.open(&torn.path).map_err(fails)?;
    handle.write_at(&vec![0; torn.bytes.len()], torn.at as u64).map_err(fails)?;
    handle.sync().map_err(fails)?;
    Ok(kept)
}

impl Recovery<'_> {
    /// Takes a segment that gets no more frames, by its side file if that is to be believed.
    fn take_full(
        &mut self,
        header: &SegmentHeader,
        directory: DirectoryId,
    ) -> Result<(), StoreError> {
        let path = self.check_header(header, directory)?;
        let files = self.options.files.as_ref();
        let side_path = self.options.path.join(side_name(header.segment));
        let side = files.open_read(&side_path).and_then(|handle| read_all(handle.as_ref()));
        if let Some(side) = side.ok().and_then(|bytes| SideFile::decode(&bytes)) {
            let length = open(files, &path)?.length();
            let length =
                length.map_err(|source| failure("it cannot be measured", &path, source))?;
            let whole = u64::from(side.end) <= length;
            if whole && side.follow(&mut self.chain, header).is_some() {
                self.index.push_side(side);
                return Ok(());
            }
        }
        let (bytes, end) = self.scan(header, &path)?;
        let place = path.display().to_string();
        let end = match end {
            End::Clean { at } => at,
            End::Torn { at, what } => return Err(damage(&place, at, what.to_string())),
        };
        drop(bytes);
        let side = SideFile {
            header: *header,
            next_frame: self.chain.next,
            link_after: self.chain.link,
            mark: self.chain.mark,
            end: offset_of(end),
            runs: self.index.runs_of(header.segment),
        };
        write_whole(files, &side_path, &side.encode())
            .map_err(|source| failure("the side file cannot be written", &side_path, source))?;
        self.side_files_made += 1;
        Ok(())
    }

    /// Takes the segment that is being filled, and with it the journal's end.
    fn take_active(
        mut self,
        header: SegmentHeader,
        directory: DirectoryId,
        last: Option<Last>,
    ) -> Result<Recovered, StoreError> {
        let path = self.check_header(&header, directory)?;
        let (bytes, end) = self.scan(&header, &path)?;
        let (offset, mut torn) = match end {
            End::Clean { at } => (at, None),
            End::Torn { at, what } => {
                let tail = bytes.get(at..).unwrap_or_default();
                (at, Some(self.torn(&path, &bytes, at, tail, &what.to_string())?))
            }
        };
        let mut sum = self.sum_of_full(header.segment)? + bytes.len() as u64;
        let mut made = header.segment;
        match last {
            None => {}
            Some(Last::Spare { segment, length }) if length == self.options.segment_bytes => {
                made = segment;
                sum += length;
            }
            // It was made for another size.
            Some(Last::Spare { segment, .. }) => {
                let path = self.options.path.join(segment_name(segment));
                self.options
                    .files
                    .remove(&path)
                    .map_err(|source| failure("it cannot be removed", &path, source))?;
            }
            Some(Last::Torn { segment, bytes }) => {
                if torn.is_some() {
                    let what = "no frame lies here, and the next segment was begun";
                    return Err(damage(&path.display().to_string(), offset, what));
                }
                let path = self.options.path.join(segment_name(segment));
                let what = "the header of the segment is not intact";
                torn = Some(self.torn(&path, &bytes, 0, &bytes, what)?);
                sum += bytes.len() as u64;
                made = segment;
            }
        }
        // After a killed process frames may be in memory only: what is served must be durable.
        let opened = self.options.files.open(&path);
        let handle = opened.map_err(|source| failure("it cannot be opened", &path, source))?;
        handle.sync().map_err(|source| failure("it cannot be synced", &path, source))?;
        let tail = Tail {
            header,
            handle,
            offset,
            next_frame: self.chain.next,
            link: self.chain.link,
            mark: self.chain.mark,
            last_full: self.last_full,
        };
        let (index, side_files_made) = (self.index, self.side_files_made);
        Ok(Recovered { tail, index, made, bytes: sum, torn, side_files_made })
    }

    fn check_header(
        &self,
        header: &SegmentHeader,
        directory: DirectoryId,
    ) -> Result<PathBuf, StoreError> {
        let path = self.options.path.join(segment_name(header.segment));
        let place = path.display().to_string();
        if header.directory != directory {
            return Err(damage(
                &place,
                16,
                format!("it is of data directory {}", header.directory),
            ));
        }
        let checked = self.chain.check_header(header, header.segment);
        checked.map_err(|what| damage(&place, 0, what))?;
        Ok(path)
    }

    fn scan(&mut self, header: &SegmentHeader, path: &Path) -> Result<(Vec<u8>, End), StoreError> {
        let handle = open(self.options.files.as_ref(), path)?;
        let bytes = read(handle.as_ref(), path)?;
        let (index, last_full) = (&mut self.index, &mut self.last_full);
        let segment = header.segment;
        let place = path.display().to_string();
        let end = scan(&bytes, SEGMENT_HEADER_BYTES, &mut self.chain, &place, &mut |at, frame| {
            for entry in &frame.entries {
                let offset = offset_of(at) + entry.offset;
                index.push(entry.partition, entry.seq, Place { segment, offset });
                *last_full = frame.number;
            }
            Ok(())
        })?;
        Ok((bytes, end))
    }

    /// Whether what lies at `at` may be cut: only if no intact frame follows.
    fn torn(
        &self,
        path: &Path,
        segment: &[u8],
        at: usize,
        tail: &[u8],
        what: &str,
    ) -> Result<Torn, StoreError> {
        if let Some(beyond) = frame_beyond(segment, at, self.chain.next) {
            let what = format!("{what}, and an intact frame follows at byte {beyond}");
            return Err(damage(&path.display().to_string(), at, what));
        }
        let length = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let bytes = tail.get(..length).unwrap_or(tail).to_vec();
        Ok(Torn { path: path.to_owned(), at, bytes, what: what.to_owned() })
    }

    fn sum_of_full(&self, active: u32) -> Result<u64, StoreError> {
        let length = |segment| {
            let path = self.options.path.join(segment_name(segment));
            let length = open(self.options.files.as_ref(), &path)?.length();
            length.map_err(|source| failure("it cannot be measured", &path, source))
        };
        (1..active).map(length).sum()
    }
}

/// Files that were being written when the process ended; none of them is in use.
fn remove_drafts(options: &JournalOptions) -> Result<(), StoreError> {
    let fails = |source| failure("the drafts in it cannot be removed", &options.path, source);
    for path in options.files.list(&options.path).map_err(fails)? {
        if path.extension().is_some_and(|extension| extension == "tmp") {
            options.files.remove(&path).map_err(fails)?;
        }
    }
    Ok(())
}

/// The first segment of a new data directory.
fn begin(options: &JournalOptions) -> Result<SegmentHeader, StoreError> {
    let path = options.path.join(segment_name(1));
    let mut id = [0; 16];
    SystemRandom::new().fill(&mut id).map_err(|_| {
        let source = std::io::Error::other("the system gives no random bytes");
        failure("it cannot be made", &path, source)
    })?;
    let directory = DirectoryId(id);
    let header = SegmentHeader { directory, segment: 1, link: directory.link(), first_frame: 1 };
    zero_filled(options.files.as_ref(), &path, options.segment_bytes, &header.encode())
        .map_err(|source| failure("it cannot be made", &path, source))?;
    Ok(header)
}

fn find(options: &JournalOptions) -> Result<Found, StoreError> {
    let files = options.files.as_ref();
    let listed = files.list(&options.path);
    let listed = listed.map_err(|source| failure("it cannot be listed", &options.path, source))?;
    let name = |path: &PathBuf| segment_number(path.file_name()?.to_str()?);
    let numbers: Vec<u32> = listed.iter().filter_map(name).collect();
    let mut found = Found { used: Vec::new(), last: None };
    for (expected, number) in (1..).zip(&numbers) {
        let path = options.path.join(segment_name(*number));
        let place = path.display().to_string();
        if *number != expected {
            let missing = options.path.join(segment_name(expected)).display().to_string();
            return Err(damage(&missing, 0, format!("segment {expected} is missing")));
        }
        let handle = open(files, &path)?;
        let mut front = vec![0; SEGMENT_HEADER_BYTES];
        let count = handle.read_at(&mut front, 0);
        let count = count.map_err(|source| failure("it cannot be read", &path, source))?;
        front.truncate(count);
        if let Some(header) = SegmentHeader::decode(&front) {
            found.used.push(header);
            continue;
        }
        // Only the segment behind the last one in use may be without a header.
        let is_last = numbers.len() == found.used.len() + 1;
        if found.used.is_empty() || !is_last {
            return Err(damage(&place, 0, "the header of the segment is not intact"));
        }
        let bytes = read(handle.as_ref(), &path)?;
        found.last = Some(if is_zero(&bytes) {
            Last::Spare { segment: *number, length: bytes.len() as u64 }
        } else {
            Last::Torn { segment: *number, bytes }
        });
    }
    Ok(found)
}

fn cut_number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("cut-")?.strip_suffix(".bin")?.parse().ok()
}

fn open(files: &dyn Files, path: &Path) -> Result<std::sync::Arc<dyn Handle>, StoreError> {
    files.open_read(path).map_err(|source| failure("it cannot be opened", path, source))
}

fn read(handle: &dyn Handle, path: &Path) -> Result<Vec<u8>, StoreError> {
    read_all(handle).map_err(|source| failure("it cannot be read", path, source))
}
