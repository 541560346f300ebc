//! Time and chance, and the real clock: the one place that reads it.

use std::hash::{BuildHasher, RandomState};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::mandate;
use crate::plan::lease::Uptime;

/// Time and chance: inputs like any other, so that a test can set them.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;
    /// A number from 0 to 1.
    fn jitter(&self) -> f64;
}

/// A clock that nobody sets.
pub trait SteadyClock: Send + Sync + 'static {
    /// The time since the machine started, its sleep included.
    fn uptime(&self) -> Uptime;
}

/// The machine's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    fn now(&self) -> Timestamp {
        // Kubernetes keeps seconds: a finer time would not be what is read back.
        let now = Timestamp::now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    fn jitter(&self) -> f64 {
        // The standard library seeds each hasher anew.
        let random = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or_default();
        f64::from(random) / f64::from(u32::MAX)
    }
}

impl SteadyClock for SystemClock {
    fn uptime(&self) -> Uptime {
        Uptime(SignedDuration::try_from(mandate::uptime()).unwrap_or(SignedDuration::MAX))
    }
}
