//! An API server in memory, as far as the operator can tell it from a real one.

use std::collections::BTreeMap;
use std::sync::Arc;

use eni_operator::api::{NodeENI, NodeENIAttachment};
use eni_operator::cluster::ClusterErrorKind;
use eni_operator::cluster::node::SlimNode;
use eni_operator::plan::events::Event;
use eni_operator::plan::node::NodeFacts;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::core::ObjectMeta;
use kube::core::object::{HasSpec, HasStatus};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::apply::{self, Owners};

/// A request that was refused, and the words.
pub type Answer<T> = Result<T, (ClusterErrorKind, String)>;

/// What a watch tells: a kind's object by name, or that it is gone.
#[derive(Debug, Clone)]
pub enum Change {
    /// Of a `NodeENI`.
    NodeEni(String, Option<Arc<NodeENI>>),
    /// Of a node.
    Node(String, Option<Arc<SlimNode>>),
    /// Of a slot.
    Attachment(String, Option<Arc<NodeENIAttachment>>),
}

/// An object, and who owns which fields of its status.
#[derive(Debug, Clone)]
pub struct Stored<K> {
    /// The object.
    pub object: Arc<K>,
    owners: Owners,
}

/// The API server's memory.
#[derive(Debug, Clone)]
pub struct Store {
    /// Its clock.
    pub now: Timestamp,
    /// What watches have not been told yet.
    pub changes: Vec<Change>,
    /// Events that were written.
    pub told: Vec<(String, Event)>,
    version: u64,
    node_enis: BTreeMap<String, Stored<NodeENI>>,
    attachments: BTreeMap<String, Stored<NodeENIAttachment>>,
    nodes: BTreeMap<String, Arc<SlimNode>>,
}

/// A kind with a status of its own.
pub trait Kind:
    Resource<DynamicType = ()>
    + HasSpec<Spec: PartialEq + Clone>
    + HasStatus<Status: Serialize + DeserializeOwned>
    + Clone
{
    /// Where its objects are.
    fn table(store: &mut Store) -> &mut BTreeMap<String, Stored<Self>>;
    /// What a watch says.
    fn change(name: String, object: Option<Arc<Self>>) -> Change;
}

impl Kind for NodeENI {
    fn table(store: &mut Store) -> &mut BTreeMap<String, Stored<Self>> {
        &mut store.node_enis
    }
    fn change(name: String, object: Option<Arc<Self>>) -> Change {
        Change::NodeEni(name, object)
    }
}

impl Kind for NodeENIAttachment {
    fn table(store: &mut Store) -> &mut BTreeMap<String, Stored<Self>> {
        &mut store.attachments
    }
    fn change(name: String, object: Option<Arc<Self>>) -> Change {
        Change::Attachment(name, object)
    }
}

fn conflict(why: &str) -> (ClusterErrorKind, String) {
    (ClusterErrorKind::Conflict, why.to_owned())
}

fn gone() -> (ClusterErrorKind, String) {
    (ClusterErrorKind::Gone, "not found".to_owned())
}

fn refused(why: &str) -> (ClusterErrorKind, String) {
    (ClusterErrorKind::Refused, why.to_owned())
}

impl Store {
    /// An empty one.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            changes: vec![],
            told: vec![],
            version: 0,
            node_enis: BTreeMap::new(),
            attachments: BTreeMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// Counts all writes that changed something.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All `NodeENI`s.
    pub fn node_enis(&self) -> impl Iterator<Item = &Arc<NodeENI>> {
        self.node_enis.values().map(|stored| &stored.object)
    }

