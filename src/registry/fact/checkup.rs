//! The stored form of what is said about check-ups: bodies, signers, plans, orders, reports,
//! findings and the reference data that they are judged by.

use crate::{
    domain::{
        author::Author,
        body::BodyContent,
        content::Fields,
        cycle::Payer,
        finding::{
            FindingContent, Measure, Observation, PartyKey, Place, Saying, Source, Told,
            catalogue::Severity,
        },
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        key::ProjectKey,
        order::OrderContent,
        plan::PlanContent,
        qualification::{CompanyKey, Concern, Employment, Interest, Period, Qualification},
        reference::ReferenceContent,
        report::{Document, Judgement, ReportContent, ReportKind, Signatures},
        signer::SignerContent,
    },
    kernel::{
        hash::Hash,
        id::{RawId, SubjectId},
        time::Day,
    },
    proto::fact as stored,
    registry::fact::{Known, Unknown, bytes, read_span, span},
};

/// Writes the fields of a kind that is not of the spine; `None` for one that is.
pub(super) fn put(fields: Fields, unknown: &mut Unknown) -> Option<stored::content::Content> {
    use stored::content::Content;
    Some(match fields {
        Fields::Body(body) => Content::Body(stored::BodyContent {
            region: unknown.put(1, body.region, |id| bytes(id.into())),
            name: unknown.put(2, body.name, |text| text),
            company: unknown.put(3, body.company, |key| key.0),
            qualifications: unknown.put(4, body.qualifications, put_qualifications),
            interests: unknown.put(5, body.interests, put_interests),
        }),
        Fields::Signer(signer) => Content::Signer(stored::SignerContent {
            region: unknown.put(1, signer.region, |id| bytes(id.into())),
            qualifications: unknown.put(2, signer.qualifications, put_qualifications),
            employments: unknown.put(3, signer.employments, |list| stored::Employments {
                values: list.into_iter().map(put_employment).collect(),
            }),
            interests: unknown.put(4, signer.interests, put_interests),
        }),
        Fields::Plan(plan) => Content::Plan(stored::PlanContent {
            region: unknown.put(1, plan.region, |id| bytes(id.into())),
            year: unknown.put(2, plan.year, u32::from),
            title: unknown.put(3, plan.title, |text| text),
            cancelled: unknown.put(4, plan.cancelled, |is| is),
        }),
        Fields::Order(order) => Content::Order(put_order(order, unknown)),
        Fields::Report(report) => Content::Report(put_report(*report, unknown)),
        Fields::Finding(finding) => Content::Finding(stored::FindingContent {
            building: unknown.put(1, finding.building, |id| bytes(id.into())),
            event: finding.event.map(put_event),
        }),
        Fields::Reference(reference) => Content::Reference(stored::ReferenceContent {
            region: unknown.put(1, reference.region, |id| bytes(id.into())),
            table: unknown.put(2, reference.table, |text| text),
            name: unknown.put(3, reference.name, |text| text),
            edition: unknown.put(4, reference.edition, |text| text),
            text: unknown.put(5, reference.text, |text| text),
        }),
        Fields::Region(_)
        | Fields::Compound(_)
        | Fields::Building(_)
        | Fields::Unit(_)
        | Fields::Policy(_)
        | Fields::Claim(_)
        | Fields::Work(_) => {
            return None;
        }
    })
}

