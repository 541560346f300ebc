//! What the real API server lets each identity do, by the tokens that kubelet would give to its pods.

mod cluster;
mod request;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::cluster::{Cluster, Who};
use self::request::{Answer, Request, apply, create, delete, get, merge};

const GROUP: &str = "/apis/networking.k8s.aws/v1alpha1";
const OURS: &str = "eni-operator-node-agent";
const CONTROLLERS: &str = "eni-operator-controller";

fn slot(name: &str) -> String {
    format!("{GROUP}/nodeeniattachments/{name}")
}

fn status_of(name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment",
        "metadata": { "name": name }, "status": status,
    })
}

/// An agent's write of a slot's status, as it makes them.
fn say(name: &str, manager: &str, status: &Value) -> Request {
    apply(&format!("{}/status", slot(name)), manager, &status_of(name, status))
}

/// A write of a slot's status that is no apply.
fn set(name: &str, status: &Value) -> Request {
    merge(&format!("{}/status", slot(name)), &json!({ "status": status }))
}

fn condition(type_: &str, status: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": "AsSpecified", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn event() -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "generateName": "x-", "namespace": "default" },
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "x", "reportingInstance": "x", "action": "Look", "reason": "Seen",
        "type": "Normal", "note": "x",
        "regarding": { "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment", "name": "a" },
    })
}

/// What has to come of a request.
enum Expect {
    /// It is done.
    Done,
    /// No role allows it.
    NoRole,
    /// The policy refuses it, with these words.
    Policy(&'static str),
    /// The token is none.
    NoToken,
}

use Expect::{Done, NoRole, NoToken, Policy};

#[track_caller]
fn check(what: &str, expected: &Expect, answer: &Answer) {
    let (status, text) = (answer.status, &answer.text);
    match expected {
        Done => assert!((200..300).contains(&status), "{what}: {status} {text}"),
        NoRole => assert!(status == 403 && text.contains("cannot "), "{what}: {status} {text}"),
        Policy(words) => {
            assert!(status == 403 && text.contains("ValidatingAdmissionPolicy"), "{what}: {status} {text}");
            assert!(text.contains(words), "{what}: {text}");
        }
        NoToken => assert_eq!(status, 401, "{what}: {text}"),
    }
}

/// What an agent on node a may do with its own and others' slots.
fn writes() -> Vec<(&'static str, Expect, Request)> {
    let host = json!({ "host": { "phase": "Ready", "linkName": "eth2" } });
    let forged = json!({ "cloud": cluster::cloud("eni-00000000deadbeef") });
    let same = json!({ "cloud": cluster::cloud(cluster::ENI) });
    vec![
        ("its own part of its own slot", Done, say("a", OURS, &host)),
        (
            "its own conditions",
            Done,
            say(
                "a",
                OURS,
                &json!({ "host": { "phase": "Ready" }, "conditions": [condition("LinkReady", "True")] }),
            ),
        ),
        ("nothing any more", Done, say("a", OURS, &json!({}))),
        ("another node's slot", Policy("own node"), say("b", OURS, &host)),
        ("the ENI's id, applied", Policy("status.cloud"), say("a", OURS, &forged)),
        (
            "the ENI's id, merged",
            Policy("status.cloud"),
            set("a", &json!({ "cloud": { "eniID": "eni-0000dead" } })),
        ),
        ("the ENI's record, removed", Policy("status.cloud"), set("a", &json!({ "cloud": null }))),
        (
            "the whole status, removed",
            Policy("status.cloud"),
            merge(&format!("{}/status", slot("a")), &json!({ "status": null })),
        ),
        ("the ENI's record, the same", Policy("does not own"), say("a", OURS, &same)),
        (
            "the controller's condition",
            Policy("own types"),
            say("a", OURS, &json!({ "conditions": [condition("Ready", "False")] })),
        ),
        (
            "the controller's condition, the same",
            Policy("does not own"),
            say("a", OURS, &json!({ "conditions": [condition("Ready", "True")] })),
        ),
        ("all conditions, removed", Policy("own types"), set("a", &json!({ "conditions": [] }))),
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
            merge(&format!("{}/status?fieldManager={CONTROLLERS}", slot("a")), &json!({ "status": host })),
        ),
    ]
}

