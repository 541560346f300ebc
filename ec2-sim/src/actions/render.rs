//! Things of the world as EC2 describes them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::api::{
    ConnectionTrackingSpecification, EnaSrdSpecification, EnaSrdUdpSpecification, GroupIdentifier,
    Ipv4Prefix, Ipv6Address, Ipv6Prefix, ManagedBy, NetworkInterface, NetworkInterfaceAttachment,
    PrivateIpAddress, tag_set,
};
use crate::core::View;
use crate::world::{Attachment, Eni};

pub(super) fn eni(view: View<'_>, eni: &Eni) -> NetworkInterface {
    NetworkInterface {
        network_interface_id: eni.id.clone(),
        subnet_id: eni.subnet_id.clone(),
        vpc_id: eni.vpc_id.clone(),
        availability_zone: eni.zone.clone(),
        availability_zone_id: view.settings.zone_id(&eni.zone),
        description: eni.description.clone(),
        owner_id: view.settings.account.clone(),
        requester_id: eni.requester_id.clone(),
        requester_managed: eni.requester_id.is_some(),
        status: eni.status(view.at).name().to_owned(),
        mac_address: eni.mac.clone(),
        private_ip_address: eni.primary.map(|address| address.to_string()),
        private_dns_name: eni.primary.map(|address| dns_name(view, address)),
        source_dest_check: eni.source_dest_check,
        groups: groups(view, &eni.groups),
        attachment: eni.attachment.as_ref().map(|place| attachment(view, place)),
        private_ip_addresses: private_addresses(view, eni),
        ipv6_addresses: ipv6_addresses(eni),
        ipv4_prefixes: ipv4_prefixes(&eni.ipv4_prefixes),
        ipv6_prefixes: ipv6_prefixes(eni),
        interface_type: eni.interface_type.name().to_owned(),
        connection_tracking_configuration: eni.connection_tracking.map(|t| ConnectionTrackingSpecification {
            tcp_established_timeout: t.tcp_established_timeout,
            udp_stream_timeout: t.udp_stream_timeout,
            udp_timeout: t.udp_timeout,
        }),
        tags: tag_set(&eni.tags),
        operator: ManagedBy::default(),
    }
}

pub(super) fn attachment(view: View<'_>, place: &Attachment) -> NetworkInterfaceAttachment {
    NetworkInterfaceAttachment {
        attachment_id: place.id.clone(),
        instance_id: place.instance_id.clone(),
        instance_owner_id: view.settings.account.clone(),
        device_index: place.device_index,
        network_card_index: place.network_card_index,
        status: place.status.name().to_owned(),
        attach_time: place.attach_time,
        delete_on_termination: place.delete_on_termination,
        ena_srd_specification: place.ena_srd.map(|(tcp, udp)| EnaSrdSpecification {
            ena_srd_enabled: Some(tcp),
            ena_srd_udp_specification: Some(EnaSrdUdpSpecification { ena_srd_udp_enabled: Some(udp) }),
        }),
        ena_queue_count: place.ena_queue_count,
    }
}

pub(super) fn groups(view: View<'_>, ids: &[String]) -> Vec<GroupIdentifier> {
    let name = |id: &String| view.world.groups.get(id).map(|group| group.name.clone()).unwrap_or_default();
    ids.iter().map(|id| GroupIdentifier { group_id: id.clone(), group_name: name(id) }).collect()
}

pub(super) fn private_addresses(view: View<'_>, eni: &Eni) -> Vec<PrivateIpAddress> {
    let item = |address: Ipv4Addr| PrivateIpAddress {
        private_ip_address: address.to_string(),
        private_dns_name: dns_name(view, address),
        primary: Some(address) == eni.primary,
    };
    eni.addresses().map(item).collect()
}

pub(super) fn ipv6_addresses(eni: &Eni) -> Vec<Ipv6Address> {
    let item = |(place, address): (usize, &Ipv6Addr)| Ipv6Address {
        ipv6_address: address.to_string(),
        is_primary_ipv6: eni.primary_ipv6 && place == 0,
    };
    eni.ipv6.iter().enumerate().map(item).collect()
}

pub(super) fn ipv4_prefixes(prefixes: &[Ipv4Addr]) -> Vec<Ipv4Prefix> {
    prefixes.iter().map(|prefix| Ipv4Prefix { ipv4_prefix: format!("{prefix}/28") }).collect()
}

pub(super) fn ipv6_prefixes(eni: &Eni) -> Vec<Ipv6Prefix> {
    eni.ipv6_prefixes.iter().map(|prefix| Ipv6Prefix { ipv6_prefix: format!("{prefix}/80") }).collect()
}

/// The DNS name AWS gives an address. The oldest region has a domain of its own.
pub(super) fn dns_name(view: View<'_>, address: Ipv4Addr) -> String {
    let host = address.to_string().replace('.', "-");
    match view.settings.region.as_str() {
        "us-east-1" => format!("ip-{host}.ec2.internal"),
        region => format!("ip-{host}.{region}.compute.internal"),
    }
}
