//! Findings: one defect, the observations of all who saw it, and its way to an end.
//!
//! open → notified → planned → under repair → reported fixed → verified → closed; steps before
//! "reported fixed" may be left out, none may be taken back but by a failed verification, or when it is
//! seen again. A finding
//! ends closed after a party other than the repairer has verified the repair, or as object gone, or
//! waived with a reason; there is no other end. That the object is gone says somebody else than who was
//! to repair it, and why. With its building its object is gone, whether that was said of it or not: a
//! report of before may come in after the demolition. Watching, emergency measures and inclusion in a
//! renovation project go beside and stop no deadline.
//!
//! A building that became another, or several, took its defects along: what is open stays open under
//! its number and stands in what the building became from that day on. Of several parts it may be in
//! any, and stands in each of them, until it is seen in one; it counts in one alone, the largest that
//! is there.
//!
//! What a report observes counts from the day on which it was seen, once the report is submitted:
//! a draft is its writer's own, and what was signed is not yet said to anybody. A report that is
//! returned or superseded was submitted, and the danger it told of does not go away by that.
//!
//! What holds on a day is folded from the events up to it in the order of valid day, second, the
//! caller's key, and entry, whatever the order of their arrival. Folding never fails: an event that
//! does not fit where a late paper has put it is kept, changes nothing, and is shown as out of
//! place. Nothing that passing days change is kept: see `ageing`.

pub mod ageing;
pub mod catalogue;
mod content;
mod deadline;
#[cfg(test)]
mod life_test;
mod saying;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        author::Author,
        finding::catalogue::{Catalogue, UnknownClass},
        report::{self, check_observed},
        timeline::Presence,
    },
    kernel::{
        id::{BuildingId, FindingId, ReportId},
        limit::TEXT_CHARS_MAX,
        position::Seq,
        time::Day,
    },
};

pub use content::{FindingContent, Told, of_timeline};
pub use saying::{Measure, Observation, PartyKey, Place, Saying, Source};
pub use view::View;

/// The entry that says something, and which of its items: a report brings many findings at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId {
    /// The entry.
    pub seq: Seq,
    /// The item in it.
    pub item: u16,
}

/// A saying with who said it and what orders it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where it is said.
    pub id: EventId,
    /// The valid day.
    pub on: Day,
    /// The caller's time on that day, in seconds.
    pub second: Option<u32>,
    /// The caller's key that orders what is of the same day and time.
    pub key: Vec<u8>,
    /// Who says so.
    pub by: Author,
    /// The event in whose place it stands.
    pub corrects: Option<EventId>,
    /// What is said.
    pub saying: Saying,
}

/// Where a finding stands. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Stage {
    /// 待处理
    Open = 1,
    /// 已通知
    Notified = 2,
    /// 已有方案
    Planned = 3,
    /// 整改中
    UnderRepair = 4,
    /// 报称完成
    ReportedFixed = 5,
    /// 已核验
    Verified = 6,
    /// 已销号
    Closed = 7,
    /// 标的灭失
    ObjectGone = 8,
    /// 免于整改
    Waived = 9,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Notified,
        Self::Planned,
        Self::UnderRepair,
        Self::ReportedFixed,
        Self::Verified,
        Self::Closed,
        Self::ObjectGone,
        Self::Waived,
    ];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Notified => "notified",
            Self::Planned => "planned",
            Self::UnderRepair => "under_repair",
            Self::ReportedFixed => "reported_fixed",
            Self::Verified => "verified",
            Self::Closed => "closed",
            Self::ObjectGone => "object_gone",
            Self::Waived => "waived",
        }
    }

    /// The stage with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| *stage as u32 == number)
    }

    /// Whether it has not come to an end.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Closed | Self::ObjectGone | Self::Waived)
    }

    /// Whether it is known that nobody has yet repaired it.
    pub const fn awaits_repair(self) -> bool {
        matches!(self, Self::Open | Self::Notified | Self::Planned | Self::UnderRepair)
    }
}

