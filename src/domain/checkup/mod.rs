//! The check-ups of one building, put together: what was reported and found, when the next is due,
//! and what of it counts where.
//!
//! A [`Dossier`] is all that is known of a building and said about it at some position. What follows
//! from it holds for every day of the building's life at once; nothing here asks what day it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        content::{Content, Fields},
        cycle::{self, CycleRuleSet},
        due::{self, Building, DueAnswer, DuePlan, Life, Steps},
        finding::{Finding, Stage, View, ageing::Aged, catalogue::Catalogue},
        grade::{Derived, Grade, Scale, Scope},
        report::{ReportKind, State},
        tables::Tables,
        timeline::Timeline,
    },
    kernel::{
        id::{BuildingId, FindingId, RegionId, ReportId},
        time::{Day, ImpreciseDay},
    },
};

mod counted;
#[cfg(test)]
mod tests;

pub use counted::{Count, bucket_word, counts, joined, landings};

/// A report as the dossier has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Which.
    pub id: ReportId,
    /// Of what kind.
    pub kind: ReportKind,
    /// The day of the inspection.
    pub inspected: Day,
    /// What it gives.
    pub grades: Vec<Grade>,
    /// Whether it asks for an appraisal.
    pub triggers_appraisal: bool,
    /// Where it stands, by all that is known.
    pub state: State,
    /// Whether, as is known now, whoever signed it was not entitled to.
    pub is_in_doubt: bool,
}

impl Paper {
    /// Whether it was accepted and nothing has taken its place.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// Whether cycle rules may count from it: accepted, and in nobody's doubt.
    pub const fn counts(&self) -> bool {
        self.is_accepted() && !self.is_in_doubt
    }
}

/// The regions that a building lies in, nearest first, for each span of days.
pub type Places = Steps<Vec<RegionId>>;

/// All that is known of a building and what was said about it.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// Its life.
    pub building: Arc<Timeline>,
    /// Its reports, by the days of the inspections.
    pub papers: Vec<Paper>,
    /// Its findings, each joined with those that turned out to be the same.
    pub findings: Vec<(FindingId, Finding)>,
    /// Where it lies.
    pub places: Places,
}

/// A span of days on which something is so: from the first to the day before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first day.
    pub from: Day,
    /// The first day beyond it; `None` for all days to come.
    pub until: Option<Day>,
}

impl Span {
    /// All days.
    pub const ALWAYS: Self = Self { from: Day::MIN, until: None };

    /// From a day to the day before another; [`Day::MAX`] stands for no end. `None` when that is
    /// empty.
    pub fn between(from: Day, beyond: Day) -> Option<Self> {
        let until = (beyond < Day::MAX).then_some(beyond);
        until.is_none_or(|until| from < until).then_some(Self { from, until })
    }

    /// Whether a day lies in it.
    pub fn contains(self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day < until)
    }

    /// The part that lies in another; `None` when that is empty.
    pub fn within(self, other: Self) -> Option<Self> {
        let until = match (self.until, other.until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let from = self.from.max(other.from);
        until.is_none_or(|until| from < until).then_some(Self { from, until })
    }
}

/// The grade of a building on one ladder from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graded {
    /// On which days.
    pub span: Span,
    /// The grade.
    pub grade: Grade,
    /// The report that gives it.
    pub report: ReportId,
    /// Of what kind that is.
    pub kind: ReportKind,
    /// Whether that report is in doubt.
    pub is_in_doubt: bool,
}

/// The colour of a building on a span of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coloured {
    /// On which days.
    pub span: Span,
    /// The colour, with the grade that it follows from.
    pub colour: Derived,
    /// The report that gives that grade.
    pub report: ReportId,
    /// Whether that report is in doubt.
    pub is_in_doubt: bool,
}

/// A finding on a span of days on which nothing of it changes, by itself or otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// On which days.
    pub span: Span,
    /// The finding as it was said to be.
    pub view: View,
    /// What days have made of it.
    pub aged: Aged,
}

/// An open notice on a span of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// On which days it is open.
    pub span: Span,
    /// The finding.
    pub finding: FindingId,
    /// The day from which its age counts.
    pub served_on: Day,
}

impl Dossier {
    /// The days on which the building can be there; `None` when it never was, or is a part of
    /// another, whose check-ups count for it.
    pub fn life(&self) -> Option<Span> {
        let (from, gone) = self.building.possible_span()?;
        let until = (gone < Day::MAX).then_some(gone);
        (self.part_of().is_none() && until.is_none_or(|until| from < until))
            .then_some(Span { from, until })
    }

    /// The building that it is a part of.
    pub fn part_of(&self) -> Option<BuildingId> {
        match self.building.content_at(Day::MAX)?.fields {
            Fields::Building(fields) => fields.physical.flatten(),
            _ => None,
        }
    }

