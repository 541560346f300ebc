//! Who gets which position on an instance.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{EniId, Instance, InstanceType, Position};

/// Highest device index that is tried.
///
/// EC2 states no bound; instance types carry far fewer ENIs on a card.
const LAST_DEVICE: u32 = 127;

/// A slot that needs a position, or has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The slot's object, by name.
    pub name: &'a str,
    /// Its ENI, if there is one.
    pub eni: Option<EniId>,
    /// Where it hangs already.
    pub held: Option<Position>,
    /// Where it should hang.
    pub wanted: Position,
}

/// What a slot gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Room.
    At(Position),
    /// None: the card carries as many ENIs as it can.
    Full {
        /// How many that is.
        max_enis: u32,
    },
    /// The instance type has no such card.
    NoSuchCard {
        /// How many it has.
        cards: usize,
    },
}

/// Gives each slot a place, by name of the slot.
///
/// Room on a card is claimed here, before anything is created. A slot that hangs somewhere keeps its place, and
/// one that has an ENI gets room before those that have none: no ENI is given up for one that does not exist yet.
/// Who has room takes the position that it wants, or the next free one above it, or the lowest free one. Those
/// that get what they want come first, so that who loses a place takes nobody else's. Ties go by name, so that
/// the order of the arguments does not matter.
#[must_use]
pub fn assign<'a>(
    claims: &[Claim<'a>],
    instance: &Instance,
    instance_type: Option<&InstanceType>,
) -> BTreeMap<&'a str, Place> {
    let mut taken = taken(claims, instance);
    let mut order = losers(claims, &taken);
    order.sort_by_key(|(claim, loses)| (claim.held.is_none(), claim.eni.is_none(), *loses));
    let mut room = Room::left(&taken, instance_type);
    let mut places = BTreeMap::new();
    let mut admitted = vec![];
    for (claim, loses) in order {
        match claim.held.map_or_else(|| room.claim(claim.wanted.card), |_| Ok(())) {
            Ok(()) => admitted.push((claim, loses)),
            Err(place) => drop(places.insert(claim.name, place)),
        }
    }
    admitted.sort_by_key(|(claim, loses)| (claim.held.is_none(), *loses));
    for (claim, _) in admitted {
        let place = claim.held.map_or_else(|| find(claim.wanted, &taken), Place::At);
        if let Place::At(at) = place {
            taken.insert(at);
        }
        places.insert(claim.name, place);
    }
    places
}

/// The claims in the order in which they take what they want, each with whether somebody was there before it.
fn losers<'c, 'a>(claims: &'c [Claim<'a>], taken: &BTreeSet<Position>) -> Vec<(&'c Claim<'a>, bool)> {
    let mut order: Vec<&Claim<'a>> = claims.iter().collect();
    order.sort_by_key(|claim| (claim.held.is_none(), claim.eni.is_none(), claim.wanted, claim.name));
    let mut given = taken.clone();
    let with_lot = |claim: &'c Claim<'a>| (claim, claim.held.is_none() && !given.insert(claim.wanted));
    order.into_iter().map(with_lot).collect()
}

/// How many more ENIs each card takes; nothing is known of a type that EC2 was not asked about.
struct Room<'t> {
    instance_type: Option<&'t InstanceType>,
    held: BTreeMap<u32, usize>,
}

impl<'t> Room<'t> {
    fn left(taken: &BTreeSet<Position>, instance_type: Option<&'t InstanceType>) -> Self {
        let mut held = BTreeMap::new();
        for position in taken {
            *held.entry(position.card).or_default() += 1;
        }
        Self { instance_type, held }
    }

    /// Claims room for one more ENI, or says why there is none.
    fn claim(&mut self, index: u32) -> Result<(), Place> {
        let held = self.held.entry(index).or_default();
        if let Some(known) = self.instance_type {
            let card = known.cards.iter().find(|card| card.index == index);
            let card = card.ok_or(Place::NoSuchCard { cards: known.cards.len() })?;
            if *held >= card.max_enis as usize {
                return Err(Place::Full { max_enis: card.max_enis });
            }
        }
        *held += 1;
        Ok(())
    }
}

