//! The real Kubernetes.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ObjectMeta;
use kube::{Client, Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::sync::RwLock;
use tokio::sync::Semaphore;

use super::events::EventLog;
use super::guard::Guarded;
use super::node::SlimNode;
use super::request::answered;
use super::snapshot::Snapshot;
use super::{Cluster, ClusterErrorKind, Done, Sight, Unreadable};
use crate::api::{
    ATTACHMENT_FINALIZER, CONTROLLER_MANAGER, HAS_ENI_LABEL, NODE_ENI_FINALIZER, NodeENI, NodeENIAttachment,
    NodeENIAttachmentStatus, NodeENIStatus,
};
use crate::model::InstanceId;
use crate::plan::{events::Event, node::NodeFacts};

/// Who writes the controller's events.
const REPORTER: &str = "nodeeni-controller";

/// The real Kubernetes: a client for writes, and a snapshot that watches keep.
pub struct KubeCluster {
    client: Client,
    events: EventLog,
    snapshot: Arc<RwLock<Snapshot>>,
    /// Writes that may be in flight beside those that are.
    writes: Semaphore,
}

/// Writes in flight at once. More only wait in the API server, and there the lease's would wait behind them.
const WRITES_AT_ONCE: usize = 16;

impl KubeCluster {
    /// A cluster through this client, seen through this snapshot.
    #[must_use]
    pub fn new(client: Client, snapshot: Arc<RwLock<Snapshot>>) -> Self {
        let (events, writes) = (EventLog::new(client.clone(), REPORTER), Semaphore::new(WRITES_AT_ONCE));
        Self { client, events, snapshot, writes }
    }

    fn api<K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    fn snapshot(&self) -> std::sync::RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for the answer to a write, once few enough are in flight.
    fn written<'a, T: 'a>(
        &'a self,
        doing: &'a str,
        name: &'a str,
        request: impl Future<Output = kube::Result<T>> + 'a,
    ) -> impl Future<Output = Done<T>> + 'a {
        let answer = answered(doing, name, request);
        async move {
            // It is never closed.
            let _turn = self.writes.acquire().await.ok();
            answer.await
        }
    }

    /// Replaces the finalizers of an object, if it is still as it was seen.
    async fn set_finalizers<K>(&self, object: &K, finalizers: Vec<String>) -> Done<()>
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let name = object.name_any();
        let meta = json!({
            "uid": object.uid(), "resourceVersion": object.resource_version(), "finalizers": finalizers,
        });
        let patch = Patch::Merge(json!({ "metadata": meta }));
        let (api, params) = (self.api::<K>(), PatchParams::default());
        let done = api.patch_metadata(&name, &params, &patch);
        self.written("changing the finalizers of", &name, done).await.map(drop)
    }

    /// Applies a status under the controller's manager, if the object is still as it was seen. Returns it
    /// as it is then.
    async fn apply<K>(&self, meta: &ObjectMeta, status: &impl Serialize) -> Done<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let name = meta.name.clone().unwrap_or_default();
        let patch = Patch::Apply(json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name, "uid": meta.uid, "resourceVersion": meta.resource_version },
            "status": status,
        }));
        let (api, params) = (self.api::<K>(), PatchParams::apply(CONTROLLER_MANAGER).force());
        self.written("writing the status of", &name, api.patch_status(&name, &params, &patch)).await
    }

    /// Tells a person something about a `NodeENI`, and a slot of it that it concerns.
    async fn write_event(&self, node_eni: &str, related: Option<ObjectReference>, event: &Event) {
        let Some(about) = self.reference(node_eni) else { return };
        // It is never closed.
        let _turn = self.writes.acquire().await.ok();
        if let Err(error) = self.events.write(&about, related, event).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(nodeeni = node_eni, error, "event not written");
        }
    }
}

impl Cluster for KubeCluster {
    fn node_eni(&self, name: &str) -> Option<Sight> {
        self.snapshot().node_eni(name)
    }

    fn node_eni_names(&self) -> Vec<String> {
        self.snapshot().node_enis().map(|(name, _)| name.clone()).collect()
    }

    fn attachments(&self) -> Vec<Arc<NodeENIAttachment>> {
        self.snapshot().attachments()
    }

    fn nodes(&self) -> Vec<NodeFacts> {
        self.snapshot().nodes()
    }

    fn node_of(&self, instance: &InstanceId) -> Option<NodeFacts> {
        self.snapshot().node_of(instance)
    }

    fn attachments_of(&self, node_eni: &str) -> Vec<Arc<NodeENIAttachment>> {
        self.snapshot().attachments_of(node_eni)
    }

    fn attachments_on(&self, instance: &InstanceId) -> Vec<Arc<NodeENIAttachment>> {
        self.snapshot().attachments_on(instance)
    }

    fn unreadable(&self) -> Vec<Arc<Unreadable>> {
        self.snapshot().unreadable()
    }

    async fn node_eni_exists(&self, name: &str) -> Done<bool> {
        let api = self.api::<NodeENI>();
        answered("looking for NodeENI", name, api.get_metadata_opt(name)).await.map(|found| found.is_some())
    }

    async fn latest(&self, slot: &NodeENIAttachment) -> Done<Option<NodeENIAttachment>> {
        let name = slot.name_any();
        let api = self.api::<NodeENIAttachment>();
        let found = answered("reading NodeENIAttachment", &name, api.get_opt(&name)).await?;
        Ok(found.filter(|found| found.uid() == slot.uid()))
    }

