//! Values of metrics, and of who may ask for them.

use serde_json::json;

use super::{Kind, Setting, set};

/// All of them.
pub(super) fn all() -> Vec<Setting> {
    vec![
        set("metrics.enabled", json!(false), Kind::Bool, "Whether there are Services for /metrics."),
        set(
            "metrics.service.type",
            json!("ClusterIP"),
            Kind::OneOf(&["ClusterIP", "NodePort", "LoadBalancer"]),
            "Type of the controller's Service.",
        ),
        set("metrics.service.port", json!(8080), Kind::Whole(1, 65_535), "Port of the controller's Service."),
        set(
            "metrics.serviceMonitor.enabled",
            json!(false),
            Kind::Bool,
            "Whether there are ServiceMonitors, which need Prometheus Operator.",
        ),
        set(
            "metrics.serviceMonitor.interval",
            json!("30s"),
            Kind::Text("^([0-9]+(ms|s|m|h))+$", "a time such as 30s or 1m30s"),
            "How often they are asked.",
        ),
        set(
            "metrics.serviceMonitor.labels",
            json!({}),
            Kind::Labels,
            "Labels by which Prometheus finds them, and the rules.",
        ),
        set(
            "metrics.rules.enabled",
            json!(false),
            Kind::Bool,
            "Whether there is a PrometheusRule with alerts.",
        ),
        set(
            "metrics.dashboard.enabled",
            json!(false),
            Kind::Bool,
            "Whether there is a ConfigMap with a dashboard, which Grafana's sidecar finds.",
        ),
        set(
            "networkPolicy.enabled",
            json!(false),
            Kind::Bool,
            "Whether controller pods take connections at their metrics port only.",
        ),
    ]
}