/// Reads the fields of a kind that is not of the spine.
pub(super) fn read(content: stored::content::Content, known: &Known) -> Option<Fields> {
    use stored::content::Content;
    Some(match content {
        Content::Body(body) => Fields::Body(BodyContent {
            region: known.id(1, body.region)?,
            name: known.get(2, body.name, Some)?,
            company: known.get(3, body.company, |key| Some(CompanyKey(key)))?,
            qualifications: known.get(4, body.qualifications, read_qualifications)?,
            interests: known.get(5, body.interests, read_interests)?,
        }),
        Content::Signer(signer) => Fields::Signer(SignerContent {
            region: known.id(1, signer.region)?,
            qualifications: known.get(2, signer.qualifications, read_qualifications)?,
            employments: known.get(3, signer.employments, |list| {
                list.values.into_iter().map(read_employment).collect()
            })?,
            interests: known.get(4, signer.interests, read_interests)?,
        }),
        Content::Plan(plan) => Fields::Plan(PlanContent {
            region: known.id(1, plan.region)?,
            year: known.get(2, plan.year, |year| u16::try_from(year).ok())?,
            title: known.get(3, plan.title, Some)?,
            cancelled: known.get(4, plan.cancelled, Some)?,
        }),
        Content::Order(order) => Fields::Order(read_order(order, known)?),
        Content::Report(report) => Fields::Report(Box::new(read_report(report, known)?)),
        Content::Finding(finding) => Fields::Finding(Box::new(FindingContent {
            building: known.id(1, finding.building)?,
            event: match finding.event {
                Some(event) => Some(read_event(event)?),
                None => None,
            },
        })),
        Content::Reference(reference) => Fields::Reference(ReferenceContent {
            region: known.id(1, reference.region)?,
            table: known.get(2, reference.table, Some)?,
            name: known.get(3, reference.name, Some)?,
            edition: known.get(4, reference.edition, Some)?,
            text: known.get(5, reference.text, Some)?,
        }),
        Content::Region(_)
        | Content::Compound(_)
        | Content::Building(_)
        | Content::Unit(_)
        | Content::Policy(_)
        | Content::Claim(_)
        | Content::Work(_) => {
            return None;
        }
    })
}

fn put_order(order: OrderContent, unknown: &mut Unknown) -> stored::OrderContent {
    stored::OrderContent {
        building: unknown.put(1, order.building, |id| bytes(id.into())),
        plan: unknown.put(2, order.plan, |id| bytes(id.into())),
        kind: unknown.put(3, order.kind, |kind| kind as u32),
        body: unknown.put(4, order.body, |id| bytes(id.into())),
        deadline: unknown.put(5, order.deadline, Day::number),
        payer: unknown.put(6, order.payer, |payer| match payer {
            Payer::PublicAccount => 1,
            Payer::ResponsibleParty => 2,
        }),
        payment_reference: unknown.put(7, order.payment_reference, |text| text),
        cancelled: unknown.put(8, order.cancelled, |is| is),
    }
}

fn read_order(order: stored::OrderContent, known: &Known) -> Option<OrderContent> {
    Some(OrderContent {
        building: known.id(1, order.building)?,
        plan: known.id(2, order.plan)?,
        kind: known.get(3, order.kind, ReportKind::from_number)?,
        body: known.id(4, order.body)?,
        deadline: known.get(5, order.deadline, Day::from_number)?,
        payer: known.get(6, order.payer, |payer| match payer {
            1 => Some(Payer::PublicAccount),
            2 => Some(Payer::ResponsibleParty),
            _ => None,
        })?,
        payment_reference: known.get(7, order.payment_reference, Some)?,
        cancelled: known.get(8, order.cancelled, Some)?,
    })
}

fn put_report(report: ReportContent, unknown: &mut Unknown) -> stored::ReportContent {
    stored::ReportContent {
        building: unknown.put(1, report.building, |id| bytes(id.into())),
        order: unknown.put(2, report.order, |id| bytes(id.into())),
        kind: unknown.put(3, report.kind, |kind| kind as u32),
        body: unknown.put(4, report.body, |id| bytes(id.into())),
        grades: unknown.put(5, report.grades, |grades| stored::Grades {
            values: grades.into_iter().map(put_grade).collect(),
        }),
        dimensions: unknown.put(6, report.dimensions, |values| stored::Strings { values }),
        triggers_appraisal: unknown.put(7, report.triggers_appraisal, |is| is),
        documents: unknown.put(8, report.documents, |documents| stored::Documents {
            values: documents.into_iter().map(put_document).collect(),
        }),
        companies: unknown.put(9, report.companies, |keys| stored::Strings {
            values: keys.into_iter().map(|key| key.0).collect(),
        }),
        signed: unknown.put(10, report.signed, |signed| stored::Signatures {
            signers: signed.signers.into_iter().map(|id| bytes(id.into())).collect(),
            scope: signed.scope,
        }),
        submitted: unknown.put(11, report.submitted, put_person),
        judged: unknown.put(12, report.judged, |judged| stored::Judgement {
            is_accepted: judged.is_accepted,
            by: Some(put_person(judged.by)),
        }),
        superseded: unknown.put(13, report.superseded, |id| bytes(id.into())),
    }
}

