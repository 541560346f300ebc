//! Nodes without kubelets: what the operator reads of a node is all that there is.

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::region::Instance;

/// What marks the nodes that are ours to delete.
const MARK: &str = "eni-demo";

/// Who applies them.
const MANAGER: &str = "xtask-demo";

/// Makes a node for each instance, with these labels, and says that it is ready.
pub(super) async fn create(client: &Client, instances: &[Instance], labels: &Value) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let apply = PatchParams::apply(MANAGER).force();
    for instance in instances {
        let name = &instance.node;
        let (node, status) = (node(instance, labels), status(instance));
        nodes
            .patch(name, &apply, &Patch::Apply(&node))
            .await
            .with_context(|| format!("create the node {name}"))?;
        let written = nodes.patch_status(name, &apply, &Patch::Apply(&status)).await;
        written.with_context(|| format!("write the status of the node {name}"))?;
    }
    Ok(())
}

/// Deletes them.
pub(super) async fn remove(client: &Client) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let ours = ListParams::default().labels(MARK);
    nodes
        .delete_collection(&DeleteParams::default(), &ours)
        .await
        .context("delete the demonstration's nodes")?;
    Ok(())
}

/// Fails if a node that is not ours has all of these labels: it would get an ENI id that EC2 does not know.
pub(super) async fn refuse_others(client: &Client, labels: &Value) -> Result<()> {
    let pairs = labels.as_object().into_iter().flatten();
    let all: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    let selector = format!("{},!{MARK}", all.join(","));
    let nodes: Api<Node> = Api::all(client.clone());
    let others = nodes.list_metadata(&ListParams::default().labels(&selector)).await.context("list nodes")?;
    if let Some(name) = others.items.into_iter().find_map(|node| node.metadata.name) {
        bail!("the cluster's own node {name} has the labels {}: take another cluster", all.join(","));
    }
    Ok(())
}

fn node(instance: &Instance, labels: &Value) -> Value {
    let mut all = json!({
        MARK: "true",
        "kubernetes.io/hostname": instance.node,
        "topology.kubernetes.io/zone": instance.zone,
    });
    if let (Some(all), Some(labels)) = (all.as_object_mut(), labels.as_object()) {
        all.extend(labels.clone());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": instance.node, "labels": all},
        "spec": {"providerID": format!("aws:///{}/{}", instance.zone, instance.id)},
    })
}

fn status(instance: &Instance) -> Value {
    let ready =
        json!({"type": "Ready", "status": "True", "reason": "Demo", "message": "there is no kubelet"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": instance.node},
        "status": {"conditions": [ready]},
    })
}
