//! Letting go of devices, and what is in the way of it.

use std::net::UdpSocket;
use std::time::Duration;

use eni_operator::api::ConditionType;

use crate::agent::Node;
use crate::netns::NetNs;

const RELEASED: ConditionType = ConditionType::Released;

/// A node with a slot that is ready.
fn ready() -> Option<Node> {
    let node = Node::with_agent()?;
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    Some(node)
}

fn message(node: &Node) -> String {
    node.slots.condition("a", RELEASED).map(|said| said.message).unwrap_or_default()
}

#[test]
fn a_device_that_has_to_go_is_down_without_its_names_and_then_released() {
    let Some(node) = ready() else { return };
    node.release("a");
    node.until_said("a", RELEASED, "True", "Released");
    assert!(!node.is_up("ens6", 9001));
    assert!(!node.answers("ens6", "eth2") && !node.answers("ens6", "u-a"));
    assert!(node.slots.says("a", ConditionType::LinkReady, "False", "Released"));
    // What somebody does with it from now on is not undone.
    node.ns.ip("link set ens6 up");
    node.stays("it is set down again", |node| node.is_up("ens6", 9001));
}

#[test]
fn an_object_that_is_deleted_without_release_leaves_the_link_as_it_is() {
    let Some(node) = ready() else { return };
    let before = node.ns.show("ens6");
    let now = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    node.slots.put("a", |slot| {
        slot.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
    });
    node.stays("the link is changed", |node| node.ns.show("ens6") == before);
    node.slots.remove("a");
    node.stays("the link is changed", |node| node.ns.show("ens6") == before);
}

#[test]
fn a_device_in_a_pod_is_in_use_until_it_comes_back() {
    let Some(node) = ready() else { return };
    let pod = NetNs::new();
    node.ns.ip(&format!("link set ens6 netns {}", pod.name));
    node.until_said("a", ConditionType::LinkReady, "True", "InPod");
    node.release("a");
    node.until_said("a", RELEASED, "False", "InUse");
    assert!(message(&node).contains("network namespace"), "{}", message(&node));
    pod.ip(&format!("link set ens6 netns {}", node.ns.name));
    node.until_said("a", RELEASED, "True", "Released");
}

#[test]
fn what_stands_on_a_device_in_any_namespace_keeps_it_and_its_traffic_goes_on() {
    let Some(node) = ready() else { return };
    let (moved, born) = (NetNs::new(), NetNs::new());
    // One is moved into its namespace, which gives that a number here. The other is born there.
    node.ns.ip("link add mv0 link ens6 type macvlan mode bridge");
    node.ns.ip(&format!("link set mv0 netns {}", moved.name));
    node.ns.ip(&format!("link add mv1 link ens6 netns {} type macvlan mode bridge", born.name));
    for (ns, link, address) in [(&moved, "mv0", "192.0.2.2/24"), (&born, "mv1", "192.0.2.3/24")] {
        ns.ip(&format!("addr add {address} dev {link}"));
        ns.ip(&format!("link set {link} up"));
    }
    node.world.ip("addr add 192.0.2.1/24 dev p6");
    node.release("a");
    node.until_said("a", RELEASED, "False", "InUse");
    let listener = node.world.within(|| UdpSocket::bind("192.0.2.1:7").unwrap());
    listener.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let talks = |ns: &NetNs| {
        ns.within(|| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", "192.0.2.1:7").unwrap());
        listener.recv(&mut [0; 8]).is_ok()
    };
    assert!(talks(&moved) && talks(&born), "{}", node.ns.show("ens6"));
    assert!(message(&node).contains("macvlan mv0 in network namespace"), "{}", message(&node));
    assert!(node.answers("ens6", "eth2"));
    moved.ip("link del mv0");
    // The other's namespace has no number here, and its address gives it away.
    node.until("the message to name the other", |node| message(node).contains("that cannot be seen"));
    node.stays("it is released", |node| node.is_up("ens6", 9001));
    assert!(talks(&born));
    born.ip("link del mv1");
    node.until_said("a", RELEASED, "True", "Released");
    assert!(!node.is_up("ens6", 9001));
}

#[test]
fn what_stands_on_a_device_in_its_own_namespace_keeps_it_too() {
    let Some(node) = ready() else { return };
    node.ns.ip("link add mv0 link ens6 type macvlan mode bridge");
    node.release("a");
    node.until_said("a", RELEASED, "False", "InUse");
    assert!(message(&node).contains("macvlan mv0"), "{}", message(&node));
    node.ns.ip("link del mv0");
    node.until_said("a", RELEASED, "True", "Released");
}

#[test]
fn a_member_of_a_bridge_is_never_touched() {
    let Some(node) = ready() else { return };
    node.ns.ip("link add br0 type bridge");
    node.ns.ip("link set ens6 master br0");
    node.until_said("a", ConditionType::LinkReady, "False", "MemberOfAnother");
    let before = node.ns.show("ens6");
    node.release("a");
    node.until_said("a", RELEASED, "False", "MemberOfAnother");
    assert_eq!(node.ns.show("ens6"), before);
    node.ns.ip("link set ens6 nomaster");
    node.until_said("a", RELEASED, "True", "Released");
}

#[test]
fn a_device_that_never_came_is_released() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", None);
    node.release("a");
    node.until_said("a", RELEASED, "True", "Released");
}
