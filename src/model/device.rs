//! PCI functions and their drivers, as sysfs tells of them.

use std::collections::{BTreeMap, BTreeSet};

use super::PciAddress;

/// A network device on the PCI bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its address.
    pub address: PciAddress,
    /// The driver that it is bound to.
    pub driver: Option<String>,
    /// Its links in the agent's network namespace. A bound one without any has its link in another.
    pub links: Vec<String>,
    /// What else is to be known before its driver is changed.
    pub binding: Binding,
}

impl Function {
    /// A function with a driver and links, of which nothing else is known.
    #[must_use]
    pub fn of(address: PciAddress, driver: Option<String>, links: Vec<String>) -> Self {
        Self { address, driver, links, binding: Binding::default() }
    }
}

/// What is to be known of a function before its driver is changed, and after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    /// The only driver that may take it: `driver_override`. `None` for any that knows it.
    pub driver_override: Option<String>,
    /// Vendor and device, as `0x1d0f` and `0xec20`.
    pub ids: Option<(String, String)>,
    /// Its IOMMU group. Without an IOMMU it has none before it is bound to vfio-pci.
    pub group: Option<IommuGroup>,
    /// The memory that is nearest, if the host tells.
    pub numa_node: Option<u32>,
    /// The number N of its `/dev/uioN`, if a driver has made one.
    pub uio: Option<u32>,
    /// Whether the file that a program opens to use it is there: `/dev/vfio/N` or `/dev/uioN`.
    pub node_exists: bool,
    /// Whether it sleeps. vfio-pci lets a device sleep that no program has open; a hint, and no proof.
    pub asleep: Option<bool>,
    /// A write that the kernel has not answered, as the one to another driver's `unbind` while a program has it open.
    pub pending: Option<DeviceChange>,
}

/// Devices that cannot be kept from each other's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IommuGroup {
    /// Its number. A device that is plugged in again may get another.
    pub number: u32,
    /// Whether it was made for a host without an IOMMU: `/dev/vfio/noiommu-N`.
    pub no_iommu: bool,
    /// All its members.
    pub members: Vec<GroupMember>,
}

/// A member of an IOMMU group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Its address.
    pub address: PciAddress,
    /// Its class code, as `0x020000`.
    pub class: String,
    /// The driver that it is bound to.
    pub driver: Option<String>,
}

/// What the host has for programs that drive devices by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// The drivers of the PCI bus that are loaded.
    pub drivers: BTreeSet<String>,
    /// Whether vfio takes devices without an IOMMU; `None` if its kernel cannot.
    pub no_iommu_mode: Option<bool>,
    /// Huge pages by NUMA node and size in KiB: how many there are, and how many are free.
    pub huge_pages: BTreeMap<(Option<u32>, u64), (u64, u64)>,
    /// The kernel's lockdown, as `none`, `integrity` or `confidentiality`, if it tells.
    pub lockdown: Option<String>,
    /// Whether the loaded driver can map a device's memory with write combining; `None` if that cannot be told.
    pub write_combining: Option<bool>,
}

/// A change of a device's driver: one write to a file of sysfs each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceChange {
    /// Names the only driver that may take a device, or lets any.
    Override {
        /// The device.
        device: PciAddress,
        /// The driver.
        driver: Option<String>,
    },
    /// Takes a device from its driver.
    Unbind {
        /// The device.
        device: PciAddress,
        /// The driver that has it.
        driver: String,
    },
    /// Gives a device to a driver.
    Bind {
        /// The device.
        device: PciAddress,
        /// The driver.
        driver: String,
    },
    /// Lets the kernel look for a driver. It says that this went well even if it found none.
    Probe {
        /// The device.
        device: PciAddress,
    },
    /// Lets vfio take devices of a host without an IOMMU, or not.
    AllowNoIommu(bool),
}

impl DeviceChange {
    /// The device that it changes, if it is about one.
    #[must_use]
    pub fn device(&self) -> Option<&PciAddress> {
        match self {
            Self::Override { device, .. }
            | Self::Unbind { device, .. }
            | Self::Bind { device, .. }
            | Self::Probe { device } => Some(device),
            Self::AllowNoIommu(_) => None,
        }
    }
}
