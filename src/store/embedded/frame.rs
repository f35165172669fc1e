//! Frames: what one group commit is in the journal. Pure: bytes in, bytes out.
//!
//! ⚑ The format is frozen: journals are kept for decades. Numbers are little-endian.
//!
//! ```text
//! frame   0  4  length of the frame, these bytes included; a multiple of 8, at least 32
//!         4  4  CRC32C of the length and of everything from byte 8 to the end of the frame
//!         8  8  number of the frame: 1, 2, 3 … through all segments
//!        16  8  mark: the journal was known to be synced up to and with this frame; below the number
//!        24  4  link: the CRC32C field of the frame before; for frame 1 that of the directory's id
//!        28  4  number of entries; 0 for a frame that only carries its mark
//!        32     the entries, one directly after the other
//!               zeros up to the length, at most 7
//!
//! entry   0  4  partition, at most 24 bits
//!         4  4  number of the entry's bytes
//!         8  8  its number in the partition
//!        16  4  offset of this header from the frame's start, so that the frame is found from it
//!        20  4  CRC32C of bytes 0 to 20 and of the entry's bytes, so that it can be read alone
//!        24     its bytes
//! ```
//!
//! What stays true: a frame is read whole or not at all. The link makes frames a chain, so that one
//! that is missing, swapped or from another directory is noticed by the next.

use crate::{
    kernel::position::{Partition, Seq},
    store::NewEntry,
};

/// Bytes in front of a frame's entries.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;
/// Bytes in front of an entry's own.
pub(crate) const ENTRY_HEADER_BYTES: usize = 24;
/// The longest frame. Offsets in a segment stay far below 32 bits with it.
pub(crate) const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Frames begin at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;

/// A frame as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) number: u64,
    pub(crate) mark: u64,
    pub(crate) link: u32,
    pub(crate) crc: u32,
    pub(crate) length: usize,
    pub(crate) entries: Vec<Entry<'a>>,
}

/// An entry as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) partition: Partition,
    pub(crate) seq: Seq,
    /// Where its header begins in the frame.
    pub(crate) offset: u32,
    pub(crate) bytes: &'a [u8],
}

/// What a frame that was just encoded is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// Its CRC, the link of the next.
    pub(crate) crc: u32,
    /// Where the header of each entry begins in the frame.
    pub(crate) offsets: Vec<u32>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("no frame has this length")]
    Length,
    #[error("the frame's checksum does not fit its bytes")]
    Checksum,
    #[error("the frame's entries do not fit its length or their own checksums")]
    Entries,
}

/// The group needs a frame longer than [`FRAME_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Appends a frame to `to`.
pub(crate) fn encode(
    number: u64,
    mark: u64,
    link: u32,
    entries: &[NewEntry],
    to: &mut Vec<u8>,
) -> Result<Encoded, TooLong> {
    let length = entries
        .iter()
        .fold(FRAME_HEADER_BYTES, |sum, entry| sum + ENTRY_HEADER_BYTES + entry.bytes.len())
        .next_multiple_of(ALIGNMENT);
    if length > FRAME_BYTES_MAX {
        return Err(TooLong);
    }
    let length_field = u32::try_from(length).map_err(|_| TooLong)?.to_le_bytes();
    let count = u32::try_from(entries.len()).map_err(|_| TooLong)?;

    let mut body = Vec::with_capacity(length - ALIGNMENT);
    body.extend_from_slice(&number.to_le_bytes());
    body.extend_from_slice(&mark.to_le_bytes());
    body.extend_from_slice(&link.to_le_bytes());
    body.extend_from_slice(&count.to_le_bytes());
    let mut offsets = Vec::with_capacity(entries.len());
    for entry in entries {
        let offset = u32::try_from(body.len() + ALIGNMENT).map_err(|_| TooLong)?;
        let byte_count = u32::try_from(entry.bytes.len()).map_err(|_| TooLong)?;
        let begin = body.len();
        body.extend_from_slice(&entry.partition.number().to_le_bytes());
        body.extend_from_slice(&byte_count.to_le_bytes());
        body.extend_from_slice(&entry.seq.to_le_bytes());
        body.extend_from_slice(&offset.to_le_bytes());
        let crc = crc32c::crc32c(body.get(begin..).unwrap_or_default());
        let crc = crc32c::crc32c_append(crc, &entry.bytes);
        body.extend_from_slice(&crc.to_le_bytes());
        body.extend_from_slice(&entry.bytes);
        offsets.push(offset);
    }
    body.resize(length - ALIGNMENT, 0);

    let crc = crc32c::crc32c_append(crc32c::crc32c(&length_field), &body);
    to.extend_from_slice(&length_field);
    to.extend_from_slice(&crc.to_le_bytes());
    to.extend_from_slice(&body);
    Ok(Encoded { crc, offsets })
}

