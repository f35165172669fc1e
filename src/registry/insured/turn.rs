//! What follows from subjects that changed: who counts otherwise, and what each came and comes to.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        content::Content,
        insured::{
            completed, counts_from_completion, in_building, is_by_clause, objects, of_building,
            placed, products,
        },
        tables::Tables,
        timeline::Timeline,
    },
    kernel::id::{BuildingId, Kind, SubjectId},
    registry::{
        error::Error,
        insured::{
            buildings_named,
            sight::{Cover, Part, Place, Sight, ever_below},
        },
        line,
        subjects::Subjects,
    },
};

/// What may count otherwise after some subjects changed.
#[derive(Default)]
pub(super) struct Concerned {
    pub buildings: BTreeSet<BuildingId>,
    pub units: BTreeSet<SubjectId>,
    pub policies: BTreeSet<SubjectId>,
    pub claims: BTreeSet<SubjectId>,
}

/// How a world was and how it is.
#[derive(Clone, Copy)]
pub(super) struct Turn<'s> {
    pub before: Sight<'s>,
    pub after: Sight<'s>,
}

impl Turn<'_> {
    /// What follows from subjects that changed. `waits` are those of which a recount does all but what
    /// counts of themselves.
    pub(super) fn concerned<'c>(
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
    pub(super) fn by_clauses(&self) -> Result<Vec<SubjectId>, Error> {
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
    pub(super) fn building(
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

    pub(super) fn unit(
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
    pub(super) fn buildings_of(&self, unit: SubjectId) -> Result<BTreeSet<BuildingId>, Error> {
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
