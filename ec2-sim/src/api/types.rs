//! Instance types.

use serde::{Deserialize, Serialize};

use super::parts::Filter;

/// Lists instance types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeInstanceTypes {
    /// These only.
    #[serde(rename = "InstanceType")]
    pub instance_types: Vec<String>,
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// The page size, 5 to 100. Not with names.
    pub max_results: Option<i32>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// A page of instance types.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInstanceTypesAnswer {
    /// The types, by name.
    #[serde(rename = "instanceTypeSet")]
    pub instance_types: Vec<InstanceTypeInfo>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}

/// An instance type as EC2 describes it, as far as it is simulated.
#[expect(clippy::struct_excessive_bools, reason = "as EC2 publishes it")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceTypeInfo {
    /// The name.
    pub instance_type: String,
    /// Whether AWS counts it to the current generation.
    pub current_generation: bool,
    /// Whether it is a machine without a hypervisor.
    pub bare_metal: bool,
    /// `nitro` or `xen`.
    pub hypervisor: Option<String>,
    /// The processor.
    pub processor_info: ProcessorInfo,
    /// The virtual CPUs.
    pub v_cpu_info: VCpuInfo,
    /// The memory.
    pub memory_info: MemoryInfo,
    /// Whether it has an instance store.
    pub instance_storage_supported: bool,
    /// The instance store.
    pub instance_storage_info: Option<InstanceStorageInfo>,
    /// EBS.
    pub ebs_info: EbsInfo,
    /// The network.
    pub network_info: NetworkInfo,
    /// Whether its CPU is burstable.
    pub burstable_performance_supported: bool,
}

/// The processor of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorInfo {
    /// E.g. `x86_64`.
    pub supported_architectures: Vec<String>,
}

/// The virtual CPUs of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VCpuInfo {
    /// How many.
    #[serde(rename = "defaultVCpus")]
    pub default_v_cpus: u32,
    /// How many cores.
    pub default_cores: u32,
    /// How many threads a core.
    pub default_threads_per_core: u32,
}

/// The memory of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryInfo {
    /// In MiB.
    #[serde(rename = "sizeInMiB")]
    pub size_in_mib: u64,
}

/// The instance store of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceStorageInfo {
    /// In GB.
    #[serde(rename = "totalSizeInGB")]
    pub total_size_in_gb: u64,
    /// The disks.
    pub disks: Vec<Disk>,
}

/// Disks of an instance store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// In GB.
    #[serde(rename = "sizeInGB")]
    pub size_in_gb: u64,
    /// How many.
    pub count: u64,
}

/// What an instance type does with EBS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EbsInfo {
    /// How many volumes.
    pub maximum_ebs_attachments: usize,
    /// `shared` with ENIs, or `dedicated`.
    pub attachment_limit_type: String,
}

/// What an instance type does with the network.
#[expect(clippy::struct_excessive_bools, reason = "as EC2 publishes it")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInfo {
    /// EC2's words for its speed.
    pub network_performance: String,
    /// ENIs on all cards together.
    pub maximum_network_interfaces: usize,
    /// How many cards.
    pub maximum_network_cards: usize,
    /// The card of an attach without an index.
    pub default_network_card_index: u32,
    /// The cards.
    pub network_cards: Vec<NetworkCardInfo>,
    /// IPv4 addresses per ENI, the primary one included.
    pub ipv4_addresses_per_interface: usize,
    /// IPv6 addresses per ENI.
    pub ipv6_addresses_per_interface: usize,
    /// Whether IPv6 is supported.
    pub ipv6_supported: bool,
    /// `required`, `supported` or `unsupported`.
    pub ena_support: String,
    /// Whether EFA is supported.
    pub efa_supported: bool,
    /// The limits of EFA.
    pub efa_info: Option<EfaInfo>,
    /// Whether traffic between instances is encrypted by the hardware.
    pub encryption_in_transit_supported: bool,
    /// Whether ENA Express is supported.
    pub ena_srd_supported: bool,
    /// `supported` or `unsupported`.
    pub flexible_ena_queues_support: String,
}

/// A network card of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkCardInfo {
    /// Its index.
    pub network_card_index: u32,
    /// How many ENIs it takes.
    pub maximum_network_interfaces: usize,
    /// What sorts of ENI it takes.
    #[serde(rename = "interfaceTypeSet")]
    pub interface_types: Vec<String>,
}

/// The limits of EFA of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EfaInfo {
    /// How many EFAs.
    pub maximum_efa_interfaces: usize,
}
