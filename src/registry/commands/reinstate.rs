//! Taking a retraction back: what it took back is said again, in the place where it stood.
//!
//! It is a correction, and judged as one: what is implausible is refused, and what contradicts what
//! was accepted since opens a case.

use crate::{
    domain::{
        content::{Content, Fields},
        plausibility,
        timeline::{Edge, Presence, Timeline},
    },
    kernel::{id::SubjectId, position::Seq, time::Day},
    registry::{
        commands::{
            register::unit_count,
            report,
            rules::{known_in, record_everywhere, references, settle, was_in, weigh},
        },
        entry::Entry,
        error::{Error, Refusal},
        fact::{Body, Fact},
        history::statement_of,
        read::level_of,
        state::State,
        tx::{Draft, Tx},
    },
};

/// Subjects that are told of at once when many cannot come back.
const REFUSED_MAX: usize = 16;

/// An entry that is said again.
struct Again {
    /// The retraction that is undone.
    retraction: Seq,
    /// The subject that the retraction was about.
    subject: SubjectId,
    /// What stood before it.
    stood: Entry,
    /// Its fact and what belongs to it.
    body: Body,
    /// Whether it goes along with the retraction that was named.
    is_along: bool,
}

/// Undoes a retraction that stands, with what was taken back along with it, and gives whom it was
/// about.
pub(crate) fn reinstate(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    retraction: Seq,
) -> Result<SubjectId, Error> {
    let partition = id.partition();
    let list = undone(tx, id, retraction)?;
    let mut about = id;
    let mut refusals = Vec::new();
    let place = tx.must("id", id)?.timeline.place_of(retraction).unwrap_or(retraction);
    for again in list {
        if !again.is_along {
            about = again.subject;
        }
        let is_ended = match (again.is_along, &again.body.fact) {
            (true, Fact::Ended { subject, .. }) => tx
                .work
                .known(partition, *subject)?
                .is_some_and(|record| record.timeline.end().is_some()),
            _ => false,
        };
        // One that ended by itself since goes on doing so.
        if !is_ended {
            say_again(tx, again, place, &mut refusals)?;
        }
        if refusals.len() >= REFUSED_MAX {
            break;
        }
    }
    settle(refusals)?;
    Ok(about)
}

/// Undoes a correction that stands: what it corrected is said again in its place.
pub(crate) fn undo_correction(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    correction: Seq,
    before: Seq,
) -> Result<SubjectId, Error> {
    let partition = id.partition();
    let mut stood = tx.work.entry(partition, before)?;
    let Some(body) = stood.body.take() else {
        return Err(Error::unreadable(format!("entry {partition}:{before}")));
    };
    stood.body = Some(body.clone());
    let mut refusals = Vec::new();
    let again = Again { retraction: correction, subject: id, stood, body, is_along: false };
    say_again(tx, again, correction, &mut refusals)?;
    settle(refusals)?;
    Ok(id)
}

/// What a retraction took back and nobody has said again since, in the order in which it is to be
/// said: last taken, first back. What went along with another's retraction comes back alone, an end
/// with those of what is in its subject.
fn undone(tx: &mut Tx<'_, '_>, id: SubjectId, number: Seq) -> Result<Vec<Again>, Error> {
    let partition = id.partition();
    let named = tx.work.entry(partition, number)?;
    let head = tx.work.head(partition)?.seq;
    let is_main = named.basis.is_empty();
    if !is_main {
        not_of_succession(tx, &named)?;
    }
    let mut holders = vec![id];
    let mut list = Vec::new();
    for seq in named.command_seq..=head {
        let entry = tx.work.entry(partition, seq)?;
        if entry.command_seq != named.command_seq {
            break;
        }
        let Some(Fact::Retracted { subjects }) = entry.body.map(|body| body.fact) else { continue };
        let Some(subject) = subjects.first().copied() else { continue };
        let Some(record) = tx.work.known(partition, subject)? else { continue };
        let timeline = &record.timeline;
        let stands = timeline.place_of(seq).and_then(|place| timeline.standing_in(place));
        let Some(emptied) = stands.filter(|statement| statement.seq == seq) else { continue };
        let Some(before) = entry.corrects.first() else { continue };
        let mut stood = tx.work.entry(partition, *before)?;
        let Some(body) = stood.body.take() else {
            return Err(Error::unreadable(format!("entry {partition}:{before}")));
        };
        let is_in = |holder: &SubjectId| was_in(timeline, *holder, emptied.from);
        let is_end_within = matches!(body.fact, Fact::Ended { .. }) && holders.iter().any(is_in);
        if seq == number || is_main || is_end_within {
            holders.push(subject);
            let is_along = seq != number;
            stood.body = Some(body.clone());
            list.push(Again { retraction: seq, subject, stood, body, is_along });
        }
    }
    list.reverse();
    Ok(list)
}

/// What a merge or split made is not there without it.
fn not_of_succession(tx: &Tx<'_, '_>, named: &Entry) -> Result<(), Error> {
    let fact_of = |seq: Option<&Seq>| match seq {
        Some(seq) => {
            Ok::<_, Error>(tx.work.entry(named.partition, *seq)?.body.map(|body| body.fact))
        }
        None => Ok(None),
    };
    let is_begun = matches!(fact_of(named.corrects.first())?, Some(Fact::Registered { .. }));
    let cause = named.basis.first();
    if is_begun && matches!(fact_of(cause)?, Some(Fact::Succession { .. })) {
        return Err(Error::refused(Refusal::rule(
            "IN_SUCCESSION",
            "entry",
            "it was taken back with the merge or split that made it: take that retraction back",
        )));
    }
    Ok(())
}

