//! Cases of a `NodeENI`'s plan, each with a name.

use eni_operator::api::{DetachPolicyType, NODE_ENI_LABEL, NodeENIAttachment};
use eni_operator::model::InstanceState;
use eni_operator::plan::Pace;
use eni_operator::plan::fanout::{Finalizer, Plan, World, instances, leftover, plan, remove_all};
use serde_json::json;

use crate::fanout_worlds::{ChildPlanned, Kind, NodePlanned, Planned, make};
use crate::make::{eni, instance_id, node_eni, seconds, settings, slot_key, slot_object};
use crate::rollup_table::calm;

fn of(world: &World) -> Plan {
    plan(world, &settings())
}

fn counts(plan: &Plan) -> (usize, usize, usize) {
    (plan.create.len(), plan.update.len(), plan.remove.len())
}

/// The calm world, with its child brought to its spec, so that an edit is the only difference.
fn still() -> World {
    let world = make(&calm());
    let brought = of(&world).update;
    World { children: brought, ..world }
}

#[test]
fn a_calm_world_is_left_alone() {
    let plan = of(&still());
    assert_eq!((counts(&plan), plan.pace, plan.finalizer), ((0, 0, 0), Pace::Settled, Finalizer::Keep));
}

#[test]
fn a_new_object_gets_its_finalizer_before_anything_else() {
    let plan = of(&make(&Planned { finalizer: false, children: vec![], ..calm() }));
    assert_eq!((plan.finalizer, counts(&plan)), (Finalizer::Add, (0, 0, 0)));
}

#[test]
fn a_node_that_is_missing_or_unnamed_or_unknown_to_ec2_loses_nothing() {
    let node = calm().nodes[0].clone();
    for node in [
        NodePlanned { there: false, ..node.clone() },
        NodePlanned { kind: Kind::Unnamed, ..node.clone() },
        NodePlanned { state: None, ..node.clone() },
        NodePlanned { state: Some(InstanceState::Stopped), ..node },
    ] {
        let plan = of(&make(&Planned { nodes: vec![node.clone()], ..calm() }));
        assert!(plan.remove.is_empty(), "{node:?}");
    }
}

#[test]
fn a_missing_node_whose_instance_is_gone_loses_its_slots() {
    let node = NodePlanned { there: false, ..calm().nodes[0].clone() };
    for state in [None, Some(InstanceState::Terminated)] {
        let gone = Planned { nodes: vec![NodePlanned { state, ..node.clone() }], ..calm() };
        assert_eq!(of(&make(&gone)).remove.len(), 1, "{state:?}");
    }
}

#[test]
fn a_terminated_instance_whose_node_is_kept_gets_nothing_and_loses_its_slots() {
    let node = NodePlanned { state: Some(InstanceState::Terminated), ..calm().nodes[0].clone() };
    let plan = of(&make(&Planned { nodes: vec![node], ids: vec![1, 3], ..calm() }));
    assert_eq!((plan.create.len(), plan.remove.len(), plan.status.failed), (0, 1, 0));
}

#[test]
fn a_node_that_is_not_selected_any_more_loses_its_slots() {
    let node = NodePlanned { selected: false, ..calm().nodes[0].clone() };
    assert_eq!(of(&make(&Planned { nodes: vec![node], ..calm() })).remove.len(), 1);
}

#[test]
fn a_subnet_taken_out_of_the_list_loses_its_slot_unless_a_subnet_does_not_resolve() {
    assert_eq!(of(&make(&Planned { ids: vec![3], ..calm() })).remove.len(), 1);
    let without_group = of(&make(&Planned { ids: vec![3], group: "missing", ..calm() }));
    assert_eq!((without_group.create.len(), without_group.remove.len()), (0, 1));
    for unsure in [
        Planned { ids: vec![3, 9], ..calm() },
        Planned { ids: vec![3], names: vec!["none"], ..calm() },
        Planned { ids: vec![3], names: vec!["twin"], ..calm() },
    ] {
        let plan = of(&make(&unsure));
        assert!(plan.remove.is_empty(), "{unsure:?}");
        assert_eq!(plan.pace, Pace::Within(seconds(60)));
    }
}

#[test]
fn a_group_that_does_not_resolve_takes_nothing_from_a_listed_subnet() {
    assert_eq!(counts(&of(&make(&Planned { group: "missing", ..calm() }))), (0, 0, 0));
}

#[test]
fn names_and_nothing_else_make_a_settled_object_due_again() {
    let (world, names) = (still(), make(&Planned { group: "web", ..calm() }));
    assert_eq!(of(&world).pace, Pace::Settled);
    let Pace::Within(wait) = of(&names).pace else { panic!("a name is never looked up again") };
    assert!(wait > seconds(0) && wait <= seconds(600), "{wait:?}");
}

#[test]
fn an_instance_that_ec2_was_not_asked_about_loses_nothing() {
    let mut world = make(&Planned { ids: vec![3], ..calm() });
    world.instances.clear();
    assert_eq!(counts(&of(&world)), (0, 0, 0));
}

