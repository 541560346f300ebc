//! The record of an ENI in `status.cloud`: made from what EC2 tells, and kept up with what it answers.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::asks::Change;
use crate::api::{CloudState, CloudStatus};
use crate::model::{
    AddressKind, Attachment, AttachmentId, AttachmentState, Eni, EniId, Epoch, Ownership, Position,
    marked_tags, tag_key,
};

/// An ENI's state in the record's words; `None` for one that EC2 is not through with in a way that we
/// have no word for.
#[must_use]
pub fn state(eni: &Eni) -> Option<CloudState> {
    match eni.attachment.as_ref().map(|attachment| attachment.state) {
        Some(AttachmentState::Attaching) => Some(CloudState::Attaching),
        Some(AttachmentState::Attached) => Some(CloudState::Attached),
        Some(AttachmentState::Detaching) => Some(CloudState::Detaching),
        Some(AttachmentState::Unsettled) => None,
        None => eni.available.then_some(CloudState::Available),
    }
}

/// A record before its ENI exists: what is written before EC2 is asked.
#[must_use]
pub fn intended(epoch: Epoch, now: Timestamp) -> CloudStatus {
    CloudStatus {
        epoch: epoch.0,
        last_create: Time(now),
        last_change: Time(now),
        eni_id: None,
        state: None,
        mac: None,
        private_ip: None,
        secondary_private_ips: vec![],
        ipv4_prefixes: vec![],
        ipv6_addresses: vec![],
        addresses_unsure: false,
        tags: BTreeMap::new(),
        security_group_ids: vec![],
        description: String::new(),
        source_dest_check: None,
        other_instance_id: None,
        attachment_id: None,
        network_card_index: None,
        device_index: None,
        asked_network_card_index: None,
        asked_device_index: None,
        delete_on_termination: None,
    }
}

/// The record of an ENI as EC2 tells of it, with the times of the record that it replaces.
#[must_use]
pub fn of(eni: &Eni, before: &CloudStatus) -> CloudStatus {
    let attachment = eni.attachment.as_ref();
    let epoch = Ownership::read(&eni.tags).map_or(before.epoch, |ownership| ownership.epoch.0);
    let known = before.eni_id.as_deref() == Some(eni.id.as_str());
    let same = known || before.eni_id.is_none();
    let before = CloudStatus {
        addresses_unsure: false,
        tags: tags(eni, before.tags.keys().filter(|_| same)),
        ..with_asked(before.clone(), asked_of(eni, asked(before).filter(|_| same), known))
    };
    let elsewhere = attachment.filter(|_| is_elsewhere(eni));
    CloudStatus {
        epoch,
        eni_id: Some(eni.id.to_string()),
        state: state(eni),
        mac: Some(eni.mac.clone()),
        private_ip: eni.private_ip.map(|ip| ip.to_string()),
        secondary_private_ips: eni.secondary_private_ips.clone(),
        ipv4_prefixes: eni.ipv4_prefixes.clone(),
        ipv6_addresses: eni.ipv6_addresses.clone(),
        security_group_ids: eni.groups.iter().map(ToString::to_string).collect(),
        description: eni.description.clone(),
        source_dest_check: Some(eni.source_dest_check),
        other_instance_id: elsewhere.map(|attachment| attachment.instance.to_string()),
        attachment_id: attachment.map(|attachment| attachment.id.to_string()),
        network_card_index: attachment.map(|attachment| attachment.at.card.into()),
        device_index: attachment.map(|attachment| attachment.at.device.into()),
        delete_on_termination: attachment.map(|attachment| attachment.delete_on_termination),
        ..before
    }
}

/// The position that was asked for, for this ENI.
///
/// Its record was written before the attach that its tag may not tell of yet. Of one that has no record the tag
/// tells: what was to be asked for when a create was renewed is not what the first one asked for.
fn asked_of(eni: &Eni, recorded: Option<Position>, known: bool) -> Option<Position> {
    let told = || eni.tags.get(tag_key::ASKED).and_then(|value| Position::from_tag(value));
    if known { recorded.or_else(told) } else { told().or(recorded) }
}

