//! On which instances to raise the hop limit of the metadata service.
//!
//! A pod without the host's network is one hop further away than the default of 1 lets an answer travel. The
//! limit is raised where a `NodeENI` selects the node, and never lowered; nothing else of the service is set.

use std::collections::BTreeSet;

use super::events::Event;
use super::fanout::{World, selected};
use super::instance::Sighting;
use super::verdicts;
use crate::api::NODE_ENI_FINALIZER;
use crate::model::{Ec2Error, InstanceId, InstanceState};

/// A limit to raise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Raise {
    /// Of which instance.
    pub instance: InstanceId,
    /// What it is, in hops.
    pub from: u32,
    /// What it shall be.
    pub to: u32,
}

/// The limits to raise on behalf of a `NodeENI`, where that is `wanted`: of running instances of the nodes
/// that it selects, as far as EC2 told that they are lower.
#[must_use]
pub fn due(world: &World, wanted: Option<u32>) -> Vec<Raise> {
    let Some(to) = wanted.filter(|_| works(world)) else { return vec![] };
    let ids: BTreeSet<InstanceId> =
        selected(&world.node_eni, &world.nodes).filter_map(|node| node.instance().ok()).collect();
    let low = |id: InstanceId| match world.instances.get(&id) {
        Some(Sighting::Seen(seen)) if seen.state == InstanceState::Running => {
            let from = seen.metadata_hop_limit.filter(|from| *from < to)?;
            Some(Raise { instance: id, from, to })
        }
        Some(Sighting::Seen(_) | Sighting::NotAsked | Sighting::Absent) | None => None,
    };
    ids.into_iter().filter_map(low).collect()
}

/// Whether anything is done for an object: not before its finalizer is on, nor while it is paused or going.
fn works(world: &World) -> bool {
    let meta = &world.node_eni.metadata;
    let begun = meta.finalizers.iter().flatten().any(|name| name == NODE_ENI_FINALIZER);
    begun && meta.deletion_timestamp.is_none() && world.node_eni.spec.paused != Some(true)
}

/// What to tell of a limit that was raised.
#[must_use]
pub fn raised(raise: &Raise) -> Event {
    let message =
        format!("raised the IMDS hop limit of {} from {} to {}", raise.instance, raise.from, raise.to);
    Event { warning: false, reason: "IMDSHopLimitRaised", message }
}

/// What to tell of a limit that could not be raised.
#[must_use]
pub fn refused(raise: &Raise, error: &Ec2Error) -> Event {
    let (_, why) = verdicts::failure(error);
    let message = format!(
        "the IMDS hop limit of {} stays {} instead of {}: {why}",
        raise.instance, raise.from, raise.to
    );
    Event { warning: true, reason: "IMDSHopLimitNotRaised", message }
}
