//! What an entry changes in the check-ups of buildings: totals and the list of what is due.
//!
//! A building is looked at before the first entry of a command that concerns it and after the last;
//! what differs lands in the totals, in the due list and in the list of open notices. So a report
//! with its findings costs one comparison, and entries that arrive in any order come to the same.
//!
//! A change that concerns many buildings at once (a rule, a signer, a border) opens a *recount*: a
//! sweep over buildings in the order of their ids. A building that it has not reached is read as if
//! the change were not known yet; one that is touched meanwhile is reached at once.

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
        apply::begin_bucket,
        dossier::{Knowing, building_of, dossier},
        entry::Entry,
        error::{Class, Error, Refusal},
        fact::Fact,
        notices::{self, NoticeRow},
        record::{put, read},
        reference,
        space::{Space, below, child_prefix, key, subject_key},
        state::State,
        subjects::Subjects,
        term,
        totals::land,
        work::Work,
    },
    store::{Direction, Key},
};

/// Buildings that one step of a recount does.
pub(crate) const STEP_BUILDINGS_MAX: usize = 500;
/// Buildings that a command does at once, so that a small recount is over with it.
pub(crate) const AT_ONCE_MAX: usize = 200;
/// The largest number of dates that a building has in the due list.
const DUE_KEYS_MAX: usize = 64;

/// A recount under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recount {
    /// The first entry that opened it.
    pub opened_by: Seq,
    /// The first entry of the command that opened it.
    pub command: Seq,
    /// What changed.
    subjects: Vec<SubjectId>,
    /// The bucket in which what it changes is known.
    bucket: u32,
    /// Buildings up to this one are done.
    pub done: Option<BuildingId>,
    /// How many are done.
    pub done_count: u64,
}

impl Recount {
    /// The recount of a partition, if one is under way.
    pub(crate) fn under_way(
        state: &dyn State,
        partition: Partition,
    ) -> Result<Option<Self>, Error> {
        if !state.meta(partition)?.is_recounting {
            return Ok(None);
        }
        state.get(&recount_key(partition))?.map(|bytes| read(&bytes)).transpose()
    }

    fn as_of(&self, subject: SubjectId) -> Option<Seq> {
        self.subjects.contains(&subject).then(|| self.opened_by.saturating_sub(1))
    }

    /// Whether reports by what changed are all that it concerns.
    fn is_of_signatures(&self) -> bool {
        self.subjects.iter().all(|subject| matches!(subject.kind(), Kind::Signer | Kind::Body))
    }
}

fn recount_key(partition: Partition) -> Key {
    let mut key = key(partition, Space::Recount);
    key.push(0);
    key
}

