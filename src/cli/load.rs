//! `anju load`: the entries of a dump into an empty data directory.

use std::{
    cell::Cell,
    fs,
    io::{self, BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::Context as _;
use clap::Args;
use flate2::read::MultiGzDecoder;

use crate::{
    cli::{
        Outcome,
        config::SettingArgs,
        dump::ShownContents,
        offline::{self, Progress, Unit},
        session::Output,
    },
    config::Config,
    registry::{self, Contents, DumpReader},
    server,
    store::embedded::Loading,
};

const EXAMPLES: &str = "\
Examples:
  anju load anju.dump
  anju load anju.dump.gz --setting data_dir=/var/lib/anju-restored

The data directory must be empty. A load that fails leaves it so; one that is killed leaves it so
marked that nothing starts on it.";

/// What a packed file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Flags of `anju load`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LoadArgs {
    /// The dump, packed by gzip or not.
    pub file: PathBuf,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// A file that says how much of it was read.
struct Counted {
    file: fs::File,
    bytes: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.bytes.set(self.bytes.get() + u64::try_from(count).unwrap_or(0));
        Ok(count)
    }
}

/// Loads, and proves that what was loaded is what the dump holds.
pub fn run(args: &LoadArgs, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
    let config = offline::settings(&args.settings)?;
    let of = || format!("{} cannot be loaded", args.file.display());
    let file = fs::File::open(&args.file).with_context(of)?;
    let total = file.metadata().with_context(of)?.len();
    let bytes = Rc::new(Cell::new(0));
    let mut reader = BufReader::with_capacity(1024 * 1024, Counted { file, bytes: bytes.clone() });
    let is_packed = reader.fill_buf().with_context(of)?.starts_with(&GZIP);
    let from: Box<dyn Read> = if is_packed {
        Box::new(BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(reader)))
    } else {
        Box::new(reader)
    };
    // Read first: what is no dump makes no directory.
    let dump = DumpReader::new(from).with_context(of)?;
    let loading = Loading::begin(&config.data_dir)?;
    let contents = match fill(&loading, &config, dump, &|| bytes.get(), total) {
        Ok(contents) => contents,
        Err(error) => {
            let error = error.context(of());
            return Err(match loading.abandon() {
                Ok(()) => error,
                Err(left) => error.context(format!(
                    "{} holds a part of it and must be emptied by hand ({left})",
                    config.data_dir.display()
                )),
            });
        }
    };
    loading.finish()?;
    show(&ShownContents::of(&contents), &config.data_dir, out)?;
    Ok(Outcome::Fine)
}

fn fill(
    loading: &Loading,
    config: &Config,
    dump: DumpReader<Box<dyn Read>>,
    bytes: &dyn Fn() -> u64,
    total: u64,
) -> anyhow::Result<Contents> {
    let (store, _) = loading.open(server::store_options(config))?;
    let mut reading = Progress::new("reading the dump", Unit::Bytes);
    let mut replaying = Progress::new("computing the state", Unit::Entries);
    let contents =
        registry::load(dump, &store, &mut |_| reading.set(bytes(), total), &mut |done, total| {
            replaying.set(done, total);
        });
    reading.finish();
    replaying.finish();
    store.close()?;
    Ok(contents?)
}

fn show(shown: &ShownContents, path: &Path, out: &mut Output<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        out.value(shown)?;
        return Ok(());
    }
    out.line(format!("{}: {}", path.display(), shown.loaded()))?;
    out.sheet(&shown.sheet())?;
    out.line("proved 已证明: heads and roots are those of the dump, by entries and by state")?;
    Ok(())
}
