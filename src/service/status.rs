//! From an error of the floors below to what a caller is told: a code of gRPC, and the details of
//! `google.rpc` with a stable reason.
//!
//! What stays true: every refusal of an error is told, not the first alone; a fault of our own
//! tells the caller nothing but that it is ours, and the rest is in the log.

use std::{collections::BTreeMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::{
    auth::{authenticate::Unauthenticated, permission::Denied},
    kernel::violation::Violations,
    registry::{Class, Error, Refusal},
    store::StoreError,
};

/// The domain of every reason.
pub const DOMAIN: &str = "anju";
/// The reason of an invalid request whose violations have several reasons.
pub const INVALID_REQUEST: &str = "INVALID_REQUEST";
/// Characters of a message. Clients take 16 KiB of headers, and a Chinese character is nine bytes
/// there.
const MESSAGE_CHARS_MAX: usize = 300;
/// Bytes of violations that are told one by one, for the same reason.
const VIOLATIONS_BYTES_MAX: usize = 5_000;
/// Bytes of a request's id that is told back: a UUID has 36. What is longer is no id.
const REQUEST_ID_BYTES_MAX: usize = 64;
/// After what time to ask again, when the state is being rebuilt.
const REBUILDING_RETRY: Duration = Duration::from_secs(5);
/// After what time to ask again, when a position is not reached.
const NOT_REACHED_RETRY: Duration = Duration::from_secs(1);

/// A status with a reason and nothing else.
pub fn plain(code: Code, reason: &str, message: impl Into<String>) -> Status {
    told(code, reason, message.into(), BTreeMap::new(), ErrorDetails::new())
}

/// A status with a reason and with pairs for programs.
pub fn with_metadata(
    code: Code,
    reason: &str,
    message: impl Into<String>,
    metadata: impl IntoIterator<Item = (String, String)>,
) -> Status {
    told(code, reason, message.into(), metadata.into_iter().collect(), ErrorDetails::new())
}

/// What the library that carries requests says of one that came to no service, with a reason; `None`
/// for all that a service says.
pub fn of_transport(status: &Status, path: &str) -> Option<Status> {
    if !status.details().is_empty() {
        return None;
    }
    match status.code() {
        // A fault of the caller's, which the library counts as one of the server's.
        Code::Internal if status.message().contains("decode Protobuf") => Some(plain(
            Code::InvalidArgument,
            "NOT_THE_MESSAGE",
            format!("{path}: the bytes are not a message of this call: {}", status.message()),
        )),
        Code::OutOfRange => Some(plain(
            Code::OutOfRange,
            "MESSAGE_TOO_LARGE",
            format!("{path}: {}", status.message()),
        )),
        Code::Unimplemented if status.message().is_empty() => Some(plain(
            Code::Unimplemented,
            "UNKNOWN_CALL",
            format!("{path} is no call of this server; its reflection lists those that are"),
        )),
        _ => None,
    }
}

/// A status that asks the caller to come again.
pub fn retry(code: Code, reason: &str, message: impl Into<String>, after: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(after));
    told(code, reason, message.into(), BTreeMap::new(), details)
}

/// What an unreadable request is answered: all that is wrong with it.
pub fn invalid(violations: &Violations) -> Status {
    misread(violations, &[])
}

/// What an unreadable request is answered, with what rules say against the rest of it.
pub fn misread(violations: &Violations, refusals: &[Refusal]) -> Status {
    let form = violations.list().iter();
    let form = form.map(|one| (one.reason, one.field.as_str(), one.message.as_str()));
    let rules =
        refusals.iter().map(|one| (one.reason.as_str(), one.field.as_str(), one.message.as_str()));
    let all = form.chain(rules).collect::<Vec<_>>();
    let first = all.first().map_or(INVALID_REQUEST, |(reason, ..)| *reason);
    let is_one = all.iter().all(|(reason, ..)| *reason == first);
    let reason = if is_one { first } else { INVALID_REQUEST };
    // What is wrong with the form stands before what the rules say.
    let is_condition = |index: usize| {
        let refusal =
            index.checked_sub(violations.list().len()).and_then(|index| refusals.get(index));
        refusal.is_some_and(|refusal| refusal.class != Class::Invalid)
    };
    let mut told_count = 0;
    let (mut fields, mut conditions) = (Vec::new(), Vec::new());
    for (index, (reason, path, message)) in bounded(all.iter().copied()).enumerate() {
        told_count += 1;
        if is_condition(index) {
            conditions.push(PreconditionViolation::new(reason, path, message));
        } else {
            fields.push(field(reason, path, &message));
        }
    }
    let mut details = ErrorDetails::new();
    details.set_bad_request(fields);
    if !conditions.is_empty() {
        details.set_precondition_failure(conditions);
    }
    let mut metadata = BTreeMap::new();
    if told_count < all.len() {
        metadata.insert("violation_count".to_owned(), all.len().to_string());
    }
    let mut message = format!("the request is not valid: {violations}");
    for refusal in refusals {
        message.push_str("; ");
        if !refusal.field.is_empty() {
            message.push_str(&refusal.field);
            message.push_str(": ");
        }
        message.push_str(&refusal.message);
    }
    told(Code::InvalidArgument, reason, message, metadata, details)
}

