//! Chaos: the real controller, killed again and again at chosen requests, in an EC2 that has bad days.
//!
//! Its parts are there for the operator's tests too: doors that count and hold requests, the weather at
//! the API server, a world whose intent is known, and a checker that does not believe the operator.

mod api_door;
mod check;
mod controller;
mod door;
mod ec2_door;
mod gate;
mod region;
mod rng;
mod round;
mod weather;
mod world;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

pub use self::{
    controller::{Controller, GRACE},
    door::Door,
    gate::{Asked, Gate, Moment},
    region::{Node, Region},
    weather::{Sky, Weather},
    world::{Want, World},
};
use self::{
    rng::Rng,
    round::{Done, Round},
};
use crate::{
    cargo,
    testbed::{Testbed, TestbedOptions},
};

/// What to do to the controller.
#[derive(Debug, Clone, Args)]
pub struct ChaosOptions {
    /// How often it is killed.
    #[arg(long, default_value_t = 25, value_name = "N")]
    pub kills: usize,

    /// Where chance comes from: which requests, and what goes wrong in EC2.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,

    /// How many controllers at once, each with an API server and an EC2 of its own.
    #[arg(long, default_value_t = 1, value_name = "L")]
    pub lanes: usize,

    /// Write the result to this file too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What was done, and nothing was wrong after it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Where chance came from.
    pub seed: u64,
    /// How often the controller was killed.
    pub kills: usize,
    /// Those of them at a request to EC2; the others were at one to the API server.
    pub kills_at_ec2: usize,
    /// Lives of a `NodeENI`, from its creation to its end.
    pub rounds: usize,
    /// Requests that the controllers made, to both ports.
    pub requests: usize,
    /// ENIs that were made, each of which was wanted.
    pub enis: usize,
    /// How long it took.
    pub seconds: u64,
}

/// `cargo xtask chaos`.
pub fn command(options: &ChaosOptions) -> Result<()> {
    eprintln!("building eni-operator (the AWS SDK takes 8 minutes and 8 GB of memory, once per machine)");
    let report = run(options, &cargo::build_binary("eni-operator")?)?;
    let text = serde_json::to_string_pretty(&report).context("write the result as JSON")?;
    println!("{text}");
    if let Some(file) = &options.json {
        std::fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

/// Kills the controller as often as that. Fails at the first thing that is not as it should be.
pub fn run(options: &ChaosOptions, binary: &Path) -> Result<Report> {
    let begun = Instant::now();
    let lanes = options.lanes.max(1);
    let each = options.kills.div_ceil(lanes);
    let results: Vec<Result<Report>> = std::thread::scope(|scope| {
        let lane = |number: usize| {
            let kills = each.min(options.kills.saturating_sub(number * each));
            let seed = options.seed.wrapping_add(u64::try_from(number).unwrap_or_default() << 32);
            scope.spawn(move || run_lane(binary, number, seed, kills))
        };
        let running: Vec<_> = (0..lanes).map(lane).collect();
        running.into_iter().map(|lane| lane.join().unwrap_or_else(|_| bail!("a lane panicked"))).collect()
    });
    let mut report = Report { seed: options.seed, ..Report::default() };
    for lane in results {
        let lane = lane.with_context(|| format!("seed {}", options.seed))?;
        report.kills += lane.kills;
        report.kills_at_ec2 += lane.kills_at_ec2;
        report.rounds += lane.rounds;
        report.requests += lane.requests;
        report.enis += lane.enis;
    }
    report.seconds = begun.elapsed().as_secs();
    Ok(report)
}

/// Rounds in one testbed, until the controller was killed as often as that.
fn run_lane(binary: &Path, lane: usize, seed: u64, kills: usize) -> Result<Report> {
    let ec2_args = vec!["--unthrottled".to_owned(), "--seed".to_owned(), seed.to_string()];
    let testbed = Testbed::start(&TestbedOptions { ec2: true, ec2_args, ..TestbedOptions::default() })?;
    testbed.install_crds()?;
    // Cargo may put another one in its place meanwhile.
    let copy = testbed.folder().join("eni-operator");
    std::fs::copy(binary, &copy).with_context(|| format!("copy {}", binary.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start tokio")?;
    runtime.block_on(async {
        let mut chance = Rng::new(seed);
        let mut report = Report::default();
        while report.kills < kills {
            let name = format!("chaos-{lane}-{}", report.rounds);
            let left = kills - report.kills;
            let Done { kills, at_ec2, requests, enis } =
                Round::begin(&testbed, &copy, &name, &mut chance, left).await?.run().await?;
            report.kills += kills;
            report.kills_at_ec2 += at_ec2;
            report.requests += requests;
            report.enis += enis;
            report.rounds += 1;
        }
        Ok(report)
    })
}
