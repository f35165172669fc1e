//! Reading a whole journal from its first frame on, also beside a running server.
//!
//! Takes no lock and writes nothing. Checks every CRC, frame number, link, mark and the numbers of
//! every partition's entries, and that the journal is no shorter than it is known to have been. A
//! running server appends while this reads: what looks torn is read
//! again before it is called so, and what is written later is not waited for.

use std::path::{Path, PathBuf};

use crate::{
    kernel::position::{Partition, Position, Seq},
    store::{
        StoreError,
        embedded::{
            files::{Files, SystemFiles, read_all},
            frame::Frame,
            journal::failure,
            loading,
            marker::Marker,
            overwrite::Overwriting,
            segment::{
                Chain, DirectoryId, End, SEGMENT_HEADER_BYTES, SegmentHeader, damage, frame_beyond,
                is_zero, scan, segment_name, segment_number,
            },
        },
    },
};

/// How often a place is read again that a running server may be writing.
const READS_MAX: u32 = 3;
/// Progress is told so often.
const PROGRESS_BYTES: u64 = 1024 * 1024;

/// What a journal holds that has no damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalReport {
    /// The data directory's id.
    pub directory: DirectoryId,
    /// Segments in use.
    pub segment_count: u64,
    /// Frames, those without entries included.
    pub frame_count: u64,
    /// Entries of all partitions.
    pub entry_count: u64,
    /// Bytes of headers and frames.
    pub bytes: u64,
    /// The last entry of each partition.
    pub heads: Vec<Position>,
    /// What follows the last frame and is none: a write that was under way or was torn.
    pub tail: Option<TornTail>,
}

/// Bytes behind the last frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// File and offset.
    pub place: String,
    /// Bytes up to the last that is not zero.
    pub bytes: u64,
}

/// What [`for_each_entry`] hands entries to: partition, number and bytes.
pub type EachEntry<'a> = dyn FnMut(Partition, Seq, &[u8]) -> Result<(), StoreError> + 'a;

