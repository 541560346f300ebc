//! Making what a seed has.

use std::collections::BTreeMap;

use super::{Seed, SeedEni, SeedInstance, SeedSubnet, Seeded};
use crate::actions::{self, NewEni, NewGroup, NewSubnet, NewVpc, Slot};
use crate::catalog;
use crate::core::Core;
use crate::error::ApiError;
use crate::ids::{self, Kind};
use crate::world::{Instance, InterfaceType, MetadataOptions};

/// Makes everything that a seed has; the caller undoes what a refused one has made.
pub(crate) fn apply(core: &mut Core, seed: &Seed) -> Result<Seeded, ApiError> {
    let mut seeded = Seeded::default();
    for vpc in &seed.vpcs {
        let id = free_id(core, Kind::Vpc, vpc.id.as_ref())?;
        let cidr = parse(&vpc.cidr)?;
        let id = actions::make_vpc(core, NewVpc { id, cidr, ipv6: vpc.ipv6, tags: vpc.tags.clone() });
        seeded.vpcs.insert(key_or(&vpc.key, &id), id);
    }
    for subnet in &seed.subnets {
        let id = make_subnet(core, &seeded, subnet)?;
        seeded.subnets.insert(key_or(&subnet.key, &id), id);
    }
    for group in &seed.security_groups {
        let id = free_id(core, Kind::SecurityGroup, group.id.as_ref())?;
        let name = key_or(&group.name, &group.key);
        let new = NewGroup {
            id,
            vpc_id: vpc_of(core, &seeded, group.vpc.as_ref())?,
            description: name.clone(),
            name,
            tags: group.tags.clone(),
        };
        let id = actions::make_group(core, new)?;
        seeded.security_groups.insert(key_or(&group.key, &id), id);
    }
    for instance in &seed.instances {
        make_instances(core, &mut seeded, instance)?;
    }
    Ok(seeded)
}

fn key_or(key: &str, other: &str) -> String {
    if key.is_empty() { other.to_owned() } else { key.to_owned() }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::value(format!("'{text}' is not an address block")))
}

/// Refuses a chosen id that is malformed or taken.
fn free_id(core: &Core, kind: Kind, id: Option<&String>) -> Result<Option<String>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    ids::check(kind, id)?;
    if core.world.tags(kind, id).is_some() {
        return Err(ApiError::value(format!("The id '{id}' is taken")));
    }
    Ok(Some(id.clone()))
}

fn named(ids: &BTreeMap<String, String>, name: &str) -> String {
    ids.get(name).cloned().unwrap_or_else(|| name.to_owned())
}

fn vpc_of(core: &Core, seeded: &Seeded, name: Option<&String>) -> Result<String, ApiError> {
    if let Some(name) = name {
        return Ok(named(&seeded.vpcs, name));
    }
    let only = || core.world.vpcs.ids().next().map(str::to_owned);
    let first = seeded.vpcs.values().next().cloned().or_else(only);
    first.ok_or_else(|| ApiError::value("The seed names no VPC and there is none"))
}

fn make_subnet(core: &mut Core, seeded: &Seeded, subnet: &SeedSubnet) -> Result<String, ApiError> {
    let id = free_id(core, Kind::Subnet, subnet.id.as_ref())?;
    let vpc_id = vpc_of(core, seeded, subnet.vpc.as_ref())?;
    let zone = match subnet.zone.len() {
        0 => format!("{}a", core.settings.region),
        1 => format!("{}{}", core.settings.region, subnet.zone),
        _ => subnet.zone.clone(),
    };
    let siblings = core.world.subnets.values().filter(|other| other.vpc_id == vpc_id).count();
    let block = core.world.vpcs.get(&vpc_id).and_then(|vpc| vpc.ipv6_cidr).filter(|_| subnet.ipv6);
    let ipv6_cidr =
        block.map(|block| crate::net::Cidr6 { base: block.base | (siblings as u128) << 64, length: 64 });
    let (cidr, tags) = (parse(&subnet.cidr)?, subnet.tags.clone());
    actions::make_subnet(core, NewSubnet { id, vpc_id, zone, cidr, ipv6_cidr, tags })
}

