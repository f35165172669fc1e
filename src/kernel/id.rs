//! Ids of the registry's own: 128 bits that say when and in which partition a thing was born.
//!
//! 48 bits of milliseconds, 24 bits of partition, 56 random bits; written with a prefix and 26
//! Crockford base-32 digits (`bld_…`), so that a pasted id explains itself and the wrong kind does
//! not parse. An id is never reused. The prefixes are append-only: never rename or recycle one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::kernel::position::Partition;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Digits of the base-32 text of 128 bits.
const TEXT_DIGITS: usize = 26;

/// What an id names. The numbers are stored; the prefixes are written. Append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// 省市区街道社区: an administrative division.
    Region = 1,
    /// 小区: a compound.
    Compound = 2,
    /// 栋: a building.
    Building = 3,
    /// 户: a unit.
    Unit = 4,
    /// A case: something that people have to look at.
    Case = 5,
    /// 机构: a body that inspects or appraises.
    Body = 6,
    /// 签字人: somebody who signs reports.
    Signer = 7,
    /// 体检计划: the check-ups that a region plans for a year.
    Plan = 8,
    /// 体检任务: the order of one check-up.
    Order = 9,
    /// 体检报告: a report.
    Report = 10,
    /// 问题: a finding.
    Finding = 11,
    /// An edition of a table of reference data.
    Reference = 12,
    /// 保险单: an insurance policy.
    Policy = 13,
    /// 理赔: an insurance claim.
    Claim = 14,
    /// 维修工程项: a work item, a repair of a part of a building.
    Work = 15,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Region,
        Self::Compound,
        Self::Building,
        Self::Unit,
        Self::Case,
        Self::Body,
        Self::Signer,
        Self::Plan,
        Self::Order,
        Self::Report,
        Self::Finding,
        Self::Reference,
        Self::Policy,
        Self::Claim,
        Self::Work,
    ];

    /// The kinds whose lives are entered, imported and exported: the spine of the registry.
    pub const SPINE: [Self; 4] = [Self::Region, Self::Compound, Self::Building, Self::Unit];

    /// The letters in front of the id.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Region => "rgn",
            Self::Compound => "cmp",
            Self::Building => "bld",
            Self::Unit => "unt",
            Self::Case => "cas",
            Self::Body => "bdy",
            Self::Signer => "sgn",
            Self::Plan => "pln",
            Self::Order => "ord",
            Self::Report => "rpt",
            Self::Finding => "fnd",
            Self::Reference => "ref",
            Self::Policy => "pol",
            Self::Claim => "clm",
            Self::Work => "wrk",
        }
    }

    /// The English word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Compound => "compound",
            Self::Building => "building",
            Self::Unit => "unit",
            Self::Case => "case",
            Self::Body => "body",
            Self::Signer => "signer",
            Self::Plan => "plan",
            Self::Order => "order",
            Self::Report => "report",
            Self::Finding => "finding",
            Self::Reference => "reference",
            Self::Policy => "policy",
            Self::Claim => "claim",
            Self::Work => "work",
        }
    }

    /// The kind with this stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// 128 bits: milliseconds, partition, randomness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct RawId(u128);

impl RawId {
    /// Puts an id together. `random` uses its low 56 bits.
    pub const fn new(unix_ms: u64, partition: Partition, random: u64) -> Self {
        let ms = (unix_ms & ((1 << 48) - 1)) as u128;
        let random = (random & ((1 << 56) - 1)) as u128;
        Self(ms << 80 | (partition.number() as u128) << 56 | random)
    }

    /// The partition in which the thing was born and to which every command on it goes.
    pub const fn partition(self) -> Partition {
        let [.., a, b, c, _, _, _, _, _, _, _] = self.0.to_be_bytes();
        Partition::from_bytes([a, b, c])
    }

    /// Big-endian bytes: their order is the order of birth.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The inverse of [`RawId::to_bytes`].
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// The part of a new id that comes in with a command: everything but the partition, which the
/// parent decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdSeed {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// At least 56 random bits.
    pub random: u64,
}

impl IdSeed {
    /// The id that is born in `partition`.
    pub const fn born_in(self, partition: Partition) -> RawId {
        RawId::new(self.unix_ms, partition, self.random)
    }
}

/// An id together with what it names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectId {
    /// What it names.
    kind_number: u8,
    /// Which one.
    raw: RawId,
}

impl SubjectId {
    /// Bytes of the stored form.
    pub const BYTES: usize = 17;

    /// Joins the two.
    pub const fn new(kind: Kind, raw: RawId) -> Self {
        Self { kind_number: kind as u8, raw }
    }

    /// What it names.
    pub fn kind(self) -> Kind {
        Kind::from_number(self.kind_number).unwrap_or(Kind::Case)
    }

    /// Which one.
    pub const fn raw(self) -> RawId {
        self.raw
    }

    /// The partition in which it was born.
    pub const fn partition(self) -> Partition {
        self.raw.partition()
    }

    /// The kind's number and the id's bytes.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let [kind, raw @ ..] = &mut bytes;
        *kind = self.kind_number;
        *raw = self.raw.to_bytes();
        bytes
    }

    /// The inverse of [`SubjectId::to_bytes`]; `None` for other bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let (&kind, raw) = bytes.split_first()?;
        Kind::from_number(kind)?;
        Some(Self { kind_number: kind, raw: RawId::from_bytes(raw.try_into().ok()?) })
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_", self.kind().prefix())?;
        write_digits(self.raw, f)
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for SubjectId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let (prefix, digits) = text.split_once('_').ok_or(BadId::Form)?;
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.prefix() == prefix)
            .ok_or_else(|| BadId::Prefix(prefix.chars().take(8).collect()))?;
        Ok(Self::new(kind, read_digits(digits)?))
    }
}

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Not a prefix and 26 digits.
    #[error("an id is a prefix, an underscore and 26 letters or digits, for example bld_01J8…")]
    Form,
    /// A prefix that no kind has.
    #[error("no kind of thing has the prefix {0:?}")]
    Prefix(String),
    /// An id, but of something else.
    #[error("this is the id of a {found}; the id of a {expected} is asked for")]
    Kind {
        /// What is asked for.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
}

