//! What is at an address that was called as something else: a server that speaks TLS called in
//! clear, or the other way round; or one that speaks TLS with a certificate that is not trusted.
//!
//! Asked only after a call failed that no registry answered. Nothing is sent but the begin of a
//! conversation: no token, no request.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, transport::Uri};

use crate::client::Failure;

/// How long an address may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a connection of HTTP/2 begins with: the preface, and settings that say nothing.
const HTTP2_BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The records of TLS that answer a greeting: an alert, and a handshake.
const TLS_RECORDS: [u8; 2] = [0x15, 0x16];
/// The first byte of every version of TLS.
const TLS_MAJOR: u8 = 3;
/// The type of the frame that every connection of HTTP/2 is answered with.
const SETTINGS: u8 = 4;

/// The server was called as what it is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Called in clear, and it speaks TLS.
    #[error(
        "the server at {0} seems to speak TLS; call it as https://… with --ca, the authority that \
         signed its certificate"
    )]
    SpeaksTls(String),
    /// Called by TLS, and it speaks in clear.
    #[error("the server at {0} does not seem to speak TLS; call it as http://…")]
    SpeaksInClear(String),
    /// Called by TLS, and its certificate is not trusted.
    #[error("the certificate of the server at {server} is not trusted: {why}\n  {remedy}")]
    Untrusted {
        /// The address.
        server: String,
        /// What is wrong with it.
        why: String,
        /// What can be done about it, in Chinese and English.
        remedy: &'static str,
    },
}

/// What can be done about a certificate that is not trusted.
const fn remedy(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnhandledCriticalExtension => {
            "give --ca (ANJU_CA) the file of the authority that signed it, as its operator hands it out; \
             otherwise it may be another server
  服务器证书不受信任；请用 --ca 给出其签发机构的证书文件，否则对方可能不是登记系统"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "call it by a name that its certificate bears
  服务器证书不含此地址的名称；请按证书上的名称访问"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "its operator renews it (tls.certificate); look at this machine's clock, too
  服务器证书不在有效期内；请运营者更换证书，并核对本机时间"
        }
        _ => {
            "its operator looks at the certificate (tls.certificate)
  服务器证书有误；请运营者检查证书"
        }
    }
}

/// Whether a call could not be understood since the address has the wrong scheme.
pub async fn mismatch(failure: &Failure, server: &str) -> Option<Mismatch> {
    // Whoever gives a reason is a registry.
    if failure.reason.is_some() {
        return None;
    }
    if let Some(why) = &failure.distrust {
        let (server, remedy) = (server.to_owned(), remedy(why));
        return Some(Mismatch::Untrusted { server, why: why.to_string(), remedy });
    }
    // Which of these it is depends on whether the connection breaks before the call is on it.
    let is_cut_off = matches!(
        failure.code,
        Code::Unavailable | Code::Internal | Code::Unknown | Code::Cancelled
    );
    if !is_cut_off {
        return None;
    }
    let uri: Uri = server.parse().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    match uri.scheme_str()? {
        "http" => {
            let begin = tls_begin(&host)?;
            let answer = ask(&host, uri.port_u16().unwrap_or(80), &begin).await?;
            is_tls(answer).then(|| Mismatch::SpeaksTls(server.to_owned()))
        }
        "https" => {
            let answer = ask(&host, uri.port_u16().unwrap_or(443), HTTP2_BEGIN).await?;
            is_http2(answer).then(|| Mismatch::SpeaksInClear(server.to_owned()))
        }
        _ => None,
    }
}

/// The greeting of a client that trusts nobody: enough to see whether it is understood.
fn tls_begin(host: &str) -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut begin = Vec::new();
    connection.write_tls(&mut begin).ok()?;
    Some(begin)
}

/// The first five bytes that an address answers.
async fn ask(host: &str, port: u16, begin: &[u8]) -> Option<[u8; 5]> {
    let asked = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        stream.write_all(begin).await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()
}

fn is_tls([record, major, ..]: [u8; 5]) -> bool {
    TLS_RECORDS.contains(&record) && major == TLS_MAJOR
}

/// A frame of settings, and not a record of TLS read as one.
fn is_http2([long, _, _, kind, flags]: [u8; 5]) -> bool {
    long == 0 && kind == SETTINGS && flags == 0
}