fn read_report(report: stored::ReportContent, known: &Known) -> Option<ReportContent> {
    Some(ReportContent {
        building: known.id(1, report.building)?,
        order: known.id(2, report.order)?,
        kind: known.get(3, report.kind, ReportKind::from_number)?,
        body: known.id(4, report.body)?,
        grades: known
            .get(5, report.grades, |grades| grades.values.into_iter().map(read_grade).collect())?,
        dimensions: known.get(6, report.dimensions, |strings| Some(strings.values))?,
        triggers_appraisal: known.get(7, report.triggers_appraisal, Some)?,
        documents: known.get(8, report.documents, |documents| {
            documents.values.into_iter().map(read_document).collect()
        })?,
        companies: known.get(9, report.companies, |strings| {
            Some(strings.values.into_iter().map(CompanyKey).collect())
        })?,
        signed: known.get(10, report.signed, |signed| {
            let signers = signed.signers.iter().map(|id| read_id(id)).collect::<Option<_>>()?;
            Some(Signatures { signers, scope: signed.scope })
        })?,
        submitted: known.get(11, report.submitted, |person| Some(read_person(person)))?,
        judged: known.get(12, report.judged, |judged| {
            Some(Judgement { is_accepted: judged.is_accepted, by: read_person(judged.by?) })
        })?,
        superseded: known.id(13, report.superseded)?,
    })
}

fn read_id<T: TryFrom<SubjectId>>(id: &[u8]) -> Option<T> {
    SubjectId::from_slice(id)?.try_into().ok()
}

fn put_period(period: Period) -> stored::Period {
    stored::Period { from: Some(span(period.from)), until: period.until.map(span) }
}

fn read_period(period: stored::Period) -> Option<Period> {
    let until = match period.until {
        Some(until) => Some(read_span(until)?),
        None => None,
    };
    Some(Period { from: read_span(period.from?)?, until })
}

fn put_qualifications(list: Vec<Qualification>) -> stored::Qualifications {
    let put = |one: Qualification| stored::Qualification {
        scope: one.scope,
        certificate: one.certificate,
        period: Some(put_period(one.period)),
        suspensions: one.suspensions.into_iter().map(put_period).collect(),
    };
    stored::Qualifications { values: list.into_iter().map(put).collect() }
}

fn read_qualifications(list: stored::Qualifications) -> Option<Vec<Qualification>> {
    let read = |one: stored::Qualification| {
        Some(Qualification {
            scope: one.scope,
            certificate: one.certificate,
            period: read_period(one.period?)?,
            suspensions: one.suspensions.into_iter().map(read_period).collect::<Option<_>>()?,
        })
    };
    list.values.into_iter().map(read).collect()
}

fn put_interests(list: Vec<Interest>) -> stored::Interests {
    let put = |one: Interest| stored::Interest {
        concern: Some(match one.concern {
            Concern::Building(id) => stored::interest::Concern::Building(bytes(id.into())),
            Concern::Company(key) => stored::interest::Concern::Company(key.0),
        }),
        period: Some(put_period(one.period)),
    };
    stored::Interests { values: list.into_iter().map(put).collect() }
}

