//! What regions, compounds, buildings and units have in common on the wire: written once.
//!
//! A kind says how its fields are read and written; everything that can be done with a subject
//! follows from that.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::FieldMask;
use tonic::{Response, Status};

use crate::{
    domain::{
        content::{Content, Fields, Shared},
        region::{Level, RegionContent},
        timeline::EndCause,
    },
    kernel::{
        id::{IdSeed, Kind, RegionId, SubjectId},
        limit,
        page::Page,
        position::{Partition, Position},
        time::{Day, ImpreciseDay, KnownAt},
        violation::Violations,
    },
    proto::v1,
    registry::{
        Change, Command, Correct, End, ListOf, Merge, MergeInto, Register, Retract, Seen, Split,
        SplitPart,
    },
    service::{
        Plan, Way, Write, Written,
        common::{self, FieldReader},
        misread::{self, LeftOut, Misread},
        named,
        page::{self, Question},
        status,
    },
};

/// Subjects of one merge, and parts of one split: one entry names them all.
const SUCCESSION_MAX: usize = limit::ENTRY_SUBJECTS_MAX - 1;
/// The largest part of a share, so that sums of shares do not overflow.
pub(crate) const SHARE_MAX: u64 = 1_000_000_000;

/// A kind of subject on the wire.
pub(crate) trait Resource: Sized + Send + 'static {
    /// Which.
    const KIND: Kind;
    /// What can be said of it.
    type Fields: Default + Send;

    /// Reads what is said.
    fn read(fields: Self::Fields, reader: &mut FieldReader) -> Fields;

    /// What is known, on the wire. Contents of other kinds have nothing to show.
    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> Self::Fields;

    /// Puts the answer together.
    fn new(parts: Parts<Self::Fields>) -> Self;

    /// Adds what was derived beside the fields.
    #[must_use]
    fn with_derived(self, _seen: &Seen) -> Self {
        self
    }
}

/// What every kind is answered with.
pub(crate) struct Parts<F> {
    pub id: String,
    pub etag: String,
    pub life: Option<v1::Life>,
    pub fields: Option<F>,
    pub case_ids: Vec<String>,
    pub entries_in_doubt: Vec<u64>,
}

/// A subject on the wire.
pub(crate) fn resource<R: Resource>(mut seen: Seen) -> R {
    let mut entries_in_doubt: Vec<u64> =
        seen.cases.iter().flat_map(|(_, doubts)| doubts.iter().copied()).collect();
    entries_in_doubt.sort_unstable();
    entries_in_doubt.dedup();
    let content = std::mem::replace(&mut seen.content, Content::empty(R::KIND));
    let doubts = common::doubts(std::mem::take(&mut seen.doubts));
    let answer = R::new(Parts {
        id: seen.id.to_string(),
        etag: seen.etag.to_string(),
        life: Some(common::life(&seen)),
        case_ids: seen.cases.iter().map(|(id, _)| id.to_string()).collect(),
        entries_in_doubt,
        fields: Some(R::write(content, doubts)),
    });
    answer.with_derived(&seen)
}

/// What was read of a subject's fields.
pub(crate) struct Said {
    /// The content.
    pub content: Content,
    /// Why fields are doubted.
    pub sentences: Vec<(String, String)>,
    /// What to warn of.
    pub warnings: Vec<common::CodeWarning>,
}

/// Reads fields, by a mask or without one. What has violations is left out.
pub(crate) fn fields<R: Resource>(
    fields: Option<R::Fields>,
    mask: Option<FieldMask>,
) -> (Said, Violations) {
    let mut reader = FieldReader::new(mask);
    let fields = R::read(fields.unwrap_or_default(), &mut reader);
    let (read, violations) = reader.finish();
    let mut said = Said {
        content: Content { fields, shared: read.shared },
        sentences: read.sentences,
        warnings: read.warnings,
    };
    if !violations.is_empty() {
        said.leave_out(&violations);
    }
    (said, violations)
}

impl Said {
    /// Leaves out the fields that have violations.
    fn leave_out(&mut self, violations: &Violations) {
        let heads: BTreeSet<&str> = violations
            .list()
            .iter()
            .map(|violation| violation.field.split(['.', '[']).next().unwrap_or_default())
            .collect();
        self.content.retain(&|field| match field.split('.').next() {
            // Of a region they are called codes.
            Some("identifiers") => !heads.contains("identifiers") && !heads.contains("codes"),
            head => !head.is_some_and(|head| heads.contains(head)),
        });
        if heads.contains("doubts") {
            self.sentences.clear();
        }
    }
}

