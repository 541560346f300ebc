//! A device without a link: on its way to its DPDK driver, there, or on its way back.
//!
//! | its driver                  | it is to be bound                 | it is to be given back                        |
//! |-----------------------------|-----------------------------------|-----------------------------------------------|
//! | the one that is asked for   | its file awaited, then it is ready | taken from it, once nothing holds it          |
//! | none, and it is marked      | bound                             | the mark taken off                            |
//! | none, without the mark      | given back first                  | the kernel looks for a driver, then it is bound to its own |
//! | another DPDK driver         | given back first                  | taken from it, once nothing holds it          |
//! | its kernel's                | its link awaited                  | its link awaited, and said when it does not come |
//!
//! The mark is the override. It says that a device is ours, and goes by itself when the device is pulled out.

use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;

use super::journal::{Aim, Rebound};
use super::memory::{DeviceMemory, Failures, SlotMemory};
use super::restore::{Back, blocked, no_effect};
use super::{Change, Outcome, Phase, Record, Say, World, iommu, preflight, unnamed};
use crate::api::{ConditionType, DpdkSpec, NodeENIAttachment, Reason};
use crate::model::{DeviceChange, Function};

/// How long the file for programs may take to be there once a device is bound.
const NODE_PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// The device of a slot has no link.
pub(super) fn found(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    function: &Function,
    rebound: &Rebound,
    memory: &mut SlotMemory,
) -> Outcome {
    if let Some(outcome) = blocked(slot, function) {
        return outcome;
    }
    let forward = wanted(world, slot, function, rebound, memory)
        .and_then(|dpdk| forward(world, dpdk, function, rebound, memory));
    if let Some(outcome) = forward {
        let rebound = Some(Rebound { aim: Aim::Bound, ..rebound.clone() });
        let record = Some(Record { rebound, ..record(world, slot, function) });
        let record = record.filter(|_| world.journal_fault.is_none());
        return Outcome { record, ..outcome };
    }
    let record = record(world, slot, function);
    Back { world, slot: Some(slot), function, rebound, record }.outcome(memory)
}

/// What asks for the device to be bound as it is, or was to be; `None` if nothing does.
fn wanted<'a>(
    world: &World<'_>,
    slot: &'a NodeENIAttachment,
    function: &Function,
    rebound: &Rebound,
    memory: &SlotMemory,
) -> Option<&'a DpdkSpec> {
    let dpdk = slot.spec.dpdk.as_ref().filter(|dpdk| dpdk.enabled && !slot.spec.release)?;
    let stays = dpdk.driver == rebound.target
        && preflight::withdrawal(world, dpdk, function).is_none()
        && memory.device.not_bound(world.now).is_none();
    stays.then_some(dpdk)
}

/// The next step to the DPDK driver; `None` if there is none but back.
fn forward(
    world: &World<'_>,
    dpdk: &DpdkSpec,
    function: &Function,
    rebound: &Rebound,
    memory: &mut SlotMemory,
) -> Option<Outcome> {
    let marked = function.binding.driver_override.as_ref() == Some(&rebound.target);
    let (device, driver) = (function.address.clone(), rebound.target.clone());
    match &function.driver {
        Some(has) if *has == rebound.target => {
            let outcome = bound(world, dpdk, function, memory)?;
            let mark = DeviceChange::Override { device, driver: Some(driver) };
            let needed =
                !marked && world.settings.binds_devices && memory.device.done.as_ref() != Some(&mark);
            let changes = needed.then_some(Change::Device(mark)).into_iter().collect();
            Some(Outcome { changes, ..outcome })
        }
        None if marked && world.settings.binds_devices => {
            if let Some((_, why)) = preflight::not_loaded(world, dpdk) {
                memory.device.bind.add(why, world.now);
                return None;
            }
            let change = DeviceChange::Bind { device, driver };
            if memory.device.done.as_ref() == Some(&change) {
                memory.device.bind.add(no_effect(&change), world.now);
                return None;
            }
            Some(Outcome { changes: vec![Change::Device(change)], ..Outcome::default() })
        }
        Some(_) | None => None,
    }
}

/// It has the driver that is asked for.
fn bound(
    world: &World<'_>,
    dpdk: &DpdkSpec,
    function: &Function,
    memory: &mut SlotMemory,
) -> Option<Outcome> {
    let device = &mut memory.device;
    if iommu::nodes(function).is_none() {
        if let Some(left) = DeviceMemory::left(&mut device.node_since, NODE_PATIENCE, world.now) {
            return Some(Outcome { within: Some(left), ..Outcome::default() });
        }
        device.node_since = None;
        let seconds = NODE_PATIENCE.as_secs();
        let why = format!(
            "{} was bound to {} for {seconds} seconds, and there was no file for programs in /dev",
            function.address, dpdk.driver
        );
        device.bind.add(why, world.now);
        return None;
    }
    device.node_since = None;
    device.done = None;
    device.bind = Failures::default();
    let say = Say::of_device(Phase::Bound, function);
    let say = say.yes(ConditionType::DriverBound, Reason::AsSpecified, told(world, function, &dpdk.driver));
    let why = format!("bound to {}, and so no link", dpdk.driver);
    let say = Some(say.yes(ConditionType::LinkReady, Reason::BoundToDpdkDriver, why));
    let not_offered = iommu::trouble(function);
    let offer = unnamed::of_bound(function);
    Some(Outcome { say, offer, not_offered, ..Outcome::default() })
}

/// What there is to know of a bound device, for people.
fn told(world: &World<'_>, function: &Function, driver: &str) -> String {
    let mut all = vec![format!("{} is bound to {driver}", function.address)];
    match &function.binding.group {
        Some(group) if driver == preflight::VFIO && group.no_iommu => all.push(
            "WITHOUT an IOMMU, as was allowed: the program that uses it can write to all memory of the node"
                .to_owned(),
        ),
        Some(group) if driver == preflight::VFIO => all.push(format!("IOMMU group {}", group.number)),
        Some(_) | None => {
            all.push(
                "which knows no IOMMU: the program that uses it can write to all memory of the node"
                    .to_owned(),
            );
        }
    }
    all.extend(preflight::warnings(world, driver));
    all.join("; ")
}

/// Its record: as it was written when it had its link, or what is known of it if that is lost.
fn record(world: &World<'_>, slot: &NodeENIAttachment, function: &Function) -> Record {
    let known = super::mac(slot).and_then(|mac| world.journal.devices.get(&mac)).cloned();
    known.unwrap_or_else(|| Record {
        slot: slot.name_any(),
        pci: Some(function.address.clone()),
        first_name: String::new(),
        first_mtu: 0,
        alt_names: std::collections::BTreeSet::new(),
        rebound: None,
    })
}
