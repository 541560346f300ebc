//! The in-memory Kubernetes.

use std::sync::{Arc, Mutex};

use eni_operator::api::{NodeENI, NodeENIAttachment};
use eni_operator::cluster::node::SlimNode;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::admin::World;
use crate::cases;
use crate::cluster::{MemoryCluster, Store, lock};
use crate::gate::Gate;

struct Memory(MemoryCluster);

impl Memory {
    fn new() -> Self {
        let store = Store::new(Timestamp::from_second(1_767_225_600).unwrap());
        Self(MemoryCluster::new(Arc::new(Mutex::new(store)), Gate::default()))
    }
}

impl World for Memory {
    type Port = MemoryCluster;

    fn port(&self) -> &MemoryCluster {
        &self.0
    }

    async fn make(&self, object: &NodeENI) -> NodeENI {
        lock(&self.0.store).create(object).unwrap()
    }

    async fn node_eni(&self, name: &str) -> Option<NodeENI> {
        lock(&self.0.store).get::<NodeENI>(name).map(|one| one.as_ref().clone())
    }

    async fn slot(&self, name: &str) -> Option<NodeENIAttachment> {
        lock(&self.0.store).get::<NodeENIAttachment>(name).map(|one| one.as_ref().clone())
    }

    async fn delete_node_eni(&self, name: &str) {
        lock(&self.0.store).delete::<NodeENI>(name, None).unwrap();
    }

    async fn set_finalizers(&self, name: &str, finalizers: &[&str]) {
        let object = self.slot(name).await.unwrap();
        let finalizers = finalizers.iter().map(|&one| one.to_owned()).collect();
        lock(&self.0.store).set_finalizers(&object, finalizers).unwrap();
    }

    async fn set_node_eni_finalizers(&self, name: &str, finalizers: &[&str]) {
        let object = self.node_eni(name).await.unwrap();
        let finalizers = finalizers.iter().map(|&one| one.to_owned()).collect();
        lock(&self.0.store).set_finalizers(&object, finalizers).unwrap();
    }

    async fn apply_as(&self, name: &str, manager: &str, status: Value) {
        let mut meta = self.slot(name).await.unwrap().metadata;
        meta.resource_version = None;
        lock(&self.0.store).apply_status::<NodeENIAttachment>(&meta, manager, &status).unwrap();
    }

    async fn register(&self, name: &str, label: (&str, &str)) {
        let mut node = SlimNode::default();
        node.metadata.labels = Some([(label.0.to_owned(), label.1.to_owned())].into());
        lock(&self.0.store).set_node(name, Some(node));
    }

    async fn node_uid(&self, name: &str) -> String {
        lock(&self.0.store).node(name).unwrap().metadata.uid.clone().unwrap()
    }

    async fn labels(&self, name: &str) -> Vec<(String, String)> {
        let store = lock(&self.0.store);
        store.node(name).unwrap().metadata.labels.clone().unwrap_or_default().into_iter().collect()
    }
}

/// The suite against the in-memory Kubernetes.
#[tokio::test]
async fn the_in_memory_cluster_keeps_the_contract() {
    cases::all(&Memory::new()).await;
}
