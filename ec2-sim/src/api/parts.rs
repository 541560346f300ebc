//! Pieces that several actions share, on the way in and on the way out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::Kind;
use crate::world::Tags;

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value; none only in `DeleteTags`, for any value.
    pub value: Option<String>,
}

impl Tag {
    /// Makes a tag.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }
}

/// Lists tags as EC2 answers them.
pub(crate) fn tag_set(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::new(key, value)).collect()
}

/// The tags that a thing is to be made with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TagSpecification {
    /// The type of the thing, e.g. `network-interface`.
    pub resource_type: String,
    /// Its tags.
    #[serde(rename = "Tag")]
    pub tags: Vec<Tag>,
}

impl TagSpecification {
    /// Tags for a thing of the kind.
    #[must_use]
    pub fn new<K: Into<String>, V: Into<String>>(kind: Kind, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        Self {
            resource_type: kind.resource_type().to_owned(),
            tags: tags.into_iter().map(|(key, value)| Tag::new(key, value)).collect(),
        }
    }

    /// Tags for an ENI.
    #[must_use]
    pub fn eni<K: Into<String>, V: Into<String>>(tags: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::new(Kind::NetworkInterface, tags)
    }
}

/// A filter: one of the values must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Filter {
    /// What is looked at, e.g. `tag:Name`.
    pub name: String,
    /// What it may be; `*` and `?` stand for many and one character.
    #[serde(rename = "Value")]
    pub values: Vec<String>,
}

impl Filter {
    /// Makes a filter.
    #[must_use]
    pub fn new<V: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Into::into).collect() }
    }
}

/// A value on its own, as the attributes of `Modify…` have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct AttributeValue<T> {
    /// The value.
    pub value: T,
}

/// An answer that says only that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Always true.
    #[serde(rename = "return")]
    pub done: bool,
}

impl Done {
    pub(crate) const YES: Self = Self { done: true };
}

/// A security group as other things mention it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupIdentifier {
    /// `sg-…`
    pub group_id: String,
    /// Its name.
    pub group_name: String,
}

/// Tags by the type of the thing they are for.
pub(crate) type TagsByType = BTreeMap<String, Tags>;