/// Takes over what was found below `prefix`; the mask is not below it.
pub(crate) fn take_over(violations: &mut Violations, prefix: &str, nested: &Violations) {
    for violation in nested.list() {
        let is_mask = violation.field.starts_with("update_mask");
        let field = match (prefix, violation.field.as_str()) {
            ("", field) => field.to_owned(),
            (_, field) if is_mask => field.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, field) => format!("{prefix}.{field}"),
        };
        violations.add(field, violation.reason, violation.message.clone());
    }
}

/// Reads fields below a path, noting what is wrong and leaving it out; with it, whether nothing is.
fn fields_at<R: Resource>(
    violations: &mut Violations,
    path: &str,
    value: Option<R::Fields>,
    mask: Option<FieldMask>,
) -> (Said, bool) {
    let (said, nested) = fields::<R>(value, mask);
    take_over(violations, path, &nested);
    (said, nested.is_empty())
}

/// What a content names, with the paths of the fields.
fn named_at(path: &str, content: &Content) -> Vec<(String, SubjectId)> {
    named(content).into_iter().map(|(field, id)| (format!("{path}.{field}"), id)).collect()
}

/// Reads the id of a subject of this kind.
pub(crate) fn id_of<R: Resource>(
    violations: &mut Violations,
    field: &str,
    text: &str,
) -> Option<SubjectId> {
    let id = common::required::<SubjectId>(violations, field, text)?;
    let (expected, found) = (R::KIND.word(), id.kind().word());
    let message = format!("this is the id of a {found}; the id of a {expected} is asked for");
    violations.take(field, if id.kind() == R::KIND { Ok(id) } else { Err(("MALFORMED", message)) })
}

/// What a create brings.
pub(crate) struct Creation<F> {
    pub fields: Option<F>,
    pub exists_from: String,
    pub opens_partition: bool,
}

/// A create, read: what to register, and where it belongs.
#[derive(Clone)]
pub(crate) struct Planned {
    pub register: Register,
    /// `None` for a province, which belongs to nothing, and where it is not known.
    pub partition: Option<Partition>,
    /// Whether it is known where it belongs. Without that it is only judged.
    pub is_placed: bool,
    pub named: Vec<(String, SubjectId)>,
    pub warnings: Vec<common::CodeWarning>,
}

/// Reads a create.
pub(crate) fn creation<R: Resource>(
    asked: Creation<R::Fields>,
    seed: IdSeed,
) -> Result<Planned, Misread<Planned>> {
    let mut violations = Violations::default();
    let exists_from =
        common::required::<ImpreciseDay>(&mut violations, "exists_from", &asked.exists_from)
            .or_else(misread::stand_in);
    let (said, _) = fields_at::<R>(&mut violations, "fields", asked.fields, None);
    let left_out = LeftOut::new(&violations, &[]);
    let mut homeless = Violations::default();
    let home = home(&mut homeless, &said.content);
    // Where it belongs is missed only where nothing was said of it.
    if !left_out.has_any(&misread::PLACES) {
        take_over(&mut violations, "", &homeless);
    }
    let Some(exists_from) = exists_from else { return Err(violations.into()) };
    let mut content = said.content;
    if home.is_none() && content.kind() == Kind::Region {
        // Codes are free or taken in a partition, and it is not known in which.
        content.shared.identifiers.clear();
    }
    let planned = Planned {
        partition: home.flatten().map(SubjectId::partition),
        is_placed: home.is_some(),
        named: named_at("fields", &content),
        warnings: said.warnings,
        register: Register {
            seed,
            content,
            exists_from,
            opens_partition: asked.opens_partition,
            sentences: said.sentences,
        },
    };
    Misread::check(violations, planned)
}

