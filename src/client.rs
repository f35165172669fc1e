//! The registry as its callers see it: one connection, a typed client for each service, and what a
//! refusal says.
//!
//! A bearer token is only ever sent over TLS or to this machine itself. A call is repeated only
//! when the server says when ([`Retry`]), and always with the same bytes, so that the request id
//! keeps a write from being done twice. Nothing here prints.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    future::Future,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use tonic::{
    Code, Request, Response, Status,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder},
    metadata::AsciiMetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Uri},
};
use tonic_prost::ProstEncoder;
use tonic_types::StatusExt as _;

use crate::proto::v1::{
    building_service_client::BuildingServiceClient, case_service_client::CaseServiceClient,
    compound_service_client::CompoundServiceClient, history_service_client::HistoryServiceClient,
    import_service_client::ImportServiceClient, region_service_client::RegionServiceClient,
    registry_service_client::RegistryServiceClient, search_service_client::SearchServiceClient,
    totals_service_client::TotalsServiceClient,
    underwriting_service_client::UnderwritingServiceClient, unit_service_client::UnitServiceClient,
    watch_service_client::WatchServiceClient,
};

/// The largest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a unary call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The metadata key under which the calling system vouches for a person.
pub const PERSON_KEY: &str = "x-anju-person";
/// The metadata key of what an answer warns of: taken as said, but doubtful.
pub const WARNING_KEY: &str = "anju-warning";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest file of authorities that is read.
const CA_BYTES_MAX: u64 = 1024 * 1024;
/// What a certificate in a PEM file begins with.
const PEM_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Every message and service of the API by its full name, for calls and JSON by name.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    // What the build wrote decodes; a test holds that no service is missing.
    DescriptorPool::decode(crate::proto::v1::DESCRIPTORS).unwrap_or_default()
});

/// What secures the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// PEM file of the authorities that are trusted. Needed for `https://`: no other is trusted.
    pub ca_file: Option<PathBuf>,
    /// The name that the server's certificate must bear, when it is not the address's.
    pub server_name: Option<String>,
}

/// A channel that says with every call who is calling.
pub type Authenticated = InterceptedService<Channel, Credentials>;

/// The token, and the person that the calling system vouches for.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    authorization: Option<AsciiMetadataValue>,
    person: Option<AsciiMetadataValue>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        if let Some(authorization) = &self.authorization {
            metadata.insert("authorization", authorization.clone());
        }
        if let Some(person) = &self.person {
            metadata.insert(PERSON_KEY, person.clone());
        }
        Ok(request)
    }
}

