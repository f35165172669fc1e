//! When check-ups are due: of one building on any day as known at any moment, and in the order of
//! the due days for what a region holds now.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    domain::{
        checkup::{Coloured, Dossier, Graded, Paper, Span},
        due::{DuePlan, Segment},
        tables::Tables,
        timeline::Presence,
    },
    kernel::{
        id::{BuildingId, Kind, RegionId, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position},
        time::{Day, KnownAt, ReadTime},
    },
    registry::{
        checkup::{self, DueFor, DueRow, Recount, due_prefix, recounting},
        engine::Registry,
        error::{Class, Error, Refusal},
        parts::Stated,
        query::label,
        read::ListOf,
        record::read,
        space::{Space, after, below, subject_at_end, subject_key},
        state::{Durable, Live, State},
    },
    store::{Direction, Key, KeyRange},
};

/// Compounds and communities of one region that a list goes through.
const HOLDERS_MAX: usize = 100_000;
/// Rows read ahead of one holder.
const AHEAD: usize = 16;

/// What is known of a building's check-ups on a day.
#[derive(Clone, Debug)]
pub struct CheckUps {
    /// The building.
    pub building: BuildingId,
    /// Whether it is there on the day.
    pub presence: Presence,
    /// When its check-up is due, by which rule, and what that rests on; `None` where no rule set was
    /// loaded, or there is no such building on the day.
    pub due: Option<Segment>,
    /// Its grades on the day.
    pub grades: Vec<Graded>,
    /// Its colour on the day.
    pub colour: Option<Coloured>,
    /// Its reports up to the day, by the days of the inspections.
    pub papers: Vec<Paper>,
    /// How many of its findings are open on the day.
    pub open_finding_count: u32,
    /// The day.
    pub valid_at: Day,
    /// What it was read at.
    pub position: Position,
}

/// A row of the due list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueListed {
    /// The building.
    pub building: BuildingId,
    /// Its name or address.
    pub label: String,
    /// The day.
    pub day: Day,
    /// What is due on it.
    pub what: DueFor,
}

/// Which days of the due list are asked for, both included.
#[derive(Clone, Copy, Debug)]
pub struct DueDays {
    /// The first; `None`: from what is overdue the longest.
    pub from: Option<Day>,
    /// The last; `None`: to the last that is known.
    pub to: Option<Day>,
    /// Whether buildings that are exempt now, or of which it cannot be said, are listed by the first
    /// day that may be theirs.
    pub with_uncertain: bool,
}

/// A dossier with the tables that it is judged by, and the day and position of the read.
type Looked = (Dossier, std::sync::Arc<Tables>, (Day, Position));

impl Registry {
    /// What is known of a building's check-ups. Refuses (`NOT_FOUND`) what was not known then.
    pub fn check_ups(&self, building: BuildingId, time: ReadTime) -> Result<CheckUps, Error> {
        let (dossier, tables, at) = self.dossier(building, time)?;
        let day = at.0;
        let plan = dossier.due(&tables);
        Ok(on_day(building, &dossier, plan.as_ref(), &tables, day, at.1))
    }

    fn dossier(&self, building: BuildingId, time: ReadTime) -> Result<Looked, Error> {
        let partition = building.partition();
        let at = self.at(partition, time)?;
        let state = Durable::new(self.store())?;
        let seq = at.known.unwrap_or(state.meta(partition)?.seq);
        let found = checkup::look(&state, building, at.known)?;
        let (dossier, tables) = found.ok_or_else(|| {
            Error::refused(Refusal::missing("building_id", SubjectId::from(building)))
        })?;
        Ok((dossier, tables, (at.day, Position { partition, seq })))
    }

