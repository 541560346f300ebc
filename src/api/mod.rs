//! The Kubernetes API: what users write, and what the operator and its agents tell each other.
//!
//! Validation stands here, in schemas and CEL rules, so that the API server refuses a bad object
//! before anybody acts on it. A rule stands on its field wherever it can: an edit of one field of an
//! old object is then not refused for another.

#![expect(unreachable_pub, reason = "the derive of KubeSchema makes hidden twins of the structs")]

mod attachment;
mod condition;
mod crd;
mod node_eni;
mod selector;
mod status;

pub use attachment::{
    CloudState, CloudStatus, DpdkSpec, HostStatus, NodeENIAttachment, NodeENIAttachmentSpec,
    NodeENIAttachmentStatus,
};
pub use condition::{ConditionType, Reason, Verdict, find_condition, holds, set_condition};
pub use crd::{crds, to_yaml};
pub use node_eni::{DetachPolicy, DetachPolicyType, NodeENI, NodeENISpec, SubnetPolicy};
pub use selector::{Expression, NodeSelectorTerm, Operator};
pub use status::{AttachmentSummary, NodeENIStatus, SubnetOffset};

/// API group of both kinds.
pub const GROUP: &str = "networking.k8s.aws";

/// Finalizer of a `NodeENI`. The reference system's name, so that either can take over from the other.
pub const NODE_ENI_FINALIZER: &str = "nodeeni.networking.k8s.aws/finalizer";

/// Finalizer of a `NodeENIAttachment`: on it from its birth, and off it only when its ENI is gone.
pub const ATTACHMENT_FINALIZER: &str = "nodeeniattachment.networking.k8s.aws/finalizer";

/// Label of a node that has ENIs of ours, so that its agent outlives the label that asked for them.
pub const HAS_ENI_LABEL: &str = "networking.k8s.aws/has-eni";

/// Label of a `NodeENIAttachment`: the name of its `NodeENI`, or a digest of it where it is too long.
pub const NODE_ENI_LABEL: &str = "networking.k8s.aws/node-eni";

/// Annotation with which a user asks for other ENIs where the spec asks for what EC2 gives only to new ones.
///
/// `true` on a `NodeENIAttachment`: that ENI is replaced, whatever it is like; the object goes, and with it the
/// annotation. On a `NodeENI` the value is the `metadata.generation` that it speaks of, and the ENIs with
/// `ReplacementNeeded` are replaced one after the other: a later change of the spec is not consented to.
pub const REPLACE_ANNOTATION: &str = "networking.k8s.aws/replace";

/// Under which name the controller applies what it owns.
pub const CONTROLLER_MANAGER: &str = "eni-operator-controller";

/// Under which name a node's agent applies what it owns.
pub const NODE_AGENT_MANAGER: &str = "eni-operator-node-agent";

/// Most entries in `NodeENI.status.attachments`, the reference's list.
///
/// 200 entries of 400 bytes are 80 KB; the reference's list of all of them passes etcd's 1.5 MiB at
/// about 4,900.
pub const MAX_SUMMARIES: usize = 200;
