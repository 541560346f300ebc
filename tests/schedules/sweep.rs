//! What a look at all of the cluster's ENIs finds, and what comes of it.

use std::collections::BTreeSet;

use ec2_sim::api::{
    AttachNetworkInterface, CreateNetworkInterface, CreateTags, DeleteNetworkInterface,
    ModifyNetworkInterfaceAttribute, Tag, TagSpecification,
};
use eni_operator::api::{ConditionType, NodeENI, NodeENIAttachment, find_condition};
use eni_operator::model::{Call, ClusterId, Epoch, Ownership, tag_key};
use kube::ResourceExt;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::run::settle;
use crate::scenarios::{at_rest, calls, child, cleared, detach_by_hand, rests, up};
use crate::users;
use crate::wanted::slot_of;
use crate::world::{CLUSTER, World};

fn eni_of(world: &World) -> String {
    child(world).status.unwrap().cloud.unwrap().eni_id.unwrap()
}

/// Reasons of events, in order.
fn told(world: &World) -> Vec<String> {
    lock_store(&world.store).told.iter().map(|(_, event)| event.reason.to_owned()).collect()
}

/// Whether the drift of the only slot is over, and what it was.
fn is_put_right(world: &World) -> bool {
    let conditions = child(world).status.unwrap().conditions;
    find_condition(&conditions, ConditionType::Drifted).is_some_and(|one| one.status == "False")
}

#[test]
fn an_eni_that_was_detached_by_hand_is_attached_again_and_said_so() {
    let mut world = up(1, 1, 30);
    let id = eni_of(&world);
    detach_by_hand(&mut world, &id);
    at_rest(&mut world);
    assert_eq!(eni_of(&world), id);
    assert_eq!((calls(&world, Call::Create), calls(&world, Call::Attach)), (1, 2));
    assert!(told(&world).contains(&"ENIDrifted".to_owned()));
    assert!(is_put_right(&world));
    cleared(&mut world);
}

#[test]
fn an_eni_that_was_deleted_by_hand_is_made_again() {
    let mut world = up(1, 1, 30);
    let id = eni_of(&world);
    detach_by_hand(&mut world, &id);
    let delete =
        DeleteNetworkInterface { network_interface_id: id.clone(), ..DeleteNetworkInterface::default() };
    lock(&world.sim).send(delete).unwrap();
    at_rest(&mut world);
    assert_ne!(eni_of(&world), id);
    cleared(&mut world);
}

#[test]
fn groups_that_were_changed_by_hand_are_put_right_by_one_call() {
    let mut world = up(1, 1, 30);
    let id = eni_of(&world);
    let other = {
        let sim = lock(&world.sim);
        let now = sim.state().enis.get(&id).unwrap().groups.clone();
        world.region.groups.iter().find(|group| !now.contains(group)).unwrap().clone()
    };
    let modify = ModifyNetworkInterfaceAttribute {
        network_interface_id: id,
        groups: vec![other],
        ..ModifyNetworkInterfaceAttribute::default()
    };
    lock(&world.sim).send(modify).unwrap();
    let before = calls(&world, Call::Modify);
    at_rest(&mut world);
    assert_eq!(calls(&world, Call::Modify), before + 1);
    assert!(is_put_right(&world));
    cleared(&mut world);
}

#[test]
fn at_rest_a_look_changes_nothing() {
    let mut world = up(2, 2, 30);
    let before = world.changes();
    settle(&mut world, None).unwrap();
    assert_eq!(world.changes(), before);
    cleared(&mut world);
}

/// An ENI of this cluster for a `NodeENI` that nobody has, asked for at the epoch.
pub fn orphan(world: &World, node_eni: &str, subnet: usize, epoch: i64) -> String {
    let machine = &world.region.machines[0];
    let subnets: Vec<&String> = world.region.subnets.values().flatten().collect();
    let slot = eni_operator::model::Slot {
        node_eni: node_eni.to_owned(),
        instance: machine.instance.parse().unwrap(),
        subnet: subnets[subnet % subnets.len()].parse().unwrap(),
    };
    let owner = Ownership {
        cluster: ClusterId(CLUSTER.to_owned()),
        slot: slot.clone(),
        epoch: Epoch(epoch),
        offset: 0,
    };
    let tags = owner.tags(&machine.node, "uid", &std::collections::BTreeMap::new());
    let request = CreateNetworkInterface {
        subnet_id: slot.subnet.to_string(),
        groups: world.region.groups[..1].to_vec(),
        tag_specifications: vec![TagSpecification::eni(tags)],
        ..CreateNetworkInterface::default()
    };
    lock(&world.sim).send(request).unwrap().network_interface.network_interface_id
}

fn exists(world: &World, id: &str) -> bool {
    lock(&world.sim).state().enis.get(id).is_some()
}

