//! What the chart gives.

use std::fs;

use serde_json::{Value, json};
use xtask::repo;

use super::{Objects, helm, objects, render, render_in};

/// Every optional part.
pub(super) const EVERYTHING: &[&str] = &[
    "--set",
    "nodeAgent.dpdk.enabled=true",
    "--set",
    "nodeAgent.dpdk.allowUnsafeNoIommu=true",
    "--set",
    "nodeAgent.dpdk.loadModules=vfio-pci",
    "--set",
    "nodeAgent.sriovConfig=/etc/pcidp/config.json",
    "--set",
    "nodeAgent.networkd=true",
    "--set",
    "metrics.enabled=true",
    "--set",
    "metrics.serviceMonitor.enabled=true",
    "--set",
    "metrics.rules.enabled=true",
    "--set",
    "metrics.dashboard.enabled=true",
    "--set",
    "networkPolicy.enabled=true",
    "--set",
    "uninstall.drain=true",
    "--set",
    "imds.autoConfigureHopLimit=true",
    "--set",
    "nodeSelector.ng=multi-eni",
    "--set",
    "awsRegion=eu-central-1",
    "--set-json",
    r#"controller.extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]"#,
    "--set-json",
    r#"controller.extraVolumes=[{"name":"authority","configMap":{"name":"authority"}}]"#,
    "--set-json",
    r#"controller.extraVolumeMounts=[{"name":"authority","mountPath":"/authority","readOnly":true}]"#,
    "--set-json",
    r#"imagePullSecrets=[{"name":"registry"}]"#,
    "--set",
    r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::123456789012:role/eni",
];

/// What `kubectl apply` takes.
fn manifests() -> Objects {
    let read: Value =
        serde_yaml::from_str(&fs::read_to_string(repo::at("manifests/kustomization.yaml")).unwrap()).unwrap();
    let mut all = Objects::new();
    for name in read["resources"].as_array().unwrap() {
        let text = fs::read_to_string(repo::at("manifests").join(name.as_str().unwrap())).unwrap();
        all.extend(objects(text.split_once('\n').unwrap().1));
    }
    all
}

/// An object without what tells Helm to leave it at an uninstall, which means nothing elsewhere.
fn without_policy(mut object: Value) -> Value {
    if let Some(annotations) = object["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("helm.sh/resource-policy");
        if annotations.is_empty() {
            object["metadata"].as_object_mut().unwrap().remove("annotations");
        }
    }
    object
}

#[test]
fn chart_with_default_values_is_the_manifests() {
    let Some((helm, _home)) = helm() else { return };
    let charts: Objects = render(&helm, &[])
        .unwrap()
        .into_iter()
        .map(|(name, object)| {
            let crd = name.starts_with("CustomResourceDefinition ");
            (name, if crd { without_policy(object) } else { object })
        })
        .collect();
    let mut manifests = manifests();
    assert!(manifests.remove("Namespace /eni-controller-system").is_some());
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&charts), names(&manifests));
    for (name, object) in &manifests {
        assert_eq!(charts[name], *object, "{name}");
    }
}

#[test]
fn lint_has_nothing_to_say() {
    let Some((helm, _home)) = helm() else { return };
    helm.run(&["lint", "--strict", "chart"]).unwrap();
    helm.run(&[&["lint", "--strict", "chart"], EVERYTHING].concat()).unwrap();
}

#[test]
fn the_reference_systems_command_selects_its_nodes_and_those_that_have_enis() {
    let Some((helm, _home)) = helm() else { return };
    let sets = ["--set", "awsRegion=us-west-2", "--set", "nodeSelector.ng=multi-eni"];
    let all = render(&helm, &sets).unwrap();
    let agent = &all["DaemonSet eni-controller-system/eni-node-agent"];
    let terms = agent.pointer("/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms").unwrap();
    let term = |key: &str, value: &str| json!({ "matchExpressions": [{ "key": key, "operator": "In", "values": [value] }] });
    assert_eq!(*terms, json!([term("networking.k8s.aws/has-eni", "true"), term("ng", "multi-eni")]));
    let controller = &all["Deployment eni-controller-system/eni-controller"];
    let env = controller.pointer("/spec/template/spec/containers/0/env").unwrap().as_array().unwrap();
    assert!(env.contains(&json!({ "name": "AWS_REGION", "value": "us-west-2" })));
}

