//! Schemas of values that are a part of Kubernetes' own objects, from its own types.
//!
//! The API server checks them too, but later: after the objects before them in the list were made.

use k8s_openapi::api::core::v1::{
    Affinity, EnvVar, LocalObjectReference, PodSecurityContext, ResourceRequirements, Toleration, Volume,
    VolumeMount,
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// A type of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `Affinity`.
    Affinity,
    /// `EnvVar`.
    EnvVar,
    /// `ResourceRequirements`.
    Resources,
    /// `LocalObjectReference`, to a Secret.
    Secret,
    /// `PodSecurityContext`.
    SecurityContext,
    /// `Toleration`.
    Toleration,
    /// `Volume`.
    Volume,
    /// `VolumeMount`.
    VolumeMount,
}

impl Shape {
    /// Its name among the types of Kubernetes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Affinity => "Affinity",
            Self::EnvVar => "EnvVar",
            Self::Resources => "ResourceRequirements",
            Self::Secret => "LocalObjectReference",
            Self::SecurityContext => "PodSecurityContext",
            Self::Toleration => "Toleration",
            Self::Volume => "Volume",
            Self::VolumeMount => "VolumeMount",
        }
    }

    /// All types.
    const ALL: [Self; 8] = [
        Self::Affinity,
        Self::EnvVar,
        Self::Resources,
        Self::Secret,
        Self::SecurityContext,
        Self::Toleration,
        Self::Volume,
        Self::VolumeMount,
    ];

    fn add(self, generator: &mut SchemaGenerator) {
        match self {
            Self::Affinity => generator.subschema_for::<Affinity>(),
            Self::EnvVar => generator.subschema_for::<EnvVar>(),
            Self::Resources => generator.subschema_for::<ResourceRequirements>(),
            Self::Secret => generator.subschema_for::<LocalObjectReference>(),
            Self::SecurityContext => generator.subschema_for::<PodSecurityContext>(),
            Self::Toleration => generator.subschema_for::<Toleration>(),
            Self::Volume => generator.subschema_for::<Volume>(),
            Self::VolumeMount => generator.subschema_for::<VolumeMount>(),
        };
    }
}

/// The schema of a value of this type.
pub(super) fn reference(shape: Shape) -> Value {
    json!({ "$ref": format!("#/definitions/{CORE}{}", shape.name()) })
}

/// What comes before the name of a type of the core.
const CORE: &str = "io.k8s.api.core.v1.";

/// The schemas of all types that values may be of, and of those that they are made of.
pub(super) fn definitions() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    for shape in Shape::ALL {
        shape.add(&mut generator);
    }
    let definitions = generator.take_definitions(true);
    let tidy = definitions.into_iter().map(|(name, schema)| (name.clone(), refined(&name, tidied(schema))));
    Value::Object(tidy.collect())
}

/// A schema that refuses unknown fields, without Kubernetes' documentation.
fn tidied(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut tidy: Map<String, Value> =
                fields.into_iter().map(|(key, value)| (key, tidied(value))).collect();
            // A field may be called so too, and is then described by an object.
            for word in ["description", "format"] {
                if tidy.get(word).is_some_and(Value::is_string) {
                    tidy.remove(word);
                }
            }
            if tidy.contains_key("properties") {
                tidy.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(tidy)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(tidied).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema,
    }
}

/// A number and a unit, as the API server reads them; people write whole ones without quotes.
const QUANTITY: &str = "^[0-9]+(\\.[0-9]*)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]+)?$";

/// What the API server knows of fields and their types do not say.
fn refined(name: &str, mut schema: Value) -> Value {
    if name.ends_with(".Quantity") {
        return json!({ "type": ["string", "number"], "minimum": 0, "pattern": QUANTITY, "title": "a quantity such as 100m or 128Mi" });
    }
    let words = |words: &[&str]| json!({ "type": "string", "enum": words });
    let refined = match name.strip_prefix(CORE).unwrap_or_default() {
        "Toleration" => vec![
            ("operator", words(&["Exists", "Equal", "Lt", "Gt"])),
            ("effect", words(&["NoSchedule", "PreferNoSchedule", "NoExecute"])),
        ],
        "EnvVar" => {
            let pattern = "^[A-Za-z_][A-Za-z0-9_.-]*$";
            vec![("name", json!({ "type": "string", "pattern": pattern, "title": "a variable's name" }))]
        }
        "LocalObjectReference" => vec![("name", json!({ "type": "string", "minLength": 1 }))],
        "NodeSelectorRequirement" => {
            vec![("operator", words(&["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]))]
        }
        "SeccompProfile" => vec![("type", words(&["RuntimeDefault", "Unconfined", "Localhost"]))],
        _ => vec![],
    };
    for (field, of_field) in refined {
        schema["properties"][field] = of_field;
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_there_and_all_that_it_is_made_of() {
        let definitions = definitions();
        let text = definitions.to_string();
        for shape in Shape::ALL {
            assert!(text.contains(&format!("\"{CORE}{}\"", shape.name())), "{shape:?}");
        }
        for reference in text.split("#/definitions/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(definitions.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_refined_is_a_field_of_its_type() {
        let mut generator = SchemaSettings::draft07().into_generator();
        for shape in Shape::ALL {
            shape.add(&mut generator);
        }
        for (name, schema) in generator.take_definitions(true) {
            let fields = |schema: &Value| {
                let of = schema["properties"].as_object();
                of.map(|fields| fields.keys().cloned().collect::<Vec<_>>())
            };
            if !name.ends_with(".Quantity") {
                assert_eq!(fields(&schema), fields(&refined(&name, schema.clone())), "{name}");
            }
        }
    }
}
