//! What hardly changes, by what it is asked for by: known for a while, and asked for once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::batch::WINDOW;
use crate::ec2::Answer;
use crate::lock::lock;

/// How long an answer is good. A re-tagged subnet is noticed after this, by whoever asks then.
const LIFE: Duration = Duration::from_mins(5);

/// How long it is believed that there is nothing.
const MISSING_LIFE: Duration = Duration::from_secs(20);

/// What was found, by key; a key without anything has an empty list.
pub(super) type Found<K, V> = BTreeMap<K, Vec<V>>;

/// A call that is gathered for or under way.
type Call<K, V> = Shared<BoxFuture<'static, Answer<Arc<Found<K, V>>>>>;

/// Answers by key. No key is asked for twice at the same time, and no key waits for the call of another
/// that was sent before.
pub(super) struct Lookup<K, V> {
    state: Arc<Mutex<State<K, V>>>,
    lives: Lives,
}

/// How long an answer is good: something, and nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lives {
    pub(super) found: Duration,
    pub(super) missing: Duration,
}

struct State<K, V> {
    known: BTreeMap<K, (Instant, Vec<V>)>,
    asked: BTreeMap<K, Call<K, V>>,
    gathering: Option<(BTreeSet<K>, Call<K, V>)>,
}

impl<K, V> Default for Lookup<K, V> {
    fn default() -> Self {
        Self::with_lives(Lives { found: LIFE, missing: MISSING_LIFE })
    }
}

impl<K, V> Lookup<K, V> {
    /// With other lives than the usual.
    pub(super) fn with_lives(lives: Lives) -> Self {
        let (known, asked) = (BTreeMap::new(), BTreeMap::new());
        Self { state: Arc::new(Mutex::new(State { known, asked, gathering: None })), lives }
    }
}

impl<K, V> Lookup<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What is known under some keys, and what `call` finds under the others.
    pub(super) async fn ask<C>(&self, keys: impl IntoIterator<Item = K>, call: C) -> Answer<Vec<V>>
    where
        C: FnOnce(Vec<K>) -> BoxFuture<'static, Answer<Found<K, V>>> + Clone + Send + 'static,
    {
        let (mut found, mut waiting) = (vec![], vec![]);
        for key in keys {
            match self.known(&key) {
                Some(values) => found.extend(values),
                None => waiting.push((key.clone(), self.join(key, call.clone()))),
            }
        }
        for (key, call) in waiting {
            found.extend(call.await?.get(&key).into_iter().flatten().cloned());
        }
        Ok(found)
    }

    /// Forgets answers in which something is so.
    pub(super) fn forget_where(&self, is_so: impl Fn(&V) -> bool) {
        lock(&self.state).known.retain(|_, (_, values)| !values.iter().any(&is_so));
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "how old an answer is decides nothing but whether to ask again"
    )]
    fn known(&self, key: &K) -> Option<Vec<V>> {
        let state = lock(&self.state);
        state.known.get(key).filter(|(until, _)| *until > Instant::now()).map(|(_, values)| values.clone())
    }

    /// The call that asks for a key: one under way, the one that is being gathered for, or a new one.
    fn join<C>(&self, key: K, call: C) -> Call<K, V>
    where
        C: FnOnce(Vec<K>) -> BoxFuture<'static, Answer<Found<K, V>>> + Send + 'static,
    {
        let mut state = lock(&self.state);
        if let Some(call) = state.asked.get(&key) {
            return call.clone();
        }
        let (shared, lives) = (self.state.clone(), self.lives);
        let begin = || (BTreeSet::new(), Self::gathered(shared, lives, call).boxed().shared());
        let (keys, call) = state.gathering.get_or_insert_with(begin);
        keys.insert(key.clone());
        let call = call.clone();
        state.asked.insert(key, call.clone());
        call
    }

    /// One call: it gathers keys for a moment, asks, and takes note of what was answered.
    async fn gathered<C>(state: Arc<Mutex<State<K, V>>>, lives: Lives, call: C) -> Answer<Arc<Found<K, V>>>
    where
        C: FnOnce(Vec<K>) -> BoxFuture<'static, Answer<Found<K, V>>> + Send + 'static,
    {
        tokio::time::sleep(WINDOW).await;
        let keys = lock(&state).gathering.take().map(|(keys, _)| keys).unwrap_or_default();
        let over = Over { state: &state, keys: &keys };
        let found = call(keys.iter().cloned().collect()).await?;
        over.note(&found, lives);
        Ok(Arc::new(found))
    }
}

/// Takes the keys of a call off those that are asked for, however the call ends.
struct Over<'a, K: Ord, V> {
    state: &'a Mutex<State<K, V>>,
    keys: &'a BTreeSet<K>,
}

impl<K: Ord + Clone, V: Clone> Over<'_, K, V> {
    /// Takes note of an answer. What it leaves out does not exist.
    #[expect(
        clippy::disallowed_methods,
        reason = "how old an answer is decides nothing but whether to ask again"
    )]
    fn note(&self, found: &Found<K, V>, lives: Lives) {
        let now = Instant::now();
        let mut state = lock(self.state);
        state.known.retain(|_, (until, _)| *until > now);
        for key in self.keys {
            let values = found.get(key).cloned().unwrap_or_default();
            let life = if values.is_empty() { lives.missing } else { lives.found };
            state.known.insert(key.clone(), (now + life, values));
        }
    }
}

impl<K: Ord, V> Drop for Over<'_, K, V> {
    fn drop(&mut self) {
        let mut state = lock(self.state);
        state.asked.retain(|key, _| !self.keys.contains(key));
    }
}
