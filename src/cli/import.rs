//! `anju import`: rows of files into a running registry.
//!
//! Files are read as they are sent, in batches, several at once. A run that was cut short is simply
//! made again: a row that says what its source last said changes nothing. A row that is not taken
//! stops no other; it is written to a file that can be mended and fed back.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::anyhow;
use clap::ValueEnum;
use csv::StringRecord;

use crate::{
    cli::BadUsage,
    exchange::{
        cell,
        column::FileKind,
        draft::Draft,
        edition::{self, Edition, Findings, LEVELS},
        header::{Layout, Mapping},
        row::{self, Fault, Rest},
        table::{Declaration, Mode, Record, Table, TableError},
        write::{in_words, named_in_words},
    },
    kernel::{limit::BATCH_ITEMS_MAX, time::Day},
    proto::v1::ExportReference,
    service::misread::{BY_DAYS, BY_OTHERS},
};

mod client;
mod partition;
mod progress;
mod run;
mod stop;
mod summary;
mod told;
mod words;

pub use client::{Clients, Credential, Service};
pub(super) use client::{patiently, refused};
pub use stop::Stop;
pub use summary::{Counts, FileSummary, Outcome, Rejected, Summary, Warned};
pub use told::Unusable;

const EXAMPLES: &str = "\
Examples:
  anju import regions provinces.csv cities.csv areas.csv streets.csv.gz villages.csv.gz
  anju import compounds compounds.csv --source bureau-2025 --city 410100 --dry-run
  anju import buildings buildings.csv.gz --source census-2025 --mode correction --reason recount
  anju import inspections reports.csv --source check-ups-2026 --city 410100
  anju import findings findings.csv.gz --source check-ups-2026 --city 410100 --dry-run
  anju import policies policies.csv --source policies-2026 --city 410100 --dry-run";

/// Import rows of files: regions, compounds, buildings, units, inspections, findings or policies.
///
/// A row of inspections is one report with the steps that it has taken; a row of findings is one
/// observation, and rows with the same key are of one finding; a row of policies is one policy. Files are
/// CSV in UTF-8 or GB18030, gzip or not. Run it again as often as you like: a row that says what its
/// source last said changes nothing. Answers 0 when every row was taken, 3 when some were refused or in
/// conflict with what somebody said since, 2 when a file or flag cannot be used (and nothing was written),
/// 7 when the registry could not be reached any more, 1 when the run failed otherwise.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// What the rows are about
    #[arg(value_enum)]
    pub kind: FileKind,
    /// The files; those of regions in any order
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where the rows come from; goes before what the file's first line declares
    #[arg(long)]
    pub source: Option<String>,
    /// What a row means that differs from what its source last said
    #[arg(long, value_enum)]
    pub mode: Option<ModeArg>,
    /// From which day a change holds; today when nothing says so
    #[arg(long)]
    pub from: Option<String>,
    /// Since when new rows exist that do not say it: 2024-07-01, 1980s, <2023-07-01
    #[arg(long)]
    pub exists_from: Option<String>,
    /// The partition of all rows below the district
    #[arg(long, conflicts_with = "city")]
    pub partition: Option<u32>,
    /// The city of all rows below the district, by its code: 410100
    #[arg(long)]
    pub city: Option<String>,
    /// A TOML file that says which column has which header, for example `floor_area_m2 = "面积"`
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Leave columns aside that are not known
    #[arg(long)]
    pub ignore_unknown: bool,
    /// Judge every row and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Rows of one batch
    #[arg(long, default_value_t = BATCH_ITEMS_MAX, value_parser = read_batch_rows)]
    pub batch_rows: usize,
    /// Batches under way at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub in_flight: u8,
    /// Where rows go that are not taken; beside the file when left out (one file only)
    #[arg(long)]
    pub rejects: Option<PathBuf>,
    /// Why, in one sentence; needed for corrections
    #[arg(long)]
    pub reason: Option<String>,
    /// A plausibility rule that may be broken, by its reason; may be given several times
    #[arg(long = "override")]
    pub overrides: Vec<String>,
}

