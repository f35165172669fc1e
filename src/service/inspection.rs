//! Reports (体检报告) on the wire.

use tonic::{Code, Request, Response, Status};

use crate::{
    auth::{permission::Denied, role::Role},
    domain::{
        content::{Content, Fields},
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        qualification::CompanyKey,
        reference_file::is_code,
        report::{Document, ReportContent, ReportKind, Signatures, Steps},
    },
    kernel::{
        hash::Hash,
        id::{
            BodyId, BuildingId, FindingId, IdSeed, Kind, OrderId, RegionId, ReportId, SignerId,
            SubjectId,
        },
        limit,
        page::PageRequest,
        time::{Answer, Day, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, inspection_service_server::InspectionService},
    registry::{
        AdvanceReport, Command, Error, ListOf, REPORT_STATES, RecordReport, ReportStep,
        ReportsWanted, Seen, Sighting, Which,
    },
    service::{
        Api, Plan, Write, Written,
        common::{self, FieldReader, check_text, listed, number},
        finding::{named_in, observation_so_far},
        kind::{self, Correcting, Listing, Parts, Resource, answer, id_of, on_subject},
        misread::{self, Misread},
        named, status,
    },
};

/// Grades, dimensions and papers of one report.
const LIST_MAX: usize = 64;
/// Companies that have to do with a building.
const COMPANIES_MAX: usize = 100;
/// Findings of one report.
const FINDINGS_MAX: usize = 200;
/// Characters of where a paper lies.
const URI_CHARS_MAX: usize = 400;
/// Who reports patrols, and nothing that takes a body's licence.
const PATROLS: [Role; 3] = [Role::CommunityCommittee, Role::GridWorker, Role::PropertyCompany];

impl Resource for v1::Report {
    const KIND: Kind = Kind::Report;
    type Fields = v1::ReportFields;

    fn read(fields: v1::ReportFields, reader: &mut FieldReader) -> Fields {
        let companies =
            reader.texts("companies", fields.companies, COMPANIES_MAX, limit::IDENTIFIER_CHARS_MAX);
        let content = ReportContent {
            building: reader.parsed("building_id", fields.building_id),
            order: reader.parsed("order_id", fields.order_id),
            kind: reader.choice("kind", fields.kind, ReportKind::from_number),
            body: reader.parsed("body_id", fields.body_id),
            grades: reader.list("grades", fields.grades, LIST_MAX, grade),
            dimensions: reader.list("dimensions", fields.dimensions, LIST_MAX, code),
            triggers_appraisal: reader.said("triggers_appraisal", fields.triggers_appraisal),
            documents: reader.list("documents", fields.documents, LIST_MAX, document),
            companies: companies.map(|list| list.map(companies_of)),
            ..ReportContent::default()
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Report(Box::new(content))
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::ReportFields {
        let Fields::Report(fields) = content.fields else { return v1::ReportFields::default() };
        let companies = fields.companies.flatten().unwrap_or_default();
        v1::ReportFields {
            building_id: fields.building.flatten().map(|id| id.to_string()),
            order_id: fields.order.flatten().map(|id| id.to_string()),
            kind: number(fields.kind, |kind| kind as u32),
            body_id: fields.body.flatten().map(|id| id.to_string()),
            grades: listed(fields.grades.flatten(), write_grade),
            dimensions: fields.dimensions.flatten().unwrap_or_default(),
            triggers_appraisal: fields.triggers_appraisal.flatten(),
            documents: listed(fields.documents.flatten(), write_document),
            companies: companies.into_iter().map(|company| company.0).collect(),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::ReportFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt, ..Self::default() }
    }

    fn with_derived(self, seen: &Seen) -> Self {
        let Some(stand) = seen.report_stand.as_deref() else { return self };
        let place = REPORT_STATES.iter().position(|word| *word == stand.state.word());
        let state = place.and_then(|place| i32::try_from(place + 1).ok()).unwrap_or(0);
        let doubt = match stand.doubt {
            Answer::No => v1::ReportDoubt::None,
            Answer::Unknown => v1::ReportDoubt::Possible,
            Answer::Yes => v1::ReportDoubt::Certain,
        };
        let objections = stand.objections.iter().map(|(signer, objection)| v1::ReportObjection {
            signer_id: signer.to_string(),
            objection: Some(v1::SigningObjection {
                reason: objection.rule.reason().to_owned(),
                certain: objection.is_certain,
                sentence: objection.to_string(),
            }),
        });
        let Steps { signed, submitted, judged, superseded } = stand.steps.clone();
        let signature = signed.map(|(on, signed)| v1::Signature {
            signer_ids: signed.signers.iter().map(ToString::to_string).collect(),
            scope: signed.scope,
            on: on.to_string(),
        });
        let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
        Self {
            state,
            doubt: doubt.into(),
            objections: objections.collect(),
            signature,
            submitted_on: day(submitted.map(|(on, _)| on)),
            judged_on: day(judged.map(|(on, _)| on)),
            returned_because: stand.returned_because.clone(),
            superseded_on: day(superseded.map(|(on, _)| on)),
            superseded_by_id: superseded.map(|(_, by)| by.to_string()).unwrap_or_default(),
            ..self
        }
    }
}

fn companies_of(list: Vec<String>) -> Vec<CompanyKey> {
    list.into_iter().map(CompanyKey).collect()
}

fn code(violations: &mut Violations, path: &str, text: String) -> Option<String> {
    if is_code(&text) {
        return Some(text);
    }
    let message = "a code of letters, digits, points, hyphens and underscores: STR";
    violations.add(path, "MALFORMED", message);
    None
}

fn choice<T>(
    violations: &mut Violations,
    field: &str,
    number: i32,
    from_number: impl Fn(u32) -> Option<T>,
) -> Option<T> {
    let value = u32::try_from(number).ok().and_then(from_number);
    let wrong = if number == 0 {
        ("REQUIRED", format!("{field} is required"))
    } else {
        ("UNKNOWN_VALUE", format!("{number} is none of the values of {field}"))
    };
    violations.take(field, value.ok_or(wrong))
}

fn grade(violations: &mut Violations, path: &str, said: v1::Grade) -> Option<Grade> {
    let field = |name: &str| format!("{path}.{name}");
    let scale = choice(violations, &field("scale"), said.scale, Scale::from_number);
    let scope = choice(violations, &field("scope"), said.scope, Scope::from_number);
    let aspect = match said.aspect {
        0 => Some(Aspect::Whole),
        number => choice(violations, &field("aspect"), number, Aspect::from_number),
    };
    let mut text = |name: &str, text: &str| {
        check_text(violations, &field(name), text, limit::IDENTIFIER_CHARS_MAX)
    };
    let is_read = [text("edition", &said.edition), text("value", &said.value)];
    let ladder = Ladder { scale: scale?, edition: said.edition, scope: scope?, aspect: aspect? };
    is_read.iter().all(|is_read| *is_read).then_some(Grade { ladder, value: said.value })
}

/// A grade on the wire.
pub(crate) fn write_grade(grade: Grade) -> v1::Grade {
    let Ladder { scale, edition, scope, aspect } = grade.ladder;
    v1::Grade {
        scale: number(Some(Some(scale)), |scale| scale as u32),
        edition,
        scope: number(Some(Some(scope)), |scope| scope as u32),
        aspect: number(Some(Some(aspect)), |aspect| aspect as u32),
        value: grade.value,
    }
}

fn document(violations: &mut Violations, path: &str, said: v1::Document) -> Option<Document> {
    let v1::Document { sha256, size_bytes, media_type, uri } = said;
    let hash = Hash::from_hex(&sha256)
        .ok_or_else(|| ("MALFORMED", "a SHA-256 has 64 hexadecimal digits".to_owned()));
    let hash = violations.take(&format!("{path}.sha256"), hash);
    let field = format!("{path}.media_type");
    let mut is_read = check_text(violations, &field, &media_type, limit::IDENTIFIER_CHARS_MAX);
    if !uri.is_empty() {
        is_read &= check_text(violations, &format!("{path}.uri"), &uri, URI_CHARS_MAX);
    }
    let document = Document { sha256: hash?, size_bytes, media_type, uri };
    is_read.then_some(document)
}

fn write_document(document: Document) -> v1::Document {
    let Document { sha256, size_bytes, media_type, uri } = document;
    v1::Document { sha256: sha256.to_string(), size_bytes, media_type, uri }
}

/// Reads who signs, as far as it can be read; `prefix` is the path before the fields.
fn signatures(
    violations: &mut Violations,
    prefix: &str,
    signer_ids: &[String],
    scope: String,
) -> Signatures {
    let field = format!("{prefix}signer_ids");
    if !(1..=limit::ENTRY_SUBJECTS_MAX).contains(&signer_ids.len()) {
        let message = format!("1 to {} sign", limit::ENTRY_SUBJECTS_MAX);
        violations.add(field.as_str(), "OUT_OF_RANGE", message);
    }
    let mut signers = std::collections::BTreeSet::new();
    for (index, text) in signer_ids.iter().enumerate().take(limit::ENTRY_SUBJECTS_MAX) {
        let field = format!("{field}[{index}]");
        let Some(id) = common::required::<SignerId>(violations, &field, text) else { continue };
        if !signers.insert(id) {
            violations.add(field, "REPEATED", "the same signer is named twice");
        }
    }
    let field = format!("{prefix}scope");
    if scope.is_empty() {
        violations.add(field.as_str(), "REQUIRED", format!("{field} is required"));
    } else if !is_code(&scope) {
        let message = "a code of letters, digits, points, hyphens and underscores: structure";
        violations.add(field.as_str(), "MALFORMED", message);
    }
    Signatures { signers, scope }
}

/// Reads what a report found.
fn found(
    violations: &mut Violations,
    asked: Vec<v1::ReportedFinding>,
    inspected: Option<Day>,
    seeds: Vec<IdSeed>,
    named: &mut Vec<(String, SubjectId)>,
) -> Vec<(usize, Sighting)> {
    if asked.len() > FINDINGS_MAX {
        violations.add("findings", "TOO_MANY", format!("at most {FINDINGS_MAX}"));
    }
    let mut sightings = Vec::new();
    for (index, (one, seed)) in asked.into_iter().zip(seeds).enumerate() {
        let path = format!("findings[{index}]");
        let field = format!("{path}.finding_id");
        let known: Option<FindingId> = common::optional(violations, &field, &one.finding_id);
        let field = format!("{path}.observed_on");
        let on = common::optional::<Day>(violations, &field, &one.observed_on).or(inspected);
        let observation =
            observation_so_far(violations, &format!("{path}.observation"), one.observation);
        named.extend(known.map(|id| (format!("{path}.finding_id"), id.into())));
        let Some(on) = on else { continue };
        named.extend(named_in(&format!("{path}.observation"), &observation));
        let finding = known.map_or(Which::New(seed), Which::Known);
        let (second_of_day, order_key) = (None, Vec::new());
        let sighting = Sighting { finding, on, second_of_day, order_key, observation };
        sightings.push((index, sighting));
    }
    sightings
}

fn record_plan(asked: v1::RecordReportRequest, seeds: Vec<IdSeed>) -> Result<Plan, Misread<Plan>> {
    let mut violations = Violations::default();
    let (said, nested) = kind::fields::<v1::Report>(asked.fields, None);
    kind::take_over(&mut violations, "fields", &nested);
    let inspected = common::required::<Day>(&mut violations, "inspected_on", &asked.inspected_on);
    let mut named: Vec<(String, SubjectId)> = named(&said.content)
        .into_iter()
        .map(|(field, id)| (format!("fields.{field}"), id))
        .collect();
    let mut seeds = seeds.into_iter();
    let seed = seeds.next();
    let findings = found(&mut violations, asked.findings, inspected, seeds.collect(), &mut named);
    let mut steps = Vec::new();
    let is_signed = asked.signatures.is_some();
    if let Some(v1::Signature { signer_ids, scope, on }) = asked.signatures {
        let before = violations.list().len();
        let signed = signatures(&mut violations, "signatures.", &signer_ids, scope);
        let on = common::required::<Day>(&mut violations, "signatures.on", &on);
        let on = on.filter(|_| violations.list().len() == before);
        steps.extend(on.map(|on| (ReportStep::Sign(signed), on)));
    }
    let submitted = common::optional::<Day>(&mut violations, "submitted_on", &asked.submitted_on);
    let is_unsigned = is_nobodys(&said.content);
    if submitted.is_some() && !is_signed && !is_unsigned {
        violations.add("signatures", "REQUIRED", "what a body submits is signed");
    }
    // Without a signature that could be read, nothing is judged of what follows on it.
    let may_follow = !steps.is_empty() || (!is_signed && is_unsigned);
    steps.extend(submitted.filter(|_| may_follow).map(|on| (ReportStep::Submit, on)));
    let building = match &said.content.fields {
        Fields::Report(report) => report.building.flatten(),
        _ => None,
    };
    let is_clean =
        |field: &str| !violations.list().iter().any(|violation| violation.field.starts_with(field));
    let (building_asked, kind_asked) = (is_clean("fields.building_id"), is_clean("fields.kind"));
    if building.is_none() && building_asked {
        violations.add("fields.building_id", "REQUIRED", "a report is of a building");
    }
    if kind_of(&said.content).is_none() && kind_asked {
        violations.add("fields.kind", "REQUIRED", "a report is of a kind");
    }
    let inspected = inspected.or_else(misread::stand_in);
    let (Some(inspected), Some(seed)) = (inspected, seed) else { return Err(violations.into()) };
    let mut content = said.content;
    let building =
        building.unwrap_or_else(|| BuildingId::new(misread::nobody(Kind::Building, &named).raw()));
    if let Fields::Report(report) = &mut content.fields {
        report.building = Some(Some(building));
    }
    let sentences = said.sentences;
    let record = RecordReport { seed, content, inspected, findings, steps, sentences };
    let command = Command::RecordReport(Box::new(record));
    Misread::check(violations, on_subject(building.into(), command, named, said.warnings))
}

/// Whether it is of no body and need not be of one.
pub(crate) fn is_nobodys(content: &Content) -> bool {
    match &content.fields {
        Fields::Report(report) => {
            let kind = report.kind.flatten();
            report.body.flatten().is_none() && kind.is_some_and(|kind| !kind.needs_body())
        }
        _ => false,
    }
}

fn kind_of(content: &Content) -> Option<ReportKind> {
    match &content.fields {
        Fields::Report(report) => report.kind.flatten(),
        _ => None,
    }
}

/// Who walks the streets signs and submits patrols only. What is not there, or out of reach, is told
/// as that.
fn check_kind_of(write: &Write, id: &str) -> Result<(), Status> {
    let caller = &write.way.caller;
    let Some(id) = id.parse::<ReportId>().ok().filter(|_| PATROLS.contains(&caller.actor.role))
    else {
        return Ok(());
    };
    if !write.way.reaches(id.into())? {
        return Ok(());
    }
    let content = match write.registry().get(id.into(), ReadTime::NOW) {
        Ok(seen) => seen.content,
        Err(Error::Refused(_)) => return Ok(()),
        Err(error) => return Err(status::status(error)),
    };
    check_kind(caller.actor.role, caller.rpc, kind_of(&content))
}

/// Who walks the streets reports patrols only.
fn check_kind(role: Role, rpc: &str, kind: Option<ReportKind>) -> Result<(), Status> {
    if !PATROLS.contains(&role) || kind.is_none_or(|kind| kind == ReportKind::Patrol) {
        return Ok(());
    }
    let word = kind.map_or("", ReportKind::word);
    let message = format!("the role {role} reports patrols with {rpc}, and no {word}");
    Err(status::plain(Code::PermissionDenied, Denied::REASON, message))
}

/// A step, as every call of one is asked.
struct Stepping<'a> {
    id: &'a str,
    etag: &'a str,
    on: &'a str,
}

/// Reads a step. In the place of a day that cannot be read stands `today`.
fn step_plan(
    asked: &Stepping<'_>,
    today: Day,
    read: impl FnOnce(&mut Violations) -> (ReportStep, Option<(String, SubjectId)>),
) -> Result<(Plan, SubjectId), Misread<(Plan, SubjectId)>> {
    let mut violations = Violations::default();
    let subject = id_of::<v1::Report>(&mut violations, "id", asked.id);
    let etag = common::etag(&mut violations, asked.etag);
    let (step, other) = read(&mut violations);
    let on = common::required::<Day>(&mut violations, "on", asked.on).unwrap_or(today);
    let mut named = kind::about("id", subject);
    named.extend(other);
    let subject = subject.unwrap_or_else(|| misread::nobody(Kind::Report, &named));
    let report = ReportId::new(subject.raw());
    let needs_reason = step == ReportStep::Return;
    let command = Command::AdvanceReport(AdvanceReport { report, etag, step, on });
    let plan = on_subject(subject, command, named, Vec::new());
    Misread::check(violations, (Plan { needs_reason, ..plan }, subject))
}

impl Write {
    async fn take_step(
        self,
        asked: Stepping<'_>,
        read: impl FnOnce(&mut Violations) -> (ReportStep, Option<(String, SubjectId)>),
    ) -> Result<(Written, Option<v1::Report>), Status> {
        let today = self.registry().now().day();
        self.about(step_plan(&asked, today, read)).await
    }
}

/// What a list of reports is of.
fn of(violations: &mut Violations, asked: &v1::ListReportsRequest) -> Option<common::Judged> {
    use v1::list_reports_request::Of;
    let mut states = Vec::new();
    for (index, number) in asked.states.iter().enumerate() {
        let state = |number: u32| {
            let place = usize::try_from(number).ok()?.checked_sub(1)?;
            (place < REPORT_STATES.len()).then_some(place)
        };
        states.extend(choice(violations, &format!("states[{index}]"), *number, state));
    }
    let mut kinds = Vec::new();
    for (index, number) in asked.kinds.iter().enumerate() {
        let field = format!("kinds[{index}]");
        kinds.extend(choice(violations, &field, *number, ReportKind::from_number));
    }
    let holder = match &asked.of {
        Some(Of::BuildingId(text)) => common::holder::<BuildingId>(violations, "building_id", text),
        Some(Of::BodyId(text)) => common::holder::<BodyId>(violations, "body_id", text),
        Some(Of::SignerId(text)) => common::holder::<SignerId>(violations, "signer_id", text),
        Some(Of::OrderId(text)) => common::holder::<OrderId>(violations, "order_id", text),
        Some(Of::RegionId(text)) => common::holder::<RegionId>(violations, "region_id", text),
        None => {
            let message = "name a building, a body, a signer, an order or a region";
            violations.add("", "ONE_OF", message);
            None
        }
    };
    let (field, holder) = holder?;
    Some((ListOf::Reports(holder, ReportsWanted::of(&states, &kinds)), Some((field, holder))))
}

/// Another report that answers an order, and is submitted or accepted.
fn other_report(written: &Written, order: OrderId) -> Option<SubjectId> {
    let is_in = |word: &&str| matches!(*word, "submitted" | "accepted");
    let states = REPORT_STATES.iter().enumerate().filter(|(_, word)| is_in(word));
    let states = states.map(|(place, _)| place).collect::<Vec<_>>();
    let of = ListOf::Reports(order.into(), ReportsWanted::of(&states, &[]));
    let page = PageRequest { rows: 2, after: Vec::new() };
    let found = written.api.registry().list(of, ReadTime::NOW, &page).ok()?;
    found.rows.into_iter().map(|seen| seen.id).find(|id| Some(*id) != written.made())
}

/// What is to be told of a report that is accepted though a signature of it is in doubt.
fn doubted(report: &v1::Report) -> Option<String> {
    let counts = match report.doubt() {
        v1::ReportDoubt::Certain => "it does not count as a check-up as long as that is so",
        v1::ReportDoubt::Possible => "it counts until that is known",
        _ => return None,
    };
    let against = report.objections.iter().filter_map(|one| {
        let reason = &one.objection.as_ref()?.reason;
        Some(format!("{} {reason}", one.signer_id))
    });
    let against = against.collect::<Vec<_>>().join(", ");
    Some(format!("a signature of the report is in doubt ({against}): {counts}"))
}

#[tonic::async_trait]
impl InspectionService for Api {
    async fn record_report(
        &self,
        request: Request<v1::RecordReportRequest>,
    ) -> Result<Response<v1::RecordReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let kind = asked.fields.as_ref().map_or(0, |fields| fields.kind);
        let kind = u32::try_from(kind).ok().and_then(ReportKind::from_number);
        check_kind(write.way.caller.actor.role, write.way.caller.rpc, kind)?;
        let seeds = write.seeds(asked.findings.len().min(FINDINGS_MAX) + 1)?;
        let order = asked.fields.as_ref().and_then(|fields| fields.order_id.as_deref());
        let order = order.and_then(|order| order.parse::<OrderId>().ok());
        let mut written = write.run(record_plan(asked, seeds)).await?;
        if let Some(other) = order.and_then(|order| other_report(&written, order)) {
            let message = format!("another report of the order is submitted or accepted: {other}");
            written.warn("ORDER_ANSWERED", &message);
        }
        let report = written.see(written.made())?.map(kind::resource);
        let (mut findings, mut possible_duplicates) = (Vec::new(), Vec::new());
        let seen = written.outcome.decided.subjects.get(1..).unwrap_or_default();
        for (id, (finding, other_ids)) in seen.iter().zip(written.findings(seen)?) {
            findings.push(finding);
            if !other_ids.is_empty() {
                let finding_id = id.to_string();
                possible_duplicates.push(v1::PossibleDuplicate { finding_id, other_ids });
            }
        }
        let receipt = Some(written.receipt());
        let answer = v1::RecordReportResponse { receipt, report, findings, possible_duplicates };
        Ok(written.answer(answer))
    }

    async fn get_report(
        &self,
        request: Request<v1::GetReportRequest>,
    ) -> Result<Response<v1::GetReportResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (report, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetReportResponse { report, read_at }))
    }

    async fn list_reports(
        &self,
        request: Request<v1::ListReportsRequest>,
    ) -> Result<Response<v1::ListReportsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (listed, next_page_token, read_at) =
            way.list::<v1::Report, _>(&asked, listing, |violations| of(violations, &asked)).await?;
        // A body works all over a city, and its list is not a way to see what is out of reach.
        let reports = kind::shown(listed, |report| &report.id, |id| way.reaches(id))?;
        Ok(Response::new(v1::ListReportsResponse { reports, next_page_token, read_at }))
    }

    async fn sign_report(
        &self,
        request: Request<v1::SignReportRequest>,
    ) -> Result<Response<v1::SignReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::SignReportRequest { context: _, id, etag, signer_ids, scope, on } = asked;
        check_kind_of(&write, &id)?;
        let stepping = Stepping { id: &id, etag: &etag, on: &on };
        let sign = |violations: &mut Violations| {
            (ReportStep::Sign(signatures(violations, "", &signer_ids, scope)), None)
        };
        let done = write.take_step(stepping, sign).await?;
        Ok(answer(done, |receipt, report| v1::SignReportResponse { receipt, report }))
    }

    async fn submit_report(
        &self,
        request: Request<v1::SubmitReportRequest>,
    ) -> Result<Response<v1::SubmitReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        check_kind_of(&write, &asked.id)?;
        let stepping = Stepping { id: &asked.id, etag: &asked.etag, on: &asked.on };
        let done = write.take_step(stepping, |_| (ReportStep::Submit, None)).await?;
        Ok(answer(done, |receipt, report| v1::SubmitReportResponse { receipt, report }))
    }

    async fn accept_report(
        &self,
        request: Request<v1::AcceptReportRequest>,
    ) -> Result<Response<v1::AcceptReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let stepping = Stepping { id: &asked.id, etag: &asked.etag, on: &asked.on };
        let mut done = write.take_step(stepping, |_| (ReportStep::Accept, None)).await?;
        if let Some(message) = done.1.as_ref().and_then(doubted) {
            done.0.warn("SIGNATURE_IN_DOUBT", &message);
        }
        Ok(answer(done, |receipt, report| v1::AcceptReportResponse { receipt, report }))
    }

    async fn return_report(
        &self,
        request: Request<v1::ReturnReportRequest>,
    ) -> Result<Response<v1::ReturnReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let stepping = Stepping { id: &asked.id, etag: &asked.etag, on: &asked.on };
        let done = write.take_step(stepping, |_| (ReportStep::Return, None)).await?;
        Ok(answer(done, |receipt, report| v1::ReturnReportResponse { receipt, report }))
    }

    async fn supersede_report(
        &self,
        request: Request<v1::SupersedeReportRequest>,
    ) -> Result<Response<v1::SupersedeReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let stepping = Stepping { id: &asked.id, etag: &asked.etag, on: &asked.on };
        let supersede = |violations: &mut Violations| {
            let by: Option<ReportId> = common::required(violations, "by_id", &asked.by_id);
            let named = by.map(|by| ("by_id".to_owned(), by.into()));
            let nobody = || ReportId::new(misread::nobody(Kind::Report, &[]).raw());
            (ReportStep::Supersede(by.unwrap_or_else(nobody)), named)
        };
        let done = write.take_step(stepping, supersede).await?;
        Ok(answer(done, |receipt, report| v1::SupersedeReportResponse { receipt, report }))
    }

    async fn correct_report(
        &self,
        request: Request<v1::CorrectReportRequest>,
    ) -> Result<Response<v1::CorrectReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectReportRequest {
            context: _,
            id,
            etag,
            entry,
            from,
            fields,
            update_mask,
            exists_from,
        } = asked;
        let ended_on = String::new();
        let correcting =
            Correcting { id, etag, entry, from, fields, update_mask, exists_from, ended_on };
        let done = write.correct(correcting).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, report| v1::CorrectReportResponse { receipt, report, case_ids }))
    }

    async fn retract_report(
        &self,
        request: Request<v1::RetractReportRequest>,
    ) -> Result<Response<v1::RetractReportResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, report| v1::RetractReportResponse { receipt, report, case_ids }))
    }
}
