//! What documents show is so: links lead somewhere, objects are of their types, commands are such that can be given.

use std::{collections::BTreeSet, fs, path::PathBuf};

use clap::Parser;
use eni_operator::api::{NodeENI, crds};
use serde::Deserialize as _;
use serde_json::Value;
use xtask::{install::values, repo};

/// A block of a document.
struct Block {
    at: String,
    language: String,
    text: String,
}

fn documents() -> Vec<PathBuf> {
    let top =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "ARCHITECTURE.md", "chart/README.md"];
    let mut paths: Vec<PathBuf> = top.iter().map(repo::at).collect();
    let docs = fs::read_dir(repo::at("docs")).unwrap().map(|entry| entry.unwrap().path());
    paths.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    paths.sort();
    paths
}

fn blocks() -> Vec<Block> {
    let mut blocks = vec![];
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let mut open: Option<(Block, usize)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let inner = line.trim_start();
            match (&mut open, inner.strip_prefix("```")) {
                (None, Some(language)) => {
                    let at = format!("{}:{number}", path.file_name().unwrap().display());
                    let block = Block { at, language: language.to_owned(), text: String::new() };
                    open = Some((block, line.len() - inner.len()));
                }
                (Some(_), Some("")) => blocks.extend(open.take().map(|(block, _)| block)),
                (Some((block, indent)), _) => {
                    block.text += line.get(*indent..).unwrap_or_default();
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", path.display());
    }
    blocks
}

fn of_language(language: &str) -> Vec<Block> {
    let some: Vec<Block> = blocks().into_iter().filter(|block| block.language == language).collect();
    assert!(!some.is_empty());
    some
}

#[test]
fn links_lead_to_files_that_are_there() {
    let mut broken = vec![];
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            let outside = file.is_empty() || file.contains("://");
            if !outside && !path.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// The fields of an object that its schema does not have.
fn unknown(path: &str, value: &Value, schema: &Value, found: &mut Vec<String>) {
    for item in value.as_array().into_iter().flatten() {
        unknown(&format!("{path}[]"), item, &schema["items"], found);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, value) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            Some(schema) => unknown(&format!("{path}.{name}"), value, schema, found),
            None => found.push(format!("{path}.{name}")),
        }
    }
}

#[test]
fn objects_that_are_shown_are_of_their_types() {
    let crd = serde_json::to_value(&crds()[0]).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let (mut wrong, mut seen) = (vec![], BTreeSet::new());
    for block in of_language("yaml") {
        for document in serde_yaml::Deserializer::from_str(&block.text) {
            let object = Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", block.at));
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            match kind.as_str() {
                "NodeENI" => {
                    unknown(&format!("{} spec", block.at), &object["spec"], schema, &mut wrong);
                    wrong.extend(
                        serde_json::from_value::<NodeENI>(object)
                            .err()
                            .map(|error| format!("{}: {error}", block.at)),
                    );
                }
                "NetworkAttachmentDefinition" => {
                    let config = object["spec"]["config"].as_str().unwrap();
                    let config: Value = serde_json::from_str(config).unwrap();
                    assert_eq!(config["name"], object["metadata"]["name"], "{}", block.at);
                }
                "Pod" => {
                    serde_json::from_value::<k8s_openapi::api::core::v1::Pod>(object).unwrap();
                }
                // A part of a pod.
                "" => {
                    serde_json::from_value::<k8s_openapi::api::core::v1::PodSpec>(object).unwrap();
                }
                other => panic!("{}: {other} is not checked", block.at),
            }
            seen.insert(kind);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen.len() > 2, "{seen:?}");
}

#[test]
fn commands_that_are_shown_can_be_given() {
    let mut wrong = vec![];
    for block in of_language("sh") {
        for line in block.text.replace("\\\n", " ").lines() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Some(error) = fault(&words) {
                wrong.push(format!("{}: {line}: {error}", block.at));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What is wrong with a command.
pub(super) fn fault(words: &[&str]) -> Option<String> {
    match words {
        [] | ["aws" | "sed", ..] => None,
        ["cargo", "xtask", rest @ ..] => {
            xtask::cli::Cli::try_parse_from(std::iter::once(&"xtask").chain(rest))
                .err()
                .map(|error| error.to_string())
        }
        ["eni-operator", ..] => {
            eni_operator::cli::Cli::try_parse_from(words).err().map(|error| error.to_string())
        }
        ["cargo", "test", rest @ ..] => {
            let packages = ["eni-operator", "ec2-sim", "xtask"];
            let named = rest.iter().skip_while(|word| **word != "-p").nth(1)?;
            (!packages.contains(named)).then(|| format!("no package {named}"))
        }
        ["helm", command, rest @ ..] => {
            let known = ["install", "upgrade", "uninstall"];
            let unknown = (!known.contains(command)).then(|| format!("helm has no {command} here"));
            unknown.or_else(|| rest.windows(2).find_map(of_set))
        }
        ["kubectl", rest @ ..] => kubectl(rest),
        [first, ..] if first.starts_with("CLUSTER=$(kubectl") || first.starts_with("networking.k8s.aws/") => {
            None
        }
        _ => Some("nobody checks it".to_owned()),
    }
}

/// Whether `--set PATH=VALUE` sets a value of the chart.
fn of_set(pair: &[&str]) -> Option<String> {
    let [flag, set] = pair else { return None };
    let (path, _) =
        set.trim_matches('\'').split_once('=').filter(|_| ["--set", "--set-json"].contains(flag))?;
    let known = |one: &values::Setting| path == one.path || path.starts_with(&format!("{}.", one.path));
    (!values::all().iter().any(known)).then(|| format!("no value {path}"))
}

fn kubectl(words: &[&str]) -> Option<String> {
    let words: Vec<&str> = match words {
        ["-n", _, rest @ ..] | rest => rest.to_vec(),
    };
    let verbs = ["get", "describe", "delete", "apply", "rollout", "label", "annotate", "logs", "create"];
    let verb = words.first()?;
    if !verbs.contains(verb) {
        return Some(format!("kubectl {verb} is not known here"));
    }
    let things = [
        "nodeeni",
        "neni",
        "nodeeniattachment",
        "nenia",
        "node",
        "namespace",
        "crd",
        "pods",
        "daemonset",
        "lease",
    ];
    let named = words.get(1).filter(|_| ["get", "describe", "delete", "label"].contains(verb))?;
    let unknown = named.split(',').find(|thing| !things.contains(thing));
    unknown.map(|thing| format!("no kind {thing}"))
}

#[test]
fn a_command_or_a_field_that_is_not_there_is_noticed() {
    let words = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
    for text in [
        "cargo xtask no-such",
        "eni-operator drain --no-such",
        "helm install x chart --set controller.noSuch=1",
        "kubectl get nodeenis-of-old",
        "rm -rf x",
    ] {
        assert!(fault(&words(text)).is_some(), "{text}");
    }
    let mut found = vec![];
    let schema = serde_json::json!({ "properties": { "a": { "items": { "properties": {} } } } });
    unknown("x", &serde_json::json!({ "a": [{ "b": 1 }], "c": 1 }), &schema, &mut found);
    assert_eq!(found, ["x.a[].b", "x.c"]);
}
