//! VPCs, subnets, security groups.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Tags;
use crate::clock::Timestamp;
use crate::net::{Cidr4, Cidr6};

/// A virtual private cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// Its addresses.
    pub cidr: Cidr4,
    /// Its IPv6 addresses.
    pub ipv6_cidr: Option<Cidr6>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The tags.
    pub tags: Tags,
}

/// A subnet, and which of its addresses are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// The name of its zone.
    pub zone: String,
    /// Its addresses.
    pub cidr: Cidr4,
    /// Its IPv6 addresses.
    pub ipv6_cidr: Option<Cidr6>,
    /// The taken IPv4 addresses, those inside prefixes included.
    #[serde(skip)]
    pub taken: BTreeSet<u32>,
    /// The taken IPv6 addresses, and the first one of each taken prefix.
    #[serde(skip)]
    pub taken6: BTreeSet<u128>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The tags.
    pub tags: Tags,
}

impl Subnet {
    /// How many IPv4 addresses are free. AWS keeps five.
    #[must_use]
    pub fn free(&self) -> u64 {
        (self.cidr.size().saturating_sub(5)).saturating_sub(self.taken.len() as u64)
    }

    /// Says whether the address can be taken.
    #[must_use]
    pub fn is_free(&self, address: u32) -> bool {
        self.cidr.contains(address) && !self.cidr.reserves(address) && !self.taken.contains(&address)
    }
}

/// A security group. Its rules are not simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Its name, unique in its VPC.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its VPC.
    pub vpc_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The tags.
    pub tags: Tags,
}
