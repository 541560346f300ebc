//! Security groups.

use serde::{Deserialize, Serialize};

use super::parts::{Filter, Tag, TagSpecification};

/// Makes a security group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateSecurityGroup {
    /// Its name.
    pub group_name: String,
    /// Its description.
    pub group_description: String,
    /// Its VPC.
    pub vpc_id: Option<String>,
    /// The tags.
    #[serde(rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The new security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSecurityGroupAnswer {
    /// Always true.
    #[serde(rename = "return")]
    pub done: bool,
    /// `sg-…`
    pub group_id: String,
    /// Its ARN.
    pub security_group_arn: String,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
}

/// A security group as EC2 describes it, without rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroupItem {
    /// `sg-…`
    pub group_id: String,
    /// Its name.
    pub group_name: String,
    /// Its description.
    pub group_description: String,
    /// Its VPC.
    pub vpc_id: String,
    /// The account.
    pub owner_id: String,
    /// Its ARN.
    pub security_group_arn: String,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
}

/// Deletes a security group that no ENI is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeleteSecurityGroup {
    /// The group.
    pub group_id: String,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// The group is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteSecurityGroupAnswer {
    /// Always true.
    #[serde(rename = "return")]
    pub done: bool,
    /// The group.
    pub group_id: String,
}

/// Lists security groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeSecurityGroups {
    /// These only.
    #[serde(rename = "GroupId")]
    pub group_ids: Vec<String>,
    /// Those with these names only.
    #[serde(rename = "GroupName")]
    pub group_names: Vec<String>,
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

/// A page of security groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeSecurityGroupsAnswer {
    /// The groups, by id.
    #[serde(rename = "securityGroupInfo")]
    pub security_groups: Vec<SecurityGroupItem>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}
