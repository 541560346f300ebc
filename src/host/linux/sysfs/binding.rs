//! What is to be known of a device before its driver is changed, and after.

use std::path::{Path, PathBuf};

use super::{entries, line, name, target};
use crate::model::{Binding, DeviceChange, Function, GroupMember, IommuGroup, PciAddress};

/// What `driver_override` says when any driver may have the device.
pub(crate) const NO_OVERRIDE: &str = "(null)";

/// Name of groups that vfio makes on a host without an IOMMU.
const NO_IOMMU: &str = "vfio-noiommu";

/// The driver that hands devices to programs by their groups.
const VFIO: &str = "vfio-pci";

/// What is to be known of a function with this driver, but for who alone may take it.
pub(super) fn of(function: &Path, dev: &Path, driver: Option<&str>) -> Binding {
    let ids = line(&function.join("vendor")).zip(line(&function.join("device")));
    let (group, uio) = (group(&function.join("iommu_group")), uio(function));
    let node = match (driver, uio, &group) {
        (_, Some(number), _) => Some(dev.join(format!("uio{number}"))),
        (Some(VFIO), None, Some(group)) => Some(vfio_node(dev, group)),
        _ => None,
    };
    Binding {
        driver_override: None,
        ids,
        group,
        // -1 is a host that does not tell.
        numa_node: line(&function.join("numa_node")).and_then(|text| text.parse().ok()),
        uio,
        node_exists: node.is_some_and(|node| is_device(&node)),
        asleep: match line(&function.join("power/runtime_status")).as_deref() {
            Some("suspended") => Some(true),
            Some("active") => Some(false),
            _ => None,
        },
        pending: None,
    }
}

/// The driver that alone may take a device. May take for ever.
pub(crate) fn driver_override(sysfs: &Path, device: &PciAddress) -> Option<String> {
    let file = sysfs.join("bus/pci/devices").join(device.as_str()).join("driver_override");
    line(&file).filter(|text| text != NO_OVERRIDE)
}

/// What holds a device that does not answer though nothing was written about it here: another process's write, one of
/// an agent before this, or the kernel's own work when the device has just come.
///
/// A driver that lets go of a device is no longer its driver while it waits for the last program that has it open; that
/// program's file is still there.
pub(crate) fn locked_by(function: &Function, dev: &Path) -> DeviceChange {
    let device = function.address.clone();
    let open = function.binding.group.as_ref().is_some_and(|group| is_device(&vfio_node(dev, group)));
    let driver = function.driver.clone().or_else(|| open.then(|| VFIO.to_owned()));
    match driver {
        Some(driver) => DeviceChange::Unbind { device, driver },
        None => DeviceChange::Probe { device },
    }
}

fn group(link: &Path) -> Option<IommuGroup> {
    let number = target(link)?.parse().ok()?;
    let no_iommu = line(&link.join("name")).as_deref() == Some(NO_IOMMU);
    let mut members: Vec<GroupMember> =
        entries(&link.join("devices")).iter().filter_map(|one| member(one)).collect();
    members.sort_by(|a, b| a.address.cmp(&b.address));
    Some(IommuGroup { number, no_iommu, members })
}

fn member(path: &Path) -> Option<GroupMember> {
    let address = name(path)?.parse().ok()?;
    // A member that is not there any more is none.
    Some(GroupMember { address, class: line(&path.join("class"))?, driver: target(&path.join("driver")) })
}

/// The file by which a program opens a group.
fn vfio_node(dev: &Path, group: &IommuGroup) -> PathBuf {
    let kind = if group.no_iommu { "noiommu-" } else { "" };
    dev.join("vfio").join(format!("{kind}{}", group.number))
}

fn uio(function: &Path) -> Option<u32> {
    let names = entries(&function.join("uio")).into_iter().filter_map(|path| name(&path));
    names.filter_map(|name| name.strip_prefix("uio")?.parse().ok()).min()
}

