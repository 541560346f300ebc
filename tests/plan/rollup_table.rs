//! What a `NodeENI` says of its slots.

/// Whether something is in a slot's way: it is not ready, for a reason that is not progress.
pub(crate) fn fails(child: &NodeENIAttachment) -> bool {
    const ON_ITS_WAY: [&str; 7] =
        ["InProgress", "Settling", "Paused", "Removing", "Detaching", "NodeGoing", "InstanceGone"];
    let conditions = child.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find_condition(conditions, ConditionType::Ready)
        .is_some_and(|one| one.status == "False" && !ON_ITS_WAY.contains(&one.reason.as_str()))
}

use eni_operator::api::{
    CloudState, ConditionType, MAX_SUMMARIES, NodeENIAttachment, NodeENIStatus, Reason, Verdict,
    find_condition, set_condition,
};
use eni_operator::model::InstanceState;
use eni_operator::plan::fanout::{World, plan};
use eni_operator::plan::rollup::{events, hindered, undecodable, unreadable};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::fanout_worlds::{ChildPlanned, Kind, NodePlanned, Planned, make};
use crate::make::{NOW, at, seconds, settings};

fn a_node() -> NodePlanned {
    NodePlanned {
        kind: Kind::Ec2,
        selected: true,
        there: true,
        zone_b: false,
        other_vpc: false,
        state: Some(InstanceState::Running),
    }
}

fn a_child(instance: u32, subnet: u32) -> ChildPlanned {
    ChildPlanned {
        instance,
        subnet,
        release: false,
        deleted: false,
        paused: false,
        state: Some(CloudState::Attached),
        ready: Some((Some(true), Reason::AsSpecified)),
        odd_offset: false,
        young: false,
    }
}

/// One node with one ready ENI in the one listed subnet.
pub(crate) fn calm() -> Planned {
    Planned {
        nodes: vec![a_node()],
        children: vec![a_child(1, 1)],
        ids: vec![1],
        names: vec![],
        group: "sg-00000001",
        one: false,
        paused: false,
        finalizer: true,
        deleted: false,
        given: vec![1],
        leftovers: None,
    }
}

fn status(planned: &Planned) -> NodeENIStatus {
    plan(&make(planned), &settings()).status
}

fn condition(status: &NodeENIStatus, type_: ConditionType) -> &Condition {
    find_condition(&status.conditions, type_).unwrap()
}

#[track_caller]
fn check(planned: &Planned, type_: ConditionType, expected: (&str, Reason), words: &str) {
    let status = status(planned);
    let one = condition(&status, type_);
    assert_eq!(
        (one.status.as_str(), one.reason.as_str()),
        (expected.0, expected.1.name().as_str()),
        "{}",
        one.message
    );
    assert!(one.message.contains(words), "{}", one.message);
}

#[test]
fn all_is_well_where_all_is_well() {
    check(&calm(), ConditionType::Ready, ("True", Reason::AllReady), "1 ENIs are ready");
    check(&calm(), ConditionType::SpecValid, ("True", Reason::AsSpecified), "");
    check(&calm(), ConditionType::NodesSupported, ("True", Reason::AsSpecified), "");
    check(&calm(), ConditionType::UnevenZones, ("False", Reason::AsSpecified), "");
    check(&calm(), ConditionType::Degraded, ("False", Reason::AsSpecified), "");
    let status = status(&calm());
    assert_eq!((status.desired, status.attached, status.ready, status.failed), (1, 1, 1, 0));
    assert_eq!(status.observed_generation, Some(1));
}

