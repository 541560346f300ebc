//! What must be true when a world is at rest.

use std::collections::{BTreeMap, BTreeSet};

use ec2_sim::world::{Attachment, AttachmentStatus, Eni, InstanceState};
use eni_operator::api::{
    CloudState, ConditionType, HAS_ENI_LABEL, NodeENI, NodeENIAttachment, NodeENISpec, find_condition,
};
use eni_operator::cluster::node::SlimNode;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::invariants::strangers_are_untouched;
use crate::region::Machine;
use crate::switches;
use crate::users;
use crate::wanted::{self, Slot, Wanted, slot_of, wanted};
use crate::world::{Agents, World};

/// Ours, by slot.
fn ours(world: &World) -> BTreeMap<Slot, Vec<Eni>> {
    let mut found: BTreeMap<Slot, Vec<Eni>> = BTreeMap::new();
    for eni in lock(&world.sim).state().enis.values() {
        if let Some(slot) = slot_of(eni) {
            found.entry(slot).or_default().push(eni.clone());
        }
    }
    found
}

/// Every wanted slot has its ENI, and there is nothing else.
pub fn everything_is_there(world: &World) -> Result<(), String> {
    let (wanted, ours) = (wanted(world), ours(world));
    strangers_are_untouched(world)?;
    for (slot, enis) in &ours {
        if enis.len() > 1 {
            return Err(format!("{} ENIs for one slot {slot:?}", enis.len()));
        }
        if !wanted.slots.contains_key(slot) && !wanted.exempt.contains(slot) && !is_forgotten(world, slot) {
            return Err(format!("an ENI for a slot that should not be: {slot:?} {}", enis[0].id));
        }
    }
    for machine in &world.region.machines {
        instance_is_served(world, &machine.instance, &wanted, &ours)?;
    }
    children_are_as_wanted(world, &wanted, &ours)?;
    names_mean_one_network(world)?;
    labels_are_right(world, &wanted, &ours)?;
    summaries_are_right(world, &wanted, &ours)
}

/// Whether an ENI is one that only a sweep finds: of an instance that is gone, without an object.
fn is_forgotten(world: &World, slot: &Slot) -> bool {
    let runs = world.state_of(&slot.1) == Some(InstanceState::Running);
    !switches::ORPHANS && !runs && child(world, slot).is_none()
}

/// The wanted ENIs of an instance are on it, or it is full.
fn instance_is_served(
    world: &World,
    instance: &str,
    wanted: &Wanted,
    ours: &BTreeMap<Slot, Vec<Eni>>,
) -> Result<(), String> {
    let here: Vec<&Slot> = wanted.slots.keys().filter(|slot| slot.1 == instance).collect();
    let missing: Vec<&&Slot> =
        here.iter().filter(|slot| !wanted.exempt.contains(**slot) && !ours.contains_key(**slot)).collect();
    let carries = world.carries(instance);
    let on_it = lock(&world.sim).state().enis_of(instance).count();
    if !missing.is_empty() && on_it < carries {
        return Err(format!("no ENI for {missing:?} though {instance} has {on_it} of {carries}"));
    }
    for slot in missing {
        says_full(world, slot)?;
    }
    for slot in here.iter().filter(|slot| !wanted.exempt.contains(**slot)) {
        if let Some(enis) = ours.get(*slot) {
            is_right(world, &wanted.slots[*slot], slot, &enis[0])?;
        }
    }
    Ok(())
}

/// A slot without room says so.
fn says_full(world: &World, slot: &Slot) -> Result<(), String> {
    let child = child(world, slot).ok_or_else(|| format!("no object for {slot:?}"))?;
    let conditions = child.status.as_ref().map_or(&[][..], |status| &status.conditions);
    match find_condition(conditions, ConditionType::Ready) {
        Some(ready) if ready.reason == "InstanceFull" => Ok(()),
        other => Err(format!("{slot:?} has no room and says {other:?}")),
    }
}

/// An ENI is as its `NodeENI` wants it.
fn is_right(world: &World, object: &NodeENI, slot: &Slot, eni: &Eni) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what} of {} for {slot:?}: {eni:?}", eni.id));
    let Some(at) = &eni.attachment else { return wrong("no attachment") };
    if at.instance_id != slot.1 || at.status != AttachmentStatus::Attached {
        return wrong("wrong attachment");
    }
    if eni.subnet_id != slot.2 {
        return wrong("wrong subnet");
    }
    let spec = &object.spec;
    if at.delete_on_termination != spec.delete_on_termination {
        return wrong("wrong delete-on-termination");
    }
    if eni.groups.iter().cloned().collect::<BTreeSet<_>>() != wanted::groups(world, spec) {
        return wrong("wrong security groups");
    }
    if spec.source_dest_check.is_some_and(|check| check != eni.source_dest_check) {
        return wrong("wrong source/dest check");
    }
    if spec.description.as_ref().is_some_and(|text| *text != eni.description)
        || (spec.description.is_none() && eni.description.starts_with(users::TEXT))
    {
        return wrong("wrong description");
    }
    if !place_is_right(world, spec, slot, at) {
        return wrong("wrong position");
    }
    tags_and_addresses_are_right(spec, eni).or_else(|what| wrong(&what))
}

