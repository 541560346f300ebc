//! What the chart's pods have of their hosts, and what they need of others.

use serde_json::{Value, json};

use super::{Objects, chart::EVERYTHING, helm, render};

/// The pods that the chart makes, by the names of what makes them.
fn pods(all: &Objects) -> Vec<(String, Value)> {
    let of = |(name, object): (&String, &Value)| {
        object.pointer("/spec/template/spec").map(|pod| (name.clone(), pod.clone()))
    };
    let pods: Vec<_> = all.iter().filter_map(of).collect();
    assert!(pods.len() >= 2, "{pods:?}");
    pods
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Folders of a host that a pod may be given, with what is below them, and whether it may write there.
const OF_HOSTS: &[(&str, bool)] = &[
    ("/var/lib/eni-operator", true),
    ("/run/udev", false),
    ("/run/systemd/resolve", false),
    ("/run/systemd/network", true),
    ("/sys", true),
    ("/dev", false),
    ("/lib/modules", false),
    ("/etc/pcidp", true),
    ("/var/lib/kubelet/device-plugins", true),
    ("/var/lib/kubelet/pod-resources", false),
    ("/run/k8s.cni.cncf.io/devinfo/dp", true),
];

#[test]
fn no_pod_has_more_of_its_host_than_its_folders_and_nothing_prepares_it() {
    let Some((helm, _home)) = helm() else { return };
    for (name, pod) in pods(&render(&helm, EVERYTHING).unwrap()) {
        for field in ["hostPID", "hostIPC"] {
            assert_eq!(pod[field], Value::Null, "{name}");
        }
        let is_agent = name.starts_with("DaemonSet");
        assert_eq!(pod["hostNetwork"] == true, is_agent, "{name}");
        let (own, before) = (list(&pod["containers"]), list(&pod["initContainers"]));
        // What loads modules ends before the agent starts, and has their folder alone.
        let loaders: Vec<&Value> = before.iter().map(|container| &container["name"]).collect();
        assert_eq!(loaders, if is_agent { vec!["load-modules"] } else { vec![] }, "{name}");
        assert_eq!(own.len(), 1, "{name}");
        for container in own.iter().chain(&before) {
            has_no_privilege(&name, container);
        }
        for container in &before {
            let context = &container["securityContext"]["capabilities"];
            assert_eq!(*context, json!({ "add": ["SYS_MODULE"], "drop": ["ALL"] }));
            assert_eq!(list(&container["volumeMounts"]).len(), 1);
        }
        for volume in own_volumes(&pod) {
            let path = volume["hostPath"]["path"].as_str().unwrap();
            let folder = OF_HOSTS.iter().find(|(folder, _)| *folder == path);
            let (_, writable) = folder.unwrap_or_else(|| panic!("{name} has {path}"));
            let mut mounts = own.iter().chain(&before).flat_map(|container| list(&container["volumeMounts"]));
            let mount = mounts.find(|mount| mount["name"] == volume["name"]).unwrap();
            assert_eq!(mount["readOnly"] != true, *writable, "{name}: {path}");
        }
    }
}

fn has_no_privilege(name: &str, container: &Value) {
    let context = &container["securityContext"];
    assert_eq!(context["privileged"], Value::Null, "{name}");
    assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
    assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
    // The binary is the entry point. There is nothing else to run.
    assert_eq!(container["command"], Value::Null, "{name}");
}

/// Volumes that the chart gives a pod. What `controller.extraVolumes` names is its user's.
fn own_volumes(pod: &Value) -> Vec<Value> {
    let mut volumes = list(&pod["volumes"]);
    volumes.retain(|volume| volume["name"] != "authority");
    volumes
}

#[test]
fn what_a_pod_names_is_in_the_chart_and_its_image_is_ours() {
    let Some((helm, _home)) = helm() else { return };
    let all = render(&helm, EVERYTHING).unwrap();
    let image = format!("localhost/eni-operator:{}", env!("CARGO_PKG_VERSION"));
    let accounts: Vec<&Value> = all
        .values()
        .filter(|object| object["kind"] == "ServiceAccount")
        .map(|object| &object["metadata"]["name"])
        .collect();
    for (name, pod) in pods(&all) {
        assert!(accounts.contains(&&pod["serviceAccountName"]), "{name}");
        for container in list(&pod["containers"]) {
            assert_eq!(container["image"], image, "{name}");
            for variable in list(&container["env"]) {
                let from = &variable["valueFrom"];
                assert!(from.is_null() || from.get("fieldRef").is_some(), "{name}: {variable}");
            }
            assert_eq!(container["envFrom"], Value::Null, "{name}");
        }
        // Of the host, each: no ConfigMap, Secret or claim that somebody else would have to make.
        for volume in own_volumes(&pod) {
            let fields: Vec<&String> = volume.as_object().unwrap().keys().collect();
            assert_eq!(fields, ["hostPath", "name"], "{name}");
        }
    }
}

#[test]
fn pods_go_to_linux_on_any_processor() {
    let Some((helm, _home)) = helm() else { return };
    for (name, pod) in pods(&render(&helm, EVERYTHING).unwrap()) {
        assert_eq!(pod["nodeSelector"], json!({ "kubernetes.io/os": "linux" }), "{name}");
        assert!(!pod.to_string().contains("kubernetes.io/arch"), "{name}");
    }
}
