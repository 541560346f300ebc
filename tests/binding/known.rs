//! Cases that have a name: the faults that the reference system is known for, and what a schedule found once.

use eni_operator::api::{ConditionType, DpdkSpec};

use crate::check::check;
use crate::fault::Fault;
use crate::machine::{NATIVE, lock, mac, place};
use crate::node::Node;
use crate::slots::{dpdk, offered, said};

/// A node with so many devices, all bound to vfio-pci and offered.
fn bound(count: u8) -> Node {
    let mut node = Node::new(count);
    for n in 1..=count {
        node.edit(n, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    }
    assert!(node.rest());
    check(&mut node, "bound");
    node
}

fn driver(node: &Node, n: u8) -> Option<String> {
    lock(&node.machine).devices[&place(n)].driver.clone()
}

fn reason(node: &Node, n: u8, type_: ConditionType) -> (String, String) {
    said(&node.slots[&n], type_).map(|(status, reason, _)| (status, reason)).unwrap_or_default()
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

/// Passes with time between them.
fn go_on(node: &mut Node, passes: usize) {
    for _ in 0..passes {
        node.pass(None);
        node.wait(1_000);
    }
}

#[test]
fn all_devices_of_a_node_are_let_go_at_once_and_none_waits_for_another() {
    let mut node = bound(15);
    for n in 1..=15 {
        node.edit(n, "to go", |slot| slot.spec.release = true);
    }
    // One takes them off kubelet's list, and the next gives them back.
    node.pass(None);
    node.pass(None);
    let given_back = (1..=15).filter(|n| driver(&node, *n).as_deref() == Some(NATIVE)).count();
    assert_eq!(given_back, 15, "after two passes");
    check(&mut node, "all to go");
}

#[test]
fn of_devices_that_go_at_once_one_that_a_program_has_open_holds_up_no_other() {
    let mut node = bound(4);
    lock(&node.machine).device(&place(2)).opened = true;
    for n in 1..=4 {
        node.edit(n, "to go", |slot| slot.spec.release = true);
    }
    go_on(&mut node, 3);
    for n in [1, 3, 4] {
        assert!(node.says(n, ConditionType::Released, "True"), "{n}");
    }
    assert_eq!(reason(&node, 2, ConditionType::Released), is("False", "UnbindBlocked"));
    let writes =
        |node: &Node| lock(&node.machine).story.iter().filter(|line| line.contains("Unbind")).count();
    let before = writes(&node);
    go_on(&mut node, 5);
    assert_eq!(writes(&node), before, "nothing is written again while the kernel has not answered");
    check(&mut node, "the program ends");
}

#[test]
fn a_device_that_a_pod_holds_is_not_unbound_and_the_pod_is_named() {
    let mut node = bound(1);
    assert!(node.plugin.clone().give(&node.machine, "packets"));
    node.edit(1, "to go", |slot| slot.spec.release = true);
    go_on(&mut node, 3);
    assert_eq!(driver(&node, 1).as_deref(), Some("vfio-pci"));
    let (status, reason, message) = said(&node.slots[&1], ConditionType::Released).unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("False", "InUse"));
    assert_eq!(message, "pod default/packets holds it as intel.com/fast");
    let unhealthy = lock(&node.machine).offers["intel.com/fast"].iter().all(|offer| !offer.healthy);
    assert!(unhealthy, "nobody else gets it");
    check(&mut node, "the pod ends");
}

#[test]
fn while_kubelet_does_not_say_who_holds_a_device_it_counts_as_held() {
    let mut node = bound(1);
    lock(&node.machine).faults.insert(Fault::KubeletDown);
    node.edit(1, "to go", |slot| slot.spec.release = true);
    go_on(&mut node, 20);
    assert_eq!(driver(&node, 1).as_deref(), Some("vfio-pci"));
    assert_eq!(reason(&node, 1, ConditionType::Released), is("False", "InUse"));
    check(&mut node, "kubelet is back");
}

#[test]
fn a_bind_that_the_driver_refuses_is_undone_said_and_tried_again() {
    let mut node = Node::new(1);
    lock(&node.machine).faults.insert(Fault::BindFails);
    node.edit(1, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    node.pass(None);
    node.pass(None);
    assert_eq!(driver(&node, 1).as_deref(), Some(NATIVE));
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "BindFailed"));
    assert!(lock(&node.machine).offers.values().flatten().next().is_none(), "and it is not offered");
    check(&mut node, "the driver takes it");
}

#[test]
fn why_a_device_was_not_bound_is_not_said_any_more_when_nobody_asks_for_that() {
    let mut node = Node::new(1);
    lock(&node.machine).faults.insert(Fault::BindFails);
    node.edit(1, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    go_on(&mut node, 3);
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "BindFailed"));
    node.edit(1, "a link", |slot| slot.spec.dpdk = None);
    go_on(&mut node, 3);
    assert_eq!(reason(&node, 1, ConditionType::LinkReady), is("True", "AsSpecified"));
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "AsSpecified"));
    check(&mut node, "a link");
}

#[test]
fn a_device_that_no_driver_takes_back_is_said_to_be_so_and_tried_for_again() {
    let mut node = bound(1);
    lock(&node.machine).faults.insert(Fault::NativeFails);
    node.edit(1, "to go", |slot| slot.spec.release = true);
    go_on(&mut node, 5);
    assert_eq!(driver(&node, 1), None);
    assert_eq!(reason(&node, 1, ConditionType::Released), is("False", "RollbackFailed"));
    check(&mut node, "the driver takes it");
}

#[test]
fn devices_of_one_pool_are_all_offered() {
    let node = bound(4);
    let machine = lock(&node.machine);
    let places: Vec<_> = machine.offers["intel.com/fast"].iter().map(|offer| offer.device.clone()).collect();
    assert_eq!(places, (1..=4).map(place).collect::<Vec<_>>());
}

