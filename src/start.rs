//! Starts the controller: clients, ids, signals, and the address for probes.

use std::time::Duration;

use anyhow::Context as _;
use eni_operator::cli::ControllerArgs;
use eni_operator::controller::{End, Options, Stage, run};
use eni_operator::ec2::aws::{Aws, AwsSettings};
use eni_operator::model::ClusterId;
use eni_operator::{cluster, http, plan};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::jiff::SignedDuration;
use kube::{Api, Client, ResourceExt};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Longest that an EC2 call may take.
///
/// Shorter than the five seconds between the end of a leader's acting and the next leader's start.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// Runs the controller until a signal or the loss of the lease ends it.
pub(crate) fn controller(args: ControllerArgs) -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let runtime = tokio::runtime::Runtime::new().context("starting the async runtime")?;
    runtime.block_on(lead(args))
}

async fn lead(args: ControllerArgs) -> anyhow::Result<()> {
    let client = cluster::connect().await.context(
        "finding the Kubernetes API server: in a pod by its service account, elsewhere by KUBECONFIG",
    )?;
    let settings =
        AwsSettings { region: args.region.clone(), endpoint_url: None, call_timeout: CALL_TIMEOUT };
    let ec2 = Aws::connect(settings).await.context("setting up the AWS SDK")?;
    let options = options(&args, &client).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), cluster = %options.settings.cluster, "starting");
    let (stop, told) = watch::channel(false);
    let (stage, shown) = watch::channel(Stage::Waiting);
    tokio::spawn(stop_on_signal(stop)?);
    if let Some(address) = args.metrics_addr.0 {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("--metrics-addr: listening on {address}"))?;
        tokio::spawn(http::serve(listener, shown));
    }
    match Box::pin(run(client, ec2, options, told, stage)).await {
        End::Told => Ok(()),
        End::LeaseLost => anyhow::bail!("the lease was lost; another controller may be leading"),
    }
}

/// The arguments, completed by what the cluster says.
async fn options(args: &ControllerArgs, client: &Client) -> anyhow::Result<Options> {
    let cluster = match &args.cluster_id {
        Some(id) => id.clone(),
        None => kube_system_uid(client).await?,
    };
    let namespace = args.lease_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let identity = args.identity.clone().unwrap_or_else(own_name);
    Ok(Options {
        settings: plan::Settings {
            cluster: ClusterId(cluster),
            listing_lag: SignedDuration::from_secs(args.listing_lag_seconds),
            agent_required: args.require_node_agent,
            sweep: sweep_rules(args),
        },
        lease: args.leader_elect.then_some((namespace, identity)),
        node_enis_at_once: args.max_concurrent_reconciles.into(),
        instances_at_once: args.max_concurrent_instances.into(),
    })
}

/// How careful to be with what a listing of the whole cluster shows.
fn sweep_rules(args: &ControllerArgs) -> plan::sweep::Rules {
    plan::sweep::Rules {
        period: SignedDuration::from_secs(args.sweep_period_seconds),
        min_age: SignedDuration::from_secs(args.orphan_min_age_seconds),
        deletions: args.sweep_deletions.into(),
        brake: args.sweep_brake.into(),
    }
}

/// The id that a cluster keeps for as long as it exists.
async fn kube_system_uid(client: &Client) -> anyhow::Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces
        .get("kube-system")
        .await
        .context("reading the namespace kube-system for its uid; --cluster-id would do instead")?;
    found.uid().context("the namespace kube-system has no uid; set --cluster-id")
}

/// A name that no other process has: outside a pod there may be several on one machine.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{}", host.trim(), std::process::id())
}

/// Sets the flag at SIGTERM or SIGINT.
fn stop_on_signal(stop: watch::Sender<bool>) -> anyhow::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping: passes under way end first");
        stop.send_replace(true);
        // The receiver may come to ask later.
        std::future::pending::<()>().await;
    })
}
