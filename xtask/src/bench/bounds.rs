//! What the buckets allow.

use anyhow::{Result, anyhow};
use eni_operator::{
    model::Call,
    plan::budget::{Limits, Share},
};
use serde_json::{Value, json};

/// The buckets of both sides: as large as documented, filling so many times as fast.
pub(super) struct Buckets {
    limits: Limits,
    share: Share,
    text: String,
    sizes: Vec<(Call, f64, f64)>,
    part: f64,
}

impl Buckets {
    pub(super) fn new(speed: f64, part: f64) -> Result<Self> {
        let documented = Limits::default();
        let sizes: Vec<(Call, f64, f64)> = Call::ALL
            .into_iter()
            .map(|call| (call, documented.of(call).burst, documented.of(call).per_second * speed))
            .collect();
        let entries = sizes.iter().map(|(call, burst, rate)| format!("{call}={burst}/{rate}"));
        let text = entries.collect::<Vec<_>>().join(",");
        let limits = text.parse().map_err(|error| anyhow!("--speed: {error}"))?;
        let share = part.to_string().parse().map_err(|error| anyhow!("--api-share: {error}"))?;
        Ok(Self { limits, share, text, sizes, part })
    }

    /// The controller's arguments for them.
    pub(super) fn arguments(&self) -> [String; 2] {
        [format!("--api-limits={}", self.text), format!("--api-share={}", self.part)]
    }

    /// The simulator's setting for them.
    pub(super) fn setting(&self) -> Value {
        let bucket = |(call, burst, rate): &(Call, f64, f64)| {
            (call.action().to_owned(), json!({"capacity": burst, "refill": rate}))
        };
        let buckets: serde_json::Map<String, Value> = self.sizes.iter().map(bucket).collect();
        json!({"throttle": {"enabled": true, "buckets": buckets}})
    }

    /// The shortest time in seconds in which EC2 takes so many of each of these calls, at our share: the whole
    /// of its bursts, of which the controller leaves some.
    pub(super) fn bring_up(&self, count: f64) -> f64 {
        let time = |call: Call| {
            let limit = self.limits.of(call);
            (count - limit.burst * self.part) / (limit.per_second * self.part)
        };
        [Call::Create, Call::Attach, Call::Modify].map(time).into_iter().fold(0.0, f64::max)
    }

    /// The shortest time in seconds in which the controller's own buckets let so many ENIs go.
    pub(super) fn take_away(&self, count: f64) -> f64 {
        let time = |call: Call| {
            let ours = self.limits.ours(call, self.share);
            (count - ours.burst) / ours.per_second
        };
        [Call::Detach, Call::Delete].map(time).into_iter().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attaches_are_what_a_bring_up_waits_for() {
        let buckets = Buckets::new(2.0, 1.0).unwrap();
        assert!((buckets.bring_up(1050.0) - 100.0).abs() < 1e-9);
        assert!(buckets.bring_up(10.0).abs() < 1e-9);
        assert!(Buckets::new(1.0, 1.5).is_err());
    }
}
