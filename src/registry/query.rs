//! Totals, codes, lineage and cases as they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        content::{Content, Fields},
        region::Level,
        timeline::{Edge, Timeline},
        totals::{Amounts, Certainty, Measure},
    },
    kernel::{
        id::{CaseId, Kind, RegionId, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position, Seq},
        time::{Day, KnownAt, Month, ReadTime},
    },
    registry::{
        case::{self, Case, InDoubt},
        engine::Registry,
        error::{Class, Error, Refusal},
        history::{entry_numbers, timeline_at},
        parts::{Part, Stated, TotalOf},
        read::ListOf,
        recount::Recount,
        space::{Space, below, subject_at_end, text_key},
        state::{Durable, Live, State},
        subjects::Candidates,
        sweep::Sweep,
        term,
        totals::{row_of, totals_at},
    },
    store::Direction,
};

/// Totals of one subject.
#[derive(Clone, Debug)]
pub struct Totals {
    /// The amounts, by cell.
    pub amounts: Amounts,
    /// The amounts of what is broken down by terms; empty when they were not asked for.
    pub termed: Termed,
    /// The day that they are true of.
    pub valid_at: Day,
    /// What they were read at: one position for each partition.
    pub positions: Vec<Position>,
}

/// Whether amounts that are broken down by terms are wanted, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Only what has none.
    Spine,
    /// They are.
    Terms,
}

/// Amounts by measure and term: what is certain, and what is possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Termed(BTreeMap<(Measure, String), (i64, i64)>);

impl Termed {
    /// Measure, term, certain and possible, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Measure, &str, i64, i64)> {
        self.0.iter().map(|((measure, term), sums)| (*measure, term.as_str(), sums.0, sums.1))
    }

    /// Adds all of `other`.
    fn add_all(&mut self, other: &Self) {
        for (key, (certain, possible)) in &other.0 {
            let sums = self.0.entry(key.clone()).or_default();
            sums.0 = sums.0.saturating_add(*certain);
            sums.1 = sums.1.saturating_add(*possible);
        }
    }

    /// Names the terms of amounts that were read in a partition.
    fn of(state: &dyn State, partition: Partition, amounts: &Amounts) -> Result<Self, Error> {
        let mut named = Self::default();
        for (cell, amount) in amounts.iter() {
            let (Some(measure), Some(number)) = (cell.measure(), cell.term()) else { continue };
            let Some(text) = term::text(state, partition, number)? else { continue };
            let sums = named.0.entry((measure, text)).or_default();
            sums.1 = sums.1.saturating_add(amount);
            if cell.certainty() == Certainty::Certain {
                sums.0 = sums.0.saturating_add(amount);
            }
        }
        named.0.retain(|_, sums| *sums != (0, 0));
        Ok(named)
    }
}

/// Totals at the ends of months.
#[derive(Clone, Debug)]
pub struct Series {
    /// Month by month.
    pub months: Vec<(Month, Amounts, Termed)>,
    /// What they were read at.
    pub positions: Vec<Position>,
}

/// What one subject adds to a total.
#[derive(Clone, Debug)]
pub struct TotalRow {
    /// The subject.
    pub subject: SubjectId,
    /// A name or address for people.
    pub label: String,
    /// What it adds.
    pub amounts: Amounts,
    /// What it adds to what is broken down by terms.
    pub termed: Termed,
    /// The entries of the subject that were known.
    pub entries: Vec<Seq>,
}

/// A region that has, or had, a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeMatch {
    /// The region.
    pub region: RegionId,
    /// The first day on which it has the code.
    pub from: Day,
    /// The first day on which it has it no more.
    pub until: Option<Day>,
}

/// What is still to be done in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Nodes whose profiles are still being moved.
    pub sweep_count: u64,
    /// While a rule, a licence or a border is counted anew: the buildings that are done.
    pub recounted_count: Option<u64>,
    /// Of how many; some may be registered meanwhile.
    pub recount_total: Option<u64>,
    /// Cases that nobody has settled.
    pub open_case_count: u64,
}

/// Amounts, and those that are broken down by terms.
type Sum = (Amounts, Termed);

