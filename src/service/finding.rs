//! Findings (问题) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    auth::role::Role,
    domain::{
        content::{Content, Fields, Shared},
        finding::{
            FindingContent, Measure, Observation, PartyKey, Place, Saying, Source, Stage, Told,
            catalogue::{Bucket, Severity},
        },
        key::ProjectKey,
        reference_file::is_code,
    },
    kernel::{
        id::{
            BuildingId, CompoundId, FindingId, Kind, RawId, RegionId, ReportId, SubjectId, UnitId,
        },
        limit,
        time::{Day, KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, finding_saying::Saying as Said, finding_service_server::FindingService},
    registry::{
        Command, Correct, EventSeen, FindingSeen, FindingsWanted, FollowFinding, Merge, MergeInto,
        ObserveFinding, Retract, Sighting, Which,
    },
    service::{
        Api, Plan, Way, Write, Written, author,
        common::{self, check_text, number},
        kind::on_subject,
        misread::Misread,
        page::{Question, is_of_another_time},
        status,
    },
};

/// Characters of an entrance's number.
const ENTRANCE_CHARS_MAX: usize = 40;
/// Floors.
const FLOORS: std::ops::RangeInclusive<i32> = -50..=300;

/// Reads the id of a finding.
fn finding_id(violations: &mut Violations, field: &str, text: &str) -> Option<FindingId> {
    common::required::<FindingId>(violations, field, text)
}

/// Reads an opaque key of a party.
fn party(violations: &mut Violations, field: &str, text: String) -> Option<PartyKey> {
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    check_text(violations, field, &text, limit::IDENTIFIER_CHARS_MAX).then_some(PartyKey(text))
}

/// Reads the code of a class.
fn class(violations: &mut Violations, field: &str, text: String) -> Option<String> {
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    if !is_code(&text) {
        let message = "a code of letters, digits, points, hyphens and underscores: STR.CRACK";
        violations.add(field, "MALFORMED", message);
        return None;
    }
    Some(text)
}

