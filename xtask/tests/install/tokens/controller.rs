//! What the controller's token is good for, and that of the job before an uninstall.

use super::cluster::{Cluster, Install, Who, attachment, cloud};
use super::request::{create, delete, get, merge, replace};
use super::*;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces";
const DAEMON_SETS: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets";

fn own_lease() -> String {
    format!("{LEASES}/eni-controller-system/leases/eni-operator-controller")
}

/// What it does, in an order in which it can be done.
fn done() -> Vec<Row> {
    let slots = format!("{GROUP}/nodeeniattachments");
    let label = json!({ "metadata": { "labels": { "networking.k8s.aws/has-eni": "true" } } });
    let rows = vec![
        ("read nodes", get("/api/v1/nodes")),
        ("watch nodes", watch("/api/v1/nodes")),
        ("read a node", get("/api/v1/nodes/node-a")),
        ("label a node", merge("/api/v1/nodes/node-a", &label)),
        ("read kube-system's uid", get("/api/v1/namespaces/kube-system")),
        ("read what users want", get(&format!("{GROUP}/nodeenis"))),
        ("watch what users want", watch(&format!("{GROUP}/nodeenis"))),
        (
            "put on a finalizer",
            merge(&format!("{GROUP}/nodeenis/n"), &json!({ "metadata": { "finalizers": ["x.y/z"] } })),
        ),
        (
            "say how far it is",
            merge(&format!("{GROUP}/nodeenis/n/status"), &json!({ "status": { "ready": 1 } })),
        ),
        ("read slots", get(&slots)),
        ("watch slots", watch(&slots)),
        ("read a slot", get(&slot("a"))),
        ("record an ENI", say("a", CONTROLLERS, &json!({ "cloud": cloud("eni-0123456789abcdef0") }))),
        ("make a slot", create(&slots, &attachment("c", "node-a"))),
        ("change a slot", merge(&slot("c"), &json!({ "spec": { "release": true } }))),
        ("let a slot go", merge(&slot("c"), &json!({ "metadata": { "finalizers": null } }))),
        ("delete a slot", delete(&slot("c"))),
        (
            "take the lease",
            create(own_lease().rsplit_once('/').unwrap().0, &lease("eni-operator-controller")),
        ),
        ("read the lease", get(&own_lease())),
        ("tell something", event("default")),
        ("tell it again", event_again("default")),
    ];
    let rows = rows.into_iter().map(|(what, request)| (what, Done, request));
    rows.chain([("look for the VPC CNI", NotThere, get(&format!("{DAEMON_SETS}/aws-node")))]).collect()
}

/// What no role of its allows.
fn without_a_role() -> Vec<Row> {
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles/eni-controller";
    let rows = vec![
        ("read Secrets", get("/api/v1/secrets")),
        ("read a Secret of its namespace", get(&format!("{NAMESPACED}/secrets/x"))),
        ("read ConfigMaps", get(&format!("{NAMESPACED}/configmaps"))),
        ("read pods", get("/api/v1/pods")),
        ("delete a pod", delete(&format!("{NAMESPACED}/pods/agent-a"))),
        ("run a command in a pod", create(&format!("{NAMESPACED}/pods/agent-a/exec?command=sh"), &json!({}))),
        ("delete a node", delete("/api/v1/nodes/node-a")),
        ("replace a node", replace("/api/v1/nodes/node-a", &json!({}))),
        ("say of a node that it is ready", merge("/api/v1/nodes/node-a/status", &json!({ "status": {} }))),
        ("make a NodeENI", create(&format!("{GROUP}/nodeenis"), &json!({}))),
        ("delete a NodeENI", delete(&format!("{GROUP}/nodeenis/n"))),
        ("delete all NodeENIs", delete(&format!("{GROUP}/nodeenis"))),
        ("delete all slots", delete(&format!("{GROUP}/nodeeniattachments"))),
        ("replace what users want", replace(&format!("{GROUP}/nodeenis/n"), &json!({}))),
        ("read another namespace", get("/api/v1/namespaces/default")),
        ("read another's lease", get(&format!("{LEASES}/kube-system/leases/kube-scheduler"))),
        ("read another lease of its namespace", get(&format!("{LEASES}/eni-controller-system/leases/x"))),
        ("delete the lease", delete(&own_lease())),
        ("read another DaemonSet", get(&format!("{DAEMON_SETS}/kube-proxy"))),
        ("change the VPC CNI", merge(&format!("{DAEMON_SETS}/aws-node"), &json!({}))),
        ("tell something in another namespace", event("kube-system")),
        ("make a token of an agent's", token_of("eni-node-agent")),
        ("change its own role", merge(roles, &json!({ "rules": [] }))),
        ("give itself every right", all_rights("eni-controller", "eni-controller-system")),
        ("change the policy", delete(&format!("{POLICIES}/eni-node-agent"))),
        (
            "delete a CRD",
            delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodeenis.networking.k8s.aws"),
        ),
    ];
    rows.into_iter().map(|(what, request)| (what, NoRole, request)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controllers_token_is_good_for_what_it_does() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    check_all(&cluster, Who::Controller, done()).await;
    check_all(&cluster, Who::Controller, without_a_role()).await;
    for (name, path) in [("the lease", own_lease()), ("a slot", slot("a"))] {
        let there = cluster.ask(Who::Controller, &get(&path)).await;
        let again = replace(&path, &serde_json::from_str(&there.text).unwrap());
        check(&format!("replace {name}"), &Done, &cluster.ask(Who::Controller, &again).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_an_uninstall_is_good_for_the_removal_of_what_users_want() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    let all = format!("{GROUP}/nodeenis");
    let rows = vec![
        ("read what users want", Done, get(&all)),
        (
            "change what users want",
            NoRole,
            merge(&format!("{all}/n"), &json!({ "metadata": { "finalizers": null } })),
        ),
        ("delete a slot", NoRole, delete(&slot("a"))),
        ("read slots", NoRole, get(&format!("{GROUP}/nodeeniattachments"))),
        ("read nodes", NoRole, get("/api/v1/nodes")),
        ("read Secrets", NoRole, get("/api/v1/secrets")),
        ("tell something", NoRole, event("default")),
        ("delete what users want", Done, delete(&format!("{all}/n"))),
    ];
    check_all(&cluster, Who::Uninstall, rows).await;
}
