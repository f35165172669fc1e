//! What a subject adds to totals, and how totals flow upward through dated parents.
//!
//! A subject contributes signed amounts to *nodes* (a community, a compound, a building for its
//! units) on valid days; a node passes what lands on it to its parents of that day, and from each
//! later day on which its parent changes the whole sum moves from the old parent to the new. The
//! total of a node on a day is the sum of what landed on it on or before that day.
//!
//! What is imprecise counts twice: as *certain* from the last day it can mean, and as *possible*
//! from the first. Nothing here depends on today: what becomes true on a future day is contributed
//! on that day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        building::{BuildingContent, Structure},
        content::{Content, Fields},
        region::Level,
        timeline::Timeline,
    },
    kernel::{
        id::SubjectId,
        time::{Day, ImpreciseDay},
    },
};

/// What is counted. The numbers are stored; a changed meaning is a new edition and a new number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Measure {
    /// Compounds.
    Compounds = 1,
    /// Physical buildings.
    Buildings = 2,
    /// Logical buildings (逻辑幢), which are parts of physical ones and not counted among them.
    LogicalBuildings = 3,
    /// 建筑面积 of physical buildings in square centimetres; buildings of unknown area add nothing.
    FloorArea = 4,
    /// Units.
    Units = 5,
    /// 建筑面积 of units in square centimetres.
    UnitArea = 6,
    /// Communities (社区).
    Communities = 7,
    /// Buildings by grade: the last accepted one on each ladder.
    Graded = 16,
    /// Buildings by colour.
    Coloured = 17,
    /// Buildings by whether a check-up is due.
    Due = 18,
    /// Accepted check-ups and other reports by kind, each in the month of its inspection.
    CheckUps = 19,
    /// Open findings by class.
    FindingsByClass = 20,
    /// Open findings by what they are by now.
    FindingsBySeverity = 21,
    /// Open findings by the days since their notice.
    FindingsByAge = 23,
    /// Open findings whose deadline passed without a repair, by severity.
    FindingsOverdue = 24,
    /// Distinct buildings with at least one open finding of an indicator of the city check-up.
    Indicator = 25,
    /// Distinct physical buildings that are insured, by product, and by any (`any`).
    InsuredBuildings = 26,
    /// The same by product and part of the building.
    InsuredBuildingsByPart = 27,
    /// Distinct units that are insured, by themselves or by what they are in, by product, and by any.
    InsuredUnits = 28,
    /// The same by product and part of the building.
    InsuredUnitsByPart = 29,
    /// Policies by product and where they stand.
    Policies = 30,
    /// What bound policies answer for at most by their covers that hold on the day, in fen, by product.
    SumInsured = 31,
    /// Premiums of policies from the day on which they were bound, in fen, by payer: all that was
    /// written up to the day.
    Premium = 32,
    /// Claims by product and where they stand.
    ClaimsByStage = 33,
    /// Claims that are not over by product and cause.
    ClaimsByCause = 34,
    /// Claims that are not over by product and the days since their notice.
    ClaimsByAge = 35,
    /// What claims come to by product and stage, in fen: claimed, assessed, … recovered.
    ClaimAmounts = 36,
    /// What was paid for claims less what came back, in fen, by product: what a loss ratio divides.
    Losses = 37,
    /// Premiums as in [`Measure::Premium`] by product: what a loss ratio divides by.
    PremiumByProduct = 38,
    /// Findings by where they stand. Those that have come to an end stay counted when their building
    /// is no more; they did not in the first edition, which was number 22.
    FindingsByStage = 39,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 30] = [
        Self::Compounds,
        Self::Buildings,
        Self::LogicalBuildings,
        Self::FloorArea,
        Self::Units,
        Self::UnitArea,
        Self::Communities,
        Self::Graded,
        Self::Coloured,
        Self::Due,
        Self::CheckUps,
        Self::FindingsByClass,
        Self::FindingsBySeverity,
        Self::FindingsByStage,
        Self::FindingsByAge,
        Self::FindingsOverdue,
        Self::Indicator,
        Self::InsuredBuildings,
        Self::InsuredBuildingsByPart,
        Self::InsuredUnits,
        Self::InsuredUnitsByPart,
        Self::Policies,
        Self::SumInsured,
        Self::Premium,
        Self::ClaimsByStage,
        Self::ClaimsByCause,
        Self::ClaimsByAge,
        Self::ClaimAmounts,
        Self::Losses,
        Self::PremiumByProduct,
    ];

    /// Whether it is broken down by terms, which the reference data name: grades, colours, classes.
    pub const fn is_termed(self) -> bool {
        self as u8 >= Self::Graded as u8
    }

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compounds => "compounds",
            Self::Buildings => "buildings",
            Self::LogicalBuildings => "logical_buildings",
            Self::FloorArea => "floor_area_cm2",
            Self::Units => "units",
            Self::UnitArea => "unit_area_cm2",
            Self::Communities => "communities",
            Self::Graded => "buildings_by_grade",
            Self::Coloured => "buildings_by_colour",
            Self::Due => "buildings_by_due_state",
            Self::CheckUps => "check_ups_of_month",
            Self::FindingsByClass => "open_findings_by_class",
            Self::FindingsBySeverity => "open_findings_by_severity",
            Self::FindingsByStage => "findings_by_stage",
            Self::FindingsByAge => "open_findings_by_notice_age",
            Self::FindingsOverdue => "overdue_findings_by_severity",
            Self::Indicator => "buildings_by_indicator",
            Self::InsuredBuildings => "insured_buildings_by_product",
            Self::InsuredBuildingsByPart => "insured_buildings_by_part",
            Self::InsuredUnits => "insured_units_by_product",
            Self::InsuredUnitsByPart => "insured_units_by_part",
            Self::Policies => "policies_by_state",
            Self::SumInsured => "sum_insured_by_product_fen",
            Self::Premium => "premium_by_payer_fen",
            Self::ClaimsByStage => "claims_by_stage",
            Self::ClaimsByCause => "claims_by_cause",
            Self::ClaimsByAge => "open_claims_by_notice_age",
            Self::ClaimAmounts => "claim_amounts_by_stage_fen",
            Self::Losses => "losses_by_product_fen",
            Self::PremiumByProduct => "premium_by_product_fen",
        }
    }

    /// The measure of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// The edition of its meaning.
    pub const fn edition(self) -> u32 {
        match self {
            Self::FindingsByStage => 2,
            _ => 1,
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| *measure as u32 == number)
    }
}

