//! A policy document, in IAM's own form.

use serde::{Deserialize, Deserializer, Serialize};

use super::condition::{Conditions, Context};
use crate::pattern;

/// A policy of an identity, as IAM's JSON has it.
///
/// What is not simulated is refused when it is read: `NotAction`, `NotResource`, policy variables, and operators
/// and keys that [`Conditions`] does not have. As in IAM, a deny wins over every allow, and what no statement
/// allows is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// The version of the language. There are policy variables from 2012-10-17 on, and none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statements. One may stand without its list.
    #[serde(deserialize_with = "one_or_many")]
    pub statement: Vec<Statement>,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// What fits is allowed, if nothing denies it.
    Allow,
    /// What fits is refused, whatever allows it.
    Deny,
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Actions, as `ec2:Name`; `*` and `?` stand for many and one character, and case does not matter.
    #[serde(deserialize_with = "one_or_many")]
    pub action: Vec<String>,
    /// ARNs, with `*` and `?`. What is about no certain thing fits `*` alone.
    #[serde(deserialize_with = "one_or_many")]
    pub resource: Vec<String>,
    /// Conditions, all of which have to hold.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub condition: Conditions,
}

impl Policy {
    /// All statements of some policies, as one: what an identity has that they are attached to.
    #[must_use]
    pub fn joined(policies: impl IntoIterator<Item = Self>) -> Self {
        let statement = policies.into_iter().flat_map(|policy| policy.statement).collect();
        Self { version: None, id: None, statement }
    }

    /// Whether a statement of an effect fits.
    pub(super) fn has(&self, effect: Effect, action: &str, arn: &str, context: &Context<'_>) -> bool {
        self.statement.iter().any(|one| one.effect == effect && one.fits(action, arn, context))
    }
}

impl Statement {
    fn fits(&self, action: &str, arn: &str, context: &Context<'_>) -> bool {
        let name = format!("ec2:{action}").to_lowercase();
        self.action.iter().any(|one| pattern::matches(&one.to_lowercase(), &name))
            && self.resource.iter().any(|one| names(one, arn))
            && self.condition.hold(context)
    }
}

/// Whether a pattern of an ARN fits an ARN. A `*` does not reach over a colon, but in the last part.
fn names(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (patterns, parts): (Vec<&str>, Vec<&str>) =
        (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    patterns.len() == parts.len()
        && patterns.iter().zip(&parts).all(|(one, part)| pattern::matches(one, part))
}

/// IAM's lists may be without their brackets where they have one element.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> From<OneOrMany<T>> for Vec<T> {
    fn from(some: OneOrMany<T>) -> Self {
        match some {
            OneOrMany::Many(many) => many,
            OneOrMany::One(one) => vec![one],
        }
    }
}

fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    OneOrMany::deserialize(deserializer).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_an_arn_fits_part_by_part() {
        let eni = "arn:aws:ec2:eu-central-1:123456789012:network-interface/eni-1";
        for (pattern, fits) in [
            ("*", true),
            ("arn:*:ec2:*:*:network-interface/*", true),
            ("arn:aws:ec2:*:*:network-interface/eni-?", true),
            ("arn:aws:ec2:*:*:subnet/*", false),
            ("arn:aws:ec2:*", false),
            ("arn:aws:ec2:*:network-interface/*", false),
        ] {
            assert_eq!(names(pattern, eni), fits, "{pattern}");
        }
        assert!(!names("arn:*:ec2:*:*:*", "*"));
    }
}
