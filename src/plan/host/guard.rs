//! Which links are never touched, whatever an object says.

use super::surroundings::lowest;
use super::{World, named};
use crate::api::{NodeENIAttachment, Reason};
use crate::model::Link;

/// Why a link that a slot names is not touched; `None` for one that may be.
///
/// The one place that decides it. A link that no slot names does not get here.
#[must_use]
pub fn refusal(world: &World<'_>, slot: &NodeENIAttachment, link: &Link) -> Option<(Reason, String)> {
    let name = named(link);
    let because = |reason, why: &str| Some((reason, format!("{name} {why}")));
    if is_primary(slot) {
        return because(Reason::PrimaryInterface, "is the instance's primary ENI");
    }
    let all_names = std::iter::once(&link.name).chain(&link.alt_names);
    if all_names.into_iter().any(|name| world.settings.hands_off.contains(name)) {
        return because(Reason::PrimaryInterface, "is the interface that --primary-interface names");
    }
    if [false, true].iter().any(|v6| lowest(world.view, *v6).contains(&link.index)) {
        return because(Reason::DefaultRoute, "has the node's default route");
    }
    let addresses = world.view.addresses.iter().filter(|(index, _)| *index == link.index);
    if addresses.into_iter().any(|(_, address)| world.settings.node_addresses.contains(address)) {
        return because(Reason::NodeAddress, "has an address of the node");
    }
    if let Some(master) = link.master {
        let master = world.view.links.iter().find(|other| other.index == master);
        let master = master.map_or_else(|| "another link".to_owned(), named);
        return because(Reason::MemberOfAnother, &format!("is a member of {master}"));
    }
    if let Some(table) = table_of_cni(slot) {
        let routed = |link: &Link| {
            world.view.routes.iter().any(|route| route.table == table && route.link == link.index)
        };
        if routed(link) {
            return because(
                Reason::OwnedByVpcCni,
                &format!("has the default route of table {table}, which the VPC CNI makes for pods"),
            );
        }
    }
    None
}

/// Whether a slot's ENI is at the position of an instance's first one.
fn is_primary(slot: &NodeENIAttachment) -> bool {
    let at = slot.recorded().map(|cloud| (cloud.network_card_index.unwrap_or(0), cloud.device_index));
    matches!(at, Some((0, Some(0))))
}

/// The table that the VPC CNI would use for the ENI at a slot's position.
///
/// Device index and one on the first card, and a number from 10,000 up on others: `pkg/networkutils/helper.go`
/// there.
fn table_of_cni(slot: &NodeENIAttachment) -> Option<u32> {
    let cloud = slot.recorded()?;
    let device = u32::try_from(cloud.device_index?).ok()?;
    match u32::try_from(cloud.network_card_index.unwrap_or(0)).ok()? {
        0 => Some(device + 1),
        card => Some(10_000 + 100 * card + device),
    }
}
