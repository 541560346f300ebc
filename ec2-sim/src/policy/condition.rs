//! Conditions of a policy's statements.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::OneOrMany;
use crate::pattern;
use crate::world::Tags;

/// What a request says of itself.
pub(super) struct Context<'a> {
    pub(super) region: &'a str,
    pub(super) create_action: Option<&'a str>,
    pub(super) request_tags: &'a Tags,
    pub(super) resource_tags: &'a Tags,
}

/// The conditions of a statement. All have to hold.
///
/// Operators: `StringEquals`, `StringNotEquals`, `StringLike`, `StringNotLike`, with `IfExists` or without,
/// and `Null`; before them `ForAllValues:` and `ForAnyValue:`. Keys: `aws:RequestTag/…`, `aws:ResourceTag/…`,
/// `ec2:ResourceTag/…`, `aws:TagKeys`, `ec2:CreateAction`, `ec2:Region`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written<OneOrMany<String>>", into = "Written<Vec<String>>")]
pub struct Conditions(Vec<Condition>);

/// Conditions as they are written: operator, key, values.
type Written<T> = BTreeMap<String, BTreeMap<String, T>>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    /// As it is written.
    name: String,
    operator: Operator,
    quantifier: Option<Quantifier>,
    if_exists: bool,
    key: Key,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    All,
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    RequestTag(String),
    /// With the service before its name: both mean the same.
    ResourceTag(&'static str, String),
    TagKeys,
    CreateAction,
    Region,
}

impl Conditions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn hold(&self, context: &Context<'_>) -> bool {
        self.0.iter().all(|one| one.holds(context))
    }
}

impl TryFrom<Written<OneOrMany<String>>> for Conditions {
    type Error = String;

    fn try_from(written: Written<OneOrMany<String>>) -> Result<Self, String> {
        let mut conditions = vec![];
        for (name, keys) in written {
            for (key, values) in keys {
                conditions.push(Condition::read(&name, &key, values.into())?);
            }
        }
        Ok(Self(conditions))
    }
}

impl From<Conditions> for Written<Vec<String>> {
    fn from(conditions: Conditions) -> Self {
        let mut written = Self::new();
        for one in conditions.0 {
            written.entry(one.name).or_default().insert(one.key.written(), one.values);
        }
        written
    }
}

impl Condition {
    fn read(name: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (None, name),
            Some(("ForAllValues", rest)) => (Some(Quantifier::All), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::Any), rest),
            Some((other, _)) => return Err(format!("there is no set operator {other}")),
        };
        let (operator, if_exists) =
            rest.strip_suffix("IfExists").map_or((rest, false), |operator| (operator, true));
        let operator = match operator {
            "StringEquals" => Operator::Equals,
            "StringNotEquals" => Operator::NotEquals,
            "StringLike" => Operator::Like,
            "StringNotLike" => Operator::NotLike,
            "Null" if !if_exists && quantifier.is_none() => Operator::Null,
            _ => return Err(format!("the operator {name} is not simulated")),
        };
        let key = Key::read(key).ok_or_else(|| format!("the condition key {key} is not simulated"))?;
        if key == Key::TagKeys && quantifier.is_none() && operator != Operator::Null {
            return Err("aws:TagKeys has many values: it needs ForAllValues or ForAnyValue".to_owned());
        }
        if let Some(value) = values.iter().find(|value| value.contains("${")) {
            return Err(format!("policy variables are not simulated: {value}"));
        }
        let bad =
            |value: &&String| operator == Operator::Null && !["true", "false"].contains(&value.as_str());
        if let Some(value) = values.iter().find(bad) {
            return Err(format!("Null is true or false, not {value}"));
        }
        Ok(Self { name: name.to_owned(), operator, quantifier, if_exists, key, values })
    }

    fn holds(&self, context: &Context<'_>) -> bool {
        let found = self.key.values(context);
        match (self.operator, self.quantifier) {
            (Operator::Null, _) => self.values.iter().any(|value| (value == "true") == found.is_empty()),
            (_, Some(Quantifier::All)) => found.iter().all(|one| self.takes(one)),
            (_, Some(Quantifier::Any)) => {
                (found.is_empty() && self.if_exists) || found.iter().any(|one| self.takes(one))
            }
            (_, None) if found.is_empty() => self.if_exists || self.denies(),
            (_, None) => found.iter().all(|one| self.takes(one)),
        }
    }

    /// Whether it is one of what must not be.
    fn denies(&self) -> bool {
        matches!(self.operator, Operator::NotEquals | Operator::NotLike)
    }

    fn takes(&self, found: &str) -> bool {
        let like = matches!(self.operator, Operator::Like | Operator::NotLike);
        let fits = self
            .values
            .iter()
            .any(|value| if like { pattern::matches(value, found) } else { value == found });
        fits != self.denies()
    }
}

