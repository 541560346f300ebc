//! The real API server takes what is installed, to the letter.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use xtask::{
    helm::Helm,
    kubectl::Kubectl,
    parts,
    testbed::{Testbed, TestbedOptions},
};

use super::chart::EVERYTHING;

const NAMESPACE: &str = "eni-controller-system";

/// The reference system's command, on our chart.
const INSTALL: &[&str] = &[
    "install",
    "eni-operator",
    "chart",
    "--set",
    "awsRegion=us-west-2",
    "--set",
    "nodeSelector.ng=multi-eni",
    "--namespace",
    NAMESPACE,
    "--create-namespace",
];

/// A cluster of one API server, where it can be had.
fn testbed() -> Option<Testbed> {
    Testbed::obtainable().unwrap().then(|| Testbed::start(&TestbedOptions::default()).unwrap())
}

/// Helm for a testbed, where it can be had.
fn helm_for(testbed: &Testbed) -> Option<Helm> {
    let available = parts::has(xtask::go_tools::HELM.obtainable()).unwrap();
    available.then(|| Helm::find(Some(&testbed.kubeconfig_path()), testbed.folder()).unwrap())
}

async fn crd(client: &Client, name: &str) -> Option<CustomResourceDefinition> {
    Api::all(client.clone()).get_opt(name).await.unwrap()
}

const NODE_ENIS: &str = "nodeenis.networking.k8s.aws";

#[test]
fn kubectl_applies_the_manifests_with_nothing_unknown_in_them() {
    let Some(testbed) = testbed() else { return };
    let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
    for _ in 0..2 {
        kubectl.run(&["apply", "--server-side", "--validate=strict", "-k", "manifests"]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_installs_upgrades_the_crds_and_leaves_them_at_the_uninstall() {
    let Some(testbed) = testbed() else { return };
    let Some(helm) = helm_for(&testbed) else { return };
    helm.run(INSTALL).unwrap();
    let client = testbed.kube_client().unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    assert!(deployments.get_opt("eni-controller").await.unwrap().is_some());
    // As an older chart would have left it.
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let older = json!([{ "op": "replace", "path": "/spec/names/shortNames", "value": ["older"] }]);
    let older = Patch::Json::<()>(serde_json::from_value(older).unwrap());
    crds.patch(NODE_ENIS, &PatchParams::default(), &older).await.unwrap();
    let upgrade = ["upgrade", "eni-operator", "chart", "--namespace", NAMESPACE, "--reuse-values"];
    let values = ["--set", "controller.replicas=3"];
    helm.run(&[&upgrade[..], &values].concat()).unwrap();
    let upgraded = crd(&client, NODE_ENIS).await.unwrap();
    assert_eq!(upgraded.spec.names.short_names.unwrap(), ["neni"]);
    let deployment = deployments.get("eni-controller").await.unwrap();
    assert_eq!(deployment.spec.unwrap().replicas, Some(3));
    helm.run(&["uninstall", "eni-operator", "--namespace", NAMESPACE]).unwrap();
    assert!(deployments.get_opt("eni-controller").await.unwrap().is_none());
    assert!(crd(&client, NODE_ENIS).await.is_some());
    // What was left is no obstacle to the next install.
    helm.run(INSTALL).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_takes_over_crds_that_somebody_else_installed() {
    let Some(testbed) = testbed() else { return };
    let Some(helm) = helm_for(&testbed) else { return };
    testbed.install_crds().unwrap();
    let error = helm.run(INSTALL).unwrap_err().to_string();
    assert!(error.contains("invalid ownership metadata"), "{error}");
    helm.run(&[INSTALL, &["--take-ownership"]].concat()).unwrap();
    let client = testbed.kube_client().unwrap();
    let owned = crd(&client, NODE_ENIS).await.unwrap();
    assert_eq!(owned.annotations().get("meta.helm.sh/release-name").unwrap(), "eni-operator");
}

/// As much of Prometheus Operator's CRDs as it takes to keep an object.
fn foreign(kind: &str, plural: &str) -> CustomResourceDefinition {
    let crd = json!({
        "metadata": { "name": format!("{plural}.monitoring.coreos.com") },
        "spec": {
            "group": "monitoring.coreos.com",
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    });
    serde_json::from_value(crd).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_installs_every_optional_part_in_any_namespace() {
    let Some(testbed) = testbed() else { return };
    let Some(helm) = helm_for(&testbed) else { return };
    let crds: Api<CustomResourceDefinition> = Api::all(testbed.kube_client().unwrap());
    for (kind, plural) in [("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")] {
        crds.create(&kube::api::PostParams::default(), &foreign(kind, plural)).await.unwrap();
    }
    // Helm asks again until it is served.
    let install = ["install", "eni", "chart", "--namespace", "net", "--create-namespace"];
    let everything = [&install[..], EVERYTHING].concat();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while let Err(error) = helm.run(&everything) {
        let unserved = error.to_string().contains("no matches for kind");
        assert!(unserved && std::time::Instant::now() < deadline, "{error:#}");
    }
    let strict = testbed.folder().join("everything.yaml");
    let template = ["template", "eni", "chart", "--namespace", "net", "--no-hooks"];
    std::fs::write(&strict, helm.run(&[&template[..], EVERYTHING].concat()).unwrap()).unwrap();
    let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
    let file = strict.display().to_string();
    let dry = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f"];
    kubectl.run(&[&dry[..], &[file.as_str()]].concat()).unwrap();
}
