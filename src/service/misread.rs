//! Requests whose form is wrong: what is left of them is judged by the registry all the same, so
//! that a caller learns at once what both have against it.
//!
//! What stays true: nothing of it is written or remembered; nothing out of reach is judged; what
//! the registry says only because a field was left out is not told.

use std::{collections::BTreeSet, str::FromStr};

use crate::{
    domain::plausibility::OVERRIDABLE,
    kernel::{id::SubjectId, position::Partition, violation::Violations},
    registry::{Call, Command, Contradiction, Error, Outcome, Refusal},
    service::{Plan, Write, author, common},
};

/// What is given as the reason of what is only judged: a command may have to have one.
const REASON: &str = "judged only";
/// What compares a subject with days.
const BY_DAYS: [Contradiction; 4] = [
    Contradiction::EndsBeforeItBegins,
    Contradiction::SaidAfterItsEnd,
    Contradiction::OutsideParentLife,
    Contradiction::IdentifierOverlap,
];
/// What compares a field with others: the rule, and a field without which it cannot be judged.
const BY_OTHERS: [(&str, &str); 3] = [
    ("STOREY_HEIGHT", "storeys_above"),
    ("FLOOR_AREA", "storeys_above"),
    ("FLOOR_AREA", "storeys_below"),
];

/// A request with violations.
pub(crate) struct Misread<T> {
    /// What is wrong with its form.
    pub violations: Violations,
    /// The request without what is wrong, if that can be judged.
    pub rest: Option<Box<T>>,
    /// Fields whose meaning hangs on what was left out.
    pub doubtful: &'static [&'static str],
    /// For a batch: the index in the request of each item of the rest.
    pub indexes: Vec<u32>,
}

impl<T> From<Violations> for Misread<T> {
    fn from(violations: Violations) -> Self {
        Self { violations, rest: None, doubtful: &[], indexes: Vec::new() }
    }
}

impl<T> Misread<T> {
    /// The value when nothing is wrong.
    pub(crate) fn check(violations: Violations, value: T) -> Result<T, Self> {
        if violations.is_empty() {
            return Ok(value);
        }
        Err(Self { rest: Some(Box::new(value)), ..Self::from(violations) })
    }

    /// The same about something else.
    pub(crate) fn map<U>(self, of: impl FnOnce(T) -> U) -> Misread<U> {
        let Self { violations, rest, doubtful, indexes } = self;
        let rest = rest.map(|rest| Box::new(of(*rest)));
        Misread { violations, rest, doubtful, indexes }
    }
}

/// A day in the place of one that could not be read. What comes of it is not told.
pub(crate) fn stand_in<T: FromStr>() -> Option<T> {
    "2000-01-01".parse().ok()
}

/// The fields of a request that were left out, by their paths.
pub(crate) struct LeftOut {
    paths: BTreeSet<String>,
    doubtful: &'static [&'static str],
    /// Whether nothing is told of what compares subjects with days.
    is_timeless: bool,
}

impl LeftOut {
    /// What has violations is left out.
    pub(crate) fn new(violations: &Violations, doubtful: &'static [&'static str]) -> Self {
        let paths = violations.list().iter().map(|violation| field_of(&violation.field).to_owned());
        Self { paths: paths.collect(), doubtful, is_timeless: false }
    }

    /// The same for a subject that others may hold, of which a day was left out.
    pub(crate) fn timeless(self, is_timeless: bool) -> Self {
        Self { is_timeless, ..self }
    }

    /// Whether one of the fields was left out.
    pub(crate) fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.paths.contains(*field))
    }

    /// Whether a refusal may only be there because of what was left out.
    fn explains(&self, refusal: &Refusal) -> bool {
        let path = field_of(&refusal.field);
        // Of a batch, the item; what is said of it as a whole has no field.
        let (item, field) = match path.split_once(']').filter(|_| path.starts_with("requests[")) {
            Some((item, field)) => (format!("{item}]."), field.trim_start_matches('.')),
            None => (String::new(), path),
        };
        let has = |field: &str| self.paths.contains(&format!("{item}{field}"));
        let is_about_days = BY_DAYS.iter().any(|rule| rule.reason() == refusal.reason);
        let hangs_on = |(rule, other): &(&str, &str)| {
            *rule == refusal.reason && has(&format!("fields.{other}"))
        };
        self.paths.contains(path)
            || self.doubtful.contains(&field)
            || (is_about_days && (self.is_timeless || has("exists_from") || has("from")))
            || BY_OTHERS.iter().any(hangs_on)
    }

    /// The refusals that are more than that, each once.
    pub(crate) fn beside(&self, refusals: Vec<Refusal>) -> Vec<Refusal> {
        let mut told: Vec<Refusal> = Vec::new();
        for refusal in refusals {
            let is_told = told
                .iter()
                .any(|other| other.reason == refusal.reason && other.field == refusal.field);
            if !is_told && !self.explains(&refusal) {
                told.push(refusal);
            }
        }
        told
    }
}

