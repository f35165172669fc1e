//! Samples of what is said about check-ups, with everything in it that it can have.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use anju::{
    domain::{
        author::Author,
        content::{Content, Fields},
        cycle::Payer,
        finding::{
            FindingContent, Measure, Observation, PartyKey, Place, Saying, Source, Told,
            catalogue::Severity,
        },
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        key::ProjectKey,
        qualification::{CompanyKey, Concern, Employment, Interest, Period, Qualification},
        report::{Document, Judgement, ReportKind, Signatures},
    },
    kernel::{
        hash::Hash,
        id::{Kind, RawId, SubjectId},
        position::Partition,
    },
    registry::{Body, Fact},
};

fn raw(number: u64) -> RawId {
    RawId::new(1_764_000_000_000, Partition::new(3).unwrap(), number)
}

fn id<T: TryFrom<SubjectId>>(kind: Kind, number: u64) -> T {
    T::try_from(SubjectId::new(kind, raw(number))).ok().unwrap()
}

fn by() -> Author {
    Author {
        subject: "body-system".to_owned(),
        person: "person-7".to_owned(),
        role: "inspection_body".to_owned(),
        institution: "body-1".to_owned(),
    }
}

fn period(from: &str, until: Option<&str>) -> Period {
    Period { from: from.parse().unwrap(), until: until.map(|until| until.parse().unwrap()) }
}

fn qualifications() -> Vec<Qualification> {
    vec![Qualification {
        scope: "structure".to_owned(),
        certificate: "C-1".to_owned(),
        period: period("2020-01-01", Some("2027")),
        suspensions: vec![period("2022-03-01", Some("2022-04-30")), period("2025", None)],
    }]
}

fn interests() -> Vec<Interest> {
    vec![
        Interest {
            concern: Concern::Building(id(Kind::Building, 5)),
            period: period("2019", None),
        },
        Interest {
            concern: Concern::Company(CompanyKey("firm-3".to_owned())),
            period: period("unknown", Some("2021")),
        },
    ]
}

fn actors() -> Vec<(&'static str, Content)> {
    let mut body = Content::empty(Kind::Body);
    if let Fields::Body(fields) = &mut body.fields {
        fields.region = Some(Some(id(Kind::Region, 2)));
        fields.name = Some(Some("示例检测公司".to_owned()));
        fields.company = Some(None);
        fields.qualifications = Some(Some(qualifications()));
        fields.interests = Some(Some(interests()));
    }
    let mut signer = Content::empty(Kind::Signer);
    if let Fields::Signer(fields) = &mut signer.fields {
        fields.region = Some(Some(id(Kind::Region, 2)));
        fields.qualifications = Some(Some(qualifications()));
        fields.employments = Some(Some(vec![Employment {
            body: id(Kind::Body, 9),
            period: period("2020-01-01", None),
        }]));
        fields.interests = Some(None);
    }
    let mut plan = Content::empty(Kind::Plan);
    if let Fields::Plan(fields) = &mut plan.fields {
        fields.region = Some(Some(id(Kind::Region, 2)));
        fields.year = Some(Some(2026));
        fields.title = Some(Some("示例计划".to_owned()));
        fields.cancelled = Some(Some(false));
    }
    let mut order = Content::empty(Kind::Order);
    if let Fields::Order(fields) = &mut order.fields {
        fields.building = Some(Some(id(Kind::Building, 5)));
        fields.plan = Some(Some(id(Kind::Plan, 9)));
        fields.kind = Some(Some(ReportKind::CheckUp));
        fields.body = Some(Some(id(Kind::Body, 9)));
        fields.deadline = Some(Some("2026-06-30".parse().unwrap()));
        fields.payer = Some(Some(Payer::PublicAccount));
        fields.payment_reference = Some(Some("contract-1".to_owned()));
        fields.cancelled = Some(None);
    }
    let mut reference = Content::empty(Kind::Reference);
    if let Fields::Reference(fields) = &mut reference.fields {
        fields.region = Some(Some(id(Kind::Region, 2)));
        fields.table = Some(Some("findings".to_owned()));
        fields.name = Some(Some("findings".to_owned()));
        fields.edition = Some(Some("2025-example".to_owned()));
        fields.text = Some(Some("name = \"findings\"\n".to_owned()));
    }
    vec![
        ("registered body", body),
        ("registered signer", signer),
        ("registered plan", plan),
        ("registered order", order),
        ("registered reference", reference),
    ]
}

