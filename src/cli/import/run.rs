//! A run: rows read on a thread of their own, put into batches by source and partition, several
//! batches under way, and each row's outcome noted.
//!
//! Rows refused only because what they refer to is not there are tried again at the end of their
//! file: the row that they refer to may stand below them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    sync::Arc,
};

use anyhow::{Context as _, anyhow, bail};
use csv::StringRecord;
use prost::Message as _;
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::{
    cli::import::{
        ImportArgs, Opened, Shape,
        client::{Clients, Credential, patiently, refused},
        findings,
        partition::Partitions,
        progress::Progress,
        summary::{Counts, FIRST_TOLD_MAX, FileSummary, Rejected, Summary, Warned},
    },
    exchange::{
        column::FileKind,
        draft::{Draft, Place},
        edition::partition_owner,
        reject::Rejects,
        row::Fault,
        table::{Mode, Table, TableError},
    },
    kernel::hash::Hash,
    proto::v1::{
        ImportRow, ImportRowsRequest, ImportRowsResponse, Reference, RowMode, RowOutcome,
        RowResult, WriteContext, import_row::Row, import_service_client::ImportServiceClient,
        reference,
    },
};

/// Rows that the reading thread hands over at once.
const CHUNK_ROWS: usize = 256;
/// Chunks that wait for the sender.
const CHUNKS_WAITING: usize = 8;
/// Encoded bytes of one batch.
const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Rows that wait for their batches to fill, over all partitions.
const ROWS_WAITING_MAX: usize = 20_000;
/// Rows that are kept for another attempt at the end of the file.
const DEFERRED_MAX: usize = 100_000;
/// Attempts at the end of the file: chains of references within a file are at most this long.
const ROUNDS_MAX: usize = 16;
/// The registry's reason for a reference to what is not there.
const REFERENCE_NOT_FOUND: &str = "REFERENCE_NOT_FOUND";

/// A row as the reading thread hands it over.
struct Item {
    line: u64,
    cells: StringRecord,
    draft: Result<Draft, Vec<Fault>>,
}

/// A row that waits for its outcome.
struct Pending {
    line: u64,
    cells: StringRecord,
    row: ImportRow,
}

/// Rows of one source and partition.
#[derive(Default)]
struct Batch {
    source: String,
    partition: u32,
    rows: Vec<Pending>,
    bytes: usize,
}

/// A batch and what became of it.
struct Flight {
    batch: Batch,
    answer: Result<ImportRowsResponse, Status>,
}

/// A file while it is being imported.
struct Current {
    opened: Opened,
    counts: Counts,
    rejects: Rejects,
    /// The first of them, for who does not open the file.
    first: Vec<Rejected>,
    /// The first rows in which something looks doubtful.
    warned: Vec<Warned>,
    /// Hashes of source and key, with the line.
    seen: BTreeMap<[u8; 16], u64>,
    /// Rows to try again, refused for a reference to what is not there.
    deferred: Vec<(Batch, RowResult)>,
}

/// A run over all files.
pub(super) struct Run<I> {
    args: ImportArgs,
    import: ImportServiceClient<crate::cli::import::Service<I>>,
    partitions: Partitions<I>,
    files: Vec<Opened>,
    waiting: BTreeMap<(String, u32), Batch>,
    waiting_rows: usize,
    flights: JoinSet<Flight>,
    progress: Progress,
    rows_done: u64,
    /// In a dry run: keys whose rows would have been taken, for the rows that refer to them.
    accepted: BTreeSet<String>,
    summary: Summary,
}

