//! What must be true at any time, whatever has gone wrong: looked at after every call to EC2.

use ec2_sim::world::InstanceState;
use eni_operator::api::{ConditionType, DetachPolicyType, NodeENIAttachment, find_condition};
use eni_operator::model::Call;
use kube::ResourceExt;

use crate::check::names_mean_one_network;
use crate::cluster::lock as lock_store;
use crate::ec2::{Mutation, lock};
use crate::wanted::{Slot, slot_of, slot_of_tags};
use crate::world::{World, asked_spot};

/// Looks at the calls from the nth on, and at what became of EC2.
pub fn after_calls(world: &mut World, from: usize) -> Result<(), String> {
    let calls: Vec<Mutation> = lock(&world.log)[from..].to_vec();
    for call in &calls {
        is_ours(world, call)?;
        if call.done {
            takes_off_what_should_go(world, call)?;
            creates_once(world, call)?;
            attaches_where_asked(world, call)?;
        }
    }
    world.note_held();
    names_mean_one_network(world)?;
    strangers_are_untouched(world)?;
    one_of_a_slot_is_attached(world)
}

/// No call is about somebody else's ENI.
fn is_ours(world: &World, call: &Mutation) -> Result<(), String> {
    match &call.eni {
        // One of another controller's becomes ours by our tags, if it is for the taking.
        Some(eni) if call.call == Call::CreateTags && world.heirless.contains(&eni.id) => Ok(()),
        Some(eni) if slot_of(eni).is_none() || world.strangers.contains_key(&eni.id) => {
            Err(format!("{} on a stranger's ENI {eni:?}", call.call))
        }
        _ => Ok(()),
    }
}

/// ENIs that are not ours are as they were, unless EC2 itself took them with their instance.
pub fn strangers_are_untouched(world: &World) -> Result<(), String> {
    let sim = lock(&world.sim);
    for (id, before) in &world.strangers {
        let instance = before.attachment.as_ref().and_then(|at| sim.state().instances.get(&at.instance_id));
        let ended = before.attachment.is_some()
            && instance.is_none_or(|one| {
                matches!(one.state, InstanceState::ShuttingDown | InstanceState::Terminated)
            });
        let now = sim.state().enis.get(id);
        if !ended && now != Some(before) {
            return Err(format!("a stranger's ENI was changed: {before:?} is {now:?}"));
        }
    }
    Ok(())
}

/// Never two attached ENIs for one slot.
fn one_of_a_slot_is_attached(world: &World) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for eni in lock(&world.sim).state().enis.values().filter(|eni| eni.attachment.is_some()) {
        let Some(slot) = slot_of(eni) else { continue };
        if !world.tampered.contains(&slot) && !seen.insert(slot.clone()) {
            return Err(format!("two ENIs are attached for {slot:?}"));
        }
    }
    Ok(())
}

fn child(world: &World, slot: &Slot) -> Option<NodeENIAttachment> {
    let store = lock_store(&world.store);
    let same = |one: &NodeENIAttachment| {
        (&one.spec.node_eni, &one.spec.instance_id, &one.spec.subnet_id) == (&slot.0, &slot.1, &slot.2)
    };
    store.attachments().find(|one| same(one)).map(|one| one.as_ref().clone())
}

/// How many ENIs a slot has.
fn count(world: &World, slot: &Slot) -> usize {
    lock(&world.sim).state().enis.values().filter(|eni| slot_of(eni).as_ref() == Some(slot)).count()
}

/// A detach or delete is of an ENI whose slot is marked for release, of one too many, or of one without room.
fn takes_off_what_should_go(world: &World, call: &Mutation) -> Result<(), String> {
    let Some(slot) = call.eni.as_ref().and_then(slot_of) else { return Ok(()) };
    if !matches!(call.call, Call::Detach | Call::Delete) {
        return Ok(());
    }
    let left = count(world, &slot);
    let Some(child) = child(world, &slot) else {
        return Err(format!("{} for {slot:?}, which has no object", call.call));
    };
    let sole = if call.call == Call::Delete { left == 0 } else { left == 1 };
    if is_forced_elsewhere(&child, call) {
        return Ok(());
    }
    if !child.spec.release && sole && (call.call == Call::Detach || !is_crowded(world, &slot.1)) {
        return Err(format!("{} of the only ENI of {slot:?}, which is not released", call.call));
    }
    if call.call == Call::Detach && is_in_use(world, &child) {
        return Err(format!("{} of {slot:?}, which a ready node's agent says is in use", call.call));
    }
    Ok(())
}

