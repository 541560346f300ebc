//! The region that is measured in: one zone, a subnet per `NodeENI`, and instances with room for many ENIs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{http::request, testbed::REGION};

/// A type with room for 15 ENIs.
const INSTANCE_TYPE: &str = "m6i.16xlarge";

/// ENIs beside the primary one.
pub(super) const MOST_PER_NODE: u32 = 14;

/// EC2's calls by action: how many, and how many of them were refused.
pub(super) type Calls = BTreeMap<String, (u64, u64)>;

/// A region of the simulator.
#[derive(Debug, Clone)]
pub(super) struct Region {
    url: String,
    pub(super) instances: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) group: String,
}

/// The zone that everything is in.
pub(super) fn zone() -> String {
    format!("{REGION}a")
}

impl Region {
    pub(super) fn make(url: &str, nodes: u32, node_enis: u32, setting: &Value) -> Result<Self> {
        request("POST", url, "/_sim/settings", Some(&json!({"eni_quota": 100_000})))?;
        request("POST", url, "/_sim/settings", Some(setting))?;
        let subnet = |key: String, number: u32| json!({"key": key, "zone": zone(), "cidr": format!("10.{number}.0.0/18")});
        let subnets = (0..node_enis).map(|number| subnet(format!("s{number}"), number + 1));
        let seed = json!({
            "vpcs": [{"key": "vpc", "cidr": "10.0.0.0/8"}],
            "subnets": subnets.chain([subnet("home".to_owned(), 0)]).collect::<Vec<_>>(),
            "security_groups": [{"key": "group"}],
            "instances": [{"key": "n", "count": nodes, "subnet": "home", "instance_type": INSTANCE_TYPE}],
        });
        let made = request("POST", url, "/_sim/seed", Some(&seed))?;
        let id = |kind: &str, key: &str| {
            let id = made.get(kind).and_then(|ids| ids.get(key)).and_then(Value::as_str);
            id.map(str::to_owned).with_context(|| format!("ec2-sim did not say the id of {key}"))
        };
        let instance = |number: u32| {
            let key = if nodes == 1 { "n".to_owned() } else { format!("n-{number}") };
            id("instances", &key)
        };
        Ok(Self {
            url: url.to_owned(),
            instances: (0..nodes).map(instance).collect::<Result<_>>()?,
            subnets: (0..node_enis).map(|n| id("subnets", &format!("s{n}"))).collect::<Result<_>>()?,
            group: id("security_groups", "group")?,
        })
    }

    /// Starts to count calls anew.
    pub(super) fn forget_calls(&self) -> Result<()> {
        request("DELETE", &self.url, "/_sim/stats", None).map(drop)
    }

    /// The calls since then.
    pub(super) fn calls(&self) -> Result<Calls> {
        let stats = request("GET", &self.url, "/_sim/stats", None)?;
        let actions = stats.get("by_action").and_then(Value::as_object).context("no by_action")?;
        let count = |outcomes: &Value, is: fn(&str) -> bool| {
            let counted = outcomes.as_object().into_iter().flatten().filter(|(name, _)| is(name));
            counted.filter_map(|(_, count)| count.as_u64()).sum()
        };
        let tell = |(action, outcomes): (&String, &Value)| {
            (action.clone(), (count(outcomes, |_| true), count(outcomes, |name| name != "ok")))
        };
        Ok(actions.iter().map(tell).collect())
    }

    /// How many calls of an action have succeeded since then.
    pub(super) fn done(&self, action: &str) -> Result<u64> {
        Ok(self.calls()?.get(action).map_or(0, |(all, refused)| all - refused))
    }

    /// How many ENIs there are beside the primary ones.
    pub(super) fn enis(&self) -> Result<usize> {
        let state = request("GET", &self.url, "/_sim/state", None)?;
        let all = state.get("enis").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        Ok(all - self.instances.len())
    }
}
