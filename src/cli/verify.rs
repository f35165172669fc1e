//! `anju verify`: whether journal and state are whole. Needs no server.
//!
//! The journal is read from its first frame to its last. Then the whole state is computed a second
//! time, on the disk beside the first, and both are compared key by key.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Outcome,
        config::SettingArgs,
        offline::{self, Progress, Unit},
        session::Output,
        table::Sheet,
    },
    registry::{
        self, Finding, Findings, JournalCheck, JournalSummary, catch_up, check_roots,
        compare_states,
    },
    server,
    store::{
        Store as _, StoreError,
        embedded::{EmbeddedStore, OpenReport, Scratch, for_each_entry},
    },
};

const EXAMPLES: &str = "\
Examples:
  anju verify
  anju verify --journal
  anju verify --setting data_dir=/var/lib/anju --json";

/// What is noted when the damage of the journal is all that was found.
const NOT_COMPARED: &str =
    "the store does not open for the damage of its journal: the state was not looked at";
/// What is said of a directory that a server has.
const IN_USE: &str = "stop the server, or check the journal alone with --journal";

/// Flags of `anju verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// The journal alone: frames, entries and trees. Also beside a running server, which the
    /// comparison of the state is not.
    #[arg(long)]
    pub journal: bool,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// What a check came to.
#[derive(Clone, Debug, Default)]
struct Report {
    journal: JournalSummary,
    state: Option<StateReport>,
    notes: Vec<String>,
    findings: Findings,
}

/// What the comparison of the state came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct StateReport {
    keys: u64,
    replayed_entries: u64,
    entries_per_second: u64,
}

/// Checks, and says everything that was found; [`Outcome::Partly`] when anything was.
pub fn run(args: &VerifyArgs, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
    let config = offline::settings(&args.settings)?;
    let mut report = Report::default();
    if args.journal {
        offline::must_hold_a_registry(&config.data_dir)?;
        report.check_journal(&config.data_dir)?;
    } else {
        match offline::open_store(&config, IN_USE) {
            Ok((store, opened)) => {
                report.note(&opened);
                let is_caught_up = report.catch_up(&store)?;
                report.check_journal(&config.data_dir)?;
                if is_caught_up {
                    report.check_state(&store, &server::store_options(&config))?;
                }
                store.close()?;
            }
            // The journal is still read, since there may be more of it than this.
            Err(error) => match error.downcast_ref() {
                Some(StoreError::Damage { place, what }) => {
                    let damaged = report.check_journal(&config.data_dir)?;
                    // One damage is one finding.
                    if damaged.as_ref() == Some(place) {
                        report.notes.push(NOT_COMPARED.to_owned());
                    } else {
                        report.findings.add(place, "NOT_OPENED", what);
                    }
                }
                _ => return Err(error),
            },
        }
    }
    report.show(&config.data_dir, out)?;
    let is_fine = report.findings.count() == 0;
    Ok(if is_fine { Outcome::Fine } else { Outcome::Partly })
}

impl Report {
    fn note(&mut self, opened: &OpenReport) {
        if let Some(cut) = &opened.cut {
            self.notes.push(format!(
                "{}: a write that was never acknowledged was cut off ({}); {} bytes are kept in {}",
                cut.place,
                cut.what,
                cut.bytes,
                cut.kept.display()
            ));
        }
        if let Some(why) = &opened.state_set_aside {
            let message = format!("the state was not to be believed ({why}) and is computed anew");
            self.findings.add("state", "STATE_SET_ASIDE", message);
        }
    }

    /// Reads the journal; where it is damaged, if it is.
    fn check_journal(&mut self, path: &Path) -> anyhow::Result<Option<String>> {
        let mut check = JournalCheck::new();
        let mut progress = Progress::new("reading the journal", Unit::Bytes);
        let read = for_each_entry(
            path,
            &mut |partition, seq, bytes| {
                check.entry(partition, seq, bytes);
                Ok(())
            },
            &mut |done, total| progress.set(done, total),
        );
        progress.finish();
        let (summary, findings) = check.finish();
        self.journal = summary;
        self.findings.absorb(findings);
        match read {
            Ok(journal) => {
                if let Some(tail) = journal.tail {
                    self.notes.push(format!(
                        "{}: {} bytes of a write that is under way or was torn",
                        tail.place, tail.bytes
                    ));
                }
            }
            Err(error) => {
                let place = match &error {
                    StoreError::Damage { place, .. } => Some(place.clone()),
                    _ => None,
                };
                self.findings.add_damage("JOURNAL_DAMAGED", error)?;
                return Ok(place);
            }
        }
        Ok(None)
    }

    /// Makes up for what the last run did not do any more, as every start does; whether it could.
    fn catch_up(&mut self, store: &EmbeddedStore) -> anyhow::Result<bool> {
        let mut progress = Progress::new("bringing the state up to date", Unit::Entries);
        let caught_up = catch_up(store, &mut |done, total| progress.set(done, total));
        progress.finish();
        match caught_up {
            Ok(()) => Ok(true),
            Err(error) => self.state_fails("STATE_UNREADABLE", error).map(|()| false),
        }
    }

