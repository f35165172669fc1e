//! Findings as they are on a day, as known at a moment: what was said of them under every number, and
//! what days have made of that.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        checkup::{Dossier, next_for},
        due::DuePlan,
        finding::{
            Event, Finding, Refusal as OutOfPlace, Stage, View, ageing::Aged, catalogue::Severity,
        },
        tables::Tables,
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position, Seq},
        time::{Day, ReadTime},
    },
    registry::{
        below::Held,
        checkup,
        dossier::{self, Knowing, building_of},
        engine::Registry,
        error::{Class, Error, Refusal},
        history::timeline_at,
        line,
        parts::Stated,
        read::{At, Nodes, Seen, leads_to, see},
        state::{Durable, Live, State},
    },
};

/// Buildings whose dossiers are kept while a list is put together.
const DOSSIERS_MAX: usize = 512;

/// A finding as it is answered.
#[derive(Clone, Debug)]
pub struct FindingSeen {
    /// The subject of the id that was asked for.
    pub seen: Seen,
    /// The finding under which it goes on: itself, or the one that it was merged into.
    pub leads_to: FindingId,
    /// The building.
    pub building: Option<BuildingId>,
    /// Where it stands on the day when its building became others: the one that it counts in first.
    pub stands_in: Vec<BuildingId>,
    /// Every number that leads to it.
    pub numbers: Vec<FindingId>,
    /// How it stands on the day; `None` while nobody has seen it, and when it was entered in error.
    pub view: Option<View>,
    /// What days have made of it; `None` where no catalogue speaks of it.
    pub aged: Option<Aged>,
    /// All that was said, in the order of the entries.
    pub events: Vec<EventSeen>,
}

/// Something that was said of a finding.
#[derive(Clone, Debug)]
pub struct EventSeen {
    /// What, when and by whom. Its entry is the one by which it is corrected or taken back.
    pub event: Event,
    /// Why, in the words of who said it; empty in lists.
    pub reason: String,
    /// Why it changes nothing where it stands.
    pub out_of_place: Option<OutOfPlace>,
}

/// Which findings are asked for. What is empty or `None` is not asked.
#[derive(Clone, Debug, Default)]
pub struct FindingsWanted {
    /// Of a class, or of a dimension.
    pub class: Option<String>,
    /// By now as bad as one of these.
    pub severities: Vec<Severity>,
    /// In one of these stages.
    pub stages: Vec<Stage>,
    /// Only what is overdue.
    pub is_overdue: bool,
    /// Only with an open notice whose age lies in the span that begins with so many days.
    pub bucket_from_days: Option<u32>,
    /// Only with an open notice.
    pub has_notice: bool,
    /// Only with an open notice, the oldest notice first.
    pub is_by_age: bool,
}

