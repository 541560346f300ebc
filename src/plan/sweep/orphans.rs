//! ENIs that no slot is there for.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{Rules, World, slots};
use crate::api::NodeENIAttachment;
use crate::model::{Eni, EniId, Ownership};
use crate::plan::fanout::{leftover_of, one_of_each_name};

/// An ENI of ours that no slot is there for.
pub(super) struct Unowned<'a> {
    owner: &'a Ownership,
    eni: &'a Eni,
}

/// The ENIs that no slot is there for.
pub(super) fn without_slot<'a>(world: &World, owned: &'a [(Ownership, &'a Eni)]) -> Vec<Unowned<'a>> {
    let slots = slots(world);
    let lost = owned.iter().filter(|(owner, _)| !slots.contains(&owner.slot));
    lost.map(|(owner, eni)| Unowned { owner, eni }).collect()
}

/// When each of them was first seen.
pub(super) fn sightings(world: &World, unowned: &[Unowned<'_>]) -> BTreeMap<EniId, Timestamp> {
    let first = |eni: &EniId| world.sightings.get(eni).copied().unwrap_or(world.listing.at);
    unowned.iter().map(|one| (one.eni.id.clone(), first(&one.eni.id))).collect()
}

/// How many of them are of a `NodeENI` that is gone. One that is there, paused or being deleted, has its own say.
pub(super) fn of_nobody(world: &World, unowned: &[Unowned<'_>]) -> usize {
    unowned.iter().filter(|one| !world.node_enis.contains(&one.owner.slot.node_eni)).count()
}

/// The `NodeENI`s that are there and have some: their passes decide.
pub(super) fn visits(world: &World, unowned: &[Unowned<'_>]) -> BTreeSet<String> {
    let names = unowned.iter().map(|one| &one.owner.slot.node_eni);
    names.filter(|name| world.node_enis.contains(*name)).cloned().collect()
}

/// Objects for those whose `NodeENI` is gone, which were seen so before and are old enough: as many as may
/// go in one period, the oldest first.
pub(super) fn bereaved(
    world: &World,
    unowned: &[Unowned<'_>],
    lag: SignedDuration,
    rules: &Rules,
) -> Vec<NodeENIAttachment> {
    let mut due: Vec<&Unowned<'_>> = unowned.iter().filter(|one| is_due(world, one, lag, rules)).collect();
    due.sort_by_key(|one| (one.owner.epoch, one.eni.id.clone()));
    // Of several of one slot the oldest tells what the object says.
    one_of_each_name(due.into_iter().take(rules.deletions).rev().filter_map(|one| leftover_of(one.eni)))
}

/// Whether an ENI whose `NodeENI` is gone was seen so before, long enough ago, and is old enough.
fn is_due(world: &World, one: &Unowned<'_>, lag: SignedDuration, rules: &Rules) -> bool {
    let now = world.listing.at;
    let seen_before = world.sightings.get(&one.eni.id).is_some_and(|first| *first + lag <= now);
    let born = Timestamp::from_second(one.owner.epoch.0).unwrap_or(Timestamp::MAX);
    let old = now.duration_since(born) >= rules.min_age;
    seen_before && old && !world.node_enis.contains(&one.owner.slot.node_eni)
}
