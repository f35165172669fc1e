//! Erasing free text for ever, on the order of a court or an authority.
//!
//! An entry `Erased` says what was erased and by whose order. Once it is durable the content is
//! overwritten where it lies; the leaf of the entry, which is over salted hashes, stays, and with it
//! every proof and checkpoint. What is to be overwritten follows from the state, so a process that
//! is killed in between leaves it to the next start.
//!
//! What is left of a text is its length, the hash of salt and text, and thirty-two bits of a sum over
//! both; the salt is overwritten too, so that no text can be tried against them.

use prost::Message as _;

use crate::{
    kernel::position::{Partition, Position, Seq},
    proto::fact as stored,
    registry::{
        entry::{Entry, Gone, PART_TEXT, SALT_ZEROS, gone},
        error::Error,
        space::{Space, after, below, key, seq_key},
        state::{Live, State},
    },
    store::{Direction, Store, with_sum_of},
};

/// Erasures looked at in one read.
const PAGE_ROWS: usize = 500;

/// The entry by which the text of an entry was erased.
pub(crate) fn erased_by(
    state: &dyn State,
    partition: Partition,
    seq: Seq,
) -> Result<Option<Seq>, Error> {
    let bytes = state.get(&seq_key(partition, Space::Erased, seq))?;
    let read = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes);
    let damaged = |_| Error::damaged_state(format!("what erased entry {partition}:{seq}"));
    bytes.map(|bytes| read(bytes).map_err(damaged)).transpose()
}

/// Overwrites whatever entries say to be erased and is still there; answers how many texts. Needs a
/// state that reflects all entries.
pub fn finish_erasures(store: &dyn Store) -> Result<u64, Error> {
    let mut count = 0;
    for head in store.heads() {
        let mut range = below(key(head.partition, Space::Erased));
        loop {
            let rows = Live(store).scan(&range, Direction::Up, PAGE_ROWS)?;
            for (key, _) in &rows {
                let seq = key.last_chunk().copied().map(u64::from_be_bytes);
                let position = Position { partition: head.partition, seq: seq.unwrap_or_default() };
                count += u64::from(blank(store, position)?);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE_ROWS => range = after(range, last),
                _ => break,
            }
        }
    }
    Ok(count)
}

/// Overwrites the text of an entry; whether it was there.
fn blank(store: &dyn Store, position: Position) -> Result<bool, Error> {
    let Position { partition, seq } = position;
    let unreadable = || Error::unreadable(format!("entry {position}"));
    let bytes = store.entries_at(partition, &[seq])?.pop().ok_or_else(unreadable)?;
    let (entry, _) = Entry::decode(&bytes)?;
    if entry.hidden.text == Some(Gone::Blanked) {
        return Ok(false);
    }
    let blanked = blanked(&bytes).ok_or_else(unreadable)?;
    store.overwrite(partition, seq, &blanked)?;
    tracing::info!(%position, "the text of an entry was erased");
    Ok(true)
}

/// An entry's bytes without its text: as many, and with the same CRC-32C. `None` when it has none,
/// or is not written as entries are.
pub fn blanked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut entry = stored::Entry::decode(bytes).ok()?;
    let envelope = stored::Envelope::decode(&entry.envelope[..]).ok()?;
    (entry.encode_to_vec() == bytes).then_some(())?;
    let at = envelope.parts.iter().position(|named| named.kind == PART_TEXT)?;
    let part = entry.parts.get_mut(at).filter(|part| gone(PART_TEXT, part).is_none())?;
    part.salt.fill(0);
    part.content.fill(0);
    let zeros = entry.encode_to_vec();
    // Where the last four bytes of the salt are: where a change of the first of them shows.
    let part = entry.parts.get_mut(at)?;
    *part.salt.get_mut(SALT_ZEROS)? = 1;
    let marked = entry.encode_to_vec();
    let changed = zeros.iter().zip(&marked).position(|(zero, marked)| zero != marked)?;
    with_sum_of(bytes, zeros, changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::author::Author,
        kernel::time::Stamp,
        registry::{
            entry::{Hidden, Text},
            fact::{Body, Fact},
        },
    };

    fn entry(reason: &str) -> Entry {
        let fact = Fact::PartitionBegun(None);
        Entry {
            registry: [1; 16],
            partition: Partition::ROOT,
            seq: 7,
            stamp: Stamp::from_micros(1),
            valid_from: None,
            second_of_day: None,
            order_key: Vec::new(),
            author: Author::registry(),
            request: None,
            corrects: Vec::new(),
            basis: Vec::new(),
            subjects: Vec::new(),
            command_seq: 7,
            body: Some(Body { fact, overridden: Vec::new(), source_row: None }),
            text: (!reason.is_empty())
                .then(|| Text { reason: reason.to_owned(), sentences: Vec::new() }),
            hidden: Hidden::default(),
        }
    }

    #[test]
    fn a_blanked_text_leaves_length_sum_and_leaf() {
        for length in (1..300).chain([16_300, 16_384, 60_000]) {
            let whole = entry(&"秘".repeat(length / 3 + 1));
            let (bytes, leaf) = whole.encode(&[9; 32]);
            let blanked = blanked(&bytes).unwrap();
            assert_eq!(blanked.len(), bytes.len());
            assert_eq!(crc32c::crc32c(&blanked), crc32c::crc32c(&bytes));
            assert!(!blanked.windows(3).any(|window| window == "秘".as_bytes()));
            let salt = &stored::Entry::decode(&bytes[..]).unwrap().parts[1].salt;
            assert!(!blanked.windows(4).any(|window| salt.windows(4).any(|part| part == window)));
            let (read, same) = Entry::decode(&blanked).unwrap();
            assert_eq!(same, leaf);
            let hidden = Hidden { text: Some(Gone::Blanked), ..Hidden::default() };
            assert!(read.is_whole());
            assert_eq!(read, Entry { text: None, hidden, ..whole });
            assert_eq!(super::blanked(&blanked), None);
        }
        assert_eq!(blanked(&entry("").encode(&[9; 32]).0), None);
    }
}
