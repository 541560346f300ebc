//! What to say of a `NodeENI`: its slots, counted and put into words.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

use super::events::Event;
use super::fanout::{Listed, Unserved, World};
use super::instance::slot_of;
use super::resolve::join;
use super::{authority, neighbours, offsets, verdicts};
use crate::api::{
    AttachmentSummary, CloudState, ConditionType, MAX_SUMMARIES, NodeENI, NodeENIAttachment, NodeENIStatus,
    REPLACE_ANNOTATION, Reason, SubnetOffset, Verdict, find_condition, holds, set_condition,
};
use crate::model::{Ec2Error, Slot};

/// What was seen on the way to a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Slots that should be.
    pub(crate) wanted: BTreeSet<Slot>,
    /// The places of the subnets.
    pub(crate) places: Vec<SubnetOffset>,
    /// The subnets, and what does not resolve.
    pub(crate) listed: Listed,
    /// Nodes that get nothing.
    pub(crate) unserved: Vec<Unserved>,
}

/// The status of a `NodeENI`. Equal worlds give equal statuses, times included.
pub(crate) fn status(world: &World, seen: &Seen) -> NodeENIStatus {
    let old = world.node_eni.status.clone().unwrap_or_default();
    let staying: Vec<&NodeENIAttachment> =
        world.children.iter().filter(|child| !child.spec.release).collect();
    let mut status = NodeENIStatus {
        observed_generation: world.node_eni.metadata.generation,
        desired: count(desired(seen, &staying)),
        attached: count(staying.iter().filter(|child| child.holds(ConditionType::Attached)).count()),
        ready: count(staying.iter().filter(|child| child.holds(ConditionType::Ready)).count()),
        failed: count(staying.iter().filter(|child| trouble(child).is_some()).count()),
        conditions: old.conditions,
        subnet_offsets: if seen.places.is_empty() { old.subnet_offsets } else { seen.places.clone() },
        attachments: vec![],
        attachments_left_out: None,
    };
    summarize(world, &mut status);
    for verdict in verdicts(world, seen, &status, &staying) {
        set_condition(&mut status.conditions, &verdict, world.node_eni.metadata.generation, world.now);
    }
    status
}

/// The status of a `NodeENI` that cannot be read.
#[must_use]
pub fn undecodable(object: &NodeENI, why: &str, now: Timestamp) -> NodeENIStatus {
    let message = format!("the object cannot be read, so its ENIs stay as they are: {why}");
    with(object, ConditionType::SpecValid, Reason::Undecodable, &message, now)
}

/// The status of a `NodeENI` for which EC2 could not be read. One that is well stays so where the failure
/// passes by itself.
#[must_use]
pub fn unreadable(object: &NodeENI, error: &Ec2Error, now: Timestamp) -> NodeENIStatus {
    let told = object.status.as_ref().filter(|status| holds(&status.conditions, ConditionType::Ready));
    if let Some(well) = told.filter(|_| verdicts::passes_by_itself(error.kind)) {
        return well.clone();
    }
    let (reason, message) = verdicts::failure(error);
    let mut status = with(object, ConditionType::Ready, reason, &message, now);
    if let Some(verdict) = authority::of_failure(error) {
        set_condition(&mut status.conditions, &verdict, object.metadata.generation, now);
    }
    status
}

/// Says in a status that was decided already what else is in the way of the object's ENIs.
///
/// What stands in the way of `Ready` already is not talked over.
pub fn hindered(
    status: &mut NodeENIStatus,
    object: &NodeENI,
    reason: Reason,
    message: String,
    now: Timestamp,
) {
    let message = shortened(message);
    let mut verdicts = vec![];
    if !holds(&status.conditions, ConditionType::Degraded) {
        verdicts.push(Verdict::new(ConditionType::Degraded, Some(true), reason, message.clone()));
    }
    if holds(&status.conditions, ConditionType::Ready) {
        verdicts.push(Verdict::new(ConditionType::Ready, Some(false), reason, message));
    }
    let old = object.status.as_ref().map_or(&[][..], |status| &status.conditions);
    for verdict in verdicts {
        // What was decided without this never was: the condition goes on from what it said before.
        status.conditions.retain(|condition| condition.type_ != verdict.type_.name());
        status.conditions.extend(find_condition(old, verdict.type_).cloned());
        set_condition(&mut status.conditions, &verdict, object.metadata.generation, now);
        status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    }
}

