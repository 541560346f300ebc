//! Tags: reading them from requests, setting, removing and listing them.

use super::Perform;
use super::list::{Listing, any, check_filter_names};
use crate::api::{
    CreateTags, DeleteTags, DescribeTags, DescribeTagsAnswer, Done, Filter, Tag, TagDescription,
    TagSpecification, TagsByType,
};
use crate::core::{Core, Made, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Eni, Instance, SecurityGroup, Subnet, Tags, Volume, Vpc, World};

/// How many tags a thing takes.
const LIMIT: usize = 50;

/// Reads the tags that things of certain kinds are to be made with, by the name of the kind.
pub(super) fn specified(specifications: &[TagSpecification], kinds: &[Kind]) -> Result<TagsByType, ApiError> {
    let mut by_type = TagsByType::new();
    for specification in specifications {
        let name = &specification.resource_type;
        if !kinds.iter().any(|kind| kind.resource_type() == name) {
            let text = format!("'{name}' is not a valid taggable resource type for this operation.");
            return Err(ApiError::value(text));
        }
        let tags = by_type.entry(name.clone()).or_default();
        for (key, value) in checked(&specification.tags)? {
            if tags.insert(key.clone(), value).is_some() {
                return Err(ApiError::value(format!("Duplicate tag key '{key}' specified.")));
            }
        }
        within_limit(tags)?;
    }
    Ok(by_type)
}

/// Reads the tags of one kind without any check, for the rules, which come before the checks.
pub(super) fn unchecked(specifications: &[TagSpecification], kind: Kind) -> Tags {
    let ours =
        specifications.iter().filter(|specification| specification.resource_type == kind.resource_type());
    let tags = ours.flat_map(|specification| &specification.tags);
    tags.map(|tag| (tag.key.clone(), tag.value.clone().unwrap_or_default())).collect()
}

fn checked(tags: &[Tag]) -> Result<Tags, ApiError> {
    let mut checked = Tags::new();
    for tag in tags {
        let value = tag.value.clone().unwrap_or_default();
        check(&tag.key, &value)?;
        if checked.insert(tag.key.clone(), value).is_some() {
            return Err(ApiError::value(format!("Duplicate tag key '{}' specified.", tag.key)));
        }
    }
    Ok(checked)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if key.is_empty() {
        return Err(ApiError::value("Tag key cannot be empty."));
    }
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(ApiError::value("Tag keys starting with 'aws:' are reserved for internal use"));
    }
    if key.chars().count() > 128 {
        return Err(ApiError::value("Tag key exceeds the maximum length of 128 characters"));
    }
    if value.chars().count() > 256 {
        return Err(ApiError::value("Tag value exceeds the maximum length of 256 characters"));
    }
    Ok(())
}

fn within_limit(tags: &Tags) -> Result<(), ApiError> {
    // Tags of AWS's own do not count.
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > LIMIT {
        let text = format!("The maximum number of tags for a resource has been reached: {LIMIT}");
        return Err(ApiError::client("TagLimitExceeded", text));
    }
    Ok(())
}

/// Finds the kinds of the things, all of which must be there.
fn kinds(core: &mut Core, ids: &[String]) -> Result<Vec<Kind>, ApiError> {
    if ids.is_empty() {
        return Err(ApiError::missing("resourceIdSet"));
    }
    ids.iter().map(|id| kind(core, id)).collect()
}

fn kind(core: &mut Core, id: &str) -> Result<Kind, ApiError> {
    let kind = Kind::of_taggable(id)
        .ok_or_else(|| ApiError::client("InvalidID", format!("The ID '{id}' is not valid")))?;
    match kind {
        Kind::NetworkInterface => core.find::<Eni>(id).map(drop)?,
        Kind::Instance => core.find::<Instance>(id).map(drop)?,
        Kind::Subnet => core.find::<Subnet>(id).map(drop)?,
        Kind::SecurityGroup => core.find::<SecurityGroup>(id).map(drop)?,
        Kind::Vpc => core.find::<Vpc>(id).map(drop)?,
        Kind::Volume => core.find::<Volume>(id).map(drop)?,
        Kind::Attachment | Kind::Reservation => {}
    }
    Ok(kind)
}

