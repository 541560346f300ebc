//! What nodes and their instances go through, each alone and without chance.

use ec2_sim::api::{
    AttachNetworkInterface, AttributeValue, DetachNetworkInterface, ModifyInstanceAttribute, StartInstances,
    StopInstances, TerminateInstances,
};
use ec2_sim::world::Eni;
use eni_operator::api::{ConditionType, HAS_ENI_LABEL, NodeENIAttachment, find_condition};
use eni_operator::cluster::node::SlimNode;
use eni_operator::model::Call;
use k8s_openapi::api::core::v1::{NodeCondition, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::agent::{Word, report};
use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::gate::Strike;
use crate::job::{begin, in_region};
use crate::region::Layout;
use crate::run::{jump, next, settle, take};
use crate::wanted::slot_of;
use crate::world::{Agents, World};
use crate::{check, users};

const AGENTLESS: (bool, Agents) = (false, Agents::None);

#[track_caller]
fn well(world: &World, done: Result<(), String>) {
    if let Err(error) = done {
        panic!("{error}\n{}", world.story());
    }
}

#[track_caller]
fn rests(world: &mut World) {
    let done = settle(world, None);
    well(world, done);
}

#[track_caller]
fn at_rest(world: &mut World) {
    rests(world);
    well(world, check::everything_is_there(world));
}

#[track_caller]
fn cleared(world: &mut World) {
    users::delete_all(world);
    rests(world);
    well(world, check::nothing_is_left(world));
}

fn up(instances: usize, subnets: usize) -> World {
    let mut world = begin(instances, subnets, AGENTLESS);
    at_rest(&mut world);
    // Nothing of what is recorded is younger than EC2's lag.
    world.advance(120_000);
    world
}

/// Runs what is due for some seconds.
#[track_caller]
fn run_for(world: &mut World, seconds: i64) {
    let end = world.now + seconds * 1000;
    loop {
        if let Some(turn) = next(world, None) {
            let done = take(world, turn, Strike::None);
            well(world, done);
        } else if world.queue.next().is_some_and(|due| due <= end) {
            assert!(jump(world));
        } else {
            world.advance((end - world.now).max(0));
            return;
        }
    }
}

fn children(world: &World) -> Vec<NodeENIAttachment> {
    lock_store(&world.store).attachments().map(|one| one.as_ref().clone()).collect()
}

fn ours(world: &World) -> Vec<Eni> {
    lock(&world.sim).state().enis.values().filter(|eni| slot_of(eni).is_some()).cloned().collect()
}

/// The calls since the nth that changed something in EC2, or should have.
fn calls_since(world: &World, from: usize) -> Vec<Call> {
    lock(&world.log)[from..].iter().map(|one| one.call).collect()
}

fn log_len(world: &World) -> usize {
    lock(&world.log).len()
}

/// Somebody changes the Node of the nth machine.
fn edit_node(world: &mut World, n: usize, edit: impl FnOnce(&mut SlimNode)) {
    let name = world.region.machines[n].node.clone();
    let mut store = lock_store(&world.store);
    let mut node = store.node(&name).unwrap().as_ref().clone();
    edit(&mut node);
    store.set_node(&name, Some(node));
    drop(store);
    world.gather();
}

fn now(world: &World) -> Time {
    Time(Timestamp::from_millisecond(world.now).unwrap())
}

/// The node controller says whether kubelet reports.
fn set_ready(world: &mut World, n: usize, status: &str) {
    let since = Some(now(world));
    let status = status.to_owned();
    edit_node(world, n, |node| {
        node.status.conditions = vec![NodeCondition {
            type_: "Ready".to_owned(),
            status,
            last_transition_time: since,
            ..NodeCondition::default()
        }];
    });
}

fn taint(world: &mut World, n: usize, key: &str) {
    let taint = Taint { key: key.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
    edit_node(world, n, |node| node.spec.taints = vec![taint]);
}

fn terminate(world: &mut World, n: usize) {
    let instance_ids = vec![world.region.machines[n].instance.clone()];
    lock(&world.sim).send(TerminateInstances { instance_ids, ..TerminateInstances::default() }).unwrap();
}

fn says(child: &NodeENIAttachment, type_: ConditionType) -> Option<String> {
    Some(find_condition(&child.status.as_ref()?.conditions, type_)?.reason.clone())
}

#[test]
fn a_terminated_instance_whose_node_is_kept_loses_its_slots_within_a_minute_without_a_call() {
    let mut world = up(2, 2);
    let before = log_len(&world);
    terminate(&mut world, 0);
    set_ready(&mut world, 0, "Unknown");
    run_for(&mut world, 60);
    let gone = &world.region.machines[0].instance;
    assert!(children(&world).iter().all(|child| child.spec.instance_id != *gone), "{}", world.story());
    assert_eq!(children(&world).len(), 2);
    assert_eq!(calls_since(&world, before), []);
    at_rest(&mut world);
    assert_eq!(calls_since(&world, before), []);
    cleared(&mut world);
}

#[test]
fn a_node_that_was_silent_before_its_instance_ends_is_looked_at_again_within_a_minute() {
    let mut world = up(1, 1);
    set_ready(&mut world, 0, "Unknown");
    run_for(&mut world, 200);
    let before = log_len(&world);
    assert_eq!(children(&world).len(), 1);
    terminate(&mut world, 0);
    run_for(&mut world, 120);
    assert_eq!(children(&world), vec![], "{}", world.story());
    assert_eq!(calls_since(&world, before), []);
    cleared(&mut world);
}

#[test]
fn enis_that_ec2_does_not_delete_with_their_instance_are_deleted_once_they_are_off_it() {
    let mut world = up(1, 2);
    users::edit(&mut world, "net-0", "keep", |spec| spec.delete_on_termination = false);
    at_rest(&mut world);
    world.advance(120_000);
    let before = log_len(&world);
    terminate(&mut world, 0);
    set_ready(&mut world, 0, "False");
    run_for(&mut world, 180);
    assert_eq!((children(&world).len(), ours(&world).len()), (0, 0), "{}", world.story());
    assert_eq!(calls_since(&world, before), [Call::Delete, Call::Delete]);
    cleared(&mut world);
}

#[test]
fn a_node_that_registers_again_on_its_instance_changes_nothing_and_gets_its_label_back() {
    let mut world = up(1, 2);
    let (before, enis) = (log_len(&world), ours(&world));
    let machine = world.region.machines[0].clone();
    lock_store(&world.store).set_node(&machine.node, None);
    world.gather();
    run_for(&mut world, 300);
    users::register(&mut world, &machine, &[users::NET]);
    run_for(&mut world, 5);
    assert_eq!((calls_since(&world, before), ours(&world)), (vec![], enis));
    let labelled = |world: &World| {
        let store = lock_store(&world.store);
        store.node(&machine.node).unwrap().metadata.labels.clone().unwrap().contains_key(HAS_ENI_LABEL)
    };
    assert!(labelled(&world), "{}", world.story());
    cleared(&mut world);
    assert!(!labelled(&world));
}

#[test]
fn a_node_that_registers_on_another_instance_gets_new_enis_and_the_old_go_with_theirs() {
    let mut world = up(2, 1);
    let [old, new] = [0, 1].map(|n| world.region.machines[n].clone());
    // The second machine takes the first one's name.
    lock_store(&world.store).set_node(&new.node, None);
    world.region.machines[1].node.clone_from(&old.node);
    let renamed = world.region.machines[1].clone();
    users::register(&mut world, &renamed, &[users::NET]);
    run_for(&mut world, 120);
    let on = |world: &World, id: &str| ours(world).iter().filter(|eni| slot_of(eni).unwrap().1 == id).count();
    // The old instance runs on, as far as EC2 says.
    assert_eq!((on(&world, &old.instance), on(&world, &new.instance)), (1, 1));
    let before = log_len(&world);
    terminate(&mut world, 0);
    run_for(&mut world, 130);
    assert_eq!((on(&world, &old.instance), on(&world, &new.instance)), (0, 1), "{}", world.story());
    assert_eq!(children(&world).len(), 1);
    assert_eq!(calls_since(&world, before), []);
    cleared(&mut world);
}

#[test]
fn a_node_that_is_drained_away_costs_no_create_and_no_detach() {
    for key in
        ["karpenter.sh/disrupted", "ToBeDeletedByClusterAutoscaler", "aws-node-termination-handler/spot-itn"]
    {
        let mut world = up(1, 1);
        let before = log_len(&world);
        taint(&mut world, 0, key);
        let subnets = world.region.subnets["us-east-1a"].clone();
        let groups = world.region.groups[..1].to_vec();
        users::create(&mut world, &users::node_eni("net-1", &subnets, &groups, 2));
        users::delete(&mut world, "net-0");
        run_for(&mut world, 120);
        let reasons: Vec<_> =
            children(&world).iter().map(|one| says(one, ConditionType::Ready).unwrap()).collect();
        assert_eq!(reasons, ["NodeGoing", "NodeGoing"], "{key}");
        terminate(&mut world, 0);
        lock_store(&world.store).set_node("node-0", None);
        world.gather();
        run_for(&mut world, 60);
        assert_eq!((children(&world).len(), ours(&world).len()), (0, 0), "{key} {}", world.story());
        assert_eq!(calls_since(&world, before), [], "{key}");
        cleared(&mut world);
    }
}

#[test]
fn a_node_that_is_marked_and_stays_is_served_after_a_quarter_of_an_hour() {
    let mut world = up(1, 1);
    taint(&mut world, 0, "karpenter.sh/disrupted");
    let subnets = world.region.subnets["us-east-1a"].clone();
    let groups = world.region.groups[..1].to_vec();
    users::create(&mut world, &users::node_eni("net-1", &subnets, &groups, 2));
    users::delete(&mut world, "net-0");
    run_for(&mut world, 890);
    assert_eq!(ours(&world).len(), 1);
    at_rest(&mut world);
    let slots: Vec<_> = ours(&world).iter().map(|eni| slot_of(eni).unwrap().0).collect();
    assert_eq!(slots, ["net-1"]);
    edit_node(&mut world, 0, |node| node.spec.taints.clear());
    cleared(&mut world);
}

#[test]
fn a_node_that_flaps_takes_nothing_from_an_agent_that_says_in_use() {
    let mut world = begin(1, 1, (true, Agents::Faithful));
    at_rest(&mut world);
    world.agents.1 = Agents::None;
    users::delete_all(&mut world);
    run_for(&mut world, 10);
    report(&world, &children(&world)[0], Word::InUse);
    world.gather();
    run_for(&mut world, 3600);
    for _ in 0..3 {
        set_ready(&mut world, 0, "Unknown");
        run_for(&mut world, 240);
        set_ready(&mut world, 0, "True");
        run_for(&mut world, 600);
    }
    assert!(!calls_since(&world, 0).contains(&Call::Detach), "{}", world.story());
    // And a node that stays silent is not waited for for ever.
    set_ready(&mut world, 0, "Unknown");
    run_for(&mut world, 400);
    assert!(calls_since(&world, 0).contains(&Call::Detach));
    cleared(&mut world);
}

#[test]
fn an_eni_that_was_moved_by_hand_is_told_apart_and_comes_home_when_it_is_free() {
    let mut world = up(2, 1);
    let [here, there] = [0, 1].map(|n| world.region.machines[n].instance.clone());
    let eni = ours(&world).into_iter().find(|eni| slot_of(eni).unwrap().1 == here).unwrap();
    world.tampered.extend(slot_of(&eni));
    let detach = |world: &mut World| {
        let attachment = lock(&world.sim).state().enis.get(&eni.id).unwrap().attachment.clone().unwrap();
        let detach =
            DetachNetworkInterface { attachment_id: attachment.id, ..DetachNetworkInterface::default() };
        lock(&world.sim).send(detach).unwrap();
        world.advance(5000);
    };
    detach(&mut world);
    let attach = AttachNetworkInterface {
        network_interface_id: eni.id.clone(),
        instance_id: there.clone(),
        device_index: Some(3),
        ..AttachNetworkInterface::default()
    };
    lock(&world.sim).send(attach).unwrap();
    world.advance(65_000);
    let before = log_len(&world);
    // Without its record, the slot is looked for in EC2's listing.
    let moved = |world: &World| children(world).into_iter().find(|one| one.spec.instance_id == here).unwrap();
    let name = moved(&world).metadata.name.unwrap();
    users::wipe(&mut world, &name);
    run_for(&mut world, 900);
    let ready = says(&moved(&world), ConditionType::Ready);
    assert_eq!(ready.as_deref(), Some("Elsewhere"), "{}", world.story());
    assert_eq!(calls_since(&world, before), []);
    detach(&mut world);
    run_for(&mut world, 700);
    let home = lock(&world.sim).state().enis.get(&eni.id).unwrap().attachment.clone().unwrap();
    assert_eq!(home.instance_id, here, "{}", world.story());
    world.tampered.clear();
    cleared(&mut world);
}

#[test]
fn an_instance_that_comes_back_as_another_type_is_planned_anew() {
    let layout = Layout {
        zones: vec![('a', 4)],
        instances: vec![('a', "m5.large", vec![])],
        lag: std::time::Duration::ZERO,
        seed: 5,
    };
    let mut world = in_region(&layout, AGENTLESS);
    run_for(&mut world, 120);
    assert_eq!(ours(&world).len(), 2);
    let instance = world.region.machines[0].instance.clone();
    let ids = || vec![instance.clone()];
    lock(&world.sim).send(StopInstances { instance_ids: ids(), ..StopInstances::default() }).unwrap();
    set_ready(&mut world, 0, "Unknown");
    run_for(&mut world, 120);
    let bigger = ModifyInstanceAttribute {
        instance_id: instance.clone(),
        instance_type: Some(AttributeValue { value: "m5.4xlarge".to_owned() }),
        ..ModifyInstanceAttribute::default()
    };
    lock(&world.sim).send(bigger).unwrap();
    lock(&world.sim).send(StartInstances { instance_ids: ids(), ..StartInstances::default() }).unwrap();
    run_for(&mut world, 60);
    set_ready(&mut world, 0, "True");
    run_for(&mut world, 60);
    assert_eq!(ours(&world).len(), 4, "{}", world.story());
    at_rest(&mut world);
    cleared(&mut world);
}
