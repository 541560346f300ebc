//! The command line. The environment is read here, through clap, and nowhere else.

mod agent;
mod document;
mod modules;
mod parsers;
mod reference;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use agent::NodeAgentArgs;
pub use document::document;
pub use modules::LoadModulesArgs;
pub use reference::{Accepted, WITHOUT_EFFECT, WITHOUT_EFFECT_ON_NODES};

use parsers::{cluster_id, identity, listen_address, namespace, region};

use crate::plan::budget::{Limits, Share};

/// Elastic network interfaces for Kubernetes nodes on AWS, declared.
#[derive(Debug, Parser)]
#[command(name = "eni-operator", version, about)]
pub struct Cli {
    /// What to log: a level, which above `info` is the operator's own and its libraries stay at `info`, or a filter
    /// such as `eni_operator=debug,kube=debug`.
    #[arg(long, global = true, env = "ENI_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// How to log; text on a terminal and JSON elsewhere, unless set.
    #[arg(long, global = true, env = "ENI_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Whether to log text rather than JSON, in the reference system's words; --log-format goes before.
    #[arg(long, global = true, env = "DEV_MODE", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub dev_mode: Option<bool>,

    /// Where Kubernetes looks for the last words of a container, if the file is there.
    #[arg(long, global = true, env = TERMINATION_LOG, default_value = "/dev/termination-log", value_name = "FILE")]
    pub termination_log: PathBuf,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What is set in the environment for the reference system and has no effect here.
    #[arg(skip)]
    pub without_effect: Vec<&'static Accepted>,
}

/// The variable that names the file for last words.
const TERMINATION_LOG: &str = "TERMINATION_LOG";

/// The variable by which the reference system's image chooses what to be.
const COMPONENT: &str = "COMPONENT";

impl Cli {
    /// Parses a command line, and what the environment adds to it.
    ///
    /// A variable that is set to nothing counts as not set: charts render those. Without a subcommand the
    /// reference system's image is meant: its flags, and its variable `COMPONENT`.
    pub fn from(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let command = without_empty_variables(Self::command());
        let args = with_subcommand(args.into_iter().collect(), &command, variable(COMPONENT).as_deref());
        let matches = command.try_get_matches_from(args)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let table = cli.command.without_effect();
        cli.without_effect = table.iter().filter(|one| variable(one.variable).is_some()).collect();
        #[cfg(feature = "aws")]
        if let (Command::Controller(args), Some((_, given))) = (&mut cli.command, matches.subcommand()) {
            args.region_by_flag =
                given.value_source("region") == Some(clap::parser::ValueSource::CommandLine);
        }
        Ok(cli)
    }

    /// How to log, if that was said.
    #[must_use]
    pub fn format(&self) -> Option<LogFormat> {
        let by_mode = self.dev_mode.map(|text| if text { LogFormat::Text } else { LogFormat::Json });
        self.log_format.or(by_mode)
    }
}

/// Where to put the last words about a command line that cannot be parsed.
#[must_use]
pub fn termination_log() -> PathBuf {
    variable(TERMINATION_LOG).map_or_else(|| PathBuf::from("/dev/termination-log"), PathBuf::from)
}

/// A variable of the environment that is set to something.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it beside clap")]
fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    std::env::var_os(name.as_ref()).filter(|value| !value.is_empty())
}

/// The command without the variables that are set to nothing, which clap would take for values.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if variable(name).is_none() => arg.env(None),
        Some(_) | None => arg,
    });
    command.mut_subcommands(without_empty_variables)
}

/// The command line of the reference system's image, which knows no subcommands, with the one it means.
fn with_subcommand(
    mut args: Vec<OsString>,
    command: &clap::Command,
    component: Option<&OsStr>,
) -> Vec<OsString> {
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect();
    let plain = ["--help", "-h", "--version", "-V"];
    let knows = |arg: &OsString| arg.to_str().is_some_and(|arg| names.contains(&arg) || plain.contains(&arg));
    let nothing_said = args.len() < 2 && component.is_none();
    if !nothing_said && !args.iter().skip(1).any(knows) {
        let agent = component.is_some_and(|name| name == "eni-manager");
        args.insert(1.min(args.len()), if agent { "node-agent" } else { "controller" }.into());
    }
    args
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch NodeENIs, and create, attach and remove ENIs.
    #[cfg(feature = "aws")]
    Controller(Box<ControllerArgs>),
    /// Delete all NodeENIs, and wait until their ENIs have gone: what comes before an uninstall.
    Drain(DrainArgs),
    /// Set up the links of this node's ENIs, and let go of them.
    #[cfg(feature = "node")]
    NodeAgent(Box<NodeAgentArgs>),
    /// Load the modules of the kernel that devices are bound to for DPDK, and end: for an init container.
    #[cfg(feature = "node")]
    LoadModules(LoadModulesArgs),
    /// Print the CRDs as YAML.
    CrdGen(CrdGenArgs),
}

impl Command {
    /// The reference system's variables that mean nothing to it.
    fn without_effect(&self) -> &'static [Accepted] {
        match self {
            #[cfg(feature = "aws")]
            Self::Controller(_) => WITHOUT_EFFECT,
            #[cfg(feature = "node")]
            Self::NodeAgent(_) => WITHOUT_EFFECT_ON_NODES,
            #[cfg(feature = "node")]
            Self::LoadModules(_) => &[],
            Self::Drain(_) | Self::CrdGen(_) => &[],
        }
    }
}