#[test]
fn an_orphan_of_a_node_eni_that_is_gone_goes_after_two_sightings_and_a_minimum_age() {
    let mut world = up(2, 2, 0);
    let born = world.now / 1000;
    let id = orphan(&world, "ghost", 0, born);
    // Attached, as it would be after a restore that brought no objects back.
    let attach = AttachNetworkInterface {
        network_interface_id: id.clone(),
        instance_id: world.region.machines[0].instance.clone(),
        device_index: Some(9),
        ..AttachNetworkInterface::default()
    };
    lock(&world.sim).send(attach).unwrap();
    let mut gone_at = None;
    for _ in 0..12 {
        world.advance(200_000);
        settle(&mut world, None).unwrap();
        users::collect_garbage(&mut world);
        if !exists(&world, &id) {
            gone_at = Some(world.now / 1000 - born);
            break;
        }
    }
    assert!(gone_at.is_some_and(|age| age >= 900), "{gone_at:?}\n{}", world.story());
    at_rest(&mut world);
    cleared(&mut world);
}

#[test]
fn so_many_orphans_that_the_cluster_must_have_lost_its_objects_are_all_kept() {
    let mut world = up(1, 1, 0);
    let born = world.now / 1000 - 100_000;
    let all: BTreeSet<String> = (0..6).map(|n| orphan(&world, &format!("ghost-{n}"), n, born)).collect();
    for _ in 0..6 {
        world.advance(700_000);
        settle(&mut world, None).unwrap();
    }
    assert!(all.iter().all(|id| exists(&world, id)));
    assert!(told(&world).contains(&"DeletionsHeld".to_owned()));
    // Not even a slot that is to go is let go while the listing is not to be believed.
    users::delete_all(&mut world);
    rests(&mut world);
    assert_eq!(lock_store(&world.store).node_enis().count(), 1);
    // Somebody clears the orphans away: everything goes on.
    for id in all {
        let delete = DeleteNetworkInterface { network_interface_id: id, ..DeleteNetworkInterface::default() };
        lock(&world.sim).send(delete).unwrap();
    }
    world.advance(700_000);
    cleared(&mut world);
}

#[test]
fn an_eni_that_bears_the_clusters_tag_alone_is_never_touched() {
    let mut world = up(1, 1, 0);
    let request = CreateNetworkInterface {
        subnet_id: world.region.subnets.values().flatten().next().unwrap().clone(),
        groups: world.region.groups[..1].to_vec(),
        ..CreateNetworkInterface::default()
    };
    let id = lock(&world.sim).send(request).unwrap().network_interface.network_interface_id;
    let tags = vec![Tag::new(tag_key::CLUSTER, CLUSTER)];
    let request = CreateTags { resources: vec![id.clone()], tags, ..CreateTags::default() };
    lock(&world.sim).send(request).unwrap();
    let stranger = lock(&world.sim).state().enis.get(&id).cloned().unwrap();
    world.strangers.insert(id, stranger);
    world.advance(2_000_000);
    at_rest(&mut world);
    cleared(&mut world);
}

#[test]
fn places_come_back_from_tags_when_objects_and_status_are_lost() {
    let mut world = up(2, 2, 0);
    let before: Vec<(String, i64)> = places(&world);
    let changes = world.changes().1;
    // A restore: the NodeENI comes back without status and with its subnets the other way round, and
    // no NodeENIAttachment comes back.
    let old = lock_store(&world.store).get::<NodeENI>("net-0").unwrap();
    let mut spec = old.spec.clone();
    spec.subnet_ids.as_mut().unwrap().reverse();
    forget_everything(&mut world);
    users::create(&mut world, &NodeENI::new("net-0", spec));
    world.crash();
    at_rest(&mut world);
    assert_eq!(places(&world), before);
    assert_eq!(world.changes().1, changes, "EC2 was changed\n{}", world.story());
    cleared(&mut world);
}

/// Subnets of slots and their places.
fn places(world: &World) -> Vec<(String, i64)> {
    let store = lock_store(&world.store);
    let found: BTreeSet<(String, i64)> =
        store.attachments().map(|one| (one.spec.subnet_id.clone(), one.spec.offset)).collect();
    found.into_iter().collect()
}

/// All objects of ours are gone, finalizers or not.
fn forget_everything(world: &mut World) {
    world.crash();
    let mut store = lock_store(&world.store);
    let names: Vec<String> = store.attachments().map(|one| one.name_any()).collect();
    for name in names {
        let _ = store.delete::<NodeENIAttachment>(&name, None);
        if let Some(object) = store.get::<NodeENIAttachment>(&name) {
            let _ = store.set_finalizers(object.as_ref(), vec![]);
        }
    }
    let _ = store.delete::<NodeENI>("net-0", None);
    if let Some(object) = store.get::<NodeENI>("net-0") {
        let _ = store.set_finalizers(object.as_ref(), vec![]);
    }
    drop(store);
    world.gather();
    world.crash();
    assert!(lock(&world.sim).state().enis.values().any(|eni| slot_of(eni).is_some()));
}
