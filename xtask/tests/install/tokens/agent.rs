//! What an agent's token is good for.

use eni_operator::api::ConditionType;

use super::cluster::{Cluster, ENI, Install, Who, attachment, cloud};
use super::request::{create, delete, get, merge, patch, replace};
use super::*;

/// Its own slots, as it asks for them.
const ITS_OWN: &str = "nodeeniattachments?fieldSelector=spec.nodeName%3Dnode-a";

/// What it does.
fn done() -> Vec<Row> {
    let host = json!({ "host": { "phase": "Ready", "linkName": "eth2" } });
    let said = json!({ "host": { "phase": "Ready" }, "conditions": [condition("LinkReady", "True")] });
    vec![
        ("its own part of its own slot", Done, say("a", OURS, &host)),
        ("its own conditions", Done, say("a", OURS, &said)),
        ("nothing any more", Done, say("a", OURS, &json!({}))),
        ("read its own slots", Done, get(&format!("{GROUP}/{ITS_OWN}"))),
        ("watch its own slots", Done, watch(&format!("{GROUP}/{ITS_OWN}"))),
        ("tell something", Done, event("default")),
        ("tell it again", Done, event_again("default")),
        // RBAC knows no selectors: what an agent may read it asks for by itself.
        ("read all slots", Done, get(&format!("{GROUP}/nodeeniattachments"))),
    ]
}

/// What the policy keeps it from saying.
fn against_the_policy() -> Vec<Row> {
    let host = json!({ "host": { "phase": "Ready", "linkName": "eth2" } });
    let forged = json!({ "cloud": cloud("eni-00000000deadbeef") });
    let same = json!({ "cloud": cloud(ENI) });
    let status = format!("{}/status", slot("a"));
    let with_ready = json!({ "conditions": [condition("LinkReady", "True"), condition("Ready", "True")] });
    vec![
        ("another node's slot", Policy("own node"), say("b", OURS, &host)),
        ("another node's slot, merged", Policy("own node"), set("b", &host)),
        ("another node's conditions", Policy("own node"), set("b", &json!({ "conditions": [] }))),
        ("the ENI's id, applied", Policy("status.cloud"), say("a", OURS, &forged)),
        (
            "the ENI's id, merged",
            Policy("status.cloud"),
            set("a", &json!({ "cloud": { "eniID": "eni-0000dead" } })),
        ),
        (
            "the ENI's id, by a JSON patch",
            Policy("status.cloud"),
            patch(
                &status,
                &json!([{ "op": "replace", "path": "/status/cloud/eniID", "value": "eni-0000dead" }]),
            ),
        ),
        ("the ENI's record, removed", Policy("status.cloud"), set("a", &json!({ "cloud": null }))),
        ("the whole status, removed", Policy("status.cloud"), merge(&status, &json!({ "status": null }))),
        ("the ENI's record, the same", Policy("does not own"), say("a", OURS, &same)),
        (
            "the controller's condition",
            Policy("own types"),
            say("a", OURS, &json!({ "conditions": [condition("Ready", "False")] })),
        ),
        (
            "the controller's condition, attached",
            Policy("own types"),
            say("a", OURS, &json!({ "conditions": [condition("Attached", "False")] })),
        ),
        ("the controller's condition, the same", Policy("does not own"), say("a", OURS, &with_ready)),
        ("all conditions, removed", Policy("own types"), set("a", &json!({ "conditions": [] }))),
        (
            "one of the controller's conditions, removed",
            Policy("own types"),
            patch(&status, &json!([{ "op": "remove", "path": "/status/conditions/0" }])),
        ),
        (
            "a condition that nobody knows",
            Policy("own types"),
            say("a", OURS, &json!({ "conditions": [condition("Fine", "True")] })),
        ),
        (
            "the controller's generation",
            Policy("observedGeneration"),
            set("a", &json!({ "observedGeneration": 99 })),
        ),
        ("under the controller's name, by an apply", Policy("status.cloud"), say("a", CONTROLLERS, &host)),
        (
            "under the controller's name",
            Policy("controller's name"),
            merge(&format!("{status}?fieldManager={CONTROLLERS}"), &json!({ "status": host })),
        ),
    ]
}

