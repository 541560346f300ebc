//! `cargo xtask testbed`.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::{Testbed, TestbedOptions};
use crate::runtime::block_on;

/// How often the parts are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Starts a testbed with the CRDs, prints its environment, and stays until a signal comes.
pub fn run() -> Result<()> {
    let testbed = Testbed::start(&TestbedOptions { ec2: true, ..TestbedOptions::default() })?;
    testbed.install_crds()?;
    for (name, value) in testbed.environment() {
        println!("export {name}={value}");
    }
    eprintln!("ready: paste these lines into another terminal; Ctrl-C ends it all");
    block_on(until_stopped(&testbed))?
}

async fn until_stopped(testbed: &Testbed) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("wait for SIGINT")?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = tokio::time::sleep(LOOK) => testbed.check_alive()?,
        }
    }
}