fn read_interests(list: stored::Interests) -> Option<Vec<Interest>> {
    let read = |one: stored::Interest| {
        let concern = match one.concern? {
            stored::interest::Concern::Building(id) => Concern::Building(read_id(&id)?),
            stored::interest::Concern::Company(key) => Concern::Company(CompanyKey(key)),
        };
        Some(Interest { concern, period: read_period(one.period?)? })
    };
    list.values.into_iter().map(read).collect()
}

fn put_employment(one: Employment) -> stored::Employment {
    stored::Employment { body: bytes(one.body.into()), period: Some(put_period(one.period)) }
}

fn read_employment(one: stored::Employment) -> Option<Employment> {
    Some(Employment { body: read_id(&one.body)?, period: read_period(one.period?)? })
}

fn put_grade(grade: Grade) -> stored::Grade {
    stored::Grade {
        scale: grade.ladder.scale as u32,
        edition: grade.ladder.edition,
        scope: grade.ladder.scope as u32,
        aspect: grade.ladder.aspect as u32,
        value: grade.value,
    }
}

fn read_grade(grade: stored::Grade) -> Option<Grade> {
    let ladder = Ladder {
        scale: Scale::from_number(grade.scale)?,
        edition: grade.edition,
        scope: Scope::from_number(grade.scope)?,
        aspect: Aspect::from_number(grade.aspect)?,
    };
    Some(Grade { ladder, value: grade.value })
}

fn put_document(document: Document) -> stored::Document {
    stored::Document {
        sha256: document.sha256.0.to_vec(),
        size_bytes: document.size_bytes,
        media_type: document.media_type,
        uri: document.uri,
    }
}

fn read_document(document: stored::Document) -> Option<Document> {
    Some(Document {
        sha256: Hash::from_slice(&document.sha256)?,
        size_bytes: document.size_bytes,
        media_type: document.media_type,
        uri: document.uri,
    })
}

pub(super) fn put_person(by: Author) -> stored::Person {
    stored::Person {
        subject: by.subject,
        person: by.person,
        role: by.role,
        institution: by.institution,
    }
}

pub(super) fn read_person(by: stored::Person) -> Author {
    Author { subject: by.subject, person: by.person, role: by.role, institution: by.institution }
}

fn put_event(told: Told) -> stored::FindingEvent {
    use stored::finding_event::Saying as Stored;
    let repairing = |repairer: PartyKey| stored::Repairing { repairer: repairer.0 };
    let verifying = |verifier: PartyKey| stored::Verifying { verifier: verifier.0 };
    let plain = stored::Plain {};
    let saying = match told.saying {
        Saying::Observed(seen) => Some(Stored::Observed(put_observation(seen))),
        Saying::Assessed { class, severity, .. } => {
            Some(Stored::Assessed(stored::Assessed { class, severity: severity as u32 }))
        }
        Saying::Notified { deadline } => {
            Some(Stored::Notified(stored::Notified { deadline: deadline.map(Day::number) }))
        }
        Saying::DeadlineMoved { deadline, .. } => {
            Some(Stored::DeadlineMoved(stored::DeadlineMoved { deadline: deadline.number() }))
        }
        Saying::Planned { repairer } => Some(Stored::Planned(repairing(repairer))),
        Saying::RepairBegan { repairer } => Some(Stored::RepairBegan(repairing(repairer))),
        Saying::ReportedFixed { repairer } => Some(Stored::ReportedFixed(repairing(repairer))),
        Saying::Verified { verifier } => Some(Stored::Verified(verifying(verifier))),
        Saying::VerificationFailed { verifier, .. } => {
            Some(Stored::VerificationFailed(verifying(verifier)))
        }
        Saying::Closed => Some(Stored::Closed(plain)),
        Saying::Monitored => Some(Stored::Monitored(plain)),
        Saying::MonitoringEnded => Some(Stored::MonitoringEnded(plain)),
        Saying::MeasureTaken(measure) => Some(Stored::MeasureTaken(measure as u32)),
        Saying::MeasureLifted(measure) => Some(Stored::MeasureLifted(measure as u32)),
        Saying::Included(project) => Some(Stored::Included(project.0.to_bytes().to_vec())),
        Saying::Excluded => Some(Stored::Excluded(plain)),
        Saying::ObjectGone { .. } => Some(Stored::ObjectGone(plain)),
        Saying::Waived { .. } => Some(Stored::Waived(plain)),
        Saying::Reopened { .. } => Some(Stored::Reopened(plain)),
        // An entry that takes back is a fact of its own.
        Saying::Retracted => None,
    };
    stored::FindingEvent { by: Some(put_person(told.by)), saying }
}

