//! `anju bench`: how fast this machine is at the registry's work.
//!
//! A fresh registry in a directory of its own, a made-up city of any size, and each work in turn:
//! over real gRPC on the loopback unless a figure says that it is in process. What peers can be
//! measured in the same run are, with the order of the contestants alternating. Nothing here is a
//! test: a figure that misses its budget is told and fails nothing.

mod checkups;
mod city;
mod claims;
mod commands;
mod disk;
mod echo;
mod figure;
mod growth;
mod held;
mod histories;
mod import;
mod load;
mod machine;
mod offline;
mod reads;
mod start;
mod totals;
mod underwriting;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::{
    cli::{
        Outcome,
        bench::{
            city::{City, Ids},
            figure::{Figure, Figures, Report, Unit},
            load::nanoseconds,
            machine::Machine,
        },
        config::SettingArgs,
        offline::settings,
        serve::log,
        session::Output,
    },
    config::Config,
    exchange::sample::{SampleCity, Size, communities},
};

const EXAMPLES: &str = "\
Examples:
  anju bench
  anju bench --buildings 1000000
  anju bench --work commands --clients 64 --seconds 30
  anju bench --work underwriting --policies 1000000
  anju bench --work claims --clients 64
  anju bench --work totals --json";

/// Sizes at which totals and latencies are looked at on the way to the full one.
const STAGES: [u64; 2] = [10_000, 100_000];

/// Flags of `anju bench`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Only this work; may be repeated. Default: all.
    #[arg(long, value_enum)]
    pub work: Vec<Work>,
    /// Buildings of the made-up city.
    #[arg(long, default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(100..=20_000_000))]
    pub buildings: u64,
    /// Callers at once; may be repeated. Default: 1, 16 and 64.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub clients: Vec<u16>,
    /// Policies that are held when covers are asked for.
    #[arg(long, default_value_t = 20_000,
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub policies: u64,
    /// How long each contestant is measured, in seconds.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Batches of an import under way at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub in_flight: u8,
    /// Where the fresh data directory is made.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Leave the data directory behind.
    #[arg(long)]
    pub keep: bool,
    /// Write the rows of the city for a peer to load, and measure nothing.
    #[arg(long, value_name = "FILE", hide = true)]
    pub write_rows: Option<PathBuf>,
    /// Write what import, totals, commands and check-ups did, and what is held after it, for a peer
    /// to be held against.
    #[arg(long, value_name = "DIR", hide = true)]
    pub write_held: Option<PathBuf>,
    /// Where settings come from; the data directory is always a fresh one.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// What is measured.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A bulk import, and what it takes on the disk.
    Import,
    /// Current records, beside an empty echo of the same size.
    Reads,
    /// Durable commands.
    Commands,
    /// Totals of regions, at several sizes.
    Totals,
    /// Inspections, and a rule that changes for every building.
    CheckUps,
    /// A long history at any two times.
    Histories,
    /// The underwriter's file of a building, and covers asked for among many policies.
    Underwriting,
    /// Commands of claims, from the notice to the end.
    Claims,
    /// Latencies at 10 000 buildings and at all of them.
    Growth,
    /// A start after the process was killed.
    Start,
    /// A rebuild of the state.
    Rebuild,
}

impl BenchArgs {
    fn wants(&self, work: Work) -> bool {
        self.work.is_empty() || self.work.contains(&work)
    }

    fn client_counts(&self) -> Vec<u16> {
        if self.clients.is_empty() { vec![1, 16, 64] } else { self.clients.clone() }
    }

    const fn span(&self) -> Duration {
        Duration::from_secs(self.seconds as u64)
    }

    /// The sizes to stop at, the full one last.
    fn stages(&self) -> Vec<u64> {
        let smaller = STAGES.into_iter().filter(|stage| *stage < self.buildings);
        smaller.chain([self.buildings]).collect()
    }
}

/// A directory that is taken away when its owner is gone.
struct Fresh {
    path: PathBuf,
    keep: bool,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            let _ = writeln!(io::stderr(), "anju: {} stays: {error}", self.path.display());
        }
    }
}

/// Measures and tells.
pub async fn run(args: &BenchArgs, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
    let sample = SampleCity::new(communities()?, Size::of_buildings(args.buildings));
    if let Some(path) = &args.write_rows {
        import::write_rows(&sample, args.buildings, path)?;
        return Ok(Outcome::Fine);
    }
    let path = args.directory.join(format!("anju-bench-{}", std::process::id()));
    fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let fresh = Fresh { path, keep: args.keep };
    let config = config(args, &fresh.path)?;
    log(&config)?;
    let machine = Machine::look(&fresh.path)?;
    let mut figures = Figures::default();
    let ids = online(args, &config, &sample, &mut figures).await?;
    if args.wants(Work::Start) {
        step("start");
        start::measure(&config, &ids, &mut figures).await?;
    }
    if args.wants(Work::Rebuild) {
        step("rebuild");
        let offline_config = config.clone();
        let rebuilt =
            tokio::task::spawn_blocking(move || offline::rebuild(&offline_config)).await??;
        figures.add_all(rebuilt);
    }
    let report = Report { machine, settings: describe(args, &config), figures };
    report.tell(out)?;
    Ok(Outcome::Fine)
}

