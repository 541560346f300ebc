//! From the simulator's words to the operator's.

use std::collections::BTreeMap;

use ec2_sim::api::{
    InstanceItem, InstanceTypeInfo, NetworkInterface, Request, SecurityGroupItem, SubnetItem, Tag,
};
use ec2_sim::world::{Eni as SimEni, World};
use eni_operator::model::{
    Attachment, AttachmentState, Card, Eni, HeldPosition, Instance, InstanceState, InstanceType, Position,
    SecurityGroup, Subnet,
};

fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone().unwrap_or_default())).collect()
}

fn number(value: usize) -> Option<u32> {
    u32::try_from(value).ok()
}

/// The ENI that a request is about, and the tags that it sets.
#[expect(clippy::wildcard_enum_match_arm, reason = "of EC2's many actions the operator uses ten")]
pub fn subject(request: &Request, world: &World) -> (Option<SimEni>, Option<BTreeMap<String, String>>) {
    let by_id = |id: &str| (world.enis.get(id).cloned(), None);
    match request {
        Request::CreateNetworkInterface(create) => {
            (None, create.tag_specifications.first().map(|one| tags(&one.tags)))
        }
        Request::AttachNetworkInterface(attach) => by_id(&attach.network_interface_id),
        Request::ModifyNetworkInterfaceAttribute(modify) => by_id(&modify.network_interface_id),
        Request::CreateTags(tag) => tag.resources.first().map_or((None, None), |id| by_id(id)),
        Request::DeleteTags(untag) => untag.resources.first().map_or((None, None), |id| by_id(id)),
        Request::AssignPrivateIpAddresses(assign) => by_id(&assign.network_interface_id),
        Request::UnassignPrivateIpAddresses(unassign) => by_id(&unassign.network_interface_id),
        Request::AssignIpv6Addresses(assign) => by_id(&assign.network_interface_id),
        Request::UnassignIpv6Addresses(unassign) => by_id(&unassign.network_interface_id),
        Request::DeleteNetworkInterface(delete) => by_id(&delete.network_interface_id),
        Request::DetachNetworkInterface(detach) => (world.attached(&detach.attachment_id).cloned(), None),
        // The operator sends nothing else that changes anything.
        _ => (None, None),
    }
}

/// An ENI.
pub fn eni(eni: &NetworkInterface) -> Option<Eni> {
    let attachment = match &eni.attachment {
        None => None,
        Some(found) => Some(Attachment {
            id: found.attachment_id.parse().ok()?,
            instance: found.instance_id.parse().ok()?,
            at: Position { card: found.network_card_index, device: found.device_index },
            state: match found.status.as_str() {
                "attaching" => AttachmentState::Attaching,
                "attached" => AttachmentState::Attached,
                "detaching" => AttachmentState::Detaching,
                _ => AttachmentState::Unsettled,
            },
            delete_on_termination: found.delete_on_termination,
        }),
    };
    let mut groups: Vec<&String> = eni.groups.iter().map(|group| &group.group_id).collect();
    groups.sort();
    Some(Eni {
        id: eni.network_interface_id.parse().ok()?,
        subnet: eni.subnet_id.parse().ok()?,
        vpc: eni.vpc_id.parse().ok()?,
        zone: eni.availability_zone.clone(),
        mac: eni.mac_address.clone(),
        private_ip: eni.private_ip_address.as_ref().and_then(|address| address.parse().ok()),
        secondary_private_ips: eni
            .private_ip_addresses
            .iter()
            .filter(|address| !address.primary)
            .map(|address| address.private_ip_address.clone())
            .collect(),
        ipv4_prefixes: eni.ipv4_prefixes.iter().map(|prefix| prefix.ipv4_prefix.clone()).collect(),
        ipv6_addresses: eni.ipv6_addresses.iter().map(|address| address.ipv6_address.clone()).collect(),
        groups: groups.into_iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
        description: eni.description.clone(),
        source_dest_check: eni.source_dest_check,
        tags: tags(&eni.tags),
        available: eni.status == "available",
        attachment,
    })
}

/// An instance.
pub fn instance(item: &InstanceItem) -> Option<Instance> {
    let held = item.network_interfaces.iter().map(|eni| {
        let at = Position { card: eni.attachment.network_card_index, device: eni.attachment.device_index };
        Some(HeldPosition { at, eni: eni.network_interface_id.parse().ok()? })
    });
    Some(Instance {
        id: item.instance_id.parse().ok()?,
        state: match item.instance_state.name.as_str() {
            "running" => InstanceState::Running,
            "stopping" | "stopped" => InstanceState::Stopped,
            "shutting-down" | "terminated" => InstanceState::Terminated,
            _ => InstanceState::Pending,
        },
        instance_type: item.instance_type.clone(),
        zone: item.placement.availability_zone.clone(),
        vpc: item.vpc_id.as_ref().and_then(|id| id.parse().ok()),
        subnet: item.subnet_id.as_ref().and_then(|id| id.parse().ok()),
        metadata_hop_limit: Some(item.metadata_options.http_put_response_hop_limit),
        held: held.collect::<Option<_>>()?,
    })
}

/// What an instance type can carry.
pub fn instance_type(info: &InstanceTypeInfo) -> Option<InstanceType> {
    let network = &info.network_info;
    let card = |card: &ec2_sim::api::NetworkCardInfo| {
        Some(Card { index: card.network_card_index, max_enis: number(card.maximum_network_interfaces)? })
    };
    Some(InstanceType {
        name: info.instance_type.clone(),
        cards: network.network_cards.iter().map(card).collect::<Option<_>>()?,
        ipv4_addresses_per_eni: number(network.ipv4_addresses_per_interface)?,
        ipv6_addresses_per_eni: number(network.ipv6_addresses_per_interface)?,
        shared_attachments: Some(info.ebs_info.maximum_ebs_attachments)
            .filter(|_| info.ebs_info.attachment_limit_type == "shared")
            .and_then(|most| u32::try_from(most).ok()),
    })
}

/// A subnet.
pub fn subnet(item: &SubnetItem) -> Option<Subnet> {
    Some(Subnet {
        id: item.subnet_id.parse().ok()?,
        name: tags(&item.tags).remove("Name"),
        vpc: item.vpc_id.parse().ok()?,
        zone: item.availability_zone.clone(),
        cidr: item.cidr_block.clone(),
        free_addresses: u32::try_from(item.available_ip_address_count).ok()?,
    })
}

/// A security group.
pub fn security_group(item: &SecurityGroupItem) -> Option<SecurityGroup> {
    Some(SecurityGroup {
        id: item.group_id.parse().ok()?,
        group_name: item.group_name.clone(),
        name: tags(&item.tags).remove("Name"),
        vpc: item.vpc_id.parse().ok()?,
    })
}
