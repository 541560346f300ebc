//! Which place each subnet has in its zone.
//!
//! The same device index must mean the same network on every node of a zone, old and new. So a place,
//! once given, stays: a subnet put in front of the list gets the next free place, not the first.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::SubnetOffset;
use crate::model::{Ownership, Subnet, SubnetId};

/// Gives each listed subnet its place.
///
/// `given` are the places as last recorded, `used` those that living ENIs were made with: both stay with
/// their subnets while these are listed or used. A place that was given to two subnets of a zone, which
/// a lost record can bring about, stays with the one that uses it, and else with the first by id.
#[must_use]
pub fn allot(
    listed: &[Subnet],
    given: &[SubnetOffset],
    used: &BTreeMap<SubnetId, SubnetOffset>,
) -> Vec<SubnetOffset> {
    let mut kept: Vec<SubnetOffset> = used.values().cloned().collect();
    let is_listed = |id: &str| listed.iter().any(|subnet| subnet.id.as_str() == id);
    let mut given: Vec<&SubnetOffset> = given.iter().filter(|one| is_listed(&one.subnet_id)).collect();
    given.sort();
    for one in given {
        let clashes = |other: &SubnetOffset| {
            other.subnet_id == one.subnet_id || (other.zone == one.zone && other.offset == one.offset)
        };
        if !kept.iter().any(clashes) {
            kept.push(one.clone());
        }
    }
    for subnet in listed {
        if !kept.iter().any(|one| one.subnet_id == subnet.id.as_str()) {
            let offset = lowest_free(&kept, &subnet.zone);
            kept.push(SubnetOffset { subnet_id: subnet.id.to_string(), zone: subnet.zone.clone(), offset });
        }
    }
    kept.sort_by(|a, b| (&a.zone, a.offset, &a.subnet_id).cmp(&(&b.zone, b.offset, &b.subnet_id)));
    kept
}

/// The lowest place of a zone that no subnet has.
fn lowest_free(kept: &[SubnetOffset], zone: &str) -> i64 {
    let taken: BTreeSet<i64> = kept.iter().filter(|one| one.zone == zone).map(|one| one.offset).collect();
    (0..=i64::MAX).find(|offset| !taken.contains(offset)).unwrap_or_default()
}

/// The place that an ENI's tags say its subnet has.
#[must_use]
pub fn tagged(owner: &Ownership, zone: &str) -> SubnetOffset {
    let subnet_id = owner.slot.subnet.to_string();
    SubnetOffset { subnet_id, zone: zone.to_owned(), offset: owner.offset.into() }
}

/// The place of a subnet.
#[must_use]
pub fn of(offsets: &[SubnetOffset], subnet: &SubnetId) -> i64 {
    offsets.iter().find(|one| one.subnet_id == subnet.as_str()).map_or(0, |one| one.offset)
}

/// Numbers of listed subnets by zone, if they are not all the same.
#[must_use]
pub fn uneven(listed: &[Subnet]) -> Option<BTreeMap<&str, usize>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for subnet in listed {
        *counts.entry(&subnet.zone).or_default() += 1;
    }
    let different: BTreeSet<usize> = counts.values().copied().collect();
    (different.len() > 1).then_some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> SubnetId {
        format!("subnet-{n:08x}").parse().unwrap()
    }

    fn subnet(n: u32, zone: &str) -> Subnet {
        Subnet {
            id: id(n),
            name: None,
            vpc: "vpc-00000001".parse().unwrap(),
            zone: zone.to_owned(),
            cidr: "10.0.0.0/24".to_owned(),
            free_addresses: 200,
        }
    }

    fn offset(n: u32, zone: &str, offset: i64) -> SubnetOffset {
        SubnetOffset { subnet_id: id(n).to_string(), zone: zone.to_owned(), offset }
    }

    #[test]
    fn places_follow_the_list_within_each_zone() {
        let listed = [subnet(3, "a"), subnet(1, "b"), subnet(2, "a")];
        let expected = vec![offset(3, "a", 0), offset(2, "a", 1), offset(1, "b", 0)];
        assert_eq!(allot(&listed, &[], &BTreeMap::new()), expected);
    }

    #[test]
    fn a_subnet_put_in_front_takes_the_next_place_and_moves_nobody() {
        let listed = [subnet(9, "a"), subnet(1, "a")];
        let expected = vec![offset(1, "a", 0), offset(9, "a", 1)];
        assert_eq!(allot(&listed, &[offset(1, "a", 0)], &BTreeMap::new()), expected);
    }

    #[test]
    fn the_place_of_a_subnet_that_is_gone_is_free_only_when_its_enis_are() {
        let (given, used) = ([offset(1, "a", 0)], BTreeMap::from([(id(1), offset(1, "a", 0))]));
        let expected = vec![offset(1, "a", 0), offset(2, "a", 1)];
        assert_eq!(allot(&[subnet(2, "a")], &given, &used), expected);
        assert_eq!(allot(&[subnet(2, "a")], &given, &BTreeMap::new()), vec![offset(2, "a", 0)]);
    }

    #[test]
    fn zones_with_unequal_numbers_of_subnets_are_told() {
        let even = [subnet(1, "a"), subnet(2, "b")];
        assert_eq!(uneven(&even), None);
        let odd = [subnet(1, "a"), subnet(2, "b"), subnet(3, "b")];
        assert_eq!(uneven(&odd), Some(BTreeMap::from([("a", 1), ("b", 2)])));
    }
}
