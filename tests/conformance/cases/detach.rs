//! `DetachNetworkInterface`.

use std::time::Duration;

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, done, said},
    world::World,
};

const AT_ONCE: &str = "moto detaches at once";

cases! {
    a_detached_eni_is_available, Both => [
        "detach: done",
        "ENI: available, on nothing",
    ];
    a_detach_takes_time, SimOnly(AT_ONCE), set |settings| settings.detach = Duration::from_secs(3) => [
        "detach: done",
        "at once: in-use, detaching on i-1 card 0 index 1 by eni-attach-1, kept without it",
        "after 3.1 s: available, on nothing",
    ];
    an_index_is_held_while_detaching, SimOnly(AT_ONCE), set |settings| settings.detach = Duration::from_secs(3) => [
        "detach: done",
        "attach at once: InvalidParameterValue (400)",
        "attach after 3.1 s: eni-attach-2",
    ];
    a_detach_with_force_is_taken, Both => [
        "detach: done",
        "ENI: available, on nothing",
    ];
    a_second_detach_finds_no_attachment, Both => [
        "first: done",
        "second: InvalidAttachmentID.NotFound (400)",
    ];
    an_unknown_attachment_is_not_found, Both => [
        "detach: InvalidAttachmentID.NotFound (400)",
    ];
    the_only_eni_is_not_detached, Both => [
        "detach: OperationNotPermitted (400)",
    ];
    the_primary_eni_is_not_detached, SimOnly("moto detaches it, and then fails to describe the instance") => [
        "force false: OperationNotPermitted (400)",
        "force true: OperationNotPermitted (400)",
    ];
    a_stopped_instance_lets_go, Both => [
        "detach: done",
        "ENI: available, on nothing",
    ];
    every_attach_has_an_attachment_of_its_own, Both => [
        "first: done",
        "ENI: in-use, attached on i-1 card 0 index 2 by eni-attach-2, kept without it",
        "first again: InvalidAttachmentID.NotFound (400)",
    ];
}

async fn detach(world: &mut World, asked: &str, attachment: &str, force: bool) {
    let answer = world.ec2.detach_network_interface().attachment_id(attachment).force(force).send().await;
    world.note(asked, said(answer, done));
}

async fn tell(world: &mut World, asked: &str, eni: &str) {
    world.note(asked, render::hold(&world.eni(eni).await));
}

async fn a_detached_eni_is_available(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    detach(world, "detach", &attachment, false).await;
    tell(world, "ENI", &eni).await;
}

async fn a_detach_takes_time(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    detach(world, "detach", &attachment, false).await;
    tell(world, "at once", &eni).await;
    world.pass(Duration::from_millis(3100));
    tell(world, "after 3.1 s", &eni).await;
}

async fn an_index_is_held_while_detaching(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let (attachment, other) = (world.attached(&eni, &instance, 1).await, world.new_eni().await);
    detach(world, "detach", &attachment, false).await;
    for asked in ["attach at once", "attach after 3.1 s"] {
        let request = world.ec2.attach_network_interface().network_interface_id(&other);
        let answer = request.instance_id(&instance).device_index(1).send().await;
        world.note(asked, said(answer, |answer| answer.attachment_id.unwrap()));
        world.pass(Duration::from_millis(3100));
    }
}

async fn a_detach_with_force_is_taken(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    detach(world, "detach", &attachment, true).await;
    tell(world, "ENI", &eni).await;
}

async fn a_second_detach_finds_no_attachment(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    detach(world, "first", &attachment, false).await;
    detach(world, "second", &attachment, false).await;
}

async fn an_unknown_attachment_is_not_found(world: &mut World) {
    detach(world, "detach", "eni-attach-0123456789abcdef0", false).await;
}

/// The attachment of an instance's primary ENI.
async fn primary(world: &World, instance: &str) -> String {
    let listed = world.ec2.describe_instances().instance_ids(instance).send().await.unwrap();
    let enis = listed.reservations()[0].instances()[0].network_interfaces();
    let attachments = enis.iter().filter_map(|eni| eni.attachment());
    let mut first = attachments.filter(|attachment| attachment.device_index() == Some(0));
    first.next().unwrap().attachment_id().unwrap().to_owned()
}

async fn the_only_eni_is_not_detached(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let attachment = primary(world, &instance).await;
    detach(world, "detach", &attachment, false).await;
}

async fn the_primary_eni_is_not_detached(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 1).await;
    let attachment = primary(world, &instance).await;
    for force in [false, true] {
        detach(world, &format!("force {force}"), &attachment, force).await;
    }
}

async fn a_stopped_instance_lets_go(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    world.ec2.stop_instances().instance_ids(&instance).send().await.unwrap();
    detach(world, "detach", &attachment, false).await;
    tell(world, "ENI", &eni).await;
}

async fn every_attach_has_an_attachment_of_its_own(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let first = world.attached(&eni, &instance, 1).await;
    detach(world, "first", &first, false).await;
    world.attached(&eni, &instance, 2).await;
    tell(world, "ENI", &eni).await;
    detach(world, "first again", &first, false).await;
}
