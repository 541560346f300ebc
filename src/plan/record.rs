//! The record of an ENI in `status.cloud`: made from what EC2 tells, and kept up with what it answers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::asks::Change;
use crate::api::{CloudState, CloudStatus};
use crate::model::{Attachment, AttachmentId, AttachmentState, Eni, EniId, Epoch, Ownership, Position};

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
        security_group_ids: vec![],
        description: String::new(),
        source_dest_check: None,
        other_instance_id: None,
        attachment_id: None,
        network_card_index: None,
        device_index: None,
        delete_on_termination: None,
    }
}

/// The record of an ENI as EC2 tells of it, with the times of the record that it replaces.
#[must_use]
pub fn of(eni: &Eni, before: &CloudStatus) -> CloudStatus {
    let attachment = eni.attachment.as_ref();
    let epoch = Ownership::read(&eni.tags).map_or(before.epoch, |ownership| ownership.epoch.0);
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
        ..before.clone()
    }
}

/// Whether an ENI hangs on another instance than that of its slot.
#[must_use]
pub fn is_elsewhere(eni: &Eni) -> bool {
    let home = Ownership::read(&eni.tags).map(|ownership| ownership.slot.instance);
    eni.attachment.as_ref().is_some_and(|attachment| home.is_some_and(|home| home != attachment.instance))
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
    let card = u32::try_from(cloud.network_card_index?).ok()?;
    let device = u32::try_from(cloud.device_index?).ok()?;
    (holds && cloud.other_instance_id.is_none()).then_some(Position { card, device })
}

/// Whether an attachment of EC2's is the recorded one.
#[must_use]
pub fn same_attachment(cloud: &CloudStatus, attachment: &Attachment) -> bool {
    cloud.attachment_id.as_deref() == Some(attachment.id.as_str())
}
