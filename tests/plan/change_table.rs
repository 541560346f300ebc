//! What a change of a `NodeENI` makes of its slots, and which ENIs are replaced at a user's word.

use eni_operator::api::{
    CloudState, ConditionType, DetachPolicyType, NodeENIAttachment, REPLACE_ANNOTATION, Reason,
    find_condition,
};
use eni_operator::plan::fanout::{Plan, World, plan};
use eni_operator::plan::rollup;

use crate::fanout_worlds::{NodePlanned, Planned, make};
use crate::make::{leaving, settings, with_condition};
use crate::rollup_table::calm;

fn of(world: &World) -> Plan {
    plan(world, &settings())
}

/// Three nodes with an attached ENI each, as their spec says.
fn world() -> World {
    let node: NodePlanned = calm().nodes[0].clone();
    let child = |instance| crate::fanout_worlds::ChildPlanned {
        instance,
        state: Some(CloudState::Attached),
        ready: Some((Some(true), Reason::Attached)),
        ..calm().children[0].clone()
    };
    let mut world = make(&Planned { nodes: vec![node; 3], children: [1, 2, 3].map(child).into(), ..calm() });
    world.children = of(&world).update;
    world
}

fn annotate(meta: &mut kube::api::ObjectMeta, value: &str) {
    meta.annotations.get_or_insert_default().insert(REPLACE_ANNOTATION.to_owned(), value.to_owned());
}

fn needy(child: &NodeENIAttachment) -> NodeENIAttachment {
    with_condition(child.clone(), ConditionType::ReplacementNeeded, Some(true), Reason::PositionChanged)
}

/// The nodes whose slots go.
fn removed(plan: &Plan) -> Vec<&str> {
    plan.remove.iter().map(|one| one.spec.node_name.as_str()).collect()
}

#[test]
fn every_field_that_the_agent_looks_after_reaches_the_slots_in_place() {
    let mut world = world();
    let spec = &mut world.node_eni.spec;
    spec.mtu = Some(9001);
    spec.alt_name_prefix = "net".to_owned();
    spec.enable_dpdk = Some(true);
    spec.dpdk_driver = Some("igb_uio".to_owned());
    spec.detach_policy =
        Some(eni_operator::api::DetachPolicy { type_: DetachPolicyType::Force, timeout_seconds: None });
    let plan = of(&world);
    assert_eq!((plan.update.len(), plan.remove.len(), plan.create.len()), (3, 0, 0));
    for one in &plan.update {
        let spec = &one.spec;
        assert_eq!((spec.mtu, spec.alt_name.as_str()), (Some(9001), "net2"));
        assert!(spec.unique_alt_name.starts_with("net-"));
        assert_eq!(spec.dpdk.as_ref().unwrap().driver, "igb_uio");
        assert_eq!(spec.detach_policy.type_, DetachPolicyType::Force);
    }
}

#[test]
fn a_changed_position_reaches_the_slots_and_removes_none() {
    let mut world = world();
    world.node_eni.spec.device_index = 5;
    let plan = of(&world);
    assert_eq!((plan.update.len(), plan.remove.len()), (3, 0));
    assert!(plan.update.iter().all(|one| one.spec.device_index == 5));
}

/// The child's spec after the user has taken out what it was made with.
fn after_taking_out(edit: impl FnOnce(&mut NodeENIAttachment)) -> NodeENIAttachment {
    let mut world = world();
    edit(&mut world.children[0]);
    of(&world).update.first().cloned().unwrap_or_else(|| world.children[0].clone())
}

fn cloud(child: &mut NodeENIAttachment) -> &mut eni_operator::api::CloudStatus {
    child.status.as_mut().unwrap().cloud.as_mut().unwrap()
}

#[test]
fn a_count_that_is_taken_out_is_none_until_ec2_has_none_and_then_nobodys_business() {
    let count = |set, there: usize, unsure| {
        let child = after_taking_out(|child| {
            child.spec.secondary_private_ip_count = set;
            cloud(child).secondary_private_ips = vec!["10.0.0.5".to_owned(); there];
            cloud(child).addresses_unsure = unsure;
        });
        child.spec.secondary_private_ip_count
    };
    assert_eq!(count(Some(3), 3, false), Some(0));
    assert_eq!(count(Some(0), 1, false), Some(0));
    assert_eq!(count(Some(0), 0, true), Some(0));
    assert_eq!(count(Some(0), 0, false), None);
    // Never asked for: somebody else's.
    assert_eq!(count(None, 3, false), None);
}

#[test]
fn a_check_that_is_taken_out_goes_back_to_ec2s_default() {
    let check = |set, there| {
        let child = after_taking_out(|child| {
            child.spec.source_dest_check = set;
            cloud(child).source_dest_check = there;
        });
        child.spec.source_dest_check
    };
    assert_eq!(check(Some(false), Some(false)), Some(true));
    assert_eq!(check(Some(true), None), Some(true));
    assert_eq!(check(Some(true), Some(true)), None);
    assert_eq!(check(None, Some(false)), None);
}