/// Judges and records what is said again. What goes along rests on `place`, by which it is found when
/// what it goes with is corrected or taken back.
fn say_again(
    tx: &mut Tx<'_, '_>,
    again: Again,
    place: Seq,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Again { retraction, subject, stood, body, is_along } = again;
    let mut overridden = Vec::new();
    for one in body.fact.subjects() {
        let (mut found, mut insisted) = (Vec::new(), Vec::new());
        judge(tx, one, &stood, retraction, is_along, &mut found, &mut insisted)?;
        // What somebody insisted on when it was said is insisted on.
        found.retain(|refusal| !body.overridden.contains(&refusal.reason));
        refusals.extend(found.into_iter().map(|refusal| Refusal {
            message: format!("{one}: {}", refusal.message),
            field: "entry".to_owned(),
            ..refusal
        }));
        overridden.extend(insisted);
    }
    overridden.extend(body.overridden);
    overridden.sort_unstable();
    overridden.dedup();
    let basis = match body.fact {
        // The areas on which its shares rest.
        Fact::Succession { .. } => stood.basis,
        _ if is_along => vec![place],
        _ => Vec::new(),
    };
    let homes = known_in(tx, subject)?;
    let draft = Draft {
        valid_from: stood.valid_from,
        second_of_day: stood.second_of_day,
        order_key: stood.order_key,
        basis,
        sentences: stood.text.map(|text| text.sentences).unwrap_or_default(),
        overridden,
        ..Draft::new(subject.partition(), body.fact).correcting(vec![retraction])
    };
    record_everywhere(tx, &homes, subject, draft)?;
    Ok(())
}

/// What stands against saying an entry of one of its subjects again.
fn judge(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    stood: &Entry,
    retraction: Seq,
    is_along: bool,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    let record = tx.must("id", id)?;
    let before = &record.timeline;
    let Some(fact) = stood.body.as_ref().map(|body| &body.fact) else { return Ok(()) };
    let today = tx.today();
    let is_begun = before.registration().is_some();
    match fact {
        Fact::Registered { exists_from, content, .. } => {
            references(tx, id.partition(), content, refusals)?;
            let mut found = plausibility::check_beginning(content, *exists_from, today);
            found.extend(unit_count(tx, content)?);
            weigh(tx, "", found, refusals, overridden);
        }
        Fact::Changed { content, .. } => {
            if !is_begun && !is_along {
                refusals.push(in_error());
            }
            let content = with_level(before, content.clone());
            references(tx, id.partition(), &content, refusals)?;
        }
        Fact::Ended { .. } if !is_begun && !is_along => refusals.push(in_error()),
        Fact::Ended { .. } => refusals.extend(ended(before)),
        Fact::Succession { edges, ended, .. } => {
            let day = stood.valid_from.unwrap_or(Day::MIN);
            let ends = ended.contains(&id);
            refusals.extend(takes_part(id, before, edges, day, ends));
        }
        _ => {}
    }
    let Some(mut statement) = statement_of(stood, id) else { return Ok(()) };
    statement.seq = Seq::MAX;
    let mut after = before.clone();
    after.push(statement, &[retraction]);
    report::corrected(tx, id, &after, refusals)?;
    let check = |life: &Timeline| {
        let content = life.content_at(today).filter(|_| life.registration().is_some());
        content.map(|content| plausibility::check(&content, today)).unwrap_or_default()
    };
    let (was, mut found) = (check(before), check(&after));
    found.retain(|implausible| !was.contains(implausible));
    weigh(tx, "", found, refusals, overridden);
    Ok(())
}

fn in_error() -> Refusal {
    Refusal::rule(
        "ENTERED_IN_ERROR",
        "entry",
        "it was entered in error and never existed: take that back first",
    )
}

/// Something else says already that it ended.
fn ended(life: &Timeline) -> Option<Refusal> {
    let end = life.end()?;
    let message = format!("it ended on {}: correct that instead", end.day);
    Some(Refusal::rule("ALREADY_ENDED", "entry", message))
}

/// Whether a subject can take part in a merge or split as it did: what ends with it has no other end,
/// and everything is there on its day.
fn takes_part(
    id: SubjectId,
    life: &Timeline,
    edges: &[Edge],
    day: Day,
    ends: bool,
) -> Option<Refusal> {
    if life.registration().is_none() {
        return Some(in_error());
    }
    if ends && life.end().is_some() {
        return ended(life);
    }
    // What begins with it is there from its day on.
    let is_there = matches!(life.presence(day), Presence::Exists | Presence::Unknown);
    let is_part = edges.iter().any(|edge| edge.from == id || edge.into == id);
    (is_part && !is_there)
        .then(|| Refusal::rule("NOT_THERE", "entry", format!("it is not there on {day}")))
}

/// A content of a region with the level that its registration says, by which its parent is judged.
fn with_level(life: &Timeline, mut content: Content) -> Content {
    if let Fields::Region(region) = &mut content.fields {
        region.level = life.contents().find_map(|(_, content)| level_of(content));
    }
    content
}
