//! Instances as EC2 describes them.

use std::collections::BTreeMap;

use super::super::render;
use crate::api::{
    EbsInstanceBlockDevice, InstanceBlockDevice, InstanceItem, InstanceNetworkInterface,
    InstanceNetworkInterfaceAttachment, InstanceStateItem, MetadataOptionsItem, Monitoring, Placement,
    Reservation, StateReason, tag_set,
};
use crate::catalog;
use crate::core::View;
use crate::world::{Eni, Instance, InstanceState, MetadataOptions};

pub(super) fn primary<'a>(view: View<'a>, instance: &Instance) -> Option<&'a Eni> {
    let id = view.world.slots.get(&instance.id)?.get(&(0, 0))?;
    view.world.enis.get(id)
}

pub(in crate::actions) fn state(state: InstanceState) -> InstanceStateItem {
    InstanceStateItem { code: state.code(), name: state.name().to_owned() }
}

/// An instance as EC2 describes it. A terminated one has lost its place in the network.
pub(in crate::actions) fn item(view: View<'_>, instance: &Instance) -> InstanceItem {
    let primary = primary(view, instance);
    let address = primary.and_then(|eni| eni.primary);
    let alive = instance.state != InstanceState::Terminated;
    let kind = catalog::get(&instance.instance_type);
    let reason = instance.state_reason.clone();
    InstanceItem {
        instance_id: instance.id.clone(),
        image_id: instance.image_id.clone(),
        instance_state: state(instance.state),
        private_dns_name: address.map(|address| render::dns_name(view, address)).unwrap_or_default(),
        dns_name: String::new(),
        reason: if reason.is_some() { "User initiated".to_owned() } else { String::new() },
        ami_launch_index: instance.launch_index,
        instance_type: instance.instance_type.clone(),
        launch_time: instance.launch_time,
        placement: Placement {
            availability_zone: instance.zone.clone(),
            availability_zone_id: view.settings.zone_id(&instance.zone),
            group_name: String::new(),
            tenancy: "default".to_owned(),
        },
        monitoring: Monitoring { state: "disabled".to_owned() },
        subnet_id: alive.then(|| instance.subnet_id.clone()),
        vpc_id: alive.then(|| instance.vpc_id.clone()),
        private_ip_address: address.map(|address| address.to_string()),
        state_reason: reason.map(|(code, message)| StateReason { code, message }),
        architecture: kind
            .and_then(|kind| kind.architectures.last())
            .map_or("x86_64", |name| name)
            .to_owned(),
        root_device_type: "ebs".to_owned(),
        root_device_name: "/dev/xvda".to_owned(),
        block_device_mappings: block_devices(view, instance),
        virtualization_type: "hvm".to_owned(),
        client_token: instance.client_token.clone(),
        hypervisor: kind.and_then(|kind| kind.hypervisor).unwrap_or("nitro").to_owned(),
        ena_support: kind.is_some_and(|kind| kind.ena_support != "unsupported"),
        security_groups: primary.map(|eni| render::groups(view, &eni.groups)).unwrap_or_default(),
        source_dest_check: primary.is_none_or(|eni| eni.source_dest_check),
        network_interfaces: view.world.enis_of(&instance.id).filter_map(|eni| interface(view, eni)).collect(),
        metadata_options: metadata(&instance.metadata),
        tags: tag_set(&instance.tags),
    }
}

fn block_devices(view: View<'_>, instance: &Instance) -> Vec<InstanceBlockDevice> {
    let volumes = view.world.volumes.values().filter(|volume| volume.is_on(&instance.id));
    let item = |volume: &crate::world::Volume| {
        let place = volume.attachment.as_ref()?;
        Some(InstanceBlockDevice {
            device_name: place.device.clone(),
            ebs: EbsInstanceBlockDevice {
                volume_id: volume.id.clone(),
                status: "attached".to_owned(),
                attach_time: place.attach_time,
                delete_on_termination: place.delete_on_termination,
            },
        })
    };
    volumes.filter_map(item).collect()
}

fn interface(view: View<'_>, eni: &Eni) -> Option<InstanceNetworkInterface> {
    let place = eni.attachment.as_ref()?;
    Some(InstanceNetworkInterface {
        network_interface_id: eni.id.clone(),
        subnet_id: eni.subnet_id.clone(),
        vpc_id: eni.vpc_id.clone(),
        description: eni.description.clone(),
        owner_id: view.settings.account.clone(),
        status: eni.status(view.at).name().to_owned(),
        mac_address: eni.mac.clone(),
        private_ip_address: eni.primary.map(|address| address.to_string()),
        private_dns_name: eni.primary.map(|address| render::dns_name(view, address)),
        source_dest_check: eni.source_dest_check,
        groups: render::groups(view, &eni.groups),
        attachment: InstanceNetworkInterfaceAttachment {
            attachment_id: place.id.clone(),
            device_index: place.device_index,
            network_card_index: place.network_card_index,
            status: place.status.name().to_owned(),
            attach_time: place.attach_time,
            delete_on_termination: place.delete_on_termination,
        },
        private_ip_addresses: render::private_addresses(view, eni),
        ipv6_addresses: render::ipv6_addresses(eni),
        ipv4_prefixes: render::ipv4_prefixes(&eni.ipv4_prefixes),
        ipv6_prefixes: render::ipv6_prefixes(eni),
        interface_type: eni.interface_type.name().to_owned(),
    })
}

pub(super) fn metadata(options: &MetadataOptions) -> MetadataOptionsItem {
    MetadataOptionsItem {
        state: "applied".to_owned(),
        http_tokens: options.http_tokens.clone(),
        http_put_response_hop_limit: options.http_put_response_hop_limit,
        http_endpoint: options.http_endpoint.clone(),
        http_protocol_ipv6: options.http_protocol_ipv6.clone(),
        instance_metadata_tags: options.instance_metadata_tags.clone(),
    }
}

/// Puts instances together by reservation, in the order of their first instances.
pub(in crate::actions) fn reservations(
    account: &str,
    instances: Vec<(String, InstanceItem)>,
) -> Vec<Reservation> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut reservations: Vec<Reservation> = Vec::new();
    for (reservation_id, item) in instances {
        let place = *places.entry(reservation_id.clone()).or_insert(reservations.len());
        if place == reservations.len() {
            reservations.push(Reservation {
                reservation_id,
                owner_id: account.to_owned(),
                groups: Vec::new(),
                instances: Vec::new(),
            });
        }
        reservations[place].instances.push(item);
    }
    reservations
}