fn is_device(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_char_device())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::functions;
    use super::*;

    /// A host in a folder, like the kernel's.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, file: &str, text: &str) {
            let path = self.0.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }

        fn link(&self, at: &str, to: &str) {
            let path = self.0.path().join(at);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(to, path).unwrap();
        }

        fn device(&self, address: &str, class: &str, driver: Option<&str>) {
            let folder = format!("bus/pci/devices/{address}");
            self.put(&format!("{folder}/class"), class);
            self.put(&format!("{folder}/vendor"), "0x1d0f");
            self.put(&format!("{folder}/device"), "0xec20");
            if let Some(driver) = driver {
                self.link(&format!("{folder}/driver"), &format!("../../drivers/{driver}"));
            }
        }

        fn group(&self, number: u32, name: Option<&str>, members: &[&str]) {
            let folder = format!("kernel/iommu_groups/{number}");
            if let Some(name) = name {
                self.put(&format!("{folder}/name"), name);
            }
            for member in members {
                let device = format!("../../../../bus/pci/devices/{member}");
                self.link(&format!("{folder}/devices/{member}"), &device);
                let group = format!("../../../../kernel/iommu_groups/{number}");
                self.link(&format!("bus/pci/devices/{member}/iommu_group"), &group);
            }
        }

        /// The file of a device, as a link to one that is always there.
        fn node(&self, name: &str) {
            self.link(&format!("dev/{name}"), "/dev/null");
        }

        fn binding(&self, address: &str) -> Binding {
            let all = functions(self.0.path(), &self.0.path().join("dev"));
            all.into_iter().find(|one| one.address.as_str() == address).unwrap().binding
        }
    }

    fn told(group: &IommuGroup) -> Vec<String> {
        let each = group.members.iter();
        each.map(|one| format!("{} {} {:?}", one.address, one.class, one.driver.as_deref())).collect()
    }

    #[test]
    fn a_group_has_all_its_members_whatever_they_are() {
        let tree = Tree::new();
        tree.device("0000:00:06.0", "0x020000", Some("vfio-pci"));
        tree.device("0000:00:07.0", "0x010802", Some("nvme"));
        tree.device("0000:00:01.0", "0x060400", None);
        tree.group(7, None, &["0000:00:07.0", "0000:00:06.0", "0000:00:01.0"]);
        let group = tree.binding("0000:00:06.0").group.unwrap();
        assert_eq!((group.number, group.no_iommu), (7, false));
        assert_eq!(
            told(&group),
            [
                "0000:00:01.0 0x060400 None",
                "0000:00:06.0 0x020000 Some(\"vfio-pci\")",
                "0000:00:07.0 0x010802 Some(\"nvme\")",
            ]
        );
    }

    #[test]
    fn the_file_of_a_device_is_that_of_its_group_or_of_its_uio() {
        let tree = Tree::new();
        for (address, driver) in [
            ("0000:00:06.0", "vfio-pci"),
            ("0000:00:07.0", "vfio-pci"),
            ("0000:00:08.0", "uio_pci_generic"),
            ("0000:00:09.0", "ena"),
        ] {
            tree.device(address, "0x020000", Some(driver));
        }
        tree.group(3, None, &["0000:00:06.0", "0000:00:09.0"]);
        tree.group(4, Some("vfio-noiommu"), &["0000:00:07.0"]);
        tree.put("bus/pci/devices/0000:00:08.0/uio/uio2/name", "uio_pci_generic");
        let there = |address: &str| tree.binding(address).node_exists;
        assert_eq!(["0000:00:06.0", "0000:00:07.0", "0000:00:08.0"].map(there), [false; 3]);
        tree.node("vfio/3");
        // Without an IOMMU the file has another name.
        tree.node("vfio/4");
        assert_eq!(["0000:00:06.0", "0000:00:07.0", "0000:00:08.0"].map(there), [true, false, false]);
        tree.node("vfio/noiommu-4");
        tree.node("uio2");
        assert_eq!(["0000:00:06.0", "0000:00:07.0", "0000:00:08.0"].map(there), [true; 3]);
        // The file of its group is another member's.
        assert!(!there("0000:00:09.0"));
        assert!(tree.binding("0000:00:07.0").group.unwrap().no_iommu);
        assert_eq!(tree.binding("0000:00:08.0").uio, Some(2));
    }

    #[test]
    fn what_a_host_does_not_tell_is_not_known() {
        let tree = Tree::new();
        tree.device("0000:00:06.0", "0x020000", None);
        tree.put("bus/pci/devices/0000:00:06.0/numa_node", "-1");
        tree.put("bus/pci/devices/0000:00:06.0/power/runtime_status", "unsupported");
        let ids = Some(("0x1d0f".to_owned(), "0xec20".to_owned()));
        assert_eq!(tree.binding("0000:00:06.0"), Binding { ids, ..Binding::default() });
        tree.put("bus/pci/devices/0000:00:06.0/numa_node", "1");
        tree.put("bus/pci/devices/0000:00:06.0/power/runtime_status", "suspended");
        let binding = tree.binding("0000:00:06.0");
        assert_eq!((binding.numa_node, binding.asleep), (Some(1), Some(true)));
    }

    #[test]
    fn nobody_named_is_no_driver() {
        let tree = Tree::new();
        let of = || driver_override(tree.0.path(), &"0000:00:06.0".parse().unwrap());
        assert_eq!(of(), None);
        let file = "bus/pci/devices/0000:00:06.0/driver_override";
        for (text, driver) in [("(null)", None), ("", None), ("vfio-pci", Some("vfio-pci"))] {
            tree.put(file, text);
            assert_eq!(of().as_deref(), driver);
        }
    }

    #[test]
    fn a_device_that_does_not_answer_is_being_let_go_or_taken() {
        let tree = Tree::new();
        tree.device("0000:00:06.0", "0x020000", None);
        tree.group(3, None, &["0000:00:06.0"]);
        let dev = tree.0.path().join("dev");
        let function = || functions(tree.0.path(), &dev).remove(0);
        let device = || function().address;
        assert_eq!(locked_by(&function(), &dev), DeviceChange::Probe { device: device() });
        tree.node("vfio/3");
        let unbind = |driver: &str| DeviceChange::Unbind { device: device(), driver: driver.to_owned() };
        assert_eq!(locked_by(&function(), &dev), unbind("vfio-pci"));
        tree.link("bus/pci/devices/0000:00:06.0/driver", "../../drivers/ena");
        assert_eq!(locked_by(&function(), &dev), unbind("ena"));
    }
}
