//! What kubelet is to offer: devices that are as they were asked for, and those that pods may still hold.
//!
//! A device is on no list of kubelet's before it is ready, and off it before anything is done to it. One that pods
//! may hold stays on the list as not healthy, so that kubelet gives it to nobody else. No device is on two lists.

use std::collections::BTreeSet;

use super::configure::LATER;
use super::memory::DeviceMemory;
use super::restore::USE_AGAIN;
use super::{Outcome, Plan, Say, World, preflight, resource, users};
use crate::api::{ConditionType, NodeENIAttachment, Reason, Verdict};
use crate::model::{Function, Offer, Offers, PciAddress, Publication};

/// Whether a device may be put on a list.
enum May {
    Yes,
    Ask,
    No(Reason, String),
}

/// Offers the device of a slot, if it is to be offered, and says what became of that.
pub(super) fn offer(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    outcome: &mut Outcome,
    memory: &mut DeviceMemory,
    offers: &mut Offers,
) {
    let Some(name) = resource::name(slot).filter(|_| !slot.spec.release) else {
        memory.offered_as = None;
        outcome.say = outcome.say.take().map(|say| withdrawn(slot, say));
        return;
    };
    let (verdict, offered) = match outcome.offer.take() {
        None => (outcome.say.as_ref().map(|say| not_ready(outcome, say)), false),
        Some(offer) => match may(world, &name, &offer.device, memory) {
            May::Ask => {
                outcome.ask_kubelet = true;
                return;
            }
            May::No(reason, why) => {
                let within = Some(USE_AGAIN);
                outcome.within = outcome.within.into_iter().chain(within).min();
                (Some(no(reason, why)), false)
            }
            May::Yes => {
                let verdict = published(world, &name, &offer.device, outcome);
                let taken = offers.values().flatten().any(|other| other.device == offer.device);
                if !taken {
                    offers.entry(name.clone()).or_default().push(offer);
                }
                (verdict, true)
            }
        },
    };
    memory.offered_as = offered.then(|| name.clone());
    let say = outcome.say.take();
    outcome.say = say.map(|mut say| {
        say.resource = offered.then_some(name);
        say.verdicts.extend(verdict);
        say
    });
}

/// Whether a device may be offered by a name: not while a pod holds it by another.
fn may(world: &World<'_>, name: &str, device: &PciAddress, memory: &DeviceMemory) -> May {
    if let Some(why) = resource::refusal(name) {
        return May::No(Reason::ResourceNameInvalid, why);
    }
    if memory.offered_as.as_deref() == Some(name) {
        return May::Yes;
    }
    match world.allotted {
        None => May::Ask,
        Some(Err(why)) => {
            May::No(Reason::NotAdvertised, format!("kubelet does not say which pods hold it: {why}"))
        }
        Some(Ok(_)) => {
            let held = users::holders(world, device, |resource| resource != name);
            let listed = world.published.iter().find(|(other, one)| {
                let lists = matches!(one, Publication::Listed(devices) if devices.contains_key(device));
                *other != name && lists
            });
            match listed {
                _ if !held.is_empty() => May::No(Reason::InUse, held),
                Some((other, _)) => {
                    May::No(Reason::NotAdvertised, format!("kubelet still lists it as {other}"))
                }
                None => May::Yes,
            }
        }
    }
}

/// What became of a device that is on the list.
fn published(world: &World<'_>, name: &str, device: &PciAddress, outcome: &mut Outcome) -> Option<Verdict> {
    match world.published.get(name) {
        Some(Publication::Listed(devices)) if devices.get(device) == Some(&true) => {
            Some(yes(format!("kubelet offers it as {name}")))
        }
        Some(Publication::Listed(_)) | None => {
            Some(no(Reason::NotAdvertised, format!("kubelet does not have it on its list of {name} yet")))
        }
        Some(Publication::Waiting(why)) => Some(no(Reason::NotAdvertised, why.clone())),
        Some(Publication::ServedByAnother(why)) => Some(no(Reason::ServedByAnother, why.clone())),
        Some(Publication::Configured(hash)) => {
            let Some(allotted) = world.allotted else {
                outcome.ask_kubelet = true;
                return None;
            };
            let offered = allotted.as_ref().ok().and_then(|allotted| allotted.offered.get(name));
            let written = format!("{name} is in the SR-IOV device plugin's configuration (hash {hash})");
            if offered.is_some_and(|devices| devices.contains(device.as_str())) {
                return Some(yes(written));
            }
            outcome.within = outcome.within.into_iter().chain([LATER]).min();
            Some(no(Reason::PluginConfigured, format!("{written}, and its plugin does not offer it yet")))
        }
    }
}

