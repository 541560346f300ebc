//! The agent's ports, onto a machine in memory. Before and after each step that an agent takes it may die.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::clock::SteadyClock;
use eni_operator::host::Host;
use eni_operator::kubelet::Kubelet;
use eni_operator::model::{
    Allotted, DeviceChange, Elsewhere, HostError, HostView, LinkChange, MacAddress, Offers, Publications,
};
use eni_operator::plan::lease::Uptime;
use k8s_openapi::jiff::SignedDuration;
use tokio::sync::watch;

use crate::fault::Fault;
use crate::kubelet::Plugin;
use crate::machine::{Machine, Shared, lock};

/// All of an agent's ports.
#[derive(Clone)]
pub struct Ports {
    pub machine: Shared,
    pub plugin: Plugin,
}

impl Ports {
    /// The agent dies here, if this is where it has to: it never goes on.
    async fn step(&self) {
        let dies = {
            let mut machine = lock(&self.machine);
            machine.begins = match machine.begins {
                Some((0, fault)) => {
                    machine.faults.insert(fault);
                    machine.note(&format!("{fault:?} begins"));
                    None
                }
                later => later.map(|(left, fault)| (left - 1, fault)),
            };
            match machine.fuel {
                Some(0) => {
                    machine.note("the agent dies");
                    true
                }
                Some(left) => {
                    machine.fuel = Some(left - 1);
                    false
                }
                None => false,
            }
        };
        if dies {
            std::future::pending::<()>().await;
        }
    }
}

fn unseen(what: &str) -> HostError {
    HostError { doing: what.to_owned(), code: Some(5), message: "os error 5".to_owned() }
}

impl Host for Ports {
    async fn look(&self) -> Result<HostView, HostError> {
        self.step().await;
        let machine = lock(&self.machine);
        if machine.has(Fault::Blind) { Err(unseen("looking")) } else { Ok(machine.view()) }
    }

    async fn look_elsewhere(&self) -> Result<Elsewhere, HostError> {
        self.step().await;
        let machine = lock(&self.machine);
        let links = machine.links_elsewhere();
        let seen =
            if machine.has(Fault::BlindElsewhere) { Err("not permitted".to_owned()) } else { Ok(links) };
        Ok(Elsewhere { own: Some(9), namespaces: BTreeMap::from([(1, seen)]), listens: BTreeMap::new() })
    }

    async fn change(&self, change: &LinkChange) -> Result<(), HostError> {
        self.step().await;
        let done = lock(&self.machine).change(change);
        self.step().await;
        done
    }

    async fn write(&self, change: &DeviceChange) -> Result<(), HostError> {
        self.step().await;
        let done = lock(&self.machine).write(change);
        self.step().await;
        done
    }

    async fn disown(&self, _: &BTreeSet<MacAddress>) -> Result<(), HostError> {
        Ok(())
    }
}

impl Kubelet for Ports {
    async fn allotted(&self) -> Result<Allotted, String> {
        self.step().await;
        let machine = lock(&self.machine);
        if machine.has(Fault::KubeletDown) {
            return Err("kubelet is not there".to_owned());
        }
        Ok(machine.allotted.clone())
    }

    fn offer(&self, offers: &Offers) {
        let mut machine = lock(&self.machine);
        machine.offered(offers);
        if !machine.has(Fault::KubeletSlow) {
            self.plugin.take(&mut machine);
        }
    }

    fn published(&self) -> watch::Receiver<Publications> {
        self.plugin.0.subscribe()
    }
}

impl SteadyClock for Ports {
    fn uptime(&self) -> Uptime {
        Uptime(SignedDuration::from_millis(lock(&self.machine).now))
    }
}

impl Machine {
    /// A change of a link.
    fn change(&mut self, change: &LinkChange) -> Result<(), HostError> {
        let (LinkChange::Set { index, .. }
        | LinkChange::AddNames { index, .. }
        | LinkChange::DropNames { index, .. }) = change;
        let now = self.now;
        let device = self.devices.values_mut().find(|device| device.index == *index && device.has_link(now));
        let Some(device) = device else { return Err(unseen("changing a link")) };
        match change {
            LinkChange::Set { mtu, up, .. } => {
                device.mtu = mtu.unwrap_or(device.mtu);
                device.up = up.unwrap_or(device.up);
            }
            LinkChange::AddNames { names, .. } => device.alt_names.extend(names.iter().cloned()),
            LinkChange::DropNames { names, .. } => device.alt_names.retain(|name| !names.contains(name)),
        }
        let mac = device.mac;
        if !self.named.contains(&mac) {
            self.wrong(&format!("a link that no slot names is changed: {change:?}"));
        }
        Ok(())
    }
}
