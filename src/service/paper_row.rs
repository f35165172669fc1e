//! Rows of inspections and findings on the wire: what they say beside the fields that all rows have.

use crate::{
    domain::{
        author::Author,
        content::{Content, Fields, Shared},
        finding::{FindingContent, Saying, Told},
        reference_file::is_code,
    },
    kernel::{id::Kind, limit, time::Day, violation::Violations},
    proto::v1::{self, ReportState},
    registry::{FindingRow, ReportRow, SignedRow},
    service::{common, finding::observation, import::reference, inspection::is_nobodys},
};

/// Inspections and findings say their own days.
pub(crate) fn has_own_days(violations: &mut Violations, row: &v1::ImportRow) {
    let causeless = row.end_cause == 0 && row.successors.is_empty();
    for (field, is_empty) in [
        ("exists_from", row.exists_from.is_empty()),
        ("exists_from_when_new", row.exists_from_when_new.is_empty()),
        ("from", row.from.is_empty()),
        ("ended_on", row.ended_on.is_empty() && causeless),
        ("earlier", row.earlier.is_empty()),
        ("later", row.later.is_empty()),
        ("split_off", row.split_off.is_empty()),
    ] {
        if !is_empty {
            let message = format!("{field} is of regions, compounds, buildings and units");
            violations.add(field, "NOT_HERE", message);
        }
    }
}

/// Reads what a row says of a report beside its fields; `None` when its day is not known, without
/// which nothing can be judged.
pub(crate) fn inspection(
    violations: &mut Violations,
    warnings: &mut Vec<v1::RowWarning>,
    content: &Content,
    row: v1::ImportInspection,
) -> Option<ReportRow> {
    let inspected = common::required::<Day>(violations, "inspected_on", &row.inspected_on);
    let is_signed = !(row.signers.is_empty() && row.scope.is_empty() && row.signed_on.is_empty());
    let before = violations.list().len();
    state_of(violations, warnings, is_signed, &row);
    let signed =
        if is_signed { signed(violations, row.signers, row.scope, &row.signed_on) } else { None };
    let submitted = common::optional::<Day>(violations, "submitted_on", &row.submitted_on);
    // Whether it must be signed hangs on its kind, where that could be read.
    if submitted.is_some() && !is_signed && has_kind(content) && !is_nobodys(content) {
        violations.add("signed_on", "REQUIRED", "what a body submits is signed");
    }
    // Without a signature that could be read, nothing is judged of what follows on it.
    let submitted = submitted.filter(|_| violations.list().len() == before);
    Some(ReportRow { inspected: inspected?, signed, submitted })
}

fn has_kind(content: &Content) -> bool {
    matches!(&content.fields, Fields::Report(report) if report.kind.flatten().is_some())
}

/// Reads who signed.
fn signed(
    violations: &mut Violations,
    asked: Vec<v1::Reference>,
    scope: String,
    on: &str,
) -> Option<SignedRow> {
    let before = violations.list().len();
    if asked.is_empty() {
        violations.add("signers", "REQUIRED", "who signed is said with the day and the scope");
    } else if asked.len() > limit::ENTRY_SUBJECTS_MAX {
        let message = format!("at most {} sign", limit::ENTRY_SUBJECTS_MAX);
        violations.add("signers", "OUT_OF_RANGE", message);
    }
    let read = asked.into_iter().take(limit::ENTRY_SUBJECTS_MAX);
    let signers = read.filter_map(|asked| reference(violations, "signers", Kind::Signer, asked));
    let signers = signers.collect();
    if scope.is_empty() {
        violations.add("scope", "REQUIRED", "the scope for which it was signed: structure");
    } else if !is_code(&scope) {
        let message = "a code of letters, digits, points, hyphens and underscores: structure";
        violations.add("scope", "MALFORMED", message);
    }
    let on = common::required::<Day>(violations, "signed_on", on);
    let is_read = violations.list().len() == before;
    Some(SignedRow { signers, scope, on: on? }).filter(|_| is_read)
}

/// Holds the word for the state against the days.
fn state_of(
    violations: &mut Violations,
    warnings: &mut Vec<v1::RowWarning>,
    is_signed: bool,
    row: &v1::ImportInspection,
) {
    let is_submitted = !row.submitted_on.is_empty();
    let mut missing = |field: &str, is_there: bool| {
        if !is_there {
            violations.add(field, "REQUIRED", format!("the state asks for {field}"));
        }
    };
    match ReportState::try_from(row.state) {
        Ok(ReportState::Drafted) if is_signed || is_submitted => {
            violations.add("state", "CONFLICTING", "a draft was neither signed nor submitted");
        }
        Ok(ReportState::Unspecified | ReportState::Drafted) => {}
        Ok(ReportState::Signed) if is_submitted => {
            violations.add("state", "CONFLICTING", "by its day it was submitted");
        }
        Ok(ReportState::Signed) => missing("signed_on", is_signed),
        Ok(ReportState::Submitted) => missing("submitted_on", is_submitted),
        Ok(ReportState::Accepted) => {
            missing("submitted_on", is_submitted);
            warnings.push(v1::RowWarning {
                field: "state".to_owned(),
                reason: "ACCEPTANCE_NOT_TAKEN".to_owned(),
                message: "it stands as submitted until somebody else accepts it".to_owned(),
            });
        }
        Ok(ReportState::Returned | ReportState::Superseded) => {
            let message = "a report that was returned or superseded is not taken from a row";
            violations.add("state", "STATE_NOT_TAKEN", message);
        }
        Err(_) => {
            let message = format!("{} is none of the values of state", row.state);
            violations.add("state", "UNKNOWN_VALUE", message);
        }
    }
}

/// Reads what a row says of a finding; `None` when too little of it is known to be judged.
pub(crate) fn seen(
    violations: &mut Violations,
    row: v1::ImportFinding,
) -> Option<(Content, FindingRow)> {
    let on = common::required::<Day>(violations, "observed_on", &row.observed_on);
    let names = |seen: &v1::Observation| {
        let unit = seen.place.as_ref().and_then(|place| place.unit_id.as_ref());
        !seen.report_id.is_empty() || unit.is_some()
    };
    if row.observation.as_ref().is_some_and(names) {
        let message = "report and unit are named beside the observation";
        violations.add("observation", "NOT_HERE", message);
    }
    let observation = observation(violations, "observation", row.observation);
    let notified = common::optional::<Day>(violations, "notified_on", &row.notified_on);
    let deadline = common::optional::<Day>(violations, "deadline", &row.deadline);
    if !row.deadline.is_empty() && row.notified_on.is_empty() {
        violations.add("notified_on", "REQUIRED", "a deadline is said by a notice, on its day");
    }
    let is_whole = row.deadline.is_empty() || deadline.is_some();
    let notice = notified.filter(|_| is_whole).map(|on| (on, deadline));
    // Who says so is filled in by the registry.
    let told = Told { saying: Saying::Observed(observation?), by: Author::default() };
    let fields = FindingContent { building: None, event: Some(told) };
    let fields = Fields::Finding(Box::new(fields));
    Some((Content { fields, shared: Shared::default() }, FindingRow { on: on?, notice }))
}
