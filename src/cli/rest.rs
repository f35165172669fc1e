//! A command line of which something is wrong: what is left of it is judged by the registry all the
//! same, so that everything is told in one go.
//!
//! What stays true: such a request is sent to be judged only, whatever its flags say. What may only
//! follow from what was left out is not told.

use std::{collections::BTreeSet, fmt};

use prost_reflect::DynamicMessage;
use tonic::Code;

use crate::{
    cli::{
        BadUsage,
        message::{self, put_typed},
        session::Session,
        write::WriteArgs,
    },
    client::{Failure, Sentences},
    kernel::{id::Kind, violation::Violations},
    proto::v1,
    service::misread::{BY_OTHERS, OF_WHAT_IS_LEFT},
};

/// Fields of which one is enough to say where a building is.
const HOLDERS: [&str; 2] = ["compound_id", "community_id"];

/// What is wrong with a command line, and what of the request it therefore does not say.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    /// What is wrong.
    pub violations: Violations,
    /// The paths in the request that are left out.
    left_out: BTreeSet<String>,
    /// Where a field was said that there is not: it may have been meant for any other.
    doubtful: BTreeSet<String>,
}

impl Wrong {
    /// Takes over what is wrong with the fields that stand at `path` in the request.
    pub(crate) fn absorb_fields(&mut self, path: &str, prefix: &str, wrong: Violations) {
        for violation in wrong.list() {
            if matches!(violation.reason, "UNKNOWN_FIELD" | "NO_VALUE") {
                self.doubtful.insert(path.to_owned());
            } else {
                let field = crate::cli::set::stored_head(&violation.field);
                self.left_out.insert(format!("{path}.{field}"));
            }
        }
        if prefix.is_empty() {
            for violation in wrong.list() {
                let message = violation.message.clone();
                self.violations.add(&violation.field, violation.reason, message);
            }
        } else {
            self.violations.absorb(prefix, wrong);
        }
    }

