//! EC2's documented request limits: a bucket of tokens per action.
//!
//! Sizes: the API throttling page of the EC2 developer guide, as of 2026. Per account and region.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::Action;
use crate::clock::Timestamp;
use crate::error::ApiError;
use crate::settings::Throttle;

/// The size of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// How many calls in a burst.
    pub capacity: f64,
    /// How many calls a second in the long run.
    pub refill: f64,
}

/// What is left in a bucket.
#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

/// The levels of all buckets in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets(BTreeMap<&'static str, Level>);

impl Buckets {
    /// Takes a token for the call, or refuses it.
    pub(crate) fn take(
        &mut self,
        limits: &Throttle,
        action: Action,
        unfiltered: bool,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        if !limits.enabled {
            return Ok(());
        }
        let (name, size) = bucket(limits, action, unfiltered);
        let size = Bucket { capacity: size.capacity * limits.scale, refill: size.refill * limits.scale };
        let level = self.0.entry(name).or_insert(Level { tokens: size.capacity, at: now });
        let passed = seconds(now.0.saturating_sub(level.at.0));
        level.tokens = (level.tokens + passed * size.refill).min(size.capacity);
        level.at = now;
        if level.tokens < 1.0 {
            return Err(ApiError::new("RequestLimitExceeded", "Request limit exceeded.", 503));
        }
        level.tokens -= 1.0;
        Ok(())
    }
}

fn seconds(millis: u64) -> f64 {
    // A bucket is full after minutes; days are enough for any gap between two calls.
    f64::from(u32::try_from(millis).unwrap_or(u32::MAX)) / 1000.0
}

/// The name and the size of the bucket a call draws from.
fn bucket(limits: &Throttle, action: Action, unfiltered: bool) -> (&'static str, Bucket) {
    let (name, family, documented) = match (action.changes(), unfiltered) {
        (true, _) if action.limit() != MUTATING => (action.name(), action.name(), action.limit()),
        (true, _) if limits.shared_mutating => ("default-mutating", "default-mutating", MUTATING),
        (true, _) => (action.name(), "default-mutating", MUTATING),
        (false, true) => (action.unfiltered_name(), "unfiltered", UNFILTERED),
        (false, false) => (action.name(), "default-reading", action.limit()),
    };
    let chosen = limits.buckets.get(name).or_else(|| limits.buckets.get(family));
    (name, chosen.copied().unwrap_or(Bucket { capacity: documented.0, refill: documented.1 }))
}

/// Capacity and refill a second of changing actions that have no limit of their own.
const MUTATING: (f64, f64) = (50.0, 5.0);

/// Capacity and refill a second of describes that name no ids, no filter and no page size.
const UNFILTERED: (f64, f64) = (50.0, 10.0);