#[test]
fn a_node_that_can_get_no_eni_is_told_by_its_kind_and_name() {
    for (kind, reason, words) in [
        (Kind::Auto, Reason::AutoModeNode, "EKS Auto Mode"),
        (Kind::Fargate, Reason::FargateNode, "Fargate"),
        (Kind::Hybrid, Reason::HybridNode, "hybrid"),
        (Kind::Unnamed, Reason::NoProviderId, "spec.providerID"),
        (Kind::OtherCloud, Reason::NotAnEc2Node, "does not name an EC2 instance"),
    ] {
        let odd = Planned { nodes: vec![a_node(), NodePlanned { kind, ..a_node() }], ..calm() };
        check(&odd, ConditionType::NodesSupported, ("False", reason), words);
        check(&odd, ConditionType::NodesSupported, ("False", reason), "node-2");
        check(&odd, ConditionType::Degraded, ("False", Reason::AsSpecified), "");
        let alone = Planned { nodes: vec![NodePlanned { kind, ..a_node() }], children: vec![], ..calm() };
        check(&alone, ConditionType::Ready, ("False", reason), "node-1");
    }
}

#[test]
fn what_does_not_resolve_is_told_with_its_reason() {
    for (planned, reason, words) in [
        (Planned { ids: vec![1, 9], ..calm() }, Reason::SubnetNotFound, "subnet-00000009"),
        (Planned { ids: vec![1, 7], ..calm() }, Reason::SubnetInOtherVpc, "vpc-00000002"),
        (Planned { names: vec!["none"], ..calm() }, Reason::SubnetNotFound, "Name=none"),
        (
            Planned { names: vec!["twin"], ..calm() },
            Reason::SubnetAmbiguous,
            "subnet-00000005, subnet-00000006",
        ),
        (Planned { group: "missing", ..calm() }, Reason::SecurityGroupNotFound, "missing"),
        (Planned { group: "double", ..calm() }, Reason::SecurityGroupAmbiguous, "sg-00000014, sg-00000015"),
    ] {
        check(&planned, ConditionType::SpecValid, ("False", reason), words);
        check(&planned, ConditionType::Ready, ("False", reason), words);
        check(&planned, ConditionType::Degraded, ("True", reason), words);
    }
}

#[test]
fn zones_with_unequal_counts_are_told() {
    check(
        &Planned { ids: vec![1, 3, 2], ..calm() },
        ConditionType::UnevenZones,
        ("True", Reason::UnequalSubnetCounts),
        "a has 2, b has 1",
    );
    check(
        &Planned { ids: vec![1, 2], ..calm() },
        ConditionType::UnevenZones,
        ("False", Reason::AsSpecified),
        "",
    );
}

#[test]
fn a_node_in_a_zone_without_subnet_is_told() {
    let odd = Planned { nodes: vec![a_node(), NodePlanned { zone_b: true, ..a_node() }], ..calm() };
    check(&odd, ConditionType::Degraded, ("True", Reason::NoSubnetInZone), "node-2");
    check(
        &odd,
        ConditionType::Ready,
        ("False", Reason::AttachmentsNotReady),
        "1 of 1 ENIs are ready; NoSubnetInZone",
    );
    let unknown = Planned { nodes: vec![a_node(), NodePlanned { state: None, ..a_node() }], ..calm() };
    check(&unknown, ConditionType::Degraded, ("True", Reason::InstanceNotFound), "i-00000002");
}

#[test]
fn a_slot_that_something_is_in_the_way_of_is_counted_and_named() {
    let full = ChildPlanned { state: None, ready: Some((Some(false), Reason::SubnetFull)), ..a_child(1, 1) };
    let planned = Planned { children: vec![full], ..calm() };
    assert_eq!(status(&planned).failed, 1);
    check(&planned, ConditionType::Degraded, ("True", Reason::SubnetFull), "node-1");
    check(
        &planned,
        ConditionType::Ready,
        ("False", Reason::AttachmentsNotReady),
        "0 of 1 ENIs are ready; SubnetFull",
    );
}

#[test]
fn a_slot_without_an_agent_is_not_ready_and_not_failed() {
    let unknown = ChildPlanned { ready: Some((None, Reason::NoAgent)), ..a_child(1, 1) };
    let planned = Planned { children: vec![unknown], ..calm() };
    let status = status(&planned);
    assert_eq!((status.ready, status.attached, status.failed), (0, 1, 0));
    check(&planned, ConditionType::Ready, ("False", Reason::AttachmentsNotReady), "0 of 1");
}

