//! Describing and changing instances.

use std::collections::BTreeMap;

use super::list::{Listed, Listing, list};
use super::{Perform, render, required, slot};
use crate::api::{
    DescribeInstances, DescribeInstancesAnswer, Done, EbsInstanceBlockDevice, InstanceBlockDevice, InstanceItem,
    InstanceNetworkInterface, InstanceNetworkInterfaceAttachment, InstanceStateItem, MetadataOptionsItem,
    MetadataOptionsRequest, ModifyInstanceAttribute, ModifyInstanceMetadataOptions,
    ModifyInstanceMetadataOptionsAnswer, Monitoring, Placement, Reservation, StateReason, tag_set,
};
use crate::catalog;
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Eni, Instance, InstanceState, MetadataOptions, Tags};

impl Listed for Instance {
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availability-zone-id",
        "client-token",
        "image-id",
        "instance-id",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "network-interface.attachment.attachment-id",
        "network-interface.network-interface-id",
        "network-interface.subnet-id",
        "network-interface.vpc-id",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "reservation-id",
        "instance.group-id",
        "subnet-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, view: View<'_>, filter: &str) -> Vec<String> {
        if let Some(name) = filter.strip_prefix("network-interface.") {
            return view.world.enis_of(&self.id).map(|eni| eni_field(eni, name)).collect();
        }
        let primary = primary(view, self);
        match filter {
            "client-token" => self.client_token.iter().cloned().collect(),
            "instance.group-id" => primary.map(|eni| eni.groups.clone()).unwrap_or_default(),
            "private-dns-name" => {
                primary.and_then(|eni| eni.primary).map(|a| render::dns_name(view, a)).into_iter().collect()
            }
            "private-ip-address" => {
                primary.and_then(|eni| eni.primary).map(|a| a.to_string()).into_iter().collect()
            }
            other => vec![plain_field(self, view, other)],
        }
    }
}

fn eni_field(eni: &Eni, name: &str) -> String {
    match name {
        "attachment.attachment-id" => eni.attachment.as_ref().map(|place| place.id.clone()).unwrap_or_default(),
        "network-interface-id" => eni.id.clone(),
        "subnet-id" => eni.subnet_id.clone(),
        "vpc-id" => eni.vpc_id.clone(),
        _ => String::new(),
    }
}

fn plain_field(instance: &Instance, view: View<'_>, name: &str) -> String {
    match name {
        "availability-zone" => instance.zone.clone(),
        "availability-zone-id" => view.settings.zone_id(&instance.zone),
        "image-id" => instance.image_id.clone(),
        "instance-id" => instance.id.clone(),
        "instance-state-code" => instance.state.code().to_string(),
        "instance-state-name" => instance.state.name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "owner-id" => view.settings.account.clone(),
        "reservation-id" => instance.reservation_id.clone(),
        "subnet-id" => instance.subnet_id.clone(),
        "vpc-id" => instance.vpc_id.clone(),
        _ => String::new(),
    }
}

fn primary<'a>(view: View<'a>, instance: &Instance) -> Option<&'a Eni> {
    let id = view.world.slots.get(&instance.id)?.get(&(0, 0))?;
    view.world.enis.get(id)
}

pub(super) fn state(state: InstanceState) -> InstanceStateItem {
    InstanceStateItem { code: state.code(), name: state.name().to_owned() }
}

