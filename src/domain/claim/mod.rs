//! Insurance claims (理赔): one loss under one cover of one policy, and its way from the notice to an
//! end.
//!
//! noticed → registered → coverage checked → surveyed → approved → reserved → repair or cash →
//! accepted by the owner → paid → recourse → closed. On the way a claim is declined with a reason
//! code, withdrawn, or disputed until somebody else has appraised the loss; what is over may be
//! reopened, and is then checked and surveyed anew. Which step may follow where is one table
//! (`way::next`).
//!
//! A claim is on one cover. A loss for which several covers answer is a claim on each of them, and
//! these name the same event. Each stage has its own amount, said with its step and never overwritten:
//! what was claimed, assessed, appraised, approved, reserved, every payment and every recovery. Never
//! more is paid than was approved, and who approved, or
//! corrected what was approved, does not pay. What may be approved at most is
//! counted in `payable`.
//!
//! As with findings, what holds on a day is folded from the steps up to it, in the order of their days
//! and not of their arrival; a step that does not fit where a late paper has put it is kept and changes
//! nothing.

mod content;
pub mod counted;
#[cfg(test)]
mod life_test;
pub mod payable;
mod step;
mod way;

use crate::{
    domain::{
        author::Author,
        claim::payable::Keys,
        content::Fields,
        policy::CoverItem,
        timeline::{Saying, Timeline},
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, PolicyId, SubjectId},
        position::Seq,
        time::Day,
    },
};

pub use content::{ClaimContent, NUMBER_SCHEME, Told};
pub use step::{Payment, Settlement, Stage, Step};
pub use way::Refusal;

/// Findings and reports that one claim names.
pub const LINKS_MAX: usize = 50;

/// A step in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The entry that made the place.
    pub seq: Seq,
    /// The day.
    pub on: Day,
    /// What.
    pub step: Step,
    /// Who said so.
    pub by: Author,
    /// Why it changes nothing where it stands.
    pub out_of_place: Vec<Refusal>,
}

/// A claim as it stands after some steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is said of the loss.
    pub content: ClaimContent,
    /// The day of the notice.
    pub noticed: Day,
    /// Where it stands.
    pub stage: Stage,
    /// What the survey came to.
    pub assessed: Option<Fen>,
    /// What an appraisal came to.
    pub appraised: Option<Fen>,
    /// What is approved in all; what was paid, once it was declined, withdrawn or reopened.
    pub approved: Option<Fen>,
    /// What is set aside.
    pub reserved: Option<Fen>,
    /// What was paid.
    pub paid: Fen,
    /// What came back.
    pub recovered: Fen,
    /// All that was said, in the order of the days.
    pub events: Vec<Event>,
    is_registered: bool,
    is_checked: bool,
    approved_by: Vec<Author>,
}

impl Claim {
    /// A claim of which notice was given.
    pub const fn noticed(content: ClaimContent, noticed: Day) -> Self {
        Self {
            content,
            noticed,
            stage: Stage::Noticed,
            assessed: None,
            appraised: None,
            approved: None,
            reserved: None,
            paid: Fen::ZERO,
            recovered: Fen::ZERO,
            events: Vec::new(),
            is_registered: false,
            is_checked: false,
            approved_by: Vec::new(),
        }
    }

    /// What the cover has to hold ready for it, or has paid. Of what is closed nothing more is paid.
    pub fn held(&self) -> Fen {
        let approved = self.approved.filter(|_| self.stage != Stage::Closed);
        approved.unwrap_or(Fen::ZERO).max(self.paid)
    }

    /// Whether somebody approved what is approved, or corrected that.
    pub fn is_approved_by(&self, by: &Author) -> bool {
        self.approved_by.iter().any(|it| it.same_person(by))
    }

    /// Where it stands after a step; `None` when the step does not follow where it stands.
    fn next(&self, step: &Step) -> Option<Stage> {
        match (step, way::next(self.stage, step)) {
            // It goes on from where it was.
            (Step::Reopened, Some(_)) if !self.is_registered => Some(Stage::Noticed),
            (_, Some(stage)) => Some(stage),
            // What was paid before it was reopened is paid.
            (Step::Closed, None) if self.was_paid() => Some(Stage::Closed),
            (Step::Recovered { .. }, None) if self.was_paid() => Some(Stage::Recourse),
            (_, None) => None,
        }
    }

