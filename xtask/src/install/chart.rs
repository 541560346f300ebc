//! `chart/`: the same objects, with holes that values fill.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eni_operator::api;
use serde_json::json;

use super::{parts, template::escaped, typed, values};
use crate::r#gen::HEADER;

/// The folder.
pub(super) const FOLDER: &str = "chart";

/// The oldest Kubernetes that it installs on.
const KUBERNETES: &str = ">=1.33.0-0";

/// Every generated file, by its path from the root of the repository. `NOTES.txt` and the README are not.
pub fn files() -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    let mut put = |name: &str, text: String| files.insert(Path::new(FOLDER).join(name), text);
    put("Chart.yaml", format!("{HEADER}{}", chart_yaml()?));
    put("values.yaml", format!("{HEADER}{}", values::values_yaml()));
    put("values.schema.json", format!("{:#}\n", values::schema()));
    put("templates/crds.yaml", crds()?);
    put("templates/_without_effect.tpl", values::without_effect_template());
    for (name, text) in templates()? {
        put(&format!("templates/{name}.yaml"), text);
    }
    Ok(files)
}

fn chart_yaml() -> Result<String> {
    let version = env!("CARGO_PKG_VERSION");
    let chart = json!({
        "apiVersion": "v2",
        "name": "eni-operator",
        "description": "Elastic network interfaces for Kubernetes nodes on AWS, declared",
        "type": "application",
        "version": version,
        "appVersion": version,
        "kubeVersion": KUBERNETES,
        "keywords": ["aws", "eni", "ec2", "multus", "dpdk", "networking"],
    });
    api::to_yaml(&chart).context("write Chart.yaml")
}

/// The CRDs among the templates, where Helm upgrades them; in its folder `crds` it would not.
///
/// An uninstall leaves them: with them would go every object, and with that every ENI.
fn crds() -> Result<String> {
    let mut text = format!("{HEADER}{{{{- if .Values.crds.install }}}}\n");
    for mut crd in api::crds() {
        let annotations = crd.metadata.annotations.get_or_insert_default();
        annotations.insert("helm.sh/resource-policy".to_owned(), "keep".to_owned());
        text.push_str("---\n");
        text.push_str(&escaped(&api::to_yaml(&crd).context("write a CRD as YAML")?));
    }
    text.push_str("{{- end }}\n");
    Ok(text)
}

fn templates() -> Result<BTreeMap<&'static str, String>> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for part in parts() {
        typed::check(&part.manifest())?;
        let text = part.template().with_context(|| format!("write the template {}", part.file))?;
        files.entry(part.file).or_insert_with(|| HEADER.to_owned()).push_str(&text);
    }
    Ok(files)
}
