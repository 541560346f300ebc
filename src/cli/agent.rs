//! The arguments of `node-agent`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::ListenAddress;
use super::parsers::{Addresses, Mtus, addresses, duration, link_name, listen_address, mtu, mtus, node_name};

/// Arguments of `node-agent`.
#[derive(Debug, Clone, Args)]
pub struct NodeAgentArgs {
    /// Name of the node; the host's name unless set.
    #[arg(long, env = "NODE_NAME", value_name = "NAME", value_parser = node_name)]
    pub node_name: Option<String>,

    /// The node's own addresses, with commas between them: a link that has one is never touched.
    #[arg(long, env = "NODE_IP", default_value = "", hide_default_value = true, value_name = "ADDRESSES", value_parser = addresses)]
    pub node_ip: Addresses,

    /// A link that is never touched, beside those that the node is seen to live by.
    #[arg(long, env = "PRIMARY_INTERFACE", default_value = "", hide_default_value = true, value_name = "NAME", value_parser = link_name)]
    pub primary_interface: String,

    /// Whether devices are bound to DPDK drivers where a NodeENI asks for it; takes a sysfs that can be written.
    #[arg(long, env = "BIND_DEVICES", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL")]
    pub bind_devices: bool,

    /// Whether devices are bound on a host without an IOMMU where a NodeENI allows it: the program that uses one can
    /// then write to all memory of the node.
    #[arg(long, env = "ALLOW_UNSAFE_NO_IOMMU", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_name = "BOOL")]
    pub allow_unsafe_no_iommu: bool,

    /// How to reach the Kubernetes API server; unless set, what `KUBECONFIG` lists, or the pod's service
    /// account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// MTU in bytes of links whose NodeENI does not say one; 0 leaves theirs alone.
    #[arg(long, env = "DEFAULT_MTU", default_value_t = 0, value_name = "BYTES", value_parser = mtu)]
    pub default_mtu: u32,

    /// MTUs in bytes of links by name or alternative name, such as `eth1:9001,eth2:1500`. They go before the
    /// NodeENI's.
    #[arg(long, env = "INTERFACE_MTUS", default_value = "", hide_default_value = true, value_name = "MTUS", value_parser = mtus)]
    pub interface_mtus: Mtus,

    /// How long a link that is up may be without a carrier before that is told.
    #[arg(long, env = "INTERFACE_UP_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub interface_up_timeout: Duration,

    /// How long at most between two looks at the host, whatever it announces.
    #[arg(long, env = "CHECK_INTERVAL", default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub check_interval: Duration,

    /// Where to serve /healthz, /readyz and /metrics: ADDRESS:PORT or :PORT, or 0 for nowhere. The agent goes on
    /// without them if it is taken.
    #[arg(long, env = "METRICS_ADDR", default_value = ":19476", value_name = "ADDRESS", value_parser = listen_address)]
    pub metrics_addr: ListenAddress,

    /// Folder of the journal, which has to outlive the agent.
    #[arg(long, env = "STATE_DIR", default_value = "/var/lib/eni-operator", value_name = "FOLDER")]
    pub state_dir: PathBuf,

    /// The host's sysfs.
    #[arg(long, env = "SYSFS_DIR", default_value = "/sys", value_name = "FOLDER")]
    pub sysfs_dir: PathBuf,

    /// The host's folder of the files of devices, such as `vfio/7` and `uio0`.
    #[arg(long, env = "DEV_DIR", default_value = "/dev", value_name = "FOLDER")]
    pub dev_dir: PathBuf,

    /// udev's folder. Without a socket `control` in it there is no udev to wait for.
    #[arg(long, env = "UDEV_DIR", default_value = "/run/udev", value_name = "FOLDER")]
    pub udev_dir: PathBuf,

    /// Where systemd-networkd looks for files, to tell it which devices to leave alone; it reads them when it is
    /// reloaded. It is told nothing unless this is set.
    #[arg(long, env = "NETWORKD_DIR", value_name = "FOLDER")]
    pub networkd_dir: Option<PathBuf>,

    /// The host's list of name servers, to notice when it changes.
    #[arg(
        long,
        env = "RESOLV_CONF",
        default_value = "/run/systemd/resolve/resolv.conf",
        value_name = "FILE"
    )]
    pub resolv_conf: PathBuf,

    /// Kubelet's folder of device plugins. If it is not there no device is offered to pods.
    #[arg(
        long,
        env = "DEVICE_PLUGIN_DIR",
        default_value = "/var/lib/kubelet/device-plugins",
        value_name = "FOLDER"
    )]
    pub device_plugin_dir: PathBuf,

    /// Kubelet's socket that tells which pods hold which devices.
    #[arg(
        long,
        env = "POD_RESOURCES_SOCKET",
        default_value = "/var/lib/kubelet/pod-resources/kubelet.sock",
        value_name = "FILE"
    )]
    pub pod_resources_socket: PathBuf,

    /// Folder of the files that tell CNI plugins of devices.
    #[arg(
        long,
        env = "DEVICE_INFO_DIR",
        default_value = "/var/run/k8s.cni.cncf.io/devinfo/dp",
        value_name = "FOLDER"
    )]
    pub device_info_dir: PathBuf,

    /// Configuration of the SR-IOV device plugin. If set, devices are offered by it, and not by plugins of the agent:
    /// pools are merged into it, and its plugin is to be started again by whoever owns it.
    #[arg(long, env = "SRIOV_CONFIG", value_name = "FILE")]
    pub sriov_config: Option<PathBuf>,

    /// Of the reference system, and without effect: links are known by their hardware addresses.
    #[arg(long, value_name = "PATTERN")]
    pub eni_pattern: Option<String>,

    /// Of the reference system, and without effect: links are known by their hardware addresses.
    #[arg(long, value_name = "NAMES")]
    pub ignore_interfaces: Option<String>,

    /// Of the reference system, and without effect: netlink is always used.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub use_netlink: Option<bool>,

    /// Of the reference system, and without effect: --log says what to log.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub debug: Option<bool>,
}

impl NodeAgentArgs {
    /// The flags of the reference system that are given and mean nothing, and why.
    #[must_use]
    pub fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        const BY_MAC: &str = "a link is known by the hardware address of its ENI, and never by its name";
        [
            (self.eni_pattern.is_some(), "--eni-pattern", BY_MAC),
            (self.ignore_interfaces.is_some(), "--ignore-interfaces", BY_MAC),
            (self.use_netlink.is_some(), "--use-netlink", "netlink is always used"),
            (self.debug.is_some(), "--debug", "--log says what to log"),
        ]
        .into_iter()
        .filter_map(|(given, flag, why)| given.then_some((flag, why)))
        .collect()
    }
}
