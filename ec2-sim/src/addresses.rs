//! Choosing addresses in a subnet, and giving them back.
//!
//! A plan is made first and carried out after every other check, so that a refused call takes nothing.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::ApiError;
use crate::net::Cidr4;
use crate::rng::Rng;
use crate::world::{Eni, Subnet};

/// How many addresses a /28 prefix holds.
const PREFIX_SIZE: u32 = 16;

/// The part of an IPv6 address below a /80 prefix.
const PREFIX6_HOSTS: u128 = (1 << 48) - 1;

/// Addresses that are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) addresses: Vec<Ipv4Addr>,
    pub(crate) count: usize,
    pub(crate) prefixes: Vec<Ipv4Addr>,
    pub(crate) prefix_count: usize,
    pub(crate) ipv6: Vec<Ipv6Addr>,
    pub(crate) ipv6_count: usize,
    pub(crate) ipv6_prefixes: Vec<Ipv6Addr>,
    pub(crate) ipv6_prefix_count: usize,
}

/// Addresses that can be taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) addresses: Vec<Ipv4Addr>,
    pub(crate) prefixes: Vec<Ipv4Addr>,
    pub(crate) ipv6: Vec<Ipv6Addr>,
    pub(crate) ipv6_prefixes: Vec<Ipv6Addr>,
}

/// Chooses addresses, or says why there are none.
pub(crate) fn plan(subnet: &Subnet, wanted: &Wanted, rng: &mut Rng) -> Result<Plan, ApiError> {
    let mut chosen = BTreeSet::new();
    let mut plan = Plan::default();
    for address in &wanted.addresses {
        plan.addresses.push(named(subnet, *address, &mut chosen)?);
    }
    for prefix in &wanted.prefixes {
        plan.prefixes.push(named_prefix(subnet, *prefix, &mut chosen)?);
    }
    for _ in 0..wanted.prefix_count {
        plan.prefixes.push(any_prefix(subnet, &mut chosen, rng)?);
    }
    for _ in 0..wanted.count {
        plan.addresses.push(any(subnet, &mut chosen, rng)?);
    }
    plan6(subnet, wanted, rng, &mut plan)?;
    Ok(plan)
}

/// Takes the addresses of a plan.
pub(crate) fn take(subnet: &mut Subnet, plan: &Plan) {
    subnet.taken.extend(plan.addresses.iter().map(|address| u32::from(*address)));
    for prefix in &plan.prefixes {
        subnet.taken.extend(inside(u32::from(*prefix)));
    }
    subnet.taken6.extend(plan.ipv6.iter().chain(&plan.ipv6_prefixes).map(|address| u128::from(*address)));
}

/// Gives addresses back.
pub(crate) fn give_back(subnet: &mut Subnet, plan: &Plan) {
    for address in &plan.addresses {
        subnet.taken.remove(&u32::from(*address));
    }
    for address in plan.prefixes.iter().flat_map(|prefix| inside(u32::from(*prefix))) {
        subnet.taken.remove(&address);
    }
    for address in plan.ipv6.iter().chain(&plan.ipv6_prefixes) {
        subnet.taken6.remove(&u128::from(*address));
    }
}

/// All addresses an ENI holds.
pub(crate) fn of(eni: &Eni) -> Plan {
    Plan {
        addresses: eni.addresses().collect(),
        prefixes: eni.ipv4_prefixes.clone(),
        ipv6: eni.ipv6.clone(),
        ipv6_prefixes: eni.ipv6_prefixes.clone(),
    }
}

fn inside(prefix: u32) -> impl Iterator<Item = u32> {
    prefix..=prefix.saturating_add(PREFIX_SIZE - 1)
}

