//! A real kube-apiserver, through the operator's own adapter.

use eni_operator::api::{NodeENI, NodeENIAttachment};
use eni_operator::cluster::KubeCluster;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::{Value, json};
use xtask::testbed::Testbed;

use crate::admin::World;
use crate::cases;

struct Real {
    client: Client,
    port: KubeCluster,
}

impl Real {
    async fn finalizers<K>(&self, name: &str, finalizers: &[&str])
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
        let api = Api::<K>::all(self.client.clone());
        api.patch_metadata(name, &PatchParams::default(), &patch).await.unwrap();
    }
}

impl World for Real {
    type Port = KubeCluster;

    fn port(&self) -> &KubeCluster {
        &self.port
    }

    async fn make(&self, object: &NodeENI) -> NodeENI {
        Api::all(self.client.clone()).create(&PostParams::default(), object).await.unwrap()
    }

    async fn node_eni(&self, name: &str) -> Option<NodeENI> {
        Api::all(self.client.clone()).get_opt(name).await.unwrap()
    }

    async fn slot(&self, name: &str) -> Option<NodeENIAttachment> {
        Api::all(self.client.clone()).get_opt(name).await.unwrap()
    }

    async fn delete_node_eni(&self, name: &str) {
        Api::<NodeENI>::all(self.client.clone()).delete(name, &DeleteParams::default()).await.unwrap();
    }

    async fn set_finalizers(&self, name: &str, finalizers: &[&str]) {
        self.finalizers::<NodeENIAttachment>(name, finalizers).await;
    }

    async fn set_node_eni_finalizers(&self, name: &str, finalizers: &[&str]) {
        self.finalizers::<NodeENI>(name, finalizers).await;
    }

    async fn apply_as(&self, name: &str, manager: &str, status: Value) {
        let patch = Patch::Apply(json!({
            "apiVersion": NodeENIAttachment::api_version(&()),
            "kind": NodeENIAttachment::kind(&()),
            "metadata": { "name": name },
            "status": status,
        }));
        let api = Api::<NodeENIAttachment>::all(self.client.clone());
        api.patch_status(name, &PatchParams::apply(manager).force(), &patch).await.unwrap();
    }

    async fn register(&self, name: &str, label: (&str, &str)) {
        let node: Node =
            serde_json::from_value(json!({ "metadata": { "name": name, "labels": { label.0: label.1 } } }))
                .unwrap();
        Api::<Node>::all(self.client.clone()).create(&PostParams::default(), &node).await.unwrap();
    }

    async fn labels(&self, name: &str) -> Vec<(String, String)> {
        let node = Api::<Node>::all(self.client.clone()).get(name).await.unwrap();
        node.metadata.labels.unwrap_or_default().into_iter().collect()
    }
}

/// The suite against a real kube-apiserver.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_keeps_the_contract() {
    if !Testbed::obtainable().unwrap() {
        return;
    }
    let client = Testbed::shared().unwrap().kube_client().unwrap();
    let port = KubeCluster::new(client.clone(), std::sync::Arc::default());
    cases::all(&Real { client, port }).await;
}
