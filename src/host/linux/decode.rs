//! What the kernel's messages say, in the operator's words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::wire::{Attributes, text, word};
use crate::model::{DefaultRoute, Link, Lower, MacAddress, NetNsId};

/// Attributes of a link: `IFLA_*` of `linux/if_link.h`.
pub(super) mod ifla {
    pub(in super::super) const ADDRESS: u16 = 1;
    pub(in super::super) const NAME: u16 = 3;
    pub(in super::super) const MTU: u16 = 4;
    pub(in super::super) const LINK: u16 = 5;
    pub(in super::super) const MASTER: u16 = 10;
    pub(in super::super) const LINKINFO: u16 = 18;
    pub(in super::super) const EXT_MASK: u16 = 29;
    pub(in super::super) const CARRIER: u16 = 33;
    pub(in super::super) const LINK_NETNSID: u16 = 37;
    pub(in super::super) const TARGET_NETNSID: u16 = 46;
    pub(in super::super) const MIN_MTU: u16 = 50;
    pub(in super::super) const MAX_MTU: u16 = 51;
    pub(in super::super) const PROP_LIST: u16 = 52;
    pub(in super::super) const ALT_IFNAME: u16 = 53;
    pub(in super::super) const PERM_ADDRESS: u16 = 54;
    pub(in super::super) const PARENT_DEV_NAME: u16 = 56;
    pub(in super::super) const PARENT_DEV_BUS_NAME: u16 = 57;
    /// Of those inside `LINKINFO`: `IFLA_INFO_KIND`.
    pub(in super::super) const INFO_KIND: u16 = 1;
}

/// `IFF_UP` of `linux/if.h`.
pub(super) const IFF_UP: u32 = 1;

/// Size of an `ifinfomsg`.
const IFINFOMSG: usize = 16;

/// A link, from an `ifinfomsg` and its attributes.
pub(super) fn link(message: &[u8]) -> Option<Link> {
    let attributes = Attributes::after(message, IFINFOMSG);
    let bus = attributes.text(ifla::PARENT_DEV_BUS_NAME);
    let parent = attributes.text(ifla::PARENT_DEV_NAME).filter(|_| bus.as_deref() == Some("pci"));
    let namespace = attributes.number(ifla::LINK_NETNSID).map(u32::cast_signed);
    let lower = attributes.number(ifla::LINK).filter(|index| *index != 0);
    let alt_names = attributes.inside(ifla::PROP_LIST).iter();
    Some(Link {
        index: word(message, 4)?,
        name: attributes.text(ifla::NAME)?,
        alt_names: alt_names
            .filter(|(kind, _)| *kind == ifla::ALT_IFNAME)
            .map(|(_, name)| text(name))
            .collect(),
        mac: attributes.get(ifla::ADDRESS).and_then(mac),
        permanent_mac: attributes.get(ifla::PERM_ADDRESS).and_then(mac),
        kind: attributes.inside(ifla::LINKINFO).text(ifla::INFO_KIND),
        pci: parent.and_then(|name| name.parse().ok()),
        driver: None,
        mtu: attributes.number(ifla::MTU)?,
        min_mtu: attributes.number(ifla::MIN_MTU).unwrap_or(0),
        max_mtu: attributes.number(ifla::MAX_MTU).unwrap_or(0),
        up: word(message, 8)? & IFF_UP != 0,
        carrier: attributes.get(ifla::CARRIER).is_some_and(|value| value.first() == Some(&1)),
        master: attributes.number(ifla::MASTER),
        lower: lower.map(|index| Lower { index, namespace }),
        settled: true,
    })
}

fn mac(value: &[u8]) -> Option<MacAddress> {
    value.try_into().ok().map(MacAddress)
}

/// Attributes of a route: `RTA_*` of `linux/rtnetlink.h`.
mod rta {
    pub(super) const OIF: u16 = 4;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const TABLE: u16 = 15;
    pub(super) const NH_ID: u16 = 30;
}

/// Size of an `rtmsg`, and of an `rtnexthop`.
const RTMSG: usize = 12;
const RTNEXTHOP: usize = 8;

/// `RTN_UNICAST`: the type of a route that leads somewhere.
const RTN_UNICAST: u8 = 1;

/// `AF_INET6`.
const AF_INET6: u8 = 10;

/// Where a default route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hops {
    /// Out by these links.
    Links(Vec<u32>),
    /// Where a nexthop object says.
    Object(u32),
}

/// A default route of any table, from an `rtmsg` and its attributes.
pub(super) fn default_route(message: &[u8]) -> Option<(DefaultRoute, Hops)> {
    let (family, length, kind) = (*message.first()?, *message.get(1)?, *message.get(7)?);
    if length != 0 || kind != RTN_UNICAST {
        return None;
    }
    let attributes = Attributes::after(message, RTMSG);
    let mut hops: Vec<u32> = attributes.number(rta::OIF).into_iter().collect();
    let mut rest = attributes.get(rta::MULTIPATH).unwrap_or_default();
    while let (Some(size), Some(index)) = (rest.get(..2), word(rest, 4)) {
        hops.push(index);
        let size = usize::from(u16::from_ne_bytes([size[0], size[1]])).max(RTNEXTHOP);
        rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    let route = DefaultRoute {
        v6: family == AF_INET6,
        table: attributes.number(rta::TABLE).unwrap_or(u32::from(*message.get(4)?)),
        metric: attributes.number(rta::PRIORITY).unwrap_or(0),
        link: 0,
    };
    let object = attributes.number(rta::NH_ID).filter(|_| hops.is_empty());
    Some((route, object.map_or(Hops::Links(hops), Hops::Object)))
}

/// The link that a nexthop object leads to, or the objects that it is a group of: from an `nhmsg`.
pub(super) fn nexthop(message: &[u8]) -> Option<(u32, Vec<u32>, Option<u32>)> {
    const NHMSG: usize = 8;
    const ID: u16 = 1;
    const GROUP: u16 = 2;
    const OIF: u16 = 5;
    let attributes = Attributes::after(message, NHMSG);
    let group = attributes.get(GROUP).unwrap_or_default();
    let members = group.chunks_exact(8).filter_map(|member| word(member, 0)).collect();
    Some((attributes.number(ID)?, members, attributes.number(OIF)))
}

/// An address and the index of its link, from an `ifaddrmsg`.
pub(super) fn address(message: &[u8]) -> Option<(u32, IpAddr)> {
    const IFADDRMSG: usize = 8;
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    let attributes = Attributes::after(message, IFADDRMSG);
    // Of a point-to-point link ADDRESS is the other end.
    let bytes = attributes.get(LOCAL).or_else(|| attributes.get(ADDRESS))?;
    let address = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some((word(message, 4)?, address))
}

/// A further unicast address that a link listens to, from an `ndmsg` of the bridge family.
pub(super) fn listened(message: &[u8]) -> Option<(u32, MacAddress)> {
    const NDMSG: usize = 12;
    const LLADDR: u16 = 2;
    const NTF_SELF: u8 = 2;
    let of_link = message.get(10)? & NTF_SELF != 0;
    let address = Attributes::after(message, NDMSG).get(LLADDR).and_then(mac)?;
    let unicast = address.0[0] & 1 == 0;
    (of_link && unicast).then_some((word(message, 4)?, address))
}

/// The number of a network namespace, from an `rtgenmsg`.
pub(super) fn namespace(message: &[u8]) -> Option<NetNsId> {
    Attributes::after(message, 1).number(1).map(u32::cast_signed).filter(|id| *id >= 0)
}
