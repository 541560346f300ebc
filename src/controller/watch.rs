//! Watches: they keep the snapshot, and wake the passes that what they see concerns.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use futures::channel::mpsc::UnboundedSender;
use futures::{Stream, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Error as WatchError};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch as flag;

use super::Stage;
use crate::api::{NodeENI, NodeENIAttachment};
use crate::cluster::Sight;
use crate::cluster::node::SlimNode;
use crate::cluster::snapshot::Snapshot;
use crate::model::InstanceId;
use crate::plan::node::NodeFacts;

/// Who to wake.
#[derive(Clone)]
pub(super) struct Wakes {
    /// Passes over `NodeENI`s, by name.
    pub(super) node_enis: UnboundedSender<String>,
    /// Passes over instances.
    pub(super) instances: UnboundedSender<InstanceId>,
}

/// Keeps the snapshot and wakes passes.
pub(super) struct Watches {
    client: Client,
    snapshot: Arc<RwLock<Snapshot>>,
    wakes: Wakes,
}

impl Watches {
    pub(super) fn new(client: Client, snapshot: Arc<RwLock<Snapshot>>, wakes: Wakes) -> Self {
        Self { client, snapshot, wakes }
    }

    /// Watches for ever, and says when everything has been seen once.
    pub(super) async fn run(&self, stage: flag::Sender<Stage>) {
        let left = std::sync::atomic::AtomicUsize::new(3);
        let first = || {
            if left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1 {
                stage.send_replace(Stage::Leading);
            }
        };
        futures::join!(
            self.follow(self.stream::<DeserializeGuard<NodeENI>>(), &first, |one| self.node_eni(one)),
            self.follow(self.stream::<SlimNode>(), &first, |one| self.node(one)),
            self.follow(self.stream::<DeserializeGuard<NodeENIAttachment>>(), &first, |one| self
                .attachment(one)),
        );
    }

    /// A watch of one kind, without what nobody reads.
    fn stream<K>(&self) -> impl Stream<Item = Result<Event<K>, WatchError>> + use<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>,
        K: Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let api = Api::<K>::all(self.client.clone());
        watcher(api, watcher::Config::default()).default_backoff().modify(|object| {
            object.meta_mut().managed_fields = None;
        })
    }

    /// Takes in one watch's events.
    async fn follow<K: ResourceExt>(
        &self,
        events: impl Stream<Item = Result<Event<K>, WatchError>>,
        first: &impl Fn(),
        take: impl Fn(Change<K>),
    ) {
        let mut events = std::pin::pin!(events);
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut listed: BTreeSet<String> = BTreeSet::new();
        let mut synced = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    listed.insert(object.name_any());
                    take(Change::Seen(object));
                }
                Ok(Event::InitDone) => {
                    for name in known.difference(&listed) {
                        take(Change::Gone(name.clone()));
                    }
                    known = std::mem::take(&mut listed);
                    if !std::mem::replace(&mut synced, true) {
                        first();
                    }
                }
                Ok(Event::Apply(object)) => {
                    known.insert(object.name_any());
                    take(Change::Seen(object));
                }
                Ok(Event::Delete(object)) => {
                    known.remove(&object.name_any());
                    take(Change::Gone(object.name_any()));
                }
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "watch interrupted"),
            }
        }
    }

    fn snapshot(&self) -> RwLockWriteGuard<'_, Snapshot> {
        self.snapshot.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_node_eni(&self, name: &str) {
        // A queue that has ended needs no waking.
        let _ = self.wakes.node_enis.unbounded_send(name.to_owned());
    }

    fn wake_instance(&self, id: &str) {
        if let Ok(id) = id.parse() {
            let _ = self.wakes.instances.unbounded_send(id);
        }
    }

    /// A `NodeENI` changed: it wakes its pass, and its slots' when it comes or goes.
    fn node_eni(&self, change: Change<DeserializeGuard<NodeENI>>) {
        let (name, sight) = match change {
            Change::Gone(name) => (name, None),
            Change::Seen(object) => (object.name_any(), Some(sight(object))),
        };
        let slots = {
            let mut snapshot = self.snapshot();
            let was_there = alive(snapshot.node_eni(&name).as_ref());
            let is_there = alive(sight.as_ref());
            snapshot.set_node_eni(&name, sight);
            if was_there == is_there { vec![] } else { snapshot.attachments_of(&name) }
        };
        for slot in slots {
            self.wake_instance(&slot.spec.instance_id);
        }
        self.wake_node_eni(&name);
    }

    /// A node changed: if that is of any consequence, it wakes the `NodeENI`s that selected it or do so now.
    fn node(&self, change: Change<SlimNode>) {
        let (name, facts) = match change {
            Change::Gone(name) => (name, None),
            Change::Seen(node) => (node.name_any(), Some(node.facts())),
        };
        let mut snapshot = self.snapshot();
        let before = snapshot.set_node(&name, facts.clone());
        if before == facts {
            return;
        }
        let both = || before.iter().chain(facts.iter());
        let concerned: Vec<String> = snapshot
            .node_enis()
            .filter(|(_, sight)| both().any(|node| selects(sight, node)))
            .map(|(name, _)| name.clone())
            .collect();
        drop(snapshot);
        for id in both().filter_map(|node| node.instance().ok()).collect::<BTreeSet<_>>() {
            self.wake_instance(id.as_str());
        }
        for name in concerned {
            self.wake_node_eni(&name);
        }
    }

    /// A slot's object changed: it wakes its instance's pass and its `NodeENI`'s.
    fn attachment(&self, change: Change<DeserializeGuard<NodeENIAttachment>>) {
        let (name, object) = match change {
            Change::Gone(name) => (name, None),
            Change::Seen(DeserializeGuard(Ok(object))) => (object.name_any(), Some(Arc::new(object))),
            Change::Seen(DeserializeGuard(Err(invalid))) => {
                // It stays as it was last read: absent it is not.
                let name = invalid.metadata.name.clone().unwrap_or_default();
                tracing::error!(attachment = name, error = %invalid, "object cannot be read");
                return;
            }
        };
        let before = self.snapshot().set_attachment(&name, object.clone());
        for slot in before.iter().chain(object.iter()) {
            self.wake_instance(&slot.spec.instance_id);
            self.wake_node_eni(&slot.spec.node_eni);
        }
    }
}

/// What a watch saw.
enum Change<K> {
    Seen(K),
    Gone(String),
}

/// A `NodeENI` as it was seen.
fn sight(DeserializeGuard(result): DeserializeGuard<NodeENI>) -> Sight {
    match result {
        Ok(object) => Sight::Seen(Arc::new(object)),
        Err(invalid) => {
            let why = invalid.error.clone();
            let object = NodeENI { metadata: invalid.metadata, ..NodeENI::default() };
            Sight::Undecodable(Arc::new(object), why)
        }
    }
}

/// Whether a `NodeENI` is there and not being deleted.
fn alive(sight: Option<&Sight>) -> bool {
    sight.is_some_and(|sight| match sight {
        Sight::Seen(object) | Sight::Undecodable(object, _) => object.metadata.deletion_timestamp.is_none(),
    })
}

/// Whether a `NodeENI` selects a node. One that cannot be read might.
fn selects(sight: &Sight, node: &NodeFacts) -> bool {
    match sight {
        Sight::Seen(object) => object.spec.selects(&node.labels),
        Sight::Undecodable(..) => true,
    }
}

#[cfg(test)]
mod tests;
