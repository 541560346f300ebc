//! Dangers that are known by name, each alone and without chance.

use std::time::Duration;

use ec2_sim::api::{
    AttachNetworkInterface, CreateNetworkInterface, CreateTags, DeleteNetworkInterface,
    DetachNetworkInterface, Tag, TagSpecification,
};
use eni_operator::api::{NodeENI, NodeENIAttachment};
use eni_operator::model::{Call, tag_key};
use kube::ResourceExt;

use crate::agent::{Word, report};
use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::gate::Strike;
use crate::job::{begin, in_region};
use crate::region::Layout;
use crate::run::{Turn, next, settle, take};
use crate::wanted::slot_of;
use crate::world::{Agents, World};
use crate::{check, users};

/// A world at rest with its ENIs up, under a lag.
pub fn up(instances: usize, subnets: usize, lag: u64) -> World {
    let mut world = lagging(instances, subnets, lag);
    at_rest(&mut world);
    world
}

/// A world with a lag in which nothing has been done yet.
pub fn lagging(instances: usize, subnets: usize, lag: u64) -> World {
    let layout = Layout {
        zones: vec![('a', subnets)],
        instances: (0..instances).map(|_| ('a', "m5.xlarge", vec![])).collect(),
        lag: Duration::from_secs(lag),
        seed: 7,
    };
    in_region(&layout, (false, Agents::None))
}

#[track_caller]
pub fn well(world: &World, done: Result<(), String>) {
    if let Err(error) = done {
        panic!("{error}\n{}", world.story());
    }
}

#[track_caller]
pub fn at_rest(world: &mut World) {
    let done = settle(world, None).and_then(|()| check::everything_is_there(world));
    well(world, done);
}

#[track_caller]
pub fn cleared(world: &mut World) {
    users::delete_all(world);
    let done = settle(world, None).and_then(|()| check::nothing_is_left(world));
    well(world, done);
}

/// Runs in order until a request of a kind is about to be sent.
fn reach(world: &mut World, call: &str) -> Turn {
    for _ in 0..10_000 {
        let Some(turn) = next(world, None) else {
            assert!(crate::run::jump(world), "{call} never comes\n{}", world.story());
            continue;
        };
        if matches!(turn, Turn::Release(ticket) if world.is_for(ticket, call)) {
            return turn;
        }
        let done = take(world, turn, Strike::None);
        well(world, done);
    }
    panic!("{call} never comes");
}

/// Runs in order until a request of a kind is about to be sent, and strikes it.
pub fn until(world: &mut World, call: &str, strike: Strike) {
    let turn = reach(world, call);
    let done = take(world, turn, strike);
    well(world, done);
}

pub fn child(world: &World) -> NodeENIAttachment {
    lock_store(&world.store).attachments().next().unwrap().as_ref().clone()
}

pub fn calls(world: &World, call: Call) -> usize {
    lock(&world.log).iter().filter(|one| one.call == call && one.done).count()
}

#[test]
fn a_create_whose_answer_was_lost_leaks_nothing_when_its_object_is_deleted_at_once() {
    for lag in [0, 30, 60] {
        let mut world = lagging(1, 1, lag);
        until(&mut world, "CreateNetworkInterface", Strike::Lost);
        assert_eq!(calls(&world, Call::Create), 1);
        cleared(&mut world);
    }
}

#[test]
fn a_create_whose_answer_was_lost_is_asked_for_again_and_not_twice() {
    let mut world = lagging(1, 1, 60);
    until(&mut world, "CreateNetworkInterface", Strike::Lost);
    at_rest(&mut world);
    assert_eq!(lock(&world.sim).tokens().len(), 1);
    cleared(&mut world);
}

#[test]
fn a_create_of_which_answer_and_record_are_lost_is_not_asked_for_twice() {
    let mut world = lagging(1, 1, 60);
    until(&mut world, "CreateNetworkInterface", Strike::Lost);
    until(&mut world, "apply status of", Strike::Unsent);
    at_rest(&mut world);
    assert_eq!(lock(&world.sim).tokens().len(), 1);
    cleared(&mut world);
}