/// A measure with what it is broken down by, packed into a number that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell(u32);

/// Whether an amount counts as certain, or only makes the difference from certain to possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It is there.
    Certain,
    /// It may be there.
    PossibleOnly,
}

impl Cell {
    /// Amounts that stay where they land: a compound's buildings that belong to another community.
    const LOCAL: u32 = 1;
    const POSSIBLE: u32 = 2;

    /// A measure that is not broken down.
    pub const fn of(measure: Measure) -> Self {
        Self((measure as u32) << 24)
    }

    /// Broken down by the decade of completion and the structure; `None` for unknown.
    pub fn broken_down(
        measure: Measure,
        decade: Option<i16>,
        structure: Option<Structure>,
    ) -> Self {
        let decade = decade.map_or(0, |year| u32::from(year.unsigned_abs()) / 10 + 1);
        let structure = structure.map_or(0, |structure| structure as u32);
        Self((measure as u32) << 24 | structure << 16 | decade << 4)
    }

    /// Broken down by a term, which a number stands for.
    pub fn termed(measure: Measure, term: u16) -> Self {
        Self((measure as u32) << 24 | u32::from(term) << 8)
    }

    /// The number of the term; `None` for what is not broken down by terms.
    pub fn term(self) -> Option<u16> {
        let is_termed = self.measure().is_some_and(Measure::is_termed);
        is_termed.then(|| u16::try_from(self.0 >> 8 & 0xffff).unwrap_or(0))
    }

    /// The stored number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The inverse of [`Cell::number`].
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// What is counted; `None` for a number of another edition.
    pub fn measure(self) -> Option<Measure> {
        Measure::from_number(self.0 >> 24)
    }

