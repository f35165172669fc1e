//! Requests whose form is wrong: what is left of them is judged by the registry all the same, so
//! that a caller learns at once what both have against it.
//!
//! What stays true: nothing of it is written or remembered; nothing out of reach is judged; what
//! the registry says only because a field was left out is not told.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use tonic::Status;

use crate::{
    domain::{
        content::{Content, Fields},
        finding::Observation,
        plausibility::{self, Implausible, OVERRIDABLE},
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, RawId, ReportId, SubjectId},
        position::Partition,
        time::{Day, ImpreciseDay},
        violation::Violations,
    },
    registry::{
        AdvanceReport, Call, Class, Command, Contradiction, Error, FollowFinding, ImportRow,
        MergeInto, Outcome, Refusal, Register, Sighting, Which,
    },
    service::{Plan, Write, author, common},
};

/// What is given as the reason of what is only judged: a command may have to have one.
const REASON: &str = "judged only";
/// What compares a subject with days.
pub(crate) const BY_DAYS: [Contradiction; 4] = [
    Contradiction::EndsBeforeItBegins,
    Contradiction::SaidAfterItsEnd,
    Contradiction::OutsideParentLife,
    Contradiction::IdentifierOverlap,
];
/// What compares a field with others: the rule, and a field without which it cannot be judged.
pub(crate) const BY_OTHERS: [(&str, &str); 3] = [
    ("STOREY_HEIGHT", "storeys_above"),
    ("FLOOR_AREA", "storeys_above"),
    ("FLOOR_AREA", "storeys_below"),
];

/// Where a new subject belongs, and of a region its level: without these it is not known by which
/// partition it is to be judged.
pub(crate) const PLACES: [&str; 6] = [
    "fields.level",
    "fields.parent_id",
    "fields.compound_id",
    "fields.community_id",
    "fields.building_id",
    "fields.region_id",
];

/// What a request is about. Without it, it is not known by which partition it is to be judged, and by
/// which reference data.
const ABOUT: [&str; 5] = ["id", "region_id", "building_id", "fields.building_id", "ids"];
/// The days of what is seen, and of what follows on it.
const SEEN_ON: [&str; 3] = ["on", "observed_on", "inspected_on"];
/// What is said of a finding, as far as where it stands decides whether it can be.
const SAID: [&str; 5] = [
    "saying",
    "saying.measure_taken.measure",
    "saying.measure_lifted.measure",
    "saying.included.project_id",
    "on",
];

/// Rules that may only be broken because of what was left out: the rules, and the fields of which
/// that is so. One that ends in `[` stands for every item of a list.
const HANGING: [(&[&str], &[&str]); 24] = [
    (&["PARTITION_MISSING", "OTHER_PARTITION"], &PLACES),
    (&["PARTITION_NESTED"], &["fields.level"]),
    (&["LIVING_DEPENDENTS"], &["ended_on"]),
    (&["TOO_MANY_CHILDREN"], &["ended_on", "day"]),
    (&["NOT_THERE"], &["day"]),
    (&["NOT_A_CHILD"], &["day", "id"]),
    (&["UNASSIGNED_CHILDREN"], &["day", "assignments["]),
    (&["NO_SUCH_PART"], &["parts", "assignments["]),
    (&["MERGE_OF_FEW"], &["ids", "ids[", "into", "into_id"]),
    (&["SPLIT_PARTS"], &["parts"]),
    (&["OTHER_PARTITION"], &ABOUT),
    (&BY_REFERENCE, &ABOUT),
    (&BY_REFERENCE, &SEEN_ON),
    (
        &[
            "FINDING_OTHER_BUILDING",
            "UNIT_OTHER_BUILDING",
            "REPORT_OTHER_BUILDING",
            "ORDER_OTHER_BUILDING",
        ],
        &ABOUT,
    ),
    (&["ORDER_OTHER_BODY", "FINDING_NOT_OBSERVED", "DEADLINE_OVER"], &SEEN_ON),
    (&["REPORT_NOT_SUBMITTED", "VERIFIER_REPAIRED"], &["on", "saying"]),
    (&["FINDING_STATE"], &SAID),
    (&["REPORT_STATE"], &["by_id"]),
    (&["DAYS_OUT_OF_ORDER"], &["inspected_on", "signatures.on"]),
    (&["SIGNERS"], &["signer_ids", "signer_ids[", "signatures.signer_ids["]),
    (&BY_SCOPE, &["scope"]),
    (&BY_DAY_OF_SIGNING, &["on"]),
    (&["EDITION_EXISTS", "EDITION_MISSING"], &["text", "text.table", "text.name", "text.edition"]),
    (&["OUTSIDE_PARENT_LIFE"], &["text", "text.from", "text.jurisdiction"]),
];
/// What reference data decides, which a partition has and which holds on days.
const BY_REFERENCE: [&str; 7] = [
    "SIGNATURE_SCOPE",
    "CLASS_UNKNOWN",
    "DIMENSION_UNKNOWN",
    "REFERENCE_MISSING",
    "GRADE_EDITION",
    "GRADE_VALUE",
    "BEFORE_BUILDING",
];
/// What is asked of licences of a scope.
const BY_SCOPE: [&str; 7] = [
    "SIGNATURE_SCOPE",
    "SIGNER_SCOPE",
    "SIGNER_PERIOD",
    "SIGNER_SUSPENDED",
    "BODY_SCOPE",
    "BODY_PERIOD",
    "BODY_SUSPENDED",
];
/// What is asked of signers and bodies as they are on the day of signing.
const BY_DAY_OF_SIGNING: [&str; 11] = [
    "SIGNER_SCOPE",
    "SIGNER_PERIOD",
    "SIGNER_SUSPENDED",
    "SIGNER_NOT_EMPLOYED",
    "SIGNER_INTEREST",
    "SIGNER_ABSENT",
    "BODY_SCOPE",
    "BODY_PERIOD",
    "BODY_SUSPENDED",
    "BODY_INTEREST",
    "BODY_ABSENT",
];

