//! Cases: what people have to look at because accepted facts contradict each other.
//!
//! A case is derived: it opens with the entry that makes the contradiction and is cleared by the one
//! that takes it away. Only its assignment and its settlement are facts. Contradictions are only
//! looked for after corrections and retractions, since every other command that would make one is
//! refused; but what an approved claim rests on, and what a policy insures, is said of others for their
//! own sake, and is looked at with every entry about these.
//!
//! One entry about a holder that contradicts what was accepted of many subjects in it opens one case:
//! it is one thing to look at. Each of them leaves it by itself when its contradiction goes.

mod contradiction;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::Content,
        timeline::{Statement, Timeline},
    },
    kernel::{
        id::{CaseId, Kind, SubjectId},
        position::{Partition, Seq},
        time::{Day, Stamp},
    },
    registry::{
        claims,
        entry::Entry,
        error::Error,
        fact::derived_case_id,
        policies,
        record::{put, read},
        space::{Space, below, child_prefix, key, seq_key, subject_at_end, subject_key, text_key},
        state::State,
        work::Work,
        works,
    },
    store::{Direction, Key},
};

pub use contradiction::Contradiction;

/// Children looked at after a holder's life was corrected.
const CHILDREN_MAX: usize = 4_096;
/// Cases of one subject looked at.
const CASES_MAX: usize = 1_000;
/// Subjects that hold one outside number, looked at.
const HOLDERS_MAX: usize = 64;

/// Days from one on, up to the day before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The first.
    pub from: Day,
    /// The first beyond them; `None` when they go on.
    pub until: Option<Day>,
}

impl Span {
    pub(crate) fn new(from: Day, until: Day) -> Self {
        Self { from, until: (until < Day::MAX).then_some(until) }
    }

    fn with(self, other: Self) -> Self {
        let until = self.until.zip(other.until).map(|(one, two)| one.max(two));
        Self { from: self.from.min(other.from), until }
    }
}

/// The days of which two things were said that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Days {
    /// Those of what was accepted before: of what is in a holder, of what holds after an end, of an
    /// end before the beginning, of an outside number, of an entry that rests on another.
    pub accepted: Span,
    /// Those of what it contradicts: of the holder, of the end, of the beginning, of the same number,
    /// of what was corrected. `None` when that never was so.
    pub against: Option<Span>,
}

impl Days {
    fn with(self, other: Self) -> Self {
        Self { accepted: self.accepted.with(other.accepted), ..self }
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
    /// The days concerned.
    pub days: Option<Days>,
}

impl Found {
    fn is_of_same(&self, other: &Self) -> bool {
        (self.what, self.other, &self.detail) == (other.what, other.other, &other.detail)
    }
}

/// A subject that a case puts in doubt, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDoubt {
    /// Which.
    pub subject: SubjectId,
    /// Its entries in doubt.
    pub entries: Vec<Seq>,
    /// Its own days of the contradiction.
    pub days: Option<Days>,
}

/// A subject that is in doubt with others in one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CaseSubject {
    /// Its entries in doubt.
    pub doubts: Vec<Seq>,
    /// The days concerned.
    pub days: Option<Days>,
    /// The entry that took its contradiction away before the others'.
    pub closed_by: Option<Seq>,
}

/// A case as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What is contradicted.
    pub what: Contradiction,
    /// The subjects concerned, the one in doubt first; of several in doubt the first of them.
    pub subjects: Vec<SubjectId>,
    /// More for the sentence.
    pub detail: String,
    /// The days concerned; of several in doubt those of all of them.
    pub days: Option<Days>,
    /// How many subjects it put in doubt. More than one are each kept beside the case.
    pub in_doubt: u32,
    /// Those whose contradiction has not gone.
    pub still_in_doubt: u32,
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

/// The key that says of a subject that a case concerns it. Its value is empty until what was settled
/// was gone.
fn subject_case_key(partition: Partition, subject: SubjectId, case: CaseId) -> Key {
    let mut key = subject_key(partition, Space::SubjectCase, subject);
    key.extend_from_slice(&SubjectId::from(case).to_bytes());
    key
}

/// Marks a case whose contradiction was gone after it was settled.
const WAS_GONE: u8 = 1;

/// The key of a subject that is in doubt with others.
fn case_subject_key(case: CaseId, subject: SubjectId) -> Key {
    let mut key = subject_key(case.partition(), Space::CaseSubject, case.into());
    key.extend_from_slice(&subject.to_bytes());
    key
}

