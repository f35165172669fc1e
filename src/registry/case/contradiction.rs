//! What accepted facts can contradict, with the words for it.

use serde::{Deserialize, Serialize};

/// What accepted facts can contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Contradiction {
    /// It ends before it begins.
    EndsBeforeItBegins,
    /// Something is said of days when it certainly is no more.
    SaidAfterItsEnd,
    /// It is there while what it is in certainly is not.
    OutsideParentLife,
    /// Another subject has the same outside number on the same day.
    IdentifierOverlap,
    /// An entry that another decision relied on was corrected.
    BasisCorrected,
    /// A policy goes on insuring what is no more.
    InsuredIsNoMore,
    /// The cover of a claim that is approved does not answer.
    ClaimNotCovered,
    /// More is approved of a claim than its cover pays.
    ApprovedAboveLimit,
    /// More was paid for a work item than it cost.
    Overfunded,
    /// An invoice was paid twice.
    InvoicePaidTwice,
    /// The policy of a claim that is not over never named what was damaged, or was entered in error.
    ClaimNotInsured,
    /// Another claim tells of the same loss.
    LossToldAlready,
}

impl Contradiction {
    /// The stable reason; the same as of the refusal of a command that would make it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins => "ENDS_BEFORE_IT_BEGINS",
            Self::SaidAfterItsEnd => "SAID_AFTER_ITS_END",
            Self::OutsideParentLife => "OUTSIDE_PARENT_LIFE",
            Self::IdentifierOverlap => "IDENTIFIER_TAKEN",
            Self::BasisCorrected => "BASIS_CORRECTED",
            Self::InsuredIsNoMore => "ENDORSEMENT_WANTED",
            Self::ClaimNotCovered => "CLAIM_NOT_COVERED",
            Self::ApprovedAboveLimit => "APPROVED_ABOVE_LIMIT",
            Self::Overfunded => "OVERFUNDED",
            Self::InvoicePaidTwice => "INVOICE_PAID_TWICE",
            Self::ClaimNotInsured => "NOT_INSURED",
            Self::LossToldAlready => "LOSS_TOLD_ALREADY",
        }
    }

    /// One sentence in Chinese.
    pub const fn message_zh(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins => "终止早于存在起始",
            Self::SaidAfterItsEnd => "在其已终止之后的日子仍有登记内容",
            Self::OutsideParentLife => "在其所在对象不存在的日子存在",
            Self::IdentifierOverlap => "同一日有另一对象使用同一外部编号",
            Self::BasisCorrected => "后续记录所依据的记录已被更正",
            Self::InsuredIsNoMore => "保单仍承保已终止的标的，需要批改或退保",
            Self::ClaimNotCovered => "已核赔，而该保障项目不承担此次损失",
            Self::ApprovedAboveLimit => "核赔金额超过该保障项目可赔付的金额",
            Self::Overfunded => "各来源支付的总额超过工程费用",
            Self::InvoicePaidTwice => "同一发票支付了两次",
            Self::ClaimNotInsured => "未结的理赔所依据的保单从未承保该房屋，或该保单系误登",
            Self::LossToldAlready => "另一理赔报的是同一损失",
        }
    }

    /// One sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins => "its end lies before its beginning",
            Self::SaidAfterItsEnd => "something is said of days when it certainly is no more",
            Self::OutsideParentLife => "it is there on days when what it is in is not",
            Self::IdentifierOverlap => {
                "another subject has the same outside number on the same day"
            }
            Self::BasisCorrected => "an entry on which a later one rests was corrected",
            Self::InsuredIsNoMore => {
                "a policy goes on insuring what is no more: it is to be endorsed or cancelled"
            }
            Self::ClaimNotCovered => "the claim is approved, and its cover does not answer",
            Self::ApprovedAboveLimit => "more is approved than the cover pays",
            Self::Overfunded => "more was paid for the work than it cost",
            Self::InvoicePaidTwice => "one invoice was paid twice",
            Self::ClaimNotInsured => {
                "the claim is not over, and its policy never insured what was damaged"
            }
            Self::LossToldAlready => "another claim tells of the same loss",
        }
    }
}
