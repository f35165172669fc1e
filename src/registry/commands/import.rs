//! Rows of outside sources: new, changed, corrected, unchanged or in conflict.
//!
//! A row is known by its source and key, for ever. It is compared with what its source last said,
//! not with what the registry has: a field that the source says again is left alone, and one that
//! the source says anew is taken over unless somebody else has said it since. A conflict is told as
//! long as it stands; of a row that is in conflict as a whole, what the source said is remembered
//! beside the subject, which is not touched.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::Content,
        plausibility,
        region::Level,
        timeline::{Edge, Presence},
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        limit,
        position::Partition,
        time::Day,
    },
    registry::{
        command::{Change, Correct, Import, ImportRow, Reference, Register, RowMode},
        commands::{
            change, correct, paper_rows, policy_rows,
            register::{self, Unresolved, register},
            row_end::{Planned, RowEnding, Verdict},
            row_life::{Further, RowDays, record_splits},
            rules::{entered_in_error, homes, settle, weigh},
            said::{BEGINNING, Fresh, Judged, Said},
            within::{Within, out_of_reach},
        },
        error::{Class, Error, Refusal},
        fact::{Conflict, Fact, ItemOutcome, ItemRecord, SourceRow},
        read::level_of,
        request::{self, SourceRecord},
        space::{Space, below, subject_at_end, text_key},
        state::State,
        tx::{Decided, Draft, Tx},
    },
    store::Direction,
};

/// Takes rows in, each by itself.
pub(crate) fn import(tx: &mut Tx<'_, '_>, command: Import) -> Result<Decided, Error> {
    let Import { source, mode, within, insurers, rows, unread } = command;
    let mut whose = (Within::new(within), insurers);
    let item_count = u32::try_from(rows.len() + unread.len()).unwrap_or(u32::MAX);
    let mut items = unread;
    let mut subjects = Vec::new();
    for (index, row) in rows {
        match take(tx, (&source, mode), row, &mut whose) {
            Ok(Taken { id, outcome: ItemOutcome::Created, .. }) => subjects.push(id),
            Ok(Taken { id, outcome, conflicts, is_partial, row }) => items.push(ItemRecord {
                index,
                outcome,
                subject: Some(id),
                refusals: Vec::new(),
                conflicts,
                is_partly_taken: is_partial,
                row,
            }),
            Err(Error::Refused(refusals)) => items.push(ItemRecord::refused(index, refusals)),
            Err(error) => return Err(error),
        }
    }
    items.sort_by_key(|item| item.index);
    // A command that wrote nothing is judged anew when it is repeated.
    let is_news = items.iter().any(|item| item.row.is_some());
    if is_news || !tx.work.command_entries().is_empty() {
        for items in in_parts(items.clone()) {
            tx.accept(Draft::new(tx.partition(), Fact::BatchRecorded { item_count, items }))?;
        }
    }
    Ok(Decided { subjects, items, item_count })
}

/// Bytes of items that one entry tells, so that it stays below the bytes of an entry.
const ITEMS_BYTES_MAX: usize = limit::ENTRY_BYTES_MAX / 2;

/// The items of a batch, in as many parts as the size of an entry asks for; at least one.
fn in_parts(items: Vec<ItemRecord>) -> Vec<Vec<ItemRecord>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for item in items {
        let size = item.stored_len();
        if bytes > 0 && bytes + size > ITEMS_BYTES_MAX {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(part) = parts.last_mut() {
            part.push(item);
        }
    }
    parts
}

/// What became of a row.
pub(crate) struct Taken {
    /// The subject.
    pub id: SubjectId,
    /// What became of it.
    pub outcome: ItemOutcome,
    /// Where others have said otherwise.
    pub conflicts: Vec<Conflict>,
    /// Of a row in conflict: whether the rest of it was taken.
    pub is_partial: bool,
    /// What the source said, when nothing of it was taken and it is to be remembered.
    pub row: Option<SourceRow>,
}

impl Taken {
    /// Without a conflict.
    pub(crate) fn plain(id: SubjectId, outcome: ItemOutcome) -> Self {
        Self { id, outcome, conflicts: Vec::new(), is_partial: false, row: None }
    }
}

