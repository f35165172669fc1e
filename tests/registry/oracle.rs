//! Totals counted again from the entries alone, by the plainest reading of the rules.
//!
//! It shares nothing with the code that it checks: no timeline, no difference, no cell. On one day,
//! as known with one entry, it asks of every subject whether it is there, what it counts as, and
//! climbs from it to all that holds it.

use std::collections::{BTreeMap, BTreeSet};

use anju::{
    domain::{
        content::{Content, Fields},
        region::Level,
        totals::{Certainty, Measure},
    },
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, ImpreciseDay},
    },
    registry::{Entry, Fact, TotalRow, Totals},
    store::{Limit, Store},
};

/// Certain and possible, by measure; measures of nothing are left out.
pub(crate) type Sums = BTreeMap<&'static str, (i64, i64)>;

/// What one entry says of one subject.
#[derive(Clone)]
enum Said {
    Begins(ImpreciseDay, Content),
    Fields(Content),
    Ends(ImpreciseDay),
    /// Took part in a merge or split, with who came from whom, and ended with it or not.
    Succession(Vec<(SubjectId, SubjectId)>, bool),
}

#[derive(Clone)]
struct Line {
    from: Day,
    second: Option<u32>,
    key: Vec<u8>,
    place: Seq,
    /// `None` when taken back.
    said: Option<Said>,
}

/// The life of a subject, as a list of lines.
#[derive(Clone, Default)]
pub(crate) struct Life {
    lines: Vec<Line>,
    /// Which place an entry made or filled.
    place_of: BTreeMap<Seq, Seq>,
}

impl Life {
    fn hear(&mut self, entry: &Entry, subject: SubjectId) {
        let from = entry.valid_from.unwrap_or(Day::MIN);
        let (from, said) = match &entry.body.as_ref().unwrap().fact {
            Fact::Registered { exists_from, content, .. } => {
                (Day::MIN, Some(Said::Begins(*exists_from, content.clone())))
            }
            Fact::Changed { content, .. } => (from, Some(Said::Fields(content.clone()))),
            Fact::Ended { day, .. } => (from, Some(Said::Ends(*day))),
            Fact::Succession { edges, ended, .. } => {
                let edges = edges.iter().map(|edge| (edge.from, edge.into)).collect();
                (from, Some(Said::Succession(edges, ended.contains(&subject))))
            }
            Fact::Retracted { .. } => (from, None),
            _ => return,
        };
        let mut places = Vec::new();
        for corrected in &entry.corrects {
            places.extend(self.place_of.get(corrected).copied());
        }
        let Some(first) = places.first().copied() else {
            self.place_of.insert(entry.seq, entry.seq);
            let (second, key) = (entry.second_of_day, entry.order_key.clone());
            self.lines.push(Line { from, second, key, place: entry.seq, said });
            return;
        };
        self.place_of.insert(entry.seq, first);
        for line in self.lines.iter_mut().filter(|line| places.contains(&line.place)) {
            if line.place != first || said.is_none() {
                line.said = None;
            } else {
                line.from = from;
                line.second = entry.second_of_day;
                line.key.clone_from(&entry.order_key);
                line.said.clone_from(&said);
            }
        }
    }

    /// The days of its lines.
    pub(crate) fn days(&self) -> BTreeSet<Day> {
        self.lines.iter().map(|line| line.from).collect()
    }

    /// What it came from, up to a day.
    pub(crate) fn came_from(&self, own: SubjectId, day: Day) -> Vec<SubjectId> {
        let lines = self.lines.iter().filter(|line| line.from <= day);
        let edges = lines.flat_map(|line| match &line.said {
            Some(Said::Succession(edges, _)) => edges.clone(),
            _ => Vec::new(),
        });
        let edges = edges.filter(|(from, into)| *into == own && *from != own);
        edges.map(|(from, _)| from).collect()
    }

    /// The value of a field on a day: what the last line up to that day says of it.
    pub(crate) fn value<T>(
        &self,
        day: Day,
        of: impl Fn(&Content) -> Option<Option<T>>,
    ) -> Option<T> {
        let mut best: Option<(&Line, Option<T>)> = None;
        for line in &self.lines {
            let Some(Said::Begins(_, content) | Said::Fields(content)) = &line.said else {
                continue;
            };
            let Some(value) = of(content) else { continue };
            let order = |line: &Line| (line.from, line.second, line.key.clone(), line.place);
            let is_later = best.as_ref().is_none_or(|(other, _)| order(line) > order(other));
            if line.from <= day && is_later {
                best = Some((line, value));
            }
        }
        best.and_then(|(_, value)| value)
    }

