//! A real Kubernetes API server, and EC2 as `ec2-sim` plays it, on free ports of this machine.
//!
//! Everything that is started ends with the process that started it, and leaves no file behind.
//! There is no controller manager, no scheduler and no kubelet: nothing collects garbage, nothing runs pods.

mod apiserver;
mod clear;
mod command;
pub(crate) mod credentials;
mod ec2;
mod etcd;
mod identity;
mod ports;
mod ready;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

pub(crate) use self::ports::free as free_port;
use self::{apiserver::Apiserver, credentials::Credentials};
pub use self::{
    command::run,
    ec2::{Ec2Sim, REGION, SECRET},
    identity::{Bearer, bound_token},
};
use crate::{
    go_tools::{ETCD, KUBE_APISERVER},
    parts,
    process::{Guarded, Janitor},
};

/// How often a start is tried, since a port that was free can be taken before it is used.
const ATTEMPTS: u32 = 3;

/// How long each part may take to be ready; on two busy cores the API server has been seen to take 20 s.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// What a testbed has beside etcd and the API server.
#[derive(Debug, Clone, Default)]
pub struct TestbedOptions {
    /// Whether `ec2-sim` is built and started as a process of its own.
    pub ec2: bool,
    /// More arguments for `ec2-sim`.
    pub ec2_args: Vec<String>,
    /// More arguments for kube-apiserver.
    pub apiserver_args: Vec<String>,
}

/// A running testbed. It ends when it is dropped, or when this process does.
// The order of the fields is the order in which they go: processes first, then their folder.
#[derive(Debug)]
pub struct Testbed {
    apiserver: Mutex<Option<Guarded>>,
    start: Apiserver,
    etcd: Mutex<Guarded>,
    ec2: Option<Ec2Sim>,
    credentials: Credentials,
    /// Whether the chart's identities have their rights.
    granted: Mutex<bool>,
    _janitor: Janitor,
    scratch: TempDir,
}

impl Testbed {
    /// Whether a test can have one here. If not, says why; in CI that is an error.
    pub fn obtainable() -> Result<bool> {
        parts::has(ETCD.obtainable().and_then(|()| KUBE_APISERVER.obtainable()))
    }

    /// Starts everything, and returns when it is ready. The first time on a machine that takes minutes.
    ///
    /// It blocks, and may be called from asynchronous code too where that does no harm.
    pub fn start(options: &TestbedOptions) -> Result<Self> {
        let mut outcome = Self::start_once(options);
        for _ in 1..ATTEMPTS {
            match &outcome {
                Err(error) if ports::is_clash(error) => outcome = Self::start_once(options),
                _ => break,
            }
        }
        outcome
    }

    /// The token of an administrator.
    pub(crate) fn admin_token(&self) -> &str {
        &self.credentials.token
    }

    /// The testbed of this process: etcd and the API server with the CRDs, started at the first call.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Testbed, String>> = OnceLock::new();
        let start = || {
            let testbed = Self::start(&TestbedOptions::default())?;
            testbed.install_crds()?;
            Ok(testbed)
        };
        let shared = SHARED.get_or_init(|| start().map_err(|error: anyhow::Error| format!("{error:#}")));
        shared.as_ref().map_err(|reason| anyhow!("the shared testbed is not there: {reason}"))
    }

    fn start_once(options: &TestbedOptions) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("eni-testbed-").tempdir().context("make a folder")?;
        let janitor = Janitor::start(scratch.path())?;
        let ec2 = options.ec2.then(|| Ec2Sim::start(scratch.path(), &options.ec2_args)).transpose()?;
        let (etcd, etcd_url) = etcd::start(scratch.path())?;
        let start = Apiserver::prepare(scratch.path(), &etcd_url, &options.apiserver_args)?;
        let credentials = start.credentials().clone();
        let testbed = Self {
            apiserver: Mutex::new(None),
            start,
            etcd: Mutex::new(etcd),
            ec2,
            credentials,
            granted: Mutex::new(false),
            _janitor: janitor,
            scratch,
        };
        testbed.start_apiserver()?;
        Ok(testbed)
    }

    /// A kubeconfig for an administrator. It holds a certificate's path in the testbed's folder.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.scratch.path().join(credentials::KUBECONFIG)
    }

    /// A folder that goes with the testbed, for logs and other files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The API server's URL.
    #[must_use]
    pub fn server_url(&self) -> &str {
        &self.credentials.server
    }

    /// The administrator's bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.credentials.token
    }

    /// The certificate that the API server is known by.
    #[must_use]
    pub fn ca_path(&self) -> &Path {
        &self.credentials.ca
    }

    /// The URL of `ec2-sim`, if it was asked for.
    #[must_use]
    pub fn ec2_endpoint(&self) -> Option<&str> {
        self.ec2.as_ref().map(Ec2Sim::url)
    }

    /// How to reach the API server as an administrator.
    pub fn kube_config(&self) -> Result<kube::Config> {
        self.credentials.kube_config()
    }

    /// An administrator's client. To be called inside a tokio runtime, and used inside that one only.
    pub fn kube_client(&self) -> Result<kube::Client> {
        kube::Client::try_from(self.kube_config()?).context("make a client for the testbed")
    }

    /// Applies the CRDs of this version, and returns when they are served.
    pub fn install_crds(&self) -> Result<()> {
        crate::crds::install(self.kube_config()?)
    }

    /// Takes away what tests have made: the operator's objects, nodes and events; and puts the CRDs back.
    ///
    /// Fails if that takes more than 30 s.
    pub fn clear(&self) -> Result<()> {
        // What does not fit the CRDs cannot be changed once they are back.
        clear::run(self.kube_config()?)?;
        self.install_crds()
    }

    /// Stops the API server. All clients lose it; what is stored stays.
    pub fn stop_apiserver(&self) -> Result<()> {
        if let Some(mut running) = self.apiserver().take() {
            running.kill()?;
        }
        Ok(())
    }

    /// Starts the API server again, at the same address with the same certificate, until it is ready.
    pub fn start_apiserver(&self) -> Result<()> {
        let mut slot = self.apiserver();
        let mut running = self.start.spawn()?;
        let alive = || {
            running.check_alive()?;
            self.etcd().check_alive()
        };
        ready::wait(&self.credentials, READY_WITHIN, alive)?;
        *slot = Some(running);
        Ok(())
    }

    /// Stops the API server and starts it again.
    pub fn restart_apiserver(&self) -> Result<()> {
        self.stop_apiserver()?;
        self.start_apiserver()
    }

    /// Fails, with the last lines of its log, if one of the parts has ended.
    pub fn check_alive(&self) -> Result<()> {
        self.etcd().check_alive()?;
        if let Some(apiserver) = self.apiserver().as_mut() {
            apiserver.check_alive()?;
        }
        self.ec2.as_ref().map_or(Ok(()), Ec2Sim::check_alive)
    }

    /// The environment in which programs find this testbed: name and value.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![("KUBECONFIG", self.kubeconfig_path().display().to_string())];
        environment.extend(self.ec2.as_ref().map(Ec2Sim::environment).unwrap_or_default());
        environment
    }

    fn etcd(&self) -> MutexGuard<'_, Guarded> {
        self.etcd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apiserver(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.apiserver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a folder inside the testbed's.
fn subfolder(scratch: &Path, name: &str) -> Result<PathBuf> {
    let path = scratch.join(name);
    fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    Ok(path)
}
