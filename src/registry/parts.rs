//! Of what a total is the sum: nodes of one or of several partitions, each partition read at one
//! position, which the answer states.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{region::Level, timeline::Timeline},
    kernel::{
        id::{Kind, RegionId, SubjectId},
        position::{Partition, Position, Seq},
        time::{Day, KnownAt, ReadTime},
    },
    registry::{
        engine::Registry,
        error::{Class, Error, Refusal},
        history::timeline_at,
        query::{label, must_be_known},
        read::{At, Nodes, is_listed, level_of},
        space::{Space, subject_key},
        state::{Live, State},
        subjects::Subjects,
    },
};

/// What a total is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalOf {
    /// A region, compound or building.
    Subject(SubjectId),
    /// The whole registry.
    Everything,
}

impl From<SubjectId> for TotalOf {
    fn from(subject: SubjectId) -> Self {
        Self::Subject(subject)
    }
}

/// The positions that an answer is read at: one a partition, and everything of it is read there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stated(BTreeMap<Partition, Seq>);

impl Stated {
    /// Where a partition is read, if it was before.
    pub(crate) fn of(&self, partition: Partition) -> Option<Seq> {
        self.0.get(&partition).copied()
    }

    /// States where a partition is read; the first word counts.
    pub(crate) fn put(&mut self, position: Position) -> Seq {
        *self.0.entry(position.partition).or_insert(position.seq)
    }

    pub(crate) fn positions(self) -> Vec<Position> {
        let positions = self.0.into_iter();
        positions.map(|(partition, seq)| Position { partition, seq }).collect()
    }
}

/// A node, and on which of the days asked for it belongs to what is asked for.
pub(crate) type Part = (SubjectId, Vec<bool>);

/// The parts of a total.
pub(crate) struct InParts {
    /// Districts, or the one node that was asked for.
    pub districts: Vec<Part>,
    /// What lies above the districts and has a partition of its own.
    pub above: Vec<Part>,
}

/// A region with its life, as known in partition 0.
type InTree = (SubjectId, Arc<Timeline>);

impl Registry {
    /// Where a partition is read.
    pub(crate) fn stated(
        &self,
        partition: Partition,
        known_at: KnownAt,
        stated: &mut Stated,
    ) -> Result<Seq, Error> {
        if let Some(seq) = stated.of(partition) {
            return Ok(seq);
        }
        let seq = match self.known(partition, known_at)? {
            Some(seq) => seq,
            None => Live(self.store()).meta(partition)?.seq,
        };
        Ok(stated.put(Position { partition, seq }))
    }

    /// Where a partition is read as known at a time.
    pub fn position(&self, partition: Partition, known_at: KnownAt) -> Result<Position, Error> {
        let seq = self.stated(partition, known_at, &mut Stated::default())?;
        Ok(Position { partition, seq })
    }

    /// A node of one partition is itself; a city is its districts of each day, a province its
    /// cities' districts, the registry its provinces'. With the districts comes what is above them and
    /// has a partition of its own: a policy may be kept for a whole city.
    pub(crate) fn parts(
        &self,
        of: TotalOf,
        days: &[Day],
        known_at: KnownAt,
        stated: &mut Stated,
    ) -> Result<Vec<Part>, Error> {
        let InParts { mut districts, above } = self.nodes_of(of, days, known_at, stated)?;
        districts.extend(above);
        districts.sort();
        Ok(districts)
    }

    pub(crate) fn nodes_of(
        &self,
        of: TotalOf,
        days: &[Day],
        known_at: KnownAt,
        stated: &mut Stated,
    ) -> Result<InParts, Error> {
        let live = Live(self.store());
        let always = vec![true; days.len()];
        if let TotalOf::Subject(subject) = of {
            must_be_known(&live, "subject_id", subject)?;
            if !self.spans_partitions(subject)? {
                return Ok(InParts { districts: vec![(subject, always)], above: Vec::new() });
            }
        }
        let known = self.tree_known(known_at, stated)?;
        let mut above = Vec::new();
        let mut left = match of {
            TotalOf::Subject(subject) => vec![(subject, always)],
            TotalOf::Everything => {
                let all = provinces(&live, known)?.into_iter();
                all.map(|(province, _)| (province, always.clone())).collect()
            }
        };
        let mut nodes = Vec::new();
        while let Some((node, belongs)) = left.pop() {
            if node.partition() != Partition::ROOT {
                above.push((node, belongs.clone()));
            }
            for (child, timeline) in tree_children(&live, node, known)? {
                let both = days
                    .iter()
                    .zip(&belongs)
                    .map(|(day, belongs)| *belongs && is_in_on(&timeline, node, *day))
                    .collect::<Vec<_>>();
                if !both.contains(&true) {
                    continue;
                }
                let part = (child, both);
                if level_in(&timeline) == Some(Level::District) {
                    nodes.push(part);
                } else {
                    left.push(part);
                }
            }
        }
        nodes.sort();
        Ok(InParts { districts: nodes, above })
    }

