//! Devices for programs that drive them by themselves, with a real kernel, its IOMMU, and its vfio: the agent as its
//! static binary in a machine of its own, and a program that uses a device as the first lines of any such do.

mod binding;
mod kills;
mod modules;
mod others;
mod reboot;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eni_operator::api::ConditionType;
use eni_operator::model::MacAddress;
use serde_json::{Value, json};
use xtask::testbed::TestbedOptions;
use xtask::vm::VmOptions;

use crate::vm::{Machine, PATIENCE};

const DRIVER_BOUND: ConditionType = ConditionType::DriverBound;
const RELEASED: ConditionType = ConditionType::Released;

/// The agent's flags.
const FLAGS: &str = "--bind-devices --device-plugin-dir=/tmp --pod-resources-socket=/run/kubelet.sock";

/// The programs that the machine has beside the agent.
fn programs() -> Vec<(PathBuf, String)> {
    let each = ["vfio-user", "stop-at", "idle-kubelet"];
    each.map(|name| (xtask::vm::program(name).unwrap(), format!("bin/{name}"))).to_vec()
}

/// A machine with an IOMMU and the modules of vfio.
fn with_vfio() -> VmOptions {
    let modules = vec!["vfio_pci", "vfio_iommu_type1"];
    VmOptions { iommu: true, modules, files: programs(), ..VmOptions::default() }
}

/// A node of such a machine; none where its parts are not to be had.
fn node(machine: impl FnOnce() -> VmOptions) -> Option<Machine> {
    node_with("", machine)
}

/// Likewise, with further flags of its agent.
fn node_with(flags: &str, machine: impl FnOnce() -> VmOptions) -> Option<Machine> {
    if !xtask::parts::has(xtask::vm::obtainable()).unwrap()
        || !xtask::parts::has(xtask::vm::compilable()).unwrap()
    {
        return None;
    }
    let mut node = Machine::made(&TestbedOptions::default(), &format!("{FLAGS} {flags}"), |_| machine())?;
    start_kubelet(&mut node);
    Some(node)
}

/// Starts what says that no pod has a device. Without it nobody knows, and no device is taken from its driver.
fn start_kubelet(node: &mut Machine) {
    node.vm.run("idle-kubelet /run/kubelet.sock >/dev/null 2>&1 &").unwrap();
}

/// What a slot's spec says when its device is to be bound to a driver.
fn bound_to(driver: &str) -> Value {
    json!({ "dpdk": { "enabled": true, "driver": driver } })
}

impl Machine {
    /// Plugs a device in for a slot that wants it bound to a driver.
    fn want(&mut self, slot: &str, number: u8, driver: &str) -> MacAddress {
        let mac = crate::agent::mac(number);
        let mut spec = bound_to(driver);
        spec["altName"] = format!("net{number}").into();
        self.cluster.put_with("node-a", slot, mac, &spec);
        mac
    }

    #[track_caller]
    fn until_bound(&mut self, slot: &str) {
        self.until_said(slot, DRIVER_BOUND, "True", "AsSpecified");
    }

    /// Has a slot let go of its device.
    fn release(&self, slot: &str) {
        self.cluster.set(slot, &json!({ "release": true }));
    }

    #[track_caller]
    fn until_released(&mut self, slot: &str) {
        self.until_said(slot, RELEASED, "True", "Released");
    }

    /// Where a slot's device is, as the agent says.
    fn place(&self, slot: &str) -> String {
        self.cluster.get(slot).status.unwrap().host.unwrap().pci_address.unwrap()
    }

    /// What a file of a device says.
    fn of_device(&mut self, place: &str, file: &str) -> String {
        self.vm.run(&format!("cat /sys/bus/pci/devices/{place}/{file}")).unwrap().trim().to_owned()
    }

    /// The driver of a device.
    fn driver(&mut self, place: &str) -> String {
        let (_, link) = self.vm.try_run(&format!("readlink /sys/bus/pci/devices/{place}/driver")).unwrap();
        link.trim().rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// The file of a device's IOMMU group.
    fn group(&mut self, place: &str) -> String {
        let link = self.vm.run(&format!("readlink /sys/bus/pci/devices/{place}/iommu_group")).unwrap();
        format!("/dev/vfio/{}", link.trim().rsplit('/').next().unwrap())
    }

    /// Uses a device as a program does, and checks that it is the one.
    #[track_caller]
    fn use_device(&mut self, place: &str) {
        let group = self.group(place);
        let said = self.vm.run(&format!("vfio-user {group} {place}")).unwrap();
        assert!(said.contains("viable: yes") && said.contains("device 8086:10d3"), "{said}");
    }

    /// Starts a program that keeps a device open, and returns when it does.
    fn hold(&mut self, place: &str) {
        let group = self.group(place);
        let hold = format!("vfio-user {group} {place} hold >/run/user.log 2>&1 & echo $! >/run/user");
        self.vm.run(&hold).unwrap();
        self.until("the device to be held", |node| node.says_file("/run/user.log", "held"));
    }

    /// Ends it.
    fn let_go(&mut self) {
        self.vm.run("kill $(cat /run/user)").unwrap();
    }

    /// Microseconds from the answer to a slot's first write to that to its last, when its device was bound.
    fn bound_in(&mut self, slot: &str) -> Option<i64> {
        self.took(slot, &["Override {"], "Bind {")
    }

    /// Likewise, when it was given back.
    fn given_back_in(&mut self, slot: &str) -> Option<i64> {
        self.took(slot, &["Unbind {", "vfio-pci"], "Probe {")
    }

    /// Microseconds between two changes that the log tells of a slot's device.
    fn took(&mut self, slot: &str, from: &[&str], to: &str) -> Option<i64> {
        let log = self.vm.run("cat /run/log").unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let changes = lines.filter_map(|line| {
            let change = line["change"].as_str()?;
            let at: k8s_openapi::jiff::Timestamp = line["timestamp"].as_str()?.parse().ok()?;
            (line["slot"] == slot).then(|| (at.as_microsecond(), change.to_owned()))
        });
        let is_first = |change: &str| from.iter().all(|word| change.contains(word));
        let all: Vec<_> = changes.skip_while(|(_, change)| !is_first(change)).collect();
        let last = all.iter().find(|(_, change)| change.contains(to))?;
        Some(last.0 - all.first()?.0)
    }

    fn says_file(&mut self, file: &str, words: &str) -> bool {
        self.vm.try_run(&format!("grep -qF '{words}' {file}")).unwrap().0 == 0
    }

    /// The line of the link with this address, if there is one.
    fn link_of(&mut self, mac: MacAddress) -> Option<String> {
        let all = self.vm.run("ip -o link").unwrap();
        all.lines().find(|line| line.contains(&mac.to_string())).map(str::to_owned)
    }

    /// Checks that a device is its kernel's again, as if it had never been bound.
    #[track_caller]
    fn is_back(&mut self, place: &str, mac: MacAddress) {
        let link = self.link_of(mac).unwrap_or_else(|| panic!("no link has {mac}"));
        assert!(!link.contains("altname"), "{link}");
        assert_eq!(self.driver(place), "e1000e");
        assert_eq!(self.of_device(place, "driver_override"), "(null)");
    }

    /// Waits until something holds in the machine.
    #[track_caller]
    fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            if begun.elapsed() > PATIENCE {
                let told = "tail -n 30 /run/log; ip link; cat /run/user.log /run/moments; ps";
                let (_, told) = self.vm.try_run(told).unwrap();
                panic!("waited for {what}: {told}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