/// The subjects that are in doubt in a case of several, from one on.
pub(crate) fn case_subjects(
    state: &dyn State,
    case: CaseId,
    after: Option<SubjectId>,
    rows: usize,
) -> Result<Vec<(SubjectId, CaseSubject)>, Error> {
    let mut range = below(subject_key(case.partition(), Space::CaseSubject, case.into()));
    if let Some(after) = after {
        range = crate::registry::space::after(range, &case_subject_key(case, after));
    }
    let mut subjects = Vec::new();
    for (key, value) in state.scan(&range, Direction::Up, rows)? {
        if let Some(subject) = subject_at_end(&key) {
            subjects.push((subject, read(&value)?));
        }
    }
    Ok(subjects)
}

/// The entries of a subject that a case put in doubt, as known with an entry; `None` when the subject
/// is not in doubt in it then.
pub(crate) fn doubts_of(
    state: &dyn State,
    (id, case): (CaseId, &Case),
    subject: SubjectId,
    known: Option<Seq>,
) -> Result<Option<Vec<Seq>>, Error> {
    if case.in_doubt <= 1 {
        let is_first = case.subjects.first() == Some(&subject);
        return Ok(is_first.then(|| case.doubts.clone()));
    }
    let Some(bytes) = state.get(&case_subject_key(id, subject))? else { return Ok(None) };
    let CaseSubject { doubts, closed_by, .. } = read(&bytes)?;
    let is_there = closed_by.is_none_or(|by| known.is_some_and(|known| by > known));
    Ok(is_there.then_some(doubts))
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
                days: Some(Days {
                    accepted: Span { from: end.day.latest(), until: None },
                    against: Some(Span { from: exists_from.earliest(), until: None }),
                }),
            });
        }
        // What was said of the very day of a merge or split, before that was said, belongs to it: what
        // is left, or where it was moved that day.
        let is_with_end = |statement: &Statement| {
            let is_of_day = statement.from == end.day.latest();
            end.cause.is_succession() && is_of_day && statement.seq <= end.said_by
        };
        let after = timeline.contents().map(|(statement, _)| statement).filter(|statement| {
            let is_after = statement.from >= end.day.latest() && !is_with_end(statement);
            statement.seq != registration.seq && is_after
        });
        let after = after.collect::<Vec<_>>();
        // They are laid in the order of their days.
        if let Some(first) = after.first().map(|statement| statement.from) {
            found.push(Found {
                what: Contradiction::SaidAfterItsEnd,
                other: None,
                doubts: after.iter().map(|statement| statement.seq).collect(),
                detail: String::new(),
                days: Some(Days {
                    accepted: Span { from: first, until: None },
                    against: Some(Span { from: end.day.latest(), until: None }),
                }),
            });
        }
    }
    outside_parents(state, partition, timeline, &mut found)?;
    overlapping_identifiers(state, partition, subject, timeline, &mut found)?;
    found.sort();
    // One that was in a holder twice is outside of its life once.
    found.dedup_by(|later, first| {
        let is_same = later.is_of_same(first);
        if is_same {
            first.days = first.days.zip(later.days).map(|(one, two)| one.with(two));
        }
        is_same
    });
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
                    days: Some(Days {
                        accepted: Span::new(first, beyond),
                        against: life.map(|(from, to)| Span::new(from, to)),
                    }),
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
            let overlapping = own.iter().find_map(|(from, until)| {
                let meets = |(first, beyond): &&(Day, Day)| from < beyond && first < until;
                let (first, beyond) = theirs.iter().find(meets)?;
                let against = Some(Span::new(*from, *until));
                Some(Days { accepted: Span::new(*first, *beyond), against })
            });
            if overlapping.is_some() {
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
                    days: overlapping,
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
    let Some(record) = work.known(entry.partition, subject)? else { return Ok(()) };
    claims::index(work, entry.partition, subject)?;
    for other in claims::concerned(work, entry, subject, before, &record.timeline)? {
        review(work, entry, other, &mut Opening::alone())?;
    }
    let life_changed = record.timeline.possible_span() != before.possible_span()
        || record.timeline.certain_span() != before.certain_span();
    if life_changed && work.head(entry.partition)?.has_policies() {
        // An end is refused by no policy, and each that names what ended has to follow.
        for policy in children(work, child_prefix(entry.partition, subject, Kind::Policy))? {
            review(work, entry, policy, &mut Opening::alone())?;
        }
    }
    // What was settled can go by any entry, and is to be known as gone.
    if entry.corrects.is_empty() && record.open_case_count == 0 && record.settled_case_count == 0 {
        return Ok(());
    }
    review(work, entry, subject, &mut Opening::alone())?;
    // What another subject contradicts may be gone with what this one said. What several in it
    // contradict goes with its life, or with what is said of them.
    for (id, case) in of_subject(work, entry.partition, subject)? {
        if let Some(other) = case.subjects.first().copied().filter(|other| *other != subject)
            && case.in_doubt <= 1
            && still_stands(work, id, &case, other)?
        {
            review(work, entry, other, &mut Opening::alone())?;
        }
    }
    doubt_what_rests_on(work, entry, subject)?;
    if life_changed {
        let mut opening = Opening { holder: Some(subject), case: None };
        for child in children(work, subject_key(entry.partition, Space::Child, subject))? {
            review(work, entry, child, &mut opening)?;
        }
    }
    Ok(())
}

