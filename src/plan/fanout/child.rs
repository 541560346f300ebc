//! The object of a slot: what the controller makes of the `NodeENI` for it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{Wanted, World};
use crate::api::{
    ATTACHMENT_FINALIZER, CloudStatus, DpdkSpec, NODE_ENI_LABEL, NodeENI, NodeENIAttachment,
    NodeENIAttachmentSpec, NodeENISpec,
};
use crate::model::{AddressKind, Eni, Ownership, Slot, tag_key};
use crate::plan::{addresses, record};

/// Longest description that EC2 takes, in characters.
const MAX_DESCRIPTION: usize = 255;

/// Longest value of a label that Kubernetes takes.
const MAX_LABEL: usize = 63;

/// The object of a slot that has none, or whose old one is about to go.
pub(super) fn new(world: &World, wanted: &Wanted, old: Option<&NodeENIAttachment>) -> NodeENIAttachment {
    object(&world.node_eni, &wanted.slot, spec(&world.node_eni, wanted, old))
}

/// The object of a slot whose spec has to change; `None` if it has not.
///
/// A slot that was marked for release stays marked: its ENI is on its way out.
pub(super) fn updated(world: &World, wanted: &Wanted, old: &NodeENIAttachment) -> Option<NodeENIAttachment> {
    if old.is_leaving() {
        return None;
    }
    let spec = spec(&world.node_eni, wanted, Some(old));
    (spec != old.spec).then(|| NodeENIAttachment { spec, ..old.clone() })
}

/// The object of a slot that has to stand still; `None` if it does already.
pub(super) fn paused(old: &NodeENIAttachment) -> Option<NodeENIAttachment> {
    let spec = NodeENIAttachmentSpec { paused: true, ..old.spec.clone() };
    (spec != old.spec).then(|| NodeENIAttachment { spec, ..old.clone() })
}

/// The object of a slot that has to go; `None` if it is on its way already.
pub(super) fn released(old: &NodeENIAttachment) -> Option<NodeENIAttachment> {
    if old.spec.release && !old.spec.paused && old.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let spec = NodeENIAttachmentSpec { release: true, paused: false, ..old.spec.clone() };
    Some(NodeENIAttachment { spec, ..old.clone() })
}

/// The object for an ENI that has lost its own and whose `NodeENI` is gone, so that it goes the ordinary way.
///
/// It is nobody's: an object with an owner that does not exist is collected as garbage.
#[must_use]
pub fn leftover_of(eni: &Eni) -> Option<NodeENIAttachment> {
    let name = Ownership::read(&eni.tags)?.slot.node_eni;
    let gone =
        NodeENI { metadata: ObjectMeta { name: Some(name), ..ObjectMeta::default() }, ..NodeENI::default() };
    let mut object = leftover(eni, &gone)?;
    object.metadata.owner_references = None;
    Some(object)
}

/// The object for an ENI that has lost its own, so that it goes the ordinary way.
#[must_use]
pub fn leftover(eni: &Eni, node_eni: &NodeENI) -> Option<NodeENIAttachment> {
    let ownership = Ownership::read(&eni.tags)?;
    let spec = NodeENIAttachmentSpec {
        node_eni: ownership.slot.node_eni.clone(),
        node_name: eni.tags.get(tag_key::REFERENCE_NODE).cloned().unwrap_or_default(),
        instance_id: ownership.slot.instance.to_string(),
        zone: eni.zone.clone(),
        subnet_id: eni.subnet.to_string(),
        offset: ownership.offset.into(),
        security_group_ids: eni.groups.iter().map(ToString::to_string).collect(),
        description: eni.description.clone(),
        delete_on_termination: true,
        detach_policy: node_eni.spec.detach_policy(),
        release: true,
        ..NodeENIAttachmentSpec::default()
    };
    Some(object(node_eni, &ownership.slot, spec))
}

