//! Lists of many holders, each in its order, read side by side as one list in that order.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    kernel::time::Day,
    registry::{
        error::Error,
        space::{after, below},
        state::State,
    },
    store::{Direction, Key, KeyRange, Value},
};

/// Rows read ahead of one holder.
const AHEAD: usize = 16;

/// Whether a row is wanted, by its value and by whether its holder is the one that was asked for.
pub(crate) type Wanted<'w> = dyn Fn(&[u8], bool) -> Result<bool, Error> + 'w;

/// A row that was found.
pub(crate) struct Found {
    /// Where it stands among all rows: the key without its holder, which begins with a day.
    pub place: Vec<u8>,
    /// Its value.
    pub value: Value,
}

/// The list of one holder.
struct List {
    prefix_length: usize,
    /// What was not read yet.
    range: KeyRange,
    /// What was, last first.
    ahead: Vec<Found>,
    is_read: bool,
    /// Whether it is the holder that is asked for, whose own rows count, too.
    is_asked: bool,
}

/// The lists, the next row of each at hand.
pub(crate) struct SideBySide<'l> {
    state: &'l dyn State,
    wanted: &'l Wanted<'l>,
    lists: Vec<List>,
    /// The first place of each list.
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl<'l> SideBySide<'l> {
    /// No list yet.
    pub(crate) const fn new(state: &'l dyn State, wanted: &'l Wanted<'l>) -> Self {
        Self { state, wanted, lists: Vec::new(), heads: BinaryHeap::new() }
    }

    /// Adds the list of the keys below `prefix`, from one day to another, both included, after a
    /// place.
    pub(crate) fn add(
        &mut self,
        prefix: &Key,
        days: (Option<Day>, Option<Day>),
        after_place: &[u8],
        is_asked: bool,
    ) -> Result<(), Error> {
        let mut range = below(prefix.clone());
        if let Some(from) = days.0 {
            range.from = [prefix.as_slice(), &from.to_bytes()].concat();
        }
        if let Some(to) = days.1 {
            range.to = [prefix.as_slice(), &to.next().to_bytes()].concat();
        }
        if !after_place.is_empty() {
            range = after(range, &[prefix.as_slice(), after_place].concat());
        }
        let (prefix_length, ahead) = (prefix.len(), Vec::new());
        self.lists.push(List { prefix_length, range, ahead, is_read: false, is_asked });
        self.head(self.lists.len() - 1)
    }

    /// Puts the first row of a list among the heads, reading on when none is left.
    fn head(&mut self, index: usize) -> Result<(), Error> {
        let Some(list) = self.lists.get_mut(index) else { return Ok(()) };
        while list.ahead.is_empty() && !list.is_read {
            let keys = self.state.scan(&list.range, Direction::Up, AHEAD)?;
            list.is_read = keys.len() < AHEAD;
            if let Some((last, _)) = keys.last() {
                list.range = after(list.range.clone(), last);
            }
            for (key, value) in keys.into_iter().rev() {
                if let Some(place) = key.get(list.prefix_length..)
                    && (self.wanted)(&value, list.is_asked)?
                {
                    list.ahead.push(Found { place: place.to_vec(), value });
                }
            }
        }
        if let Some(first) = list.ahead.last() {
            self.heads.push(Reverse((first.place.clone(), index)));
        }
        Ok(())
    }

    /// The next row of all.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, Error> {
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(None) };
        let found = self.lists.get_mut(index).and_then(|list| list.ahead.pop());
        self.head(index)?;
        Ok(found)
    }
}
