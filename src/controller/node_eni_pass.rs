//! One pass over a `NodeENI`: observe, plan, make and remove slots, publish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::jiff::SignedDuration;

use super::PassError;
use super::context::Context;
use super::{dry_run, hop_limit, neighbours, network, takeover};
use crate::api::{NodeENI, NodeENIAttachment, NodeENIStatus, Reason};
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterErrorKind, Sight, Unreadable};
use crate::ec2::{Answer, Ec2, EniQuery};
use crate::model::{Ec2Error, InstanceId, Ownership, Slot, VpcId};
use crate::plan::belief::Listing;
use crate::plan::fanout::{Finalizer, Leftovers, Plan, Renewal, World, instances, plan, remove_all};
use crate::plan::instance::{Sighting, slot_of};
use crate::plan::takeover::{Stage, stage};
use crate::plan::{Pace, rollup};

/// How many objects are written at once. The client's own limit, five requests in flight, is not more.
const AT_ONCE: usize = 8;

/// When to come back to objects that could not be written.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// One pass over a `NodeENI`. Returns when to look again.
pub async fn pass<C: Cluster, E: Ec2, K: Clock>(
    name: &str,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    let object = match context.cluster.node_eni(name) {
        Some(Sight::Seen(object)) => object,
        // Its end needs nothing of what it wants.
        Some(Sight::Undecodable(object, _)) if object.metadata.deletion_timestamp.is_some() => object,
        // It is there: what it wants is not known, so its slots stay as they are.
        Some(Sight::Undecodable(object, why)) => return tell_undecodable(&object, &why, context).await,
        None => return bereave(name, context).await,
    };
    if let Some(pace) = takeover::take_over(&object, context).await? {
        return Ok(pace);
    }
    let world = match observe(&object, context).await {
        Ok(world) => world,
        Err(error) => {
            tell_unreadable(&object, &error, context).await?;
            return Err(error.into());
        }
    };
    let unreadable = unreadable_of(name, context);
    let plan = spare(plan(&world, &context.settings), &unreadable, &world);
    let visit = next_visit(&world, &plan, context);
    tracing::debug!(nodeeni = name, create = plan.create.len(), update = plan.update.len(), remove = plan.remove.len(), pace = ?plan.pace, "planned");
    let create = dry_run::request(&world, &plan, &context.settings.cluster);
    let done = carry_out(&object, plan, context).await?.or(visit);
    let hops = hop_limit::raise(name, &world, context).await;
    Ok(done.or(hops).or(dry_run::ask(create, context).await))
}

/// The objects of a `NodeENI` that are there and cannot be read.
fn unreadable_of<C: Cluster, E, K>(name: &str, context: &Context<C, E, K>) -> Vec<Arc<Unreadable>> {
    context.cluster.unreadable().into_iter().filter(|one| one.node_eni == name).collect()
}

/// A plan that takes no object that cannot be read for absent: it is not made again, and while it is there
/// its `NodeENI` stays.
fn spare(mut plan: Plan, unreadable: &[Arc<Unreadable>], world: &World) -> Plan {
    let Some(first) = unreadable.first() else { return plan };
    let there = |slot: &NodeENIAttachment| {
        unreadable.iter().any(|one| slot.metadata.name.as_ref() == Some(&one.name))
    };
    plan.create.retain(|slot| !there(slot));
    if plan.finalizer == Finalizer::Remove {
        plan.finalizer = Finalizer::Keep;
    }
    let message = format!(
        "{} objects of slots cannot be read, so their ENIs stay as they are; NodeENIAttachment {}: {}",
        unreadable.len(),
        first.name,
        first.why
    );
    rollup::hindered(&mut plan.status, &world.node_eni, Reason::Undecodable, message, world.now);
    plan
}

/// When to look for ENIs without a slot, after this pass.
fn next_visit<C, E, K: Clock>(world: &World, plan: &Plan, context: &Context<C, E, K>) -> Pace {
    let name = world.node_eni.metadata.name.as_deref().unwrap_or_default();
    let shown = world.now + context.settings.listing_lag;
    let left = world.leftovers.as_ref().map(|left| !left.listing.enis.is_empty());
    // A renewal that ends half-way leaves an ENI without a slot.
    if left == Some(true) || !plan.renew.is_empty() {
        context.memory.visit_at(name, Some(shown));
    } else if left == Some(false) {
        context.memory.visit_at(name, None);
    }
    let due = context.memory.visit_due(name);
    due.map_or(Pace::Settled, |at| Pace::Within(at.duration_since(world.now).max(SOON)))
}

