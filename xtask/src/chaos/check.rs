//! Whoever does not believe the operator: compares EC2's whole state with what was asked for, by itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use eni_operator::{
    api::{CloudStatus, ConditionType, HAS_ENI_LABEL, NodeENI, NodeENIAttachment},
    model::tag_key,
};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::region::Node;
use super::world::Want;

/// All that there is.
pub(super) struct Seen {
    /// EC2's whole state.
    pub(super) state: Value,
    /// The slots' objects.
    pub(super) slots: Vec<NodeENIAttachment>,
    /// The `NodeENI`.
    pub(super) node_eni: Option<NodeENI>,
    /// The nodes.
    pub(super) nodes: Vec<KubeNode>,
    /// How many ENIs were ever made beside the instances' own.
    pub(super) made: usize,
}

/// Whether what is there is what is wanted, once each, and nothing else.
pub(super) fn agrees(seen: &Seen, cluster: &str, nodes: &[Node], want: &Want) -> Result<()> {
    ensure!(seen.made <= want.made, "{} ENIs were made, and {} are enough", seen.made, want.made);
    let all = seen.state["enis"].as_object().context("the state has no ENIs")?;
    let ours: BTreeMap<&String, &Value> =
        all.iter().filter(|(_, eni)| eni["tags"][tag_key::CLUSTER] == cluster).collect();
    ensure!(ours.len() == want.enis(), "{} of our ENIs are in EC2, not {}", ours.len(), want.enis());
    let alive = nodes.iter().filter(|node| is_alive(&seen.state, node)).count();
    let strangers = all.len() - ours.len();
    ensure!(strangers == alive, "{strangers} ENIs are without our tag, and {alive} instances live");
    let mut places = BTreeSet::new();
    for eni in ours.values() {
        let place = fits(&seen.state, cluster, eni, want)?;
        ensure!(places.insert(place.clone()), "two ENIs are for {place:?}");
    }
    ensure!(seen.slots.len() == want.enis(), "{} objects of slots are there", seen.slots.len());
    let told: BTreeSet<String> =
        seen.slots.iter().filter_map(|slot| recorded(slot).ok()?.eni_id.clone()).collect();
    ensure!(told.iter().eq(ours.keys().copied()), "the objects speak of {told:?}, EC2 of {:?}", ours.keys());
    for slot in &seen.slots {
        let id = recorded(slot)?.eni_id.clone().unwrap_or_default();
        says_so(slot, ours.get(&id).context("an object speaks of no ENI of ours")?)?;
    }
    the_nodes_are_marked(seen, want)?;
    the_node_eni_counts(seen, want)
}

/// Whether an instance is there.
fn is_alive(state: &Value, node: &Node) -> bool {
    let state = &state["instances"][&node.instance]["state"];
    !state.is_null() && state != "terminated"
}

/// Whether an ENI is where its tags say, and as it should be. Returns instance and subnet.
fn fits(state: &Value, cluster: &str, eni: &Value, want: &Want) -> Result<(String, String)> {
    let tag = |key: &str| eni["tags"][key].as_str().unwrap_or_default();
    let at = &eni["attachment"];
    let instance = at["instance_id"].as_str().context("an ENI hangs on nothing")?;
    let node = want.nodes.iter().find(|node| node.instance == instance).context("a foreign instance")?;
    let subnet_id = eni["subnet_id"].as_str().unwrap_or_default();
    let subnet = &state["subnets"][subnet_id];
    let name = subnet["tags"]["Name"].as_str().unwrap_or_default();
    ensure!(want.subnets.iter().any(|wanted| wanted == name), "an ENI is in the subnet {name}");
    let facts = [
        ("status", at["status"] == "attached"),
        ("zone", subnet["zone"] == node.zone.as_str() && eni["zone"] == node.zone.as_str()),
        ("DeleteOnTermination", at["delete_on_termination"] == true),
        ("groups", eni["groups"] == json!([want.group])),
        ("description", eni["description"] == want.description.as_str()),
        ("cluster tag", tag(tag_key::CLUSTER) == cluster),
        ("NodeENI tag", tag(tag_key::NODE_ENI) == cluster),
        ("instance tag", tag(tag_key::INSTANCE) == instance),
        ("subnet tag", tag(tag_key::SUBNET) == subnet_id),
        ("reference's tag", tag(tag_key::REFERENCE_NODE) == node.name),
        ("no_manage", tag(tag_key::NO_MANAGE) == "true"),
        ("epoch tag", tag(tag_key::EPOCH).parse::<i64>().is_ok()),
    ];
    right(&facts, || format!("{eni:#}"))?;
    Ok((instance.to_owned(), name.to_owned()))
}