/// A row of totals side by side.
#[derive(Clone, Debug)]
pub struct ListedTotals {
    /// The region.
    pub subject: SubjectId,
    /// Its name.
    pub name: String,
    /// The amounts, by cell.
    pub amounts: Amounts,
    /// The amounts of what is broken down by terms.
    pub termed: Termed,
}

/// Which regions' totals are told side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideBySide {
    /// The children of a region; `None` for the provinces.
    Children(Option<RegionId>),
    /// The regions of a level, in a region or everywhere.
    Level(Level, Option<RegionId>),
}

impl Registry {
    /// What is still to be done in a partition.
    pub fn work_under_way(&self, partition: Partition) -> Result<UnderWay, Error> {
        let live = Live(self.store());
        let meta = live.meta(partition)?;
        let recount = Recount::under_way(&live, partition)?;
        let total = recount.as_ref().map(|recount| recount.total(&live, partition)).transpose()?;
        Ok(UnderWay {
            recount_total: total,
            sweep_count: u64::from(meta.sweep_count) + u64::from(meta.is_recounting),
            recounted_count: recount.map(|recount| recount.done_count),
            open_case_count: meta.open_case_count,
        })
    }

    /// The totals of a region, a compound or everything, but for what is broken down by terms.
    pub fn totals(&self, of: impl Into<TotalOf>, time: ReadTime) -> Result<Totals, Error> {
        self.totals_of(of, time, Wanted::Spine)
    }

    /// The totals of a region, a compound or everything.
    pub fn totals_of(
        &self,
        of: impl Into<TotalOf>,
        time: ReadTime,
        wanted: Wanted,
    ) -> Result<Totals, Error> {
        let mut stated = Stated::default();
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        let (amounts, termed) = self.sum(of.into(), day, time.known_at, wanted, &mut stated)?;
        Ok(Totals { amounts, termed, valid_at: day, positions: stated.positions() })
    }

    /// The totals of the regions of a level that are there, in a region or everywhere.
    pub fn totals_of_level(
        &self,
        level: Level,
        within: Option<RegionId>,
        time: ReadTime,
        wanted: Wanted,
    ) -> Result<Totals, Error> {
        let mut stated = Stated::default();
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        let (mut amounts, mut termed) = Sum::default();
        for (region, _) in self.of_level(level, within, day, time.known_at, &mut stated)? {
            let sum = self.sum(region.into(), day, time.known_at, wanted, &mut stated)?;
            amounts.add_all(&sum.0, 1);
            termed.add_all(&sum.1);
        }
        Ok(Totals { amounts, termed, valid_at: day, positions: stated.positions() })
    }

    /// The totals at the end of every month of a span; refuses spans of more than 480 months.
    pub fn series(
        &self,
        of: impl Into<TotalOf>,
        from: Month,
        to: Month,
        known_at: KnownAt,
        wanted: Wanted,
    ) -> Result<Series, Error> {
        let mut months = Vec::new();
        let mut month = from;
        while month <= to {
            months.push(month);
            month = month.next();
            if months.len() > limit::SERIES_MONTHS_MAX {
                return Err(Error::refused(Refusal::of(
                    Class::Invalid,
                    "SERIES_TOO_LONG",
                    "to_month",
                    format!("a series has at most {} months", limit::SERIES_MONTHS_MAX),
                )));
            }
        }
        let days = months.iter().map(|month| month.last()).collect::<Vec<_>>();
        let mut stated = Stated::default();
        let parts = self.parts(of.into(), &days, known_at, &mut stated)?;
        let sums = self.sums(parts, &days, known_at, wanted, &mut stated)?;
        let positions = stated.positions();
        let months = months.into_iter().zip(sums);
        let months = months.map(|(month, (amounts, termed))| (month, amounts, termed));
        Ok(Series { months: months.collect(), positions })
    }