/// Why a device is not on the list: what is said of it otherwise tells.
fn not_ready(outcome: &Outcome, say: &Say) -> Verdict {
    if let Some((reason, why)) = &outcome.not_offered {
        return no(*reason, why.clone());
    }
    let bad = say.verdicts.iter().find(|verdict| verdict.holds == Some(false));
    match bad {
        Some(verdict) => no(verdict.reason, verdict.message.clone()),
        None => no(Reason::NotAdvertised, "the device is not ready"),
    }
}

/// What to say of a device that is not to be offered any more.
fn withdrawn(slot: &NodeENIAttachment, say: Say) -> Say {
    let reason = if slot.spec.release { Reason::Removing } else { Reason::AsSpecified };
    if slot.holds(ConditionType::Advertised) {
        return say.no(ConditionType::Advertised, reason, "it is not to be offered any more");
    }
    say
}

fn yes(why: String) -> Verdict {
    Verdict::new(ConditionType::Advertised, Some(true), Reason::Advertised, why)
}

fn no(reason: Reason, why: impl Into<String>) -> Verdict {
    Verdict::new(ConditionType::Advertised, Some(false), reason, why)
}

/// Keeps on their lists, as not healthy, devices that pods may hold, and serves the lists of all slots that are there.
pub(super) fn withdraw(world: &World<'_>, slots: &[&NodeENIAttachment], plan: &mut Plan) {
    let claims = slots.iter().filter(|slot| super::has_claim(slot));
    let names: BTreeSet<String> = claims.filter_map(|slot| resource::name(slot)).collect();
    for name in names.iter().filter(|name| world.published.contains_key(*name)) {
        plan.offers.entry(name.clone()).or_default();
    }
    let listed = world.published.iter().flat_map(|(name, publication)| {
        let devices = match publication {
            Publication::Listed(devices) => Some(devices.keys()),
            Publication::Waiting(_) | Publication::ServedByAnother(_) | Publication::Configured(_) => None,
        };
        devices.into_iter().flatten().map(move |device| (name.clone(), device.clone()))
    });
    let mut candidates: BTreeSet<(String, PciAddress)> = listed.collect();
    let holders =
        world.allotted.and_then(|allotted| allotted.as_ref().ok()).map(|allotted| &allotted.holders);
    let ours: BTreeSet<&PciAddress> =
        world.journal.devices.values().filter_map(|record| record.pci.as_ref()).collect();
    candidates.extend(holders.into_iter().flatten().filter_map(|((name, device), pods)| {
        let device: PciAddress = device.parse().ok()?;
        (!pods.is_empty() && names.contains(name) && ours.contains(&device)).then(|| (name.clone(), device))
    }));
    for (name, device) in candidates {
        let offered = plan.offers.get(&name).is_some_and(|all| all.iter().any(|one| one.device == device));
        if offered {
            continue;
        }
        let held = match (world.allotted, holders) {
            (_, Some(holders)) => {
                holders.get(&(name.clone(), device.to_string())).is_some_and(|pods| !pods.is_empty())
            }
            (asked, None) => {
                plan.ask_kubelet |= asked.is_none();
                true
            }
        };
        if held {
            plan.offers.entry(name).or_default().push(unhealthy(world, device));
        }
    }
    plan.offers.values_mut().for_each(|all| all.sort());
}

fn unhealthy(world: &World<'_>, device: PciAddress) -> Offer {
    let function = world.view.functions.iter().find(|function| function.address == device);
    Offer {
        device,
        healthy: false,
        numa_node: function.and_then(|function| function.binding.numa_node),
        driver: function.and_then(|function| function.driver.clone()).unwrap_or_default(),
        nodes: vec![],
    }
}

/// A device that its kernel's driver has, as it is offered.
pub(super) fn of_kernel(function: &Function) -> Option<Offer> {
    let driver = function.driver.clone().filter(|driver| !preflight::is_dpdk(Some(driver)))?;
    Some(Offer {
        device: function.address.clone(),
        healthy: true,
        numa_node: function.binding.numa_node,
        driver,
        nodes: vec![],
    })
}
