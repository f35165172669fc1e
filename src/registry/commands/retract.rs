//! Taking entries back as entered in error.

use crate::{
    domain::timeline::{Saying, Statement},
    kernel::{
        id::{Kind, SubjectId},
        position::Seq,
        time::Day,
    },
    registry::{
        command::Retract,
        commands::{
            end::{ended_with, living_dependents},
            order,
            rules::{homes, living_children, no_sweep, reason_missing, record_everywhere, subject},
        },
        error::{Class, Error, Refusal},
        fact::Fact,
        record::Record,
        state::State,
        tx::{Decided, Draft, Tx},
    },
};

/// Takes an entry back: a registration (then the subject never existed), a change, an end, or a
/// merge or split with all that its command did.
pub(crate) fn retract(tx: &mut Tx<'_, '_>, command: Retract) -> Result<Decided, Error> {
    let id = command.subject;
    let record = subject(tx, id, command.etag)?;
    if tx.call.reason.is_empty() {
        return Err(Error::refused(reason_missing()));
    }
    let entry = match command.entry {
        Some(entry) => entry,
        None => record.timeline.registration().map_or(0, |(statement, _)| statement.seq),
    };
    let standing = record
        .timeline
        .place_of(entry)
        .and_then(|place| record.timeline.standing_in(place))
        .filter(|statement| statement.saying != Saying::Retracted)
        .cloned();
    let Some(statement) = standing else {
        return Err(Error::refused(Refusal::of(
            Class::NotFound,
            "ENTRY_NOT_FOUND",
            "entry",
            format!("no entry {entry} of {id} stands"),
        )));
    };
    no_sweep(tx, id.partition(), id)?;
    match statement.saying {
        Saying::Registered { .. } => take_back_registration(tx, id, &record, statement.seq)?,
        Saying::Succession { .. } => take_back_command(tx, id, statement.seq)?,
        Saying::Ended { .. } => take_back_end(tx, id, &record, &statement)?,
        _ => {
            if id.kind() == Kind::Order {
                let mut after = record.timeline.clone();
                let retracted =
                    Statement { seq: u64::MAX, saying: Saying::Retracted, ..statement.clone() };
                after.push(retracted, &[statement.seq]);
                order::reopened(tx, id, &record.timeline, &after)?;
            }
            take_back(tx, id, statement.seq, statement.from, None)?;
        }
    }
    Ok(Decided { subjects: vec![id], ..Decided::default() })
}

/// A registration goes only when nothing living rests on it; the units of a building go with it.
fn take_back_registration(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    seq: Seq,
) -> Result<(), Error> {
    let children = living_children(tx, id, Day::MIN)?;
    let (units, others): (Vec<_>, Vec<_>) =
        children.into_iter().partition(|child| child.id.kind() == Kind::Unit);
    if !others.is_empty() {
        return Err(Error::refused(living_dependents(&others)));
    }
    if let Some((_, edge)) = record.timeline.edges().next() {
        let other = if edge.from == id { edge.into } else { edge.from };
        return Err(Error::refused(Refusal::rule(
            "IN_SUCCESSION",
            "id",
            format!("it was merged or split with {other}: take that back first"),
        )));
    }
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
    // What holds others is there again before they are.
    take_back(tx, id, statement.seq, statement.from, None)?;
    for other in others {
        take_back(tx, other.id, other.statement.seq, other.statement.from, Some(place))?;
    }
    Ok(())
}

/// A merge or a split is undone with all that its command did.
fn take_back_command(tx: &mut Tx<'_, '_>, id: SubjectId, seq: Seq) -> Result<(), Error> {
    let partition = id.partition();
    let first = tx.work.entry(partition, seq)?.command_seq;
    let head = tx.work.head(partition)?.seq;
    let mut done = Vec::new();
    for number in first..=head {
        let entry = tx.work.entry(partition, number)?;
        if entry.command_seq != first {
            break;
        }
        if let Some(body) = entry.body {
            done.push((number, body.fact, entry.valid_from.unwrap_or(Day::MIN)));
        }
    }
    let last_done = done.last().map_or(first, |(number, ..)| *number);
    // Backwards, so that what was moved is back before what it was moved to is gone.
    for (number, fact, from) in done.into_iter().rev() {
        let Some(first_subject) = fact.subjects().first().copied() else { continue };
        let Some(record) = tx.work.known(partition, first_subject)? else { continue };
        if record.timeline.corrected_by(number).is_some() {
            // Somebody has corrected it since: what stands in the place goes.
            let standing = record
                .timeline
                .place_of(number)
                .and_then(|place| record.timeline.standing_in(place))
                .filter(|statement| statement.saying != Saying::Retracted)
                .map(|statement| statement.seq);
            if let Some(standing) = standing {
                take_back(tx, first_subject, standing, from, Some(seq))?;
            }
            continue;
        }
        match fact {
            Fact::Registered { subject, .. } => {
                let is_later_succession = |statement: &Statement| {
                    matches!(statement.saying, Saying::Succession { .. })
                        && statement.seq > last_done
                };
                if let Some(made) = tx.work.known(partition, subject)?
                    && made.timeline.statements().any(is_later_succession)
                {
                    return Err(Error::refused(Refusal::rule(
                        "IN_SUCCESSION",
                        "id",
                        format!("{subject} was merged or split since: take that back first"),
                    )));
                }
                let children = living_children(tx, subject, Day::MIN)?;
                if !children.is_empty() {
                    return Err(Error::refused(living_dependents(&children)));
                }
                take_back(tx, subject, number, Day::MIN, Some(seq))?;
            }
            Fact::Changed { subject, .. } => take_back(tx, subject, number, from, Some(seq))?,
            Fact::Succession { .. } => {
                // Whom the command was about comes first.
                let mut subjects = fact.subjects();
                subjects.sort_by_key(|subject| *subject != id);
                take_back_from(tx, &subjects, number, from, None)?;
            }
            _ => {}
        }
    }
    Ok(())
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
    let homes = match tx.work.known(first.partition(), first)? {
        Some(record) => match record.timeline.contents().next() {
            Some((_, content)) => homes(first, content),
            None => vec![first.partition()],
        },
        None => vec![first.partition()],
    };
    let fact = Fact::Retracted { subjects: subjects.to_vec() };
    let basis = because_of.into_iter().collect();
    let draft = Draft { basis, ..Draft::new(first.partition(), fact) };
    let draft = draft.from(from).correcting(vec![seq]);
    record_everywhere(tx, &homes, first, draft)?;
    Ok(())
}
