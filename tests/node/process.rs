//! The agent with a real API server, and the agent as its own process.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use eni_operator::api::ConditionType;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use serde_json::json;
use xtask::process::{Guarded, Output};

use crate::agent::{Node, Slots, mac};
use crate::cluster::{Cluster, Door};
use crate::netns::NetNs;

const LINK_READY: ConditionType = ConditionType::LinkReady;

fn slots_of(cluster: &Cluster, node: &str) -> Slots {
    Slots::OfCluster { kubeconfig: cluster.kubeconfig_of(node), node: node.to_owned() }
}

#[test]
fn from_a_plugged_device_to_a_status_in_the_cluster_and_back_beside_the_controllers_words() {
    let Some(cluster) = Cluster::new() else { return };
    let Some(mut node) = Node::new() else { return };
    let _door = Door::open(&node.ns, &cluster);
    cluster.put("node-a", "mine", mac(6), "eth2");
    cluster.put("node-b", "other", mac(7), "eth3");
    // A device with the address of another node's ENI, which must not be believed to be it.
    node.plug("ens7", 7);
    let before = node.ns.show("ens7");
    node.start_with(slots_of(&cluster, "node-a"), || {});
    node.plug("ens6", 6);
    cluster.until_said("mine", LINK_READY, "True", "AsSpecified");
    assert!(node.is_up("ens6", 9001) && node.answers("ens6", "eth2"));
    let slot = cluster.get("mine");
    assert_eq!(slot.recorded().and_then(|cloud| cloud.eni_id.as_deref()), Some("eni-00000001"));
    let managers = cluster.managers("mine");
    for manager in [eni_operator::api::NODE_AGENT_MANAGER, eni_operator::api::CONTROLLER_MANAGER] {
        assert!(managers.iter().any(|one| one == manager), "{managers:?}");
    }
    // An API server that is away and comes back changes nothing on the node.
    let shown = node.ns.show("ens6");
    cluster.testbed.stop_apiserver().unwrap();
    node.stays("the link is changed", |node| node.ns.show("ens6") == shown);
    node.ns.ip("link set ens6 mtu 1500");
    node.until("drift to be put right", |node| node.is_up("ens6", 9001));
    cluster.testbed.start_apiserver().unwrap();
    cluster.set("mine", &json!({ "mtu": 1400 }));
    cluster.until_said("mine", LINK_READY, "True", "AsSpecified");
    assert!(node.is_up("ens6", 1400));
    // Released, with the very generation that asked for it.
    cluster.set("mine", &json!({ "release": true }));
    cluster.until_said("mine", ConditionType::Released, "True", "Released");
    assert!(!node.is_up("ens6", 1400));
    assert!(cluster.get("other").status.unwrap().host.is_none());
    assert_eq!(node.ns.show("ens7"), before);
}

