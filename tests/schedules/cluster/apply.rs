//! Server-side apply, as far as a status needs it: who owns which field.
//!
//! Fields are leaves, by path. Lists are one leaf each, but for `conditions`, whose elements are known by
//! their `type`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Where a field stands.
pub type Path = Vec<String>;

/// Which fields each manager owns.
pub type Owners = BTreeMap<String, BTreeSet<Path>>;

/// Fields by path.
type Leaves = BTreeMap<Path, Value>;

/// The list that is a map by `type`.
const KEYED: &str = "conditions";

/// The fields of a status.
fn leaves(value: &Value) -> Leaves {
    let mut found = Leaves::new();
    collect(value, &mut vec![], &mut found);
    found
}

fn collect(value: &Value, at: &mut Path, found: &mut Leaves) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                at.push(name.clone());
                collect(value, at, found);
                at.pop();
            }
        }
        Value::Array(items) if at.len() == 1 && at[0] == KEYED => {
            for item in items {
                at.push(item["type"].as_str().unwrap_or_default().to_owned());
                collect(item, at, found);
                at.pop();
            }
        }
        Value::Null => {}
        Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            found.insert(at.clone(), value.clone());
        }
    }
}

/// The status that has these fields.
fn status(leaves: &Leaves) -> Value {
    let mut root = Map::new();
    let mut keyed: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (path, value) in leaves {
        match path.as_slice() {
            [list, type_, field] if list == KEYED => {
                keyed.entry(type_).or_default().insert(field.clone(), value.clone());
            }
            path => put(&mut root, path, value),
        }
    }
    if !keyed.is_empty() {
        root.insert(KEYED.to_owned(), keyed.into_values().map(Value::Object).collect());
    }
    Value::Object(root)
}

fn put(into: &mut Map<String, Value>, path: &[String], value: &Value) {
    match path {
        [] => {}
        [name] => {
            into.insert(name.clone(), value.clone());
        }
        [name, rest @ ..] => {
            let inner = into.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Applies a manager's fields by force: those that it owned and leaves out go, unless others own them too.
pub fn apply(old: &Value, owners: &mut Owners, manager: &str, applied: &Value) -> Value {
    let (mut fields, applied) = (leaves(old), leaves(applied));
    let before = owners.remove(manager).unwrap_or_default();
    for path in before.iter().filter(|path| !applied.contains_key(*path)) {
        // The key of an element is shared with whoever else has fields in it.
        if !owners.values().any(|paths| paths.contains(path)) {
            fields.remove(path);
        }
    }
    for (path, value) in &applied {
        if fields.insert(path.clone(), value.clone()).is_some_and(|old| old != *value) {
            for paths in owners.values_mut() {
                paths.remove(path);
            }
        }
    }
    owners.insert(manager.to_owned(), applied.into_keys().collect());
    status(&fields)
}

/// Replaces a status: whoever does so owns what changed.
pub fn update(old: &Value, owners: &mut Owners, manager: &str, new: &Value) {
    let (old, new) = (leaves(old), leaves(new));
    let changed: BTreeSet<Path> = new
        .iter()
        .filter(|(path, value)| old.get(*path) != Some(value))
        .map(|(path, _)| path.clone())
        .collect();
    for paths in owners.values_mut() {
        paths.retain(|path| new.contains_key(path) && !changed.contains(path));
    }
    owners.entry(manager.to_owned()).or_default().extend(changed);
}
