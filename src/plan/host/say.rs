//! What the agent has to say of a slot.

use super::iommu;
use super::preflight::is_dpdk;
use crate::api::{ConditionType, NodeENIAttachment, Reason, Verdict};
use crate::model::{Function, Link, PciAddress};

/// How far the agent is with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Something is in the way.
    Failed,
    /// The link is set up.
    Ready,
    /// The device is bound to its DPDK driver.
    Bound,
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
    /// How the device is kept from memory that is not its user's.
    pub iommu: Option<String>,
    /// The resource that kubelet is to offer the device as.
    pub resource: Option<String>,
    /// Conditions. What is not among them stays as it was said before.
    pub verdicts: Vec<Verdict>,
}

impl Say {
    /// Something about a slot's link.
    pub(super) fn of(phase: Phase, link: &Link) -> Self {
        let names = std::iter::once(&link.name).chain(&link.alt_names).cloned().collect();
        Self {
            link_name: Some(link.name.clone()),
            names,
            pci: link.pci.clone(),
            mtu: Some(link.mtu),
            driver: link.driver.clone(),
            ..Self::without_link(phase)
        }
    }

    /// Something about a device that has no link.
    pub(super) fn of_device(phase: Phase, function: &Function) -> Self {
        Self {
            pci: Some(function.address.clone()),
            driver: function.driver.clone(),
            iommu: iommu::word(function).map(str::to_owned),
            ..Self::without_link(phase)
        }
    }

    /// Something about a slot without a link.
    pub(super) fn without_link(phase: Phase) -> Self {
        Self {
            phase,
            link_name: None,
            names: vec![],
            pci: None,
            mtu: None,
            driver: None,
            iommu: None,
            resource: None,
            verdicts: vec![],
        }
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

    /// With what is true of the driver, where something was said of it before.
    pub(super) fn with_driver(self, slot: &NodeENIAttachment) -> Self {
        let known = self.verdict(ConditionType::DriverBound).is_some();
        let said = slot.condition(ConditionType::DriverBound).is_some();
        if known || is_dpdk(self.driver.as_deref()) || !said {
            return self;
        }
        let why = match &self.driver {
            Some(driver) => format!("{driver} has it"),
            None => "no driver of the host has it".to_owned(),
        };
        let asked_for = slot.spec.dpdk.as_ref().is_some_and(|dpdk| dpdk.enabled);
        let reason = match self.verdict(ConditionType::LinkReady) {
            _ if slot.spec.release => Reason::Removing,
            // What keeps it from having its link keeps it from its driver.
            Some(verdict) if asked_for => verdict.reason,
            Some(_) | None => Reason::AsSpecified,
        };
        self.no(ConditionType::DriverBound, reason, why)
    }

    /// What it says of a condition.
    pub(super) fn verdict(&self, type_: ConditionType) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.type_ == type_)
    }
}
