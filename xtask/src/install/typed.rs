//! Whether an object is what Kubernetes takes for one of its kind.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    apps::v1::{DaemonSet, Deployment},
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Kinds of other groups, whose types are not here.
const FOREIGN: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];

/// Fails if the object has a field that its type has not, or one of another type.
pub(super) fn check(object: &Value) -> Result<()> {
    let kind = object["kind"].as_str().unwrap_or_default();
    match kind {
        "ClusterRole" => of::<ClusterRole>(object),
        "ClusterRoleBinding" => of::<ClusterRoleBinding>(object),
        "ConfigMap" => of::<ConfigMap>(object),
        "DaemonSet" => of::<DaemonSet>(object),
        "Deployment" => of::<Deployment>(object),
        "Job" => of::<Job>(object),
        "Namespace" => of::<Namespace>(object),
        "NetworkPolicy" => of::<NetworkPolicy>(object),
        "PodDisruptionBudget" => of::<PodDisruptionBudget>(object),
        "Role" => of::<Role>(object),
        "RoleBinding" => of::<RoleBinding>(object),
        "Service" => of::<Service>(object),
        "ServiceAccount" => of::<ServiceAccount>(object),
        "ValidatingAdmissionPolicy" => of::<ValidatingAdmissionPolicy>(object),
        "ValidatingAdmissionPolicyBinding" => of::<ValidatingAdmissionPolicyBinding>(object),
        foreign => {
            ensure!(FOREIGN.contains(&foreign), "no type for {foreign:?}");
            Ok(())
        }
    }
    .with_context(|| format!("{kind} {}", object["metadata"]["name"]))
}

/// What a type does not know is lost on the way through it.
fn of<T: DeserializeOwned + Serialize>(object: &Value) -> Result<()> {
    let typed: T = serde_json::from_value(object.clone()).context("is of another type")?;
    let again = serde_json::to_value(&typed).context("write it again")?;
    let mut lost = Vec::new();
    differences("", object, &again, &mut lost);
    ensure!(lost.is_empty(), "its type does not have: {}", lost.join(", "));
    Ok(())
}

/// The places of `wanted` that are not so in `there`. An empty list or object may be left out.
fn differences(at: &str, wanted: &Value, there: &Value, lost: &mut Vec<String>) {
    match (wanted, there) {
        (Value::Object(fields), _) => {
            for (key, value) in fields {
                let below = there.get(key).unwrap_or(&Value::Null);
                differences(&format!("{at}/{key}"), value, below, lost);
            }
        }
        (Value::Array(items), _) => {
            for (index, item) in items.iter().enumerate() {
                let below = there.get(index).unwrap_or(&Value::Null);
                differences(&format!("{at}/{index}"), item, below, lost);
            }
        }
        _ if wanted != there => lost.push(at.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_a_type_has_not_is_named() {
        let object = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x" }, "spec": { "port": 1 } });
        let error = format!("{:#}", check(&object).unwrap_err());
        assert_eq!(error, "Service \"x\": its type does not have: /spec/port");
        let object = json!({ "apiVersion": "v1", "kind": "Service", "spec": { "ports": [{ "port": "a" }] } });
        assert!(format!("{:#}", check(&object).unwrap_err()).contains("is of another type"));
    }
}