    /// The totals of several regions, in id order, and what the page was read at.
    pub fn list_totals(
        &self,
        of: SideBySide,
        time: ReadTime,
        page: &PageRequest,
        wanted: Wanted,
    ) -> Result<(Page<ListedTotals>, Vec<Position>), Error> {
        let mut stated = Stated::default();
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        let regions = match of {
            SideBySide::Children(parent) => {
                let partition = match parent {
                    Some(parent) => self.tree_partition(parent)?,
                    None => Partition::ROOT,
                };
                if partition == Partition::ROOT {
                    self.tree_known(time.known_at, &mut stated)?;
                }
                let seq = self.stated(partition, time.known_at, &mut stated)?;
                let at = ReadTime { valid_at: Some(day), known_at: KnownAt::Seq(seq) };
                let children = self.list(ListOf::Regions(parent), at, page)?;
                let rows = children.rows.iter().map(|child| (child.id, label(&child.content)));
                Page { rows: rows.collect(), next: children.next }
            }
            SideBySide::Level(level, within) => {
                let mut rows = self.of_level(level, within, day, time.known_at, &mut stated)?;
                if let Some(after) = SubjectId::from_slice(&page.after) {
                    rows.retain(|(region, _)| *region > after);
                }
                let has_more = rows.len() > page.rows;
                rows.truncate(page.rows);
                let last = rows.last().filter(|_| has_more);
                let next = last.map(|(region, _)| region.to_bytes().to_vec());
                Page { rows, next }
            }
        };
        let mut rows = Vec::new();
        for (subject, name) in regions.rows {
            let sum = self.sum(subject.into(), day, time.known_at, wanted, &mut stated)?;
            rows.push(ListedTotals { subject, name, amounts: sum.0, termed: sum.1 });
        }
        Ok((Page { rows, next: regions.next }, stated.positions()))
    }

    /// The sum of one day. What is current comes from what is remembered.
    fn sum(
        &self,
        of: TotalOf,
        day: Day,
        known_at: KnownAt,
        wanted: Wanted,
        stated: &mut Stated,
    ) -> Result<Sum, Error> {
        if known_at != KnownAt::Now {
            let parts = self.parts(of, &[day], known_at, stated)?;
            let mut sums = self.sums(parts, &[day], known_at, wanted, stated)?;
            return Ok(sums.pop().unwrap_or_default());
        }
        if let TotalOf::Subject(subject) = of
            && !self.spans_partitions(subject)?
        {
            return self.sum_now(subject, day, wanted, stated);
        }
        let mut sum = Sum::default();
        for (node, _) in self.parts(of, &[day], known_at, stated)? {
            let own = self.sum_now(node, day, wanted, stated)?;
            sum.0.add_all(&own.0, 1);
            sum.1.add_all(&own.1);
        }
        Ok(sum)
    }

    /// The current sum of a node, or the one of where its partition was read before.
    fn sum_now(
        &self,
        node: SubjectId,
        day: Day,
        wanted: Wanted,
        stated: &mut Stated,
    ) -> Result<Sum, Error> {
        let (sum, position) = self.remembered(node, day, wanted)?;
        let seq = stated.put(position);
        if seq == position.seq {
            return Ok(sum);
        }
        // Something was written since the first node of its partition was read.
        let mut sums = self.sums_at(node, &[day], seq, wanted)?;
        Ok(sums.pop().unwrap_or_default())
    }

    /// What is current of a node, from the cache when it is there, and what it was read at.
    fn remembered(
        &self,
        node: SubjectId,
        day: Day,
        wanted: Wanted,
    ) -> Result<(Sum, Position), Error> {
        let partition = node.partition();
        let state = Durable::new(self.store())?;
        let seq = state.meta(partition)?.seq;
        let position = Position { partition, seq };
        // Before what is remembered, which follows every step.
        not_being_moved(&state, node, None, &[day])?;
        let amounts = if let Some(amounts) = self.cache().get(node, day) {
            amounts
        } else {
            must_be_known(&state, "subject_id", node)?;
            let mut sums = totals_at(&state, node, None, &[day])?;
            let amounts = sums.pop().unwrap_or_default();
            self.cache().put(node, day, seq, amounts.clone());
            amounts
        };
        if wanted == Wanted::Terms {
            not_being_counted(&state, node, None, &[day])?;
        }
        let termed = terms_of(&state, partition, &amounts, wanted)?;
        Ok(((amounts, termed), position))
    }

