//! A city to ask: one province, a city with its own partition, a district, two streets with a
//! community each, and a server with a token for every role that the tests need.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anju::{
    auth::{
        actor::{Reach, Regions},
        authenticate::Authenticator,
        role::Role,
        token::{self, NewToken},
    },
    domain::{
        author::Author,
        content::{Content, Fields, Shared},
        region::{Level, RegionContent},
    },
    kernel::{
        id::{IdSeed, RegionId, SubjectId},
        position::Partition,
        time::{ManualClock, Stamp},
    },
    listener::Security,
    proto::v1,
    registry::{Call, Command, Options, Register, Registry},
    server::{self, Ended, Served},
    service::Settings,
    store::memory::MemoryStore,
    telemetry::Metrics,
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tonic::{Request, Status, transport::Channel};
use tonic_types::StatusExt as _;

/// Now, in all tests.
pub(crate) const NOW: &str = "2026-06-01T04:00:00Z";

/// A server with a small city behind it.
pub(crate) struct City {
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) channel: Channel,
    pub(crate) signals: mpsc::Sender<()>,
    pub(crate) server: JoinHandle<anyhow::Result<Ended>>,
    pub(crate) metrics: Metrics,
    pub(crate) district: String,
    /// The two streets and their communities.
    pub(crate) streets: [String; 2],
    pub(crate) communities: [String; 2],
    pub(crate) partition: Partition,
    secrets: Vec<(&'static str, String)>,
    _directory: tempfile::TempDir,
}

/// Puts a region straight into the registry.
pub(crate) fn region(
    registry: &Registry,
    level: Level,
    name: &str,
    parent: Option<RegionId>,
) -> RegionId {
    let seed = IdSeed { unix_ms: 1_780_000_000_000, random: u64::from(rand()) };
    let content = Content {
        fields: Fields::Region(RegionContent {
            level: Some(level),
            name: Some(Some(name.to_owned())),
            parent: parent.map(Some),
        }),
        shared: Shared::default(),
    };
    let call = Call {
        partition: parent.map_or(Partition::ROOT, RegionId::partition),
        author: Author { subject: "setup".to_owned(), ..Author::default() },
        request: None,
        reason: String::new(),
        validate_only: false,
        overrides: vec![],
        seed: [7; 32],
    };
    let register = Register {
        seed,
        content,
        exists_from: "1980".parse().unwrap(),
        opens_partition: level == Level::City,
        sentences: vec![],
    };
    let outcome = registry.execute(call, Command::Register(register)).unwrap();
    outcome.decided.subjects[0].try_into().unwrap()
}

/// Distinct numbers are all that ids of tests need.
fn rand() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

impl City {
    /// A city whose services behave as usual.
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// A city whose services behave in a certain way.
    pub(crate) async fn start_with(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::new(NOW.parse::<Stamp>().unwrap()));
        let store = Arc::new(MemoryStore::new());
        let registry =
            Registry::open(store, clock.clone(), Options::default(), &mut |_, _| {}).unwrap();
        let province = region(&registry, Level::Province, "河南省", None);
        let city = region(&registry, Level::City, "郑州市", Some(province));
        let district = region(&registry, Level::District, "金水区", Some(city));
        let streets =
            ["东街", "西街"].map(|name| region(&registry, Level::Street, name, Some(district)));
        let communities =
            streets.map(|street| region(&registry, Level::Community, "第一社区", Some(street)));

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        let within = |region: RegionId| Regions::List(BTreeSet::from([region]));
        let grants = [
            ("operator", Role::Operator, Regions::All),
            ("auditor", Role::Auditor, Regions::All),
            ("public", Role::Public, Regions::All),
            ("east", Role::DistrictOperator, within(streets[0])),
            ("west", Role::DistrictOperator, within(streets[1])),
            ("city", Role::MunicipalOperator, within(city)),
            ("inspector", Role::InspectionBody, within(streets[0])),
            ("grid", Role::GridWorker, within(streets[0])),
            ("insurer", Role::Insurer, within(streets[0])),
            ("rival", Role::Insurer, within(streets[0])),
        ];
        let secrets = grants.map(|(subject, role, regions)| {
            let new = NewToken {
                subject: subject.to_owned(),
                role,
                institution: (role == Role::Insurer).then(|| format!("EXAMPLE-{subject}")),
                reach: Reach { regions, institutions: BTreeSet::new() },
                not_after: None,
            };
            (subject, token::add(&path, &new).unwrap())
        });

