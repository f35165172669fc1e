//! The services that import and export call, and how often a call is made again.

use std::{future::Future, time::Duration};

use tonic::{
    Code, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use tonic_types::StatusExt as _;

use crate::{
    client::code_of,
    proto::v1::{
        import_service_client::ImportServiceClient, region_service_client::RegionServiceClient,
        registry_service_client::RegistryServiceClient,
    },
};

/// A channel on which `I` says who is calling.
pub type Service<I> = InterceptedService<Channel, I>;

/// What can say who is calling on every call of a run.
pub trait Credential: Interceptor + Clone + Send + Sync + 'static {}
impl<I: Interceptor + Clone + Send + Sync + 'static> Credential for I {}

/// Clients of the services that import and export call. Cheap to clone.
#[derive(Clone)]
pub struct Clients<I> {
    /// Takes and gives rows.
    pub import: ImportServiceClient<Service<I>>,
    /// Finds the partition of a district.
    pub region: RegionServiceClient<Service<I>>,
    /// Lists the partitions.
    pub registry: RegistryServiceClient<Service<I>>,
}

impl<I: Credential> Clients<I> {
    /// All clients over one service.
    pub fn new(service: Service<I>) -> Self {
        Self {
            import: ImportServiceClient::new(service.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            region: RegionServiceClient::new(service.clone()),
            registry: RegistryServiceClient::new(service),
        }
    }
}

/// Bytes of one message of an export.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Times that a call is made.
const ATTEMPTS_MAX: u32 = 12;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const DELAY_MAX: Duration = Duration::from_secs(10);

/// Makes a call until it is answered, refused, or was tried for about a minute.
///
/// `call` sends the same bytes each time, so a write bears the same request id and is not done
/// twice, whatever became of the first.
pub(in crate::cli) async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut delay = FIRST_DELAY;
    for _ in 1..ATTEMPTS_MAX {
        match call().await {
            Err(status) if is_passing(code_of(&status)) => {
                let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
                tokio::time::sleep(told.unwrap_or(delay).min(DELAY_MAX)).await;
                delay = (delay * 2).min(DELAY_MAX);
            }
            answered => return answered,
        }
    }
    call().await
}

const fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::Cancelled
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::DeadlineExceeded
    )
}

/// The error that a refusal is: what was refused, then its stable reason and sentence. The status
/// itself is the cause, so that whoever ends the process can tell by its code what to answer.
pub(in crate::cli) fn refused(what: &str, status: Status) -> anyhow::Error {
    let message = match status.get_details_error_info() {
        Some(info) => format!("{what}: {}: {}", info.reason, status.message()),
        None => format!("{what}: {}", status.message()),
    };
    anyhow::Error::new(status).context(message)
}
