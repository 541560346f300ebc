//! When the API server may be used.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::credentials::Credentials;
use crate::{process::tail, runtime::block_on};

/// How long to leave a server alone that was not ready.
const PAUSE: Duration = Duration::from_millis(50);

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until the API server says that it is ready. `alive` fails when there is nothing to wait for.
pub(super) fn wait(
    credentials: &Credentials,
    within: Duration,
    alive: impl FnMut() -> Result<()> + Send,
) -> Result<()> {
    block_on(poll(credentials, within, alive))?
}

async fn poll(
    credentials: &Credentials,
    within: Duration,
    mut alive: impl FnMut() -> Result<()> + Send,
) -> Result<()> {
    let deadline = Instant::now() + within;
    loop {
        alive()?;
        let Err(reason) = ask(credentials).await else { return Ok(()) };
        if Instant::now() > deadline {
            let log = credentials
                .ca
                .parent()
                .and_then(|certs| certs.parent())
                .map(|f| f.join("kube-apiserver.log"));
            let words = log.map(|log| tail(&log, 15)).unwrap_or_default();
            bail!("kube-apiserver is not ready after {} s: {reason:#}\n{words}", within.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(credentials: &Credentials) -> Result<()> {
    anyhow::ensure!(credentials.ca.exists(), "it has not written its certificate yet");
    let client = kube::Client::try_from(credentials.kube_config()?).context("make a client")?;
    let request = kube::core::Request::new("/readyz");
    let request = request.list(&kube::api::ListParams::default()).context("make a request")?;
    let answer = tokio::time::timeout(PATIENCE, client.request_text(request)).await;
    answer.context("no answer in 5 s")?.context("GET /readyz")?;
    Ok(())
}
