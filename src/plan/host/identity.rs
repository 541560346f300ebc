//! Which link or device is a slot's: the one whose hardware has the ENI's address.
//!
//! A device that has no link shows no hardware address. Then it is the one that was recorded when it had one, if
//! nothing that is seen says otherwise.

use super::World;
use super::journal::{Aim, Rebound};
use super::preflight::is_dpdk;
use crate::api::{CloudState, ConditionType, NodeENIAttachment};
use crate::model::{Elsewhere, Function, Link, MacAddress, PciAddress};

/// Where the device of a slot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity<'a> {
    /// Here, as a link.
    Found(&'a Link),
    /// Here, without a link: taken from its kernel's driver, or given back to it just now.
    Taken(&'a Function, Rebound),
    /// In another network namespace; without the link where that cannot be seen.
    Elsewhere {
        /// Where, for people.
        place: String,
        /// The link there.
        link: Option<&'a Link>,
    },
    /// Nowhere.
    Absent,
    /// There is more than one, and none is touched.
    Ambiguous(String),
    /// It may be in another namespace, and nobody has looked there.
    NotLooked,
}

/// Finds the device of a slot.
pub(super) fn find<'a>(world: &World<'a>, slot: &NodeENIAttachment, mac: MacAddress) -> Identity<'a> {
    let claims = world.slots.iter().filter(|other| super::has_claim(other));
    let twins = claims.filter(|other| super::mac(other) == Some(mac));
    if twins.clone().count() > 1 {
        let names: Vec<&str> = twins.filter_map(|twin| twin.metadata.name.as_deref()).collect();
        return Identity::Ambiguous(format!("{mac} is the address of {}", names.join(" and ")));
    }
    let here: Vec<&Link> = world.view.links.iter().filter(|link| is_device_of(link, mac)).collect();
    match here.as_slice() {
        [link] => return Identity::Found(link),
        [] => {}
        several => {
            let names: Vec<String> = several.iter().map(|link| super::named(link)).collect();
            return Identity::Ambiguous(format!("{mac} is the address of {}", names.join(" and ")));
        }
    }
    let taken = taken(world, mac).or_else(|| told(world, slot, mac));
    match taken {
        // The link of one that a kernel's driver has may be elsewhere.
        Some((function, rebound)) if function.driver.is_none() || is_dpdk(function.driver.as_deref()) => {
            Identity::Taken(function, rebound)
        }
        taken => hidden(world, slot, mac, taken),
    }
}

/// Finds the device of a slot that has no link here.
fn hidden<'a>(
    world: &World<'a>,
    slot: &NodeENIAttachment,
    mac: MacAddress,
    taken: Option<(&'a Function, Rebound)>,
) -> Identity<'a> {
    if let Some(place) = lost(world, slot, mac) {
        return Identity::Elsewhere { place, link: None };
    }
    let hidden: Vec<&Function> = world.view.functions.iter().filter(|one| is_hidden(one)).collect();
    if hidden.is_empty() {
        return Identity::Absent;
    }
    let Some(elsewhere) = world.elsewhere else { return Identity::NotLooked };
    if let Some(found) = found_elsewhere(elsewhere, mac) {
        return found;
    }
    if let Some((function, rebound)) = taken {
        return Identity::Taken(function, rebound);
    }
    let recorded = world.journal.devices.get(&mac).and_then(|record| record.pci.as_ref());
    let unseen: Vec<&&Function> = hidden.iter().filter(|function| !is_seen(elsewhere, function)).collect();
    let known = unseen.iter().find(|function| Some(&function.address) == recorded);
    let may_be_any = slot.spec.release && recorded.is_none() && may_be_attached(slot);
    match known.or_else(|| unseen.first().filter(|_| may_be_any)) {
        Some(function) => {
            let place = format!("a network namespace that cannot be seen ({})", function.address);
            Identity::Elsewhere { place, link: None }
        }
        None => Identity::Absent,
    }
}

/// Whether a slot's device is known to be at a place.
pub(super) fn is_at(world: &World<'_>, mac: MacAddress, place: &PciAddress) -> bool {
    let here = world.view.links.iter().find(|link| is_device_of(link, mac));
    match here {
        Some(link) => link.pci.as_ref() == Some(place),
        None => taken(world, mac).is_some_and(|(function, _)| function.address == *place),
    }
}