    /// The buildings of a region or compound in the order of the days on which they are due,
    /// overdue first, as of now. Refuses `SWEEP_UNDER_WAY` while they are being counted anew.
    pub fn list_due(
        &self,
        holder: SubjectId,
        days: DueDays,
        page: &PageRequest,
    ) -> Result<(Page<DueListed>, Vec<Position>), Error> {
        let today = self.now().day();
        let holders = self.holders(holder, today)?;
        let live = Live(self.store());
        let mut positions: Vec<Position> = Vec::new();
        for (partition, _) in &holders {
            if positions.iter().any(|position| position.partition == *partition) {
                continue;
            }
            if let Some(recount) = Recount::under_way(&live, *partition)? {
                return Err(recounting(&recount));
            }
            let seq = live.meta(*partition)?.seq;
            positions.push(Position { partition: *partition, seq });
        }
        let mut merge = Merge::new(&live, (holder, holders), days, today, &page.after)?;
        let mut rows = Vec::new();
        let mut next = None;
        let mut looked = 0;
        while let Some(found) = merge.next()? {
            if rows.len() >= page.rows || looked >= limit::FOLDS_PER_PAGE_MAX {
                return Ok((Page { rows, next }, positions));
            }
            looked += 1;
            next = Some(found.place.clone());
            let record = live.record(found.building.partition(), found.building.into())?;
            let Some(record) = record else { continue };
            let content = record.timeline.content_at(today);
            let label = content.map(|content| label(&content)).unwrap_or_default();
            rows.push(DueListed {
                building: found.building,
                label,
                day: found.day,
                what: found.row.what,
            });
        }
        Ok((Page { rows, next: None }, positions))
    }