/// Whether an ENI hangs on another instance than that of its slot.
#[must_use]
pub fn is_elsewhere(eni: &Eni) -> bool {
    let home = Ownership::read(&eni.tags).map(|ownership| ownership.slot.instance);
    eni.attachment.as_ref().is_some_and(|attachment| home.is_some_and(|home| home != attachment.instance))
}

/// The tags of an ENI that are ours to change: those that it marks so, and those that we know to have set.
fn tags<'a>(eni: &Eni, known: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
    let mut tags = marked_tags(&eni.tags);
    tags.extend(known.filter_map(|key| Some((key.clone(), eni.tags.get(key)?.clone()))));
    tags
}

/// The record with the position that the spec asks for at an attach.
#[must_use]
pub fn with_asked(before: CloudStatus, asked: Option<Position>) -> CloudStatus {
    CloudStatus {
        asked_network_card_index: asked.map(|at| at.card.into()),
        asked_device_index: asked.map(|at| at.device.into()),
        ..before
    }
}

/// The position that the spec asked for when the ENI was attached.
#[must_use]
pub fn asked(cloud: &CloudStatus) -> Option<Position> {
    at(cloud.asked_network_card_index, cloud.asked_device_index)
}

/// The addresses of a kind that the record has.
#[must_use]
pub fn addresses(cloud: &CloudStatus, kind: AddressKind) -> &[String] {
    match kind {
        AddressKind::SecondaryIpv4 => &cloud.secondary_private_ips,
        AddressKind::Ipv4Prefix => &cloud.ipv4_prefixes,
        AddressKind::Ipv6 => &cloud.ipv6_addresses,
    }
}

/// Likewise, to change them.
fn addresses_mut(cloud: &mut CloudStatus, kind: AddressKind) -> &mut Vec<String> {
    match kind {
        AddressKind::SecondaryIpv4 => &mut cloud.secondary_private_ips,
        AddressKind::Ipv4Prefix => &mut cloud.ipv4_prefixes,
        AddressKind::Ipv6 => &mut cloud.ipv6_addresses,
    }
}

/// The record after EC2 has answered with addresses that it has given.
#[must_use]
pub fn assigned(before: &CloudStatus, kind: AddressKind, given: &[String], now: Timestamp) -> CloudStatus {
    let mut after = CloudStatus { last_change: Time(now), ..before.clone() };
    addresses_mut(&mut after, kind).extend_from_slice(given);
    after
}

/// The record while it is not known which addresses there are.
#[must_use]
pub fn unsure(before: &CloudStatus, now: Timestamp) -> CloudStatus {
    CloudStatus { addresses_unsure: true, last_change: Time(now), ..before.clone() }
}

/// The record after EC2 has answered a create.
///
/// The answer says `pending`: what can be done with the ENI is to attach it.
#[must_use]
pub fn created(before: &CloudStatus, eni: &Eni, now: Timestamp) -> CloudStatus {
    CloudStatus { state: Some(CloudState::Available), last_change: Time(now), ..of(eni, before) }
}

/// The record after EC2 has answered an attach.
#[must_use]
pub fn attaching(before: &CloudStatus, id: &AttachmentId, at: Position, now: Timestamp) -> CloudStatus {
    CloudStatus {
        state: Some(CloudState::Attaching),
        other_instance_id: None,
        attachment_id: Some(id.to_string()),
        network_card_index: Some(at.card.into()),
        device_index: Some(at.device.into()),
        // EC2's default for an attach to an instance that exists.
        delete_on_termination: Some(false),
        last_change: Time(now),
        ..before.clone()
    }
}