/// Checks the journal of the data directory `path`; the error is the first damage.
///
/// `progress` is told how many of how many bytes were read.
pub fn verify_journal(
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<JournalReport, StoreError> {
    for_each_entry(path, &mut |_, _, _| Ok(()), progress)
}

/// Hands every entry to `each` in the order of the journal, checked as by [`verify_journal`].
///
/// Ends with the first error of `each`.
pub fn for_each_entry(
    path: &Path,
    each: &mut EachEntry<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<JournalReport, StoreError> {
    loading::refuse_unfinished(path)?;
    let directory = path.join("journal");
    // Read first: a running server only makes the journal longer than this says.
    let marker = Marker::read(&SystemFiles, path);
    let marker = marker.map_err(|source| failure("its marker cannot be read", path, source))?;
    let total_bytes = measure(&directory)?;
    // A directory whose journal was begun has the first segment, if it is whole.
    let numbers = numbers(&directory)?;
    if !numbers.contains(&1) && (marker.is_some() || !numbers.is_empty()) {
        return Err(damage(&place(&directory, 1), 0, "segment 1 is missing"));
    }
    let header = read_header(&directory, 1)?.ok_or_else(|| {
        damage(&place(&directory, 1), 0, "the header of the segment is not intact")
    })?;
    let chain = Chain::start(header.directory);
    let counts =
        Counts { segments: 0, frames: 0, entries: 0, bytes: 0, total_bytes, told_bytes: 0 };
    let mut walk = Walk { directory, chain, counts, each, progress };
    walk.counts.tell(walk.progress, true);
    let tail = walk.run(header)?;
    if let Some(marker) = marker {
        let last = (walk.chain.next - 1, walk.chain.link);
        marker.check(header.directory, last, &walk.directory)?;
    }
    walk.counts.told_bytes = total_bytes.max(walk.counts.bytes);
    (walk.progress)(walk.counts.told_bytes, walk.counts.told_bytes);
    let position =
        |(partition, seq): (&Partition, &Seq)| Position { partition: *partition, seq: *seq };
    Ok(JournalReport {
        directory: header.directory,
        segment_count: walk.counts.segments,
        frame_count: walk.counts.frames,
        entry_count: walk.counts.entries,
        bytes: walk.counts.bytes,
        heads: walk.chain.heads.iter().map(position).collect(),
        tail,
    })
}

/// Makes durable whatever of the journal can be read, beside a running server too: it may not have
/// synced its last frame yet.
pub fn sync_journal(path: &Path) -> Result<(), StoreError> {
    let directory = path.join("journal");
    for number in numbers(&directory)? {
        let path = directory.join(segment_name(number));
        let synced = SystemFiles.open_read(&path).and_then(|handle| handle.sync());
        synced.map_err(|source| failure("it cannot be synced", &path, source))?;
    }
    SystemFiles
        .sync_directory(&directory)
        .map_err(|source| failure("it cannot be synced", &directory, source))
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    segments: u64,
    frames: u64,
    entries: u64,
    bytes: u64,
    total_bytes: u64,
    told_bytes: u64,
}

impl Counts {
    fn tell(&mut self, progress: &mut dyn FnMut(u64, u64), now: bool) {
        if now || self.bytes >= self.told_bytes + PROGRESS_BYTES {
            self.told_bytes = self.bytes;
            progress(self.bytes, self.total_bytes.max(self.bytes));
        }
    }
}

struct Walk<'a> {
    directory: PathBuf,
    chain: Chain,
    counts: Counts,
    each: &'a mut EachEntry<'a>,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Walk<'_> {
    fn run(&mut self, first: SegmentHeader) -> Result<Option<TornTail>, StoreError> {
        let mut header = first;
        for segment in 1.. {
            let place = place(&self.directory, segment);
            if header.directory != first.directory {
                let what = format!("it is of data directory {}", header.directory);
                return Err(damage(&place, 16, what));
            }
            let checked = self.chain.check_header(&header, segment);
            checked.map_err(|what| damage(&place, 0, what))?;
            self.counts.segments += 1;
            self.counts.bytes += SEGMENT_HEADER_BYTES as u64;
            match self.segment(segment)? {
                Next::Segment(next) => header = next,
                Next::End(tail) => return Ok(tail),
            }
        }
        Ok(None)
    }

    /// Reads the frames of a segment and finds what follows them.
    fn segment(&mut self, segment: u32) -> Result<Next, StoreError> {
        let place = place(&self.directory, segment);
        let mut at = SEGMENT_HEADER_BYTES;
        let mut reads = 0;
        loop {
            // Asked first: with a next segment in use this one is complete.
            let next = read_header(&self.directory, segment + 1)?;
            let bytes = read(&self.directory, segment)?;
            let before = at;
            let end = self.scan(&bytes, at, &place)?;
            let (End::Clean { at: end_at } | End::Torn { at: end_at, .. }) = end;
            at = end_at;
            reads = if at == before { reads + 1 } else { 1 };
            let problem = match (end, next) {
                (End::Clean { .. }, Some(next)) if next.first_frame == self.chain.next => {
                    return Ok(Next::Segment(next));
                }
                (End::Clean { .. }, None) => {
                    // Begun meanwhile: read on, so that only a last segment is called the last.
                    if read_header(&self.directory, segment + 1)?.is_some() {
                        continue;
                    }
                    return self.behind_last(segment);
                }
                (End::Clean { .. }, Some(next)) => {
                    let (missing, first) = (self.chain.next, next.first_frame);
                    format!("frame {missing} is missing; the next segment begins with {first}")
                }
                (End::Torn { what, .. }, Some(_)) => {
                    format!("{what}, and the next segment is in use")
                }
                (End::Torn { what, .. }, None) => match frame_beyond(&bytes, at, self.chain.next) {
                    Some(beyond) => {
                        format!("{what}, and an intact frame follows at byte {beyond}")
                    }
                    None => return Ok(Next::End(Some(torn(&place, at, &bytes)))),
                },
            };
            // A running server may have written between two of the reads.
            if reads >= READS_MAX {
                return Err(damage(&place, at, problem));
            }
        }
    }

    fn scan(&mut self, bytes: &[u8], at: usize, place: &str) -> Result<End, StoreError> {
        let (counts, each, progress) = (&mut self.counts, &mut *self.each, &mut *self.progress);
        let mut count = |_: usize, frame: &Frame<'_>| {
            for entry in &frame.entries {
                each(entry.partition, entry.seq, entry.bytes)?;
            }
            counts.frames += 1;
            counts.entries += frame.entries.len() as u64;
            counts.bytes += frame.length as u64;
            counts.tell(progress, false);
            Ok(())
        };
        scan(bytes, at, &mut self.chain, place, &mut count)
    }

    /// What lies behind the last segment in use, which ends cleanly.
    fn behind_last(&self, segment: u32) -> Result<Next, StoreError> {
        let next = segment + 1;
        let numbers = numbers(&self.directory)?;
        if numbers.iter().any(|number| *number > next) && !numbers.contains(&next) {
            let what = format!("segment {next} is missing");
            return Err(damage(&place(&self.directory, next), 0, what));
        }
        if !numbers.contains(&next) {
            return Ok(Next::End(None));
        }
        let bytes = read(&self.directory, next)?;
        // In use since it was last asked for: what was read is a beginning of the journal.
        if is_zero(&bytes) || SegmentHeader::decode(&bytes).is_some() {
            return Ok(Next::End(None));
        }
        let place = place(&self.directory, next);
        if let Some(beyond) = frame_beyond(&bytes, 0, self.chain.next) {
            let what = format!(
                "the header of the segment is not intact, and a frame follows at byte {beyond}"
            );
            return Err(damage(&place, 0, what));
        }
        Ok(Next::End(Some(torn(&place, 0, &bytes))))
    }
}

