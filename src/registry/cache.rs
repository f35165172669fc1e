//! Totals of today that were read before: valid as long as nothing new is durable in the partition.

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

/// What was read, for which day and with which last entry.
#[derive(Debug, Default)]
pub(crate) struct TotalsCache(RwLock<BTreeMap<SubjectId, (Day, Seq, Amounts)>>);

impl TotalsCache {
    /// The totals of a node on a day as of an entry.
    pub(crate) fn get(&self, node: SubjectId, day: Day, seq: Seq) -> Option<Amounts> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (at, read, amounts) = known.get(&node)?;
        (*at == day && *read == seq).then(|| amounts.clone())
    }

    /// Remembers them.
    pub(crate) fn put(&self, node: SubjectId, day: Day, seq: Seq, amounts: Amounts) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NODES_MAX {
            known.clear();
        }
        known.insert(node, (day, seq, amounts));
    }
}
