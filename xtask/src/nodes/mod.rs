//! A real cluster: a control plane, and nodes with kubelets on which pods run, each in namespaces of its own.
//!
//! Everything ends with it, or with this process, and nothing is left behind.

mod control;
mod kubelet;
mod node;
mod parts;
mod room;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

pub(crate) use self::kubelet::common_settings;
pub use self::node::NodeOptions;
pub(crate) use self::parts::{containerd, runtime_obtainable};

use self::control::{API, Control, MAIN};
use self::node::{Node, Place, Site};
use self::parts::Parts;
use self::room::Room;
use crate::go_tools::HELM;
use crate::kubectl::Kubectl;
use crate::process::{Guarded, Output};
use crate::repo;

/// How long the API server may take to be ready: two cores, and others on them.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// The names that a cluster's nodes may have.
const NAMES: [&str; 3] = ["node-a", "node-b", "node-c"];

/// A running cluster. It ends when it is dropped.
// The order of the fields is the order in which they go: the rooms last, and then their files.
#[derive(Debug)]
pub struct Nodes {
    running: Vec<Node>,
    ec2: Option<Guarded>,
    control: Control,
    main: Room,
    parts: Parts,
    folder: TempDir,
}

/// Fails with the reason if there can be no such cluster here.
pub fn obtainable() -> Result<()> {
    parts::obtainable()?;
    HELM.buildable()
}

/// `cargo xtask e2e`: the tests of the chart in such a cluster. Says whether all passed.
pub fn test() -> Result<bool> {
    let mut tests = crate::cargo::cargo()?;
    tests.args(["test", "-p", "eni-operator", "--test", "e2e", "--", "--nocapture"]);
    Ok(Guarded::spawn("cargo", &tests, &Output::Inherited)?.wait()?.success())
}

impl Nodes {
    /// Starts a control plane without nodes.
    pub fn start() -> Result<Self> {
        obtainable()?;
        let parts = parts::find()?;
        let folder = tempfile::tempdir().context("make a folder for the cluster")?;
        let main = Room::new(&folder.path().join("main"), &[API, MAIN])?;
        let control = Control::start(&main, &NAMES)?;
        let mut this = Self { running: vec![], ec2: None, control, main, parts, folder };
        this.wait_ready()?;
        let Self { running, ec2, control, main, parts, folder } = this;
        let control = control.finish(&main)?;
        Ok(Self { running, ec2, control, main, parts, folder })
    }

    fn wait_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.control.check_alive()?;
            match self.kubectl(&["get", "--raw", "/readyz"]) {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > READY_WITHIN => {
                    return Err(error).context("the API server is not ready after two minutes");
                }
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Starts a node that has these images. It registers some time later.
    pub fn add(&mut self, options: &NodeOptions, images: &[PathBuf]) -> Result<()> {
        ensure!(NAMES.contains(&options.name.as_str()), "a node's name is one of {NAMES:?}");
        let place = Place { number: self.running.len() };
        let folder = match place.number {
            0 => self.main.folder().to_owned(),
            _ => self.folder.path().join(&options.name),
        };
        let kubeconfig = self.control.of_node(&options.name);
        let site =
            Site { parts: &self.parts, main: &self.main, folder: &folder, kubeconfig: &kubeconfig, place };
        let node = Node::start(&site, options, images)?;
        self.running.push(node);
        Ok(())
    }

    /// Starts a simulated EC2 that pods reach at the address that this returns.
    pub fn ec2(&mut self, binary: &Path) -> Result<String> {
        let address = format!("{MAIN}:8080");
        let mut command = self.main.beside(binary);
        command.args(["--listen", &address]);
        self.ec2 = Some(control::spawn("ec2-sim", &command, self.folder.path())?);
        Ok(format!("http://{address}"))
    }

    /// Runs kubectl as an administrator, and returns what it says.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let kubectl = Kubectl::find(&self.control.admin())?;
        self.said(kubectl.binary(), args)
    }

    /// Runs helm as an administrator, and returns what it says.
    pub fn helm(&self, args: &[&str]) -> Result<String> {
        self.said(&HELM.binary()?, args)
    }

    /// Runs a program of this machine that speaks to the cluster, and returns what it says; fails with what it said was
    /// wrong.
    pub fn said(&self, program: &Path, args: &[&str]) -> Result<String> {
        let output = self
            .command(program)
            .args(args)
            .output()
            .with_context(|| format!("run {}", program.display()))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let name = program.file_name().unwrap_or_default().to_string_lossy();
            bail!("`{name} {}` ended with {}: {}", args.join(" "), output.status, errors.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Does something on a thread that speaks to the cluster.
    pub fn within<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let path = format!("/proc/{}/ns/net", self.main.first());
        let namespace = File::open(&path).with_context(|| format!("open {path}"))?;
        let worker = thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .context("enter the cluster's network")?;
            Ok(what())
        });
        worker.join().map_err(|_| anyhow!("the thread in the cluster's network panicked"))?
    }

    fn command(&self, program: &Path) -> Command {
        let home = self.folder.path().join("helm");
        let mut command = self.main.beside(program);
        command.env("KUBECONFIG", self.control.admin()).current_dir(repo::root());
        for (variable, folder) in
            [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
        {
            command.env(variable, home.join(folder));
        }
        command
    }

    /// What a node has as `/var/lib/kubelet`, as it is seen from outside.
    pub fn kubelet_root(&self, node: &str) -> Result<PathBuf> {
        let found = self.running.iter().find(|running| running.name == node);
        Ok(found.with_context(|| format!("no node {node}"))?.kubelet.root())
    }

    /// Ends a node's kubelet by a signal, such as `KILL`. Its pods run on.
    pub fn end_kubelet(&mut self, node: &str, signal: &str) -> Result<()> {
        let (room, node) = self.node(node)?;
        node.kubelet.end(node.own.as_ref().unwrap_or(room), signal)
    }

    /// Starts a node's kubelet again.
    pub fn start_kubelet(&mut self, node: &str) -> Result<()> {
        let (room, node) = self.node(node)?;
        node.kubelet.again(node.own.as_ref().unwrap_or(room))
    }

    /// The control plane's room, and a node.
    fn node(&mut self, name: &str) -> Result<(&Room, &mut Node)> {
        let found = self.running.iter_mut().find(|running| running.name == name);
        Ok((&self.main, found.with_context(|| format!("no node {name}"))?))
    }

    /// Where the logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Fails, with the last lines of its log, if any part of the cluster has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        self.main.check_alive()?;
        self.control.check_alive()?;
        self.ec2.as_mut().map_or(Ok(()), Guarded::check_alive)?;
        self.running.iter_mut().try_for_each(Node::check_alive)
    }
}
