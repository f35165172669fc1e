//! When check-ups are due: of one building on any day as known at any moment, and in the order of
//! the due days for what a region holds now.

use crate::{
    domain::{
        checkup::{Coloured, Dossier, Graded, Paper, Span},
        cycle::{CycleRuleSet, Outcome, Payment},
        due::{DuePlan, Segment},
        tables::Tables,
        timeline::Presence,
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position},
        time::{Day, ImpreciseDay, KnownAt, ReadTime},
    },
    registry::{
        checkup::{self, DueFor, DueRow, due_prefix},
        engine::Registry,
        error::{Error, Refusal},
        merged::Merged,
        notices::not_being_counted,
        parts::Stated,
        query::label,
        record::read,
        space::child_prefix,
        state::{Durable, Live, State},
        subjects::Subjects,
    },
    store::Key,
};

/// Compounds and communities of one region that a list goes through.
const HOLDERS_MAX: usize = 100_000;

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
    /// The first day on which it is no more, as it was said; `None` while it lives.
    pub ended: Option<ImpreciseDay>,
    /// The building that it is a part of, whose check-ups are made for it.
    pub part_of: Option<BuildingId>,
    /// Who pays by the rules that the answer comes from, each with its code.
    pub payments: Vec<(String, Payment)>,
    /// What the rule set says of itself.
    pub notes: Vec<String>,
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
        not_being_counted(&live, holder, &holders, today)?;
        let mut positions: Vec<Position> = Vec::new();
        for (partition, _) in &holders {
            if positions.iter().any(|position| position.partition == *partition) {
                continue;
            }
            let seq = live.meta(*partition)?.seq;
            positions.push(Position { partition: *partition, seq });
        }
        let is_wanted = |value: &[u8], is_asked: bool| {
            let row: DueRow = read(value)?;
            let is_now = row.from <= today && row.until.is_none_or(|until| today < until);
            let is_due = days.with_uncertain || row.what == DueFor::CheckUp;
            Ok(is_now && is_due && (!row.is_local || is_asked))
        };
        let mut lists = Merged::new(&live, &is_wanted);
        for (partition, below) in holders {
            let prefix = due_prefix(partition, below);
            lists.add(&prefix, (days.from, days.to), &page.after, below == holder)?;
        }
        let mut rows = Vec::new();
        let mut next = None;
        let mut looked = 0;
        while let Some(found) = lists.next()? {
            if rows.len() >= page.rows || looked >= limit::FOLDS_PER_PAGE_MAX {
                return Ok((Page { rows, next }, positions));
            }
            looked += 1;
            next = Some(found.place.clone());
            let Some((day, building)) = place_of(&found.place) else { continue };
            let record = live.record(building.partition(), building.into())?;
            let Some(record) = record else { continue };
            let what = read::<DueRow>(&found.value)?.what;
            let content = record.timeline.content_at(today);
            let label = content.map(|content| label(&content)).unwrap_or_default();
            rows.push(DueListed { building, label, day, what });
        }
        Ok((Page { rows, next: None }, positions))
    }

    /// The same for another time, partition by partition in id order: each building with what is so
    /// of it then. A page looks at 2 000 buildings at most and may be short.
    pub fn list_due_at(
        &self,
        holder: SubjectId,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<(Page<CheckUps>, Vec<Position>), Error> {
        let mut stated = Stated::default();
        let nodes = self.nodes_then(holder, time, &mut stated)?;
        let found = self.list_within(Kind::Building, &nodes, page, &|_| true)?;
        let mut rows = Vec::new();
        for seen in found.rows {
            if let Ok(building) = BuildingId::try_from(seen.id) {
                rows.push(self.check_ups(building, time)?);
            }
        }
        Ok((Page { rows, next: found.next }, stated.positions()))
    }

    /// The compounds and communities below a node now, in which buildings are.
    pub(crate) fn holders(
        &self,
        node: SubjectId,
        today: Day,
    ) -> Result<Vec<(Partition, SubjectId)>, Error> {
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
                let prefix = child_prefix(partition, holder, kind);
                children(&live, prefix, holder, today, &mut next)?;
            }
        }
        Ok(holders)
    }

    /// A node, or the districts that are its today.
    fn nodes_now(&self, node: SubjectId, today: Day) -> Result<Vec<SubjectId>, Error> {
        let stated = &mut Stated::default();
        let parts = self.nodes_of(node.into(), &[today], KnownAt::Now, stated)?;
        Ok(parts.districts.into_iter().map(|(node, _)| node).collect())
    }
}

fn children(
    live: &Live<'_>,
    prefix: Key,
    holder: SubjectId,
    today: Day,
    to: &mut Vec<SubjectId>,
) -> Result<(), Error> {
    let mut subjects = Subjects::below(prefix);
    while let Some(child) = subjects.next(live)? {
        let Some(record) = live.record(holder.partition(), child)? else { continue };
        let is_in = record
            .timeline
            .content_at(today)
            .is_some_and(|content| content.holders().contains(&holder));
        if is_in {
            to.push(child);
        }
    }
    Ok(())
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
    let here = dossier.findings.iter().filter(|(_, finding)| finding.stay().holds(day));
    let views = here.filter_map(|(_, finding)| finding.view_on(day));
    let open = views.filter(|view| view.stage.is_open()).count();
    let mut papers = dossier.papers.clone();
    papers.retain(|paper| paper.inspected <= day);
    let due = plan.and_then(|plan| plan.on(day)).cloned();
    let set = due.as_ref().and_then(|_| dossier.set_on(tables, day));
    CheckUps {
        building,
        presence,
        ended: dossier.building.end().map(|end| end.day),
        part_of: dossier.part_of(),
        payments: payments(set, due.as_ref()),
        notes: set.map(|set| set.edition.notes.clone()).unwrap_or_default(),
        due,
        grades: dossier.grades().into_iter().filter(|graded| holds(graded.span)).collect(),
        colour: dossier.colours(tables).into_iter().find(|coloured| holds(coloured.span)),
        papers,
        open_finding_count: u32::try_from(open).unwrap_or(u32::MAX),
        valid_at: day,
        position,
    }
}

/// Who pays by the rules of an answer, as far as they say.
fn payments(set: Option<&CycleRuleSet>, due: Option<&Segment>) -> Vec<(String, Payment)> {
    let (Some(set), Some(due)) = (set, due) else { return Vec::new() };
    let its = set.rules.iter().filter(|rule| due.basis.rules.contains(&rule.code));
    let paid = its.filter_map(|rule| match &rule.outcome {
        Outcome::Every(cycle) => Some((rule.code.clone(), cycle.payment?)),
        Outcome::Exempt => None,
    });
    paid.collect()
}

/// Reads a place of the due list: day, building, number.
fn place_of(place: &[u8]) -> Option<(Day, BuildingId)> {
    let day = Day::from_bytes(place.get(..4)?.try_into().ok()?)?;
    let building = SubjectId::from_slice(place.get(4..4 + SubjectId::BYTES)?)?;
    Some((day, building.try_into().ok()?))
}
