//! The requests to Kubernetes.

use std::sync::Arc;

use tokio::sync::SemaphorePermit;

use super::{Fenced, LEADS_NO_MORE};
use crate::api::{NodeENI, NodeENIAttachment, NodeENIAttachmentStatus, NodeENIStatus};
use crate::clock::SteadyClock;
use crate::cluster::{Cluster, ClusterError, ClusterErrorKind, Done, Sight, Unreadable};
use crate::model::InstanceId;
use crate::plan::{events::Event, node::NodeFacts};

impl<C, K: SteadyClock> Fenced<C, K> {
    /// Waits until few enough writes are in flight, and refuses one that this process may not make any more.
    async fn may_write(&self) -> Done<Option<SemaphorePermit<'_>>> {
        // It is never closed.
        let turn = self.writes.acquire().await.ok();
        if self.leads() {
            return Ok(turn);
        }
        let (doing, message) = ("writing to Kubernetes".to_owned(), LEADS_NO_MORE.to_owned());
        Err(ClusterError { doing, kind: ClusterErrorKind::Retry, message, retry_after: None })
    }
}

impl<C: Cluster, K: SteadyClock> Cluster for Fenced<C, K> {
    fn node_eni(&self, name: &str) -> Option<Sight> {
        self.inner.node_eni(name)
    }

    fn node_eni_names(&self) -> Vec<String> {
        self.inner.node_eni_names()
    }

    fn attachments(&self) -> Vec<Arc<NodeENIAttachment>> {
        self.inner.attachments()
    }

    fn nodes(&self) -> Vec<NodeFacts> {
        self.inner.nodes()
    }

    fn node_of(&self, instance: &InstanceId) -> Option<NodeFacts> {
        self.inner.node_of(instance)
    }

    fn attachments_of(&self, node_eni: &str) -> Vec<Arc<NodeENIAttachment>> {
        self.inner.attachments_of(node_eni)
    }

    fn attachments_on(&self, instance: &InstanceId) -> Vec<Arc<NodeENIAttachment>> {
        self.inner.attachments_on(instance)
    }

    fn unreadable(&self) -> Vec<Arc<Unreadable>> {
        self.inner.unreadable()
    }

    async fn node_eni_exists(&self, name: &str) -> Done<bool> {
        self.inner.node_eni_exists(name).await
    }

    async fn latest(&self, slot: &NodeENIAttachment) -> Done<Option<NodeENIAttachment>> {
        self.inner.latest(slot).await
    }

    async fn add_finalizer(&self, node_eni: &NodeENI) -> Done<()> {
        let _turn = self.may_write().await?;
        self.inner.add_finalizer(node_eni).await
    }

    async fn remove_finalizer(&self, node_eni: &NodeENI) -> Done<()> {
        let _turn = self.may_write().await?;
        self.inner.remove_finalizer(node_eni).await
    }

    async fn create(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        let _turn = self.may_write().await?;
        self.inner.create(slot).await
    }

    async fn replace(&self, slot: &NodeENIAttachment) -> Done<NodeENIAttachment> {
        let _turn = self.may_write().await?;
        self.inner.replace(slot).await
    }

    async fn delete(&self, slot: &NodeENIAttachment) -> Done<()> {
        let _turn = self.may_write().await?;
        self.inner.delete(slot).await
    }

    async fn let_go(&self, slot: &NodeENIAttachment) -> Done<()> {
        let _turn = self.may_write().await?;
        self.inner.let_go(slot).await
    }

    async fn apply_status(
        &self,
        slot: &NodeENIAttachment,
        status: &NodeENIAttachmentStatus,
    ) -> Done<NodeENIAttachment> {
        let _turn = self.may_write().await?;
        self.inner.apply_status(slot, status).await
    }

    async fn apply_node_eni_status(&self, node_eni: &NodeENI, status: &NodeENIStatus) -> Done<()> {
        let _turn = self.may_write().await?;
        self.inner.apply_node_eni_status(node_eni, status).await
    }

    async fn mark_node(&self, node: &NodeFacts, has_enis: bool) -> Done<()> {
        let _turn = self.may_write().await?;
        self.inner.mark_node(node, has_enis).await
    }

    async fn cni_is_imds_only(&self) -> Done<bool> {
        self.inner.cni_is_imds_only().await
    }

    async fn tell(&self, node_eni: &str, event: Event) {
        if let Ok(_turn) = self.may_write().await {
            self.inner.tell(node_eni, event).await;
        }
    }

    async fn tell_of(&self, slot: &NodeENIAttachment, event: Event) {
        if let Ok(_turn) = self.may_write().await {
            self.inner.tell_of(slot, event).await;
        }
    }
}