/// What may be told only because references were taken out of what was said.
pub(crate) const OF_WHAT_IS_LEFT: [&str; 3] =
    ["ENTRY_NOT_FOUND", "ENTRY_SAYS_OTHER", "NOTHING_SAID"];

/// A request with violations.
pub(crate) struct Misread<T> {
    /// What is wrong with its form.
    pub violations: Violations,
    /// The request without what is wrong, if that can be judged.
    pub rest: Option<Box<T>>,
    /// Fields whose meaning hangs on what was left out.
    pub doubtful: &'static [&'static str],
    /// For a batch or a merge: the index in the request of each item or subject of the rest.
    pub indexes: Vec<u32>,
    /// Whether it says why, whatever the rest is.
    pub needs_reason: bool,
}

impl<T> From<Violations> for Misread<T> {
    fn from(violations: Violations) -> Self {
        Self { violations, rest: None, doubtful: &[], indexes: Vec::new(), needs_reason: false }
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
        let Self { violations, rest, doubtful, indexes, needs_reason } = self;
        let rest = rest.map(|rest| Box::new(of(*rest)));
        Misread { violations, rest, doubtful, indexes, needs_reason }
    }
}

/// A day in the place of one that could not be read. What comes of it is not told.
pub(crate) fn stand_in<T: FromStr>() -> Option<T> {
    "2000-01-01".parse().ok()
}

/// In the place of a subject that could not be read, one that there never is: born before there were
/// registries, where the first of what is named beside it was born. That it is not there is not told.
pub(crate) fn nobody(kind: Kind, named: &[(String, SubjectId)]) -> SubjectId {
    let partition = named.first().map_or(Partition::ROOT, |(_, id)| id.partition());
    SubjectId::new(kind, RawId::new(0, partition, 0))
}

/// The fields of a request that were left out, by their paths.
pub(crate) struct LeftOut {
    paths: BTreeSet<String>,
    doubtful: &'static [&'static str],
    /// Whether nothing is told of what compares subjects with days.
    is_timeless: bool,
}

/// The days of a row or command, by which others are judged.
pub(crate) const DAYS: [&str; 4] = ["exists_from", "exists_from_when_new", "from", "day"];

