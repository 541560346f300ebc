//! The schema that Helm checks values against.

use serde_json::{Value, json};

use super::{Kind, Setting, all, objects, reference::without_effect};

/// The schema of all values. What it does not know is refused.
#[must_use]
pub fn schema() -> Value {
    let mut root = closed();
    for setting in all() {
        put(&mut root, setting.path, of(&setting));
    }
    for (path, why) in without_effect() {
        put(&mut root, path, json!({ "description": format!("Accepted, and without effect: {why}.") }));
    }
    // What Helm itself puts among the values of a chart that is a part of another.
    put(&mut root, "global", json!({ "type": "object" }));
    root["if"] = under("controller", &json!({ "enableLeaderElection": { "const": false } }));
    root["then"] = under("controller", &json!({ "replicas": { "maximum": 1 } }));
    root["definitions"] = objects::definitions();
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("Values of the chart eni-operator");
    root
}

/// An object with an object of these fields in it.
fn under(name: &str, fields: &Value) -> Value {
    json!({ "properties": { name: { "properties": fields } } })
}

/// An object that has no other fields than those that are put into it.
fn closed() -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": {} })
}

fn put(object: &mut Value, path: &str, leaf: Value) {
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    match path.split_once('.') {
        Some((first, rest)) => put(properties.entry(first).or_insert_with(closed), rest, leaf),
        None => {
            properties.insert(path.to_owned(), leaf);
        }
    }
}

fn of(setting: &Setting) -> Value {
    let mut schema = kind(setting.kind);
    // Beside a reference, this version of JSON Schema reads nothing else.
    if schema.get("$ref").is_some() {
        schema = json!({ "allOf": [schema] });
    }
    schema["description"] = json!(setting.about);
    schema["default"] = setting.default.clone();
    schema
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        // `--set` gives a number with a fraction as text.
        Kind::Share => json!({ "anyOf": [
            { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
            { "type": "string", "pattern": "^(0?[.][0-9]*[1-9][0-9]*|1([.]0+)?)$" },
        ] }),
        Kind::Text("", _) => json!({ "type": "string" }),
        // The title is what people are told the pattern means.
        Kind::Text(pattern, title) => json!({ "type": "string", "pattern": pattern, "title": title }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::Labels => by_key(&json!({ "type": "string", "pattern": LABEL, "title": "a label's value" })),
        Kind::Annotations => by_key(&json!({ "type": "string" })),
        Kind::Mtu => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": 0 },
            { "type": "integer", "minimum": 128, "maximum": 9001 },
        ] }),
        Kind::Object(shape) => objects::reference(shape),
        Kind::Objects(shape) => json!({ "type": "array", "items": objects::reference(shape) }),
    }
}

/// The value of a label.
const LABEL: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$";

/// The key of a label or an annotation.
const KEY: &str = "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

fn by_key(of_value: &Value) -> Value {
    // `propertyNames` would do, but Helm then names another place.
    json!({ "type": "object", "additionalProperties": false, "patternProperties": { KEY: of_value } })
}

/// The default values, as Helm has them.
#[cfg(test)]
pub(super) fn defaults() -> Value {
    let mut root = json!({});
    for setting in all() {
        let pointer = format!("/{}", setting.path.replace('.', "/"));
        let mut at = &mut root;
        for part in pointer.split('/').skip(1) {
            at = at.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
        }
        *at = setting.default;
    }
    root
}
