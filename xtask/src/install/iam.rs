//! The policies of the controller's role in AWS, from the calls that the code makes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eni_operator::model::permission::{Feature, Guard, Right, Target, rights};
use eni_operator::model::{Call, tag_key};
use serde_json::{Map, Value, json};

use super::{DEFAULT_NAMESPACE, Identity};

/// Stands for the cluster's id in the files.
pub const CLUSTER_ID: &str = "CLUSTER_ID";

/// Where the files are, from the root of the repository.
const FOLDER: &str = "docs/iam";

/// The version of the language.
const LANGUAGE: &str = "2012-10-17";

/// Longest managed policy that IAM takes, in characters that are not white space.
#[cfg(test)]
const LONGEST: usize = 6144;

/// A feature's file, its name for people, and when its policy is needed.
fn about(feature: Feature) -> (&'static str, &'static str) {
    match feature {
        Feature::Core => ("core", "always"),
        Feature::Tags => ("tags", "where tags are taken out of `spec.tags` of a `NodeENI` that has ENIs"),
        Feature::Addresses => (
            "addresses",
            "where `spec.secondaryPrivateIPCount`, `spec.ipv4PrefixCount` or `spec.ipv6AddressCount` of a `NodeENI` that has ENIs changes",
        ),
        Feature::HopLimit => ("hop-limit", "with `imds.autoConfigureHopLimit`"),
        Feature::TakeOver => (
            "take-over",
            "while the ENIs of aws-multi-eni-controller are taken over; take it away afterwards",
        ),
    }
}

/// Every file, by its path from the root of the repository.
pub fn files() -> Result<BTreeMap<PathBuf, String>> {
    let policies = Feature::ALL.map(|feature| (about(feature).0, policy(feature)));
    let trust = [("trust-irsa", irsa()), ("trust-pod-identity", pod_identity())];
    let mut files = BTreeMap::new();
    for (name, document) in policies.into_iter().chain(trust) {
        let text = serde_json::to_string_pretty(&document).with_context(|| format!("write {name}"))?;
        files.insert(Path::new(FOLDER).join(format!("{name}.json")), text + "\n");
    }
    Ok(files)
}

/// The rights of a feature, gathered by what they are about and their condition.
fn gathered(feature: Feature) -> BTreeMap<(Guard, Vec<Target>), Vec<Call>> {
    let mut gathered: BTreeMap<_, Vec<Call>> = BTreeMap::new();
    for right in Call::ALL.into_iter().flat_map(rights).filter(|right| right.feature == feature) {
        let Right { call, targets, guard, .. } = right;
        gathered.entry((guard, targets.to_vec())).or_default().push(call);
    }
    gathered
}

/// The policy of a feature.
#[must_use]
pub fn policy(feature: Feature) -> Value {
    let statements = gathered(feature).into_iter().map(|((guard, targets), calls)| {
        let actions: Vec<String> = calls.iter().map(|call| format!("ec2:{}", call.action())).collect();
        let mut statement = json!({
            "Sid": sid(guard, &targets), "Effect": "Allow", "Action": actions, "Resource": resources(&targets),
        });
        if let Some(condition) = condition(guard) {
            statement["Condition"] = condition;
        }
        statement
    });
    json!({ "Version": LANGUAGE, "Statement": statements.collect::<Vec<_>>() })
}

/// A statement's name: letters and digits only.
fn sid(guard: Guard, targets: &[Target]) -> String {
    let on = targets.iter().map(|target| match target {
        Target::Everything => "Read",
        Target::Eni => "Eni",
        Target::Instance => "Instance",
        Target::Subnet => "Subnet",
        Target::SecurityGroup => "SecurityGroup",
    });
    let guard = match guard {
        Guard::None => "",
        Guard::GivesTag => "MadeForCluster",
        Guard::GivesTagInCreate => "TaggedWhenMade",
        Guard::HasTag => "OfCluster",
        Guard::HasTagAndKeepsIt => "TagsOfCluster",
        Guard::IsInherited => "Inherited",
    };
    on.chain([guard]).collect()
}