impl LeftOut {
    /// What has violations is left out.
    pub(crate) fn new(violations: &Violations, doubtful: &'static [&'static str]) -> Self {
        let paths = violations.list().iter().map(|violation| field_of(&violation.field).to_owned());
        Self { paths: paths.collect(), doubtful, is_timeless: false }
    }

    /// What is named and not there, or out of reach, is as if it had been left out.
    fn of(paths: impl Iterator<Item = String>) -> Self {
        Self { paths: paths.collect(), doubtful: &[], is_timeless: false }
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
        let has = |field: &&str| match field.strip_suffix('[') {
            Some(_) => self.paths.iter().any(|path| path.starts_with(*field)),
            None => self.paths.contains(&format!("{item}{field}")),
        };
        let is_of_share = |path: &String| path.ends_with(".share_numerator");
        let (place, name) = path.rsplit_once('.').unwrap_or(("", path));
        let beside =
            |(rule, other): &(&str, &str)| *rule == refusal.reason && self.is_beside(place, other);
        let hangs = |(rules, on): &(&[&str], &[&str])| {
            rules.contains(&refusal.reason.as_str()) && on.iter().any(has)
        };
        // Of a building one of two is enough, and a province has no parent.
        let is_place = PLACES.iter().any(|field| field.strip_prefix("fields.") == Some(name));
        self.paths.contains(path)
            || self.is_below(path)
            || self.doubtful.contains(&field)
            || self.explains_days(&refusal.reason, &item)
            || BY_OTHERS.iter().any(beside)
            || HANGING.iter().any(hangs)
            || (refusal.reason == "REQUIRED" && is_place && PLACES.iter().any(has))
            || (matches!(&*refusal.reason, "SHARE" | "SHARES_SUM")
                && self.paths.iter().any(is_of_share))
            || (path.split('.').next() == Some("into") && self.has_any(&["into", "into_id"]))
    }

    /// Whether a field is one of a message that was left out as a whole.
    fn is_below(&self, path: &str) -> bool {
        let mut whole = path;
        while let Some((above, _)) = whole.rsplit_once('.') {
            if self.paths.contains(above) {
                return true;
            }
            whole = above;
        }
        false
    }

    /// Whether a field beside another one was left out.
    fn is_beside(&self, place: &str, other: &str) -> bool {
        self.paths.contains(&format!("{place}.{other}"))
    }

    /// Whether a rule compares days of which one was left out, or lives of which one is not known.
    fn explains_days(&self, reason: &str, item: &str) -> bool {
        let is = |rule: Contradiction| rule.reason() == reason;
        let has = |field: &str| self.paths.contains(&format!("{item}{field}"));
        let is_holder = |path: &String| {
            let name = path.rsplit('.').next().unwrap_or_default();
            path.starts_with(item)
                && PLACES.iter().any(|field| field.strip_prefix("fields.") == Some(name))
        };
        let is_dayless = self.is_timeless || DAYS.into_iter().any(has);
        let is_homeless = self.has_any(&["into", "into_id"]) || self.paths.iter().any(is_holder);
        (is_dayless && BY_DAYS.into_iter().any(is))
            || (is_homeless && is(Contradiction::OutsideParentLife))
            || (has("ended_on")
                && BY_DAYS.into_iter().any(is)
                && !is(Contradiction::IdentifierOverlap))
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
    // Those of what a merge makes.
    const INTO: &str = "into.";
    let from = if path.starts_with(INTO) {
        INTO.len()
    } else {
        path.find(FIELDS).map_or(path.len(), |at| at + FIELDS.len())
    };
    let rest = path.get(from..).unwrap_or_default();
    let end = rest.find(['.', '[']).map_or(path.len(), |length| from + length);
    let whole = path.get(..end).unwrap_or(path);
    // An item of a batch that has a refusal about no field ends in the point before it.
    whole.strip_suffix('.').unwrap_or(whole)
}

/// Gives the items of a batch, and the subjects of a merge, the indexes that they have in the
/// request.
fn renumbered(mut refusal: Refusal, indexes: &[u32]) -> Refusal {
    let list =
        refusal.field.split_once('[').filter(|(list, _)| matches!(*list, "requests" | "ids"));
    let read = list.and_then(|(list, rest)| Some((list, rest.split_once(']')?)));
    let index = read.and_then(|(_, (position, _))| indexes.get(position.parse::<usize>().ok()?));
    if let (Some((list, (_, field))), Some(index)) = (read, index) {
        refusal.field = format!("{list}[{index}]{}", field.strip_suffix('.').unwrap_or(field));
    }
    refusal
}

