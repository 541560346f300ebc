//! The CRDs, as objects and as YAML.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde::Serialize;

use super::{NodeENI, NodeENIAttachment};

/// Both CRDs: the user's kind first.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![NodeENI::crd(), NodeENIAttachment::crd()]
}

/// An object as YAML. The one place that knows which library writes it.
pub fn to_yaml(object: &impl Serialize) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MAX_USER_TAGS, RESERVED_TAG_PREFIXES};

    #[test]
    fn the_rules_for_tags_are_those_of_the_tags_that_the_operator_sets() {
        let crd = serde_json::to_value(NodeENI::crd()).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let tags = &schema["properties"]["spec"]["properties"]["tags"];
        assert_eq!(tags["maxProperties"], MAX_USER_TAGS);
        let rules = tags["x-kubernetes-validations"].to_string();
        for prefix in RESERVED_TAG_PREFIXES {
            assert!(rules.contains(&prefix.replace('.', "[.]")), "{prefix} is not refused");
            assert!(rules.contains(prefix), "{prefix} is not named to the user");
        }
    }
}
