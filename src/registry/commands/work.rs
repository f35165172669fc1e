//! What stands against a work item, and against money that pays for one.

use std::collections::BTreeSet;

use crate::{
    domain::{
        claim::{self, Claim, Settlement, Step},
        content::{Content, Fields},
        timeline::{Presence, Timeline},
        work::{self, FundingSource, WorkContent, WorkItem},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{BuildingId, Kind, SubjectId, WorkId},
        time::{Day, ImpreciseDay},
    },
    registry::{
        commands::{finding::not_exact, other_building::standing_about},
        coverage::unknown_fields,
        error::{Class, Error, Refusal},
        read::At,
        record::Record,
        tx::Tx,
        works::{self, Paid},
    },
};

/// Sources that a refusal tells of.
const TOLD_MAX: usize = 5;

/// What stands against a new work item.
pub(crate) fn new(
    tx: &mut Tx<'_, '_>,
    content: &Content,
    done_on: ImpreciseDay,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Work(said) = &content.fields else { return Ok(()) };
    if said.funding.is_some() {
        let message = "what paid for it is said by FundWork";
        refusals.push(Refusal::of(Class::Invalid, "NOT_HERE", "fields.funding", message));
    }
    let Some(done_on) = done_on.exact() else {
        refusals.push(not_exact());
        return Ok(());
    };
    let Some(building) = said.building.flatten() else { return Ok(()) };
    if let Some(record) = tx.work.known(building.partition(), building.into())?
        && record.timeline.presence(done_on) == Presence::Ended
    {
        let message = format!("{building} was no more on {done_on}");
        refusals.push(Refusal::rule("OBJECT_ABSENT", "fields.building_id", message));
    }
    refusals.extend(cost_nothing(tx, said));
    of_part(tx, said, refusals)?;
    of_building(tx, said.findings(), building, refusals)
}

/// Refuses a cost of nothing on which nobody says a word: what is not known is left out.
fn cost_nothing(tx: &Tx<'_, '_>, said: &WorkContent) -> Option<Refusal> {
    let is_unexplained = said.cost() == Some(Fen::ZERO) && tx.call.reason.is_empty();
    let message = "a cost that is not known is left out; where it cost nothing, say why";
    is_unexplained.then(|| Refusal::rule("COST_NOTHING", "fields.cost_fen", message))
}

/// The part is one that the lists of products name, where there are any.
fn of_part(
    tx: &mut Tx<'_, '_>,
    said: &WorkContent,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let (Some(part), Some(building)) = (said.part.clone().flatten(), said.building.flatten())
    else {
        return Ok(());
    };
    let tables = tx.work.tables(building.partition())?;
    if tables.products().next().is_some() {
        unknown_fields(&tables, Some(&part), None, refusals);
    }
    Ok(())
}

/// The findings are of the building.
fn of_building(
    tx: &mut Tx<'_, '_>,
    findings: &[crate::kernel::id::FindingId],
    building: BuildingId,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    for (index, finding) in findings.iter().enumerate() {
        let id = SubjectId::from(*finding);
        let Some(record) = tx.work.known(id.partition(), id)? else { continue };
        let is_of_building = record
            .timeline
            .contents()
            .any(|(_, content)| content.located_in().contains(&building.into()));
        if record.timeline.registration().is_some() && !is_of_building {
            let message = format!("{id} is not of the building that the work was done on");
            let field = format!("fields.finding_ids[{index}]");
            refusals.push(Refusal::rule("FINDING_OTHER_BUILDING", &field, message));
        }
    }
    Ok(())
}

/// What stands against what is said of a work item, once `after` is its life. A correction is taken as
/// it is: what it contradicts is somebody's to look at.
pub(crate) fn said(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    content: &Content,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Work(said) = &content.fields else { return Ok(()) };
    let Some(item) = work::of_timeline(after, Day::MAX) else { return Ok(()) };
    moved(tx, id, content, after, refusals)?;
    refusals.extend(cost_nothing(tx, said));
    of_part(tx, said, refusals)?;
    if let Some(building) = item.content.building.flatten().filter(|_| said.findings.is_some()) {
        of_building(tx, said.findings(), building, refusals)?;
    }
    if said.funding.is_none() && said.cost.is_none() {
        return Ok(());
    }
    let at = At { day: Day::MAX, known: None };
    let paid = works::paid_for(tx.work, id, &item, at)?;
    let field = if said.funding.is_some() { "funding.amount_fen" } else { "fields.cost_fen" };
    refusals.extend(overfunded(&paid, item.content.cost(), field));
    let Some(funding) = &said.funding else { return Ok(()) };
    if funding.source == FundingSource::Claim {
        let message = "what a claim pays is said by the claim: its payment names the work item";
        refusals.push(Refusal::of(Class::Invalid, "NOT_HERE", "funding.source", message));
    }
    let own = works::said_by(id, after);
    refusals.extend(paid_twice(tx, id, &own, funding.invoice, "funding.invoice_sha256")?);
    Ok(())
}

/// What stands against a payment of a claim by what else was paid.
pub(crate) fn paid_by_claim(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    claim: &Claim,
    step: &Step,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Step::Paid(payment) = step else { return Ok(()) };
    let own = works::said_by(id, after);
    let field = "step.paid.invoice_sha256";
    refusals.extend(paid_twice(tx, id, &own, payment.invoice, field)?);
    let Some(work) = payment.work else { return Ok(()) };
    of_work(tx, id, claim, work, after, refusals)
}

