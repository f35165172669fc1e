//! What an entry changes in the check-ups of buildings: totals and the list of what is due.
//!
//! A building is looked at before the first entry of a command that concerns it and after the last;
//! what differs lands in the totals, in the due list and in the list of open notices. So a report
//! with its findings costs one comparison, and entries that arrive in any order come to the same.
//!
//! A change that concerns many buildings at once (a rule, a signer, a border) opens a *recount*: a
//! sweep over those buildings in the order of their ids. A building that it has not reached is read
//! as if the change were not known yet; one that is touched meanwhile is reached at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        checkup::{Dossier, Span, counts, landings},
        due::{DueAnswer, DuePlan},
        tables::Tables,
        totals::{Landings, Targets},
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::{Partition, Seq},
        time::Day,
    },
    registry::{
        dossier::{Knowing, dossier},
        entry::Entry,
        error::Error,
        insured, line,
        notices::{self, NoticeRow},
        record::put,
        recount::{Recount, reached_key},
        reference,
        space::{Space, subject_key},
        state::State,
        term,
        totals::land,
        work::Work,
    },
    store::Key,
};

/// Buildings that one step of a recount does.
pub(crate) const STEP_BUILDINGS_MAX: usize = 500;
/// Buildings that a command does at once, so that a small recount is over with it.
pub(crate) const AT_ONCE_MAX: usize = 200;
/// The largest number of dates that a building has in the due list.
const DUE_KEYS_MAX: usize = 64;

/// What of a building's check-ups counts, and where it stands in the due list and its findings in that
/// of open notices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    landings: Landings,
    due: BTreeMap<Key, DueRow>,
    notices: BTreeMap<Key, NoticeRow>,
}

/// How long a building stands at a place of the due list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DueRow {
    /// From this day on …
    pub from: Day,
    /// … to the day before this one.
    pub until: Option<Day>,
    /// What it stands there for.
    pub what: DueFor,
    /// Whether it is only this holder's: a compound's building that belongs to another community.
    pub is_local: bool,
}

/// What a day in the due list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DueFor {
    /// A check-up is due on it.
    CheckUp,
    /// The building is exempt, and its first check-up thereafter is due on it at the earliest.
    AfterExemption,
    /// It cannot be said when; on it at the earliest.
    Unknown,
}

/// The begin of the keys of the due list of a holder.
pub(crate) fn due_prefix(partition: Partition, holder: SubjectId) -> Key {
    subject_key(partition, Space::Due, holder)
}

/// Notes that an entry changes what is said about a building, before it is applied.
/// What it became, or came from, follows from it in part.
pub(crate) fn touch(work: &mut Work<'_>, building: BuildingId) -> Result<(), Error> {
    let record = work.known(building.partition(), building.into())?;
    if let Some(record) = record.filter(|record| record.timeline.edges().next().is_some()) {
        for one in line::all(work, building, &record.timeline)? {
            touch_one(work, one)?;
        }
        return Ok(());
    }
    touch_one(work, building)
}

fn touch_one(work: &mut Work<'_>, building: BuildingId) -> Result<(), Error> {
    if work.is_touched(building) {
        return Ok(());
    }
    let before = match reach(work, building)? {
        Some(before) => before,
        None => now(work, building)?,
    };
    work.touched(building, before);
    Ok(())
}

