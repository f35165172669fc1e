//! What a file has: its chapters in their order, each with what the registry reckons of its subject.
//!
//! Days after the file's are left out: a report of a later inspection, a finding that was seen later, a
//! policy that began later, a claim of which notice was given later, a repair that was done later.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        checkup::Dossier,
        content::Fields,
        due::DuePlan,
        finding::View,
        policy::PolicyContent,
        report::{ReportKind, State as Stand},
        tables::Tables,
        timeline::{Presence, Timeline},
        underwriting::{Item, Worth},
    },
    kernel::{
        id::{BodyId, BuildingId, FindingId, Kind, ReferenceId, RegionId, ReportId, SubjectId},
        position::{Partition, Position},
        time::{Answer, Day, ImpreciseDay},
    },
    registry::{
        checkup,
        coverage::{chain_of, naming},
        dossier::said_about,
        engine::Registry,
        error::{Error, Refusal},
        history::timeline_at,
        policies::completed,
        read::{At, Seen, see},
        reference,
        state::{Live, State},
        underwriting::{
            form::Of,
            reach::{Judge, content_then},
            reckon::{self, CoversBy},
        },
    },
};

/// Regions above a building in its partition.
const REGIONS_MAX: usize = 16;

/// A chapter that is to be written.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) of: Of,
    pub(super) subject: Option<SubjectId>,
    /// What is told behind that which follows from the subject's own entries.
    pub(super) items: Vec<Item>,
}

/// Plans the chapters of a file. Refuses (`NOT_FOUND`) a building that was not known then.
pub(super) fn chapters(
    registry: &Registry,
    judge: &mut Judge,
    building: BuildingId,
    at: Position,
    day: Day,
) -> Result<Vec<Planned>, Error> {
    let live = Live(registry.store());
    let tables = reference::known(&live, at.partition, Some(at.seq))?;
    let mut gathering = Gathering {
        registry,
        judge,
        state: &live,
        partition: at.partition,
        at: At { day, known: Some(at.seq) },
        tables,
        chapters: Vec::new(),
        told: BTreeSet::new(),
        bodies: BTreeSet::new(),
        editions: BTreeSet::new(),
    };
    gathering.all(building)?;
    Ok(gathering.chapters)
}

struct Gathering<'g> {
    registry: &'g Registry,
    judge: &'g mut Judge,
    state: &'g dyn State,
    partition: Partition,
    at: At,
    tables: Arc<Tables>,
    chapters: Vec<Planned>,
    /// The subjects that have a chapter, or were said to be withheld.
    told: BTreeSet<SubjectId>,
    bodies: BTreeSet<BodyId>,
    editions: BTreeSet<ReferenceId>,
}

/// A building of the line with what follows for all that is said about it.
struct Looked {
    building: BuildingId,
    dossier: Dossier,
    plan: Option<DuePlan>,
    place: usize,
}

