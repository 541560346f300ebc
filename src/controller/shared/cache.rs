//! What is known, and until when.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;

/// What is known, and until when.
pub(super) struct Cache<K, V>(Mutex<BTreeMap<K, (Instant, V)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone, V: Clone> Cache<K, V> {
    /// What is known under a key.
    #[expect(
        clippy::disallowed_methods,
        reason = "how old an answer is decides nothing but whether to ask again"
    )]
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let known = lock(&self.0);
        known.get(key).filter(|(until, _)| *until > Instant::now()).map(|(_, value)| value.clone())
    }

    /// What is known of some keys, and the keys of which nothing is.
    pub(super) fn known(&self, keys: &[K]) -> (Vec<V>, Vec<K>) {
        let mut missing = vec![];
        let mut found = vec![];
        for key in keys {
            match self.get(key) {
                Some(value) => found.push(value),
                None => missing.push(key.clone()),
            }
        }
        (found, missing)
    }

    /// Takes note of something, for a while.
    #[expect(
        clippy::disallowed_methods,
        reason = "how old an answer is decides nothing but whether to ask again"
    )]
    pub(super) fn keep(&self, key: K, value: V, life: Duration) {
        let now = Instant::now();
        let mut known = lock(&self.0);
        known.retain(|_, (until, _)| *until > now);
        known.insert(key, (now + life, value));
    }

    /// Forgets all that is so.
    pub(super) fn forget_where(&self, is_so: impl Fn(&V) -> bool) {
        lock(&self.0).retain(|_, (_, value)| !is_so(value));
    }

    /// Forgets something.
    pub(super) fn forget(&self, key: &K) {
        lock(&self.0).remove(key);
    }
}