/// The status as it is, but for one condition that does not hold.
fn with(
    object: &NodeENI,
    type_: ConditionType,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> NodeENIStatus {
    let mut status = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    status.observed_generation = generation;
    set_condition(
        &mut status.conditions,
        &Verdict::new(type_, Some(false), reason, message),
        generation,
        now,
    );
    status
}

/// How many ENIs should exist: those that are wanted, and those that nothing says should go.
fn desired(seen: &Seen, staying: &[&NodeENIAttachment]) -> usize {
    let there: BTreeSet<Slot> = staying.iter().filter_map(|child| slot_of(child)).collect();
    seen.wanted.union(&there).count()
}

/// What is in a slot's way, if anything is.
fn trouble(child: &NodeENIAttachment) -> Option<&Condition> {
    const ON_ITS_WAY: [Reason; 7] = [
        Reason::InProgress,
        Reason::Settling,
        Reason::Paused,
        Reason::Removing,
        Reason::Detaching,
        Reason::NodeGoing,
        Reason::InstanceGone,
    ];
    let ready = child.condition(ConditionType::Ready)?;
    let fine = ON_ITS_WAY.iter().any(|reason| reason.name() == ready.reason);
    (ready.status == "False" && !fine).then_some(ready)
}

/// A count as Kubernetes stores it.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Fills in the reference's list, by node and subnet, as far as it may grow.
fn summarize(world: &World, status: &mut NodeENIStatus) {
    let mut all: Vec<AttachmentSummary> = world.children.iter().filter_map(summary).collect();
    all.sort_by(|a, b| (&a.node_id, &a.subnet_id).cmp(&(&b.node_id, &b.subnet_id)));
    let left_out = all.len().saturating_sub(MAX_SUMMARIES);
    all.truncate(MAX_SUMMARIES);
    status.attachments = all;
    status.attachments_left_out = (left_out > 0).then(|| count(left_out));
}

/// An attached ENI in the reference's form.
fn summary(child: &NodeENIAttachment) -> Option<AttachmentSummary> {
    let cloud = child.recorded()?;
    let host = child.status.as_ref()?.host.as_ref();
    if cloud.state != Some(CloudState::Attached) {
        return None;
    }
    let dpdk = child.spec.dpdk.as_ref();
    let bound = dpdk.filter(|dpdk| dpdk.enabled).map(|_| child.holds(ConditionType::DriverBound));
    Some(AttachmentSummary {
        node_id: child.spec.node_name.clone(),
        instance_id: child.spec.instance_id.clone(),
        eni_id: cloud.eni_id.clone()?,
        attachment_id: cloud.attachment_id.clone()?,
        subnet_id: child.spec.subnet_id.clone(),
        subnet_cidr: child.spec.subnet_cidr.clone(),
        mtu: child.spec.mtu,
        device_index: cloud.device_index?,
        status: "attached".to_owned(),
        last_updated: Some(cloud.last_change.clone()),
        dpdk_bound: bound,
        dpdk_driver: host.filter(|_| bound == Some(true)).and_then(|host| host.driver.clone()),
        dpdk_resource_name: dpdk.and(host).and_then(|host| host.resource_name.clone()),
        dpdk_pci_address: dpdk.and(host).and_then(|host| host.pci_address.clone()),
    })
}

/// The conditions of a `NodeENI`.
fn verdicts(
    world: &World,
    seen: &Seen,
    status: &NodeENIStatus,
    staying: &[&NodeENIAttachment],
) -> Vec<Verdict> {
    let authorized = authority::verdict(&world.authority, &world.children);
    if let Some(ready) = standing_still(world) {
        return vec![ready, authorized];
    }
    let troubles = troubles(seen, staying);
    let all = [
        spec_valid(seen),
        nodes_supported(seen),
        uneven_zones(seen),
        replacement_needed(staying),
        degraded(&troubles),
        authorized,
        ready(seen, status, &troubles),
    ];
    all.into_iter().chain(neighbours::verdicts(world, &seen.wanted)).collect()
}

/// `Ready` of an object on which nothing is done, or which is going.
fn standing_still(world: &World) -> Option<Verdict> {
    let say = |reason, message: &str| Some(Verdict::new(ConditionType::Ready, Some(false), reason, message));
    if world.node_eni.spec.paused == Some(true) {
        say(Reason::Paused, "spec.paused is true: nothing is created, changed or removed")
    } else if world.node_eni.metadata.deletion_timestamp.is_some() {
        say(Reason::Removing, "the ENIs are being removed")
    } else {
        None
    }
}

/// `SpecValid`: whether everything that the spec names is there.
fn spec_valid(seen: &Seen) -> Verdict {
    let say = |holds, reason, message| Verdict::new(ConditionType::SpecValid, Some(holds), reason, message);
    match seen.listed.problems.first() {
        None => say(true, Reason::AsSpecified, String::new()),
        Some(first) => {
            say(false, first.reason, join(seen.listed.problems.iter().map(|problem| problem.message.clone())))
        }
    }
}

/// Whether a reason is about the kind of node.
pub(super) fn is_kind_of_node(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::AutoModeNode
            | Reason::FargateNode
            | Reason::HybridNode
            | Reason::NoProviderId
            | Reason::NotAnEc2Node
    )
}

