//! Merging and splitting: what ends, what begins in its place, and what moves with it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        content::Content,
        succession,
        timeline::{Edge, EndCause, Presence, Saying, Statement},
    },
    kernel::{
        id::{BuildingId, IdSeed, Kind, SubjectId},
        limit,
        position::Seq,
        share::sum,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{Merge, MergeInto, Register, Split, SplitPart},
        commands::{
            change::judge,
            finding::may_merge,
            gone::orders_go,
            register::{Unresolved, register},
            row_life::Further,
            rules::{
                ChildOf, contradictions, homes, living_children, no_sweep, noted, placed_in,
                real_subject, record_everywhere, settle,
            },
        },
        error::{Class, Error, Refusal},
        fact::Fact,
        read::level_of,
        record::Record,
        tx::{Decided, Draft, Tx},
    },
};

/// Merges subjects into one, new or existing.
pub(crate) fn merge(tx: &mut Tx<'_, '_>, command: Merge) -> Result<Decided, Error> {
    let Merge { kind, subjects, day, into } = command;
    let mut refusals = Vec::new();
    check_merged(kind, &subjects, &into, &mut refusals);
    let mut records = Vec::new();
    for (index, id) in subjects.iter().enumerate() {
        let known = refusals.len();
        let record = alive(tx, &format!("ids[{index}]"), *id, day, &mut refusals)?;
        if let Some(record) = record.as_ref().filter(|_| refusals.len() == known) {
            may_end(tx, (*id, record), day, EndCause::Merged, &mut refusals)?;
        }
        records.extend(record.map(|record| (*id, record)));
    }
    if let Some(first) = subjects.first() {
        noted(no_sweep(tx, first.partition(), *first), &mut refusals)?;
    }
    let mut taking_in = Vec::new();
    let into = match into {
        MergeInto::Existing(id) => {
            let found = alive(tx, "into_id", id, day, &mut refusals)?;
            if kind == Kind::Finding {
                noted(may_merge(tx, &subjects, id), &mut refusals)?;
            }
            taking_in.extend(found.map(|record| (id, record)));
            Some(id)
        }
        MergeInto::New { .. } if kind == Kind::Finding => {
            let message = "findings are merged into one of them that is there";
            refusals.push(Refusal::of(Class::Invalid, "NOT_HERE", "into", message));
            None
        }
        MergeInto::New { seed, content } => {
            let is_first_known = records.first().map(|(id, _)| id) == subjects.first();
            let models = models(kind, if is_first_known { &records } else { &[] }, day);
            let handed_on = succession::of_merged(&models);
            let (of, path) = (subjects.as_slice(), "into".to_owned());
            let successor = Successor { seed, content: *content, of, handed_on, path };
            begin(tx, successor, day, &mut refusals)?
        }
    };
    one_level(&records, &taking_in, day, &mut refusals);
    let mut moved = Vec::new();
    for (from, _) in &records {
        let children = noted(living_children(tx, *from, day), &mut refusals)?.unwrap_or_default();
        stay_put(children.iter(), *from, day, &mut refusals);
        moved.extend(children.into_iter().map(|child| (child, *from)));
    }
    not_into_a_child(into, &moved, &mut refusals);
    settle(refusals)?;
    let Some(into) = into else {
        return Err(Error::Bug("a merge into nothing was not refused".to_owned()));
    };
    if !taking_in.is_empty() {
        records.append(&mut taking_in);
        if let Some(sums) = succession::sums(&models(kind, &records, day)) {
            say(tx, into, sums, day)?;
        }
    }
    let edges = subjects
        .iter()
        .map(|from| Edge { from: *from, into, share_numerator: 1, share_denominator: 1 })
        .collect::<Vec<_>>();
    let whole = Fact::Succession { split: false, edges, ended: subjects.clone() };
    for (child, from) in &moved {
        move_child(tx, child, *from, into, day)?;
    }
    let basis = areas(&records);
    succeed(tx, into, whole, day, basis)?;
    Ok(Decided { subjects: vec![into], ..Decided::default() })
}

/// Regions of different levels do not become one: what lives in them would be in one of a level that is
/// none of its own, or in itself.
fn one_level(
    merged: &[(SubjectId, Arc<Record>)],
    taking_in: &[(SubjectId, Arc<Record>)],
    day: Day,
    refusals: &mut Vec<Refusal>,
) {
    let level =
        |(id, record): &(SubjectId, Arc<Record>)| level_of(&content_on(record, id.kind(), day));
    let Some(first) = merged.first().map(level) else { return };
    for (field, others) in [("ids", merged), ("into_id", taking_in)] {
        if let Some((other, _)) = others.iter().find(|other| level(other) != first) {
            let message = format!("{other} is a region of another level than the first");
            refusals.push(Refusal::rule("LEVEL", field, message));
        }
    }
}

