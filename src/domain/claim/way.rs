//! Which step of a claim may follow where, and why another does not.

use crate::{
    domain::claim::{Stage, Step},
    kernel::fen::Fen,
};

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
pub(super) const fn next(stage: Stage, step: &Step) -> Option<Stage> {
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
pub(super) fn out_of_order(stage: Stage, step: &Step) -> Refusal {
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
