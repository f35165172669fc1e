//! Rows of reports and findings: the same commands and rules as a person's, made known by source and
//! key.
//!
//! A report is no matter of the world that changes from a day on: a row that says otherwise than its
//! source did before is a correction, or refused. Steps that it has not taken yet are taken. A row of
//! a finding is one observation, told from others of the finding by its day, part and observer. What
//! somebody else has said since, or taken back, is a conflict, and then nothing of the row is taken.

use crate::{
    domain::{
        content::{Content, Fields},
        finding::{Event, Finding, FindingContent, Observation, Saying, Told},
        report::{Signatures, Steps, steps_on},
        timeline::{self, Statement},
    },
    kernel::{
        hash::Hash,
        id::{FindingId, Kind, ReportId, SignerId, SubjectId},
        position::Seq,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{
            Correct, FindingRow, ImportRow, PaperRow, RecordReport, ReportRow, ReportStep, RowMode,
            Sighting, SignedRow, Which,
        },
        commands::{
            correct,
            finding::{
                Following, content_of, judge_following, judge_sighting, living, presence,
                with_observation,
            },
            import::{Taken, find, is_named_freely, not_found, resolve, source_row},
            register::Unresolved,
            report::{RowSteps, StepPaths, further_steps, record_from},
            rules::{entered_in_error, settle},
            said::{Fresh, Judged, Said},
            within::{Within, out_of_reach},
        },
        entry::Entry,
        error::{Error, Refusal},
        fact::{Conflict, Fact, ItemOutcome, SourceRow},
        history::entry_numbers,
        record::Record,
        request::{self, SourceRecord},
        state::State,
        tx::{Draft, Tx},
    },
};

/// Where the steps of a report stand in a row.
const OF_ROW: StepPaths = StepPaths {
    signed_on: "signed_on",
    signers: "signers",
    scope: "scope",
    submitted_on: "submitted_on",
};

/// Takes a row of a report or a finding in, or tells all that is against it.
pub(crate) fn take(
    tx: &mut Tx<'_, '_>,
    from: (&str, RowMode),
    row: ImportRow,
    within: &mut Within,
) -> Result<Taken, Error> {
    let (source, _) = from;
    let (content, unresolved) = resolve(tx, source, &row, within)?;
    let partition = tx.partition();
    let known = request::source(tx.work, partition, source, content.kind(), &row.key)?;
    if let Some(known) = &known
        && !within.reaches(tx, known.subject)?
    {
        return Err(Error::refused(out_of_reach("", "what this row is about")));
    }
    let building = content.about();
    if building.is_some_and(|building| building.partition() != partition) {
        let message = format!("this row belongs to another partition than {partition}");
        return Err(Error::refused(Refusal::rule("OTHER_PARTITION", "", message)));
    }
    match row.paper.clone() {
        Some(PaperRow::Report(paper)) => {
            report(tx, from, (row, paper, content), (known, unresolved), within)
        }
        Some(PaperRow::Finding(seen)) => {
            finding(tx, from, (row, seen, content), (known, unresolved))
        }
        None => Err(Error::Bug("a row of no paper was taken for one".to_owned())),
    }
}

/// A row says otherwise than its source did before, and not as a correction.
fn differs(field: &str, row: Option<&str>, registry: Option<&str>) -> Refusal {
    let [row, registry] = [row, registry].map(|value| value.unwrap_or("nothing"));
    let message = format!(
        "the row says {row}, and its source said {registry} before: what was wrong is imported as a \
         correction"
    );
    Refusal::rule("ROW_DIFFERS", field, message)
}

fn conflict(field: &str, row: String, registry: Option<String>) -> Conflict {
    Conflict { field: field.to_owned(), row: Some(row), registry }
}

/// A row of which nothing is taken, since others have said otherwise.
fn in_conflict(id: SubjectId, conflicts: Vec<Conflict>, row: Option<SourceRow>) -> Taken {
    let row = row.filter(SourceRow::is_short);
    Taken { id, outcome: ItemOutcome::Conflict, conflicts, is_partial: false, row }
}

