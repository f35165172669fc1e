//! Taking entries back as entered in error, retractions among them.

use crate::{
    domain::{
        claim::of_timeline,
        timeline::{Saying, Statement},
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId, WorkId},
        position::Seq,
        time::Day,
    },
    registry::{
        command::Retract,
        commands::{
            claim,
            end::{ended_with, living_dependents},
            gone::went_with,
            order,
            other_building::standing_about,
            plan, policy,
            reinstate::{reinstate, undo_correction},
            report,
            rules::{
                known_in, living_children, needs_reason, no_sweep, noted, record_everywhere,
                settle, subject,
            },
            superseded,
            together::{Done, done_with},
        },
        dossier::building_of,
        error::{Class, Error, Refusal},
        fact::Fact,
        record::Record,
        space::child_prefix,
        state::State,
        subjects::Subjects,
        tx::{Decided, Draft, Tx},
        works,
    },
};

/// Takes an entry back: a registration (then the subject never existed), a change, an end, or a
/// merge or split with all that its command did. A retraction that is taken back is undone: what it
/// took back stands again; and so is a correction of a registration that is named itself.
pub(crate) fn retract(tx: &mut Tx<'_, '_>, command: Retract) -> Result<Decided, Error> {
    let id = command.subject;
    let mut refusals = Vec::new();
    let record = subject(tx, id, command.etag, &mut refusals)?;
    needs_reason(tx, &mut refusals);
    let Some(record) = record else { return Err(Error::Refused(refusals)) };
    let statement = noted(named(tx, id, &record, command.entry), &mut refusals)?;
    let is_still = noted(no_sweep(tx, id.partition(), id), &mut refusals)?.is_some();
    let mut about = id;
    // What is being moved is not judged: it is somewhere else soon.
    if let Some(statement) = statement.filter(|_| is_still) {
        let undone = corrected_by(tx, id, &statement, command.entry)?;
        let taken = match undone {
            Some(before) => noted(undo_correction(tx, id, statement.seq, before), &mut refusals)?,
            None => noted(take_back_all(tx, id, &record, &statement), &mut refusals)?,
        };
        about = taken.unwrap_or(id);
        if taken.is_some() {
            claim::reviewed(tx, about, &record.timeline, &mut refusals)?;
        }
    }
    // A command that is refused leaves nothing of what it recorded until then.
    settle(refusals)?;
    Ok(Decided { subjects: vec![about], ..Decided::default() })
}

/// What a correction of a registration corrected, when the correction itself was named: who says that
/// it was wrong does not say that the subject never existed.
fn corrected_by(
    tx: &Tx<'_, '_>,
    id: SubjectId,
    statement: &Statement,
    named: Option<Seq>,
) -> Result<Option<Seq>, Error> {
    let is_named = named == Some(statement.seq);
    if !is_named || !matches!(statement.saying, Saying::Registered { .. }) {
        return Ok(None);
    }
    let partition = id.partition();
    let Some(before) = tx.work.entry(partition, statement.seq)?.corrects.first().copied() else {
        return Ok(None);
    };
    // Where it undid a retraction, it is the registration that is taken back.
    let stood = tx.work.entry(partition, before)?.body.map(|body| body.fact);
    Ok(matches!(stood, Some(Fact::Registered { .. })).then_some(before))
}

/// Takes a statement back with all that goes with it, and gives whom it was about.
fn take_back_all(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    statement: &Statement,
) -> Result<SubjectId, Error> {
    let mut about = id;
    match statement.saying {
        Saying::Registered { .. } => take_back_registration(tx, id, record, statement.seq)?,
        Saying::Succession { .. } => take_back_command(tx, id, record, statement.seq)?,
        Saying::Ended { .. } => take_back_end(tx, id, record, statement)?,
        Saying::Changed(_) => {
            may_stand_without(tx, id, record, statement)?;
            take_back(tx, id, statement.seq, statement.from, None)?;
        }
        Saying::Retracted => about = reinstate(tx, id, statement.seq)?,
    }
    order::reopened(tx, id, &record.timeline)?;
    plan::came_back(tx, id, &record.timeline)?;
    policy::reviewed(tx, id)?;
    Ok(about)
}

/// Whether what was said of a subject beside an entry may stand without it.
fn may_stand_without(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    statement: &Statement,
) -> Result<(), Error> {
    let mut after = record.timeline.clone();
    let retracted = Statement { seq: u64::MAX, saying: Saying::Retracted, ..statement.clone() };
    after.push(retracted, &[statement.seq]);
    let mut refusals = Vec::new();
    report::corrected(tx, id, &after, &mut refusals)?;
    settle(refusals)
}

