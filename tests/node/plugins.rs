//! Real CNI plugins, which know a link by the alternative name that the agent gave it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use eni_operator::api::ConditionType;
use serde_json::{Value, json};
use xtask::go_tools::{GoTool, HOST_DEVICE, MACVLAN};

use crate::agent::Node;
use crate::netns::NetNs;

/// A plugin, if it can be had here.
fn plugin(tool: &GoTool) -> Option<PathBuf> {
    xtask::parts::has(tool.buildable()).unwrap().then(|| tool.built().unwrap())
}

/// A node with a slot that is ready, and a pod.
fn ready() -> Option<(Node, NetNs)> {
    let node = Node::with_agent()?;
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    Some((node, NetNs::new()))
}

/// Has a plugin do something to a pod, and returns what it says.
#[track_caller]
fn call(plugin: &PathBuf, node: &Node, pod: &NetNs, what: &str, config: &Value) -> Value {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &node.ns.name]).arg(plugin);
    command.env("CNI_COMMAND", what).env("CNI_CONTAINERID", "pod").env("CNI_IFNAME", "net1");
    command.env("CNI_NETNS", format!("/run/netns/{}", pod.name)).env("CNI_PATH", plugin.parent().unwrap());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    write!(child.stdin.take().unwrap(), "{config}").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {said}");
    serde_json::from_str(&said).unwrap_or_default()
}

/// A configuration with what the plugin said before.
fn with_result(config: &Value, result: Value) -> Value {
    let mut config = config.clone();
    config["prevResult"] = result;
    config
}

#[test]
fn a_macvlan_by_its_plugin_stands_on_the_alternative_name_and_holds_up_the_release() {
    let Some(plugin) = plugin(&MACVLAN) else { return };
    let Some((node, pod)) = ready() else { return };
    let config = json!({
        "cniVersion": "1.0.0", "name": "n", "type": "macvlan", "master": "eth2", "mode": "bridge", "ipam": {},
    });
    let result = call(&plugin, &node, &pod, "ADD", &config);
    call(&plugin, &node, &pod, "CHECK", &with_result(&config, result));
    node.release("a");
    node.until_said("a", ConditionType::Released, "False", "InUse");
    assert!(node.is_up("ens6", 9001));
    call(&plugin, &node, &pod, "DEL", &config);
    node.until_said("a", ConditionType::Released, "True", "Released");
}

#[test]
fn a_link_that_its_plugin_takes_by_the_alternative_name_comes_back_and_is_set_up_again() {
    let Some(plugin) = plugin(&HOST_DEVICE) else { return };
    let Some((node, pod)) = ready() else { return };
    let config = json!({ "cniVersion": "1.0.0", "name": "n", "type": "host-device", "device": "eth2" });
    let result = call(&plugin, &node, &pod, "ADD", &config);
    node.until_said("a", ConditionType::LinkReady, "True", "InPod");
    call(&plugin, &node, &pod, "CHECK", &with_result(&config, result));
    pod.ip("link set net1 mtu 1400");
    call(&plugin, &node, &pod, "DEL", &config);
    node.until_ready("a");
    assert!(node.is_up("ens6", 9001) && node.answers("ens6", "eth2"));
}
