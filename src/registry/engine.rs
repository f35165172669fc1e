//! The registry as the floors above see it: opened on a store, asked to run commands and to read.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    kernel::{
        limit,
        position::{Partition, Position, Seq},
        time::{Clock, KnownAt, Stamp},
    },
    registry::{
        cache::TotalsCache,
        command::{Command, Erase},
        commands,
        erase::finish_erasures,
        error::{Class, Error, Refusal},
        fact::Fact,
        guarded::Guarded,
        history, rebuild,
        state::Live,
        tx::{Call, Decided, Draft},
        work::Rules,
        writer::{self, Answer, Frontier, Job, Observed, Outcome, Pace, Shared, Standing, Writer},
    },
    store::{Head, Limit, Stats, Store},
};

/// How long a read waits for a commit that it was told of.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a registry runs.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Commands that may wait.
    pub queue: usize,
    /// Commands of one group.
    pub commands_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue: 1_024, commands_max: 256 }
    }
}

/// The registry.
pub struct Registry {
    store: Arc<Guarded>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    cache: Arc<TotalsCache>,
    queue: RwLock<Option<SyncSender<Job>>>,
    writer: RwLock<Option<JoinHandle<()>>>,
}

impl Registry {
    /// Opens the registry on a store: replays what the state does not reflect yet, and begins
    /// partition 0 in an empty store. `progress` hears of entries replayed and of how many.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: Options,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, Error> {
        rebuild::catch_up(store.as_ref(), progress)?;
        let standing = Standing::of(store.as_ref())?;
        let shared = Arc::new(Shared::default());
        for (partition, frontier) in standing.frontiers {
            shared.set(partition, frontier);
        }
        let store = Arc::new(Guarded::new(store));
        let (sender, queue) = sync_channel(options.queue);
        let cache = Arc::new(TotalsCache::default());
        let writer = Writer {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            shared: Arc::clone(&shared),
            queue,
            commands_max: options.commands_max,
            last: standing.last,
            sweeping: standing.sweeping,
            cache: Arc::clone(&cache),
            mend_after: None,
            rules: Rules::default(),
            pace: Pace::default(),
        };
        let thread = std::thread::Builder::new()
            .name("anju-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Error::Unavailable(format!("no thread for the writer: {error}")))?;
        let registry = Self {
            store,
            clock,
            shared,
            cache,
            queue: RwLock::new(Some(sender)),
            writer: RwLock::new(Some(thread)),
        };
        if registry.frontier(Partition::ROOT).seq == 0 {
            let call = writer::own_call(Partition::ROOT);
            registry.run(
                call,
                Box::new(|tx| {
                    tx.accept(Draft::new(Partition::ROOT, Fact::PartitionBegun(None)))?;
                    Ok(Decided::default())
                }),
            )?;
        }
        Ok(registry)
    }

    /// Runs a command and waits until it is durable or refused.
    pub fn execute(&self, call: Call, command: Command) -> Result<Outcome, Error> {
        self.run(call, Box::new(move |tx| commands::decide(tx, command)))
    }

    /// Erases the free text of entries for ever. When it returns, the texts are nowhere in the store.
    pub fn erase(&self, call: Call, erase: Erase) -> Result<Outcome, Error> {
        let outcome = self.execute(call, Command::Erase(erase))?;
        finish_erasures(self.store.as_ref())?;
        Ok(outcome)
    }

    /// Puts a command into the queue; `answer` is called once it is durable or refused.
    pub fn submit(
        &self,
        call: Call,
        command: Command,
        answer: impl FnOnce(Result<Outcome, Error>) + Send + 'static,
    ) {
        let run: writer::Run = Box::new(move |tx| commands::decide(tx, command));
        self.enqueue(Job { call, run, answer: Box::new(answer) });
    }

    fn enqueue(&self, job: Job) {
        if self.store.gate().is_shut() {
            (job.answer)(Err(self.store.refusal().into()));
            return;
        }
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref() {
            Some(queue) => writer::submit(&self.shared, queue, job),
            None => (job.answer)(Err(Error::Unavailable("it is stopping".to_owned()))),
        }
    }

    fn run(&self, call: Call, run: writer::Run) -> Result<Outcome, Error> {
        let (sender, receiver) = sync_channel(1);
        let answer: Answer = Box::new(move |outcome| {
            // The caller may have gone away.
            let _ = sender.send(outcome);
        });
        self.enqueue(Job { call, run, answer });
        receiver.recv().unwrap_or_else(|_| Err(Error::Unavailable("it stopped".to_owned())))
    }

