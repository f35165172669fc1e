//! Ends that rows of outside sources say.
//!
//! A row of something new says its whole life at once: it begins and ends with one row. What is
//! there ends as by its own command, and is judged as that judges. What a merge or split made has a
//! row of its own, which says what it is, so that nothing is added up or shared out here. An end that
//! somebody said otherwise, or took back, stays as it is.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::Content,
        plausibility::{self, Implausible},
        timeline::{Edge, End, EndCause, Saying, Statement},
    },
    kernel::{
        id::SubjectId,
        position::Seq,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{Correct, ImportRow, RowMode},
        commands::{
            end::Ending,
            import::{find, unknown},
            lineage::{alive, check_shares, is_there, may_end, move_child, stay_put, succeed},
            register::Unresolved,
            rules::{ChildOf, living_children, no_sweep, noted, real_subject},
            within::Within,
        },
        error::{Class, Error, Refusal},
        fact::{Conflict, Fact, SourceRow},
        record::Record,
        state::State,
        tx::Tx,
    },
};

/// The field that says the day.
const DAY: &str = "ended_on";
/// The field that says why.
const CAUSE: &str = "end_cause";
/// The field that says what stands in its place.
const SUCCESSORS: &str = "successors";

/// The end that a row says, with what it names.
#[derive(Clone, Debug)]
pub(crate) struct RowEnding {
    day: ImpreciseDay,
    cause: EndCause,
    successors: Vec<(SubjectId, (u64, u64))>,
}

impl RowEnding {
    /// The end of a row; tells what of it is not there, or not in reach, and what is wrong with it in
    /// itself.
    pub(crate) fn resolve(
        tx: &mut Tx<'_, '_>,
        source: &str,
        row: &ImportRow,
        within: &mut Within,
        unresolved: &mut Unresolved,
    ) -> Result<Option<Self>, Error> {
        let Some(end) = &row.end else { return Ok(None) };
        let kind = row.content.kind();
        let mut successors = Vec::new();
        for (index, (reference, share)) in end.successors.iter().enumerate() {
            match find(tx, source, kind, reference)? {
                Some(id) if within.reaches(tx, id)? => successors.push((id, *share)),
                found => {
                    let field = format!("{SUCCESSORS}[{index}]");
                    let why = unknown(&field, kind, (reference, found), within);
                    unresolved.refusals.push(why);
                }
            }
        }
        let is_whole = successors.len() == end.successors.len();
        let ending = Self { day: end.day, cause: end.cause, successors };
        ending.check(is_whole, &mut unresolved.refusals);
        Ok(Some(ending))
    }

    /// What is wrong with it in itself. What is not there is told already.
    fn check(&self, is_whole: bool, refusals: &mut Vec<Refusal>) {
        let mut invalid = |reason: &str, field: &str, message: &str| {
            refusals.push(Refusal::of(Class::Invalid, reason, field, message));
        };
        let count = self.successors.len();
        if !self.cause.is_succession() {
            if count > 0 {
                invalid("END_CAUSE", CAUSE, "only what was merged or split has successors");
            }
            return;
        }
        if self.day.earliest() != self.day.latest() {
            invalid("MALFORMED", DAY, "a merge or split is of one day");
        }
        if !is_whole {
            return;
        }
        let shares = self.successors.iter().map(|(_, share)| *share).collect::<Vec<_>>();
        let distinct = self.successors.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len();
        match self.cause {
            _ if count == 0 => {
                invalid("REQUIRED", SUCCESSORS, "what was merged or split goes on in others");
            }
            EndCause::Merged if count > 1 => {
                invalid("TOO_MANY", SUCCESSORS, "what was merged goes on in one");
            }
            EndCause::Merged if shares.iter().any(|(part, whole)| part != whole) => {
                invalid("SHARE", SUCCESSORS, "what was merged goes on as a whole");
            }
            EndCause::Split if count < 2 || distinct < count => {
                invalid("SPLIT_PARTS", SUCCESSORS, "what was split goes on in two or more");
            }
            EndCause::Split => check_shares(SUCCESSORS, &shares, false, refusals),
            _ => {}
        }
    }