/// The record after EC2 has answered a change of an attribute.
#[must_use]
pub fn changed(before: &CloudStatus, change: &Change, now: Timestamp) -> CloudStatus {
    let mut after = CloudStatus { last_change: Time(now), ..before.clone() };
    match change {
        Change::DeleteOnTermination(on) => after.delete_on_termination = Some(*on),
        Change::SourceDestCheck(on) => after.source_dest_check = Some(*on),
        Change::Groups(ids) => after.security_group_ids.clone_from(ids),
        Change::Description(text) => after.description.clone_from(text),
        Change::Tag(tags) => after.tags.extend(tags.clone()),
        Change::Untag(keys) => after.tags.retain(|key, _| !keys.contains(key)),
        // Which ones EC2 gave, its answer says.
        Change::Assign(..) => {}
        Change::Unassign(kind, addresses) => {
            addresses_mut(&mut after, *kind).retain(|one| !addresses.contains(one));
        }
    }
    after
}

/// The record after a change of an attribute was not answered: what the attribute is now is not known.
#[must_use]
pub fn unanswered(before: &CloudStatus, change: &Change, now: Timestamp) -> CloudStatus {
    let mut after = CloudStatus { last_change: Time(now), ..before.clone() };
    match change {
        Change::DeleteOnTermination(_) => after.delete_on_termination = None,
        Change::SourceDestCheck(_) => after.source_dest_check = None,
        Change::Groups(_) => after.security_group_ids.clear(),
        Change::Description(_) => after.description.clear(),
        // What is not known to be done is done again: that changes nothing the second time.
        Change::Tag(_) | Change::Untag(_) => {}
        Change::Assign(..) | Change::Unassign(..) => after.addresses_unsure = true,
    }
    after
}

/// The record after EC2 has answered a detach.
#[must_use]
pub fn detaching(before: &CloudStatus, now: Timestamp) -> CloudStatus {
    CloudStatus { state: Some(CloudState::Detaching), last_change: Time(now), ..before.clone() }
}

/// The record after the ENI is gone.
#[must_use]
pub fn deleted(before: &CloudStatus, now: Timestamp) -> CloudStatus {
    CloudStatus {
        state: Some(CloudState::Deleted),
        other_instance_id: None,
        attachment_id: None,
        network_card_index: None,
        device_index: None,
        delete_on_termination: None,
        last_change: Time(now),
        ..before.clone()
    }
}

/// The record of an ENI that EC2 does not list any more.
#[must_use]
pub fn lost(before: &CloudStatus) -> CloudStatus {
    deleted(before, before.last_change.0)
}

/// The recorded ENI.
#[must_use]
pub fn eni(cloud: &CloudStatus) -> Option<EniId> {
    cloud.eni_id.as_ref()?.parse().ok()
}

/// The recorded attachment.
#[must_use]
pub fn attachment(cloud: &CloudStatus) -> Option<AttachmentId> {
    cloud.attachment_id.as_ref()?.parse().ok()
}

/// The position that the recorded ENI holds on the slot's instance.
#[must_use]
pub fn position(cloud: &CloudStatus) -> Option<Position> {
    let holds = match cloud.state? {
        CloudState::Attaching | CloudState::Attached | CloudState::Detaching => true,
        CloudState::Available | CloudState::Deleted => false,
    };
    let holds = holds && cloud.other_instance_id.is_none();
    at(cloud.network_card_index, cloud.device_index).filter(|_| holds)
}

/// A position, from the numbers that a record keeps.
fn at(card: Option<i64>, device: Option<i64>) -> Option<Position> {
    Some(Position { card: u32::try_from(card?).ok()?, device: u32::try_from(device?).ok()? })
}

/// Whether an attachment of EC2's is the recorded one.
#[must_use]
pub fn same_attachment(cloud: &CloudStatus, attachment: &Attachment) -> bool {
    cloud.attachment_id.as_deref() == Some(attachment.id.as_str())
}