    /// What a list of a node of any level goes through at a time: of a city or province the
    /// districts that are its then, of everything else itself. As known at a position, which is one
    /// partition's own, it is what that partition holds.
    pub(crate) fn nodes_then(
        &self,
        of: SubjectId,
        time: ReadTime,
        stated: &mut Stated,
    ) -> Result<Nodes, Error> {
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        let own = of.partition();
        let is_of_one = own != Partition::ROOT && matches!(time.known_at, KnownAt::Seq(_));
        let parts = if is_of_one {
            vec![of]
        } else {
            let parts = self.nodes_of(of.into(), &[day], time.known_at, stated)?;
            parts.districts.into_iter().map(|(node, _)| node).collect()
        };
        let mut nodes = Nodes::new();
        for node in parts {
            let partition = node.partition();
            let seq = self.stated(partition, time.known_at, stated)?;
            let known = (time.known_at != KnownAt::Now).then_some(seq);
            let (_, nodes) =
                nodes.entry(partition).or_insert_with(|| (At { day, known }, Vec::new()));
            nodes.push(node);
        }
        Ok(nodes)
    }

    /// The regions of a level that are there on a day, with their names: those in a region, itself
    /// among them, or everywhere. In id order.
    pub(crate) fn of_level(
        &self,
        level: Level,
        within: Option<RegionId>,
        day: Day,
        known_at: KnownAt,
        stated: &mut Stated,
    ) -> Result<Vec<(SubjectId, String)>, Error> {
        if level > Level::District {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "LEVEL",
                "level",
                "provinces, cities and districts are taken together: what is below a district is \
                 listed as the children of its region",
            )));
        }
        let live = Live(self.store());
        if let Some(region) = within {
            must_be_known(&live, "region_id", region.into())?;
        }
        let known = self.tree_known(known_at, stated)?;
        let mut left: Vec<InTree> = match within {
            Some(region) => {
                let timeline = timeline_at(&live, Partition::ROOT, region.into(), known)?;
                timeline.map(|timeline| (region.into(), timeline)).into_iter().collect()
            }
            None => provinces(&live, known)?,
        };
        let mut found = Vec::new();
        while let Some((node, timeline)) = left.pop() {
            match level_in(&timeline) {
                Some(own) if own == level && is_listed(timeline.presence(day)) => {
                    let name = timeline.content_at(day).map(|content| label(&content));
                    found.push((node, name.unwrap_or_default()));
                }
                Some(own) if own < level => {
                    let children = tree_children(&live, node, known)?.into_iter();
                    left.extend(children.filter(|(_, life)| is_in_on(life, node, day)));
                }
                _ => {}
            }
        }
        found.sort();
        Ok(found)
    }

    /// Where the tree between cities is read. A position is one partition's own, and says nothing
    /// of the others.
    pub(crate) fn tree_known(
        &self,
        known_at: KnownAt,
        stated: &mut Stated,
    ) -> Result<Option<Seq>, Error> {
        if matches!(known_at, KnownAt::Seq(_)) {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "POSITION_OF_ONE_PARTITION",
                "context.read_time.known_at_seq",
                "what lies above the districts is read over several partitions: give a moment \
                 instead",
            )));
        }
        self.stated(Partition::ROOT, known_at, stated).map(Some)
    }

    /// Whether a region's total is a sum over partitions.
    pub(crate) fn spans_partitions(&self, subject: SubjectId) -> Result<bool, Error> {
        let Ok(region) = RegionId::try_from(subject) else { return Ok(false) };
        Ok(self.tree_partition(region)? == Partition::ROOT
            && self.level(region)?.is_some_and(|level| level < Level::District))
    }

    fn level(&self, region: RegionId) -> Result<Option<Level>, Error> {
        let live = Live(self.store());
        let record = live.record(region.partition(), region.into())?;
        Ok(record.and_then(|record| level_in(&record.timeline)))
    }
}

fn level_in(timeline: &Timeline) -> Option<Level> {
    timeline.content_at(Day::MAX).and_then(|content| level_of(&content))
}

/// Whether a region is said to be in another on a day.
fn is_in_on(timeline: &Timeline, parent: SubjectId, day: Day) -> bool {
    timeline
        .spans(|content| content.references().contains(&parent))
        .iter()
        .any(|(from, until, is)| *is && *from <= day && until.is_none_or(|until| day < until))
}

/// The provinces that partition 0 knows, with their lives.
fn provinces(state: &dyn State, known: Option<Seq>) -> Result<Vec<InTree>, Error> {
    let all = Subjects::of_kind(Partition::ROOT, Kind::Region);
    let mut provinces = lives(state, all, known)?;
    provinces.retain(|(_, timeline)| level_in(timeline) == Some(Level::Province));
    Ok(provinces)
}

/// The children of a region in partition 0, with their lives.
fn tree_children(
    state: &dyn State,
    node: SubjectId,
    known: Option<Seq>,
) -> Result<Vec<InTree>, Error> {
    let children = Subjects::below(subject_key(Partition::ROOT, Space::Child, node));
    lives(state, children, known)
}

/// Subjects of partition 0, with their lives.
fn lives(
    state: &dyn State,
    mut subjects: Subjects,
    known: Option<Seq>,
) -> Result<Vec<InTree>, Error> {
    let mut found = Vec::new();
    while let Some(id) = subjects.next(state)? {
        if let Some(timeline) = timeline_at(state, Partition::ROOT, id, known)? {
            found.push((id, timeline));
        }
    }
    Ok(found)
}
