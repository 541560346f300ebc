//! `cargo xtask demo --vm`: a manifest becomes a network device in a running machine, and goes again.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Hypervisor, Vm, node};
use crate::http::request;
use crate::kubectl::Kubectl;
use crate::process::{Guarded, Output};
use crate::progress::pretty;
use crate::testbed::{Testbed, TestbedOptions};

/// The node that the machine is.
const NODE: &str = "eni-demo-1";

/// How long each act may take.
const DEADLINE: Duration = Duration::from_mins(2);

/// How often to look.
const LOOK: Duration = Duration::from_millis(100);

/// What runs.
struct Show {
    vm: Vm,
    hypervisor: Hypervisor,
    controller: Guarded,
    kubectl: Kubectl,
    testbed: Testbed,
}

/// Shows it. With `once` it takes everything down again; without, it stays up until it is interrupted.
pub fn show(once: bool) -> Result<()> {
    super::obtainable()?;
    let operator = crate::cargo::build_binary("eni-operator")?;
    let agent = node::agent()?;
    let started = Instant::now();
    let mut show = Show::set(&operator, &agent)?;
    println!(
        "\na machine with a kernel of its own is the node {NODE}; it was up after {}",
        pretty(started.elapsed())
    );
    show.apply("demo", &json!(["one", "two"]), 2)?;
    show.until("both ENIs are ready on the host", |show| Ok(show.ready("demo")? == 2))?;
    show.tell()?;
    if !once {
        let kubeconfig = show.testbed.kubeconfig_path();
        println!("\nIt stays up until Ctrl-C. In another terminal:\n");
        println!(
            "  export KUBECONFIG={}\n  kubectl get nenia\n  kubectl delete neni demo",
            kubeconfig.display()
        );
        loop {
            show.work()?;
            std::thread::sleep(LOOK);
        }
    }
    show.kubectl.run(&["delete", "neni", "demo", "--wait=false"])?;
    show.until("they are released, detached and deleted", |show| {
        Ok(show.get(&["neni"])?["items"].as_array().is_some_and(Vec::is_empty))
    })?;
    let complaints = show.vm.complaints();
    ensure!(complaints.is_empty(), "the machine's kernel complained: {}", complaints.join("; "));
    Ok(())
}

impl Show {
    fn set(operator: &std::path::Path, agent: &std::path::Path) -> Result<Self> {
        let ec2_args = vec!["--unthrottled".to_owned()];
        let testbed = Testbed::start(&TestbedOptions { ec2: true, ec2_args, ..TestbedOptions::default() })?;
        testbed.install_crds()?;
        let ec2 = testbed.ec2_endpoint().context("there is no EC2")?.to_owned();
        let made = request("POST", &ec2, "/_sim/seed", Some(&region()))?;
        let instance = made["instances"]["node"].as_str().context("there is no instance")?.to_owned();
        let hypervisor = Hypervisor::listen(&ec2, &instance)?;
        let kubectl = Kubectl::find(&testbed.kubeconfig_path())?;
        let mut command = Command::new(operator);
        command.args(["controller", "--leader-elect=false", "--metrics-addr", "0", "--cluster-id", "demo"]);
        command.args(["--listing-lag-seconds", "2"]).envs(testbed.environment_of_controller()?);
        let log = Output::Log(testbed.folder().join("controller.log"));
        let controller = Guarded::spawn("the controller", &command, &log)?;
        let vm = Vm::node(&testbed, agent, NODE)?;
        let show = Self { vm, hypervisor, controller, kubectl, testbed };
        show.put(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": NODE, "labels": { "demo": "vm", "topology.kubernetes.io/zone": "us-east-1a" } },
            "spec": { "providerID": format!("aws:///us-east-1a/{instance}") },
        }))?;
        let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        let ready = ready.to_string();
        show.kubectl.run(&["patch", "node", NODE, "--subresource=status", "--type=merge", "-p", &ready])?;
        Ok(show)
    }

    fn put(&self, object: &Value) -> Result<()> {
        let file = self.testbed.folder().join("object.json");
        std::fs::write(&file, object.to_string()).context("write a manifest")?;
        self.kubectl.run(&["apply", "-f", &file.display().to_string()])
    }

    fn apply(&self, name: &str, subnets: &Value, index: u32) -> Result<()> {
        self.put(&json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI", "metadata": { "name": name },
            // The machine has no udev, and its kernel calls all devices `eth` and a number.
            "spec": {
                "nodeSelector": { "demo": "vm" }, "subnetNames": subnets, "securityGroupNames": ["group"],
                "deviceIndex": index, "mtu": 9001, "altNamePrefix": "net",
            },
        }))
    }

    fn get(&self, what: &[&str]) -> Result<Value> {
        let mut command = Command::new(self.kubectl.binary());
        command
            .arg("--kubeconfig")
            .arg(self.testbed.kubeconfig_path())
            .args(["get", "-o", "json"])
            .args(what);
        let output = command.output().context("run kubectl")?;
        serde_json::from_slice(&output.stdout).context("read what kubectl says")
    }

    fn ready(&self, node_eni: &str) -> Result<usize> {
        let all = self.get(&["nenia"])?;
        let is_ready = |one: &&Value| {
            let conditions = one["status"]["conditions"].as_array().cloned().unwrap_or_default();
            one["spec"]["nodeENI"] == node_eni
                && conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
        };
        Ok(all["items"].as_array().map_or(0, |items| items.iter().filter(is_ready).count()))
    }

    /// Plugs in and pulls out what EC2 has attached and detached, and fails if a part has ended.
    fn work(&mut self) -> Result<()> {
        self.hypervisor.work(&mut self.vm)?;
        self.controller.check_alive()?;
        self.testbed.check_alive()
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        while !holds(self)? {
            self.work()?;
            ensure!(begun.elapsed() < DEADLINE, "waited for this: {what}{}", self.controller.last_words());
            std::thread::sleep(LOOK);
        }
        println!("\n{what}: {:.1} s", begun.elapsed().as_secs_f64());
        Ok(())
    }

    /// What there is, in the cluster and in the machine.
    fn tell(&mut self) -> Result<()> {
        self.kubectl.run(&["get", "nenia"])?;
        println!("\nin the machine:\n{}", self.vm.run("ip link")?);
        Ok(())
    }
}

/// What EC2 has before.
fn region() -> Value {
    let subnet = |key: &str, cidr: &str| json!({ "key": key, "vpc": "vpc", "zone": "us-east-1a", "cidr": cidr, "tags": { "Name": key } });
    json!({
        "vpcs": [{ "key": "vpc", "cidr": "10.0.0.0/16" }],
        "subnets": [subnet("home", "10.0.0.0/24"), subnet("one", "10.0.1.0/24"), subnet("two", "10.0.2.0/24")],
        "security_groups": [{ "key": "group", "vpc": "vpc", "name": "group" }],
        "instances": [{ "key": "node", "subnet": "home", "instance_type": "m6i.4xlarge" }],
    })
}
