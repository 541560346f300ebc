//! The binary of a platform at work here, whatever this machine is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::Platform;
use crate::cache;
use crate::debian::{Packages, said};

const PACKAGE: &str = "qemu-user-static";

/// Fails unless the binary says what it can do, and prints the CRDs that these sources make.
pub(super) fn check(platform: Platform, binary: &Path) -> Result<()> {
    let help = said(command(platform, binary)?.arg("--help"))?;
    for word in ["controller", "node-agent", "drain", "crd-gen"] {
        ensure!(help.contains(word), "`{} --help` does not tell of {word}", binary.display());
    }
    let printed = said(command(platform, binary)?.arg("crd-gen"))?;
    let mut wanted = String::new();
    for crd in eni_operator::api::crds() {
        wanted.push_str("---\n");
        wanted.push_str(&eni_operator::api::to_yaml(&crd)?);
    }
    ensure!(printed == wanted, "`{} crd-gen` prints other CRDs than these sources make", binary.display());
    Ok(())
}

/// The binary, or the emulator that runs it.
fn command(platform: Platform, binary: &Path) -> Result<Command> {
    if platform.is_native() {
        return Ok(Command::new(binary));
    }
    let mut command = Command::new(emulator()?.join("usr/bin").join(platform.emulator()));
    command.arg(binary);
    Ok(command)
}

fn emulator() -> Result<PathBuf> {
    let key = format!("{PACKAGE}-{}", cache::key(&[PACKAGE.as_bytes(), b"1"]));
    cache::entry(&key, |folder| {
        eprintln!("fetching QEMU's user mode from Debian (once; 50 MB)");
        let packages = Packages::new(folder)?;
        packages.fetch(&[PACKAGE])?;
        packages.unpack()
    })
}
