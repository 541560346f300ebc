//! Instances.

use serde::{Deserialize, Serialize};

use super::eni::{
    Ipv4Prefix, Ipv4PrefixSpecification, Ipv6Address, Ipv6Prefix, PrivateIpAddress, PrivateIpSpecification,
};
use super::parts::{AttributeValue, Filter, GroupIdentifier, Tag, TagSpecification};
use crate::clock::Timestamp;

/// Launches instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RunInstances {
    /// The image. Not looked at.
    pub image_id: Option<String>,
    /// The type; none: `m1.small`, as in EC2.
    pub instance_type: Option<String>,
    /// At least so many.
    pub min_count: u32,
    /// At most so many.
    pub max_count: u32,
    /// The subnet of the primary ENI.
    pub subnet_id: Option<String>,
    /// The security groups of the primary ENI.
    #[serde(rename = "SecurityGroupId")]
    pub security_group_ids: Vec<String>,
    /// The address of the primary ENI.
    pub private_ip_address: Option<String>,
    /// The ENIs, instead of subnet, groups and address.
    #[serde(rename = "NetworkInterface")]
    pub network_interfaces: Vec<InstanceNetworkInterfaceSpecification>,
    /// The metadata service.
    pub metadata_options: Option<MetadataOptionsRequest>,
    /// The tags of instances, ENIs and volumes.
    #[serde(rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Makes repetitions harmless.
    pub client_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// An ENI to launch an instance with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InstanceNetworkInterfaceSpecification {
    /// An ENI there is. None: a new one.
    pub network_interface_id: Option<String>,
    /// The index on the card.
    pub device_index: Option<i32>,
    /// The card.
    pub network_card_index: Option<i32>,
    /// The subnet of a new ENI.
    pub subnet_id: Option<String>,
    /// The security groups of a new ENI.
    #[serde(rename = "SecurityGroupId")]
    pub groups: Vec<String>,
    /// The description of a new ENI.
    pub description: Option<String>,
    /// Whether EC2 deletes the ENI with the instance; none: yes for new ones, no for others.
    pub delete_on_termination: Option<bool>,
    /// The primary address of a new ENI.
    pub private_ip_address: Option<String>,
    /// The addresses of a new ENI.
    pub private_ip_addresses: Vec<PrivateIpSpecification>,
    /// How many further addresses EC2 is to choose.
    pub secondary_private_ip_address_count: Option<u32>,
    /// /28 prefixes.
    #[serde(rename = "Ipv4Prefix")]
    pub ipv4_prefixes: Vec<Ipv4PrefixSpecification>,
    /// How many /28 prefixes EC2 is to choose.
    pub ipv4_prefix_count: Option<u32>,
    /// How many IPv6 addresses EC2 is to choose.
    pub ipv6_address_count: Option<u32>,
    /// `interface`, `efa` or `efa-only`.
    pub interface_type: Option<String>,
}

/// How the metadata service is to answer; none: as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MetadataOptionsRequest {
    /// `optional` or `required`.
    pub http_tokens: Option<String>,
    /// 1 to 64.
    pub http_put_response_hop_limit: Option<u32>,
    /// `enabled` or `disabled`.
    pub http_endpoint: Option<String>,
    /// `enabled` or `disabled`.
    pub http_protocol_ipv6: Option<String>,
    /// `enabled` or `disabled`.
    pub instance_metadata_tags: Option<String>,
}

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

macro_rules! state_change {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        pub struct $name {
            /// The instances; one that is missing fails the call.
            #[serde(rename = "InstanceId")]
            pub instance_ids: Vec<String>,
            /// Taken and ignored.
            pub force: Option<bool>,
            /// Only ask whether it would be allowed.
            pub dry_run: Option<bool>,
        }
    )*};
}

state_change! {
    /// Starts stopped instances.
    StartInstances;
    /// Stops running instances.
    StopInstances;
    /// Terminates instances.
    TerminateInstances;
}

/// How instances came to stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceStateChanges {
    /// The instances, in the order of the request.
    #[serde(rename = "instancesSet")]
    pub instances: Vec<InstanceStateChange>,
}

/// How an instance came to stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStateChange {
    /// The instance.
    pub instance_id: String,
    /// How it stands now.
    pub current_state: InstanceStateItem,
    /// How it stood before.
    pub previous_state: InstanceStateItem,
}

/// Changes how the metadata service of an instance answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ModifyInstanceMetadataOptions {
    /// The instance.
    pub instance_id: String,
    /// `optional` or `required`.
    pub http_tokens: Option<String>,
    /// 1 to 64.
    pub http_put_response_hop_limit: Option<u32>,
    /// `enabled` or `disabled`.
    pub http_endpoint: Option<String>,
    /// `enabled` or `disabled`.
    pub http_protocol_ipv6: Option<String>,
    /// `enabled` or `disabled`.
    pub instance_metadata_tags: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The metadata service as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifyInstanceMetadataOptionsAnswer {
    /// The instance.
    pub instance_id: String,
    /// How it answers.
    pub instance_metadata_options: MetadataOptionsItem,
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

/// Changes an attribute of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ModifyInstanceAttribute {
    /// The instance.
    pub instance_id: String,
    /// The new type, of a stopped instance.
    pub instance_type: Option<AttributeValue<String>>,
    /// The source/destination check of an instance with one ENI.
    pub source_dest_check: Option<AttributeValue<bool>>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}
