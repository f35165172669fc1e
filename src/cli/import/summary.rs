//! What a run came to, as a table for people or as JSON.

use std::{io, path::PathBuf};

use comfy_table::{Table, presets::ASCII_FULL_CONDENSED};
use serde::Serialize;

use crate::{
    cli::import::words::{self, Told},
    exchange::{
        edition::{Findings, LEVELS},
        row::Fault,
    },
};

/// What became of the rows of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows of the file that have anything in them.
    pub read: u64,
    /// New ones.
    pub created: u64,
    /// Rows that said something else than before.
    pub changed: u64,
    /// Rows that said what they last said.
    pub unchanged: u64,
    /// Rows with a field that somebody else has said since, told as long as that stands.
    pub conflicts: u64,
    /// Those of them of which something else was taken.
    pub partly_taken: u64,
    /// Rows that were not taken.
    pub refused: u64,
    /// Rows of a dry run that the registry cannot judge, since what they refer to is itself new.
    pub unjudged: u64,
    /// Rows that were not refused, and in which something looks doubtful.
    pub warned: u64,
}

impl Counts {
    /// Rows that were read and of which it is not known what became.
    const fn open(&self) -> u64 {
        let Self { read, created, changed, unchanged, conflicts, refused, .. } = *self;
        let done = created + changed + unchanged + conflicts + refused;
        read.saturating_sub(done + self.unjudged)
    }
}

/// One file of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileSummary {
    /// The file.
    pub file: PathBuf,
    /// Where its rows come from; empty when each row says it.
    pub source: String,
    /// What became of them.
    pub counts: Counts,
    /// The file of rows that were not taken, if there is one.
    pub rejects: Option<PathBuf>,
    /// The first ones of them.
    pub first_rejected: Vec<Rejected>,
    /// The first rows in which something looks doubtful.
    pub first_warned: Vec<Warned>,
    /// Of a file that is not taken: whether the registry was asked about its first rows only.
    #[serde(skip)]
    pub is_cut: bool,
}

/// Rows of a file that the summary tells: of those that were not taken, and of those in which
/// something looks doubtful.
pub(super) const FIRST_TOLD_MAX: usize = 5;

/// A row that was refused or is in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Where it begins in the file.
    pub line: u64,
    /// All that is wrong with it: column, reason and a sentence each.
    pub reasons: String,
    /// What its reasons mean in Chinese.
    #[serde(skip)]
    pub chinese: Vec<&'static str>,
}

impl Rejected {
    /// A row with what is wrong with it.
    pub(super) fn of(line: u64, faults: &[Fault]) -> Self {
        Self { line, reasons: words::english(faults), chinese: words::chinese(faults) }
    }
}

/// A row that was taken although something in it looks doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warned {
    /// Where it begins in the file.
    pub line: u64,
    /// What looks doubtful: column, reason and a sentence each.
    pub warnings: String,
    /// What its reasons mean in Chinese.
    #[serde(skip)]
    pub chinese: Vec<&'static str>,
}

impl Warned {
    /// A row with what looks doubtful.
    pub(super) fn of(line: u64, faults: &[Fault]) -> Self {
        Self { line, warnings: words::english(faults), chinese: words::chinese(faults) }
    }
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Summary {
    /// Its files, in the order in which they were sent.
    pub files: Vec<FileSummary>,
    /// What was odd about an edition of the divisions.
    pub findings: Option<Findings>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether its end was asked for before all rows were sent.
    pub interrupted: bool,
    /// Whether it failed before all rows were sent.
    pub failed: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every row was taken.
    Whole,
    /// Some rows were refused, or are in conflict with what somebody said since.
    Partly,
    /// Its end was asked for.
    Interrupted,
}

impl Outcome {
    /// What the process answers: 0, 3 when some rows were refused or in conflict, or what a shell says
    /// of who was interrupted.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Partly => 3,
            Self::Interrupted => 130,
        }
    }
}

