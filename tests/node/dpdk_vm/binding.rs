//! From a NodeENIAttachment to a device that a program uses, and back to a link with its address.

use super::{DRIVER_BOUND, RELEASED, bound_to, node, with_vfio};
use crate::agent::mac;
use crate::vm::Machine;

/// As many as a big instance has.
const MANY: u8 = 15;

#[test]
fn a_device_is_bound_and_used_and_given_back_whatever_happens_to_it() {
    let Some(mut node) = node(with_vfio) else { return };
    used_and_given_back(&mut node);
    a_device_that_a_program_has_open_is_waited_for(&mut node);
    a_device_that_is_pulled_out_while_bound_is_bound_anew(&mut node);
    a_device_that_is_pulled_out_while_a_program_has_it_keeps_nothing_else_waiting(&mut node);
    a_link_becomes_a_device_for_programs_and_a_link_again(&mut node);
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

fn used_and_given_back(node: &mut Machine) {
    let mac = node.want("one", 1, "vfio-pci");
    node.vm.plug(0, &mac.to_string()).unwrap();
    node.until_bound("one");
    let place = node.place("one");
    assert_eq!(node.driver(&place), "vfio-pci");
    assert_eq!(node.link_of(mac), None);
    node.use_device(&place);
    node.release("one");
    node.until_released("one");
    node.is_back(&place, mac);
    println!("bound in {:?} us, and given back in {:?} us", node.bound_in("one"), node.given_back_in("one"));
    node.vm.pull(0).unwrap();
}

fn a_device_that_a_program_has_open_is_waited_for(node: &mut Machine) {
    let mac = node.want("held", 2, "vfio-pci");
    node.vm.plug(1, &mac.to_string()).unwrap();
    node.until_bound("held");
    let place = node.place("held");
    node.hold(&place);
    node.release("held");
    node.until_said("held", RELEASED, "False", "UnbindBlocked");
    // Nothing else waits for it.
    let other = node.want("beside", 3, "vfio-pci");
    node.vm.plug(2, &other.to_string()).unwrap();
    node.until_bound("beside");
    // Neither does the agent that comes after one that is killed meanwhile.
    node.vm.run("start-agent").unwrap();
    node.release("beside");
    node.until_released("beside");
    node.until_said("held", RELEASED, "False", "UnbindBlocked");
    node.let_go();
    node.until_released("held");
    node.is_back(&place, mac);
    node.vm.pull(1).unwrap();
    node.vm.pull(2).unwrap();
}

fn a_device_that_is_pulled_out_while_bound_is_bound_anew(node: &mut Machine) {
    let mac = node.want("pulled", 4, "vfio-pci");
    node.vm.plug(3, &mac.to_string()).unwrap();
    node.until_bound("pulled");
    node.vm.pull(3).unwrap();
    node.until_said("pulled", DRIVER_BOUND, "False", "LinkNotFound");
    node.vm.plug(4, &mac.to_string()).unwrap();
    node.until_bound("pulled");
    let place = node.place("pulled");
    node.use_device(&place);
    node.vm.pull(4).unwrap();
    node.release("pulled");
    node.until_released("pulled");
}

fn a_device_that_is_pulled_out_while_a_program_has_it_keeps_nothing_else_waiting(node: &mut Machine) {
    let torn = node.want("torn", 6, "vfio-pci");
    let other = node.want("spared", 7, "vfio-pci");
    node.vm.plug(6, &torn.to_string()).unwrap();
    node.vm.plug(7, &other.to_string()).unwrap();
    node.until_bound("torn");
    node.until_bound("spared");
    let place = node.place("torn");
    node.hold(&place);
    node.vm.begin_pull(6).unwrap();
    // It waits for the program, and no other device can be plugged in meanwhile.
    node.until("the kernel to wait for the program", |node| {
        let (_, waits) = node.vm.try_run("cat /proc/[0-9]*/wchan").unwrap();
        waits.contains("vfio_unregister_group_dev")
    });
    node.vm.run("start-agent").unwrap();
    let place = node.place("spared");
    node.release("spared");
    node.until_released("spared");
    node.is_back(&place, other);
    node.let_go();
    node.vm.end_pull(6).unwrap();
    node.until_said("torn", DRIVER_BOUND, "False", "LinkNotFound");
    node.release("torn");
    node.until_released("torn");
    node.vm.pull(7).unwrap();
}

fn a_link_becomes_a_device_for_programs_and_a_link_again(node: &mut Machine) {
    let mac = mac(5);
    node.cluster.put("node-a", "turns", mac, "net5");
    node.vm.plug(5, &mac.to_string()).unwrap();
    node.until_ready("turns");
    node.cluster.set("turns", &bound_to("vfio-pci"));
    node.until_bound("turns");
    let place = node.place("turns");
    node.use_device(&place);
    node.cluster.set("turns", &serde_json::json!({ "dpdk": null }));
    node.until_ready("turns");
    assert!(node.link("net5").contains("mtu 9001 ") && node.link("net5").contains(",UP"));
    node.cluster.set("turns", &bound_to("vfio-pci"));
    node.until_bound("turns");
    node.release("turns");
    node.until_released("turns");
    node.is_back(&place, mac);
}

#[test]
fn as_many_as_an_instance_has_are_bound_at_once_and_given_back() {
    let Some(mut node) = node(with_vfio) else { return };
    let slot = |number: u8| format!("s{number}");
    for number in 0..MANY {
        let mac = node.want(&slot(number), number, "vfio-pci");
        node.vm.plug(number.into(), &mac.to_string()).unwrap();
    }
    for number in 0..MANY {
        node.until_bound(&slot(number));
    }
    let rss = node.vm.run("grep -E 'VmRSS|RssAnon' /proc/$(cat /run/agent)/status").unwrap();
    println!("memory of the agent with {MANY} bound devices: {rss}");
    let times: Vec<_> = (0..MANY).map(|number| node.bound_in(&slot(number))).collect();
    println!("each bound in {times:?} us");
    let places: Vec<String> = (0..MANY).map(|number| node.place(&slot(number))).collect();
    for number in 0..MANY {
        node.release(&slot(number));
    }
    for (number, place) in (0..MANY).zip(places) {
        node.until_released(&slot(number));
        node.is_back(&place, mac(number));
    }
    let times: Vec<_> = (0..MANY).map(|number| node.given_back_in(&slot(number))).collect();
    println!("each given back in {times:?} us");
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}