/// Why something is not said of a finding, in the order in which the rules are asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is a finding of another building.
    #[error("the finding is of another building")]
    OtherBuilding,
    /// The day is to come, or the building was not there.
    #[error(transparent)]
    Day(#[from] report::Refusal),
    /// The catalogue does not have the class.
    #[error(transparent)]
    Class(#[from] UnknownClass),
    /// It should say why.
    #[error("this says why, in 1 to {TEXT_CHARS_MAX} characters")]
    ReasonMissing,
    /// A deadline before the notice.
    #[error("the deadline {0} is over before it is set")]
    DeadlineOver(Day),
    /// It corrects what is not said of this finding.
    #[error("no such entry of this finding stands")]
    NothingToCorrect,
    /// Nobody has seen it by that day.
    #[error("nobody had seen it by that day")]
    NotObserved,
    /// It was seen for a report that nobody has submitted.
    #[error("it stands in a report that is not submitted, and does not count until it is")]
    ReportNotSubmitted,
    /// The step does not lead on from where the finding stands.
    #[error("a finding that is {} has no such step", .0.word())]
    NoSuchStep(Stage),
    /// What came to its end is not joined with anything.
    #[error(
        "a finding that is {} is not joined with another: it is reopened first, its end taken back, or \
         the other stays one of its own",
        .0.word()
    )]
    Ended(Stage),
    /// The repairer verifies their own repair.
    #[error("a repair is verified by another party than the repairer, and by another person")]
    VerifierRepaired,
    /// The repairer says that there is nothing left to repair.
    #[error(
        "that its object is gone is said by another party than the repairer, and another person"
    )]
    GoneByRepairer,
}

impl Refusal {
    /// The stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::OtherBuilding => "FINDING_OTHER_BUILDING",
            Self::Day(refusal) => refusal.reason(),
            Self::Class(refusal) => refusal.reason(),
            Self::ReasonMissing => "REASON_MISSING",
            Self::DeadlineOver(_) => "DEADLINE_OVER",
            Self::NothingToCorrect => "ENTRY_NOT_FOUND",
            Self::NotObserved => "FINDING_NOT_OBSERVED",
            Self::ReportNotSubmitted => "REPORT_NOT_SUBMITTED",
            Self::NoSuchStep(_) => "FINDING_STATE",
            Self::Ended(_) => "FINDING_ENDED",
            Self::VerifierRepaired => "VERIFIER_REPAIRED",
            Self::GoneByRepairer => "GONE_BY_REPAIRER",
        }
    }
}

/// All that was said of one finding, under every number that it was reported by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    building: BuildingId,
    numbers: BTreeSet<FindingId>,
    events: BTreeMap<EventId, Event>,
    /// Reports that do not count: what they observe is as if it had not been seen.
    unsubmitted: BTreeSet<ReportId>,
    /// The first day on which the building, and all that it became, certainly is no more.
    gone_from: Option<Day>,
    /// Buildings that it was seen in after its own had become those, and for which reports.
    seen_in: Vec<(BuildingId, Option<ReportId>)>,
    /// The buildings that its own became.
    line: BTreeSet<BuildingId>,
    stay: Stay,
    /// The last days for the repair that the rule sets, of notices that give none.
    deadlines: BTreeMap<EventId, Day>,
}

/// How long a finding stands in one of the buildings that its own became one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// From this day on; `None`: from the first.
    pub from: Option<Day>,
    /// The first day on which it stands in what the building became.
    pub until: Option<Day>,
    /// The day on which the check-up that follows its first observation was due, when that was before
    /// it came here.
    pub next_check_up: Option<Day>,
    /// The first day on which it counts here; `None` while it only may be here, and counts in another
    /// part.
    pub counts_from: Option<Day>,
}

impl Default for Stay {
    fn default() -> Self {
        Self { from: None, until: None, next_check_up: None, counts_from: Some(Day::MIN) }
    }
}

impl Stay {
    /// Whether it stands here on a day.
    pub fn holds(self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }
}

impl Finding {
    /// A finding of which nothing is said yet.
    pub fn new(building: BuildingId, number: FindingId) -> Self {
        Self {
            building,
            numbers: BTreeSet::from([number]),
            events: BTreeMap::new(),
            unsubmitted: BTreeSet::new(),
            gone_from: None,
            seen_in: Vec::new(),
            line: BTreeSet::new(),
            stay: Stay::default(),
            deadlines: BTreeMap::new(),
        }
    }

    /// The building that it is in.
    pub const fn building(&self) -> BuildingId {
        self.building
    }

    /// Its own number: the eldest of those that it was reported by; the others lead to it.
    pub fn number(&self) -> Option<FindingId> {
        self.numbers.first().copied()
    }

    /// Every number that leads to it.
    pub const fn numbers(&self) -> &BTreeSet<FindingId> {
        &self.numbers
    }

    /// All that was said, in the order of the entries.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }

    /// Adds an event, whether it fits or not: what `apply` does with what was accepted.
    pub fn push(&mut self, event: Event) {
        self.events.insert(event.id, event);
    }

