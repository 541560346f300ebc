//! What should be, told from the documents alone: `NodeENI`s × nodes × subnets of the node's zone.
//!
//! None of this uses the operator's planners: it would make their mistakes.

use std::collections::{BTreeMap, BTreeSet};

use ec2_sim::world::{Eni, InstanceState};
use eni_operator::api::NodeENI;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::world::{CLUSTER, World};

/// A slot: `NodeENI`, instance and subnet.
pub type Slot = (String, String, String);

/// What should be.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Slots that should have an ENI, and what it should be like.
    pub slots: BTreeMap<Slot, NodeENI>,
    /// Slots of which nothing can be told: paused, without a node, or tampered with.
    pub exempt: BTreeSet<Slot>,
}

/// The slot that the tags of an ENI speak of; none for a stranger's.
pub fn slot_of(eni: &Eni) -> Option<Slot> {
    slot_of_tags(&eni.tags)
}

/// The slot that tags speak of.
pub fn slot_of_tags(tags: &BTreeMap<String, String>) -> Option<Slot> {
    let tag = |key: &str| tags.get(&format!("networking.k8s.aws/{key}")).cloned();
    if tag("cluster-id")? != CLUSTER {
        return None;
    }
    Some((tag("node-eni")?, tag("instance-id")?, tag("subnet-id")?))
}

/// What should be.
pub fn wanted(world: &World) -> Wanted {
    let (store, sim) = (lock_store(&world.store), lock(&world.sim));
    let mut wanted = Wanted { exempt: world.tampered.clone(), ..Wanted::default() };
    for object in store.node_enis() {
        let paused = object.spec.paused == Some(true);
        if object.metadata.deletion_timestamp.is_some() && !paused {
            continue;
        }
        for machine in &world.region.machines {
            let state = sim.state().instances.get(&machine.instance).map(|instance| instance.state);
            if paused {
                wanted.exempt.extend(all_slots(world, object, &machine.instance));
                continue;
            }
            if !matches!(state, Some(InstanceState::Running)) {
                continue;
            }
            let slots = slots(world, object, machine.instance.as_str(), &machine.zone);
            match store.node(&machine.node) {
                None => wanted.exempt.extend(all_slots(world, object, &machine.instance)),
                Some(node) => {
                    let labels = node.metadata.labels.clone().unwrap_or_default();
                    let selector = object.spec.node_selector.clone().unwrap_or_default();
                    if selector.iter().all(|(key, value)| labels.get(key) == Some(value)) {
                        wanted.slots.extend(slots.into_iter().map(|slot| (slot, object.as_ref().clone())));
                    }
                }
            }
        }
    }
    wanted
}

fn slots(world: &World, object: &NodeENI, instance: &str, zone: &str) -> BTreeSet<Slot> {
    let here = &world.region.subnets[zone];
    let listed = object.spec.subnet_ids.iter().flatten();
    let name = object.metadata.name.clone().unwrap_or_default();
    listed.filter(|id| here.contains(id)).map(|id| (name.clone(), instance.to_owned(), id.clone())).collect()
}

fn all_slots(world: &World, object: &NodeENI, instance: &str) -> Vec<Slot> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let ids = world.region.subnets.values().flatten();
    ids.map(|id| (name.clone(), instance.to_owned(), id.clone())).collect()
}
