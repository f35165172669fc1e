//! Connections for the gRPC server: plain on this machine, TLS for everybody else.
//!
//! Handshakes run side by side, at most so many at a time and ten seconds each, so a client that is
//! slow or silent holds up nobody. The certificate is looked at again and again, and a new pair
//! serves new connections; one that cannot be used leaves the old one in force. The acceptor is our
//! own because tonic's offers no HTTP/1.1, shakes hands one after another and never reloads.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::kernel::hash::Hash;
use crate::telemetry::{Counted, Metrics};

/// How long a handshake may take.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Handshakes at a time, unless said otherwise; one more is turned away.
pub const HANDSHAKE_COUNT_MAX: usize = 1_024;
/// Bytes of a certificate or key file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why there are no connections to be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is no PEM file of what it should be.
    #[error("{path} holds no {what} in PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// A certificate or a private key.
        what: &'static str,
    },
    /// Certificate and key cannot be used, or not together.
    #[error("{certificate} and {key} cannot be used together")]
    Pair {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The library accepts none of its own protocol versions.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The server's certificate and key: read from two files, read again when they change.
#[derive(Debug)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// Hash of what the files held when they were last looked at, good or bad.
    seen: Mutex<Hash>,
}

/// What became of a look at the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// They hold what they held before.
    Same,
    /// They hold a new pair, which serves new connections from now on.
    New,
}