    /// The reports that it was seen for.
    pub fn reports(&self) -> BTreeSet<ReportId> {
        self.events.values().filter_map(|event| event.saying.report()).collect()
    }

    /// The same where what these reports observe does not count.
    #[must_use]
    pub fn without(self, unsubmitted: BTreeSet<ReportId>) -> Self {
        Self { unsubmitted, ..self }
    }

    /// The same as it will be when every report that observes it is submitted.
    #[must_use]
    pub fn as_submitted(self) -> Self {
        self.without(BTreeSet::new())
    }

    /// The same where the building, and all that it became, is no more from a day on.
    #[must_use]
    pub fn in_building_until(self, gone_from: Option<Day>) -> Self {
        Self { gone_from, ..self }
    }

    /// The same where its building became others, in which it may be seen, too.
    #[must_use]
    pub fn in_line(self, line: BTreeSet<BuildingId>) -> Self {
        Self { line, ..self }
    }

    /// The same as it stands in one of these buildings.
    #[must_use]
    pub fn staying(self, stay: Stay) -> Self {
        Self { stay, ..self }
    }

    /// How long it stands in the building that it is looked at in.
    pub const fn stay(&self) -> Stay {
        self.stay
    }

    /// The building that it was seen in last, when its own became that and others.
    pub fn placed(&self) -> Option<BuildingId> {
        let counts = |report: &Option<ReportId>| {
            report.is_none_or(|report| !self.unsubmitted.contains(&report))
        };
        let last = self.seen_in.iter().rfind(|(_, report)| counts(report));
        last.map(|(building, _)| *building)
    }

    /// It was seen in a building, perhaps for a report: its own, or what that became.
    pub fn place_in(&mut self, building: BuildingId, report: Option<ReportId>) {
        if building != self.building {
            self.seen_in.push((building, report));
        }
    }

    fn counts(&self, event: &Event) -> bool {
        event.saying.report().is_none_or(|report| !self.unsubmitted.contains(&report))
    }

    /// Whether an event may be added on `today`, with the building's `presence` on the event's day.
    /// What is said before it may come to be out of place by it; that is shown, and not refused.
    pub fn admit(
        &self,
        event: &Event,
        building: BuildingId,
        today: Day,
        presence: Presence,
        catalogue: &Catalogue,
    ) -> Result<(), Refusal> {
        let found = self.objections(event, building, today, presence, Some(catalogue));
        found.into_iter().next().map_or(Ok(()), Err)
    }

    /// All that stands against an event, in the order of the rules. Without a catalogue, classes
    /// are not judged.
    pub fn objections(
        &self,
        event: &Event,
        building: BuildingId,
        today: Day,
        presence: Presence,
        catalogue: Option<&Catalogue>,
    ) -> Vec<Refusal> {
        let mut found = Vec::new();
        let is_here = building == self.building || self.line.contains(&building);
        if !is_here {
            found.push(Refusal::OtherBuilding);
        }
        found.extend(objections_to(event, today, presence, catalogue));
        let is_correcting_nothing = event
            .corrects
            .map_or(event.saying == Saying::Retracted, |of| !self.has_before(of, event));
        if is_correcting_nothing {
            found.push(Refusal::NothingToCorrect);
        } else if is_here {
            found.extend(self.misplaced(event));
        }
        found
    }

    /// Why an event would change nothing where it would stand.
    fn misplaced(&self, event: &Event) -> Option<Refusal> {
        let mut with = self.clone();
        with.push(event.clone());
        // What a report says is judged as what it will be when it is submitted.
        if let Some(report) = event.saying.report() {
            with.unsubmitted.remove(&report);
        }
        let Some(view) = with.view_on(Day::MAX) else {
            // The one observation may be taken back; all else needs one.
            let is_seen = with.standing().iter().any(|(_, said)| !with.counts(said));
            return match event.saying {
                Saying::Retracted => None,
                _ if is_seen => Some(Refusal::ReportNotSubmitted),
                _ => Some(Refusal::NotObserved),
            };
        };
        let mut out_of_place = view.out_of_place.into_iter();
        out_of_place.find(|(id, _)| *id == event.id).map(|(_, refusal)| refusal)
    }

    fn has_before(&self, of: EventId, event: &Event) -> bool {
        of < event.id && self.events.contains_key(&of)
    }