/// Reads the frame that `bytes` begin with; more may follow it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Frame<'_>, Unreadable> {
    let length = plausible_length(bytes).ok_or(Unreadable::Length)?;
    let frame = bytes.get(..length).ok_or(Unreadable::Length)?;
    let crc = u32_at(frame, 4).ok_or(Unreadable::Length)?;
    let (length_field, body) = (frame.get(..4), frame.get(8..));
    let (Some(length_field), Some(body)) = (length_field, body) else {
        return Err(Unreadable::Length);
    };
    if crc32c::crc32c_append(crc32c::crc32c(length_field), body) != crc {
        return Err(Unreadable::Checksum);
    }
    decode_checked(frame, crc).ok_or(Unreadable::Entries)
}

/// The length of the frame that `bytes` begin with, when it is one that a frame can have.
pub(crate) fn plausible_length(bytes: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let whole = length.is_multiple_of(ALIGNMENT);
    let in_bounds = (FRAME_HEADER_BYTES..=FRAME_BYTES_MAX).contains(&length);
    (whole && in_bounds).then_some(length)
}

/// The number of the frame that `bytes` begin with, unchecked.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    u64_at(bytes, 8)
}

/// The CRC field of the frame that `bytes` begin with, unchecked.
pub(crate) fn crc(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 4)
}

/// How many bytes the entry that `bytes` begin with has, its header included; unchecked.
pub(crate) fn entry_length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32_at(bytes, 4)?).ok()?.checked_add(ENTRY_HEADER_BYTES)
}

/// Where in its frame the entry lies that `bytes` begin with; unchecked.
pub(crate) fn entry_offset(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 16)
}

/// Reads the entry that `bytes` begin with and checks its own CRC.
pub(crate) fn decode_entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let length = entry_length(bytes)?;
    let content = bytes.get(ENTRY_HEADER_BYTES..length)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(bytes.get(..20)?), content);
    let intact = crc == u32_at(bytes, 20)?;
    let partition = Partition::new(u32_at(bytes, 0)?)?;
    let (seq, offset) = (u64_at(bytes, 8)?, u32_at(bytes, 16)?);
    intact.then_some(Entry { partition, seq, offset, bytes: content })
}

fn decode_checked(frame: &[u8], crc: u32) -> Option<Frame<'_>> {
    let count = usize::try_from(u32_at(frame, 28)?).ok()?;
    // A count that the length cannot hold must not reserve memory.
    let mut entries = Vec::with_capacity(count.min(frame.len() / ENTRY_HEADER_BYTES));
    let mut at = FRAME_HEADER_BYTES;
    for _ in 0..count {
        let entry = decode_entry(frame.get(at..)?)?;
        if usize::try_from(entry.offset).ok()? != at {
            return None;
        }
        at += ENTRY_HEADER_BYTES + entry.bytes.len();
        entries.push(entry);
    }
    let padding = frame.get(at..)?;
    let ends_where_it_says = padding.len() < ALIGNMENT && padding.iter().all(|byte| *byte == 0);
    ends_where_it_says.then_some(())?;
    Some(Frame {
        number: u64_at(frame, 8)?,
        mark: u64_at(frame, 16)?,
        link: u32_at(frame, 24)?,
        crc,
        length: frame.len(),
        entries,
    })
}