#[test]
fn nothing_is_created_for_an_object_that_went_while_its_pass_was_under_way() {
    let mut world = lagging(1, 1, 0);
    // The pass has planned the create, and marks the node first.
    reach(&mut world, "mark");
    let _ = lock_store(&world.store).label_node("node-0", users::NET.0, None);
    let object = child(&world);
    let mut store = lock_store(&world.store);
    store.delete::<NodeENIAttachment>(&object.name_any(), None).unwrap();
    let object = store.get::<NodeENIAttachment>(&object.name_any()).unwrap();
    store.set_finalizers(object.as_ref(), vec![]).unwrap();
    drop(store);
    at_rest(&mut world);
    assert_eq!(calls(&world, Call::Create), 0);
    cleared(&mut world);
}

#[test]
fn slots_of_one_instance_never_ask_for_one_position() {
    let layout = Layout {
        zones: vec![('a', 2)],
        instances: vec![('a', "m5.4xlarge", vec![2])],
        lag: Duration::ZERO,
        seed: 3,
    };
    let mut world = in_region(&layout, (false, Agents::None));
    let subnets = world.region.subnets["us-east-1a"].clone();
    let groups = world.region.groups[..1].to_vec();
    users::create(&mut world, &users::node_eni("net-1", &subnets, &groups, 1));
    at_rest(&mut world);
    let refused: Vec<_> = lock(&world.log).iter().filter(|call| !call.done).cloned().collect();
    assert!(refused.is_empty(), "{refused:?}");
    cleared(&mut world);
}

#[test]
fn a_crash_between_a_create_and_its_answer_is_survived_under_any_lag() {
    for lag in [0, 30, 60] {
        let mut world = lagging(2, 2, lag);
        until(&mut world, "CreateNetworkInterface", Strike::Lost);
        world.crash();
        at_rest(&mut world);
        cleared(&mut world);
    }
}

#[test]
fn a_lost_attach_answer_neither_doubles_nor_leaks() {
    let mut world = lagging(1, 2, 60);
    until(&mut world, "AttachNetworkInterface", Strike::Lost);
    at_rest(&mut world);
    cleared(&mut world);
}

#[test]
fn a_lost_modify_answer_does_not_leave_a_wrong_attribute() {
    let mut world = lagging(1, 1, 60);
    until(&mut world, "ModifyNetworkInterfaceAttribute", Strike::Lost);
    users::edit(&mut world, "net-0", "delete-on-termination", |spec| spec.delete_on_termination = false);
    at_rest(&mut world);
    cleared(&mut world);
}

#[test]
fn a_wiped_status_is_rebuilt_from_tags_without_a_call_that_changes_anything() {
    for lag in [0, 60] {
        let mut world = up(2, 2, lag);
        let before = world.changes().1;
        for name in names(&world) {
            users::wipe(&mut world, &name);
        }
        at_rest(&mut world);
        assert_eq!(world.changes().1, before);
        cleared(&mut world);
    }
}

#[test]
fn a_status_wiped_just_after_a_create_makes_no_second_eni() {
    let mut world = lagging(1, 1, 60);
    // The process knows the object for longer than the lag.
    until(&mut world, "CreateNetworkInterface", Strike::Refused);
    world.advance(100_000);
    until(&mut world, "AttachNetworkInterface", Strike::None);
    world.advance(5000);
    let name = child(&world).name_any();
    users::wipe(&mut world, &name);
    at_rest(&mut world);
    assert_eq!(calls(&world, Call::Create), 1);
    cleared(&mut world);
}

fn names(world: &World) -> Vec<String> {
    lock_store(&world.store).attachments().map(|one| one.name_any()).collect()
}

