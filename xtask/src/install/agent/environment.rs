//! Variables of an agent: each is a flag's.

use serde_json::{Value, json};

use super::folders::{HOST_DEV, HOST_SYS, NETWORKD_DIR};
use super::{DPDK, NETWORKD, SRIOV};
use crate::install::container::{env, env_of_pod, more_env};
use crate::install::template::only_if;

/// Variables of flags that the pod itself tells.
const OF_POD: [(&str, &str); 2] = [("NODE_NAME", "spec.nodeName"), ("NODE_IP", "status.hostIPs")];

/// Variables of flags, and the values that set them.
const OF_VALUES: [(&str, &str); 4] = [
    ("ENI_LOG", "logLevel"),
    ("METRICS_ADDR", "nodeAgent.metricsAddr"),
    ("CHECK_INTERVAL", "eniManager.checkInterval"),
    ("DEFAULT_MTU", "eniManager.defaultMTU"),
];

/// Variables of flags that are set where an expression holds, and to what.
const WHERE: [(&str, &str, &str); 5] = [
    (DPDK, "BIND_DEVICES", "true"),
    (DPDK, "SYSFS_DIR", HOST_SYS),
    (DPDK, "DEV_DIR", HOST_DEV),
    (".Values.nodeAgent.dpdk.allowUnsafeNoIommu", "ALLOW_UNSAFE_NO_IOMMU", "true"),
    (NETWORKD, "NETWORKD_DIR", NETWORKD_DIR),
];

/// All of them.
pub(super) fn environment() -> Vec<Value> {
    let mut all: Vec<Value> = OF_POD.iter().map(|(name, field)| env_of_pod(name, field)).collect();
    all.extend(OF_VALUES.iter().map(|(name, path)| env(name, path)));
    let set = |name: &str, value: &str| json!({ "name": name, "value": value });
    all.extend(WHERE.iter().map(|(when, name, value)| only_if(when, false, &set(name, value))));
    all.push(only_if(SRIOV, false, &env("SRIOV_CONFIG", "nodeAgent.sriovConfig")));
    all.push(more_env("nodeAgent.extraEnv"));
    all
}
