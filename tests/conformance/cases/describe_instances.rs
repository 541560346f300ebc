//! `DescribeInstances`, and what becomes of ENIs with their instance.

use std::time::Duration;

use aws_sdk_ec2::types::{
    Filter, InstanceNetworkInterfaceSpecification, NetworkInterfaceAttachment,
    NetworkInterfaceAttachmentChanges, Reservation,
};

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, done, said},
    world::World,
};

cases! {
    an_instance_is_told_with_its_enis, Both => [
        "alone: i-1 running m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1]",
        "with an ENI: i-1 running m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1, 0:2 attached eni-2]",
    ];
    a_missing_instance_is_left_out_of_a_filter, Both => [
        "unknown: none",
    ];
    one_missing_id_fails_the_call, Both => [
        "describe: InvalidInstanceID.NotFound (400)",
    ];
    an_instance_starts_and_stops_in_its_time, SimOnly("moto's instances are in their last state at once"), set |settings| {
        settings.start = Duration::from_secs(10);
        settings.stop = Duration::from_secs(10);
    } => [
        "started: i-1 pending m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attaching eni-1]",
        "after 11 s: i-1 running m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1]",
        "told to stop: i-1 stopping m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1]",
        "after 22 s: i-1 stopped m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1]",
    ];
    a_stopped_instance_keeps_its_enis, Both => [
        "stopped: i-1 stopped m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1, 0:1 attached eni-2]",
        "ENI: in-use, attached on i-1 card 0 index 1 by eni-attach-1, kept without it",
        "started: i-1 running m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1, 0:1 attached eni-2]",
    ];
    an_eni_kept_without_its_instance_becomes_available, SimOnly("moto's ENIs stay in use on the dead instance") => [
        "ENI: available, on nothing",
    ];
    an_eni_deleted_with_its_instance_is_gone, SimOnly("moto does not store DeleteOnTermination") => [
        "listed: 0",
    ];
    a_terminated_instance_is_listed_without_enis, SimOnly("moto lists the ENIs of a terminated instance") => [
        "at once: i-1 terminated m5.large in nothing nothing us-east-1a, []",
        "after 2 h: none",
    ];
    a_primary_eni_is_deleted_with_its_instance, SimOnly("moto keeps a primary ENI by default") => [
        "primary: in-use, attached on i-1 card 0 index 0 by eni-attach-1, deleted with it",
    ];
    enis_of_a_launch_are_told_like_attached_ones, Both => [
        "ENI: in-use, attached on i-1 card 0 index 0 by eni-attach-1, deleted with it",
        "ENI: in-use, attached on i-1 card 0 index 1 by eni-attach-2, deleted with it",
    ];
    instances_come_in_pages, Both => [
        "first page: 5",
        "second page: 2",
        "and more: false",
    ];
    an_attaching_eni_is_among_the_instances, SimOnly("moto attaches at once"), set |settings| {
        settings.attach = Duration::from_secs(2);
    } => [
        "at once: i-1 running m5.large in subnet-1 vpc-1 us-east-1a, [0:0 attached eni-1, 0:1 attaching eni-2]",
    ];
}

async fn tell(world: &mut World, asked: &str, instance: &str) {
    let filter = Filter::builder().name("instance-id").values(instance).build();
    let answer = world.ec2.describe_instances().filters(filter).send().await.unwrap();
    let instances = answer.reservations().iter().flat_map(Reservation::instances);
    let told: Vec<_> = instances.map(render::instance).collect();
    world.note_all(asked, &told);
}

async fn an_instance_is_told_with_its_enis(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    tell(world, "alone", &instance).await;
    world.attached(&eni, &instance, 2).await;
    tell(world, "with an ENI", &instance).await;
}

async fn a_missing_instance_is_left_out_of_a_filter(world: &mut World) {
    tell(world, "unknown", "i-0123456789abcdef0").await;
}

