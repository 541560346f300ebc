//! What is told to people, and that it is told once.

use eni_operator::api::{CloudState, ConditionType, NodeENIAttachment, NodeENIAttachmentStatus, Reason};
use eni_operator::model::{Call, Ec2Error, Ec2ErrorKind};
use eni_operator::plan::events::{Event, deleted, of_slot};
use eni_operator::plan::slot_status;
use eni_operator::plan::verdicts::{self, Standing};

use crate::make::{NOW, ago, asked, at, recorded, settings, slot_object, with_cloud, with_condition};

/// The status of a slot that stands somewhere, after it stood as it was.
fn status(
    object: &NodeENIAttachment,
    state: Option<CloudState>,
    standing: &Standing,
) -> NodeENIAttachmentStatus {
    let cloud = state.map_or_else(|| asked(ago(5)), |state| recorded(object, 1, state, ago(100)));
    let verdicts = verdicts::of(object, Some(&cloud), standing, &settings());
    slot_status::build(object, Some(cloud), &verdicts, at(NOW))
}

fn with(object: &NodeENIAttachment, status: NodeENIAttachmentStatus) -> NodeENIAttachment {
    NodeENIAttachment { status: Some(status), ..object.clone() }
}

fn told(before: &NodeENIAttachment, after: &NodeENIAttachmentStatus) -> Vec<(bool, &'static str)> {
    let events: Vec<Event> = of_slot(before, after);
    assert!(events.iter().all(|event| event.message.contains("node-1")), "{events:?}");
    events.into_iter().map(|event| (event.warning, event.reason)).collect()
}

fn attached() -> Standing {
    Standing::Attached { adopted: false, confirmed: false }
}

fn refused(kind: Ec2ErrorKind) -> Standing {
    Standing::Failed(Ec2Error { call: Call::Create, kind, code: "C".to_owned(), message: "m".to_owned() })
}

#[test]
fn an_attached_eni_is_told_once() {
    let object = slot_object(1);
    let before = with(&object, status(&object, Some(CloudState::Attaching), &Standing::Attaching));
    let after = status(&before, Some(CloudState::Attached), &attached());
    assert_eq!(told(&before, &after), [(false, "ENIAttached")]);
    assert_eq!(told(&with(&object, after.clone()), &after), []);
}

#[test]
fn another_device_index_than_the_one_asked_for_is_a_warning() {
    let mut object = slot_object(1);
    object.spec.device_index = 5;
    let before = with(&object, status(&object, Some(CloudState::Attaching), &Standing::Attaching));
    let after = status(&before, Some(CloudState::Attached), &attached());
    assert_eq!(told(&before, &after), [(true, "ENIAttached")]);
}

#[test]
fn another_device_index_than_the_default_is_ordinary() {
    let mut object = slot_object(1);
    // The third subnet of its zone.
    (object.spec.device_index, object.spec.offset) = (3, 2);
    let before = with(&object, status(&object, Some(CloudState::Attaching), &Standing::Attaching));
    let after = status(&before, Some(CloudState::Attached), &attached());
    assert_eq!(told(&before, &after), [(false, "ENIAttached")]);
}

#[test]
fn a_node_that_goes_takes_its_enis_along_without_a_warning() {
    let object = slot_object(1);
    for reason in [Reason::InstanceGone, Reason::NodeGoing] {
        let blocked = Standing::Blocked(reason, "m".to_owned());
        assert_eq!(told(&object, &status(&object, None, &blocked)), [], "{reason:?}");
    }
}

#[test]
fn an_eni_that_somebody_moved_is_a_warning() {
    let object = slot_object(1);
    let mut cloud = recorded(&object, 1, CloudState::Attached, ago(100));
    cloud.other_instance_id = Some("i-00000002".to_owned());
    let moved = Standing::Elsewhere("i-00000002".to_owned());
    let verdicts = verdicts::of(&object, Some(&cloud), &moved, &settings());
    let after = slot_status::build(&object, Some(cloud), &verdicts, at(NOW));
    assert_eq!(told(&object, &after), [(true, "ENIAttachmentFailed")]);
}

#[test]
fn a_failure_is_told_once_for_each_reason() {
    let object = slot_object(1);
    let first = status(&object, None, &refused(Ec2ErrorKind::SubnetFull));
    assert_eq!(told(&object, &first), [(true, "ENICreationFailed")]);
    let once = with(&object, first);
    assert_eq!(told(&once, &status(&once, None, &refused(Ec2ErrorKind::SubnetFull))), []);
    assert_eq!(
        told(&once, &status(&once, None, &refused(Ec2ErrorKind::AccountFull))),
        [(true, "ENICreationFailed")]
    );
}

