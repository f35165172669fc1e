//! The server put together: store, registry, services, connections, and the order of stopping.
//!
//! What stays true: nothing is served before the journal is replayed; a server whose calls and
//! permission table differ does not start; what was begun is finished before the writer ends, and
//! a second signal waits for nothing, wherever the process is.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Context as _;
use prost::Message as _;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};
use tokio_stream::Stream;
use tonic::transport::Server;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    auth::{authenticate::Authenticator, permission},
    config::Config,
    kernel::time::{Clock, Stamp, SystemClock},
    listener::{self, Connection, Identity, Incoming, Security},
    proto::v1,
    registry::{Entry, Options, Registry},
    service::{self, Api, guard::GuardLayer},
    store::{
        Head, Store,
        embedded::{EmbeddedOptions, EmbeddedStore, Reserve},
    },
    telemetry::{self, Metrics, MetricsLayer},
};

/// How often a silent connection is asked whether it is still there.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
/// How long the answer may take.
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(20);
/// Requests of one connection at a time.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// A day in microseconds.
const DAY_MICROS: i64 = 86_400_000_000;

/// What is served, and how.
pub struct Served {
    /// The registry. It is closed when serving ends.
    pub registry: Arc<Registry>,
    /// Who may call.
    pub authenticator: Arc<Authenticator>,
    /// What credentials are judged by.
    pub clock: Arc<dyn Clock>,
    /// Figures.
    pub metrics: Metrics,
    /// How the services behave.
    pub settings: service::Settings,
    /// The largest request message.
    pub request_bytes_max: usize,
    /// Requests served at one time.
    pub concurrent_requests: usize,
    /// How long running requests may take to end.
    pub shutdown: Duration,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was begun was finished.
    Finished,
    /// The time was up, and requests were cut off.
    CutOff,
}

/// Serves the registry of a configuration until a signal. `ready` hears where.
///
/// Log lines are the caller's to set up. After a second signal the process ends here.
pub async fn serve(config: Config, ready: impl FnOnce(SocketAddr)) -> anyhow::Result<()> {
    // Before anything that takes long, so that a signal is not the end of the process.
    let mut signals = signals()?;
    check_permissions()?;
    let metrics = Metrics::new();
    let authenticator = Authenticator::open(&config.token_file)
        .context("there are no credentials to serve by; `anju token new` makes one")?;
    let security = security(&config)?;
    let listener = listener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let (stop_metrics, metrics_stopped) = tokio::sync::oneshot::channel::<()>();
    let metrics_server = match config.metrics_listen {
        Some(address) => {
            let listener = listener::bind(address).await?;
            let stop = async move { drop(metrics_stopped.await) };
            Some(tokio::spawn(telemetry::serve_metrics(listener, metrics.clone(), stop)))
        }
        None => None,
    };
    let opening = config.clone();
    let opened = tokio::task::spawn_blocking(move || open(&opening));
    let registry = tokio::select! {
        opened = opened => opened??,
        _ = signals.recv() => {
            // A replay takes long and cannot be told to stop; what it has computed is computed again.
            tracing::warn!("stopped while the registry was being opened; the journal is whole");
            std::process::exit(130);
        }
    };
    let served = Served {
        registry: Arc::new(registry),
        authenticator: Arc::new(authenticator),
        clock: Arc::new(SystemClock),
        metrics: metrics.clone(),
        settings: service::Settings {
            watch_buffer_entries: config.watch_buffer_entries,
            ..service::Settings::default()
        },
        request_bytes_max: config.limits.request_bytes,
        concurrent_requests: config.limits.concurrent_requests,
        shutdown: config.shutdown,
    };
    ready(address);
    let ended = run(served, listener, security, signals).await?;
    drop(stop_metrics);
    if let Some(server) = metrics_server {
        server.await??;
    }
    tracing::info!(?ended, "stopped");
    Ok(())
}

/// How the store of these settings is run.
pub fn store_options(config: &Config) -> EmbeddedOptions {
    EmbeddedOptions {
        cache_bytes: config.store.cache_bytes,
        buffer_bytes: config.store.buffer_bytes,
        segment_bytes: config.store.segment_bytes,
        reserve: Reserve { bytes: config.store.disk_reserve_bytes, ..Reserve::default() },
        ..EmbeddedOptions::default()
    }
}

