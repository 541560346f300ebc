//! One pass over an instance: observe, plan, record what is intended, call EC2, publish.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::PassError;
use super::budget::in_lane;
use super::context::Context;
use super::execute::{Outcome, execute};
use super::turn::{self, Seen};
use crate::api::{CloudStatus, HAS_ENI_LABEL, NodeENIAttachment};
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterErrorKind, Unreadable};
use crate::ec2::{Ec2, EniQuery};
use crate::model::{Call, Ec2Error, Ec2ErrorKind, Eni, Instance, InstanceId, Ownership, Slot};
use crate::plan::belief::{Listing, SlotView};
use crate::plan::budget::Lane;
use crate::plan::full::Refusals;
use crate::plan::instance::{Plan, Sighting, SlotPlan, Step, World, exists, is_doubtful, plan, slot_of};
use crate::plan::node::NodeFacts;
use crate::plan::verdicts::{self, Standing};
use crate::plan::{Pace, asks, events, record, slot_status};

/// How many slots of one instance are worked on at once: as good as all, so that one that waits for its turn
/// holds up no other. How many of them attach at once is the budget's to say.
const AT_ONCE: usize = 64;

/// One pass over all slots of an instance. Returns when to look again.
///
/// It awaits the two ports and nothing else: it never sleeps, and never polls.
pub async fn pass<C: Cluster, E: Ec2, K: Clock>(
    instance: &InstanceId,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    let slots = context.cluster.attachments_on(instance);
    let world = match observe(instance, &slots, context).await {
        Ok(world) => world,
        Err(error) => {
            // An agent that is to let go must not be taken away meanwhile.
            let has_enis = slots.iter().any(|slot| slot.recorded().is_some_and(exists));
            mark(instance, has_enis, false, context).await?;
            tell_unreadable(&slots, &error, context).await;
            return Err(error.into());
        }
    };
    let seen = Seen { instance, node: world.node.as_ref(), held: world.held.is_some() };
    let Plan { slots, pace } = plan(&world, &context.settings);
    tracing::debug!(%instance, ?slots, "planned");
    mark(instance, slots.iter().any(SlotPlan::concerns_an_eni), slots.is_empty(), context).await?;
    let work = slots.into_iter().map(|slot| carry_out(seen, slot, context));
    let paces: Vec<Result<Pace, PassError>> =
        futures::stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
    paces.into_iter().try_fold(pace, |pace, done| Ok(pace.or(done?)))
}

/// Labels the node before its first ENI, and takes the label off after the last.
async fn mark<C: Cluster, E: Ec2, K: Clock>(
    instance: &InstanceId,
    has_enis: bool,
    is_bare: bool,
    context: &Context<C, E, K>,
) -> Result<(), PassError> {
    let Some(node) = context.cluster.node_of(instance) else { return Ok(()) };
    let marked = node.labels.contains_key(HAS_ENI_LABEL);
    // An object that cannot be read is one of a slot all the same.
    let there = |one: &Arc<Unreadable>| one.instance == instance.as_str();
    let none_left = || is_bare && !context.cluster.unreadable().iter().any(there);
    if (has_enis && !marked) || (marked && none_left()) {
        context.cluster.mark_node(&node, has_enis).await?;
    }
    Ok(())
}

/// Asks EC2 for what the slots depend on, and no more.
async fn observe<C: Cluster, E: Ec2, K: Clock>(
    instance: &InstanceId,
    slots: &[Arc<NodeENIAttachment>],
    context: &Context<C, E, K>,
) -> Result<World, Ec2Error> {
    let now = context.clock.now();
    let waiting = |slot: &NodeENIAttachment| context.memory.retry_at(slot, now).is_some_and(|at| at > now);
    let asks = asks::of(
        slots.iter().map(AsRef::as_ref).filter(|slot| !waiting(slot)),
        now,
        context.settings.listing_lag,
    );
    let node = context.cluster.node_of(instance);
    let doubtful = is_doubtful(node.as_ref(), slots.iter().map(AsRef::as_ref));
    let look = async {
        if doubtful {
            // What was known of it before may be what it was before its end.
            context.ec2.forget(instance);
        }
        look_at(instance, asks.instance || doubtful, node.as_ref(), context).await
    };
    let (listing, sighting) = futures::try_join!(list(instance, asks.enis, context), look)?;
    let instance_type = match &sighting {
        Sighting::Seen(seen) => {
            let known = context.ec2.instance_types(std::slice::from_ref(&seen.instance_type)).await?;
            known.into_iter().next()
        }
        Sighting::NotAsked | Sighting::Absent => None,
    };
    let refusals = match &sighting {
        Sighting::Seen(seen) => context.memory.refusals_of(seen),
        Sighting::NotAsked | Sighting::Absent => Refusals::default(),
    };
    Ok(World {
        // The time at which it was decided what to ask: a later one would take what is unasked for settled.
        now,
        instance: sighting,
        instance_type,
        refusals,
        node,
        held: context.memory.hold(),
        slots: slots.iter().map(|slot| view(slot, listing.as_ref(), now, context)).collect(),
    })
}

