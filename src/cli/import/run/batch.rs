//! Batches of rows: put together by source and partition, several under way, and each row's outcome
//! noted.

use std::{collections::BTreeMap, mem};

use anyhow::{Context as _, anyhow, bail};
use csv::StringRecord;
use prost::Message as _;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    cli::import::{
        client::{Credential, patiently, refused},
        run::{
            ASKED_MAX, Run,
            accepted::Accepted,
            against::{OUT_OF_REACH, conflicts, is_out_of_reach, names_rows, refusals, violations},
            current::Current,
        },
    },
    exchange::{row::Fault, table::Mode},
    proto::v1::{
        ImportPart, ImportRow, ImportRowsRequest, ImportRowsResponse, ItemRefusal, RowMode,
        RowOutcome, RowResult, WriteContext, import_row::Row,
    },
};

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

/// A row that waits for its outcome.
pub(super) struct Pending {
    pub(super) line: u64,
    pub(super) cells: StringRecord,
    pub(super) row: ImportRow,
    /// What is wrong with it already: with any, what the registry says of the rest is told beside.
    pub(super) faults: Vec<Fault>,
    /// Of a row that is sent ahead without what was taken out of its subject: what was, and why the
    /// whole row was refused.
    pub(super) behind: Option<Box<(Vec<ImportPart>, RowResult)>>,
    /// Whether it was sent ahead, and created so.
    pub(super) was_ahead: bool,
    pub(super) is_created: bool,
}

impl Pending {
    /// A row that was read.
    pub(super) fn new(line: u64, cells: StringRecord, row: ImportRow, faults: Vec<Fault>) -> Self {
        Self { line, cells, row, faults, behind: None, was_ahead: false, is_created: false }
    }
}

impl Pending {
    /// Whether it is only judged by itself, since nothing certain says what it is about.
    pub(super) fn is_by_itself(&self) -> bool {
        self.row.key.is_empty()
    }
}

/// Rows of one source and partition, all of which are to be taken or none.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) place: BatchPlace,
    pub(super) rows: Vec<Pending>,
    pub(super) bytes: usize,
}

/// What the rows of a batch have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchPlace {
    pub(super) source: String,
    pub(super) partition: u32,
    /// Whether they are only judged, since something is wrong with each of them already.
    pub(super) is_judged: bool,
}

/// A batch and what became of it.
pub(super) struct Flight {
    pub(super) batch: Batch,
    pub(super) answer: Result<ImportRowsResponse, Status>,
}

