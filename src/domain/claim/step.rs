//! Where a claim stands, and what is said of it after its notice.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::finding::PartyKey,
    kernel::{fen::Fen, hash::Hash, id::WorkId, time::Answer},
};

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
    pub(super) const fn rank(self) -> u8 {
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
    pub(super) const fn follows(&self) -> u8 {
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
