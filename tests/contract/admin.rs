//! What others than the operator do and see, in either Kubernetes.

use eni_operator::api::{NodeENI, NodeENIAttachment};
use eni_operator::cluster::Cluster;
use serde_json::Value;

/// A Kubernetes under test: the operator's port, and an administrator beside it.
pub trait World {
    /// The operator's port.
    type Port: Cluster;

    /// The port.
    fn port(&self) -> &Self::Port;

    /// Makes a `NodeENI`, as a user does.
    async fn make(&self, object: &NodeENI) -> NodeENI;

    /// A `NodeENI` as it is.
    async fn node_eni(&self, name: &str) -> Option<NodeENI>;

    /// A slot as it is.
    async fn slot(&self, name: &str) -> Option<NodeENIAttachment>;

    /// Deletes a `NodeENI`, as a user does.
    async fn delete_node_eni(&self, name: &str);

    /// Sets the finalizers of a slot, as some other controller does.
    async fn set_finalizers(&self, name: &str, finalizers: &[&str]);

    /// Sets the finalizers of a `NodeENI` likewise.
    async fn set_node_eni_finalizers(&self, name: &str, finalizers: &[&str]);

    /// Applies another manager's part of a slot's status.
    async fn apply_as(&self, name: &str, manager: &str, status: Value);

    /// Registers a node, with a label.
    async fn register(&self, name: &str, label: (&str, &str));

    /// The labels of a node.
    async fn labels(&self, name: &str) -> Vec<(String, String)>;

    /// The uid of a node.
    async fn node_uid(&self, name: &str) -> String;
}
