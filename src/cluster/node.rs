//! A slim node: of the kilobytes of a Node, the few fields that decide anything.

use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::core::{ObjectMeta, Resource};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use crate::plan::node::NodeFacts;

/// A Node, as far as it matters.
///
/// A watch of metadata alone would not do: it has no `providerID`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlimNode {
    /// Name and labels.
    pub metadata: ObjectMeta,
    /// The instance.
    #[serde(default)]
    pub spec: SlimSpec,
    /// Whether it is ready.
    #[serde(default)]
    pub status: SlimStatus,
}

/// `spec` of a Node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlimSpec {
    /// The cloud's id of the machine.
    #[serde(rename = "providerID", default)]
    pub provider_id: Option<String>,
}

/// `status` of a Node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlimStatus {
    /// Conditions, of which `Ready` counts.
    #[serde(default)]
    pub conditions: Vec<NodeCondition>,
}

impl Resource for SlimNode {
    type DynamicType = ();
    type Scope = kube::core::ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Node::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Node::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Node::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Node::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl SlimNode {
    /// The facts that decide anything.
    #[must_use]
    pub fn facts(&self) -> NodeFacts {
        let ready = |condition: &NodeCondition| condition.type_ == "Ready" && condition.status == "True";
        NodeFacts {
            name: self.metadata.name.clone().unwrap_or_default(),
            labels: self.metadata.labels.clone().unwrap_or_default(),
            provider_id: self.spec.provider_id.clone().unwrap_or_default(),
            ready: self.status.conditions.iter().any(ready),
        }
    }
}
