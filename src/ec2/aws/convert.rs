//! From the SDK's words to ours. Pure.
//!
//! The SDK makes every field optional. What we cannot do without makes the answer unusable, and the
//! error names it; what EC2 may leave out has a meaning of its own.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use aws_sdk_ec2::types::{
    self as sdk, AttachmentLimitType, AttachmentStatus, InstanceStateName, NetworkInterfaceStatus,
};

use crate::model::{
    Attachment, AttachmentId, AttachmentState, Card, Eni, HeldPosition, Instance, InstanceState,
    InstanceType, Position, SecurityGroup, Subnet,
};

/// An answer without something that we need, or with something that we cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{owner}: {field} {fault}")]
pub(super) struct Unusable {
    owner: String,
    field: &'static str,
    fault: String,
}

impl Unusable {
    /// Something is not there.
    pub(super) fn missing(owner: &str, field: &'static str) -> Self {
        Self { owner: owner.to_owned(), field, fault: "is missing".to_owned() }
    }

    /// Something is there and not what it should be.
    fn unreadable(owner: &str, field: &'static str, why: impl Display) -> Self {
        Self { owner: owner.to_owned(), field, fault: format!("is unreadable: {why}") }
    }
}

type Usable<T> = Result<T, Unusable>;

/// The id of a new attachment.
pub(super) fn attachment_id(id: Option<String>, eni: &str) -> Usable<AttachmentId> {
    parsed(id, eni, "attachmentId")
}

/// An ENI.
///
/// One that hangs on something that is no instance is in a state between states to us: nothing of it
/// is ours to change.
pub(super) fn eni(eni: sdk::NetworkInterface) -> Usable<Eni> {
    let name = eni.network_interface_id.clone().unwrap_or_else(|| "an ENI".to_owned());
    let attachment =
        eni.attachment.filter(|attachment| attachment.status != Some(AttachmentStatus::Detached));
    let elsewhere = attachment.as_ref().is_some_and(|attachment| attachment.instance_id.is_none());
    let addresses = eni.private_ip_addresses.unwrap_or_default();
    let mut groups = eni.groups.unwrap_or_default();
    groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
    Ok(Eni {
        id: parsed(eni.network_interface_id, &name, "networkInterfaceId")?,
        subnet: parsed(eni.subnet_id, &name, "subnetId")?,
        vpc: parsed(eni.vpc_id, &name, "vpcId")?,
        zone: there(eni.availability_zone, &name, "availabilityZone")?,
        mac: there(eni.mac_address, &name, "macAddress")?.to_ascii_lowercase(),
        private_ip: perhaps(eni.private_ip_address, &name, "privateIpAddress")?,
        secondary_private_ips: addresses
            .into_iter()
            .filter(|address| address.primary != Some(true))
            .filter_map(|address| address.private_ip_address)
            .collect(),
        ipv4_prefixes: all(eni.ipv4_prefixes, |prefix| prefix.ipv4_prefix),
        ipv6_addresses: all(eni.ipv6_addresses, |address| address.ipv6_address),
        groups: groups
            .into_iter()
            .map(|group| parsed(group.group_id, &name, "groupId"))
            .collect::<Usable<_>>()?,
        description: eni.description.unwrap_or_default(),
        source_dest_check: eni.source_dest_check.unwrap_or(true),
        tags: tags(eni.tag_set),
        available: eni.status == Some(NetworkInterfaceStatus::Available) && !elsewhere,
        attachment: attachment
            .filter(|_| !elsewhere)
            .map(|found| self::attachment(found, &name))
            .transpose()?,
    })
}

fn attachment(attachment: sdk::NetworkInterfaceAttachment, eni: &str) -> Usable<Attachment> {
    Ok(Attachment {
        id: attachment_id(attachment.attachment_id, eni)?,
        instance: parsed(attachment.instance_id, eni, "instanceId")?,
        at: position(attachment.network_card_index, attachment.device_index, eni)?,
        state: attachment_state(attachment.status.as_ref()),
        delete_on_termination: attachment.delete_on_termination.unwrap_or(false),
    })
}

