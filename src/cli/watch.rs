//! `anju watch`: the feed of entries, resumed where it broke off.
//!
//! People are shown what a history shows of each entry, read from the entry's bytes; programs get the
//! feed's messages. What was shown is never shown again: after a break the feed goes on behind the last entry of each
//! partition. Partitions that begin while it runs are not in it.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use prost_reflect::DynamicMessage;
use tonic::{Code, Status};

use crate::{
    cli::{
        Outcome, history, message, peer,
        session::{Answer, Session},
    },
    client::{Failure, describe},
    kernel::{
        hash::Hash,
        position::{Partition, Position, Seq},
    },
    proto::v1,
    registry::{Entry, HistoryRow},
    service::history::history_entry,
};

const EXAMPLES: &str = "\
Examples:
  anju watch
  anju watch --from-now
  anju watch --after 1:42 --json
  anju watch --after 1:0 --count 100 --json > first-hundred.jsonl";

/// Breaks in a row without a single entry between them after which it gives up.
const BREAKS_MAX: u32 = 8;
/// The wait after the first break; it doubles with each.
const PAUSE: Duration = Duration::from_millis(250);

/// Flags of `anju watch`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct WatchArgs {
    /// What comes after this entry of this partition; may be repeated. Default: everything.
    #[arg(long, value_name = "PARTITION:SEQ")]
    pub after: Vec<Position>,
    /// Only what comes from now on.
    #[arg(long, conflicts_with = "after")]
    pub from_now: bool,
    /// Stop after so many entries.
    #[arg(long, value_name = "ENTRIES")]
    pub count: Option<u64>,
    /// Show too when nothing comes.
    #[arg(long)]
    pub idle: bool,
}

/// Shows entries as they come, until it is stopped.
pub async fn run(args: &WatchArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let mut feed = Feed {
        after: start(args, session).await?,
        left: args.count.unwrap_or(u64::MAX),
        idle: args.idle,
    };
    let mut breaks = 0;
    while feed.left > 0 {
        let before = feed.left;
        let Some(status) = feed.follow(session).await? else { return Ok(Outcome::Fine) };
        breaks = if feed.left < before { 1 } else { breaks + 1 };
        let failure = describe(&status);
        if !may_resume(&status) || breaks > BREAKS_MAX {
            let error = anyhow::Error::from(failure);
            return Err(if feed.after.is_empty() { error } else { error.context(feed.resume()) });
        }
        // Waiting mends no wrong address.
        if breaks == 1
            && let Some(mismatch) = peer::mismatch(&failure, session.connection().address()).await
        {
            return Err(mismatch.into());
        }
        if breaks == 1 {
            // The wait may be long: who looks on is told at once.
            let _ = writeln!(io::stderr(), "anju: {}; trying again 重试中", feed.resume());
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(breaks - 1)).await;
    }
    Ok(Outcome::Fine)
}

/// Whether the feed broke in a way that asking again can mend.
fn may_resume(status: &Status) -> bool {
    // A connection that breaks under a stream is UNKNOWN or INTERNAL, and has what broke it as its
    // source; what a server says has none.
    let is_cut_off = std::error::Error::source(status).is_some();
    is_cut_off
        || matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted)
}

/// Where to begin in each partition.
async fn start(
    args: &WatchArgs,
    session: &Session<'_>,
) -> anyhow::Result<BTreeMap<Partition, Seq>> {
    if !args.after.is_empty() {
        return Ok(args.after.iter().map(|at| (at.partition, at.seq)).collect());
    }
    // Named one by one, so that a break can be mended without beginning anew.
    let status = session.ask("RegistryService", "GetStatus", &v1::GetStatusRequest {}).await;
    let status: Answer<v1::GetStatusResponse> = status.map_err(|error: anyhow::Error| {
        let failure = error.downcast_ref::<Failure>();
        if failure.is_some_and(|failure| failure.code == Code::PermissionDenied) {
            return error.context("name the partitions to watch, for example --after 1:0");
        }
        error
    })?;
    let known = status.typed.partitions.iter().filter_map(|partition| {
        let seq = if args.from_now { partition.entry_count } else { 0 };
        Some((Partition::new(partition.partition)?, seq))
    });
    Ok(known.collect())
}

struct Feed {
    /// The last entry of each partition that was shown.
    after: BTreeMap<Partition, Seq>,
    /// Entries still wanted.
    left: u64,
    idle: bool,
}

impl Feed {
    /// How to go on behind what was shown.
    fn resume(&self) -> String {
        let after = self.after.iter();
        let after = after.map(|(partition, seq)| format!(" --after {partition}:{seq}"));
        format!("the feed broke 订阅中断; to go on, anju watch{}", after.collect::<String>())
    }

    /// Shows entries until enough were shown (`None`) or the feed breaks.
    async fn follow(&mut self, session: &mut Session<'_>) -> anyhow::Result<Option<Status>> {
        let after = self.after.iter();
        let after = after.map(|(&partition, &seq)| Position { partition, seq }.to_string());
        let request = v1::WatchRequest { after: after.collect() };
        let mut stream = match session.connection().watches().watch(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Ok(Some(status)),
        };
        while self.left > 0 {
            match stream.message().await {
                Ok(Some(answer)) => self.show(&answer, session)?,
                Ok(None) => return Ok(Some(Status::unavailable("the feed ended"))),
                Err(status) => return Ok(Some(status)),
            }
        }
        Ok(None)
    }

    fn show(
        &mut self,
        answer: &v1::WatchResponse,
        session: &mut Session<'_>,
    ) -> anyhow::Result<()> {
        let text = match &answer.event {
            Some(v1::watch_response::Event::Entry(entry)) => {
                let position: Position =
                    entry.position.parse().context("the feed is unreadable")?;
                self.after.insert(position.partition, position.seq);
                self.left -= 1;
                told(position, entry)
            }
            Some(v1::watch_response::Event::Idle(idle)) if self.idle => {
                format!("idle 空闲 at {}", idle.positions.join(" "))
            }
            _ => return Ok(()),
        };
        if session.out.is_json() {
            let mut message: DynamicMessage = message::empty("WatchResponse")?;
            message.transcode_from(answer)?;
            session.out.json_line(&message)?;
        } else {
            session.out.line(text)?;
            session.out.flush()?;
        }
        Ok(())
    }
}

/// An entry for people. Of one that is withheld, or that a newer registry wrote, there is the leaf.
fn told(position: Position, watched: &v1::WatchedEntry) -> String {
    let leaf = || Hash::from_slice(&watched.leaf).map(|leaf| leaf.to_string()).unwrap_or_default();
    if watched.entry.is_empty() {
        return format!("{position}  withheld 不公开  {}", leaf());
    }
    let Ok((entry, _)) = Entry::decode(&watched.entry) else {
        return format!("{position}  cannot be read by this version 此版本无法读取  {}", leaf());
    };
    let subjects: Vec<_> = entry.subjects.iter().map(|link| link.subject).collect();
    let row = HistoryRow {
        position,
        entry,
        bytes: Vec::new(),
        corrected_by: None,
        in_doubt: false,
        erased_by: None,
    };
    history::line(&history_entry(row, false), &subjects)
}
