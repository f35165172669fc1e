//! Overwriting an entry where it lies, so that what it said can be read nowhere any more.
//!
//! The new bytes are as many as the old ones and have the same CRC-32C. CRCs are linear: with the
//! entry's, that of its frame and with it every later link, the side files and the state's word of
//! its frame stay what they are, and nothing else has to be written.
//!
//! What stays true: before the first byte is overwritten, a file with all of the new ones is durable
//! in the data directory, and it goes only when they are durable in the segment. Whoever opens the
//! directory and meets it writes them again. So an entry is as it was or overwritten, whenever the
//! process or the machine stops, and the old bytes are never anywhere but where they were.
//!
//! ```text
//! overwriting  0  8  "ANJUOVER"
//!              8  4  format version, 1
//!             12  4  CRC32C of everything from byte 16 on
//!             16 16  the data directory's id
//!             32  4  number of the segment
//!             36  4  where the entry's header begins in it
//!             40     the entry's new bytes
//! ```

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        StoreError, check,
        embedded::{
            EmbeddedStore,
            files::{Files, draft_of, read_all, write_whole},
            frame::{self, ENTRY_HEADER_BYTES, u32_at},
            index::Place,
            journal::failure,
            segment::{DirectoryId, SEGMENT_HEADER_BYTES, SegmentHeader, damage, segment_name},
        },
    },
};

const MAGIC: &[u8; 8] = b"ANJUOVER";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 40;

/// An entry that is to be overwritten, or is just being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overwriting {
    directory: DirectoryId,
    place: Place,
    bytes: Vec<u8>,
}

/// The file that says so.
fn path_in(directory: &Path) -> PathBuf {
    directory.join("overwriting")
}

impl Overwriting {
    fn encode(&self) -> Vec<u8> {
        let mut body = self.directory.0.to_vec();
        body.extend_from_slice(&self.place.segment.to_le_bytes());
        body.extend_from_slice(&self.place.offset.to_le_bytes());
        body.extend_from_slice(&self.bytes);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// `None` when `bytes` are not an intact file of a version known here.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let known = bytes.starts_with(MAGIC) && u32_at(bytes, 8)? == VERSION;
        let intact = crc32c::crc32c(bytes.get(16..)?) == u32_at(bytes, 12)?;
        (known && intact).then_some(())?;
        Some(Self {
            directory: DirectoryId(bytes.get(16..32)?.try_into().ok()?),
            place: Place { segment: u32_at(bytes, 32)?, offset: u32_at(bytes, 36)? },
            bytes: bytes.get(HEADER_BYTES..)?.to_vec(),
        })
    }

    /// What the data directory at `path` says to be under way.
    pub(crate) fn read(files: &dyn Files, path: &Path) -> Result<Option<Self>, StoreError> {
        let path = path_in(path);
        let bytes = match files.open_read(&path).and_then(|handle| read_all(handle.as_ref())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|source| failure("it cannot be read", &path, source))?,
        };
        let decoded = Self::decode(&bytes).ok_or_else(|| {
            damage(
                &path.display().to_string(),
                0,
                "an entry that is being overwritten is unreadable",
            )
        })?;
        Ok(Some(decoded))
    }

    /// Puts the new bytes into those of a segment, as if they were written already.
    pub(crate) fn lay_over(&self, segment: u32, bytes: &mut [u8]) {
        let begin = usize::try_from(self.place.offset).unwrap_or(usize::MAX);
        let begin = begin.saturating_add(ENTRY_HEADER_BYTES);
        let end = begin.saturating_add(self.bytes.len());
        if segment == self.place.segment
            && let Some(entry) = bytes.get_mut(begin..end)
        {
            entry.copy_from_slice(&self.bytes);
        }
    }

    /// Overwrites the entry; all of it again if some was already.
    fn write(&self, files: &dyn Files, path: &Path) -> Result<(), StoreError> {
        let segment = path.join("journal").join(segment_name(self.place.segment));
        let fails = |source| failure("an entry cannot be overwritten", &segment, source);
        let handle = files.open(&segment).map_err(fails)?;
        let mut front = vec![0; SEGMENT_HEADER_BYTES];
        handle.read_at(&mut front, 0).map_err(fails)?;
        let mut header = vec![0; ENTRY_HEADER_BYTES];
        handle.read_at(&mut header, u64::from(self.place.offset)).map_err(fails)?;
        // The header of the entry is never written here, and says whether the bytes belong to it.
        let is_ours =
            SegmentHeader::decode(&front).is_some_and(|found| found.directory == self.directory);
        let whole = [header.as_slice(), &self.bytes].concat();
        if !is_ours || frame::decode_entry(&whole).is_none() {
            let place = self.place.offset as usize;
            let what = "the entry that is to be overwritten is not here";
            return Err(damage(&segment.display().to_string(), place, what));
        }
        let offset = u64::from(self.place.offset) + ENTRY_HEADER_BYTES as u64;
        handle.write_at(&self.bytes, offset).map_err(fails)?;
        handle.sync().map_err(fails)
    }
}

/// Finishes what was under way when the last run ended. Before anything of the journal is read.
pub(crate) fn finish(files: &dyn Files, path: &Path) -> Result<(), StoreError> {
    let marked = path_in(path);
    let fails = |source| failure("it cannot be removed", &marked, source);
    match files.remove(&draft_of(&marked)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fails(error)),
        _ => {}
    }
    let Some(overwriting) = Overwriting::read(files, path)? else { return Ok(()) };
    overwriting.write(files, path)?;
    tracing::info!(
        segment = overwriting.place.segment,
        offset = overwriting.place.offset,
        "an entry was overwritten to the end, which was begun before the last stop"
    );
    files.remove(&marked).and_then(|()| files.sync_directory(path)).map_err(fails)
}

impl EmbeddedStore {
    pub(super) fn overwrite_entry(
        &self,
        partition: Partition,
        seq: Seq,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        // Held so that nothing else is written meanwhile.
        let mut writer = self.journal.writer();
        if writer.failed() {
            self.journal.check_writable(&mut writer)?;
        }
        let old = self.journal.entries_at(partition, &[seq])?;
        check::overwriting(partition, seq, old.first().map_or(&[], Vec::as_slice), bytes)?;
        let place = self.journal.index().places(partition, seq, 1).first().copied();
        let place = place.ok_or_else(|| check::no_such_entry(partition, seq))?;
        let overwriting = Overwriting { directory: self.directory, place, bytes: bytes.to_vec() };
        let (files, marked) = (self.options.files.as_ref(), path_in(&self.path));
        let done = write_whole(files, &marked, &overwriting.encode())
            .map_err(|source| failure("it cannot be written", &marked, source))
            .and_then(|()| overwriting.write(files, &self.path))
            .and_then(|()| {
                let removed = files.remove(&marked).and_then(|()| files.sync_directory(&self.path));
                removed.map_err(|source| failure("it cannot be removed", &marked, source))
            });
        // The next start finishes it.
        done.map_err(|error| self.journal.fail(&mut writer, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_reads_back_and_every_flipped_byte_is_noticed() {
        let overwriting = Overwriting {
            directory: DirectoryId([7; 16]),
            place: Place { segment: 3, offset: 4_096 },
            bytes: b"what is left".to_vec(),
        };
        let bytes = overwriting.encode();
        assert_eq!(Overwriting::decode(&bytes), Some(overwriting));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(Overwriting::decode(&flipped), None, "byte {at}");
        }
    }
}