/// EC2's word for how far it is. A word that it invents tomorrow is one to wait for.
fn attachment_state(status: Option<&AttachmentStatus>) -> AttachmentState {
    match status {
        Some(AttachmentStatus::Attaching) => AttachmentState::Attaching,
        Some(AttachmentStatus::Attached) => AttachmentState::Attached,
        Some(AttachmentStatus::Detaching) => AttachmentState::Detaching,
        _ => AttachmentState::Unsettled,
    }
}

/// An instance that has one card says nothing of it.
fn position(card: Option<i32>, device: Option<i32>, owner: &str) -> Usable<Position> {
    Ok(Position {
        card: number(card.or(Some(0)), owner, "networkCardIndex")?,
        device: number(device, owner, "deviceIndex")?,
    })
}

/// An instance.
pub(super) fn instance(instance: sdk::Instance) -> Usable<Instance> {
    let name = instance.instance_id.clone().unwrap_or_else(|| "an instance".to_owned());
    let state = instance.state.and_then(|state| state.name);
    let enis = instance.network_interfaces.unwrap_or_default();
    Ok(Instance {
        id: parsed(instance.instance_id, &name, "instanceId")?,
        state: instance_state(&state.ok_or_else(|| Unusable::missing(&name, "instanceState"))?),
        instance_type: there(instance.instance_type.map(|kind| kind.to_string()), &name, "instanceType")?,
        zone: there(instance.placement.and_then(|at| at.availability_zone), &name, "availabilityZone")?,
        vpc: perhaps(instance.vpc_id, &name, "vpcId")?,
        subnet: perhaps(instance.subnet_id, &name, "subnetId")?,
        metadata_hop_limit: instance
            .metadata_options
            .and_then(|options| options.http_put_response_hop_limit)
            .and_then(|hops| u32::try_from(hops).ok()),
        held: enis.into_iter().filter_map(|eni| held(eni, &name).transpose()).collect::<Usable<_>>()?,
    })
}

/// EC2's word for what an instance does. A word that it invents tomorrow is one to wait for.
fn instance_state(name: &InstanceStateName) -> InstanceState {
    match name {
        InstanceStateName::Running => InstanceState::Running,
        InstanceStateName::Stopping | InstanceStateName::Stopped => InstanceState::Stopped,
        InstanceStateName::ShuttingDown | InstanceStateName::Terminated => InstanceState::Terminated,
        InstanceStateName::Pending | _ => InstanceState::Pending,
    }
}

/// The position that an ENI holds, unless it holds none any more.
fn held(eni: sdk::InstanceNetworkInterface, instance: &str) -> Usable<Option<HeldPosition>> {
    let attachment = eni.attachment.ok_or_else(|| Unusable::missing(instance, "attachment"))?;
    if attachment.status == Some(AttachmentStatus::Detached) {
        return Ok(None);
    }
    Ok(Some(HeldPosition {
        at: position(attachment.network_card_index, attachment.device_index, instance)?,
        eni: parsed(eni.network_interface_id, instance, "networkInterfaceId")?,
    }))
}

/// What an instance type can carry.
pub(super) fn instance_type(kind: sdk::InstanceTypeInfo) -> Usable<InstanceType> {
    let name = there(kind.instance_type.map(|name| name.to_string()), "an instance type", "instanceType")?;
    let network = kind.network_info.ok_or_else(|| Unusable::missing(&name, "networkInfo"))?;
    Ok(InstanceType {
        ipv4_addresses_per_eni: number(
            network.ipv4_addresses_per_interface,
            &name,
            "ipv4AddressesPerInterface",
        )?,
        ipv6_addresses_per_eni: number(
            network.ipv6_addresses_per_interface,
            &name,
            "ipv6AddressesPerInterface",
        )?,
        cards: cards(network.network_cards, network.maximum_network_interfaces, &name)?,
        shared_attachments: kind
            .ebs_info
            .filter(|ebs| ebs.attachment_limit_type == Some(AttachmentLimitType::Shared))
            .and_then(|ebs| ebs.maximum_ebs_attachments)
            .and_then(|most| u32::try_from(most).ok()),
        name,
    })
}

