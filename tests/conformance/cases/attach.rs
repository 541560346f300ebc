//! `AttachNetworkInterface`.

use std::time::Duration;

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, said},
    world::World,
};

const AT_ONCE: &str = "moto attaches at once";
const ANY_INDEX: &str = "moto accepts an index that is taken, and loses the ENI that was there";
const ANY_STATE: &str = "moto attaches to an instance in any state";
const CARD_0: &str = "moto puts every ENI on card 0";

cases! {
    an_eni_hangs_where_it_was_asked_to, Both => [
        "attach: eni-attach-1",
        "ENI: in-use, attached on i-1 card 0 index 1 by eni-attach-1, kept without it",
    ];
    an_attach_takes_time, SimOnly(AT_ONCE), set |settings| settings.attach = Duration::from_secs(2) => [
        "attach: eni-attach-1",
        "at once: in-use, attaching on i-1 card 0 index 1 by eni-attach-1, kept without it",
        "after 1.9 s: in-use, attaching on i-1 card 0 index 1 by eni-attach-1, kept without it",
        "after 2.1 s: in-use, attached on i-1 card 0 index 1 by eni-attach-1, kept without it",
    ];
    an_index_is_held_while_attaching, SimOnly(AT_ONCE), set |settings| settings.attach = Duration::from_secs(2) => [
        "first: eni-attach-1",
        "second: InvalidParameterValue (400)",
    ];
    an_index_that_is_taken_is_refused, SimOnly(ANY_INDEX) => [
        "first: eni-attach-1",
        "second: InvalidParameterValue (400)",
        "first: in-use, attached on i-1 card 0 index 1 by eni-attach-1, kept without it",
        "second: available, on nothing",
    ];
    the_primary_enis_index_is_taken, SimOnly(ANY_INDEX) => [
        "attach: InvalidParameterValue (400)",
    ];
    an_eni_that_is_attached_is_in_use, SimOnly("moto attaches it again, under another attachment") => [
        "attach: eni-attach-1",
        "to the same instance: InvalidNetworkInterface.InUse (400)",
        "to another instance: InvalidNetworkInterface.InUse (400)",
    ];
    an_instance_takes_as_many_as_its_type, SimOnly("moto has no limit by type") => [
        "at 1: eni-attach-1",
        "at 2: eni-attach-2",
        "at 3: AttachmentLimitExceeded (400)",
    ];
    another_zone_is_refused, SimOnly("moto does not compare zones") => [
        "attach: InvalidParameterCombination (400)",
    ];
    a_pending_instance_is_not_ready, SimOnly(ANY_STATE), set |settings| settings.start = Duration::from_secs(9) => [
        "pending: IncorrectState (400)",
        "running: eni-attach-1",
    ];
    a_terminated_instance_is_refused, SimOnly(ANY_STATE) => [
        "attach: IncorrectState (400)",
    ];
    a_stopped_instance_takes_an_eni, Both => [
        "attach: eni-attach-1",
        "ENI: in-use, attached on i-1 card 0 index 1 by eni-attach-1, kept without it",
    ];
    an_unknown_eni_is_not_found, Both => [
        "attach: InvalidNetworkInterfaceID.NotFound (400)",
    ];
    an_unknown_instance_is_not_found, Both => [
        "attach: InvalidInstanceID.NotFound (400)",
    ];
    a_dry_run_attaches_nothing, Both => [
        "attach: DryRunOperation (412)",
        "ENI: available, on nothing",
    ];
    every_card_counts_its_indexes, SimOnly(CARD_0) => [
        "card 0: eni-attach-1",
        "card 1: eni-attach-2",
        "second: in-use, attached on i-1 card 1 index 1 by eni-attach-2, kept without it",
    ];
    a_card_that_the_type_lacks_is_refused, SimOnly(CARD_0) => [
        "attach: InvalidParameterValue (400)",
    ];
    every_card_has_a_limit, SimOnly(CARD_0) => [
        "ENI 16 on card 1: AttachmentLimitExceeded (400)",
    ];
    an_efa_is_not_attached_to_a_running_instance, SimOnly("moto ignores InterfaceType") => [
        "attach: IncorrectInstanceState (400)",
    ];
}

/// Attaches at an index of a card, and tells the outcome.
async fn attach(world: &mut World, asked: &str, eni: &str, instance: &str, at: (i32, i32)) {
    let request = world.ec2.attach_network_interface().network_interface_id(eni).instance_id(instance);
    let answer = request.network_card_index(at.0).device_index(at.1).send().await;
    world.note(asked, said(answer, |answer| answer.attachment_id.unwrap()));
}

async fn tell(world: &mut World, asked: &str, eni: &str) {
    world.note(asked, render::hold(&world.eni(eni).await));
}

async fn an_eni_hangs_where_it_was_asked_to(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    attach(world, "attach", &eni, &instance, (0, 1)).await;
    tell(world, "ENI", &eni).await;
}

