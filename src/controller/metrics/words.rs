//! The values of labels: closed sets. Names of nodes and objects go to logs.

use crate::api::CloudState;
use crate::model::{Call, Ec2ErrorKind};

/// A way in which the controller does less than it could, until it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) enum DegradedMode {
    /// Nothing is deleted: the last listing would have had too much deleted, or was not whole.
    DeletionsHeld,
    /// Nothing is changed in EC2: AWS does not take our credentials.
    ReadOnly,
    /// Nothing is created: AWS does not allow it.
    CreateRefused,
    /// EC2 has refused calls for their rate.
    Throttled,
}

impl DegradedMode {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::DeletionsHeld => "deletions-held",
            Self::ReadOnly => "read-only",
            Self::CreateRefused => "create-refused",
            Self::Throttled => "throttled",
        }
    }
}

/// A queue of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) enum Queue {
    NodeEnis,
    Instances,
    Sweep,
}

impl Queue {
    pub(in crate::controller) fn word(self) -> &'static str {
        match self {
            Self::NodeEnis => "node-enis",
            Self::Instances => "instances",
            Self::Sweep => "sweep",
        }
    }
}

/// The reaction that a failure calls for, as a label.
pub(super) fn category(kind: Ec2ErrorKind) -> &'static str {
    match kind {
        Ec2ErrorKind::NotFound(_) => "not_found",
        Ec2ErrorKind::PositionTaken => "position_taken",
        Ec2ErrorKind::Conflict => "conflict",
        Ec2ErrorKind::InstanceNotReady => "instance_not_ready",
        Ec2ErrorKind::InstanceFull => "instance_full",
        Ec2ErrorKind::AccountFull => "account_full",
        Ec2ErrorKind::SubnetFull => "subnet_full",
        Ec2ErrorKind::Mismatch => "mismatch",
        Ec2ErrorKind::TokenReused => "token_reused",
        Ec2ErrorKind::Unauthorized => "unauthorized",
        Ec2ErrorKind::Unauthenticated => "unauthenticated",
        Ec2ErrorKind::Throttled => "throttled",
        Ec2ErrorKind::NoAnswer => "no_answer",
        Ec2ErrorKind::Refused => "refused",
    }
}

/// What a call does to an ENI, for those that change one.
pub(super) fn operation(call: Call) -> Option<&'static str> {
    match call {
        Call::Create => Some("create"),
        Call::Attach => Some("attach"),
        Call::Modify => Some("modify"),
        Call::Detach => Some("detach"),
        Call::Delete => Some("delete"),
        Call::CreateTags => Some("tag"),
        Call::DeleteTags => Some("untag"),
        Call::AssignIpv4 | Call::AssignIpv6 => Some("assign"),
        Call::UnassignIpv4 | Call::UnassignIpv6 => Some("unassign"),
        Call::ModifyMetadataOptions
        | Call::DescribeEnis
        | Call::DescribeInstances
        | Call::DescribeInstanceTypes
        | Call::DescribeSubnets
        | Call::DescribeSecurityGroups => None,
    }
}

/// A slot's state: its ENI's, or that it has none.
pub(super) fn state(state: Option<CloudState>) -> &'static str {
    match state {
        None => "none",
        Some(CloudState::Available) => "available",
        Some(CloudState::Attaching) => "attaching",
        Some(CloudState::Attached) => "attached",
        Some(CloudState::Detaching) => "detaching",
        Some(CloudState::Deleted) => "deleted",
    }
}

/// All states of a slot.
pub(super) const STATES: [Option<CloudState>; 6] = [
    None,
    Some(CloudState::Available),
    Some(CloudState::Attaching),
    Some(CloudState::Attached),
    Some(CloudState::Detaching),
    Some(CloudState::Deleted),
];
