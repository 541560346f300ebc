//! What becomes of nodes and their instances.

use ec2_sim::api::{
    AttributeValue, ModifyInstanceAttribute, StartInstances, StopInstances, TerminateInstances,
};
use ec2_sim::world::InstanceState;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::region::{self, Machine};
use crate::rng::Rng;
use crate::users;
use crate::world::World;

/// Key of the label that tells pools of nodes apart.
pub const POOL: &str = "pool";

/// Names of the pools.
pub const POOLS: [&str; 2] = ["a", "b"];

/// Something happens to a node or its instance.
pub fn churn(world: &mut World, rng: &mut Rng) {
    let Some(machine) = rng.pick(&world.region.machines).cloned() else { return };
    match rng.below(8) {
        0 => into_a_pool(world, &machine, rng),
        1 => readiness(world, &machine, rng.percent(50)),
        2 => registers_anew(world, &machine),
        3 => heartbeat(world, &machine),
        4 | 5 => stop_or_start(world, &machine, rng),
        6 => replaced(world, &machine),
        _ => comes_back(world, &machine),
    }
}

/// Mends every node that is there and ill, and starts every instance that is off.
pub fn mend(world: &mut World) {
    // What is stopping now can be started when it has stopped.
    world.advance(120_000);
    for machine in world.region.machines.clone() {
        if world.state_of(&machine.instance) == Some(InstanceState::Stopped) {
            start(world, &machine);
        }
        comes_back(world, &machine);
    }
    world.advance(120_000);
    world.gather();
}

fn into_a_pool(world: &mut World, machine: &Machine, rng: &mut Rng) {
    let pool = rng.percent(70).then(|| POOLS[rng.below(POOLS.len())]);
    world.say(|| format!("USER puts {} into the pool {pool:?}", machine.node));
    let _ = lock_store(&world.store).label_node(&machine.node, POOL, pool);
}

fn readiness(world: &mut World, machine: &Machine, ready: bool) {
    let Some(node) = world.node_of(machine) else { return };
    world.say(|| format!("NODE {} is ready: {ready}", machine.node));
    let mut node = node.as_ref().clone();
    for condition in &mut node.status.conditions {
        if ready { "True" } else { "Unknown" }.clone_into(&mut condition.status);
    }
    lock_store(&world.store).set_node(&machine.node, Some(node));
}

/// A node registers anew, and the cloud provider has not seen it yet. It has the labels that its kubelet gives.
fn registers_anew(world: &mut World, machine: &Machine) {
    let Some(old) = world.node_of(machine) else { return };
    world.say(|| format!("NODE {} registers anew and has no providerID", machine.node));
    let labels = old.metadata.labels.iter().flatten().filter(|(key, _)| *key == POOL || *key == users::NET.0);
    let labels: Vec<(&str, &str)> = labels.map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let mut new = machine.node(&labels);
    new.spec.provider_id = None;
    let mut store = lock_store(&world.store);
    store.set_node(&machine.node, None);
    store.set_node(&machine.node, Some(new));
}

/// The node writes its status, and nothing is new.
fn heartbeat(world: &mut World, machine: &Machine) {
    let node = lock_store(&world.store).node(&machine.node).map(|node| node.as_ref().clone());
    if node.is_some() {
        lock_store(&world.store).set_node(&machine.node, node);
    }
}

/// A node that is ill is well again, on its old instance.
fn comes_back(world: &mut World, machine: &Machine) {
    let there = lock_store(&world.store).node(&machine.node).cloned();
    let Some(node) = there else { return };
    if world.state_of(&machine.instance) != Some(InstanceState::Running) {
        return;
    }
    let mut well = machine.node(&[]);
    well.metadata.labels.clone_from(&node.metadata.labels);
    let (is, was) = (well.facts(), node.facts());
    if (is.ready, &is.provider_id) != (was.ready, &was.provider_id) {
        world.say(|| format!("NODE {} is well again", machine.node));
        lock_store(&world.store).set_node(&machine.node, Some(well));
    }
}

fn stop_or_start(world: &mut World, machine: &Machine, rng: &mut Rng) {
    let ids = vec![machine.instance.clone()];
    match world.state_of(&machine.instance) {
        Some(InstanceState::Running) => {
            world.say(|| format!("USER stops {}", machine.instance));
            let stop = StopInstances { instance_ids: ids, ..StopInstances::default() };
            let _ = lock(&world.sim).send(stop);
            readiness(world, machine, false);
        }
        Some(InstanceState::Stopped) => {
            let types = ["m5.large", "m5.xlarge", "m5.4xlarge"];
            retype(world, machine, types[rng.below(types.len())]);
            start(world, machine);
        }
        Some(
            InstanceState::Pending
            | InstanceState::Stopping
            | InstanceState::ShuttingDown
            | InstanceState::Terminated,
        )
        | None => {}
    }
}

/// Gives a stopped instance another type, if its ENIs fit.
fn retype(world: &mut World, machine: &Machine, type_: &str) {
    let change = ModifyInstanceAttribute {
        instance_id: machine.instance.clone(),
        instance_type: Some(AttributeValue { value: type_.to_owned() }),
        ..ModifyInstanceAttribute::default()
    };
    let done = lock(&world.sim).send(change).is_ok();
    world.say(|| format!("USER makes {} a {type_}: {done}", machine.instance));
}

fn start(world: &mut World, machine: &Machine) {
    world.say(|| format!("USER starts {}", machine.instance));
    let start = StartInstances { instance_ids: vec![machine.instance.clone()], ..StartInstances::default() };
    let _ = lock(&world.sim).send(start);
}

/// The instance is terminated, and a new one registers under the name of its node.
fn replaced(world: &mut World, machine: &Machine) {
    if world.node_of(machine).is_none() || world.region.machines.len() > 5 {
        return;
    }
    let new = region::launch(&mut lock(&world.sim), &machine.zone, "m5.xlarge");
    let Some(instance) = new else { return };
    world.say(|| format!("CLOUD replaces {} by {instance} as {}", machine.instance, machine.node));
    let ids = vec![machine.instance.clone()];
    let terminate = TerminateInstances { instance_ids: ids, ..TerminateInstances::default() };
    let _ = lock(&world.sim).send(terminate);
    let new = Machine { instance, ..machine.clone() };
    world.adopt_strangers(&new.instance);
    world.region.machines.push(new.clone());
    users::register(world, &new, &[users::NET]);
}