/// What stands where the entry that was named stood; a retraction only when that is named itself, so
/// that a retraction that is sent twice does not undo itself.
fn named(
    tx: &Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    entry: Option<Seq>,
) -> Result<Statement, Error> {
    let refused = |message: String| {
        Err(Error::refused(Refusal::of(Class::NotFound, "ENTRY_NOT_FOUND", "entry", message)))
    };
    let Some(entry) = entry else {
        // A registration holds from the first of days, so its place is the first.
        return match (record.timeline.registration(), record.timeline.places().first()) {
            (Some((statement, _)), _) => Ok(statement.clone()),
            (None, Some(place)) => refused(format!(
                "entry {} took the registration of {id} back: to undo that, name it",
                place.statement.seq
            )),
            (None, None) => refused(format!("nothing was said of {id}")),
        };
    };
    let place = record.timeline.place_of(entry);
    let Some(statement) = place.and_then(|place| record.timeline.standing_in(place)) else {
        return refused(format!("{id} has no entry {entry}"));
    };
    let fact = tx.work.entry(id.partition(), entry)?.body.map(|body| body.fact);
    let is_retraction = matches!(fact, Some(Fact::Retracted { .. }));
    let by = statement.seq;
    match (is_retraction, &statement.saying) {
        (false, Saying::Retracted) => {
            refused(format!("entry {entry} of {id} was taken back by {by}"))
        }
        (true, _) if by != entry => {
            refused(format!("what entry {entry} of {id} took back was said again by entry {by}"))
        }
        _ => Ok(statement.clone()),
    }
}

/// A registration goes only when nothing living rests on it and no paper is about it; the units of a
/// building go with it.
fn take_back_registration(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    seq: Seq,
) -> Result<(), Error> {
    let mut refusals = Vec::new();
    let children = noted(living_children(tx, id, Day::MIN), &mut refusals)?.unwrap_or_default();
    let (units, others): (Vec<_>, Vec<_>) =
        children.into_iter().partition(|child| child.id.kind() == Kind::Unit);
    if !others.is_empty() {
        refusals.push(living_dependents(&others));
    }
    refusals.extend(papers_about(tx, id)?);
    superseded::took_the_place(tx, id, &mut refusals)?;
    if let Some((_, edge)) = record.timeline.edges().next() {
        let other = if edge.from == id { edge.into } else { edge.from };
        refusals.push(Refusal::rule(
            "IN_SUCCESSION",
            "id",
            format!("it was merged or split with {other}: take that back first"),
        ));
    }
    settle(refusals)?;
    for unit in units {
        if let Some((registration, _)) = unit.record.timeline.registration() {
            take_back(tx, unit.id, registration.seq, Day::MIN, Some(seq))?;
        }
    }
    take_back(tx, id, seq, Day::MIN, None)
}

/// An end is taken back with those of all that ended with it.
fn take_back_end(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    statement: &Statement,
) -> Result<(), Error> {
    let place = record.timeline.place_of(statement.seq).unwrap_or(statement.seq);
    let others = ended_with(tx, id, place)?;
    let holders = others.iter().map(|other| other.id).chain([id]).collect::<Vec<_>>();
    let went = went_with(tx, &holders, place)?;
    // What holds others is there again before they are.
    take_back(tx, id, statement.seq, statement.from, None)?;
    for other in others {
        take_back(tx, other.id, other.statement.seq, other.statement.from, Some(place))?;
    }
    for other in went {
        take_back(tx, other.id, other.statement.seq, other.statement.from, Some(place))?;
    }
    Ok(())
}

/// A merge or a split is undone with all that its command did: what stands now in the places that
/// the command made, whoever corrected it since.
fn take_back_command(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    seq: Seq,
) -> Result<(), Error> {
    let partition = id.partition();
    let place = record.timeline.place_of(seq).unwrap_or(seq);
    let mut refusals = Vec::new();
    let done = done_with(tx, partition, place)?;
    let last_done = done.last().map_or(place, |done| done.seq);
    // Backwards, so that what was moved is back before what it was moved to is gone. What the row
    // itself said of its subject is not of the merge or split.
    for Done { seq: number, fact, .. } in done.into_iter().rev().filter(|done| !done.is_of_row) {
        let Some(first_subject) = fact.subjects().first().copied() else { continue };
        let Some(record) = tx.work.known(partition, first_subject)? else { continue };
        let Some(standing) = record
            .timeline
            .standing_in(number)
            .filter(|statement| statement.saying != Saying::Retracted)
        else {
            continue;
        };
        match fact {
            Fact::Registered { subject, .. } => {
                let resting = rests_on_it(tx, subject, last_done)?;
                if resting.is_empty() {
                    take_back(tx, subject, standing.seq, Day::MIN, Some(seq))?;
                }
                refusals.extend(resting);
            }
            Fact::Changed { subject, .. } => {
                take_back(tx, subject, standing.seq, standing.from, Some(seq))?;
            }
            Fact::Succession { .. } => {
                // Whom the command was about comes first.
                let mut subjects = fact.subjects();
                subjects.sort_by_key(|subject| *subject != id);
                take_back_from(tx, &subjects, standing.seq, standing.from, None)?;
            }
            _ => {}
        }
    }
    settle(refusals)
}

