//! What was last seen of the cluster, indexed by what the passes ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Sight, Unreadable};
use crate::api::NodeENIAttachment;
use crate::model::InstanceId;
use crate::plan::node::NodeFacts;

/// What was last seen of the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    node_enis: BTreeMap<String, Sight>,
    nodes: BTreeMap<String, NodeFacts>,
    by_instance: BTreeMap<InstanceId, String>,
    attachments: BTreeMap<String, Arc<NodeENIAttachment>>,
    unreadable: BTreeMap<String, Arc<Unreadable>>,
    of_node_eni: BTreeMap<String, BTreeSet<String>>,
    on_instance: BTreeMap<String, BTreeSet<String>>,
}

impl Snapshot {
    /// Takes note of a `NodeENI`, or that it is gone.
    pub fn set_node_eni(&mut self, name: &str, sight: Option<Sight>) {
        match sight {
            Some(sight) => self.node_enis.insert(name.to_owned(), sight),
            None => self.node_enis.remove(name),
        };
    }

    /// Takes note of a node, or that it is gone. Returns what it was before.
    pub fn set_node(&mut self, name: &str, node: Option<NodeFacts>) -> Option<NodeFacts> {
        let instance = |node: &Option<NodeFacts>| node.as_ref().and_then(|node| node.instance().ok());
        let before = self.nodes.remove(name);
        let (was, is) = (instance(&before), instance(&node));
        if let Some(node) = node {
            self.nodes.insert(name.to_owned(), node);
        }
        if was == is {
            return before;
        }
        if let Some(was) = was.filter(|was| self.by_instance.get(was).is_some_and(|known| known == name)) {
            self.point_to_another(was);
        }
        if let Some(is) = is {
            self.by_instance.insert(is, name.to_owned());
        }
        before
    }

    /// A node of an instance is gone, and another may be there: one that was registered twice.
    fn point_to_another(&mut self, instance: InstanceId) {
        let other = self.nodes.iter().find(|(_, node)| node.instance().as_ref() == Ok(&instance));
        match other.map(|(name, _)| name.clone()) {
            Some(name) => self.by_instance.insert(instance, name),
            None => self.by_instance.remove(&instance),
        };
    }

    /// Takes note of a slot's object, or that it is gone. Returns what it was before.
    pub fn set_attachment(
        &mut self,
        name: &str,
        attachment: Option<Arc<NodeENIAttachment>>,
    ) -> Option<Arc<NodeENIAttachment>> {
        self.unreadable.remove(name);
        let before = self.attachments.remove(name);
        if let Some(old) = &before {
            forget(&mut self.of_node_eni, &old.spec.node_eni, name);
            forget(&mut self.on_instance, &old.spec.instance_id, name);
        }
        if let Some(new) = attachment {
            self.of_node_eni.entry(new.spec.node_eni.clone()).or_default().insert(name.to_owned());
            self.on_instance.entry(new.spec.instance_id.clone()).or_default().insert(name.to_owned());
            self.attachments.insert(name.to_owned(), new);
        }
        before
    }

    /// Takes note of a slot's object that cannot be read. Returns what it was before, if it could be then.
    pub fn set_unreadable(&mut self, object: Unreadable) -> Option<Arc<NodeENIAttachment>> {
        let before = self.set_attachment(&object.name, None);
        self.unreadable.insert(object.name.clone(), Arc::new(object));
        before
    }

    /// The slots' objects that are there and cannot be read, by name.
    #[must_use]
    pub fn unreadable(&self) -> Vec<Arc<Unreadable>> {
        self.unreadable.values().cloned().collect()
    }

    /// What is known of a slot's object by this name that cannot be read.
    #[must_use]
    pub fn unreadable_named(&self, name: &str) -> Option<Arc<Unreadable>> {
        self.unreadable.get(name).cloned()
    }

    /// A `NodeENI`.
    #[must_use]
    pub fn node_eni(&self, name: &str) -> Option<Sight> {
        self.node_enis.get(name).cloned()
    }

    /// All `NodeENI`s.
    pub fn node_enis(&self) -> impl Iterator<Item = (&String, &Sight)> {
        self.node_enis.iter()
    }

