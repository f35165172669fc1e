//! Files that are not taken: what is wrong with them as a whole, and with the first of their rows.
//!
//! What stays true: nothing is written. The registry judges what the rows say in the columns that
//! could be bound; where it cannot be asked, their cells are judged all the same.

use std::fmt::Write as _;

use crate::cli::import::{
    ImportArgs, Opened, WrongFile,
    client::{Clients, Credential},
    run::{ASKED_MAX, Run},
    summary::{FIRST_TOLD_MAX, FileSummary, Rejected},
    words::Told,
};

/// Files or flags with which a run cannot begin, and all that is wrong with them. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

/// Judges the rows of files of which some are wrong as a whole, and tells all of it.
pub(super) async fn refuse<I: Credential>(
    args: ImportArgs,
    clients: Clients<I>,
    files: Vec<Opened>,
    wrong: Vec<WrongFile>,
) -> Unusable {
    let mut told = String::new();
    for WrongFile { path, mistakes } in &wrong {
        for mistake in mistakes {
            put(&mut told, &format!("{}: {mistake}", path.display()));
        }
    }
    let again = files.iter().map(Opened::again).collect::<Vec<_>>();
    match Box::pin(judge(ImportArgs { dry_run: true, ..args }, clients, files)).await {
        Ok(files) => tell_rows(&mut told, &files),
        Err(error) => {
            tell_rows(&mut told, &by_themselves(again));
            put(&mut told, &format!("the registry could not judge the rows: {error:#}"));
        }
    }
    put(&mut told, "nothing was written 未写入");
    Unusable(told)
}

async fn judge<I: Credential>(
    args: ImportArgs,
    clients: Clients<I>,
    files: Vec<Opened>,
) -> anyhow::Result<Vec<FileSummary>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let run = Run::new(args, clients, files).await?;
    let (summary, ended) = run.all().await;
    ended.map(|()| summary.files)
}

/// The rows whose cells are wrong, without the registry.
fn by_themselves(files: Vec<Opened>) -> Vec<FileSummary> {
    let summaries = files.into_iter().map(|file| {
        let mut summary = FileSummary { file: file.path.clone(), ..FileSummary::default() };
        for (line, faults) in file.faulted_rows() {
            summary.counts.refused += 1;
            if summary.first_rejected.len() < FIRST_TOLD_MAX {
                summary.first_rejected.push(Rejected::of(line, &faults));
            }
        }
        summary
    });
    summaries.collect()
}

fn tell_rows(told: &mut String, files: &[FileSummary]) {
    let mut sentences = Told::default();
    for file in files.iter().filter(|file| !file.first_rejected.is_empty()) {
        put(told, &format!("{}: rows that would not be taken either", file.file.display()));
        for Rejected { line, reasons, chinese } in &file.first_rejected {
            put(told, &format!("  line {line} 行: {reasons}"));
            for sentence in sentences.new_of(chinese) {
                put(told, &format!("    {sentence}"));
            }
        }
        let rejected = file.counts.refused + file.counts.conflicts;
        let more = rejected.saturating_sub(file.first_rejected.len() as u64);
        if more > 0 {
            put(told, &format!("  and {more} more 另有 {more} 行"));
        }
    }
    for file in files.iter().filter(|file| file.is_cut) {
        put(
            told,
            &format!(
                "{}: of its rows the registry judged the first {ASKED_MAX} only \
                 登记系统只核对了前 {ASKED_MAX} 行",
                file.file.display()
            ),
        );
    }
}

/// Adds a line.
fn put(told: &mut String, line: &str) {
    let end = if told.is_empty() { "" } else { "\n" };
    // Writing into a text does not fail.
    let _ = write!(told, "{end}{line}");
}
