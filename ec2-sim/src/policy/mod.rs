//! IAM: who may do what to which thing, decided by a policy document as IAM has it.

mod condition;
mod document;

pub use document::{Effect, Policy, Statement};

use condition::Context;

use crate::error::ApiError;
use crate::ids::Kind;
use crate::pattern;
use crate::settings::Settings;
use crate::world::{Tags, World};

/// One thing a call wants to do, as the policy sees it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) action: &'static str,
    /// `type/id`; the id is `*` for what is yet to be made. None where the action is about no certain thing.
    pub(crate) resource: Option<String>,
    /// The tags that the call gives or takes, where it does.
    pub(crate) request_tags: Tags,
    pub(crate) resource_tags: Tags,
    pub(crate) create_action: Option<&'static str>,
}

impl Question {
    /// Asks about an action that is not about a certain thing.
    pub(crate) fn general(action: &'static str) -> Self {
        Self {
            action,
            resource: None,
            request_tags: Tags::new(),
            resource_tags: Tags::new(),
            create_action: None,
        }
    }

    /// Asks about a thing there is, with the tags it has. One that there is not has none, so that where tags
    /// are a condition it is refused, and not said to be missing: AWS does not document which comes first.
    pub(crate) fn about(action: &'static str, world: &World, kind: Kind, id: &str) -> Self {
        let resource = Some(format!("{}/{id}", kind.resource_type()));
        let resource_tags = world.tags(kind, id).cloned().unwrap_or_default();
        Self { resource, resource_tags, ..Self::general(action) }
    }

    /// Asks about a thing to be made with tags: the making, and the tagging as IAM's `CreateTags`.
    pub(crate) fn making(action: &'static str, kind: Kind, tags: &Tags) -> Vec<Self> {
        let resource = Some(format!("{}/*", kind.resource_type()));
        let make = Self { resource, request_tags: tags.clone(), ..Self::general(action) };
        if tags.is_empty() {
            return vec![make];
        }
        let tag = Self { action: "CreateTags", create_action: Some(action), ..make.clone() };
        vec![make, tag]
    }

    /// The thing as IAM names it.
    fn arn(&self, settings: &Settings) -> String {
        self.resource.as_ref().map_or_else(
            || "*".to_owned(),
            |resource| format!("arn:aws:ec2:{}:{}:{resource}", settings.region, settings.account),
        )
    }

    fn context<'a>(&'a self, settings: &'a Settings) -> Context<'a> {
        Context {
            region: &settings.region,
            create_action: self.create_action,
            request_tags: &self.request_tags,
            resource_tags: &self.resource_tags,
        }
    }
}

/// Answers all questions of a call, or refuses it.
pub(crate) fn authorize(settings: &Settings, questions: &[Question]) -> Result<(), ApiError> {
    questions.iter().find(|question| !allowed(settings, question)).map_or(Ok(()), |refused| {
        let on = match &refused.resource {
            Some(_) => format!(" on resource: {}", refused.arn(settings)),
            None => String::new(),
        };
        Err(ApiError::new(
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. User: arn:aws:iam::{account}:user/simulated \
                 is not authorized to perform: ec2:{action}{on} because no identity-based policy allows the \
                 ec2:{action} action. Encoded authorization failure message: c2ltdWxhdGVk",
                account = settings.account,
                action = refused.action,
            ),
            403,
        ))
    })
}

fn allowed(settings: &Settings, question: &Question) -> bool {
    if settings.denied.iter().any(|name| pattern::matches(name, question.action)) {
        return false;
    }
    let Some(policy) = &settings.policy else { return true };
    let (arn, context) = (question.arn(settings), question.context(settings));
    let fitting = |effect| policy.has(effect, question.action, &arn, &context);
    fitting(Effect::Allow) && !fitting(Effect::Deny)
}
