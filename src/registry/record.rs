//! State records: private values behind the layout number.
//!
//! A record longer than a value may be is split over numbered keys: the chunk's number is the last
//! byte of the key, and the first chunk begins with the number of chunks.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    domain::timeline::Timeline,
    kernel::{
        hash::Hash,
        id::{RegionId, SubjectId},
        limit,
        position::{Partition, Seq},
        time::{Day, Stamp},
    },
    registry::{
        error::Error,
        space::{Space, subject_key},
    },
    store::Key,
};

/// Entry numbers kept in the record itself; more go to blocks of their own.
pub(crate) const SEQS_IN_BLOCK: usize = 64;

/// All that is kept of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its life as known now.
    pub timeline: Timeline,
    /// Its last entry.
    pub last_seq: Seq,
    /// That entry's leaf.
    pub last_leaf: Hash,
    /// How many entries it has.
    pub entry_count: u64,
    /// The numbers of its newest entries, oldest first; full blocks are kept apart.
    pub recent: Vec<Seq>,
    /// Where an import said it: source and key.
    pub source: Option<(String, String)>,
    /// Open cases.
    pub open_case_count: u32,
    /// Settled cases whose contradiction has not gone.
    pub settled_case_count: u32,
    /// Of a building: units that were registered in it and not retracted.
    pub unit_count: u32,
}

/// What is kept of a partition itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// The layout of this state.
    pub layout: u32,
    /// The registry.
    pub registry: [u8; 16],
    /// The region that is the partition's own.
    pub region: Option<RegionId>,
    /// Its last entry.
    pub seq: Seq,
    /// The last stamp.
    pub stamp: Stamp,
    /// The bucket of known time that is being filled.
    pub bucket: u32,
    /// Its first entry.
    pub bucket_first: Seq,
    /// The day of the first entry.
    pub bucket_day: i32,
    /// Whether the next entry begins another bucket.
    pub bucket_closed: bool,
    /// Shapes of texts seen.
    pub shape_count: u32,
    /// The last entry about an edition of reference data, with its leaf.
    pub reference: Option<(Seq, Hash)>,
    /// Sweeps under way.
    pub sweep_count: u32,
    /// Whether a sweep over buildings is under way.
    pub is_recounting: bool,
    /// Whether a building ever became one that lies elsewhere.
    pub has_far_lines: bool,
    /// The first entry about an insurance policy.
    pub first_policy: Option<Seq>,
    /// Terms counted by.
    pub term_count: u16,
    /// Cases that are open.
    pub open_case_count: u64,
    /// Requests of days before this one were forgotten.
    pub requests_from: i32,
    /// In partition 0: the largest partition number given out.
    pub partition_max: u32,
}

impl Meta {
    /// Whether an entry's work on other subjects is still going on.
    pub(crate) const fn is_sweeping(&self) -> bool {
        self.sweep_count > 0 || self.is_recounting
    }

    /// Whether there ever was an insurance policy.
    pub(crate) const fn has_policies(&self) -> bool {
        self.first_policy.is_some()
    }
}

/// A value as bytes.
pub(crate) fn put<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value).map_err(|error| Error::Bug(format!("a record: {error}")))
}

/// A value from bytes.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    postcard::from_bytes(bytes).map_err(|_| Error::damaged_state("a record of the state"))
}

/// Bytes of a chunk.
const CHUNK_BYTES: usize = limit::VALUE_BYTES_MAX - 16;

/// How many chunks a value of so many bytes has.
pub(crate) const fn chunk_count(bytes: usize) -> usize {
    if bytes == 0 { 1 } else { bytes.div_ceil(CHUNK_BYTES) }
}

/// The chunks of a long value, first to last.
pub(crate) fn chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let count = chunk_count(bytes.len());
    if count == 1 {
        return vec![[&[1], bytes].concat()];
    }
    bytes
        .chunks(CHUNK_BYTES)
        .enumerate()
        .map(|(index, chunk)| {
            if index == 0 {
                [&[u8::try_from(count).unwrap_or(u8::MAX)], chunk].concat()
            } else {
                chunk.to_vec()
            }
        })
        .collect()
}

/// The key of a chunk.
pub(crate) fn chunk_key(base: &[u8], chunk: u8) -> Key {
    let mut key = base.to_vec();
    key.push(chunk);
    key
}

/// The key of a subject's record, without the chunk.
pub(crate) fn record_key(partition: Partition, subject: SubjectId) -> Key {
    subject_key(partition, Space::Record, subject)
}

/// The day before which requests are forgotten.
pub(crate) fn oldest_request_day(today: Day) -> i32 {
    today.number() - limit::REQUEST_DAYS
}