    /// The sums over nodes on several days.
    fn sums(
        &self,
        parts: Vec<Part>,
        days: &[Day],
        known_at: KnownAt,
        wanted: Wanted,
        stated: &mut Stated,
    ) -> Result<Vec<Sum>, Error> {
        let mut sums = vec![Sum::default(); days.len()];
        for (node, belongs) in parts {
            let seq = self.stated(node.partition(), known_at, stated)?;
            let own = self.sums_at(node, days, seq, wanted)?;
            for ((sum, own), belongs) in sums.iter_mut().zip(own).zip(belongs) {
                if belongs {
                    sum.0.add_all(&own.0, 1);
                    sum.1.add_all(&own.1);
                }
            }
        }
        Ok(sums)
    }

    /// The sums of a node as known with an entry of its partition.
    fn sums_at(
        &self,
        node: SubjectId,
        days: &[Day],
        seq: Seq,
        wanted: Wanted,
    ) -> Result<Vec<Sum>, Error> {
        let known = Some(seq);
        // One view, so that all cells are of one moment.
        let state = Durable::new(self.store())?;
        not_being_moved(&state, node, known, days)?;
        if wanted == Wanted::Terms {
            not_being_counted(&state, node, known, days)?;
        }
        let mut sums = Vec::new();
        for amounts in totals_at(&state, node, known, days)? {
            let termed = terms_of(&state, node.partition(), &amounts, wanted)?;
            sums.push((amounts, termed));
        }
        Ok(sums)
    }

