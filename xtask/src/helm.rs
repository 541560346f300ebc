//! The real Helm, built once from its Go module.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{go_tools::HELM, repo};

/// The chart, from the root of the repository.
pub const CHART: &str = "chart";

/// Helm, and the cluster that it speaks to, if there is one.
#[derive(Debug, Clone)]
pub struct Helm {
    binary: PathBuf,
    kubeconfig: Option<PathBuf>,
    home: PathBuf,
}

impl Helm {
    /// Helm for a cluster. Its own files go into `home`, and not into the user's folders.
    pub fn find(kubeconfig: Option<&Path>, home: &Path) -> Result<Self> {
        Ok(Self { binary: HELM.binary()?, kubeconfig: kubeconfig.map(Path::to_owned), home: home.to_owned() })
    }

    /// Runs it in the root of the repository, and returns what it printed; fails with what it said was wrong.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        let mut helm = Command::new(&self.binary);
        helm.args(args).current_dir(repo::root());
        for (variable, folder) in
            [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
        {
            helm.env(variable, self.home.join(folder));
        }
        match &self.kubeconfig {
            Some(kubeconfig) => helm.env("KUBECONFIG", kubeconfig),
            // Without one it would take the user's.
            None => helm.env("KUBECONFIG", self.home.join("none")),
        };
        let line = format!("helm {}", args.join(" "));
        let output = helm.output().with_context(|| format!("run `{line}`"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{line}` ended with {}: {}", output.status, said.trim());
        String::from_utf8(output.stdout).with_context(|| format!("read what `{line}` printed"))
    }
}