/// The ENIs that bear the tags of the instance's slots, by slot.
type Listed = (Timestamp, BTreeMap<Slot, Vec<Eni>>);

/// Lists the ENIs of the instance's slots, if that was asked.
async fn list<C: Cluster, E: Ec2, K: Clock>(
    instance: &InstanceId,
    asked: bool,
    context: &Context<C, E, K>,
) -> Result<Option<Listed>, Ec2Error> {
    if !asked {
        return Ok(None);
    }
    let at = context.clock.now();
    let query = EniQuery::OfInstances(context.settings.cluster.clone(), vec![instance.clone()]);
    let mut by_slot: BTreeMap<Slot, Vec<Eni>> = BTreeMap::new();
    for eni in context.ec2.enis(&query).await? {
        if let Some(ownership) = Ownership::within(&context.settings.cluster, &eni.tags) {
            by_slot.entry(ownership.slot).or_default().push(eni);
        }
    }
    Ok(Some((at, by_slot)))
}

/// Looks at the instance, if that was asked.
async fn look_at<C: Cluster, E: Ec2, K: Clock>(
    instance: &InstanceId,
    asked: bool,
    node: Option<&NodeFacts>,
    context: &Context<C, E, K>,
) -> Result<Sighting, Ec2Error> {
    if !asked {
        return Ok(Sighting::NotAsked);
    }
    let ask = || context.ec2.instances(std::slice::from_ref(instance));
    let mut found = ask().await?;
    let changed = |seen: &Instance| node.is_some_and(|node| node.is_of_another_type(&seen.instance_type));
    if found.iter().any(changed) {
        // It was stopped, and started as another type.
        context.ec2.forget(instance);
        found = ask().await?;
    }
    Ok(found.into_iter().find(|seen| seen.id == *instance).map_or(Sighting::Absent, Sighting::Seen))
}

/// What is known of one slot.
fn view<C: Cluster, E: Ec2, K: Clock>(
    slot: &NodeENIAttachment,
    listing: Option<&Listed>,
    now: Timestamp,
    context: &Context<C, E, K>,
) -> SlotView {
    let memory = context.memory.of(slot.metadata.uid.as_deref().unwrap_or_default(), now);
    let enis = |by_slot: &BTreeMap<Slot, Vec<Eni>>| {
        slot_of(slot).and_then(|slot| by_slot.get(&slot).cloned()).unwrap_or_default()
    };
    SlotView {
        attachment: slot.clone(),
        listing: listing.map(|(at, by_slot)| Listing { at: *at, enis: enis(by_slot) }),
        newborn: memory.newborn,
        known_since: memory.known_since,
        retry_at: context.memory.retry_at(slot, now),
    }
}

/// Carries out the plan of one slot. Returns when to look again.
///
/// A conflict means that the snapshot was behind: the slot's turn ends before EC2 is asked for anything,
/// and the change that it was behind brings the next one.
async fn carry_out<C: Cluster, E: Ec2, K: Clock>(
    seen: Seen<'_>,
    slot: SlotPlan,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    let instance = seen.instance;
    let lane = Lane::of_steps(&slot.steps, slot.attachment.spec.release);
    match in_lane(lane, act(seen, slot, context)).await {
        Err(PassError::Cluster(error)) if error.kind == ClusterErrorKind::Conflict => {
            tracing::debug!(%instance, error = &error as &dyn std::error::Error, "behind");
            Ok(Pace::Within(BEHIND))
        }
        Err(PassError::Cluster(error)) if error.kind == ClusterErrorKind::Gone => Ok(Pace::Settled),
        done => done,
    }
}

