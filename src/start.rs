//! Starts the controller: clients, ids, signals, and the address for probes.

use std::time::Duration;

use anyhow::Context as _;
use eni_operator::cli::{ControllerArgs, ListenAddress};
use eni_operator::cluster::node::SlimNode;
use eni_operator::controller::budget::BudgetSettings;
use eni_operator::controller::metrics::SharedMetrics;
use eni_operator::controller::{End, Options, Ports, Pulse, Stage, run};
use eni_operator::ec2::aws::{self, Aws, AwsSettings, ConnectError};
use eni_operator::mandate::Mandate;
use eni_operator::model::ClusterId;
use eni_operator::plan::node::NodeFacts;
use eni_operator::plan::region::{Configured, Source, choose};
use eni_operator::{cluster, http, plan};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::jiff::SignedDuration;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::process::{host_name, install_tls, stop_on_signal};

/// Longest that an EC2 call may take.
///
/// Shorter than the five seconds between the end of a leader's acting and the next leader's start.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// How often to look for credentials before giving up.
const CREDENTIAL_TRIES: u32 = 4;

/// How long to wait between two looks.
const CREDENTIAL_WAIT: Duration = Duration::from_secs(3);

/// How many nodes are asked for their region. They are all in one, but for mistakes.
const NODES_ASKED: u32 = 100;

/// Runs the controller until a signal or the loss of the lease ends it.
pub(crate) fn controller(args: ControllerArgs) -> anyhow::Result<()> {
    install_tls()?;
    let runtime = tokio::runtime::Runtime::new().context("starting the async runtime")?;
    runtime.block_on(lead(args))
}

async fn lead(args: ControllerArgs) -> anyhow::Result<()> {
    let client = kubernetes(&args, Mandate::unlimited()).await?;
    let region = region(&args, &client).await?;
    let settings = AwsSettings { region: Some(region), endpoint_url: None, call_timeout: CALL_TIMEOUT };
    let ec2 = authenticated(settings).await?;
    let mandate = if args.leader_elect { Mandate::none() } else { Mandate::unlimited() };
    let within = kubernetes(&args, mandate.clone()).await?;
    let options = options(&args, &client).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), cluster = %options.settings.cluster, "starting");
    let ports = Ports { lease: client, client: within, ec2: ec2.within(mandate.clone()), mandate };
    let (stop, told) = watch::channel(false);
    let (stage, shown) = watch::channel(Stage::Waiting);
    tokio::spawn(stop_on_signal(stop, "passes under way end first")?);
    let serving = probes(args.metrics_addr, shown, &options).await?;
    tokio::select! {
        end = Box::pin(run(ports, options, told, stage)) => match end {
            End::Told => Ok(()),
            End::LeaseLost => anyhow::bail!("the lease was lost; another controller may be leading"),
        },
        ended = serving => {
            // What cannot be probed would be killed for it, without a word.
            ended.context("serving probes")?.context("serving probes")?;
            anyhow::bail!("probes are served no more")
        }
    }
}

/// Kubernetes, within a mandate.
async fn kubernetes(args: &ControllerArgs, mandate: Mandate) -> anyhow::Result<Client> {
    cluster::connect(args.kubeconfig.as_deref(), cluster::WATCH_SECONDS, mandate).await.context(
        "finding the Kubernetes API server: by --kubeconfig, in a pod by its service account, elsewhere by KUBECONFIG",
    )
}

/// Serves probes, if an address says where. Ends only if that fails.
async fn probes(
    address: ListenAddress,
    stage: watch::Receiver<Stage>,
    options: &Options,
) -> anyhow::Result<tokio::task::JoinHandle<std::io::Result<()>>> {
    let Some(address) = address.0 else { return Ok(tokio::spawn(std::future::pending())) };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("--metrics-addr: listening on {address}"))?;
    let metrics = options.metrics.clone();
    let readiness = move || readiness(*stage.borrow());
    Ok(tokio::spawn(http::serve(listener, options.pulse.clone(), readiness, move || metrics.render())))
}

/// Ready unless it leads and has not seen everything yet: a replica that waits for the lease does what it is
/// there for.
fn readiness(stage: Stage) -> http::Readiness {
    match stage {
        Stage::Waiting => http::Readiness(true, "another replica leads"),
        Stage::CatchingUp => http::Readiness(false, "catching up with the API server"),
        Stage::Leading => http::Readiness(true, "ok"),
    }
}

/// EC2, once there are credentials.
///
/// A process that has none could do nothing but say so: it ends, which stops a rollout, shows in the pod's
/// state, and leaves the lease to a replica that has some. What serves credentials may come up with the node
/// and after us, so it is given a moment. Credentials that fail later make the controller read only instead.
async fn authenticated(settings: AwsSettings) -> anyhow::Result<Aws> {
    let ec2 = Aws::connect(settings).await?;
    let mut tries = 1;
    loop {
        match ec2.find_credentials().await {
            Ok(()) => return Ok(ec2),
            Err(error @ ConnectError::NoCredentials(_)) if tries < CREDENTIAL_TRIES => {
                tracing::warn!(%error, "no credentials yet");
                tries += 1;
                tokio::time::sleep(CREDENTIAL_WAIT).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The region: by the flag, the environment, the profile, the nodes, or IMDS.
async fn region(args: &ControllerArgs, client: &Client) -> anyhow::Result<String> {
    let configured = match &args.region {
        Some(region) if args.region_by_flag => Some((region.clone(), Source::Flag)),
        Some(region) => Some((region.clone(), Source::Environment)),
        None => aws::region_of_profile().await.map(|region| (region, Source::Profile)),
    };
    let configured = configured.map(|(region, source)| Configured { region, source });
    let nodes = Api::<SlimNode>::all(client.clone()).list(&ListParams::default().limit(NODES_ASKED)).await;
    let facts: Vec<NodeFacts> = match nodes {
        Ok(nodes) => nodes.iter().map(SlimNode::facts).collect(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "nodes do not tell their region");
            vec![]
        }
    };
    let choice = choose(configured, &facts);
    if let Some(contradiction) = choice.contradiction {
        tracing::warn!(contradiction, "regions contradict each other");
    }
    let by_metadata = || async {
        let region = aws::region_of_metadata().await?;
        Some(Configured { region, source: Source::InstanceMetadata })
    };
    let chosen = match choice.region {
        Some(chosen) => chosen,
        None => by_metadata().await.context(ConnectError::NoRegion)?,
    };
    tracing::info!(region = chosen.region, by = ?chosen.source, "AWS region");
    Ok(chosen.region)
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
            hop_limit: args.imds_auto_configure_hop_limit.then_some(args.imds_hop_limit),
            sweep: sweep_rules(args),
        },
        lease: args.leader_elect.then_some((namespace, identity)),
        node_enis_at_once: args.max_concurrent_reconciles.into(),
        instances_at_once: args.max_concurrent_instances.into(),
        budget: BudgetSettings {
            limits: args.api_limits.clone(),
            share: args.api_share,
            cleanup_at_once: args.max_concurrent_eni_cleanup.into(),
        },
        metrics: SharedMetrics::default(),
        pulse: Pulse::default(),
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
    format!("{}_{}", host_name(), std::process::id())
}
