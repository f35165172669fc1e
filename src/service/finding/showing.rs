//! Findings as the wire shows them.

use crate::{
    domain::{
        finding::{
            Measure, Observation, Place, Saying,
            catalogue::{Bucket, Severity},
        },
        key::ProjectKey,
    },
    kernel::{
        id::{FindingId, SubjectId},
        time::Day,
    },
    proto::v1::{self, finding_saying::Saying as Said},
    registry::{EventSeen, FindingSeen},
    service::common::{self, number},
};

fn write_observation(seen: Observation) -> v1::Observation {
    let Place { entrance, floor, unit, part } = seen.place;
    v1::Observation {
        source: number(Some(Some(seen.source)), |source| source as u32),
        observer: seen.observer.0,
        class: seen.class,
        severity: severity_number(seen.severity),
        place: Some(v1::FindingPlace {
            entrance,
            floor: floor.map(i32::from),
            unit_id: unit.map(|id| id.to_string()),
            part,
        }),
        report_id: seen.report.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn severity_number(severity: Severity) -> i32 {
    number(Some(Some(severity)), |severity| severity as u32)
}

fn write_saying(saying: Saying) -> v1::FindingSaying {
    let plain = || v1::Plain {};
    let measure = |measure: Measure| v1::Measure {
        measure: number(Some(Some(measure)), |measure| measure as u32),
    };
    let said = match saying {
        Saying::Observed(seen) => Said::Observed(write_observation(seen)),
        Saying::Assessed { class, severity, .. } => {
            Said::Assessed(v1::Assessed { class, severity: severity_number(severity) })
        }
        Saying::Notified { deadline } => {
            let deadline = deadline.map(|day| day.to_string()).unwrap_or_default();
            Said::Notified(v1::Notified { deadline })
        }
        Saying::DeadlineMoved { deadline, .. } => {
            Said::DeadlineMoved(v1::DeadlineMoved { deadline: deadline.to_string() })
        }
        Saying::Planned { repairer } => Said::Planned(v1::Repair { repairer: repairer.0 }),
        Saying::RepairBegan { repairer } => Said::RepairBegan(v1::Repair { repairer: repairer.0 }),
        Saying::ReportedFixed { repairer } => {
            Said::ReportedFixed(v1::Repair { repairer: repairer.0 })
        }
        Saying::Verified { verifier } => Said::Verified(v1::Verification { verifier: verifier.0 }),
        Saying::VerificationFailed { verifier, .. } => {
            Said::VerificationFailed(v1::Verification { verifier: verifier.0 })
        }
        Saying::MeasureTaken(taken) => Said::MeasureTaken(measure(taken)),
        Saying::MeasureLifted(lifted) => Said::MeasureLifted(measure(lifted)),
        Saying::Included(ProjectKey(id)) => {
            Said::Included(v1::Included { project_id: common::hex(&id.to_bytes()) })
        }
        Saying::Closed => Said::Closed(plain()),
        Saying::Monitored => Said::Monitored(plain()),
        Saying::MonitoringEnded => Said::MonitoringEnded(plain()),
        Saying::Excluded => Said::Excluded(plain()),
        Saying::ObjectGone { .. } => Said::ObjectGone(plain()),
        Saying::Waived { .. } => Said::Waived(plain()),
        Saying::Reopened { .. } => Said::Reopened(plain()),
        Saying::Retracted => return v1::FindingSaying::default(),
    };
    v1::FindingSaying { saying: Some(said) }
}

fn write_event(seen: EventSeen) -> v1::FindingEvent {
    let EventSeen { event, reason, out_of_place } = seen;
    v1::FindingEvent {
        entry: event.id.seq,
        on: event.on.to_string(),
        saying: Some(write_saying(event.saying)),
        reason,
        role: event.by.role,
        institution: event.by.institution,
        out_of_place: out_of_place.map(|why| why.reason().to_owned()).unwrap_or_default(),
    }
}

/// A finding on the wire.
pub(super) fn write_finding(found: FindingSeen) -> v1::Finding {
    let FindingSeen { seen, leads_to, building, stands_in, numbers, view, aged, events } = found;
    let mut entries_in_doubt: Vec<u64> =
        seen.cases.iter().flat_map(|(_, doubts)| doubts.iter().copied()).collect();
    entries_in_doubt.sort_unstable();
    entries_in_doubt.dedup();
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let id = |id: FindingId| SubjectId::from(id).to_string();
    let is_merged = SubjectId::from(leads_to) != seen.id;
    let bucket = |Bucket { from_days, to_days }: Bucket| v1::AgeBucket { from_days, to_days };
    let notice = aged.as_ref().and_then(|aged| aged.notice);
    let mut finding = v1::Finding {
        id: seen.id.to_string(),
        etag: seen.etag.to_string(),
        life: Some(common::life(&seen)),
        leads_to_id: if is_merged { id(leads_to) } else { String::new() },
        ids: numbers.into_iter().map(id).collect(),
        building_id: building.map(|id| SubjectId::from(id).to_string()).unwrap_or_default(),
        stands_in_ids: stands_in.into_iter().map(|id| SubjectId::from(id).to_string()).collect(),
        escalated_on: day(aged.as_ref().and_then(|aged| aged.escalated_on)),
        overdue_days: aged.as_ref().and_then(|aged| aged.overdue_days),
        notice_age_days: notice.map(|(age, _)| age),
        notice_bucket: notice.map(|(_, span)| bucket(span)),
        events: events.into_iter().map(write_event).collect(),
        case_ids: seen.cases.iter().map(|(id, _)| id.to_string()).collect(),
        entries_in_doubt,
        ..v1::Finding::default()
    };
    let Some(view) = view else { return finding };
    finding.stage = number(Some(Some(view.stage)), |stage| stage as u32);
    finding.since = view.since.to_string();
    finding.class = view.class;
    finding.severity = severity_number(aged.map_or(view.severity, |aged| aged.severity));
    finding.first_observed_on = view.first_observed.to_string();
    finding.notified_on = day(view.notified_on);
    finding.deadline = day(view.deadline);
    finding.reported_fixed_on = day(view.reported_fixed_on);
    finding.monitored_since = day(view.monitored_since);
    let measures = view.measures.into_iter();
    finding.measures =
        measures.map(|one| number(Some(Some(one)), |measure| measure as u32)).collect();
    finding.project_id =
        view.project.map(|ProjectKey(id)| common::hex(&id.to_bytes())).unwrap_or_default();
    finding
}