/// What no role of an agent's allows.
fn forbidden() -> Vec<(&'static str, Request)> {
    let namespace = "/api/v1/namespaces/eni-controller-system";
    let account = format!("{namespace}/serviceaccounts/eni-controller/token");
    let token = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
    let lease =
        json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "x" } });
    let replaced = status_of("a", &json!({ "host": { "phase": "Ready" } }));
    vec![
        ("the spec", merge(&slot("a"), &json!({ "spec": { "detachPolicy": { "type": "Force" } } }))),
        ("the finalizer", merge(&slot("a"), &json!({ "metadata": { "finalizers": null } }))),
        ("replace a status", request::replace(&format!("{}/status", slot("a")), &replaced)),
        ("make a slot", create(&format!("{GROUP}/nodeeniattachments"), &cluster::attachment("c", "node-a"))),
        ("delete its own slot", delete(&slot("a"))),
        ("delete all slots", delete(&format!("{GROUP}/nodeeniattachments"))),
        ("read what users want", get(&format!("{GROUP}/nodeenis"))),
        (
            "say of a NodeENI that it is ready",
            merge(&format!("{GROUP}/nodeenis/n/status"), &json!({ "status": { "ready": 1 } })),
        ),
        ("delete a NodeENI", delete(&format!("{GROUP}/nodeenis/n"))),
        ("read Secrets", get("/api/v1/secrets")),
        ("read a Secret of its namespace", get(&format!("{namespace}/secrets/x"))),
        ("read ConfigMaps", get(&format!("{namespace}/configmaps"))),
        ("read pods", get("/api/v1/pods")),
        ("delete a pod", delete(&format!("{namespace}/pods/agent-b"))),
        ("run a command in a pod", create(&format!("{namespace}/pods/agent-b/exec?command=sh"), &json!({}))),
        ("read nodes", get("/api/v1/nodes")),
        ("label its node", merge("/api/v1/nodes/node-a", &json!({ "metadata": { "labels": { "x": "y" } } }))),
        ("make a token of the controller's", create(&account, &token)),
        (
            "take the lease",
            create("/apis/coordination.k8s.io/v1/namespaces/eni-controller-system/leases", &lease),
        ),
        (
            "tell something in another namespace",
            create("/apis/events.k8s.io/v1/namespaces/kube-system/events", &event()),
        ),
        (
            "change the policy",
            delete("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/eni-node-agent"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_token_is_good_for_its_own_words_on_its_own_node() {
    let Some(cluster) = Cluster::start().await else { return };
    until_in_force(&cluster).await;
    for (what, expected, request) in writes() {
        check(what, &expected, &cluster.ask(Who::AgentOnA, &request).await);
    }
    for (what, request) in forbidden() {
        check(what, &NoRole, &cluster.ask(Who::AgentOnA, &request).await);
    }
    let list = format!("{GROUP}/nodeeniattachments?fieldSelector=spec.nodeName%3Dnode-a");
    check("read its own slots", &Done, &cluster.ask(Who::AgentOnA, &get(&list)).await);
    let events = create("/apis/events.k8s.io/v1/namespaces/default/events", &event());
    check("tell something", &Done, &cluster.ask(Who::AgentOnA, &events).await);
    let host = json!({ "host": { "phase": "Ready" } });
    let unbound = cluster.ask(Who::AgentWithoutPod, &say("a", OURS, &host)).await;
    check("a token without a pod", &Policy("which node"), &unbound);
    let other = cluster.ask(Who::AgentOnB, &say("a", OURS, &host)).await;
    check("the other node's agent", &Policy("own node"), &other);
    cluster.delete_pod("agent-b").await;
    let gone = cluster.until(Who::AgentOnB, &get(&list), |answer| answer.status == 401).await;
    check("the token of a pod that is gone", &NoToken, &gone);
    // A status' address takes no spec and no metadata; the policy refuses to try.
    let before = cluster.slot("a").await;
    let all =
        json!({ "spec": { "release": true }, "metadata": { "finalizers": [], "labels": { "x": "y" } } });
    let request = merge(&format!("{}/status", slot("a")), &all);
    check("a spec in a status", &Policy("does not own"), &cluster.ask(Who::AgentOnA, &request).await);
    let after = cluster.slot("a").await;
    for part in ["/spec", "/metadata/finalizers", "/metadata/labels", "/status"] {
        assert_eq!(before.pointer(part), after.pointer(part), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controllers_token_is_good_for_what_it_does() {
    let Some(cluster) = Cluster::start().await else { return };
    let namespace = "/api/v1/namespaces/eni-controller-system";
    let leases = "/apis/coordination.k8s.io/v1/namespaces";
    let lease = |name: &str| json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": name } });
    let own = format!("{leases}/eni-controller-system/leases");
    let label = json!({ "metadata": { "labels": { "networking.k8s.aws/has-eni": "true" } } });
    let cloud = json!({ "cloud": cluster::cloud("eni-0123456789abcdef0") });
    let done = [
        ("read nodes", get("/api/v1/nodes")),
        ("label a node", merge("/api/v1/nodes/node-a", &label)),
        ("read kube-system's uid", get("/api/v1/namespaces/kube-system")),
        (
            "put on a finalizer",
            merge(&format!("{GROUP}/nodeenis/n"), &json!({ "metadata": { "finalizers": ["x.y/z"] } })),
        ),
        (
            "say how far it is",
            merge(&format!("{GROUP}/nodeenis/n/status"), &json!({ "status": { "ready": 1 } })),
        ),
        ("record an ENI", say("a", CONTROLLERS, &cloud)),
        ("make a slot", create(&format!("{GROUP}/nodeeniattachments"), &cluster::attachment("c", "node-a"))),
        ("delete a slot", delete(&slot("c"))),
        ("take the lease", create(&own, &lease("eni-operator-controller"))),
        ("read the lease", get(&format!("{own}/eni-operator-controller"))),
        ("tell something", create("/apis/events.k8s.io/v1/namespaces/default/events", &event())),
    ];
    for (what, request) in done {
        check(what, &Done, &cluster.ask(Who::Controller, &request).await);
    }
    let forbidden = [
        ("read Secrets", get("/api/v1/secrets")),
        ("read pods", get("/api/v1/pods")),
        ("run a command in a pod", create(&format!("{namespace}/pods/agent-a/exec?command=sh"), &json!({}))),
        ("delete a node", delete("/api/v1/nodes/node-a")),
        ("delete a NodeENI", delete(&format!("{GROUP}/nodeenis/n"))),
        ("change what users want", request::replace(&format!("{GROUP}/nodeenis/n"), &json!({}))),
        ("read another namespace", get("/api/v1/namespaces/default")),
        ("take another lease", get(&format!("{leases}/kube-system/leases/kube-scheduler"))),
        ("delete the lease", delete(&format!("{own}/eni-operator-controller"))),
        ("read another DaemonSet", get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")),
    ];
    for (what, request) in forbidden {
        check(what, &NoRole, &cluster.ask(Who::Controller, &request).await);
    }
    // It is not there, and may be looked for.
    let cni = get("/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node");
    assert_eq!(cluster.ask(Who::Controller, &cni).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_holds_where_somebody_gave_agents_every_right() {
    let Some(cluster) = Cluster::start().await else { return };
    until_in_force(&cluster).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "too-much" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{
            "kind": "ServiceAccount", "name": "eni-node-agent", "namespace": "eni-controller-system",
        }],
    });
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    check("bind", &Done, &cluster.ask(Who::Admin, &create(path, &binding)).await);
    let refused = Policy("writes the status of slots, and nothing else");
    for (what, request) in [
        ("the spec", merge(&slot("a"), &json!({ "spec": { "release": true } }))),
        ("the finalizer", merge(&slot("a"), &json!({ "metadata": { "finalizers": null } }))),
        ("make a slot", create(&format!("{GROUP}/nodeeniattachments"), &cluster::attachment("c", "node-a"))),
        ("delete a slot", delete(&slot("a"))),
        ("delete a NodeENI", delete(&format!("{GROUP}/nodeenis/n"))),
    ] {
        let answer = cluster.until(Who::AgentOnA, &request, |answer| !answer.text.contains("cannot ")).await;
        check(what, &refused, &answer);
    }
    let status = merge(&format!("{GROUP}/nodeenis/n/status"), &json!({ "status": { "ready": 1 } }));
    check("a NodeENI's status", &refused, &cluster.ask(Who::AgentOnA, &status).await);
}

/// Waits until the API server has heard of the policy: until then it would allow what the policy forbids.
async fn until_in_force(cluster: &Cluster) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let forged = say("b", OURS, &json!({ "host": { "phase": "Ready" } }));
    while cluster.ask(Who::AgentOnA, &forged).await.status != 403 {
        assert!(Instant::now() < deadline, "the policy is not in force after a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