impl Identity {
    /// Reads the pair, which must be good now.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, ListenerError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let files = Files::read(certificate, key)?;
        let pair = files.pair(certificate, key, &provider)?;
        if std::fs::metadata(key).is_ok_and(|metadata| metadata.mode() & 0o007 != 0) {
            tracing::warn!(key = %key.display(), "everybody can read the private key; chmod 600");
        }
        Ok(Self {
            certificate: certificate.into(),
            key: key.into(),
            provider,
            current: RwLock::new(Arc::new(pair)),
            seen: Mutex::new(files.hash()),
        })
    }

    /// Looks at the files. After an error the pair before stays in force, and the same files are
    /// not tried again.
    pub fn reload(&self) -> Result<Reloaded, ListenerError> {
        let files = Files::read(&self.certificate, &self.key)?;
        let hash = files.hash();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == hash {
            return Ok(Reloaded::Same);
        }
        *seen = hash;
        let pair = files.pair(&self.certificate, &self.key, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        Ok(Reloaded::New)
    }

    /// The server's side of TLS 1.2 and 1.3, for HTTP/2 and HTTP/1.1, with this identity.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, ListenerError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Looks at the files each `every`, for as long as it is polled.
    async fn keep_looking(self: Arc<Self>, every: Duration) {
        let mut unreadable = false;
        loop {
            tokio::time::sleep(every).await;
            let identity = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || identity.reload()).await;
            match looked {
                Ok(Ok(Reloaded::New)) => tracing::info!("a new certificate serves new connections"),
                Ok(Ok(Reloaded::Same)) | Err(_) => {}
                // Files that cannot be read are tried each time, and complained of once.
                Ok(Err(ListenerError::Read { .. })) if unreadable => continue,
                Ok(Err(error)) => {
                    unreadable = matches!(error, ListenerError::Read { .. });
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "the new certificate is not used; the one before it stays"
                    );
                    continue;
                }
            }
            unreadable = false;
        }
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What the two files hold.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, ListenerError> {
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn hash(&self) -> Hash {
        let length = (self.certificate.len() as u64).to_be_bytes();
        Hash::of(&[&length, &self.certificate, &self.key])
    }

    fn pair(
        &self,
        certificate: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, ListenerError> {
        let no = |path: &Path, what| ListenerError::Pem { path: path.into(), what };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| no(certificate, "certificate"))?;
        let secret =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| no(key, "private key"))?;
        CertifiedKey::from_der(chain, secret, provider).map_err(|source| ListenerError::Pair {
            certificate: certificate.into(),
            key: key.into(),
            source,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ListenerError> {
    let fails = |source| ListenerError::Read { path: path.into(), source };
    if std::fs::metadata(path).map_err(fails)?.len() > FILE_BYTES_MAX {
        return Err(fails(io::Error::other("a certificate or key has at most 1 MiB")));
    }
    std::fs::read(path).map_err(fails)
}

/// How connections are secured.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all: for loopback addresses.
    Plain,
    /// With TLS.
    Tls {
        /// The server's certificate and key.
        identity: Arc<Identity>,
        /// How often to look at their files.
        reload: Duration,
        /// How long a handshake may take.
        handshake_time_max: Duration,
        /// Handshakes at a time.
        handshake_count_max: usize,
    },
}

impl Security {
    /// TLS with this identity, its files looked at each `reload`, and our own limits.
    pub const fn tls(identity: Arc<Identity>, reload: Duration) -> Self {
        Self::Tls {
            identity,
            reload,
            handshake_time_max: HANDSHAKE_TIME_MAX,
            handshake_count_max: HANDSHAKE_COUNT_MAX,
        }
    }
}

/// Listens on `address`.
pub async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, ListenerError> {
    TcpListener::bind(address).await.map_err(|source| ListenerError::Bind { address, source })
}

/// Connections that are ready to be served. Dropping it ends listening and handshakes.
#[derive(Debug)]
pub struct Incoming {
    ready: mpsc::Receiver<Connection>,
    tasks: Vec<JoinHandle<()>>,
}

impl Incoming {
    /// Accepts connections of `listener` from now on; must be called on a runtime.
    pub fn start(
        listener: TcpListener,
        security: Security,
        metrics: Metrics,
    ) -> Result<Self, ListenerError> {
        let (sender, ready) = mpsc::channel(64);
        let mut tasks = Vec::new();
        let door = match security {
            Security::Plain => Door::Plain,
            Security::Tls { identity, reload, handshake_time_max, handshake_count_max } => {
                let acceptor = TlsAcceptor::from(Arc::new(identity.server_config()?));
                tasks.push(tokio::spawn(identity.keep_looking(reload)));
                let free = Arc::new(Semaphore::new(handshake_count_max));
                Door::Tls { acceptor, handshake_time_max, free }
            }
        };
        tasks.push(tokio::spawn(accept(listener, door, sender, metrics)));
        Ok(Self { ready, tasks })
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready.poll_recv(context).map(|connection| connection.map(Ok))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What a connection passes on its way in.
enum Door {
    Plain,
    Tls { acceptor: TlsAcceptor, handshake_time_max: Duration, free: Arc<Semaphore> },
}

async fn accept(
    listener: TcpListener,
    door: Door,
    sender: mpsc::Sender<Connection>,
    metrics: Metrics,
) {
    // Dropped with this task, and then ends the handshakes that it holds.
    let mut handshakes = tokio::task::JoinSet::new();
    let mut failing = false;
    loop {
        while handshakes.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !failing {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "no connection can be accepted");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        failing = false;
        // Answers are small and waited for. The server sets this only on listeners of its own.
        if stream.set_nodelay(true).is_err() {
            metrics.refused_connection();
            continue;
        }
        match &door {
            Door::Plain => {
                let open = metrics.connection();
                if sender.send(Connection { wire: Wire::Plain(stream), _open: open }).await.is_err()
                {
                    return;
                }
            }
            Door::Tls { acceptor, handshake_time_max, free } => {
                // Waiting for a free place here would let silent clients hold up everybody.
                let Ok(place) = Arc::clone(free).try_acquire_owned() else {
                    metrics.refused_connection();
                    continue;
                };
                let (sender, metrics) = (sender.clone(), metrics.clone());
                let handshake = tokio::time::timeout(*handshake_time_max, acceptor.accept(stream));
                handshakes.spawn(async move {
                    let _place = place;
                    shake_hands(handshake, sender, metrics).await;
                });
            }
        }
    }
}

async fn shake_hands(
    handshake: Timeout<Accept<TcpStream>>,
    sender: mpsc::Sender<Connection>,
    metrics: Metrics,
) {
    match handshake.await {
        Ok(Ok(stream)) => {
            let open = metrics.connection();
            let wire = Wire::Tls(Box::new(stream));
            // Nobody takes connections any more when this fails: the server stops.
            let _ = sender.send(Connection { wire, _open: open }).await;
        }
        Ok(Err(error)) => {
            metrics.refused_connection();
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "a handshake failed");
        }
        Err(_) => {
            metrics.refused_connection();
            tracing::debug!("a handshake took too long");
        }
    }
}

/// One connection, ready to be served.
#[derive(Debug)]
pub struct Connection {
    wire: Wire,
    _open: Counted,
}

#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        match &self.wire {
            Wire::Plain(stream) => stream.connect_info(),
            Wire::Tls(stream) => stream.get_ref().0.connect_info(),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
