//! ENIs as EC2 describes them.

use serde::Serialize;

use super::eni::{ConnectionTrackingSpecification, EnaSrdSpecification};
use super::parts::{GroupIdentifier, Tag};
use crate::clock::Timestamp;

/// An ENI as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterface {
    /// `eni-…`
    pub network_interface_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// The name of its zone.
    pub availability_zone: String,
    /// The id of its zone.
    pub availability_zone_id: String,
    /// Free text.
    pub description: String,
    /// The account.
    pub owner_id: String,
    /// The AWS service that made it.
    pub requester_id: Option<String>,
    /// Whether an AWS service made it.
    pub requester_managed: bool,
    /// `pending`, `available` or `in-use`.
    pub status: String,
    /// The MAC address.
    pub mac_address: String,
    /// The primary address.
    pub private_ip_address: Option<String>,
    /// Its DNS name.
    pub private_dns_name: Option<String>,
    /// Whether traffic from and to other addresses is dropped.
    pub source_dest_check: bool,
    /// The security groups.
    #[serde(rename = "groupSet")]
    pub groups: Vec<GroupIdentifier>,
    /// Its place on an instance.
    pub attachment: Option<NetworkInterfaceAttachment>,
    /// All IPv4 addresses, the primary one first.
    #[serde(rename = "privateIpAddressesSet")]
    pub private_ip_addresses: Vec<PrivateIpAddress>,
    /// The IPv6 addresses.
    #[serde(rename = "ipv6AddressesSet")]
    pub ipv6_addresses: Vec<Ipv6Address>,
    /// The /28 prefixes.
    #[serde(rename = "ipv4PrefixSet")]
    pub ipv4_prefixes: Vec<Ipv4Prefix>,
    /// The /80 prefixes.
    #[serde(rename = "ipv6PrefixSet")]
    pub ipv6_prefixes: Vec<Ipv6Prefix>,
    /// `interface`, `efa`, …
    pub interface_type: String,
    /// Chosen idle timeouts.
    pub connection_tracking_configuration: Option<ConnectionTrackingSpecification>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
    /// Whether an AWS service manages it.
    pub operator: ManagedBy,
}

impl NetworkInterface {
    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == key).and_then(|tag| tag.value.as_deref())
    }
}

/// Whether an AWS service manages a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ManagedBy {
    /// Whether one does.
    pub managed: bool,
}

/// An attachment as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfaceAttachment {
    /// `eni-attach-…`
    pub attachment_id: String,
    /// The instance.
    pub instance_id: String,
    /// The instance's account.
    pub instance_owner_id: String,
    /// The index on the card.
    pub device_index: u32,
    /// The card.
    pub network_card_index: u32,
    /// `attaching`, `attached` or `detaching`.
    pub status: String,
    /// When the attach was accepted.
    pub attach_time: Timestamp,
    /// Whether EC2 deletes the ENI with the instance.
    pub delete_on_termination: bool,
    /// ENA Express, if chosen.
    pub ena_srd_specification: Option<EnaSrdSpecification>,
    /// The queues, if chosen.
    pub ena_queue_count: Option<u32>,
}

/// An address of an ENI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateIpAddress {
    /// The address.
    pub private_ip_address: String,
    /// Its DNS name.
    pub private_dns_name: String,
    /// Whether it is the primary one.
    pub primary: bool,
}

/// An IPv6 address of an ENI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6Address {
    /// The address.
    pub ipv6_address: String,
    /// Whether it is the primary one.
    pub is_primary_ipv6: bool,
}

/// A /28 prefix of an ENI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv4Prefix {
    /// The prefix.
    pub ipv4_prefix: String,
}

/// A /80 prefix of an ENI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6Prefix {
    /// The prefix.
    pub ipv6_prefix: String,
}
