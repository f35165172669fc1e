//! The stored form of what is said of work items.

use crate::{
    domain::work::{Funding, FundingSource, WorkContent},
    kernel::{fen::Fen, hash::Hash, id::SubjectId},
    proto::fact as stored,
    registry::fact::{Known, Unknown, bytes},
};

/// Writes the fields of a work item.
pub(super) fn put(work: WorkContent, unknown: &mut Unknown) -> stored::WorkContent {
    stored::WorkContent {
        building: unknown.put(1, work.building, |id| bytes(id.into())),
        part: unknown.put(2, work.part, |text| text),
        done: unknown.put(3, work.done, |text| text),
        cost: unknown.put(4, work.cost, Fen::count),
        findings: unknown.put(5, work.findings, |list| stored::Subjects {
            values: list.into_iter().map(|id| bytes(id.into())).collect(),
        }),
        funding: work.funding.map(|funding| stored::Funding {
            source: funding.source as u32,
            amount: funding.amount.count(),
            reference: funding.reference,
            invoice: funding.invoice.map(|hash| hash.0.to_vec()),
        }),
    }
}

/// Reads the fields of a work item.
pub(super) fn read(work: stored::WorkContent, known: &Known) -> Option<WorkContent> {
    Some(WorkContent {
        building: known.id(1, work.building)?,
        part: known.get(2, work.part, Some)?,
        done: known.get(3, work.done, Some)?,
        cost: known.get(4, work.cost, Fen::new)?,
        findings: known.get(5, work.findings, |list| {
            list.values.iter().map(|id| SubjectId::from_slice(id)?.try_into().ok()).collect()
        })?,
        funding: match work.funding {
            Some(funding) => Some(read_funding(funding)?),
            None => None,
        },
    })
}

fn read_funding(funding: stored::Funding) -> Option<Funding> {
    Some(Funding {
        source: FundingSource::from_number(funding.source)?,
        amount: Fen::new(funding.amount)?,
        reference: funding.reference,
        invoice: match funding.invoice {
            Some(hash) => Some(Hash::from_slice(&hash)?),
            None => None,
        },
    })
}
