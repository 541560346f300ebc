//! What the API server says that each identity may do is the table, to the letter.

use std::collections::BTreeSet;

use xtask::install::{
    Identity,
    rbac::{GRANTS, Where},
};

use super::cluster::{Cluster, Install, Who};
use super::request::create;
use super::*;

/// What everybody may do who has a token: ask about himself.
const OF_EVERYBODY: [(&str, &str); 3] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

/// What the table gives an identity in a namespace: group, thing, name and verb.
fn granted(who: Identity, namespace: &str) -> BTreeSet<String> {
    let here = |place: Where| match place {
        Where::Cluster => true,
        Where::Own => namespace == "eni-controller-system",
        Where::In(other) => namespace == other,
    };
    let mut all: BTreeSet<String> =
        OF_EVERYBODY.iter().map(|(group, thing)| format!("{group} {thing} * create")).collect();
    for grant in GRANTS.iter().filter(|grant| grant.who == who && here(grant.place)) {
        let names = if grant.names.is_empty() { &["*"] } else { grant.names };
        for name in names {
            all.extend(
                grant.verbs.iter().map(|verb| format!("{} {} {name} {verb}", grant.group, grant.resource)),
            );
        }
    }
    all
}

/// What the API server says, in the same words.
fn said(answer: &Answer) -> BTreeSet<String> {
    let review: Value = serde_json::from_str(&answer.text).unwrap();
    let words = |rule: &Value, field: &str| {
        let words = rule[field].as_array().cloned().unwrap_or_default();
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut all = BTreeSet::new();
    for rule in review["status"]["resourceRules"].as_array().unwrap() {
        let mut names = words(rule, "resourceNames");
        if names.is_empty() {
            names.push("*".to_owned());
        }
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                for name in &names {
                    let verbs = words(rule, "verbs");
                    all.extend(verbs.iter().map(|verb| format!("{group} {resource} {name} {verb}")));
                }
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_identity_may_do_what_the_table_says_and_nothing_else() {
    let Some(cluster) = Cluster::start(Install::default()).await else { return };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    for (who, identity) in [
        (Who::Controller, Identity::Controller),
        (Who::AgentOnA, Identity::NodeAgent),
        (Who::Uninstall, Identity::Uninstall),
    ] {
        for namespace in ["eni-controller-system", "default", "kube-system", "kube-public"] {
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
                "spec": { "namespace": namespace },
            });
            let answer = cluster.ask(who, &create(path, &review)).await;
            assert_eq!(said(&answer), granted(identity, namespace), "{who:?} in {namespace}");
        }
    }
}
