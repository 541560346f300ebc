//! The agent's part of a slot's status, made in one place: an apply removes what it leaves out.

use k8s_openapi::jiff::Timestamp;

use super::{Phase, Say};
use crate::api::{
    ConditionType, HostStatus, NodeENIAttachment, NodeENIAttachmentStatus, Reason, set_condition,
};
use crate::plan::events::Event;

/// The conditions that an agent owns.
const OURS: [ConditionType; 5] = [
    ConditionType::LinkReady,
    ConditionType::DriverBound,
    ConditionType::Advertised,
    ConditionType::Released,
    ConditionType::NodeDisturbed,
];

/// The agent's part, as it is.
#[must_use]
pub fn owned(object: &NodeENIAttachment) -> NodeENIAttachmentStatus {
    let Some(status) = &object.status else { return NodeENIAttachmentStatus::default() };
    let is_ours = |name: &str| OURS.iter().any(|type_| type_.name() == name);
    NodeENIAttachmentStatus {
        observed_generation: None,
        cloud: None,
        host: status.host.clone(),
        conditions: status.conditions.iter().filter(|one| is_ours(&one.type_)).cloned().collect(),
    }
}

/// The agent's part, as it should be.
#[must_use]
pub fn build(object: &NodeENIAttachment, say: &Say, now: Timestamp) -> NodeENIAttachmentStatus {
    let generation = object.metadata.generation;
    let alt_name = &object.spec.alt_name;
    let host = HostStatus {
        observed_generation: generation,
        phase: Some(phase(say.phase).to_owned()),
        link_name: say.link_name.clone(),
        alt_name: say.names.contains(alt_name).then(|| alt_name.clone()),
        pci_address: say.pci.as_ref().map(ToString::to_string),
        mtu: say.mtu.map(i64::from),
        driver: say.driver.clone(),
        iommu: say.iommu.clone(),
        resource_name: say.resource.clone(),
    };
    let mut status = NodeENIAttachmentStatus { host: Some(host), ..owned(object) };
    for verdict in &say.verdicts {
        set_condition(&mut status.conditions, verdict, generation, now);
    }
    status
}

/// Whether the agent has said of this very spec that it has let go of the device.
#[must_use]
pub fn is_released(object: &NodeENIAttachment) -> bool {
    let released = object.condition(ConditionType::Released);
    object.spec.release
        && released.is_some_and(|said| {
            said.status == "True" && said.observed_generation == object.metadata.generation
        })
}

/// The events of a slot whose status changes from the object's to another.
///
/// That a link is not ready is the controller's to tell, with all else that keeps an ENI from being so.
#[must_use]
pub fn events(object: &NodeENIAttachment, after: &NodeENIAttachmentStatus) -> Vec<Event> {
    let find = |conditions: &[_]| {
        crate::api::find_condition(conditions, ConditionType::NodeDisturbed)
            .filter(|one| one.status == "True")
            .cloned()
    };
    let before = object.status.as_ref().and_then(|status| find(&status.conditions));
    let now = find(&after.conditions).filter(|now| before.is_none_or(|before| before.reason != now.reason));
    let event = now.map(|now| Event {
        warning: true,
        reason: if now.reason == Reason::ResolversChanged.name() {
            "ResolversChanged"
        } else {
            "DefaultRouteTaken"
        },
        message: format!("node {}: {}", object.spec.node_name, now.message),
    });
    event.into_iter().collect()
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Failed => "Failed",
        Phase::Ready => "Ready",
        Phase::Bound => "Bound",
        Phase::InPod => "InPod",
        Phase::InUse => "InUse",
        Phase::Released => "Released",
    }
}
