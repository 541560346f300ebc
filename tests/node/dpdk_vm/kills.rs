//! An agent that is killed at each of its writes, and the next that ends what it began.

use super::{bound_to, node, with_vfio};
use crate::agent::mac;
use crate::vm::Machine;

/// Moments at which the agent is killed, at least.
const MOMENTS: usize = 50;

#[test]
fn an_agent_that_is_killed_at_any_write_is_followed_by_one_that_ends_what_it_began() {
    let Some(mut node) = node(with_vfio) else { return };
    node.vm.run("stop-agent").unwrap();
    node.vm.plug(0, &mac(1).to_string()).unwrap();
    let mut killed = vec![];
    for side in ["before", "after"] {
        for number in 1.. {
            let all = one_device(&mut node, Moment { number, side });
            if all.is_empty() {
                break;
            }
            killed.extend(all);
        }
    }
    println!("killed at {} moments: {killed:#?}", killed.len());
    assert!(killed.len() >= MOMENTS, "{}", killed.len());
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

/// When an agent is killed: before or after the so many-th of its writes.
#[derive(Debug, Clone, Copy)]
struct Moment {
    number: usize,
    side: &'static str,
}

/// Kills the agent at a moment while it binds a device, and another while it gives it back; each time the next agent,
/// too, while it goes on. Sees the device bound, used and given back all the same. Says at which writes they were
/// killed: none if the first had no such moment.
fn one_device(node: &mut Machine, moment: Moment) -> Vec<String> {
    let slot = format!("{}-{}", moment.side, moment.number);
    if moment.number.is_multiple_of(2) {
        was_a_link(node, &slot);
    } else {
        node.cluster.put_with("node-a", &slot, mac(1), &bound_to("vfio-pci"));
    }
    let bound = |node: &Machine| node.cluster.says(&slot, super::DRIVER_BOUND, "True", "AsSpecified");
    let mut killed = two_lives(node, moment, bound);
    restart(node);
    node.until_bound(&slot);
    let place = node.place(&slot);
    node.use_device(&place);
    node.vm.run("stop-agent").unwrap();
    node.release(&slot);
    let released = |node: &Machine| node.cluster.says(&slot, super::RELEASED, "True", "Released");
    killed.extend(two_lives(node, moment, released));
    restart(node);
    node.until_released(&slot);
    node.is_back(&place, mac(1));
    node.vm.run("stop-agent").unwrap();
    killed
}

/// Kills an agent at its moment, and the next at one of its first. Says which writes they were; nothing where the first
/// is done without having come to that moment.
fn two_lives(node: &mut Machine, moment: Moment, done: impl Fn(&Machine) -> bool) -> Vec<String> {
    let Some(first) = one_life(node, moment, &done) else { return vec![] };
    let next = Moment { number: 1 + moment.number % 4, ..moment };
    let second =
        one_life(node, next, &done).map(|at| format!("{} {} after that: {at}", next.side, next.number));
    [format!("{} {}: {first}", moment.side, moment.number)].into_iter().chain(second).collect()
}

/// Starts an agent, and waits until it was killed at its moment, which it says, or has done what it was told.
fn one_life(node: &mut Machine, moment: Moment, done: impl Fn(&Machine) -> bool) -> Option<String> {
    let Moment { number, side } = moment;
    node.vm.run(&format!("rm -f /run/moments; start-agent stop-at {number} {side} /run/moments")).unwrap();
    node.until("the agent to be killed, or to be done", |node| {
        done(node) || node.says_file("/run/moments", "killed")
    });
    if !node.says_file("/run/moments", "killed") {
        return None;
    }
    let all = node.vm.run("tail -n 2 /run/moments | head -n 1").unwrap();
    Some(all.trim().to_owned())
}

/// Makes a slot whose device is to be bound after it was a link that was ready.
fn was_a_link(node: &mut Machine, slot: &str) {
    node.cluster.put("node-a", slot, mac(1), "net1");
    restart(node);
    node.until_ready(slot);
    node.vm.run("stop-agent").unwrap();
    node.cluster.set(slot, &bound_to("vfio-pci"));
}

/// Ends what runs, and starts an agent that nobody kills.
fn restart(node: &mut Machine) {
    node.vm.run("rm -f /run/moments; start-agent").unwrap();
}
