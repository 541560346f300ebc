//! Each change of a device, with each fault, and an agent that dies at each of its steps.

use std::sync::atomic::{AtomicUsize, Ordering};

use eni_operator::api::ConditionType;

use crate::check::check;
use crate::fault::Fault;
use crate::machine::{lock, place};
use crate::node::{End, Node};
use crate::slots::{dpdk, offered};

/// What is asked for, from where.
#[derive(Debug, Clone, Copy)]
enum Change {
    Bind(&'static str),
    BindWithoutIommu,
    FromKernelOffer,
    Switch,
    Off,
    ToKernelOffer,
    Rename,
    Release,
    ReleaseWithoutIommu,
    ReleaseKernelOffer,
}

const ALL: [Change; 12] = [
    Change::Bind("vfio-pci"),
    Change::Bind("igb_uio"),
    Change::Bind("uio_pci_generic"),
    Change::BindWithoutIommu,
    Change::FromKernelOffer,
    Change::Switch,
    Change::Off,
    Change::ToKernelOffer,
    Change::Rename,
    Change::Release,
    Change::ReleaseWithoutIommu,
    Change::ReleaseKernelOffer,
];

/// A node that is about to be changed so.
fn before(change: Change) -> Node {
    let mut node = Node::new(1);
    let was = match change {
        Change::Bind(_) | Change::BindWithoutIommu => None,
        Change::FromKernelOffer | Change::ReleaseKernelOffer => Some(offered()),
        Change::ReleaseWithoutIommu => Some(without_iommu(&mut node)),
        Change::Switch | Change::Off | Change::ToKernelOffer | Change::Rename | Change::Release => {
            Some(dpdk("vfio-pci"))
        }
    };
    node.edit(1, "before", |slot| slot.spec.dpdk = was);
    assert!(node.rest(), "{}", lock(&node.machine).story.join("\n"));
    node
}

fn without_iommu(node: &mut Node) -> eni_operator::api::DpdkSpec {
    lock(&node.machine).device(&place(1)).iommu = None;
    node.settings.allow_no_iommu = true;
    eni_operator::api::DpdkSpec { allow_unsafe_no_iommu: true, ..dpdk("vfio-pci") }
}

fn ask(node: &mut Node, change: Change) {
    let unsafe_one = matches!(change, Change::BindWithoutIommu).then(|| without_iommu(node));
    if unsafe_one.is_some() {
        node.kill();
    }
    node.edit(1, &format!("{change:?}"), |slot| match change {
        Change::Bind(driver) => slot.spec.dpdk = Some(dpdk(driver)),
        Change::BindWithoutIommu => slot.spec.dpdk = unsafe_one,
        Change::FromKernelOffer => slot.spec.dpdk = Some(dpdk("vfio-pci")),
        Change::Switch => slot.spec.dpdk = Some(dpdk("uio_pci_generic")),
        Change::Off => slot.spec.dpdk = None,
        Change::ToKernelOffer => slot.spec.dpdk = Some(offered()),
        Change::Rename => {
            slot.spec.dpdk.as_mut().unwrap().resource_name = Some("intel.com/renamed".to_owned());
        }
        Change::Release | Change::ReleaseWithoutIommu | Change::ReleaseKernelOffer => {
            slot.spec.release = true;
        }
    });
}

/// More steps than an agent takes in these schedules until it is done.
const STEPS: u32 = 200;

/// When something is to happen.
#[derive(Debug, Clone, Copy)]
enum When {
    /// The fault is there from the start, and nobody dies.
    Start,
    /// The fault is there from the start, and the agent dies at this step.
    Dies(u32),
    /// The fault begins at this step.
    Begins(u32),
}

/// One schedule. Says whether it came to what was to happen at a step.
fn schedule(change: Change, fault: Option<Fault>, when: When) -> bool {
    let what = format!("{change:?}, {fault:?}, {when:?}");
    let mut node = before(change);
    match (when, fault) {
        (When::Begins(step), Some(fault)) => lock(&node.machine).begins = Some((step, fault)),
        _ => lock(&node.machine).faults.extend(fault),
    }
    ask(&mut node, change);
    let fuel = if let When::Dies(step) = when { Some(step) } else { None };
    let died = node.pass(fuel) == End::Died;
    for _ in 0..8 {
        let end = node.pass(None);
        let wait = if let End::Done(Some(within)) = end { within.clamp(1, 11_000) } else { 3_000 };
        node.wait(wait);
    }
    let begun = matches!(when, When::Begins(_)) && lock(&node.machine).begins.is_none();
    told(&node, fault, &what);
    check(&mut node, &what);
    died || begun
}

/// All schedules of a change with a fault.
fn schedules(change: Change, fault: Option<Fault>) -> usize {
    schedule(change, fault, When::Start);
    let deaths = (0..STEPS).take_while(|step| schedule(change, fault, When::Dies(*step))).count();
    // One that begins in a later pass than the last begins in none.
    let begins = |step: &u32| fault.is_some() && schedule(change, fault, When::Begins(*step));
    let begun = (0..STEPS).take_while(begins).count();
    1 + deaths + begun
}

/// A device without a driver is not forgotten, even while the fault lasts: something is said.
fn told(node: &Node, fault: Option<Fault>, what: &str) {
    let machine = lock(&node.machine);
    let driverless = machine.devices[&place(1)].driver.is_none();
    let mute = matches!(fault, Some(Fault::StatusLost | Fault::Blind));
    let says =
        node.says(1, ConditionType::LinkReady, "False") || node.says(1, ConditionType::Released, "False");
    let story = machine.story.join("\n");
    assert!(!driverless || mute || says, "{what}: without a driver, and nothing is said\n{story}");
}

#[test]
fn every_change_with_every_fault_and_a_death_at_every_step_ends_where_it_was_asked_to() {
    let count = AtomicUsize::new(0);
    let faults = || std::iter::once(None).chain(Fault::ALL.map(Some));
    std::thread::scope(|scope| {
        for part in 0..4 {
            let count = &count;
            scope.spawn(move || {
                let all = ALL.iter().flat_map(|change| faults().map(move |fault| (*change, fault)));
                for (change, fault) in all.skip(part).step_by(4) {
                    count.fetch_add(schedules(change, fault), Ordering::Relaxed);
                }
            });
        }
    });
    let count = count.into_inner();
    eprintln!("{count} schedules");
    assert!(count >= 4_000, "{count} schedules are fewer than there were");
}
