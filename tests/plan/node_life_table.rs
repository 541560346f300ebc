//! What becomes of slots when their node is silent, about to go, gone, or somebody moves an ENI.

use eni_operator::api::{CloudState, ConditionType, DetachPolicyType, NodeENIAttachment, Reason};
use eni_operator::model::{Instance, InstanceState};
use eni_operator::plan::belief::{self, Belief, SlotView};
use eni_operator::plan::fanout::{Leftovers, Plan as NodeEniPlan, instances, plan as plan_node_eni};
use eni_operator::plan::full::Refusals;
use eni_operator::plan::instance::{Sighting, SlotPlan, Step, World, plan};
use eni_operator::plan::node::{Going, NodeFacts};
use eni_operator::plan::{Pace, record};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::fanout_worlds::{Kind, NodePlanned, Planned, make};
use crate::instance_oracle::{attach, create};
use crate::make::{
    NOW, ago, asks, at, eni, eni_in, instance, instance_id, leaving, node_since, on, recorded, seconds,
    settings, slot_object, type_with, view, with_cloud,
};
use crate::rollup_table::calm;

fn world(slots: Vec<SlotView>) -> World {
    World {
        now: at(NOW),
        instance: Sighting::Seen(instance(1, "a")),
        instance_type: Some(type_with(&[4])),
        node: Some(node_since(true, 9999)),
        held: None,
        refusals: Refusals::default(),
        slots,
    }
}

fn going(since: Option<i64>) -> NodeFacts {
    let going = Some(Going { mark: "karpenter.sh/disrupted".to_owned(), since: since.map(ago) });
    NodeFacts { going, ..node_since(true, 9999) }
}

fn in_state(state: InstanceState) -> Sighting {
    Sighting::Seen(Instance { state, ..instance(1, "a") })
}

/// A slot whose object was made some seconds ago, by this process.
fn newborn(made_ago: i64) -> SlotView {
    let mut object = slot_object(1);
    object.metadata.creation_timestamp = Some(Time(ago(made_ago)));
    SlotView { newborn: true, ..view(object, vec![]) }
}

fn with_eni(object: NodeENIAttachment, state: CloudState) -> SlotView {
    let cloud = recorded(&object, 1, state, ago(500));
    let listed = eni_in(&object, 1, state, on(0, 2));
    view(with_cloud(object, cloud), vec![listed])
}

/// A slot as a pass sees it that had nothing to ask.
fn unasked(slot: SlotView) -> SlotView {
    SlotView { listing: None, ..slot }
}

fn of(world: &World) -> SlotPlan {
    plan(world, &settings()).slots.remove(0)
}

fn said(slot: &SlotPlan, type_: ConditionType) -> (Option<bool>, Reason) {
    let verdict = slot.verdicts.iter().find(|one| one.type_ == type_).unwrap();
    (verdict.holds, verdict.reason)
}

#[test]
fn nothing_is_made_or_attached_on_a_node_that_is_about_to_go_and_it_says_so() {
    for slot in [newborn(10), with_eni(slot_object(1), CloudState::Available)] {
        for since in [Some(10), None] {
            let mut slot = slot.clone();
            slot.attachment.metadata.creation_timestamp = Some(Time(ago(10)));
            let planned = of(&World { node: Some(going(since)), ..world(vec![slot]) });
            assert_eq!(planned.steps, []);
            assert_eq!(said(&planned, ConditionType::Ready), (Some(false), Reason::NodeGoing));
            assert_eq!(planned.pace, Pace::Within(seconds(890)), "{since:?}");
        }
    }
}

#[test]
fn a_node_that_does_not_go_after_all_is_served() {
    for (made_ago, since) in [(10, Some(900)), (900, None)] {
        let planned = of(&World { node: Some(going(since)), ..world(vec![newborn(made_ago)]) });
        assert!(create(&planned).is_some() && attach(&planned).is_some(), "{made_ago} {since:?}");
    }
}

#[test]
fn what_hangs_on_a_node_that_is_about_to_go_is_kept_as_it_should_be() {
    let mut slot = with_eni(slot_object(1), CloudState::Attached);
    slot.attachment.spec.source_dest_check = Some(false);
    assert_eq!(of(&World { node: Some(going(Some(10))), ..world(vec![slot]) }).steps.len(), 1);
    let leaving = with_eni(leaving(slot_object(1), 10), CloudState::Attached);
    let planned = of(&World { node: Some(going(Some(10))), ..world(vec![leaving]) });
    assert_eq!(planned.steps, []);
    assert_eq!(said(&planned, ConditionType::Ready), (Some(false), Reason::NodeGoing));
}