impl Summary {
    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        if self.interrupted {
            return Outcome::Interrupted;
        }
        let clean =
            self.files.iter().all(|file| file.counts.refused == 0 && file.counts.conflicts == 0);
        if clean { Outcome::Whole } else { Outcome::Partly }
    }

    /// Writes the table, the odd rows, and where the rejects are.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "{}", table(&self.files))?;
        if let Some(findings) = &self.findings {
            write_findings(findings, out)?;
        }
        let mut told = Told::default();
        for file in &self.files {
            for Rejected { line, reasons, chinese } in &file.first_rejected {
                writeln!(out, "line {line} 行: {reasons}")?;
                told.write(chinese, out)?;
            }
            let not_told = (file.counts.refused + file.counts.conflicts)
                .saturating_sub(file.first_rejected.len() as u64);
            if not_told > 0 {
                writeln!(out, "and {not_told} more 另有 {not_told} 行")?;
            }
            write_partly(file, out)?;
            if let Some(path) = &file.rejects {
                writeln!(out, "rows not taken, to be mended and fed back: {}", path.display())?;
            }
            write_warned(file, &mut told, out)?;
            if file.counts.unjudged > 0 {
                let count = file.counts.unjudged;
                writeln!(
                    out,
                    "{count} rows refer to rows that are themselves new: judged here only"
                )?;
            }
        }
        let written = self.files.iter().map(|file| {
            let Counts { created, changed, partly_taken, .. } = file.counts;
            created + changed + partly_taken
        });
        if self.interrupted {
            write_open("interrupted 已中断", &self.files, out)?;
        } else if self.failed {
            write_open("ended early 提前结束", &self.files, out)?;
        }
        if self.dry_run {
            writeln!(out, "dry run: nothing was written")
        } else if self.interrupted || self.failed {
            Ok(())
        } else if written.sum::<u64>() == 0 {
            writeln!(out, "nothing changed")
        } else {
            Ok(())
        }
    }

    /// The same as JSON.
    pub fn json(&self) -> serde_json::Value {
        let findings = self.findings.as_ref().map(|findings| {
            let levels = LEVELS.iter().zip(findings.levels);
            let levels: serde_json::Map<_, _> =
                levels.map(|((_, _, name), count)| ((*name).to_owned(), count.into())).collect();
            let odd = findings.list().map(|(name, tally)| {
                serde_json::json!({"what": name, "count": tally.count, "first": tally.first})
            });
            serde_json::json!({"levels": levels, "odd": odd.to_vec()})
        });
        serde_json::json!({"files": self.files, "regions": findings, "dry_run": self.dry_run, "interrupted": self.interrupted, "failed": self.failed})
    }
}

/// The files, a row each, with what became of their rows.
fn table(files: &[FileSummary]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_FULL_CONDENSED);
    table.set_header([
        "file",
        "source",
        "rows",
        "created",
        "changed",
        "unchanged",
        "conflicts",
        "refused",
    ]);
    for FileSummary { file, source, counts, .. } in files {
        let numbers = [
            counts.read,
            counts.created,
            counts.changed,
            counts.unchanged,
            counts.conflicts,
            counts.refused,
        ];
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut row = vec![name, source.clone()];
        row.extend(numbers.map(|number| number.to_string()));
        table.add_row(row);
    }
    table
}

fn write_open(what: &str, files: &[FileSummary], out: &mut dyn io::Write) -> io::Result<()> {
    let open = files.iter().map(|file| file.counts.open()).sum::<u64>();
    writeln!(out, "{what}: of the rows that were read, {open} are still open")?;
    writeln!(
        out,
        "run the same again to go on: what was taken is not taken twice 重新运行即可继续，不会重复采用"
    )
}

fn write_partly(file: &FileSummary, out: &mut dyn io::Write) -> io::Result<()> {
    let Counts { conflicts, partly_taken, .. } = file.counts;
    if partly_taken == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "of the {conflicts} in conflict, {partly_taken} were taken but for that 其余已采用"
    )
}

fn write_warned(file: &FileSummary, told: &mut Told, out: &mut dyn io::Write) -> io::Result<()> {
    for Warned { line, warnings, chinese } in &file.first_warned {
        writeln!(out, "warning 提示: line {line} 行: {warnings}")?;
        told.write(chinese, out)?;
    }
    match file.counts.warned {
        0 => Ok(()),
        count => writeln!(out, "rows with warnings, not refused for them 有提示的行: {count}"),
    }
}

fn write_findings(findings: &Findings, out: &mut dyn io::Write) -> io::Result<()> {
    let levels = LEVELS.iter().zip(findings.levels);
    let levels: Vec<_> = levels.map(|((_, _, name), count)| format!("{count} {name}")).collect();
    writeln!(out, "{}", levels.join(", "))?;
    for (name, tally) in findings.list() {
        writeln!(out, "{name}: {tally}")?;
    }
    Ok(())
}
