//! The demonstration as a test: what a user sees has to hold.

use anyhow::{Result, ensure};

use super::step::Outcome;
use crate::{
    demo::{self, DemoOptions, Report},
    repo,
};

/// Create, Attach, and the one Modify that delete-on-termination takes.
const MUTATING_PER_ENI: f64 = 3.0;

/// Reads that a bring-up may take: ten for a burst of any size, and one for every ten ENIs.
const READS: u64 = 10 + ENIS as u64 / 10;

/// Two subnets on each of six nodes.
const ENIS: usize = 12;

/// Runs it once and looks at its report.
pub(super) fn run() -> Result<Outcome> {
    let json = Some(repo::at("target/demo.json"));
    let report = demo::run(&DemoOptions { once: true, json, ..DemoOptions::default() })?;
    judge(&report)?;
    Ok(Outcome::success())
}

fn judge(report: &Report) -> Result<()> {
    let (enis, reads, per_eni) = (report.eni_count(), report.reads, report.mutating_per_eni);
    ensure!(enis == ENIS, "the demo brought up {enis} ENIs, not {ENIS}");
    ensure!(
        (per_eni - MUTATING_PER_ENI).abs() < 1e-9,
        "the demo took {per_eni} changing EC2 calls per ENI, not {MUTATING_PER_ENI}: {:?}",
        report.ec2_calls.bring_up
    );
    ensure!(
        reads <= READS,
        "the demo took {reads} reads, more than {READS}: {:?}",
        report.ec2_calls.bring_up
    );
    ensure!(report.left_over == 0, "the demo left {} ENIs in EC2", report.left_over);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_judged() {
        let error = judge(&Report::default()).unwrap_err().to_string();
        assert_eq!(error, "the demo brought up 0 ENIs, not 12");
    }
}
