//! `NodeENIAttachment`: one ENI that should exist on one node.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConditionType, DetachPolicy, find_condition, holds};

/// One ENI of a `NodeENI` on one node. Made and removed by the operator; the spec is not for editing.
///
/// The spec is what the controller made of the `NodeENI` for this node and this subnet.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "networking.k8s.aws",
    version = "v1alpha1",
    kind = "NodeENIAttachment",
    plural = "nodeeniattachments",
    singular = "nodeeniattachment",
    shortname = "nenia",
    category = "eni",
    status = "NodeENIAttachmentStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "One ENI of a NodeENI on one node. Made and removed by the operator; the spec is not for editing.",
    selectable = ".spec.nodeName",
    selectable = ".spec.nodeENI",
    printcolumn = r#"{"name":"Node","type":"string","jsonPath":".spec.nodeName"}"#,
    printcolumn = r#"{"name":"ENI","type":"string","jsonPath":".status.cloud.eniID"}"#,
    printcolumn = r#"{"name":"IP","type":"string","jsonPath":".status.cloud.privateIP"}"#,
    printcolumn = r#"{"name":"Index","type":"integer","jsonPath":".status.cloud.deviceIndex"}"#,
    printcolumn = r#"{"name":"Link","type":"string","jsonPath":".status.host.linkName"}"#,
    printcolumn = r#"{"name":"Driver","type":"string","jsonPath":".status.host.driver"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"NodeENI","type":"string","jsonPath":".spec.nodeENI","priority":1}"#,
    printcolumn = r#"{"name":"Subnet","type":"string","jsonPath":".spec.subnetID","priority":1}"#,
    printcolumn = r#"{"name":"Instance","type":"string","jsonPath":".spec.instanceID","priority":1}"#
)]
#[serde(rename_all = "camelCase")]
pub struct NodeENIAttachmentSpec {
    /// Name of the `NodeENI`.
    #[serde(rename = "nodeENI")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("nodeENI cannot be changed: it says which ENI this is"))]
    pub node_eni: String,

    /// Name of the node.
    pub node_name: String,

    /// The node's EC2 instance.
    #[serde(rename = "instanceID")]
    #[schemars(regex(pattern = r"^i-[0-9a-f]{8,17}$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceID cannot be changed: it says which ENI this is"))]
    pub instance_id: String,

    /// The instance's availability zone.
    #[x_kube(validation = Rule::new("self == oldSelf").message("zone cannot be changed: it is the subnet's"))]
    pub zone: String,

    /// The subnet that the ENI stands in.
    #[serde(rename = "subnetID")]
    #[schemars(regex(pattern = r"^subnet-[0-9a-f]{8,17}$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("subnetID cannot be changed: it says which ENI this is"))]
    pub subnet_id: String,

    /// IPv4 range of the subnet.
    #[serde(rename = "subnetCIDR", default, skip_serializing_if = "Option::is_none")]
    pub subnet_cidr: Option<String>,

    /// The subnet's place in its zone: `deviceIndex` is the `NodeENI`'s and this.
    pub offset: i64,

    /// Security groups of the ENI, sorted.
    #[serde(rename = "securityGroupIDs")]
    pub security_group_ids: Vec<String>,

    /// Network card that the ENI hangs on.
    #[serde(default)]
    pub network_card_index: i64,

    /// Device index that is asked for. `status.cloud.deviceIndex` is the one that EC2 gave.
    pub device_index: i64,

    /// Whether EC2 deletes the ENI when the instance terminates.
    pub delete_on_termination: bool,

    /// Whether EC2 drops traffic that is not the ENI's own; left as EC2 has it if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<bool>,

    /// Description of the ENI in EC2.
    pub description: String,

    /// The user's tags of the ENI in EC2.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,

    /// Further private IPv4 addresses. Those that it has are left alone if unset; 0 takes them off.
    #[serde(rename = "secondaryPrivateIPCount", default, skip_serializing_if = "Option::is_none")]
    pub secondary_private_ip_count: Option<i64>,

    /// IPv4 prefixes, each a /28. Those that it has are left alone if unset; 0 takes them off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_prefix_count: Option<i64>,

    /// IPv6 addresses. Those that it has are left alone if unset; 0 takes them off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_address_count: Option<i64>,

    /// MTU of the link in bytes; left as it is if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,

    /// The link's alternative name, the same on every node.
    pub alt_name: String,

    /// A second alternative name, which no other network can have: the prefix, `-`, and 8 hexadecimal digits made
    /// of the `NodeENI`'s name and the subnet.
    pub unique_alt_name: String,

    /// What becomes of the device, if it is more than a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpdk: Option<DpdkSpec>,

    /// When the ENI may be taken off a node whose agent does not say that it has let go of it.
    pub detach_policy: DetachPolicy,

    /// Whether nothing is to be created, changed or removed.
    #[serde(default)]
    pub paused: bool,

    /// Whether the ENI is to go: the agent lets go of the device, then the controller detaches and
    /// deletes the ENI. Never taken back.
    #[serde(default)]
    pub release: bool,
}

