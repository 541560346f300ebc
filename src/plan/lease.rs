//! Who leads: client-go's rules, with the time as an input.
//!
//! A holder renews every retry period. Whoever has watched an unchanged record for a whole lease duration,
//! by its own clock, may take it: the times inside the record are another machine's and decide nothing.
//! A holder that has not renewed for the renew deadline stops acting, which is before anybody else may
//! start.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

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
    pub seen: Option<(Record, Timestamp)>,
    /// Until when it leads, if it does.
    pub leads_until: Option<Timestamp>,
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
    pub fn observed(self, record: Record, now: Timestamp) -> Self {
        match &self.seen {
            Some((known, _)) if *known == record => self,
            _ => Self { seen: Some((record, now)), ..self },
        }
    }

    /// What to write, as things are.
    #[must_use]
    pub fn claim(&self, times: Times, now: Timestamp) -> Claim {
        let Some((record, since)) = &self.seen else { return Claim::Wait };
        let ours = record.holder == self.identity;
        let expired = now.duration_since(*since) >= times.lease;
        if !ours && !record.holder.is_empty() && !expired {
            return Claim::Wait;
        }
        let transitions = record.transitions + i32::from(!ours);
        Claim::Write(Record { holder: self.identity.clone(), renewed: Some(now), transitions })
    }

    /// Takes note that a record was written. `asked` is when the write was sent: the lease counts from then.
    #[must_use]
    pub fn wrote(self, record: Record, asked: Timestamp, times: Times) -> Self {
        Self { seen: Some((record, asked)), leads_until: Some(asked + times.renew_deadline), ..self }
    }

    /// Whether the candidate may act.
    #[must_use]
    pub fn leads(&self, now: Timestamp) -> bool {
        self.leads_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn held_by(holder: &str, renewed: i64) -> Record {
        Record { holder: holder.to_owned(), renewed: Some(at(renewed)), transitions: 0 }
    }

    #[test]
    fn an_unchanged_record_is_taken_after_the_lease_and_not_before() {
        // The record's own time is an hour off: it does not count.
        let candidate = Candidate::new("b".to_owned()).observed(held_by("a", 3600), at(0));
        assert_eq!(candidate.claim(Times::default(), at(14)), Claim::Wait);
        assert!(matches!(candidate.claim(Times::default(), at(15)), Claim::Write(_)));
    }

    #[test]
    fn a_renewed_record_starts_the_wait_anew() {
        let candidate = Candidate::new("b".to_owned())
            .observed(held_by("a", 0), at(0))
            .observed(held_by("a", 10), at(10));
        assert_eq!(candidate.claim(Times::default(), at(20)), Claim::Wait);
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let candidate = Candidate::new("b".to_owned()).observed(Record::default(), at(0));
        assert!(matches!(candidate.claim(Times::default(), at(0)), Claim::Write(_)));
    }

    /// Two candidates, one lease that takes a write only over what its writer has read, and an API server
    /// that either of them may be cut off from at any time.
    #[derive(Debug, Clone)]
    enum Turn {
        Pass(i64),
        Try(usize, bool),
    }

    fn turns() -> impl Strategy<Value = Vec<Turn>> {
        let turn = prop_oneof![
            (1..6_i64).prop_map(Turn::Pass),
            (0..2_usize, prop::bool::weighted(0.7)).prop_map(|(who, reached)| Turn::Try(who, reached)),
        ];
        prop::collection::vec(turn, 1..200)
    }

    proptest! {
        #[test]
        fn two_never_lead_at_once(turns in turns()) {
            let times = Times::default();
            let mut lease = Record::default();
            let mut both = [Candidate::new("a".to_owned()), Candidate::new("b".to_owned())];
            let mut now = 0;
            for turn in turns {
                match turn {
                    Turn::Pass(seconds) => now += seconds,
                    Turn::Try(_, false) => {}
                    Turn::Try(who, true) => {
                        let candidate = both[who].clone().observed(lease.clone(), at(now));
                        both[who] = match candidate.claim(times, at(now)) {
                            Claim::Wait => candidate,
                            Claim::Write(record) => {
                                lease = record.clone();
                                candidate.wrote(record, at(now), times)
                            }
                        };
                    }
                }
                prop_assert!(both.iter().filter(|one| one.leads(at(now))).count() <= 1);
            }
        }
    }
}