/// Who signed by a row; tells those who are not known.
fn signatures(
    tx: &mut Tx<'_, '_>,
    source: &str,
    signed: &SignedRow,
    within: &mut Within,
    unresolved: &mut Unresolved,
) -> Result<Option<Signatures>, Error> {
    let mut signers = std::collections::BTreeSet::new();
    let before = unresolved.refusals.len();
    for reference in &signed.signers {
        let found = find(tx, source, Kind::Signer, reference)?;
        let known = match found {
            Some(id) if is_named_freely(tx, id, within)? => SignerId::try_from(id).ok(),
            _ => None,
        };
        match known {
            Some(id) => drop(signers.insert(id)),
            None => unresolved.refusals.push(not_found(OF_ROW.signers, Kind::Signer, within)),
        }
    }
    let is_whole = unresolved.refusals.len() == before;
    Ok(is_whole.then(|| Signatures { signers, scope: signed.scope.clone() }))
}

/// A report that is new, or known by its row.
fn report(
    tx: &mut Tx<'_, '_>,
    (source, mode): (&str, RowMode),
    (row, paper, content): (ImportRow, ReportRow, Content),
    (known, mut unresolved): (Option<SourceRecord>, Unresolved),
    within: &mut Within,
) -> Result<Taken, Error> {
    let signed = match &paper.signed {
        Some(signed) => {
            signatures(tx, source, signed, within, &mut unresolved)?.map(|who| (who, signed.on))
        }
        None => None,
    };
    let Some(known) = known else {
        let mut steps = Vec::new();
        let is_lost = paper.signed.is_some() && signed.is_none();
        steps.extend(signed.map(|(signed, on)| (ReportStep::Sign(signed), on)));
        steps.extend(paper.submitted.map(|on| (ReportStep::Submit, on)));
        if is_lost {
            // Without the signatures nothing is judged of what follows on them.
            steps.clear();
        }
        let known_row = source_row(source, &row, None);
        let (seed, inspected) = (row.seed, paper.inspected);
        let (findings, sentences) = (Vec::new(), Vec::new());
        let command = RecordReport { seed, content, inspected, findings, steps, sentences };
        let recorded = record_from(tx, command, Some(&known_row), &OF_ROW, unresolved)?;
        let id = recorded.first().copied();
        let id = id.ok_or_else(|| Error::Bug("a report was recorded without an id".to_owned()))?;
        return Ok(Taken::plain(id, ItemOutcome::Created));
    };
    settle(unresolved.refusals)?;
    let said =
        Paper { row, content, inspected: paper.inspected, signed, submitted: paper.submitted };
    report_again(tx, (source, mode), said, &known)
}

/// What a row says of a report.
struct Paper {
    row: ImportRow,
    content: Content,
    inspected: Day,
    signed: Option<(Signatures, Day)>,
    submitted: Option<Day>,
}