        let registry = Arc::new(registry);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (signals, asked) = mpsc::channel(2);
        let metrics = Metrics::new();
        let served = Served {
            registry: Arc::clone(&registry),
            authenticator: Arc::new(Authenticator::open(&path).unwrap()),
            clock: clock.clone(),
            metrics: metrics.clone(),
            settings,
            request_bytes_max: 1024 * 1024,
            concurrent_requests: 64,
            shutdown: Duration::from_secs(10),
        };
        let running = tokio::spawn(server::run(served, listener, Security::Plain, asked));
        let channel =
            Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self {
            registry,
            clock,
            channel,
            signals,
            server: running,
            metrics,
            district: district.to_string(),
            streets: streets.map(|id| id.to_string()),
            communities: communities.map(|id| id.to_string()),
            partition: SubjectId::from(city).partition(),
            secrets: secrets.to_vec(),
            _directory: directory,
        }
    }

    /// A request with the token of a subject.
    pub(crate) fn asking<T>(&self, subject: &str, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let (_, secret) = self.secrets.iter().find(|(name, _)| *name == subject).unwrap();
        let value = format!("Bearer {secret}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }

    /// Registers a compound in a community.
    pub(crate) async fn compound(&self, community: &str, name: &str) -> v1::Compound {
        let message = v1::CreateCompoundRequest {
            context: write(),
            fields: Some(v1::CompoundFields {
                name: Some(name.to_owned()),
                community_id: Some(community.to_owned()),
                ..v1::CompoundFields::default()
            }),
            exists_from: "1985".to_owned(),
        };
        let answer =
            self.compounds().create_compound(self.asking("operator", message)).await.unwrap();
        answer.into_inner().compound.unwrap()
    }

    /// Registers a building in a compound.
    pub(crate) async fn building(&self, compound: &str, name: &str) -> v1::Building {
        let message = building(compound, name);
        let answer =
            self.buildings().create_building(self.asking("operator", message)).await.unwrap();
        answer.into_inner().building.unwrap()
    }

    pub(crate) fn regions(&self) -> v1::region_service_client::RegionServiceClient<Channel> {
        v1::region_service_client::RegionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn compounds(&self) -> v1::compound_service_client::CompoundServiceClient<Channel> {
        v1::compound_service_client::CompoundServiceClient::new(self.channel.clone())
    }

    pub(crate) fn buildings(&self) -> v1::building_service_client::BuildingServiceClient<Channel> {
        v1::building_service_client::BuildingServiceClient::new(self.channel.clone())
    }

    pub(crate) fn registries(&self) -> v1::registry_service_client::RegistryServiceClient<Channel> {
        v1::registry_service_client::RegistryServiceClient::new(self.channel.clone())
    }

    pub(crate) fn watches(&self) -> v1::watch_service_client::WatchServiceClient<Channel> {
        v1::watch_service_client::WatchServiceClient::new(self.channel.clone())
    }
}

/// What comes with a write: a new request id.
#[expect(clippy::unnecessary_wraps, reason = "messages have it as an option")]
pub(crate) fn write() -> Option<v1::WriteContext> {
    Some(v1::WriteContext {
        request_id: uuid::Uuid::new_v4().to_string(),
        ..v1::WriteContext::default()
    })
}

/// The same, with a reason.
pub(crate) fn write_because(reason: &str) -> Option<v1::WriteContext> {
    write().map(|context| v1::WriteContext { reason: reason.to_owned(), ..context })
}

/// A request to register a building.
pub(crate) fn building(compound: &str, name: &str) -> v1::CreateBuildingRequest {
    v1::CreateBuildingRequest {
        context: write(),
        fields: Some(v1::BuildingFields {
            name: Some(name.to_owned()),
            compound_id: Some(compound.to_owned()),
            completed: Some("1986".to_owned()),
            floor_area_cm2: Some(2_000 * 10_000),
            ..v1::BuildingFields::default()
        }),
        exists_from: "1986".to_owned(),
    }
}

/// The code and reason of a refusal, and its violations: reason and field.
pub(crate) fn told(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "anju");
    let mut lines = vec![format!("{:?} {}", status.code(), info.reason)];
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations);
    lines.extend(fields.into_iter().flatten().map(|one| format!("{} {}", one.reason, one.field)));
    let rules = status.get_details_precondition_failure().map(|failure| failure.violations);
    lines.extend(rules.into_iter().flatten().map(|one| format!("{} {}", one.r#type, one.subject)));
    lines.join("\n")
}