    /// What is said and stands, in the order in which it counts, with the days.
    pub(crate) fn said(&self) -> Vec<(Day, &Content)> {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(|line| (line.from, line.second, line.key.clone(), line.place));
        let said = lines.into_iter().filter_map(|line| match &line.said {
            Some(Said::Begins(_, content) | Said::Fields(content)) => Some((line.from, content)),
            _ => None,
        });
        said.collect()
    }

    pub(crate) fn begins(&self) -> Option<ImpreciseDay> {
        self.lines.iter().find_map(|line| match &line.said {
            Some(Said::Begins(day, _)) => Some(*day),
            _ => None,
        })
    }

    pub(crate) fn end(&self) -> Option<ImpreciseDay> {
        let ends = self.lines.iter().filter_map(|line| match &line.said {
            Some(Said::Ends(day)) => Some(*day),
            Some(Said::Succession(_, true)) => Some(ImpreciseDay::exactly(line.from)),
            _ => None,
        });
        ends.min_by_key(|day| (day.earliest(), day.latest()))
    }

    /// Whether it is certainly there, and whether it may be.
    pub(crate) fn is_there(&self, day: Day) -> (bool, bool) {
        let Some(begins) = self.begins() else { return (false, false) };
        let end = self.end();
        let certain = begins.latest() <= day && end.is_none_or(|end| day < end.earliest());
        let possible = begins.earliest() <= day && end.is_none_or(|end| day < end.latest());
        (certain, possible)
    }

    fn level(&self) -> Option<Level> {
        self.value(Day::MAX, |content| match &content.fields {
            Fields::Region(fields) => fields.level.map(Some),
            _ => None,
        })
    }

    /// What it is in on a day, and whether its own amounts go on from there.
    fn holders(&self, subject: SubjectId, day: Day) -> Vec<(SubjectId, bool)> {
        use anju::kernel::id::Kind;
        let region = |field: fn(&Content) -> Option<Option<SubjectId>>| self.value(day, field);
        match subject.kind() {
            Kind::Region if self.level() == Some(Level::District) => Vec::new(),
            Kind::Region | Kind::Unit => {
                region(first_holder).into_iter().map(|id| (id, true)).collect()
            }
            Kind::Compound | Kind::Policy => {
                region(first_holder).into_iter().map(|id| (id, true)).collect()
            }
            Kind::Reference => Vec::new(),
            _ => {
                let compound = region(first_holder);
                match region(own_community) {
                    Some(community) => compound
                        .map(|compound| (compound, false))
                        .into_iter()
                        .chain([(community, true)])
                        .collect(),
                    None => compound.map(|compound| (compound, true)).into_iter().collect(),
                }
            }
        }
    }

    /// What it counts as on a day.
    fn counts(&self, subject: SubjectId, day: Day) -> Vec<(&'static str, i64)> {
        use anju::kernel::id::Kind;
        let area = self.value(day, |content| match &content.fields {
            Fields::Building(fields) => fields.floor_area_cm2,
            Fields::Unit(fields) => fields.area_cm2,
            _ => None,
        });
        let area = area.map_or(0, |area| i64::try_from(area).unwrap());
        let physical = self.value(day, |content| match &content.fields {
            Fields::Building(fields) => fields.physical,
            _ => None,
        });
        match subject.kind() {
            Kind::Region if self.level() == Some(Level::Community) => vec![("communities", 1)],
            Kind::Compound => vec![("compounds", 1)],
            Kind::Building if physical.is_some() => vec![("logical_buildings", 1)],
            Kind::Building => vec![("buildings", 1), ("floor_area_cm2", area)],
            Kind::Unit => vec![("units", 1), ("unit_area_cm2", area)],
            _ => Vec::new(),
        }
    }
}

fn first_holder(content: &Content) -> Option<Option<SubjectId>> {
    match &content.fields {
        Fields::Region(fields) => fields.parent.map(|id| id.map(SubjectId::from)),
        Fields::Compound(fields) => fields.community.map(|id| id.map(SubjectId::from)),
        Fields::Building(fields) => fields.compound.map(|id| id.map(SubjectId::from)),
        Fields::Unit(fields) => fields.building.map(|id| id.map(SubjectId::from)),
        Fields::Policy(fields) => fields.region.map(|id| id.map(SubjectId::from)),
        _ => None,
    }
}

