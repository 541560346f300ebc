//! What many ask at the same time, asked once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use tokio::time::Instant;

use crate::ec2::Answer;
use crate::lock::lock;

/// How long to gather what is asked at the same time.
///
/// Passes that one change has caused come within milliseconds of each other; an attach takes seconds.
pub(super) const WINDOW: Duration = Duration::from_millis(200);

/// Shortest time between two calls of one kind.
///
/// Hundreds of passes that a budget spreads over minutes would otherwise each ask at a moment of its own. Three
/// seconds are about what EC2 needs for an attach, so a thousand attachments that take their 200 seconds are read
/// seventy times.
const SPACING: Duration = Duration::from_secs(3);

/// What many ask at the same time, asked once.
pub(super) struct Batch<K, V>(Arc<Mutex<Gathering<K, V>>>);

/// A call that is being gathered for.
type Call<V> = Shared<BoxFuture<'static, Answer<Arc<Vec<V>>>>>;

/// The keys that the next call will ask for, and the call.
struct Gathering<K, V> {
    keys: BTreeSet<K>,
    call: Option<Call<V>>,
    /// When the last call was made.
    last: Option<Instant>,
}

impl<K, V> Gathering<K, V> {
    /// How long to gather for the next call.
    #[expect(clippy::disallowed_methods, reason = "the pause between two calls decides nothing else")]
    fn wait(&self) -> Duration {
        let rest = self.last.map(|last| (last + SPACING).saturating_duration_since(Instant::now()));
        rest.unwrap_or_default().max(WINDOW)
    }

    /// Begins the call, with what was gathered.
    #[expect(clippy::disallowed_methods, reason = "the pause between two calls decides nothing else")]
    fn begin(&mut self) -> BTreeSet<K> {
        self.last = Some(Instant::now());
        self.call = None;
        std::mem::take(&mut self.keys)
    }
}

impl<K, V> Default for Batch<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Gathering { keys: BTreeSet::new(), call: None, last: None })))
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
        let (shared, wait) = (self.0.clone(), gathering.wait());
        let begin = || {
            async move {
                tokio::time::sleep(wait).await;
                let keys = lock(&shared).begin();
                call(keys.into_iter().collect()).await.map(Arc::new)
            }
            .boxed()
            .shared()
        };
        gathering.call.get_or_insert_with(begin).clone()
    }
}
