//! What buildings became: by merges and splits one stands in the place of another, and has its open
//! findings from that day on.
//!
//! All of it follows from the lives of the buildings as they are known. A merge that is taken back
//! leaves nothing behind but keys, which only propose.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    domain::{
        checkup::{Dossier, next_check_up},
        finding::{Finding, Stay},
        tables::Tables,
        timeline::{Edge, EndCause, Saying, Timeline},
        totals::Targets,
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, SubjectId},
        position::Partition,
        time::Day,
    },
    registry::{
        dossier::{self, Knowing, said_about},
        entry::Entry,
        error::Error,
        fact::Fact,
        history::entry_numbers,
        record::Record,
        space::{Space, subject_key},
        state::State,
        work::Work,
    },
};

/// Successions that are followed, one after another.
pub(crate) const DEPTH_MAX: usize = 16;

/// A building became another one.
#[derive(Clone, Copy)]
pub(crate) struct Came {
    /// The one that ended.
    pub from: BuildingId,
    /// What it became, or a part of that.
    pub into: BuildingId,
    /// The day.
    pub on: Day,
}

/// The day on which what has this life became others.
pub(crate) fn left_on(life: &Timeline, building: BuildingId) -> Option<Day> {
    let end = life.end().filter(|end| matches!(end.cause, EndCause::Merged | EndCause::Split))?;
    life.registration()?;
    let day = end.day.earliest();
    edges_on(life, building, day).next().map(|_| day)
}

/// Where a building went on a day.
fn edges_on(life: &Timeline, building: BuildingId, day: Day) -> impl Iterator<Item = Edge> {
    let own = SubjectId::from(building);
    let edges = life.edges().filter(move |(on, edge)| *on == day && edge.from == own);
    edges.map(|(_, edge)| edge).filter(move |edge| edge.into != own)
}

