//! What is said of findings, read from the wire.

use crate::{
    domain::{
        finding::{Measure, Observation, PartyKey, Place, Saying, Source, catalogue::Severity},
        key::ProjectKey,
        reference_file::is_code,
    },
    kernel::{
        id::{FindingId, RawId, ReportId, SubjectId, UnitId},
        limit,
        time::Day,
        violation::Violations,
    },
    proto::v1::{self, finding_saying::Saying as Said},
    service::common::{self, check_text},
};

/// Characters of an entrance's number.
const ENTRANCE_CHARS_MAX: usize = 40;
/// Floors.
const FLOORS: std::ops::RangeInclusive<i32> = -50..=300;

/// Reads the id of a finding.
pub(super) fn finding_id(
    violations: &mut Violations,
    field: &str,
    text: &str,
) -> Option<FindingId> {
    common::required::<FindingId>(violations, field, text)
}

/// Reads an opaque key of a party.
fn party(violations: &mut Violations, field: &str, text: String) -> Option<PartyKey> {
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    check_text(violations, field, &text, limit::IDENTIFIER_CHARS_MAX).then_some(PartyKey(text))
}

/// Reads the code of a class.
pub(super) fn class(violations: &mut Violations, field: &str, text: String) -> Option<String> {
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    if !is_code(&text) {
        let message = "a code of letters, digits, points, hyphens and underscores: STR.CRACK";
        violations.add(field, "MALFORMED", message);
        return None;
    }
    Some(text)
}

