//! One job: a region, six nodes, a `NodeENI` that comes and goes, and a controller that is killed meanwhile.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::http::request;
use xtask::kubectl::Kubectl;
use xtask::process::{Guarded, Output};
use xtask::testbed::Testbed;

use crate::check;
use crate::proxy::{Kill, Proxy};

/// Longest that a phase of a job may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often to look.
const TICK: Duration = Duration::from_millis(5);

/// A job.
pub(crate) struct Job<'a> {
    testbed: &'a Testbed,
    kubectl: Kubectl,
    /// Name of the job, of its `NodeENI`, and of its cluster in the ENIs' tags.
    name: String,
    ec2: String,
    runs: usize,
}

impl<'a> Job<'a> {
    /// Makes the region and the nodes.
    pub(crate) fn prepare(testbed: &'a Testbed, number: usize, lag_millis: u64) -> Self {
        let ec2 = testbed.ec2_endpoint().unwrap().to_owned();
        let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
        let job = Self { testbed, kubectl, name: format!("kills-{number}"), ec2, runs: 0 };
        request("POST", &job.ec2, "/_sim/reset", None).unwrap();
        request("POST", &job.ec2, "/_sim/settings", Some(&json!({ "lag_millis": lag_millis }))).unwrap();
        let made = request("POST", &job.ec2, "/_sim/seed", Some(&region())).unwrap();
        for (node, zone) in nodes() {
            job.apply(&job.node(node, zone, made["instances"][format!("n{node}")].as_str().unwrap()));
        }
        job
    }

    /// Runs the job, killing the controller on the way. Returns how often it was killed.
    pub(crate) fn run(mut self, kills: Vec<Kill>) -> usize {
        let planned = kills.len();
        let proxy = Proxy::start(&self.ec2, kills);
        let mut controller = self.controller(&proxy);
        self.apply(&self.node_eni());
        self.wait_until(&proxy, &mut controller, "12 ENIs to be ready", |job| job.ready() == 12);
        check::all_is_as_it_should_be(&self.state(), &self.attachments(), &self.name);
        self.kubectl.run(&["delete", "nodeeni", &self.name, "--wait=false"]).unwrap();
        self.wait_until(&proxy, &mut controller, "the NodeENI to be gone", Self::gone);
        check::nothing_is_left(&self.state(), &self.attachments(), &self.name);
        controller.kill().unwrap();
        for (node, _) in nodes() {
            self.kubectl.run(&["delete", "node", &self.node_name(node)]).unwrap();
        }
        println!("{}: {} requests to EC2, {} runs of the controller", self.name, proxy.seen(), self.runs);
        planned - proxy.left().len()
    }

    /// Waits until something holds; kills and starts the controller again where the proxy says so.
    fn wait_until(&mut self, proxy: &Proxy, controller: &mut Guarded, what: &str, holds: fn(&Self) -> bool) {
        let begun = Instant::now();
        let mut looked = begun;
        loop {
            if proxy.strike(|| drop(controller.kill().unwrap())) {
                *controller = self.controller(proxy);
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

    /// Starts the controller.
    fn controller(&mut self, proxy: &Proxy) -> Guarded {
        self.runs += 1;
        let mut command = Command::new(env!("CARGO_BIN_EXE_eni-operator"));
        command.args(["--log-format", "json", "controller", "--leader-elect=false", "--metrics-addr", "0"]);
        command.args([
            "--require-node-agent=false",
            "--listing-lag-seconds",
            "2",
            "--cluster-id",
            &self.name,
        ]);
        command.envs(self.testbed.environment());
        command.env("AWS_ENDPOINT_URL", &proxy.url);
        let log = self.testbed.folder().join(format!("{}-{}.log", self.name, self.runs));
        Guarded::spawn("the controller", &command, &Output::Log(log)).unwrap()
    }

    /// Applies an object with kubectl.
    fn apply(&self, object: &Value) {
        let file = self.testbed.folder().join("object.json");
        std::fs::write(&file, object.to_string()).unwrap();
        self.kubectl.run(&["apply", "--server-side", "-f", file.to_str().unwrap()]).unwrap();
        if object["kind"] == "Node" {
            let name = object["metadata"]["name"].as_str().unwrap();
            let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
            self.kubectl
                .run(&[
                    "patch",
                    "node",
                    name,
                    "--subresource=status",
                    "--type=merge",
                    "-p",
                    &ready.to_string(),
                ])
                .unwrap();
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

    /// What kubectl shows.
    fn get(&self, args: &[&str]) -> Value {
        let output = Command::new(self.kubectl.binary())
            .args(["--kubeconfig", self.testbed.kubeconfig_path().to_str().unwrap(), "get", "-o", "json"])
            .args(args)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    fn attachments(&self) -> Vec<Value> {
        let all = self.get(&["nodeeniattachments"]);
        all["items"].as_array().cloned().unwrap_or_default()
    }

    fn ready(&self) -> i64 {
        self.get(&["nodeeni", &self.name])["status"]["ready"].as_i64().unwrap_or_default()
    }

    fn gone(&self) -> bool {
        let all = self.get(&["nodeeni"]);
        all["items"]
            .as_array()
            .is_some_and(|items| items.iter().all(|one| one["metadata"]["name"] != self.name))
    }

    fn state(&self) -> Value {
        request("GET", &self.ec2, "/_sim/state", None).unwrap()
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
