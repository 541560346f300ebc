//! Watches: they keep the snapshot, and wake the passes that what they see concerns.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use futures::channel::mpsc::UnboundedSender;
use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Error as WatchError};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch as flag;

use super::Stage;
use super::queue::Wake;
use crate::api::{HostStatus, NodeENI, NodeENIAttachment};
use crate::cluster::guard::Guarded;
use crate::cluster::node::SlimNode;
use crate::cluster::snapshot::Snapshot;
use crate::cluster::{Sight, Unreadable, WATCH_SECONDS};
use crate::model::InstanceId;
use crate::plan::node::NodeFacts;

/// Who to wake.
#[derive(Clone)]
pub(super) struct Wakes {
    /// Passes over `NodeENI`s, by name.
    pub(super) node_enis: UnboundedSender<Wake<String>>,
    /// Passes over instances.
    pub(super) instances: UnboundedSender<Wake<InstanceId>>,
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
            self.follow(self.stream::<Guarded<NodeENI>>(), &first, |one| self.node_eni(one)),
            self.follow(self.stream::<SlimNode>(), &first, |one| self.node(one)),
            self.follow(self.stream::<Guarded<NodeENIAttachment>>(), &first, |one| self.attachment(one)),
        );
    }

    /// A watch of one kind, without what nobody reads.
    fn stream<K>(&self) -> impl Stream<Item = Result<Event<K>, WatchError>> + use<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>,
        K: Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let api = Api::<K>::all(self.client.clone());
        watcher(api, watcher::Config::default().timeout(WATCH_SECONDS)).default_backoff().modify(|object| {
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

    fn wake_node_eni(&self, name: &str, news: bool) {
        // A queue that has ended needs no waking.
        let _ = self.wakes.node_enis.unbounded_send(Wake { key: name.to_owned(), news });
    }

    fn wake_instance(&self, id: &str, news: bool) {
        if let Ok(key) = id.parse() {
            let _ = self.wakes.instances.unbounded_send(Wake { key, news });
        }
    }

    /// A `NodeENI` changed: it wakes its pass, and its slots' when it comes or goes.
    fn node_eni(&self, change: Change<Guarded<NodeENI>>) {
        let (name, sight) = match change {
            Change::Gone(name) => (name, None),
            Change::Seen(object) => (object.name_any(), Some(object.sight())),
        };
        let (slots, news) = {
            let mut snapshot = self.snapshot();
            let before = snapshot.node_eni(&name);
            let news = intent(before.as_ref()) != intent(sight.as_ref());
            let comes_or_goes = alive(before.as_ref()) != alive(sight.as_ref());
            snapshot.set_node_eni(&name, sight);
            (if comes_or_goes { snapshot.attachments_of(&name) } else { vec![] }, news)
        };
        for slot in slots {
            self.wake_instance(&slot.spec.instance_id, true);
        }
        self.wake_node_eni(&name, news);
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
            self.wake_instance(id.as_str(), true);
        }
        for name in concerned {
            self.wake_node_eni(&name, true);
        }
    }

    /// A slot's object changed: it wakes its instance's pass and its `NodeENI`'s.
    fn attachment(&self, change: Change<Guarded<NodeENIAttachment>>) {
        let (name, object) = match change {
            Change::Gone(name) => (name, None),
            Change::Seen(object) => match object.readable() {
                Ok(object) => (object.name_any(), Some(Arc::new(object))),
                Err(unreadable) => return self.unreadable(unreadable),
            },
        };
        let (before, unreadable) = {
            let mut snapshot = self.snapshot();
            let unreadable = snapshot.unreadable_named(&name);
            (snapshot.set_attachment(&name, object.clone()), unreadable)
        };
        let news = wanted(before.as_deref()) != wanted(object.as_deref());
        for slot in before.iter().chain(object.iter()) {
            self.wake_instance(&slot.spec.instance_id, news);
            self.wake_node_eni(&slot.spec.node_eni, false);
        }
        if let Some(known) = unreadable {
            self.wake_instance(&known.instance, true);
            self.wake_node_eni(&known.node_eni, true);
        }
    }

    /// A slot's object cannot be read. It is there all the same.
    fn unreadable(&self, object: Unreadable) {
        let (name, node_eni) = (object.name.clone(), object.node_eni.clone());
        let instance = object.instance.clone();
        let mut snapshot = self.snapshot();
        if snapshot.unreadable_named(&name).is_some_and(|known| *known == object) {
            return;
        }
        tracing::error!(attachment = name, nodeeni = node_eni, error = object.why, "object cannot be read");
        let before = snapshot.set_unreadable(object);
        drop(snapshot);
        if let Some(slot) = before {
            self.wake_instance(&slot.spec.instance_id, true);
            self.wake_node_eni(&slot.spec.node_eni, true);
        }
        self.wake_instance(&instance, true);
        self.wake_node_eni(&node_eni, true);
    }
}

/// What a watch saw.
enum Change<K> {
    Seen(K),
    Gone(String),
}

/// What is wanted of a `NodeENI`, as far as it can be told from outside: our own writes of its status do not
/// change that.
fn intent(sight: Option<&Sight>) -> Option<(Option<String>, Option<i64>, bool)> {
    let meta = match sight? {
        Sight::Seen(object) | Sight::Undecodable(object, _) => &object.metadata,
    };
    Some((meta.uid.clone(), meta.generation, meta.deletion_timestamp.is_some()))
}

/// What is wanted of a slot, likewise; what its agent says counts too, since it is not ours.
fn wanted(slot: Option<&NodeENIAttachment>) -> Option<(Option<&String>, Option<i64>, Option<&HostStatus>)> {
    let slot = slot?;
    let host = slot.status.as_ref().and_then(|status| status.host.as_ref());
    Some((slot.metadata.uid.as_ref(), slot.metadata.generation, host))
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
