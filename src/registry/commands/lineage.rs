//! Merging and splitting: what ends, what begins in its place, and what moves with it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        content::Content,
        succession,
        timeline::{Edge, Presence},
    },
    kernel::{
        id::{IdSeed, Kind, SubjectId},
        limit,
        position::Seq,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{Merge, MergeInto, Register, Split, SplitPart},
        commands::{
            register::register,
            rules::{
                ChildOf, homes, living_children, no_sweep, not_in_error, placed_in,
                record_everywhere, settle, subject,
            },
        },
        error::{Class, Error, Refusal},
        fact::Fact,
        record::Record,
        tx::{Decided, Draft, Tx},
    },
};

/// Merges subjects into one, new or existing.
pub(crate) fn merge(tx: &mut Tx<'_, '_>, command: Merge) -> Result<Decided, Error> {
    let Merge { kind, subjects, day, into } = command;
    let mut refusals = Vec::new();
    check_merged(kind, &subjects, &into, &mut refusals);
    settle(refusals)?;
    let mut records = Vec::new();
    for id in &subjects {
        records.push((*id, alive(tx, *id, day)?));
    }
    if let Some(first) = subjects.first() {
        no_sweep(tx, first.partition(), *first)?;
    }
    let into = match into {
        MergeInto::Existing(id) => {
            records.push((id, alive(tx, id, day)?));
            if let Some(sums) = succession::sums(&models(kind, &records, day)) {
                say(tx, id, sums, day)?;
            }
            id
        }
        MergeInto::New { seed, content } => {
            let handed_on = succession::of_merged(&models(kind, &records, day))
                .unwrap_or_else(|| Content::empty(kind));
            begin(tx, seed, handed_on, &content, &subjects, day)?
        }
    };
    let edges = subjects
        .iter()
        .map(|from| Edge { from: *from, into, share_numerator: 1, share_denominator: 1 })
        .collect::<Vec<_>>();
    let whole = Fact::Succession { split: false, edges, ended: subjects.clone() };
    let moved = subjects.iter().map(|from| (*from, into)).collect::<Vec<_>>();
    move_children(tx, &moved, day)?;
    let basis = areas(&records);
    succeed(tx, into, whole, day, basis)?;
    Ok(Decided { subjects: vec![into], ..Decided::default() })
}

fn check_merged(kind: Kind, subjects: &[SubjectId], into: &MergeInto, refusals: &mut Vec<Refusal>) {
    let mut distinct = subjects.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let needed = if matches!(into, MergeInto::New { .. }) { 2 } else { 1 };
    if distinct.len() < needed || distinct.len() != subjects.len() {
        refusals.push(Refusal::of(
            Class::Invalid,
            "MERGE_OF_FEW",
            "ids",
            format!("at least {needed} different {}s are merged", kind.word()),
        ));
    }
    if subjects.len() >= limit::ENTRY_SUBJECTS_MAX {
        refusals.push(Refusal::of(
            Class::Invalid,
            "TOO_MANY",
            "ids",
            format!("at most {} are merged at once", limit::ENTRY_SUBJECTS_MAX - 1),
        ));
    }
    if let MergeInto::Existing(into) = into
        && subjects.contains(into)
    {
        refusals.push(Refusal::of(
            Class::Invalid,
            "MERGE_INTO_ITSELF",
            "into_id",
            "what takes the others in is not among them",
        ));
    }
    let first = subjects.first().map(|id| id.partition());
    if subjects.iter().any(|id| Some(id.partition()) != first) {
        refusals.push(Refusal::rule(
            "OTHER_PARTITION",
            "ids",
            "subjects of different partitions do not merge",
        ));
    }
    if let (MergeInto::Existing(into), Some(first)) = (into, first)
        && into.partition() != first
    {
        refusals.push(Refusal::rule(
            "OTHER_PARTITION",
            "into_id",
            "it belongs to another partition",
        ));
    }
}

/// A subject that is there on a day.
fn alive(tx: &mut Tx<'_, '_>, id: SubjectId, day: Day) -> Result<Arc<Record>, Error> {
    let record = subject(tx, id, None)?;
    not_in_error(id, &record)?;
    if matches!(record.timeline.presence(day), Presence::Ended | Presence::NotYet)
        || record.timeline.end().is_some()
    {
        return Err(Error::refused(Refusal::rule(
            "NOT_THERE",
            "ids",
            format!("{id} is not there on {day}, or ends later"),
        )));
    }
    let is_seen = !matches!(id.kind(), Kind::Region | Kind::Compound);
    if is_seen && day > tx.today() {
        return Err(Error::refused(Refusal::of(
            Class::Invalid,
            "FUTURE_DATE",
            "day",
            format!("{day} is still to come"),
        )));
    }
    Ok(record)
}