    /// Notes what is wrong with a flag, whose field is left out.
    pub(crate) fn add(&mut self, field: &str, reason: &'static str, message: impl Into<String>) {
        self.left_out.insert(field.to_owned());
        self.violations.add(field, reason, message);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether a field of the request was left out, or may have been.
    fn has(&self, path: &str) -> bool {
        let is_below = |whole: &String| {
            path.strip_prefix(whole.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.left_out.iter().any(is_below)
    }

    /// Whether a refusal may only follow from what was left out.
    fn explains(&self, refusal: &Told) -> bool {
        let Told { reason, field, .. } = refusal;
        let (place, name) = field.rsplit_once('.').unwrap_or(("", field));
        let beside = |other: &str| self.has(&format!("{place}.{other}"));
        let is_doubtful = self.doubtful.contains(place);
        let is_any = !self.left_out.is_empty() || !self.doubtful.is_empty();
        let hangs_on =
            |(rule, other): &(&str, &str)| rule == reason && (is_doubtful || beside(other));
        self.has(field)
            || (reason == "REQUIRED" && is_doubtful)
            || (reason == "REQUIRED" && HOLDERS.contains(&name) && HOLDERS.into_iter().any(beside))
            // A province has no parent.
            || (reason == "REQUIRED" && name == "parent_id" && beside("level"))
            || (is_any && OF_WHAT_IS_LEFT.contains(&reason.as_str()))
            || (is_any && matches!(field.as_str(), "fields" | "update_mask"))
            || BY_OTHERS.iter().any(hangs_on)
    }

    /// Has the registry judge what is left of a request: an error that tells all of it.
    pub(crate) async fn tell(
        self,
        kind: Kind,
        method: &str,
        mut request: DynamicMessage,
        write: &WriteArgs,
        session: &Session<'_>,
    ) -> anyhow::Error {
        let beside = match self.ask(kind, method, &mut request, write, session).await {
            Ok(()) => Vec::new(),
            Err(error) => self.beside(&error),
        };
        WrongAndRefused { usage: BadUsage(self.violations), beside }.into()
    }

    async fn ask(
        &self,
        kind: Kind,
        method: &str,
        request: &mut DynamicMessage,
        write: &WriteArgs,
        session: &Session<'_>,
    ) -> anyhow::Result<()> {
        let context = v1::WriteContext { validate_only: true, ..write.context() };
        put_typed(request, "context", &context)?;
        let method = message::method(message::service(kind), method)?;
        session.ask_by_name(&method, request).await?;
        Ok(())
    }

    /// What the registry says beside, a line each.
    fn beside(&self, error: &anyhow::Error) -> Vec<Beside> {
        let failure = error.downcast_ref::<Failure>();
        let refused = failure.filter(|failure| {
            matches!(
                failure.code,
                Code::InvalidArgument
                    | Code::FailedPrecondition
                    | Code::NotFound
                    | Code::AlreadyExists
                    | Code::Aborted
            ) || failure.reason.as_deref() == Some("OUT_OF_REACH")
        });
        let Some(failure) = refused else {
            let error = format!("{error:#}");
            let first = error.lines().next().unwrap_or_default();
            let reason = failure.and_then(|failure| failure.reason.clone()).unwrap_or_default();
            let line = format!("the registry could not judge the rest: {first}");
            return vec![Beside { line, reason }];
        };
        let all = told_of(failure);
        let count = all.len();
        let left = all.into_iter().filter(|refusal| !self.explains(refusal));
        let told = left.map(|told| Beside { line: told.to_string(), reason: told.reason });
        let mut lines = told.collect::<Vec<_>>();
        let whole = failure.facts.get("violation_count").and_then(|count| count.parse().ok());
        if let Some(more) = whole.and_then(|whole: usize| whole.checked_sub(count)) {
            lines.push(Beside { line: format!("and {more} more"), reason: String::new() });
        }
        lines
    }
}

/// One refusal by the registry.
struct Told {
    reason: String,
    field: String,
    message: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.field.is_empty() { "" } else { ": " };
        write!(f, "{}{at}{} [{}]", self.field, self.message, self.reason)
    }
}

/// Every refusal of a failure, by its details where it has any.
fn told_of(failure: &Failure) -> Vec<Told> {
    let fields = failure.violations.iter().map(|violation| Told {
        reason: violation.reason.clone(),
        field: violation.field.clone(),
        message: violation.description.clone(),
    });
    let conditions = failure.preconditions.iter().map(|text| {
        let (head, message) = text.split_once(": ").unwrap_or(("", text));
        let (reason, field) = head.split_once(' ').unwrap_or((head, ""));
        Told { reason: reason.to_owned(), field: field.to_owned(), message: message.to_owned() }
    });
    let told = fields.chain(conditions).collect::<Vec<_>>();
    if !told.is_empty() {
        return told;
    }
    vec![Told {
        reason: failure.reason.clone().unwrap_or_default(),
        field: failure.facts.get("field").cloned().unwrap_or_default(),
        message: failure.message.clone(),
    }]
}

/// A line of what the registry has against the rest.
#[derive(Debug)]
pub(crate) struct Beside {
    /// The line.
    pub line: String,
    /// The stable reason; empty where there is none.
    reason: String,
}

/// A wrong command line, with what the registry has against the rest of it.
#[derive(Debug)]
pub(crate) struct WrongAndRefused {
    /// What is wrong with the command line.
    pub usage: BadUsage,
    /// What the registry has against the rest, a line each.
    pub beside: Vec<Beside>,
}

impl std::error::Error for WrongAndRefused {}

impl fmt::Display for WrongAndRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sentences = Sentences::default();
        self.usage.write(f, &mut sentences)?;
        if !self.beside.is_empty() {
            f.write_str("\nand of what is left of it 其余部分")?;
        }
        for Beside { line, reason } in &self.beside {
            write!(f, "\n  {line}")?;
            sentences.write(f, reason)?;
        }
        Ok(())
    }
}
