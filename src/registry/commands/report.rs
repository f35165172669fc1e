//! Reports: drafted with what they found, and taken from step to step.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::{Content, Fields, Shared},
        finding::Saying as FindingSaying,
        report::{
            self, Judgement, Report, ReportContent, ReportKind, Step, check_grades, check_observed,
            check_step_day, replay, state_on,
        },
        tables::Tables,
        timeline::{Presence, Timeline},
    },
    kernel::{
        id::{BuildingId, ReferenceId, ReportId, SubjectId},
        position::{Partition, Seq},
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{AdvanceReport, RecordReport, ReportStep, Sighting},
        commands::{
            finding::{
                Judged, collision, edition_entry, judge_sighting, not_exact, presence,
                reference_missing, standing_of,
            },
            other_building,
            register::Unresolved,
            rules::{needs_reason, real_subject, reason_missing, references, settle},
            superseded,
        },
        dossier::{Knowing, building_of, verdicts},
        error::{Class, Error, Refusal},
        fact::{Fact, SourceRow},
        record::Record,
        tx::{Decided, Draft, Tx},
    },
};

/// Where the fields of a step stand in a request.
struct Paths {
    /// Whether the request says the report's own fields, too.
    is_of_record: bool,
    day: &'static str,
    signers: &'static str,
    scope: &'static str,
}

/// Where the fields of the steps that come with a report stand.
pub(crate) struct StepPaths {
    /// The day of the signatures.
    pub signed_on: &'static str,
    /// Who signed.
    pub signers: &'static str,
    /// What they signed for.
    pub scope: &'static str,
    /// The day of the submission.
    pub submitted_on: &'static str,
}

/// As a request has them.
const OF_REQUEST: StepPaths = StepPaths {
    signed_on: "signatures.on",
    signers: "signatures.signer_ids",
    scope: "signatures.scope",
    submitted_on: "submitted_on",
};

/// What stands against a command, and what was insisted on.
#[derive(Default)]
struct Against {
    refusals: Vec<Refusal>,
    overridden: Vec<String>,
}

/// A report at work, with what was said of it so far.
pub(crate) struct Paper {
    /// As it stands.
    pub report: Report,
    /// All that it says.
    pub fields: ReportContent,
    /// What it is of.
    pub building: BuildingId,
    /// The fields of which it says why they are not known.
    pub unknown: BTreeSet<String>,
}

/// Drafts a report with what it found, and takes the steps that come with it.
pub(crate) fn record(tx: &mut Tx<'_, '_>, command: RecordReport) -> Result<Decided, Error> {
    let subjects = record_from(tx, command, None, &OF_REQUEST, Unresolved::default())?;
    Ok(Decided { subjects, ..Decided::default() })
}

/// The same of a row of a source, of which references may lead nowhere. Answers the report and what
/// it found.
pub(crate) fn record_from(
    tx: &mut Tx<'_, '_>,
    command: RecordReport,
    source_row: Option<&SourceRow>,
    paths: &StepPaths,
    unresolved: Unresolved,
) -> Result<Vec<SubjectId>, Error> {
    let RecordReport { seed, content, inspected, findings, steps, sentences } = command;
    let Fields::Report(fields) = &content.fields else {
        return Err(Error::Bug(format!("a {:?} is no report", content.kind())));
    };
    let Unresolved { fields: missing, refusals } = unresolved;
    let mut against = Against { refusals, ..Against::default() };
    against.refusals.extend(required(fields));
    // Without a building there is no partition to ask.
    let Some(building) = fields.building.flatten() else {
        return Err(Error::Refused(beside_missing(against.refusals, &missing)));
    };
    let partition = building.partition();
    references(tx, partition, &content, &mut against.refusals)?;
    judge(tx, fields, inspected, "inspected_on", &mut against.refusals)?;
    let id = ReportId::new(seed.born_in(partition));
    if tx.work.known(partition, id.into())?.is_some() {
        against.refusals.push(collision());
    }
    let sightings = sightings(tx, building, findings, &mut against)?;
    // One of no kind is refused already; a patrol is asked least of.
    let kind = fields.kind.flatten().unwrap_or(ReportKind::Patrol);
    let mut report = Report::draft(id, kind, fields.body.flatten(), inspected);
    report.triggers_appraisal = fields.triggers_appraisal.flatten().unwrap_or(false);
    let unknown = doubted(&content.shared);
    let mut paper = Paper { report, fields: fields.as_ref().clone(), building, unknown };
    let drafts = take_all(tx, &mut paper, steps, paths, &mut against)?;
    settle(beside_missing(std::mem::take(&mut against.refusals), &missing))?;

    let basis = basis_of_draft(tx, fields, inspected)?;
    let exists_from = ImpreciseDay::exactly(inspected);
    let fact = Fact::Registered { subject: id.into(), exists_from, content: content.clone() };
    let source_row = source_row.cloned();
    let row = source_row.clone();
    let draft = Draft { basis, sentences, source_row, ..Draft::new(partition, fact) };
    tx.accept(draft.from(inspected))?;
    let mut subjects = vec![SubjectId::from(id)];
    for Judged { id: finding, draft, .. } in sightings {
        tx.accept(of_report(draft, id))?;
        subjects.push(finding.into());
    }
    for draft in drafts {
        tx.accept(Draft { source_row: row.clone(), ..draft })?;
    }
    Ok(subjects)
}