/// What an object records of its ENI.
fn recorded(slot: &NodeENIAttachment) -> Result<&CloudStatus> {
    slot.recorded().with_context(|| format!("{} has no record", slot.name_any()))
}

/// Whether an object says of its ENI what EC2 says.
fn says_so(slot: &NodeENIAttachment, eni: &Value) -> Result<()> {
    let cloud = recorded(slot)?;
    let at = &eni["attachment"];
    let says = |type_| slot.condition(type_).is_some_and(|one| one.status == "True");
    let facts = [
        ("instance", at["instance_id"] == slot.spec.instance_id.as_str()),
        ("subnet", eni["subnet_id"] == slot.spec.subnet_id.as_str()),
        ("attachment", at["id"].as_str() == cloud.attachment_id.as_deref()),
        ("device index", at["device_index"].as_i64() == cloud.device_index),
        ("MAC", eni["mac"].as_str() == cloud.mac.as_deref()),
        ("address", eni["primary"].as_str() == cloud.private_ip.as_deref()),
        ("groups", eni["groups"] == json!(cloud.security_group_ids)),
        ("DeleteOnTermination", cloud.delete_on_termination == Some(true)),
        ("offset tag", eni["tags"][tag_key::OFFSET] == slot.spec.offset.to_string().as_str()),
        ("Created", says(ConditionType::Created)),
        ("Attached", says(ConditionType::Attached)),
        ("Ready", says(ConditionType::Ready)),
        ("life", slot.metadata.deletion_timestamp.is_none()),
    ];
    right(&facts, || format!("the object says {}, EC2 {eni:#}", json!(slot)))
}

/// Whether the nodes with ENIs bear the label that keeps their agents there, and no others do.
fn the_nodes_are_marked(seen: &Seen, want: &Want) -> Result<()> {
    let marked: BTreeSet<String> = seen
        .nodes
        .iter()
        .filter(|node| node.labels().contains_key(HAS_ENI_LABEL))
        .map(ResourceExt::name_any)
        .collect();
    let wanted: BTreeSet<String> = want.nodes.iter().map(|node| node.name.clone()).collect();
    ensure!(marked == wanted, "the label of nodes with ENIs is on {marked:?}, not on {wanted:?}");
    Ok(())
}

/// Whether the `NodeENI` counts right, or is gone where nothing is wanted of it.
fn the_node_eni_counts(seen: &Seen, want: &Want) -> Result<()> {
    let Some(node_eni) = &seen.node_eni else {
        ensure!(want.nodes.is_empty(), "the NodeENI is gone");
        return Ok(());
    };
    ensure!(!want.nodes.is_empty(), "the NodeENI is there");
    let status = node_eni.status.clone().unwrap_or_default();
    let enis = i64::try_from(want.enis())?;
    let facts = [
        ("desired", status.desired == enis),
        ("attached", status.attached == enis),
        ("ready", status.ready == enis),
        ("failed", status.failed == 0),
        ("attachments", status.attachments.len() == want.enis()),
        ("observedGeneration", status.observed_generation == node_eni.metadata.generation),
    ];
    right(&facts, || format!("the NodeENI says {}", json!(status)))
}

/// `Ok` if all facts are right, or else which are not.
fn right(facts: &[(&str, bool)], of: impl FnOnce() -> String) -> Result<()> {
    let wrong: Vec<&str> = facts.iter().filter(|(_, right)| !right).map(|(what, _)| *what).collect();
    ensure!(wrong.is_empty(), "{wrong:?} of {}", of());
    Ok(())
}