#[test]
fn a_slot_that_is_well_says_that_its_instance_is_gone_though_nothing_was_to_be_asked_for_it() {
    let slot = unasked(with_eni(slot_object(1), CloudState::Attached));
    for sighting in [in_state(InstanceState::Terminated), Sighting::Absent] {
        let gone =
            World { node: Some(node_since(false, 30)), instance: sighting, ..world(vec![slot.clone()]) };
        let planned = of(&gone);
        assert_eq!((planned.steps.len(), planned.let_go), (0, false));
        assert_eq!(said(&planned, ConditionType::Ready), (Some(false), Reason::InstanceGone));
    }
    let silent = World { node: Some(node_since(false, 30)), ..world(vec![slot.clone()]) };
    assert_eq!(plan(&silent, &settings()).pace, Pace::Within(seconds(60)));
    let nodeless = World { node: None, ..world(vec![slot.clone()]) };
    assert_eq!(plan(&nodeless, &settings()).pace, Pace::Within(seconds(60)));
    assert_eq!(plan(&world(vec![slot]), &settings()).pace, Pace::Settled);
}

#[test]
fn a_terminated_instance_costs_a_delete_for_each_eni_that_ec2_leaves_and_nothing_else() {
    for policy in [DetachPolicyType::AfterTimeout, DetachPolicyType::WaitForRelease, DetachPolicyType::Force]
    {
        let mut object = leaving(slot_object(1), 500);
        object.spec.detach_policy.type_ = policy;
        let gone = |slot| World {
            instance: in_state(InstanceState::Terminated),
            node: Some(node_since(false, 30)),
            ..world(vec![slot])
        };
        let attached = of(&gone(with_eni(object.clone(), CloudState::Attached)));
        assert_eq!((attached.steps.len(), attached.pace), (0, Pace::Within(seconds(10))), "{policy:?}");
        let left = of(&gone(with_eni(object.clone(), CloudState::Available)));
        assert_eq!((left.steps, left.let_go_after), (vec![Step::Delete], true), "{policy:?}");
        let taken = with_cloud(object.clone(), recorded(&object, 1, CloudState::Attached, ago(500)));
        assert!(of(&gone(view(taken, vec![]))).let_go, "{policy:?}");
    }
}

#[test]
fn an_attribute_is_not_changed_on_an_instance_that_is_gone() {
    let mut slot = with_eni(slot_object(1), CloudState::Attached);
    slot.attachment.spec.source_dest_check = Some(false);
    let gone = World { instance: in_state(InstanceState::Terminated), ..world(vec![slot]) };
    assert_eq!(of(&gone).steps, []);
}

/// A slot whose ENI somebody has attached to instance 9, at an index.
fn moved(mut object: NodeENIAttachment, policy: DetachPolicyType, device: u32) -> SlotView {
    object.spec.detach_policy.type_ = policy;
    let cloud = recorded(&object, 1, CloudState::Attached, ago(500));
    let mut listed = eni_in(&object, 1, CloudState::Attached, on(0, device));
    let attachment = listed.attachment.as_mut().unwrap();
    attachment.instance = instance_id(9);
    attachment.id = "eni-attach-00000099".parse().unwrap();
    view(with_cloud(object, cloud), vec![listed])
}

#[test]
fn an_eni_that_somebody_moved_is_waited_for_and_not_replaced() {
    let slot = moved(slot_object(1), DetachPolicyType::AfterTimeout, 2);
    let planned = of(&world(vec![slot]));
    assert_eq!((planned.steps.len(), planned.let_go), (0, false));
    assert_eq!(said(&planned, ConditionType::Attached), (Some(false), Reason::Elsewhere));
    assert_eq!(planned.pace, Pace::Within(seconds(300)));
    let cloud = planned.cloud.unwrap();
    assert_eq!(cloud.other_instance_id.as_deref(), Some(instance_id(9).as_str()));
    // It is looked at again, and holds no position here.
    assert_eq!(record::position(&cloud), None);
    assert!(asks([&with_cloud(slot_object(1), cloud)], at(NOW)).enis);
}

#[test]
fn the_position_of_an_eni_that_somebody_moved_is_free() {
    let mut other = slot_object(2);
    other.spec.device_index = 2;
    let other = SlotView { newborn: true, ..view(other, vec![]) };
    let slots = vec![moved(slot_object(1), DetachPolicyType::AfterTimeout, 2), other];
    assert_eq!(attach(&plan(&world(slots), &settings()).slots[1]), Some(on(0, 2)));
}

