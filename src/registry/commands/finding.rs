//! What is seen of defects, and what follows on them.

use std::sync::Arc;

use crate::{
    domain::{
        content::{Content, Fields, Shared},
        finding::{self, Event, EventId, Finding, FindingContent, Observation, Saying, Told},
        report,
        tables::Tables,
        timeline::{self, Presence, Statement},
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, ReferenceId, SubjectId},
        position::Seq,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{Correct, FollowFinding, ObserveFinding, Sighting, Which},
        commands::rules::{entered_in_error, reason_missing, settle, subject},
        dossier::{self, Knowing},
        error::{Class, Error, Refusal},
        fact::Fact,
        record::Record,
        tx::{Decided, Draft, Tx},
    },
};

/// Entries of one life that a decision names as what it rests on.
const BASIS_MAX: usize = 64;

/// A sighting that nothing stands against.
pub(crate) struct Judged {
    /// The finding that it is of, or that it begins.
    pub id: FindingId,
    /// What is to be recorded.
    pub draft: Draft,
    /// What was said of the finding before.
    pub so_far: Finding,
}

/// Somebody saw a defect.
pub(crate) fn observe(tx: &mut Tx<'_, '_>, command: ObserveFinding) -> Result<Decided, Error> {
    let ObserveFinding { building, etag, observed } = command;
    let mut refusals = Vec::new();
    if let Which::Known(id) = observed.finding
        && let Some((id, _)) = living(tx, id)?
    {
        subject(tx, id.into(), etag, &mut refusals)?;
    }
    let presence = presence(tx, building, "building_id", observed.on, &mut refusals)?;
    let judged = judge_sighting(tx, building, presence, observed, "", &mut refusals)?;
    settle(refusals)?;
    let Some(judged) = judged else {
        return Err(Error::Bug("a sighting was neither judged nor refused".to_owned()));
    };
    tx.accept(judged.draft)?;
    Ok(Decided { subjects: vec![judged.id.into()], ..Decided::default() })
}

