//! Record against listing: every recorded state × every listed state, within the lag and beyond it.

use eni_operator::api::CloudState::{self, Attached, Attaching, Available, Deleted, Detaching};
use eni_operator::model::{AttachmentState, Eni, Epoch};
use eni_operator::plan::belief::{Belief, Listing, SlotView, of};
use eni_operator::plan::record;

use crate::make::{
    EPOCH, LAG, NOW, ago, asked, at, attachment, eni, eni_in, on, recorded, settings, slot_object, view,
    with_cloud,
};

/// What a belief comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// There, in this state.
    In(CloudState),
    /// Not to be told yet.
    Open,
    /// Gone.
    Gone,
}

fn believed(slot: &SlotView) -> Is {
    match of(slot, &settings(), at(NOW)) {
        Belief::Present { cloud, .. } => Is::In(cloud.state.unwrap()),
        Belief::Settling { .. } => Is::Open,
        Belief::Nothing { .. } => Is::Gone,
        other => panic!("{other:?}"),
    }
}

fn slot(before: CloudState, changed_ago: i64, listed: Option<CloudState>) -> SlotView {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, before, ago(changed_ago));
    let enis = listed.map(|state| eni_in(&object, 1, state, on(0, 2))).into_iter().collect();
    view(with_cloud(object, cloud), enis)
}

#[test]
fn within_the_lag_a_listing_proves_progress_and_nothing_else() {
    let open = Is::Open;
    let table: [(CloudState, [(Option<CloudState>, Is); 5]); 5] = [
        (
            Available,
            [
                (Some(Available), Is::In(Available)),
                (Some(Attaching), Is::In(Attaching)),
                (Some(Attached), Is::In(Attached)),
                (Some(Detaching), open),
                (None, open),
            ],
        ),
        (
            Attaching,
            [
                (Some(Available), open),
                (Some(Attaching), Is::In(Attaching)),
                (Some(Attached), Is::In(Attached)),
                (Some(Detaching), Is::In(Detaching)),
                (None, open),
            ],
        ),
        (
            Attached,
            [
                (Some(Available), open),
                (Some(Attaching), open),
                (Some(Attached), Is::In(Attached)),
                (Some(Detaching), Is::In(Detaching)),
                (None, open),
            ],
        ),
        (
            Detaching,
            [
                (Some(Available), Is::In(Available)),
                (Some(Attaching), open),
                (Some(Attached), open),
                (Some(Detaching), Is::In(Detaching)),
                (None, open),
            ],
        ),
        (
            Deleted,
            [
                (Some(Available), Is::Gone),
                (Some(Attaching), Is::Gone),
                (Some(Attached), Is::Gone),
                (Some(Detaching), Is::Gone),
                (None, Is::Gone),
            ],
        ),
    ];
    for (before, row) in table {
        for (listed, expected) in row {
            assert_eq!(believed(&slot(before, LAG - 1, listed)), expected, "{before:?} {listed:?}");
        }
    }
}

#[test]
fn beyond_the_lag_the_listing_is_the_truth() {
    for before in [Available, Attaching, Attached, Detaching, Deleted] {
        for listed in [Available, Attaching, Attached, Detaching] {
            assert_eq!(believed(&slot(before, LAG, Some(listed))), Is::In(listed), "{before:?} {listed:?}");
        }
        assert_eq!(believed(&slot(before, LAG, None)), Is::Gone, "{before:?}");
    }
}

#[test]
fn another_attachment_is_progress_for_a_free_eni_and_for_no_other() {
    let object = slot_object(1);
    for (before, state, expected) in [
        (Attaching, AttachmentState::Attached, Is::Open),
        (Attaching, AttachmentState::Detaching, Is::Open),
        (Attached, AttachmentState::Attached, Is::Open),
        (Attached, AttachmentState::Detaching, Is::Open),
        (Detaching, AttachmentState::Detaching, Is::Open),
        (Available, AttachmentState::Attached, Is::In(Attached)),
    ] {
        let cloud = recorded(&object, 1, before, ago(5));
        let listed = eni(&object, 1, Some(attachment(99, state, on(0, 7))));
        let slot = view(with_cloud(object.clone(), cloud), vec![listed]);
        assert_eq!(believed(&slot), expected, "{before:?} {state:?}");
    }
}

