//! Sweeps: work that one fact causes on many cells, done in journalled steps.
//!
//! When a node gets other parents, the profile of what landed on it moves from the old ancestors to
//! the new ones, month by month. While a sweep is under way, months that are done flow by the new
//! parents and the others by the old ones, so that nothing is counted twice or lost. Cells that move
//! bear the bucket of the entry that opened the sweep, or their own if it is later: as known at any
//! moment after the opening, everything has moved.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    domain::totals::{Landings, Targets},
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, Month},
    },
    registry::{
        entry::Entry,
        error::Error,
        record::{put, read},
        space::{Space, below, key, seq_key},
        state::State,
        totals::{land, profile},
        work::Work,
    },
    store::{Direction, Key},
};

/// Month buckets that one step moves: each touches a few keys at every ancestor.
pub(crate) const STEP_CELLS_MAX: usize = 64;
/// Sweeps listed at once; a command opens at most one for each of its entries.
const SWEEPS_MAX: usize = 4_096;

/// A sweep under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// The entry that opened it.
    pub opened_by: Seq,
    /// The node whose profile moves.
    pub node: SubjectId,
    /// The bucket of the opening entry.
    pub bucket: u32,
    /// Where the node's amounts went before.
    pub old: Targets,
    /// Months up to this one are done.
    pub done: Option<Month>,
}

impl Sweep {
    /// All sweeps of a partition, oldest first.
    pub(crate) fn all(state: &dyn State, partition: Partition) -> Result<Vec<Self>, Error> {
        let range = below(key(partition, Space::Sweep));
        let rows = state.scan(&range, Direction::Up, SWEEPS_MAX)?;
        rows.iter().map(|(_, value)| read(value)).collect()
    }

    /// Whether the sweep changes what a node's totals are on one of these days: it does for all that
    /// the moved node was or is in, from the first day on which that is another. `all` are the
    /// sweeps of the partition; none of another command begins before these have ended.
    ///
    /// What is in the moved node is not concerned: its totals stay as they are.
    pub(crate) fn concerns(
        &self,
        state: &dyn State,
        all: &[Self],
        node: SubjectId,
        days: &[Day],
    ) -> Result<bool, Error> {
        let partition = self.node.partition();
        let new = targets(state, partition, self.node)?;
        let Some(first) = self.old.differ_from(&new) else { return Ok(false) };
        if days.iter().all(|day| *day < first) {
            return Ok(false);
        }
        let mut next = self.old.nodes().chain(new.nodes()).collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        while let Some(above) = next.pop() {
            if above == node {
                return Ok(true);
            }
            if !seen.insert(above) {
                continue;
            }
            next.extend(targets(state, partition, above)?.nodes());
            let moving = all.iter().filter(|sweep| sweep.node == above);
            next.extend(moving.flat_map(|sweep| sweep.old.nodes()));
        }
        Ok(false)
    }

    fn key(partition: Partition, opened_by: Seq, node: SubjectId) -> Key {
        let mut key = seq_key(partition, Space::Sweep, opened_by);
        key.extend_from_slice(&node.to_bytes());
        key
    }
}

/// Where amounts at a node flow on to, as known now.
fn targets(state: &dyn State, partition: Partition, node: SubjectId) -> Result<Targets, Error> {
    let record = state.record(partition, node)?;
    Ok(record.map(|record| Targets::of(&record.timeline)).unwrap_or_default())
}

/// Opens a sweep: the node's parents are other ones from this entry on.
pub(crate) fn open(
    work: &mut Work<'_>,
    entry: &Entry,
    node: SubjectId,
    old: Targets,
) -> Result<(), Error> {
    let partition = entry.partition;
    let bucket = work.head(partition)?.bucket;
    let sweep = Sweep { opened_by: entry.seq, node, bucket, old, done: None };
    work.put(Sweep::key(partition, entry.seq, node), Some(put(&sweep)?));
    let meta = work.meta_mut(partition)?;
    meta.sweep_count += 1;
    // What follows is known later than the opening, and can be told apart by its bucket.
    meta.bucket_closed = true;
    work.sweeps_changed(partition);
    Ok(())
}

/// How far the next step of a sweep goes: `Some(None)` to its end.
pub(crate) fn next_step(
    work: &mut Work<'_>,
    partition: Partition,
    sweep: &Sweep,
    cells_max: usize,
) -> Result<Option<Month>, Error> {
    work.flush()?;
    let rows = profile(work, (partition, sweep.node), sweep.done, None, cells_max + 1)?;
    if rows.len() <= cells_max {
        return Ok(None);
    }
    // Whole months only: up to the month before that of the first row that is too many, unless
    // one month alone fills the step.
    let first = rows.first().map(|row| row.month);
    let beyond = rows.last().map(|row| row.month);
    let up_to = rows.iter().map(|row| row.month).rfind(|month| Some(*month) < beyond);
    Ok(up_to.or(first))
}

/// Does the part of a sweep that a step names.
pub(crate) fn apply_step(
    work: &mut Work<'_>,
    partition: Partition,
    opened_by: Seq,
    node: SubjectId,
    up_to: Option<Month>,
) -> Result<(), Error> {
    let sweeps = work.sweeps(partition)?;
    let Some(sweep) =
        sweeps.iter().find(|sweep| sweep.opened_by == opened_by && sweep.node == node).cloned()
    else {
        return Ok(());
    };
    work.flush()?;
    let new = work.targets(partition, node)?;
    let rows = profile(work, (partition, node), sweep.done, up_to, usize::MAX)?;
    // From here on cells of these months flow by the new parents.
    let key = Sweep::key(partition, opened_by, node);
    if up_to.is_none() {
        work.put(key, None);
        let meta = work.meta_mut(partition)?;
        meta.sweep_count = meta.sweep_count.saturating_sub(1);
    } else {
        let moved = Sweep { done: up_to, ..sweep.clone() };
        work.put(key, Some(put(&moved)?));
    }
    work.sweeps_changed(partition);
    for row in rows {
        let mut landings = Landings::default();
        for (day, amounts) in &row.days {
            new.flow(*day, amounts, 1, &mut landings);
            sweep.old.flow(*day, amounts, -1, &mut landings);
        }
        land(work, partition, landings, row.bucket.max(sweep.bucket))?;
    }
    Ok(())
}
