//! Cases: what people have to look at because accepted facts contradict each other.
//!
//! A case is derived: it opens with the entry that makes the contradiction and is cleared by the one
//! that takes it away. Only its assignment and its settlement are facts. Contradictions are only
//! looked for after corrections and retractions, since every other command that would make one is
//! refused.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{content::Content, timeline::Timeline},
    kernel::{
        id::{CaseId, SubjectId},
        position::{Partition, Seq},
        time::{Day, Stamp},
    },
    registry::{
        entry::Entry,
        error::Error,
        fact::derived_case_id,
        record::{put, read},
        space::{Space, below, key, seq_key, subject_at_end, subject_key, text_key},
        state::State,
        work::Work,
    },
    store::{Direction, Key},
};

/// Children looked at after a holder's life was corrected.
const CHILDREN_MAX: usize = 4_096;
/// Cases of one subject looked at.
const CASES_MAX: usize = 1_000;
/// Subjects that hold one outside number, looked at.
const HOLDERS_MAX: usize = 64;

/// What accepted facts can contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Contradiction {
    /// It ends before it begins.
    EndsBeforeItBegins,
    /// Something is said of days when it certainly is no more.
    SaidAfterItsEnd,
    /// It is there while what it is in certainly is not.
    OutsideParentLife,
    /// Another subject has the same outside number on the same day.
    IdentifierOverlap,
    /// An entry that another decision relied on was corrected.
    BasisCorrected,
}

impl Contradiction {
    /// The stable reason; the same as of the refusal of a command that would make it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins => "ENDS_BEFORE_IT_BEGINS",
            Self::SaidAfterItsEnd => "SAID_AFTER_ITS_END",
            Self::OutsideParentLife => "OUTSIDE_PARENT_LIFE",
            Self::IdentifierOverlap => "IDENTIFIER_TAKEN",
            Self::BasisCorrected => "BASIS_CORRECTED",
        }
    }

    /// One sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins => "its end lies before its beginning",
            Self::SaidAfterItsEnd => "something is said of days when it certainly is no more",
            Self::OutsideParentLife => "it is there on days when what it is in is not",
            Self::IdentifierOverlap => {
                "another subject has the same outside number on the same day"
            }
            Self::BasisCorrected => "an entry on which a later one rests was corrected",
        }
    }
}

/// One contradiction that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// What is contradicted.
    pub what: Contradiction,
    /// The other subject concerned.
    pub other: Option<SubjectId>,
    /// The subject's entries that are in doubt.
    pub doubts: Vec<Seq>,
    /// More for the sentence: the field, the scheme and value.
    pub detail: String,
}

/// A case as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What is contradicted.
    pub what: Contradiction,
    /// The subjects concerned, the one in doubt first.
    pub subjects: Vec<SubjectId>,
    /// More for the sentence.
    pub detail: String,
    /// The entry that opened it.
    pub opened_by: Seq,
    /// When.
    pub opened_at: Stamp,
    /// The entries in doubt.
    pub doubts: Vec<Seq>,
    /// Whom it was given to.
    pub assignee: Option<String>,
    /// How it was settled: 1 stands, 2 corrected, 3 unfounded.
    pub outcome: Option<u32>,
    /// The entry that settled it or took its cause away.
    pub closed_by: Option<Seq>,
}

impl Case {
    /// Whether somebody still has to look at it.
    pub fn is_open(&self) -> bool {
        self.closed_by.is_none()
    }
}

/// The key of a case.
pub(crate) fn case_key(case: CaseId) -> Key {
    subject_key(case.partition(), Space::Case, case.into())
}

/// A case.
pub(crate) fn find(state: &dyn State, case: CaseId) -> Result<Option<Case>, Error> {
    state.get(&case_key(case))?.map(|bytes| read(&bytes)).transpose()
}

/// The cases of a subject, oldest first.
pub(crate) fn of_subject(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
) -> Result<Vec<(CaseId, Case)>, Error> {
    let range = below(subject_key(partition, Space::SubjectCase, subject));
    let mut cases = Vec::new();
    for (key, _) in state.scan(&range, Direction::Up, CASES_MAX)? {
        let Some(id) = subject_at_end(&key).and_then(|id| CaseId::try_from(id).ok()) else {
            continue;
        };
        if let Some(case) = find(state, id)? {
            cases.push((id, case));
        }
    }
    Ok(cases)
}

