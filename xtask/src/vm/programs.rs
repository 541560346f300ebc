//! Programs for the machine that are written in C: what they ask of the kernel, safe Rust cannot.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::on_path;
use crate::{cache, repo};

/// A program of `xtask/guest`, as one file that needs no library.
pub fn program(name: &str) -> Result<PathBuf> {
    let source = repo::at(format!("xtask/guest/{name}.c"));
    let text = std::fs::read(&source).with_context(|| format!("read {}", source.display()))?;
    let folder = cache::entry(&format!("guest-{name}-{}", cache::key(&[&text])), |folder| {
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-static", "-o"]);
        let output = compiler.arg(folder.join(name)).arg(&source).output().context("run cc")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    })?;
    Ok(folder.join(name))
}

/// Fails with the reason if programs cannot be compiled here.
pub fn compilable() -> Result<()> {
    ensure!(on_path("cc").is_some(), "no cc, which programs for virtual machines are compiled with");
    Ok(())
}