/// The cards of a type; a type of which EC2 lists none has one.
fn cards(listed: Option<Vec<sdk::NetworkCardInfo>>, max: Option<i32>, kind: &str) -> Usable<Vec<Card>> {
    let listed = listed.unwrap_or_default();
    if listed.is_empty() {
        return Ok(vec![Card { index: 0, max_enis: number(max, kind, "maximumNetworkInterfaces")? }]);
    }
    let card = |card: sdk::NetworkCardInfo| {
        Ok(Card {
            index: number(card.network_card_index, kind, "networkCardIndex")?,
            max_enis: number(card.maximum_network_interfaces, kind, "maximumNetworkInterfaces")?,
        })
    };
    let mut cards = listed.into_iter().map(card).collect::<Usable<Vec<_>>>()?;
    cards.sort_by_key(|card| card.index);
    Ok(cards)
}

/// A subnet. One that has IPv6 only has no range that we know, and no free address.
pub(super) fn subnet(subnet: sdk::Subnet) -> Usable<Subnet> {
    let name = subnet.subnet_id.clone().unwrap_or_else(|| "a subnet".to_owned());
    Ok(Subnet {
        id: parsed(subnet.subnet_id, &name, "subnetId")?,
        name: tags(subnet.tags).remove("Name"),
        vpc: parsed(subnet.vpc_id, &name, "vpcId")?,
        zone: there(subnet.availability_zone, &name, "availabilityZone")?,
        cidr: subnet.cidr_block.unwrap_or_default(),
        free_addresses: u32::try_from(subnet.available_ip_address_count.unwrap_or(0)).unwrap_or(0),
    })
}

/// A security group.
pub(super) fn security_group(group: sdk::SecurityGroup) -> Usable<SecurityGroup> {
    let name = group.group_id.clone().unwrap_or_else(|| "a security group".to_owned());
    Ok(SecurityGroup {
        id: parsed(group.group_id, &name, "groupId")?,
        group_name: there(group.group_name, &name, "groupName")?,
        name: tags(group.tags).remove("Name"),
        vpc: parsed(group.vpc_id, &name, "vpcId")?,
    })
}

fn tags(tags: Option<Vec<sdk::Tag>>) -> BTreeMap<String, String> {
    let pair = |tag: sdk::Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    tags.unwrap_or_default().into_iter().filter_map(pair).collect()
}

fn all<S>(listed: Option<Vec<S>>, text: fn(S) -> Option<String>) -> Vec<String> {
    listed.unwrap_or_default().into_iter().filter_map(text).collect()
}

/// The text; an empty element is as good as none.
fn there(text: Option<String>, owner: &str, field: &'static str) -> Usable<String> {
    text.filter(|text| !text.is_empty()).ok_or_else(|| Unusable::missing(owner, field))
}

fn parsed<T>(text: Option<String>, owner: &str, field: &'static str) -> Usable<T>
where
    T: FromStr,
    T::Err: Display,
{
    there(text, owner, field)?.parse().map_err(|why| Unusable::unreadable(owner, field, why))
}

fn perhaps<T>(text: Option<String>, owner: &str, field: &'static str) -> Usable<Option<T>>
where
    T: FromStr,
    T::Err: Display,
{
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|why| Unusable::unreadable(owner, field, why))).transpose()
}

fn number(number: Option<i32>, owner: &str, field: &'static str) -> Usable<u32> {
    let number = number.ok_or_else(|| Unusable::missing(owner, field))?;
    u32::try_from(number).map_err(|why| Unusable::unreadable(owner, field, why))
}

#[cfg(test)]
mod tests;
