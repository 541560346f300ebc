//! The admission policy that keeps an agent's token to its own node and its own words.
//!
//! RBAC knows neither selectors nor fields, and field managers are no access control. A token that kubelet
//! gave to a pod says which node it is for, and the API server vouches for that.

use eni_operator::api::{CONTROLLER_MANAGER, ConditionType, GROUP};
use serde_json::{Value, json};

use super::Part;
use super::names::{self, Identity};
use super::template::filled;

const NAME: &str = "eni-node-agent";

/// What the API server says of a pod's token: the node that the pod is on.
const NODE: &str = "request.userInfo.extra[?'authentication.kubernetes.io/node-name'][?0].orValue('')";

pub(super) fn parts() -> Vec<Part> {
    let when = ".Values.admissionPolicy.enabled";
    let file = "admission-policy";
    vec![Part::new(file, policy()).when(when, true), Part::new(file, binding()).when(when, true)]
}

fn policy() -> Value {
    let validations: Vec<Value> = rules()
        .into_iter()
        .map(|(expression, message)| json!({ "expression": expression, "message": message, "reason": "Forbidden" }))
        .collect();
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": NAME, "labels": names::labels(Identity::NodeAgent) },
        "spec": {
            "failurePolicy": "Fail",
            "matchConditions": [{ "name": "of-an-agent", "expression": is_an_agent() }],
            "matchConstraints": { "matchPolicy": "Equivalent", "resourceRules": [{
                "apiGroups": [GROUP],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": ["*/*"],
                "scope": "*",
            }] },
            "variables": variables(),
            "validations": validations,
        },
    })
}

/// Whether the request is one of an agent's service account.
fn is_an_agent() -> Value {
    let account = |namespace: &str, name: &str| {
        format!("request.userInfo.username == 'system:serviceaccount:{namespace}:{name}'")
    };
    let by_default = account(names::DEFAULT_NAMESPACE, Identity::NodeAgent.name());
    let expression = format!(
        "(printf \"{}\" {} .Values.nodeAgent.serviceAccount.name)",
        account("%s", "%s"),
        names::NAMESPACE
    );
    filled(&expression, &json!(by_default))
}

fn variables() -> Vec<Value> {
    let types = ConditionType::ALL.iter().filter(|type_| type_.is_agents()).map(|type_| type_.name());
    let types = types.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let theirs =
        |object: &str| format!("{object}.?status.conditions.orValue([]).filter(c, !(c.type in [{types}]))");
    let managed = |object: &str| {
        format!("{object}.metadata.?managedFields.orValue([]).filter(m, m.manager == '{CONTROLLER_MANAGER}')")
    };
    [
        (
            "status",
            "request.operation == 'UPDATE' && request.resource.resource == 'nodeeniattachments' && \
             request.?subResource.orValue('') == 'status'"
                .to_owned(),
        ),
        ("node", NODE.to_owned()),
        ("conditions", theirs("object")),
        ("oldConditions", theirs("oldObject")),
        ("managed", managed("object")),
        ("oldManaged", managed("oldObject")),
    ]
    .into_iter()
    .map(|(name, expression)| json!({ "name": name, "expression": expression }))
    .collect()
}

/// What has to hold, and what is said if it does not. What comes after the first rule holds of nothing else
/// than a status.
fn rules() -> Vec<(String, &'static str)> {
    let of_status = |rule: &str| format!("!variables.status || ({rule})");
    vec![
        ("variables.status".to_owned(), "an agent writes the status of slots, and nothing else"),
        (
            of_status("variables.node != ''"),
            "the token does not say which node it is for: it has to be one that kubelet gave to a pod",
        ),
        (
            of_status("oldObject.spec.nodeName == variables.node"),
            "an agent writes of the slots of its own node only",
        ),
        (of_status("object.?status.cloud == oldObject.?status.cloud"), "status.cloud is the controller's"),
        (
            of_status("object.?status.observedGeneration == oldObject.?status.observedGeneration"),
            "status.observedGeneration is the controller's; the agent's is in status.host",
        ),
        (
            of_status("variables.conditions == variables.oldConditions"),
            "an agent writes conditions of its own types only",
        ),
        (
            of_status("variables.managed == variables.oldManaged"),
            "an agent does not write under the controller's name",
        ),
        (
            // Who applies a field owns it, the same value or not, and the owner before could not remove it.
            of_status(&owns_nothing_else()),
            "an agent does not own what the controller writes, even with the same value",
        ),
    ]
}

/// Whether what is owned now and was not before is the agent's part of the status.
fn owns_nothing_else() -> String {
    let types = ConditionType::ALL.iter().filter(|type_| type_.is_agents());
    let conditions = types.map(|type_| format!("'k:{{\"type\":\"{}\"}}'", type_.name()));
    let conditions = conditions.chain(["'.'".to_owned()]).collect::<Vec<_>>().join(", ");
    format!(
        "object.metadata.?managedFields.orValue([]).all(m, \
         oldObject.metadata.?managedFields.orValue([]).exists(o, o == m) || \
         (m.?fieldsV1.orValue({{}}).all(k, k == 'f:status') && \
         m.?fieldsV1[?'f:status'].orValue({{}}).all(k, k in ['f:host', 'f:conditions']) && \
         m.?fieldsV1[?'f:status'][?'f:conditions'].orValue({{}}).all(k, k in [{conditions}])))"
    )
}

fn binding() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": NAME, "labels": names::labels(Identity::NodeAgent) },
        "spec": { "policyName": NAME, "validationActions": ["Deny"] },
    })
}
