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
        let script = |what: &str, text: &str| {
            let path = testbed.folder().join(format!("{what}-of-{name}"));
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display())).map(|()| path)
        };
        let files = [
            (agent.to_owned(), "bin/eni-operator"),
            (kubeconfig, "kubeconfig"),
            (testbed.ca_path().to_owned(), "ca"),
            (script("start", &start(name, flags))?, "bin/start-agent"),
            (script("stop", STOP)?, "bin/stop-agent"),
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

/// Starts the agent, with its log in `/run/log` and its number in `/run/agent`, when the one before has ended. What
/// stands before the agent's name, such as a program that runs it, is given to the script.
fn start(name: &str, flags: &str) -> String {
    format!(
        "#!/bin/sh\nstop-agent\n\"$@\" eni-operator --log-format json node-agent --node-name {name} \
         --kubeconfig /kubeconfig --state-dir /var/state --metrics-addr 0 {flags} >>/run/log 2>&1 &\n\
         echo $! >/run/agent\n"
    )
}

/// Kills the agent, and returns when nothing is left of it, who runs it being killed first. A thread that the kernel does
/// not let go keeps it for longer.
const STOP: &str = r#"#!/bin/sh
[ ! -e /run/agent ] || kill -9 "$(cat /run/agent)" 2>/dev/null
rm -f /run/agent
left=100
while pidof eni-operator >/dev/null && [ $((left -= 1)) -gt 0 ]; do usleep 20000; done
"#;
