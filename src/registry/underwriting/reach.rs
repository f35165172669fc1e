//! What the reader of a file reaches: by the tree and the policies as they were known at the file's own
//! position, so that what moves or is sold later changes no file.
//!
//! Whether the building may be asked about at all is judged by the tree of now, before a file is
//! begun. What is said about that building is in reach with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::content::{Content, Fields},
    kernel::{
        id::{BuildingId, Kind, RegionId, SubjectId},
        position::{Partition, Position, Seq},
        time::{KnownAt, Stamp},
    },
    registry::{
        claims::policy_in,
        engine::Registry,
        entry::{Entry, show},
        error::Error,
        history::timeline_at,
        read::{At, regions_above},
        state::{Live, State},
        underwriting::form::Reader,
    },
};

/// Nodes whose reach is remembered.
const REMEMBERED_MAX: usize = 4_096;

/// Who reads, as far as it decides what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderReach {
    /// The role's name.
    pub role: String,
    /// The regions in and below which the reader reaches; `None` for everywhere.
    pub regions: Option<BTreeSet<RegionId>>,
    /// The companies whose policies the reader is shown; `None` for those of all.
    pub companies: Option<BTreeSet<String>>,
    /// Whether the role is shown orders.
    pub sees_orders: bool,
    /// Whether the role is shown cases.
    pub sees_cases: bool,
    /// Whether the role is shown who signs.
    pub sees_signers: bool,
}

impl ReaderReach {
    /// As the file states it.
    pub(super) fn stated(&self) -> Reader {
        let regions = self.regions.as_ref();
        Reader {
            role: self.role.clone(),
            regions: regions.map(|regions| regions.iter().map(ToString::to_string).collect()),
            companies: self.companies.as_ref().map(|all| all.iter().cloned().collect()),
        }
    }
}

/// Judges what is in reach at the position of one file.
pub(super) struct Judge {
    reader: ReaderReach,
    building: BuildingId,
    at: Position,
    recorded: Stamp,
    /// By the partitions' positions at the moment of the file's.
    elsewhere: BTreeMap<Partition, Seq>,
    judged: BTreeMap<SubjectId, bool>,
}

impl Judge {
    pub(super) fn new(
        reader: ReaderReach,
        building: BuildingId,
        at: Position,
        recorded: Stamp,
    ) -> Self {
        Self { reader, building, at, recorded, elsewhere: BTreeMap::new(), judged: BTreeMap::new() }
    }

    pub(super) const fn reader(&self) -> &ReaderReach {
        &self.reader
    }

    /// Where a partition is read.
    pub(super) fn known(
        &mut self,
        registry: &Registry,
        partition: Partition,
    ) -> Result<Seq, Error> {
        if partition == self.at.partition {
            return Ok(self.at.seq);
        }
        if let Some(seq) = self.elsewhere.get(&partition) {
            return Ok(*seq);
        }
        let seq = registry.known(partition, KnownAt::Stamp(self.recorded))?.unwrap_or(0);
        self.elsewhere.insert(partition, seq);
        Ok(seq)
    }

    /// Whether the reader is shown what is said of a subject.
    pub(super) fn reaches(
        &mut self,
        registry: &Registry,
        subject: SubjectId,
    ) -> Result<bool, Error> {
        if subject == SubjectId::from(self.building) {
            return Ok(true);
        }
        if let Some(known) = self.judged.get(&subject) {
            return Ok(*known);
        }
        let is_reached = self.judge(registry, subject)?;
        if self.judged.len() >= REMEMBERED_MAX {
            self.judged.clear();
        }
        self.judged.insert(subject, is_reached);
        Ok(is_reached)
    }

