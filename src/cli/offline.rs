//! What the subcommands share that work on a data directory themselves, without a server: the
//! settings, the store, and how far they have come.

use std::{
    collections::BTreeSet,
    env, fmt,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    cli::{VARIABLES, config::SettingArgs},
    config::{Config, check_variables},
    kernel::{
        hash::Hash,
        violation::{Violation, Violations},
    },
    server::store_options,
    store::{
        StoreError,
        embedded::{EmbeddedStore, OpenReport},
    },
};

/// How often a line is written where no bar can be drawn.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Nothing is shown of what takes no longer than this.
const QUIET: Duration = Duration::from_millis(300);

/// Reads the settings from file, environment and flags.
pub fn settings(args: &SettingArgs) -> anyhow::Result<Config> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = check_variables(names.collect::<BTreeSet<_>>(), &VARIABLES).err();
    let loaded = Config::load(args.config.as_deref(), &|name| env::var(name).ok(), &args.settings);
    let mut wrong = unknown.unwrap_or_default();
    match loaded {
        Ok(config) if wrong.is_empty() => return Ok(config),
        Ok(_) => {}
        Err(violations) => wrong.append(violations),
    }
    Err(BadSettings(wrong).into())
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSettings(pub Violations);

impl std::error::Error for BadSettings {}

impl fmt::Display for BadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is wrong")?;
        for Violation { field, message, .. } in self.0.list() {
            write!(f, "\n  {field}: {message}")?;
        }
        Ok(())
    }
}

/// Refuses a directory in which there is no registry, so that none is begun in it.
pub fn must_hold_a_registry(path: &Path) -> anyhow::Result<()> {
    if path.join("journal").is_dir() {
        return Ok(());
    }
    bail!("there is no registry in {}: give its data_dir by --setting or --config", path.display())
}

/// Opens the store of a data directory that holds a registry. `otherwise` says what can be done
/// beside a running server.
pub fn open_store(
    config: &Config,
    otherwise: &'static str,
) -> anyhow::Result<(EmbeddedStore, OpenReport)> {
    must_hold_a_registry(&config.data_dir)?;
    let opened = EmbeddedStore::open(&config.data_dir, store_options(config));
    opened.map_err(|error| match error {
        StoreError::InUse(_) => anyhow::Error::new(error).context(otherwise),
        other => other.into(),
    })
}

/// 32 hexadecimal digits.
pub fn registry_id(id: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

/// A root as people compare it.
pub fn root_text(root: Option<Hash>) -> String {
    root.map_or_else(|| "none".to_owned(), |root| root.to_string())
}

/// So many a second, and no more than can be told from a clock of milliseconds.
pub fn rate(count: u64, took: Duration) -> u64 {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / millis
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of files.
    Bytes,
    /// Entries.
    Entries,
    /// Keys of the state.
    Keys,
}

/// How far a piece of work has come: a bar on a terminal, elsewhere a line every five seconds.
pub struct Progress {
    what: &'static str,
    unit: Unit,
    begin: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
    is_terminal: bool,
}

impl Progress {
    /// Begins a piece of work.
    pub fn new(what: &'static str, unit: Unit) -> Self {
        let now = Instant::now();
        let is_terminal = io::stderr().is_terminal();
        Self { what, unit, begin: now, told: now, bar: None, is_terminal }
    }

    /// So much is done; a `total` of 0 says that it is not known of how much.
    pub fn set(&mut self, done: u64, total: u64) {
        if self.begin.elapsed() < QUIET {
            return;
        }
        if self.is_terminal {
            let (what, unit) = (self.what, self.unit);
            let bar = self.bar.get_or_insert_with(|| bar(what, unit, total));
            if total > 0 {
                bar.set_length(total);
            }
            bar.set_position(done);
        } else if self.told.elapsed() >= LINE_INTERVAL {
            self.told = Instant::now();
            let line = line(self.what, self.unit, done, total, self.begin.elapsed());
            // What cannot be told is no reason to stop.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Ends it; answers how long it took.
    pub fn finish(self) -> Duration {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.begin.elapsed()
    }
}

fn bar(what: &'static str, unit: Unit, total: u64) -> ProgressBar {
    let length = (total > 0).then_some(total);
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = match (unit, total) {
        (Unit::Bytes, 0) => "{msg} {bytes} {bytes_per_sec}",
        (Unit::Bytes, _) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        (_, 0) => "{msg} {human_pos} {per_sec}",
        (_, _) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

fn line(what: &str, unit: Unit, done: u64, total: u64, took: Duration) -> String {
    let unit = match unit {
        Unit::Bytes => "bytes",
        Unit::Entries => "entries",
        Unit::Keys => "keys",
    };
    let of = if total > 0 { format!(" of {total}") } else { String::new() };
    format!("anju: {what}: {done}{of} {unit}, {} a second", rate(done, took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_fast() {
        let took = Duration::from_millis(2_500);
        assert_eq!(
            line("replaying", Unit::Entries, 50_000, 200_000, took),
            "anju: replaying: 50000 of 200000 entries, 20000 a second"
        );
        assert_eq!(
            line("comparing", Unit::Keys, 5, 0, Duration::ZERO),
            "anju: comparing: 5 keys, 5000 a second"
        );
    }
}
