//! The real Kubernetes.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::sync::RwLock;

use super::node::SlimNode;
use super::snapshot::Snapshot;
use super::{Cluster, ClusterError, ClusterErrorKind, Done, Sight};
use crate::api::{
    ATTACHMENT_FINALIZER, CONTROLLER_MANAGER, HAS_ENI_LABEL, NODE_ENI_FINALIZER, NodeENI, NodeENIAttachment,
    NodeENIAttachmentStatus, NodeENIStatus,
};
use crate::model::InstanceId;
use crate::plan::{events::Event, node::NodeFacts};

/// The real Kubernetes: a client for writes, and a snapshot that watches keep.
pub struct KubeCluster {
    client: Client,
    recorder: Recorder,
    snapshot: Arc<RwLock<Snapshot>>,
}

impl KubeCluster {
    /// A cluster through this client, seen through this snapshot.
    #[must_use]
    pub fn new(client: Client, snapshot: Arc<RwLock<Snapshot>>) -> Self {
        let reporter = Reporter { controller: "nodeeni-controller".to_owned(), instance: None };
        Self { recorder: Recorder::new(client.clone(), reporter), client, snapshot }
    }

    fn api<K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    fn snapshot(&self) -> std::sync::RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        let done = self.api::<K>().patch_metadata(&name, &PatchParams::default(), &patch).await;
        done.map(drop).map_err(|error| failed("changing the finalizers of", &name, error))
    }

    /// Applies a status under the controller's manager, if the object is still as it was seen.
    async fn apply<K>(&self, object: &K, status: &impl Serialize) -> Done<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let name = object.name_any();
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name, "uid": object.uid(), "resourceVersion": object.resource_version() },
            "status": status,
        });
        let params = PatchParams::apply(CONTROLLER_MANAGER).force();
        let done = self.api::<K>().patch_status(&name, &params, &Patch::Apply(patch)).await;
        done.map_err(|error| failed("writing the status of", &name, error))
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

    async fn node_eni_exists(&self, name: &str) -> Done<bool> {
        let found = self.api::<NodeENI>().get_metadata_opt(name).await;
        found.map(|found| found.is_some()).map_err(|error| failed("looking for NodeENI", name, error))
    }

    async fn latest(&self, slot: &NodeENIAttachment) -> Done<Option<NodeENIAttachment>> {
        let name = slot.name_any();
        let found = self.api::<NodeENIAttachment>().get_opt(&name).await;
        let found = found.map_err(|error| failed("reading NodeENIAttachment", &name, error))?;
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
        let made = self.api().create(&params, slot).await;
        made.map_err(|error| failed("making NodeENIAttachment", &slot.name_any(), error))
    }

    async fn replace(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        let params =
            PostParams { field_manager: Some(CONTROLLER_MANAGER.to_owned()), ..PostParams::default() };
        let name = slot.name_any();
        let made = self.api().replace(&name, &params, slot).await;
        made.map_err(|error| failed("changing NodeENIAttachment", &name, error))
    }

    async fn delete(&self, slot: &NodeENIAttachment) -> Done<()> {
        let name = slot.name_any();
        let preconditions = Preconditions { uid: slot.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let done = self.api::<NodeENIAttachment>().delete(&name, &params).await;
        absent_is_done(done.map(drop).map_err(|error| failed("deleting NodeENIAttachment", &name, error)))
    }

    async fn let_go(&self, slot: &NodeENIAttachment) -> Done<()> {
        absent_is_done(self.set_finalizers(slot, without(slot, ATTACHMENT_FINALIZER)).await)
    }

    async fn apply_status(
        &self,
        slot: &NodeENIAttachment,
        status: &NodeENIAttachmentStatus,
    ) -> Done<NodeENIAttachment> {
        self.apply(slot, status).await
    }

    async fn apply_node_eni_status(&self, node_eni: &NodeENI, status: &NodeENIStatus) -> Done<()> {
        self.apply(node_eni, status).await.map(drop)
    }

    async fn mark_node(&self, node: &str, has_enis: bool) -> Done<()> {
        let value = has_enis.then_some("true");
        let patch = Patch::Merge(json!({ "metadata": { "labels": { HAS_ENI_LABEL: value } } }));
        let done = self.api::<SlimNode>().patch_metadata(node, &PatchParams::default(), &patch).await;
        absent_is_done(done.map(drop).map_err(|error| failed("labelling node", node, error)))
    }

    async fn tell(&self, node_eni: &str, event: Event) {
        let Some(about) = self.reference(node_eni) else { return };
        let type_ = if event.warning { EventType::Warning } else { EventType::Normal };
        let event = KubeEvent {
            type_,
            reason: event.reason.to_owned(),
            note: Some(event.message.chars().take(MAX_NOTE).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &about).await {
            tracing::debug!(
                nodeeni = node_eni,
                error = &error as &dyn std::error::Error,
                "event not written"
            );
        }
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

/// Longest note of an event that Kubernetes takes, in bytes; ours are ASCII but for a user's own words.
const MAX_NOTE: usize = 1000;

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

/// A failed request, sorted by what it means.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else fails, no answer came")]
fn failed(doing: &str, name: &str, error: kube::Error) -> ClusterError {
    let kind = match &error {
        kube::Error::Api(status) => match status.code {
            404 => ClusterErrorKind::Gone,
            409 => ClusterErrorKind::Conflict,
            429 | 500..=599 => ClusterErrorKind::Retry,
            _ => ClusterErrorKind::Refused,
        },
        _ => ClusterErrorKind::Retry,
    };
    let message = match error {
        kube::Error::Api(status) => status.message,
        other => other.to_string(),
    };
    ClusterError { doing: format!("{doing} {name}"), kind, message }
}