/// Whether a case is open, or was settled and its contradiction of a subject has not gone since.
fn still_stands(
    work: &Work<'_>,
    id: CaseId,
    case: &Case,
    subject: SubjectId,
) -> Result<bool, Error> {
    if case.is_open() || case.outcome.is_none() {
        return Ok(case.is_open());
    }
    let kept = work.get(&subject_case_key(id.partition(), subject, id))?;
    Ok(kept.is_none_or(|kept| kept.is_empty()))
}

/// The case that an entry about a holder opens for all that is in it.
struct Opening {
    holder: Option<SubjectId>,
    case: Option<CaseId>,
}

impl Opening {
    /// Of what has no others beside it.
    fn alone() -> Self {
        Self { holder: None, case: None }
    }
}

/// The subjects at the ends of the keys of a holder, at most a bounded number.
fn children(state: &dyn State, prefix: Key) -> Result<Vec<SubjectId>, Error> {
    let rows = state.scan(&below(prefix), Direction::Up, CHILDREN_MAX)?;
    Ok(rows.iter().filter_map(|(key, _)| subject_at_end(key)).collect())
}

/// Compares the contradictions of a subject with its open cases.
fn review(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    opening: &mut Opening,
) -> Result<(), Error> {
    let Some(record) = work.known(entry.partition, subject)? else {
        return Ok(());
    };
    let mut found = contradictions(work, entry.partition, subject, &record.timeline)?;
    found.extend(of_insurance(work, entry.partition, subject, &record.timeline)?);
    let cases = of_subject(work, entry.partition, subject)?;
    let mut known = Vec::new();
    for (id, case) in cases {
        let Some(first) = case.subjects.first().copied() else { continue };
        let is_in_doubt = doubts_of(work, (id, &case), subject, None)?.is_some();
        let is_watched = is_in_doubt && case.what != Contradiction::BasisCorrected;
        let is_found = found.iter().any(|found| is_same(&case, found));
        if is_watched && case.is_open() && !is_found {
            leave(work, id, case, subject, entry.seq)?;
        } else if is_in_doubt && case.is_open() {
            known.push(case);
        } else if is_watched && still_stands(work, id, &case, subject)? {
            // What was settled is not opened again for the same as long as that goes on. Once it was
            // gone, it is new when it comes back.
            if is_found {
                known.push(case);
            } else {
                settled_is_gone(work, id, &case, subject)?;
            }
        } else if case.what == Contradiction::IdentifierOverlap
            && first != subject
            && still_stands(work, id, &case, first)?
        {
            // The other of two that have one number has no case of its own.
            known.push(case);
        }
    }
    for found in found {
        let is_known = |case: &Case| is_same(case, &found) || is_of_other(case, &found);
        if known.iter().any(is_known) {
            continue;
        }
        let is_of_holder =
            found.what == Contradiction::OutsideParentLife && found.other == opening.holder;
        if let Some(case) = opening.case.filter(|_| is_of_holder) {
            join(work, entry, case, subject, found)?;
        } else {
            let case = open(work, entry, subject, found)?;
            if is_of_holder && opening.holder.is_some() {
                opening.case = Some(case);
            }
        }
    }
    Ok(())
}

/// What contradicts a policy, a claim or a work item.
fn of_insurance(
    work: &mut Work<'_>,
    partition: Partition,
    subject: SubjectId,
    life: &Timeline,
) -> Result<Vec<Found>, Error> {
    match subject.kind() {
        Kind::Policy => policies::outlived(work, partition, life),
        Kind::Claim => {
            let tables = work.tables(partition)?;
            let mut found = claims::contradictions(work, &tables, subject, life)?;
            found.extend(works::contradictions(work, subject, life)?);
            Ok(found)
        }
        Kind::Work => works::contradictions(work, subject, life),
        _ => Ok(Vec::new()),
    }
}

/// Puts another subject into the case that the entry has opened.
fn join(
    work: &mut Work<'_>,
    entry: &Entry,
    id: CaseId,
    subject: SubjectId,
    found: Found,
) -> Result<(), Error> {
    let Some(mut case) = find(work, id)? else { return Ok(()) };
    if case.in_doubt == 1
        && let Some(first) = case.subjects.first().copied()
    {
        let (doubts, days) = (std::mem::take(&mut case.doubts), case.days);
        let first_one = CaseSubject { doubts, days, closed_by: None };
        work.put(case_subject_key(id, first), Some(put(&first_one)?));
    }
    let Found { doubts, days, .. } = found;
    let one = CaseSubject { doubts, days, closed_by: None };
    work.put(case_subject_key(id, subject), Some(put(&one)?));
    case.days = case.days.zip(days).map(|(all, days)| all.with(days));
    case.in_doubt += 1;
    case.still_in_doubt += 1;
    work.put(case_key(id), Some(put(&case)?));
    note_case(work, entry.partition, id, subject)
}

