//! What an agent has of its host.

use serde_json::{Value, json};

use super::{DEVICES, DPDK, MODULES, NETWORKD, SRIOV};
use crate::install::template::{filled, only_if};

/// Where the host's /sys is for an agent that may write it. The runtime keeps the one at /sys read-only, and
/// the usual `AppArmor` profile refuses writes below that path.
pub(super) const HOST_SYS: &str = "/host/sys";

/// Where an agent sees which files of devices the host has. It cannot open them.
pub(super) const HOST_DEV: &str = "/host/dev";

/// Where systemd-networkd looks for files that do not outlive a boot.
pub(super) const NETWORKD_DIR: &str = "/run/systemd/network";

/// A folder of the host.
struct Folder {
    name: &'static str,
    on_host: &'static str,
    in_container: &'static str,
    writable: bool,
    /// Only if this expression holds.
    when: Option<&'static str>,
}

const FOLDERS: [Folder; 9] = [
    // The journal, which outlives the pod.
    folder("state", "/var/lib/eni-operator", true, None),
    // To wait until udev has done with a device.
    folder("udev", "/run/udev", false, None),
    // To notice that somebody's DHCP client changed the node's name servers.
    folder("resolve", "/run/systemd/resolve", false, None),
    folder("networkd", NETWORKD_DIR, true, Some(NETWORKD)),
    Folder { name: "sys", on_host: "/sys", in_container: HOST_SYS, writable: true, when: Some(DPDK) },
    Folder { name: "dev", on_host: "/dev", in_container: HOST_DEV, writable: false, when: Some(DPDK) },
    folder("device-plugins", "/var/lib/kubelet/device-plugins", true, Some(DEVICES)),
    folder("pod-resources", "/var/lib/kubelet/pod-resources", false, Some(DEVICES)),
    folder("devinfo", "/run/k8s.cni.cncf.io/devinfo/dp", true, Some(DEVICES)),
];

/// The folder of the SR-IOV device plugin's configuration.
const SRIOV_NAME: &str = "sriov-config";

/// The host's kernel modules.
const MODULES_DIR: &str = "/lib/modules";
const MODULES_NAME: &str = "modules";

const fn folder(
    name: &'static str,
    path: &'static str,
    writable: bool,
    when: Option<&'static str>,
) -> Folder {
    Folder { name, on_host: path, in_container: path, writable, when }
}

impl Folder {
    fn optional(&self, item: &Value) -> Value {
        match self.when {
            Some(condition) => only_if(condition, false, item),
            None => item.clone(),
        }
    }

    fn volume(&self) -> Value {
        let host = json!({ "path": self.on_host, "type": "DirectoryOrCreate" });
        self.optional(&json!({ "name": self.name, "hostPath": host }))
    }

    fn mount(&self) -> Value {
        let mut mount = json!({ "name": self.name, "mountPath": self.in_container });
        if !self.writable {
            mount["readOnly"] = json!(true);
        }
        self.optional(&mount)
    }
}

/// The volumes of an agent's pod.
pub(super) fn volumes() -> Vec<Value> {
    let sriov =
        json!({ "name": SRIOV_NAME, "hostPath": { "path": sriov_folder(), "type": "DirectoryOrCreate" } });
    let modules = json!({ "name": MODULES_NAME, "hostPath": { "path": MODULES_DIR, "type": "Directory" } });
    let optional = [only_if(SRIOV, false, &sriov), only_if(MODULES, false, &modules)];
    FOLDERS.iter().map(Folder::volume).chain(optional).collect()
}

/// What the agent's own container has of them.
pub(super) fn mounts() -> Vec<Value> {
    let sriov = json!({ "name": SRIOV_NAME, "mountPath": sriov_folder() });
    FOLDERS.iter().map(Folder::mount).chain([only_if(SRIOV, false, &sriov)]).collect()
}

/// What the container that loads modules has of them.
pub(super) fn modules_mount() -> Value {
    json!({ "name": MODULES_NAME, "mountPath": MODULES_DIR, "readOnly": true })
}

fn sriov_folder() -> Value {
    filled("(dir .Values.nodeAgent.sriovConfig)", &Value::Null)
}
