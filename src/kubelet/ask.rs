//! Calls to kubelet's sockets. Each has a connection of its own, and an end.

use std::path::Path;
use std::time::Duration;

use hyper::http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

/// The most that an answer may be: kubelet's own bound for a list of pods' resources.
const MOST: usize = 16 << 20;

/// Asks a question, and waits for the answer no longer than `patience`.
pub(super) async fn ask<Q, A>(
    socket: &Path,
    call: &'static str,
    question: Q,
    patience: Duration,
) -> Result<A, String>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let answer = tokio::time::timeout(patience, answered(socket, call, question)).await;
    let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {patience:?}")));
    answer.map_err(|error| format!("{}: {error}", socket.display()))
}

async fn answered<Q, A>(socket: &Path, call: &'static str, question: Q) -> Result<A, String>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    // Connected here, so that what is wrong is said in the kernel's words.
    let connection = UnixStream::connect(socket).await.map_err(|error| error.to_string())?;
    let mut connection = Some(TokioIo::new(connection));
    let connector = tower::service_fn(move |_| {
        let connection = connection.take();
        async { connection.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected)) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector).await.map_err(|error| error.to_string())?;
    let mut client = Grpc::new(channel).max_decoding_message_size(MOST);
    client.ready().await.map_err(|error| error.to_string())?;
    let codec = ProstCodec::<Q, A>::default();
    let request = tonic::Request::new(question);
    let answer = client.unary(request, PathAndQuery::from_static(call), codec).await;
    answer.map(tonic::Response::into_inner).map_err(|status| status.message().to_owned())
}
