//! The Grafana dashboard.

use serde_json::{Value, json};

/// A panel: title, unit in Grafana's words, and its lines with their legends.
type Panel = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PANELS: &[Panel] = &[
    ("ENIs by state", "short", &[("sum by (state) (eni_operator_slots)", "{{state}}")]),
    ("Leader", "short", &[("sum(eni_operator_leader)", "leaders")]),
    ("Less than could be done", "short", &[("max by (mode) (eni_operator_degraded)", "{{mode}}")]),
    (
        "Orphans and strangers",
        "short",
        &[("max(eni_operator_orphans)", "orphans"), ("max(eni_operator_strangers)", "strangers")],
    ),
    ("EC2 calls", "reqps", &[("sum by (operation) (rate(aws_api_calls_total[5m]))", "{{operation}}")]),
    (
        "EC2 calls that failed",
        "reqps",
        &[("sum by (error_category) (rate(aws_api_errors_total[5m]))", "{{error_category}}")],
    ),
    (
        "EC2 answers within, 95 of 100",
        "s",
        &[(
            "histogram_quantile(0.95, sum by (operation, le) (rate(aws_api_call_duration_seconds_bucket[5m])))",
            "{{operation}}",
        )],
    ),
    ("Budget of EC2 calls", "short", &[("min by (operation) (eni_operator_budget_tokens)", "{{operation}}")]),
    (
        "Calls that wait for their turn",
        "short",
        &[("sum by (operation, lane) (eni_operator_budget_waiting)", "{{operation}} {{lane}}")],
    ),
    (
        "Passes within, 95 of 100",
        "s",
        &[(
            "histogram_quantile(0.95, sum by (queue, le) (rate(eni_operator_pass_duration_seconds_bucket[5m])))",
            "{{queue}}",
        )],
    ),
];

const PER_ROW: usize = 2;
const WIDTH: usize = 24 / PER_ROW;
const HEIGHT: usize = 8;

/// The dashboard, as Grafana reads it.
pub(super) fn dashboard() -> Value {
    let panels: Vec<Value> = PANELS.iter().enumerate().map(|(at, panel)| drawn(at, panel)).collect();
    json!({
        "title": "eni-operator",
        "uid": "eni-operator",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": { "from": "now-6h", "to": "now" },
        "templating": { "list": [{
            "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus",
        }] },
        "panels": panels,
    })
}

fn drawn(at: usize, (title, unit, lines): &Panel) -> Value {
    let targets: Vec<Value> = lines
        .iter()
        .zip('A'..)
        .map(|((expression, legend), id)| {
            json!({ "refId": id.to_string(), "expr": expression, "legendFormat": legend })
        })
        .collect();
    json!({
        "id": at + 1,
        "type": "timeseries",
        "title": title,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "gridPos": {
            "x": at % PER_ROW * WIDTH, "y": at / PER_ROW * HEIGHT, "w": WIDTH, "h": HEIGHT,
        },
        "targets": targets,
    })
}

/// What is asked of Prometheus, for the test that looks whether it is told.
#[cfg(test)]
pub(super) fn expressions() -> impl Iterator<Item = &'static str> {
    PANELS.iter().flat_map(|(_, _, lines)| lines.iter().map(|(expression, _)| *expression))
}
