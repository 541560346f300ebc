//! Names, waits, selectors and paces.

use std::collections::BTreeSet;

use eni_operator::api::NodeENISpec;
use eni_operator::model::{ClusterId, Ec2ErrorKind, Epoch, Thing, client_token};
use eni_operator::plan::Pace;
use eni_operator::plan::backoff::delay;
use serde_json::json;

use crate::make::{labels, seconds, slot_key, slot_object};

const KINDS: [Ec2ErrorKind; 14] = [
    Ec2ErrorKind::NotFound(Thing::Eni),
    Ec2ErrorKind::PositionTaken,
    Ec2ErrorKind::Conflict,
    Ec2ErrorKind::InstanceNotReady,
    Ec2ErrorKind::InstanceFull,
    Ec2ErrorKind::AccountFull,
    Ec2ErrorKind::SubnetFull,
    Ec2ErrorKind::Mismatch,
    Ec2ErrorKind::TokenReused,
    Ec2ErrorKind::Unauthorized,
    Ec2ErrorKind::Unauthenticated,
    Ec2ErrorKind::Throttled,
    Ec2ErrorKind::NoAnswer,
    Ec2ErrorKind::Refused,
];

#[test]
fn waits_grow_to_a_bound_and_jitter_takes_off_a_fifth_at_most() {
    for kind in KINDS {
        let waits: Vec<_> = (1..40).map(|failures| delay(kind, failures, 0.0)).collect();
        assert!(waits.is_sorted() && waits[0].is_positive(), "{kind:?}");
        assert_eq!(waits[38], delay(kind, u32::MAX, 0.0), "{kind:?}");
        for failures in [0, 1, 5, u32::MAX] {
            let (least, most) = (delay(kind, failures, 1.0), delay(kind, failures, 0.0));
            assert!(least.as_secs_f64() >= most.as_secs_f64() * 0.8 - 1e-9 && least < most, "{kind:?}");
            assert_eq!(delay(kind, failures, 7.0), least);
        }
    }
}

#[test]
fn what_only_a_person_can_mend_is_tried_seldom() {
    for kind in [
        Ec2ErrorKind::Unauthorized,
        Ec2ErrorKind::Unauthenticated,
        Ec2ErrorKind::SubnetFull,
        Ec2ErrorKind::AccountFull,
        Ec2ErrorKind::Mismatch,
    ] {
        assert!(delay(kind, 1, 0.0) >= seconds(30), "{kind:?}");
    }
    assert!(delay(Ec2ErrorKind::Throttled, 1, 0.0) <= seconds(2));
}

#[test]
fn a_token_is_that_of_its_uid_and_epoch_and_of_no_other() {
    let token = |uid, epoch| client_token(&ClusterId("c".to_owned()), uid, Epoch(epoch));
    assert_eq!(token("u", 1), token("u", 1));
    let all: BTreeSet<String> = [("u", 1), ("u", 2), ("v", 1)].map(|(uid, epoch)| token(uid, epoch)).into();
    assert_eq!(all.len(), 3);
}

#[test]
fn an_object_name_is_one_for_each_slot_and_fits_kubernetes() {
    let name = |node_eni: &str, subnet| {
        let mut object = slot_object(subnet);
        object.spec.node_eni = node_eni.to_owned();
        slot_key(&object).object_name()
    };
    let long = "a".repeat(253);
    let names =
        [name("n", 1), name("n", 2), name("m", 1), name(&long, 1), name(&format!("{}b", "a".repeat(252)), 1)];
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let fits = |name: &String| {
        name.len() <= 253
            && name
                .chars()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-' || one == '.')
    };
    assert!(names.iter().all(fits));
}

#[test]
fn a_selector_means_what_its_parts_mean_together() {
    let spec = |value| serde_json::from_value::<NodeENISpec>(value).unwrap();
    let term = |key: &str| json!({"matchExpressions": [{"key": key, "operator": "Exists"}]});
    for (value, pairs, selected) in [
        (json!({"nodeSelector": {}}), &[][..], true),
        (json!({}), &[("ng", "a")], true),
        (json!({"nodeSelector": {"ng": "a", "x": ""}}), &[("ng", "a")], false),
        (json!({"nodeSelector": {"ng": "a", "x": ""}}), &[("ng", "a"), ("x", "")], true),
        (json!({"nodeSelectorTerms": [term("p"), term("q")]}), &[("q", "1")], true),
        (json!({"nodeSelectorTerms": [term("p"), term("q")]}), &[("r", "1")], false),
        (json!({"nodeSelectorTerms": []}), &[("r", "1")], false),
        (json!({"nodeSelector": {"ng": "a"}, "nodeSelectorTerms": [term("p")]}), &[("p", "1")], false),
    ] {
        assert_eq!(spec(value.clone()).selects(&labels(pairs)), selected, "{value} {pairs:?}");
    }
}

#[test]
fn the_sooner_pace_wins() {
    let within = |number| Pace::Within(seconds(number));
    assert_eq!(within(3).or(within(5)), within(3));
    assert_eq!(Pace::Settled.or(within(5)), within(5));
    assert_eq!(within(5).or(Pace::Settled), within(5));
    assert_eq!(Pace::Settled.or(Pace::Settled), Pace::Settled);
}