/// Asks EC2 for what the decision depends on.
async fn observe<C: Cluster, E: Ec2, K: Clock>(
    object: &Arc<NodeENI>,
    context: &Context<C, E, K>,
) -> Result<World, Ec2Error> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let nodes = context.cluster.nodes();
    let children: Vec<NodeENIAttachment> =
        context.cluster.attachments_of(name).iter().map(|child| child.as_ref().clone()).collect();
    let leftovers = leftovers(object, &children, context).await?;
    let wanted: Vec<InstanceId> =
        instances(object, &nodes, &children, leftovers.as_ref()).into_iter().collect();
    let found = context.ec2.instances(&wanted).await?;
    let mut sightings: BTreeMap<InstanceId, Sighting> =
        wanted.into_iter().map(|id| (id, Sighting::Absent)).collect();
    let neighbours = neighbours::look(&found, context).await;
    let vpcs: BTreeSet<VpcId> = found.iter().filter_map(|instance| instance.vpc.clone()).collect();
    sightings.extend(found.into_iter().map(|instance| (instance.id.clone(), Sighting::Seen(instance))));
    Ok(World {
        now: context.clock.now(),
        network: network::look_up(&object.spec, vpcs, &context.ec2).await?,
        leftovers,
        tagged: context.memory.places(name).unwrap_or_default(),
        neighbours,
        held: context.memory.hold(),
        node_eni: object.as_ref().clone(),
        nodes,
        instances: sightings,
        children,
        authority: context.authority.known(),
    })
}

/// What EC2 lists of a `NodeENI` and no slot is there for, where that is to be known: when it is being
/// deleted and has no slots any more, after whatever may have left something behind, and where nothing else
/// says which places its subnets have.
async fn leftovers<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    children: &[NodeENIAttachment],
    context: &Context<C, E, K>,
) -> Answer<Option<Leftovers>> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let at = context.clock.now();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let due = context.memory.visit_due(&name).is_some_and(|due| due <= at);
    let asked = if deleting { children.is_empty() } else { due || unplaced(object, children, context) };
    if !asked || object.spec.paused == Some(true) {
        return Ok(None);
    }
    let query = EniQuery::OfNodeEnis(context.settings.cluster.clone(), vec![name.clone()]);
    let unreadable = unreadable_of(&name, context);
    let slots: BTreeSet<Slot> =
        children.iter().filter_map(slot_of).chain(unreadable.iter().filter_map(|one| one.slot())).collect();
    let mut enis = context.ec2.enis(&query).await?;
    enis.retain(|eni| Ownership::read(&eni.tags).is_none_or(|owner| !slots.contains(&owner.slot)));
    let since = context.memory.leftovers_since(&name, !enis.is_empty(), at);
    Ok(Some(Leftovers { listing: Listing { at, enis }, since }))
}

/// Whether nothing says which places the object's subnets have, although its ENIs' tags might: it may come
/// from a backup. A listing of the whole cluster would have told.
fn unplaced<C, E, K: Clock>(
    object: &NodeENI,
    children: &[NodeENIAttachment],
    context: &Context<C, E, K>,
) -> bool {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let told = object.status.as_ref().is_some_and(|status| !status.subnet_offsets.is_empty());
    let new_here = stage(object, context.clock.now()) != Stage::None;
    new_here || !told && children.is_empty() && context.memory.places(name).is_none()
}

/// Makes, changes and removes slots, and publishes.
async fn carry_out<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    mut plan: Plan,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    match plan.finalizer {
        Finalizer::Add => {
            context.cluster.add_finalizer(object).await?;
            return Ok(Pace::Settled);
        }
        Finalizer::Remove => {
            context.cluster.remove_finalizer(object).await?;
            context.memory.forget_node_eni(object.metadata.name.as_deref().unwrap_or_default());
            return Ok(Pace::Settled);
        }
        Finalizer::Keep => {}
    }
    // Written before a slot is made with them: from a view that is behind, another place would be free.
    let places = object.status.as_ref().map_or(&[][..], |status| &status.subnet_offsets);
    let tell_first = !plan.create.is_empty() && places != plan.status.subnet_offsets;
    if tell_first && !publish(object, &plan.status, context).await? {
        return Ok(Pace::Within(SOON));
    }
    let made = each(&plan.create, |slot| make(slot, context)).await;
    let changed = each(&plan.update, |slot| async {
        context.cluster.replace(slot).await.map(drop).map_err(Into::into)
    })
    .await;
    let renewed = each(&plan.renew, |slot| renew(slot, context)).await;
    let removed = each(&plan.remove, |slot| remove(slot, context)).await;
    if let Err(PassError::Cluster(error)) = &made
        && error.kind == ClusterErrorKind::Refused
    {
        if tell_first {
            // What was told first has changed the object: the next pass tells of this.
            return Ok(Pace::Within(SOON));
        }
        let now = context.clock.now();
        rollup::hindered(&mut plan.status, object, Reason::ApiRefused, error.to_string(), now);
    }
    // A conflict is of a change that the watch may have brought before this pass.
    let told = tell_first || publish(object, &plan.status, context).await?;
    let again = if told { Pace::Settled } else { Pace::Within(SOON) };
    Ok(plan.pace.or(again).or(made?).or(changed?).or(renewed?).or(removed?))
}