    /// The first year of the decade; `None` for unknown.
    pub fn decade(self) -> Option<i16> {
        let decade = self.0 >> 4 & 0xfff;
        decade.checked_sub(1).and_then(|tens| i16::try_from(tens * 10).ok())
    }

    /// The structure; `None` for unknown.
    pub fn structure(self) -> Option<Structure> {
        Structure::from_number(self.0 >> 16 & 0xff)
    }

    /// Whether it is certain.
    pub const fn certainty(self) -> Certainty {
        if self.0 & Self::POSSIBLE == 0 { Certainty::Certain } else { Certainty::PossibleOnly }
    }

    /// Whether it stays where it lands.
    pub const fn is_local(self) -> bool {
        self.0 & Self::LOCAL != 0
    }

    /// The same of what may be there and is not certain.
    #[must_use]
    pub const fn possible_only(self) -> Self {
        Self(self.0 | Self::POSSIBLE)
    }

    const fn local(self) -> Self {
        Self(self.0 | Self::LOCAL)
    }
}

/// Amounts by cell; no amount is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<Cell, i64>);

impl Amounts {
    /// Adds to one cell.
    pub fn add(&mut self, cell: Cell, amount: i64) {
        let sum = self.0.entry(cell).or_insert(0);
        *sum = sum.saturating_add(amount);
        if *sum == 0 {
            self.0.remove(&cell);
        }
    }

    /// Adds all of `other`, `times` over.
    pub fn add_all(&mut self, other: &Self, times: i64) {
        for (cell, amount) in &other.0 {
            self.add(*cell, amount.saturating_mul(times));
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The amounts in the order of the cells.
    pub fn iter(&self) -> impl Iterator<Item = (Cell, i64)> {
        self.0.iter().map(|(cell, amount)| (*cell, *amount))
    }

    /// From stored numbers.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u32, i64)>) -> Self {
        let mut amounts = Self::default();
        for (number, amount) in pairs {
            amounts.add(Cell::from_number(number), amount);
        }
        amounts
    }

    /// What flows on from a node.
    pub fn flowing(&self) -> Self {
        Self(self.0.iter().filter(|(cell, _)| !cell.is_local()).map(|(c, a)| (*c, *a)).collect())
    }

    fn localised(&self) -> Self {
        Self(self.0.iter().map(|(cell, amount)| (cell.local(), *amount)).collect())
    }
}

/// Where amounts land: by node and valid day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landings(BTreeMap<(SubjectId, Day), Amounts>);

impl Landings {
    /// Adds amounts at a node on a day.
    pub fn add(&mut self, node: SubjectId, day: Day, amounts: &Amounts, times: i64) {
        if amounts.is_empty() {
            return;
        }
        let sum = self.0.entry((node, day)).or_default();
        sum.add_all(amounts, times);
        if sum.is_empty() {
            self.0.remove(&(node, day));
        }
    }

    /// Adds what flows to a parent on a day.
    pub fn add_at(&mut self, target: Target, day: Day, amounts: &Amounts) {
        put(&[target], day, amounts, 1, self);
    }

    /// Adds all of `other`, `times` over.
    pub fn add_all(&mut self, other: &Self, times: i64) {
        for ((node, day), amounts) in &other.0 {
            self.add(*node, *day, amounts, times);
        }
    }

    /// Node, day and amounts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SubjectId, Day, &Amounts)> {
        self.0.iter().map(|((node, day), amounts)| (*node, *day, amounts))
    }

    /// Whether nothing lands anywhere.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A parent of a node, and whether what goes there stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The parent.
    pub node: SubjectId,
    /// Whether it is counted there and goes no further.
    pub local: bool,
}

/// The parents of a node over time: each from its day to the next one's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets(Vec<(Day, Vec<Target>)>);

impl Targets {
    /// Where the amounts of the subject itself and of what is in it go.
    pub fn of(timeline: &Timeline) -> Self {
        let spans = timeline.spans(targets_of);
        Self(spans.into_iter().map(|(from, _, targets)| (from, targets)).collect())
    }

    /// The parents on a day.
    pub fn on(&self, day: Day) -> &[Target] {
        let spans = self.0.partition_point(|(from, _)| *from <= day);
        spans.checked_sub(1).and_then(|last| self.0.get(last)).map_or(&[], |(_, on)| on)
    }