#[test]
fn a_slot_of_a_missing_node_does_not_stand_for_one_that_is_not_there_yet() {
    let lost = NodePlanned { there: false, ..a_node() };
    let planned = Planned { nodes: vec![lost, a_node()], ..calm() };
    check(&planned, ConditionType::Ready, ("False", Reason::AttachmentsNotReady), "1 of 2 ENIs are ready");
}

#[test]
fn no_node_is_no_worry() {
    let none = Planned { nodes: vec![], children: vec![], ..calm() };
    check(&none, ConditionType::Ready, ("True", Reason::NoNodes), "no node");
}

#[test]
fn pausing_and_deleting_are_said_and_leave_the_other_conditions() {
    let paused = Planned { paused: true, ..calm() };
    check(&paused, ConditionType::Ready, ("False", Reason::Paused), "spec.paused");
    assert_eq!((status(&paused).desired, status(&paused).attached), (1, 1));
    check(&Planned { deleted: true, ..calm() }, ConditionType::Ready, ("False", Reason::Removing), "removed");
    let mut world = make(&calm());
    let before = plan(&world, &settings()).status;
    world.node_eni.status = Some(before.clone());
    world.node_eni.spec.paused = Some(true);
    let after = plan(&world, &settings()).status;
    for type_ in [ConditionType::SpecValid, ConditionType::NodesSupported, ConditionType::Degraded] {
        assert_eq!(condition(&before, type_), condition(&after, type_));
    }
}

#[test]
fn the_references_list_is_cut_at_its_bound_and_the_rest_is_counted() {
    let children = (1..=250).map(|n| a_child(n, 1)).collect();
    let status = status(&Planned { children, ..calm() });
    assert_eq!((status.attachments.len(), status.attachments_left_out), (MAX_SUMMARIES, Some(50)));
    assert!(status.attachments.is_sorted_by_key(|one| (one.node_id.clone(), one.subnet_id.clone())));
    assert!(status.conditions.iter().all(|one| one.message.len() < 32_768));
}

#[test]
fn the_references_list_has_its_fields() {
    let status = status(&calm());
    let one = &status.attachments[0];
    assert_eq!(
        (one.node_id.as_str(), one.subnet_id.as_str(), one.device_index),
        ("node-1", "subnet-00000001", 2)
    );
    assert_eq!(
        (one.eni_id.as_str(), one.attachment_id.as_str(), one.status.as_str()),
        ("eni-00000011", "eni-attach-00000011", "attached")
    );
    assert_eq!((status.attachments_left_out, one.dpdk_bound), (None, None));
    let coming = ChildPlanned { state: Some(CloudState::Attaching), ..a_child(1, 1) };
    assert!(self::status(&Planned { children: vec![coming], ..calm() }).attachments.is_empty());
}

#[test]
fn a_transition_time_moves_with_the_status_and_with_nothing_else() {
    let mut world: World = make(&Planned { children: vec![], ..calm() });
    let first = plan(&world, &settings()).status;
    world.now = world.now.checked_add(seconds(100)).unwrap();
    world.node_eni.status = Some(first.clone());
    world.node_eni.metadata.generation = Some(2);
    let second = plan(&world, &settings()).status;
    let time = |status: &NodeENIStatus| condition(status, ConditionType::Ready).last_transition_time.0;
    assert_eq!((time(&first), time(&second), second.observed_generation), (at(NOW), at(NOW), Some(2)));
    world.children = make(&calm()).children;
    assert_eq!(time(&plan(&world, &settings()).status), at(NOW + 100));
}

