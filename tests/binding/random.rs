//! Random schedules: users, pods, plugs, faults and deaths, in any order.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::check::check;
use crate::fault::Fault;
use crate::machine::{lock, mac, place};
use crate::node::{End, Node};
use crate::rng::Rng;
use crate::slots::{dpdk, offered};

/// How many schedules there are.
const SCHEDULES: usize = 6_500;

/// Something happens.
fn act(node: &mut Node, rng: &mut Rng) {
    let n = u8::try_from(rng.between(1, 3)).unwrap();
    match rng.below(22) {
        0..=3 => edit(node, rng, n),
        4 if node.slots.contains_key(&n) => node.edit(n, "to go", |slot| slot.spec.release = true),
        5 | 6 => {
            let pod = format!("pod-{}", lock(&node.machine).number());
            node.plugin.clone().give(&node.machine, &pod);
        }
        7 => lock(&node.machine).end_pods(),
        8 => open(node, n, true),
        9 => open(node, n, false),
        10..=12 => {
            if let Some(fault) = rng.pick(&Fault::ALL) {
                let mut machine = lock(&node.machine);
                machine.faults.insert(*fault);
                machine.note(&format!("{fault:?}"));
            }
        }
        13 | 14 => {
            let mut machine = lock(&node.machine);
            machine.faults.clear();
            machine.note("no faults");
            machine.answer();
        }
        15 => node.kill(),
        16 if rng.percent(30) => node.reboot(),
        17 if rng.percent(40) => pull(node, n, rng.percent(50)),
        18 if rng.percent(50) => node.edit(n, "paused, or not", |slot| slot.spec.paused = !slot.spec.paused),
        _ => node.wait(i64::try_from(rng.below(12_000)).unwrap()),
    }
}

fn edit(node: &mut Node, rng: &mut Rng, n: u8) {
    let wish = match rng.below(6) {
        0 => None,
        1 => Some(offered()),
        2 => Some(dpdk("uio_pci_generic")),
        3 => Some(dpdk("igb_uio")),
        _ => Some(dpdk("vfio-pci")),
    };
    let name = if rng.percent(30) { "intel.com/other" } else { "intel.com/fast" };
    let what = format!("{:?} as {name}", wish.as_ref().map(|wish| (&wish.driver, wish.enabled)));
    node.edit(n, &what, |slot| {
        slot.spec.dpdk = wish;
        if let Some(dpdk) = &mut slot.spec.dpdk {
            dpdk.resource_name = Some(name.to_owned());
        }
    });
}

fn open(node: &Node, n: u8, opened: bool) {
    let mut machine = lock(&node.machine);
    let place = place(n);
    if machine.devices.contains_key(&place) {
        machine.device(&place).opened = opened;
        machine.note(&format!("a program opens or closes {place}: {opened}"));
        machine.answer();
    }
}

/// Pulls a device out, and perhaps puts another one in its place, which nobody has a slot for.
fn pull(node: &mut Node, n: u8, another: bool) {
    let mut machine = lock(&node.machine);
    if machine.devices.remove(&place(n)).is_none() {
        return;
    }
    machine.note(&format!("{} is pulled out", place(n)));
    let gone = place(n).to_string();
    machine.allotted.holders.retain(|(_, device), _| *device != gone);
    if another {
        let number = u8::try_from(machine.number() % 200).unwrap() + 50;
        machine.plug(n, mac(number));
    }
}

fn schedule(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut node = Node::new(3);
    if rng.percent(20) {
        lock(&node.machine).device(&place(2)).iommu = None;
    }
    for n in 1..=3 {
        if rng.percent(70) {
            edit(&mut node, &mut rng, n);
        }
    }
    for _ in 0..rng.between(5, 25) {
        act(&mut node, &mut rng);
        let fuel = rng.percent(25).then(|| u32::try_from(rng.below(40)).unwrap());
        if let End::Done(Some(within)) = node.pass(fuel)
            && rng.percent(60)
        {
            node.wait(within.clamp(1, 30_000));
        }
    }
    for slot in node.slots.values_mut() {
        slot.spec.paused = false;
    }
    check(&mut node, &format!("SCHEDULES_ONLY={seed}"));
    for n in 1..=3 {
        node.edit(n, "to go", |slot| slot.spec.release = true);
    }
    check(&mut node, &format!("SCHEDULES_ONLY={seed}, and all of it to go"));
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_in_whatever_order_each_device_ends_where_it_was_asked_to() {
    if let Some(seed) = number("SCHEDULES_ONLY") {
        return schedule(seed);
    }
    let count = number("SCHEDULES").unwrap_or(SCHEDULES as u64);
    let first = 1_000_u64;
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let done = &done;
            scope.spawn(move || {
                for seed in (first + part..first + count).step_by(4) {
                    schedule(seed);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    eprintln!("{} schedules from seed {first}", done.into_inner());
}

/// Seeds that found something once.
#[test]
fn what_was_found_once_is_not_found_again() {
    for seed in [1_012, 1_251] {
        schedule(seed);
    }
}
