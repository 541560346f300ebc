//! One pass: look, plan, write down, change, and look again until there is nothing to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;

use super::journal::JournalFile;
use super::metrics::SharedMetrics;
use crate::api::NodeENIAttachment;
use crate::clock::SteadyClock;
use crate::host::Host;
use crate::model::{Elsewhere, HostError, HostView, LinkChange, MacAddress};
use crate::plan::host::{Memory, Plan, Say, Settings, World, plan};

/// How often a pass looks again after its own changes. One look shows whether they took effect; what somebody
/// else changes meanwhile is the next pass's.
const ROUNDS: u32 = 3;

/// Whoever makes the passes, and what it keeps between them.
pub(super) struct Keeper<H, K> {
    pub(super) host: H,
    pub(super) clock: K,
    pub(super) settings: Settings,
    pub(super) journal: JournalFile,
    pub(super) metrics: SharedMetrics,
    pub(super) memory: Memory,
    pub(super) disowned: Option<BTreeSet<MacAddress>>,
}

/// What came of a pass.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// What there is to say, by the uid of slots.
    pub(super) says: BTreeMap<String, Say>,
    /// When to look again, if not for an announcement.
    pub(super) within: Option<SignedDuration>,
}

impl<H: Host, K: SteadyClock> Keeper<H, K> {
    /// Makes a pass over the node's slots.
    pub(super) async fn pass(&mut self, slots: &[Arc<NodeENIAttachment>]) -> Result<Passed, HostError> {
        self.retry_journal();
        let mut passed = Passed::default();
        for round in 0..ROUNDS {
            let plan = self.plan(slots).await?;
            let changes = plan.changes.clone();
            passed = Passed { says: plan.says.clone(), within: plan.pace };
            self.disown(&plan).await;
            self.memory = plan.memory;
            let written = self.journal.write(&plan.journal);
            if let Err(error) = &written {
                tracing::error!(%error, "the journal cannot be written, so no link is changed");
                // The next plan knows.
                continue;
            }
            if changes.is_empty() {
                break;
            }
            for (uid, change) in changes {
                let name = slots.iter().find(|slot| slot.uid().as_ref() == Some(&uid));
                let name = name.map(|slot| slot.name_any()).unwrap_or_default();
                if !self.change(&uid, &name, &change).await {
                    // It hangs on a driver, and the next would hang behind it.
                    break;
                }
            }
            if round + 1 == ROUNDS {
                passed.within = Some(SignedDuration::from_millis(100));
            }
        }
        Ok(passed)
    }

    /// Looks, and plans; looks into other network namespaces only if the plan depends on them.
    async fn plan(&self, slots: &[Arc<NodeENIAttachment>]) -> Result<Plan, HostError> {
        let view = self.host.look().await?;
        let first = self.planned(slots, &view, None);
        if !first.look_elsewhere {
            return Ok(first);
        }
        let elsewhere = self.host.look_elsewhere().await?;
        Ok(self.planned(slots, &view, Some(&elsewhere)))
    }

    fn planned(
        &self,
        slots: &[Arc<NodeENIAttachment>],
        view: &HostView,
        elsewhere: Option<&Elsewhere>,
    ) -> Plan {
        plan(&World {
            now: self.clock.uptime(),
            settings: &self.settings,
            view,
            elsewhere,
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

    /// Makes a change. False if the kernel gave no answer.
    async fn change(&mut self, uid: &str, slot: &str, change: &LinkChange) -> bool {
        let done = self.host.change(change).await;
        self.metrics.changed(change, done.is_ok());
        match &done {
            Ok(()) => tracing::info!(slot, ?change, "link changed"),
            Err(error) => tracing::warn!(slot, ?change, %error, "link not changed"),
        }
        let answered = done.as_ref().err().is_none_or(|error| error.code.is_some());
        let refusal = done.err().map(|error| error.to_string());
        self.memory.changed(uid, refusal, self.clock.uptime());
        answered
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
