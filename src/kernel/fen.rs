//! Money: whole fen (分), a hundredth of a yuan, never a fraction of one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An amount that is not negative: what is insured, asked for or paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fen(u64);

/// A text or number that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// Not an amount at all.
    #[error("an amount in yuan is written as 1200 or 1200.50")]
    Text,
    /// Below nothing, or above [`Fen::MAX`].
    #[error("an amount lies between 0 and {} yuan", Fen::MAX)]
    Range,
}

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Ninety million million yuan, less than 2^53 fen: every reader of JSON keeps it exactly.
    pub const MAX: Self = Self(9_000_000_000_000_000);

    /// `None` above [`Fen::MAX`].
    pub fn new(fen: u64) -> Option<Self> {
        Some(Self(fen)).filter(|amount| *amount <= Self::MAX)
    }

    /// How many.
    pub const fn count(self) -> u64 {
        self.0
    }

    /// The sum; `None` when it is more than [`Fen::MAX`].
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// The sum of several, at most [`Fen::MAX`], which is more than any limit.
    pub fn total(amounts: impl IntoIterator<Item = Self>) -> Self {
        let add = |sum: Self, amount| sum.plus(amount).unwrap_or(Self::MAX);
        amounts.into_iter().fold(Self::ZERO, add)
    }

    /// What is left; `None` when it would be less than nothing.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl FromStr for Fen {
    type Err = BadAmount;

    /// Reads yuan, with two decimals or none.
    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let (yuan, fen) = text.split_once('.').unwrap_or((text, "00"));
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number(yuan) || !is_number(fen) || fen.len() != 2 {
            return Err(BadAmount::Text);
        }
        let yuan: u64 = yuan.parse().map_err(|_| BadAmount::Range)?;
        let fen: u64 = fen.parse().map_err(|_| BadAmount::Text)?;
        let whole = yuan.checked_mul(100).and_then(|whole| whole.checked_add(fen));
        whole.and_then(Self::new).ok_or(BadAmount::Range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(count: u64) -> Fen {
        Fen::new(count).unwrap()
    }

    #[test]
    fn an_amount_is_read_in_yuan_as_it_is_written() {
        for (text, count) in [("0", 0), ("1200", 120_000), ("1200.50", 120_050), ("0.01", 1)] {
            assert_eq!(text.parse(), Ok(fen(count)), "{text}");
            assert_eq!(fen(count).to_string().parse(), Ok(fen(count)));
        }
        assert_eq!(fen(7).to_string(), "0.07");
        for text in ["", ".50", "1.", "1.5", "1.500", "-1", "1 200", "１２", "1e3", "+1"] {
            assert_eq!(text.parse::<Fen>(), Err(BadAmount::Text), "{text}");
        }
        for text in ["90000000000000.01", "99999999999999999999", "184467440737095516.16"] {
            assert_eq!(text.parse::<Fen>(), Err(BadAmount::Range), "{text}");
        }
        assert_eq!("90000000000000".parse(), Ok(Fen::MAX));
    }

    #[test]
    fn sums_and_rests_leave_the_range_by_nothing() {
        assert_eq!(Fen::MAX.plus(fen(1)), None);
        assert_eq!(fen(2).plus(fen(3)), Some(fen(5)));
        assert_eq!(fen(2).minus(fen(3)), None);
        assert_eq!(fen(3).minus(fen(3)), Some(Fen::ZERO));
        assert_eq!(Fen::new(Fen::MAX.count() + 1), None);
    }
}