impl<I: Credential> Run<I> {
    /// Finds the partition that the flags name.
    pub(super) async fn new(
        args: ImportArgs,
        clients: Clients<I>,
        files: Vec<Opened>,
    ) -> anyhow::Result<Self> {
        let mut partitions = Partitions::new(clients.clone(), args.partition);
        if let Some(city) = &args.city {
            let found = partitions.of_code(city.trim_end_matches('0')).await?;
            let found = if found.is_some() { found } else { partitions.of_code(city).await? };
            partitions.fix(found.ok_or_else(|| anyhow!("the registry has no city {city}"))?);
        }
        let total = files.iter().filter_map(|file| fs::metadata(&file.path).ok());
        let progress = Progress::new(total.map(|each| each.len()).sum());
        let summary =
            Summary { findings: findings(&files), dry_run: args.dry_run, ..Summary::default() };
        Ok(Self {
            args,
            import: clients.import,
            partitions,
            files,
            waiting: BTreeMap::new(),
            waiting_rows: 0,
            flights: JoinSet::new(),
            progress,
            rows_done: 0,
            accepted: BTreeSet::new(),
            summary,
        })
    }

    /// Imports every file, one after the other.
    pub(super) async fn all(mut self) -> anyhow::Result<Summary> {
        for opened in mem::take(&mut self.files) {
            let path = opened.path.clone();
            let done = self.file(opened).await;
            done.with_context(|| {
                format!(
                    "{}: the run ended early; run it again, what was taken is not taken twice",
                    path.display()
                )
            })?;
        }
        self.progress.finish();
        Ok(self.summary)
    }

    async fn file(&mut self, opened: Opened) -> anyhow::Result<()> {
        let (declaration, headers) = (opened.declaration.clone(), opened.headers.clone());
        let rejects = match &self.args.rejects {
            Some(path) => Rejects::at(path.clone(), declaration, headers),
            None => Rejects::beside(&opened.path, declaration, headers),
        };
        let counts = Counts::default();
        let (seen, deferred) = (BTreeMap::new(), Vec::new());
        let (first, warned) = (Vec::new(), Vec::new());
        let mut file = Current { opened, counts, rejects, first, warned, seen, deferred };
        let ended = self.rows(&mut file).await;
        // Whatever ended the reading, what was taken and what was not is said.
        let source = file.opened.declaration.source.clone().unwrap_or_default();
        let rejects = file.rejects.finish()?.map(|(path, _)| path);
        if let (Err(_), Some(path)) = (&ended, &rejects) {
            ended.with_context(|| format!("rows not taken so far are in {}", path.display()))?;
        } else {
            ended?;
        }
        let counts = file.counts;
        self.summary.files.push(FileSummary {
            file: file.opened.path,
            source,
            counts,
            rejects,
            first_rejected: file.first,
            first_warned: file.warned,
        });
        Ok(())
    }

    async fn rows(&mut self, file: &mut Current) -> anyhow::Result<()> {
        let table = Table::open(&file.opened.path, self.progress.counter())?;
        let shape = Arc::clone(&file.opened.shape);
        let (sender, mut receiver) = mpsc::channel(CHUNKS_WAITING);
        let reading = tokio::task::spawn_blocking(move || read_rows(table, &shape, &sender));
        while let Some(chunk) = receiver.recv().await {
            for item in chunk {
                self.take(file, item).await?;
            }
            self.progress.tick(self.rows_done);
        }
        let read = reading.await.context("the reading thread failed")?;
        // What was read before a failure is still sent.
        self.settle(file).await?;
        self.second_attempts(file).await?;
        read.map_err(Into::into)
    }

