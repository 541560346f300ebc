//! What `kubectl get` shows of both kinds.

use serde_json::{Value, json};

use crate::{
    server::{client, create, kubectl, merge},
    table::{
        ATTACHMENT, Kind, NODE_ENI,
        Spec::{self, With},
    },
};

async fn shown(kind: &Kind, name: &str, spec: Spec, status: Value) {
    let client = client();
    create(&client, kind.collection, &kind.object(name, spec)).await.unwrap();
    let path = format!("{}/{name}/status", kind.collection);
    merge(&client, &path, json!({ "status": status })).await.unwrap();
}

/// The words of the header and of the line below it, without the age, which is the last.
fn words(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let (header, mut values) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(lines.next(), None);
    let age = values.pop().unwrap();
    assert!(age.ends_with('s'), "{age} is not an age");
    (header, values)
}

fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!([{
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }])
}

#[tokio::test]
async fn node_eni_shows_counts_and_reason() {
    let conditions = ready("False", "AttachmentsNotReady", "Waiting.");
    let status = json!({ "desired": 4, "attached": 3, "ready": 2, "failed": 1, "conditions": conditions });
    shown(&NODE_ENI, "shown", With("deviceIndex: 5"), status).await;
    let text = kubectl(&["get", "neni", "shown"]);
    let (header, values) = words(&text);
    assert_eq!(header, ["NAME", "DESIRED", "ATTACHED", "READY", "FAILED", "REASON", "AGE"]);
    assert_eq!(values, ["shown", "4", "3", "2", "1", "AttachmentsNotReady"]);

    let text = kubectl(&["get", "neni", "shown", "-o", "wide"]);
    let (header, values) = words(&text);
    assert_eq!(header[5..], ["REASON", "INDEX", "MESSAGE", "AGE"]);
    assert_eq!(values[5..], ["AttachmentsNotReady", "5", "Waiting."]);
}

#[tokio::test]
async fn attachment_shows_where_it_is_and_how_it_is() {
    let status = json!({
        "cloud": {
            "epoch": 1,
            "lastCreate": "2026-01-01T00:00:00Z",
            "lastChange": "2026-01-01T00:00:00Z",
            "eniID": "eni-0a1b2c3d",
            "privateIP": "10.0.64.9",
            "deviceIndex": 3,
        },
        "host": { "linkName": "ens6", "driver": "ena" },
        "conditions": ready("True", "AsSpecified", ""),
    });
    shown(&ATTACHMENT, "shown", With("{nodeName: node-1, nodeENI: multus}"), status).await;
    let text = kubectl(&["get", "nenia", "shown"]);
    let (header, values) = words(&text);
    assert_eq!(header, ["NAME", "NODE", "ENI", "IP", "INDEX", "LINK", "DRIVER", "READY", "REASON", "AGE"]);
    let expected =
        ["shown", "node-1", "eni-0a1b2c3d", "10.0.64.9", "3", "ens6", "ena", "True", "AsSpecified"];
    assert_eq!(values, expected);
    wide();
}

/// The age stands before the columns that only the wide form has.
fn wide() {
    let text = kubectl(&["get", "nenia", "shown", "-o", "wide"]);
    let lines: Vec<Vec<_>> =
        text.lines().map(|line| line.split_whitespace().rev().take(3).collect()).collect();
    assert_eq!(lines, [["INSTANCE", "SUBNET", "NODEENI"], ["i-0a1b2c3d", "subnet-0a1b2c3d", "multus"]]);
}

#[tokio::test]
async fn reference_users_query_finds_nodes_and_enis() {
    let attachments = json!([
        { "nodeID": "node-1", "instanceID": "i-1", "eniID": "eni-1", "attachmentID": "a", "subnetID": "s",
          "deviceIndex": 2, "status": "attached" },
        { "nodeID": "node-2", "instanceID": "i-2", "eniID": "eni-2", "attachmentID": "b", "subnetID": "s",
          "deviceIndex": 2, "status": "attached" },
    ]);
    shown(&NODE_ENI, "queried", With("{}"), json!({ "attachments": attachments })).await;
    let columns = "custom-columns=NODES:.status.attachments[*].nodeID,ENIS:.status.attachments[*].eniID";
    let text = kubectl(&["get", "nodeeni", "queried", "-o", columns]);
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>(),
        ["NODES", "ENIS", "node-1,node-2", "eni-1,eni-2"]
    );
}
