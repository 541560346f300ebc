//! Cargo, as everything here calls it.

use std::{
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    cache,
    process::{Guarded, Output},
    repo,
};

/// Cargo's setting for the folder of intermediate artefacts.
const BUILD_DIR: &str = "CARGO_BUILD_BUILD_DIR";

/// Its name in the cache.
const SHARED: &str = "build";

/// The folder of intermediate artefacts that a run has to itself.
static KEPT: OnceLock<(PathBuf, File)> = OnceLock::new();

/// `cargo` in the root of the repository, with the dependencies' artefacts in the cache.
///
/// So a fresh clone compiles no dependency that another has compiled; the binaries stay with each clone.
pub fn cargo() -> Result<Command> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut cargo = Command::new(program);
    cargo.current_dir(repo::root()).env(BUILD_DIR, build_folder()?);
    Ok(cargo)
}

/// The folder of intermediate artefacts.
pub(crate) fn build_folder() -> Result<PathBuf> {
    if let Some((folder, _)) = KEPT.get() {
        return Ok(folder.clone());
    }
    match std::env::var_os(BUILD_DIR) {
        Some(named) => Ok(named.into()),
        None => Ok(cache::folder()?.join(SHARED)),
    }
}

/// From now on, no other run of the same kind uses the folder of artefacts that [`cargo`] is told of.
///
/// Cargo runs tests out of that folder after it has given its own lock back: another run's build would put its tests
/// in their place. A folder outside the cache is left to whoever named it.
pub fn keep_build_folder() -> Result<()> {
    let named = std::env::var_os(BUILD_DIR).map(PathBuf::from);
    let cache = cache::folder()?;
    if named.is_some_and(|named| !named.starts_with(&cache)) {
        return Ok(());
    }
    let kept = cache::first_free(SHARED)?;
    if KEPT.set(kept).is_err() {
        bail!("the folder of artefacts is kept already");
    }
    Ok(())
}

/// Builds the one binary of a package, with its default features, and says where it is.
pub fn build_binary(package: &str) -> Result<PathBuf> {
    build_binary_with(package, &[])
}

/// Likewise, with more arguments for cargo.
pub fn build_binary_with(package: &str, more: &[&str]) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.args(["build", "--message-format=json-render-diagnostics", "-p", package]).args(more);
    executable_of(&build, package)
}

/// Runs a build that tells of what it makes in JSON, and says where the binary of the package is.
pub(crate) fn executable_of(build: &Command, package: &str) -> Result<PathBuf> {
    let mut child = Guarded::spawn("cargo", build, &Output::Piped)?;
    let stdout = child.stdout().context("cargo has no standard output")?;
    let mut binary = None;
    for line in BufReader::new(stdout).lines() {
        binary = executable(&line.context("read from cargo")?, package).or(binary);
    }
    let status = child.wait()?;
    ensure!(status.success(), "`cargo build -p {package}` ended with {status}");
    binary.with_context(|| format!("`cargo build -p {package}` made no binary"))
}

/// The executable of `package` that a line of cargo's messages announces.
fn executable(message: &str, package: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let ours = message.pointer("/target/name")? == package && message.pointer("/target/kind/0")? == "bin";
    let path = message.pointer("/executable")?.as_str()?;
    ours.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_is_the_binary_of_the_package() {
        let message = |name: &str, kind: &str| {
            format!(r#"{{"target": {{"name": "{name}", "kind": ["{kind}"]}}, "executable": "/t/{name}"}}"#)
        };
        assert_eq!(executable(&message("ec2-sim", "bin"), "ec2-sim"), Some(PathBuf::from("/t/ec2-sim")));
        assert_eq!(executable(&message("ec2-sim", "test"), "ec2-sim"), None);
        assert_eq!(executable(&message("other", "bin"), "ec2-sim"), None);
        assert_eq!(executable("Compiling", "ec2-sim"), None);
    }
}