/// Takes a row in, or tells all that is against it. A reference that leads nowhere does not hide
/// what else is wrong.
fn take(
    tx: &mut Tx<'_, '_>,
    (source, mode): (&str, RowMode),
    mut row: ImportRow,
    (within, insurers): &mut (Within, Option<BTreeSet<String>>),
) -> Result<Taken, Error> {
    if row.paper.is_some() {
        return paper_rows::take(tx, (source, mode), row, within);
    }
    let (content, mut unresolved) = resolve(tx, source, &row, within)?;
    let end = RowEnding::resolve(tx, source, &row, within, &mut unresolved)?;
    let partition = row_partition(tx, source, &row, &content)?;
    let kind = content.kind();
    let known = match known_row(tx, partition, source, kind, &row.key)? {
        Some(known) => Some((known.subject, Some(known.hash))),
        None => exported(tx, source, kind, &row.key)?.map(|id| (id, None)),
    };
    policy_rows::check_own(tx, insurers.as_ref(), &content, known.as_ref().map(|(id, _)| *id))?;
    if known.is_none() && kind == Kind::Policy {
        policy_rows::begun(&mut row);
    }
    let life = RowDays::resolve(tx, source, (&row, &content), within, &mut unresolved)?;
    if !is_within(tx, &row, known.as_ref().map(|(id, _)| *id), within)? {
        let why = out_of_reach("", "what this row is about");
        return Err(Error::Refused(of_elsewhere(tx, &row, &content, vec![why])));
    }
    if !is_here(tx, &row, &content, known.as_ref().map(|(id, _)| *id))? {
        let here = tx.partition();
        let mut refusals = unresolved.refusals;
        refusals.push(Refusal::rule(
            "OTHER_PARTITION",
            "",
            format!("this row belongs to another partition than {here}: import it there"),
        ));
        return Err(Error::Refused(of_elsewhere(tx, &row, &content, refusals)));
    }
    let steps = (kind == Kind::Policy).then(|| row.clone());
    let taken = match known {
        Some(known) => {
            let said = Heard { row, content, life, end };
            say_again(tx, (source, mode), said, known, unresolved)
        }
        // Where it is to be is not known to be in reach: it is not compared with what is there.
        None if !within.is_everywhere() && !unresolved.fields.is_empty() => {
            Err(Error::Refused(of_elsewhere(tx, &row, &content, unresolved.refusals)))
        }
        None => begin(tx, source, Heard { row, content, life, end }, unresolved),
    };
    match steps {
        Some(row) => taken.map_err(|error| policy_rows::by_column(&row, error)),
        None => taken,
    }
}

/// A row as it is remembered.
pub(crate) fn source_row(source: &str, row: &ImportRow, said: Option<Content>) -> SourceRow {
    SourceRow { source: source.to_owned(), key: row.key.clone(), hash: row.hash, said }
}

/// Registers what a row is the first to say.
fn begin(
    tx: &mut Tx<'_, '_>,
    source: &str,
    Heard { row, content, life, end }: Heard,
    unresolved: Unresolved,
) -> Result<Taken, Error> {
    let source_row = source_row(source, &row, None);
    let Some(exists_from) = row.beginning() else {
        let Unresolved { fields, mut refusals } = unresolved;
        let message = "a new row says since when it exists";
        refusals.push(Refusal::of(Class::Invalid, "REQUIRED", "exists_from", message));
        let subject = SubjectId::new(content.kind(), row.seed.born_in(tx.partition()));
        let overridden = &mut Vec::new();
        let content = life.as_ref().map_or(content, RowDays::first);
        register::judge(tx, subject, &content, None, &fields, &mut refusals, overridden)?;
        return Err(Error::Refused(refusals));
    };
    let item = Register {
        seed: row.seed,
        content: life.as_ref().map_or(content, RowDays::first),
        exists_from,
        opens_partition: row.opens_partition,
        sentences: Vec::new(),
    };
    let further = Further { life: life.as_ref(), end: end.as_ref() };
    let id = register(tx, item, Some(source_row.clone()), unresolved, further)?;
    if let Some(life) = life {
        life.record_of_new(tx, id, &source_row)?;
    }
    if let Some(end) = end {
        end.record_of_new(tx, id, source_row)?;
    }
    Ok(Taken::plain(id, ItemOutcome::Created))
}

/// What a row says, with what it names.
struct Heard {
    row: ImportRow,
    content: Content,
    life: Option<RowDays>,
    end: Option<RowEnding>,
}

