//! Terms: the words that totals are broken down by, as small numbers in the cells.
//!
//! A term gets its number with the first entry by which something of it counts, and keeps it.

use crate::{
    kernel::position::Partition,
    registry::{
        error::Error,
        record::{put, read},
        space::{Space, key, text_key},
        state::State,
        work::Work,
    },
};

/// The number of a term that a partition never counted.
pub(crate) const UNCOUNTED: u16 = u16::MAX;

fn text_of(partition: Partition, number: u16) -> Vec<u8> {
    let mut key = key(partition, Space::TermText);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The number of a term, which it gets now if it has none.
pub(crate) fn number(work: &mut Work<'_>, partition: Partition, term: &str) -> Result<u16, Error> {
    if let Some(number) = find(work, partition, term)? {
        return Ok(number);
    }
    let meta = work.meta_mut(partition)?;
    meta.term_count = meta.term_count.saturating_add(1).min(UNCOUNTED - 1);
    let number = meta.term_count;
    work.put(text_key(partition, Space::Term, &[term]), Some(put(&number)?));
    work.put(text_of(partition, number), Some(term.as_bytes().to_vec()));
    Ok(number)
}

/// The number of a term; `None` when nothing of it ever counted.
pub(crate) fn find(
    state: &dyn State,
    partition: Partition,
    term: &str,
) -> Result<Option<u16>, Error> {
    state.get(&text_key(partition, Space::Term, &[term]))?.map(|bytes| read(&bytes)).transpose()
}

/// The term that a number stands for.
pub(crate) fn text(
    state: &dyn State,
    partition: Partition,
    number: u16,
) -> Result<Option<String>, Error> {
    let bytes = state.get(&text_of(partition, number))?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}
