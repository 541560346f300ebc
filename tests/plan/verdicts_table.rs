//! What is said of a slot, standing by standing and error by error.

use std::collections::BTreeSet;

use eni_operator::api::{CloudState, ConditionType, DpdkSpec, NodeENIAttachment, Reason, Verdict};
use eni_operator::model::{Call, Ec2Error, Ec2ErrorKind, Thing};
use eni_operator::plan::Settings;
use eni_operator::plan::verdicts::{Standing, of, token_was_reused};

use crate::make::{ago, asked, recorded, settings, slot_object, with_cloud, with_condition};

const ATTACHED: Standing = Standing::Attached { adopted: false, confirmed: false };

fn find(verdicts: &[Verdict], type_: ConditionType) -> &Verdict {
    verdicts.iter().find(|one| one.type_ == type_).unwrap()
}

fn slot(state: Option<CloudState>) -> NodeENIAttachment {
    let object = slot_object(1);
    let cloud = state.map_or_else(|| asked(ago(5)), |state| recorded(&object, 1, state, ago(100)));
    with_cloud(object, cloud)
}

fn say(slot: &NodeENIAttachment, standing: &Standing, settings: &Settings) -> Vec<Verdict> {
    of(slot, slot.status.as_ref().and_then(|status| status.cloud.as_ref()), standing, settings)
}

fn ready(slot: &NodeENIAttachment, standing: &Standing) -> (Option<bool>, Reason) {
    let verdicts = say(slot, standing, &settings());
    let ready = find(&verdicts, ConditionType::Ready);
    (ready.holds, ready.reason)
}

fn failed(call: Call, kind: Ec2ErrorKind) -> Standing {
    Standing::Failed(Ec2Error { call, kind, code: "Some.Code".to_owned(), message: "EC2's words".to_owned() })
}

#[test]
fn each_standing_has_its_reason_and_its_words() {
    let waiting: [(Standing, Option<CloudState>, Reason); 11] = [
        (Standing::Paused, None, Reason::Paused),
        (Standing::Undecodable, None, Reason::Undecodable),
        (Standing::Blocked(Reason::InstanceFull, "full".to_owned()), None, Reason::InstanceFull),
        (Standing::Creating, None, Reason::InProgress),
        (Standing::Settling, None, Reason::Settling),
        (Standing::LookingForEarlierCreate, None, Reason::LookingForEarlierCreate),
        (Standing::Attaching, Some(CloudState::Attaching), Reason::InProgress),
        (Standing::DetachingUnasked, Some(CloudState::Detaching), Reason::Detaching),
        (Standing::Removing, Some(CloudState::Available), Reason::Removing),
        (Standing::WaitingForRelease, Some(CloudState::Attached), Reason::WaitingForRelease),
        (Standing::Detaching, Some(CloudState::Detaching), Reason::Detaching),
    ];
    for (standing, state, reason) in waiting {
        let verdicts = say(&slot(state), &standing, &settings());
        let ready = find(&verdicts, ConditionType::Ready);
        assert_eq!((ready.holds, ready.reason), (Some(false), reason), "{standing:?}");
        assert!(verdicts.iter().all(|one| !one.message.is_empty()), "{verdicts:?}");
    }
    assert_eq!(say(&slot(None), &Standing::AsBefore, &settings()), vec![]);
}

#[test]
fn each_kind_of_failure_has_its_reason_and_ec2s_words() {
    use Ec2ErrorKind as Kind;
    for (kind, reason) in [
        (Kind::SubnetFull, Reason::SubnetFull),
        (Kind::InstanceFull, Reason::InstanceFull),
        (Kind::AccountFull, Reason::AccountFull),
        (Kind::Mismatch, Reason::Mismatch),
        (Kind::Unauthorized, Reason::Unauthorized),
        (Kind::Unauthenticated, Reason::Unauthenticated),
        (Kind::Throttled, Reason::Throttled),
        (Kind::NoAnswer, Reason::NoAnswer),
        (Kind::InstanceNotReady, Reason::InstanceNotReady),
        (Kind::TokenReused, Reason::LookingForEarlierCreate),
        (Kind::NotFound(Thing::Subnet), Reason::SubnetNotFound),
        (Kind::NotFound(Thing::SecurityGroup), Reason::SecurityGroupNotFound),
        (Kind::NotFound(Thing::Instance), Reason::InstanceNotFound),
        (Kind::NotFound(Thing::Eni), Reason::Settling),
        (Kind::Conflict, Reason::Settling),
        (Kind::PositionTaken, Reason::Settling),
        (Kind::Refused, Reason::Ec2Refused),
    ] {
        let verdicts = say(&slot(None), &failed(Call::Create, kind), &settings());
        for one in &verdicts {
            assert_eq!((one.holds, one.reason), (Some(false), reason), "{kind:?}");
            assert!(
                one.message.contains("Some.Code") && one.message.contains("EC2's words"),
                "{}",
                one.message
            );
        }
    }
}

