//! Work items with everything that paid for them: what is said of the work, and the payments of claims
//! that name it.

use std::collections::BTreeSet;

use crate::{
    domain::{
        claim::{self, Step},
        content::{Content, Fields},
        timeline::Timeline,
        work::{self, Funding, FundingSource, WorkItem},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{Kind, SubjectId},
        position::{Partition, Seq},
        time::Day,
    },
    registry::{
        case::{Contradiction, Found},
        error::Error,
        history::timeline_at,
        read::At,
        space::{Space, child_prefix, key},
        state::State,
        subjects::Subjects,
        work::Work,
    },
};

/// Something that paid for a work item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// What says so: the work item itself, or a claim.
    pub by: SubjectId,
    /// The entry that made its place.
    pub entry: Seq,
    /// The day.
    pub on: Day,
    /// How much, whose, and for which invoice.
    pub funding: Funding,
}

/// A work item as it is answered.
#[derive(Clone, Debug)]
pub struct WorkSeen {
    /// As it stands on the day of the read.
    pub item: WorkItem,
    /// Everything that paid for it by then.
    pub paid: Vec<Paid>,
}

impl WorkSeen {
    /// What was paid in all.
    pub fn total(&self) -> Fen {
        total(&self.paid)
    }
}

/// What was paid in all.
pub(crate) fn total(paid: &[Paid]) -> Fen {
    Fen::total(paid.iter().map(|paid| paid.funding.amount))
}

/// How a subject that is a work item stands; `None` for any other.
pub(crate) fn seen(
    state: &dyn State,
    id: SubjectId,
    life: &Timeline,
    content: &Content,
    at: At,
) -> Result<Option<Box<WorkSeen>>, Error> {
    if !matches!(content.fields, Fields::Work(_)) {
        return Ok(None);
    }
    let Some(item) = work::of_timeline(life, at.day) else { return Ok(None) };
    let paid = paid_for(state, id, &item, at)?;
    Ok(Some(Box::new(WorkSeen { item, paid })))
}

/// Everything that paid for a work item by a day, as is known.
pub(crate) fn paid_for(
    state: &dyn State,
    id: SubjectId,
    item: &WorkItem,
    at: At,
) -> Result<Vec<Paid>, Error> {
    let partition = id.partition();
    let own = item.funded.iter().map(|funded| Paid {
        by: id,
        entry: funded.seq,
        on: funded.on,
        funding: funded.funding.clone(),
    });
    let mut paid: Vec<Paid> = own.collect();
    let mut claims = Subjects::below(child_prefix(partition, id, Kind::Claim));
    while let Some(claim) = claims.next(state)? {
        let Some(life) = timeline_at(state, partition, claim, at.known)? else { continue };
        let payments = payments(claim, &life, at.day);
        paid.extend(payments.into_iter().filter(|(of, _)| *of == Some(id)).map(|(_, paid)| paid));
    }
    paid.sort_by_key(|paid| (paid.on, paid.entry));
    Ok(paid)
}

/// The payments of a claim, each with the work item that it names.
fn payments(id: SubjectId, life: &Timeline, day: Day) -> Vec<(Option<SubjectId>, Paid)> {
    let Some(claim) = claim::of_timeline(life, day) else { return Vec::new() };
    let events = claim.events.iter().filter(|event| event.out_of_place.is_empty());
    let paid = events.filter_map(|event| {
        let Step::Paid(payment) = &event.step else { return None };
        let funding = Funding {
            source: FundingSource::Claim,
            amount: payment.amount,
            reference: payment.to.0.clone(),
            invoice: payment.invoice,
        };
        let paid = Paid { by: id, entry: event.seq, on: event.on, funding };
        Some((payment.work.map(SubjectId::from), paid))
    });
    paid.collect()
}

/// What a claim paid for a work item, by a life of the claim.
pub(crate) fn paid_on(id: SubjectId, life: &Timeline, work: SubjectId) -> Vec<Paid> {
    let payments = payments(id, life, Day::MAX).into_iter();
    payments.filter(|(of, _)| *of == Some(work)).map(|(_, paid)| paid).collect()
}

/// All that a subject says was paid.
pub(crate) fn said_by(id: SubjectId, life: &Timeline) -> Vec<Paid> {
    match id.kind() {
        Kind::Claim => payments(id, life, Day::MAX).into_iter().map(|(_, paid)| paid).collect(),
        Kind::Work => {
            let item = work::of_timeline(life, Day::MAX);
            let funded = item.into_iter().flat_map(|item| item.funded);
            let paid = funded.map(|funded| Paid {
                by: id,
                entry: funded.seq,
                on: funded.on,
                funding: funded.funding,
            });
            paid.collect()
        }
        _ => Vec::new(),
    }
}

