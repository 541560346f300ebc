//! What was done to which device: written before it is done, and read after a restart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::NodeENIAttachment;
use crate::model::{HostView, MacAddress, PciAddress};

/// What was done to which device since the machine started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The kernel's id of this start of the machine. What was done before a reboot is undone by it.
    pub boot_id: String,
    /// Devices, by the address that their hardware has.
    pub devices: BTreeMap<MacAddress, Record>,
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
    pub alt_names: std::collections::BTreeSet<String>,
}

impl Journal {
    /// The journal of this start of the machine: another one's has nothing to say any more.
    #[must_use]
    pub fn of_boot(self, boot_id: &str) -> Self {
        if self.boot_id == boot_id {
            return self;
        }
        Self { boot_id: boot_id.to_owned(), devices: BTreeMap::new() }
    }

    /// Forgets devices that no slot names and that are not there.
    pub(super) fn forget(&mut self, slots: &[&NodeENIAttachment], view: &HostView) {
        let named = |mac: &MacAddress| slots.iter().any(|slot| super::mac(slot) == Some(*mac));
        let there = |mac: &MacAddress| view.links.iter().any(|link| link.permanent_mac == Some(*mac));
        self.devices.retain(|mac, _| named(mac) || there(mac));
    }
}
