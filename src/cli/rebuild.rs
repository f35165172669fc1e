//! `anju rebuild`: makes the state anew from the journal. Must not run beside a server.

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Outcome,
        config::SettingArgs,
        offline::{self, Progress, Unit},
        session::Output,
    },
    registry,
    store::Store as _,
};

const EXAMPLES: &str = "\
Examples:
  anju rebuild
  anju rebuild --setting data_dir=/var/lib/anju";

/// Flags of `anju rebuild`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RebuildArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

#[derive(Serialize)]
struct Rebuilt {
    entries: u64,
    partitions: usize,
    milliseconds: u64,
    entries_per_second: u64,
}

/// Throws the state away and replays. When it is broken off, the next start goes on.
pub fn run(args: &RebuildArgs, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
    let config = offline::settings(&args.settings)?;
    let (store, _) = offline::open_store(&config, "stop the server first")?;
    let mut progress = Progress::new("replaying the journal", Unit::Entries);
    registry::rebuild(&store, &mut |done, total| progress.set(done, total))?;
    let took = progress.finish();
    let heads = store.heads();
    store.close()?;
    let entries = heads.iter().map(|head| head.seq).sum();
    let rebuilt = Rebuilt {
        entries,
        partitions: heads.len(),
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        entries_per_second: offline::rate(entries, took),
    };
    if out.is_json() {
        out.value(&rebuilt)?;
    } else {
        out.line(format!(
            "rebuilt 已重建: {} entries of {} partitions in {} ms, {} a second",
            rebuilt.entries, rebuilt.partitions, rebuilt.milliseconds, rebuilt.entries_per_second
        ))?;
    }
    Ok(Outcome::Fine)
}
