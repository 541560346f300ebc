//! `NodeENI`: which nodes get which ENIs.

use std::collections::BTreeMap;

use k8s_openapi::jiff::SignedDuration;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeENIStatus, NodeSelectorTerm};

/// Which nodes get which extra elastic network interfaces (ENIs).
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "networking.k8s.aws",
    version = "v1alpha1",
    kind = "NodeENI",
    plural = "nodeenis",
    singular = "nodeeni",
    shortname = "neni",
    category = "eni",
    status = "NodeENIStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "Which nodes get which extra elastic network interfaces (ENIs).",
    printcolumn = r#"{"name":"Desired","type":"integer","jsonPath":".status.desired","description":"ENIs that should exist"}"#,
    printcolumn = r#"{"name":"Attached","type":"integer","jsonPath":".status.attached","description":"ENIs that EC2 has attached"}"#,
    printcolumn = r#"{"name":"Ready","type":"integer","jsonPath":".status.ready","description":"ENIs that can be used on their nodes"}"#,
    printcolumn = r#"{"name":"Failed","type":"integer","jsonPath":".status.failed","description":"ENIs that something is in the way of"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Index","type":"integer","jsonPath":".spec.deviceIndex","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[x_kube(
    validation = Rule::new("has(self.nodeSelector) || has(self.nodeSelectorTerms)").message("nodeSelector is required: the labels of the nodes that get the ENIs (or nodeSelectorTerms)"),
    validation = Rule::new("has(self.subnetID) || has(self.subnetName) || (has(self.subnetIDs) && size(self.subnetIDs) > 0) || (has(self.subnetNames) && size(self.subnetNames) > 0)").message("a subnet is required: set subnetID, subnetIDs, subnetName or subnetNames"),
    validation = Rule::new("(has(self.securityGroupIDs) && size(self.securityGroupIDs) > 0) || (has(self.securityGroupNames) && size(self.securityGroupNames) > 0)").message("a security group is required: set securityGroupIDs or securityGroupNames"),
    validation = Rule::new("self.networkCardIndex > 0 || self.deviceIndex > 0").message("deviceIndex must be 1 or more on network card 0, where index 0 is the primary ENI's").field_path(".deviceIndex"),
    validation = Rule::new("!has(self.enableDPDK) || !has(self.dpdkEnabled) || self.enableDPDK == self.dpdkEnabled").message("dpdkEnabled is another name of enableDPDK, and the two disagree: keep one of them").field_path(".dpdkEnabled"),
    validation = Rule::new("!has(self.secondaryPrivateIPCount) || !has(self.ipv4PrefixCount) || self.secondaryPrivateIPCount == 0 || self.ipv4PrefixCount == 0").message("EC2 takes secondaryPrivateIPCount or ipv4PrefixCount, not both").field_path(".ipv4PrefixCount"),
)]
#[serde(rename_all = "camelCase")]
pub struct NodeENISpec {
    /// Labels that a node must bear, all of them, to get the ENIs. An empty map selects every node. A node
    /// that is not selected any more loses its ENIs. This or `nodeSelectorTerms` is required.
    // The API server drops a null from a map of plain strings: `ng:` with nothing behind it would become
    // the empty map. So null is let in, for the rule to refuse: at a create and at a server-side apply. A
    // merge patch, and with it `kubectl edit` and `kubectl apply` without --server-side, has null for taking
    // the key out, and what remains is all that any rule sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64, "additionalProperties" = {"type": "string", "nullable": true}))]
    #[x_kube(validation = Rule::new("self.all(key, type(self[key]) == string)").message("a label in nodeSelector has no value: write \"\" for an empty one"))]
    pub node_selector: Option<BTreeMap<String, String>>,

    /// Further choice of nodes, by expressions. A node must match one of the terms, and `nodeSelector`
    /// as well where both are set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub node_selector_terms: Option<Vec<NodeSelectorTerm>>,

    /// A subnet, by id. The four subnet fields (this, `subnetIDs`, `subnetName`, `subnetNames`) add up to one
    /// list, in this order; what is in it twice counts once, and one of them is required. A node gets an ENI in
    /// each listed subnet of its own availability zone.
    #[serde(rename = "subnetID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^subnet-[0-9a-f]{8,17}$"))]
    pub subnet_id: Option<String>,

