//! How soon the next pass may be: at once, unless there were many just now.

use k8s_openapi::jiff::SignedDuration;

use crate::plan::lease::Uptime;

/// Passes that may follow one another at once. A device that comes is announced several times.
const BURST: i32 = 8;

/// What a pass costs in the long run: a node whose pods come and go announces links without end.
const EACH: SignedDuration = SignedDuration::from_millis(100);

/// What is left of the burst.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burst {
    /// When it will be, or was, whole again.
    whole_at: Uptime,
}

impl Burst {
    pub(super) fn whole(now: Uptime) -> Self {
        Self { whole_at: now }
    }

    /// How long to wait before the next pass, which is counted.
    pub(super) fn next(&mut self, now: Uptime) -> SignedDuration {
        let spent = self.whole_at.max(now).since(now);
        self.whole_at = self.whole_at.max(now).after(EACH);
        (spent - EACH * (BURST - 1)).max(SignedDuration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_at_once_and_many_come_one_by_one() {
        let start = Uptime(SignedDuration::from_secs(100));
        let mut burst = Burst::whole(start);
        let waits: Vec<i128> = (0..11).map(|_| burst.next(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 300]);
        let later = start.after(SignedDuration::from_secs(2));
        assert!((0..8).all(|_| burst.next(later).is_zero()));
        assert_eq!(burst.next(later).as_millis(), 100);
    }
}
