//! What uses a device, for people: what stands on its link, and pods that kubelet gave it to.

use super::{World, named};
use crate::model::{Elsewhere, Link, MacAddress, PciAddress, Publication};

/// Whether pods keep a device from being taken from its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hold {
    /// None does.
    Free,
    /// Somebody has to ask kubelet.
    NotAsked,
    /// Kubelet has not taken it off its list yet, and may give it to a pod.
    Withdrawing,
    /// Some do, or that cannot be told.
    Held(String),
}

/// Whether pods keep a device from being taken from its driver. Those that cannot be told do.
pub(super) fn by_pods(world: &World<'_>, place: &PciAddress) -> Hold {
    let listed = |publication: &Publication| match publication {
        Publication::Listed(devices) => devices.get(place) == Some(&true),
        Publication::Waiting(_) | Publication::ServedByAnother(_) | Publication::Configured(_) => false,
    };
    if world.published.values().any(listed) {
        return Hold::Withdrawing;
    }
    match world.allotted {
        None => Hold::NotAsked,
        Some(Err(why)) => Hold::Held(format!("kubelet does not say which pods hold it: {why}")),
        Some(Ok(_)) => match holders(world, place, |_| true) {
            held if held.is_empty() => Hold::Free,
            held => Hold::Held(held),
        },
    }
}

/// The pods that hold a device by certain resources, and by which.
pub(super) fn holders(world: &World<'_>, place: &PciAddress, by: impl Fn(&str) -> bool) -> String {
    let Some(Ok(allotted)) = world.allotted else { return String::new() };
    let held = allotted
        .holders
        .iter()
        .filter(|((resource, device), pods)| device == place.as_str() && !pods.is_empty() && by(resource));
    let each = held.map(|((resource, _), pods)| {
        let pods: Vec<String> = pods.iter().map(ToString::to_string).collect();
        let (noun, verb) = if pods.len() == 1 { ("pod", "holds") } else { ("pods", "hold") };
        format!("{noun} {} {verb} it as {resource}", pods.join(", "))
    });
    each.collect::<Vec<_>>().join("; ")
}

/// What uses a link, for people.
pub(super) fn of_link(world: &World<'_>, elsewhere: &Elsewhere, link: &Link) -> Vec<String> {
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
fn is_own(link: &Link, mac: MacAddress, children: &[&Link]) -> bool {
    link.mac == Some(mac) && !children.is_empty()
}

fn kind(link: &Link) -> &str {
    link.kind.as_deref().unwrap_or("link")
}
