//! Starts the node agent: journal, sockets, client, signals, and the address for metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eni_operator::agent::metrics::SharedMetrics;
use eni_operator::agent::{JournalError, JournalFile, Options, Ports, run};
use eni_operator::cli::NodeAgentArgs;
use eni_operator::cluster::{self, KubeOwnSlots};
use eni_operator::host::{Events, Linux, Places};
use eni_operator::http;
use eni_operator::kubelet::{self, DevicePlugins};
use eni_operator::mandate::Mandate;
use eni_operator::plan::host::Settings;
use eni_operator::pulse::Pulse;
use k8s_openapi::jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::process::{host_name, install_tls, stop_on_signal};

/// How often to look whether another agent of this host has gone.
const HELD_AGAIN: Duration = Duration::from_secs(1);

/// How often to try an address that is taken.
const ADDRESS_AGAIN: Duration = Duration::from_mins(1);

/// How often to look whether the loop still turns.
const WATCHDOG: Duration = Duration::from_secs(5);

/// Runs the agent until a signal ends it.
pub(crate) fn node_agent(args: NodeAgentArgs) -> anyhow::Result<()> {
    install_tls()?;
    for (flag, why) in args.without_effect() {
        tracing::info!(flag, why, "set, and without effect");
    }
    // One thread: it waits nearly always, and more would cost memory on every node.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("starting the async runtime")?.block_on(agent(args))
}

async fn agent(args: NodeAgentArgs) -> anyhow::Result<()> {
    let (stop, mut told) = watch::channel(false);
    tokio::spawn(stop_on_signal(stop, "links stay as they are")?);
    let journal = tokio::select! {
        journal = journal(&args) => journal?,
        _ = told.wait_for(|stop| *stop) => return Ok(()),
    };
    let node = args.node_name.clone().unwrap_or_else(host_name);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), node, "starting");
    // From here on nothing is missed that happens before the first look.
    let events = Events::subscribe()?;
    let client = cluster::connect(args.kubeconfig.as_deref(), cluster::OWN_WATCH_SECONDS, Mandate::unlimited()).await.context(
        "finding the Kubernetes API server: by --kubeconfig, in a pod by its service account, elsewhere by KUBECONFIG",
    )?;
    let slots = Arc::new(KubeOwnSlots::new(client, &node));
    let options = options(&args);
    watch_over(options.pulse.clone())?;
    if let Some(address) = args.metrics_addr.0 {
        tokio::spawn(serve(address, options.pulse.clone(), options.metrics.clone()));
    }
    let plugins = plugins(&args);
    let host = Linux::new(Places {
        sysfs: args.sysfs_dir,
        dev: args.dev_dir,
        udev: args.udev_dir,
        networkd: args.networkd_dir,
        resolvers: args.resolv_conf,
    });
    let wakeups = events.heed(host.late_answers());
    let watching = slots.clone();
    let ports = Ports { host, kubelet: plugins.clone(), wakeups, slots, journal };
    tokio::select! {
        () = run(ports, options, told.clone()) => Ok(()),
        () = plugins.run(told) => Ok(()),
        () = watching.watch() => anyhow::bail!("the watch of the node's slots has ended"),
    }
}

/// The way in which devices are offered to pods.
fn plugins(args: &NodeAgentArgs) -> DevicePlugins {
    let folder = &args.device_plugin_dir;
    let places = kubelet::Places {
        device_plugins: folder.clone(),
        pod_resources: args.pod_resources_socket.clone(),
        device_info: Some(args.device_info_dir.clone()),
        sysfs: args.sysfs_dir.clone(),
        state: args.state_dir.clone(),
    };
    match &args.sriov_config {
        Some(file) => DevicePlugins::configure(places, file.clone()),
        None if folder.is_dir() => DevicePlugins::new(places),
        None => {
            DevicePlugins::absent(&format!("--device-plugin-dir: there is no folder {}", folder.display()))
        }
    }
}

/// The journal, once no other agent holds it: the one before this, in an update.
async fn journal(args: &NodeAgentArgs) -> anyhow::Result<JournalFile> {
    let boot_id =
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").context("reading the boot id")?;
    let mut told = false;
    loop {
        match JournalFile::open(&args.state_dir, boot_id.trim()) {
            Err(JournalError::Held) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!("another node agent works on this host; waiting for its end");
                }
                tokio::time::sleep(HELD_AGAIN).await;
            }
            done => return done.context("--state-dir: opening the journal"),
        }
    }
}

fn options(args: &NodeAgentArgs) -> Options {
    let hands_off = Some(args.primary_interface.clone()).filter(|name| !name.is_empty());
    Options {
        settings: Settings {
            default_mtu: Some(args.default_mtu).filter(|mtu| *mtu > 0),
            interface_mtus: args.interface_mtus.0.clone(),
            carrier_patience: SignedDuration::try_from(args.interface_up_timeout)
                .unwrap_or(SignedDuration::MAX),
            hands_off: hands_off.into_iter().collect(),
            node_addresses: args.node_ip.0.iter().copied().collect(),
            binds_devices: args.bind_devices,
            allow_no_iommu: args.allow_unsafe_no_iommu,
        },
        resync: args.check_interval,
        metrics: SharedMetrics::default(),
        pulse: Pulse::default(),
    }
}

/// Ends the process when its loop does not turn any more. No probe is needed for that, and no port.
fn watch_over(pulse: Pulse) -> anyhow::Result<()> {
    let watch = move || {
        loop {
            std::thread::sleep(WATCHDOG);
            let stuck = pulse.stuck();
            if !stuck.is_empty() {
                tracing::error!(?stuck, "loops do not turn any more: the agent ends, to be started anew");
                std::process::exit(1);
            }
        }
    };
    std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch).context("starting the watchdog")?;
    Ok(())
}

/// Serves metrics for ever, as soon as the address is free. A taken one costs the metrics, and not the agent.
async fn serve(address: SocketAddr, pulse: Pulse, metrics: SharedMetrics) {
    let mut told = false;
    loop {
        let error = match TcpListener::bind(address).await {
            Ok(listener) => {
                let metrics = metrics.clone();
                let ready = || http::Readiness(true, "ok");
                http::serve(listener, pulse.clone(), ready, move || metrics.render()).await.err()
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error.filter(|_| !std::mem::replace(&mut told, true)) {
            tracing::warn!(%address, %error, "--metrics-addr: no metrics for now");
        }
        tokio::time::sleep(ADDRESS_AGAIN).await;
    }
}