/// All contradictions of a subject whose life is `timeline`.
pub(crate) fn contradictions(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
    timeline: &Timeline,
) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let Some((registration, exists_from)) = timeline.registration() else {
        return Ok(found);
    };
    if let Some(end) = timeline.end() {
        if end.day.latest() <= exists_from.earliest() {
            found.push(Found {
                what: Contradiction::EndsBeforeItBegins,
                other: None,
                doubts: vec![end.said_by],
                detail: String::new(),
            });
        }
        let after = timeline
            .contents()
            .filter(|(statement, _)| {
                statement.seq != registration.seq && statement.from >= end.day.latest()
            })
            .map(|(statement, _)| statement.seq)
            .collect::<Vec<_>>();
        if !after.is_empty() {
            found.push(Found {
                what: Contradiction::SaidAfterItsEnd,
                other: None,
                doubts: after,
                detail: String::new(),
            });
        }
    }
    outside_parents(state, partition, timeline, &mut found)?;
    overlapping_identifiers(state, partition, subject, timeline, &mut found)?;
    found.sort();
    Ok(found)
}

/// The days on which a subject is certainly in a holder must lie in the holder's possible days.
fn outside_parents(
    state: &dyn State,
    partition: Partition,
    timeline: &Timeline,
    found: &mut Vec<Found>,
) -> Result<(), Error> {
    let Some((born, gone)) = timeline.certain_span() else {
        return Ok(());
    };
    let spans = timeline.spans(Content::holders);
    for (from, until, holders) in spans {
        let first = from.max(born);
        let beyond = until.unwrap_or(Day::MAX).min(gone);
        if first >= beyond {
            continue;
        }
        for holder in holders {
            // What a partition does not know was checked where it is known.
            let life = match state.record(partition, holder)? {
                Some(record) => record.timeline.possible_span(),
                None => continue,
            };
            let is_inside = life.is_some_and(|(holder_from, holder_to)| {
                holder_from <= first && beyond <= holder_to
            });
            if !is_inside {
                let doubts = timeline
                    .contents()
                    .filter(|(_, content)| content.references().contains(&holder))
                    .map(|(statement, _)| statement.seq)
                    .collect();
                found.push(Found {
                    what: Contradiction::OutsideParentLife,
                    other: Some(holder),
                    doubts,
                    detail: String::new(),
                });
            }
        }
    }
    Ok(())
}

/// The spans in which a subject has an outside number, clipped to the days it may be there.
fn spans_of_identifier(timeline: &Timeline, scheme: &str, value: &str) -> Vec<(Day, Day)> {
    let Some((born, gone)) = timeline.possible_span() else {
        return Vec::new();
    };
    timeline
        .spans(|content| {
            content
                .shared
                .identifiers
                .get(scheme)
                .is_some_and(|values| values.iter().any(|other| other == value))
        })
        .into_iter()
        .filter(|(.., has)| *has)
        .map(|(from, until, _)| (from.max(born), until.unwrap_or(Day::MAX).min(gone)))
        .filter(|(from, until)| from < until)
        .collect()
}

