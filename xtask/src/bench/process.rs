//! The controller as a process that is measured.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::bounds::Buckets;
use crate::{
    http::text,
    process::{Guarded, Output},
    testbed::{Testbed, free_port},
};

/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_secs(30);

/// Ticks of `/proc/PID/stat` in a second, on every Linux that there is.
const TICKS: f64 = 100.0;

/// The running controller.
pub(super) struct Controller {
    process: Guarded,
    pid: u32,
    metrics: String,
    log: PathBuf,
}

/// What the kernel tells of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// Processor time in seconds.
    pub(super) cpu: f64,
    /// The most memory that it has had, in MiB.
    pub(super) peak: f64,
    /// The memory that it has, in MiB.
    pub(super) resident: f64,
}

impl Controller {
    pub(super) fn start(binary: &Path, testbed: &Testbed, buckets: &Buckets, life: u32) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let log = testbed.folder().join(format!("controller-{life}.log"));
        let mut command = Command::new(binary);
        command
            .args(["controller", "--require-node-agent=false", "--cluster-id=bench"])
            .args(["--identity=bench", "--metrics-addr", &address])
            .args(buckets.arguments())
            .envs(testbed.environment_of_controller()?);
        let process = Guarded::spawn("the controller", &command, &Output::Log(log.clone()))?;
        let mut controller = Self { process, pid: 0, metrics: format!("http://{address}"), log };
        let deadline = Instant::now() + GRACE;
        while controller.pid == 0 {
            controller.process.check_alive()?;
            controller.pid = pid_of(binary, &address)?.unwrap_or_default();
            if Instant::now() > deadline {
                bail!("the controller's process is not found in /proc");
            }
        }
        Ok(controller)
    }

    /// Fails if it has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.process.check_alive()
    }

    /// Asks it to end, and waits.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.process.stop(GRACE).map(drop)
    }

    /// Whether it has said this.
    pub(super) fn has_said(&self, words: &str) -> bool {
        fs::read_to_string(&self.log).unwrap_or_default().contains(words)
    }

    /// The sum of a metric over all labels that contain some text; none before it serves.
    pub(super) fn metric(&self, name: &str, labels: &str) -> Option<f64> {
        let all = text("GET", &self.metrics, "/metrics", "text/plain", "").ok()?;
        let named = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(labels))
        };
        Some(all.lines().filter(named).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// What the kernel tells of it.
    pub(super) fn usage(&self) -> Result<Usage> {
        let read = |file: &str| {
            let path = format!("/proc/{}/{file}", self.pid);
            fs::read_to_string(&path).with_context(|| format!("read {path}"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        // After the name in brackets: the state is the third field, utime and stime the 14th and 15th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3).and_then(|ticks| ticks.parse::<f64>().ok());
        let mebibytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
        };
        Ok(Usage {
            cpu: (ticks(14).context("no utime")? + ticks(15).context("no stime")?) / TICKS,
            peak: mebibytes("VmHWM:").context("no VmHWM")?,
            resident: mebibytes("VmRSS:").context("no VmRSS")?,
        })
    }
}

/// The process that runs a binary with an argument: not the shell that guards it.
fn pid_of(binary: &Path, argument: &str) -> Result<Option<u32>> {
    let binary = fs::canonicalize(binary).context("find the binary")?;
    for entry in fs::read_dir("/proc").context("read /proc")? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let runs = fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == binary);
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if runs && String::from_utf8_lossy(&command).contains(argument) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}