/// The path of a whole field: `fields.identifiers` of `fields.identifiers[0].value`.
fn field_of(path: &str) -> &str {
    const FIELDS: &str = "fields.";
    let from = path.find(FIELDS).map_or(path.len(), |at| at + FIELDS.len());
    let rest = path.get(from..).unwrap_or_default();
    let end = rest.find(['.', '[']).map_or(path.len(), |length| from + length);
    let whole = path.get(..end).unwrap_or(path);
    // An item of a batch that has a refusal about no field ends in the point before it.
    whole.strip_suffix('.').unwrap_or(whole)
}

/// Gives the items of a batch the indexes that they have in the request.
fn renumbered(mut refusal: Refusal, indexes: &[u32]) -> Refusal {
    let read = refusal.field.strip_prefix("requests[").and_then(|rest| rest.split_once(']'));
    let index = read.and_then(|(position, _)| indexes.get(position.parse::<usize>().ok()?));
    if let (Some((_, field)), Some(index)) = (read, index) {
        refusal.field = format!("requests[{index}]{}", field.strip_suffix('.').unwrap_or(field));
    }
    refusal
}

impl Write {
    /// What is to be said against a plan, beside the form of its request. What could not be judged
    /// now has nothing against it: the form is told in any case.
    pub(crate) async fn objections(
        &self,
        plan: Plan,
        overrides: Vec<String>,
        indexes: &[u32],
    ) -> Vec<Refusal> {
        if plan.needs_everything && !self.way.reaches_everything().unwrap_or(false) {
            return Vec::new();
        }
        match self.out_of_reach(&plan.named) {
            Some(missing) if missing.is_empty() => {}
            missing => return missing.unwrap_or_default(),
        }
        match self.judge(plan.partition, plan.command, overrides).await {
            Err(Error::Refused(refusals)) => {
                refusals.into_iter().map(|refusal| renumbered(refusal, indexes)).collect()
            }
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// What is named and not in reach; `None` when that cannot be said.
    fn out_of_reach(&self, named: &[(String, SubjectId)]) -> Option<Vec<Refusal>> {
        let mut missing = Vec::new();
        for (field, subject) in named {
            if !self.way.reaches(*subject).ok()? {
                missing.push(Refusal::missing(field, *subject));
            }
        }
        Some(missing)
    }

    /// Lets the registry judge a command, and nothing else.
    pub(crate) async fn judge(
        &self,
        partition: Partition,
        command: Command,
        overrides: Vec<String>,
    ) -> Result<Outcome, Error> {
        // However many are named, there are only these.
        let is_named = |rule: &&str| overrides.iter().any(|name| name == rule);
        let overrides = OVERRIDABLE.iter().copied().filter(is_named).map(str::to_owned).collect();
        let call = Call {
            partition,
            author: author(&self.way.caller),
            request: None,
            reason: REASON.to_owned(),
            validate_only: true,
            overrides,
            seed: common::random()?,
        };
        self.submit(call, command).await
    }

    /// The rules that the request wants to break, as long as they were not taken out of it.
    pub(crate) fn overrides(&self) -> Vec<String> {
        self.context.overrides.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(violations: &[&str], refusals: &[(&str, &str)]) -> Vec<String> {
        let mut wrong = Violations::default();
        for field in violations {
            wrong.add(*field, "MALFORMED", "");
        }
        let refusals = refusals.iter().map(|(reason, field)| Refusal::rule(reason, field, ""));
        let told = LeftOut::new(&wrong, &[]).beside(refusals.collect());
        told.into_iter().map(|refusal| format!("{} {}", refusal.reason, refusal.field)).collect()
    }

    #[test]
    fn what_only_follows_from_a_field_that_was_left_out_is_not_told() {
        let wrong = ["fields.name", "fields.identifiers[0].value", "requests[1].exists_from"];
        let told = beside(
            &wrong,
            &[
                ("REQUIRED", "fields.name"),
                ("IDENTIFIER_TAKEN", "fields.identifiers"),
                ("FUTURE_DATE", "fields.completed"),
                ("FUTURE_DATE", "fields.completed"),
                ("OUTSIDE_PARENT_LIFE", "requests[1]"),
                ("OUTSIDE_PARENT_LIFE", "requests[2]"),
            ],
        );
        assert_eq!(told, ["FUTURE_DATE fields.completed", "OUTSIDE_PARENT_LIFE requests[2]"]);
    }

    #[test]
    fn a_rule_that_compares_a_field_with_one_that_was_left_out_is_not_told() {
        let wrong = ["requests[0].fields.storeys_above"];
        let told = beside(
            &wrong,
            &[
                ("FLOOR_AREA", "requests[0].fields.floor_area_cm2"),
                ("FLOOR_AREA", "requests[1].fields.floor_area_cm2"),
            ],
        );
        assert_eq!(told, ["FLOOR_AREA requests[1].fields.floor_area_cm2"]);
    }

    #[test]
    fn items_are_told_by_their_index_in_the_request() {
        let told = |field: &str| renumbered(Refusal::rule("X", field, ""), &[0, 4]).field;
        assert_eq!(told("requests[1].fields.name"), "requests[4].fields.name");
        assert_eq!(told("requests[1]."), "requests[4]");
        assert_eq!(told("fields.name"), "fields.name");
    }
}
