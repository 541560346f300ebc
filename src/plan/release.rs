//! May an ENI be taken off its node now?
//!
//! A detach takes the link from under whatever uses it. So the agent is asked to let go first, and only
//! its silence runs into a time-out: a use that it reports is waited for, unless the policy is `Force`.
//!
//! | the node is      | the agent's word on this spec | `AfterTimeout`                                   | `WaitForRelease`   |
//! |------------------|-------------------------------|--------------------------------------------------|--------------------|
//! | any              | it has let go                 | now                                              | now                |
//! | ready            | it has not                    | when it says so                                  | when it says so    |
//! | ready            | none                          | the time after the deletion, or after the node became ready | when it says so |
//! | not ready        | it has not, or none           | the time after the deletion, or after the node became so | when it says so |
//! | not there        | it has not                    | when it says so                                  | when it says so    |
//! | not there        | none                          | the time after the deletion                      | when it says so    |
//!
//! Of a node that is not there nobody can tell for how long, and its instance may run on with all its pods:
//! a use that was reported stands. Each of these waits ends when EC2 says that nothing runs on the instance
//! any more: a stopped one lets go at once, and of one that is terminated EC2 takes the ENI off by itself.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::node::{GOING_PATIENCE, NodeFacts};
use crate::api::{ConditionType, DetachPolicyType, NodeENIAttachment};
use crate::model::InstanceState;

/// What is known of whoever could hold the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// Whether an agent must be there.
    pub agent_required: bool,
    /// The node, if there is one.
    pub node: Option<&'a NodeFacts>,
    /// What the instance is doing, if that is known.
    pub instance: Option<InstanceState>,
}

/// Whether the ENI may be detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It may.
    Granted,
    /// It need not be: EC2 takes it off with its instance.
    WithInstance,
    /// Not while its node is about to go, which it does within this time or not at all.
    WithNode(SignedDuration),
    /// Not before the agent says so.
    WaitForAgent,
    /// Not before the agent says so, or this time has passed.
    WaitFor(SignedDuration),
}

/// Whether the ENI of a slot that is to go may be detached.
#[must_use]
pub fn leave(slot: &NodeENIAttachment, holder: Holder<'_>, now: Timestamp) -> Leave {
    match holder.instance {
        Some(InstanceState::Terminated) => return Leave::WithInstance,
        // Nothing runs there that could use it. One that is stopping is called so too, and then kubelet may
        // be there still.
        Some(InstanceState::Stopped) if !holder.node.is_some_and(|node| node.ready) => {
            return Leave::Granted;
        }
        Some(InstanceState::Stopped | InstanceState::Running | InstanceState::Pending) | None => {}
    }
    if slot.spec.detach_policy.type_ == DetachPolicyType::Force {
        return Leave::Granted;
    }
    if let Some(left) = holder.node.and_then(|node| going(node, deleted_at(slot, now), now)) {
        return Leave::WithNode(left);
    }
    let met_agent = slot.status.as_ref().is_some_and(|status| status.host.is_some());
    // Or: no agent has touched the device, and none is meant to.
    if answer(slot) == Some(true) || (!met_agent && !holder.agent_required) {
        return Leave::Granted;
    }
    let in_use = met_agent && answer(slot) == Some(false);
    match (slot.spec.detach_policy.patience(), holder.node) {
        (None, _) => Leave::WaitForAgent,
        (Some(_), None) if in_use => Leave::WaitForAgent,
        (Some(_), Some(node)) if in_use && node.ready => Leave::WaitForAgent,
        (Some(patience), node) => {
            let silent_since = node.and_then(|node| node.ready_since);
            after(patience, deleted_at(slot, now).max(silent_since.unwrap_or(Timestamp::MIN)), now)
        }
    }
}

/// Whether an ENI that somebody moved to another instance may be detached there.
///
/// No agent of ours answers for it, and it may be in use: only the policy's time-out, or its `Force`.
#[must_use]
pub fn leave_elsewhere(slot: &NodeENIAttachment, now: Timestamp) -> Leave {
    let policy = &slot.spec.detach_policy;
    if policy.type_ == DetachPolicyType::Force {
        return Leave::Granted;
    }
    let patience = policy.patience().filter(|_| slot.spec.release);
    patience.map_or(Leave::WaitForAgent, |patience| after(patience, deleted_at(slot, now), now))
}

/// For how much longer a node counts as about to go; `None` for one that does not.
///
/// Counted from when the mark was set, or, where it does not tell, from when something was asked for.
#[must_use]
pub fn going(node: &NodeFacts, asked_for: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let mark = node.going.as_ref()?;
    let left = GOING_PATIENCE - now.duration_since(mark.since.unwrap_or(asked_for));
    left.is_positive().then_some(left)
}

/// What the agent says of this spec: it has let go, it has not, or nothing yet.
fn answer(slot: &NodeENIAttachment) -> Option<bool> {
    let released = slot.condition(ConditionType::Released)?;
    (released.observed_generation == slot.metadata.generation).then_some(released.status == "True")
}

/// When the slot's object was deleted: now, if it was not.
fn deleted_at(slot: &NodeENIAttachment, now: Timestamp) -> Timestamp {
    slot.metadata.deletion_timestamp.as_ref().map_or(now, |time| time.0)
}

/// Leave once the patience has run out.
fn after(patience: SignedDuration, since: Timestamp, now: Timestamp) -> Leave {
    match patience - now.duration_since(since) {
        left if left.is_positive() => Leave::WaitFor(left),
        _ => Leave::Granted,
    }
}
