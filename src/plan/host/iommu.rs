//! IOMMU groups: which devices a program gets together, and what it needs to use them.

use super::preflight::VFIO;
use super::{World, identity};
use crate::api::{DpdkSpec, Reason};
use crate::model::{DeviceNode, Function, GroupMember, PciAddress};

/// How a device is kept from memory that is not its user's, as a status says it.
pub(super) fn word(function: &Function) -> Option<&'static str> {
    let driver = function.driver.as_deref().filter(|driver| super::preflight::is_dpdk(Some(driver)))?;
    match &function.binding.group {
        Some(group) if driver == VFIO && !group.no_iommu => Some("iommu"),
        Some(_) if driver == VFIO => Some(NO_IOMMU),
        Some(_) | None => Some("none"),
    }
}

/// The word for a device that may write to all memory, and whose driver would rather not let it.
pub(super) const NO_IOMMU: &str = "no-iommu";

/// Why a device's group keeps it from being bound; `None` if it does not.
///
/// A member that is to be bound as well does not: its own slot sees to it.
pub(super) fn refusal(world: &World<'_>, dpdk: &DpdkSpec, function: &Function) -> Option<(Reason, String)> {
    if dpdk.driver != VFIO {
        return None;
    }
    let others = foreign(function, |member| is_to_be_bound(world, &member.address));
    not_viable(&others)
}

/// Why a bound device's group keeps it from being used; `None` if it does not.
pub(super) fn trouble(function: &Function) -> Option<(Reason, String)> {
    not_viable(&foreign(function, |_| false))
}

fn not_viable(others: &[&GroupMember]) -> Option<(Reason, String)> {
    let each = others.iter().map(|member| {
        let driver = member.driver.as_deref().unwrap_or("no driver");
        format!("{} ({driver})", member.address)
    });
    let all: Vec<String> = each.collect();
    (!all.is_empty()).then(|| {
        let why = format!("its IOMMU group has members that the kernel uses: {}", all.join(", "));
        (Reason::IommuGroupNotViable, why)
    })
}

/// Members of a group that keep programs from it: not those without a driver or of vfio, and no bridges.
fn foreign(function: &Function, is_fine: impl Fn(&GroupMember) -> bool) -> Vec<&GroupMember> {
    let members =
        function.binding.group.iter().filter(|group| !group.no_iommu).flat_map(|group| &group.members);
    let used = members.filter(|member| {
        let is_bridge = member.class.starts_with("0x0604");
        let is_free = member.driver.as_deref().is_none_or(|driver| driver == VFIO);
        member.address != function.address && !is_bridge && !is_free
    });
    used.filter(|member| !is_fine(member)).collect()
}

/// Whether a slot asks for a function to be bound to vfio.
fn is_to_be_bound(world: &World<'_>, place: &PciAddress) -> bool {
    let asking = world.slots.iter().filter(|slot| super::has_claim(slot) && !slot.spec.release);
    let asking = asking.filter(|slot| {
        !slot.spec.paused && slot.spec.dpdk.as_ref().is_some_and(|dpdk| dpdk.enabled && dpdk.driver == VFIO)
    });
    asking.filter_map(|slot| super::mac(slot)).any(|mac| identity::is_at(world, mac, place))
}

/// The files that a program needs to use a device that is bound to a DPDK driver; `None` while it has none.
pub(super) fn nodes(function: &Function) -> Option<Vec<DeviceNode>> {
    let node = |on_host: String, in_container: String| DeviceNode { on_host, in_container };
    let same = |path: String| node(path.clone(), path);
    if !function.binding.node_exists {
        return None;
    }
    if function.driver.as_deref() != Some(VFIO) {
        return Some(vec![same(format!("/dev/uio{}", function.binding.uio?))]);
    }
    let group = function.binding.group.as_ref()?;
    let vfio = same("/dev/vfio/vfio".to_owned());
    let own = format!("/dev/vfio/{}", group.number);
    if !group.no_iommu {
        return Some(vec![vfio, same(own)]);
    }
    let unsafe_one = format!("/dev/vfio/noiommu-{}", group.number);
    // Programs look for either.
    Some(vec![vfio, node(unsafe_one.clone(), own), same(unsafe_one)])
}
