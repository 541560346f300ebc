//! Who leads: client-go's rules, with the time as an input.
//!
//! A holder renews every retry period. Whoever has watched an unchanged record for a whole lease duration,
//! by its own clock, may take it: the times inside the record are another machine's and decide nothing.
//! A holder that has not renewed for the renew deadline stops acting, which is before anybody else may
//! start.
//!
//! Every decision is made by [`Uptime`]. The wall clock is written into the record, for people, and decides
//! nothing: somebody may set it.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// The time since the machine started, whether it slept meanwhile or not: a clock that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(pub SignedDuration);

impl Uptime {
    /// How long this is after an earlier time.
    #[must_use]
    pub fn since(self, earlier: Self) -> SignedDuration {
        self.0 - earlier.0
    }

    /// The time that is this much later.
    #[must_use]
    pub fn after(self, wait: SignedDuration) -> Self {
        Self(self.0.saturating_add(wait))
    }
}

/// The lease's times. client-go's defaults, which leave 5 s between the old leader's end and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long an unchanged record keeps others away.
    pub lease: SignedDuration,
    /// How long a holder acts after its last renewal.
    pub renew_deadline: SignedDuration,
    /// How often to try.
    pub retry: SignedDuration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            lease: SignedDuration::from_secs(15),
            renew_deadline: SignedDuration::from_secs(10),
            retry: SignedDuration::from_secs(2),
        }
    }
}

/// The lease's record, as far as it decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty for nobody.
    pub holder: String,
    /// Since when the holder says that it holds it.
    pub acquired: Option<Timestamp>,
    /// When the holder says that it renewed it last.
    pub renewed: Option<Timestamp>,
    /// How often it changed hands.
    pub transitions: i32,
}

/// A candidate's view of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its identity.
    pub identity: String,
    /// The record as last seen, and when it was seen to change, by the candidate's own clock.
    pub seen: Option<(Record, Uptime)>,
    /// Until when it leads, if it does.
    pub leads_until: Option<Uptime>,
}

/// What to write to the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: somebody else holds it.
    Wait,
    /// This record, if the lease is still as it was seen.
    Write(Record),
}

impl Candidate {
    /// A candidate that has seen nothing.
    #[must_use]
    pub fn new(identity: String) -> Self {
        Self { identity, seen: None, leads_until: None }
    }

    /// Takes note of the lease as it was read.
    #[must_use]
    pub fn observed(self, record: Record, now: Uptime) -> Self {
        match &self.seen {
            Some((known, _)) if *known == record => self,
            _ => Self { seen: Some((record, now)), ..self },
        }
    }

    /// What to write, as things are. `wall` is the time for people.
    #[must_use]
    pub fn claim(&self, times: Times, now: Uptime, wall: Timestamp) -> Claim {
        let Some((record, since)) = &self.seen else { return Claim::Wait };
        let ours = record.holder == self.identity;
        let expired = now.since(*since) >= times.lease;
        if !ours && !record.holder.is_empty() && !expired {
            return Claim::Wait;
        }
        let transitions = record.transitions + i32::from(!ours);
        let kept = |time: Option<Timestamp>| time.filter(|_| ours);
        // Others take a record that does not change for one that nobody renews, so a clock that was set
        // back must not write the same time again.
        let next = kept(record.renewed).and_then(|last| last.checked_add(SignedDuration::from_secs(1)).ok());
        Claim::Write(Record {
            holder: self.identity.clone(),
            acquired: kept(record.acquired).or(Some(wall)),
            renewed: Some(next.map_or(wall, |next| next.max(wall))),
            transitions,
        })
    }

    /// Takes note that a record was written. `asked` is when the write was sent: the lease counts from then.
    #[must_use]
    pub fn wrote(self, record: Record, asked: Uptime, times: Times) -> Self {
        Self { seen: Some((record, asked)), leads_until: Some(asked.after(times.renew_deadline)), ..self }
    }

