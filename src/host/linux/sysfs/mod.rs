//! What the kernel shows in files: PCI functions, what there is for programs that drive them, and how far udev is.

mod binding;
mod platform;

use std::fs;
use std::path::{Path, PathBuf};

pub(super) use self::binding::{NO_OVERRIDE, driver_override, locked_by};
pub(super) use self::platform::{NO_IOMMU_MODE, platform};

use crate::model::{Function, PciAddress};

/// Class of PCI functions that are network controllers: the first two digits of the class code.
const NETWORK: &str = "0x02";

/// The network devices on the PCI bus. What cannot be read is left out: a device may go at any time.
///
/// Who alone may take them is not among it: that cannot always be read at once.
pub(super) fn functions(sysfs: &Path, dev: &Path) -> Vec<Function> {
    let all = entries(&sysfs.join("bus/pci/devices"));
    let mut found: Vec<Function> = all.into_iter().filter_map(|path| function(&path, dev)).collect();
    found.sort_by(|a, b| a.address.cmp(&b.address));
    found
}

fn function(path: &Path, dev: &Path) -> Option<Function> {
    let address: PciAddress = name(path)?.parse().ok()?;
    if !line(&path.join("class"))?.starts_with(NETWORK) {
        return None;
    }
    // A virtio device stands between the function and its link.
    let between = entries(path).into_iter().filter(|entry| is_virtio(entry));
    let places = std::iter::once(path.to_owned()).chain(between);
    let mut links: Vec<String> =
        places.flat_map(|place| entries(&place.join("net"))).filter_map(|link| name(&link)).collect();
    links.sort();
    let driver = target(&path.join("driver"));
    let binding = binding::of(path, dev, driver.as_deref());
    Some(Function { binding, ..Function::of(address, driver, links) })
}

fn is_virtio(path: &Path) -> bool {
    name(path).is_some_and(|name| name.starts_with("virtio"))
}

fn name(path: &Path) -> Option<String> {
    path.file_name().and_then(|name| name.to_str()).map(str::to_owned)
}

/// The name of what a link leads to, as of a device's driver.
fn target(link: &Path) -> Option<String> {
    name(&fs::read_link(link).ok()?)
}

/// What a file says, without the end of its line; nothing of one that cannot be read or is empty.
fn line(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The entries of a folder; none of one that is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|all| all.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Whether udev has done with a link, or there is no udev.
///
/// Kernels before 6.2 do not rename a link that is up, so it must not be set up before udev has named it.
pub(super) fn is_settled(udev: &Path, index: u32) -> bool {
    !udev.join("control").exists() || udev.join(format!("data/n{index}")).exists()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A function in a tree like the kernel's.
    fn put(root: &Path, address: &str, class: &str, driver: Option<&str>, net: &str) {
        let folder = root.join("bus/pci/devices").join(address);
        fs::create_dir_all(folder.join(net)).unwrap();
        fs::write(folder.join("class"), format!("{class}\n")).unwrap();
        if let Some(driver) = driver {
            symlink(format!("../../../bus/pci/drivers/{driver}"), folder.join("driver")).unwrap();
        }
    }

    #[test]
    fn network_functions_have_their_driver_and_links_and_others_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "0000:00:06.0", "0x020000", Some("ena"), "net/ens6");
        put(root.path(), "0000:00:07.0", "0x020000", Some("virtio-pci"), "virtio2/net/eth0");
        put(root.path(), "0000:00:08.0", "0x020000", Some("ena"), "net");
        put(root.path(), "0000:00:09.0", "0x010802", Some("nvme"), "nvme");
        put(root.path(), "0000:00:0a.0", "0x020000", None, "power");
        let found = functions(root.path(), Path::new("nowhere"));
        let told: Vec<_> = found
            .iter()
            .map(|one| (one.address.as_str(), one.driver.as_deref(), one.links.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("0000:00:06.0", Some("ena"), "ens6".to_owned()),
                ("0000:00:07.0", Some("virtio-pci"), "eth0".to_owned()),
                ("0000:00:08.0", Some("ena"), String::new()),
                ("0000:00:0a.0", None, String::new()),
            ]
        );
        assert_eq!(functions(Path::new("nowhere"), Path::new("nowhere")), []);
    }

    #[test]
    fn a_link_is_settled_when_udev_has_its_record_or_there_is_no_udev() {
        let run = tempfile::tempdir().unwrap();
        assert!(is_settled(run.path(), 7));
        fs::write(run.path().join("control"), "").unwrap();
        assert!(!is_settled(run.path(), 7));
        fs::create_dir(run.path().join("data")).unwrap();
        fs::write(run.path().join("data/n7"), "").unwrap();
        assert!(is_settled(run.path(), 7) && !is_settled(run.path(), 8));
    }
}
