//! A virtual machine with a real kernel, into which network devices are plugged while it runs.
//!
//! The machine is QEMU's q35 with a port for each device, emulated by software: a host's own virtualisation is
//! not needed. Its disk is its memory: busybox, this machine's `ip`, the modules of a stock Debian kernel, and what
//! a test adds. It is spoken to by two sockets, QEMU's monitor and a port of virtio.

mod archive;
mod guest;
mod hypervisor;
pub mod kubelet;
mod monitor;
mod node;
mod parts;
mod programs;
mod show;
pub mod state;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::guest::Guest;
pub use self::hypervisor::Hypervisor;
use self::monitor::Monitor;
pub use self::node::agent;
pub use self::parts::obtainable;
pub use self::programs::{compilable, program};
pub use self::show::show;
use crate::process::{Guarded, Output};

/// Ports for devices: as many as a big instance has ENIs.
const PORTS: usize = 15;

/// A machine's memory in MiB, with its disk.
const MEMORY: u32 = 1024;

/// How long the machine may take to answer. It boots in 5 to 15 s.
const BOOT: Duration = Duration::from_mins(2);

/// How long QEMU may take to make its sockets.
const SOCKETS: Duration = Duration::from_secs(20);

/// How long a device may take to be pulled out.
const PULL: Duration = Duration::from_secs(30);

/// The address at which the machine finds what [`VmOptions::forward`] names.
pub const FORWARDED: &str = "10.0.2.100:6443";

/// What a machine is made with.
#[derive(Debug, Clone, Default)]
pub struct VmOptions {
    /// Files for its disk: where they are, and where they go there.
    pub files: Vec<(PathBuf, String)>,
    /// The one address outside that it can reach, as [`FORWARDED`].
    pub forward: Option<String>,
    /// Whether its devices are behind an IOMMU.
    pub iommu: bool,
    /// Modules of its kernel that are loaded at its start, by their names with `_`, beside those of its devices.
    pub modules: Vec<&'static str>,
    /// Words for its kernel, such as `lockdown=integrity`.
    pub words: Vec<&'static str>,
    /// Commands that are run before its agent starts.
    pub first: Vec<&'static str>,
    /// Its memory in MiB, if it takes more than others.
    pub memory: Option<u32>,
    /// A disk for its `/var`, which then outlives it: [`state::empty`].
    pub state: Option<PathBuf>,
}

/// The functions of one device, of which all are plugged in and pulled out together. They share an IOMMU group.
const FUNCTIONS: usize = 2;

/// A running machine. It ends when it is dropped, or when this process does.
// The order of the fields is the order in which they go: the process first, then its folder.
#[derive(Debug)]
pub struct Vm {
    qemu: Guarded,
    monitor: Monitor,
    guest: Guest,
    folder: TempDir,
}

impl Vm {
    /// Starts a machine, and returns when it answers. One has been silent at its start on a busy host: it gets a second
    /// chance.
    pub fn start(options: &VmOptions) -> Result<Self> {
        Self::start_once(options).or_else(|error| {
            eprintln!("{error:#}; once more");
            Self::start_once(options)
        })
    }

    fn start_once(options: &VmOptions) -> Result<Self> {
        let parts = parts::find()?;
        let folder = tempfile::Builder::new().prefix("eni-vm-").tempdir().context("make a folder")?;
        let disk = folder.path().join("disk.cpio");
        archive::write(&disk, &parts, options)?;
        let mut qemu = Guarded::spawn(
            "qemu",
            &command(&parts, folder.path(), &disk, options),
            &Output::Log(folder.path().join("qemu.log")),
        )?;
        let mut connect = |name: &str| connect(&folder.path().join(name), &mut qemu);
        let monitor = Monitor::new(connect("monitor")?)?;
        let mut guest = Guest::new(connect("control")?)?;
        guest.wait_ready(BOOT).with_context(|| console(folder.path()))?;
        Ok(Self { qemu, monitor, guest, folder })
    }

    /// Runs a command of the shell in it, and returns what it says. One that fails is an error.
    pub fn run(&mut self, command: &str) -> Result<String> {
        let (code, text) = self.try_run(command)?;
        ensure!(code == 0, "in the machine, `{command}` ended with {code}: {text}");
        Ok(text)
    }

    /// Likewise, with how it ended.
    pub fn try_run(&mut self, command: &str) -> Result<(i32, String)> {
        self.qemu.check_alive()?;
        self.guest.run(command).with_context(|| format!("run `{command}`{}", console(self.folder.path())))
    }

    /// Plugs a device with this address into a port.
    pub fn plug(&mut self, port: usize, mac: &str) -> Result<()> {
        self.plug_function(port, &format!("eni{port}"), mac, &json!({}))
    }

    /// Plugs a device with two functions in, each of which is a network device.
    pub fn plug_pair(&mut self, port: usize, macs: [&str; FUNCTIONS]) -> Result<()> {
        // The first function announces the whole device, so it comes last.
        for (function, mac) in macs.into_iter().enumerate().rev() {
            let place = json!({ "addr": format!("0.{function}"), "multifunction": true });
            self.plug_function(port, &format!("eni{port}f{function}"), mac, &place)?;
        }
        Ok(())
    }