    /// The same for another time, in id order: each building with what is so of it then.
    pub fn list_due_at(
        &self,
        holder: SubjectId,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<Page<CheckUps>, Error> {
        let found = match RegionId::try_from(holder) {
            Ok(_) if holder.partition() == Partition::ROOT => {
                return Err(Error::refused(Refusal::of(
                    Class::Invalid,
                    "POSITION_OF_ONE_PARTITION",
                    "region_id",
                    "of another time the list is of a city or district, or smaller",
                )));
            }
            _ => self.list(ListOf::Below(Kind::Building, holder), time, page)?,
        };
        let mut rows = Vec::new();
        for seen in found.rows {
            if let Ok(building) = BuildingId::try_from(seen.id) {
                rows.push(self.check_ups(building, time)?);
            }
        }
        Ok(Page { rows, next: found.next })
    }

    /// The compounds and communities below a node now, in which buildings are.
    fn holders(&self, node: SubjectId, today: Day) -> Result<Vec<(Partition, SubjectId)>, Error> {
        let live = Live(self.store());
        let mut next = self.nodes_now(node, today)?;
        let mut holders = Vec::new();
        while let Some(holder) = next.pop() {
            let partition = holder.partition();
            holders.push((partition, holder));
            if holders.len() > HOLDERS_MAX {
                return Err(Error::refused(Refusal::rule(
                    "TOO_MANY_CHILDREN",
                    "region_id",
                    format!("it holds more than {HOLDERS_MAX} compounds: name a smaller region"),
                )));
            }
            if holder.kind() != Kind::Region {
                continue;
            }
            for kind in [Kind::Region, Kind::Compound] {
                let mut prefix = subject_key(partition, Space::Child, holder);
                prefix.push(kind as u8);
                children(&live, prefix, holder, today, &mut next)?;
            }
        }
        Ok(holders)
    }

    /// A node, or the districts that are its today.
    fn nodes_now(&self, node: SubjectId, today: Day) -> Result<Vec<SubjectId>, Error> {
        let parts = self.parts(node.into(), &[today], KnownAt::Now, &mut Stated::default())?;
        Ok(parts.into_iter().map(|(node, _)| node).collect())
    }
}

fn children(
    live: &Live<'_>,
    prefix: Key,
    holder: SubjectId,
    today: Day,
    to: &mut Vec<SubjectId>,
) -> Result<(), Error> {
    let mut range = below(prefix);
    loop {
        let keys = live.scan(&range, Direction::Up, 500)?;
        let is_end = keys.len() < 500;
        for (key, _) in &keys {
            let Some(child) = subject_at_end(key) else { continue };
            let Some(record) = live.record(holder.partition(), child)? else { continue };
            let is_in = record
                .timeline
                .content_at(today)
                .is_some_and(|content| content.holders().contains(&holder));
            if is_in {
                to.push(child);
            }
        }
        match keys.last() {
            Some((last, _)) if !is_end => range = after(range, last),
            _ => return Ok(()),
        }
    }
}

fn on_day(
    building: BuildingId,
    dossier: &Dossier,
    plan: Option<&DuePlan>,
    tables: &Tables,
    day: Day,
    position: Position,
) -> CheckUps {
    let holds = |span: Span| span.from <= day && span.until.is_none_or(|until| day < until);
    let presence = dossier.building.presence(day);
    let views = dossier.findings.iter().filter_map(|(_, finding)| finding.view_on(day));
    let open = views.filter(|view| view.stage.is_open()).count();
    let mut papers = dossier.papers.clone();
    papers.retain(|paper| paper.inspected <= day);
    CheckUps {
        building,
        presence,
        due: plan.and_then(|plan| plan.on(day)).cloned(),
        grades: dossier.grades().into_iter().filter(|graded| holds(graded.span)).collect(),
        colour: dossier.colours(tables).into_iter().find(|coloured| holds(coloured.span)),
        papers,
        open_finding_count: u32::try_from(open).unwrap_or(u32::MAX),
        valid_at: day,
        position,
    }
}

/// A row that was found in the list of a holder.
struct Found {
    day: Day,
    building: BuildingId,
    row: DueRow,
    /// Where it stands among all rows: day, building and number.
    place: Vec<u8>,
}

/// The list of one holder.
struct List {
    /// What was not read yet.
    range: KeyRange,
    /// What was, last first.
    ahead: Vec<Found>,
    is_read: bool,
    /// Whether it is the holder that is asked for.
    is_asked: bool,
}

/// The lists of many holders, read side by side.
struct Merge<'l, 's> {
    live: &'l Live<'s>,
    days: DueDays,
    /// The holder asked for, whose own rows count, too.
    asked: SubjectId,
    today: Day,
    lists: Vec<List>,
    /// The first place of each list.
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl<'l, 's> Merge<'l, 's> {
    fn new(
        live: &'l Live<'s>,
        (asked, holders): (SubjectId, Vec<(Partition, SubjectId)>),
        days: DueDays,
        today: Day,
        after_place: &[u8],
    ) -> Result<Self, Error> {
        let mut merge =
            Self { live, days, asked, today, lists: Vec::new(), heads: BinaryHeap::new() };
        for (partition, holder) in holders {
            let prefix = due_prefix(partition, holder);
            let mut range = below(prefix.clone());
            if let Some(from) = days.from {
                range.from = [prefix.as_slice(), &from.to_bytes()].concat();
            }
            if let Some(to) = days.to {
                range.to = [prefix.as_slice(), &to.next().to_bytes()].concat();
            }
            if !after_place.is_empty() {
                let last = [prefix.as_slice(), after_place].concat();
                range = after(range, &last);
            }
            let ahead = Vec::new();
            merge.lists.push(List {
                range,
                ahead,
                is_read: false,
                is_asked: holder == merge.asked,
            });
            merge.head(merge.lists.len() - 1)?;
        }
        Ok(merge)
    }

    /// Puts the first row of a list among the heads, reading on when none is left.
    fn head(&mut self, index: usize) -> Result<(), Error> {
        let Some(list) = self.lists.get_mut(index) else { return Ok(()) };
        let List { range, ahead, is_read, is_asked } = list;
        while ahead.is_empty() && !*is_read {
            let keys = self.live.scan(range, Direction::Up, AHEAD)?;
            *is_read = keys.len() < AHEAD;
            if let Some((last, _)) = keys.last() {
                *range = after(range.clone(), last);
            }
            for (key, value) in keys.iter().rev() {
                let row: DueRow = read(value)?;
                let is_now = row.from <= self.today && row.until.is_none_or(|u| self.today < u);
                let is_wanted = self.days.with_uncertain || row.what == DueFor::CheckUp;
                let is_here = !row.is_local || *is_asked;
                if let Some(found) = found(key, row)
                    && is_now
                    && is_here
                    && is_wanted
                {
                    ahead.push(found);
                }
            }
        }
        if let Some(first) = ahead.last() {
            self.heads.push(Reverse((first.place.clone(), index)));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Found>, Error> {
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(None) };
        let found = self.lists.get_mut(index).and_then(|list| list.ahead.pop());
        self.head(index)?;
        Ok(found)
    }
}

/// Reads the end of a key: day, building, number.
fn found(key: &[u8], row: DueRow) -> Option<Found> {
    const END: usize = 4 + SubjectId::BYTES + 1;
    let place = key.get(key.len().checked_sub(END)?..)?.to_vec();
    let day = Day::from_bytes(place.get(..4)?.try_into().ok()?)?;
    let building = SubjectId::from_slice(place.get(4..4 + SubjectId::BYTES)?)?;
    Some(Found { day, building: building.try_into().ok()?, row, place })
}
