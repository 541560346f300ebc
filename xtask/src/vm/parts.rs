//! QEMU, a stock kernel and busybox: Debian's packages, unpacked into the cache.
//!
//! Nothing is installed. Installing QEMU can take programs of the same source away that this machine has, and
//! packages that are being fetched can be cleaned away by another run of apt; apt is given folders of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::cache;
use crate::process::on_path;

/// Packages of QEMU, from backports: Debian 12's own lacks devices.
const QEMU: &[&str] = &["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios", "qemu-utils"];

/// Others.
const OTHERS: &[&str] = &["busybox-static", "kmod"];

/// The package that names the newest kernel.
const KERNEL: &str = "linux-image-amd64";

/// Where the packages' files are.
#[derive(Debug)]
pub(super) struct Parts {
    root: PathBuf,
}

/// Fails with the reason if a machine cannot be had here.
pub fn obtainable() -> Result<()> {
    if cache::has(&name())? {
        return Ok(());
    }
    for program in ["apt-get", "apt-cache", "dpkg", "ldd", "ip"] {
        ensure!(on_path(program).is_some(), "no {program}: a virtual machine's parts are had from Debian");
    }
    ensure!(cfg!(target_arch = "x86_64"), "the virtual machine's kernel is for x86_64");
    let codename = sources()?.codename;
    ensure!(
        codename == "bookworm",
        "the virtual machine's packages are known for bookworm, and not {codename}"
    );
    Ok(())
}

/// The parts, fetched if they are not there yet.
pub(super) fn find() -> Result<Parts> {
    Ok(Parts { root: cache::entry(&name(), fetch)? })
}

fn name() -> String {
    let words = [QEMU, OTHERS, &[KERNEL]].concat().join(" ");
    format!("vm-{}", cache::key(&[words.as_bytes(), b"1"]))
}

impl Parts {
    pub(super) fn qemu(&self) -> Command {
        let mut qemu = Command::new(self.root.join("usr/bin/qemu-system-x86_64"));
        qemu.env("LD_LIBRARY_PATH", self.libraries());
        qemu.arg("-L")
            .arg(self.root.join("usr/share/qemu"))
            .arg("-L")
            .arg(self.root.join("usr/share/seabios"));
        qemu
    }

    fn libraries(&self) -> String {
        let of = |folder: &str| self.root.join(folder).display().to_string();
        [of("usr/lib/x86_64-linux-gnu"), of("lib/x86_64-linux-gnu")].join(":")
    }

    pub(super) fn busybox(&self) -> PathBuf {
        self.root.join("bin/busybox")
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.root.join("kernel")
    }

    /// The files of modules and of all that they need, in the order in which they are loaded.
    pub(super) fn modules(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let folder = only_entry(&self.root.join("lib/modules"))?;
        let text = fs::read_to_string(folder.join("modules.dep")).context("read modules.dep")?;
        let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
        let stem = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or_default();
            file.split('.').next().unwrap_or_default().replace('-', "_")
        };
        let mut order: Vec<&str> = vec![];
        for name in names {
            // What is built into the kernel is no module.
            let Some((path, needs)) = lines.iter().find(|(path, _)| stem(path) == *name) else { continue };
            // Those that are needed first come last.
            for one in needs.split_whitespace().rev().chain([*path]) {
                if !order.contains(&one) {
                    order.push(one);
                }
            }
        }
        Ok(order.into_iter().map(|path| folder.join(path)).collect())
    }
}

/// Fetches and unpacks everything.
fn fetch(folder: &Path) -> Result<()> {
    eprintln!("fetching QEMU and a kernel from Debian (once; 90 MB)");
    let apt = Apt::new(folder)?;
    apt.run("apt-get", &["update"])?;
    let backports = format!("/{}-backports", apt.codename);
    let qemu = QEMU.iter().map(|package| format!("{package}{backports}"));
    let all: Vec<String> = qemu.chain(OTHERS.iter().map(|one| (*one).to_owned())).collect();
    let mut install = vec!["install", "--download-only", "--yes", "--no-install-recommends"];
    install.extend(all.iter().map(String::as_str));
    apt.run("apt-get", &install)?;
    let depends = apt.run("apt-cache", &["depends", KERNEL])?;
    let kernel = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: ")).map(str::trim);
    let kernel = kernel.with_context(|| format!("{KERNEL} depends on no kernel"))?;
    let archives = folder.join("apt/archives");
    let mut download = apt.command("apt-get");
    said(download.args(["download", kernel]).current_dir(&archives))?;
    for entry in fs::read_dir(&archives).context("read the packages")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            said(Command::new("dpkg").arg("-x").args([&path, folder]))?;
        }
    }
    let boot = fs::read_dir(folder.join("boot")).context("read the kernel's folder")?;
    let image = boot.flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("vmlinuz-"));
    fs::rename(image.context("the kernel's package has no kernel")?.path(), folder.join("kernel"))?;
    let version = only_entry(&folder.join("lib/modules"))?;
    let version = version.file_name().context("no version")?.to_string_lossy().into_owned();
    let mut depmod = Command::new(folder.join("bin/kmod"));
    depmod.arg0("depmod").arg("-b").args([folder.as_os_str()]).arg(version);
    let libraries = [folder.join("usr/lib/x86_64-linux-gnu"), folder.join("lib/x86_64-linux-gnu")];
    depmod.env("LD_LIBRARY_PATH", libraries.map(|path| path.display().to_string()).join(":"));
    said(&mut depmod)?;
    fs::remove_dir_all(folder.join("apt")).context("remove the packages")
}

/// apt, with folders of its own.
struct Apt {
    options: Vec<String>,
    codename: String,
}

impl Apt {
    fn new(folder: &Path) -> Result<Self> {
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
        Ok(Self { options: options.collect(), codename: sources.codename })
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

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    Ok(entries.next().with_context(|| format!("{} is empty", folder.display()))??.path())
}

/// Runs a command, and returns what it says.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {errors}", output.status);
    Ok(text)
}