/// What is told beside references that lead nowhere: not that what they name is missing.
fn beside_missing(mut refusals: Vec<Refusal>, missing: &[&str]) -> Vec<Refusal> {
    let is_missing =
        |field: &str| field.strip_prefix("fields.").is_some_and(|name| missing.contains(&name));
    refusals.retain(|refusal| refusal.reason != "REQUIRED" || !is_missing(&refusal.field));
    refusals
}

/// What a row of a source says of a report that is known.
pub(crate) struct RowSteps<'r> {
    /// Its fields, as they are once the row is taken.
    pub fields: &'r ReportContent,
    /// The day of the inspection, then.
    pub inspected: Day,
    /// The steps that it has not taken yet.
    pub steps: Vec<(ReportStep, Day)>,
    /// Where they stand in the row.
    pub paths: &'r StepPaths,
}

/// The steps of a report that is known, judged and not recorded yet.
pub(crate) fn further_steps(
    tx: &mut Tx<'_, '_>,
    id: ReportId,
    record: &Record,
    row: RowSteps<'_>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Draft>, Error> {
    let mut paper = paper_of(id, record)?;
    paper.fields.lay(row.fields);
    paper.report.inspected_on = row.inspected;
    paper.report.kind = paper.fields.kind.flatten().unwrap_or(paper.report.kind);
    paper.report.body = paper.fields.body.flatten();
    let mut against = Against::default();
    if row.steps.iter().any(|(step, _)| *step == ReportStep::Submit) {
        judge_order(tx, &paper.fields, paper.building, row.inspected, &mut against.refusals)?;
    }
    let drafts = take_all(tx, &mut paper, row.steps, row.paths, &mut against)?;
    refusals.extend(against.refusals);
    Ok(drafts)
}

/// Takes the steps that come with a report. After one that is refused only the days of the others
/// can be judged.
fn take_all(
    tx: &mut Tx<'_, '_>,
    paper: &mut Paper,
    steps: Vec<(ReportStep, Day)>,
    of: &StepPaths,
    against: &mut Against,
) -> Result<Vec<Draft>, Error> {
    let mut drafts = Vec::new();
    let mut after = paper.report.inspected_on;
    let mut is_stuck = false;
    for (step, on) in steps {
        let paths = match step {
            ReportStep::Sign(_) => {
                let (signers, scope) = (of.signers, of.scope);
                Paths { is_of_record: true, day: of.signed_on, signers, scope }
            }
            _ => Paths { is_of_record: true, day: of.submitted_on, signers: "", scope: "" },
        };
        if is_stuck {
            if let Err(refusal) = check_step_day(on, after, tx.today()) {
                against.refusals.push(refusal_of(&refusal, paths.day));
            }
        } else if let Some(draft) = take(tx, paper, step, on, &paths, against)? {
            drafts.push(draft);
        } else {
            is_stuck = true;
        }
        after = on;
    }
    Ok(drafts)
}

