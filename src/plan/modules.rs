//! Which modules of the kernel to load, in which order, and what a refusal means.

use std::collections::BTreeSet;
use std::path::Path;

/// What a folder of `/lib/modules` says of a kernel's modules.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue<'a> {
    /// `modules.dep`: the file of each module, and those of all that it needs.
    pub dependencies: &'a str,
    /// `modules.builtin`: what is no module, since the kernel has it in itself.
    pub built_in: &'a str,
}

/// A module to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name, as the kernel has it.
    pub name: String,
    /// Its file in the folder of its kernel.
    pub file: String,
}

impl Module {
    fn of(file: &str) -> Self {
        Self { name: name_of(file), file: file.to_owned() }
    }

    /// Whether the kernel has to decompress it.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        Path::new(&self.file).extension().is_some_and(|extension| extension != "ko")
    }
}

/// A module that is wanted and not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the kernel has no module {0}: install the package that has it (linux-modules-extra-aws on Ubuntu, \
     kernel-modules-extra on Amazon Linux 2023), or take an AMI whose kernel has it"
)]
pub struct Missing(pub String);

/// The modules to load so that the wanted ones are there, each after what it needs.
///
/// `loaded` are the names of those that the kernel has already, as it writes them.
pub fn to_load(
    catalogue: Catalogue<'_>,
    loaded: &BTreeSet<String>,
    wanted: &[String],
) -> Result<Vec<Module>, Missing> {
    let mut modules: Vec<Module> = vec![];
    for name in wanted {
        let known = canonical(name);
        let built_in = catalogue.built_in.lines().any(|file| name_of(file) == known);
        if built_in || loaded.contains(&known) {
            continue;
        }
        let mut lines = catalogue.dependencies.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(file, _)| name_of(file) == known);
        let (file, needs) = found.ok_or_else(|| Missing(name.clone()))?;
        // What is needed first stands last.
        let files = needs.split_whitespace().rev().chain([file]);
        let new = files.map(Module::of).filter(|module| !loaded.contains(&module.name));
        for module in new {
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
    }
    Ok(modules)
}

/// The name of a module as the kernel has it: to it `-` and `_` are one.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

/// The name of the module in a file.
fn name_of(file: &str) -> String {
    let file = file.trim().rsplit('/').next().unwrap_or_default();
    canonical(file.split(".ko").next().unwrap_or_default())
}

/// `EEXIST`: the module is there already.
const EEXIST: i32 = 17;

/// Whether the kernel's answer says that the module is loaded, by whomever.
#[must_use]
pub fn is_loaded(code: i32) -> bool {
    code == EEXIST
}

/// What it means, and what to do, when the kernel refuses a module with this error number.
#[must_use]
pub fn refusal(code: i32, compressed: bool) -> &'static str {
    match code {
        1 => {
            "CAP_SYS_MODULE is missing, or the kernel takes no modules: its lockdown takes none without a signature, \
             and after kernel.modules_disabled=1 it takes none at all"
        }
        2 => "it needs something that no loaded module has: the modules are of another kernel",
        8 => "it is made for another kernel, or is no module",
        // EINVAL of a kernel before 5.17, EOPNOTSUPP of one without CONFIG_MODULE_DECOMPRESS.
        22 | 95 if compressed => {
            "this kernel does not decompress modules itself: load it on the node, by /etc/modules-load.d or \
             Bottlerocket's settings.kernel.modules"
        }
        126 | 129 => "its signature is by no key that the kernel trusts",
        _ => "see the kernel's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPENDENCIES: &str = "\
kernel/drivers/vfio/vfio.ko.xz:
kernel/drivers/vfio/vfio_virqfd.ko.xz:
kernel/drivers/vfio/vfio_iommu_type1.ko.xz: kernel/drivers/vfio/vfio.ko.xz
kernel/drivers/vfio/pci/vfio-pci-core.ko.xz: kernel/drivers/vfio/vfio_virqfd.ko.xz kernel/drivers/vfio/vfio.ko.xz
kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/pci/vfio-pci-core.ko.xz \
kernel/drivers/vfio/vfio_virqfd.ko.xz kernel/drivers/vfio/vfio.ko.xz
kernel/drivers/uio/uio.ko:
";

    const CATALOGUE: Catalogue<'static> =
        Catalogue { dependencies: DEPENDENCIES, built_in: "kernel/drivers/pci/pci-stub.ko\n" };

    fn loads(loaded: &[&str], wanted: &[&str]) -> Result<String, Missing> {
        let loaded = loaded.iter().map(|name| (*name).to_owned()).collect();
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let all = to_load(CATALOGUE, &loaded, &wanted)?;
        Ok(all.into_iter().map(|module| module.name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_module_comes_after_what_it_needs_and_once() {
        assert_eq!(
            loads(&[], &["vfio-pci", "vfio_iommu_type1"]).unwrap(),
            "vfio vfio_virqfd vfio_pci_core vfio_pci vfio_iommu_type1"
        );
        assert_eq!(loads(&[], &["uio", "uio"]).unwrap(), "uio");
    }

    #[test]
    fn what_is_loaded_or_built_in_is_not_loaded() {
        assert_eq!(loads(&["vfio", "vfio_virqfd"], &["vfio_pci"]).unwrap(), "vfio_pci_core vfio_pci");
        assert_eq!(loads(&["vfio_pci"], &["vfio-pci", "pci-stub"]).unwrap(), "");
    }

    #[test]
    fn a_missing_module_is_named_and_where_to_get_it() {
        let missing = loads(&[], &["uio", "igb_uio"]).unwrap_err();
        assert_eq!(missing, Missing("igb_uio".to_owned()));
        assert!(missing.to_string().contains("linux-modules-extra-aws"));
        // Part of a name is none.
        assert!(loads(&[], &["vfio-p"]).is_err());
    }

    #[test]
    fn only_a_plain_file_is_not_compressed() {
        for (file, compressed) in
            [("a/b.ko", false), ("a/b.ko.xz", true), ("a/b.ko.zst", true), ("b.ko.gz", true)]
        {
            let module = Module::of(file);
            assert_eq!((module.is_compressed(), module.name.as_str()), (compressed, "b"), "{file}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        assert!(is_loaded(17) && !is_loaded(1));
        for (code, compressed, word) in [
            (1, false, "CAP_SYS_MODULE"),
            (8, false, "another kernel"),
            (95, true, "decompress"),
            (22, true, "decompress"),
            (22, false, "kernel's log"),
            (126, false, "signature"),
            (129, true, "signature"),
        ] {
            assert!(refusal(code, compressed).contains(word), "{code}");
        }
    }
}
