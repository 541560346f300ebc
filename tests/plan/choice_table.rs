//! `subnetPolicy: One`: which subnet a node gets, and when it gets another.

use std::collections::BTreeMap;

use eni_operator::api::{CloudState, ConditionType, NodeENIAttachment, Reason, SubnetPolicy};
use eni_operator::model::{Subnet, SubnetId};
use eni_operator::plan::fanout::{Plan, World, plan};
use proptest::prelude::*;

use crate::fanout_worlds::{ChildPlanned, NodePlanned, Planned, make};
use crate::make::{ago, asked, leaving, settings, slot_key, subnet_id, with_cloud, with_condition};
use crate::rollup_table::calm;

fn of(world: &World) -> Plan {
    plan(world, &settings())
}

/// Some nodes of one zone, its subnets 1, 3 and 4, and one of them for each node.
fn world(nodes: usize, children: Vec<ChildPlanned>) -> World {
    let node: NodePlanned = calm().nodes[0].clone();
    make(&Planned { nodes: vec![node; nodes], ids: vec![1, 3, 4], one: true, children, ..calm() })
}

fn with_room(mut world: World, room: &[(u32, u32)]) -> World {
    let listed: &mut Vec<Subnet> = &mut world.network.subnets;
    listed.retain(|one| room.iter().any(|(n, _)| one.id == subnet_id(*n)));
    for one in listed {
        one.free_addresses = room.iter().find(|(n, _)| one.id == subnet_id(*n)).unwrap().1;
    }
    let ids = room.iter().map(|(n, _)| subnet_id(*n).to_string()).collect();
    world.node_eni.spec.subnet_ids = Some(ids);
    world
}

/// A child of a node in a subnet.
fn child(instance: u32, subnet: u32, state: Option<CloudState>) -> ChildPlanned {
    ChildPlanned { instance, subnet, state, ..calm().children[0].clone() }
}

/// A child that EC2 has refused its ENI, since its subnet is full.
fn refuse(child: &mut NodeENIAttachment) {
    let asked = with_cloud(child.clone(), asked(ago(100)));
    *child = with_condition(asked, ConditionType::Created, Some(false), Reason::SubnetFull);
}

fn counts<'a>(made: impl IntoIterator<Item = &'a NodeENIAttachment>) -> BTreeMap<SubnetId, u32> {
    let mut counts = BTreeMap::new();
    for one in made {
        *counts.entry(slot_key(one).subnet).or_default() += 1;
    }
    counts
}

fn subnets(made: &[NodeENIAttachment]) -> Vec<SubnetId> {
    made.iter().map(|one| slot_key(one).subnet).collect()
}

#[test]
fn nodes_that_come_together_share_what_is_free() {
    let plan = of(&with_room(world(5, vec![]), &[(1, 3), (3, 2)]));
    assert_eq!(counts(&plan.create), [(subnet_id(1), 3), (subnet_id(3), 2)].into());
}

#[test]
fn addresses_and_prefixes_of_an_eni_are_counted() {
    let mut world = with_room(world(2, vec![]), &[(1, 60), (3, 50)]);
    world.node_eni.spec.ipv4_prefix_count = Some(2);
    assert_eq!(counts(&of(&world).create), [(subnet_id(1), 1), (subnet_id(3), 1)].into());
}

#[test]
fn enis_that_ec2_has_not_counted_yet_are_counted() {
    let young = ChildPlanned { young: true, ..child(1, 1, Some(CloudState::Attached)) };
    for pending in [young, child(1, 1, None)] {
        let plan = of(&with_room(world(2, vec![pending]), &[(1, 2), (3, 2)]));
        assert_eq!(subnets(&plan.create), [subnet_id(3)]);
    }
    let old = with_room(world(2, vec![child(1, 1, Some(CloudState::Attached))]), &[(1, 2), (3, 1)]);
    let mut old = old;
    let cloud = old.children[0].status.as_mut().unwrap().cloud.as_mut().unwrap();
    cloud.last_create = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(ago(301));
    assert_eq!(subnets(&of(&old).create), [subnet_id(1)]);
}

#[test]
fn a_node_whose_subnet_is_full_gets_another_once_the_first_slot_is_gone() {
    let mut world = with_room(world(1, vec![child(1, 1, None)]), &[(1, 9), (3, 2)]);
    refuse(&mut world.children[0]);
    let first = of(&world);
    assert_eq!((first.create.len(), subnets(&first.remove)), (0, vec![subnet_id(1)]));
    world.children = vec![leaving(first.remove[0].clone(), 5)];
    let meanwhile = of(&world);
    assert_eq!((meanwhile.create.len(), meanwhile.remove.len()), (0, 0));
    world.children.clear();
    assert_eq!(of(&with_room(world, &[(1, 0), (3, 2)])).create.len(), 1);
}