    /// Whether it was paid once, and goes on since it was reopened.
    fn was_paid(&self) -> bool {
        self.paid > Fen::ZERO
            && !matches!(
                self.stage,
                Stage::Closed | Stage::Declined | Stage::Withdrawn | Stage::Disputed
            )
    }

    /// What the loss comes to, by the last who said so.
    pub fn loss(&self) -> Option<Fen> {
        self.appraised.or(self.assessed)
    }

    /// The event, household and person by which limits count.
    pub fn keys(&self) -> Keys {
        let key = |said: &Option<Option<String>>| said.clone().flatten();
        Keys {
            event: key(&self.content.event),
            household: key(&self.content.household),
            person: key(&self.content.person),
            unit: self.content.unit.flatten(),
        }
    }

    /// Whether it tells of a loss that another claim tells of: one cover of one policy, what was damaged, how
    /// and when, by all that is said of both. Of another event, household or person it is another loss,
    /// and what was withdrawn may be told again.
    pub fn is_of_same_loss(&self, other: &Self) -> bool {
        let is_told = |claim: &Self| claim.stage != Stage::Withdrawn;
        let ground = self.content.ground();
        is_told(self)
            && is_told(other)
            && ground.is_some()
            && ground == other.content.ground()
            && self.keys() == other.keys()
    }

    /// The entries that say what was approved and paid.
    pub fn money_entries(&self) -> Vec<Seq> {
        let is_money = |step: &Step| matches!(step, Step::Approved { .. } | Step::Paid(_));
        let events = self.events.iter().filter(|event| is_money(&event.step));
        events.filter(|event| event.out_of_place.is_empty()).map(|event| event.seq).collect()
    }

    /// All that stands against a step where the claim stands.
    pub fn against(&self, told: &Told) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let step = &told.step;
        if self.next(step).is_none() {
            refusals.push(way::out_of_order(self.stage, step));
        }
        match step {
            Step::Approved { amount } => {
                if self.stage == Stage::Appraised && !self.is_checked {
                    let missing = ("CLAIM_NOT_CHECKED", "the coverage is checked");
                    let (stage, step) = (self.stage.word(), step.word());
                    refusals.push(Refusal::Missing { stage, step, missing });
                }
                if *amount < self.paid {
                    let refusal = Refusal::ApprovedBelowPaid { paid: self.paid, approved: *amount };
                    refusals.push(refusal);
                }
            }
            Step::Paid(payment) => {
                let paid = Fen::total([self.paid, payment.amount]);
                // Of what is not approved at all that alone is told.
                if let Some(approved) = self.approved.filter(|approved| paid > *approved) {
                    refusals.push(Refusal::PaidAboveApproved { paid, approved });
                }
                if told.said_by().any(|by| self.is_approved_by(by)) {
                    refusals.push(Refusal::FourEyes);
                }
            }
            Step::Reserved { amount } => {
                if let Some(approved) = self.approved.filter(|approved| amount > approved) {
                    let refusal = Refusal::ReservedAboveApproved { reserved: *amount, approved };
                    refusals.push(refusal);
                }
            }
            Step::Recovered { amount, .. } => {
                let recovered = Fen::total([self.recovered, *amount]);
                if recovered > self.paid && self.paid > Fen::ZERO {
                    refusals.push(Refusal::RecoveredAbovePaid { recovered, paid: self.paid });
                }
            }
            _ => {}
        }
        refusals
    }

    /// Takes a step, or keeps it as one that is out of place.
    pub fn push(&mut self, seq: Seq, on: Day, told: &Told) {
        let out_of_place = self.against(told);
        if let Some(stage) = self.next(&told.step).filter(|_| out_of_place.is_empty()) {
            self.stage = stage;
            self.take(told);
        }
        let Told { step, by, .. } = told.clone();
        self.events.push(Event { seq, on, step, by, out_of_place });
    }

    fn take(&mut self, told: &Told) {
        match &told.step {
            Step::CoverageChecked { .. } => self.is_checked = true,
            Step::Surveyed { assessed } => {
                self.assessed = Some(*assessed);
                self.appraised = None;
            }
            Step::Appraised { amount, .. } => self.appraised = Some(*amount),
            Step::Approved { amount } => {
                self.approved = Some(*amount);
                self.approved_by = told.said_by().cloned().collect();
            }
            Step::Reserved { amount } => self.reserved = Some(*amount),
            Step::Paid(payment) => self.paid = Fen::total([self.paid, payment.amount]),
            Step::Recovered { amount, .. } => {
                self.recovered = Fen::total([self.recovered, *amount]);
            }
            // What was approved and is not to be paid is free for others.
            Step::Declined { .. } | Step::Withdrawn => {
                self.approved = (self.paid > Fen::ZERO).then_some(self.paid);
                self.reserved = None;
            }
            // What is to be paid beyond what was is approved anew.
            Step::Reopened => {
                self.is_checked = false;
                self.approved = (self.paid > Fen::ZERO).then_some(self.paid);
                self.reserved = None;
            }
            Step::Registered => self.is_registered = true,
            Step::Settling(_) | Step::Accepted | Step::Closed | Step::Disputed => {}
        }
    }
}