/// Says of a building that the recount need not come to it any more.
fn reached_key(building: BuildingId) -> Key {
    let mut key = key(building.partition(), Space::Recount);
    key.push(1);
    key.extend_from_slice(&SubjectId::from(building).to_bytes());
    key
}

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
pub(crate) fn touch(work: &mut Work<'_>, building: BuildingId) -> Result<(), Error> {
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

/// After a subject's entry was applied: opens a recount where it concerns buildings that are not
/// named by the entry.
pub(crate) fn after_entry(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    is_new: bool,
) -> Result<(), Error> {
    let partition = entry.partition;
    let concerns = match subject.kind() {
        Kind::Reference => {
            work.tables_changed(partition);
            !work.known_of_kind(partition, Kind::Building, None, 1)?.is_empty()
        }
        Kind::Signer | Kind::Body if !is_new => {
            let prefix = child_prefix(partition, subject, Kind::Report);
            !work.scan(&below(prefix), Direction::Up, 1)?.is_empty()
        }
        _ => false,
    };
    if concerns { open(work, entry, subject) } else { Ok(()) }
}

/// After a node came to other parents: rules of smaller regions than the partition's own may be
/// others now.
pub(crate) fn after_move(work: &mut Work<'_>, entry: &Entry, node: SubjectId) -> Result<(), Error> {
    let partition = entry.partition;
    if partition == Partition::ROOT || !matches!(node.kind(), Kind::Region | Kind::Compound) {
        return Ok(());
    }
    let tables = work.tables(partition)?;
    let own = work.head(partition)?.region;
    let is_local = |region| Some(region) != own && !is_above(work, partition, region);
    if tables.cycles().any(|(region, _)| is_local(region)) {
        return open(work, entry, node);
    }
    Ok(())
}

/// Whether a region lies above the partition's own.
fn is_above(work: &Work<'_>, partition: Partition, region: crate::kernel::id::RegionId) -> bool {
    region.partition() != partition || matches!(work.record(partition, region.into()), Ok(None))
}

/// Refuses what would open a second recount while that of an earlier command is under way: entries
/// of it come after `command`, the first of the command at work.
pub(crate) fn no_recount(
    work: &mut Work<'_>,
    partition: Partition,
    command: Seq,
    fact: &Fact,
) -> Result<(), Error> {
    if !work.head(partition)?.is_recounting {
        return Ok(());
    }
    let Some(recount) = Recount::under_way(work, partition)? else { return Ok(()) };
    if recount.command == command {
        return Ok(());
    }
    for subject in fact.subjects() {
        let would_open = match subject.kind() {
            Kind::Reference => true,
            Kind::Signer | Kind::Body | Kind::Region | Kind::Compound => {
                work.known(partition, subject)?.is_some()
            }
            _ => false,
        };
        if would_open {
            return Err(recounting(&recount));
        }
    }
    Ok(())
}

/// What is told of what waits for a recount.
pub(crate) fn recounting(recount: &Recount) -> Error {
    Error::refused(Refusal::of(
        Class::Conflict,
        "SWEEP_UNDER_WAY",
        "",
        format!(
            "what entry {} changed is still being counted, {} buildings are done: try again",
            recount.opened_by, recount.done_count
        ),
    ))
}

/// Opens a recount, or adds to the one that the same command has opened.
fn open(work: &mut Work<'_>, entry: &Entry, subject: SubjectId) -> Result<(), Error> {
    let partition = entry.partition;
    let known = Recount::under_way(work, partition)?;
    let recount = match known {
        Some(mut recount) if recount.command == entry.command_seq => {
            if !recount.subjects.contains(&subject) {
                recount.subjects.push(subject);
            }
            recount
        }
        // Commands that would open a second one are refused.
        Some(recount) => recount,
        None => {
            if work.head(partition)?.bucket_first != entry.seq {
                begin_bucket(work, entry)?;
            }
            let bucket = work.head(partition)?.bucket;
            Recount {
                opened_by: entry.seq,
                command: entry.command_seq,
                subjects: vec![subject],
                bucket,
                done: None,
                done_count: 0,
            }
        }
    };
    work.put(recount_key(partition), Some(put(&recount)?));
    let meta = work.meta_mut(partition)?;
    meta.is_recounting = true;
    // What follows is known later than the opening.
    meta.bucket_closed = true;
    work.tables_changed(partition);
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

/// Compares every building that the command touched with what it was before, and writes what
/// differs.
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
    Ok(())
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

/// The next buildings of a recount, at most one more than `limit`, in the order of their ids.
fn next_buildings(
    work: &Work<'_>,
    partition: Partition,
    recount: &Recount,
    after_building: Option<BuildingId>,
    limit: usize,
) -> Result<Vec<BuildingId>, Error> {
    if recount.is_of_signatures() {
        return signed_buildings(work, partition, recount, after_building, limit);
    }
    let done = after_building.map(SubjectId::from);
    let next = work.known_of_kind(partition, Kind::Building, done, limit + 1)?;
    Ok(next.into_iter().filter_map(|id| id.try_into().ok()).collect())
}

/// The buildings of the reports that somebody signed or a body made.
fn signed_buildings(
    work: &Work<'_>,
    partition: Partition,
    recount: &Recount,
    after_building: Option<BuildingId>,
    limit: usize,
) -> Result<Vec<BuildingId>, Error> {
    let mut buildings = BTreeSet::new();
    for subject in &recount.subjects {
        let prefix = child_prefix(partition, *subject, Kind::Report);
        let mut reports = Subjects::below(prefix);
        while let Some(report) = reports.next(work)? {
            let Some(record) = work.record(partition, report)? else { continue };
            let building = building_of(&record.timeline);
            buildings.extend(building.filter(|building| Some(*building) > after_building));
        }
    }
    Ok(buildings.into_iter().take(limit + 1).collect())
}

/// The recount under way and how far its next step of so many buildings goes: `None` to its end.
pub(crate) fn next_step(
    work: &mut Work<'_>,
    partition: Partition,
    limit: usize,
) -> Result<Option<(Recount, Option<BuildingId>)>, Error> {
    let Some(recount) = Recount::under_way(work, partition)? else { return Ok(None) };
    let next = next_buildings(work, partition, &recount, recount.done, limit)?;
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
    let Some(recount) = Recount::under_way(work, partition)? else { return Ok(()) };
    if recount.opened_by != opened_by {
        return Ok(());
    }
    let mut done = recount.done;
    let mut done_count = recount.done_count;
    loop {
        let page = next_buildings(work, partition, &recount, done, STEP_BUILDINGS_MAX)?;
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
        work.put(recount_key(partition), None);
        work.meta_mut(partition)?.is_recounting = false;
        work.tables_changed(partition);
    } else {
        let recount = Recount { done: up_to, done_count, ..recount };
        work.put(recount_key(partition), Some(put(&recount)?));
    }
    Ok(())
}

fn step_one(work: &mut Work<'_>, recount: &Recount, building: BuildingId) -> Result<(), Error> {
    let marker = reached_key(building);
    if work.get(&marker)?.is_some() {
        work.put(marker, None);
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
