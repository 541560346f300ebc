//! What the host has for programs that drive devices by themselves.

use std::collections::BTreeMap;
use std::path::Path;

use super::{entries, line, name};
use crate::model::Platform;

/// Whether vfio takes devices of a host without an IOMMU. A kernel that cannot has no such file.
pub(crate) const NO_IOMMU_MODE: &str = "module/vfio/parameters/enable_unsafe_noiommu_mode";

/// Whether `igb_uio` maps memory with write combining, where its module shows the parameter.
const WRITE_COMBINING: &str = "module/igb_uio/parameters/wc_activate";

/// Huge pages by node and size in KiB: how many there are, and how many are free.
type HugePages = BTreeMap<(Option<u32>, u64), (u64, u64)>;

/// Reads it.
pub(crate) fn platform(sysfs: &Path) -> Platform {
    let drivers = entries(&sysfs.join("bus/pci/drivers"));
    Platform {
        drivers: drivers.iter().filter_map(|path| name(path)).collect(),
        no_iommu_mode: parameter(&sysfs.join(NO_IOMMU_MODE)),
        huge_pages: huge_pages(sysfs),
        lockdown: line(&sysfs.join("kernel/security/lockdown")).and_then(|text| chosen(&text)),
        write_combining: parameter(&sysfs.join(WRITE_COMBINING)),
    }
}

/// A parameter of a module that is yes or no.
fn parameter(file: &Path) -> Option<bool> {
    match line(file)?.as_str() {
        "Y" | "y" | "1" => Some(true),
        "N" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// The word in brackets: `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<String> {
    Some(text.split_once('[')?.1.split_once(']')?.0.to_owned())
}

/// Huge pages of each node, or of the host where its kernel knows no nodes.
fn huge_pages(sysfs: &Path) -> HugePages {
    let mut all = HugePages::new();
    for path in entries(&sysfs.join("devices/system/node")) {
        let number = name(&path).and_then(|name| name.strip_prefix("node")?.parse().ok());
        if number.is_some() {
            add_pages(&mut all, &path.join("hugepages"), number);
        }
    }
    if all.is_empty() {
        add_pages(&mut all, &sysfs.join("kernel/mm/hugepages"), None);
    }
    all
}

/// Adds what a folder has of each size of pages.
fn add_pages(all: &mut HugePages, folder: &Path, node: Option<u32>) {
    let size = |path: &Path| name(path)?.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok();
    let count = |path: &Path, file: &str| line(&path.join(file))?.parse().ok();
    let each = entries(folder).into_iter().filter_map(|path| {
        let pages = (count(&path, "nr_hugepages")?, count(&path, "free_hugepages")?);
        Some(((node, size(&path)?), pages))
    });
    all.extend(each);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    #[test]
    fn a_host_that_tells_nothing_has_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(platform(root.path()), Platform::default());
    }

    #[test]
    fn what_there_is_is_told() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for driver in ["ena", "vfio-pci"] {
            fs::create_dir_all(root.join("bus/pci/drivers").join(driver)).unwrap();
        }
        put(root, NO_IOMMU_MODE, "N");
        put(root, WRITE_COMBINING, "1");
        put(root, "kernel/security/lockdown", "none [integrity] confidentiality");
        put(root, "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "30");
        put(root, "kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "20");
        let read = platform(root);
        assert_eq!(read.drivers, ["ena".to_owned(), "vfio-pci".to_owned()].into());
        assert_eq!((read.no_iommu_mode, read.write_combining), (Some(false), Some(true)));
        assert_eq!(read.lockdown.as_deref(), Some("integrity"));
        assert_eq!(read.huge_pages, [((None, 2_048), (30, 20))].into());
        // The nodes' pages are the host's.
        for (node, count) in [(0, "10"), (1, "20")] {
            let folder = format!("devices/system/node/node{node}/hugepages/hugepages-2048kB");
            put(root, &format!("{folder}/nr_hugepages"), count);
            put(root, &format!("{folder}/free_hugepages"), "7");
        }
        let nodes = [((Some(0), 2_048), (10, 7)), ((Some(1), 2_048), (20, 7))];
        assert_eq!(platform(root).huge_pages, nodes.into());
        put(root, NO_IOMMU_MODE, "Y");
        put(root, WRITE_COMBINING, "unclear");
        assert_eq!((platform(root).no_iommu_mode, platform(root).write_combining), (Some(true), None));
    }
}