#[test]
fn every_namespace_works_and_nothing_speaks_of_another() {
    let Some((helm, _home)) = helm() else { return };
    for namespace in ["kube-system", "default", "network-stuff"] {
        let all = render_in(&helm, namespace, EVERYTHING).unwrap();
        let text = format!("{all:?}");
        assert!(!text.contains("eni-controller-system"), "{namespace}");
        assert!(text.contains(&format!("system:serviceaccount:{namespace}:eni-node-agent")));
    }
    // The reference system's own value goes before that of the release.
    let all = render_in(&helm, "of-the-release", &["--set", "namespace=chosen"]).unwrap();
    assert!(all.contains_key("Deployment chosen/eni-controller"));
    assert!(!format!("{all:?}").contains("of-the-release"));
}

#[test]
fn nothing_writes_the_hosts_devices_unless_dpdk_is_asked_for() {
    let Some((helm, _home)) = helm() else { return };
    let paths = |sets: &[&str]| {
        let all = render(&helm, sets).unwrap();
        let agent = &all["DaemonSet eni-controller-system/eni-node-agent"];
        let volumes = agent.pointer("/spec/template/spec/volumes").unwrap().as_array().unwrap().clone();
        volumes
            .iter()
            .map(|volume| volume["hostPath"]["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let kernel = ["/var/lib/eni-operator", "/run/udev", "/run/systemd/resolve"];
    assert_eq!(paths(&[]), kernel);
    for name in ["nodeAgent.dpdk.enabled=true", "eniManager.dpdk.enabled=true"] {
        assert!(paths(&["--set", name]).contains(&"/sys".to_owned()));
    }
    let offers = paths(&["--set", "nodeAgent.devicePlugin=true"]);
    let of_kubelet = ["device-plugins", "pod-resources"].map(|name| format!("/var/lib/kubelet/{name}"));
    assert!(of_kubelet.iter().all(|path| offers.contains(path)) && !offers.contains(&"/sys".to_owned()));
}

#[test]
fn no_address_to_serve_at_means_no_port_and_no_probes() {
    let Some((helm, _home)) = helm() else { return };
    let all = render(&helm, &["--set-string", "controller.metricsAddr=0"]).unwrap();
    let container = all["Deployment eni-controller-system/eni-controller"]
        .pointer("/spec/template/spec/containers/0")
        .unwrap()
        .clone();
    assert_eq!((&container["livenessProbe"], &container["readinessProbe"]), (&Value::Null, &Value::Null));
    assert_eq!(container["ports"].as_array().map_or(0, Vec::len), 0);
}

#[test]
fn a_digest_goes_before_a_tag() {
    let Some((helm, _home)) = helm() else { return };
    let image = |sets: &[&str]| {
        let all = render(&helm, sets).unwrap();
        let controller = &all["Deployment eni-controller-system/eni-controller"];
        controller.pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap().to_owned()
    };
    let digest = format!("sha256:{}", "0a".repeat(32));
    assert_eq!(image(&["--set", "image.repository=r:5000/eni", "--set", "image.tag=v2"]), "r:5000/eni:v2");
    assert_eq!(
        image(&["--set", "image.tag=v2", "--set", &format!("image.digest={digest}")]),
        format!("localhost/eni-operator@{digest}")
    );
}

#[test]
fn without_leader_election_a_new_controller_comes_after_the_old_one_has_gone() {
    let Some((helm, _home)) = helm() else { return };
    let strategy = |sets: &[&str]| {
        let all = render(&helm, sets).unwrap();
        all["Deployment eni-controller-system/eni-controller"].pointer("/spec/strategy/type").unwrap().clone()
    };
    assert_eq!(strategy(&[]), "RollingUpdate");
    let alone = ["--set", "controller.enableLeaderElection=false", "--set", "controller.replicas=1"];
    assert_eq!(strategy(&alone), "Recreate");
}