impl Gathering<'_> {
    fn all(&mut self, building: BuildingId) -> Result<(), Error> {
        let missing = || Error::refused(Refusal::missing("building_id", SubjectId::from(building)));
        let life = self.life(building.into())?;
        let life = life.filter(|life| life.registration().is_some()).ok_or_else(missing)?;
        let own = self.building(Of::Building, building)?.ok_or_else(missing)?;
        let mut buildings = vec![own];
        for (of, other) in self.relatives(building, &life)? {
            if self.is_in_reach(other.into(), "lineage", 0)? {
                buildings.extend(self.building(of, other)?);
            }
        }
        // The check-ups of a part are made of the whole.
        buildings.extend(self.around(building, &life)?);
        for looked in &buildings {
            self.reports(looked)?;
        }
        for body in std::mem::take(&mut self.bodies) {
            if self.judge.reaches(self.registry, body.into())? {
                self.chapter(Of::Body, body.into(), Vec::new());
            }
        }
        for looked in &buildings {
            self.findings(looked)?;
        }
        for looked in &buildings {
            self.orders(looked)?;
        }
        for looked in &buildings {
            self.policies(looked)?;
        }
        for looked in &buildings {
            self.claims(looked)?;
        }
        for looked in &buildings {
            self.works(looked)?;
        }
        for edition in std::mem::take(&mut self.editions) {
            if self.is_in_reach(edition.into(), "edition", 0)? {
                self.chapter(Of::Reference, edition.into(), Vec::new());
            }
        }
        let items = crate::domain::underwriting::not_recorded();
        self.chapters.push(Planned { of: Of::NotRecorded, subject: None, items });
        Ok(())
    }

    fn life(&self, subject: SubjectId) -> Result<Option<Arc<Timeline>>, Error> {
        timeline_at(self.state, self.partition, subject, self.at.known)
    }

    fn see(&self, subject: SubjectId) -> Result<Option<Seen>, Error> {
        let seen = see(self.state, self.partition, subject, self.at)?;
        Ok(seen.filter(|seen| seen.presence != Presence::EnteredInError))
    }

    fn chapter(&mut self, of: Of, subject: SubjectId, items: Vec<Item>) -> usize {
        self.told.insert(subject);
        self.chapters.push(Planned { of, subject: Some(subject), items });
        self.chapters.len() - 1
    }

    /// Whether a subject is in reach. One that is not is told to be withheld, once, in the chapter at
    /// `place`.
    fn is_in_reach(&mut self, subject: SubjectId, item: &str, place: usize) -> Result<bool, Error> {
        if self.judge.reaches(self.registry, subject)? {
            return Ok(true);
        }
        if self.told.insert(subject)
            && let Some(chapter) = self.chapters.get_mut(place)
        {
            let item = Item::new(item, Worth::Withheld).because("reach").about(subject);
            chapter.items.push(item);
        }
        Ok(false)
    }

    /// A building of the line; `None` of what was not known or never was.
    fn building(&mut self, of: Of, building: BuildingId) -> Result<Option<Looked>, Error> {
        let Some(seen) = self.see(building.into())? else { return Ok(None) };
        let looked = checkup::look(self.state, building, self.at.known)?;
        let Some((dossier, tables)) = looked else { return Ok(None) };
        let plan = dossier.due(&tables);
        let mut items = reckon::building(&dossier, plan.as_ref(), &tables, self.at.day);
        items.extend(reckon::cases(&seen, self.judge.reader().sees_cases));
        let set = dossier.set_on(&tables, self.at.day);
        self.editions.extend(set.and_then(|set| tables.cycle_id(set)));
        let place = self.chapter(of, building.into(), items);
        Ok(Some(Looked { building, dossier, plan, place }))
    }

    /// The buildings that became this one, and those that it became, up to the day: the nearest first.
    fn relatives(
        &self,
        building: BuildingId,
        life: &Timeline,
    ) -> Result<Vec<(Of, BuildingId)>, Error> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::from([building]);
        for of in [Of::Predecessor, Of::Successor] {
            let mut next = self.neighbours(of, building, life);
            while !next.is_empty() {
                let mut beyond = Vec::new();
                for one in next {
                    if !seen.insert(one) {
                        continue;
                    }
                    let life = self.life(one.into())?;
                    let Some(life) = life.filter(|life| life.registration().is_some()) else {
                        continue;
                    };
                    found.push((of, one));
                    beyond.extend(self.neighbours(of, one, &life));
                }
                next = beyond;
            }
        }
        Ok(found)
    }

    fn neighbours(&self, of: Of, building: BuildingId, life: &Timeline) -> Vec<BuildingId> {
        let own = SubjectId::from(building);
        let edges = life.edges().filter(|(on, edge)| *on <= self.at.day && edge.from != edge.into);
        let mut found: Vec<BuildingId> = edges
            .filter_map(|(_, edge)| match of {
                Of::Predecessor if edge.into == own => BuildingId::try_from(edge.from).ok(),
                Of::Successor if edge.from == own => BuildingId::try_from(edge.into).ok(),
                _ => None,
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What the building is in on the day: a physical building, which is answered, a compound, regions.
    fn around(&mut self, building: BuildingId, life: &Timeline) -> Result<Option<Looked>, Error> {
        let content = life.content_at(self.at.day);
        let Some(Fields::Building(fields)) = content.map(|content| content.fields) else {
            return Ok(None);
        };
        let mut physical = None;
        if let Some(whole) = fields.physical.flatten().filter(|whole| *whole != building)
            && !self.told.contains(&whole.into())
            && self.is_in_reach(whole.into(), "building", 0)?
        {
            physical = self.building(Of::PhysicalBuilding, whole)?;
        }
        let mut region = fields.community.flatten();
        if let Some(compound) = fields.compound.flatten() {
            let compound = SubjectId::from(compound);
            if self.is_in_reach(compound, "compound", 0)? {
                self.chapter(Of::Compound, compound, Vec::new());
            }
            let content = content_then(self.state, self.partition, compound, self.at)?;
            if let Some(Fields::Compound(fields)) = content.map(|content| content.fields) {
                region = region.or(fields.community.flatten());
            }
        }
        self.regions(region)?;
        Ok(physical)
    }

    /// The regions from a community up, as far as they are known in the partition and in reach.
    fn regions(&mut self, mut region: Option<RegionId>) -> Result<(), Error> {
        for _ in 0..REGIONS_MAX {
            let Some(at) = region.map(SubjectId::from) else { break };
            if self.told.contains(&at) {
                break;
            }
            let content = content_then(self.state, self.partition, at, self.at)?;
            let Some(Fields::Region(fields)) = content.map(|content| content.fields) else { break };
            if !self.is_in_reach(at, "region", 0)? {
                break;
            }
            self.chapter(Of::Region, at, Vec::new());
            region = fields.parent.flatten();
        }
        Ok(())
    }

    /// The reports of a building, by the days of the inspections; with the last of those that were
    /// accepted by the day.
    fn reports(&mut self, looked: &Looked) -> Result<(), Error> {
        let mut found: Vec<(Day, ReportId, Seen)> = Vec::new();
        for id in said_about(self.state, looked.building, Kind::Report)? {
            let Some(seen) = self.see(id)? else { continue };
            let (Ok(report), Some(inspected)) = (ReportId::try_from(id), seen.exists_from) else {
                continue;
            };
            let is_of = seen.content.about() == Some(looked.building);
            if is_of && inspected.latest() <= self.at.day && !self.told.contains(&id) {
                found.push((inspected.latest(), report, seen));
            }
        }
        found.sort_by_key(|(inspected, id, _)| (*inspected, *id));
        let last = |kind: ReportKind| {
            found.iter().rfind(|(_, _, seen)| is_accepted(seen) && kind_of(seen) == Some(kind))
        };
        let last_ones = [
            last_one("last_check_up", last(ReportKind::CheckUp)),
            last_one("last_appraisal", last(ReportKind::Appraisal)),
        ];
        if let Some(chapter) = self.chapters.get_mut(looked.place) {
            chapter.items.extend(last_ones);
        }
        for (_, report, seen) in found {
            self.report(report, &seen)?;
        }
        Ok(())
    }

    fn report(&mut self, report: ReportId, seen: &Seen) -> Result<(), Error> {
        let mut items = Vec::new();
        if let Some(stand) = &seen.report_stand {
            items.push(reckon::signatures(stand, self.judge.reader().sees_signers));
        }
        if let Fields::Report(fields) = &seen.content.fields
            && let Some(body) = fields.body.flatten()
        {
            self.bodies.insert(body);
            let content = content_then(self.state, self.partition, body.into(), self.at)?;
            let name = match content.map(|content| content.fields) {
                Some(Fields::Body(fields)) => fields.name.flatten(),
                _ => None,
            };
            items.push(match name {
                Some(name) => Item::new("body", Worth::Reckoned).about(body).with("name", name),
                None => Item::new("body", Worth::Unknown).about(body).because("it_has_no_name"),
            });
        }
        items.extend(self.cases_of(seen));
        self.chapter(Of::Report, report.into(), items);
        Ok(())
    }

    /// The open cases of something that is said about a building. That a role does not see cases is
    /// told once, in the building's own chapter.
    fn cases_of(&self, seen: &Seen) -> Vec<Item> {
        if self.judge.reader().sees_cases { reckon::cases(seen, true) } else { Vec::new() }
    }

    /// The findings that stand in a building on the day, or stood in it, each with every number that
    /// it was reported by.
    fn findings(&mut self, looked: &Looked) -> Result<(), Error> {
        let mut found: Vec<(View, FindingId)> = Vec::new();
        for (id, finding) in &looked.dossier.findings {
            found.extend(finding.view_on(self.at.day).map(|view| (view, *id)));
        }
        found.sort_by_key(|(view, id)| (view.first_observed, *id));
        for (view, id) in found {
            let finding = looked.dossier.findings.iter().find(|(other, _)| *other == id);
            let Some((_, finding)) = finding else { continue };
            let plan = looked.plan.as_ref();
            let item = reckon::finding((id, finding), &view, plan, &self.tables, self.at.day);
            let edition = self.tables.findings_by(view.first_observed).map(|(id, _)| id);
            self.editions.extend(edition);
            for number in finding.numbers() {
                let subject = SubjectId::from(*number);
                if self.told.contains(&subject)
                    || !self.is_in_reach(subject, "finding", looked.place)?
                {
                    continue;
                }
                let mut items = if *number == id { vec![item.clone()] } else { Vec::new() };
                if let Some(seen) = self.see(subject)? {
                    items.extend(self.cases_of(&seen));
                }
                self.chapter(Of::Finding, subject, items);
            }
        }
        Ok(())
    }

    fn orders(&mut self, looked: &Looked) -> Result<(), Error> {
        let sees_orders = self.judge.reader().sees_orders;
        if !sees_orders {
            let item = Item::new("order", Worth::Withheld).because("role");
            if let Some(chapter) = self.chapters.get_mut(looked.place) {
                chapter.items.push(item);
            }
            return Ok(());
        }
        for id in said_about(self.state, looked.building, Kind::Order)? {
            let Some(seen) = self.see(id)? else { continue };
            let is_of = seen.content.about() == Some(looked.building);
            let is_there = seen.exists_from.is_some_and(|from| from.earliest() <= self.at.day);
            if !is_of || !is_there || self.told.contains(&id) {
                continue;
            }
            let state = seen.order_state.map(crate::domain::order::OrderState::word);
            let mut items = vec![Item::new("order", Worth::Reckoned).with_some("state", state)];
            items.extend(self.cases_of(&seen));
            self.chapter(Of::Order, id, items);
        }
        Ok(())
    }

    /// The policies that cover a building on the day, or did by then: by itself, by the building that
    /// it is a part of, by its compound, by what it came from. Policies of units cover units.
    fn policies(&mut self, looked: &Looked) -> Result<(), Error> {
        let (_, chain) = chain_of(self.state, looked.building.into(), self.at)?;
        let completed = completed(self.state, looked.building, self.at)?;
        for policy in naming(self.state, self.partition, chain.iter().map(|near| near.object))? {
            let id = SubjectId::from(policy);
            let Some(seen) = self.see(id)?.filter(|_| !self.told.contains(&id)) else { continue };
            let Fields::Policy(fields) = &seen.content.fields else { continue };
            let named = chain.iter().find(|near| fields.objects().contains(&near.object));
            let is_there = seen.exists_from.is_some_and(|from| from.earliest() <= self.at.day);
            let Some(named) = named.filter(|_| is_there) else { continue };
            // That others insure it is no business of an insurer's.
            if self.judge.reaches_policy(self.registry, id)? {
                let by = CoversBy {
                    named: named.object,
                    is_predecessor: named.is_predecessor,
                    completed: named.completed.unwrap_or(completed),
                };
                self.policy(&seen, fields, &by);
            }
        }
        Ok(())
    }

    fn policy(&mut self, seen: &Seen, fields: &PolicyContent, by: &CoversBy) {
        let product = fields.clause().and_then(|(code, clause)| self.tables.product(code, clause));
        self.editions.extend(product.map(|(id, _)| id));
        let product = product.map(|(_, product)| product);
        let mut items = reckon::policy(seen, fields, product, by);
        items.extend(self.cases_of(seen));
        self.chapter(Of::Policy, seen.id, items);
    }

    /// What was said of a building by the day, of one kind: by its days.
    fn by_the_day(
        &self,
        looked: &Looked,
        kind: Kind,
    ) -> Result<Vec<(Day, SubjectId, Seen)>, Error> {
        let mut found = Vec::new();
        for id in said_about(self.state, looked.building, kind)? {
            let Some(seen) = self.see(id)? else { continue };
            let Some(from) = seen.exists_from.map(ImpreciseDay::latest) else { continue };
            let is_of = seen.content.about() == Some(looked.building);
            if is_of && from <= self.at.day && !self.told.contains(&id) {
                found.push((from, id, seen));
            }
        }
        found.sort_by_key(|(from, id, _)| (*from, *id));
        Ok(found)
    }

    /// The claims of a building of which notice was given by the day, over or not; of an insurer those on
    /// its own policies. That others have claims is no business of an insurer's.
    fn claims(&mut self, looked: &Looked) -> Result<(), Error> {
        let mut shown = 0;
        for (_, id, seen) in self.by_the_day(looked, Kind::Claim)? {
            if self.judge.reaches_claim(self.registry, id)? {
                let items = self.cases_of(&seen);
                self.chapter(Of::Claim, id, items);
                shown += 1;
            }
        }
        let count = reckon::count("claims", shown, self.judge.is_insurer());
        if let Some(chapter) = self.chapters.get_mut(looked.place) {
            chapter.items.push(count);
        }
        Ok(())
    }

    /// The work that was done on a building by the day, with what claims paid for it: of a claim that is
    /// out of reach how much, as whoever reads the work item is told, and not of which.
    fn works(&mut self, looked: &Looked) -> Result<(), Error> {
        let mut shown = 0;
        for (_, id, seen) in self.by_the_day(looked, Kind::Work)? {
            let mut items = Vec::new();
            let paid = seen.work.iter().flat_map(|work| &work.paid);
            for paid in paid.filter(|paid| paid.by.kind() == Kind::Claim) {
                let is_named = self.judge.reaches_claim(self.registry, paid.by)?;
                items.push(reckon::paid_by_claim(paid, is_named));
            }
            items.extend(self.cases_of(&seen));
            self.chapter(Of::Work, id, items);
            shown += 1;
        }
        let count = reckon::count("works", shown, false);
        if let Some(chapter) = self.chapters.get_mut(looked.place) {
            chapter.items.push(count);
        }
        Ok(())
    }
}

fn is_accepted(seen: &Seen) -> bool {
    let stand = seen.report_stand.as_ref();
    stand.is_some_and(|stand| matches!(stand.state, Stand::Accepted { .. }))
}

fn kind_of(seen: &Seen) -> Option<ReportKind> {
    match &seen.content.fields {
        Fields::Report(fields) => fields.kind.flatten(),
        _ => None,
    }
}

/// The last report of a kind that was accepted by the day.
fn last_one(item: &str, found: Option<&(Day, ReportId, Seen)>) -> Item {
    let Some((inspected, report, seen)) = found else {
        return Item::new(item, Worth::Unknown).because("none_was_accepted");
    };
    let doubt = seen.report_stand.as_ref().map_or(Answer::Unknown, |stand| stand.doubt);
    let mut item = Item::new(item, Worth::Reckoned)
        .about(*report)
        .with("inspected", inspected)
        .with("in_doubt", reckon::word(doubt));
    if let Fields::Report(fields) = &seen.content.fields {
        let grades = fields.grades.iter().flatten().flatten();
        let grades = grades.map(ToString::to_string).collect::<Vec<_>>();
        item = item
            .with_some("body_id", fields.body.flatten())
            .with_some("grades", (!grades.is_empty()).then(|| grades.join("; ")));
    }
    item
}
