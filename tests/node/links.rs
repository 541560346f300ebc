//! Links that come, change, and go.

use std::sync::atomic::Ordering;

use eni_operator::api::ConditionType;

use crate::agent::{Node, mac};

const LINK_READY: ConditionType = ConditionType::LinkReady;

#[test]
fn a_device_that_is_plugged_in_is_set_up_and_told_by_one_write() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    assert!(node.is_up("ens6", 9001) && node.answers("ens6", "eth2") && node.answers("ens6", "u-a"));
    let host = node.slots.host("a").unwrap();
    assert_eq!(host.link_name.as_deref(), Some("ens6"));
    assert_eq!((host.alt_name.as_deref(), host.mtu), (Some("eth2"), Some(9001)));
    assert_eq!((host.pci_address.as_deref(), host.driver.as_deref()), (Some("0000:00:06.0"), Some("ena")));
    assert_eq!(host.phase.as_deref(), Some("Ready"));
    node.stays("something is written", |node| node.slots.writes.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_device_that_is_there_before_its_slot_is_left_alone_until_then() {
    let Some(node) = Node::with_agent() else { return };
    node.plug("ens6", 6);
    let before = node.ns.show("ens6");
    node.stays("a device without a slot is changed", |node| node.ns.show("ens6") == before);
    node.want("a", 6, "eth2", None);
    node.until_ready("a");
    assert!(node.is_up("ens6", 1500));
}

#[test]
fn what_stands_on_a_device_and_has_its_address_is_not_taken_for_it() {
    let Some(node) = Node::with_agent() else { return };
    let mac = node.plug("ens6", 6);
    node.ns.ip(&format!("link add macvlan1 link ens6 address {mac} type macvlan"));
    node.ns.ip(&format!("link add eth9 address {mac} type bridge"));
    let [child, bridge] = ["macvlan1", "eth9"].map(|name| node.ns.show(name));
    node.want("a", 6, "eth2", Some(1400));
    node.until_ready("a");
    assert!(node.is_up("ens6", 1400));
    // A lower MTU of what it stands on is the kernel's to hand on.
    assert_eq!(node.ns.show("macvlan1").contains("UP"), child.contains("UP"));
    assert_eq!(node.ns.show("eth9"), bridge);
}

#[test]
fn of_two_devices_with_one_address_none_is_touched() {
    let Some(node) = Node::with_agent() else { return };
    node.plug("ens6", 6);
    let other = mac(6);
    node.ns.ip(&format!("link add ens7 address {other} type veth peer name p7 netns {}", node.world.name));
    let before = ["ens6", "ens7"].map(|name| node.ns.show(name));
    node.want("a", 6, "eth2", Some(9001));
    node.until_said("a", LINK_READY, "False", "AmbiguousInterface");
    assert_eq!(["ens6", "ens7"].map(|name| node.ns.show(name)), before);
    node.ns.ip("link del ens7");
    node.until_ready("a");
}

#[test]
fn a_new_mtu_in_the_spec_reaches_a_running_link() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    node.slots.put("a", |slot| slot.spec.mtu = Some(1300));
    node.until_ready("a");
    assert!(node.is_up("ens6", 1300));
    assert_eq!(node.slots.host("a").unwrap().observed_generation, Some(3));
}

#[test]
fn the_interfaces_own_mtu_goes_before_the_slots_and_that_before_the_default() {
    let Some(mut node) = Node::new() else { return };
    node.settings.default_mtu = Some(1200);
    node.settings.interface_mtus = [("eth3".to_owned(), 1201)].into();
    node.start();
    for (slot, number, alt_name, mtu) in
        [("a", 6, "eth2", Some(1300)), ("b", 7, "eth3", Some(1300)), ("c", 8, "eth4", None)]
    {
        node.plug(&format!("ens{number}"), number);
        node.want(slot, number, alt_name, mtu);
        node.until_ready(slot);
    }
    assert!(node.is_up("ens6", 1300) && node.is_up("ens7", 1201) && node.is_up("ens8", 1200));
}

#[test]
fn an_mtu_that_the_link_does_not_take_is_said_and_the_link_is_up_with_its_own() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9002));
    node.plug("ens6", 6);
    node.until_said("a", LINK_READY, "False", "MTURefused");
    assert!(node.is_up("ens6", 1500));
    node.slots.put("a", |slot| slot.spec.mtu = Some(9001));
    node.until_ready("a");
    assert!(node.is_up("ens6", 9001));
}

#[test]
fn drift_is_put_right_and_one_who_insists_is_named_and_left_alone() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    for change in ["mtu 1500", "down"] {
        node.ns.ip(&format!("link set ens6 {change}"));
        node.until("drift to be put right", |node| node.is_up("ens6", 9001));
    }
    node.ns.ip("link property del dev ens6 altname eth2");
    // Alternative names come and go without an announcement.
    node.ns.ip("link add wake type veth peer name ekaw");
    node.until("the name to be back", |node| node.answers("ens6", "eth2"));
    node.until("somebody to insist", |node| {
        node.ns.ip("link set ens6 mtu 1500");
        node.slots.says("a", LINK_READY, "False", "ConflictingNetworkManager")
    });
    node.stays("the quarrel goes on", |node| node.is_up("ens6", 1500));
}

