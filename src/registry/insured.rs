//! What an entry changes in what is insured: buildings and units that are, and what policies and claims
//! come to.
//!
//! The records of what a command changes are noted before its first entry about them. When the command
//! is over, whatever follows from any of them is counted as it was and as it is, and the difference
//! lands in the totals. A policy on many buildings opens a *recount*: one by one they come to count as
//! the policy says now, and until its turn a building, with the units in it, is read as if the entry
//! were not known yet.

mod before;
mod sight;
mod turn;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        insured::{in_building, objects, of_building},
        tables::Tables,
        timeline::Timeline,
        totals::Landings,
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::{Partition, Seq},
    },
    registry::{
        dossier::Knowing,
        error::Error,
        insured::{
            before::Before,
            sight::{Cover, Part, Place, Sight, ever_below},
            turn::{Concerned, Turn},
        },
        line,
        record::Record,
        recount::Recount,
        reference,
        state::State,
        term,
        totals::land,
        work::Work,
    },
};

pub(crate) use sight::predecessors;

/// Records of what a command changes, as they were before.
pub(crate) type Noted = BTreeMap<SubjectId, Option<Arc<Record>>>;

/// The buildings that are insured by what is named, wholly or by a unit in them; `None` when they are
/// more than so many.
pub(crate) fn buildings_named(
    state: &dyn State,
    partition: Partition,
    objects: &BTreeSet<SubjectId>,
    most: usize,
) -> Result<Option<BTreeSet<BuildingId>>, Error> {
    let mut found = BTreeSet::new();
    for object in objects {
        let buildings = match object.kind() {
            Kind::Building => {
                let mut all = ever_below(state, partition, *object, Kind::Building)?;
                all.extend(line::ever(state, partition, *object)?);
                all
            }
            Kind::Compound => ever_below(state, partition, *object, Kind::Building)?,
            _ => {
                let mut all = Vec::new();
                for unit in line::ever(state, partition, *object)? {
                    let record = state.record(partition, unit)?;
                    let life = record.map(|record| record.timeline).unwrap_or_default();
                    let buildings = life.contents().filter_map(|(_, said)| in_building(said));
                    all.extend(buildings.map(SubjectId::from));
                }
                all
            }
        };
        found.extend(buildings.into_iter().filter_map(|id| BuildingId::try_from(id).ok()));
        if found.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// The buildings of a policy's entry by what it said before and says now; `None` when they are more
/// than so many.
pub(crate) fn buildings_of<'l>(
    state: &dyn State,
    partition: Partition,
    lives: impl IntoIterator<Item = &'l Timeline>,
    most: usize,
) -> Result<Option<BTreeSet<BuildingId>>, Error> {
    let objects = lives.into_iter().flat_map(objects).collect();
    buildings_named(state, partition, &objects, most)
}

/// Whether policies are by clauses that lists of products have otherwise than before.
pub(crate) fn has_other_clauses(
    state: &dyn State,
    partition: Partition,
    (before, after): (&Tables, &Tables),
) -> Result<bool, Error> {
    let knowing = Knowing::at(None);
    let sight = |tables| Sight { state, partition, knowing, tables };
    let turn = Turn { before: sight(before), after: sight(after) };
    Ok(!turn.by_clauses()?.is_empty())
}

/// Notes what an entry is about, before it is applied, where insurance may follow from it.
pub(crate) fn note(
    work: &mut Work<'_>,
    partition: Partition,
    subject: SubjectId,
) -> Result<(), Error> {
    if subject.partition() != partition {
        return Ok(());
    }
    let has_policies = work.head(partition)?.has_policies();
    match subject.kind() {
        Kind::Policy if !has_policies => {
            let meta = work.meta_mut(partition)?;
            meta.first_policy = Some(meta.seq);
        }
        Kind::Policy | Kind::Claim | Kind::Building | Kind::Unit | Kind::Reference
            if has_policies => {}
        _ => return Ok(()),
    }
    work.note(subject)
}

/// Compares all that follows from what the command changed with what it was before, and lets the
/// difference land.
pub(crate) fn settle(work: &mut Work<'_>) -> Result<(), Error> {
    let noted = work.take_noted();
    let partitions: BTreeSet<_> = noted.keys().map(|subject| subject.partition()).collect();
    for partition in partitions {
        let parts = differences(work, partition, &noted)?;
        let bucket = work.head(partition)?.bucket;
        count(work, partition, parts, bucket)?;
    }
    Ok(())
}

fn differences(
    work: &mut Work<'_>,
    partition: Partition,
    noted: &Noted,
) -> Result<Vec<Part>, Error> {
    let recount = Recount::under_way(work, partition)?;
    let as_of = |subject| recount.as_ref().and_then(|recount| recount.as_of(subject));
    let now = work.tables(partition)?;
    let not_reached = match &recount {
        Some(_) => work.tables_before(partition, &as_of)?,
        None => Arc::clone(&now),
    };
    let changed = || noted.keys().filter(|subject| subject.partition() == partition);
    let was_state = Before { work, noted };
    let was = if changed().any(|subject| subject.kind() == Kind::Reference) {
        Arc::new(reference::tables(&was_state, partition, None, &|_| None)?)
    } else {
        Arc::clone(&now)
    };
    let all = Knowing::at(None);
    let but = Knowing { known: None, as_of: &as_of };
    let sight = |state, knowing, tables| Sight { state, partition, knowing, tables };
    let turn = Turn { before: sight(&was_state, all, &was), after: sight(&*work, all, &now) };
    // What the recount has not come to counts without what opened it, before and after.
    let waiting = Turn {
        before: if changed().any(|subject| as_of(*subject).is_some()) {
            turn.before
        } else {
            sight(&was_state, but, &not_reached)
        },
        after: sight(&*work, but, &not_reached),
    };
    let turn_of = |building| match &recount {
        Some(recount) if !recount.is_done(building) => waiting,
        _ => turn,
    };
    let concerned = turn.concerned(changed(), &|policy| as_of(policy).is_some())?;
    let mut parts = Vec::new();
    for building in &concerned.buildings {
        turn_of(*building).building(*building, &concerned.units, &mut parts)?;
    }
    for unit in &concerned.units {
        for building in turn.buildings_of(*unit)? {
            let turn = turn_of(building);
            let covers = [turn.before.cover(building)?, turn.after.cover(building)?];
            turn.unit(*unit, building, &covers, &mut parts)?;
        }
    }
    for policy in &concerned.policies {
        parts.extend(turn.before.policy(*policy, -1)?);
        parts.extend(turn.after.policy(*policy, 1)?);
    }
    for claim in &concerned.claims {
        parts.extend(turn.before.claim(*claim, -1)?);
        parts.extend(turn.after.claim(*claim, 1)?);
    }
    Ok(parts)
}

/// Lets a building, with the units in it, count by what opened a recount.
pub(crate) fn step(
    work: &mut Work<'_>,
    recount: &Recount,
    building: BuildingId,
) -> Result<(), Error> {
    let partition = building.partition();
    if !work.head(partition)?.has_policies() {
        return Ok(());
    }
    let as_of = |subject| recount.as_of(subject);
    let now = work.tables(partition)?;
    let was = work.tables_before(partition, &as_of)?;
    if !recount.is_of_policies() && was.products().eq(now.products()) {
        return Ok(());
    }
    let mut parts = Vec::new();
    let state: &dyn State = work;
    let (all, but) = (Knowing::at(None), Knowing { known: None, as_of: &as_of });
    let turn = Turn {
        before: Sight { state, partition, knowing: but, tables: &was },
        after: Sight { state, partition, knowing: all, tables: &now },
    };
    turn.building(building, &BTreeSet::new(), &mut parts)?;
    count(work, partition, parts, recount.bucket)
}

/// Lets parts land, and gives their terms numbers.
fn count(
    work: &mut Work<'_>,
    partition: Partition,
    parts: Vec<Part>,
    bucket: u32,
) -> Result<(), Error> {
    let mut difference = Landings::default();
    for part in &parts {
        let mut numbers = BTreeMap::new();
        for count in &part.counts {
            if !numbers.contains_key(count.term.as_str()) {
                numbers.insert(count.term.as_str(), term::number(work, partition, &count.term)?);
            }
        }
        let number = |term: &str| numbers.get(term).copied().unwrap_or(term::UNCOUNTED);
        difference.add_all(&part.landings(number), part.times);
    }
    land(work, partition, difference, bucket)
}

/// What a subject counts as by insurance as known with an entry, for totals of then. Terms that were
/// never counted count nothing.
pub(crate) fn landings_at(
    state: &dyn State,
    subject: SubjectId,
    known: Seq,
) -> Result<Landings, Error> {
    let partition = subject.partition();
    let tables = reference::known(state, partition, Some(known))?;
    let knowing = Knowing::at(Some(known));
    let sight = Sight { state, partition, knowing, tables: &tables };
    let mut parts = Vec::new();
    match subject.kind() {
        Kind::Building => {
            let Ok(building) = BuildingId::try_from(subject) else {
                return Ok(Landings::default());
            };
            let Cover { life, stretches, .. } = sight.cover(building)?;
            let counts = of_building(&life, &stretches);
            parts.push(Part { place: Place::By(life), counts, times: 1 });
        }
        Kind::Unit => {
            let turn = Turn { before: sight, after: sight };
            for building in turn.buildings_of(subject)? {
                let cover = sight.cover(building)?;
                parts.extend(sight.unit(subject, building, &cover, 1)?);
            }
        }
        Kind::Policy => parts.extend(sight.policy(subject, 1)?),
        Kind::Claim => parts.extend(sight.claim(subject, 1)?),
        _ => {}
    }
    let mut found = Landings::default();
    for part in &parts {
        let mut numbers = BTreeMap::new();
        for count in &part.counts {
            if let Some(number) = term::find(state, partition, &count.term)? {
                numbers.insert(count.term.as_str(), number);
            }
        }
        let number = |term: &str| numbers.get(term).copied().unwrap_or(term::UNCOUNTED);
        found.add_all(&part.landings(number), part.times);
    }
    Ok(found)
}

/// The subjects that may count otherwise after some that changed between two entries.
pub(crate) fn concerned(
    state: &dyn State,
    partition: Partition,
    changed: &BTreeSet<SubjectId>,
    (from, to): (Seq, Seq),
) -> Result<BTreeSet<SubjectId>, Error> {
    let tables = [from, to].map(|known| reference::known(state, partition, Some(known)));
    let [was, now] = tables;
    let (was, now) = (was?, now?);
    let sight = |known, tables| {
        let knowing = Knowing::at(Some(known));
        Sight { state, partition, knowing, tables }
    };
    let turn = Turn { before: sight(from, &was), after: sight(to, &now) };
    let changed: Vec<_> = changed.iter().filter(|it| it.partition() == partition).collect();
    let Concerned { buildings, units, policies, claims } = turn.concerned(changed, &|_| false)?;
    let mut found: BTreeSet<SubjectId> = units.into_iter().chain(policies).chain(claims).collect();
    for building in buildings {
        found.insert(building.into());
        if !turn.before.cover(building)?.is_as(&turn.after.cover(building)?) {
            found.extend(ever_below(state, partition, building.into(), Kind::Unit)?);
        }
    }
    Ok(found)
}
