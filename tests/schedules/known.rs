//! Faults that the Go system is known for, each as a case. `docs/faults.md` has them all.

use std::time::Duration;

use eni_operator::model::Call;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::gate::Strike;
use crate::job::in_region;
use crate::region::Layout;
use crate::run::{Turn, jump, next, take};
use crate::scenarios::{at_rest, calls, cleared, rests, well};
use crate::users;
use crate::wanted::slot_of;
use crate::world::{Agents, World};

fn three_zones() -> World {
    let layout = Layout {
        zones: vec![('a', 2), ('b', 2), ('c', 1)],
        instances: vec![('a', "m5.xlarge", vec![]), ('b', "m5.xlarge", vec![])],
        lag: Duration::from_secs(10),
        seed: 5,
    };
    let mut world = in_region(&layout, (false, Agents::None));
    let all = world.region.subnets.values().flatten().cloned().collect();
    users::edit(&mut world, "net-0", "subnets of three zones", |spec| spec.subnet_ids = Some(all));
    world
}

#[test]
fn subnets_of_other_zones_cost_no_create() {
    let mut world = three_zones();
    at_rest(&mut world);
    world.wake_all();
    rests(&mut world);
    assert_eq!((calls(&world, Call::Create), calls(&world, Call::Attach)), (4, 4));
    assert!(lock(&world.log).iter().all(|call| call.done), "EC2 refused something");
    cleared(&mut world);
}

/// Runs all that can be run, but for one request.
fn run_beside(world: &mut World, held: u64) {
    for _ in 0..5000 {
        let free = crate::run::turns(world);
        let free = free.into_iter().find(|turn| !matches!(turn, Turn::Release(ticket) if *ticket == held));
        match free {
            Some(turn) => {
                let done = take(world, turn, Strike::None);
                well(world, done);
            }
            None if world.steps > 2000 || !jump(world) => return,
            None => {}
        }
    }
}

#[test]
fn a_create_that_hangs_holds_up_neither_its_neighbours_nor_other_nodes() {
    let mut world = three_zones();
    let held = loop {
        match next(&world, None) {
            Some(Turn::Release(ticket)) if world.is_for(ticket, "CreateNetworkInterface") => break ticket,
            Some(turn) => take(&mut world, turn, Strike::None).unwrap(),
            None => assert!(jump(&mut world)),
        }
    };
    run_beside(&mut world, held);
    let attached = lock(&world.sim).state().enis.values().filter(|eni| slot_of(eni).is_some()).count();
    assert_eq!(attached, 3, "all but the one whose create hangs\n{}", world.story());
    take(&mut world, Turn::Release(held), Strike::None).unwrap();
    at_rest(&mut world);
    cleared(&mut world);
}

#[test]
fn several_dpdk_devices_of_a_node_go_together_once_its_agent_lets_go() {
    let layout = Layout {
        zones: vec![('a', 4)],
        instances: vec![('a', "m5.4xlarge", vec![])],
        lag: Duration::from_secs(10),
        seed: 5,
    };
    let mut world = in_region(&layout, (true, Agents::Faithful));
    users::edit(&mut world, "net-0", "DPDK", |spec| {
        spec.enable_dpdk = Some(true);
        spec.dpdk_resource_name = Some("fast".to_owned());
    });
    at_rest(&mut world);
    let begun = world.now;
    users::delete_all(&mut world);
    let mut gone_at = None;
    while gone_at.is_none() && world.now - begun < 600_000 {
        if let Some(turn) = next(&world, None) {
            take(&mut world, turn, Strike::None).unwrap();
        } else {
            crate::agent::act(&mut world);
            if next(&world, None).is_none() && !jump(&mut world) {
                world.advance(1000);
            }
        }
        if lock_store(&world.store).node_enis().next().is_none() {
            gone_at = Some((world.now - begun) / 1000);
        }
    }
    assert!(gone_at.is_some_and(|seconds| seconds <= 120), "{gone_at:?}\n{}", world.story());
    let done = crate::check::nothing_is_left(&world);
    well(&world, done);
}

#[test]
fn a_finalizer_is_not_let_go_by_time() {
    let mut world = three_zones();
    at_rest(&mut world);
    users::edit(&mut world, "net-0", "waits for its agents", |spec| {
        spec.detach_policy = Some(eni_operator::api::DetachPolicy::default());
    });
    // Agents were there once, and do not answer.
    for (slot, word) in crate::agent::slots(&world) {
        crate::agent::report(&world, &slot, word);
    }
    world.gather();
    rests(&mut world);
    users::delete(&mut world, "net-0");
    for _ in 0..10 {
        world.advance(3_600_000);
        world.wake_all();
        rests(&mut world);
    }
    assert_eq!(calls(&world, Call::Detach), 0);
    assert_eq!(lock_store(&world.store).node_enis().count(), 1);
    world.agents.1 = Agents::Faithful;
    cleared(&mut world);
}

#[test]
fn a_subnet_that_is_listed_in_two_fields_makes_one_eni() {
    let mut world = three_zones();
    let subnet = world.region.subnets["us-east-1a"][0].clone();
    users::edit(&mut world, "net-0", "one subnet, four times", |spec| {
        spec.subnet_id = Some(subnet.clone());
        spec.subnet_ids = Some(vec![subnet.clone(), subnet]);
        spec.subnet_name = Some("net0".to_owned());
    });
    at_rest(&mut world);
    // `net0` is a subnet in each of the two nodes' zones.
    assert_eq!(calls(&world, Call::Create), 2);
    cleared(&mut world);
}

#[test]
fn the_longest_names_work() {
    let mut world = three_zones();
    let name = format!("n{}", "a".repeat(252));
    let subnets = world.region.subnets["us-east-1a"].clone();
    let groups = world.region.groups[..1].to_vec();
    users::create(&mut world, &users::node_eni(&name, &subnets[..1], &groups, 5));
    at_rest(&mut world);
    cleared(&mut world);
}