/// Whether a building is there on a day; refuses one that is not known.
pub(crate) fn presence(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    field: &str,
    day: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Presence>, Error> {
    let Some(record) = tx.work.known(building.partition(), building.into())? else {
        refusals.push(Refusal::missing(field, SubjectId::from(building)));
        return Ok(None);
    };
    Ok(Some(record.timeline.presence(day)))
}

/// What stands against a sighting; `prefix` is the path before its fields.
pub(crate) fn judge_sighting(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    presence: Option<Presence>,
    sighting: Sighting,
    prefix: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Judged>, Error> {
    let Sighting { finding, on, second_of_day, order_key, observation } = sighting;
    let partition = building.partition();
    let before = refusals.len();
    check_place(tx, building, &observation, &format!("{prefix}observation"), refusals)?;
    let found = sighted(tx, building, finding, prefix, refusals)?;
    let tables = tx.work.tables(partition)?;
    let speaking = tables.findings_by(on);
    let catalogue = speaking.map(|(_, catalogue)| catalogue);
    if catalogue.is_none() {
        refusals.push(reference_missing(&format!("{prefix}observation.class"), "findings"));
    }
    let told = Told { saying: Saying::Observed(observation), by: tx.call.author.clone() };
    let event = event_of(&told, Seq::MAX, on, second_of_day, order_key.clone());
    // Of a building that is not known, that alone is told.
    let presence = presence.unwrap_or(Presence::Unknown);
    let today = tx.today();
    let objections = match &found {
        Some((_, so_far)) => so_far.objections(&event, building, today, presence, catalogue),
        None => finding::objections_to(&event, today, presence, catalogue),
    };
    for refusal in objections {
        let field = match refusal {
            finding::Refusal::Class(_) => "observation.class",
            finding::Refusal::Day(_) => "observed_on",
            _ => "finding_id",
        };
        refusals.push(refusal_of(&refusal, &format!("{prefix}{field}")));
    }
    let (Some((id, so_far)), Some((edition, _))) = (found, speaking) else { return Ok(None) };
    if refusals.len() > before {
        return Ok(None);
    }
    let is_new = matches!(finding, Which::New(_));
    // Seen in what its building became, it stands there from now on.
    let is_placed = is_new || building != so_far.building();
    let fields =
        FindingContent { building: is_placed.then_some(Some(building)), event: Some(told) };
    let content = content_of(fields);
    let subject = SubjectId::from(id);
    let fact = if is_new {
        Fact::Registered { subject, exists_from: ImpreciseDay::exactly(on), content }
    } else {
        Fact::Changed { subject, content }
    };
    let mut basis = standing_of(tx, building.into(), on)?;
    basis.extend(edition_entry(tx, edition)?);
    basis.sort_unstable();
    let draft = Draft { second_of_day, order_key, basis, ..Draft::new(partition, fact).from(on) };
    Ok(Some(Judged { id, draft, so_far }))
}

/// The finding that a sighting is of, with what was said of it.
fn sighted(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    which: Which,
    prefix: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<(FindingId, Finding)>, Error> {
    let partition = building.partition();
    let field = format!("{prefix}finding_id");
    match which {
        Which::New(seed) => {
            let id = FindingId::new(seed.born_in(partition));
            if tx.work.known(partition, id.into())?.is_some() {
                refusals.push(collision());
                return Ok(None);
            }
            Ok(Some((id, Finding::new(building, id))))
        }
        Which::Known(id) if id.partition() != partition => {
            let message = format!("{} belongs to another partition", SubjectId::from(id));
            refusals.push(Refusal::rule("OTHER_PARTITION", &field, message));
            Ok(None)
        }
        Which::Known(id) => {
            if tx.work.known(partition, id.into())?.is_none() {
                refusals.push(Refusal::missing(&field, SubjectId::from(id)));
                return Ok(None);
            }
            let found = living(tx, id)?;
            if found.is_none() {
                refusals.push(entered_in_error(&field, id.into()));
            }
            Ok(found)
        }
    }
}

/// The id that was drawn is taken.
pub(crate) fn collision() -> Refusal {
    let message = "the id that was drawn is taken: try again";
    Refusal::of(Class::Conflict, "ID_COLLISION", "", message)
}

/// What has to be loaded before this can be judged.
pub(crate) fn reference_missing(field: &str, table: &str) -> Refusal {
    let message =
        format!("no reference data of the table {table} is loaded that speaks of the day");
    Refusal::rule("REFERENCE_MISSING", field, message)
}

/// The unit that is named is in the building, and the report is about it.
fn check_place(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    observation: &Observation,
    prefix: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let named = [
        (observation.place.unit.map(SubjectId::from), "place.unit_id", "UNIT_OTHER_BUILDING"),
        (observation.report.map(SubjectId::from), "report_id", "REPORT_OTHER_BUILDING"),
    ];
    for (id, field, reason) in named {
        let Some(id) = id else { continue };
        let field = format!("{prefix}.{field}");
        let record = if id.partition() == building.partition() {
            tx.work.known(id.partition(), id)?
        } else {
            None
        };
        let Some(record) = record else {
            refusals.push(Refusal::missing(&field, id));
            continue;
        };
        let is_of_building = record
            .timeline
            .contents()
            .any(|(_, content)| content.located_in().contains(&building.into()));
        if !is_of_building || record.timeline.registration().is_none() {
            let message = format!("{id} is not of the building that this was seen of");
            refusals.push(Refusal::rule(reason, &field, message));
        }
    }
    Ok(())
}

/// The finding that a number leads to: itself, or what it was merged into; `None` when it was entered
/// in error.
pub(crate) fn living(
    tx: &mut Tx<'_, '_>,
    id: FindingId,
) -> Result<Option<(FindingId, Finding)>, Error> {
    let id = dossier::leads_to(tx.work, id, Knowing::at(None))?;
    let found = dossier::finding(tx.work, id, Knowing::at(None))?;
    Ok(found.map(|finding| (id, finding)))
}

/// What follows on a finding is said.
pub(crate) fn follow(tx: &mut Tx<'_, '_>, command: FollowFinding) -> Result<Decided, Error> {
    let FollowFinding { finding, etag, on, second_of_day, order_key, saying } = command;
    let mut refusals = Vec::new();
    let found = followed(tx, finding, etag, &mut refusals)?;
    let Some((id, so_far)) = found else {
        // What can be said against it whatever it is said of.
        let tables = tx.work.tables(finding.partition())?;
        let saying = saying.because(&tx.call.reason);
        let told = Told { saying, by: tx.call.author.clone() };
        let event = event_of(&told, Seq::MAX, on, second_of_day, order_key.clone());
        let catalogue = tables.findings_on(on);
        let found = finding::objections_to(&event, tx.today(), Presence::Unknown, catalogue);
        tell(found, &event, "on", &mut refusals);
        return Err(Error::Refused(refusals));
    };
    let following = Following { on, second_of_day, order_key, saying, day_field: "on" };
    let draft = judge_following(tx, id, &so_far, following, &mut refusals)?;
    settle(refusals)?;
    tx.accept(draft)?;
    Ok(Decided { subjects: vec![id.into()], ..Decided::default() })
}

/// What is said to follow on a finding.
pub(crate) struct Following {
    /// The day.
    pub on: Day,
    /// The time on that day, in seconds.
    pub second_of_day: Option<u32>,
    /// The caller's key of order.
    pub order_key: Vec<u8>,
    /// What.
    pub saying: Saying,
    /// Where the day stands.
    pub day_field: &'static str,
}

/// What stands against what follows on a finding of which so much was said. The draft may be recorded
/// when nothing does.
pub(crate) fn judge_following(
    tx: &mut Tx<'_, '_>,
    id: FindingId,
    so_far: &Finding,
    following: Following,
    refusals: &mut Vec<Refusal>,
) -> Result<Draft, Error> {
    let Following { on, second_of_day, order_key, saying, day_field } = following;
    let tables = tx.work.tables(id.partition())?;
    // A notice that gives no last day has it by the rule, whenever it is asked for.
    let by_rule = match saying {
        Saying::Notified { deadline: None } => so_far.rule_for(on, &tables),
        _ => None,
    };
    let saying = saying.because(&tx.call.reason);
    let told = Told { saying, by: tx.call.author.clone() };
    let event = event_of(&told, Seq::MAX, on, second_of_day, order_key.clone());
    let own = so_far.building();
    admit(tx, so_far, &event, own, &tables, day_field, refusals)?;
    let told = Told { saying: told.saying.without_reason(), by: told.by };
    let mut basis = Vec::new();
    if let Some((edition, _)) = by_rule {
        basis.extend(edition_entry(tx, edition)?);
    }
    let fields = FindingContent { building: None, event: Some(told) };
    let fact = Fact::Changed { subject: id.into(), content: content_of(fields) };
    Ok(Draft { second_of_day, order_key, basis, ..Draft::new(id.partition(), fact).from(on) })
}

/// A finding as it will be with an observation more.
pub(crate) fn with_observation(
    tx: &mut Tx<'_, '_>,
    mut so_far: Finding,
    on: Day,
    observation: Observation,
) -> Result<Finding, Error> {
    let told = Told { saying: Saying::Observed(observation), by: tx.call.author.clone() };
    // Before what follows on it.
    so_far.push(event_of(&told, Seq::MAX - 1, on, None, Vec::new()));
    dossier::counted(tx.work, so_far, Knowing::at(None))
}

/// The finding that something is said of: that to which the number leads.
fn followed(
    tx: &mut Tx<'_, '_>,
    number: FindingId,
    etag: Option<Seq>,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<(FindingId, Finding)>, Error> {
    if subject(tx, number.into(), None, refusals)?.is_none() {
        return Ok(None);
    }
    let found = living(tx, number)?;
    if found.is_none() {
        refusals.push(entered_in_error("id", number.into()));
    }
    let standing = found.as_ref().map_or(number, |(id, _)| *id);
    subject(tx, standing.into(), etag, refusals)?;
    Ok(found)
}

/// Whether an event may be said of a finding.
fn admit(
    tx: &mut Tx<'_, '_>,
    so_far: &Finding,
    event: &Event,
    building: BuildingId,
    tables: &Tables,
    day_field: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let catalogue = tables.findings_on(event.on);
    if catalogue.is_none() {
        refusals.push(reference_missing("", "findings"));
    }
    let record = tx.work.known(building.partition(), building.into())?;
    let presence =
        record.map_or(Presence::EnteredInError, |record| record.timeline.presence(event.on));
    let found = so_far.objections(event, building, tx.today(), presence, catalogue);
    tell(found, event, day_field, refusals);
    Ok(())
}

/// Notes what stands against an event, each by the field that it is about.
fn tell(found: Vec<finding::Refusal>, event: &Event, day_field: &str, refusals: &mut Vec<Refusal>) {
    for refusal in found {
        let field = match (&refusal, &event.saying) {
            (
                finding::Refusal::Day(_)
                | finding::Refusal::NotObserved
                | finding::Refusal::ReportNotSubmitted,
                _,
            ) => day_field,
            (finding::Refusal::Class(_), Saying::Assessed { .. }) => "saying.assessed.class",
            (finding::Refusal::Class(_), _) => "saying.observed.class",
            (finding::Refusal::ReasonMissing, _) => "context.reason",
            (finding::Refusal::DeadlineOver(_), Saying::Notified { .. }) => {
                "saying.notified.deadline"
            }
            (finding::Refusal::DeadlineOver(_), _) => "saying.deadline_moved.deadline",
            (finding::Refusal::GoneByRepairer, _) => "saying.object_gone",
            (finding::Refusal::VerifierRepaired, _) => "saying.verified.verifier",
            _ => "id",
        };
        let refusal = refusal_of(&refusal, field);
        // A correction is told already that it does not say why.
        if !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }
}

/// A correction of an entry of a finding, ready to be recorded: judged as what it makes of the whole,
/// its reason kept apart. Of anything else, the correction as it came.
pub(crate) fn corrected(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    statement: &Statement,
    mut command: Correct,
    refusals: &mut Vec<Refusal>,
) -> Result<Correct, Error> {
    let (Ok(number), Fields::Finding(said)) =
        (FindingId::try_from(id), &mut command.content.fields)
    else {
        return Ok(command);
    };
    let (stood, day, is_first) = match &statement.saying {
        timeline::Saying::Registered { exists_from, content } => {
            (content, command.exists_from.unwrap_or(*exists_from), true)
        }
        timeline::Saying::Changed(content) => {
            (content, ImpreciseDay::exactly(command.from.unwrap_or(statement.from)), false)
        }
        _ => return Ok(command),
    };
    let Fields::Finding(stood) = &stood.fields else { return Ok(command) };
    let Some(on) = day.exact() else {
        refusals.push(not_exact());
        return Ok(command);
    };
    let (Some(told), Some((_, so_far))) =
        (said.event.clone().or(stood.event.clone()), living(tx, number)?)
    else {
        return Ok(command);
    };
    if is_first && !matches!(told.saying, Saying::Observed(_)) {
        let message = "a finding begins with an observation";
        refusals.push(Refusal::rule("FINDING_NOT_OBSERVED", "entry", message));
    }
    // Who repaired is not changed by who corrects what was said of it.
    let by = match &stood.event {
        Some(was) if was.saying.word() == told.saying.word() => was.by.clone(),
        _ => told.by,
    };
    let told = Told { saying: told.saying.because(&tx.call.reason), by };
    let place = record.timeline.place_of(statement.seq).unwrap_or(statement.seq);
    let event = event_of(&told, place, on, statement.second, statement.key.clone());
    let tables = tx.work.tables(id.partition())?;
    let field = if is_first { "exists_from" } else { "from" };
    let seen_in = stood.building.flatten().unwrap_or_else(|| so_far.building());
    if let Some(Told { saying: Saying::Observed(seen), .. }) = &said.event {
        check_place(tx, seen_in, seen, "saying.observed", refusals)?;
    }
    admit(tx, &so_far, &event, seen_in, &tables, field, refusals)?;
    if said.event.is_some() {
        said.event = Some(Told { saying: told.saying.without_reason(), by: told.by });
    }
    Ok(command)
}

/// What is seen is seen on one day.
pub(crate) fn not_exact() -> Refusal {
    let message = "this is seen on one day, and not on one of several";
    Refusal::of(Class::Invalid, "OUT_OF_RANGE", "exists_from", message)
}

/// Findings that become one are of one building, and none of them has come to its end: what is open
/// would be closed by it, or what was closed opened, on nobody's word.
pub(crate) fn may_merge(
    tx: &mut Tx<'_, '_>,
    subjects: &[SubjectId],
    into: SubjectId,
) -> Result<(), Error> {
    let mut refusals = Vec::new();
    let mut buildings: Vec<BuildingId> = Vec::new();
    let fields = (0..subjects.len()).map(|index| format!("ids[{index}]"));
    let fields = fields.chain(["into_id".to_owned()]);
    for (id, field) in subjects.iter().copied().chain([into]).zip(fields) {
        let Some(record) = tx.work.known(id.partition(), id)? else { continue };
        buildings.extend(dossier::building_of(&record.timeline));
        let Ok(number) = FindingId::try_from(id) else { continue };
        let found = dossier::finding(tx.work, number, Knowing::at(None))?;
        let view = found.and_then(|finding| finding.view_on(tx.today()));
        if let Some(view) = view.filter(|view| !view.stage.is_open()) {
            refusals.push(refusal_of(&finding::Refusal::Ended(view.stage), &field));
        }
    }
    buildings.sort_unstable();
    buildings.dedup();
    if buildings.len() > 1 {
        let refusal = finding::Refusal::OtherBuilding;
        refusals.push(refusal_of(&refusal, "ids"));
    }
    settle(refusals)
}

/// Nothing ends what is only said about a building.
pub(crate) fn has_no_end(kind: Kind) -> Option<Refusal> {
    let message = match kind {
        Kind::Finding => "a finding is closed, waived, gone with its object or merged",
        Kind::Report => "a report is returned, superseded or retracted",
        Kind::Claim => "a claim is closed, declined or withdrawn",
        Kind::Work => "work that was not done is retracted",
        _ => return None,
    };
    Some(Refusal::rule("HAS_NO_END", "id", message))
}

/// What is said of reports and findings is said by commands of their own.
pub(crate) fn has_own_commands(kind: Kind, refusals: &mut Vec<Refusal>) {
    if kind == Kind::Finding {
        let message = "what follows on a finding is said as an event";
        refusals.push(Refusal::of(Class::Invalid, "NOT_HERE", "fields", message));
    }
}

/// A refusal of a rule of findings.
pub(crate) fn refusal_of(refusal: &finding::Refusal, field: &str) -> Refusal {
    let class = match refusal {
        finding::Refusal::Day(report::Refusal::Future(_))
        | finding::Refusal::Class(_)
        | finding::Refusal::DeadlineOver(_)
        | finding::Refusal::ReasonMissing => Class::Invalid,
        finding::Refusal::NothingToCorrect => Class::NotFound,
        _ => Class::Precondition,
    };
    if matches!(refusal, finding::Refusal::ReasonMissing) {
        return reason_missing();
    }
    Refusal::of(class, refusal.reason(), field, refusal.to_string())
}

fn event_of(told: &Told, seq: Seq, on: Day, second: Option<u32>, key: Vec<u8>) -> Event {
    Event {
        id: EventId { seq, item: 0 },
        on,
        second,
        key,
        by: told.by.clone(),
        corrects: None,
        saying: told.saying.clone(),
    }
}

pub(crate) fn content_of(fields: FindingContent) -> Content {
    Content { fields: Fields::Finding(Box::new(fields)), shared: Shared::default() }
}

/// The entry that an edition of reference data stands by.
pub(crate) fn edition_entry(
    tx: &mut Tx<'_, '_>,
    edition: ReferenceId,
) -> Result<Option<Seq>, Error> {
    let id = SubjectId::from(edition);
    let record: Option<Arc<Record>> = tx.work.known(id.partition(), id)?;
    Ok(record.and_then(|record| record.timeline.registration().map(|(said, _)| said.seq)))
}

/// The entries by which somebody or something stands as it does on a day.
pub(crate) fn standing_of(tx: &mut Tx<'_, '_>, id: SubjectId, day: Day) -> Result<Vec<Seq>, Error> {
    let Some(record) = tx.work.known(id.partition(), id)? else { return Ok(Vec::new()) };
    let mut seqs: Vec<Seq> = record
        .timeline
        .contents()
        .filter(|(statement, _)| statement.from <= day)
        .map(|(statement, _)| statement.seq)
        .collect();
    // Of a long life, the last word on each of so many things.
    let first = seqs.len().saturating_sub(BASIS_MAX);
    Ok(seqs.split_off(first))
}