/// How long a snapshot may be behind what it was told, at most a moment: the watch brings it.
pub(super) const BEHIND: k8s_openapi::jiff::SignedDuration = k8s_openapi::jiff::SignedDuration::from_secs(5);

/// Writes what is intended, calls EC2, and writes what came of it.
async fn act<C: Cluster, E: Ec2, K: Clock>(
    seen: Seen<'_>,
    slot: SlotPlan,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    if slot.let_go {
        context.cluster.let_go(&slot.attachment).await?;
        context.memory.forget(uid(&slot.attachment));
        return Ok(Pace::Settled);
    }
    let (Some(intent), false) = (slot.cloud.clone(), slot.steps.is_empty()) else {
        let status =
            slot_status::build(&slot.attachment, slot.cloud.clone(), &slot.verdicts, context.clock.now());
        publish(&slot.attachment, &status, context).await?;
        return Ok(slot.pace);
    };
    if let Some(pace) = turn::wait(seen, &slot, context).await {
        return Ok(pace);
    }
    let intent = stamped(&slot, intent, context.clock.now());
    let object = intend(&slot, &intent, context).await?;
    let outcome = execute(&context.ec2, &context.clock, seen.instance, intent, &slot.steps).await;
    if let Some((card, taken)) = attach_answer(&slot.steps, &outcome) {
        context.memory.attach_answered(seen.instance, card, taken, context.clock.now());
    }
    if slot.steps.iter().any(Step::frees_a_position) {
        // Whoever asks next must not be told that it is held.
        context.ec2.forget(seen.instance);
    }
    conclude(&slot, &object, outcome, context).await
}

/// The network card to which EC2 was asked to attach an ENI, and whether it has taken it or has no room.
fn attach_answer(steps: &[Step], outcome: &Outcome) -> Option<(u32, bool)> {
    let at = steps.iter().find_map(|step| if let Step::Attach(at) = step { Some(*at) } else { None })?;
    let taken = record::position(&outcome.cloud).is_some();
    let failure = outcome.failure.as_ref();
    let full =
        failure.is_some_and(|error| error.call == Call::Attach && error.kind == Ec2ErrorKind::InstanceFull);
    (taken || full).then_some((at.card, taken))
}

/// The record of what is about to be asked for. A create counts from when it is sent: between the plan and
/// that, other slots may have had their turn.
fn stamped(slot: &SlotPlan, intent: CloudStatus, now: Timestamp) -> CloudStatus {
    match slot.steps.first() {
        Some(Step::Create(_)) => CloudStatus { last_create: Time(now), last_change: Time(now), ..intent },
        _ => intent,
    }
}

/// Writes what is about to be asked for, where a lost answer could not be found again without it.
///
/// The calls on an ENI that exists are idempotent by its id, but for those that change its addresses: of
/// these it must be known that they may have been made. The create is idempotent by its token, which must
/// therefore be known before. The write also fences: nothing is called on behalf of an object that has
/// changed since it was seen.
async fn intend<C: Cluster, E: Ec2, K: Clock>(
    slot: &SlotPlan,
    intent: &CloudStatus,
    context: &Context<C, E, K>,
) -> Result<NodeENIAttachment, PassError> {
    let now = context.clock.now();
    let changes_addresses = |step: &Step| matches!(step, Step::Change(change) if change.is_of_addresses());
    let intent = if matches!(slot.steps.first(), Some(Step::Create(_))) {
        intent.clone()
    } else if slot.steps.iter().any(changes_addresses) {
        record::unsure(intent, now)
    } else {
        return Ok(slot.attachment.clone());
    };
    context.memory.asked(uid(&slot.attachment), now);
    let status = slot_status::build(&slot.attachment, Some(intent), &slot.verdicts, now);
    Ok(publish(&slot.attachment, &status, context).await?.unwrap_or_else(|| slot.attachment.clone()))
}