/// An object that is owned by its `NodeENI` and held by our finalizer from its birth.
fn object(node_eni: &NodeENI, slot: &Slot, spec: NodeENIAttachmentSpec) -> NodeENIAttachment {
    let name = node_eni.metadata.name.clone().unwrap_or_default();
    let owner = OwnerReference {
        api_version: "networking.k8s.aws/v1alpha1".to_owned(),
        kind: "NodeENI".to_owned(),
        uid: node_eni.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
        name: name.clone(),
    };
    let label = if name.len() <= MAX_LABEL { name } else { slot.network_digest() };
    let metadata = ObjectMeta {
        name: Some(slot.object_name()),
        labels: Some([(NODE_ENI_LABEL.to_owned(), label)].into()),
        owner_references: Some(vec![owner]),
        finalizers: Some(vec![ATTACHMENT_FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    NodeENIAttachment { metadata, spec, status: None }
}

/// The spec of a slot's object, which may have one already.
///
/// What the user does not set any more is not left as he had it: it is brought to what EC2 gives a new ENI, and
/// from then on it is nobody's business.
fn spec(node_eni: &NodeENI, wanted: &Wanted, old: Option<&NodeENIAttachment>) -> NodeENIAttachmentSpec {
    let from = &node_eni.spec;
    let count = |kind, set: Option<i64>| set.or_else(|| old.and_then(|old| no_addresses(old, kind)));
    let device_index = from.device_index.saturating_add(wanted.offset);
    NodeENIAttachmentSpec {
        node_eni: wanted.slot.node_eni.clone(),
        node_name: wanted.node.clone(),
        instance_id: wanted.slot.instance.to_string(),
        zone: wanted.subnet.zone.clone(),
        subnet_id: wanted.slot.subnet.to_string(),
        subnet_cidr: Some(wanted.subnet.cidr.clone()).filter(|cidr| !cidr.is_empty()),
        offset: wanted.offset,
        security_group_ids: wanted.groups.iter().map(ToString::to_string).collect(),
        network_card_index: from.network_card_index,
        device_index,
        delete_on_termination: from.delete_on_termination,
        source_dest_check: from.source_dest_check.or_else(|| old.and_then(default_check)),
        description: description(from, wanted),
        tags: from.tags.clone().unwrap_or_default(),
        secondary_private_ip_count: count(AddressKind::SecondaryIpv4, from.secondary_private_ip_count),
        ipv4_prefix_count: count(AddressKind::Ipv4Prefix, from.ipv4_prefix_count),
        ipv6_address_count: count(AddressKind::Ipv6, from.ipv6_address_count),
        mtu: from.mtu.filter(|mtu| *mtu != 0),
        alt_name: alt_name(from, device_index),
        unique_alt_name: format!("{}-{}", from.alt_name_prefix, wanted.slot.network_digest()),
        dpdk: dpdk(from),
        detach_policy: from.detach_policy(),
        paused: false,
        release: false,
    }
}

/// No addresses, where a slot was given some and has them still.
fn no_addresses(old: &NodeENIAttachment, kind: AddressKind) -> Option<i64> {
    addresses::wanted(&old.spec, kind)?;
    let may_have = |cloud: &CloudStatus| cloud.addresses_unsure || !record::addresses(cloud, kind).is_empty();
    old.recorded().is_none_or(may_have).then_some(0)
}

/// EC2's default of the source/dest check, where a slot had it off and has not got it back.
fn default_check(old: &NodeENIAttachment) -> Option<bool> {
    old.spec.source_dest_check?;
    old.recorded().is_none_or(|cloud| cloud.source_dest_check != Some(true)).then_some(true)
}

/// The description in EC2: the user's, or one that says whose the ENI is.
fn description(from: &NodeENISpec, wanted: &Wanted) -> String {
    let own = || format!("NodeENI {} on node {}", wanted.slot.node_eni, wanted.node);
    from.description.clone().unwrap_or_else(own).chars().take(MAX_DESCRIPTION).collect()
}

/// The link's name on every node: `eth2`, and `ethc1x2` on network card 1.
fn alt_name(from: &NodeENISpec, device_index: i64) -> String {
    match from.network_card_index {
        0 => format!("{}{device_index}", from.alt_name_prefix),
        card => format!("{}c{card}x{device_index}", from.alt_name_prefix),
    }
}

/// What becomes of the device, if it is more than a link.
///
/// The reference has two meanings: DPDK, and a device with the kernel's driver that kubelet offers, which
/// is asked for by a resource name or a PCI address alone.
fn dpdk(from: &NodeENISpec) -> Option<DpdkSpec> {
    let asked = from.dpdk() || from.dpdk_resource_name.is_some() || from.dpdk_pci_address.is_some();
    asked.then(|| DpdkSpec {
        enabled: from.dpdk(),
        driver: from.dpdk_driver.clone().unwrap_or_else(|| "vfio-pci".to_owned()),
        resource_name: from.dpdk_resource_name.as_deref().map(with_prefix),
        pci_address: from.dpdk_pci_address.as_ref().map(|address| address.to_lowercase()),
        allow_unsafe_no_iommu: from.allow_unsafe_no_iommu.unwrap_or(false),
    })
}

/// A resource name as kubelet takes it: with a prefix.
fn with_prefix(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("intel.com/{name}") }
}