    async fn add_finalizer(&self, node_eni: &NodeENI) -> Done<()> {
        let mut finalizers = node_eni.finalizers().to_vec();
        finalizers.push(NODE_ENI_FINALIZER.to_owned());
        self.set_finalizers(node_eni, finalizers).await
    }

    async fn remove_finalizer(&self, node_eni: &NodeENI) -> Done<()> {
        absent_is_done(self.set_finalizers(node_eni, without(node_eni, NODE_ENI_FINALIZER)).await)
    }

    async fn create(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        let params =
            PostParams { field_manager: Some(CONTROLLER_MANAGER.to_owned()), ..PostParams::default() };
        self.written("making NodeENIAttachment", &slot.name_any(), self.api().create(&params, slot)).await
    }

    async fn replace(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        let params =
            PostParams { field_manager: Some(CONTROLLER_MANAGER.to_owned()), ..PostParams::default() };
        let name = slot.name_any();
        self.written("changing NodeENIAttachment", &name, self.api().replace(&name, &params, slot)).await
    }

    async fn delete(&self, slot: &NodeENIAttachment) -> Done<()> {
        let name = slot.name_any();
        let preconditions = Preconditions { uid: slot.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let api = self.api::<NodeENIAttachment>();
        let done = self.written("deleting NodeENIAttachment", &name, api.delete(&name, &params)).await;
        absent_is_done(done.map(drop))
    }

    async fn let_go(&self, slot: &NodeENIAttachment) -> Done<()> {
        absent_is_done(self.set_finalizers(slot, without(slot, ATTACHMENT_FINALIZER)).await)
    }

    async fn apply_status(
        &self,
        slot: &NodeENIAttachment,
        status: &NodeENIAttachmentStatus,
    ) -> Done<NodeENIAttachment> {
        self.apply(&slot.metadata, status).await
    }

    async fn apply_node_eni_status(&self, node_eni: &NodeENI, status: &NodeENIStatus) -> Done<()> {
        // What comes back may be an object that cannot be read: that was known.
        self.apply::<Guarded<NodeENI>>(&node_eni.metadata, status).await.map(drop)
    }

    async fn mark_node(&self, node: &NodeFacts, has_enis: bool) -> Done<()> {
        let (node, uid, value) = (&node.name, &node.uid, has_enis.then_some("true"));
        let patch = Patch::Merge(json!({ "metadata": { "uid": uid, "labels": { HAS_ENI_LABEL: value } } }));
        let (api, params) = (self.api::<SlimNode>(), PatchParams::default());
        let done = self.written("labelling node", node, api.patch_metadata(node, &params, &patch)).await;
        absent_is_done(done.map(drop))
    }

    async fn cni_is_imds_only(&self) -> Done<bool> {
        let daemon_sets: Api<DaemonSet> = Api::namespaced(self.client.clone(), "kube-system");
        let found = answered("reading DaemonSet", "aws-node", daemon_sets.get_opt("aws-node")).await?;
        Ok(found.as_ref().is_some_and(is_imds_only))
    }

    async fn tell(&self, node_eni: &str, event: Event) {
        self.write_event(node_eni, None, &event).await;
    }

    async fn tell_of(&self, slot: &NodeENIAttachment, event: Event) {
        self.write_event(&slot.spec.node_eni, Some(slot.object_ref(&())), &event).await;
    }
}

impl KubeCluster {
    /// What an event about a `NodeENI` refers to.
    fn reference(&self, name: &str) -> Option<ObjectReference> {
        match self.node_eni(name)? {
            Sight::Seen(object) | Sight::Undecodable(object, _) => Some(object.object_ref(&())),
        }
    }
}

/// The finalizers of an object but one.
fn without(object: &impl ResourceExt, finalizer: &str) -> Vec<String> {
    object.finalizers().iter().filter(|name| *name != finalizer).cloned().collect()
}

/// An object that is gone already needs nothing taken off it.
fn absent_is_done(done: Done<()>) -> Done<()> {
    match done {
        Err(error) if error.kind == ClusterErrorKind::Gone => Ok(()),
        done => done,
    }
}

/// Whether the VPC CNI's `DaemonSet` says that it is to ask the instances' metadata service alone.
fn is_imds_only(cni: &DaemonSet) -> bool {
    let pods = cni.spec.iter().filter_map(|spec| spec.template.spec.as_ref());
    let settings = pods.flat_map(|pod| &pod.containers).flat_map(|container| container.env.iter().flatten());
    settings
        .filter(|setting| setting.name == "ENABLE_IMDS_ONLY_MODE")
        .any(|setting| setting.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("true")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vpc_cnis_mode_is_told_by_its_containers_environment() {
        for (env, expected) in [
            (json!([]), false),
            (json!([{ "name": "ENABLE_IMDS_ONLY_MODE", "value": "false" }]), false),
            (json!([{ "name": "ENABLE_IMDS_ONLY_MODE" }]), false),
            (json!([{ "name": "WARM_ENI_TARGET", "value": "true" }]), false),
            (
                json!([{ "name": "A", "value": "b" }, { "name": "ENABLE_IMDS_ONLY_MODE", "value": "true" }]),
                true,
            ),
        ] {
            let set = json!({
                "metadata": { "name": "aws-node" },
                "spec": {
                    "selector": {},
                    "template": { "spec": { "containers": [{ "name": "aws-node", "env": env }] } },
                },
            });
            assert_eq!(is_imds_only(&serde_json::from_value(set).unwrap()), expected, "{env}");
        }
        assert!(!is_imds_only(&DaemonSet::default()));
    }
}
