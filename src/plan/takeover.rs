//! ENIs of the Go system that this operator replaces: how they become ours without being touched.
//!
//! Its `NodeENI`s are told by their status: a list of attachments, and nothing of what this operator always
//! writes. Its ENIs are told by its tags. They become ours by our own tags, put on by one call each; from then
//! on they are found like any other ENI whose record was lost.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::node::NodeFacts;
use crate::api::NodeENI;
use crate::model::{ClusterId, Eni, EniId, Epoch, InstanceId, Ownership, Slot, SubnetId, tag_key};

/// How long the other controller must have been silent.
///
/// It writes every status anew at least every five minutes (its `RECONCILE_PERIOD`, unless somebody changed
/// that), whether anything has changed or not; and one minute to be sure.
const SILENCE: SignedDuration = SignedDuration::from_mins(6);

/// How far a take-over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The object is ours, or nobody's.
    None,
    /// The other controller has written the object's status a moment ago; it may be gone at this time.
    StillWritten(Timestamp),
    /// It is silent: its ENIs can be taken over.
    Due,
}

/// How far the take-over of an object is.
#[must_use]
pub fn stage(object: &NodeENI, now: Timestamp) -> Stage {
    let Some(status) = &object.status else { return Stage::None };
    if status.observed_generation.is_some() || status.attachments.is_empty() {
        return Stage::None;
    }
    let written = status.attachments.iter().filter_map(|one| one.last_updated.as_ref()).map(|time| time.0);
    match written.max().map(|at| at + SILENCE) {
        Some(silent) if silent > now => Stage::StillWritten(silent),
        Some(_) | None => Stage::Due,
    }
}

/// An ENI to take over, and the tags that make it ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The ENI.
    pub eni: EniId,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

/// The ENIs of an object to take over, of those that bear the other system's tags for its name.
///
/// Its tags do not say which cluster they are of. So an ENI counts only if it hangs on an instance of one of
/// this cluster's nodes, or if the object's status names it. One that bears a cluster's tag is that cluster's.
#[must_use]
pub fn claims(
    object: &NodeENI,
    listed: &[Eni],
    nodes: &[NodeFacts],
    cluster: &ClusterId,
    now: Timestamp,
) -> Vec<Claim> {
    let instances: BTreeSet<InstanceId> = nodes.iter().filter_map(|node| node.instance().ok()).collect();
    let found: Vec<(&Eni, InstanceId)> = listed
        .iter()
        .filter(|eni| !eni.tags.contains_key(tag_key::CLUSTER))
        .filter_map(|eni| Some((eni, home(object, eni, &instances)?)))
        .collect();
    let places = places(object, listed, &found);
    let name = object.metadata.name.clone().unwrap_or_default();
    let claim = |(eni, instance): (&Eni, InstanceId)| {
        let slot = Slot { node_eni: name.clone(), instance, subnet: eni.subnet.clone() };
        let offset = places.get(&eni.subnet).copied().unwrap_or_default();
        let owner = Ownership { cluster: cluster.clone(), slot, epoch: Epoch(now.as_second()), offset };
        let node = eni.tags.get(tag_key::REFERENCE_NODE).cloned().unwrap_or_default();
        // What the ENI is called, and what else it is tagged with, is left to the ordinary comparison.
        let ours = owner.tags(&node, "", &BTreeMap::new());
        let tags = ours.into_iter().filter(|(key, value)| eni.tags.get(key) != Some(value)).collect();
        Claim { eni: eni.id.clone(), tags }
    };
    found.into_iter().map(claim).collect()
}

/// Which of an object's ENIs, of those that bear the other system's tags for its name, are ours already.
#[must_use]
pub fn ours<'a>(listed: &'a [Eni], cluster: &ClusterId) -> BTreeSet<&'a EniId> {
    let is_ours = |eni: &&Eni| Ownership::within(cluster, &eni.tags).is_some();
    listed.iter().filter(is_ours).map(|eni| &eni.id).collect()
}

/// The instance that an ENI is for; `None` for an ENI that may be another cluster's.
fn home(object: &NodeENI, eni: &Eni, instances: &BTreeSet<InstanceId>) -> Option<InstanceId> {
    let recorded = object.status.iter().flat_map(|status| &status.attachments);
    let mut recorded = recorded.filter(|one| one.eni_id == eni.id.as_str());
    let recorded: Option<InstanceId> = recorded.find_map(|one| one.instance_id.parse().ok());
    match &eni.attachment {
        Some(at) if instances.contains(&at.instance) || recorded.as_ref() == Some(&at.instance) => {
            Some(at.instance.clone())
        }
        Some(_) => None,
        None => recorded,
    }
}

/// The places of the subnets, as the ENIs hang: the device index above the object's, the lowest of a subnet.
///
/// Two subnets of a zone never get one place: the second takes the next free one.
fn places(object: &NodeENI, listed: &[Eni], found: &[(&Eni, InstanceId)]) -> BTreeMap<SubnetId, u32> {
    let base = u32::try_from(object.spec.device_index).unwrap_or_default();
    let mut lowest: BTreeMap<&SubnetId, (u32, &str)> = BTreeMap::new();
    for (eni, _) in found {
        let offset = eni.attachment.as_ref().map_or(0, |at| at.at.device.saturating_sub(base));
        let entry = lowest.entry(&eni.subnet).or_insert((offset, &eni.zone));
        entry.0 = entry.0.min(offset);
    }
    let given = listed.iter().filter_map(|eni| Some((eni, Ownership::read(&eni.tags)?)));
    let mut taken: BTreeSet<(String, u32)> =
        given.clone().map(|(eni, owner)| (eni.zone.clone(), owner.offset)).collect();
    let mut places: BTreeMap<SubnetId, u32> =
        given.map(|(eni, owner)| (eni.subnet.clone(), owner.offset)).collect();
    let mut order: Vec<(u32, &SubnetId, &str)> =
        lowest.into_iter().map(|(subnet, (offset, zone))| (offset, subnet, zone)).collect();
    order.sort_unstable();
    for (offset, subnet, zone) in order {
        if places.contains_key(subnet) {
            continue;
        }
        let free = (offset..=u32::MAX).find(|place| !taken.contains(&(zone.to_owned(), *place)));
        let place = free.unwrap_or(offset);
        taken.insert((zone.to_owned(), place));
        places.insert(subnet.clone(), place);
    }
    places
}