fn overlapping_identifiers(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
    timeline: &Timeline,
    found: &mut Vec<Found>,
) -> Result<(), Error> {
    let mut seen: Vec<(&str, &str)> = timeline
        .contents()
        .flat_map(|(_, content)| &content.shared.identifiers)
        .flat_map(|(scheme, values)| {
            values.iter().map(move |value| (scheme.as_str(), value.as_str()))
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    for (scheme, value) in seen {
        let own = spans_of_identifier(timeline, scheme, value);
        if own.is_empty() {
            continue;
        }
        let range = below(text_key(partition, Space::Identifier, &[scheme, value]));
        for (key, _) in state.scan(&range, Direction::Up, HOLDERS_MAX)? {
            let Some(other) = subject_at_end(&key).filter(|other| *other != subject) else {
                continue;
            };
            // A district bears its code both in its own partition and in partition 0, under one id.
            if other.kind() != subject.kind() {
                continue;
            }
            let Some(record) = state.record(partition, other)? else { continue };
            let theirs = spans_of_identifier(&record.timeline, scheme, value);
            let overlaps = own.iter().any(|(from, until)| {
                theirs
                    .iter()
                    .any(|(other_from, other_until)| from < other_until && other_from < until)
            });
            if overlaps {
                let field = format!("identifiers.{scheme}");
                let doubts = timeline
                    .contents()
                    .filter(|(_, content)| content.texts().iter().any(|(name, _)| *name == field))
                    .map(|(statement, _)| statement.seq)
                    .collect();
                found.push(Found {
                    what: Contradiction::IdentifierOverlap,
                    other: Some(other),
                    doubts,
                    detail: format!("{scheme} {value}"),
                });
            }
        }
    }
    Ok(())
}

/// Opens and clears cases after an entry about a subject.
pub(crate) fn after_entry(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    before: &Timeline,
) -> Result<(), Error> {
    put_basis(work, entry, subject);
    let Some(record) = work.known(entry.partition, subject)? else {
        return Ok(());
    };
    if entry.corrects.is_empty() && record.open_case_count == 0 {
        return Ok(());
    }
    review(work, entry, subject)?;
    // What another subject contradicts may be gone with what this one said.
    for (_, case) in of_subject(work, entry.partition, subject)? {
        if let Some(other) = case.subjects.first().copied().filter(|other| *other != subject)
            && case.is_open()
        {
            review(work, entry, other)?;
        }
    }
    doubt_what_rests_on(work, entry, subject)?;
    let life_changed = record.timeline.possible_span() != before.possible_span()
        || record.timeline.certain_span() != before.certain_span();
    if life_changed {
        for child in children(work, entry.partition, subject)? {
            review(work, entry, child)?;
        }
    }
    Ok(())
}

/// Every subject that ever was in a holder, at most a bounded number.
fn children(
    state: &dyn State,
    partition: Partition,
    holder: SubjectId,
) -> Result<Vec<SubjectId>, Error> {
    let range = below(subject_key(partition, Space::Child, holder));
    let rows = state.scan(&range, Direction::Up, CHILDREN_MAX)?;
    Ok(rows.iter().filter_map(|(key, _)| subject_at_end(key)).collect())
}

/// Compares the contradictions of a subject with its open cases.
fn review(work: &mut Work<'_>, entry: &Entry, subject: SubjectId) -> Result<(), Error> {
    let Some(record) = work.known(entry.partition, subject)? else {
        return Ok(());
    };
    let found = contradictions(work, entry.partition, subject, &record.timeline)?;
    let cases = of_subject(work, entry.partition, subject)?;
    for (id, case) in &cases {
        let is_first = case.subjects.first() == Some(&subject);
        if !is_first || !case.is_open() || case.what == Contradiction::BasisCorrected {
            continue;
        }
        if !found.iter().any(|found| is_same(case, found)) {
            close(work, *id, case.clone(), entry.seq, None)?;
        }
    }
    for found in found {
        // A case that was settled is not opened again for the same.
        if !cases
            .iter()
            .any(|(_, case)| is_same(case, &found) && (case.is_open() || case.outcome.is_some()))
        {
            open(work, entry, subject, found)?;
        }
    }
    Ok(())
}

fn is_same(case: &Case, found: &Found) -> bool {
    case.what == found.what
        && case.subjects.get(1).copied() == found.other
        && case.detail == found.detail
}

fn open(work: &mut Work<'_>, entry: &Entry, subject: SubjectId, found: Found) -> Result<(), Error> {
    let subjects = std::iter::once(subject).chain(found.other).collect::<Vec<_>>();
    let unix_ms = u64::try_from(entry.stamp.micros() / 1_000).unwrap_or(0);
    let named = subjects.iter().flat_map(|subject| subject.to_bytes()).collect::<Vec<_>>();
    let id = derived_case_id(
        unix_ms,
        entry.partition,
        &[
            &entry.seq.to_be_bytes(),
            found.what.reason().as_bytes(),
            &named,
            found.detail.as_bytes(),
        ],
    );
    let case = Case {
        what: found.what,
        subjects: subjects.clone(),
        detail: found.detail,
        opened_by: entry.seq,
        opened_at: entry.stamp,
        doubts: found.doubts,
        assignee: None,
        outcome: None,
        closed_by: None,
    };
    work.put(case_key(id), Some(put(&case)?));
    for concerned in subjects {
        let mut key = subject_key(entry.partition, Space::SubjectCase, concerned);
        key.extend_from_slice(&SubjectId::from(id).to_bytes());
        work.put(key, Some(Vec::new()));
        count_case(work, entry.partition, concerned, true)?;
    }
    work.meta_mut(entry.partition)?.open_case_count += 1;
    Ok(())
}

fn count_case(
    work: &mut Work<'_>,
    partition: Partition,
    subject: SubjectId,
    opens: bool,
) -> Result<(), Error> {
    work.count(partition, subject, |record| {
        record.open_case_count = if opens {
            record.open_case_count + 1
        } else {
            record.open_case_count.saturating_sub(1)
        };
    })
}

fn close(
    work: &mut Work<'_>,
    id: CaseId,
    case: Case,
    by: Seq,
    outcome: Option<u32>,
) -> Result<(), Error> {
    for subject in &case.subjects {
        count_case(work, id.partition(), *subject, false)?;
    }
    let closed = Case { closed_by: Some(by), outcome, ..case };
    work.put(case_key(id), Some(put(&closed)?));
    let meta = work.meta_mut(id.partition())?;
    meta.open_case_count = meta.open_case_count.saturating_sub(1);
    Ok(())
}

/// Notes which entries an entry rests on, where a correction of these puts it in doubt.
fn put_basis(work: &mut Work<'_>, entry: &Entry, subject: SubjectId) {
    let is_watched = matches!(
        entry.body.as_ref().map(|body| &body.fact),
        Some(crate::registry::fact::Fact::Succession { .. })
    );
    if is_watched {
        for basis in &entry.basis {
            let mut key = seq_key(entry.partition, Space::Basis, *basis);
            key.extend_from_slice(&entry.seq.to_be_bytes());
            key.extend_from_slice(&subject.to_bytes());
            work.put(key, Some(Vec::new()));
        }
    }
}

/// Opens cases for entries that rest on what this entry corrects.
fn doubt_what_rests_on(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
) -> Result<(), Error> {
    for corrected in &entry.corrects {
        let range = below(seq_key(entry.partition, Space::Basis, *corrected));
        for (key, _) in work.scan(&range, Direction::Up, HOLDERS_MAX)? {
            let seq = key.get(12..20).and_then(|bytes| bytes.try_into().ok());
            let (Some(seq), Some(other)) = (seq.map(u64::from_be_bytes), subject_at_end(&key))
            else {
                continue;
            };
            if entry.corrects.contains(&seq) || other != subject {
                continue;
            }
            let found = Found {
                what: Contradiction::BasisCorrected,
                other: None,
                doubts: vec![seq],
                detail: format!("entry {seq} rests on entry {corrected}"),
            };
            open(work, entry, subject, found)?;
        }
    }
    Ok(())
}

/// Notes whom a case was given to.
pub(crate) fn apply_assigned(work: &mut Work<'_>, id: CaseId, assignee: &str) -> Result<(), Error> {
    if let Some(mut case) = find(work, id)? {
        case.assignee = Some(assignee.to_owned());
        work.put(case_key(id), Some(put(&case)?));
    }
    Ok(())
}

/// Notes how a case was settled.
pub(crate) fn apply_settled(
    work: &mut Work<'_>,
    seq: Seq,
    id: CaseId,
    outcome: u32,
) -> Result<(), Error> {
    match find(work, id)? {
        Some(case) if case.is_open() => close(work, id, case, seq, Some(outcome)),
        _ => Ok(()),
    }
}

/// All cases of a partition from a key on, oldest first.
pub(crate) fn page(
    state: &dyn State,
    partition: Partition,
    after: Option<CaseId>,
    rows: usize,
) -> Result<Vec<(CaseId, Case)>, Error> {
    let mut range = below(key(partition, Space::Case));
    if let Some(after) = after {
        range = crate::registry::space::after(range, &case_key(after));
    }
    let mut cases = Vec::new();
    for (key, value) in state.scan(&range, Direction::Up, rows)? {
        if let Some(id) = subject_at_end(&key).and_then(|id| CaseId::try_from(id).ok()) {
            cases.push((id, read(&value)?));
        }
    }
    Ok(cases)
}