#[test]
fn what_only_a_person_can_mend_says_which_permission_is_missing() {
    for (call, words) in [
        (Call::Create, "ec2:CreateNetworkInterface and ec2:CreateTags"),
        (Call::Attach, "ec2:AttachNetworkInterface)"),
        (Call::Modify, "ec2:ModifyNetworkInterfaceAttribute)"),
        (Call::DescribeEnis, "ec2:DescribeNetworkInterfaces)"),
    ] {
        let verdicts = say(&slot(None), &failed(call, Ec2ErrorKind::Unauthorized), &settings());
        assert!(find(&verdicts, ConditionType::Ready).message.contains(words), "{verdicts:?}");
    }
}

#[test]
fn a_failure_on_an_attached_eni_makes_it_unready_and_leaves_it_attached() {
    let slot = slot(Some(CloudState::Attached));
    let verdicts = say(&slot, &failed(Call::Modify, Ec2ErrorKind::Unauthorized), &settings());
    assert_eq!(find(&verdicts, ConditionType::Attached).holds, Some(true));
    assert_eq!(find(&verdicts, ConditionType::Created).holds, Some(true));
    assert_eq!(find(&verdicts, ConditionType::Ready).reason, Reason::Unauthorized);
}

#[test]
fn what_passes_by_itself_says_nothing_new_of_an_eni_that_is_attached() {
    let well = with_condition(
        slot(Some(CloudState::Attached)),
        ConditionType::LinkReady,
        Some(true),
        Reason::AsSpecified,
    );
    for kind in [Ec2ErrorKind::Throttled, Ec2ErrorKind::NoAnswer] {
        for call in [Call::DescribeEnis, Call::Modify] {
            assert_eq!(say(&well, &failed(call, kind), &settings()), say(&well, &ATTACHED, &settings()));
        }
    }
    let coming = slot(Some(CloudState::Available));
    assert_eq!(ready(&coming, &failed(Call::DescribeEnis, Ec2ErrorKind::Throttled)).0, Some(false));
}

#[test]
fn an_attached_eni_is_ready_when_its_agent_says_so_and_unknown_without_one() {
    let attached = slot(Some(CloudState::Attached));
    assert_eq!(ready(&attached, &ATTACHED), (None, Reason::NoAgent));
    let link = |holds| with_condition(attached.clone(), ConditionType::LinkReady, holds, Reason::InProgress);
    assert_eq!(ready(&link(Some(true)), &ATTACHED).0, Some(true));
    assert_eq!(ready(&link(Some(false)), &ATTACHED), (Some(false), Reason::LinkNotReady));
    assert_eq!(ready(&link(None), &ATTACHED), (Some(false), Reason::LinkNotReady));
    let agentless = Settings { agent_required: false, ..settings() };
    let verdicts = say(&attached, &ATTACHED, &agentless);
    assert_eq!(find(&verdicts, ConditionType::Ready).holds, Some(true));
}

#[test]
fn what_an_agent_said_of_an_older_spec_does_not_make_an_eni_ready() {
    let attached = slot(Some(CloudState::Attached));
    let mut changed = with_condition(attached, ConditionType::LinkReady, Some(true), Reason::AsSpecified);
    changed.metadata.generation = changed.metadata.generation.map(|number| number + 1);
    assert_eq!(ready(&changed, &ATTACHED), (None, Reason::NoAgent));
    let agentless = Settings { agent_required: false, ..settings() };
    assert_eq!(find(&say(&changed, &ATTACHED, &agentless), ConditionType::Ready).holds, Some(true));
}

#[test]
fn a_device_that_kubelet_should_offer_is_ready_only_when_it_does() {
    let mut slot = with_condition(
        slot(Some(CloudState::Attached)),
        ConditionType::LinkReady,
        Some(true),
        Reason::AsSpecified,
    );
    slot.spec.dpdk = Some(DpdkSpec { resource_name: Some("intel.com/x".to_owned()), ..DpdkSpec::default() });
    assert_eq!(ready(&slot, &ATTACHED), (Some(false), Reason::NotAdvertised));
    let offered =
        |holds| with_condition(slot.clone(), ConditionType::Advertised, Some(holds), Reason::AsSpecified);
    assert_eq!(ready(&offered(false), &ATTACHED), (Some(false), Reason::NotAdvertised));
    assert_eq!(ready(&offered(true), &ATTACHED).0, Some(true));
}