#[test]
fn a_state_without_a_name_is_waited_for_at_any_time() {
    let object = slot_object(1);
    let pending = Eni { available: false, ..eni(&object, 1, None) };
    let unknown = eni(&object, 1, Some(attachment(1, AttachmentState::Unsettled, on(0, 2))));
    for listed in [pending, unknown] {
        for age in [0, LAG, 9999] {
            let cloud = recorded(&object, 1, Available, ago(age));
            let slot = view(with_cloud(object.clone(), cloud), vec![listed.clone()]);
            assert_eq!(believed(&slot), Is::Open);
        }
        assert_eq!(believed(&view(object.clone(), vec![listed])), Is::Open);
    }
}

#[test]
fn attributes_that_ec2_has_answered_stand_within_the_lag() {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, Attached, ago(5));
    let mut stale = eni_in(&object, 1, Attached, on(0, 2));
    stale.groups = vec!["sg-0000000f".parse().unwrap()];
    stale.description = "old".to_owned();
    stale.source_dest_check = false;
    stale.attachment.as_mut().unwrap().delete_on_termination = false;
    for (age, kept) in [(5, true), (LAG, false)] {
        let cloud = eni_operator::api::CloudStatus {
            last_change: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(ago(age)),
            ..cloud.clone()
        };
        let slot = view(with_cloud(object.clone(), cloud.clone()), vec![stale.clone()]);
        let Belief::Present { cloud: now, .. } = of(&slot, &settings(), at(NOW)) else { panic!() };
        assert_eq!(now == cloud, kept, "{now:?}");
        assert_eq!(now.description == "old", !kept);
    }
}

#[test]
fn a_slot_that_was_not_asked_about_is_not_judged() {
    let slot = SlotView { listing: None, ..slot(Attached, 5, None) };
    assert_eq!(of(&slot, &settings(), at(NOW)), Belief::Unasked);
}

#[test]
fn a_create_without_an_answer_stays_asked_until_its_eni_is_listed() {
    let object = slot_object(1);
    for age in [0, LAG, 9999] {
        let asked = asked(ago(age));
        let slot = view(with_cloud(object.clone(), asked.clone()), vec![]);
        assert_eq!(of(&slot, &settings(), at(NOW)), Belief::Asked { cloud: asked });
    }
    let slot = view(with_cloud(object.clone(), asked(ago(5))), vec![eni_in(&object, 1, Available, on(0, 2))]);
    assert_eq!(believed(&slot), Is::In(Available));
}

#[test]
fn without_a_record_only_a_newborn_slot_or_a_late_listing_says_that_there_is_nothing() {
    let known = |newborn, ago_| SlotView { newborn, known_since: ago(ago_), ..view(slot_object(1), vec![]) };
    assert_eq!(believed(&known(true, 0)), Is::Gone);
    assert_eq!(believed(&known(false, LAG - 1)), Is::Open);
    assert_eq!(believed(&known(false, LAG)), Is::Gone);
}

#[test]
fn what_bears_the_slots_tags_is_adopted_an_attached_one_first_then_the_oldest() {
    let object = slot_object(1);
    let with_epoch = |id, state, epoch: i64| {
        let mut eni = eni_in(&object, id, state, on(0, id));
        eni.tags.insert("networking.k8s.aws/epoch".to_owned(), epoch.to_string());
        eni
    };
    let free = |id, epoch| with_epoch(id, Available, epoch);
    for (enis, chosen) in [
        (vec![free(1, 20), free(2, 10)], 2),
        (vec![free(2, 10), free(1, 10)], 1),
        (vec![free(1, 10), with_epoch(3, Attached, 30)], 3),
    ] {
        let Belief::Present { cloud, adopted, surplus } =
            of(&view(object.clone(), enis), &settings(), at(NOW))
        else {
            panic!()
        };
        assert!(adopted && surplus.len() == 1);
        assert_eq!(record::eni(&cloud), Some(crate::make::eni_id(chosen)));
    }
}

#[test]
fn an_eni_that_is_gone_is_followed_by_the_others_of_its_slot_or_by_its_epoch() {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, Attached, ago(LAG));
    let slot = view(with_cloud(object.clone(), cloud), vec![eni_in(&object, 7, Available, on(0, 2))]);
    assert_eq!(believed(&slot), Is::In(Available));
    let alone = SlotView { listing: Some(Listing { at: at(NOW), enis: vec![] }), ..slot };
    assert_eq!(of(&alone, &settings(), at(NOW)), Belief::Nothing { last_epoch: Some(Epoch(EPOCH)) });
}
