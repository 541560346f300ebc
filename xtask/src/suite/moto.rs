//! moto, another simulator of EC2: what both answer alike is less likely to be our invention.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use super::step::Outcome;
use crate::{
    cache,
    process::{Guarded, Output, on_path},
    progress::{HEARTBEAT, Heartbeat, pretty},
};

/// The version that the simulator's answers were compared with.
const VERSION: &str = "5.2.5";

/// The variable that names moto's server to the tests.
const SERVER: &str = "MOTO_SERVER";

/// Installs moto if it is not there.
pub(super) fn run() -> Outcome {
    if on_path("python3").is_none() {
        return Outcome::skip("moto needs python3, which is not on PATH: install it");
    }
    match cache::entry(&name(), install) {
        Ok(entry) => {
            println!("moto {VERSION} is at {}", entry.display());
            Outcome::success()
        }
        Err(error) => Outcome::skip(&format!("{error:#}")),
    }
}

/// Tells a command where moto's server is, if it is installed.
pub(super) fn told_to(command: &mut Command) -> Result<&mut Command> {
    let server = server(&cache::folder()?.join(name()));
    if server.exists() {
        command.env(SERVER, server);
    }
    Ok(command)
}

fn name() -> String {
    format!("moto-{VERSION}")
}

fn server(entry: &Path) -> PathBuf {
    entry.join("bin/moto_server")
}

fn install(folder: &Path) -> Result<()> {
    println!("installing moto {VERSION} (once; a minute)");
    let heartbeat =
        Heartbeat::start(HEARTBEAT, |elapsed| format!("... installing moto, {}", pretty(elapsed)));
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    succeed("python3 -m venv", &venv)?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .arg(format!("moto[ec2,server]=={VERSION}"));
    succeed("pip install moto", &pip)?;
    drop(heartbeat);
    ensure!(server(folder).exists(), "moto {VERSION} was installed, but brought no moto_server");
    Ok(())
}

fn succeed(name: &str, command: &Command) -> Result<()> {
    let status = Guarded::spawn(name, command, &Output::Inherited)?.wait()?;
    ensure!(status.success(), "moto cannot be installed: `{name}` ended with {status}");
    Ok(())
}
