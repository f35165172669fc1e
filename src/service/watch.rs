//! The feed of entries: in order and without gaps within each partition, from any entry on.
//!
//! A watcher reads the journal at its own pace; what was read for it waits in a buffer of bounded
//! size. One that takes nothing for a while though its buffer is full is dropped, and told from
//! where to resume. What is out of its reach is a position and a leaf; of an entry about several
//! subjects it gets the parts of those that it reaches.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::{Notify, mpsc};
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status};

use crate::{
    kernel::{
        position::{Partition, Position, Seq},
        violation::Violations,
    },
    proto::v1::{self, watch_response::Event, watch_service_server::WatchService},
    service::{Api, Way, common, status},
    store::Limit,
    telemetry::Counted,
};

/// Entries read at a time.
const PAGE: Limit = Limit { entries: 128, bytes: 1024 * 1024 };
/// Bytes of the positions in a last word.
const RESUME_BYTES_MAX: usize = 4_000;
/// Partitions that one request can name.
const PARTITIONS_MAX: usize = 10_000;

type Item = Result<v1::WatchResponse, Status>;

/// The answer of a watch.
pub struct Watched {
    items: mpsc::Receiver<Item>,
    _counted: Counted,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Watched {
    /// Whether nothing more is put into the buffer: what it holds is all that will come.
    pub fn is_over(&self) -> bool {
        self.items.is_closed()
    }
}

impl Stream for Watched {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.items.poll_recv(context)
    }
}

#[tonic::async_trait]
impl WatchService for Api {
    type WatchStream = Watched;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Watched>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let after = read_after(&mut violations, &asked.after);
        violations.or(()).map_err(|violations| status::invalid(&violations))?;
        let positions = after.iter();
        let positions =
            positions.map(|(&partition, &seq)| ("after", Position { partition, seq })).collect();
        way.check_positions(positions)?;
        let Ok(place) = Arc::clone(&self.0.watchers).try_acquire_owned() else {
            let message =
                format!("{} watchers are served already", self.0.settings.watcher_count_max);
            return Err(status::plain(Code::ResourceExhausted, "TOO_MANY_WATCHERS", message));
        };
        let (sender, items) = mpsc::channel(self.0.settings.watch_buffer_entries.max(1) + 1);
        let counted = self.0.metrics.watcher();
        let follows_all = after.is_empty();
        tokio::spawn(Watcher { way, after, follows_all, sender }.run());
        Ok(Response::new(Watched { items, _counted: counted, _place: place }))
    }
}

fn read_after(violations: &mut Violations, asked: &[String]) -> BTreeMap<Partition, Seq> {
    let mut after = BTreeMap::new();
    if asked.len() > PARTITIONS_MAX {
        violations.add("after", "TOO_MANY", format!("at most {PARTITIONS_MAX} positions"));
    }
    for (index, text) in asked.iter().enumerate().take(PARTITIONS_MAX) {
        let field = format!("after[{index}]");
        let Some(position) = common::required::<Position>(violations, &field, text) else {
            continue;
        };
        if after.insert(position.partition, position.seq).is_some() {
            violations.add(field, "REPEATED", "the same partition is named twice");
        }
    }
    after
}

/// What reads the journal for one reader.
struct Watcher {
    way: Way,
    /// The last entry put into the buffer, for each partition.
    after: BTreeMap<Partition, Seq>,
    /// Whether partitions that begin later are followed too.
    follows_all: bool,
    sender: mpsc::Sender<Item>,
}

/// Why a watch ends.
enum End {
    /// The reader is gone.
    Gone,
    /// The reader is told why.
    Told(Status),
}

impl Watcher {
    async fn run(mut self) {
        // A place in the buffer is kept for the last word.
        let Ok(last_word) = self.sender.clone().reserve_owned().await else { return };
        match self.follow().await {
            End::Gone => {}
            End::Told(status) => {
                last_word.send(Err(status));
            }
        }
    }