    /// The first day on which these are other parents than those; `None` when they never are.
    pub fn differ_from(&self, other: &Self) -> Option<Day> {
        let mut days = self.0.iter().chain(&other.0).map(|(from, _)| *from).collect::<Vec<_>>();
        days.sort_unstable();
        days.into_iter().find(|day| self.on(*day) != other.on(*day))
    }

    /// The days from which the parents are these or those.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        self.0.iter().map(|(from, _)| *from)
    }

    /// Every node that is or was a parent.
    pub fn nodes(&self) -> impl Iterator<Item = SubjectId> {
        self.0.iter().flat_map(|(_, targets)| targets.iter().map(|target| target.node))
    }

    /// Every node that is a parent on a day or later.
    pub fn nodes_from(&self, day: Day) -> impl Iterator<Item = SubjectId> {
        let before = self.0.partition_point(|(from, _)| *from <= day).saturating_sub(1);
        let later = self.0.iter().skip(before);
        later.flat_map(|(_, targets)| targets.iter().map(|target| target.node))
    }

    /// Whether nothing ever flows on.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, targets)| targets.is_empty())
    }

    /// Adds where amounts that land on the node on `day` go, now and whenever the parents change
    /// later.
    pub fn flow(&self, day: Day, amounts: &Amounts, times: i64, to: &mut Landings) {
        let amounts = &amounts.flowing();
        if amounts.is_empty() {
            return;
        }
        put(self.on(day), day, amounts, times, to);
        let later = self.0.partition_point(|(from, _)| *from <= day);
        let mut before = self.on(day);
        for (from, targets) in self.0.iter().skip(later) {
            put(before, *from, amounts, -times, to);
            put(targets, *from, amounts, times, to);
            before = targets;
        }
    }
}

fn put(targets: &[Target], day: Day, amounts: &Amounts, times: i64, to: &mut Landings) {
    for target in targets {
        if target.local {
            to.add(target.node, day, &amounts.localised(), times);
        } else {
            to.add(target.node, day, amounts, times);
        }
    }
}

/// The parents that a content names.
fn targets_of(content: &Content) -> Vec<Target> {
    let flows = |node: SubjectId| Target { node, local: false };
    match &content.fields {
        // What is above the district lies in other partitions and is summed when it is asked for.
        Fields::Region(region) if region.level.is_some_and(|level| level <= Level::District) => {
            Vec::new()
        }
        Fields::Region(region) => {
            region.parent.flatten().map(|id| flows(id.into())).into_iter().collect()
        }
        Fields::Compound(compound) => {
            compound.community.flatten().map(|id| flows(id.into())).into_iter().collect()
        }
        Fields::Building(building) => building_targets(building),
        Fields::Unit(unit) => {
            unit.building.flatten().map(|id| flows(id.into())).into_iter().collect()
        }
        // A policy counts where it is kept, whatever lies where it insures.
        Fields::Policy(policy) => {
            policy.region.flatten().map(|id| flows(id.into())).into_iter().collect()
        }
        // What is said about a building is counted by the building.
        _ => Vec::new(),
    }
}

/// A building belongs to its own community, if it has one, and else to its compound's; its compound
/// counts it in either case.
fn building_targets(building: &BuildingContent) -> Vec<Target> {
    let compound = building.compound.flatten().map(SubjectId::from);
    let community = building.community.flatten().map(SubjectId::from);
    match (compound, community) {
        (Some(compound), Some(community)) => {
            vec![Target { node: compound, local: true }, Target { node: community, local: false }]
        }
        (None, Some(node)) | (Some(node), None) => vec![Target { node, local: false }],
        (None, None) => Vec::new(),
    }
}

