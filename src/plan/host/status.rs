//! The agent's part of a slot's status, made in one place: an apply removes what it leaves out.

use k8s_openapi::jiff::Timestamp;

use super::{Phase, Say, iommu};
use crate::api::{
    ConditionType, HostStatus, NodeENIAttachment, NodeENIAttachmentStatus, Reason, find_condition,
    set_condition,
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
    let told = |(type_, status): (ConditionType, &str)| {
        let find =
            |conditions: &[_]| find_condition(conditions, type_).filter(|one| one.status == status).cloned();
        let now = find(&after.conditions)?;
        let reason = Reason::named(&now.reason)?;
        let event = event(type_, reason)?;
        let before = object.status.as_ref().and_then(|before| find(&before.conditions));
        // Another hash is news.
        let same = |was: &str| reason != Reason::PluginConfigured || was == now.message;
        let known = before.is_some_and(|was| was.reason == now.reason && same(&was.message));
        let warning = reason != Reason::PluginConfigured;
        let message = format!("node {}: {}", object.spec.node_name, now.message);
        (!known).then_some(Event { warning, reason: event, message })
    };
    let news = [
        (ConditionType::NodeDisturbed, "True"),
        (ConditionType::Released, "False"),
        (ConditionType::DriverBound, "False"),
        (ConditionType::Advertised, "False"),
    ];
    news.into_iter().filter_map(told).chain(unsafe_use(object, after)).collect()
}

/// The event that tells of a condition with a reason, if one does.
fn event(type_: ConditionType, reason: Reason) -> Option<&'static str> {
    match (type_, reason) {
        (ConditionType::NodeDisturbed, Reason::ResolversChanged) => Some("ResolversChanged"),
        (ConditionType::NodeDisturbed, _) => Some("DefaultRouteTaken"),
        (ConditionType::Advertised, Reason::PluginConfigured) => Some("PluginConfigured"),
        (ConditionType::Advertised, _) => None,
        (_, Reason::UnbindBlocked) => Some("UnbindBlocked"),
        (_, Reason::RollbackFailed) => Some("RollbackFailed"),
        (_, Reason::BindFailed) => Some("BindFailed"),
        _ => None,
    }
}

/// That a device is used without an IOMMU is told each time that this begins.
fn unsafe_use(object: &NodeENIAttachment, after: &NodeENIAttachmentStatus) -> Option<Event> {
    let without =
        |host: Option<&HostStatus>| host.is_some_and(|host| host.iommu.as_deref() == Some(iommu::NO_IOMMU));
    let before = object.status.as_ref().and_then(|status| status.host.as_ref());
    (without(after.host.as_ref()) && !without(before)).then(|| Event {
        warning: true,
        reason: "UnsafeNoIommu",
        message: format!(
            "node {}: the device is bound without an IOMMU: the program that uses it can write to all memory of the \
             node",
            object.spec.node_name
        ),
    })
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