/// Positions that are held: what the instance shows of others' ENIs, and what we know of ours.
fn taken(claims: &[Claim<'_>], instance: &Instance) -> BTreeSet<Position> {
    let ours: BTreeSet<&EniId> = claims.iter().filter_map(|claim| claim.eni.as_ref()).collect();
    let others = instance.held.iter().filter(|held| !ours.contains(&held.eni)).map(|held| held.at);
    others.chain(claims.iter().filter_map(|claim| claim.held)).collect()
}

/// A free position on the wanted card.
fn find(wanted: Position, taken: &BTreeSet<Position>) -> Place {
    let lowest = u32::from(wanted.card == 0);
    let at = |device| Position { card: wanted.card, device };
    let above = wanted.device.max(lowest)..=LAST_DEVICE;
    let free = above.chain(lowest..wanted.device).map(at).find(|at| !taken.contains(at));
    free.map_or(Place::Full { max_enis: LAST_DEVICE + 1 }, Place::At)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Card, HeldPosition, InstanceState};

    fn at(device: u32) -> Position {
        Position { card: 0, device }
    }

    fn eni(n: u32) -> EniId {
        format!("eni-{n:08x}").parse().unwrap()
    }

    fn instance(held: &[u32]) -> Instance {
        Instance {
            id: "i-0123456789abcdef0".parse().unwrap(),
            state: InstanceState::Running,
            instance_type: "m6i.large".to_owned(),
            zone: "a".to_owned(),
            vpc: None,
            subnet: None,
            metadata_hop_limit: None,
            held: held.iter().map(|&n| HeldPosition { at: at(n), eni: eni(n) }).collect(),
        }
    }

    fn type_with(max_enis: u32) -> InstanceType {
        InstanceType {
            name: "m6i.large".to_owned(),
            cards: vec![Card { index: 0, max_enis }],
            ipv4_addresses_per_eni: 10,
            ipv6_addresses_per_eni: 10,
            shared_attachments: None,
        }
    }

    fn claim(name: &str, device: u32) -> Claim<'_> {
        Claim { name, eni: None, held: None, wanted: at(device) }
    }

    #[track_caller]
    fn check(claims: &[Claim<'_>], held: &[u32], max_enis: u32, expected: &[(&str, Place)]) {
        let expected: BTreeMap<&str, Place> = expected.iter().cloned().collect();
        assert_eq!(assign(claims, &instance(held), Some(&type_with(max_enis))), expected);
    }

    #[test]
    fn a_free_wanted_position_is_given() {
        check(&[claim("a", 2)], &[0, 1], 4, &[("a", Place::At(at(2)))]);
    }

    #[test]
    fn a_held_position_moves_the_slot_up_and_then_around() {
        check(&[claim("a", 1)], &[0, 1], 4, &[("a", Place::At(at(2)))]);
        check(&[claim("a", LAST_DEVICE)], &[0, LAST_DEVICE], 4, &[("a", Place::At(at(1)))]);
    }

    #[test]
    fn a_slot_that_gets_what_it_wants_is_served_before_one_that_cannot() {
        let claims = [claim("a", 1), claim("b", 2)];
        check(&claims, &[0, 1], 4, &[("a", Place::At(at(3))), ("b", Place::At(at(2)))]);
    }

    #[test]
    fn one_that_has_an_eni_but_loses_its_place_takes_no_place_that_another_wants() {
        let displaced = Claim { eni: Some(eni(7)), ..claim("a", 1) };
        let claims = [displaced, claim("b", 2)];
        check(&claims, &[0, 1], 4, &[("a", Place::At(at(3))), ("b", Place::At(at(2)))]);
        check(&claims, &[0, 1], 3, &[("a", Place::At(at(2))), ("b", Place::Full { max_enis: 3 })]);
    }

    #[test]
    fn two_slots_never_share_a_position() {
        let claims = [claim("a", 2), claim("b", 2)];
        check(&claims, &[0], 4, &[("a", Place::At(at(2))), ("b", Place::At(at(3)))]);
    }

    #[test]
    fn room_is_counted_by_card_and_the_primary_counts() {
        let claims = [claim("a", 2), claim("b", 3)];
        check(&claims, &[0, 1], 3, &[("a", Place::At(at(2))), ("b", Place::Full { max_enis: 3 })]);
    }

    #[test]
    fn a_card_that_the_type_lacks_is_refused() {
        let other = Claim { wanted: Position { card: 1, device: 1 }, ..claim("a", 1) };
        check(&[other], &[0], 3, &[("a", Place::NoSuchCard { cards: 1 })]);
    }

    #[test]
    fn our_own_eni_does_not_stand_in_its_own_way() {
        let moved = Claim { eni: Some(eni(2)), ..claim("a", 2) };
        check(&[moved], &[0, 2], 3, &[("a", Place::At(at(2)))]);
    }
}
