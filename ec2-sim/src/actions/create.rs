//! `CreateNetworkInterface` and `DeleteNetworkInterface`.

use std::net::Ipv4Addr;
use std::str::FromStr;

use super::{Perform, render, required, tag};
use crate::addresses::{self, Wanted};
use crate::api::{
    ConnectionTrackingSpecification, CreateNetworkInterface, CreateNetworkInterfaceAnswer, DeleteNetworkInterface,
    Done,
};
use crate::core::Core;
use crate::error::ApiError;
use crate::events::What;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{ConnectionTracking, Eni, InterfaceType, SecurityGroup, Subnet, Tags};

impl Perform for CreateNetworkInterface {
    type Answer = CreateNetworkInterfaceAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let request = Self { client_token: None, dry_run: None, ..self.clone() };
        let token = self.client_token.as_deref();
        let life = core.settings.token_life;
        if let Some(answer) = core.eni_tokens.replay(token, &request, core.now, life)? {
            return Ok(answer);
        }
        required(&self.subnet_id, "subnetId")?;
        let tags = tag::specified(&self.tag_specifications, &[Kind::NetworkInterface])?;
        let tags = tags.get(Kind::NetworkInterface.resource_type()).cloned().unwrap_or_default();
        let (ready_at, now) = (core.now.plus(core.settings.create), core.now);
        let id = make_eni(core, &NewEni { tags, ..NewEni::requested(self)? })?;
        let eni = core.world.enis.get_mut(&id).ok_or_else(|| Kind::NetworkInterface.not_found(&id))?;
        eni.ready_at = ready_at;
        let mut network_interface = match core.world.enis.get(&id) {
            Some(eni) => render::eni(core.view(now), eni),
            None => return Err(Kind::NetworkInterface.not_found(&id)),
        };
        "pending".clone_into(&mut network_interface.status);
        let answer = CreateNetworkInterfaceAnswer { network_interface, client_token: self.client_token.clone() };
        core.eni_tokens.note(token, request, answer.clone(), now);
        Ok(answer)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "CreateNetworkInterface";
        let tags = tag::unchecked(&self.tag_specifications, Kind::NetworkInterface);
        let mut questions = Question::making(name, Kind::NetworkInterface, &tags);
        questions.push(Question::about(name, &core.world, Kind::Subnet, &self.subnet_id));
        let groups = self.groups.iter();
        questions.extend(groups.map(|id| Question::about(name, &core.world, Kind::SecurityGroup, id)));
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

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

impl NewEni {
    /// Reads what a call wants, tags apart.
    pub(crate) fn requested(request: &CreateNetworkInterface) -> Result<Self, ApiError> {
        let (primary, secondary) = private_addresses(request)?;
        let prefixes: Vec<_> = request.ipv4_prefixes.iter().map(|prefix| prefix.ipv4_prefix.clone()).collect();
        let ipv6: Vec<_> = request.ipv6_addresses.iter().map(|address| address.ipv6_address.clone()).collect();
        let prefixes6: Vec<_> = request.ipv6_prefixes.iter().map(|prefix| prefix.ipv6_prefix.clone()).collect();
        let wanted = Wanted {
            count: count(request.secondary_private_ip_address_count),
            prefixes: prefix_list(&prefixes, "/28")?,
            prefix_count: count(request.ipv4_prefix_count),
            ipv6: parse_all(&ipv6)?,
            ipv6_count: count(request.ipv6_address_count),
            ipv6_prefixes: prefix_list(&prefixes6, "/80")?,
            ipv6_prefix_count: count(request.ipv6_prefix_count),
            addresses: secondary,
        };
        one_way_of_asking(&wanted)?;
        Ok(Self {
            subnet_id: request.subnet_id.clone(),
            description: request.description.clone().unwrap_or_default(),
            groups: request.groups.clone(),
            interface_type: interface_type(request.interface_type.as_deref())?,
            primary,
            wanted,
            primary_ipv6: request.enable_primary_ipv6 == Some(true),
            connection_tracking: tracking(request.connection_tracking_specification)?,
            ..Self::default()
        })
    }
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
        addresses::take(subnet, &plan);
    }
    core.log.note(core.now, What::Created, &eni);
    core.world.enis.insert(id.clone(), eni);
    Ok(id)
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
            format!("The maximum number of security groups per interface is {}.", core.settings.groups_per_eni),
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

fn count(count: Option<u32>) -> usize {
    count.unwrap_or_default() as usize
}

/// Reads the primary address and the others out of the two parameters that can name them.
fn private_addresses(request: &CreateNetworkInterface) -> Result<(Option<Ipv4Addr>, Vec<Ipv4Addr>), ApiError> {
    let mut primary = request.private_ip_address.as_deref().map(parse::<Ipv4Addr>).transpose()?;
    let mut secondary = Vec::new();
    for wanted in &request.private_ip_addresses {
        let address = parse(&wanted.private_ip_address)?;
        match (wanted.primary == Some(true), primary) {
            (true, None) => primary = Some(address),
            (true, Some(_)) => {
                return Err(ApiError::combination("Only one primary private IP address can be specified"));
            }
            (false, _) => secondary.push(address),
        }
    }
    Ok((primary, secondary))
}

/// Refuses addresses named and counted at once, and IPv4 addresses beside prefixes.
pub(super) fn one_way_of_asking(wanted: &Wanted) -> Result<(), ApiError> {
    let both = |a: bool, b: bool, text: &str| {
        if a && b { Err(ApiError::combination(text)) } else { Ok(()) }
    };
    let (named, counted) = (!wanted.addresses.is_empty(), wanted.count > 0);
    let (prefixes, prefixes_counted) = (!wanted.prefixes.is_empty(), wanted.prefix_count > 0);
    both(named, counted, "The parameters privateIpAddresses and secondaryPrivateIpAddressCount cannot be used together")?;
    both(prefixes, prefixes_counted, "The parameters ipv4Prefixes and ipv4PrefixCount cannot be used together")?;
    both(
        named || counted,
        prefixes || prefixes_counted,
        "Secondary private IP addresses and IPv4 prefixes cannot be used together",
    )?;
    let (named, counted) = (!wanted.ipv6.is_empty(), wanted.ipv6_count > 0);
    let (prefixes, prefixes_counted) = (!wanted.ipv6_prefixes.is_empty(), wanted.ipv6_prefix_count > 0);
    both(named, counted, "The parameters ipv6Addresses and ipv6AddressCount cannot be used together")?;
    both(prefixes, prefixes_counted, "The parameters ipv6Prefixes and ipv6PrefixCount cannot be used together")?;
    both(named || counted, prefixes || prefixes_counted, "IPv6 addresses and IPv6 prefixes cannot be used together")
}

pub(super) fn parse<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::value(format!("Invalid IP address: {text}")))
}

