//! The job that removes all ENIs before everything else goes, if that is asked for.

use serde_json::{Value, json};

use super::Part;
use super::container::{env, image, pull_policy, security_context};
use super::names::{self, Identity};
use super::template::{filled, value};

const WHO: Identity = Identity::Uninstall;
const WHEN: &str = ".Values.uninstall.drain";

pub(super) fn parts() -> Vec<Part> {
    vec![
        Part::new("uninstall", service_account()).when(WHEN, false).hook("-5"),
        Part::new("uninstall", job()).when(WHEN, false).hook("0"),
    ]
}

fn service_account() -> Value {
    let metadata = names::metadata(&WHO.service_account(), WHO);
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
}

fn job() -> Value {
    let linux = json!({ "kubernetes.io/os": "linux" });
    let container = json!({
        "name": "drain",
        "image": image(),
        "imagePullPolicy": pull_policy(),
        "args": ["drain"],
        "env": [env("ENI_LOG", "logLevel"), env("DRAIN_TIMEOUT_SECONDS", "uninstall.timeoutSeconds")],
        "resources": value("resources.controller"),
        "securityContext": security_context(&[]),
    });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": names::metadata(&json!(WHO.name()), WHO),
        "spec": {
            "backoffLimit": 2,
            "template": {
                "metadata": { "labels": names::pod_labels(WHO), "annotations": value("podAnnotations") },
                "spec": {
                    "containers": [container],
                    "imagePullSecrets": value("imagePullSecrets"),
                    "nodeSelector": filled(
                        &format!("merge (fromJson `{linux}`) .Values.controller.nodeSelector"),
                        &linux,
                    ),
                    "restartPolicy": "Never",
                    "securityContext": value("securityContext"),
                    "serviceAccountName": WHO.service_account(),
                    "tolerations": value("controller.tolerations"),
                },
            },
        },
    })
}