/// Takes a subject whose contradiction has gone out of a case; with the last one the case closes.
fn leave(
    work: &mut Work<'_>,
    id: CaseId,
    mut case: Case,
    subject: SubjectId,
    by: Seq,
) -> Result<(), Error> {
    if case.still_in_doubt <= 1 {
        return close(work, id, case, by, None);
    }
    let key = case_subject_key(id, subject);
    if let Some(bytes) = work.get(&key)? {
        let one: CaseSubject = read(&bytes)?;
        work.put(key, Some(put(&CaseSubject { closed_by: Some(by), ..one })?));
    }
    case.still_in_doubt -= 1;
    work.put(case_key(id), Some(put(&case)?));
    // However the case is settled, it is not this contradiction.
    work.put(subject_case_key(id.partition(), subject, id), Some(vec![WAS_GONE]));
    count_case(work, id.partition(), subject, false)
}

/// Marks of a settled case that its contradiction of a subject has gone.
fn settled_is_gone(
    work: &mut Work<'_>,
    id: CaseId,
    case: &Case,
    subject: SubjectId,
) -> Result<(), Error> {
    work.put(subject_case_key(id.partition(), subject, id), Some(vec![WAS_GONE]));
    let others = case.subjects.iter().skip(1).filter(|_| case.in_doubt <= 1);
    for concerned in std::iter::once(&subject).chain(others) {
        work.count(id.partition(), *concerned, |record| {
            record.settled_case_count = record.settled_case_count.saturating_sub(1);
        })?;
    }
    Ok(())
}

fn is_same(case: &Case, found: &Found) -> bool {
    case.what == found.what
        && case.subjects.get(1).copied() == found.other
        && case.detail == found.detail
}

/// Whether a case is of the same outside number on another subject, of which this one is found.
fn is_of_other(case: &Case, found: &Found) -> bool {
    case.what == found.what
        && case.what == Contradiction::IdentifierOverlap
        && case.subjects.first().copied() == found.other
        && case.detail == found.detail
}

fn open(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    found: Found,
) -> Result<CaseId, Error> {
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
        days: found.days,
        in_doubt: 1,
        still_in_doubt: 1,
        opened_by: entry.seq,
        opened_at: entry.stamp,
        doubts: found.doubts,
        assignee: None,
        outcome: None,
        closed_by: None,
    };
    work.put(case_key(id), Some(put(&case)?));
    for concerned in subjects {
        note_case(work, entry.partition, id, concerned)?;
    }
    work.meta_mut(entry.partition)?.open_case_count += 1;
    Ok(id)
}

/// Notes that a case concerns a subject.
fn note_case(
    work: &mut Work<'_>,
    partition: Partition,
    id: CaseId,
    concerned: SubjectId,
) -> Result<(), Error> {
    work.put(subject_case_key(partition, concerned, id), Some(Vec::new()));
    count_case(work, partition, concerned, true)
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
    let mut concerned = case.subjects.clone();
    if case.in_doubt > 1 {
        let all = case_subjects(work, id, None, CHILDREN_MAX)?;
        let still = all.into_iter().filter(|(_, one)| one.closed_by.is_none());
        concerned =
            still.map(|(subject, _)| subject).chain(concerned.into_iter().skip(1)).collect();
    }
    // As long as what was settled stands, entries of whom it concerns are looked at; others of many
    // do not take it away by what is said of them alone.
    let in_doubt = usize::try_from(case.still_in_doubt).unwrap_or(usize::MAX);
    let is_watched = outcome.is_some() && case.what != Contradiction::BasisCorrected;
    for (index, subject) in concerned.into_iter().enumerate() {
        count_case(work, id.partition(), subject, false)?;
        if is_watched && (case.in_doubt <= 1 || index < in_doubt) {
            work.count(id.partition(), subject, |record| record.settled_case_count += 1)?;
        }
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
                days: resting_days(work, entry, seq)?,
            };
            open(work, entry, subject, found)?;
        }
    }
    Ok(())
}

/// The days from which an entry holds that rests on another, and from which the correction does.
fn resting_days(work: &Work<'_>, entry: &Entry, resting: Seq) -> Result<Option<Days>, Error> {
    let span = |from: Day| Span { from, until: None };
    let accepted = work.entry(entry.partition, resting)?.valid_from.map(span);
    let against = entry.valid_from.map(span);
    Ok(accepted.map(|accepted| Days { accepted, against }))
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
