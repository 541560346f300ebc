//! The table of values.

mod access;
mod common;
mod controller;
mod node_agent;
mod watching;

use serde_json::Value;

use super::{Kind, Setting, Shape};

const NAME: Kind = Kind::Text("^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$", "a name of Kubernetes");
const NAME_OR_NONE: Kind =
    Kind::Text("^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$", "a name of Kubernetes, or none");
const ADDRESS: Kind = Kind::Text(
    "^(0|([0-9]{1,3}([.][0-9]{1,3}){3}|\\[[0-9a-f:.]+\\])?:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))$",
    "ADDRESS:PORT, :PORT or 0; not the name of a host",
);

fn set(path: &'static str, default: Value, kind: Kind, about: &'static str) -> Setting {
    Setting { path, default, kind, about }
}

/// Every value, in the order in which `values.yaml` has them.
#[must_use]
pub fn all() -> Vec<Setting> {
    [common::all(), controller::all(), node_agent::all(), access::all(), watching::all()].concat()
}
