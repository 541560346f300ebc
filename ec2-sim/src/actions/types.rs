//! `DescribeInstanceTypes`.

use super::Perform;
use super::list::{Listing, any, check_filter_names};
use crate::api::{
    DescribeInstanceTypes, DescribeInstanceTypesAnswer, Disk, EbsInfo, EfaInfo, InstanceStorageInfo,
    InstanceTypeInfo, MemoryInfo, NetworkCardInfo, NetworkInfo, ProcessorInfo, VCpuInfo,
};
use crate::catalog::{self, InstanceType, NetworkCard};
use crate::core::Core;
use crate::error::ApiError;
use crate::policy::Question;

/// The filters, beside those of the tags, which types do not have.
const FILTERS: &[&str] = &[
    "bare-metal",
    "burstable-performance-supported",
    "current-generation",
    "hypervisor",
    "instance-storage-supported",
    "instance-type",
    "memory-info.size-in-mib",
    "network-info.efa-supported",
    "network-info.ena-srd-supported",
    "network-info.ena-support",
    "network-info.ipv4-addresses-per-interface",
    "network-info.ipv6-addresses-per-interface",
    "network-info.ipv6-supported",
    "network-info.maximum-network-cards",
    "network-info.maximum-network-interfaces",
    "network-info.network-performance",
    "processor-info.supported-architecture",
    "vcpu-info.default-cores",
    "vcpu-info.default-vcpus",
];

impl DescribeInstanceTypes {
    fn listing(&self) -> Listing<'_> {
        Listing {
            ids: &self.instance_types,
            filters: &self.filters,
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
            most: 100,
        }
    }

    fn wants(&self, kind: &InstanceType) -> bool {
        (self.instance_types.is_empty() || self.instance_types.iter().any(|name| name == kind.name))
            && self.filters.iter().all(|filter| {
                let values = field(kind, &filter.name);
                any(filter, values.iter().map(String::as_str))
            })
    }
}

impl Perform for DescribeInstanceTypes {
    type Answer = DescribeInstanceTypesAnswer;

    fn perform(&self, _core: &mut Core) -> Result<Self::Answer, ApiError> {
        check_filter_names(&self.filters, |name| FILTERS.contains(&name))?;
        let unknown: Vec<_> = self
            .instance_types
            .iter()
            .filter(|name| catalog::get(name).is_none())
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            let text =
                format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
            return Err(ApiError::client("InvalidInstanceType", text));
        }
        let fitting = catalog::all().values().filter(|kind| self.wants(kind));
        let (kinds, next_token) = self.listing().cut(fitting.map(|kind| (kind.name.to_owned(), kind)))?;
        Ok(DescribeInstanceTypesAnswer { instance_types: kinds.into_iter().map(info).collect(), next_token })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeInstanceTypes")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

fn field(kind: &InstanceType, name: &str) -> Vec<String> {
    match name {
        "hypervisor" => kind.hypervisor.iter().map(ToString::to_string).collect(),
        "processor-info.supported-architecture" => {
            kind.architectures.iter().map(ToString::to_string).collect()
        }
        other => vec![plain_field(kind, other)],
    }
}

fn plain_field(kind: &InstanceType, name: &str) -> String {
    match name {
        "bare-metal" => kind.bare_metal.to_string(),
        "burstable-performance-supported" => kind.burstable.to_string(),
        "current-generation" => kind.current_generation.to_string(),
        "instance-storage-supported" => (kind.store_gb > 0).to_string(),
        "instance-type" => kind.name.to_owned(),
        "memory-info.size-in-mib" => kind.memory_mib.to_string(),
        "network-info.efa-supported" => kind.efa_supported.to_string(),
        "network-info.ena-srd-supported" => kind.ena_srd_supported.to_string(),
        "network-info.ena-support" => kind.ena_support.to_owned(),
        "network-info.ipv4-addresses-per-interface" => kind.ipv4_per_interface.to_string(),
        "network-info.ipv6-addresses-per-interface" => kind.ipv6_per_interface.to_string(),
        "network-info.ipv6-supported" => kind.ipv6_supported.to_string(),
        "network-info.maximum-network-cards" => kind.cards.len().to_string(),
        "network-info.maximum-network-interfaces" => kind.max_interfaces().to_string(),
        "network-info.network-performance" => kind.performance.to_owned(),
        "vcpu-info.default-cores" => kind.cores.to_string(),
        "vcpu-info.default-vcpus" => kind.vcpus.to_string(),
        _ => String::new(),
    }
}

fn info(kind: &'static InstanceType) -> InstanceTypeInfo {
    let disks = Disk { size_in_gb: kind.store_gb / kind.store_disks.max(1), count: kind.store_disks };
    let store = InstanceStorageInfo { total_size_in_gb: kind.store_gb, disks: vec![disks] };
    InstanceTypeInfo {
        instance_type: kind.name.to_owned(),
        current_generation: kind.current_generation,
        bare_metal: kind.bare_metal,
        hypervisor: kind.hypervisor.map(str::to_owned),
        processor_info: ProcessorInfo {
            supported_architectures: kind.architectures.iter().map(ToString::to_string).collect(),
        },
        v_cpu_info: VCpuInfo {
            default_v_cpus: kind.vcpus,
            default_cores: kind.cores,
            default_threads_per_core: kind.vcpus / kind.cores.max(1),
        },
        memory_info: MemoryInfo { size_in_mib: kind.memory_mib },
        instance_storage_supported: kind.store_gb > 0,
        instance_storage_info: (kind.store_gb > 0).then_some(store),
        ebs_info: EbsInfo {
            maximum_ebs_attachments: kind.ebs_max,
            attachment_limit_type: if kind.ebs_shared { "shared" } else { "dedicated" }.to_owned(),
        },
        network_info: network(kind),
        burstable_performance_supported: kind.burstable,
    }
}

fn network(kind: &InstanceType) -> NetworkInfo {
    NetworkInfo {
        network_performance: kind.performance.to_owned(),
        maximum_network_interfaces: kind.max_interfaces(),
        maximum_network_cards: kind.cards.len(),
        default_network_card_index: kind.default_card,
        network_cards: kind.cards.iter().map(card).collect(),
        ipv4_addresses_per_interface: kind.ipv4_per_interface,
        ipv6_addresses_per_interface: kind.ipv6_per_interface,
        ipv6_supported: kind.ipv6_supported,
        ena_support: kind.ena_support.to_owned(),
        efa_supported: kind.efa_supported,
        efa_info: kind.efa_supported.then_some(EfaInfo { maximum_efa_interfaces: kind.efa_max }),
        encryption_in_transit_supported: kind.encryption_in_transit,
        ena_srd_supported: kind.ena_srd_supported,
        flexible_ena_queues_support: if kind.flexible_ena_queues { "supported" } else { "unsupported" }
            .to_owned(),
    }
}

fn card(card: &NetworkCard) -> NetworkCardInfo {
    let types: &[&str] = if card.efa { &["interface", "efa", "efa-only"] } else { &["interface"] };
    NetworkCardInfo {
        network_card_index: card.index,
        maximum_network_interfaces: card.max_interfaces,
        interface_types: types.iter().map(ToString::to_string).collect(),
    }
}
