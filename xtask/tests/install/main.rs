//! The chart and the manifests, on the real Helm and the real API server.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::disallowed_methods,
    reason = "the bans keep clock and environment out of the operator's decisions"
)]

mod accepted;
mod chart;
mod host;
mod server;
mod tokens;
mod values;

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;
use xtask::{go_tools::HELM, helm::Helm, install::DEFAULT_NAMESPACE, parts};

/// Objects by kind and name.
type Objects = BTreeMap<String, Value>;

/// Helm, where it can be had. If not, says why; in CI that is an error.
fn helm() -> Option<(Helm, TempDir)> {
    if !parts::has(HELM.obtainable()).unwrap() {
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    Some((Helm::find(None, home.path()).unwrap(), home))
}

/// What the chart gives with some values, or what Helm says against them.
fn render(helm: &Helm, sets: &[&str]) -> anyhow::Result<Objects> {
    render_in(helm, DEFAULT_NAMESPACE, sets)
}

fn render_in(helm: &Helm, namespace: &str, sets: &[&str]) -> anyhow::Result<Objects> {
    let mut args = vec!["template", "eni-operator", "chart", "--namespace", namespace];
    args.extend(sets);
    Ok(objects(&helm.run(&args)?))
}

/// The objects of some YAML documents.
fn objects(text: &str) -> Objects {
    let documents = text.split("\n---\n").map(|text| text.trim_start_matches("---\n"));
    let all = documents.map(|text| serde_yaml::from_str::<Value>(text).unwrap());
    let mut objects = Objects::new();
    for object in all.filter(|object| !object.is_null()) {
        let place = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = format!(
            "{} {place}/{}",
            object["kind"].as_str().unwrap(),
            object["metadata"]["name"].as_str().unwrap()
        );
        assert!(objects.insert(name.clone(), object).is_none(), "two of {name}");
    }
    objects
}
