//! What is said of a report, field by field, and where it stands by that.
//!
//! The day of the inspection is the day from which the report exists. Each step is a field that is
//! said from the step's own day on, so that a step is corrected and taken back like anything else.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        author::Author,
        content::{FieldText, Fields, Said, drop_unless, lay, push, push_list},
        grade::Grade,
        qualification::CompanyKey,
        report::{Refusal, Report, ReportKind, State, Step, Submission},
        timeline::Timeline,
    },
    kernel::{
        hash::Hash,
        id::{BodyId, BuildingId, OrderId, ReportId, SignerId},
        time::Day,
    },
};

/// A document of which the registry knows the hash; it lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Its media type, for example `application/pdf`.
    pub media_type: String,
    /// Where it lies; may be empty.
    pub uri: String,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{} {} bytes {}", self.sha256, self.size_bytes, self.media_type)?;
        if self.uri.is_empty() { Ok(()) } else { write!(f, " {}", self.uri) }
    }
}

/// Who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatures {
    /// Every signer once.
    pub signers: BTreeSet<SignerId>,
    /// The scope that they signed for.
    pub scope: String,
}

impl fmt::Display for Signatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.signers.iter().map(ToString::to_string).collect::<Vec<_>>();
        write!(f, "{} for {}", names.join(" "), self.scope)
    }
}

/// How a submitted report was judged. Why is among the sentences of the entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Accepted, or returned.
    pub is_accepted: bool,
    /// By whom.
    pub by: Author,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_accepted { "accepted" } else { "returned" };
        write!(f, "{word} by {}", who(&self.by))
    }
}

fn who(author: &Author) -> &str {
    if author.person.is_empty() { &author.subject } else { &author.person }
}

/// What is said of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportContent {
    /// The building.
    pub building: Said<BuildingId>,
    /// The order that it answers.
    pub order: Said<OrderId>,
    /// What kind of looking it was.
    pub kind: Said<ReportKind>,
    /// The body that made it.
    pub body: Said<BodyId>,
    /// The grades that it gives the building.
    pub grades: Said<Vec<Grade>>,
    /// What it looked at, by the codes of the catalogue's dimensions.
    pub dimensions: Said<Vec<String>>,
    /// Whether it asks for an appraisal.
    pub triggers_appraisal: Said<bool>,
    /// Its papers.
    pub documents: Said<Vec<Document>>,
    /// Companies that the building concerns, beside which nobody with an interest may sign.
    pub companies: Said<Vec<CompanyKey>>,
    /// Who signed, from the day of the signatures on.
    pub signed: Said<Signatures>,
    /// Who submitted it, from that day on.
    pub submitted: Said<Author>,
    /// How it was judged, from that day on.
    pub judged: Said<Judgement>,
    /// The report that takes its place, from that day on.
    pub superseded: Said<ReportId>,
}

impl ReportContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        lay(&mut self.order, &newer.order);
        lay(&mut self.kind, &newer.kind);
        lay(&mut self.body, &newer.body);
        lay(&mut self.grades, &newer.grades);
        lay(&mut self.dimensions, &newer.dimensions);
        lay(&mut self.triggers_appraisal, &newer.triggers_appraisal);
        lay(&mut self.documents, &newer.documents);
        lay(&mut self.companies, &newer.companies);
        lay(&mut self.signed, &newer.signed);
        lay(&mut self.submitted, &newer.submitted);
        lay(&mut self.judged, &newer.judged);
        lay(&mut self.superseded, &newer.superseded);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        push(&mut texts, "order_id", &self.order);
        push(&mut texts, "kind", &worded(self.kind, ReportKind::word));
        push(&mut texts, "body_id", &self.body);
        push_list(&mut texts, "grades", &self.grades);
        push_list(&mut texts, "dimensions", &self.dimensions);
        push(&mut texts, "triggers_appraisal", &self.triggers_appraisal);
        push_list(&mut texts, "documents", &self.documents);
        push_list(&mut texts, "companies", &self.companies);
        push(&mut texts, "signed", &self.signed);
        let submitted = self.submitted.as_ref().map(|by| by.as_ref().map(|by| who(by).to_owned()));
        push(&mut texts, "submitted", &submitted);
        push(&mut texts, "judged", &self.judged);
        push(&mut texts, "superseded_by", &self.superseded);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        drop_unless(keep, "order_id", &mut self.order);
        drop_unless(keep, "kind", &mut self.kind);
        drop_unless(keep, "body_id", &mut self.body);
        drop_unless(keep, "grades", &mut self.grades);
        drop_unless(keep, "dimensions", &mut self.dimensions);
        drop_unless(keep, "triggers_appraisal", &mut self.triggers_appraisal);
        drop_unless(keep, "documents", &mut self.documents);
        drop_unless(keep, "companies", &mut self.companies);
        drop_unless(keep, "signed", &mut self.signed);
        drop_unless(keep, "submitted", &mut self.submitted);
        drop_unless(keep, "judged", &mut self.judged);
        drop_unless(keep, "superseded_by", &mut self.superseded);
    }
}

