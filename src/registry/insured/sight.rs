//! How one state of knowledge looks: by what something is insured, and what it comes to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        checkup::Span,
        claim::counted,
        insured::{
            Count, Held, Link, Stretch, completed, counts_from_completion, in_building, landings,
            landings_in, links, objects, of_policy, of_unit, placed, stretches,
        },
        tables::Tables,
        timeline::Timeline,
        totals::Landings,
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::Partition,
        time::{Day, ImpreciseDay},
    },
    registry::{
        dossier::Knowing, error::Error, line, space::child_prefix, state::State, subjects::Subjects,
    },
};

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

/// How a building is insured, with all that the units in it need to know of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Cover {
    pub life: Arc<Timeline>,
    pub stretches: Vec<Stretch>,
    pub completed: Option<ImpreciseDay>,
}

impl Cover {
    /// Whether units come to the same by both.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        (&self.stretches, self.completed) == (&other.stretches, other.completed)
    }
}

/// Policies with their lives.
type Lives = BTreeMap<SubjectId, Arc<Timeline>>;

/// Where something counts.
pub(super) enum Place {
    /// Where a life says, as long as it lasts.
    By(Arc<Timeline>),
    /// In a node, whether that is there or not.
    In(SubjectId),
}

/// What counts at a place, once, or taken away once.
pub(super) struct Part {
    pub place: Place,
    pub counts: Vec<Count>,
    pub times: i64,
}

impl Part {
    pub(super) fn landings(&self, number: impl FnMut(&str) -> u16) -> Landings {
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
    pub(super) fn life(&self, subject: SubjectId) -> Result<Option<Arc<Timeline>>, Error> {
        self.knowing.life(self.state, self.partition, subject)
    }

    /// The policies that ever named any of some subjects.
    pub(super) fn naming(
        &self,
        named: impl IntoIterator<Item = SubjectId>,
    ) -> Result<Lives, Error> {
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

    pub(super) fn cover(&self, building: BuildingId) -> Result<Cover, Error> {
        let Some(life) = self.life(building.into())? else { return Ok(Cover::default()) };
        let completed = completed(&life);
        let links = links(building, &life);
        let stretches = self.stretches(building.into(), &life, links, completed)?;
        Ok(Cover { life, stretches, completed: Some(completed) })
    }

    /// A unit as long as it is in a building that has this cover.
    pub(super) fn unit(
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

    pub(super) fn policy(&self, policy: SubjectId, times: i64) -> Result<Option<Part>, Error> {
        let Some(life) = self.life(policy)? else { return Ok(None) };
        let held =
            if counts_from_completion(&life, self.tables) { self.held(&life)? } else { Vec::new() };
        let counts = of_policy(&life, &held, self.tables);
        Ok(Some(Part { place: Place::By(life), counts, times }))
    }

    /// A claim: in its building, and where its policy is kept.
    pub(super) fn claim(&self, claim: SubjectId, times: i64) -> Result<Vec<Part>, Error> {
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
pub(super) fn ever_below(
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
