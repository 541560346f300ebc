//! Subnets and security groups.

use super::{SecurityGroupId, SubnetId, VpcId};

/// A subnet, as `DescribeSubnets` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its tag `Name`.
    pub name: Option<String>,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its availability zone.
    pub zone: String,
    /// Its IPv4 range.
    pub cidr: String,
    /// IPv4 addresses that are free.
    pub free_addresses: u32,
}

/// A security group, as `DescribeSecurityGroups` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its group name, unique in its VPC.
    pub group_name: String,
    /// Its tag `Name`, which is not.
    pub name: Option<String>,
    /// Its VPC.
    pub vpc: VpcId,
}
