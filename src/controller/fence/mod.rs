//! EC2 and Kubernetes, for as long as this process leads.
//!
//! The timer that ends a leader's acting is not enough: a process that was stopped and goes on is woken by
//! its sockets before its timers. So the time is looked at right before anything is sent that changes
//! something.

mod cluster;
mod ec2;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Semaphore;

use crate::clock::SteadyClock;
use crate::plan::lease::Uptime;

/// Until when this process may act, in milliseconds since the machine started. Its copies tell the same.
#[derive(Debug, Clone)]
pub(super) struct Mandate(Arc<AtomicI64>);

impl Mandate {
    /// One that never ends: nobody else acts.
    pub(super) fn unlimited() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    /// One that has not begun.
    pub(super) fn none() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }

    /// Makes it last until then.
    pub(super) fn extend(&self, until: Uptime) {
        self.0.store(millis(until), Ordering::SeqCst);
    }

    fn holds(&self, now: Uptime) -> bool {
        millis(now) < self.0.load(Ordering::SeqCst)
    }
}

fn millis(time: Uptime) -> i64 {
    i64::try_from(time.0.as_millis()).unwrap_or(i64::MAX)
}

/// A port, for as long as this process leads. Reads change nothing and are let through.
pub(super) struct Fenced<P, K> {
    inner: P,
    mandate: Mandate,
    clock: K,
    /// Writes to Kubernetes that may be in flight beside those that are.
    writes: Semaphore,
}

/// Writes to Kubernetes in flight at once. More only wait in the API server, and there the lease's would wait
/// behind them.
const WRITES_AT_ONCE: usize = 16;

impl<P, K: SteadyClock> Fenced<P, K> {
    pub(super) fn new(inner: P, mandate: Mandate, clock: K) -> Self {
        Self { inner, mandate, clock, writes: Semaphore::new(WRITES_AT_ONCE) }
    }

    /// Whether this process may still change anything.
    fn leads(&self) -> bool {
        self.mandate.holds(self.clock.uptime())
    }
}

/// Why a request was not sent.
const LEADS_NO_MORE: &str = "this process leads no more, so the request was not sent";

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_mandate_ends_at_its_moment_and_can_be_extended() {
        let at = |millis| Uptime(SignedDuration::from_millis(millis));
        let mandate = Mandate::none();
        assert!(!mandate.holds(at(0)));
        mandate.clone().extend(at(10));
        assert!(mandate.holds(at(9)) && !mandate.holds(at(10)));
        assert!(Mandate::unlimited().holds(at(9)));
    }
}
