//! QEMU, a stock kernel and busybox, out of Debian's packages.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::debian::{self, Packages, said};
use crate::process::on_path;

/// Packages of QEMU, from backports: Debian 12's own lacks devices.
const QEMU: &[&str] = &["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios", "qemu-utils"];

/// Others.
const OTHERS: &[&str] = &["busybox-static", "kmod"];

/// The package that names the newest kernel.
const KERNEL: &str = "linux-image-amd64";

/// Where the packages' files are.
#[derive(Debug)]
pub(super) struct Parts {
    root: PathBuf,
}

/// Fails with the reason if a machine cannot be had here.
pub fn obtainable() -> Result<()> {
    if cache::has(&name())? {
        return Ok(());
    }
    debian::obtainable()?;
    for program in ["ldd", "ip"] {
        ensure!(on_path(program).is_some(), "no {program}, which a virtual machine is made with");
    }
    let codename = debian::codename()?;
    ensure!(
        codename == "bookworm",
        "the virtual machine's packages are known for bookworm, and not {codename}"
    );
    Ok(())
}

/// The parts, fetched if they are not there yet.
pub(super) fn find() -> Result<Parts> {
    Ok(Parts { root: cache::entry(&name(), fetch)? })
}

fn name() -> String {
    let words = [QEMU, OTHERS, &[KERNEL]].concat().join(" ");
    format!("vm-{}", cache::key(&[words.as_bytes(), b"1"]))
}

impl Parts {
    pub(super) fn qemu(&self) -> Command {
        let mut qemu = Command::new(self.root.join("usr/bin/qemu-system-x86_64"));
        qemu.env("LD_LIBRARY_PATH", debian::libraries(&self.root));
        qemu.arg("-L")
            .arg(self.root.join("usr/share/qemu"))
            .arg("-L")
            .arg(self.root.join("usr/share/seabios"));
        qemu
    }

    pub(super) fn busybox(&self) -> PathBuf {
        self.root.join("bin/busybox")
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.root.join("kernel")
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A file of the kernel's folder of modules.
    pub(super) fn of_modules(&self, name: &str) -> Result<PathBuf> {
        Ok(only_entry(&self.root.join("lib/modules"))?.join(name))
    }

    /// The files of modules and of all that they need, in the order in which they are loaded.
    pub(super) fn modules(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let list = self.of_modules("modules.dep")?;
        let text = fs::read_to_string(&list).context("read modules.dep")?;
        let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
        let stem = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or_default();
            file.split('.').next().unwrap_or_default().replace('-', "_")
        };
        let mut order: Vec<&str> = vec![];
        for name in names {
            // What is built into the kernel is no module.
            let Some((path, needs)) = lines.iter().find(|(path, _)| stem(path) == *name) else { continue };
            // Those that are needed first come last.
            for one in needs.split_whitespace().rev().chain([*path]) {
                if !order.contains(&one) {
                    order.push(one);
                }
            }
        }
        Ok(order.into_iter().map(|path| list.with_file_name(path)).collect())
    }
}

/// Fetches and unpacks everything.
fn fetch(folder: &Path) -> Result<()> {
    eprintln!("fetching QEMU and a kernel from Debian (once; 90 MB)");
    let packages = Packages::new(folder)?;
    let qemu: Vec<String> = QEMU.iter().map(|package| packages.newer(package)).collect();
    let all: Vec<&str> = qemu.iter().map(String::as_str).chain(OTHERS.iter().copied()).collect();
    packages.fetch(&all)?;
    packages.fetch_alone(&packages.first_need(KERNEL)?)?;
    packages.unpack()?;
    let boot = fs::read_dir(folder.join("boot")).context("read the kernel's folder")?;
    let image = boot.flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("vmlinuz-"));
    fs::rename(image.context("the kernel's package has no kernel")?.path(), folder.join("kernel"))?;
    let version = only_entry(&folder.join("lib/modules"))?;
    let version = version.file_name().context("no version")?.to_string_lossy().into_owned();
    let mut depmod = Command::new(folder.join("bin/kmod"));
    depmod.arg0("depmod").arg("-b").args([folder.as_os_str()]).arg(version);
    depmod.env("LD_LIBRARY_PATH", debian::libraries(folder));
    said(&mut depmod).map(drop)
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    Ok(entries.next().with_context(|| format!("{} is empty", folder.display()))??.path())
}