fn resources(targets: &[Target]) -> Vec<&'static str> {
    let arn = |target: &Target| match target {
        Target::Everything => "*",
        Target::Eni => "arn:*:ec2:*:*:network-interface/*",
        Target::Instance => "arn:*:ec2:*:*:instance/*",
        Target::Subnet => "arn:*:ec2:*:*:subnet/*",
        Target::SecurityGroup => "arn:*:ec2:*:*:security-group/*",
    };
    targets.iter().map(arn).collect()
}

fn condition(guard: Guard) -> Option<Value> {
    let one = |key: &str, tag: &str, value: &str| (format!("{key}/{tag}"), json!(value));
    let gives = one("aws:RequestTag", tag_key::CLUSTER, CLUSTER_ID);
    let has = one("ec2:ResourceTag", tag_key::CLUSTER, CLUSTER_ID);
    let equals = |pairs: Vec<(String, Value)>| Value::Object(pairs.into_iter().collect::<Map<_, _>>());
    match guard {
        Guard::None => None,
        Guard::GivesTag => Some(json!({ "StringEquals": equals(vec![gives]) })),
        Guard::GivesTagInCreate => {
            let create = ("ec2:CreateAction".to_owned(), json!(Call::Create.action()));
            Some(json!({ "StringEquals": equals(vec![create, gives]) }))
        }
        Guard::HasTag => Some(json!({ "StringEquals": equals(vec![has]) })),
        Guard::HasTagAndKeepsIt => Some(json!({
            "StringEquals": equals(vec![has]),
            "ForAllValues:StringNotEquals": { "aws:TagKeys": [tag_key::CLUSTER] },
            "Null": { "aws:TagKeys": "false" },
        })),
        Guard::IsInherited => {
            let mark = one("ec2:ResourceTag", tag_key::REFERENCE_MANAGED_BY, tag_key::REFERENCE_MANAGER);
            let tagged = format!("ec2:ResourceTag/{}", tag_key::CLUSTER);
            Some(json!({ "StringEquals": equals(vec![gives, mark]), "Null": { tagged: "true" } }))
        }
    }
}

/// Who may take the role by IRSA: the controller's service account.
fn irsa() -> Value {
    let account = format!("system:serviceaccount:{DEFAULT_NAMESPACE}:{}", Identity::Controller.name());
    json!({ "Version": LANGUAGE, "Statement": [{
        "Effect": "Allow",
        "Principal": { "Federated": "arn:aws:iam::ACCOUNT_ID:oidc-provider/OIDC_PROVIDER" },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            "OIDC_PROVIDER:aud": "sts.amazonaws.com",
            "OIDC_PROVIDER:sub": account,
        } },
    }] })
}

/// Who may take it by EKS Pod Identity; the association names the service account.
fn pod_identity() -> Value {
    json!({ "Version": LANGUAGE, "Statement": [{
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }] })
}

/// The table of the document: which policy is for what, and what is in it.
#[must_use]
pub fn table() -> String {
    let rows = Feature::ALL.map(|feature| {
        let (name, when) = about(feature);
        let mut actions: Vec<&str> = gathered(feature).into_values().flatten().map(Call::action).collect();
        actions.sort_unstable();
        actions.dedup();
        format!("| [`{name}.json`](iam/{name}.json) | {when} | `{}` |\n", actions.join("`, `"))
    });
    format!("| policy | needed | actions |\n|---|---|---|\n{}", rows.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_each_policy_and_every_call_is_in_one() {
        let mut actions = vec![];
        for feature in Feature::ALL {
            let policy = policy(feature);
            let size = policy.to_string().len();
            assert!(size < LONGEST, "{feature:?}: {size}");
            for statement in policy["Statement"].as_array().unwrap() {
                let sid = statement["Sid"].as_str().unwrap();
                assert!(sid.chars().all(char::is_alphanumeric), "{sid}");
                actions.extend(statement["Action"].as_array().unwrap().clone());
            }
        }
        for call in Call::ALL {
            assert!(actions.contains(&json!(format!("ec2:{}", call.action()))), "{call}");
        }
    }

    #[test]
    fn names_of_statements_are_not_used_twice() {
        for feature in Feature::ALL {
            let policy = policy(feature);
            let statements = policy["Statement"].as_array().unwrap();
            let names: std::collections::BTreeSet<_> =
                statements.iter().map(|one| one["Sid"].to_string()).collect();
            assert_eq!(names.len(), statements.len(), "{feature:?}");
        }
    }
}
