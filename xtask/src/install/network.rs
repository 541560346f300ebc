//! Who may connect to the controller's pods. Agents are on their nodes' networks, where this means nothing.

use serde_json::json;

use super::Part;
use super::controller::{PORT, SERVES};
use super::names::{self, Identity};
use super::template::{filled, only_if};

const WHO: Identity = Identity::Controller;

pub(super) fn parts() -> Vec<Part> {
    let port = json!({ "protocol": "TCP", "port": filled(PORT, &json!(8080)) });
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": names::metadata(&json!(WHO.name()), WHO),
        "spec": {
            "podSelector": { "matchLabels": names::selector(WHO) },
            "policyTypes": ["Ingress"],
            "ingress": [only_if(SERVES, true, &json!({ "ports": [port] }))],
        },
    });
    vec![Part::new("network-policy", policy).when(".Values.networkPolicy.enabled", false)]
}
