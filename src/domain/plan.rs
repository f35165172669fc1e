//! Plans (年度体检计划): the check-ups that a district or street plans for a year.

use serde::{Deserialize, Serialize};

use crate::{
    domain::content::{FieldText, Said, drop_unless, lay, push},
    kernel::id::RegionId,
};

/// What is said of a plan. What it plans are the orders that name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanContent {
    /// The region that plans.
    pub region: Said<RegionId>,
    /// The year.
    pub year: Said<u16>,
    /// What it is called.
    pub title: Said<String>,
    /// Why it was given up.
    pub cancelled: Said<bool>,
}

/// What a plan is for. A region has one that stands for a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region that plans.
    pub region: RegionId,
    /// The year.
    pub year: u16,
}

impl PlanContent {
    /// What it is for; `None` when it was given up.
    pub fn scope(&self) -> Option<Scope> {
        let stands = self.cancelled.flatten() != Some(true);
        let scope = self.region.flatten().zip(self.year.flatten()).filter(|_| stands);
        scope.map(|(region, year)| Scope { region, year })
    }

    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.region, &newer.region);
        lay(&mut self.year, &newer.year);
        lay(&mut self.title, &newer.title);
        lay(&mut self.cancelled, &newer.cancelled);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "region_id", &self.region);
        push(&mut texts, "year", &self.year);
        push(&mut texts, "title", &self.title);
        push(&mut texts, "cancelled", &self.cancelled);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "region_id", &mut self.region);
        drop_unless(keep, "year", &mut self.year);
        drop_unless(keep, "title", &mut self.title);
        drop_unless(keep, "cancelled", &mut self.cancelled);
    }
}