/// Takes in what a row says of a subject that is known by its key.
fn say_again(
    tx: &mut Tx<'_, '_>,
    (source, mode): (&str, RowMode),
    Heard { mut row, content, life, end }: Heard,
    (id, hash): (SubjectId, Option<Hash>),
    unresolved: Unresolved,
) -> Result<Taken, Error> {
    let is_whole = unresolved.fields.is_empty();
    let is_again = is_whole && hash == Some(row.hash);
    if is_again && tx.must("key", id)?.entry_count == 1 {
        // Nobody has said anything since.
        return Ok(Taken::plain(id, ItemOutcome::Unchanged));
    }
    let last = match hash {
        Some(_) => Said::by_source(tx, id, source, &row.key)?,
        None => Said::as_exported(tx, id, source)?,
    };
    let today = tx.today();
    let (said, mut from) = ((&content, row.exists_from), row.from.unwrap_or(today));
    let mut judged = last.judge(said, mode, from, today);
    let mut refusals = unresolved.refusals;
    if let Some(day) = policy_rows::step_anew(&row, mode, &judged.fresh, &mut refusals) {
        (row.from, from) = (Some(day), day);
        judged = last.judge(said, mode, from, today);
    }
    let Judged { fresh, mut conflicts } = judged;
    refusals.extend(fresh.iter().filter_map(|fresh| unchangeable(mode, fresh)));
    let is_nothing = fresh.iter().all(|fresh| is_only_beginning(mode, fresh));
    let splits = if id.kind() == Kind::Policy {
        conflicts.extend(policy_rows::conflicts(&row, &*tx.must("key", id)?));
        Vec::new()
    } else {
        other_days(tx, id, life.as_ref(), &mut conflicts, &mut refusals)?
    };
    let ends = match end {
        Some(end) => {
            let said = (mode, (!is_nothing).then_some(from));
            ends(tx, id, &end, (source, &row.key), said, &mut conflicts, &mut refusals)?
        }
        None => Ends::default(),
    };
    if is_nothing && ends.is_nothing() && splits.is_empty() {
        if tx.must("key", id)?.timeline.registration().is_none() {
            // The source still has what somebody has said never was.
            refusals.push(entered_in_error("key", id));
        }
        settle(refusals)?;
        if conflicts.is_empty() {
            // The source has come round to what the registry has: there is nothing to record.
            return Ok(Taken::plain(id, ItemOutcome::Unchanged));
        }
        let row = (!is_again).then(|| source_row(source, &row, Some(last.with(&content))));
        let row = row.filter(SourceRow::is_short);
        let outcome = ItemOutcome::Conflict;
        return Ok(Taken { id, outcome, conflicts, is_partial: false, row });
    }
    // What the row says beside what is taken over is remembered with it.
    let is_more = hash.is_none()
        || !conflicts.is_empty()
        || mode == RowMode::Correction
        || last.is_heard_only();
    let said = is_more.then(|| last.with(&content));
    let source_row = source_row(source, &row, said);
    let mut commands = Vec::new();
    commands.extend(ends.correction);
    if is_nothing && commands.is_empty() {
        settle(refusals)?;
    } else {
        say(tx, mode, &row, id, (fresh, commands), source_row.clone(), refusals)?;
    }
    record_splits(tx, id, splits)?;
    if let Some(planned) = ends.planned {
        planned.record(tx, source_row)?;
    }
    let is_partial = !conflicts.is_empty();
    let outcome = if is_partial { ItemOutcome::Conflict } else { ItemOutcome::Changed };
    Ok(Taken { id, outcome, conflicts, is_partial, row: None })
}

