//! Samples of what is said about insurance claims and work items, with everything in it that it can have.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use anju::{
    domain::{
        author::Author,
        claim::{ClaimContent, Payment, Settlement, Step, Told},
        content::{Content, Fields},
        finding::PartyKey,
        work::{Funding, FundingSource, WorkContent},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{Kind, RawId, SubjectId},
        position::Partition,
        time::Answer,
    },
    registry::{Body, Fact},
};

fn raw(number: u64) -> RawId {
    RawId::new(1_764_000_000_000, Partition::new(3).unwrap(), number)
}

fn id<T: TryFrom<SubjectId>>(kind: Kind, number: u64) -> T {
    T::try_from(SubjectId::new(kind, raw(number))).ok().unwrap()
}

fn by(subject: &str) -> Author {
    Author {
        subject: subject.to_owned(),
        person: "person-7".to_owned(),
        role: "insurer".to_owned(),
        institution: "EXAMPLE-A".to_owned(),
    }
}

fn fen(count: u64) -> Fen {
    Fen::new(count).unwrap()
}

fn steps() -> Vec<Step> {
    let party = || PartyKey("party-1".to_owned());
    vec![
        Step::Registered,
        Step::CoverageChecked { answer: Answer::Yes, against: Vec::new() },
        Step::CoverageChecked { answer: Answer::No, against: vec!["AFTER_COVER".to_owned()] },
        Step::CoverageChecked { answer: Answer::Unknown, against: Vec::new() },
        Step::Surveyed { assessed: fen(1) },
        Step::Approved { amount: fen(2) },
        Step::Declined { code: "EXCLUDED".to_owned() },
        Step::Reserved { amount: fen(3) },
        Step::Settling(Settlement::Repair),
        Step::Settling(Settlement::Cash),
        Step::Accepted,
        Step::Paid(Payment {
            amount: fen(4),
            to: party(),
            invoice: Some(Hash([7; 32])),
            work: Some(id(Kind::Work, 12)),
        }),
        Step::Paid(Payment { amount: fen(5), to: party(), invoice: None, work: None }),
        Step::Recovered { amount: fen(6), from: party() },
        Step::Closed,
        Step::Withdrawn,
        Step::Disputed,
        Step::Appraised { amount: fen(7), by: party() },
        Step::Reopened,
    ]
}

/// One of everything.
pub(crate) fn facts() -> Vec<(String, Body)> {
    let plain = |fact| Body { fact, overridden: Vec::new(), source_row: None };
    let text = |text: &str| Some(Some(text.to_owned()));
    let subject = SubjectId::new(Kind::Claim, raw(9));
    let mut content = Content::empty(Kind::Claim);
    content.fields = Fields::Claim(Box::new(ClaimContent {
        building: Some(Some(id(Kind::Building, 5))),
        unit: Some(Some(id(Kind::Unit, 6))),
        policy: Some(Some(id(Kind::Policy, 7))),
        cover: text("WTR"),
        part: text("WATERPROOFING"),
        cause: text("LATENT_DEFECT"),
        lost_on: Some(Some("2026-03-01".parse().unwrap())),
        claimant: text("owner-7"),
        number: text("C-1"),
        event: text("storm-3"),
        household: text("household-7"),
        person: Some(None),
        claimed: Some(Some(fen(8))),
        findings: Some(Some(vec![id(Kind::Finding, 10)])),
        reports: Some(Some(vec![id(Kind::Report, 11)])),
        step: None,
    }));
    let exists_from = "2026-03-05".parse().unwrap();
    let registered = plain(Fact::Registered { subject, exists_from, content });
    let mut facts = vec![("registered claim".to_owned(), registered)];
    for step in steps() {
        let name = format!("changed claim {step}");
        let corrected_by = vec![by("another-system")];
        let step = Some(Told { step, by: by("insurer-system"), corrected_by });
        let fields = Fields::Claim(Box::new(ClaimContent { step, ..ClaimContent::default() }));
        let content = Content { fields, ..Content::empty(Kind::Claim) };
        facts.push((name, plain(Fact::Changed { subject, content })));
    }
    facts.extend(works());
    facts
}

fn works() -> Vec<(String, Body)> {
    let plain = |fact| Body { fact, overridden: Vec::new(), source_row: None };
    let text = |text: &str| Some(Some(text.to_owned()));
    let subject = SubjectId::new(Kind::Work, raw(9));
    let mut content = Content::empty(Kind::Work);
    content.fields = Fields::Work(Box::new(WorkContent {
        building: Some(Some(id(Kind::Building, 5))),
        part: text("WATERPROOFING"),
        done: text("屋面翻新"),
        cost: Some(Some(fen(8_000_000))),
        findings: Some(Some(vec![id(Kind::Finding, 10)])),
        funding: None,
    }));
    let exists_from = "2026-05-20".parse().unwrap();
    let registered = plain(Fact::Registered { subject, exists_from, content });
    let mut facts = vec![("registered work".to_owned(), registered)];
    for source in FundingSource::ALL {
        let name = format!("changed work {}", source.word());
        let invoice = (source != FundingSource::Owner).then_some(Hash([6; 32]));
        let funding =
            Funding { source, amount: fen(9), reference: "account-7".to_owned(), invoice };
        let funding = Some(funding);
        let fields = Fields::Work(Box::new(WorkContent { funding, ..WorkContent::default() }));
        let content = Content { fields, ..Content::empty(Kind::Work) };
        facts.push((name, plain(Fact::Changed { subject, content })));
    }
    facts
}
