//! Reading subjects: as they were on a day, as known at a moment.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        content::{Content, Fields},
        order::OrderState,
        periods::{self, Periods},
        policy::PolicyState,
        reference::ReferenceContent,
        reference_file::{self, Table},
        region::Level,
        timeline::{Edge, End, Presence, Timeline},
    },
    kernel::{
        id::{CaseId, Kind, RegionId, ReportId, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position, Seq},
        time::{Day, ImpreciseDay, ReadTime},
    },
    registry::{
        below::Held,
        case::{self, Case},
        claims::{self, ClaimSeen, ClaimStages},
        engine::Registry,
        error::{Error, Refusal},
        history::{entry_numbers, timeline_at},
        orders::{self, OrdersWanted},
        policies,
        record::Record,
        reports::{self, ReportStand, ReportsWanted},
        space::{child_prefix, subject_at_end},
        state::{Durable, Live, State},
        subjects::Candidates,
        works::{self, WorkSeen},
    },
};

/// A subject as it is answered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which.
    pub id: SubjectId,
    /// The number of its last entry that was known.
    pub etag: Seq,
    /// Since when it exists; `None` when it was entered in error.
    pub exists_from: Option<ImpreciseDay>,
    /// Its end.
    pub end: Option<End>,
    /// Whether it is there on the day of the read.
    pub presence: Presence,
    /// What it came from and what it became, with the days.
    pub edges: Vec<(Day, Edge)>,
    /// Its fields on the day of the read.
    pub content: Content,
    /// Why fields are doubted: field and sentence; an empty sentence was withheld.
    pub doubts: Vec<(String, String)>,
    /// Open cases that concern it, with the entries of it that are in doubt.
    pub cases: Vec<(CaseId, Vec<Seq>)>,
    /// Of an order: where it stands.
    pub order_state: Option<OrderState>,
    /// Of an order: the report that it was answered by.
    pub answered_by: Option<ReportId>,
    /// Of a policy: where it stands.
    pub policy_state: Option<PolicyState>,
    /// Of a claim: how it stands.
    pub claim: Option<Box<ClaimSeen>>,
    /// Of a work item: what paid for it.
    pub work: Option<Box<WorkSeen>>,
    /// Of a report: how it stands.
    pub report_stand: Option<Box<ReportStand>>,
    /// The source and key with which an import said it last.
    pub source: Option<(String, String)>,
    /// The day of the read.
    pub valid_at: Day,
    /// What it was read at.
    pub position: Position,
}

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOf {
    /// The children of a region that are regions; `None` for the provinces.
    Regions(Option<RegionId>),
    /// Subjects of a kind below a holder: buildings of a compound, compounds of a region of any
    /// level, units of a building.
    Below(Kind, SubjectId),
    /// All subjects of a kind in a partition.
    All(Kind, Partition),
    /// The same, with those that have ended by its day or are not there yet.
    Ever(Kind, Partition),
    /// The plans of a region and those below it, of one year.
    Plans(RegionId, u16),
    /// Orders of a plan, a building, a body or a region.
    Orders(SubjectId, OrdersWanted),
    /// Reports of a building, a body, a signer, an order or a region.
    Reports(SubjectId, ReportsWanted),
    /// Claims on a policy, or of a building, unit, compound or region, or that name a finding or report,
    /// that stand in one of some stages.
    Claims(SubjectId, ClaimStages),
    /// Editions of reference data in a partition.
    References(Partition, Editions),
}

/// Which editions of reference data. What is `None` is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Editions {
    /// Those that hold in this region: its own and those of the regions above it.
    pub region: Option<RegionId>,
    /// Those of this table.
    pub table: Option<Table>,
    /// Those that hold on this day, by their heads.
    pub holds_on: Option<Day>,
}

/// A set of states of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderStates(u8);

impl OrderStates {
    /// These states; all of them when none is named.
    pub fn of(states: &[OrderState]) -> Self {
        let states = if states.is_empty() { &OrderState::ALL } else { states };
        Self(states.iter().fold(0, |set, state| set | 1 << (*state as u8)))
    }