#[test]
fn another_position_than_the_one_asked_for_is_said_and_does_not_matter_to_ready() {
    let mut slot = with_condition(
        slot(Some(CloudState::Attached)),
        ConditionType::LinkReady,
        Some(true),
        Reason::AsSpecified,
    );
    slot.spec.device_index = 5;
    let cloud = slot.status.as_mut().unwrap().cloud.as_mut().unwrap();
    cloud.asked_device_index = Some(5);
    let verdicts = say(&slot, &ATTACHED, &settings());
    let attached = find(&verdicts, ConditionType::Attached);
    assert_eq!((attached.holds, attached.reason), (Some(true), Reason::OtherDeviceIndex));
    assert!(attached.message.contains("device index 2 on network card 0"), "{}", attached.message);
    assert!(attached.message.contains("device index 5 on network card 0"), "{}", attached.message);
    assert_eq!(find(&verdicts, ConditionType::Ready).holds, Some(true));
}

#[test]
fn a_position_that_is_asked_for_later_needs_another_eni() {
    let slot_at = |asked: i64, wanted: (i64, i64)| {
        let mut slot = slot(Some(CloudState::Attached));
        slot.status.as_mut().unwrap().cloud.as_mut().unwrap().asked_device_index = Some(asked);
        (slot.spec.network_card_index, slot.spec.device_index) = wanted;
        slot
    };
    let said = |slot: &NodeENIAttachment| {
        let verdicts = say(slot, &ATTACHED, &settings());
        let needed = verdicts.iter().find(|one| one.type_ == ConditionType::ReplacementNeeded);
        (needed.cloned(), find(&verdicts, ConditionType::Attached).reason)
    };
    // It hangs at device index 2.
    for (asked, wanted) in [(2, (0, 5)), (2, (1, 2)), (3, (0, 5))] {
        let (needed, _) = said(&slot_at(asked, wanted));
        let needed = needed.unwrap();
        assert_eq!((needed.holds, needed.reason), (Some(true), Reason::PositionChanged));
        assert!(needed.message.contains("networking.k8s.aws/replace"), "{}", needed.message);
    }
    assert_eq!(said(&slot_at(2, (0, 5))).1, Reason::Attached);
    // What it did not get at the attach it would not get again; what it got by chance is what is wanted.
    assert_eq!(said(&slot_at(5, (0, 5))), (None, Reason::OtherDeviceIndex));
    assert_eq!(said(&slot_at(5, (0, 2))), (None, Reason::Attached));
    let over = with_condition(
        slot_at(2, (0, 2)),
        ConditionType::ReplacementNeeded,
        Some(true),
        Reason::PositionChanged,
    );
    assert_eq!(said(&over).0.unwrap().holds, Some(false));
}

#[test]
fn an_attached_eni_that_lacks_addresses_is_not_ready() {
    let blocked = Standing::Blocked(Reason::TooManyAddresses, "14 at most".to_owned());
    let verdicts = say(&slot(Some(CloudState::Attached)), &blocked, &settings());
    let ready = find(&verdicts, ConditionType::Ready);
    assert_eq!((ready.holds, ready.reason), (Some(false), Reason::TooManyAddresses));
    assert_eq!(find(&verdicts, ConditionType::Attached).holds, Some(true));
}

#[test]
fn an_eni_that_is_to_go_is_not_ready_though_it_is_attached() {
    let slot = with_condition(
        slot(Some(CloudState::Attached)),
        ConditionType::LinkReady,
        Some(true),
        Reason::AsSpecified,
    );
    for standing in [Standing::Removing, Standing::WaitingForRelease, Standing::Detaching, Standing::Gone] {
        let verdicts = say(&slot, &standing, &settings());
        assert_eq!(find(&verdicts, ConditionType::Ready).holds, Some(false), "{standing:?}");
        assert_eq!(find(&verdicts, ConditionType::Attached).holds, Some(true), "{standing:?}");
    }
}

#[test]
fn a_deleted_eni_is_neither_created_nor_attached() {
    let verdicts = say(&slot(Some(CloudState::Deleted)), &Standing::Gone, &settings());
    assert!(verdicts.iter().all(|one| one.holds == Some(false) && one.reason == Reason::Deleted));
}

