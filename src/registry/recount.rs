//! Recounts: sweeps over buildings that one entry opens, whose check-ups follow from something else than
//! themselves: a rule, a licence, a border.
//!
//! A recount knows which buildings it has to go through, from which valid day on they can come to
//! something else, and in which nodes they count. Until it has ended, answers that rest on any of
//! them are refused, and no others: what another district has, and what was so on earlier days, is
//! told as ever.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::Fields,
        cycle::CycleRuleSet,
        tables::{Loaded, Parsed},
        totals::Targets,
    },
    kernel::{
        id::{BuildingId, Kind, ReferenceId, RegionId, SubjectId},
        position::{Partition, Seq},
        time::Day,
    },
    registry::{
        apply::begin_bucket,
        below::{self, Held},
        checkup::AT_ONCE_MAX,
        dossier::building_of,
        entry::Entry,
        error::{Class, Error, Refusal},
        fact::Fact,
        history::timeline_at,
        insured, line,
        record::{put, read},
        reference,
        space::{Space, below as keys_below, child_prefix, key},
        state::State,
        subjects::Subjects,
        work::Work,
    },
    store::{Direction, Key},
};

/// Nodes below which a recount goes; beyond, through all of the partition.
const NODES_MAX: usize = 256;
/// Reports of a signer or body whose buildings are looked up when a recount opens; beyond, it is
/// taken for one that concerns everything.
const REPORTS_MAX: usize = 5_000;
/// Buildings of a policy whose nodes are looked up when a recount opens; beyond, it is taken for one
/// that concerns everything.
const INSURED_MAX: usize = 2_000;
/// Keys taken away at once when a recount has ended.
const KEYS: usize = 512;
/// Regions above one another, at most.
const DEPTH_MAX: usize = 16;

/// Buildings that are counted at once.
const COUNTED_AT_ONCE: usize = 20_000;
/// Recounts whose buildings are remembered to be so many.
const COUNTED_MAX: usize = 16;

/// A recount among those of this process: its registry, its partition, and the entry that opened it.
type Which = ([u8; 16], Partition, Seq);

/// How many buildings recounts go through.
static COUNTED: Mutex<Vec<(Which, u64)>> = Mutex::new(Vec::new());

/// Which buildings a recount goes through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// All of the partition.
    Everything,
    /// Those of the reports that somebody signed or a body made.
    Signed,
    /// Those that were ever below one of these.
    Below(BTreeSet<SubjectId>),
    /// Those that a policy insures.
    Insured,
}

impl Scope {
    /// Both.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Signed, Self::Signed) => Self::Signed,
            (Self::Insured, Self::Insured) => Self::Insured,
            (Self::Below(mut nodes), Self::Below(more)) => {
                nodes.extend(more);
                if nodes.len() > NODES_MAX { Self::Everything } else { Self::Below(nodes) }
            }
            _ => Self::Everything,
        }
    }
}

