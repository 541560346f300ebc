//! Slots whose ENI is not as it was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;

use super::World;
use crate::api::{CloudState, CloudStatus, ConditionType, NodeENIAttachment, Reason, Verdict};
use crate::model::{Eni, InstanceId, Slot};
use crate::plan::belief::moment;
use crate::plan::instance::slot_of;
use crate::plan::{asks, record};

/// A slot whose ENI is not as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The slot's object.
    pub slot: Arc<NodeENIAttachment>,
    /// The record as EC2's listing has it; none if EC2 does not list the ENI.
    pub cloud: Option<CloudStatus>,
    /// What is wrong; none if the record was behind and nothing has to be put right.
    pub drift: Option<Drift>,
}

/// What is wrong with an ENI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// For programs.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

impl Drift {
    /// The condition that says so, and that makes the instance's pass look.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::new(ConditionType::Drifted, Some(true), self.reason, self.message.clone())
    }
}

impl Finding {
    /// Whether the ENI is missing although its node is there.
    pub(super) fn is_missing_from_a_live_node(&self, live: &BTreeSet<InstanceId>) -> bool {
        let of = self.slot.spec.instance_id.parse::<InstanceId>();
        self.cloud.is_none() && of.is_ok_and(|instance| live.contains(&instance))
    }
}

/// Whether a slot is one that nobody works on: its ENI should be as it was recorded.
pub(super) fn is_at_rest(slot: &NodeENIAttachment) -> bool {
    let attached = slot.recorded().is_some_and(|cloud| cloud.state == Some(CloudState::Attached));
    attached && !slot.is_leaving() && !slot.spec.paused
}

/// The slots whose ENI is not as it was recorded.
pub(super) fn findings(
    world: &World,
    by_slot: &BTreeMap<&Slot, Vec<&Eni>>,
    lag: SignedDuration,
) -> Vec<Finding> {
    let at_rest = world.slots.iter().filter(|slot| is_at_rest(slot));
    at_rest.filter_map(|slot| finding(world, by_slot, lag, slot)).collect()
}

/// What the listing says of one slot, if it says anything new.
fn finding(
    world: &World,
    by_slot: &BTreeMap<&Slot, Vec<&Eni>>,
    lag: SignedDuration,
    slot: &Arc<NodeENIAttachment>,
) -> Option<Finding> {
    let cloud = slot.recorded()?;
    if world.listing.at < moment(&cloud.last_change) + lag {
        return None;
    }
    let listed = by_slot.get(&slot_of(slot)?).map_or(&[][..], Vec::as_slice);
    let eni = listed.iter().find(|eni| Some(eni.id.as_str()) == cloud.eni_id.as_deref());
    let finding = |cloud, drift| Some(Finding { slot: slot.clone(), cloud, drift });
    let Some(eni) = eni else {
        let message = format!("EC2 does not list {} any more", name(cloud));
        return finding(None, Some(Drift { reason: Reason::EniMissing, message }));
    };
    let seen = record::of(eni, cloud);
    let drift = misplaced(slot, cloud, eni).or_else(|| altered(slot, cloud, &seen)).or_else(|| {
        let message = format!("{} is there besides {}", listed.len() - 1, eni.id);
        (listed.len() > 1).then_some(Drift { reason: Reason::SurplusEnis, message })
    });
    if drift.is_none() && seen == *cloud { None } else { finding(Some(seen), drift) }
}

/// An ENI that does not hang where it should.
fn misplaced(slot: &NodeENIAttachment, cloud: &CloudStatus, eni: &Eni) -> Option<Drift> {
    let drift = |reason, message| Some(Drift { reason, message });
    match &eni.attachment {
        None => drift(Reason::DetachedByHand, format!("somebody else detached {}", eni.id)),
        Some(found) if found.instance.as_str() != slot.spec.instance_id => {
            drift(Reason::Elsewhere, format!("somebody else attached {} to {}", eni.id, found.instance))
        }
        Some(found) if !record::same_attachment(cloud, found) => {
            drift(Reason::DetachedByHand, format!("somebody else attached {} anew, at {}", eni.id, found.at))
        }
        Some(_) => None,
    }
}

/// An ENI with attributes that the spec does not ask for, although they were as it asks.
fn altered(slot: &NodeENIAttachment, cloud: &CloudStatus, seen: &CloudStatus) -> Option<Drift> {
    let changes = asks::changes(slot, seen);
    if changes.is_empty() || !asks::changes(slot, cloud).is_empty() {
        return None;
    }
    let told = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let message = format!("somebody else changed {}: to be put right: {told}", name(seen));
    Some(Drift { reason: Reason::AttributesChanged, message })
}

/// The ENI's id, for people.
fn name(cloud: &CloudStatus) -> &str {
    cloud.eni_id.as_deref().unwrap_or("the ENI")
}

/// The end of a drift, if this state of the slot is it.
#[must_use]
pub fn put_right(object: &NodeENIAttachment, cloud: Option<&CloudStatus>) -> Option<Verdict> {
    let cloud = cloud.filter(|cloud| cloud.state == Some(CloudState::Attached))?;
    let message = format!("{} is as the spec has it", name(cloud));
    (object.holds(ConditionType::Drifted) && asks::changes(object, cloud).is_empty())
        .then(|| Verdict::new(ConditionType::Drifted, Some(false), Reason::AsSpecified, message))
}