    /// All slots.
    pub fn attachments(&self) -> impl Iterator<Item = &Arc<NodeENIAttachment>> {
        self.attachments.values().map(|stored| &stored.object)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<SlimNode>> {
        self.nodes.values()
    }

    /// An object.
    pub fn get<K: Kind>(&mut self, name: &str) -> Option<Arc<K>> {
        K::table(self).get(name).map(|stored| stored.object.clone())
    }

    /// A node.
    pub fn node(&self, name: &str) -> Option<&Arc<SlimNode>> {
        self.nodes.get(name)
    }

    /// Registers a node, changes it, or takes it away.
    pub fn set_node(&mut self, name: &str, node: Option<SlimNode>) {
        self.version += 1;
        let version = self.version.to_string();
        let node = node.map(|mut node| {
            node.metadata.name = Some(name.to_owned());
            node.metadata.uid.get_or_insert_with(|| format!("node-{version}"));
            node.metadata.resource_version = Some(version);
            Arc::new(node)
        });
        match node.clone() {
            Some(node) => self.nodes.insert(name.to_owned(), node),
            None => self.nodes.remove(name),
        };
        self.changes.push(Change::Node(name.to_owned(), node));
    }

    /// Changes the labels of a node, if it is the one that was seen.
    pub fn label_node_of(&mut self, seen: &NodeFacts, key: &str, value: Option<&str>) -> Answer<()> {
        match self.nodes.get(&seen.name) {
            Some(node) if node.metadata.uid.as_deref() != Some(&seen.uid) => {
                Err(refused("metadata.uid: field is immutable"))
            }
            _ => self.label_node(&seen.name, key, value),
        }
    }

    /// Changes the labels of a node.
    pub fn label_node(&mut self, name: &str, key: &str, value: Option<&str>) -> Answer<()> {
        let Some(node) = self.nodes.get(name) else { return Err(gone()) };
        let mut new = node.as_ref().clone();
        let labels = new.metadata.labels.get_or_insert_default();
        let before = labels.clone();
        match value {
            Some(value) => labels.insert(key.to_owned(), value.to_owned()),
            None => labels.remove(key),
        };
        if *labels != before {
            self.set_node(name, Some(new));
        }
        Ok(())
    }

    /// Makes an object. What it says of its status is not taken.
    pub fn create<K: Kind>(&mut self, object: &K) -> Answer<K> {
        let name = object.name_any();
        if K::table(self).contains_key(&name) {
            return Err(conflict("already exists"));
        }
        let mut new = object.clone();
        *new.status_mut() = None;
        let uid = format!("00000000-0000-4000-8000-{:012}", self.version + 1);
        let now = self.now;
        let meta = new.meta_mut();
        meta.uid = Some(uid);
        meta.generation = Some(1);
        meta.creation_timestamp = Some(Time(now));
        meta.deletion_timestamp = None;
        let stored = Stored { object: Arc::new(new), owners: Owners::new() };
        K::table(self).insert(name.clone(), stored);
        Ok(self.changed::<K>(&name))
    }

    /// Replaces an object but for its status, if it is still as it was seen.
    pub fn replace<K: Kind>(&mut self, object: &K) -> Answer<K> {
        let name = object.name_any();
        let Some(stored) = K::table(self).get(&name) else { return Err(gone()) };
        let old = stored.object.clone();
        if object.meta().resource_version.is_none() {
            return Err(refused("resourceVersion must be specified for an update"));
        }
        fence(old.meta(), object.meta())?;
        let mut new = old.as_ref().clone();
        *new.spec_mut() = object.spec().clone();
        let (from, to) = (object.meta(), new.meta_mut());
        to.labels.clone_from(&from.labels);
        to.annotations.clone_from(&from.annotations);
        to.owner_references.clone_from(&from.owner_references);
        set_finalizers(to, from.finalizers.clone().unwrap_or_default())?;
        Ok(self.put(&name, &old, new, false))
    }

    /// Replaces the finalizers of an object, if it is still as it was seen.
    pub fn set_finalizers<K: Kind>(&mut self, seen: &K, finalizers: Vec<String>) -> Answer<()> {
        let name = seen.name_any();
        let Some(stored) = K::table(self).get(&name) else { return Err(gone()) };
        let old = stored.object.clone();
        fence(old.meta(), seen.meta())?;
        let mut new = old.as_ref().clone();
        set_finalizers(new.meta_mut(), finalizers)?;
        self.put(&name, &old, new, false);
        Ok(())
    }

    /// Deletes an object, which stays while it has finalizers.
    pub fn delete<K: Kind>(&mut self, name: &str, uid: Option<&str>) -> Answer<()> {
        let now = self.now;
        let Some(stored) = K::table(self).get(name) else { return Err(gone()) };
        let old = stored.object.clone();
        if uid.is_some_and(|uid| old.meta().uid.as_deref() != Some(uid)) {
            return Err(conflict("the UID in the precondition does not match"));
        }
        let mut new = old.as_ref().clone();
        let meta = new.meta_mut();
        if meta.deletion_timestamp.is_none() {
            meta.deletion_timestamp = Some(Time(now));
            meta.deletion_grace_period_seconds = Some(0);
            meta.generation = meta.generation.map(|generation| generation + 1);
        }
        self.put(name, &old, new, false);
        Ok(())
    }

    /// Takes an object away, finalizers or not: the API server's memory is lost.
    pub fn erase<K: Kind>(&mut self, name: &str) {
        if K::table(self).remove(name).is_some() {
            self.version += 1;
            self.changes.push(K::change(name.to_owned(), None));
        }
    }

    /// Applies a manager's part of a status by force, if the object is still as it was seen.
    pub fn apply_status<K: Kind>(&mut self, seen: &ObjectMeta, manager: &str, status: &Value) -> Answer<K> {
        let name = seen.name.clone().unwrap_or_default();
        let Some(stored) = K::table(self).get_mut(&name) else { return Err(gone()) };
        let old = stored.object.clone();
        // A real API server does not look at the uid here; `tests/contract` has the case.
        fence(old.meta(), &ObjectMeta { uid: None, ..seen.clone() })?;
        let before = status_of(old.as_ref());
        let after = apply::apply(&before, &mut stored.owners, manager, status);
        self.put_status(&name, &old, &before, after)
    }

    /// Replaces a status, as `kubectl edit --subresource=status` does.
    pub fn edit_status<K: Kind>(&mut self, name: &str, manager: &str, edit: impl FnOnce(&mut Value)) {
        let Some(stored) = K::table(self).get_mut(name) else { return };
        let old = stored.object.clone();
        let before = status_of(old.as_ref());
        let mut after = before.clone();
        edit(&mut after);
        apply::update(&before, &mut stored.owners, manager, &after);
        let _ = self.put_status::<K>(name, &old, &before, after);
    }

    /// Changes a spec, as a user does.
    pub fn edit<K: Kind>(&mut self, name: &str, edit: impl FnOnce(&mut K)) {
        let Some(old) = self.get::<K>(name) else { return };
        let mut new = old.as_ref().clone();
        edit(&mut new);
        self.put(name, &old, new, false);
    }

    /// Somebody else changes an object in a way that does not matter: it has another version.
    pub fn touch(&mut self, name: &str) {
        if self.node_enis.contains_key(name) {
            self.changed::<NodeENI>(name);
        }
        if self.attachments.contains_key(name) {
            self.changed::<NodeENIAttachment>(name);
        }
    }

    fn put_status<K: Kind>(&mut self, name: &str, old: &Arc<K>, before: &Value, after: Value) -> Answer<K> {
        if *before == after {
            return Ok(old.as_ref().clone());
        }
        let mut new = old.as_ref().clone();
        *new.status_mut() = match serde_json::from_value(after) {
            Ok(status) => Some(status),
            Err(error) => return Err(refused(&error.to_string())),
        };
        Ok(self.put(name, old, new, true))
    }

    /// Keeps an object, unless nothing changed or it may go.
    fn put<K: Kind>(&mut self, name: &str, old: &Arc<K>, mut new: K, new_status: bool) -> K {
        if old.spec() != new.spec() {
            let meta = new.meta_mut();
            meta.generation = meta.generation.map(|generation| generation + 1);
        }
        if !new_status && old.meta() == new.meta() && old.spec() == new.spec() {
            return new;
        }
        if new.meta().deletion_timestamp.is_some() && new.finalizers().is_empty() {
            K::table(self).remove(name);
            self.version += 1;
            self.changes.push(K::change(name.to_owned(), None));
            return new;
        }
        if let Some(stored) = K::table(self).get_mut(name) {
            stored.object = Arc::new(new);
        }
        self.changed::<K>(name)
    }

    /// Gives an object a new version, and tells the watches.
    fn changed<K: Kind>(&mut self, name: &str) -> K {
        self.version += 1;
        let version = self.version.to_string();
        let stored = K::table(self).get_mut(name).expect("just put there");
        Arc::make_mut(&mut stored.object).meta_mut().resource_version = Some(version);
        let object = stored.object.clone();
        self.changes.push(K::change(name.to_owned(), Some(object.clone())));
        object.as_ref().clone()
    }
}

/// The status as JSON.
fn status_of<K: Kind>(object: &K) -> Value {
    object
        .status()
        .and_then(|status| serde_json::to_value(status).ok())
        .unwrap_or_else(|| Value::Object(Map::default()))
}

/// Refuses a request about another object, or an older state of it.
fn fence(is: &ObjectMeta, seen: &ObjectMeta) -> Answer<()> {
    if seen.uid.is_some() && seen.uid != is.uid {
        return Err(conflict("uid mismatch"));
    }
    if seen.resource_version.is_some() && seen.resource_version != is.resource_version {
        return Err(conflict("the object has been modified"));
    }
    Ok(())
}

/// Sets finalizers; an object that is being deleted gets no new ones.
fn set_finalizers(meta: &mut ObjectMeta, finalizers: Vec<String>) -> Answer<()> {
    let old = meta.finalizers.clone().unwrap_or_default();
    if meta.deletion_timestamp.is_some() && finalizers.iter().any(|one| !old.contains(one)) {
        return Err(refused("no new finalizers can be added if the object is being deleted"));
    }
    meta.finalizers = Some(finalizers).filter(|all| !all.is_empty());
    Ok(())
}