/// The buildings that a subject's entry concerns: itself, or the one that it is about.
pub(crate) fn touch_for(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
) -> Result<(), Error> {
    let partition = entry.partition;
    match subject.kind() {
        Kind::Building if partition == subject.partition() => {
            let is_new = work.known(partition, subject)?.is_none();
            // Of a new building nothing was said, and without rules nothing is due.
            if is_new && !work.tables(partition)?.has_cycles() {
                return Ok(());
            }
            if let Ok(building) = BuildingId::try_from(subject) {
                touch(work, building)?;
            }
        }
        Kind::Report | Kind::Finding => {
            // Every building that it was ever said to be about: a correction that is taken back
            // brings it to where it was.
            let known = work.known(partition, subject)?;
            let mut buildings = BTreeSet::new();
            if let Some(record) = &known {
                buildings.extend(record.timeline.contents().filter_map(|(_, it)| it.about()));
            }
            let said = entry.body.as_ref().and_then(|body| body.fact.content());
            buildings.extend(said.and_then(crate::domain::content::Content::about));
            for building in buildings {
                if building.partition() == partition {
                    touch(work, building)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Does for one building what the recount under way will do, if it has not come to it yet, and answers
/// what counts of it then.
fn reach(work: &mut Work<'_>, building: BuildingId) -> Result<Option<Counted>, Error> {
    let partition = building.partition();
    let Some(recount) = Recount::under_way(work, partition)? else { return Ok(None) };
    if is_reached(work, &recount, building)? {
        return Ok(None);
    }
    let before = as_before(work, &recount, building)?;
    work.put(reached_key(building), Some(Vec::new()));
    let now = now(work, building)?;
    write(work, building, &before, now.clone(), recount.bucket)?;
    Ok(Some(now))
}

fn is_reached(work: &Work<'_>, recount: &Recount, building: BuildingId) -> Result<bool, Error> {
    if recount.done.is_some_and(|done| building <= done) {
        return Ok(true);
    }
    Ok(work.get(&reached_key(building))?.is_some())
}

/// Compares every building that the command touched with what it was before, and all that is insured,
/// and writes what differs.
pub(crate) fn settle(work: &mut Work<'_>) -> Result<(), Error> {
    while let Some((building, before)) = work.next_touched() {
        let partition = building.partition();
        let now = match Recount::under_way(work, partition)? {
            // Opened after the building was touched: that is for the recount to compare.
            Some(recount) if !is_reached(work, &recount, building)? => {
                as_before(work, &recount, building)?
            }
            _ => now(work, building)?,
        };
        let bucket = work.head(partition)?.bucket;
        write(work, building, &before, now, bucket)?;
    }
    insured::settle(work)
}

fn write(
    work: &mut Work<'_>,
    building: BuildingId,
    before: &Counted,
    now: Counted,
    bucket: u32,
) -> Result<(), Error> {
    let partition = building.partition();
    let today = work.head(partition)?.stamp.day();
    write_rows(work, &before.due, &now.due, |row| row.until, today)?;
    write_rows(work, &before.notices, &now.notices, |row| row.until, today)?;
    let mut difference = now.landings;
    difference.add_all(&before.landings, -1);
    land(work, partition, difference, bucket)
}

/// Writes the rows of a list that differ from what they were.
fn write_rows<R: PartialEq + Serialize>(
    work: &mut Work<'_>,
    before: &BTreeMap<Key, R>,
    now: &BTreeMap<Key, R>,
    until: impl Fn(&R) -> Option<Day>,
    today: Day,
) -> Result<(), Error> {
    for key in before.keys().filter(|key| !now.contains_key(*key)) {
        work.put(key.clone(), None);
    }
    for (key, row) in now {
        // What was so before today is nobody's list any more.
        let is_over = until(row).is_some_and(|until| until <= today);
        let was = before.get(key);
        if is_over && was.is_some() && work.get(key)?.is_some() {
            work.put(key.clone(), None);
        } else if !is_over && was != Some(row) {
            work.put(key.clone(), Some(put(row)?));
        }
    }
    Ok(())
}

/// What counts of a building by all that is known.
fn now(work: &mut Work<'_>, building: BuildingId) -> Result<Counted, Error> {
    let tables = work.tables(building.partition())?;
    counted(work, building, &tables, Knowing::at(None))
}

/// What counts of a building but for what the recount will do.
fn as_before(
    work: &mut Work<'_>,
    recount: &Recount,
    building: BuildingId,
) -> Result<Counted, Error> {
    let tables = work.tables_before(building.partition(), &|subject| recount.as_of(subject))?;
    let as_of = |subject| recount.as_of(subject);
    counted(work, building, &tables, Knowing { known: None, as_of: &as_of })
}

fn counted(
    work: &mut Work<'_>,
    building: BuildingId,
    tables: &Tables,
    knowing: Knowing<'_>,
) -> Result<Counted, Error> {
    let Some(dossier) = dossier(work, building, tables, knowing)? else {
        return Ok(Counted::default());
    };
    let plan = dossier.due(tables);
    let counts = counts(&dossier, plan.as_ref(), tables);
    let partition = building.partition();
    let mut numbers = BTreeMap::new();
    for count in &counts {
        if !numbers.contains_key(count.term.as_str()) {
            let number = term::number(work, partition, &count.term)?;
            numbers.insert(count.term.as_str(), number);
        }
    }
    let number = |term: &str| numbers.get(term).copied().unwrap_or(term::UNCOUNTED);
    let landings = landings(&dossier, &counts, number);
    let due = plan.map(|plan| due_rows(building, &dossier, &plan)).unwrap_or_default();
    let notices = notices::rows(building, &dossier, tables);
    Ok(Counted { landings, due, notices })
}

/// The places of a building in the due list: for each holder and each answer, as long as both hold.
fn due_rows(building: BuildingId, dossier: &Dossier, plan: &DuePlan) -> BTreeMap<Key, DueRow> {
    let mut rows = BTreeMap::new();
    let targets = Targets::of(&dossier.building);
    let days = targets.days().collect::<Vec<_>>();
    for (span, day, what) in due_spans(plan) {
        for (nth, from) in days.iter().enumerate() {
            let held = Span { from: *from, until: days.get(nth + 1).copied() };
            let Some(part) = span.within(held) else { continue };
            for target in targets.on(*from) {
                if rows.len() >= DUE_KEYS_MAX {
                    return rows;
                }
                let mut key = due_prefix(building.partition(), target.node);
                key.extend_from_slice(&day.unwrap_or(Day::MAX).to_bytes());
                key.extend_from_slice(&SubjectId::from(building).to_bytes());
                key.push(u8::try_from(rows.len()).unwrap_or(u8::MAX));
                let is_local = target.local;
                rows.insert(key, DueRow { from: part.from, until: part.until, what, is_local });
            }
        }
    }
    rows
}

/// What a building stands in the due list for, span by span. Answers that rest on other inputs and are
/// the same are one.
fn due_spans(plan: &DuePlan) -> Vec<(Span, Option<Day>, DueFor)> {
    let mut spans: Vec<(Span, Option<Day>, DueFor)> = Vec::new();
    let segments = plan.segments();
    for (index, segment) in segments.iter().enumerate() {
        let until = segments.get(index + 1).map(|next| next.from).or(plan.until());
        let (day, what) = match &segment.answer {
            DueAnswer::Due { on } => (Some(*on), DueFor::CheckUp),
            DueAnswer::Exempt { then_due, .. } => (then_due.earliest, DueFor::AfterExemption),
            DueAnswer::Unknown { due, .. } => (due.earliest, DueFor::Unknown),
        };
        match spans.last_mut() {
            Some((last, on, why))
                if last.until == Some(segment.from) && *on == day && *why == what =>
            {
                last.until = until;
            }
            _ => spans.push((Span { from: segment.from, until }, day, what)),
        }
    }
    spans
}

/// What counts of a building as known with an entry, for totals of then. Terms that were never
/// counted count nothing.
pub(crate) fn landings_at(
    state: &dyn State,
    building: BuildingId,
    known: Option<Seq>,
) -> Result<Landings, Error> {
    let partition = building.partition();
    let tables = reference::known(state, partition, known)?;
    let Some(dossier) = dossier(state, building, &tables, Knowing::at(known))? else {
        return Ok(Landings::default());
    };
    let plan = dossier.due(&tables);
    let counts = counts(&dossier, plan.as_ref(), &tables);
    let mut numbers = BTreeMap::new();
    for count in &counts {
        if let Some(number) = term::find(state, partition, &count.term)? {
            numbers.insert(count.term.as_str(), number);
        }
    }
    let number = |term: &str| numbers.get(term).copied().unwrap_or(term::UNCOUNTED);
    Ok(landings(&dossier, &counts, number))
}

/// The recount under way and how far its next step of so many buildings goes: `None` to its end.
pub(crate) fn next_step(
    work: &mut Work<'_>,
    partition: Partition,
    limit: usize,
) -> Result<Option<(Recount, Option<BuildingId>)>, Error> {
    let Some(recount) = Recount::under_way(work, partition)? else { return Ok(None) };
    let next = recount.next_buildings(work, partition, recount.done, limit)?;
    if next.len() <= limit {
        return Ok(Some((recount, None)));
    }
    let up_to = next.get(limit.saturating_sub(1)).copied();
    Ok(Some((recount, up_to)))
}

/// Does the part of the recount that a step names.
pub(crate) fn apply_step(
    work: &mut Work<'_>,
    partition: Partition,
    opened_by: Seq,
    up_to: Option<BuildingId>,
) -> Result<(), Error> {
    let Some(mut recount) = Recount::under_way(work, partition)? else { return Ok(()) };
    if recount.opened_by != opened_by {
        return Ok(());
    }
    let mut done = recount.done;
    let mut done_count = recount.done_count;
    loop {
        let page = recount.next_buildings(work, partition, done, STEP_BUILDINGS_MAX)?;
        let is_end = page.len() <= STEP_BUILDINGS_MAX;
        for building in page.iter().take(STEP_BUILDINGS_MAX) {
            if up_to.is_some_and(|up_to| *building > up_to) {
                break;
            }
            step_one(work, &recount, *building)?;
            done = Some(*building);
            done_count += 1;
        }
        if is_end || up_to.is_some_and(|up_to| done >= Some(up_to)) {
            break;
        }
    }
    if up_to.is_none() {
        return Recount::close(work, partition);
    }
    (recount.done, recount.done_count) = (up_to, done_count);
    recount.keep(work, partition)
}

fn step_one(work: &mut Work<'_>, recount: &Recount, building: BuildingId) -> Result<(), Error> {
    insured::step(work, recount, building)?;
    let marker = reached_key(building);
    if work.get(&marker)?.is_some() {
        work.put(marker, None);
        return Ok(());
    }
    if recount.is_of_policies_only() {
        return Ok(());
    }
    let before = as_before(work, recount, building)?;
    let now = now(work, building)?;
    write(work, building, &before, now, recount.bucket)
}

/// The dossier of a building by all that is known now or was known with an entry, with the tables.
pub(crate) fn look(
    state: &dyn State,
    building: BuildingId,
    known: Option<Seq>,
) -> Result<Option<(Dossier, Arc<Tables>)>, Error> {
    let tables = reference::known(state, building.partition(), known)?;
    let dossier = dossier(state, building, &tables, Knowing::at(known))?;
    Ok(dossier.map(|dossier| (dossier, tables)))
}
