//! Instances of which EC2 says that they carry no more ENIs, although the numbers of their type leave room.
//!
//! One refusal may come of an ENI that has left a moment ago and that EC2 still counts. One that is repeated after
//! the lag, while nothing has left, is believed until something leaves, or the instance gets another type.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::model::{EniId, Instance, InstanceState};

/// How long one refusal keeps others from being made: as long as an ENI that exists may wait before it is tried
/// again, see [`super::backoff`].
const DOUBT: SignedDuration = SignedDuration::from_mins(10);

/// What EC2 has refused on one instance, by network card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals(BTreeMap<u32, Refusal>);

/// Attaches that EC2 has refused, with nothing having left since the first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    first: Timestamp,
    last: Timestamp,
    /// What the card carried when it was looked at after that; none before.
    load: Option<Load>,
}

/// What a card carried.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Load {
    instance_type: String,
    enis: BTreeSet<EniId>,
}

/// Whether EC2 takes another ENI on a card, as far as it has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It has not said no.
    Open,
    /// It has said no, a moment ago: an ENI that exists may be tried again, and none is made.
    Doubtful,
    /// It has said no again and again.
    Full,
}

impl Refusals {
    /// EC2 has refused to attach one more ENI to a card.
    pub fn refused(&mut self, card: u32, now: Timestamp) {
        let refusal = self.0.entry(card).or_insert(Refusal { first: now, last: now, load: None });
        refusal.last = now;
    }

    /// EC2 has taken an ENI on a card.
    pub fn taken(&mut self, card: u32) {
        self.0.remove(&card);
    }

    /// EC2 tells of the instance: what it has refused counts as long as nothing has left the card.
    pub fn observe(&mut self, instance: &Instance) {
        self.0.retain(|card, refusal| {
            let held = instance.held.iter().filter(|held| held.at.card == *card);
            let now = Load {
                instance_type: instance.instance_type.clone(),
                enis: held.map(|held| held.eni.clone()).collect(),
            };
            let before = refusal.load.get_or_insert_with(|| now.clone());
            let same = before.instance_type == now.instance_type && before.enis.is_subset(&now.enis);
            *before = now;
            same && instance.state != InstanceState::Terminated
        });
    }

    /// Whether EC2 takes another ENI on a card, as far as it has said.
    #[must_use]
    pub fn room(&self, card: u32, lag: SignedDuration, now: Timestamp) -> Room {
        match self.0.get(&card) {
            Some(refusal) if refusal.last.duration_since(refusal.first) >= lag => Room::Full,
            Some(refusal) if now.duration_since(refusal.last) < DOUBT => Room::Doubtful,
            None | Some(_) => Room::Open,
        }
    }

    /// Whether nothing was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HeldPosition, Position};

    const LAG: SignedDuration = SignedDuration::from_secs(60);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn instance(instance_type: &str, held: &[u32]) -> Instance {
        let eni = |n: u32| format!("eni-{n:08x}").parse().unwrap();
        Instance {
            id: "i-0123456789abcdef0".parse().unwrap(),
            state: InstanceState::Running,
            instance_type: instance_type.to_owned(),
            zone: "a".to_owned(),
            vpc: None,
            subnet: None,
            metadata_hop_limit: None,
            held: held
                .iter()
                .map(|&n| HeldPosition { at: Position { card: 0, device: n }, eni: eni(n) })
                .collect(),
        }
    }

    fn refused(times: &[i64], seen: &[Instance]) -> Room {
        let mut refusals = Refusals::default();
        for &time in times {
            refusals.refused(0, at(time));
        }
        for one in seen {
            refusals.observe(one);
        }
        refusals.room(0, LAG, at(100))
    }

    #[test]
    fn a_refusal_is_believed_once_it_is_repeated_after_the_lag() {
        assert_eq!(refused(&[], &[]), Room::Open);
        assert_eq!(refused(&[0], &[]), Room::Doubtful);
        assert_eq!(refused(&[0, 59], &[]), Room::Doubtful);
        assert_eq!(refused(&[0, 30, 60], &[]), Room::Full);
    }

    #[test]
    fn it_is_believed_until_something_leaves_or_the_type_changes() {
        let (full, more) = (instance("m5.large", &[0, 1]), instance("m5.large", &[0, 1, 2]));
        let still = |next: Instance| refused(&[0, 60], &[full.clone(), next]);
        assert_eq!([still(full.clone()), still(more)], [Room::Full, Room::Full]);
        for other in [
            instance("m5.large", &[0]),
            instance("m5.large", &[0, 2]),
            instance("m5.xlarge", &[0, 1]),
            Instance { state: InstanceState::Terminated, ..full.clone() },
        ] {
            assert_eq!(still(other), Room::Open);
        }
    }

    #[test]
    fn what_came_later_counts_when_it_leaves() {
        let (one, two) = (instance("m5.large", &[0]), instance("m5.large", &[0, 1]));
        assert_eq!(refused(&[0, 60], &[one.clone(), two, one]), Room::Open);
    }

    #[test]
    fn what_was_refused_once_is_forgotten_when_it_is_taken_or_nobody_tries_again() {
        let mut refusals = Refusals::default();
        refusals.refused(0, at(0));
        assert_eq!([599, 600].map(|now| refusals.room(0, LAG, at(now))), [Room::Doubtful, Room::Open]);
        refusals.taken(0);
        assert_eq!(refusals.room(0, LAG, at(1)), Room::Open);
    }

    #[test]
    fn a_card_says_nothing_of_another() {
        let mut refusals = Refusals::default();
        refusals.refused(0, at(0));
        refusals.refused(0, at(60));
        let rooms = [0, 1].map(|card| refusals.room(card, LAG, at(100)));
        assert_eq!(rooms, [Room::Full, Room::Open]);
    }
}
