//! Disks that fail under a running server: it says so, goes on to be read, acknowledges nothing that
//! is not durable, and after a restart holds what it acknowledged and of the rest only whole
//! commands, each of which is answered when it is asked again. What lies beside the journal may be
//! old, foreign or gone by then.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anju::{
    auth::authenticate::Authenticator,
    client::{ClientTls, Connection, describe},
    kernel::time::SystemClock,
    listener::{self, Security},
    proto::v1::GetStatusRequest,
    registry::{Options, Registry},
    server::{self, Ended, Served},
    service::Settings,
    store::embedded::{
        EmbeddedOptions, EmbeddedStore, OpenReport, Reserve,
        faults::{Fault, FaultFiles, Left},
        files::Space,
    },
    telemetry::Metrics,
};
use support::{
    city::{City, building},
    files::{State, copy},
    load::{Ledger, check, checkpoint, clients, listed},
    server::operator,
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tonic::Code;

const CLIENTS: usize = 4;
/// Registries that live at the same time.
const AT_ONCE: usize = 4;
/// Small, so that a fault may meet the turn from one file to the next.
const SEGMENT_BYTES: u64 = 32 * 1024;

/// A registry's directory, and the token of its operator.
struct Place {
    directory: TempDir,
    secret: String,
    files: FaultFiles,
}

/// A server in this process, over a port as others have it.
struct Running {
    connection: Connection,
    signals: mpsc::Sender<()>,
    server: JoinHandle<anyhow::Result<Ended>>,
    report: OpenReport,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let secret = operator(&directory.path().join("tokens.toml"));
        Self { directory, secret, files: FaultFiles::new() }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    async fn serve(&self) -> Running {
        let options = EmbeddedOptions {
            cache_bytes: 16 * 1024 * 1024,
            segment_bytes: SEGMENT_BYTES,
            reserve: Reserve { bytes: 1_000, percent: 0 },
            // So that every write is a command's.
            idle: Duration::from_secs(3_600),
            files: Arc::new(self.files.clone()),
            ..EmbeddedOptions::default()
        };
        let (store, report) = EmbeddedStore::open(&self.data(), options).unwrap();
        let registry = Registry::open(
            Arc::new(store),
            Arc::new(SystemClock),
            Options::default(),
            &mut |_, _| {},
        );
        let tokens = self.directory.path().join("tokens.toml");
        let served = Served {
            registry: Arc::new(registry.unwrap()),
            authenticator: Arc::new(Authenticator::open(&tokens).unwrap()),
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(),
            settings: Settings::default(),
            request_bytes_max: 1024 * 1024,
            concurrent_requests: 64,
            shutdown: Duration::from_secs(10),
        };
        let listener = listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (signals, asked) = mpsc::channel(2);
        let task = tokio::spawn(server::run(served, listener, Security::Plain, asked));
        let secret = Some(self.secret.clone());
        let connection = Connection::open(&url, secret, &ClientTls::default()).unwrap();
        Running { connection, signals, server: task, report }
    }
}

impl Running {
    /// Ends it as a signal does; no file is open afterwards.
    async fn stop(self) {
        self.signals.send(()).await.unwrap();
        drop(self.connection);
        assert_eq!(self.server.await.unwrap().unwrap(), Ended::Finished);
    }
}

/// One life of a registry: a fault while clients write, the power cut, a state that may be another
/// one, and a start.
async fn survives(fault: Fault, extension: &'static str, after: usize, left: Left, state: State) {
    let case = format!("{fault:?} of .{extension} after {after}, {left:?} left, state {state:?}");
    let place = Place::new();
    let running = place.serve().await;
    let city = City::found(&running.connection).await;
    let mut ledger = Ledger::default();
    let from = checkpoint(&running.connection, city.partition).await.unwrap().size;
    // A clean stop, for a state to come back to.
    running.stop().await;
    let older = place.directory.path().join("older");
    copy(&place.data().join("state"), &older);

    let running = place.serve().await;
    place.files.plan(fault, extension, after);
    let connections = std::iter::repeat_n(running.connection.clone(), CLIENTS);
    let written = clients(&city.compound, "a", connections).join_all().await;
    let (unanswered, refused) = ledger.take(written);
    assert_eq!(place.files.planned_count(), 0, "{case}: the fault never came");
    for status in refused {
        let failure = describe(&status);
        assert_eq!(failure.code, Code::Unavailable, "{case}: {failure}");
        assert!(failure.reason.is_some(), "{case}: {failure}");
    }
    // It is read as ever, and shows what is durable and no more.
    assert!(listed(&city, &running.connection).await == ledger.buildings, "{case}");
    let status = running.connection.registry().get_status(GetStatusRequest {}).await.unwrap();
    assert!(status.into_inner().read_only, "{case}");
    let one_more = building(&city.compound, "one more", 10_000_000);
    let refused = running.connection.buildings().create_building(one_more).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{case}");
    running.stop().await;

    place.files.power_cut(left).unwrap();
    state.put(&place.data(), &older);
    let running = place.serve().await;
    check(&running.connection, &city, &mut ledger, unanswered, from).await;
    running.stop().await;
    let running = place.serve().await;
    assert!(running.report.clean, "{case}");
    assert!(listed(&city, &running.connection).await == ledger.buildings, "{case}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_failing_writes_and_the_rest_is_whole_or_absent() {
    let faults = [
        Fault::Write,
        Fault::ShortWrite(1),
        Fault::ShortWrite(40),
        Fault::ShortWrite(400),
        Fault::ShortWrite(usize::MAX),
        Fault::DiskFull(0),
        Fault::DiskFull(100),
        Fault::Sync,
    ];
    let lefts = [Left::Nothing, Left::Everything, Left::Some(1), Left::Some(2), Left::Some(3)];
    let choices = lefts.into_iter().zip(State::ALL.into_iter().cycle().skip(1)).cycle();
    let cases = faults.into_iter().cycle().zip(choices).take(24).enumerate();
    let mut lives = JoinSet::new();
    for (number, (fault, (left, state))) in cases {
        lives.spawn(survives(fault, "seg", 1 + number * 5 % 23, left, state));
        if lives.len() == AT_ONCE {
            lives.join_next().await.unwrap().unwrap();
        }
    }
    lives.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_its_reserve_the_disk_is_read_and_not_written_and_above_it_all_goes_on() {
    let place = Place::new();
    let running = place.serve().await;
    let city = City::found(&running.connection).await;
    let from = checkpoint(&running.connection, city.partition).await.unwrap().size;
    let mut ledger = Ledger::default();
    place.files.set_space(Space { free_bytes: 999, total_bytes: 1_000_000 });
    // Clients go on until the room is asked for again.
    let connections = std::iter::repeat_n(running.connection.clone(), CLIENTS);
    let written = clients(&city.compound, "b", connections).join_all().await;
    let (unanswered, refused) = ledger.take(written);
    for status in refused {
        let failure = describe(&status);
        assert_eq!(failure.code, Code::ResourceExhausted, "{failure}");
        assert_eq!(failure.reason.as_deref(), Some("DISK_RESERVE"), "{failure}");
    }
    assert!(listed(&city, &running.connection).await == ledger.buildings);
    place.files.set_space(Space { free_bytes: 1_000, total_bytes: 1_000_000 });
    check(&running.connection, &city, &mut ledger, unanswered, from).await;
    running.stop().await;
}
