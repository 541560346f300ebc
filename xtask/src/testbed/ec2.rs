//! `ec2-sim` as a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    cargo,
    process::{Guarded, Output},
};

/// The region that the simulator is.
pub const REGION: &str = "us-east-1";
/// What stands for both halves of a credential: the simulator believes everybody.
pub const SECRET: &str = "testbed";

/// What precedes the URL in the simulator's first line.
const LISTENING: &str = "listening on ";
/// It is a small program: more than this means that it hangs.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running simulator.
#[derive(Debug)]
pub struct Ec2Sim {
    process: Mutex<Guarded>,
    url: String,
}

impl Ec2Sim {
    /// Builds it, starts it on a free port, and waits for its URL. Its log goes into `folder`.
    pub fn start(folder: &Path, more: &[String]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(["--listen", "127.0.0.1:0"]).args(more);
        let log = folder.join("ec2-sim.log");
        let mut process = Guarded::spawn("ec2-sim", &command, &Output::Log(log.clone()))?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(url) = announced(&fs::read_to_string(&log).unwrap_or_default()) {
                return Ok(Self { process: Mutex::new(process), url });
            }
            process.check_alive()?;
            if Instant::now() > deadline {
                bail!("ec2-sim has not said where it listens after 20 s{}", process.last_words());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fails, with the last lines of its log, if it has ended.
    pub fn check_alive(&self) -> Result<()> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).check_alive()
    }

    /// The environment in which the AWS SDK and the AWS CLI find it.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", SECRET.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}

/// The binary. Cargo is asked once: it locks its folder, where others may be building.
fn binary() -> Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*built {
        Some(binary) => Ok(binary.clone()),
        None => Ok(built.insert(cargo::build_binary("ec2-sim")?).clone()),
    }
}

/// The URL that a log announces, once its line is whole.
fn announced(log: &str) -> Option<String> {
    let (_, after) = log.split_once(LISTENING)?;
    let (url, _) = after.split_once('\n')?;
    Some(url.trim().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_read_when_its_line_is_whole() {
        assert_eq!(announced("listening on http://127.0.0.1:4"), None);
        assert_eq!(
            announced("x\nlistening on http://127.0.0.1:41\n"),
            Some("http://127.0.0.1:41".to_owned())
        );
    }
}
