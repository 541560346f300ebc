//! The node agent: service account and `DaemonSet`.
//!
//! It has the capability to change links, and nothing else of the host but the folders below. With
//! `nodeAgent.dpdk.enabled` it may also write the host's /sys and speak with kubelet about devices.

use eni_operator::api::HAS_ENI_LABEL;
use serde_json::{Value, json};

use super::Part;
use super::container::{env, env_of_pod, image, more_env, pull_policy, security_context};
use super::names::{self, Identity};
use super::template::{each, filled, only_if, value};

const WHO: Identity = Identity::NodeAgent;
const FILE: &str = "node-agent";

const DPDK: &str = "or .Values.nodeAgent.dpdk.enabled .Values.eniManager.dpdk.enabled";
const NETWORKD: &str = ".Values.nodeAgent.networkd";

/// Where the host's /sys is for an agent that may write it. The runtime keeps the one at /sys read-only, and
/// the usual `AppArmor` profile refuses writes below that path.
const HOST_SYS: &str = "/host/sys";

/// Where systemd-networkd looks for files that do not outlive a boot.
const NETWORKD_DIR: &str = "/run/systemd/network";

/// A folder of the host.
struct Folder {
    name: &'static str,
    on_host: &'static str,
    in_container: &'static str,
    writable: bool,
    /// Only if this expression holds.
    when: Option<&'static str>,
}

const FOLDERS: [Folder; 8] = [
    // The journal, which outlives the pod.
    folder("state", "/var/lib/eni-operator", true, None),
    // To wait until udev has done with a device.
    folder("udev", "/run/udev", false, None),
    // To notice that somebody's DHCP client changed the node's name servers.
    folder("resolve", "/run/systemd/resolve", false, None),
    folder("networkd", NETWORKD_DIR, true, Some(NETWORKD)),
    Folder { name: "sys", on_host: "/sys", in_container: HOST_SYS, writable: true, when: Some(DPDK) },
    folder("device-plugins", "/var/lib/kubelet/device-plugins", true, Some(DPDK)),
    folder("pod-resources", "/var/lib/kubelet/pod-resources", false, Some(DPDK)),
    folder("devinfo", "/run/k8s.cni.cncf.io/devinfo/dp", true, Some(DPDK)),
];

const fn folder(
    name: &'static str,
    path: &'static str,
    writable: bool,
    when: Option<&'static str>,
) -> Folder {
    Folder { name, on_host: path, in_container: path, writable, when }
}

impl Folder {
    fn optional(&self, item: &Value) -> Value {
        match self.when {
            Some(condition) => only_if(condition, false, item),
            None => item.clone(),
        }
    }

    fn volume(&self) -> Value {
        let host = json!({ "path": self.on_host, "type": "DirectoryOrCreate" });
        self.optional(&json!({ "name": self.name, "hostPath": host }))
    }

    fn mount(&self) -> Value {
        let mut mount = json!({ "name": self.name, "mountPath": self.in_container });
        if !self.writable {
            mount["readOnly"] = json!(true);
        }
        self.optional(&mount)
    }
}

pub(super) fn parts() -> Vec<Part> {
    vec![
        Part::new(FILE, service_account()).when(".Values.nodeAgent.serviceAccount.create", true),
        Part::new(FILE, daemon_set()),
    ]
}

fn service_account() -> Value {
    let metadata = names::metadata(&WHO.service_account(), WHO);
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
}

fn daemon_set() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": names::metadata(&json!(WHO.name()), WHO),
        "spec": {
            "selector": { "matchLabels": names::selector(WHO) },
            // Two agents on a node would wait for each other.
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": { "maxSurge": 0, "maxUnavailable": value("nodeAgent.maxUnavailable") },
            },
            "template": {
                "metadata": {
                    "labels": names::pod_labels(WHO),
                    "annotations": value("podAnnotations"),
                },
                "spec": pod(),
            },
        },
    })
}

fn pod() -> Value {
    json!({
        "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [node_with_enis(), selected_node()],
        } } },
        "containers": [container()],
        // Links are those of the network namespace that one is in.
        "hostNetwork": true,
        "imagePullSecrets": value("imagePullSecrets"),
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "priorityClassName": value("nodeAgent.priorityClassName"),
        "securityContext": {
            "runAsUser": 0, "runAsGroup": 0, "seccompProfile": { "type": "RuntimeDefault" },
        },
        "serviceAccountName": WHO.service_account(),
        "terminationGracePeriodSeconds": 10,
        "tolerations": value("tolerations"),
        "volumes": FOLDERS.iter().map(Folder::volume).collect::<Vec<_>>(),
    })
}

/// The controller labels a node before its first ENI and until its last has gone.
fn node_with_enis() -> Value {
    json!({ "matchExpressions": [requirement(&json!(HAS_ENI_LABEL), &json!("true"))] })
}

fn selected_node() -> Value {
    let each_label = each(
        "$key, $value := .Values.nodeSelector",
        &requirement(&filled("$key", &Value::Null), &filled("$value", &Value::Null)),
    );
    // A term without expressions would select no node, and one for no labels is not wanted.
    only_if(".Values.nodeSelector", false, &json!({ "matchExpressions": [each_label] }))
}

fn requirement(key: &Value, value: &Value) -> Value {
    json!({ "key": key, "operator": "In", "values": [value] })
}

fn container() -> Value {
    json!({
        "name": "node-agent",
        "image": image(),
        "imagePullPolicy": pull_policy(),
        "args": ["node-agent"],
        "env": environment(),
        "resources": value("resources.manager"),
        "securityContext": security_context(&["NET_ADMIN"]),
        "volumeMounts": FOLDERS.iter().map(Folder::mount).collect::<Vec<_>>(),
    })
}

/// Variables of flags that the pod itself tells.
const OF_POD: [(&str, &str); 2] = [("NODE_NAME", "spec.nodeName"), ("NODE_IP", "status.hostIPs")];

/// Variables of flags, and the values that set them.
const OF_VALUES: [(&str, &str); 4] = [
    ("ENI_LOG", "logLevel"),
    ("METRICS_ADDR", "nodeAgent.metricsAddr"),
    ("CHECK_INTERVAL", "eniManager.checkInterval"),
    ("DEFAULT_MTU", "eniManager.defaultMTU"),
];

fn environment() -> Vec<Value> {
    let mut all: Vec<Value> = OF_POD.iter().map(|(name, field)| env_of_pod(name, field)).collect();
    all.extend(OF_VALUES.iter().map(|(name, path)| env(name, path)));
    all.push(only_if(DPDK, false, &json!({ "name": "SYSFS_DIR", "value": HOST_SYS })));
    all.push(only_if(NETWORKD, false, &json!({ "name": "NETWORKD_DIR", "value": NETWORKD_DIR })));
    all.push(more_env("nodeAgent.extraEnv"));
    all
}
