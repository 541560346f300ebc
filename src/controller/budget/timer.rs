//! Time, as a rate is kept by it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Time, as a rate is kept by it: counted from a moment of its own.
pub(in crate::controller) trait Timer: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Duration;
    /// Waits until a time.
    fn until(&self, at: Duration) -> impl Future<Output = ()> + Send;
}

/// The machine's time, from when this was made.
#[derive(Debug, Clone, Copy)]
pub struct MachineTimer(Instant);

#[expect(clippy::disallowed_methods, reason = "a rate is kept by measuring time; it is told to nobody")]
fn now() -> Instant {
    Instant::now()
}

impl MachineTimer {
    pub(super) fn start() -> Self {
        Self(now())
    }
}

impl Timer for MachineTimer {
    fn now(&self) -> Duration {
        now().duration_since(self.0)
    }

    async fn until(&self, at: Duration) {
        sleep_until(self.0 + at).await;
    }
}
