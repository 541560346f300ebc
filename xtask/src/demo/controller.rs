//! The operator's controller as a real process.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    cargo,
    process::{Guarded, Output},
    repo,
};

/// Whose the ENIs are, in their tags.
pub(super) const CLUSTER: &str = "demo";

/// Where its log goes, from the root of the repository.
const LOG: &str = "target/demo/controller.log";

/// How long it may take to give back its lease and end.
const GRACE: Duration = Duration::from_secs(10);

/// The running controller.
#[derive(Debug)]
pub(super) struct Controller {
    process: Guarded,
}

impl Controller {
    /// Builds the operator as it is shipped, with the AWS SDK.
    pub(super) fn build() -> Result<PathBuf> {
        eprintln!("building eni-operator (the AWS SDK takes 8 minutes and 8 GB of memory, once per machine)");
        cargo::build_binary("eni-operator")
    }

    /// Starts it.
    pub(super) fn start(binary: &Path, kubeconfig: &Path, aws: &[(&'static str, String)]) -> Result<Self> {
        let log = repo::at(LOG);
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let mut command = Command::new(binary);
        command
            .args([
                "controller",
                "--require-node-agent=false",
                "--cluster-id",
                CLUSTER,
                "--metrics-addr",
                "0",
            ])
            .env("KUBECONFIG", kubeconfig)
            .envs(aws.iter().map(|(name, value)| (*name, value.as_str())));
        Ok(Self { process: Guarded::spawn("the controller", &command, &Output::Log(log))? })
    }

    /// Where its log is, as one would type it in the repository.
    pub(super) fn log() -> &'static str {
        LOG
    }

    /// Fails with the last lines of its log if it has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.process.check_alive()
    }

    /// The last lines of its log.
    pub(super) fn last_words(&self) -> String {
        self.process.last_words()
    }

    /// Asks it to end, and waits.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.process.stop(GRACE).map(drop)
    }
}
