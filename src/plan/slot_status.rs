//! The controller's part of a slot's status, made in one place.
//!
//! A server-side apply removes every field of its manager that it leaves out. So each write carries all of
//! the controller's part, and this is the one function that makes it.

use k8s_openapi::jiff::Timestamp;

use crate::api::{
    CloudStatus, ConditionType, NodeENIAttachment, NodeENIAttachmentStatus, Verdict, set_condition,
};

/// The conditions that the controller owns.
const OURS: [ConditionType; 5] = [
    ConditionType::Attached,
    ConditionType::Created,
    ConditionType::Drifted,
    ConditionType::Ready,
    ConditionType::ReplacementNeeded,
];

/// The controller's part, as it is.
#[must_use]
pub fn owned(object: &NodeENIAttachment) -> NodeENIAttachmentStatus {
    let Some(status) = &object.status else { return NodeENIAttachmentStatus::default() };
    let is_ours = |name: &str| OURS.iter().any(|type_| type_.name() == name);
    NodeENIAttachmentStatus {
        observed_generation: status.observed_generation,
        cloud: status.cloud.clone(),
        host: None,
        conditions: status.conditions.iter().filter(|one| is_ours(&one.type_)).cloned().collect(),
    }
}

/// The controller's part, as it should be.
#[must_use]
pub fn build(
    object: &NodeENIAttachment,
    cloud: Option<CloudStatus>,
    verdicts: &[Verdict],
    now: Timestamp,
) -> NodeENIAttachmentStatus {
    let generation = object.metadata.generation;
    let mut status = NodeENIAttachmentStatus { cloud, observed_generation: generation, ..owned(object) };
    for verdict in verdicts {
        set_condition(&mut status.conditions, verdict, generation, now);
    }
    status
}
