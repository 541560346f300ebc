//! Which devices a container gets best.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Offer;

/// As many devices as asked for, of those that are available: those that must be among them, then those nearest to
/// the same memory.
///
/// Of the NUMA nodes that have enough the one with fewest is taken, so that others stay whole; if none has enough, the
/// one with most goes first. Ties, and devices of one node, go by address.
#[must_use]
pub fn preferred(list: &[Offer], available: &[String], must: &[String], size: usize) -> Vec<String> {
    let near: BTreeMap<&str, u32> =
        list.iter().filter_map(|offer| Some((offer.device.as_str(), offer.numa_node?))).collect();
    let free: BTreeSet<&str> = available.iter().map(String::as_str).collect();
    let mut chosen: Vec<&str> = vec![];
    for id in must.iter().map(String::as_str) {
        if free.contains(id) && !chosen.contains(&id) && chosen.len() < size {
            chosen.push(id);
        }
    }
    let mut groups: BTreeMap<Option<u32>, Vec<&str>> = BTreeMap::new();
    for id in free.into_iter().filter(|id| !chosen.contains(id)) {
        groups.entry(near.get(id).copied()).or_default().push(id);
    }
    while chosen.len() < size && !groups.is_empty() {
        let wanted = size - chosen.len();
        let nodes: BTreeSet<Option<u32>> = chosen.iter().map(|id| near.get(id).copied()).collect();
        let best = groups.iter().min_by_key(|(node, ids)| {
            let enough = ids.len() >= wanted;
            let waste = if enough { ids.len() } else { usize::MAX - ids.len() };
            // What is near to nothing is taken last.
            (!(node.is_some() && nodes.contains(*node)), !enough, node.is_none(), waste, **node)
        });
        let Some(best) = best.map(|(node, _)| *node) else { break };
        chosen.extend(groups.remove(&best).into_iter().flatten().take(wanted));
    }
    chosen.into_iter().map(str::to_owned).collect()
}
