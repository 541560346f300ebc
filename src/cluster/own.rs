//! A node's own slots: the port that its agent works through, and the real Kubernetes behind it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event as WatchEvent, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::watch;

use super::Done;
use super::events::EventLog;
use super::guard::Guarded;
use super::request::answered;
use crate::api::{NODE_AGENT_MANAGER, NodeENIAttachment, NodeENIAttachmentStatus};
use crate::plan::events::Event;

/// When the API server ends the watch of an agent, in seconds.
///
/// Longer than the controller's, since there is one such watch for each node; and shorter than the silence
/// after which a connection is given up.
pub const OWN_WATCH_SECONDS: u32 = 240;

/// Who writes the agent's events.
const REPORTER: &str = "eni-operator-node-agent";

/// A node's slots, by name, as last seen.
pub type Slots = BTreeMap<String, Arc<NodeENIAttachment>>;

/// What a node's agent needs of Kubernetes.
pub trait OwnSlots: Send + Sync + 'static {
    /// The node's slots as last seen, and all further ones; none before they were first listed.
    fn seen(&self) -> watch::Receiver<Option<Slots>>;

    /// Applies the agent's part of a slot's status.
    fn apply_status(
        &self,
        slot: &NodeENIAttachment,
        status: &NodeENIAttachmentStatus,
    ) -> impl Future<Output = Done<()>> + Send;

    /// Tells a person something about a slot. Nothing depends on it, so nothing is said of a failure.
    fn tell(&self, slot: &NodeENIAttachment, event: Event) -> impl Future<Output = ()> + Send;
}

/// The real Kubernetes, seen by a node.
pub struct KubeOwnSlots {
    client: Client,
    node: String,
    events: EventLog,
    slots: watch::Sender<Option<Slots>>,
}

impl KubeOwnSlots {
    /// The slots of a node.
    #[must_use]
    pub fn new(client: Client, node: &str) -> Self {
        let events = EventLog::new(client.clone(), REPORTER);
        Self { client, node: node.to_owned(), events, slots: watch::channel(None).0 }
    }

    fn api<K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    /// Watches for ever.
    pub async fn watch(&self) {
        let config = watcher::Config::default()
            .fields(&format!("spec.nodeName={}", self.node))
            .timeout(OWN_WATCH_SECONDS);
        let events = watcher(self.api::<Guarded<NodeENIAttachment>>(), config).default_backoff();
        let mut events = std::pin::pin!(events);
        let mut listed = Slots::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(WatchEvent::Init) => listed.clear(),
                Ok(WatchEvent::InitApply(object)) => put(&mut listed, object),
                Ok(WatchEvent::InitDone) => {
                    let all = std::mem::take(&mut listed);
                    self.change(|slots| *slots = all);
                }
                Ok(WatchEvent::Apply(object)) => self.change(|slots| put(slots, object)),
                Ok(WatchEvent::Delete(object)) => self.change(|slots| {
                    slots.remove(&object.name_any());
                }),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "watch interrupted");
                }
            }
        }
    }

    /// Changes what is seen, and wakes who looks at it if it is changed.
    fn change(&self, change: impl FnOnce(&mut Slots)) {
        self.slots.send_if_modified(|seen| {
            let before = seen.clone();
            change(seen.get_or_insert_default());
            *seen != before
        });
    }
}

/// Puts an object among the slots. One that cannot be read is none, and its device is left alone.
fn put(slots: &mut Slots, object: Guarded<NodeENIAttachment>) {
    let name = object.name_any();
    match object.readable() {
        Ok(mut object) => {
            object.metadata.managed_fields = None;
            slots.insert(name, Arc::new(object));
        }
        Err(unreadable) => {
            tracing::error!(attachment = name, error = unreadable.why, "object cannot be read");
            slots.remove(&name);
        }
    }
}

impl OwnSlots for KubeOwnSlots {
    fn seen(&self) -> watch::Receiver<Option<Slots>> {
        self.slots.subscribe()
    }

    async fn apply_status(&self, slot: &NodeENIAttachment, status: &NodeENIAttachmentStatus) -> Done<()> {
        let name = slot.name_any();
        let patch = Patch::Apply(json!({
            "apiVersion": NodeENIAttachment::api_version(&()),
            "kind": NodeENIAttachment::kind(&()),
            "metadata": {
                "name": name, "uid": slot.uid(), "resourceVersion": slot.resource_version(),
            },
            "status": status,
        }));
        let params = PatchParams::apply(NODE_AGENT_MANAGER).force();
        let api = self.api::<NodeENIAttachment>();
        let mut written = answered(
            "writing the status of NodeENIAttachment",
            &name,
            api.patch_status(&name, &params, &patch),
        )
        .await?;
        written.metadata.managed_fields = None;
        self.change(|slots| {
            // The watch may have seen a newer one already; then it has seen this too.
            let is_as_seen =
                |seen: &Arc<NodeENIAttachment>| seen.resource_version() == slot.resource_version();
            if slots.get(&name).is_some_and(is_as_seen) {
                slots.insert(name.clone(), Arc::new(written));
            }
        });
        Ok(())
    }

    async fn tell(&self, slot: &NodeENIAttachment, event: Event) {
        let about = ObjectReference {
            api_version: Some(NodeENIAttachment::api_version(&()).into_owned()),
            kind: Some(NodeENIAttachment::kind(&()).into_owned()),
            name: slot.metadata.name.clone(),
            uid: slot.uid(),
            ..ObjectReference::default()
        };
        if let Err(error) = self.events.write(&about, None, &event).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "event not written");
        }
    }
}