/// Opens store and registry. Blocks, and may take long: the journal is replayed.
fn open(config: &Config) -> anyhow::Result<Registry> {
    let (store, report) = EmbeddedStore::open(&config.data_dir, store_options(config))
        .with_context(|| format!("the registry in {}", config.data_dir.display()))?;
    tracing::info!(
        entries.count = report.entry_count,
        clean = report.clean,
        "opened {}",
        config.data_dir.display()
    );
    if let Some(cut) = &report.cut {
        tracing::warn!(
            bytes = cut.bytes,
            "cut what nobody was told had been written: {} at {}, kept as {}",
            cut.what,
            cut.place,
            cut.kept.display()
        );
    }
    if let Some(why) = &report.state_set_aside {
        tracing::warn!(why, "the state was set aside and is computed again");
    }
    open_on(Arc::new(store), Arc::new(SystemClock), config)
}

/// Opens the registry on a store, if the clock may be believed.
pub(crate) fn open_on(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: &Config,
) -> anyhow::Result<Registry> {
    let options =
        Options { queue: config.writer.queue, commands_max: config.writer.batch_commands_max };
    if !config.clock_allow_behind {
        let mut newest = None;
        for head in store.heads() {
            newest = newest.max(last_stamp(store.as_ref(), head)?);
        }
        if let Some(last) = newest {
            check_clock(clock.now(), last)?;
        }
    }
    let mut told = 0;
    let mut progress = |done: u64, total: u64| {
        // Some twenty lines, however long the journal is.
        if done == total || done >= told + total / 20 {
            told = done;
            tracing::info!(done, total, "replaying the journal");
        }
    };
    Ok(Registry::open(store, clock, options, &mut progress)?)
}

/// The stamp of a partition's last entry.
fn last_stamp(store: &dyn Store, head: Head) -> anyhow::Result<Option<Stamp>> {
    let last = store.entries_at(head.partition, &[head.seq])?.pop();
    Ok(last.map(|bytes| Entry::decode(&bytes)).transpose()?.map(|(entry, _)| entry.stamp))
}

/// Stamps can never be taken back: a clock that is wrong is found before it makes any.
fn check_clock(now: Stamp, last: Stamp) -> anyhow::Result<()> {
    let ahead = now.micros() - last.micros();
    anyhow::ensure!(
        ahead >= 0,
        "the clock shows {now}, which is before the last entry of {last}; mend the clock, or start \
         with clock.allow_behind = true"
    );
    anyhow::ensure!(
        ahead <= DAY_MICROS,
        "the clock shows {now}, more than a day after the last entry of {last}; if the clock is \
         right, start with clock.allow_behind = true"
    );
    Ok(())
}

fn security(config: &Config) -> anyhow::Result<Security> {
    match &config.tls {
        Some(tls) => {
            let identity = Identity::load(&tls.certificate, &tls.key)?;
            Ok(Security::tls(Arc::new(identity), tls.reload))
        }
        // The configuration has made sure that only this machine can reach it.
        None => Ok(Security::Plain),
    }
}

/// Hears when the process is asked to stop, by SIGINT or SIGTERM.
pub(crate) struct Interrupts {
    interrupts: Signal,
    terminations: Signal,
}

impl Interrupts {
    /// From here on a signal is no longer the end of the process.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves with the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupts.recv() => {}
            _ = self.terminations.recv() => {}
        }
    }
}

/// The first signal asks, and is handed on; the second one insists, and ends the process wherever
/// it is.
fn signals() -> io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(1);
    let mut interrupts = Interrupts::new()?;
    tokio::spawn(async move {
        interrupts.next().await;
        // Nobody listens any more once serving has ended by itself.
        let _ = sender.send(()).await;
        interrupts.next().await;
        tracing::warn!("stopped at once; the journal is whole all the same");
        std::process::exit(130);
    });
    Ok(receiver)
}

/// The calls that the server serves, as `package.Service/Method`.
pub fn rpcs() -> anyhow::Result<Vec<String>> {
    let files = prost_types::FileDescriptorSet::decode(v1::DESCRIPTORS)?;
    let mut rpcs = Vec::new();
    for file in files.file {
        for service in &file.service {
            let methods = service.method.iter();
            rpcs.extend(
                methods.map(|method| {
                    format!("{}.{}/{}", file.package(), service.name(), method.name())
                }),
            );
        }
    }
    Ok(rpcs)
}

/// Refuses to start when a call has no row in the permission table, or a row no call.
pub fn check_permissions() -> anyhow::Result<()> {
    permission::check_complete(&rpcs()?)
        .map_err(|wrong| anyhow::anyhow!("the server does not start: {}", wrong.join("; ")))
}

