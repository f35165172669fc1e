//! The peer of a read: a gRPC service that answers the same bytes to everybody and does nothing
//! else, served by the same library with the same settings, asked by the same client.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::proto::v1::{GetBuildingRequest, GetBuildingResponse};

/// An echo that is being served until it is dropped.
pub(super) struct Echo {
    /// Where.
    pub(super) address: SocketAddr,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Echo {
    /// Serves `answer` on the loopback.
    pub(super) async fn serve(answer: GetBuildingResponse) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder().add_service(Constant(Arc::new(answer)));
        let serving = tokio::spawn(server.serve_with_incoming(incoming));
        Ok(Self { address, serving })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers every call of the building service with one building.
#[derive(Clone)]
struct Constant(Arc<GetBuildingResponse>);

impl NamedService for Constant {
    const NAME: &'static str = "anju.v1.BuildingService";
}

impl UnaryService<GetBuildingRequest> for Constant {
    type Response = GetBuildingResponse;
    type Future = Ready<Result<Response<GetBuildingResponse>, Status>>;

    fn call(&mut self, _: Request<GetBuildingRequest>) -> Self::Future {
        ready(Ok(Response::new(self.0.as_ref().clone())))
    }
}

impl Service<http::Request<Body>> for Constant {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<GetBuildingResponse, GetBuildingRequest>::default();
            Ok(Grpc::new(codec).unary(answer, request).await)
        })
    }
}
