//! One pass: look, plan, write the journal, tell kubelet, change links and drivers, and look again until there is
//! nothing to change.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;

use super::journal::JournalFile;
use super::metrics::SharedMetrics;
use crate::api::NodeENIAttachment;
use crate::clock::SteadyClock;
use crate::host::Host;
use crate::kubelet::Kubelet;
use crate::model::{Allotted, DeviceChange, Elsewhere, HostError, HostView, LinkChange, MacAddress, Offers};
use crate::plan::host::{Change, Memory, Plan, Say, Settings, World, plan};

/// How often a pass looks again after its own changes of links. One look shows whether they took effect; what somebody
/// else changes meanwhile is the next pass's.
const ROUNDS: u32 = 3;

/// How often a pass looks again at most. A device changes its driver by a write after another, and each is looked at.
const STEPS: u32 = 16;

/// How soon the next pass is if this one was not done.
const GO_ON: SignedDuration = SignedDuration::from_millis(100);

/// Whoever makes the passes, and what it keeps between them.
pub struct Keeper<H, B, K> {
    host: H,
    kubelet: B,
    clock: K,
    settings: Settings,
    journal: JournalFile,
    metrics: SharedMetrics,
    memory: Memory,
    disowned: Option<BTreeSet<MacAddress>>,
    offered: Option<Offers>,
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct Passed {
    /// What there is to say, by the uid of slots.
    pub says: std::collections::BTreeMap<String, Say>,
    /// When to look again, if not for an announcement.
    pub within: Option<SignedDuration>,
}

/// What was looked up beside the host's own view, as far as the plan depends on it.
#[derive(Default)]
struct Asked {
    elsewhere: Option<Elsewhere>,
    allotted: Option<Result<Allotted, String>>,
}

impl<H: Host, B: Kubelet, K: SteadyClock> Keeper<H, B, K> {
    /// One that has made no pass yet.
    pub fn new(
        (host, kubelet, clock): (H, B, K),
        settings: Settings,
        journal: JournalFile,
        metrics: SharedMetrics,
    ) -> Self {
        let memory = Memory::default();
        Self { host, kubelet, clock, settings, journal, metrics, memory, disowned: None, offered: None }
    }

    /// Makes a pass over the node's slots.
    pub async fn pass(&mut self, slots: &[Arc<NodeENIAttachment>]) -> Result<Passed, HostError> {
        self.retry_journal();
        let mut passed = Passed::default();
        let mut rounds = 0;
        for _ in 0..STEPS {
            let plan = self.plan(slots).await?;
            passed = Passed { says: plan.says.clone(), within: plan.pace };
            self.disown(&plan).await;
            // Before anything is done to a device kubelet knows that it is not to be had.
            self.offer(&plan.offers);
            self.memory = plan.memory;
            let written = self.journal.write(&plan.journal);
            let steps = plan.changes.iter().any(|(_, change)| matches!(change, Change::Device(_)));
            if !steps {
                rounds += 1;
            }
            match written {
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be written, so nothing is changed");
                    // The next plan knows.
                }
                Ok(()) if plan.changes.is_empty() => return Ok(passed),
                Ok(()) => self.carry_out(plan.changes, slots).await,
            }
            if rounds == ROUNDS {
                break;
            }
        }
        passed.within = Some(GO_ON);
        Ok(passed)
    }

    /// Makes changes. What fails for a device ends what was to follow for its driver.
    async fn carry_out(&mut self, changes: Vec<(String, Change)>, slots: &[Arc<NodeENIAttachment>]) {
        let mut failed = BTreeSet::new();
        for (key, change) in changes {
            let slot = slots.iter().find(|slot| slot.uid().as_ref() == Some(&key));
            let name = slot.map_or_else(|| key.clone(), |slot| slot.name_any());
            let done = match &change {
                Change::Device(_) if failed.contains(&key) => continue,
                Change::Device(change) => self.write(&key, &name, change).await,
                Change::Link(change) => self.change(&key, &name, change).await,
            };
            if let Err(error) = done {
                if error.code.is_none() && matches!(change, Change::Link(_)) {
                    // It hangs on a driver, and the next would hang behind it.
                    return;
                }
                failed.insert(key);
            }
        }
    }

    /// Looks, and plans; looks into other network namespaces, and asks kubelet, only if the plan depends on it.
    async fn plan(&self, slots: &[Arc<NodeENIAttachment>]) -> Result<Plan, HostError> {
        let view = self.host.look().await?;
        let mut asked = Asked::default();
        loop {
            let plan = self.planned(slots, &view, &asked);
            if plan.look_elsewhere && asked.elsewhere.is_none() {
                asked.elsewhere = Some(self.host.look_elsewhere().await?);
            } else if plan.ask_kubelet && asked.allotted.is_none() {
                asked.allotted = Some(self.kubelet.allotted().await);
            } else {
                return Ok(plan);
            }
        }
    }

    fn planned(&self, slots: &[Arc<NodeENIAttachment>], view: &HostView, asked: &Asked) -> Plan {
        plan(&World {
            now: self.clock.uptime(),
            settings: &self.settings,
            view,
            elsewhere: asked.elsewhere.as_ref(),
            allotted: asked.allotted.as_ref(),
            published: &self.kubelet.published().borrow(),
            slots,
            journal: self.journal.current(),
            journal_fault: self.journal.fault(),
            memory: &self.memory,
        })
    }

    /// Tries again to write what could not be written.
    fn retry_journal(&mut self) {
        if self.journal.fault().is_some() {
            let again = self.journal.current().clone();
            if self.journal.write(&again).is_ok() {
                tracing::info!("the journal can be written again");
            }
        }
    }

    /// Changes a link.
    async fn change(&mut self, uid: &str, slot: &str, change: &LinkChange) -> Result<(), HostError> {
        let done = self.host.change(change).await;
        self.metrics.changed(change, done.is_ok());
        match &done {
            Ok(()) => tracing::info!(slot, ?change, "link changed"),
            Err(error) => tracing::warn!(slot, ?change, %error, "link not changed"),
        }
        let refusal = done.as_ref().err().map(ToString::to_string);
        self.memory.changed(uid, refusal, self.clock.uptime());
        done
    }

    /// Changes a device's driver.
    async fn write(&mut self, key: &str, slot: &str, change: &DeviceChange) -> Result<(), HostError> {
        let done = self.host.write(change).await;
        self.metrics.wrote_device(change, done.is_ok());
        match &done {
            Ok(()) => tracing::info!(slot, ?change, "device changed"),
            Err(error) => tracing::warn!(slot, ?change, %error, "device not changed"),
        }
        self.memory.wrote(key, change, &done, self.clock.uptime());
        done
    }

    /// Hands kubelet its lists, if they are others than before.
    fn offer(&mut self, offers: &Offers) {
        if self.offered.as_ref() != Some(offers) {
            self.kubelet.offer(offers);
            self.offered = Some(offers.clone());
        }
    }

    /// Tells the network manager, if it was told something else before. Nothing waits for it.
    async fn disown(&mut self, plan: &Plan) {
        if self.disowned.as_ref() == Some(&plan.disowned) {
            return;
        }
        match self.host.disown(&plan.disowned).await {
            Ok(()) => self.disowned = Some(plan.disowned.clone()),
            Err(error) => tracing::warn!(%error, "the network manager is not told of devices"),
        }
    }
}
