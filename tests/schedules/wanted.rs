//! What should be, told from the documents alone: `NodeENI`s × nodes × subnets of the node's zone.
//!
//! None of this uses the operator's planners: it would make their mistakes.

use std::collections::{BTreeMap, BTreeSet};

use ec2_sim::world::{Eni, InstanceState};
use eni_operator::api::{NodeENI, NodeENISpec, Operator, SubnetPolicy};

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::region::Machine;
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
    let objects: Vec<_> = lock_store(&world.store).node_enis().cloned().collect();
    let mut wanted = Wanted { exempt: world.tampered.clone(), ..Wanted::default() };
    for object in &objects {
        let paused = object.spec.paused == Some(true);
        if object.metadata.deletion_timestamp.is_some() && !paused {
            continue;
        }
        for machine in &world.region.machines {
            of_machine(world, object, machine, paused, &mut wanted);
        }
    }
    wanted
}

fn of_machine(world: &World, object: &NodeENI, machine: &Machine, paused: bool, wanted: &mut Wanted) {
    let state = world.state_of(&machine.instance);
    let gone = matches!(state, None | Some(InstanceState::ShuttingDown | InstanceState::Terminated));
    if gone && !paused {
        return;
    }
    match world.node_of(machine) {
        Some(node) if !paused && state == Some(InstanceState::Running) => {
            let labels = node.metadata.labels.clone().unwrap_or_default();
            if selects(&object.spec, &labels) {
                let slots = slots(world, object, machine);
                wanted.slots.extend(slots.into_iter().map(|slot| (slot, object.clone())));
            }
        }
        // Paused, off, or without a node: what there is stays, and what is not there does not come.
        Some(_) | None => wanted.exempt.extend(all_slots(world, object, &machine.instance)),
    }
}

/// Whether a spec asks for a node with these labels.
fn selects(spec: &NodeENISpec, labels: &BTreeMap<String, String>) -> bool {
    let named = spec.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let Some(terms) = &spec.node_selector_terms else { return named };
    let holds = |key: &str, operator: Operator, values: &[String]| match operator {
        Operator::In => labels.get(key).is_some_and(|value| values.contains(value)),
        Operator::NotIn => labels.get(key).is_none_or(|value| !values.contains(value)),
        Operator::Exists => labels.contains_key(key),
        Operator::DoesNotExist => !labels.contains_key(key),
        Operator::Gt | Operator::Lt => {
            let number = |text: &String| text.parse::<i64>().ok();
            let (is, than) = (labels.get(key).and_then(number), values.first().and_then(number));
            is.zip(than)
                .is_some_and(|(is, than)| if operator == Operator::Gt { is > than } else { is < than })
        }
    };
    let term = |term: &eni_operator::api::NodeSelectorTerm| {
        !term.match_expressions.is_empty()
            && term.match_expressions.iter().all(|one| holds(&one.key, one.operator, &one.values))
    };
    named && terms.iter().any(term)
}

/// The listed subnets of a zone, in order and once each.
pub fn listed(world: &World, spec: &NodeENISpec, zone: &str) -> Vec<String> {
    let here = &world.region.subnets[zone];
    let of_name =
        |name: &String| here.iter().filter(|id| world.region.names[*id] == *name).cloned().collect();
    let ids = spec.subnet_id.iter().chain(spec.subnet_ids.iter().flatten()).cloned();
    let names = spec.subnet_name.iter().chain(spec.subnet_names.iter().flatten());
    let mut all: Vec<String> = vec![];
    for id in ids.chain(names.flat_map(|name| -> Vec<String> { of_name(name) })) {
        if here.contains(&id) && !all.contains(&id) {
            all.push(id);
        }
    }
    all
}

fn slots(world: &World, object: &NodeENI, machine: &Machine) -> Vec<Slot> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let slot = |id: &String| (name.clone(), machine.instance.clone(), id.clone());
    let all: Vec<Slot> = listed(world, &object.spec, &machine.zone).iter().map(slot).collect();
    match object.spec.subnet_policy {
        SubnetPolicy::All => all,
        // Any one of them is right: that which has an ENI, or else an object.
        SubnetPolicy::One => {
            let (enis, objects) = (ours(world), objects(world));
            let by_eni = all.iter().find(|slot| enis.contains(*slot));
            let one = by_eni.or(all.iter().find(|slot| objects.contains(*slot))).or(all.first());
            one.cloned().into_iter().collect()
        }
    }
}

/// The slots that have an ENI.
fn ours(world: &World) -> BTreeSet<Slot> {
    lock(&world.sim).state().enis.values().filter_map(slot_of).collect()
}

/// The slots that have an object.
fn objects(world: &World) -> BTreeSet<Slot> {
    let store = lock_store(&world.store);
    let slots = store.attachments().map(|one| &one.spec);
    slots.map(|spec| (spec.node_eni.clone(), spec.instance_id.clone(), spec.subnet_id.clone())).collect()
}

/// The groups that the ENIs of a `NodeENI` should have.
pub fn groups(world: &World, spec: &NodeENISpec) -> BTreeSet<String> {
    let named = |name: &String| {
        world
            .region
            .group_names
            .iter()
            .filter(|(_, known)| *known == name)
            .map(|(id, _)| id.clone())
            .collect()
    };
    let by_name = spec.security_group_names.iter().flatten().flat_map(|name| -> Vec<String> { named(name) });
    spec.security_group_ids.iter().flatten().cloned().chain(by_name).collect()
}

fn all_slots(world: &World, object: &NodeENI, instance: &str) -> Vec<Slot> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let ids = world.region.subnets.values().flatten();
    ids.map(|id| (name.clone(), instance.to_owned(), id.clone())).collect()
}
