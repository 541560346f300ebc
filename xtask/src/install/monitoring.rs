//! Services for metrics, and what Prometheus Operator and Grafana's sidecar look for.

use serde_json::{Value, json};

use super::controller::PORT;
use super::names::{self, Identity};
use super::template::{filled, value};
use super::{Part, dashboard, rules};

const SERVICES: &str = "and .Values.metrics.enabled (ne .Values.controller.metricsAddr \"0\")";
const AGENT_SERVICES: &str = "and .Values.metrics.enabled (ne .Values.nodeAgent.metricsAddr \"0\")";
const MONITORS: &str = "and .Values.metrics.enabled .Values.metrics.serviceMonitor.enabled";

pub(super) fn parts() -> Vec<Part> {
    vec![
        Part::new("metrics", service(Identity::Controller)).when(SERVICES, false),
        Part::new("metrics", service(Identity::NodeAgent)).when(AGENT_SERVICES, false),
        Part::new("metrics", monitor(Identity::Controller)).when(MONITORS, false),
        Part::new("metrics", monitor(Identity::NodeAgent)).when(MONITORS, false),
        Part::new("rules", alerts()).when(".Values.metrics.rules.enabled", false),
        Part::new("dashboard", panels()).when(".Values.metrics.dashboard.enabled", false),
    ]
}

fn name(who: Identity) -> String {
    format!("{}-metrics", who.name())
}

fn service(who: Identity) -> Value {
    let agent_port = "(splitList \":\" .Values.nodeAgent.metricsAddr | last | int)";
    let (spec_type, ip, port, target) = match who {
        Identity::NodeAgent => (
            json!("ClusterIP"),
            json!("None"),
            filled(agent_port, &json!(19_476)),
            filled(agent_port, &json!(19_476)),
        ),
        Identity::Controller | Identity::Uninstall => (
            value("metrics.service.type"),
            Value::Null,
            value("metrics.service.port"),
            filled(PORT, &json!(8080)),
        ),
    };
    let mut service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names::metadata(&json!(name(who)), who),
        "spec": {
            "type": spec_type,
            "selector": names::selector(who),
            "ports": [{ "name": "metrics", "port": port, "targetPort": target, "protocol": "TCP" }],
        },
    });
    if !ip.is_null() {
        service["spec"]["clusterIP"] = ip;
    }
    service
}

/// Labels of what Prometheus Operator looks for.
fn monitoring_labels(who: Identity) -> Value {
    let ours = names::labels(who);
    filled(&format!("merge (fromJson `{ours}`) .Values.metrics.serviceMonitor.labels"), &ours)
}

fn monitor(who: Identity) -> Value {
    let mut metadata = names::metadata(&json!(who.name()), who);
    metadata["labels"] = monitoring_labels(who);
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata,
        "spec": {
            "endpoints": [{ "port": "metrics", "interval": value("metrics.serviceMonitor.interval") }],
            "selector": { "matchLabels": names::selector(who) },
        },
    })
}

fn alerts() -> Value {
    let mut metadata = names::metadata(&json!("eni-operator"), Identity::Controller);
    metadata["labels"] = monitoring_labels(Identity::Controller);
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": { "groups": [{ "name": "eni-operator", "rules": rules::rules() }] },
    })
}

fn panels() -> Value {
    let mut metadata = names::metadata(&json!("eni-operator-dashboard"), Identity::Controller);
    metadata["labels"]["grafana_dashboard"] = json!("1");
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": { "eni-operator.json": format!("{:#}\n", dashboard::dashboard()) },
    })
}
