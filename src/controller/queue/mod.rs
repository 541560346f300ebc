//! Which pass runs when: passes over one key never overlap, and those over different keys run side by side.

use std::collections::{HashMap, HashSet};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use k8s_openapi::jiff::SignedDuration;
use kube::runtime::scheduler::{ScheduleRequest, scheduler};
use tokio::sync::watch;
use tokio::time::Instant;

use super::PassError;
use crate::cluster::ClusterErrorKind;
use crate::model::Ec2ErrorKind;
use crate::plan::{Pace, backoff};
use crate::pulse::{BEAT, Heart};

/// Something has happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wake<K> {
    /// The key.
    pub(super) key: K,
    /// Whether it may be what the last pass lacked, so that a back-off is not waited for. What we write
    /// ourselves is no news: the failures of a pass would otherwise wake the next one.
    pub(super) news: bool,
}

/// How a queue is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Passes at once.
    pub(super) at_once: usize,
    /// Shortest time between the end of a pass and the next one over the same key.
    pub(super) interval: Duration,
    /// How long to gather what wakes a key, before its pass.
    pub(super) gather: Duration,
}

/// Passes that are due later are due at multiples of this, counted from the start.
///
/// Those that wait for the same thing then look at the same time, and share what they ask EC2.
const GRID: Duration = Duration::from_secs(2);

/// How long passes that are under way may take to end when the process is told to stop.
///
/// A pass is a handful of calls, each of which has a time-out of seconds.
const LAST_PASSES: Duration = Duration::from_secs(20);

/// Runs passes over the keys that come in, until told to stop; then lets those under way end.
pub(super) async fn run<K, F, P>(
    wakes: UnboundedReceiver<Wake<K>>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    heart: Heart,
    pass: P,
) where
    K: Hash + Eq + Clone + Debug + Display,
    P: Fn(K) -> F,
    F: Future<Output = Result<Pace, PassError>>,
{
    let (requests, scheduled) = unbounded();
    let mut scheduled = pin!(scheduler(scheduled));
    let mut wakes = wakes.fuse();
    let mut queue = Queue::new(requests, limits);
    let mut running = FuturesUnordered::new();
    let mut beats = tokio::time::interval(BEAT);
    while !*stop.borrow() {
        // However much there is to do, others get their turn.
        tokio::task::consume_budget().await;
        let free = running.len() < limits.at_once;
        let busy = &queue.busy;
        let mut due = scheduled.as_mut().hold_unless(|key| free && !busy.contains(key));
        let turn = futures::select_biased! {
            _ = stop.changed().fuse() => Turn::Stop,
            _ = beats.tick().fuse() => Turn::Beat,
            (key, result) = running.select_next_some() => Turn::Ended(key, result),
            wake = wakes.select_next_some() => Turn::Woken(wake),
            key = due.next().fuse() => key.map_or(Turn::Stop, Turn::Due),
        };
        match turn {
            Turn::Stop => break,
            Turn::Beat => heart.beat(),
            Turn::Woken(wake) => queue.wake(wake),
            Turn::Ended(key, result) => queue.ended(key, result),
            Turn::Due(key) => {
                queue.busy.insert(key.clone());
                let survived = AssertUnwindSafe(pass(key.clone())).catch_unwind();
                running.push(survived.map(move |ended| (key, ended.unwrap_or(Err(PassError::Panicked)))));
            }
        }
    }
    let rest = running.for_each(|_| std::future::ready(()));
    if tokio::time::timeout(LAST_PASSES, rest).await.is_err() {
        tracing::warn!("passes under way did not end in time; the next leader takes up what they did");
    }
}

/// What happened next.
enum Turn<K> {
    Stop,
    Beat,
    Woken(Wake<K>),
    Due(K),
    Ended(K, Result<Pace, PassError>),
}

/// Which keys are due when.
struct Queue<K> {
    requests: UnboundedSender<ScheduleRequest<K>>,
    limits: Limits,
    started: Instant,
    busy: HashSet<K>,
    /// What has happened to a key during its pass, and whether any of it is news.
    meanwhile: HashMap<K, bool>,
    ended: HashMap<K, Instant>,
    failed: HashMap<K, Failures>,
}

/// Passes over a key that could not be made.
#[derive(Debug, Clone, Copy)]
struct Failures {
    /// In a row.
    count: u32,
    /// When the back-off is over.
    not_before: Instant,
}

