//! Ending subjects: they stay in the statistics of their days.

use std::sync::Arc;

use crate::{
    domain::{
        content::Content,
        plausibility,
        timeline::{EndCause, Saying, Statement},
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::Seq,
        time::ImpreciseDay,
    },
    registry::{
        command::End,
        commands::{
            finding::has_no_end,
            gone::goes_with,
            rules::{
                ChildOf, contradictions, homes, living_children, noted, real_subject,
                record_everywhere, settle, was_in, weigh,
            },
            together::{Done, done_with},
        },
        error::{Class, Error, Refusal},
        fact::{Fact, SourceRow},
        record::Record,
        state::State,
        tx::{Decided, Draft, Tx},
    },
};

/// Ends a subject. The units and logical parts of a building end with it; a region or compound must
/// be empty.
pub(crate) fn end(tx: &mut Tx<'_, '_>, command: End) -> Result<Decided, Error> {
    let id = command.subject;
    let mut refusals = Vec::new();
    let record = real_subject(tx, id, command.etag, &mut refusals)?;
    refusals.extend(has_no_end(id.kind()));
    if matches!(command.cause, EndCause::Merged | EndCause::Split) {
        refusals.push(Refusal::of(
            Class::Invalid,
            "END_CAUSE",
            "cause",
            "merges and splits are commands of their own, which name the successors",
        ));
    }
    let mut overridden = Vec::new();
    let Some(record) = record else {
        let nothing = Content::empty(id.kind());
        let found = plausibility::check_end(&nothing, command.day, tx.today());
        weigh(tx, "", found, &mut refusals, &mut overridden);
        return Err(Error::Refused(refusals));
    };
    let end = Ending { overridden, ..Ending::new(id, record, command.day, command.cause) };
    let end = end.decide(tx, &mut refusals)?;
    settle(refusals)?;
    end.record(tx, None)?;
    Ok(Decided { subjects: vec![id], ..Decided::default() })
}

/// An end, with all that ends with it.
pub(crate) struct Ending {
    id: SubjectId,
    record: Arc<Record>,
    day: ImpreciseDay,
    cause: EndCause,
    children: Vec<ChildOf>,
    overridden: Vec<String>,
}

impl Ending {
    /// Of what has nothing in it.
    pub(crate) fn new(
        id: SubjectId,
        record: Arc<Record>,
        day: ImpreciseDay,
        cause: EndCause,
    ) -> Self {
        Self { id, record, day, cause, children: Vec::new(), overridden: Vec::new() }
    }