/// Reads a value of an enumeration that must be there.
fn choice<T>(
    violations: &mut Violations,
    field: &str,
    number: i32,
    from_number: impl Fn(u32) -> Option<T>,
) -> Option<T> {
    if number == 0 {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    let value = u32::try_from(number).ok().and_then(from_number);
    let message = format!("{number} is none of the values of {field}");
    violations.take(field, value.ok_or(("UNKNOWN_VALUE", message)))
}

/// Reads what somebody saw; `path` is that of the observation.
pub(crate) fn observation(
    violations: &mut Violations,
    path: &str,
    said: Option<v1::Observation>,
) -> Option<Observation> {
    let Some(said) = said else {
        violations.add(path, "REQUIRED", "say what was seen");
        return None;
    };
    let field = |name: &str| format!("{path}.{name}");
    let source = choice(violations, &field("source"), said.source, Source::from_number);
    let observer = party(violations, &field("observer"), said.observer);
    let class = class(violations, &field("class"), said.class);
    let severity = choice(violations, &field("severity"), said.severity, Severity::from_number);
    let before = violations.list().len();
    let place = place(violations, &field("place"), said.place.unwrap_or_default());
    let report: Option<ReportId> =
        common::optional(violations, &field("report_id"), &said.report_id);
    let is_read = violations.list().len() == before;
    let observation = Observation {
        source: source?,
        observer: observer?,
        class: class?,
        severity: severity?,
        place,
        report,
    };
    is_read.then_some(observation)
}

fn place(violations: &mut Violations, path: &str, said: v1::FindingPlace) -> Place {
    let mut text = |name: &str, value: Option<String>, chars_max: usize| {
        let field = format!("{path}.{name}");
        value.filter(|text| check_text(violations, &field, text, chars_max))
    };
    let entrance = text("entrance", said.entrance, ENTRANCE_CHARS_MAX);
    let part = text("part", said.part, limit::NAME_CHARS_MAX);
    let floor = said.floor.and_then(|floor| {
        let fits = (FLOORS.contains(&floor) && floor != 0).then(|| i16::try_from(floor).ok());
        let message = "from -50 to 300; the ground floor is 1, the one below it -1".to_owned();
        let field = format!("{path}.floor");
        violations.take(&field, fits.flatten().ok_or(("OUT_OF_RANGE", message)))
    });
    let unit = said
        .unit_id
        .and_then(|id| common::required::<UnitId>(violations, &format!("{path}.unit_id"), &id));
    Place { entrance, floor, unit, part }
}

/// What an observation names, with the paths of the fields.
pub(crate) fn named_in(path: &str, seen: &Observation) -> Vec<(String, SubjectId)> {
    let unit = seen.place.unit.map(|id| (format!("{path}.place.unit_id"), id.into()));
    let report = seen.report.map(|id| (format!("{path}.report_id"), id.into()));
    unit.into_iter().chain(report).collect()
}

fn write_observation(seen: Observation) -> v1::Observation {
    let Place { entrance, floor, unit, part } = seen.place;
    v1::Observation {
        source: number(Some(Some(seen.source)), |source| source as u32),
        observer: seen.observer.0,
        class: seen.class,
        severity: severity_number(seen.severity),
        place: Some(v1::FindingPlace {
            entrance,
            floor: floor.map(i32::from),
            unit_id: unit.map(|id| id.to_string()),
            part,
        }),
        report_id: seen.report.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn severity_number(severity: Severity) -> i32 {
    number(Some(Some(severity)), |severity| severity as u32)
}

/// Reads a project's key.
fn project(violations: &mut Violations, field: &str, text: &str) -> Option<ProjectKey> {
    let read = (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten();
    let message = "a project's key has 32 hexadecimal digits".to_owned();
    let bits = violations.take(field, read.ok_or(("MALFORMED", message)))?;
    Some(ProjectKey(RawId::from_bytes(bits.to_be_bytes())))
}

/// Reads what is said of a finding. Why is in the context, and filled in by the registry.
fn saying(violations: &mut Violations, said: Option<v1::FindingSaying>) -> Option<Saying> {
    let Some(said) = said.and_then(|said| said.saying) else {
        violations.add("saying", "REQUIRED", "say what happened");
        return None;
    };
    let reason = String::new();
    Some(match said {
        Said::Observed(seen) => {
            Saying::Observed(observation(violations, "saying.observed", Some(seen))?)
        }
        Said::Assessed(v1::Assessed { class: code, severity }) => {
            let class = class(violations, "saying.assessed.class", code);
            let field = "saying.assessed.severity";
            let severity = choice(violations, field, severity, Severity::from_number);
            Saying::Assessed { class: class?, severity: severity?, reason }
        }
        Said::Notified(v1::Notified { deadline }) => {
            let field = "saying.notified.deadline";
            let before = violations.list().len();
            let deadline = common::optional::<Day>(violations, field, &deadline);
            if violations.list().len() > before {
                return None;
            }
            Saying::Notified { deadline }
        }
        Said::DeadlineMoved(v1::DeadlineMoved { deadline }) => {
            let field = "saying.deadline_moved.deadline";
            let deadline = common::required::<Day>(violations, field, &deadline)?;
            Saying::DeadlineMoved { deadline, reason }
        }
        Said::Planned(v1::Repair { repairer }) => {
            let repairer = party(violations, "saying.planned.repairer", repairer)?;
            Saying::Planned { repairer }
        }
        Said::RepairBegan(v1::Repair { repairer }) => {
            let repairer = party(violations, "saying.repair_began.repairer", repairer)?;
            Saying::RepairBegan { repairer }
        }
        Said::ReportedFixed(v1::Repair { repairer }) => {
            let repairer = party(violations, "saying.reported_fixed.repairer", repairer)?;
            Saying::ReportedFixed { repairer }
        }
        Said::Verified(v1::Verification { verifier }) => {
            let verifier = party(violations, "saying.verified.verifier", verifier)?;
            Saying::Verified { verifier }
        }
        Said::VerificationFailed(v1::Verification { verifier }) => {
            let field = "saying.verification_failed.verifier";
            Saying::VerificationFailed { verifier: party(violations, field, verifier)?, reason }
        }
        Said::MeasureTaken(v1::Measure { measure }) => {
            let field = "saying.measure_taken.measure";
            Saying::MeasureTaken(choice(violations, field, measure, Measure::from_number)?)
        }
        Said::MeasureLifted(v1::Measure { measure }) => {
            let field = "saying.measure_lifted.measure";
            Saying::MeasureLifted(choice(violations, field, measure, Measure::from_number)?)
        }
        Said::Included(v1::Included { project_id }) => {
            Saying::Included(project(violations, "saying.included.project_id", &project_id)?)
        }
        Said::Closed(_) => Saying::Closed,
        Said::Monitored(_) => Saying::Monitored,
        Said::MonitoringEnded(_) => Saying::MonitoringEnded,
        Said::Excluded(_) => Saying::Excluded,
        Said::ObjectGone(_) => Saying::ObjectGone,
        Said::Waived(_) => Saying::Waived { reason },
        Said::Reopened(_) => Saying::Reopened { reason },
    })
}

fn write_saying(saying: Saying) -> v1::FindingSaying {
    let plain = || v1::Plain {};
    let measure = |measure: Measure| v1::Measure {
        measure: number(Some(Some(measure)), |measure| measure as u32),
    };
    let said = match saying {
        Saying::Observed(seen) => Said::Observed(write_observation(seen)),
        Saying::Assessed { class, severity, .. } => {
            Said::Assessed(v1::Assessed { class, severity: severity_number(severity) })
        }
        Saying::Notified { deadline } => {
            let deadline = deadline.map(|day| day.to_string()).unwrap_or_default();
            Said::Notified(v1::Notified { deadline })
        }
        Saying::DeadlineMoved { deadline, .. } => {
            Said::DeadlineMoved(v1::DeadlineMoved { deadline: deadline.to_string() })
        }
        Saying::Planned { repairer } => Said::Planned(v1::Repair { repairer: repairer.0 }),
        Saying::RepairBegan { repairer } => Said::RepairBegan(v1::Repair { repairer: repairer.0 }),
        Saying::ReportedFixed { repairer } => {
            Said::ReportedFixed(v1::Repair { repairer: repairer.0 })
        }
        Saying::Verified { verifier } => Said::Verified(v1::Verification { verifier: verifier.0 }),
        Saying::VerificationFailed { verifier, .. } => {
            Said::VerificationFailed(v1::Verification { verifier: verifier.0 })
        }
        Saying::MeasureTaken(taken) => Said::MeasureTaken(measure(taken)),
        Saying::MeasureLifted(lifted) => Said::MeasureLifted(measure(lifted)),
        Saying::Included(ProjectKey(id)) => {
            Said::Included(v1::Included { project_id: common::hex(&id.to_bytes()) })
        }
        Saying::Closed => Said::Closed(plain()),
        Saying::Monitored => Said::Monitored(plain()),
        Saying::MonitoringEnded => Said::MonitoringEnded(plain()),
        Saying::Excluded => Said::Excluded(plain()),
        Saying::ObjectGone => Said::ObjectGone(plain()),
        Saying::Waived { .. } => Said::Waived(plain()),
        Saying::Reopened { .. } => Said::Reopened(plain()),
        Saying::Retracted => return v1::FindingSaying::default(),
    };
    v1::FindingSaying { saying: Some(said) }
}

fn write_event(seen: EventSeen) -> v1::FindingEvent {
    let EventSeen { event, reason, out_of_place } = seen;
    v1::FindingEvent {
        entry: event.id.seq,
        on: event.on.to_string(),
        saying: Some(write_saying(event.saying)),
        reason,
        role: event.by.role,
        institution: event.by.institution,
        out_of_place: out_of_place.map(|why| why.reason().to_owned()).unwrap_or_default(),
    }
}

/// A finding on the wire.
pub(crate) fn write_finding(found: FindingSeen) -> v1::Finding {
    let FindingSeen { seen, leads_to, building, numbers, view, aged, events } = found;
    let mut entries_in_doubt: Vec<u64> =
        seen.cases.iter().flat_map(|(_, doubts)| doubts.iter().copied()).collect();
    entries_in_doubt.sort_unstable();
    entries_in_doubt.dedup();
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let id = |id: FindingId| SubjectId::from(id).to_string();
    let is_merged = SubjectId::from(leads_to) != seen.id;
    let bucket = |Bucket { from_days, to_days }: Bucket| v1::AgeBucket { from_days, to_days };
    let notice = aged.as_ref().and_then(|aged| aged.notice);
    let mut finding = v1::Finding {
        id: seen.id.to_string(),
        etag: seen.etag.to_string(),
        life: Some(common::life(&seen)),
        leads_to_id: if is_merged { id(leads_to) } else { String::new() },
        ids: numbers.into_iter().map(id).collect(),
        building_id: building.map(|id| SubjectId::from(id).to_string()).unwrap_or_default(),
        escalated_on: day(aged.as_ref().and_then(|aged| aged.escalated_on)),
        overdue_days: aged.as_ref().and_then(|aged| aged.overdue_days),
        notice_age_days: notice.map(|(age, _)| age),
        notice_bucket: notice.map(|(_, span)| bucket(span)),
        events: events.into_iter().map(write_event).collect(),
        case_ids: seen.cases.iter().map(|(id, _)| id.to_string()).collect(),
        entries_in_doubt,
        ..v1::Finding::default()
    };
    let Some(view) = view else { return finding };
    finding.stage = number(Some(Some(view.stage)), |stage| stage as u32);
    finding.since = view.since.to_string();
    finding.class = view.class;
    finding.severity = severity_number(aged.map_or(view.severity, |aged| aged.severity));
    finding.first_observed_on = view.first_observed.to_string();
    finding.notified_on = day(view.notified_on);
    finding.deadline = day(view.deadline);
    finding.reported_fixed_on = day(view.reported_fixed_on);
    finding.monitored_since = day(view.monitored_since);
    let measures = view.measures.into_iter();
    finding.measures =
        measures.map(|one| number(Some(Some(one)), |measure| measure as u32)).collect();
    finding.project_id =
        view.project.map(|ProjectKey(id)| common::hex(&id.to_bytes())).unwrap_or_default();
    finding
}

impl Written {
    /// The time at which what was written is read; `None` when nothing was.
    fn time(&self) -> Option<ReadTime> {
        (!self.is_only_judged).then(|| ReadTime {
            valid_at: Some(self.outcome.stamp.day()),
            known_at: KnownAt::Seq(self.outcome.position.seq),
        })
    }

    /// A finding as it was known with this write; `None` when nothing was written.
    pub(crate) fn finding(&self, id: SubjectId) -> Result<Option<v1::Finding>, Status> {
        let (Some(time), Ok(id)) = (self.time(), FindingId::try_from(id)) else { return Ok(None) };
        let registry = self.api.registry();
        let found = registry.noticed(registry.finding(id, time)).map_err(status::status)?;
        Ok(Some(write_finding(found)))
    }

    /// Others that may be the same defect.
    pub(crate) fn look_alikes(&self, id: SubjectId) -> Result<Vec<String>, Status> {
        let (Some(time), Ok(id)) = (self.time(), FindingId::try_from(id)) else {
            return Ok(Vec::new());
        };
        let registry = self.api.registry();
        let found = registry.noticed(registry.look_alikes(id, time)).map_err(status::status)?;
        Ok(found.into_iter().map(|id| SubjectId::from(id).to_string()).collect())
    }

    /// The finding that the write was about first.
    fn about_finding(&self) -> Result<(Option<v1::Finding>, Vec<String>), Status> {
        match self.made() {
            Some(id) => Ok((self.finding(id)?, self.look_alikes(id)?)),
            None => Ok((None, Vec::new())),
        }
    }
}

/// What follows on a finding, as every call of it is asked.
struct Following {
    id: String,
    etag: String,
    on: String,
    time: String,
    order_key: String,
    saying: Option<v1::FindingSaying>,
}

/// Takes a request of what follows apart.
macro_rules! following {
    ($asked:expr, $request:ident) => {{
        let v1::$request { context: _, id, etag, on, time, order_key, saying } = $asked;
        Following { id, etag, on, time, order_key, saying }
    }};
}

fn follow_plan(asked: Following, here: &[&str]) -> Result<Plan, Violations> {
    let mut violations = Violations::default();
    let finding = finding_id(&mut violations, "id", &asked.id);
    let etag = common::etag(&mut violations, &asked.etag);
    let on = common::required::<Day>(&mut violations, "on", &asked.on);
    let second_of_day = common::second_of_day(&mut violations, &asked.time);
    let order_key = common::order_key(&mut violations, asked.order_key);
    let saying = saying(&mut violations, asked.saying);
    if let Some(saying) = &saying
        && !here.contains(&saying.word())
    {
        let message =
            format!("{} is not said by this call; here are {}", saying.word(), here.join(", "));
        violations.add("saying", "NOT_HERE", message);
    }
    let (Some(finding), Some(on), Some(saying)) = (finding, on, saying) else {
        return Err(violations);
    };
    let needs_reason = matches!(
        saying,
        Saying::Assessed { .. }
            | Saying::DeadlineMoved { .. }
            | Saying::VerificationFailed { .. }
            | Saying::Waived { .. }
            | Saying::Reopened { .. }
    );
    let subject = SubjectId::from(finding);
    let follow = FollowFinding { finding, etag, on, second_of_day, order_key, saying };
    let named = vec![("id".to_owned(), subject)];
    let plan = on_subject(subject, Command::FollowFinding(follow), named, Vec::new());
    violations.or(Plan { needs_reason, ..plan })
}

fn observe_plan(
    asked: v1::ObserveFindingRequest,
    seed: crate::kernel::id::IdSeed,
    role: Role,
) -> Result<Plan, Violations> {
    let mut violations = Violations::default();
    let building: Option<BuildingId> =
        common::required(&mut violations, "building_id", &asked.building_id);
    let known: Option<FindingId> =
        common::optional(&mut violations, "finding_id", &asked.finding_id);
    let etag = common::etag(&mut violations, &asked.etag);
    let on = common::required::<Day>(&mut violations, "observed_on", &asked.observed_on);
    let second_of_day = common::second_of_day(&mut violations, &asked.time);
    let order_key = common::order_key(&mut violations, asked.order_key);
    let observation = observation(&mut violations, "observation", asked.observation);
    if let Some(seen) = &observation
        && role == Role::Insurer
        && seen.source != Source::Insurer
    {
        let message = "an insurer tells what its own visits saw";
        violations.add("observation.source", "OUT_OF_RANGE", message);
    }
    let (Some(building), Some(on), Some(observation)) = (building, on, observation) else {
        return Err(violations);
    };
    let subject = SubjectId::from(building);
    let mut named = vec![("building_id".to_owned(), subject)];
    named.extend(known.map(|id| ("finding_id".to_owned(), id.into())));
    named.extend(named_in("observation", &observation));
    let finding = known.map_or(Which::New(seed), Which::Known);
    let observed = Sighting { finding, on, second_of_day, order_key, observation };
    let observe = ObserveFinding { building, etag, observed };
    let command = Command::ObserveFinding(Box::new(observe));
    violations.or(on_subject(subject, command, named, Vec::new()))
}

fn merge_plan(asked: &v1::MergeFindingsRequest, today: Day) -> Result<Plan, Misread<Plan>> {
    let mut violations = Violations::default();
    if !(1..limit::ENTRY_SUBJECTS_MAX).contains(&asked.ids.len()) {
        let message = format!("1 to {} are merged at a time", limit::ENTRY_SUBJECTS_MAX - 1);
        violations.add("ids", "OUT_OF_RANGE", message);
    }
    let (mut subjects, mut indexes, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (index, text) in (0_u32..).zip(&asked.ids).take(limit::ENTRY_SUBJECTS_MAX) {
        let field = format!("ids[{index}]");
        let Some(id) = finding_id(&mut violations, &field, text).map(SubjectId::from) else {
            continue;
        };
        if subjects.contains(&id) {
            violations.add(field, "REPEATED", "the same finding is named twice");
            continue;
        }
        subjects.push(id);
        indexes.push(index);
        named.push((field, id));
    }
    let into = finding_id(&mut violations, "into_id", &asked.into_id).map(SubjectId::from);
    let day = common::optional::<Day>(&mut violations, "day", &asked.day).unwrap_or(today);
    let Some(into) = into else { return Err(violations.into()) };
    named.push(("into_id".to_owned(), into));
    let merge = Merge { kind: Kind::Finding, subjects, day, into: MergeInto::Existing(into) };
    Misread::check(violations, on_subject(into, Command::Merge(merge), named, Vec::new()))
        .map_err(|misread| Misread { indexes, ..misread })
}

fn correct_plan(
    asked: v1::CorrectFindingRequest,
    by: crate::domain::author::Author,
) -> Result<Plan, Violations> {
    let mut violations = Violations::default();
    let subject = finding_id(&mut violations, "id", &asked.id).map(SubjectId::from);
    let etag = common::etag(&mut violations, &asked.etag);
    let from = common::optional::<Day>(&mut violations, "from", &asked.from);
    let exists_from = common::optional(&mut violations, "exists_from", &asked.exists_from);
    let is_said = asked.saying.is_some();
    let said = if is_said { saying(&mut violations, asked.saying) } else { None };
    if !is_said && asked.from.is_empty() && asked.exists_from.is_empty() {
        violations.add("saying", "NOTHING_SAID", "a correction says what was wrong");
    }
    let Some(subject) = subject else { return Err(violations) };
    let mut named = vec![("id".to_owned(), subject)];
    if let Some(Saying::Observed(seen)) = &said {
        named.extend(named_in("saying.observed", seen));
    }
    let event = said.map(|saying| Told { saying, by });
    let fields = FindingContent { building: None, event };
    let content = Content { fields: Fields::Finding(Box::new(fields)), shared: Shared::default() };
    let correct = Correct {
        subject,
        etag,
        entry: asked.entry,
        from,
        content,
        exists_from,
        ended_on: None,
        sentences: Vec::new(),
    };
    violations.or(on_subject(subject, Command::Correct(correct), named, Vec::new()))
}

fn retract_plan(asked: &v1::RetractFindingRequest) -> Result<Plan, Violations> {
    let mut violations = Violations::default();
    let subject = finding_id(&mut violations, "id", &asked.id).map(SubjectId::from);
    let etag = common::etag(&mut violations, &asked.etag);
    let Some(subject) = subject else { return Err(violations) };
    let command = Command::Retract(Retract { subject, etag, entry: asked.entry });
    let named = vec![("id".to_owned(), subject)];
    violations.or(on_subject(subject, command, named, Vec::new()))
}

impl Write {
    async fn follow(
        self,
        asked: Following,
        here: &[&str],
    ) -> Result<(Written, Option<v1::Finding>), Status> {
        let written = self.run(follow_plan(asked, here)).await?;
        let (finding, _) = written.about_finding()?;
        Ok((written, finding))
    }
}

/// What a list of findings is of.
fn of(
    violations: &mut Violations,
    asked: &v1::ListFindingsRequest,
) -> Option<(&'static str, SubjectId)> {
    use v1::list_findings_request::Of;
    match &asked.of {
        Some(Of::BuildingId(text)) => {
            common::required::<BuildingId>(violations, "building_id", text)
                .map(|id| ("building_id", id.into()))
        }
        Some(Of::CompoundId(text)) => {
            common::required::<CompoundId>(violations, "compound_id", text)
                .map(|id| ("compound_id", id.into()))
        }
        Some(Of::RegionId(text)) => common::required::<RegionId>(violations, "region_id", text)
            .map(|id| ("region_id", id.into())),
        None => {
            violations.add("", "ONE_OF", "name a building, a compound or a region");
            None
        }
    }
}

fn wanted(violations: &mut Violations, asked: &v1::ListFindingsRequest) -> FindingsWanted {
    let mut severities = Vec::new();
    for (index, number) in asked.severities.iter().enumerate() {
        let field = format!("severities[{index}]");
        severities.extend(choice(violations, &field, *number, Severity::from_number));
    }
    let mut stages = Vec::new();
    for (index, number) in asked.stages.iter().enumerate() {
        let field = format!("stages[{index}]");
        stages.extend(choice(violations, &field, *number, Stage::from_number));
    }
    let class = match asked.class.as_str() {
        "" => None,
        text => class(violations, "class", text.to_owned()),
    };
    let is_by_age = match asked.order_by.as_str() {
        "" | "id" => false,
        "age" => true,
        _ => {
            let message = "findings are listed in the order of their ids or by age";
            violations.add("order_by", "ORDER_UNKNOWN", message);
            false
        }
    };
    FindingsWanted {
        class,
        severities,
        stages,
        is_overdue: asked.overdue_only,
        bucket_from_days: asked.bucket_from_days,
        has_notice: asked.with_open_notice,
        is_by_age,
    }
}

impl Way {
    async fn list_findings(
        &self,
        mut asked: v1::ListFindingsRequest,
    ) -> Result<v1::ListFindingsResponse, Status> {
        let context = asked.context.take();
        let page_size = std::mem::take(&mut asked.page_size);
        let page_token = std::mem::take(&mut asked.page_token);
        let mut violations = Violations::default();
        let question = Question::new(self, &asked, context.as_ref());
        let request = question.page(&mut violations, page_size, &page_token);
        let of = of(&mut violations, &asked);
        let wanted = wanted(&mut violations, &asked);
        let is_of_building = of.is_some_and(|(_, of)| of.kind() == Kind::Building);
        if wanted.is_by_age && !is_of_building && is_of_another_time(context.as_ref()) {
            let message = "of another time findings are listed in the order of their ids";
            violations.add("order_by", "ORDER_ONLY_NOW", message);
        }
        let time = self.reading(context, violations).await?;
        let Some((field, holder)) = of else {
            return Err(status::bug("a list was read and is not there"));
        };
        self.check_reach(field, holder)?;
        let (page, positions) = self
            .blocking(move |registry| registry.list_findings(holder, &wanted, time, &request))
            .await?;
        let next_page_token = question.token(&page);
        Ok(v1::ListFindingsResponse {
            findings: page.rows.into_iter().map(write_finding).collect(),
            next_page_token,
            read_at: positions.iter().map(ToString::to_string).collect(),
        })
    }
}

/// What an office does with a finding.
const FOLLOWED: [&str; 9] = [
    "assessed",
    "notified",
    "deadline_moved",
    "closed",
    "included",
    "excluded",
    "object_gone",
    "waived",
    "reopened",
];
/// What is done about it.
const REPAIRED: [&str; 3] = ["planned", "repair_began", "reported_fixed"];
/// What another party saw of that.
const VERIFIED: [&str; 2] = ["verified", "verification_failed"];
/// How people are kept from harm.
const SECURED: [&str; 4] = ["monitored", "monitoring_ended", "measure_taken", "measure_lifted"];

#[tonic::async_trait]
impl FindingService for Api {
    async fn observe_finding(
        &self,
        request: Request<v1::ObserveFindingRequest>,
    ) -> Result<Response<v1::ObserveFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let seed = common::id_seed(write.registry().now()).map_err(status::status)?;
        let role = write.way.caller.actor.role;
        let written = write.run(observe_plan(asked, seed, role)).await?;
        let (finding, possible_duplicates) = written.about_finding()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::ObserveFindingResponse { receipt, finding, possible_duplicates }))
    }

    async fn get_finding(
        &self,
        request: Request<v1::GetFindingRequest>,
    ) -> Result<Response<v1::GetFindingResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let id = finding_id(&mut violations, "id", &asked.id);
        let time = way.reading(asked.context, violations).await?;
        let Some(id) = id else {
            return Err(status::bug("an id was read and is not there"));
        };
        way.check_reach("id", id.into())?;
        let found = way.blocking(move |registry| registry.finding(id, time)).await?;
        let read_at = found.seen.position.to_string();
        Ok(Response::new(v1::GetFindingResponse { finding: Some(write_finding(found)), read_at }))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.list_findings(asked).await.map(Response::new)
    }

    async fn follow_finding(
        &self,
        request: Request<v1::FollowFindingRequest>,
    ) -> Result<Response<v1::FollowFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, FollowFindingRequest);
        let (written, finding) = write.follow(asked, &FOLLOWED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::FollowFindingResponse { receipt, finding }))
    }

    async fn report_repair(
        &self,
        request: Request<v1::ReportRepairRequest>,
    ) -> Result<Response<v1::ReportRepairResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, ReportRepairRequest);
        let (written, finding) = write.follow(asked, &REPAIRED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::ReportRepairResponse { receipt, finding }))
    }

    async fn verify_repair(
        &self,
        request: Request<v1::VerifyRepairRequest>,
    ) -> Result<Response<v1::VerifyRepairResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, VerifyRepairRequest);
        let (written, finding) = write.follow(asked, &VERIFIED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::VerifyRepairResponse { receipt, finding }))
    }

    async fn secure_finding(
        &self,
        request: Request<v1::SecureFindingRequest>,
    ) -> Result<Response<v1::SecureFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, SecureFindingRequest);
        let (written, finding) = write.follow(asked, &SECURED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::SecureFindingResponse { receipt, finding }))
    }

    async fn merge_findings(
        &self,
        request: Request<v1::MergeFindingsRequest>,
    ) -> Result<Response<v1::MergeFindingsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let today = write.registry().now().day();
        let written = write.run(merge_plan(&asked, today)).await?;
        let (finding, possible_duplicates) = written.about_finding()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::MergeFindingsResponse { receipt, finding, possible_duplicates }))
    }

    async fn correct_finding(
        &self,
        request: Request<v1::CorrectFindingRequest>,
    ) -> Result<Response<v1::CorrectFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let by = author(&write.way.caller);
        let mut written = write.run(correct_plan(asked, by)).await?;
        written.about = written.made();
        let (finding, _) = written.about_finding()?;
        let case_ids = written.opened_cases()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::CorrectFindingResponse { receipt, finding, case_ids }))
    }

    async fn retract_finding(
        &self,
        request: Request<v1::RetractFindingRequest>,
    ) -> Result<Response<v1::RetractFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let mut written = write.run(retract_plan(&asked)).await?;
        written.about = written.made();
        let (finding, _) = written.about_finding()?;
        let case_ids = written.opened_cases()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::RetractFindingResponse { receipt, finding, case_ids }))
    }
}