/// What no role of its allows.
fn without_a_role() -> Vec<Row> {
    let leases = "/apis/coordination.k8s.io/v1/namespaces/eni-controller-system/leases";
    let slots = format!("{GROUP}/nodeeniattachments");
    let replaced = status_of("a", &json!({ "host": { "phase": "Ready" } }));
    let node_eni = json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI", "metadata": { "name": "m" },
    });
    let of_metadata = |name: &str, value: Value| merge(&slot("a"), &json!({ "metadata": { name: value } }));
    let rows = vec![
        ("read one slot by its name", get(&slot("a"))),
        ("the spec", merge(&slot("a"), &json!({ "spec": { "detachPolicy": { "type": "Force" } } }))),
        ("the node of a slot", merge(&slot("b"), &json!({ "spec": { "nodeName": "node-a" } }))),
        ("the finalizer", of_metadata("finalizers", Value::Null)),
        ("a label", of_metadata("labels", json!({ "x": "y" }))),
        ("an annotation", of_metadata("annotations", json!({ "x": "y" }))),
        ("the owner", of_metadata("ownerReferences", json!([]))),
        ("apply the object", apply(&slot("a"), OURS, &status_of("a", &json!({})))),
        ("replace a status", replace(&format!("{}/status", slot("a")), &replaced)),
        ("read a status by its name", get(&format!("{}/status", slot("a")))),
        ("make a slot", create(&slots, &attachment("c", "node-a"))),
        ("delete its own slot", delete(&slot("a"))),
        ("delete another node's slot", delete(&slot("b"))),
        ("delete all slots", delete(&slots)),
        ("read what users want", get(&format!("{GROUP}/nodeenis"))),
        (
            "say of a NodeENI that it is ready",
            merge(&format!("{GROUP}/nodeenis/n/status"), &json!({ "status": { "ready": 1 } })),
        ),
        ("make a NodeENI", create(&format!("{GROUP}/nodeenis"), &node_eni)),
        ("delete a NodeENI", delete(&format!("{GROUP}/nodeenis/n"))),
        ("read Secrets", get("/api/v1/secrets")),
        ("read a Secret of its namespace", get(&format!("{NAMESPACED}/secrets/x"))),
        ("read ConfigMaps", get(&format!("{NAMESPACED}/configmaps"))),
        ("read pods", get("/api/v1/pods")),
        ("delete a pod", delete(&format!("{NAMESPACED}/pods/agent-b"))),
        ("run a command in a pod", create(&format!("{NAMESPACED}/pods/agent-b/exec?command=sh"), &json!({}))),
        ("read nodes", get("/api/v1/nodes")),
        ("read its own node", get("/api/v1/nodes/node-a")),
        ("label its node", merge("/api/v1/nodes/node-a", &json!({ "metadata": { "labels": { "x": "y" } } }))),
        ("make a token of the controller's", token_of("eni-controller")),
        ("make a token of its own account", token_of("eni-node-agent")),
        ("take the lease", create(leases, &lease("x"))),
        ("tell something in another namespace", event("kube-system")),
        ("read events", get("/apis/events.k8s.io/v1/namespaces/default/events")),
        ("delete an event", delete("/apis/events.k8s.io/v1/namespaces/default/events/x")),
        ("change the policy", delete(&format!("{POLICIES}/eni-node-agent"))),
        ("give itself every right", all_rights("eni-node-agent", "eni-controller-system")),
        (
            "delete a CRD",
            delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodeenis.networking.k8s.aws"),
        ),
    ];
    rows.into_iter().map(|(what, request)| (what, NoRole, request)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_token_is_good_for_its_own_words_on_its_own_node() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    until_in_force(&cluster).await;
    for rows in [done(), against_the_policy(), without_a_role()] {
        check_all(&cluster, Who::AgentOnA, rows).await;
    }
    let host = json!({ "host": { "phase": "Ready" } });
    let own = get(&format!("{GROUP}/{ITS_OWN}"));
    check_all(
        &cluster,
        Who::AgentWithoutPod,
        vec![("a status", Policy("which node"), say("a", OURS, &host))],
    )
    .await;
    check_all(&cluster, Who::AgentOnB, vec![("a status", Policy("own node"), say("a", OURS, &host))]).await;
    let namesakes = vec![
        ("a status", NoRole, say("a", OURS, &host)),
        ("read slots", NoRole, get(&format!("{GROUP}/{ITS_OWN}"))),
        ("tell something", NoRole, event("default")),
    ];
    check_all(&cluster, Who::Namesake, namesakes).await;
    check_all(&cluster, Who::Nobody, vec![("read slots", NoToken, get(&format!("{GROUP}/{ITS_OWN}")))]).await;
    cluster.delete_pod("agent-b").await;
    let gone = cluster.until(Who::AgentOnB, &own, |answer| answer.status == 401).await;
    check("the token of a pod that is gone", &NoToken, &gone);
}

/// A status' address takes no spec and no metadata: where the policy does not refuse to try, nothing comes of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_status_does_not_change_by_way_of_the_status() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    until_in_force(&cluster).await;
    let before = cluster.slot("a").await;
    let status = format!("{}/status", slot("a"));
    for part in [
        json!({ "spec": { "release": true } }),
        json!({ "metadata": { "finalizers": [] } }),
        json!({ "metadata": { "labels": { "x": "y" } } }),
        json!({ "metadata": { "annotations": { "x": "y" } } }),
        json!({ "metadata": { "ownerReferences": [] } }),
    ] {
        let answer = cluster.ask(Who::AgentOnA, &merge(&status, &part)).await;
        let harmless = (200..300).contains(&answer.status);
        assert!(harmless || answer.text.contains("ValidatingAdmissionPolicy"), "{part}: {}", answer.text);
        let after = cluster.slot("a").await;
        let parts = ["finalizers", "labels", "annotations", "ownerReferences", "generation"];
        for name in parts
            .map(|name| format!("/metadata/{name}"))
            .iter()
            .map(String::as_str)
            .chain(["/spec", "/status"])
        {
            assert_eq!(before.pointer(name), after.pointer(name), "{part} changed {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_type_of_condition_is_an_agents_own_or_refused() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    until_in_force(&cluster).await;
    for type_ in ConditionType::ALL {
        let answer = cluster
            .ask(
                Who::AgentOnA,
                &say("a", OURS, &json!({ "conditions": [condition(&type_.name(), "Unknown")] })),
            )
            .await;
        let expected = if type_.is_agents() { Done } else { Policy("own types") };
        check(&type_.name(), &expected, &answer);
    }
    let status = cluster.slot("a").await["status"].clone();
    let there: Vec<(&str, &str)> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    // An apply takes back what it does not say again, and the controller's two are as they were.
    let last = ConditionType::ALL.iter().rfind(|type_| type_.is_agents()).unwrap();
    assert_eq!(there.len(), 3, "{there:?}");
    for expected in [("Attached", "True"), ("Ready", "True"), (&*last.name(), "Unknown")] {
        assert!(there.contains(&expected), "{there:?}");
    }
}