/// A command about reports or findings with nobody in the place of what is missing, by which the
/// registry judges the rest; any other command as it is.
fn without(
    command: Command,
    is_missing: &dyn Fn(&str) -> bool,
    named: &[(String, SubjectId)],
) -> Result<Command, Box<Command>> {
    let near = named.iter().filter(|(path, _)| !is_missing(path)).cloned().collect::<Vec<_>>();
    let raw = |kind: Kind| nobody(kind, &near).raw();
    let is_lost =
        |id: SubjectId| named.iter().any(|(path, named)| *named == id && is_missing(path));
    Ok(match command {
        Command::FollowFinding(follow) => {
            let finding = FindingId::new(raw(Kind::Finding));
            Command::FollowFinding(FollowFinding { finding, ..follow })
        }
        Command::ObserveFinding(mut observe) => {
            if is_lost(observe.building.into()) {
                observe.building = BuildingId::new(raw(Kind::Building));
            }
            let finding = FindingId::new(raw(Kind::Finding));
            observe.observed = sighting_without(observe.observed, finding, &is_lost);
            Command::ObserveFinding(observe)
        }
        Command::RecordReport(mut record) => {
            let finding = FindingId::new(raw(Kind::Finding));
            if let Fields::Report(report) = &mut record.content.fields {
                report.order = report.order.filter(|id| !id.is_some_and(|id| is_lost(id.into())));
                let building = BuildingId::new(raw(Kind::Building));
                report.building = report.building.map(|id| match id {
                    Some(id) if is_lost(id.into()) => Some(building),
                    id => id,
                });
            }
            let found = std::mem::take(&mut record.findings).into_iter();
            let found = found.map(|(index, one)| (index, sighting_without(one, finding, &is_lost)));
            record.findings = found.collect();
            Command::RecordReport(record)
        }
        Command::AdvanceReport(advance) => {
            let report = if is_lost(advance.report.into()) {
                ReportId::new(raw(Kind::Report))
            } else {
                advance.report
            };
            Command::AdvanceReport(AdvanceReport { report, ..advance })
        }
        command => return Err(Box::new(command)),
    })
}

/// A sighting with nobody in the place of what is lost.
fn sighting_without(
    mut sighting: Sighting,
    nobody: FindingId,
    is_lost: &dyn Fn(SubjectId) -> bool,
) -> Sighting {
    if let Which::Known(id) = sighting.finding
        && is_lost(id.into())
    {
        sighting.finding = Which::Known(nobody);
    }
    let Observation { place, report, .. } = &mut sighting.observation;
    place.unit = place.unit.filter(|id| !is_lost((*id).into()));
    *report = report.filter(|id| !is_lost((*id).into()));
    sighting
}

/// What is implausible in what a row says, whatever the registry has.
pub(crate) fn row_in_itself(row: &ImportRow, overrides: &[String], today: Day) -> Vec<Refusal> {
    let begun = row.beginning().into_iter();
    let begun = begun.flat_map(|from| plausibility::check_beginning(&row.content, from, today));
    let mut found = begun.map(|found| (String::new(), found)).collect::<Vec<_>>();
    let said = plausibility::check(&row.content, today).into_iter();
    found.extend(said.map(|found| ("fields.".to_owned(), found)));
    not_overridden(found, overrides)
}

/// What is implausible in what a command says, whatever the registry has.
fn in_itself(command: &Command, overrides: &[String], today: Day) -> Vec<Refusal> {
    let beginning =
        |item: &Register| plausibility::check_beginning(&item.content, item.exists_from, today);
    let (mut whole, mut said) = (Vec::new(), Vec::new());
    match command {
        Command::Register(item) => {
            whole.extend(beginning(item).into_iter().map(|found| (String::new(), found)));
            said.push(("fields.".to_owned(), &item.content));
        }
        Command::RegisterAll { items, .. } => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("requests[{index}].");
                whole.extend(beginning(item).into_iter().map(|found| (path.clone(), found)));
                said.push((format!("{path}fields."), &item.content));
            }
        }
        Command::Change(change) => said.push(("fields.".to_owned(), &change.content)),
        Command::Correct(correct) => said.push(("fields.".to_owned(), &correct.content)),
        Command::End(end) => {
            let nothing = Content::empty(end.subject.kind());
            let found = plausibility::check_end(&nothing, end.day, today);
            whole.extend(found.into_iter().map(|found| (String::new(), found)));
        }
        Command::Merge(merge) => {
            if let MergeInto::New { content, .. } = &merge.into {
                whole.extend(begun_on(merge.day, merge.kind, today));
                said.push(("into.".to_owned(), content));
            }
        }
        Command::Split(split) => {
            whole.extend(begun_on(split.day, split.subject.kind(), today));
            let parts = split.parts.iter().enumerate();
            said.extend(
                parts.map(|(index, part)| (format!("parts[{index}].fields."), &part.content)),
            );
        }
        _ => {}
    }
    for (path, content) in said {
        let found = plausibility::check(content, today);
        whole.extend(found.into_iter().map(|found| (path.clone(), found)));
    }
    not_overridden(whole, overrides)
}

