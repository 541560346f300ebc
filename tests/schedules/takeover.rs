//! ENIs of the Go system become ours without being touched.

use ec2_sim::api::{AttachNetworkInterface, CreateNetworkInterface, TagSpecification};
use eni_operator::api::{NODE_ENI_FINALIZER, NodeENI};
use eni_operator::model::permission::Feature;
use eni_operator::model::{Call, tag_key};
use serde_json::{Value, json};

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::permissions;
use crate::run::settle;
use crate::scenarios::{at_rest, calls, cleared, lagging};
use crate::users;
use crate::world::World;

/// A world in which the Go system has served the two instances, with two ENIs each, and still writes its
/// status, or wrote it last so many seconds ago.
fn served(lag: u64, silent_for: i64) -> World {
    let mut world = lagging(2, 2, lag);
    users::delete_all(&mut world);
    settle(&mut world, None).unwrap();
    let subnets: Vec<String> = world.region.subnets.values().flatten().cloned().collect();
    let attachments: Vec<Value> = (0..2)
        .flat_map(|machine| (0..2).map(move |place| (machine, place)))
        .map(|(machine, place)| serve(&world, machine, &subnets[place], 2 + place, silent_for))
        .collect();
    world.heirless = attachments.iter().map(|one| one["eniID"].as_str().unwrap().to_owned()).collect();
    // Longer than any lag: the ENIs are old.
    world.advance(120_000);
    let mut object = users::node_eni("net-0", &subnets, &world.region.groups[..1], 2);
    object.metadata.finalizers = Some(vec![NODE_ENI_FINALIZER.to_owned()]);
    users::create(&mut world, &object);
    lock_store(&world.store).edit_status::<NodeENI>("net-0", "manager", |status| {
        *status = json!({ "attachments": attachments });
    });
    world.gather();
    world.crash();
    world
}

/// An ENI as the Go system makes it, and what its status says of it.
fn serve(world: &World, machine: usize, subnet: &str, index: usize, silent_for: i64) -> Value {
    let machine = &world.region.machines[machine];
    let tags = [
        ("Name", format!("nodeeni-net-0-{}-{}", machine.node, &subnet[subnet.len() - 8..])),
        ("NodeENI", "net-0".to_owned()),
        ("Node", machine.node.clone()),
        ("SubnetID", subnet.to_owned()),
        (tag_key::REFERENCE_MANAGED_BY, tag_key::REFERENCE_MANAGER.to_owned()),
        (tag_key::NO_MANAGE, "true".to_owned()),
    ];
    let create = CreateNetworkInterface {
        subnet_id: subnet.to_owned(),
        groups: world.region.groups[..1].to_vec(),
        description: Some(format!("ENI created by nodeeni-controller for node {}", machine.node)),
        tag_specifications: vec![TagSpecification::eni(tags.map(|(key, value)| (key.to_owned(), value)))],
        ..CreateNetworkInterface::default()
    };
    let mut sim = lock(&world.sim);
    let eni = sim.send(create).unwrap().network_interface.network_interface_id;
    let attach = AttachNetworkInterface {
        network_interface_id: eni.clone(),
        instance_id: machine.instance.clone(),
        device_index: Some(i32::try_from(index).unwrap()),
        ..AttachNetworkInterface::default()
    };
    let attachment = sim.send(attach).unwrap().attachment_id;
    let written = k8s_openapi::jiff::Timestamp::from_second(world.now / 1000 + 120 - silent_for).unwrap();
    json!({
        "nodeID": machine.node, "instanceID": machine.instance, "eniID": eni, "attachmentID": attachment,
        "subnetID": subnet, "deviceIndex": index, "status": "attached", "lastUpdated": written.to_string(),
    })
}

/// Calls that an ENI in use could feel.
fn touched(world: &World) -> usize {
    [Call::Create, Call::Attach, Call::Detach, Call::Delete].map(|call| calls(world, call)).into_iter().sum()
}

#[test]
fn enis_of_the_go_system_are_taken_over_by_tags_alone() {
    for lag in [0, 30, 60] {
        let mut world = served(lag, 3600);
        at_rest(&mut world);
        assert_eq!(touched(&world), 0, "{}", world.story());
        assert_eq!(lock_store(&world.store).attachments().count(), 4);
        cleared(&mut world);
    }
}

#[test]
fn nothing_is_taken_over_while_the_other_controller_writes() {
    let mut world = served(0, 10);
    for _ in 0..50 {
        let Some(turn) = crate::run::next(&world, None) else { break };
        crate::run::take(&mut world, turn, crate::gate::Strike::None).unwrap();
    }
    assert_eq!(calls(&world, Call::CreateTags), 0);
    assert_eq!(lock_store(&world.store).attachments().count(), 0);
    assert!(lock_store(&world.store).told.iter().any(|(_, event)| event.reason == "OtherController"));
    // It falls silent.
    at_rest(&mut world);
    assert_eq!(touched(&world), 0);
    cleared(&mut world);
}

#[test]
fn a_node_eni_that_is_deleted_before_it_is_taken_over_leaks_nothing() {
    for lag in [0, 60] {
        let mut world = served(lag, 3600);
        cleared(&mut world);
    }
}

#[test]
fn an_eni_of_another_cluster_with_the_same_name_is_left_alone() {
    let mut world = served(0, 3600);
    let machine = world.region.machines[0].clone();
    // The other cluster's node is none of ours, and no status names its ENI.
    lock_store(&world.store).set_node(&machine.node, None);
    lock_store(&world.store).edit_status::<NodeENI>("net-0", "manager", |status| {
        let all = status["attachments"].as_array().unwrap().clone();
        let ours = all.into_iter().filter(|one| one["instanceID"] != machine.instance).collect();
        status["attachments"] = Value::Array(ours);
    });
    world.gather();
    world.crash();
    let foreign: Vec<_> = lock(&world.sim)
        .state()
        .enis
        .iter()
        .filter(|(_, eni)| eni.tags.get("Node") == Some(&machine.node))
        .map(|(id, eni)| (id.to_owned(), eni.clone()))
        .collect();
    assert_eq!(foreign.len(), 2);
    world.strangers.extend(foreign);
    at_rest(&mut world);
    assert_eq!(touched(&world), 0);
    cleared(&mut world);
}

#[test]
fn a_take_over_needs_its_own_policy_and_no_more() {
    let mut world = served(0, 3600);
    permissions::set(&world, Some(permissions::role(&[Feature::Core])));
    let _ = settle(&mut world, None);
    assert_eq!(calls(&world, Call::CreateTags), 0);
    assert_eq!(touched(&world), 0);
    permissions::set(&world, Some(permissions::role(&[Feature::Core, Feature::TakeOver])));
    at_rest(&mut world);
    assert!(calls(&world, Call::CreateTags) >= 4);
    assert_eq!(touched(&world), 0);
    // It is over, and the policy is taken away.
    permissions::set(&world, Some(permissions::role(&[Feature::Core])));
    cleared(&mut world);
}