fn write_digits(raw: RawId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for place in (0..TEXT_DIGITS).rev() {
        let digit = usize::try_from(raw.0 >> (5 * place) & 31).unwrap_or(0);
        let byte = DIGITS.get(digit).copied().unwrap_or(b'0');
        write!(f, "{}", char::from(byte))?;
    }
    Ok(())
}

fn read_digits(text: &str) -> Result<RawId, BadId> {
    if text.len() != TEXT_DIGITS {
        return Err(BadId::Form);
    }
    let mut value: u128 = 0;
    for (place, byte) in text.bytes().enumerate() {
        let digit = DIGITS
            .iter()
            .position(|known| *known == byte.to_ascii_uppercase())
            .ok_or(BadId::Form)?;
        // 26 digits hold 130 bits: the first may not exceed 7.
        if place == 0 && digit > 7 {
            return Err(BadId::Form);
        }
        value = value << 5 | digit as u128;
    }
    Ok(RawId(value))
}

/// Declares the id of one kind of thing.
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(RawId);

        impl $name {
            /// Wraps the bits.
            pub const fn new(raw: RawId) -> Self {
                Self(raw)
            }

            /// The bits.
            pub const fn raw(self) -> RawId {
                self.0
            }

            /// The partition in which it was born.
            pub const fn partition(self) -> Partition {
                self.0.partition()
            }
        }

        impl From<$name> for SubjectId {
            fn from(id: $name) -> Self {
                Self::new($kind, id.0)
            }
        }

        impl TryFrom<SubjectId> for $name {
            type Error = BadId;

            fn try_from(id: SubjectId) -> Result<Self, BadId> {
                if id.kind() == $kind {
                    Ok(Self(id.raw()))
                } else {
                    Err(BadId::Kind { expected: $kind.word(), found: id.kind().word() })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                SubjectId::from(*self).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                SubjectId::from_str(text)?.try_into()
            }
        }
    };
}

typed_id!(
    /// Names a region.
    RegionId,
    Kind::Region
);
typed_id!(
    /// Names a compound.
    CompoundId,
    Kind::Compound
);
typed_id!(
    /// Names a building.
    BuildingId,
    Kind::Building
);
typed_id!(
    /// Names a unit.
    UnitId,
    Kind::Unit
);
typed_id!(
    /// Names a case.
    CaseId,
    Kind::Case
);
typed_id!(
    /// Names a body: an institution that inspects or appraises.
    BodyId,
    Kind::Body
);
typed_id!(
    /// Names a signer: a person, of whom only an opaque key is known.
    SignerId,
    Kind::Signer
);
typed_id!(
    /// Names a yearly plan of check-ups.
    PlanId,
    Kind::Plan
);
typed_id!(
    /// Names an order.
    OrderId,
    Kind::Order
);
typed_id!(
    /// Names a report.
    ReportId,
    Kind::Report
);
typed_id!(
    /// Names a finding.
    FindingId,
    Kind::Finding
);
typed_id!(
    /// Names an edition of reference data.
    ReferenceId,
    Kind::Reference
);
typed_id!(
    /// Names an insurance policy.
    PolicyId,
    Kind::Policy
);
typed_id!(
    /// Names an insurance claim.
    ClaimId,
    Kind::Claim
);
typed_id!(
    /// Names a work item.
    WorkId,
    Kind::Work
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_written_as_it_always_was() {
        let id = BuildingId::new(RawId::new(1_700_000_000_000, Partition::new(7).unwrap(), 42));
        assert_eq!(id.to_string(), "bld_01HF7YAT000000E0000000001A");
        assert_eq!(id.partition().number(), 7);
    }

    #[test]
    fn the_wrong_kind_does_not_parse() {
        let text = "cmp_01HF7YAT000000E0000000001A";
        let error = text.parse::<BuildingId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is the id of a compound; the id of a building is asked for"
        );
        assert_eq!("house_1".parse::<BuildingId>(), Err(BadId::Prefix("house".to_owned())));
        assert_eq!("bld_81HF7YAT000000E0000000001A".parse::<BuildingId>(), Err(BadId::Form));
    }

    proptest! {
        #[test]
        fn text_and_bytes_round_trip(ms in 0_u64..1 << 48, partition in 0..=Partition::MAX, random: u64) {
            let raw = RawId::new(ms, Partition::new(partition).unwrap(), random);
            for kind in Kind::ALL {
                let id = SubjectId::new(kind, raw);
                prop_assert_eq!(id.to_string().parse::<SubjectId>().unwrap(), id);
                prop_assert_eq!(SubjectId::from_slice(&id.to_bytes()).unwrap(), id);
                prop_assert_eq!(id.partition().number(), partition);
            }
        }

        #[test]
        fn the_order_of_texts_is_the_order_of_ids(a: u64, b: u64) {
            let [x, y] = [a, b].map(|n| RegionId::new(RawId::new(n >> 16, Partition::ROOT, n)));
            prop_assert_eq!(x.cmp(&y), x.to_string().cmp(&y.to_string()));
        }
    }
}
