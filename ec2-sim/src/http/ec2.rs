//! EC2's wire protocol: a form in, XML out, and the ways an answer can fail to come.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request as HttpRequest, Response as HttpResponse, StatusCode, header};
use futures::stream;

use super::shared::{Inner, Shared};
use crate::api::{Action, Request};
use crate::error::ApiError;
use crate::simulator::Outcome;
use crate::wire::{self, Node, Unknown};

/// The largest body that is read. The largest real one has 1,000 resources with 50 tags.
const BODY_LIMIT: usize = 16 << 20;

/// Answers a call of EC2.
pub(super) async fn answer(State(shared): State<Shared>, request: HttpRequest<Body>) -> HttpResponse<Body> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Ok(body) = axum::body::to_bytes(request.into_body(), BODY_LIMIT).await else { return broken() };
    let form = if body.is_empty() { query } else { String::from_utf8_lossy(&body).into_owned() };
    let (request_id, outcome) = shared.with(|inner| (inner.request_id(), call(inner, &form)));
    match outcome {
        Outcome::Answered(answer) => written(answer.as_ref(), &request_id),
        Outcome::Delayed(by, answer) => {
            tokio::time::sleep(by).await;
            written(answer.as_ref(), &request_id)
        }
        Outcome::Lost => broken(),
        Outcome::Hung => std::future::pending().await,
    }
}

/// Reads a call, and makes it.
fn call(inner: &mut Inner, form: &str) -> Outcome {
    let name = wire::pairs(form).into_iter().find(|(name, _)| name == "Action").map(|(_, value)| value);
    match read(inner, form, name.as_deref()) {
        Ok(request) => inner.simulator.call(&request),
        Err(error) => {
            inner.simulator.count_unreadable(name.as_deref().unwrap_or("none"), &error);
            Outcome::Answered(Err(error))
        }
    }
}

fn read(inner: &mut Inner, form: &str, name: Option<&str>) -> Result<Request, ApiError> {
    let missing = || ApiError::client("MissingAction", "The request must contain the parameter Action");
    let name = name.ok_or_else(missing)?;
    let invalid = || {
        let text = format!("The action {name} is not valid for this web service.");
        ApiError::client("InvalidAction", text)
    };
    let action = Action::named(name).ok_or_else(invalid)?;
    let pairs = wire::pairs(form).into_iter().filter(|(name, _)| !is_common(name));
    let (node, unknown) = (Node::new(pairs.collect()), Unknown::default());
    let request = Request::read(action, &node, &unknown)?;
    for parameter in unknown.into_inner() {
        if inner.simulator.settings().strict_parameters {
            let text = format!("The parameter {parameter} is not recognized");
            return Err(ApiError::client("UnknownParameter", text));
        }
        inner.simulator.note_ignored(action, &parameter);
    }
    Ok(request)
}

/// Parameters of the protocol rather than of an action, signatures in the query string included.
fn is_common(name: &str) -> bool {
    let protocol =
        ["Action", "Version", "AWSAccessKeyId", "Signature", "SignatureVersion", "SignatureMethod"];
    protocol.contains(&name) || name == "Timestamp" || name.starts_with("X-Amz-")
}

fn written(answer: Result<&crate::api::Response, &ApiError>, request_id: &str) -> HttpResponse<Body> {
    let unwritable = ApiError::new("InternalError", "The answer cannot be written", 500);
    let (status, xml) = match answer {
        Ok(response) => match wire::response(response, request_id) {
            Ok(xml) => (200, xml),
            Err(_) => (unwritable.status, wire::error(&unwritable, request_id)),
        },
        Err(error) => (error.status, wire::error(error, request_id)),
    };
    let mut response = HttpResponse::new(Body::from(xml));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=UTF-8"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// An answer that never arrives: its body fails before hyper has sent the head, and the connection closes.
fn broken() -> HttpResponse<Body> {
    let failure = Err::<&'static [u8], _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    HttpResponse::new(Body::from_stream(stream::iter([failure])))
}