/// Serves until the first of `signals`, and then until what was begun is finished or the time is up.
/// The registry is closed last.
pub async fn run(
    served: Served,
    listener: TcpListener,
    security: Security,
    mut signals: mpsc::Receiver<()>,
) -> anyhow::Result<Ended> {
    let Served { registry, metrics, shutdown, .. } = &served;
    let (registry, metrics, shutdown) = (Arc::clone(registry), metrics.clone(), *shutdown);
    count(&registry, &metrics);
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let incoming = Incoming::start(listener, security, metrics.clone())?;
    let door = Door(Arc::new(Mutex::new(Some(incoming))));
    let (health, health_service) = tonic_health::server::health_reporter();
    set_health(&health, ServingStatus::Serving).await?;
    let mut stop_asked = stopping.clone();
    let asked = async move {
        // A sender that is gone asks too.
        let _ = stop_asked.wait_for(|is_stopping| *is_stopping).await;
    };
    let routes = routes(served, stopping)?.add_service(health_service);
    let serving = routes.serve_with_incoming_shutdown(door.clone(), asked);
    tokio::pin!(serving);
    metrics.set_serving(true);
    let ended = tokio::select! {
        served = &mut serving => served.map(|()| Ended::Finished),
        _ = signals.recv() => {
            tracing::info!("stopping: no new connections, and what was begun is finished");
            set_health(&health, ServingStatus::NotServing).await?;
            metrics.set_serving(false);
            door.close();
            // The services hold receivers for as long as they are served.
            let _ = stop.send(true);
            tokio::select! {
                served = &mut serving => served.map(|()| Ended::Finished),
                () = tokio::time::sleep(shutdown) => Ok(Ended::CutOff),
            }
        }
    };
    metrics.set_serving(false);
    tokio::task::spawn_blocking(move || registry.close()).await?;
    Ok(ended?)
}

/// The health of the server as a whole, and of each service by name.
async fn set_health(health: &HealthReporter, status: ServingStatus) -> anyhow::Result<()> {
    health.set_service_status("", status).await;
    let mut services: Vec<String> = rpcs()?
        .iter()
        .filter_map(|rpc| rpc.split_once('/'))
        .map(|(name, _)| name.to_owned())
        .collect();
    services.dedup();
    for service in services {
        health.set_service_status(service, status).await;
    }
    Ok(())
}

/// Keeps the figures up to date: what a commit was, with every one; what takes looking, before each
/// page.
fn count(registry: &Arc<Registry>, metrics: &Metrics) {
    let weak = Arc::downgrade(registry);
    metrics.refresh_with(move |metrics| {
        let Some(registry) = weak.upgrade() else { return };
        metrics.set_store(&registry.stats());
        metrics.set_queue_depth(registry.waiting());
        for (partition, frontier) in registry.partitions() {
            metrics.set_entries(partition, frontier.seq);
        }
    });
    let weak = Arc::downgrade(registry);
    let (metrics, counted) = (metrics.clone(), AtomicU64::new(0));
    registry.on_commit(move || {
        let Some(registry) = weak.upgrade() else { return false };
        let observed = registry.observed();
        if counted.swap(observed.group_count, Ordering::Relaxed) != observed.group_count {
            let [commands, entries] = [observed.last_commands, observed.last_entries]
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            metrics.committed(commands, entries);
        }
        true
    });
}

type Layers = tower::layer::util::Stack<
    GuardLayer,
    tower::layer::util::Stack<MetricsLayer, tower::layer::util::Identity>,
>;

/// All services behind the guard and the counter.
fn routes(
    served: Served,
    stopping: tokio::sync::watch::Receiver<bool>,
) -> anyhow::Result<tonic::transport::server::Router<Layers>> {
    let counter = MetricsLayer::new(served.metrics.clone(), rpcs()?);
    let guard = GuardLayer::new(
        served.authenticator,
        Arc::clone(&served.clock),
        served.concurrent_requests,
    );
    let api = Api::new(served.registry, served.settings, served.metrics, stopping);
    let max = served.request_bytes_max;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(v1::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut builder = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .layer(counter)
        .layer(guard);
    let router =
        builder.add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    Ok(api.add_to(router, max))
}

/// The connections, until the door is closed. Closing ends listening at once, though the server
/// that took the stream holds on to it.
#[derive(Clone)]
struct Door(Arc<Mutex<Option<Incoming>>>);

impl Door {
    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Stream for Door {
    type Item = std::io::Result<Connection>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(incoming) => Pin::new(incoming).poll_next(context),
            None => Poll::Ready(None),
        }
    }
}
