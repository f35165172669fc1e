//! Work items (维修工程项): a repair of a part of a building, what it cost, and everything that paid for
//! it.
//!
//! A roof can be paid for by the builder's warranty, by an insurance claim, by the maintenance fund and by
//! a subsidy, and nobody who pays sees the others. So all of them name the work item. What a claim
//! pays is said once, by the claim; all else is said here. Together they are never more than the
//! cost, and an invoice is paid once in the whole city.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Fields, Said, drop_unless, lay, push, push_list},
        timeline::{Saying, Timeline},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{BuildingId, FindingId},
        position::Seq,
        time::Day,
    },
};

/// Findings that one work item names.
pub const FINDINGS_MAX: usize = 50;

/// Who or what pays for a repair. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum FundingSource {
    /// 保险理赔: said by the claim, never here.
    Claim = 1,
    /// 维修资金
    Fund = 2,
    /// 补贴
    Subsidy = 3,
    /// 保修
    Warranty = 4,
    /// 业主
    Owner = 5,
}

impl FundingSource {
    /// Every source.
    pub const ALL: [Self; 5] =
        [Self::Claim, Self::Fund, Self::Subsidy, Self::Warranty, Self::Owner];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Fund => "fund",
            Self::Subsidy => "subsidy",
            Self::Warranty => "warranty",
            Self::Owner => "owner",
        }
    }

    /// The source with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|source| *source as u32 == number)
    }
}

/// Money that paid for a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// Whose.
    pub source: FundingSource,
    /// How much.
    pub amount: Fen,
    /// The account, grant or contract, by its number elsewhere; may be empty.
    pub reference: String,
    /// The SHA-256 of the invoice that it pays, if there is one.
    pub invoice: Option<Hash>,
}

impl fmt::Display for Funding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.amount, self.source.word())?;
        if !self.reference.is_empty() {
            write!(f, " ({})", self.reference)?;
        }
        self.invoice.map_or(Ok(()), |invoice| write!(f, " for the invoice {invoice}"))
    }
}

/// What is said of a work item. The day since which it exists is that on which the work was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkContent {
    /// The building.
    pub building: Said<BuildingId>,
    /// The part of the building.
    pub part: Said<String>,
    /// What was done.
    pub done: Said<String>,
    /// What it cost.
    pub cost: Said<Fen>,
    /// The findings that it mends.
    pub findings: Said<Vec<FindingId>>,
    /// Something that paid for it.
    pub funding: Option<Funding>,
}

impl WorkContent {
    /// The findings.
    pub fn findings(&self) -> &[FindingId] {
        self.findings.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// What it cost; `None` while that is not known.
    pub fn cost(&self) -> Option<Fen> {
        self.cost.flatten()
    }

    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        lay(&mut self.part, &newer.part);
        lay(&mut self.done, &newer.done);
        lay(&mut self.cost, &newer.cost);
        lay(&mut self.findings, &newer.findings);
        if newer.funding.is_some() {
            self.funding.clone_from(&newer.funding);
        }
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        push(&mut texts, "part", &self.part);
        push(&mut texts, "done", &self.done);
        push(&mut texts, "cost_fen", &self.cost);
        push_list(&mut texts, "finding_ids", &self.findings);
        if let Some(funding) = &self.funding {
            texts.push(("funding".to_owned(), Some(funding.to_string())));
        }
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        drop_unless(keep, "part", &mut self.part);
        drop_unless(keep, "done", &mut self.done);
        drop_unless(keep, "cost_fen", &mut self.cost);
        drop_unless(keep, "finding_ids", &mut self.findings);
        if !keep("funding") {
            self.funding = None;
        }
    }
}

/// Money in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funded {
    /// The entry that made the place.
    pub seq: Seq,
    /// The day.
    pub on: Day,
    /// What.
    pub funding: Funding,
}

/// A work item with all that was said to have paid for it, but for claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// What is said of the work, last.
    pub content: WorkContent,
    /// The day on which it was done.
    pub done_on: Day,
    /// In the order of the days.
    pub funded: Vec<Funded>,
}

/// The work item whose life is `timeline`, with what is said of days up to `day`; `None` when it was
/// entered in error.
pub fn of_timeline(timeline: &Timeline, day: Day) -> Option<WorkItem> {
    let (_, done_on) = timeline.registration()?;
    let Fields::Work(mut content) = timeline.content_at(Day::MAX)?.fields else { return None };
    content.funding = None;
    let mut funded = Vec::new();
    for place in timeline.places() {
        let Saying::Changed(said) = &place.statement.saying else { continue };
        let Fields::Work(said) = &said.fields else { continue };
        let on = place.statement.from;
        if let Some(funding) = said.funding.clone().filter(|_| on <= day) {
            funded.push(Funded { seq: place.seq, on, funding });
        }
    }
    Some(WorkItem { content: *content, done_on: done_on.latest(), funded })
}
