//! Things by id, cheap to copy: a copy shares what neither side has changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Things by id, in the order of their ids.
#[derive(Clone, Debug)]
pub struct Table<V>(BTreeMap<String, Arc<V>>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Table<V> {
    /// The thing with the id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&V> {
        self.0.get(id).map(Arc::as_ref)
    }

    /// Says whether there is a thing with the id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The things with their ids, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(id, value)| (id.as_str(), value.as_ref()))
    }

    /// The things, by id.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(Arc::as_ref)
    }

    /// The ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn shared(&self, id: &str) -> Option<Arc<V>> {
        self.0.get(id).cloned()
    }

    pub(crate) fn insert(&mut self, id: String, value: V) {
        self.0.insert(id, Arc::new(value));
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Arc<V>> {
        self.0.remove(id)
    }
}

impl<V: Clone> Table<V> {
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut V> {
        self.0.get_mut(id).map(Arc::make_mut)
    }
}

impl<V: Serialize> Serialize for Table<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