#[test]
fn an_object_deleted_by_hand_is_bookkeeping_and_its_successor_adopts_the_eni() {
    for lag in [0, 60] {
        let mut world = up(2, 1, lag);
        let before = world.changes().1;
        for name in names(&world) {
            let _ = lock_store(&world.store).delete::<NodeENIAttachment>(&name, None);
        }
        world.gather();
        at_rest(&mut world);
        assert_eq!(world.changes().1, before, "EC2 was called");
        cleared(&mut world);
    }
}

#[test]
fn an_object_deleted_by_hand_while_its_create_is_not_listed_doubles_nothing() {
    let mut world = lagging(1, 1, 60);
    until(&mut world, "CreateNetworkInterface", Strike::None);
    let name = child(&world).name_any();
    let _ = lock_store(&world.store).delete::<NodeENIAttachment>(&name, None);
    world.gather();
    at_rest(&mut world);
    assert_eq!(calls(&world, Call::Create), 1);
    cleared(&mut world);
}

#[test]
fn another_security_group_between_two_tries_of_a_create_mends_the_token_mismatch() {
    for lag in [0, 60] {
        let mut world = lagging(1, 1, lag);
        until(&mut world, "CreateNetworkInterface", Strike::Lost);
        let group = world.region.groups[1].clone();
        users::edit(&mut world, "net-0", "another group", |spec| spec.security_group_ids = Some(vec![group]));
        at_rest(&mut world);
        cleared(&mut world);
    }
}

/// An ENI that says that it is for the slot of another one.
fn twin(world: &mut World) {
    let model = lock(&world.sim).state().enis.values().find(|eni| slot_of(eni).is_some()).cloned().unwrap();
    let request = CreateNetworkInterface {
        subnet_id: model.subnet_id.clone(),
        groups: model.groups.clone(),
        tag_specifications: vec![TagSpecification::eni(model.tags.clone())],
        ..CreateNetworkInterface::default()
    };
    lock(&world.sim).send(request).unwrap();
}

#[test]
fn of_several_enis_for_one_slot_the_attached_one_stays() {
    let mut world = up(1, 1, 0);
    let attached = child(&world).status.unwrap().cloud.unwrap().eni_id.unwrap();
    // Listings are by id: one comes before it, and one after.
    let beside = |world: &World, before| {
        let sim = lock(&world.sim);
        let mut ours = sim.state().enis.values().filter(|eni| slot_of(eni).is_some() && eni.id != attached);
        ours.any(|eni| (eni.id < attached) == before)
    };
    while !(beside(&world, true) && beside(&world, false)) {
        twin(&mut world);
    }
    let name = child(&world).name_any();
    users::wipe(&mut world, &name);
    at_rest(&mut world);
    assert_eq!(child(&world).status.unwrap().cloud.unwrap().eni_id.as_ref(), Some(&attached));
    assert_eq!(calls(&world, Call::Detach), 0);
    cleared(&mut world);
}

/// Somebody takes an ENI off its instance in EC2.
pub fn detach_by_hand(world: &mut World, id: &str) {
    let attachment = lock(&world.sim).state().enis.get(id).unwrap().attachment.clone().unwrap();
    let detach = DetachNetworkInterface { attachment_id: attachment.id, ..DetachNetworkInterface::default() };
    lock(&world.sim).send(detach).unwrap();
    world.advance(5000);
}

#[test]
fn an_eni_that_was_deleted_by_hand_is_replaced_by_one_with_another_token() {
    let mut world = up(1, 1, 0);
    let id = child(&world).status.unwrap().cloud.unwrap().eni_id.unwrap();
    detach_by_hand(&mut world, &id);
    let delete = DeleteNetworkInterface { network_interface_id: id, ..DeleteNetworkInterface::default() };
    lock(&world.sim).send(delete).unwrap();
    users::edit(&mut world, "net-0", "delete-on-termination", |spec| spec.delete_on_termination = false);
    at_rest(&mut world);
    assert_eq!(lock(&world.sim).tokens().len(), 2);
    cleared(&mut world);
}