    /// The rows of a total and what each adds. A page folds at most 2 000 subjects and may be
    /// short; all pages together sum to the total of the same read time.
    pub fn explain(
        &self,
        of: impl Into<TotalOf>,
        measure: Measure,
        of_term: Option<&str>,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<(Page<TotalRow>, Vec<Position>), Error> {
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        let mut stated = Stated::default();
        let parts = self.parts(of.into(), &[day], time.known_at, &mut stated)?;
        let what = Explained { measure, of_term, day };
        let kind = match measure {
            Measure::Compounds => Kind::Compound,
            Measure::Units
            | Measure::UnitArea
            | Measure::InsuredUnits
            | Measure::InsuredUnitsByPart => Kind::Unit,
            Measure::Policies
            | Measure::SumInsured
            | Measure::Premium
            | Measure::PremiumByProduct => Kind::Policy,
            Measure::ClaimsByStage
            | Measure::ClaimsByCause
            | Measure::ClaimsByAge
            | Measure::ClaimAmounts
            | Measure::Losses => Kind::Claim,
            Measure::Communities => Kind::Region,
            // What is counted of buildings, and of what is said about them.
            _ => Kind::Building,
        };
        let (skip, after_key) = read_cursor(&page.after);
        let mut rows = Vec::new();
        let mut folded = 0;
        for (index, (node, _)) in parts.iter().enumerate().skip(skip) {
            let partition = node.partition();
            let known = Some(self.stated(partition, time.known_at, &mut stated)?);
            let live = Live(self.store());
            if measure.is_termed() {
                not_being_counted(&live, *node, known, &[day])?;
            }
            let cursor = if index == skip { after_key.clone() } else { Vec::new() };
            let all = Candidates::Of(partition, kind);
            let mut done = cursor;
            loop {
                let read = all.page(&live, &done, 256)?;
                for (place, id) in read.found {
                    if rows.len() >= page.rows || folded >= limit::FOLDS_PER_PAGE_MAX {
                        let next = write_cursor(index, &done);
                        return Ok((Page { rows, next: Some(next) }, stated.positions()));
                    }
                    folded += 1;
                    done = place;
                    if let Some(row) = Self::row(&live, *node, id, known, what)? {
                        rows.push(row);
                    }
                }
                if read.is_end {
                    break;
                }
            }
        }
        Ok((Page { rows, next: None }, stated.positions()))
    }

    fn row(
        state: &dyn State,
        node: SubjectId,
        id: SubjectId,
        known: Option<Seq>,
        what: Explained<'_>,
    ) -> Result<Option<TotalRow>, Error> {
        let Explained { measure, of_term, day } = what;
        let partition = node.partition();
        let wanted = match of_term {
            Some(term) => match term::find(state, partition, term)? {
                Some(number) => Some(number),
                None => return Ok(None),
            },
            None => None,
        };
        let amounts = row_of(state, node, id, known, day)?;
        let amounts = Amounts::from_pairs(
            amounts
                .iter()
                .filter(|(cell, _)| cell.measure() == Some(measure))
                .filter(|(cell, _)| wanted.is_none() || cell.term() == wanted)
                .map(|(cell, amount)| (cell.number(), amount)),
        );
        if amounts.is_empty() {
            return Ok(None);
        }
        let termed = Termed::of(state, partition, &amounts)?;
        let Some(record) = state.record(partition, id)? else { return Ok(None) };
        let timeline = timeline_at(state, partition, id, known)?;
        let label = timeline
            .and_then(|timeline| timeline.content_at(day))
            .map(|content| label(&content))
            .unwrap_or_default();
        let mut entries = entry_numbers(state, partition, id, &record)?;
        entries.retain(|seq| known.is_none_or(|known| *seq <= known));
        Ok(Some(TotalRow { subject: id, label, amounts, termed, entries }))
    }

    /// The regions that have a code of a scheme on a day, or ever when none is given, and what they
    /// were looked up at.
    pub fn resolve_code(
        &self,
        scheme: &str,
        code: &str,
        day: Option<Day>,
        partition: Option<Partition>,
        known_at: KnownAt,
    ) -> Result<(Vec<CodeMatch>, Vec<Position>), Error> {
        let mut stated = Stated::default();
        let partitions = match partition {
            Some(partition) => vec![partition],
            None => self.partitions().into_iter().map(|(partition, _)| partition).collect(),
        };
        let live = Live(self.store());
        let mut found: BTreeMap<(RegionId, Day), CodeMatch> = BTreeMap::new();
        for partition in partitions {
            let known = Some(self.stated(partition, known_at, &mut stated)?);
            let range = below(text_key(partition, Space::Identifier, &[scheme, code]));
            for (key, _) in live.scan(&range, Direction::Up, limit::VIEW_ROWS_MAX)? {
                let Some(region) = subject_at_end(&key).and_then(|id| RegionId::try_from(id).ok())
                else {
                    continue;
                };
                let Some(timeline) = timeline_at(&live, partition, region.into(), known)? else {
                    continue;
                };
                for (from, until) in code_spans(&timeline, scheme, code) {
                    let holds =
                        day.is_none_or(|day| from <= day && until.is_none_or(|until| day < until));
                    if holds {
                        found.insert((region, from), CodeMatch { region, from, until });
                    }
                }
            }
        }
        Ok((found.into_values().collect(), stated.positions()))
    }

    /// What a subject came from and what became of it, followed both ways, at most 1 000 edges;
    /// and what it was read at.
    pub fn lineage(
        &self,
        id: SubjectId,
        known_at: KnownAt,
    ) -> Result<(Vec<(Day, Edge)>, Position), Error> {
        let partition = id.partition();
        let position = self.position(partition, known_at)?;
        let known = Some(position.seq);
        let live = Live(self.store());
        if timeline_at(&live, partition, id, known)?.is_none() {
            return Err(Error::refused(Refusal::missing("id", id)));
        }
        let mut edges = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut next = vec![id];
        while let Some(subject) = next.pop() {
            if !seen.insert(subject) || edges.len() > limit::VIEW_ROWS_MAX {
                continue;
            }
            if let Some(timeline) = timeline_at(&live, partition, subject, known)? {
                for (day, edge) in timeline.edges() {
                    next.extend([edge.from, edge.into]);
                    edges.insert((day, edge));
                }
            }
        }
        Ok((edges.into_iter().collect(), position))
    }

    /// A case as it stood at a time, and what it was read at.
    pub fn case(&self, id: CaseId, known_at: KnownAt) -> Result<(Case, Position), Error> {
        let position = self.position(id.partition(), known_at)?;
        let known = Some(position.seq);
        let live = Live(self.store());
        let case = case::find(&live, id)?.and_then(|case| as_known(case, known));
        let case = case.ok_or_else(|| Error::refused(Refusal::missing("id", id)))?;
        Ok((case, position))
    }

    /// The subjects that are in doubt in a case at a time, in the order of their ids, each with its
    /// entries in doubt and its own days.
    pub fn case_subjects(
        &self,
        id: CaseId,
        case: &Case,
        known_at: KnownAt,
        page: &PageRequest,
    ) -> Result<Page<InDoubt>, Error> {
        let live = Live(self.store());
        if case.in_doubt <= 1 {
            let first = case.subjects.first().map(|first| InDoubt {
                subject: *first,
                entries: case.doubts.clone(),
                days: case.days,
            });
            return Ok(Page { rows: first.into_iter().collect(), next: None });
        }
        let known = self.known(id.partition(), known_at)?;
        let is_there = |closed_by: Option<Seq>| {
            closed_by.is_none_or(|by| known.is_some_and(|known| by > known))
        };
        let (mut rows, mut last) = (Vec::new(), SubjectId::from_slice(&page.after));
        loop {
            let batch = case::case_subjects(&live, id, last, limit::VIEW_ROWS_MAX)?;
            let is_end = batch.len() < limit::VIEW_ROWS_MAX;
            for (subject, one) in batch {
                if rows.len() >= page.rows {
                    let next = last.map(|last| last.to_bytes().to_vec());
                    return Ok(Page { rows, next });
                }
                last = Some(subject);
                if is_there(one.closed_by) {
                    rows.push(InDoubt { subject, entries: one.doubts, days: one.days });
                }
            }
            if is_end {
                return Ok(Page { rows, next: None });
            }
        }
    }

    /// The cases of a partition, oldest first, or of one subject.
    pub fn cases(
        &self,
        partition: Partition,
        subject: Option<SubjectId>,
        with_closed: bool,
        known_at: KnownAt,
        page: &PageRequest,
    ) -> Result<Page<(CaseId, Case)>, Error> {
        let known = self.known(partition, known_at)?;
        let live = Live(self.store());
        let wanted = |case: &Case| with_closed || case.is_open();
        if let Some(subject) = subject {
            let rows = case::of_subject(&live, partition, subject)?
                .into_iter()
                .filter_map(|(id, case)| Some((id, as_known(case, known)?)))
                .filter(|(_, case)| wanted(case))
                .collect();
            return Ok(Page { rows, next: None });
        }
        let mut from = SubjectId::from_slice(&page.after).and_then(|id| CaseId::try_from(id).ok());
        let mut rows = Vec::new();
        loop {
            let batch = case::page(&live, partition, from, limit::VIEW_ROWS_MAX)?;
            let is_end = batch.len() < limit::VIEW_ROWS_MAX;
            for (id, case) in batch {
                if rows.len() >= page.rows {
                    let next = from.map(|id| SubjectId::from(id).to_bytes().to_vec());
                    return Ok(Page { rows, next });
                }
                from = Some(id);
                if let Some(case) = as_known(case, known).filter(&wanted) {
                    rows.push((id, case));
                }
            }
            if is_end {
                return Ok(Page { rows, next: None });
            }
        }
    }
}

/// A case as known with an entry: not yet opened, or not yet closed.
fn as_known(case: Case, known: Option<Seq>) -> Option<Case> {
    let Some(known) = known else { return Some(case) };
    if case.opened_by > known {
        return None;
    }
    match case.closed_by {
        Some(closed) if closed > known => Some(Case { closed_by: None, outcome: None, ..case }),
        _ => Some(case),
    }
}

pub(crate) fn must_be_known(state: &dyn State, field: &str, id: SubjectId) -> Result<(), Error> {
    match state.get(&crate::registry::record::chunk_key(
        &crate::registry::record::record_key(id.partition(), id),
        0,
    ))? {
        Some(_) => Ok(()),
        None => Err(Error::refused(Refusal::missing(field, id))),
    }
}

/// While what an entry moved is being moved, the totals that it concerns are not told as known since
/// that entry.
fn not_being_moved(
    state: &dyn State,
    node: SubjectId,
    known: Option<Seq>,
    days: &[Day],
) -> Result<(), Error> {
    let partition = node.partition();
    if state.meta(partition)?.sweep_count == 0 {
        return Ok(());
    }
    let sweeps = Sweep::all(state, partition)?;
    for sweep in &sweeps {
        if known.is_none_or(|known| sweep.opened_by <= known)
            && sweep.concerns(state, &sweeps, node, days)?
        {
            return Err(Error::refused(Refusal::of(
                Class::Conflict,
                "SWEEP_UNDER_WAY",
                "",
                format!(
                    "what entry {} moved is still being moved, {}: try again",
                    sweep.opened_by,
                    sweep
                        .done
                        .map_or_else(|| "from the start".to_owned(), |m| format!("up to {m}"))
                ),
            )));
        }
    }
    Ok(())
}

/// What rows are asked for.
#[derive(Clone, Copy)]
struct Explained<'t> {
    measure: Measure,
    of_term: Option<&'t str>,
    day: Day,
}