/// What is said on a day of subjects of a kind.
fn models(kind: Kind, records: &[(SubjectId, Arc<Record>)], day: Day) -> Vec<Content> {
    let content = |record: &Record| record.timeline.content_at(day);
    records
        .iter()
        .map(|(_, record)| content(record).unwrap_or_else(|| Content::empty(kind)))
        .collect()
}

/// Registers a successor: as what it comes from, but for what is said of it.
fn begin(
    tx: &mut Tx<'_, '_>,
    seed: IdSeed,
    handed_on: Content,
    said: &Content,
    from: &[SubjectId],
    day: Day,
) -> Result<SubjectId, Error> {
    let mut whole = handed_on;
    for (field, _) in said.texts() {
        whole.shared.doubts.remove(&field);
    }
    let names = from.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let sentence = |field: &String| (field.clone(), format!("it was doubted of {names}"));
    let sentences = whole.shared.doubts.keys().map(sentence).collect();
    whole.lay(said);
    let item = Register {
        seed,
        content: whole,
        exists_from: ImpreciseDay::exactly(day),
        opens_partition: false,
        sentences,
    };
    register(tx, item, None)
}

/// Says what a subject that goes on has from the day on.
fn say(tx: &mut Tx<'_, '_>, subject: SubjectId, content: Content, day: Day) -> Result<(), Error> {
    if content.is_empty() {
        return Ok(());
    }
    let fact = Fact::Changed { subject, content };
    let home = [subject.partition()];
    record_everywhere(tx, &home, subject, Draft::new(subject.partition(), fact).from(day))?;
    Ok(())
}

/// The entries that say the areas on which shares rest.
fn areas(records: &[(SubjectId, Arc<Record>)]) -> Vec<Seq> {
    let mut seqs = Vec::new();
    for (id, record) in records {
        let field = if id.kind() == Kind::Unit { "area_cm2" } else { "floor_area_cm2" };
        seqs.extend(record.timeline.said_by(field, Day::MAX).map(|statement| statement.seq));
    }
    seqs.sort_unstable();
    seqs.dedup();
    seqs
}

/// Records the succession itself.
fn succeed(
    tx: &mut Tx<'_, '_>,
    leading: SubjectId,
    fact: Fact,
    day: Day,
    basis: Vec<Seq>,
) -> Result<(), Error> {
    let homes = match tx.work.known(leading.partition(), leading)? {
        Some(record) => match record.timeline.contents().next() {
            Some((_, content)) => homes(leading, content),
            None => vec![leading.partition()],
        },
        None => vec![leading.partition()],
    };
    let draft = Draft { basis, ..Draft::new(leading.partition(), fact).from(day) };
    record_everywhere(tx, &homes, leading, draft)?;
    Ok(())
}

/// Moves what lives in ending subjects to where it goes on.
fn move_children(
    tx: &mut Tx<'_, '_>,
    moved: &[(SubjectId, SubjectId)],
    day: Day,
) -> Result<(), Error> {
    for (from, into) in moved {
        for child in living_children(tx, *from, day)? {
            stays_put(&child, *from, day)?;
            move_child(tx, &child, *from, *into, day)?;
        }
    }
    Ok(())
}

/// A child that is to join or leave a subject after its end cannot simply be moved with the others.
fn stays_put(child: &ChildOf, holder: SubjectId, day: Day) -> Result<(), Error> {
    let is_said_later =
        child.record.timeline.contents().any(|(statement, content)| {
            statement.from > day && content.references().contains(&holder)
        });
    let was_in = child
        .record
        .timeline
        .content_at(day)
        .is_some_and(|content| content.references().contains(&holder));
    if was_in && !is_said_later {
        return Ok(());
    }
    Err(Error::refused(Refusal::rule(
        "SCHEDULED_MOVE",
        "day",
        format!("{} joins {holder} after {day}: correct that first", child.id),
    )))
}

fn move_child(
    tx: &mut Tx<'_, '_>,
    child: &ChildOf,
    from: SubjectId,
    into: SubjectId,
    day: Day,
) -> Result<(), Error> {
    let now =
        child.record.timeline.content_at(day).unwrap_or_else(|| Content::empty(child.id.kind()));
    let content = placed_in(child.id.kind(), into, from, &now);
    if content.is_empty() {
        return Ok(());
    }
    let homes = homes(child.id, &now);
    let fact = Fact::Changed { subject: child.id, content };
    record_everywhere(tx, &homes, child.id, Draft::new(child.id.partition(), fact).from(day))?;
    Ok(())
}

