//! Tags and addresses, changed after the ENI was made.

use std::collections::BTreeMap;

use eni_operator::api::{CloudState, CloudStatus, ConditionType, NodeENIAttachment, Reason};
use eni_operator::model::{AddressKind, Eni, Epoch, InstanceType};
use eni_operator::plan::addresses::too_many;
use eni_operator::plan::asks::{Asks, Change, changes};
use eni_operator::plan::belief::{Belief, Listing, SlotView};
use eni_operator::plan::full::Refusals;
use eni_operator::plan::instance::{Sighting, SlotPlan, Step, World, plan};
use eni_operator::plan::{Pace, asks as asks_of, belief, record};

use crate::instance_oracle::create;
use crate::make::{
    EPOCH, LAG, NOW, ago, asks, at, eni_in, instance, on, seconds, settings, slot_object, type_with, view,
    with_cloud,
};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|&one| one.to_owned()).collect()
}

/// An attached ENI of a slot as it was made, then changed by somebody.
fn made(object: &NodeENIAttachment, edit: impl FnOnce(&mut Eni)) -> Eni {
    let mut eni = eni_in(object, 1, CloudState::Attached, on(0, 2));
    edit(&mut eni);
    eni
}

fn recorded(eni: &Eni) -> CloudStatus {
    record::of(eni, &record::intended(Epoch(EPOCH), ago(900)))
}

/// What is changed on an ENI of `before`, once the spec has become `after`.
fn changed(
    before: &NodeENIAttachment,
    edit: impl FnOnce(&mut Eni),
    after: &NodeENIAttachment,
) -> Vec<Change> {
    changes(after, &recorded(&made(before, edit)))
}

fn tagged(tags: &[(&str, &str)]) -> NodeENIAttachment {
    let mut object = slot_object(1);
    object.spec.tags = map(tags);
    object
}

/// The keys that a change of tags sets, without the mark.
fn set(changes: &[Change]) -> BTreeMap<String, String> {
    let tags = changes.iter().find_map(|change| match change {
        Change::Tag(tags) => Some(tags.clone()),
        _ => None,
    });
    let mut tags = tags.unwrap_or_default();
    tags.remove("networking.k8s.aws/user-tags");
    tags
}

#[test]
fn tags_as_they_were_made_need_nothing_whoever_added_others() {
    let object = tagged(&[("team", "a"), ("Name", "mine")]);
    assert_eq!(changed(&object, |_| {}, &object), []);
    assert_eq!(changed(&object, |eni| eni.tags.extend(map(&[("backup", "daily")])), &object), []);
}

#[test]
fn tags_that_a_user_changes_or_adds_are_one_call() {
    let (before, after) =
        (tagged(&[("team", "a"), ("x", "1")]), tagged(&[("team", "b"), ("x", "1"), ("y", "")]));
    let made = changed(&before, |_| {}, &after);
    assert_eq!((made.len(), set(&made)), (1, map(&[("team", "b"), ("y", "")])));
}

#[test]
fn tags_that_a_user_takes_out_go_and_nobody_elses() {
    let (before, after) = (tagged(&[("team", "a"), ("x", "1")]), tagged(&[("x", "1")]));
    let made = changed(&before, |eni| eni.tags.extend(map(&[("backup", "daily")])), &after);
    assert_eq!(made[0], Change::Untag(texts(&["team"])));
    // The mark is set anew after they are gone: what it names is never less than what is there.
    assert_eq!((made.len(), set(&made)), (2, BTreeMap::new()));
    let all = changed(&before, |_| {}, &slot_object(1));
    assert_eq!(all, [Change::Untag(texts(&["networking.k8s.aws/user-tags", "team", "x"]))]);
}

#[test]
fn a_users_name_goes_before_the_default_which_comes_back_after_it() {
    let (before, after) = (slot_object(1), tagged(&[("Name", "mine")]));
    let made = changed(&before, |_| {}, &after);
    assert_eq!((made.len(), set(&made)), (1, map(&[("Name", "mine")])));
    let back = changed(&after, |_| {}, &before);
    assert_eq!(back[0], Change::Untag(texts(&["networking.k8s.aws/user-tags"])));
    assert_eq!(set(&back), map(&[("Name", "nodeeni-n-node-1-00000001")]));
}

