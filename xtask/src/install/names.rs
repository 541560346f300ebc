//! Names and labels of what is installed.

use serde_json::{Value, json};

use super::template::{filled, value};

/// The namespace, unless another one is chosen.
pub const DEFAULT_NAMESPACE: &str = "eni-controller-system";

/// The namespace, as a Helm expression.
pub(super) const NAMESPACE: &str = "(.Values.namespace | default .Release.Namespace)";

/// Who acts in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// The controller.
    Controller,
    /// The agent of every node.
    NodeAgent,
    /// What removes all ENIs before everything else goes.
    Uninstall,
}

impl Identity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Controller, Self::NodeAgent, Self::Uninstall];

    /// What it is called: its workload, its roles and, unless a value says otherwise, its service account.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Controller => "eni-controller",
            Self::NodeAgent => "eni-node-agent",
            Self::Uninstall => "eni-uninstall",
        }
    }

    /// Its part of the whole, for the label and the file.
    #[must_use]
    pub fn component(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::NodeAgent => "node-agent",
            Self::Uninstall => "uninstall",
        }
    }

    /// What it is, for the document.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Controller => {
                "The controller. The only one that also has rights in AWS: see [`iam.md`](iam.md)."
            }
            Self::NodeAgent => {
                "The agent on each node. An admission policy keeps its token to the slots of its own node, to \
                 `status.host` and to its own conditions."
            }
            Self::Uninstall => "The job that runs before an uninstall, if `uninstall.drain` is set.",
        }
    }

    /// The file of its objects.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Controller => "controller-rbac",
            Self::NodeAgent => "node-agent-rbac",
            Self::Uninstall => "uninstall",
        }
    }

    /// The name of its service account.
    pub(super) fn service_account(self) -> Value {
        match self {
            Self::Controller => value("serviceAccount.name"),
            Self::NodeAgent => value("nodeAgent.serviceAccount.name"),
            Self::Uninstall => json!(self.name()),
        }
    }
}

/// The labels of an object.
pub(super) fn labels(who: Identity) -> Value {
    let mut labels = selector(who);
    labels["app.kubernetes.io/version"] = json!(env!("CARGO_PKG_VERSION"));
    labels
}

/// The labels by which pods are found. They cannot change in an upgrade.
pub(super) fn selector(who: Identity) -> Value {
    json!({ "app.kubernetes.io/name": "eni-operator", "app.kubernetes.io/component": who.component() })
}

/// Labels of pods: ours, and those that the user adds.
pub(super) fn pod_labels(who: Identity) -> Value {
    let ours = labels(who);
    filled(&format!("merge (fromJson `{ours}`) .Values.podLabels"), &ours)
}

/// Name, namespace and labels.
pub(super) fn metadata(name: &Value, who: Identity) -> Value {
    json!({ "name": name, "namespace": namespace(), "labels": labels(who) })
}

/// The namespace that it is installed in.
pub(super) fn namespace() -> Value {
    filled(NAMESPACE, &json!(DEFAULT_NAMESPACE))
}
