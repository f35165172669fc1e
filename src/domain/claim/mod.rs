//! Insurance claims (理赔): one loss under one cover of one policy, and its way from the notice to an
//! end.
//!
//! noticed → registered → coverage checked → surveyed → approved → reserved → repair or cash →
//! accepted by the owner → paid → recourse → closed. On the way a claim is declined with a reason
//! code, withdrawn, or disputed until somebody else has appraised the loss; what is over may be
//! reopened, and is then checked and surveyed anew. Which step may follow where is one table
//! ([`next`]).
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

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        author::Author,
        claim::payable::Keys,
        content::Fields,
        finding::PartyKey,
        policy::CoverItem,
        timeline::{Saying, Timeline},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{BuildingId, PolicyId, SubjectId, WorkId},
        position::Seq,
        time::{Answer, Day},
    },
};

pub use content::{ClaimContent, NUMBER_SCHEME, Told};

/// Findings and reports that one claim names.
pub const LINKS_MAX: usize = 50;

/// Where a claim stands. The numbers are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// 报案
    Noticed = 1,
    /// 立案
    Registered = 2,
    /// 保险责任核查: it is known whether the cover answers.
    Checked = 3,
    /// 查勘定损
    Surveyed = 4,
    /// 核赔: liability is accepted, for an amount.
    Approved = 5,
    /// 准备金: money is set aside.
    Reserved = 6,
    /// 维修或现金赔付: it is known which of them it is.
    Settling = 7,
    /// 业主确认
    Accepted = 8,
    /// 支付
    Paid = 9,
    /// 追偿
    Recourse = 10,
    /// 结案
    Closed = 11,
    /// 拒赔
    Declined = 12,
    /// 撤案
    Withdrawn = 13,
    /// 争议
    Disputed = 14,
    /// 第三方鉴定
    Appraised = 15,
    /// 重开
    Reopened = 16,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 16] = [
        Self::Noticed,
        Self::Registered,
        Self::Checked,
        Self::Surveyed,
        Self::Approved,
        Self::Reserved,
        Self::Settling,
        Self::Accepted,
        Self::Paid,
        Self::Recourse,
        Self::Closed,
        Self::Declined,
        Self::Withdrawn,
        Self::Disputed,
        Self::Appraised,
        Self::Reopened,
    ];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::Registered => "registered",
            Self::Checked => "checked",
            Self::Surveyed => "surveyed",
            Self::Approved => "approved",
            Self::Reserved => "reserved",
            Self::Settling => "settling",
            Self::Accepted => "accepted",
            Self::Paid => "paid",
            Self::Recourse => "recourse",
            Self::Closed => "closed",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Disputed => "disputed",
            Self::Appraised => "appraised",
            Self::Reopened => "reopened",
        }
    }

    /// Whether nothing more is to come, unless it is reopened.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Declined | Self::Withdrawn)
    }

    /// The stage with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| *stage as u32 == number)
    }

    /// How far on the way it is; what lies beside the way is as far as what it goes on from.
    const fn rank(self) -> u8 {
        match self {
            Self::Noticed => 1,
            Self::Registered | Self::Reopened => 2,
            Self::Checked => 3,
            Self::Surveyed | Self::Appraised | Self::Disputed => 4,
            Self::Approved => 5,
            Self::Reserved => 6,
            Self::Settling => 7,
            Self::Accepted => 8,
            Self::Paid => 9,
            Self::Recourse => 10,
            Self::Closed | Self::Declined | Self::Withdrawn => 11,
        }
    }
}

/// How a loss is made good. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Settlement {
    /// 维修: by a contractor of the insurer.
    Repair = 1,
    /// 现金赔付
    Cash = 2,
}

impl Settlement {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Repair, Self::Cash];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Cash => "cash",
        }
    }

    /// The settlement with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|way| *way as u32 == number)
    }
}

/// Money that was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// How much.
    pub amount: Fen,
    /// To whom.
    pub to: PartyKey,
    /// The SHA-256 of the invoice that it pays, if there is one.
    pub invoice: Option<Hash>,
    /// The work item that it pays for, if it pays for one.
    pub work: Option<WorkId>,
}

/// What is said of a claim after its notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// 立案: it has its number.
    Registered,
    /// Whether the cover answers, by what is known when it is checked.
    CoverageChecked {
        /// Whether it does.
        answer: Answer,
        /// The reasons of what stands against it.
        against: Vec<String>,
    },
    /// The loss was looked at.
    Surveyed {
        /// What it comes to.
        assessed: Fen,
    },
    /// The insurer is liable.
    Approved {
        /// For how much in all.
        amount: Fen,
    },
    /// It is not.
    Declined {
        /// Why, as a code of the insurer's.
        code: String,
    },
    /// Money is set aside.
    Reserved {
        /// How much.
        amount: Fen,
    },
    /// Repair or cash.
    Settling(Settlement),
    /// The owner takes it.
    Accepted,
    /// Money went out.
    Paid(Payment),
    /// Money came back from whoever caused the loss.
    Recovered {
        /// How much.
        amount: Fen,
        /// From whom.
        from: PartyKey,
    },
    /// Nothing more is to come.
    Closed,
    /// The claimant does not want it any more.
    Withdrawn,
    /// The claimant does not take what was decided.
    Disputed,
    /// Somebody else has said what the loss comes to.
    Appraised {
        /// What it comes to.
        amount: Fen,
        /// Who.
        by: PartyKey,
    },
    /// It goes on after all.
    Reopened,
}

