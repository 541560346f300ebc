//! `cargo xtask demo`: the operator at work, on a real API server and a simulated EC2.
//!
//! The controller is its real binary with the real AWS SDK, and what is applied is an example as it stands in
//! `examples/`, by the real kubectl. Only EC2 and the nodes are played.

mod acts;
mod controller;
mod nodes;
mod region;
mod report;
mod rows;
mod script;
mod stage;
mod table;
mod users_cluster;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

pub use self::report::{Calls, PhaseCalls, Report, Seconds};
use self::{acts::Play, stage::Stage};
use crate::runtime::block_on;

/// How long each phase may take.
const DEADLINE: Duration = Duration::from_mins(2);

/// What is shown, and how.
#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// Take everything down again as soon as it was up, and fail if anything is left.
    #[arg(long)]
    pub once: bool,
    /// Write what happened into this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Use this cluster instead of an API server of its own; all that is put into it is taken out again.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Show one node instead, which is a virtual machine with a kernel of its own and the node agent in it.
    #[arg(long, conflicts_with_all = ["json", "kubeconfig", "nodes"])]
    pub vm: bool,
    /// How many nodes there are.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub nodes: u32,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { once: false, json: None, kubeconfig: None, vm: false, nodes: 6 }
    }
}

/// Shows it, until it is over or a signal comes.
pub fn run(options: &DemoOptions) -> Result<Report> {
    let started = Instant::now();
    let stage = Stage::set(options)?;
    let report = block_on(perform(&stage, options, started))??;
    if let Some(path) = &options.json {
        report.write(path)?;
        println!("what happened is in {}", path.display());
    }
    Ok(report)
}

async fn perform(stage: &Stage, options: &DemoOptions, started: Instant) -> Result<Report> {
    let mut interrupt = signal(SignalKind::interrupt()).context("wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    let before = users_cluster::look(stage).await?;
    let mut play = Play::new(stage, options)?;
    let outcome = tokio::select! {
        outcome = play.acts(started) => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    let cleaned = users_cluster::clean_up(stage, &mut play, before).await;
    outcome?;
    cleaned?;
    Ok(play.into_report())
}