/// What a row says of a report that is known by its key.
fn report_again(
    tx: &mut Tx<'_, '_>,
    (source, mode): (&str, RowMode),
    paper: Paper,
    known: &SourceRecord,
) -> Result<Taken, Error> {
    let id = known.subject;
    let record = tx.must("key", id)?;
    let is_again = known.hash == paper.row.hash;
    let Some((first, inspected)) = record.timeline.registration() else {
        return said_in_error(id, is_again);
    };
    let (first, inspected) = (first.seq, inspected.latest());
    let last = Said::by_source(tx, id, source, &paper.row.key)?;
    let today = tx.today();
    // Only corrections are taken over: what a row says is laid over what its source said before.
    let Judged { fresh, mut conflicts } =
        last.judge((&paper.content, None), RowMode::Correction, paper.inspected, today);
    // The day of the inspection is judged here, since a report begins with it.
    let place = record.timeline.place_of(first).unwrap_or(first);
    let was_taken = is_again && !last.is_heard_only();
    let is_own_day = last.is_own_beginning(place);
    let is_other_day = inspected != paper.inspected;
    if is_other_day && (was_taken || !is_own_day) {
        let has = Some(inspected.to_string());
        conflicts.push(conflict("inspected_on", paper.inspected.to_string(), has));
    }
    let steps = due_steps(&paper, &record, was_taken, &mut conflicts);
    if !conflicts.is_empty() {
        let row = source_row(source, &paper.row, Some(last.with(&paper.content)));
        return Ok(in_conflict(id, conflicts, (!is_again).then_some(row)));
    }
    let is_corrected = !fresh.is_empty() || is_other_day;
    if !is_corrected && steps.is_empty() {
        return Ok(Taken::plain(id, ItemOutcome::Unchanged));
    }
    let mut refusals = Vec::new();
    if is_corrected && mode == RowMode::Change {
        refusals = otherwise(&record, &fresh);
        if is_other_day {
            let [row, has] = [paper.inspected, inspected].map(|day| day.to_string());
            refusals.push(differs("inspected_on", Some(&row), Some(&has)));
        }
    }
    let fields = fields_after(&record, &fresh);
    let (Ok(report), Fields::Report(fields)) = (ReportId::try_from(id), &fields.fields) else {
        return Err(Error::Bug(format!("{id} is no report")));
    };
    let row = RowSteps { fields, inspected: paper.inspected, steps, paths: &OF_ROW };
    let drafts = further_steps(tx, report, &record, row, &mut refusals)?;
    let source_row =
        source_row(source, &paper.row, is_corrected.then(|| last.with(&paper.content)));
    let day = is_other_day.then_some(paper.inspected);
    let commands = corrections(id, fresh, day, place);
    correct::say_all(tx, commands, Some(&source_row), refusals)?;
    for draft in drafts {
        tx.accept(Draft { source_row: Some(source_row.clone()), ..draft })?;
    }
    Ok(Taken::plain(id, ItemOutcome::Changed))
}

/// What is said again of what never existed changes nothing; anything else is refused.
fn said_in_error(id: SubjectId, is_again: bool) -> Result<Taken, Error> {
    if is_again {
        return Ok(Taken::plain(id, ItemOutcome::Unchanged));
    }
    Err(Error::refused(entered_in_error("key", id)))
}

/// The steps of a row that its report has not taken. Those that it took otherwise, and those that
/// somebody took back, are conflicts.
fn due_steps(
    paper: &Paper,
    record: &Record,
    was_taken: bool,
    conflicts: &mut Vec<Conflict>,
) -> Vec<(ReportStep, Day)> {
    let Steps { signed, submitted, .. } = steps_on(&record.timeline, Day::MAX);
    let mut due = Vec::new();
    if let Some((who, on)) = &paper.signed {
        match &signed {
            Some((day, by)) if day == on && by == who => {}
            None if !was_taken && submitted.is_none() => {
                due.push((ReportStep::Sign(who.clone()), *on));
            }
            other => {
                let text = |who: &Signatures, on: &Day| format!("{who} on {on}");
                let has = other.as_ref().map(|(on, who)| text(who, on));
                conflicts.push(conflict("signers", text(who, on), has));
            }
        }
    }
    if let Some(on) = paper.submitted {
        match submitted {
            Some((day, _)) if day == on => {}
            None if !was_taken => due.push((ReportStep::Submit, on)),
            other => {
                let has = other.map(|(day, _)| day.to_string());
                conflicts.push(conflict("submitted_on", on.to_string(), has));
            }
        }
    }
    due
}

/// What a row says otherwise than its source did before, field by field.
fn otherwise(record: &Record, fresh: &[Fresh]) -> Vec<Refusal> {
    let now = record.timeline.content_at(Day::MAX).map(|now| now.texts()).unwrap_or_default();
    let said = fresh.iter().flat_map(|one| one.content.texts());
    let said = said.map(|(field, value)| {
        let has = now.iter().find(|(name, _)| *name == field).and_then(|(_, has)| has.as_deref());
        differs(&format!("fields.{field}"), value.as_deref(), has)
    });
    said.collect()
}

/// The fields of a report once what is new of a row is laid over them.
fn fields_after(record: &Record, fresh: &[Fresh]) -> Content {
    let mut now =
        record.timeline.content_at(Day::MAX).unwrap_or_else(|| Content::empty(Kind::Report));
    for one in fresh {
        now.lay(&one.content);
    }
    now
}

