//! Hosts and devices that are not as vfio would have them.

use xtask::vm::VmOptions;

use super::{DRIVER_BOUND, node, node_with, programs, with_vfio};
use crate::agent::mac;

#[test]
fn a_group_of_two_is_refused_until_the_kernel_has_let_go_of_the_other() {
    let Some(mut node) = node(with_vfio) else { return };
    let (ours, other) = (node.want("ours", 1, "vfio-pci"), mac(2));
    node.vm.plug_pair(0, [&ours.to_string(), &other.to_string()]).unwrap();
    node.until_said("ours", DRIVER_BOUND, "False", "IOMMUGroupNotViable");
    let link = node.link_of(other).unwrap();
    let neighbour = node.place("ours").replace(".0", ".1");
    let told = node.cluster.told("ours");
    assert!(told.contains(&neighbour) && told.contains("e1000e"), "{told}");
    // The other is nobody's to touch.
    assert_eq!(node.driver(&neighbour), "e1000e");
    assert_eq!(node.link_of(other).unwrap(), link);
    node.vm.run(&format!("echo {neighbour} >/sys/bus/pci/drivers/e1000e/unbind")).unwrap();
    node.until_bound("ours");
    let place = node.place("ours");
    node.use_device(&place);
    node.release("ours");
    node.until_released("ours");
    node.is_back(&place, ours);
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

#[test]
fn both_of_a_group_are_bound_and_given_back() {
    let Some(mut node) = node(with_vfio) else { return };
    let (one, two) = (node.want("one", 1, "vfio-pci"), node.want("two", 2, "vfio-pci"));
    node.vm.plug_pair(0, [&one.to_string(), &two.to_string()]).unwrap();
    node.until_bound("one");
    node.until_bound("two");
    let (place, other) = (node.place("one"), node.place("two"));
    assert_eq!(node.group(&place), node.group(&other));
    node.use_device(&place);
    node.use_device(&other);
    for (slot, place, mac) in [("one", place, one), ("two", other, two)] {
        node.release(slot);
        node.until_released(slot);
        node.is_back(&place, mac);
    }
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

#[test]
fn without_an_iommu_a_stock_kernel_is_not_asked_for_vfio_and_uio_is_had() {
    let modules = vec!["vfio_pci", "vfio_iommu_type1", "uio_pci_generic"];
    let machine = || VmOptions { modules, files: programs(), ..VmOptions::default() };
    let Some(mut node) = node_with("--allow-unsafe-no-iommu", machine) else { return };
    let mac = node.want("safe", 1, "vfio-pci");
    node.vm.plug(0, &mac.to_string()).unwrap();
    node.until_said("safe", DRIVER_BOUND, "False", "NoIOMMUNotAllowed");
    node.cluster.set(
        "safe",
        &serde_json::json!({ "dpdk": { "enabled": true, "driver": "vfio-pci", "allowUnsafeNoIommu": true } }),
    );
    node.until_said("safe", DRIVER_BOUND, "False", "NoIOMMUUnsupported");
    assert!(node.link_of(mac).is_some());
    let uio = node.want("uio", 2, "uio_pci_generic");
    node.vm.plug(1, &uio.to_string()).unwrap();
    node.until_bound("uio");
    let place = node.place("uio");
    assert_eq!(node.driver(&place), "uio_pci_generic");
    node.vm.run("ls /dev/uio0").unwrap();
    node.release("uio");
    node.until_released("uio");
    node.is_back(&place, uio);
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

#[test]
fn a_locked_kernel_binds_devices_all_the_same() {
    let locked = || VmOptions { words: vec!["lockdown=integrity"], ..with_vfio() };
    let Some(mut node) = node(locked) else { return };
    let mac = node.want("one", 1, "vfio-pci");
    node.vm.plug(0, &mac.to_string()).unwrap();
    node.until_bound("one");
    let told = node.cluster.told("one");
    assert!(told.contains("integrity"), "{told}");
    let place = node.place("one");
    node.use_device(&place);
    node.release("one");
    node.until_released("one");
    node.is_back(&place, mac);
}

#[test]
fn a_driver_that_is_not_loaded_is_named_and_had_once_it_is() {
    let bare = || VmOptions { modules: vec![], ..with_vfio() };
    let Some(mut node) = node(bare) else { return };
    let mac = node.want("one", 1, "vfio-pci");
    node.vm.plug(0, &mac.to_string()).unwrap();
    node.until_said("one", DRIVER_BOUND, "False", "DriverNotLoaded");
    node.vm.run("eni-operator load-modules").unwrap();
    node.until_bound("one");
    let place = node.place("one");
    node.use_device(&place);
}
