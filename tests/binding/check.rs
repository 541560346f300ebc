//! Where devices have to be when nothing is against the agent any more. Shares no code with the plans.

use eni_operator::api::ConditionType;

use crate::machine::{NATIVE, lock, mac};
use crate::node::Node;
use crate::slots::said;

/// What is wrong with a node.
pub fn wrong(node: &mut Node) -> Vec<String> {
    node.cease();
    let mut all = vec![];
    if !node.rest() {
        all.push("it does not come to rest".to_owned());
    }
    all.extend(lock(&node.machine).wrong.clone());
    for n in node.slots.keys().copied().collect::<Vec<_>>() {
        all.extend(of_slot(node, n));
    }
    all.extend(untouched(node));
    all
}

/// The same, told with all that happened.
pub fn check(node: &mut Node, what: &str) {
    let wrong = wrong(node);
    if !wrong.is_empty() {
        let story = lock(&node.machine).story.join("\n");
        let says: Vec<String> = node
            .slots
            .iter()
            .map(|(n, slot)| format!("{n}: {:?}", slot.status.as_ref().map(|status| &status.conditions)))
            .collect();
        panic!("{what}:\n{}\n\n{story}\n\n{}", wrong.join("\n"), says.join("\n"));
    }
}

/// What is wrong with the device of a slot.
fn of_slot(node: &Node, n: u8) -> Vec<String> {
    let slot = &node.slots[&n];
    let machine = lock(&node.machine);
    let found = machine.devices.iter().find(|(_, device)| device.mac == mac(n));
    let Some((place, device)) = found else {
        let told = said(slot, ConditionType::Released).or_else(|| said(slot, ConditionType::LinkReady));
        let fine = told.is_some_and(|(_, reason, _)| reason == "LinkNotFound" || reason == "Released");
        return if fine { vec![] } else { vec![format!("{n} is gone, and that is not said")] };
    };
    let listed = machine.offers.values().flatten().any(|offer| offer.device == *place);
    let healthy = machine.offers.values().flatten().any(|offer| offer.device == *place && offer.healthy);
    let mut all = vec![];
    let mut must = |holds: bool, what: &str| {
        if !holds {
            all.push(format!("{n} at {place}: {what}; {device:?}"));
        }
    };
    let says = |type_, status: &str| said(slot, type_).is_some_and(|(now, ..)| now == status);
    let dpdk = slot.spec.dpdk.as_ref().filter(|_| !slot.spec.release);
    match dpdk.filter(|dpdk| dpdk.enabled) {
        Some(dpdk) if device.iommu.is_some() || dpdk.driver != "vfio-pci" || dpdk.allow_unsafe_no_iommu => {
            must(device.driver.as_ref() == Some(&dpdk.driver), "not bound to the driver that is asked for");
            must(device.driver_override == device.driver, "not marked as ours");
            must(says(ConditionType::DriverBound, "True"), "DriverBound is not said");
            must(says(ConditionType::LinkReady, "True"), "LinkReady is not said");
            must(healthy && says(ConditionType::Advertised, "True"), "not offered");
        }
        Some(_) => {
            must(device.driver.as_deref() == Some(NATIVE), "bound without an IOMMU");
            must(says(ConditionType::LinkReady, "False") && !listed, "that it is refused is not said");
        }
        None => {
            must(device.driver.as_deref() == Some(NATIVE), "not given back");
            must(device.driver_override.is_none(), "still marked");
            must(healthy == dpdk.is_some(), "offered, or not, against what is asked for");
            must(!says(ConditionType::DriverBound, "True"), "DriverBound is still said");
            must(device.up != slot.spec.release, "up or down against what is asked for");
            if slot.spec.release {
                must(says(ConditionType::Released, "True"), "Released is not said");
                must(device.alt_names.is_empty(), "still named");
            } else {
                must(says(ConditionType::LinkReady, "True"), "LinkReady is not said");
                must(device.mtu == 9001, "its MTU is not set again");
            }
        }
    }
    all
}

/// Devices that nobody may touch, and the mode of the whole host.
fn untouched(node: &Node) -> Vec<String> {
    let machine = lock(&node.machine);
    let strange = machine.devices.iter().filter(|(_, device)| !machine.named.contains(&device.mac));
    let touched = strange.filter(|(_, device)| {
        device.driver.as_deref() != Some(NATIVE)
            || device.driver_override.is_some()
            || !device.alt_names.is_empty()
    });
    let mut all: Vec<String> =
        touched.map(|(place, _)| format!("{place} is no slot's, and touched")).collect();
    let needed = machine
        .devices
        .values()
        .any(|device| device.iommu.is_none() && device.driver.as_deref() == Some("vfio-pci"));
    if machine.no_iommu == Some(true) && !needed && node.slots.values().all(|slot| slot.spec.release) {
        all.push("the host still lets devices go without an IOMMU".to_owned());
    }
    all
}
