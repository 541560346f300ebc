//! The node agent: service account and `DaemonSet`.
//!
//! It has the capability to change links, and nothing else of the host but the folders below. With
//! `nodeAgent.devicePlugin` it speaks with kubelet about devices, and with `nodeAgent.dpdk.enabled` it may also write the
//! host's /sys.

mod environment;
mod folders;

use eni_operator::api::HAS_ENI_LABEL;
use serde_json::{Value, json};

use self::environment::environment;
use super::Part;
use super::container::{env, image, pull_policy, security_context};
use super::names::{self, Identity};
use super::template::{each, filled, only_if, value};

const WHO: Identity = Identity::NodeAgent;
const FILE: &str = "node-agent";

const DPDK: &str = "or .Values.nodeAgent.dpdk.enabled .Values.eniManager.dpdk.enabled";
const DEVICES: &str =
    "or .Values.nodeAgent.devicePlugin .Values.nodeAgent.dpdk.enabled .Values.eniManager.dpdk.enabled";
const NETWORKD: &str = ".Values.nodeAgent.networkd";
const SRIOV: &str = ".Values.nodeAgent.sriovConfig";
const MODULES: &str = ".Values.nodeAgent.dpdk.loadModules";

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
        "initContainers": [only_if(MODULES, false, &loader())],
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "priorityClassName": value("nodeAgent.priorityClassName"),
        "securityContext": {
            "runAsUser": 0, "runAsGroup": 0, "seccompProfile": { "type": "RuntimeDefault" },
        },
        "serviceAccountName": WHO.service_account(),
        "terminationGracePeriodSeconds": 10,
        "tolerations": value("tolerations"),
        "volumes": folders::volumes(),
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
        "volumeMounts": folders::mounts(),
    })
}

/// Loads kernel modules, and ends. What it may do to the host the agent may not.
fn loader() -> Value {
    json!({
        "name": "load-modules",
        "image": image(),
        "imagePullPolicy": pull_policy(),
        "args": ["load-modules"],
        "env": [env("ENI_LOG", "logLevel"), env("KERNEL_MODULES", "nodeAgent.dpdk.loadModules")],
        "resources": value("resources.manager"),
        "securityContext": security_context(&["SYS_MODULE"]),
        "volumeMounts": [folders::modules_mount()],
    })
}
