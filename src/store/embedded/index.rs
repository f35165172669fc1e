//! Where each entry lies: (partition, number) → segment and offset.
//!
//! In memory four bytes an entry; on disk a side file beside each segment that is full, so that
//! a start need not read the segment. A side file can be thrown away: it is made again from its
//! segment, and is believed only when its CRC and its place in the chain fit.
//!
//! ```text
//! side file   0  8  "ANJUSIDE"
//!             8  4  format version, 1
//!            12  4  CRC32C of everything from byte 16 on
//!            16 16  the data directory's id
//!            32  4  number of the segment
//!            36  4  link before its first frame
//!            40  8  number of its first frame
//!            48  8  number of the first frame behind it
//!            56  4  CRC field of its last frame
//!            60  4  where its frames end
//!            64  8  mark of its last frame
//!            72  4  number of partitions that follow
//!            76  4  zero
//! a partition 0  4  the partition
//!             4  4  number of its entries here
//!             8  8  number of the first of them
//!            16     where each lies in the segment, four bytes each
//! ```

use std::collections::BTreeMap;

use crate::{
    kernel::position::{Partition, Seq},
    store::embedded::{
        frame::{u32_at, u64_at},
        segment::{Chain, DirectoryId, SegmentHeader},
    },
};

const MAGIC: &[u8; 8] = b"ANJUSIDE";
const VERSION: u32 = 1;
const SIDE_HEADER_BYTES: usize = 80;
const RUN_HEADER_BYTES: usize = 16;

/// Where an entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

/// The entries of one partition in one segment: they follow each other without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) segment: u32,
    pub(crate) first: Seq,
    pub(crate) offsets: Vec<u32>,
}

impl Run {
    fn last(&self) -> Seq {
        self.first + self.offsets.len() as u64 - 1
    }
}

/// The places of all entries.
#[derive(Debug, Default)]
pub(crate) struct Index {
    partitions: BTreeMap<Partition, Vec<Run>>,
}

impl Index {
    /// The last entry of each partition, in order.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (Partition, Seq)> {
        self.partitions
            .iter()
            .filter_map(|(partition, runs)| Some((*partition, runs.last()?.last())))
    }

    /// The last entry of a partition; 0 when it has none.
    pub(crate) fn head(&self, partition: Partition) -> Seq {
        self.partitions.get(&partition).and_then(|runs| runs.last()).map_or(0, Run::last)
    }

    /// Takes the next entry of a partition. Entries before it must be there.
    pub(crate) fn push(&mut self, partition: Partition, seq: Seq, place: Place) {
        assert_eq!(seq, self.head(partition) + 1, "entries of partition {partition} have a gap");
        let runs = self.partitions.entry(partition).or_default();
        match runs.last_mut() {
            Some(run) if run.segment == place.segment => run.offsets.push(place.offset),
            _ => runs.push(Run { segment: place.segment, first: seq, offsets: vec![place.offset] }),
        }
    }

    /// Takes all entries of a segment. Those of the segments before it must be there.
    pub(crate) fn push_side(&mut self, side: SideFile) {
        for (partition, run) in side.runs {
            assert_eq!(run.first, self.head(partition) + 1, "entries of {partition} have a gap");
            self.partitions.entry(partition).or_default().push(run);
        }
    }

    /// The places of at most `count` entries from number `from` on; fewer only at the head.
    pub(crate) fn places(&self, partition: Partition, from: Seq, count: usize) -> Vec<Place> {
        let runs = self.partitions.get(&partition).map(Vec::as_slice).unwrap_or_default();
        let begin = runs.partition_point(|run| run.last() < from);
        let mut places = Vec::new();
        for run in runs.get(begin..).unwrap_or_default() {
            let skip = usize::try_from(from.saturating_sub(run.first)).unwrap_or(usize::MAX);
            let offsets = run.offsets.get(skip..).unwrap_or_default();
            let wanted = count - places.len();
            let segment = run.segment;
            places.extend(
                offsets.iter().take(wanted).map(|offset| Place { segment, offset: *offset }),
            );
            if places.len() == count {
                break;
            }
        }
        places
    }

    /// The entries that lie in `segment`, for its side file.
    pub(crate) fn runs_of(&self, segment: u32) -> Vec<(Partition, Run)> {
        let in_segment = |runs: &Vec<Run>| {
            let found = runs.binary_search_by_key(&segment, |run| run.segment).ok()?;
            runs.get(found).cloned()
        };
        self.partitions
            .iter()
            .filter_map(|(partition, runs)| Some((*partition, in_segment(runs)?)))
            .collect()
    }
}

/// What a side file says of its segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SideFile {
    pub(crate) header: SegmentHeader,
    pub(crate) next_frame: u64,
    pub(crate) link_after: u32,
    pub(crate) mark: u64,
    pub(crate) end: u32,
    pub(crate) runs: Vec<(Partition, Run)>,
}

