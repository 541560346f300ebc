//! What the server makes of an edit.

use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Value, json};

use crate::{
    server::{ATTACHMENTS, NODE_ENIS, client, create, get, merge},
    table::{ATTACHMENT, NODE_ENI, Spec::With, all_good},
};

#[tokio::test]
async fn what_says_which_eni_an_attachment_is_cannot_be_edited_and_its_node_can() {
    let client = client();
    let path = format!("{ATTACHMENTS}/identity");
    create(&client, ATTACHMENTS, &ATTACHMENT.object("identity", With("{}"))).await.unwrap();
    let before = get(&client, &path).await.unwrap()["spec"].clone();
    let mut failures = vec![];
    for (field, value) in [
        ("nodeENI", "another"),
        ("instanceID", "i-0fedcba9876543210"),
        ("subnetID", "subnet-0fedcba9876543210"),
        ("zone", "us-east-1z"),
    ] {
        match merge(&client, &path, json!({ "spec": { field: value } })).await {
            Ok(_) => failures.push(format!("{field} was changed")),
            Err(status) if status.message.contains(&format!("{field} cannot be changed")) => {}
            Err(status) => failures.push(format!("{field}: {}", status.message)),
        }
    }
    all_good(&failures);
    assert_eq!(get(&client, &path).await.unwrap()["spec"], before);
    // A node may register again under another name, with the same instance.
    merge(&client, &path, json!({ "spec": { "nodeName": "registered-again" } })).await.unwrap();
}

/// Applies as a user of server-side apply does.
async fn apply(client: &kube::Client, object: &Value) -> Result<Value, kube::Error> {
    let params = PatchParams::apply("user").force();
    let name = object["metadata"]["name"].as_str().unwrap();
    let request = Request::new(NODE_ENIS).patch(name, &params, &Patch::Apply(object)).unwrap();
    client.request(request).await
}

#[tokio::test]
async fn a_selector_without_a_value_is_refused_when_it_is_applied_and_removed_when_it_is_merged() {
    let client = client();
    let applied = NODE_ENI.object("selected", With("nodeSelector: {ng: a, zone: b}"));
    apply(&client, &applied).await.unwrap();
    let nulled = NODE_ENI.object("selected", With("nodeSelector: {ng: a, zone: null}"));
    let refused = apply(&client, &nulled).await;
    let path = format!("{NODE_ENIS}/selected");
    let after = get(&client, &path).await.unwrap()["spec"]["nodeSelector"].clone();
    assert!(refused.is_err(), "it was taken, and the selector is now {after}");
    // In a merge patch null is the word for taking a key out: the server never sees it as a value.
    let merged =
        merge(&client, &path, json!({ "spec": { "nodeSelector": { "zone": null } } })).await.unwrap();
    assert_eq!(merged["spec"]["nodeSelector"], json!({ "ng": "a" }));
}
