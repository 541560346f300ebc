//! What the real API server lets each identity do, by the tokens that kubelet would give to its pods.

mod agent;
mod cluster;
mod controller;
mod elsewhere;
mod request;
mod rights;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::cluster::{Cluster, Who};
use self::request::{Answer, Request, apply, create, get, merge};

const GROUP: &str = "/apis/networking.k8s.aws/v1alpha1";
const NAMESPACED: &str = "/api/v1/namespaces/eni-controller-system";
const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
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

/// An event, to be made in a namespace.
fn event(namespace: &str) -> Request {
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "x", "namespace": namespace },
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "x", "reportingInstance": "x", "action": "Look", "reason": "Seen",
        "type": "Normal", "note": "x",
        "regarding": { "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment", "name": "a" },
    });
    create(&format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events"), &event)
}

/// The same event again.
fn event_again(namespace: &str) -> Request {
    let series = json!({ "series": { "count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z" } });
    merge(&format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events/x"), &series)
}

fn lease(name: &str) -> Value {
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": name } })
}

/// A request for a token of an account.
fn token_of(account: &str) -> Request {
    let token = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
    create(&format!("{NAMESPACED}/serviceaccounts/{account}/token"), &token)
}

/// A binding of somebody to every right.
fn all_rights(account: &str, namespace: &str) -> Request {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "too-much" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": namespace }],
    });
    create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding)
}

/// A row of a table: what is tried, what has to come of it, and the request.
type Row = (&'static str, Expect, Request);

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
    /// It is allowed, and the thing is not there.
    NotThere,
}

use Expect::{Done, NoRole, NoToken, NotThere, Policy};

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
        NotThere => assert_eq!(status, 404, "{what}: {text}"),
    }
}

/// Tries each row of a table with somebody's token, one after the other.
async fn check_all(cluster: &Cluster, who: Who, rows: Vec<Row>) {
    for (what, expected, request) in rows {
        check(&format!("{who:?}: {what}"), &expected, &cluster.ask(who, &request).await);
    }
}

/// A watch that ends by itself.
fn watch(path: &str) -> Request {
    get(&format!("{path}{}watch=1&timeoutSeconds=1", if path.contains('?') { '&' } else { '?' }))
}

/// Waits until the API server has heard of the policy: until then it would allow what the policy forbids.
async fn until_in_force(cluster: &Cluster) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let forged = say("b", OURS, &json!({ "host": { "phase": "Ready" } }));
    loop {
        let answer = cluster.ask(Who::AgentOnA, &forged).await;
        if answer.status == 403 {
            return;
        }
        let said = answer.text;
        assert!(Instant::now() < deadline, "an agent still writes of another node after a minute: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
