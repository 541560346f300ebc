//! A machine that is a node of a testbed: the agent runs in it, as its static binary, and reaches the API server.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::{FORWARDED, Vm, VmOptions};
use crate::image::{self, Platform};
use crate::testbed::{Bearer, Testbed};

/// The variable that names an agent's binary, to be taken instead of one that is built.
const GIVEN: &str = "ENI_AGENT_BINARY";

/// The agent's binary: the image's.
pub fn agent() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os(GIVEN) {
        return Ok(given.into());
    }
    image::binary(Platform::Amd64)
}

impl Vm {
    /// Starts a machine with an agent for the node of this name.
    pub fn node(testbed: &Testbed, agent: &Path, name: &str) -> Result<Self> {
        Self::node_with(testbed, agent, name, "", VmOptions::default())
    }

    /// Likewise, with further flags of the agent, and with what else a machine may have.
    pub fn node_with(
        testbed: &Testbed,
        agent: &Path,
        name: &str,
        flags: &str,
        options: VmOptions,
    ) -> Result<Self> {
        let kubeconfig = testbed.folder().join(format!("kubeconfig-of-{name}"));
        std::fs::write(&kubeconfig, config(&testbed.token_of(Bearer::AgentOn(name))?))
            .context("write the node's kubeconfig")?;
        let start = testbed.folder().join(format!("agent-of-{name}"));
        std::fs::write(&start, script(name, flags)).context("write the agent's start")?;
        let files = [
            (agent.to_owned(), "bin/eni-operator"),
            (kubeconfig, "kubeconfig"),
            (testbed.ca_path().to_owned(), "ca"),
            (start, "bin/start-agent"),
        ];
        let files = files.into_iter().map(|(from, at)| (from, at.to_owned())).chain(options.files);
        let first = options.first.clone();
        let mut vm = Self::start(&VmOptions {
            files: files.collect(),
            forward: Some(testbed.server_url().trim_start_matches("https://").to_owned()),
            ..options
        })?;
        for command in
            ["ip addr add 10.0.2.15/24 dev eth0", "ip link set eth0 up", "ip route add default via 10.0.2.2"]
        {
            vm.run(command)?;
        }
        for command in first.into_iter().chain(["start-agent"]) {
            vm.run(command)?;
        }
        Ok(vm)
    }
}

/// How who is in the machine reaches the API server, whose certificate is for its address outside.
pub(super) fn config(token: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": {
            "server": format!("https://{FORWARDED}"), "certificate-authority": "/ca",
            "tls-server-name": "127.0.0.1",
        } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "users": [{ "name": "u", "user": { "token": token } }],
    })
    .to_string()
}

/// Starts the agent, with its log in `/run/log` and its number in `/run/agent`. What stands before the agent's name,
/// such as a program that runs it, is given to the script.
fn script(name: &str, flags: &str) -> String {
    format!(
        "#!/bin/sh\n\"$@\" eni-operator --log-format json node-agent --node-name {name} --kubeconfig /kubeconfig \
         --state-dir /var/state --metrics-addr 0 {flags} >>/run/log 2>&1 &\necho $! >/run/agent\n"
    )
}
