//! Reading what is said of a subject that is there: changes, corrections, ends, and what is taken back.

use prost_types::FieldMask;

use crate::{
    domain::{
        content::{Content, Fields, Shared},
        region::RegionContent,
        timeline::EndCause,
    },
    kernel::{
        id::{Kind, RegionId, SubjectId},
        time::{Day, ImpreciseDay},
        violation::Violations,
    },
    proto::v1,
    registry::{Change, Command, Correct, End, Retract},
    service::{
        Plan, common,
        kind::{Resource, about, fields_at, id_of, named_at, on_subject},
        misread::{self, Misread},
    },
};

/// What a change brings.
pub(crate) struct Changing<F> {
    pub id: String,
    pub etag: String,
    pub from: String,
    pub time: String,
    pub order_key: String,
    pub fields: Option<F>,
    pub update_mask: Option<FieldMask>,
}

/// A transfer is a change of the parent.
pub(super) fn transfer_plan(
    region_id: &str,
    etag: &str,
    parent_id: &str,
    from: &str,
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<v1::Region>(&mut violations, "region_id", region_id);
    let etag = common::etag(&mut violations, etag);
    let parent: Option<RegionId> = common::required(&mut violations, "parent_id", parent_id);
    let from = common::required::<Day>(&mut violations, "from", from).or_else(misread::stand_in);
    let Some(from) = from else { return Err(violations.into()) };
    let region = RegionContent { parent: parent.map(Some), ..RegionContent::default() };
    let content = Content { fields: Fields::Region(region), shared: Shared::default() };
    let mut named = about("region_id", subject);
    named.extend(parent.map(|parent| ("parent_id".to_owned(), SubjectId::from(parent))));
    let subject = subject.unwrap_or_else(|| misread::nobody(Kind::Region, &named));
    let change = Change {
        subject,
        etag,
        from,
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: Vec::new(),
    };
    let plan = on_subject(subject, Command::Change(change), named, Vec::new());
    // Without the parent it says nothing.
    let doubtful: &[&str] = if parent.is_none() { &["fields"] } else { &[] };
    Misread::check(violations, (plan, subject)).map_err(|misread| Misread { doubtful, ..misread })
}

/// A step of a subject: one thing that is said of it from a day on.
pub(crate) struct Step {
    pub id: String,
    pub etag: String,
    /// Today, where it is empty.
    pub from: String,
}

/// Reads a step; `read` gives what it says, unless that cannot be read.
pub(super) fn step_plan<R: Resource>(
    step: &Step,
    today: Day,
    read: impl FnOnce(&mut Violations) -> Option<Fields>,
    needs_reason: bool,
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<R>(&mut violations, "id", &step.id);
    let etag = common::etag(&mut violations, &step.etag);
    let from = common::optional::<Day>(&mut violations, "from", &step.from).unwrap_or(today);
    let fields = read(&mut violations);
    // Without what cannot be read it says nothing.
    let doubtful: &[&str] = if fields.is_none() { &["fields"] } else { &[] };
    let content = match fields {
        Some(fields) => Content { fields, shared: Shared::default() },
        None => Content::empty(R::KIND),
    };
    let named = about("id", subject);
    let subject = subject.unwrap_or_else(|| misread::nobody(R::KIND, &named));
    let change = Change {
        subject,
        etag,
        from,
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: Vec::new(),
    };
    let plan = on_subject(subject, Command::Change(change), named, Vec::new());
    Misread::check(violations, (Plan { needs_reason, ..plan }, subject))
        .map_err(|misread| Misread { doubtful, ..misread })
}

/// Notes that a level is said where it cannot be.
fn check_level(violations: &mut Violations, content: &Content) {
    if let Fields::Region(region) = &content.fields
        && region.level.is_some()
    {
        let message = "the level is said at creation and never changed";
        violations.add("fields.level", "LEVEL", message);
    }
}

/// Notes that where a policy stands is said without the command that asks why.
fn check_standing(violations: &mut Violations, content: &Content) {
    if let Fields::Policy(policy) = &content.fields
        && policy.standing.is_some()
    {
        let message = "a policy is bound, cancelled and lapsed by commands of their own";
        violations.add("fields.policy_standing", "NOT_HERE", message);
    }
}

/// Notes that a step of a claim, or what paid for a work item, is said without its own command.
fn check_step(violations: &mut Violations, content: &Content) {
    if let Fields::Claim(claim) = &content.fields
        && claim.step.is_some()
    {
        let message = "the steps of a claim are said by commands of their own";
        violations.add("fields.step", "NOT_HERE", message);
    }
    if let Fields::Work(work) = &content.fields
        && work.funding.is_some()
    {
        let message = "what paid for a work item is said by FundWork";
        violations.add("fields.funding", "NOT_HERE", message);
    }
}