    /// Puts one row into a batch, or among the rejects.
    async fn take(&mut self, file: &mut Current, item: Item) -> anyhow::Result<()> {
        file.counts.read += 1;
        let Item { line, cells, draft } = item;
        let mut draft = match draft {
            Ok(draft) => draft,
            Err(faults) => return self.reject(file, line, &cells, &faults),
        };
        if draft.ended_on.is_some() {
            file.counts.passed_over += 1;
            self.rows_done += 1;
            return Ok(());
        }
        let kind = self.args.kind;
        let place = draft.place(kind);
        let own_source = draft.source.take();
        let Some(source) = own_source.or_else(|| file.opened.declaration.source.clone()) else {
            let fault = Fault::new("source", "REQUIRED", "nothing says where the row comes from");
            return self.reject(file, line, &cells, &[fault]);
        };
        draft.exists_from = draft.exists_from.or_else(|| file.opened.exists_from.clone());
        draft.from = draft.from.or_else(|| file.opened.declaration.from.map(|day| day.to_string()));
        if let (Some(findings), Some(key)) = (&mut self.summary.findings, &draft.key) {
            let name = draft.region.name.as_deref().unwrap_or_default();
            findings.observe(draft.region.level(), key, name);
        }
        let key = draft.key.as_deref().unwrap_or_default();
        if let Some(first) = file.seen_before(&source, key, line) {
            let message = format!("line {first} has the same source and key");
            let fault = Fault::new(file.opened.shape.header_of("key"), "DUPLICATE_KEY", message);
            return self.reject(file, line, &cells, &[fault]);
        }
        match self.partitions.of(&place).await? {
            Ok(partition) => {
                let row = draft.into_row(kind);
                self.put(file, source, partition, Pending { line, cells, row }).await
            }
            Err(_) if self.is_new_in_dry_run(&place) => {
                file.counts.unjudged += 1;
                self.accept(key);
                self.rows_done += 1;
                Ok(())
            }
            Err(fault) => self.reject(file, line, &cells, &[fault]),
        }
    }

    async fn put(
        &mut self,
        file: &mut Current,
        source: String,
        partition: u32,
        pending: Pending,
    ) -> anyhow::Result<()> {
        let bytes = pending.row.encoded_len();
        let place = (source, partition);
        if self.waiting.get(&place).is_some_and(|batch| batch.bytes + bytes > BATCH_BYTES_MAX) {
            self.send_waiting(file, &place).await?;
        }
        let batch = self.waiting.entry(place.clone()).or_insert_with(|| Batch {
            source: place.0.clone(),
            partition,
            ..Batch::default()
        });
        batch.rows.push(pending);
        batch.bytes += bytes;
        self.waiting_rows += 1;
        if batch.rows.len() >= self.args.batch_rows {
            self.send_waiting(file, &place).await?;
        } else if self.waiting_rows > ROWS_WAITING_MAX {
            let fullest = self.waiting.iter().max_by_key(|(_, batch)| batch.rows.len());
            if let Some(place) = fullest.map(|(place, _)| place.clone()) {
                self.send_waiting(file, &place).await?;
            }
        }
        Ok(())
    }

    async fn send_waiting(
        &mut self,
        file: &mut Current,
        place: &(String, u32),
    ) -> anyhow::Result<()> {
        if let Some(batch) = self.waiting.remove(place) {
            self.waiting_rows -= batch.rows.len();
            self.send(file, batch).await?;
        }
        Ok(())
    }

    /// Sends a batch as soon as fewer than the most are under way.
    async fn send(&mut self, file: &mut Current, batch: Batch) -> anyhow::Result<()> {
        while self.flights.len() >= usize::from(self.args.in_flight) {
            self.land_one(file).await?;
        }
        let request = self.request(file, &batch);
        let client = self.import.clone();
        self.flights.spawn(async move {
            let answer = patiently(|| {
                let (mut client, request) = (client.clone(), request.clone());
                async move { client.import_rows(request).await }
            });
            let answer = answer.await.map(tonic::Response::into_inner);
            Flight { batch, answer }
        });
        Ok(())
    }

    fn request(&self, file: &Current, batch: &Batch) -> ImportRowsRequest {
        let mode = match file.opened.declaration.mode {
            Some(Mode::Correction) => RowMode::Correction,
            Some(Mode::Change) | None => RowMode::Change,
        };
        let reason = self.args.reason.clone();
        ImportRowsRequest {
            context: Some(WriteContext {
                request_id: Uuid::new_v4().to_string(),
                reason: reason.unwrap_or_else(|| format!("import from {}", batch.source)),
                validate_only: self.args.dry_run,
                overrides: self.args.overrides.clone(),
            }),
            source: batch.source.clone(),
            mode: mode.into(),
            partition: batch.partition,
            rows: batch.rows.iter().map(|pending| pending.row.clone()).collect(),
        }
    }

