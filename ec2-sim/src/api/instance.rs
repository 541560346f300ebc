//! Instances as EC2 describes them.

use serde::{Deserialize, Serialize};

use super::described::{Ipv4Prefix, Ipv6Address, Ipv6Prefix, PrivateIpAddress};
use super::parts::{Filter, GroupIdentifier, Tag};
use crate::clock::Timestamp;

/// Instances that were launched together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// `r-…`
    pub reservation_id: String,
    /// The account.
    pub owner_id: String,
    /// Empty: EC2-Classic is gone.
    #[serde(rename = "groupSet")]
    pub groups: Vec<GroupIdentifier>,
    /// The instances.
    #[serde(rename = "instancesSet")]
    pub instances: Vec<InstanceItem>,
}

/// An instance as EC2 describes it, as far as it is simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceItem {
    /// `i-…`
    pub instance_id: String,
    /// The image.
    pub image_id: String,
    /// How it stands.
    pub instance_state: InstanceStateItem,
    /// The DNS name of its primary address.
    pub private_dns_name: String,
    /// Empty: there are no public addresses.
    pub dns_name: String,
    /// Why it stands so.
    pub reason: String,
    /// Its place among those launched together.
    pub ami_launch_index: u32,
    /// The name of its type.
    pub instance_type: String,
    /// When it last started.
    pub launch_time: Timestamp,
    /// Where it is.
    pub placement: Placement,
    /// Whether it is watched closely. Never.
    pub monitoring: Monitoring,
    /// The subnet of its primary ENI.
    pub subnet_id: Option<String>,
    /// That subnet's VPC.
    pub vpc_id: Option<String>,
    /// Its primary address.
    pub private_ip_address: Option<String>,
    /// Why it stands so, with a code.
    pub state_reason: Option<StateReason>,
    /// `x86_64`, `arm64` or `i386`.
    pub architecture: String,
    /// Always `ebs`.
    pub root_device_type: String,
    /// Always `/dev/xvda`.
    pub root_device_name: String,
    /// The volumes on it.
    #[serde(rename = "blockDeviceMapping")]
    pub block_device_mappings: Vec<InstanceBlockDevice>,
    /// Always `hvm`.
    pub virtualization_type: String,
    /// The token of its launch.
    pub client_token: Option<String>,
    /// `nitro` or `xen`.
    pub hypervisor: String,
    /// Whether it has ENA.
    pub ena_support: bool,
    /// The security groups of its primary ENI.
    #[serde(rename = "groupSet")]
    pub security_groups: Vec<GroupIdentifier>,
    /// The source/destination check of its primary ENI.
    pub source_dest_check: bool,
    /// Its ENIs, by card and index.
    #[serde(rename = "networkInterfaceSet")]
    pub network_interfaces: Vec<InstanceNetworkInterface>,
    /// The metadata service.
    pub metadata_options: MetadataOptionsItem,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
}

/// How an instance stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceStateItem {
    /// EC2's number of it.
    pub code: u32,
    /// EC2's name of it.
    pub name: String,
}

/// Where an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The name of the zone.
    pub availability_zone: String,
    /// The id of the zone.
    pub availability_zone_id: String,
    /// Empty.
    pub group_name: String,
    /// Always `default`.
    pub tenancy: String,
}

/// Whether an instance is watched closely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Monitoring {
    /// Always `disabled`.
    pub state: String,
}

/// Why an instance stands as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateReason {
    /// E.g. `Client.UserInitiatedShutdown`.
    pub code: String,
    /// The same in words.
    pub message: String,
}

/// A volume as its instance lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceBlockDevice {
    /// The device name.
    pub device_name: String,
    /// The volume.
    pub ebs: EbsInstanceBlockDevice,
}

/// A volume as its instance lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EbsInstanceBlockDevice {
    /// The volume.
    pub volume_id: String,
    /// `attached`.
    pub status: String,
    /// When it was attached.
    pub attach_time: Timestamp,
    /// Whether EC2 deletes the volume with the instance.
    pub delete_on_termination: bool,
}

/// An ENI as its instance lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceNetworkInterface {
    /// `eni-…`
    pub network_interface_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Free text.
    pub description: String,
    /// The account.
    pub owner_id: String,
    /// `in-use`.
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
    /// Its place on the instance.
    pub attachment: InstanceNetworkInterfaceAttachment,
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
}

/// An ENI's place as its instance lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceNetworkInterfaceAttachment {
    /// `eni-attach-…`
    pub attachment_id: String,
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
}

/// Lists instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeInstances {
    /// These only.
    #[serde(rename = "InstanceId")]
    pub instance_ids: Vec<String>,
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// The page size, 5 to 1000. Not with ids.
    pub max_results: Option<i32>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
    /// Whether instances that AWS manages are listed. There are none.
    pub include_managed_resources: Option<bool>,
}

/// A page of instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInstancesAnswer {
    /// The instances, by reservation.
    #[serde(rename = "reservationSet")]
    pub reservations: Vec<Reservation>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}

/// How the metadata service of an instance answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOptionsItem {
    /// `applied`.
    pub state: String,
    /// `optional` or `required`.
    pub http_tokens: String,
    /// How many hops an answer may take.
    pub http_put_response_hop_limit: u32,
    /// `enabled` or `disabled`.
    pub http_endpoint: String,
    /// `enabled` or `disabled`.
    pub http_protocol_ipv6: String,
    /// `enabled` or `disabled`.
    pub instance_metadata_tags: String,
}
