//! Whether another device plugin of the node serves a resource, or its devices.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Allotted, Offer};

/// The resources that the agent has served, in this life or an earlier one, with the ids of their devices.
pub type Served = BTreeMap<String, BTreeSet<String>>;

/// Says who else serves a resource of this name, or one of these devices under another.
///
/// Kubelet lists healthy devices and not plugins; those of a plugin that is gone it does not list. A device that the agent has never listed under a resource is somebody
/// else's, unless it is one that is to be listed there now.
#[must_use]
pub fn served_by_another(
    resource: &str,
    list: &[Offer],
    served: &Served,
    allotted: &Allotted,
) -> Option<String> {
    let ids: BTreeSet<&str> = list.iter().map(|offer| offer.device.as_str()).collect();
    let own = |name: &str, id: &str| served.get(name).is_some_and(|ids| ids.contains(id));
    let listed = allotted.offered.get(resource).into_iter().flatten().map(String::as_str);
    let strange: Vec<&str> = listed.filter(|id| !ids.contains(id) && !own(resource, id)).collect();
    if !strange.is_empty() {
        let strange = some(&strange);
        return Some(format!("kubelet lists {strange} under this name, of another device plugin"));
    }
    allotted.offered.iter().filter(|(name, _)| *name != resource).find_map(|(name, others)| {
        let shared: Vec<&str> =
            others.iter().map(String::as_str).filter(|id| ids.contains(id) && !own(name, id)).collect();
        (!shared.is_empty())
            .then(|| format!("kubelet lists {} as {name} too, of another device plugin", some(&shared)))
    })
}

/// The first of them, and how many more there are.
fn some(ids: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown = ids.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if ids.len() > SHOWN { format!("{shown} and {} more", ids.len() - SHOWN) } else { shown }
}