/// What every report has.
fn required(fields: &ReportContent) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let needed = [
        (fields.building.flatten().is_some(), "fields.building_id", "a report is of a building"),
        (fields.kind.flatten().is_some(), "fields.kind", "a report is of a kind"),
    ];
    for (is_there, field, message) in needed {
        if !is_there {
            refusals.push(Refusal::of(Class::Invalid, "REQUIRED", field, message));
        }
    }
    refusals
}

/// What stands against what was found.
fn sightings(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    findings: Vec<(usize, Sighting)>,
    against: &mut Against,
) -> Result<Vec<Judged>, Error> {
    let mut judged: Vec<Judged> = Vec::new();
    for (index, sighting) in findings {
        let prefix = format!("findings[{index}].");
        // A building that is not there is told of once, by the report.
        let mut unheard = Vec::new();
        let presence = presence(tx, building, "", sighting.on, &mut unheard)?;
        let one = judge_sighting(tx, building, presence, sighting, &prefix, &mut against.refusals)?;
        if let Some(one) = &one
            && judged.iter().any(|other| other.id == one.id)
        {
            let message = "a report observes each finding once";
            let field = format!("{prefix}finding_id");
            against.refusals.push(Refusal::of(Class::Invalid, "REPEATED", &field, message));
        }
        judged.extend(one);
    }
    Ok(judged)
}

/// A sighting as one of a report.
fn of_report(mut draft: Draft, report: ReportId) -> Draft {
    if let Fact::Registered { content, .. } | Fact::Changed { content, .. } = &mut draft.fact
        && let Fields::Finding(fields) = &mut content.fields
        && let Some(told) = &mut fields.event
        && let FindingSaying::Observed(seen) = &mut told.saying
    {
        seen.report = Some(report);
    }
    draft
}

/// What stands against what a report says, whatever steps it has taken.
fn judge(
    tx: &mut Tx<'_, '_>,
    fields: &ReportContent,
    inspected: Day,
    day_field: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let (Some(building), kind) = (fields.building.flatten(), fields.kind.flatten()) else {
        return Ok(());
    };
    // One that is not known was told of as a reference.
    let presence = presence(tx, building, "", inspected, &mut Vec::new())?;
    let presence = presence.unwrap_or(Presence::Unknown);
    if let Err(refusal) = check_observed(inspected, tx.today(), presence) {
        refusals.push(refusal_of(&refusal, day_field));
    }
    if let Some(kind) = kind.filter(|kind| kind.needs_body())
        && fields.body.flatten().is_none()
    {
        let message = format!("a {} is made by a body", kind.word());
        refusals.push(Refusal::of(Class::Invalid, "REQUIRED", "fields.body_id", message));
    }
    if kind.is_some_and(|kind| !kind.may_trigger_appraisal())
        && fields.triggers_appraisal.flatten() == Some(true)
    {
        let message = "an appraisal does not ask for one";
        let field = "fields.triggers_appraisal";
        refusals.push(Refusal::of(Class::Invalid, "TRIGGERS_ITSELF", field, message));
    }
    judge_order(tx, fields, building, inspected, refusals)?;
    let tables = tx.work.tables(building.partition())?;
    // An appraisal may give any grade.
    let grading = kind.unwrap_or(ReportKind::Appraisal);
    judge_grades(fields, grading, inspected, &tables, refusals);
    judge_dimensions(fields, inspected, &tables, refusals);
    Ok(())
}

