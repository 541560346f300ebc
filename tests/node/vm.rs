//! The agent as its real static binary, in a machine of its own with a real kernel, real devices that are plugged
//! into it while it runs, and a real API server outside.

use std::time::{Duration, Instant};

use eni_operator::api::ConditionType;
use serde_json::json;
use xtask::testbed::{Testbed, TestbedOptions};
use xtask::vm::{Vm, VmOptions};

use crate::agent::mac;
use crate::cluster::Cluster;
use crate::turns::Turn;

/// How long what is wanted may take to be there: the machine is emulated.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

const LINK_READY: ConditionType = ConditionType::LinkReady;
const RELEASED: ConditionType = ConditionType::Released;

/// A node in its machine, and the cluster that it is of.
// The order of the fields is the order in which they go: the turn is given back last.
pub(crate) struct Machine {
    pub(crate) vm: Vm,
    pub(crate) cluster: Cluster,
    _turn: Turn,
}

impl Machine {
    fn new() -> Option<Self> {
        Self::with(&TestbedOptions::default())
    }

    /// With more than an API server.
    pub(crate) fn with(options: &TestbedOptions) -> Option<Self> {
        Self::made(options, "", |_| VmOptions::default())
    }

    /// With more than an API server, with further flags of the agent, and with what else a machine may have.
    pub(crate) fn made(
        options: &TestbedOptions,
        flags: &str,
        machine: impl FnOnce(&Testbed) -> VmOptions,
    ) -> Option<Self> {
        if !xtask::parts::has(xtask::vm::obtainable()).unwrap() {
            return None;
        }
        let turn = Turn::take();
        let cluster = Cluster::with(options)?;
        let agent = xtask::vm::agent().unwrap();
        let machine = machine(&cluster.testbed);
        let mut vm = Vm::node_with(&cluster.testbed, &agent, "node-a", flags, machine).unwrap();
        vm.run("ip -ts -o monitor link >>/run/monitor 2>&1 &").unwrap();
        Some(Self { vm, cluster, _turn: turn })
    }

