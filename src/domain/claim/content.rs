//! What an entry says of a claim: of the loss, and one step at a time.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        author::Author,
        claim::Step,
        content::{FieldText, Said, drop_unless, lay, push, push_list},
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, FindingId, PolicyId, ReportId, UnitId, WorkId},
        time::Day,
    },
};

/// The scheme of the outside numbers of claims: a number is one insurer's own.
pub const NUMBER_SCHEME: &str = "claim";

/// A step, and who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What. Why is among the sentences of the entry, not here.
    pub step: Step,
    /// Who says so.
    pub by: Author,
    /// Who has corrected it since: they stand for what it says as well.
    pub corrected_by: Vec<Author>,
}

impl Told {
    /// A step that somebody says.
    pub const fn new(step: Step, by: Author) -> Self {
        Self { step, by, corrected_by: Vec::new() }
    }

    /// All who stand for what it says.
    pub fn said_by(&self) -> impl Iterator<Item = &Author> {
        std::iter::once(&self.by).chain(&self.corrected_by)
    }
}

/// What is said of a claim. The day since which it exists is that of the notice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimContent {
    /// The building.
    pub building: Said<BuildingId>,
    /// The unit, where the loss is one unit's.
    pub unit: Said<UnitId>,
    /// The policy.
    pub policy: Said<PolicyId>,
    /// The code of the cover.
    pub cover: Said<String>,
    /// The part of the building.
    pub part: Said<String>,
    /// The cause.
    pub cause: Said<String>,
    /// The day of the loss.
    pub lost_on: Said<Day>,
    /// Who claims: an opaque key.
    pub claimant: Said<String>,
    /// Its number, unique for the policy's first insurer.
    pub number: Said<String>,
    /// The event: claims of one event name the same.
    pub event: Said<String>,
    /// The household: an opaque key.
    pub household: Said<String>,
    /// The person who was harmed: an opaque key.
    pub person: Said<String>,
    /// What is claimed.
    pub claimed: Said<Fen>,
    /// The findings that it is about.
    pub findings: Said<Vec<FindingId>>,
    /// The reports that tell of it.
    pub reports: Said<Vec<ReportId>>,
    /// A step.
    pub step: Option<Told>,
}

impl ClaimContent {
    /// The findings.
    pub fn findings(&self) -> &[FindingId] {
        self.findings.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The reports.
    pub fn reports(&self) -> &[ReportId] {
        self.reports.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The work item that a payment is for.
    pub fn work(&self) -> Option<WorkId> {
        match &self.step.as_ref()?.step {
            Step::Paid(payment) => payment.work,
            _ => None,
        }
    }

    /// Whether anything but a step is said.
    pub fn says_fields(&self) -> bool {
        Self { step: None, ..self.clone() } != Self::default()
    }

    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        lay(&mut self.unit, &newer.unit);
        lay(&mut self.policy, &newer.policy);
        lay(&mut self.cover, &newer.cover);
        lay(&mut self.part, &newer.part);
        lay(&mut self.cause, &newer.cause);
        lay(&mut self.lost_on, &newer.lost_on);
        lay(&mut self.claimant, &newer.claimant);
        lay(&mut self.number, &newer.number);
        lay(&mut self.event, &newer.event);
        lay(&mut self.household, &newer.household);
        lay(&mut self.person, &newer.person);
        lay(&mut self.claimed, &newer.claimed);
        lay(&mut self.findings, &newer.findings);
        lay(&mut self.reports, &newer.reports);
        if newer.step.is_some() {
            self.step.clone_from(&newer.step);
        }
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        push(&mut texts, "unit_id", &self.unit);
        push(&mut texts, "policy_id", &self.policy);
        push(&mut texts, "cover", &self.cover);
        push(&mut texts, "part", &self.part);
        push(&mut texts, "cause", &self.cause);
        push(&mut texts, "lost_on", &self.lost_on);
        push(&mut texts, "claimant", &self.claimant);
        push(&mut texts, "claim_number", &self.number);
        push(&mut texts, "event_key", &self.event);
        push(&mut texts, "household_key", &self.household);
        push(&mut texts, "person_key", &self.person);
        push(&mut texts, "claimed_fen", &self.claimed);
        push_list(&mut texts, "finding_ids", &self.findings);
        push_list(&mut texts, "report_ids", &self.reports);
        if let Some(told) = &self.step {
            texts.push(("step".to_owned(), Some(told.step.to_string())));
        }
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        drop_unless(keep, "unit_id", &mut self.unit);
        drop_unless(keep, "policy_id", &mut self.policy);
        drop_unless(keep, "cover", &mut self.cover);
        drop_unless(keep, "part", &mut self.part);
        drop_unless(keep, "cause", &mut self.cause);
        drop_unless(keep, "lost_on", &mut self.lost_on);
        drop_unless(keep, "claimant", &mut self.claimant);
        drop_unless(keep, "claim_number", &mut self.number);
        drop_unless(keep, "event_key", &mut self.event);
        drop_unless(keep, "household_key", &mut self.household);
        drop_unless(keep, "person_key", &mut self.person);
        drop_unless(keep, "claimed_fen", &mut self.claimed);
        drop_unless(keep, "finding_ids", &mut self.findings);
        drop_unless(keep, "report_ids", &mut self.reports);
        if !keep("step") {
            self.step = None;
        }
    }
}
