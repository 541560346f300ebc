//! The operator's controller as a real process behind a door.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::door::Door;
use crate::{
    process::{Guarded, Output, tail},
    testbed::{REGION, SECRET},
};

/// How long a process may take to end by itself: less than Kubernetes' grace period of 30 s.
pub const GRACE: Duration = Duration::from_secs(25);

/// A controller, or the place of one.
#[derive(Debug)]
pub struct Controller {
    binary: PathBuf,
    name: String,
    args: Vec<String>,
    kubeconfig: PathBuf,
    ec2_url: String,
    logs: PathBuf,
    lives: usize,
    process: Option<Guarded>,
}

impl Controller {
    /// The place of a controller behind a door. It does not run yet. Its logs go into a folder.
    pub fn new(binary: &Path, name: &str, cluster: &str, door: &Door, logs: &Path) -> Self {
        let args =
            ["controller", "--require-node-agent=false", "--listing-lag-seconds=2", "--metrics-addr=0"];
        let args = args.into_iter().map(str::to_owned);
        Self {
            binary: binary.to_owned(),
            name: name.to_owned(),
            args: args.chain([format!("--cluster-id={cluster}"), "--log-format=text".to_owned()]).collect(),
            kubeconfig: door.kubeconfig.clone(),
            ec2_url: door.ec2_url.clone(),
            logs: logs.to_owned(),
            lives: 0,
            process: None,
        }
    }

    /// Lets it act without asking anybody.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.args.push("--leader-elect=false".to_owned());
        self
    }

    /// Lets it act while it holds the lease of a namespace.
    #[must_use]
    pub fn candidate(mut self, namespace: &str) -> Self {
        self.args.extend([format!("--lease-namespace={namespace}"), format!("--identity={}", self.name)]);
        self
    }

    /// Starts it.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "{} runs already", self.name);
        self.lives += 1;
        let mut command = Command::new(&self.binary);
        command
            .args(&self.args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("ENI_LOG", "eni_operator=debug,info")
            .env("AWS_ENDPOINT_URL", &self.ec2_url)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", SECRET)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        self.process = Some(Guarded::spawn(&self.name, &command, &Output::Log(self.log()))?);
        Ok(())
    }

    /// The log of its present life.
    fn log(&self) -> PathBuf {
        self.logs.join(format!("{}-{}.log", self.name, self.lives))
    }

    /// What it has said in its present life.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The last that it has said.
    #[must_use]
    pub fn last_words(&self) -> String {
        format!("the end of {}:\n{}", self.log().display(), tail(&self.log(), 25))
    }

    /// Kills it with SIGKILL. It is dead when this returns.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().with_context(|| format!("{} does not run", self.name))?;
        let ended = process.try_wait()?;
        ensure!(ended.is_none(), "{} had ended by itself; {}", self.name, self.last_words());
        process.kill().map(drop)
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        self.process.as_mut().with_context(|| format!("{} does not run", self.name))?.signal(name)
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        let mut process = self.process.take().with_context(|| format!("{} does not run", self.name))?;
        loop {
            if let Some(status) = process.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} has not ended by itself after {within:?}; {}", self.name, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Fails if it has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), Guarded::check_alive)
    }
}