#[test]
fn a_create_that_is_tried_again_says_nothing_new_until_it_is_answered() {
    let refused = with_condition(slot(None), ConditionType::Created, Some(false), Reason::SubnetFull);
    assert_eq!(say(&refused, &Standing::Creating, &settings()), vec![]);
}

#[test]
fn an_adopted_eni_is_told_apart_and_stays_so() {
    let attached = slot(Some(CloudState::Attached));
    let adopted = say(&attached, &Standing::Attached { adopted: true, confirmed: true }, &settings());
    assert_eq!(find(&adopted, ConditionType::Created).reason, Reason::Adopted);
    let unconfirmed = say(&attached, &Standing::Attached { adopted: true, confirmed: false }, &settings());
    assert_eq!(find(&unconfirmed, ConditionType::Created).reason, Reason::Adopting);
    let own = say(&attached, &ATTACHED, &settings());
    assert_eq!(find(&own, ConditionType::Created).reason, Reason::Created);
}

#[test]
fn a_reused_token_is_remembered_by_the_condition_it_leaves() {
    let verdicts = say(&slot(None), &failed(Call::Create, Ec2ErrorKind::TokenReused), &settings());
    let created = find(&verdicts, ConditionType::Created);
    let after = with_condition(slot(None), ConditionType::Created, created.holds, created.reason);
    assert!(token_was_reused(&after) && !token_was_reused(&slot(None)));
}

#[test]
fn a_read_that_fails_does_not_forget_that_a_token_was_reused() {
    let reused = Reason::LookingForEarlierCreate;
    let looking = with_condition(slot(None), ConditionType::Created, Some(false), reused);
    for kind in [Ec2ErrorKind::Throttled, Ec2ErrorKind::NoAnswer, Ec2ErrorKind::Unauthorized] {
        let verdicts = say(&looking, &failed(Call::DescribeEnis, kind), &settings());
        assert_eq!(find(&verdicts, ConditionType::Created).reason, reused, "{kind:?}");
    }
    let verdicts = say(&looking, &failed(Call::DescribeEnis, Ec2ErrorKind::Unauthorized), &settings());
    assert_eq!(find(&verdicts, ConditionType::Ready).reason, Reason::Unauthorized);
    let full = say(&looking, &failed(Call::Create, Ec2ErrorKind::SubnetFull), &settings());
    assert_eq!(find(&full, ConditionType::Created).reason, Reason::SubnetFull);
}

#[test]
fn what_does_not_fit_names_the_subnet_and_the_groups() {
    let spec = slot(None).spec;
    for (kind, named) in [
        (Ec2ErrorKind::SubnetFull, vec![spec.subnet_id.clone(), spec.zone.clone()]),
        (Ec2ErrorKind::Mismatch, vec![spec.subnet_id, spec.security_group_ids.join(", "), spec.instance_id]),
    ] {
        let verdicts = say(&slot(None), &failed(Call::Create, kind), &settings());
        for word in named {
            assert!(verdicts.iter().all(|one| one.message.contains(&word)), "{word} in {verdicts:?}");
        }
    }
}

#[test]
fn an_eni_that_was_moved_is_not_attached_and_says_what_to_do() {
    let moved = Standing::Elsewhere("i-00000009".to_owned());
    let mut slot = slot(Some(CloudState::Attached));
    slot.status.as_mut().unwrap().cloud.as_mut().unwrap().other_instance_id = Some("i-00000009".to_owned());
    for (release, words) in [(false, "is attached to this node again"), (true, "it is deleted")] {
        slot.spec.release = release;
        let verdicts = say(&slot, &moved, &settings());
        for type_ in [ConditionType::Attached, ConditionType::Ready] {
            let one = find(&verdicts, type_);
            assert_eq!((one.holds, one.reason), (Some(false), Reason::Elsewhere));
            assert!(one.message.contains("i-00000009") && one.message.contains(words), "{one:?}");
        }
        assert_eq!(find(&verdicts, ConditionType::Created).holds, Some(true));
    }
}

#[test]
fn every_reason_is_a_word_that_kubernetes_takes_and_no_two_are_one() {
    let names: BTreeSet<String> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
    let is_word = |name: &String| {
        name.chars().next().is_some_and(|first| first.is_ascii_uppercase())
            && name.chars().all(|one| one.is_ascii_alphanumeric())
    };
    assert!(names.iter().all(is_word));
    assert!(Reason::ALL.iter().all(|reason| Reason::named(&reason.name()) == Some(*reason)));
}
