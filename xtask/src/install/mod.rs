//! What is installed in a cluster: objects, from which `manifests/` and the Helm chart are made.

mod agent;
mod chart;
mod container;
mod controller;
mod dashboard;
pub mod iam;
mod manifests;
mod monitoring;
mod names;
mod network;
mod policy;
pub mod rbac;
mod rules;
mod template;
mod typed;
mod uninstall;
pub mod values;

use serde_json::{Value, json};

pub use chart::files as chart_files;
pub use manifests::files as manifest_files;
pub use names::{DEFAULT_NAMESPACE, Identity};
pub use rules::table as alerts;

/// An object, and when it is installed.
#[derive(Debug, Clone)]
pub struct Part {
    /// The file that it is in, without its ending.
    pub file: &'static str,
    /// The object, with its holes.
    object: Value,
    /// Under which condition of the chart's values, and whether that holds by default.
    when: Option<(&'static str, bool)>,
}

impl Part {
    fn new(file: &'static str, object: Value) -> Self {
        Self { file, object, when: None }
    }

    /// Installed only if a Helm expression holds.
    fn when(mut self, condition: &'static str, by_default: bool) -> Self {
        self.when = Some((condition, by_default));
        self
    }

    /// Made right before an uninstall, in the order of the weights, and removed when that has gone well.
    fn hook(mut self, weight: &str) -> Self {
        self.object["metadata"]["annotations"] = json!({
            "helm.sh/hook": "pre-delete",
            "helm.sh/hook-weight": weight,
            "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
        });
        self
    }

    /// Whether it is installed with the default values.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.when.is_none_or(|(_, by_default)| by_default)
    }

    /// The object with the default values.
    #[must_use]
    pub fn manifest(&self) -> Value {
        template::plain(&self.object)
    }

    /// The object as a template.
    fn template(&self) -> Result<String, serde_yaml::Error> {
        let text = template::template(&self.object)?;
        Ok(match self.when {
            Some((condition, _)) => format!("{{{{- if {condition} }}}}\n---\n{text}{{{{- end }}}}\n"),
            None => format!("---\n{text}"),
        })
    }
}

/// Everything but the CRDs and the namespace.
#[must_use]
pub fn parts() -> Vec<Part> {
    let mut parts = controller::parts();
    parts.extend(agent::parts());
    parts.extend(rbac::parts());
    parts.extend(policy::parts());
    parts.extend(network::parts());
    parts.extend(monitoring::parts());
    parts.extend(uninstall::parts());
    parts
}

#[cfg(test)]
mod tests;
