//! The commit loop: takes waiting commands, runs them one after another, commits them as one group,
//! and only then answers.
//!
//! One thread serves all partitions. A command that is refused or panics is forgotten and harms no
//! other of its group. Steps of sweeps run between commands.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use crate::{
    domain::author::Author,
    kernel::{
        id::BuildingId,
        position::{Partition, Position, Seq},
        time::{Clock, Stamp},
    },
    registry::{
        cache::TotalsCache,
        checkup,
        error::Error,
        fact::Fact,
        guarded::Guarded,
        rebuild,
        recount::Recount,
        request,
        state::{Live, State},
        sweep,
        tx::{Call, Decided, Draft, Tx},
        work::{Rules, Work},
    },
    store::{Store, StoreError},
};

/// How long a full queue asks callers to wait.
const BUSY_RETRY: Duration = Duration::from_millis(100);
/// Entries after which a group takes no further command: whoever waits for the first is not kept
/// for long, and a frame stays small beside its segment.
const GROUP_ENTRIES_MAX: usize = 1_000;
/// How long the loop waits for a command before it looks whether it is to stop.
const IDLE: Duration = Duration::from_millis(200);

/// How long a step of a recount takes.
const STEP_TIME: Duration = Duration::from_millis(20);
/// Buildings of a step at least: a step costs something of its own.
const STEP_BUILDINGS_MIN: usize = 8;
/// After what time a rebuild that failed is tried again.
const MEND_PAUSE: Duration = Duration::from_secs(10);

/// What a command decides with.
pub(crate) type Run = Box<dyn FnOnce(&mut Tx<'_, '_>) -> Result<Decided, Error> + Send>;
/// Where its answer goes.
pub(crate) type Answer = Box<dyn FnOnce(Result<Outcome, Error>) + Send>;

/// A command that waits.
pub(crate) struct Job {
    /// What came with it.
    pub call: Call,
    /// What it does.
    pub run: Run,
    /// Where the answer goes.
    pub answer: Answer,
}

/// What a command came to, once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was decided.
    pub decided: Decided,
    /// The position after it: the commit token.
    pub position: Position,
    /// The entries of that partition.
    pub entries: Vec<Seq>,
    /// The stamp.
    pub stamp: Stamp,
    /// Whether it answers a request that had been made before.
    pub repeated: bool,
    /// Whether a sweep that it began is still under way.
    pub sweep_under_way: bool,
}

/// How far a partition is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    /// The last durable entry.
    pub seq: Seq,
    /// Its stamp.
    pub stamp: Stamp,
}

/// What readers learn from the writer.
#[derive(Default)]
pub(crate) struct Shared {
    frontiers: RwLock<BTreeMap<Partition, Frontier>>,
    /// The first stamp of the group that is being committed.
    in_flight: Mutex<Option<Stamp>>,
    changed: Condvar,
    watchers: Mutex<Vec<Box<dyn Fn() -> bool + Send>>>,
    observed: Mutex<Observed>,
    /// Commands in the queue. Counted beside it, since a channel does not tell its length.
    waiting: AtomicUsize,
}

/// What the writer did, for metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    /// Groups committed.
    pub group_count: u64,
    /// Commands of the last group.
    pub last_commands: u64,
    /// Entries of the last group.
    pub last_entries: u64,
}

impl Shared {
    /// How far a partition is durable.
    pub(crate) fn frontier(&self, partition: Partition) -> Frontier {
        let frontiers = self.frontiers.read().unwrap_or_else(PoisonError::into_inner);
        frontiers.get(&partition).copied().unwrap_or_default()
    }

    /// All partitions.
    pub(crate) fn frontiers(&self) -> BTreeMap<Partition, Frontier> {
        self.frontiers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest stamp of all partitions.
    pub(crate) fn newest(&self) -> Stamp {
        let frontiers = self.frontiers.read().unwrap_or_else(PoisonError::into_inner);
        frontiers.values().map(|frontier| frontier.stamp).max().unwrap_or_default()
    }

    pub(crate) fn set(&self, partition: Partition, frontier: Frontier) {
        let mut frontiers = self.frontiers.write().unwrap_or_else(PoisonError::into_inner);
        frontiers.insert(partition, frontier);
    }

    /// Calls `notify` after every commit until it says `false`.
    pub(crate) fn on_commit(&self, notify: Box<dyn Fn() -> bool + Send>) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(notify);
    }

