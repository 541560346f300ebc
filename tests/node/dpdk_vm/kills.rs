//! An agent that is killed at each of its writes, and the next that ends what it began.

use super::{bound_to, node, with_vfio};
use crate::agent::mac;
use crate::vm::Machine;

/// Moments at which the agent is killed, at least.
const MOMENTS: usize = 50;

/// What is to come of it, when the agent is told to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// From a device that has just come to one for programs.
    Bind,
    /// Likewise, from a link that was ready.
    Turn,
    /// And back.
    Release,
}

#[test]
#[ignore = "ten minutes of an emulated machine, whose serial line has lost part of a command: to be run alone"]
fn an_agent_that_is_killed_at_any_write_is_followed_by_one_that_ends_what_it_began() {
    let Some(mut node) = node(with_vfio) else { return };
    node.vm.run("stop-agent").unwrap();
    let mac = mac(1);
    node.vm.plug(0, &mac.to_string()).unwrap();
    let mut killed = vec![];
    for way in [Way::Bind, Way::Turn, Way::Release] {
        for side in ["before", "after"] {
            let mut moment = 1;
            while let Some(at) = one_kill(&mut node, way, moment, side, killed.len()) {
                killed.push(format!("{way:?} {side} {at}"));
                moment += 1;
            }
        }
    }
    println!("killed at {} moments: {killed:#?}", killed.len());
    assert!(killed.len() >= MOMENTS, "{}", killed.len());
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

/// Kills the agent at one moment of one way, and sees the device bound, used and given back all the same. Says what the
/// moment was; nothing if the way has no such moment.
fn one_kill(node: &mut Machine, way: Way, moment: usize, side: &str, count: usize) -> Option<String> {
    let slot = format!("k{count}-{moment}-{side}-{}", format!("{way:?}").to_lowercase());
    let bound =
        |node: &Machine, slot: &str| node.cluster.says(slot, super::DRIVER_BOUND, "True", "AsSpecified");
    let released = |node: &Machine, slot: &str| node.cluster.says(slot, super::RELEASED, "True", "Released");
    let mut at = None;
    if way == Way::Turn {
        node.cluster.put("node-a", &slot, mac(1), "net1");
        restart(node);
        node.until_ready(&slot);
        node.vm.run("stop-agent").unwrap();
        node.cluster.set(&slot, &bound_to("vfio-pci"));
    } else {
        node.cluster.put_with("node-a", &slot, mac(1), &bound_to("vfio-pci"));
    }
    if way != Way::Release {
        start(node, moment, side);
        at = at_its_moment(node, &slot, bound);
    }
    restart(node);
    node.until_bound(&slot);
    let place = node.place(&slot);
    node.use_device(&place);
    if way == Way::Release {
        node.vm.run("stop-agent").unwrap();
        start(node, moment, side);
        node.release(&slot);
        at = at_its_moment(node, &slot, released);
        restart(node);
    }
    node.release(&slot);
    node.until_released(&slot);
    node.is_back(&place, mac(1));
    node.vm.run("stop-agent").unwrap();
    at
}

/// Waits until the agent was killed, or has done what it was told without coming to that moment.
fn at_its_moment(node: &mut Machine, slot: &str, done: impl Fn(&Machine, &str) -> bool) -> Option<String> {
    node.until("the agent to be killed, or to be done", |node| {
        done(node, slot) || node.says_file("/run/moments", "killed")
    });
    if !node.says_file("/run/moments", "killed") {
        return None;
    }
    let all = node.vm.run("tail -n 2 /run/moments | head -n 1").unwrap();
    Some(all.trim().to_owned())
}

/// Starts an agent that is killed at a moment.
fn start(node: &mut Machine, moment: usize, side: &str) {
    node.vm.run(&format!("rm -f /run/moments; start-agent stop-at {moment} {side} /run/moments")).unwrap();
}

/// Ends what runs, and starts an agent that nobody kills.
fn restart(node: &mut Machine) {
    node.vm.run("rm -f /run/moments; start-agent").unwrap();
}
