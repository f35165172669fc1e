//! Lists of what lies below a region, found by going down instead of through the whole partition.
//!
//! A community has some hundreds of buildings, and its city a million. So the holders below the
//! region are looked up first, and what was ever theirs is read from each side by side, in the
//! order of ids. Keys of what was ever held only propose: whether a row belongs there on the day
//! and as known then is for the caller of the walk to say.

use std::collections::BTreeSet;

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        position::Partition,
    },
    registry::{
        error::Error, merged::Merged, space::child_prefix, state::State, subjects::Subjects,
    },
};

/// Holders of one list at most. Below a region with more, going through the partition costs less.
const HOLDERS_MAX: usize = 4_096;

/// What can be directly below a subject of a kind, on the way to `wanted`.
fn steps(holder: Kind, wanted: Kind) -> &'static [Kind] {
    match (holder, wanted) {
        (Kind::Region, Kind::Compound) => &[Kind::Region],
        (Kind::Region, Kind::Building) => &[Kind::Region, Kind::Compound],
        (
            Kind::Region,
            Kind::Unit | Kind::Order | Kind::Report | Kind::Finding | Kind::Claim | Kind::Work,
        ) => &[Kind::Region, Kind::Compound, Kind::Building],
        (
            Kind::Compound,
            Kind::Unit | Kind::Order | Kind::Report | Kind::Finding | Kind::Claim | Kind::Work,
        ) => &[Kind::Building],
        _ => &[],
    }
}

/// Whether subjects of a kind are held by others of this kind.
fn holds(holder: Kind, wanted: Kind) -> bool {
    match wanted {
        Kind::Compound => holder == Kind::Region,
        Kind::Building => matches!(holder, Kind::Region | Kind::Compound),
        Kind::Unit | Kind::Order | Kind::Report | Kind::Finding | Kind::Claim | Kind::Work => {
            holder == Kind::Building
        }
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
            let mut children = Subjects::below(child_prefix(partition, holder, *kind));
            while let Some(found) = children.next(state)? {
                if seen.insert(found) {
                    next.push(found);
                }
                if seen.len() > HOLDERS_MAX {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(seen.into_iter().filter(|holder| holds(holder.kind(), wanted)).collect()))
}

/// What may be below some nodes of one partition, of one kind, in the order of ids.
pub(crate) enum Held<'l> {
    /// Everything of the kind in the partition.
    All(Subjects),
    /// What was ever directly below any of the holders.
    Below {
        /// The lists of the holders.
        lists: Merged<'l>,
        /// The kind, which stands before the places.
        kind: Kind,
        /// The last one: what moved was held by several.
        last: Option<SubjectId>,
    },
}

impl<'l> Held<'l> {
    /// Those behind an id.
    pub(crate) fn new(
        state: &'l dyn State,
        partition: Partition,
        nodes: &[SubjectId],
        kind: Kind,
        behind: Option<SubjectId>,
    ) -> Result<Self, Error> {
        let Some(holders) = holders_of(state, partition, nodes, kind)? else {
            return Ok(Self::All(Subjects::of_kind(partition, kind).behind(behind)));
        };
        let bytes = behind.map(SubjectId::to_bytes);
        // Behind the kind, which is part of the prefix.
        let place = bytes.as_ref().and_then(|bytes| bytes.get(1..)).unwrap_or_default();
        let mut lists = Merged::new(state, &|_, _| Ok(true));
        for holder in holders {
            lists.add(&child_prefix(partition, holder, kind), (None, None), place, false)?;
        }
        Ok(Self::Below { lists, kind, last: behind })
    }

    /// The next one.
    pub(crate) fn next(&mut self, state: &dyn State) -> Result<Option<SubjectId>, Error> {
        match self {
            Self::All(subjects) => subjects.next(state),
            Self::Below { lists, kind, last } => {
                while let Some(found) = lists.next()? {
                    let bytes = [&[*kind as u8][..], &found.place].concat();
                    let id = SubjectId::from_slice(&bytes).filter(|id| Some(*id) != *last);
                    if id.is_some() {
                        *last = id;
                        return Ok(id);
                    }
                }
                Ok(None)
            }
        }
    }
}

/// All that may ever have held subjects of a kind below any of some nodes; `None` when these are too
/// many, or the partition's own region is among the nodes.
fn holders_of(
    state: &dyn State,
    partition: Partition,
    nodes: &[SubjectId],
    kind: Kind,
) -> Result<Option<BTreeSet<SubjectId>>, Error> {
    let own = state.meta(partition)?.region.map(SubjectId::from);
    let mut found = BTreeSet::new();
    for node in nodes {
        if Some(*node) == own {
            return Ok(None);
        }
        match holders(state, partition, *node, kind)? {
            Some(holders) => found.extend(holders),
            // It holds them itself.
            None if steps(node.kind(), kind).is_empty() && holds(node.kind(), kind) => {
                found.insert(*node);
            }
            None => return Ok(None),
        }
        if found.len() > HOLDERS_MAX {
            return Ok(None);
        }
    }
    Ok(Some(found))
}
