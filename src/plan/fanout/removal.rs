//! Which slots are to go.

use super::wanted::{Listed, Slots};
use super::{World, child};
use crate::api::NodeENIAttachment;
use crate::model::InstanceState;
use crate::plan::Settings;
use crate::plan::instance::{Sighting, slot_of};
use crate::plan::node::NodeFacts;
use k8s_openapi::jiff::SignedDuration;

/// All slots, marked for release: those of a `NodeENI` that is being deleted, or is gone.
#[must_use]
pub fn all(children: &[NodeENIAttachment]) -> Vec<NodeENIAttachment> {
    children.iter().filter_map(child::released).collect()
}

/// Whether a slot has to go, for a reason that was seen.
pub(super) fn is_due(
    world: &World,
    listed: &Listed,
    wanted: &Slots,
    child: &NodeENIAttachment,
    settings: &Settings,
) -> bool {
    let Some(slot) = slot_of(child) else { return false };
    // Once marked, a slot goes all the way; a new one may follow it.
    if child.spec.release {
        return true;
    }
    if wanted.slots.contains_key(&slot) {
        return false;
    }
    let is_its_node = |node: &&NodeFacts| node.instance().as_ref() == Ok(&slot.instance);
    match world.nodes.iter().find(is_its_node) {
        Some(node) if !world.node_eni.spec.selects(&node.labels) => true,
        // Whatever the spec lists. EC2 forgets a terminated instance after an hour, and may not know one yet that
        // has just begun.
        Some(node)
            if is_terminated(world, child)
                || (is_gone(world, child) && silent_for(node, settings.listing_lag, world)) =>
        {
            true
        }
        // What does not resolve today may have been this slot's subnet yesterday.
        Some(_) => leaves_the_list(world, listed, wanted, child),
        None => is_gone(world, child),
    }
}

/// Whether an ENI that has no slot has to go, for the same reasons.
pub(super) fn is_orphan_due(
    world: &World,
    listed: &Listed,
    wanted: &Slots,
    orphan: &NodeENIAttachment,
    settings: &Settings,
) -> bool {
    let mut unmarked = orphan.clone();
    unmarked.spec.release = false;
    is_due(world, listed, wanted, &unmarked, settings)
}

/// Whether nothing has been heard of a node for longer than EC2's reads may lag.
fn silent_for(node: &NodeFacts, lag: SignedDuration, world: &World) -> bool {
    let since = node.ready_since.filter(|_| !node.ready);
    since.is_some_and(|since| world.now.duration_since(since) > lag)
}

/// Whether the spec lists the slot's subnet no more, as far as everything is known that says so.
///
/// A security group that does not resolve keeps new ENIs from being made. It is no reason to keep one in
/// a subnet that is listed no more, nor to remove one in a subnet that is.
fn leaves_the_list(world: &World, listed: &Listed, wanted: &Slots, child: &NodeENIAttachment) -> bool {
    let all_resolves = listed.problems.is_empty();
    let unlisted = || !listed.subnets.iter().any(|subnet| subnet.id.as_str() == child.spec.subnet_id);
    let said = all_resolves || (listed.subnets_resolve && unlisted());
    said && is_known(world, child) && !unserved(wanted, child)
}

/// Whether EC2 told enough of the slot's instance in this pass to say what its node should have.
fn is_known(world: &World, child: &NodeENIAttachment) -> bool {
    match sighting(world, child) {
        Some(Sighting::Seen(instance)) => {
            instance.vpc.is_some() || instance.state == InstanceState::Terminated
        }
        Some(Sighting::NotAsked | Sighting::Absent) | None => false,
    }
}

/// Whether the slot's instance is gone.
fn is_gone(world: &World, child: &NodeENIAttachment) -> bool {
    is_terminated(world, child) || matches!(sighting(world, child), Some(Sighting::Absent))
}

/// Whether EC2 says that the slot's instance ends or has ended.
fn is_terminated(world: &World, child: &NodeENIAttachment) -> bool {
    let state = match sighting(world, child) {
        Some(Sighting::Seen(instance)) => instance.state,
        Some(Sighting::NotAsked | Sighting::Absent) | None => return false,
    };
    state == InstanceState::Terminated
}

/// Whether the slot's node gets nothing for a reason that is not the spec's.
fn unserved(wanted: &Slots, child: &NodeENIAttachment) -> bool {
    use crate::api::Reason;
    wanted.unserved.iter().any(|one| one.node == child.spec.node_name && one.reason != Reason::NoSubnetInZone)
}

/// What EC2 told of the slot's instance.
fn sighting<'a>(world: &'a World, child: &NodeENIAttachment) -> Option<&'a Sighting> {
    world.instances.get(&child.spec.instance_id.parse().ok()?)
}
