//! Kubernetes in memory, behind the operator's port.

mod apply;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use eni_operator::api::{
    ATTACHMENT_FINALIZER, CONTROLLER_MANAGER, HAS_ENI_LABEL, NODE_ENI_FINALIZER, NodeENI, NodeENIAttachment,
    NodeENIAttachmentStatus, NodeENIStatus,
};
use eni_operator::cluster::snapshot::Snapshot;
use eni_operator::cluster::{Cluster, ClusterError, ClusterErrorKind, Done, Sight, Unreadable};
use eni_operator::model::InstanceId;
use eni_operator::plan::{events::Event, node::NodeFacts};
use kube::ResourceExt;
use serde_json::Value;

pub use store::{Answer, Change, Store};

use crate::gate::{Gate, Request, Strike};

/// Kubernetes in memory: an API server, and a snapshot that somebody else keeps.
#[derive(Clone)]
pub struct MemoryCluster {
    /// The API server.
    pub store: Arc<Mutex<Store>>,
    /// What the operator has seen of it.
    pub snapshot: Arc<RwLock<Snapshot>>,
    /// Where requests wait.
    pub gate: Gate,
}

/// The store, whatever happened to whoever held it before.
pub fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryCluster {
    /// A cluster over a store.
    pub fn new(store: Arc<Mutex<Store>>, gate: Gate) -> Self {
        Self { store, snapshot: Arc::default(), gate }
    }

    fn snapshot(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request: it waits at the gate, takes effect, and is answered, if nothing goes wrong.
    async fn request<T>(
        &self,
        call: &'static str,
        about: &str,
        work: impl FnOnce(&mut Store) -> Answer<T>,
    ) -> Done<T> {
        let doing = || format!("{call} {about}");
        let failed = |(kind, message)| ClusterError { doing: doing(), kind, message, retry_after: None };
        let strike = self.gate.pass(Request { call, about: about.to_owned() }).await;
        let injected = |kind| Err(failed((kind, "injected".to_owned())));
        match strike {
            Strike::None => work(&mut lock(&self.store)).map_err(failed),
            // Somebody else was first.
            Strike::Refused => {
                let mut store = lock(&self.store);
                store.touch(about);
                work(&mut store).map_err(failed)
            }
            Strike::Unsent => injected(ClusterErrorKind::Retry),
            Strike::Lost => {
                drop(work(&mut lock(&self.store)));
                injected(ClusterErrorKind::Retry)
            }
        }
    }
}

impl Cluster for MemoryCluster {
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
        self.request("look for", name, |store| Ok(store.get::<NodeENI>(name).is_some())).await
    }

    async fn latest(&self, slot: &NodeENIAttachment) -> Done<Option<NodeENIAttachment>> {
        let name = slot.name_any();
        let find = |store: &mut Store| {
            let found = store.get::<NodeENIAttachment>(&name).map(|found| found.as_ref().clone());
            Ok(found.filter(|found| found.uid() == slot.uid()))
        };
        self.request("read", &name, find).await
    }

    async fn add_finalizer(&self, node_eni: &NodeENI) -> Done<()> {
        let mut finalizers = node_eni.finalizers().to_vec();
        finalizers.push(NODE_ENI_FINALIZER.to_owned());
        let add = |store: &mut Store| store.set_finalizers(node_eni, finalizers);
        self.request("add finalizer to", &node_eni.name_any(), add).await
    }

    async fn remove_finalizer(&self, node_eni: &NodeENI) -> Done<()> {
        let rest = without(node_eni, NODE_ENI_FINALIZER);
        let remove = |store: &mut Store| absent_is_done(store.set_finalizers(node_eni, rest));
        self.request("remove finalizer of", &node_eni.name_any(), remove).await
    }

    async fn create(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        self.request("create", &slot.name_any(), |store| store.create(slot)).await
    }

    async fn replace(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        self.request("replace", &slot.name_any(), |store| store.replace(slot)).await
    }

    async fn delete(&self, slot: &NodeENIAttachment) -> Done<()> {
        let name = slot.name_any();
        let delete = |store: &mut Store| {
            absent_is_done(store.delete::<NodeENIAttachment>(&name, slot.metadata.uid.as_deref()))
        };
        self.request("delete", &name, delete).await
    }

    async fn let_go(&self, slot: &NodeENIAttachment) -> Done<()> {
        let rest = without(slot, ATTACHMENT_FINALIZER);
        let remove = |store: &mut Store| absent_is_done(store.set_finalizers(slot, rest));
        self.request("let go of", &slot.name_any(), remove).await
    }

    async fn apply_status(
        &self,
        slot: &NodeENIAttachment,
        status: &NodeENIAttachmentStatus,
    ) -> Done<NodeENIAttachment> {
        let status = json(status);
        let apply = |store: &mut Store| store.apply_status(&slot.metadata, CONTROLLER_MANAGER, &status);
        self.request("apply status of", &slot.name_any(), apply).await
    }

    async fn apply_node_eni_status(&self, node_eni: &NodeENI, status: &NodeENIStatus) -> Done<()> {
        let status = json(status);
        let apply = |store: &mut Store| {
            store.apply_status::<NodeENI>(&node_eni.metadata, CONTROLLER_MANAGER, &status).map(drop)
        };
        self.request("apply status of", &node_eni.name_any(), apply).await
    }

    async fn mark_node(&self, node: &NodeFacts, has_enis: bool) -> Done<()> {
        let value = has_enis.then_some("true");
        let mark = |store: &mut Store| absent_is_done(store.label_node_of(node, HAS_ENI_LABEL, value));
        self.request("mark", &node.name, mark).await
    }

    async fn cni_is_imds_only(&self) -> Done<bool> {
        Ok(false)
    }

    async fn tell(&self, node_eni: &str, event: Event) {
        // It changes nothing that anybody reads, so there is no need to stop at it.
        lock(&self.store).told.push((node_eni.to_owned(), event));
    }

    async fn tell_of(&self, slot: &NodeENIAttachment, event: Event) {
        self.tell(&slot.spec.node_eni, event).await;
    }
}

fn json(status: &impl serde::Serialize) -> Value {
    serde_json::to_value(status).unwrap_or_default()
}

fn without(object: &impl ResourceExt, finalizer: &str) -> Vec<String> {
    object.finalizers().iter().filter(|name| *name != finalizer).cloned().collect()
}

fn absent_is_done(done: Answer<()>) -> Answer<()> {
    match done {
        Err((ClusterErrorKind::Gone, _)) => Ok(()),
        done => done,
    }
}
