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
    registry::{error::Error, space::child_prefix, state::State, subjects::Subjects},
};

/// Holders of one list at most. Below a region with more, going through the partition costs less.
const HOLDERS_MAX: usize = 4_096;

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