fn make_instances(core: &mut Core, seeded: &mut Seeded, seed: &SeedInstance) -> Result<(), ApiError> {
    let reservation_id = core.draw_id(Kind::Reservation);
    for index in 0..seed.count {
        let id = make_instance(core, seeded, seed, &reservation_id, index)?;
        let key = match (seed.key.is_empty(), seed.count) {
            (true, _) => id.clone(),
            (false, 1) => seed.key.clone(),
            (false, _) => format!("{}-{index}", seed.key),
        };
        let mut enis = core.world.enis_of(&id).map(|eni| eni.id.clone()).collect::<Vec<_>>();
        if !enis.is_empty() {
            seeded.primary_enis.insert(key.clone(), enis.remove(0));
        }
        seeded.enis.insert(key.clone(), enis);
        seeded.instances.insert(key, id);
    }
    Ok(())
}

fn make_instance(
    core: &mut Core,
    seeded: &Seeded,
    seed: &SeedInstance,
    reservation_id: &str,
    launch_index: u32,
) -> Result<String, ApiError> {
    let chosen = free_id(core, Kind::Instance, seed.id.as_ref().filter(|_| seed.count == 1))?;
    let subnet_id = named(&seeded.subnets, &seed.subnet);
    let subnet = core.world.subnets.get(&subnet_id).ok_or_else(|| Kind::Subnet.not_found(&subnet_id))?;
    if catalog::get(&seed.instance_type).is_none() {
        let text = format!("The instance type '{}' does not exist", seed.instance_type);
        return Err(ApiError::client("InvalidInstanceType", text));
    }
    let instance = Instance {
        reservation_id: reservation_id.to_owned(),
        launch_index,
        instance_type: seed.instance_type.clone(),
        image_id: "ami-00000000000000000".to_owned(),
        vpc_id: subnet.vpc_id.clone(),
        zone: subnet.zone.clone(),
        subnet_id,
        state: seed.state,
        state_reason: None,
        launch_time: core.now,
        created_at: core.now,
        client_token: None,
        metadata: MetadataOptions::default(),
        tags: seed.tags.clone(),
        id: chosen.unwrap_or_else(|| core.draw_id(Kind::Instance)),
    };
    let id = instance.id.clone();
    core.world.instances.insert(id.clone(), instance);
    let primary = SeedEni {
        security_groups: seed.security_groups.clone(),
        delete_on_termination: true,
        ..SeedEni::default()
    };
    for eni in std::iter::once(&primary).chain(&seed.enis) {
        add_eni(core, seeded, &id, eni)?;
    }
    Ok(id)
}

fn add_eni(core: &mut Core, seeded: &Seeded, instance_id: &str, seed: &SeedEni) -> Result<(), ApiError> {
    let Some(instance) = core.world.instances.shared(instance_id) else { return Ok(()) };
    let wrong = || ApiError::value("Unknown interface type");
    let kind = catalog::get(&instance.instance_type).ok_or_else(wrong)?;
    let interface_type = seed.interface_type.as_deref().unwrap_or("interface");
    let new = NewEni {
        id: free_id(core, Kind::NetworkInterface, seed.id.as_ref())?,
        subnet_id: seed
            .subnet
            .as_ref()
            .map_or(instance.subnet_id.clone(), |name| named(&seeded.subnets, name)),
        description: seed.description.clone(),
        groups: seed.security_groups.iter().map(|name| named(&seeded.security_groups, name)).collect(),
        interface_type: InterfaceType::named(interface_type).ok_or_else(wrong)?,
        requester_id: seed.requester_id.clone(),
        tags: seed.tags.clone(),
        ..NewEni::default()
    };
    let id = actions::make_eni(core, &new)?;
    let slot = Slot { card: seed.network_card_index, device: seed.device_index };
    if let Some(eni) = core.world.enis.shared(&id) {
        actions::check(&core.world, &instance, kind, &eni, slot)?;
    }
    let attachment = actions::place(core, &id, instance_id, slot, seed.delete_on_termination);
    core.finish_attach(&attachment);
    Ok(())
}