/// The amounts that are broken down by terms, when they are wanted.
fn terms_of(
    state: &dyn State,
    partition: Partition,
    amounts: &Amounts,
    wanted: Wanted,
) -> Result<Termed, Error> {
    if wanted == Wanted::Spine {
        return Ok(Termed::default());
    }
    Termed::of(state, partition, amounts)
}

/// While check-ups are counted anew, those of nodes and days that this concerns are not told as known
/// since it began.
fn not_being_counted(
    state: &dyn State,
    node: SubjectId,
    known: Option<Seq>,
    days: &[Day],
) -> Result<(), Error> {
    let Some(recount) = Recount::under_way(state, node.partition())? else { return Ok(()) };
    let is_known = known.is_none_or(|known| recount.opened_by <= known);
    if is_known && recount.concerns(state, node, days)? {
        return Err(recount.refusal());
    }
    Ok(())
}

fn code_spans(timeline: &Timeline, scheme: &str, code: &str) -> Vec<(Day, Option<Day>)> {
    let Some((born, gone)) = timeline.possible_span() else {
        return Vec::new();
    };
    let has = |content: &Content| {
        content
            .shared
            .identifiers
            .get(scheme)
            .is_some_and(|values| values.iter().any(|value| value == code))
    };
    timeline
        .spans(has)
        .into_iter()
        .filter(|(.., has)| *has)
        .map(|(from, until, _)| {
            let until = match until {
                Some(until) => Some(until.min(gone)),
                None => (gone < Day::MAX).then_some(gone),
            };
            (from.max(born), until)
        })
        .filter(|(from, until)| until.is_none_or(|until| *from < until))
        .collect()
}