    /// What is implausible about the day.
    pub(crate) fn implausible(&self, content: &Content, today: Day) -> Vec<Implausible> {
        plausibility::check_end(content, self.day, today)
    }

    fn edges(&self, id: SubjectId) -> Vec<Edge> {
        let edge = |(into, (share_numerator, share_denominator)): &(SubjectId, (u64, u64))| Edge {
            from: id,
            into: *into,
            share_numerator: *share_numerator,
            share_denominator: *share_denominator,
        };
        self.successors.iter().map(edge).collect()
    }

    /// What it says of a subject, to be judged.
    pub(crate) fn statement(&self, id: SubjectId) -> Statement {
        let saying = if self.cause.is_succession() {
            Saying::Succession { edges: self.edges(id), ends: Some(self.cause) }
        } else {
            Saying::Ended { day: self.day, cause: self.cause }
        };
        let from = self.day.earliest();
        Statement { seq: Seq::MAX, from, second: None, key: Vec::new(), saying }
    }

    /// Whether what stands in its place is there on its day. It may have ended since.
    pub(crate) fn goes_on(
        &self,
        tx: &mut Tx<'_, '_>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let day = self.day.earliest();
        for (id, _) in &self.successors {
            let mut own = Vec::new();
            let record = real_subject(tx, *id, None, &mut own)?;
            refusals.extend(own.into_iter().map(of_successor));
            if record.is_some_and(|record| !is_there(&record, day)) {
                let message = format!("{id} is not there on {day}");
                refusals.push(Refusal::rule("NOT_THERE", SUCCESSORS, message));
            }
        }
        Ok(())
    }

    /// Records the end of what has just begun, judged with its beginning.
    pub(crate) fn record_of_new(
        &self,
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        source_row: SourceRow,
    ) -> Result<(), Error> {
        if self.cause.is_succession() {
            return self.succeed(tx, id);
        }
        let record = tx.must("id", id)?;
        Ending::new(id, record, self.day, self.cause).record(tx, Some(source_row))
    }

    /// No row stands in the entry of a merge or split, which is of its other subjects as well.
    fn succeed(&self, tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<(), Error> {
        let is_split = self.cause == EndCause::Split;
        let fact = Fact::Succession { split: is_split, edges: self.edges(id), ended: vec![id] };
        let into = self.successors.first().map_or(id, |(into, _)| *into);
        let leading = if is_split { id } else { into };
        succeed(tx, leading, fact, self.day.earliest(), Vec::new())
    }

    /// What becomes of it beside what is known of a subject.
    pub(crate) fn judge(
        &self,
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        (source, key, mode): (&str, &str, RowMode),
    ) -> Result<Verdict, Error> {
        let record = tx.must("key", id)?;
        if record.timeline.registration().is_none() {
            return Ok(Verdict::Nothing);
        }
        let Some(end) = record.timeline.end() else {
            return Ok(if self.was_taken_back(tx, id, &record)? {
                Verdict::Conflict(vec![conflict(DAY, self.day.to_string(), None)])
            } else {
                Verdict::Fresh
            });
        };
        let conflicts = self.conflicts(id, &record, end);
        if conflicts.is_empty() {
            return Ok(Verdict::Nothing);
        }
        let said = tx.work.entry(id.partition(), end.said_by)?;
        let row = said.body.and_then(|body| body.source_row);
        let is_own = row.is_some_and(|row| row.source == source && row.key == key);
        let is_only_day = conflicts.iter().all(|conflict| conflict.field == DAY);
        Ok(match mode {
            _ if !is_own || end.cause.is_succession() => Verdict::Conflict(conflicts),
            RowMode::Correction if is_only_day => Verdict::Correction(end.said_by),
            _ => Verdict::Refused(not_changeable(end, is_only_day)),
        })
    }

    /// Where it differs from an end that stands.
    fn conflicts(&self, id: SubjectId, record: &Record, end: End) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        if self.day != end.day {
            conflicts.push(conflict(DAY, self.day.to_string(), Some(end.day.to_string())));
        }
        if self.cause != end.cause {
            let has = Some(end.cause.word().to_owned());
            conflicts.push(conflict(CAUSE, self.cause.word().to_owned(), has));
        }
        // What was taken out of it before on the same day is no part of its end.
        let its = record.timeline.successions().filter(|(said, ..)| said.seq == end.said_by);
        let edges = its.flat_map(|(_, edges, _)| edges).filter(|edge| edge.from == id);
        let has = edges.copied().collect::<BTreeSet<_>>();
        let says = self.edges(id).into_iter().collect::<BTreeSet<_>>();
        if conflicts.is_empty() && self.cause.is_succession() && says != has {
            conflicts.push(conflict(SUCCESSORS, names(&says), Some(names(&has))));
        }
        conflicts
    }