/// The word of `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// The world changed
    Change,
    /// The source was wrong before
    Correction,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Change => Self::Change,
            ModeArg::Correction => Self::Correction,
        }
    }
}

/// The values of flags that are read with the files, so that a wrong one hides nothing of them.
#[derive(Clone, Debug, Default)]
struct Days {
    from: Option<Day>,
    exists_from: Option<String>,
}

impl Days {
    /// Reads them, and notes what is wrong by the flag.
    fn read(args: &ImportArgs, wrong: &mut Vec<WrongFile>) -> Self {
        let mut note = |flag: &str, message: String| {
            wrong.push(WrongFile { path: flag.into(), mistakes: vec![message] });
        };
        let mut days = Self::default();
        if let Some(text) = &args.from {
            match cell::exact_day(text) {
                Ok(day) => days.from = Some(day),
                Err((_, message)) => note("--from", message),
            }
        }
        if let Some(text) = &args.exists_from {
            match cell::imprecise_day(text) {
                Ok(day) => days.exists_from = Some(day.to_string()),
                Err((_, message)) => note("--exists-from", message),
            }
        }
        if let Some(Err(message)) = args.city.as_deref().map(read_code) {
            note("--city", message);
        }
        days
    }
}

fn read_code(text: &str) -> Result<(), String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && matches!(text.len(), 2 | 4 | 6 | 12) {
        return Ok(());
    }
    Err("a code has 6 digits, for example 410100".to_owned())
}

fn read_batch_rows(text: &str) -> Result<usize, String> {
    let rows = text.parse().ok().filter(|rows| (1..=BATCH_ITEMS_MAX).contains(rows));
    rows.ok_or_else(|| format!("a batch has 1 to {BATCH_ITEMS_MAX} rows"))
}

impl ImportArgs {
    /// Files of one kind, with everything else as it is without flags.
    pub fn of(kind: FileKind, files: Vec<PathBuf>) -> Self {
        Self {
            kind,
            files,
            source: None,
            mode: None,
            from: None,
            exists_from: None,
            partition: None,
            city: None,
            mapping: None,
            ignore_unknown: false,
            dry_run: false,
            batch_rows: BATCH_ITEMS_MAX,
            in_flight: 4,
            rejects: None,
            reason: None,
            overrides: Vec::new(),
        }
    }
}

/// For whom a summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// People: a table.
    Table,
    /// Programs: one JSON object.
    Json,
}

/// Imports the files and writes what it came to to `out`, also when it fails midway. A refusal by the
/// registry has its [`tonic::Status`] among the causes of the error.
pub async fn run<I: Credential>(
    args: ImportArgs,
    clients: Clients<I>,
    answer: Answer,
    out: &mut dyn io::Write,
) -> anyhow::Result<Outcome> {
    run_until(args, clients, answer, Stop::never(), out).await
}

fn usage(sentence: &str) -> anyhow::Error {
    BadUsage::new(sentence).into()
}

/// The same until its end is asked for: then what was sent is waited for, for a while, and what it
/// came to so far is written.
pub async fn run_until<I: Credential>(
    args: ImportArgs,
    clients: Clients<I>,
    answer: Answer,
    stop: Stop,
    out: &mut dyn io::Write,
) -> anyhow::Result<Outcome> {
    if args.rejects.is_some() && args.files.len() > 1 {
        return Err(usage("--rejects names one file, but there are several to import"));
    }
    if let Some(path) = args.rejects.as_ref().filter(|path| path.exists()) {
        return Err(usage(&format!("{} is there already and is not overwritten", path.display())));
    }
    if args.kind.is_of_papers() && (args.from.is_some() || args.exists_from.is_some()) {
        let word = args.kind.word();
        return Err(usage(&format!(
            "--from and --exists-from are not of {word}: their rows say days of their own"
        )));
    }
    let (opened, wrong) = open(&args)?;
    let dry_run = args.dry_run;
    let interrupted = Summary { dry_run, interrupted: true, ..Summary::default() };
    // Boxed, so that whoever waits for the run does not carry all of it on the stack.
    let (summary, ended) = if wrong.is_empty() {
        match stop.or(Box::pin(run::Run::new(args, clients, opened))).await {
            Some(run) => Box::pin(run?.until(stop).all()).await,
            None => (interrupted, Ok(())),
        }
    } else {
        match stop.or(Box::pin(told::refuse(args, clients, opened, wrong))).await {
            Some(unusable) => return Err(unusable.into()),
            None => (interrupted, Ok(())),
        }
    };
    match answer {
        Answer::Table => summary.write(out)?,
        Answer::Json => {
            serde_json::to_writer_pretty(&mut *out, &summary.json())?;
            writeln!(out)?;
        }
    }
    ended.map(|()| summary.outcome())
}