impl Key {
    /// Case does not matter in keys.
    fn read(written: &str) -> Option<Self> {
        let lower = written.to_lowercase();
        let tag = |prefix: &str| lower.starts_with(prefix).then(|| written[prefix.len()..].to_owned());
        match lower.as_str() {
            "aws:tagkeys" => Some(Self::TagKeys),
            "ec2:createaction" => Some(Self::CreateAction),
            "ec2:region" => Some(Self::Region),
            _ => tag("aws:requesttag/")
                .map(Self::RequestTag)
                .or_else(|| tag("ec2:resourcetag/").map(|key| Self::ResourceTag("ec2", key)))
                .or_else(|| tag("aws:resourcetag/").map(|key| Self::ResourceTag("aws", key))),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::RequestTag(key) => format!("aws:RequestTag/{key}"),
            Self::ResourceTag(service, key) => format!("{service}:ResourceTag/{key}"),
            Self::TagKeys => "aws:TagKeys".to_owned(),
            Self::CreateAction => "ec2:CreateAction".to_owned(),
            Self::Region => "ec2:Region".to_owned(),
        }
    }

    fn values<'a>(&self, context: &'a Context<'_>) -> Vec<&'a str> {
        let tag = |tags: &'a Tags, key: &str| {
            tags.iter()
                .filter(|(one, _)| one.eq_ignore_ascii_case(key))
                .map(|(_, value)| value.as_str())
                .collect()
        };
        match self {
            Self::RequestTag(key) => tag(context.request_tags, key),
            Self::ResourceTag(_, key) => tag(context.resource_tags, key),
            Self::TagKeys => context.request_tags.keys().map(String::as_str).collect(),
            Self::CreateAction => context.create_action.into_iter().collect(),
            Self::Region => vec![context.region],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn holds(written: &serde_json::Value, request: &[(&str, &str)], resource: &[(&str, &str)]) -> bool {
        let conditions: Conditions = serde_json::from_value(written.clone()).unwrap();
        let again: Conditions = serde_json::from_value(serde_json::to_value(&conditions).unwrap()).unwrap();
        assert_eq!(conditions, again);
        let (request_tags, resource_tags) = (&tags(request), &tags(resource));
        conditions.hold(&Context { region: "eu-central-1", create_action: None, request_tags, resource_tags })
    }

    #[test]
    fn operators_mean_what_iam_means_by_them() {
        let key = |operator: &str, key: &str, values: serde_json::Value| json!({ operator: { key: values } });
        let on = [("owner", "me")];
        for (written, there, missing) in [
            (key("StringEquals", "ec2:ResourceTag/owner", json!("me")), true, false),
            (key("StringEquals", "aws:ResourceTag/OWNER", json!(["you", "me"])), true, false),
            (key("StringLike", "ec2:ResourceTag/owner", json!("m?")), true, false),
            (key("StringEqualsIfExists", "ec2:ResourceTag/owner", json!("you")), false, true),
            (key("StringNotEquals", "ec2:ResourceTag/owner", json!(["me", "you"])), false, true),
            (key("StringNotLike", "ec2:ResourceTag/owner", json!("y*")), true, true),
            (key("Null", "ec2:ResourceTag/owner", json!("true")), false, true),
            (key("Null", "ec2:ResourceTag/owner", json!("false")), true, false),
            (key("StringEquals", "ec2:Region", json!("eu-*")), false, false),
            (key("StringLike", "ec2:Region", json!("eu-*")), true, true),
            (key("StringEquals", "ec2:CreateAction", json!("RunInstances")), false, false),
        ] {
            assert_eq!(holds(&written, &[], &on), there, "{written} with the tag");
            assert_eq!(holds(&written, &[], &[]), missing, "{written} without");
        }
    }

    #[test]
    fn sets_of_tag_keys_are_compared_one_by_one() {
        let keys = |operator: &str| json!({ operator: { "aws:TagKeys": ["a", "b"] } });
        for (operator, one, other, none) in [
            ("ForAllValues:StringEquals", true, false, true),
            ("ForAllValues:StringNotEquals", false, false, true),
            ("ForAnyValue:StringEquals", true, true, false),
            ("ForAnyValue:StringNotEquals", false, true, false),
        ] {
            let said = [&[("a", "")][..], &[("a", ""), ("c", "")], &[]]
                .map(|tags| holds(&keys(operator), tags, &[]));
            assert_eq!(said, [one, other, none], "{operator}");
        }
    }

    #[test]
    fn what_is_not_simulated_is_refused_when_it_is_read() {
        for (written, says) in [
            (json!({ "StringEqual": { "ec2:Region": "a" } }), "the operator StringEqual "),
            (json!({ "IpAddress": { "ec2:Region": "a" } }), "the operator IpAddress "),
            (json!({ "StringEquals": { "ec2:Vpc": "a" } }), "the condition key ec2:Vpc "),
            (json!({ "StringEquals": { "aws:TagKeys": "a" } }), "aws:TagKeys has many values"),
            (
                json!({ "ForSomeValues:StringEquals": { "aws:TagKeys": "a" } }),
                "no set operator ForSomeValues",
            ),
            (json!({ "StringEquals": { "ec2:Region": "${aws:x}" } }), "policy variables"),
            (json!({ "Null": { "ec2:Region": "no" } }), "Null is true or false"),
        ] {
            let error = serde_json::from_value::<Conditions>(written).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