/// An instance as EC2 describes it. A terminated one has lost its place in the network.
pub(super) fn item(view: View<'_>, instance: &Instance) -> InstanceItem {
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
        architecture: kind.and_then(|kind| kind.architectures.last()).map_or("x86_64", |name| name).to_owned(),
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

fn metadata(options: &MetadataOptions) -> MetadataOptionsItem {
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
pub(super) fn reservations(account: &str, instances: Vec<(String, InstanceItem)>) -> Vec<Reservation> {
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

impl DescribeInstances {
    fn listing(&self) -> Listing<'_> {
        Listing {
            ids: &self.instance_ids,
            filters: &self.filters,
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
            most: 1000,
        }
    }
}

impl Perform for DescribeInstances {
    type Answer = DescribeInstancesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let at = core.draw_moment();
        let render = |view: View<'_>, instance: &Instance| (instance.reservation_id.clone(), item(view, instance));
        let (instances, next_token) = list(core.view(at), self.listing(), render)?;
        Ok(DescribeInstancesAnswer { reservations: reservations(&core.settings.account, instances), next_token })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeInstances")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }

    fn is_unfiltered(&self) -> bool {
        self.listing().is_unfiltered()
    }
}

/// Changes those options that are given, if they may be so.
pub(super) fn change_metadata(options: &mut MetadataOptions, request: &MetadataOptionsRequest) -> Result<(), ApiError> {
    let choose = |now: &mut String, wanted: &Option<String>, choices: [&str; 2]| match wanted {
        Some(wanted) if choices.contains(&wanted.as_str()) => {
            now.clone_from(wanted);
            Ok(())
        }
        Some(wanted) => Err(ApiError::value(format!("Invalid value '{wanted}': {} or {}", choices[0], choices[1]))),
        None => Ok(()),
    };
    let switch = ["enabled", "disabled"];
    choose(&mut options.http_tokens, &request.http_tokens, ["optional", "required"])?;
    choose(&mut options.http_endpoint, &request.http_endpoint, switch)?;
    choose(&mut options.http_protocol_ipv6, &request.http_protocol_ipv6, switch)?;
    choose(&mut options.instance_metadata_tags, &request.instance_metadata_tags, switch)?;
    if let Some(limit) = request.http_put_response_hop_limit {
        if !(1..=64).contains(&limit) {
            return Err(ApiError::value(format!("Invalid value '{limit}' for httpPutResponseHopLimit: 1 to 64")));
        }
        options.http_put_response_hop_limit = limit;
    }
    Ok(())
}

impl Perform for ModifyInstanceMetadataOptions {
    type Answer = ModifyInstanceMetadataOptionsAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.instance_id, "instanceId")?;
        let instance = core.find::<Instance>(&self.instance_id)?;
        let mut options = instance.metadata.clone();
        change_metadata(&mut options, &self.options())?;
        let answer = metadata(&options);
        if let Some(instance) = core.world.instances.get_mut(&instance.id) {
            instance.metadata = options;
        }
        Ok(ModifyInstanceMetadataOptionsAnswer {
            instance_id: self.instance_id.clone(),
            instance_metadata_options: MetadataOptionsItem { state: "pending".to_owned(), ..answer },
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("ModifyInstanceMetadataOptions", &core.world, Kind::Instance, &self.instance_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl ModifyInstanceMetadataOptions {
    fn options(&self) -> MetadataOptionsRequest {
        MetadataOptionsRequest {
            http_tokens: self.http_tokens.clone(),
            http_put_response_hop_limit: self.http_put_response_hop_limit,
            http_endpoint: self.http_endpoint.clone(),
            http_protocol_ipv6: self.http_protocol_ipv6.clone(),
            instance_metadata_tags: self.instance_metadata_tags.clone(),
        }
    }
}

impl Perform for ModifyInstanceAttribute {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.instance_id, "instanceId")?;
        let instance = core.find::<Instance>(&self.instance_id)?;
        match (&self.instance_type, &self.source_dest_check) {
            (Some(kind), None) => change_type(core, &instance, &kind.value)?,
            (None, Some(check)) => change_check(core, &instance, check.value)?,
            (None, None) => return Err(ApiError::client("MissingParameter", "No attributes specified.")),
            (Some(_), Some(_)) => {
                return Err(ApiError::combination("Fields for multiple attribute types specified"));
            }
        }
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("ModifyInstanceAttribute", &core.world, Kind::Instance, &self.instance_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

/// Gives a stopped instance another type, if its ENIs still fit.
fn change_type(core: &mut Core, instance: &Instance, name: &str) -> Result<(), ApiError> {
    if instance.state != InstanceState::Stopped {
        let text = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(ApiError::client("IncorrectInstanceState", text));
    }
    let changed = Instance { instance_type: name.to_owned(), ..instance.clone() };
    let kind = slot::type_of(&changed)?;
    let slots = core.world.slots.get(&instance.id);
    let on = |card: u32| slots.map_or(0, |slots| slots.range((card, 0)..=(card, u32::MAX)).count());
    let lost = slots.is_some_and(|slots| slots.keys().any(|(card, _)| kind.card(*card).is_none()));
    if lost || kind.cards.iter().any(|card| on(card.index) > card.max_interfaces) {
        let count = slots.map_or(0, BTreeMap::len);
        let text = format!("Interface count {count} exceeds the limit for {name}");
        return Err(ApiError::client("AttachmentLimitExceeded", text));
    }
    core.world.instances.insert(changed.id.clone(), changed);
    Ok(())
}

/// Changes the check of the only ENI; with more, EC2 wants to be told which.
fn change_check(core: &mut Core, instance: &Instance, check: bool) -> Result<(), ApiError> {
    let slots = core.world.slots.get(&instance.id).filter(|slots| slots.len() == 1);
    let Some(eni) = slots.and_then(|slots| slots.values().next()) else {
        let text = format!("There are multiple interfaces attached to instance '{}'. \
             Please specify an interface ID for the operation instead.", instance.id);
        return Err(ApiError::client("InvalidInstanceID", text));
    };
    if let Some(eni) = core.world.enis.get_mut(eni) {
        eni.source_dest_check = check;
    }
    Ok(())
}