pub(super) fn change_plan<R: Resource>(
    asked: Changing<R::Fields>,
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<R>(&mut violations, "id", &asked.id);
    let etag = common::etag(&mut violations, &asked.etag);
    let from =
        common::required::<Day>(&mut violations, "from", &asked.from).or_else(misread::stand_in);
    let second_of_day = common::second_of_day(&mut violations, &asked.time);
    let order_key = common::order_key(&mut violations, asked.order_key);
    let (said, is_whole) =
        fields_at::<R>(&mut violations, "fields", asked.fields, asked.update_mask);
    check_level(&mut violations, &said.content);
    check_standing(&mut violations, &said.content);
    check_step(&mut violations, &said.content);
    let is_empty = said.content.is_empty();
    if is_empty && is_whole {
        violations.add("fields", "NOTHING_SAID", "a change says at least one field");
    }
    let Some(from) = from else { return Err(violations.into()) };
    let mut named = about("id", subject);
    named.extend(named_at("fields", &said.content));
    let subject = subject.unwrap_or_else(|| misread::nobody(R::KIND, &named));
    let change = Change {
        subject,
        etag,
        from,
        second_of_day,
        order_key,
        content: said.content,
        sentences: said.sentences,
    };
    let plan = on_subject(subject, Command::Change(change), named, said.warnings);
    // What was left out may have been all of it.
    let doubtful: &[&str] = if is_empty { &["fields"] } else { &[] };
    Misread::check(violations, (plan, subject)).map_err(|misread| Misread { doubtful, ..misread })
}

/// What a correction brings.
pub(crate) struct Correcting<F> {
    pub id: String,
    pub etag: String,
    pub entry: Option<u64>,
    pub from: String,
    pub fields: Option<F>,
    pub update_mask: Option<FieldMask>,
    pub exists_from: String,
    pub ended_on: String,
}

pub(super) fn correct_plan<R: Resource>(
    asked: Correcting<R::Fields>,
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<R>(&mut violations, "id", &asked.id);
    let etag = common::etag(&mut violations, &asked.etag);
    let from = common::optional::<Day>(&mut violations, "from", &asked.from);
    let exists_from = common::optional(&mut violations, "exists_from", &asked.exists_from);
    let ended_on = common::optional(&mut violations, "ended_on", &asked.ended_on);
    let (said, is_whole) =
        fields_at::<R>(&mut violations, "fields", asked.fields, asked.update_mask);
    check_level(&mut violations, &said.content);
    let dates = [&asked.from, &asked.exists_from, &asked.ended_on];
    if is_whole && said.content.is_empty() && dates.iter().all(|date| date.is_empty()) {
        violations.add("fields", "NOTHING_SAID", "a correction says what was wrong");
    }
    let mut named = about("id", subject);
    named.extend(named_at("fields", &said.content));
    let subject = subject.unwrap_or_else(|| misread::nobody(R::KIND, &named));
    let correct = Correct {
        subject,
        etag,
        entry: asked.entry,
        from,
        content: said.content,
        exists_from,
        ended_on,
        sentences: said.sentences,
    };
    let plan = on_subject(subject, Command::Correct(correct), named, said.warnings);
    // An entry that is not named is found by the fields, of which some may be left out.
    let doubtful: &[&str] = if asked.entry.is_none() { &["entry", "from"] } else { &[] };
    Misread::check(violations, (plan, subject)).map_err(|misread| Misread { doubtful, ..misread })
}

pub(super) fn end_plan<R: Resource>(
    id: &str,
    etag: &str,
    ended_on: &str,
    cause: i32,
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<R>(&mut violations, "id", id);
    let etag = common::etag(&mut violations, etag);
    let day = common::required::<ImpreciseDay>(&mut violations, "ended_on", ended_on)
        .or_else(misread::stand_in);
    let cause = common::end_cause(&mut violations, "cause", cause).unwrap_or(EndCause::Other);
    let Some(day) = day else { return Err(violations.into()) };
    let named = about("id", subject);
    let subject = subject.unwrap_or_else(|| misread::nobody(R::KIND, &named));
    let command = Command::End(End { subject, etag, day, cause });
    let plan = on_subject(subject, command, named, Vec::new());
    Misread::check(violations, (plan, subject))
}

pub(super) fn retract_plan<R: Resource>(
    id: &str,
    etag: &str,
    entry: Option<u64>,
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<R>(&mut violations, "id", id);
    let etag = common::etag(&mut violations, etag);
    let named = about("id", subject);
    let subject = subject.unwrap_or_else(|| misread::nobody(R::KIND, &named));
    let command = Command::Retract(Retract { subject, etag, entry });
    let plan = on_subject(subject, command, named, Vec::new());
    Misread::check(violations, (plan, subject))
}
