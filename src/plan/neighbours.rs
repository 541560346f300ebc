//! Who else wants what our ENIs take: EBS volumes, and the VPC CNI.
//!
//! Neither is in the way of an ENI. They are worries, told before somebody else runs into them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::SignedDuration;

use super::Pace;
use super::fanout::World;
use super::instance::Sighting;
use super::resolve::join;
use crate::api::{ConditionType, Reason, Verdict, find_condition};
use crate::model::{InstanceId, InstanceType, Slot, tag_key};

/// How long after EC2 did not tell of a type it is asked again.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What is known of our neighbours on the selected nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// What the instances' types can carry; none where EC2 did not tell.
    pub types: Option<Vec<InstanceType>>,
    /// Whether the VPC CNI asks the metadata service alone, which tells it no tags. False where nobody can
    /// tell.
    pub cni_is_imds_only: bool,
}

/// The worries about neighbours. One that never was is not mentioned, and one of which nobody can tell now stays
/// as it was.
pub(crate) fn verdicts(world: &World, wanted: &BTreeSet<Slot>) -> Vec<Verdict> {
    let known = |type_| {
        let status = world.node_eni.status.as_ref();
        status.is_some_and(|status| find_condition(&status.conditions, type_).is_some())
    };
    let shared = world.neighbours.types.as_ref().map(|types| shared_attachments(world, types, wanted));
    let all = shared.into_iter().chain([tags_not_seen(world, wanted)]);
    all.filter(|one| one.holds == Some(true) || known(one.type_)).collect()
}

/// When to ask again about types of which EC2 did not tell.
pub(crate) fn pace(neighbours: &Neighbours) -> Pace {
    if neighbours.types.is_none() { Pace::Within(ASK_AGAIN) } else { Pace::Settled }
}

/// `SharedAttachmentLimit`: whether ENIs take what the EBS CSI driver may count on for volumes.
fn shared_attachments(world: &World, known: &[InstanceType], wanted: &BTreeSet<Slot>) -> Verdict {
    let say = |holds, reason, message| {
        Verdict::new(ConditionType::SharedAttachmentLimit, Some(holds), reason, message)
    };
    let mut enis: BTreeMap<&InstanceId, usize> = BTreeMap::new();
    for slot in wanted {
        *enis.entry(&slot.instance).or_default() += 1;
    }
    // By limit, type and number: nodes that are alike are told together.
    let mut alike: BTreeMap<(u32, &str, usize), Vec<String>> = BTreeMap::new();
    for (instance, count) in enis {
        let Some((type_, limit)) = shared(world, known, instance) else { continue };
        alike.entry((limit, type_, count)).or_default().push(node_of(world, instance));
    }
    if alike.is_empty() {
        return say(false, Reason::AsSpecified, String::new());
    }
    let told = alike.into_iter().map(|((limit, type_, count), nodes)| {
        format!(
            "of the {limit} attachments that {type_} has for ENIs and EBS volumes together, {count} each go to \
             ENIs of this object on {}",
            join(nodes)
        )
    });
    let what_to_do = "the EBS CSI driver counts ENIs when it starts: reserve these by its \
                      --reserved-volume-attachments";
    let message = format!("{}; {what_to_do}", told.collect::<Vec<_>>().join("; "));
    say(true, Reason::SharedWithVolumes, message)
}

/// The type of an instance, and its shared limit, if it has one.
fn shared<'a>(world: &World, known: &'a [InstanceType], instance: &InstanceId) -> Option<(&'a str, u32)> {
    let Some(Sighting::Seen(seen)) = world.instances.get(instance) else { return None };
    let type_ = known.iter().find(|one| one.name == seen.instance_type)?;
    Some((type_.name.as_str(), type_.shared_attachments?))
}

/// Name of an instance's node.
fn node_of(world: &World, instance: &InstanceId) -> String {
    let node = world.nodes.iter().find(|node| node.instance().as_ref() == Ok(instance));
    node.map_or_else(|| instance.to_string(), |node| node.name.clone())
}

/// `CniIgnoresTags`: whether the VPC CNI cannot see that our ENIs are not its own.
fn tags_not_seen(world: &World, wanted: &BTreeSet<Slot>) -> Verdict {
    let say =
        |holds, reason, message| Verdict::new(ConditionType::CniIgnoresTags, Some(holds), reason, message);
    if !world.neighbours.cni_is_imds_only || wanted.is_empty() {
        return say(false, Reason::AsSpecified, String::new());
    }
    let message = format!(
        "the VPC CNI runs with ENABLE_IMDS_ONLY_MODE (DaemonSet aws-node in kube-system), so it does not see \
         the tag {} and may give addresses of these ENIs to pods",
        tag_key::NO_MANAGE
    );
    say(true, Reason::ImdsOnlyMode, message)
}
