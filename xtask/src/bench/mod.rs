//! `cargo xtask bench`: how fast the operator is, and what it costs, on a real API server and a simulated EC2.
//!
//! Nodes are API objects and instances are the simulator's; the controller is its real binary with the AWS SDK.

mod bounds;
mod cluster;
mod phases;
mod process;
mod region;
mod report;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

pub use self::report::Report;
use self::{bounds::Buckets, phases::Bench};
use crate::{
    cargo,
    testbed::{Testbed, TestbedOptions},
};

/// What is measured.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Bring ENIs up, leave them alone, restart the controller, take them away.
    Controller(ControllerBench),
}

/// How the controller is measured.
#[derive(Debug, Clone, Args)]
pub struct ControllerBench {
    /// How many ENIs.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub attachments: u32,
    /// On how many nodes; as many as ENIs unless set, and 1000 at most. Each NodeENI has one ENI per node.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub nodes: Option<u32>,
    /// Which share of the buckets the controller may use.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub api_share: f64,
    /// How many times as fast as documented the buckets fill, on both sides. Their bursts stay.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0)]
    pub speed: f64,
    /// How long to look at the controller while nothing happens, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub rest: u64,
    /// Measure a release build. Figures that are written down come from one.
    #[arg(long)]
    pub release: bool,
    /// Write the figures into this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl ControllerBench {
    /// How many nodes there are.
    fn node_count(&self) -> u32 {
        self.nodes.unwrap_or_else(|| self.attachments.min(1000))
    }

    /// How many `NodeENI`s: each has one ENI on each node.
    fn node_enis(&self) -> u32 {
        self.attachments / self.node_count()
    }
}

/// Measures, and prints what was seen.
pub fn run(command: &BenchCommand) -> Result<()> {
    let BenchCommand::Controller(options) = command;
    ensure!(
        options.attachments.is_multiple_of(options.node_count()),
        "--attachments is not a multiple of --nodes: each NodeENI has one ENI on each node"
    );
    ensure!(options.node_enis() <= region::MOST_PER_NODE, "more ENIs than a node takes: more --nodes");
    let profile: &[&str] = if options.release { &["--release"] } else { &[] };
    let binary = cargo::build_binary_with("eni-operator", profile)?;
    let testbed = Testbed::start(&TestbedOptions { ec2: true, ..TestbedOptions::default() })?;
    testbed.install_crds()?;
    let buckets = Buckets::new(options.speed, options.api_share)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start tokio")?;
    let report = runtime.block_on(async {
        let mut bench = Bench::new(options, &testbed, &binary, &buckets).await?;
        bench.run().await
    })?;
    report.print();
    if let Some(path) = &options.json {
        report.write(path)?;
        println!("the figures are in {}", path.display());
    }
    Ok(())
}
