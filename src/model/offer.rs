//! Devices that kubelet offers to pods, in the words of its device-plugin and pod-resources API.

use std::collections::{BTreeMap, BTreeSet};

use super::PciAddress;

/// What kubelet is to offer: devices by the name of their resource. A resource without devices is still served: kubelet
/// is told that there are none.
pub type Offers = BTreeMap<String, Vec<Offer>>;

/// One device that kubelet offers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// The device. Its address is its id.
    pub device: PciAddress,
    /// Whether pods may get it. One that is not healthy stays on the list as long as a pod may hold it.
    pub healthy: bool,
    /// The memory that is nearest.
    pub numa_node: Option<u32>,
    /// The driver that the device is bound to now; before a pod gets it, that is looked up again.
    pub driver: String,
    /// The files of devices that a pod needs to use it.
    pub nodes: Vec<DeviceNode>,
}

/// A file of a device, on the host and in a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceNode {
    /// Where it is on the host.
    pub on_host: String,
    /// Where it is to be in the container.
    pub in_container: String,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for PodName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What kubelet says of devices and pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allotted {
    /// The pods that hold a device of a resource, by the resource's name and the device's id.
    pub holders: BTreeMap<(String, String), BTreeSet<PodName>>,
    /// The resources that kubelet offers, each with the ids of its healthy devices, whoever serves them.
    pub offered: BTreeMap<String, BTreeSet<String>>,
}

/// What became of a resource that kubelet is to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publication {
    /// Kubelet has the list with these devices, healthy or not.
    Listed(BTreeMap<PciAddress, bool>),
    /// Kubelet does not have it yet, and why.
    Waiting(String),
    /// Another plugin of the node serves a resource of that name, or the same devices.
    ServedByAnother(String),
    /// It is written into the configuration of the SR-IOV device plugin, whose restart is its owner's: the
    /// configuration's hash.
    Configured(String),
}

/// What became of resources, by their names.
pub type Publications = BTreeMap<String, Publication>;
