//! One job: a region, six nodes, a `NodeENI` that comes and goes, and a controller that is killed meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::process::Guarded;
use xtask::testbed::Testbed;

use crate::check;
use crate::proxy::{Kill, Proxy};
use crate::world::World;

/// Longest that a phase of a job may take.
const DEADLINE: Duration = Duration::from_mins(2);

/// How often to look.
const TICK: Duration = Duration::from_millis(5);

/// A job.
pub(crate) struct Job<'a> {
    world: World<'a>,
    /// Name of the job, of its `NodeENI`, and of its cluster in the ENIs' tags.
    name: String,
}

impl<'a> Job<'a> {
    /// Makes the region and the nodes.
    pub(crate) fn prepare(testbed: &'a Testbed, number: usize, lag_millis: u64) -> Self {
        let name = format!("kills-{number}");
        let job = Self { world: World::new(testbed, &name), name };
        job.world.set(&json!({ "lag_millis": lag_millis }));
        let made = job.world.seed(&region());
        for (node, zone) in nodes() {
            job.world.apply(&job.node(node, zone, made["instances"][format!("n{node}")].as_str().unwrap()));
        }
        job
    }

    /// Runs the job, killing the controller on the way. Returns how often it was killed.
    pub(crate) fn run(mut self, kills: Vec<Kill>) -> usize {
        let planned = kills.len();
        let proxy = Proxy::start(&self.world.ec2, kills);
        let mut controller = self.world.controller(&proxy.url);
        self.world.apply(&self.node_eni());
        self.wait_until(&proxy, &mut controller, "12 ENIs to be ready", |job| job.ready() == 12);
        check::all_is_as_it_should_be(&self.world.state(), &self.world.attachments(), &self.name);
        self.world.kubectl.run(&["delete", "nodeeni", &self.name, "--wait=false"]).unwrap();
        self.wait_until(&proxy, &mut controller, "the NodeENI to be gone", Self::gone);
        check::nothing_is_left(&self.world.state(), &self.world.attachments(), &self.name);
        controller.kill().unwrap();
        for (node, _) in nodes() {
            self.world.kubectl.run(&["delete", "node", &self.node_name(node)]).unwrap();
        }
        println!(
            "{}: {} requests to EC2, {} runs of the controller",
            self.name,
            proxy.seen(),
            self.world.runs
        );
        planned - proxy.left().len()
    }

    /// Waits until something holds; kills and starts the controller again where the proxy says so.
    fn wait_until(&mut self, proxy: &Proxy, controller: &mut Guarded, what: &str, holds: fn(&Self) -> bool) {
        let begun = Instant::now();
        let mut looked = begun;
        loop {
            if proxy.strike(|| assert!(!controller.kill().unwrap().success())) {
                *controller = self.world.controller(&proxy.url);
            }
            if looked.elapsed() > Duration::from_millis(250) {
                if holds(self) {
                    return;
                }
                controller.check_alive().unwrap();
                looked = Instant::now();
            }
            let waited = begun.elapsed();
            assert!(
                waited < DEADLINE,
                "{}: waited {waited:?} for {what}\n{}",
                self.name,
                controller.last_words()
            );
            std::thread::sleep(TICK);
        }
    }

    fn node_name(&self, node: usize) -> String {
        format!("{}-n{node}", self.name)
    }

    fn node(&self, node: usize, zone: char, instance: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": self.node_name(node),
                "labels": { "job": self.name, "topology.kubernetes.io/zone": format!("us-east-1{zone}") },
            },
            "spec": { "providerID": format!("aws:///us-east-1{zone}/{instance}") },
        })
    }

    fn node_eni(&self) -> Value {
        json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI",
            "metadata": { "name": self.name },
            "spec": {
                "nodeSelector": { "job": self.name }, "subnetNames": ["first", "second"],
                "securityGroupNames": ["group"], "deviceIndex": 2,
            },
        })
    }

    fn ready(&self) -> i64 {
        self.world.get(&["nodeeni", &self.name])["status"]["ready"].as_i64().unwrap_or_default()
    }

    fn gone(&self) -> bool {
        let all = self.world.get(&["nodeeni"]);
        all["items"]
            .as_array()
            .is_some_and(|items| items.iter().all(|one| one["metadata"]["name"] != self.name))
    }
}

/// The nodes and their zones.
fn nodes() -> impl Iterator<Item = (usize, char)> {
    (0..6).zip("abcabc".chars())
}

/// A VPC with a subnet for the nodes and two for the ENIs in each of three zones.
fn region() -> Value {
    let subnet = |number: usize, name: &str, zone: char| {
        json!({
            "key": format!("{name}-{zone}"), "zone": format!("us-east-1{zone}"),
            "cidr": format!("10.0.{number}.0/24"), "tags": { "Name": name },
        })
    };
    let zones = "abc".chars().enumerate();
    let subnets: Vec<Value> = zones
        .flat_map(|(at, zone)| {
            ["home", "first", "second"]
                .into_iter()
                .enumerate()
                .map(move |(kind, name)| (at * 3 + kind, name, zone))
        })
        .map(|(number, name, zone)| subnet(number, name, zone))
        .collect();
    let instances: Vec<Value> = nodes()
        .map(|(node, zone)| {
            json!({ "key": format!("n{node}"), "subnet": format!("home-{zone}"), "instance_type": "m6i.xlarge" })
        })
        .collect();
    json!({
        "vpcs": [{ "key": "vpc", "cidr": "10.0.0.0/16" }], "subnets": subnets,
        "security_groups": [{ "key": "group" }], "instances": instances,
    })
}
