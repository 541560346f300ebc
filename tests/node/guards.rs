//! Links that the node lives by, which nobody may touch.

use std::sync::atomic::Ordering;

use eni_operator::api::ConditionType;

use crate::agent::{Node, mac};
use crate::slots::attached;

const LINK_READY: ConditionType = ConditionType::LinkReady;

/// A node whose device has addresses and is up, as the node's own would be.
fn node() -> Option<Node> {
    let node = Node::new()?;
    node.plug("ens5", 5);
    node.ns.ip("addr add 192.0.2.10/24 dev ens5");
    node.ns.ip("addr add 2001:db8::10/64 dev ens5 nodad");
    node.ns.ip("link set ens5 up");
    Some(node)
}

/// That a link is not touched, for this reason, neither when it is wanted nor when it has to go.
#[track_caller]
fn kept(node: &mut Node, reason: &str) {
    let before = node.ns.show("ens5");
    node.want("a", 5, "eth2", Some(1300));
    node.start();
    node.until_said("a", LINK_READY, "False", reason);
    node.release("a");
    node.until_said("a", ConditionType::Released, "False", reason);
    node.stays("it is touched", |node| node.ns.show("ens5") == before);
}

#[test]
fn the_link_of_a_default_route_is_never_touched_whatever_form_the_route_has() {
    for routes in [
        &["route add default via 192.0.2.1"][..],
        &["-6 route add default via 2001:db8::1"],
        &[
            "link add other type veth peer name rehto",
            "link set other up",
            "route add default nexthop dev other nexthop via 192.0.2.1",
        ],
        &["nexthop add id 7 via 192.0.2.1 dev ens5", "route add default nhid 7"],
        &["nexthop add id 7 via 192.0.2.1 dev ens5", "nexthop add id 8 group 7", "route add default nhid 8"],
    ] {
        let Some(mut node) = node() else { return };
        for route in routes {
            node.ns.ip(route);
        }
        println!("{routes:?}");
        kept(&mut node, "DefaultRoute");
    }
}

#[test]
fn a_second_default_route_of_a_higher_metric_or_another_table_is_no_reason() {
    let Some(mut node) = node() else { return };
    node.ns.ip("link add own type veth peer name nwo");
    node.ns.ip("link set own up");
    node.ns.ip("route add default dev own metric 100");
    node.ns.ip("route add default via 192.0.2.1 metric 613");
    node.ns.ip("route add default via 192.0.2.1 table 10001");
    node.want("a", 5, "eth2", None);
    node.start();
    node.until_ready("a");
}

#[test]
fn the_link_with_the_nodes_address_is_never_touched() {
    let Some(mut node) = node() else { return };
    node.settings.node_addresses = ["2001:db8::10".parse().unwrap()].into();
    kept(&mut node, "NodeAddress");
}

#[test]
fn the_interface_that_the_flag_names_is_never_touched() {
    let Some(mut node) = node() else { return };
    node.settings.hands_off = ["ens5".to_owned()].into();
    kept(&mut node, "PrimaryInterface");
}

#[test]
fn the_first_eni_of_an_instance_is_never_touched() {
    let Some(mut node) = node() else { return };
    node.slots.put("a", |slot| {
        attached(slot, mac(5));
        slot.status.as_mut().unwrap().cloud.as_mut().unwrap().device_index = Some(0);
    });
    let before = node.ns.show("ens5");
    node.start();
    node.until_said("a", LINK_READY, "False", "PrimaryInterface");
    assert_eq!(node.ns.show("ens5"), before);
}

#[test]
fn a_link_that_the_vpc_cni_uses_is_never_touched() {
    let Some(mut node) = node() else { return };
    // The device index is 2, and so the CNI's table 3.
    node.ns.ip("route add default via 192.0.2.1 table 3");
    kept(&mut node, "OwnedByVPCCNI");
}

#[test]
fn a_device_that_takes_the_default_route_is_told_loudly_until_it_is_given_back() {
    let Some(node) = Node::with_agent() else { return };
    node.ns.ip("link add own type veth peer name nwo");
    node.ns.ip("link set own up");
    node.ns.ip("route add default dev own metric 100");
    node.want("a", 6, "eth2", None);
    node.plug("ens6", 6);
    node.until_ready("a");
    // As a DHCP client on the new link would do.
    node.ns.ip("addr add 192.0.2.10/24 dev ens6");
    node.ns.ip("route add default via 192.0.2.1 metric 10");
    node.until_said("a", ConditionType::NodeDisturbed, "True", "DefaultRoute");
    node.until("the event", |node| !node.slots.told.lock().unwrap().is_empty());
    let event = node.slots.told.lock().unwrap()[0].clone();
    assert!(event.warning && event.reason == "DefaultRouteTaken", "{event:?}");
    node.ns.ip("route del default via 192.0.2.1 metric 10");
    node.until_said("a", ConditionType::NodeDisturbed, "False", "AsSpecified");
    node.until_ready("a");
    node.ns.ip("route del default dev own");
    node.until_said("a", ConditionType::NodeDisturbed, "True", "DefaultRouteLost");
}

#[test]
fn name_servers_that_change_with_a_device_are_told() {
    let Some(mut node) = Node::new() else { return };
    std::fs::write(node.resolvers(), "nameserver 192.0.2.53\n").unwrap();
    node.start();
    node.want("a", 6, "eth2", None);
    node.plug("ens6", 6);
    node.until_ready("a");
    std::fs::write(node.resolvers(), "nameserver 198.51.100.53\n").unwrap();
    node.ns.ip("link add wake type veth peer name ekaw");
    node.until_said("a", ConditionType::NodeDisturbed, "True", "ResolversChanged");
}

#[test]
fn networkd_is_told_of_a_device_before_it_is_there_and_no_more_when_it_has_gone() {
    let Some(mut node) = Node::new() else { return };
    std::fs::create_dir(node.networkd()).unwrap();
    node.start();
    node.want("a", 6, "eth2", None);
    let file = node.networkd().join("05-eni-operator-025e17000006.network");
    node.until("the file", |_| file.exists());
    node.plug("ens6", 6);
    node.until_ready("a");
    node.release("a");
    node.until("the file to go", |_| !file.exists());
    // Where the folder is gone the attach goes on all the same.
    std::fs::remove_dir_all(node.networkd()).unwrap();
    node.want("b", 7, "eth3", None);
    node.plug("ens7", 7);
    node.until_ready("b");
}

#[test]
fn an_api_server_that_does_not_answer_holds_up_no_link() {
    let Some(node) = Node::with_agent() else { return };
    node.slots.answers.store(false, Ordering::SeqCst);
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until("the link", |node| node.is_up("ens6", 9001) && node.answers("ens6", "eth2"));
    assert!(node.slots.host("a").is_none());
    node.slots.answers.store(true, Ordering::SeqCst);
    node.until_ready("a");
}