/// Everything that a running registry is needed for.
async fn online(
    args: &BenchArgs,
    config: &Config,
    sample: &SampleCity,
    figures: &mut Figures,
) -> anyhow::Result<Ids> {
    step("regions");
    let mut city = City::open(config).await?;
    city.take_regions(config).await?;
    if args.write_held.is_some() {
        city.ids.done = held::Done::kept();
    }
    let mut rows = import::Rows::new(sample, args.buildings);
    let mut growth = growth::Growth::default();
    let mut spent = import::Spent::default();
    let mut is_prepared = false;
    for stage in args.stages() {
        step(&format!("import up to {stage} buildings"));
        spent.add(import::stage(&mut city, &mut rows, stage, args.in_flight).await?);
        if args.wants(Work::CheckUps) && !is_prepared {
            step("reference data");
            checkups::prepare(&city).await?;
            is_prepared = true;
        }
        if args.wants(Work::Totals) || args.wants(Work::Growth) || args.wants(Work::Reads) {
            rest(stage, figures).await;
        }
        if args.wants(Work::Totals) {
            step("totals");
            totals::measure(&city, stage, args.span(), figures).await?;
        }
        if args.wants(Work::Growth) {
            step("latencies");
            growth.look(&city, stage, args.span()).await?;
        }
    }
    if args.wants(Work::Import) {
        spent.tell(figures);
        disk::tell(&city, &config.data_dir, figures)?;
    }
    growth.tell(figures);
    if args.wants(Work::Reads) {
        for clients in args.client_counts() {
            step(&format!("reads, {clients} clients"));
            reads::measure(&city, clients, args.span(), figures).await?;
        }
    }
    if args.wants(Work::Commands) {
        for clients in args.client_counts() {
            step(&format!("commands, {clients} clients"));
            commands::measure(&city, clients, args.span(), figures).await?;
        }
    }
    if args.wants(Work::CheckUps) {
        step("check-ups");
        checkups::measure(&city, &args.client_counts(), args.span(), figures).await?;
    }
    if args.wants(Work::Histories) {
        step("histories");
        histories::measure(&city, figures).await?;
    }
    of_insurance(args, &city, figures).await?;
    if let Some(directory) = &args.write_held {
        step("what is held");
        held::write(&city, directory).await?;
    }
    let ids = city.ids.clone();
    city.close().await?;
    Ok(ids)
}

/// What insurers ask for and say.
async fn of_insurance(args: &BenchArgs, city: &City, figures: &mut Figures) -> anyhow::Result<()> {
    if args.wants(Work::Underwriting) || args.wants(Work::Claims) {
        step("products");
        underwriting::prepare(city).await?;
    }
    if args.wants(Work::Underwriting) {
        step("underwriting");
        let clients = args.client_counts();
        underwriting::measure(city, &clients, args.span(), args.policies, figures).await?;
    }
    if args.wants(Work::Claims) {
        step("claims");
        claims::measure(city, &args.client_counts(), args.span(), figures).await?;
    }
    Ok(())
}

/// Lets the registry finish what an import left it to do.
async fn rest(stage: u64, figures: &mut Figures) {
    step("rest");
    let rested = machine::at_rest().await;
    let name = format!("until rest, {stage} buildings");
    figures.add(Figure::new("import", name, nanoseconds(rested), Unit::Nanoseconds));
}

/// The settings of a server, with log lines for what is wrong only, in the fresh directory.
fn config(args: &BenchArgs, path: &Path) -> anyhow::Result<Config> {
    let mut asked = args.settings.clone();
    if !asked.settings.iter().any(|(name, _)| name == "log.level") {
        asked.settings.push(("log.level".to_owned(), "warn".to_owned()));
    }
    asked.settings.push(("data_dir".to_owned(), path.display().to_string()));
    asked.settings.push(("listen".to_owned(), "127.0.0.1:0".to_owned()));
    settings(&asked)
}

fn describe(args: &BenchArgs, config: &Config) -> Vec<(&'static str, String)> {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    vec![
        ("buildings", args.buildings.to_string()),
        ("seconds a contestant", args.seconds.to_string()),
        ("import batches in flight", args.in_flight.to_string()),
        ("store.cache", mib(config.store.cache_bytes)),
        ("store.buffer", mib(config.store.buffer_bytes)),
        ("store.segment", mib(config.store.segment_bytes)),
        ("writer.batch_commands_max", config.writer.batch_commands_max.to_string()),
        ("log.level", config.log.level.clone()),
    ]
}

/// Says on standard error what is being done: a run takes minutes.
fn step(what: &str) {
    let _ = writeln!(io::stderr(), "anju: bench: {what}");
}
