//! The slots that should be.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::choice::Choice;
use crate::api::{NodeENI, Reason, SubnetOffset, SubnetPolicy};
use crate::model::{Instance, InstanceState, SecurityGroupId, Slot, Subnet, VpcId};
use crate::plan::instance::Sighting;
use crate::plan::node::NodeFacts;
use crate::plan::offsets;
use crate::plan::resolve::{self, Problem};

/// A slot that should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The slot.
    pub slot: Slot,
    /// Name of the node.
    pub node: String,
    /// The subnet.
    pub subnet: Subnet,
    /// Its place in its zone.
    pub offset: i64,
    /// Security groups of the ENI.
    pub groups: Vec<SecurityGroupId>,
}

/// A selected node that gets no ENI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unserved {
    /// For programs.
    pub reason: Reason,
    /// Name of the node.
    pub node: String,
    /// For people.
    pub message: String,
}

/// The subnets that the spec lists, in the VPCs of the selected nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The subnets, of all zones.
    pub(crate) subnets: Vec<Subnet>,
    /// What does not resolve.
    pub(crate) problems: Vec<Problem>,
    /// Whether every listed subnet is known: a group that does not resolve says nothing of them.
    pub(crate) subnets_resolve: bool,
}

/// The slots that should be, and the nodes that get none.
pub(super) struct Slots {
    pub(super) slots: BTreeMap<Slot, Wanted>,
    pub(super) unserved: Vec<Unserved>,
}

/// The nodes that a `NodeENI` selects.
pub fn selected<'a>(node_eni: &'a NodeENI, nodes: &'a [NodeFacts]) -> impl Iterator<Item = &'a NodeFacts> {
    nodes.iter().filter(|node| node_eni.spec.selects(&node.labels))
}

/// Resolves what the spec lists, in every VPC that a selected node is in.
pub(super) fn listed(world: &World) -> Listed {
    let mut listed = Listed { subnets_resolve: true, ..Listed::default() };
    let vpcs = vpcs(world);
    for vpc in &vpcs {
        let (subnets, problems) = resolve::subnets(&world.node_eni.spec, &world.network, vpc, &vpcs);
        listed.subnets.extend(subnets);
        listed.subnets_resolve &= problems.is_empty();
        listed.problems.extend(problems);
        if let Err(problem) = resolve::groups(&world.node_eni.spec, &world.network, vpc) {
            listed.problems.push(problem);
        }
    }
    let mut seen = BTreeSet::new();
    listed.subnets.retain(|subnet| seen.insert(subnet.id.clone()));
    listed.problems.sort();
    listed.problems.dedup();
    listed
}

/// The VPCs of the selected nodes' instances.
fn vpcs(world: &World) -> BTreeSet<VpcId> {
    selected(&world.node_eni, &world.nodes)
        .filter_map(|node| world.instances.get(&node.instance().ok()?))
        .filter_map(|sighting| match sighting {
            Sighting::Seen(instance) => instance.vpc.clone(),
            Sighting::NotAsked | Sighting::Absent => None,
        })
        .collect()
}

/// The slots that should be.
pub(super) fn slots(world: &World, listed: &Listed, places: &[SubnetOffset]) -> Slots {
    let mut all = Slots { slots: BTreeMap::new(), unserved: vec![] };
    let mut nodes: Vec<&NodeFacts> = selected(&world.node_eni, &world.nodes).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut choice = Choice::new(world);
    for node in nodes {
        match of_node(world, node, listed, places, &mut choice) {
            // Two nodes of one instance are one node that was registered twice.
            Ok(slots) => {
                for one in slots {
                    all.slots.entry(one.slot.clone()).or_insert(one);
                }
            }
            Err(unserved) => all.unserved.extend(unserved),
        }
    }
    all.unserved.sort();
    all
}

/// The slots of a node, or why it gets none. `None` for a node whose instance is on its way out.
fn of_node(
    world: &World,
    node: &NodeFacts,
    listed: &Listed,
    places: &[SubnetOffset],
    choice: &mut Choice<'_>,
) -> Result<Vec<Wanted>, Option<Unserved>> {
    let unserved = |reason, message: String| Some(Unserved { reason, node: node.name.clone(), message });
    let id = node
        .instance()
        .map_err(|reason| unserved(reason, crate::plan::node::unsupported(reason).to_owned()))?;
    let instance = match world.instances.get(&id) {
        Some(Sighting::Seen(instance)) if instance.state == InstanceState::Terminated => return Err(None),
        Some(Sighting::Seen(instance)) => instance,
        Some(Sighting::Absent) => {
            return Err(unserved(Reason::InstanceNotFound, format!("EC2 does not know {id}")));
        }
        Some(Sighting::NotAsked) | None => return Err(None),
    };
    let Some(vpc) = &instance.vpc else { return Err(None) };
    // The problem is told once for the object, not again for each node.
    let groups = resolve::groups(&world.node_eni.spec, &world.network, vpc).map_err(|_| None)?;
    let subnets = in_zone(world.node_eni.spec.subnet_policy, instance, vpc, listed, choice);
    if subnets.is_empty() && listed.problems.is_empty() {
        let message = format!("none of the listed subnets is in the zone {} of the node", instance.zone);
        return Err(unserved(Reason::NoSubnetInZone, message));
    }
    let slot = |subnet: &Subnet| Slot {
        node_eni: world.node_eni.metadata.name.clone().unwrap_or_default(),
        instance: id.clone(),
        subnet: subnet.id.clone(),
    };
    Ok(subnets
        .into_iter()
        .map(|subnet| Wanted {
            slot: slot(subnet),
            node: node.name.clone(),
            subnet: subnet.clone(),
            offset: offsets::of(places, &subnet.id),
            groups: groups.clone(),
        })
        .collect())
}

/// The listed subnets that a node of this instance gets an ENI in.
fn in_zone<'a>(
    policy: SubnetPolicy,
    instance: &Instance,
    vpc: &VpcId,
    listed: &'a Listed,
    choice: &mut Choice<'_>,
) -> Vec<&'a Subnet> {
    let here = listed.subnets.iter().filter(|subnet| subnet.zone == instance.zone && subnet.vpc == *vpc);
    let here: Vec<&Subnet> = here.collect();
    match policy {
        SubnetPolicy::All => here,
        SubnetPolicy::One => choice.of(&instance.id, &here).into_iter().collect(),
    }
}
