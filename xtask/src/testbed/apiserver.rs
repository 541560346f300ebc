//! The real kube-apiserver.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{
    credentials::{Credentials, SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY, TOKENS},
    ports, subfolder,
};
use crate::{
    go_tools::KUBE_APISERVER,
    process::{Guarded, Output},
};

/// How the API server of a testbed is started, each time the same.
#[derive(Debug)]
pub(super) struct Apiserver {
    binary: PathBuf,
    args: Vec<String>,
    log: PathBuf,
    credentials: Credentials,
}

impl Apiserver {
    /// Settles everything that a start needs.
    pub(super) fn prepare(scratch: &Path, etcd_url: &str, more: &[String]) -> Result<Self> {
        let binary = KUBE_APISERVER.binary()?;
        let port = ports::free()?;
        let credentials = Credentials::write(&subfolder(scratch, "certs")?, scratch, port)?;
        let mut args = arguments(scratch, etcd_url, port);
        args.extend_from_slice(more);
        Ok(Self { binary, args, log: scratch.join("kube-apiserver.log"), credentials })
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Starts it. It is ready some time later.
    pub(super) fn spawn(&self) -> Result<Guarded> {
        let mut command = Command::new(&self.binary);
        command.args(&self.args);
        Guarded::spawn("kube-apiserver", &command, &Output::Log(self.log.clone()))
    }
}

fn arguments(scratch: &Path, etcd_url: &str, port: u16) -> Vec<String> {
    let file = |name: &str| scratch.join(name).display().to_string();
    vec![
        format!("--etcd-servers={etcd_url}"),
        format!("--cert-dir={}", file("certs")),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        // Nobody uses it, but without it the server wants a machine with a default route.
        "--advertise-address=192.0.2.1".to_owned(),
        format!("--service-account-key-file={}", file(SERVICE_ACCOUNT_PUBLIC_KEY)),
        format!("--service-account-signing-key-file={}", file(SERVICE_ACCOUNT_KEY)),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--token-auth-file={}", file(TOKENS)),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--allow-privileged=true".to_owned(),
        // These two wait for what only a controller manager writes: service accounts, and nodes' taints.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition".to_owned(),
    ]
}
