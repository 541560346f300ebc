//! What is told, and that all of it is in its document.

use std::collections::BTreeSet;

use super::*;
use crate::controller::budget::{Budget, BudgetSettings};
use crate::model::{Ec2Error, Ec2ErrorKind};

/// Metrics in which everything has happened once.
fn busy() -> Metrics {
    let metrics = Metrics::new();
    for call in Call::ALL {
        metrics.called(call, &Ok(()), Duration::from_millis(80));
        for kind in [Ec2ErrorKind::Throttled, Ec2ErrorKind::Unauthorized] {
            let failed: Answer<()> =
                Err(Ec2Error { call, kind, code: String::new(), message: String::new() });
            metrics.called(call, &failed, Duration::from_millis(80));
        }
    }
    metrics.set_budget(&Budget::new(&BudgetSettings::default()).levels());
    metrics.set_counts(&Counts {
        slots: vec![None, Some(CloudState::Attached), Some(CloudState::Attached)],
        node_enis: 1,
        orphans: 2,
        strangers: 3,
    });
    metrics.set_leader(true);
    metrics.set_degraded(DegradedMode::ReadOnly, true);
    metrics.set_degraded(DegradedMode::Throttled, false);
    futures::executor::block_on(async {
        let _: Result<(), ()> = metrics.pass(Queue::Sweep, async { Ok(()) }).await;
        let _: Result<(), ()> = metrics.pass(Queue::Instances, async { Err(()) }).await;
        let _: Result<(), ()> = metrics.pass(Queue::NodeEnis, async { Ok(()) }).await;
    });
    metrics
}

#[test]
fn what_happened_is_told_in_the_words_of_the_reference_systems_dashboards() {
    let text = busy().render();
    for line in [
        "aws_api_calls_total{service=\"EC2\",operation=\"AttachNetworkInterface\",status=\"success\"} 1",
        "aws_api_calls_total{service=\"EC2\",operation=\"AttachNetworkInterface\",status=\"error\"} 2",
        "aws_api_call_duration_seconds_count{service=\"EC2\",operation=\"DescribeSubnets\"} 3",
        "aws_api_errors_total{service=\"EC2\",operation=\"CreateNetworkInterface\",error_category=\"throttled\"} 1",
        "aws_throttling_events_total 17",
        "eni_operations_total{operation=\"attach\",status=\"success\"} 1",
        "eni_operation_errors_total{operation=\"delete\",error_type=\"unauthorized\"} 1",
        "eni_attachments_total 2",
        "eni_operator_slots{state=\"none\"} 1",
        "eni_operator_degraded{mode=\"throttled\"} 0",
        "eni_operator_degraded{mode=\"read-only\"} 1",
        "eni_operator_passes_total{queue=\"instances\",result=\"error\"} 1",
        "eni_operator_passes_running{queue=\"instances\"} 0",
        "eni_operator_budget_rate{operation=\"AttachNetworkInterface\"} 2.5",
        "eni_operator_budget_waiting{operation=\"CreateNetworkInterface\",lane=\"bring-up\"} 0",
    ] {
        assert!(text.lines().any(|told| told == line), "no {line} in\n{text}");
    }
}

#[test]
fn the_document_has_each_metric_and_no_other() {
    let document = include_str!("../../../docs/metrics.md");
    let table = document.split("## What is not there").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<String> =
        rows.map(|row| row.split(['`', '{']).next().unwrap().to_owned()).collect();
    let text = busy().render();
    let shown = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some(if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
    };
    let told: BTreeSet<String> = text.lines().filter_map(shown).collect();
    assert_eq!(documented, told);
    // What has not happened yet is not shown: all of it has.
    assert_eq!(
        told.len(),
        [include_str!("mod.rs"), include_str!("calls.rs"), include_str!("budget.rs")]
            .concat()
            .matches("to.add(")
            .count()
    );
}

#[test]
fn the_document_names_the_labels_of_each_metric() {
    let text = busy().render();
    let document = include_str!("../../../docs/metrics.md");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) =
            line.split_once('{').map_or((line, ""), |(name, rest)| (name, rest.split_once('}').unwrap().0));
        let name = name.split(' ').next().unwrap();
        let name =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let row = document.lines().find(|row| row.starts_with(&format!("| `{name}")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let keys = labels.split(',').filter_map(|label| label.split_once('=')).map(|(key, _)| key);
        for key in keys.filter(|key| *key != "le") {
            let named = row.split('`').nth(1).unwrap();
            assert!(named.contains(key), "{row} does not name {key}");
        }
    }
}