#[test]
fn a_name_that_another_link_has_is_not_taken_away_and_given_when_it_is_free() {
    let Some(node) = Node::with_agent() else { return };
    node.ns.ip("link add eth2 type veth peer name other");
    let before = node.ns.show("eth2");
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_said("a", LINK_READY, "False", "NameTaken");
    assert!(node.is_up("ens6", 9001) && node.answers("ens6", "u-a"));
    assert_eq!(node.ns.show("eth2"), before);
    node.ns.ip("link set eth2 name eth7");
    node.until_ready("a");
    assert!(node.answers("ens6", "eth2"));
}

#[test]
fn of_two_slots_that_ask_for_one_name_the_older_has_it() {
    let Some(mut node) = Node::new() else { return };
    for (slot, number) in [("old", 7), ("young", 6)] {
        node.plug(&format!("ens{number}"), number);
        node.want(slot, number, "eth2", None);
    }
    node.slots.put("young", |slot| {
        let later = k8s_openapi::jiff::Timestamp::from_second(1).unwrap();
        slot.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(later));
    });
    node.start();
    node.until_ready("old");
    node.until_said("young", LINK_READY, "False", "NameTaken");
    assert!(node.answers("ens7", "eth2") && !node.answers("ens6", "eth2"));
}

#[test]
fn a_link_without_a_carrier_is_up_and_not_ready() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    node.world.ip("link set p6 down");
    node.until_said("a", LINK_READY, "False", "NoCarrier");
    assert!(node.is_up("ens6", 9001));
    node.world.ip("link set p6 up");
    node.until_ready("a");
}

#[test]
fn a_link_waits_for_udev_before_it_is_up_but_not_for_ever() {
    let Some(mut node) = Node::new() else { return };
    std::fs::create_dir_all(node.udev().join("data")).unwrap();
    std::fs::write(node.udev().join("control"), "").unwrap();
    node.start();
    node.want("a", 6, "eth2", Some(9001));
    node.plug("eth5", 6);
    node.stays("it is up before udev has named it", |node| !node.is_up("eth5", 9001));
    node.ns.ip("link set eth5 name ens6");
    let index = node.ns.ip("-o link show dev ens6").split(':').next().unwrap().to_owned();
    std::fs::write(node.udev().join(format!("data/n{index}")), "").unwrap();
    node.until_ready("a");
    assert!(node.is_up("ens6", 9001));
    // Of this one udev never says anything.
    node.want("b", 7, "eth3", Some(9001));
    node.plug("ens7", 7);
    node.until_ready("b");
}

#[test]
fn a_link_that_a_pod_had_is_set_up_again_when_it_comes_back() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    node.ns.ip(&format!("link set ens6 netns {}", node.world.name));
    node.until_said("a", LINK_READY, "True", "InPod");
    assert_eq!(node.slots.host("a").unwrap().phase.as_deref(), Some("InPod"));
    node.world.ip("link set ens6 name net1");
    node.world.ip("link set net1 mtu 1500");
    node.world.ip("link set net1 name ens6");
    node.world.ip(&format!("link set ens6 netns {}", node.ns.name));
    node.until_ready("a");
    assert!(node.is_up("ens6", 9001) && node.answers("ens6", "eth2"));
}

#[test]
fn a_device_that_is_pulled_out_is_said_to_be_gone_and_its_place_may_have_another() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", None);
    node.plug("ens6", 6);
    node.until_ready("a");
    node.pull("ens6", 6);
    node.until_said("a", LINK_READY, "False", "LinkNotFound");
    // The same place on the bus, another device.
    let other = eni_operator::model::MacAddress([2, 0x5e, 0x17, 0, 1, 6]);
    node.devices.plug(other);
    node.ns.ip(&format!("link add ens6 address {other} type veth peer name q6 netns {}", node.world.name));
    let before = node.ns.show("ens6");
    node.stays("a stranger in the same place is changed", |node| node.ns.show("ens6") == before);
}

#[test]
fn a_device_that_does_not_come_holds_up_no_other() {
    let Some(node) = Node::with_agent() else { return };
    for number in 20..40 {
        node.want(&format!("missing{number}"), number, &format!("eth{number}"), None);
    }
    node.want("a", 6, "eth2", Some(9001));
    let begun = std::time::Instant::now();
    node.plug("ens6", 6);
    node.until_ready("a");
    let took = begun.elapsed();
    println!("ready after {took:?}");
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}

#[test]
fn fifteen_devices_at_once_are_each_ready_by_one_write() {
    let Some(node) = Node::with_agent() else { return };
    for number in 10..25 {
        node.want(&format!("s{number}"), number, &format!("eth{number}"), Some(9001));
        node.plug(&format!("ens{number}"), number);
    }
    for number in 10..25 {
        node.until_ready(&format!("s{number}"));
        assert!(node.is_up(&format!("ens{number}"), 9001));
    }
    node.stays("more is written", |node| node.slots.writes.load(Ordering::SeqCst) == 15);
}
