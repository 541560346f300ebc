//! The table of values.

mod access;
mod common;
mod controller;
mod node_agent;
mod watching;

use serde_json::Value;

use super::{Kind, Setting};

const ANY_TEXT: Kind = Kind::Text("", "text");
const NAME: Kind = Kind::Text("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "a name of Kubernetes");
const DURATION: Kind = Kind::Text("^([0-9]+(ms|s|m|h))+$", "a time such as 30s or 1m30s");
const ADDRESS: Kind = Kind::Text("^(0|[^ ]*:[0-9]+)$", "ADDRESS:PORT, :PORT or 0");

fn set(path: &'static str, default: Value, kind: Kind, about: &'static str) -> Setting {
    Setting { path, default, kind, about }
}

/// Every value, in the order in which `values.yaml` has them.
#[must_use]
pub fn all() -> Vec<Setting> {
    [common::all(), controller::all(), node_agent::all(), access::all(), watching::all()].concat()
}