impl NodeENIAttachment {
    /// What the controller has recorded of the ENI.
    #[must_use]
    pub fn recorded(&self) -> Option<&CloudStatus> {
        self.status.as_ref()?.cloud.as_ref()
    }

    /// The condition of a type.
    #[must_use]
    pub fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        find_condition(&self.status.as_ref()?.conditions, type_)
    }

    /// Whether the condition of a type is `True`.
    #[must_use]
    pub fn holds(&self, type_: ConditionType) -> bool {
        self.status.as_ref().is_some_and(|status| holds(&status.conditions, type_))
    }

    /// Whether the object, and perhaps its ENI, is on its way out.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.spec.release || self.metadata.deletion_timestamp.is_some()
    }
}

/// What becomes of a device that is more than a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DpdkSpec {
    /// Whether it is bound to a DPDK driver. If not, it keeps the kernel's and is offered all the same.
    pub enabled: bool,

    /// Driver to bind it to.
    pub driver: String,

    /// Resource that kubelet offers it as, with its prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,

    /// PCI address that the user expects. Another device than the one with the ENI's hardware address is refused.
    #[serde(rename = "pciAddress", default, skip_serializing_if = "Option::is_none")]
    pub pci_address: Option<String>,

    /// Whether a host without an IOMMU will do, where the program that uses the device can write to all memory.
    #[serde(rename = "allowUnsafeNoIommu", default)]
    pub allow_unsafe_no_iommu: bool,
}

/// What is known of an ENI: in EC2 by the controller, on the host by the agent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeENIAttachmentStatus {
    /// Generation of the spec that the controller's part speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The ENI in EC2. Written by the controller only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudStatus>,

    /// The device on the host. Written by the node's agent only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostStatus>,

    /// Conditions, one per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The ENI in EC2, as the controller last knew it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudStatus {
    /// Which ENI of the slot this is, for the client token. Starts at the time, in seconds since 1970.
    pub epoch: i64,

    /// When EC2 was last asked to create it. Written before the call.
    pub last_create: Time,

    /// When EC2 was last asked to change anything about it: EC2's listings may be older than that.
    pub last_change: Time,

    /// The ENI; none while EC2 has not answered the create.
    #[serde(rename = "eniID", default, skip_serializing_if = "Option::is_none")]
    pub eni_id: Option<String>,

    /// How far EC2 is; none while there is no ENI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CloudState>,

    /// Its hardware address, in lower case with colons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,

    /// Its primary private IPv4 address.
    #[serde(rename = "privateIP", default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,

    /// Its further private IPv4 addresses.
    #[serde(rename = "secondaryPrivateIPs", default, skip_serializing_if = "Vec::is_empty")]
    pub secondary_private_ips: Vec<String>,

    /// Its IPv4 prefixes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv4_prefixes: Vec<String>,

    /// Its IPv6 addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6_addresses: Vec<String>,

    /// Whether EC2 was asked for other addresses and what came of it is not known: nothing is asked for
    /// again before a listing shows it. Written before the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub addresses_unsure: bool,

    /// Its tags, as far as the operator keeps them: its own, and those that the user asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,

    /// Its security groups, sorted.
    #[serde(rename = "securityGroupIDs", default, skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<String>,

    /// Its description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,

    /// Whether EC2 drops traffic that is not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<bool>,

    /// Instance that it hangs on, where that is not the slot's: somebody moved it.
    #[serde(rename = "otherInstanceID", default, skip_serializing_if = "Option::is_none")]
    pub other_instance_id: Option<String>,

    /// EC2's id of the attachment.
    #[serde(rename = "attachmentID", default, skip_serializing_if = "Option::is_none")]
    pub attachment_id: Option<String>,

    /// Network card that it hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_card_index: Option<i64>,

    /// Device index that EC2 gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_index: Option<i64>,

    /// Network card that the spec asked for when it was attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_network_card_index: Option<i64>,

    /// Device index that the spec asked for when it was attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_device_index: Option<i64>,

    /// Whether EC2 deletes it when the instance terminates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}

/// How far EC2 is with an ENI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum CloudState {
    /// Attached to nothing.
    Available,
    /// Being attached.
    Attaching,
    /// Attached.
    Attached,
    /// Being detached.
    Detaching,
    /// Deleted.
    Deleted,
}

/// The device on the host, as the node's agent last saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// Generation of the spec that the agent's part speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// How far the agent is: one word, for people. Programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,

    /// Name that the kernel, or its user, gave to the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_name: Option<String>,

    /// Alternative name that the agent gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_name: Option<String>,

    /// PCI address of the device.
    #[serde(rename = "pciAddress", default, skip_serializing_if = "Option::is_none")]
    pub pci_address: Option<String>,

    /// MTU of the link in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,

    /// Driver that the device is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,

    /// How the device is kept from memory that is not its user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iommu: Option<String>,

    /// Resource that kubelet offers it as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
}