#[test]
fn a_slot_is_not_let_go_while_another_eni_of_it_is_on_its_way_out() {
    let mut world = up(1, 1, 0);
    let ours = child(&world).status.unwrap().cloud.unwrap().eni_id.unwrap();
    detach_by_hand(&mut world, &ours);
    twin(&mut world);
    let id = {
        let sim = lock(&world.sim);
        let mut all = sim.state().enis.values().filter(|eni| slot_of(eni).is_some());
        all.find(|eni| eni.id != ours).unwrap().id.clone()
    };
    let attach = AttachNetworkInterface {
        network_interface_id: id,
        instance_id: world.region.machines[0].instance.clone(),
        device_index: Some(3),
        ..AttachNetworkInterface::default()
    };
    lock(&world.sim).send(attach).unwrap();
    world.advance(61_000);
    let _ = lock_store(&world.store).label_node("node-0", users::NET.0, None);
    world.gather();
    at_rest(&mut world);
    cleared(&mut world);
}

#[test]
fn two_enis_for_one_slot_both_go_with_it() {
    let mut world = up(1, 1, 0);
    twin(&mut world);
    cleared(&mut world);
}

#[test]
fn a_status_that_names_a_strangers_eni_does_not_touch_it() {
    for just_now in [false, true] {
        let mut world = begin(1, 1, (false, Agents::None));
        at_rest(&mut world);
        forge(&mut world, just_now);
        users::delete_all(&mut world);
        world.wake_all();
        cleared(&mut world);
    }
}

/// Somebody writes a stranger's ENI into the status of a slot, as old as the record or as if of this moment.
fn forge(world: &mut World, just_now: bool) {
    let secondary = |eni: &&ec2_sim::world::Eni| eni.attachment.as_ref().is_some_and(|at| !at.is_primary());
    let stranger = world.strangers.values().find(secondary).unwrap().clone();
    let now = lock_store(&world.store).now.to_string();
    let name = child(world).name_any();
    lock_store(&world.store).edit_status::<NodeENIAttachment>(&name, "mallory", |status| {
        status["cloud"]["eniID"] = stranger.id.into();
        status["cloud"]["attachmentID"] = stranger.attachment.unwrap().id.into();
        if just_now {
            status["cloud"]["lastChange"] = now.into();
        }
    });
    world.gather();
}

#[test]
fn the_tags_of_another_cluster_make_nobodys_eni_ours() {
    let mut world = up(1, 1, 0);
    let ours = lock(&world.sim).state().enis.values().find(|eni| slot_of(eni).is_some()).cloned().unwrap();
    let tags = vec![Tag::new(tag_key::CLUSTER, "another-cluster")];
    let request = CreateTags { resources: vec![ours.id.clone()], tags, ..CreateTags::default() };
    lock(&world.sim).send(request).unwrap();
    let given_away = lock(&world.sim).state().enis.get(&ours.id).cloned().unwrap();
    world.strangers.insert(ours.id, given_away);
    cleared(&mut world);
}

#[test]
fn a_node_that_is_missing_takes_nothing_away() {
    let mut world = up(2, 2, 0);
    let before = world.changes().1;
    let machine = world.region.machines[0].clone();
    lock_store(&world.store).set_node(&machine.node, None);
    world.gather();
    rests(&mut world);
    assert_eq!(world.changes().1, before);
    users::register(&mut world, &machine, &[users::NET]);
    at_rest(&mut world);
    assert_eq!(world.changes().1, before);
    cleared(&mut world);
}

/// Comes to rest, with whatever there is.
#[track_caller]
pub fn rests(world: &mut World) {
    let done = settle(world, None);
    well(world, done);
}

