//! Lists of what lies below a region, found by going down instead of through the whole partition.
//!
//! A community has some hundreds of buildings, and its city a million. So the holders below the
//! region are looked up first, and what was ever theirs is read from each side by side, in the
//! order of ids. Keys of what was ever held only propose: whether a row belongs there on the day
//! and as known then is for the caller of the walk to say.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, VecDeque},
};

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        position::Partition,
    },
    registry::{
        error::Error,
        space::{Space, after, below, subject_at_end, subject_key},
        state::State,
    },
    store::{Direction, KeyRange},
};

/// Holders of one list at most. Below a region with more, going through the partition costs less.
const HOLDERS_MAX: usize = 4_096;
/// Keys read of a holder at a time.
const AHEAD: usize = 16;

/// What can be directly below a subject of a kind, on the way to `wanted`.
fn steps(holder: Kind, wanted: Kind) -> &'static [Kind] {
    match (holder, wanted) {
        (Kind::Region, Kind::Compound) => &[Kind::Region],
        (Kind::Region, Kind::Building) => &[Kind::Region, Kind::Compound],
        (Kind::Region, Kind::Unit | Kind::Order | Kind::Report | Kind::Finding) => {
            &[Kind::Region, Kind::Compound, Kind::Building]
        }
        (Kind::Compound, Kind::Unit | Kind::Order | Kind::Report | Kind::Finding) => {
            &[Kind::Building]
        }
        _ => &[],
    }
}

/// Whether subjects of a kind are held by others of this kind.
fn holds(holder: Kind, wanted: Kind) -> bool {
    match wanted {
        Kind::Compound => holder == Kind::Region,
        Kind::Building => matches!(holder, Kind::Region | Kind::Compound),
        Kind::Unit | Kind::Order | Kind::Report | Kind::Finding => holder == Kind::Building,
        _ => false,
    }
}

/// All that may ever have been below a subject and that may hold subjects of a kind; `None` when
/// these are too many, or when such subjects are not held by what lies below it.
pub(crate) fn holders(
    state: &dyn State,
    partition: Partition,
    top: SubjectId,
    wanted: Kind,
) -> Result<Option<Vec<SubjectId>>, Error> {
    if steps(top.kind(), wanted).is_empty() {
        return Ok(None);
    }
    let mut seen = BTreeSet::from([top]);
    let mut next = vec![top];
    while let Some(holder) = next.pop() {
        for kind in steps(holder.kind(), wanted) {
            let mut run = Run::new(partition, holder, *kind, None);
            while let Some(found) = run.next(state, 512)? {
                if seen.len() > HOLDERS_MAX {
                    return Ok(None);
                }
                if seen.insert(found) {
                    next.push(found);
                }
            }
        }
    }
    Ok(Some(seen.into_iter().filter(|holder| holds(holder.kind(), wanted)).collect()))
}

/// What was ever directly below one holder, in the order of ids.
struct Run {
    range: KeyRange,
    ahead: VecDeque<SubjectId>,
    is_end: bool,
}

impl Run {
    fn new(partition: Partition, holder: SubjectId, kind: Kind, from: Option<SubjectId>) -> Self {
        let mut prefix = subject_key(partition, Space::Child, holder);
        let last = from.map(|from| [prefix.as_slice(), &from.to_bytes()].concat());
        prefix.push(kind as u8);
        let range = below(prefix);
        let range = match last {
            Some(last) => after(range, &last),
            None => range,
        };
        Self { range, ahead: VecDeque::new(), is_end: false }
    }

    fn next(&mut self, state: &dyn State, count: usize) -> Result<Option<SubjectId>, Error> {
        if self.ahead.is_empty() && !self.is_end {
            let keys = state.scan(&self.range, Direction::Up, count)?;
            self.is_end = keys.len() < count;
            if let Some((last, _)) = keys.last() {
                self.range = after(self.range.clone(), last);
            }
            self.ahead.extend(keys.iter().filter_map(|(key, _)| subject_at_end(key)));
        }
        Ok(self.ahead.pop_front())
    }
}

/// What was ever directly below any of some holders, in the order of ids and each of it once.
pub(crate) struct Merged<'s> {
    state: &'s dyn State,
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<([u8; SubjectId::BYTES], usize)>>,
    last: Option<SubjectId>,
}

impl<'s> Merged<'s> {
    /// Begins behind `from`.
    pub(crate) fn new(
        state: &'s dyn State,
        partition: Partition,
        holders: &[SubjectId],
        kind: Kind,
        from: Option<SubjectId>,
    ) -> Result<Self, Error> {
        let runs: Vec<Run> =
            holders.iter().map(|holder| Run::new(partition, *holder, kind, from)).collect();
        let mut merged = Self { state, runs, heap: BinaryHeap::new(), last: None };
        for index in 0..merged.runs.len() {
            merged.advance(index)?;
        }
        Ok(merged)
    }

    fn advance(&mut self, index: usize) -> Result<(), Error> {
        let Some(run) = self.runs.get_mut(index) else { return Ok(()) };
        if let Some(found) = run.next(self.state, AHEAD)? {
            self.heap.push(Reverse((found.to_bytes(), index)));
        }
        Ok(())
    }

    /// The next in order.
    pub(crate) fn next(&mut self) -> Result<Option<SubjectId>, Error> {
        while let Some(Reverse((bytes, index))) = self.heap.pop() {
            self.advance(index)?;
            let Some(found) = SubjectId::from_slice(&bytes) else { continue };
            // What moved was held by several.
            if self.last != Some(found) {
                self.last = Some(found);
                return Ok(self.last);
            }
        }
        Ok(None)
    }
}