/// The corrections of a row: in the places where its source said otherwise, and of the day of the
/// inspection in that of the registration.
fn corrections(id: SubjectId, mut fresh: Vec<Fresh>, day: Option<Day>, first: Seq) -> Vec<Correct> {
    if let Some(day) = day {
        let exists_from = Some(ImpreciseDay::exactly(day));
        match fresh.iter_mut().find(|one| one.entry == Some(first)) {
            Some(one) => one.exists_from = exists_from,
            None => fresh.push(Fresh {
                entry: Some(first),
                content: Content::empty(Kind::Report),
                exists_from,
            }),
        }
    }
    fresh.into_iter().map(|one| one.correction(id)).collect()
}

/// An observation of a finding that is new, or known by the key of its rows.
fn finding(
    tx: &mut Tx<'_, '_>,
    (source, mode): (&str, RowMode),
    (row, seen, content): (ImportRow, FindingRow, Content),
    (known, unresolved): (Option<SourceRecord>, Unresolved),
) -> Result<Taken, Error> {
    let Some(observation) = observation_of(&content).cloned() else {
        return Err(Error::Bug("a row of a finding says nothing that was seen".to_owned()));
    };
    let mut refusals = unresolved.refusals;
    let Some(known) = known else {
        let which = Which::New(row.seed);
        let id = observe(tx, source, (&row, &seen), (content, observation, which), refusals)?;
        return Ok(Taken::plain(id, ItemOutcome::Created));
    };
    let Ok(number) = FindingId::try_from(known.subject) else {
        return Err(Error::Bug(format!("{} is no finding", known.subject)));
    };
    let found = living(tx, number)?;
    let numbers = match &found {
        Some((_, so_far)) => so_far.numbers().iter().copied().collect(),
        None => vec![number],
    };
    let rows = own_rows(tx, &numbers, source, &row.key)?;
    let Some((living_id, so_far)) = found else {
        return said_in_error(known.subject, rows.has(row.hash));
    };
    let is_same = |own: &&OwnRow| {
        own.on == seen.on
            && own.observation.source == observation.source
            && own.observation.observer == observation.observer
    };
    let Some(own) = rows.seen.iter().rfind(is_same) else {
        let which = Which::Known(living_id);
        observe(tx, source, (&row, &seen), (content, observation, which), refusals)?;
        return Ok(Taken::plain(living_id.into(), ItemOutcome::Changed));
    };
    if content.about() != Some(so_far.building()) {
        let message = "the finding of this key is in another building";
        refusals.push(Refusal::rule("FINDING_OTHER_BUILDING", "building_id", message));
    }
    settle(refusals)?;
    let was_taken = own.hash == row.hash || rows.others.contains(&row.hash);
    let again = Again { own, was_taken, number: living_id, so_far };
    observed_again(tx, (source, mode), (&row, &seen, observation), again)
}

fn observation_of(content: &Content) -> Option<&Observation> {
    match &content.fields {
        Fields::Finding(fields) => match fields.event.as_ref().map(|told| &told.saying) {
            Some(Saying::Observed(seen)) => Some(seen),
            _ => None,
        },
        _ => None,
    }
}

/// Records an observation, and the notice that followed.
fn observe(
    tx: &mut Tx<'_, '_>,
    source: &str,
    (row, seen): (&ImportRow, &FindingRow),
    (content, observation, finding): (Content, Observation, Which),
    mut refusals: Vec<Refusal>,
) -> Result<SubjectId, Error> {
    let Some(building) = content.about() else { return Err(Error::Refused(refusals)) };
    let sighting = Sighting {
        finding,
        on: seen.on,
        second_of_day: None,
        order_key: Vec::new(),
        observation: observation.clone(),
    };
    let there = presence(tx, building, "building_id", seen.on, &mut refusals)?;
    let judged = judge_sighting(tx, building, there, sighting, "", &mut refusals)?;
    let mut drafts = Vec::new();
    let mut id = None;
    if let Some(judged) = judged {
        let with = with_observation(tx, judged.so_far, seen.on, observation)?;
        drafts.push(judged.draft);
        drafts.extend(notice(tx, seen, (judged.id, &with), &mut refusals)?);
        id = Some(SubjectId::from(judged.id));
    }
    refusals.iter_mut().for_each(by_key);
    settle(refusals)?;
    let known_row = source_row(source, row, None);
    for draft in drafts {
        tx.accept(Draft { source_row: Some(known_row.clone()), ..draft })?;
    }
    id.ok_or_else(|| Error::Bug("a row was neither judged nor refused".to_owned()))
}