#[test]
fn a_node_whose_subnet_is_full_stays_where_no_other_has_room() {
    for room in [&[(1, 9), (3, 0)][..], &[(1, 9)]] {
        let mut world = with_room(world(1, vec![child(1, 1, None)]), room);
        refuse(&mut world.children[0]);
        let plan = of(&world);
        assert_eq!((plan.create.len(), plan.remove.len()), (0, 0), "{room:?}");
    }
}

#[test]
fn a_subnet_that_ec2_calls_full_is_given_to_no_new_node_whatever_it_counts() {
    let mut world = with_room(world(2, vec![child(1, 1, None)]), &[(1, 200), (3, 1)]);
    refuse(&mut world.children[0]);
    let plan = of(&world);
    let node_2: Vec<_> = plan.create.iter().filter(|one| one.spec.node_name == "node-2").collect();
    // The only free address goes to one of them: the first.
    assert_eq!((subnets(&plan.remove), node_2.len()), (vec![subnet_id(1)], 1));
}

#[test]
fn an_eni_that_is_there_is_kept_whatever_was_said_of_an_earlier_create() {
    let mut world = with_room(world(1, vec![child(1, 1, Some(CloudState::Attached))]), &[(1, 0), (3, 99)]);
    world.children[0] =
        with_condition(world.children[0].clone(), ConditionType::Created, Some(false), Reason::SubnetFull);
    assert_eq!(of(&world).remove, []);
}

#[test]
fn one_after_all_keeps_one_eni_and_the_same_one_whatever_is_free() {
    let all = |first: Option<CloudState>| {
        vec![child(1, 1, first), child(1, 3, Some(CloudState::Attached)), child(1, 4, None)]
    };
    for room in [[(1, 9), (3, 1), (4, 99)], [(1, 1), (3, 9), (4, 99)]] {
        let plan = of(&with_room(world(1, all(Some(CloudState::Attached))), &room));
        let mut gone = subnets(&plan.remove);
        gone.sort();
        // Subnet 1 has the lowest place of those with an ENI.
        assert_eq!((plan.create.len(), gone), (0, vec![subnet_id(3), subnet_id(4)]), "{room:?}");
        let plan = of(&with_room(world(1, all(None)), &room));
        let mut gone = subnets(&plan.remove);
        gone.sort();
        assert_eq!(gone, [subnet_id(1), subnet_id(4)]);
    }
}

#[test]
fn all_after_one_makes_the_others_and_moves_nothing() {
    let mut world =
        with_room(world(1, vec![child(1, 3, Some(CloudState::Attached))]), &[(1, 9), (3, 9), (4, 9)]);
    world.node_eni.spec.subnet_policy = SubnetPolicy::All;
    let plan = of(&world);
    let mut made = subnets(&plan.create);
    made.sort();
    assert_eq!((made, plan.remove), (vec![subnet_id(1), subnet_id(4)], vec![]));
}

#[test]
fn a_node_whose_subnet_is_taken_out_of_the_list_gets_another_after_it() {
    let mut world = with_room(world(1, vec![child(1, 4, Some(CloudState::Attached))]), &[(1, 9), (3, 9)]);
    let first = of(&world);
    assert_eq!((first.create.len(), subnets(&first.remove)), (0, vec![subnet_id(4)]));
    world.children.clear();
    assert_eq!(of(&world).create.len(), 1);
}

proptest! {
    #[test]
    fn no_subnet_is_given_more_enis_than_it_has_room_for_while_another_has_some(
        nodes in 0usize..12, room in proptest::collection::vec(0u32..6, 3..=3)
    ) {
        let room: Vec<(u32, u32)> = [1, 3, 4].into_iter().zip(room).collect();
        let plan = of(&with_room(world(nodes, vec![]), &room));
        prop_assert_eq!(plan.create.len(), nodes);
        let total: u32 = room.iter().map(|(_, free)| free).sum();
        let given = counts(&plan.create);
        let over = |(n, free): &(u32, u32)| given.get(&subnet_id(*n)).copied().unwrap_or_default().saturating_sub(*free);
        let excess: u32 = room.iter().map(over).sum();
        prop_assert_eq!(excess, u32::try_from(nodes).unwrap().saturating_sub(total));
    }
}
