//! What was done to which device: written before it is done, and read after a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::api::NodeENIAttachment;
use crate::model::{Function, HostView, MacAddress, PciAddress};

/// What was done to which device since the machine started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The kernel's id of this start of the machine. What was done before a reboot is undone by it.
    pub boot_id: String,
    /// Devices, by the address that their hardware has.
    pub devices: BTreeMap<MacAddress, Record>,
    /// Whether it was the agent that let vfio take devices without an IOMMU.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub let_no_iommu: bool,
}

/// What was done to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The name of the slot's object.
    pub slot: String,
    /// The PCI function. Another device in the same place has another address of hardware.
    pub pci: Option<PciAddress>,
    /// What its link was called when it was first seen.
    pub first_name: String,
    /// Its MTU in bytes when it was first seen.
    pub first_mtu: u32,
    /// Alternative names that were given to it.
    pub alt_names: BTreeSet<String>,
    /// What became of its driver. `None` while its kernel's driver has it and always had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebound: Option<Rebound>,
}

/// A device that is taken from its kernel's driver, or on its way there or back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebound {
    /// The driver that it had, and is to have again. `None` if that is not known: the kernel finds it.
    pub original: Option<String>,
    /// The DPDK driver.
    pub target: String,
    /// Vendor and device: another device in the same place may differ.
    pub ids: Option<(String, String)>,
    /// Which of the two it is to have. What was reached of that is seen and not recorded.
    pub aim: Aim,
}

/// Which driver a device is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aim {
    /// The DPDK driver.
    Bound,
    /// Its kernel's driver.
    Restored,
}

impl Journal {
    /// The journal of this start of the machine: another one's has nothing to say any more.
    #[must_use]
    pub fn of_boot(self, boot_id: &str) -> Self {
        if self.boot_id == boot_id {
            return self;
        }
        Self { boot_id: boot_id.to_owned(), ..Self::default() }
    }

    /// The journal without places at which another device is seen by now: what was done there was to one that has
    /// been pulled out.
    pub(super) fn believed(mut self, view: &HostView) -> Self {
        for (mac, record) in &mut self.devices {
            let place = record.pci.as_ref();
            let function = view.functions.iter().find(|function| Some(&function.address) == place);
            if function.is_some_and(|function| is_another(record, *mac, function, view)) {
                record.pci = None;
                record.rebound = None;
            }
        }
        self
    }

    /// Records a device. No other can be at the same place.
    pub(super) fn record(&mut self, mac: MacAddress, record: Record) {
        for (_, other) in self.devices.iter_mut().filter(|(other, _)| **other != mac) {
            if other.pci.is_some() && other.pci == record.pci {
                other.pci = None;
                other.rebound = None;
            }
        }
        self.devices.insert(mac, record);
    }

    /// Forgets devices that no slot names and that are not there. One that was taken from its driver is not
    /// forgotten before it has it again.
    pub(super) fn forget(&mut self, slots: &[&NodeENIAttachment], view: &HostView) {
        let named = |mac: &MacAddress| slots.iter().any(|slot| super::mac(slot) == Some(*mac));
        let there = |mac: &MacAddress| view.links.iter().any(|link| link.permanent_mac == Some(*mac));
        let taken = |record: &Record| {
            let place = record.pci.as_ref().filter(|_| record.rebound.is_some());
            view.functions.iter().any(|function| Some(&function.address) == place)
        };
        self.devices.retain(|mac, record| named(mac) || there(mac) || taken(record));
    }
}

/// Whether what is at a record's place is not the device that it speaks of.
fn is_another(record: &Record, mac: MacAddress, function: &Function, view: &HostView) -> bool {
    let links = view.links.iter().filter(|link| link.pci.as_ref() == Some(&function.address));
    let with_other_mac =
        links.into_iter().any(|link| link.permanent_mac.is_some_and(|permanent| permanent != mac));
    let known = record.rebound.as_ref().and_then(|rebound| rebound.ids.as_ref());
    let with_other_ids = known.is_some_and(|ids| function.binding.ids.as_ref().is_some_and(|now| now != ids));
    with_other_mac || with_other_ids
}
