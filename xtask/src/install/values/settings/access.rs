//! Values of what may do what, and of the way out.

use serde_json::json;

use super::{Kind, NAME, Setting, set};

/// All of them.
pub(super) fn all() -> Vec<Setting> {
    vec![
        set("rbac.create", json!(true), Kind::Bool, "Whether roles and bindings are made."),
        set(
            "serviceAccount.create",
            json!(true),
            Kind::Bool,
            "Whether the controller's service account is made.",
        ),
        set("serviceAccount.name", json!("eni-controller"), NAME, "Its name."),
        set(
            "serviceAccount.annotations",
            json!({}),
            Kind::Annotations,
            "Its annotations. That of IRSA goes here: `eks.amazonaws.com/role-arn`.",
        ),
        set(
            "nodeAgent.serviceAccount.create",
            json!(true),
            Kind::Bool,
            "Whether the agents' service account is made.",
        ),
        set("nodeAgent.serviceAccount.name", json!("eni-node-agent"), NAME, "Its name."),
        set(
            "admissionPolicy.enabled",
            json!(true),
            Kind::Bool,
            "Whether an admission policy keeps each agent's token to its own node and its own part of the status.",
        ),
        set(
            "uninstall.drain",
            json!(false),
            Kind::Bool,
            "Whether `helm uninstall` first deletes all NodeENIs and waits until their ENIs have gone.",
        ),
        set(
            "uninstall.timeoutSeconds",
            json!(600),
            Kind::Whole(10, 86_400),
            "How long it waits for that, in seconds.",
        ),
    ]
}
