//! What the operator last made of a `NodeENI`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator last made of a `NodeENI`. Nothing in it changes when nothing has changed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeENIStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// ENIs that should exist.
    #[serde(default)]
    pub desired: i64,

    /// ENIs that EC2 has attached.
    #[serde(default)]
    pub attached: i64,

    /// ENIs that can be used on their nodes.
    #[serde(default)]
    pub ready: i64,

    /// ENIs that something is in the way of.
    #[serde(default)]
    pub failed: i64,

    /// Conditions, one per type.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Which place each subnet has in its zone. A place once given is kept while an ENI uses it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnet_offsets: Vec<SubnetOffset>,

    /// The ENIs in the reference system's form: the first 200, by node and subnet.
    /// `NodeENIAttachment` objects tell of all of them, and more.
    #[serde(default)]
    pub attachments: Vec<AttachmentSummary>,

    /// How many ENIs `attachments` leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments_left_out: Option<i64>,
}

/// The place of a subnet among the `NodeENI`'s subnets of one zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub struct SubnetOffset {
    /// The subnet.
    #[serde(rename = "subnetID")]
    pub subnet_id: String,
    /// The subnet's availability zone.
    pub zone: String,
    /// What is added to `deviceIndex` for this subnet.
    pub offset: i64,
}

/// One ENI in the reference system's form.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentSummary {
    /// Name of the node.
    #[serde(rename = "nodeID")]
    pub node_id: String,
    /// The instance.
    #[serde(rename = "instanceID")]
    pub instance_id: String,
    /// The ENI.
    #[serde(rename = "eniID")]
    pub eni_id: String,
    /// EC2's id of the attachment.
    #[serde(rename = "attachmentID")]
    pub attachment_id: String,
    /// The subnet.
    #[serde(rename = "subnetID")]
    pub subnet_id: String,
    /// IPv4 range of the subnet.
    #[serde(rename = "subnetCIDR", default, skip_serializing_if = "Option::is_none")]
    pub subnet_cidr: Option<String>,
    /// MTU that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// Device index that EC2 gave.
    pub device_index: i64,
    /// Always `attached`.
    pub status: String,
    /// When EC2 was last asked to change something about this ENI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// Whether the device is bound to a DPDK driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpdk_bound: Option<bool>,
    /// The DPDK driver that the device is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpdk_driver: Option<String>,
    /// Resource that kubelet offers the device as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpdk_resource_name: Option<String>,
    /// PCI address of the device.
    #[serde(rename = "dpdkPCIAddress", default, skip_serializing_if = "Option::is_none")]
    pub dpdk_pci_address: Option<String>,
}
