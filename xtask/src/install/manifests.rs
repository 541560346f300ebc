//! `manifests/`: what `kubectl apply` takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eni_operator::api;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{DEFAULT_NAMESPACE, parts, typed};
use crate::r#gen::HEADER;

/// The folder.
pub(super) const FOLDER: &str = "manifests";

/// Every file, by its path from the root of the repository.
pub fn files() -> Result<BTreeMap<PathBuf, String>> {
    let mut files = crds()?;
    let mut names: Vec<String> =
        files.keys().map(|path| path.strip_prefix(FOLDER).unwrap_or(path).display().to_string()).collect();
    for (name, objects) in grouped() {
        let mut text = HEADER.to_owned();
        for object in &objects {
            typed::check(object)?;
            text.push_str("---\n");
            text.push_str(&api::to_yaml(object).with_context(|| format!("write {name} as YAML"))?);
        }
        files.insert(Path::new(FOLDER).join(&name), text);
        names.push(name);
    }
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names,
    });
    let text = api::to_yaml(&kustomization).context("write the kustomization")?;
    files.insert(Path::new(FOLDER).join("kustomization.yaml"), format!("{HEADER}{text}"));
    Ok(files)
}

fn crds() -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    for crd in api::crds() {
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let yaml = api::to_yaml(&crd).with_context(|| format!("write {} as YAML", crd.name_any()))?;
        files.insert(Path::new(FOLDER).join("crds").join(name), format!("{HEADER}{yaml}"));
    }
    Ok(files)
}

/// The objects of each file.
fn grouped() -> BTreeMap<String, Vec<Value>> {
    let mut files = BTreeMap::from([("namespace.yaml".to_owned(), vec![namespace()])]);
    for part in parts().iter().filter(|part| part.is_default()) {
        files.entry(format!("{}.yaml", part.file)).or_default().push(part.manifest());
    }
    files
}

/// Helm makes it by itself, if it is told to.
fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": DEFAULT_NAMESPACE,
            "labels": {
                "app.kubernetes.io/name": "eni-operator",
                // Agents are on their nodes' network and have folders of theirs.
                "pod-security.kubernetes.io/enforce": "privileged",
            },
        },
    })
}