/// What a subject of these fields counts as while it is there.
fn worth(content: &Content) -> Amounts {
    let mut amounts = Amounts::default();
    let area = |area: u64| i64::try_from(area).unwrap_or(i64::MAX);
    match &content.fields {
        Fields::Region(region) if region.level == Some(Level::Community) => {
            amounts.add(Cell::of(Measure::Communities), 1);
        }
        Fields::Compound(_) => amounts.add(Cell::of(Measure::Compounds), 1),
        Fields::Building(building) => {
            if building.physical.flatten().is_some() {
                amounts.add(Cell::of(Measure::LogicalBuildings), 1);
                return amounts;
            }
            let decade = building.completed.flatten().and_then(ImpreciseDay::decade);
            let structure = building.structure.flatten();
            amounts.add(Cell::broken_down(Measure::Buildings, decade, structure), 1);
            if let Some(floor) = building.floor_area_cm2.flatten() {
                let cell = Cell::broken_down(Measure::FloorArea, decade, structure);
                amounts.add(cell, area(floor));
            }
        }
        Fields::Unit(unit) => {
            amounts.add(Cell::of(Measure::Units), 1);
            if let Some(unit_area) = unit.area_cm2.flatten() {
                amounts.add(Cell::of(Measure::UnitArea), area(unit_area));
            }
        }
        _ => {}
    }
    amounts
}

/// What a subject contributes where and on which days, all its life.
///
/// A node counts what is in it, not itself: a compound is counted by its community.
pub fn contributions(timeline: &Timeline) -> Landings {
    let mut landings = Landings::default();
    let (Some(possible), Some(certain)) = (timeline.possible_span(), timeline.certain_span())
    else {
        return landings;
    };
    for segment in timeline.segments() {
        let amounts = worth(&segment.content);
        let span = (segment.from, segment.until.unwrap_or(Day::MAX));
        hold(&segment.content, span, certain, possible, &amounts, &mut landings);
    }
    landings
}

/// What amounts that are so on spans of days contribute where the subject counts: as long as it is
/// there, certainly or possibly.
pub fn spread(timeline: &Timeline, parts: &BTreeMap<(Day, Day), Amounts>) -> Landings {
    let there = timeline.certain_span().zip(timeline.possible_span());
    there.map_or_else(Landings::default, |there| spread_on(timeline, parts, there))
}

/// The same of what goes on counting when the subject is no more, where it was last.
pub fn outlasting(timeline: &Timeline, parts: &BTreeMap<(Day, Day), Amounts>) -> Landings {
    let begun = timeline.certain_span().zip(timeline.possible_span());
    begun.map_or_else(Landings::default, |((certain, _), (possible, _))| {
        spread_on(timeline, parts, ((certain, Day::MAX), (possible, Day::MAX)))
    })
}

fn spread_on(
    timeline: &Timeline,
    parts: &BTreeMap<(Day, Day), Amounts>,
    (certain, possible): ((Day, Day), (Day, Day)),
) -> Landings {
    let mut landings = Landings::default();
    for segment in timeline.segments() {
        let until = segment.until.unwrap_or(Day::MAX);
        for ((first, beyond), amounts) in parts {
            let span = ((*first).max(segment.from), (*beyond).min(until));
            hold(&segment.content, span, certain, possible, amounts, &mut landings);
        }
    }
    landings
}

/// Lets amounts stand at the parents that a content names, on those days of a span on which the
/// subject is, or may be, there.
fn hold(
    content: &Content,
    span: (Day, Day),
    certain: (Day, Day),
    possible: (Day, Day),
    amounts: &Amounts,
    landings: &mut Landings,
) {
    let targets = targets_of(content);
    if targets.is_empty() || amounts.is_empty() {
        return;
    }
    let clip = |(first, beyond): (Day, Day)| (first.max(span.0), beyond.min(span.1));
    let mut stand = |(first, beyond): (Day, Day), amounts: &Amounts, times: i64| {
        if first < beyond {
            put(&targets, first, amounts, times, landings);
            if beyond < Day::MAX {
                put(&targets, beyond, amounts, -times, landings);
            }
        }
    };
    stand(clip(certain), amounts, 1);
    let mut only = Amounts::default();
    for (cell, amount) in amounts.iter() {
        // What is possible only already is one with what is certain of it.
        only.add(cell.possible_only(), amount);
    }
    stand(clip(possible), &only, 1);
    // Possible, but certain already: that is no difference.
    if certain.0 < certain.1 {
        stand(clip(certain), &only, -1);
    }
}