/// Refusals for what rests on a subject that a merge or split made.
fn rests_on_it(
    tx: &mut Tx<'_, '_>,
    subject: SubjectId,
    last_done: Seq,
) -> Result<Vec<Refusal>, Error> {
    let mut refusals = Vec::new();
    let is_later_succession = |statement: &Statement| {
        matches!(statement.saying, Saying::Succession { .. }) && statement.seq > last_done
    };
    if let Some(made) = tx.work.known(subject.partition(), subject)?
        && made.timeline.statements().any(is_later_succession)
    {
        refusals.push(Refusal::rule(
            "IN_SUCCESSION",
            "id",
            format!("{subject} was merged or split since: take that back first"),
        ));
    }
    let children = noted(living_children(tx, subject, Day::MIN), &mut refusals)?;
    refusals.extend(children.filter(|them| !them.is_empty()).map(|them| living_dependents(&them)));
    refusals.extend(papers_about(tx, subject)?);
    Ok(refusals)
}

/// A refusal when somebody has ordered, reported, claimed or paid for something: it must have been
/// there, or they are wrong first. What was said of one that was merged or ended stays its own.
fn papers_about(tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<Option<Refusal>, Error> {
    let about = match (BuildingId::try_from(id), id.kind()) {
        (Ok(building), _) => of_building(tx, building)?,
        (_, Kind::Unit | Kind::Work) => claims_on(tx, id)?,
        _ => Vec::new(),
    };
    if about.is_empty() {
        return Ok(None);
    }
    let some = about.iter().take(3).map(ToString::to_string).collect::<Vec<_>>();
    let otherwise = match id.kind() {
        Kind::Building => ", or merge it into the building that they are of",
        _ => "",
    };
    let message = format!(
        "{} orders, reports, findings, claims and work items are about it, {} among them: take those \
         back first{otherwise}",
        about.len(),
        some.join(", ")
    );
    Ok(Some(Refusal::rule("PAPERS_ABOUT_IT", "id", message)))
}

fn of_building(tx: &mut Tx<'_, '_>, building: BuildingId) -> Result<Vec<SubjectId>, Error> {
    let mut about = Vec::new();
    for kind in [Kind::Order, Kind::Report, Kind::Finding, Kind::Claim, Kind::Work] {
        let is_of_it = |_, record: &Record| building_of(&record.timeline) == Some(building);
        about.extend(standing_about(tx, building, kind, is_of_it)?);
    }
    Ok(about)
}

/// The claims that are on a unit, or paid for a work item.
fn claims_on(tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<Vec<SubjectId>, Error> {
    let mut about = Vec::new();
    let mut claims = Subjects::below(child_prefix(id.partition(), id, Kind::Claim));
    while let Some(claim) = claims.next(tx.work)? {
        let Some(record) = tx.work.known(claim.partition(), claim)? else { continue };
        let life = &record.timeline;
        let is_on = match WorkId::try_from(id) {
            Ok(_) => !works::paid_on(claim, life, id).is_empty(),
            Err(_) => of_timeline(life, Day::MAX)
                .is_some_and(|claim| claim.content.unit.flatten().map(SubjectId::from) == Some(id)),
        };
        if is_on {
            about.push(claim);
        }
    }
    Ok(about)
}

/// Takes an entry of one subject back, because of another's when one is named.
fn take_back(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    seq: Seq,
    from: Day,
    because_of: Option<Seq>,
) -> Result<(), Error> {
    take_back_from(tx, &[id], seq, from, because_of)
}

fn take_back_from(
    tx: &mut Tx<'_, '_>,
    subjects: &[SubjectId],
    seq: Seq,
    from: Day,
    because_of: Option<Seq>,
) -> Result<(), Error> {
    let Some(first) = subjects.first().copied() else {
        return Ok(());
    };
    let homes = known_in(tx, first)?;
    let fact = Fact::Retracted { subjects: subjects.to_vec() };
    let basis = because_of.into_iter().collect();
    let draft = Draft { basis, ..Draft::new(first.partition(), fact) };
    let draft = draft.from(from).correcting(vec![seq]);
    record_everywhere(tx, &homes, first, draft)?;
    Ok(())
}