/// Where a new subject belongs: `Some(None)` for what belongs to nothing.
#[expect(clippy::option_option, reason = "the outer one says whether it could be read")]
fn home(violations: &mut Violations, content: &Content) -> Option<Option<SubjectId>> {
    let level = match &content.fields {
        Fields::Region(region) => Some(region.level),
        _ => None,
    };
    if level == Some(None) {
        violations.add("fields.level", "REQUIRED", "level is required");
    }
    // A building's own community is in the same partition as its compound.
    if let Some((_, home)) = named(content).into_iter().find(|(field, _)| *field != "physical_id") {
        return Some(Some(home));
    }
    let field = match content.kind() {
        Kind::Region if level == Some(Some(Level::Province)) => {
            return Some(None);
        }
        Kind::Region => "fields.parent_id",
        Kind::Compound => "fields.community_id",
        Kind::Body | Kind::Signer | Kind::Plan | Kind::Reference => "fields.region_id",
        Kind::Unit | Kind::Order | Kind::Report | Kind::Finding => "fields.building_id",
        Kind::Building | Kind::Case => "fields.compound_id",
    };
    let message = if content.kind() == Kind::Building {
        "a building is in a compound or in a community: name one"
    } else {
        "what it belongs to is required"
    };
    violations.add(field, "REQUIRED", message);
    None
}

/// Reads a create as a plan.
fn create_plan<R: Resource>(
    asked: Creation<R::Fields>,
    seed: IdSeed,
) -> Result<Plan, Misread<Plan>> {
    creation::<R>(asked, seed).map(plan_of).map_err(|misread| misread.map(plan_of))
}