/// Splits a subject into several.
pub(crate) fn split(tx: &mut Tx<'_, '_>, command: Split) -> Result<Decided, Error> {
    let id = command.subject;
    subject(tx, id, command.etag)?;
    let record = alive(tx, id, command.day)?;
    no_sweep(tx, id.partition(), id)?;
    let children = living_children(tx, id, command.day)?;
    let mut refusals = Vec::new();
    check_parts(&command, &mut refusals);
    check_assignments(&command, &children, &mut refusals);
    settle(refusals)?;
    let model =
        record.timeline.content_at(command.day).unwrap_or_else(|| Content::empty(id.kind()));
    let shares = command.parts.iter().map(|part| part.share).collect::<Vec<_>>();
    let handed_on = succession::of_split(&model, &shares, command.keeps);
    if command.keeps {
        let taken_out = handed_on.iter().zip(&command.parts).map(|(handed_on, part)| {
            let mut content = handed_on.clone();
            content.lay(&part.content);
            content
        });
        if let Some(left) = succession::left_of_split(&model, &taken_out.collect::<Vec<_>>()) {
            say(tx, id, left, command.day)?;
        }
    }
    let mut parts = Vec::new();
    let mut edges = Vec::new();
    for (SplitPart { seed, content, share }, handed_on) in command.parts.into_iter().zip(handed_on)
    {
        let part = begin(tx, seed, handed_on, &content, &[id], command.day)?;
        edges.push(Edge {
            from: id,
            into: part,
            share_numerator: share.0,
            share_denominator: share.1,
        });
        parts.push(part);
    }
    let goes: BTreeMap<SubjectId, usize> = command.assignments.into_iter().collect();
    for child in &children {
        if let Some(part) = goes.get(&child.id).and_then(|part| parts.get(*part)) {
            stays_put(child, id, command.day)?;
            move_child(tx, child, id, *part, command.day)?;
        }
    }
    let ended = if command.keeps { Vec::new() } else { vec![id] };
    let fact = Fact::Succession { split: true, edges, ended };
    succeed(tx, id, fact, command.day, areas(&[(id, record)]))?;
    Ok(Decided { subjects: parts, ..Decided::default() })
}

/// Shares are exact: they sum to one, or to less than one when the split subject lives on.
fn check_parts(command: &Split, refusals: &mut Vec<Refusal>) {
    let needed = if command.keeps { 1 } else { 2 };
    if command.parts.len() < needed || command.parts.len() >= limit::ENTRY_SUBJECTS_MAX {
        refusals.push(Refusal::of(
            Class::Invalid,
            "SPLIT_PARTS",
            "parts",
            format!("a split has {needed} to {} parts", limit::ENTRY_SUBJECTS_MAX - 1),
        ));
    }
    let is_fraction = |(numerator, denominator): (u64, u64)| {
        denominator > 0 && numerator > 0 && numerator <= denominator
    };
    if command.parts.iter().any(|part| !is_fraction(part.share)) {
        refusals.push(Refusal::of(
            Class::Invalid,
            "SHARE",
            "parts",
            "every part has a share above 0 and at most 1",
        ));
        return;
    }
    // Over the common denominator, in wide integers; sizes that do not fit are refused.
    let sum = command.parts.iter().try_fold((0_u128, 1_u128), |(numerator, denominator), part| {
        let (n, d) = (u128::from(part.share.0), u128::from(part.share.1));
        let numerator = numerator.checked_mul(d)?.checked_add(n.checked_mul(denominator)?)?;
        let denominator = denominator.checked_mul(d)?;
        let divisor = greatest_common_divisor(numerator, denominator);
        Some((numerator / divisor, denominator / divisor))
    });
    let fits = match sum {
        Some((numerator, denominator)) if command.keeps => numerator < denominator,
        Some((numerator, denominator)) => numerator == denominator,
        None => false,
    };
    if !fits {
        refusals.push(Refusal::of(
            Class::Invalid,
            "SHARES_SUM",
            "parts",
            "the shares sum to one exactly, or to less than one when the subject lives on",
        ));
    }
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a.max(1), b.max(1));
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What lives in a subject that ends goes somewhere.
fn check_assignments(command: &Split, children: &[ChildOf], refusals: &mut Vec<Refusal>) {
    for (child, part) in &command.assignments {
        if *part >= command.parts.len() {
            refusals.push(Refusal::of(
                Class::Invalid,
                "NO_SUCH_PART",
                "assignments",
                format!("{child} goes to part {part}, which is not there"),
            ));
        }
        if !children.iter().any(|known| known.id == *child) {
            refusals.push(Refusal::rule(
                "NOT_A_CHILD",
                "assignments",
                format!("{child} does not live in it"),
            ));
        }
    }
    if command.keeps {
        return;
    }
    let unassigned = children
        .iter()
        .filter(|child| !command.assignments.iter().any(|(id, _)| *id == child.id))
        .map(|child| child.id.to_string())
        .collect::<Vec<_>>();
    if !unassigned.is_empty() {
        let some = unassigned.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        refusals.push(Refusal::rule(
            "UNASSIGNED_CHILDREN",
            "assignments",
            format!("{} live in it and go nowhere, {some} among them", unassigned.len()),
        ));
    }
}
