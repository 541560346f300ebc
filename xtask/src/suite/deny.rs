//! Licences, bans and sources, by cargo-deny. Advisories need the network and are left out.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};

use super::step::{Outcome, check};
use crate::{
    cache,
    cargo::cargo,
    process::{Guarded, Output},
    progress::{HEARTBEAT, Heartbeat, pretty},
    repo,
};

/// The version that is installed.
const VERSION: &str = "0.20.2";

/// Installs cargo-deny if it is not there, and runs it.
pub(super) fn run() -> Result<Outcome> {
    let entry = match cache::entry(&format!("cargo-deny-{VERSION}"), install) {
        Ok(entry) => entry,
        Err(error) => return Ok(Outcome::skip(&format!("{error:#}"))),
    };
    let mut deny = Command::new(entry.join("bin/cargo-deny"));
    deny.args(["--locked", "check", "bans", "licenses", "sources"]).current_dir(repo::root());
    check(&deny)
}

fn install(folder: &Path) -> Result<()> {
    println!("installing cargo-deny {VERSION} (once; 3 to 6 minutes)");
    let mut install = cargo()?;
    install
        .args(["install", "cargo-deny", "--locked", "--quiet", "--version", VERSION, "--root"])
        .arg(folder)
        // Its artefacts are of no use to anybody, and its build is not in our workspace.
        .env_remove("CARGO_BUILD_BUILD_DIR")
        .env_remove("CARGO_TARGET_DIR");
    let mut child = Guarded::spawn("cargo install", &install, &Output::Inherited)?;
    let heartbeat =
        Heartbeat::start(HEARTBEAT, |elapsed| format!("... installing cargo-deny, {}", pretty(elapsed)));
    let status = child.wait()?;
    drop(heartbeat);
    ensure!(
        status.success(),
        "cargo-deny {VERSION} cannot be installed: `cargo install` ended with {status}"
    );
    Ok(())
}
