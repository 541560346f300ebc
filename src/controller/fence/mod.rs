//! EC2 and Kubernetes, for as long as this process leads.
//!
//! The timer that ends a leader's acting is not enough: a process that was stopped and goes on is woken by
//! its sockets before its timers. So the time is looked at right before anything is sent that changes
//! something.

mod cluster;
mod ec2;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use k8s_openapi::jiff::Timestamp;

use super::Clock;

/// Until when this process may act, in seconds since 1970. Its copies tell the same.
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
    pub(super) fn extend(&self, until: Timestamp) {
        self.0.store(until.as_second(), Ordering::SeqCst);
    }

    fn holds(&self, now: Timestamp) -> bool {
        now.as_second() < self.0.load(Ordering::SeqCst)
    }
}

/// A port, for as long as this process leads. Reads change nothing and are let through.
pub(super) struct Fenced<P, K> {
    inner: P,
    mandate: Mandate,
    clock: K,
}

impl<P, K: Clock> Fenced<P, K> {
    pub(super) fn new(inner: P, mandate: Mandate, clock: K) -> Self {
        Self { inner, mandate, clock }
    }

    /// Whether this process may still change anything.
    fn leads(&self) -> bool {
        self.mandate.holds(self.clock.now())
    }
}

/// Why a request was not sent.
const LEADS_NO_MORE: &str = "this process leads no more, so the request was not sent";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_ends_at_its_second_and_can_be_extended() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mandate = Mandate::none();
        assert!(!mandate.holds(at(0)));
        mandate.clone().extend(at(10));
        assert!(mandate.holds(at(9)) && !mandate.holds(at(10)));
        assert!(Mandate::unlimited().holds(at(9)));
    }
}