/// Writes objects side by side. A conflict is left to the next pass; another failure ends this one, but
/// not before every object has had its turn.
async fn each<'a, T, F>(slots: &'a [T], write: impl Fn(&'a T) -> F) -> Result<Pace, PassError>
where
    F: Future<Output = Result<(), PassError>>,
{
    let done: Vec<_> = futures::stream::iter(slots.iter().map(write)).buffered(AT_ONCE).collect().await;
    let mut pace = Pace::Settled;
    let mut failure = None;
    for result in done {
        match result {
            Ok(()) => {}
            Err(PassError::Cluster(error))
                if matches!(error.kind, ClusterErrorKind::Conflict | ClusterErrorKind::Gone) =>
            {
                pace = pace.or(Pace::Within(SOON));
            }
            // The first: what is told of it is the same each time.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(pace), Err)
}

/// Makes a slot's object, and remembers that nobody can have asked EC2 on its behalf yet.
async fn make<C: Cluster, E: Ec2, K: Clock>(
    slot: &NodeENIAttachment,
    context: &Context<C, E, K>,
) -> Result<(), PassError> {
    let made = context.cluster.create(slot).await?;
    let now = context.clock.now();
    // An ENI that got our tags a moment ago may be missing from the next listing.
    let tagged = context.memory.taken_over(&slot.spec.node_eni);
    if tagged.is_none_or(|at| at + context.settings.listing_lag <= now) {
        context.memory.born(made.metadata.uid.as_deref().unwrap_or_default(), now);
    }
    Ok(())
}

/// Lets an object go that somebody deleted, and makes the one that adopts its ENI.
///
/// What the next one does not see in a listing it takes time to believe in: it is nobody's newborn.
async fn renew<C: Cluster, E: Ec2, K: Clock>(
    slot: &Renewal,
    context: &Context<C, E, K>,
) -> Result<(), PassError> {
    context.cluster.let_go(&slot.old).await?;
    context.cluster.create(&slot.new).await?;
    Ok(())
}

/// Marks a slot for release, then deletes its object, which stays until its ENI is gone.
///
/// In this order: an object that is deleted and not marked is let go without its ENI being touched.
async fn remove<C: Cluster, E: Ec2, K: Clock>(
    slot: &NodeENIAttachment,
    context: &Context<C, E, K>,
) -> Result<(), PassError> {
    let marked = context.cluster.replace(slot).await?;
    if marked.metadata.deletion_timestamp.is_none() {
        context.cluster.delete(&marked).await?;
    }
    Ok(())
}

/// Writes the status of a `NodeENI` if it has changed, and tells what is new in it. Says whether it stands.
async fn publish<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    status: &NodeENIStatus,
    context: &Context<C, E, K>,
) -> Result<bool, PassError> {
    if object.status.as_ref() == Some(status) {
        return Ok(true);
    }
    match context.cluster.apply_node_eni_status(object, status).await {
        Ok(()) => {}
        Err(error) if matches!(error.kind, ClusterErrorKind::Conflict | ClusterErrorKind::Gone) => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    for event in rollup::events(object.status.as_ref(), status) {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        context.cluster.tell(name, event).await;
    }
    Ok(true)
}

/// Removes the slots of a `NodeENI` that is gone, once the API server says so itself.
async fn bereave<C: Cluster, E: Ec2, K: Clock>(
    name: &str,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    let children: Vec<NodeENIAttachment> =
        context.cluster.attachments_of(name).iter().map(|child| child.as_ref().clone()).collect();
    if children.is_empty() || context.cluster.node_eni_exists(name).await? {
        return Ok(Pace::Settled);
    }
    each(&remove_all(&children), |slot| remove(slot, context)).await
}

/// Says of a `NodeENI` that it cannot be read.
async fn tell_undecodable<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    why: &str,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    let status = rollup::undecodable(object, why, context.clock.now());
    publish(object, &status, context).await?;
    Ok(Pace::Settled)
}

/// Says of a `NodeENI` that EC2 could not be read for it. Nothing else is concluded from that.
async fn tell_unreadable<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    error: &Ec2Error,
    context: &Context<C, E, K>,
) -> Result<(), PassError> {
    publish(object, &rollup::unreadable(object, error, context.clock.now()), context).await.map(drop)
}