#[test]
fn an_annotated_slot_is_released_and_made_again_without_the_annotation() {
    let mut world = world();
    annotate(&mut world.children[1].metadata, "true");
    let plan = of(&world);
    assert_eq!((removed(&plan), plan.create.len(), plan.update.len()), (vec!["node-2"], 0, 0));
    assert!(plan.remove[0].spec.release);
    let gone = world.children.remove(1);
    let again = of(&world);
    assert_eq!(
        (again.create.len(), again.create[0].metadata.name.as_ref()),
        (1, gone.metadata.name.as_ref())
    );
    assert_eq!(again.create[0].metadata.annotations, None);
    for other in ["false", "", "1"] {
        let mut world = self::world();
        annotate(&mut world.children[1].metadata, other);
        assert_eq!(removed(&of(&world)), Vec::<&str>::new(), "{other}");
    }
}

#[test]
fn a_paused_object_replaces_nothing() {
    let mut world = world();
    annotate(&mut world.children[1].metadata, "true");
    world.node_eni.spec.paused = Some(true);
    assert_eq!(of(&world).remove, []);
}

/// The world with the annotation on its `NodeENI`, which is of generation 7, and some slots that need it.
fn asked_for(value: &str, needed: &[usize]) -> World {
    let mut world = world();
    world.node_eni.metadata.generation = Some(7);
    annotate(&mut world.node_eni.metadata, value);
    for &n in needed {
        world.children[n] = needy(&world.children[n]);
    }
    world
}

#[test]
fn with_the_objects_annotation_those_that_need_it_are_replaced_one_after_the_other() {
    assert_eq!(removed(&of(&asked_for("7", &[]))), Vec::<&str>::new());
    let world = asked_for("7", &[1, 2]);
    let plan = of(&world);
    assert_eq!(plan.remove.len(), 1);
    // One on its way out, one that is not there yet, one that is not up: each holds up the next.
    let at = world.children.iter().position(|one| one.metadata.name == plan.remove[0].metadata.name).unwrap();
    let mut going = world.clone();
    going.children[at] = leaving(going.children[at].clone(), 5);
    let kept = |plan: &Plan| plan.remove.iter().all(|one| one.metadata.name == plan_name(&world, at));
    assert!(kept(&of(&going)));
    going.children.remove(at);
    assert_eq!(of(&going).remove, []);
    for (type_, reason) in
        [(ConditionType::Attached, Reason::InProgress), (ConditionType::Ready, Reason::LinkNotReady)]
    {
        let mut weak = world.clone();
        weak.children[0] = with_condition(weak.children[0].clone(), type_, Some(false), reason);
        assert_eq!(of(&weak).remove, [], "{type_:?}");
    }
}

#[test]
fn where_all_indices_move_by_one_the_last_is_replaced_first() {
    let child = |subnet| crate::fanout_worlds::ChildPlanned {
        subnet,
        state: Some(CloudState::Attached),
        ready: Some((Some(true), Reason::Attached)),
        ..calm().children[0].clone()
    };
    let planned =
        Planned { ids: vec![1, 3, 4], given: vec![1, 3, 4], children: [1, 3, 4].map(child).into(), ..calm() };
    let mut world = make(&planned);
    world.children = of(&world).update;
    assert_eq!(world.children.len(), 3);
    for one in &mut world.children {
        let index = one.spec.device_index;
        cloud(one).device_index = Some(index - 1);
        *one = needy(one);
    }
    world.node_eni.metadata.generation = Some(7);
    annotate(&mut world.node_eni.metadata, "7");
    let last = world.children.iter().max_by_key(|one| one.spec.device_index).unwrap();
    let plan = of(&world);
    assert_eq!(plan.remove.len(), 1);
    assert_eq!(plan.remove[0].metadata.name, last.metadata.name);
}

fn plan_name(world: &World, at: usize) -> Option<String> {
    world.children[at].metadata.name.clone()
}

#[test]
fn an_annotation_for_another_generation_consents_to_nothing() {
    for value in ["6", "8", "true", ""] {
        assert_eq!(of(&asked_for(value, &[0, 1, 2])).remove, [], "{value:?}");
    }
}

#[test]
fn a_judgement_of_an_older_spec_replaces_nothing() {
    let mut world = asked_for("7", &[0]);
    world.children[0].metadata.generation = Some(99);
    assert_eq!(of(&world).remove, []);
}

#[test]
fn enis_that_need_a_replacement_are_counted_and_told_once() {
    let mut world = world();
    let before = of(&world).status;
    world.children[0] = needy(&world.children[0]);
    world.children[2] = needy(&world.children[2]);
    let status = of(&world).status;
    let needed = find_condition(&status.conditions, ConditionType::ReplacementNeeded).unwrap();
    assert_eq!((needed.status.as_str(), needed.reason.as_str()), ("True", "PositionChanged"));
    assert!(
        needed.message.starts_with("2 ENIs ") && needed.message.contains("node-1, node-3"),
        "{}",
        needed.message
    );
    let told =
        |before, after| rollup::events(Some(before), after).iter().map(|one| one.reason).collect::<Vec<_>>();
    assert_eq!(told(&before, &status), ["ReplacementNeeded"]);
    assert_eq!(told(&status, &status), Vec::<&str>::new());
}
