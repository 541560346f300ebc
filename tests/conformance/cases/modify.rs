//! `ModifyNetworkInterfaceAttribute`.

use aws_sdk_ec2::{
    operation::modify_network_interface_attribute::builders::ModifyNetworkInterfaceAttributeFluentBuilder as Request,
    types::{AttributeBooleanValue, AttributeValue, NetworkInterfaceAttachmentChanges},
};

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, done, said},
    world::World,
};

const NO_DELETE_ON_TERMINATION: &str = "moto answers yes to DeleteOnTermination and does not store it";

cases! {
    source_dest_check_is_set, Both => [
        "check false: done",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], check false, on nothing",
        "check true: done",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], on nothing",
    ];
    groups_are_replaced, Both => [
        "modify: done",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-2, sg-3], on nothing",
    ];
    the_description_is_set, Both => [
        "modify: done",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], \"ours\", on nothing",
    ];
    the_description_can_be_emptied, SimOnly("moto ignores an empty description") => [
        "modify: done",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], \"ours\", on nothing",
        "modify: done",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], on nothing",
    ];
    delete_on_termination_is_set, SimOnly(NO_DELETE_ON_TERMINATION) => [
        "true: done",
        "listed: in-use, attached on i-1 card 0 index 1 by eni-attach-1, deleted with it",
        "false: done",
        "listed: in-use, attached on i-1 card 0 index 1 by eni-attach-1, kept without it",
    ];
    an_unknown_attachment_is_not_found, SimOnly(NO_DELETE_ON_TERMINATION) => [
        "modify: InvalidAttachmentID.NotFound (400)",
    ];
    two_attributes_at_once_are_refused, SimOnly("moto sets them both") => [
        "modify: InvalidParameterCombination (400)",
    ];
    an_unknown_eni_is_not_found, Both => [
        "modify: InvalidNetworkInterfaceID.NotFound (400)",
    ];
    an_unknown_group_is_not_found, SimOnly("moto accepts any security group") => [
        "modify: InvalidSecurityGroupID.NotFound (400)",
    ];
    a_group_of_another_vpc_is_refused, SimOnly("moto accepts any security group") => [
        "modify: InvalidParameter (400)",
    ];
}

fn request(world: &World, eni: &str) -> Request {
    world.ec2.modify_network_interface_attribute().network_interface_id(eni)
}

fn check(on: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(on).build()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::builder().value(text).build()
}

async fn modify(world: &mut World, asked: &str, request: Request) {
    world.note(asked, said(request.send().await, done));
}

async fn tell(world: &mut World, eni: &str) {
    world.note("listed", render::eni(&world.eni(eni).await));
}

async fn source_dest_check_is_set(world: &mut World) {
    let eni = world.new_eni().await;
    for on in [false, true] {
        let request = request(world, &eni).source_dest_check(check(on));
        modify(world, &format!("check {on}"), request).await;
        tell(world, &eni).await;
    }
}

async fn groups_are_replaced(world: &mut World) {
    let (eni, vpc) = (world.new_eni().await, world.vpc.clone());
    let (one, two) = (world.new_group(&vpc, "one", "1").await, world.new_group(&vpc, "two", "2").await);
    let request = request(world, &eni).groups(one).groups(two);
    modify(world, "modify", request).await;
    tell(world, &eni).await;
}

async fn the_description_is_set(world: &mut World) {
    let eni = world.new_eni().await;
    let request = request(world, &eni).description(text("ours"));
    modify(world, "modify", request).await;
    tell(world, &eni).await;
}

async fn the_description_can_be_emptied(world: &mut World) {
    let eni = world.new_eni().await;
    for words in ["ours", ""] {
        let request = request(world, &eni).description(text(words));
        modify(world, "modify", request).await;
        tell(world, &eni).await;
    }
}

fn deleted_with_it(attachment: &str, on: bool) -> NetworkInterfaceAttachmentChanges {
    NetworkInterfaceAttachmentChanges::builder().attachment_id(attachment).delete_on_termination(on).build()
}

async fn delete_on_termination_is_set(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    for on in [true, false] {
        let request = request(world, &eni).attachment(deleted_with_it(&attachment, on));
        modify(world, &format!("{on}"), request).await;
        world.note("listed", render::hold(&world.eni(&eni).await));
    }
}

async fn an_unknown_attachment_is_not_found(world: &mut World) {
    let eni = world.new_eni().await;
    let request = request(world, &eni).attachment(deleted_with_it("eni-attach-0123456789abcdef0", true));
    modify(world, "modify", request).await;
}

async fn two_attributes_at_once_are_refused(world: &mut World) {
    let eni = world.new_eni().await;
    let request = request(world, &eni).source_dest_check(check(false)).description(text("ours"));
    modify(world, "modify", request).await;
}

async fn an_unknown_eni_is_not_found(world: &mut World) {
    let request = request(world, "eni-0123456789abcdef0").source_dest_check(check(false));
    modify(world, "modify", request).await;
}

async fn an_unknown_group_is_not_found(world: &mut World) {
    let eni = world.new_eni().await;
    let request = request(world, &eni).groups("sg-0123456789abcdef0");
    modify(world, "modify", request).await;
}

async fn a_group_of_another_vpc_is_refused(world: &mut World) {
    let (eni, vpc) = (world.new_eni().await, world.new_vpc("10.7.0.0/16").await);
    let group = world.new_group(&vpc, "other", "Other").await;
    let request = request(world, &eni).groups(group);
    modify(world, "modify", request).await;
}
