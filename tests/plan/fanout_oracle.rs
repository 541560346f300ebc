//! What the documents say of a `NodeENI`'s slots, written anew.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{NodeENIAttachment, SubnetPolicy};
use eni_operator::model::{Instance, InstanceState, Slot, Subnet, SubnetId, VpcId};
use eni_operator::plan::fanout::World;
use eni_operator::plan::instance::Sighting;
use eni_operator::plan::node::NodeFacts;

use crate::fanout_worlds::subnets;
use crate::make::slot_key;

/// The instance of a node that can get an ENI, as EC2 sees it.
pub(crate) fn served<'a>(world: &'a World, node: &NodeFacts) -> Option<&'a Instance> {
    if node.labels.contains_key("eks.amazonaws.com/compute-type") {
        return None;
    }
    let id = node.provider_id.strip_prefix("aws:///x/")?.parse().ok()?;
    match world.instances.get(&id)? {
        Sighting::Seen(instance) if instance.state != InstanceState::Terminated => Some(instance),
        Sighting::Seen(_) | Sighting::Absent | Sighting::NotAsked => None,
    }
}

pub(crate) fn is_selected(node: &NodeFacts) -> bool {
    node.labels.get("ng").is_some_and(|value| value == "a")
}

/// The subnets that the spec lists, as far as they resolve in a VPC.
pub(crate) fn resolved(world: &World, vpc: &VpcId) -> BTreeSet<SubnetId> {
    let here = |one: &&Subnet| one.vpc == *vpc;
    let ids = world.node_eni.spec.subnet_ids.iter().flatten();
    let by_id = ids.filter_map(|id| {
        subnets().iter().filter(here).find(|one| one.id.as_str() == id).map(|one| one.id.clone())
    });
    let mut found: BTreeSet<SubnetId> = by_id.collect();
    for name in world.node_eni.spec.subnet_names.iter().flatten() {
        for zone in ["a", "b"] {
            let all: Vec<SubnetId> = subnets()
                .iter()
                .filter(here)
                .filter(|one| one.zone == zone && one.name.as_ref() == Some(name))
                .map(|one| one.id.clone())
                .collect();
            if let [one] = all.as_slice() {
                found.insert(one.clone());
            }
        }
    }
    found
}

/// The VPCs in which something is to be resolved.
pub(crate) fn vpcs(world: &World) -> BTreeSet<VpcId> {
    world
        .nodes
        .iter()
        .filter(|node| is_selected(node))
        .filter_map(|node| served(world, node)?.vpc.clone())
        .collect()
}

/// Whether everything that the spec names is there, in each of the VPCs.
pub(crate) fn all_resolves(world: &World) -> bool {
    subnets_resolve(world) && (vpcs(world).is_empty() || groups_resolve(world))
}

/// Whether every subnet that the spec names is there.
fn subnets_resolve(world: &World) -> bool {
    let vpcs = vpcs(world);
    let known = |id: &String| subnets().iter().any(|one| one.id.as_str() == id && vpcs.contains(&one.vpc));
    let ids = vpcs.is_empty() || world.node_eni.spec.subnet_ids.iter().flatten().all(known);
    let names = vpcs.iter().all(|vpc| {
        world.node_eni.spec.subnet_names.iter().flatten().all(|name| {
            let here: Vec<_> = subnets()
                .into_iter()
                .filter(|one| one.vpc == *vpc && one.name.as_ref() == Some(name))
                .collect();
            let zones: BTreeSet<_> = here.iter().map(|one| one.zone.clone()).collect();
            !here.is_empty() && zones.len() == here.len()
        })
    });
    ids && names
}

pub(crate) fn groups_resolve(world: &World) -> bool {
    world.node_eni.spec.security_group_names.iter().flatten().all(|name| name == "web")
}

/// The slots that each selected node may have, by instance.
pub(crate) fn allowed(world: &World) -> BTreeSet<Slot> {
    let mut all = BTreeSet::new();
    for node in world.nodes.iter().filter(|node| is_selected(node)) {
        let Some(instance) = served(world, node) else { continue };
        let Some(vpc) = &instance.vpc else { continue };
        let listed = resolved(world, vpc);
        let here = subnets().into_iter().filter(|one| listed.contains(&one.id) && one.zone == instance.zone);
        all.extend(here.map(|one| Slot {
            node_eni: "n".to_owned(),
            instance: instance.id.clone(),
            subnet: one.id,
        }));
    }
    if groups_resolve(world) { all } else { BTreeSet::new() }
}

/// Whether a documented reason says that a slot is to go.
pub(crate) fn is_due(world: &World, child: &NodeENIAttachment) -> bool {
    let slot = slot_key(child);
    if child.spec.release || world.node_eni.metadata.deletion_timestamp.is_some() {
        return true;
    }
    let sighting = world.instances.get(&slot.instance);
    let terminated = matches!(sighting, Some(Sighting::Seen(one)) if one.state == InstanceState::Terminated);
    let mut its_nodes = world.nodes.iter().filter(|node| node.instance().as_ref() == Ok(&slot.instance));
    let Some(node) = its_nodes.next() else {
        return terminated || sighting == Some(&Sighting::Absent);
    };
    if !is_selected(node) || terminated {
        return true;
    }
    let known = matches!(sighting, Some(Sighting::Seen(one)) if one.vpc.is_some());
    let one = world.node_eni.spec.subnet_policy == SubnetPolicy::One;
    let others =
        allowed(world).into_iter().filter(|other| other.instance == slot.instance && *other != slot).count();
    let unlisted = !allowed(world).contains(&slot);
    let here =
        |one: &Instance| one.vpc.as_ref().is_some_and(|vpc| !resolved(world, vpc).contains(&slot.subnet));
    let off_the_list = matches!(sighting, Some(Sighting::Seen(one)) if here(one));
    // A group that does not resolve says nothing of the subnets.
    let by_subnet = subnets_resolve(world) && off_the_list;
    known && (by_subnet || (all_resolves(world) && (unlisted || (one && others > 0))))
}

/// How many slots each instance has among some.
pub(crate) fn per_instance<'a>(slots: impl Iterator<Item = &'a Slot>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for slot in slots {
        *counts.entry(slot.instance.to_string()).or_default() += 1;
    }
    counts
}