    /// Sends what waits and takes in every answer.
    async fn settle(&mut self, file: &mut Current) -> anyhow::Result<()> {
        while let Some(place) = self.waiting.keys().next().cloned() {
            self.send_waiting(file, &place).await?;
        }
        while !self.flights.is_empty() {
            self.land_one(file).await?;
        }
        Ok(())
    }

    async fn land_one(&mut self, file: &mut Current) -> anyhow::Result<()> {
        let Some(flight) = self.flights.join_next().await else { return Ok(()) };
        let Flight { batch, answer } = flight.context("a sending task failed")?;
        match answer {
            Ok(answer) => self.land(file, batch, answer),
            Err(status) if status.code() == Code::InvalidArgument && names_rows(&status) => {
                self.part(file, batch, &status)
            }
            Err(status) => Err(refused("the registry refused a batch", status)),
        }
    }

    /// A batch that cannot be read as a whole is parted until the row is found that is to blame.
    fn part(&mut self, file: &mut Current, batch: Batch, status: &Status) -> anyhow::Result<()> {
        let Batch { source, partition, mut rows, .. } = batch;
        if rows.len() == 1 {
            let faults = violations(&file.opened.shape, status);
            return rows
                .iter()
                .try_for_each(|row| self.reject(file, row.line, &row.cells, &faults));
        }
        let second = rows.split_off(rows.len() / 2);
        for rows in [rows, second] {
            let batch = Batch { source: source.clone(), partition, rows, bytes: 0 };
            let request = self.request(file, &batch);
            let mut client = self.import.clone();
            self.flights.spawn(async move {
                let answer = client.import_rows(request).await.map(tonic::Response::into_inner);
                Flight { batch, answer }
            });
        }
        Ok(())
    }

    /// Notes the outcome of each row of a batch.
    fn land(
        &mut self,
        file: &mut Current,
        batch: Batch,
        answer: ImportRowsResponse,
    ) -> anyhow::Result<()> {
        let Batch { source, partition, rows, .. } = batch;
        let mut results: BTreeMap<_, _> =
            answer.results.into_iter().map(|result| (result.index, result)).collect();
        for (index, pending) in (0..).zip(rows) {
            let result = results.remove(&index).ok_or_else(|| {
                anyhow!("the registry's answer says nothing of the row on line {}", pending.line)
            })?;
            let missing = !result.refusals.is_empty()
                && result.refusals.iter().all(|refusal| refusal.reason == REFERENCE_NOT_FOUND);
            if missing && file.deferred.len() < DEFERRED_MAX {
                let source = source.clone();
                let batch = Batch { source, partition, rows: vec![pending], bytes: 0 };
                file.deferred.push((batch, result));
            } else {
                self.note(file, pending, result)?;
            }
        }
        self.progress.tick(self.rows_done);
        Ok(())
    }

    fn note(
        &mut self,
        file: &mut Current,
        pending: Pending,
        result: RowResult,
    ) -> anyhow::Result<()> {
        let outcome = result.outcome();
        let counts = &mut file.counts;
        match outcome {
            RowOutcome::Created => counts.created += 1,
            RowOutcome::Changed => counts.changed += 1,
            RowOutcome::Unchanged => counts.unchanged += 1,
            RowOutcome::Conflict => {}
            RowOutcome::Refused => {
                let faults = refusals(&file.opened.shape, &result);
                return self.reject(file, pending.line, &pending.cells, &faults);
            }
            RowOutcome::Unspecified => bail!("the registry's answer has an outcome without a name"),
        }
        if matches!(pending.row.row, Some(Row::Region(_))) && !self.args.dry_run {
            self.partitions.learn(&pending.row.key, &result.id, result.partition);
        }
        self.accept(&pending.row.key);
        self.rows_done += 1;
        file.note_warnings(pending.line, &result);
        if !result.conflicts.is_empty() || outcome == RowOutcome::Conflict {
            file.counts.conflicts += 1;
            if result.partly_taken {
                file.counts.partly_taken += 1;
            }
            let faults = conflicts(&file.opened.shape, &pending.cells, &result);
            file.write_reject(pending.line, &pending.cells, &faults)?;
        }
        Ok(())
    }

