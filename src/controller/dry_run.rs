//! Asks EC2 once whether the controller may create ENIs, before a node needs one.

use super::context::Context;
use crate::clock::Clock;
use crate::ec2::Ec2;
use crate::model::{ClusterId, CreateEni, Epoch};
use crate::plan::Pace;
use crate::plan::fanout::{Finalizer, Plan, World};
use crate::plan::instance::create_request;
use k8s_openapi::jiff::SignedDuration;

/// When to say what was found out.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// An epoch that no create has.
const NEVER: Epoch = Epoch(0);

/// The create to ask about, on behalf of a `NodeENI` that is at rest.
///
/// Where a create is about to be made, it tells by itself.
pub(super) fn request(world: &World, plan: &Plan, cluster: &ClusterId) -> Option<CreateEni> {
    let rests = plan.finalizer == Finalizer::Keep && plan.create.is_empty() && plan.remove.is_empty();
    let served = plan.status.desired > 0 && plan.status.attached >= plan.status.desired;
    let object = &world.node_eni;
    let stays = object.metadata.deletion_timestamp.is_none() && object.spec.paused != Some(true);
    let slot = world.children.iter().find(|slot| !slot.spec.release);
    slot.filter(|_| rests && served && stays).and_then(|slot| create_request(slot, NEVER, cluster))
}

/// Asks, where no create has told yet. Returns when to look again.
///
/// Nothing waits for the answer, and one that says nothing of permissions is asked for again by the next pass.
pub(super) async fn ask<C, E: Ec2, K: Clock>(request: Option<CreateEni>, context: &Context<C, E, K>) -> Pace {
    let Some(request) = request.filter(|_| context.authority.take_dry_run(context.clock.now())) else {
        return Pace::Settled;
    };
    let before = context.authority.known();
    if let Err(error) = context.ec2.may_create(&request).await {
        tracing::warn!(call = %error.call, code = error.code, error = error.message, "a create would be refused");
    }
    if context.authority.known() == before { Pace::Settled } else { Pace::Within(SOON) }
}
