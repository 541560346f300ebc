//! Requests as anybody can send them.

use serde_json::Value;

/// A request.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) body: Option<Value>,
}

/// What came of it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

fn request(method: &'static str, path: &str, kind: &'static str, body: Option<&Value>) -> Request {
    Request { method, path: path.to_owned(), kind, body: body.cloned() }
}

pub(super) fn get(path: &str) -> Request {
    request("GET", path, "application/json", None)
}

pub(super) fn delete(path: &str) -> Request {
    request("DELETE", path, "application/json", None)
}

pub(super) fn create(path: &str, body: &Value) -> Request {
    request("POST", path, "application/json", Some(body))
}

pub(super) fn replace(path: &str, body: &Value) -> Request {
    request("PUT", path, "application/json", Some(body))
}

pub(super) fn merge(path: &str, body: &Value) -> Request {
    request("PATCH", path, "application/merge-patch+json", Some(body))
}

pub(super) fn apply(path: &str, manager: &str, body: &Value) -> Request {
    let path = format!("{path}?fieldManager={manager}&force=true");
    request("PATCH", &path, "application/apply-patch+yaml", Some(body))
}

pub(super) fn patch(path: &str, operations: &Value) -> Request {
    request("PATCH", path, "application/json-patch+json", Some(operations))
}
