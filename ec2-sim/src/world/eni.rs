//! A network interface and its attachment.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::Tags;
use crate::clock::Timestamp;

/// What sort of ENI it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceType {
    /// An ordinary one.
    #[default]
    Interface,
    /// An Elastic Fabric Adapter with an IP side.
    Efa,
    /// An Elastic Fabric Adapter without IP addresses.
    EfaOnly,
    /// A trunk of branch interfaces.
    Trunk,
    /// A branch of a trunk.
    Branch,
}

impl InterfaceType {
    /// The name EC2 gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Efa => "efa",
            Self::EfaOnly => "efa-only",
            Self::Trunk => "trunk",
            Self::Branch => "branch",
        }
    }

    /// The type with EC2's name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Interface, Self::Efa, Self::EfaOnly, Self::Trunk, Self::Branch];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// Says whether it is an Elastic Fabric Adapter of either sort.
    #[must_use]
    pub fn is_efa(self) -> bool {
        matches!(self, Self::Efa | Self::EfaOnly)
    }
}

/// How an ENI as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EniStatus {
    /// Just made.
    Pending,
    /// Free to attach.
    Available,
    /// Attached, or on the way to or from it.
    InUse,
}

impl EniStatus {
    /// The name EC2 gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::InUse => "in-use",
        }
    }
}

/// How an attachment stands. `detached` is not one of them: then there is no attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachmentStatus {
    /// The attach was accepted and is under way.
    Attaching,
    /// The ENI is on the instance.
    Attached,
    /// The detach was accepted and is under way.
    Detaching,
}

impl AttachmentStatus {
    /// The name EC2 gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

/// An ENI's place on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// `eni-attach-…`
    pub id: String,
    /// The instance.
    pub instance_id: String,
    /// The index on the card.
    pub device_index: u32,
    /// The network card.
    pub network_card_index: u32,
    /// How far it is.
    pub status: AttachmentStatus,
    /// When the attach was accepted.
    pub attach_time: Timestamp,
    /// Whether EC2 deletes the ENI with the instance.
    pub delete_on_termination: bool,
    /// ENA Express, and ENA Express for UDP.
    pub ena_srd: Option<(bool, bool)>,
    /// How many queues, if chosen.
    pub ena_queue_count: Option<u32>,
}

impl Attachment {
    /// Says whether it is the primary ENI of its instance.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.device_index == 0 && self.network_card_index == 0
    }
}

/// Idle timeouts of tracked connections, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionTracking {
    /// For established TCP connections.
    pub tcp_established_timeout: Option<u32>,
    /// For UDP flows that have seen traffic both ways more than once.
    pub udp_stream_timeout: Option<u32>,
    /// For other UDP flows.
    pub udp_timeout: Option<u32>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Eni {
    /// `eni-…`
    pub id: String,
    /// The subnet its addresses come from.
    pub subnet_id: String,
    /// The subnet's VPC.
    pub vpc_id: String,
    /// The subnet's zone.
    pub zone: String,
    /// Free text.
    pub description: String,
    /// The security groups, in the order they were given.
    pub groups: Vec<String>,
    /// What sort it is.
    pub interface_type: InterfaceType,
    /// The MAC address, never used twice.
    pub mac: String,
    /// The primary address; none for `efa-only`.
    pub primary: Option<Ipv4Addr>,
    /// The other addresses.
    pub secondary: Vec<Ipv4Addr>,
    /// The /28 prefixes, by their first address.
    pub ipv4_prefixes: Vec<Ipv4Addr>,
    /// The IPv6 addresses.
    pub ipv6: Vec<Ipv6Addr>,
    /// The /80 prefixes, by their first address.
    pub ipv6_prefixes: Vec<Ipv6Addr>,
    /// Whether the first IPv6 address is the primary one.
    pub primary_ipv6: bool,
    /// Whether traffic from and to other addresses is dropped.
    pub source_dest_check: bool,
    /// Chosen idle timeouts.
    pub connection_tracking: Option<ConnectionTracking>,
    /// The tags.
    pub tags: Tags,
    /// Its place on an instance.
    pub attachment: Option<Attachment>,
    /// The AWS service that made it, if one did.
    pub requester_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer `pending`.
    pub ready_at: Timestamp,
}

impl Eni {
    /// How the ENI stands at a moment.
    #[must_use]
    pub fn status(&self, at: Timestamp) -> EniStatus {
        match self.attachment {
            Some(_) => EniStatus::InUse,
            None if at < self.ready_at => EniStatus::Pending,
            None => EniStatus::Available,
        }
    }

    /// The IPv4 addresses, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.primary.into_iter().chain(self.secondary.iter().copied())
    }

    /// How many of the instance type's IPv4 places it fills: each address and each prefix is one.
    #[must_use]
    pub fn ipv4_places(&self) -> usize {
        self.addresses().count() + self.ipv4_prefixes.len()
    }

    /// How many of the instance type's IPv6 places it fills.
    #[must_use]
    pub fn ipv6_places(&self) -> usize {
        self.ipv6.len() + self.ipv6_prefixes.len()
    }
}
