//! Reading entries out of the segments: one by one, or many that lie near each other at once.
//!
//! What stays true: what is handed out has passed its own CRC and is the entry that was asked for;
//! anything else is damage at a named place.

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Limit, StoreError, check,
        embedded::{
            frame::{self, ENTRY_HEADER_BYTES, FRAME_HEADER_BYTES},
            index::Place,
            journal::{Journal, failure},
            segment::damage,
        },
    },
};

/// What is read at a time when entries follow each other.
const CHUNK_BYTES: u32 = 1024 * 1024;
/// Entries further apart than this are read apart.
const GAP_BYTES: u32 = 64 * 1024;
/// Read behind the start of the last entry of a chunk, in the hope that it ends there.
const SINGLE_BYTES: u32 = 4 * 1024;
/// Places looked up at a time.
const PLACES_COUNT: usize = 8 * 1024;

/// A piece of a segment in memory.
struct Chunk {
    place: Place,
    bytes: Vec<u8>,
}

impl Chunk {
    /// What it holds of the segment from `place` on; empty when it lies elsewhere.
    fn from(&self, place: Place) -> &[u8] {
        let skip =
            place.offset.checked_sub(self.place.offset).and_then(|skip| skip.try_into().ok());
        match skip {
            Some(skip) if place.segment == self.place.segment => {
                self.bytes.get(skip..).unwrap_or_default()
            }
            _ => &[],
        }
    }
}

impl Journal {
    /// The durable entries of `partition` from number `from` on.
    ///
    /// Stops before an entry that would go beyond the limit, but gives at least one.
    pub(crate) fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let mut sum = 0_usize;
        let mut next = from.max(1);
        loop {
            let wanted = limit.entries.saturating_sub(found.len()).clamp(1, PLACES_COUNT);
            let places = self.index().places(partition, next, wanted);
            if places.is_empty() {
                return Ok(found);
            }
            let mut chunk = Chunk { place: Place { segment: 0, offset: 0 }, bytes: Vec::new() };
            for (index, place) in places.iter().enumerate() {
                let following = places.get(index..).unwrap_or_default();
                let entry = self.entry(&mut chunk, partition, next, following, *place)?;
                sum = sum.saturating_add(entry.len());
                let full = found.len() >= limit.entries || sum > limit.bytes;
                if full && !found.is_empty() {
                    return Ok(found);
                }
                found.push(entry);
                next += 1;
            }
            if found.len() >= limit.entries {
                return Ok(found);
            }
        }
    }

    /// The durable entries with these numbers.
    pub(crate) fn entries_at(
        &self,
        partition: Partition,
        at: &[Seq],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut places = Vec::with_capacity(at.len());
        let index = self.index();
        for seq in at {
            let place = index.places(partition, *seq, 1).first().copied();
            let place = place.filter(|_| *seq > 0);
            places.push(place.ok_or_else(|| check::no_such_entry(partition, *seq))?);
        }
        drop(index);
        let mut chunk = Chunk { place: Place { segment: 0, offset: 0 }, bytes: Vec::new() };
        let mut found = Vec::with_capacity(at.len());
        for (index, (seq, place)) in at.iter().zip(&places).enumerate() {
            let following = places.get(index..).unwrap_or_default();
            found.push(self.entry(&mut chunk, partition, *seq, following, *place)?);
        }
        Ok(found)
    }

    /// The number and CRC of the frame that an entry lies in.
    pub(crate) fn frame_of(
        &self,
        partition: Partition,
        seq: Seq,
    ) -> Result<(u64, u32), StoreError> {
        let place = self.index().places(partition, seq, 1).first().copied();
        let place = place.ok_or_else(|| check::no_such_entry(partition, seq))?;
        let broken = || self.damaged(place, format!("this is not entry {partition}:{seq}"));
        let entry = self.piece(place, ENTRY_HEADER_BYTES)?;
        let back = frame::entry_offset(&entry).ok_or_else(broken)?;
        let offset = place.offset.checked_sub(back).ok_or_else(broken)?;
        let head = self.piece(Place { offset, ..place }, FRAME_HEADER_BYTES)?;
        frame::number(&head).zip(frame::crc(&head)).ok_or_else(broken)
    }

    /// One entry's bytes, from the chunk if they are there. `following` are the places that will be
    /// asked for next, this one first.
    fn entry(
        &self,
        chunk: &mut Chunk,
        partition: Partition,
        seq: Seq,
        following: &[Place],
        place: Place,
    ) -> Result<Vec<u8>, StoreError> {
        let held = chunk.from(place);
        let whole = frame::entry_length(held).is_some_and(|length| length <= held.len());
        if !whole {
            *chunk = self.chunk(place, following)?;
        }
        let held = chunk.from(place);
        let entry = frame::decode_entry(held)
            .ok_or_else(|| self.damaged(place, format!("entry {partition}:{seq} is not intact")))?;
        if entry.partition != partition || entry.seq != seq {
            let what = format!(
                "entry {}:{} lies where entry {partition}:{seq} should",
                entry.partition, entry.seq
            );
            return Err(self.damaged(place, what));
        }
        Ok(entry.bytes.to_vec())
    }

    /// Reads from `place` as far as the places that follow lie near each other.
    fn chunk(&self, place: Place, following: &[Place]) -> Result<Chunk, StoreError> {
        let mut last = place.offset;
        for next in following {
            let near = next.segment == place.segment
                && next.offset >= last
                && next.offset - last <= GAP_BYTES
                && next.offset - place.offset <= CHUNK_BYTES;
            if !near {
                break;
            }
            last = next.offset;
        }
        let wanted = usize::try_from(last - place.offset + SINGLE_BYTES).unwrap_or(usize::MAX);
        let mut bytes = self.piece(place, wanted)?;
        let length = frame::entry_length(&bytes).unwrap_or(0);
        let longest = ENTRY_HEADER_BYTES + crate::kernel::limit::ENTRY_BYTES_MAX;
        if length > bytes.len() && length <= longest {
            bytes = self.piece(place, length)?;
        }
        Ok(Chunk { place, bytes })
    }

    /// At most `length` bytes of a segment; fewer at its end.
    fn piece(&self, place: Place, length: usize) -> Result<Vec<u8>, StoreError> {
        let handle = self.handle(place.segment)?;
        let mut bytes = vec![0; length];
        let count = handle.read_at(&mut bytes, u64::from(place.offset)).map_err(|source| {
            failure("the segment cannot be read", &self.segment_path(place.segment), source)
        })?;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn damaged(&self, place: Place, what: String) -> StoreError {
        let path = self.segment_path(place.segment);
        damage(&path.display().to_string(), place.offset as usize, what)
    }
}
