//! Segments: the files that the journal's frames lie in. Pure: names, headers, and reading the
//! bytes of one from front to end.
//!
//! ⚑ The format is frozen. A segment is `journal/NNNNNNNN.seg`, numbered from 1 without gaps. It is
//! made full of zeros; a header at its start says that it is in use, frames follow from byte 64 on,
//! and what follows the last frame is zero. A frame never spans two segments; one that is longer
//! than a segment makes its segment longer.
//!
//! ```text
//! header  0  8  "ANJUJRNL"
//!         8  4  format version, 1
//!        12  4  CRC32C of bytes 0 to 12 and 16 to 64
//!        16 16  the data directory's id, random
//!        32  4  number of the segment
//!        36  4  link: the CRC field of the last frame before it, as in the first frame here
//!        40  8  number of its first frame
//!        48 16  zero
//! ```

use std::{collections::BTreeMap, fmt};

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        StoreError,
        embedded::frame::{self, ALIGNMENT, Frame, u32_at, u64_at},
    },
};

/// Bytes in front of a segment's frames.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"ANJUJRNL";
const VERSION: u32 = 1;
/// A frame that lies beyond a tear has a number at most this far on.
const NUMBERS_SEARCHED: u64 = 1 << 20;

/// What tells this data directory's files from those of any other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DirectoryId(pub [u8; 16]);

impl DirectoryId {
    /// The link of the first frame.
    pub(crate) fn link(self) -> u32 {
        crc32c::crc32c(&self.0)
    }

    /// Reads what [`DirectoryId`] displays.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok()?;
        (text.len() == 32).then_some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The start of a segment in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) directory: DirectoryId,
    pub(crate) segment: u32,
    pub(crate) link: u32,
    pub(crate) first_frame: u64,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut front = Vec::with_capacity(12);
        front.extend_from_slice(MAGIC);
        front.extend_from_slice(&VERSION.to_le_bytes());
        let mut rest = Vec::with_capacity(48);
        rest.extend_from_slice(&self.directory.0);
        rest.extend_from_slice(&self.segment.to_le_bytes());
        rest.extend_from_slice(&self.link.to_le_bytes());
        rest.extend_from_slice(&self.first_frame.to_le_bytes());
        rest.resize(48, 0);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&front), &rest).to_le_bytes();
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let fields = front.iter().chain(&crc).chain(&rest);
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = *field;
        }
        bytes
    }

    /// `None` when `bytes` do not begin with a header that is intact and of a version known here.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES)?;
        let (front, rest) = (header.get(..12)?, header.get(16..)?);
        let crc = crc32c::crc32c_append(crc32c::crc32c(front), rest);
        let known = front.starts_with(MAGIC) && u32_at(header, 8)? == VERSION;
        let intact = crc == u32_at(header, 12)?;
        (known && intact).then_some(())?;
        Some(Self {
            directory: DirectoryId(header.get(16..32)?.try_into().ok()?),
            segment: u32_at(header, 32)?,
            link: u32_at(header, 36)?,
            first_frame: u64_at(header, 40)?,
        })
    }
}

/// The file name of a segment.
pub(crate) fn segment_name(segment: u32) -> String {
    format!("{segment:08}.seg")
}

/// The file name of a segment's side file.
pub(crate) fn side_name(segment: u32) -> String {
    format!("{segment:08}.idx")
}

/// The number in the file name of a segment.
pub(crate) fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".seg")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// How far the chain of frames has come: what the next frame must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The number of the next frame.
    pub(crate) next: u64,
    /// The CRC of the last one.
    pub(crate) link: u32,
    /// The newest mark.
    pub(crate) mark: u64,
    /// The last entry of each partition.
    pub(crate) heads: BTreeMap<Partition, Seq>,
}

impl Chain {
    /// The chain before the first frame of a directory.
    pub(crate) fn start(directory: DirectoryId) -> Self {
        Self { next: 1, link: directory.link(), mark: 0, heads: BTreeMap::new() }
    }

    /// Takes the next frame, or says what is wrong with it.
    pub(crate) fn accept(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        if frame.number != self.next {
            return Err(format!("frame {} stands where frame {} should", frame.number, self.next));
        }
        if frame.link != self.link {
            return Err(format!("frame {} does not follow the frame before it", frame.number));
        }
        if frame.mark < self.mark || frame.number <= frame.mark {
            return Err(format!("frame {} has the impossible mark {}", frame.number, frame.mark));
        }
        for entry in &frame.entries {
            let head = self.heads.entry(entry.partition).or_insert(0);
            if entry.seq != *head + 1 {
                let (partition, seq) = (entry.partition, entry.seq);
                return Err(format!("entry {partition}:{seq} follows entry {partition}:{head}"));
            }
            *head = entry.seq;
        }
        self.next += 1;
        self.link = frame.crc;
        self.mark = frame.mark;
        Ok(())
    }

    /// Whether a segment that begins here has the header it should have.
    pub(crate) fn check_header(&self, header: &SegmentHeader, segment: u32) -> Result<(), String> {
        if header.segment != segment {
            return Err(format!("the header is that of segment {}", header.segment));
        }
        if header.first_frame != self.next || header.link != self.link {
            return Err(format!(
                "the segment begins with frame {} and link {:08x} where frame {} and link {:08x} should follow",
                header.first_frame, header.link, self.next, self.link
            ));
        }
        Ok(())
    }
}

/// Where the frames of a segment end, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Only zeros follow.
    Clean { at: usize },
    /// Something follows that is no frame.
    Torn { at: usize, what: frame::Unreadable },
}

