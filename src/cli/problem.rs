//! Why a command failed, as one JSON object: what programs read where people read lines.

use serde_json::{Map, Value, json};

use crate::{
    cli::{
        BadUsage, NothingFound, Refused, failed_code, offline::BadSettings, rest::WrongAndRefused,
    },
    client::{Failure, code_name},
};

/// The object that `--json` writes to standard error, on one line.
///
/// `message` is what people are shown. `reason`, `violations` and the others are there as far as
/// they are known: paths and stable reasons as the API gives them, so that nobody has to read the
/// message.
pub(super) fn json(error: &anyhow::Error) -> Value {
    let mut told = Map::from_iter([
        ("message".to_owned(), Value::from(format!("{error:#}"))),
        ("exitCode".to_owned(), Value::from(failed_code(error))),
    ]);
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            of_failure(failure, &mut told);
        } else if let Some(BadUsage(violations)) = cause.downcast_ref() {
            of_usage(violations, &mut told);
        } else if let Some(BadSettings(violations)) = cause.downcast_ref() {
            of_usage(violations, &mut told);
        } else if let Some(wrong) = cause.downcast_ref::<WrongAndRefused>() {
            of_usage(&wrong.usage.0, &mut told);
            told.insert(
                "beside".to_owned(),
                wrong.beside.iter().map(|beside| beside.line.as_str()).collect(),
            );
        } else if let Some(Refused(refusals)) = cause.downcast_ref() {
            let each = refusals
                .iter()
                .map(|refusal| violation(&refusal.field, &refusal.reason, &refusal.message));
            told.insert("violations".to_owned(), each.collect());
        } else if cause.is::<NothingFound>() {
            told.insert("code".to_owned(), Value::from("NOT_FOUND"));
        }
    }
    json!({ "error": told })
}

fn violation(field: &str, reason: &str, message: &str) -> Value {
    json!({ "field": field, "reason": reason, "message": message })
}

fn of_usage(violations: &crate::kernel::violation::Violations, told: &mut Map<String, Value>) {
    let each = violations.list().iter().map(|one| violation(&one.field, one.reason, &one.message));
    told.insert("violations".to_owned(), each.collect());
}

fn of_failure(failure: &Failure, told: &mut Map<String, Value>) {
    told.insert("code".to_owned(), Value::from(code_name(failure.code)));
    if let Some(reason) = &failure.reason {
        told.insert("reason".to_owned(), Value::from(reason.as_str()));
    }
    if !failure.violations.is_empty() {
        let each = failure.violations.iter();
        let each = each.map(|one| violation(&one.field, &one.reason, &one.description));
        told.insert("violations".to_owned(), each.collect());
    }
    if !failure.preconditions.is_empty() {
        told.insert("preconditions".to_owned(), json!(failure.preconditions));
    }
    if !failure.facts.is_empty() {
        told.insert("facts".to_owned(), json!(failure.facts));
    }
    if let Some(delay) = failure.retry_after {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        told.insert("retryAfterMs".to_owned(), Value::from(millis));
    }
    if let Some(id) = &failure.request_id {
        told.insert("requestId".to_owned(), Value::from(id.as_str()));
    }
}
