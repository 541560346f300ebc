//! Waiting for the turn of a slot's first call, and whether its reason still holds then.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::instance_pass::BEHIND;
use crate::api::NodeENIAttachment;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::ec2::{Ec2, Turn};
use crate::model::InstanceId;
use crate::plan::Pace;
use crate::plan::budget::first_call;
use crate::plan::instance::SlotPlan;
use crate::plan::node::NodeFacts;

/// What a plan was made for, as far as a call that waits for its turn has to look at it again.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) instance: &'a InstanceId,
    pub(super) node: Option<&'a NodeFacts>,
    /// Whether deletions were held.
    pub(super) held: bool,
}

/// Waits until EC2 may be asked for the first step. Returns when to look again, if that is not to be done now:
/// there is no turn soon, or what the plan was made for has changed while it waited.
///
/// This comes before anything is written: a create that is recorded is one that is sent.
pub(super) async fn wait<C: Cluster, E: Ec2, K: Clock>(
    seen: Seen<'_>,
    slot: &SlotPlan,
    context: &Context<C, E, K>,
) -> Option<Pace> {
    if let Turn::After(wait) = context.ec2.turn(first_call(&slot.steps)?).await {
        let now = context.clock.now();
        context.memory.put_off(&slot.attachment, now + wait, now);
        return Some(Pace::Within(wait));
    }
    let planned = (&slot.attachment.metadata.name, &slot.attachment.metadata.resource_version);
    let unchanged = |object: &Arc<NodeENIAttachment>| {
        (&object.metadata.name, &object.metadata.resource_version) == planned
    };
    // A plan looks at a node's state; we label it ourselves in between.
    let state = |node: &NodeFacts| NodeFacts { labels: BTreeMap::new(), ..node.clone() };
    let node = context.cluster.node_of(seen.instance);
    let holds = node.as_ref().map(state) == seen.node.map(state)
        && context.memory.hold().is_some() == seen.held
        && context.cluster.attachments_on(seen.instance).iter().any(unchanged);
    (!holds).then_some(Pace::Within(BEHIND))
}
