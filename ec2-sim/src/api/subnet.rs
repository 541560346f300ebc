//! Subnets.

use serde::{Deserialize, Serialize};

use super::network::Ipv6CidrBlock;
use super::parts::{Filter, Tag, TagSpecification};

/// Makes a subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateSubnet {
    /// The VPC.
    pub vpc_id: String,
    /// The addresses, /16 to /28, inside the VPC's.
    pub cidr_block: String,
    /// A /64 inside the VPC's IPv6 addresses.
    pub ipv6_cidr_block: Option<String>,
    /// The name of the zone; none: the region's first.
    pub availability_zone: Option<String>,
    /// The id of the zone.
    pub availability_zone_id: Option<String>,
    /// The tags.
    #[serde(rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The new subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreateSubnetAnswer {
    /// As it is now.
    pub subnet: SubnetItem,
}

/// A subnet as EC2 describes it.
#[expect(clippy::struct_excessive_bools, reason = "as EC2 publishes it")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetItem {
    /// `subnet-…`
    pub subnet_id: String,
    /// Its ARN.
    pub subnet_arn: String,
    /// The account.
    pub owner_id: String,
    /// Always `available`.
    pub state: String,
    /// Its VPC.
    pub vpc_id: String,
    /// The addresses.
    pub cidr_block: String,
    /// The IPv6 addresses.
    #[serde(rename = "ipv6CidrBlockAssociationSet")]
    pub ipv6_cidr_blocks: Vec<Ipv6CidrBlock>,
    /// How many IPv4 addresses are free.
    pub available_ip_address_count: u64,
    /// The name of its zone.
    pub availability_zone: String,
    /// The id of its zone.
    pub availability_zone_id: String,
    /// Never.
    pub default_for_az: bool,
    /// Never.
    pub map_public_ip_on_launch: bool,
    /// Never.
    pub assign_ipv6_address_on_creation: bool,
    /// Never.
    pub ipv6_native: bool,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
}

/// Deletes a subnet without ENIs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeleteSubnet {
    /// The subnet.
    pub subnet_id: String,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Lists subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeSubnets {
    /// These only.
    #[serde(rename = "SubnetId")]
    pub subnet_ids: Vec<String>,
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// The page size, 5 to 1000. Not with ids.
    pub max_results: Option<i32>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// A page of subnets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeSubnetsAnswer {
    /// The subnets, by id.
    #[serde(rename = "subnetSet")]
    pub subnets: Vec<SubnetItem>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}