    /// Notes what is against it, and finds what ends with it.
    pub(crate) fn decide(
        mut self,
        tx: &mut Tx<'_, '_>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Self, Error> {
        let Self { id, day, .. } = self;
        judge(tx, id, &self.record, day, refusals, &mut self.overridden)?;
        let children = noted(living_children(tx, id, day.latest()), refusals)?;
        self.children = children.unwrap_or_default();
        if matches!(id.kind(), Kind::Region | Kind::Compound) && !self.children.is_empty() {
            refusals.push(living_dependents(&self.children));
        }
        if id.kind() == Kind::Building {
            refusals.extend(self.children.iter().find_map(|child| begins_later(child, day)));
        }
        Ok(self)
    }

    /// Records it; with the row that says it, if one does.
    pub(crate) fn record(
        self,
        tx: &mut Tx<'_, '_>,
        source_row: Option<SourceRow>,
    ) -> Result<(), Error> {
        let Self { id, record, day, cause, children, overridden } = self;
        for child in children {
            ends_with(tx, &child, day, cause)?;
        }
        record_end(tx, id, &record, (day, cause), (overridden, source_row))
    }
}

fn judge(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    day: ImpreciseDay,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    if let Some(end) = record.timeline.end() {
        refusals.push(Refusal::rule(
            "ALREADY_ENDED",
            "id",
            format!("it ended on {}: correct that instead", end.day),
        ));
    }
    let now = content(tx, record, id);
    let found = plausibility::check_end(&now, day, tx.today());
    weigh(tx, "", found, refusals, overridden);
    let mut after = record.timeline.clone();
    let saying = Saying::Ended { day, cause: EndCause::Other };
    after.push(
        Statement { seq: u64::MAX, from: day.earliest(), second: None, key: Vec::new(), saying },
        &[],
    );
    contradictions(tx, id, &record.timeline, &after, refusals)
}

fn content(tx: &Tx<'_, '_>, record: &Record, id: SubjectId) -> Content {
    record.timeline.content_at(tx.today()).unwrap_or_else(|| Content::empty(id.kind()))
}

/// A refusal that names some of what still lives in a holder.
pub(crate) fn living_dependents(children: &[ChildOf]) -> Refusal {
    let some = children.iter().take(3).map(|child| child.id.to_string()).collect::<Vec<_>>();
    Refusal::rule(
        "LIVING_DEPENDENTS",
        "id",
        format!(
            "{} live in it, {} among them: move or end them first",
            children.len(),
            some.join(", ")
        ),
    )
}

/// What ends with a building began before that.
fn begins_later(child: &ChildOf, day: ImpreciseDay) -> Option<Refusal> {
    let life = &child.record.timeline;
    let begins = life.exists_from().filter(|from| day.latest() <= from.earliest())?;
    let ends_along = life.end().is_none();
    let message = format!(
        "{} in it is there since {begins}, and would end on {day}: move it first",
        child.id
    );
    ends_along.then(|| Refusal::rule("ENDS_BEFORE_IT_BEGINS", "id", message))
}

fn ends_with(
    tx: &mut Tx<'_, '_>,
    child: &ChildOf,
    day: ImpreciseDay,
    cause: EndCause,
) -> Result<(), Error> {
    if child.record.timeline.end().is_some() {
        return Ok(());
    }
    if child.id.kind() == Kind::Building {
        for unit in living_children(tx, child.id, day.latest())? {
            // One that ends by itself goes on doing so.
            if unit.record.timeline.end().is_none() {
                record_end(tx, unit.id, &unit.record, (day, cause), (Vec::new(), None))?;
            }
        }
    }
    record_end(tx, child.id, &child.record, (day, cause), (Vec::new(), None))
}

/// A subject whose life ended with another's.
pub(crate) struct EndedWith {
    /// Which.
    pub id: SubjectId,
    /// What says now that it ended.
    pub statement: Statement,
    /// Why.
    pub cause: EndCause,
}

/// What ended with a subject by the command that made `place`, and has not been corrected or taken
/// back by itself since: what holds others first.
///
/// A correction or retraction that goes along with the holder's has the holder's place as its basis;
/// what has none was said of the subject itself, and stays.
pub(crate) fn ended_with(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    place: Seq,
) -> Result<Vec<EndedWith>, Error> {
    let partition = id.partition();
    let mut ended = Vec::new();
    for Done { seq, fact, .. } in done_with(tx, partition, place)? {
        if let Fact::Ended { subject, day, .. } = fact {
            ended.push((seq, subject, day));
        }
    }
    // What holds comes after what it holds, and last of all what the command was about.
    let Some((main, ..)) = ended.last().copied() else { return Ok(Vec::new()) };
    let mut holders = vec![id];
    let mut found = Vec::new();
    for (number, subject, day) in ended.into_iter().rev().filter(|(number, ..)| *number < place) {
        let Some(record) = tx.work.known(partition, subject)? else { continue };
        let timeline = &record.timeline;
        let is_in = |holder: &SubjectId| was_in(timeline, *holder, day.latest());
        // All of the command happened with what it was about, wherever it is said to be since.
        if place != main && !holders.iter().any(is_in) {
            continue;
        }
        let Some(statement) = timeline.standing_in(number).cloned() else { continue };
        let Saying::Ended { cause, .. } = statement.saying else { continue };
        if statement.seq != number {
            let basis = tx.work.entry(partition, statement.seq)?.basis;
            if !basis.contains(&place) && !basis.contains(&main) {
                continue;
            }
        }
        holders.push(subject);
        found.push(EndedWith { id: subject, statement, cause });
    }
    Ok(found)
}

fn record_end(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    (day, cause): (ImpreciseDay, EndCause),
    (overridden, source_row): (Vec<String>, Option<SourceRow>),
) -> Result<(), Error> {
    if let Ok(building) = BuildingId::try_from(id) {
        goes_with(tx, building, day)?;
    }
    let homes = homes(id, &content(tx, record, id));
    let draft = Draft {
        overridden,
        source_row,
        ..Draft::new(id.partition(), Fact::Ended { subject: id, day, cause }).from(day.earliest())
    };
    record_everywhere(tx, &homes, id, draft)?;
    Ok(())
}
