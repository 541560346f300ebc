//! Which pass is due when, as `controller/queue.rs` has it, on the schedule's clock.

use std::collections::BTreeMap;

use eni_operator::controller::PassError;
use eni_operator::model::Ec2ErrorKind;
use eni_operator::plan::{Pace, backoff};

use crate::key::Key;

/// Shortest time between two passes over a `NodeENI`.
const GATHER: i64 = 1000;

/// Which pass is due when, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    due: BTreeMap<Key, i64>,
    ended: BTreeMap<Key, i64>,
    failures: BTreeMap<Key, u32>,
}

fn interval(key: &Key) -> i64 {
    match key {
        Key::NodeEni(_) | Key::Sweep => GATHER,
        Key::Instance(_) => 0,
    }
}

impl Queue {
    /// Asks for a pass at a time; the earlier of two counts.
    fn at(&mut self, key: Key, at: i64) {
        self.due.entry(key).and_modify(|due| *due = at.min(*due)).or_insert(at);
    }

    /// Something has happened to a key.
    pub fn wake(&mut self, key: Key, now: i64) {
        let earliest = self.ended.get(&key).map_or(now, |ended| ended + interval(&key));
        self.at(key, earliest.max(now));
    }

    /// A pass begins.
    pub fn begun(&mut self, key: &Key) {
        self.due.remove(key);
    }

    /// A pass has ended.
    pub fn ended(&mut self, key: Key, result: &Result<Pace, PassError>, now: i64) {
        self.ended.insert(key.clone(), now);
        let wait = match result {
            Ok(pace) => {
                self.failures.remove(&key);
                match pace {
                    Pace::Settled => return,
                    Pace::Within(wait) => *wait,
                }
            }
            Err(error) => {
                let failures = self.failures.entry(key.clone()).or_default();
                *failures += 1;
                let kind = match error {
                    PassError::Panicked => Ec2ErrorKind::Refused,
                    PassError::Ec2(error) => error.kind,
                    PassError::Cluster(_) => Ec2ErrorKind::NoAnswer,
                };
                backoff::delay(kind, *failures, 0.0)
            }
        };
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2).max(interval(&key));
        self.at(key, now + wait);
    }

    /// The keys that are due and free.
    pub fn due(&self, now: i64, busy: impl Fn(&Key) -> bool) -> Vec<Key> {
        self.due.iter().filter(|(key, at)| **at <= now && !busy(key)).map(|(key, _)| key.clone()).collect()
    }

    /// Whether nothing is due but a look at all of EC2.
    pub fn only_sweeps(&self) -> bool {
        self.due.keys().all(|key| *key == Key::Sweep)
    }

    /// When the next pass is due.
    pub fn next(&self) -> Option<i64> {
        self.due.values().min().copied()
    }
}