#[test]
fn a_subnet_in_another_zone_or_vpc_than_the_node_makes_no_slot() {
    let node = calm().nodes[0].clone();
    for node in [NodePlanned { zone_b: true, ..node.clone() }, NodePlanned { other_vpc: true, ..node }] {
        assert!(of(&make(&Planned { nodes: vec![node], children: vec![], ..calm() })).create.is_empty());
    }
}

#[test]
fn each_vpcs_nodes_get_their_own_subnets() {
    let node = calm().nodes[0].clone();
    let planned = Planned {
        nodes: vec![node.clone(), NodePlanned { other_vpc: true, ..node }],
        ids: vec![1, 7],
        children: vec![],
        ..calm()
    };
    let plan = of(&make(&planned));
    let made: Vec<_> =
        plan.create.iter().map(|one| (one.spec.node_name.as_str(), one.spec.subnet_id.as_str())).collect();
    assert_eq!(made, [("node-1", "subnet-00000001"), ("node-2", "subnet-00000007")]);
    assert!(plan.status.conditions.iter().any(|one| one.type_ == "SpecValid" && one.status == "True"));
}

#[test]
fn a_subnet_that_is_listed_twice_makes_one_slot() {
    let planned = Planned { ids: vec![1, 1], names: vec!["shared"], children: vec![], ..calm() };
    assert_eq!(of(&make(&planned)).create.len(), 1);
}

#[test]
fn one_takes_the_subnet_with_most_room_and_keeps_it() {
    let one = Planned { ids: vec![1, 3, 4], one: true, children: vec![], ..calm() };
    let plan = of(&make(&one));
    assert_eq!(
        plan.create.iter().map(|slot| slot.spec.subnet_id.as_str()).collect::<Vec<_>>(),
        ["subnet-00000003"]
    );
    let kept = of(&make(&Planned { children: calm().children, ..one }));
    assert_eq!((kept.create.len(), kept.remove.len()), (0, 0));
}

#[test]
fn an_edit_of_the_spec_reaches_the_slots_that_stay() {
    let mut world = still();
    world.node_eni.spec.mtu = Some(9001);
    world.node_eni.spec.security_group_ids = Some(vec!["sg-0000000b".to_owned(), "sg-0000000a".to_owned()]);
    world.node_eni.spec.delete_on_termination = false;
    let plan = of(&world);
    assert_eq!(counts(&plan), (0, 1, 0));
    let spec = &plan.update[0].spec;
    assert_eq!((spec.mtu, spec.delete_on_termination), (Some(9001), false));
    assert_eq!(spec.security_group_ids, ["sg-0000000a", "sg-0000000b"]);
}

#[test]
fn a_released_slot_is_never_taken_back() {
    let mut world = still();
    world.children[0].spec.release = true;
    world.node_eni.spec.mtu = Some(9001);
    let plan = of(&world);
    assert_eq!((plan.create.len(), plan.update.len(), plan.remove.len()), (0, 0, 1));
    assert!(plan.remove[0].spec.release);
}

#[test]
fn a_slot_that_was_paused_on_its_way_out_goes_on_once_the_pause_is_over() {
    let mut world = still();
    world.children[0] = crate::make::leaving(world.children[0].clone(), 5);
    world.node_eni.spec.paused = Some(true);
    world.children = of(&world).update.clone();
    assert!(world.children[0].spec.paused);
    world.node_eni.spec.paused = None;
    let on = of(&world).remove;
    assert_eq!((on.len(), on[0].spec.paused, on[0].spec.release), (1, false, true));
    assert_eq!(remove_all(&world.children).len(), 1);
}

#[test]
fn pausing_asks_ec2_for_nothing() {
    let world = make(&calm());
    let asked = |edit: fn(&mut World)| {
        let mut world = world.clone();
        edit(&mut world);
        instances(&world.node_eni, &world.nodes, &world.children, world.leftovers.as_ref())
    };
    assert_eq!(asked(|_| {}), [instance_id(1)].into());
    assert_eq!(asked(|world| world.nodes.clear()), [instance_id(1)].into());
    assert_eq!(asked(|world| world.node_eni.spec.paused = Some(true)), [].into());
}

#[test]
fn a_deleted_object_goes_when_ec2_lists_nothing_of_it() {
    let deleting = |leftovers| of(&make(&Planned { deleted: true, children: vec![], leftovers, ..calm() }));
    assert_eq!(deleting(Some((vec![], 0))).finalizer, Finalizer::Remove);
    let unasked = deleting(None);
    assert_eq!((unasked.finalizer, unasked.pace), (Finalizer::Keep, Pace::Within(seconds(5))));
    let early = deleting(Some((vec![(1, 2)], 59)));
    assert_eq!((early.finalizer, early.create.len()), (Finalizer::Keep, 0));
    let late = deleting(Some((vec![(1, 2)], 60)));
    assert_eq!((late.finalizer, late.create.len()), (Finalizer::Keep, 1));
    let all = of(&make(&Planned { deleted: true, ..calm() }));
    assert_eq!((all.finalizer, all.remove.len()), (Finalizer::Keep, 1));
}