    /// Joins two findings that turned out to be one defect. It does not matter which is joined to
    /// which, nor in what order several are joined.
    pub fn merge(mut self, other: Self) -> Result<Self, Refusal> {
        if self.building != other.building {
            return Err(Refusal::OtherBuilding);
        }
        self.numbers.extend(other.numbers);
        self.events.extend(other.events);
        self.unsubmitted.extend(other.unsubmitted);
        self.gone_from = self.gone_from.or(other.gone_from);
        self.seen_in.extend(other.seen_in);
        self.line.extend(other.line);
        self.deadlines.extend(other.deadlines);
        Ok(self)
    }

    /// What stands, in the order in which it is folded, by the rule of `timeline`: the newest of a
    /// chain of corrections stands in the place of the first.
    fn standing(&self) -> Vec<(EventId, &Event)> {
        let mut place_of: BTreeMap<EventId, EventId> = BTreeMap::new();
        let mut places: BTreeMap<EventId, (Day, &Event)> = BTreeMap::new();
        for (id, event) in &self.events {
            let corrected = event.corrects.and_then(|of| place_of.get(&of).copied());
            let place = corrected.unwrap_or(*id);
            place_of.insert(*id, place);
            places.insert(place, (event.on, event));
        }
        let mut standing = places
            .into_iter()
            .filter(|(_, (_, event))| event.saying != Saying::Retracted)
            .collect::<Vec<_>>();
        standing.sort_by_key(|(place, (on, event))| (*on, event.second, &event.key, *place));
        standing.into_iter().map(|(_, (_, event))| (event.id, event)).collect()
    }

    /// The days up to `by` have passed: with the building the object of what is open is gone.
    fn end_with_building(&self, view: Option<&mut View>, by: Day) {
        if let (Some(view), Some(gone)) = (view, self.gone_from.filter(|gone| *gone <= by)) {
            view.lose_object(gone);
        }
    }

    /// The days on which it can turn without anything being said.
    pub fn ends_on(&self) -> Option<Day> {
        self.gone_from
    }

    /// What holds on `day`; `None` while nobody has seen it.
    pub fn view_on(&self, day: Day) -> Option<View> {
        let mut view: Option<View> = None;
        let mut too_early = Vec::new();
        for (id, event) in self.standing() {
            if event.on > day {
                break;
            }
            // What was said of the building's last day comes before its end.
            self.end_with_building(view.as_mut(), event.on.previous());
            if !self.counts(event) {
                too_early.push((id, Refusal::ReportNotSubmitted));
                continue;
            }
            match (&mut view, &event.saying) {
                (None, Saying::Observed(observation)) => {
                    view = Some(View::begun(id, event.on, observation));
                }
                (None, _) => too_early.push((id, Refusal::NotObserved)),
                // Said of it along with the end of its building, by whoever ended that.
                (Some(view), Saying::ObjectGone { .. })
                    if view.stage.is_open()
                        && self.gone_from.is_some_and(|gone| gone <= event.on) =>
                {
                    view.lose_object(event.on);
                }
                (Some(view), _) => {
                    if let Err(refusal) = view.take(&self.by_rule(event)) {
                        view.out_of_place.push((id, refusal));
                    }
                }
            }
        }
        self.end_with_building(view.as_mut(), day);
        let mut view = view?;
        too_early.append(&mut view.out_of_place);
        view.out_of_place = too_early;
        Some(view)
    }
}

/// What stands against an event whatever it is said of, in the order of the rules.
pub fn objections_to(
    event: &Event,
    today: Day,
    presence: Presence,
    catalogue: Option<&Catalogue>,
) -> Vec<Refusal> {
    let mut found = Vec::new();
    // That the object is gone is said of days on which the building may be gone.
    match event.saying {
        Saying::Observed(_) => {
            found.extend(check_observed(event.on, today, presence).err().map(Refusal::from));
        }
        _ if event.on > today => found.push(report::Refusal::Future(event.on).into()),
        _ => {}
    }
    if let (Some(class), Some(catalogue)) = (event.saying.class(), catalogue) {
        found.extend(catalogue.class(class).err().map(Refusal::from));
    }
    if let Some(reason) = event.saying.reason()
        && (reason.trim().is_empty() || reason.chars().count() > TEXT_CHARS_MAX)
    {
        found.push(Refusal::ReasonMissing);
    }
    if let Saying::Notified { deadline: Some(deadline) } | Saying::DeadlineMoved { deadline, .. } =
        event.saying
        && deadline < event.on
    {
        found.push(Refusal::DeadlineOver(deadline));
    }
    found
}
