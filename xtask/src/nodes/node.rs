//! A node: containerd and a kubelet in a room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::control::{MAIN, spawn};
use super::kubelet::Kubelet;
use super::parts::{PAUSE, Parts};
use super::room::Room;
use crate::debian::said;
use crate::process::Guarded;

/// How long containerd may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Where containerd listens, in the room.
pub(super) const SOCKET: &str = "/run/containerd/containerd.sock";

/// What a node is to be.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Its name.
    pub name: String,
    /// What its cloud calls it, such as `aws:///us-east-1a/i-0123456789abcdef0`.
    pub provider_id: String,
    /// Labels, as kubelet takes them: with commas between them.
    pub labels: String,
}

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kubelet: Kubelet,
    containerd: Guarded,
    /// None for the first, whose room is the control plane's.
    pub(super) own: Option<Room>,
}

/// Where a node is to be.
pub(super) struct Site<'a> {
    pub(super) parts: &'a Parts,
    /// The control plane's room.
    pub(super) main: &'a Room,
    /// Where its files go.
    pub(super) folder: &'a Path,
    pub(super) kubeconfig: &'a Path,
    pub(super) place: Place,
}

/// The first node's place, or one of the others'.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// 0 for the first.
    pub(super) number: usize,
}

impl Place {
    fn address(self) -> String {
        if self.number == 0 { MAIN.to_owned() } else { format!("10.98.{}.2", self.number) }
    }

    fn gateway(self) -> String {
        format!("10.98.{}.1", self.number)
    }
}

impl Node {
    /// Starts one. The first lives in the room of the control plane, another has one of its own, and a cable.
    pub(super) fn start(site: &Site<'_>, options: &NodeOptions, images: &[PathBuf]) -> Result<Self> {
        let Site { parts, main, folder, kubeconfig, place } = *site;
        let own = (place.number > 0).then(|| Room::new(folder, &[])).transpose()?;
        let room = own.as_ref().unwrap_or(main);
        if own.is_some() {
            cable(main, room, place)?;
        }
        fs::write(folder.join("containerd.toml"), containerd(parts, folder))
            .context("write containerd's settings")?;
        fs::create_dir_all(folder.join("cni")).context("make the folder of networks")?;
        fs::write(folder.join("cni/10-pods.conflist"), network(place).to_string())
            .context("write the network")?;
        let mut command = room.command(&parts.program("containerd"));
        command.arg("--config").arg(folder.join("containerd.toml"));
        command.env("PATH", parts.search_path()).env("LD_LIBRARY_PATH", parts.libraries());
        let mut containerd = spawn("containerd", &command, folder)?;
        wait(parts, room, &mut containerd)?;
        for image in images.iter().chain([&parts.pause()]) {
            let mut import = control(parts, room);
            said(import.args(["-n", "k8s.io", "images", "import"]).arg(image)).context("import an image")?;
        }
        let kubeconfig = kubeconfig.display().to_string();
        let kubelet = Kubelet::start(room, folder.to_owned(), &kubeconfig, &place.address(), options)?;
        Ok(Self { name: options.name.clone(), kubelet, containerd, own })
    }

    /// Fails, with the last lines of its log, if a part of it has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.kubelet.check_alive()?;
        self.containerd.check_alive()?;
        self.own.as_mut().map_or(Ok(()), Room::check_alive)
    }
}

/// A cable from the main room to another's, and the ways to the pods on either side.
fn cable(main: &Room, other: &Room, place: Place) -> Result<()> {
    let run = |room: &Room, words: &str| {
        let mut ip = room.beside(Path::new("ip"));
        said(ip.args(words.split_whitespace())).map(drop)
    };
    let (number, address, gateway) = (place.number, place.address(), place.gateway());
    run(main, &format!("link add cable{number} type veth peer name eth0 netns {}", other.first()))?;
    run(main, &format!("addr add {gateway}/24 dev cable{number}"))?;
    run(main, &format!("link set cable{number} up"))?;
    run(main, &format!("route add 10.244.{number}.0/24 via {address}"))?;
    run(other, &format!("addr add {address}/24 dev eth0"))?;
    run(other, "link set eth0 up")?;
    run(other, &format!("route add default via {gateway}"))?;
    for room in [main, other] {
        let mut forward = room.beside(Path::new("sysctl"));
        said(forward.args(["-qw", "net.ipv4.ip_forward=1"]))?;
    }
    Ok(())
}

fn control(parts: &Parts, room: &Room) -> std::process::Command {
    let mut ctr = room.command(&parts.program("ctr"));
    ctr.args(["-a", SOCKET]);
    ctr
}

fn wait(parts: &Parts, room: &Room, containerd: &mut Guarded) -> Result<()> {
    let begun = Instant::now();
    while said(control(parts, room).arg("version")).is_err() {
        containerd.check_alive()?;
        ensure!(begun.elapsed() < READY_WITHIN, "containerd does not answer{}", containerd.last_words());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn containerd(parts: &Parts, folder: &Path) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let (root, opt, networks, plugins) = (at("containerd"), at("opt"), at("cni"), parts.cni());
    let plugins = plugins.display();
    format!(
        r#"version = 2
root = "{root}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
path = "{opt}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{networks}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
    )
}

fn network(place: Place) -> Value {
    json!({
        "cniVersion": "0.4.0", "name": "pods", "plugins": [{
            "type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false,
            "ipam": {
                "type": "host-local", "dataDir": "/run/networks",
                "ranges": [[{ "subnet": format!("10.244.{}.0/24", place.number) }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }],
    })
}
