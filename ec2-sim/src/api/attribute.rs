//! Changing ENIs: attributes and addresses.

use serde::{Deserialize, Serialize};

use super::described::{Ipv4Prefix, NetworkInterfaceAttachment};
use super::eni::{ConnectionTrackingSpecification, EnaSrdSpecification};
use super::parts::{AttributeValue, GroupIdentifier};

/// Changes one attribute of an ENI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ModifyNetworkInterfaceAttribute {
    /// The ENI.
    pub network_interface_id: String,
    /// What the attachment is to be like.
    pub attachment: Option<AttachmentChanges>,
    /// The new description.
    pub description: Option<AttributeValue<String>>,
    /// All security groups from now on.
    #[serde(rename = "SecurityGroupId")]
    pub groups: Vec<String>,
    /// Whether traffic from and to other addresses is dropped.
    pub source_dest_check: Option<AttributeValue<bool>>,
    /// ENA Express.
    pub ena_srd_specification: Option<EnaSrdSpecification>,
    /// Whether the first IPv6 address becomes the primary one.
    pub enable_primary_ipv6: Option<bool>,
    /// Idle timeouts of tracked connections.
    pub connection_tracking_specification: Option<ConnectionTrackingSpecification>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// What an attachment is to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AttachmentChanges {
    /// The attachment.
    pub attachment_id: Option<String>,
    /// Whether EC2 deletes the ENI with the instance.
    pub delete_on_termination: Option<bool>,
    /// How many queues.
    pub ena_queue_count: Option<u32>,
    /// Whether to go back to the type's number of queues.
    pub default_ena_queue_count: Option<bool>,
}

/// Asks for one attribute of an ENI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeNetworkInterfaceAttribute {
    /// The ENI.
    pub network_interface_id: String,
    /// `description`, `groupSet`, `sourceDestCheck`, `attachment` or `associatePublicIpAddress`.
    pub attribute: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The attribute that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeNetworkInterfaceAttributeAnswer {
    /// The ENI.
    pub network_interface_id: String,
    /// Its description.
    pub description: Option<AttributeValue<String>>,
    /// Its security groups.
    #[serde(rename = "groupSet")]
    pub groups: Option<Vec<GroupIdentifier>>,
    /// Whether traffic from and to other addresses is dropped.
    pub source_dest_check: Option<AttributeValue<bool>>,
    /// Its place on an instance.
    pub attachment: Option<NetworkInterfaceAttachment>,
    /// Whether it gets a public address. Never, here.
    pub associate_public_ip_address: Option<bool>,
}

/// Puts an attribute back to what it is for a new ENI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ResetNetworkInterfaceAttribute {
    /// The ENI.
    pub network_interface_id: String,
    /// Given, whatever it says: the source/destination check.
    pub source_dest_check: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Gives an ENI more IPv4 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AssignPrivateIpAddresses {
    /// The ENI.
    pub network_interface_id: String,
    /// These addresses.
    #[serde(rename = "PrivateIpAddress")]
    pub private_ip_addresses: Vec<String>,
    /// How many addresses EC2 is to choose.
    pub secondary_private_ip_address_count: Option<u32>,
    /// These /28 prefixes.
    #[serde(rename = "Ipv4Prefix")]
    pub ipv4_prefixes: Vec<String>,
    /// How many /28 prefixes EC2 is to choose.
    pub ipv4_prefix_count: Option<u32>,
    /// Whether an address may be taken from another ENI.
    pub allow_reassignment: Option<bool>,
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignPrivateIpAddressesAnswer {
    /// The ENI.
    pub network_interface_id: String,
    /// The new addresses.
    #[serde(rename = "assignedPrivateIpAddressesSet")]
    pub assigned_private_ip_addresses: Vec<AssignedPrivateIpAddress>,
    /// The new prefixes.
    #[serde(rename = "assignedIpv4PrefixSet")]
    pub assigned_ipv4_prefixes: Vec<Ipv4Prefix>,
    /// Always true.
    #[serde(rename = "return")]
    pub done: bool,
}

/// An address that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignedPrivateIpAddress {
    /// The address.
    pub private_ip_address: String,
}

/// Takes IPv4 addresses from an ENI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UnassignPrivateIpAddresses {
    /// The ENI.
    pub network_interface_id: String,
    /// These addresses, the primary one not among them.
    #[serde(rename = "PrivateIpAddress")]
    pub private_ip_addresses: Vec<String>,
    /// These /28 prefixes.
    #[serde(rename = "Ipv4Prefix")]
    pub ipv4_prefixes: Vec<String>,
}

/// Gives an ENI more IPv6 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AssignIpv6Addresses {
    /// The ENI.
    pub network_interface_id: String,
    /// These addresses.
    pub ipv6_addresses: Vec<String>,
    /// How many addresses EC2 is to choose.
    pub ipv6_address_count: Option<u32>,
    /// These /80 prefixes.
    #[serde(rename = "Ipv6Prefix")]
    pub ipv6_prefixes: Vec<String>,
    /// How many /80 prefixes EC2 is to choose.
    pub ipv6_prefix_count: Option<u32>,
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignIpv6AddressesAnswer {
    /// The ENI.
    pub network_interface_id: String,
    /// The new addresses.
    pub assigned_ipv6_addresses: Vec<String>,
    /// The new prefixes.
    #[serde(rename = "assignedIpv6PrefixSet")]
    pub assigned_ipv6_prefixes: Vec<String>,
}

/// Takes IPv6 addresses from an ENI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UnassignIpv6Addresses {
    /// The ENI.
    pub network_interface_id: String,
    /// These addresses.
    pub ipv6_addresses: Vec<String>,
    /// These /80 prefixes.
    #[serde(rename = "Ipv6Prefix")]
    pub ipv6_prefixes: Vec<String>,
}

/// What was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnassignIpv6AddressesAnswer {
    /// The ENI.
    pub network_interface_id: String,
    /// The addresses.
    pub unassigned_ipv6_addresses: Vec<String>,
    /// The prefixes.
    #[serde(rename = "unassignedIpv6PrefixSet")]
    pub unassigned_ipv6_prefixes: Vec<String>,
}
