//! What is said of what the controller may do.

use eni_operator::api::{ConditionType, NodeENIStatus, Reason, find_condition};
use eni_operator::model::{Call, Ec2Error, Ec2ErrorKind};
use eni_operator::plan::Pace;
use eni_operator::plan::authority::{Known, is_dry_run_due, shows_credentials};
use eni_operator::plan::fanout::{World, plan};
use eni_operator::plan::rollup::{events, unreadable};

use crate::fanout_worlds::make;
use crate::make::{NOW, ago, at, seconds, settings, with_condition};
use crate::rollup_table::calm;

fn error(call: Call, kind: Ec2ErrorKind) -> Ec2Error {
    Ec2Error { call, kind, code: "Code".to_owned(), message: "EC2's words".to_owned() }
}

fn authorized(status: &NodeENIStatus) -> (String, String, String) {
    let one = find_condition(&status.conditions, ConditionType::Authorized).unwrap().clone();
    (one.status, one.reason, one.message)
}

fn knowing(authority: Known) -> World {
    World { authority, ..make(&calm()) }
}

#[test]
fn who_may_do_everything_is_authorized_and_due_for_nothing() {
    let plan = plan(&make(&calm()), &settings());
    assert_eq!((authorized(&plan.status).0.as_str(), plan.pace), ("True", Pace::Settled));
}

#[test]
fn credentials_that_are_not_taken_and_a_create_that_would_be_refused_are_told_and_looked_at_again() {
    let none = error(Call::DescribeInstances, Ec2ErrorKind::Unauthenticated);
    let create = error(Call::Create, Ec2ErrorKind::Unauthorized);
    for (known, reason, says) in [
        (Known { credentials: Some(none.clone()), create: None }, "Unauthenticated", "nothing is changed"),
        (Known { credentials: None, create: Some(create.clone()) }, "Unauthorized", "ec2:CreateTags"),
        (Known { credentials: Some(none), create: Some(create) }, "Unauthenticated", "EC2's words"),
    ] {
        let plan = plan(&knowing(known), &settings());
        let (status, told, message) = authorized(&plan.status);
        assert_eq!(
            (status.as_str(), told.as_str(), plan.pace),
            ("False", reason, Pace::Within(seconds(120)))
        );
        assert!(message.contains(says), "{message}");
        let told: Vec<_> = events(None, &plan.status).into_iter().map(|event| event.reason).collect();
        assert_eq!(told, ["NotAuthorized"]);
        assert_eq!(events(Some(&plan.status), &plan.status), []);
    }
}

#[test]
fn a_slot_that_was_refused_is_told_of_its_object_in_the_slots_words() {
    let mut world = make(&calm());
    let slot = world.children.remove(0);
    for (reason, status) in
        [(Reason::Unauthorized, "False"), (Reason::Unauthenticated, "False"), (Reason::SubnetFull, "True")]
    {
        world.children = vec![with_condition(slot.clone(), ConditionType::Ready, Some(false), reason)];
        let (is, told, message) = authorized(&plan(&world, &settings()).status);
        assert_eq!(is, status, "{reason:?}");
        assert!(is == "True" || (told == reason.name() && message.contains("it is")), "{message}");
    }
}

#[test]
fn a_read_that_is_refused_is_told_and_one_that_fails_otherwise_says_nothing_of_it() {
    let object = make(&calm()).node_eni;
    let say = |kind| unreadable(&object, &error(Call::DescribeSubnets, kind), at(NOW));
    let (status, _, message) = authorized(&say(Ec2ErrorKind::Unauthorized));
    assert!(status == "False" && message.contains("ec2:DescribeSubnets"), "{message}");
    let throttled = say(Ec2ErrorKind::Throttled);
    assert_eq!(find_condition(&throttled.conditions, ConditionType::Authorized), None);
}

#[test]
fn only_what_ec2_looked_at_shows_that_credentials_are_taken() {
    for (kind, shows) in [
        (Ec2ErrorKind::Unauthorized, true),
        (Ec2ErrorKind::Refused, true),
        (Ec2ErrorKind::Unauthenticated, false),
        (Ec2ErrorKind::NoAnswer, false),
        (Ec2ErrorKind::Throttled, false),
    ] {
        assert_eq!(shows_credentials(kind), shows, "{kind:?}");
    }
}

#[test]
fn a_dry_run_is_made_once_and_again_minutes_after_a_refusal() {
    let due = |refused_at| is_dry_run_due(refused_at, at(NOW));
    assert_eq!((due(None), due(Some(ago(119))), due(Some(ago(120)))), (true, false, true));
}