    /// Subnets, by id: further ones of the list that `subnetID` tells of.
    #[serde(rename = "subnetIDs", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(regex(pattern = r"^subnet-[0-9a-f]{8,17}$")))]
    pub subnet_ids: Option<Vec<String>>,

    /// A subnet, by its tag `Name`, in the node's VPC and zone. One name for a subnet in each zone is
    /// common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub subnet_name: Option<String>,

    /// Subnets, by their tag `Name`: further ones of the list that `subnetID` tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    pub subnet_names: Option<Vec<String>>,

    /// `All` makes an ENI in each listed subnet of the node's zone; `One` makes one ENI, in that one
    /// of them which has the most free addresses. `All` unless set.
    #[serde(default)]
    pub subnet_policy: SubnetPolicy,

    /// Security groups of the ENIs, by id. Those named by `securityGroupNames` come on top; one of the two fields
    /// is required. A change is made in place, to the ENIs that there are.
    #[serde(rename = "securityGroupIDs", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(regex(pattern = r"^sg-[0-9a-f]{8,17}$")))]
    pub security_group_ids: Option<Vec<String>>,

    /// Security groups, by group name or else by tag `Name`, in the node's VPC. A name that stands for none or for
    /// several is an error, and changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)))]
    pub security_group_names: Option<Vec<String>>,

    /// Device index of the first subnet's ENI; the next subnet of the same zone gets the next one.
    /// At least 1 on network card 0; 1 unless set. Where the index is taken on a node, the ENI gets the next
    /// free one, and keeps the alternative name of this one.
    #[serde(default = "default_device_index")]
    #[schemars(range(min = 0, max = 127))]
    pub device_index: i64,

    /// Network card that the ENIs hang on; 0 unless set. Most instance types have card 0 only.
    #[serde(default)]
    #[schemars(range(min = 0, max = 31))]
    pub network_card_index: i64,

    /// Whether EC2 deletes the ENI when the instance terminates; `true` unless set. With `false` the ENI is free
    /// when its instance is gone, and the operator deletes it when nothing asks for it any more.
    #[serde(default = "default_true")]
    pub delete_on_termination: bool,

    /// Description of the ENIs in EC2, 255 characters at most. The operator's own text unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub description: Option<String>,

    /// MTU of the links in bytes: 128 to 9001, or 0 to leave the links as they are. Unset, it is the agent's
    /// `--default-mtu`, which is 0. The agent sets it, and sets it again where something else changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 0 || (self >= 128 && self <= 9001)").message("mtu must be 0 (leave it alone) or 128 to 9001, the most that a VPC carries"))]
    pub mtu: Option<i64>,

    /// Whether the devices are bound to a DPDK driver, and so are no links; `false` unless set.
    #[serde(rename = "enableDPDK", default, skip_serializing_if = "Option::is_none")]
    pub enable_dpdk: Option<bool>,

    /// Another name of `enableDPDK`. Where both are set, they have to agree.
    #[serde(rename = "dpdkEnabled", default, skip_serializing_if = "Option::is_none")]
    pub dpdk_enabled: Option<bool>,

    /// DPDK driver: `vfio-pci` unless set. `igb_uio` and `uio_pci_generic` are the others.
    #[serde(rename = "dpdkDriver", default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in ['vfio-pci', 'igb_uio', 'uio_pci_generic']").message("dpdkDriver must be vfio-pci, igb_uio or uio_pci_generic"))]
    pub dpdk_driver: Option<String>,

