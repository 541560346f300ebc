//! What a kernel does with writes to sysfs, as it was measured: a bind of a driver that does not match is `ENODEV`, of a
//! bound device `EBUSY`, of a driver that is not there `ENOENT`; a probe goes well whatever it finds; an unbind of
//! vfio waits for the program that has the device open.

use eni_operator::model::{DeviceChange, HostError, PciAddress};

use crate::fault::Fault;
use crate::machine::{FIRST_MTU, Machine, NATIVE};

const EIO: i32 = 5;
const ENOENT: i32 = 2;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;

type Done = Result<(), HostError>;

fn error(change: &DeviceChange, code: Option<i32>) -> Done {
    let message = code.map_or_else(|| "no answer".to_owned(), |code| format!("os error {code}"));
    Err(HostError { doing: format!("{change:?}"), code, message })
}

impl Machine {
    /// A write of the agent's.
    pub fn write(&mut self, change: &DeviceChange) -> Done {
        self.judge(change);
        let done = self.carried_out(change);
        let outcome = match &done {
            Ok(()) => "well".to_owned(),
            Err(error) => error.message.clone(),
        };
        self.note(&format!("{change:?}: {outcome}"));
        done
    }

    /// Notes what no agent may do.
    fn judge(&mut self, change: &DeviceChange) {
        let Some(place) = change.device() else { return };
        let Some(device) = self.devices.get(place) else { return };
        let mut wrong = vec![];
        if !self.named.contains(&device.mac) {
            wrong.push("a device that no slot names is written to");
        }
        if device.pending.is_some() {
            wrong.push("a device is written to while the kernel has not answered");
        }
        if matches!(change, DeviceChange::Unbind { .. }) {
            if self.holders(place) > 0 || device.in_pod {
                wrong.push("a device that a pod holds is unbound");
            }
            if self.offers.values().flatten().any(|offer| offer.device == *place && offer.healthy) {
                wrong.push("a device is unbound while it is offered");
            }
        }
        for what in wrong {
            self.wrong(&format!("{what}: {change:?}"));
        }
    }

    fn carried_out(&mut self, change: &DeviceChange) -> Done {
        if let DeviceChange::AllowNoIommu(allow) = change {
            if self.no_iommu.is_none() {
                return error(change, Some(ENOENT));
            }
            self.no_iommu = Some(*allow);
            return Ok(());
        }
        let Some(place) = change.device().filter(|place| self.devices.contains_key(*place)) else {
            return error(change, Some(ENOENT));
        };
        match change {
            DeviceChange::Override { driver, .. } => self.set_override(change, place, driver.as_deref()),
            DeviceChange::Unbind { driver, .. } => self.unbind(change, place, driver),
            DeviceChange::Bind { driver, .. } => self.bind(change, place, driver),
            DeviceChange::Probe { .. } => {
                self.probe(place);
                Ok(())
            }
            DeviceChange::AllowNoIommu(_) => Ok(()),
        }
    }

    fn set_override(&mut self, change: &DeviceChange, place: &PciAddress, driver: Option<&str>) -> Done {
        if self.has(Fault::OverrideFails) {
            return error(change, Some(EIO));
        }
        if !self.has(Fault::OverrideIgnored) {
            self.device(place).driver_override = driver.map(str::to_owned);
        }
        Ok(())
    }

    fn unbind(&mut self, change: &DeviceChange, place: &PciAddress, driver: &str) -> Done {
        if !self.drivers.contains(driver) && driver == NATIVE {
            return error(change, Some(ENOENT));
        }
        if self.device(place).driver.as_deref() != Some(driver) {
            return error(change, Some(ENODEV));
        }
        let native = driver == NATIVE;
        if self.has(if native { Fault::UnbindFails } else { Fault::LeaveFails }) {
            return error(change, Some(EIO));
        }
        let waits = if native {
            self.has(Fault::UnbindHangs)
        } else {
            driver == "vfio-pci" && (self.has(Fault::Opened) || self.device(place).opened)
        };
        if waits {
            self.device(place).pending = Some(change.clone());
            return error(change, None);
        }
        self.take_off(place);
        Ok(())
    }