impl Step {
    /// The word in answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::CoverageChecked { .. } => "coverage_checked",
            Self::Surveyed { .. } => "surveyed",
            Self::Approved { .. } => "approved",
            Self::Declined { .. } => "declined",
            Self::Reserved { .. } => "reserved",
            Self::Settling(_) => "settling",
            Self::Accepted => "accepted",
            Self::Paid(_) => "paid",
            Self::Recovered { .. } => "recovered",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
            Self::Disputed => "disputed",
            Self::Appraised { .. } => "appraised",
            Self::Reopened => "reopened",
        }
    }

    /// Whether who says it says why.
    pub const fn needs_reason(&self) -> bool {
        matches!(self, Self::Declined { .. } | Self::Withdrawn | Self::Disputed | Self::Reopened)
    }

    /// How far a claim has to be for it.
    const fn follows(&self) -> u8 {
        match self {
            Self::Registered | Self::Withdrawn => 1,
            Self::CoverageChecked { .. } | Self::Declined { .. } => 2,
            Self::Surveyed { .. } => 3,
            Self::Approved { .. } | Self::Disputed | Self::Appraised { .. } => 4,
            Self::Reserved { .. } => 5,
            Self::Settling(_) => 6,
            Self::Accepted => 7,
            Self::Paid(_) => 8,
            Self::Recovered { .. } | Self::Closed => 9,
            Self::Reopened => 11,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::CoverageChecked { answer, against } => {
                let word = match answer {
                    Answer::Yes => "yes",
                    Answer::No => "no",
                    Answer::Unknown => "unknown",
                };
                write!(f, " {word}")?;
                if against.is_empty() { Ok(()) } else { write!(f, " {}", against.join(" ")) }
            }
            Self::Surveyed { assessed: amount }
            | Self::Approved { amount }
            | Self::Reserved { amount } => write!(f, " {amount}"),
            Self::Declined { code } => write!(f, " {code}"),
            Self::Settling(way) => write!(f, " by {}", way.word()),
            Self::Paid(Payment { amount, to, invoice, work }) => {
                write!(f, " {amount} to {}", to.0)?;
                if let Some(work) = work {
                    write!(f, " for {work}")?;
                }
                invoice.map_or(Ok(()), |invoice| write!(f, " for the invoice {invoice}"))
            }
            Self::Recovered { amount, from } => write!(f, " {amount} from {}", from.0),
            Self::Appraised { amount, by } => write!(f, " {amount} by {}", by.0),
            _ => Ok(()),
        }
    }
}

/// Why a step is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it follows on was not said yet.
    #[error("a claim that is {stage} is not {step}: {missing} first", missing = missing.1)]
    Missing {
        /// Where it stands.
        stage: &'static str,
        /// What was said.
        step: &'static str,
        /// The reason, and what comes before it.
        missing: (&'static str, &'static str),
    },
    /// It has gone further already.
    #[error("a claim that is {stage} is not {step} any more")]
    Done {
        /// Where it stands.
        stage: &'static str,
        /// What was said.
        step: &'static str,
    },
    /// It is over: closed, declined or withdrawn.
    #[error("the claim is {}: it is reopened first", .0.word())]
    Over(Stage),
    /// It waits for an appraisal.
    #[error("the claim is disputed: a third party appraises the loss first, or it is withdrawn")]
    Disputed,
    /// Nobody disputes it.
    #[error("the claim is {0} and not disputed: there is nothing to appraise")]
    NotDisputed(&'static str),
    /// It is not over.
    #[error("the claim is {0}: what is not over is not reopened")]
    NotOver(&'static str),
    /// More would be paid than was approved.
    #[error("{paid} would be paid in all, and {approved} is approved")]
    PaidAboveApproved {
        /// With this payment.
        paid: Fen,
        /// What was approved.
        approved: Fen,
    },
    /// More would be set aside than was approved.
    #[error("{reserved} would be set aside, and {approved} is approved")]
    ReservedAboveApproved {
        /// What is to be set aside.
        reserved: Fen,
        /// What was approved.
        approved: Fen,
    },
    /// Less would be approved than was paid.
    #[error("{paid} was paid already, and {approved} would be approved")]
    ApprovedBelowPaid {
        /// So far.
        paid: Fen,
        /// What is to be approved.
        approved: Fen,
    },
    /// More would come back than went out.
    #[error("{recovered} would be recovered in all, and {paid} was paid")]
    RecoveredAbovePaid {
        /// With this recovery.
        recovered: Fen,
        /// So far.
        paid: Fen,
    },
    /// Who approved would pay.
    #[error("whoever approved a claim does not mark it as paid")]
    FourEyes,
}

impl Refusal {
    /// The stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing { missing, .. } => missing.0,
            Self::Done { .. } => "CLAIM_STEP_DONE",
            Self::Over(Stage::Declined) => "CLAIM_DECLINED",
            Self::Over(Stage::Withdrawn) => "CLAIM_WITHDRAWN",
            Self::Over(_) => "CLAIM_CLOSED",
            Self::Disputed => "CLAIM_DISPUTED",
            Self::NotDisputed(_) => "CLAIM_NOT_DISPUTED",
            Self::NotOver(_) => "CLAIM_NOT_OVER",
            Self::PaidAboveApproved { .. } => "PAID_ABOVE_APPROVED",
            Self::ReservedAboveApproved { .. } => "RESERVED_ABOVE_APPROVED",
            Self::ApprovedBelowPaid { .. } => "APPROVED_BELOW_PAID",
            Self::RecoveredAbovePaid { .. } => "RECOVERED_ABOVE_PAID",
            Self::FourEyes => "FOUR_EYES",
        }
    }

    /// The field that it is about, below that of the step.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::PaidAboveApproved { .. } => ".paid.amount_fen",
            Self::ReservedAboveApproved { .. } => ".reserved.amount_fen",
            Self::ApprovedBelowPaid { .. } => ".approved.amount_fen",
            Self::RecoveredAbovePaid { .. } => ".recovered.amount_fen",
            _ => "",
        }
    }
}

