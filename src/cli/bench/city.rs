//! The registry that is measured: served in this process, over real connections, and at hand for
//! what is measured without them.

use std::{
    collections::BTreeSet,
    fs, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use crate::{
    auth::{
        actor::{Reach, Regions},
        authenticate::Authenticator,
        role::Role,
        token::{self, NewToken},
    },
    cli::{
        bench::held::Done,
        import::{self, Clients, ImportArgs},
    },
    client::{Authenticated, ClientTls, Connection},
    config::Config,
    exchange::{carried::carried, column::FileKind},
    kernel::{
        id::{RegionId, SubjectId},
        time::{KnownAt, SystemClock},
    },
    listener::Security,
    proto::v1::{
        BuildingFields, BuildingUse, Identifier, Structure, WriteContext,
        building_service_client::BuildingServiceClient,
    },
    registry::{Options, Registry},
    server::{self, Ended, Served},
    service,
    store::embedded::EmbeddedStore,
    telemetry::Metrics,
};

/// Connections that callers share.
const CONNECTIONS_MAX: u16 = 16;
/// What a benchmark's writes give as their reason.
const REASON: &str = "a benchmark";

/// A registry at work, and what is in it.
pub(super) struct City {
    pub(super) registry: Arc<Registry>,
    address: SocketAddr,
    secret: String,
    stop: mpsc::Sender<()>,
    serving: JoinHandle<anyhow::Result<Ended>>,
    /// The partition of everything below the district.
    pub(super) partition: u32,
    /// A community with buildings, and what it lies in: street, district, city.
    pub(super) regions: Vec<RegionId>,
    /// What is in it.
    pub(super) ids: Ids,
}

/// What callers name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    /// Ids of buildings, evenly from all of them.
    pub(super) buildings: Arc<Vec<String>>,
    /// Ids of compounds.
    pub(super) compounds: Arc<Vec<String>>,
    numbers: Arc<AtomicU64>,
    /// What was done with them.
    pub(super) done: Done,
}

impl Ids {
    /// A number that was never used before: values of a benchmark are all distinct.
    pub(super) fn next(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A building, never the same one soon.
    pub(super) fn building(&self, number: u64) -> String {
        pick(&self.buildings, number)
    }

    /// A compound.
    pub(super) fn compound(&self, number: u64) -> String {
        pick(&self.compounds, number)
    }
}

impl City {
    /// Begins a registry and serves it.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let secret = token::add(&config.token_file, &credential())?;
        let (directory, options) = (config.data_dir.clone(), server::store_options(config));
        let run =
            Options { queue: config.writer.queue, commands_max: config.writer.batch_commands_max };
        let opened = tokio::task::spawn_blocking(move || {
            let (store, _) = EmbeddedStore::open(&directory, options)?;
            let registry =
                Registry::open(Arc::new(store), Arc::new(SystemClock), run, &mut |_, _| {})?;
            Ok::<_, anyhow::Error>(registry)
        });
        let registry = Arc::new(opened.await??);
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let served = Served {
            registry: Arc::clone(&registry),
            authenticator: Arc::new(Authenticator::open(&config.token_file)?),
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(),
            settings: service::Settings::default(),
            request_bytes_max: config.limits.request_bytes,
            concurrent_requests: config.limits.concurrent_requests,
            shutdown: config.shutdown,
        };
        let (stop, signals) = mpsc::channel(1);
        let serving = tokio::spawn(server::run(served, listener, Security::Plain, signals));
        Ok(Self {
            registry,
            address,
            secret,
            stop,
            serving,
            partition: 0,
            regions: Vec::new(),
            ids: Ids::default(),
        })
    }

    /// Imports the regions that this program carries.
    pub(super) async fn take_regions(&mut self, config: &Config) -> anyhow::Result<()> {
        let directory = config.data_dir.join("bench-files");
        fs::create_dir_all(&directory)?;
        let mut files = Vec::new();
        for file in carried().iter().filter(|file| file.kind == FileKind::Regions) {
            let path = directory.join(file.name);
            fs::write(&path, file.bytes)?;
            files.push(path);
        }
        let clients = Clients::new(self.connection()?.service());
        let args = ImportArgs::of(FileKind::Regions, files);
        let taken = import::run(args, clients, import::Answer::Table, &mut io::sink()).await?;
        anyhow::ensure!(taken == import::Outcome::Whole, "the carried regions were not all taken");
        fs::remove_dir_all(&directory)?;
        Ok(())
    }