#[test]
fn a_pause_holds_even_a_deletion_and_ends_with_the_pause() {
    let mut world = up(2, 1, 0);
    let before = world.changes().1;
    users::edit(&mut world, "net-0", "paused", |spec| spec.paused = Some(true));
    rests(&mut world);
    users::delete(&mut world, "net-0");
    let _ = lock_store(&world.store).label_node("node-0", users::NET.0, None);
    world.gather();
    rests(&mut world);
    assert_eq!(world.changes().1, before);
    cleared(&mut world);
}

#[test]
fn an_agent_that_says_in_use_is_waited_for_as_long_as_it_takes() {
    let mut world = begin(1, 1, (true, Agents::Faithful));
    at_rest(&mut world);
    world.agents.1 = Agents::None;
    users::delete_all(&mut world);
    run_passes(&mut world);
    report(&world, &child(&world), Word::InUse);
    world.gather();
    rests(&mut world);
    world.advance(3_600_000);
    world.wake_all();
    rests(&mut world);
    assert_eq!(calls(&world, Call::Detach), 0);
    world.agents.1 = Agents::Faithful;
    cleared(&mut world);
}

/// Runs what is due now.
fn run_passes(world: &mut World) {
    while let Some(turn) = next(world, None) {
        let done = take(world, turn, Strike::None);
        well(world, done);
    }
}

#[test]
fn a_node_eni_whose_finalizers_were_stripped_leaves_nothing_behind() {
    let mut world = up(2, 2, 30);
    users::delete(&mut world, "net-0");
    let object = lock_store(&world.store).get::<NodeENI>("net-0").unwrap();
    lock_store(&world.store).set_finalizers(object.as_ref(), vec![]).unwrap();
    users::collect_garbage(&mut world);
    cleared(&mut world);
}

#[test]
fn an_eni_that_outlived_its_object_goes_with_its_node_eni() {
    let mut world = up(1, 2, 30);
    let name = child(&world).name_any();
    // Somebody strips the finalizer, and takes the subnet out so that nobody adopts the ENI.
    let subnet = child(&world).spec.subnet_id;
    users::edit(&mut world, "net-0", "one subnet less", |spec| {
        spec.subnet_ids.get_or_insert_default().retain(|id| *id != subnet);
    });
    let _ = lock_store(&world.store).delete::<NodeENIAttachment>(&name, None);
    let object = lock_store(&world.store).get::<NodeENIAttachment>(&name).unwrap();
    lock_store(&world.store).set_finalizers(object.as_ref(), vec![]).unwrap();
    world.gather();
    rests(&mut world);
    cleared(&mut world);
}

#[test]
fn a_name_that_moves_to_another_subnet_is_followed_although_nobody_edits_anything() {
    let mut world = lagging(1, 2, 0);
    users::delete_all(&mut world);
    let done = settle(&mut world, None);
    well(&world, done);
    let subnets = world.region.subnets["us-east-1a"].clone();
    let name = |world: &World, subnet: &str, name: &str| {
        let tags = vec![Tag { key: "Name".to_owned(), value: Some(name.to_owned()) }];
        let request = CreateTags { resources: vec![subnet.to_owned()], tags, dry_run: None };
        let answer = lock(&world.sim).call(&request.into());
        assert!(answer.into_result().is_ok(), "a tag is set");
    };
    name(&world, &subnets[0], "moving");
    let groups = world.region.groups[..1].to_vec();
    let mut object = users::node_eni("named", &[], &groups, 1);
    object.spec.subnet_ids = None;
    object.spec.subnet_name = Some("moving".to_owned());
    users::create(&mut world, &object);
    let done = settle(&mut world, None);
    well(&world, done);
    assert_eq!(child(&world).spec.subnet_id, subnets[0]);
    name(&world, &subnets[0], "other");
    name(&world, &subnets[1], "moving");
    let done = settle(&mut world, None);
    well(&world, done);
    let there: Vec<_> =
        lock_store(&world.store).attachments().map(|one| one.spec.subnet_id.clone()).collect();
    assert_eq!(there, [subnets[1].clone()], "{}", world.story());
}