impl<I: Credential> Run<I> {
    pub(super) async fn put(
        &mut self,
        file: &mut Current,
        source: String,
        partition: u32,
        pending: Pending,
    ) -> anyhow::Result<()> {
        if file.opened.is_refused {
            file.asked += 1;
            if file.asked > ASKED_MAX {
                if pending.faults.is_empty() {
                    self.accept(&source, &pending.row.key);
                }
                let Pending { line, cells, faults, .. } = pending;
                return self.finish_unsent(file, line, &cells, &faults);
            }
        }
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

    pub(super) async fn send_waiting(
        &mut self,
        file: &mut Current,
        place: &BatchPlace,
    ) -> anyhow::Result<()> {
        if let Some(batch) = self.waiting.remove(place) {
            self.waiting_rows -= batch.rows.len();
            self.send(file, batch).await?;
        }
        Ok(())
    }

    /// Sends a batch as soon as fewer than the most are under way.
    pub(super) async fn send(&mut self, file: &mut Current, batch: Batch) -> anyhow::Result<()> {
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

    pub(super) fn request(&self, file: &Current, batch: &Batch) -> ImportRowsRequest {
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
    pub(super) async fn settle(&mut self, file: &mut Current) -> anyhow::Result<()> {
        while let Some(place) = self.waiting.keys().next().cloned() {
            self.send_waiting(file, &place).await?;
        }
        while !self.flights.is_empty() {
            self.land_one(file).await?;
        }
        Ok(())
    }

    pub(super) async fn land_one(&mut self, file: &mut Current) -> anyhow::Result<()> {
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
    pub(super) fn part(
        &mut self,
        file: &mut Current,
        batch: Batch,
        status: &Status,
    ) -> anyhow::Result<()> {
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
    pub(super) fn land(
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
            let Some(pending) = self.follow_up(file, &place, pending, &result) else { continue };
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

    pub(super) fn note(
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
            RowOutcome::Changed | RowOutcome::Unchanged if pending.is_created => {
                counts.created += 1;
            }
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

    /// Sends rows again that referred to what was not there, as long as that takes any of them.
    pub(super) async fn second_attempts(&mut self, file: &mut Current) -> anyhow::Result<()> {
        if self.args.dry_run {
            // Nothing is written: they would be refused again.
            return self.tell_deferred(file);
        }
        for _ in 0..ROUNDS_MAX {
            let deferred = mem::take(&mut file.deferred);
            let before = deferred.len();
            for (batch, _) in deferred {
                self.try_again(file, batch).await?;
            }
            self.settle(file).await?;
            if file.deferred.is_empty() {
                break;
            }
            if file.deferred.len() == before && !self.send_ahead(file).await? {
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

    /// Sends rows ahead without what was taken out of their subjects, when only that is not there and
    /// is waiting, too: as what was taken out of one, and was merged into it later. Answers whether
    /// there were any.
    async fn send_ahead(&mut self, file: &mut Current) -> anyhow::Result<bool> {
        let mut coming = Accepted::default();
        for (Batch { place, rows, .. }, _) in &file.deferred {
            for pending in rows {
                coming.add(&place.source, &pending.row.key);
            }
        }
        let waits = |place: &BatchPlace, pending: &Pending, refusal: &ItemRefusal| {
            refusal.reason == REFERENCE_NOT_FOUND
                && refusal.field.starts_with("split_off[")
                && coming.has_named(&place.source, &pending.row, &refusal.field)
        };
        let is_ahead = |(Batch { place, rows, .. }, result): &(Batch, RowResult)| {
            rows.iter().all(|pending| {
                let mut refusals = result.refusals.iter();
                !pending.was_ahead && refusals.all(|refusal| waits(place, pending, refusal))
            })
        };
        let deferred = mem::take(&mut file.deferred);
        let (ahead, others): (Vec<_>, Vec<_>) = deferred.into_iter().partition(is_ahead);
        file.deferred = others;
        let is_any = !ahead.is_empty();
        for (Batch { place, rows, .. }, result) in ahead {
            for mut pending in rows {
                let parts = mem::take(&mut pending.row.split_off);
                pending.behind = Some(Box::new((parts, result.clone())));
                pending.was_ahead = true;
                self.put(file, place.source.clone(), place.partition, pending).await?;
            }
        }
        self.settle(file).await?;
        Ok(is_any)
    }

    /// Puts a row that was sent ahead and taken among those that are tried again, as a whole. `None`
    /// when that was one.
    fn follow_up(
        &mut self,
        file: &mut Current,
        place: &BatchPlace,
        mut pending: Pending,
        result: &RowResult,
    ) -> Option<Pending> {
        let Some(behind) = pending.behind.take() else { return Some(pending) };
        let (parts, refused) = *behind;
        pending.row.split_off = parts;
        if result.outcome() == RowOutcome::Refused {
            return Some(pending);
        }
        pending.is_created |= result.outcome() == RowOutcome::Created;
        self.accept(&place.source, &pending.row.key);
        let batch = Batch { place: place.clone(), rows: vec![pending], bytes: 0 };
        file.deferred.push((batch, refused));
        None
    }

    /// Sends a row again.
    async fn try_again(&mut self, file: &mut Current, batch: Batch) -> anyhow::Result<()> {
        let Batch { place, rows, .. } = batch;
        for pending in rows {
            self.put(file, place.source.clone(), place.partition, pending).await?;
        }
        Ok(())
    }

    /// Tells of each row of a dry run that was refused for a reference to what is not there whether
    /// that would be there: another row that would be taken, or that waits, too, for rows that would.
    fn tell_deferred(&mut self, file: &mut Current) -> anyhow::Result<()> {
        let mut waiting = mem::take(&mut file.deferred);
        // All of them would be taken, but for those that wait for what is none of them; and so on.
        loop {
            let mut coming = Accepted::default();
            for (Batch { place, rows, .. }, _) in &waiting {
                for pending in rows {
                    coming.add(&place.source, &pending.row.key);
                }
            }
            let would_be_taken = |(Batch { place, rows, .. }, result): &(Batch, RowResult)| {
                rows.iter().all(|pending| {
                    let mut refusals = result.refusals.iter();
                    let is_there = |accepted: &Accepted, refusal: &ItemRefusal| {
                        accepted.has_named(&place.source, &pending.row, &refusal.field)
                    };
                    pending.faults.is_empty()
                        && refusals.all(|refusal| {
                            refusal.reason == REFERENCE_NOT_FOUND
                                && (is_there(&coming, refusal) || is_there(&self.accepted, refusal))
                        })
                })
            };
            let (taken, refused): (Vec<_>, Vec<_>) =
                mem::take(&mut waiting).into_iter().partition(would_be_taken);
            waiting = taken;
            if refused.is_empty() {
                break;
            }
            file.deferred.extend(refused);
        }
        for (Batch { place, rows, .. }, _) in waiting {
            for pending in rows {
                file.counts.unjudged += 1;
                self.accept(&place.source, &pending.row.key);
                self.rows_done += 1;
            }
        }
        for (Batch { place, rows, .. }, mut result) in mem::take(&mut file.deferred) {
            for pending in rows {
                let is_there = |refusal: &ItemRefusal| {
                    refusal.reason == REFERENCE_NOT_FOUND
                        && self.accepted.has_named(&place.source, &pending.row, &refusal.field)
                };
                result.refusals.retain(|refusal| !is_there(refusal));
                self.note(file, &place.source, pending, result.clone())?;
            }
        }
        Ok(())
    }
}