/// Writes what came of the steps, and lets the object go where its ENI is gone.
///
/// What EC2 has answered must not get lost: where the object has changed meanwhile, and nobody else has
/// written what we know of the ENI, it is written to the object as it is now.
async fn conclude<C: Cluster, E: Ec2, K: Clock>(
    slot: &SlotPlan,
    object: &NodeENIAttachment,
    outcome: Outcome,
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    let now = context.clock.now();
    context.memory.asked(uid(object), now);
    let gone = outcome.failure.is_none() && slot.let_go_after;
    let next = if gone { Pace::Settled } else { next_look(slot, object, &outcome, context) };
    match write_outcome(gone, object, &outcome, context).await {
        Err(PassError::Cluster(error)) if error.kind == ClusterErrorKind::Conflict => {
            let latest = context.cluster.latest(object).await?;
            let ours = |latest: &NodeENIAttachment| latest.recorded() == object.recorded();
            match latest.filter(ours) {
                Some(latest) => write_outcome(gone, &latest, &outcome, context).await?,
                None => return Ok(next.or(Pace::Within(BEHIND))),
            }
        }
        written => written?,
    }
    Ok(next)
}

/// When to look again after EC2 was called, and what to remember of how it went.
fn next_look<C, E, K: Clock>(
    slot: &SlotPlan,
    object: &NodeENIAttachment,
    outcome: &Outcome,
    context: &Context<C, E, K>,
) -> Pace {
    let now = context.clock.now();
    if let Some(error) = &outcome.failure {
        let at = context.memory.failed(object, error.kind, now, context.clock.jitter());
        return Pace::Within(at.duration_since(now));
    }
    context.memory.succeeded(uid(object));
    slot.pace.or(Pace::Within(asks::poll(&outcome.cloud, now)))
}

/// Writes what came of the steps to one state of the object.
async fn write_outcome<C: Cluster, E: Ec2, K: Clock>(
    gone: bool,
    object: &NodeENIAttachment,
    outcome: &Outcome,
    context: &Context<C, E, K>,
) -> Result<(), PassError> {
    if gone {
        let event = events::deleted(&object.spec.node_name, &outcome.cloud, outcome.already_gone);
        context.cluster.let_go(object).await?;
        context.memory.forget(uid(object));
        context.cluster.tell_of(object, event).await;
        return Ok(());
    }
    let standing = verdicts::after(object, &outcome.cloud, outcome.failure.clone());
    let verdicts = verdicts::of(object, Some(&outcome.cloud), &standing, &context.settings);
    let status = slot_status::build(object, Some(outcome.cloud.clone()), &verdicts, context.clock.now());
    publish(object, &status, context).await.map(drop)
}

/// Writes the controller's part of a slot's status if it has changed, and tells what is new in it.
async fn publish<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENIAttachment,
    status: &crate::api::NodeENIAttachmentStatus,
    context: &Context<C, E, K>,
) -> Result<Option<NodeENIAttachment>, PassError> {
    if *status == slot_status::owned(object) {
        return Ok(None);
    }
    let written = context.cluster.apply_status(object, status).await?;
    for event in events::of_slot(object, status) {
        context.cluster.tell_of(object, event).await;
    }
    Ok(Some(written))
}

/// Says on the slots that need EC2 that it could not be read. Nothing else is concluded from that.
async fn tell_unreadable<C: Cluster, E: Ec2, K: Clock>(
    slots: &[Arc<NodeENIAttachment>],
    error: &Ec2Error,
    context: &Context<C, E, K>,
) {
    let now = context.clock.now();
    for slot in slots.iter().filter(|slot| asks::of([slot.as_ref()], now, context.settings.listing_lag).enis)
    {
        let cloud = slot.recorded().cloned();
        let standing = Standing::Failed(error.clone());
        let verdicts = verdicts::of(slot, cloud.as_ref(), &standing, &context.settings);
        let status = slot_status::build(slot, cloud, &verdicts, context.clock.now());
        if let Err(error) = publish(slot, &status, context).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "status not written");
        }
    }
}

/// The uid of an object that the API server has.
fn uid(object: &NodeENIAttachment) -> &str {
    object.metadata.uid.as_deref().unwrap_or_default()
}
