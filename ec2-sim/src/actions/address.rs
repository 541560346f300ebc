//! Giving addresses to ENIs there are, and taking them back.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::asked::{one_way_of_asking, parse_all, prefix_list};
use super::make::too_many_addresses;
use super::{Perform, render, required, slot};
use crate::addresses::{self, Plan, Wanted};
use crate::api::{
    AssignIpv6Addresses, AssignIpv6AddressesAnswer, AssignPrivateIpAddresses, AssignPrivateIpAddressesAnswer,
    AssignedPrivateIpAddress, Done, UnassignIpv6Addresses, UnassignIpv6AddressesAnswer,
    UnassignPrivateIpAddresses,
};
use crate::core::Core;
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Eni, Instance, Subnet};

/// How many IPv4 and IPv6 places the ENI has where it is.
fn places(core: &mut Core, eni: &Eni) -> Result<(usize, usize), ApiError> {
    let Some(place) = &eni.attachment else {
        return Ok((core.settings.unattached_addresses, core.settings.unattached_addresses));
    };
    let instance = core.get::<Instance>(&place.instance_id)?;
    let kind = slot::type_of(&instance)?;
    Ok((kind.ipv4_per_interface, kind.ipv6_per_interface))
}

/// Plans addresses for the ENI, takes them, and adds them to it.
fn assign(core: &mut Core, eni: &Eni, wanted: &Wanted) -> Result<Plan, ApiError> {
    one_way_of_asking(wanted)?;
    let (places4, places6) = places(core, eni)?;
    let more = wanted.addresses.len() + wanted.count + wanted.prefixes.len() + wanted.prefix_count;
    let more6 = wanted.ipv6.len() + wanted.ipv6_count + wanted.ipv6_prefixes.len() + wanted.ipv6_prefix_count;
    if eni.ipv4_places() + more > places4 || eni.ipv6_places() + more6 > places6 {
        return Err(too_many_addresses());
    }
    let subnet = core.get::<Subnet>(&eni.subnet_id)?;
    let plan = addresses::plan(&subnet, wanted, &mut core.rng)?;
    if let Some(subnet) = core.world.subnets.get_mut(&eni.subnet_id) {
        addresses::take(subnet, &plan);
    }
    if let Some(eni) = core.world.enis.get_mut(&eni.id) {
        eni.secondary.extend(&plan.addresses);
        eni.ipv4_prefixes.extend(&plan.prefixes);
        eni.ipv6.extend(&plan.ipv6);
        eni.ipv6_prefixes.extend(&plan.ipv6_prefixes);
    }
    Ok(plan)
}

/// Takes addresses from the ENI and gives them back to its subnet.
fn unassign(core: &mut Core, eni: &Eni, plan: &Plan) {
    if let Some(subnet) = core.world.subnets.get_mut(&eni.subnet_id) {
        addresses::give_back(subnet, plan);
    }
    if let Some(eni) = core.world.enis.get_mut(&eni.id) {
        eni.secondary.retain(|address| !plan.addresses.contains(address));
        eni.ipv4_prefixes.retain(|prefix| !plan.prefixes.contains(prefix));
        eni.ipv6.retain(|address| !plan.ipv6.contains(address));
        eni.ipv6_prefixes.retain(|prefix| !plan.ipv6_prefixes.contains(prefix));
    }
}

fn question(name: &'static str, core: &Core, eni: &str) -> Vec<Question> {
    vec![Question::about(name, &core.world, Kind::NetworkInterface, eni)]
}

/// Refuses addresses that the ENI does not have.
fn held<T: PartialEq + ToString>(wanted: &[T], has: &[T]) -> Result<(), ApiError> {
    wanted.iter().find(|address| !has.contains(address)).map_or(Ok(()), |missing| {
        Err(ApiError::value(format!(
            "Some of the specified addresses are not assigned to the interface: {}",
            missing.to_string()
        )))
    })
}