/// Arguments of `controller`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ControllerArgs {
    /// Names this cluster in the tags of its ENIs; the uid of the namespace kube-system unless set. A
    /// cluster that is restored from a backup must keep the id that it had.
    #[arg(long, env = "CLUSTER_ID", value_name = "ID", value_parser = cluster_id)]
    pub cluster_id: Option<String>,

    /// AWS region; unless set, that of the AWS profile, of the nodes' labels, or of IMDS, in this order.
    #[arg(long, env = "AWS_REGION", value_name = "REGION", value_parser = region)]
    pub region: Option<String>,

    /// Whether it was the flag that said the region.
    #[arg(skip)]
    pub region_by_flag: bool,

    /// How to reach the Kubernetes API server; unless set, what `KUBECONFIG` lists, or the pod's service
    /// account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Whether to raise the hop limit of the instance metadata service, on the instances of selected nodes.
    #[arg(long, env = "IMDS_AUTO_CONFIGURE_HOP_LIMIT", default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub imds_auto_configure_hop_limit: bool,

    /// What to raise it to, in network hops. A higher one stays.
    #[arg(long, env = "IMDS_HOP_LIMIT", default_value_t = 2, value_name = "HOPS", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub imds_hop_limit: u32,

    /// Where to serve /healthz and /readyz: ADDRESS:PORT or :PORT, or 0 for nowhere.
    #[arg(long, env = "METRICS_ADDR", default_value = ":8080", value_name = "ADDRESS", value_parser = listen_address)]
    pub metrics_addr: ListenAddress,

    /// Whether an ENI is ready only when the agent on its node says so.
    #[arg(long, env = "REQUIRE_NODE_AGENT", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_node_agent: bool,

    /// How long a change may be missing from EC2's listings, in seconds.
    #[arg(long, env = "LISTING_LAG_SECONDS", default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=3600))]
    pub listing_lag_seconds: i64,

    /// Time between two listings of all ENIs of the cluster, in seconds. They find drift and orphans.
    #[arg(long, env = "SWEEP_PERIOD_SECONDS", default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(10..=86_400))]
    pub sweep_period_seconds: i64,

    /// How old an ENI must be, in seconds, before it is taken for one that nothing wants any more.
    #[arg(long, env = "ORPHAN_MIN_AGE_SECONDS", default_value_t = 900, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(60..=604_800))]
    pub orphan_min_age_seconds: i64,

    /// How many orphaned ENIs are given up in one period.
    #[arg(long, env = "SWEEP_DELETIONS", default_value_t = 50, value_name = "N")]
    pub sweep_deletions: u16,

    /// The share of all ENIs, in per cent, that may be orphans or missing; where it is more, nothing is
    /// deleted. 100 switches the brake off.
    #[arg(long, env = "SWEEP_BRAKE", default_value_t = 50, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub sweep_brake: u8,

    /// Whether to act only while holding the Lease.
    #[arg(long, visible_alias = "enable-leader-election", env = "ENABLE_LEADER_ELECTION", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub leader_elect: bool,

    /// Namespace of the Lease; the pod's own unless set.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE", value_parser = namespace)]
    pub lease_namespace: Option<String>,

    /// Who holds the Lease; in a pod its name.
    #[arg(long, env = "POD_NAME", value_name = "NAME", value_parser = identity)]
    pub identity: Option<String>,

    /// NodeENIs that are worked on at once.
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub max_concurrent_reconciles: u16,

    /// Instances that are worked on at once.
    #[arg(long, env = "MAX_CONCURRENT_INSTANCES", default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub max_concurrent_instances: u16,

    /// ENIs that are detached or deleted at once.
    #[arg(long, env = "MAX_CONCURRENT_ENI_CLEANUP", default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub max_concurrent_eni_cleanup: u16,

    /// Which share of EC2's request limits to use: more than 0, at most 1. The rest is for others in the
    /// account.
    #[arg(long, env = "API_SHARE", default_value = "0.5", value_name = "SHARE")]
    pub api_share: Share,

    /// Request limits of the account that are not the documented ones, such as
    /// `AttachNetworkInterface=100/10,CreateNetworkInterface=200/10`: how many calls at once, and a second.
    #[arg(long, env = "API_LIMITS", default_value = "", hide_default_value = true, value_name = "LIMITS")]
    pub api_limits: Limits,
}

/// Arguments of `drain`.
#[derive(Debug, Clone, Args)]
pub struct DrainArgs {
    /// How to reach the Kubernetes API server; unless set, what `KUBECONFIG` lists, or the pod's service
    /// account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// How long to wait, in seconds.
    #[arg(long, env = "DRAIN_TIMEOUT_SECONDS", default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout_seconds: u64,
}

/// Arguments of `crd-gen`.
#[derive(Debug, Clone, Args)]
pub struct CrdGenArgs {
    /// Only the CRD of this kind.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<CrdKind>,
}

/// The kinds that have a CRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CrdKind {
    /// What users write.
    #[value(name = "NodeENI", alias = "nodeeni")]
    NodeENI,
    /// One ENI on one node.
    #[value(name = "NodeENIAttachment", alias = "nodeeniattachment")]
    NodeENIAttachment,
}

/// Where to listen; `None` for nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub Option<std::net::SocketAddr>);

#[cfg(test)]
mod tests;