    /// What the writer did.
    pub(crate) fn observed(&self) -> Observed {
        *self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commands that wait in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn committed(&self) {
        *self.in_flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_all();
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|notify| notify());
    }

    /// Waits until nothing stamped at or before `stamp` is in flight.
    pub(crate) fn settle(&self, stamp: Stamp) {
        let mut flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        while flight.is_some_and(|first| first <= stamp) {
            flight = self.changed.wait(flight).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until a partition has reached an entry; `false` when it does not in time.
    pub(crate) fn wait_for(&self, position: Position, patience: Duration) -> bool {
        let deadline = std::time::Instant::now() + patience;
        let mut flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        while self.frontier(position.partition).seq < position.seq {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return false;
            }
            flight =
                self.changed.wait_timeout(flight, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Where the partitions stand, by the state.
pub(crate) struct Standing {
    /// How far each has come.
    pub frontiers: BTreeMap<Partition, Frontier>,
    /// The newest stamp of all.
    pub last: Stamp,
    /// Partitions with a sweep under way.
    pub sweeping: Vec<Partition>,
}

impl Standing {
    /// Reads it from a state that reflects all entries.
    pub(crate) fn of(store: &dyn Store) -> Result<Self, Error> {
        let live = Live(store);
        let mut standing =
            Self { frontiers: BTreeMap::new(), last: Stamp::default(), sweeping: Vec::new() };
        for head in store.heads() {
            let meta = live.meta(head.partition)?;
            standing
                .frontiers
                .insert(head.partition, Frontier { seq: meta.seq, stamp: meta.stamp });
            standing.last = standing.last.max(meta.stamp);
            if meta.is_sweeping() {
                standing.sweeping.push(head.partition);
            }
        }
        Ok(standing)
    }
}

/// Puts a command into the queue.
pub(crate) fn submit(shared: &Shared, queue: &SyncSender<Job>, job: Job) {
    // Counted before it is there, so that the writer never takes one that was not counted.
    shared.waiting.fetch_add(1, Ordering::Relaxed);
    let (job, error) = match queue.try_send(job) {
        Ok(()) => return,
        Err(TrySendError::Full(job)) => (job, Error::Busy(BUSY_RETRY)),
        Err(TrySendError::Disconnected(job)) => {
            (job, Error::Unavailable("it is stopping".to_owned()))
        }
    };
    shared.waiting.fetch_sub(1, Ordering::Relaxed);
    (job.answer)(Err(error));
}

/// The commit loop.
pub(crate) struct Writer {
    pub(crate) store: Arc<Guarded>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Receiver<Job>,
    pub(crate) commands_max: usize,
    /// The last stamp given.
    pub(crate) last: Stamp,
    /// Partitions with a sweep under way.
    pub(crate) sweeping: Vec<Partition>,
    /// Totals that readers remember.
    pub(crate) cache: Arc<TotalsCache>,
    /// Not before then is a rebuild that failed tried again.
    pub(crate) mend_after: Option<Instant>,
    /// Reference data as the durable state has it, as far as it was read.
    pub(crate) rules: Rules,
    /// How large the steps of a recount are.
    pub(crate) pace: Pace,
}

/// When the next step of a sweep is done, and how many buildings one of a recount takes: so that
/// those who write beside it keep more than half of their time, and nobody waits long for a step
/// that began just before.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What a building took of late.
    building: Duration,
    /// The time that the last step leaves to those who write.
    owed: Duration,
    /// Whether anybody wrote since the last step.
    is_asked: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { building: Duration::from_millis(1), owed: Duration::ZERO, is_asked: false }
    }
}

impl Pace {
    /// Buildings of the next step.
    fn buildings(&self) -> usize {
        let count = STEP_TIME.as_nanos() / self.building.as_nanos().max(1);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        count.clamp(STEP_BUILDINGS_MIN, checkup::STEP_BUILDINGS_MAX)
    }

    /// Notes what a step of so many buildings took. The mean moves slowly, since buildings differ.
    fn took(&mut self, buildings: usize, time: Duration) {
        let count = u32::try_from(buildings).unwrap_or(u32::MAX).max(1);
        self.building = (self.building * 3 + time / count) / 4;
    }

    /// Notes a step that took so long with its commit. Callers who were answered just before it
    /// have not asked again yet: their time is waited for, if anybody asked at all.
    fn stepped(&mut self, time: Duration, is_waited_for: bool) {
        let is_asked = std::mem::take(&mut self.is_asked) || is_waited_for;
        // At least a look at the queue, which also tells when the registry is closed.
        self.owed = if is_asked { time * 2 } else { Duration::from_micros(1) };
    }
}

impl Writer {
    /// Runs until every sender of the queue is gone.
    pub(crate) fn run(mut self) {
        loop {
            self.mend();
            let is_shut = self.store.gate().is_shut();
            let is_sweeping = !is_shut && !self.sweeping.is_empty();
            let begun = Instant::now();
            if is_sweeping && self.pace.owed.is_zero() {
                self.group(None);
                let is_waited_for = self.shared.waiting.load(Ordering::Relaxed) > 0;
                self.pace.stepped(begun.elapsed(), is_waited_for);
                continue;
            }
            let wait = if is_sweeping { self.pace.owed.min(IDLE) } else { IDLE };
            match self.queue.recv_timeout(wait) {
                Ok(job) => {
                    let job = self.taken(job);
                    if is_shut {
                        tell(job.answer, Err(self.store.refusal().into()));
                    } else {
                        self.pace.is_asked = true;
                        self.group(Some(job));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.pace.owed = self.pace.owed.saturating_sub(begun.elapsed());
        }
    }

    /// Computes the state again when somebody found it damaged. Commands that come meanwhile are
    /// told to come again.
    fn mend(&mut self) {
        // What goes on beside the commits is met by nobody.
        if self.store.state_damaged() {
            self.store.gate().shut();
        }
        let is_due = self.mend_after.is_none_or(|after| Instant::now() >= after);
        if !self.store.gate().is_shut() || !is_due {
            return;
        }
        tracing::warn!("the state is computed again from the journal");
        self.rules = Rules::default();
        let begun = Instant::now();
        let (store, queue) = (self.store.as_ref(), &self.queue);
        let mended = catch_unwind(AssertUnwindSafe(|| {
            rebuild::rebuild(store.inner(), &mut |done, total| {
                store.gate().advance(done, total);
                while let Ok(job) = queue.try_recv() {
                    tell(job.answer, Err(store.refusal().into()));
                }
            })?;
            Standing::of(store.inner())
        }));
        match mended.unwrap_or_else(|_| Err(Error::Bug("a rebuild panicked".to_owned()))) {
            Ok(standing) => {
                // Of a group that met the damage when it was applied, the entries are durable.
                for (partition, frontier) in standing.frontiers {
                    self.shared.set(partition, frontier);
                }
                self.last = self.last.max(standing.last);
                self.sweeping = standing.sweeping;
                self.mend_after = None;
                self.store.gate().open();
                self.shared.committed();
                let took_ms = begun.elapsed().as_millis();
                tracing::info!(took_ms, "the state is whole again");
            }
            Err(error) => {
                self.mend_after = Some(Instant::now() + MEND_PAUSE);
                tracing::error!(%error, "the state is damaged and could not be computed again");
            }
        }
    }

    /// The next command that waits, if any does.
    fn take(&self) -> Option<Job> {
        self.queue.try_recv().ok().map(|job| self.taken(job))
    }

    /// Notes that a command left the queue.
    fn taken(&self, job: Job) -> Job {
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        job
    }

    fn next_stamp(&mut self) -> Stamp {
        let stamp = self.clock.now().max(Stamp::from_micros(self.last.micros() + 1));
        self.last = stamp;
        stamp
    }

    /// Runs the first command and those that wait, until the group is full, or without one a step of
    /// every sweep, and commits what they decided.
    fn group(&mut self, first_job: Option<Job>) {
        let first = Stamp::from_micros(self.last.micros() + 1).max(self.clock.now());
        *self.shared.in_flight.lock().unwrap_or_else(PoisonError::into_inner) = Some(first);
        let store = Arc::clone(&self.store);
        let mut work = Work::new(store.as_ref(), std::mem::take(&mut self.rules));
        let mut answers: Vec<(Answer, Result<Outcome, Error>)> = Vec::new();
        let mut stamps: BTreeMap<Partition, Stamp> = BTreeMap::new();
        if first_job.is_none() {
            self.sweep(&mut work, &mut stamps);
        }
        let mut next = first_job;
        while let Some(job) = next {
            let stamp = self.next_stamp();
            let ran = run(&mut work, &job.call, job.run, stamp, &mut stamps);
            answers.push((job.answer, self.store.noticed(ran)));
            let is_full =
                answers.len() >= self.commands_max || work.group_entry_count() >= GROUP_ENTRIES_MAX;
            next = if is_full { None } else { self.take() };
        }
        let command_count = answers.len();
        let entry_count = work.group_entry_count();
        let mut heads = BTreeMap::new();
        for (partition, stamp) in stamps {
            if let Ok(meta) = work.head(partition) {
                heads.insert(partition, Frontier { seq: meta.seq, stamp });
                let is_sweeping = meta.is_sweeping();
                self.sweeping.retain(|other| *other != partition);
                if is_sweeping {
                    self.sweeping.push(partition);
                }
            }
        }
        let landed = work.take_landed();
        let rules = work.take_rules();
        let mut before = Vec::new();
        for (partition, landed) in &landed {
            let seq = heads.get(partition).map_or(0, |frontier| frontier.seq);
            before.push((landed, self.cache.will_land(landed, seq), seq));
        }
        let committed = if entry_count == 0 { Ok(()) } else { self.commit(work) };
        match committed {
            Ok(()) => {
                self.rules = rules;
                for (landed, before, seq) in &before {
                    self.cache.has_landed(landed, before, *seq);
                }
                for (partition, frontier) in heads {
                    self.shared.set(partition, frontier);
                }
                if entry_count > 0 {
                    let mut seen =
                        self.shared.observed.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.group_count += 1;
                    seen.last_commands = u64::try_from(command_count).unwrap_or(0);
                    seen.last_entries = u64::try_from(entry_count).unwrap_or(0);
                }
                self.shared.committed();
                for (answer, ran) in answers {
                    tell(answer, ran);
                }
            }
            Err(error) => {
                self.sweeping.clear();
                self.shared.committed();
                fail(answers, &error);
            }
        }
    }

    fn commit(&self, work: Work<'_>) -> Result<(), StoreError> {
        let group = self.store.noticed(work.into_group()).map_err(|error| match error {
            Error::Store(error) => error,
            other => StoreError::Unavailable(other.to_string()),
        })?;
        self.store.commit(group)
    }

    /// One step of every sweep that is under way.
    fn sweep(&mut self, work: &mut Work<'_>, stamps: &mut BTreeMap<Partition, Stamp>) {
        for partition in self.sweeping.clone() {
            let call = own_call(partition);
            let stamp = self.next_stamp();
            let buildings = self.pace.buildings();
            let begun = Instant::now();
            let step: Run = Box::new(move |tx| step(tx, partition, buildings));
            let is_recounting = Recount::under_way(work, partition).is_ok_and(|it| it.is_some());
            if let Err(error) = self.store.noticed(run(work, &call, step, stamp, stamps)) {
                tracing::error!(%error, %partition, "a step of a sweep failed");
            } else if is_recounting {
                self.pace.took(buildings, begun.elapsed());
            }
        }
    }
}

/// What the registry does by itself comes with.
pub(crate) fn own_call(partition: Partition) -> Call {
    let mut seed = [0; 32];
    // Without randomness a salt can be guessed; what the registry says by itself is no secret.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut seed);
    Call {
        partition,
        author: Author::registry(),
        request: None,
        reason: String::new(),
        validate_only: false,
        overrides: Vec::new(),
        seed,
    }
}

/// Does the next step of the oldest sweep; of a recount with so many buildings.
fn step(tx: &mut Tx<'_, '_>, partition: Partition, buildings: usize) -> Result<Decided, Error> {
    let sweeps = tx.work.sweeps(partition)?;
    if let Some(oldest) = sweeps.first() {
        let up_to = sweep::next_step(tx.work, partition, oldest, sweep::STEP_CELLS_MAX)?;
        tx.accept(Draft::new(
            partition,
            Fact::SweepStep {
                opened_by: oldest.opened_by,
                node: oldest.node,
                after: oldest.done,
                up_to,
            },
        ))?;
        return Ok(Decided::default());
    }
    if let Some((recount, up_to)) = checkup::next_step(tx.work, partition, buildings)? {
        tx.accept(recount_step(partition, &recount, up_to))?;
    }
    Ok(Decided::default())
}

fn recount_step(partition: Partition, recount: &Recount, up_to: Option<BuildingId>) -> Draft {
    let (opened_by, after) = (recount.opened_by, recount.done);
    Draft::new(partition, Fact::RecountStep { opened_by, after, up_to })
}

/// Finishes at once the sweeps that are small.
fn finish_small_sweeps(tx: &mut Tx<'_, '_>) -> Result<(), Error> {
    let partition = tx.partition();
    loop {
        let sweeps = tx.work.sweeps(partition)?;
        let Some(oldest) = sweeps.first().cloned() else {
            break;
        };
        let up_to = sweep::next_step(tx.work, partition, &oldest, sweep::STEP_CELLS_MAX)?;
        if up_to.is_some() {
            return Ok(());
        }
        let fact = Fact::SweepStep {
            opened_by: oldest.opened_by,
            node: oldest.node,
            after: oldest.done,
            up_to: None,
        };
        tx.accept(Draft::new(partition, fact))?;
    }
    // Of a recount that an earlier command opened, this one would only pay for the look.
    let opened = Recount::under_way(tx.work, partition)?;
    if opened.is_none_or(|recount| tx.began(partition) != Some(recount.command)) {
        return Ok(());
    }
    let small = checkup::next_step(tx.work, partition, checkup::AT_ONCE_MAX)?;
    if let Some((recount, None)) = small {
        tx.accept(recount_step(partition, &recount, None))?;
    }
    Ok(())
}

/// Runs one command: takes it over into the group, or forgets it.
fn run(
    work: &mut Work<'_>,
    call: &Call,
    run: Run,
    stamp: Stamp,
    stamps: &mut BTreeMap<Partition, Stamp>,
) -> Result<Outcome, Error> {
    let ran = catch_unwind(AssertUnwindSafe(|| run_inner(work, call, run, stamp)));
    let ran = ran.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(what, "a command panicked");
        Err(Error::Bug(format!("a command panicked: {what}")))
    });
    match ran {
        Ok(outcome) if !call.validate_only && !outcome.repeated => {
            let touched = work.command_entries().iter().map(|entry| entry.partition);
            for partition in touched.collect::<Vec<_>>() {
                stamps.insert(partition, stamp);
            }
            work.accept();
            Ok(outcome)
        }
        other => {
            work.refuse();
            other
        }
    }
}

fn run_inner(work: &mut Work<'_>, call: &Call, run: Run, stamp: Stamp) -> Result<Outcome, Error> {
    if let Some(mark) = call.request.filter(|_| !call.validate_only) {
        let today = stamp.day();
        if let Some(first) = request::find(work, call.partition, today, &mark.id, mark.hash)? {
            return request::first_answer(work, call.partition, first);
        }
    }
    let (decided, stamp) = {
        let mut tx = Tx::new(work, call, stamp);
        let decided = run(&mut tx)?;
        checkup::settle(tx.work)?;
        finish_small_sweeps(&mut tx)?;
        (decided, tx.stamp())
    };
    let entries = work
        .command_entries()
        .iter()
        .filter(|entry| entry.partition == call.partition)
        .map(|entry| entry.seq)
        .collect();
    let head = work.head(call.partition)?;
    Ok(Outcome {
        decided,
        position: Position { partition: call.partition, seq: head.seq },
        entries,
        stamp,
        repeated: false,
        sweep_under_way: head.is_sweeping(),
    })
}

/// Answers one caller; one whose answer panics harms no other.
fn tell(answer: Answer, ran: Result<Outcome, Error>) {
    if catch_unwind(AssertUnwindSafe(move || answer(ran))).is_err() {
        tracing::error!("whoever waited for an answer panicked on it");
    }
}

/// Tells every command of a group that could not be committed why.
fn fail(answers: Vec<(Answer, Result<Outcome, Error>)>, error: &StoreError) {
    tracing::error!(%error, "a group could not be committed");
    for (answer, ran) in answers {
        // What was refused stays refused; what was accepted is not.
        let told = match (ran, error) {
            (Err(refused), _) => Err(refused),
            (Ok(_), StoreError::DiskReserve { free, reserve }) => {
                Err(Error::Store(StoreError::DiskReserve { free: *free, reserve: *reserve }))
            }
            (Ok(_), StoreError::Rebuilding { done, total }) => {
                Err(Error::Store(StoreError::Rebuilding { done: *done, total: *total }))
            }
            (Ok(_), other) => Err(Error::Store(StoreError::Unavailable(other.to_string()))),
        };
        tell(answer, told);
    }
}
