//! What the containers have in common.

use serde_json::{Value, json};

use super::template::{each, filled, text, value};

/// The image, by digest if one is set, else by tag.
pub(super) fn image() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    filled(
        "(ternary (printf \"%s@%s\" .Values.image.repository .Values.image.digest) \
         (printf \"%s:%s\" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion)) \
         (ne .Values.image.digest \"\"))",
        &json!(format!("localhost/eni-operator:{version}")),
    )
}

/// When it is fetched.
pub(super) fn pull_policy() -> Value {
    value("image.pullPolicy")
}

/// A variable that a value of the chart sets.
pub(super) fn env(name: &str, path: &str) -> Value {
    json!({ "name": name, "value": text(path) })
}

/// A variable that says something of the pod.
pub(super) fn env_of_pod(name: &str, field: &str) -> Value {
    json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": field } } })
}

/// The user's own variables, which go before ours of the same name.
pub(super) fn more_env(path: &str) -> Value {
    each(&format!(".Values.{path}"), &filled(".", &Value::Null))
}

/// The security context of a container that has no rights on its host but these capabilities.
pub(super) fn security_context(capabilities: &[&str]) -> Value {
    let mut context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
    });
    if !capabilities.is_empty() {
        context["capabilities"]["add"] = json!(capabilities);
    }
    context
}
