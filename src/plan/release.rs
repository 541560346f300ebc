//! May an ENI be taken off its node now?
//!
//! A detach takes the link from under whatever uses it. So the agent is asked to let go first, and only
//! its silence runs into a time-out: a use that it reports is waited for, unless the policy is `Force`.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::api::{ConditionType, DetachPolicyType, NodeENIAttachment};

/// What is known of whoever could hold the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Whether an agent must be there.
    pub agent_required: bool,
    /// Whether the node is ready.
    pub node_ready: bool,
}

/// Whether the ENI may be detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It may.
    Granted,
    /// Not before the agent says so.
    WaitForAgent,
    /// Not before the agent says so, or this time has passed.
    WaitFor(SignedDuration),
}

/// Whether the ENI of a slot that is to go may be detached.
#[must_use]
pub fn leave(slot: &NodeENIAttachment, holder: Holder, now: Timestamp) -> Leave {
    let met_agent = slot.status.as_ref().is_some_and(|status| status.host.is_some());
    if slot.spec.detach_policy.type_ == DetachPolicyType::Force || answer(slot) == Some(true) {
        return Leave::Granted;
    }
    // No agent has touched the device, and none is meant to.
    if !met_agent && !holder.agent_required {
        return Leave::Granted;
    }
    if met_agent && holder.node_ready && answer(slot) == Some(false) {
        return Leave::WaitForAgent;
    }
    match slot.spec.detach_policy.patience() {
        None => Leave::WaitForAgent,
        Some(patience) => after(patience, slot, now),
    }
}

/// What the agent says of this spec: it has let go, it has not, or nothing yet.
fn answer(slot: &NodeENIAttachment) -> Option<bool> {
    let released = slot.condition(ConditionType::Released)?;
    (released.observed_generation == slot.metadata.generation).then_some(released.status == "True")
}

/// Leave once the patience has run out, counted from the deletion.
fn after(patience: SignedDuration, slot: &NodeENIAttachment, now: Timestamp) -> Leave {
    let since = slot.metadata.deletion_timestamp.as_ref().map_or(now, |time| time.0);
    match patience - now.duration_since(since) {
        left if left.is_positive() => Leave::WaitFor(left),
        _ => Leave::Granted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{DetachPolicy, HostStatus, NodeENIAttachmentStatus, Reason, Verdict, set_condition};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn slot(policy: DetachPolicyType, met: bool, released: Option<bool>, gone_for: i64) -> NodeENIAttachment {
        let mut slot = NodeENIAttachment::default();
        slot.metadata.generation = Some(2);
        slot.metadata.deletion_timestamp = Some(Time(NOW - SignedDuration::from_secs(gone_for)));
        slot.spec.detach_policy = DetachPolicy { type_: policy, timeout_seconds: None };
        let mut status =
            NodeENIAttachmentStatus { host: met.then(HostStatus::default), ..Default::default() };
        if let Some(holds) = released {
            let verdict = Verdict::new(ConditionType::Released, Some(holds), Reason::InProgress, "");
            set_condition(&mut status.conditions, &verdict, Some(2), NOW);
        }
        slot.status = Some(status);
        slot
    }

    #[test]
    fn leave_is_granted_by_the_agent_or_by_its_silence() {
        use DetachPolicyType::{AfterTimeout, Force, WaitForRelease};
        let left = |seconds| Leave::WaitFor(SignedDuration::from_secs(seconds));
        for (slot, required, ready, expected) in [
            (slot(AfterTimeout, true, Some(true), 0), true, true, Leave::Granted),
            (slot(AfterTimeout, true, Some(false), 9999), true, true, Leave::WaitForAgent),
            (slot(AfterTimeout, true, Some(false), 9999), true, false, Leave::Granted),
            (slot(AfterTimeout, true, None, 100), true, true, left(200)),
            (slot(AfterTimeout, true, None, 300), true, true, Leave::Granted),
            (slot(AfterTimeout, false, None, 100), true, true, left(200)),
            (slot(AfterTimeout, false, None, 0), false, true, Leave::Granted),
            (slot(AfterTimeout, true, None, 0), false, true, left(300)),
            (slot(WaitForRelease, true, None, 9999), true, false, Leave::WaitForAgent),
            (slot(WaitForRelease, true, Some(true), 0), true, true, Leave::Granted),
            (slot(Force, true, Some(false), 0), true, true, Leave::Granted),
        ] {
            let holder = Holder { agent_required: required, node_ready: ready };
            assert_eq!(leave(&slot, holder, NOW), expected, "{slot:?}");
        }
    }
}
