//! What kubelet's lists of devices are to be.

use std::collections::BTreeSet;

use super::Served;
use crate::model::{Allotted, Offer, Offers, PciAddress, Publication, Publications};

/// The list of every resource, from what is offered, what was listed before, what became of that, and what pods hold if
/// that is known.
///
/// A device that is not offered any more stays listed, and is not healthy, as long as a pod may hold it: kubelet would
/// not start the pod's containers again without it. So does its resource, with an empty list at last. A device that a
/// pod may hold under one name is healthy under no other.
#[must_use]
pub fn lists(
    offers: &Offers,
    before: &Offers,
    published: &Publications,
    allotted: Option<&Allotted>,
) -> Offers {
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
        // Kubelet has to know that there is none before its server ends: it would keep the devices for minutes.
        let ends = !offers.contains_key(name) && list.is_empty() && is_over(published.get(name));
        (!ends).then(|| (name.clone(), list))
    });
    lists.collect()
}

/// Whether kubelet has the empty list of a resource, or the name is another plugin's.
fn is_over(publication: Option<&Publication>) -> bool {
    match publication {
        Some(Publication::Listed(devices)) => devices.is_empty(),
        Some(Publication::ServedByAnother(_)) => true,
        Some(Publication::Waiting(_) | Publication::Configured(_)) | None => false,
    }
}

/// What is to be remembered as served: what is on the lists, and what kubelet may still have from before.
#[must_use]
pub fn remembered(lists: &Offers, served: &Served, published: &Publications) -> Served {
    let all = lists.iter().map(|(name, list)| {
        let mut ids: BTreeSet<String> = list.iter().map(|offer| offer.device.to_string()).collect();
        let has = match published.get(name) {
            Some(Publication::Listed(devices)) => devices.keys().eq(list.iter().map(|offer| &offer.device)),
            Some(_) | None => false,
        };
        if !has {
            ids.extend(served.get(name).into_iter().flatten().cloned());
        }
        (name.clone(), ids)
    });
    all.collect()
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
