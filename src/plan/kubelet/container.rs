//! What a container is told of its devices, as the SR-IOV device plugin tells it: programs know it from there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::{DeviceNode, Offer, PciAddress};

/// What a container gets with devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// Files of devices, each once.
    pub nodes: Vec<DeviceNode>,
}

/// What a container gets with these devices of a resource.
#[must_use]
pub fn container(resource: &str, devices: &[Offer]) -> Container {
    let addresses: Vec<&str> = devices.iter().map(|offer| offer.device.as_str()).collect();
    let infos: BTreeMap<&str, Value> =
        devices.iter().map(|offer| (offer.device.as_str(), info(offer))).collect();
    let told = [("", addresses.join(",")), ("_INFO", json!(infos).to_string())];
    let variables = names(resource)
        .into_iter()
        .flat_map(|name| told.iter().map(move |(suffix, value)| (format!("{name}{suffix}"), value.clone())));
    let mut seen = BTreeSet::new();
    let nodes = devices.iter().flat_map(|offer| &offer.nodes).filter(|node| seen.insert(*node)).cloned();
    Container { variables: variables.collect(), nodes: nodes.collect() }
}

/// The variable's name, and one that a shell can read too, if that is another.
fn names(resource: &str) -> BTreeSet<String> {
    let name = format!("PCIDEVICE_{}", resource.replace(['.', '/'], "_")).to_uppercase();
    let of_shell = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    BTreeSet::from([name, of_shell])
}

/// What the variable `…_INFO` says of a device.
fn info(offer: &Offer) -> Value {
    let mut info = json!({ "generic": { "deviceID": offer.device.as_str() } });
    let find = |prefix: &str| {
        let mut paths = offer.nodes.iter().map(|node| node.in_container.as_str());
        paths.find(|path| path.starts_with(prefix) && *path != "/dev/vfio/vfio").map(str::to_owned)
    };
    if let Some(group) = find("/dev/vfio/") {
        info["vfio"] = json!({ "dev-mount": group, "mount": "/dev/vfio/vfio" });
    }
    if let Some(uio) = find("/dev/uio") {
        info["uio"] = json!({ "mount": uio });
    }
    info
}

/// The name of the file that tells CNI plugins of a device, as the Network Plumbing Working Group has it.
#[must_use]
pub fn info_name(resource: &str, device: &PciAddress) -> String {
    format!("{}-{device}-device.json", resource.replace('/', "-"))
}

/// What stands in it.
#[must_use]
pub fn info_file(device: &PciAddress) -> String {
    let address = device.as_str();
    json!({ "type": "pci", "version": "1.1.0", "pci": { "pci-address": address } }).to_string()
}
