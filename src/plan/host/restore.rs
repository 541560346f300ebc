//! Back from a DPDK driver to the kernel's: by what is seen, from wherever it stands.

use k8s_openapi::jiff::SignedDuration;

use super::bind::function_of;
use super::configure::{LATER, SOON};
use super::journal::{Aim, Rebound};
use super::memory::{DeviceMemory, SlotMemory};
use super::preflight::{VFIO, is_dpdk};
use super::users::{self, Hold};
use super::{Change, Outcome, Phase, Record, Say, World};
use crate::api::{ConditionType, NodeENIAttachment, Reason};
use crate::model::{DeviceChange, Function, Link};

/// How soon to look again whether a device is still used: what stands on a link in another namespace goes
/// without an announcement here.
pub(super) const USE_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// How long a device's link may take to be back once its kernel's driver has it.
const LINK_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// For how long a device that is awake is left alone though no pod is said to hold it: a program may be about to end,
/// and to take the device from under it would only wait for that. A hint, so it ends.
const AWAKE_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// A device on its way back.
pub(super) struct Back<'a> {
    pub(super) world: &'a World<'a>,
    /// Who named it, if somebody still does.
    pub(super) slot: Option<&'a NodeENIAttachment>,
    pub(super) function: &'a Function,
    pub(super) rebound: &'a Rebound,
    /// Its record as it should be, but for the aim.
    pub(super) record: Record,
}

impl Back<'_> {
    /// The next step.
    pub(super) fn outcome(self, memory: &mut SlotMemory) -> Outcome {
        let (world, function) = (self.world, self.function);
        if !world.settings.binds_devices {
            let why = "this agent may not change drivers: nodeAgent.dpdk.enabled lets it";
            return self.kept(Phase::Failed, Reason::DpdkUnsupported, why, LATER);
        }
        if is_dpdk(function.driver.as_deref())
            && let Some(waits) = self.held(memory)
        {
            return waits;
        }
        let Some(change) = self.step(&memory.device) else { return self.link_awaited(memory) };
        if let Some((left, words)) = memory.device.not_restored(world.now) {
            return self.kept(Phase::Failed, Reason::RollbackFailed, words, left);
        }
        if memory.device.done.as_ref() == Some(&change) {
            memory.device.done = None;
            memory.device.restore.add(no_effect(&change), world.now);
            return Outcome { within: Some(SOON), ..Outcome::default() };
        }
        let record = self.restoring();
        Outcome { changes: vec![Change::Device(change)], record, ..Outcome::default() }
    }

    /// The next write, if there is one.
    fn step(&self, memory: &DeviceMemory) -> Option<DeviceChange> {
        let device = self.function.address.clone();
        let probe = DeviceChange::Probe { device: device.clone() };
        match &self.function.driver {
            Some(driver) if is_dpdk(Some(driver)) => {
                Some(DeviceChange::Unbind { device, driver: driver.clone() })
            }
            _ if self.function.binding.driver_override.is_some() => {
                Some(DeviceChange::Override { device, driver: None })
            }
            Some(_) => None,
            // The kernel says that a probe went well even if it found no driver; a bind says why not.
            None => match &self.rebound.original {
                Some(driver) if memory.done.as_ref() == Some(&probe) => {
                    Some(DeviceChange::Bind { device, driver: driver.clone() })
                }
                Some(_) | None => Some(probe),
            },
        }
    }

    /// What is waited for while a program may use the device.
    fn held(&self, memory: &mut SlotMemory) -> Option<Outcome> {
        let (world, function) = (self.world, self.function);
        match users::by_pods(world, &function.address) {
            Hold::NotAsked => return Some(Outcome { ask_kubelet: true, ..Outcome::default() }),
            Hold::Withdrawing => return Some(Outcome { within: Some(LATER), ..Outcome::default() }),
            Hold::Held(pods) => return Some(self.kept(Phase::InUse, Reason::InUse, pods, USE_AGAIN)),
            Hold::Free => {}
        }
        let is_awake = function.driver.as_deref() == Some(VFIO) && function.binding.asleep == Some(false);
        let since = &mut memory.device.awake_since;
        if !is_awake {
            *since = None;
        } else if let Some(left) = DeviceMemory::left(since, AWAKE_PATIENCE, world.now) {
            let why = "the device is awake, so a program on the node seems to have it open";
            return Some(self.kept(Phase::InUse, Reason::InUse, why, left.min(USE_AGAIN)));
        }
        // One that stands in it already is found again whatever becomes of its driver.
        let fault = world.journal_fault.filter(|_| !self.is_recorded())?;
        Some(self.kept(Phase::Failed, Reason::JournalUnwritable, fault, LATER))
    }

    fn is_recorded(&self) -> bool {
        let mut all = self.world.journal.devices.values();
        all.any(|record| record.pci == self.record.pci && record.rebound.is_some())
    }

    /// Its driver has it; its link is to follow.
    fn link_awaited(&self, memory: &mut SlotMemory) -> Outcome {
        let since = &mut memory.device.link_since;
        if let Some(left) = DeviceMemory::left(since, LINK_PATIENCE, self.world.now) {
            return Outcome { within: Some(left), record: self.restoring(), ..Outcome::default() };
        }
        let driver = self.function.driver.as_deref().unwrap_or_default();
        let why = format!(
            "{driver} has had {} for {} seconds and has made no link of it",
            self.function.address,
            LINK_PATIENCE.as_secs()
        );
        self.kept(Phase::Failed, Reason::RollbackFailed, why, LATER)
    }

    /// What to write down, if that can be: that it is on its way is seen all the same.
    fn restoring(&self) -> Option<Record> {
        let rebound = Rebound { aim: Aim::Restored, ..self.rebound.clone() };
        let record = Record { rebound: Some(rebound), ..self.record.clone() };
        Some(record).filter(|_| self.world.journal_fault.is_none())
    }

    /// It stays as it is for now.
    fn kept(&self, phase: Phase, reason: Reason, why: impl Into<String>, within: SignedDuration) -> Outcome {
        let say = self.slot.map(|slot| stays(slot, Say::of_device(phase, self.function), reason, why));
        Outcome { say, record: self.restoring(), within: Some(within), ..Outcome::default() }
    }
}

