//! A real kube-apiserver, through the operator's own adapter.

use eni_operator::api::{NodeENI, NodeENIAttachment};
use eni_operator::cluster::snapshot::Snapshot;
use eni_operator::cluster::{Cluster, KubeCluster, Sight};
use eni_operator::plan::events::Event;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::events::v1::Event as KubeEvent;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
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

    async fn node_uid(&self, name: &str) -> String {
        Api::<Node>::all(self.client.clone()).get(name).await.unwrap().metadata.uid.unwrap()
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

/// The notes of the events about a `NodeENI`, with the names of the slots that they concern.
async fn notes(client: &Client, about: &str) -> Vec<(String, String)> {
    let events: Api<KubeEvent> = Api::namespaced(client.clone(), "default");
    let all = events.list(&ListParams::default()).await.unwrap().items;
    let ours = all
        .into_iter()
        .filter(|event| event.regarding.clone().and_then(|one| one.name).as_deref() == Some(about));
    let mut notes: Vec<_> = ours
        .map(|event| {
            (event.related.and_then(|one| one.name).unwrap_or_default(), event.note.unwrap_or_default())
        })
        .collect();
    notes.sort();
    notes
}

#[tokio::test(flavor = "multi_thread")]
async fn two_slots_events_of_one_reason_are_both_seen_and_a_long_note_is_taken() {
    if !Testbed::obtainable().unwrap() {
        return;
    }
    let client = Testbed::shared().unwrap().kube_client().unwrap();
    let mut node_eni = NodeENI::default();
    node_eni.metadata.name = Some("told".to_owned());
    node_eni.metadata.uid = Some("00000000-0000-4000-8000-000000000001".to_owned());
    let mut snapshot = Snapshot::default();
    snapshot.set_node_eni("told", Some(Sight::Seen(node_eni.into())));
    let port = KubeCluster::new(client.clone(), std::sync::Arc::new(snapshot.into()));
    let event =
        |message: &str| Event { warning: true, reason: "ENICreationFailed", message: message.to_owned() };
    for (name, message) in [("a", "node a: full"), ("b", "node b: full"), ("a", "node a: full")] {
        let mut slot = NodeENIAttachment::default();
        slot.metadata.name = Some(name.to_owned());
        slot.metadata.uid = Some(format!("00000000-0000-4000-8000-0000000000{name}0"));
        slot.spec.node_eni = "told".to_owned();
        port.tell_of(&slot, event(message)).await;
    }
    let long = "é".repeat(600);
    port.tell("told", event(&long)).await;
    let expected = [("", &long[..1024]), ("a", "node a: full"), ("b", "node b: full")];
    let expected = expected.map(|(name, note)| (name.to_owned(), note.to_owned()));
    assert_eq!(notes(&client, "told").await, expected);
}
