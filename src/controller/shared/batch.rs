//! What many ask at the same time, asked once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use super::lock;
use crate::ec2::Answer;

/// How long to gather what is asked at the same time.
///
/// Passes that one change has caused come within milliseconds of each other; an attach takes seconds.
pub(super) const WINDOW: Duration = Duration::from_millis(200);

/// What many ask at the same time, asked once.
pub(super) struct Batch<K, V>(Arc<Mutex<Gathering<K, V>>>);

/// A call that is being gathered for.
type Call<V> = Shared<BoxFuture<'static, Answer<Arc<Vec<V>>>>>;

/// The keys that the next call will ask for, and the call.
struct Gathering<K, V> {
    keys: BTreeSet<K>,
    call: Option<Call<V>>,
}

impl<K, V> Default for Batch<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Gathering { keys: BTreeSet::new(), call: None })))
    }
}

impl<K: Ord + Clone + Send + 'static, V: Send + Sync + 'static> Batch<K, V> {
    /// Asks for some keys; the answer may tell of others too.
    pub(super) async fn ask<C>(&self, keys: &[K], call: C) -> Answer<Arc<Vec<V>>>
    where
        C: FnOnce(Vec<K>) -> BoxFuture<'static, Answer<Vec<V>>> + Send + 'static,
    {
        if keys.is_empty() {
            return Ok(Arc::default());
        }
        self.join(keys, call).await
    }

    /// Joins the call that is being gathered for, or begins one.
    fn join<C>(&self, keys: &[K], call: C) -> Call<V>
    where
        C: FnOnce(Vec<K>) -> BoxFuture<'static, Answer<Vec<V>>> + Send + 'static,
    {
        let mut gathering = lock(&self.0);
        gathering.keys.extend(keys.iter().cloned());
        let shared = self.0.clone();
        let begin = || {
            async move {
                tokio::time::sleep(WINDOW).await;
                let keys = {
                    let mut gathering = lock(&shared);
                    gathering.call = None;
                    std::mem::take(&mut gathering.keys)
                };
                call(keys.into_iter().collect()).await.map(Arc::new)
            }
            .boxed()
            .shared()
        };
        gathering.call.get_or_insert_with(begin).clone()
    }
}
