//! What the agent remembers from one pass to the next. A restarted one waits a little longer where it matters.

use std::collections::BTreeMap;

use k8s_openapi::jiff::SignedDuration;

use super::World;
use super::preflight::is_dpdk;
use super::surroundings::Surroundings;
use crate::model::{DeviceChange, HostError};
use crate::plan::lease::Uptime;

/// How often a link may be set again within [`REASSERT_WINDOW`] before somebody else is to blame.
const REASSERTS: usize = 5;

/// See [`REASSERTS`]. A manager that sets a link back does so at once, or at each lease of a quarter of an hour.
pub(super) const REASSERT_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// First and longest wait after the kernel refused a change of a link, or to take a device back.
const REFUSED: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_mins(1));

/// First and longest wait after a device could not be bound: each try takes its link away.
const NOT_BOUND: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(5), SignedDuration::from_mins(5));

/// What is remembered of slots, by the uid of their objects, and of devices that no slot names, by the address of
/// their hardware.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory(BTreeMap<String, SlotMemory>);

/// What is remembered of one slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SlotMemory {
    /// Since when it has had no link here.
    pub(super) absent_since: Option<Uptime>,
    /// The index of its link, and since when that is here.
    pub(super) here: Option<(u32, Uptime)>,
    /// When its link was set.
    sets: Vec<Uptime>,
    /// The MTU that was wanted then.
    wanted_mtu: Option<u32>,
    /// Since when the link has been without a carrier.
    pub(super) no_carrier_since: Option<Uptime>,
    /// The kernel's refusals to change the link.
    refused: Failures,
    /// What the node's network was like before.
    pub(super) before: Option<Surroundings>,
    /// What is remembered of its device, whether it has a link or not.
    pub(super) device: DeviceMemory,
}

/// What is remembered of a device and its drivers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DeviceMemory {
    /// The write that the kernel took last. One that is needed again had no effect.
    pub(super) done: Option<DeviceChange>,
    /// Failures to bind it to the DPDK driver.
    pub(super) bind: Failures,
    /// Failures to give it back to its kernel's driver.
    pub(super) restore: Failures,
    /// Since when it has been bound and had no file for programs.
    pub(super) node_since: Option<Uptime>,
    /// Since when its kernel's driver has had it and made no link.
    pub(super) link_since: Option<Uptime>,
    /// Since when it has been awake though no pod holds it.
    pub(super) awake_since: Option<Uptime>,
    /// The resource that it is offered as.
    pub(super) offered_as: Option<String>,
}

/// Failures in a row: how many, when the last was, and the kernel's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Failures(Option<(u32, Uptime, String)>);

impl Failures {
    /// One more.
    pub(super) fn add(&mut self, words: impl Into<String>, now: Uptime) {
        let count = self.0.take().map_or(0, |(count, ..)| count);
        self.0 = Some((count + 1, now, words.into()));
    }

    /// For how much longer to wait, and the words.
    fn left(&self, now: Uptime, wait: (SignedDuration, SignedDuration)) -> Option<(SignedDuration, &str)> {
        let (count, at, words) = self.0.as_ref()?;
        let wait = wait.0.saturating_mul(1 << count.saturating_sub(1).min(16)).min(wait.1);
        let left = wait - now.since(*at);
        left.is_positive().then_some((left, words.as_str()))
    }
}

impl Memory {
    pub(super) fn of(&self, key: &str) -> SlotMemory {
        self.0.get(key).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&mut self, key: String, memory: SlotMemory) {
        self.0.insert(key, memory);
    }

    /// A link was changed, or the kernel refused it with these words.
    pub fn changed(&mut self, uid: &str, refusal: Option<String>, now: Uptime) {
        let Some(memory) = self.0.get_mut(uid) else { return };
        match refusal {
            Some(words) => memory.refused.add(words, now),
            None => memory.refused = Failures::default(),
        }
    }

    /// A device's driver was changed, or not. A write that is not answered is neither: a look shows it.
    pub fn wrote(&mut self, key: &str, change: &DeviceChange, done: &Result<(), HostError>, now: Uptime) {
        let Some(memory) = self.0.get_mut(key) else { return };
        let device = &mut memory.device;
        device.done = done.is_ok().then(|| change.clone());
        if let Some(error) = done.as_ref().err().filter(|error| error.code.is_some()) {
            let failures = if is_forward(change) { &mut device.bind } else { &mut device.restore };
            failures.add(error.to_string(), now);
        }
    }
}

/// Whether a change leads to a DPDK driver, rather than back.
fn is_forward(change: &DeviceChange) -> bool {
    match change {
        DeviceChange::Override { driver, .. } => driver.is_some(),
        DeviceChange::Unbind { driver, .. } => !is_dpdk(Some(driver)),
        DeviceChange::Bind { driver, .. } => is_dpdk(Some(driver)),
        DeviceChange::Probe { .. } => false,
        DeviceChange::AllowNoIommu(allow) => *allow,
    }
}

impl DeviceMemory {
    /// For how much longer it is not to be bound after a failure, and why.
    pub(super) fn not_bound(&self, now: Uptime) -> Option<(SignedDuration, &str)> {
        self.bind.left(now, NOT_BOUND)
    }

    /// For how much longer nothing is to be done to give it back after a failure, and why.
    pub(super) fn not_restored(&self, now: Uptime) -> Option<(SignedDuration, &str)> {
        self.restore.left(now, REFUSED)
    }

    /// For how much longer something is to be awaited that began at a time, which is noted.
    pub(super) fn left(
        since: &mut Option<Uptime>,
        patience: SignedDuration,
        now: Uptime,
    ) -> Option<SignedDuration> {
        let left = patience - now.since(*since.get_or_insert(now));
        left.is_positive().then_some(left)
    }
}

impl SlotMemory {
    /// The link is here.
    pub(super) fn here(&mut self, index: u32, world: &World<'_>) {
        self.absent_since = None;
        self.device.link_since = None;
        if self.here.is_none_or(|(known, _)| known != index) {
            let (before, device) = (self.before.take(), std::mem::take(&mut self.device));
            *self = Self { here: Some((index, world.now)), before, device, ..Self::default() };
            self.before.get_or_insert_with(|| Surroundings::of(world.view, Some(index)));
        }
    }

    /// It is not.
    pub(super) fn not_here(&mut self) {
        let device = std::mem::take(&mut self.device);
        *self = Self { absent_since: self.absent_since, device, ..Self::default() };
    }

    /// Notes that the link is about to be set, unless that was done too often.
    pub(super) fn may_set(&mut self, mtu: Option<u32>, now: Uptime) -> bool {
        if self.wanted_mtu != mtu {
            self.wanted_mtu = mtu;
            self.sets.clear();
        }
        self.sets.retain(|at| now.since(*at) < REASSERT_WINDOW);
        let may = self.sets.len() <= REASSERTS;
        if may {
            self.sets.push(now);
        }
        may
    }

    /// For how much longer nothing is to be changed after a refusal, and the kernel's words.
    pub(super) fn refused(&self, now: Uptime) -> Option<(SignedDuration, &str)> {
        self.refused.left(now, REFUSED)
    }
}
