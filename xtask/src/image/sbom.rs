//! What a binary was built of, as `CycloneDX` writes it down.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Platform;
use crate::cargo::cargo;

/// The bill of materials of the operator's binary for a platform: the crates that are in it, and no others.
pub(super) fn of(platform: Platform) -> Result<String> {
    let mut metadata = cargo()?;
    metadata.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", platform.target()]);
    let output = metadata.output().context("run cargo metadata")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let bill = bill(&metadata).context("cargo metadata is not as it was")?;
    Ok(format!("{bill:#}\n"))
}

fn bill(metadata: &Value) -> Option<Value> {
    let packages: BTreeMap<&str, &Value> =
        metadata["packages"].as_array()?.iter().filter_map(|one| Some((one["id"].as_str()?, one))).collect();
    let needs: BTreeMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, needs_of(node)?)))
        .collect();
    let root = *packages.iter().find(|(_, package)| package["name"] == "eni-operator")?.0;
    let mut inside = BTreeSet::from([root]);
    let mut next = vec![root];
    while let Some(id) = next.pop() {
        next.extend(needs.get(id)?.iter().filter(|need| inside.insert(need)));
    }
    let mut parts: Vec<(String, &str)> =
        inside.iter().map(|id| Some((url(packages.get(id)?)?, *id))).collect::<Option<_>>()?;
    parts.sort();
    let components = parts.iter().filter(|(_, id)| *id != root);
    let components: Option<Vec<Value>> =
        components.map(|(_, id)| component(packages.get(id)?, "library")).collect();
    let dependencies = parts.iter().map(|(url_of, id)| {
        let each = needs.get(id)?.iter().map(|need| url(packages.get(need)?));
        let on: BTreeSet<String> = each.collect::<Option<_>>()?;
        Some(json!({ "ref": url_of, "dependsOn": on }))
    });
    Some(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(packages.get(root)?, "application")? },
        "components": components?,
        "dependencies": dependencies.collect::<Option<Vec<Value>>>()?,
    }))
}

/// The packages that are in the binary because this one is: neither what builds it nor what tests it.
fn needs_of(node: &Value) -> Option<Vec<&str>> {
    let normal = |dependency: &&Value| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    node["deps"].as_array()?.iter().filter(normal).map(|dependency| dependency["pkg"].as_str()).collect()
}

fn url(package: &Value) -> Option<String> {
    Some(format!("pkg:cargo/{}@{}", package["name"].as_str()?, package["version"].as_str()?))
}

fn component(package: &Value, kind: &str) -> Option<Value> {
    let url = url(package)?;
    let mut component = json!({
        "type": kind, "bom-ref": url, "name": package["name"], "version": package["version"], "purl": url,
    });
    if let Some(license) = package["license"].as_str() {
        // Older crates write a slash where SPDX has a word.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    Some(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bill_has_what_is_in_the_binary_and_not_what_builds_or_tests_it() {
        let text = of(Platform::Arm64).unwrap();
        let bill: Value = serde_json::from_str(&text).unwrap();
        let names: Vec<&str> =
            bill["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        for inside in ["kube-client", "aws-sdk-ec2", "rustls", "neli"] {
            assert!(names.contains(&inside), "{inside} is missing");
        }
        for outside in ["eni-operator", "proptest", "xtask", "cc", "tempfile"] {
            assert!(!names.contains(&outside), "{outside} is not in the binary");
        }
        assert_eq!(text, of(Platform::Arm64).unwrap());
        let first = &bill["components"][0];
        assert_eq!(first["purl"], first["bom-ref"]);
        assert!(first["licenses"][0]["expression"].is_string());
    }
}