fn named(subnet: &Subnet, address: Ipv4Addr, chosen: &mut BTreeSet<u32>) -> Result<Ipv4Addr, ApiError> {
    let number = u32::from(address);
    if !subnet.cidr.contains(number) {
        return Err(ApiError::value("Address does not fall within the subnet's address range"));
    }
    if subnet.cidr.reserves(number) {
        return Err(ApiError::value("Address is in subnet's reserved address range"));
    }
    if !subnet.is_free(number) || !chosen.insert(number) {
        return Err(ApiError::client("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
    }
    Ok(address)
}

fn any(subnet: &Subnet, chosen: &mut BTreeSet<u32>, rng: &mut Rng) -> Result<Ipv4Addr, ApiError> {
    let full = || {
        ApiError::client(
            "InsufficientFreeAddressesInSubnet",
            "The specified subnet does not have enough free addresses to satisfy the request.",
        )
    };
    if subnet.free() <= chosen.len() as u64 {
        return Err(full());
    }
    let size = subnet.cidr.size();
    let at = |offset: u64| u32::try_from(u64::from(subnet.cidr.base) + offset % size).unwrap_or(u32::MAX);
    let fits = |address: u32| subnet.is_free(address) && !chosen.contains(&address);
    // A few throws find one in any subnet that is not nearly full; then every address is looked at.
    let thrown = (0..8).map(|_| at(rng.below(size))).find(|address| fits(*address));
    let start = rng.below(size);
    let found = thrown.or_else(|| (0..size).map(|step| at(start + step)).find(|address| fits(*address)));
    let address = found.ok_or_else(full)?;
    chosen.insert(address);
    Ok(Ipv4Addr::from(address))
}

fn prefix_is_free(subnet: &Subnet, prefix: u32, chosen: &BTreeSet<u32>) -> bool {
    inside(prefix).all(|address| subnet.is_free(address) && !chosen.contains(&address))
}

fn named_prefix(subnet: &Subnet, prefix: Ipv4Addr, chosen: &mut BTreeSet<u32>) -> Result<Ipv4Addr, ApiError> {
    let block = Cidr4 { base: u32::from(prefix), length: 28 };
    if !subnet.cidr.covers(block) {
        return Err(ApiError::value(format!("The prefix {block} is not within the subnet's address range")));
    }
    if !prefix_is_free(subnet, block.base, chosen) {
        return Err(ApiError::client("InvalidIPAddress.InUse", format!("The prefix {block} is in use.")));
    }
    chosen.extend(inside(block.base));
    Ok(prefix)
}

fn any_prefix(subnet: &Subnet, chosen: &mut BTreeSet<u32>, rng: &mut Rng) -> Result<Ipv4Addr, ApiError> {
    let blocks = subnet.cidr.size() / u64::from(PREFIX_SIZE);
    let start = rng.below(blocks);
    let at = |step: u64| {
        let offset = (start + step) % blocks * u64::from(PREFIX_SIZE);
        u32::try_from(u64::from(subnet.cidr.base) + offset).unwrap_or(u32::MAX)
    };
    let found = (0..blocks).map(at).find(|prefix| prefix_is_free(subnet, *prefix, chosen));
    let prefix = found.ok_or_else(|| {
        ApiError::client(
            "InsufficientCidrBlocks",
            "The specified subnet does not have enough free cidr blocks to satisfy the request.",
        )
    })?;
    chosen.extend(inside(prefix));
    Ok(Ipv4Addr::from(prefix))
}

fn plan6(subnet: &Subnet, wanted: &Wanted, rng: &mut Rng, plan: &mut Plan) -> Result<(), ApiError> {
    let nothing = wanted.ipv6.is_empty()
        && wanted.ipv6_prefixes.is_empty()
        && wanted.ipv6_count + wanted.ipv6_prefix_count == 0;
    let block = match subnet.ipv6_cidr {
        Some(block) => block,
        None if nothing => return Ok(()),
        None => {
            return Err(ApiError::value(format!("The subnet '{}' has no IPv6 CIDR block", subnet.id)));
        }
    };
    let mut chosen: BTreeSet<u128> = BTreeSet::new();
    for (address, is_prefix) in
        wanted.ipv6.iter().map(|a| (a, false)).chain(wanted.ipv6_prefixes.iter().map(|p| (p, true)))
    {
        let number = u128::from(*address);
        if !block.contains(number) || (is_prefix && number & PREFIX6_HOSTS != 0) {
            return Err(ApiError::value(format!(
                "{address} does not fall within the subnet's address range"
            )));
        }
        if is_taken6(subnet, number) || !chosen.insert(number) {
            return Err(ApiError::client("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
        }
        if is_prefix { plan.ipv6_prefixes.push(*address) } else { plan.ipv6.push(*address) }
    }
    for _ in 0..wanted.ipv6_count {
        plan.ipv6.push(any6(subnet, block.base, &mut chosen, rng, false));
    }
    for _ in 0..wanted.ipv6_prefix_count {
        plan.ipv6_prefixes.push(any6(subnet, block.base, &mut chosen, rng, true));
    }
    Ok(())
}

fn is_taken6(subnet: &Subnet, number: u128) -> bool {
    subnet.taken6.contains(&number) || subnet.taken6.contains(&(number & !PREFIX6_HOSTS))
}

/// Draws an address from the lower half of a /64, or a prefix from its upper half: so the two never meet.
fn any6(subnet: &Subnet, base: u128, chosen: &mut BTreeSet<u128>, rng: &mut Rng, prefix: bool) -> Ipv6Addr {
    loop {
        let drawn = u128::from(rng.next());
        let host = if prefix { (drawn | 1 << 63) & !PREFIX6_HOSTS } else { drawn & !(1 << 63) };
        let number = base | (host & u128::from(u64::MAX));
        if !is_taken6(subnet, number) && chosen.insert(number) {
            return Ipv6Addr::from(number);
        }
    }
}
