//! What a slot asks EC2, told from its object alone.

use eni_operator::api::CloudState::{self, Attached, Attaching, Available, Deleted, Detaching};
use eni_operator::api::NodeENIAttachment;
use eni_operator::plan::asks::{Asks, Change, changes, poll};

use crate::make::{NOW, ago, asked, asks, at, leaving, recorded, seconds, slot_object, with_cloud};

fn slot(state: CloudState) -> NodeENIAttachment {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, state, ago(900));
    with_cloud(object, cloud)
}

#[track_caller]
fn check(slot: &NodeENIAttachment, enis: bool, instance: bool) {
    assert_eq!(asks([slot], at(NOW)), Asks { enis, instance });
}

#[test]
fn a_settled_slot_asks_nothing() {
    check(&slot(Attached), false, false);
}

#[test]
fn a_slot_without_an_eni_asks_for_both() {
    check(&slot_object(1), true, true);
    check(&with_cloud(slot_object(1), asked(ago(5))), true, true);
    check(&slot(Available), true, true);
    check(&slot(Deleted), true, true);
}

#[test]
fn a_slot_that_ec2_is_working_on_asks_for_its_eni_alone() {
    check(&slot(Attaching), true, false);
    check(&slot(Detaching), true, false);
}

#[test]
fn a_slot_that_was_just_answered_does_not_ask_again_at_once() {
    let object = slot_object(1);
    let just = with_cloud(object.clone(), recorded(&object, 1, Attaching, ago(0)));
    check(&just, false, false);
    let soon = with_cloud(object.clone(), recorded(&object, 1, Attaching, ago(3)));
    check(&soon, true, false);
}

#[test]
fn a_slot_that_is_to_go_asks_for_its_eni_whatever_its_state() {
    for state in [Available, Attached, Deleted] {
        check(&leaving(slot(state), 5), true, false);
    }
}

#[test]
fn a_paused_slot_asks_nothing() {
    for mut slot in [slot_object(1), slot(Available), leaving(slot(Attached), 5)] {
        slot.spec.paused = true;
        check(&slot, false, false);
    }
}

#[test]
fn a_slot_whose_attributes_are_not_as_wanted_asks() {
    let mut other = slot(Attached);
    other.spec.security_group_ids = vec!["sg-00000002".to_owned()];
    check(&other, true, false);
}

#[test]
fn one_slot_asks_for_all() {
    let both = [slot(Attached), slot_object(2)];
    assert_eq!(asks(&both, at(NOW)), Asks { enis: true, instance: true });
    assert_eq!(asks([], at(NOW)), Asks::default());
}

#[test]
fn each_attribute_that_differs_is_one_change() {
    let of = |edit: fn(&mut NodeENIAttachment)| {
        let mut slot = slot(Attached);
        edit(&mut slot);
        changes(&slot, slot.status.as_ref().unwrap().cloud.as_ref().unwrap())
    };
    assert_eq!(of(|_| {}), vec![]);
    assert_eq!(of(|slot| slot.spec.delete_on_termination = false), vec![Change::DeleteOnTermination(false)]);
    assert_eq!(of(|slot| slot.spec.source_dest_check = Some(false)), vec![Change::SourceDestCheck(false)]);
    assert_eq!(of(|slot| slot.spec.source_dest_check = Some(true)), vec![]);
    assert_eq!(
        of(|slot| slot.spec.description = "new".to_owned()),
        vec![Change::Description("new".to_owned())]
    );
    let groups = vec!["sg-00000003".to_owned()];
    assert_eq!(
        of(|slot| slot.spec.security_group_ids = vec!["sg-00000003".to_owned()]),
        vec![Change::Groups(groups)]
    );
}

#[test]
fn delete_on_termination_is_compared_only_where_there_is_an_attachment() {
    let mut free = slot(Available);
    free.spec.delete_on_termination = true;
    assert_eq!(changes(&free, free.status.as_ref().unwrap().cloud.as_ref().unwrap()), vec![]);
}

#[test]
fn the_longer_ec2_takes_the_less_often_it_is_asked() {
    let looks = [0, 5, 10, 40, 9999].map(|age| poll(&asked(ago(age)), at(NOW)));
    assert_eq!(looks, [3, 3, 5, 20, 30].map(seconds));
}
