//! The programs of a control plane, and plugins for pods' networks: found, or built once from their Go modules.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    cache,
    process::{Guarded, Output, on_path},
    progress::{Heartbeat, pretty},
    repo,
};

/// The folder that already has the programs, by the convention of controller-runtime's envtest.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// How often a build says where it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// A program that is built from a Go module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoTool {
    /// The name of the binary.
    pub name: &'static str,
    /// The folder of its module files, from the root of the repository.
    pub module: &'static str,
    /// The main package.
    pub package: &'static str,
    /// What the linker is told.
    pub ldflags: &'static str,
    /// Whether a folder by envtest's convention has to have it.
    pub of_envtest: bool,
}

/// The store of the API server.
pub const ETCD: GoTool = GoTool {
    name: "etcd",
    module: "xtask/control-plane/etcd",
    package: "go.etcd.io/etcd/server/v3",
    ldflags: "-s -w",
    of_envtest: true,
};

/// The API server.
pub const KUBE_APISERVER: GoTool = kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", true);

/// What makes pods of Deployments and `DaemonSet`s, and service accounts' tokens.
pub const KUBE_CONTROLLER_MANAGER: GoTool =
    kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", false);

/// What gives pods their nodes.
pub const KUBE_SCHEDULER: GoTool =
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", false);

/// What runs pods on a node.
pub const KUBELET: GoTool = kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet", false);

/// A part of Kubernetes. Without the version it calls itself v0.0.0, and clients that compare versions fall over.
const fn kubernetes(name: &'static str, package: &'static str, of_envtest: bool) -> GoTool {
    GoTool {
        name,
        module: "xtask/control-plane/kubernetes",
        package,
        ldflags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4 \
              -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35",
        of_envtest,
    }
}

/// The installer of charts. Without the version of Kubernetes it takes the cluster's for a v1.20 when it renders
/// without asking one.
pub const HELM: GoTool = GoTool {
    name: "helm",
    module: "xtask/control-plane/helm",
    package: "helm.sh/helm/v3/cmd/helm",
    ldflags: "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0 \
              -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=35 \
              -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=35",
    of_envtest: false,
};

/// The CNI plugin that puts a macvlan on a link into a pod.
pub const MACVLAN: GoTool = cni("macvlan", "github.com/containernetworking/plugins/plugins/main/macvlan");

/// The CNI plugin that puts a link itself into a pod.
pub const HOST_DEVICE: GoTool =
    cni("host-device", "github.com/containernetworking/plugins/plugins/main/host-device");

const fn cni(name: &'static str, package: &'static str) -> GoTool {
    GoTool { name, module: "xtask/cni-plugins", package, ldflags: "-s -w", of_envtest: false }
}

impl GoTool {
    /// The binary: from `KUBEBUILDER_ASSETS` if that is set, else from the cache, built if it is not there.
    pub fn binary(&self) -> Result<PathBuf> {
        if let Some(assets) = self.assets() {
            return self.given(Path::new(&assets));
        }
        self.built()
    }

    /// The binary from the cache, built if it is not there: of what is no part of a control plane.
    pub fn built(&self) -> Result<PathBuf> {
        let entry = cache::entry(&self.entry()?, |folder| self.build(folder))?;
        Ok(entry.join(self.name))
    }

    /// Fails with the reason if [`Self::binary`] would not even try to build it.
    pub fn obtainable(&self) -> Result<()> {
        if let Some(assets) = self.assets() {
            return self.given(Path::new(&assets)).map(drop);
        }
        self.buildable()
    }

    /// Fails with the reason if [`Self::built`] would not even try.
    pub fn buildable(&self) -> Result<()> {
        if cache::has(&self.entry()?)? { Ok(()) } else { self.require_go() }
    }

    fn assets(&self) -> Option<OsString> {
        std::env::var_os(ASSETS).filter(|_| self.of_envtest)
    }

    fn entry(&self) -> Result<String> {
        Ok(format!("{}-{}", self.name, self.key()?))
    }

    fn require_go(&self) -> Result<()> {
        ensure!(
            on_path("go").is_some(),
            "no Go to build {} with: install Go 1.26 or later (https://go.dev/dl), or set {ASSETS} to a folder with etcd and kube-apiserver",
            self.name
        );
        Ok(())
    }

    fn given(&self, assets: &Path) -> Result<PathBuf> {
        let path = assets.join(self.name);
        ensure!(
            path.is_file(),
            "{ASSETS} is set, but {} is not there: put it there, or unset {ASSETS} to have it built",
            path.display()
        );
        Ok(path)
    }

    fn key(&self) -> Result<String> {
        let module = |file| {
            let path = repo::at(self.module).join(file);
            fs::read(&path).with_context(|| format!("read {}", path.display()))
        };
        let words = [self.package, self.ldflags].join("\n");
        Ok(cache::key(&[&module("go.mod")?, &module("go.sum")?, words.as_bytes()]))
    }

    fn build(&self, folder: &Path) -> Result<()> {
        self.require_go()?;
        eprintln!("building {} from {} (once; up to 4 minutes)", self.name, self.package);
        let mut build = Command::new("go");
        build
            .args(["build", "-v", "-ldflags", self.ldflags, "-o"])
            .arg(folder.join(self.name))
            .arg(self.package)
            .current_dir(repo::at(self.module))
            .env("CGO_ENABLED", "0");
        run_with_progress(self.name, &build, &folder.join("build.log"))
    }
}

/// Runs a build that prints one line per package, which tells how far it is.
fn run_with_progress(name: &'static str, build: &Command, log: &Path) -> Result<()> {
    let mut go = Guarded::spawn("go", build, &Output::Log(log.to_owned()))?;
    let said = log.to_owned();
    let heartbeat = Heartbeat::start(PROGRESS, move |elapsed| {
        format!("building {name}: {}, {}", position(&said), pretty(elapsed))
    });
    let status = go.wait()?;
    drop(heartbeat);
    ensure!(status.success(), "go could not build {name} ({status}){}", go.last_words());
    Ok(())
}

/// How far a build is: the module or package that it named last.
fn position(log: &Path) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    match said.lines().last() {
        None => "looking at what is there".to_owned(),
        Some(last) => format!("{last} ({} so far)", said.lines().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_folder_must_have_the_tool() {
        let folder = tempfile::tempdir().unwrap();
        let error = ETCD.given(folder.path()).unwrap_err().to_string();
        assert!(error.contains("put it there"), "{error}");
        fs::write(folder.path().join("etcd"), "").unwrap();
        assert_eq!(ETCD.given(folder.path()).unwrap(), folder.path().join("etcd"));
    }

    #[test]
    fn position_is_the_last_line_and_the_count() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(position(&log), "looking at what is there");
        fs::write(&log, "internal/abi\nruntime\n").unwrap();
        assert_eq!(position(&log), "runtime (2 so far)");
    }

    #[test]
    fn version_in_the_flags_is_the_version_in_the_module() {
        let module = fs::read_to_string(repo::at(KUBE_APISERVER.module).join("go.mod")).unwrap();
        let version = module.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes ")).unwrap();
        let version = version.split(' ').next().unwrap();
        assert!(KUBE_APISERVER.ldflags.contains(&format!("gitVersion={version} ")));
    }

    #[test]
    fn keys_of_the_tools_differ() {
        assert_ne!(ETCD.key().unwrap(), KUBE_APISERVER.key().unwrap());
    }
}
