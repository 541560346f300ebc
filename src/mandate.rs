//! Until when this process may act, and the clock by which that is counted.
//!
//! The timer that ends a leader's acting is not enough: a process that was stopped and goes on is woken by
//! its sockets before its timers, in the middle of anything. So the mandate is looked at where a request is
//! written to its connection: `ec2/aws/fence.rs` and `cluster/fence.rs`. Between that look and the kernel's
//! write there is no more than the encoding of the request, in one go of one task: nothing is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Until when this process may act, in milliseconds since the machine started. Its copies tell the same.
#[derive(Debug, Clone)]
pub struct Mandate(Arc<AtomicI64>);

/// This process leads no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process leads no more, so the request was not sent")]
pub struct Lapsed;

impl Mandate {
    /// One that never ends: nobody else acts.
    #[must_use]
    pub fn unlimited() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    /// One that has not begun.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }

    /// Makes it last until then, counted as [`uptime`] is.
    pub fn extend(&self, until: Duration) {
        self.0.store(millis(until), Ordering::SeqCst);
    }

    /// Whether this process may act now.
    pub fn check(&self) -> Result<(), Lapsed> {
        self.check_at(uptime())
    }

    fn check_at(&self, now: Duration) -> Result<(), Lapsed> {
        if millis(now) < self.0.load(Ordering::SeqCst) { Ok(()) } else { Err(Lapsed) }
    }
}

/// Whether an error, or what caused it, is that this process leads no more.
#[must_use]
pub fn is_lapse(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(<dyn std::error::Error>::is::<Lapsed>)
}

/// The time since the machine started, its sleep included: a lease goes on while the machine is suspended,
/// and `CLOCK_MONOTONIC` does not.
#[must_use]
pub fn uptime() -> Duration {
    let since = clock_gettime(ClockId::Boottime);
    // The kernel counts up from zero, and keeps the nanoseconds below a second.
    Duration::new(
        u64::try_from(since.tv_sec).unwrap_or_default(),
        u32::try_from(since.tv_nsec).unwrap_or_default(),
    )
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_ends_at_its_moment_and_can_be_extended() {
        let at = Duration::from_millis;
        let mandate = Mandate::none();
        assert_eq!(mandate.check_at(at(0)), Err(Lapsed));
        mandate.clone().extend(at(10));
        assert_eq!((mandate.check_at(at(9)), mandate.check_at(at(10))), (Ok(()), Err(Lapsed)));
        assert_eq!(Mandate::unlimited().check_at(at(9)), Ok(()));
    }

    #[test]
    fn a_mandate_is_held_against_the_machines_uptime() {
        let mandate = Mandate::none();
        mandate.extend(uptime() + Duration::from_mins(1));
        assert_eq!(mandate.check(), Ok(()));
        mandate.extend(uptime());
        assert_eq!(mandate.check(), Err(Lapsed));
    }

    #[test]
    fn a_lapse_is_known_under_any_number_of_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("not sent")]
        struct Unsent(#[source] Box<dyn std::error::Error>);
        let unsent = |cause: Box<dyn std::error::Error>| Unsent(cause);
        assert!(is_lapse(&Lapsed) && is_lapse(&unsent(unsent(Lapsed.into()).into())));
        assert!(!is_lapse(&unsent("reset".into())));
    }
}
