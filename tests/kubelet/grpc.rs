//! gRPC over sockets, for both ends.

use std::convert::Infallible;
use std::path::Path;

use futures::StreamExt as _;
use futures::stream;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, body::Body};
use tonic_prost::ProstCodec;

use super::messages::Nothing;

/// Serves until it is dropped.
pub(crate) async fn serve<F, R>(listener: UnixListener, answer: F)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        let answer = answer.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

/// Answers a call.
pub(crate) async fn unary<Q, A, F, R>(request: Request<Incoming>, answer: F) -> Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
    F: FnMut(Q) -> R,
    R: Future<Output = Result<A, Status>>,
{
    let mut answer = answer;
    let service = tower::service_fn(move |request: tonic::Request<Q>| {
        let answer = answer(request.into_inner());
        async move { answer.await.map(tonic::Response::new) }
    });
    tonic::server::Grpc::new(ProstCodec::<A, Q>::default()).unary(service, request).await
}

/// Answers a call with one message, and no end.
pub(crate) async fn once<A>(request: Request<Incoming>, message: A) -> Response<Body>
where
    A: Message + Clone + 'static,
{
    let service = tower::service_fn(move |_: tonic::Request<Nothing>| {
        let messages = stream::once(std::future::ready(Ok(message.clone()))).chain(stream::pending());
        async move { Ok::<_, Status>(tonic::Response::new(messages)) }
    });
    tonic::server::Grpc::new(ProstCodec::<A, Nothing>::default()).server_streaming(service, request).await
}

pub(crate) async fn dial(socket: &Path) -> Result<Channel, String> {
    let connection = UnixStream::connect(socket).await.map_err(|error| error.to_string())?;
    let mut connection = Some(TokioIo::new(connection));
    let connector = tower::service_fn(move |_| {
        let connection = connection.take();
        async { connection.ok_or_else(|| std::io::Error::other("once")) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(connector).await;
    channel.map_err(|error| error.to_string())
}

/// A client of a connection, when it can take a call.
async fn client(channel: &Channel) -> Result<tonic::client::Grpc<Channel>, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(client)
}

pub(crate) async fn call<Q, A>(channel: &Channel, path: &'static str, question: Q) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut client = client(channel).await?;
    let path = hyper::http::uri::PathAndQuery::from_static(path);
    let answer = client.unary(tonic::Request::new(question), path, ProstCodec::<Q, A>::default()).await;
    answer.map(tonic::Response::into_inner)
}

pub(crate) async fn streamed<Q, A>(
    channel: &Channel,
    path: &'static str,
    question: Q,
) -> Result<tonic::Streaming<A>, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut client = client(channel).await?;
    let path = hyper::http::uri::PathAndQuery::from_static(path);
    let codec = ProstCodec::<Q, A>::default();
    client.server_streaming(tonic::Request::new(question), path, codec).await.map(tonic::Response::into_inner)
}
