//! What kubelet's lists of devices are to be.

use std::collections::BTreeSet;

use super::Served;
use crate::model::{Allotted, Offer, Offers, PciAddress};

/// The list of every resource, from what is offered, what was listed before, and what pods hold if that is known.
///
/// A device that is not offered any more stays listed, and is not healthy, as long as a pod may hold it: kubelet would
/// not start the pod's containers again without it. So does its resource, with an empty list at last. A device that a
/// pod may hold under one name is healthy under no other.
#[must_use]
pub fn lists(offers: &Offers, before: &Offers, served: &Served, allotted: Option<&Allotted>) -> Offers {
    let names: BTreeSet<&String> = offers.keys().chain(before.keys()).collect();
    let lists = names.into_iter().filter_map(|name| {
        let mut list: Vec<Offer> = vec![];
        for offer in offers.get(name).into_iter().flatten() {
            let free = !elsewhere(name, &offer.device, before, allotted);
            list.push(Offer { healthy: offer.healthy && free, ..offer.clone() });
        }
        for gone in before.get(name).into_iter().flatten() {
            let listed = list.iter().any(|offer| offer.device == gone.device);
            if !listed && allotted.is_none_or(|allotted| holds(allotted, name, &gone.device)) {
                list.push(Offer { healthy: false, ..gone.clone() });
            }
        }
        list.sort_by(|a, b| a.device.cmp(&b.device));
        list.dedup_by(|again, first| again.device == first.device);
        // Its server ends when kubelet has taken the empty list over: it would remember the devices otherwise.
        let ends = !offers.contains_key(name) && list.is_empty() && listed(name, served, allotted).is_empty();
        (!ends).then(|| (name.clone(), list))
    });
    lists.collect()
}

/// What is to be remembered as served: what is on the lists, and what kubelet may still have from before.
#[must_use]
pub fn remembered(lists: &Offers, served: &Served, allotted: Option<&Allotted>) -> Served {
    let names: BTreeSet<&String> = lists.keys().chain(served.keys()).collect();
    let all = names.into_iter().map(|name| {
        let mut ids = listed(name, served, allotted);
        ids.extend(lists.get(name).into_iter().flatten().map(|offer| offer.device.to_string()));
        (name.clone(), ids)
    });
    all.filter(|(name, ids)| !ids.is_empty() || lists.contains_key(name)).collect()
}

/// The devices served under a name that kubelet may still list.
fn listed(name: &str, served: &Served, allotted: Option<&Allotted>) -> BTreeSet<String> {
    let ids = served.get(name).into_iter().flatten();
    let offered = allotted.map(|allotted| allotted.offered.get(name));
    let kept = ids.filter(|id| offered.is_none_or(|ids| ids.is_some_and(|ids| ids.contains(*id))));
    kept.cloned().collect()
}

/// Whether a pod may hold a device under another name.
fn elsewhere(name: &str, device: &PciAddress, before: &Offers, allotted: Option<&Allotted>) -> bool {
    match allotted {
        Some(allotted) => allotted
            .holders
            .iter()
            .any(|((other, id), pods)| other != name && id == device.as_str() && !pods.is_empty()),
        None => before
            .iter()
            .any(|(other, list)| other != name && list.iter().any(|offer| offer.device == *device)),
    }
}

fn holds(allotted: &Allotted, name: &str, device: &PciAddress) -> bool {
    let key = (name.to_owned(), device.to_string());
    allotted.holders.get(&key).is_some_and(|pods| !pods.is_empty())
}
