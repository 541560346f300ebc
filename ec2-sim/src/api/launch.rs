//! Launching, starting, stopping, terminating and changing instances.

use serde::{Deserialize, Serialize};

use super::eni::{Ipv4PrefixSpecification, PrivateIpSpecification};
use super::instance::{InstanceStateItem, MetadataOptionsItem};
use super::parts::{AttributeValue, TagSpecification};

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
