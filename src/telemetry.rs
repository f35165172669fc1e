//! What the server says about itself: log lines, figures, and whether it is well.
//!
//! What stays true: no token, body, name or address of a house is logged or counted; the number of
//! series is bounded, since an RPC that is not ours is counted as `unknown`; a request is counted
//! once, when its answer has ended or been given up.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::io::IsTerminal;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::net::TcpListener;
use tonic::Code;
use tower::{Layer, Service};
use tracing::{Instrument, Span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::LogFormat;
use crate::kernel::position::{Partition, Seq};
use crate::store::Stats;

/// The target of the line that every request leaves in the log.
pub const REQUEST_TARGET: &str = "anju::request";

/// What a client may take to get its page of metrics once the server stops.
const LAST_SCRAPE: Duration = Duration::from_secs(2);

/// Why log lines cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// `level` does not parse.
    #[error("log.level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody set a subscriber before.
    #[error("log lines are already being written")]
    Already(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Writes log lines of the whole process to standard error from now on.
pub fn init_tracing(format: LogFormat, level: &str) -> Result<(), TracingError> {
    let colours = if std::io::stderr().is_terminal() { Colours::On } else { Colours::Off };
    let subscriber = subscriber(format, level.parse()?, colours, std::io::stderr);
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

/// What writes log lines of `format` to `writer`: those that `targets` lets through.
pub fn subscriber<W>(
    format: LogFormat,
    targets: Targets,
    colours: Colours,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let registry = tracing_subscriber::registry().with(targets);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => Box::new(registry.with(lines.with_ansi(colours == Colours::On))),
        LogFormat::Json => Box::new(registry.with(lines.json().flatten_event(true))),
    }
}

/// Whether lines for people are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// With the codes of terminals.
    On,
    /// Plain.
    Off,
}

/// The figures of one server. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Figures>);

type Probe = Box<dyn Fn(&Metrics) + Send + Sync>;

struct Figures {
    registry: Registry,
    probe: OnceLock<Probe>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RpcLabels, Histogram, fn() -> Histogram>,
    requests_in_flight: Gauge,
    queue_depth: Gauge,
    batch_commands: Histogram,
    batch_entries: Histogram,
    syncs: Counter,
    sync_seconds: Counter<f64, AtomicU64>,
    journal_bytes: Gauge,
    state_bytes: Gauge,
    read_only: Gauge,
    entries: Family<PartitionLabels, Gauge>,
    watchers: Gauge,
    connections: Gauge,
    connections_refused: Counter,
    serving: Gauge,
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

/// A name from a bounded set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RpcName(Arc<str>);

impl EncodeLabelValue for RpcName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(&&*self.0, encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    rpc: RpcName,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RpcLabels {
    rpc: RpcName,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartitionLabels {
    partition: u32,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at nought.
    pub fn new() -> Self {
        // From 64 µs to about 17 s.
        let latencies: fn() -> Histogram =
            || Histogram::new(exponential_buckets(0.000_064, 2.0, 19));
        let mut figures = Figures {
            registry: Registry::with_prefix("anju"),
            probe: OnceLock::new(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(latencies),
            requests_in_flight: Gauge::default(),
            queue_depth: Gauge::default(),
            batch_commands: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            batch_entries: Histogram::new(exponential_buckets(1.0, 2.0, 16)),
            syncs: Counter::default(),
            sync_seconds: Counter::default(),
            journal_bytes: Gauge::default(),
            state_bytes: Gauge::default(),
            read_only: Gauge::default(),
            entries: Family::default(),
            watchers: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            serving: Gauge::default(),
        };
        figures.register_requests();
        figures.register_store();
        Self(Arc::new(figures))
    }

    /// Commands now waiting to be written.
    pub fn set_queue_depth(&self, commands: usize) {
        self.0.queue_depth.set(whole(commands as u64));
    }

    /// A group commit of so many commands and entries.
    pub fn committed(&self, commands: usize, entries: usize) {
        self.0.batch_commands.observe(real(commands));
        self.0.batch_entries.observe(real(entries));
    }

    /// The store's own figures, as they are now.
    pub fn set_store(&self, stats: &Stats) {
        self.0.journal_bytes.set(whole(stats.journal_bytes));
        self.0.state_bytes.set(whole(stats.state_bytes));
        self.0.read_only.set(i64::from(stats.read_only));
        // The store counts from its own start, so these counters are set, not added to.
        self.0.syncs.inner().store(stats.sync_count, Ordering::Relaxed);
        let seconds = Duration::from_micros(stats.sync_micros).as_secs_f64();
        self.0.sync_seconds.inner().store(seconds.to_bits(), Ordering::Relaxed);
    }

    /// The last entry of a partition.
    pub fn set_entries(&self, partition: Partition, last: Seq) {
        let labels = PartitionLabels { partition: partition.number() };
        self.0.entries.get_or_create(&labels).set(whole(last));
    }

    /// One more watcher, until the answer is dropped.
    pub fn watcher(&self) -> Counted {
        Counted::in_gauge(&self.0.watchers)
    }

    /// One more open connection, until the answer is dropped.
    pub fn connection(&self) -> Counted {
        Counted::in_gauge(&self.0.connections)
    }

    /// A connection was turned away, or ended before it was one.
    pub fn refused_connection(&self) {
        self.0.connections_refused.inc();
    }

    /// Whether requests are taken; `/healthz` says so.
    pub fn set_serving(&self, serving: bool) {
        self.0.serving.set(i64::from(serving));
    }

    /// Whether requests are taken.
    pub fn is_serving(&self) -> bool {
        self.0.serving.get() == 1
    }

    /// Has `probe` bring figures up to date before each page is written. The first one stays.
    pub fn refresh_with(&self, probe: impl Fn(&Self) + Send + Sync + 'static) {
        // A second probe would be a mistake of assembly; the first goes on serving.
        let _ = self.0.probe.set(Box::new(probe));
    }

    /// The page, in the text form of `OpenMetrics` 1.0.
    pub fn encode(&self) -> String {
        if let Some(probe) = self.0.probe.get() {
            probe(self);
        }
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.0.registry);
        text
    }
}

impl Figures {
    fn register_requests(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests whose answer has ended or been given up",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request",
            "Time from a request's arrival to the head of its answer: a unary call is done by then, \
             a stream begins",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests whose answer has not ended",
            self.requests_in_flight.clone(),
        );
        registry.register("watchers", "Watchers now", self.watchers.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections turned away: a failed or late handshake, or too many at a time",
            self.connections_refused.clone(),
        );
        registry.register("serving", "1 while requests are taken", self.serving.clone());
    }

    fn register_store(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "queue_depth",
            "Commands waiting to be written",
            self.queue_depth.clone(),
        );
        registry.register(
            "commit_commands",
            "Commands of one group commit",
            self.batch_commands.clone(),
        );
        registry.register(
            "commit_entries",
            "Entries of one group commit",
            self.batch_entries.clone(),
        );
        registry.register("journal_syncs", "Syncs of the journal", self.syncs.clone());
        registry.register_with_unit(
            "journal_sync",
            "Time spent in syncs of the journal",
            Unit::Seconds,
            self.sync_seconds.clone(),
        );
        registry.register_with_unit(
            "journal",
            "Size of the journal",
            Unit::Bytes,
            self.journal_bytes.clone(),
        );
        registry.register_with_unit(
            "state",
            "Size of the state",
            Unit::Bytes,
            self.state_bytes.clone(),
        );
        registry.register(
            "store_read_only",
            "1 when writes are refused until a restart",
            self.read_only.clone(),
        );
        registry.register("entries", "Last entry of a partition", self.entries.clone());
    }
}

/// One in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    fn in_gauge(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn real(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Counts and logs the requests of the routes below it, each in a span of its own.
///
/// The span has the fields `rpc`, `request.id` and `actor.subject`; whoever learns the last two
/// records them in `Span::current()`.
#[derive(Clone, Debug)]
pub struct MetricsLayer {
    metrics: Metrics,
    known: Arc<BTreeSet<RpcName>>,
    unknown: RpcName,
}

impl MetricsLayer {
    /// Counts these RPCs (`package.Service/Method`) by name and all others as `unknown`.
    pub fn new(metrics: Metrics, rpcs: impl IntoIterator<Item = String>) -> Self {
        let known = rpcs.into_iter().map(|rpc| RpcName(rpc.into())).collect();
        Self { metrics, known: Arc::new(known), unknown: RpcName("unknown".into()) }
    }

    fn name(&self, path: &str) -> RpcName {
        let wanted = RpcName(path.strip_prefix('/').unwrap_or(path).into());
        self.known.get(&wanted).unwrap_or(&self.unknown).clone()
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = MetricsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MetricsService { inner, layer: self.clone() }
    }
}

/// What [`MetricsLayer`] puts around a service.
#[derive(Clone, Debug)]
pub struct MetricsService<S> {
    inner: S,
    layer: MetricsLayer,
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for MetricsService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    S::Future: Send + 'static,
{
    type Response = Response<CountedBody<ResponseBody>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let mut watched = Watched::begin(&self.layer, request.uri().path());
        let span = watched.span.clone();
        let answer = span.in_scope(|| self.inner.call(request));
        let counted = async move {
            let response = match answer.await {
                Ok(response) => response,
                Err(error) => {
                    watched.failed();
                    return Err(error);
                }
            };
            watched.head(&response);
            Ok(response.map(|inner| CountedBody { inner, watched }))
        };
        Box::pin(counted.instrument(span))
    }
}

/// A request under way. Counted and logged when it is dropped, however that comes about.
#[derive(Debug)]
struct Watched {
    metrics: Metrics,
    rpc: RpcName,
    span: Span,
    began: Instant,
    /// The answer's status; `None` while it is not known, and for a request that is given up.
    code: Option<Code>,
}

impl Watched {
    fn begin(layer: &MetricsLayer, path: &str) -> Self {
        let rpc = layer.name(path);
        let span = tracing::info_span!(
            target: REQUEST_TARGET,
            "request",
            rpc = &*rpc.0,
            request.id = tracing::field::Empty,
            actor.subject = tracing::field::Empty,
        );
        layer.metrics.0.requests_in_flight.inc();
        let metrics = layer.metrics.clone();
        Self { metrics, rpc, span, began: Instant::now(), code: None }
    }

    /// There is no answer.
    fn failed(&mut self) {
        self.code = Some(Code::Internal);
    }

    /// The answer's head is there. A refusal has its status here and no trailers.
    fn head<B>(&mut self, response: &Response<B>) {
        let labels = RpcLabels { rpc: self.rpc.clone() };
        let seconds = self.began.elapsed().as_secs_f64();
        self.metrics.0.request_seconds.get_or_create(&labels).observe(seconds);
        self.code = status(response.headers());
        if self.code.is_none() && response.status() != StatusCode::OK {
            self.code = Some(Code::Unknown);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let labels = RequestLabels { rpc: self.rpc.clone(), code: code_name(code) };
        self.metrics.0.requests.get_or_create(&labels).inc();
        self.metrics.0.requests_in_flight.dec();
        let code = labels.code;
        let duration_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let ours = matches!(
            self.code,
            Some(Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable)
        );
        self.span.in_scope(|| {
            if ours {
                tracing::warn!(target: REQUEST_TARGET, code, duration_us, "answered {code}");
            } else {
                tracing::info!(target: REQUEST_TARGET, code, duration_us, "answered {code}");
            }
        });
    }
}

/// An answer's body that learns from its trailers how the request went.
#[derive(Debug)]
pub struct CountedBody<B> {
    inner: B,
    watched: Watched,
}

impl<B: Body + Unpin> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { inner, watched } = &mut *self;
        let frame = ready!(watched.span.in_scope(|| Pin::new(inner).poll_frame(context)));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    watched.code = Some(status(trailers).unwrap_or(Code::Unknown));
                }
            }
            Some(Err(_)) => watched.code = Some(Code::Internal),
            // It ended without a status: no answer of gRPC does.
            None => watched.code = watched.code.or(Some(Code::Unknown)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The status in headers or trailers, if there is one.
fn status(headers: &http::HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// The names of the gRPC specification.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// `/metrics` for Prometheus and `/healthz` for whoever restarts us: 200 while requests are taken,
/// 503 before and after.
pub fn metrics_router(metrics: Metrics) -> axum::Router {
    let health = metrics.clone();
    axum::Router::new()
        .route("/metrics", axum::routing::get(move || async move { page(&metrics) }))
        .route("/healthz", axum::routing::get(move || async move { health_of(&health) }))
}

fn page(metrics: &Metrics) -> ([(header::HeaderName, &'static str); 1], String) {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.encode())
}

fn health_of(metrics: &Metrics) -> (StatusCode, &'static str) {
    if metrics.is_serving() {
        (StatusCode::OK, "serving\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not serving\n")
    }
}

/// Serves [`metrics_router`] on `listener` until `stop`; pages under way then have two seconds.
pub async fn serve_metrics(
    listener: TcpListener,
    metrics: Metrics,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(());
    let stop = async move {
        stop.await;
        drop(stopping);
    };
    let serve = axum::serve(listener, metrics_router(metrics)).with_graceful_shutdown(stop);
    let late = async move {
        // Resolves when the sender is dropped, never before.
        let _ = stopped.changed().await;
        tokio::time::sleep(LAST_SCRAPE).await;
    };
    tokio::select! {
        served = serve => served,
        () = late => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use tonic_health::pb::health_server::{Health, HealthServer};
    use tower::ServiceExt;

    const CHECK: &str = "grpc.health.v1.Health/Check";
    const WATCH: &str = "grpc.health.v1.Health/Watch";

    /// The health service below the layer, and its figures.
    fn health() -> (Metrics, MetricsService<HealthServer<impl Health>>) {
        let metrics = Metrics::new();
        let layer = MetricsLayer::new(metrics.clone(), [CHECK, WATCH].map(str::to_owned));
        let (_, service) = tonic_health::server::health_reporter();
        (metrics, layer.layer(service))
    }

    /// A request of gRPC whose message asks for the service named by one letter, or for all.
    fn ask(path: &str, service: Option<u8>) -> Request<tonic::body::Body> {
        let message = service.map_or(vec![0, 0, 0, 0, 0], |name| vec![0, 0, 0, 0, 3, 10, 1, name]);
        Request::post(format!("/{path}"))
            .header("content-type", "application/grpc")
            .body(tonic::body::Body::new(axum::body::Body::from(message)))
            .unwrap()
    }

    async fn read<B>(response: Response<CountedBody<B>>) -> usize
    where
        B: Body<Data = axum::body::Bytes> + Unpin + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = axum::body::Body::new(response.into_body());
        axum::body::to_bytes(body, 1 << 20).await.unwrap().len()
    }

    /// Lines of the page about requests that have ended.
    fn requests(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode();
        let lines = text.lines().filter(|line| line.starts_with("anju_requests_total"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[tokio::test]
    async fn a_status_in_the_trailers_is_counted_when_the_answer_has_ended() {
        let (metrics, service) = health();
        let response = service.oneshot(ask(CHECK, None)).await.unwrap();
        assert_eq!(requests(&metrics), [""; 0]);
        assert_eq!(metrics.0.requests_in_flight.get(), 1);
        assert_eq!(read(response).await, 7);
        let line = format!("anju_requests_total{{rpc=\"{CHECK}\",code=\"OK\"}} 1");
        assert_eq!(requests(&metrics), [line]);
        assert_eq!(metrics.0.requests_in_flight.get(), 0);
        let text = metrics.encode();
        assert!(
            text.contains(&format!("anju_request_seconds_count{{rpc=\"{CHECK}\"}} 1")),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_status_in_the_head_is_counted() {
        let (metrics, service) = health();
        read(service.clone().oneshot(ask(CHECK, Some(b'x'))).await.unwrap()).await;
        let line = format!("anju_requests_total{{rpc=\"{CHECK}\",code=\"NOT_FOUND\"}} 1");
        assert_eq!(requests(&metrics), [line]);
    }

    #[tokio::test]
    async fn an_answer_given_up_is_cancelled() {
        let (metrics, mut service) = health();
        let stream = service.clone().oneshot(ask(WATCH, None)).await.unwrap();
        drop(stream);
        drop(service.call(ask(WATCH, None)));
        let line = format!("anju_requests_total{{rpc=\"{WATCH}\",code=\"CANCELLED\"}} 2");
        assert_eq!(requests(&metrics), [line]);
    }

    #[tokio::test]
    async fn paths_that_callers_make_up_share_one_series() {
        let (metrics, service) = health();
        for path in ["a/B", "anju.v1.X/Y", ""] {
            read(service.clone().oneshot(ask(path, None)).await.unwrap()).await;
        }
        let line = "anju_requests_total{rpc=\"unknown\",code=\"UNIMPLEMENTED\"} 3";
        assert_eq!(requests(&metrics), [line]);
    }

    #[tokio::test]
    async fn an_answer_without_a_status_and_a_failing_service_are_counted_as_faults() {
        let metrics = Metrics::new();
        let layer = MetricsLayer::new(metrics.clone(), []);
        let bare = tower::service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(axum::body::Body::from("hello")))
        });
        let response = layer.layer(bare).oneshot(Request::new(())).await.unwrap();
        read(response).await;
        let failing = tower::service_fn(|_: Request<()>| async {
            Err::<Response<axum::body::Body>, _>(std::io::Error::other("broken"))
        });
        drop(layer.layer(failing).oneshot(Request::new(())).await);
        assert_eq!(
            requests(&metrics),
            [
                "anju_requests_total{rpc=\"unknown\",code=\"INTERNAL\"} 1",
                "anju_requests_total{rpc=\"unknown\",code=\"UNKNOWN\"} 1",
            ]
        );
    }

    #[test]
    fn the_page_has_every_figure() {
        let metrics = Metrics::new();
        metrics.set_queue_depth(3);
        metrics.committed(2, 5);
        metrics.set_entries(Partition::new(7).unwrap(), 41);
        metrics.refused_connection();
        metrics.set_serving(true);
        metrics.refresh_with(|metrics| {
            metrics.set_store(&Stats {
                journal_bytes: 10,
                state_bytes: 20,
                sync_count: 4,
                sync_micros: 1_500_000,
                read_only: true,
            });
        });
        let watcher = metrics.watcher();
        let connections = [metrics.connection(), metrics.connection()];
        drop(watcher);
        let text = metrics.encode();
        drop(connections);
        for line in [
            "anju_queue_depth 3",
            "anju_commit_commands_sum 2.0",
            "anju_commit_entries_sum 5.0",
            "anju_entries{partition=\"7\"} 41",
            "anju_connections_refused_total 1",
            "anju_connections 2",
            "anju_serving 1",
            "anju_journal_bytes 10",
            "anju_state_bytes 20",
            "anju_journal_syncs_total 4",
            "anju_journal_sync_seconds_total 1.5",
            "anju_store_read_only 1",
            "anju_watchers 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(metrics.encode().contains("anju_connections 0\n"));
    }

    async fn fetch(router: &axum::Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn health_follows_whether_requests_are_taken() {
        let metrics = Metrics::new();
        let router = metrics_router(metrics.clone());
        assert_eq!(fetch(&router, "/healthz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        metrics.set_serving(true);
        assert_eq!(fetch(&router, "/healthz").await.0, StatusCode::OK);
        let (status, page) = fetch(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("anju_serving 1\n") && page.ends_with("# EOF\n"), "{page}");
        assert_eq!(fetch(&router, "/").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_metrics_page_stops_when_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serve = tokio::spawn(serve_metrics(listener, Metrics::new(), async {
            drop(stopped.await);
        }));
        drop(tokio::net::TcpStream::connect(address).await.unwrap());
        stop.send(()).unwrap();
        serve.await.unwrap().unwrap();
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}