fn worded<T: Copy>(said: Said<T>, word: impl Fn(T) -> &'static str) -> Said<String> {
    said.map(|value| value.map(|value| word(value).to_owned()))
}

/// The step that was said last of those that are said up to `day`, with its day.
fn step<T: Clone>(
    timeline: &Timeline,
    day: Day,
    of: impl Fn(&ReportContent) -> &Said<T>,
) -> Option<(Day, T)> {
    let mut found = None;
    // What is said with the registration is said of the day of the inspection.
    let registered = timeline.registration();
    for (statement, content) in timeline.contents() {
        let on = match registered {
            Some((first, inspected)) if first.seq == statement.seq => inspected.latest(),
            _ => statement.from,
        };
        if on <= day
            && let Fields::Report(report) = &content.fields
            && let Some(said) = of(report)
        {
            found = said.clone().map(|value| (on, value));
        }
    }
    found
}

/// Where the report with this life stands on `day`.
pub fn state_on(timeline: &Timeline, day: Day) -> State {
    let judged = step(timeline, day, |report| &report.judged);
    let is_accepted = judged.as_ref().is_some_and(|(_, judged)| judged.is_accepted);
    if let Some((on, by)) = step(timeline, day, |report| &report.superseded) {
        return State::Superseded { on, by, was_accepted: is_accepted };
    }
    let signed = step(timeline, day, |report| &report.signed);
    let (signed_on, signers, on, by) =
        match (signed, step(timeline, day, |report| &report.submitted)) {
            (None, None) => return State::Drafted,
            (Some((on, signed)), None) => return State::Signed { on, signers: signed.signers },
            (Some((signed_on, signed)), Some((on, by))) => (signed_on, signed.signers, on, by),
            (None, Some((on, by))) => (on, BTreeSet::new(), on, by),
        };
    let submission = Submission { signed_on, signers, on, by };
    match judged {
        None => State::Submitted { submission },
        Some((on, Judgement { is_accepted: true, by })) => State::Accepted { submission, on, by },
        Some((on, Judgement { by, .. })) => {
            State::Returned { submission, on, by, reason: String::new() }
        }
    }
}

/// The steps that a report took up to a day, each with its day, in the order in which they are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Who signed.
    pub signed: Option<(Day, Signatures)>,
    /// Who submitted it.
    pub submitted: Option<(Day, Author)>,
    /// How it was judged.
    pub judged: Option<(Day, Judgement)>,
    /// What took its place.
    pub superseded: Option<(Day, ReportId)>,
}

/// The steps that are said up to `day`.
pub fn steps_on(timeline: &Timeline, day: Day) -> Steps {
    Steps {
        signed: step(timeline, day, |report| &report.signed),
        submitted: step(timeline, day, |report| &report.submitted),
        judged: step(timeline, day, |report| &report.judged),
        superseded: step(timeline, day, |report| &report.superseded),
    }
}

/// Takes the steps of a life one after another: what a correction or retraction leaves behind must
/// be a way that could have been gone. All that stands against the first step that could not be taken
/// is told.
pub fn replay(key: ReportId, timeline: &Timeline, today: Day) -> Result<(), Vec<Refusal>> {
    let Some((_, inspected)) = timeline.registration() else { return Ok(()) };
    let Some(Fields::Report(fields)) = timeline.content_at(Day::MAX).map(|content| content.fields)
    else {
        return Ok(());
    };
    let kind = fields.kind.flatten().unwrap_or(ReportKind::CheckUp);
    let mut report = Report::draft(key, kind, fields.body.flatten(), inspected.latest());
    let Steps { signed, submitted, judged, superseded } = steps_on(timeline, Day::MAX);
    if let Some((on, signed)) = signed {
        report = report.advance(Step::Sign(signed.signers), on, &Author::default(), today)?;
    }
    if let Some((on, by)) = submitted {
        report = report.advance(Step::Submit, on, &by, today)?;
    }
    if let Some((on, judged)) = judged {
        // Why it was returned stands beside the entry.
        let returned = || Step::Return("returned".to_owned());
        let step = if judged.is_accepted { Step::Accept } else { returned() };
        report = report.advance(step, on, &judged.by, today)?;
    }
    if let Some((on, by)) = superseded {
        report.advance(Step::Supersede(by), on, &Author::default(), today)?;
    }
    Ok(())
}
