//! What people and machines do to the world while the operator works.

use std::collections::BTreeMap;

use ec2_sim::api::TerminateInstances;
use ec2_sim::world::InstanceState;
use eni_operator::api::{NodeENI, NodeENIAttachment, NodeENISpec, REPLACE_ANNOTATION};
use kube::ResourceExt;

use crate::acts;
use crate::agent::{self, Word};
use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::region::Machine;
use crate::rng::Rng;
use crate::world::{Agents, World};

/// Label of the nodes that get ENIs.
pub const NET: (&str, &str) = ("net", "yes");

/// How descriptions begin that users write.
pub const TEXT: &str = "written by a user";

/// Keys of the tags that users set.
pub const TAGS: [&str; 3] = ["team", "cost", "stage"];

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
        let state = world.state_of(&machine.instance);
        let missing = lock_store(&world.store).node(&machine.node).is_none();
        if missing && state == Some(InstanceState::Running) {
            register(world, &machine, &[NET]);
        }
    }
}

/// The `NodeENI`s that there are.
pub fn names(world: &World) -> Vec<String> {
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
    for _ in 0..rng.below(6) {
        acts::spec::at_birth(world, rng)(&mut object.spec);
    }
    object
}

/// Something that somebody does.
pub fn act(world: &mut World, rng: &mut Rng) {
    match rng.below(35) {
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
        9..=15 => acts::spec::edit_any(world, rng),
        16 | 17 => delete_child(world, rng),
        18 | 19 => wipe_status(world, rng),
        20 => acts::cloud::meddle(world, rng),
        21..=26 => agent_speaks(world, rng),
        27 => strip_finalizers(world, rng),
        28..=31 => acts::nodes::churn(world, rng),
        32 => acts::restore::wipe_all(world, rng),
        33 => {
            if let Some(child) = a_child(world, rng) {
                replace(world, &child.name_any());
            }
        }
        _ => acts::restore::restore(world, rng),
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

/// Asks for another ENI in place of one.
pub fn replace_one(world: &mut World, rng: &mut Rng) {
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
        let state = world.state_of(&machine.instance);
        let gone = state
            .is_none_or(|state| matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated));
        if gone && world.node_of(&machine).is_some() {
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