fn report() -> Content {
    let mut report = Content::empty(Kind::Report);
    if let Fields::Report(fields) = &mut report.fields {
        fields.building = Some(Some(id(Kind::Building, 5)));
        fields.order = Some(Some(id(Kind::Order, 9)));
        fields.kind = Some(Some(ReportKind::Appraisal));
        fields.body = Some(Some(id(Kind::Body, 9)));
        fields.grades = Some(Some(vec![Grade {
            ladder: Ladder {
                scale: Scale::DangerousHouse,
                edition: "JGJ125-2016".to_owned(),
                scope: Scope::Building,
                aspect: Aspect::Whole,
            },
            value: "C".to_owned(),
        }]));
        fields.dimensions = Some(Some(vec!["STR".to_owned(), "GAS".to_owned()]));
        fields.triggers_appraisal = Some(Some(true));
        fields.documents = Some(Some(vec![Document {
            sha256: Hash([8; 32]),
            size_bytes: 4_096,
            media_type: "application/pdf".to_owned(),
            uri: "urn:example:1".to_owned(),
        }]));
        fields.companies = Some(Some(vec![CompanyKey("firm-3".to_owned())]));
        let signers = BTreeSet::from([id(Kind::Signer, 9), id(Kind::Signer, 10)]);
        fields.signed = Some(Some(Signatures { signers, scope: "structure".to_owned() }));
        fields.submitted = Some(Some(by()));
        fields.judged = Some(Some(Judgement { is_accepted: true, by: by() }));
        fields.superseded = Some(Some(id(Kind::Report, 11)));
    }
    report
}

fn sayings() -> Vec<Saying> {
    let reason = String::new();
    let party = || PartyKey("firm-3".to_owned());
    let deadline = "2026-09-30".parse().unwrap();
    vec![
        Saying::Observed(Observation {
            source: Source::Insurer,
            observer: party(),
            class: "STR-CRACK".to_owned(),
            severity: Severity::RepairBy,
            place: Place {
                entrance: Some("2".to_owned()),
                floor: Some(-1),
                unit: Some(id(Kind::Unit, 9)),
                part: Some("north façade".to_owned()),
            },
            report: Some(id(Kind::Report, 9)),
        }),
        Saying::Assessed {
            class: "STR-TILT".to_owned(),
            severity: Severity::Unsafe,
            reason: reason.clone(),
        },
        Saying::Notified { deadline: Some(deadline) },
        Saying::Notified { deadline: None },
        Saying::DeadlineMoved { deadline, reason: reason.clone() },
        Saying::Planned { repairer: party() },
        Saying::RepairBegan { repairer: party() },
        Saying::ReportedFixed { repairer: party() },
        Saying::Verified { verifier: party() },
        Saying::VerificationFailed { verifier: party(), reason: reason.clone() },
        Saying::Closed,
        Saying::Monitored,
        Saying::MonitoringEnded,
        Saying::MeasureTaken(Measure::Fence),
        Saying::MeasureLifted(Measure::OutOfUse),
        Saying::Included(ProjectKey(raw(12))),
        Saying::Excluded,
        Saying::ObjectGone { reason: String::new() },
        Saying::Waived { reason: reason.clone() },
        Saying::Reopened { reason },
    ]
}

/// One of everything.
pub(crate) fn facts() -> Vec<(String, Body)> {
    let plain = |fact| Body { fact, overridden: Vec::new(), source_row: None };
    let exists_from = "2026-03-05".parse().unwrap();
    let mut facts = Vec::new();
    let mut contents = actors();
    contents.push(("registered report", report()));
    for (name, content) in contents {
        let subject = SubjectId::new(content.kind(), raw(9));
        let fact = Fact::Registered { subject, exists_from, content };
        facts.push((name.to_owned(), plain(fact)));
    }
    let mut nothing = Content::empty(Kind::Finding);
    if let Fields::Finding(fields) = &mut nothing.fields {
        fields.building = Some(Some(id(Kind::Building, 5)));
    }
    let finding = SubjectId::new(Kind::Finding, raw(9));
    for saying in sayings() {
        let name = format!("changed finding {}", saying.word());
        let event = Some(Told { saying, by: by() });
        let building = Some(Some(id(Kind::Building, 5)));
        let fields = Fields::Finding(Box::new(FindingContent { building, event }));
        let content = Content { fields, ..nothing.clone() };
        facts.push((name, plain(Fact::Changed { subject: finding, content })));
    }
    facts.push((
        "recount step".to_owned(),
        plain(Fact::RecountStep { opened_by: 12, after: Some(id(Kind::Building, 5)), up_to: None }),
    ));
    facts
}
