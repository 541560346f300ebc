//! `DescribeInstanceTypes`.

use aws_sdk_ec2::types::{Filter, InstanceType};

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, said},
    world::World,
};

const KINDS: [&str; 6] =
    ["m5.large", "t3.small", "c5.18xlarge", "m6i.32xlarge", "p4d.24xlarge", "m8g.medium"];

cases! {
    a_type_is_told_card_by_card, Both => [
        "type: m5.large 3 ENIs [0:3], 10 IPv4, 10 IPv6",
        "type: t3.small 3 ENIs [0:3], 4 IPv4, 4 IPv6",
        "type: c5.18xlarge 15 ENIs [0:15], 50 IPv4, 50 IPv6",
        "type: m6i.32xlarge 15 ENIs [0:15], 50 IPv4, 50 IPv6",
        "type: p4d.24xlarge 60 ENIs [0:15 1:15 2:15 3:15], 50 IPv4, 50 IPv6",
        "type: m8g.medium 2 ENIs [0:2], 4 IPv4, 4 IPv6",
    ];
    a_missing_type_is_left_out_of_a_filter, Both => [
        "one of two: m5.large 3 ENIs [0:3], 10 IPv4, 10 IPv6",
        "none: none",
    ];
    a_missing_type_by_name_fails_the_call, Both => [
        "describe: InvalidInstanceType (400)",
    ];
    types_come_in_pages, SimOnly("moto ignores MaxResults") => [
        "first page: 100",
        "and more: true",
    ];
    a_page_has_at_most_a_hundred, SimOnly("moto ignores MaxResults") => [
        "101: InvalidParameterValue (400)",
    ];
}

async fn tell(world: &mut World, asked: &str, kinds: &[&str]) {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let filter = Filter::builder().name("instance-type").set_values(Some(kinds)).build();
    let answer = world.ec2.describe_instance_types().filters(filter).send().await.unwrap();
    let told: Vec<_> = answer.instance_types().iter().map(render::instance_type).collect();
    world.note_all(asked, &told);
}

async fn a_type_is_told_card_by_card(world: &mut World) {
    for kind in KINDS {
        tell(world, "type", &[kind]).await;
    }
}

async fn a_missing_type_is_left_out_of_a_filter(world: &mut World) {
    tell(world, "one of two", &["m5.large", "m5.tiny"]).await;
    tell(world, "none", &["m5.tiny"]).await;
}

async fn a_missing_type_by_name_fails_the_call(world: &mut World) {
    let request = world.ec2.describe_instance_types().instance_types(InstanceType::from("m5.tiny"));
    world.note("describe", said(request.send().await, |answer| answer.instance_types().len().to_string()));
}

async fn types_come_in_pages(world: &mut World) {
    let page = world.ec2.describe_instance_types().max_results(100).send().await.unwrap();
    world.note("first page", page.instance_types().len().to_string());
    world.note("and more", page.next_token().is_some().to_string());
}

async fn a_page_has_at_most_a_hundred(world: &mut World) {
    let answer = world.ec2.describe_instance_types().max_results(101).send().await;
    world.note("101", said(answer, |answer| answer.instance_types().len().to_string()));
}
