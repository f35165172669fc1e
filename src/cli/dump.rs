//! `anju dump`: all entries of a data directory in one file, to be loaded elsewhere.
//!
//! Also beside a running server: what is dumped is a beginning of the journal, whole commands, as
//! they were when it was read.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

use crate::{
    cli::{
        Outcome,
        config::SettingArgs,
        offline::{self, Progress, Unit},
        session::Output,
        table::Sheet,
    },
    registry::{Contents, DumpWriter},
    store::{
        StoreError,
        embedded::{for_each_entry, sync_journal},
    },
};

const EXAMPLES: &str = "\
Examples:
  anju dump --out anju.dump
  anju dump --out anju.dump.gz
  anju dump --setting data_dir=/var/lib/anju --out - > anju.dump

The server need not be stopped: the dump holds what was durable when it was read.";

/// Flags of `anju dump`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DumpArgs {
    /// Where to save it; must not exist yet. Packed when the name ends in .gz; - writes it out.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// What a dump holds, for people and programs.
#[derive(Serialize)]
pub(crate) struct ShownContents {
    registry_id: String,
    entries: u64,
    partitions: Vec<ShownPartition>,
}

#[derive(Serialize)]
struct ShownPartition {
    partition: u32,
    entries: u64,
    root: String,
}

impl ShownContents {
    pub(crate) fn of(contents: &Contents) -> Self {
        let partitions = contents.partitions.iter().map(|(head, root)| ShownPartition {
            partition: head.partition.number(),
            entries: head.seq,
            root: root.to_string(),
        });
        Self {
            registry_id: offline::registry_id(&contents.registry),
            entries: contents.entry_count(),
            partitions: partitions.collect(),
        }
    }

    /// What was loaded, in a sentence.
    pub(crate) fn loaded(&self) -> String {
        format!("loaded 已导入: {} entries of registry {}", self.entries, self.registry_id)
    }

    /// The partitions as a table.
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(["partition 分区", "entries 条目", "root 根"]).numbers([0, 1]);
        for partition in &self.partitions {
            sheet.row([
                partition.partition.to_string(),
                partition.entries.to_string(),
                partition.root.clone(),
            ]);
        }
        sheet
    }
}

/// Where a dump goes.
enum Sink<W: Write> {
    Plain(W),
    Packed(Box<GzEncoder<W>>),
}

impl<W: Write> Sink<W> {
    fn close(self) -> io::Result<W> {
        match self {
            Self::Plain(to) => Ok(to),
            Self::Packed(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            Self::Packed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Packed(encoder) => encoder.flush(),
        }
    }
}

/// Dumps, and says what the file holds.
pub fn run(args: &DumpArgs, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
    let config = offline::settings(&args.settings)?;
    offline::must_hold_a_registry(&config.data_dir)?;
    if args.out == Path::new("-") {
        let contents = dump(&config.data_dir, out.writer())?.1;
        // The answer is the dump itself; what is said of it must not get into it.
        let _ = writeln!(io::stderr(), "anju: {}", sentence(&ShownContents::of(&contents)));
        return Ok(Outcome::Fine);
    }
    let of = || format!("{} cannot be written", args.out.display());
    let file = fs::File::create_new(&args.out).with_context(of)?;
    let contents = match into_file(&config.data_dir, file, &args.out) {
        Ok(contents) => contents,
        Err(error) => {
            // Half a dump is no dump, and would only be in the way of the next.
            let _ = fs::remove_file(&args.out);
            return Err(error.context(of()));
        }
    };
    let shown = ShownContents::of(&contents);
    if out.is_json() {
        out.value(&shown)?;
    } else {
        out.line(format!("{}: {}", args.out.display(), sentence(&shown)))?;
        out.sheet(&shown.sheet())?;
    }
    Ok(Outcome::Fine)
}

fn sentence(shown: &ShownContents) -> String {
    format!("dumped 已导出: {} entries of registry {}", shown.entries, shown.registry_id)
}

/// Dumps into a new file and makes it durable.
fn into_file(data: &Path, file: fs::File, path: &Path) -> anyhow::Result<Contents> {
    let writer = BufWriter::with_capacity(1024 * 1024, file);
    let sink = if path.extension().is_some_and(|extension| extension == "gz") {
        Sink::Packed(Box::new(GzEncoder::new(writer, Compression::default())))
    } else {
        Sink::Plain(writer)
    };
    let (sink, contents) = dump(data, sink)?;
    let file = sink.close()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    if let Some(directory) = path.parent() {
        let is_here = directory.as_os_str().is_empty();
        fs::File::open(if is_here { Path::new(".") } else { directory })?.sync_all()?;
    }
    Ok(contents)
}

fn dump<W: Write>(data: &Path, to: W) -> anyhow::Result<(W, Contents)> {
    let mut writer = DumpWriter::new(to);
    let mut failed = None;
    let mut progress = Progress::new("reading the journal", Unit::Bytes);
    let read = for_each_entry(
        data,
        &mut |_, _, bytes| {
            writer.entry(bytes).map_err(|error| {
                failed = Some(error);
                StoreError::Unavailable("it is not read on".to_owned())
            })
        },
        &mut |done, total| progress.set(done, total),
    );
    progress.finish();
    if let Some(error) = failed {
        return Err(error.into());
    }
    read?;
    // A running server may not have synced its last frame yet: a dump never holds what the
    // registry could still lose.
    sync_journal(data)?;
    Ok(writer.finish()?)
}
