//! The whole of it: a manifest that kubectl applies becomes a network device in a running machine that is up with its
//! MTU and its name, and its deletion takes it out again. The controller, the agent, the API server, the kernel and
//! the AWS SDK are real; EC2 is `ec2-sim`.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::http::request;
use xtask::kubectl::Kubectl;
use xtask::process::{Guarded, Output};
use xtask::testbed::{Testbed, TestbedOptions};
use xtask::vm::{Hypervisor, VmOptions};

use crate::vm::Machine;

/// How long what is wanted may take to be there.
const PATIENCE: Duration = Duration::from_mins(2);

/// All that there is.
pub(crate) struct Whole {
    pub(crate) node: Machine,
    controller: Guarded,
    hypervisor: Hypervisor,
    pub(crate) kubectl: Kubectl,
    ec2: String,
}

/// What EC2 has before.
fn region() -> Value {
    let subnet = |key: &str, cidr: &str| json!({ "key": key, "vpc": "vpc", "zone": "us-east-1a", "cidr": cidr, "tags": { "Name": key } });
    json!({
        "vpcs": [{ "key": "vpc", "cidr": "10.0.0.0/16" }],
        "subnets": [
            subnet("home", "10.0.0.0/24"), subnet("one", "10.0.1.0/24"), subnet("two", "10.0.2.0/24"),
            subnet("three", "10.0.3.0/24"),
        ],
        "security_groups": [{ "key": "group", "vpc": "vpc", "name": "group" }],
        "instances": [{ "key": "node", "subnet": "home", "instance_type": "m6i.4xlarge" }],
    })
}

pub(crate) fn node_eni(name: &str, subnets: &[&str], index: u32) -> Value {
    json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI", "metadata": { "name": name },
        // Without udev the kernel calls all devices `eth` and a number.
        "spec": {
            "nodeSelector": { "kind": "node" }, "subnetNames": subnets, "securityGroupNames": ["group"],
            "deviceIndex": index, "mtu": 9001, "altNamePrefix": "net",
        },
    })
}

impl Whole {
    fn new() -> Option<Self> {
        Self::with("", |_| VmOptions::default())
    }

    /// With further flags of the agent, and what else its machine may have.
    pub(crate) fn with(flags: &str, machine: impl FnOnce(&Testbed) -> VmOptions) -> Option<Self> {
        let ec2_args = vec!["--unthrottled".to_owned()];
        let options = TestbedOptions { ec2: true, ec2_args, ..TestbedOptions::default() };
        let node = Machine::made(&options, flags, machine)?;
        let testbed = &node.cluster.testbed;
        let ec2 = testbed.ec2_endpoint().unwrap().to_owned();
        let made = request("POST", &ec2, "/_sim/seed", Some(&region())).unwrap();
        let instance = made["instances"]["node"].as_str().unwrap().to_owned();
        let hypervisor = Hypervisor::listen(&ec2, &instance).unwrap();
        let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_eni-operator"));
        command.args(["--log-format", "json", "controller", "--leader-elect=false", "--metrics-addr", "0"]);
        command
            .args(["--listing-lag-seconds", "2", "--cluster-id", "whole"])
            .envs(testbed.environment_of_controller().unwrap());
        let log = Output::Log(testbed.folder().join("controller.log"));
        let controller = Guarded::spawn("the controller", &command, &log).unwrap();
        let this = Self { node, controller, hypervisor, kubectl, ec2 };
        this.apply(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": "node-a",
                "labels": { "kind": "node", "topology.kubernetes.io/zone": "us-east-1a" },
            },
            "spec": { "providerID": format!("aws:///us-east-1a/{instance}") },
        }));
        let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        let patch =
            ["patch", "node", "node-a", "--subresource=status", "--type=merge", "-p", &ready.to_string()];
        this.kubectl.run(&patch).unwrap();
        Some(this)
    }

    /// Applies an object with kubectl.
    pub(crate) fn apply(&self, object: &Value) {
        let file = self.node.cluster.testbed.folder().join("object.json");
        std::fs::write(&file, object.to_string()).unwrap();
        self.kubectl.run(&["apply", "-f", file.to_str().unwrap()]).unwrap();
    }

    /// What kubectl shows.
    pub(crate) fn get(&self, args: &[&str]) -> Value {
        let kubeconfig = self.node.cluster.testbed.kubeconfig_path();
        let mut command = Command::new(self.kubectl.binary());
        command.arg("--kubeconfig").arg(kubeconfig).args(["get", "-o", "json"]).args(args);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap_or(Value::Null)
    }

    /// Waits until something holds, while devices are plugged in and pulled out as EC2 says.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            self.hypervisor.work(&mut self.node.vm).unwrap();
            self.controller.check_alive().unwrap();
            if begun.elapsed() > PATIENCE {
                let log = self.node.vm.run("tail -n 20 /run/log; ip link").unwrap();
                panic!("waited for {what}: {}; {log}{}", self.get(&["nenia"]), self.controller.last_words());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{what}: after {:?}", begun.elapsed());
    }

    /// How many slots of a `NodeENI` are ready.
    pub(crate) fn ready(&self, node_eni: &str) -> usize {
        self.slots_with(|slot, condition| slot["spec"]["nodeENI"] == node_eni && condition["type"] == "Ready")
    }

    /// How many slots have a condition that holds, of those that are meant.
    pub(crate) fn slots_with(&self, meant: impl Fn(&Value, &Value) -> bool) -> usize {
        let all = self.get(&["nenia"]);
        let has = |slot: &&Value| {
            let conditions = slot["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|condition| condition["status"] == "True" && meant(slot, condition))
        };
        all["items"].as_array().map_or(0, |items| items.iter().filter(has).count())
    }

    /// ENIs in EC2, but for the instance's own.
    pub(crate) fn enis(&self) -> usize {
        let state = request("GET", &self.ec2, "/_sim/state", None).unwrap();
        state["enis"].as_object().unwrap().len() - 1
    }
}

#[test]
fn a_manifest_becomes_ready_links_and_its_deletion_takes_them_out_again() {
    let Some(mut whole) = Whole::new() else { return };
    whole.apply(&node_eni("first", &["one", "two"], 2));
    whole.until("two ENIs to be ready", |whole| whole.ready("first") == 2);
    for name in ["net2", "net3"] {
        let link = whole.node.link(name);
        assert!(link.contains("mtu 9001 ") && link.contains(",UP"), "{link}");
    }
    let first = whole.node.link("net2");
    whole.apply(&node_eni("second", &["three"], 5));
    whole.until("a second NodeENI to be ready", |whole| whole.ready("second") == 1);
    assert_eq!(whole.node.link("net2"), first);
    assert_eq!(whole.enis(), 3);
    let second = whole.node.link("net5");
    whole.kubectl.run(&["delete", "neni", "first", "--wait=false"]).unwrap();
    whole.until("the first to be gone", |whole| whole.get(&["neni", "first"]).is_null() && whole.enis() == 1);
    whole.until("its devices to be gone", |whole| {
        whole.get(&["nenia"])["items"].as_array().unwrap().len() == 1
    });
    let links = whole.node.vm.run("ip link").unwrap();
    assert!(!links.contains("net2\n") && !links.contains("net3\n"), "{links}");
    assert_eq!(whole.node.link("net5"), second);
    assert_eq!(whole.node.vm.complaints(), Vec::<String>::new());
}