/// A recount under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recount {
    /// The first entry that opened it.
    pub opened_by: Seq,
    /// The first entry of the command that opened it.
    pub command: Seq,
    /// What changed.
    subjects: Vec<SubjectId>,
    /// The buildings.
    scope: Scope,
    /// The first valid day on which one of them can come to something else.
    from: Day,
    /// Whether every node of the partition may count some of them; otherwise those that do have keys.
    is_everywhere: bool,
    /// The bucket in which what it changes is known.
    pub bucket: u32,
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

    /// As of which entry a subject is read for what was counted before.
    pub(crate) fn as_of(&self, subject: SubjectId) -> Option<Seq> {
        self.subjects.contains(&subject).then(|| self.opened_by.saturating_sub(1))
    }

    /// Whether it has come to a building.
    pub(crate) fn is_done(&self, building: BuildingId) -> bool {
        self.done.is_some_and(|done| building <= done)
    }

    /// Whether policies are among what changed.
    pub(crate) fn is_of_policies(&self) -> bool {
        self.subjects.iter().any(|subject| subject.kind() == Kind::Policy)
    }

    /// Whether nothing else is: nothing of check-ups follows from it.
    pub(crate) fn is_of_policies_only(&self) -> bool {
        self.subjects.iter().all(|subject| subject.kind() == Kind::Policy)
    }

    /// The buildings that the policies insured before it, or insure now.
    fn insured(&self, state: &dyn State, partition: Partition) -> Result<Vec<BuildingId>, Error> {
        let mut lives = Vec::new();
        for policy in self.subjects.iter().filter(|subject| subject.kind() == Kind::Policy) {
            lives.extend(timeline_at(state, partition, *policy, self.as_of(*policy))?);
            lives.extend(timeline_at(state, partition, *policy, None)?);
        }
        let lives = lives.iter().map(AsRef::as_ref);
        let found = insured::buildings_of(state, partition, lives, usize::MAX)?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Whether what is told of a node on one of these days, as of now, may be wrong until it has
    /// ended.
    pub(crate) fn concerns(
        &self,
        state: &dyn State,
        node: SubjectId,
        days: &[Day],
    ) -> Result<bool, Error> {
        if days.iter().all(|day| *day < self.from) {
            return Ok(false);
        }
        if self.is_everywhere || counts_in(state, node)? {
            return Ok(true);
        }
        // A compound counts buildings that belong to another community, too.
        let partition = node.partition();
        let mut local = Subjects::below(child_prefix(partition, node, Kind::Building));
        while node.kind() == Kind::Compound
            && let Some(building) = local.next(state)?
        {
            let Some(record) = state.record(partition, building)? else { continue };
            for holder in Targets::of(&record.timeline).nodes() {
                if counts_in(state, holder)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The same of a list of what some holders, those below `asked`, have on a day.
    pub(crate) fn concerns_any(
        &self,
        state: &dyn State,
        asked: SubjectId,
        holders: &[(Partition, SubjectId)],
        day: Day,
    ) -> Result<bool, Error> {
        // No list of what is due or found follows from what is insured.
        if day < self.from || self.is_of_policies_only() {
            return Ok(false);
        }
        for (_, holder) in holders {
            if self.is_everywhere || counts_in(state, *holder)? {
                return Ok(true);
            }
        }
        self.concerns(state, asked, &[day])
    }

    /// Refuses what waits for it.
    pub(crate) fn refusal(&self) -> Error {
        Error::refused(Refusal::of(
            Class::Conflict,
            "SWEEP_UNDER_WAY",
            "",
            format!(
                "what entry {} changed is still being counted, {} buildings are done: try again",
                self.opened_by, self.done_count
            ),
        ))
    }

    /// How many buildings it goes through in all. That is counted once for a recount, and remembered.
    pub(crate) fn total(&self, state: &dyn State, partition: Partition) -> Result<u64, Error> {
        let which = (state.meta(partition)?.registry, partition, self.opened_by);
        let counted = || COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, total)) = counted().iter().find(|(known, _)| *known == which) {
            // Others may have been registered since: it goes through these as well.
            return Ok((*total).max(self.done_count));
        }
        let (mut total, mut behind) = (0, None);
        loop {
            let mut some = self.next_buildings(state, partition, behind, COUNTED_AT_ONCE)?;
            let has_more = some.len() > COUNTED_AT_ONCE;
            some.truncate(COUNTED_AT_ONCE);
            total += u64::try_from(some.len()).unwrap_or(u64::MAX);
            behind = some.last().copied();
            if !has_more {
                break;
            }
        }
        let mut counted = counted();
        if counted.len() >= COUNTED_MAX {
            counted.remove(0);
        }
        counted.push((which, total));
        Ok(total)
    }

    /// The next of its buildings, at most one more than `limit`, in the order of their ids.
    pub(crate) fn next_buildings(
        &self,
        state: &dyn State,
        partition: Partition,
        behind: Option<BuildingId>,
        limit: usize,
    ) -> Result<Vec<BuildingId>, Error> {
        let done = behind.map(SubjectId::from);
        let next = match &self.scope {
            Scope::Everything => state.known_of_kind(partition, Kind::Building, done, limit + 1)?,
            Scope::Signed => {
                let (signed, _) = signed_buildings(state, partition, &self.subjects, usize::MAX)?;
                let signed = signed.into_iter().filter(|(building, _)| Some(*building) > behind);
                return Ok(signed.map(|(building, _)| building).take(limit + 1).collect());
            }
            Scope::Insured => {
                let insured = self.insured(state, partition)?.into_iter();
                let next = insured.filter(|building| Some(*building) > behind);
                return Ok(next.take(limit + 1).collect());
            }
            Scope::Below(nodes) => {
                let nodes = nodes.iter().copied().collect::<Vec<_>>();
                let mut held = Held::new(state, partition, &nodes, Kind::Building, done)?;
                let mut next = Vec::new();
                while next.len() <= limit
                    && let Some(building) = held.next(state)?
                {
                    next.push(building);
                }
                next
            }
        };
        Ok(next.into_iter().filter_map(|id| id.try_into().ok()).collect())
    }

    /// Keeps it as it stands.
    pub(crate) fn keep(&self, work: &mut Work<'_>, partition: Partition) -> Result<(), Error> {
        work.put(recount_key(partition), Some(put(self)?));
        Ok(())
    }

    /// It has ended: nothing of it is left.
    pub(crate) fn close(work: &mut Work<'_>, partition: Partition) -> Result<(), Error> {
        let range = keys_below(key(partition, Space::Recount));
        loop {
            let keys = work.scan(&range, Direction::Up, KEYS)?;
            let is_end = keys.len() < KEYS;
            for (key, _) in keys {
                work.put(key, None);
            }
            if is_end {
                break;
            }
        }
        work.meta_mut(partition)?.is_recounting = false;
        work.tables_changed(partition);
        Ok(())
    }
}

/// Whether buildings of the recount under way count in a node.
fn counts_in(state: &dyn State, node: SubjectId) -> Result<bool, Error> {
    Ok(state.get(&node_key(node.partition(), node))?.is_some())
}

fn recount_key(partition: Partition) -> Key {
    let mut key = key(partition, Space::Recount);
    key.push(0);
    key
}

/// Says of a building that the recount need not come to it any more.
pub(crate) fn reached_key(building: BuildingId) -> Key {
    let mut key = key(building.partition(), Space::Recount);
    key.push(1);
    key.extend_from_slice(&SubjectId::from(building).to_bytes());
    key
}

/// Says of a node that buildings of the recount count in it.
fn node_key(partition: Partition, node: SubjectId) -> Key {
    let mut key = key(partition, Space::Recount);
    key.push(2);
    key.extend_from_slice(&node.to_bytes());
    key
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
    match subject.kind() {
        Kind::Reference => {
            work.tables_changed(partition);
            if work.known_of_kind(partition, Kind::Building, None, 1)?.is_empty() {
                return Ok(());
            }
            match of_edition(work, entry, subject)? {
                Some((scope, from)) => open(work, entry, subject, scope, from),
                None => Ok(()),
            }
        }
        Kind::Signer | Kind::Body if !is_new && has_reports(work, partition, subject)? => {
            let from = signed_from(work, partition, subject)?;
            open(work, entry, subject, Scope::Signed, from)
        }
        Kind::Policy => {
            let record = work.known(partition, subject)?;
            let lives = [work.noted(subject), record];
            let lives = || lives.iter().flatten().map(|record| &record.timeline);
            if insured::buildings_of(work, partition, lives(), AT_ONCE_MAX)?.is_some() {
                return Ok(());
            }
            let from = lives().filter_map(|life| life.possible_span().map(|(from, _)| from)).min();
            open(work, entry, subject, Scope::Insured, from.unwrap_or(Day::MIN))
        }
        _ => Ok(()),
    }
}

/// Which buildings another edition concerns, and from which day on; `None` when it concerns none.
fn of_edition(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
) -> Result<Option<(Scope, Day)>, Error> {
    let partition = entry.partition;
    let Ok(id) = ReferenceId::try_from(subject) else { return Ok(None) };
    let as_of = |other| (other == subject).then(|| entry.seq.saturating_sub(1));
    let before = reference::tables(work, partition, None, &as_of)?;
    let after = work.tables(partition)?;
    let all = Some((Scope::Everything, Day::MIN));
    if before.has_cycles() != after.has_cycles() {
        // Of a partition without rules nothing is said.
        return Ok(all);
    }
    let told: Vec<&Loaded> =
        [before.edition(id), after.edition(id)].into_iter().flatten().collect();
    let mut nodes = BTreeSet::new();
    let mut from = Day::MAX;
    for loaded in told {
        match loaded.parsed.as_ref() {
            Parsed::Cycle(CycleRuleSet { edition, .. }) => {
                from = from.min(edition.from);
                nodes.insert(loaded.region);
            }
            Parsed::Products(_)
                if insured::has_other_clauses(work, partition, (&before, &after))? =>
            {
                return Ok(all);
            }
            Parsed::Products(_) | Parsed::Other => {}
            Parsed::Findings(_) | Parsed::Grades(_) | Parsed::Colours(_) => return Ok(all),
        }
    }
    if nodes.is_empty() {
        return Ok(None);
    }
    let own = work.head(partition)?.region;
    if nodes.iter().any(|region| !is_local(work, partition, own, *region)) {
        return Ok(Some((Scope::Everything, from)));
    }
    Ok(Some((Scope::Below(nodes.into_iter().map(SubjectId::from).collect()), from)))
}

/// After a node came to other parents than `old`: rules of smaller regions than the partition's own
/// may be others now for what is below it.
pub(crate) fn after_move(
    work: &mut Work<'_>,
    entry: &Entry,
    node: SubjectId,
    old: &Targets,
) -> Result<(), Error> {
    let partition = entry.partition;
    if partition == Partition::ROOT || !matches!(node.kind(), Kind::Region | Kind::Compound) {
        return Ok(());
    }
    let tables = work.tables(partition)?;
    let own = work.head(partition)?.region;
    let local = tables.cycles().map(|(region, _)| region);
    let local = local
        .filter(|region| is_local(work, partition, own, *region))
        .map(SubjectId::from)
        .collect::<BTreeSet<_>>();
    if local.is_empty() {
        return Ok(());
    }
    let new = work.targets(partition, node)?;
    let is_own = Recount::under_way(work, partition)?
        .is_some_and(|recount| recount.command == entry.command_seq);
    let from = if is_own {
        // What the command moved before decides what a building that is not reached was counted by.
        old.differ_from(&new)
    } else {
        ruled_otherwise(work, partition, old, &new, &local)?
    };
    match from {
        Some(from) => open(work, entry, node, Scope::Below(BTreeSet::from([node])), from),
        None => Ok(()),
    }
}

/// The first day on which other regions of those that have rules lie above one place than above the
/// other.
fn ruled_otherwise(
    work: &mut Work<'_>,
    partition: Partition,
    old: &Targets,
    new: &Targets,
    local: &BTreeSet<SubjectId>,
) -> Result<Option<Day>, Error> {
    let Some(first) = old.differ_from(new) else { return Ok(None) };
    let mut days = BTreeSet::from([first]);
    days.extend(old.days().chain(new.days()));
    let nodes = old.nodes_from(first).chain(new.nodes_from(first)).collect();
    for node in with_all_above(work, partition, nodes, first)? {
        days.extend(work.targets(partition, node)?.days());
    }
    for day in days.range(first..) {
        let before = regions_above(work, partition, old, *day, local)?;
        if before != regions_above(work, partition, new, *day, local)? {
            return Ok(Some(*day));
        }
    }
    Ok(None)
}

/// Those of some regions that lie above a place on a day, the nearest first.
fn regions_above(
    work: &mut Work<'_>,
    partition: Partition,
    place: &Targets,
    day: Day,
    of: &BTreeSet<SubjectId>,
) -> Result<Vec<SubjectId>, Error> {
    let above = |targets: &Targets| {
        targets.on(day).iter().find(|target| !target.local).map(|target| target.node)
    };
    let mut found = Vec::new();
    let mut at = above(place);
    for _ in 0..DEPTH_MAX {
        let Some(node) = at else { break };
        found.extend(of.get(&node));
        at = above(work.targets(partition, node)?.as_ref());
    }
    Ok(found)
}

/// Whether a region lies below the partition's own.
fn is_local(
    work: &Work<'_>,
    partition: Partition,
    own: Option<RegionId>,
    region: RegionId,
) -> bool {
    Some(region) != own
        && region.partition() == partition
        && !matches!(work.record(partition, region.into()), Ok(None))
}

/// Whether reports rest on somebody.
fn has_reports(work: &Work<'_>, partition: Partition, subject: SubjectId) -> Result<bool, Error> {
    let prefix = child_prefix(partition, subject, Kind::Report);
    Ok(!work.scan(&keys_below(prefix), Direction::Up, 1)?.is_empty())
}

/// The buildings of the reports that somebody of these signed or a body made, each with the day of the
/// first such inspection; of so many reports at most, and whether these are all.
fn signed_buildings(
    state: &dyn State,
    partition: Partition,
    subjects: &[SubjectId],
    limit: usize,
) -> Result<(BTreeMap<BuildingId, Day>, bool), Error> {
    let mut buildings = BTreeMap::new();
    let mut count = 0;
    for subject in subjects {
        let mut reports = Subjects::below(child_prefix(partition, *subject, Kind::Report));
        while let Some(report) = reports.next(state)? {
            if count >= limit {
                return Ok((buildings, false));
            }
            count += 1;
            let Some(record) = state.record(partition, report)? else { continue };
            let inspected = record.timeline.registration().map(|(_, day)| day.latest());
            let (Some(building), Some(inspected)) = (building_of(&record.timeline), inspected)
            else {
                continue;
            };
            // What the building became follows from it, too.
            let life = state.record(partition, building.into())?.map(|record| record.timeline);
            for one in line::all(state, building, &life.unwrap_or_default())? {
                let first = buildings.entry(one).or_insert(inspected);
                *first = inspected.min(*first);
            }
        }
    }
    Ok((buildings, true))
}

/// The day of the first inspection of somebody's reports.
fn signed_from(work: &Work<'_>, partition: Partition, subject: SubjectId) -> Result<Day, Error> {
    let (signed, is_whole) = signed_buildings(work, partition, &[subject], REPORTS_MAX)?;
    let first = signed.into_values().min().unwrap_or(Day::MAX);
    Ok(if is_whole { first } else { Day::MIN })
}

/// Nodes with all that is above them on a day or later.
fn with_all_above(
    work: &mut Work<'_>,
    partition: Partition,
    nodes: Vec<SubjectId>,
    from: Day,
) -> Result<BTreeSet<SubjectId>, Error> {
    let mut next = nodes;
    let mut all = BTreeSet::new();
    while let Some(node) = next.pop() {
        if all.insert(node) {
            next.extend(work.targets(partition, node)?.nodes_from(from));
        }
    }
    Ok(all)
}

/// The nodes in which buildings of a scope count; `None` when that may be any.
fn nodes_of(
    work: &mut Work<'_>,
    partition: Partition,
    subject: SubjectId,
    (scope, from): (&Scope, Day),
) -> Result<Option<BTreeSet<SubjectId>>, Error> {
    let mut nodes = Vec::new();
    match scope {
        Scope::Everything => return Ok(None),
        Scope::Signed => {
            let (signed, is_whole) = signed_buildings(work, partition, &[subject], REPORTS_MAX)?;
            if !is_whole {
                return Ok(None);
            }
            for building in signed.into_keys() {
                nodes.extend(work.targets(partition, building.into())?.nodes_from(from));
            }
        }
        Scope::Insured => {
            let record = work.known(partition, subject)?;
            let lives = [work.noted(subject), record];
            let lives = lives.iter().flatten().map(|record| &record.timeline);
            let Some(all) = insured::buildings_of(work, partition, lives, INSURED_MAX)? else {
                return Ok(None);
            };
            for building in all {
                nodes.push(building.into());
            }
        }
        // What is below them may have become something that lies elsewhere.
        Scope::Below(_) if work.head(partition)?.has_far_lines => return Ok(None),
        Scope::Below(tops) => {
            for top in tops {
                nodes.push(*top);
                if top.kind() == Kind::Region {
                    match below::holders(work, partition, *top, Kind::Building)? {
                        Some(holders) => nodes.extend(holders),
                        None => return Ok(None),
                    }
                }
            }
        }
    }
    with_all_above(work, partition, nodes, from).map(Some)
}

/// Opens a recount, or adds to the one that the same command has opened.
fn open(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    scope: Scope,
    from: Day,
) -> Result<(), Error> {
    let partition = entry.partition;
    let nodes = nodes_of(work, partition, subject, (&scope, from))?;
    let mut recount = match Recount::under_way(work, partition)? {
        Some(mut recount) if recount.command == entry.command_seq => {
            if !recount.subjects.contains(&subject) {
                recount.subjects.push(subject);
            }
            recount.scope = recount.scope.with(scope);
            recount.from = recount.from.min(from);
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
                scope,
                from,
                is_everywhere: false,
                bucket,
                done: None,
                done_count: 0,
            }
        }
    };
    recount.is_everywhere |= recount.scope == Scope::Everything || nodes.is_none();
    for node in nodes.into_iter().flatten() {
        work.put(node_key(partition, node), Some(Vec::new()));
    }
    recount.keep(work, partition)?;
    let meta = work.meta_mut(partition)?;
    meta.is_recounting = true;
    // What follows is known later than the opening.
    meta.bucket_closed = true;
    work.tables_changed(partition);
    Ok(())
}

