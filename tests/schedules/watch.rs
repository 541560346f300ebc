//! The watches: they keep the snapshot and wake passes as `controller/watch.rs` does, but late.

use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use eni_operator::cluster::Sight;
use eni_operator::cluster::node::SlimNode;
use eni_operator::cluster::snapshot::Snapshot;
use eni_operator::plan::node::NodeFacts;

use crate::cluster::{Change, Store};
use crate::key::Key;

/// What each watch has not brought yet, in order.
#[derive(Debug, Clone, Default)]
pub struct Watches {
    pending: [VecDeque<Change>; 3],
}

fn write(snapshot: &RwLock<Snapshot>) -> RwLockWriteGuard<'_, Snapshot> {
    snapshot.write().unwrap_or_else(PoisonError::into_inner)
}

impl Watches {
    /// Takes over what the store has to tell.
    pub fn take(&mut self, store: &mut Store) {
        for change in store.changes.drain(..) {
            let kind = match change {
                Change::NodeEni(..) => 0,
                Change::Node(..) => 1,
                Change::Attachment(..) => 2,
            };
            self.pending[kind].push_back(change);
        }
    }

    /// The kinds that have something to bring.
    pub fn kinds(&self) -> Vec<usize> {
        (0..3).filter(|kind| !self.pending[*kind].is_empty()).collect()
    }

    /// Brings the next change of a kind. Returns whom it wakes.
    pub fn deliver(&mut self, kind: usize, snapshot: &RwLock<Snapshot>) -> Vec<Key> {
        self.pending[kind].pop_front().map(|change| take_in(change, snapshot)).unwrap_or_default()
    }

    /// Lists everything anew, as a new process does. Returns whom that wakes.
    pub fn relist(&mut self, store: &mut Store, snapshot: &RwLock<Snapshot>) -> Vec<Key> {
        store.changes.clear();
        *self = Self::default();
        *write(snapshot) = Snapshot::default();
        let node_enis: Vec<Change> =
            store.node_enis().map(|one| Change::NodeEni(name(&one.metadata), Some(one.clone()))).collect();
        let nodes: Vec<Change> =
            store.nodes().map(|one| Change::Node(name(&one.metadata), Some(one.clone()))).collect();
        let attachments: Vec<Change> = store
            .attachments()
            .map(|one| Change::Attachment(name(&one.metadata), Some(one.clone())))
            .collect();
        let all = node_enis.into_iter().chain(nodes).chain(attachments);
        all.flat_map(|change| take_in(change, snapshot)).collect()
    }
}

fn name(meta: &kube::core::ObjectMeta) -> String {
    meta.name.clone().unwrap_or_default()
}

fn take_in(change: Change, snapshot: &RwLock<Snapshot>) -> Vec<Key> {
    let mut snapshot = write(snapshot);
    match change {
        Change::NodeEni(name, object) => {
            let sight = object.map(Sight::Seen);
            let before = alive(snapshot.node_eni(&name).as_ref());
            let now = alive(sight.as_ref());
            snapshot.set_node_eni(&name, sight);
            let slots = if before == now { vec![] } else { snapshot.attachments_of(&name) };
            let instances = slots.iter().filter_map(|slot| slot.spec.instance_id.parse().ok());
            instances.map(Key::Instance).chain([Key::NodeEni(name)]).collect()
        }
        Change::Node(name, node) => {
            node_seen(&mut snapshot, &name, node.as_deref().map(SlimNode::facts).as_ref())
        }
        Change::Attachment(name, object) => {
            let before = snapshot.set_attachment(&name, object.clone());
            let both = before.iter().chain(object.iter());
            both.flat_map(|slot| {
                let instance = slot.spec.instance_id.parse().ok().map(Key::Instance);
                instance.into_iter().chain([Key::NodeEni(slot.spec.node_eni.clone())])
            })
            .collect()
        }
    }
}

fn node_seen(snapshot: &mut Snapshot, name: &str, facts: Option<&NodeFacts>) -> Vec<Key> {
    let before = snapshot.set_node(name, facts.cloned());
    if before.as_ref() == facts {
        return vec![];
    }
    let both: Vec<&NodeFacts> = before.iter().chain(facts).collect();
    let selects = |sight: &Sight| match sight {
        Sight::Seen(object) => both.iter().any(|node| object.spec.selects(&node.labels)),
        Sight::Undecodable(..) => true,
    };
    let concerned = snapshot.node_enis().filter(|(_, sight)| selects(sight));
    let concerned = concerned.map(|(name, _)| Key::NodeEni(name.clone()));
    let instances = both.iter().filter_map(|node| node.instance().ok()).map(Key::Instance);
    concerned.chain(instances).collect()
}

fn alive(sight: Option<&Sight>) -> bool {
    sight.is_some_and(|sight| match sight {
        Sight::Seen(object) | Sight::Undecodable(object, _) => object.metadata.deletion_timestamp.is_none(),
    })
}