/// A name or address for people.
pub(crate) fn label(content: &Content) -> String {
    let name = match &content.fields {
        Fields::Region(fields) => fields.name.clone(),
        Fields::Compound(fields) => fields.name.clone(),
        Fields::Building(fields) => match (&fields.address, &fields.name) {
            (Some(Some(address)), _) => Some(Some(address.clone())),
            (_, name) => name.clone(),
        },
        Fields::Unit(fields) => {
            let parts = [&fields.entrance, &fields.number];
            let texts = parts.iter().filter_map(|part| part.as_ref()?.clone()).collect::<Vec<_>>();
            Some(Some(texts.join("-")))
        }
        Fields::Body(fields) => fields.name.clone(),
        Fields::Plan(fields) => fields.title.clone(),
        Fields::Reference(fields) => match (&fields.name, &fields.edition) {
            (Some(Some(name)), Some(Some(edition))) => Some(Some(format!("{name} {edition}"))),
            (name, _) => name.clone(),
        },
        Fields::Finding(fields) => {
            fields.event.as_ref().map(|event| Some(event.saying.to_string()))
        }
        Fields::Report(fields) => fields.kind.map(|kind| kind.map(|kind| kind.word().to_owned())),
        Fields::Order(fields) => fields.kind.map(|kind| kind.map(|kind| kind.word().to_owned())),
        Fields::Policy(fields) => fields.number.clone(),
        Fields::Claim(fields) => fields.number.clone(),
        Fields::Work(fields) => fields.done.clone(),
        Fields::Signer(_) => None,
    };
    name.flatten().unwrap_or_default()
}

fn write_cursor(node: usize, key: &[u8]) -> Vec<u8> {
    let node = u32::try_from(node).unwrap_or(u32::MAX);
    [&node.to_be_bytes(), key].concat()
}

fn read_cursor(bytes: &[u8]) -> (usize, Vec<u8>) {
    match bytes.split_first_chunk::<4>() {
        Some((node, key)) => {
            (usize::try_from(u32::from_be_bytes(*node)).unwrap_or(0), key.to_vec())
        }
        None => (0, Vec::new()),
    }
}