    fn reject(
        &mut self,
        file: &mut Current,
        line: u64,
        cells: &StringRecord,
        faults: &[Fault],
    ) -> anyhow::Result<()> {
        file.counts.refused += 1;
        self.rows_done += 1;
        file.write_reject(line, cells, faults)
    }

    /// Sends rows again that referred to what was not there, as long as that takes any of them.
    async fn second_attempts(&mut self, file: &mut Current) -> anyhow::Result<()> {
        for _ in 0..ROUNDS_MAX {
            let deferred = mem::take(&mut file.deferred);
            let before = deferred.len();
            for (batch, result) in deferred {
                self.try_again(file, batch, result).await?;
            }
            self.settle(file).await?;
            if file.deferred.len() == before || file.deferred.is_empty() {
                break;
            }
        }
        for (batch, result) in mem::take(&mut file.deferred) {
            for pending in batch.rows {
                self.note(file, pending, result.clone())?;
            }
        }
        Ok(())
    }

    async fn try_again(
        &mut self,
        file: &mut Current,
        batch: Batch,
        result: RowResult,
    ) -> anyhow::Result<()> {
        let Batch { source, partition, rows, .. } = batch;
        for pending in rows {
            // Nothing is written in a dry run: what the row refers to would be there.
            if self.args.dry_run && self.refers_to_accepted(&pending.row) {
                file.counts.unjudged += 1;
                self.accept(&pending.row.key);
                self.rows_done += 1;
            } else if self.args.dry_run {
                self.note(file, pending, result.clone())?;
            } else {
                self.put(file, source.clone(), partition, pending).await?;
            }
        }
        Ok(())
    }

    fn accept(&mut self, key: &str) {
        let referred_to = matches!(self.args.kind, FileKind::Regions | FileKind::Buildings);
        if self.args.dry_run && referred_to {
            self.accepted.insert(key.to_owned());
        }
    }

    fn refers_to_accepted(&self, row: &ImportRow) -> bool {
        references(row).iter().any(|reference| match &reference.reference {
            Some(reference::Reference::Key(key)) => self.accepted.contains(key),
            Some(reference::Reference::SourceKey(of)) => self.accepted.contains(&of.key),
            _ => false,
        })
    }

    /// Whether a dry run cannot know the partition because it would be opened by this very run.
    fn is_new_in_dry_run(&self, place: &Place) -> bool {
        match place {
            Place::OfDistrict(code) => {
                partition_owner(code).is_some_and(|owner| self.accepted.contains(owner))
            }
            Place::Root | Place::OfId(_) | Place::Unsaid => false,
        }
    }
}

impl Current {
    /// The line of an earlier row with the same source and key.
    fn seen_before(&mut self, source: &str, key: &str, line: u64) -> Option<u64> {
        let Hash(hash) = Hash::of(&[source.as_bytes(), b"\0", key.as_bytes()]);
        let mut short = [0; 16];
        short.copy_from_slice(hash.get(..16).unwrap_or(&[0; 16]));
        match self.seen.entry(short) {
            std::collections::btree_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(line);
                None
            }
        }
    }

    /// Counts a row in which something looks doubtful, and keeps the first.
    fn note_warnings(&mut self, line: u64, result: &RowResult) {
        if result.warnings.is_empty() {
            return;
        }
        self.counts.warned += 1;
        // Batches are not answered in the order of the file.
        let at = self.warned.partition_point(|other| other.line < line);
        if at < FIRST_TOLD_MAX {
            let faults = warnings(&self.opened.shape, result);
            let warnings: Vec<_> = faults.iter().map(ToString::to_string).collect();
            self.warned.insert(at, Warned { line, warnings: warnings.join("; ") });
            self.warned.truncate(FIRST_TOLD_MAX);
        }
    }

    fn write_reject(
        &mut self,
        line: u64,
        cells: &StringRecord,
        faults: &[Fault],
    ) -> anyhow::Result<()> {
        let reasons: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let reasons = reasons.join("; ");
        if self.first.len() < FIRST_TOLD_MAX {
            self.first.push(Rejected { line, reasons: reasons.clone() });
        }
        self.rejects
            .add(line, cells, &reasons)
            .with_context(|| format!("the row on line {line} cannot be written among the rejects"))
    }
}

