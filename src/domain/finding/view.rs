//! A finding as it stands on a day: how each saying leads on from where it stands.

use std::collections::BTreeSet;

use crate::{
    domain::{
        author::Author,
        finding::{
            Event, EventId, Measure, Observation, PartyKey, Refusal, Saying, Stage,
            catalogue::Severity,
        },
        key::ProjectKey,
        party,
    },
    kernel::time::Day,
};

/// A finding as it stands on a day, before what the passing of days makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where it stands.
    pub stage: Stage,
    /// Since when it stands there.
    pub since: Day,
    /// The class's code: that of the first observation, or as assessed.
    pub class: String,
    /// The worst that was seen since it was last assessed.
    pub severity: Severity,
    /// When it was first seen.
    pub first_observed: Day,
    /// Since when it is open without an end between: first seen, opened again, or seen again after
    /// the repair was verified.
    pub open_since: Day,
    /// All observations in the order of their days.
    pub observations: Vec<(EventId, Day, Observation)>,
    /// The day of the first notice.
    pub notified_on: Option<Day>,
    /// The last day for the repair.
    pub deadline: Option<Day>,
    /// The day for which the repair is said to be done, while nobody has found otherwise.
    pub reported_fixed_on: Option<Day>,
    /// Since when it is watched.
    pub monitored_since: Option<Day>,
    /// Emergency measures in place.
    pub measures: BTreeSet<Measure>,
    /// The renovation project that is to mend it.
    pub project: Option<ProjectKey>,
    /// Events that do not fit where they stand, and why. They change nothing.
    pub out_of_place: Vec<(EventId, Refusal)>,
    repairs: Vec<Repair>,
    /// Who is to repair.
    planned: Option<PartyKey>,
}

/// That somebody repairs, or has repaired, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Repair {
    by: PartyKey,
    said_by: Author,
}

impl Repair {
    /// Whether a party is the repairer: who is said to repair, or the institution for which it is
    /// said. An office may record what a contractor did, and verify it by another person.
    fn is_of(&self, party: &str) -> bool {
        party::are_same(&self.by.0, party)
            || (!self.said_by.is_of_office() && party::are_same(&self.said_by.institution, party))
    }
}

impl View {
    pub(super) fn begun(id: EventId, on: Day, observation: &Observation) -> Self {
        Self {
            stage: Stage::Open,
            since: on,
            class: observation.class.clone(),
            severity: observation.severity,
            first_observed: on,
            open_since: on,
            observations: vec![(id, on, observation.clone())],
            notified_on: None,
            deadline: None,
            reported_fixed_on: None,
            monitored_since: None,
            measures: BTreeSet::new(),
            project: None,
            out_of_place: Vec::new(),
            repairs: Vec::new(),
            planned: None,
        }
    }

    /// Whether another finding of the same building may be the same defect: both open, of one
    /// class, in places that agree. To be offered to people, never to be acted on.
    pub fn may_be(&self, other: &Self) -> bool {
        let place = |view: &Self| view.observations.first().map(|(_, _, seen)| seen.place.clone());
        self.stage.is_open()
            && other.stage.is_open()
            && self.class == other.class
            && place(self).unwrap_or_default().may_be(&place(other).unwrap_or_default())
    }

    pub(super) fn take(&mut self, event: &Event) -> Result<(), Refusal> {
        if let Saying::Reopened { .. } = event.saying {
            return self.reopen(event.on);
        }
        if let Saying::Observed(observation) = &event.saying {
            return self.see_again(event, observation);
        }
        if !self.stage.is_open() {
            return Err(Refusal::NoSuchStep(self.stage));
        }
        match &event.saying {
            Saying::Assessed { class, severity, .. } => {
                self.class.clone_from(class);
                self.severity = *severity;
                Ok(())
            }
            Saying::Notified { .. }
            | Saying::DeadlineMoved { .. }
            | Saying::Planned { .. }
            | Saying::RepairBegan { .. }
            | Saying::ReportedFixed { .. } => self.take_towards_repair(event),
            Saying::Verified { .. } | Saying::VerificationFailed { .. } => self.judge_repair(event),
            Saying::Closed if self.stage == Stage::Verified => {
                self.stand(Stage::Closed, event.on);
                Ok(())
            }
            Saying::ObjectGone { .. } => {
                if self.is_repairer(&event.by) {
                    return Err(Refusal::GoneByRepairer);
                }
                self.stand(Stage::ObjectGone, event.on);
                Ok(())
            }
            Saying::Waived { .. } => {
                self.stand(Stage::Waived, event.on);
                Ok(())
            }
            _ => self.take_beside(event),
        }
    }

    const fn stand(&mut self, stage: Stage, on: Day) {
        self.stage = stage;
        self.since = on;
    }

    /// The building is no more from a day on. What was seen in the ruins is gone when it was seen.
    pub(super) fn lose_object(&mut self, gone_from: Day) {
        if self.stage.is_open() {
            self.stand(Stage::ObjectGone, gone_from.max(self.first_observed));
        }
    }