/// The claim whose life is `timeline`, with what is said of days up to `day`; `None` when it was
/// entered in error.
///
/// What is said of the loss itself is taken as it is said last, whatever the day: a loss is of one
/// day. What is claimed for it is of a day like every other amount.
pub fn of_timeline(timeline: &Timeline, day: Day) -> Option<Claim> {
    let (registration, noticed) = timeline.registration()?;
    let registration = registration.seq;
    let Fields::Claim(mut content) = timeline.content_at(Day::MAX)?.fields else { return None };
    content.step = None;
    let then = timeline.content_at(day.max(noticed.latest())).map(|content| content.fields);
    if let Some(Fields::Claim(then)) = then {
        content.claimed = then.claimed;
    }
    let mut claim = Claim::noticed(*content, noticed.latest());
    for place in timeline.places() {
        let statement = &place.statement;
        let (Saying::Registered { content, .. } | Saying::Changed(content)) = &statement.saying
        else {
            continue;
        };
        let Fields::Claim(said) = &content.fields else { continue };
        let on = if statement.seq == registration { noticed.latest() } else { statement.from };
        if let Some(told) = said.step.as_ref().filter(|_| on <= day) {
            claim.push(place.seq, on, told);
        }
    }
    Some(claim)
}

/// What a claim is of, once all of it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// The building.
    pub building: BuildingId,
    /// What was damaged: the building, or a unit of it.
    pub damaged: SubjectId,
    /// The policy.
    pub policy: PolicyId,
    /// The cover.
    pub cover: String,
    /// The part.
    pub part: String,
    /// The cause.
    pub cause: String,
    /// The day of the loss.
    pub lost_on: Day,
}

impl ClaimContent {
    /// What it is of; `None` while something of that is not said.
    pub fn ground(&self) -> Option<Ground> {
        let building = self.building.flatten()?;
        let unit = self.unit.flatten().map(SubjectId::from);
        Some(Ground {
            building,
            damaged: unit.unwrap_or_else(|| building.into()),
            policy: self.policy.flatten()?,
            cover: self.cover.clone().flatten()?,
            part: self.part.clone().flatten()?,
            cause: self.cause.clone().flatten()?,
            lost_on: self.lost_on.flatten()?,
        })
    }
}

/// The item of a cover under which a loss falls by the day that counts, of several that do not
/// overlap.
pub fn item_of<'p>(items: &'p [CoverItem], cover: &str, counts: Day) -> Option<&'p CoverItem> {
    let holds = |item: &&CoverItem| {
        item.from.is_none_or(|from| from <= counts)
            && item.until.is_none_or(|until| counts <= until)
    };
    items.iter().filter(|item| item.cover == cover).find(holds)
}
