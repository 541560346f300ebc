//! What is on kubelet's lists, and which devices go together.

use std::collections::BTreeSet;

use eni_operator::model::{Allotted, Offer, Offers, PodName, Publication, Publications};
use eni_operator::plan::kubelet::{Served, lists, preferred, remembered, served_by_another};
use proptest::prelude::*;

const R: &str = "intel.com/r";
const S: &str = "intel.com/s";

fn id(slot: u8) -> String {
    format!("0000:00:{slot:02x}.0")
}

fn offer(slot: u8, numa_node: Option<u32>) -> Offer {
    Offer {
        device: id(slot).parse().unwrap(),
        healthy: true,
        numa_node,
        driver: "vfio-pci".to_owned(),
        nodes: vec![],
    }
}

fn offers(all: &[(&str, &[u8])]) -> Offers {
    let list = |slots: &[u8]| slots.iter().map(|slot| offer(*slot, None)).collect();
    all.iter().map(|(name, slots)| ((*name).to_owned(), list(slots))).collect()
}

fn served(all: &[(&str, &[u8])]) -> Served {
    all.iter()
        .map(|(name, slots)| ((*name).to_owned(), slots.iter().map(|slot| id(*slot)).collect()))
        .collect()
}

fn allotted(held: &[(&str, u8)], offered: &[(&str, &[u8])]) -> Allotted {
    let pod = PodName { namespace: "default".to_owned(), name: "user".to_owned() };
    let holders = held.iter().map(|(name, slot)| (((*name).to_owned(), id(*slot)), [pod.clone()].into()));
    Allotted { holders: holders.collect(), offered: served(offered) }
}

/// Slots and whether they are healthy.
fn shown(lists: &Offers, name: &str) -> Vec<(String, bool)> {
    lists.get(name).into_iter().flatten().map(|offer| (offer.device.to_string(), offer.healthy)).collect()
}

/// What kubelet has of a resource.
fn has(name: &str, slots: &[u8]) -> Publications {
    let devices = slots.iter().map(|slot| (id(*slot).parse().unwrap(), true)).collect();
    [(name.to_owned(), Publication::Listed(devices))].into()
}

#[test]
fn a_device_that_goes_stays_unhealthy_while_a_pod_may_hold_it() {
    let before = offers(&[(R, &[6, 7])]);
    let now = offers(&[(R, &[7])]);
    for (told, there) in [
        (Some(allotted(&[(R, 6)], &[])), true),
        (Some(allotted(&[(S, 6)], &[])), false),
        (Some(allotted(&[], &[])), false),
        (None, true),
    ] {
        let next = lists(&now, &before, &has(R, &[6, 7]), told.as_ref());
        let gone = shown(&next, R).contains(&(id(6), false));
        assert_eq!(gone, there, "{told:?}");
        assert_eq!(shown(&next, R).len(), 1 + usize::from(there));
    }
}

/// Kubelet keeps the devices of a plugin that ends without an empty list for five minutes.
#[test]
fn a_resource_ends_when_kubelet_has_its_empty_list() {
    let before = offers(&[(R, &[6])]);
    let none = Offers::new();
    let held = lists(&none, &before, &has(R, &[6]), Some(&allotted(&[(R, 6)], &[])));
    assert_eq!(shown(&held, R), [(id(6), false)]);
    let free = allotted(&[], &[]);
    let told = lists(&none, &before, &has(R, &[6]), Some(&free));
    assert_eq!(told, offers(&[(R, &[])]));
    let waits = Publications::from([(R.to_owned(), Publication::Waiting(String::new()))]);
    for (published, ends) in [
        (has(R, &[6]), false),
        (waits, false),
        (Publications::new(), false),
        (has(R, &[]), true),
        ([(R.to_owned(), Publication::ServedByAnother(String::new()))].into(), true),
    ] {
        assert_eq!(lists(&none, &told, &published, Some(&free)).is_empty(), ends, "{published:?}");
        assert_eq!(lists(&told, &told, &published, Some(&free)), told);
    }
}

#[test]
fn a_device_is_healthy_under_one_name_only() {
    let before = offers(&[(R, &[6])]);
    let renamed = offers(&[(S, &[6])]);
    for (told, free) in [
        (Some(allotted(&[(R, 6)], &[])), false),
        (Some(allotted(&[(S, 6)], &[])), true),
        (Some(allotted(&[], &[])), true),
        (None, false),
    ] {
        let next = lists(&renamed, &before, &has(R, &[6]), told.as_ref());
        assert_eq!(shown(&next, S), [(id(6), free)], "{told:?}");
    }
}

#[test]
fn what_kubelet_may_still_list_is_remembered_and_no_more() {
    let was = served(&[(R, &[6, 7]), (S, &[8])]);
    let now = offers(&[(R, &[9])]);
    assert_eq!(remembered(&now, &was, &has(R, &[6, 7])), served(&[(R, &[6, 7, 9])]));
    assert_eq!(remembered(&now, &was, &has(R, &[9])), served(&[(R, &[9])]));
}