/// Why a connection cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum BadConnection {
    /// Not an address.
    #[error(
        "{0:?} is not an address; one looks like http://127.0.0.1:50051 or https://anju.example:443"
    )]
    Address(String),
    /// A token would be readable on the way.
    #[error("a token is not sent to {0} in the clear; use https:// with --ca")]
    TokenInClear(String),
    /// TLS without anybody to trust.
    #[error(
        "an https:// address needs the file of the authority that signed its certificate (--ca)"
    )]
    NoAuthority,
    /// The file of authorities cannot be read.
    #[error("the authorities in {path} cannot be read")]
    AuthorityFile {
        /// Where it was looked for.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A token or person that no header can carry.
    #[error("the {0} has characters that cannot be sent")]
    Unsendable(&'static str),
    /// The TLS settings do not fit together.
    #[error("the connection cannot be secured")]
    Tls(#[from] tonic::transport::Error),
}

/// A connection to one registry. Cheap to clone; opened at the first call.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    credentials: Credentials,
    address: String,
}

impl Connection {
    /// Prepares a connection to `address`, `http://…` or `https://…`.
    ///
    /// Reads the file of authorities; reaches for the server only at the first call. Must be called
    /// within a tokio runtime.
    pub fn open(
        address: &str,
        token: Option<String>,
        tls: &ClientTls,
    ) -> Result<Self, BadConnection> {
        let bad_address = || BadConnection::Address(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| bad_address())?;
        let host = uri.host().ok_or_else(bad_address)?.to_owned();
        let mut endpoint = Endpoint::from(uri.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .http2_adaptive_window(true);
        match uri.scheme_str() {
            Some("https") => endpoint = endpoint.tls_config(tls_config(tls)?)?,
            Some("http") if token.is_some() && !is_this_machine(&host) => {
                return Err(BadConnection::TokenInClear(host));
            }
            Some("http") => {}
            _ => return Err(bad_address()),
        }
        let authorization = token.map(|token| bearer(token.trim())).transpose()?;
        let credentials = Credentials { authorization, person: None };
        let address = address.to_owned();
        Ok(Self { channel: endpoint.connect_lazy(), credentials, address })
    }

    /// The address that it was opened to, as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same connection, vouching for a person: an opaque key of the municipal system's.
    pub fn for_person(mut self, person: &str) -> Result<Self, BadConnection> {
        let value = person.parse().map_err(|_| BadConnection::Unsendable("person"))?;
        self.credentials.person = Some(value);
        Ok(self)
    }

    /// What typed clients are made of; one connection, however many of them there are.
    pub fn service(&self) -> Authenticated {
        InterceptedService::new(self.channel.clone(), self.credentials.clone())
    }

    /// Regions.
    pub fn regions(&self) -> RegionServiceClient<Authenticated> {
        RegionServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Compounds.
    pub fn compounds(&self) -> CompoundServiceClient<Authenticated> {
        CompoundServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Buildings.
    pub fn buildings(&self) -> BuildingServiceClient<Authenticated> {
        BuildingServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Units.
    pub fn units(&self) -> UnitServiceClient<Authenticated> {
        UnitServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Cases.
    pub fn cases(&self) -> CaseServiceClient<Authenticated> {
        CaseServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Histories, differences and proofs.
    pub fn histories(&self) -> HistoryServiceClient<Authenticated> {
        HistoryServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Rows in and out.
    pub fn imports(&self) -> ImportServiceClient<Authenticated> {
        ImportServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// The registry itself.
    pub fn registry(&self) -> RegistryServiceClient<Authenticated> {
        RegistryServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Search.
    pub fn searches(&self) -> SearchServiceClient<Authenticated> {
        SearchServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Totals.
    pub fn totals(&self) -> TotalsServiceClient<Authenticated> {
        TotalsServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Underwriters' files.
    pub fn underwriting(&self) -> UnderwritingServiceClient<Authenticated> {
        UnderwritingServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// The feed of entries.
    pub fn watches(&self) -> WatchServiceClient<Authenticated> {
        WatchServiceClient::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Makes a unary call that is known by name: for callers that treat all kinds of subject alike.
    ///
    /// `request` is of the method's input type; the answer is of its output type.
    pub async fn call(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> Result<Response<DynamicMessage>, Status> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let path = PathAndQuery::from_maybe_shared(path)
            .map_err(|error| Status::internal(error.to_string()))?;
        let mut grpc = tonic::client::Grpc::new(self.service())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(request.clone());
        request.set_timeout(CALL_TIMEOUT);
        let codec = ByName { answer: method.output() };
        grpc.unary(request, path, codec).await
    }
}

/// A method of the API by its service's short name and its own.
pub fn method(service: &str, method: &str) -> Option<MethodDescriptor> {
    let service = POOL.get_service_by_name(&format!("anju.v1.{service}"))?;
    service.methods().find(|known| known.name() == method)
}

fn tls_config(tls: &ClientTls) -> Result<ClientTlsConfig, BadConnection> {
    let path = tls.ca_file.as_deref().ok_or(BadConnection::NoAuthority)?;
    let pem = read_authorities(path)
        .map_err(|source| BadConnection::AuthorityFile { path: path.to_owned(), source })?;
    let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    Ok(match &tls.server_name {
        Some(name) => config.domain_name(name),
        None => config,
    })
}

fn read_authorities(path: &Path) -> Result<Vec<u8>, std::io::Error> {
    if fs::metadata(path)?.len() > CA_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    let pem = fs::read(path)?;
    if !pem.windows(PEM_MARK.len()).any(|bytes| bytes == PEM_MARK) {
        return Err(std::io::Error::other("there is no certificate in it"));
    }
    Ok(pem)
}

fn bearer(token: &str) -> Result<AsciiMetadataValue, BadConnection> {
    let mut value: AsciiMetadataValue =
        format!("Bearer {token}").parse().map_err(|_| BadConnection::Unsendable("token"))?;
    // So that it is shown nowhere.
    value.set_sensitive(true);
    Ok(value)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Messages whose types are only known by descriptor.
struct ByName {
    answer: MessageDescriptor,
}

impl Codec for ByName {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = ProstEncoder<DynamicMessage>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self { answer: self.answer.clone() }
    }
}

impl Decoder for ByName {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.answer.clone(), bytes)
            .map(Some)
            .map_err(|error| Status::internal(format!("the answer cannot be read: {error}")))
    }
}

/// How long to go on asking a server that says to come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Calls in all, the first included.
    pub calls_max: u32,
    /// All waiting together.
    pub wait_max: Duration,
}

impl Retry {
    /// For people who wait at a terminal.
    pub const PATIENT: Self = Self { calls_max: 6, wait_max: Duration::from_secs(30) };
    /// The first answer stands.
    pub const NEVER: Self = Self { calls_max: 1, wait_max: Duration::ZERO };

    /// Makes a call, again each time the server is busy and says when to come back.
    ///
    /// `call` must send the same request every time.
    pub async fn run<T, F>(self, mut call: impl FnMut() -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut calls = 0;
        let mut waited = Duration::ZERO;
        loop {
            calls += 1;
            let status = match call().await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let Some(delay) = come_back_after(&status) else { return Err(status) };
            let wait = waited.saturating_add(delay);
            if calls >= self.calls_max || wait > self.wait_max {
                return Err(status);
            }
            tokio::time::sleep(delay).await;
            waited = wait;
        }
    }
}

/// When the server wants to be asked again, if it says so.
fn come_back_after(status: &Status) -> Option<Duration> {
    if !matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) {
        return None;
    }
    status.get_details_retry_info()?.retry_delay
}

/// What a refusal says, taken out of its `google.rpc` details.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct Failure {
    /// The class.
    pub code: Code,
    /// The stable reason, when the server gave one.
    pub reason: Option<String>,
    /// One English sentence.
    pub message: String,
    /// What goes with the reason, for example the position that was reached.
    pub facts: BTreeMap<String, String>,
    /// Everything that is wrong with the request.
    pub violations: Vec<FieldViolation>,
    /// What stands in the way, each as one sentence.
    pub preconditions: Vec<String>,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// The request, as the server's log knows it.
    pub request_id: Option<String>,
    /// Why the certificate of the server is not trusted, when that is all that is wrong.
    pub distrust: Option<rustls::CertificateError>,
}

/// One thing wrong with one field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Its path.
    pub field: String,
    /// The stable reason; may be empty.
    pub reason: String,
    /// One English sentence.
    pub description: String,
}

impl Failure {
    /// The Chinese sentence for the reason, where there is one.
    pub fn chinese(&self) -> Option<&'static str> {
        self.reason.as_deref().and_then(chinese)
    }

    /// The message, without what the lines below it say again: of several refusals only the sentence
    /// of the first, which is that of the reason.
    fn headline(&self) -> &str {
        let listed = self.violations.first().map(|first| format!(": {}: ", first.field));
        let end = listed.and_then(|listed| self.message.find(&listed));
        let conditions = self.preconditions.iter();
        let conditions = conditions.filter_map(|text| Some(text.split_once(": ")?.1));
        let sentences = self.violations.iter().map(|violation| violation.description.as_str());
        let is_first = |sentence: &&str| {
            let rest = self.message.strip_prefix(*sentence);
            !sentence.is_empty() && rest.is_some_and(|rest| rest.starts_with("; "))
        };
        let first = || sentences.chain(conditions).find(is_first).map(str::len);
        let end = end.or_else(first);
        end.and_then(|end| self.message.get(..end)).unwrap_or(&self.message)
    }

    /// Whether reason and message say what a precondition says.
    fn is_told(&self, precondition: &str) -> bool {
        let reason = self.reason.as_deref().unwrap_or_default();
        precondition.starts_with(reason)
            && precondition.ends_with(&format!(": {}", self.headline()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_deref().unwrap_or(code_name(self.code));
        write!(f, "{reason}: {}", self.headline())?;
        let mut sentences = Sentences::default();
        if let Some(chinese) = self.chinese() {
            write!(f, "\n  {chinese}")?;
            sentences.0.insert(chinese);
        }
        for violation in &self.violations {
            let is_told = self.reason.as_deref() == Some(&*violation.reason);
            if violation.description == self.message
                || (is_told && violation.description == self.headline())
            {
                write!(f, "\n  at {}", violation.field)?;
                continue;
            }
            write!(f, "\n  {}: {}", violation.field, violation.description)?;
            if !violation.reason.is_empty() {
                write!(f, " [{}]", violation.reason)?;
            }
            sentences.write(f, &violation.reason)?;
        }
        for precondition in self.preconditions.iter().filter(|each| !self.is_told(each)) {
            write!(f, "\n  {precondition}")?;
            sentences.write(f, precondition.split(' ').next().unwrap_or_default())?;
        }
        for (key, value) in &self.facts {
            let is_told = self.violations.iter().any(|violation| violation.field == *value);
            if key != "field" || !is_told {
                write!(f, "\n  {key} = {value}")?;
            }
        }
        if let Some(delay) = self.retry_after {
            write!(f, "\n  to be tried again after {} ms", delay.as_millis())?;
        }
        if let Some(id) = &self.request_id {
            write!(f, "\n  request {id}")?;
        }
        Ok(())
    }
}

/// Takes a status apart. Details that cannot be read are left out; the message always stays.
pub fn describe(status: &Status) -> Failure {
    let details = status.get_error_details();
    let info = details.error_info();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice());
    let violations = violations.unwrap_or_default().iter().map(|violation| FieldViolation {
        field: violation.field.clone(),
        reason: violation.reason.clone(),
        description: violation.description.clone(),
    });
    let preconditions = details.precondition_failure().map(|failure| failure.violations.as_slice());
    let preconditions = preconditions.unwrap_or_default().iter().map(|violation| {
        format!("{} {}: {}", violation.r#type, violation.subject, violation.description)
    });
    Failure {
        code: code_of(status),
        reason: info.map(|info| info.reason.clone()).filter(|reason| !reason.is_empty()),
        message: message(status),
        facts: info
            .map(|info| info.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default(),
        violations: violations.collect(),
        preconditions: preconditions.collect(),
        retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        request_id: details.request_info().map(|request| request.request_id.clone()),
        distrust: distrust(status),
    }
}

/// The code of a status. A connection that breaks under a call comes as an unknown error with what
/// broke it as its source, which no answer of a server has: nobody answered.
pub fn code_of(status: &Status) -> Code {
    let is_broken = status.code() == Code::Unknown && std::error::Error::source(status).is_some();
    if is_broken { Code::Unavailable } else { status.code() }
}

/// The status's message, and for a broken connection also what broke it.
fn message(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let sentence = error.to_string();
        if !text.contains(&sentence) {
            text = format!("{text}: {sentence}");
        }
        source = error.source();
    }
    text
}

/// The class as the API's documents write it.
pub(crate) const fn code_name(code: Code) -> &'static str {
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

/// The page of reasons: one place for what each says, in English and in Chinese.
static REASONS: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let (reason, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let (_, chinese) = rest.strip_suffix(" |")?.rsplit_once(" | ")?;
        Some((reason, chinese))
    };
    include_str!("../docs/reasons.md").lines().filter_map(row).collect()
});

/// The Chinese sentence for a stable reason, as the page of reasons has it.
pub fn chinese(reason: &str) -> Option<&'static str> {
    REASONS.get(reason).copied()
}

/// The Chinese sentences below the lines of what is told, each once.
#[derive(Debug, Default)]
pub(crate) struct Sentences(BTreeSet<&'static str>);

impl Sentences {
    /// Writes that of a reason on a line of its own, unless it stands above already.
    pub(crate) fn write(&mut self, f: &mut fmt::Formatter<'_>, reason: &str) -> fmt::Result {
        match chinese(reason) {
            Some(sentence) if self.0.insert(sentence) => write!(f, "\n    {sentence}"),
            _ => Ok(()),
        }
    }
}

/// What is wrong with the certificate of a server, when a call failed since it is not trusted.
fn distrust(status: &Status) -> Option<rustls::CertificateError> {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        // What an input or output error wraps is not its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = error
            .downcast_ref::<rustls::Error>()
            .or_else(|| wrapped.and_then(|wrapped| wrapped.downcast_ref::<rustls::Error>()));
        if let Some(rustls::Error::InvalidCertificate(why)) = found {
            return Some(why.clone());
        }
        source = error.source();
    }
    None
}
