//! Who else wants what our ENIs take: EBS volumes, and the VPC CNI.
//!
//! Neither is in the way of an ENI. They are worries, told before somebody else runs into them.

use std::collections::{BTreeMap, BTreeSet};

use super::fanout::World;
use super::instance::Sighting;
use super::resolve::join;
use crate::api::{ConditionType, Reason, Verdict, find_condition};
use crate::model::{InstanceId, InstanceType, Slot, tag_key};

/// What is known of our neighbours on the selected nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// What the instances' types can carry, as far as EC2 told.
    pub types: Vec<InstanceType>,
    /// Whether the VPC CNI asks the metadata service alone, which tells it no tags. False where nobody can
    /// tell.
    pub cni_is_imds_only: bool,
}

/// The worries about neighbours. One that never was is not mentioned.
pub(crate) fn verdicts(world: &World, wanted: &BTreeSet<Slot>) -> Vec<Verdict> {
    let known = |type_| {
        let status = world.node_eni.status.as_ref();
        status.is_some_and(|status| find_condition(&status.conditions, type_).is_some())
    };
    let all = [shared_attachments(world, wanted), tags_not_seen(world, wanted)];
    all.into_iter().filter(|one| one.holds == Some(true) || known(one.type_)).collect()
}

/// `SharedAttachmentLimit`: whether ENIs take what the EBS CSI driver may count on for volumes.
fn shared_attachments(world: &World, wanted: &BTreeSet<Slot>) -> Verdict {
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
        let Some((type_, limit)) = shared(world, instance) else { continue };
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
fn shared<'a>(world: &'a World, instance: &InstanceId) -> Option<(&'a str, u32)> {
    let Some(Sighting::Seen(seen)) = world.instances.get(instance) else { return None };
    let type_ = world.neighbours.types.iter().find(|one| one.name == seen.instance_type)?;
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