#[test]
fn a_bound_device_is_found_again_by_its_status_when_the_journal_is_lost() {
    for release in [false, true] {
        let mut node = bound(2);
        node.lose_journal();
        if release {
            node.edit(1, "to go", |slot| slot.spec.release = true);
        }
        check(&mut node, "the journal is lost");
    }
}

#[test]
fn what_was_bound_before_a_reboot_is_bound_again_whatever_the_journal_says() {
    let mut node = bound(2);
    node.reboot();
    check(&mut node, "the machine starts anew");
    node.reboot();
    node.edit(1, "DPDK off", |slot| slot.spec.dpdk = None);
    check(&mut node, "and one is a link from now on");
}

#[test]
fn another_device_in_the_place_of_a_bound_one_is_not_touched() {
    let mut node = bound(1);
    node.kill();
    {
        let mut machine = lock(&node.machine);
        machine.devices.clear();
        machine.plug(1, mac(77));
    }
    check(&mut node, "another device");
    node.edit(1, "to go", |slot| slot.spec.release = true);
    check(&mut node, "and the slot goes");
}

#[test]
fn the_place_of_a_device_is_its_hardwares_and_no_other_is_bound_for_it() {
    let mut node = Node::new(2);
    let asked = |place: u8| DpdkSpec {
        pci_address: Some(crate::machine::place(place).to_string()),
        ..dpdk("vfio-pci")
    };
    node.edit(1, "DPDK at the other's place", |slot| slot.spec.dpdk = Some(asked(2)));
    go_on(&mut node, 3);
    for n in [1, 2] {
        assert_eq!(driver(&node, n).as_deref(), Some(NATIVE));
    }
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "PCIAddressMismatch"));
    node.edit(1, "DPDK at its place", |slot| slot.spec.dpdk = Some(asked(1)));
    check(&mut node, "at its place");
}

#[test]
fn vfio_takes_devices_without_an_iommu_only_while_one_needs_it_and_both_allow_it() {
    let mut node = Node::new(1);
    lock(&node.machine).device(&place(1)).iommu = None;
    let unsafe_one = DpdkSpec { allow_unsafe_no_iommu: true, ..dpdk("vfio-pci") };
    node.edit(1, "DPDK", |slot| slot.spec.dpdk = Some(unsafe_one));
    go_on(&mut node, 3);
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "NoIOMMUNotAllowed"));
    assert_eq!(lock(&node.machine).no_iommu, Some(false));
    node.settings.allow_no_iommu = true;
    node.kill();
    check(&mut node, "allowed");
    assert_eq!(lock(&node.machine).no_iommu, Some(true));
    let (_, _, message) = said(&node.slots[&1], ConditionType::DriverBound).unwrap();
    assert!(message.contains("WITHOUT an IOMMU"), "{message}");
    node.edit(1, "to go", |slot| slot.spec.release = true);
    check(&mut node, "to go");
    assert_eq!(lock(&node.machine).no_iommu, Some(false));
}

#[test]
fn members_of_one_group_are_bound_together_and_not_while_the_kernel_uses_one() {
    let mut node = Node::new(2);
    for n in [1, 2] {
        lock(&node.machine).device(&place(n)).iommu = Some(9);
    }
    node.edit(1, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    go_on(&mut node, 3);
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "IOMMUGroupNotViable"));
    assert_eq!(driver(&node, 1).as_deref(), Some(NATIVE));
    node.edit(2, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    check(&mut node, "both");
}

#[test]
fn a_renamed_resource_has_the_device_once_no_pod_holds_it_by_the_old_name() {
    let mut node = bound(1);
    assert!(node.plugin.clone().give(&node.machine, "packets"));
    node.edit(1, "renamed", |slot| {
        slot.spec.dpdk.as_mut().unwrap().resource_name = Some("intel.com/new".to_owned());
    });
    go_on(&mut node, 3);
    assert_eq!(driver(&node, 1).as_deref(), Some("vfio-pci"));
    assert_eq!(reason(&node, 1, ConditionType::Advertised), is("False", "InUse"));
    check(&mut node, "the pod ends");
    assert!(lock(&node.machine).offers.keys().eq(["intel.com/new"]));
}

#[test]
fn a_device_of_the_kernels_in_a_pod_stays_offered_and_ready() {
    let mut node = Node::new(1);
    node.edit(1, "offered", |slot| slot.spec.dpdk = Some(offered()));
    assert!(node.rest());
    assert!(node.plugin.clone().give(&node.machine, "packets"));
    go_on(&mut node, 3);
    assert_eq!(reason(&node, 1, ConditionType::LinkReady), is("True", "InPod"));
    assert_eq!(reason(&node, 1, ConditionType::Advertised), is("True", "Advertised"));
    node.edit(1, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    go_on(&mut node, 3);
    assert_eq!(driver(&node, 1).as_deref(), Some(NATIVE));
    assert_eq!(reason(&node, 1, ConditionType::DriverBound), is("False", "InUse"));
    check(&mut node, "the pod ends");
}

#[test]
fn a_slot_that_vanishes_while_its_device_has_no_driver_leaves_none_behind() {
    let mut node = Node::new(1);
    lock(&node.machine).faults.insert(Fault::BindHangs);
    node.edit(1, "DPDK", |slot| slot.spec.dpdk = Some(dpdk("vfio-pci")));
    go_on(&mut node, 2);
    node.kill();
    lock(&node.machine).device(&place(1)).pending = None;
    assert_eq!(driver(&node, 1), None);
    node.slots.clear();
    node.rest();
    assert_eq!(driver(&node, 1).as_deref(), Some(NATIVE));
    check(&mut node, "no slot");
}