    /// When its check-ups are due, on every day of its life; `None` where no rule set was ever
    /// loaded, and for what is no building of its own.
    pub fn due(&self, tables: &Tables) -> Option<DuePlan> {
        if !tables.has_cycles() {
            return None;
        }
        let span = self.life()?;
        let reports = self.papers.iter().filter(|paper| paper.counts()).map(|paper| due::Report {
            inspected: paper.inspected,
            kind: paper.kind,
            grades: grades_by_ladder(&paper.grades),
        });
        let life = Life {
            from: span.from,
            until: span.until,
            building: building_steps(&self.building),
            sets: self.sets(tables),
            reports: reports.collect(),
            open_finding_count: self.open_finding_count(),
        };
        Some(due::plan(&life))
    }

    /// The rule set that is in force for it on a day.
    pub fn set_on<'t>(&self, tables: &'t Tables, day: Day) -> Option<&'t CycleRuleSet> {
        cycle::in_force(self.sets(tables).on(day)?, day)
    }

    /// The rule sets that are made for where it lies, the nearest first.
    fn sets<'t>(&self, tables: &'t Tables) -> Steps<Vec<&'t CycleRuleSet>> {
        let mut steps = Steps::always(Vec::new());
        for day in self.places.days().collect::<Vec<_>>() {
            let regions = self.places.on(day).map_or(&[][..], Vec::as_slice);
            let sets = regions.iter().flat_map(|region| {
                tables.cycles().filter(move |(at, _)| at == region).map(|(_, set)| set)
            });
            steps.set(day, sets.collect());
        }
        steps
    }

    /// How many findings are open on which days.
    fn open_finding_count(&self) -> Steps<u32> {
        let mut changes: BTreeMap<Day, i64> = BTreeMap::new();
        for (_, finding) in &self.findings {
            for (span, view) in views(finding) {
                if view.stage.is_open() {
                    *changes.entry(span.from).or_default() += 1;
                    if let Some(until) = span.until {
                        *changes.entry(until).or_default() -= 1;
                    }
                }
            }
        }
        let mut steps = Steps::always(0);
        let mut count = 0_i64;
        for (day, change) in changes {
            count += change;
            if change != 0 {
                steps.set(day, u32::try_from(count).unwrap_or(0));
            }
        }
        steps
    }

    /// Its grades: on each ladder of whole buildings the one of the last inspection, as far as
    /// reports were accepted. One that is in doubt is shown, and shown as that.
    pub fn grades(&self) -> Vec<Graded> {
        self.last_grades(|_, _| true)
    }

    /// The same, where a grade ends only what it may end, by the kinds of both reports.
    fn last_grades(&self, may_end: impl Fn(ReportKind, ReportKind) -> bool) -> Vec<Graded> {
        let mut graded: Vec<Graded> = Vec::new();
        for paper in self.papers.iter().filter(|paper| paper.is_accepted()) {
            for grade in paper.grades.iter().filter(|grade| is_of_building(grade)) {
                let is_same = |known: &&mut Graded| {
                    known.span.until.is_none()
                        && known.grade.ladder == grade.ladder
                        && may_end(known.kind, paper.kind)
                };
                if let Some(known) = graded.iter_mut().rfind(is_same) {
                    known.span.until = Some(paper.inspected);
                }
                graded.push(Graded {
                    span: Span { from: paper.inspected, until: None },
                    grade: grade.clone(),
                    report: paper.id,
                    kind: paper.kind,
                    is_in_doubt: paper.is_in_doubt,
                });
            }
        }
        graded.retain(|graded| graded.span.until.is_none_or(|until| graded.span.from < until));
        graded
    }

    /// Its colours: on each day the worst that the mapping of the day gives to the grades of the
    /// last accepted report which it gives any. What an appraisal (鉴定) says, only another one makes
    /// better: of a report of another kind after it the worse of both counts. What no row maps has
    /// no colour.
    pub fn colours(&self, tables: &Tables) -> Vec<Coloured> {
        let is_appraisal = |kind| kind == ReportKind::Appraisal;
        let graded = self.last_grades(|one, other| is_appraisal(one) == is_appraisal(other));
        let mut days = graded
            .iter()
            .flat_map(|graded| [Some(graded.span.from), graded.span.until])
            .flatten()
            .chain(tables.colour_turns())
            .collect::<BTreeSet<_>>();
        let Some(first) = graded.iter().map(|graded| graded.span.from).min() else {
            return Vec::new();
        };
        days.retain(|day| first <= *day);
        days.insert(first);
        let days = days.into_iter().collect::<Vec<_>>();
        let mut coloured: Vec<Coloured> = Vec::new();
        for (index, from) in days.iter().enumerate() {
            let span = Span { from: *from, until: days.get(index + 1).copied() };
            let Some((colour, by)) = colour_on(&graded, tables, *from) else { continue };
            let (report, is_in_doubt) = (by.report, by.is_in_doubt);
            match coloured.last_mut() {
                Some(last)
                    if last.span.until == Some(*from)
                        && last.colour == colour
                        && last.report == report =>
                {
                    last.span.until = span.until;
                }
                _ => coloured.push(Coloured { span, colour, report, is_in_doubt }),
            }
        }
        coloured
    }

    /// The open notices of its findings, each as long as it is open. Of a finding whose class no
    /// catalogue knows there is no age.
    pub fn notices(&self, tables: &Tables) -> Vec<Notice> {
        let mut notices: Vec<Notice> = Vec::new();
        for (id, finding) in &self.findings {
            for (span, view) in counted_views(finding) {
                let is_aging =
                    view.stage.is_open() && tables.findings_on(view.first_observed).is_some();
                let Some(served_on) = view.notified_on.filter(|_| is_aging) else { continue };
                match notices.last_mut() {
                    Some(last)
                        if last.finding == *id
                            && last.served_on == served_on
                            && last.span.until == Some(span.from) =>
                    {
                        last.span.until = span.until;
                    }
                    _ => notices.push(Notice { span, finding: *id, served_on }),
                }
            }
        }
        notices
    }

    /// A finding, stretch by stretch, as long as it counts in the building. Of one whose class no catalogue knows, the days make nothing.
    pub fn stretches(
        &self,
        finding: &Finding,
        plan: Option<&DuePlan>,
        tables: &Tables,
    ) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        for (span, view) in counted_views(finding) {
            let Some(catalogue) = tables.findings_on(view.first_observed) else { continue };
            let next = next_for(finding, plan, view.open_since);
            cut(span, &view, next, catalogue, &mut stretches);
        }
        stretches
    }

    /// The days on which a finding counts by how it ended, whether its building is still there or not:
    /// in the building in which it counted when it ended, of those that its own became.
    pub fn ended(&self, finding: &Finding, tables: &Tables) -> Vec<(Span, Stage)> {
        let (Some(life), mut ended) = (self.life(), Vec::new()) else { return Vec::new() };
        let mut is_here = None;
        for (span, view) in lasting_views(finding) {
            if view.stage.is_open() {
                is_here = None;
                continue;
            }
            let is_here = *is_here.get_or_insert_with(|| ended_in(finding, life, span.from));
            if is_here && tables.findings_on(view.first_observed).is_some() {
                ended.push((span, view.stage));
            }
        }
        ended
    }
}

