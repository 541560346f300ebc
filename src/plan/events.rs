//! Which events to write: what changed between two states of a slot, told once.
//!
//! Reasons are the reference system's, so that its users' alerts go on working.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{
    CloudState, CloudStatus, ConditionType, NodeENIAttachment, NodeENIAttachmentStatus, Reason,
    find_condition, holds,
};

/// Something to tell a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whether it is a warning.
    pub warning: bool,
    /// For programs.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// Reasons that say that nothing is wrong, or what is told once for all slots of a `NodeENI`.
const UNREMARKABLE: [Reason; 13] = [
    Reason::InProgress,
    Reason::Settling,
    Reason::Throttled,
    Reason::NoAnswer,
    Reason::Paused,
    Reason::Removing,
    Reason::Detaching,
    Reason::Deleted,
    Reason::WaitingForRelease,
    Reason::NodeGoing,
    Reason::InstanceGone,
    Reason::Unauthorized,
    Reason::Unauthenticated,
];

/// The events of a slot whose status changes from the object's to another.
#[must_use]
pub fn of_slot(object: &NodeENIAttachment, after: &NodeENIAttachmentStatus) -> Vec<Event> {
    let (node, leaving) = (object.spec.node_name.as_str(), object.spec.release);
    let before = object.status.as_ref();
    let old = before.map_or(&[][..], |status| &status.conditions);
    let mut events = vec![];
    let now_attached = became_true(old, &after.conditions, ConditionType::Attached);
    if let Some(cloud) = after.cloud.as_ref().filter(|_| now_attached && !leaving) {
        let at = find_condition(&after.conditions, ConditionType::Attached).map_or("", |one| &one.message);
        let message = format!("attached {} to node {node} {at}", id(cloud));
        let elsewhere = says(&after.conditions, ConditionType::Attached, Reason::OtherDeviceIndex);
        let warning = elsewhere && !asks_for_default_index(object);
        events.push(Event { warning, reason: "ENIAttached", message });
    }
    if let Some(cloud) = detached(before, after) {
        events.push(Event {
            warning: false,
            reason: "ENIDetached",
            message: format!("detached {} from node {node}", id(cloud)),
        });
    }
    events.extend(trouble(node, old, &after.conditions, leaving));
    events
}

/// Whether the `NodeENI` leaves the device index at its default of 1, or says the same.
///
/// The VPC CNI takes index 1 for its own second ENI on any node with a few pods, so that it is taken is
/// ordinary.
fn asks_for_default_index(object: &NodeENIAttachment) -> bool {
    let spec = &object.spec;
    spec.network_card_index == 0 && spec.device_index - spec.offset == 1
}

/// The event of an ENI that was deleted.
#[must_use]
pub fn deleted(node: &str, cloud: &CloudStatus, already: bool) -> Event {
    let reason = if already { "ENIAlreadyDeleted" } else { "ENIDeleted" };
    Event { warning: false, reason, message: format!("deleted {} of node {node}", id(cloud)) }
}

/// The warning about a slot that something has got in the way of, once per reason.
fn trouble(node: &str, old: &[Condition], new: &[Condition], leaving: bool) -> Option<Event> {
    let ready = find_condition(new, ConditionType::Ready)?;
    let was = find_condition(old, ConditionType::Ready);
    let known = UNREMARKABLE.iter().any(|reason| reason.name() == ready.reason);
    if ready.status != "False" || known || was.is_some_and(|was| was.reason == ready.reason) {
        return None;
    }
    let created = holds(new, ConditionType::Created);
    let attached = holds(new, ConditionType::Attached);
    let reason = match (leaving, created, attached) {
        (true, _, true) => "ENIDetachmentFailed",
        (true, _, false) => "ENIDeletionFailed",
        (false, false, _) => "ENICreationFailed",
        (false, true, false) => "ENIAttachmentFailed",
        (false, true, true) => "ENINotReady",
    };
    Some(Event {
        warning: true,
        reason,
        message: format!("node {node}: {}: {}", ready.reason, ready.message),
    })
}

/// The record of an ENI that has come off its instance.
fn detached<'a>(
    before: Option<&NodeENIAttachmentStatus>,
    after: &'a NodeENIAttachmentStatus,
) -> Option<&'a CloudStatus> {
    let was = before?.cloud.as_ref()?.state;
    let now = after.cloud.as_ref()?;
    let left = was != Some(CloudState::Detaching) && now.state == Some(CloudState::Detaching);
    left.then_some(now)
}

/// Whether a condition has become true.
fn became_true(old: &[Condition], new: &[Condition], type_: ConditionType) -> bool {
    holds(new, type_) && !holds(old, type_)
}

/// Whether a condition has this reason.
fn says(conditions: &[Condition], type_: ConditionType, reason: Reason) -> bool {
    find_condition(conditions, type_).is_some_and(|one| one.reason == reason.name())
}

/// The ENI's id, for people.
fn id(cloud: &CloudStatus) -> &str {
    cloud.eni_id.as_deref().unwrap_or("the ENI")
}