#[test]
fn that_ec2_does_not_allow_a_call_is_told_of_the_node_eni_and_not_of_each_slot() {
    let denied = |call| {
        let message = "m".to_owned();
        Standing::Failed(Ec2Error { call, kind: Ec2ErrorKind::Unauthorized, code: "C".to_owned(), message })
    };
    let object = slot_object(1);
    assert_eq!(told(&object, &status(&object, None, &denied(Call::DescribeEnis))), []);
    assert_eq!(told(&object, &status(&object, None, &denied(Call::Create))), []);
}

#[test]
fn a_create_that_is_refused_again_is_not_told_again() {
    let object = slot_object(1);
    let once = with(&object, status(&object, None, &refused(Ec2ErrorKind::SubnetFull)));
    let again = status(&once, None, &Standing::Creating);
    assert_eq!(told(&once, &again), []);
    let retried = with(&object, again);
    assert_eq!(told(&retried, &status(&retried, None, &refused(Ec2ErrorKind::SubnetFull))), []);
}

#[test]
fn what_passes_by_itself_or_is_told_elsewhere_is_not_told() {
    let object = slot_object(1);
    for standing in [
        Standing::Creating,
        Standing::Settling,
        Standing::Paused,
        refused(Ec2ErrorKind::Throttled),
        refused(Ec2ErrorKind::NoAnswer),
        // What the controller may not do is told of the NodeENI, once, and not of each slot.
        refused(Ec2ErrorKind::Unauthorized),
        refused(Ec2ErrorKind::Unauthenticated),
    ] {
        assert_eq!(told(&object, &status(&object, None, &standing)), [], "{standing:?}");
    }
}

#[test]
fn a_failed_attach_and_a_failed_attribute_are_told_by_their_names() {
    let object = slot_object(1);
    let blocked = Standing::Blocked(Reason::InstanceFull, "full".to_owned());
    assert_eq!(
        told(&object, &status(&object, Some(CloudState::Available), &blocked)),
        [(true, "ENIAttachmentFailed")]
    );
    let before = with(&object, status(&object, Some(CloudState::Attached), &attached()));
    let after = status(&before, Some(CloudState::Attached), &refused(Ec2ErrorKind::AccountFull));
    assert_eq!(told(&before, &after), [(true, "ENINotReady")]);
}

#[test]
fn a_detach_is_told_and_what_hinders_it_is_too() {
    let mut object = slot_object(1);
    object.spec.release = true;
    let before = with(&object, status(&object, Some(CloudState::Attached), &Standing::Removing));
    let after = status(&before, Some(CloudState::Detaching), &Standing::Detaching);
    assert_eq!(told(&before, &after), [(false, "ENIDetached")]);
    assert_eq!(told(&with(&object, after.clone()), &after), []);
    let hindered = status(&before, Some(CloudState::Attached), &refused(Ec2ErrorKind::AccountFull));
    assert_eq!(told(&before, &hindered), [(true, "ENIDetachmentFailed")]);
    let hindered = status(&before, Some(CloudState::Available), &refused(Ec2ErrorKind::AccountFull));
    assert_eq!(told(&before, &hindered), [(true, "ENIDeletionFailed")]);
}

#[test]
fn a_deletion_is_told_by_the_references_words() {
    let cloud = recorded(&slot_object(1), 1, CloudState::Deleted, ago(5));
    let one = deleted("node-1", &cloud, false);
    assert_eq!(
        (one.warning, one.reason, one.message.as_str()),
        (false, "ENIDeleted", "deleted eni-00000001 of node node-1")
    );
    assert_eq!(deleted("node-1", &cloud, true).reason, "ENIAlreadyDeleted");
}

#[test]
fn a_link_that_is_not_ready_is_told_once() {
    let object = slot_object(1);
    let attached_ = with(&object, status(&object, Some(CloudState::Attached), &attached()));
    let worse = with_condition(attached_.clone(), ConditionType::LinkReady, Some(false), Reason::InProgress);
    let after = status(&worse, Some(CloudState::Attached), &attached());
    assert_eq!(told(&attached_, &after), [(true, "ENINotReady")]);
    assert_eq!(told(&with(&object, after.clone()), &after), []);
}

#[test]
fn a_record_that_changes_nothing_tells_nothing() {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, CloudState::Attached, ago(5));
    let same = with_cloud(object, cloud);
    assert_eq!(told(&same, same.status.as_ref().unwrap()), []);
}