/// Asks the rules about things that get or lose tags.
fn questions(name: &'static str, core: &Core, ids: &[String], tags: &[Tag]) -> Vec<Question> {
    let request: Tags = tags.iter().map(|t| (t.key.clone(), t.value.clone().unwrap_or_default())).collect();
    let about = |id: &String| match Kind::of_taggable(id) {
        Some(kind) => {
            Question { request_tags: request.clone(), ..Question::about(name, &core.world, kind, id) }
        }
        None => Question { request_tags: request.clone(), ..Question::general(name) },
    };
    ids.iter().map(about).collect()
}

impl Perform for CreateTags {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        let kinds = kinds(core, &self.resources)?;
        if self.tags.is_empty() {
            return Err(ApiError::missing("tagSet"));
        }
        let tags = checked(&self.tags)?;
        let with =
            |old: &Tags| old.iter().chain(&tags).map(|(k, v)| (k.clone(), v.clone())).collect::<Tags>();
        let mut changes = Vec::new();
        for (kind, id) in kinds.into_iter().zip(&self.resources) {
            let new = core.world.tags(kind, id).map(with).unwrap_or_default();
            within_limit(&new)?;
            changes.push((kind, id, new));
        }
        for (kind, id, new) in changes {
            if let Some(tags) = core.world.tags_mut(kind, id) {
                *tags = new;
            }
        }
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        questions("CreateTags", core, &self.resources, &self.tags)
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl Perform for DeleteTags {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        let kinds = kinds(core, &self.resources)?;
        for (kind, id) in kinds.into_iter().zip(&self.resources) {
            let Some(tags) = core.world.tags_mut(kind, id) else { continue };
            tags.retain(|key, value| key.starts_with("aws:") || !self.names(key, value));
        }
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        questions("DeleteTags", core, &self.resources, &self.tags)
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl DeleteTags {
    fn names(&self, key: &str, value: &str) -> bool {
        let fits = |tag: &Tag| tag.key == key && tag.value.as_deref().is_none_or(|wanted| wanted == value);
        self.tags.is_empty() || self.tags.iter().any(fits)
    }
}

impl DescribeTags {
    fn listing(&self) -> Listing<'_> {
        Listing {
            ids: &[],
            filters: &self.filters,
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
            most: 1000,
        }
    }
}

impl Perform for DescribeTags {
    type Answer = DescribeTagsAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let known = ["key", "resource-id", "resource-type", "value"];
        check_filter_names(&self.filters, |name| known.contains(&name) || name.starts_with("tag:"))?;
        let at = core.draw_moment();
        let View { world, .. } = core.view(at);
        let all = all::<Eni>(world)
            .chain(all::<Instance>(world))
            .chain(all::<SecurityGroup>(world))
            .chain(all::<Subnet>(world))
            .chain(all::<Volume>(world))
            .chain(all::<Vpc>(world));
        let fitting = all.filter(|tag| self.filters.iter().all(|filter| fits(filter, tag)));
        // The kinds come in the order of their ids' prefixes, so this key is in order throughout.
        let keyed = fitting.map(|tag| (format!("{}\n{}", tag.resource_id, tag.key), tag));
        let (tags, next_token) = self.listing().cut(keyed)?;
        Ok(DescribeTagsAnswer { tags, next_token })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeTags")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }

    fn is_unfiltered(&self) -> bool {
        self.listing().is_unfiltered()
    }
}

fn all<'a, V: Made + 'a>(world: &'a World) -> impl Iterator<Item = TagDescription> {
    V::table(world).ids().flat_map(|id| {
        world.tags(V::KIND, id).into_iter().flatten().map(|(key, value)| TagDescription {
            resource_id: id.to_owned(),
            resource_type: V::KIND.resource_type().to_owned(),
            key: key.clone(),
            value: value.clone(),
        })
    })
}

fn fits(filter: &Filter, tag: &TagDescription) -> bool {
    let value = match filter.name.as_str() {
        "key" => &tag.key,
        "resource-id" => &tag.resource_id,
        "resource-type" => &tag.resource_type,
        "value" => &tag.value,
        name if name.strip_prefix("tag:") == Some(tag.key.as_str()) => &tag.value,
        _ => return false,
    };
    any(filter, [value.as_str()])
}
