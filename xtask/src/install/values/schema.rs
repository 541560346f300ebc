//! The schema that Helm checks values against.

use serde_json::{Value, json};

use super::{Kind, Setting, all, reference::without_effect};

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
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("Values of the chart eni-operator");
    root
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
    schema["description"] = json!(setting.about);
    schema["default"] = setting.default.clone();
    schema
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
        Kind::Text("", _) => json!({ "type": "string" }),
        // The title is what people are told the pattern means.
        Kind::Text(pattern, title) => json!({ "type": "string", "pattern": pattern, "title": title }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::TextByKey => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Object => json!({ "type": "object" }),
        Kind::Objects => json!({ "type": "array", "items": { "type": "object" } }),
    }
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