    /// Takes no more commands, finishes those that wait, and ends the writer.
    pub fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.writer.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the writer panicked");
        }
    }

    /// How far a partition is durable.
    pub fn frontier(&self, partition: Partition) -> Frontier {
        self.shared.frontier(partition)
    }

    /// All partitions that have an entry.
    pub fn partitions(&self) -> Vec<(Partition, Frontier)> {
        self.shared.frontiers().into_iter().collect()
    }

    /// The moment now.
    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    pub(crate) fn cache(&self) -> &TotalsCache {
        &self.cache
    }

    /// Passes on what a read came to. One that found a value of the state that cannot be read is
    /// told that the state is being computed again, which then begins.
    pub fn noticed<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        self.store.noticed(read)
    }

    /// The store, for what works on bytes. Its state is refused while it is computed again.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The store's figures, for metrics. Looks through the files of the state: not for every commit.
    pub fn stats(&self) -> Stats {
        self.store.stats()
    }

    /// What the writer did last, for metrics. Cheap.
    pub fn observed(&self) -> Observed {
        self.shared.observed()
    }

    /// Commands that wait to be written, for metrics. Cheap.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// Heads of the store.
    pub fn heads(&self) -> Vec<Head> {
        self.store.heads()
    }

    /// Calls `notify` after every commit until it says `false`.
    pub fn on_commit(&self, notify: impl Fn() -> bool + Send + 'static) {
        self.shared.on_commit(Box::new(notify));
    }

    /// Durable entries from a number on, as they are kept.
    pub fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let head = self.frontier(partition).seq;
        if from > head {
            return Ok(Vec::new());
        }
        let left = usize::try_from(head - from + 1).unwrap_or(usize::MAX);
        let limit = Limit { entries: limit.entries.min(left), ..limit };
        Ok(self.store.entries(partition, from, limit)?)
    }

    /// Waits until a position is durable.
    pub fn wait_for(&self, position: Position) -> Result<(), Error> {
        if self.shared.wait_for(position, PATIENCE) {
            Ok(())
        } else {
            Err(Error::NotReached(position.to_string()))
        }
    }

    /// The last entry known at a moment; `None` for all that is known now.
    ///
    /// Waits while something stamped at or before the moment is in flight. Refuses moments to come
    /// (`KNOWN_AT_FUTURE`), entries that are not there yet, and those that lie so far ahead that
    /// they cannot be in flight either (`BEYOND_SIZE`).
    pub fn known(&self, partition: Partition, known: KnownAt) -> Result<Option<Seq>, Error> {
        match known {
            KnownAt::Now => Ok(None),
            KnownAt::Seq(seq) => {
                let head = self.frontier(partition).seq;
                if seq.saturating_sub(limit::ENTRIES_IN_FLIGHT_MAX) > head {
                    let field = "context.read_time.known_at_seq";
                    return Err(Error::refused(beyond(field, partition, head)));
                }
                if seq > head {
                    return Err(Error::NotReached(Position { partition, seq }.to_string()));
                }
                Ok(Some(seq))
            }
            KnownAt::Stamp(stamp) => {
                if let Some(refusal) = self.to_come(known) {
                    return Err(Error::refused(refusal));
                }
                self.shared.settle(stamp);
                let frontier = self.frontier(partition);
                if stamp >= frontier.stamp {
                    return Ok(Some(frontier.seq));
                }
                let live = Live(self.store.as_ref());
                history::seq_at_stamp(&live, partition, frontier.seq, stamp).map(Some)
            }
        }
    }
}

impl Registry {
    /// What is against a read of what is known at a moment to come.
    pub fn to_come(&self, known: KnownAt) -> Option<Refusal> {
        let KnownAt::Stamp(stamp) = known else { return None };
        // Its own stamps are known to the registry even when the clock was set back.
        let now = self.clock.now().max(self.shared.newest());
        (stamp > now).then(|| {
            Refusal::of(
                Class::Invalid,
                "KNOWN_AT_FUTURE",
                "context.read_time.known_at",
                "what will be known later cannot be told now",
            )
        })
    }
}

/// What is against a position beyond the last entry of its partition: whoever was told of such a
/// one was told by another registry, or by one that has lost entries.
pub fn beyond(field: &str, partition: Partition, head: Seq) -> Refusal {
    let message = format!(
        "partition {partition} ends with entry {head}: this is another registry, or an older copy \
         of it"
    );
    Refusal::rule("BEYOND_SIZE", field, message)
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.close();
    }
}
