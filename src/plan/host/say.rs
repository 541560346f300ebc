//! What the agent has to say of a slot.

use crate::api::{ConditionType, Reason, Verdict};
use crate::model::{Link, PciAddress};

/// How far the agent is with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Something is in the way.
    Failed,
    /// The link is set up.
    Ready,
    /// The link is in a pod.
    InPod,
    /// It has to go, and is in use.
    InUse,
    /// The agent has let go of it.
    Released,
}

/// What the agent has to say of a slot: all of it, each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// How far the agent is.
    pub phase: Phase,
    /// The link's name.
    pub link_name: Option<String>,
    /// Its names, the alternative ones included.
    pub names: Vec<String>,
    /// The device's PCI address.
    pub pci: Option<PciAddress>,
    /// The link's MTU in bytes.
    pub mtu: Option<u32>,
    /// The device's driver.
    pub driver: Option<String>,
    /// Conditions. What is not among them stays as it was said before.
    pub verdicts: Vec<Verdict>,
}

impl Say {
    /// Something about a slot's link.
    pub(super) fn of(phase: Phase, link: &Link) -> Self {
        let names = std::iter::once(&link.name).chain(&link.alt_names).cloned().collect();
        Self {
            phase,
            link_name: Some(link.name.clone()),
            names,
            pci: link.pci.clone(),
            mtu: Some(link.mtu),
            driver: link.driver.clone(),
            verdicts: vec![],
        }
    }

    /// Something about a slot without a link.
    pub(super) fn without_link(phase: Phase) -> Self {
        Self { phase, link_name: None, names: vec![], pci: None, mtu: None, driver: None, verdicts: vec![] }
    }

    /// And a condition that holds.
    pub(super) fn yes(self, type_: ConditionType, reason: Reason, why: impl Into<String>) -> Self {
        self.and(Verdict::new(type_, Some(true), reason, why))
    }

    /// And a condition that does not.
    pub(super) fn no(self, type_: ConditionType, reason: Reason, why: impl Into<String>) -> Self {
        self.and(Verdict::new(type_, Some(false), reason, why))
    }

    fn and(mut self, verdict: Verdict) -> Self {
        self.verdicts.push(verdict);
        self
    }
}