impl FindingsWanted {
    fn has(&self, view: &View, aged: Option<&Aged>) -> bool {
        let severity = aged.map_or(view.severity, |aged| aged.severity);
        let bucket = aged.and_then(|aged| aged.notice).map(|(_, bucket)| bucket.from_days);
        let is_of_class = self.class.as_ref().is_none_or(|asked| {
            view.class
                .strip_prefix(asked.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        is_of_class
            && (self.severities.is_empty() || self.severities.contains(&severity))
            && (self.stages.is_empty() || self.stages.contains(&view.stage))
            && (!self.is_overdue || aged.is_some_and(|aged| aged.overdue_days.is_some()))
            && self.bucket_from_days.is_none_or(|asked| bucket == Some(asked))
            && (!(self.has_notice || self.is_by_age) || bucket.is_some())
    }
}

/// A finding with the building that it is looked at by, and all that it may stand in instead of its own.
type Stand<'l> = (&'l Looked, &'l Finding, Vec<BuildingId>);

/// A building with all that follows for its findings.
struct Looked {
    dossier: Dossier,
    tables: Arc<Tables>,
    plan: Option<DuePlan>,
}

impl Looked {
    fn at(
        state: &dyn State,
        building: BuildingId,
        known: Option<Seq>,
    ) -> Result<Option<Self>, Error> {
        let looked = checkup::look(state, building, known)?;
        Ok(looked.map(|(dossier, tables)| {
            let plan = dossier.due(&tables);
            Self { dossier, tables, plan }
        }))
    }

    fn finding(&self, id: FindingId) -> Option<&Finding> {
        self.dossier.findings.iter().find(|(number, _)| *number == id).map(|(_, finding)| finding)
    }

    fn on(&self, finding: &Finding, day: Day) -> (Option<View>, Option<Aged>) {
        let Some(view) = finding.view_on(day) else { return (None, None) };
        let first = view.first_observed;
        // Of one whose class no catalogue knows, the days make nothing.
        let aged = self.tables.findings_on(first).map(|catalogue| {
            let next = next_for(finding, self.plan.as_ref(), view.open_since);
            view.aged(day, next, catalogue)
        });
        (Some(view), aged)
    }
}

impl Registry {
    /// A finding. Refuses (`NOT_FOUND`) what was not known then.
    pub fn finding(&self, id: FindingId, time: ReadTime) -> Result<FindingSeen, Error> {
        let state = Durable::new(self.store())?;
        let at = self.at(id.partition(), time)?;
        let wanted = FindingsWanted::default();
        finding_of(&mut Walk::new(&state, &wanted), id, at)
    }

    /// Findings of one partition, each with others of its building that may be the same defect on the
    /// day of the read. What follows for a building is put together once for all of its findings.
    pub fn findings_alike(
        &self,
        ids: &[FindingId],
        time: ReadTime,
    ) -> Result<Vec<(FindingSeen, Vec<FindingId>)>, Error> {
        let Some(first) = ids.first() else { return Ok(Vec::new()) };
        let at = self.at(first.partition(), time)?;
        let state = Durable::new(self.store())?;
        let wanted = FindingsWanted::default();
        let mut walk = Walk::new(&state, &wanted);
        let mut found = Vec::new();
        for id in ids {
            let seen = finding_of(&mut walk, *id, at)?;
            let alike = match seen.building {
                Some(building) => walk.alike(*id, building, at)?,
                None => Vec::new(),
            };
            found.push((seen, alike));
        }
        Ok(found)
    }

    /// Findings of a building, a compound or a region, partition by partition in the order of their
    /// ids, or those with an open notice by the age of it. What was merged into another is listed as
    /// that one. A page looks at 2 000 findings at most and may be short. By age the list of a region
    /// or compound is kept for now, and of no other time (`ORDER_ONLY_NOW`).
    pub fn list_findings(
        &self,
        of: SubjectId,
        wanted: &FindingsWanted,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<(Page<FindingSeen>, Vec<Position>), Error> {
        if wanted.is_by_age && of.kind() != Kind::Building {
            if time != ReadTime::NOW {
                let message = "of another time findings are listed in the order of their ids";
                let refusal = Refusal::of(Class::Invalid, "ORDER_ONLY_NOW", "order_by", message);
                return Err(Error::refused(refusal));
            }
            return self.list_aged(of, wanted, page);
        }
        let live = Live(self.store());
        let mut stated = Stated::default();
        let nodes = self.nodes_then(of, time, &mut stated)?;
        let walk = Walk::new(&live, wanted);
        let found =
            if wanted.is_by_age { walk.by_age(&nodes, page)? } else { walk.by_id(&nodes, page)? };
        Ok((found, stated.positions()))
    }
}

/// A finding as it is answered by itself, with the reasons of what was said.
fn finding_of(walk: &mut Walk<'_>, id: FindingId, at: At) -> Result<FindingSeen, Error> {
    let (state, partition) = (walk.state, id.partition());
    let Some(seen) = see(state, partition, id.into(), at)? else {
        return Err(Error::refused(Refusal::missing("id", SubjectId::from(id))));
    };
    let leads_to = dossier::leads_to(state, id, Knowing::at(at.known))?;
    let timeline = timeline_at(state, partition, leads_to.into(), at.known)?;
    let building = timeline.as_deref().and_then(building_of);
    let mut answer = FindingSeen {
        seen,
        leads_to,
        building,
        stands_in: Vec::new(),
        numbers: vec![leads_to],
        view: None,
        aged: None,
        events: Vec::new(),
    };
    let Some(building) = building else { return Ok(answer) };
    if let Some((looked, finding, stands_in)) = walk.stand(leads_to, building, at)? {
        answer.stands_in = stands_in;
        answer = told(answer, finding, looked, at.day);
        answer.events = reasons(state, answer.events, finding, at)?;
    }
    Ok(answer)
}

/// Whether one of some buildings lies below one of some nodes.
fn is_below(
    state: &dyn State,
    buildings: &[BuildingId],
    of: &[SubjectId],
    at: At,
) -> Result<bool, Error> {
    for building in buildings {
        let id = SubjectId::from(*building);
        if of.contains(&id) {
            return Ok(true);
        }
        let life = timeline_at(state, building.partition(), id, at.known)?;
        let content = life.and_then(|life| life.content_at(at.day));
        if let Some(content) = content
            && leads_to(state, building.partition(), &content, of, at)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A finding with what is so of it on a day.
fn told(seen: FindingSeen, finding: &Finding, looked: &Looked, day: Day) -> FindingSeen {
    let (view, aged) = looked.on(finding, day);
    let out_of_place = view.iter().flat_map(|view| view.out_of_place.iter().cloned());
    let out_of_place: BTreeMap<_, _> = out_of_place.collect();
    let events = finding.events_by_rules().filter(|event| event.on <= day).map(|event| EventSeen {
        reason: String::new(),
        out_of_place: out_of_place.get(&event.id).cloned(),
        event,
    });
    let numbers = finding.numbers().iter().copied().collect();
    FindingSeen { numbers, events: events.collect(), view, aged, ..seen }
}

/// The same with the reasons that stand beside the entries.
fn reasons(
    state: &dyn State,
    mut events: Vec<EventSeen>,
    finding: &Finding,
    at: At,
) -> Result<Vec<EventSeen>, Error> {
    let mut standing = BTreeMap::new();
    for number in finding.numbers() {
        let Some(timeline) = timeline_at(state, number.partition(), (*number).into(), at.known)?
        else {
            continue;
        };
        standing.extend(timeline.places().iter().map(|place| (place.seq, place.statement.seq)));
    }
    let partition = finding.building().partition();
    for seen in &mut events {
        let Some(seq) = standing.get(&seen.event.id.seq) else { continue };
        let text = state.entry(partition, *seq)?.text;
        seen.reason = text.map(|text| text.reason).unwrap_or_default();
    }
    Ok(events)
}

/// A walk through the findings of something.
pub(crate) struct Walk<'w> {
    state: &'w dyn State,
    wanted: &'w FindingsWanted,
    looked: BTreeMap<BuildingId, Option<Looked>>,
}

impl<'w> Walk<'w> {
    /// Nothing looked at yet.
    pub(crate) const fn new(state: &'w dyn State, wanted: &'w FindingsWanted) -> Self {
        Self { state, wanted, looked: BTreeMap::new() }
    }

    /// Other findings that may be the same defect on the day of the read, in the building, in what it
    /// was before and in what it has become. Who drafts a report is told what others see or draft.
    fn alike(
        &mut self,
        id: FindingId,
        building: BuildingId,
        at: At,
    ) -> Result<Vec<FindingId>, Error> {
        let view_of = |finding: &Finding| finding.clone().as_submitted().view_on(at.day);
        self.ensure(building, at)?;
        let looked = self.looked.get(&building).and_then(Option::as_ref);
        let Some((own, life)) = looked.and_then(|looked| {
            let own = looked.finding(id).and_then(view_of)?;
            Some((own, Arc::clone(&looked.dossier.building)))
        }) else {
            return Ok(Vec::new());
        };
        let mut alike = Vec::new();
        for other in line::all(self.state, building, &life)? {
            self.ensure(other, at)?;
            let Some(Some(looked)) = self.looked.get(&other) else { continue };
            let found = looked.dossier.findings.iter().filter(|(number, finding)| {
                *number != id && view_of(finding).is_some_and(|other| own.may_be(&other))
            });
            alike.extend(found.map(|(number, _)| *number));
        }
        alike.sort_unstable();
        alike.dedup();
        alike.truncate(limit::ENTRY_SUBJECTS_MAX);
        Ok(alike)
    }

    fn by_id(mut self, nodes: &Nodes, page: &PageRequest) -> Result<Page<FindingSeen>, Error> {
        let behind = SubjectId::from_slice(&page.after);
        let first = behind.map_or(Partition::ROOT, SubjectId::partition);
        let (mut rows, mut folded, mut last) = (Vec::new(), 0, None);
        for (partition, (at, of)) in nodes.range(first..) {
            let behind = behind.filter(|behind| behind.partition() == *partition);
            let mut held = Held::new(self.state, *partition, of, Kind::Finding, behind)?;
            while let Some(id) = held.next(self.state)? {
                if rows.len() >= page.rows || folded >= limit::FOLDS_PER_PAGE_MAX {
                    return Ok(Page { rows, next: last });
                }
                folded += 1;
                if let Ok(id) = FindingId::try_from(id) {
                    rows.extend(self.look(id, of, *at)?);
                }
                last = Some(id.to_bytes().to_vec());
            }
        }
        Ok(Page { rows, next: None })
    }

    /// All of one building, put in order.
    fn by_age(mut self, nodes: &Nodes, page: &PageRequest) -> Result<Page<FindingSeen>, Error> {
        let mut aged = Vec::new();
        for (partition, (at, of)) in nodes {
            let mut held = Held::new(self.state, *partition, of, Kind::Finding, None)?;
            while let Some(id) = held.next(self.state)? {
                let Ok(id) = FindingId::try_from(id) else { continue };
                let Some(found) = self.look(id, of, *at)? else { continue };
                let age = found.aged.and_then(|aged| aged.notice).map_or(0, |(age, _)| age);
                let place = [&(u32::MAX - age).to_be_bytes()[..], &SubjectId::from(id).to_bytes()];
                aged.push((place.concat(), found));
            }
        }
        aged.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut rest = aged.into_iter().filter(|(place, _)| *place > page.after).peekable();
        let (mut rows, mut last) = (Vec::new(), None);
        while rows.len() < page.rows
            && let Some((place, found)) = rest.next()
        {
            rows.push(found);
            last = Some(place);
        }
        Ok(Page { rows, next: last.filter(|_| rest.peek().is_some()) })
    }

    fn ensure(&mut self, building: BuildingId, at: At) -> Result<(), Error> {
        if self.looked.len() >= DOSSIERS_MAX {
            self.looked.clear();
        }
        if !self.looked.contains_key(&building) {
            let looked = Looked::at(self.state, building, at.known)?;
            self.looked.insert(building, looked);
        }
        Ok(())
    }

    /// A finding of a building with what it is looked at by: that building, or what it became by the
    /// day, with all that it may stand in.
    fn stand(
        &mut self,
        id: FindingId,
        building: BuildingId,
        at: At,
    ) -> Result<Option<Stand<'_>>, Error> {
        self.ensure(building, at)?;
        let mut stands_in = Vec::new();
        if let Some(Some(looked)) = self.looked.get(&building)
            && let Some(finding) = looked.finding(id)
            && finding.stay().until.is_some_and(|until| until <= at.day)
        {
            stands_in = line::stands_in(self.state, finding, at.day, Knowing::at(at.known))?;
        }
        if let Some(first) = stands_in.first().copied() {
            self.ensure(first, at)?;
            // What came to its end before stays with its own building.
            if let Some(Some(looked)) = self.looked.get(&first)
                && looked.finding(id).is_none()
            {
                stands_in.clear();
            }
        }
        let place = stands_in.first().copied().unwrap_or(building);
        self.ensure(place, at)?;
        let Some(Some(looked)) = self.looked.get(&place) else { return Ok(None) };
        Ok(looked.finding(id).map(|finding| (looked, finding, stands_in)))
    }

    /// A finding when it is one that is asked for, and below one of some nodes.
    pub(crate) fn look(
        &mut self,
        id: FindingId,
        of: &[SubjectId],
        at: At,
    ) -> Result<Option<FindingSeen>, Error> {
        let partition: Partition = id.partition();
        let timeline = timeline_at(self.state, partition, id.into(), at.known)?;
        let Some(building) = timeline.as_deref().and_then(building_of) else { return Ok(None) };
        if timeline.is_none_or(|timeline| timeline.end().is_some()) {
            return Ok(None);
        }
        let (state, wanted) = (self.state, self.wanted);
        let Some((looked, finding, stands_in)) = self.stand(id, building, at)? else {
            return Ok(None);
        };
        let (view, aged) = looked.on(finding, at.day);
        let is_wanted = view.is_some_and(|view| wanted.has(&view, aged.as_ref()));
        if !is_wanted {
            return Ok(None);
        }
        let Some(seen) = see(state, partition, id.into(), at)? else { return Ok(None) };
        let is_here = if stands_in.is_empty() {
            of.contains(&building.into()) || leads_to(state, partition, &seen.content, of, at)?
        } else {
            is_below(state, &stands_in, of, at)?
        };
        if !is_here {
            return Ok(None);
        }
        let answer = FindingSeen {
            seen,
            leads_to: id,
            building: Some(building),
            stands_in,
            numbers: vec![id],
            view: None,
            aged: None,
            events: Vec::new(),
        };
        Ok(Some(told(answer, finding, looked, at.day)))
    }
}