/// Where a claim stands after a step; `None` when the step does not follow there.
pub const fn next(stage: Stage, step: &Step) -> Option<Stage> {
    use Stage as At;
    Some(match (step, stage) {
        (Step::Registered, At::Noticed) => At::Registered,
        (Step::CoverageChecked { .. }, At::Registered | At::Checked | At::Reopened) => At::Checked,
        // What is found anew of the cover takes nothing back of what is known of the loss.
        (Step::CoverageChecked { .. }, At::Surveyed | At::Appraised) => stage,
        (Step::Surveyed { .. }, At::Checked | At::Surveyed) => At::Surveyed,
        (Step::Approved { .. }, At::Surveyed | At::Appraised) => At::Approved,
        (Step::Reserved { .. }, At::Approved | At::Reserved) => At::Reserved,
        (Step::Settling(_), At::Reserved | At::Settling) => At::Settling,
        (Step::Accepted, At::Settling) => At::Accepted,
        (Step::Paid(_), At::Accepted | At::Paid) => At::Paid,
        (Step::Paid(_), At::Recourse) | (Step::Recovered { .. }, At::Paid | At::Recourse) => {
            At::Recourse
        }
        (Step::Closed, At::Paid | At::Recourse) => At::Closed,
        (
            Step::Declined { .. },
            At::Registered | At::Checked | At::Surveyed | At::Appraised | At::Reopened,
        ) => At::Declined,
        (
            Step::Withdrawn,
            At::Noticed
            | At::Registered
            | At::Checked
            | At::Surveyed
            | At::Approved
            | At::Reserved
            | At::Settling
            | At::Accepted
            | At::Disputed
            | At::Appraised
            | At::Reopened,
        ) => At::Withdrawn,
        (
            Step::Disputed,
            At::Surveyed | At::Approved | At::Reserved | At::Settling | At::Declined,
        ) => At::Disputed,
        (Step::Appraised { .. }, At::Disputed) => At::Appraised,
        (Step::Reopened, At::Closed | At::Declined | At::Withdrawn) => At::Reopened,
        _ => return None,
    })
}

/// Why a step does not follow where a claim stands.
fn out_of_order(stage: Stage, step: &Step) -> Refusal {
    let (at, word) = (stage.word(), step.word());
    match (stage, step) {
        (Stage::Closed | Stage::Declined | Stage::Withdrawn, _) => Refusal::Over(stage),
        (Stage::Disputed, _) => Refusal::Disputed,
        (_, Step::Reopened) => Refusal::NotOver(at),
        (_, Step::Appraised { .. }) => Refusal::NotDisputed(at),
        _ if stage.rank() < step.follows() => {
            let missing = match step.follows() {
                2 => ("CLAIM_NOT_REGISTERED", "it is registered"),
                3 => ("CLAIM_NOT_CHECKED", "the coverage is checked"),
                4 => ("CLAIM_NOT_SURVEYED", "the loss is surveyed"),
                5 => ("CLAIM_NOT_APPROVED", "it is approved"),
                6 => ("CLAIM_NOT_RESERVED", "money is reserved"),
                7 => ("CLAIM_NOT_SETTLED", "repair or cash is chosen"),
                8 => ("CLAIM_NOT_ACCEPTED", "the owner accepts"),
                _ => ("CLAIM_NOT_PAID", "it is paid"),
            };
            Refusal::Missing { stage: at, step: word, missing }
        }
        _ => Refusal::Done { stage: at, step: word },
    }
}

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
        match (step, next(self.stage, step)) {
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
            refusals.push(out_of_order(self.stage, step));
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