pub(crate) fn plan_of(planned: Planned) -> Plan {
    Plan {
        command: Command::Register(planned.register),
        partition: planned.partition.unwrap_or(Partition::ROOT),
        named: planned.named,
        needs_everything: planned.partition.is_none() && planned.is_placed,
        needs_reason: false,
        warnings: planned.warnings,
    }
}

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
fn transfer_plan(
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

/// Notes that a level is said where it cannot be.
fn check_level(violations: &mut Violations, content: &Content) {
    if let Fields::Region(region) = &content.fields
        && region.level.is_some()
    {
        let message = "the level is said at creation and never changed";
        violations.add("fields.level", "LEVEL", message);
    }
}

fn change_plan<R: Resource>(
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

/// What a request is about, when it could be read, as the first of what it names.
pub(crate) fn about(field: &str, subject: Option<SubjectId>) -> Vec<(String, SubjectId)> {
    subject.into_iter().map(|subject| (field.to_owned(), subject)).collect()
}

/// A plan about a subject that is there.
pub(crate) fn on_subject(
    subject: SubjectId,
    command: Command,
    named: Vec<(String, SubjectId)>,
    warnings: Vec<common::CodeWarning>,
) -> Plan {
    let needs_reason = matches!(command, Command::Correct(_) | Command::Retract(_));
    Plan {
        command,
        partition: subject.partition(),
        named,
        needs_everything: false,
        needs_reason,
        warnings,
    }
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

fn correct_plan<R: Resource>(
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

fn end_plan<R: Resource>(
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

fn retract_plan<R: Resource>(
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

/// What a merge brings.
pub(crate) struct Merging<F> {
    pub ids: Vec<String>,
    pub day: String,
    pub into_id: String,
    pub into: Option<F>,
}

/// A plan to merge, and the subject that takes the others in when it is there already.
type MergePlan = (Plan, Option<SubjectId>);

/// Reads a merge. In the place of a day that cannot be read stands `today`.
fn merge_plan<R: Resource>(
    asked: Merging<R::Fields>,
    seed: IdSeed,
    today: Day,
) -> Result<MergePlan, Misread<MergePlan>> {
    let mut violations = Violations::default();
    let least = if asked.into_id.is_empty() { 2 } else { 1 };
    if !(least..=SUCCESSION_MAX).contains(&asked.ids.len()) {
        let message = format!("{least} to {SUCCESSION_MAX} subjects are merged at a time");
        violations.add("ids", "OUT_OF_RANGE", message);
    }
    let (mut subjects, mut indexes, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (index, text) in (0_u32..).zip(&asked.ids).take(SUCCESSION_MAX) {
        let field = format!("ids[{index}]");
        let Some(subject) = id_of::<R>(&mut violations, &field, text) else { continue };
        if subjects.contains(&subject) {
            violations.add(field, "REPEATED", "the same subject is named twice");
            continue;
        }
        subjects.push(subject);
        indexes.push(index);
        named.push((field, subject));
    }
    let day = common::required::<Day>(&mut violations, "day", &asked.day).unwrap_or(today);
    let existing = match asked.into_id.as_str() {
        "" => None,
        id => id_of::<R>(&mut violations, "into_id", id),
    };
    named.extend(existing.map(|id| ("into_id".to_owned(), id)));
    match (asked.into_id.as_str(), &asked.into) {
        ("", None) => {
            violations.add("into", "REQUIRED", "name what they become: into_id or into");
        }
        ("", Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            violations.add("into", "CONFLICTING", "give into_id or into, not both");
        }
    }
    let (said, _) = fields_at::<R>(&mut violations, "into", asked.into, None);
    let into = if let Some(existing) = existing {
        MergeInto::Existing(existing)
    } else {
        named.extend(named_at("into", &said.content));
        MergeInto::New { seed, content: Box::new(said.content) }
    };
    let mut doubtful: &[&str] = &[];
    let first = subjects.first().copied().unwrap_or_else(|| {
        let nobody = misread::nobody(R::KIND, &named);
        subjects.push(nobody);
        doubtful = &["ids[0]"];
        nobody
    });
    let command = Command::Merge(Merge { kind: R::KIND, subjects, day, into });
    let plan = on_subject(first, command, named, said.warnings);
    Misread::check(violations, (plan, existing)).map_err(|misread| Misread {
        doubtful,
        indexes,
        ..misread
    })
}

/// What a split brings.
pub(crate) struct Splitting<F> {
    pub id: String,
    pub etag: String,
    pub day: String,
    /// The parts: fields, numerator, denominator.
    pub parts: Vec<(Option<F>, u64, u64)>,
    /// Children and the index of the part that they go to.
    pub assignments: Vec<v1::ChildAssignment>,
    pub keeps: bool,
}

/// Reads a split. In the place of a day that cannot be read stands `today`.
fn split_plan<R: Resource>(
    asked: Splitting<R::Fields>,
    seeds: Vec<IdSeed>,
    today: Day,
) -> Result<Plan, Misread<Plan>> {
    let mut violations = Violations::default();
    let subject = id_of::<R>(&mut violations, "id", &asked.id);
    let etag = common::etag(&mut violations, &asked.etag);
    let day = common::required::<Day>(&mut violations, "day", &asked.day).unwrap_or(today);
    let least = if asked.keeps { 1 } else { 2 };
    let part_count = asked.parts.len();
    if !(least..=SUCCESSION_MAX).contains(&part_count) {
        let message = format!("{least} to {SUCCESSION_MAX} parts");
        violations.add("parts", "OUT_OF_RANGE", message);
    }
    let mut named = about("id", subject);
    let mut parts = Vec::new();
    let mut warnings = Vec::new();
    for (index, ((value, numerator, denominator), seed)) in
        asked.parts.into_iter().zip(seeds).enumerate()
    {
        let path = format!("parts[{index}]");
        let is_share = numerator > 0 && numerator <= denominator && denominator <= SHARE_MAX;
        if !is_share {
            let message =
                format!("a share is more than 0 and at most 1, in parts of at most {SHARE_MAX}");
            violations.add(format!("{path}.share_numerator"), "OUT_OF_RANGE", message);
        }
        let path = format!("{path}.fields");
        let (said, _) = fields_at::<R>(&mut violations, &path, value, None);
        named.extend(named_at(&path, &said.content));
        warnings.extend(said.warnings);
        // No share at all keeps areas by shares from being judged.
        let share = if is_share { (numerator, denominator) } else { (0, 1) };
        parts.push(SplitPart { seed, content: said.content, share });
    }
    let assignments = assignments(&mut violations, asked.assignments, part_count);
    let subject = subject.unwrap_or_else(|| misread::nobody(R::KIND, &named));
    let split = Split { subject, etag, day, parts, assignments, keeps: asked.keeps };
    Misread::check(violations, on_subject(subject, Command::Split(split), named, warnings))
}

fn assignments(
    violations: &mut Violations,
    asked: Vec<v1::ChildAssignment>,
    part_count: usize,
) -> Vec<(SubjectId, usize)> {
    let mut assignments = Vec::new();
    for (index, assignment) in asked.into_iter().enumerate() {
        let path = format!("assignments[{index}]");
        let child = common::required(violations, &format!("{path}.child_id"), &assignment.child_id);
        let part = usize::try_from(assignment.part).unwrap_or(usize::MAX);
        if part >= part_count {
            violations.add(format!("{path}.part"), "OUT_OF_RANGE", "there is no such part");
        }
        assignments.extend(child.map(|child| (child, part)));
    }
    assignments
}

/// A write and what is seen of its subject afterwards.
type Done<R> = (Written, Option<R>);

impl Write {
    /// Registers a subject.
    pub(crate) async fn create<R: Resource>(
        self,
        asked: Creation<R::Fields>,
    ) -> Result<Done<R>, Status> {
        let seed = common::id_seed(self.registry().now()).map_err(status::status)?;
        let written = self.run(create_plan::<R>(asked, seed)).await?;
        let made = written.see(written.made())?;
        Ok((written, made.map(resource)))
    }

    /// Does what is about one subject that is there.
    pub(crate) async fn about<R: Resource>(
        self,
        plan: Result<(Plan, SubjectId), impl Into<Misread<(Plan, SubjectId)>>>,
    ) -> Result<Done<R>, Status> {
        let subject = plan.as_ref().ok().map(|(_, subject)| *subject);
        let plan =
            plan.map(|(plan, _)| plan).map_err(|misread| misread.into().map(|(plan, _)| plan));
        let mut written = self.run(plan).await?;
        written.about = subject;
        let seen = written.see(subject)?;
        Ok((written, seen.map(resource)))
    }

    /// Moves a region to another parent.
    pub(crate) async fn transfer(
        self,
        region_id: &str,
        etag: &str,
        parent_id: &str,
        from: &str,
    ) -> Result<Done<v1::Region>, Status> {
        // A transfer is a change, whose fields have other names.
        const NAMES: [(&str, &str); 2] = [("id", "region_id"), ("fields.parent_id", "parent_id")];
        self.with_names(&NAMES).about(transfer_plan(region_id, etag, parent_id, from)).await
    }

    /// Says that the world changed.
    pub(crate) async fn change<R: Resource>(
        self,
        asked: Changing<R::Fields>,
    ) -> Result<Done<R>, Status> {
        self.about(change_plan::<R>(asked)).await
    }

    /// Says that an entry was wrong.
    pub(crate) async fn correct<R: Resource>(
        self,
        asked: Correcting<R::Fields>,
    ) -> Result<Done<R>, Status> {
        self.about(correct_plan::<R>(asked)).await
    }

    /// Ends a subject.
    pub(crate) async fn end<R: Resource>(
        self,
        id: &str,
        etag: &str,
        ended_on: &str,
        cause: i32,
    ) -> Result<Done<R>, Status> {
        self.about(end_plan::<R>(id, etag, ended_on, cause)).await
    }

    /// Takes an entry back.
    pub(crate) async fn retract<R: Resource>(
        self,
        id: &str,
        etag: &str,
        entry: Option<u64>,
    ) -> Result<Done<R>, Status> {
        self.about(retract_plan::<R>(id, etag, entry)).await
    }

    /// Merges subjects.
    pub(crate) async fn merge<R: Resource>(
        self,
        asked: Merging<R::Fields>,
    ) -> Result<Done<R>, Status> {
        let seed = common::id_seed(self.registry().now()).map_err(status::status)?;
        let plan = merge_plan::<R>(asked, seed, self.registry().now().day());
        let existing = plan.as_ref().ok().and_then(|(_, existing)| *existing);
        let plan = plan.map(|(plan, _)| plan).map_err(|misread| misread.map(|(plan, _)| plan));
        let written = self.run(plan).await?;
        let made = written.see(existing.or_else(|| written.made()))?;
        Ok((written, made.map(resource)))
    }

    /// Splits a subject: the parts.
    pub(crate) async fn split<R: Resource>(
        self,
        asked: Splitting<R::Fields>,
    ) -> Result<(Written, Vec<R>), Status> {
        let seeds = self.seeds(asked.parts.len().min(SUCCESSION_MAX))?;
        let today = self.registry().now().day();
        let written = self.run(split_plan::<R>(asked, seeds, today)).await?;
        let mut parts = Vec::new();
        for part in &written.outcome.decided.subjects {
            parts.extend(written.see(Some(*part))?.map(resource));
        }
        Ok((written, parts))
    }
}

/// Answers a write about one subject.
pub(crate) fn answer<R, T>(
    (written, seen): (Written, R),
    message: impl FnOnce(Option<v1::WriteReceipt>, R) -> T,
) -> Response<T> {
    written.answer_with(seen, message)
}

impl Written {
    fn answer_with<R, T>(
        self,
        seen: R,
        message: impl FnOnce(Option<v1::WriteReceipt>, R) -> T,
    ) -> Response<T> {
        let message = message(Some(self.receipt()), seen);
        self.answer(message)
    }
}

impl Way {
    /// Reads one subject of a kind; its answer and the position.
    pub(crate) async fn get_one<R: Resource>(
        &self,
        context: Option<v1::ReadContext>,
        id: &str,
    ) -> Result<(Option<R>, String), Status> {
        let mut violations = Violations::default();
        let subject = id_of::<R>(&mut violations, "id", id);
        let time = self.reading(context, violations).await?;
        let Some(subject) = subject else {
            return Err(status::bug("an id was read and is not there"));
        };
        let seen = self.get(subject, time).await?;
        let read_at = seen.position.to_string();
        Ok((Some(resource(seen)), read_at))
    }
}

impl Way {
    /// What a subject came from and what became of it.
    pub(crate) async fn lineage<R: Resource>(
        &self,
        context: Option<v1::ReadContext>,
        id: &str,
    ) -> Result<(Vec<v1::LineageEdge>, String), Status> {
        let mut violations = Violations::default();
        let subject = id_of::<R>(&mut violations, "id", id);
        let time = self.reading(context, violations).await?;
        let Some(subject) = subject else {
            return Err(status::bug("an id was read and is not there"));
        };
        self.check_reach("id", subject)?;
        let (edges, position) =
            self.blocking(move |registry| registry.lineage(subject, time.known_at)).await?;
        let edges = edges.into_iter().map(|(day, edge)| v1::LineageEdge {
            from_id: edge.from.to_string(),
            into_id: edge.into.to_string(),
            day: day.to_string(),
            share_numerator: edge.share_numerator,
            share_denominator: edge.share_denominator,
        });
        Ok((edges.collect(), position.to_string()))
    }
}

/// What every list is asked with.
pub(crate) struct Listing {
    pub context: Option<v1::ReadContext>,
    pub page_size: i32,
    pub page_token: String,
    pub order_by: String,
}

/// A page on the wire: the rows, the token of the next page, the position.
pub(crate) type Listed<R> = (Vec<R>, String, String);

impl Way {
    /// A page of a list. `asked` is the message without what is in `listing`; `of` reads what the
    /// list is of and, with its field, the subject whose reach decides.
    pub(crate) async fn list<R: Resource, M: Message>(
        &self,
        asked: &M,
        listing: Listing,
        of: impl FnOnce(&mut Violations) -> Option<(ListOf, Option<(&'static str, SubjectId)>)>,
    ) -> Result<Listed<R>, Status> {
        let mut violations = Violations::default();
        let question = Question::new(self, asked, listing.context.as_ref());
        let request = question.page(&mut violations, listing.page_size, &listing.page_token);
        page::check_order(&mut violations, &listing.order_by, listing.context.as_ref());
        let of = of(&mut violations);
        let time = self.reading(listing.context, violations).await?;
        let Some((of, judged_by)) = of else {
            return Err(status::bug("a list was read and is not there"));
        };
        match judged_by {
            Some((field, subject)) => self.check_reach(field, subject)?,
            None => self.check_everything()?,
        }
        let (page, position) = self
            .blocking(move |registry| {
                let partition = match of {
                    ListOf::Regions(None) => Partition::ROOT,
                    ListOf::Regions(Some(region)) | ListOf::Plans(region, _) => region.partition(),
                    ListOf::Below(_, holder)
                    | ListOf::Orders(holder, _)
                    | ListOf::Reports(holder, _) => holder.partition(),
                    ListOf::All(_, partition)
                    | ListOf::Ever(_, partition)
                    | ListOf::References(partition, _) => partition,
                };
                let known = match time.known_at {
                    KnownAt::Now => None,
                    known => registry.known(partition, known)?,
                };
                // At least this much is in the answer.
                let seq = known.unwrap_or_else(|| registry.frontier(partition).seq);
                let page: Page<Seen> = registry.list(of, time, &request)?;
                Ok((page, Position { partition, seq }))
            })
            .await?;
        let token = question.token(&page);
        let rows = page.rows.into_iter().map(resource).collect();
        Ok((rows, token, position.to_string()))
    }
}