/// How the records of a file become drafts.
pub(super) enum Shape {
    /// One of the five files of an edition.
    Edition(Edition),
    /// A file with the columns of the table.
    Columns(Layout),
}

impl Shape {
    /// What a record says, as far as it can be judged, and what is wrong with it.
    fn read(&self, record: &Record) -> Rest {
        match self {
            Self::Edition(edition) => match edition.read(record) {
                Ok(draft) => Rest { draft: Some(draft), is_placed: true, faults: Vec::new() },
                Err(faults) => Rest { draft: None, is_placed: false, faults },
            },
            Self::Columns(layout) => row::rest(layout, record),
        }
    }

    /// Whether a column with this header says something.
    fn has(&self, header: &str) -> bool {
        matches!(self, Self::Columns(layout) if layout.bound(header).is_some())
    }

    /// A value of a field in the words of the column with this header.
    fn in_words(&self, header: &str, value: &str) -> String {
        let bound = match self {
            Self::Edition(_) => None,
            Self::Columns(layout) => layout.bound(header),
        };
        bound.map_or_else(|| value.to_owned(), |bound| in_words(bound, value))
    }

    /// A subject that the registry names, in the words of the column with this header.
    fn named_in_words(
        &self,
        header: &str,
        named: &ExportReference,
        source: &str,
    ) -> Option<String> {
        let Self::Columns(layout) = self else { return None };
        named_in_words(layout.bound(header)?, named, source)
    }

    /// What a row says in the column with this header, as it stands there.
    fn cell<'a>(&self, header: &str, cells: &'a StringRecord) -> Option<&'a str> {
        let Self::Columns(layout) = self else { return None };
        let index = layout.columns().position(|(own, bound)| own == header && bound.is_some())?;
        cells.get(index).map(str::trim).filter(|cell| !cell.is_empty())
    }

    /// The header of the column that says a field of the API.
    fn header_of<'a>(&'a self, field: &'a str) -> &'a str {
        match self {
            Self::Edition(_) => field,
            Self::Columns(layout) => layout.header_of(field),
        }
    }

    /// A fault of a field of the API as one of the column that says it.
    fn by_header(&self, fault: Fault) -> Fault {
        Fault { column: self.header_of(&fault.column).to_owned(), ..fault }
    }

    /// What the registry says of a row beside what is wrong with it already, by headers, without
    /// what may only follow from that: from cells that could not be read, and from columns that
    /// could not be bound.
    fn beside(&self, faults: &[Fault], refusals: Vec<Fault>) -> Vec<Fault> {
        let Self::Columns(layout) = self else { return Vec::new() };
        let is_faulted = |field: &str| {
            let last = field.rsplit('.').next().unwrap_or(field);
            let said_by = |fault: &Fault| layout.is_said_by(last, &fault.column);
            faults.iter().any(said_by)
        };
        let last = |field: &str| field.rsplit('.').next().unwrap_or_default().to_owned();
        let is_left_out = |field: &str| is_faulted(field) || layout.lacks(&last(field));
        let follows = |refusal: &Fault| {
            let hangs_on =
                |(rule, other): &(&str, &str)| *rule == refusal.reason && is_left_out(other);
            let is_about_days = BY_DAYS.iter().any(|rule| rule.reason() == refusal.reason);
            is_faulted(&refusal.column)
                || (refusal.reason == "REQUIRED" && is_left_out(&refusal.column))
                || (refusal.reason == "PARTITION_MISSING")
                || (is_about_days && ["exists_from", "from"].into_iter().any(is_left_out))
                || BY_OTHERS.iter().any(hangs_on)
        };
        let beside = refusals.into_iter().filter(|refusal| !follows(refusal));
        beside.map(|refusal| self.by_header(refusal)).collect()
    }
}

