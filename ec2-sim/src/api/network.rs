//! VPCs and zones.

use serde::{Deserialize, Serialize};

use super::parts::{Filter, Tag, TagSpecification};

/// Makes a VPC, with a security group named `default`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateVpc {
    /// The addresses, /16 to /28.
    pub cidr_block: String,
    /// Whether to add a /56 of IPv6.
    pub amazon_provided_ipv6_cidr_block: Option<bool>,
    /// The tags.
    #[serde(rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The new VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreateVpcAnswer {
    /// As it is now.
    pub vpc: VpcItem,
}

/// A VPC as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcItem {
    /// `vpc-…`
    pub vpc_id: String,
    /// The account.
    pub owner_id: String,
    /// Always `available`.
    pub state: String,
    /// The addresses.
    pub cidr_block: String,
    /// The IPv6 addresses.
    #[serde(rename = "ipv6CidrBlockAssociationSet")]
    pub ipv6_cidr_blocks: Vec<Ipv6CidrBlock>,
    /// Always `dopt-default`.
    pub dhcp_options_id: String,
    /// Always `default`.
    pub instance_tenancy: String,
    /// Never.
    pub is_default: bool,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
}

/// An IPv6 block of a VPC or a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6CidrBlock {
    /// What it is known by.
    pub association_id: String,
    /// The block.
    pub ipv6_cidr_block: String,
    /// Always `associated`.
    pub ipv6_cidr_block_state: BlockState,
}

/// Whether a block is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockState {
    /// Always `associated`.
    pub state: String,
}

/// Deletes a VPC with nothing in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeleteVpc {
    /// The VPC.
    pub vpc_id: String,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Lists VPCs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeVpcs {
    /// These only.
    #[serde(rename = "VpcId")]
    pub vpc_ids: Vec<String>,
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

/// A page of VPCs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcsAnswer {
    /// The VPCs, by id.
    #[serde(rename = "vpcSet")]
    pub vpcs: Vec<VpcItem>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}

/// Lists the region's zones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeAvailabilityZones {
    /// Those with these names only.
    #[serde(rename = "ZoneName")]
    pub zone_names: Vec<String>,
    /// Those with these ids only.
    #[serde(rename = "ZoneId")]
    pub zone_ids: Vec<String>,
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// Whether zones not opted in to are listed. There are none.
    pub all_availability_zones: Option<bool>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The zones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeAvailabilityZonesAnswer {
    /// The zones, by name.
    #[serde(rename = "availabilityZoneInfo")]
    pub availability_zones: Vec<AvailabilityZone>,
}

/// A zone as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityZone {
    /// E.g. `us-east-1a`.
    pub zone_name: String,
    /// E.g. `use1-az1`.
    pub zone_id: String,
    /// The region.
    pub region_name: String,
    /// Always `available`.
    pub zone_state: String,
    /// Always `availability-zone`.
    pub zone_type: String,
    /// Always `opt-in-not-required`.
    pub opt_in_status: String,
    /// The region.
    pub group_name: String,
    /// The region.
    pub network_border_group: String,
}
