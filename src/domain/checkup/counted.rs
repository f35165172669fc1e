//! What of a building's check-ups counts in the totals, and on which days.
//!
//! Every count is one of buildings, findings or check-ups that is so on a span of days. A building is
//! counted once for each indicator of the city check-up, however many findings of its classes are
//! open, and once among the buildings that have any. A check-up counts in the month of its
//! inspection and in no other, so that the total of a month's last day is that of the month.
//!
//! A finding that has come to an end is counted by how it ended for ever, where its building was last:
//! a city asks how many ended as object gone, and of these the building is always gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        checkup::{Dossier, Span},
        due::{DueAnswer, DuePlan},
        finding::catalogue::Bucket,
        tables::Tables,
        totals::{Amounts, Cell, Landings, Measure, outlasting, spread},
    },
    kernel::time::Day,
};

/// Something that counts one on a span of days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// What is counted.
    pub measure: Measure,
    /// What it is broken down by: a grade, a colour, a class …
    pub term: String,
    /// On which days.
    pub span: Span,
    /// Whether it goes on counting when the building is no more.
    pub outlasts: bool,
}

/// Everything that counts of a building. `plan` is its due plan.
pub fn counts(dossier: &Dossier, plan: Option<&DuePlan>, tables: &Tables) -> Vec<Count> {
    let mut counts = Vec::new();
    let Some(life) = dossier.life() else { return counts };
    let mut put = |measure, term: String, span: Span| {
        if let Some(span) = span.within(life) {
            counts.push(Count { measure, term, span, outlasts: false });
        }
    };
    for graded in dossier.grades() {
        put(Measure::Graded, doubted(graded.grade.to_string(), graded.is_in_doubt), graded.span);
    }
    for coloured in dossier.colours(tables) {
        let colour = coloured.colour.colour.value.clone();
        put(Measure::Coloured, doubted(colour, coloured.is_in_doubt), coloured.span);
    }
    if let Some(plan) = plan {
        due_states(plan, &mut put);
    }
    for paper in dossier.papers.iter().filter(|paper| paper.is_accepted()) {
        let month = paper.inspected.month();
        let span = Span { from: paper.inspected, until: Some(month.next().first()) };
        put(Measure::CheckUps, doubted(paper.kind.word().to_owned(), paper.is_in_doubt), span);
    }
    let mut ended = Vec::new();
    findings(dossier, plan, tables, &mut put, &mut ended);
    counts.extend(ended);
    counts
}

/// Where counts land, with the numbers that stand for their terms.
pub fn landings(
    dossier: &Dossier,
    counts: &[Count],
    mut number: impl FnMut(&str) -> u16,
) -> Landings {
    let mut parts: BTreeMap<(Day, Day), Amounts> = BTreeMap::new();
    let mut outlast = parts.clone();
    for count in counts {
        let cell = Cell::termed(count.measure, number(&count.term));
        let span = (count.span.from, count.span.until.unwrap_or(Day::MAX));
        let parts = if count.outlasts { &mut outlast } else { &mut parts };
        parts.entry(span).or_default().add(cell, 1);
    }
    let mut landings = spread(&dossier.building, &parts);
    landings.add_all(&outlasting(&dossier.building, &outlast), 1);
    landings
}

/// What is in doubt is counted apart.
fn doubted(term: String, is_in_doubt: bool) -> String {
    if is_in_doubt { format!("{term} in_doubt") } else { term }
}

fn due_states(plan: &DuePlan, put: &mut impl FnMut(Measure, String, Span)) {
    let segments = plan.segments();
    for (index, segment) in segments.iter().enumerate() {
        let until = segments.get(index + 1).map(|next| next.from).or(plan.until());
        let span = Span { from: segment.from, until };
        // The first day on which it is overdue, if it comes to that.
        let turn = match &segment.answer {
            DueAnswer::Due { on } => Some(on.next()),
            DueAnswer::Unknown { due, may_be_free: false, .. } => due.latest.map(Day::next),
            DueAnswer::Exempt { .. } | DueAnswer::Unknown { .. } => None,
        };
        let before = match &segment.answer {
            DueAnswer::Due { .. } => "scheduled",
            DueAnswer::Exempt { .. } => "exempt",
            DueAnswer::Unknown { .. } => "unknown",
        };
        let mut state = |word: &str, part: Option<Span>| {
            if let Some(part) = part {
                put(Measure::Due, word.to_owned(), part);
            }
        };
        match turn {
            Some(turn) => {
                state(before, Span { from: Day::MIN, until: Some(turn) }.within(span));
                state("overdue", Span { from: turn, until: None }.within(span));
            }
            None => state(before, Some(span)),
        }
    }
}

fn findings(
    dossier: &Dossier,
    plan: Option<&DuePlan>,
    tables: &Tables,
    put: &mut impl FnMut(Measure, String, Span),
    ended: &mut Vec<Count>,
) {
    let mut open: Vec<(Span, BTreeSet<u32>)> = Vec::new();
    for (_, finding) in &dossier.findings {
        for stretch in dossier.stretches(finding, plan, tables) {
            let (span, view, aged) = (stretch.span, &stretch.view, stretch.aged);
            if !view.stage.is_open() {
                continue;
            }
            put(Measure::FindingsByStage, view.stage.word().to_owned(), span);
            put(Measure::FindingsByClass, view.class.clone(), span);
            put(Measure::FindingsBySeverity, aged.severity.word().to_owned(), span);
            if aged.overdue_days.is_some() {
                put(Measure::FindingsOverdue, aged.severity.word().to_owned(), span);
            }
            if let Some((_, bucket)) = aged.notice {
                put(Measure::FindingsByAge, bucket_word(bucket), span);
            }
            let class = tables.findings_on(view.first_observed);
            let class = class.and_then(|catalogue| catalogue.class(&view.class).ok());
            let indicators = class.map(|class| class.indicators.clone()).unwrap_or_default();
            open.push((span, indicators));
        }
        for (span, stage) in dossier.ended(finding, tables) {
            let (measure, term) = (Measure::FindingsByStage, stage.word().to_owned());
            ended.push(Count { measure, term, span, outlasts: true });
        }
    }
    for (term, spans) in distinct(&open) {
        for span in spans {
            put(Measure::Indicator, term.clone(), span);
        }
    }
}

/// The word of a span of ages, in days: `31..90`, `366..`.
pub fn bucket_word(bucket: Bucket) -> String {
    match bucket.to_days {
        Some(to) => format!("{}..{to}", bucket.from_days),
        None => format!("{}..", bucket.from_days),
    }
}

/// The days on which at least one of the findings of an indicator is open, and of any (`any`).
fn distinct(open: &[(Span, BTreeSet<u32>)]) -> BTreeMap<String, Vec<Span>> {
    let mut by_term: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for (span, indicators) in open {
        for indicator in indicators {
            by_term.entry(format!("{indicator:02}")).or_default().push(*span);
        }
        if !indicators.is_empty() {
            by_term.entry("any".to_owned()).or_default().push(*span);
        }
    }
    for spans in by_term.values_mut() {
        *spans = joined(std::mem::take(spans));
    }
    by_term
}

/// The union of spans, as spans that do not touch.
pub fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.until.is_none_or(|until| span.from <= until) => {
                last.until = match (last.until, span.until) {
                    (Some(one), Some(other)) => Some(one.max(other)),
                    _ => None,
                };
            }
            _ => joined.push(span),
        }
    }
    joined
}