    /// It is seen once more. What somebody sees is not repaired, whoever said so before: a repair
    /// that nobody has verified was none, and its notice stands; after a verification it is open
    /// anew, as bad as it is seen now, and waits for a notice of its own.
    fn see_again(&mut self, event: &Event, seen: &Observation) -> Result<(), Refusal> {
        match self.stage {
            Stage::Waived | Stage::ObjectGone => return Err(Refusal::NoSuchStep(self.stage)),
            Stage::ReportedFixed => {
                let noticed = self.notified_on.map_or(Stage::Open, |_| Stage::Notified);
                self.stand(noticed, event.on);
                self.reported_fixed_on = None;
            }
            Stage::Verified | Stage::Closed => {
                self.open_anew(event.on);
                self.severity = seen.severity;
            }
            Stage::Open | Stage::Notified | Stage::Planned | Stage::UnderRepair => {}
        }
        self.severity = self.severity.max(seen.severity);
        self.observations.push((event.id, event.on, seen.clone()));
        Ok(())
    }

    fn reopen(&mut self, on: Day) -> Result<(), Refusal> {
        if !matches!(self.stage, Stage::Closed | Stage::Waived) {
            return Err(Refusal::NoSuchStep(self.stage));
        }
        self.open_anew(on);
        Ok(())
    }

    fn open_anew(&mut self, on: Day) {
        self.stand(Stage::Open, on);
        self.open_since = on;
        self.notified_on = None;
        self.deadline = None;
        self.reported_fixed_on = None;
        self.repairs.clear();
        self.planned = None;
    }

    fn take_towards_repair(&mut self, event: &Event) -> Result<(), Refusal> {
        // Owner and contractor may both report it, and a late paper may name another hand in it:
        // none of them is to verify it.
        if self.stage == Stage::ReportedFixed
            && let Saying::RepairBegan { repairer } | Saying::ReportedFixed { repairer } =
                &event.saying
        {
            self.repairs.push(Repair { by: repairer.clone(), said_by: event.by.clone() });
            return Ok(());
        }
        if !self.stage.awaits_repair() {
            return Err(Refusal::NoSuchStep(self.stage));
        }
        let next = match &event.saying {
            Saying::Notified { deadline } => {
                self.notified_on = self.notified_on.or(Some(event.on));
                self.deadline = *deadline;
                Stage::Notified
            }
            Saying::DeadlineMoved { deadline, .. } => {
                if self.notified_on.is_none() {
                    return Err(Refusal::NoSuchStep(self.stage));
                }
                self.deadline = Some(*deadline);
                return Ok(());
            }
            Saying::Planned { repairer } => {
                self.planned = Some(repairer.clone());
                Stage::Planned
            }
            Saying::RepairBegan { repairer } => {
                self.repairs.push(Repair { by: repairer.clone(), said_by: event.by.clone() });
                Stage::UnderRepair
            }
            Saying::ReportedFixed { repairer } => {
                self.repairs.push(Repair { by: repairer.clone(), said_by: event.by.clone() });
                self.reported_fixed_on = Some(event.on);
                Stage::ReportedFixed
            }
            _ => return Err(Refusal::NoSuchStep(self.stage)),
        };
        // A notice that is served, or a plan that is made, during a repair takes nothing back.
        if next > self.stage {
            self.stand(next, event.on);
        }
        Ok(())
    }

    fn judge_repair(&mut self, event: &Event) -> Result<(), Refusal> {
        if self.stage != Stage::ReportedFixed {
            return Err(Refusal::NoSuchStep(self.stage));
        }
        if let Saying::Verified { verifier } = &event.saying {
            if self.has_repaired(&verifier.0, &event.by) {
                return Err(Refusal::VerifierRepaired);
            }
            self.stand(Stage::Verified, event.on);
        } else {
            self.reported_fixed_on = None;
            self.stand(Stage::UnderRepair, event.on);
        }
        Ok(())
    }

    /// Whether somebody is the repairer: of a party that is, or a person who said that it repairs. There
    /// is no other notion of it; `party` is for whom they speak here, beside their institution.
    fn has_repaired(&self, party: &str, by: &Author) -> bool {
        self.repairs.iter().any(|repair| {
            repair.is_of(party) || repair.is_of(&by.institution) || repair.said_by.same_person(by)
        })
    }

    /// Whether somebody is the repairer, or of the party that is to be.
    fn is_repairer(&self, by: &Author) -> bool {
        let is_of = |planned: &PartyKey| party::are_same(&planned.0, &by.institution);
        self.planned.as_ref().is_some_and(is_of) || self.has_repaired("", by)
    }

    fn take_beside(&mut self, event: &Event) -> Result<(), Refusal> {
        let is_done = match event.saying {
            Saying::Monitored => {
                self.monitored_since = self.monitored_since.or(Some(event.on));
                true
            }
            Saying::MonitoringEnded => self.monitored_since.take().is_some(),
            Saying::MeasureTaken(measure) => {
                self.measures.insert(measure);
                true
            }
            Saying::MeasureLifted(measure) => self.measures.remove(&measure),
            Saying::Included(project) => {
                self.project = Some(project);
                true
            }
            Saying::Excluded => self.project.take().is_some(),
            _ => false,
        };
        if is_done { Ok(()) } else { Err(Refusal::NoSuchStep(self.stage)) }
    }
}
