//! What regions, compounds, buildings and units have in common on the wire: written once.
//!
//! A kind says how its fields are read and written; everything that can be done with a subject
//! follows from that. How requests are read is in the files below, a subject each.

use std::collections::BTreeSet;

use prost_types::FieldMask;
use tonic::{Response, Status};

use crate::{
    domain::content::{Content, Fields},
    kernel::{
        id::{Kind, SubjectId},
        violation::Violations,
    },
    proto::v1,
    registry::{Command, Seen},
    service::{
        Plan, Write, Written,
        common::{self, FieldReader},
        kind::{
            change::{change_plan, correct_plan, end_plan, retract_plan, step_plan, transfer_plan},
            create::create_plan,
            succession::{SUCCESSION_MAX, merge_plan, split_plan},
        },
        misread::Misread,
        named, status,
    },
};

mod change;
mod create;
mod read;
mod succession;

pub(crate) use change::{Changing, Correcting, Step};
pub(crate) use create::{Creation, Planned, creation};
pub(crate) use read::{Listed, Listing, shown};
pub(crate) use succession::{Merging, SHARE_MAX, Splitting};

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

    /// Says one thing of a subject, today on unless another day is named.
    pub(crate) async fn step<R: Resource>(
        self,
        step: Step,
        read: impl FnOnce(&mut Violations) -> Option<Fields>,
        needs_reason: bool,
    ) -> Result<Done<R>, Status> {
        let today = self.registry().now().day();
        self.about(step_plan::<R>(&step, today, read, needs_reason)).await
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