#[test]
fn a_worry_is_told_once_for_each_reason() {
    let good = status(&calm());
    let bad = status(&Planned { ids: vec![1, 9], ..calm() });
    let other = status(&Planned { names: vec!["twin"], ..calm() });
    let reasons = |before, after| {
        events(before, after).into_iter().filter(|one| one.warning).map(|one| one.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(None, &good), Vec::<&str>::new());
    assert_eq!(reasons(Some(&good), &bad), ["SpecInvalid"]);
    assert_eq!(reasons(Some(&bad), &bad), Vec::<&str>::new());
    assert_eq!(reasons(Some(&bad), &other), ["SpecInvalid", "UnevenZones"][..1]);
    let odd =
        status(&Planned { nodes: vec![a_node(), NodePlanned { kind: Kind::Auto, ..a_node() }], ..calm() });
    assert_eq!(reasons(Some(&good), &odd), ["NodesNotSupported"]);
}

#[test]
fn an_object_that_cannot_be_read_keeps_what_was_said_of_its_slots() {
    let mut object = make(&calm()).node_eni;
    object.status = Some(status(&calm()));
    let after = undecodable(&object, "mtu: expected a number", at(NOW));
    assert_eq!((after.desired, after.attachments.len()), (1, 1));
    let valid = condition(&after, ConditionType::SpecValid);
    assert_eq!((valid.status.as_str(), valid.reason.as_str()), ("False", "Undecodable"));
    assert!(valid.message.contains("mtu: expected a number"));
}

#[test]
fn an_ec2_that_cannot_be_read_is_said_and_concludes_nothing() {
    use eni_operator::model::{Call, Ec2Error, Ec2ErrorKind};
    let mut object = make(&calm()).node_eni;
    object.status = Some(status(&calm()));
    let error = Ec2Error {
        call: Call::DescribeSubnets,
        kind: Ec2ErrorKind::Unauthorized,
        code: "C".to_owned(),
        message: "m".to_owned(),
    };
    let after = unreadable(&object, &error, at(NOW));
    let ready = condition(&after, ConditionType::Ready);
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "Unauthorized"));
    assert!(ready.message.contains("ec2:DescribeSubnets"));
    assert_eq!(after.attachments, object.status.clone().unwrap().attachments);
    assert_eq!(told(object.status.as_ref(), &after), ["NotAuthorized"]);
    assert_eq!(told(Some(&after), &after), [""; 0]);
}

fn told(before: Option<&NodeENIStatus>, after: &NodeENIStatus) -> Vec<&'static str> {
    events(before, after).into_iter().map(|event| event.reason).collect()
}

#[test]
fn a_read_that_passes_by_itself_leaves_a_node_eni_that_is_well_as_it_is() {
    use eni_operator::model::{Call, Ec2Error, Ec2ErrorKind};
    for kind in [Ec2ErrorKind::Throttled, Ec2ErrorKind::NoAnswer] {
        let error =
            Ec2Error { call: Call::DescribeSubnets, kind, code: "C".to_owned(), message: String::new() };
        let mut object = make(&calm()).node_eni;
        object.status = Some(status(&calm()));
        let well = Verdict::new(ConditionType::Ready, Some(true), Reason::AllReady, "all");
        set_condition(&mut object.status.as_mut().unwrap().conditions, &well, Some(1), at(NOW - 9));
        assert_eq!(Some(unreadable(&object, &error, at(NOW))), object.status);
        object.status = None;
        assert_eq!(condition(&unreadable(&object, &error, at(NOW)), ConditionType::Ready).status, "False");
    }
}

#[test]
fn what_kubernetes_refuses_is_said_once_and_does_not_change_while_it_lasts() {
    let mut object = make(&calm()).node_eni;
    let decided = status(&calm());
    let hinder = |object: &eni_operator::api::NodeENI, second| {
        let mut status = decided.clone();
        hindered(&mut status, object, Reason::ApiRefused, "quota".to_owned(), at(NOW + second));
        status
    };
    object.status = Some(decided.clone());
    let first = hinder(&object, 10);
    let degraded = condition(&first, ConditionType::Degraded);
    assert_eq!((degraded.status.as_str(), degraded.reason.as_str()), ("True", "APIRefused"));
    assert_eq!(condition(&first, ConditionType::Ready).message, "quota");
    let told: Vec<_> = events(Some(&decided), &first).into_iter().map(|one| one.message).collect();
    assert_eq!(told, ["APIRefused: quota"]);
    object.status = Some(first.clone());
    let later = hinder(&object, 20);
    assert_eq!(later, first, "a status that says the same is another one");
    assert_eq!(events(Some(&first), &later), []);
}
