//! The region that the chaos happens in: a VPC in three zones, and EC2's bad days.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::rng::Rng;
use crate::http::{request, text};

/// The zones' letters, node by node.
const ZONES: [char; 6] = ['a', 'b', 'c', 'a', 'b', 'c'];

/// The Name tags of the subnets for ENIs, of which each zone has one each.
pub(super) const SUBNETS: [&str; 3] = ["first", "second", "third"];

/// A node and its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its instance.
    pub instance: String,
    /// Its zone.
    pub zone: String,
}

/// A region of `ec2-sim`.
#[derive(Debug, Clone)]
pub struct Region {
    url: String,
    /// The nodes that have instances.
    pub nodes: Vec<Node>,
    /// The ids of two security groups.
    pub groups: [String; 2],
}

impl Region {
    /// Empties the simulator, and makes a region for the nodes of a world. It is faster than EC2, so that a
    /// run is.
    pub fn make(url: &str, world: &str) -> Result<Self> {
        request("POST", url, "/_sim/reset", None)?;
        let fast = json!({ "attach_millis": 400, "detach_millis": 400, "terminate_millis": 500 });
        request("POST", url, "/_sim/settings", Some(&fast))?;
        let made = request("POST", url, "/_sim/seed", Some(&seed()))?;
        let id = |kind: &str, key: &str| {
            let id = made.pointer(&format!("/{kind}/{key}")).and_then(Value::as_str);
            id.map(str::to_owned).with_context(|| format!("ec2-sim did not say the id of {key}: {made}"))
        };
        let node = |(number, zone): (usize, char)| {
            Ok(Node {
                name: format!("{world}-n{number}"),
                instance: id("instances", &format!("n{number}"))?,
                zone: format!("us-east-1{zone}"),
            })
        };
        let nodes = ZONES.into_iter().enumerate().map(node).collect::<Result<_>>()?;
        let groups = [id("security_groups", "one")?, id("security_groups", "other")?];
        Ok(Self { url: url.to_owned(), nodes, groups })
    }

    /// Changes settings.
    pub fn set(&self, settings: &Value) -> Result<()> {
        request("POST", &self.url, "/_sim/settings", Some(settings)).map(drop)
    }

    /// Adds rules by which calls fail.
    pub fn fail(&self, rules: &Value) -> Result<()> {
        request("POST", &self.url, "/_sim/faults", Some(rules)).map(drop)
    }

    /// Lets all calls go well from now on.
    pub fn mend(&self) -> Result<()> {
        request("DELETE", &self.url, "/_sim/faults", None).map(drop)
    }

    /// Everything that there is.
    pub fn state(&self) -> Result<Value> {
        request("GET", &self.url, "/_sim/state", None)
    }

    /// How many calls there were.
    pub fn calls(&self) -> Result<u64> {
        let stats = request("GET", &self.url, "/_sim/stats", None)?;
        stats.get("calls").and_then(Value::as_u64).context("ec2-sim did not say how many calls there were")
    }

    /// How many ENIs were ever made, those of the instances themselves included.
    pub fn made(&self) -> Result<usize> {
        let events = text("GET", &self.url, "/_sim/events?follow=false", "application/json", "")?;
        let created = |line: &&str| {
            let event: Option<Value> = serde_json::from_str(line).ok();
            event.is_some_and(|event| event["what"] == "created")
        };
        Ok(events.lines().filter(created).count())
    }

    /// Terminates an instance, whatever day it is.
    pub fn terminate(&self, instance: &str) -> Result<()> {
        const TRIES: usize = 50;
        let form = format!("Action=TerminateInstances&Version=2016-11-15&InstanceId.1={instance}");
        let call = || text("POST", &self.url, "/", "application/x-www-form-urlencoded", &form);
        let mut answer = call();
        for _ in 1..TRIES {
            if answer.is_ok() {
                break;
            }
            answer = call();
        }
        answer.map(drop)
    }
}

/// The region in the simulator's words.
fn seed() -> Value {
    let kinds = std::iter::once("home").chain(SUBNETS);
    let all = kinds.flat_map(|name| ['a', 'b', 'c'].map(|zone| (name, zone)));
    let subnets = all.enumerate().map(|(number, (name, zone))| {
        json!({
            "key": format!("{name}-{zone}"), "zone": format!("us-east-1{zone}"),
            "cidr": format!("10.0.{number}.0/24"), "tags": { "Name": name },
        })
    });
    let instances = ZONES.into_iter().enumerate().map(|(number, zone)| {
        json!({
            "key": format!("n{number}"), "subnet": format!("home-{zone}"), "instance_type": "m6i.xlarge",
        })
    });
    json!({
        "vpcs": [{ "key": "vpc", "cidr": "10.0.0.0/16" }],
        "subnets": subnets.collect::<Vec<_>>(),
        "security_groups": [{ "key": "one" }, { "key": "other" }],
        "instances": instances.collect::<Vec<_>>(),
    })
}

/// What goes wrong in EC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    Calm,
    Lagging,
    Losing,
    Failing,
    Throttling,
    AllOfIt,
}

impl Day {
    const ALL: [Self; 6] =
        [Self::AllOfIt, Self::Lagging, Self::Losing, Self::Failing, Self::Throttling, Self::Calm];

    /// One of them.
    pub(super) fn draw(chance: &mut Rng) -> Self {
        chance.one_of(&Self::ALL).unwrap_or(Self::AllOfIt)
    }

    /// Lets it begin.
    pub(super) fn begin(self, region: &Region) -> Result<()> {
        if matches!(self, Self::Lagging | Self::AllOfIt) {
            region.set(&json!({ "lag_millis": 400, "lag_hides_from_changes": 0.1 }))?;
        }
        let rules = self.rules();
        if rules.is_empty() { Ok(()) } else { region.fail(&json!(rules)) }
    }

    fn rules(self) -> Vec<Value> {
        let lost = || {
            let changing = ["Create*", "Attach*", "Modify*", "Detach*", "Delete*"];
            changing
                .map(|action| json!({ "action": action, "probability": 0.08, "fault": { "kind": "lost" } }))
        };
        let error = |code: &str, probability: f64| {
            json!({
                "action": "*", "probability": probability,
                "fault": { "kind": "error", "code": code, "status": 503 },
            })
        };
        match self {
            Self::Calm | Self::Lagging => vec![],
            Self::Losing => lost().into(),
            Self::Failing => vec![error("Unavailable", 0.06), error("InternalError", 0.03)],
            Self::Throttling => vec![error("RequestLimitExceeded", 0.15)],
            Self::AllOfIt => {
                let errors = [error("Unavailable", 0.03), error("RequestLimitExceeded", 0.05)];
                lost().into_iter().chain(errors).collect()
            }
        }
    }
}
