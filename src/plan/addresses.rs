//! Which addresses an ENI should get, or lose.
//!
//! EC2 gives addresses by number, and a second time if it is asked a second time. So a change is planned only
//! where it is known what there is: while an earlier one is not answered, nothing is.

use super::asks::Change;
use super::record;
use crate::api::{CloudStatus, NodeENIAttachment, NodeENIAttachmentSpec};
use crate::model::{AddressKind, InstanceType};

/// All kinds of address.
const KINDS: [AddressKind; 3] = [AddressKind::SecondaryIpv4, AddressKind::Ipv4Prefix, AddressKind::Ipv6];

/// How many addresses of a kind the spec wants; `None` where it leaves alone what there is.
#[must_use]
pub fn wanted(spec: &NodeENIAttachmentSpec, kind: AddressKind) -> Option<u32> {
    let count = match kind {
        AddressKind::SecondaryIpv4 => spec.secondary_private_ip_count,
        AddressKind::Ipv4Prefix => spec.ipv4_prefix_count,
        AddressKind::Ipv6 => spec.ipv6_address_count,
    };
    u32::try_from(count?).ok()
}

/// What of an ENI's addresses is not as the spec wants it. What goes goes first, so that there is room for
/// what comes: EC2 does not take secondary addresses and prefixes together. Of too many, the last ones go;
/// the primary address is none of them.
#[must_use]
pub(super) fn changes(slot: &NodeENIAttachment, cloud: &CloudStatus) -> Vec<Change> {
    if cloud.addresses_unsure {
        return vec![];
    }
    let (mut less, mut more) = (vec![], vec![]);
    for kind in KINDS {
        let Some(wanted) = wanted(&slot.spec, kind) else { continue };
        let there = record::addresses(cloud, kind);
        let count = u32::try_from(there.len()).unwrap_or(u32::MAX);
        if count < wanted {
            more.push(Change::Assign(kind, wanted - count));
        } else if count > wanted {
            let surplus = there.iter().skip(wanted as usize).cloned().collect();
            less.push(Change::Unassign(kind, surplus));
        }
    }
    less.into_iter().chain(more).collect()
}

/// Whether an ENI lacks addresses that the spec wants.
#[must_use]
pub(super) fn wants_more(slot: &NodeENIAttachment, cloud: &CloudStatus) -> bool {
    changes(slot, cloud).iter().any(|change| matches!(change, Change::Assign(..)))
}

/// Whether the spec wants a number of addresses, and it is not known how many there are.
#[must_use]
pub(super) fn are_unsure(slot: &NodeENIAttachment, cloud: &CloudStatus) -> bool {
    cloud.addresses_unsure && KINDS.iter().any(|kind| wanted(&slot.spec, *kind).is_some())
}

/// Why an instance type cannot give an ENI the addresses that the spec wants, for people; `None` if it can.
///
/// The primary address counts, and a prefix counts as one address.
#[must_use]
pub fn too_many(spec: &NodeENIAttachmentSpec, known: &InstanceType) -> Option<String> {
    let count = |kind| wanted(spec, kind).unwrap_or_default();
    let ipv4 = count(AddressKind::SecondaryIpv4).saturating_add(count(AddressKind::Ipv4Prefix));
    let ipv6 = count(AddressKind::Ipv6);
    let name = &known.name;
    if ipv4 > 0 && ipv4 >= known.ipv4_addresses_per_eni {
        let most = known.ipv4_addresses_per_eni.saturating_sub(1);
        return Some(format!(
            "an ENI of {name} takes {most} further private IPv4 addresses or prefixes at most; the spec asks \
             for {ipv4}"
        ));
    }
    (ipv6 > known.ipv6_addresses_per_eni).then(|| {
        let most = known.ipv6_addresses_per_eni;
        format!("an ENI of {name} takes {most} IPv6 addresses at most; the spec asks for {ipv6}")
    })
}