/// A file that is ready to be read.
pub(super) struct Opened {
    path: PathBuf,
    shape: Arc<Shape>,
    headers: Vec<String>,
    /// What holds for its rows: the flags, then what the file declares, then the edition's own.
    declaration: Declaration,
    exists_from: Option<String>,
    /// Whether nothing of it is taken: its rows are judged as far as its header can be used.
    is_refused: bool,
}

impl Opened {
    /// The same file, to be read once more.
    fn again(&self) -> Self {
        Self {
            path: self.path.clone(),
            shape: Arc::clone(&self.shape),
            headers: self.headers.clone(),
            declaration: self.declaration.clone(),
            exists_from: self.exists_from.clone(),
            is_refused: self.is_refused,
        }
    }

    /// Puts the days of the file where a row does not say its own.
    fn fill(&self, draft: &mut Draft) {
        draft.exists_from_when_new.clone_from(&self.exists_from);
        let from = self.declaration.from.map(|day| day.to_string());
        draft.from = draft.from.take().or(from);
    }

    /// The rows in which cells are wrong, by their lines, as far as the file can be read.
    fn faulted_rows(&self) -> impl Iterator<Item = (u64, Vec<Fault>)> {
        let table = Table::open(&self.path, Arc::default()).ok();
        let records = table.into_iter().flatten().map_while(Result::ok);
        let rows = records.map(|record| (record.line, self.shape.read(&record).faults));
        rows.filter(|(_, faults)| !faults.is_empty())
    }
}

/// What is wrong with a file as a whole.
struct WrongFile {
    path: PathBuf,
    /// A sentence each, with a reason before it where there is one.
    mistakes: Vec<String>,
}

/// Opens every file and binds its header, so that what is wrong with any is said before a row of
/// another is taken. With anything wrong, none is: all are opened to be judged.
fn open(args: &ImportArgs) -> anyhow::Result<(Vec<Opened>, Vec<WrongFile>)> {
    let mapping = match &args.mapping {
        Some(path) => {
            let unusable =
                |error: anyhow::Error| usage(&format!("the mapping {}: {error:#}", path.display()));
            let text = fs::read_to_string(path).map_err(|error| unusable(error.into()))?;
            Mapping::read(&text).map_err(|error| unusable(error.into()))?
        }
        None => Mapping::default(),
    };
    let mut opened = Vec::new();
    let mut wrong = Vec::new();
    let days = Days::read(args, &mut wrong);
    for path in &args.files {
        let mut mistakes = Vec::new();
        match open_one((args, &days), &mapping, path, &mut mistakes) {
            Ok(file) => opened.extend(file),
            Err(error) => mistakes.push(format!("{:#}", anyhow!(error))),
        }
        if !mistakes.is_empty() {
            wrong.push(WrongFile { path: path.clone(), mistakes });
        }
    }
    opened.sort_by_key(|file| match &*file.shape {
        Shape::Edition(edition) => LEVELS.iter().position(|level| level.0 == edition.level),
        Shape::Columns(_) => None,
    });
    for file in &mut opened {
        file.is_refused = !wrong.is_empty();
    }
    Ok((opened, wrong))
}

