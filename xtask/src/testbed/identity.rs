//! The identities of the chart's pods: what they may do is what the chart grants, and their tokens are those that a
//! kubelet would ask for.

use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::TokenRequest;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::Testbed;
use super::credentials::kubeconfig;
use crate::install::{DEFAULT_NAMESPACE, Identity, parts};
use crate::runtime::block_on;

/// Who applies them, for server-side apply.
const MANAGER: &str = "xtask";

/// What grants rights, and who gets them. The rest of the chart are workloads.
const KINDS: [&str; 7] = [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// A pod of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// The controller's.
    Controller,
    /// The agent's on a node.
    AgentOn(&'a str),
}

impl Bearer<'_> {
    fn identity(self) -> Identity {
        match self {
            Self::Controller => Identity::Controller,
            Self::AgentOn(_) => Identity::NodeAgent,
        }
    }

    /// The pod's name.
    fn pod(self) -> String {
        match self {
            Self::Controller => Identity::Controller.name().to_owned(),
            Self::AgentOn(node) => format!("{}-{node}", Identity::NodeAgent.name()),
        }
    }

    /// The pod, as a scheduler leaves it. Nothing runs in it.
    fn object(self) -> Value {
        let node = match self {
            Self::Controller => None,
            Self::AgentOn(node) => Some(node),
        };
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": self.pod(), "namespace": DEFAULT_NAMESPACE },
            "spec": {
                "nodeName": node, "serviceAccountName": self.identity().name(),
                "containers": [{ "name": "runs-elsewhere", "image": "none" }],
            },
        })
    }
}

impl Testbed {
    /// Grants the chart's identities the rights that they have in the chart's namespace in another one too, which is
    /// made.
    pub fn grant_in(&self, namespace: &str) -> Result<()> {
        let config = self.kube_config()?;
        block_on(async { grant(&client(config)?, namespace).await })?
    }

    /// A kubeconfig of one of the chart's pods, with its token. Its rights are granted if they are not yet.
    pub fn kubeconfig_of(&self, bearer: Bearer<'_>) -> Result<PathBuf> {
        let token = self.token_of(bearer)?;
        let path = self.folder().join(format!("{}.kubeconfig", bearer.pod()));
        let text = kubeconfig(self.server_url(), self.ca_path(), &token, DEFAULT_NAMESPACE);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// A token of one of the chart's pods.
    pub fn token_of(&self, bearer: Bearer<'_>) -> Result<String> {
        self.grant()?;
        let config = self.kube_config()?;
        block_on(async {
            let client = client(config)?;
            let pod = apply(&client, &bearer.object()).await?;
            bound_token(&client, DEFAULT_NAMESPACE, bearer.identity().name(), Some(&pod)).await
        })?
    }

    /// Grants the chart's identities their rights, once: nothing here takes them away.
    fn grant(&self) -> Result<()> {
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if !*granted {
            self.grant_in(DEFAULT_NAMESPACE)?;
            *granted = true;
        }
        Ok(())
    }

    /// A client with the controller's token. To be called inside a tokio runtime, and used inside that one only.
    pub fn client_of_controller(&self) -> Result<Client> {
        let mut config = self.kube_config()?;
        let token = Some(self.token_of(Bearer::Controller)?.into());
        config.auth_info = kube::config::AuthInfo { token, ..kube::config::AuthInfo::default() };
        client(config)
    }

    /// The environment in which the controller finds this testbed, as its pod.
    pub fn environment_of_controller(&self) -> Result<Vec<(&'static str, String)>> {
        let kubeconfig = self.kubeconfig_of(Bearer::Controller)?.display().to_string();
        let rest = self.environment().into_iter().filter(|(name, _)| *name != "KUBECONFIG");
        Ok(std::iter::once(("KUBECONFIG", kubeconfig)).chain(rest).collect())
    }
}

fn client(config: kube::Config) -> Result<Client> {
    Client::try_from(config).context("make a client for the testbed")
}

async fn grant(client: &Client, namespace: &str) -> Result<()> {
    let made = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
    apply(client, &made).await?;
    for part in parts().iter().filter(|part| part.is_default()) {
        let mut object = part.manifest();
        if object["metadata"]["namespace"] == DEFAULT_NAMESPACE {
            object["metadata"]["namespace"] = json!(namespace);
        }
        if object["kind"].as_str().is_some_and(|kind| KINDS.contains(&kind)) {
            apply(client, &object).await?;
        }
    }
    Ok(())
}

async fn apply(client: &Client, object: &Value) -> Result<DynamicObject> {
    let types: TypeMeta = serde_json::from_value(object.clone()).context("read an object's kind")?;
    let kind = GroupVersionKind::try_from(types).context("read an object's kind")?;
    let resource = ApiResource::from_gvk(&kind);
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().context("an object has no name")?;
    let api: Api<DynamicObject> = match metadata["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let apply = PatchParams::apply(MANAGER).force();
    let applied = api.patch(name, &apply, &Patch::Apply(object)).await;
    applied.with_context(|| format!("apply {} {name}", kind.kind))
}

/// A token as kubelet asks for one: of an account, and bound to a pod, if there is one.
pub async fn bound_token<K: ResourceExt>(
    client: &Client,
    namespace: &str,
    account: &str,
    pod: Option<&K>,
) -> Result<String> {
    let mut request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {},
        "spec": { "audiences": [], "expirationSeconds": 86400 },
    });
    if let Some(pod) = pod {
        request["spec"]["boundObjectRef"] =
            json!({ "kind": "Pod", "apiVersion": "v1", "name": pod.name_any(), "uid": pod.uid() });
    }
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let post = axum::http::Request::post(path).header(axum::http::header::CONTENT_TYPE, "application/json");
    let post = post.body(request.to_string().into_bytes()).context("make a request for a token")?;
    let granted: TokenRequest =
        client.request(post).await.with_context(|| format!("a token of {account}"))?;
    Ok(granted.status.context("the API server gave no token")?.token)
}