    /// Resource that kubelet offers the devices as, such as `intel.com/sriov_net`. Without a `/` it
    /// gets the prefix `intel.com/`. They are offered to no pod unless it is set.
    #[serde(rename = "dpdkResourceName", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317))]
    #[x_kube(
        validation = Rule::new("self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$')").message("dpdkResourceName must be NAME or PREFIX/NAME: NAME of at most 63 letters, digits, '-', '_' and '.', PREFIX a DNS name"),
        validation = Rule::new("!self.matches('^([^/]*[.])?kubernetes[.]io/')").message("dpdkResourceName must not have a prefix in kubernetes.io, which kubelet keeps for itself"),
    )]
    pub dpdk_resource_name: Option<String>,

    /// PCI address of the device, the same on every node. Found by the ENI's MAC address if unset;
    /// one that is another device's is refused on the node.
    #[serde(rename = "dpdkPCIAddress", default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[01][0-9a-fA-F][.][0-7]$')").message("dpdkPCIAddress must be DOMAIN:BUS:DEVICE.FUNCTION in hexadecimal, such as 0000:00:07.0"))]
    pub dpdk_pci_address: Option<String>,

    /// Lets a device be bound on a host without an IOMMU, where the program that uses it can write to
    /// all of the host's memory. Off unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_unsafe_no_iommu: Option<bool>,

    /// Further tags of the ENIs in EC2, 35 at most. A tag that is taken out here is taken off the ENIs; those that
    /// somebody else has put there stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 35, "additionalProperties" = {"type": "string", "nullable": true}))]
    #[x_kube(
        validation = Rule::new("self.all(key, type(self[key]) == string)").message("a tag has no value: write \"\" for an empty one"),
        validation = Rule::new("self.all(key, size(key) >= 1 && size(key) <= 128)").message("a tag's key must have 1 to 128 characters"),
        validation = Rule::new("self.all(key, type(self[key]) != string || size(self[key]) <= 256)").message("a tag's value must have at most 256 characters"),
        validation = Rule::new("self.all(key, !key.matches('^(aws:|networking[.]k8s[.]aws/|node[.]k8s[.]amazonaws[.]com/|kubernetes[.]io/cluster/)'))").message("tags must not begin with aws:, networking.k8s.aws/, node.k8s.amazonaws.com/ or kubernetes.io/cluster/, which are EC2's or the operator's"),
        validation = Rule::new("self.all(key, !(key in ['NodeENI', 'Node', 'SubnetID']))").message("the tags NodeENI, Node and SubnetID are the operator's"),
    )]
    pub tags: Option<BTreeMap<String, String>>,

    /// Whether EC2 drops traffic that is not to or from the ENI's own addresses, as it does unless
    /// told otherwise: `true` unless set. `false` for routers, firewalls and NAT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<bool>,

    /// Further private IPv4 addresses of each ENI, beside its primary one. The instance type limits them. Unset
    /// leaves alone what there is, 0 takes all of them off.
    #[serde(rename = "secondaryPrivateIPCount", default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub secondary_private_ip_count: Option<i64>,

    /// IPv4 prefixes of each ENI, each a /28 of 16 addresses. Unset leaves alone what there is, 0 takes all of
    /// them off. Not together with `secondaryPrivateIPCount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub ipv4_prefix_count: Option<i64>,

    /// IPv6 addresses of each ENI. The subnet must have an IPv6 range. Unset leaves alone what there is, 0 takes
    /// all of them off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub ipv6_address_count: Option<i64>,

    /// Kind of interface; `interface` unless set. Only that can be attached to a running instance: an EFA has to
    /// be in the launch template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 'interface'").message("interfaceType must be interface: EC2 cannot attach an EFA (efa, efa-only) to a running instance, it must be in the launch template"))]
    pub interface_type: Option<String>,

    /// Beginning of the links' alternative name, which is the same on every node: `eth` and device
    /// index 2 make `eth2`. `eth` unless set; a letter, and at most 5 more letters, digits or `_`. On network cards
    /// above 0 the name has the card in it, as `ethc1x2`.
    #[serde(default = "default_alt_name_prefix")]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9_]{0,5}$')").message("altNamePrefix must be a letter and at most 5 more letters, digits or '_', so that the whole name fits the 15 characters of a link's name"))]
    pub alt_name_prefix: String,

    /// When an ENI may be taken off a node whose agent does not say that it has let go of it. Unset, it is
    /// `WaitForRelease` with DPDK, and otherwise `AfterTimeout` of 300 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detach_policy: Option<DetachPolicy>,

    /// Leaves everything as it is: nothing is created, changed or removed while this is true. `false` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// Which of the listed subnets of a node's zone get an ENI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum SubnetPolicy {
    /// All of them.
    #[default]
    All,
    /// The one with the most free addresses.
    One,
}

