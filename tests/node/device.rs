//! Ends of veth pairs that stand for devices on the PCI bus.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use eni_operator::host::{Host, Linux};
use eni_operator::model::{
    DeviceChange, Elsewhere, Function, HostError, HostView, Link, LinkChange, MacAddress, PciAddress,
};

/// The devices of a host: their addresses of hardware, and their places on the PCI bus.
#[derive(Debug, Clone, Default)]
pub(crate) struct Devices(Arc<Mutex<BTreeMap<MacAddress, PciAddress>>>);

impl Devices {
    /// Plugs one in: from now on the end of a pair with this address is a device.
    pub(crate) fn plug(&self, mac: MacAddress) {
        let mut all = self.0.lock().unwrap();
        let place = format!("0000:00:{:02x}.0", mac.0[5]);
        all.insert(mac, place.parse().unwrap());
    }

    /// Pulls one out.
    pub(crate) fn pull(&self, mac: MacAddress) {
        self.0.lock().unwrap().remove(&mac);
    }

    /// A link as it would be if it were a device's.
    fn dress(&self, link: &mut Link) {
        let all = self.0.lock().unwrap();
        let place = link.mac.and_then(|mac| all.get(&mac)).filter(|_| link.kind.as_deref() == Some("veth"));
        if let Some(place) = place {
            link.permanent_mac = link.mac;
            link.pci = Some(place.clone());
            link.driver = Some("ena".to_owned());
            link.kind = None;
            link.lower = None;
        }
    }

    fn functions(&self, here: &[Link]) -> Vec<Function> {
        let all = self.0.lock().unwrap();
        let each = all.values().map(|place| {
            let links = here.iter().filter(|link| link.pci.as_ref() == Some(place));
            let links = links.map(|link| link.name.clone()).collect();
            Function::of(place.clone(), Some("ena".to_owned()), links)
        });
        each.collect()
    }
}

/// What a change of a link meets.
pub(crate) type Fault = Arc<dyn Fn(&LinkChange) -> Option<HostError> + Send + Sync>;

/// The real host, with devices.
pub(crate) struct Dressed {
    pub(crate) host: Linux,
    pub(crate) devices: Devices,
    pub(crate) fault: Option<Fault>,
}

impl Host for Dressed {
    async fn look(&self) -> Result<HostView, HostError> {
        let mut view = self.host.look().await?;
        for link in &mut view.links {
            self.devices.dress(link);
        }
        view.functions = self.devices.functions(&view.links);
        Ok(view)
    }

    async fn look_elsewhere(&self) -> Result<Elsewhere, HostError> {
        let mut elsewhere = self.host.look_elsewhere().await?;
        for link in elsewhere.namespaces.values_mut().filter_map(|links| links.as_mut().ok()).flatten() {
            self.devices.dress(link);
        }
        Ok(elsewhere)
    }

    async fn change(&self, change: &LinkChange) -> Result<(), HostError> {
        if let Some(error) = self.fault.as_ref().and_then(|fault| fault(change)) {
            return Err(error);
        }
        self.host.change(change).await
    }

    async fn write(&self, change: &DeviceChange) -> Result<(), HostError> {
        self.host.write(change).await
    }

    async fn disown(&self, devices: &BTreeSet<MacAddress>) -> Result<(), HostError> {
        self.host.disown(devices).await
    }
}