/// Sixteen bytes a row, for samples of the format.
#[cfg(test)]
pub(crate) fn rows_of_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let row_of_hex = |mut text: String, row: &[u8]| {
        for byte in row {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
        text
    };
    bytes.chunks(16).fold(String::new(), row_of_hex)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    field.try_into().ok().map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    field.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn entry(partition: u32, seq: Seq, bytes: &[u8]) -> NewEntry {
        let partition = Partition::new(partition).unwrap();
        NewEntry { partition, seq, bytes: bytes.to_vec() }
    }

    #[test]
    fn todays_bytes_of_a_frame_are_those_of_the_first_version() {
        let mut bytes = Vec::new();
        let entries = [entry(1, 41, b"walls"), entry(0x00ab_cdef, 1, "房屋".as_bytes())];
        let encoded = encode(7, 6, 0xdead_beef, &entries, &mut bytes).unwrap();
        assert_eq!(encoded.offsets, [32, 61]);
        expect![[r"
            60000000127097a30700000000000000
            0600000000000000efbeadde02000000
            01000000050000002900000000000000
            20000000f73d688d77616c6c73efcdab
            000600000001000000000000003d0000
            0008817120e688bfe5b18b0000000000
        "]]
        .assert_eq(&rows_of_hex(&bytes));
        let frame = decode(&bytes).unwrap();
        assert_eq!((frame.number, frame.mark, frame.link), (7, 6, 0xdead_beef));
        assert_eq!(frame.crc, encoded.crc);
        assert_eq!(frame.entries.len(), 2);
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let mut bytes = Vec::new();
        encode(7, 6, 5, &[entry(1, 41, b"walls"), entry(2, 1, b"")], &mut bytes).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(decode(&flipped).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_frame_cut_short_is_no_frame() {
        let mut bytes = Vec::new();
        encode(7, 6, 5, &[entry(1, 41, b"walls")], &mut bytes).unwrap();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    fn a_frame_reads_back_as_written(numbers: (u64, u64, u32), contents: &[(u32, u64, Vec<u8>)]) {
        let entries: Vec<_> =
            contents.iter().map(|(partition, seq, bytes)| entry(*partition, *seq, bytes)).collect();
        let mut bytes = vec![0xff; 8];
        let encoded = encode(numbers.0, numbers.1, numbers.2, &entries, &mut bytes).unwrap();
        bytes.extend_from_slice(b"what follows");
        let frame = decode(&bytes[8..]).unwrap();
        assert_eq!((frame.number, frame.mark, frame.link), numbers);
        assert_eq!(frame.length, bytes.len() - 8 - b"what follows".len());
        let read: Vec<_> = frame
            .entries
            .iter()
            .map(|entry| (entry.partition.number(), entry.seq, entry.bytes.to_vec()))
            .collect();
        assert_eq!(read, contents);
        for (entry, offset) in frame.entries.iter().zip(encoded.offsets) {
            assert_eq!(entry.offset, offset);
            let alone = decode_entry(&bytes[8 + usize::try_from(offset).unwrap()..]).unwrap();
            assert_eq!(alone, *entry);
        }
    }

    proptest! {
        #[test]
        fn frames_read_back_as_written(
            numbers in any::<(u64, u64, u32)>(),
            contents in prop::collection::vec(
                (0..=Partition::MAX, any::<u64>(), prop::collection::vec(any::<u8>(), 0..100)), 0..20),
        ) {
            a_frame_reads_back_as_written(numbers, &contents);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = decode_entry(&bytes);
        }
    }
}
