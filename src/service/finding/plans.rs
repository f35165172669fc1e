//! What is to be done about findings, read as plans.

use crate::{
    auth::role::Role,
    domain::{
        author::Author,
        content::{Content, Fields, Shared},
        finding::{FindingContent, Saying, Source, Told},
    },
    kernel::{
        id::{BuildingId, FindingId, IdSeed, Kind, SubjectId},
        limit,
        time::Day,
        violation::Violations,
    },
    proto::v1,
    registry::{
        Command, Correct, FollowFinding, Merge, MergeInto, ObserveFinding, Retract, Sighting, Which,
    },
    service::{
        Plan, common,
        finding::reading::{finding_id, named_in, observation_so_far, saying},
        kind::{about, on_subject},
        misread::{self, Misread},
    },
};

/// What follows on a finding, as every call of it is asked.
pub(super) struct Following {
    pub(super) id: String,
    pub(super) etag: String,
    pub(super) on: String,
    pub(super) time: String,
    pub(super) order_key: String,
    pub(super) saying: Option<v1::FindingSaying>,
}

/// Reads what follows on a finding. In the place of a day that cannot be read stands `today`.
pub(super) fn follow_plan(
    asked: Following,
    here: &[&str],
    today: Day,
) -> Result<Plan, Misread<Plan>> {
    let mut violations = Violations::default();
    let finding = finding_id(&mut violations, "id", &asked.id);
    let etag = common::etag(&mut violations, &asked.etag);
    let on = common::required::<Day>(&mut violations, "on", &asked.on).unwrap_or(today);
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
    let saying = saying.unwrap_or(Saying::Closed);
    let needs_reason = matches!(
        saying,
        Saying::Assessed { .. }
            | Saying::DeadlineMoved { .. }
            | Saying::VerificationFailed { .. }
            | Saying::Waived { .. }
            | Saying::Reopened { .. }
    );
    let named = about("id", finding.map(SubjectId::from));
    let finding = finding.unwrap_or_else(|| no_finding(&named));
    let follow = FollowFinding { finding, etag, on, second_of_day, order_key, saying };
    let plan = on_subject(finding.into(), Command::FollowFinding(follow), named, Vec::new());
    Misread::check(violations, Plan { needs_reason, ..plan })
}

/// In the place of a finding that could not be read.
fn no_finding(named: &[(String, SubjectId)]) -> FindingId {
    FindingId::new(misread::nobody(Kind::Finding, named).raw())
}

/// Reads what somebody saw. In the place of a day that cannot be read stands `today`.
pub(super) fn observe_plan(
    asked: v1::ObserveFindingRequest,
    seed: IdSeed,
    role: Role,
    today: Day,
) -> Result<Plan, Misread<Plan>> {
    let mut violations = Violations::default();
    let building: Option<BuildingId> =
        common::required(&mut violations, "building_id", &asked.building_id);
    let known: Option<FindingId> =
        common::optional(&mut violations, "finding_id", &asked.finding_id);
    let etag = common::etag(&mut violations, &asked.etag);
    let on = common::required::<Day>(&mut violations, "observed_on", &asked.observed_on);
    let second_of_day = common::second_of_day(&mut violations, &asked.time);
    let order_key = common::order_key(&mut violations, asked.order_key);
    let source = asked.observation.as_ref().map_or(0, |seen| seen.source);
    let observation = observation_so_far(&mut violations, "observation", asked.observation);
    let is_own = matches!(observation.source, Source::Insurer | Source::Sensor);
    if role == Role::Insurer && source != 0 && !is_own {
        let message = "an insurer tells what its own visits and sensors saw";
        violations.add("observation.source", "OUT_OF_RANGE", message);
    }
    let mut named = about("building_id", building.map(SubjectId::from));
    named.extend(known.map(|id| ("finding_id".to_owned(), id.into())));
    named.extend(named_in("observation", &observation));
    let no_building = || BuildingId::new(misread::nobody(Kind::Building, &named).raw());
    let building = building.unwrap_or_else(no_building);
    let finding = known.map_or(Which::New(seed), Which::Known);
    let on = on.unwrap_or(today);
    let observed = Sighting { finding, on, second_of_day, order_key, observation };
    let observe = ObserveFinding { building, etag, observed };
    let command = Command::ObserveFinding(Box::new(observe));
    Misread::check(violations, on_subject(building.into(), command, named, Vec::new()))
}

pub(super) fn merge_plan(
    asked: &v1::MergeFindingsRequest,
    today: Day,
) -> Result<Plan, Misread<Plan>> {
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
    named.extend(about("into_id", into));
    let into = into.unwrap_or_else(|| misread::nobody(Kind::Finding, &named));
    let merge = Merge { kind: Kind::Finding, subjects, day, into: MergeInto::Existing(into) };
    Misread::check(violations, on_subject(into, Command::Merge(merge), named, Vec::new()))
        .map_err(|misread| Misread { indexes, ..misread })
}

pub(super) fn correct_plan(
    asked: v1::CorrectFindingRequest,
    by: Author,
) -> Result<Plan, Misread<Plan>> {
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
    let mut named = about("id", subject);
    if let Some(Saying::Observed(seen)) = &said {
        named.extend(named_in("saying.observed", seen));
    }
    let subject = subject.unwrap_or_else(|| misread::nobody(Kind::Finding, &named));
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
    let plan = on_subject(subject, Command::Correct(correct), named, Vec::new());
    // An entry that is not named is found by the day, which may be left out.
    let doubtful: &[&str] = if asked.entry.is_none() { &["entry", "from"] } else { &[] };
    Misread::check(violations, plan).map_err(|misread| Misread { doubtful, ..misread })
}

pub(super) fn retract_plan(asked: &v1::RetractFindingRequest) -> Result<Plan, Misread<Plan>> {
    let mut violations = Violations::default();
    let subject = finding_id(&mut violations, "id", &asked.id).map(SubjectId::from);
    let etag = common::etag(&mut violations, &asked.etag);
    let named = about("id", subject);
    let subject = subject.unwrap_or_else(|| misread::nobody(Kind::Finding, &named));
    let command = Command::Retract(Retract { subject, etag, entry: asked.entry });
    Misread::check(violations, on_subject(subject, command, named, Vec::new()))
}
