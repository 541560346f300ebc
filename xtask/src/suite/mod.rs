//! `cargo xtask test`: everything that has to hold, the fast parts first.
//!
//! A step that fails does not keep the others from running. In CI nothing is skipped: what is missing on the
//! machine fails there, and is said to be skipped elsewhere.

mod demo;
mod deny;
mod libtest;
mod moto;
mod step;
mod steps;

use std::time::Instant;

use anyhow::{Result, ensure};

use self::{
    libtest::Count,
    step::{Outcome, Step},
};
use crate::{parts::in_ci, progress::pretty};

/// Runs the steps whose titles contain `filter`. Returns whether nothing failed.
pub fn run(filter: Option<&str>) -> Result<bool> {
    let filter = filter.unwrap_or_default();
    let steps: Vec<Step> = steps::all().into_iter().filter(|step| step.title.contains(filter)).collect();
    ensure!(
        !steps.is_empty(),
        "no step's title contains {filter:?}: the titles are: {}",
        titles().join(", ")
    );
    crate::cargo::keep_build_folder()?;
    let started = Instant::now();
    let mut total = Count::default();
    let mut said = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        println!("\n=== {}/{} {}", at + 1, steps.len(), step.title);
        let outcome = run_step(step);
        said.extend(outcome.remarks.iter().map(|remark| format!("{}: {remark}", step.title)));
        total += outcome.count;
    }
    conclude(total, &said, started);
    Ok(total.failed == 0)
}

fn run_step(step: &Step) -> Outcome {
    let started = Instant::now();
    let outcome = (step.run)().unwrap_or_else(|error| Outcome::failure(&format!("{error:#}")));
    let outcome = if in_ci() { outcome.without_skips() } else { outcome };
    for remark in &outcome.remarks {
        println!("{remark}");
    }
    println!("--- {}, {}", outcome.count, pretty(started.elapsed()));
    outcome
}

fn conclude(total: Count, said: &[String], started: Instant) {
    println!("\n=== all of it, {}", pretty(started.elapsed()));
    for line in said {
        println!("{line}");
    }
    if total.ignored > 0 {
        println!("ignored, each with its reason in the source: {}", total.ignored);
    }
    println!("{} passed, {} failed", total.passed, total.failed);
}

/// The titles of all steps, in their order.
#[must_use]
pub fn titles() -> Vec<&'static str> {
    steps::all().iter().map(|step| step.title).collect()
}