impl Perform for AssignPrivateIpAddresses {
    type Answer = AssignPrivateIpAddressesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        let wanted = Wanted {
            addresses: parse_all(&self.private_ip_addresses)?,
            count: self.secondary_private_ip_address_count.unwrap_or_default() as usize,
            prefixes: prefix_list(&self.ipv4_prefixes, "/28")?,
            prefix_count: self.ipv4_prefix_count.unwrap_or_default() as usize,
            ..Wanted::default()
        };
        if wanted.addresses.len() + wanted.count + wanted.prefixes.len() + wanted.prefix_count == 0 {
            return Err(ApiError::missing("secondaryPrivateIpAddressCount"));
        }
        let moved =
            if self.allow_reassignment == Some(true) { others(core, &eni, &wanted) } else { Vec::new() };
        for (other, plan) in &moved {
            unassign(core, other, plan);
        }
        let plan = assign(core, &eni, &wanted).inspect_err(|_| put_back(core, &moved))?;
        let assigned = plan.addresses.iter();
        Ok(AssignPrivateIpAddressesAnswer {
            network_interface_id: eni.id.clone(),
            assigned_private_ip_addresses: assigned
                .map(|address| AssignedPrivateIpAddress { private_ip_address: address.to_string() })
                .collect(),
            assigned_ipv4_prefixes: render::ipv4_prefixes(&plan.prefixes),
            done: true,
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        question("AssignPrivateIpAddresses", core, &self.network_interface_id)
    }

    fn is_dry_run(&self) -> bool {
        false
    }
}

/// The secondary addresses among the wanted ones that other ENIs of the subnet hold.
fn others(core: &Core, eni: &Eni, wanted: &Wanted) -> Vec<(Eni, Plan)> {
    let held = |other: &Eni| -> Vec<Ipv4Addr> {
        other.secondary.iter().filter(|address| wanted.addresses.contains(address)).copied().collect()
    };
    core.world
        .enis
        .values()
        .filter(|other| other.id != eni.id && other.subnet_id == eni.subnet_id)
        .map(|other| (other.clone(), Plan { addresses: held(other), ..Plan::default() }))
        .filter(|(_, plan)| !plan.addresses.is_empty())
        .collect()
}

/// Undoes a taking away when the giving was refused.
fn put_back(core: &mut Core, moved: &[(Eni, Plan)]) {
    for (other, plan) in moved {
        if let Some(subnet) = core.world.subnets.get_mut(&other.subnet_id) {
            addresses::take(subnet, plan);
        }
        core.world.enis.insert(other.id.clone(), other.clone());
    }
}

impl Perform for UnassignPrivateIpAddresses {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        let addresses: Vec<Ipv4Addr> = parse_all(&self.private_ip_addresses)?;
        let prefixes: Vec<Ipv4Addr> = prefix_list(&self.ipv4_prefixes, "/28")?;
        if addresses.is_empty() && prefixes.is_empty() {
            return Err(ApiError::missing("privateIpAddress"));
        }
        if addresses.iter().any(|address| Some(*address) == eni.primary) {
            return Err(ApiError::value("The primary private IP address cannot be unassigned"));
        }
        held(&addresses, &eni.secondary)?;
        held(&prefixes, &eni.ipv4_prefixes)?;
        unassign(core, &eni, &Plan { addresses, prefixes, ..Plan::default() });
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        question("UnassignPrivateIpAddresses", core, &self.network_interface_id)
    }

    fn is_dry_run(&self) -> bool {
        false
    }
}

impl Perform for AssignIpv6Addresses {
    type Answer = AssignIpv6AddressesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        let wanted = Wanted {
            ipv6: parse_all(&self.ipv6_addresses)?,
            ipv6_count: self.ipv6_address_count.unwrap_or_default() as usize,
            ipv6_prefixes: prefix_list(&self.ipv6_prefixes, "/80")?,
            ipv6_prefix_count: self.ipv6_prefix_count.unwrap_or_default() as usize,
            ..Wanted::default()
        };
        let plan = assign(core, &eni, &wanted)?;
        Ok(AssignIpv6AddressesAnswer {
            network_interface_id: eni.id.clone(),
            assigned_ipv6_addresses: plan.ipv6.iter().map(ToString::to_string).collect(),
            assigned_ipv6_prefixes: plan.ipv6_prefixes.iter().map(|prefix| format!("{prefix}/80")).collect(),
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        question("AssignIpv6Addresses", core, &self.network_interface_id)
    }

    fn is_dry_run(&self) -> bool {
        false
    }
}

impl Perform for UnassignIpv6Addresses {
    type Answer = UnassignIpv6AddressesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        let ipv6: Vec<Ipv6Addr> = parse_all(&self.ipv6_addresses)?;
        let ipv6_prefixes: Vec<Ipv6Addr> = prefix_list(&self.ipv6_prefixes, "/80")?;
        held(&ipv6, &eni.ipv6)?;
        held(&ipv6_prefixes, &eni.ipv6_prefixes)?;
        unassign(core, &eni, &Plan { ipv6, ipv6_prefixes, ..Plan::default() });
        Ok(UnassignIpv6AddressesAnswer {
            network_interface_id: eni.id.clone(),
            unassigned_ipv6_addresses: self.ipv6_addresses.clone(),
            unassigned_ipv6_prefixes: self.ipv6_prefixes.clone(),
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        question("UnassignIpv6Addresses", core, &self.network_interface_id)
    }

    fn is_dry_run(&self) -> bool {
        false
    }
}
