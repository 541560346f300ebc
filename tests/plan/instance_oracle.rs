//! What the documents say of an instance's plan, written anew.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{CloudState, CloudStatus, NodeENIAttachment};
use eni_operator::model::{CreateEni, EniId, Position};
use eni_operator::plan::belief::SlotView;
use eni_operator::plan::instance::{Plan, Sighting, SlotPlan, Step, World};
use eni_operator::plan::{Settings, record};
use k8s_openapi::jiff::Timestamp;

use crate::make::LAG;

pub(crate) fn cloud(object: &NodeENIAttachment) -> Option<&CloudStatus> {
    object.status.as_ref()?.cloud.as_ref()
}

pub(crate) fn create(slot: &SlotPlan) -> Option<&CreateEni> {
    slot.steps.iter().find_map(|step| match step {
        Step::Create(request) => Some(request.as_ref()),
        _ => None,
    })
}

pub(crate) fn attach(slot: &SlotPlan) -> Option<Position> {
    slot.steps.iter().find_map(|step| match step {
        Step::Attach(at) => Some(*at),
        _ => None,
    })
}

/// The ENI that a step acts on: its own is the recorded one.
pub(crate) fn touches(slot: &SlotPlan, step: &Step) -> Option<EniId> {
    match step {
        Step::Create(_) => None,
        Step::DeleteSurplus(id) => Some(id.clone()),
        Step::DetachSurplus(attachment) => Some(surplus_of(slot, attachment.as_str())),
        Step::Attach(_) | Step::Change(_) | Step::Detach { .. } | Step::Delete => {
            slot.cloud.as_ref().and_then(record::eni)
        }
    }
}

/// In these worlds an ENI and its attachment have one number.
fn surplus_of(_: &SlotPlan, attachment: &str) -> EniId {
    attachment.replace("eni-attach-", "eni-").parse().unwrap()
}

/// The ENIs that EC2 lists under a slot's tags.
pub(crate) fn listed(slot: &SlotView) -> BTreeSet<EniId> {
    slot.listing.iter().flat_map(|listing| &listing.enis).map(|eni| eni.id.clone()).collect()
}

/// Positions that are not free to be given: strangers', and those that the plan itself believes to be ours.
pub(crate) fn busy(world: &World, plan: &Plan) -> BTreeSet<Position> {
    let ours: BTreeSet<EniId> = world
        .slots
        .iter()
        .flat_map(listed)
        .chain(plan.slots.iter().filter_map(|slot| record::eni(slot.cloud.as_ref()?)))
        .collect();
    let there = world.slots.iter().zip(&plan.slots).filter(|(slot, planned)| !is_gone(slot, planned));
    let believed = there.filter_map(|(_, planned)| record::position(planned.cloud.as_ref()?));
    let Sighting::Seen(instance) = &world.instance else { return believed.collect() };
    let strangers = instance.held.iter().filter(|held| !ours.contains(&held.eni)).map(|held| held.at);
    strangers.chain(believed).collect()
}

/// Whether a listing that shows everything lacks the recorded ENI.
fn is_gone(slot: &SlotView, planned: &SlotPlan) -> bool {
    let (Some(listing), Some(cloud)) = (&slot.listing, planned.cloud.as_ref()) else { return false };
    let shows_all = listing.at.duration_since(cloud.last_change.0).as_secs() >= LAG;
    shows_all && record::eni(cloud).is_some_and(|eni| !listed(slot).contains(&eni))
}

/// How many positions each card would carry if the plan were carried out.
pub(crate) fn load(world: &World, plan: &Plan) -> BTreeMap<u32, usize> {
    let given = plan.slots.iter().filter_map(attach);
    let mut load = BTreeMap::new();
    for at in busy(world, plan).into_iter().chain(given) {
        *load.entry(at.card).or_default() += 1;
    }
    load
}

fn passed(since: Timestamp, settings: &Settings, when: Timestamp) -> bool {
    when.duration_since(since) >= settings.listing_lag
}

/// Whether an object may be let go: nothing of it is listed, and no create of it can be out there.
///
/// One that is deleted and not released is not this plan's business.
pub(crate) fn may_let_go(slot: &SlotView, settings: &Settings) -> bool {
    let record = cloud(&slot.attachment);
    let spec = &slot.attachment.spec;
    let Some(listing) = slot.listing.as_ref().filter(|_| spec.release && !spec.paused) else { return false };
    let is_deleted = |id: &EniId| {
        record.is_some_and(|cloud| {
            cloud.state == Some(CloudState::Deleted)
                && record::eni(cloud).as_ref() == Some(id)
                && !passed(cloud.last_change.0, settings, listing.at)
        })
    };
    let nothing_listed = listing.enis.iter().all(|eni| is_deleted(&eni.id));
    let nothing_coming = match record {
        None => slot.newborn || passed(slot.known_since, settings, listing.at),
        Some(cloud) if cloud.eni_id.is_none() => passed(cloud.last_create.0, settings, listing.at),
        Some(cloud) if cloud.state == Some(CloudState::Deleted) => true,
        Some(cloud) => passed(cloud.last_change.0, settings, listing.at),
    };
    nothing_listed && nothing_coming
}

/// Whether the card of a position has room for one more, by what is held and believed.
pub(crate) fn limit(world: &World, card: u32) -> Option<usize> {
    let known = world.instance_type.as_ref()?;
    let limit = known.cards.iter().find(|one| one.index == card).map_or(0, |one| one.max_enis);
    Some(limit as usize)
}
