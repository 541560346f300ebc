//! The control plane, in the room of the first node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::room::Room;
use crate::go_tools::{ETCD, GoTool, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER};
use crate::process::{Guarded, Output};
use crate::testbed::credentials::{kubeconfig, new_token, signing_keys};

/// Where pods find the API server, without anybody who would forward the address of its Service.
pub(super) const API: &str = "10.0.0.1";

/// The address of the first node.
pub(super) const MAIN: &str = "10.99.0.1";

/// The running parts.
#[derive(Debug)]
pub(super) struct Control {
    processes: Vec<Guarded>,
    folder: PathBuf,
    nodes: Vec<(String, String)>,
}

impl Control {
    /// Starts the store and the API server, which knows these nodes. It is ready some time later.
    pub(super) fn start(room: &Room, nodes: &[&str]) -> Result<Self> {
        let folder = room.folder().to_owned();
        let nodes: Vec<(String, String)> =
            nodes.iter().map(|node| ((*node).to_owned(), new_token())).collect();
        let this = Self { processes: vec![], folder, nodes };
        let [admin, scheduler] = [new_token(), new_token()];
        let mut tokens = format!("{admin},admin,1,system:masters\n{scheduler},system:kube-scheduler,2,\n");
        for (at, (node, token)) in this.nodes.iter().enumerate() {
            tokens +=
                &[token.as_str(), ",system:node:", node, ",", &format!("n{at}"), ",system:nodes\n"].concat();
        }
        this.write("tokens.csv", &tokens)?;
        let (private, public) = signing_keys()?;
        this.write("service-accounts.key", &private)?;
        this.write("service-accounts.pub", &public)?;
        this.write("admin.kubeconfig", &this.kubeconfig(&admin))?;
        this.write("scheduler.kubeconfig", &this.kubeconfig(&scheduler))?;
        for (node, token) in &this.nodes {
            this.write(&format!("{node}.kubeconfig"), &this.kubeconfig(token))?;
        }
        let store = [
            "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--log-level=warn",
        ];
        let data = format!("--data-dir={}", this.at("etcd"));
        let store = store.map(str::to_owned).into_iter().chain([data]).collect();
        let arguments = this.apiserver();
        this.with(room, &ETCD, store)?.with(room, &KUBE_APISERVER, arguments)
    }

    /// Starts what makes pods, and what places them, once the API server is ready.
    pub(super) fn finish(self, room: &Room) -> Result<Self> {
        let manager = vec![
            format!("--kubeconfig={}", self.at("admin.kubeconfig")),
            "--leader-elect=false".to_owned(),
            format!("--service-account-private-key-file={}", self.at("service-accounts.key")),
            format!("--root-ca-file={}", self.ca().display()),
            "--secure-port=0".to_owned(),
            format!("--flex-volume-plugin-dir={}", self.at("volume-plugins")),
        ];
        let scheduler = vec![
            format!("--kubeconfig={}", self.at("scheduler.kubeconfig")),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        self.with(room, &KUBE_CONTROLLER_MANAGER, manager)?.with(room, &KUBE_SCHEDULER, scheduler)
    }

    fn apiserver(&self) -> Vec<String> {
        vec![
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            "--bind-address=0.0.0.0".to_owned(),
            "--secure-port=443".to_owned(),
            format!("--advertise-address={MAIN}"),
            format!("--cert-dir={}", self.at("certs")),
            format!("--token-auth-file={}", self.at("tokens.csv")),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            format!("--service-account-key-file={}", self.at("service-accounts.pub")),
            format!("--service-account-signing-key-file={}", self.at("service-accounts.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--allow-privileged=true".to_owned(),
        ]
    }

    fn with(mut self, room: &Room, tool: &GoTool, arguments: Vec<String>) -> Result<Self> {
        let mut command = room.command(&tool.built()?);
        command.args(arguments);
        self.processes.push(spawn(tool.name, &command, &self.folder)?);
        Ok(self)
    }

    /// Fails, with the last lines of its log, if one of them has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(Guarded::check_alive)
    }

    /// Whom an administrator's kubectl asks.
    pub(super) fn admin(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// Whom a node's kubelet asks.
    pub(super) fn of_node(&self, node: &str) -> PathBuf {
        self.folder.join(format!("{node}.kubeconfig"))
    }

    /// Who signed the API server's certificate.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.join("certs/apiserver.crt")
    }

    fn kubeconfig(&self, token: &str) -> String {
        kubeconfig(&format!("https://{API}"), &self.ca(), token, "default")
    }

    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }
}

/// Starts a process that has its log in a folder.
pub(super) fn spawn(name: &str, command: &Command, folder: &Path) -> Result<Guarded> {
    Guarded::spawn(name, command, &Output::Log(folder.join(format!("{name}.log"))))
}
