//! The files in `examples/`: each applies as it stands, and the server keeps every field.

use std::{collections::BTreeMap, fs, path::PathBuf};

use eni_operator::api::NodeENI;
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    server::{argument, kubectl},
    table::all_good,
};

/// A file of examples.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) objects: Vec<Value>,
}

impl Example {
    fn read(path: PathBuf) -> Self {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let documents = serde_yaml::Deserializer::from_str(&text);
        let objects = documents.map(|document| Value::deserialize(document).unwrap()).collect();
        Self { name, path, text, objects }
    }

    /// The objects of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }
}

/// All of them, by name.
pub(crate) fn examples() -> Vec<Example> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths.into_iter().map(Example::read).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples")
}

#[test]
fn every_example_applies_strictly_and_comes_back_whole() {
    let mut failures = vec![];
    for example in examples() {
        kubectl(&["apply", "--validate=strict", "-f", argument(&example.path)]);
        let stored = stored(&example);
        assert_eq!(stored.len(), example.objects.len(), "{}", example.name);
        for (object, stored) in example.objects.iter().zip(stored) {
            let lost = lost(object, &stored);
            failures.extend(lost.into_iter().map(|path| format!("{}: {path}", example.name)));
        }
    }
    all_good(&failures);
}

/// The objects of an example as the server has them, in their order.
fn stored(example: &Example) -> Vec<Value> {
    let text = kubectl(&["get", "-o", "json", "-f", argument(&example.path)]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    match answer["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![answer],
    }
}

/// What of an object the server did not keep, or our types do not.
fn lost(object: &Value, stored: &Value) -> Vec<String> {
    let mut lost = vec![];
    missing("", object, stored, &mut lost);
    match object["kind"].as_str() {
        Some("NodeENI") => missing("decoded", object, &through::<NodeENI>(stored), &mut lost),
        Some("Pod") => missing("decoded", object, &through::<Pod>(stored), &mut lost),
        _ => {}
    }
    lost
}

/// A value, read into a type and written again.
fn through<T: DeserializeOwned + Serialize>(value: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(value.clone()).unwrap()).unwrap()
}

/// The paths of what `part` has and `whole` has not, or has otherwise.
fn missing(path: &str, part: &Value, whole: &Value, lost: &mut Vec<String>) {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            for (key, value) in part {
                missing(&format!("{path}.{key}"), value, whole.get(key).unwrap_or(&Value::Null), lost);
            }
        }
        (Value::Array(part), Value::Array(whole)) if part.len() == whole.len() => {
            for (index, (part, whole)) in part.iter().zip(whole).enumerate() {
                missing(&format!("{path}[{index}]"), part, whole, lost);
            }
        }
        _ if part == whole => {}
        _ => lost.push(format!("{path}: {part} became {whole}")),
    }
}

#[test]
fn every_example_says_what_it_does_and_what_to_replace() {
    let examples = examples();
    let silent =
        |example: &&Example| !example.text.starts_with("# ") || !example.text.contains("# Replace: ");
    let silent: Vec<_> = examples.iter().filter(silent).map(|example| example.name.clone()).collect();
    all_good(&silent);
}

#[test]
fn index_has_every_example_once() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut listed: Vec<_> = index
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split_once(']'))
        .map(|(name, _)| name)
        .collect();
    listed.sort_unstable();
    let names: Vec<_> = examples().into_iter().map(|example| example.name).collect();
    assert_eq!(listed, names);
}

#[test]
fn no_object_is_in_two_examples() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for example in examples() {
        for object in &example.objects {
            let metadata = &object["metadata"];
            let key = format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]);
            homes.entry(key).or_default().push(example.name.clone());
        }
    }
    let shared = homes.into_iter().filter(|(_, homes)| homes.len() > 1);
    all_good(&shared.map(|(object, homes)| format!("{object}: {homes:?}")).collect::<Vec<_>>());
}

#[test]
fn every_spec_field_is_in_some_example() {
    let mut unused = fields();
    for example in examples() {
        for object in example.of_kind("NodeENI") {
            unused.retain(|field| object["spec"][field].is_null());
        }
    }
    // It has one legal value, which is its default.
    unused.retain(|field| field != "interfaceType");
    all_good(&unused);
}

/// The names of the fields of a `NodeENI`'s spec.
fn fields() -> Vec<String> {
    let crd = serde_json::to_value(&eni_operator::api::crds()[0]).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let fields = schema["properties"]["spec"]["properties"].as_object().unwrap();
    fields.keys().cloned().collect()
}