/// What to say of a device that is not where it should be.
fn stays(slot: &NodeENIAttachment, say: Say, reason: Reason, why: impl Into<String>) -> Say {
    let why = why.into();
    if slot.spec.release {
        return say.no(ConditionType::Released, reason, why);
    }
    let say = say.no(ConditionType::DriverBound, reason, why.clone());
    say.no(ConditionType::LinkReady, reason, why)
}

/// What to say of a device with a write that the kernel has not answered. Nothing else is written meanwhile.
pub(super) fn blocked(slot: &NodeENIAttachment, function: &Function) -> Option<Outcome> {
    let pending = function.binding.pending.as_ref()?;
    let (reason, why) = match pending {
        DeviceChange::Unbind { driver, .. } if is_dpdk(Some(driver)) => {
            let why = "a program has the device open, and the kernel waits for it to close it";
            (Reason::UnbindBlocked, why.to_owned())
        }
        DeviceChange::Unbind { .. } => {
            (Reason::UnbindBlocked, format!("the kernel has not answered {}", words(pending)))
        }
        DeviceChange::Bind { driver, .. } if is_dpdk(Some(driver)) => {
            (Reason::BindFailed, format!("the kernel has not answered {}", words(pending)))
        }
        DeviceChange::Override { .. }
        | DeviceChange::Bind { .. }
        | DeviceChange::Probe { .. }
        | DeviceChange::AllowNoIommu(_) => {
            (Reason::RollbackFailed, format!("the kernel has not answered {}", words(pending)))
        }
    };
    let say = stays(slot, Say::of_device(Phase::Failed, function), reason, why);
    Some(Outcome { say: Some(say), within: Some(USE_AGAIN), ..Outcome::default() })
}

/// What is left to do of an earlier binding of a device that has its link again, or the record without it.
pub(super) fn leftovers(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    link: &Link,
    memory: &mut SlotMemory,
) -> Result<Option<Record>, Box<Outcome>> {
    let record = super::mac(slot).and_then(|mac| world.journal.devices.get(&mac));
    let Some(record) = record.filter(|record| record.rebound.is_some()) else { return Ok(None) };
    let function = function_of(world, link);
    if let Some(blocked) = function.and_then(|function| blocked(slot, function)) {
        return Err(Box::new(blocked));
    }
    let marked = function.filter(|function| function.binding.driver_override.is_some());
    let Some(function) = marked.filter(|_| world.settings.binds_devices) else {
        memory.device.restore = super::memory::Failures::default();
        return Ok(Some(Record { rebound: None, ..record.clone() }));
    };
    if let Some((left, words)) = memory.device.not_restored(world.now) {
        let say = stays(slot, Say::of(Phase::Failed, link), Reason::RollbackFailed, words);
        return Err(Box::new(Outcome { say: Some(say), within: Some(left), ..Outcome::default() }));
    }
    let change = DeviceChange::Override { device: function.address.clone(), driver: None };
    if memory.device.done.as_ref() == Some(&change) {
        memory.device.done = None;
        memory.device.restore.add(no_effect(&change), world.now);
        return Err(Box::new(Outcome { within: Some(SOON), ..Outcome::default() }));
    }
    Err(Box::new(Outcome { changes: vec![Change::Device(change)], ..Outcome::default() }))
}

/// What to say of a write that the kernel took and that changed nothing.
pub(super) fn no_effect(change: &DeviceChange) -> String {
    format!("{}: the kernel took it, and nothing has changed", words(change))
}

/// A write, for people.
fn words(change: &DeviceChange) -> String {
    match change {
        DeviceChange::Override { device, driver: Some(driver) } => {
            format!("reserving {device} for {driver}")
        }
        DeviceChange::Override { device, driver: None } => format!("opening {device} to any driver"),
        DeviceChange::Unbind { device, driver } => format!("unbinding {device} from {driver}"),
        DeviceChange::Bind { device, driver } => format!("binding {device} to {driver}"),
        DeviceChange::Probe { device } => format!("looking for a driver of {device}"),
        DeviceChange::AllowNoIommu(true) => "letting vfio take devices without an IOMMU".to_owned(),
        DeviceChange::AllowNoIommu(false) => "letting vfio take no device without an IOMMU".to_owned(),
    }
}