/// What rules that say no are answered: all of them.
pub fn refused(refusals: &[Refusal]) -> Status {
    let Some(leading) = leading(refusals) else {
        return bug("an error without a refusal");
    };
    let all =
        refusals.iter().map(|one| (one.reason.as_str(), one.field.as_str(), one.message.as_str()));
    let told_of = bounded(all).zip(refusals).collect::<Vec<_>>();
    let mut fields = Vec::new();
    let mut conditions = Vec::new();
    for ((reason, path, message), refusal) in &told_of {
        if refusal.class == Class::Invalid {
            fields.push(field(reason, path, message));
        } else {
            conditions.push(PreconditionViolation::new(*reason, *path, message));
        }
    }
    let mut details = ErrorDetails::new();
    if !fields.is_empty() {
        details.set_bad_request(fields);
    }
    if !conditions.is_empty() {
        details.set_precondition_failure(conditions);
    }
    if let Some(missing) = refusals.iter().find(|refusal| refusal.class == Class::NotFound) {
        details.set_resource_info("anju.v1", &*missing.field, "", &*missing.message);
    }
    let mut metadata = BTreeMap::new();
    if !leading.field.is_empty() {
        metadata.insert("field".to_owned(), leading.field.clone());
    }
    if told_of.len() < refusals.len() {
        metadata.insert("violation_count".to_owned(), refusals.len().to_string());
    }
    // The sentence of the reason comes first.
    let others = refusals.iter().filter(|refusal| !std::ptr::eq(*refusal, leading));
    let messages = std::iter::once(leading).chain(others).map(|refusal| refusal.message.as_str());
    let messages = messages.collect::<Vec<_>>();
    told(code_of(leading.class), &leading.reason, messages.join("; "), metadata, details)
}

/// The refusal that gives the code and the reason: the first of those that the caller has to mend
/// before anything else. What is wrong in any state of the registry stands before what is out of
/// reach or missing in it, that before what does not fit it; and a conflict, which says "read again and ask again", stands
/// last: asking again would not help as long as there is anything else.
fn leading(refusals: &[Refusal]) -> Option<&Refusal> {
    refusals.iter().min_by_key(|refusal| match refusal.class {
        Class::Invalid => 0,
        Class::OutOfReach => 1,
        Class::NotFound => 2,
        Class::AlreadyExists => 3,
        Class::Precondition => 4,
        Class::Conflict => 5,
    })
}

/// As many violations as headers can carry, at least one, each message cut to its length.
fn bounded<'a>(
    all: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
) -> impl Iterator<Item = (&'a str, &'a str, String)> {
    let mut left = VIOLATIONS_BYTES_MAX;
    all.map(|(reason, path, message)| (reason, path, cut(message.to_owned())))
        .enumerate()
        .map_while(move |(index, (reason, path, message))| {
            let bytes = reason.len() + path.len() + message.len() + 12;
            left = left.checked_sub(bytes).or((index == 0).then_some(0))?;
            Some((reason, path, message))
        })
}

