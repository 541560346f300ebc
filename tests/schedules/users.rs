//! What people and machines do to the world while the operator works.

use std::collections::BTreeMap;

use ec2_sim::api::{DeleteNetworkInterface, DetachNetworkInterface, TerminateInstances};
use ec2_sim::world::InstanceState;
use eni_operator::api::{
    DetachPolicy, DetachPolicyType, NodeENI, NodeENIAttachment, NodeENISpec, REPLACE_ANNOTATION,
};
use kube::ResourceExt;

use crate::agent::{self, Word};
use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::region::Machine;
use crate::rng::Rng;
use crate::wanted::slot_of;
use crate::world::{Agents, World};

/// Label of the nodes that get ENIs.
pub const NET: (&str, &str) = ("net", "yes");

/// A `NodeENI` over some subnets.
pub fn node_eni(name: &str, subnets: &[String], groups: &[String], device_index: i64) -> NodeENI {
    let spec = NodeENISpec {
        node_selector: Some(BTreeMap::from([(NET.0.to_owned(), NET.1.to_owned())])),
        subnet_ids: Some(subnets.to_vec()),
        security_group_ids: Some(groups.to_vec()),
        device_index,
        ..serde_json::from_str("{}").unwrap()
    };
    NodeENI::new(name, spec)
}

/// Makes a `NodeENI`.
pub fn create(world: &mut World, object: &NodeENI) {
    world.say(|| {
        format!("USER creates {} {}", object.name_any(), serde_json::to_string(&object.spec).unwrap())
    });
    let _ = lock_store(&world.store).create(object);
    world.gather();
}

/// Deletes a `NodeENI`.
pub fn delete(world: &mut World, name: &str) {
    world.say(|| format!("USER deletes {name}"));
    let _ = lock_store(&world.store).delete::<NodeENI>(name, None);
    world.gather();
}

/// Deletes all `NodeENI`s, and takes the pause off those that are paused.
pub fn delete_all(world: &mut World) {
    for name in names(world) {
        edit(world, &name, "unpause", |spec| spec.paused = None);
        delete(world, &name);
    }
}

/// Changes a `NodeENI`.
pub fn edit(world: &mut World, name: &str, what: &str, change: impl FnOnce(&mut NodeENISpec)) {
    world.say(|| format!("USER edits {name}: {what}"));
    lock_store(&world.store).edit::<NodeENI>(name, |object| change(&mut object.spec));
    world.gather();
}

/// Registers a node.
pub fn register(world: &mut World, machine: &Machine, labels: &[(&str, &str)]) {
    world.say(|| format!("NODE {} registers with {labels:?}", machine.node));
    lock_store(&world.store).set_node(&machine.node, Some(machine.node(labels)));
    world.gather();
}

/// Registers all nodes that are not there.
pub fn register_all(world: &mut World) {
    for machine in world.region.machines.clone() {
        let state = lock(&world.sim).state().instances.get(&machine.instance).map(|one| one.state);
        let missing = lock_store(&world.store).node(&machine.node).is_none();
        if missing && state == Some(InstanceState::Running) {
            register(world, &machine, &[NET]);
        }
    }
}

fn names(world: &World) -> Vec<String> {
    lock_store(&world.store).node_enis().map(|one| one.name_any()).collect()
}

fn a_child(world: &World, rng: &mut Rng) -> Option<NodeENIAttachment> {
    let all: Vec<_> = lock_store(&world.store).attachments().cloned().collect();
    rng.pick(&all).map(|one| one.as_ref().clone())
}

/// A `NodeENI` as a user might write it.
pub fn any_node_eni(world: &World, rng: &mut Rng) -> NodeENI {
    let name = format!("net-{}", rng.below(3));
    let mut subnets = vec![];
    for listed in world.region.subnets.values() {
        subnets.extend(listed.iter().filter(|_| rng.percent(70)).cloned());
    }
    if subnets.is_empty() {
        subnets.extend(world.region.subnets.values().flatten().next().cloned());
    }
    let groups = world.region.groups.iter().filter(|_| rng.percent(50)).cloned().collect::<Vec<_>>();
    let groups = if groups.is_empty() { world.region.groups[..1].to_vec() } else { groups };
    let mut object = node_eni(&name, &subnets, &groups, i64::try_from(rng.between(1, 3)).unwrap());
    object.spec.delete_on_termination = rng.percent(70);
    object.spec.source_dest_check = [None, Some(true), Some(false)][rng.below(3)];
    object.spec.detach_policy = match rng.below(4) {
        0 => Some(DetachPolicy { type_: DetachPolicyType::Force, timeout_seconds: None }),
        1 => Some(DetachPolicy { type_: DetachPolicyType::AfterTimeout, timeout_seconds: Some(30) }),
        _ => None,
    };
    object
}