/// Compares what a row says of other days with what is known; the splits that it says anew.
fn other_days(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    life: Option<&RowDays>,
    conflicts: &mut Vec<Conflict>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<(Day, Vec<Edge>)>, Error> {
    let record = tx.must("key", id)?;
    let Some(life) = life.filter(|_| record.timeline.registration().is_some()) else {
        return Ok(Vec::new());
    };
    conflicts.extend(life.conflicts(&record));
    life.fresh_splits(tx, (id, record.as_ref()), conflicts, refusals)
}

/// What a row says anew of an end.
#[derive(Default)]
struct Ends {
    /// The end, judged.
    planned: Option<Planned>,
    /// The correction of one that its source said.
    correction: Option<Correct>,
}

impl Ends {
    fn is_nothing(&self) -> bool {
        self.planned.is_none() && self.correction.is_none()
    }
}

/// Judges the end that a row says of a subject that is known; notes where it is in conflict, and what
/// is against it. What the row says anew beside it holds from a day.
fn ends(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    end: &RowEnding,
    (source, key): (&str, &str),
    (mode, anew_from): (RowMode, Option<Day>),
    conflicts: &mut Vec<Conflict>,
    refusals: &mut Vec<Refusal>,
) -> Result<Ends, Error> {
    let mut ends = Ends::default();
    match end.judge(tx, id, (source, key, mode))? {
        Verdict::Nothing => {}
        Verdict::Fresh => {
            if let Some(from) = anew_from.filter(|_| mode == RowMode::Change) {
                end.not_after(from, refusals);
            }
            ends.planned = Some(end.plan(tx, id, refusals)?);
        }
        Verdict::Correction(entry) => ends.correction = Some(end.correction(id, entry)),
        Verdict::Conflict(found) => conflicts.extend(found),
        Verdict::Refused(refusal) => refusals.push(refusal),
    }
    Ok(ends)
}

/// Why a beginning that is said anew is no change.
fn unchangeable(mode: RowMode, fresh: &Fresh) -> Option<Refusal> {
    let since = fresh.exists_from.filter(|_| mode == RowMode::Change)?;
    let message = format!(
        "the row says that it exists since {since}, which is not what its source said before: a \
         beginning does not change, it is corrected (mode correction)"
    );
    Some(Refusal::of(Class::Invalid, "NOT_CHANGEABLE", BEGINNING, message))
}

/// Whether a change says nothing but a beginning.
fn is_only_beginning(mode: RowMode, fresh: &Fresh) -> bool {
    mode == RowMode::Change && fresh.content.is_empty()
}

/// What is told of a row that is not for here, beside the `refusals` that say so: what is wrong with
/// it wherever it is, and nothing of what is there.
fn of_elsewhere(
    tx: &Tx<'_, '_>,
    row: &ImportRow,
    content: &Content,
    mut refusals: Vec<Refusal>,
) -> Vec<Refusal> {
    let today = tx.today();
    if let Some(exists_from) = row.beginning() {
        let found = plausibility::check_beginning(content, exists_from, today);
        weigh(tx, "", found, &mut refusals, &mut Vec::new());
    }
    let found = plausibility::check(content, today);
    weigh(tx, "fields.", found, &mut refusals, &mut Vec::new());
    refusals
}

/// Whether a row is about what the caller reaches: what it is known to be about, or the place that it
/// says. A place out of reach is told by its field.
fn is_within(
    tx: &mut Tx<'_, '_>,
    row: &ImportRow,
    known: Option<SubjectId>,
    within: &mut Within,
) -> Result<bool, Error> {
    if within.is_everywhere() {
        return Ok(true);
    }
    match known {
        Some(id) => within.reaches(tx, id),
        // A region without a place is above all others, and one that begins a partition above all
        // that is in it.
        None if row.content.kind() == Kind::Region => {
            Ok(!row.opens_partition && !row.references.is_empty())
        }
        None => Ok(true),
    }
}

/// Whether a row is about what this partition keeps. Others are refused: whoever may import here
/// need not reach there, and a repeated request is answered from the entries of one partition.
fn is_here(
    tx: &mut Tx<'_, '_>,
    row: &ImportRow,
    content: &Content,
    known: Option<SubjectId>,
) -> Result<bool, Error> {
    let here = tx.partition();
    let is_between = |content: &Content| level_of(content).is_some_and(|at| at <= Level::District);
    Ok(match known {
        Some(id) => {
            let record = tx.must("key", id)?;
            let first = record.timeline.contents().next().map(|(_, content)| content);
            first.is_none_or(|first| homes(id, first).contains(&here))
        }
        // What begins a partition is known in partition 0, as all between cities is.
        None if row.opens_partition || here == Partition::ROOT => {
            here == Partition::ROOT && is_between(content)
        }
        None => {
            let holders = content.references();
            holders.first().is_none_or(|holder| holder.partition() == here)
        }
    })
}

/// The source of files that the registry itself wrote: their keys are our ids.
const EXPORT_SOURCE: &str = "anju-export";

/// The subject that a row of an exported file is about, when no import said it.
fn exported(
    tx: &mut Tx<'_, '_>,
    source: &str,
    kind: Kind,
    key: &str,
) -> Result<Option<SubjectId>, Error> {
    let Some(id) = key.parse::<SubjectId>().ok().filter(|id| id.kind() == kind) else {
        return Ok(None);
    };
    if source != EXPORT_SOURCE {
        return Ok(None);
    }
    Ok(tx.work.known(id.partition(), id)?.map(|_| id))
}

/// Records what a row says anew, as a change or as a correction.
fn say(
    tx: &mut Tx<'_, '_>,
    mode: RowMode,
    row: &ImportRow,
    id: SubjectId,
    (fresh, beside): (Vec<Fresh>, Vec<Correct>),
    source_row: SourceRow,
    refusals: Vec<Refusal>,
) -> Result<(), Error> {
    if mode == RowMode::Correction {
        let commands = fresh.into_iter().map(|one| one.correction(id)).chain(beside);
        return correct::say_all(tx, commands.collect(), Some(&source_row), refusals);
    }
    let mut content = Content::empty(id.kind());
    for fresh in &fresh {
        content.lay(&fresh.content);
    }
    let command = Change {
        subject: id,
        etag: None,
        from: row.from.unwrap_or_else(|| tx.today()),
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: Vec::new(),
    };
    change::say(tx, command, Some(source_row), refusals)
}

/// Puts the ids of what the row refers to into its content; tells the references to what is not
/// there, or not in reach.
pub(crate) fn resolve(
    tx: &mut Tx<'_, '_>,
    source: &str,
    row: &ImportRow,
    within: &mut Within,
) -> Result<(Content, Unresolved), Error> {
    let mut content = row.content.clone();
    let mut unresolved = Unresolved::default();
    let said = (&mut content, row.references.as_slice());
    resolve_into(tx, source, said, "", within, &mut unresolved)?;
    Ok((content, unresolved))
}

/// Puts the ids of what is referred to into a content; tells by a path what is not there, or not in
/// reach.
pub(crate) fn resolve_into(
    tx: &mut Tx<'_, '_>,
    source: &str,
    (content, references): (&mut Content, &[(&'static str, Kind, Reference)]),
    path: &str,
    within: &mut Within,
    unresolved: &mut Unresolved,
) -> Result<(), Error> {
    for (field, kind, reference) in references {
        let found = find(tx, source, *kind, reference)?;
        if let Some(id) = found
            && is_named_freely(tx, id, within)?
        {
            put_reference(content, field, id);
            continue;
        }
        // What is not said by id stands for a field all the same.
        unresolved.fields.push(if field.starts_with("objects.") { "object_ids" } else { field });
        let field = format!("{path}{field}");
        unresolved.refusals.push(unknown(&field, *kind, (reference, found), within));
    }
    Ok(())
}

/// Why a row may not name what it names: it is not there, or not in reach.
pub(crate) fn unknown(
    field: &str,
    kind: Kind,
    (reference, found): (&Reference, Option<SubjectId>),
    within: &Within,
) -> Refusal {
    match (reference, found) {
        // Whether such an id was ever given is not told.
        (Reference::Id(id), _) => out_of_reach(field, &id.to_string()),
        // Everybody may look up what region has a code, and not what has a key of others.
        (Reference::Identifier(scheme, code), Some(_)) if kind == Kind::Region => {
            out_of_reach(field, &format!("the region {scheme} {code}"))
        }
        _ => not_found(field, kind, within),
    }
}

/// Whether a row may name a subject. Bodies and those who sign for them work all over a city: naming
/// one needs no reach.
pub(crate) fn is_named_freely(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    within: &mut Within,
) -> Result<bool, Error> {
    Ok(matches!(id.kind(), Kind::Body | Kind::Signer) || within.reaches(tx, id)?)
}

/// Nothing is known by a reference.
pub(crate) fn not_found(field: &str, kind: Kind, within: &Within) -> Refusal {
    let place = if within.is_everywhere() { "" } else { " within the regions of the credential" };
    let message = format!("no {}{place} is known by this reference", kind.word());
    Refusal::of(Class::NotFound, "REFERENCE_NOT_FOUND", field, message)
}

fn put_reference(content: &mut Content, field: &str, id: SubjectId) {
    use crate::domain::{content::Fields, finding::Saying};
    match (&mut content.fields, field) {
        (Fields::Region(fields), _) => fields.parent = Some(id.try_into().ok()),
        (Fields::Compound(fields), _) => fields.community = Some(id.try_into().ok()),
        (Fields::Building(fields), "compound_id") => fields.compound = Some(id.try_into().ok()),
        (Fields::Building(fields), "community_id") => fields.community = Some(id.try_into().ok()),
        (Fields::Building(fields), _) => fields.physical = Some(id.try_into().ok()),
        (Fields::Unit(fields), _) => fields.building = Some(id.try_into().ok()),
        (Fields::Report(fields), "building_id") => fields.building = Some(id.try_into().ok()),
        (Fields::Report(fields), "body_id") => fields.body = Some(id.try_into().ok()),
        (Fields::Report(fields), "order_id") => fields.order = Some(id.try_into().ok()),
        (Fields::Policy(fields), "region_id") => fields.region = Some(id.try_into().ok()),
        (Fields::Policy(fields), _) => {
            let objects = fields.objects.get_or_insert_default().get_or_insert_default();
            // What is insured twice is told.
            objects.push(id);
        }
        (Fields::Finding(fields), "building_id") => fields.building = Some(id.try_into().ok()),
        (Fields::Finding(fields), _) => {
            let event = fields.event.as_mut();
            let Some(Saying::Observed(seen)) = event.map(|told| &mut told.saying) else { return };
            match field {
                "report_id" => seen.report = id.try_into().ok(),
                _ => seen.place.unit = id.try_into().ok(),
            }
        }
        // Files of these come with ids.
        _ => {}
    }
}

/// The subject of a reference: looked up in the command's partition, and for what lies between
/// cities in partition 0.
pub(crate) fn find(
    tx: &mut Tx<'_, '_>,
    source: &str,
    kind: Kind,
    reference: &Reference,
) -> Result<Option<SubjectId>, Error> {
    let mut partitions = vec![tx.partition()];
    if kind == Kind::Region && tx.partition() != Partition::ROOT {
        partitions.push(Partition::ROOT);
    }
    for partition in partitions {
        let found = match reference {
            Reference::Id(id) => Some(*id),
            Reference::Key(key) => by_key(tx, partition, source, kind, key)?,
            Reference::SourceKey(source, key) => by_key(tx, partition, source, kind, key)?,
            Reference::Identifier(scheme, value) => {
                by_identifier(tx, partition, kind, scheme, value)?
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The subject that a source knows by a key. In files of ours a key may be an id.
fn by_key(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    source: &str,
    kind: Kind,
    key: &str,
) -> Result<Option<SubjectId>, Error> {
    match request::source(tx.work, partition, source, kind, key)? {
        Some(known) => Ok(Some(known.subject)),
        None => exported(tx, source, kind, key),
    }
}

/// The one subject of a kind that has an outside number today; what is there today goes before what
/// had the number when it ended.
fn by_identifier(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    kind: Kind,
    scheme: &str,
    value: &str,
) -> Result<Option<SubjectId>, Error> {
    let range = below(text_key(partition, Space::Identifier, &[scheme, value]));
    let keys = tx.work.scan(&range, Direction::Up, limit::PAGE_ROWS_DEFAULT as usize)?;
    let today = tx.today();
    let mut ended = None;
    for (key, _) in keys {
        let Some(id) = subject_at_end(&key).filter(|id| id.kind() == kind) else { continue };
        let Some(record) = tx.work.known(partition, id)? else { continue };
        let has_it = record.timeline.registration().is_some()
            && record.timeline.content_at(today).is_some_and(|content| {
                content
                    .shared
                    .identifiers
                    .get(scheme)
                    .is_some_and(|values| values.iter().any(|other| other == value))
            });
        if has_it && record.timeline.presence(today) != Presence::Ended {
            return Ok(Some(id));
        }
        if has_it {
            ended = ended.or(Some(id));
        }
    }
    Ok(ended)
}

/// Where a row is, or will be, known: a new region may begin a partition of its own.
fn row_partition(
    tx: &mut Tx<'_, '_>,
    source: &str,
    row: &ImportRow,
    content: &Content,
) -> Result<Partition, Error> {
    let kind = content.kind();
    if request::source(tx.work, tx.partition(), source, kind, &row.key)?.is_some() {
        return Ok(tx.partition());
    }
    Ok(content.references().first().map_or(tx.partition(), |holder| holder.partition()))
}

fn known_row(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    source: &str,
    kind: Kind,
    key: &str,
) -> Result<Option<SourceRecord>, Error> {
    let found = request::source(tx.work, partition, source, kind, key)?;
    if found.is_some() || partition == Partition::ROOT || kind != Kind::Region {
        return Ok(found);
    }
    request::source(tx.work, Partition::ROOT, source, kind, key)
}
