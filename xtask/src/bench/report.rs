//! What was seen.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{cluster::Writes, region::Calls};

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub(super) attachments: u32,
    pub(super) nodes: u32,
    pub(super) release: bool,
    pub(super) speed: f64,
    pub(super) bring_up: BringUp,
    pub(super) rest: Rest,
    pub(super) restart: Restart,
    pub(super) take_away: TakeAway,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct BringUp {
    /// From the first `NodeENI` to EC2's last answer.
    pub(super) seconds: f64,
    pub(super) bound_seconds: f64,
    /// Until the `NodeENI`s say that all are attached: EC2 takes its time after it has answered.
    pub(super) told_seconds: f64,
    pub(super) calls: Calls,
    pub(super) writes: Writes,
    pub(super) peak_mib: f64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Rest {
    pub(super) seconds: u64,
    pub(super) calls: Calls,
    pub(super) writes: Writes,
    pub(super) cpu_seconds: f64,
    pub(super) heartbeats: u64,
    pub(super) heartbeat_cpu_seconds: f64,
    pub(super) resident_mib: f64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Restart {
    /// From when the lease is held until every instance has been looked after and nothing is under way.
    pub(super) seconds: f64,
    pub(super) calls: Calls,
    pub(super) writes: Writes,
    pub(super) peak_mib: f64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TakeAway {
    /// From the deletion to EC2's last answer.
    pub(super) seconds: f64,
    pub(super) bound_seconds: f64,
    pub(super) gone_seconds: f64,
    pub(super) calls: Calls,
    pub(super) peak_mib: f64,
}

/// Calls that read, and calls that change something.
fn sides(calls: &Calls) -> (u64, u64) {
    let count = |reads: bool| {
        let side = calls.iter().filter(|(action, _)| action.starts_with("Describe") == reads);
        side.map(|(_, (count, _))| count).sum()
    };
    (count(true), count(false))
}

/// How many calls were not answered as they should be.
fn refused(calls: &Calls) -> u64 {
    calls.values().map(|(_, refused)| refused).sum()
}

fn listed(calls: &Calls) -> String {
    if calls.is_empty() {
        return "none".to_owned();
    }
    calls.iter().map(|(action, (count, _))| format!("{action} {count}")).collect::<Vec<_>>().join(", ")
}

fn written(writes: &Writes) -> String {
    if writes.is_empty() {
        return "none".to_owned();
    }
    writes.iter().map(|(resource, count)| format!("{resource} {count}")).collect::<Vec<_>>().join(", ")
}

impl Report {
    /// Prints a table.
    pub fn print(&self) {
        let row = |what: &str, value: String| println!("  {what:<34} {value}");
        let each =
            |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(self.attachments);
        let build = if self.release { "release" } else { "development" };
        println!(
            "\n{} attachments on {} nodes, buckets at {} times their speed, {build} build",
            self.attachments, self.nodes, self.speed
        );
        let up = &self.bring_up;
        println!("bring-up");
        row("time, bound, ratio", ratio(up.seconds, up.bound_seconds));
        row("until the NodeENIs say so", format!("{:.1} s", up.told_seconds));
        let (reads, changes) = sides(&up.calls);
        row("changing calls per ENI", format!("{:.2}", each(changes)));
        row(
            "reads",
            format!("{reads} (10 + 0.1 per ENI is {:.0})", f64::from(self.attachments).mul_add(0.1, 10.0)),
        );
        row("calls not answered with success", refused(&up.calls).to_string());
        row("calls", listed(&up.calls));
        row("writes to the API server per ENI", format!("{:.2}", each(up.writes.values().sum())));
        row("writes", written(&up.writes));
        row("peak memory", format!("{:.1} MiB", up.peak_mib));
        let rest = &self.rest;
        println!("at rest, {} s", rest.seconds);
        row("calls", listed(&rest.calls));
        row("writes", written(&rest.writes));
        row("processor time", format!("{:.2} s", rest.cpu_seconds));
        let per_minute = rest.heartbeat_cpu_seconds / seconds(rest.seconds) * 60.0;
        row(
            "processor time with heartbeats",
            format!("{per_minute:.2} s a minute ({} heartbeats)", rest.heartbeats),
        );
        row("memory", format!("{:.1} MiB", rest.resident_mib));
        println!("restart");
        row("from lease held to caught up", format!("{:.1} s", self.restart.seconds));
        row("calls", listed(&self.restart.calls));
        row("writes", written(&self.restart.writes));
        row("peak memory", format!("{:.1} MiB", self.restart.peak_mib));
        let away = &self.take_away;
        println!("deletion of all");
        row("time, bound, ratio", ratio(away.seconds, away.bound_seconds));
        row("until the NodeENIs are gone", format!("{:.1} s", away.gone_seconds));
        row("calls", listed(&away.calls));
        row("calls not answered with success", refused(&away.calls).to_string());
        row("peak memory", format!("{:.1} MiB", away.peak_mib));
    }

    /// Writes the figures as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("put the figures into JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
    }
}

fn seconds(seconds: u64) -> f64 {
    f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)).max(1.0)
}

fn ratio(seconds: f64, bound: f64) -> String {
    if bound <= 0.0 {
        return format!("{seconds:.1} s; the bursts are enough");
    }
    format!("{seconds:.1} s, {bound:.1} s, {:.3}", seconds / bound)
}
