//! What is there to do though no slot asks for it now.

use super::identity::{self, Identity};
use super::memory::SlotMemory;
use super::preflight::{VFIO, is_dpdk};
use super::restore::Back;
use super::{Change, HOST, Outcome, Plan, World, iommu, offers};
use crate::api::{ConditionType, NodeENIAttachment};
use crate::model::{DeviceChange, Function, MacAddress, Offer};

/// A slot that nothing is to be changed for: what kubelet offers of it stays.
pub(super) fn untouched(world: &World<'_>, slot: &NodeENIAttachment, mac: MacAddress) -> Outcome {
    let Some(dpdk) = slot.spec.dpdk.as_ref().filter(|_| slot.holds(ConditionType::Advertised)) else {
        return Outcome::default();
    };
    let at = |link: &crate::model::Link| {
        world.view.functions.iter().find(|function| Some(&function.address) == link.pci.as_ref())
    };
    let of_link = |link| at(link).filter(|_| !dpdk.enabled).and_then(offers::of_kernel);
    let offer = match identity::find(world, slot, mac) {
        Identity::NotLooked => return Outcome { look_elsewhere: true, ..Outcome::default() },
        Identity::Found(link) => of_link(link),
        Identity::Elsewhere { link, .. } => link.and_then(of_link),
        Identity::Taken(function, rebound) if function.driver.as_ref() == Some(&rebound.target) => {
            of_bound(function)
        }
        Identity::Taken(..) | Identity::Absent | Identity::Ambiguous(_) => None,
    };
    Outcome { offer, ..Outcome::default() }
}

/// A device that is bound to a DPDK driver and can be used, as it is offered.
pub(super) fn of_bound(function: &Function) -> Option<Offer> {
    let driver = function.driver.clone().filter(|driver| is_dpdk(Some(driver)))?;
    let usable = function.binding.pending.is_none() && iommu::trouble(function).is_none();
    let nodes = iommu::nodes(function).filter(|_| usable)?;
    Some(Offer {
        device: function.address.clone(),
        healthy: true,
        numa_node: function.binding.numa_node,
        driver,
        nodes,
    })
}

/// Gives a driver back to devices that lost theirs on the way to another, if no slot is there any more that asked for
/// that. Those that are bound stay so: a pod may use them, and their ENI has been left to others.
pub(super) fn restore(world: &World<'_>, slots: &[&NodeENIAttachment], plan: &mut Plan) {
    let mut outcomes = vec![];
    for (mac, record) in &world.journal.devices {
        let named = slots.iter().any(|slot| super::mac(slot) == Some(*mac));
        let Some(rebound) = record.rebound.as_ref().filter(|_| !named) else { continue };
        let place = world.view.functions.iter().find(|one| Some(&one.address) == record.pci.as_ref());
        let Some(function) = place.filter(|one| !is_dpdk(one.driver.as_deref())) else { continue };
        if function.binding.pending.is_some() {
            continue;
        }
        let key = mac.to_string();
        let mut memory: SlotMemory = world.memory.of(&key);
        let back = Back { world, slot: None, function, rebound, record: record.clone() };
        let is_back = !function.links.is_empty() && function.binding.driver_override.is_none();
        if is_back {
            outcomes.push((
                *mac,
                Outcome {
                    record: Some(super::Record { rebound: None, ..record.clone() }),
                    ..Outcome::default()
                },
            ));
        } else {
            outcomes.push((*mac, back.outcome(&mut memory)));
            plan.memory.keep(key, memory);
        }
    }
    for (mac, outcome) in outcomes {
        if let Some(record) = outcome.record {
            plan.journal.record(mac, record);
        }
        plan.changes.extend(outcome.changes.into_iter().map(|change| (mac.to_string(), change)));
        plan.ask_kubelet |= outcome.ask_kubelet;
        plan.pace = plan.pace.into_iter().chain(outcome.within).min();
    }
}

/// Lets vfio take no more devices without an IOMMU, if it was the agent that let it and nothing needs it any more.
pub(super) fn no_iommu(world: &World<'_>, plan: &mut Plan) {
    let asked = world.slots.iter().filter(|slot| super::has_claim(slot) && !slot.spec.release);
    let asked = asked.filter_map(|slot| slot.spec.dpdk.as_ref()).any(|dpdk| {
        dpdk.enabled && dpdk.driver == VFIO && dpdk.allow_unsafe_no_iommu && world.settings.allow_no_iommu
    });
    let without = |function: &Function| function.binding.group.as_ref().is_some_and(|group| group.no_iommu);
    if !plan.journal.let_no_iommu || asked || world.view.functions.iter().any(without) {
        return;
    }
    if world.view.platform.no_iommu_mode != Some(true) {
        plan.journal.let_no_iommu = false;
        return;
    }
    let memory = world.memory.of(HOST);
    let change = DeviceChange::AllowNoIommu(false);
    if let Some((left, _)) = memory.device.not_restored(world.now) {
        plan.pace = plan.pace.into_iter().chain([left]).min();
    } else if memory.device.done.as_ref() != Some(&change) {
        plan.changes.push((HOST.to_owned(), Change::Device(change)));
    }
    plan.memory.keep(HOST.to_owned(), memory);
}