    /// Whether somebody has said this end before, and it was taken back.
    fn was_taken_back(
        &self,
        tx: &Tx<'_, '_>,
        id: SubjectId,
        record: &Record,
    ) -> Result<bool, Error> {
        let partition = id.partition();
        for place in record.timeline.places() {
            if place.statement.saying != Saying::Retracted {
                continue;
            }
            let retraction = tx.work.entry(partition, place.statement.seq)?;
            for said in retraction.corrects.into_iter().chain([place.seq]) {
                let entry = tx.work.entry(partition, said)?;
                let is_same = match entry.body.map(|body| body.fact) {
                    Some(Fact::Ended { day, cause, .. }) => (day, cause) == (self.day, self.cause),
                    Some(Fact::Succession { split, ended, .. }) => {
                        let cause = if split { EndCause::Split } else { EndCause::Merged };
                        ended.contains(&id)
                            && cause == self.cause
                            && entry.valid_from == Some(self.day.earliest())
                    }
                    _ => false,
                };
                if is_same {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Plans the end of what is there, as its own command would, and notes what is against it.
    pub(crate) fn plan(
        &self,
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Planned, Error> {
        let record = tx.must("key", id)?;
        if self.cause.is_succession() {
            return Ok(Planned::Succession(self.clone(), id, self.join(tx, id, refusals)?));
        }
        let mut own = Vec::new();
        let ending = Ending::new(id, record, self.day, self.cause).decide(tx, &mut own)?;
        refusals.extend(own.into_iter().map(|refusal| match refusal.field.as_str() {
            "id" => Refusal { field: DAY.to_owned(), ..refusal },
            _ => refusal,
        }));
        Ok(Planned::End(Box::new(ending)))
    }

    /// What is against a merge or split of what is there, and what moves with it.
    fn join(
        &self,
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<ChildOf>, Error> {
        let day = self.day.earliest();
        let mut own = Vec::new();
        if let Some(record) = alive(tx, DAY, id, day, &mut own)?.filter(|_| own.is_empty()) {
            may_end(tx, (id, &record), day, self.cause, &mut own)?;
        }
        noted(no_sweep(tx, id.partition(), id), &mut own)?;
        for (into, _) in &self.successors {
            if *into == id {
                let message = "what stands in its place is something else";
                own.push(Refusal::of(Class::Invalid, "MERGE_INTO_ITSELF", SUCCESSORS, message));
            } else if into.partition() != id.partition() {
                let message = format!("{into} belongs to another partition");
                own.push(Refusal::rule("OTHER_PARTITION", SUCCESSORS, message));
            } else {
                alive(tx, SUCCESSORS, *into, day, &mut own)?;
            }
        }
        let children = noted(living_children(tx, id, day), &mut own)?.unwrap_or_default();
        if self.cause == EndCause::Split && !children.is_empty() {
            let message = format!(
                "{} live in it, and a row does not say where each goes: split it by its command",
                children.len()
            );
            own.push(Refusal::rule("UNASSIGNED_CHILDREN", SUCCESSORS, message));
        }
        stay_put(children.iter(), id, day, &mut own);
        refusals.extend(own.into_iter().map(|refusal| match refusal.field.as_str() {
            "day" => Refusal { field: DAY.to_owned(), ..refusal },
            _ => refusal,
        }));
        Ok(children)
    }

    /// Nothing is said of days on which it is no more.
    pub(crate) fn not_after(&self, from: Day, refusals: &mut Vec<Refusal>) {
        if from >= self.day.latest() {
            let message = format!(
                "what the row says anew holds from {from}, and it ended on {}: say a day before that",
                self.day
            );
            refusals.push(Refusal::rule("SAID_AFTER_ITS_END", "from", message));
        }
    }

    /// The correction of an end that its source said before.
    pub(crate) fn correction(&self, subject: SubjectId, entry: Seq) -> Correct {
        Correct {
            subject,
            etag: None,
            entry: Some(entry),
            from: None,
            content: Content::empty(subject.kind()),
            exists_from: None,
            ended_on: Some(self.day),
            sentences: Vec::new(),
        }
    }
}

/// What becomes of the end of a row.
pub(crate) enum Verdict {
    /// The registry has it already.
    Nothing,
    /// It ends now.
    Fresh,
    /// It stands in the place of this entry.
    Correction(Seq),
    /// Somebody else has said otherwise.
    Conflict(Vec<Conflict>),
    /// Its source said otherwise.
    Refused(Refusal),
}

/// An end that was judged and is not recorded yet.
pub(crate) enum Planned {
    /// It is no more.
    End(Box<Ending>),
    /// It goes on in others, with what is in it.
    Succession(RowEnding, SubjectId, Vec<ChildOf>),
}

impl Planned {
    /// Records it with the row that says it.
    pub(crate) fn record(self, tx: &mut Tx<'_, '_>, row: SourceRow) -> Result<(), Error> {
        match self {
            Self::End(ending) => ending.record(tx, Some(row)),
            Self::Succession(ending, id, children) => {
                let day = ending.day.earliest();
                if let Some((into, _)) = ending.successors.first() {
                    for child in &children {
                        move_child(tx, child, id, *into, day)?;
                    }
                }
                ending.succeed(tx, id)
            }
        }
    }
}

fn of_successor(refusal: Refusal) -> Refusal {
    Refusal { field: SUCCESSORS.to_owned(), ..refusal }
}

fn conflict(field: &str, row: String, registry: Option<String>) -> Conflict {
    Conflict { field: field.to_owned(), row: Some(row), registry }
}

/// What stands in the place of a subject, with the shares.
pub(super) fn names(edges: &BTreeSet<Edge>) -> String {
    let name = |edge: &Edge| {
        let Edge { into, share_numerator, share_denominator, .. } = edge;
        if share_numerator == share_denominator {
            into.to_string()
        } else {
            format!("{into};{share_numerator}/{share_denominator}")
        }
    };
    edges.iter().map(name).collect::<Vec<_>>().join("|")
}

/// Why an end that its source says anew is no change.
fn not_changeable(end: End, is_only_day: bool) -> Refusal {
    let (field, message) = if is_only_day {
        let message = format!(
            "its source said before that it ended on {}: an end does not change, it is corrected (mode \
             correction)",
            end.day
        );
        (DAY, message)
    } else {
        let message = format!(
            "its source said before that it ended as {}: that is taken back and said anew",
            end.cause.word()
        );
        (CAUSE, message)
    };
    Refusal::of(Class::Invalid, "NOT_CHANGEABLE", field, message)
}
