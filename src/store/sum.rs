//! Bytes that have a wanted CRC-32C, so that they can take the place of others: see
//! [`Store::overwrite`](crate::store::Store::overwrite).

/// Changes the four bytes of `new` at `at` so that it has the CRC-32C of `old`. `None` when the two
/// are not of one length, or `new` has no such bytes.
pub fn with_sum_of(old: &[u8], mut new: Vec<u8>, at: usize) -> Option<Vec<u8>> {
    if old.len() != new.len() {
        return None;
    }
    let end = at.checked_add(4)?;
    let mut sum_with = |patch: u32| {
        new.get_mut(at..end)?.copy_from_slice(&patch.to_le_bytes());
        Some(crc32c::crc32c(&new))
    };
    let without = sum_with(0)?;
    // A CRC is linear: what each bit changes, whatever the others are. Each change has a highest bit
    // that no later one has.
    let mut changes: Vec<(u32, u32)> = Vec::new();
    for bit in (0..u32::BITS).map(|bit| 1 << bit) {
        let change = reduced((sum_with(bit)? ^ without, bit), &changes);
        changes.push(change);
    }
    let (left, patch) = reduced((crc32c::crc32c(old) ^ without, 0), &changes);
    let is_same = left == 0 && sum_with(patch)? == crc32c::crc32c(old);
    is_same.then_some(new)
}

/// A change of the sum, and the bits that make it, less whatever `by` can take from it.
fn reduced(from: (u32, u32), by: &[(u32, u32)]) -> (u32, u32) {
    by.iter().fold(from, |(change, bits), (other, other_bits)| {
        if change ^ other < change { (change ^ other, bits ^ other_bits) } else { (change, bits) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keeps_the_sum_wherever_it_lies(old: &[u8], new: &[u8], at: usize) {
        let changed = with_sum_of(old, new.to_vec(), at).unwrap();
        assert_eq!((changed.len(), crc32c::crc32c(&changed)), (old.len(), crc32c::crc32c(old)));
        assert_eq!((&changed[..at], &changed[at + 4..]), (&new[..at], &new[at + 4..]));
        // In whatever lies around it, as an entry does in a frame.
        let sum = |inner: &[u8]| crc32c::crc32c(&[b"before".as_slice(), inner, b"behind"].concat());
        assert_eq!(sum(&changed), sum(old));
    }

    proptest! {
        #[test]
        fn four_bytes_keep_the_sum_wherever_they_lie(
            pairs in prop::collection::vec(any::<(u8, u8)>(), 4..200),
            at in any::<prop::sample::Index>(),
        ) {
            let (old, new): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            let at = at.index(new.len() - 3);
            keeps_the_sum_wherever_it_lies(&old, &new, at);
        }
    }

    #[test]
    fn there_must_be_room() {
        assert_eq!(with_sum_of(b"abcd", b"wxyz!".to_vec(), 0), None);
        assert_eq!(with_sum_of(b"abcd", b"wxyz".to_vec(), 1), None);
        assert_eq!(with_sum_of(b"abcd", b"wxyz".to_vec(), 0), Some(b"abcd".to_vec()));
    }
}
