//! Shares of a whole: exact fractions, and amounts that are shared out to the last fen.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::fen::Fen;

/// A part of a whole: above nothing, at most all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Share {
    numerator: u64,
    denominator: u64,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { numerator: 1, denominator: 1 };
    /// The largest denominator.
    pub const DENOMINATOR_MAX: u64 = 1_000_000_000;

    /// `None` unless `0 < numerator <= denominator <= DENOMINATOR_MAX`. It is kept as it was said.
    pub const fn new(numerator: u64, denominator: u64) -> Option<Self> {
        if numerator > 0 && numerator <= denominator && denominator <= Self::DENOMINATOR_MAX {
            Some(Self { numerator, denominator })
        } else {
            None
        }
    }

    /// How many parts.
    pub const fn numerator(self) -> u64 {
        self.numerator
    }

    /// Of how many.
    pub const fn denominator(self) -> u64 {
        self.denominator
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// The exact sum of fractions in lowest terms; `None` where it does not fit 128 bits.
pub fn sum(shares: impl IntoIterator<Item = (u64, u64)>) -> Option<(u128, u128)> {
    shares.into_iter().try_fold((0_u128, 1_u128), |(numerator, denominator), (n, d)| {
        let (n, d) = (u128::from(n), u128::from(d));
        let numerator = numerator.checked_mul(d)?.checked_add(n.checked_mul(denominator)?)?;
        let denominator = denominator.checked_mul(d)?;
        let divisor = greatest_common_divisor(numerator, denominator);
        Some((numerator / divisor, denominator / divisor))
    })
}

/// Whether shares are all of a whole, exactly. Such as cannot be added in 128 bits are not.
pub fn are_whole(shares: &[Share]) -> bool {
    sum(shares.iter().map(|share| (share.numerator, share.denominator))) == Some((1, 1))
}

/// So much of a whole for each share, in whole numbers. Unless something `keeps` what is left over,
/// they sum to the whole, of which the shares are then all: what does not divide goes, one by one, to
/// the largest remainders, the first of equals.
pub fn parts_of(whole: u64, shares: &[(u64, u64)], keeps: bool) -> Vec<u64> {
    let exact = |(numerator, denominator): (u64, u64)| {
        let product = u128::from(whole) * u128::from(numerator);
        let denominator = u128::from(denominator.max(1));
        (product / denominator, product % denominator, denominator)
    };
    let exact = shares.iter().copied().map(exact).collect::<Vec<_>>();
    let narrow = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
    let mut parts = exact.iter().map(|(amount, ..)| narrow(*amount)).collect::<Vec<_>>();
    if keeps {
        return parts;
    }
    let given = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
    let left = usize::try_from(whole.saturating_sub(given)).unwrap_or(usize::MAX);
    let mut order = (0..exact.len()).collect::<Vec<_>>();
    // Remainders are below 2^64, and so is what they are parts of: the products fit.
    order.sort_by(|a, b| match (exact.get(*a), exact.get(*b)) {
        (Some((_, left, of)), Some((_, right, over))) => (right * of).cmp(&(left * over)),
        _ => std::cmp::Ordering::Equal,
    });
    for index in order.into_iter().take(left) {
        if let Some(part) = parts.get_mut(index) {
            *part += 1;
        }
    }
    parts
}

/// An amount shared out to the fen. The shares are all of the whole.
pub fn share_out(amount: Fen, shares: &[Share]) -> Vec<Fen> {
    let shares: Vec<_> = shares.iter().map(|share| (share.numerator, share.denominator)).collect();
    let parts = parts_of(amount.count(), &shares, false);
    parts.into_iter().map(|part| Fen::new(part).unwrap_or(Fen::MAX)).collect()
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a.max(1), b.max(1));
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(of: &[(u64, u64)]) -> Vec<Share> {
        of.iter().map(|(n, d)| Share::new(*n, *d).unwrap()).collect()
    }

    fn out(fen: u64, of: &[(u64, u64)]) -> Vec<u64> {
        let parts = share_out(Fen::new(fen).unwrap(), &shares(of));
        parts.into_iter().map(Fen::count).collect()
    }

    #[test]
    fn a_share_is_above_nothing_and_at_most_all() {
        assert_eq!(Share::new(0, 1), None);
        assert_eq!(Share::new(2, 1), None);
        assert_eq!(Share::new(1, 0), None);
        assert_eq!(Share::new(1, Share::DENOMINATOR_MAX + 1), None);
        assert_eq!(Share::new(3, 3).map(|share| share.to_string()), Some("3/3".to_owned()));
    }

    #[test]
    fn shares_are_whole_exactly_or_not() {
        assert!(are_whole(&shares(&[(1, 3), (1, 3), (1, 3)])));
        assert!(are_whole(&shares(&[(1, 2), (1, 3), (1, 6)])));
        assert!(!are_whole(&shares(&[(33, 100), (33, 100), (33, 100)])));
        assert!(!are_whole(&shares(&[(333_333_333, 1_000_000_000), (2, 3)])));
        assert!(!are_whole(&[]));
    }

    #[test]
    fn what_does_not_divide_goes_to_the_largest_remainders() {
        assert_eq!(out(100, &[(1, 3), (1, 3), (1, 3)]), [34, 33, 33]);
        assert_eq!(out(1, &[(1, 3), (1, 3), (1, 3)]), [1, 0, 0]);
        assert_eq!(out(100, &[(1, 6), (1, 3), (1, 2)]), [17, 33, 50]);
        assert_eq!(out(5, &[(1, 10), (9, 10)]), [1, 4]);
        assert_eq!(out(0, &[(1, 2), (1, 2)]), [0, 0]);
    }

    proptest! {
        #[test]
        fn what_is_shared_out_is_all_of_it(
            amount in 0..=Fen::MAX.count(),
            weights in prop::collection::vec(1_u64..1_000_000, 1..20),
        ) {
            let whole: u64 = weights.iter().sum();
            let of: Vec<(u64, u64)> = weights.iter().map(|weight| (*weight, whole)).collect();
            prop_assert!(are_whole(&shares(&of)));
            let parts = out(amount, &of);
            prop_assert_eq!(parts.iter().sum::<u64>(), amount);
            for (part, weight) in parts.iter().zip(&weights) {
                // Nobody is a whole fen away from the exact part.
                let exact = u128::from(amount) * u128::from(*weight);
                let twice = u128::from(*part) * u128::from(whole);
                prop_assert!(twice.abs_diff(exact) < u128::from(whole));
            }
        }
    }
}
