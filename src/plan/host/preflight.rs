//! Whether a device may be bound to the DPDK driver that is asked for.

use super::{World, guard, iommu, resource};
use crate::api::{DpdkSpec, NodeENIAttachment, Reason};
use crate::model::{Function, Link, PciAddress};

/// Drivers that hand a device to a program and make no link of it.
pub const DPDK_DRIVERS: [&str; 3] = [VFIO, "uio_pci_generic", "igb_uio"];

/// The one of them that keeps a program from memory that is not its own.
pub const VFIO: &str = "vfio-pci";

/// Whether a function is bound to one of them.
pub(super) fn is_dpdk(driver: Option<&str>) -> bool {
    driver.is_some_and(|driver| DPDK_DRIVERS.contains(&driver))
}

/// Why a device is not bound to the DPDK driver that is asked for; `None` if it may be.
///
/// That nothing uses the device is another matter.
#[must_use]
pub fn refusal(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    dpdk: &DpdkSpec,
    link: &Link,
    function: &Function,
) -> Option<(Reason, String)> {
    if !world.settings.binds_devices {
        let why = "this agent may not bind devices to DPDK drivers: nodeAgent.dpdk.enabled lets it";
        return Some((Reason::DpdkUnsupported, why.to_owned()));
    }
    guard::refusal(world, slot, link)
        .or_else(|| other_place(dpdk, &function.address))
        .or_else(|| not_a_name(slot))
        .or_else(|| not_loaded(world, dpdk))
        .or_else(|| without_iommu(world, dpdk, function))
        .or_else(|| iommu::refusal(world, dpdk, function))
}

/// Why a device that is bound is to be given back; `None` if it may stay so.
pub(super) fn withdrawal(
    world: &World<'_>,
    dpdk: &DpdkSpec,
    function: &Function,
) -> Option<(Reason, String)> {
    let unsafe_now = function.binding.group.as_ref().is_some_and(|group| group.no_iommu);
    let allowed = allows_no_iommu(world, dpdk);
    other_place(dpdk, &function.address).or(allowed.err().filter(|_| unsafe_now))
}

/// Why a device is refused that is not where the spec expects it.
pub(super) fn other_place(dpdk: &DpdkSpec, place: &PciAddress) -> Option<(Reason, String)> {
    let expected = dpdk.pci_address.as_deref().filter(|expected| *expected != place.as_str())?;
    let why = format!("the ENI is the device at {place}, and dpdkPCIAddress says {expected}");
    Some((Reason::PciAddressMismatch, why))
}

/// Why a device is not offered by the name that is asked for.
pub(super) fn not_a_name(slot: &NodeENIAttachment) -> Option<(Reason, String)> {
    let why = resource::name(slot).and_then(|name| resource::refusal(&name))?;
    Some((Reason::ResourceNameInvalid, why))
}

/// Why a driver cannot be had.
pub(super) fn not_loaded(world: &World<'_>, dpdk: &DpdkSpec) -> Option<(Reason, String)> {
    let driver = dpdk.driver.as_str();
    if !DPDK_DRIVERS.contains(&driver) {
        let why = format!("{driver} is none of {}", DPDK_DRIVERS.join(", "));
        return Some((Reason::DriverNotLoaded, why));
    }
    (!world.view.platform.drivers.contains(driver)).then(|| {
        let why = format!("the kernel has no driver {driver}: its module {driver} is not loaded");
        (Reason::DriverNotLoaded, why)
    })
}

/// Whether vfio has to take a device without an IOMMU.
pub(super) fn goes_without_iommu(dpdk: &DpdkSpec, function: &Function) -> bool {
    dpdk.driver == VFIO && function.binding.group.as_ref().is_none_or(|group| group.no_iommu)
}

fn without_iommu(world: &World<'_>, dpdk: &DpdkSpec, function: &Function) -> Option<(Reason, String)> {
    if !goes_without_iommu(dpdk, function) {
        return None;
    }
    if let Err(refusal) = allows_no_iommu(world, dpdk) {
        return Some(refusal);
    }
    world.view.platform.no_iommu_mode.is_none().then(|| {
        let why = "the host has no IOMMU for the device, and its kernel is built without CONFIG_VFIO_NOIOMMU";
        (Reason::NoIommuUnsupported, why.to_owned())
    })
}

/// Whether both who are asked let a device go without an IOMMU, and who does not.
fn allows_no_iommu(world: &World<'_>, dpdk: &DpdkSpec) -> Result<(), (Reason, String)> {
    let says = |reason, why: &str| Err((reason, format!("the host has no IOMMU for the device; {why}")));
    match (dpdk.allow_unsafe_no_iommu, world.settings.allow_no_iommu) {
        (true, true) => Ok(()),
        (false, false) => {
            says(Reason::NoIommu, "neither the NodeENI nor the node's agent lets it go without")
        }
        (true, false) => says(
            Reason::NoIommuNotAllowed,
            "allowUnsafeNoIommu of the NodeENI is true, and the node's agent does not allow it",
        ),
        (false, true) => says(
            Reason::NoIommuNotAllowed,
            "the node's agent allows to go without, and allowUnsafeNoIommu of the NodeENI is not true",
        ),
    }
}

/// What is not as a program would want it, though it is no reason not to bind a device.
#[must_use]
pub fn warnings(world: &World<'_>, driver: &str) -> Vec<String> {
    let platform = &world.view.platform;
    let mut all = vec![];
    if platform.huge_pages.values().all(|(there, _)| *there == 0) {
        all.push("the host has no huge pages".to_owned());
    }
    if let Some(lockdown) = platform.lockdown.as_deref().filter(|lockdown| *lockdown != "none") {
        all.push(format!("the kernel is locked down ({lockdown})"));
    }
    match platform.write_combining {
        Some(true) => {}
        Some(false) => all.push(format!("{driver} maps memory without write combining")),
        None => all.push(format!("whether {driver} maps memory with write combining cannot be told")),
    }
    all
}
