//! What keeps the agents of many nodes and the controller apart: selectable fields, and managers of fields.

use kube::Client;
use serde_json::{Value, json};

use crate::{
    server::{ATTACHMENTS, apply_status, client, create, get, kubectl, run_kubectl},
    table::{
        ATTACHMENT,
        Spec::{self, With},
    },
};

async fn attachment(client: &Client, name: &str, spec: Spec) {
    create(client, ATTACHMENTS, &ATTACHMENT.object(name, spec)).await.unwrap();
}

fn selected(field_selector: &str) -> Vec<String> {
    let names = kubectl(&["get", "nodeeniattachments", "--field-selector", field_selector, "-o", "name"]);
    names
        .lines()
        .map(|line| line.trim_start_matches("nodeeniattachment.networking.k8s.aws/").to_owned())
        .collect()
}

#[tokio::test]
async fn attachments_are_selected_by_node_and_by_node_eni() {
    let client = client();
    attachment(&client, "select-1", With("{nodeName: select-x, nodeENI: select-a}")).await;
    attachment(&client, "select-2", With("{nodeName: select-y, nodeENI: select-a}")).await;
    attachment(&client, "select-3", With("{nodeName: select-x, nodeENI: select-b}")).await;
    assert_eq!(selected("spec.nodeName=select-x"), ["select-1", "select-3"]);
    assert_eq!(selected("spec.nodeENI=select-a"), ["select-1", "select-2"]);
    assert_eq!(selected("spec.nodeName=select-x,spec.nodeENI=select-a"), ["select-1"]);
    assert!(selected("spec.nodeName=select-z").is_empty());
}

#[test]
fn other_fields_are_not_selectable() {
    let output = run_kubectl(&["get", "nodeeniattachments", "--field-selector", "spec.zone=us-east-1a"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("field label not supported: spec.zone"), "{said}");
}

fn condition(type_: &str, status: &str) -> Value {
    json!({
        "type": type_,
        "status": status,
        "reason": "Test",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

/// The conditions of an object: type and status.
async fn conditions(client: &Client, path: &str) -> Vec<(String, String)> {
    let object = get(client, path).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let mut conditions: Vec<_> =
        conditions.iter().map(|one| (text(&one["type"]), text(&one["status"]))).collect();
    conditions.sort();
    conditions
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(type_, status)| (type_.to_owned(), status.to_owned())).collect()
}

#[tokio::test]
async fn managers_of_conditions_keep_each_others() {
    let client = client();
    attachment(&client, "two-managers", With("{}")).await;
    let path = format!("{ATTACHMENTS}/two-managers");
    let apply =
        async |manager: &str, status: Value| apply_status(&client, &path, manager, status).await.unwrap();
    let created = json!({ "conditions": [condition("Attached", "False"), condition("Created", "True")] });
    apply("controller", created).await;
    let linked = json!({ "conditions": [condition("LinkReady", "True")], "host": { "linkName": "ens6" } });
    apply("agent", linked).await;
    let both = pairs(&[("Attached", "False"), ("Created", "True"), ("LinkReady", "True")]);
    assert_eq!(conditions(&client, &path).await, both);

    // What a manager leaves out is gone, if it was its own.
    let after = apply("controller", json!({ "conditions": [condition("Attached", "True")] })).await;
    assert_eq!(conditions(&client, &path).await, pairs(&[("Attached", "True"), ("LinkReady", "True")]));
    assert_eq!(after["status"]["host"]["linkName"], "ens6");
}

#[tokio::test]
async fn status_that_says_nothing_new_makes_no_new_version() {
    let client = client();
    attachment(&client, "nothing-new", With("{}")).await;
    let path = format!("{ATTACHMENTS}/nothing-new");
    let status = json!({ "conditions": [condition("LinkReady", "True")], "host": { "mtu": 9001 } });
    let first = apply_status(&client, &path, "agent", status.clone()).await.unwrap();
    let second = apply_status(&client, &path, "agent", status).await.unwrap();
    assert_eq!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn managers_who_disagree_about_a_condition_hear_of_it() {
    let client = client();
    attachment(&client, "one-condition", With("{}")).await;
    let path = format!("{ATTACHMENTS}/one-condition");
    let says = |status: &str| json!({ "conditions": [condition("Ready", status)] });
    apply_status(&client, &path, "controller", says("True")).await.unwrap();
    let refusal = apply_status(&client, &path, "agent", says("False")).await.unwrap_err();
    assert_eq!(refusal.code, 409);
    assert!(refusal.message.contains("\"controller\""), "{}", refusal.message);
}

#[tokio::test]
async fn status_and_spec_are_written_apart() {
    let client = client();
    let mut object = ATTACHMENT.object("no-status", With("{}"));
    object["status"] = json!({ "host": { "linkName": "ens6" } });
    let stored = create(&client, ATTACHMENTS, &object).await.unwrap();
    assert_eq!(stored["status"], Value::Null);
}

#[tokio::test]
async fn unknown_state_of_ec2_is_refused_in_the_status() {
    let client = client();
    attachment(&client, "bad-status", With("{}")).await;
    let cloud = json!({
        "epoch": 1,
        "lastCreate": "2026-01-01T00:00:00Z",
        "lastChange": "2026-01-01T00:00:00Z",
        "state": "Floating",
    });
    let path = format!("{ATTACHMENTS}/bad-status");
    let refusal = apply_status(&client, &path, "controller", json!({ "cloud": cloud })).await.unwrap_err();
    let said = &refusal.message;
    assert!(said.contains("status.cloud.state") && said.contains("\"Attaching\""), "{said}");
}