#[test]
fn tags_of_the_operator_that_were_altered_are_put_back() {
    let object = tagged(&[("team", "a")]);
    let spoil = |eni: &mut Eni| {
        for key in ["node.k8s.amazonaws.com/no_manage", "Name", "Node", "networking.k8s.aws/asked-position"] {
            eni.tags.remove(key);
        }
        eni.tags.extend(map(&[("SubnetID", "elsewhere"), ("team", "stolen")]));
    };
    let cloud = record::of(&made(&object, spoil), &recorded(&made(&object, |_| {})));
    let put_back = set(&changes(&object, &cloud));
    let keys: Vec<&str> = put_back.keys().map(String::as_str).collect();
    let expected = [
        "Name",
        "Node",
        "SubnetID",
        "networking.k8s.aws/asked-position",
        "node.k8s.amazonaws.com/no_manage",
        "team",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn a_lost_mark_does_not_make_a_users_tags_a_strangers_as_long_as_the_record_has_them() {
    let object = tagged(&[("team", "a")]);
    let unmarked = made(&object, |eni| drop(eni.tags.remove("networking.k8s.aws/user-tags")));
    let cloud = record::of(&unmarked, &recorded(&made(&object, |_| {})));
    assert_eq!(changes(&slot_object(1), &cloud), [Change::Untag(texts(&["team"]))]);
}

fn counted(kind: AddressKind, count: Option<i64>) -> NodeENIAttachment {
    let mut object = slot_object(1);
    match kind {
        AddressKind::SecondaryIpv4 => object.spec.secondary_private_ip_count = count,
        AddressKind::Ipv4Prefix => object.spec.ipv4_prefix_count = count,
        AddressKind::Ipv6 => object.spec.ipv6_address_count = count,
    }
    object
}

fn give(eni: &mut Eni, kind: AddressKind, addresses: &[&str]) {
    match kind {
        AddressKind::SecondaryIpv4 => eni.secondary_private_ips = texts(addresses),
        AddressKind::Ipv4Prefix => eni.ipv4_prefixes = texts(addresses),
        AddressKind::Ipv6 => eni.ipv6_addresses = texts(addresses),
    }
}

#[test]
fn the_difference_of_addresses_is_given_or_taken_the_last_ones_first() {
    for kind in [AddressKind::SecondaryIpv4, AddressKind::Ipv4Prefix, AddressKind::Ipv6] {
        let of =
            |count| changed(&slot_object(1), |eni| give(eni, kind, &["a", "b", "c"]), &counted(kind, count));
        assert_eq!(of(Some(5)), [Change::Assign(kind, 2)]);
        assert_eq!(of(Some(3)), []);
        assert_eq!(of(Some(1)), [Change::Unassign(kind, texts(&["b", "c"]))]);
        assert_eq!(of(Some(0)), [Change::Unassign(kind, texts(&["a", "b", "c"]))]);
        // What nobody asked for is somebody else's.
        assert_eq!(of(None), []);
    }
}

#[test]
fn addresses_make_room_for_prefixes_before_these_come() {
    let mut after = counted(AddressKind::Ipv4Prefix, Some(2));
    after.spec.secondary_private_ip_count = Some(0);
    let made = changed(&slot_object(1), |eni| give(eni, AddressKind::SecondaryIpv4, &["a"]), &after);
    let expected = [
        Change::Unassign(AddressKind::SecondaryIpv4, texts(&["a"])),
        Change::Assign(AddressKind::Ipv4Prefix, 2),
    ];
    assert_eq!(made, expected);
}

/// A slot that wants three secondary addresses, and an ENI that has some.
fn wanting(cloud_edit: impl FnOnce(&mut CloudStatus), listed: &[&str]) -> SlotView {
    let object = counted(AddressKind::SecondaryIpv4, Some(3));
    let eni = made(&object, |eni| give(eni, AddressKind::SecondaryIpv4, listed));
    let mut cloud = recorded(&made(&object, |_| {}));
    cloud_edit(&mut cloud);
    view(with_cloud(object, cloud), vec![eni])
}

fn planned(slot: SlotView) -> SlotPlan {
    let world = World {
        now: at(NOW),
        instance: Sighting::Seen(instance(1, "a")),
        instance_type: Some(type_with(&[4])),
        refusals: Refusals::default(),
        node: Some(crate::make::node_since(true, 9999)),
        held: None,
        slots: vec![slot],
    };
    plan(&world, &settings()).slots.remove(0)
}

#[test]
fn addresses_of_which_it_is_not_known_whether_they_came_are_not_asked_for_again_within_the_lag() {
    let unsure = |age| move |cloud: &mut CloudStatus| *cloud = record::unsure(cloud, ago(age));
    let early = planned(wanting(unsure(LAG - 1), &[]));
    assert_eq!((early.steps, early.pace), (vec![], Pace::Within(seconds(1))));
    assert!(early.cloud.unwrap().addresses_unsure);
    let came = planned(wanting(unsure(LAG), &["a", "b", "c"]));
    assert_eq!(came.steps, []);
    let cloud = came.cloud.unwrap();
    assert_eq!((cloud.addresses_unsure, cloud.secondary_private_ips), (false, texts(&["a", "b", "c"])));
    let lost = planned(wanting(unsure(LAG), &[]));
    assert_eq!(lost.steps, [Step::Change(Change::Assign(AddressKind::SecondaryIpv4, 3))]);
}

#[test]
fn an_unanswered_change_of_addresses_makes_them_unknown_and_an_answered_one_does_not() {
    let object = counted(AddressKind::SecondaryIpv4, Some(3));
    let cloud = recorded(&made(&object, |eni| give(eni, AddressKind::SecondaryIpv4, &["a", "b"])));
    for change in [
        Change::Assign(AddressKind::SecondaryIpv4, 1),
        Change::Unassign(AddressKind::SecondaryIpv4, texts(&["b"])),
    ] {
        let after = record::unanswered(&cloud, &change, at(NOW));
        assert!(after.addresses_unsure && after.last_change.0 == at(NOW), "{change:?}");
        assert_eq!(changes(&object, &after), []);
    }
    let given = record::assigned(&cloud, AddressKind::SecondaryIpv4, &texts(&["c"]), at(NOW));
    assert_eq!((given.addresses_unsure, changes(&object, &given)), (false, vec![]));
}

#[test]
fn unknown_addresses_are_asked_for_once_the_listing_can_be_believed_and_only_if_they_matter() {
    let at_age = |count, age| {
        let object = counted(AddressKind::SecondaryIpv4, count);
        let cloud = record::unsure(&recorded(&made(&object, |_| {})), ago(age));
        asks([&with_cloud(object, cloud)], at(NOW)).enis
    };
    assert_eq!([at_age(Some(3), LAG - 1), at_age(Some(3), LAG), at_age(None, 9999)], [false, true, false]);
}

#[test]
fn more_addresses_are_asked_for_with_an_eye_on_what_the_instance_takes() {
    let object = counted(AddressKind::SecondaryIpv4, Some(3));
    let cloud = recorded(&made(&object, |_| {}));
    assert_eq!(asks([&with_cloud(object, cloud)], at(NOW)), Asks { enis: true, instance: true });
}

#[test]
fn an_adopted_eni_is_given_addresses_only_when_a_listing_shows_all_that_was_done() {
    let object = counted(AddressKind::SecondaryIpv4, Some(3));
    let eni = made(&object, |_| {});
    let found = |known_ago| {
        let slot = SlotView { known_since: ago(known_ago), ..view(object.clone(), vec![eni.clone()]) };
        match belief::of(&slot, &settings(), at(NOW)) {
            Belief::Present { cloud, .. } => cloud.addresses_unsure,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([found(LAG - 1), found(LAG)], [true, false]);
    let asked = |age| {
        let slot = with_cloud(object.clone(), record::intended(Epoch(EPOCH), ago(age)));
        let slot = SlotView {
            listing: Some(Listing { at: at(NOW), enis: vec![eni.clone()] }),
            ..view(slot, vec![])
        };
        belief::of(&slot, &settings(), at(NOW)).cloud().unwrap().addresses_unsure
    };
    assert_eq!([asked(LAG - 1), asked(LAG)], [true, false]);
}

#[test]
fn what_ec2_answered_of_tags_and_addresses_stands_within_the_lag() {
    let object = tagged(&[("team", "b")]);
    let cloud = recorded(&made(&object, |eni| give(eni, AddressKind::Ipv6, &["a"])));
    let stale = made(&tagged(&[("team", "a")]), |_| {});
    let of = |age| {
        let cloud = CloudStatus { last_change: k8s_time(age), ..cloud.clone() };
        let slot = view(with_cloud(object.clone(), cloud), vec![stale.clone()]);
        let cloud = belief::of(&slot, &settings(), at(NOW)).cloud().unwrap().clone();
        (cloud.tags["team"].clone(), cloud.ipv6_addresses.len())
    };
    assert_eq!([of(LAG - 1), of(LAG)], [("b".to_owned(), 1), ("a".to_owned(), 0)]);
}

fn k8s_time(age: i64) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(ago(age))
}

#[test]
fn more_addresses_than_the_type_takes_are_not_asked_for_and_that_is_said() {
    // The type takes ten IPv4 addresses, the primary among them, and ten of IPv6.
    let known: InstanceType = type_with(&[4]);
    for (kind, most) in
        [(AddressKind::SecondaryIpv4, 9), (AddressKind::Ipv4Prefix, 9), (AddressKind::Ipv6, 10)]
    {
        assert_eq!(too_many(&counted(kind, Some(most)).spec, &known), None, "{kind:?}");
        let object = counted(kind, Some(most + 1));
        let told = too_many(&object.spec, &known).unwrap();
        assert!(told.contains("m6i.large") && told.contains(&format!("asks for {}", most + 1)), "{told}");

        let newborn = planned(SlotView { newborn: true, ..view(object.clone(), vec![]) });
        assert!(create(&newborn).is_none() && newborn.pace == Pace::Within(seconds(300)));
        let there = planned(view(
            with_cloud(object.clone(), recorded(&made(&object, |_| {}))),
            vec![made(&object, |_| {})],
        ));
        for slot in [newborn, there] {
            assert_eq!(slot.steps, []);
            let ready = slot.verdicts.iter().find(|one| one.type_ == ConditionType::Ready).unwrap();
            assert_eq!((ready.holds, ready.reason), (Some(false), Reason::TooManyAddresses));
        }
    }
}

#[test]
fn what_needs_no_new_address_is_done_though_there_are_too_many() {
    let mut object = counted(AddressKind::SecondaryIpv4, Some(40));
    let eni = made(&object, |_| {});
    object.spec.tags = map(&[("team", "a")]);
    let slot = planned(view(with_cloud(object, recorded(&eni)), vec![eni]));
    assert!(matches!(&slot.steps[..], [Step::Change(Change::Tag(_))]), "{:?}", slot.steps);
}

#[test]
fn a_position_that_is_asked_for_later_is_taken_at_the_next_attach_and_marked() {
    let mut object = slot_object(1);
    let free = eni_in(&object, 1, CloudState::Available, on(0, 2));
    object.spec.device_index = 3;
    let slot = planned(view(with_cloud(object.clone(), recorded(&free)), vec![free]));
    assert_eq!(slot.steps[0], Step::Attach(on(0, 3)));
    assert_eq!(record::asked(slot.cloud.as_ref().unwrap()), Some(on(0, 3)));
    let marked = |step: &Step| matches!(step, Step::Change(Change::Tag(tags)) if tags["networking.k8s.aws/asked-position"] == "0/3");
    assert!(slot.steps.iter().any(marked), "{:?}", slot.steps);
    let attached = made(&slot_object(1), |_| {});
    let stays = planned(view(with_cloud(object, recorded(&attached)), vec![attached]));
    assert_eq!(stays.steps, []);
    assert_eq!(record::asked(stays.cloud.as_ref().unwrap()), Some(on(0, 2)));
    assert_eq!(asks_of::changes(&stays.attachment, stays.cloud.as_ref().unwrap()), []);
}