/// Nothing is merged into what lives in it.
fn not_into_a_child(
    into: Option<SubjectId>,
    moved: &[(ChildOf, SubjectId)],
    refusals: &mut Vec<Refusal>,
) {
    if let Some((child, from)) = moved.iter().find(|(child, _)| Some(child.id) == into) {
        let message = format!("{} lives in {from}, which cannot be merged into it", child.id);
        refusals.push(Refusal::rule("MERGE_INTO_ITSELF", "into_id", message));
    }
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

/// A subject that is there on a day. Notes what is against its being ended or joined on it.
pub(super) fn alive(
    tx: &mut Tx<'_, '_>,
    field: &str,
    id: SubjectId,
    day: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Arc<Record>>, Error> {
    let mut own = Vec::new();
    let record = real_subject(tx, id, None, &mut own)?;
    refusals.extend(own.into_iter().map(|one| Refusal { field: field.to_owned(), ..one }));
    let is_gone = record.as_ref().is_some_and(|record| {
        matches!(record.timeline.presence(day), Presence::Ended | Presence::NotYet)
            || record.timeline.end().is_some()
    });
    if is_gone {
        let message = format!("{id} is not there on {day}, or ends later");
        refusals.push(Refusal::rule("NOT_THERE", field, message));
    }
    let is_seen = !matches!(id.kind(), Kind::Region | Kind::Compound);
    let to_come =
        Refusal::of(Class::Invalid, "FUTURE_DATE", "day", format!("{day} is still to come"));
    if is_seen && day > tx.today() && !refusals.contains(&to_come) {
        refusals.push(to_come);
    }
    Ok(record)
}

/// Whether a subject can be there on a day, or end on it by another merge or split of that day.
pub(super) fn is_there(record: &Record, day: Day) -> bool {
    let span = record.timeline.possible_span();
    span.is_some_and(|(first, beyond)| first <= day && day <= beyond)
}

/// Notes what stands against a subject's end in a merge or split, as against any other end: that it
/// begins later, or that something is said of days from then on.
pub(super) fn may_end(
    tx: &mut Tx<'_, '_>,
    (id, record): (SubjectId, &Record),
    day: Day,
    cause: EndCause,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    // A finding is seen, and seen to be another one, on one day.
    if id.kind() == Kind::Finding {
        return Ok(());
    }
    let saying = Saying::Succession { edges: Vec::new(), ends: Some(cause) };
    let mut after = record.timeline.clone();
    let statement = Statement { seq: Seq::MAX, from: day, second: None, key: Vec::new(), saying };
    after.push(statement, &[]);
    let mut own = Vec::new();
    contradictions(tx, id, &record.timeline, &after, &mut own)?;
    // It ends on the day of the command.
    refusals.extend(own.into_iter().map(|one| Refusal { field: "day".to_owned(), ..one }));
    Ok(())
}

/// Notes of subjects that go on from another on a day which of them are not there, or elsewhere. They
/// may have ended since.
pub(super) fn alive_on(
    tx: &mut Tx<'_, '_>,
    field: &str,
    of: SubjectId,
    subjects: impl Iterator<Item = SubjectId>,
    day: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    for id in subjects {
        let mut own = Vec::new();
        let record = real_subject(tx, id, None, &mut own)?;
        refusals.extend(own.into_iter().map(|one| Refusal { field: field.to_owned(), ..one }));
        if record.is_some_and(|record| !is_there(&record, day)) {
            let message = format!("{id} is not there on {day}");
            refusals.push(Refusal::rule("NOT_THERE", field, message));
        }
        if id == of {
            let message = "what was taken out of it is something else";
            refusals.push(Refusal::of(Class::Invalid, "MERGE_INTO_ITSELF", field, message));
        } else if id.partition() != of.partition() {
            let message = format!("{id} belongs to another partition");
            refusals.push(Refusal::rule("OTHER_PARTITION", field, message));
        }
    }
    Ok(())
}

fn content_on(record: &Record, kind: Kind, day: Day) -> Content {
    record.timeline.content_at(day).unwrap_or_else(|| Content::empty(kind))
}

/// What is said on a day of subjects of a kind.
fn models(kind: Kind, records: &[(SubjectId, Arc<Record>)], day: Day) -> Vec<Content> {
    records.iter().map(|(_, record)| content_on(record, kind, day)).collect()
}

/// A successor of subjects.
struct Successor<'a> {
    /// Its id.
    seed: IdSeed,
    /// What is said of it.
    content: Content,
    /// What it succeeds.
    of: &'a [SubjectId],
    /// What those hand on to it; `None` where the first of them is not known.
    handed_on: Option<Content>,
    /// Where the request says it.
    path: String,
}

/// Registers a successor: as what it comes from, but for what is said of it. Notes what is against
/// it, by the paths of the request; where its predecessor is not known, what it is in itself.
fn begin(
    tx: &mut Tx<'_, '_>,
    successor: Successor<'_>,
    day: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<SubjectId>, Error> {
    let Successor { seed, content, of, handed_on, path } = successor;
    let mut own = Vec::new();
    let begun = match (handed_on, of.first()) {
        (Some(handed_on), _) => {
            if level_of(&content).is_some_and(|said| Some(said) != level_of(&handed_on)) {
                let message = "a region goes on in regions of its own level";
                own.push(Refusal::of(Class::Invalid, "LEVEL", "fields.level", message));
            }
            let (content, sentences) = whole(handed_on, &content, of);
            let item = Register {
                seed,
                content,
                exists_from: ImpreciseDay::exactly(day),
                opens_partition: false,
                sentences,
            };
            noted(register(tx, item, None, Unresolved::default(), Further::default()), &mut own)?
        }
        (None, Some(first)) => {
            judge(tx, *first, None, &content, &mut own, &mut Vec::new())?;
            None
        }
        (None, None) => None,
    };
    for mut refusal in own {
        refusal.field = match refusal.field.as_str() {
            "" => path.clone(),
            // It begins on the day of the command.
            "exists_from" => "day".to_owned(),
            field => match field.strip_prefix("fields.") {
                Some(field) => format!("{path}.{field}"),
                None => field.to_owned(),
            },
        };
        let is_same =
            |other: &Refusal| (&other.reason, &other.field) == (&refusal.reason, &refusal.field);
        if !refusals.iter().any(is_same) {
            refusals.push(refusal);
        }
    }
    Ok(begun)
}

/// What a successor is: what is handed on to it, and what is said of it on top. What was doubted of
/// those it comes from is doubted of it, unless it is said anew.
fn whole(
    handed_on: Content,
    said: &Content,
    from: &[SubjectId],
) -> (Content, Vec<(String, String)>) {
    let mut whole = handed_on;
    for (field, _) in said.texts() {
        whole.shared.doubts.remove(&field);
    }
    let names = from.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let sentence = |field: &String| (field.clone(), format!("it was doubted of {names}"));
    let sentences = whole.shared.doubts.keys().map(sentence).collect();
    whole.lay(said);
    (whole, sentences)
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
pub(super) fn succeed(
    tx: &mut Tx<'_, '_>,
    leading: SubjectId,
    fact: Fact,
    day: Day,
    basis: Vec<Seq>,
) -> Result<(), Error> {
    if let Fact::Succession { ended, .. } = &fact {
        for id in ended {
            if let Ok(building) = BuildingId::try_from(*id) {
                // Its findings stand in what it becomes.
                orders_go(tx, building, ImpreciseDay::exactly(day))?;
            }
        }
    }
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

/// Children that are to join or leave a subject after its end cannot simply be moved with the others.
pub(super) fn stay_put<'a>(
    children: impl Iterator<Item = &'a ChildOf>,
    holder: SubjectId,
    day: Day,
    refusals: &mut Vec<Refusal>,
) {
    let is_scheduled = |child: &&ChildOf| {
        let timeline = &child.record.timeline;
        let is_in = |content: &Content| content.references().contains(&holder);
        let is_said_later =
            timeline.contents().any(|(statement, content)| statement.from > day && is_in(content));
        is_said_later || !timeline.content_at(day).is_some_and(|content| is_in(&content))
    };
    let scheduled = children.filter(is_scheduled).map(|child| child.id).collect::<Vec<_>>();
    let message = match scheduled.as_slice() {
        [] => return,
        [child] => format!("{child} joins {holder} after {day}: correct that first"),
        [first, others @ ..] => format!(
            "{first} and {} others join {holder} after {day}: correct that first",
            others.len()
        ),
    };
    refusals.push(Refusal::rule("SCHEDULED_MOVE", "day", message));
}

pub(super) fn move_child(
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

/// What each part has of a subject that is split, before anything is said of it.
fn handed_on(model: &Content, command: &Split) -> Vec<Content> {
    let shares = command.parts.iter().map(|part| part.share).collect::<Vec<_>>();
    succession::of_split(model, &shares, command.keeps)
}

/// What the subject has left that lives on beside its parts.
fn left(model: &Content, handed_on: &[Content], parts: &[SplitPart]) -> Option<Content> {
    let taken_out = handed_on.iter().zip(parts).map(|(handed_on, part)| {
        let mut content = handed_on.clone();
        content.lay(&part.content);
        content
    });
    succession::left_of_split(model, &taken_out.collect::<Vec<_>>())
}

/// Splits a subject into several.
pub(crate) fn split(tx: &mut Tx<'_, '_>, command: Split) -> Result<Decided, Error> {
    let (id, day) = (command.subject, command.day);
    let mut refusals = Vec::new();
    let record = real_subject(tx, id, command.etag, &mut refusals)?;
    if let Some(record) = &record {
        let known = refusals.len();
        alive(tx, "id", id, day, &mut refusals)?;
        if !command.keeps && refusals.len() == known {
            may_end(tx, (id, record), day, EndCause::Split, &mut refusals)?;
        }
        noted(no_sweep(tx, id.partition(), id), &mut refusals)?;
    }
    let known = refusals.len();
    check_parts(&command, &mut refusals);
    let is_shared_out = refusals.len() == known;
    let children = match &record {
        Some(_) => noted(living_children(tx, id, day), &mut refusals)?,
        None => None,
    };
    check_assignments(&command, children.as_deref(), &mut refusals);
    let children = children.unwrap_or_default();
    let goes: BTreeMap<SubjectId, usize> = command.assignments.iter().copied().collect();
    let moving = children.iter().filter(|child| goes.contains_key(&child.id));
    stay_put(moving, id, day, &mut refusals);
    let mut model = record.as_ref().map(|record| content_on(record, id.kind(), day));
    // Areas by shares that are wrong are not judged as well.
    if let Some(model) = model.as_mut().filter(|_| !is_shared_out) {
        model.retain(&|field| !matches!(field, "floor_area_cm2" | "area_cm2"));
    }
    let handed_on = model.as_ref().map(|model| handed_on(model, &command));
    let left = model.as_ref().zip(handed_on.as_deref()).and_then(|(model, handed_on)| {
        if command.keeps { left(model, handed_on, &command.parts) } else { None }
    });
    let mut parts = Vec::new();
    let mut edges = Vec::new();
    for (index, SplitPart { seed, content, share }) in command.parts.into_iter().enumerate() {
        let handed_on = handed_on.as_ref().and_then(|contents| contents.get(index)).cloned();
        let path = format!("parts[{index}].fields");
        let successor = Successor { seed, content, of: &[id], handed_on, path };
        let Some(part) = begin(tx, successor, day, &mut refusals)? else { continue };
        edges.push(Edge {
            from: id,
            into: part,
            share_numerator: share.0,
            share_denominator: share.1,
        });
        parts.push(part);
    }
    settle(refusals)?;
    let Some(record) = record else {
        return Err(Error::Bug(format!("a split of {id}, which is not known, was not refused")));
    };
    if let Some(left) = left {
        say(tx, id, left, day)?;
    }
    for child in &children {
        if let Some(part) = goes.get(&child.id).and_then(|part| parts.get(*part)) {
            move_child(tx, child, id, *part, day)?;
        }
    }
    let ended = if command.keeps { Vec::new() } else { vec![id] };
    let fact = Fact::Succession { split: true, edges, ended };
    succeed(tx, id, fact, day, areas(&[(id, record)]))?;
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
    let shares = command.parts.iter().map(|part| part.share).collect::<Vec<_>>();
    check_shares("parts", &shares, command.keeps, refusals);
}

/// The shares of a split, told by the field that says them.
pub(super) fn check_shares(
    field: &str,
    shares: &[(u64, u64)],
    keeps: bool,
    refusals: &mut Vec<Refusal>,
) {
    let is_fraction = |(numerator, denominator): &(u64, u64)| {
        *denominator > 0 && *numerator > 0 && numerator <= denominator
    };
    if !shares.iter().all(is_fraction) {
        refusals.push(Refusal::of(
            Class::Invalid,
            "SHARE",
            field,
            "every part has a share above 0 and at most 1",
        ));
        return;
    }
    // Sizes that do not fit are refused.
    let fits = match sum(shares.iter().copied()) {
        Some((numerator, denominator)) if keeps => numerator < denominator,
        Some((numerator, denominator)) => numerator == denominator,
        None => false,
    };
    if !fits {
        refusals.push(Refusal::of(
            Class::Invalid,
            "SHARES_SUM",
            field,
            "the shares sum to one exactly, or to less than one when the subject lives on",
        ));
    }
}

/// What lives in a subject that ends goes somewhere. Where that is not known, it is not asked.
fn check_assignments(command: &Split, children: Option<&[ChildOf]>, refusals: &mut Vec<Refusal>) {
    for (child, part) in &command.assignments {
        if *part >= command.parts.len() {
            refusals.push(Refusal::of(
                Class::Invalid,
                "NO_SUCH_PART",
                "assignments",
                format!("{child} goes to part {part}, which is not there"),
            ));
        }
        if children.is_some_and(|children| !children.iter().any(|known| known.id == *child)) {
            refusals.push(Refusal::rule(
                "NOT_A_CHILD",
                "assignments",
                format!("{child} does not live in it"),
            ));
        }
    }
    let Some(children) = children.filter(|_| !command.keeps) else { return };
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
