//! A file while it is being imported, and the thread that reads it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use csv::StringRecord;
use tokio::sync::mpsc;

use crate::{
    cli::import::{
        Opened, Shape,
        run::{accepted::short_hash, against::warnings, batch::Batch},
        summary::{Counts, FIRST_TOLD_MAX, Rejected, Warned},
        words,
    },
    exchange::{
        reject::Rejects,
        row::{Fault, Rest},
        table::{Table, TableError},
    },
    proto::v1::RowResult,
};

/// Rows that the reading thread hands over at once.
const CHUNK_ROWS: usize = 256;

/// A row as the reading thread hands it over.
pub(super) struct Item {
    pub(super) line: u64,
    pub(super) cells: StringRecord,
    /// What it says, and what is wrong with it already.
    pub(super) rest: Rest,
}

/// A file while it is being imported.
pub(super) struct Current {
    pub(super) opened: Opened,
    pub(super) counts: Counts,
    pub(super) rejects: Rejects,
    /// The first of them, for who does not open the file.
    pub(super) first: Vec<Rejected>,
    /// The first rows in which something looks doubtful.
    pub(super) warned: Vec<Warned>,
    /// Hashes of source and key, with the line.
    pub(super) seen: BTreeMap<[u8; 16], u64>,
    /// Rows to try again, refused for a reference to what is not there.
    pub(super) deferred: Vec<(Batch, RowResult)>,
    /// Of a file that is not taken: how many rows the registry was to be asked about.
    pub(super) asked: usize,
}

impl Current {
    /// The line of an earlier row with the same source and key.
    pub(super) fn seen_before(&mut self, source: &str, key: &str, line: u64) -> Option<u64> {
        match self.seen.entry(short_hash(source, key)) {
            std::collections::btree_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(line);
                None
            }
        }
    }

    /// Counts a row in which something looks doubtful, and keeps the first.
    pub(super) fn note_warnings(&mut self, line: u64, result: &RowResult) {
        if result.warnings.is_empty() {
            return;
        }
        self.counts.warned += 1;
        // Batches are not answered in the order of the file.
        let at = self.warned.partition_point(|other| other.line < line);
        if at < FIRST_TOLD_MAX {
            let faults = warnings(&self.opened.shape, result);
            self.warned.insert(at, Warned::of(line, &faults));
            self.warned.truncate(FIRST_TOLD_MAX);
        }
    }

    pub(super) fn write_reject(
        &mut self,
        line: u64,
        cells: &StringRecord,
        faults: &[Fault],
    ) -> anyhow::Result<()> {
        // Batches are not answered in the order of the file.
        let at = self.first.partition_point(|other| other.line < line);
        if at < FIRST_TOLD_MAX {
            self.first.insert(at, Rejected::of(line, faults));
            self.first.truncate(FIRST_TOLD_MAX);
        }
        if self.opened.is_refused {
            return Ok(());
        }
        self.rejects
            .add(line, cells, &words::both(faults))
            .with_context(|| format!("the row on line {line} cannot be written among the rejects"))
    }
}

/// Reads on a thread of its own. Ends early, without an error, when nobody takes the rows.
pub(super) fn read_rows(
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