/// A report answers an order of its own building that stands, asks for its kind, and was given to
/// the body that made it: the one that was asked on the day of the inspection, or else the one that
/// was asked since.
fn judge_order(
    tx: &mut Tx<'_, '_>,
    fields: &ReportContent,
    building: BuildingId,
    inspected: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Some(order) = fields.order.flatten().map(SubjectId::from) else { return Ok(()) };
    if order.partition() != building.partition() {
        return Ok(());
    }
    let Some(record) = tx.work.known(order.partition(), order)? else { return Ok(()) };
    let Some(Fields::Order(asked)) =
        record.timeline.content_at(Day::MAX).map(|content| content.fields)
    else {
        return Ok(());
    };
    let field = "fields.order_id";
    if asked.building.flatten() != Some(building) {
        let message = format!("{order} is an order of another building");
        refusals.push(Refusal::rule("ORDER_OTHER_BUILDING", field, message));
    }
    if asked.cancelled.flatten() == Some(true) {
        let message = format!("{order} was cancelled: a report answers none, or another");
        refusals.push(Refusal::rule("ORDER_CANCELLED", field, message));
    }
    if let (Some(asked), Some(kind)) = (asked.kind.flatten(), fields.kind.flatten())
        && let Err(refusal) = kind.fulfils(asked)
    {
        refusals.push(refusal_of(&refusal, "fields.kind"));
    }
    let asked_then = match record.timeline.content_at(inspected).map(|content| content.fields) {
        Some(Fields::Order(then)) => then.body.flatten(),
        _ => None,
    };
    // A missing body is told of by the rule of the kind.
    if let (Some(ordered), Some(made_by)) =
        (asked_then.or(asked.body.flatten()), fields.body.flatten())
        && ordered != made_by
    {
        let message = format!("{order} was given to {ordered}");
        refusals.push(Refusal::rule("ORDER_OTHER_BODY", "fields.body_id", message));
    }
    Ok(())
}

fn judge_grades(
    fields: &ReportContent,
    kind: ReportKind,
    inspected: Day,
    tables: &Tables,
    refusals: &mut Vec<Refusal>,
) {
    let Some(grades) = fields.grades.as_ref().and_then(Option::as_ref) else { return };
    if grades.is_empty() {
        return;
    }
    if fields.body.flatten().is_none() && !kind.needs_body() {
        let message = "a grade is given by a body: what somebody else saw is reported as findings";
        refusals.push(Refusal::rule("GRADE_WITHOUT_BODY", "fields.grades", message));
    }
    let Some(catalogue) = tables.grades_on(inspected) else {
        refusals.push(reference_missing("fields.grades", "grades"));
        return;
    };
    let before = refusals.len();
    for (index, grade) in grades.iter().enumerate() {
        match check_grades(kind, std::slice::from_ref(grade), None, catalogue) {
            // A colour may stand beside another grade.
            Ok(()) | Err(report::Refusal::OnlyColours) => {}
            Err(refusal) => {
                refusals.push(refusal_of(&refusal, &format!("fields.grades[{index}]")));
            }
        }
        if grades.iter().take(index).any(|other| other.ladder == grade.ladder) {
            let field = format!("fields.grades[{index}]");
            let message = "a report gives one grade on a scale, edition, scope and aspect";
            refusals.push(Refusal::of(Class::Invalid, "REPEATED", &field, message));
        }
    }
    if refusals.len() == before
        && let Err(refusal) = check_grades(kind, grades, None, catalogue)
    {
        refusals.push(refusal_of(&refusal, "fields.grades"));
    }
}

fn judge_dimensions(
    fields: &ReportContent,
    inspected: Day,
    tables: &Tables,
    refusals: &mut Vec<Refusal>,
) {
    let Some(dimensions) = fields.dimensions.as_ref().and_then(Option::as_ref) else { return };
    if dimensions.is_empty() {
        return;
    }
    let Some(catalogue) = tables.findings_on(inspected) else {
        refusals.push(reference_missing("fields.dimensions", "findings"));
        return;
    };
    for (index, code) in dimensions.iter().enumerate() {
        if !catalogue.dimensions().any(|known| known.code == *code) {
            let field = format!("fields.dimensions[{index}]");
            let edition = &catalogue.edition.edition;
            let message = format!("edition {edition:?} has no dimension {code:?}");
            refusals.push(Refusal::of(Class::Invalid, "DIMENSION_UNKNOWN", &field, message));
        }
    }
}

