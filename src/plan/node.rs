//! Nodes: what matters of them, and which of them cannot get an ENI.

use std::collections::BTreeMap;

use crate::api::Reason;
use crate::model::InstanceId;

/// What matters of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.providerID`; empty until the cloud provider has seen the node.
    pub provider_id: String,
    /// Whether its kubelet reports it ready.
    pub ready: bool,
}

/// Label that tells EKS's kinds of compute apart.
const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// Label that names the availability zone.
const ZONE: &str = "topology.kubernetes.io/zone";

impl NodeFacts {
    /// The node's EC2 instance, or why it has none that can get an ENI.
    pub fn instance(&self) -> Result<InstanceId, Reason> {
        match self.labels.get(COMPUTE_TYPE).map(String::as_str) {
            Some("auto") => return Err(Reason::AutoModeNode),
            Some("fargate") => return Err(Reason::FargateNode),
            Some("hybrid") => return Err(Reason::HybridNode),
            _ => {}
        }
        if self.provider_id.is_empty() {
            return Err(Reason::NoProviderId);
        }
        InstanceId::from_provider_id(&self.provider_id).ok_or_else(|| self.stranger())
    }

    /// The zone, by the node's label.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.labels.get(ZONE).map(String::as_str)
    }

    /// What a node is whose provider id is not that of an instance.
    fn stranger(&self) -> Reason {
        if self.provider_id.contains("/fargate-") {
            Reason::FargateNode
        } else if self.provider_id.starts_with("eks-hybrid:") {
            Reason::HybridNode
        } else {
            Reason::NotAnEc2Node
        }
    }
}

/// Why a node of this kind cannot get an ENI, for people.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "the other reasons are not about kinds of nodes")]
pub fn unsupported(reason: Reason) -> &'static str {
    match reason {
        Reason::AutoModeNode => "EKS Auto Mode owns the instances of its nodes and their ENIs",
        Reason::FargateNode => "a Fargate node has no EC2 instance",
        Reason::HybridNode => "a hybrid node has no EC2 instance",
        Reason::NoProviderId => "the node has no spec.providerID yet",
        _ => "the node's spec.providerID does not name an EC2 instance",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_without_an_instance_are_told_apart() {
        let node = |compute: Option<&str>, provider_id: &str| NodeFacts {
            labels: compute.map(|value| (COMPUTE_TYPE.to_owned(), value.to_owned())).into_iter().collect(),
            provider_id: provider_id.to_owned(),
            ..NodeFacts::default()
        };
        let ec2 = "aws:///us-east-1a/i-0123456789abcdef0";
        for (node, expected) in [
            (node(None, ec2), Ok("i-0123456789abcdef0".parse().unwrap())),
            (node(Some("auto"), ec2), Err(Reason::AutoModeNode)),
            (node(Some("fargate"), "aws:///a/b/fargate-ip-10-0-0-1"), Err(Reason::FargateNode)),
            (node(None, "aws:///a/b/fargate-ip-10-0-0-1.ec2.internal"), Err(Reason::FargateNode)),
            (node(None, "eks-hybrid:///eu-west-1/c/mi-0123456789abcdef0"), Err(Reason::HybridNode)),
            (node(Some("hybrid"), ""), Err(Reason::HybridNode)),
            (node(None, ""), Err(Reason::NoProviderId)),
            (node(None, "kind://docker/kind/worker"), Err(Reason::NotAnEc2Node)),
        ] {
            assert_eq!(node.instance(), expected, "{node:?}");
        }
    }
}
