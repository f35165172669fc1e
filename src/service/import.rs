//! Rows of outside sources on the wire, in and out.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    task::{Context, Poll},
};

use prost::Message as _;
use prost_types::FieldMask;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::{
    auth::{permission::Extent, role::Role},
    domain::{
        content::{Content, Fields, Said},
        timeline::EndCause,
    },
    kernel::{
        hash::Hash,
        id::{IdSeed, Kind, RegionId, SubjectId},
        limit,
        position::Partition,
        time::{Day, ImpreciseDay, KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, import_row::Row, import_service_server::ImportService},
    registry::{
        Class, Command, Import, ImportRow, ItemOutcome, ItemRecord, PaperRow, Reference, Refusal,
        RowEnd, RowMode, RowPeriod,
    },
    service::{
        Api, Plan, Way, Write, Written,
        common::{self, CodeWarning},
        export_rows::{Times, export, named_by},
        kind::{Resource, SHARE_MAX, fields, take_over},
        misread::{self, LeftOut, Misread, row_in_itself},
        paper_row, policy_row,
        row_days::OtherDays,
        search::Part,
    },
};

/// Characters of a source's name and of its keys.
const SOURCE_CHARS_MAX: usize = 100;
/// Messages of an export that wait for the reader.
const EXPORT_MESSAGES: usize = 4;
/// Paths that a row may clear.
pub(crate) const CLEARED_MAX: usize = 64;
/// What may stand in the place of one subject: one entry names them all.
pub(crate) const SUCCESSORS_MAX: usize = limit::ENTRY_SUBJECTS_MAX - 1;

/// The answer of an export.
pub struct Exported(mpsc::Receiver<Result<v1::ExportRowsResponse, Status>>);

impl Stream for Exported {
    type Item = Result<v1::ExportRowsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[tonic::async_trait]
impl ImportService for Api {
    type ExportRowsStream = Exported;

    async fn import_rows(
        &self,
        request: Request<v1::ImportRowsRequest>,
    ) -> Result<Response<v1::ImportRowsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let seeds = write.seeds(asked.rows.len().min(limit::BATCH_ITEMS_MAX))?;
        let openers = openers(&asked.rows);
        let (plan, warnings) = match read(asked, seeds, write.way.caller.actor.role) {
            Ok((file, warnings)) => {
                write.way.partition("partition", file.partition.number())?;
                let within = write.way.within(file.partition)?;
                let unread = write.unread_rows(&file, within.as_ref()).await;
                let insurers = write.way.own_companies();
                (Ok(file.plan(within, insurers, unread)), warnings)
            }
            Err(violations) => (Err(violations), Warnings::new()),
        };
        let row_count = openers.len();
        let way = write.way.clone();
        let written = write.run(plan).await?;
        let mut results = results(&written, row_count, &openers);
        warn(&mut results, &warnings);
        way.name_conflicts(&mut results).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::ImportRowsResponse { receipt, results }))
    }

    async fn export_rows(
        &self,
        request: Request<v1::ExportRowsRequest>,
    ) -> Result<Response<Exported>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let kind = match v1::ExportKind::try_from(asked.kind) {
            Ok(v1::ExportKind::Regions) => Some(Kind::Region),
            Ok(v1::ExportKind::Compounds) => Some(Kind::Compound),
            Ok(v1::ExportKind::Buildings) => Some(Kind::Building),
            Ok(v1::ExportKind::Units) => Some(Kind::Unit),
            Ok(v1::ExportKind::Unspecified) | Err(_) => None,
        };
        let message = "kind is REGIONS, COMPOUNDS, BUILDINGS or UNITS".to_owned();
        let kind = violations.take("kind", kind.ok_or(("REQUIRED", message)));
        let time = way.reading(asked.context, violations).await?;
        let kind = way.was_read(kind)?;
        let partition = way.partition("partition", asked.partition)?;
        let part = way.part_of(partition)?;
        // What another partition keeps is read there, where an entry's number says nothing.
        let valid_at = Some(time.valid_at.unwrap_or_else(|| way.registry().now().day()));
        let elsewhere = match time.known_at {
            KnownAt::Seq(_) => ReadTime { valid_at, known_at: KnownAt::Now },
            known_at => ReadTime { valid_at, known_at },
        };
        // All pages are read at one position, so that the file is of one moment.
        let at = way.blocking(move |registry| registry.position(partition, time.known_at)).await?;
        let times = Times { valid_at, at, elsewhere };
        let (sender, receiver) = mpsc::channel(EXPORT_MESSAGES);
        tokio::spawn(async move {
            let ended = export(&way, (part, kind, asked.with_ended), times, &sender).await;
            if let Err(status) = ended {
                // A reader that is gone needs no last word.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Exported(receiver)))
    }
}

/// For each row whether it begins a partition.
fn openers(rows: &[v1::ImportRow]) -> Vec<bool> {
    rows.iter().map(opens).collect()
}

/// What to warn of, by the number of the row.
type Warnings = BTreeMap<u32, Vec<v1::RowWarning>>;

/// A code that is not as its standard has it.
fn of_code(CodeWarning { field, scheme, warning }: CodeWarning) -> v1::RowWarning {
    v1::RowWarning {
        field: format!("fields.{field}.{scheme}"),
        reason: warning.reason().to_owned(),
        message: warning.to_string(),
    }
}

/// An import, read.
struct ReadRows {
    source: String,
    mode: RowMode,
    partition: Partition,
    /// The rows with their indexes.
    rows: Vec<(u32, Result<ImportRow, Misread<ImportRow>>)>,
}

impl ReadRows {
    /// The import of the rows that could be read.
    fn plan(
        self,
        within: Option<BTreeSet<RegionId>>,
        insurers: Option<BTreeSet<String>>,
        unread: Vec<ItemRecord>,
    ) -> Plan {
        let rows = self.rows.into_iter().filter_map(|(index, row)| Some((index, row.ok()?)));
        let (source, mode, rows) = (self.source, self.mode, rows.collect());
        let import = Import { source, mode, within, insurers, rows, unread };
        Plan {
            command: Command::Import(import),
            partition: self.partition,
            named: Vec::new(),
            needs_everything: false,
            needs_reason: self.mode == RowMode::Correction,
            warnings: Vec::new(),
        }
    }
}

impl Way {
    /// Leaves out whose keys are not told: of what lies elsewhere, those of all but regions, which
    /// everybody may look up.
    pub(crate) fn leave_in_reach(
        &self,
        named: &mut BTreeMap<SubjectId, v1::ExportReference>,
    ) -> Result<(), Status> {
        for id in named.keys().copied().collect::<Vec<_>>() {
            if id.kind() != Kind::Region && !self.reaches(id)? {
                named.remove(&id);
            }
        }
        Ok(())
    }

    /// Tells by what else the subjects are known that stand against rows.
    async fn name_conflicts(&self, results: &mut [v1::RowResult]) -> Result<(), Status> {
        let conflicts = results.iter().flat_map(|result| &result.conflicts);
        let ids = conflicts.filter_map(referred_to).collect::<BTreeSet<_>>();
        if ids.is_empty() {
            return Ok(());
        }
        let read = self.blocking(move |registry| {
            let valid_at = Some(registry.now().day());
            let now = ReadTime { valid_at, known_at: KnownAt::Now };
            named_by(registry, ids.into_iter(), |_| now)
        });
        let mut named = read.await?;
        self.leave_in_reach(&mut named)?;
        for conflict in results.iter_mut().flat_map(|result| &mut result.conflicts) {
            let found = referred_to(conflict).and_then(|id| named.get(&id));
            let field = conflict.field.clone();
            conflict.registry_reference =
                found.map(|found| v1::ExportReference { field, ..found.clone() });
        }
        Ok(())
    }

    /// The regions in which the caller may put rows into a partition; `None` for all of it. Refuses a
    /// caller who reaches nothing there. Of what lies between cities, each row is judged by itself.
    fn within(&self, partition: Partition) -> Result<Option<BTreeSet<RegionId>>, Status> {
        let regions = match self.extent()? {
            Extent::Everything => return Ok(None),
            Extent::Regions(regions) => regions.clone(),
            Extent::Caller => BTreeSet::new(),
        };
        if partition == Partition::ROOT {
            return Ok(Some(regions));
        }
        Ok(match self.part_of(partition)? {
            Part::Whole => None,
            Part::Some => Some(regions),
        })
    }
}

impl Write {
    /// What the rows that could not be read are answered. All rows are judged for it, since rows
    /// refer to others; those that do not say what they are about are judged by themselves.
    async fn unread_rows(
        &self,
        file: &ReadRows,
        within: Option<&BTreeSet<RegionId>>,
    ) -> Vec<ItemRecord> {
        let flawed =
            file.rows.iter().filter_map(|(index, row)| Some((*index, row.as_ref().err()?)));
        let flawed = flawed.collect::<Vec<_>>();
        let mut judged = Vec::new();
        if flawed.iter().any(|(_, misread)| is_placed(misread)) {
            let rows = file.rows.iter().filter_map(|(index, row)| {
                let row = match row {
                    Ok(row) => row,
                    Err(misread) if !is_placed(misread) => return None,
                    Err(misread) => misread.rest.as_deref()?,
                };
                Some((*index, row.clone()))
            });
            let (source, mode) = (file.source.clone(), file.mode);
            let (within, rows) = (within.cloned(), rows.collect());
            let (insurers, unread) = (self.way.own_companies(), Vec::new());
            let import = Import { source, mode, within, insurers, rows, unread };
            let outcome =
                self.judge(file.partition, Command::Import(import), self.overrides()).await;
            // What cannot be judged now is told by its form.
            judged = outcome.map(|outcome| outcome.decided.items).unwrap_or_default();
        }
        // A day that stands in for that of a row is no measure for what is in it either.
        let is_day_lost = |misread: &Misread<ImportRow>| {
            LeftOut::new(&misread.violations, &[]).has_any(&misread::DAYS)
        };
        let is_timeless = flawed.iter().any(|(_, misread)| is_day_lost(misread));
        let (overrides, today) = (self.overrides(), self.registry().now().day());
        let records = flawed.into_iter().map(|(index, misread)| {
            let mut record = refused(index, &misread.violations);
            let refusals = match &misread.rest {
                Some(row) if !is_placed(misread) => row_in_itself(row, &overrides, today),
                _ => {
                    let found = judged.iter().find(|item| item.index == index);
                    found.map(|item| item.refusals.clone()).unwrap_or_default()
                }
            };
            let left_out = LeftOut::new(&misread.violations, &[]).timeless(is_timeless);
            record.refusals.extend(left_out.beside(refusals));
            record
        });
        records.collect()
    }
}

/// Reads an import. Rows that cannot be read are refused by themselves, with the rest.
fn read(
    asked: v1::ImportRowsRequest,
    seeds: Vec<IdSeed>,
    role: Role,
) -> Result<(ReadRows, Warnings), Violations> {
    let mut violations = Violations::default();
    check_key(&mut violations, "source", &asked.source);
    let mode = match v1::RowMode::try_from(asked.mode) {
        Ok(v1::RowMode::Change) => Some(RowMode::Change),
        Ok(v1::RowMode::Correction) => Some(RowMode::Correction),
        Ok(v1::RowMode::Unspecified) | Err(_) => None,
    };
    let message = "mode is CHANGE or CORRECTION".to_owned();
    let mode = violations.take("mode", mode.ok_or(("REQUIRED", message)));
    let message = format!("a partition is a number up to {}", Partition::MAX);
    let partition = Partition::new(asked.partition).ok_or(("OUT_OF_RANGE", message));
    let partition = violations.take("partition", partition);
    if !(1..=limit::BATCH_ITEMS_MAX).contains(&asked.rows.len()) {
        let message = format!("1 to {} rows", limit::BATCH_ITEMS_MAX);
        violations.add("rows", "OUT_OF_RANGE", message);
    }
    let (Some(mode), Some(partition)) = (mode, partition) else { return Err(violations) };
    violations.or(())?;
    let mut warnings = Warnings::new();
    let rows = (0_u32..).zip(asked.rows.into_iter().zip(seeds));
    let rows = rows.map(|(index, (asked, seed))| {
        let mut doubtful = Vec::new();
        let row = row(asked, seed, role, &mut doubtful);
        if row.is_ok() {
            warnings.insert(index, doubtful);
        }
        (index, row)
    });
    let rows = rows.collect();
    Ok((ReadRows { source: asked.source, mode, partition, rows }, warnings))
}

fn check_key(violations: &mut Violations, field: &str, text: &str) {
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
    } else if text.chars().count() > SOURCE_CHARS_MAX || text.chars().any(char::is_control) {
        let message =
            format!("at most {SOURCE_CHARS_MAX} characters, none of them control characters");
        violations.add(field, "MALFORMED", message);
    }
}

