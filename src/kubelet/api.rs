//! The messages of kubelet's APIs: of devices, `v1beta1`, and of pods' resources, `v1`.
//!
//! Fields that nothing here reads are left out: a message is decoded without them.

use std::collections::BTreeMap;

use prost::Message;

/// The version of the API of devices.
pub(super) const VERSION: &str = "v1beta1";

/// What kubelet calls a device that pods may get.
pub(super) const HEALTHY: &str = "Healthy";

/// What kubelet calls one that they may not.
pub(super) const UNHEALTHY: &str = "Unhealthy";

/// The names of the calls.
pub(super) mod path {
    pub(crate) const REGISTER: &str = "/v1beta1.Registration/Register";
    pub(crate) const OPTIONS: &str = "/v1beta1.DevicePlugin/GetDevicePluginOptions";
    pub(crate) const LIST_AND_WATCH: &str = "/v1beta1.DevicePlugin/ListAndWatch";
    pub(crate) const PREFERRED: &str = "/v1beta1.DevicePlugin/GetPreferredAllocation";
    pub(crate) const ALLOCATE: &str = "/v1beta1.DevicePlugin/Allocate";
    pub(crate) const PRE_START: &str = "/v1beta1.DevicePlugin/PreStartContainer";
    pub(crate) const LIST_PODS: &str = "/v1.PodResourcesLister/List";
    pub(crate) const ALLOCATABLE: &str = "/v1.PodResourcesLister/GetAllocatableResources";
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Empty {}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct PluginOptions {
    #[prost(bool, tag = "1")]
    pub(super) pre_start_required: bool,
    #[prost(bool, tag = "2")]
    pub(super) get_preferred_allocation_available: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct RegisterRequest {
    #[prost(string, tag = "1")]
    pub(super) version: String,
    /// The name of the plugin's socket in kubelet's folder.
    #[prost(string, tag = "2")]
    pub(super) endpoint: String,
    #[prost(string, tag = "3")]
    pub(super) resource_name: String,
    #[prost(message, optional, tag = "4")]
    pub(super) options: Option<PluginOptions>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct DeviceList {
    #[prost(message, repeated, tag = "1")]
    pub(super) devices: Vec<Device>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Device {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) health: String,
    #[prost(message, optional, tag = "3")]
    pub(super) topology: Option<Topology>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Topology {
    #[prost(message, repeated, tag = "1")]
    pub(super) nodes: Vec<NumaNode>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct NumaNode {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct PreferredRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<PreferredOfContainer>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct PreferredOfContainer {
    #[prost(string, repeated, tag = "1")]
    pub(super) available: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) must_include: Vec<String>,
    #[prost(int32, tag = "3")]
    pub(super) size: i32,
}

/// Ids for each container: what `AllocateRequest` asks for, and what `PreferredAllocationResponse` answers.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct IdsOfContainers {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<Ids>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Ids {
    #[prost(string, repeated, tag = "1")]
    pub(super) ids: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct AllocateResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<ContainerResponse>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ContainerResponse {
    #[prost(btree_map = "string, string", tag = "1")]
    pub(super) variables: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "3")]
    pub(super) nodes: Vec<NodeOfDevice>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct NodeOfDevice {
    #[prost(string, tag = "1")]
    pub(super) in_container: String,
    #[prost(string, tag = "2")]
    pub(super) on_host: String,
    #[prost(string, tag = "3")]
    pub(super) permissions: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct PodList {
    #[prost(message, repeated, tag = "1")]
    pub(super) pods: Vec<Pod>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Pod {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) containers: Vec<Container>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) devices: Vec<DevicesOfContainer>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct DevicesOfContainer {
    #[prost(string, tag = "1")]
    pub(super) resource: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) ids: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Allocatable {
    #[prost(message, repeated, tag = "1")]
    pub(super) devices: Vec<DevicesOfContainer>,
}
