//! What tests leave in an API server, taken away.

use std::time::Duration;

use anyhow::{Context, Result};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use serde_json::json;

use crate::runtime::block_on;

/// How long it may take; a hundred objects take half a second.
const WITHIN: Duration = Duration::from_secs(30);

/// What tests make and others would see: group, version, kind, plural.
const KINDS: [(&str, &str, &str, &str); 4] = [
    ("networking.k8s.aws", "v1alpha1", "NodeENI", "nodeenis"),
    ("networking.k8s.aws", "v1alpha1", "NodeENIAttachment", "nodeeniattachments"),
    ("", "v1", "Node", "nodes"),
    ("events.k8s.io", "v1", "Event", "events"),
];

/// Deletes the operator's objects, whatever finalizers they have, nodes and events.
pub(super) fn run(config: kube::Config) -> Result<()> {
    block_on(async move {
        let client = Client::try_from(config).context("make a client for the testbed")?;
        let all = async {
            for kind in KINDS {
                delete_all(&client, kind).await.with_context(|| format!("delete all {}", kind.3))?;
            }
            anyhow::Ok(())
        };
        let emptied = tokio::time::timeout(WITHIN, all).await;
        emptied.context("the testbed is not empty after 30 s")?
    })?
}

async fn delete_all(client: &Client, kind: (&str, &str, &str, &str)) -> Result<()> {
    let (group, version, kind, plural) = kind;
    let kind = GroupVersionKind::gvk(group, version, kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, plural);
    for object in
        Api::<DynamicObject>::all_with(client.clone(), &resource).list(&ListParams::default()).await?
    {
        let api: Api<DynamicObject> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let name = object.name_any();
        if !object.finalizers().is_empty() {
            let none = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
            absent_is_done(api.patch(&name, &PatchParams::default(), &none).await.map(drop))?;
        }
        absent_is_done(api.delete(&name, &DeleteParams::default()).await.map(drop))?;
    }
    Ok(())
}

/// An object whose last finalizer goes is gone before it is deleted.
fn absent_is_done(done: kube::Result<()>) -> kube::Result<()> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        done => done,
    }
}
