//! Failures of EC2 calls, sorted by what to do about them.

use std::fmt;

use super::AddressKind;

/// An EC2 call, by the name of its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `CreateNetworkInterface`
    Create,
    /// `AttachNetworkInterface`
    Attach,
    /// `ModifyNetworkInterfaceAttribute`
    Modify,
    /// `DetachNetworkInterface`
    Detach,
    /// `DeleteNetworkInterface`
    Delete,
    /// `CreateTags`
    CreateTags,
    /// `DeleteTags`
    DeleteTags,
    /// `AssignPrivateIpAddresses`
    AssignIpv4,
    /// `UnassignPrivateIpAddresses`
    UnassignIpv4,
    /// `AssignIpv6Addresses`
    AssignIpv6,
    /// `UnassignIpv6Addresses`
    UnassignIpv6,
    /// `ModifyInstanceMetadataOptions`
    ModifyMetadataOptions,
    /// `DescribeNetworkInterfaces`
    DescribeEnis,
    /// `DescribeInstances`
    DescribeInstances,
    /// `DescribeInstanceTypes`
    DescribeInstanceTypes,
    /// `DescribeSubnets`
    DescribeSubnets,
    /// `DescribeSecurityGroups`
    DescribeSecurityGroups,
}

impl Call {
    /// All calls that the operator makes.
    pub const ALL: [Self; 17] = [
        Self::Create,
        Self::Attach,
        Self::Modify,
        Self::Detach,
        Self::Delete,
        Self::CreateTags,
        Self::DeleteTags,
        Self::AssignIpv4,
        Self::UnassignIpv4,
        Self::AssignIpv6,
        Self::UnassignIpv6,
        Self::ModifyMetadataOptions,
        Self::DescribeEnis,
        Self::DescribeInstances,
        Self::DescribeInstanceTypes,
        Self::DescribeSubnets,
        Self::DescribeSecurityGroups,
    ];

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(
            self,
            Self::DescribeEnis
                | Self::DescribeInstances
                | Self::DescribeInstanceTypes
                | Self::DescribeSubnets
                | Self::DescribeSecurityGroups
        )
    }

    /// The action's name, as EC2 and IAM write it.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Create => "CreateNetworkInterface",
            Self::Attach => "AttachNetworkInterface",
            Self::Modify => "ModifyNetworkInterfaceAttribute",
            Self::Detach => "DetachNetworkInterface",
            Self::Delete => "DeleteNetworkInterface",
            Self::CreateTags => "CreateTags",
            Self::DeleteTags => "DeleteTags",
            Self::AssignIpv4 => "AssignPrivateIpAddresses",
            Self::UnassignIpv4 => "UnassignPrivateIpAddresses",
            Self::AssignIpv6 => "AssignIpv6Addresses",
            Self::UnassignIpv6 => "UnassignIpv6Addresses",
            Self::ModifyMetadataOptions => "ModifyInstanceMetadataOptions",
            Self::DescribeEnis => "DescribeNetworkInterfaces",
            Self::DescribeInstances => "DescribeInstances",
            Self::DescribeInstanceTypes => "DescribeInstanceTypes",
            Self::DescribeSubnets => "DescribeSubnets",
            Self::DescribeSecurityGroups => "DescribeSecurityGroups",
        }
    }
}

impl AddressKind {
    /// The call that gives an ENI more of them.
    #[must_use]
    pub fn assign(self) -> Call {
        match self {
            Self::SecondaryIpv4 | Self::Ipv4Prefix => Call::AssignIpv4,
            Self::Ipv6 => Call::AssignIpv6,
        }
    }

    /// The call that takes some off.
    #[must_use]
    pub fn unassign(self) -> Call {
        match self {
            Self::SecondaryIpv4 | Self::Ipv4Prefix => Call::UnassignIpv4,
            Self::Ipv6 => Call::UnassignIpv6,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action())
    }
}

/// An EC2 call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {code}: {message}")]
pub struct Ec2Error {
    /// Which call.
    pub call: Call,
    /// What it means to us.
    pub kind: Ec2ErrorKind,
    /// EC2's code, or ours where EC2 gave none.
    pub code: String,
    /// EC2's words.
    pub message: String,
}

/// The code of a call that was never sent, because this process may not act any more.
pub const LEASE_LOST: &str = "LeaseLost";

impl Ec2Error {
    /// Whether the call was never sent, because this process may not act any more. It says nothing of EC2.
    #[must_use]
    pub fn is_lease_lost(&self) -> bool {
        self.code == LEASE_LOST
    }
}

/// What a failed EC2 call means to the operator.
///
/// The kinds are few because each calls for a different reaction. Codes that call for the same
/// reaction share a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ec2ErrorKind {
    /// The thing is not there, or not there yet: a new id may be unknown for a while.
    NotFound(Thing),
    /// Somebody else holds the position. Look again and take another.
    PositionTaken,
    /// The ENI is not in the state that the call needs: attached already, or in use. Look again.
    Conflict,
    /// The instance is not in a state that takes an ENI. Wait for it.
    InstanceNotReady,
    /// The instance carries as many ENIs as its type allows.
    InstanceFull,
    /// The account has as many ENIs as its quota allows. Only a person can help.
    AccountFull,
    /// The subnet has no free address or prefix. Only a person can help.
    SubnetFull,
    /// Zone or VPC of ENI, group and instance do not go together. Only a person can help.
    Mismatch,
    /// The token was used with other parameters: an earlier create is out there. Look for it.
    TokenReused,
    /// Our credentials do not allow the call. Only a person can help.
    Unauthorized,
    /// AWS takes no call of ours: there are no credentials, or they are expired, revoked or unknown. Only a
    /// person can help, and until then nothing is to be changed.
    Unauthenticated,
    /// EC2 wants us to slow down.
    Throttled,
    /// No answer came, or one that says nothing. The call may or may not have taken effect.
    NoAnswer,
    /// EC2 found the request wrong in a way that we do not know.
    Refused,
}

/// What EC2 did not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// An ENI.
    Eni,
    /// An attachment.
    Attachment,
    /// An instance.
    Instance,
    /// A subnet.
    Subnet,
    /// A security group.
    SecurityGroup,
}
