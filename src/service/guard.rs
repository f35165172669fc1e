//! The door of the API: who calls, whether they may, and whether there is room.
//!
//! What stays true: no call with a row in the permission table is reached without a credential and
//! a role that the row names. Calls without a row (health, reflection, what is not ours) pass; ours
//! refuse to work without the caller that is put in here.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, header};
use tokio::sync::Semaphore;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::{
    auth::{
        actor::Actor,
        authenticate::Authenticator,
        permission::{self, PERMISSIONS},
    },
    kernel::time::Clock,
    service::status,
};

/// The header in which a calling system vouches for a person.
pub const PERSON_HEADER: &str = "x-anju-person";
/// After what time to come again when there is no room.
const CROWDED_RETRY: Duration = Duration::from_millis(200);

/// Who calls what. The guard puts it into the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Arc<Actor>,
    /// What, as the permission table has it.
    pub rpc: &'static str,
}

/// Puts the guard around services.
#[derive(Clone)]
pub struct GuardLayer {
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    room: Arc<Semaphore>,
}

impl GuardLayer {
    /// Lets in whom `authenticator` knows, at most `concurrent_requests` at a time. A stream counts
    /// until it begins.
    pub fn new(
        authenticator: Arc<Authenticator>,
        clock: Arc<dyn Clock>,
        concurrent_requests: usize,
    ) -> Self {
        let room = Arc::new(Semaphore::new(concurrent_requests.min(Semaphore::MAX_PERMITS)));
        Self { authenticator, clock, room }
    }

    /// The caller of a request; `None` for calls that are not in the table.
    fn caller<B>(&self, request: &Request<B>) -> Result<Option<Caller>, Status> {
        let path = request.uri().path();
        let wanted = path.strip_prefix('/').unwrap_or(path);
        let Some((rpc, _)) = PERMISSIONS.iter().find(|(name, _)| *name == wanted) else {
            return Ok(None);
        };
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str());
        // A header that is no text cannot be what is wanted, and must not count as missing.
        let person = text(PERSON_HEADER).map(|person| person.unwrap_or("\u{fffd}"));
        let authorization = text(header::AUTHORIZATION.as_str()).and_then(Result::ok);
        let actor = self
            .authenticator
            .authenticate(authorization, person, self.clock.now())
            .map_err(status::unauthenticated)?;
        tracing::Span::current().record("actor.subject", actor.subject.as_str());
        permission::extent(rpc, &actor).map_err(|refusal| status::denied(&refusal))?;
        Ok(Some(Caller { actor: Arc::new(actor), rpc }))
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, layer: self.clone() }
    }
}

/// What [`GuardLayer`] puts around a service.
#[derive(Clone)]
pub struct Guard<S> {
    inner: S,
    layer: GuardLayer,
}

impl<S, B> Service<Request<B>> for Guard<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let caller = match self.layer.caller(&request) {
            Ok(caller) => caller,
            Err(refusal) => return Box::pin(async move { Ok(refusal.into_http()) }),
        };
        let mut place = None;
        if let Some(caller) = caller {
            // Health is told however crowded it is.
            let Ok(free) = Arc::clone(&self.layer.room).try_acquire_owned() else {
                let refusal = status::retry(
                    Code::ResourceExhausted,
                    "TOO_MANY_REQUESTS",
                    "too many requests are being served; ask again",
                    CROWDED_RETRY,
                );
                return Box::pin(async move { Ok(refusal.into_http()) });
            };
            place = Some(free);
            request.extensions_mut().insert(caller);
        }
        let path = request.uri().path().to_owned();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let _place = place;
            let answer = answer.await?;
            let status = Status::from_header_map(answer.headers());
            Ok(match status.and_then(|status| status::of_transport(&status, &path)) {
                Some(status) => status.into_http(),
                None => answer,
            })
        })
    }
}
