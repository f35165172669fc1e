//! What an entry says of a finding: one event at a time, each in a place of the timeline.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        author::Author,
        content::{FieldText, Fields, Said, drop_unless, lay, push},
        finding::{Event, EventId, Finding, Saying},
        timeline::{self, Timeline},
    },
    kernel::id::{BuildingId, FindingId},
};

/// Something that was said of a finding, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What. Reasons are among the sentences of the entry, not here.
    pub saying: Saying,
    /// Who says so.
    pub by: Author,
}

/// What is said of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingContent {
    /// The building that it is in.
    pub building: Said<BuildingId>,
    /// The event.
    pub event: Option<Told>,
}

impl FindingContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        if newer.event.is_some() {
            self.event.clone_from(&newer.event);
        }
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        if let Some(event) = &self.event {
            texts.push(("event".to_owned(), Some(event.saying.to_string())));
        }
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        if !keep("event") {
            self.event = None;
        }
    }
}

/// The finding whose life is `timeline`; `None` when it was entered in error.
///
/// Only what stands is taken: the timeline has followed the corrections already.
pub fn of_timeline(id: FindingId, timeline: &Timeline) -> Option<Finding> {
    let mut finding: Option<Finding> = None;
    timeline.registration()?;
    let registered = timeline.registration().map(|(statement, day)| (statement.seq, day));
    for place in timeline.places() {
        let statement = &place.statement;
        let (timeline::Saying::Registered { content, .. } | timeline::Saying::Changed(content)) =
            &statement.saying
        else {
            continue;
        };
        let Fields::Finding(content) = &content.fields else { continue };
        if finding.is_none() {
            finding = Some(Finding::new(content.building.flatten()?, id));
        }
        if let (Some(finding), Some(seen_in)) = (&mut finding, content.building.flatten()) {
            finding.place_in(seen_in, content.event.as_ref().and_then(|it| it.saying.report()));
        }
        let (Some(finding), Some(told)) = (&mut finding, &content.event) else { continue };
        let on = match registered {
            Some((seq, day)) if seq == statement.seq => day.latest(),
            _ => statement.from,
        };
        finding.push(Event {
            // The place orders what is of one day, whoever has corrected it since.
            id: EventId { seq: place.seq, item: 0 },
            on,
            second: statement.second,
            key: statement.key.clone(),
            by: told.by.clone(),
            corrects: None,
            saying: told.saying.clone(),
        });
    }
    finding
}