/// Whether the ENI hangs where a user hung it, and is taken off there because the policy is `Force`.
fn is_forced_elsewhere(child: &NodeENIAttachment, call: &Mutation) -> bool {
    let at = call.eni.as_ref().and_then(|eni| eni.attachment.as_ref());
    let elsewhere = at.is_some_and(|at| at.instance_id != child.spec.instance_id);
    call.call == Call::Detach && elsewhere && child.spec.detach_policy.type_ == DetachPolicyType::Force
}

/// Whether an instance may look full to somebody who sees it late.
fn is_crowded(world: &World, instance: &str) -> bool {
    let carries = world.carries(instance);
    let store = lock_store(&world.store);
    let slots = store.attachments().filter(|one| one.spec.instance_id == instance).count();
    let sim = lock(&world.sim);
    let running = sim.state().instances.get(instance).is_some_and(|one| one.state == InstanceState::Running);
    let attached = sim.state().enis_of(instance).count();
    !running || attached + slots + JUST_LEFT > carries
}

/// ENIs that may have left an instance a moment ago.
const JUST_LEFT: usize = 2;

/// Whether an agent on a ready node says, of this very spec, that the device is in use.
fn is_in_use(world: &World, child: &NodeENIAttachment) -> bool {
    let Some(status) = &child.status else { return false };
    let ready = lock_store(&world.store).node(&child.spec.node_name).is_some_and(|node| node.facts().ready);
    let released = find_condition(&status.conditions, ConditionType::Released);
    let in_use = released
        .is_some_and(|one| one.status == "False" && one.observed_generation == child.metadata.generation);
    ready
        && in_use
        && status.host.is_some()
        && world
            .in_use_since
            .get(child.metadata.uid.as_deref().unwrap_or_default())
            .is_some_and(|since| *since + 60_000 < world.now)
        && child.spec.detach_policy.type_ != DetachPolicyType::Force
}

/// A create is for a slot that has an object, in a subnet of its instance's zone, and makes its only ENI.
fn creates_once(world: &World, call: &Mutation) -> Result<(), String> {
    let Some(slot) = call.tags.as_ref().and_then(slot_of_tags) else { return Ok(()) };
    if call.call != Call::Create {
        return Ok(());
    }
    if child(world, &slot).is_none() {
        return Err(format!("a create for {slot:?}, which has no object"));
    }
    let zone = lock(&world.sim).state().instances.get(&slot.1).map(|one| one.zone.clone());
    if zone.is_none_or(|zone| !world.region.subnets[&zone].contains(&slot.2)) {
        return Err(format!("a create for {slot:?} in another zone than its instance's"));
    }
    match count(world, &slot) {
        // None: the answer of an earlier create is given again, whose ENI went with its instance.
        0 | 1 => Ok(()),
        _ if world.tampered.contains(&slot) => Ok(()),
        many => Err(format!("a create makes {many} ENIs of {slot:?}")),
    }
}

/// How long after it was left a place may still look held, or asked for, in milliseconds: the longest lag, and a few passes.
pub const LOOKS_HELD: i64 = 90_000;

/// An attach is at the place that is asked for, unless somebody holds it or may seem to.
fn attaches_where_asked(world: &mut World, call: &Mutation) -> Result<(), String> {
    let Some(slot) = call.eni.as_ref().and_then(slot_of).filter(|_| call.call == Call::Attach) else {
        return Ok(());
    };
    let id = call.eni.as_ref().map(|eni| eni.id.clone()).unwrap_or_default();
    let at = lock(&world.sim).state().enis.get(&id).and_then(|eni| eni.attachment.clone());
    let (Some(at), Some(child)) = (at, child(world, &slot)) else { return Ok(()) };
    if at.instance_id != slot.1 {
        return Err(format!("{id} of {slot:?} is attached to {}", at.instance_id));
    }
    let asked = asked_spot(&child);
    if asked == (at.instance_id.clone(), at.network_card_index, at.device_index) {
        world.displaced.remove(&slot);
        return Ok(());
    }
    let late = |last: &i64| *last + LOOKS_HELD > world.now;
    let looks_held = world.held.get(&asked).is_some_and(late);
    let is_another = |(name, last): (&String, &i64)| *name != child.name_any() && late(last);
    let looks_wanted = world.asked.get(&asked).is_some_and(|slots| slots.iter().any(is_another));
    // The spec may have changed since the pass looked at it: that another ENI is needed is said next.
    let observed = child.status.as_ref().and_then(|status| status.observed_generation);
    if looks_held || looks_wanted {
        world.displaced.insert(slot);
    } else if observed == child.metadata.generation {
        return Err(format!("{slot:?} is attached at {} though {asked:?} is free", at.device_index));
    }
    Ok(())
}