    /// Remembers the regions above a community, and its partition.
    pub(super) fn look_from(&mut self, community_code: &str) -> anyhow::Result<()> {
        let (found, _) =
            self.registry.resolve_code("stats12", community_code, None, None, KnownAt::Now)?;
        let community = found.first().context("the city has no such community")?.region;
        self.partition = community.partition().number();
        self.regions = self.registry.regions_above(community.into())?;
        // What lies above the city is a sum over partitions and no node of this one.
        self.regions.truncate(4);
        Ok(())
    }

    /// A connection of its own.
    pub(super) fn connection(&self) -> anyhow::Result<Connection> {
        connect(self.address, &self.secret)
    }

    /// A client for each of so many callers, over at most sixteen connections; answers are not
    /// compressed.
    pub(super) fn building_clients(&self, clients: u16) -> anyhow::Result<Callers> {
        callers(self.address, &self.secret, clients)
    }

    /// The secret that the registry is asked with.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Finishes what was begun and leaves the data directory.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        let Self { registry, stop, serving, .. } = self;
        drop(registry);
        // It may have ended by itself; then its own error is told.
        let _ = stop.send(()).await;
        serving.await??;
        Ok(())
    }
}

/// Clients of several callers.
pub(super) type Callers = Vec<BuildingServiceClient<Authenticated>>;

/// A connection to a server on this machine.
pub(super) fn connect(address: SocketAddr, secret: &str) -> anyhow::Result<Connection> {
    let url = format!("http://{address}");
    Ok(Connection::open(&url, Some(secret.to_owned()), &ClientTls::default())?)
}

/// A connection for each of so many callers, at most sixteen of them different.
pub(super) fn connect_all(city: &City, clients: u16) -> anyhow::Result<Vec<Connection>> {
    let open = |_| connect(city.address, &city.secret);
    let connections = (0..clients.min(CONNECTIONS_MAX)).map(open);
    let connections = connections.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(connections.iter().cycle().take(usize::from(clients)).cloned().collect())
}

/// As [`City::building_clients`], of any server.
pub(super) fn callers(address: SocketAddr, secret: &str, clients: u16) -> anyhow::Result<Callers> {
    let connections = (0..clients.min(CONNECTIONS_MAX)).map(|_| connect(address, secret));
    let connections = connections.collect::<anyhow::Result<Vec<_>>>()?;
    let each = connections.iter().cycle().take(usize::from(clients));
    Ok(each.map(|connection| BuildingServiceClient::new(connection.service())).collect())
}

/// Who may do everything everywhere.
pub(super) fn credential() -> NewToken {
    NewToken {
        subject: "bench".to_owned(),
        role: Role::Operator,
        institution: None,
        reach: Reach { regions: Regions::All, institutions: BTreeSet::default() },
        not_after: None,
    }
}

/// One of several texts; none of none.
fn pick(texts: &[String], number: u64) -> String {
    // A stride without a common factor with most counts, so that neighbours are not asked in turn.
    let count = u64::try_from(texts.len()).unwrap_or(1).max(1);
    let place = number.wrapping_mul(7_919) % count;
    usize::try_from(place).ok().and_then(|place| texts.get(place)).cloned().unwrap_or_default()
}

/// What comes with a write.
pub(super) fn write_context() -> WriteContext {
    WriteContext {
        request_id: uuid::Uuid::new_v4().to_string(),
        reason: REASON.to_owned(),
        ..WriteContext::default()
    }
}

/// A building that differs from every other.
pub(super) fn building(number: u64, compound: String) -> BuildingFields {
    let mut fields = changed(number);
    fields.address = Some(format!("示例区人民路{}号院{number}号楼", number % 180));
    fields.compound_id = Some(compound);
    fields.completed = Some("2024-03-01".to_owned());
    fields.set_use(BuildingUse::Dwelling);
    let census = Identifier { scheme: "census".to_owned(), value: format!("BENCH{number:012}") };
    fields.identifiers.push(census);
    fields
}

/// Values that differ from every other's, also in the totals.
pub(super) fn changed(number: u64) -> BuildingFields {
    let area = 30_000_000 + number % 10_000_000;
    let mut fields = BuildingFields {
        name: Some(format!("示例{number}号楼")),
        storeys_above: Some(6),
        storeys_below: Some(0),
        height_cm: Some(1_800),
        lift_count: Some(0),
        floor_area_cm2: i64::try_from(area).ok(),
        ..BuildingFields::default()
    };
    fields.set_structure(Structure::BrickConcrete);
    fields
}

/// The id of a region as any subject's.
pub(super) fn subject(region: RegionId) -> SubjectId {
    region.into()
}
