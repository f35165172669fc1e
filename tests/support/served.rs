//! The real server within the test's own process, on a free port of this machine.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anju::{
    auth::{
        actor::{Reach, Regions},
        authenticate::Authenticator,
        role::Role,
        token::{self, NewToken},
    },
    kernel::time::{Clock, ManualClock, Stamp},
    listener::Security,
    registry::{Options, Registry},
    server::{self, Ended, Served},
    service::Settings,
    store::Store,
    telemetry::Metrics,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc, task::JoinHandle};

/// A server that runs until it is dropped, and has to end in good order then.
pub(crate) struct Serving {
    pub(crate) runtime: Runtime,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<ManualClock>,
    /// `http://127.0.0.1:…`
    pub(crate) address: String,
    /// The tokens, in the order of those for whom they were asked.
    pub(crate) secrets: Vec<String>,
    signals: mpsc::Sender<()>,
    server: Option<JoinHandle<anyhow::Result<Ended>>>,
    _directory: tempfile::TempDir,
}

impl Serving {
    /// Serves what is in the store to those who are named, each in a role and everywhere.
    pub(crate) fn start(store: Arc<dyn Store>, now: Stamp, who: &[(&str, Role)]) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let its = Arc::clone(&clock) as Arc<dyn Clock>;
        let registry =
            Registry::open(store, Arc::clone(&its), Options::default(), &mut |_, _| {}).unwrap();
        let registry = Arc::new(registry);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        let secrets = who.iter().map(|(subject, role)| {
            let reach = Reach { regions: Regions::All, institutions: BTreeSet::new() };
            let new = NewToken {
                subject: (*subject).to_owned(),
                role: *role,
                institution: None,
                reach,
                not_after: None,
            };
            token::add(&path, &new).unwrap()
        });
        let secrets = secrets.collect();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (signals, asked) = mpsc::channel(2);
        let serving = Served {
            registry: Arc::clone(&registry),
            authenticator: Arc::new(Authenticator::open(&path).unwrap()),
            clock: its,
            metrics: Metrics::new(),
            settings: Settings::default(),
            request_bytes_max: 1024 * 1024,
            concurrent_requests: 64,
            shutdown: Duration::from_secs(10),
        };
        let running = Some(runtime.spawn(server::run(serving, listener, Security::Plain, asked)));
        Self {
            runtime,
            registry,
            clock,
            address,
            secrets,
            signals,
            server: running,
            _directory: directory,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let server = self.server.take();
        let ended = self.runtime.block_on(async {
            self.signals.send(()).await.unwrap();
            server.unwrap().await
        });
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}
