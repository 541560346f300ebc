//! From a `NodeENI`, the nodes and the subnets to the slots that should be.

mod child;
mod choice;
mod removal;
mod replace;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::authority::{self, Known};
use super::belief::Listing;
use super::instance::{Sighting, slot_of};
use super::neighbours::{self, Neighbours};
use super::node::NodeFacts;
use super::resolve::{self, Network};
use super::rollup;
use super::{Pace, Settings, offsets};
use crate::api::{NODE_ENI_FINALIZER, NodeENI, NodeENIAttachment, NodeENIStatus, SubnetOffset, SubnetPolicy};
use crate::model::{InstanceId, Ownership, Slot, Subnet, SubnetId};

pub use child::{leftover, leftover_of};
pub use removal::all as remove_all;
pub(crate) use wanted::Listed;
pub use wanted::{Unserved, Wanted, selected};

/// What was observed of one `NodeENI`.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// When.
    pub now: Timestamp,
    /// The object.
    pub node_eni: NodeENI,
    /// All nodes.
    pub nodes: Vec<NodeFacts>,
    /// What EC2 tells of the instances of [`instances`].
    pub instances: BTreeMap<InstanceId, Sighting>,
    /// What EC2 tells of the subnets and groups that the spec names.
    pub network: Network,
    /// The slots that there are.
    pub children: Vec<NodeENIAttachment>,
    /// ENIs that still bear the object's tags, if that was asked.
    pub leftovers: Option<Leftovers>,
    /// What is known of what the controller may do in EC2.
    pub authority: Known,
    /// The places of subnets, as the tags of the object's ENIs last had them.
    pub tagged: Vec<SubnetOffset>,
    /// Who else wants what ENIs take.
    pub neighbours: Neighbours,
    /// Why nothing may be deleted, if so.
    pub held: Option<String>,
}

/// ENIs of a `NodeENI` for which there is no slot any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    /// What EC2 lists.
    pub listing: Listing,
    /// Since when it has been listing any.
    pub since: Timestamp,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What to do about the finalizer.
    pub finalizer: Finalizer,
    /// Slots to make.
    pub create: Vec<NodeENIAttachment>,
    /// Slots whose spec is to be replaced.
    pub update: Vec<NodeENIAttachment>,
    /// Slots to mark for release, and to delete.
    pub remove: Vec<NodeENIAttachment>,
    /// Slots whose object somebody deleted: to let go, and to make again.
    pub renew: Vec<Renewal>,
    /// What to say of the object.
    pub status: NodeENIStatus,
    /// When to look again.
    pub pace: Pace,
}

/// A slot whose object somebody deleted although its ENI should stay.
///
/// That is bookkeeping: the object is let go without an EC2 call, and the next one adopts the ENI.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    /// The object that is being deleted.
    pub old: NodeENIAttachment,
    /// The one that takes its place.
    pub new: NodeENIAttachment,
}

/// What to do about the finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finalizer {
    /// Nothing.
    Keep,
    /// Put it on, before anything else.
    Add,
    /// Take it off, after everything else.
    Remove,
}

/// How often to look whether a deleted `NodeENI` has ENIs left.
const LEFTOVERS_PERIOD: SignedDuration = SignedDuration::from_secs(5);

/// How often to ask EC2 again about what may mend itself without Kubernetes noticing: a subnet that is
/// tagged, an instance that terminates after its node was deleted. What a node is, Kubernetes tells.
const RECHECK: SignedDuration = SignedDuration::from_secs(60);

/// The instances that the decision depends on: those of selected nodes, and those of slots and of leftovers
/// without a node.
#[must_use]
pub fn instances(
    node_eni: &NodeENI,
    nodes: &[NodeFacts],
    children: &[NodeENIAttachment],
    leftovers: Option<&Leftovers>,
) -> BTreeSet<InstanceId> {
    if node_eni.metadata.deletion_timestamp.is_some() || node_eni.spec.paused == Some(true) {
        return BTreeSet::new();
    }
    let known: BTreeSet<InstanceId> = nodes.iter().filter_map(|node| node.instance().ok()).collect();
    let selected = selected(node_eni, nodes).filter_map(|node| node.instance().ok());
    let left = leftovers.into_iter().flat_map(|left| &left.listing.enis);
    let left = left.filter_map(|eni| Some(Ownership::read(&eni.tags)?.slot));
    let slots = children.iter().filter_map(slot_of).chain(left);
    let orphaned = slots.map(|slot| slot.instance).filter(|id| !known.contains(id));
    selected.chain(orphaned).collect()
}

