//! The whole of it for programs that drive devices by themselves: a manifest that kubectl applies becomes devices on
//! vfio-pci that a real kubelet offers, and its deletion takes them back. The kernel and its IOMMU, kubelet, the agent,
//! the controller, the API server and the AWS SDK are real; EC2 is `ec2-sim`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::vm::{VmOptions, kubelet};

use crate::vm::PATIENCE;
use crate::whole::{Whole, node_eni};

const RESOURCE: &str = "intel.com/dpdk";

/// A `NodeENI` whose devices are bound.
fn bound(subnets: &[&str], index: u32) -> Value {
    let mut object = node_eni("dpdk", subnets, index);
    object["spec"]["enableDPDK"] = json!(true);
    object["spec"]["dpdkResourceName"] = json!(RESOURCE);
    object
}

impl Whole {
    fn with_kubelet() -> Option<Self> {
        if !xtask::parts::has(kubelet::obtainable()).unwrap() {
            return None;
        }
        let mut whole = Self::with("--bind-devices", |testbed| VmOptions {
            iommu: true,
            modules: vec!["vfio_pci", "vfio_iommu_type1"],
            files: kubelet::files(testbed, "node-a").unwrap(),
            memory: Some(kubelet::MEMORY),
            first: vec!["start-kubelet"],
            ..VmOptions::default()
        })?;
        whole.wait_for_kubelet();
        Some(whole)
    }

    /// Waits until kubelet tells which pods hold devices.
    fn wait_for_kubelet(&mut self) {
        let begun = Instant::now();
        while self.node.vm.try_run("test -S /var/lib/kubelet/pod-resources/kubelet.sock").unwrap().0 != 0 {
            if begun.elapsed() > PATIENCE {
                let told = self.node.vm.run("tail -n 30 /run/kubelet.log /run/containerd.log").unwrap();
                panic!("kubelet does not answer: {told}");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        println!("kubelet answers: after {:?}", begun.elapsed());
    }

    /// How many devices of the resource kubelet says that pods may have, or that there are.
    fn offered(&self, what: &str) -> Value {
        self.get(&["node", "node-a"])["status"][what][RESOURCE].clone()
    }

    /// How many slots' links are ready for this reason.
    fn links_are(&self, reason: &str) -> usize {
        self.slots_with(|_, condition| condition["type"] == "LinkReady" && condition["reason"] == reason)
    }

    /// The drivers of the network devices in the machine's ports.
    fn drivers(&mut self) -> Vec<String> {
        let command = "cd /sys/bus/pci/devices; for d in 0000:0[1-9]:*; do readlink $d/driver; done";
        let told = self.node.vm.run(command).unwrap();
        told.lines().filter_map(|line| line.rsplit('/').next()).map(str::to_owned).collect()
    }

    /// What the `NodeENI` says of its devices to users of the reference system's fields.
    fn told(&self) -> Vec<Value> {
        let object = self.get(&["neni", "dpdk"]);
        object["status"]["attachments"].as_array().cloned().unwrap_or_default()
    }
}

#[test]
fn a_manifest_becomes_devices_that_kubelet_offers_and_its_deletion_takes_them_back() {
    let Some(mut whole) = Whole::with_kubelet() else { return };
    whole.apply(&bound(&["one", "two"], 2));
    whole.until("two devices to be ready", |whole| whole.ready("dpdk") == 2);
    whole.until("kubelet to offer them", |whole| whole.offered("allocatable") == "2");
    assert_eq!(whole.drivers(), ["vfio-pci", "vfio-pci"]);
    for one in whole.told() {
        assert_eq!(
            (&one["dpdkBound"], &one["dpdkDriver"], &one["dpdkResourceName"]),
            (&json!(true), &json!("vfio-pci"), &json!(RESOURCE)),
            "{one}"
        );
        assert!(one["dpdkPCIAddress"].as_str().unwrap().ends_with(":00.0"), "{one}");
    }
    // A third joins the pool, and the others stay.
    whole.apply(&bound(&["one", "two", "three"], 2));
    whole.until("a third device", |whole| whole.offered("allocatable") == "3");
    // Links again, and devices once more, on a running node.
    let mut kernel = bound(&["one", "two", "three"], 2);
    kernel["spec"]["enableDPDK"] = json!(false);
    kernel["spec"].as_object_mut().unwrap().remove("dpdkResourceName");
    whole.apply(&kernel);
    whole.until("links again", |whole| {
        whole.offered("allocatable") == "0" && whole.links_are("AsSpecified") == 3
    });
    assert!(whole.node.link("net2").contains("mtu 9001 "), "{}", whole.node.link("net2"));
    whole.apply(&bound(&["one", "two", "three"], 2));
    whole.until("devices again", |whole| whole.offered("allocatable") == "3" && whole.ready("dpdk") == 3);
    assert_eq!(whole.links_are("BoundToDPDKDriver"), 3);
    whole.kubectl.run(&["delete", "neni", "dpdk", "--wait=false"]).unwrap();
    whole.until("all to be gone", |whole| whole.get(&["neni", "dpdk"]).is_null() && whole.enis() == 0);
    whole.until("kubelet to offer none", |whole| whole.offered("allocatable") == "0");
    assert_eq!(whole.node.vm.complaints(), Vec::<String>::new());
}