/// `NodesSupported`: whether all selected nodes are such as can get an ENI.
fn nodes_supported(seen: &Seen) -> Verdict {
    let say =
        |holds, reason, message| Verdict::new(ConditionType::NodesSupported, Some(holds), reason, message);
    let others: Vec<&Unserved> = seen.unserved.iter().filter(|one| is_kind_of_node(one.reason)).collect();
    match others.first() {
        None => say(true, Reason::AsSpecified, String::new()),
        Some(first) => say(false, first.reason, by_message(&others)),
    }
}

/// Nodes by what is said of them.
fn by_message(unserved: &[&Unserved]) -> String {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in unserved {
        groups.entry(&one.message).or_default().push(one.node.clone());
    }
    let told = groups.into_iter().map(|(message, nodes)| format!("{message}: {}", join(nodes)));
    told.collect::<Vec<_>>().join("; ")
}

/// `UnevenZones`: whether a device index exists in one zone and not in another.
fn uneven_zones(seen: &Seen) -> Verdict {
    let say = |holds, reason, message| Verdict::new(ConditionType::UnevenZones, Some(holds), reason, message);
    match offsets::uneven(&seen.listed.subnets) {
        None => say(false, Reason::AsSpecified, String::new()),
        Some(counts) => {
            let zones = counts.into_iter().map(|(zone, number)| format!("{zone} has {number}"));
            say(
                true,
                Reason::UnequalSubnetCounts,
                format!("zones have unequal numbers of subnets: {}", join(zones)),
            )
        }
    }
}

/// `ReplacementNeeded`: how many ENIs, and on which nodes, have to be replaced to be as the spec says.
fn replacement_needed(staying: &[&NodeENIAttachment]) -> Verdict {
    let say =
        |holds, reason, message| Verdict::new(ConditionType::ReplacementNeeded, Some(holds), reason, message);
    let needy = staying.iter().filter(|child| child.holds(ConditionType::ReplacementNeeded));
    let nodes: BTreeSet<String> = needy.clone().map(|child| child.spec.node_name.clone()).collect();
    if nodes.is_empty() {
        return say(false, Reason::AsSpecified, String::new());
    }
    let message = format!(
        "{} ENIs hang at another position than the spec asks for now, on {}: replace the nodes, or set the \
         annotation {REPLACE_ANNOTATION} to the generation of this object",
        needy.count(),
        join(nodes)
    );
    say(true, Reason::PositionChanged, shortened(message))
}

/// What is in the way of ENIs: reason and words, the most frequent reason first.
fn troubles(seen: &Seen, staying: &[&NodeENIAttachment]) -> Vec<(Reason, String)> {
    let mut found: BTreeMap<Reason, Vec<String>> = BTreeMap::new();
    for child in staying {
        if let Some(condition) = trouble(child) {
            let told = format!("{}: {}", child.spec.node_name, condition.message);
            let reason = Reason::named(&condition.reason).unwrap_or(Reason::AttachmentsNotReady);
            found.entry(reason).or_default().push(told);
        }
    }
    for one in seen.unserved.iter().filter(|one| !is_kind_of_node(one.reason)) {
        found.entry(one.reason).or_default().push(format!("{}: {}", one.node, one.message));
    }
    for problem in &seen.listed.problems {
        found.entry(problem.reason).or_default().push(problem.message.clone());
    }
    let mut all: Vec<(Reason, Vec<String>)> = found.into_iter().collect();
    all.sort_by_key(|(reason, told)| (std::cmp::Reverse(told.len()), *reason));
    for (_, told) in &mut all {
        told.sort();
    }
    all.into_iter().map(|(reason, told)| (reason, join(told))).collect()
}

