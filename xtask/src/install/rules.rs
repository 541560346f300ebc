//! Alerts: what a person should look at, and where that is told.

use serde_json::{Value, json};

/// An alert.
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) expression: &'static str,
    /// How long it has to hold.
    pub(super) lasting: &'static str,
    pub(super) severity: &'static str,
    pub(super) summary: &'static str,
    /// What to do, for people.
    pub(super) action: &'static str,
}

/// All of them.
pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "ENIOperatorNoLeader",
        expression: "(max(eni_operator_leader) or vector(0)) < 1",
        lasting: "5m",
        severity: "critical",
        summary: "No controller leads: no ENI is made, repaired or removed.",
        action: "kubectl logs deployment/eni-controller: the last lines say what it waits for.",
    },
    Alert {
        name: "ENIOperatorReadOnly",
        expression: "max(eni_operator_degraded{mode=\"read-only\"}) > 0",
        lasting: "5m",
        severity: "critical",
        summary: "AWS does not take the controller's credentials.",
        action: "See the condition Authorized of NodeENIs, and the role of the service account.",
    },
    Alert {
        name: "ENIOperatorCreateRefused",
        expression: "max(eni_operator_degraded{mode=\"create-refused\"}) > 0",
        lasting: "10m",
        severity: "critical",
        summary: "AWS does not allow the controller to create ENIs.",
        action: "The condition Created of the slots names the action that is missing from the IAM policy.",
    },
    Alert {
        name: "ENIOperatorDeletesHeld",
        expression: "max(eni_operator_degraded{mode=\"deletions-held\"}) > 0",
        lasting: "15m",
        severity: "warning",
        summary: "So many ENIs are orphans or missing that none is deleted.",
        action: "Look whether the cluster id is still what it was; raise controller.sweepBrake if all is right.",
    },
    Alert {
        name: "ENIOperatorThrottled",
        expression: "max(eni_operator_degraded{mode=\"throttled\"}) > 0",
        lasting: "15m",
        severity: "warning",
        summary: "EC2 refuses calls for their rate.",
        action: "Somebody else in the account uses up the limit: lower controller.apiShare, or have limits raised.",
    },
    Alert {
        name: "ENIOperatorSlotsWithoutENI",
        expression: "sum(eni_operator_slots) - sum(eni_operator_slots{state=\"attached\"}) > 0",
        lasting: "15m",
        severity: "warning",
        summary: "ENIs that should be attached are not.",
        action: "kubectl get nodeeniattachment: the column REASON says why, for each.",
    },
    Alert {
        name: "ENIOperatorPassesFail",
        expression: "sum by (queue) (rate(eni_operator_passes_total{result=\"error\"}[10m])) > 0.1",
        lasting: "15m",
        severity: "warning",
        summary: "Passes of the controller keep failing.",
        action: "kubectl logs deployment/eni-controller: each failure is a line.",
    },
    Alert {
        name: "ENIOperatorOrphans",
        expression: "max(eni_operator_orphans) > 0",
        lasting: "2h",
        severity: "warning",
        summary: "ENIs of the cluster without a slot stay.",
        action: "They are deleted after controller.orphanMinAgeSeconds unless the brake holds that, or EC2 refuses.",
    },
];

/// As Prometheus has them.
pub(super) fn rules() -> Vec<Value> {
    ALERTS
        .iter()
        .map(|alert| {
            json!({
                "alert": alert.name,
                "expr": alert.expression,
                "for": alert.lasting,
                "labels": { "severity": alert.severity },
                "annotations": { "summary": alert.summary, "description": alert.action },
            })
        })
        .collect()
}

/// Every alert, as a table of a document.
#[must_use]
pub fn table() -> String {
    let rows = ALERTS.iter().map(|alert| {
        let Alert { name, lasting, severity, summary, action, .. } = alert;
        format!("| `{name}` | {severity}, after {lasting} | {summary} | {action} |\n")
    });
    format!(
        "| alert | severity | what it tells | what to do |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}