    /// Whether the candidate may act.
    #[must_use]
    pub fn leads(&self, now: Uptime) -> bool {
        self.leads_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Uptime {
        Uptime(SignedDuration::from_secs(seconds))
    }

    fn wall(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn held_by(holder: &str, renewed: i64) -> Record {
        let time = Some(wall(renewed));
        Record { holder: holder.to_owned(), acquired: time, renewed: time, transitions: 0 }
    }

    fn claim(candidate: &Candidate, now: i64) -> Claim {
        candidate.claim(Times::default(), at(now), wall(now))
    }

    #[test]
    fn an_unchanged_record_is_taken_after_the_lease_and_not_before() {
        // The record's own time is an hour off: it does not count.
        let candidate = Candidate::new("b".to_owned()).observed(held_by("a", 3600), at(0));
        assert_eq!(claim(&candidate, 14), Claim::Wait);
        assert!(matches!(claim(&candidate, 15), Claim::Write(_)));
    }

    #[test]
    fn a_renewed_record_starts_the_wait_anew() {
        let candidate = Candidate::new("b".to_owned())
            .observed(held_by("a", 0), at(0))
            .observed(held_by("a", 10), at(10));
        assert_eq!(claim(&candidate, 20), Claim::Wait);
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let candidate = Candidate::new("b".to_owned()).observed(Record::default(), at(0));
        assert!(matches!(claim(&candidate, 0), Claim::Write(_)));
    }

    #[test]
    fn a_renewal_keeps_the_time_of_the_acquisition_and_a_take_over_does_not() {
        let holder = Candidate::new("a".to_owned()).observed(held_by("a", 100), at(0));
        let Claim::Write(renewed) = holder.claim(Times::default(), at(2), wall(102)) else { panic!("waits") };
        assert_eq!((renewed.acquired, renewed.renewed), (Some(wall(100)), Some(wall(102))));
        let other = Candidate::new("b".to_owned()).observed(renewed, at(2));
        let Claim::Write(taken) = other.claim(Times::default(), at(17), wall(117)) else { panic!("waits") };
        assert_eq!((taken.acquired, taken.transitions), (Some(wall(117)), 1));
    }

    #[test]
    fn a_clock_that_was_set_back_still_renews() {
        let holder = Candidate::new("a".to_owned()).observed(held_by("a", 3600), at(0));
        let Claim::Write(renewed) = holder.claim(Times::default(), at(2), wall(2)) else { panic!("waits") };
        assert_eq!(renewed.renewed, Some(wall(3601)));
    }

    /// Two candidates, one lease that takes a write only over what its writer has read, and an API server
    /// that either of them may be cut off from at any time. Each has a wall clock that somebody sets.
    #[derive(Debug, Clone)]
    enum Turn {
        Pass(i64),
        Set(usize, i64),
        Try(usize, bool),
    }

    fn turns() -> impl Strategy<Value = Vec<Turn>> {
        let turn = prop_oneof![
            4 => (1..6_i64).prop_map(Turn::Pass),
            1 => (0..2_usize, -7200..7200_i64).prop_map(|(who, by)| Turn::Set(who, by)),
            4 => (0..2_usize, prop::bool::weighted(0.7)).prop_map(|(who, reached)| Turn::Try(who, reached)),
        ];
        prop::collection::vec(turn, 1..200)
    }

    /// One try of a candidate that reaches the API server.
    fn attempt(one: &Candidate, lease: &mut Record, now: i64, wall: Timestamp) -> Candidate {
        let candidate = one.clone().observed(lease.clone(), at(now));
        match candidate.claim(Times::default(), at(now), wall) {
            Claim::Wait => candidate,
            Claim::Write(record) => {
                *lease = record.clone();
                candidate.wrote(record, at(now), Times::default())
            }
        }
    }

    proptest! {
        #[test]
        fn two_never_lead_at_once_whatever_their_wall_clocks_say(turns in turns()) {
            let mut lease = Record::default();
            let mut both = [Candidate::new("a".to_owned()), Candidate::new("b".to_owned())];
            let (mut now, mut offsets) = (0, [1_000_000; 2]);
            for turn in turns {
                match turn {
                    Turn::Pass(seconds) => now += seconds,
                    Turn::Set(who, by) => offsets[who] += by,
                    Turn::Try(_, false) => {}
                    Turn::Try(who, true) => {
                        both[who] = attempt(&both[who], &mut lease, now, wall(now + offsets[who]));
                    }
                }
                prop_assert!(both.iter().filter(|one| one.leads(at(now))).count() <= 1);
            }
        }

        #[test]
        fn a_step_of_the_wall_clock_neither_ends_nor_prolongs_a_leaders_time(by in -7200..7200_i64) {
            let mut lease = Record::default();
            let leader = attempt(&Candidate::new("a".to_owned()), &mut lease, 0, wall(1_000_000));
            let leader = attempt(&leader, &mut lease, 2, wall(1_000_002 + by));
            prop_assert!(leader.leads(at(11)) && !leader.leads(at(12)));
        }
    }
}
