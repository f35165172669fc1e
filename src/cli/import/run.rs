//! A run: rows read on a thread of their own, put into batches by source and partition, several
//! batches under way, and each row's outcome noted.
//!
//! Rows refused only because what they refer to is not there are tried again at the end of their
//! file: the row that they refer to may stand below them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    sync::Arc,
    time::Duration,
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
        stop::Stop,
        summary::{Counts, FIRST_TOLD_MAX, FileSummary, Rejected, Summary, Warned},
    },
    exchange::{
        column::FileKind,
        draft::{Draft, Place},
        edition::partition_owner,
        reject::Rejects,
        row::{Fault, Rest},
        table::{Mode, Table, TableError},
    },
    kernel::hash::Hash,
    proto::v1::{
        ImportRow, ImportRowsRequest, ImportRowsResponse, ItemRefusal, Reference, RowMode,
        RowOutcome, RowResult, WriteContext, import_row::Row,
        import_service_client::ImportServiceClient, reference,
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
/// How long batches under way are waited for when the end is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The source of rows that are judged by themselves where nothing says it.
const NO_SOURCE: &str = "unknown";
/// The registry's reason for a reference to what is not there.
const REFERENCE_NOT_FOUND: &str = "REFERENCE_NOT_FOUND";
/// The registry's reason for what is not within the regions of the credential.
const OUT_OF_REACH: &str = "OUT_OF_REACH";

/// A row as the reading thread hands it over.
struct Item {
    line: u64,
    cells: StringRecord,
    /// What it says, and what is wrong with it already.
    rest: Rest,
}

/// A row that waits for its outcome.
struct Pending {
    line: u64,
    cells: StringRecord,
    row: ImportRow,
    /// What is wrong with it already: with any, what the registry says of the rest is told beside.
    faults: Vec<Fault>,
}

impl Pending {
    /// Whether it is only judged by itself, since nothing certain says what it is about.
    fn is_by_itself(&self) -> bool {
        self.row.key.is_empty()
    }
}

/// Rows of one source and partition, all of which are to be taken or none.
#[derive(Default)]
struct Batch {
    place: BatchPlace,
    rows: Vec<Pending>,
    bytes: usize,
}

/// What the rows of a batch have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct BatchPlace {
    source: String,
    partition: u32,
    /// Whether they are only judged, since something is wrong with each of them already.
    is_judged: bool,
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
    waiting: BTreeMap<BatchPlace, Batch>,
    waiting_rows: usize,
    flights: JoinSet<Flight>,
    progress: Progress,
    rows_done: u64,
    /// In a dry run: what would have been taken, for the rows that refer to it.
    accepted: Accepted,
    stop: Stop,
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
            accepted: Accepted::default(),
            stop: Stop::never(),
            summary,
        })
    }

    /// The same until its end is asked for.
    pub(super) fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Imports every file, one after the other.
    pub(super) async fn all(mut self) -> anyhow::Result<Summary> {
        for opened in mem::take(&mut self.files) {
            if self.stop.is_asked() {
                break;
            }
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
        self.summary.interrupted = self.stop.is_asked();
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
        let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
        let reading = tokio::task::spawn_blocking(move || read_rows(table, &shape, &sender));
        let stop = self.stop.clone();
        // What is dropped in the middle was not sent, or is a batch under way.
        let Some(sent) = stop.or(self.send_all(file, receiver)).await else {
            self.land_rest(file, stop).await;
            return Ok(());
        };
        sent?;
        let read = reading.await.context("the reading thread failed")?;
        read.map_err(Into::into)
    }

    /// Sends all that is read. What was read before a failure is sent too.
    async fn send_all(
        &mut self,
        file: &mut Current,
        mut receiver: mpsc::Receiver<Vec<Item>>,
    ) -> anyhow::Result<()> {
        while let Some(chunk) = receiver.recv().await {
            for item in chunk {
                self.take(file, item).await?;
            }
            self.progress.tick(self.rows_done);
        }
        self.settle(file).await?;
        self.second_attempts(file).await
    }

    /// Takes in the answers to what is under way, for a while and until the end is asked for again.
    async fn land_rest(&mut self, file: &mut Current, mut stop: Stop) {
        self.waiting.clear();
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        while !self.flights.is_empty() {
            tokio::select! {
                biased;
                () = stop.asked(2) => break,
                () = &mut patience => break,
                // What was refused as a whole is told by the next run.
                _ = self.land_one(file) => {}
            }
        }
        self.flights.abort_all();
    }

    /// Puts one row into a batch, or among the rejects.
    async fn take(&mut self, file: &mut Current, item: Item) -> anyhow::Result<()> {
        file.counts.read += 1;
        let Item { line, cells, rest } = item;
        let Rest { draft, is_placed, mut faults } = rest;
        let Some(mut draft) = draft else {
            return self.finish_unsent(file, line, &cells, &faults);
        };
        if !is_placed {
            return self.put_by_itself(file, line, cells, draft, faults).await;
        }
        let kind = self.args.kind;
        let place = draft.place(kind);
        let own_source = draft.source.take();
        let Some(source) = own_source.or_else(|| file.opened.declaration.source.clone()) else {
            if !file.opened.is_refused {
                let message = "nothing says where the row comes from";
                faults.push(Fault::new("source", "REQUIRED", message));
            }
            return self.put_by_itself(file, line, cells, draft, faults).await;
        };
        file.opened.fill(&mut draft);
        if let (Some(findings), Some(key)) = (&mut self.summary.findings, &draft.key) {
            let name = draft.region.name.as_deref().unwrap_or_default();
            findings.observe(draft.region.level(), key, name);
        }
        let key = draft.key.clone().unwrap_or_default();
        if let Some(first) = file.seen_before(&source, &draft.identity(kind), line) {
            let more = if kind == FileKind::Findings { ", day and observer" } else { "" };
            let message = format!("line {first} has the same source and key{more}");
            faults.push(Fault::new(file.opened.shape.header_of("key"), "DUPLICATE_KEY", message));
            return self.put_by_itself(file, line, cells, draft, faults).await;
        }
        match self.partitions.of(&place).await? {
            Ok(partition) => {
                let row = draft.into_row(kind);
                self.put(file, source, partition, Pending { line, cells, row, faults }).await
            }
            Err(_) if self.is_new_in_dry_run(&source, &place) => {
                if faults.is_empty() {
                    self.accept(&source, &key);
                }
                self.put_by_itself(file, line, cells, draft, faults).await
            }
            Err(fault) => {
                // Where a row belongs may stand in a column that could not be bound.
                if !file.opened.is_refused {
                    faults.push(fault);
                }
                self.put_by_itself(file, line, cells, draft, faults).await
            }
        }
    }

    /// Lets the registry judge what a row says by itself, when something is wrong with it and nothing
    /// certain says what it is about or where that is. A row without a key is compared with nothing.
    async fn put_by_itself(
        &mut self,
        file: &mut Current,
        line: u64,
        cells: StringRecord,
        mut draft: Draft,
        faults: Vec<Fault>,
    ) -> anyhow::Result<()> {
        if faults.is_empty() {
            return self.finish_unsent(file, line, &cells, &faults);
        }
        file.opened.fill(&mut draft);
        draft.key = None;
        let source = draft.source.take().or_else(|| file.opened.declaration.source.clone());
        let source = source.unwrap_or_else(|| NO_SOURCE.to_owned());
        let row = draft.into_row(self.args.kind);
        self.put(file, source, 0, Pending { line, cells, row, faults }).await
    }

    /// Notes a row that the registry is not asked about: what is wrong with it, or that it cannot be
    /// judged.
    fn finish_unsent(
        &mut self,
        file: &mut Current,
        line: u64,
        cells: &StringRecord,
        faults: &[Fault],
    ) -> anyhow::Result<()> {
        if !faults.is_empty() {
            return self.reject(file, line, cells, faults);
        }
        file.counts.unjudged += 1;
        self.rows_done += 1;
        Ok(())
    }

    async fn put(
        &mut self,
        file: &mut Current,
        source: String,
        partition: u32,
        pending: Pending,
    ) -> anyhow::Result<()> {
        let bytes = pending.row.encoded_len();
        let place = BatchPlace { source, partition, is_judged: !pending.faults.is_empty() };
        if self.waiting.get(&place).is_some_and(|batch| batch.bytes + bytes > BATCH_BYTES_MAX) {
            self.send_waiting(file, &place).await?;
        }
        let batch = self
            .waiting
            .entry(place.clone())
            .or_insert_with(|| Batch { place: place.clone(), ..Batch::default() });
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

    async fn send_waiting(&mut self, file: &mut Current, place: &BatchPlace) -> anyhow::Result<()> {
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
                reason: reason.unwrap_or_else(|| format!("import from {}", batch.place.source)),
                validate_only: self.args.dry_run || batch.place.is_judged,
                overrides: self.args.overrides.clone(),
            }),
            source: batch.place.source.clone(),
            mode: mode.into(),
            partition: batch.place.partition,
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
            Err(status) if is_out_of_reach(&status) => {
                // Rows of another partition stop none of those that are in reach.
                batch.rows.into_iter().try_for_each(|mut row| {
                    row.faults.push(Fault::new("", OUT_OF_REACH, status.message().to_owned()));
                    self.reject(file, row.line, &row.cells, &row.faults)
                })
            }
            Err(status) => Err(refused("the registry refused a batch", status)),
        }
    }

    /// A batch that cannot be read as a whole is parted until the row is found that is to blame.
    fn part(&mut self, file: &mut Current, batch: Batch, status: &Status) -> anyhow::Result<()> {
        let Batch { place, mut rows, .. } = batch;
        if rows.len() == 1 {
            let found = violations(&file.opened.shape, status);
            return rows.iter_mut().try_for_each(|row| {
                row.faults.extend(found.iter().cloned());
                self.reject(file, row.line, &row.cells, &row.faults)
            });
        }
        let second = rows.split_off(rows.len() / 2);
        for rows in [rows, second] {
            let batch = Batch { place: place.clone(), rows, bytes: 0 };
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
        let Batch { place, rows, .. } = batch;
        let mut results: BTreeMap<_, _> =
            answer.results.into_iter().map(|result| (result.index, result)).collect();
        for (index, pending) in (0..).zip(rows) {
            let result = results.remove(&index).ok_or_else(|| {
                anyhow!("the registry's answer says nothing of the row on line {}", pending.line)
            })?;
            // What else is against it is told when that is settled.
            let has = |reason| result.refusals.iter().any(|refusal| refusal.reason == reason);
            let missing = has(REFERENCE_NOT_FOUND) && !has(OUT_OF_REACH);
            if missing && file.deferred.len() < DEFERRED_MAX {
                let batch = Batch { place: place.clone(), rows: vec![pending], bytes: 0 };
                file.deferred.push((batch, result));
            } else {
                self.note(file, &place.source, pending, result)?;
            }
        }
        self.progress.tick(self.rows_done);
        Ok(())
    }

    fn note(
        &mut self,
        file: &mut Current,
        source: &str,
        mut pending: Pending,
        result: RowResult,
    ) -> anyhow::Result<()> {
        let outcome = result.outcome();
        if !pending.faults.is_empty() || file.opened.is_refused {
            let mut refusals = refusals(&result);
            if pending.is_by_itself() {
                // Its key was taken from it.
                refusals.retain(|refusal| refusal.column != "key");
            }
            let beside = file.opened.shape.beside(&pending.faults, refusals);
            pending.faults.extend(beside);
            if pending.faults.is_empty() {
                self.accept(source, &pending.row.key);
            }
            return self.finish_unsent(file, pending.line, &pending.cells, &pending.faults);
        }
        let counts = &mut file.counts;
        match outcome {
            RowOutcome::Created => counts.created += 1,
            RowOutcome::Changed => counts.changed += 1,
            RowOutcome::Unchanged => counts.unchanged += 1,
            RowOutcome::Conflict => {}
            RowOutcome::Refused => {
                let faults = refusals(&result);
                let faults = faults.into_iter().map(|fault| file.opened.shape.by_header(fault));
                let faults = faults.collect::<Vec<_>>();
                return self.reject(file, pending.line, &pending.cells, &faults);
            }
            RowOutcome::Unspecified => bail!("the registry's answer has an outcome without a name"),
        }
        if matches!(pending.row.row, Some(Row::Region(_))) && !self.args.dry_run {
            self.partitions.learn(&pending.row.key, &result.id, result.partition);
        }
        self.accept(source, &pending.row.key);
        self.rows_done += 1;
        file.note_warnings(pending.line, &result);
        if !result.conflicts.is_empty() || outcome == RowOutcome::Conflict {
            file.counts.conflicts += 1;
            if result.partly_taken {
                file.counts.partly_taken += 1;
            }
            let faults = conflicts(&file.opened.shape, &pending.cells, source, &result);
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
                self.note(file, &batch.place.source, pending, result.clone())?;
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
        let Batch { place, rows, .. } = batch;
        for pending in rows {
            if !self.args.dry_run {
                self.put(file, place.source.clone(), place.partition, pending).await?;
                continue;
            }
            // Nothing is written in a dry run: what the row refers to would be there.
            let mut result = result.clone();
            let is_there = |refusal: &ItemRefusal| {
                refusal.reason == REFERENCE_NOT_FOUND
                    && self.accepted.has_named(&place.source, &pending.row, &refusal.field)
            };
            result.refusals.retain(|refusal| !is_there(refusal));
            if result.refusals.is_empty() && pending.faults.is_empty() {
                file.counts.unjudged += 1;
                self.accept(&place.source, &pending.row.key);
                self.rows_done += 1;
            } else {
                self.note(file, &place.source, pending, result)?;
            }
        }
        Ok(())
    }

    fn accept(&mut self, source: &str, key: &str) {
        // What papers name is in other files.
        if self.args.dry_run && !self.args.kind.is_of_papers() {
            self.accepted.add(source, key);
        }
    }

    /// Whether a dry run cannot know the partition because it would be opened by this very run.
    fn is_new_in_dry_run(&self, source: &str, place: &Place) -> bool {
        match place {
            Place::OfDistrict(code) => {
                partition_owner(code).is_some_and(|owner| self.accepted.has(source, owner))
            }
            Place::Root | Place::OfId(_) | Place::Unsaid => false,
        }
    }
}

/// What a dry run would have taken.
#[derive(Default)]
struct Accepted(BTreeSet<[u8; 16]>);

impl Accepted {
    fn add(&mut self, source: &str, key: &str) {
        self.0.insert(short_hash(source, key));
    }

    fn has(&self, source: &str, key: &str) -> bool {
        self.0.contains(&short_hash(source, key))
    }

    /// Whether what a row of a source refers to in a field would have been taken.
    fn has_named(&self, source: &str, row: &ImportRow, field: &str) -> bool {
        let field = field.strip_suffix("_id").unwrap_or(field);
        let of_list = field.strip_prefix("successors[").and_then(|rest| rest.strip_suffix(']'));
        let named = match of_list {
            Some(index) => {
                let index = index.parse::<usize>().ok();
                index.and_then(|index| row.successors.get(index)?.reference.as_ref())
            }
            None => references(row)
                .into_iter()
                .find(|(name, _)| *name == field)
                .and_then(|(_, reference)| reference.as_ref()),
        };
        match named.and_then(|each| each.reference.as_ref()) {
            Some(reference::Reference::Key(key)) => self.has(source, key),
            Some(reference::Reference::SourceKey(of)) => self.has(&of.source, &of.key),
            _ => false,
        }
    }
}

/// A key of a source in few bytes.
fn short_hash(source: &str, key: &str) -> [u8; 16] {
    let Hash(hash) = Hash::of(&[source.as_bytes(), b"\0", key.as_bytes()]);
    let mut short = [0; 16];
    short.copy_from_slice(hash.get(..16).unwrap_or(&[0; 16]));
    short
}

impl Current {
    /// The line of an earlier row with the same source and key.
    fn seen_before(&mut self, source: &str, key: &str, line: u64) -> Option<u64> {
        match self.seen.entry(short_hash(source, key)) {
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
        // Batches are not answered in the order of the file.
        let at = self.first.partition_point(|other| other.line < line);
        if at < FIRST_TOLD_MAX {
            self.first.insert(at, Rejected { line, reasons: reasons.clone() });
            self.first.truncate(FIRST_TOLD_MAX);
        }
        if self.opened.is_refused {
            return Ok(());
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
                    let rest = shape.read(&record);
                    chunk.push(Item { line: record.line, cells: record.cells, rest });
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

/// What a row refers to, by the name of the relation.
fn references(row: &ImportRow) -> Vec<(&'static str, &Option<Reference>)> {
    match &row.row {
        Some(Row::Region(region)) => vec![("parent", &region.parent)],
        Some(Row::Compound(compound)) => vec![("community", &compound.community)],
        Some(Row::Building(each)) => vec![
            ("compound", &each.compound),
            ("community", &each.community),
            ("physical", &each.physical),
        ],
        Some(Row::Unit(unit)) => vec![("building", &unit.building)],
        // What they name is in other files.
        Some(Row::Inspection(_) | Row::Finding(_)) | None => Vec::new(),
    }
}

/// What the registry has against a row, by the fields of the API.
fn refusals(result: &RowResult) -> Vec<Fault> {
    let fault = |each: &ItemRefusal| Fault::new(&each.field, &each.reason, each.message.clone());
    result.refusals.iter().map(fault).collect()
}

/// What looks doubtful, by the column of the number's scheme or else by the one of all numbers.
fn warnings(shape: &Shape, result: &RowResult) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::RowWarning| {
        let (all, scheme) = each.field.rsplit_once('.').unwrap_or(("", &each.field));
        let own = shape.header_of(&each.field);
        let is_own = own != each.field || shape.has(own);
        let column = if is_own { own.to_owned() } else { shape.header_of(all).to_owned() };
        let message =
            if is_own { each.message.clone() } else { format!("{scheme}: {}", each.message) };
        Fault::new(&column, &each.reason, message)
    };
    result.warnings.iter().map(fault).collect()
}

/// Conflicts in the words of the file: the cell as it stands, and the registry's value in its unit,
/// or by the key or code by which it is known.
fn conflicts(shape: &Shape, cells: &StringRecord, source: &str, result: &RowResult) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::RowConflict| {
        let header = shape.header_of(&each.field);
        let said = shape.in_words(header, &each.row_value);
        // A place is in several cells, a number among others in one: they are told as they are.
        let cell = shape.cell(header, cells).filter(|_| !each.field.contains("location"));
        let said = cell.map_or(said, str::to_owned);
        let named = each.registry_reference.as_ref();
        let has = named.and_then(|named| shape.named_in_words(header, named, source));
        let has = has.unwrap_or_else(|| shape.in_words(header, &each.registry_value));
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

/// Whether nothing of the partition of a batch is within the regions of the credential.
fn is_out_of_reach(status: &Status) -> bool {
    let reason = status.get_details_error_info().map(|info| info.reason);
    status.code() == Code::PermissionDenied && reason.as_deref() == Some(OUT_OF_REACH)
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
