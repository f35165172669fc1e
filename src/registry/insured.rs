//! What an entry changes in what is insured: buildings and units that are, and what policies and claims
//! come to.
//!
//! The records of what a command changes are noted before its first entry about them. When the command
//! is over, whatever follows from any of them is counted as it was and as it is, and the difference
//! lands in the totals. A policy on many buildings opens a *recount*: one by one they come to count as
//! the policy says now, and until its turn a building, with the units in it, is read as if the entry
//! were not known yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        checkup::Span,
        claim::counted,
        content::Content,
        insured::{
            Count, Held, Link, Stretch, completed, counts_from_completion, in_building,
            is_by_clause, landings, landings_in, links, objects, of_building, of_policy, of_unit,
            placed, products, stretches,
        },
        tables::Tables,
        timeline::Timeline,
        totals::Landings,
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::{Partition, Seq},
        time::{Day, ImpreciseDay},
    },
    registry::{
        dossier::Knowing,
        error::Error,
        line,
        record::{Meta, Record},
        recount::Recount,
        reference,
        space::child_prefix,
        state::State,
        subjects::Subjects,
        term,
        totals::land,
        work::Work,
    },
    store::{Direction, Key, KeyRange, Value},
};

/// Records of what a command changes, as they were before.
pub(crate) type Noted = BTreeMap<SubjectId, Option<Arc<Record>>>;

/// The state, and with what knowledge it is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'s> {
    /// The state.
    pub state: &'s dyn State,
    /// The partition.
    pub partition: Partition,
    /// As of when.
    pub knowing: Knowing<'s>,
    /// The reference data.
    pub tables: &'s Tables,
}

/// The state but for what a command has changed.
struct Before<'w, 'a> {
    work: &'w Work<'a>,
    noted: &'w Noted,
}

impl State for Before<'_, '_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        self.work.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, Error> {
        self.work.scan(range, direction, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, Error> {
        self.work.entries_at(partition, at)
    }

    fn record(&self, partition: Partition, subject: SubjectId) -> Result<Option<Record>, Error> {
        match self.noted.get(&subject).filter(|_| subject.partition() == partition) {
            Some(before) => Ok(before.as_deref().cloned()),
            None => self.work.record(partition, subject),
        }
    }

    fn known_of_kind(
        &self,
        partition: Partition,
        kind: Kind,
        after: Option<SubjectId>,
        limit: usize,
    ) -> Result<Vec<SubjectId>, Error> {
        self.work.known_of_kind(partition, kind, after, limit)
    }

    fn meta(&self, partition: Partition) -> Result<Meta, Error> {
        self.work.meta(partition)
    }
}

/// How a building is insured, with all that the units in it need to know of it.
#[derive(Clone, Debug, Default)]
struct Cover {
    life: Arc<Timeline>,
    stretches: Vec<Stretch>,
    completed: Option<ImpreciseDay>,
}

impl Cover {
    /// Whether units come to the same by both.
    fn is_as(&self, other: &Self) -> bool {
        (&self.stretches, self.completed) == (&other.stretches, other.completed)
    }
}

/// Policies with their lives.
type Lives = BTreeMap<SubjectId, Arc<Timeline>>;

/// Where something counts.
enum Place {
    /// Where a life says, as long as it lasts.
    By(Arc<Timeline>),
    /// In a node, whether that is there or not.
    In(SubjectId),
}

/// What counts at a place, once, or taken away once.
struct Part {
    place: Place,
    counts: Vec<Count>,
    times: i64,
}

impl Part {
    fn landings(&self, number: impl FnMut(&str) -> u16) -> Landings {
        match &self.place {
            Place::By(life) => landings(life, &self.counts, number),
            Place::In(node) => landings_in(*node, &self.counts, number),
        }
    }
}

/// Something that a subject came from, by whose policies it is insured, too.
pub(crate) struct Predecessor {
    /// Which.
    pub subject: SubjectId,
    /// From this day on.
    pub from: Day,
    /// When it was completed. Of a unit nothing: it was completed with the building that what it
    /// became is in.
    pub completed: Option<ImpreciseDay>,
}

/// What a subject came from by merges and splits, and what that came from.
pub(crate) fn predecessors(
    state: &dyn State,
    subject: SubjectId,
    life: &Timeline,
    knowing: Knowing<'_>,
) -> Result<Vec<Predecessor>, Error> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([subject]);
    let mut next = came_from(subject, life, Day::MIN);
    while let Some((before, from)) = next.pop() {
        let its = knowing.life(state, subject.partition(), before)?;
        let Some(its) = its.filter(|life| life.registration().is_some()) else { continue };
        if seen.insert(before) && seen.len() <= line::DEPTH_MAX * line::DEPTH_MAX {
            next.extend(came_from(before, &its, from));
            let completed = (before.kind() != Kind::Unit).then(|| completed(&its));
            found.push(Predecessor { subject: before, from, completed });
        }
    }
    Ok(found)
}