    fn plug_function(&mut self, port: usize, id: &str, mac: &str, place: &Value) -> Result<()> {
        let net = format!("net-{id}");
        self.monitor.ask("netdev_add", &json!({ "type": "hubport", "id": net, "hubid": port }))?;
        let mut device = json!({
            "driver": "e1000e", "id": id, "bus": format!("port{port}"), "mac": mac, "netdev": net, "romfile": "",
        });
        if let (Some(device), Some(place)) = (device.as_object_mut(), place.as_object()) {
            device.extend(place.clone());
        }
        self.monitor.ask("device_add", &device)
    }

    /// Pulls the device out of a port, and returns when it is gone.
    pub fn pull(&mut self, port: usize) -> Result<()> {
        self.begin_pull(port)?;
        self.end_pull(port)
    }

    /// Asks for the device of a port. It is there until the kernel lets go of it.
    pub fn begin_pull(&mut self, port: usize) -> Result<()> {
        self.monitor.ask("device_del", &json!({ "id": format!("eni{port}") }))
    }

    /// Returns when the device that was asked for is gone.
    pub fn end_pull(&mut self, port: usize) -> Result<()> {
        let id = format!("eni{port}");
        self.monitor.wait_gone(&id, PULL)?;
        self.monitor.ask("netdev_del", &json!({ "id": format!("net-{id}") }))
    }

    /// Ends the machine as a power cut does.
    pub fn cut_power(&mut self) -> Result<()> {
        self.qemu.kill().map(drop)
    }

    /// What its kernel has complained of.
    pub fn complaints(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("console")).unwrap_or_default();
        let bad = ["BUG:", "Oops", "WARNING:", "Call Trace", "Kernel panic", "hung_task"];
        text.lines().filter(|line| bad.iter().any(|word| line.contains(word))).map(str::to_owned).collect()
    }
}

/// Runs the tests that need a machine, and shows what they print. Says whether all of them hold.
pub fn test() -> Result<bool> {
    let mut tests = crate::cargo::cargo()?;
    tests.args(["test", "-p", "eni-operator", "--no-default-features", "--features", "node"]);
    tests.args(["--test", "node", "--", "--nocapture", "vm::"]);
    Ok(Guarded::spawn("cargo", &tests, &Output::Inherited)?.wait()?.success())
}

fn command(parts: &parts::Parts, folder: &Path, disk: &Path, options: &VmOptions) -> Command {
    let mut qemu = parts.qemu();
    qemu.args(["-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "max", "-smp", "2"]);
    qemu.args(["-m", &options.memory.unwrap_or(MEMORY).to_string()]);
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    let socket = |name: &str| format!("{},server=on,wait=off", folder.join(name).display());
    qemu.args(["-serial", &format!("file:{}", folder.join("console").display())]);
    qemu.args(["-qmp", &format!("unix:{}", socket("monitor"))]);
    qemu.args(["-chardev", &format!("socket,id=control,path={}", socket("control"))]);
    qemu.args(["-device", "virtio-serial-pci,addr=0x1c", "-device", "virtserialport,chardev=control,nr=1"]);
    if options.iommu {
        qemu.args(["-device", "intel-iommu,intremap=on"]);
    }
    if let Some(state) = &options.state {
        let drive = format!("file={},format=raw,if=none,id=state,cache=writethrough", state.display());
        qemu.args(["-drive", &drive, "-device", "virtio-blk-pci,drive=state,addr=0x1d"]);
    }
    for port in 0..PORTS {
        let number = port + 1;
        qemu.args([
            "-device",
            &format!("pcie-root-port,id=port{port},bus=pcie.0,chassis={number},slot={number}"),
        ]);
    }
    let forward = options.forward.as_deref().and_then(|address| address.rsplit_once(':'));
    if let Some((host, port)) = forward {
        let through = format!("{} nc {host} {port}", parts.busybox().display());
        let net = format!("user,id=own,restrict=on,ipv6=off,guestfwd=tcp:{FORWARDED}-cmd:{through}");
        qemu.args(["-netdev", &net, "-device"]);
        qemu.arg("virtio-net-pci,netdev=own,mac=02:00:00:00:00:01,romfile=,addr=0x1e");
    }
    qemu.arg("-kernel").arg(parts.kernel()).arg("-initrd").arg(disk);
    let iommu = options.iommu.then_some("intel_iommu=on");
    // A busy machine emulates a timer that is too slow for the kernel's check of it, and that is a panic.
    let words = ["console=ttyS0,115200 panic=-1 quiet no_timer_check"].into_iter().chain(iommu);
    let words: Vec<&str> = words.chain(options.words.iter().copied()).collect();
    qemu.args(["-append", &words.join(" ")]);
    qemu
}

/// Connects to a socket that QEMU makes.
fn connect(path: &Path, qemu: &mut Guarded) -> Result<UnixStream> {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return Ok(stream),
            Err(error) if begun.elapsed() > SOCKETS => {
                return Err(error).with_context(|| format!("connect to {}", path.display()));
            }
            Err(_) => qemu.check_alive()?,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The end of the machine's console.
fn console(folder: &Path) -> String {
    format!("; the end of its console:\n{}", crate::process::tail(&folder.join("console"), 20))
}
