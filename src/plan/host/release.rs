//! Letting go of a device whose ENI is to go, unless something uses it.
//!
//! What a detach would tear off is in use: the link itself in another namespace, whatever stands on it in any
//! namespace, and what cannot be seen.

use k8s_openapi::jiff::SignedDuration;

use super::configure::LATER;
use super::memory::SlotMemory;
use super::restore::{self, USE_AGAIN};
use super::users::{self, Hold};
use super::{Change, Outcome, Phase, Say, World, guard, resource};
use crate::api::{ConditionType, NodeENIAttachment, Reason};
use crate::model::{Link, LinkChange};

/// The link is here.
pub(super) fn found(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    link: &Link,
    memory: &mut SlotMemory,
) -> Outcome {
    if let Some((reason, why)) = guard::refusal(world, slot, link) {
        return kept(Say::of(Phase::InUse, link), reason, why, USE_AGAIN);
    }
    let record = match restore::leftovers(world, slot, link, memory) {
        Ok(record) => record,
        Err(outcome) => return *outcome,
    };
    let Some(elsewhere) = world.elsewhere else {
        return Outcome { look_elsewhere: true, ..Outcome::default() };
    };
    let mut users = users::of_link(world, elsewhere, link);
    // Without an offer no pod has it from kubelet, and kubelet need not be there to be asked.
    let was_offered = resource::name(slot).is_some() || slot.holds(ConditionType::Advertised);
    if let Some(place) = link.pci.as_ref().filter(|_| was_offered) {
        match users::by_pods(world, place) {
            Hold::NotAsked => return Outcome { ask_kubelet: true, ..Outcome::default() },
            Hold::Withdrawing => return Outcome { within: Some(LATER), ..Outcome::default() },
            Hold::Held(pods) => users.push(pods),
            Hold::Free => {}
        }
    }
    if !users.is_empty() {
        return kept(Say::of(Phase::InUse, link), Reason::InUse, users.join("; "), USE_AGAIN);
    }
    if let Some((left, words)) = memory.refused(world.now) {
        return kept(Say::of(Phase::Failed, link), Reason::KernelRefused, words, left);
    }
    let names = super::names_of_ours(world, slot, link);
    let mut changes = vec![];
    if !names.is_empty() {
        changes.push(LinkChange::DropNames { index: link.index, names });
    }
    if link.up {
        changes.push(LinkChange::Set { index: link.index, mtu: None, up: Some(false) });
    }
    let done = changes.is_empty();
    let say = released(Say::of(Phase::Released, link), "the link is down");
    let changes = changes.into_iter().map(Change::Link).collect();
    Outcome { changes, record, say: done.then_some(say), ..Outcome::default() }
}

/// The link is in another namespace.
pub(super) fn elsewhere(place: &str, link: Option<&Link>) -> Outcome {
    let say = link.map_or_else(|| Say::without_link(Phase::InUse), |link| Say::of(Phase::InUse, link));
    kept(say, Reason::InUse, format!("the link is in {place}"), USE_AGAIN)
}

/// There is no device.
pub(super) fn absent() -> Outcome {
    let say = released(Say::without_link(Phase::Released), "the device is not there");
    Outcome { say: Some(say), ..Outcome::default() }
}

fn released(say: Say, how: &str) -> Say {
    let ready = say.no(ConditionType::LinkReady, Reason::Released, "the agent has let go of the device");
    ready.yes(ConditionType::Released, Reason::Released, how)
}

fn kept(say: Say, reason: Reason, why: impl Into<String>, within: SignedDuration) -> Outcome {
    let say = Some(say.no(ConditionType::Released, reason, why));
    Outcome { say, within: Some(within), ..Outcome::default() }
}
