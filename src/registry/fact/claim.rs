//! The stored form of what is said of insurance claims.

use crate::{
    domain::{
        claim::{ClaimContent, Payment, Settlement, Step, Told},
        content::Said,
        finding::PartyKey,
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::SubjectId,
        time::{Answer, Day},
    },
    proto::fact as stored,
    registry::fact::{
        Known, Unknown, bytes,
        checkup::{put_person, read_person},
    },
};

/// Writes the fields of a claim.
pub(super) fn put(claim: ClaimContent, unknown: &mut Unknown) -> stored::ClaimContent {
    stored::ClaimContent {
        building: unknown.put(1, claim.building, |id| bytes(id.into())),
        unit: unknown.put(2, claim.unit, |id| bytes(id.into())),
        policy: unknown.put(3, claim.policy, |id| bytes(id.into())),
        cover: unknown.put(4, claim.cover, |text| text),
        part: unknown.put(5, claim.part, |text| text),
        cause: unknown.put(6, claim.cause, |text| text),
        lost_on: unknown.put(7, claim.lost_on, Day::number),
        claimant: unknown.put(8, claim.claimant, |text| text),
        number: unknown.put(9, claim.number, |text| text),
        event: unknown.put(10, claim.event, |text| text),
        household: unknown.put(11, claim.household, |text| text),
        person: unknown.put(12, claim.person, |text| text),
        claimed: unknown.put(13, claim.claimed, Fen::count),
        findings: unknown.put(14, claim.findings, put_subjects),
        reports: unknown.put(15, claim.reports, put_subjects),
        step: claim.step.map(put_step),
    }
}

/// Reads the fields of a claim.
pub(super) fn read(claim: stored::ClaimContent, known: &Known) -> Option<ClaimContent> {
    Some(ClaimContent {
        building: known.id(1, claim.building)?,
        unit: known.id(2, claim.unit)?,
        policy: known.id(3, claim.policy)?,
        cover: known.get(4, claim.cover, Some)?,
        part: known.get(5, claim.part, Some)?,
        cause: known.get(6, claim.cause, Some)?,
        lost_on: known.get(7, claim.lost_on, Day::from_number)?,
        claimant: known.get(8, claim.claimant, Some)?,
        number: known.get(9, claim.number, Some)?,
        event: known.get(10, claim.event, Some)?,
        household: known.get(11, claim.household, Some)?,
        person: known.get(12, claim.person, Some)?,
        claimed: known.get(13, claim.claimed, Fen::new)?,
        findings: read_subjects(known, 14, claim.findings)?,
        reports: read_subjects(known, 15, claim.reports)?,
        step: match claim.step {
            Some(step) => Some(read_step(step)?),
            None => None,
        },
    })
}

fn put_subjects<T: Into<SubjectId>>(list: Vec<T>) -> stored::Subjects {
    stored::Subjects { values: list.into_iter().map(|id| bytes(id.into())).collect() }
}

fn read_subjects<T: TryFrom<SubjectId>>(
    known: &Known,
    number: u32,
    list: Option<stored::Subjects>,
) -> Option<Said<Vec<T>>> {
    known.get(number, list, |list| {
        list.values.iter().map(|id| SubjectId::from_slice(id)?.try_into().ok()).collect()
    })
}

const fn answer_number(answer: Answer) -> u32 {
    match answer {
        Answer::Yes => 1,
        Answer::No => 2,
        Answer::Unknown => 3,
    }
}

fn put_amount(amount: Fen, party: PartyKey) -> stored::ClaimAmount {
    stored::ClaimAmount { amount: amount.count(), party: party.0 }
}

fn put_step(told: Told) -> stored::ClaimStep {
    use stored::claim_step::Step as Stored;
    let plain = stored::Plain {};
    let step = match told.step {
        Step::Registered => Stored::Registered(plain),
        Step::CoverageChecked { answer, against } => {
            Stored::CoverageChecked(stored::CoverageChecked {
                answer: answer_number(answer),
                against,
            })
        }
        Step::Surveyed { assessed } => Stored::Surveyed(assessed.count()),
        Step::Approved { amount } => Stored::Approved(amount.count()),
        Step::Declined { code } => Stored::Declined(code),
        Step::Reserved { amount } => Stored::Reserved(amount.count()),
        Step::Settling(way) => Stored::Settling(way as u32),
        Step::Accepted => Stored::Accepted(plain),
        Step::Paid(payment) => Stored::Paid(stored::ClaimPayment {
            amount: payment.amount.count(),
            to: payment.to.0,
            invoice: payment.invoice.map(|hash| hash.0.to_vec()),
            work: payment.work.map(|id| bytes(id.into())),
        }),
        Step::Recovered { amount, from } => Stored::Recovered(put_amount(amount, from)),
        Step::Closed => Stored::Closed(plain),
        Step::Withdrawn => Stored::Withdrawn(plain),
        Step::Disputed => Stored::Disputed(plain),
        Step::Appraised { amount, by } => Stored::Appraised(put_amount(amount, by)),
        Step::Reopened => Stored::Reopened(plain),
    };
    stored::ClaimStep {
        by: Some(put_person(told.by)),
        step: Some(step),
        corrected_by: told.corrected_by.into_iter().map(put_person).collect(),
    }
}

fn read_step(told: stored::ClaimStep) -> Option<Told> {
    use stored::claim_step::Step as Stored;
    let step = match told.step? {
        Stored::Registered(_) => Step::Registered,
        Stored::CoverageChecked(checked) => {
            let answers = [Answer::Yes, Answer::No, Answer::Unknown];
            let answer = answers.into_iter().find(|it| answer_number(*it) == checked.answer)?;
            Step::CoverageChecked { answer, against: checked.against }
        }
        Stored::Surveyed(fen) => Step::Surveyed { assessed: Fen::new(fen)? },
        Stored::Approved(fen) => Step::Approved { amount: Fen::new(fen)? },
        Stored::Declined(code) => Step::Declined { code },
        Stored::Reserved(fen) => Step::Reserved { amount: Fen::new(fen)? },
        Stored::Settling(way) => Step::Settling(Settlement::from_number(way)?),
        Stored::Accepted(_) => Step::Accepted,
        Stored::Paid(payment) => Step::Paid(Payment {
            amount: Fen::new(payment.amount)?,
            to: PartyKey(payment.to),
            invoice: match payment.invoice {
                Some(hash) => Some(Hash::from_slice(&hash)?),
                None => None,
            },
            work: match payment.work {
                Some(id) => Some(SubjectId::from_slice(&id)?.try_into().ok()?),
                None => None,
            },
        }),
        Stored::Recovered(stored::ClaimAmount { amount, party }) => {
            Step::Recovered { amount: Fen::new(amount)?, from: PartyKey(party) }
        }
        Stored::Closed(_) => Step::Closed,
        Stored::Withdrawn(_) => Step::Withdrawn,
        Stored::Disputed(_) => Step::Disputed,
        Stored::Appraised(stored::ClaimAmount { amount, party }) => {
            Step::Appraised { amount: Fen::new(amount)?, by: PartyKey(party) }
        }
        Stored::Reopened(_) => Step::Reopened,
    };
    let corrected_by = told.corrected_by.into_iter().map(read_person).collect();
    Some(Told { step, by: read_person(told.by?), corrected_by })
}