/// A report takes a step.
pub(crate) fn advance(tx: &mut Tx<'_, '_>, command: AdvanceReport) -> Result<Decided, Error> {
    let AdvanceReport { report: id, etag, step, on } = command;
    let mut against = Against::default();
    let Some(record) = real_subject(tx, id.into(), etag, &mut against.refusals)? else {
        // What can be said against the step whatever report it is of.
        let late = check_step_day(on, on, tx.today()).err();
        against.refusals.extend(late.map(|refusal| refusal_of(&refusal, "on")));
        return Err(Error::Refused(against.refusals));
    };
    let mut paper = paper_of(id, &record)?;
    let paths = Paths { is_of_record: false, day: "on", signers: "signer_ids", scope: "scope" };
    if matches!(step, ReportStep::Submit | ReportStep::Accept) {
        // An order may have been cancelled, or given to another body, since.
        let (building, inspected) = (paper.building, paper.report.inspected_on);
        let mut of_order = Vec::new();
        judge_order(tx, &paper.fields, building, inspected, &mut of_order)?;
        // A step names the report and no field of it.
        let of_report = |refusal| Refusal { field: "id".to_owned(), ..refusal };
        against.refusals.extend(of_order.into_iter().map(of_report));
    }
    let draft = take(tx, &mut paper, step, on, &paths, &mut against)?;
    settle(against.refusals)?;
    let Some(draft) = draft else {
        return Err(Error::Bug("a step was neither taken nor refused".to_owned()));
    };
    tx.accept(draft)?;
    Ok(Decided { subjects: vec![id.into()], ..Decided::default() })
}

pub(crate) fn paper_of(id: ReportId, record: &Record) -> Result<Paper, Error> {
    paper_in(id, &record.timeline)
}

fn paper_in(id: ReportId, timeline: &Timeline) -> Result<Paper, Error> {
    let content = timeline.content_at(Day::MAX);
    let unknown = content.as_ref().map(|content| doubted(&content.shared)).unwrap_or_default();
    let content = content.map(|content| content.fields);
    let (Some(Fields::Report(fields)), Some((_, inspected))) = (content, timeline.registration())
    else {
        return Err(Error::Bug(format!("{} is no report", SubjectId::from(id))));
    };
    let (Some(building), Some(kind)) = (fields.building.flatten(), fields.kind.flatten()) else {
        return Err(Error::Bug(format!("{} is of nothing", SubjectId::from(id))));
    };
    let mut report = Report::draft(id, kind, fields.body.flatten(), inspected.latest());
    report.state = state_on(timeline, Day::MAX);
    Ok(Paper { report, fields: *fields, building, unknown })
}

/// The fields that are doubted: of a report, what it says why it does not know.
fn doubted(shared: &Shared) -> BTreeSet<String> {
    let doubted = shared.doubts.iter().filter(|(_, is_doubted)| **is_doubted);
    doubted.map(|(field, _)| field.clone()).collect()
}

fn incomplete(missing: &report::Missing, field: &str) -> Refusal {
    Refusal::rule(report::Missing::REASON, field, missing.to_string())
}

/// What a report lacks of what its kind has to hold before anybody stands for it.
fn lacks(tx: &mut Tx<'_, '_>, paper: &Paper) -> Result<Vec<report::Missing>, Error> {
    let (kind, inspected) = (paper.report.kind, paper.report.inspected_on);
    let tables = tx.work.tables(paper.building.partition())?;
    let catalogue = tables.findings_on(inspected);
    let holds = catalogue.and_then(|catalogue| catalogue.must_hold(kind, inspected));
    let lacks = holds.map(|holds| report::missing(kind, holds, &paper.fields, &paper.unknown));
    Ok(lacks.unwrap_or_default())
}