/// `Degraded`: whether something stands in the way of an ENI.
fn degraded(troubles: &[(Reason, String)]) -> Verdict {
    let message = troubles
        .iter()
        .map(|(reason, told)| format!("{}: {told}", reason.name()))
        .collect::<Vec<_>>()
        .join("; ");
    let reason = troubles.first().map_or(Reason::AsSpecified, |(reason, _)| *reason);
    Verdict::new(ConditionType::Degraded, Some(!troubles.is_empty()), reason, shortened(message))
}

/// A condition's message at a length that Kubernetes takes: 32,768 bytes.
fn shortened(message: String) -> String {
    const LONGEST: usize = 4096;
    if message.chars().count() <= LONGEST {
        message
    } else {
        message.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

/// `Ready`: whether all is as asked for.
fn ready(seen: &Seen, status: &NodeENIStatus, troubles: &[(Reason, String)]) -> Verdict {
    let say = |holds, reason, message| Verdict::new(ConditionType::Ready, Some(holds), reason, message);
    if let Some(problem) = seen.listed.problems.first() {
        return say(false, problem.reason, problem.message.clone());
    }
    if status.ready < status.desired || !troubles.is_empty() {
        let told =
            troubles.first().map_or(String::new(), |(reason, told)| format!("; {}: {told}", reason.name()));
        let message = shortened(format!("{} of {} ENIs are ready{told}", status.ready, status.desired));
        return say(false, Reason::AttachmentsNotReady, message);
    }
    if let Some(one) = seen.unserved.first() {
        return say(
            status.desired > 0,
            one.reason,
            format!("{} of {} ENIs are ready; {}: {}", status.ready, status.desired, one.node, one.message),
        );
    }
    if status.desired == 0 {
        return say(true, Reason::NoNodes, "no node is selected".to_owned());
    }
    say(true, Reason::AllReady, format!("{} ENIs are ready", status.ready))
}

/// The events of a `NodeENI` whose status changes: each new worry, once per reason.
///
/// What is in the way of a single slot is told by the slot's own event.
#[must_use]
pub fn events(before: Option<&NodeENIStatus>, after: &NodeENIStatus) -> Vec<Event> {
    let old = before.map_or(&[][..], |status| &status.conditions);
    let bad = [
        (ConditionType::SpecValid, "False", "SpecInvalid"),
        (ConditionType::NodesSupported, "False", "NodesNotSupported"),
        (ConditionType::UnevenZones, "True", "UnevenZones"),
        (ConditionType::ReplacementNeeded, "True", "ReplacementNeeded"),
        (ConditionType::Degraded, "True", "NodesNotServed"),
        (ConditionType::Authorized, "False", "NotAuthorized"),
        (ConditionType::SharedAttachmentLimit, "True", "SharedAttachmentLimit"),
        (ConditionType::CniIgnoresTags, "True", "CniIgnoresTags"),
    ];
    let told = |(type_, bad, event): (ConditionType, &str, &'static str)| {
        let now = find_condition(&after.conditions, type_).filter(|one| one.status == bad)?;
        let was = find_condition(old, type_).filter(|one| one.status == bad);
        let news = was.is_none_or(|was| was.reason != now.reason) && is_told(type_, &now.reason);
        news.then(|| Event {
            // A limit that is shared is so on most types, and nothing is wrong yet.
            warning: type_ != ConditionType::SharedAttachmentLimit,
            reason: event,
            message: format!("{}: {}", now.reason, now.message),
        })
    };
    bad.into_iter().filter_map(told).collect()
}

/// Whether a worry of this type is told of the `NodeENI` and nowhere else.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other types are told whatever their reason")]
fn is_told(type_: ConditionType, reason: &str) -> bool {
    let one_of = |reasons: &[Reason]| reasons.iter().any(|known| known.name() == reason);
    match type_ {
        ConditionType::Degraded => one_of(&[
            Reason::NoSubnetInZone,
            Reason::InstanceNotFound,
            Reason::Undecodable,
            Reason::ApiRefused,
        ]),
        _ => true,
    }
}