/// When an ENI may be taken off a node whose agent does not say that it has let go of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.timeoutSeconds) || !has(self.type) || self.type == 'AfterTimeout'").message("timeoutSeconds goes with the type AfterTimeout only"))]
#[serde(rename_all = "camelCase")]
pub struct DetachPolicy {
    /// What to do when the agent does not answer: `WaitForRelease` waits for it, `AfterTimeout` waits for
    /// `timeoutSeconds` and then detaches, `Force` detaches at once, used or not.
    #[serde(rename = "type")]
    pub type_: DetachPolicyType,

    /// How long the agent may stay silent, in seconds: 300 unless set. For `AfterTimeout` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86400))]
    pub timeout_seconds: Option<i64>,
}

/// What to do when an agent does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DetachPolicyType {
    /// Wait for the agent, for as long as it takes.
    #[default]
    WaitForRelease,
    /// Wait for a time, then detach.
    AfterTimeout,
    /// Detach at once, used or not.
    Force,
}

/// How long an agent may stay silent unless a policy says otherwise.
///
/// Long enough for a node to reboot; a choice, not a measurement.
const DEFAULT_DETACH_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

/// The index after the primary ENI's, as in the reference system.
fn default_device_index() -> i64 {
    1
}

/// `true`, for serde.
fn default_true() -> bool {
    true
}

/// The kernel's own word, so that `eth2` in a manifest means the device index 2.
fn default_alt_name_prefix() -> String {
    "eth".to_owned()
}

impl NodeENISpec {
    /// Whether the devices are for DPDK. The two names of the field agree where both are set.
    #[must_use]
    pub fn dpdk(&self) -> bool {
        self.enable_dpdk.or(self.dpdk_enabled).unwrap_or(false)
    }

    /// Whether the spec asks for this node.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let named = self.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
        let termed = self
            .node_selector_terms
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| term.matches(labels)));
        named && termed
    }

    /// The policy in force: `WaitForRelease` for DPDK, where a detach takes the device from under a
    /// running program, and five minutes otherwise.
    #[must_use]
    pub fn detach_policy(&self) -> DetachPolicy {
        self.detach_policy.clone().unwrap_or(DetachPolicy {
            type_: if self.dpdk() {
                DetachPolicyType::WaitForRelease
            } else {
                DetachPolicyType::AfterTimeout
            },
            timeout_seconds: None,
        })
    }
}

impl DetachPolicy {
    /// How long an agent may stay silent; `None` for ever.
    #[must_use]
    pub fn patience(&self) -> Option<SignedDuration> {
        match self.type_ {
            DetachPolicyType::WaitForRelease => None,
            DetachPolicyType::AfterTimeout => {
                Some(self.timeout_seconds.map_or(DEFAULT_DETACH_TIMEOUT, SignedDuration::from_secs))
            }
            DetachPolicyType::Force => Some(SignedDuration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_name_of_the_dpdk_switch_works() {
        let spec =
            |enable_dpdk, dpdk_enabled| NodeENISpec { enable_dpdk, dpdk_enabled, ..NodeENISpec::default() };
        for (enable, enabled, dpdk) in [
            (None, None, false),
            (Some(true), None, true),
            (None, Some(true), true),
            (Some(false), None, false),
            (Some(true), Some(true), true),
        ] {
            assert_eq!(spec(enable, enabled).dpdk(), dpdk, "{enable:?} {enabled:?}");
        }
    }

    #[test]
    fn selector_and_terms_must_both_match() {
        let spec: NodeENISpec = serde_json::from_value(serde_json::json!({
            "nodeSelector": {"ng": "a"},
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}],
        }))
        .unwrap();
        let labels =
            |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert!(spec.selects(&labels(&[("ng", "a")])));
        assert!(!spec.selects(&labels(&[("ng", "b")])));
        assert!(!spec.selects(&labels(&[("ng", "a"), ("gpu", "1")])));
    }

    #[test]
    fn defaults_are_the_reference_systems() {
        let spec: NodeENISpec = serde_json::from_str("{}").unwrap();
        assert_eq!((spec.device_index, spec.delete_on_termination, spec.mtu), (1, true, None));
        assert_eq!(spec.alt_name_prefix, "eth");
    }
}
