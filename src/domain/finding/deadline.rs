//! The last day for a repair where the notice gives none: it follows from the day of the notice by the
//! rule, and is kept nowhere.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    domain::{
        finding::{Event, Finding, Saying},
        tables::Tables,
    },
    kernel::{id::ReferenceId, time::Day},
};

impl Finding {
    /// The same where a notice that gives no last day for the repair has the one that the rules set.
    /// It is found anew whenever the finding is looked at, so that it follows a notice whose day is
    /// corrected, what was assessed by then, and another edition of the rules.
    #[must_use]
    pub fn by_rules(mut self, tables: &Tables) -> Self {
        let mut found = BTreeMap::new();
        for (id, event) in self.standing() {
            if event.saying == (Saying::Notified { deadline: None })
                && let Some((_, deadline)) = self.rule_for(event.on, tables)
            {
                found.insert(id, deadline);
            }
        }
        self.deadlines = found;
        self
    }

    /// The last day for the repair by the rules when a notice is served on a day, with the edition
    /// that sets it: by that of the notice's day, or else of the day on which the finding was first
    /// seen, for class and severity as they were on the notice's day by all that is known.
    pub fn rule_for(&self, notified_on: Day, tables: &Tables) -> Option<(ReferenceId, Day)> {
        let view = self.view_on(notified_on)?;
        [notified_on, view.first_observed].into_iter().find_map(|day| {
            let (edition, catalogue) = tables.findings_by(day)?;
            let deadline = catalogue.deadline(&view.class, view.severity, notified_on).ok()?;
            Some(deadline.map(|deadline| (edition, deadline)))
        })?
    }

    /// All that was said, in the order of the entries, with the last days that the rules set.
    pub fn events_by_rules(&self) -> impl Iterator<Item = Event> {
        self.events().map(|event| self.by_rule(event).into_owned())
    }

    /// An event, if it is a notice that gives no last day with the one that the rules set.
    pub(super) fn by_rule<'e>(&self, event: &'e Event) -> Cow<'e, Event> {
        match (&event.saying, self.deadlines.get(&event.id)) {
            (Saying::Notified { deadline: None }, Some(deadline)) => {
                let saying = Saying::Notified { deadline: Some(*deadline) };
                Cow::Owned(Event { saying, ..event.clone() })
            }
            _ => Cow::Borrowed(event),
        }
    }
}
