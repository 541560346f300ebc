//! Agents that end at any moment, and those after them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eni_operator::api::ConditionType;
use eni_operator::model::HostError;

use crate::agent::Node;
use crate::netns::NetNs;

/// How often an agent is ended in the middle.
const KILLS: usize = 1_000;

#[test]
fn a_restarted_agent_changes_nothing_that_is_as_it_should_be() {
    let Some(mut node) = Node::new() else { return };
    node.start();
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_ready("a");
    let writes = node.slots.writes.load(Ordering::SeqCst);
    let before = node.ns.show("ens6");
    node.stop();
    assert_eq!(node.ns.show("ens6"), before);
    node.start();
    node.stays("the link or its status is touched", |node| {
        node.ns.show("ens6") == before && node.slots.writes.load(Ordering::SeqCst) == writes
    });
}

#[test]
fn what_has_to_go_while_no_agent_is_there_is_let_go_by_the_next() {
    let Some(mut node) = Node::new() else { return };
    node.start();
    node.want("a", 6, "eth2", Some(9001));
    node.want("b", 7, "eth3", None);
    node.plug("ens6", 6);
    node.plug("ens7", 7);
    node.until_ready("a");
    node.until_ready("b");
    node.stop();
    node.release("a");
    // Its names are others now, and the old one is known to the journal alone.
    node.slots.put("b", |slot| "eth9".clone_into(&mut slot.spec.alt_name));
    node.start();
    node.until_said("a", ConditionType::Released, "True", "Released");
    node.until_ready("b");
    assert!(!node.answers("ens7", "eth3") && node.answers("ens7", "eth9"));
}

#[test]
fn a_device_in_a_pod_whose_namespace_cannot_be_seen_is_in_use_after_a_restart() {
    let Some(mut node) = Node::new() else { return };
    node.start();
    node.want("a", 6, "eth2", None);
    node.plug("ens6", 6);
    node.until_ready("a");
    node.stop();
    let pod = NetNs::new();
    node.ns.ip(&format!("link set ens6 netns {}", pod.name));
    // Of a link with another address nothing tells whose it is, but the device is on the bus, and the
    // journal knows which that is.
    pod.ip("link set ens6 address 02:00:00:00:00:99");
    node.release("a");
    node.start();
    node.until_said("a", ConditionType::Released, "False", "InUse");
    let message = node.slots.condition("a", ConditionType::Released).unwrap().message;
    assert!(message.contains("cannot be seen") && message.contains("0000:00:06.0"), "{message}");
}

#[test]
fn without_a_journal_nothing_is_changed_and_the_reason_is_said() {
    let Some(mut node) = Node::new() else { return };
    let unfinished = node.state().join("journal.json.new");
    std::fs::create_dir_all(&unfinished).unwrap();
    node.start();
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_said("a", ConditionType::LinkReady, "False", "JournalUnwritable");
    assert!(!node.is_up("ens6", 9001));
    std::fs::remove_dir(&unfinished).unwrap();
    node.until_ready("a");
}

#[test]
fn a_change_that_the_kernel_refuses_is_said_in_its_words_and_tried_again() {
    let Some(mut node) = Node::new() else { return };
    let count = Arc::new(AtomicUsize::new(0));
    let refused = count.clone();
    node.fault = Some(Arc::new(move |_| {
        (refused.fetch_add(1, Ordering::SeqCst) < 2).then(|| HostError {
            doing: "setting the link".to_owned(),
            code: Some(16),
            message: "Device or resource busy".to_owned(),
        })
    }));
    node.start();
    node.want("a", 6, "eth2", Some(9001));
    node.plug("ens6", 6);
    node.until_said("a", ConditionType::LinkReady, "False", "KernelRefused");
    let message = node.slots.condition("a", ConditionType::LinkReady).unwrap().message;
    assert!(message.contains("Device or resource busy"), "{message}");
    node.until_ready("a");
}

#[test]
fn an_agent_that_ends_at_any_moment_never_changes_another_link_and_the_next_one_goes_on() {
    let Some(mut node) = Node::new() else { return };
    // Links that are nobody's, some of them much like the slots'.
    node.plug("ens90", 90);
    node.ns.ip("link add eth4 type veth peer name peer4");
    node.ns.ip("link add br0 type bridge");
    node.ns.ip("link set peer4 master br0");
    node.ns.ip("link set eth4 up mtu 1400");
    let others = ["lo", "ens90", "eth4", "peer4", "br0"];
    let shown = |node: &Node| others.map(|name| node.ns.show(name));
    let before = shown(&node);
    for number in 6..10 {
        node.plug(&format!("ens{number}"), number);
        node.want(&format!("s{number}"), number, &format!("net{number}"), Some(1300));
    }
    let begun = Instant::now();
    for kill in 0..KILLS {
        // The longest of them is as long as all that there is to do takes.
        let moment = Duration::from_micros((kill as u64 * 37) % 12_000);
        node.start();
        node.slots.put(&format!("s{}", 6 + kill % 4), |slot| {
            slot.spec.mtu = Some(1300 + i64::try_from(kill % 7).unwrap());
            slot.spec.alt_name = format!("net{}", kill % 5);
            slot.spec.release = kill % 11 == 0;
        });
        std::thread::sleep(moment);
        node.stop();
        if kill % 50 == 0 {
            assert_eq!(shown(&node), before, "after {kill}");
        }
    }
    assert_eq!(shown(&node), before);
    for number in 6..10_u8 {
        node.slots.put(&format!("s{number}"), |slot| {
            slot.spec.release = false;
            slot.spec.mtu = Some(1444);
            slot.spec.alt_name = format!("end{number}");
        });
    }
    node.start();
    for number in 6..10 {
        node.until_ready(&format!("s{number}"));
        let link = format!("ens{number}");
        assert!(node.is_up(&link, 1444) && node.answers(&link, &format!("end{number}")));
        let names = node.ns.ip(&format!("link show dev {link}")).matches("altname").count();
        assert_eq!(names, 2, "names of before are left");
    }
    assert_eq!(shown(&node), before);
    println!("{KILLS} agents in {:?}", begun.elapsed());
}