/// What one directly came from, each with the day, or a later one.
fn came_from(one: SubjectId, life: &Timeline, not_before: Day) -> Vec<(SubjectId, Day)> {
    let edges = life.edges().filter(|(_, edge)| edge.into == one && edge.from != one);
    edges.map(|(day, edge)| (edge.from, day.max(not_before))).collect()
}

impl Sight<'_> {
    fn life(&self, subject: SubjectId) -> Result<Option<Arc<Timeline>>, Error> {
        self.knowing.life(self.state, self.partition, subject)
    }

    /// The policies that ever named any of some subjects.
    fn naming(&self, named: impl IntoIterator<Item = SubjectId>) -> Result<Lives, Error> {
        let mut lives = Lives::new();
        for one in named.into_iter().collect::<BTreeSet<_>>() {
            for policy in ever_below(self.state, self.partition, one, Kind::Policy)? {
                if !lives.contains_key(&policy)
                    && let Some(life) = self.life(policy)?
                {
                    lives.insert(policy, life);
                }
            }
        }
        Ok(lives)
    }

    /// Covers by links, and by what the subject came from, of a building with this completion.
    fn stretches(
        &self,
        subject: SubjectId,
        life: &Timeline,
        mut links: Vec<Link>,
        own: ImpreciseDay,
    ) -> Result<Vec<Stretch>, Error> {
        for before in predecessors(self.state, subject, life, self.knowing)? {
            let Predecessor { subject: object, from, completed } = before;
            let completed = completed.unwrap_or(own);
            links.push(Link { object, span: Span { from, until: None }, completed });
        }
        let policies = self.naming(links.iter().map(|link| link.object))?;
        Ok(stretches(&links, policies.values().map(AsRef::as_ref), self.tables))
    }

    fn cover(&self, building: BuildingId) -> Result<Cover, Error> {
        let Some(life) = self.life(building.into())? else { return Ok(Cover::default()) };
        let completed = completed(&life);
        let links = links(building, &life);
        let stretches = self.stretches(building.into(), &life, links, completed)?;
        Ok(Cover { life, stretches, completed: Some(completed) })
    }

    /// A unit as long as it is in a building that has this cover.
    fn unit(
        &self,
        unit: SubjectId,
        building: BuildingId,
        cover: &Cover,
        times: i64,
    ) -> Result<Option<Part>, Error> {
        let Some(life) = self.life(unit)? else { return Ok(None) };
        let completed = cover.completed.unwrap_or(ImpreciseDay::UNKNOWN);
        let link = Link { object: unit, span: Span::ALWAYS, completed };
        let own = self.stretches(unit, &life, vec![link], completed)?;
        let counts = of_unit(&life, building, &cover.stretches, &own);
        Ok(Some(Part { place: Place::By(life), counts, times }))
    }

    fn policy(&self, policy: SubjectId, times: i64) -> Result<Option<Part>, Error> {
        let Some(life) = self.life(policy)? else { return Ok(None) };
        let held =
            if counts_from_completion(&life, self.tables) { self.held(&life)? } else { Vec::new() };
        let counts = of_policy(&life, &held, self.tables);
        Ok(Some(Part { place: Place::By(life), counts, times }))
    }

    /// A claim: in its building, and where its policy is kept.
    fn claim(&self, claim: SubjectId, times: i64) -> Result<Vec<Part>, Error> {
        let Some(life) = self.life(claim)? else { return Ok(Vec::new()) };
        let policy = match counted::policy_of(&life) {
            Some(policy) => self.life(policy.into())?,
            None => None,
        };
        let Some(found) = counted::counts(&life, policy.as_deref()) else { return Ok(Vec::new()) };
        let building =
            found.building.map(|building| (Place::In(building.into()), found.in_building));
        let policy = policy.map(|life| (Place::By(life), found.of_policy));
        let parts = building.into_iter().chain(policy);
        Ok(parts.map(|(place, counts)| Part { place, counts, times }).collect())
    }

    /// The buildings by which the objects of a policy are insured.
    fn held(&self, policy: &Timeline) -> Result<Vec<Held>, Error> {
        let mut held = Vec::new();
        for object in objects(policy) {
            let Some(life) = self.life(object)? else { continue };
            match object.kind() {
                Kind::Building => {
                    held.push(Held { object, span: Span::ALWAYS, completed: completed(&life) });
                }
                Kind::Compound => held.extend(self.held_in(object)?),
                _ => {
                    for (from, until, building) in life.spans(in_building) {
                        let Some(building) = building else { continue };
                        let its = self.life(building.into())?;
                        let completed = its.map_or(ImpreciseDay::UNKNOWN, |its| completed(&its));
                        held.push(Held { object, span: Span { from, until }, completed });
                    }
                }
            }
        }
        Ok(held)
    }

    /// The buildings of a compound, as long as they are in it and may be there.
    fn held_in(&self, compound: SubjectId) -> Result<Vec<Held>, Error> {
        let mut held = Vec::new();
        for id in ever_below(self.state, self.partition, compound, Kind::Building)? {
            let Some(life) = self.life(id)? else { continue };
            let Some((from, gone)) = life.possible_span() else { continue };
            let there = Span::between(from, gone);
            for (from, until, placed) in life.spans(placed) {
                let is_in = placed.compound.map(SubjectId::from) == Some(compound);
                let span = there.and_then(|there| Span { from, until }.within(there));
                if let Some(span) = span.filter(|_| is_in) {
                    held.push(Held { object: compound, span, completed: completed(&life) });
                }
            }
        }
        Ok(held)
    }
}

