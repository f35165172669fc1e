//! A run: rows read on a thread of their own, put into batches by source and partition, several
//! batches under way, and each row's outcome noted.
//!
//! Rows refused only because what they refer to is not there are tried again at the end of their
//! file: the row that they refer to may stand below them.

use std::{collections::BTreeMap, fs, mem, sync::Arc, time::Duration};

use anyhow::Context as _;
use csv::StringRecord;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    cli::{
        BadUsage,
        import::{
            ImportArgs, Opened,
            client::{Clients, Credential},
            findings,
            partition::Partitions,
            progress::Progress,
            run::{
                accepted::Accepted,
                batch::{Batch, BatchPlace, Flight, Pending},
                current::{Current, Item, read_rows},
            },
            stop::Stop,
            summary::{Counts, FileSummary, Summary},
        },
    },
    exchange::{
        column::FileKind,
        draft::{Draft, Place},
        edition::partition_owner,
        reject::Rejects,
        row::{Fault, Rest},
        table::Table,
    },
    proto::v1::import_service_client::ImportServiceClient,
};

mod accepted;
mod against;
mod batch;
mod current;

/// Chunks that wait for the sender.
const CHUNKS_WAITING: usize = 8;
/// Rows of a file that is not taken about which the registry is asked: what is wrong with the files
/// as such is not to wait for hundreds of thousands of rows. The cells of all rows are judged.
pub(super) const ASKED_MAX: usize = 2_000;
/// How long batches under way are waited for when the end is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The source of rows that are judged by themselves where nothing says it.
const NO_SOURCE: &str = "unknown";

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
            let missing = || BadUsage::new(&format!("--city: the registry has no city {city}"));
            partitions.fix(found.ok_or_else(missing)?);
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

    /// Imports every file, one after the other, as far as it comes: what it came to is told of a run
    /// that failed, too.
    pub(super) async fn all(mut self) -> (Summary, anyhow::Result<()>) {
        let mut ended = Ok(());
        for opened in mem::take(&mut self.files) {
            if self.stop.is_asked() || ended.is_err() {
                break;
            }
            let path = opened.path.clone();
            let done = self.file(opened).await;
            ended = done.with_context(|| {
                format!(
                    "{}: the run ended early; run it again, what was taken is not taken twice",
                    path.display()
                )
            });
        }
        self.progress.finish();
        self.summary.interrupted = self.stop.is_asked();
        self.summary.failed = ended.is_err();
        (self.summary, ended)
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
        let mut file = Current { opened, counts, rejects, first, warned, seen, deferred, asked: 0 };
        let ended = self.rows(&mut file).await;
        if ended.is_err() {
            self.land_rest(&mut file, self.stop.clone()).await;
        }
        // Whatever ended the reading, what was taken and what was not is said.
        let source = file.opened.declaration.source.clone().unwrap_or_default();
        let rejects = file.rejects.finish()?.map(|(path, _)| path);
        let counts = file.counts;
        self.summary.files.push(FileSummary {
            file: file.opened.path,
            source,
            counts,
            rejects,
            first_rejected: file.first,
            first_warned: file.warned,
            is_cut: file.asked > ASKED_MAX,
        });
        ended
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
                self.put(file, source, partition, Pending::new(line, cells, row, faults)).await
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
        self.put(file, source, 0, Pending::new(line, cells, row, faults)).await
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
