//! Instances, and the positions on which ENIs hang.

use std::fmt;

use super::{EniId, InstanceId, SubnetId, VpcId};

/// Where an ENI hangs on an instance. Device indices count anew on each network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Network card index.
    pub card: u32,
    /// Device index on that card. (0, 0) is the primary ENI's.
    pub device: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device index {} on network card {}", self.device, self.card)
    }
}

/// An instance, as `DescribeInstances` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// What it is doing.
    pub state: InstanceState,
    /// Its type, such as `m6i.large`. Can change while it is stopped.
    pub instance_type: String,
    /// Availability zone. An ENI must stand in the same.
    pub zone: String,
    /// VPC of its primary ENI; none for an instance that is gone.
    pub vpc: Option<VpcId>,
    /// Subnet of its primary ENI; none for an instance that is gone.
    pub subnet: Option<SubnetId>,
    /// How many network hops an answer of its metadata service may take; none where EC2 does not say.
    pub metadata_hop_limit: Option<u32>,
    /// The positions that ENIs hold, ours and others', those that come and go included.
    pub held: Vec<HeldPosition>,
}

/// A position with an ENI on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPosition {
    /// Where.
    pub at: Position,
    /// By which ENI.
    pub eni: EniId,
}

/// The state of an instance, as far as it matters to its ENIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// Starting: EC2 refuses an attach.
    Pending,
    /// Running.
    Running,
    /// Stopping or stopped: its ENIs stay, and EC2 takes an attach once it is stopped.
    Stopped,
    /// Shutting down or terminated: EC2 takes its ENIs off by itself.
    Terminated,
}

/// What an instance type can carry, as `DescribeInstanceTypes` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// Its name.
    pub name: String,
    /// Its network cards, by index.
    pub cards: Vec<Card>,
    /// Private IPv4 addresses that one ENI can have, the primary one included.
    pub ipv4_addresses_per_eni: u32,
    /// IPv6 addresses that one ENI can have.
    pub ipv6_addresses_per_eni: u32,
    /// How many ENIs and EBS volumes it can have together; none for a type that counts them apart.
    pub shared_attachments: Option<u32>,
}

/// One network card of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// Its index.
    pub index: u32,
    /// ENIs that it carries, the primary ENI included.
    pub max_enis: u32,
}