fn put_observation(seen: Observation) -> stored::Observed {
    stored::Observed {
        source: seen.source as u32,
        observer: seen.observer.0,
        class: seen.class,
        severity: seen.severity as u32,
        entrance: seen.place.entrance,
        floor: seen.place.floor.map(i32::from),
        unit: seen.place.unit.map(|id| bytes(id.into())),
        part: seen.place.part,
        report: seen.report.map(|id| bytes(id.into())),
    }
}

fn read_observation(seen: stored::Observed) -> Option<Observation> {
    let floor = match seen.floor {
        Some(floor) => Some(i16::try_from(floor).ok()?),
        None => None,
    };
    let unit = match seen.unit {
        Some(unit) => Some(read_id(&unit)?),
        None => None,
    };
    let report = match seen.report {
        Some(report) => Some(read_id(&report)?),
        None => None,
    };
    Some(Observation {
        source: Source::from_number(seen.source)?,
        observer: PartyKey(seen.observer),
        class: seen.class,
        severity: Severity::from_number(seen.severity)?,
        place: Place { entrance: seen.entrance, floor, unit, part: seen.part },
        report,
    })
}

fn read_event(event: stored::FindingEvent) -> Option<Told> {
    use stored::finding_event::Saying as Stored;
    let reason = String::new();
    let repairer = |it: stored::Repairing| PartyKey(it.repairer);
    let verifier = |it: stored::Verifying| PartyKey(it.verifier);
    let saying = match event.saying? {
        Stored::Observed(seen) => Saying::Observed(read_observation(seen)?),
        Stored::Assessed(it) => Saying::Assessed {
            class: it.class,
            severity: Severity::from_number(it.severity)?,
            reason,
        },
        Stored::Notified(it) => Saying::Notified {
            deadline: match it.deadline {
                Some(deadline) => Some(Day::from_number(deadline)?),
                None => None,
            },
        },
        Stored::DeadlineMoved(it) => {
            Saying::DeadlineMoved { deadline: Day::from_number(it.deadline)?, reason }
        }
        Stored::Planned(it) => Saying::Planned { repairer: repairer(it) },
        Stored::RepairBegan(it) => Saying::RepairBegan { repairer: repairer(it) },
        Stored::ReportedFixed(it) => Saying::ReportedFixed { repairer: repairer(it) },
        Stored::Verified(it) => Saying::Verified { verifier: verifier(it) },
        Stored::VerificationFailed(it) => {
            Saying::VerificationFailed { verifier: verifier(it), reason }
        }
        Stored::Closed(_) => Saying::Closed,
        Stored::Monitored(_) => Saying::Monitored,
        Stored::MonitoringEnded(_) => Saying::MonitoringEnded,
        Stored::MeasureTaken(number) => Saying::MeasureTaken(Measure::from_number(number)?),
        Stored::MeasureLifted(number) => Saying::MeasureLifted(Measure::from_number(number)?),
        Stored::Included(project) => {
            Saying::Included(ProjectKey(RawId::from_bytes(project.try_into().ok()?)))
        }
        Stored::Excluded(_) => Saying::Excluded,
        Stored::ObjectGone(_) => Saying::ObjectGone { reason },
        Stored::Waived(_) => Saying::Waived { reason },
        Stored::Reopened(_) => Saying::Reopened { reason },
    };
    Some(Told { saying, by: read_person(event.by?) })
}
