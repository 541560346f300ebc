//! A bucket of tokens, one per call, that fills more slowly after EC2 has refused a call for its rate.

use std::time::Duration;

use super::Limit;

/// By how much of its full speed a bucket that was slowed down fills faster, per second.
const RECOVERY: f64 = 0.1;

/// The slowest that a bucket becomes, as a part of its full speed. Never nothing: it would not learn that
/// EC2 has room again.
const SLOWEST: f64 = 1.0 / 16.0;

/// Refusals that come this soon after the one that slowed the bucket down speak of the same excess.
const SAME_EXCESS: Duration = Duration::from_secs(1);

/// What is missing to a token for reasons of rounding only.
const ROUNDING: f64 = 1e-6;

/// A bucket of tokens. Times are counted from any one moment.
///
/// In no stretch of time does it give more than its burst, and what its speed makes of the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    size: Limit,
    tokens: f64,
    /// How fast it fills, as a part of its full speed.
    speed: f64,
    at: Duration,
    slowed: Option<Duration>,
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub fn new(size: Limit, now: Duration) -> Self {
        Self { size, tokens: size.burst, speed: 1.0, at: now, slowed: None }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Duration) -> bool {
        self.fill(now);
        let there = self.tokens + ROUNDING >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// How long until there are as many tokens as this, if nobody takes one.
    #[must_use]
    pub fn until(&self, tokens: usize, now: Duration) -> Duration {
        let mut bucket = self.clone();
        bucket.fill(now);
        let tokens = u32::try_from(tokens).map_or(f64::from(u32::MAX), f64::from);
        let missing = (tokens - bucket.tokens) / bucket.size.per_second;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        let slow = (1.0 - bucket.speed) / RECOVERY;
        let while_slow = filled(bucket.speed, slow);
        let seconds = if missing > while_slow {
            slow + (missing - while_slow)
        } else {
            // The time after which a speed that grows evenly has made so much.
            (bucket.speed.mul_add(bucket.speed, 2.0 * RECOVERY * missing).sqrt() - bucket.speed) / RECOVERY
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// EC2 has refused a call for its rate: there is nothing left of what was thought to be ours, and half
    /// as much is ours from now on, until it has come back bit by bit.
    pub fn refused(&mut self, now: Duration) {
        self.fill(now);
        self.tokens = self.tokens.min(0.0);
        if self.slowed.is_none_or(|at| now.saturating_sub(at) >= SAME_EXCESS) {
            self.speed = (self.speed / 2.0).max(SLOWEST);
            self.slowed = Some(now);
        }
    }

    /// Calls that were made without a token, which those after them wait for.
    pub fn charge(&mut self, calls: u32, now: Duration) {
        self.fill(now);
        self.tokens -= f64::from(calls);
    }

    /// How many calls may be made at once; less than nothing where some were made without a token.
    #[must_use]
    pub fn tokens(&self, now: Duration) -> f64 {
        let mut bucket = self.clone();
        bucket.fill(now);
        bucket.tokens
    }

    /// How many calls a second may be made in the long run.
    #[must_use]
    pub fn per_second(&self, now: Duration) -> f64 {
        let mut bucket = self.clone();
        bucket.fill(now);
        bucket.size.per_second * bucket.speed
    }

    /// Whether it fills more slowly than it could.
    #[must_use]
    pub fn is_slowed(&self, now: Duration) -> bool {
        let mut bucket = self.clone();
        bucket.fill(now);
        bucket.speed < 1.0
    }

    /// Brings the level up to the time. One that went back counts for none.
    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        let slow = passed.min((1.0 - self.speed) / RECOVERY);
        let gained = (filled(self.speed, slow) + (passed - slow)) * self.size.per_second;
        self.tokens = (self.tokens + gained).min(self.size.burst);
        self.speed = (self.speed + RECOVERY * slow).min(1.0);
        self.at = self.at.max(now);
    }
}

/// What a speed that grows evenly makes of a time, in seconds at full speed.
fn filled(speed: f64, seconds: f64) -> f64 {
    (RECOVERY * seconds / 2.0).mul_add(seconds, speed * seconds)
}