/// It hangs where it was asked to, unless somebody was there when it was attached, or it says that another ENI is
/// needed for that.
fn place_is_right(world: &World, spec: &NodeENISpec, slot: &Slot, at: &Attachment) -> bool {
    let Some(child) = child(world, slot) else { return false };
    let needs_another =
        child.condition(ConditionType::ReplacementNeeded).is_some_and(|one| one.status == "True");
    let asked = (spec.network_card_index, spec.device_index + child.spec.offset);
    asked == (i64::from(at.network_card_index), i64::from(at.device_index))
        || world.displaced.contains(slot)
        || needs_another
}

/// The user's tags and no others, ours, and as many addresses as asked for.
fn tags_and_addresses_are_right(spec: &NodeENISpec, eni: &Eni) -> Result<(), String> {
    if eni.tags.get("node.k8s.amazonaws.com/no_manage").map(String::as_str) != Some("true") {
        return Err("no no_manage tag".to_owned());
    }
    let asked = spec.tags.clone().unwrap_or_default();
    let stale = |key: &&str| !asked.contains_key(*key) && eni.tags.contains_key(*key);
    if asked.iter().any(|(key, value)| eni.tags.get(key) != Some(value)) || users::TAGS.iter().any(stale) {
        return Err("wrong tags".to_owned());
    }
    let asked = [spec.secondary_private_ip_count, spec.ipv4_prefix_count, spec.ipv6_address_count];
    let has = [eni.secondary.len(), eni.ipv4_prefixes.len(), eni.ipv6.len()];
    // What is not asked for is not looked after.
    let is = |(asked, has): (Option<i64>, usize)| asked.is_none_or(|count| usize::try_from(count) == Ok(has));
    if asked.into_iter().zip(has).all(is) { Ok(()) } else { Err("wrong numbers of addresses".to_owned()) }
}