/// Takes a step; `None` when something stands against it.
fn take(
    tx: &mut Tx<'_, '_>,
    paper: &mut Paper,
    step: ReportStep,
    on: Day,
    paths: &Paths,
    against: &mut Against,
) -> Result<Option<Draft>, Error> {
    let before = against.refusals.len();
    let author = tx.call.author.clone();
    let (taken, said) = match step {
        ReportStep::Sign(signed) => {
            let said = ReportContent { signed: Some(Some(signed.clone())), ..Default::default() };
            (Step::Sign(signed.signers), said)
        }
        ReportStep::Submit => {
            let said =
                ReportContent { submitted: Some(Some(author.clone())), ..Default::default() };
            (Step::Submit, said)
        }
        ReportStep::Accept => (Step::Accept, judgement(true, &author)),
        ReportStep::Return => (Step::Return(tx.call.reason.clone()), judgement(false, &author)),
        ReportStep::Supersede(newer) => {
            superseded::supersedes(tx, paper, newer, &mut against.refusals)?;
            let said = ReportContent { superseded: Some(Some(newer)), ..Default::default() };
            (Step::Supersede(newer), said)
        }
    };
    match paper.report.clone().advance(taken, on, &author, tx.today()) {
        Ok(next) => paper.report = next,
        Err(refusals) => {
            let told = refusals.into_iter().map(|refusal| of_step(&refusal, paths));
            against.refusals.extend(told);
        }
    }
    paper.fields.lay(&said);
    let is_signing = said.signed.is_some();
    // What is nobody's licensed work is stood for by who submits it.
    if is_signing || (said.submitted.is_some() && paper.fields.signed.is_none()) {
        for missing in lacks(tx, paper)? {
            let field = if paths.is_of_record { missing.field() } else { "id" };
            against.refusals.push(incomplete(&missing, field));
        }
    }
    let insisted = if is_signing { judge_signers(tx, paper, on, paths, against)? } else { false };
    if against.refusals.len() > before {
        return Ok(None);
    }
    let id = SubjectId::from(paper.report.key);
    let basis = if is_signing { basis_of_signing(tx, paper, on)? } else { Vec::new() };
    let overridden = if insisted { std::mem::take(&mut against.overridden) } else { Vec::new() };
    let content = Content { fields: Fields::Report(Box::new(said)), shared: Shared::default() };
    let fact = Fact::Changed { subject: id, content };
    let draft = Draft { basis, overridden, ..Draft::new(id.partition(), fact).from(on) };
    Ok(Some(draft))
}

/// What stands against a step, by the field that it is about.
fn of_step(refusal: &report::Refusal, paths: &Paths) -> Refusal {
    let field = match refusal {
        report::Refusal::ReasonMissing => return reason_missing(),
        report::Refusal::Future(_) | report::Refusal::OutOfOrder { .. } => paths.day,
        report::Refusal::Signers(_) => paths.signers,
        report::Refusal::SupersedesItself => "by_id",
        report::Refusal::FourEyes => "",
        _ => "id",
    };
    refusal_of(refusal, field)
}

fn judgement(is_accepted: bool, by: &crate::domain::author::Author) -> ReportContent {
    let judged = Judgement { is_accepted, by: by.clone() };
    ReportContent { judged: Some(Some(judged)), ..ReportContent::default() }
}

/// Judges every signature of a report on its day. What certainly stands against one refuses it; what
/// only may is insisted on by name. Answers whether anything was.
fn judge_signers(
    tx: &mut Tx<'_, '_>,
    paper: &Paper,
    on: Day,
    paths: &Paths,
    against: &mut Against,
) -> Result<bool, Error> {
    let partition = paper.building.partition();
    let signed = paper.fields.signed.iter().flatten();
    let signers: Vec<SubjectId> =
        signed.flat_map(|signed| &signed.signers).map(|id| SubjectId::from(*id)).collect();
    against.refusals.extend(other_scope(tx, paper, paths.scope)?);
    let is_known = against.refusals.len();
    for id in signers {
        if id.partition() != partition {
            let message = format!("{id} belongs to another partition");
            against.refusals.push(Refusal::rule("OTHER_PARTITION", paths.signers, message));
        } else if tx.work.known(partition, id)?.is_none() {
            against.refusals.push(Refusal::missing(paths.signers, id));
        }
    }
    if against.refusals.len() > is_known {
        return Ok(false);
    }
    let mut insisted = false;
    for (signer, verdict) in verdicts(tx.work, &paper.fields, on, Knowing::at(None))? {
        for objection in verdict.objections {
            let reason = objection.rule.reason();
            let is_overridden = tx.call.overrides.iter().any(|rule| rule == reason);
            let message = format!("{}: {objection}", SubjectId::from(signer));
            if objection.is_certain {
                against.refusals.push(Refusal::rule(reason, paths.signers, message));
            } else if is_overridden {
                against.overridden.push(reason.to_owned());
                insisted = true;
            } else {
                let message = format!("{message} (can be overridden)");
                against.refusals.push(Refusal::rule(reason, paths.signers, message));
            }
        }
    }
    against.overridden.sort_unstable();
    against.overridden.dedup();
    if insisted {
        needs_reason(tx, &mut against.refusals);
    }
    Ok(insisted)
}

