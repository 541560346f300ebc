//! The ENI, as EC2 lists it and as the operator asks for it.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr};

use super::{AttachmentId, EniId, InstanceId, Position, SecurityGroupId, SubnetId, VpcId};

/// An elastic network interface, as `DescribeNetworkInterfaces` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eni {
    /// Its id.
    pub id: EniId,
    /// The subnet that it stands in. Never changes.
    pub subnet: SubnetId,
    /// The VPC of the subnet.
    pub vpc: VpcId,
    /// Availability zone of the subnet, such as `eu-central-1a`.
    pub zone: String,
    /// Hardware address, in lower case with colons. Never changes.
    pub mac: String,
    /// Primary private IPv4 address; none in a subnet that has IPv6 only.
    pub private_ip: Option<Ipv4Addr>,
    /// Further private IPv4 addresses, in EC2's order.
    pub secondary_private_ips: Vec<String>,
    /// IPv4 prefixes, such as `10.0.1.16/28`.
    pub ipv4_prefixes: Vec<String>,
    /// IPv6 addresses.
    pub ipv6_addresses: Vec<String>,
    /// Its security groups, sorted.
    pub groups: Vec<SecurityGroupId>,
    /// Its description.
    pub description: String,
    /// Whether EC2 drops traffic that is not to or from the ENI's own addresses.
    pub source_dest_check: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it is attached to.
    pub attachment: Option<Attachment>,
    /// Whether EC2 calls it `available`, free to attach or delete.
    ///
    /// Neither this nor an attachment is a state between states (`pending`, `associated`, or a word
    /// that EC2 invents tomorrow), and the only safe move is to wait.
    pub available: bool,
}

/// How an ENI hangs on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Id of the attachment. A new one with each attach.
    pub id: AttachmentId,
    /// The instance.
    pub instance: InstanceId,
    /// Where on the instance.
    pub at: Position,
    /// How far EC2 is.
    pub state: AttachmentState,
    /// Whether EC2 deletes the ENI when the instance terminates.
    ///
    /// False after an attach to a running instance, until somebody asks for it.
    pub delete_on_termination: bool,
}

/// How far EC2 is with an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentState {
    /// Asked for; it holds its position already.
    Attaching,
    /// Done, as far as EC2 knows.
    Attached,
    /// Being taken away; it holds its position still.
    Detaching,
    /// A word that we do not know.
    Unsettled,
}

/// What a new ENI should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateEni {
    /// The same token asks for the same ENI, however often the request is sent.
    pub client_token: String,
    /// Where.
    pub subnet: SubnetId,
    /// Its security groups, at least one.
    pub groups: Vec<SecurityGroupId>,
    /// Its description.
    pub description: String,
    /// Its tags, ownership included: an ENI must never exist without them.
    pub tags: BTreeMap<String, String>,
    /// How many further private IPv4 addresses.
    pub secondary_private_ip_count: u32,
    /// How many IPv4 prefixes of 16 addresses.
    pub ipv4_prefix_count: u32,
    /// How many IPv6 addresses.
    pub ipv6_address_count: u32,
}

/// One attribute of an ENI, as `ModifyNetworkInterfaceAttribute` sets it: one per call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EniChange {
    /// Whether EC2 deletes the ENI with the instance.
    DeleteOnTermination {
        /// The attachment, which is what has this attribute.
        attachment: AttachmentId,
        /// Whether it does.
        on: bool,
    },
    /// Whether EC2 drops traffic that is not the ENI's own.
    SourceDestCheck(bool),
    /// The whole set of security groups.
    Groups(Vec<SecurityGroupId>),
    /// The description.
    Description(String),
}

/// A kind of address that an ENI has besides its primary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// Further private IPv4 addresses.
    SecondaryIpv4,
    /// IPv4 prefixes (/28).
    Ipv4Prefix,
    /// IPv6 addresses.
    Ipv6,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecondaryIpv4 => "secondary private IPv4 addresses",
            Self::Ipv4Prefix => "IPv4 prefixes",
            Self::Ipv6 => "IPv6 addresses",
        })
    }
}