/// The begin of the keys of who ever paid an invoice.
fn invoice_key(partition: Partition, invoice: Hash) -> Vec<u8> {
    let mut key = key(partition, Space::Invoice);
    key.extend_from_slice(&invoice.0);
    key
}

/// The invoices that a content names.
fn invoice_of(content: &Content) -> Option<Hash> {
    match &content.fields {
        Fields::Claim(claim) => match &claim.step.as_ref()?.step {
            Step::Paid(payment) => payment.invoice,
            _ => None,
        },
        Fields::Work(work) => work.funding.as_ref()?.invoice,
        _ => None,
    }
}

/// Notes who pays an invoice: ever.
pub(crate) fn index(work: &mut Work<'_>, partition: Partition, id: SubjectId, content: &Content) {
    if let Some(invoice) = invoice_of(content) {
        let mut key = invoice_key(partition, invoice);
        key.extend_from_slice(&id.to_bytes());
        work.put(key, Some(Vec::new()));
    }
}

/// Everything that pays an invoice, as is known now, but for what `but` says.
pub(crate) fn paying(
    state: &dyn State,
    partition: Partition,
    invoice: Hash,
    but: SubjectId,
) -> Result<Vec<Paid>, Error> {
    let mut found = Vec::new();
    let mut payers = Subjects::below(invoice_key(partition, invoice));
    while let Some(id) = payers.next(state)? {
        if id == but {
            continue;
        }
        let Some(life) = timeline_at(state, partition, id, None)? else { continue };
        let said = said_by(id, &life).into_iter();
        found.extend(said.filter(|paid| paid.funding.invoice == Some(invoice)));
    }
    Ok(found)
}

/// Who else ever paid an invoice that a life names, now or before, and the work items that it names.
pub(crate) fn beside(
    state: &dyn State,
    partition: Partition,
    lives: [&Timeline; 2],
) -> Result<BTreeSet<SubjectId>, Error> {
    let mut found = BTreeSet::new();
    for (_, content) in lives.into_iter().flat_map(Timeline::contents) {
        if let Some(invoice) = invoice_of(content) {
            let mut payers = Subjects::below(invoice_key(partition, invoice));
            while let Some(id) = payers.next(state)? {
                found.insert(id);
            }
        }
        if let Fields::Claim(claim) = &content.fields
            && let Some(Step::Paid(payment)) = claim.step.as_ref().map(|told| &told.step)
        {
            found.extend(payment.work.map(SubjectId::from));
        }
    }
    Ok(found)
}

/// What contradicts a work item or a claim by what it says was paid: more than the work cost, or an
/// invoice that something else pays as well. Of two that pay one invoice the younger is in doubt.
pub(crate) fn contradictions(
    state: &dyn State,
    id: SubjectId,
    life: &Timeline,
) -> Result<Vec<Found>, Error> {
    let partition = id.partition();
    let mut found = Vec::new();
    if id.kind() == Kind::Work
        && let Some(item) = work::of_timeline(life, Day::MAX)
    {
        let paid = paid_for(state, id, &item, At { day: Day::MAX, known: None })?;
        if item.content.cost().is_some_and(|cost| total(&paid) > cost) {
            let own = paid.iter().filter(|paid| paid.by == id);
            let says_cost = life.contents().filter(|(_, content)| match &content.fields {
                Fields::Work(work) => work.cost.is_some(),
                _ => false,
            });
            let mut doubts: Vec<Seq> = own.map(|paid| paid.entry).collect();
            doubts.extend(says_cost.map(|(statement, _)| statement.seq));
            let claim = paid.iter().find(|paid| paid.by != id).map(|paid| paid.by);
            let what = Contradiction::Overfunded;
            let detail = String::new();
            found.push(Found { what, other: claim, doubts, detail, days: None });
        }
    }
    let said = said_by(id, life);
    let mut seen: Vec<Hash> = Vec::new();
    for paid in &said {
        let Some(invoice) = paid.funding.invoice.filter(|invoice| !seen.contains(invoice)) else {
            continue;
        };
        seen.push(invoice);
        let of_same = |other: &&Paid| other.funding.invoice == Some(invoice);
        let own: Vec<Seq> = said.iter().filter(of_same).map(|paid| paid.entry).collect();
        let others = paying(state, partition, invoice, id)?;
        let older = others.iter().map(|paid| paid.by).filter(|other| *other < id).min();
        if older.is_some() || own.len() > 1 {
            found.push(Found {
                what: Contradiction::InvoicePaidTwice,
                other: older,
                doubts: own,
                detail: invoice.to_string(),
                days: None,
            });
        }
    }
    Ok(found)
}