/// The device that was recorded when it still had its link.
fn taken<'a>(world: &World<'a>, mac: MacAddress) -> Option<(&'a Function, Rebound)> {
    let record = world.journal.devices.get(&mac)?;
    let function = function_at(world, record.pci.as_ref()?)?;
    Some((function, record.rebound.clone()?)).filter(|_| function.links.is_empty())
}

/// The device that the slot's own status tells of, where the journal is lost: what the driver holds is marked by the
/// override, which neither another device in its place nor another start of the machine has.
fn told<'a>(world: &World<'a>, slot: &NodeENIAttachment, mac: MacAddress) -> Option<(&'a Function, Rebound)> {
    let host = slot.status.as_ref()?.host.as_ref()?;
    let target = host.driver.as_ref().filter(|driver| is_dpdk(Some(driver)))?;
    let place: PciAddress = host.pci_address.as_ref()?.parse().ok()?;
    let function = function_at(world, &place)?;
    let marked = function.driver.as_ref() == Some(target)
        && function.binding.driver_override.as_ref() == Some(target)
        && function.links.is_empty();
    let recorded = world.journal.devices.contains_key(&mac) || is_claimed(world, &place);
    let rebound = || Rebound {
        original: None,
        target: target.clone(),
        ids: function.binding.ids.clone(),
        aim: Aim::Bound,
    };
    (marked && !recorded).then(|| (function, rebound()))
}

/// Where a device may be that was bound to a DPDK driver once and that nothing tells of any more.
fn lost(world: &World<'_>, slot: &NodeENIAttachment, mac: MacAddress) -> Option<String> {
    let recorded = world.journal.devices.get(&mac).is_some_and(|record| record.pci.is_some());
    let was_bound = slot.holds(ConditionType::DriverBound) && may_be_attached(slot);
    if !slot.spec.release || recorded || !was_bound {
        return None;
    }
    let mut bound = world.view.functions.iter().filter(|function| is_dpdk(function.driver.as_deref()));
    let one = bound.find(|function| !is_claimed(world, &function.address))?;
    let driver = one.driver.as_deref().unwrap_or_default();
    Some(format!("the hands of {driver} ({}), and no record says whether it is that one", one.address))
}

fn function_at<'a>(world: &World<'a>, place: &PciAddress) -> Option<&'a Function> {
    world.view.functions.iter().find(|function| function.address == *place)
}

fn is_claimed(world: &World<'_>, place: &PciAddress) -> bool {
    world.journal.devices.values().any(|record| record.pci.as_ref() == Some(place))
}

/// Whether the host may have the device, for all that EC2 has said.
fn may_be_attached(slot: &NodeENIAttachment) -> bool {
    match slot.recorded().and_then(|cloud| cloud.state) {
        Some(CloudState::Attaching | CloudState::Attached | CloudState::Detaching) => true,
        Some(CloudState::Available | CloudState::Deleted) | None => false,
    }
}

/// Whether a link is that of the device with this address.
///
/// What stands on a device may have its address, and has a kind. A device has a place on the PCI bus.
fn is_device_of(link: &Link, mac: MacAddress) -> bool {
    let address = link.permanent_mac.or(link.mac);
    link.kind.is_none() && link.pci.is_some() && address == Some(mac)
}

/// Whether a device has a link that is not here.
fn is_hidden(function: &Function) -> bool {
    let driver = function.driver.as_deref();
    function.links.is_empty() && driver.is_some() && !is_dpdk(driver)
}

fn found_elsewhere(elsewhere: &Elsewhere, mac: MacAddress) -> Option<Identity<'_>> {
    elsewhere.namespaces.iter().find_map(|(number, links)| {
        let links = links.as_ref().ok()?;
        let link = links.iter().find(|link| is_device_of(link, mac))?;
        let place = format!("network namespace {number} as {}", link.name);
        Some(Identity::Elsewhere { place, link: Some(link) })
    })
}

/// Whether the link of a device is among those elsewhere.
fn is_seen(elsewhere: &Elsewhere, function: &Function) -> bool {
    let all = elsewhere.namespaces.values().filter_map(|links| links.as_ref().ok()).flatten();
    all.into_iter().any(|link| link.pci.as_ref() == Some(&function.address))
}
