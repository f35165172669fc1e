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
        case::{self, Case},
        checkup::{Recount, recounting},
        engine::Registry,
        error::{Class, Error, Refusal},
        history::{entry_numbers, timeline_at},
        read::level_of,
        space::{Space, after, below, key, subject_at_end, subject_key, text_key},
        state::{Durable, Live, State},
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
    /// Cases that nobody has settled.
    pub open_case_count: u64,
}

/// A sum over nodes of several partitions: which nodes, on which days.
pub(crate) struct Parts {
    /// A node and the days, by index, on which it belongs to the region asked for.
    pub(crate) nodes: Vec<(SubjectId, Vec<bool>)>,
    positions: Vec<Position>,
}

impl Registry {
    /// What is still to be done in a partition.
    pub fn work_under_way(&self, partition: Partition) -> Result<UnderWay, Error> {
        let meta = Live(self.store()).meta(partition)?;
        Ok(UnderWay {
            sweep_count: u64::from(meta.sweep_count) + u64::from(meta.is_recounting),
            open_case_count: meta.open_case_count,
        })
    }

    /// The totals of a region or compound, but for what is broken down by terms.
    pub fn totals(&self, subject: SubjectId, time: ReadTime) -> Result<Totals, Error> {
        self.totals_of(subject, time, Wanted::Spine)
    }

    /// The totals of a region or compound.
    pub fn totals_of(
        &self,
        subject: SubjectId,
        time: ReadTime,
        wanted: Wanted,
    ) -> Result<Totals, Error> {
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        if let Some(totals) = self.totals_now(subject, day, time, wanted)? {
            return Ok(totals);
        }
        if time.known_at == KnownAt::Now {
            return self.sum_now(subject, day, wanted);
        }
        let (mut sums, positions) = self.sums(subject, &[day], time.known_at, wanted)?;
        let (amounts, termed) = sums.pop().unwrap_or_default();
        Ok(Totals { amounts, termed, valid_at: day, positions })
    }

    /// The totals at the end of every month of a span; refuses spans of more than 480 months.
    pub fn series(
        &self,
        subject: SubjectId,
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
        let (sums, positions) = self.sums(subject, &days, known_at, wanted)?;
        let months = months.into_iter().zip(sums);
        let months = months.map(|(month, (amounts, termed))| (month, amounts, termed));
        Ok(Series { months: months.collect(), positions })
    }

    /// The totals of all children of a region that are regions, in id order.
    pub fn list_totals(
        &self,
        region: RegionId,
        time: ReadTime,
        page: &PageRequest,
        wanted: Wanted,
    ) -> Result<Page<(SubjectId, String, Totals)>, Error> {
        let of = crate::registry::read::ListOf::Regions(Some(region));
        let children = self.list(of, time, page)?;
        let mut rows = Vec::new();
        for child in children.rows {
            let name = label(&child.content);
            rows.push((child.id, name, self.totals_of(child.id, time, wanted)?));
        }
        Ok(Page { rows, next: children.next })
    }

    /// The sum of the districts' current totals.
    fn sum_now(&self, subject: SubjectId, day: Day, wanted: Wanted) -> Result<Totals, Error> {
        let parts = self.parts(subject, &[day], KnownAt::Now)?;
        let mut positions = parts.positions;
        let mut amounts = Amounts::default();
        let mut termed = Termed::default();
        let now = ReadTime { valid_at: Some(day), known_at: KnownAt::Now };
        for (node, _) in parts.nodes {
            if let Some(totals) = self.totals_now(node, day, now, wanted)? {
                amounts.add_all(&totals.amounts, 1);
                termed.add_all(&totals.termed);
                for position in totals.positions {
                    if !positions.contains(&position) {
                        positions.push(position);
                    }
                }
            }
        }
        Ok(Totals { amounts, termed, valid_at: day, positions })
    }

    /// What is current, from the cache, when nothing else is asked for.
    fn totals_now(
        &self,
        subject: SubjectId,
        day: Day,
        time: ReadTime,
        wanted: Wanted,
    ) -> Result<Option<Totals>, Error> {
        if time.known_at != KnownAt::Now || self.spans_partitions(subject)? {
            return Ok(None);
        }
        let partition = subject.partition();
        let state = Durable::new(self.store())?;
        let seq = state.meta(partition)?.seq;
        let position = Position { partition, seq };
        // Before what is remembered, which follows every step.
        not_being_moved(&state, subject, None, &[day])?;
        let positions = vec![position];
        if let Some(amounts) = self.cache().get(subject, day) {
            let termed = terms_of(&state, partition, None, &amounts, wanted)?;
            return Ok(Some(Totals { amounts, termed, valid_at: day, positions }));
        }
        must_be_known(&state, subject)?;
        let mut sums = totals_at(&state, subject, None, &[day])?;
        let amounts = sums.pop().unwrap_or_default();
        self.cache().put(subject, day, seq, amounts.clone());
        let termed = terms_of(&state, partition, None, &amounts, wanted)?;
        Ok(Some(Totals { amounts, termed, valid_at: day, positions }))
    }