/// Whether what ended on a day counted in a building with this life then, or last of all.
fn ended_in(finding: &Finding, life: Span, day: Day) -> bool {
    let Some(from) = finding.stay().counts_from else { return false };
    let day = day.max(life.from);
    match finding.ends_on().filter(|gone| *gone <= day) {
        Some(gone) => life.until == Some(gone) && from < gone,
        None => life.contains(day) && from <= day,
    }
}

/// What a view becomes by the passing of the days of a span.
fn cut(
    span: Span,
    view: &View,
    next_check_up: Option<Day>,
    catalogue: &Catalogue,
    to: &mut Vec<Stretch>,
) {
    let mut days = view.turns(next_check_up, catalogue);
    days.retain(|day| span.from < *day && span.until.is_none_or(|until| *day < until));
    days.insert(span.from);
    let days = days.into_iter().collect::<Vec<_>>();
    for (index, from) in days.iter().enumerate() {
        let span = Span { from: *from, until: days.get(index + 1).copied().or(span.until) };
        let aged = view.aged(*from, next_check_up, catalogue);
        to.push(Stretch { span, view: view.clone(), aged });
    }
}

/// The day on which the cycle that follows an observation is due: the first due day after it, as
/// the rules say from the day of the observation on. A check-up that is done in time and finds the
/// defect still there does not move it. Where only a later rule says that the day had passed, it is
/// the first of that rule: no rule makes anything worse on days before its own.
pub fn next_check_up(plan: &DuePlan, observed: Day) -> Option<Day> {
    let segments = plan.segments();
    let first = segments.partition_point(|segment| segment.from <= observed).saturating_sub(1);
    segments.iter().skip(first).find_map(|segment| match segment.answer {
        DueAnswer::Due { on } if on > observed => Some(on.max(segment.from)),
        _ => None,
    })
}

/// The same for a finding in the building that it stands in: its own was checked, or due, before it
/// became this one. What was opened anew in this one has to do with this one alone.
pub fn next_for(finding: &Finding, plan: Option<&DuePlan>, observed: Day) -> Option<Day> {
    let stay = finding.stay();
    let came_open = stay.from.is_none_or(|from| observed < from);
    let before = stay.next_check_up.filter(|_| came_open);
    before.or_else(|| next_check_up(plan?, observed))
}

