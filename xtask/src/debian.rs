//! Debian's packages, unpacked into a folder instead of installed.
//!
//! Installing some packages takes others away that this machine has, and packages that are being fetched can be cleaned
//! away by another run of apt; apt is given folders of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::process::on_path;

/// Where packages of the machine's kind have their libraries.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];

/// Fails with the reason if packages cannot be had here.
pub fn obtainable() -> Result<()> {
    for program in ["apt-get", "apt-cache", "dpkg"] {
        ensure!(on_path(program).is_some(), "no {program}: some parts are had from Debian's packages");
    }
    ensure!(cfg!(target_arch = "x86_64"), "Debian's packages are fetched for x86_64 only");
    Ok(())
}

/// The name of the release that this machine is.
pub fn codename() -> Result<String> {
    Ok(sources()?.codename)
}

/// What the dynamic linker is told, to find the libraries of packages that were unpacked into `root`.
#[must_use]
pub fn libraries(root: &Path) -> String {
    LIBRARIES.map(|path| root.join(path).display().to_string()).join(":")
}

/// Packages on their way into a folder.
pub struct Packages<'a> {
    folder: &'a Path,
    options: Vec<String>,
    codename: String,
}

impl<'a> Packages<'a> {
    /// Learns what there is.
    pub fn new(folder: &'a Path) -> Result<Self> {
        let own = folder.join("apt");
        for part in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(own.join(part)).context("make apt's folders")?;
        }
        let sources = sources()?;
        fs::write(own.join("sources.list"), sources.list).context("write apt's sources")?;
        let at = |part: &str| own.join(part).display().to_string();
        let settings = [
            ("Dir::Etc::sourcelist", at("sources.list")),
            ("Dir::Etc::sourceparts", "-".to_owned()),
            ("Dir::State::lists", at("lists")),
            ("Dir::Cache::archives", at("archives")),
            ("Dir::Cache::pkgcache", at("pkg.bin")),
            ("Dir::Cache::srcpkgcache", at("src.bin")),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Debug::NoLocking", "1".to_owned()),
        ];
        let options = settings.iter().flat_map(|(name, value)| ["-o".to_owned(), format!("{name}={value}")]);
        let this = Self { folder, options: options.collect(), codename: sources.codename };
        this.run("apt-get", &["update"])?;
        Ok(this)
    }

    /// Fetches packages, and what they need and this machine does not have.
    pub fn fetch(&self, names: &[&str]) -> Result<()> {
        let mut install = vec!["install", "--download-only", "--yes", "--no-install-recommends"];
        install.extend(names);
        self.run("apt-get", &install).map(drop)
    }

    /// Fetches one package without what it needs.
    pub fn fetch_alone(&self, name: &str) -> Result<()> {
        let mut download = self.command("apt-get");
        said(download.args(["download", name]).current_dir(self.archives())).map(drop)
    }

    /// The name of a package among the newer ones of this release.
    #[must_use]
    pub fn newer(&self, name: &str) -> String {
        format!("{name}/{}-backports", self.codename)
    }

    /// The first package that a package needs.
    pub fn first_need(&self, name: &str) -> Result<String> {
        let depends = self.run("apt-cache", &["depends", name])?;
        let first = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: ")).map(str::trim);
        Ok(first.with_context(|| format!("{name} needs no package"))?.to_owned())
    }

    /// Unpacks all that was fetched, and forgets the packages.
    pub fn unpack(self) -> Result<()> {
        for entry in fs::read_dir(self.archives()).context("read the packages")? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                said(Command::new("dpkg").arg("-x").args([path.as_path(), self.folder]))?;
            }
        }
        fs::remove_dir_all(self.folder.join("apt")).context("remove the packages")
    }

    fn archives(&self) -> PathBuf {
        self.folder.join("apt/archives")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        said(self.command(program).args(args))
    }
}

/// Where this machine has its packages from.
struct Sources {
    /// The lines of a list for apt, with backports.
    list: String,
    codename: String,
}

fn sources() -> Result<Sources> {
    let policy = said(Command::new("apt-cache").arg("policy"))?;
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    for line in policy.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [_, address, suite, "amd64", "Packages"] = words.as_slice()
            && let Some(suite) = suite.strip_suffix("/main")
            && address.starts_with("http")
        {
            found.insert(((*address).to_owned(), suite.to_owned()));
        }
    }
    let main = found.iter().find(|(_, suite)| !suite.contains('-')).cloned();
    let Some((address, codename)) = main else { bail!("apt knows no packages: run `apt-get update`") };
    found.insert((address, format!("{codename}-backports")));
    let lines: Vec<String> =
        found.iter().map(|(address, suite)| format!("deb {address} {suite} main\n")).collect();
    Ok(Sources { list: lines.concat(), codename })
}

/// Runs a command, and returns what it says.
pub(crate) fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {errors}", output.status);
    Ok(text)
}