/// One place in a zone is one subnet on all nodes, and so is one alternative name.
pub fn names_mean_one_network(world: &World) -> Result<(), String> {
    let mut places: BTreeMap<(String, String, i64), String> = BTreeMap::new();
    for child in lock_store(&world.store).attachments() {
        let spec = &child.spec;
        let place = (spec.node_eni.clone(), spec.zone.clone(), spec.offset);
        let subnet = places.entry(place).or_insert_with(|| spec.subnet_id.clone());
        if *subnet != spec.subnet_id {
            let name = &spec.alt_name;
            return Err(format!(
                "{name} of {} means {subnet} and {} in {}",
                spec.node_eni, spec.subnet_id, spec.zone
            ));
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

/// There is one object for each slot, and it tells the truth.
fn children_are_as_wanted(
    world: &World,
    wanted: &Wanted,
    ours: &BTreeMap<Slot, Vec<Eni>>,
) -> Result<(), String> {
    for slot in wanted.slots.keys().filter(|slot| !wanted.exempt.contains(*slot)) {
        let child = child(world, slot).ok_or_else(|| format!("no object for {slot:?}"))?;
        if child.spec.release || child.metadata.deletion_timestamp.is_some() {
            return Err(format!("the object of a wanted slot is on its way out: {slot:?}"));
        }
        if let Some(enis) = ours.get(slot) {
            tells_the_truth(world, &child, &enis[0])?;
        }
    }
    for child in lock_store(&world.store).attachments() {
        let spec = &child.spec;
        let slot = (spec.node_eni.clone(), spec.instance_id.clone(), spec.subnet_id.clone());
        if !wanted.slots.contains_key(&slot) && !wanted.exempt.contains(&slot) {
            return Err(format!("an object for a slot that should not be: {slot:?} {:?}", child.status));
        }
    }
    Ok(())
}

/// A status says of an ENI what EC2 says.
fn tells_the_truth(world: &World, child: &NodeENIAttachment, eni: &Eni) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("the status is wrong about {what}: {:?}\n{eni:?}", child.status));
    let Some(cloud) = child.status.as_ref().and_then(|status| status.cloud.as_ref()) else {
        return wrong("everything");
    };
    let Some(at) = &eni.attachment else { return wrong("the attachment") };
    if cloud.eni_id.as_ref() != Some(&eni.id) || cloud.mac.as_ref() != Some(&eni.mac) {
        return wrong("the ENI");
    }
    if cloud.state != Some(CloudState::Attached) || cloud.attachment_id.as_ref() != Some(&at.id) {
        return wrong("the attachment");
    }
    let place = (Some(i64::from(at.network_card_index)), Some(i64::from(at.device_index)));
    if (cloud.network_card_index, cloud.device_index) != place {
        return wrong("the position");
    }
    if cloud.delete_on_termination != Some(at.delete_on_termination) {
        return wrong("delete-on-termination");
    }
    if cloud.addresses_unsure || cloud.secondary_private_ips != texts(&eni.secondary) {
        return wrong("the addresses");
    }
    let wanted = (i64::from(at.network_card_index), i64::from(at.device_index));
    let is_elsewhere = wanted != (child.spec.network_card_index, child.spec.device_index);
    let says = |type_, reason: &str| {
        child.condition(type_).is_some_and(|one| one.status == "True" && one.reason == reason)
    };
    let said = says(ConditionType::ReplacementNeeded, "PositionChanged")
        || says(ConditionType::Attached, "OtherDeviceIndex");
    if is_elsewhere != said {
        return wrong("whether it is where the spec wants it");
    }
    let ready = find_condition(&child.status.as_ref().unwrap().conditions, ConditionType::Ready);
    let expected = if world.agents == (true, Agents::None) { "Unknown" } else { "True" };
    if ready.is_none_or(|ready| ready.status != expected) {
        return wrong("readiness");
    }
    Ok(())
}

fn texts(all: &[impl ToString]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

/// The nodes with ENIs of ours are labelled, and no others.
fn labels_are_right(world: &World, wanted: &Wanted, ours: &BTreeMap<Slot, Vec<Eni>>) -> Result<(), String> {
    let sure = ours.keys().filter(|slot| !wanted.exempt.contains(*slot));
    let with: BTreeSet<&String> = sure.map(|slot| &slot.1).collect();
    let store = lock_store(&world.store);
    for machine in &world.region.machines {
        let Some(node) = store.node(&machine.node).filter(|node| is_of(node, machine)) else { continue };
        let marked = node.metadata.labels.iter().flatten().any(|(key, _)| key == HAS_ENI_LABEL);
        let has_slots = store.attachments().any(|one| one.spec.instance_id == machine.instance);
        if with.contains(&machine.instance) && !marked {
            return Err(format!("{} has ENIs and no label", machine.node));
        }
        if !has_slots && marked {
            return Err(format!("{} has no slots and a label", machine.node));
        }
    }
    Ok(())
}

/// Whether a node runs on a machine.
fn is_of(node: &SlimNode, machine: &Machine) -> bool {
    node.spec.provider_id.as_ref().is_some_and(|id| id.ends_with(&machine.instance))
}

/// The counts of a `NodeENI` are right.
fn summaries_are_right(
    world: &World,
    wanted: &Wanted,
    ours: &BTreeMap<Slot, Vec<Eni>>,
) -> Result<(), String> {
    for object in lock_store(&world.store).node_enis() {
        let name = object.metadata.name.clone().unwrap_or_default();
        let mine = |slot: &&Slot| slot.0 == name;
        if object.spec.paused == Some(true) || wanted.exempt.iter().any(|slot| slot.0 == name) {
            continue;
        }
        let slots: Vec<&Slot> = wanted.slots.keys().filter(mine).collect();
        let attached = slots.iter().filter(|slot| ours.contains_key(**slot)).count();
        let Some(status) = &object.status else { return Err(format!("{name} has no status")) };
        let counts = (usize::try_from(status.desired).unwrap(), usize::try_from(status.attached).unwrap());
        if counts != (slots.len(), attached) {
            return Err(format!("{name} counts {counts:?}, but it is {:?}", (slots.len(), attached)));
        }
        if status.attachments.len() != attached {
            return Err(format!("{name} lists {} attachments of {attached}", status.attachments.len()));
        }
    }
    Ok(())
}

/// Nothing of ours is left, anywhere.
pub fn nothing_is_left(world: &World) -> Result<(), String> {
    strangers_are_untouched(world)?;
    if let Some((slot, enis)) = ours(world).into_iter().next() {
        return Err(format!("LEAKED: {slot:?} {:?}", enis[0]));
    }
    let store = lock_store(&world.store);
    if let Some(child) = store.attachments().next() {
        return Err(format!("an object is left: {:?} {:?} {:?}", child.metadata, child.spec, child.status));
    }
    if let Some(object) = store.node_enis().next() {
        return Err(format!("a NodeENI is left: {:?} {:?}", object.metadata, object.status));
    }
    for node in store.nodes() {
        if node.metadata.labels.iter().flatten().any(|(key, _)| key == HAS_ENI_LABEL) {
            return Err(format!("{:?} is labelled still", node.metadata.name));
        }
    }
    Ok(())
}
