//! `DeleteNetworkInterface`.

use std::time::Duration;

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{done, said},
    world::World,
};

const WHILE_ATTACHED: &str = "moto deletes an ENI that is attached";

cases! {
    a_deleted_eni_is_gone, Both => [
        "delete: done",
        "by id: InvalidNetworkInterfaceID.NotFound (400)",
        "by filter: 0",
    ];
    a_second_delete_finds_nothing, Both => [
        "first: done",
        "second: InvalidNetworkInterfaceID.NotFound (400)",
    ];
    an_unknown_eni_is_not_found, Both => [
        "delete: InvalidNetworkInterfaceID.NotFound (400)",
    ];
    an_attached_eni_is_in_use, SimOnly(WHILE_ATTACHED) => [
        "delete: InvalidParameterValue (400)",
    ];
    an_eni_is_in_use_until_it_is_detached, SimOnly(WHILE_ATTACHED), set |settings| settings.detach = Duration::from_secs(3) => [
        "while detaching: InvalidParameterValue (400)",
        "afterwards: done",
    ];
    a_dry_run_deletes_nothing, Both => [
        "delete: DryRunOperation (412)",
        "listed: 1",
    ];
    a_subnet_with_an_eni_stays, SimOnly("moto deletes a subnet that is in use") => [
        "delete: DependencyViolation (400)",
    ];
    a_group_of_an_eni_stays, SimOnly("moto deletes a group that is in use") => [
        "delete: DependencyViolation (400)",
    ];
}

async fn delete(world: &mut World, asked: &str, eni: &str) {
    let answer = world.ec2.delete_network_interface().network_interface_id(eni).send().await;
    world.note(asked, said(answer, done));
}

async fn a_deleted_eni_is_gone(world: &mut World) {
    let eni = world.new_eni().await;
    delete(world, "delete", &eni).await;
    let by_id = world.ec2.describe_network_interfaces().network_interface_ids(&eni).send().await;
    world.note("by id", said(by_id, |_| "listed".to_owned()));
    world.note("by filter", world.enis(&[("network-interface-id", &eni)]).await.len().to_string());
}

async fn a_second_delete_finds_nothing(world: &mut World) {
    let eni = world.new_eni().await;
    delete(world, "first", &eni).await;
    delete(world, "second", &eni).await;
}

async fn an_unknown_eni_is_not_found(world: &mut World) {
    delete(world, "delete", "eni-0123456789abcdef0").await;
}

async fn an_attached_eni_is_in_use(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 1).await;
    delete(world, "delete", &eni).await;
}

async fn an_eni_is_in_use_until_it_is_detached(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    world.ec2.detach_network_interface().attachment_id(attachment).send().await.unwrap();
    delete(world, "while detaching", &eni).await;
    world.pass(Duration::from_millis(3100));
    delete(world, "afterwards", &eni).await;
}

async fn a_dry_run_deletes_nothing(world: &mut World) {
    let eni = world.new_eni().await;
    let answer = world.ec2.delete_network_interface().network_interface_id(&eni).dry_run(true).send().await;
    world.note("delete", said(answer, done));
    world.note("listed", world.enis(&[("network-interface-id", &eni)]).await.len().to_string());
}

async fn a_subnet_with_an_eni_stays(world: &mut World) {
    world.new_eni().await;
    let answer = world.ec2.delete_subnet().subnet_id(&world.subnet).send().await;
    world.note("delete", said(answer, done));
}

async fn a_group_of_an_eni_stays(world: &mut World) {
    world.new_eni().await;
    let answer = world.ec2.delete_security_group().group_id(&world.group).send().await;
    world.note("delete", said(answer, done));
}
