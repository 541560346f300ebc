//! A kubelet in memory: it has lists, sooner or later, and gives devices to pods.

use std::collections::BTreeMap;

use eni_operator::model::{Allotted, Offers, PciAddress, PodName, Publication, Publications};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::machine::{Machine, NATIVE, Shared, lock};

/// What kubelet has of the agent's lists.
#[derive(Clone)]
pub struct Plugin(pub watch::Sender<Publications>);

impl Default for Plugin {
    fn default() -> Self {
        Self(watch::channel(Publications::new()).0)
    }
}

impl Plugin {
    /// Kubelet takes the lists, if it is there. A resource that is on none any more is gone.
    pub fn take(&self, machine: &mut Machine) {
        let down = machine.has(Fault::KubeletDown);
        let lists = machine.offers.iter().map(|(name, offers)| {
            let devices: BTreeMap<PciAddress, bool> =
                offers.iter().map(|offer| (offer.device.clone(), offer.healthy)).collect();
            let what = if down {
                Publication::Waiting("kubelet is not there".to_owned())
            } else {
                Publication::Listed(devices)
            };
            (name.clone(), what)
        });
        let lists: Publications = lists.collect();
        self.0.send_if_modified(|published| {
            let news = *published != lists;
            *published = lists;
            news
        });
    }

    /// A pod asks for a device, and gets one that is on a list and healthy.
    pub fn give(&self, machine: &Shared, pod: &str) -> bool {
        let lists = self.0.borrow().clone();
        let mut machine = lock(machine);
        let offered = lists.iter().flat_map(|(name, publication)| {
            let devices = match publication {
                Publication::Listed(devices) => Some(devices),
                Publication::Waiting(_) | Publication::ServedByAnother(_) | Publication::Configured(_) => {
                    None
                }
            };
            let healthy = devices.into_iter().flatten().filter(|(_, healthy)| **healthy);
            healthy.map(move |(device, _)| (name.clone(), device.clone()))
        });
        let free = offered.into_iter().find(|(_, device)| machine.holders(device) == 0);
        let Some((name, device)) = free.filter(|_| !machine.has(Fault::KubeletDown)) else { return false };
        let pod = PodName { namespace: "default".to_owned(), name: pod.to_owned() };
        machine.note(&format!("{pod} gets {device} as {name}"));
        let key = (name, device.to_string());
        machine.allotted.holders.entry(key).or_default().insert(pod);
        // One that has just been pulled out is still on the list.
        if let Some(taken) = machine.devices.get_mut(&device) {
            taken.in_pod = taken.driver.as_deref() == Some(NATIVE);
        }
        true
    }
}

impl Machine {
    /// All pods end, and give back what they have.
    pub fn end_pods(&mut self) {
        self.allotted = Allotted::default();
        let in_pods = self.devices.iter().filter(|(_, device)| device.in_pod);
        for place in in_pods.map(|(place, _)| place.clone()).collect::<Vec<_>>() {
            // It comes back down, with another index, and as its pod left it.
            let number = self.number();
            let device = self.device(&place);
            (device.in_pod, device.up, device.index, device.mtu) = (false, false, number, 1400);
        }
        self.note("the pods end");
    }

    /// The agent hands over its lists.
    pub fn offered(&mut self, offers: &Offers) {
        self.note(&format!("offered: {}", told(offers)));
        let mut seen = std::collections::BTreeSet::new();
        let mut wrong = vec![];
        for offer in offers.values().flatten() {
            if !seen.insert(offer.device.clone()) && offer.healthy {
                wrong.push(format!("{} is on two lists", offer.device));
            }
            if !offer.healthy {
                continue;
            }
            let device = self.devices.get(&offer.device);
            let ready = device.is_some_and(|device| {
                let usable = offer.driver == NATIVE || (device.has_node(self.now) && !offer.nodes.is_empty());
                device.driver.as_ref() == Some(&offer.driver) && device.pending.is_none() && usable
            });
            if !ready {
                wrong.push(format!("{} is offered and not bound", offer.device));
            }
        }
        for what in wrong {
            self.wrong(&what);
        }
        self.offers.clone_from(offers);
    }
}

fn told(offers: &Offers) -> String {
    let each = offers.iter().map(|(name, all)| {
        let all: Vec<String> = all
            .iter()
            .map(|offer| format!("{}{}", offer.device, if offer.healthy { "" } else { " (not healthy)" }))
            .collect();
        format!("{name}: [{}]", all.join(", "))
    });
    each.collect::<Vec<_>>().join("; ")
}