    fn judge(&mut self, registry: &Registry, subject: SubjectId) -> Result<bool, Error> {
        let is_for_role = match subject.kind() {
            Kind::Order | Kind::Plan => self.reader.sees_orders,
            Kind::Case => self.reader.sees_cases,
            Kind::Signer => self.reader.sees_signers,
            Kind::Policy => self.is_of_own_insurer(registry, subject)?,
            Kind::Claim => self.is_on_own_policy(registry, subject)?,
            _ => true,
        };
        if !is_for_role {
            return Ok(false);
        }
        let Some(regions) = self.reader.regions.clone() else { return Ok(true) };
        let own = SubjectId::from(self.building);
        let mut is_about = false;
        let state = Live(registry.store());
        let day = self.recorded.day();
        let above = regions_above(subject, |node| {
            let known = self.known(registry, node.partition())?;
            let life = timeline_at(&state, node.partition(), node, Some(known))?;
            let content = life.and_then(|life| {
                life.registration()?;
                life.content_at(day)
            });
            is_about = is_about || node == own;
            is_about = is_about
                || content.as_ref().is_some_and(|content| content.references().contains(&own));
            Ok(content)
        })?;
        Ok(is_about || above.iter().any(|region| regions.contains(region)))
    }

    /// Whether the reader is shown a policy that covers the building, wherever it is kept: the list of a
    /// building's policies has it, too.
    pub(super) fn reaches_policy(
        &mut self,
        registry: &Registry,
        policy: SubjectId,
    ) -> Result<bool, Error> {
        let is_reached = self.is_of_own_insurer(registry, policy)?;
        self.judged.insert(policy, is_reached);
        Ok(is_reached)
    }

    /// Whether the reader is shown a claim of a building that is in reach.
    pub(super) fn reaches_claim(
        &mut self,
        registry: &Registry,
        claim: SubjectId,
    ) -> Result<bool, Error> {
        let is_reached = self.is_on_own_policy(registry, claim)?;
        self.judged.insert(claim, is_reached);
        Ok(is_reached)
    }

    /// Whether the reader is shown the claims on own policies alone.
    pub(super) const fn is_insurer(&self) -> bool {
        self.reader.companies.is_some()
    }

    /// Whether a claim is on a policy of one of the reader's companies, by what was known.
    fn is_on_own_policy(&self, registry: &Registry, claim: SubjectId) -> Result<bool, Error> {
        if !self.is_insurer() {
            return Ok(true);
        }
        let state = Live(registry.store());
        let life = timeline_at(&state, self.at.partition, claim, Some(self.at.seq))?;
        match life.and_then(|life| policy_in(&life)) {
            Some(policy) => self.is_of_own_insurer(registry, policy.into()),
            None => Ok(false),
        }
    }

    /// Whether a policy is, or ever was, one of the reader's companies, by what was known.
    fn is_of_own_insurer(&self, registry: &Registry, policy: SubjectId) -> Result<bool, Error> {
        let Some(companies) = &self.reader.companies else { return Ok(true) };
        let state = Live(registry.store());
        let life = timeline_at(&state, self.at.partition, policy, Some(self.at.seq))?;
        Ok(life.is_some_and(|life| {
            life.contents().any(|(_, content)| match &content.fields {
                Fields::Policy(policy) => {
                    policy.insurers().iter().any(|insurer| companies.contains(&insurer.company.0))
                }
                _ => false,
            })
        }))
    }

    /// The bytes of an entry as the reader is shown them: without the parts of subjects that are out of
    /// reach.
    pub(super) fn shown(
        &mut self,
        registry: &Registry,
        entry: &Entry,
        bytes: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let mut reached = Vec::new();
        for link in &entry.subjects {
            if self.reaches(registry, link.subject)? {
                reached.push(link.subject);
            }
        }
        if reached.len() == entry.subjects.len() { Ok(bytes) } else { show(&bytes, &reached) }
    }

    /// The positions that the file is read at: its own, and that of the tree above the cities at the
    /// same moment.
    pub(super) fn positions(&mut self, registry: &Registry) -> Result<Vec<Position>, Error> {
        let mut positions = vec![self.at];
        if self.at.partition != Partition::ROOT {
            let seq = self.known(registry, Partition::ROOT)?;
            positions.push(Position { partition: Partition::ROOT, seq });
        }
        Ok(positions)
    }
}

/// What was known of a subject, in a partition; `None` of what was not known and of what never was.
pub(super) fn content_then(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
    at: At,
) -> Result<Option<Content>, Error> {
    let life = timeline_at(state, partition, subject, at.known)?;
    Ok(life.and_then(|life| {
        life.registration()?;
        life.content_at(at.day)
    }))
}