async fn an_attach_takes_time(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    attach(world, "attach", &eni, &instance, (0, 1)).await;
    tell(world, "at once", &eni).await;
    world.pass(Duration::from_millis(1900));
    tell(world, "after 1.9 s", &eni).await;
    world.pass(Duration::from_millis(200));
    tell(world, "after 2.1 s", &eni).await;
}

async fn an_index_is_held_while_attaching(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let (first, second) = (world.new_eni().await, world.new_eni().await);
    attach(world, "first", &first, &instance, (0, 1)).await;
    attach(world, "second", &second, &instance, (0, 1)).await;
}

async fn an_index_that_is_taken_is_refused(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let (first, second) = (world.new_eni().await, world.new_eni().await);
    attach(world, "first", &first, &instance, (0, 1)).await;
    attach(world, "second", &second, &instance, (0, 1)).await;
    tell(world, "first", &first).await;
    tell(world, "second", &second).await;
}

async fn the_primary_enis_index_is_taken(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    attach(world, "attach", &eni, &instance, (0, 0)).await;
}

async fn an_eni_that_is_attached_is_in_use(world: &mut World) {
    let (instance, other) = (world.new_instance("m5.large").await, world.new_instance("m5.large").await);
    let eni = world.new_eni().await;
    attach(world, "attach", &eni, &instance, (0, 1)).await;
    attach(world, "to the same instance", &eni, &instance, (0, 2)).await;
    attach(world, "to another instance", &eni, &other, (0, 1)).await;
}

async fn an_instance_takes_as_many_as_its_type(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    for index in 1..=3 {
        let eni = world.new_eni().await;
        attach(world, &format!("at {index}"), &eni, &instance, (0, index)).await;
    }
}

async fn another_zone_is_refused(world: &mut World) {
    let far = world.far_subnet.clone();
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni_in(&far, &[]).await);
    attach(world, "attach", &eni, &instance, (0, 1)).await;
}

async fn a_pending_instance_is_not_ready(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    attach(world, "pending", &eni, &instance, (0, 1)).await;
    world.pass(Duration::from_secs(10));
    attach(world, "running", &eni, &instance, (0, 1)).await;
}

async fn a_terminated_instance_is_refused(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.ec2.terminate_instances().instance_ids(&instance).send().await.unwrap();
    attach(world, "attach", &eni, &instance, (0, 1)).await;
}

async fn a_stopped_instance_takes_an_eni(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.ec2.stop_instances().instance_ids(&instance).send().await.unwrap();
    attach(world, "attach", &eni, &instance, (0, 1)).await;
    tell(world, "ENI", &eni).await;
}

async fn an_unknown_eni_is_not_found(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    attach(world, "attach", "eni-0123456789abcdef0", &instance, (0, 1)).await;
}

async fn an_unknown_instance_is_not_found(world: &mut World) {
    let eni = world.new_eni().await;
    attach(world, "attach", &eni, "i-0123456789abcdef0", (0, 1)).await;
}

async fn a_dry_run_attaches_nothing(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let request = world.ec2.attach_network_interface().network_interface_id(&eni).instance_id(instance);
    let answer = request.device_index(1).dry_run(true).send().await;
    world.note("attach", said(answer, |_| "attached".to_owned()));
    tell(world, "ENI", &eni).await;
}

async fn every_card_counts_its_indexes(world: &mut World) {
    let instance = world.new_instance("p4d.24xlarge").await;
    let (first, second) = (world.new_eni().await, world.new_eni().await);
    attach(world, "card 0", &first, &instance, (0, 1)).await;
    attach(world, "card 1", &second, &instance, (1, 1)).await;
    tell(world, "second", &second).await;
}

async fn a_card_that_the_type_lacks_is_refused(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    attach(world, "attach", &eni, &instance, (1, 1)).await;
}

async fn every_card_has_a_limit(world: &mut World) {
    let instance = world.new_instance("p4d.24xlarge").await;
    for index in 1..=16 {
        let eni = world.new_eni().await;
        let request = world.ec2.attach_network_interface().network_interface_id(eni).instance_id(&instance);
        let answer = request.network_card_index(1).device_index(index).send().await;
        if let Err(error) = answer {
            world.note(&format!("ENI {index} on card 1"), said::<(), _>(Err(error), |()| String::new()));
        }
    }
}

async fn an_efa_is_not_attached_to_a_running_instance(world: &mut World) {
    let instance = world.new_instance("p4d.24xlarge").await;
    let request = world.ec2.create_network_interface().subnet_id(&world.subnet).groups(&world.group);
    let answer = request.interface_type("efa".into()).send().await.unwrap();
    let eni = answer.network_interface.unwrap().network_interface_id.unwrap();
    attach(world, "attach", &eni, &instance, (1, 1)).await;
}