/// Decides what to do next about the slots of a `NodeENI`.
///
/// | the object is    | slots                                                                  |
/// |------------------|------------------------------------------------------------------------|
/// | new              | none, until its finalizer is on                                        |
/// | paused           | all stay as they are                                                   |
/// | alive            | one for each selected node and each listed subnet of the node's zone   |
/// | being deleted    | all are removed; the finalizer goes when EC2 lists no ENI of it        |
///
/// A slot is removed only for a reason that was seen: its node is there and not selected, its subnet is
/// not listed and everything listed resolves, or its instance is gone. A node that is missing, or has no
/// provider id, removes nothing. A slot whose object somebody deleted is renewed.
#[must_use]
pub fn plan(world: &World, settings: &Settings) -> Plan {
    let meta = &world.node_eni.metadata;
    let has_finalizer = meta.finalizers.iter().flatten().any(|name| name == NODE_ENI_FINALIZER);
    if meta.deletion_timestamp.is_some() {
        return deleting(world, settings, has_finalizer);
    }
    if !has_finalizer {
        return Plan { finalizer: Finalizer::Add, ..Plan::still(world, &rollup::Seen::default()) };
    }
    if world.node_eni.spec.paused == Some(true) {
        let update = world.children.iter().filter_map(child::paused).collect();
        return Plan { update, ..Plan::still(world, &rollup::Seen::default()) };
    }
    alive(world, settings)
}

impl Plan {
    /// A plan that does nothing but speak.
    fn still(world: &World, seen: &rollup::Seen) -> Self {
        Self {
            finalizer: Finalizer::Keep,
            create: vec![],
            update: vec![],
            remove: vec![],
            renew: vec![],
            status: rollup::status(world, seen),
            pace: Pace::Settled,
        }
    }
}

/// Makes, changes and removes slots.
fn alive(world: &World, settings: &Settings) -> Plan {
    let listed = wanted::listed(world);
    let places = allot(world, &listed.subnets);
    let wanted = wanted::slots(world, &listed, &places);
    let existing: BTreeMap<Slot, &NodeENIAttachment> =
        world.children.iter().filter_map(|child| Some((slot_of(child)?, child))).collect();
    let create = wanted
        .slots
        .values()
        .filter(|one| !existing.contains_key(&one.slot) && !is_held_back(world, &one.slot))
        .map(|one| child::new(world, one, None));
    let replaced = replace::due(world, &wanted);
    let is_replaced = |one: &NodeENIAttachment| replaced.iter().any(|other| std::ptr::eq(*other, one));
    let update = existing
        .iter()
        .filter(|(_, old)| !is_replaced(old))
        .filter_map(|(slot, old)| child::updated(world, wanted.slots.get(slot)?, old));
    let remove = world
        .children
        .iter()
        .filter(|one| removal::is_due(world, &listed, &wanted, one, settings) || is_replaced(one));
    let (renew, wait) = renewals(world, &wanted, settings);
    let orphans = orphans(world, &listed, &wanted, settings);
    let (create, update) = (create.chain(orphans).collect(), update.collect());
    let remove = remove.filter_map(child::released).collect();
    let unserved = wanted.unserved.iter().any(|one| !rollup::is_kind_of_node(one.reason));
    let unsure = !listed.problems.is_empty() || unserved || orphaned(world);
    let pace = if unsure { wait.or(Pace::Within(RECHECK)) } else { wait };
    let names = resolve::names_due(&world.node_eni.spec, &settings.cluster, world.now);
    let pace = pace.or(names.map_or(Pace::Settled, Pace::Within)).or(authority::pace(&world.authority));
    let pace = pace.or(neighbours::pace(&world.neighbours));
    let seen = rollup::Seen {
        wanted: wanted.slots.into_keys().collect(),
        places,
        listed: listed.clone(),
        unserved: wanted.unserved,
    };
    Plan { create, update, remove, renew, pace, ..Plan::still(world, &seen) }
}

/// Whether a slot waits until the one whose place it takes is gone: with `subnetPolicy: One` a node never has
/// two.
fn is_held_back(world: &World, slot: &Slot) -> bool {
    world.node_eni.spec.subnet_policy == SubnetPolicy::One
        && world.children.iter().filter_map(slot_of).any(|other| other.instance == slot.instance)
}

/// Objects for ENIs that have lost their own and that nothing wants any more, so that they go the ordinary
/// way: seen for as long as the lag, and due for one of the reasons for which a slot is removed.
fn orphans(
    world: &World,
    listed: &Listed,
    wanted: &wanted::Slots,
    settings: &Settings,
) -> Vec<NodeENIAttachment> {
    let Some(left) = world.leftovers.as_ref().filter(|_| world.held.is_none()) else { return vec![] };
    if world.now.duration_since(left.since) < settings.listing_lag {
        return vec![];
    }
    let objects = left.listing.enis.iter().filter_map(|eni| leftover(eni, &world.node_eni));
    one_of_each_name(objects.filter(|one| removal::is_orphan_due(world, listed, wanted, one, settings)))
}

