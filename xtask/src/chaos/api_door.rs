//! What a controller takes for the API server: plain HTTP, through a gate and whatever weather there is.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt};
use kube::Client;
use serde_json::json;
use tokio::net::TcpListener;

use super::gate::{Asked, Gate};
use super::weather::Sky;

/// The largest body that is passed on.
const BODY_LIMIT: usize = 16 << 20;

/// The API server behind a door.
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) gate: Arc<Gate>,
    pub(super) sky: Arc<Sky>,
}

/// Serves connections for ever.
pub(super) async fn serve(listener: TcpListener, api: Api) {
    let router = Router::new().fallback(pass).with_state(Arc::new(api));
    if let Err(error) = axum::serve(listener, router).await {
        eprintln!("the API server's door: {error}");
    }
}

/// Passes on a request, and its answer.
async fn pass(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return StatusCode::BAD_REQUEST.into_response() };
    let what = format!("{} {}", parts.method, parts.uri.path());
    let changes = parts.method != Method::GET && !parts.uri.path().contains("/leases");
    let watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
    let passing = api.gate.enter(Asked { ec2: false, what, changes }).await;
    api.sky.speak().await;
    if changes && let Some(status) = api.sky.refusal() {
        return refused(status);
    }
    let answer = api.client.send(outgoing(parts, &body)).await;
    api.gate.leave(passing).await;
    api.sky.speak().await;
    match answer {
        Ok(answer) => back(answer, api.sky.clone(), watch),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// An answer in the API server's form.
fn refused(status: u16) -> Response {
    let (reason, details) = match status {
        409 => ("Conflict", json!({})),
        429 => ("TooManyRequests", json!({ "retryAfterSeconds": 1 })),
        _ => ("InternalError", json!({})),
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason,
        "message": "refused for the sake of the test", "details": details,
    });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// The request as it goes on: with the controller's token.
fn outgoing(parts: Parts, body: &Bytes) -> axum::http::Request<kube::client::Body> {
    let mut request = axum::http::Request::new(kube::client::Body::from(body.to_vec()));
    *request.uri_mut() = parts.uri;
    *request.method_mut() = parts.method;
    *request.headers_mut() = parts.headers;
    for name in [header::HOST, header::AUTHORIZATION, header::CONTENT_LENGTH, header::CONNECTION] {
        request.headers_mut().remove(name);
    }
    request
}

/// The answer as it goes back. How it is framed is between us and the API server.
fn back(answer: axum::http::Response<kube::client::Body>, sky: Arc<Sky>, watch: bool) -> Response {
    let (parts, body) = answer.into_parts();
    let mut headers = parts.headers;
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONNECTION);
    let body = Body::new(body);
    let body = if watch { Body::from_stream(weathered(body.into_data_stream(), sky)) } else { body };
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    *response.headers_mut() = headers;
    response
}

/// A watch's bytes: they wait while there is silence, and break off when the watch has lasted long enough.
fn weathered(
    bytes: impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
    sky: Arc<Sky>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send {
    let life = sky.watch_life();
    let born = sky.deaths();
    let all = bytes.map(Some).chain(futures::stream::once(async { None }));
    let spoken = all.then(move |piece| {
        let sky = sky.clone();
        async move {
            sky.speak().await;
            if sky.deaths() > born {
                std::future::pending::<()>().await;
            }
            piece
        }
    });
    let end = async move {
        match life {
            Some(life) => tokio::time::sleep(life).await,
            None => std::future::pending().await,
        }
        Err(axum::Error::new(std::io::Error::other("the watch is cut")))
    };
    futures::stream::select(spoken, futures::stream::once(end).map(Some))
        // Ends with the watch, or right after the cut.
        .scan(false, |ended, piece| {
            let next = if *ended { None } else { piece };
            *ended = matches!(next, Some(Err(_)));
            std::future::ready(next)
        })
}
