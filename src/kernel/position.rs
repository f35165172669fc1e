//! Where in the registry something stands: a partition and the number of an entry in it.
//!
//! Numbers start at 1 and have no gaps; 0 is the position of an empty partition.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A self-contained part of the registry, usually a prefecture-level city. 24 bits.
///
/// Partition 0 holds what lies between cities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition(u32);

impl Partition {
    /// The partition of what lies between cities: provinces, cities, districts and the partitions themselves.
    pub const ROOT: Self = Self(0);
    /// The largest partition number that an id can carry.
    pub const MAX: u32 = (1 << 24) - 1;

    /// `None` when the number needs more than 24 bits.
    pub const fn new(number: u32) -> Option<Self> {
        if number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Three bytes, so that the order of bytes is the order of numbers.
    pub const fn to_bytes(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    /// The inverse of [`Partition::to_bytes`].
    pub const fn from_bytes([a, b, c]: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, a, b, c]))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The number of an entry in its partition: 1, 2, 3 … without gaps.
pub type Seq = u64;

/// A partition and how far it was read or written. Its text, `partition:seq`, is the commit token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// The last entry included; 0 for none.
    pub seq: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.seq)
    }
}

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (partition, seq) = text.split_once(':').ok_or(BadPosition)?;
        let partition = partition.parse().ok().and_then(Partition::new).ok_or(BadPosition)?;
        Ok(Self { partition, seq: seq.parse().map_err(|_| BadPosition)? })
    }
}

/// A commit token is `partition:seq`, as an earlier answer gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a commit token has the form partition:seq, for example 1:42")]
pub struct BadPosition;
