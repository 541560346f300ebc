//! Power cuts: what was bound is not any more, and what was written down says of another start of the machine.

use xtask::vm::{Vm, VmOptions, state};

use super::{FLAGS, node, with_vfio};
use crate::vm::Machine;

#[test]
fn after_a_power_cut_a_device_is_bound_anew_wherever_it_is_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let machine = || VmOptions { state: Some(state::empty(folder.path()).unwrap()), ..with_vfio() };
    let Some(mut node) = node(machine) else { return };
    let again = VmOptions { state: Some(folder.path().join("state.img")), ..with_vfio() };
    let mac = node.want("one", 1, "vfio-pci");
    node.vm.plug(0, &mac.to_string()).unwrap();
    node.until_bound("one");
    let first = node.place("one");
    assert!(node.says_file("/var/state/journal.json", &mac.to_string()));
    // In another place, as after a stop and a start of an instance.
    reboot(&mut node, &again);
    assert!(node.says_file("/var/state/journal.json", &mac.to_string()) || node.place("one") == first);
    node.vm.plug(3, &mac.to_string()).unwrap();
    node.until("the device to be bound", |node| node.place("one") != first);
    node.until_bound("one");
    let place = node.place("one");
    node.use_device(&place);
    // And one that goes while nobody can say so.
    node.vm.cut_power().unwrap();
    node.release("one");
    start(&mut node, &again);
    node.vm.plug(0, &mac.to_string()).unwrap();
    node.until_released("one");
    node.until("the link to be there", |node| node.link_of(mac).is_some());
    node.is_back(&first, mac);
    assert_eq!(node.vm.complaints(), Vec::<String>::new());
}

fn reboot(node: &mut Machine, options: &VmOptions) {
    node.vm.cut_power().unwrap();
    start(node, options);
}

fn start(node: &mut Machine, options: &VmOptions) {
    let agent = xtask::vm::agent().unwrap();
    node.vm = Vm::node_with(&node.cluster.testbed, &agent, "node-a", FLAGS, options.clone()).unwrap();
    super::start_kubelet(node);
}
