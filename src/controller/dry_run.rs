//! Asks EC2 once whether the controller may create ENIs, before a node needs one.

use super::context::{Clock, Context};
use crate::cluster::Cluster;
use crate::ec2::Ec2;
use crate::model::Epoch;
use crate::plan::Pace;
use crate::plan::fanout::{Finalizer, Plan, World};
use crate::plan::instance::create_request;
use k8s_openapi::jiff::SignedDuration;

/// When to say what was found out.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// An epoch that no create has.
const NEVER: Epoch = Epoch(0);

/// Asks on behalf of a `NodeENI` that is at rest, where no create has told yet. Returns when to look again.
///
/// Where a create is about to be made, it tells by itself. Nothing waits for the answer, and an answer that
/// says nothing of permissions is asked for again by the next pass.
pub(super) async fn ask<C: Cluster, E: Ec2, K: Clock>(
    world: &World,
    plan: &Plan,
    context: &Context<C, E, K>,
) -> Pace {
    let rests = plan.finalizer == Finalizer::Keep && plan.create.is_empty() && plan.remove.is_empty();
    let served = plan.status.desired > 0 && plan.status.attached >= plan.status.desired;
    let stays =
        world.node_eni.metadata.deletion_timestamp.is_none() && world.node_eni.spec.paused != Some(true);
    let request = || {
        let slot = world.children.iter().find(|slot| !slot.spec.release)?;
        create_request(slot, NEVER, &context.settings.cluster)
    };
    let Some(request) = (rests && served && stays).then(request).flatten() else { return Pace::Settled };
    if !context.authority.take_dry_run(context.clock.now()) {
        return Pace::Settled;
    }
    let before = context.authority.known();
    if let Err(error) = context.ec2.may_create(&request).await {
        tracing::warn!(call = %error.call, code = error.code, error = error.message, "a create would be refused");
    }
    if context.authority.known() == before { Pace::Settled } else { Pace::Within(SOON) }
}
