//! Orders (体检任务): one building's check-up, asked of a body.
//!
//! planned → ordered → done | cancelled. An order without a body is planned; it is done when a
//! report that answers it is accepted, which is seen from the report and kept nowhere.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push},
        cycle::Payer,
        report::ReportKind,
    },
    kernel::{
        id::{BodyId, BuildingId, PlanId},
        time::Day,
    },
};

/// What is said of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderContent {
    /// The building.
    pub building: Said<BuildingId>,
    /// The plan that it belongs to.
    pub plan: Said<PlanId>,
    /// What is asked for.
    pub kind: Said<ReportKind>,
    /// Of whom it is asked.
    pub body: Said<BodyId>,
    /// The last day for the report.
    pub deadline: Said<Day>,
    /// Who pays.
    pub payer: Said<Payer>,
    /// The account or contract that pays, by its number elsewhere.
    pub payment_reference: Said<String>,
    /// Whether it was cancelled. Why is among the sentences of the entry.
    pub cancelled: Said<bool>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum OrderState {
    /// 已列入计划
    Planned = 1,
    /// 已委托
    Ordered = 2,
    /// 已完成
    Done = 3,
    /// 已取消
    Cancelled = 4,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Planned, Self::Ordered, Self::Done, Self::Cancelled];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ordered => "ordered",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl OrderContent {
    /// Where the order stands, when a report that answers it `is_answered`, accepted.
    pub fn state(&self, is_answered: bool) -> OrderState {
        if is_answered {
            OrderState::Done
        } else if self.cancelled.flatten() == Some(true) {
            OrderState::Cancelled
        } else if self.body.flatten().is_some() {
            OrderState::Ordered
        } else {
            OrderState::Planned
        }
    }

    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        lay(&mut self.plan, &newer.plan);
        lay(&mut self.kind, &newer.kind);
        lay(&mut self.body, &newer.body);
        lay(&mut self.deadline, &newer.deadline);
        lay(&mut self.payer, &newer.payer);
        lay(&mut self.payment_reference, &newer.payment_reference);
        lay(&mut self.cancelled, &newer.cancelled);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        push(&mut texts, "plan_id", &self.plan);
        let kind = self.kind.map(|kind| kind.map(|kind| kind.word().to_owned()));
        push(&mut texts, "kind", &kind);
        push(&mut texts, "body_id", &self.body);
        push(&mut texts, "deadline", &self.deadline);
        push(&mut texts, "payer", &self.payer);
        push(&mut texts, "payment_reference", &self.payment_reference);
        push(&mut texts, "cancelled", &self.cancelled);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        drop_unless(keep, "plan_id", &mut self.plan);
        drop_unless(keep, "kind", &mut self.kind);
        drop_unless(keep, "body_id", &mut self.body);
        drop_unless(keep, "deadline", &mut self.deadline);
        drop_unless(keep, "payer", &mut self.payer);
        drop_unless(keep, "payment_reference", &mut self.payment_reference);
        drop_unless(keep, "cancelled", &mut self.cancelled);
    }
}
