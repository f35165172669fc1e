//! TLS as clients meet it: calls, a new certificate while we serve, and clients that never finish.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anju::listener::{
    HANDSHAKE_COUNT_MAX, HANDSHAKE_TIME_MAX, Identity, Incoming, ListenerError, Reloaded, Security,
    bind,
};
use anju::telemetry::{Metrics, MetricsLayer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Far more than anything here takes; a test that meets it has failed.
const PATIENCE: Duration = Duration::from_secs(8);
/// The files are not looked at by themselves.
const NEVER: Duration = Duration::from_secs(3_600);
const CHECK: &str = "grpc.health.v1.Health/Check";

/// An authority and the two files of a server's identity.
struct Papers {
    authority: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Papers {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let papers = Self { authority, directory: tempfile::tempdir().unwrap() };
        papers.renew();
        papers
    }

    /// Writes a new pair into the files and gives the certificate back.
    fn renew(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        std::fs::write(self.certificate(), certificate.pem()).unwrap();
        std::fs::write(self.key(), key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("server.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("server.key")
    }

    fn identity(&self) -> Arc<Identity> {
        Arc::new(Identity::load(&self.certificate(), &self.key()).unwrap())
    }

    fn tls(&self) -> Security {
        Security::tls(self.identity(), NEVER)
    }

    /// Shakes hands as a client that offers `protocol`.
    async fn connect(&self, address: SocketAddr, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        tokio::time::timeout(PATIENCE, handshake).await.unwrap().unwrap()
    }

    async fn certificate_shown(&self, address: SocketAddr) -> CertificateDer<'static> {
        let stream = self.connect(address, "h2").await;
        stream.get_ref().1.peer_certificates().unwrap().first().unwrap().clone()
    }

    async fn client(&self, address: SocketAddr) -> HealthClient<Channel> {
        let authority = Certificate::from_pem(self.authority.pem());
        let tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
        let endpoint = endpoint.tls_config(tls).unwrap();
        let channel = tokio::time::timeout(PATIENCE, endpoint.connect()).await.unwrap();
        HealthClient::new(channel.unwrap())
    }
}

/// A health service that runs until it is stopped.
struct Served {
    address: SocketAddr,
    metrics: Metrics,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Served {
    async fn start(security: Security) -> Self {
        let metrics = Metrics::new();
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = Incoming::start(listener, security, metrics.clone()).unwrap();
        let (_, service) = tonic_health::server::health_reporter();
        let (stop, stopped) = oneshot::channel();
        let layer = MetricsLayer::new(metrics.clone(), [CHECK.to_owned()]);
        let server =
            Server::builder()
                .layer(layer)
                .serve_with_incoming_shutdown(service, incoming, async { stopped.await.unwrap() });
        Self { address, metrics, stop, server: tokio::spawn(server) }
    }

    /// Stops, waits until every connection has ended, and gives the page of figures.
    async fn stop(self) -> String {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap().unwrap();
        self.metrics.encode()
    }
}

async fn is_answered(client: &mut HealthClient<Channel>) {
    let check = client.check(HealthCheckRequest { service: String::new() });
    let answer = tokio::time::timeout(PATIENCE, check).await.unwrap().unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
}

fn has_line(page: &str, line: &str) {
    assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
}

#[tokio::test]
async fn a_call_over_tls_is_answered_and_counted() {
    let papers = Papers::new();
    let served = Served::start(papers.tls()).await;
    let mut client = papers.client(served.address).await;
    is_answered(&mut client).await;
    is_answered(&mut client).await;
    drop(client);
    let page = served.stop().await;
    has_line(&page, &format!("anju_requests_total{{rpc=\"{CHECK}\",code=\"OK\"}} 2"));
    has_line(&page, "anju_connections_refused_total 0");
}

#[tokio::test]
async fn a_plain_call_is_answered() {
    let served = Served::start(Security::Plain).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    is_answered(&mut client).await;
    assert!(served.metrics.encode().contains("anju_connections 1\n"));
}

#[tokio::test]
async fn both_versions_of_http_are_offered() {
    let papers = Papers::new();
    let served = Served::start(papers.tls()).await;
    for protocol in ["h2", "http/1.1"] {
        let stream = papers.connect(served.address, protocol).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    }
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_old_ones_go_on() {
    let papers = Papers::new();
    let first = papers.renew();
    let identity = papers.identity();
    let served = Served::start(Security::tls(Arc::clone(&identity), NEVER)).await;
    let mut client = papers.client(served.address).await;
    is_answered(&mut client).await;
    assert_eq!(papers.certificate_shown(served.address).await, first);
    assert_eq!(identity.reload().unwrap(), Reloaded::Same);

    let second = papers.renew();
    assert_ne!(first, second);
    assert_eq!(papers.certificate_shown(served.address).await, first);
    assert_eq!(identity.reload().unwrap(), Reloaded::New);
    assert_eq!(papers.certificate_shown(served.address).await, second);
    is_answered(&mut client).await;
}

#[tokio::test]
async fn a_broken_certificate_leaves_the_old_one_in_force() {
    let papers = Papers::new();
    let first = papers.renew();
    let identity = papers.identity();
    let served = Served::start(Security::tls(Arc::clone(&identity), NEVER)).await;

    let key = std::fs::read(papers.key()).unwrap();
    papers.renew();
    std::fs::write(papers.key(), key).unwrap();
    assert!(matches!(identity.reload(), Err(ListenerError::Pair { .. })));
    assert_eq!(papers.certificate_shown(served.address).await, first);

    std::fs::write(papers.certificate(), "nothing of the kind").unwrap();
    assert!(matches!(identity.reload(), Err(ListenerError::Pem { .. })));
    std::fs::remove_file(papers.certificate()).unwrap();
    assert!(matches!(identity.reload(), Err(ListenerError::Read { .. })));
    assert_eq!(papers.certificate_shown(served.address).await, first);

    let last = papers.renew();
    assert_eq!(identity.reload().unwrap(), Reloaded::New);
    assert_eq!(papers.certificate_shown(served.address).await, last);
}

#[tokio::test]
async fn the_files_are_looked_at_by_themselves() {
    let papers = Papers::new();
    let served = Served::start(Security::tls(papers.identity(), Duration::from_millis(5))).await;
    std::fs::write(papers.key(), "broken for a while").unwrap();
    let renewed = papers.renew();
    let noticed = async { while papers.certificate_shown(served.address).await != renewed {} };
    tokio::time::timeout(PATIENCE, noticed).await.unwrap();
}

#[tokio::test]
async fn silent_clients_hold_up_nobody() {
    let papers = Papers::new();
    let served = Served::start(papers.tls()).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let mut client = papers.client(served.address).await;
    is_answered(&mut client).await;
    drop(client);
    // The silent ones are still there, and do not hold up the end either.
    has_line(
        &served.stop().await,
        &format!("anju_requests_total{{rpc=\"{CHECK}\",code=\"OK\"}} 1"),
    );
    let mut byte = [0];
    for mut stream in silent {
        assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn one_handshake_too_many_is_turned_away_until_a_place_is_free() {
    let papers = Papers::new();
    let served = Served::start(Security::Tls {
        identity: papers.identity(),
        reload: NEVER,
        handshake_time_max: HANDSHAKE_TIME_MAX,
        handshake_count_max: 2,
    })
    .await;
    // Connections are accepted in the order in which they were made.
    let silent = [
        TcpStream::connect(served.address).await.unwrap(),
        TcpStream::connect(served.address).await.unwrap(),
    ];
    let mut third = TcpStream::connect(served.address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, third.read(&mut [0])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
    has_line(&served.metrics.encode(), "anju_connections_refused_total 1");

    drop(silent);
    let free = async {
        while !served.metrics.encode().contains("refused_total 3\n") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, free).await.unwrap();
    let mut client = papers.client(served.address).await;
    is_answered(&mut client).await;
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_ended() {
    let papers = Papers::new();
    let served = Served::start(Security::Tls {
        identity: papers.identity(),
        reload: NEVER,
        handshake_time_max: Duration::from_millis(1),
        handshake_count_max: HANDSHAKE_COUNT_MAX,
    })
    .await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, silent.read(&mut [0])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
    has_line(&served.metrics.encode(), "anju_connections_refused_total 1");
}

#[tokio::test]
async fn who_speaks_no_tls_is_turned_away_and_counted() {
    let papers = Papers::new();
    let served = Served::start(papers.tls()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let counted = async {
        while !served.metrics.encode().contains("refused_total 1\n") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.unwrap();
}

#[tokio::test]
async fn dropping_the_connections_ends_the_listening() {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = Incoming::start(listener, Security::Plain, Metrics::new()).unwrap();
    drop(TcpStream::connect(address).await.unwrap());
    drop(incoming);
    let closed = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = bind(address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}