fn refused(index: u32, violations: &Violations) -> ItemRecord {
    let refusals = violations.list().iter().map(|violation| {
        let message = violation.message.clone();
        Refusal::of(Class::Invalid, violation.reason, &violation.field, message)
    });
    ItemRecord::refused(index, refusals.collect())
}

/// What a row refers to: the field, the kind, and how.
pub(crate) type Named = (&'static str, Kind, Option<v1::Reference>);

/// Reads one row, noting what to warn of.
fn row(
    mut asked: v1::ImportRow,
    seed: IdSeed,
    role: Role,
    warnings: &mut Vec<v1::RowWarning>,
) -> Result<ImportRow, Misread<ImportRow>> {
    let hash = Hash::of(&[&asked.encode_to_vec()]);
    let mut violations = Violations::default();
    check_key(&mut violations, "key", &asked.key);
    let says_since = !asked.exists_from.is_empty();
    let exists_from =
        common::optional::<ImpreciseDay>(&mut violations, "exists_from", &asked.exists_from)
            .or_else(|| says_since.then(misread::stand_in).flatten());
    let exists_from_when_new = common::optional::<ImpreciseDay>(
        &mut violations,
        "exists_from_when_new",
        &asked.exists_from_when_new,
    )
    .or_else(|| (!asked.exists_from_when_new.is_empty()).then(misread::stand_in).flatten());
    let from = common::optional::<Day>(&mut violations, "from", &asked.from);
    if asked.cleared.len() > CLEARED_MAX {
        violations.add("cleared", "TOO_MANY", format!("at most {CLEARED_MAX}"));
        return Err(violations.into());
    }
    let cleared = std::mem::take(&mut asked.cleared);
    let successors = std::mem::take(&mut asked.successors);
    let said_end = (std::mem::take(&mut asked.ended_on), asked.end_cause, successors);
    let days = OtherDays::take(&mut asked);
    let opens_partition = opens(&asked);
    let Some(said) = asked.row.take() else {
        violations.add("row", "REQUIRED", "a row is about something: a region, a report");
        return Err(violations.into());
    };
    if !policy_row::may_send(&mut violations, role, &said) {
        return Err(violations.into());
    }
    match said {
        Row::Inspection(_) | Row::Finding(_) => {
            days.clone().put_back(&mut asked);
            paper_row::has_own_days(&mut violations, &asked);
        }
        Row::Policy(_) => {
            days.clone().put_back(&mut asked);
            (asked.ended_on, asked.end_cause) = (said_end.0.clone(), said_end.1);
            policy_row::has_no_end(&mut violations, &asked);
        }
        Row::Region(_) | Row::Compound(_) | Row::Building(_) | Row::Unit(_) => {}
    }
    let Some(About { mut content, named, steps, paper }) =
        about(&mut violations, warnings, said, cleared)
    else {
        return Err(violations.into());
    };
    let references = references(&mut violations, &mut content, named);
    let mut life = days.read(&mut violations, &mut content, &references);
    let bound_on = steps.first().map(|period| ImpreciseDay::exactly(period.day));
    let exists_from_when_new = exists_from_when_new.or(bound_on);
    life.earlier.extend(steps);
    let end = ended(&mut violations, content.kind(), said_end);
    let row = ImportRow {
        key: asked.key,
        hash,
        seed,
        content,
        references,
        exists_from,
        exists_from_when_new,
        from,
        end,
        life,
        opens_partition,
        paper,
    };
    Misread::check(violations, row)
}

/// Reads how a row says that its subject ended: the day, why, and what stands in its place.
fn ended(
    violations: &mut Violations,
    kind: Kind,
    (day, cause, successors): (String, i32, Vec<v1::ImportSuccessor>),
) -> Option<RowEnd> {
    if day.is_empty() {
        if cause != 0 || !successors.is_empty() {
            let message = "an end has a day: the first on which it was no more";
            violations.add("ended_on", "REQUIRED", message);
        }
        return None;
    }
    let day = common::required::<ImpreciseDay>(violations, "ended_on", &day);
    let cause = common::end_cause(violations, "end_cause", cause);
    if successors.len() > SUCCESSORS_MAX {
        let message = format!("at most {SUCCESSORS_MAX}");
        violations.add("successors", "TOO_MANY", message);
        return None;
    }
    let mut named = Vec::new();
    for (index, successor) in successors.into_iter().enumerate() {
        let path = format!("successors[{index}]");
        let share = match (successor.share_numerator, successor.share_denominator) {
            (0, 0) => (1, 1),
            share => share,
        };
        if share.0.max(share.1) > SHARE_MAX {
            let message = format!("at most {SHARE_MAX}");
            violations.add(format!("{path}.share_numerator"), "OUT_OF_RANGE", message);
        }
        let reference = successor.reference.unwrap_or_default();
        let read = self::reference(violations, &format!("{path}.reference"), kind, reference);
        named.extend(read.map(|read| (read, share)));
    }
    // Without a cause it is judged by its day alone.
    let successors = if cause.is_some() { named } else { Vec::new() };
    Some(RowEnd { day: day?, cause: cause.unwrap_or(EndCause::Other), successors })
}

/// Whether a row begins a partition.
fn opens(row: &v1::ImportRow) -> bool {
    matches!(&row.row, Some(Row::Region(region)) if region.opens_partition)
}

/// What a row is about.
pub(crate) struct About {
    /// What it says.
    pub content: Content,
    /// What it refers to.
    pub named: Vec<Named>,
    /// Of a policy: where it stood before.
    steps: Vec<RowPeriod>,
    paper: Option<PaperRow>,
}

/// Reads what a row is about; `None` when too little of it could be read to be judged.
pub(crate) fn about(
    violations: &mut Violations,
    warnings: &mut Vec<v1::RowWarning>,
    row: Row,
    cleared: Vec<String>,
) -> Option<About> {
    let (mut paper, mut steps) = (None, Vec::new());
    let (content, named) = match row {
        Row::Region(row) => {
            let content = content::<v1::Region>(violations, warnings, row.fields, cleared);
            (content, vec![("parent_id", Kind::Region, row.parent)])
        }
        Row::Compound(row) => {
            let content = content::<v1::Compound>(violations, warnings, row.fields, cleared);
            (content, vec![("community_id", Kind::Region, row.community)])
        }
        Row::Building(row) => {
            let content = content::<v1::Building>(violations, warnings, row.fields, cleared);
            let named = vec![
                ("compound_id", Kind::Compound, row.compound),
                ("community_id", Kind::Region, row.community),
                ("physical_id", Kind::Building, row.physical),
            ];
            (content, named)
        }
        Row::Unit(row) => {
            let content = content::<v1::Unit>(violations, warnings, row.fields, cleared);
            (content, vec![("building_id", Kind::Building, row.building)])
        }
        Row::Inspection(mut row) => {
            let fields = row.fields.take();
            let content = content::<v1::Report>(violations, warnings, fields, cleared);
            let named = vec![
                ("building_id", Kind::Building, row.building.take()),
                ("body_id", Kind::Body, row.body.take()),
                ("order_id", Kind::Order, row.order.take()),
            ];
            let read = paper_row::inspection(violations, warnings, &content, row)?;
            paper = Some(PaperRow::Report(read));
            (content, named)
        }
        Row::Finding(mut row) => {
            if !cleared.is_empty() {
                violations.add("cleared", "UNKNOWN_PATH", "nothing of a finding is cleared");
            }
            if row.building.is_none() {
                violations.add("building", "REQUIRED", "a finding is of a building");
            }
            let named = vec![
                ("building_id", Kind::Building, row.building.take()),
                ("report_id", Kind::Report, row.report.take()),
                ("unit_id", Kind::Unit, row.unit.take()),
            ];
            let (content, read) = paper_row::seen(violations, row)?;
            paper = Some(PaperRow::Finding(read));
            (content, named)
        }
        Row::Policy(row) => {
            let mut content = content::<v1::Policy>(violations, warnings, row.fields, cleared);
            steps = policy_row::steps(violations, &content, (&row.bound_on, &row.over_on));
            let named = policy_row::named(violations, &mut content, row.region, row.objects);
            (content, named)
        }
    };
    Some(About { content, named, steps, paper })
}

/// Whether a row says, beside what is wrong with it, which subject it is about and where that is.
fn is_placed(misread: &Misread<ImportRow>) -> bool {
    const PLACES: [&str; 11] = [
        "parent",
        "compound",
        "community",
        "physical",
        "building",
        "level",
        "report",
        "unit",
        "region",
        "objects",
        "object_ids",
    ];
    let violations = misread.violations.list();
    let is_placed = violations.iter().all(|violation| {
        let field = violation.field.strip_prefix("fields.").unwrap_or(&violation.field);
        let head = field.split(['.', '[']).next().unwrap_or_default();
        // Without other days the rest may be where it was not on all of its own.
        let is_of_days = ["earlier", "later"].contains(&head);
        head != "key" && !is_of_days && !PLACES.contains(&head.strip_suffix("_id").unwrap_or(head))
    });
    misread.rest.is_some() && is_placed
}

/// Reads the fields of a row, with those that it clears; what has violations is left out.
fn content<R: Resource>(
    violations: &mut Violations,
    warnings: &mut Vec<v1::RowWarning>,
    value: Option<R::Fields>,
    cleared: Vec<String>,
) -> Content {
    let (mut said, nested) = fields::<R>(value, None);
    take_over(violations, "fields", &nested);
    // What is cleared is named by a mask in which nothing has a value.
    warnings.extend(std::mem::take(&mut said.warnings).into_iter().map(of_code));
    if cleared.is_empty() {
        return said.content;
    }
    let (empty, nested) = fields::<R>(None, Some(FieldMask { paths: cleared }));
    for violation in nested.list() {
        violations.add("cleared", violation.reason, violation.message.clone());
    }
    let taken = said.content.texts();
    let both = |name: &str| taken.iter().any(|(other, _)| other == name);
    for (field, _) in empty.content.texts().into_iter().filter(|(field, _)| both(field)) {
        let message = format!("{field} has a value and is cleared");
        violations.add("cleared", "CONFLICTING", message);
    }
    let mut cleared = empty.content;
    cleared.retain(&|field| !both(field));
    said.content.lay(&cleared);
    said.content
}

/// Reads what the row refers to. An id among the fields is a reference too.
pub(crate) fn references(
    violations: &mut Violations,
    content: &mut Content,
    named: Vec<Named>,
) -> Vec<(&'static str, Kind, Reference)> {
    let mut references = Vec::new();
    for (field, kind, reference) in named {
        let name = field.trim_end_matches("_id");
        let by_id = take_id(content, field);
        match (by_id, reference) {
            (Some(_), Some(_)) => {
                let message = format!("give {name} or fields.{field}, not both");
                violations.add(name, "CONFLICTING", message);
            }
            (Some(id), None) => references.push((field, kind, Reference::Id(id))),
            (None, Some(reference)) => {
                let read = self::reference(violations, name, kind, reference);
                references.extend(read.map(|read| (field, kind, read)));
            }
            (None, None) => {}
        }
    }
    references
}

/// Reads by what something is named.
pub(crate) fn reference(
    violations: &mut Violations,
    name: &str,
    kind: Kind,
    reference: v1::Reference,
) -> Option<Reference> {
    use v1::reference::Reference as Wire;
    match reference.reference {
        Some(Wire::Id(id)) => {
            let id = common::required::<SubjectId>(violations, &format!("{name}.id"), &id)?;
            if id.kind() != kind {
                let message = format!("the id of a {} is asked for", kind.word());
                violations.add(format!("{name}.id"), "MALFORMED", message);
            }
            Some(Reference::Id(id))
        }
        Some(Wire::Key(key)) => {
            check_key(violations, &format!("{name}.key"), &key);
            Some(Reference::Key(key))
        }
        Some(Wire::Identifier(identifier)) => {
            check_key(violations, &format!("{name}.identifier.scheme"), &identifier.scheme);
            check_key(violations, &format!("{name}.identifier.value"), &identifier.value);
            Some(Reference::Identifier(identifier.scheme, identifier.value))
        }
        Some(Wire::SourceKey(of)) => {
            check_key(violations, &format!("{name}.source_key.source"), &of.source);
            check_key(violations, &format!("{name}.source_key.key"), &of.key);
            Some(Reference::SourceKey(of.source, of.key))
        }
        None => {
            violations.add(name, "REQUIRED", "a reference is an id, a key or an identifier");
            None
        }
    }
}

/// Takes an id out of the fields.
fn take_id(content: &mut Content, field: &str) -> Option<SubjectId> {
    fn take<T: Copy + Into<SubjectId>>(said: &mut Said<T>) -> Option<SubjectId> {
        let id = (*said)??;
        *said = None;
        Some(id.into())
    }
    match (&mut content.fields, field) {
        (Fields::Region(fields), "parent_id") => take(&mut fields.parent),
        (Fields::Compound(fields), "community_id") => take(&mut fields.community),
        (Fields::Building(fields), "compound_id") => take(&mut fields.compound),
        (Fields::Building(fields), "community_id") => take(&mut fields.community),
        (Fields::Building(fields), "physical_id") => take(&mut fields.physical),
        (Fields::Unit(fields), "building_id") => take(&mut fields.building),
        (Fields::Policy(fields), "region_id") => take(&mut fields.region),
        (Fields::Report(fields), "building_id") => take(&mut fields.building),
        (Fields::Report(fields), "body_id") => take(&mut fields.body),
        (Fields::Report(fields), "order_id") => take(&mut fields.order),
        _ => None,
    }
}

/// An answer for each row.
fn results(written: &Written, row_count: usize, openers: &[bool]) -> Vec<v1::RowResult> {
    let decided = &written.outcome.decided;
    let mut made = decided.subjects.iter();
    let mut results = Vec::new();
    for (index, opens) in (0_u32..).zip(openers).take(row_count) {
        let item = decided.items.iter().find(|item| item.index == index);
        let Some(item) = item else {
            let id = made.next().filter(|_| !written.is_only_judged());
            results.push(v1::RowResult {
                index,
                outcome: v1::RowOutcome::Created.into(),
                id: id.map(ToString::to_string).unwrap_or_default(),
                partition: id.filter(|_| *opens).map(|id| id.partition().number()),
                ..v1::RowResult::default()
            });
            continue;
        };
        let conflicts = item.conflicts.iter().map(|conflict| v1::RowConflict {
            field: conflict.field.clone(),
            row_value: conflict.row.clone().unwrap_or_default(),
            registry_value: conflict.registry.clone().unwrap_or_default(),
            registry_reference: None,
        });
        results.push(v1::RowResult {
            index,
            outcome: outcome(item.outcome).into(),
            id: item.subject.map(|id| id.to_string()).unwrap_or_default(),
            refusals: common::item_refusals(&item.refusals),
            conflicts: conflicts.collect(),
            partly_taken: item.is_partly_taken,
            ..v1::RowResult::default()
        });
    }
    results
}

/// The subject that the registry has in a relation, of a conflict on one.
fn referred_to(conflict: &v1::RowConflict) -> Option<SubjectId> {
    conflict.field.ends_with("_id").then(|| conflict.registry_value.parse().ok()).flatten()
}

/// Adds what looks doubtful in the rows that were not refused.
fn warn(results: &mut [v1::RowResult], warnings: &Warnings) {
    for result in results.iter_mut().filter(|result| result.outcome() != v1::RowOutcome::Refused) {
        result.warnings = warnings.get(&result.index).cloned().unwrap_or_default();
    }
}

fn outcome(outcome: ItemOutcome) -> v1::RowOutcome {
    match outcome {
        ItemOutcome::Created => v1::RowOutcome::Created,
        ItemOutcome::Changed => v1::RowOutcome::Changed,
        ItemOutcome::Unchanged => v1::RowOutcome::Unchanged,
        ItemOutcome::Conflict => v1::RowOutcome::Conflict,
        ItemOutcome::Refused => v1::RowOutcome::Refused,
    }
}