    /// Whether a state is one of them.
    pub const fn has(self, state: OrderState) -> bool {
        self.0 & 1 << (state as u8) != 0
    }
}

/// Where a read looks: at which day, with which knowledge.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The day.
    pub day: Day,
    /// The last entry known; `None` for all.
    pub known: Option<Seq>,
}

/// What a list goes through: of each partition the nodes below which its rows are, and at which
/// entry it is read.
pub(crate) type Nodes = BTreeMap<Partition, (At, Vec<SubjectId>)>;

impl Registry {
    /// The day and the entry that a read time means in a partition.
    pub fn at(&self, partition: Partition, time: ReadTime) -> Result<At, Error> {
        let known = self.known(partition, time.known_at)?;
        Ok(At { day: time.valid_at.unwrap_or_else(|| self.now().day()), known })
    }

    /// A subject. Refuses (`NOT_FOUND`) what was not known then.
    pub fn get(&self, id: SubjectId, time: ReadTime) -> Result<Seen, Error> {
        let partition = id.partition();
        let at = self.at(partition, time)?;
        let state = Durable::new(self.store())?;
        let seen = see(&state, partition, id, at)?;
        seen.ok_or_else(|| Error::refused(Refusal::missing("id", id)))
    }

    /// A subject's life around the day of a read, in a partition that knows it; `None` of what was not
    /// known then or never was.
    pub fn periods(
        &self,
        partition: Partition,
        id: SubjectId,
        time: ReadTime,
    ) -> Result<Option<Periods>, Error> {
        let at = self.at(partition, time)?;
        let life = timeline_at(&Live(self.store()), partition, id, at.known)?;
        Ok(life.and_then(|life| periods::around(&life, at.day)))
    }

    /// The chain of regions above a subject now, nearest first, itself included when it is a
    /// region: what reach is judged by. Of what was entered in error, where it last stood counts.
    pub fn regions_above(&self, id: SubjectId) -> Result<Vec<RegionId>, Error> {
        let live = Live(self.store());
        let today = self.now().day();
        regions_above(id, |subject| match live.record(subject.partition(), subject)? {
            Some(record) => placed(&live, subject, &record, today),
            None => Ok(None),
        })
    }