#[test]
fn at_rest_nothing_is_asked_but_a_watch_and_the_loss_of_the_default_route_is_an_event() {
    let Some(cluster) = Cluster::new() else { return };
    let Some(mut node) = Node::new() else { return };
    let _door = Door::open(&node.ns, &cluster);
    node.ns.ip("link add own type veth peer name nwo");
    node.ns.ip("link set own up");
    node.ns.ip("route add default dev own metric 100");
    cluster.put("node-a", "mine", mac(6), "eth2");
    node.start_with(slots_of(&cluster, "node-a"), || {});
    node.plug("ens6", 6);
    cluster.until_said("mine", LINK_READY, "True", "AsSpecified");
    let count = |verbs: &[&str]| {
        let all = cluster.requests();
        let counted = all.iter().filter(|(verb, _)| verbs.contains(&verb.as_str()));
        counted.map(|(_, count)| *count).sum::<f64>()
    };
    let asked = || count(&["GET", "LIST", "APPLY", "PATCH", "PUT", "POST", "DELETE"]);
    // What the test itself asks is not counted: it is done before.
    let before = asked();
    std::thread::sleep(Duration::from_secs(20));
    assert!(asked() - before < 0.5, "{:?}", cluster.requests());
    node.ns.ip("addr add 192.0.2.10/24 dev ens6");
    node.ns.ip("route add default via 192.0.2.1 metric 10");
    cluster.until_said("mine", ConditionType::NodeDisturbed, "True", "DefaultRoute");
    let begun = std::time::Instant::now();
    let event = ("DefaultRouteTaken".to_owned(), "eni-operator-node-agent".to_owned());
    while !cluster.events().contains(&event) {
        assert!(begun.elapsed() < crate::agent::PATIENCE, "{:?}", cluster.events());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn of_all_capabilities_net_admin_is_enough_and_without_it_the_kernels_words_are_told() {
    let Some(cluster) = Cluster::new() else { return };
    let Some(mut node) = Node::new() else { return };
    let _door = Door::open(&node.ns, &cluster);
    let keep = |kept: CapabilitySet| {
        move || {
            let sets =
                CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
            set_capabilities(None, sets).unwrap();
        }
    };
    cluster.put("node-a", "mine", mac(6), "eth2");
    node.start_with(slots_of(&cluster, "node-a"), keep(CapabilitySet::empty()));
    node.plug("ens6", 6);
    cluster.until_said("mine", LINK_READY, "False", "KernelRefused");
    let message = cluster.get("mine").condition(LINK_READY).unwrap().message.clone();
    assert!(message.contains("Operation not permitted"), "{message}");
    node.stop();
    node.start_with(slots_of(&cluster, "node-a"), keep(CapabilitySet::NET_ADMIN));
    cluster.until_said("mine", LINK_READY, "True", "AsSpecified");
    // What stands on it in another namespace is seen with that, too.
    let pod = NetNs::new();
    node.ns.ip("link add mv0 link ens6 type macvlan mode bridge");
    node.ns.ip(&format!("link set mv0 netns {}", pod.name));
    cluster.set("mine", &json!({ "release": true }));
    cluster.until_said("mine", ConditionType::Released, "False", "InUse");
    pod.ip("link del mv0");
    cluster.until_said("mine", ConditionType::Released, "True", "Released");
}

/// How long an agent is left alone to see what it costs.
const REST: Duration = Duration::from_mins(10);

/// The time on the processor of a process in clock ticks, of which there are 100 a second, and its memory.
fn cost(pid: u32) -> (u64, String) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = [11, 12].map(|at| after_name[at].parse::<u64>().unwrap()).iter().sum();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("RssAnon"));
    (
        ticks,
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// The process whose command line names a folder, and that is the agent itself.
fn pid_of(folder: &Path) -> u32 {
    let folder = folder.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter()
        .find(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<String> = line
                .split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            words[0].ends_with("eni-operator") && words.iter().any(|word| word.contains(&folder))
        })
        .unwrap()
}

/// `ENI_AGENT_BINARY` names the agent; a release is what it should be.
#[test]
#[ignore = "ten minutes, to measure: with --ignored --nocapture"]
fn an_agent_at_rest_for_ten_minutes_asks_for_nothing_and_costs_next_to_nothing() {
    let Some(cluster) = Cluster::new() else { return };
    let (ns, folder) = (NetNs::new(), tempfile::tempdir().unwrap());
    let _door = Door::open(&ns, &cluster);
    for number in 0..15 {
        cluster.put("node-a", &format!("s{number}"), mac(number), &format!("eth{number}"));
    }
    let log = folder.path().join("log");
    let mut agent =
        Guarded::spawn("the agent", &command(&ns, &cluster, folder.path(), "0"), &Output::Log(log)).unwrap();
    // After a minute each of them is said to be missing.
    for number in 0..15 {
        let begun = std::time::Instant::now();
        while !cluster.says(&format!("s{number}"), LINK_READY, "False", "LinkNotFound") {
            assert!(begun.elapsed() < Duration::from_mins(3), "{}", cluster.told(&format!("s{number}")));
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let pid = pid_of(folder.path());
    let sums = || {
        let mut sums = std::collections::BTreeMap::<String, f64>::new();
        for (verb, count) in cluster.requests() {
            *sums.entry(verb).or_default() += count;
        }
        sums
    };
    let (before, (ticks, _)) = (sums(), cost(pid));
    std::thread::sleep(REST);
    let (after, (then, memory)) = (sums(), cost(pid));
    println!("requests before {before:?} and after {after:?}");
    println!("{} ms of processor time in {REST:?}; {memory}", (then - ticks) * 10);
    agent.check_alive().unwrap();
    let others = |sums: &std::collections::BTreeMap<String, f64>| {
        sums.iter().filter(|(verb, _)| *verb != "WATCH").map(|(_, count)| *count).sum::<f64>()
    };
    assert!((others(&after) - others(&before)).abs() < 0.5);
    // A thousandth of a core.
    assert!((then - ticks) * 10 < 600);
}

/// The command of an agent as its own process, with nothing but what its pod grants it.
fn command(ns: &NetNs, cluster: &Cluster, folder: &Path, metrics: &str) -> Command {
    let mut command = Command::new("ip");
    let state = folder.join("state").display().to_string();
    let kubeconfig = cluster.kubeconfig_of("node-a").display().to_string();
    command.args(["netns", "exec", &ns.name, "setpriv", "--bounding-set", "-all,+net_admin"]);
    command.args(["--inh-caps", "-all,+net_admin", "--no-new-privs"]);
    let given = std::env::var_os("ENI_AGENT_BINARY");
    command.arg(given.unwrap_or_else(|| env!("CARGO_BIN_EXE_eni-operator").into()));
    command.args(["--log-format", "json", "node-agent", "--node-name", "node-a", "--state-dir", &state]);
    command.args(["--kubeconfig", &kubeconfig, "--metrics-addr", metrics, "--udev-dir", &state]);
    // Devices of this machine are none of the namespace's.
    command.args(["--sysfs-dir", &state]);
    command
}

#[test]
fn the_process_goes_on_without_its_port_hands_over_to_the_next_and_ends_when_told() {
    let Some(cluster) = Cluster::new() else { return };
    let (ns, folder) = (NetNs::new(), tempfile::tempdir().unwrap());
    let _door = Door::open(&ns, &cluster);
    let taken = ns.within(|| std::net::TcpListener::bind("127.0.0.1:19476").unwrap());
    let start = |name: &str, metrics: &str| {
        let log = folder.path().join(format!("{name}.log"));
        let command = command(&ns, &cluster, folder.path(), metrics);
        (Guarded::spawn("the agent", &command, &Output::Log(log.clone())).unwrap(), log)
    };
    let said = |log: &Path, words: &str| {
        let begun = std::time::Instant::now();
        while !std::fs::read_to_string(log).unwrap_or_default().contains(words) {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            assert!(begun.elapsed() < crate::agent::PATIENCE, "waited for {words:?}: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let (mut first, log) = start("first", "127.0.0.1:19476");
    said(&log, "no metrics for now");
    cluster.put("node-a", "one", mac(6), "eth2");
    cluster.set("one", &json!({ "release": true }));
    cluster.until_said("one", ConditionType::Released, "True", "Released");
    let (mut second, second_log) = start("second", "127.0.0.1:19477");
    said(&second_log, "another node agent works on this host");
    cluster.put("node-a", "two", mac(7), "eth3");
    cluster.set("two", &json!({ "release": true }));
    assert!(first.stop(Duration::from_secs(20)).unwrap().success(), "{}", first.last_words());
    cluster.until_said("two", ConditionType::Released, "True", "Released");
    cluster.put("node-a", "three", mac(8), "eth4");
    cluster.set("three", &json!({ "release": true }));
    cluster.until_said("three", ConditionType::Released, "True", "Released");
    let metrics = ns.within(|| {
        let answer = xtask::http::text("GET", "http://127.0.0.1:19477", "/metrics", "text/plain", "");
        answer.unwrap()
    });
    assert!(metrics.contains("eni_operator_agent_slots 3"), "{metrics}");
    assert!(second.stop(Duration::from_secs(20)).unwrap().success(), "{}", second.last_words());
    drop(taken);
}