/// The same as long as it counts in the building.
fn counted_views(finding: &Finding) -> Vec<(Span, View)> {
    let Some(from) = finding.stay().counts_from else { return Vec::new() };
    let counts = Span { from, until: None };
    let views = views(finding).into_iter();
    views.filter_map(|(span, view)| Some((span.within(counts)?, view))).collect()
}

/// A finding as it was said to be, span by span, as long as it stands in the building.
fn views(finding: &Finding) -> Vec<(Span, View)> {
    let stay = finding.stay();
    let days = finding.events().map(|event| event.on).chain(finding.ends_on());
    let mut days = days.chain(stay.from).collect::<BTreeSet<_>>();
    days.retain(|day| stay.holds(*day));
    let days = days.into_iter().collect::<Vec<_>>();
    let mut views = Vec::new();
    for (index, from) in days.iter().enumerate() {
        if let Some(view) = finding.view_on(*from) {
            let until = days.get(index + 1).copied().or(stay.until);
            views.push((Span { from: *from, until }, view));
        }
    }
    views
}

/// The same, where what ended before the building became another stays with it for ever.
fn lasting_views(finding: &Finding) -> Vec<(Span, View)> {
    let mut views = views(finding);
    if let (Some(until), Some((last, view))) = (finding.stay().until, views.last_mut())
        && !view.stage.is_open()
        && finding.events().all(|event| event.on < until)
    {
        last.until = None;
    }
    views
}

/// Whether a grade is one of the whole building.
fn is_of_building(grade: &Grade) -> bool {
    matches!(grade.ladder.scope, Scope::Building | Scope::AppraisalUnit)
        && grade.ladder.scale != Scale::Colour
}

/// The grades of a building as cycle rules name them.
fn grades_by_ladder(grades: &[Grade]) -> BTreeMap<String, String> {
    let of_building = grades.iter().filter(|grade| is_of_building(grade));
    of_building.map(|grade| (grade.ladder.code(), grade.value.clone())).collect()
}

/// The building as the rules ask for it, span by span.
fn building_steps(timeline: &Timeline) -> Steps<Building> {
    let mut steps: Option<Steps<Building>> = None;
    for segment in timeline.segments() {
        let building = building_of(&segment.content);
        match &mut steps {
            None => steps = Some(Steps::always(building)),
            Some(steps) => steps.set(segment.from, building),
        }
    }
    steps.unwrap_or_else(|| {
        Steps::always(building_of(&Content::empty(crate::kernel::id::Kind::Building)))
    })
}

fn building_of(content: &Content) -> Building {
    match &content.fields {
        Fields::Building(fields) => Building {
            completed: fields.completed.flatten().unwrap_or(ImpreciseDay::UNKNOWN),
            design_life_years: fields.design_life_years.flatten(),
            building_use: fields.building_use.flatten(),
            structure: fields.structure.flatten(),
            storeys_above: fields.storeys_above.flatten(),
            height_cm: fields.height_cm.flatten(),
        },
        _ => Building {
            completed: ImpreciseDay::UNKNOWN,
            design_life_years: None,
            building_use: None,
            structure: None,
            storeys_above: None,
            height_cm: None,
        },
    }
}

/// The colour on a day: the worst of those of the last appraisal that has any, and of the last report
/// of another kind that has any and came after it.
fn colour_on<'g>(graded: &'g [Graded], tables: &Tables, day: Day) -> Option<(Derived, &'g Graded)> {
    let mapping = tables.colours_on(day)?;
    let scales = tables.grades_on(day)?;
    let holds = |span: Span| span.from <= day && span.until.is_none_or(|until| day < until);
    let on_day = graded.iter().filter(|graded| holds(graded.span));
    let coloured = on_day.filter_map(|graded| Some((mapping.colour(&graded.grade).ok()?, graded)));
    let coloured = coloured.collect::<Vec<_>>();
    let is_appraisal = |by: &Graded| by.kind == ReportKind::Appraisal;
    let last = |is: bool| {
        let of_kind = coloured.iter().filter(|(_, by)| is_appraisal(by) == is);
        of_kind.map(|(_, by)| by.span.from).max()
    };
    let (appraised, other) = (last(true), last(false).filter(|day| last(true) < Some(*day)));
    let counts = coloured.into_iter().filter(|(_, by)| {
        let last = if is_appraisal(by) { appraised } else { other };
        last == Some(by.span.from)
    });
    counts.max_by(|(one, _), (other, _)| {
        scales.compare(&one.colour, &other.colour).unwrap_or(std::cmp::Ordering::Equal)
    })
}
