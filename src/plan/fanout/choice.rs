//! `subnetPolicy: One`: which subnet of its zone a node gets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::SignedDuration;

use super::World;
use crate::api::{CloudState, ConditionType, NodeENIAttachment, NodeENISpec, Reason};
use crate::model::{InstanceId, Slot, Subnet, SubnetId};
use crate::plan::instance::slot_of;

/// How old EC2's count of a subnet's free addresses may be: what was taken since is not in it.
///
/// As long as the answer is kept, see `controller::shared`.
const COUNT_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Addresses of a prefix.
const PREFIX: u64 = 16;

/// The choice of one subnet for each node, node by node.
///
/// Each choice counts for the next one: nodes that come together do not all see the same free addresses.
pub(super) struct Choice<'a> {
    /// The slots that there are, by instance, those on their way out included.
    slots: BTreeMap<InstanceId, Vec<(Slot, &'a NodeENIAttachment)>>,
    /// Addresses that are as good as taken, by subnet.
    taken: BTreeMap<SubnetId, u64>,
    /// Subnets in which EC2 has refused an ENI for want of an address.
    full: BTreeSet<SubnetId>,
    /// Addresses that an ENI takes.
    cost: u64,
}

impl<'a> Choice<'a> {
    /// Counts what is taken and what is full.
    pub(super) fn new(world: &'a World) -> Self {
        let mut choice = Self {
            slots: BTreeMap::new(),
            taken: BTreeMap::new(),
            full: BTreeSet::new(),
            cost: cost(&world.node_eni.spec),
        };
        for child in &world.children {
            let Some(slot) = slot_of(child) else { continue };
            if is_refused(child) {
                choice.full.insert(slot.subnet.clone());
            } else if !child.spec.release && !is_counted(world, child) {
                *choice.taken.entry(slot.subnet.clone()).or_default() += choice.cost;
            }
            choice.slots.entry(slot.instance.clone()).or_default().push((slot, child));
        }
        choice
    }

    /// The subnet of an instance, among those of its zone.
    ///
    /// An instance keeps the subnet that it has, unless EC2 has refused an ENI there for want of an address
    /// and another subnet has room. Of several, which another policy has left, the one with an ENI stays,
    /// and the first by its place.
    pub(super) fn of<'s>(&mut self, instance: &InstanceId, here: &[&'s Subnet]) -> Option<&'s Subnet> {
        if let Some(kept) = self.kept(instance, here) {
            return Some(kept);
        }
        let refused = |subnet: &&&Subnet| {
            let slots = self.slots.get(instance);
            slots.into_iter().flatten().any(|(slot, child)| slot.subnet == subnet.id && is_refused(child))
        };
        let best = |one: &&&Subnet| (self.room(one), Reverse(one.id.clone()));
        let others = here.iter().filter(|one| !refused(one) && self.room(one) >= self.cost);
        let chosen = others.max_by_key(best).or_else(|| {
            // There is room nowhere: it stays where it was refused, or waits where there may be some first.
            here.iter().filter(refused).min_by_key(|one| one.id.clone()).or(here.iter().max_by_key(best))
        });
        let chosen = chosen.copied()?;
        *self.taken.entry(chosen.id.clone()).or_default() += self.cost;
        Some(chosen)
    }

    /// The subnet that an instance has, if it can stay there.
    fn kept<'s>(&self, instance: &InstanceId, here: &[&'s Subnet]) -> Option<&'s Subnet> {
        let staying = self.slots.get(instance)?.iter().filter(|(_, child)| !child.spec.release);
        let able = staying.filter(|(_, child)| !is_refused(child));
        let found = able.filter_map(|(slot, child)| {
            let subnet = here.iter().find(|subnet| subnet.id == slot.subnet)?;
            Some((!is_there(child), child.spec.offset, &slot.subnet, *subnet))
        });
        found
            .min_by_key(|(absent, offset, id, _)| (*absent, *offset, (*id).clone()))
            .map(|(_, _, _, one)| one)
    }

    /// Addresses that a subnet has left.
    fn room(&self, subnet: &Subnet) -> u64 {
        if self.full.contains(&subnet.id) {
            return 0;
        }
        let taken = self.taken.get(&subnet.id).copied().unwrap_or_default();
        u64::from(subnet.free_addresses).saturating_sub(taken)
    }
}

/// Addresses that an ENI of this spec takes.
fn cost(spec: &NodeENISpec) -> u64 {
    let count = |set: Option<i64>| u64::try_from(set.unwrap_or_default()).unwrap_or_default();
    1 + count(spec.secondary_private_ip_count) + PREFIX * count(spec.ipv4_prefix_count)
}

/// Whether a slot has an ENI.
fn is_there(child: &NodeENIAttachment) -> bool {
    child.recorded().is_some_and(|cloud| cloud.eni_id.is_some() && cloud.state != Some(CloudState::Deleted))
}

/// Whether EC2's count of free addresses has a slot's ENI in it.
fn is_counted(world: &World, child: &NodeENIAttachment) -> bool {
    let age = child.recorded().map(|cloud| world.now.duration_since(cloud.last_create.0));
    is_there(child) && age.is_some_and(|age| age >= COUNT_AGE)
}

/// Whether EC2 has refused a slot its ENI for want of an address.
fn is_refused(child: &NodeENIAttachment) -> bool {
    let created = child.condition(ConditionType::Created);
    !is_there(child)
        && created.is_some_and(|one| one.status == "False" && one.reason == Reason::SubnetFull.name())
}
