//! Address blocks.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An IPv4 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr4 {
    /// The first address.
    pub base: u32,
    /// The prefix length, 0 to 32.
    pub length: u8,
}

impl Cidr4 {
    /// How many addresses the block holds.
    #[must_use]
    pub fn size(self) -> u64 {
        1 << (32 - u32::from(self.length))
    }

    /// The last address.
    #[must_use]
    pub fn last(self) -> u32 {
        u32::try_from(u64::from(self.base) + self.size() - 1).unwrap_or(u32::MAX)
    }

    /// Says whether the address lies in the block.
    #[must_use]
    pub fn contains(self, address: u32) -> bool {
        (self.base..=self.last()).contains(&address)
    }

    /// Says whether the whole other block lies in this one.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.contains(other.base) && self.contains(other.last())
    }

    /// Says whether the blocks share an address.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.base <= other.last() && other.base <= self.last()
    }

    /// Says whether the address is one of the five that AWS keeps in a subnet: the first four and the last.
    #[must_use]
    pub fn reserves(self, address: u32) -> bool {
        self.contains(address) && (address - self.base < 4 || address == self.last())
    }
}

impl FromStr for Cidr4 {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (base, length) = text.split_once('/').ok_or(())?;
        let base = u32::from(base.parse::<Ipv4Addr>().map_err(|_| ())?);
        let length: u8 = length.parse().map_err(|_| ())?;
        let block = Self { base, length };
        let aligned = length <= 32 && u64::from(base).is_multiple_of(block.size());
        aligned.then_some(block).ok_or(())
    }
}

impl fmt::Display for Cidr4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.length)
    }
}

impl Serialize for Cidr4 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An IPv6 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr6 {
    /// The first address.
    pub base: u128,
    /// The prefix length, 1 to 128.
    pub length: u8,
}

impl Cidr6 {
    /// Says whether the address lies in the block.
    #[must_use]
    pub fn contains(self, address: u128) -> bool {
        address & !self.host_mask() == self.base
    }

    /// The part of an address that the block leaves open.
    #[must_use]
    pub fn host_mask(self) -> u128 {
        u128::MAX.checked_shr(u32::from(self.length)).unwrap_or(0)
    }
}

impl FromStr for Cidr6 {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (base, length) = text.split_once('/').ok_or(())?;
        let base = u128::from(base.parse::<Ipv6Addr>().map_err(|_| ())?);
        let length: u8 = length.parse().map_err(|_| ())?;
        let block = Self { base, length };
        let aligned = (1..=128).contains(&length) && base & block.host_mask() == 0;
        aligned.then_some(block).ok_or(())
    }
}

impl fmt::Display for Cidr6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from(self.base), self.length)
    }
}

impl Serialize for Cidr6 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
