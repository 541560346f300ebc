//! What the tests share: a real API server, `ec2-sim` as a process, kubectl, and the controller as a process.

use std::process::Command;

use serde_json::{Value, json};
use xtask::http::request;
use xtask::kubectl::Kubectl;
use xtask::process::{Guarded, Output};
use xtask::testbed::Testbed;

/// A cluster, and an EC2 that starts empty.
pub(crate) struct World<'a> {
    pub(crate) testbed: &'a Testbed,
    pub(crate) kubectl: Kubectl,
    /// Where EC2 is.
    pub(crate) ec2: String,
    /// The cluster's id in the tags of its ENIs.
    cluster: String,
    /// How often the controller was started.
    pub(crate) runs: usize,
}

impl<'a> World<'a> {
    /// Empties EC2.
    pub(crate) fn new(testbed: &'a Testbed, cluster: &str) -> Self {
        let ec2 = testbed.ec2_endpoint().unwrap().to_owned();
        let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
        request("POST", &ec2, "/_sim/reset", None).unwrap();
        Self { testbed, kubectl, ec2, cluster: cluster.to_owned(), runs: 0 }
    }

    /// Makes what is there before the operator comes.
    pub(crate) fn seed(&self, seed: &Value) -> Value {
        request("POST", &self.ec2, "/_sim/seed", Some(seed)).unwrap()
    }

    /// Changes settings of EC2.
    pub(crate) fn set(&self, settings: &Value) {
        request("POST", &self.ec2, "/_sim/settings", Some(settings)).unwrap();
    }

    /// Starts the controller.
    pub(crate) fn controller(&mut self, ec2: &str) -> Guarded {
        let command = self.command(ec2);
        self.start(&command)
    }

    /// Starts a controller with a command of its own.
    pub(crate) fn start(&mut self, command: &Command) -> Guarded {
        self.runs += 1;
        Guarded::spawn("the controller", command, &Output::Log(self.log())).unwrap()
    }

    /// Where the log of the controller that was started last is.
    pub(crate) fn log(&self) -> std::path::PathBuf {
        self.testbed.folder().join(format!("{}-{}.log", self.cluster, self.runs))
    }

    /// The command that starts the controller.
    pub(crate) fn command(&self, ec2: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eni-operator"));
        command.args(["--log-format", "json", "controller", "--leader-elect=false", "--metrics-addr", "0"]);
        command.args([
            "--require-node-agent=false",
            "--listing-lag-seconds",
            "2",
            "--cluster-id",
            &self.cluster,
        ]);
        command.envs(self.testbed.environment_of_controller().unwrap());
        command.env("AWS_ENDPOINT_URL", ec2);
        command
    }

    /// Applies an object with kubectl.
    pub(crate) fn apply(&self, object: &Value) {
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

    /// What kubectl shows.
    pub(crate) fn get(&self, args: &[&str]) -> Value {
        let output = Command::new(self.kubectl.binary())
            .args(["--kubeconfig", self.testbed.kubeconfig_path().to_str().unwrap(), "get", "-o", "json"])
            .args(args)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    pub(crate) fn state(&self) -> Value {
        request("GET", &self.ec2, "/_sim/state", None).unwrap()
    }
}
