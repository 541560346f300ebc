//! Values of the node agents.

use serde_json::json;

use super::{ADDRESS, Kind, NAME_OR_NONE, Setting, Shape, set};

/// A time as Go writes it, and never none. Its end the agent checks: a pattern cannot add.
const INTERVAL: &str =
    "^([1-9][0-9]{2,}ms|([1-9][0-9]*([.][0-9]+)?|0[.][1-9][0-9]*)(s|m|h))([0-9]+([.][0-9]+)?(ms|s|m|h))*$";

/// Modules by their names.
const MODULES: &str = "^([a-zA-Z0-9_-]+(,[a-zA-Z0-9_-]+)*)?$";

/// A file in a folder: the host's root is not mounted.
const FILE: &str = "^((/[a-zA-Z0-9_.-]+){2,})?$";

/// All of them.
pub(super) fn all() -> Vec<Setting> {
    [of_reference(), of_devices(), own()].concat()
}

/// Those with names of the reference system.
fn of_reference() -> Vec<Setting> {
    vec![
        set(
            "nodeSelector",
            json!({}),
            Kind::Labels,
            "Labels of the nodes that get an agent at once. Whatever this says, a node gets one before its \
             first ENI and keeps it until its last has gone.",
        ),
        set(
            "tolerations",
            json!([{ "operator": "Exists" }]),
            Kind::Objects(Shape::Toleration),
            "Taints that the agents tolerate: all of them.",
        ),
        set(
            "eniManager.checkInterval",
            json!("60s"),
            Kind::Text(INTERVAL, "a time such as 30s or 1m30s, of 100ms to 24h"),
            "How long at most between two looks at the host.",
        ),
        set(
            "eniManager.defaultMTU",
            json!(0),
            Kind::Mtu,
            "MTU in bytes of links whose NodeENI does not say one; 0 leaves theirs alone.",
        ),
        set(
            "eniManager.dpdk.enabled",
            json!(false),
            Kind::Bool,
            "The reference system's name of `nodeAgent.dpdk.enabled`; either will do.",
        ),
    ]
}

/// Those of devices that are more than links.
fn of_devices() -> Vec<Setting> {
    vec![
        set(
            "nodeAgent.dpdk.enabled",
            json!(false),
            Kind::Bool,
            "Whether agents may bind devices to DPDK drivers: the host's /sys is then writable to them. Implies \
             `nodeAgent.devicePlugin`.",
        ),
        set(
            "nodeAgent.dpdk.allowUnsafeNoIommu",
            json!(false),
            Kind::Bool,
            "Whether NodeENIs may ask for devices of hosts without an IOMMU, by `allowUnsafeNoIommu`: whoever uses \
             such a device can write to all of the host's memory.",
        ),
        set(
            "nodeAgent.dpdk.loadModules",
            json!(""),
            Kind::Text(MODULES, "names of kernel modules with commas between them, or none"),
            "Kernel modules that an init container loads from the host's /lib/modules, such as `vfio-pci`: for hosts \
             whose own configuration does not load them.",
        ),
        set(
            "nodeAgent.devicePlugin",
            json!(false),
            Kind::Bool,
            "Whether agents offer devices to pods as resources of kubelet: its folders of device plugins and of pods' \
             resources are then theirs to use.",
        ),
        set(
            "nodeAgent.sriovConfig",
            json!(""),
            Kind::Text(FILE, "an absolute path of a file, or none"),
            "The SR-IOV network device plugin's configuration on the host. If it is set, devices are offered by that \
             plugin, and not by the agent: it has to be restarted when the file changes.",
        ),
    ]
}

/// The others.
fn own() -> Vec<Setting> {
    vec![
        set(
            "nodeAgent.networkd",
            json!(false),
            Kind::Bool,
            "Whether systemd-networkd is told to leave the links alone: its folder in /run is then writable to agents.",
        ),
        set(
            "nodeAgent.metricsAddr",
            json!(":19476"),
            ADDRESS,
            "Where agents serve /metrics, on the node's own network; 0 for nowhere.",
        ),
        set(
            "nodeAgent.priorityClassName",
            json!("system-node-critical"),
            NAME_OR_NONE,
            "Priority class of the agents.",
        ),
        set(
            "nodeAgent.maxUnavailable",
            json!("10%"),
            Kind::Text("^([1-9][0-9]?|100)%$", "a share of the nodes, such as 10%"),
            "Which share of the agents may be replaced at once; one may, however few there are. Links stay as they are meanwhile.",
        ),
        set(
            "nodeAgent.extraEnv",
            json!([]),
            Kind::Objects(Shape::EnvVar),
            "More environment variables of the agents.",
        ),
    ]
}
