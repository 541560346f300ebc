//! The arguments of `load-modules`.

use std::path::PathBuf;

use clap::Args;

use super::parsers::{Modules, modules};

/// Arguments of `load-modules`.
#[derive(Debug, Clone, Args)]
pub struct LoadModulesArgs {
    /// The modules, with commas between them. What they need is loaded before them.
    #[arg(long, env = "KERNEL_MODULES", default_value = "vfio-pci,vfio_iommu_type1", value_name = "NAMES", value_parser = modules)]
    pub modules: Modules,

    /// The host's folder of modules, with one folder for each of its kernels.
    #[arg(long, env = "LIB_MODULES_DIR", default_value = "/lib/modules", value_name = "FOLDER")]
    pub lib_modules_dir: PathBuf,

    /// The kernel's sysfs, to see what is loaded.
    #[arg(long, env = "SYSFS_DIR", default_value = "/sys", value_name = "FOLDER")]
    pub sysfs_dir: PathBuf,
}
