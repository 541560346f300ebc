//! A time that stands still until nobody has anything left to do, and then leaps to whoever wakes next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;

use crate::controller::budget::timer::Timer;

/// A time that leaps.
#[derive(Clone, Default)]
pub(super) struct LeapingTimer(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    now: Duration,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    count: u64,
}

impl Timer for LeapingTimer {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    async fn until(&self, at: Duration) {
        std::future::poll_fn(|context| {
            let mut times = self.0.lock().unwrap();
            if times.now >= at {
                return Poll::Ready(());
            }
            times.count += 1;
            let key = (at, times.count);
            times.sleepers.insert(key, context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl LeapingTimer {
    /// Wakes the next sleeper, at its time; `None` if nobody sleeps.
    fn leap(&self) -> Option<()> {
        let mut times = self.0.lock().unwrap();
        let ((at, _), waker) = times.sleepers.pop_first()?;
        times.now = times.now.max(at);
        drop(times);
        waker.wake();
        Some(())
    }

    /// Runs everything that is started until nothing is left to do, and says how long that took.
    pub(super) fn run(
        &self,
        start: impl FnOnce(&dyn Fn(futures::future::LocalBoxFuture<'static, ()>)),
    ) -> Duration {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        let begun = self.now();
        let last = Arc::new(Mutex::new(begun));
        start(&|task| {
            let (last, timer) = (last.clone(), self.clone());
            let task = async move {
                task.await;
                *last.lock().unwrap() = timer.now();
            };
            spawner.spawn_local(task).unwrap();
        });
        loop {
            pool.run_until_stalled();
            // Sleepers that nobody waits for any more are passed over: they wake nobody.
            if pool.try_run_one() {
                continue;
            }
            if self.leap().is_none() {
                break;
            }
        }
        let ended = *last.lock().unwrap();
        ended.saturating_sub(begun)
    }
}