/// Objects by their names, once each, the last of several: several ENIs can be of one slot.
pub(super) fn one_of_each_name(objects: impl Iterator<Item = NodeENIAttachment>) -> Vec<NodeENIAttachment> {
    let named = objects.filter_map(|one| Some((one.metadata.name.clone()?, one)));
    named.collect::<BTreeMap<String, NodeENIAttachment>>().into_values().collect()
}

/// The slots whose object somebody deleted, and when to look at those for which it is too early.
///
/// The next object must see the ENI in a listing, so the old one stays until it would be in one.
fn renewals(world: &World, wanted: &wanted::Slots, settings: &Settings) -> (Vec<Renewal>, Pace) {
    let (mut due, mut pace) = (vec![], Pace::Settled);
    for old in
        world.children.iter().filter(|old| old.metadata.deletion_timestamp.is_some() && !old.spec.release)
    {
        let Some(wanted) = slot_of(old).and_then(|slot| wanted.slots.get(&slot)) else { continue };
        // What an object without a record asked for, it asked for before it was deleted.
        let deleted = old.metadata.deletion_timestamp.as_ref().map_or(world.now, |time| time.0);
        let asked = old.recorded().map_or(deleted, |cloud| cloud.last_create.0);
        let listed_at = asked + settings.listing_lag;
        match listed_at.duration_since(world.now) {
            wait if wait.is_positive() => pace = pace.or(Pace::Within(wait)),
            _ => due.push(Renewal { old: old.clone(), new: child::new(world, wanted, Some(old)) }),
        }
    }
    (due, pace)
}

/// Whether a slot's instance has no node, so that only EC2 can tell what became of it.
fn orphaned(world: &World) -> bool {
    let known: BTreeSet<InstanceId> = world.nodes.iter().filter_map(|node| node.instance().ok()).collect();
    world.children.iter().filter_map(slot_of).any(|slot| !known.contains(&slot.instance))
}

/// Gives each listed subnet its place, those of living slots first.
fn allot(world: &World, listed: &[Subnet]) -> Vec<SubnetOffset> {
    let given = world.node_eni.status.as_ref().map_or(&[][..], |status| &status.subnet_offsets);
    // What lives wins over what is left over. An earlier listing counts only where nothing is recorded.
    let mut used = by_subnet(world.tagged.iter().filter(|_| given.is_empty()).cloned());
    used.extend(by_subnet(places_of_leftovers(world)));
    used.extend(by_subnet(places_of_slots(world)));
    offsets::allot(listed, given, &used)
}

/// Places by their subnets: of two of one subnet the lower.
fn by_subnet(places: impl Iterator<Item = SubnetOffset>) -> BTreeMap<SubnetId, SubnetOffset> {
    let mut found: BTreeMap<SubnetId, SubnetOffset> = BTreeMap::new();
    for place in places {
        if let Ok(id) = place.subnet_id.parse() {
            found.entry(id).and_modify(|known| *known = known.clone().min(place.clone())).or_insert(place);
        }
    }
    found
}

/// The places that slots were made with.
fn places_of_slots(world: &World) -> impl Iterator<Item = SubnetOffset> {
    world.children.iter().map(|child| SubnetOffset {
        subnet_id: child.spec.subnet_id.clone(),
        zone: child.spec.zone.clone(),
        offset: child.spec.offset,
    })
}

/// The places of ENIs that have lost their slots, by their tags.
fn places_of_leftovers(world: &World) -> impl Iterator<Item = SubnetOffset> {
    let enis = world.leftovers.iter().flat_map(|left| &left.listing.enis);
    enis.filter_map(|eni| Some(offsets::tagged(&Ownership::read(&eni.tags)?, &eni.zone)))
}

/// Removes all slots, and lets the object go when EC2 lists nothing of it.
fn deleting(world: &World, settings: &Settings, has_finalizer: bool) -> Plan {
    let still = Plan::still(world, &rollup::Seen::default());
    if world.node_eni.spec.paused == Some(true) || !has_finalizer {
        return still;
    }
    if !world.children.is_empty() {
        return Plan { remove: remove_all(&world.children), ..still };
    }
    match &world.leftovers {
        Some(_) if world.held.is_some() => Plan { pace: Pace::Within(RECHECK), ..still },
        None => Plan { pace: Pace::Within(LEFTOVERS_PERIOD), ..still },
        Some(left) if left.listing.enis.is_empty() => Plan { finalizer: Finalizer::Remove, ..still },
        Some(left) if world.now.duration_since(left.since) < settings.listing_lag => {
            Plan { pace: Pace::Within(LEFTOVERS_PERIOD), ..still }
        }
        Some(left) => {
            let objects = left.listing.enis.iter().filter_map(|eni| leftover(eni, &world.node_eni));
            Plan { create: one_of_each_name(objects), pace: Pace::Within(LEFTOVERS_PERIOD), ..still }
        }
    }
}