/// Cuts a message to its length.
fn cut(mut message: String) -> String {
    if let Some((at, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
        message.truncate(at);
        message.push('…');
    }
    message
}

/// A fault of our own. The caller learns an id, by which the log tells the rest.
pub fn bug(what: &str) -> Status {
    let id = uuid::Uuid::new_v4().to_string();
    tracing::error!(what, fault.id = id, "a fault of our own");
    let mut details = ErrorDetails::new();
    details.set_request_info(&*id, "");
    let message = format!("this is a fault of the registry; its log says more about {id}");
    told(Code::Internal, "INTERNAL", message, BTreeMap::new(), details)
}

/// It is not known who calls.
pub fn unauthenticated(why: Unauthenticated) -> Status {
    plain(Code::Unauthenticated, why.reason(), why.to_string())
}

/// The caller's role has no part in the call.
pub fn denied(denied: &Denied) -> Status {
    let metadata =
        [("role".to_owned(), denied.role.to_string()), ("rpc".to_owned(), denied.rpc.clone())];
    with_metadata(Code::PermissionDenied, Denied::REASON, denied.to_string(), metadata)
}

/// The code of a class of refusals.
const fn code_of(class: Class) -> Code {
    match class {
        Class::Invalid => Code::InvalidArgument,
        Class::Precondition => Code::FailedPrecondition,
        Class::NotFound => Code::NotFound,
        Class::Conflict => Code::Aborted,
        Class::OutOfReach => Code::PermissionDenied,
        Class::AlreadyExists => Code::AlreadyExists,
    }
}

/// What an error of the registry is answered.
pub fn status(error: Error) -> Status {
    match error {
        Error::Invalid(violations) => invalid(&violations),
        Error::Refused(refusals) => refused(&refusals),
        Error::Busy(after) => retry(
            Code::ResourceExhausted,
            "QUEUE_FULL",
            "too many commands wait to be written; ask again",
            after,
        ),
        Error::Store(error) => of_store(&error),
        Error::Unavailable(why) => {
            tracing::warn!(why, "the registry is not available");
            plain(Code::Unavailable, "NOT_AVAILABLE", "the registry is stopping or not ready")
        }
        Error::NotReached(position) => retry(
            Code::Unavailable,
            "NOT_REACHED",
            format!("the registry has not reached {position}"),
            NOT_REACHED_RETRY,
        ),
        Error::StateDamaged(_) => {
            of_store(&StoreError::Damage { place: "the state".to_owned(), what: error.to_string() })
        }
        Error::Bug(what) => bug(&what),
    }
}

fn of_store(error: &StoreError) -> Status {
    match error {
        StoreError::DiskReserve { .. } => plain(
            Code::ResourceExhausted,
            "DISK_RESERVE",
            "the disk has too little room left: nothing is written, reads go on",
        ),
        StoreError::Unavailable(what) => {
            tracing::error!(what, "the journal cannot be written");
            plain(
                Code::Unavailable,
                "JOURNAL_READ_ONLY",
                "the journal cannot be written until the registry is started again; whether this \
                 request was written is not known: ask again with the same request id then",
            )
        }
        StoreError::Rebuilding { done, total } => retry(
            Code::Unavailable,
            "STATE_REBUILDING",
            format!("the state is being rebuilt: {done} of {total} entries"),
            REBUILDING_RETRY,
        ),
        StoreError::Conflict { .. } => plain(
            Code::Aborted,
            "HEAD_MOVED",
            "somebody else wrote into the partition; nothing was written: ask again",
        ),
        StoreError::Damage { place, what } => {
            tracing::error!(place, what, "damage");
            // Not DATA_LOSS, which callers take to be final: the state is rebuilt by itself.
            retry(
                Code::Unavailable,
                "STATE_DAMAGED",
                "what is stored cannot be read in one place; the registry's log names it",
                REBUILDING_RETRY,
            )
        }
        StoreError::InUse(_) | StoreError::Io { .. } => {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "the store fails");
            plain(Code::Unavailable, "STORE_UNAVAILABLE", "the store cannot be read")
        }
    }
}

fn field(reason: &str, field: &str, message: &str) -> FieldViolation {
    FieldViolation { reason: reason.to_owned(), ..FieldViolation::new(field, message) }
}

fn told(
    code: Code,
    reason: &str,
    message: String,
    metadata: BTreeMap<String, String>,
    mut details: ErrorDetails,
) -> Status {
    details.set_error_info(reason, DOMAIN, metadata.into_iter().collect::<Pairs>());
    Status::with_error_details(code, cut(message), details)
}

#[expect(clippy::disallowed_types, reason = "the library's own type of a message's map")]
type Pairs = std::collections::HashMap<String, String>;

/// Names the request that a status answers, unless another id is named already. What is far too long to
/// be an id would not fit into the headers, and is left out.
pub fn for_request(status: Status, request_id: &str) -> Status {
    if request_id.is_empty() || request_id.len() > REQUEST_ID_BYTES_MAX {
        return status;
    }
    let mut details = status.get_error_details();
    if details.request_info().is_some() {
        return status;
    }
    details.set_request_info(request_id, "");
    Status::with_error_details(status.code(), status.message(), details)
}