/// What follows a segment.
enum Next {
    Segment(SegmentHeader),
    End(Option<TornTail>),
}

fn torn(place: &str, at: usize, segment: &[u8]) -> TornTail {
    let tail = segment.get(at..).unwrap_or_default();
    let bytes = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    TornTail { place: format!("{place} byte {at}"), bytes }
}

fn place(directory: &Path, segment: u32) -> String {
    directory.join(segment_name(segment)).display().to_string()
}

fn numbers(directory: &Path) -> Result<Vec<u32>, StoreError> {
    let listed = SystemFiles.list(directory);
    let listed = listed.map_err(|source| failure("it cannot be listed", directory, source))?;
    let number = |path: &PathBuf| segment_number(path.file_name()?.to_str()?);
    Ok(listed.iter().filter_map(number).collect())
}

fn measure(directory: &Path) -> Result<u64, StoreError> {
    let mut sum = 0;
    for number in numbers(directory)? {
        let path = directory.join(segment_name(number));
        let length = SystemFiles.open_read(&path).and_then(|handle| handle.length());
        sum += length.map_err(|source| failure("it cannot be measured", &path, source))?;
    }
    Ok(sum)
}

fn read(directory: &Path, segment: u32) -> Result<Vec<u8>, StoreError> {
    let path = directory.join(segment_name(segment));
    // Asked first: what is not under way yet is not half done yet.
    let overwriting = match directory.parent() {
        Some(parent) => Overwriting::read(&SystemFiles, parent)?,
        None => None,
    };
    let bytes = SystemFiles.open_read(&path).and_then(|handle| read_all(handle.as_ref()));
    let mut bytes = bytes.map_err(|source| failure("it cannot be read", &path, source))?;
    if let Some(overwriting) = overwriting {
        overwriting.lay_over(segment, &mut bytes);
    }
    Ok(bytes)
}

/// The header of a segment, if it is there and in use.
fn read_header(directory: &Path, segment: u32) -> Result<Option<SegmentHeader>, StoreError> {
    let path = directory.join(segment_name(segment));
    let fails = |source| failure("it cannot be read", &path, source);
    let handle = match SystemFiles.open_read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && segment > 1 => {
            return Ok(None);
        }
        opened => opened.map_err(fails)?,
    };
    let mut front = vec![0; SEGMENT_HEADER_BYTES];
    let count = handle.read_at(&mut front, 0).map_err(fails)?;
    Ok(SegmentHeader::decode(front.get(..count).unwrap_or_default()))
}