/// A row knows its finding by its key.
fn by_key(refusal: &mut Refusal) {
    if matches!(refusal.field.as_str(), "finding_id" | "id") {
        "key".clone_into(&mut refusal.field);
    }
}

/// The notice of a row, unless it was given; another one of the same day stays.
fn notice(
    tx: &mut Tx<'_, '_>,
    seen: &FindingRow,
    (id, so_far): (FindingId, &Finding),
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Draft>, Error> {
    let Some((on, deadline)) = seen.notice else { return Ok(None) };
    let given = |event: Event| match event.saying {
        Saying::Notified { deadline } if event.on == on => Some(deadline),
        _ => None,
    };
    if let Some(given) = so_far.events_by_rules().find_map(given) {
        if deadline.is_some() && deadline != given {
            let [row, has] = [deadline, given].map(|day| day.map(|day| day.to_string()));
            refusals.push(differs("deadline", row.as_deref(), has.as_deref()));
        }
        return Ok(None);
    }
    let following = Following {
        on,
        second_of_day: None,
        order_key: Vec::new(),
        saying: Saying::Notified { deadline },
        day_field: "notified_on",
    };
    let from = refusals.len();
    let draft = judge_following(tx, id, so_far, following, refusals)?;
    for refusal in refusals.iter_mut().skip(from) {
        if refusal.field == "saying.notified.deadline" {
            "deadline".clone_into(&mut refusal.field);
        }
    }
    Ok((refusals.len() == from).then_some(draft))
}

/// What a source said of a finding with the rows of a key.
#[derive(Default)]
struct OwnRows {
    /// The observations, in the order of the entries, whatever became of them.
    seen: Vec<OwnRow>,
    /// The hashes of the rows that brought something else: notices.
    others: Vec<Hash>,
}

/// An observation that a row said.
struct OwnRow {
    /// The subject whose entry it is.
    id: FindingId,
    seq: Seq,
    on: Day,
    observation: Observation,
    hash: Hash,
}

fn own_rows(
    tx: &mut Tx<'_, '_>,
    numbers: &[FindingId],
    source: &str,
    key: &str,
) -> Result<OwnRows, Error> {
    let mut rows = OwnRows::default();
    for id in numbers {
        let (partition, subject) = (id.partition(), SubjectId::from(*id));
        let Some(record) = tx.work.known(partition, subject)? else { continue };
        let entries = entry_numbers(tx.work, partition, subject, &record)?;
        for bytes in tx.work.entries_at(partition, &entries)? {
            let (entry, _) = Entry::decode(&bytes)?;
            rows.hear(*id, entry, source, key);
        }
    }
    rows.seen.sort_by_key(|own| own.seq);
    Ok(rows)
}

impl OwnRows {
    fn hear(&mut self, id: FindingId, entry: Entry, source: &str, key: &str) {
        let Some(body) = entry.body else { return };
        let is_its = |row: &SourceRow| row.source == source && row.key == key;
        let Some(row) = body.source_row.filter(is_its) else { return };
        let (Fact::Registered { content, .. } | Fact::Changed { content, .. }) = &body.fact else {
            return;
        };
        match (observation_of(content), entry.valid_from) {
            (Some(seen), Some(on)) => {
                let (seq, observation) = (entry.seq, seen.clone());
                self.seen.push(OwnRow { id, seq, on, observation, hash: row.hash });
            }
            _ => self.others.push(row.hash),
        }
    }

    fn has(&self, hash: Hash) -> bool {
        self.others.contains(&hash) || self.seen.iter().any(|own| own.hash == hash)
    }
}

/// An observation that its source has said before, and the finding now.
struct Again<'o> {
    own: &'o OwnRow,
    /// Whether all of the row was taken before.
    was_taken: bool,
    number: FindingId,
    so_far: Finding,
}