/// Opens a file and notes what is wrong with it; `None` when it is no table of ours, so that what is
/// in it is no row.
fn open_one(
    (args, days): (&ImportArgs, &Days),
    mapping: &Mapping,
    path: &Path,
    mistakes: &mut Vec<String>,
) -> Result<Option<Opened>, TableError> {
    let table = Table::open(path, Arc::default())?;
    let headers = table.headers().to_vec();
    let recognised = (args.kind == FileKind::Regions && args.mapping.is_none())
        .then(|| Edition::recognise(&headers))
        .flatten();
    let shape = match recognised {
        Some(edition) => Shape::Edition(edition),
        None => match bind(args, &headers, mapping, mistakes) {
            Some(layout) => Shape::Columns(layout),
            None => return Ok(None),
        },
    };
    let declared = table.declaration();
    let is_edition = recognised.is_some();
    let source = args.source.clone().or_else(|| declared.source.clone());
    let source = source.or_else(|| is_edition.then(|| edition::SOURCE.to_owned()));
    if let Shape::Columns(layout) = &shape
        && source.is_none()
        && !layout.columns().any(|(_, bound)| bound.is_some_and(|b| b.column.name == "source"))
    {
        let sentence =
            "say where the rows come from: --source, or `# anju: source=…` as the first line";
        mistakes.push(sentence.to_owned());
    }
    if args.kind.is_of_papers() && declared.from.is_some() {
        let word = args.kind.word();
        mistakes.push(format!(
            "`from` in the first line is not of {word}: their rows say days of their own"
        ));
    }
    // The first line of a reject file declares it between commas.
    if source.as_ref().is_some_and(|source| source.contains([',', '"', '\n', '\r'])) {
        let sentence = "the name of a source has no commas, quotation marks or line ends";
        mistakes.push(sentence.to_owned());
    }
    let mode = args.mode.map(Mode::from).or(declared.mode);
    if mode == Some(Mode::Correction) && args.reason.is_none() {
        mistakes.push("a correction needs a --reason".to_owned());
    }
    let exists_from = days.exists_from.clone();
    let exists_from = exists_from.or_else(|| is_edition.then(|| edition::EXISTS_FROM.to_owned()));
    Ok(Some(Opened {
        path: path.to_owned(),
        shape: Arc::new(shape),
        headers,
        declaration: Declaration { source, mode, from: days.from.or(declared.from) },
        exists_from,
        is_refused: false,
    }))
}

fn bind(
    args: &ImportArgs,
    headers: &[String],
    mapping: &Mapping,
    mistakes: &mut Vec<String>,
) -> Option<Layout> {
    let (layout, faults) = Layout::bind_some(args.kind, headers, mapping, args.ignore_unknown);
    if args.mapping.is_none() && layout.columns().all(|(_, bound)| bound.is_none()) {
        mistakes.push(no_table(args.kind, headers));
        return None;
    }
    if !faults.is_empty() {
        let mut sentences = words::Told::default();
        let mut lines = String::new();
        for fault in &faults {
            let _ = write!(lines, "\n  {}: {}", fault.reason, fault.message);
            for sentence in sentences.new_of(&words::of_reason(fault.reason)) {
                let _ = write!(lines, "\n    {sentence}");
            }
        }
        let unknown = faults.iter().any(|fault| fault.reason == "UNKNOWN_COLUMN");
        let hint = if unknown {
            "\n  (--mapping names columns, --ignore-unknown leaves them aside)"
        } else {
            ""
        };
        mistakes.push(format!("the header row cannot be used{lines}{hint}"));
    }
    Some(layout)
}

/// Cells of a first row that are told of a file that is no table.
const FIRST_CELLS_TOLD: usize = 3;
/// Characters of such a cell.
const CELL_CHARS_TOLD: usize = 40;

/// What is said of a file of which no column is known, such as a text that lies beside the tables.
fn no_table(kind: FileKind, headers: &[String]) -> String {
    let cell = |header: &String| {
        let short: String = header.chars().take(CELL_CHARS_TOLD).collect();
        let more = if short.len() < header.len() { "…" } else { "" };
        format!("{:?}", format!("{short}{more}"))
    };
    let cells: Vec<_> = headers.iter().take(FIRST_CELLS_TOLD).map(cell).collect();
    let more = if headers.len() > FIRST_CELLS_TOLD { ", …" } else { "" };
    format!(
        "this is no table of {}: its first row names none of the columns, it reads {}{more}; leave the \
         file out, or name its columns with --mapping",
        kind.word(),
        cells.join(", "),
    )
}

/// Whether the files are of an edition, whose odd rows are counted.
fn findings(files: &[Opened]) -> Option<Findings> {
    let is_edition = |file: &Opened| matches!(*file.shape, Shape::Edition(_));
    files.iter().any(is_edition).then(Findings::default)
}
