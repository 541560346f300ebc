//! One look at all ENIs of the cluster: observe, plan, mark what is not as it should be.

use std::collections::BTreeSet;

use k8s_openapi::jiff::SignedDuration;

use super::PassError;
use super::context::{Context, Swept};
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterErrorKind, Done};
use crate::ec2::{Ec2, EniQuery};
use crate::model::{Ownership, Slot};
use crate::plan::belief::Listing;
use crate::plan::events::Event;
use crate::plan::sweep::{Finding, Plan, World, plan};
use crate::plan::{Pace, slot_status};

/// What a look has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// `NodeENI`s whose passes have to look for ENIs without a slot.
    pub visit: BTreeSet<String>,
    /// When to look again.
    pub pace: Pace,
}

/// One look at all ENIs of the cluster.
///
/// One listing is all that it costs; what it finds, the other passes put right.
pub async fn pass<C: Cluster, E: Ec2, K: Clock>(context: &Context<C, E, K>) -> Result<Looked, PassError> {
    let world = observe(context).await?;
    let settings = &context.settings;
    let plan = plan(&world, &settings.cluster, settings.listing_lag, &settings.sweep);
    report(&plan, context).await;
    let visit = plan.visit.clone();
    remember(&world, &plan, context);
    for finding in &plan.findings {
        settle(mark(finding, context).await)?;
    }
    for object in &plan.bereaved {
        tracing::info!(
            nodeeni = object.spec.node_eni,
            instance = object.spec.instance_id,
            "an ENI of a NodeENI that is gone is given up"
        );
        settle(context.cluster.create(object).await.map(drop))?;
    }
    Ok(Looked { visit, pace: Pace::Within(jittered(settings.sweep.period, context.clock.jitter())) })
}

/// Somebody else was first, or the object is gone: the next look sees it as it is then.
fn settle(done: Done<()>) -> Done<()> {
    match done {
        Err(error) if matches!(error.kind, ClusterErrorKind::Conflict | ClusterErrorKind::Gone) => Ok(()),
        done => done,
    }
}

/// A tenth more or less, so that clusters that began together do not ask together.
fn jittered(period: SignedDuration, jitter: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(period.as_secs_f64() * (0.9 + 0.2 * jitter.clamp(0.0, 1.0)))
}

/// Asks EC2 for all of the cluster's ENIs.
async fn observe<C: Cluster, E: Ec2, K: Clock>(context: &Context<C, E, K>) -> Result<World, PassError> {
    let at = context.clock.now();
    let mut enis = context.ec2.enis(&EniQuery::OfCluster(context.settings.cluster.clone())).await?;
    // The ENI of an object that cannot be read is nobody's orphan, and cannot be compared with anything.
    let unreadable: BTreeSet<Slot> =
        context.cluster.unreadable().iter().filter_map(|one| one.slot()).collect();
    enis.retain(|eni| Ownership::read(&eni.tags).is_none_or(|owner| !unreadable.contains(&owner.slot)));
    // Only now: what was made while EC2 was asked is no orphan.
    let slots = context.cluster.attachments();
    let nodes = context.cluster.nodes();
    Ok(World {
        listing: Listing { at, enis },
        slots,
        node_enis: context.cluster.node_eni_names().into_iter().collect(),
        live: nodes.iter().filter(|node| node.ready).filter_map(|node| node.instance().ok()).collect(),
        sightings: context.memory.swept().sightings,
    })
}

/// Takes note of what the listing told.
fn remember<C, E, K>(world: &World, plan: &Plan, context: &Context<C, E, K>) {
    for name in &plan.visit {
        context.memory.visit_at(name, Some(world.listing.at));
    }
    context.memory.set_swept(Swept {
        at: Some(world.listing.at),
        sightings: plan.sightings.clone(),
        places: plan.places.clone(),
        strangers: plan.strangers.clone(),
        hold: plan.hold.clone(),
    });
}

/// Tells what nobody acts on: strangers, and why nothing is deleted. Each once.
async fn report<C: Cluster, E: Ec2, K: Clock>(plan: &Plan, context: &Context<C, E, K>) {
    let before = context.memory.swept();
    for eni in plan.strangers.difference(&before.strangers) {
        tracing::warn!(%eni, "bears this cluster's tag and is not one of its ENIs; it is left alone");
    }
    match (&before.hold, &plan.hold) {
        (None, Some(why)) => {
            tracing::error!(why, "deletions are held");
            for name in context.cluster.node_eni_names() {
                let event = Event { warning: true, reason: "DeletionsHeld", message: why.clone() };
                context.cluster.tell(&name, event).await;
            }
        }
        (Some(_), None) => tracing::info!("deletions are held no more"),
        (None, None) | (Some(_), Some(_)) => {}
    }
}

/// Writes on a slot what the listing says of it: its instance's pass puts it right.
async fn mark<C: Cluster, E: Ec2, K: Clock>(finding: &Finding, context: &Context<C, E, K>) -> Done<()> {
    let slot = finding.slot.as_ref();
    let now = context.clock.now();
    let Some(drift) = &finding.drift else {
        let status = slot_status::build(slot, finding.cloud.clone(), &[], now);
        return context.cluster.apply_status(slot, &status).await.map(drop);
    };
    let status = slot_status::build(slot, slot.recorded().cloned(), &[drift.verdict()], now);
    if status == slot_status::owned(slot) {
        return Ok(());
    }
    context.cluster.apply_status(slot, &status).await?;
    let message = format!("node {}: {}", slot.spec.node_name, drift.message);
    context.cluster.tell(&slot.spec.node_eni, Event { warning: true, reason: "ENIDrifted", message }).await;
    Ok(())
}