    /// Waits until a slot has a condition.
    #[track_caller]
    pub(crate) fn until_said(&mut self, slot: &str, type_: ConditionType, status: &str, reason: &str) {
        let begun = Instant::now();
        while !self.cluster.says(slot, type_, status, reason) {
            if begun.elapsed() > PATIENCE {
                let told = self.vm.run("tail -n 20 /run/log; ip link").unwrap();
                panic!("waited for {slot}: {type_:?}={status} {reason}; {}; {told}", self.cluster.told(slot));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub(crate) fn until_ready(&mut self, slot: &str) {
        self.until_said(slot, LINK_READY, "True", "AsSpecified");
    }

    /// The line that `ip` says of a link, by any of its names.
    pub(crate) fn link(&mut self, name: &str) -> String {
        self.vm.run(&format!("ip -o -d link show dev {name}")).unwrap()
    }

    /// Microseconds from the first announcement of each device to the one with which it was up with its MTU.
    fn reactions(&mut self) -> Vec<i64> {
        let text = self.vm.run("cat /run/monitor").unwrap();
        let mut came = std::collections::BTreeMap::new();
        let mut times = vec![];
        for line in text.lines().filter(|line| line.contains("link/ether 02:5e:17")) {
            let at = crate::storm::stamp(line).unwrap();
            let mac = line.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
            let first: &mut Option<i64> = came.entry(mac).or_insert(Some(at));
            if line.contains(",UP")
                && line.contains("mtu 9001 ")
                && let Some(first) = first.take()
            {
                times.push(at - first);
            }
        }
        times.sort_unstable();
        times
    }
}

#[test]
fn devices_that_are_plugged_into_a_machine_become_ready_links_and_go_again() {
    let Some(mut node) = Machine::new() else { return };
    // Without udev the kernel calls all of them `eth` and a number, and one may get another's name.
    for number in 0..15_u8 {
        node.cluster.put("node-a", &format!("s{number}"), mac(number), &format!("net{number}"));
    }
    let begun = Instant::now();
    for number in 0..15_u8 {
        node.vm.plug(number.into(), &mac(number).to_string()).unwrap();
    }
    for number in 0..15_u8 {
        node.until_ready(&format!("s{number}"));
        let link = node.link(&format!("net{number}"));
        assert!(link.contains("mtu 9001 ") && link.contains(&mac(number).to_string()), "{link}");
    }
    let times = node.reactions();
    println!("15 devices ready {:?} after the first was plugged in", begun.elapsed());
    // The emulated driver takes 120 ms of it to set the MTU and open its device.
    println!("from its announcement to up with its MTU: {times:?} us");
    let mut alone = vec![];
    for number in 20..23_u8 {
        node.vm.pull(14).unwrap();
        node.vm.run("echo -n >/run/monitor").unwrap();
        node.cluster.put("node-a", &format!("s{number}"), mac(number), &format!("net{number}"));
        node.vm.plug(14, &mac(number).to_string()).unwrap();
        node.until_ready(&format!("s{number}"));
        alone.extend(node.reactions());
    }
    println!("likewise, plugged in alone: {alone:?} us");
    let rss = node.vm.run("grep -E 'VmRSS|RssAnon' /proc/$(cat /run/agent)/status").unwrap();
    println!("memory of the agent: {rss}");
    an_agent_that_is_killed_is_followed_by_one_that_goes_on(&mut node);
    a_link_in_a_pod_is_in_use(&mut node);
    an_ipvlan_in_a_pod_keeps_its_device(&mut node);
    a_place_that_is_used_again_is_another_device(&mut node);
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

/// Slot 0, whose MTU changes while no agent is there.
fn an_agent_that_is_killed_is_followed_by_one_that_goes_on(node: &mut Machine) {
    node.vm.run("stop-agent").unwrap();
    node.vm.run("ip link set net0 mtu 1500 down").unwrap();
    node.cluster.set("s0", &json!({ "mtu": 9000 }));
    node.vm.run("start-agent").unwrap();
    node.until_ready("s0");
    assert!(node.link("net0").contains("mtu 9000 "));
    // Nothing else was touched: none of the others changed its MTU or went down.
    for number in 1..14 {
        let link = node.link(&format!("net{number}"));
        assert!(link.contains("mtu 9001 ") && link.contains("UP"), "{link}");
    }
}

/// Slot 1, with host-device's moves.
fn a_link_in_a_pod_is_in_use(node: &mut Machine) {
    node.vm.run("unshare -n sleep 1000 & echo $! >/run/pod").unwrap();
    node.vm.run("sleep 1; ip link set net1 netns $(cat /run/pod)").unwrap();
    node.until_said("s1", LINK_READY, "True", "InPod");
    node.cluster.set("s1", &json!({ "release": true }));
    node.until_said("s1", RELEASED, "False", "InUse");
    node.vm.run("nsenter -t $(cat /run/pod) -n /usr/sbin/ip link set net1 netns 1").unwrap();
    node.until_said("s1", RELEASED, "True", "Released");
    node.vm.pull(1).unwrap();
}

/// Slot 2, with an ipvlan that goes with its pod.
fn an_ipvlan_in_a_pod_keeps_its_device(node: &mut Machine) {
    node.vm.run("ip link add iv0 link net2 type ipvlan").unwrap();
    node.vm.run("ip link set iv0 netns $(cat /run/pod)").unwrap();
    node.vm.run("nsenter -t $(cat /run/pod) -n /usr/sbin/ip link set iv0 up").unwrap();
    node.cluster.set("s2", &json!({ "release": true }));
    node.until_said("s2", RELEASED, "False", "InUse");
    let told = node.cluster.told("s2");
    assert!(told.contains("ipvlan iv0 in network namespace"), "{told}");
    assert!(node.link("net2").contains("mtu 9001 "));
    node.vm.run("kill $(cat /run/pod)").unwrap();
    node.until_said("s2", RELEASED, "True", "Released");
    node.vm.pull(2).unwrap();
}

/// Slot 3, whose device is pulled out from under it, and another that is plugged into the same place.
fn a_place_that_is_used_again_is_another_device(node: &mut Machine) {
    node.vm.pull(3).unwrap();
    node.until_said("s3", LINK_READY, "False", "LinkNotFound");
    let stranger = mac(100);
    node.vm.plug(3, &stranger.to_string()).unwrap();
    let begun = Instant::now();
    let shown = loop {
        let all = node.vm.run("ip -o link").unwrap();
        if let Some(line) = all.lines().find(|line| line.contains(&stranger.to_string())) {
            break line.to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "{all}");
    };
    std::thread::sleep(Duration::from_secs(1));
    let all = node.vm.run("ip -o link").unwrap();
    assert!(all.contains(&shown) && shown.contains("mtu 1500 ") && !shown.contains(",UP"), "{shown}: {all}");
    node.cluster.put("node-a", "late", stranger, "net77");
    node.until_ready("late");
}