    async fn follow(&mut self) -> End {
        let notify = Arc::new(Notify::new());
        let weak = Arc::downgrade(&notify);
        self.way.registry().on_commit(move || match weak.upgrade() {
            Some(notify) => {
                notify.notify_one();
                true
            }
            None => false,
        });
        let mut stopping = self.way.api.0.stopping.clone();
        loop {
            match self.pass(&mut stopping).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(end) => return end,
            }
            let idle = self.way.api.0.settings.watch_idle;
            tokio::select! {
                () = notify.notified() => {}
                () = self.sender.closed() => return End::Gone,
                () = stopped(&mut stopping) => return End::Told(self.stopped()),
                () = tokio::time::sleep(idle) => {
                    let event = Event::Idle(v1::WatchIdle {
                        positions: self.positions(),
                        at: Some(common::timestamp(self.way.registry().now())),
                    });
                    if let Err(end) = self.send(event, &mut stopping).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Sends a page of each partition; whether there was anything to send.
    async fn pass(
        &mut self,
        stopping: &mut tokio::sync::watch::Receiver<bool>,
    ) -> Result<bool, End> {
        let heads = self.way.registry().partitions();
        if self.follows_all {
            for (partition, _) in &heads {
                self.after.entry(*partition).or_insert(0);
            }
        }
        let mut has_sent = false;
        for (partition, frontier) in heads {
            let Some(after) = self.after.get(&partition).copied() else { continue };
            if frontier.seq <= after {
                continue;
            }
            let pages = self
                .way
                .blocking(move |registry| registry.entries(partition, after + 1, PAGE))
                .await
                .map_err(End::Told)?;
            for (seq, bytes) in (after + 1..).zip(pages) {
                let entry = self.entry(Position { partition, seq }, bytes).map_err(End::Told)?;
                self.send(Event::Entry(entry), stopping).await?;
                self.after.insert(partition, seq);
                has_sent = true;
            }
        }
        Ok(has_sent)
    }

    /// An entry on the wire, as far as the reader reaches it.
    fn entry(&self, position: Position, bytes: Vec<u8>) -> Result<v1::WatchedEntry, Status> {
        let (leaf, entry) = self.way.as_reached(bytes)?;
        Ok(v1::WatchedEntry { position: position.to_string(), leaf: leaf.0.to_vec(), entry })
    }

    /// Puts an event into the buffer, or ends with a reader that takes nothing.
    async fn send(
        &self,
        event: Event,
        stopping: &mut tokio::sync::watch::Receiver<bool>,
    ) -> Result<(), End> {
        let response = v1::WatchResponse { event: Some(event) };
        let patience = self.way.api.0.settings.watch_patience;
        tokio::select! {
            place = tokio::time::timeout(patience, self.sender.reserve()) => match place {
                Ok(Ok(place)) => {
                    place.send(Ok(response));
                    Ok(())
                }
                Ok(Err(_)) => Err(End::Gone),
                Err(_) => Err(End::Told(self.too_slow())),
            },
            () = stopped(stopping) => Err(End::Told(self.stopped())),
        }
    }

    fn positions(&self) -> Vec<String> {
        let positions = self.after.iter();
        positions
            .map(|(partition, seq)| Position { partition: *partition, seq: *seq }.to_string())
            .collect()
    }

    /// From where to resume, as pairs for programs: none when there are more than headers carry.
    /// Every entry that was sent names its position too.
    fn resume(&self) -> Option<(String, String)> {
        let positions = self.positions().join(",");
        (positions.len() <= RESUME_BYTES_MAX).then(|| ("after".to_owned(), positions))
    }

    fn too_slow(&self) -> Status {
        let message = "the reader is too slow; resume after the positions given in `after`";
        status::with_metadata(Code::ResourceExhausted, "SLOW_READER", message, self.resume())
    }

    fn stopped(&self) -> Status {
        let message = "the registry is stopping; resume after the positions given in `after`";
        status::with_metadata(Code::Unavailable, "STOPPING", message, self.resume())
    }
}

/// Resolves when the server stops.
async fn stopped(stopping: &mut tokio::sync::watch::Receiver<bool>) {
    // A sender that is gone has stopped too.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}
