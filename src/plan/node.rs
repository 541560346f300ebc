//! Nodes: what matters of them, and which of them cannot get an ENI.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::api::Reason;
use crate::model::InstanceId;

/// What matters of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its uid: another node that registers under the same name has another.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.providerID`; empty until the cloud provider has seen the node.
    pub provider_id: String,
    /// Whether its kubelet reports it ready.
    pub ready: bool,
    /// Since when `ready` is as it is; none before kubelet's first report. A heartbeat does not change it.
    pub ready_since: Option<Timestamp>,
    /// The mark of one who is about to take the node away, if it bears one.
    pub going: Option<Going>,
}

/// A mark on a node that is about to go, instance and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Going {
    /// The mark, for people: the key of a taint, or `metadata.deletionTimestamp`.
    pub mark: String,
    /// Since when it bears the mark; none where the mark does not tell.
    pub since: Option<Timestamp>,
}

/// How long a node that is marked as about to go is left alone.
///
/// Longer than the two minutes of a spot interruption and the ten that the cluster autoscaler gives a drain.
/// A node that is there after that is served like any other.
pub const GOING_PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// Taints of those who take nodes away: Karpenter (its former name too), and the cluster autoscaler. A node
/// that is a mere candidate (`DeletionCandidateOfClusterAutoscaler`) is not one that goes.
const GOING_TAINTS: [&str; 3] =
    ["karpenter.sh/disrupted", "karpenter.sh/disruption", "ToBeDeletedByClusterAutoscaler"];

/// Taints of AWS's node termination handler begin so: spot interruptions, scheduled maintenance, lifecycle
/// hooks and rebalance recommendations.
const TERMINATION_HANDLER: &str = "aws-node-termination-handler/";

/// The taint that the cloud provider puts on the node of an instance that is stopped.
const SHUTDOWN_TAINT: &str = "node.cloudprovider.kubernetes.io/shutdown";

/// Whether a taint says that its node is about to go.
///
/// A stopped instance may be started again, but nothing that is done on it now is of use to its node.
#[must_use]
pub fn is_going_taint(key: &str) -> bool {
    GOING_TAINTS.contains(&key) || key == SHUTDOWN_TAINT || key.starts_with(TERMINATION_HANDLER)
}

/// Label that tells EKS's kinds of compute apart.
const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// Label that names the availability zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Label that names the instance's type.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

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

    /// Whether EC2 should be asked what became of the instance: kubelet is silent, or somebody takes the node
    /// away.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        !self.ready || self.going.is_some()
    }

    /// Whether the label of the instance's type says another one.
    #[must_use]
    pub fn is_of_another_type(&self, instance_type: &str) -> bool {
        self.labels.get(INSTANCE_TYPE).is_some_and(|label| label != instance_type)
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

    #[test]
    fn a_label_of_another_type_says_that_what_was_known_is_old_and_no_label_says_nothing() {
        let labels = |type_: &str| [(INSTANCE_TYPE.to_owned(), type_.to_owned())].into();
        let node = NodeFacts { labels: labels("m6i.xlarge"), ..NodeFacts::default() };
        assert!(node.is_of_another_type("m6i.large") && !node.is_of_another_type("m6i.xlarge"));
        assert!(!NodeFacts::default().is_of_another_type("m6i.large"));
    }

    #[test]
    fn taints_of_those_who_take_nodes_away_are_known() {
        for (key, expected) in [
            ("karpenter.sh/disrupted", true),
            ("karpenter.sh/disruption", true),
            ("ToBeDeletedByClusterAutoscaler", true),
            ("node.cloudprovider.kubernetes.io/shutdown", true),
            ("aws-node-termination-handler/spot-itn", true),
            ("aws-node-termination-handler/asg-lifecycle-termination", true),
            ("DeletionCandidateOfClusterAutoscaler", false),
            ("node.kubernetes.io/unschedulable", false),
            ("node.kubernetes.io/not-ready", false),
            ("dedicated", false),
        ] {
            assert_eq!(is_going_taint(key), expected, "{key}");
        }
    }
}