/// The buildings that became this one, with the days.
pub(crate) fn before(
    state: &dyn State,
    building: BuildingId,
    life: &Timeline,
    knowing: Knowing<'_>,
) -> Result<Vec<(Day, BuildingId)>, Error> {
    let own = SubjectId::from(building);
    let mut found = Vec::new();
    for (day, edge) in life.edges().filter(|(_, edge)| edge.into == own && edge.from != own) {
        let Ok(from) = BuildingId::try_from(edge.from) else { continue };
        let Some(its) = knowing.life(state, building.partition(), edge.from)? else { continue };
        if left_on(&its, from) == Some(day) {
            found.push((day, from));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What a building directly became, the part in which something of it counts first: that which it was
/// seen in, which is then the only one, or else the largest.
fn parts(
    state: &dyn State,
    building: BuildingId,
    life: &Timeline,
    placed: Option<BuildingId>,
    knowing: Knowing<'_>,
) -> Result<Vec<BuildingId>, Error> {
    let Some(day) = left_on(life, building) else { return Ok(Vec::new()) };
    let mut edges = edges_on(life, building, day).collect::<Vec<_>>();
    // Shares are of one whole; the first of equals stays the first.
    let share = |edge: &Edge| {
        let of = u128::from(edge.share_denominator.max(1));
        (u128::from(edge.share_numerator) << 63) / of
    };
    edges.sort_by_key(|edge| Reverse(share(edge)));
    let mut parts = Vec::new();
    for edge in edges {
        let Ok(part) = BuildingId::try_from(edge.into) else { continue };
        let its = knowing.life(state, building.partition(), edge.into)?;
        if its.is_some_and(|life| life.registration().is_some()) {
            parts.push(part);
        }
    }
    if let Some(placed) = placed {
        for part in &parts {
            if *part == placed || after(state, *part, knowing)?.contains(&placed) {
                return Ok(vec![*part]);
            }
        }
    }
    Ok(parts)
}

/// All that a building became, and what that became.
pub(crate) fn after(
    state: &dyn State,
    building: BuildingId,
    knowing: Knowing<'_>,
) -> Result<BTreeSet<BuildingId>, Error> {
    let mut found = BTreeSet::new();
    let mut next = vec![building];
    while let Some(one) = next.pop() {
        let Some(life) = knowing.life(state, one.partition(), one.into())? else { continue };
        for part in parts(state, one, &life, None, knowing)? {
            if part != building && found.insert(part) {
                next.push(part);
            }
        }
    }
    Ok(found)
}

/// The first day on which a building and all that it became certainly are no more, or of that the
/// part in which something was seen.
pub(crate) fn gone_from(
    state: &dyn State,
    building: BuildingId,
    placed: Option<BuildingId>,
    knowing: Knowing<'_>,
) -> Result<Option<Day>, Error> {
    let mut last = None;
    let mut next = vec![(building, 0)];
    while let Some((one, depth)) = next.pop() {
        let life = knowing.life(state, one.partition(), one.into())?;
        let Some(life) = life.filter(|_| depth < DEPTH_MAX) else { return Ok(None) };
        let parts = parts(state, one, &life, placed, knowing)?;
        if parts.is_empty() {
            let Some(gone) = dossier::gone_from(&life) else { return Ok(None) };
            last = last.max(Some(gone));
        }
        next.extend(parts.into_iter().map(|part| (part, depth + 1)));
    }
    Ok(last)
}

/// The buildings that a finding stands in on a day, the one that it counts in first.
pub(crate) fn stands_in(
    state: &dyn State,
    finding: &Finding,
    day: Day,
    knowing: Knowing<'_>,
) -> Result<Vec<BuildingId>, Error> {
    let mut found = vec![finding.building()];
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        let mut is_moved = false;
        for one in found {
            let life = knowing.life(state, one.partition(), one.into())?;
            let left = life.filter(|life| left_on(life, one).is_some_and(|left| left <= day));
            let parts = match left {
                Some(life) => parts(state, one, &life, finding.placed(), knowing)?,
                None => Vec::new(),
            };
            is_moved |= !parts.is_empty();
            if parts.is_empty() {
                next.push(one);
            }
            next.extend(parts);
        }
        found = next;
        if !is_moved {
            break;
        }
    }
    // Of several, those that are there; of none, where it was.
    let mut there = Vec::new();
    for one in &found {
        let life = knowing.life(state, one.partition(), (*one).into())?;
        let gone = life.and_then(|life| dossier::gone_from(&life));
        if gone.is_none_or(|gone| day < gone) {
            there.push(*one);
        }
    }
    Ok(if there.is_empty() { found } else { there })
}

/// The findings of a building as they stand in what it became; `into` is the life of that.
pub(crate) fn carried(
    state: &dyn State,
    before: &Dossier,
    came: Came,
    into: &Timeline,
    tables: &Tables,
    knowing: Knowing<'_>,
) -> Result<Vec<(FindingId, Finding)>, Error> {
    let plan = before.due(tables);
    let until = left_on(into, came.into);
    let mut carried = Vec::new();
    for (id, finding) in &before.findings {
        let view = finding.view_on(came.on.previous());
        let is_open = view.is_some_and(|view| view.stage.is_open())
            || finding.events().any(|event| came.on <= event.on);
        let parts = parts(state, came.from, &before.building, finding.placed(), knowing)?;
        let Some(place) = parts.iter().position(|part| *part == came.into).filter(|_| is_open)
        else {
            continue;
        };
        // Where it counts before it counts here.
        let mut free = Some(Day::MIN);
        for larger in parts.iter().take(place) {
            let gone = gone_from(state, *larger, None, knowing)?;
            free = free.zip(gone).map(|(free, gone)| free.max(gone));
        }
        let stay = finding.stay();
        let observed = finding.view_on(Day::MAX).map(|view| view.first_observed);
        let was_due = observed.zip(plan.as_ref());
        let was_due = was_due.and_then(|(observed, plan)| next_check_up(plan, observed));
        let stay = Stay {
            from: Some(came.on),
            until,
            next_check_up: stay.next_check_up.or(was_due.filter(|due| *due < came.on)),
            counts_from: stay.counts_from.zip(free).map(|(before, free)| before.max(free)),
        };
        carried.push((*id, finding.clone().staying(stay)));
    }
    Ok(carried)
}

/// The buildings that a building became or came from, and those that these did; itself among them.
pub(crate) fn all(
    state: &dyn State,
    building: BuildingId,
    life: &Timeline,
) -> Result<BTreeSet<BuildingId>, Error> {
    let mut found = BTreeSet::from([building]);
    let mut next = neighbours(life);
    while let Some(one) = next.pop() {
        if found.insert(one)
            && let Some(record) = state.record(one.partition(), one.into())?
        {
            next.extend(neighbours(&record.timeline));
        }
    }
    Ok(found)
}

fn neighbours(life: &Timeline) -> Vec<BuildingId> {
    ends(life).into_iter().filter_map(|id| id.try_into().ok()).collect()
}

fn ends(life: &Timeline) -> Vec<SubjectId> {
    life.edges().flat_map(|(_, edge)| [edge.from, edge.into]).collect()
}

/// The subjects that a subject became or came from, and those that these did, with those of
/// successions that were taken back; itself among them.
pub(crate) fn ever(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
) -> Result<BTreeSet<SubjectId>, Error> {
    let mut found = BTreeSet::new();
    let mut next = vec![subject];
    while let Some(one) = next.pop() {
        if !found.insert(one) {
            continue;
        }
        let Some(record) = state.record(partition, one)? else { continue };
        next.extend(ends(&record.timeline));
        let may_hide = |saying: &Saying| matches!(saying, Saying::Retracted);
        if record.timeline.places().iter().any(|place| may_hide(&place.statement.saying)) {
            next.extend(ever_beside(state, partition, one, &record)?);
        }
    }
    Ok(found)
}

fn ever_beside(
    state: &dyn State,
    partition: Partition,
    own: SubjectId,
    record: &Record,
) -> Result<Vec<SubjectId>, Error> {
    let mut found = Vec::new();
    let numbers = entry_numbers(state, partition, own, record)?;
    for bytes in state.entries_at(partition, &numbers)? {
        let (entry, _) = Entry::decode(&bytes)?;
        if let Some(Fact::Succession { edges, .. }) = entry.body.map(|body| body.fact) {
            let own = edges.into_iter().filter(|edge| edge.from == own || edge.into == own);
            found.extend(own.flat_map(|edge| [edge.from, edge.into]));
        }
    }
    Ok(found)
}

/// After an entry about a building or a finding was applied: writes the keys by which lists find what
/// stands in what a building became.
pub(crate) fn after_entry(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
) -> Result<(), Error> {
    let partition = entry.partition;
    let Some(record) = work.known(partition, subject)? else { return Ok(()) };
    match subject.kind() {
        Kind::Finding => {
            let Some(building) = dossier::building_of(&record.timeline) else { return Ok(()) };
            for later in after_of(work, building)? {
                work.put(child_key(partition, later, subject), Some(Vec::new()));
            }
            Ok(())
        }
        Kind::Building if record.timeline.edges().next().is_some() => {
            let Ok(building) = BuildingId::try_from(subject) else { return Ok(()) };
            propose(work, partition, building, &record.timeline)
        }
        _ => Ok(()),
    }
}

fn after_of(work: &mut Work<'_>, building: BuildingId) -> Result<BTreeSet<BuildingId>, Error> {
    let record = work.known(building.partition(), building.into())?;
    let has_line = record.is_some_and(|record| record.timeline.edges().next().is_some());
    if has_line { after(work, building, Knowing::at(None)) } else { Ok(BTreeSet::new()) }
}

fn child_key(partition: Partition, holder: BuildingId, child: SubjectId) -> crate::store::Key {
    let mut key = subject_key(partition, Space::Child, holder.into());
    key.extend_from_slice(&child.to_bytes());
    key
}

fn propose(
    work: &mut Work<'_>,
    partition: Partition,
    building: BuildingId,
    life: &Timeline,
) -> Result<(), Error> {
    let mut holders: BTreeMap<BuildingId, BTreeSet<SubjectId>> = BTreeMap::new();
    let related = all(work, building, life)?;
    for one in &related {
        let Some(record) = work.known(partition, (*one).into())? else { continue };
        let nodes = Targets::of(&record.timeline).nodes().collect();
        holders.insert(*one, nodes);
    }
    for one in related {
        let its = holders.get(&one).cloned().unwrap_or_default();
        let findings = said_about(work, one, Kind::Finding)?;
        for later in after_of(work, one)? {
            if holders.get(&later).is_some_and(|nodes| *nodes != its) {
                work.meta_mut(partition)?.has_far_lines = true;
            }
            for holder in &its {
                let mut key = subject_key(partition, Space::Child, *holder);
                key.extend_from_slice(&SubjectId::from(later).to_bytes());
                work.put(key, Some(Vec::new()));
            }
            for finding in &findings {
                work.put(child_key(partition, later, *finding), Some(Vec::new()));
            }
        }
    }
    Ok(())
}
