//! From a kernel's link to a DPDK driver, up to the write that takes the link away. [`taken`](super::taken) goes on
//! from there.
//!
//! One write at a time, and each of them is seen to have had its effect before the next is made.

use std::collections::BTreeSet;

use super::configure::{LATER, SOON, UDEV_PATIENCE};
use super::journal::{Aim, Rebound};
use super::memory::SlotMemory;
use super::users::{self, Hold};
use super::{Change, Outcome, Phase, Record, Say, World, named, preflight, restore};
use crate::api::{ConditionType, DpdkSpec, NodeENIAttachment, Reason};
use crate::model::{DeviceChange, Function, Link, LinkChange};

/// The device has its link, and is to be bound to a DPDK driver.
pub(super) fn found(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    dpdk: &DpdkSpec,
    link: &Link,
    memory: &mut SlotMemory,
) -> Outcome {
    let Some(function) = function_of(world, link) else {
        let why = format!("sysfs does not show the device of {}", named(link));
        return Outcome { within: Some(LATER), ..refused(link, Reason::LinkNotFound, why) };
    };
    if let Some(blocked) = restore::blocked(slot, function) {
        return blocked;
    }
    if let Some((reason, why)) = preflight::refusal(world, slot, dpdk, link, function) {
        return undone(world, function, memory, refused(link, reason, why));
    }
    if let Some((left, words)) = memory.device.not_bound(world.now) {
        let outcome = Outcome { within: Some(left), ..refused(link, Reason::BindFailed, words) };
        return undone(world, function, memory, outcome);
    }
    if let Some(fault) = world.journal_fault {
        return Outcome { within: Some(LATER), ..refused(link, Reason::JournalUnwritable, fault) };
    }
    let seen_for = memory.here.map(|(_, since)| world.now.since(since)).unwrap_or_default();
    if !link.settled && seen_for < UDEV_PATIENCE {
        return Outcome { within: Some(SOON), ..Outcome::default() };
    }
    if let Some(waits) = in_use(world, link, function) {
        return waits;
    }
    let record = Some(record(world, slot, dpdk, link, function));
    // The device is on its way from one driver to another, and the two looks differ.
    let Some(driver) = function.driver.as_deref().filter(|driver| !preflight::is_dpdk(Some(driver))) else {
        return Outcome { within: Some(SOON), ..Outcome::default() };
    };
    let step = step(world, dpdk, function, driver);
    if memory.device.done.as_ref() == Some(&step) {
        memory.device.done = None;
        memory.device.bind.add(restore::no_effect(&step), world.now);
        return Outcome { record, within: Some(SOON), ..Outcome::default() };
    }
    let mut changes: Vec<Change> = quiet(world, slot, link).into_iter().map(Change::Link).collect();
    let lets_no_iommu = step == DeviceChange::AllowNoIommu(true);
    changes.push(Change::Device(step));
    Outcome { changes, record, lets_no_iommu, ..Outcome::default() }
}

/// The next write.
fn step(world: &World<'_>, dpdk: &DpdkSpec, function: &Function, driver: &str) -> DeviceChange {
    let device = function.address.clone();
    let without_iommu = preflight::goes_without_iommu(dpdk, function);
    if without_iommu && world.view.platform.no_iommu_mode == Some(false) {
        return DeviceChange::AllowNoIommu(true);
    }
    if function.binding.driver_override.as_ref() != Some(&dpdk.driver) {
        return DeviceChange::Override { device, driver: Some(dpdk.driver.clone()) };
    }
    DeviceChange::Unbind { device, driver: driver.to_owned() }
}

/// What a link is taken down by, with the names that it was given.
fn quiet(world: &World<'_>, slot: &NodeENIAttachment, link: &Link) -> Vec<LinkChange> {
    let index = link.index;
    let names: BTreeSet<String> = super::names_of_ours(world, slot, link);
    let names = (!names.is_empty()).then_some(LinkChange::DropNames { index, names });
    let down = link.up.then_some(LinkChange::Set { index, mtu: None, up: Some(false) });
    names.into_iter().chain(down).collect()
}

/// What is waited for while something uses the device.
fn in_use(world: &World<'_>, link: &Link, function: &Function) -> Option<Outcome> {
    let Some(elsewhere) = world.elsewhere else {
        return Some(Outcome { look_elsewhere: true, ..Outcome::default() });
    };
    let children = users::of_link(world, elsewhere, link);
    let held = match users::by_pods(world, &function.address) {
        Hold::NotAsked => return Some(Outcome { ask_kubelet: true, ..Outcome::default() }),
        Hold::Withdrawing => return Some(Outcome { within: Some(LATER), ..Outcome::default() }),
        Hold::Held(pods) => Some(pods),
        Hold::Free => None,
    };
    let all: Vec<String> = children.into_iter().chain(held).collect();
    (!all.is_empty()).then(|| {
        let outcome = refused(link, Reason::InUse, all.join("; "));
        Outcome { within: Some(restore::USE_AGAIN), ..outcome }
    })
}

/// What to write down before the first write.
fn record(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    dpdk: &DpdkSpec,
    link: &Link,
    function: &Function,
) -> Record {
    let rebound = Rebound {
        original: function.driver.clone(),
        target: dpdk.driver.clone(),
        ids: function.binding.ids.clone(),
        aim: Aim::Bound,
    };
    Record { rebound: Some(rebound), ..super::record_of(world, slot, link) }
}

/// Takes back what an earlier try has left, before anything is said of why there is no next one.
fn undone(world: &World<'_>, function: &Function, memory: &SlotMemory, outcome: Outcome) -> Outcome {
    let recorded =
        world.journal.devices.values().find(|record| record.pci.as_ref() == Some(&function.address));
    let ours = recorded.and_then(|record| record.rebound.as_ref()).map(|rebound| &rebound.target);
    let left_over = ours.is_some() && function.binding.driver_override.as_ref() == ours;
    let refused = memory.device.not_restored(world.now).is_some();
    if !left_over || refused || !world.settings.binds_devices {
        return outcome;
    }
    let change = DeviceChange::Override { device: function.address.clone(), driver: None };
    Outcome { changes: vec![Change::Device(change)], ..outcome }
}

/// The device of a link.
pub(super) fn function_of<'a>(world: &World<'a>, link: &Link) -> Option<&'a Function> {
    world.view.functions.iter().find(|function| Some(&function.address) == link.pci.as_ref())
}

/// The device stays a link, and that is not what was asked for.
pub(super) fn refused(link: &Link, reason: Reason, why: impl Into<String>) -> Outcome {
    let why = why.into();
    let say = Say::of(Phase::Failed, link).no(ConditionType::DriverBound, reason, why.clone());
    let say = say.no(ConditionType::LinkReady, reason, why);
    Outcome { say: Some(say), ..Outcome::default() }
}