fn own_community(content: &Content) -> Option<Option<SubjectId>> {
    match &content.fields {
        Fields::Building(fields) => fields.community.map(|id| id.map(SubjectId::from)),
        _ => None,
    }
}

/// All that a partition knew with one entry.
#[derive(Clone, Default)]
pub(crate) struct Oracle {
    pub(crate) lives: BTreeMap<SubjectId, Life>,
}

impl Oracle {
    /// Reads every entry of a partition up to one.
    pub(crate) fn read(store: &dyn Store, partition: Partition, known: Seq) -> Self {
        let mut oracle = Self::default();
        for entry in entries(store, partition) {
            if entry.seq <= known {
                oracle.hear(&entry);
            }
        }
        oracle
    }

    pub(crate) fn hear(&mut self, entry: &Entry) {
        for link in &entry.subjects {
            self.lives.entry(link.subject).or_default().hear(entry, link.subject);
        }
    }

    /// The totals of every node on a day.
    pub(crate) fn totals(&self, day: Day) -> BTreeMap<SubjectId, Sums> {
        let mut totals: BTreeMap<SubjectId, Sums> = BTreeMap::new();
        for (subject, life) in &self.lives {
            let (certain, possible) = life.is_there(day);
            if !possible {
                continue;
            }
            let holders = self.holders(*subject, day);
            for (measure, amount) in life.counts(*subject, day) {
                for holder in &holders {
                    let sum = totals.entry(*holder).or_default().entry(measure).or_default();
                    sum.0 += if certain { amount } else { 0 };
                    sum.1 += amount;
                }
            }
        }
        for sums in totals.values_mut() {
            sums.retain(|_, sum| *sum != (0, 0));
        }
        totals.retain(|_, sums| !sums.is_empty());
        totals
    }

    /// All that a subject is in on a day, whether as a part of a part or directly.
    pub(crate) fn holders(&self, subject: SubjectId, day: Day) -> BTreeSet<SubjectId> {
        let mut holders = BTreeSet::new();
        let mut next = vec![(subject, true)];
        while let Some((subject, goes_on)) = next.pop() {
            if !goes_on {
                continue;
            }
            let Some(life) = self.lives.get(&subject) else { continue };
            for (holder, goes_on) in life.holders(subject, day) {
                holders.insert(holder);
                next.push((holder, goes_on));
            }
        }
        holders
    }

    /// Whether a subject may be there on a day.
    pub(crate) fn may_be_there(&self, subject: SubjectId, day: Day) -> bool {
        self.lives.get(&subject).is_some_and(|life| life.is_there(day).1)
    }
}

pub(crate) fn entries(store: &dyn Store, partition: Partition) -> Vec<Entry> {
    let limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    let bytes = store.entries(partition, 1, limit).unwrap();
    bytes.iter().map(|bytes| Entry::decode(bytes).unwrap().0).collect()
}

/// What the registry answers, in the oracle's words.
pub(crate) fn answered(totals: &Totals) -> Sums {
    sums(totals.amounts.iter())
}

/// What the rows of an explained total sum to.
pub(crate) fn explained(rows: &[TotalRow]) -> Sums {
    sums(rows.iter().flat_map(|row| row.amounts.iter()))
}

pub(crate) fn sums(amounts: impl Iterator<Item = (anju::domain::totals::Cell, i64)>) -> Sums {
    let mut sums = Sums::new();
    for (cell, amount) in amounts {
        let measure = cell.measure().unwrap();
        if measure.is_termed() {
            // What is said of buildings and what is insured is counted elsewhere.
            continue;
        }
        let sum = sums.entry(measure.name()).or_default();
        sum.1 += amount;
        if cell.certainty() == Certainty::Certain {
            sum.0 += amount;
        }
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// Every measure, for explaining.
pub(crate) const MEASURES: [Measure; 7] = [
    Measure::Compounds,
    Measure::Buildings,
    Measure::LogicalBuildings,
    Measure::FloorArea,
    Measure::Units,
    Measure::UnitArea,
    Measure::Communities,
];
