//! Everything that a demonstration needs running: a cluster, EC2, the controller's binary, kubectl.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tempfile::TempDir;

use super::{DemoOptions, controller::Controller};
use crate::{
    kubectl::Kubectl,
    process::Janitor,
    runtime::block_on,
    testbed::{Bearer, Ec2Sim, Testbed, TestbedOptions},
};

/// Whose cluster it is.
#[derive(Debug)]
pub(super) enum Cluster {
    /// One that goes with the demonstration.
    Own(Box<Testbed>),
    /// The user's: whatever is put into it is taken out again.
    Users(PathBuf),
}

/// The parts, all of them ready.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) ec2: Ec2Sim,
    pub(super) operator: PathBuf,
    pub(super) kubectl: Kubectl,
    _janitor: Janitor,
    _folder: TempDir,
}

impl Stage {
    /// Finds, builds and starts them; the first time on a machine that takes minutes.
    pub(super) fn set(options: &DemoOptions) -> Result<Self> {
        let operator = Controller::build()?;
        let cluster = match &options.kubeconfig {
            Some(kubeconfig) => Cluster::Users(kubeconfig.clone()),
            None => Cluster::Own(Box::new(Testbed::start(&TestbedOptions::default())?)),
        };
        let kubectl = Kubectl::find(&cluster.kubeconfig())?;
        let folder = tempfile::Builder::new().prefix("eni-demo-").tempdir().context("make a folder")?;
        let janitor = Janitor::start(folder.path())?;
        let ec2 = Ec2Sim::start(folder.path(), &[])?;
        Ok(Self { cluster, ec2, operator, kubectl, _janitor: janitor, _folder: folder })
    }

    /// Fails if a part has ended.
    pub(super) fn check_alive(&self) -> Result<()> {
        self.ec2.check_alive()?;
        match &self.cluster {
            Cluster::Own(testbed) => testbed.check_alive(),
            Cluster::Users(_) => Ok(()),
        }
    }
}

impl Cluster {
    /// How kubectl reaches it.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        match self {
            Self::Own(testbed) => testbed.kubeconfig_path(),
            Self::Users(path) => path.clone(),
        }
    }

    /// How the controller reaches it: as its own pod would, where it is not in the user's.
    pub(super) fn kubeconfig_of_controller(&self) -> Result<PathBuf> {
        match self {
            Self::Own(testbed) => testbed.kubeconfig_of(Bearer::Controller),
            Self::Users(path) => Ok(path.clone()),
        }
    }

    /// How we reach it.
    pub(super) fn config(&self) -> Result<Config> {
        match self {
            Self::Own(testbed) => testbed.kube_config(),
            Self::Users(path) => users_config(path),
        }
    }

    /// A client, for the runtime that it is called in.
    pub(super) fn client(&self) -> Result<Client> {
        Client::try_from(self.config()?).context("make a client for the cluster")
    }

    /// What it is, for the screen.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Own(testbed) => format!("kube-apiserver 1.35.4 at {}", testbed.server_url()),
            Self::Users(path) => format!("the cluster of {}", path.display()),
        }
    }
}

fn users_config(path: &Path) -> Result<Config> {
    let read =
        || Kubeconfig::read_from(path).with_context(|| format!("read the kubeconfig {}", path.display()));
    let kubeconfig = read()?;
    let load = async move { Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await };
    block_on(load)?.with_context(|| format!("use the kubeconfig {}", path.display()))
}
