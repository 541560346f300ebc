//! The static binary of a platform, the same on every machine.
//!
//! Zig is the C compiler and the linker for all of them: it brings musl, and no cross compiler has to be installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Platform;
use crate::cache;
use crate::cargo::{build_folder, cargo, executable_of};
use crate::process::{Guarded, Output, on_path};
use crate::progress::{HEARTBEAT, Heartbeat, pretty};

/// Versions from the Python Package Index: Zig, and what lets cargo use it.
const ZIG: &str = "ziglang==0.15.2";
const ZIGBUILD: &str = "cargo-zigbuild==0.24.1";

/// Fails with the reason if the binary of an image cannot be had here.
pub(super) fn obtainable() -> Result<()> {
    if cache::has(&name())? {
        return Ok(());
    }
    ensure!(on_path("python3").is_some(), "no python3: the image's compiler, Zig, is installed by its pip");
    ensure!(on_path("rustup").is_some(), "no rustup: it brings the standard library for static binaries");
    Ok(())
}

/// The static binary for a platform.
pub fn binary(platform: Platform) -> Result<PathBuf> {
    let zig = cache::entry(&name(), install)?;
    succeed("rustup target add", Command::new("rustup").args(["target", "add", platform.target()]))?;
    let mut build = cargo()?;
    build.args(["zigbuild", "--release", "--locked", "-p", "eni-operator", "--target", platform.target()]);
    build.arg("--message-format=json-render-diagnostics");
    build.env("PATH", with_path(&zig.join("bin"))?).env("CARGO_ZIGBUILD_ZIG_PATH", compiler(&zig)?);
    let places = remapped()?;
    let words = |option: &str| {
        places.iter().map(|(from, to)| format!("{option}={from}={to}")).collect::<Vec<_>>().join(" ")
    };
    build.env("RUSTFLAGS", words("--remap-path-prefix")).env("CFLAGS", words("-ffile-prefix-map"));
    eprintln!("building the static binary for {} (the first time many minutes)", platform.arch());
    let _heartbeat =
        Heartbeat::start(HEARTBEAT, |elapsed| format!("... building the static binary, {}", pretty(elapsed)));
    executable_of(&build, "eni-operator")
}

/// Folders of this machine whose names would be in the binary, and what is there instead.
fn remapped() -> Result<[(String, &'static str); 2]> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let home = home.context("set CARGO_HOME or HOME")?;
    Ok([(home.display().to_string(), "/cargo"), (build_folder()?.display().to_string(), "/build")])
}

fn name() -> String {
    format!("zig-{}", cache::key(&[ZIG.as_bytes(), ZIGBUILD.as_bytes()]))
}

fn install(folder: &Path) -> Result<()> {
    eprintln!("installing Zig (once; 90 MB)");
    succeed("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    succeed("pip install", pip.args(["install", "--quiet", "--disable-pip-version-check", ZIG, ZIGBUILD]))
}

/// Zig itself: in a folder that has the version of Python in its path.
fn compiler(environment: &Path) -> Result<PathBuf> {
    let libraries = environment.join("lib");
    let found = std::fs::read_dir(&libraries).with_context(|| format!("read {}", libraries.display()))?;
    let mut each = found.flatten().map(|entry| entry.path().join("site-packages/ziglang/zig"));
    each.find(|path| path.exists()).with_context(|| format!("no Zig in {}", libraries.display()))
}

fn with_path(first: &Path) -> Result<OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(all).context("put Zig on PATH")
}

fn succeed(what: &str, command: &Command) -> Result<()> {
    let status = Guarded::spawn(what, command, &Output::Inherited)?.wait()?;
    ensure!(status.success(), "{what} ended with {status}");
    Ok(())
}

/// Removes what was compiled of the operator itself for a platform.
pub(super) fn forget(platform: Platform) -> Result<()> {
    let mut clean = cargo()?;
    clean.args(["clean", "--release", "-p", "eni-operator", "--target", platform.target()]);
    succeed("cargo clean", &clean)
}
