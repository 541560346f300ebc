//! Making, attaching, detaching, deleting and listing ENIs.

use serde::{Deserialize, Serialize};

use super::described::NetworkInterface;
use super::parts::{Filter, TagSpecification};

/// Makes an ENI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateNetworkInterface {
    /// The subnet.
    pub subnet_id: String,
    /// Free text, up to 255 characters.
    pub description: Option<String>,
    /// The security groups; none: the VPC's default group.
    #[serde(rename = "SecurityGroupId")]
    pub groups: Vec<String>,
    /// The primary address.
    pub private_ip_address: Option<String>,
    /// Addresses, one of them perhaps the primary.
    pub private_ip_addresses: Vec<PrivateIpSpecification>,
    /// How many further addresses EC2 is to choose.
    pub secondary_private_ip_address_count: Option<u32>,
    /// /28 prefixes.
    #[serde(rename = "Ipv4Prefix")]
    pub ipv4_prefixes: Vec<Ipv4PrefixSpecification>,
    /// How many /28 prefixes EC2 is to choose.
    pub ipv4_prefix_count: Option<u32>,
    /// IPv6 addresses.
    pub ipv6_addresses: Vec<Ipv6Specification>,
    /// How many IPv6 addresses EC2 is to choose.
    pub ipv6_address_count: Option<u32>,
    /// /80 prefixes.
    #[serde(rename = "Ipv6Prefix")]
    pub ipv6_prefixes: Vec<Ipv6PrefixSpecification>,
    /// How many /80 prefixes EC2 is to choose.
    pub ipv6_prefix_count: Option<u32>,
    /// Whether the first IPv6 address is the primary one.
    pub enable_primary_ipv6: Option<bool>,
    /// `interface`, `efa`, `efa-only`, `trunk` or `branch`.
    pub interface_type: Option<String>,
    /// Idle timeouts of tracked connections.
    pub connection_tracking_specification: Option<ConnectionTrackingSpecification>,
    /// The tags.
    #[serde(rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Makes repetitions harmless.
    pub client_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// One of the addresses to make an ENI with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrivateIpSpecification {
    /// The address.
    pub private_ip_address: String,
    /// Whether it is the primary one.
    pub primary: Option<bool>,
}

/// One of the prefixes to make an ENI with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv4PrefixSpecification {
    /// The prefix.
    pub ipv4_prefix: String,
}

/// One of the IPv6 addresses to make an ENI with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv6Specification {
    /// The address.
    pub ipv6_address: String,
}

/// One of the IPv6 prefixes to make an ENI with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv6PrefixSpecification {
    /// The prefix.
    pub ipv6_prefix: String,
}

/// Idle timeouts of tracked connections, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct ConnectionTrackingSpecification {
    /// 60 to 432000.
    pub tcp_established_timeout: Option<u32>,
    /// 60 to 180.
    pub udp_stream_timeout: Option<u32>,
    /// 30 to 60.
    pub udp_timeout: Option<u32>,
}

/// The new ENI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateNetworkInterfaceAnswer {
    /// As it is now, `pending`.
    pub network_interface: NetworkInterface,
    /// The token of the request.
    pub client_token: Option<String>,
}

/// Puts an ENI on an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AttachNetworkInterface {
    /// The ENI.
    pub network_interface_id: String,
    /// The instance.
    pub instance_id: String,
    /// The index on the card. Required.
    pub device_index: Option<i32>,
    /// The card; none: the type's default card.
    pub network_card_index: Option<i32>,
    /// ENA Express.
    pub ena_srd_specification: Option<EnaSrdSpecification>,
    /// How many queues.
    pub ena_queue_count: Option<u32>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// ENA Express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct EnaSrdSpecification {
    /// Whether it is on.
    pub ena_srd_enabled: Option<bool>,
    /// Its part for UDP.
    pub ena_srd_udp_specification: Option<EnaSrdUdpSpecification>,
}

/// ENA Express for UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct EnaSrdUdpSpecification {
    /// Whether it is on.
    pub ena_srd_udp_enabled: Option<bool>,
}

/// The attach was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachNetworkInterfaceAnswer {
    /// `eni-attach-…`
    pub attachment_id: String,
    /// The card.
    pub network_card_index: u32,
}

/// Takes an ENI off its instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DetachNetworkInterface {
    /// The attachment.
    pub attachment_id: String,
    /// Whether not to wait for the instance.
    pub force: Option<bool>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Deletes an ENI that is on no instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeleteNetworkInterface {
    /// The ENI.
    pub network_interface_id: String,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Lists ENIs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeNetworkInterfaces {
    /// These only; one that is missing fails the call.
    #[serde(rename = "NetworkInterfaceId")]
    pub network_interface_ids: Vec<String>,
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// The page size, 5 to 1000. Not with ids.
    pub max_results: Option<i32>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
    /// Whether ENIs that AWS manages are listed. They always are.
    pub include_managed_resources: Option<bool>,
}

/// A page of ENIs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeNetworkInterfacesAnswer {
    /// The ENIs, by id.
    #[serde(rename = "networkInterfaceSet")]
    pub network_interfaces: Vec<NetworkInterface>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}
