//! The region that the demonstration plays in: a VPC in three zones, made for the example that is applied.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use eni_operator::{api::NodeENISpec, model::tag_key};
use serde_json::{Value, json};

use super::report::Calls;
use crate::{http::request, testbed::REGION};

/// The zones, as EC2 calls them after the region.
const ZONES: [char; 3] = ['a', 'b', 'c'];

/// A type with room for four ENIs.
const INSTANCE_TYPE: &str = "m6i.xlarge";

/// The Name tag of the subnets that the instances themselves are in.
const HOME: &str = "nodes";

/// An instance that is to be a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// What its node is called.
    pub(super) node: String,
    /// Its zone.
    pub(super) zone: String,
    /// Its id.
    pub(super) id: String,
}

/// What is there before the operator comes.
#[derive(Debug, Clone)]
pub(super) struct Region {
    url: String,
    /// The instances, in the order of their nodes' names.
    pub(super) instances: Vec<Instance>,
    /// The Name tags of the subnets, by their ids.
    pub(super) subnet_names: BTreeMap<String, String>,
}

impl Region {
    /// Makes, in the simulator at `url`, the subnets and security groups that `spec` names, and instances.
    pub(super) fn make(url: &str, spec: &NodeENISpec, nodes: usize) -> Result<Self> {
        let made = request("POST", url, "/_sim/seed", Some(&seed(spec, nodes)))?;
        let id = |kind: &str, key: &str| {
            let id = made.get(kind).and_then(|ids| ids.get(key)).and_then(Value::as_str);
            id.map(str::to_owned).with_context(|| format!("ec2-sim did not say the id of {key}: {made}"))
        };
        let mut subnet_names = BTreeMap::new();
        for (key, _, name) in subnets(spec) {
            subnet_names.insert(id("subnets", &key)?, name);
        }
        let mut instances = Vec::new();
        for (node, zone) in placed(nodes) {
            instances.push(Instance { id: id("instances", &node)?, zone: zone_name(zone), node });
        }
        Ok(Self { url: url.to_owned(), instances, subnet_names })
    }

    /// How many zones have an instance.
    pub(super) fn zones(&self) -> usize {
        self.instances.len().min(ZONES.len())
    }

    /// Starts to count calls anew.
    pub(super) fn forget_calls(&self) -> Result<()> {
        request("DELETE", &self.url, "/_sim/stats", None).map(drop)
    }

    /// The calls since then.
    pub(super) fn calls(&self) -> Result<Calls> {
        let stats = request("GET", &self.url, "/_sim/stats", None)?;
        let actions = stats
            .get("by_action")
            .and_then(Value::as_object)
            .context("ec2-sim's counts have no by_action")?;
        Ok(actions.iter().map(|(action, outcomes)| (action.clone(), sum(outcomes))).collect())
    }

    /// How many ENIs in EC2 bear the tag of this cluster.
    pub(super) fn owned_by(&self, cluster: &str) -> Result<usize> {
        let state = request("GET", &self.url, "/_sim/state", None)?;
        Ok(tagged(state.get("enis").context("ec2-sim's state has no enis")?, cluster))
    }
}

fn sum(outcomes: &Value) -> u64 {
    outcomes.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

/// How many objects below `value` have the cluster's tag.
fn tagged(value: &Value, cluster: &str) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| tagged(item, cluster)).sum(),
        Value::Object(fields) => {
            let tag = fields.get("tags").and_then(|tags| tags.get(tag_key::CLUSTER));
            let own = usize::from(tag.is_some_and(|tag| tag == cluster));
            own + fields.values().map(|field| tagged(field, cluster)).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The nodes' names and zones: one zone after the other.
fn placed(nodes: usize) -> impl Iterator<Item = (String, char)> {
    (1..=nodes).zip(ZONES.into_iter().cycle()).map(|(number, zone)| (format!("eni-demo-{number}"), zone))
}

/// Key, zone and Name tag of each subnet: the instances' own, and those that the example names, in each zone.
fn subnets(spec: &NodeENISpec) -> Vec<(String, char, String)> {
    let names: Vec<String> =
        std::iter::once(HOME.to_owned()).chain(spec.subnet_names.iter().flatten().cloned()).collect();
    let in_zone = |zone| names.iter().map(move |name| (format!("{name}-{zone}"), zone, name.clone()));
    ZONES.into_iter().flat_map(in_zone).collect()
}

fn zone_name(zone: char) -> String {
    format!("{REGION}{zone}")
}

/// The region in the simulator's words.
fn seed(spec: &NodeENISpec, nodes: usize) -> Value {
    let subnets = subnets(spec).into_iter().enumerate().map(|(number, (key, zone, name))| {
        let cidr = format!("10.0.{}.0/20", number * 16);
        json!({"key": key, "zone": zone_name(zone), "cidr": cidr, "tags": {"Name": name}})
    });
    let groups = spec.security_group_names.iter().flatten().map(|name| json!({"key": name}));
    let instances = placed(nodes).map(|(node, zone)| {
        json!({
            "key": node,
            "subnet": format!("{HOME}-{zone}"),
            "instance_type": INSTANCE_TYPE,
            "tags": {"Name": node},
        })
    });
    json!({
        "vpcs": [{"key": "vpc", "cidr": "10.0.0.0/16", "tags": {"Name": "eni-demo"}}],
        "subnets": subnets.collect::<Vec<_>>(),
        "security_groups": groups.collect::<Vec<_>>(),
        "instances": instances.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> NodeENISpec {
        let names = Some(vec!["x".to_owned(), "y".to_owned()]);
        NodeENISpec { subnet_names: names, ..NodeENISpec::default() }
    }

    #[test]
    fn every_zone_has_every_subnet_and_its_share_of_the_nodes() {
        let seed = seed(&spec(), 6);
        let of = |kind: &str| seed[kind].as_array().unwrap().clone();
        assert_eq!(of("subnets").len(), 9);
        let in_a = of("instances").into_iter().filter(|instance| instance["subnet"] == "nodes-a");
        assert_eq!(in_a.count(), 2);
        assert_eq!(of("subnets")[8]["cidr"], "10.0.128.0/20");
    }

    #[test]
    fn enis_with_the_clusters_tag_are_counted() {
        let tags = |cluster: &str| json!({"tags": {tag_key::CLUSTER: cluster}});
        let state =
            json!({"enis": {"eni-1": tags("demo"), "eni-2": tags("other")}, "more": [tags("demo"), 1]});
        assert_eq!(tagged(&state, "demo"), 2);
    }
}
