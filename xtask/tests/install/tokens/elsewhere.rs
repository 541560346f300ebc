//! The policy is in force whatever the agents' account is called and is allowed.

use super::cluster::{Cluster, Install, Who, attachment};
use super::request::{create, delete, merge};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_holds_for_agents_of_another_name_in_another_namespace() {
    let Some(cluster) = Cluster::start(Install { namespace: "networks", agent: "hands" }).await else {
        return;
    };
    until_in_force(&cluster).await;
    let host = json!({ "host": { "phase": "Ready" } });
    let forged = json!({ "conditions": [condition("Ready", "False")] });
    let rows = vec![
        ("its own slot", Done, say("a", OURS, &host)),
        ("another node's slot", Policy("own node"), say("b", OURS, &host)),
        ("the controller's condition", Policy("own types"), say("a", OURS, &forged)),
    ];
    check_all(&cluster, Who::AgentOnA, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_holds_where_somebody_gave_agents_every_right() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    until_in_force(&cluster).await;
    let bind = all_rights("eni-node-agent", "eni-controller-system");
    check("bind", &Done, &cluster.ask(Who::Admin, &bind).await);
    let refused = Policy("writes the status of slots, and nothing else");
    let slots = format!("{GROUP}/nodeeniattachments");
    let status = json!({ "status": { "ready": 1 } });
    for (what, request) in [
        ("the spec", merge(&slot("a"), &json!({ "spec": { "release": true } }))),
        ("the finalizer", merge(&slot("a"), &json!({ "metadata": { "finalizers": null } }))),
        ("a label", merge(&slot("a"), &json!({ "metadata": { "labels": { "x": "y" } } }))),
        ("make a slot", create(&slots, &attachment("c", "node-a"))),
        ("delete a slot", delete(&slot("a"))),
        ("delete all slots", delete(&slots)),
        ("delete a NodeENI", delete(&format!("{GROUP}/nodeenis/n"))),
        ("a NodeENI's status", merge(&format!("{GROUP}/nodeenis/n/status"), &status)),
    ] {
        let answer = cluster.until(Who::AgentOnA, &request, |answer| !answer.text.contains("cannot ")).await;
        check(what, &refused, &answer);
    }
}