/// What a row says of an observation that is known.
fn observed_again(
    tx: &mut Tx<'_, '_>,
    (source, mode): (&str, RowMode),
    (row, seen, observation): (&ImportRow, &FindingRow, Observation),
    Again { own, was_taken, number, so_far }: Again<'_>,
) -> Result<Taken, Error> {
    let mut refusals = Vec::new();
    let id = SubjectId::from(number);
    let record = tx.must("key", own.id.into())?;
    let place = record.timeline.place_of(own.seq).unwrap_or(own.seq);
    let Some((on, now)) = record.timeline.standing_in(place).and_then(standing) else {
        let gone = conflict("observed_on", seen.on.to_string(), None);
        return Ok(in_conflict(id, vec![gone], None));
    };
    let known_row = source_row(source, row, None);
    if (on, now) == (seen.on, &observation) {
        if was_taken {
            return Ok(Taken::plain(id, ItemOutcome::Unchanged));
        }
        let draft = notice(tx, seen, (number, &so_far), &mut refusals)?;
        refusals.iter_mut().for_each(by_key);
        settle(refusals)?;
        let Some(draft) = draft else { return Ok(Taken::plain(id, ItemOutcome::Unchanged)) };
        tx.accept(Draft { source_row: Some(known_row), ..draft })?;
        return Ok(Taken::plain(id, ItemOutcome::Changed));
    }
    if (on, now) != (own.on, &own.observation) {
        // Somebody has corrected what the source said.
        let others = differences((seen.on, &observation), (on, now)).into_iter();
        let others = others.map(|(field, row, has)| conflict(field, row, Some(has)));
        return Ok(in_conflict(id, others.collect(), None));
    }
    if mode == RowMode::Change {
        let said = differences((seen.on, &observation), (on, now)).into_iter();
        refusals.extend(said.map(|(field, row, has)| differs(field, Some(&row), Some(&has))));
    }
    let told = Told { saying: Saying::Observed(observation), by: tx.call.author.clone() };
    let content = content_of(FindingContent { building: None, event: Some(told) });
    let command = Fresh { entry: Some(place), content, exists_from: None };
    let command = command.correction(own.id.into());
    correct::say_all(tx, vec![command], Some(&known_row), refusals)?;
    Ok(Taken::plain(id, ItemOutcome::Changed))
}

/// The observation that a statement says, with its day; `None` of one that was taken back.
fn standing(statement: &Statement) -> Option<(Day, &Observation)> {
    match &statement.saying {
        timeline::Saying::Registered { exists_from, content } => {
            Some((exists_from.latest(), observation_of(content)?))
        }
        timeline::Saying::Changed(content) => Some((statement.from, observation_of(content)?)),
        _ => None,
    }
}

/// Where two observations differ: the field, what the first says, and what the second does.
fn differences(
    (on, row): (Day, &Observation),
    (other_on, other): (Day, &Observation),
) -> Vec<(&'static str, String, String)> {
    let report = |seen: &Observation| seen.report.map(|id| id.to_string()).unwrap_or_default();
    let unit = |seen: &Observation| seen.place.unit.map(|id| id.to_string()).unwrap_or_default();
    let floor = |seen: &Observation| seen.place.floor.map(|at| at.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let both = [
        ("observed_on", on.to_string(), other_on.to_string()),
        ("observation.class", row.class.clone(), other.class.clone()),
        ("observation.severity", row.severity.word().to_owned(), other.severity.word().to_owned()),
        ("observation.source", row.source.word().to_owned(), other.source.word().to_owned()),
        ("observation.observer", row.observer.0.clone(), other.observer.0.clone()),
        ("observation.place.entrance", text(&row.place.entrance), text(&other.place.entrance)),
        ("observation.place.floor", floor(row), floor(other)),
        ("observation.place.part", text(&row.place.part), text(&other.place.part)),
        ("unit_id", unit(row), unit(other)),
        ("report_id", report(row), report(other)),
    ];
    both.into_iter().filter(|(_, row, other)| row != other).collect()
}