/// A refusal when a report is signed for another scope than one of its kind is signed for, where the
/// catalogue says that.
fn other_scope(tx: &mut Tx<'_, '_>, paper: &Paper, field: &str) -> Result<Option<Refusal>, Error> {
    let (kind, inspected) = (paper.report.kind, paper.report.inspected_on);
    let Some(signed) = paper.fields.signed.as_ref().and_then(Option::as_ref) else {
        return Ok(None);
    };
    let tables = tx.work.tables(paper.building.partition())?;
    let scopes = tables.findings_on(inspected).and_then(|catalogue| catalogue.signed_for(kind));
    let Some(scopes) = scopes.filter(|scopes| !scopes.contains(&signed.scope)) else {
        return Ok(None);
    };
    let some = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
    let message = format!("a {} is signed for {some}, not for {}", kind.word(), signed.scope);
    Ok(Some(Refusal::of(Class::Invalid, "SIGNATURE_SCOPE", field, message)))
}

/// What a draft rests on: the building, the order and the body as they stand, and the editions by
/// which its grades and dimensions were read.
fn basis_of_draft(
    tx: &mut Tx<'_, '_>,
    fields: &ReportContent,
    inspected: Day,
) -> Result<Vec<Seq>, Error> {
    let Some(building) = fields.building.flatten() else { return Ok(Vec::new()) };
    let named = [
        Some(SubjectId::from(building)),
        fields.order.flatten().map(Into::into),
        fields.body.flatten().map(Into::into),
    ];
    let mut basis = Vec::new();
    for id in named.into_iter().flatten() {
        if let Some(record) = tx.work.known(building.partition(), id)?
            && let Some((statement, _)) = record.timeline.registration()
        {
            basis.push(statement.seq);
        }
    }
    for edition in editions(tx, building.partition(), fields, inspected)? {
        basis.extend(edition_entry(tx, edition)?);
    }
    Ok(sorted(basis))
}

fn editions(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    fields: &ReportContent,
    inspected: Day,
) -> Result<Vec<ReferenceId>, Error> {
    let tables = tx.work.tables(partition)?;
    let mut editions = Vec::new();
    if fields.grades.iter().flatten().any(|grades| !grades.is_empty()) {
        editions.extend(tables.grades_by(inspected).map(|(edition, _)| edition));
    }
    if fields.dimensions.iter().flatten().any(|dimensions| !dimensions.is_empty()) {
        editions.extend(tables.findings_by(inspected).map(|(edition, _)| edition));
    }
    Ok(editions)
}

/// What a signature rests on: signers and body as they stood on its day, and what it was signed by.
fn basis_of_signing(tx: &mut Tx<'_, '_>, paper: &Paper, on: Day) -> Result<Vec<Seq>, Error> {
    let mut basis = Vec::new();
    let signed = paper.fields.signed.iter().flatten();
    let mut judged: Vec<SubjectId> =
        signed.flat_map(|signed| &signed.signers).map(|id| SubjectId::from(*id)).collect();
    judged.extend(paper.fields.body.flatten().map(SubjectId::from));
    for id in judged {
        basis.extend(standing_of(tx, id, on)?);
    }
    let (partition, inspected) = (paper.building.partition(), paper.report.inspected_on);
    for edition in editions(tx, partition, &paper.fields, inspected)? {
        basis.extend(edition_entry(tx, edition)?);
    }
    Ok(sorted(basis))
}

