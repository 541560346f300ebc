//! Buildah, out of Debian's packages: it makes an image of files without a daemon.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Platform;
use crate::cache;
use crate::debian::{self, Packages, said};

const PACKAGE: &str = "buildah";

/// Fails with the reason if buildah cannot be had here.
pub(super) fn obtainable() -> Result<()> {
    if !cache::has(&name())? {
        debian::obtainable()?;
    }
    ensure!(is_root()?, "buildah needs root here: run as root");
    Ok(())
}

/// Whether this process is root.
fn is_root() -> Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    Ok(uid.split_whitespace().nth(1) == Some("0"))
}

fn name() -> String {
    format!("{PACKAGE}-{}", cache::key(&[PACKAGE.as_bytes(), b"1"]))
}

fn fetch(folder: &Path) -> Result<()> {
    eprintln!("fetching buildah from Debian (once; 20 MB)");
    let packages = Packages::new(folder)?;
    packages.fetch(&[PACKAGE])?;
    packages.unpack()
}

/// What an image is made by.
pub(crate) struct Recipe<'a> {
    /// The `Containerfile`.
    pub(crate) file: &'a Path,
    /// The folder of what it copies.
    pub(crate) context: &'a Path,
    /// Its arguments.
    pub(crate) args: &'a [(&'a str, &'a str)],
}

/// Buildah with a store of its own.
pub(crate) struct Buildah {
    root: PathBuf,
    store: tempfile::TempDir,
}

impl Buildah {
    pub(crate) fn new() -> Result<Self> {
        let root = cache::entry(&name(), fetch)?;
        let store = tempfile::tempdir().context("make a folder for buildah")?;
        // Nothing of this machine's settings counts.
        std::fs::write(store.path().join("registries.conf"), "").context("write buildah's settings")?;
        std::fs::write(
            store.path().join("policy.json"),
            r#"{"default": [{"type": "insecureAcceptAnything"}]}"#,
        )
        .context("write buildah's policy")?;
        std::fs::write(store.path().join("storage.conf"), "[storage]\ndriver = \"vfs\"\n")
            .context("write buildah's settings")?;
        Ok(Self { root, store })
    }

    fn command(&self) -> Command {
        let at = |name: &str| self.store.path().join(name);
        let mut command = Command::new(self.root.join("usr/bin/buildah"));
        command.env("LD_LIBRARY_PATH", debian::libraries(&self.root));
        command.env("CONTAINERS_STORAGE_CONF", at("storage.conf")).env("TMPDIR", self.store.path());
        command.arg("--root").arg(at("root")).arg("--runroot").arg(at("run"));
        command.args(["--storage-driver", "vfs", "--registries-conf"]).arg(at("registries.conf"));
        command
    }

    /// Builds the image of a platform, and adds it to a list. All times in it are the beginning of time.
    pub(crate) fn add(&self, list: &str, platform: Platform, recipe: &Recipe<'_>) -> Result<()> {
        let mut build = self.command();
        build.args(["build", "--isolation", "chroot", "--format", "oci", "--timestamp", "0", "--pull-never"]);
        build.args(["--manifest", list, "--platform", &format!("linux/{}", platform.arch())]);
        build.arg("--signature-policy").arg(self.store.path().join("policy.json"));
        for (name, value) in recipe.args {
            build.args(["--build-arg", &format!("{name}={value}")]);
        }
        build.arg("--file").arg(recipe.file).arg(recipe.context);
        said(&mut build).map(drop)
    }

    /// Writes a list with all its images as one archive.
    pub(crate) fn write(&self, list: &str, archive: &Path) -> Result<()> {
        let mut push = self.command();
        push.args(["manifest", "push", "--all", "--format", "oci"]);
        push.arg("--signature-policy").arg(self.store.path().join("policy.json"));
        push.arg(list).arg(format!("oci-archive:{}:{list}", archive.display()));
        said(&mut push).map(drop)
    }
}