    /// Computes the state a second time and compares.
    fn check_state(
        &mut self,
        store: &EmbeddedStore,
        options: &crate::store::embedded::EmbeddedOptions,
    ) -> anyhow::Result<()> {
        if let Err(error) = check_roots(store, &self.journal, &mut self.findings) {
            return self.state_fails("STATE_UNREADABLE", error);
        }
        let scratch = Scratch::new(store, options)?;
        let mut progress = Progress::new("replaying the journal", Unit::Entries);
        let replayed =
            registry::replay(store, &scratch, &mut |done, total| progress.set(done, total));
        let took = progress.finish();
        if let Err(error) = replayed {
            return self.state_fails("NOT_REPLAYED", error);
        }
        let replayed_entries = store.heads().iter().map(|head| head.seq).sum();
        let mut progress = Progress::new("comparing the state", Unit::Keys);
        let compared =
            compare_states(store, &scratch, &mut self.findings, &mut |done| progress.set(done, 0));
        progress.finish();
        match compared {
            Ok(keys) => {
                let entries_per_second = offline::rate(replayed_entries, took);
                self.state = Some(StateReport { keys, replayed_entries, entries_per_second });
                Ok(())
            }
            Err(error) => self.state_fails("STATE_UNREADABLE", error),
        }
    }

    /// Damage is what was looked for; anything else ends the check.
    fn state_fails(&mut self, reason: &'static str, error: registry::Error) -> anyhow::Result<()> {
        match error {
            registry::Error::Store(error) => self.findings.add_damage(reason, error)?,
            error @ registry::Error::StateDamaged(_) => {
                self.findings.add("state", reason, error.to_string());
            }
            // What no writer writes: it stands in the journal, or the state led there.
            registry::Error::Bug(what) => self.findings.add("state", reason, what),
            other => return Err(other.into()),
        }
        Ok(())
    }

    fn show(&self, path: &Path, out: &mut Output<'_>) -> anyhow::Result<()> {
        if out.is_json() {
            out.value(&Shown::of(self))?;
            return Ok(());
        }
        let journal = &self.journal;
        let id = journal.registry.as_ref().map_or_else(|| "none".to_owned(), offline::registry_id);
        out.line(format!("{}: registry {id}", path.display()))?;
        out.line(format!(
            "journal 日志: {} entries of {} commands about {} subjects",
            journal.entry_count, journal.command_count, journal.subject_count
        ))?;
        let mut sheet =
            Sheet::new(["partition 分区", "entries 条目", "last stamp 末次时间", "root 根"])
                .numbers([0, 1]);
        for partition in &journal.partitions {
            sheet.row([
                partition.head.partition.to_string(),
                partition.head.seq.to_string(),
                partition.stamp.to_string(),
                offline::root_text(partition.root),
            ]);
        }
        if !sheet.is_empty() {
            out.sheet(&sheet)?;
        }
        if let Some(state) = self.state {
            out.line(format!(
                "state 状态: {} keys compared with those of {} entries replayed ({} a second)",
                state.keys, state.replayed_entries, state.entries_per_second
            ))?;
        }
        for note in &self.notes {
            out.line(format!("note 说明: {note}"))?;
        }
        self.show_findings(out)
    }

    fn show_findings(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let count = self.findings.count();
        if count == 0 {
            out.line("all is well 完好")?;
            return Ok(());
        }
        let mut sheet = Sheet::new(["place 位置", "reason 原因", "finding 发现"]);
        for finding in self.findings.list() {
            sheet.row([&finding.place, finding.reason, &finding.message]);
        }
        out.sheet(&sheet)?;
        let shown = self.findings.list().len();
        let more = count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
        if more > 0 {
            out.line(format!("and {more} more"))?;
        }
        out.line(format!("NOT well 有问题: {count} findings"))?;
        Ok(())
    }
}

/// A report for programs.
#[derive(Serialize)]
struct Shown<'a> {
    ok: bool,
    registry_id: Option<String>,
    entries: u64,
    commands: u64,
    subjects: u64,
    partitions: Vec<ShownPartition>,
    state: Option<StateReport>,
    notes: &'a [String],
    finding_count: u64,
    findings: Vec<ShownFinding<'a>>,
}

#[derive(Serialize)]
struct ShownPartition {
    partition: u32,
    entries: u64,
    stamp: String,
    root: Option<String>,
}

#[derive(Serialize)]
struct ShownFinding<'a> {
    place: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl<'a> Shown<'a> {
    fn of(report: &'a Report) -> Self {
        let journal = &report.journal;
        let partition = |partition: &registry::PartitionSummary| ShownPartition {
            partition: partition.head.partition.number(),
            entries: partition.head.seq,
            stamp: partition.stamp.to_string(),
            root: partition.root.map(|root| root.to_string()),
        };
        let finding = |finding: &'a Finding| ShownFinding {
            place: &finding.place,
            reason: finding.reason,
            message: &finding.message,
        };
        Self {
            ok: report.findings.count() == 0,
            registry_id: journal.registry.as_ref().map(offline::registry_id),
            entries: journal.entry_count,
            commands: journal.command_count,
            subjects: journal.subject_count,
            partitions: journal.partitions.iter().map(partition).collect(),
            state: report.state,
            notes: &report.notes,
            finding_count: report.findings.count(),
            findings: report.findings.list().iter().map(finding).collect(),
        }
    }
}
