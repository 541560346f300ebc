//! IAM-like rules: who may do what to which thing, decided by action, resource and tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::ids::Kind;
use crate::pattern;
use crate::settings::Settings;
use crate::world::{Tags, World};

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// What fits is allowed, if nothing denies it.
    Allow,
    /// What fits is refused, whatever allows it.
    Deny,
}

/// One rule. As in IAM, a deny wins over every allow, and what no allow fits is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Allow or deny.
    pub effect: Effect,
    /// Actions by name without `ec2:`; `*` and `?` stand for many and one character.
    pub actions: Vec<String>,
    /// Things as `type/id`, e.g. `network-interface/*`. None: all.
    #[serde(default)]
    pub resources: Vec<String>,
    /// `aws:RequestTag/K`: tags the call must set, and the patterns of their values.
    #[serde(default)]
    pub request_tags: BTreeMap<String, String>,
    /// `ec2:ResourceTag/K`: tags the thing must have, and the patterns of their values.
    #[serde(default)]
    pub resource_tags: BTreeMap<String, String>,
    /// `ec2:CreateAction`: for `CreateTags` as a part of this action only.
    #[serde(default)]
    pub create_action: Option<String>,
}

impl Statement {
    /// A statement for the actions on everything, without conditions.
    #[must_use]
    pub fn new(effect: Effect, actions: &[&str]) -> Self {
        Self {
            effect,
            actions: actions.iter().map(|name| (*name).to_owned()).collect(),
            resources: Vec::new(),
            request_tags: BTreeMap::new(),
            resource_tags: BTreeMap::new(),
            create_action: None,
        }
    }

    fn fits(&self, question: &Question) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|p| pattern::matches(p, text));
        any(&self.actions, question.action)
            && (self.resources.is_empty() || any(&self.resources, &question.resource))
            && holds(&self.request_tags, &question.request_tags)
            && holds(&self.resource_tags, &question.resource_tags)
            && self.create_action.as_deref().is_none_or(|name| Some(name) == question.create_action)
    }
}

fn holds(wanted: &BTreeMap<String, String>, tags: &Tags) -> bool {
    wanted.iter().all(|(key, value)| tags.get(key).is_some_and(|text| pattern::matches(value, text)))
}

/// One thing a call wants to do, as the rules see it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) action: &'static str,
    /// `type/id`; the id is `*` for what is yet to be made.
    pub(crate) resource: String,
    pub(crate) request_tags: Tags,
    pub(crate) resource_tags: Tags,
    pub(crate) create_action: Option<&'static str>,
}

impl Question {
    /// Asks about an action that is not about a certain thing.
    pub(crate) fn general(action: &'static str) -> Self {
        Self {
            action,
            resource: "*".to_owned(),
            request_tags: Tags::new(),
            resource_tags: Tags::new(),
            create_action: None,
        }
    }

    /// Asks about a thing there is, with the tags it has.
    pub(crate) fn about(action: &'static str, world: &World, kind: Kind, id: &str) -> Self {
        let resource = format!("{}/{id}", kind.resource_type());
        let resource_tags = world.tags(kind, id).cloned().unwrap_or_default();
        Self { resource, resource_tags, ..Self::general(action) }
    }

    /// Asks about a thing to be made with tags: the making, and the tagging as IAM's `CreateTags`.
    pub(crate) fn making(action: &'static str, kind: Kind, tags: &Tags) -> Vec<Self> {
        let resource = format!("{}/*", kind.resource_type());
        let make = Self { resource, request_tags: tags.clone(), ..Self::general(action) };
        if tags.is_empty() {
            return vec![make];
        }
        let tag = Self { action: "CreateTags", create_action: Some(action), ..make.clone() };
        vec![make, tag]
    }
}

/// Answers all questions of a call, or refuses it.
pub(crate) fn authorize(settings: &Settings, questions: &[Question]) -> Result<(), ApiError> {
    questions.iter().find(|question| !allowed(settings, question)).map_or(Ok(()), |refused| {
        Err(ApiError::new(
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. User: arn:aws:iam::{account}:user/simulated \
                 is not authorized to perform: ec2:{action} on resource: \
                 arn:aws:ec2:{region}:{account}:{resource} because no identity-based policy allows the \
                 ec2:{action} action. Encoded authorization failure message: c2ltdWxhdGVk",
                account = settings.account,
                region = settings.region,
                action = refused.action,
                resource = refused.resource,
            ),
            403,
        ))
    })
}

fn allowed(settings: &Settings, question: &Question) -> bool {
    if settings.denied.iter().any(|name| pattern::matches(name, question.action)) {
        return false;
    }
    let fitting = |effect| {
        settings.policy.iter().any(|statement| statement.effect == effect && statement.fits(question))
    };
    settings.policy.is_empty() || (fitting(Effect::Allow) && !fitting(Effect::Deny))
}
