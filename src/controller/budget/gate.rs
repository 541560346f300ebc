//! Who may call next: the line before one action's bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::{Either, select};
use tokio::sync::Notify;

use super::timer::Timer;
use crate::lock::lock;
use crate::plan::budget::{Bucket, Lane, Limit};

/// One action's bucket, and the line before it.
pub(super) struct Gate {
    inside: Mutex<Inside>,
}

/// What a gate knows.
struct Inside {
    bucket: Bucket,
    line: BTreeMap<Place, Arc<Notify>>,
    arrived: u64,
    /// Until when those that were sent away have their turn, by lane.
    booked: BTreeMap<Lane, Duration>,
}

/// A place in the line: by lane, and within it by who came first.
type Place = (Lane, u64);

/// A call is not sent for now: the line is longer than it should wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent {
    /// After how long to ask again.
    pub(super) again_after: Duration,
}

/// What a gate shows to those who watch it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    /// Calls that could be made at once.
    pub(super) tokens: f64,
    /// Calls a second in the long run.
    pub(super) per_second: f64,
    /// Whether that is less than it could be, since EC2 has refused calls.
    pub(super) slowed: bool,
    /// Calls that wait, by lane.
    pub(super) waiting: BTreeMap<Lane, usize>,
}

/// Who goes next.
enum Turn {
    /// The one that asks.
    Now,
    /// The one that asks, then.
    At(Duration),
    /// Somebody else, who tells.
    NotYet(Arc<Notify>),
}

impl Gate {
    /// A gate with a full bucket.
    pub(super) fn new(size: Limit, time: Duration) -> Self {
        let inside = Inside {
            bucket: Bucket::new(size, time),
            line: BTreeMap::new(),
            arrived: 0,
            booked: BTreeMap::new(),
        };
        Self { inside: Mutex::new(inside) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    /// Waits for a turn, for as long as its lane has patience.
    ///
    /// A call of a higher lane goes first, whenever it comes; within a lane the first that came.
    pub(super) async fn turn(&self, lane: Lane, timer: &impl Timer) -> Result<(), Spent> {
        let ticket = self.enter(lane, timer.now())?;
        let end = timer.now() + patience(lane);
        loop {
            match self.next(&ticket, timer.now()) {
                Turn::Now => return Ok(()),
                Turn::At(at) if at <= end => timer.until(at).await,
                Turn::NotYet(told) if is_told(&told, end, timer).await => {}
                Turn::At(_) | Turn::NotYet(_) => return Err(self.inside().book(lane, timer.now())),
            }
        }
    }

    /// Takes a place in the line, unless the line is too long.
    fn enter(&self, lane: Lane, time: Duration) -> Result<Ticket<'_>, Spent> {
        let mut inside = self.inside();
        if inside.is_too_long(lane, time) {
            return Err(inside.book(lane, time));
        }
        inside.arrived += 1;
        let place = (lane, inside.arrived);
        inside.line.insert(place, Arc::default());
        Ok(Ticket { gate: self, place })
    }

    /// Whether it is the turn of a place, and if so takes a token.
    fn next(&self, ticket: &Ticket<'_>, time: Duration) -> Turn {
        let mut inside = self.inside();
        let first = inside.line.first_key_value().map(|(place, _)| *place);
        if first != Some(ticket.place) {
            return Turn::NotYet(inside.line.entry(ticket.place).or_default().clone());
        }
        if inside.bucket.take(time) {
            return Turn::Now;
        }
        // A timer knows milliseconds: one that is early would turn in circles until it is time.
        let wait = inside.bucket.until(1, time).max(Duration::from_millis(1));
        Turn::At(time + wait)
    }

    /// Calls beyond the one that had its turn: a listing of several pages is known to be one when it is over.
    pub(super) fn charge(&self, calls: u32, time: Duration) {
        self.inside().bucket.charge(calls, time);
    }

    /// EC2 has refused a call for its rate.
    pub(super) fn refused(&self, time: Duration) {
        self.inside().bucket.refused(time);
    }

    /// How full the bucket is, and who waits.
    pub(super) fn level(&self, time: Duration) -> Level {
        let inside = self.inside();
        let mut waiting: BTreeMap<Lane, usize> = Lane::ALL.into_iter().map(|lane| (lane, 0)).collect();
        for (lane, _) in inside.line.keys() {
            *waiting.entry(*lane).or_default() += 1;
        }
        Level {
            tokens: inside.bucket.tokens(time),
            per_second: inside.bucket.per_second(time),
            slowed: inside.bucket.is_slowed(time),
            waiting,
        }
    }
}

/// How long a call of a lane waits at most.
fn patience(lane: Lane) -> Duration {
    Duration::try_from(lane.patience()).unwrap_or_default()
}

/// Waits to be told something, or until the end.
async fn is_told(told: &Notify, end: Duration, timer: &impl Timer) -> bool {
    let (told, end) = (std::pin::pin!(told.notified()), std::pin::pin!(timer.until(end)));
    matches!(select(told, end).await, Either::Left(_))
}

impl Inside {
    /// Whether a newcomer would wait for longer than its lane has patience, or where too many do.
    fn is_too_long(&self, lane: Lane, time: Duration) -> bool {
        let before = self.line.range(..=(lane, u64::MAX)).count();
        let beside = self.line.range((lane, 0)..=(lane, u64::MAX)).count();
        beside >= lane.longest_line() || self.bucket.until(before + 1, time) > patience(lane)
    }

    /// Books a turn behind the line, and behind those that were sent away before.
    ///
    /// They are told to come back a little earlier than that, so that the line does not run empty.
    fn book(&mut self, lane: Lane, time: Duration) -> Spent {
        let before = self.line.range(..=(lane, u64::MAX)).count();
        let behind_line = time + self.bucket.until(before + 1, time);
        let each = Duration::try_from_secs_f64(1.0 / self.bucket.per_second(time)).unwrap_or_default();
        let booked = self.booked.entry(lane).or_default();
        *booked = behind_line.max(*booked + each);
        let in_line = behind_line.saturating_sub(time).min(patience(lane));
        let again_after = booked.saturating_sub(time + in_line / 2).max(Duration::from_secs(1));
        Spent { again_after }
    }
}

/// A place in the line, given up when its turn has come or nobody waits for it any more.
struct Ticket<'a> {
    gate: &'a Gate,
    place: Place,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut inside = self.gate.inside();
        inside.line.remove(&self.place);
        if let Some((_, next)) = inside.line.first_key_value() {
            next.notify_one();
        }
    }
}
