//! Loads modules of the kernel, for a node whose configuration does not: it takes `CAP_SYS_MODULE` and nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;
use eni_operator::cli::LoadModulesArgs;
use eni_operator::plan::modules::{self, Catalogue, Module};
use rustix::system::{finit_module, uname};

/// `MODULE_INIT_COMPRESSED_FILE`: the kernel decompresses the file.
const COMPRESSED: i32 = 4;

/// Loads what is wanted and not there, with what that needs.
pub(crate) fn load_modules(args: &LoadModulesArgs) -> anyhow::Result<()> {
    let kernel = uname();
    let folder = args.lib_modules_dir.join(kernel.release().to_string_lossy().as_ref());
    let read = |name: &str| {
        fs::read_to_string(folder.join(name)).with_context(|| {
            format!(
                "--lib-modules-dir: reading {}, which is of the running kernel",
                folder.join(name).display()
            )
        })
    };
    let (dependencies, built_in) = (read("modules.dep")?, read("modules.builtin")?);
    let catalogue = Catalogue { dependencies: &dependencies, built_in: &built_in };
    let modules = modules::to_load(catalogue, &loaded(&args.sysfs_dir.join("module"))?, &args.modules.0)?;
    for module in &modules {
        load(&folder, module)?;
    }
    tracing::info!(wanted = ?args.modules.0, loaded = modules.len(), "the kernel has its modules");
    Ok(())
}

/// The names of what the kernel has loaded, and of some that it has in itself.
fn loaded(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("--sysfs-dir: reading {}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

fn load(folder: &Path, module: &Module) -> anyhow::Result<()> {
    let path = folder.join(&module.file);
    let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    let flags = if module.is_compressed() { COMPRESSED } else { 0 };
    match finit_module(&file, c"", flags) {
        Ok(()) => tracing::info!(module = module.name, "loaded"),
        Err(error) if modules::is_loaded(error.raw_os_error()) => {
            tracing::info!(module = module.name, "was loaded meanwhile");
        }
        Err(error) => {
            let why = modules::refusal(error.raw_os_error(), module.is_compressed());
            anyhow::bail!("loading the module {}: {error}: {why}", module.name);
        }
    }
    Ok(())
}
