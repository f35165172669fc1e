//! How far a command may go that is judged row by row.
//!
//! What a caller does not reach is answered as if it were not there, but for what is no secret:
//! that a row is not theirs to send, and that a region lies elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    kernel::id::{RegionId, SubjectId},
    registry::{
        error::{Error, Refusal},
        read::{placed, regions_above},
        tx::Tx,
    },
};

/// The regions that a caller reaches, and what was found to be in them.
pub(crate) struct Within {
    regions: Option<BTreeSet<RegionId>>,
    /// Many rows name the same holder. What is in reach stays there as long as the command lasts:
    /// nothing may be moved out of reach, and nothing out of reach may be moved.
    known: BTreeMap<SubjectId, bool>,
}

impl Within {
    /// These regions and what is below them; `None` for everywhere.
    pub(crate) fn new(regions: Option<BTreeSet<RegionId>>) -> Self {
        Self { regions, known: BTreeMap::new() }
    }

    /// Whether nothing is out of reach.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.regions.is_none()
    }

    /// Whether a subject is in reach, by the tree of now with what the command has done.
    pub(crate) fn reaches(&mut self, tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<bool, Error> {
        let Some(regions) = &self.regions else { return Ok(true) };
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        let today = tx.today();
        let above =
            regions_above(id, |subject| match tx.work.known(subject.partition(), subject)? {
                Some(record) => placed(tx.work, subject, &record, today),
                None => Ok(None),
            })?;
        let is_reached = above.iter().any(|region| regions.contains(region));
        self.known.insert(id, is_reached);
        Ok(is_reached)
    }
}

/// What is told of a row, or of a field of it, that is about what is out of reach.
pub(crate) fn out_of_reach(field: &str, what: &str) -> Refusal {
    let message = format!("{what} is not within the regions of the credential");
    Refusal::rule("OUT_OF_REACH", field, message)
}
