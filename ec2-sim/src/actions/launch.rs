//! `RunInstances`.

use super::instance::{change_metadata, item, reservations};
use super::make::NewEni;
use super::slot::{self, Slot};
use super::{Perform, make, tag};
use crate::api::{
    CreateNetworkInterface, InstanceNetworkInterfaceSpecification, Reservation, RunInstances, TagsByType,
};
use crate::catalog::InstanceType;
use crate::core::{Core, Due};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Eni, Instance, InstanceState, MetadataOptions, Subnet, Tags};

impl Perform for RunInstances {
    type Answer = Reservation;

    fn perform(&self, core: &mut Core) -> Result<Reservation, ApiError> {
        let request = Self { client_token: None, dry_run: None, ..self.clone() };
        let token = self.client_token.as_deref();
        let life = core.settings.token_life;
        if let Some(answer) = core.run_tokens.replay(token, &request, core.now, life)? {
            return Ok(answer);
        }
        // A launch takes many steps; the copy is what a refusal goes back to.
        let before = core.clone();
        match self.launch(core) {
            Ok(answer) => {
                core.run_tokens.note(token, request, answer.clone(), core.now);
                Ok(answer)
            }
            Err(error) => {
                *core = before;
                Err(error)
            }
        }
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "RunInstances";
        let tags = tag::unchecked(&self.tag_specifications, Kind::Instance);
        let mut questions = Question::making(name, Kind::Instance, &tags);
        let tags = tag::unchecked(&self.tag_specifications, Kind::NetworkInterface);
        questions.extend(Question::making(name, Kind::NetworkInterface, &tags));
        let subnet = self.subnet_id.iter();
        questions.extend(subnet.map(|id| Question::about(name, &core.world, Kind::Subnet, id)));
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl RunInstances {
    fn launch(&self, core: &mut Core) -> Result<Reservation, ApiError> {
        if self.max_count < 1 || self.min_count < 1 || self.min_count > self.max_count {
            return Err(ApiError::value(
                "minCount and maxCount must be at least 1, and minCount not above maxCount",
            ));
        }
        let kinds = [Kind::Instance, Kind::NetworkInterface, Kind::Volume];
        let tags = tag::specified(&self.tag_specifications, &kinds)?;
        let launch = Launch { reservation_id: core.draw_id(Kind::Reservation), enis: self.enis()?, tags };
        let mut ids = Vec::new();
        for index in 0..self.max_count {
            ids.push(self.launch_one(core, &launch, index)?);
        }
        let reservation_id = launch.reservation_id;
        let view = core.view(core.now);
        let instances = ids.iter().filter_map(|id| view.world.instances.get(id));
        let items = instances.map(|instance| (reservation_id.clone(), item(view, instance))).collect();
        reservations(&core.settings.account, items)
            .pop()
            .ok_or_else(|| ApiError::new("InternalError", "A launch made no instance", 500))
    }

    /// The ENIs to launch with: as listed, or one put together from the call's own parameters.
    fn enis(&self) -> Result<Vec<InstanceNetworkInterfaceSpecification>, ApiError> {
        if self.network_interfaces.is_empty() {
            return Ok(vec![InstanceNetworkInterfaceSpecification {
                device_index: Some(0),
                subnet_id: self.subnet_id.clone(),
                groups: self.security_group_ids.clone(),
                private_ip_address: self.private_ip_address.clone(),
                ..Default::default()
            }]);
        }
        if self.subnet_id.is_some() || !self.security_group_ids.is_empty() {
            return Err(ApiError::combination(
                "Network interfaces and an instance-level subnet ID or security groups may not be specified \
                 on the same request",
            ));
        }
        let primary = |eni: &&InstanceNetworkInterfaceSpecification| {
            eni.device_index.unwrap_or_default() == 0 && eni.network_card_index.unwrap_or_default() == 0
        };
        if self.network_interfaces.iter().filter(primary).count() != 1 {
            return Err(ApiError::value(
                "Exactly one network interface must have device index 0 on network card 0",
            ));
        }
        let mut enis = self.network_interfaces.clone();
        enis.sort_by_key(|eni| {
            (eni.network_card_index.unwrap_or_default(), eni.device_index.unwrap_or_default())
        });
        Ok(enis)
    }

    fn launch_one(&self, core: &mut Core, launch: &Launch, launch_index: u32) -> Result<String, ApiError> {
        let subnet_id = primary_subnet(core, &launch.enis)?;
        let subnet = core.find::<Subnet>(&subnet_id)?;
        let of = |kind: Kind| launch.tags.get(kind.resource_type()).cloned().unwrap_or_default();
        let mut metadata = MetadataOptions::default();
        change_metadata(&mut metadata, &self.metadata_options.clone().unwrap_or_default())?;
        let instance = Instance {
            id: core.draw_id(Kind::Instance),
            reservation_id: launch.reservation_id.clone(),
            launch_index,
            instance_type: self.instance_type.clone().unwrap_or_else(|| "m1.small".to_owned()),
            image_id: self.image_id.clone().unwrap_or_default(),
            subnet_id,
            vpc_id: subnet.vpc_id.clone(),
            zone: subnet.zone.clone(),
            state: InstanceState::Pending,
            state_reason: None,
            launch_time: core.now,
            created_at: core.now,
            client_token: self.client_token.clone(),
            metadata,
            tags: of(Kind::Instance),
        };
        let kind = slot::type_of(&instance)?;
        core.world.instances.insert(instance.id.clone(), instance.clone());
        for eni in &launch.enis {
            add_eni(core, &instance, kind, eni, &of(Kind::NetworkInterface))?;
        }
        core.after(core.settings.start, Due::Running(instance.id.clone()));
        Ok(instance.id)
    }
}

/// What all instances of a launch have in common.
struct Launch {
    reservation_id: String,
    /// The primary one first.
    enis: Vec<InstanceNetworkInterfaceSpecification>,
    tags: TagsByType,
}

/// The subnet an instance is in: that of its primary ENI.
fn primary_subnet(
    core: &mut Core,
    enis: &[InstanceNetworkInterfaceSpecification],
) -> Result<String, ApiError> {
    let primary = enis.first();
    if let Some(id) = primary.and_then(|eni| eni.network_interface_id.as_ref()) {
        return Ok(core.find::<Eni>(id)?.subnet_id.clone());
    }
    primary.and_then(|eni| eni.subnet_id.clone()).ok_or_else(|| {
        ApiError::client("VPCIdNotSpecified", "No default VPC for this user: a subnet must be specified")
    })
}

/// Makes or takes an ENI and puts it on an instance that is coming up.
fn add_eni(
    core: &mut Core,
    instance: &Instance,
    kind: &InstanceType,
    request: &InstanceNetworkInterfaceSpecification,
    tags: &Tags,
) -> Result<(), ApiError> {
    let slot = Slot::read(kind, request.network_card_index.or(Some(0)), request.device_index.or(Some(0)))?;
    let made = request.network_interface_id.is_none();
    let id = if let Some(id) = &request.network_interface_id {
        id.clone()
    } else {
        let new = NewEni::requested(&as_create(instance, request))?;
        let places = Some(kind.ipv4_per_interface);
        make::make_eni(core, &NewEni { tags: tags.clone(), places, ..new })?
    };
    let eni = if made { core.get::<Eni>(&id)? } else { core.find::<Eni>(&id)? };
    if eni.attachment.is_some() {
        let text = format!("Interface: [{id}] in use.");
        return Err(ApiError::client("InvalidNetworkInterface.InUse", text));
    }
    if eni.zone != instance.zone {
        return Err(ApiError::combination(
            "All network interfaces must be in the instance's availability zone",
        ));
    }
    slot::check(&core.world, instance, kind, &eni, slot)?;
    slot::place(core, &id, &instance.id, slot, request.delete_on_termination.unwrap_or(made));
    Ok(())
}

/// The same wishes as a call that makes an ENI on its own.
fn as_create(instance: &Instance, request: &InstanceNetworkInterfaceSpecification) -> CreateNetworkInterface {
    CreateNetworkInterface {
        subnet_id: request.subnet_id.clone().unwrap_or_else(|| instance.subnet_id.clone()),
        description: request.description.clone(),
        groups: request.groups.clone(),
        private_ip_address: request.private_ip_address.clone(),
        private_ip_addresses: request.private_ip_addresses.clone(),
        secondary_private_ip_address_count: request.secondary_private_ip_address_count,
        ipv4_prefixes: request.ipv4_prefixes.clone(),
        ipv4_prefix_count: request.ipv4_prefix_count,
        ipv6_address_count: request.ipv6_address_count,
        interface_type: request.interface_type.clone(),
        ..CreateNetworkInterface::default()
    }
}
