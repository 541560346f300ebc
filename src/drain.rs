//! Deletes every `NodeENI` and waits until it is gone: what comes before an uninstall.
//!
//! The controller does the work. Its finalizer stays until EC2 has confirmed that the ENIs have gone, so an
//! object that is gone has left nothing.

use std::time::Duration;

use anyhow::{Context as _, bail};
use eni_operator::api::NodeENI;
use eni_operator::cli::DrainArgs;
use eni_operator::cluster;
use eni_operator::mandate::Mandate;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};

use crate::process::install_tls;

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);

/// How many names to say of those that are left.
const NAMED: usize = 5;

/// Deletes all of them, and returns when they are gone.
pub(crate) fn drain(args: &DrainArgs) -> anyhow::Result<()> {
    install_tls()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting the async runtime")?;
    let within = Duration::from_secs(args.timeout_seconds);
    match runtime.block_on(async { tokio::time::timeout(within, until_gone(args)).await }) {
        Ok(done) => done,
        Err(_) => runtime.block_on(left(args)),
    }
}

async fn until_gone(args: &DrainArgs) -> anyhow::Result<()> {
    let api = node_enis(args).await?;
    let mut before = usize::MAX;
    loop {
        let all = api.list_metadata(&ListParams::default()).await.context("listing NodeENIs")?.items;
        if all.is_empty() {
            tracing::info!("no NodeENI is left");
            return Ok(());
        }
        if all.len() != before {
            tracing::info!(left = all.len(), "waiting until their ENIs have gone");
            before = all.len();
        }
        for one in all.iter().filter(|one| one.metadata.deletion_timestamp.is_none()) {
            let name = one.name_any();
            match api.delete(&name, &DeleteParams::default()).await {
                Ok(_) => tracing::info!(nodeeni = name, "deleted"),
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error).with_context(|| format!("deleting NodeENI {name}")),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn node_enis(args: &DrainArgs) -> anyhow::Result<Api<NodeENI>> {
    let client =
        cluster::connect(args.kubeconfig.as_deref(), cluster::WATCH_SECONDS, Mandate::unlimited()).await;
    Ok(Api::all(client.context("finding the Kubernetes API server")?))
}

/// Fails with what is left.
async fn left(args: &DrainArgs) -> anyhow::Result<()> {
    let all = node_enis(args).await?.list_metadata(&ListParams::default()).await;
    let names: Vec<String> = all.context("listing NodeENIs")?.iter().map(ResourceExt::name_any).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    bail!(
        "{} NodeENIs are left after {} s: {}{more}. Their conditions say why; is a controller running?",
        names.len(),
        args.timeout_seconds,
        names[..names.len().min(NAMED)].join(", "),
    );
}
