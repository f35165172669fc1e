//! What was written to the state and is not in sled yet, in memory, in key order.

use std::{
    collections::{BTreeMap, btree_map},
    iter::Peekable,
};

use sled::IVec;

use crate::store::{Direction, Key, Value};

/// What a key takes in memory beside its own bytes and those of its value.
const KEY_OVERHEAD_BYTES: usize = 96;

/// The newest value of every key that was written; `None` where it was taken away.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    values: BTreeMap<Key, Option<Value>>,
    bytes: usize,
}

type Rows<'a> = Box<dyn Iterator<Item = (&'a Key, &'a Option<Value>)> + 'a>;

impl Buffer {
    /// Sets or takes away a key.
    pub(super) fn put(&mut self, key: Key, value: Option<Value>) {
        let length = value.as_ref().map_or(0, Vec::len);
        match self.values.entry(key) {
            btree_map::Entry::Vacant(place) => {
                self.bytes += place.key().len() + length + KEY_OVERHEAD_BYTES;
                place.insert(value);
            }
            btree_map::Entry::Occupied(mut place) => {
                let old = std::mem::replace(place.get_mut(), value);
                self.bytes = (self.bytes + length).saturating_sub(old.map_or(0, |old| old.len()));
            }
        }
    }

    /// What was written of a key, if anything was; in it the value, unless it was taken away.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Option<Value>> {
        self.values.get(key)
    }

    /// Every key in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, Option<&Value>)> {
        self.values.iter().map(|(key, value)| (key, value.as_ref()))
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn rows(&self, from: &[u8], to: &[u8], direction: Direction) -> Rows<'_> {
        use std::ops::Bound::{Excluded, Included};
        let rows = self.values.range::<[u8], _>((Included(from), Excluded(to)));
        match direction {
            Direction::Up => Box::new(rows),
            Direction::Down => Box::new(rows.rev()),
        }
    }
}

/// At most `limit` rows from `from` to `to` of what lies in sled (`below`, in the order of
/// `direction`) and in the buffers, of which a later one hides an earlier one and sled.
pub(super) fn merged(
    below: impl Iterator<Item = sled::Result<(IVec, IVec)>>,
    buffers: [&Buffer; 2],
    (from, to): (&[u8], &[u8]),
    direction: Direction,
    limit: usize,
) -> sled::Result<Vec<(Key, Value)>> {
    let [mut older, mut newer] = buffers.map(|buffer| buffer.rows(from, to, direction).peekable());
    let mut below = below.peekable();
    let mut rows = Vec::new();
    while rows.len() < limit {
        if let Some(Err(_)) = below.peek() {
            below.next().transpose()?;
        }
        let in_sled = match below.peek() {
            Some(Ok((key, _))) => Some(key.as_ref()),
            _ => None,
        };
        let next = [in_sled, key_of(&mut older), key_of(&mut newer)].into_iter().flatten();
        let next = match direction {
            Direction::Up => next.min(),
            Direction::Down => next.max(),
        };
        let Some(next) = next.map(<[u8]>::to_vec) else { break };
        let mut value = None;
        if let Some(Ok((_, found))) =
            below.next_if(|row| row.as_ref().is_ok_and(|(key, _)| key.as_ref() == next))
        {
            value = Some(found.to_vec());
        }
        for buffer in [&mut older, &mut newer] {
            if let Some((_, found)) = buffer.next_if(|(key, _)| **key == next) {
                value.clone_from(found);
            }
        }
        rows.extend(value.map(|value| (next, value)));
    }
    Ok(rows)
}

fn key_of<'a>(rows: &mut Peekable<Rows<'a>>) -> Option<&'a [u8]> {
    rows.peek().map(|(key, _)| key.as_slice())
}
