//! What the passing of days makes of a finding: overdue, worse, older.
//!
//! Nothing here is kept. A finding of which nothing is said any more becomes overdue and worse by
//! itself, as in New York's façade rule, where what is to be repaired by a day and is not repaired
//! by the next cycle is unsafe. Whoever keeps totals asks for the days on which this turns.

use std::collections::BTreeSet;

use crate::{
    domain::finding::{
        View,
        catalogue::{Basis, Bucket, Catalogue, Severity},
    },
    kernel::time::Day,
};

/// A finding on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aged {
    /// How bad it is by now.
    pub severity: Severity,
    /// Since when it is worse than it was seen to be.
    pub escalated_on: Option<Day>,
    /// Days since the deadline passed; `None` when it did not, or the repair was done by it.
    pub overdue_days: Option<u32>,
    /// Days since the notice, and their span; `None` without an open notice.
    pub notice: Option<(u32, Bucket)>,
}

impl View {
    /// What days have made of it by `day`, on which nothing newer is known than this view holds.
    /// `next_check_up` is the day on which the building's next check-up is due.
    ///
    /// A repair that was said to be done stops the clock on that day, until somebody finds that it
    /// was not, or sees the defect again.
    pub fn aged(&self, day: Day, next_check_up: Option<Day>, catalogue: &Catalogue) -> Aged {
        let mut aged =
            Aged { severity: self.severity, escalated_on: None, overdue_days: None, notice: None };
        if !self.stage.is_open() {
            return aged;
        }
        if let Some(worst) = self
            .escalations(next_check_up, catalogue)
            .into_iter()
            .rfind(|(on, _)| *on <= self.clock(day))
        {
            aged.escalated_on = Some(worst.0);
            aged.severity = worst.1;
        }
        if let Some(deadline) = self.deadline.filter(|deadline| *deadline < self.clock(day)) {
            aged.overdue_days = Some(days_between(deadline, day));
        }
        aged.notice = self.notified_on.filter(|notified| *notified <= day).map(|notified| {
            let age_days = days_between(notified, day);
            (age_days, catalogue.bucket(age_days))
        });
        aged
    }

    /// The days to come on which severity, overdue or the notice's span turn by themselves, if
    /// nothing else is said.
    pub fn turns(&self, next_check_up: Option<Day>, catalogue: &Catalogue) -> BTreeSet<Day> {
        let mut turns = BTreeSet::new();
        if !self.stage.is_open() {
            return turns;
        }
        let by_the_clock = self
            .escalations(next_check_up, catalogue)
            .into_iter()
            .map(|(on, _)| on)
            .chain(self.deadline.map(Day::next));
        turns.extend(by_the_clock.filter(|on| *on <= self.clock(Day::MAX)));
        if let Some(notified) = self.notified_on {
            turns.extend(catalogue.bucket_turns().map(|days| notified.later(days)));
        }
        turns
    }

    /// The day, or that of the repair when it was said to be done before.
    fn clock(&self, day: Day) -> Day {
        self.reported_fixed_on.map_or(day, |fixed| fixed.min(day))
    }

    /// The days on which it becomes worse when nobody repairs it, rising.
    fn escalations(
        &self,
        next_check_up: Option<Day>,
        catalogue: &Catalogue,
    ) -> Vec<(Day, Severity)> {
        let mut found: Vec<(Day, Severity)> = Vec::new();
        let mut severity = self.severity;
        let mut since = self.open_since;
        loop {
            let rules = catalogue.escalations().iter().filter(|rule| rule.from == severity);
            let next = rules
                .filter_map(|rule| {
                    let basis = match rule.basis {
                        Basis::Deadline => self.deadline,
                        Basis::NextCheckUp => next_check_up,
                    }?;
                    Some((basis.later(rule.grace_days).next().max(since), rule.to))
                })
                .min_by_key(|(on, to)| (*on, std::cmp::Reverse(*to)));
            // Every rule makes it worse, so this comes to an end.
            let Some((on, to)) = next.filter(|(_, to)| *to > severity) else { break };
            found.push((on, to));
            severity = to;
            since = on;
        }
        found
    }
}

fn days_between(from: Day, to: Day) -> u32 {
    u32::try_from(to.number().saturating_sub(from.number())).unwrap_or(0)
}
