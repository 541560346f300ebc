//! Tags on things there are.

use serde::{Deserialize, Serialize};

use super::parts::{Filter, Tag};

/// Sets tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateTags {
    /// The things.
    #[serde(rename = "ResourceId")]
    pub resources: Vec<String>,
    /// The tags; one that is there gets the new value.
    #[serde(rename = "Tag")]
    pub tags: Vec<Tag>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Removes tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeleteTags {
    /// The things.
    #[serde(rename = "ResourceId")]
    pub resources: Vec<String>,
    /// The tags; with a value only if it is that value. None: all of them.
    #[serde(rename = "Tag")]
    pub tags: Vec<Tag>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Lists tags of all things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeTags {
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// The page size, 5 to 1000.
    pub max_results: Option<i32>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// A page of tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeTagsAnswer {
    /// The tags, by thing and key.
    #[serde(rename = "tagSet")]
    pub tags: Vec<TagDescription>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}

/// A tag and the thing it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagDescription {
    /// The thing.
    pub resource_id: String,
    /// Its type, e.g. `network-interface`.
    pub resource_type: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}
