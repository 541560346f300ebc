//! Making and removing ENIs, by a call of their own, with an instance, or by a seed.

use std::net::Ipv4Addr;

use crate::addresses::{self, Plan, Wanted};
use crate::core::Core;
use crate::error::ApiError;
use crate::events::What;
use crate::ids::Kind;
use crate::world::{ConnectionTracking, Eni, InterfaceType, SecurityGroup, Subnet, Tags};

/// An ENI to be made, by a call of its own or with an instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewEni {
    pub(crate) id: Option<String>,
    pub(crate) subnet_id: String,
    pub(crate) description: String,
    pub(crate) groups: Vec<String>,
    pub(crate) interface_type: InterfaceType,
    pub(crate) primary: Option<Ipv4Addr>,
    pub(crate) wanted: Wanted,
    pub(crate) primary_ipv6: bool,
    pub(crate) connection_tracking: Option<ConnectionTracking>,
    pub(crate) requester_id: Option<String>,
    pub(crate) tags: Tags,
    /// How many IPv4 places it may fill; none: as many as an ENI on no instance.
    pub(crate) places: Option<usize>,
}

/// Makes an ENI, and answers with its id.
pub(crate) fn make_eni(core: &mut Core, new: &NewEni) -> Result<String, ApiError> {
    let subnet = core.find::<Subnet>(&new.subnet_id)?;
    let groups = groups(core, &new.groups, &subnet.vpc_id)?;
    description(&new.description)?;
    if core.world.enis.len() >= core.settings.eni_quota {
        return Err(ApiError::client(
            "NetworkInterfaceLimitExceeded",
            "You have reached the maximum number of network interfaces that you can create.",
        ));
    }
    let wanted = with_primary(new);
    let places = new.places.unwrap_or(core.settings.unattached_addresses);
    if wanted.addresses.len() + wanted.count + wanted.prefixes.len() + wanted.prefix_count > places {
        return Err(too_many_addresses());
    }
    let plan = addresses::plan(&subnet, &wanted, &mut core.rng)?;
    Ok(put(core, new, &subnet, groups, &plan))
}

/// Puts an ENI into the world, with the addresses of the plan.
fn put(core: &mut Core, new: &NewEni, subnet: &Subnet, groups: Vec<String>, plan: &Plan) -> String {
    let id = new.id.clone().unwrap_or_else(|| core.draw_id(Kind::NetworkInterface));
    let mut addresses = plan.addresses.iter().copied();
    // A chosen primary stands first; without one, the first that EC2 chose is it, after the named ones.
    let primary = match (new.interface_type, new.primary) {
        (InterfaceType::EfaOnly, _) => None,
        (_, Some(_)) => addresses.next(),
        (_, None) => plan.addresses.get(new.wanted.addresses.len()).copied(),
    };
    let secondary = plan.addresses.iter().copied().filter(|address| Some(*address) != primary).collect();
    let eni = Eni {
        id: id.clone(),
        subnet_id: subnet.id.clone(),
        vpc_id: subnet.vpc_id.clone(),
        zone: subnet.zone.clone(),
        description: new.description.clone(),
        groups,
        interface_type: new.interface_type,
        mac: next_mac(core),
        primary,
        secondary,
        ipv4_prefixes: plan.prefixes.clone(),
        ipv6: plan.ipv6.clone(),
        ipv6_prefixes: plan.ipv6_prefixes.clone(),
        primary_ipv6: new.primary_ipv6,
        source_dest_check: true,
        connection_tracking: new.connection_tracking,
        tags: new.tags.clone(),
        attachment: None,
        requester_id: new.requester_id.clone(),
        created_at: core.now,
        ready_at: core.now,
    };
    if let Some(subnet) = core.world.subnets.get_mut(&eni.subnet_id) {
        addresses::take(subnet, plan);
    }
    core.log.note(core.now, What::Created, &eni);
    core.world.enis.insert(id.clone(), eni);
    id
}

/// The addresses with the primary one among them: named first, or chosen by EC2.
fn with_primary(new: &NewEni) -> Wanted {
    let mut wanted = new.wanted.clone();
    match (new.interface_type, new.primary) {
        (InterfaceType::EfaOnly, _) => {}
        (_, Some(primary)) => wanted.addresses.insert(0, primary),
        (_, None) => wanted.count += 1,
    }
    wanted
}

/// Draws a MAC address. Multiplying by an odd number only shuffles, so none comes twice.
fn next_mac(core: &mut Core) -> String {
    core.macs = core.macs.wrapping_add(1);
    let seed = u32::try_from(core.settings.seed & 0xffff_ffff).unwrap_or_default();
    let [a, b, c, d] = core.macs.wrapping_mul(0x9e37_79b1).wrapping_add(seed).to_be_bytes();
    format!("0a:ff:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// Checks the security groups of an ENI. None: the VPC's default group.
pub(super) fn groups(core: &mut Core, ids: &[String], vpc: &str) -> Result<Vec<String>, ApiError> {
    if ids.is_empty() {
        let default = core.world.groups.values().find(|group| group.vpc_id == vpc && group.name == "default");
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    if ids.len() > core.settings.groups_per_eni {
        return Err(ApiError::client(
            "SecurityGroupsPerInterfaceLimitExceeded",
            format!(
                "The maximum number of security groups per interface is {}.",
                core.settings.groups_per_eni
            ),
        ));
    }
    for id in ids {
        let group = core.find::<SecurityGroup>(id).map_err(|error| unknown_group(error, id))?;
        if group.vpc_id != vpc {
            return Err(ApiError::client(
                "InvalidParameter",
                "You have specified two resources that belong to different networks.",
            ));
        }
    }
    let mut kept: Vec<String> = Vec::new();
    for id in ids {
        if !kept.contains(id) {
            kept.push(id.clone());
        }
    }
    Ok(kept)
}

/// Where an ENI is concerned, EC2 has another name for a group that is not there.
fn unknown_group(error: ApiError, id: &str) -> ApiError {
    if error.code == "InvalidGroup.NotFound" {
        return ApiError::client(
            "InvalidSecurityGroupID.NotFound",
            format!("The securityGroup ID '{id}' does not exist"),
        );
    }
    error
}

pub(super) fn description(text: &str) -> Result<(), ApiError> {
    if text.chars().count() > 255 {
        return Err(ApiError::value("Description exceeds the maximum length of 255 characters"));
    }
    Ok(())
}

pub(super) fn too_many_addresses() -> ApiError {
    ApiError::client("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
}

impl Core {
    /// Removes an ENI that is on no instance, and gives its addresses back.
    pub(crate) fn remove_eni(&mut self, id: &str) {
        if let Some(eni) = self.world.enis.remove(id) {
            if let Some(subnet) = self.world.subnets.get_mut(&eni.subnet_id) {
                addresses::give_back(subnet, &addresses::of(&eni));
            }
            self.log.note(self.now, What::Deleted, &eni);
        }
    }
}