    fn bind(&mut self, change: &DeviceChange, place: &PciAddress, driver: &str) -> Done {
        if !self.drivers.contains(driver) || (driver != NATIVE && self.has(Fault::DriverGone)) {
            return error(change, Some(ENOENT));
        }
        if self.device(place).driver.is_some() {
            return error(change, Some(EBUSY));
        }
        if self.matching(place) != driver {
            return error(change, Some(ENODEV));
        }
        if driver == NATIVE {
            if self.has(Fault::NativeFails) {
                return error(change, Some(EINVAL));
            }
        } else {
            if self.has(Fault::BindFails) || (driver == "vfio-pci" && !self.vfio_takes(place)) {
                return error(change, Some(EINVAL));
            }
            if self.has(Fault::BindIgnored) {
                return Ok(());
            }
            if self.has(Fault::BindHangs) {
                self.device(place).pending = Some(change.clone());
                return error(change, None);
            }
        }
        self.give(place, driver);
        Ok(())
    }

    fn probe(&mut self, place: &PciAddress) {
        let driver = self.matching(place);
        if !self.drivers.contains(&driver) || self.device(place).driver.is_some() {
            return;
        }
        let fails = if driver == NATIVE {
            self.has(Fault::ProbeFindsNothing) || self.has(Fault::NativeFails)
        } else {
            driver == "vfio-pci" && !self.vfio_takes(place)
        };
        if !fails {
            self.give(place, &driver);
        }
    }

    /// The one driver that would take a device.
    fn matching(&mut self, place: &PciAddress) -> String {
        self.device(place).driver_override.clone().unwrap_or_else(|| NATIVE.to_owned())
    }

    fn vfio_takes(&mut self, place: &PciAddress) -> bool {
        self.device(place).iommu.is_some() || self.no_iommu == Some(true)
    }

    fn take_off(&mut self, place: &PciAddress) {
        let now = self.now;
        let device = self.device(place);
        device.driver = None;
        device.since = now;
        device.up = false;
        device.alt_names.clear();
    }

    fn give(&mut self, place: &PciAddress, driver: &str) {
        let now = self.now;
        let link_after = match (self.has(Fault::LinkNever), self.has(Fault::LinkLate)) {
            (true, _) => None,
            (_, true) => Some(4_000),
            _ => Some(0),
        };
        let node_after = match (self.has(Fault::NodeNever), self.has(Fault::NodeLate)) {
            (true, _) => None,
            (_, true) => Some(3_000),
            _ => Some(20),
        };
        let index = self.number();
        let device = self.device(place);
        device.driver = Some(driver.to_owned());
        (device.since, device.link_after, device.node_after) = (now, link_after, node_after);
        (device.index, device.up, device.mtu) = (index, false, FIRST_MTU);
        device.alt_names.clear();
    }

    pub fn device(&mut self, place: &PciAddress) -> &mut crate::machine::Device {
        self.devices.get_mut(place).expect("it is there")
    }

    /// Answers what was not answered, where nothing keeps the kernel from it any more.
    pub fn answer(&mut self) {
        let places: Vec<PciAddress> = self.devices.keys().cloned().collect();
        for place in places {
            let Some(pending) = self.device(&place).pending.clone() else { continue };
            let opened = self.has(Fault::Opened) || self.device(&place).opened;
            match &pending {
                DeviceChange::Unbind { driver, .. } => {
                    let waits = if driver == NATIVE { self.has(Fault::UnbindHangs) } else { opened };
                    if waits {
                        continue;
                    }
                    self.take_off(&place);
                }
                DeviceChange::Bind { driver, .. } if !self.has(Fault::BindHangs) => self.give(&place, driver),
                DeviceChange::Bind { .. }
                | DeviceChange::Override { .. }
                | DeviceChange::Probe { .. }
                | DeviceChange::AllowNoIommu(_) => continue,
            }
            self.device(&place).pending = None;
            self.note(&format!("answered at last: {pending:?}"));
        }
    }
}
