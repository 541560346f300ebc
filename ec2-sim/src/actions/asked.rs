//! Reading what a request asks of a new ENI, and refusing what contradicts itself.

use std::net::Ipv4Addr;
use std::str::FromStr;

use super::make::NewEni;
use crate::addresses::Wanted;
use crate::api::{ConnectionTrackingSpecification, CreateNetworkInterface};
use crate::error::ApiError;
use crate::world::{ConnectionTracking, InterfaceType};

impl NewEni {
    /// Reads what a call wants, tags apart.
    pub(crate) fn requested(request: &CreateNetworkInterface) -> Result<Self, ApiError> {
        let (primary, secondary) = private_addresses(request)?;
        let prefixes: Vec<_> =
            request.ipv4_prefixes.iter().map(|prefix| prefix.ipv4_prefix.clone()).collect();
        let ipv6: Vec<_> =
            request.ipv6_addresses.iter().map(|address| address.ipv6_address.clone()).collect();
        let prefixes6: Vec<_> =
            request.ipv6_prefixes.iter().map(|prefix| prefix.ipv6_prefix.clone()).collect();
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

fn count(count: Option<u32>) -> usize {
    count.unwrap_or_default() as usize
}

/// Reads the primary address and the others out of the two parameters that can name them.
fn private_addresses(
    request: &CreateNetworkInterface,
) -> Result<(Option<Ipv4Addr>, Vec<Ipv4Addr>), ApiError> {
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
    both(
        named,
        counted,
        "The parameters privateIpAddresses and secondaryPrivateIpAddressCount cannot be used together",
    )?;
    both(
        prefixes,
        prefixes_counted,
        "The parameters ipv4Prefixes and ipv4PrefixCount cannot be used together",
    )?;
    both(
        named || counted,
        prefixes || prefixes_counted,
        "Secondary private IP addresses and IPv4 prefixes cannot be used together",
    )?;
    let (named, counted) = (!wanted.ipv6.is_empty(), wanted.ipv6_count > 0);
    let (prefixes, prefixes_counted) = (!wanted.ipv6_prefixes.is_empty(), wanted.ipv6_prefix_count > 0);
    both(named, counted, "The parameters ipv6Addresses and ipv6AddressCount cannot be used together")?;
    both(
        prefixes,
        prefixes_counted,
        "The parameters ipv6Prefixes and ipv6PrefixCount cannot be used together",
    )?;
    both(
        named || counted,
        prefixes || prefixes_counted,
        "IPv6 addresses and IPv6 prefixes cannot be used together",
    )
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
        tcp_established_timeout: within(
            request.tcp_established_timeout,
            60,
            432_000,
            "tcpEstablishedTimeout",
        )?,
        udp_stream_timeout: within(request.udp_stream_timeout, 60, 180, "udpStreamTimeout")?,
        udp_timeout: within(request.udp_timeout, 30, 60, "udpTimeout")?,
    }))
}