#[test]
fn another_plugin_is_known_by_devices_that_the_agent_has_never_listed() {
    let list = [offer(6, None), offer(7, None)];
    let was = served(&[(R, &[5]), ("intel.com/old", &[7])]);
    let who = |told: &Allotted| served_by_another(R, &list, &was, told);
    for own in [
        allotted(&[], &[]),
        allotted(&[], &[(R, &[5, 6, 7])]),
        allotted(&[], &[("intel.com/old", &[7])]),
        allotted(&[], &[(S, &[8])]),
    ] {
        assert_eq!(who(&own), None, "{own:?}");
    }
    let strange = who(&allotted(&[], &[(R, &[1, 2, 3, 4, 5])])).unwrap();
    assert!(strange.contains("0000:00:03.0 and 1 more"), "{strange}");
    let shared = who(&allotted(&[], &[(S, &[6])])).unwrap();
    assert!(shared.contains("0000:00:06.0 as intel.com/s too"), "{shared}");
    assert!(who(&allotted(&[], &[("intel.com/old", &[6])])).is_some());
}

#[test]
fn devices_of_one_container_are_near_to_each_other() {
    let numa = [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)];
    let mut list: Vec<Offer> = numa.iter().map(|(slot, node)| offer(*slot, Some(*node))).collect();
    list.push(offer(9, None));
    let ask = |available: &[u8], must: &[u8], size| {
        let ids = |slots: &[u8]| slots.iter().map(|slot| id(*slot)).collect::<Vec<_>>();
        let mut chosen = preferred(&list, &ids(available), &ids(must), size);
        chosen.sort();
        chosen.iter().map(|id| id[8..10].parse().unwrap()).collect::<Vec<u8>>()
    };
    let all = [1, 2, 3, 4, 5, 9];
    // The node that just has enough, so that the other stays whole.
    assert_eq!(ask(&all, &[], 2), [4, 5]);
    assert_eq!(ask(&all, &[], 1), [4]);
    assert_eq!(ask(&all, &[], 3), [1, 2, 3]);
    // No node has enough: the fullest first.
    assert_eq!(ask(&all, &[], 4), [1, 2, 3, 4]);
    // What must be among them draws its neighbours.
    assert_eq!(ask(&all, &[2], 2), [1, 2]);
    assert_eq!(ask(&all, &[2, 4], 4), [1, 2, 3, 4]);
    assert_eq!(ask(&[1, 9], &[], 1), [1]);
    assert_eq!(ask(&[1, 9], &[], 2), [1, 9]);
    assert_eq!(ask(&all, &[], 6), all);
    assert_eq!(ask(&[1], &[7], 2), [1]);
}

fn some() -> impl Strategy<Value = Offers> {
    let list = prop::collection::btree_set(1..6_u8, 0..5)
        .prop_map(|slots| slots.into_iter().map(|slot| offer(slot, None)).collect::<Vec<_>>());
    prop::collection::btree_map("intel\\.com/[rst]", list, 0..4)
}

fn told() -> impl Strategy<Value = Option<Allotted>> {
    let held = prop::collection::vec(("intel\\.com/[rst]", 1..6_u8), 0..5);
    prop::option::of(held.prop_map(|held| {
        let held: Vec<(&str, u8)> = held.iter().map(|(name, slot)| (name.as_str(), *slot)).collect();
        allotted(&held, &[])
    }))
}

proptest! {
    #[test]
    fn lists_lose_no_held_device_and_offer_none_twice(offers in some(), before in some(), told in told()) {
        let next = lists(&offers, &before, &Publications::new(), told.as_ref());
        for (name, list) in &offers {
            for offer in list {
                prop_assert!(next[name].iter().any(|listed| listed.device == offer.device));
            }
        }
        for (name, list) in &next {
            let ids: Vec<_> = list.iter().map(|offer| offer.device.clone()).collect();
            let sorted: BTreeSet<_> = ids.iter().cloned().collect();
            prop_assert_eq!(&ids, &sorted.into_iter().collect::<Vec<_>>());
            for offer in list.iter().filter(|offer| offer.healthy) {
                prop_assert!(offers[name].contains(offer));
                let elsewhere = told.iter().flat_map(|told| told.holders.keys());
                let mut others = elsewhere.filter(|(other, id)| other != name && *id == offer.device.to_string());
                prop_assert_eq!(others.next(), None);
            }
        }
        for (name, list) in &before {
            for offer in list {
                let key = (name.clone(), offer.device.to_string());
                let may_be_held = told.as_ref().is_none_or(|told| told.holders.contains_key(&key));
                let listed = next.get(name).is_some_and(|list| list.iter().any(|one| one.device == offer.device));
                prop_assert!(listed || !may_be_held);
            }
        }
    }

    #[test]
    fn as_many_devices_are_preferred_as_asked_for(
        available in prop::collection::btree_set(1..20_u8, 0..12),
        must in prop::collection::btree_set(1..20_u8, 0..3),
        numa in prop::collection::vec(prop::option::of(0..3_u32), 20),
        size in 0..8_usize,
    ) {
        let list: Vec<Offer> = (0..20_u8).zip(numa).map(|(slot, node)| offer(slot, node)).collect();
        let ids: Vec<String> = available.iter().map(|slot| id(*slot)).collect();
        let must: Vec<String> = must.intersection(&available).take(size).map(|slot| id(*slot)).collect();
        let chosen = preferred(&list, &ids, &must, size);
        prop_assert_eq!(chosen.len(), size.min(ids.len()));
        prop_assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), chosen.len());
        prop_assert!(chosen.iter().all(|one| ids.contains(one)) && must.iter().all(|one| chosen.contains(one)));
    }
}