/// Reads the frames of `segment`, the bytes of a whole file, from byte `at` on.
///
/// A frame that is intact but does not fit the chain is damage at `place`. `each` is given every
/// frame and where it begins.
pub(crate) fn scan(
    segment: &[u8],
    mut at: usize,
    chain: &mut Chain,
    place: &str,
    each: &mut dyn FnMut(usize, &Frame<'_>) -> Result<(), StoreError>,
) -> Result<End, StoreError> {
    loop {
        let rest = segment.get(at..).unwrap_or_default();
        if is_zero(rest.get(..ALIGNMENT).unwrap_or(rest)) && is_zero(rest) {
            return Ok(End::Clean { at });
        }
        let frame = match frame::decode(rest) {
            Ok(frame) => frame,
            Err(what) => return Ok(End::Torn { at, what }),
        };
        chain.accept(&frame).map_err(|what| damage(place, at, what))?;
        each(at, &frame)?;
        at += frame.length;
    }
}

/// The first place behind `at` where an intact frame lies whose number is `number` or a later one.
///
/// With such a frame what lies at `at` is no torn tail: a later frame was written only after
/// everything before it was synced.
pub(crate) fn frame_beyond(segment: &[u8], at: usize, number: u64) -> Option<usize> {
    let begin = at.next_multiple_of(ALIGNMENT);
    (begin..segment.len()).step_by(ALIGNMENT).find(|at| {
        let rest = segment.get(*at..).unwrap_or_default();
        let candidate = frame::plausible_length(rest).is_some_and(|length| length <= rest.len())
            && frame::number(rest)
                .and_then(|found| found.checked_sub(number))
                .is_some_and(|distance| distance < NUMBERS_SEARCHED);
        candidate && frame::decode(rest).is_ok()
    })
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Whole chunks at a time, so that the compiler compares many bytes at once.
    bytes.chunks(4096).all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Damage at a byte of a file.
pub(crate) fn damage(file: &str, at: usize, what: impl Into<String>) -> StoreError {
    StoreError::Damage { place: format!("{file} byte {at}"), what: what.into() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::store::NewEntry;

    const HEADER: SegmentHeader = SegmentHeader {
        directory: DirectoryId(*b"0123456789abcdef"),
        segment: 3,
        link: 0xdead_beef,
        first_frame: 77,
    };

    #[test]
    fn todays_bytes_of_a_header_are_those_of_the_first_version() {
        let bytes = HEADER.encode();
        expect![[r"
            414e4a554a524e4c010000002a31810e
            30313233343536373839616263646566
            03000000efbeadde4d00000000000000
            00000000000000000000000000000000
        "]]
        .assert_eq(&frame::rows_of_hex(&bytes));
        assert_eq!(SegmentHeader::decode(&bytes), Some(HEADER));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let bytes = HEADER.encode();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes;
                flipped[at] ^= 1 << bit;
                assert_eq!(SegmentHeader::decode(&flipped), None, "byte {at} bit {bit}");
            }
        }
    }

    /// Three frames, then a change to the last; what is said of it.
    fn chain_of(number: u64, mark: u64, link: impl Fn(u32) -> u32, seq: Seq) -> String {
        let partition = Partition::new(5).unwrap();
        let entry = |seq| [NewEntry { partition, seq, bytes: vec![1, 2, 3] }];
        let mut bytes = Vec::new();
        let mut last = HEADER.directory.link();
        for number in 1..=2 {
            last = frame::encode(number, number - 1, last, &entry(number), &mut bytes).unwrap().crc;
        }
        let begin = bytes.len();
        frame::encode(number, mark, link(last), &entry(seq), &mut bytes).unwrap();
        let mut chain = Chain::start(HEADER.directory);
        match scan(&bytes, 0, &mut chain, "here", &mut |_, _| Ok(())) {
            Ok(End::Clean { at }) if at == bytes.len() => "fits".to_owned(),
            Ok(end) => panic!("{end:?}"),
            Err(error) => error.to_string().replace(&begin.to_string(), "BEGIN"),
        }
    }

    #[test]
    fn a_frame_that_does_not_fit_the_chain_is_damage() {
        let same = |link| link;
        assert_eq!(chain_of(3, 2, same, 3), "fits");
        assert_eq!(chain_of(3, 1, same, 3), "fits");
        let said = [
            chain_of(4, 2, same, 3),
            chain_of(2, 1, same, 3),
            chain_of(3, 2, |link| link ^ 1, 3),
            chain_of(3, 3, same, 3),
            chain_of(3, 0, same, 3),
            chain_of(3, 2, same, 4),
            chain_of(3, 2, same, 2),
        ];
        expect![[r"
            damage at here byte BEGIN: frame 4 stands where frame 3 should
            damage at here byte BEGIN: frame 2 stands where frame 3 should
            damage at here byte BEGIN: frame 3 does not follow the frame before it
            damage at here byte BEGIN: frame 3 has the impossible mark 3
            damage at here byte BEGIN: frame 3 has the impossible mark 0
            damage at here byte BEGIN: entry 5:4 follows entry 5:2
            damage at here byte BEGIN: entry 5:2 follows entry 5:2"]]
        .assert_eq(&said.join("\n"));
    }

    #[test]
    fn only_our_own_names_are_segments() {
        assert_eq!(segment_number(&segment_name(17)), Some(17));
        assert_eq!(segment_number("17.seg"), None);
        assert_eq!(segment_number("00000017.idx"), None);
        assert_eq!(segment_number("+0000017.seg"), None);
    }

    #[test]
    fn a_directory_id_reads_back_as_shown() {
        assert_eq!(DirectoryId::from_hex(&HEADER.directory.to_string()), Some(HEADER.directory));
        assert_eq!(DirectoryId::from_hex("12"), None);
    }
}