#[test]
fn an_eni_that_somebody_moved_is_detached_there_by_force_or_in_the_end() {
    let detach = [Step::Detach { force: false }];
    for (slot, expected) in [
        (moved(slot_object(1), DetachPolicyType::Force, 2), &detach[..]),
        (moved(leaving(slot_object(1), 10), DetachPolicyType::Force, 2), &detach[..]),
        (moved(leaving(slot_object(1), 10), DetachPolicyType::AfterTimeout, 2), &[]),
        (moved(leaving(slot_object(1), 300), DetachPolicyType::AfterTimeout, 2), &detach[..]),
        (moved(leaving(slot_object(1), 9999), DetachPolicyType::WaitForRelease, 2), &[]),
    ] {
        let planned = of(&world(vec![slot.clone()]));
        assert_eq!(planned.steps, expected, "{:?}", slot.attachment.spec);
        assert_eq!(said(&planned, ConditionType::Ready).1, Reason::Elsewhere);
        if !expected.is_empty() {
            // The attachment that is there now, and not the one that was here.
            let attachment = planned.cloud.and_then(|cloud| cloud.attachment_id);
            assert_eq!(attachment.as_deref(), Some("eni-attach-00000099"));
        }
    }
}

#[test]
fn of_two_enis_of_a_slot_the_one_that_somebody_moved_is_the_surplus_and_stays_where_it_is() {
    let mut slot = moved(slot_object(1), DetachPolicyType::AfterTimeout, 2);
    slot.attachment.status = None;
    slot.listing.as_mut().unwrap().enis.push(eni(&slot_object(1), 9, None));
    let planned = of(&world(vec![slot]));
    assert!(matches!(planned.steps[..], [Step::Attach(_), ..]), "{:?}", planned.steps);
    assert!(!planned.steps.iter().any(|step| matches!(step, Step::DetachSurplus(_))));
    assert_eq!(planned.cloud.and_then(|cloud| record::eni(&cloud)), Some(crate::make::eni_id(9)));
}

#[test]
fn an_eni_that_is_gone_is_not_taken_for_attached_while_another_of_its_slot_settles() {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, CloudState::Attached, ago(500));
    let pending = eni_operator::model::Eni { available: false, ..eni(&object, 9, None) };
    let slot = view(with_cloud(object, cloud), vec![pending]);
    let belief = belief::of(&slot, &settings(), at(NOW));
    assert!(
        matches!(&belief, Belief::Settling { cloud: Some(cloud), .. } if cloud.state == Some(CloudState::Deleted)),
        "{belief:?}"
    );
    assert_eq!(said(&of(&world(vec![slot])), ConditionType::Attached).0, Some(false));
}

fn node_eni_plan(
    node: NodePlanned,
    edit: impl FnOnce(&mut eni_operator::plan::fanout::World),
) -> NodeEniPlan {
    let mut world = make(&Planned { nodes: vec![node], ..calm() });
    edit(&mut world);
    plan_node_eni(&world, &settings())
}

#[test]
fn an_instance_that_ec2_has_forgotten_takes_its_slots_along_once_its_node_has_been_silent() {
    let unknown = NodePlanned { state: None, ..calm().nodes[0].clone() };
    for (ready, for_seconds, removed) in [(true, 9999, 0), (false, 60, 0), (false, 61, 1)] {
        let plan = node_eni_plan(unknown.clone(), |world| {
            world.nodes[0].ready = ready;
            world.nodes[0].ready_since = Some(ago(for_seconds));
        });
        assert_eq!(plan.remove.len(), removed, "{ready} {for_seconds}");
    }
}

#[test]
fn a_terminated_instance_takes_its_slots_along_whatever_does_not_resolve() {
    let node = NodePlanned { state: Some(InstanceState::Terminated), ..calm().nodes[0].clone() };
    let other = calm().nodes[0].clone();
    let world = make(&Planned { nodes: vec![node, other], names: vec!["none"], ..calm() });
    let plan = plan_node_eni(&world, &settings());
    assert_eq!(plan.remove.len(), 1);
    assert_eq!(plan.remove[0].spec.instance_id, instance_id(1).as_str());
}

#[test]
fn a_node_that_can_never_be_served_is_not_asked_about_again_and_again() {
    for kind in [Kind::Fargate, Kind::Hybrid, Kind::Auto, Kind::OtherCloud, Kind::Unnamed] {
        let never = NodePlanned { kind, ..calm().nodes[0].clone() };
        let plan =
            plan_node_eni(&make(&Planned { nodes: vec![never], children: vec![], ..calm() }), &settings());
        assert_eq!(plan.pace, Pace::Settled, "{kind:?}");
    }
}

#[test]
fn ec2_is_asked_for_the_instance_of_an_eni_that_has_lost_both_slot_and_node() {
    let mut orphan = slot_object(3);
    orphan.spec.instance_id = instance_id(7).to_string();
    let world = make(&Planned { children: vec![], ..calm() });
    let enis = vec![eni(&orphan, 5, None)];
    let left = Leftovers { listing: belief::Listing { at: at(NOW), enis }, since: ago(100) };
    let asked = |left| instances(&world.node_eni, &world.nodes, &world.children, left);
    assert!(!asked(None).contains(&instance_id(7)));
    assert!(asked(Some(&left)).contains(&instance_id(7)));
}
