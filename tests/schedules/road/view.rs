//! What two worlds are held against each other by.
//!
//! Compared, per slot: every attribute of the ENI in EC2 (groups, description, source/dest check, tags,
//! numbers of addresses, delete-on-termination, attachment), where it hangs, the whole spec of its object,
//! and its conditions; of the `NodeENI`, the counts and the conditions.
//!
//! Not compared is what is history by design:
//! * ids, addresses, times, the epoch, and the uid of the object that asked for an ENI;
//! * which place a subnet has in its zone: a place stays with its subnet, so it depends on the order in which
//!   subnets came. So the device index and the end of the alternative name count from the subnet's place. The
//!   place itself is checked in each world alone: one place is one subnet (`check::names_mean_one_network`), and
//!   the ENI hangs at the spec's index and its place;
//! * with `subnetPolicy: One`, which of the subnets it is: a node keeps the one that it has.

use std::collections::BTreeMap;

use ec2_sim::world::Eni;
use eni_operator::api::{NodeENIAttachment, SubnetPolicy};
use eni_operator::model::tag_key;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::wanted::slot_of;
use crate::world::World;

/// Tags that are history.
const HISTORY: [&str; 3] =
    ["networking.k8s.aws/epoch", "networking.k8s.aws/attachment-uid", "networking.k8s.aws/offset"];

/// What is compared of a world, by what it is about.
pub type View = BTreeMap<String, Value>;

/// What is to be compared of a world.
pub fn of(world: &World) -> View {
    let store = lock_store(&world.store);
    let mut view = View::new();
    let mut one = false;
    for object in store.node_enis() {
        one = object.spec.subnet_policy == SubnetPolicy::One;
        if let Some(status) = &object.status {
            let counts = json!([status.desired, status.attached, status.ready, status.failed]);
            view.insert("NodeENI: counts".to_owned(), counts);
            view.insert("NodeENI: conditions".to_owned(), conditions(&status.conditions));
            view.insert("NodeENI: listed".to_owned(), json!(status.attachments.len()));
        }
    }
    let sim = lock(&world.sim);
    for child in store.attachments() {
        let spec = &child.spec;
        let subnet = if one { "one of the subnets" } else { &spec.subnet_id };
        let about = format!("{} in {subnet}", spec.node_name);
        let enis = sim.state().enis.values().filter(|eni| {
            slot_of(eni).is_some_and(|slot| slot.1 == spec.instance_id && slot.2 == spec.subnet_id)
        });
        view.insert(format!("{about}: ENIs"), enis.map(|eni| of_eni(eni, child, one)).collect());
        view.insert(format!("{about}: spec"), of_spec(child, one));
        let status = child.status.as_ref().map(|status| conditions(&status.conditions));
        view.insert(format!("{about}: conditions"), status.unwrap_or_default());
    }
    view.insert("ENIs".to_owned(), json!(sim.state().enis.values().filter_map(slot_of).count()));
    view
}

/// Type, status and reason of each condition. One that never came up is one that does not hold.
fn conditions(all: &[Condition]) -> Value {
    let passing = ["ReplacementNeeded", "Drifted", "SharedAttachmentLimit"];
    let all = all.iter().filter(|one| !passing.contains(&one.type_.as_str()) || one.status == "True");
    let said: BTreeMap<&str, Value> =
        all.map(|one| (one.type_.as_str(), json!([one.status, one.reason]))).collect();
    json!(said)
}

fn of_eni(eni: &Eni, child: &NodeENIAttachment, one: bool) -> Value {
    let mut groups = eni.groups.clone();
    groups.sort();
    let by_subnet = |key: &str| one && ["Name", "SubnetID", "networking.k8s.aws/subnet-id"].contains(&key);
    let kept = eni.tags.iter().filter(|(key, _)| !HISTORY.contains(&key.as_str()) && !by_subnet(key));
    let mut tags: BTreeMap<&str, String> = kept.map(|(key, value)| (key.as_str(), value.clone())).collect();
    if let Some(asked) = tags.get_mut(tag_key::ASKED) {
        *asked = from_place(asked, child.spec.offset);
    }
    let at = eni.attachment.as_ref().map(|at| {
        let from_place = i64::from(at.device_index) - child.spec.offset;
        json!([at.instance_id, at.network_card_index, from_place, at.status, at.delete_on_termination])
    });
    json!({
        "groups": groups, "description": eni.description, "sourceDestCheck": eni.source_dest_check, "tags": tags,
        "addresses": [eni.secondary.len(), eni.ipv4_prefixes.len(), eni.ipv6.len(), eni.ipv6_prefixes.len()],
        "type": eni.interface_type, "at": at,
    })
}

/// A position that was asked for, `card/index`, counted from the subnet's place.
fn from_place(asked: &str, offset: i64) -> String {
    let index = asked.split_once('/').and_then(|(card, index)| Some((card, index.parse::<i64>().ok()?)));
    index.map_or_else(|| asked.to_owned(), |(card, index)| format!("{card}/{}", index - offset))
}

/// The spec of an object, with its index and name counted from its place.
fn of_spec(child: &NodeENIAttachment, one: bool) -> Value {
    let mut spec = serde_json::to_value(&child.spec).unwrap_or_default();
    let index = child.spec.device_index;
    let name = child.spec.alt_name.strip_suffix(&index.to_string()).unwrap_or("another index");
    spec["altName"] = json!(name);
    spec["deviceIndex"] = json!(index - child.spec.offset);
    let fields = spec.as_object_mut().expect("a spec is an object");
    fields.remove("offset");
    if one {
        for by_subnet in ["subnetID", "subnetCIDR", "uniqueAltName"] {
            fields.remove(by_subnet);
        }
    }
    spec
}

/// What differs, if anything.
pub fn compare(changed: &View, made: &View) -> Result<(), String> {
    let keys = changed.keys().chain(made.keys());
    let differs = keys.filter(|key| changed.get(*key) != made.get(*key));
    let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let lines: BTreeMap<&String, String> = differs
        .map(|key| {
            (key, format!("{key}\n  changed: {}\n  made:    {}", text(changed.get(key)), text(made.get(key))))
        })
        .collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.into_values().collect::<Vec<_>>().join("\n")) }
}