/// What is implausible in the day on which something of a kind begins in the place of others.
fn begun_on(day: Day, kind: Kind, today: Day) -> impl Iterator<Item = (String, Implausible)> {
    let begins = ImpreciseDay::exactly(day);
    let found = plausibility::check_beginning(&Content::empty(kind), begins, today);
    found.into_iter().map(|found| (String::new(), Implausible { field: "day", ..found }))
}

/// What is implausible, with the paths before it, but for the rules that the caller breaks.
fn not_overridden(found: Vec<(String, Implausible)>, overrides: &[String]) -> Vec<Refusal> {
    let is_overridden = |found: &Implausible| {
        found.is_overridable && overrides.iter().any(|rule| rule == found.reason)
    };
    let left = found.into_iter().filter(|(_, found)| !is_overridden(found));
    left.map(|(path, found)| {
        let field = format!("{path}{}", found.field);
        Refusal::of(Class::Invalid, found.reason, &field, found.message)
    })
    .collect()
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
            Ok(missing) if missing.is_empty() => {
                let refusals = self.refusals(plan.partition, plan.command, overrides).await;
                refusals.into_iter().map(|refusal| renumbered(refusal, indexes)).collect()
            }
            Ok(missing) => self.beside_missing(plan, overrides, missing, indexes).await,
            Err(_) => Vec::new(),
        }
    }

    /// What is named and not in reach, as [`crate::service::Way::unreached`] refuses it.
    pub(crate) fn out_of_reach(
        &self,
        named: &[(String, SubjectId)],
    ) -> Result<Vec<Refusal>, Status> {
        // Five hundred buildings of one compound are one question of reach.
        let mut reached = BTreeMap::new();
        let mut missing = Vec::new();
        for (field, subject) in named {
            let is_reached = match reached.get(subject) {
                Some(known) => *known,
                None => self.way.reaches(*subject)?,
            };
            reached.insert(*subject, is_reached);
            if !is_reached {
                missing.push(self.way.unreached(field, *subject)?);
            } else if field == "id" && subject.kind() == Kind::Policy {
                // Insurers that follow know of a policy, and do not write it.
                missing.extend(self.way.unled(field, *subject)?);
            }
        }
        Ok(missing)
    }

    /// What is `missing`, and what else is to be said against a plan: by the registry where its
    /// subject is in reach, and otherwise by what a content is in itself, which tells nothing of
    /// what is there.
    pub(crate) async fn beside_missing(
        &self,
        plan: Plan,
        overrides: Vec<String>,
        missing: Vec<Refusal>,
        indexes: &[u32],
    ) -> Vec<Refusal> {
        let is_missing = |path: &str| missing.iter().any(|refusal| refusal.field == path);
        let is_lost = |subject: SubjectId| {
            plan.named.iter().any(|(path, named)| *named == subject && is_missing(path))
        };
        let is_left = |field: &str| {
            let last = |refusal: &Refusal| refusal.field.rsplit('.').next() == Some(field);
            !missing.iter().any(last)
        };
        let more = match plan.command {
            Command::Change(mut change) if !is_lost(change.subject) => {
                change.content.retain(&is_left);
                self.refusals(plan.partition, Command::Change(change), overrides).await
            }
            Command::Correct(mut correct) if !is_lost(correct.subject) => {
                correct.content.retain(&is_left);
                self.refusals(plan.partition, Command::Correct(correct), overrides).await
            }
            command => match without(command, &is_missing, &plan.named) {
                Ok(command) => {
                    let told = self.refusals(plan.partition, command, overrides).await;
                    LeftOut::of(missing.iter().map(|refusal| refusal.field.clone())).beside(told)
                }
                Err(command) => in_itself(&command, &overrides, self.registry().now().day()),
            },
        };
        let mut refusals = missing;
        // What is left may say nothing, or what no one entry says.
        let follows = |refusal: &Refusal| OF_WHAT_IS_LEFT.contains(&refusal.reason.as_str());
        let more = more.into_iter().filter(|refusal| !follows(refusal));
        refusals.extend(more.map(|refusal| renumbered(refusal, indexes)));
        refusals
    }

    /// The refusals of a command that is only judged.
    async fn refusals(
        &self,
        partition: Partition,
        command: Command,
        overrides: Vec<String>,
    ) -> Vec<Refusal> {
        match self.judge(partition, command, overrides).await {
            Err(Error::Refused(refusals)) => refusals,
            Ok(_) | Err(_) => Vec::new(),
        }
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
