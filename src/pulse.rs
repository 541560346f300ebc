//! Whether the loops still turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::lock::lock;
use tokio::time::Instant;

/// How often a loop beats, though it has nothing to do.
pub(crate) const BEAT: Duration = Duration::from_secs(5);

/// How long after its last beat a loop is stuck: many beats, so that a machine under load is none.
const STUCK: Duration = Duration::from_mins(1);

/// The beats of loops, by name. Its copies tell the same.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

/// A loop's part of the pulse. Dropping it says that the loop has ended, which is no fault.
pub(crate) struct Heart {
    name: &'static str,
    pulse: Pulse,
}

#[expect(clippy::disallowed_methods, reason = "how long ago a beat was; it is told to nobody")]
fn now() -> Instant {
    Instant::now()
}

impl Pulse {
    fn beats(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
        lock(&self.0)
    }

    /// A loop begins.
    pub(crate) fn heart(&self, name: &'static str) -> Heart {
        let heart = Heart { name, pulse: self.clone() };
        heart.beat();
        heart
    }

    /// The loops that have not turned for too long.
    #[must_use]
    pub fn stuck(&self) -> Vec<&'static str> {
        self.stuck_at(now())
    }

    /// A loop that has been silent for longer than it may be.
    #[cfg(test)]
    pub(crate) fn stop_at_its_beginning(&self, name: &'static str) {
        let before = now().checked_sub(STUCK + BEAT);
        self.beats().insert(name, before.unwrap());
    }

    #[cfg(test)]
    pub(crate) fn last(&self, name: &str) -> Option<Instant> {
        self.beats().get(name).copied()
    }

    fn stuck_at(&self, now: Instant) -> Vec<&'static str> {
        let silent = |last: &Instant| now.saturating_duration_since(*last) > STUCK;
        self.beats().iter().filter(|(_, last)| silent(last)).map(|(name, _)| *name).collect()
    }
}

impl Heart {
    /// The loop has turned.
    pub(crate) fn beat(&self) {
        self.pulse.beats().insert(self.name, now());
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.pulse.beats().remove(self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_is_silent_for_a_minute_is_stuck_and_one_that_has_ended_is_not() {
        let pulse = Pulse::default();
        let (turns, hangs) = (pulse.heart("turns"), pulse.heart("hangs"));
        assert!(pulse.stuck().is_empty());
        let later = now() + STUCK + Duration::from_secs(1);
        pulse.beats().insert(turns.name, later);
        assert_eq!(pulse.stuck_at(later), ["hangs"]);
        drop(hangs);
        assert!(pulse.stuck_at(later).is_empty());
    }
}
