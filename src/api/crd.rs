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

    /// The properties of a schema that have no description, by their paths.
    fn undescribed(path: &str, schema: &serde_json::Value, found: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let text = property["description"].as_str().unwrap_or_default().trim();
            if !text.ends_with('.') {
                found.push(format!("{path}: {text:?}"));
            }
            undescribed(&path, property, found);
        }
        if schema["items"].is_object() {
            undescribed(&format!("{path}[]"), &schema["items"], found);
        }
    }

    #[test]
    fn every_field_is_described_by_sentences() {
        let mut found = vec![];
        for crd in crds() {
            let crd = serde_json::to_value(crd).unwrap();
            let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            undescribed(crd["spec"]["names"]["kind"].as_str().unwrap(), schema, &mut found);
        }
        assert_eq!(found, Vec::<String>::new());
        undescribed("X", &serde_json::json!({ "properties": { "y": {} } }), &mut found);
        assert_eq!(found, ["X.y: \"\""]);
    }

    #[test]
    fn what_the_description_of_a_field_says_of_its_default_is_so() {
        let crd = serde_json::to_value(NodeENI::crd()).unwrap();
        let spec =
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        let mut checked = 0;
        for (name, property) in spec.as_object().unwrap() {
            let Some(default) = property.get("default") else { continue };
            let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            let text = property["description"].as_str().unwrap();
            let says = [format!("{default} unless set"), format!("`{default}` unless set")];
            assert!(
                says.iter().any(|words| text.contains(words)),
                "{name} does not say that it is {default}: {text}"
            );
            checked += 1;
        }
        assert!(checked > 4);
    }
}
