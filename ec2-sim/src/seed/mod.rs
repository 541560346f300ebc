//! Whole regions in one go: VPCs, subnets, security groups and instances that are there from the start.

mod apply;

pub(crate) use apply::apply;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::world::{InstanceState, Tags};

/// What is to be there. Things name each other by their keys here, or by the ids of things there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// The VPCs.
    pub vpcs: Vec<SeedVpc>,
    /// The subnets.
    pub subnets: Vec<SeedSubnet>,
    /// The security groups.
    pub security_groups: Vec<SeedGroup>,
    /// The instances.
    pub instances: Vec<SeedInstance>,
}

/// A VPC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedVpc {
    /// What the rest of the seed calls it.
    pub key: String,
    /// Its id; none: drawn.
    pub id: Option<String>,
    /// Its addresses.
    pub cidr: String,
    /// Whether it has IPv6.
    pub ipv6: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedSubnet {
    /// What the rest of the seed calls it.
    pub key: String,
    /// Its id; none: drawn.
    pub id: Option<String>,
    /// Its VPC; none: the seed's first.
    pub vpc: Option<String>,
    /// The name of its zone, or the letter of one of the region's.
    pub zone: String,
    /// Its addresses.
    pub cidr: String,
    /// Whether it gets the next /64 of its VPC's IPv6 addresses.
    pub ipv6: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedGroup {
    /// What the rest of the seed calls it.
    pub key: String,
    /// Its id; none: drawn.
    pub id: Option<String>,
    /// Its VPC; none: the seed's first.
    pub vpc: Option<String>,
    /// Its name; empty: its key.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
}

/// An instance, or many alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedInstance {
    /// What the answer calls it; many alike are called `key-0`, `key-1`, …
    pub key: String,
    /// Its id, if it is one; none: drawn.
    pub id: Option<String>,
    /// How many alike.
    pub count: u32,
    /// The subnet of its primary ENI.
    pub subnet: String,
    /// The name of its type.
    pub instance_type: String,
    /// The security groups of its primary ENI; none: the VPC's default group.
    pub security_groups: Vec<String>,
    /// How it stands: running, stopped or pending.
    pub state: InstanceState,
    /// ENIs beside the primary one.
    pub enis: Vec<SeedEni>,
    /// Its tags.
    pub tags: Tags,
}

/// An ENI that an instance has from the start, as one launched with it would be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedEni {
    /// Its id, if the instance is one; none: drawn.
    pub id: Option<String>,
    /// The index on the card.
    pub device_index: u32,
    /// The card.
    pub network_card_index: u32,
    /// Its subnet; none: the instance's.
    pub subnet: Option<String>,
    /// Its security groups; none: the VPC's default group.
    pub security_groups: Vec<String>,
    /// `interface`, `efa` or `efa-only`; none: `interface`.
    pub interface_type: Option<String>,
    /// Its description.
    pub description: String,
    /// Whether EC2 deletes it with the instance.
    pub delete_on_termination: bool,
    /// The AWS service that made it, if one did.
    pub requester_id: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// The ids of what a seed made, by key; without a key, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seeded {
    /// The VPCs.
    pub vpcs: BTreeMap<String, String>,
    /// The subnets.
    pub subnets: BTreeMap<String, String>,
    /// The security groups.
    pub security_groups: BTreeMap<String, String>,
    /// The instances.
    pub instances: BTreeMap<String, String>,
    /// The primary ENIs of the instances, by the instances' keys.
    pub primary_enis: BTreeMap<String, String>,
    /// Their other ENIs, by the instances' keys.
    pub enis: BTreeMap<String, Vec<String>>,
}

impl Default for SeedInstance {
    fn default() -> Self {
        Self {
            key: String::new(),
            id: None,
            count: 1,
            subnet: String::new(),
            instance_type: "m5.large".to_owned(),
            security_groups: Vec::new(),
            state: InstanceState::Running,
            enis: Vec::new(),
            tags: Tags::new(),
        }
    }
}

impl Seeded {
    /// The ids of everything that was made.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        let named = [&self.vpcs, &self.subnets, &self.security_groups, &self.instances, &self.primary_enis];
        named.into_iter().flat_map(BTreeMap::values).chain(self.enis.values().flatten())
    }
}