/// Something that somebody does.
pub fn act(world: &mut World, rng: &mut Rng) {
    match rng.below(21) {
        0 | 1 => {
            let object = any_node_eni(world, rng);
            create(world, &object);
        }
        2 | 3 => {
            if let Some(name) = rng.pick(&names(world)).cloned() {
                delete(world, &name);
            }
        }
        4..=6 => relabel(world, rng),
        7 => node_goes_or_comes(world, rng),
        8 => terminate(world, rng),
        9..=11 => edit_any(world, rng),
        12 | 13 => delete_child(world, rng),
        14 | 15 => wipe_status(world, rng),
        16 => tamper(world, rng),
        17..=19 => agent_speaks(world, rng),
        _ => strip_finalizers(world, rng),
    }
    world.gather();
}

fn relabel(world: &mut World, rng: &mut Rng) {
    let Some(machine) = rng.pick(&world.region.machines).cloned() else { return };
    let on = rng.percent(50);
    world.say(|| format!("USER sets the label of {} {on}", machine.node));
    let _ = lock_store(&world.store).label_node(&machine.node, NET.0, on.then_some(NET.1));
}

fn node_goes_or_comes(world: &mut World, rng: &mut Rng) {
    let Some(machine) = rng.pick(&world.region.machines).cloned() else { return };
    if lock_store(&world.store).node(&machine.node).is_some() {
        world.say(|| format!("USER deletes the node {}", machine.node));
        lock_store(&world.store).set_node(&machine.node, None);
    } else {
        register(world, &machine, &[NET]);
    }
}

fn terminate(world: &mut World, rng: &mut Rng) {
    let Some(machine) = rng.pick(&world.region.machines).cloned() else { return };
    world.say(|| format!("USER terminates {}", machine.instance));
    let request =
        TerminateInstances { instance_ids: vec![machine.instance], ..TerminateInstances::default() };
    let _ = lock(&world.sim).send(request);
}

fn edit_any(world: &mut World, rng: &mut Rng) {
    let Some(name) = rng.pick(&names(world)).cloned() else { return };
    let groups = world.region.groups.clone();
    let all: Vec<String> = world.region.subnets.values().flatten().cloned().collect();
    let Some(subnet) = rng.pick(&all).cloned() else { return };
    match rng.below(11) {
        6 => edit_tags(world, &name, rng),
        7 | 8 => edit_addresses(world, &name, rng),
        9 => {
            let index = i64::try_from(rng.between(1, 4)).unwrap();
            edit(world, &name, &format!("device index {index}"), |spec| spec.device_index = index);
        }
        10 => replace_one(world, rng),
        0 | 1 => edit(world, &name, &format!("without {subnet}"), |spec| {
            let list = spec.subnet_ids.get_or_insert_default();
            if list.len() > 1 {
                list.retain(|id| *id != subnet);
            }
        }),
        2 => edit(world, &name, &format!("{subnet} in front"), |spec| {
            let list = spec.subnet_ids.get_or_insert_default();
            list.retain(|id| *id != subnet);
            list.insert(0, subnet);
        }),
        3 => {
            let group = groups[rng.below(groups.len())].clone();
            edit(world, &name, &format!("group {group}"), |spec| spec.security_group_ids = Some(vec![group]));
        }
        4 => edit(world, &name, "delete-on-termination", |spec| {
            spec.delete_on_termination = !spec.delete_on_termination;
        }),
        _ => edit(world, &name, "paused", |spec| spec.paused = Some(spec.paused != Some(true))),
    }
}

fn edit_tags(world: &mut World, name: &str, rng: &mut Rng) {
    let values = ["a", "b", "c"];
    let keys = ["team", "Name", "cost center"].into_iter().filter(|_| rng.percent(50)).collect::<Vec<_>>();
    let tags: BTreeMap<String, String> =
        keys.into_iter().map(|key| (key.to_owned(), values[rng.below(values.len())].to_owned())).collect();
    edit(world, name, &format!("tags {tags:?}"), |spec| {
        spec.tags = Some(tags).filter(|tags| !tags.is_empty());
    });
}

/// Secondary addresses, prefixes, or none of either.
fn edit_addresses(world: &mut World, name: &str, rng: &mut Rng) {
    let count = Some(i64::try_from(rng.below(4)).unwrap());
    let (secondary, prefixes) =
        [(count, None), (count, Some(0)), (Some(0), Some(1)), (None, Some(1)), (None, None)][rng.below(5)];
    edit(world, name, &format!("{secondary:?} addresses, {prefixes:?} prefixes"), |spec| {
        (spec.secondary_private_ip_count, spec.ipv4_prefix_count) = (secondary, prefixes);
    });
}

