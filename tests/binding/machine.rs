//! A machine: its devices, its kernel's mood, and what kubelet knows. Whatever must not happen is noted in `wrong`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use eni_operator::model::{
    Allotted, Binding, DeviceChange, Function, GroupMember, HostView, IommuGroup, Link, MacAddress, Offers,
    PciAddress, Platform,
};

use crate::fault::Fault;

/// The driver that all devices have by themselves.
pub const NATIVE: &str = "ena";

/// Its MTU after it has made a link anew, in bytes.
pub const FIRST_MTU: u32 = 1500;

/// A device on the bus.
#[derive(Debug, Clone)]
pub struct Device {
    pub mac: MacAddress,
    pub driver: Option<String>,
    pub driver_override: Option<String>,
    /// Since when the driver has had it, in milliseconds.
    pub since: i64,
    /// How long its link and its file take to be there from then on; `None` for ever.
    pub link_after: Option<i64>,
    pub node_after: Option<i64>,
    pub index: u32,
    pub up: bool,
    pub mtu: u32,
    pub alt_names: BTreeSet<String>,
    /// Its IOMMU group, if the host has an IOMMU, and what shares it.
    pub iommu: Option<u32>,
    /// Whether a program has it open, though no pod does.
    pub opened: bool,
    /// Whether its link is in a pod.
    pub in_pod: bool,
    pub pending: Option<DeviceChange>,
}

/// All there is.
pub struct Machine {
    /// Milliseconds since the machine started.
    pub now: i64,
    pub devices: BTreeMap<PciAddress, Device>,
    pub drivers: BTreeSet<String>,
    pub no_iommu: Option<bool>,
    pub faults: BTreeSet<Fault>,
    /// After how many more steps the agent dies.
    pub fuel: Option<u32>,
    /// A fault, and after how many more steps of the agent's it begins.
    pub begins: Option<(u32, Fault)>,
    /// The addresses of hardware that slots name or named.
    pub named: BTreeSet<MacAddress>,
    pub offers: Offers,
    pub allotted: Allotted,
    pub story: Vec<String>,
    pub wrong: Vec<String>,
    next: u32,
}

pub type Shared = Arc<Mutex<Machine>>;

pub fn lock(machine: &Shared) -> MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub fn place(n: u8) -> PciAddress {
    format!("0000:00:{n:02x}.0").parse().unwrap()
}

pub fn mac(n: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, n])
}

impl Device {
    pub fn new(mac: MacAddress, index: u32) -> Self {
        Self {
            mac,
            driver: Some(NATIVE.to_owned()),
            driver_override: None,
            since: 0,
            link_after: Some(0),
            node_after: Some(0),
            index,
            up: false,
            mtu: FIRST_MTU,
            alt_names: BTreeSet::new(),
            iommu: None,
            opened: false,
            in_pod: false,
            pending: None,
        }
    }

    /// Whether its driver has made a link of it by now.
    pub fn has_link(&self, now: i64) -> bool {
        self.driver.as_deref() == Some(NATIVE) && self.link_after.is_some_and(|wait| self.since + wait <= now)
    }

    /// Whether its driver has made a file for programs by now.
    pub fn has_node(&self, now: i64) -> bool {
        self.driver.as_deref().is_some_and(|driver| driver != NATIVE)
            && self.node_after.is_some_and(|wait| self.since + wait <= now)
    }
}

impl Machine {
    pub fn new() -> Self {
        let drivers = [NATIVE, "vfio-pci", "uio_pci_generic", "igb_uio"];
        let mut machine = Self {
            now: 1_000_000,
            devices: BTreeMap::new(),
            drivers: drivers.map(str::to_owned).into(),
            no_iommu: Some(false),
            faults: BTreeSet::new(),
            fuel: None,
            begins: None,
            named: BTreeSet::new(),
            offers: Offers::new(),
            allotted: Allotted::default(),
            story: vec![],
            wrong: vec![],
            next: 10,
        };
        // The node's own, and one that nobody has a slot for.
        machine.plug(4, mac(4));
        machine.plug(5, mac(5));
        machine
    }

    /// Plugs a device in.
    pub fn plug(&mut self, n: u8, mac: MacAddress) {
        self.next += 1;
        let mut device = Device::new(mac, self.next);
        device.since = self.now;
        self.story.push(format!("{mac} is plugged in at {}", place(n)));
        self.devices.insert(place(n), device);
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub fn note(&mut self, what: &str) {
        self.story.push(format!("{:>8} {what}", self.now));
    }

    pub fn wrong(&mut self, what: &str) {
        self.note(&format!("WRONG: {what}"));
        self.wrong.push(what.to_owned());
    }

    /// A number that nothing else has.
    pub fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// What a dump tells.
    pub fn view(&self) -> HostView {
        let here = self.devices.iter().filter(|(_, device)| device.has_link(self.now) && !device.in_pod);
        let links = here.map(|(place, device)| link(place, device)).collect();
        let functions = self.devices.iter().map(|(place, device)| self.function(place, device)).collect();
        let platform =
            Platform { drivers: self.drivers.clone(), no_iommu_mode: self.no_iommu, ..Platform::default() };
        HostView { links, functions, platform, ..HostView::default() }
    }

    /// Links that are in pods.
    pub fn links_elsewhere(&self) -> Vec<Link> {
        let there = self.devices.iter().filter(|(_, device)| device.has_link(self.now) && device.in_pod);
        there.map(|(place, device)| link(place, device)).collect()
    }

    fn function(&self, place: &PciAddress, device: &Device) -> Function {
        let here = device.has_link(self.now) && !device.in_pod;
        let links = here.then(|| format!("ens{}", device.index)).into_iter().collect();
        let binding = Binding {
            driver_override: device.driver_override.clone(),
            ids: Some(("0x1d0f".to_owned(), "0xec20".to_owned())),
            group: self.group(device),
            numa_node: Some(0),
            uio: device
                .driver
                .as_deref()
                .is_some_and(|driver| driver.contains("uio"))
                .then_some(device.index),
            node_exists: device.has_node(self.now),
            asleep: None,
            pending: device.pending.clone(),
        };
        Function { binding, ..Function::of(place.clone(), device.driver.clone(), links) }
    }

    fn group(&self, device: &Device) -> Option<IommuGroup> {
        let Some(number) = device.iommu else {
            let unsafe_one = device.driver.as_deref() == Some("vfio-pci");
            return unsafe_one.then(|| IommuGroup { number: device.index, no_iommu: true, members: vec![] });
        };
        let members = self.devices.iter().filter(|(_, other)| other.iommu == Some(number));
        let members = members.map(|(place, other)| GroupMember {
            address: place.clone(),
            class: "0x020000".to_owned(),
            driver: other.driver.clone(),
        });
        Some(IommuGroup { number, no_iommu: false, members: members.collect() })
    }

    /// The pods that hold a device.
    pub fn holders(&self, place: &PciAddress) -> usize {
        let held = self.allotted.holders.iter().filter(|((_, device), _)| device == place.as_str());
        held.map(|(_, pods)| pods.len()).sum()
    }
}

fn link(place: &PciAddress, device: &Device) -> Link {
    Link {
        index: device.index,
        name: format!("ens{}", device.index),
        alt_names: device.alt_names.clone(),
        mac: Some(device.mac),
        permanent_mac: Some(device.mac),
        pci: Some(place.clone()),
        driver: device.driver.clone(),
        mtu: device.mtu,
        min_mtu: 128,
        max_mtu: 9216,
        up: device.up,
        carrier: true,
        settled: true,
        ..Link::default()
    }
}