/// Refuses what would open a second recount while that of an earlier command is under way: entries
/// of it come after `command`, the first of the command at work.
pub(crate) fn no_recount(
    work: &mut Work<'_>,
    partition: Partition,
    command: Seq,
    fact: &Fact,
    corrects: &[Seq],
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
            Kind::Signer | Kind::Body => has_reports(work, partition, subject)?,
            Kind::Policy => {
                recount.subjects.contains(&subject)
                    || may_insure_many(work, partition, subject, fact, corrects)?
            }
            Kind::Region | Kind::Compound => {
                may_move(fact, corrects) && work.known(partition, subject)?.is_some()
            }
            _ => false,
        };
        if would_open {
            return Err(recount.refusal());
        }
    }
    Ok(())
}

/// Whether a policy may insure so many buildings, before a fact or after it, that they are not counted
/// at once.
fn may_insure_many(
    work: &mut Work<'_>,
    partition: Partition,
    policy: SubjectId,
    fact: &Fact,
    corrects: &[Seq],
) -> Result<bool, Error> {
    let (Some(said), []) = (fact.content(), corrects) else { return Ok(true) };
    let mut objects: BTreeSet<_> = said.references().into_iter().collect();
    if let Some(record) = work.known(partition, policy)? {
        objects.extend(record.timeline.contents().flat_map(|(_, said)| said.references()));
    }
    objects.retain(|object| object.kind() != Kind::Region);
    Ok(insured::buildings_named(work, partition, &objects, AT_ONCE_MAX)?.is_none())
}

/// Whether a region or compound may have other parents after a fact.
fn may_move(fact: &Fact, corrects: &[Seq]) -> bool {
    match fact {
        Fact::Changed { content, .. } if corrects.is_empty() => match &content.fields {
            Fields::Region(fields) => fields.parent.is_some() || fields.level.is_some(),
            Fields::Compound(fields) => fields.community.is_some(),
            _ => true,
        },
        _ => true,
    }
}
