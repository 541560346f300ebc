//! Kubernetes, in our words: the port that the controller's passes work through.
//!
//! Reads are a snapshot, kept by watches, that may be behind. Writes are single requests: none of them
//! retries, waits or decides. Each is fenced by what its caller saw, a `resourceVersion` or a uid, so that
//! a stale snapshot or an old leader cannot undo what others did.

mod events;
mod fence;
pub mod guard;
mod kube;
pub mod node;
mod own;
mod request;
pub mod snapshot;

use std::{future::Future, sync::Arc};

pub use self::kube::KubeCluster;
pub use self::own::{KubeOwnSlots, OWN_WATCH_SECONDS, OwnSlots, Slots};
pub use self::request::{REQUEST_TIMEOUT, WATCH_SECONDS, connect};

use k8s_openapi::jiff::SignedDuration;

use crate::api::{NodeENI, NodeENIAttachment, NodeENIAttachmentStatus, NodeENIStatus};
use crate::model::{InstanceId, Slot};
use crate::plan::{events::Event, node::NodeFacts};

/// What the controller needs of Kubernetes.
pub trait Cluster: Send + Sync + 'static {
    /// A `NodeENI`, as last seen.
    fn node_eni(&self, name: &str) -> Option<Sight>;

    /// The names of all `NodeENI`s, as last seen, those that cannot be read included.
    fn node_eni_names(&self) -> Vec<String>;

    /// All slots, as last seen, by name.
    fn attachments(&self) -> Vec<Arc<NodeENIAttachment>>;

    /// All nodes, as last seen, by name.
    fn nodes(&self) -> Vec<NodeFacts>;

    /// The node of an instance, as last seen.
    fn node_of(&self, instance: &InstanceId) -> Option<NodeFacts>;

    /// The slots of a `NodeENI`, as last seen, by name.
    fn attachments_of(&self, node_eni: &str) -> Vec<Arc<NodeENIAttachment>>;

    /// The slots of an instance, as last seen, by name.
    fn attachments_on(&self, instance: &InstanceId) -> Vec<Arc<NodeENIAttachment>>;

    /// The objects of slots that are there and cannot be read, as last seen, by name.
    fn unreadable(&self) -> Vec<Arc<Unreadable>>;

    /// Whether a `NodeENI` exists, by asking.
    fn node_eni_exists(&self, name: &str) -> impl Future<Output = Done<bool>> + Send;

    /// A slot's object as it is now, by asking; none if it is gone, or is another one of the same name.
    fn latest(
        &self,
        slot: &NodeENIAttachment,
    ) -> impl Future<Output = Done<Option<NodeENIAttachment>>> + Send;

    /// Puts our finalizer on a `NodeENI`.
    fn add_finalizer(&self, node_eni: &NodeENI) -> impl Future<Output = Done<()>> + Send;

    /// Takes our finalizer off a `NodeENI`. One that is gone already is success.
    fn remove_finalizer(&self, node_eni: &NodeENI) -> impl Future<Output = Done<()>> + Send;

    /// Makes a slot's object.
    fn create(&self, slot: &NodeENIAttachment) -> impl Future<Output = Done<NodeENIAttachment>> + Send;

    /// Replaces a slot's spec.
    fn replace(&self, slot: &NodeENIAttachment) -> impl Future<Output = Done<NodeENIAttachment>> + Send;

    /// Deletes a slot's object, which stays until its finalizer is off. One that is gone already is success.
    fn delete(&self, slot: &NodeENIAttachment) -> impl Future<Output = Done<()>> + Send;

    /// Takes our finalizer off a slot's object. One that is gone already is success.
    fn let_go(&self, slot: &NodeENIAttachment) -> impl Future<Output = Done<()>> + Send;

    /// Applies the controller's part of a slot's status, and returns the slot as it is then.
    fn apply_status(
        &self,
        slot: &NodeENIAttachment,
        status: &NodeENIAttachmentStatus,
    ) -> impl Future<Output = Done<NodeENIAttachment>> + Send;

    /// Applies the status of a `NodeENI`.
    fn apply_node_eni_status(
        &self,
        node_eni: &NodeENI,
        status: &NodeENIStatus,
    ) -> impl Future<Output = Done<()>> + Send;

    /// Labels a node as one that has ENIs of ours, or takes the label off. A node that is gone is success;
    /// another one under its name is refused.
    fn mark_node(&self, node: &NodeFacts, has_enis: bool) -> impl Future<Output = Done<()>> + Send;

    /// Whether the VPC CNI asks the instances' metadata service alone, by asking. No VPC CNI is none that does.
    fn cni_is_imds_only(&self) -> impl Future<Output = Done<bool>> + Send;

    /// Tells a person something about a `NodeENI`. Nothing depends on it, so nothing is said of a failure.
    fn tell(&self, node_eni: &str, event: Event) -> impl Future<Output = ()> + Send;

    /// Tells a person something about a slot, among the events of its `NodeENI`.
    fn tell_of(&self, slot: &NodeENIAttachment, event: Event) -> impl Future<Output = ()> + Send;
}

/// A `NodeENI` as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// This.
    Seen(Arc<NodeENI>),
    /// What can be read of one that cannot be read as a whole, and why. It is there all the same.
    Undecodable(Arc<NodeENI>, String),
}

/// A slot's object that is there and cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub name: String,
    /// The `NodeENI` that it says it is of.
    pub node_eni: String,
    /// The instance that it says it is of; empty if it does not say.
    pub instance: String,
    /// The subnet that it says it is of; empty if it does not say.
    pub subnet: String,
    /// Why it cannot be read.
    pub why: String,
}

impl Unreadable {
    /// The slot that it says it is of.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        let (instance, subnet) = (self.instance.parse().ok()?, self.subnet.parse().ok()?);
        Some(Slot { node_eni: self.node_eni.clone(), instance, subnet })
    }
}

/// What a request gave.
pub type Done<T> = Result<T, ClusterError>;

/// A request to Kubernetes failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {message}")]
pub struct ClusterError {
    /// What was being done, to what.
    pub doing: String,
    /// What the failure means.
    pub kind: ClusterErrorKind,
    /// The API server's words.
    pub message: String,
    /// How long the API server asks to be left alone.
    pub retry_after: Option<SignedDuration>,
}

/// What a failed request means to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterErrorKind {
    /// Somebody else changed the object, or made it. Look again.
    Conflict,
    /// The object is gone, or is another one of the same name.
    Gone,
    /// No answer, or one that says to come back. The request may have taken effect.
    Retry,
    /// The API server does not take it. Only a person can help.
    Refused,
}
