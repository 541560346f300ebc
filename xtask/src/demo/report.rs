//! What happened, for programs.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use super::rows::Row;

/// Calls by action.
pub type Calls = BTreeMap<String, u64>;

/// What happened in a demonstration.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many nodes there were.
    pub nodes: usize,
    /// In how many zones.
    pub zones: usize,
    /// The ENIs when all were ready.
    pub(super) enis: Vec<Row>,
    /// The calls to EC2.
    pub ec2_calls: PhaseCalls,
    /// Calls that change something, per ENI brought up.
    pub mutating_per_eni: f64,
    /// Calls that only read, of the bring-up.
    pub reads: u64,
    /// How long it took.
    pub seconds: Seconds,
    /// ENIs with the cluster's tag in EC2 at the end.
    pub left_over: usize,
}

/// Calls to EC2 by phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseCalls {
    /// From the apply until all ENIs were ready.
    pub bring_up: Calls,
    /// From the delete until the object was gone.
    pub tear_down: Calls,
}

/// Seconds by phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seconds {
    /// Until the controller ran.
    pub set_up: f64,
    /// From the apply until all ENIs were ready.
    pub bring_up: f64,
    /// From the delete until the object was gone.
    pub tear_down: f64,
}

impl Report {
    /// How many ENIs were ready.
    #[must_use]
    pub fn eni_count(&self) -> usize {
        self.enis.len()
    }

    /// Sets the calls of the bring-up, and what follows from them.
    pub(super) fn set_bring_up(&mut self, calls: Calls) {
        let sum = |reading| {
            calls.iter().filter(|(action, _)| is_read(action) == reading).map(|(_, n)| n).sum::<u64>()
        };
        self.reads = sum(true);
        // Both are small numbers, far below what a double holds exactly.
        #[allow(clippy::cast_precision_loss)]
        let per_eni = sum(false) as f64 / self.enis.len().max(1) as f64;
        self.mutating_per_eni = per_eni;
        self.ec2_calls.bring_up = calls;
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("write the report as JSON")?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
    }
}

fn is_read(action: &str) -> bool {
    action.starts_with("Describe") || action.starts_with("Get")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_sorted_into_changes_and_reads() {
        let mut report = Report { enis: vec![Row::default(); 2], ..Report::default() };
        let calls = [("CreateNetworkInterface", 2), ("AttachNetworkInterface", 3), ("DescribeSubnets", 4)];
        report.set_bring_up(calls.map(|(action, count)| (action.to_owned(), count)).into());
        assert_eq!(report.reads, 4);
        assert!((report.mutating_per_eni - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn json_has_the_promised_keys() {
        let json = serde_json::to_value(Report::default()).unwrap();
        for pointer in [
            "/nodes",
            "/zones",
            "/enis",
            "/ec2Calls/bringUp",
            "/ec2Calls/tearDown",
            "/mutatingPerEni",
            "/reads",
        ] {
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
        for pointer in ["/seconds/setUp", "/seconds/bringUp", "/seconds/tearDown", "/leftOver"] {
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
