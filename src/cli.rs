//! The command line. The environment is read here, through clap, and nowhere else.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::plan::budget::{Limits, Share};

/// Elastic network interfaces for Kubernetes nodes on AWS, declared.
#[derive(Debug, Parser)]
#[command(name = "eni-operator", version, about)]
pub struct Cli {
    /// What to log: a level, or a filter such as `eni_operator=debug,kube=info`.
    #[arg(long, global = true, env = "ENI_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// How to log; text on a terminal and JSON elsewhere, unless set.
    #[arg(long, global = true, env = "ENI_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
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
    Controller(ControllerArgs),
    /// Print the CRDs as YAML.
    CrdGen(CrdGenArgs),
}

/// Arguments of `controller`.
#[derive(Debug, Clone, Args)]
pub struct ControllerArgs {
    /// Names this cluster in the tags of its ENIs; the uid of the namespace kube-system unless set. A
    /// cluster that is restored from a backup must keep the id that it had.
    #[arg(long, env = "CLUSTER_ID", value_name = "ID", value_parser = cluster_id)]
    pub cluster_id: Option<String>,

    /// AWS region; found by the AWS SDK unless set.
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,

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
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,

    /// Who holds the Lease; in a pod its name.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
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

/// Parses `ADDRESS:PORT`, `:PORT` or `0`.
fn listen_address(text: &str) -> Result<ListenAddress, String> {
    if text == "0" {
        return Ok(ListenAddress(None));
    }
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    let address = full.parse().map_err(|_| format!("{text:?} is not ADDRESS:PORT, :PORT or 0"))?;
    Ok(ListenAddress(Some(address)))
}

/// Parses a cluster id: what a tag's value and an IAM policy can hold without quoting.
fn cluster_id(text: &str) -> Result<String, String> {
    let fits = (1..=128).contains(&text.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@+=".contains(&byte));
    if fits && plain {
        Ok(text.to_owned())
    } else {
        Err("a cluster id has 1 to 128 letters, digits and -_.:/@+=".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_address_may_leave_out_the_host() {
        assert_eq!(listen_address(":8080"), Ok(ListenAddress(Some(([0, 0, 0, 0], 8080).into()))));
        assert_eq!(listen_address("0"), Ok(ListenAddress(None)));
        assert!(listen_address("8080").is_err());
    }

    #[cfg(feature = "aws")]
    #[track_caller]
    fn refused(arguments: &[&str], flag: &str) {
        let error = Cli::try_parse_from(["eni-operator", "controller"].iter().chain(arguments)).unwrap_err();
        assert!(error.to_string().contains(flag), "{error}");
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_limit_that_is_none_is_refused_by_its_flags_name() {
        for share in ["0", "-0.5", "1.01", "NaN", "half", ""] {
            refused(&[&format!("--api-share={share}")], "--api-share");
        }
        for limits in [
            "AttachNetworkInterface",
            "AttachNetworkInterface=5",
            "AttachNetworkInterface=0/5",
            "AttachNetworkInterface=5/0",
            "AttachNetworkInterface=5/inf",
            "RunInstances=5/2",
            "DeleteTags=1/1,DeleteTags=2/2",
        ] {
            refused(&[&format!("--api-limits={limits}")], "--api-limits");
        }
        refused(&["--max-concurrent-eni-cleanup=0"], "--max-concurrent-eni-cleanup");
        refused(&["--max-concurrent-instances=0"], "--max-concurrent-instances");
    }
}