    /// All nodes, by name.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeFacts> {
        self.nodes.values().cloned().collect()
    }

    /// All slots, by name.
    #[must_use]
    pub fn attachments(&self) -> Vec<Arc<NodeENIAttachment>> {
        self.attachments.values().cloned().collect()
    }

    /// The node of an instance.
    #[must_use]
    pub fn node_of(&self, instance: &InstanceId) -> Option<NodeFacts> {
        self.nodes.get(self.by_instance.get(instance)?).cloned()
    }

    /// The slots of a `NodeENI`, by name.
    #[must_use]
    pub fn attachments_of(&self, node_eni: &str) -> Vec<Arc<NodeENIAttachment>> {
        self.named(self.of_node_eni.get(node_eni))
    }

    /// The slots of an instance, by name.
    #[must_use]
    pub fn attachments_on(&self, instance: &InstanceId) -> Vec<Arc<NodeENIAttachment>> {
        self.named(self.on_instance.get(instance.as_str()))
    }

    /// The slots of these names.
    fn named(&self, names: Option<&BTreeSet<String>>) -> Vec<Arc<NodeENIAttachment>> {
        names.into_iter().flatten().filter_map(|name| self.attachments.get(name).cloned()).collect()
    }
}

/// Takes a name out of an index, and the entry with the last of its names.
fn forget(index: &mut BTreeMap<String, BTreeSet<String>>, key: &str, name: &str) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, instance: &str) -> NodeFacts {
        NodeFacts {
            name: name.to_owned(),
            provider_id: format!("aws:///a/{instance}"),
            ..NodeFacts::default()
        }
    }

    #[test]
    fn a_node_that_registers_with_another_instance_is_found_by_the_new_one_only() {
        let mut snapshot = Snapshot::default();
        snapshot.set_node("n", Some(node("n", "i-00000001")));
        snapshot.set_node("n", Some(node("n", "i-00000002")));
        assert_eq!(snapshot.node_of(&"i-00000001".parse().unwrap()), None);
        assert_eq!(snapshot.node_of(&"i-00000002".parse().unwrap()).unwrap().name, "n");
    }

    #[test]
    fn of_two_nodes_of_one_instance_the_one_that_stays_is_its_node() {
        let mut snapshot = Snapshot::default();
        let of = |snapshot: &Snapshot| snapshot.node_of(&"i-00000001".parse().unwrap()).map(|node| node.name);
        for gone in ["old", "new"] {
            snapshot.set_node("old", Some(node("old", "i-00000001")));
            snapshot.set_node("new", Some(node("new", "i-00000001")));
            snapshot.set_node(gone, None);
            assert_eq!(of(&snapshot).as_deref(), Some(if gone == "old" { "new" } else { "old" }));
        }
        snapshot.set_node("old", None);
        assert_eq!(of(&snapshot), None);
        assert_eq!(snapshot, Snapshot::default());
    }

    #[test]
    fn a_slot_that_is_gone_is_in_no_index() {
        let mut snapshot = Snapshot::default();
        let mut slot = NodeENIAttachment::default();
        slot.spec.node_eni = "a".to_owned();
        slot.spec.instance_id = "i-00000001".to_owned();
        snapshot.set_attachment("x", Some(Arc::new(slot)));
        assert_eq!(snapshot.attachments_of("a").len(), 1);
        snapshot.set_attachment("x", None);
        assert_eq!(snapshot, Snapshot::default());
    }

    #[test]
    fn an_object_is_readable_or_not_and_never_both() {
        let mut snapshot = Snapshot::default();
        let slot = Arc::new(NodeENIAttachment::default());
        snapshot.set_attachment("x", Some(slot.clone()));
        let unreadable = Unreadable { name: "x".to_owned(), ..Unreadable::default() };
        assert_eq!(snapshot.set_unreadable(unreadable.clone()), Some(slot.clone()));
        assert_eq!(snapshot.attachments_of(""), []);
        assert_eq!(snapshot.unreadable(), [Arc::new(unreadable)]);
        snapshot.set_attachment("x", Some(slot));
        assert_eq!((snapshot.attachments_of("").len(), snapshot.unreadable().len()), (1, 0));
    }
}