/// Asks for another ENI in place of one.
fn replace_one(world: &mut World, rng: &mut Rng) {
    let Some(child) = a_child(world, rng) else { return };
    replace(world, &child.name_any());
}

/// Asks for another ENI in place of a slot's.
pub fn replace(world: &mut World, name: &str) {
    world.say(|| format!("USER wants another ENI for {name}"));
    lock_store(&world.store).edit::<NodeENIAttachment>(name, |object| {
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert(REPLACE_ANNOTATION.to_owned(), "true".to_owned());
    });
    world.gather();
}

fn delete_child(world: &mut World, rng: &mut Rng) {
    let Some(child) = a_child(world, rng) else { return };
    world.say(|| format!("USER deletes the object {}", child.name_any()));
    let _ = lock_store(&world.store).delete::<NodeENIAttachment>(&child.name_any(), None);
}

fn wipe_status(world: &mut World, rng: &mut Rng) {
    let Some(child) = a_child(world, rng) else { return };
    world.say(|| format!("USER wipes the status of {}", child.name_any()));
    wipe(world, &child.name_any());
}

/// Somebody empties the status of a slot.
pub fn wipe(world: &mut World, name: &str) {
    lock_store(&world.store).edit_status::<NodeENIAttachment>(name, "kubectl-edit", |status| {
        *status = serde_json::json!({});
    });
    world.gather();
}

/// Somebody detaches or deletes one of our ENIs in EC2.
fn tamper(world: &mut World, rng: &mut Rng) {
    let all: Vec<_> =
        lock(&world.sim).state().enis.values().filter(|eni| slot_of(eni).is_some()).cloned().collect();
    let Some(eni) = rng.pick(&all) else { return };
    world.say(|| format!("USER takes {} off, or away, in EC2", eni.id));
    world.tampered.extend(slot_of(eni));
    let mut sim = lock(&world.sim);
    if let Some(at) = &eni.attachment {
        let attachment_id = at.id.clone();
        let _ = sim.send(DetachNetworkInterface { attachment_id, ..DetachNetworkInterface::default() });
    } else {
        let network_interface_id = eni.id.clone();
        let delete = DeleteNetworkInterface { network_interface_id, ..DeleteNetworkInterface::default() };
        let _ = sim.send(delete);
    }
}

/// An agent writes its part, now and then late, now and then that the device is in use.
fn agent_speaks(world: &mut World, rng: &mut Rng) {
    if world.agents.1 == Agents::None {
        return;
    }
    let all = agent::slots(world);
    let Some((slot, mut says)) = rng.pick(&all).cloned() else { return };
    if says == Word::Released && rng.percent(50) {
        says = Word::InUse;
    }
    world.say(|| format!("AGENT of {} says {says:?}", slot.name_any()));
    agent::report(world, &slot, says);
    if says == Word::InUse {
        let now = world.now;
        world.in_use_since.insert(slot.uid().unwrap_or_default(), now);
    }
}

/// Somebody loses patience with a `NodeENI` that is being deleted; then the garbage collector comes.
fn strip_finalizers(world: &mut World, rng: &mut Rng) {
    let Some(name) = rng.pick(&names(world)).cloned() else { return };
    let mut store = lock_store(&world.store);
    let Some(object) = store.get::<NodeENI>(&name) else { return };
    if object.metadata.deletion_timestamp.is_none() || !rng.percent(30) {
        return;
    }
    let _ = store.set_finalizers(object.as_ref(), vec![]);
    drop(store);
    world.say(|| format!("USER strips the finalizers of {name}"));
    collect_garbage(world);
}

/// The cloud's node controller deletes the nodes of instances that are gone.
pub fn collect_nodes(world: &mut World) {
    for machine in world.region.machines.clone() {
        let state = lock(&world.sim).state().instances.get(&machine.instance).map(|one| one.state);
        let gone = state
            .is_none_or(|state| matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated));
        if gone && lock_store(&world.store).node(&machine.node).is_some() {
            world.say(|| format!("CLOUD deletes the node {}", machine.node));
            lock_store(&world.store).set_node(&machine.node, None);
        }
    }
    world.gather();
}

/// The garbage collector deletes the objects of owners that are gone.
pub fn collect_garbage(world: &mut World) {
    let mut store = lock_store(&world.store);
    let owners: Vec<String> = store.node_enis().filter_map(|one| one.uid()).collect();
    let orphans: Vec<String> = store
        .attachments()
        .filter(|one| !one.owner_references().iter().any(|owner| owners.contains(&owner.uid)))
        .map(|one| one.name_any())
        .collect();
    for name in orphans {
        let _ = store.delete::<NodeENIAttachment>(&name, None);
    }
    drop(store);
    world.gather();
}
