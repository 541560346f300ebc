//! What one listing of all of the cluster's ENIs tells: drift, orphans and strangers.
//!
//! The listing is the only look at EC2 that an operator at rest takes. What it shows is not acted on here:
//! a slot that drifted is marked, and its instance's pass puts it right; an ENI without a slot is handed to
//! its `NodeENI`'s pass, or, where there is none any more, gets an object that goes the ordinary way.

mod drift;
mod orphans;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::belief::Listing;
use super::instance::slot_of;
use super::offsets;
use crate::api::{NodeENIAttachment, SubnetOffset};
use crate::model::{ClusterId, Eni, EniId, InstanceId, Ownership, Slot};

pub use drift::{Drift, Finding, put_right};

/// What was observed of the whole cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// All ENIs that bear the cluster's tag, and when they were asked for.
    pub listing: Listing,
    /// All slots.
    pub slots: Vec<Arc<NodeENIAttachment>>,
    /// The names of all `NodeENI`s, those that cannot be read included.
    pub node_enis: BTreeSet<String>,
    /// Instances whose nodes are there and ready.
    pub live: BTreeSet<InstanceId>,
    /// When each ENI without a slot was first seen to be so.
    pub sightings: BTreeMap<EniId, Timestamp>,
}

/// How careful to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Time between two listings, before jitter.
    pub period: SignedDuration,
    /// How old an ENI must be, by its epoch, before it counts as an orphan.
    pub min_age: SignedDuration,
    /// Orphans of `NodeENI`s that are gone, that are given up in one period.
    pub deletions: usize,
    /// The share of all ENIs that may be orphans, or missing, in per cent. More than that says that the
    /// listing, the cluster id or the cluster's own memory is wrong, rather than EC2.
    pub brake: usize,
}

impl Default for Rules {
    /// Ten minutes, a quarter of an hour, 50 and a half: choices, not measurements.
    fn default() -> Self {
        Self {
            period: SignedDuration::from_mins(10),
            min_age: SignedDuration::from_mins(15),
            deletions: 50,
            brake: 50,
        }
    }
}

/// Fewer than these never trip the brake: half of two is one.
const TOO_FEW_TO_BRAKE: usize = 5;

/// What to make of a listing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Slots whose ENI is not as it was recorded.
    pub findings: Vec<Finding>,
    /// `NodeENI`s that have ENIs without a slot.
    pub visit: BTreeSet<String>,
    /// Objects to make for ENIs whose `NodeENI` is gone.
    pub bereaved: Vec<NodeENIAttachment>,
    /// ENIs that bear the cluster's tag and cannot be told to be ours. They are reported, and not touched.
    pub strangers: BTreeSet<EniId>,
    /// When each ENI without a slot was first seen.
    pub sightings: BTreeMap<EniId, Timestamp>,
    /// The places of subnets by `NodeENI`, as the ENIs' tags have them.
    pub places: BTreeMap<String, Vec<SubnetOffset>>,
    /// Why nothing may be deleted, if so.
    pub hold: Option<String>,
}

/// What to make of a listing.
#[must_use]
pub fn plan(world: &World, cluster: &ClusterId, lag: SignedDuration, rules: &Rules) -> Plan {
    let owned: Vec<(Ownership, &Eni)> = world
        .listing
        .enis
        .iter()
        .filter_map(|eni| Some((Ownership::within(cluster, &eni.tags)?, eni)))
        .collect();
    let mut by_slot: BTreeMap<&Slot, Vec<&Eni>> = BTreeMap::new();
    for (owner, eni) in &owned {
        by_slot.entry(&owner.slot).or_default().push(eni);
    }
    let findings = drift::findings(world, &by_slot, lag);
    let unowned = orphans::without_slot(world, &owned);
    let bereft = orphans::of_nobody(world, &unowned);
    let hold = held(world, rules, &findings, bereft, owned.len());
    let known: BTreeSet<&EniId> = owned.iter().map(|(_, eni)| &eni.id).collect();
    let strangers = world.listing.enis.iter().map(|eni| &eni.id).filter(|id| !known.contains(id));
    let mut plan = Plan {
        strangers: strangers.cloned().collect(),
        places: places(&owned),
        sightings: orphans::sightings(world, &unowned),
        ..Plan::default()
    };
    if hold.is_none() {
        plan.findings = findings;
        plan.visit = orphans::visits(world, &unowned);
        plan.bereaved = orphans::bereaved(world, &unowned, lag, rules);
    }
    Plan { hold, ..plan }
}

/// Why the listing is not to be acted on, if it would have too much deleted, or made again.
fn held(world: &World, rules: &Rules, findings: &[Finding], orphans: usize, listed: usize) -> Option<String> {
    let recorded = world.slots.iter().filter(|slot| drift::is_at_rest(slot)).count();
    let missing = findings.iter().filter(|one| one.is_missing_from_a_live_node(&world.live)).count();
    let too_many = |some: usize, all: usize| some >= TOO_FEW_TO_BRAKE && some * 100 > all * rules.brake;
    if too_many(missing, recorded) {
        return Some(format!(
            "EC2 lists {} of the {recorded} ENIs that should be on nodes; has the cluster id, the account or the region changed? Nothing is deleted or made again until they are listed",
            recorded - missing,
        ));
    }
    too_many(orphans, listed).then(|| {
        format!(
            "{orphans} of the {listed} ENIs of this cluster belong to a NodeENI that does not exist; was the cluster restored without its objects? None is deleted; --sweep-brake sets the share that may be"
        )
    })
}

/// The places of subnets by `NodeENI`, as the tags of living ENIs have them.
fn places(owned: &[(Ownership, &Eni)]) -> BTreeMap<String, Vec<SubnetOffset>> {
    let mut places: BTreeMap<String, BTreeSet<SubnetOffset>> = BTreeMap::new();
    for (owner, eni) in owned {
        let place = offsets::tagged(owner, &eni.zone);
        places.entry(owner.slot.node_eni.clone()).or_default().insert(place);
    }
    places.into_iter().map(|(name, places)| (name, places.into_iter().collect())).collect()
}

/// The slots that there are.
fn slots(world: &World) -> BTreeSet<Slot> {
    world.slots.iter().filter_map(|slot| slot_of(slot)).collect()
}
