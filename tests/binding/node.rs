//! A node: a machine, an agent that can die, and the slots that it works on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use eni_operator::agent::metrics::SharedMetrics;
use eni_operator::agent::{JournalFile, Keeper};
use eni_operator::api::{ConditionType, NodeENIAttachment};
use eni_operator::plan::host::{Settings, status};
use futures::FutureExt;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::fault::Fault;
use crate::kubelet::Plugin;
use crate::machine::{Machine, NATIVE, Shared, lock, mac, place};
use crate::ports::Ports;
use crate::slots::slot;

/// Why passes come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The pass went through, and asks for the next within milliseconds.
    Done(Option<i64>),
    /// The host could not be seen.
    Failed,
    /// The agent died.
    Died,
}

pub struct Node {
    pub machine: Shared,
    pub plugin: Plugin,
    pub slots: BTreeMap<u8, NodeENIAttachment>,
    pub settings: Settings,
    folder: TempDir,
    boot: u32,
    keeper: Option<Keeper<Ports, Ports, Ports>>,
}

/// Where the journal is: in memory, if the host has a place there.
fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl Node {
    /// A node with ENIs 1 to `count`, each with its slot; on a host with an IOMMU.
    pub fn new(count: u8) -> Self {
        let mut machine = Machine::new();
        let mut slots = BTreeMap::new();
        for n in 1..=count {
            machine.plug(n, mac(n));
            machine.named.insert(mac(n));
            machine.device(&place(n)).iommu = Some(n.into());
            slots.insert(n, slot(n));
        }
        let settings = Settings {
            default_mtu: None,
            interface_mtus: BTreeMap::new(),
            carrier_patience: SignedDuration::from_secs(10),
            hands_off: [].into(),
            node_addresses: [].into(),
            binds_devices: true,
            allow_no_iommu: false,
        };
        Self {
            machine: Arc::new(Mutex::new(machine)),
            plugin: Plugin::default(),
            slots,
            settings,
            folder: folder(),
            boot: 1,
            keeper: None,
        }
    }

    /// Changes a slot, as the controller would.
    pub fn edit(&mut self, n: u8, what: &str, change: impl FnOnce(&mut NodeENIAttachment)) {
        let Some(slot) = self.slots.get_mut(&n) else { return };
        change(slot);
        slot.metadata.generation = slot.metadata.generation.map(|generation| generation + 1);
        lock(&self.machine).note(&format!("slot {n}: {what}"));
    }

    /// Lets an agent make a pass; a new one if there is none. It dies after so many steps.
    pub fn pass(&mut self, fuel: Option<u32>) -> End {
        self.disk();
        {
            let mut machine = lock(&self.machine);
            machine.answer();
            machine.fuel = fuel;
        }
        let mut keeper = match self.keeper.take() {
            Some(keeper) => keeper,
            None => self.agent(),
        };
        let slots: Vec<_> = self.slots.values().cloned().map(Arc::new).collect();
        let Some(done) = keeper.pass(&slots).now_or_never() else {
            return End::Died;
        };
        self.keeper = Some(keeper);
        let Ok(passed) = done else { return End::Failed };
        if !lock(&self.machine).has(Fault::StatusLost) {
            for (uid, say) in &passed.says {
                let slot = self.slots.values_mut().find(|slot| slot.metadata.uid.as_ref() == Some(uid));
                let Some(slot) = slot else { continue };
                let built = status::build(slot, say, Timestamp::UNIX_EPOCH);
                let now = slot.status.get_or_insert_default();
                (now.host, now.conditions) = (built.host, built.conditions);
            }
        }
        End::Done(passed.within.map(|within| i64::try_from(within.as_millis()).unwrap()))
    }

    fn agent(&self) -> Keeper<Ports, Ports, Ports> {
        lock(&self.machine).note("an agent starts");
        // One that died has told kubelet nothing any more.
        lock(&self.machine).offers.clear();
        self.plugin.0.send_replace([].into());
        let journal = JournalFile::open(self.folder.path(), &format!("boot-{}", self.boot)).unwrap();
        let ports = Ports { machine: self.machine.clone(), plugin: self.plugin.clone() };
        let all = (ports.clone(), ports.clone(), ports);
        Keeper::new(all, self.settings.clone(), journal, SharedMetrics::default())
    }

    /// Lets the agent die, between two passes.
    pub fn kill(&mut self) {
        self.keeper = None;
    }

    /// The machine starts anew: drivers, marks, pods and programs are as at first.
    pub fn reboot(&mut self) {
        self.keeper = None;
        self.boot += 1;
        let mut machine = lock(&self.machine);
        machine.end_pods();
        machine.offers.clear();
        machine.no_iommu = machine.no_iommu.map(|_| false);
        let now = machine.now;
        for device in machine.devices.values_mut() {
            device.driver = Some(NATIVE.to_owned());
            (device.driver_override, device.pending, device.opened) = (None, None, false);
            (device.up, device.since, device.link_after, device.mtu) = (false, now, Some(0), 1500);
            device.alt_names.clear();
        }
        machine.note("the machine starts anew");
        drop(machine);
        self.plugin.0.send_replace([].into());
    }

    /// The journal's disk is full, or is not.
    fn disk(&self) {
        let full = lock(&self.machine).has(Fault::DiskFull);
        let unfinished = self.folder.path().join("journal.json.new");
        if full && !unfinished.is_dir() {
            let _ = std::fs::remove_file(&unfinished);
            std::fs::create_dir(&unfinished).unwrap();
        } else if !full && unfinished.is_dir() {
            std::fs::remove_dir(&unfinished).unwrap();
        }
    }

    /// Lets the journal be lost with its disk.
    pub fn lose_journal(&mut self) {
        self.keeper = None;
        let _ = std::fs::remove_file(self.folder.path().join("journal.json"));
        lock(&self.machine).note("the journal is lost");
    }

    /// Lets time pass.
    pub fn wait(&self, milliseconds: i64) {
        let mut machine = lock(&self.machine);
        machine.now += milliseconds;
        machine.answer();
        if !machine.has(Fault::KubeletSlow) {
            self.plugin.take(&mut machine);
        }
    }

    /// Lets agents work, and time pass, until nothing more is asked for.
    pub fn rest(&mut self) -> bool {
        for _ in 0..120 {
            let before = (lock(&self.machine).story.len(), self.slots.clone());
            let end = self.pass(None);
            let quiet = lock(&self.machine).story.len() == before.0 && self.slots == before.1;
            match end {
                End::Done(None) if quiet => return true,
                End::Done(within) => self.wait(within.unwrap_or(50).clamp(1, 60_000)),
                End::Failed | End::Died => self.wait(1_000),
            }
        }
        false
    }

    /// All that is against the agent is over.
    pub fn cease(&mut self) {
        let mut machine = lock(&self.machine);
        machine.faults.clear();
        (machine.fuel, machine.begins) = (None, None);
        machine.note("no faults any more");
        machine.devices.values_mut().for_each(|device| {
            device.opened = false;
            if device.node_after.is_none() && device.driver.as_deref() != Some(NATIVE) {
                device.node_after = Some(0);
            }
            device.link_after = device.link_after.or(Some(0));
        });
        machine.end_pods();
        drop(machine);
        self.wait(1);
    }

    /// Whether a condition is so.
    pub fn says(&self, n: u8, type_: ConditionType, status: &str) -> bool {
        crate::slots::said(&self.slots[&n], type_).is_some_and(|(now, ..)| now == status)
    }
}