impl<K: Hash + Eq + Clone + Debug + Display> Queue<K> {
    #[expect(clippy::disallowed_methods, reason = "the queue measures intervals; it tells nobody the time")]
    fn new(requests: UnboundedSender<ScheduleRequest<K>>, limits: Limits) -> Self {
        Self {
            requests,
            limits,
            started: Instant::now(),
            busy: HashSet::new(),
            meanwhile: HashMap::new(),
            ended: HashMap::new(),
            failed: HashMap::new(),
        }
    }

    /// The next multiple of the grid.
    fn on_grid(&self, at: Instant) -> Instant {
        let since = at.duration_since(self.started).as_nanos();
        let steps = since.div_ceil(GRID.as_nanos());
        self.started + GRID * u32::try_from(steps).unwrap_or(u32::MAX)
    }

    /// Asks for a pass at a time. The earlier of two counts.
    fn at(&self, key: K, run_at: Instant) {
        // The receiver lives as long as the queue.
        let _ = self.requests.unbounded_send(ScheduleRequest { message: key, run_at });
    }

    /// Something has happened to a key: it is due at once, or when its last pass is long enough ago and the
    /// back-off after a failure is over.
    #[expect(clippy::disallowed_methods, reason = "the queue measures intervals; it tells nobody the time")]
    fn wake(&mut self, Wake { key, news }: Wake<K>) {
        if self.busy.contains(&key) {
            *self.meanwhile.entry(key).or_default() |= news;
            return;
        }
        let soon = Instant::now() + self.limits.gather;
        let rested = self.ended.get(&key).map(|ended| *ended + self.limits.interval);
        let backed_off = self.failed.get(&key).filter(|_| !news).map(|failed| failed.not_before);
        self.at(key, rested.into_iter().chain(backed_off).fold(soon, Instant::max));
    }

    /// A pass has ended: the next one is due when it says, or after a back-off.
    #[expect(clippy::disallowed_methods, reason = "the queue measures intervals; it tells nobody the time")]
    fn ended(&mut self, key: K, result: Result<Pace, PassError>) {
        let now = Instant::now();
        self.busy.remove(&key);
        self.ended.retain(|_, ended| *ended + self.limits.interval > now);
        self.ended.insert(key.clone(), now);
        match result {
            Ok(pace) => {
                self.failed.remove(&key);
                if let Pace::Within(wait) = pace {
                    self.again(key.clone(), now + self.at_least(wait));
                }
            }
            Err(error) => {
                let not_before = self.failed(&key, &error, now);
                self.again(key.clone(), not_before);
            }
        }
        if let Some(news) = self.meanwhile.remove(&key) {
            self.wake(Wake { key, news });
        }
    }

    /// A wait, or the shortest that is allowed.
    fn at_least(&self, wait: SignedDuration) -> Duration {
        Duration::try_from(wait).unwrap_or_default().max(self.limits.interval)
    }

    /// Asks for a pass later on: on the grid, if that is not soon.
    #[expect(clippy::disallowed_methods, reason = "the queue measures intervals; it tells nobody the time")]
    fn again(&self, key: K, due: Instant) {
        let soon = due < Instant::now() + GRID;
        self.at(key, if soon { due } else { self.on_grid(due) });
    }

    /// Until when to leave a key alone whose pass could not be made.
    fn failed(&mut self, key: &K, error: &PassError, now: Instant) -> Instant {
        let count = self.failed.get(key).map_or(0, |failed| failed.count).saturating_add(1);
        let of_ec2 = |kind| backoff::delay(kind, count, 0.0);
        let wait = match error {
            PassError::Ec2(error) => of_ec2(error.kind),
            PassError::Panicked => of_ec2(Ec2ErrorKind::Refused),
            PassError::Cluster(error) => {
                let wait = match error.kind {
                    ClusterErrorKind::Refused => of_ec2(Ec2ErrorKind::Refused),
                    ClusterErrorKind::Conflict | ClusterErrorKind::Gone | ClusterErrorKind::Retry => {
                        backoff::after_kubernetes(count)
                    }
                };
                wait.max(error.retry_after.unwrap_or_default())
            }
        };
        tracing::warn!(%key, wait_seconds = wait.as_secs(), error = error as &dyn std::error::Error, "pass ended early");
        let not_before = now + self.at_least(wait);
        self.failed.insert(key.clone(), Failures { count, not_before });
        not_before
    }
}

#[cfg(test)]
mod tests;