fn sorted(mut basis: Vec<Seq>) -> Vec<Seq> {
    basis.sort_unstable();
    basis.dedup();
    basis
}

/// What stands against a plain change of a report: once it is signed, what it says is signed; and
/// steps are taken by commands of their own.
pub(crate) fn changed(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    said: &Content,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Report(said) = &said.fields else { return Ok(()) };
    if said.signed.is_some()
        || said.submitted.is_some()
        || said.judged.is_some()
        || said.superseded.is_some()
    {
        let message = "the steps of a report are taken by commands of their own";
        refusals.push(Refusal::rule("REPORT_STATE", "fields", message));
    }
    let Ok(number) = ReportId::try_from(id) else { return Ok(()) };
    let mut paper = paper_of(number, record)?;
    let state = &paper.report.state;
    if !matches!(state, report::State::Drafted) {
        let message = format!(
            "the report is {}: what is wrong with it is corrected, or another supersedes it",
            state.word()
        );
        refusals.push(Refusal::rule("REPORT_STATE", "id", message));
    }
    if let Some(Some(building)) = said.building {
        other_building::judge(tx, number, &record.timeline, building, refusals)?;
    }
    paper.fields.lay(said);
    let inspected = paper.report.inspected_on;
    judge(tx, &paper.fields, inspected, "inspected_on", refusals)
}

/// What stands against what a correction, or a retraction of a step, makes of a report.
pub(crate) fn corrected(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Ok(number) = ReportId::try_from(id) else { return Ok(()) };
    let Some((_, inspected)) = after.registration() else { return Ok(()) };
    let Some(inspected) = inspected.exact() else {
        refusals.push(not_exact());
        return Ok(());
    };
    if let Some(record) = tx.work.known(id.partition(), id)?
        && let report::State::Accepted { submission, .. } = state_on(&record.timeline, Day::MAX)
    {
        if submission.by.same_person(&tx.call.author) {
            refusals.push(superseded::four_eyes());
        }
        if !matches!(state_on(after, Day::MAX), report::State::Accepted { .. }) {
            superseded::took_the_place(tx, id, refusals)?;
        }
    }
    if let Some(record) = tx.work.known(id.partition(), id)?
        && let Some(building) = building_of(after)
    {
        other_building::judge(tx, number, &record.timeline, building, refusals)?;
    }
    if let Some(record) = tx.work.known(id.partition(), id)?
        && record.timeline.registration().is_some()
    {
        let before = paper_of(number, &record)?;
        if !matches!(before.report.state, report::State::Drafted) {
            // What was taken without it before is not missed now.
            let (had, has) = (lacks(tx, &before)?, lacks(tx, &paper_in(number, after)?)?);
            let lost = has.into_iter().filter(|missing| !had.contains(missing));
            refusals.extend(lost.map(|missing| incomplete(&missing, missing.field())));
        }
    }
    if let Err(found) = replay(number, after, tx.today()) {
        refusals.extend(found.iter().map(out_of_order));
    }
    if let Some(Fields::Report(fields)) = after.content_at(Day::MAX).map(|content| content.fields) {
        judge(tx, &fields, inspected, "exists_from", refusals)?;
    }
    Ok(())
}

/// A refusal of what a correction makes of the steps. Of their days it says how both are put right.
fn out_of_order(refusal: &report::Refusal) -> Refusal {
    let told = refusal_of(refusal, "entry");
    if !matches!(refusal, report::Refusal::OutOfOrder { .. }) {
        return told;
    }
    let message = format!(
        "{}: where the step's day was misread, too, correct that first, by its entry and from",
        told.message
    );
    Refusal { message, ..told }
}

/// A refusal of a rule of reports.
pub(crate) fn refusal_of(refusal: &report::Refusal, field: &str) -> Refusal {
    let class = match refusal {
        report::Refusal::Future(_)
        | report::Refusal::Signers(_)
        | report::Refusal::SupersedesItself
        | report::Refusal::Grade(_) => Class::Invalid,
        _ => Class::Precondition,
    };
    Refusal::of(class, refusal.reason(), field, refusal.to_string())
}
