//! What a host has: links, PCI functions, routes and addresses, in the kernel's words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Function, Platform};

/// A hardware address of six bytes, in lower case with colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

/// A text is not a hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not six pairs of hexadecimal digits with colons between them")]
pub struct InvalidMac(String);

impl FromStr for MacAddress {
    type Err = InvalidMac;

    fn from_str(text: &str) -> Result<Self, InvalidMac> {
        let invalid = || InvalidMac(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(invalid)?;
            // A sign is no digit, though the parser takes one.
            let digits = part.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16).ok().filter(|_| digits).ok_or_else(invalid)?;
        }
        if parts.next().is_some() { Err(invalid()) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for MacAddress {
    type Error = InvalidMac;

    fn try_from(text: String) -> Result<Self, InvalidMac> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.0.map(|byte| format!("{byte:02x}"));
        f.write_str(&pairs.join(":"))
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Address of a PCI function: `0000:00:06.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PciAddress(String);

/// A text is not the address of a PCI function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a PCI address such as 0000:00:06.0")]
pub struct InvalidPci(String);

impl PciAddress {
    /// The address as the kernel writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PciAddress {
    type Error = InvalidPci;

    fn try_from(text: String) -> Result<Self, InvalidPci> {
        let (device, function) = text.rsplit_once('.').unwrap_or_default();
        let parts: Vec<&str> = device.split(':').chain([function]).collect();
        let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        // A domain has four digits, or more where a host has many.
        let fits = matches!(parts.as_slice(), [domain, bus, slot, function]
            if (4..=8).contains(&domain.len()) && bus.len() == 2 && slot.len() == 2 && function.len() == 1)
            && parts.iter().all(digits);
        if fits { Ok(Self(text)) } else { Err(InvalidPci(text)) }
    }
}

impl FromStr for PciAddress {
    type Err = InvalidPci;

    fn from_str(text: &str) -> Result<Self, InvalidPci> {
        text.to_owned().try_into()
    }
}

impl From<PciAddress> for String {
    fn from(address: PciAddress) -> Self {
        address.0
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Number by which one network namespace knows another: `IFLA_LINK_NETNSID` and its like.
pub type NetNsId = i32;

/// A link, as a dump of the kernel tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number in its network namespace. A move to another namespace may change it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its alternative names.
    pub alt_names: BTreeSet<String>,
    /// Its hardware address, which anybody may set.
    pub mac: Option<MacAddress>,
    /// The hardware address that its device has by itself.
    pub permanent_mac: Option<MacAddress>,
    /// The kind of a link that is no device: `veth`, `macvlan`, `bond`.
    pub kind: Option<String>,
    /// The PCI function that it is the link of.
    pub pci: Option<PciAddress>,
    /// The driver of that function.
    pub driver: Option<String>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// The least MTU that its driver takes, in bytes.
    pub min_mtu: u32,
    /// The greatest MTU that its driver takes, in bytes; 0 if it has no limit.
    pub max_mtu: u32,
    /// Whether it is up, as set by a user: `IFF_UP`.
    pub up: bool,
    /// Whether there is a carrier.
    pub carrier: bool,
    /// The index of the bridge, bond or the like that it is a member of.
    pub master: Option<u32>,
    /// The link that it stands on, of a VLAN, macvlan or ipvlan.
    pub lower: Option<Lower>,
    /// Whether udev, if the host has one, has done with it. Before that it may be renamed.
    pub settled: bool,
}

/// The link that another stands on, or, of a veth, its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lower {
    /// Its index.
    pub index: u32,
    /// The namespace that it is in; `None` for that of the link which stands on it.
    pub namespace: Option<NetNsId>,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefaultRoute {
    /// Whether it is IPv6's.
    pub v6: bool,
    /// Its table: 254 is `main`.
    pub table: u32,
    /// Its metric; of several the lowest counts.
    pub metric: u32,
    /// The index of the link that it goes out by. A route of several hops is several here.
    pub link: u32,
}

/// The table that the kernel looks routes up in unless a rule says otherwise.
pub const MAIN_TABLE: u32 = 254;

/// What there is in the agent's network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostView {
    /// Its links.
    pub links: Vec<Link>,
    /// The network devices of the host, wherever their links are.
    pub functions: Vec<Function>,
    /// What the host has for programs that drive devices by themselves.
    pub platform: Platform,
    /// Default routes of all tables.
    pub routes: Vec<DefaultRoute>,
    /// Addresses, each with the index of its link.
    pub addresses: BTreeSet<(u32, IpAddr)>,
    /// The host's name servers as its resolver has them, if that can be seen.
    pub resolvers: Option<String>,
}

/// What there is in the other network namespaces, as far as the agent's namespace knows of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The number that links elsewhere know the agent's namespace by; none before one of them does.
    pub own: Option<NetNsId>,
    /// Their links, or why they cannot be seen.
    pub namespaces: BTreeMap<NetNsId, Result<Vec<Link>, String>>,
    /// The further unicast addresses that links of the agent's namespace listen to, by index. What stands on
    /// a link adds its own there, whatever namespace it is in.
    pub listens: BTreeMap<u32, BTreeSet<MacAddress>>,
}

/// A change of a link: one message to the kernel each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    /// Sets the MTU, or up or down, or both in one.
    Set {
        /// The link.
        index: u32,
        /// Its new MTU in bytes.
        mtu: Option<u32>,
        /// Whether it is to be up.
        up: Option<bool>,
    },
    /// Adds alternative names.
    AddNames {
        /// The link.
        index: u32,
        /// The names.
        names: BTreeSet<String>,
    },
    /// Takes alternative names off.
    DropNames {
        /// The link.
        index: u32,
        /// The names.
        names: BTreeSet<String>,
    },
}

/// The kernel did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {message}")]
pub struct HostError {
    /// What was being done.
    pub doing: String,
    /// The kernel's error number, if it gave one.
    pub code: Option<i32>,
    /// The kernel's words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_is_six_pairs_in_either_case() {
        let mac: MacAddress = "02:AB:cd:00:00:0f".parse().unwrap();
        assert_eq!(mac.to_string(), "02:ab:cd:00:00:0f");
        for text in ["", "02:ab:cd:00:00", "02:ab:cd:00:00:0f:01", "2:ab:cd:00:00:0f", "+2:ab:cd:00:00:0f"] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pci_address_has_a_domain_a_bus_a_slot_and_a_function() {
        for (text, good) in [
            ("0000:00:06.0", true),
            ("10000:af:1f.7", true),
            ("00:06.0", false),
            ("0000:00:06", false),
            ("0000.00:06:0", false),
            ("0000:00:0g.0", false),
            ("virtio2", false),
        ] {
            assert_eq!(text.parse::<PciAddress>().is_ok(), good, "{text}");
        }
    }
}
