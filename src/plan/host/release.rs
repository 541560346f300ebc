//! Letting go of a device whose ENI is to go, unless something uses it.
//!
//! What a detach would tear off is in use: the link itself in another namespace, whatever stands on it in any
//! namespace, and what cannot be seen.

use k8s_openapi::jiff::SignedDuration;

use super::memory::SlotMemory;
use super::{Outcome, Phase, Say, World, guard, named};
use crate::api::{ConditionType, NodeENIAttachment, Reason};
use crate::model::{Elsewhere, Link, LinkChange};

/// How soon to look again whether a device is still used: what stands on a link in another namespace goes
/// without an announcement here.
const USE_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// The link is here.
pub(super) fn found(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    link: &Link,
    memory: &SlotMemory,
) -> Outcome {
    if let Some((reason, why)) = guard::refusal(world, slot, link) {
        return kept(Say::of(Phase::InUse, link), reason, why, USE_AGAIN);
    }
    let Some(elsewhere) = world.elsewhere else {
        return Outcome { look_elsewhere: true, ..Outcome::default() };
    };
    let users = users(world, elsewhere, link);
    if !users.is_empty() {
        return kept(Say::of(Phase::InUse, link), Reason::InUse, users.join("; "), USE_AGAIN);
    }
    if let Some((left, words)) = memory.refused(world.now) {
        return kept(Say::of(Phase::Failed, link), Reason::KernelRefused, words, left);
    }
    let recorded = super::mac(slot).and_then(|mac| world.journal.devices.get(&mac));
    let given = recorded.into_iter().flat_map(|record| record.alt_names.iter().cloned());
    let ours = given.chain([slot.spec.alt_name.clone(), slot.spec.unique_alt_name.clone()]);
    let names: std::collections::BTreeSet<String> =
        ours.filter(|name| link.alt_names.contains(name)).collect();
    let mut changes = vec![];
    if !names.is_empty() {
        changes.push(LinkChange::DropNames { index: link.index, names });
    }
    if link.up {
        changes.push(LinkChange::Set { index: link.index, mtu: None, up: Some(false) });
    }
    let done = changes.is_empty();
    let say = released(Say::of(Phase::Released, link), "the link is down");
    Outcome { changes, say: done.then_some(say), ..Outcome::default() }
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

/// What uses a link, for people.
fn users(world: &World<'_>, elsewhere: &Elsewhere, link: &Link) -> Vec<String> {
    let mut users = vec![];
    let here = world.view.links.iter().filter(|other| {
        is_stacked(other)
            && other.lower.is_some_and(|lower| lower.index == link.index && lower.namespace.is_none())
    });
    let here: Vec<&Link> = here.filter(|other| other.index != link.index).collect();
    users.extend(here.iter().map(|child| format!("{} {} stands on it", kind(child), named(child))));
    let mut children = here;
    for (number, links) in &elsewhere.namespaces {
        match links {
            Ok(links) => {
                let on_it = links.iter().filter(|other| stands_on(other, elsewhere, link));
                for child in on_it {
                    users.push(format!(
                        "{} {} in network namespace {number} stands on it",
                        kind(child),
                        child.name
                    ));
                    children.push(child);
                }
            }
            Err(why) => users.push(format!("network namespace {number} cannot be seen: {why}")),
        }
    }
    // An ipvlan adds the address of the link itself.
    let accounted = |mac| children.iter().any(|child| child.mac == Some(mac)) || is_own(link, mac, &children);
    let listens = elsewhere.listens.get(&link.index).into_iter().flatten();
    users.extend(
        listens
            .filter(|mac| !accounted(**mac))
            .map(|mac| format!("something that cannot be seen listens on it as {mac}")),
    );
    users
}

/// Whether a link in another namespace stands on one of the agent's own.
fn stands_on(other: &Link, elsewhere: &Elsewhere, link: &Link) -> bool {
    let lower = other.lower.filter(|lower| lower.index == link.index);
    is_stacked(other)
        && lower.is_some_and(|lower| lower.namespace.is_some() && lower.namespace == elsewhere.own)
}

/// Whether the link that another names is one that it stands on. Of a pair it is the other end.
fn is_stacked(link: &Link) -> bool {
    link.kind.as_deref() != Some("veth")
}

/// Whether an address is the link's own, and something that is seen accounts for it.
fn is_own(link: &Link, mac: crate::model::MacAddress, children: &[&Link]) -> bool {
    link.mac == Some(mac) && !children.is_empty()
}

fn kind(link: &Link) -> &str {
    link.kind.as_deref().unwrap_or("link")
}