/// Reads a value of an enumeration that must be there.
pub(super) fn choice<T>(
    violations: &mut Violations,
    field: &str,
    number: i32,
    from_number: impl Fn(u32) -> Option<T>,
) -> Option<T> {
    if number == 0 {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    let value = u32::try_from(number).ok().and_then(from_number);
    let message = format!("{number} is none of the values of {field}");
    violations.take(field, value.ok_or(("UNKNOWN_VALUE", message)))
}

/// Reads what somebody saw; `path` is that of the observation.
pub(crate) fn observation(
    violations: &mut Violations,
    path: &str,
    said: Option<v1::Observation>,
) -> Option<Observation> {
    let before = violations.list().len();
    let observation = observation_so_far(violations, path, said);
    (violations.list().len() == before).then_some(observation)
}

/// The same as far as it can be read. In the place of what cannot stands something else: what has
/// violations is judged, and not done.
pub(crate) fn observation_so_far(
    violations: &mut Violations,
    path: &str,
    said: Option<v1::Observation>,
) -> Observation {
    let is_said = said.is_some();
    if !is_said {
        violations.add(path, "REQUIRED", "say what was seen");
    }
    let said = said.unwrap_or_default();
    let mut unheard = Violations::default();
    let violations = if is_said { violations } else { &mut unheard };
    let field = |name: &str| format!("{path}.{name}");
    let source = choice(violations, &field("source"), said.source, Source::from_number);
    let observer = party(violations, &field("observer"), said.observer);
    let class = class(violations, &field("class"), said.class);
    let severity = choice(violations, &field("severity"), said.severity, Severity::from_number);
    let place = place(violations, &field("place"), said.place.unwrap_or_default());
    let report: Option<ReportId> =
        common::optional(violations, &field("report_id"), &said.report_id);
    Observation {
        source: source.unwrap_or(Source::Inspector),
        observer: observer.unwrap_or_else(nobody),
        class: class.unwrap_or_default(),
        severity: severity.unwrap_or(Severity::Watch),
        place,
        report,
    }
}

/// In the place of a party that cannot be read.
fn nobody() -> PartyKey {
    PartyKey(String::new())
}

fn place(violations: &mut Violations, path: &str, said: v1::FindingPlace) -> Place {
    let mut text = |name: &str, value: Option<String>, chars_max: usize| {
        let field = format!("{path}.{name}");
        value.filter(|text| check_text(violations, &field, text, chars_max))
    };
    let entrance = text("entrance", said.entrance, ENTRANCE_CHARS_MAX);
    let part = text("part", said.part, limit::NAME_CHARS_MAX);
    let floor = said.floor.and_then(|floor| {
        let fits = (FLOORS.contains(&floor) && floor != 0).then(|| i16::try_from(floor).ok());
        let message = "from -50 to 300; the ground floor is 1, the one below it -1".to_owned();
        let field = format!("{path}.floor");
        violations.take(&field, fits.flatten().ok_or(("OUT_OF_RANGE", message)))
    });
    let unit = said
        .unit_id
        .and_then(|id| common::required::<UnitId>(violations, &format!("{path}.unit_id"), &id));
    Place { entrance, floor, unit, part }
}

/// What an observation names, with the paths of the fields.
pub(crate) fn named_in(path: &str, seen: &Observation) -> Vec<(String, SubjectId)> {
    let unit = seen.place.unit.map(|id| (format!("{path}.place.unit_id"), id.into()));
    let report = seen.report.map(|id| (format!("{path}.report_id"), id.into()));
    unit.into_iter().chain(report).collect()
}

/// Reads a project's key.
fn project(violations: &mut Violations, field: &str, text: &str) -> Option<ProjectKey> {
    let read = (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten();
    let message = "a project's key has 32 hexadecimal digits".to_owned();
    let bits = violations.take(field, read.ok_or(("MALFORMED", message)))?;
    Some(ProjectKey(RawId::from_bytes(bits.to_be_bytes())))
}

/// Reads what is said of a finding; `None` when nothing is. Why is in the context, and filled in by
/// the registry. In the place of what cannot be read stands something else, as in
/// [`observation_so_far`].
pub(super) fn saying(
    violations: &mut Violations,
    said: Option<v1::FindingSaying>,
) -> Option<Saying> {
    let Some(said) = said.and_then(|said| said.saying) else {
        violations.add("saying", "REQUIRED", "say what happened");
        return None;
    };
    let reason = String::new();
    let mut party =
        |field: &str, text: String| self::party(violations, field, text).unwrap_or_else(nobody);
    Some(match said {
        Said::Planned(v1::Repair { repairer }) => {
            Saying::Planned { repairer: party("saying.planned.repairer", repairer) }
        }
        Said::RepairBegan(v1::Repair { repairer }) => {
            Saying::RepairBegan { repairer: party("saying.repair_began.repairer", repairer) }
        }
        Said::ReportedFixed(v1::Repair { repairer }) => {
            Saying::ReportedFixed { repairer: party("saying.reported_fixed.repairer", repairer) }
        }
        Said::Verified(v1::Verification { verifier }) => {
            Saying::Verified { verifier: party("saying.verified.verifier", verifier) }
        }
        Said::VerificationFailed(v1::Verification { verifier }) => {
            let verifier = party("saying.verification_failed.verifier", verifier);
            Saying::VerificationFailed { verifier, reason }
        }
        Said::Observed(seen) => {
            Saying::Observed(observation_so_far(violations, "saying.observed", Some(seen)))
        }
        Said::Assessed(v1::Assessed { class: code, severity }) => {
            let class = class(violations, "saying.assessed.class", code).unwrap_or_default();
            let field = "saying.assessed.severity";
            let severity = choice(violations, field, severity, Severity::from_number);
            Saying::Assessed { class, severity: severity.unwrap_or(Severity::Watch), reason }
        }
        Said::Notified(v1::Notified { deadline }) => {
            let field = "saying.notified.deadline";
            Saying::Notified { deadline: common::optional::<Day>(violations, field, &deadline) }
        }
        Said::DeadlineMoved(v1::DeadlineMoved { deadline }) => {
            let field = "saying.deadline_moved.deadline";
            let deadline = common::required::<Day>(violations, field, &deadline);
            Saying::DeadlineMoved { deadline: deadline.unwrap_or(Day::MAX), reason }
        }
        Said::MeasureTaken(v1::Measure { measure }) => {
            Saying::MeasureTaken(self::measure(violations, "measure_taken", measure))
        }
        Said::MeasureLifted(v1::Measure { measure }) => {
            Saying::MeasureLifted(self::measure(violations, "measure_lifted", measure))
        }
        Said::Included(v1::Included { project_id }) => {
            let project = project(violations, "saying.included.project_id", &project_id);
            Saying::Included(project.unwrap_or(ProjectKey(RawId::default())))
        }
        Said::Closed(_) => Saying::Closed,
        Said::Monitored(_) => Saying::Monitored,
        Said::MonitoringEnded(_) => Saying::MonitoringEnded,
        Said::Excluded(_) => Saying::Excluded,
        Said::ObjectGone(_) => Saying::ObjectGone { reason },
        Said::Waived(_) => Saying::Waived { reason },
        Said::Reopened(_) => Saying::Reopened { reason },
    })
}

/// Reads a measure of the saying of this name.
fn measure(violations: &mut Violations, of: &str, number: i32) -> Measure {
    let field = format!("saying.{of}.measure");
    choice(violations, &field, number, Measure::from_number).unwrap_or(Measure::Fence)
}