impl SideFile {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        let mut body = Vec::new();
        body.extend_from_slice(&self.header.directory.0);
        body.extend_from_slice(&self.header.segment.to_le_bytes());
        body.extend_from_slice(&self.header.link.to_le_bytes());
        body.extend_from_slice(&self.header.first_frame.to_le_bytes());
        body.extend_from_slice(&self.next_frame.to_le_bytes());
        body.extend_from_slice(&self.link_after.to_le_bytes());
        body.extend_from_slice(&self.end.to_le_bytes());
        body.extend_from_slice(&self.mark.to_le_bytes());
        body.extend_from_slice(&count(self.runs.len()));
        body.extend_from_slice(&[0; 4]);
        for (partition, run) in &self.runs {
            body.extend_from_slice(&partition.number().to_le_bytes());
            body.extend_from_slice(&count(run.offsets.len()));
            body.extend_from_slice(&run.first.to_le_bytes());
            body.extend(run.offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// `None` when `bytes` are not an intact side file of a version known here.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let known = bytes.starts_with(MAGIC) && u32_at(bytes, 8)? == VERSION;
        let intact = crc32c::crc32c(bytes.get(16..)?) == u32_at(bytes, 12)?;
        (known && intact).then_some(())?;
        let segment = u32_at(bytes, 32)?;
        let mut rest = bytes.get(SIDE_HEADER_BYTES..)?;
        let mut runs = Vec::new();
        for _ in 0..u32_at(bytes, 72)? {
            let partition = Partition::new(u32_at(rest, 0)?)?;
            let length = usize::try_from(u32_at(rest, 4)?).ok()?.checked_mul(4)?;
            let first = u64_at(rest, 8)?;
            let (offsets, behind) = rest.get(RUN_HEADER_BYTES..)?.split_at_checked(length)?;
            let offsets: Vec<u32> =
                offsets.chunks_exact(4).filter_map(|offset| u32_at(offset, 0)).collect();
            (first > 0 && !offsets.is_empty()).then_some(())?;
            runs.push((partition, Run { segment, first, offsets }));
            rest = behind;
        }
        rest.is_empty().then_some(())?;
        Some(Self {
            header: SegmentHeader {
                directory: DirectoryId(bytes.get(16..32)?.try_into().ok()?),
                segment,
                link: u32_at(bytes, 36)?,
                first_frame: u64_at(bytes, 40)?,
            },
            next_frame: u64_at(bytes, 48)?,
            link_after: u32_at(bytes, 56)?,
            mark: u64_at(bytes, 64)?,
            end: u32_at(bytes, 60)?,
            runs,
        })
    }

    /// Moves `chain` over the segment, or says why the side file is not to be believed.
    pub(crate) fn follow(&self, chain: &mut Chain, header: &SegmentHeader) -> Option<()> {
        let fits = self.header == *header
            && self.next_frame >= chain.next
            && chain.mark <= self.mark
            && self.mark < self.next_frame;
        let heads_fit = self.runs.iter().all(|(partition, run)| {
            run.first == chain.heads.get(partition).copied().unwrap_or(0) + 1
        });
        (fits && heads_fit).then_some(())?;
        chain.next = self.next_frame;
        chain.link = self.link_after;
        chain.mark = self.mark;
        for (partition, run) in &self.runs {
            chain.heads.insert(*partition, run.last());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: u32) -> Partition {
        Partition::new(number).unwrap()
    }

    fn place(segment: u32, offset: u32) -> Place {
        Place { segment, offset }
    }

    fn filled() -> Index {
        let mut index = Index::default();
        for seq in 1..=10 {
            let segment = u32::try_from(seq).unwrap() / 4 + 1;
            index.push(partition(1), seq, place(segment, u32::try_from(seq).unwrap() * 100));
        }
        index.push(partition(9), 1, place(3, 7));
        index
    }

    fn side_file(index: &Index, segment: u32) -> SideFile {
        SideFile {
            header: SegmentHeader {
                directory: DirectoryId([7; 16]),
                segment,
                link: 5,
                first_frame: 20,
            },
            next_frame: 30,
            link_after: 6,
            mark: 28,
            end: 4_000,
            runs: index.runs_of(segment),
        }
    }

    #[test]
    fn places_go_on_through_segments_and_end_at_the_head() {
        let index = filled();
        assert_eq!(index.heads().collect::<Vec<_>>(), [(partition(1), 10), (partition(9), 1)]);
        assert_eq!(index.places(partition(1), 3, 2), [place(1, 300), place(2, 400)]);
        assert_eq!(index.places(partition(1), 9, 100), [place(3, 900), place(3, 1000)]);
        assert_eq!(index.places(partition(1), 11, 100), []);
        assert_eq!(index.places(partition(2), 1, 100), []);
    }

    #[test]
    fn a_side_file_reads_back_and_every_flipped_byte_is_noticed() {
        let index = filled();
        let side = side_file(&index, 3);
        assert_eq!(side.runs.len(), 2);
        let bytes = side.encode();
        assert_eq!(SideFile::decode(&bytes), Some(side));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(SideFile::decode(&flipped), None, "byte {at}");
        }
    }

    #[test]
    fn an_index_of_side_files_is_the_index_of_the_entries() {
        let index = filled();
        let mut read = Index::default();
        for segment in 1..=3 {
            let side = side_file(&index, segment);
            read.push_side(SideFile::decode(&side.encode()).unwrap());
        }
        assert_eq!(read.partitions, index.partitions);
    }
}
