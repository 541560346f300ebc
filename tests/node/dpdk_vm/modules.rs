//! `load-modules`, in a machine whose kernel has nothing of vfio loaded.

use xtask::vm::{Vm, VmOptions};

use crate::turns::Turn;

/// The program with nothing but one capability.
const ALONE: &str =
    "/bin/setpriv --bounding-set -all,+sys_module --inh-caps -all,+sys_module eni-operator load-modules";

#[test]
fn modules_are_loaded_with_what_they_need_by_one_capability_and_refusals_say_why() {
    if !xtask::parts::has(xtask::vm::obtainable()).unwrap() {
        return;
    }
    let files = vec![
        (xtask::vm::agent().unwrap(), "bin/eni-operator".to_owned()),
        (xtask::process::on_path("setpriv").unwrap(), "bin/setpriv".to_owned()),
    ];
    let _turn = Turn::take();
    let mut vm = Vm::start(&VmOptions { files, iommu: true, ..VmOptions::default() }).unwrap();
    let without = ALONE.replace("+sys_module", "+net_admin");
    let (code, said) = vm.try_run(&without).unwrap();
    assert!(code != 0 && said.contains("CAP_SYS_MODULE"), "{code}: {said}");
    let said = vm.run(ALONE).unwrap();
    vm.run("ls -d /sys/bus/pci/drivers/vfio-pci /sys/module/vfio_iommu_type1 /dev/vfio/vfio").unwrap();
    // Who comes second has nothing to do.
    let again = vm.run(ALONE).unwrap();
    assert!(again.contains("loaded\":0") || again.contains("loaded=0"), "{said}{again}");
    vm.run(&format!("{ALONE} --modules=uio_pci_generic,e1000e")).unwrap();
    vm.run("ls -d /sys/bus/pci/drivers/uio_pci_generic").unwrap();
    let (code, said) = vm.try_run(&format!("{ALONE} --modules=igb_uio")).unwrap();
    assert!(code != 0 && said.contains("no module igb_uio") && said.contains("install"), "{said}");
    // A file that is no module of this kernel, and a folder of another.
    vm.run("F=$(grep -o '^.*/qrtr.ko' /lib/modules/*/modules.dep | head -n 1); D=$(dirname /lib/modules/*/modules.dep); mkdir -p $D/$(dirname $F); echo no module >$D/$F").unwrap();
    let (code, said) = vm.try_run(&format!("{ALONE} --modules=qrtr")).unwrap();
    assert!(code != 0 && said.contains("is no module"), "{said}");
    let (code, said) = vm.try_run(&format!("{ALONE} --lib-modules-dir=/run")).unwrap();
    assert!(code != 0 && said.contains("--lib-modules-dir"), "{said}");
    assert_eq!(vm.complaints(), Vec::<String>::new());
}

#[test]
fn a_locked_kernel_takes_modules_that_are_signed_and_says_of_others_why_not() {
    if !xtask::parts::has(xtask::vm::obtainable()).unwrap() {
        return;
    }
    let files = vec![(xtask::vm::agent().unwrap(), "bin/eni-operator".to_owned())];
    let words = vec!["lockdown=integrity"];
    let _turn = Turn::take();
    let mut vm = Vm::start(&VmOptions { files, words, ..VmOptions::default() }).unwrap();
    assert!(vm.run("cat /sys/kernel/security/lockdown").unwrap().contains("[integrity]"));
    vm.run("eni-operator load-modules").unwrap();
    vm.run("ls -d /sys/bus/pci/drivers/vfio-pci").unwrap();
    // The same module without its signature, which stands at its end.
    vm.run("D=$(dirname /lib/modules/*/modules.dep); F=$(find $D -name uio.ko); head -c -64 $F >/run/cut; cat /run/cut >$F").unwrap();
    let (code, said) = vm.try_run("eni-operator load-modules --modules=uio").unwrap();
    assert!(code != 0 && (said.contains("lockdown") || said.contains("signature")), "{said}");
}
