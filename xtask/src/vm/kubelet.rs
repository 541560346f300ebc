//! A real kubelet for a machine: it registers the machine's node and speaks with device plugins. Of containers it has
//! containerd, and no image, since no pod runs there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::node::config;
use crate::go_tools::KUBELET;
use crate::nodes;
use crate::testbed::Testbed;

const CONTAINERD: &str = r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/opt"
[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = "/networks"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
"#;

/// Without a network a node is not ready.
const NETWORK: &str = r#"{"cniVersion":"0.4.0","name":"own","plugins":[{"type":"loopback"}]}"#;

/// Starts both. What they keep is in memory: the machine's disk is, too, and cannot be measured.
const START: &str = r"#!/bin/sh
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /var/lib && mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/kubelet/device-plugins
containerd --config /containerd.toml >/run/containerd.log 2>&1 &
kubelet --config=/kubelet.json --kubeconfig=/kubelet.kubeconfig --hostname-override=NAME --node-ip=10.0.2.15 --v=2 \
  >/run/kubelet.log 2>&1 &
";

/// Memory that a machine with a kubelet takes, in MiB.
pub const MEMORY: u32 = 2560;

/// Fails with the reason if there can be no such kubelet here.
pub fn obtainable() -> Result<()> {
    nodes::runtime_obtainable()?;
    KUBELET.buildable()
}

/// The files of a kubelet of the node of this name, for the machine's disk. `start-kubelet` starts it there.
pub fn files(testbed: &Testbed, name: &str) -> Result<Vec<(PathBuf, String)>> {
    let made = [
        ("kubelet.json", "kubelet.json", settings()),
        ("kubelet-of-node.kubeconfig", "kubelet.kubeconfig", config(testbed.admin_token())),
        ("containerd.toml", "containerd.toml", CONTAINERD.to_owned()),
        ("10-own.conflist", "networks/10-own.conflist", NETWORK.to_owned()),
        // It looks up who it is.
        ("passwd", "etc/passwd", "root:x:0:0:root:/:/bin/sh\n".to_owned()),
        ("group", "etc/group", "root:x:0:\n".to_owned()),
        ("start-kubelet", "bin/start-kubelet", START.replace("NAME", name)),
    ];
    let mut files = vec![
        (KUBELET.built()?, "bin/kubelet".to_owned()),
        (nodes::containerd()?, "bin/containerd".to_owned()),
    ];
    for (file, at, text) in made {
        let path = testbed.folder().join(file);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        files.push((path, at.to_owned()));
    }
    Ok(files)
}

/// Kubelet's settings. It looks after no pods, and so after no control groups.
fn settings() -> String {
    let mut settings = nodes::common_settings(Path::new("/var/lib/volume-plugins"));
    settings["cgroupsPerQOS"] = json!(false);
    settings["enforceNodeAllocatable"] = json!([]);
    settings.to_string()
}