async fn one_missing_id_fails_the_call(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let request = world.ec2.describe_instances().instance_ids(instance).instance_ids("i-0123456789abcdef0");
    world.note("describe", said(request.send().await, done));
}

async fn an_instance_starts_and_stops_in_its_time(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    tell(world, "started", &instance).await;
    world.pass(Duration::from_secs(11));
    tell(world, "after 11 s", &instance).await;
    world.ec2.stop_instances().instance_ids(&instance).send().await.unwrap();
    tell(world, "told to stop", &instance).await;
    world.pass(Duration::from_secs(11));
    tell(world, "after 22 s", &instance).await;
}

async fn a_stopped_instance_keeps_its_enis(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 1).await;
    world.ec2.stop_instances().instance_ids(&instance).send().await.unwrap();
    tell(world, "stopped", &instance).await;
    world.note("ENI", render::hold(&world.eni(&eni).await));
    world.ec2.start_instances().instance_ids(&instance).send().await.unwrap();
    tell(world, "started", &instance).await;
}

async fn an_eni_kept_without_its_instance_becomes_available(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 1).await;
    world.ec2.terminate_instances().instance_ids(&instance).send().await.unwrap();
    world.note("ENI", render::hold(&world.eni(&eni).await));
}

async fn an_eni_deleted_with_its_instance_is_gone(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    let change =
        NetworkInterfaceAttachmentChanges::builder().attachment_id(attachment).delete_on_termination(true);
    let request = world.ec2.modify_network_interface_attribute().network_interface_id(&eni);
    request.attachment(change.build()).send().await.unwrap();
    world.ec2.terminate_instances().instance_ids(&instance).send().await.unwrap();
    world.note("listed", world.enis(&[("network-interface-id", &eni)]).await.len().to_string());
}

async fn a_terminated_instance_is_listed_without_enis(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    world.ec2.terminate_instances().instance_ids(&instance).send().await.unwrap();
    tell(world, "at once", &instance).await;
    world.pass(Duration::from_hours(2));
    tell(world, "after 2 h", &instance).await;
}

async fn a_primary_eni_is_deleted_with_its_instance(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let listed = world.enis(&[("attachment.instance-id", &instance)]).await;
    world.note("primary", render::hold(&listed[0]));
}

async fn enis_of_a_launch_are_told_like_attached_ones(world: &mut World) {
    let spec = |index: i32| {
        InstanceNetworkInterfaceSpecification::builder()
            .device_index(index)
            .subnet_id(&world.subnet)
            .groups(&world.group)
            .delete_on_termination(true)
            .build()
    };
    let request = world.ec2.run_instances().image_id("ami-12c6146b").instance_type("m5.large".into());
    let request = request.min_count(1).max_count(1).network_interfaces(spec(0)).network_interfaces(spec(1));
    let answer = request.send().await.unwrap();
    let instance = answer.instances()[0].instance_id().unwrap().to_owned();
    let mut listed = world.enis(&[("attachment.instance-id", &instance)]).await;
    listed.sort_by_key(|eni| eni.attachment().and_then(NetworkInterfaceAttachment::device_index));
    for eni in listed {
        world.note("ENI", render::hold(&eni));
    }
}

async fn instances_come_in_pages(world: &mut World) {
    for _ in 0..7 {
        world.new_instance("m5.large").await;
    }
    let filter = Filter::builder().name("vpc-id").values(&world.vpc).build();
    let request = world.ec2.describe_instances().filters(filter).max_results(5);
    let page = request.clone().send().await.unwrap();
    let count = |page: &[Reservation]| -> usize {
        page.iter().map(|reservation| reservation.instances().len()).sum()
    };
    world.note("first page", count(page.reservations()).to_string());
    let page = request.set_next_token(page.next_token).send().await.unwrap();
    world.note("second page", count(page.reservations()).to_string());
    let more = page.next_token().is_some_and(|token| !token.is_empty());
    world.note("and more", more.to_string());
}

async fn an_attaching_eni_is_among_the_instances(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 1).await;
    tell(world, "at once", &instance).await;
}
