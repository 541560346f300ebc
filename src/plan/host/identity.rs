//! Which link is a slot's: the one device whose hardware has the ENI's address.

use super::World;
use crate::api::{CloudState, NodeENIAttachment};
use crate::model::{Elsewhere, Function, Link, MacAddress};

/// Drivers that hand a device to a program and make no link of it.
const WITHOUT_LINK: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/// Where the link of a slot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity<'a> {
    /// Here.
    Found(&'a Link),
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

/// Finds the link of a slot.
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
    let hidden: Vec<&Function> = world.view.functions.iter().filter(|one| is_hidden(one)).collect();
    if hidden.is_empty() {
        return Identity::Absent;
    }
    let Some(elsewhere) = world.elsewhere else { return Identity::NotLooked };
    let recorded = world.journal.devices.get(&mac).and_then(|record| record.pci.as_ref());
    found_elsewhere(elsewhere, mac).unwrap_or_else(|| {
        let unseen: Vec<&&Function> =
            hidden.iter().filter(|function| !is_seen(elsewhere, function)).collect();
        let known = unseen.iter().find(|function| Some(&function.address) == recorded);
        let may_be_any = slot.spec.release && recorded.is_none() && may_be_attached(slot);
        match known.or_else(|| unseen.first().filter(|_| may_be_any)) {
            Some(function) => {
                let place = format!("a network namespace that cannot be seen ({})", function.address);
                Identity::Elsewhere { place, link: None }
            }
            None => Identity::Absent,
        }
    })
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
    function.links.is_empty() && driver.is_some_and(|driver| !WITHOUT_LINK.contains(&driver))
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