#[test]
fn a_leftover_eni_gets_an_object_that_takes_it_the_ordinary_way() {
    let owner = node_eni(&json!({"nodeSelector": {}, "enableDPDK": true}));
    let of_slot = slot_object(4);
    let found: NodeENIAttachment = leftover(&eni(&of_slot, 4, None), &owner).unwrap();
    assert_eq!(slot_key(&found), slot_key(&of_slot));
    assert!(found.spec.release);
    assert_eq!(found.spec.detach_policy.type_, DetachPolicyType::WaitForRelease);
    let mut strangers = eni(&of_slot, 4, None);
    strangers.tags.clear();
    assert_eq!(leftover(&strangers, &owner), None);
}

#[test]
fn an_eni_that_has_lost_its_object_goes_only_for_a_reason_and_after_the_lag() {
    let orphan = |planned: Planned, since| {
        let plan = of(&make(&Planned { leftovers: Some((vec![(1, 3)], since)), ..planned }));
        plan.create.iter().filter(|one| one.spec.release).count()
    };
    assert_eq!(orphan(calm(), 60), 1);
    assert_eq!(orphan(calm(), 59), 0);
    assert_eq!(orphan(Planned { ids: vec![1, 3], ..calm() }, 60), 0);
    assert_eq!(orphan(Planned { ids: vec![1, 9], ..calm() }, 60), 0);
    assert_eq!(orphan(Planned { paused: true, ..calm() }, 60), 0);
    let lost = NodePlanned { there: false, ..calm().nodes[0].clone() };
    assert_eq!(orphan(Planned { nodes: vec![lost], ..calm() }, 60), 0);
}

#[test]
fn the_place_of_an_enis_subnet_is_kept_though_its_object_is_lost() {
    let found = Some((vec![(1, 3)], 60));
    let plan =
        of(&make(&Planned { ids: vec![4], children: vec![], given: vec![3], leftovers: found, ..calm() }));
    let names: Vec<_> = plan.create.iter().map(|one| (one.spec.release, one.spec.offset)).collect();
    assert_eq!(names, [(false, 1), (true, 0)]);
}

#[test]
fn an_object_deleted_by_hand_is_renewed_once_its_eni_would_be_listed() {
    let deleted = |young| ChildPlanned { deleted: true, young, ..calm().children[0].clone() };
    let early = of(&make(&Planned { children: vec![deleted(true)], ..calm() }));
    assert_eq!((early.renew.len(), early.pace), (0, Pace::Within(seconds(55))));
    let late = of(&make(&Planned { children: vec![deleted(false)], ..calm() }));
    assert_eq!((late.renew.len(), counts(&late)), (1, (0, 0, 0)));
    let paused = of(&make(&Planned { children: vec![deleted(false)], paused: true, ..calm() }));
    assert!(paused.renew.is_empty());
}

#[test]
fn a_slots_object_says_what_the_spec_says_for_its_node() {
    let mut world = make(&Planned { children: vec![], ..calm() });
    world.node_eni.spec.network_card_index = 1;
    world.node_eni.spec.mtu = Some(0);
    world.node_eni.spec.dpdk_resource_name = Some("sriov".to_owned());
    let spec = of(&world).create[0].spec.clone();
    assert_eq!((spec.alt_name.as_str(), spec.mtu), ("ethc1x2", None));
    assert_eq!(spec.unique_alt_name, format!("eth-{}", slot_key(&of(&world).create[0]).network_digest()));
    let dpdk = spec.dpdk.unwrap();
    assert_eq!((dpdk.enabled, dpdk.resource_name.as_deref()), (false, Some("intel.com/sriov")));
    assert_eq!(spec.description, "NodeENI n on node node-1");
}

#[test]
fn a_name_too_long_for_a_label_is_told_by_its_digest() {
    let mut world = make(&Planned { children: vec![], ..calm() });
    world.node_eni.metadata.name = Some("n".repeat(100));
    let made = &of(&world).create[0];
    let label = &made.metadata.labels.as_ref().unwrap()[NODE_ENI_LABEL];
    assert_eq!(label, &slot_key(made).network_digest());
    assert!(label.len() <= 63);
}

#[test]
fn a_node_that_was_registered_twice_has_its_slots_once() {
    let mut world = make(&Planned { children: vec![], ..calm() });
    let again = eni_operator::plan::node::NodeFacts { name: "node-0".to_owned(), ..world.nodes[0].clone() };
    world.nodes.push(again);
    let plan = of(&world);
    assert_eq!((plan.create.len(), plan.create[0].spec.node_name.as_str()), (1, "node-0"));
}
