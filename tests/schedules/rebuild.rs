//! All that Kubernetes knew is lost: what comes back comes from the tags, and EC2 is not asked to change a thing.

use std::collections::BTreeMap;

use ec2_sim::world::Eni;
use eni_operator::api::{NodeENI, NodeENIAttachment};
use kube::ResourceExt;

use crate::acts::restore::{Backup, from_backup, wipe_everything};
use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::scenarios::{at_rest, cleared, up};
use crate::users;
use crate::wanted::slot_of;
use crate::world::World;

/// Our ENIs, whole.
fn enis(world: &World) -> BTreeMap<String, Eni> {
    let sim = lock(&world.sim);
    let ours = sim.state().enis.values().filter(|eni| slot_of(eni).is_some());
    ours.map(|eni| (eni.id.clone(), eni.clone())).collect()
}

/// The alternative names by node and subnet.
fn names(world: &World) -> BTreeMap<(String, String), String> {
    let store = lock_store(&world.store);
    let of = |one: &NodeENIAttachment| {
        let spec = &one.spec;
        ((spec.node_name.clone(), spec.subnet_id.clone()), spec.alt_name.clone())
    };
    store.attachments().map(|one| of(one)).collect()
}

/// Something is lost, and all comes back without a call that changes anything.
#[track_caller]
fn comes_back(mut world: World, lose: impl FnOnce(&mut World)) {
    let before = (enis(&world), names(&world));
    let calls = world.changes().1;
    lose(&mut world);
    users::collect_garbage(&mut world);
    at_rest(&mut world);
    assert_eq!(world.changes().1, calls, "EC2 was asked to change something\n{}", world.story());
    assert_eq!((enis(&world), names(&world)), before, "{}", world.story());
    cleared(&mut world);
}

/// A world whose subnets were put in front of one another, so that places are not those of the list.
fn with_a_history(lag: u64) -> World {
    let mut world = up(2, 3, lag);
    let first = world.region.subnets["us-east-1a"][0].clone();
    users::edit(&mut world, "net-0", "without the first", |spec| {
        spec.subnet_ids.get_or_insert_default().retain(|id| *id != first);
    });
    at_rest(&mut world);
    users::edit(&mut world, "net-0", "turned, the first at the end", |spec| {
        let list = spec.subnet_ids.get_or_insert_default();
        list.reverse();
        list.push(first);
    });
    at_rest(&mut world);
    world
}

#[test]
fn every_status_can_be_lost_at_once() {
    for lag in [0, 60] {
        comes_back(up(2, 2, lag), |world| wipe_everything(world, true));
    }
}

#[test]
fn every_status_can_be_lost_while_nobody_looks() {
    comes_back(with_a_history(30), |world| {
        wipe_everything(world, true);
        world.crash();
    });
}

#[test]
fn a_cluster_comes_back_from_a_backup_with_every_object_under_another_uid() {
    for lag in [0, 60] {
        comes_back(up(2, 2, lag), |world| from_backup(world, Backup::Specs));
        comes_back(up(2, 2, lag), |world| from_backup(world, Backup::Whole));
    }
}

#[test]
fn a_cluster_comes_back_from_a_backup_that_has_no_slots() {
    for lag in [0, 60] {
        comes_back(up(2, 2, lag), |world| from_backup(world, Backup::None));
    }
}

#[test]
fn places_come_back_though_the_list_says_otherwise_and_all_else_is_lost() {
    comes_back(with_a_history(30), |world| from_backup(world, Backup::None));
    comes_back(with_a_history(30), |world| from_backup(world, Backup::Specs));
}

#[test]
fn nodes_may_come_later_than_what_selects_them() {
    comes_back(up(2, 2, 30), |world| {
        let nodes = world.region.machines.clone();
        from_backup(world, Backup::None);
        for machine in &nodes {
            lock_store(&world.store).set_node(&machine.node, None);
        }
        world.gather();
        crate::scenarios::rests(world);
        for machine in &nodes {
            users::register(world, machine, &[users::NET]);
        }
    });
}

#[test]
fn a_restored_object_whose_owner_is_dead_is_owned_anew() {
    let mut world = up(1, 1, 0);
    from_backup(&mut world, Backup::Whole);
    users::collect_garbage(&mut world);
    at_rest(&mut world);
    let store = lock_store(&world.store);
    let node_eni = store.node_enis().next().and_then(|one: &std::sync::Arc<NodeENI>| one.uid()).unwrap();
    let owned =
        |one: &NodeENIAttachment| one.owner_references().iter().any(|reference| reference.uid == node_eni);
    assert!(store.attachments().all(|one| owned(one)));
    drop(store);
    cleared(&mut world);
}