/// Those of a kind that were ever below a holder.
fn ever_below(
    state: &dyn State,
    partition: Partition,
    holder: SubjectId,
    kind: Kind,
) -> Result<Vec<SubjectId>, Error> {
    let mut below = Subjects::below(child_prefix(partition, holder, kind));
    let mut found = Vec::new();
    while let Some(id) = below.next(state)? {
        found.push(id);
    }
    Ok(found)
}

/// What may count otherwise after some subjects changed.
#[derive(Default)]
struct Concerned {
    buildings: BTreeSet<BuildingId>,
    units: BTreeSet<SubjectId>,
    policies: BTreeSet<SubjectId>,
    claims: BTreeSet<SubjectId>,
}

/// How a world was and how it is.
#[derive(Clone, Copy)]
struct Turn<'s> {
    before: Sight<'s>,
    after: Sight<'s>,
}

impl Turn<'_> {
    /// What follows from subjects that changed. `waits` are those of which a recount does all but what
    /// counts of themselves.
    fn concerned<'c>(
        &self,
        changed: impl IntoIterator<Item = &'c SubjectId>,
        waits: &dyn Fn(SubjectId) -> bool,
    ) -> Result<Concerned, Error> {
        let mut concerned = Concerned::default();
        for subject in changed {
            match subject.kind() {
                Kind::Building => self.by_building(*subject, &mut concerned)?,
                Kind::Unit => self.by_unit(*subject, &mut concerned)?,
                Kind::Policy => {
                    concerned.policies.insert(*subject);
                    self.claims_on(*subject, &mut concerned)?;
                    if !waits(*subject) {
                        self.by_policy(*subject, &mut concerned)?;
                    }
                }
                Kind::Claim => drop(concerned.claims.insert(*subject)),
                _ => {}
            }
        }
        concerned.policies.extend(self.by_clauses()?);
        Ok(concerned)
    }

    fn lives(&self, subject: SubjectId) -> Result<[Option<Arc<Timeline>>; 2], Error> {
        Ok([self.before.life(subject)?, self.after.life(subject)?])
    }

    /// A building is insured by what it is and where it lies, and so is what it became; policies whose
    /// covers count from completion go by those that they insure.
    fn by_building(&self, building: SubjectId, concerned: &mut Concerned) -> Result<(), Error> {
        let lives = self.lives(building)?;
        let [before, after] = lives.each_ref().map(|life| life.as_deref().map(bearing));
        if before == after {
            return Ok(());
        }
        let Sight { state, partition, .. } = self.after;
        for one in line::ever(state, partition, building)? {
            concerned.buildings.extend(BuildingId::try_from(one).ok());
        }
        let mut named = BTreeSet::from([building]);
        for life in lives.iter().flatten() {
            let placed = life.contents().map(|(_, content)| placed(content).compound);
            named.extend(placed.flatten().map(SubjectId::from));
        }
        let [before, after] = lives.each_ref().map(|life| life.as_deref().map(completed));
        if before != after {
            named.extend(ever_below(state, partition, building, Kind::Unit)?);
        }
        self.counted_policies(named, concerned)
    }

    fn by_unit(&self, unit: SubjectId, concerned: &mut Concerned) -> Result<(), Error> {
        let [before, after] = self.lives(unit)?.map(|life| life.as_deref().map(bearing));
        if before == after {
            return Ok(());
        }
        concerned.units.extend(line::ever(self.after.state, self.after.partition, unit)?);
        self.counted_policies([unit], concerned)
    }

    fn by_policy(&self, policy: SubjectId, concerned: &mut Concerned) -> Result<(), Error> {
        let Sight { state, partition, .. } = self.after;
        let lives = self.lives(policy)?;
        let objects = lives.iter().flatten().flat_map(|life| objects(life)).collect();
        for unit in of_kind(&objects, Kind::Unit) {
            concerned.units.extend(line::ever(state, partition, unit)?);
        }
        let buildings = buildings_named(state, partition, &objects, usize::MAX)?;
        concerned.buildings.extend(buildings.into_iter().flatten());
        Ok(())
    }

    /// Claims count by the product of their policy, and where and as long as it is kept. No recount
    /// waits for them: they are counted at once, whatever buildings it has to go through.
    fn claims_on(&self, policy: SubjectId, concerned: &mut Concerned) -> Result<(), Error> {
        let kept = |life: &Timeline| {
            let spans = life.spans(Content::holders);
            (life.possible_span(), life.certain_span(), spans, products(life))
        };
        let [before, after] = self.lives(policy)?.map(|life| life.as_deref().map(kept));
        if before != after {
            let Sight { state, partition, .. } = self.after;
            concerned.claims.extend(ever_below(state, partition, policy, Kind::Claim)?);
        }
        Ok(())
    }

    /// The policies that name some subjects and whose covers count from completion.
    fn counted_policies(
        &self,
        named: impl IntoIterator<Item = SubjectId>,
        concerned: &mut Concerned,
    ) -> Result<(), Error> {
        let policies = self.after.naming(named)?;
        let is_counted = |life: &Arc<Timeline>| counts_from_completion(life, self.after.tables);
        let counted = policies.into_iter().filter(|(_, life)| is_counted(life));
        concerned.policies.extend(counted.map(|(id, _)| id));
        Ok(())
    }

    /// The policies by a clause that the lists of products have otherwise now.
    fn by_clauses(&self) -> Result<Vec<SubjectId>, Error> {
        let both = [self.before.tables, self.after.tables];
        let is_other = |code: &str, clause: &str| {
            let [before, after] = both.map(|tables| tables.product(code, clause));
            before.map(|(_, product)| product) != after.map(|(_, product)| product)
        };
        let mut clauses = both.into_iter().flat_map(Tables::clauses);
        if !clauses.any(|(code, clause)| is_other(code, clause)) {
            return Ok(Vec::new());
        }
        let Sight { state, partition, .. } = self.after;
        let mut policies = Subjects::of_kind(partition, Kind::Policy);
        let mut found = Vec::new();
        while let Some(policy) = policies.next(state)? {
            let life = self.after.life(policy)?;
            if life.is_some_and(|life| is_by_clause(&life, &is_other)) {
                found.push(policy);
            }
        }
        Ok(found)
    }

    /// What a building counted as, and what it counts as; with the units in it, when they come to
    /// something else by that, but for some.
    fn building(
        &self,
        building: BuildingId,
        but: &BTreeSet<SubjectId>,
        parts: &mut Vec<Part>,
    ) -> Result<(), Error> {
        let covers = [self.before.cover(building)?, self.after.cover(building)?];
        for (cover, times) in covers.iter().zip([-1, 1]) {
            let counts = of_building(&cover.life, &cover.stretches);
            parts.push(Part { place: Place::By(Arc::clone(&cover.life)), counts, times });
        }
        let [before, after] = &covers;
        if before.is_as(after) {
            return Ok(());
        }
        let Sight { state, partition, .. } = self.after;
        for unit in ever_below(state, partition, building.into(), Kind::Unit)? {
            if !but.contains(&unit) {
                self.unit(unit, building, &covers, parts)?;
            }
        }
        Ok(())
    }

    fn unit(
        &self,
        unit: SubjectId,
        building: BuildingId,
        [before, after]: &[Cover; 2],
        parts: &mut Vec<Part>,
    ) -> Result<(), Error> {
        parts.extend(self.before.unit(unit, building, before, -1)?);
        parts.extend(self.after.unit(unit, building, after, 1)?);
        Ok(())
    }

    /// The buildings that a unit was or is in.
    fn buildings_of(&self, unit: SubjectId) -> Result<BTreeSet<BuildingId>, Error> {
        let lives = self.lives(unit)?;
        let contents = lives.iter().flatten().flat_map(|life| life.contents());
        Ok(contents.filter_map(|(_, content)| in_building(content)).collect())
    }
}

/// What of the life of a building or unit its insurance, and that of what it became, follows from.
fn bearing(life: &Timeline) -> impl PartialEq + use<> {
    // Where it lies, and what it is a part of, is what holds it.
    let spans = life.spans(Content::holders);
    let edges: Vec<_> = life.edges().collect();
    (life.possible_span(), life.certain_span(), spans, edges, completed(life))
}

fn of_kind(objects: &BTreeSet<SubjectId>, kind: Kind) -> impl Iterator<Item = SubjectId> {
    objects.iter().copied().filter(move |object| object.kind() == kind)
}

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