/// Refuses to pay for the repair of a loss without the work item, where there is one on the building: of a
/// finding of the claim, or of the damaged part since the loss. Else nobody who pays for the same work
/// would see this money. What is paid in cash is for no work.
pub(crate) fn unnamed(
    tx: &mut Tx<'_, '_>,
    claim: &Claim,
    field: &str,
) -> Result<Option<Refusal>, Error> {
    let settled = claim.events.iter().rev().find_map(|event| match &event.step {
        Step::Settling(way) if event.out_of_place.is_empty() => Some(*way),
        _ => None,
    });
    let Some(building) = claim.content.building.flatten() else { return Ok(None) };
    if settled != Some(Settlement::Repair) {
        return Ok(None);
    }
    let lost_on = claim.content.lost_on.flatten().unwrap_or(claim.noticed);
    let is_of_it = |_, record: &Record| {
        work::of_timeline(&record.timeline, Day::MAX).is_some_and(|item| {
            let of = &item.content;
            let is_of_finding =
                of.findings().iter().any(|id| claim.content.findings().contains(id));
            let is_of_part = of.part.is_some() && of.part == claim.content.part;
            of.building.flatten() == Some(building)
                && (is_of_finding || (is_of_part && item.done_on >= lost_on))
        })
    };
    let works = standing_about(tx, building, Kind::Work, is_of_it)?;
    let some = works.iter().take(TOLD_MAX).map(ToString::to_string).collect::<Vec<_>>();
    let message = format!(
        "the repair is paid for what was done: name the work item, one of {}, or register that which \
         it was",
        some.join(", ")
    );
    Ok((!works.is_empty()).then(|| Refusal::rule("WORK_NOT_NAMED", field, message)))
}

fn of_work(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    claim: &Claim,
    work: WorkId,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let before = refusals.len();
    let item = of_its_building(tx, claim, Some(work), "step.paid.work_id", refusals)?;
    let Some(item) = item.filter(|_| refusals.len() == before) else { return Ok(()) };
    let work = SubjectId::from(work);
    let at = At { day: Day::MAX, known: None };
    let mut paid = works::paid_for(tx.work, work, &item, at)?;
    // As the claim will be, instead of as it is.
    paid.retain(|paid| paid.by != id);
    paid.extend(works::paid_on(id, after, work));
    refusals.extend(overfunded(&paid, item.content.cost(), "step.paid.amount_fen"));
    Ok(())
}

/// The work item that a payment of a claim names, which was done on the building of the claim.
pub(crate) fn of_its_building(
    tx: &mut Tx<'_, '_>,
    claim: &Claim,
    work: Option<WorkId>,
    field: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<WorkItem>, Error> {
    let Some(work) = work.map(SubjectId::from) else { return Ok(None) };
    // What is not known, or is elsewhere, is told of as a reference.
    let Some(record) = tx.work.known(work.partition(), work)? else { return Ok(None) };
    let Some(item) = work::of_timeline(&record.timeline, Day::MAX) else { return Ok(None) };
    if item.content.building != claim.content.building {
        let message = format!("{work} was done on another building than the claim is of");
        refusals.push(Refusal::rule("WORK_OTHER_BUILDING", field, message));
    }
    Ok(Some(item))
}

/// What stands against another building of a work item, once `after` is its life: claims that paid for it
/// are of the one that it was done on.
pub(crate) fn moved(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    said: &Content,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Work(said) = &said.fields else { return Ok(()) };
    let Some(item) = work::of_timeline(after, Day::MAX).filter(|_| said.building.is_some()) else {
        return Ok(());
    };
    let at = At { day: Day::MAX, known: None };
    let paid = works::paid_for(tx.work, id, &item, at)?;
    for claim in paid.iter().map(|paid| paid.by).filter(|by| *by != id).collect::<BTreeSet<_>>() {
        let Some(record) = tx.work.known(claim.partition(), claim)? else { continue };
        let claim_of = claim::of_timeline(&record.timeline, Day::MAX);
        let building = claim_of.and_then(|claim| claim.content.building.flatten());
        if building != item.content.building.flatten() {
            let message = format!("{claim} paid for it, and is of another building");
            refusals.push(Refusal::rule("WORK_OTHER_BUILDING", "fields.building_id", message));
        }
    }
    Ok(())
}

/// Refuses more than a work item cost, with what stands against it.
fn overfunded(paid: &[Paid], cost: Option<Fen>, field: &str) -> Option<Refusal> {
    // What is too much for a cost that is not known yet, nobody can say.
    let cost = cost?;
    let total = works::total(paid);
    if total <= cost {
        return None;
    }
    let mut told: Vec<String> = paid
        .iter()
        .take(TOLD_MAX)
        .map(|paid| format!("{} on {} ({})", paid.funding, paid.on, paid.by))
        .collect();
    if paid.len() > TOLD_MAX {
        told.push(format!("and {} more", paid.len().saturating_sub(TOLD_MAX)));
    }
    let message = format!("{total} yuan would be paid for what cost {cost}: {}", told.join(", "));
    Some(Refusal::rule("OVERFUNDED", field, message))
}

/// Refuses an invoice that is paid already, by whatever it is.
fn paid_twice(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    own: &[Paid],
    invoice: Option<Hash>,
    field: &str,
) -> Result<Option<Refusal>, Error> {
    let Some(invoice) = invoice else { return Ok(None) };
    let others = works::paying(tx.work, id.partition(), invoice, id)?;
    let of_same = own.iter().filter(|paid| paid.funding.invoice == Some(invoice));
    // The last of its own is the one that is said now.
    let own_before = of_same.rev().skip(1);
    let Some(before) = others.iter().chain(own_before).next() else { return Ok(None) };
    let message = format!(
        "the invoice is paid already: {} on {} ({}, entry {})",
        before.funding, before.on, before.by, before.entry
    );
    Ok(Some(Refusal::rule("INVOICE_PAID_TWICE", field, message)))
}
