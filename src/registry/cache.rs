//! Totals that were read before, carried along with every commit.
//!
//! A remembered total is good as long as nothing has landed on its node since it was read. What a
//! group lands is noted before the group becomes visible, so that nobody is told the old total with
//! the new position; once it is visible, what landed is added, and the total is good again.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use crate::{
    domain::totals::Amounts,
    kernel::{id::SubjectId, position::Seq, time::Day},
};

/// Nodes remembered at most.
const NODES_MAX: usize = 100_000;

/// What landed on nodes in a group: by node and valid day.
pub(crate) type Landed = BTreeMap<SubjectId, BTreeMap<Day, Amounts>>;

/// What is remembered of a node.
#[derive(Debug)]
struct Remembered {
    day: Day,
    /// The entry with which the amounts were read.
    seq: Seq,
    amounts: Amounts,
}

#[derive(Debug, Default)]
struct Nodes {
    totals: BTreeMap<SubjectId, Remembered>,
    /// The last entry with which something landed.
    landed: BTreeMap<SubjectId, Seq>,
}

/// The remembered totals.
#[derive(Debug, Default)]
pub(crate) struct TotalsCache(RwLock<Nodes>);

impl TotalsCache {
    /// The totals of a node on a day, when they are good.
    pub(crate) fn get(&self, node: SubjectId, day: Day) -> Option<Amounts> {
        let nodes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = nodes.totals.get(&node)?;
        let landed = nodes.landed.get(&node).copied().unwrap_or(0);
        (known.day == day && known.seq >= landed).then(|| known.amounts.clone())
    }

    /// Remembers what was read with an entry.
    pub(crate) fn put(&self, node: SubjectId, day: Day, seq: Seq, amounts: Amounts) {
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if nodes.totals.get(&node).is_some_and(|known| known.seq > seq) {
            return;
        }
        if nodes.totals.len() >= NODES_MAX {
            nodes.totals.clear();
        }
        nodes.totals.insert(node, Remembered { day, seq, amounts });
    }

    /// Says that with entry `seq` something will land on these nodes; gives what was good before.
    pub(crate) fn will_land(&self, landed: &Landed, seq: Seq) -> Vec<(SubjectId, Seq)> {
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        landed.keys().map(|node| (*node, nodes.landed.insert(*node, seq).unwrap_or(0))).collect()
    }

    /// Adds what landed, now that it is visible.
    pub(crate) fn has_landed(&self, landed: &Landed, before: &[(SubjectId, Seq)], seq: Seq) {
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (node, last) in before {
            let (Some(known), Some(days)) = (nodes.totals.get_mut(node), landed.get(node)) else {
                continue;
            };
            // Somebody has read it anew meanwhile, or it was not good before either.
            if known.seq >= seq || known.seq < *last {
                continue;
            }
            for (_, amounts) in days.range(..=known.day) {
                known.amounts.add_all(amounts, 1);
            }
            known.seq = seq;
        }
    }
}
