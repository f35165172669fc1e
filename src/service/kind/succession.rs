//! Reading merges and splits: several become one, one becomes several.

use crate::{
    kernel::{
        id::{IdSeed, SubjectId},
        limit,
        time::Day,
        violation::Violations,
    },
    proto::v1,
    registry::{Command, Merge, MergeInto, Split, SplitPart},
    service::{
        Plan, common,
        kind::{Resource, about, fields_at, id_of, named_at, on_subject},
        misread::{self, Misread},
    },
};

/// Subjects of one merge, and parts of one split: one entry names them all.
pub(super) const SUCCESSION_MAX: usize = limit::ENTRY_SUBJECTS_MAX - 1;

/// The largest part of a share, so that sums of shares do not overflow.
pub(crate) const SHARE_MAX: u64 = 1_000_000_000;

/// What a merge brings.
pub(crate) struct Merging<F> {
    pub ids: Vec<String>,
    pub day: String,
    pub into_id: String,
    pub into: Option<F>,
}

/// A plan to merge, and the subject that takes the others in when it is there already.
pub(super) type MergePlan = (Plan, Option<SubjectId>);

/// Reads a merge. In the place of a day that cannot be read stands `today`.
pub(super) fn merge_plan<R: Resource>(
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
pub(super) fn split_plan<R: Resource>(
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