/// Reads on a thread of its own. Ends early, without an error, when nobody takes the rows.
fn read_rows(
    mut table: Table,
    shape: &Shape,
    sender: &mpsc::Sender<Vec<Item>>,
) -> Result<(), TableError> {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_ROWS);
        let mut ended = None;
        while chunk.len() < CHUNK_ROWS && ended.is_none() {
            match table.next() {
                Some(Ok(record)) => {
                    let draft = shape.read(&record);
                    chunk.push(Item { line: record.line, cells: record.cells, draft });
                }
                Some(Err(error)) => ended = Some(Err(error)),
                None => ended = Some(Ok(())),
            }
        }
        if sender.blocking_send(chunk).is_err() {
            return Ok(());
        }
        if let Some(ended) = ended {
            return ended;
        }
    }
}

fn references(row: &ImportRow) -> Vec<&Reference> {
    let all = match &row.row {
        Some(Row::Region(region)) => [&region.parent, &None, &None],
        Some(Row::Compound(compound)) => [&compound.community, &None, &None],
        Some(Row::Building(each)) => [&each.compound, &each.community, &each.physical],
        Some(Row::Unit(unit)) => [&unit.building, &None, &None],
        None => [&None, &None, &None],
    };
    all.into_iter().flatten().collect()
}

fn refusals(shape: &Shape, result: &RowResult) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::ItemRefusal| {
        Fault::new(shape.header_of(&each.field), &each.reason, each.message.clone())
    };
    result.refusals.iter().map(fault).collect()
}

/// What looks doubtful, by the column of the number's scheme or else by the one of all numbers.
fn warnings(shape: &Shape, result: &RowResult) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::RowWarning| {
        let (all, scheme) = each.field.rsplit_once('.').unwrap_or(("", &each.field));
        let own = shape.header_of(&each.field);
        let is_own = own != each.field;
        let column = if is_own { own.to_owned() } else { shape.header_of(all).to_owned() };
        let message =
            if is_own { each.message.clone() } else { format!("{scheme}: {}", each.message) };
        Fault::new(&column, &each.reason, message)
    };
    result.warnings.iter().map(fault).collect()
}

/// Conflicts in the words of the file: the cell as it stands, and the registry's value in its unit.
fn conflicts(shape: &Shape, cells: &StringRecord, result: &RowResult) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::RowConflict| {
        let header = shape.header_of(&each.field);
        let said = shape.in_words(header, &each.row_value);
        // A place is in several cells, a number among others in one: they are told as they are.
        let cell = shape.cell(header, cells).filter(|_| !each.field.contains("location"));
        let said = cell.map_or(said, str::to_owned);
        let has = shape.in_words(header, &each.registry_value);
        let message =
            format!("the row says {said:?}, but somebody has said {has:?} since; it stays");
        Fault::new(header, "CONFLICT", message)
    };
    result.conflicts.iter().map(fault).collect()
}

/// Whether a refusal of the whole request is about some of its rows.
fn names_rows(status: &Status) -> bool {
    let about = |field: &str| field.starts_with("rows[") || field.starts_with("rows.");
    status
        .get_details_bad_request()
        .is_some_and(|bad| bad.field_violations.iter().any(|each| about(&each.field)))
}

fn violations(shape: &Shape, status: &Status) -> Vec<Fault> {
    let bad = status.get_details_bad_request();
    bad.iter()
        .flat_map(|bad| &bad.field_violations)
        .map(|each| {
            let field = each.field.rsplit('.').next().unwrap_or(&each.field);
            Fault::new(shape.header_of(field), "INVALID_ARGUMENT", each.description.clone())
        })
        .collect()
}
