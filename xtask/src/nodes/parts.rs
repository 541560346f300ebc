//! What a node is made of besides its kubelet: containerd, runc, CNI plugins, and the container of every sandbox.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::debian::{self, Packages};
use crate::go_tools::{ETCD, GoTool, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, KUBELET};
use crate::image::{self, Buildah, Platform, Recipe};
use crate::process::on_path;

const PACKAGES: &[&str] = &["containerd", "runc", "containernetworking-plugins", "busybox-static"];

/// The image of a sandbox: it holds the namespaces of a pod and does nothing.
pub(super) const PAUSE: &str = "localhost/pause:1";

const PAUSE_RECIPE: &str = r#"FROM scratch
COPY busybox /busybox
ENTRYPOINT ["/busybox", "tail", "-f", "/dev/null"]
"#;

/// All that is built of Kubernetes.
const TOOLS: [&GoTool; 5] = [&ETCD, &KUBE_APISERVER, &KUBE_CONTROLLER_MANAGER, &KUBE_SCHEDULER, &KUBELET];

/// Where the files are.
#[derive(Debug)]
pub(super) struct Parts {
    root: PathBuf,
}

/// Fails with the reason if containerd cannot be had here.
pub(crate) fn runtime_obtainable() -> Result<()> {
    image::obtainable()?;
    if cache::has(&name())? { Ok(()) } else { debian::obtainable() }
}

/// containerd's binary.
pub(crate) fn containerd() -> Result<PathBuf> {
    Ok(find()?.program("containerd"))
}

/// Fails with the reason if nodes cannot be had here.
pub(super) fn obtainable() -> Result<()> {
    runtime_obtainable()?;
    for program in ["bash", "unshare", "nsenter", "mount", "ip"] {
        ensure!(on_path(program).is_some(), "no {program}, which nodes are made with");
    }
    ensure!(
        Path::new("/sys/fs/cgroup/memory").is_dir(),
        "nodes are made with control groups of version 1, which this machine does not mount"
    );
    TOOLS.iter().try_for_each(|tool| tool.buildable())
}

/// The parts, fetched and built if they are not there yet.
pub(super) fn find() -> Result<Parts> {
    let root = cache::entry(&name(), fetch)?;
    Ok(Parts { root })
}

fn name() -> String {
    let words = PACKAGES.concat();
    format!("node-{}", cache::key(&[words.as_bytes(), PAUSE_RECIPE.as_bytes(), b"1"]))
}

fn fetch(folder: &Path) -> Result<()> {
    eprintln!("fetching containerd and its like from Debian (once; 60 MB)");
    let packages = Packages::new(folder)?;
    packages.fetch(PACKAGES)?;
    packages.unpack()?;
    let context = tempfile::tempdir().context("make a folder for the sandbox's image")?;
    let recipe = context.path().join("Containerfile");
    fs::write(&recipe, PAUSE_RECIPE).context("write the sandbox's recipe")?;
    fs::copy(folder.join("bin/busybox"), context.path().join("busybox")).context("copy busybox")?;
    let buildah = Buildah::new()?;
    let recipe = Recipe { file: &recipe, context: context.path(), args: &[] };
    buildah.add(PAUSE, Platform::Amd64, &recipe)?;
    buildah.write(PAUSE, &folder.join("pause.tar"))
}

impl Parts {
    /// A program of a package.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        let places = ["usr/bin", "usr/sbin"].map(|folder| self.root.join(folder).join(name));
        let [first, second] = places;
        if first.exists() { first } else { second }
    }

    /// The folders of programs, for the search path.
    pub(super) fn search_path(&self) -> String {
        let rest = std::env::var("PATH").unwrap_or_default();
        let at = |folder: &str| self.root.join(folder).display().to_string();
        [at("usr/bin"), at("usr/sbin"), rest].join(":")
    }

    pub(super) fn libraries(&self) -> String {
        debian::libraries(&self.root)
    }

    pub(super) fn cni(&self) -> PathBuf {
        self.root.join("usr/lib/cni")
    }

    /// The archive of the sandbox's image.
    pub(super) fn pause(&self) -> PathBuf {
        self.root.join("pause.tar")
    }
}