pub(super) fn parse_all<T: FromStr>(texts: &[String]) -> Result<Vec<T>, ApiError> {
    texts.iter().map(|text| parse(text)).collect()
}

/// Reads prefixes of the one length there is, as their first address.
pub(super) fn prefix_list<T: FromStr>(texts: &[String], length: &str) -> Result<Vec<T>, ApiError> {
    let base = |text: &String| text.strip_suffix(length).and_then(|base| base.parse().ok());
    let read = |text| base(text).ok_or_else(|| ApiError::value(format!("Invalid prefix: {text}")));
    texts.iter().map(read).collect()
}

pub(super) fn interface_type(name: Option<&str>) -> Result<InterfaceType, ApiError> {
    let name = name.unwrap_or("interface");
    InterfaceType::named(name)
        .ok_or_else(|| ApiError::value(format!("Invalid value '{name}' for interfaceType")))
}

pub(super) fn tracking(
    request: Option<ConnectionTrackingSpecification>,
) -> Result<Option<ConnectionTracking>, ApiError> {
    let Some(request) = request else { return Ok(None) };
    let within = |value: Option<u32>, low: u32, high: u32, name: &str| match value {
        Some(value) if !(low..=high).contains(&value) => {
            Err(ApiError::value(format!("Invalid value '{value}' for {name}: {low} to {high} seconds")))
        }
        Some(_) | None => Ok(value),
    };
    Ok(Some(ConnectionTracking {
        tcp_established_timeout: within(request.tcp_established_timeout, 60, 432_000, "tcpEstablishedTimeout")?,
        udp_stream_timeout: within(request.udp_stream_timeout, 60, 180, "udpStreamTimeout")?,
        udp_timeout: within(request.udp_timeout, 30, 60, "udpTimeout")?,
    }))
}

impl Perform for DeleteNetworkInterface {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        if eni.attachment.is_some() {
            return Err(ApiError::value(format!("Network interface '{}' is currently in use.", eni.id)));
        }
        if eni.requester_id.is_some() {
            return Err(ApiError::forbidden("You are not allowed to manage network interfaces of another service."));
        }
        core.remove_eni(&eni.id);
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "DeleteNetworkInterface";
        vec![Question::about(name, &core.world, Kind::NetworkInterface, &self.network_interface_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
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