    /// Whether a region's total is a sum over partitions.
    fn spans_partitions(&self, subject: SubjectId) -> Result<bool, Error> {
        let Ok(region) = RegionId::try_from(subject) else { return Ok(false) };
        Ok(self.tree_partition(region)? == Partition::ROOT
            && self.level(region)?.is_some_and(|level| level < Level::District))
    }

    fn level(&self, region: RegionId) -> Result<Option<Level>, Error> {
        let live = Live(self.store());
        let record = live.record(region.partition(), region.into())?;
        Ok(record
            .and_then(|record| record.timeline.content_at(Day::MAX))
            .and_then(|content| level_of(&content)))
    }

    fn sums(
        &self,
        subject: SubjectId,
        days: &[Day],
        known_at: KnownAt,
        wanted: Wanted,
    ) -> Result<(Vec<(Amounts, Termed)>, Vec<Position>), Error> {
        let parts = self.parts(subject, days, known_at)?;
        let mut sums = vec![(Amounts::default(), Termed::default()); days.len()];
        let mut positions = parts.positions;
        for (node, belongs) in parts.nodes {
            let partition = node.partition();
            let known = self.known(partition, known_at)?;
            // One view, so that all cells are of one moment.
            let state = Durable::new(self.store())?;
            let seq = match known {
                Some(known) => known,
                None => state.meta(partition)?.seq,
            };
            not_being_moved(&state, node, known, days)?;
            let own = totals_at(&state, node, known, days)?;
            for ((sum, amounts), belongs) in sums.iter_mut().zip(own).zip(belongs) {
                if belongs {
                    sum.0.add_all(&amounts, 1);
                    sum.1.add_all(&terms_of(&state, partition, known, &amounts, wanted)?);
                }
            }
            drop(state);
            let position = Position { partition, seq };
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
        Ok((sums, positions))
    }

    /// A node of one partition is itself; a city is its districts of each day, a province its
    /// cities' districts.
    pub(crate) fn parts(
        &self,
        subject: SubjectId,
        days: &[Day],
        known_at: KnownAt,
    ) -> Result<Parts, Error> {
        let live = Live(self.store());
        must_be_known(&live, subject)?;
        if !self.spans_partitions(subject)? {
            let nodes = vec![(subject, vec![true; days.len()])];
            return Ok(Parts { nodes, positions: Vec::new() });
        }
        let root = Partition::ROOT;
        // A position is one partition's own: the tree between cities is then read as it is now.
        let known = match known_at {
            KnownAt::Seq(_) => None,
            other => self.known(root, other)?,
        };
        if matches!(known_at, KnownAt::Seq(_)) {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "POSITION_OF_ONE_PARTITION",
                "context.read_time.known_at_seq",
                "a city or province is read over several partitions: give a moment instead",
            )));
        }
        let seq = known.unwrap_or(live.meta(root)?.seq);
        let mut level = vec![(subject, vec![true; days.len()])];
        let mut nodes = Vec::new();
        while let Some((node, belongs)) = level.pop() {
            for (child, timeline) in tree_children(&live, node, known)? {
                let is_its = timeline.spans(|content| content.references().contains(&node));
                let on = |day: Day| {
                    is_its.iter().any(|(from, until, is)| {
                        *is && *from <= day && until.is_none_or(|until| day < until)
                    })
                };
                let both = days
                    .iter()
                    .zip(&belongs)
                    .map(|(day, belongs)| *belongs && on(*day))
                    .collect::<Vec<_>>();
                if !both.contains(&true) {
                    continue;
                }
                let is_district = timeline
                    .content_at(Day::MAX)
                    .is_some_and(|content| level_of(&content) == Some(Level::District));
                if is_district { nodes.push((child, both)) } else { level.push((child, both)) }
            }
        }
        nodes.sort();
        Ok(Parts { nodes, positions: vec![Position { partition: root, seq }] })
    }

    /// The rows of a total and what each adds. A page folds at most 2 000 subjects and may be
    /// short; all pages together sum to the total of the same read time.
    pub fn explain(
        &self,
        subject: SubjectId,
        measure: Measure,
        of_term: Option<&str>,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<(Page<TotalRow>, Vec<Position>), Error> {
        let day = time.valid_at.unwrap_or_else(|| self.now().day());
        let parts = self.parts(subject, &[day], time.known_at)?;
        let what = Explained { measure, of_term, day };
        let kind = match measure {
            Measure::Compounds => Kind::Compound,
            Measure::Buildings | Measure::LogicalBuildings | Measure::FloorArea => Kind::Building,
            Measure::Units | Measure::UnitArea => Kind::Unit,
            Measure::Communities => Kind::Region,
            Measure::Graded
            | Measure::Coloured
            | Measure::Due
            | Measure::CheckUps
            | Measure::FindingsByClass
            | Measure::FindingsBySeverity
            | Measure::FindingsByStage
            | Measure::FindingsByAge
            | Measure::FindingsOverdue
            | Measure::Indicator => Kind::Building,
        };
        let (skip, after_key) = read_cursor(&page.after);
        let mut positions = parts.positions;
        let mut rows = Vec::new();
        let mut folded = 0;
        for (index, (node, _)) in parts.nodes.iter().enumerate().skip(skip) {
            let partition = node.partition();
            let known = self.known(partition, time.known_at)?;
            let live = Live(self.store());
            if measure.is_termed() {
                not_being_counted(&live, partition, known)?;
            }
            let seq = known.unwrap_or(live.meta(partition)?.seq);
            positions.push(Position { partition, seq });
            let cursor = if index == skip { after_key.clone() } else { Vec::new() };
            let mut prefix = key(partition, Space::Kind);
            prefix.push(kind as u8);
            let mut range = below(prefix);
            if !cursor.is_empty() {
                range = after(range, &cursor);
            }
            let mut done = cursor;
            loop {
                let keys = live.scan(&range, Direction::Up, 256)?;
                let is_end = keys.len() < 256;
                for (found, _) in &keys {
                    if rows.len() >= page.rows || folded >= limit::FOLDS_PER_PAGE_MAX {
                        let next = write_cursor(index, &done);
                        return Ok((Page { rows, next: Some(next) }, positions));
                    }
                    folded += 1;
                    done.clone_from(found);
                    let Some(id) = subject_at_end(found) else { continue };
                    if let Some(row) = Self::row(&live, *node, id, known, what)? {
                        rows.push(row);
                    }
                }
                match keys.last() {
                    Some((last, _)) if !is_end => range = after(range, last),
                    _ => break,
                }
            }
        }
        Ok((Page { rows, next: None }, positions))
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

    /// The regions that have a code of a scheme on a day, or ever when none is given.
    pub fn resolve_code(
        &self,
        scheme: &str,
        code: &str,
        day: Option<Day>,
        partition: Option<Partition>,
        known_at: KnownAt,
    ) -> Result<Vec<CodeMatch>, Error> {
        let partitions = match partition {
            Some(partition) => vec![partition],
            None => self.partitions().into_iter().map(|(partition, _)| partition).collect(),
        };
        let live = Live(self.store());
        let mut found: BTreeMap<(RegionId, Day), CodeMatch> = BTreeMap::new();
        for partition in partitions {
            let known = self.known(partition, known_at)?;
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
        Ok(found.into_values().collect())
    }

    /// What a subject came from and what became of it, followed both ways, at most 1 000 edges.
    pub fn lineage(&self, id: SubjectId, known_at: KnownAt) -> Result<Vec<(Day, Edge)>, Error> {
        let partition = id.partition();
        let known = self.known(partition, known_at)?;
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
        Ok(edges.into_iter().collect())
    }

    /// A case as it stood at a time.
    pub fn case(&self, id: CaseId, known_at: KnownAt) -> Result<(CaseId, Case), Error> {
        let known = self.known(id.partition(), known_at)?;
        let live = Live(self.store());
        let case = case::find(&live, id)?.and_then(|case| as_known(case, known));
        let case = case.ok_or_else(|| Error::refused(Refusal::missing("id", id)))?;
        Ok((id, case))
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

fn must_be_known(state: &dyn State, id: SubjectId) -> Result<(), Error> {
    match state.get(&crate::registry::record::chunk_key(
        &crate::registry::record::record_key(id.partition(), id),
        0,
    ))? {
        Some(_) => Ok(()),
        None => Err(Error::refused(Refusal::missing("subject_id", id))),
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

/// The amounts that are broken down by terms, when they are wanted and not being counted anew.
fn terms_of(
    state: &dyn State,
    partition: Partition,
    known: Option<Seq>,
    amounts: &Amounts,
    wanted: Wanted,
) -> Result<Termed, Error> {
    if wanted == Wanted::Spine {
        return Ok(Termed::default());
    }
    not_being_counted(state, partition, known)?;
    Termed::of(state, partition, amounts)
}

/// Refuses while check-ups are counted anew because of something that was known then.
fn not_being_counted(
    state: &dyn State,
    partition: Partition,
    known: Option<Seq>,
) -> Result<(), Error> {
    match Recount::under_way(state, partition)? {
        Some(recount) if known.is_none_or(|known| recount.opened_by <= known) => {
            Err(recounting(&recount))
        }
        _ => Ok(()),
    }
}

/// The children of a region in partition 0, with their lives.
fn tree_children(
    state: &dyn State,
    node: SubjectId,
    known: Option<Seq>,
) -> Result<Vec<(SubjectId, std::sync::Arc<Timeline>)>, Error> {
    let mut children = Vec::new();
    let mut range = below(subject_key(Partition::ROOT, Space::Child, node));
    loop {
        let keys = state.scan(&range, Direction::Up, 500)?;
        let is_end = keys.len() < 500;
        for (key, _) in &keys {
            let Some(child) = subject_at_end(key) else { continue };
            if let Some(timeline) = timeline_at(state, Partition::ROOT, child, known)? {
                children.push((child, timeline));
            }
        }
        match keys.last() {
            Some((last, _)) if !is_end => range = after(range, last),
            _ => return Ok(children),
        }
    }
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