    /// A list in id order. A page of a past list folds at most 2 000 subjects and may be short.
    pub fn list(
        &self,
        of: ListOf,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<Page<Seen>, Error> {
        match of {
            ListOf::Regions(parent) => self.list_regions(parent, time, page),
            ListOf::All(kind, partition) => {
                let at = self.at(partition, time)?;
                let all = Candidates::Of(partition, kind);
                self.walk(partition, &all, at, page, &|_| Ok(true))
            }
            ListOf::Ever(kind, partition) => {
                let at = self.at(partition, time)?;
                let all = Candidates::Of(partition, kind);
                let is_real = |seen: &Seen| Ok(seen.presence != Presence::EnteredInError);
                self.walk_all(partition, &all, at, page, &is_real)
            }
            ListOf::Plans(region, year) => {
                let is_of_year = |seen: &Seen| match &seen.content.fields {
                    Fields::Plan(plan) => plan.year.flatten() == Some(year),
                    _ => false,
                };
                let at = self.at(region.partition(), time)?;
                self.list_below(Kind::Plan, region.into(), at, page, &is_of_year)
            }
            ListOf::Orders(holder, wanted) => {
                let at = self.at(holder.partition(), time)?;
                if wanted.is_by_deadline {
                    return self.orders_by_deadline(holder, wanted, at, page);
                }
                self.list_below(Kind::Order, holder, at, page, &|seen| wanted.has(seen))
            }
            ListOf::Reports(holder, wanted) => {
                let stands = |seen: &Seen| {
                    let stand = seen.report_stand.as_deref();
                    stand.is_some_and(|stand| wanted.has(&seen.content, stand))
                };
                let at = self.at(holder.partition(), time)?;
                self.list_below(Kind::Report, holder, at, page, &stands)
            }
            ListOf::Claims(holder, stages) => {
                let stands = |seen: &Seen| {
                    let claim = seen.claim.as_deref();
                    claim.is_some_and(|seen| stages.has(seen.claim.stage))
                };
                let at = self.at(holder.partition(), time)?;
                self.list_below(Kind::Claim, holder, at, page, &stands)
            }
            ListOf::References(partition, editions) => {
                let at = self.at(partition, time)?;
                let within = match editions.region {
                    Some(region) => Some(self.regions_above(region.into())?),
                    None => None,
                };
                let all = Candidates::Of(partition, Kind::Reference);
                self.walk(partition, &all, at, page, &|seen| {
                    Ok(is_edition(&seen.content, editions, within.as_deref()))
                })
            }
            ListOf::Below(kind, holder) => {
                let partition = holder.partition();
                let at = self.at(partition, time)?;
                self.list_below(kind, holder, at, page, &|_| true)
            }
        }
    }

    fn list_regions(
        &self,
        parent: Option<RegionId>,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<Page<Seen>, Error> {
        let Some(parent) = parent else {
            let at = self.at(Partition::ROOT, time)?;
            let all = Candidates::Of(Partition::ROOT, Kind::Region);
            return self.walk(Partition::ROOT, &all, at, page, &|seen| {
                Ok(level_of(&seen.content) == Some(Level::Province))
            });
        };
        // What lies between cities is known in partition 0.
        let partition = self.tree_partition(parent)?;
        let at = self.at(partition, time)?;
        let children = Candidates::Below(child_prefix(partition, parent.into(), Kind::Region));
        let holder = SubjectId::from(parent);
        self.walk(partition, &children, at, page, &|seen| {
            Ok(seen.content.references().contains(&holder))
        })
    }

    /// The partition that knows a region's children: partition 0 down to the city.
    pub(crate) fn tree_partition(&self, region: RegionId) -> Result<Partition, Error> {
        let live = Live(self.store());
        let record = live.record(region.partition(), region.into())?;
        let level = record
            .and_then(|record| record.timeline.content_at(Day::MAX))
            .and_then(|content| level_of(&content));
        Ok(match level {
            Some(Level::Province | Level::City) => Partition::ROOT,
            _ => region.partition(),
        })
    }

    pub(super) fn list_below(
        &self,
        kind: Kind,
        holder: SubjectId,
        at: At,
        page: &PageRequest,
        is_wanted: &dyn Fn(&Seen) -> bool,
    ) -> Result<Page<Seen>, Error> {
        let partition = holder.partition();
        let is_direct = matches!(
            (kind, holder.kind()),
            (Kind::Building, Kind::Compound)
                | (Kind::Unit, Kind::Building)
                | (Kind::Order, Kind::Plan | Kind::Building | Kind::Body)
                | (Kind::Report, Kind::Building | Kind::Body | Kind::Signer | Kind::Order)
                | (Kind::Policy, Kind::Building | Kind::Compound | Kind::Unit)
                | (Kind::Work, Kind::Building | Kind::Finding)
                | (
                    Kind::Claim,
                    Kind::Policy | Kind::Building | Kind::Unit | Kind::Finding | Kind::Report
                )
        );
        if is_direct {
            let children = Candidates::Below(child_prefix(partition, holder, kind));
            return self.walk(partition, &children, at, page, &|seen| {
                Ok(is_wanted(seen) && seen.content.references().contains(&holder))
            });
        }
        let nodes = Nodes::from([(partition, (at, vec![holder]))]);
        self.list_within(kind, &nodes, page, is_wanted)
    }

    /// What is below some nodes, partition by partition, in id order in each.
    pub(crate) fn list_within(
        &self,
        kind: Kind,
        nodes: &Nodes,
        page: &PageRequest,
        is_wanted: &dyn Fn(&Seen) -> bool,
    ) -> Result<Page<Seen>, Error> {
        let live = Live(self.store());
        let behind = subject_at_end(&page.after);
        let first = behind.map_or(Partition::ROOT, SubjectId::partition);
        let (mut rows, mut folded, mut last) = (Vec::new(), 0, None);
        for (partition, (at, holders)) in nodes.range(first..) {
            let behind = behind.filter(|behind| behind.partition() == *partition);
            let mut held = Held::new(&live, *partition, holders, kind, behind)?;
            while let Some(id) = held.next(&live)? {
                if rows.len() >= page.rows || folded >= limit::FOLDS_PER_PAGE_MAX {
                    return Ok(Page { rows, next: last });
                }
                folded += 1;
                if let Some(seen) = see(&live, *partition, id, *at)?
                    && is_listed(seen.presence)
                    && is_wanted(&seen)
                    && leads_to(&live, *partition, &seen.content, holders, *at)?
                {
                    rows.push(seen);
                }
                last = Some(id.to_bytes().to_vec());
            }
        }
        Ok(Page { rows, next: None })
    }

    /// Walks all that ever were candidates, folds each and keeps what holds.
    fn walk(
        &self,
        partition: Partition,
        candidates: &Candidates,
        at: At,
        page: &PageRequest,
        keep: &dyn Fn(&Seen) -> Result<bool, Error>,
    ) -> Result<Page<Seen>, Error> {
        let is_kept = |seen: &Seen| Ok(is_listed(seen.presence) && keep(seen)?);
        self.walk_all(partition, candidates, at, page, &is_kept)
    }

    /// The same, whether they are there or not.
    fn walk_all(
        &self,
        partition: Partition,
        candidates: &Candidates,
        at: At,
        page: &PageRequest,
        keep: &dyn Fn(&Seen) -> Result<bool, Error>,
    ) -> Result<Page<Seen>, Error> {
        let live = Live(self.store());
        let mut rows = Vec::new();
        let mut folded = 0;
        let mut last: Option<Vec<u8>> = None;
        loop {
            let behind = last.as_ref().unwrap_or(&page.after);
            let read = candidates.page(&live, behind, 256)?;
            for (place, id) in read.found {
                if rows.len() >= page.rows || folded >= limit::FOLDS_PER_PAGE_MAX {
                    return Ok(Page { rows, next: last });
                }
                folded += 1;
                if let Some(seen) = see(&live, partition, id, at)?
                    && keep(&seen)?
                {
                    rows.push(seen);
                }
                last = Some(place);
            }
            if read.is_end {
                return Ok(Page { rows, next: None });
            }
        }
    }
}

/// Whether a content is one of some editions; `within` are the regions in which it may hold.
fn is_edition(content: &Content, editions: Editions, within: Option<&[RegionId]>) -> bool {
    let Fields::Reference(ReferenceContent { region, table, text, .. }) = &content.fields else {
        return false;
    };
    let is_of_table = editions
        .table
        .is_none_or(|asked| table.as_ref().and_then(Option::as_deref) == Some(asked.word()));
    let is_within = within
        .is_none_or(|regions| region.flatten().is_some_and(|region| regions.contains(&region)));
    let holds = |day: Day| {
        let text = text.as_ref().and_then(Option::as_deref);
        text.and_then(|text| reference_file::head(text).ok()).is_some_and(|head| head.holds_on(day))
    };
    is_of_table && is_within && editions.holds_on.is_none_or(holds)
}

/// What is in a list: what is there on its day, or may be.
pub(crate) fn is_listed(presence: Presence) -> bool {
    matches!(presence, Presence::Exists | Presence::Unknown)
}

/// The chain of regions above a subject, nearest first, itself included when it is a region.
/// `content_of` tells what says where a subject is.
pub(crate) fn regions_above(
    id: SubjectId,
    mut content_of: impl FnMut(SubjectId) -> Result<Option<Content>, Error>,
) -> Result<Vec<RegionId>, Error> {
    let mut regions = Vec::new();
    let mut next = vec![id];
    while let Some(subject) = next.pop() {
        if let Ok(region) = RegionId::try_from(subject) {
            if regions.contains(&region) {
                continue;
            }
            regions.push(region);
        }
        next.extend(content_of(subject)?.iter().flat_map(Content::located_in));
    }
    Ok(regions)
}

/// What says where a subject is: of what ended, its last place counts, and of what was entered in
/// error where it last stood.
pub(crate) fn placed(
    state: &dyn State,
    subject: SubjectId,
    record: &Record,
    today: Day,
) -> Result<Option<Content>, Error> {
    if record.timeline.registration().is_some() {
        return Ok(record.timeline.content_at(today));
    }
    Ok(last_stood(state, subject, record)?.and_then(|life| life.content_at(today)))
}

/// The life of a subject as it was known before its registration was taken back.
pub(crate) fn last_stood(
    state: &dyn State,
    subject: SubjectId,
    record: &Record,
) -> Result<Option<Arc<Timeline>>, Error> {
    let partition = subject.partition();
    let numbers = entry_numbers(state, partition, subject, record)?;
    // The first entry of a subject registers it, and what stands in its place took it back.
    let retracted = numbers.first().and_then(|first| record.timeline.standing_in(*first));
    let Some(retracted) = retracted else { return Ok(None) };
    timeline_at(state, partition, subject, Some(retracted.seq.saturating_sub(1)))
}

pub(crate) fn level_of(content: &Content) -> Option<Level> {
    match &content.fields {
        Fields::Region(region) => region.level,
        _ => None,
    }
}

/// Whether a content's parents lead to one of some holders, by the parents of the read's day and
/// knowledge.
pub(crate) fn leads_to(
    state: &dyn State,
    partition: Partition,
    content: &Content,
    holders: &[SubjectId],
    at: At,
) -> Result<bool, Error> {
    let beside =
        |content: &Content| compound_beside(content).filter(|compound| holders.contains(compound));
    let mut next = parents(content);
    next.extend(beside(content));
    let mut steps = 0;
    while let Some(subject) = next.pop() {
        steps += 1;
        if holders.contains(&subject) {
            return Ok(true);
        }
        if steps > 16 {
            return Ok(false);
        }
        if let Some(timeline) = timeline_at(state, partition, subject, at.known)?
            && let Some(content) = timeline.content_at(at.day)
        {
            next.extend(parents(&content));
            next.extend(beside(&content));
        }
    }
    Ok(false)
}

/// The compound of a building that has a community of its own: it holds the building, but the
/// compound's community does not.
fn compound_beside(content: &Content) -> Option<SubjectId> {
    match &content.fields {
        Fields::Building(building) => {
            building.community.flatten()?;
            building.compound.flatten().map(SubjectId::from)
        }
        _ => None,
    }
}

/// The parents that count: a building's own community before its compound's.
fn parents(content: &Content) -> Vec<SubjectId> {
    let references = content.located_in();
    if let Fields::Building(building) = &content.fields {
        if let Some(community) = building.community.flatten() {
            return vec![community.into()];
        }
        return building.compound.flatten().map(SubjectId::from).into_iter().collect();
    }
    references
}

/// A subject at a time; `None` when nothing was known of it.
pub(crate) fn see(
    state: &dyn State,
    partition: Partition,
    id: SubjectId,
    at: At,
) -> Result<Option<Seen>, Error> {
    let Some(mut record) = state.record(partition, id)? else {
        return Ok(None);
    };
    let is_now = at.known.is_none_or(|known| known >= record.last_seq);
    let (timeline, etag) = if is_now {
        (Arc::new(std::mem::take(&mut record.timeline)), record.last_seq)
    } else {
        let known = at.known.unwrap_or(0);
        let Some(timeline) = timeline_at(state, partition, id, Some(known))? else {
            return Ok(None);
        };
        let numbers = entry_numbers(state, partition, id, &record)?;
        (timeline, numbers.into_iter().rfind(|seq| *seq <= known).unwrap_or(0))
    };
    // Of what never existed nothing holds, whatever was said of it beside its registration.
    let content = timeline
        .registration()
        .and_then(|_| timeline.content_at(at.day).or_else(|| timeline.content_at(Day::MAX)))
        .unwrap_or_else(|| Content::empty(id.kind()));
    let doubts = doubts(state, partition, &content, &timeline, at.day)?;
    let order = orders::state_of(state, partition, id, &content, at)?;
    Ok(Some(Seen {
        id,
        etag,
        exists_from: timeline.exists_from(),
        end: timeline.end(),
        presence: timeline.presence(at.day),
        edges: timeline.edges().collect(),
        doubts,
        cases: open_cases(state, partition, id, &record, at)?,
        order_state: order.map(|(state, _)| state),
        answered_by: order.and_then(|(_, report)| report),
        policy_state: policies::state_of(state, partition, &content, at)?,
        claim: claims::seen(state, &timeline, &content, at)?,
        work: works::seen(state, id, &timeline, &content, at)?,
        report_stand: reports::stand_of(state, partition, &timeline, &content, at)?.map(Box::new),
        source: record.source,
        content,
        valid_at: at.day,
        position: Position {
            partition,
            seq: match at.known {
                Some(known) => known,
                None => state.meta(partition)?.seq,
            },
        },
    }))
}

/// The doubted fields and the sentences that say why.
fn doubts(
    state: &dyn State,
    partition: Partition,
    content: &Content,
    timeline: &Timeline,
    day: Day,
) -> Result<Vec<(String, String)>, Error> {
    let mut doubts = Vec::new();
    for (field, _) in content.shared.doubts.iter().filter(|(_, doubted)| **doubted) {
        let said_by = timeline.said_by(&format!("doubts.{field}"), day).map(|said| said.seq);
        let sentence = match said_by {
            Some(seq) => why_doubted(state, partition, field, seq)?,
            None => None,
        };
        doubts.push((field.clone(), sentence.unwrap_or_default()));
    }
    Ok(doubts)
}

/// Why a field is doubted, by the words of the entry that says so. A correction of something else in
/// the same place leaves the doubt, and its words are those of what it corrects. Where these are
/// withheld or erased there are none.
fn why_doubted(
    state: &dyn State,
    partition: Partition,
    field: &str,
    said_by: Seq,
) -> Result<Option<String>, Error> {
    let mut next = Some(said_by);
    while let Some(seq) = next {
        let entry = state.entry(partition, seq)?;
        let Some(text) = entry.text else { return Ok(None) };
        let found = text.sentences.into_iter().find(|(about, _)| about == field);
        if let Some((_, sentence)) = found {
            return Ok(Some(sentence));
        }
        // What is corrected comes before.
        next = entry.corrects.into_iter().max().filter(|corrected| *corrected < seq);
    }
    Ok(None)
}

fn open_cases(
    state: &dyn State,
    partition: Partition,
    id: SubjectId,
    record: &Record,
    at: At,
) -> Result<Vec<(CaseId, Vec<Seq>)>, Error> {
    // A case that is closed now may have been open then.
    if record.open_case_count == 0 && at.known.is_none() {
        return Ok(Vec::new());
    }
    let was_open = |case: &Case| match at.known {
        None => case.is_open(),
        Some(known) => {
            case.opened_by <= known && case.closed_by.is_none_or(|closed| closed > known)
        }
    };
    let mut open = Vec::new();
    for (case_id, case) in case::of_subject(state, partition, id)? {
        let doubts = case::doubts_of(state, (case_id, &case), id, at.known)?;
        // Of several in doubt one may have left the case that is open for others.
        let has_left = doubts.is_none() && case.subjects.get(1) != Some(&id);
        if was_open(&case) && !has_left {
            open.push((case_id, doubts.unwrap_or_default()));
        }
    }
    Ok(open)
}
